"""The simulated venue: its configuration and models, and the matching engine."""

from tradewright.sim.config import (
    Account,
    ConstantLatency,
    Costs,
    Fills,
    Latency,
    LogNormal,
    ProbabilisticQueue,
    Quantiles,
    Queue,
    RecordedLatency,
    RiskAverseQueue,
    SampledLatency,
    Venue,
)
from tradewright.sim.matching import MatchingEngine

__all__ = [
    "Account",
    "ConstantLatency",
    "Costs",
    "Fills",
    "Latency",
    "LogNormal",
    "MatchingEngine",
    "ProbabilisticQueue",
    "Quantiles",
    "Queue",
    "RecordedLatency",
    "RiskAverseQueue",
    "SampledLatency",
    "Venue",
]
