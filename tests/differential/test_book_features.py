"""Features over books: `features.compute` beside what a policy sees of the same events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from order_streams import Generated
from test_book_venue import book_of
from test_order_venue import levels_of

import tradewright as tw
from tradewright import features as f
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable


def odd(value: float) -> float:
    return value % 2


def nodes_of(symbol: str) -> dict[str, f.Node]:
    mid = f.mid(symbol)
    return {
        "mid": mid,
        "imbalance": f.imbalance(symbol, 3),
        "depth": f.bid_depth(symbol, 2) - f.ask_depth(symbol, 2),
        "micro": f.weighted_mid(symbol),
        "ofi": f.ofi(symbol, "200ms"),
        "average": f.ema(mid, 20),
        "volatility": f.ewma_vol(mid, 50),
        "last": f.last(symbol),
        "bought": f.rolling_mean(f.trade_size(symbol), 10),
        "odd": f.apply(odd, mid),
        "up": f.crosses(mid, f.ema(mid, 20)),
    }


def with_trades_apart() -> list[Any]:
    """A book of levels without its prints, and the prints as trades."""
    events = book_of(4, 1200)
    levels = events.action != tw.books.BookAction.TRADE
    flags = events.flags.copy()
    flags[:] = np.where(np.r_[events.ts_event_ns[1:] != events.ts_event_ns[:-1], True], 1, flags)
    book = tw.BookEvents.from_arrays(
        "B",
        ts=events.ts_event_ns[levels],
        ts_recv=events.ts_recv_ns[levels],
        instrument=events.instrument,
        model="l2",
        **{name: column[levels] for name, column in (events.columns | {"flags": flags}).items()},
    )
    return [book, events.trades()]


DATA: dict[str, tuple[str, Callable[[], list[Any]]]] = {
    "levels": ("B", lambda: [book_of(3, 1500)]),
    "orders": ("Q", lambda: [Generated(8, "executions").events(1200)]),
    "orders, prints": ("Q", lambda: [Generated(9, "prints").events(1200)]),
    "levels and trades": ("B", with_trades_apart),
    "two books": ("Q", lambda: [Generated(8, "prints").events(600), book_of(3, 600)]),
}


@pytest.mark.parametrize("name", list(DATA))
def test_compute_gives_what_a_policy_sees_at_each_step(name: str) -> None:
    symbol, made = DATA[name]
    data = made()
    wakes = [wake(symbol) for wake in (f.on_book, f.on_trade)]
    wakes += [f.on_book(one.symbol) for one in data if one.symbol != symbol]

    class Reads(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            self.nodes = [ctx.watch(node) for node in nodes_of(symbol).values()]
            ctx.wake(*wakes)
            self.times: list[int] = []
            self.seen: list[list[float]] = []

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            self.times.append(market.now_ns)
            self.seen.append([market[node] for node in self.nodes])
            return None

    policy = Reads()
    tw.backtest(policy, data)
    table = f.compute(nodes_of(symbol), data)
    times = table["ts"].cast(int).to_numpy()
    assert len(np.unique(times)) == len(times)
    rows = np.searchsorted(times, policy.times)
    np.testing.assert_array_equal(times[rows], policy.times)
    np.testing.assert_array_equal(table.drop("ts").to_numpy()[rows], np.array(policy.seen))
    assert len(rows) > 0.9 * len(table)
    assert np.isfinite(table["average"].to_numpy()).mean() > 0.3


def test_levels_of_orders_have_the_same_features() -> None:
    events = Generated(10, "executions").events(800)
    nodes = nodes_of("Q")
    assert f.compute(nodes, events).equals(f.compute(nodes, levels_of(events)))


def test_a_book_stands_beside_series_alone() -> None:
    events = book_of(3, 50)
    with pytest.raises(TypeError, match="not beside DataFrame"):
        f.compute(f.mid("B"), [events, events.trades().to_frame()])


def test_a_bad_row_is_named() -> None:
    from dataclasses import replace

    events = book_of(3, 50)
    size = events.size.copy()
    size[7] = np.inf
    with pytest.raises(DataError, match="row 8, size"):
        f.compute(f.mid("B"), replace(events, size=size))
