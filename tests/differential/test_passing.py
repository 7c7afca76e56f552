"""Quiet rows taken many at a time come to what the same rows come to one by one.

The native loop computes features block by block and passes rows that wake nobody together; stepping from
Python does neither. The runs here hold positions through long quiet stretches, across days, near margin calls
and under limits on losses, over feeds with equal times, empty sides and several symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.research.journal import FRAMES as JOURNAL
from tradewright.simulation import prepare
from tradewright.stepping import step_through

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MINUTE_NS = 60_000_000_000
START_NS = 1_577_836_800_000_000_000


@dataclass
class Turn(tw.Policy):
    """Long or short as the averages lie; what it looks at is its argument."""

    symbol: str
    source: str
    fast: int = 5
    slow: int = 23
    size: float = 1.0

    def setup(self, ctx: tw.Setup) -> None:
        price = {"bars": f.close, "quotes": f.mid, "trades": f.last}[self.source](self.symbol)
        vol = f.rolling_std(price, self.slow)
        self.edge = ctx.watch(f.sma(price, self.fast) - f.ema(price, self.slow))
        self.high = ctx.watch(f.rolling_max(price, "30m"))
        self.vol = ctx.watch(vol)
        ctx.wake(
            f.crosses(self.edge, 0), f.crosses_above(vol, 2.5), f.crosses(price, f.rolling_mean(price, 400))
        )

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        seen = (market[self.edge], market[self.high], market[self.vol], portfolio.equity)
        side = 1.0 if seen[0] > 0 else -1.0
        if self.symbol == "A" and portfolio.equity > 0 and market.now_ns % 3 == 0:
            return tw.TargetPosition(self.symbol, side * self.size, limit=round(market.mark(self.symbol), 2))
        return tw.TargetPosition(self.symbol, side * self.size)


@dataclass
class Spread(tw.Policy):
    """A node of two series beside nodes of one."""

    def setup(self, ctx: tw.Setup) -> None:
        a, b = f.close("A"), f.close("B")
        self.gap = ctx.watch(f.zscore(a - b, 40))
        ctx.wake(f.crosses(self.gap, 0), f.changes(f.sma(a, 3) > f.sma(b, 3)))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        size = 2.0 if market[self.gap] > 0 else -2.0
        return [tw.TargetPosition("A", -size), tw.TargetPosition("B", size)]


@dataclass
class Onlooker(tw.Policy):
    """Woken by one series, it looks at all of them; what it saw is kept."""

    seen: list[tuple[Any, ...]]

    def setup(self, ctx: tw.Setup) -> None:
        prices = {symbol: f.last(symbol) if symbol == "T" else f.close(symbol) for symbol in ctx.symbols}
        self.watched: list[f.Watched] = []
        for price in prices.values():
            fast, slow = ctx.watch(f.sma(price, 4)), ctx.watch(f.ema(price, 31))
            self.watched += [fast, slow, ctx.watch(fast - slow), ctx.watch(f.rolling_max(price, "9m"))]
            ctx.wake(f.crosses(fast, slow))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        values = [repr(market[one]) for one in self.watched]  # NaN is not NaN, but it reads the same.
        marks = [repr(market.mark(symbol)) for symbol in market.symbols]
        self.seen.append((market.now_ns, market.woken_by, *values, *marks, portfolio.equity))
        targets = enumerate(market.symbols)
        return [
            tw.TargetPosition(symbol, (market.now_ns // MINUTE_NS + at) % 3 - 1) for at, symbol in targets
        ]


def walk(rng: np.random.Generator, rows: int, start: float, step: float) -> np.ndarray:
    return np.maximum(np.round(start + np.cumsum(rng.normal(0, step, rows)), 2), 1.0)


def bars_of(
    rng: np.random.Generator,
    symbol: str,
    rows: int,
    *,
    step: float = 0.6,
    shift_ns: int = 0,
    minutes: int = 1,
) -> tw.Bars:
    close = walk(rng, rows, 100.0, step)
    opened = np.concatenate([close[:1], close[:-1]])
    spread = np.round(np.abs(rng.normal(0, step, rows)), 2)
    ts = START_NS + shift_ns + minutes * MINUTE_NS * (1 + np.arange(rows))
    return tw.Bars.from_arrays(
        symbol,
        ts=ts,
        open=opened,
        high=np.maximum(opened, close) + spread,
        low=np.maximum(np.minimum(opened, close) - spread, 0.01),
        close=close,
        volume=rng.integers(1, 1000, rows).astype(float),
        timeframe=f"{minutes}m",
        instrument=instrument(symbol),
    )


def instrument(symbol: str) -> tw.Instrument:
    return tw.Instrument(
        symbol=symbol, price_unit=0.01, lot_size=0.5, fees=(tw.Fees(maker_bps=1, taker_bps=5),)
    )


def times(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Some times come twice and more."""
    return START_NS + np.cumsum(
        rng.choice([0, 1, 7, 1_000_000_000, 90_000_000_000], rows, p=[0.1, 0.3, 0.3, 0.2, 0.1])
    )


