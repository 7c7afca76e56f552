"""The simulated venue: its configuration and models."""

from tradewright.sim.config import (
    Account,
    ConstantLatency,
    Costs,
    Fills,
    Latency,
    LogNormal,
    Quantiles,
    RecordedLatency,
    SampledLatency,
    Venue,
)

__all__ = [
    "Account",
    "ConstantLatency",
    "Costs",
    "Fills",
    "Latency",
    "LogNormal",
    "Quantiles",
    "RecordedLatency",
    "SampledLatency",
    "Venue",
]
