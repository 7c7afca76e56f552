"""The SMA and EMA crossovers of the benchmarks against slow, independent references in whole cents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

import tradewright as tw
from runs import b1_bars, b2_quotes, check_sound
from tradewright import features as f

if TYPE_CHECKING:
    from tradewright.research.result import Result

BARS = 500_000
QUOTES = 1_000_000
TIE_BAR = 29_217  # counted from 0: the two averages are equal there, to the last bit of an exact sum
UNITS = tw.Account(leverage_max=4)
OPEN_VENUE = tw.Venue(fills=tw.Fills(participation_max="unlimited", displayed_size_caps=False))


@dataclass
class SmaCross(tw.Policy):
    """Long one unit while the fast average is above the slow one."""

    symbol: str = "X"
    fast: int = 20
    slow: int = 50

    def setup(self, ctx: tw.Setup) -> None:
        price = f.close(self.symbol)
        self.edge = ctx.watch(f.sma(price, self.fast) - f.sma(price, self.slow))
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.edge] > 0 else 0)


def cents(price: float) -> int:
    return round(price * 100)


Trade = tuple[int, str, int]  # row, side, price in cents


def reference_b1(series: tw.Bars, fast: int, slow: int) -> tuple[list[Trade], Fraction]:
    """Whole cents: sums compared cross-multiplied, orders filled at the next open, fees exact."""
    closes = [cents(price) for price in series.close.tolist()]
    opens = [cents(price) for price in series.open.tolist()]
    trades: list[Trade] = []
    held, cash, before = 0, Fraction(0), 0
    sum_fast = sum_slow = 0
    for row, close in enumerate(closes):
        sum_fast += close - (closes[row - fast] if row >= fast else 0)
        sum_slow += close - (closes[row - slow] if row >= slow else 0)
        if row < slow - 1:
            continue
        edge = sum_fast * slow - sum_slow * fast
        up, down = row >= slow and before <= 0 < edge, row >= slow and before >= 0 > edge
        before = edge
        if row + 1 == len(closes) or not ((up and not held) or (down and held)):
            continue
        price = opens[row + 1]
        trades.append((row + 1, "buy" if up else "sell", price))
        held = 1 if up else 0
        cash -= Fraction(price, 100) * (1 if up else -1) + Fraction(price * 5, 100 * 10_000)
    return trades, cash + held * Fraction(closes[-1], 100)


@pytest.fixture(scope="module")
def b1() -> tw.Bars:
    return b1_bars(BARS, instrument=tw.Instrument(symbol="X", price_unit=0.01, fees=(tw.Fees(taker_bps=5),)))


def trades_of(result: Result, series: tw.Bars) -> list[Trade]:
    rows = {open_ns: row for row, open_ns in enumerate(series.open_ns.tolist())}
    fills = result.fills.select("ts_event", "side", "price", "size").rows()
    assert {size for *_, size in fills} == {1.0}
    times = result.fills["ts_event"].cast(int).to_list()
    return [(rows[at], side, cents(price)) for at, (_, side, price, _) in zip(times, fills, strict=True)]


def test_b1_is_the_slow_reference_trade_for_trade(b1: tw.Bars) -> None:
    result = check_sound(tw.backtest(SmaCross(), b1, cash=1_000_000, venue=OPEN_VENUE, account=UNITS))
    trades, pnl = reference_b1(b1, 20, 50)
    assert trades_of(result, b1) == trades
    assert len(trades) == 11_110
    assert round(float(pnl), 4) == -160_948.6086
    assert round(result.equity["equity"][-1] - 1_000_000, 4) == -160_948.6086
    assert math.isclose(result.equity["equity"][-1], float(pnl + 1_000_000), rel_tol=1e-15)
    assert len(result.equity) >= BARS


def test_the_tie_is_one_and_neither_side_of_it_trades(b1: tw.Bars) -> None:
    closes = [cents(price) for price in b1.close[TIE_BAR - 49 : TIE_BAR + 1].tolist()]
    assert sum(closes[-20:]) * 50 == sum(closes) * 20
    frame = tw.features.compute(
        {"edge": f.sma(f.close("X"), 20) - f.sma(f.close("X"), 50)},
        b1.between(None, int(b1.ts_event_ns[TIE_BAR + 1])),
    )
    assert frame["edge"][TIE_BAR] == 0.0


@pytest.mark.parametrize(("fast", "slow"), [(2, 3), (5, 80), (30, 31)])
def test_other_averages_on_fewer_bars(fast: int, slow: int) -> None:
    series = b1_bars(
        20_000, seed=3, instrument=tw.Instrument(symbol="X", price_unit=0.01, fees=(tw.Fees(taker_bps=5),))
    )
    policy = SmaCross(fast=fast, slow=slow)
    result = check_sound(tw.backtest(policy, series, cash=1_000_000, venue=OPEN_VENUE, account=UNITS))
    trades, pnl = reference_b1(series, fast, slow)
    assert trades_of(result, series) == trades
    assert math.isclose(result.equity["equity"][-1], float(pnl + 1_000_000), rel_tol=1e-15)


# --- B2 --------------------------------------------------------------------------------------------------


@dataclass
class EmaDeclared(tw.Policy):
    symbol: str = "X"

    def setup(self, ctx: tw.Setup) -> None:
        mid = f.mid(self.symbol)
        self.edge = ctx.watch(f.ema(mid, 10) - f.ema(mid, 20))
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.edge] > 0 else 0)


@dataclass
class EmaInPython(tw.Policy):
    """The same rule with its own averages, woken at every quote."""

    symbol: str = "X"

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_quote(self.symbol))
        self.fast = self.slow = self.before = math.nan
        self.count = 0

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        mid = market.mid(self.symbol)
        self.count += 1
        if self.count == 1:
            self.fast = self.slow = mid
        else:
            self.fast += 2 / 11 * (mid - self.fast)
            self.slow += 2 / 21 * (mid - self.slow)
        edge, before = self.fast - self.slow, self.before
        if self.count >= 20:
            self.before = edge
        if self.count > 20 and ((edge > 0 >= before) or (edge < 0 <= before)):
            return tw.TargetPosition(self.symbol, 1 if edge > 0 else 0)
        return None


def reference_b2(series: tw.Quotes) -> tuple[list[Trade], int]:
    """Buys at the ask and sells at the bid in force; P&L in cents, marked at the middle."""
    bids, asks = series.bid.tolist(), series.ask.tolist()
    trades: list[Trade] = []
    fast = slow = (bids[0] + asks[0]) / 2
    held, cash, before = 0, 0, 0.0
    for row, (bid, ask) in enumerate(zip(bids, asks, strict=True)):
        mid = (bid + ask) / 2
        fast += 2 / 11 * (mid - fast)
        slow += 2 / 21 * (mid - slow)
        edge = fast - slow
        if row >= 20 and edge > 0 >= before and not held:
            trades.append((row, "buy", cents(ask)))
            held, cash = 1, cash - cents(ask)
        elif row >= 20 and edge < 0 <= before and held:
            trades.append((row, "sell", cents(bid)))
            held, cash = 0, cash + cents(bid)
        if row >= 19:
            before = edge
    return trades, cash + held * cents(bids[-1])


@pytest.fixture(scope="module")
def b2() -> tw.Quotes:
    return b2_quotes(QUOTES, instrument=tw.Instrument(symbol="X", price_unit=0.01))


@pytest.mark.parametrize("policy", [EmaDeclared, EmaInPython])
def test_b2_is_the_slow_reference_trade_for_trade(b2: tw.Quotes, policy: type[tw.Policy]) -> None:
    result = tw.backtest(policy(), b2, cash=1_000_000)
    counters = result.meta.counters
    assert counters.reviews == counters.sent + counters.refused
    rows = {at: row for row, at in enumerate(b2.ts_event_ns.tolist())}
    times = result.fills["ts_event"].cast(int).to_list()
    fills = zip(times, result.fills["side"], result.fills["price"], strict=True)
    trades, pnl = reference_b2(b2)
    assert [(rows[at], side, cents(price)) for at, side, price in fills] == trades
    assert len(trades) == 45_848
    cash = sum(
        round(fill["price"] * 100) * (-1 if fill["side"] == "buy" else 1)
        for fill in result.fills.iter_rows(named=True)
    )
    held = int(result.fills["position"][-1])
    assert cash + held * cents(b2.bid[-1].item()) == pnl == -46_245
    assert result.fills["fee"].sum() == 0