def quotes_of(rng: np.random.Generator, symbol: str, rows: int) -> tw.Quotes:
    bid = walk(rng, rows, 50.0, 0.05)
    ask = np.round(bid + rng.integers(1, 4, rows) * 0.01, 2)
    bid[rng.random(rows) < 0.01] = np.nan
    ask[rng.random(rows) < 0.01] = np.nan
    sizes = rng.integers(1, 50, (2, rows)).astype(float)
    return tw.Quotes.from_arrays(
        symbol,
        ts=times(rng, rows),
        bid=bid,
        ask=ask,
        bid_size=sizes[0],
        ask_size=sizes[1],
        instrument=instrument(symbol),
    )


def trades_of(rng: np.random.Generator, symbol: str, rows: int) -> tw.Trades:
    return tw.Trades.from_arrays(
        symbol,
        ts=times(rng, rows),
        price=walk(rng, rows, 50.0, 0.05),
        size=rng.integers(1, 9, rows).astype(float),
        instrument=instrument(symbol),
    )


def compare(tmp_path: Path, make: Callable[[], Sequence[tw.Policy]], data: Any, **options: Any) -> Any:
    ended: list[Any] = []
    for way in ("native", "stepped"):
        prepared = prepare(list(make()), data, out=tmp_path / way, **options)
        run = prepared.run
        if way == "native":
            assert run.kernel.run(run.series, run.sources, run.venue)
        else:
            step_through(run, run.kernel.venue(run.venue, run.series))
        ended.append((prepared.finish(finished=True), run.kernel.cash, run.kernel.counters))
    (native, cash, counters), (stepped, cash_stepped, counters_stepped) = ended
    journals = [(tmp_path / way / JOURNAL).read_bytes() for way in ("native", "stepped")]
    assert journals[0] == journals[1]
    assert cash == cash_stepped
    assert counters == counters_stepped
    assert native.digest() == stepped.digest()
    assert native.equity.equals(stepped.equity)
    assert native.round_trips.equals(stepped.round_trips)
    return native


@pytest.mark.parametrize("seed", range(4))
def test_one_symbol_of_bars(tmp_path: Path, seed: int) -> None:
    data = bars_of(np.random.default_rng(seed), "A", 5000)
    policies = [Turn("A", "bars", 20, 90, size=3.0), Turn("A", "bars")]
    result = compare(tmp_path, lambda: policies[: 1 + seed % 2], data, cash=10_000)
    assert result.meta.counters.fills > 50


def test_margin_calls_and_limits_on_losses(tmp_path: Path) -> None:
    reasons: set[str] = set()
    intents: set[str] = set()
    for seed in range(4):
        result = compare(
            tmp_path / str(seed),
            lambda: [Turn("A", "bars", 20, 90, size=30.0)],
            bars_of(np.random.default_rng(100 + seed), "A", 6000, step=0.3),
            account=tw.Account(cash={"USD": 700.0}, leverage_max=10.0),
            risk=tw.Risk(drawdown_max=0.9, loss_per_day_max=0.4),
        )
        reasons |= set(result.orders["reason"].drop_nulls())
        intents |= set(result.orders["intent"])
    assert "liquidation" in intents
    assert reasons & {"drawdown_max", "loss_per_day_max", "buying_power"}


@pytest.mark.parametrize("shift_ns", [0, 17_000_000_000], ids=["aligned", "shifted"])
def test_several_symbols_of_bars(tmp_path: Path, shift_ns: int) -> None:
    rng = np.random.default_rng(7)
    data = [bars_of(rng, symbol, 3000, shift_ns=shift_ns * at) for at, symbol in enumerate("ABCDE")]
    result = compare(
        tmp_path, lambda: [Spread(), *(Turn(symbol, "bars") for symbol in "ABCDE")], data, cash=100_000
    )
    assert len(set(result.fills["symbol"])) == 5


@pytest.mark.parametrize("shift_ns", [0, 17_000_000_000], ids=["aligned", "shifted"])
def test_one_series_wakes_and_all_are_looked_at(tmp_path: Path, shift_ns: int) -> None:
    rng = np.random.default_rng(8)
    data = [bars_of(rng, symbol, 1500, shift_ns=shift_ns * at) for at, symbol in enumerate("ABCD")]
    made: list[Onlooker] = []

    def make() -> list[tw.Policy]:
        made.append(Onlooker([]))
        return [made[-1]]

    compare(tmp_path, make, [*data, trades_of(rng, "T", 4000)], cash=100_000)
    native, stepped = made
    assert len(native.seen) > 300
    assert native.seen == stepped.seen


def test_quotes_and_trades(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    data = [quotes_of(rng, "Q", 6000), trades_of(rng, "T", 6000), bars_of(rng, "A", 900)]
    result = compare(
        tmp_path,
        lambda: [Turn("Q", "quotes"), Turn("T", "trades"), Turn("A", "bars"), Turn("Q", "quotes", 40, 200)],
        data,
        cash=100_000,
    )
    assert {"Q", "T", "A"} == set(result.fills["symbol"])


def test_two_timeframes_of_one_symbol(tmp_path: Path) -> None:
    rng = np.random.default_rng(13)
    fine, coarse = bars_of(rng, "A", 2000), bars_of(rng, "A", 400, minutes=5)
    result = compare(tmp_path, lambda: [Turn("A", "bars")], [fine, coarse], cash=100_000)
    assert result.meta.counters.fills > 20
