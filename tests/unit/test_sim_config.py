from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

import tradewright as tw
from tradewright import sim


def test_toml_of_the_guide_decodes() -> None:
    venue = msgspec.toml.decode(
        """
        decision_ns = 250_000
        latency = { type = "constant", entry_ns = 10_000_000, response_ns = 10_000_000 }
        fills = { participation_max = 0.1, path = "open_low_high_close" }
        costs = { half_spread_min_bps = 1, impact_base_bps = 10.0 }
        """,
        type=sim.Venue,
    )
    assert venue == sim.Venue(
        decision_ns=250_000,
        latency=sim.ConstantLatency(entry_ns=10_000_000, response_ns=10_000_000),
        fills=sim.Fills(participation_max=0.1, path="open_low_high_close"),
        costs=sim.Costs(half_spread_min_bps=1.0, impact_base_bps=10.0),
    )


@pytest.mark.parametrize(
    ("text", "queue"),
    [
        ('type = "risk_averse"', tw.RiskAverseQueue()),
        ('type = "probabilistic"\nform = "log"', tw.ProbabilisticQueue(form="log")),
        ('type = "exact"\npriority = "always_lost"', sim.ExactQueue(priority="always_lost")),
        ('type = "probabilistic"\nexponent = 2', tw.ProbabilisticQueue(form="power", exponent=2.0)),
    ],
)
def test_queue_models_are_named_in_toml(text: str, queue: sim.Queue) -> None:
    raw = tomllib.loads(f'clock = "venue"\n[fills]\npartial = false\n[fills.queue]\n{text}\n')
    expected = sim.Venue(clock="venue", fills=sim.Fills(partial=False, queue=queue))
    assert msgspec.convert(raw, sim.Venue) == expected
    assert msgspec.json.decode(msgspec.json.encode(expected), type=sim.Venue) == expected


@pytest.mark.parametrize(
    "latency",
    [
        sim.ConstantLatency(entry_ns=1, response_ns=2),
        sim.SampledLatency(
            entry=sim.LogNormal(median_ns=5, sigma=0.5),
            response=sim.Quantiles(quantiles_ns=(1, 2, 9)),
            seed=3,
        ),
        sim.RecordedLatency(at_ns=(0, 5), entry_ns=(1, 2), response_ns=(3, 4)),
    ],
)
def test_every_latency_survives_a_round_trip(latency: sim.Latency) -> None:
    venue = sim.Venue(latency=latency)
    assert msgspec.json.decode(msgspec.json.encode(venue), type=sim.Venue) == venue


def test_defaults_cost_and_delay_nothing() -> None:
    assert sim.Venue().latency == sim.ConstantLatency(entry_ns=0, response_ns=0)
    assert (sim.Costs().half_spread_min_bps, sim.Costs().impact_base_bps) == (0.0, 0.0)


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        (sim.ConstantLatency, {"entry_ns": -1}, "entry_ns"),
        (sim.LogNormal, {"median_ns": 1, "sigma": NAN}, "sigma"),
        (sim.Quantiles, {"quantiles_ns": []}, "quantiles_ns"),
        (sim.Quantiles, {"quantiles_ns": [3, 2]}, "quantiles_ns"),
        (sim.RecordedLatency, {"at_ns": [1, 1], "entry_ns": [0, 0], "response_ns": [0, 0]}, "at_ns"),
        (sim.RecordedLatency, {"at_ns": [1, 2], "entry_ns": [0], "response_ns": [0, 0]}, "entry_ns"),
        (sim.Fills, {"participation_max": 0.0}, "participation_max"),
        (sim.Fills, {"participation_max": 1.5}, "participation_max"),
        (sim.Fills, {"participation_max": NAN}, "participation_max"),
        (sim.Costs, {"half_spread_min_bps": -0.5}, "half_spread_min_bps"),
        (sim.Costs, {"impact_base_bps": INFINITY}, "impact_base_bps"),
        (sim.Costs, {"volatility_half_life": 0.0}, "volatility_half_life"),
        (sim.Costs, {"average_volume": 0.0}, "average_volume"),
        (sim.Venue, {"clock": "wall"}, "clock"),
        (sim.ProbabilisticQueue, {"form": "linear"}, "form"),
        (sim.ProbabilisticQueue, {"exponent": 0.0}, "exponent"),
        (sim.ProbabilisticQueue, {"exponent": NAN}, "exponent"),
        (sim.Venue, {"decision_ns": -5}, "decision_ns"),
        (sim.Account, {"cash": {"USD": -1.0}}, "cash"),
        (sim.Account, {"cash": {"USD": NAN}}, "cash"),
        (sim.Account, {"cash": {"USD": 1.0}, "currency": "EUR"}, "currency"),
        (sim.Account, {"leverage_max": 0.0}, "leverage_max"),
        (sim.Account, {"leverage_max": 4.0, "maintenance_margin": 0.3}, "maintenance_margin"),
        (sim.Account, {"day_ends": "24:00"}, "day_ends"),
        (sim.Account, {"kind": "credit"}, "kind"),
    ],
)
def test_impossible_values_are_refused_from_python_and_from_text(
    kind: type[Any], fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        kind(**fields)
    with pytest.raises(msgspec.ValidationError, match=named):
        msgspec.convert(fields, kind)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"unknown field `entry_ms` - at `\$.latency`"):
        msgspec.convert({"latency": {"type": "constant", "entry_ms": 10}}, sim.Venue)


def test_margin_rates_follow_leverage_unless_given() -> None:
    assert (sim.Account().initial_rate, sim.Account().maintenance_rate) == (0.5, 0.25)
    account = sim.Account(leverage_max=10, initial_margin=0.2, maintenance_margin=0.05, day_ends="21:30")
    assert (account.initial_rate, account.maintenance_rate) == (0.2, 0.05)
    assert account.day_ends_ns == (21 * 60 + 30) * 60 * 10**9
