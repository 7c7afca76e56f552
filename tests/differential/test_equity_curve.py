"""The equity curve against a slow one: every step valued by itself, then thinned by the rule in the docs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

import tradewright as tw
from tradewright import features as f

if TYPE_CHECKING:
    import numpy.typing as npt

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
START_NS = 1_577_836_800_000_000_000
CASH = 10_000


@dataclass
class Crossing(tw.Policy):
    """Long above its slow mean, flat or short below; asleep in between."""

    below: float

    def setup(self, ctx: tw.Setup) -> None:
        mid = f.mid("X")
        self.edge = ctx.watch(mid - f.sma(mid, 150))
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition("X", 3.0 if market[self.edge] > 0 else self.below)


@dataclass
class Hold(tw.Policy):
    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition("X", 10)


def quotes_around(ts: npt.NDArray[np.int64], prices: list[float]) -> tw.Quotes:
    mid = np.array(prices)
    size = np.full(len(ts), 10.0)
    return tw.Quotes.from_arrays(
        "X",
        ts=ts,
        bid=mid - 0.01,
        ask=mid + 0.01,
        bid_size=size,
        ask_size=size,
        instrument=tw.Instrument(symbol="X", price_unit=0.01, lot_size=1),
    )


@dataclass(frozen=True)
class Step:
    """A quote, or a fill: a change of what is held and what it cost."""

    mid: Fraction | None = None
    lots: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)


def slow_curve(steps: list[tuple[int, Step]]) -> list[tuple[int, float]]:
    """Points at fills, at the last step of each minute that moved the equity, and at the end."""
    cash, held, mark = Fraction(CASH), Fraction(0), Fraction(0)
    points: list[tuple[int, float]] = []
    last_ns, last = 0, None
    for at_ns, step in steps:
        value = cash + held * mark
        if last is not None and value != last and at_ns // MINUTE_NS > last_ns // MINUTE_NS:
            points.append((last_ns, float(value)))
            last = value
        if step.mid is not None:
            mark = step.mid
        else:
            cash, held = cash - step.cost, held + step.lots
            last = cash + held * mark
            points.append((at_ns, float(last)))
        last_ns = at_ns
    if cash + held * mark != last:
        points.append((last_ns, float(cash + held * mark)))
    return points


@pytest.mark.parametrize("below", [0.0, -2.0])
@pytest.mark.parametrize("gap_ns", [SECOND_NS, 20 * SECOND_NS, 5 * MINUTE_NS])
@pytest.mark.parametrize("latency_ns", [0, 700_000_000])
def test_quotes_give_a_point_at_each_fill_and_at_the_end_of_each_minute(
    below: float, gap_ns: int, latency_ns: int
) -> None:
    rng = np.random.default_rng(gap_ns % 97 + latency_ns % 13)
    mid = [round(price, 2) for price in 100 + np.cumsum(rng.normal(0, 0.05, 3_000))]
    ts = START_NS + np.cumsum(rng.integers(1, gap_ns, len(mid)))
    venue = tw.Venue(latency=tw.ConstantLatency(entry_ns=latency_ns, response_ns=latency_ns))
    result = tw.backtest(Crossing(below), quotes_around(ts, mid), cash=CASH, venue=venue)
    assert len(result.fills) > 10

    steps = [(int(at), Step(mid=Fraction(str(price)))) for at, price in zip(ts, mid, strict=True)]
    columns = ("side", "size", "price", "fee")
    for at, (side, *numbers) in zip(
        result.fills["ts_recv"].cast(int), result.fills.select(columns).rows(), strict=True
    ):
        size, price, fee = (Fraction(str(round(number, 9))) for number in numbers)
        lots = size if side == "buy" else -size
        steps.append((at, Step(lots=lots, cost=lots * price + fee)))
    steps.sort(key=lambda step: step[0])  # Quotes move it before the reports of their time.
    expected = slow_curve(steps)
    assert result.equity["at"].cast(int).to_list() == [at for at, _ in expected]
    assert result.equity["equity"].to_list() == pytest.approx([equity for _, equity in expected], abs=1e-9)


def test_a_day_is_valued_at_its_end_though_nothing_was_traded_in_it() -> None:
    """Bought on the first day and held: each day's return is that of its last quote."""
    days = 6
    hours = np.arange(1, 24 * days)
    mid = [round(100 + 5 * math.sin(hour / 7), 2) for hour in hours]
    result = tw.backtest(Hold(), quotes_around(START_NS + hours * 60 * MINUTE_NS, mid), cash=CASH)
    assert len(result.fills) == 1
    price = float(result.fills["price"][0])
    ends = [*mid[23::24], mid[-1]]  # A quote of midnight belongs to the day that it closes.
    equity = np.array([CASH, *(CASH + 10 * (end - price) for end in ends)])
    returns = (np.diff(equity) / equity[:-1]).tolist()
    assert result.daily["daily_return"].to_list()[1:] == pytest.approx(returns, abs=1e-12)
