"""Microstructure features in runs: a policy reads what `features.compute` gives for the same records."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.core.books import BookAction

if TYPE_CHECKING:
    from collections.abc import Sequence

SYMBOL = "X"
START_NS = 1_700_000_000_000_000_000
UNIT = tw.instruments.crypto_spot(SYMBOL, tick_size=0.5, lot_size=0.25)
ACCOUNT = tw.Account(cash={"USDT": 1_000_000})


def nodes() -> dict[str, f.Node]:
    fit = f.MicropriceFit(0.5, ((-0.3, -0.1, 0.0, 0.1, 0.3), (-0.6, -0.2, 0.0, 0.2, 0.6)))
    mid, last = f.mid(SYMBOL), f.last(SYMBOL)
    return {
        "ofi": f.ofi(SYMBOL, 7),
        "ofi by time": f.ofi(SYMBOL, "20ms"),
        "imbalance of trades": f.trade_imbalance(SYMBOL, 9),
        "bought": f.traded_volume(SYMBOL, "30ms", "buy"),
        "net": f.cumulative(f.signed_size(SYMBOL)),
        "vpin": f.vpin(SYMBOL, 3.0, 5, bar="4ms", changes=6),
        "vpin of trades": f.vpin(SYMBOL, 2.5, 4, bar=None, changes=5),
        "volatility": f.realised_vol(mid, 12),
        "relative spread": f.relative_spread(SYMBOL),
        "microprice": f.microprice(SYMBOL, fit),
        "momentum": f.momentum(mid, "10ms"),
        "momentum of trades": f.momentum(last, "10ms"),
        "rate of quotes": f.arrival_rate(SYMBOL, "25ms", "quote"),
        "rate of trades": f.arrival_rate(SYMBOL, "25ms"),
        "lambda": f.kyle_lambda(SYMBOL, 6, "5ms"),
        "lambda of trades": f.kyle_lambda(SYMBOL, 6, None),
    }


@dataclass
class Reader(tw.Policy):
    """Reads everything at each step and does nothing."""

    sources: Sequence[Any]
    extra: dict[str, f.Node] = field(default_factory=dict[str, f.Node])
    rows: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])

    def setup(self, ctx: tw.Setup) -> None:
        self.watched = {name: ctx.watch(node) for name, node in {**nodes(), **self.extra}.items()}
        ctx.wake(*self.sources)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        assert market.now_ns not in self.rows
        self.rows[market.now_ns] = {name: market[node] for name, node in self.watched.items()}


def same(rows: dict[int, dict[str, float]], data: Sequence[Any]) -> None:
    frame = f.compute(nodes(), data)
    times = frame["ts"].to_physical().to_list()
    assert times == list(rows)
    for name in nodes():
        got = [row[name] for row in rows.values()]
        assert sum(not math.isnan(value) for value in got) > len(got) / 4, name
        np.testing.assert_array_equal(got, frame[name].to_numpy(), err_msg=name)  # To the last bit.


def trades_of(random: np.random.Generator, times: np.ndarray) -> tw.Trades:
    count = len(times)
    return tw.Trades.from_arrays(
        SYMBOL,
        ts=times,
        price=100 + 0.5 * np.cumsum(random.integers(-1, 2, count)),
        size=random.integers(1, 9, count) * 0.25,
        aggressor=random.choice([1, -1, 1, -1, 0], count),
        instrument=UNIT,
    )


def times_of(random: np.random.Generator, count: int) -> np.ndarray:
    return START_NS + 1_000_000 * np.cumsum(random.choice([0, 1, 2, 9], count, p=[0.2, 0.4, 0.3, 0.1]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_run_over_quotes_and_trades_reads_what_compute_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = 3_000
    bid = 100 + 0.5 * np.cumsum(random.integers(-1, 2, count))
    ask = bid + 0.5 * random.integers(1, 4, count)
    bid[random.random(count) < 0.02] = np.nan
    ask[random.random(count) < 0.02] = np.nan
    sizes = random.integers(1, 20, (2, count)) * 0.25
    quotes = tw.Quotes.from_arrays(
        SYMBOL, ts=times_of(random, count), bid=bid, ask=ask, bid_size=sizes[0], ask_size=sizes[1],
        instrument=UNIT,
    )  # fmt: skip
    data = [quotes, trades_of(random, times_of(random, count // 2))]
    reader = Reader([f.on_quote(SYMBOL), f.on_trade(SYMBOL)])
    tw.backtest(reader, data, account=ACCOUNT)
    same(reader.rows, data)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_a_book_its_touch_is_the_quotes_and_its_prints_the_trades(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = 4_000
    is_print = random.random(count) < 0.3
    side = random.choice([-1, 1], count)
    # Levels on their side of 200 that fill and empty; now and then a whole side is cleared.
    level = 200 - side * random.integers(1, 5, count)
    is_clear = (random.random(count) < 0.02) & ~is_print
    action = np.where(is_print, BookAction.TRADE, np.where(is_clear, BookAction.CLEAR, BookAction.SET))
    events = tw.BookEvents.from_arrays(
        SYMBOL,
        ts=times_of(random, count),
        action=action,
        side=side,
        price=level * 0.5,
        size=np.where(is_print, 1.0, random.integers(0, 6, count) * (0.25 - 0.25 * is_clear)),
        instrument=UNIT,
    )
    touch: dict[str, f.Node] = {
        "bid": f.bid(SYMBOL), "ask": f.ask(SYMBOL), "bid size": f.bid_size(SYMBOL),
        "ask size": f.ask_size(SYMBOL), "rate of the book": f.arrival_rate(SYMBOL, "25ms", "book"),
    }  # fmt: skip
    watching = Reader([f.on_quote(SYMBOL)], touch)
    tw.backtest(watching, [events], account=ACCOUNT)
    rows = list(watching.rows.values())
    quotes = tw.Quotes.from_arrays(
        SYMBOL,
        ts=np.array(list(watching.rows)),
        bid=[row["bid"] for row in rows],
        ask=[row["ask"] for row in rows],
        bid_size=[row["bid size"] for row in rows],
        ask_size=[row["ask size"] for row in rows],
        instrument=UNIT,
    )
    reader = Reader([f.on_quote(SYMBOL), f.on_trade(SYMBOL)])
    tw.backtest(reader, [events], account=ACCOUNT)
    same(reader.rows, [quotes, events.trades()])

    changed = np.unique(events.ts_recv_ns[~is_print])
    for now, row in watching.rows.items():
        inside = np.count_nonzero((changed > now - 25_000_000) & (changed <= now))
        is_ready = now - changed[0] >= 25_000_000
        wanted = inside / 0.025 if is_ready else math.nan
        assert row["rate of the book"] == pytest.approx(wanted, nan_ok=True)
