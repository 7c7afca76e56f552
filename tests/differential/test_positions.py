"""What is held, through settlements, refunds and splits, against a walk over fills and events."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import tradewright as tw
from runs import START_NS, exact
from tradewright import features as f

SECOND_NS = 1_000_000_000
SECONDS = 600
HORIZON_S = 10


class Taker(tw.Policy):
    """Aims for another position now and then, and at last for none."""

    def __init__(self, seed: int, holds: bool = False) -> None:
        self.seed, self.holds = seed, holds

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("20s"))
        self.draws = np.random.Generator(np.random.PCG64(self.seed))
        self.count = 0

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.count += 1
        if self.holds:
            return [tw.TargetPosition("X", 10)] if self.count == 1 else []
        size = int(self.draws.integers(-8, 9)) if self.count % 3 else 0
        return [tw.TargetPosition("X", size)]


def at(second: float) -> dict[str, int]:
    ns = START_NS + int(second * SECOND_NS)
    return {"ts_event_ns": ns, "ts_recv_ns": ns}


def market(seed: int, splits: list[Any]) -> tw.Quotes:
    """A quote a second, on the half second; prices fall with each split as they should."""
    r = np.random.Generator(np.random.PCG64(seed))
    seconds = np.arange(SECONDS) + 0.5
    mids = 100 + np.cumsum(r.normal(0, 0.05, SECONDS))
    for split in splits:
        later = START_NS + seconds * SECOND_NS >= split.ts_event_ns
        mids[later] *= split.denominator / split.numerator
    size = np.full(SECONDS, 1000.0)
    return tw.Quotes.from_arrays(
        "X",
        ts=(START_NS + seconds * SECOND_NS).astype(np.int64),
        bid=np.round(mids - 0.01, 2),
        ask=np.round(mids + 0.01, 2),
        bid_size=size,
        ask_size=size,
        instrument=tw.Instrument(symbol="X", price_unit=0.01, lot_size=1),
    )


def held_after(result: tw.Result, events: list[Any]) -> list[tuple[int, Fraction]]:
    """When the position changed, and what it was then."""
    steps: list[tuple[int, Any]] = [(event.ts_event_ns, event) for event in events]
    steps += [
        (ns, row)
        for ns, row in zip(
            result.fills["ts_event"].to_physical(), result.fills.iter_rows(named=True), strict=True
        )
    ]
    held, changes = Fraction(0), []
    for ns, step in sorted(steps, key=lambda step: step[0]):
        if isinstance(step, tw.market.Settlement):
            held = Fraction(0)
        elif isinstance(step, tw.market.Split):
            new = held * step.numerator / step.denominator
            held = Fraction(int(new))  # Fractions of a lot are paid out.
        else:
            held += exact(step["size"]) * (1 if step["side"] == "buy" else -1)
        changes.append((ns, held))
    return changes


def check_positions(result: tw.Result, events: list[Any]) -> None:
    changes = held_after(result, events)
    frame = result.positions
    assert frame["at"].to_physical().to_list() == [ns for ns, _ in changes]
    assert frame["size"].to_list() == [float(held) for _, held in changes]
    start_ns, end_ns = result.summary.start_ns, result.summary.end_ns
    ends = [*(ns for ns, _ in changes[1:]), end_ns]
    spans = [(until - ns, held) for (ns, held), until in zip(changes, ends, strict=True)]
    run_ns = end_ns - start_ns
    held_ns = sum(span for span, held in spans if held)
    assert result.summary.exposure == pytest.approx(held_ns / run_ns, rel=1e-12)
    making = result.market_making(symbol="X")
    assert making.inventory_mean == pytest.approx(float(sum(s * h for s, h in spans) / run_ns), rel=1e-12)
    absolute = sum(s * abs(h) for s, h in spans) / run_ns
    assert making.inventory_abs_mean == pytest.approx(float(absolute), rel=1e-12)
    assert making.inventory_abs_max == max(abs(float(held)) for _, held in changes)


def slow_adverse(result: tw.Result, quotes: tw.Quotes, splits: list[Any]) -> list[Fraction | None]:
    """What each fill's units, as they became, were worth at the mid a horizon later, less what they were."""
    frame = quotes.to_frame()
    rows = list(zip(quotes.ts_event_ns.tolist(), frame["bid"].to_list(), frame["ask"].to_list(), strict=True))
    found: list[Fraction | None] = []
    for ns, fill in zip(
        result.fills["ts_event"].to_physical(), result.fills.iter_rows(named=True), strict=True
    ):
        until = ns + HORIZON_S * SECOND_NS
        if until > rows[-1][0]:
            found.append(None)
            continue
        at_ns, bid, ask = [row for row in rows if row[0] <= until][-1]
        units = exact(fill["size"]) * (1 if fill["side"] == "buy" else -1)
        before = units * exact(fill["mid"])
        for split in splits:
            if ns < split.ts_event_ns <= at_ns:
                units = units * split.numerator / split.denominator
        found.append(units * (exact(bid) + exact(ask)) / 2 - before)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_splits_and_a_settlement_move_positions_and_are_no_adverse_selection(seed: int) -> None:
    # In the ten seconds after a fill, and while nothing is held.
    splits = [
        tw.market.Split(symbol="X", numerator=2, denominator=1, **at(123.25)),
        tw.market.Split(symbol="X", numerator=2, denominator=3, **at(245.25)),
        tw.market.Split(symbol="X", numerator=3, denominator=1, **at(301.25)),
    ]
    events = [*splits, tw.market.Settlement(symbol="X", price=90.0, **at(500.25))]
    quotes = market(seed, splits)
    result = tw.backtest(Taker(seed), quotes, events=events, cash=1e6)
    assert result.fills.height > 12
    check_positions(result, events)
    expected = slow_adverse(result, quotes, splits)
    known = result.markouts(horizons=[f"{HORIZON_S}s"])[f"adverse_{HORIZON_S}s"].to_list()
    assert known == [None if one is None else pytest.approx(float(one), abs=1e-9) for one in expected]
    parts = result.pnl_parts(horizon=f"{HORIZON_S}s").row(0, named=True)
    whole = sum(one for one in expected if one is not None)
    assert float(parts["adverse_selection"]) == pytest.approx(float(whole), abs=1e-6)
    assert float(parts["total"]) == pytest.approx(result.summary.net_pnl, abs=1e-9)
    bare = result.pnl_parts(horizon=None).row(0, named=True)
    assert bare["adverse_selection"] == 0
    assert bare["inventory"] == parts["inventory"] + parts["adverse_selection"] + (
        parts["spread_capture"] - bare["spread_capture"]
    )
    assert (bare["spread_capture"], bare["total"]) == (parts["spread_capture"], parts["total"])
    assert bare["fills_without_markout"] == 0
    assert result.market_making(horizon=None).parts.horizon == "none"
    # Units grow with a split and prices fall: it makes nobody rich or poor.
    assert abs(float(whole)) < 100


def test_what_was_settled_is_no_longer_held(tmp_path: Any) -> None:
    """Bought at 20 s, settled at 57 s of 600 s."""
    events = [tw.market.Settlement(symbol="X", price=101.0, **at(57))]
    result = tw.backtest(Taker(0, holds=True), market(0, []), events=events, cash=1e6)
    assert result.positions.select("size", "event").rows() == [(10.0, "fill"), (0.0, "settlement")]
    check_positions(result, events)
    assert result.summary.exposure == pytest.approx(37 / 599, abs=0.003)
    result.write(tmp_path)
    kept = tw.Result.load(tmp_path, verify=True)
    assert kept.positions.equals(result.positions)
    assert kept.summary == result.summary


def test_a_refund_ends_a_position_too() -> None:
    events = [tw.market.Settlement(symbol="X", void=True, **at(57))]
    result = tw.backtest(Taker(0, holds=True), market(0, []), events=events, cash=1e6)
    assert result.positions.select("size", "event").rows() == [(10.0, "fill"), (0.0, "refund")]
    check_positions(result, events)
