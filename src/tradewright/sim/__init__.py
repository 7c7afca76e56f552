"""The simulated venue: its configuration and models, the matching engine, and generated markets."""

from tradewright.sim.config import (
    Account,
    ConstantLatency,
    Costs,
    ExactQueue,
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
from tradewright.sim.exchange import GeneratedExchange
from tradewright.sim.flow import (
    Flow,
    FlowCounts,
    GeneratedMarket,
    HawkesFlow,
    InformedFlow,
    PoissonFlow,
    generate,
)
from tradewright.sim.matching import MatchingEngine

__all__ = [
    "Account",
    "ConstantLatency",
    "Costs",
    "ExactQueue",
    "Fills",
    "Flow",
    "FlowCounts",
    "GeneratedExchange",
    "GeneratedMarket",
    "HawkesFlow",
    "InformedFlow",
    "Latency",
    "LogNormal",
    "MatchingEngine",
    "PoissonFlow",
    "ProbabilisticQueue",
    "Quantiles",
    "Queue",
    "RecordedLatency",
    "RiskAverseQueue",
    "SampledLatency",
    "Venue",
    "generate",
]
