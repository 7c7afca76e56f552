"""The simulated venue's configuration as plain values, as the core takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright.sim.config import (
    ExactQueue,
    LogNormal,
    ProbabilisticQueue,
    Quantiles,
    Queue,
    RecordedLatency,
    SampledLatency,
)

if TYPE_CHECKING:
    from tradewright.sim.config import Venue


def plain_venue(venue: Venue, seed: int) -> dict[str, Any]:
    """The venue's configuration as plain values."""
    latency = venue.latency
    if isinstance(latency, SampledLatency):
        plain: dict[str, Any] = {
            "type": "sampled",
            "seed": seed if latency.seed is None else latency.seed,
            "entry": _distribution(latency.entry),
            "response": _distribution(latency.response),
        }
    elif isinstance(latency, RecordedLatency):
        plain = {
            "type": "recorded",
            "at_ns": list(latency.at_ns),
            "entry_ns": list(latency.entry_ns),
            "response_ns": list(latency.response_ns),
        }
    else:
        plain = {"type": "constant", "entry_ns": latency.entry_ns, "response_ns": latency.response_ns}
    share = venue.fills.participation_max
    return {
        "latency": plain,
        "decision_ns": venue.decision_ns,
        "fills": {
            "timing": venue.fills.timing,
            "path": venue.fills.path,
            "touch_fills": venue.fills.touch_fills,
            "participation_max": None if share == "unlimited" else share,
            "zero_volume_fills": venue.fills.zero_volume_fills,
            "displayed_size_caps": venue.fills.displayed_size_caps,
            "queue": plain_queue(venue.fills.queue),
            "exact_orders": isinstance(venue.fills.queue, ExactQueue | None),
            "priority": plain_priority(venue.fills.queue),
            "partial": venue.fills.partial,
        },
        "cancel_on_pause": venue.cancel_on_pause,
        "cancel_off_grid": venue.cancel_off_grid,
        "costs": {name: getattr(venue.costs, name) for name in venue.costs.__struct_fields__},
    }


def plain_queue(queue: Queue | None) -> dict[str, Any]:
    """The model for books of levels."""
    if isinstance(queue, ProbabilisticQueue):
        return {"type": queue.form, "exponent": queue.exponent}
    return {"type": "risk_averse"}


def plain_priority(queue: Queue | None) -> str:
    """When a modified order of a book of orders keeps its place."""
    return (queue if isinstance(queue, ExactQueue) else ExactQueue()).priority


def _distribution(distribution: LogNormal | Quantiles) -> dict[str, Any]:
    if isinstance(distribution, LogNormal):
        return {"type": "lognormal", "median_ns": distribution.median_ns, "sigma": distribution.sigma}
    return {"type": "quantiles", "quantiles_ns": list(distribution.quantiles_ns)}
