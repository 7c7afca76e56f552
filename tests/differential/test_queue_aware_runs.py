"""The queue-aware maker on books of levels, of orders and on quotes: each decision against a slow one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from order_streams import INSTRUMENT, LOT, MS, UNIT, Generated
from test_order_venue import levels_of

import tradewright as tw
from tradewright.core.book_events import BookAction, BookEvents, BookFlag
from tradewright.strategies import QueueAwareMaker

PARAMETERS: dict[str, Any] = {
    "adverse": 0.1,
    "rebate": 0.05,
    "order_size": 1.5,
    "inflow": 0.8,
    "traded": 0.6,
    "value_min": 0.01,
    "penalty": 0.002,
    "size": 0.5,
    "position_max": 3.0,
}


def slow_chance(ahead: int, opposite: int, inflow: float, traded: float) -> float:
    """The race by stepping the chances of every state until they stand still."""
    ahead, opposite = min(ahead, 60), min(opposite, 60)
    chances = np.zeros((ahead + 1, 121))
    for row in range(ahead + 1):
        leave, after = (traded, np.ones(121)) if row == 0 else (1.0, chances[row - 1])
        now = after.copy()
        now[0] = 0
        for _ in range(5000):
            new = now.copy()
            up = np.append(now[2:], now[-1])
            new[1:] = (leave * after[1:] + inflow * up + now[:-1]) / (leave + inflow + 1)
            if np.abs(new - now).max() < 1e-12:
                break
            now = new
        chances[row] = now
    return float(chances[ahead, opposite])


@dataclass
class Watched(tw.Policy):
    """The maker, and everything that it decided from."""

    inner: QueueAwareMaker
    seen: list[dict[str, Any]] = field(default_factory=list[Any])

    def setup(self, ctx: tw.Setup) -> None:
        self.inner.setup(ctx)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        intents = self.inner.decide(market, portfolio)
        assert isinstance(intents, tw.TargetQuotes)
        maker = self.inner
        self.seen.append(
            {
                "prices": {side: market[maker.prices[side]] for side in (1, -1)},
                "sizes": {side: market[maker.sizes[side]] for side in (1, -1)},
                "depths": {side: [market[node] for node in maker.depths[side]] for side in (1, -1)},
                "orders": portfolio.open_orders(maker.symbol),
                "held": portfolio.position(maker.symbol),
                "quotes": {1: intents.bid, -1: intents.ask},
            }
        )
        return intents


def expected(one: dict[str, Any], side: int, tick: float) -> tuple[float, float] | None:
    """The quote that is worth most of all that the rules allow, written out."""
    p = PARAMETERS
    near, far = one["prices"][side], one["prices"][-side]
    room = p["position_max"] - side * one["held"]
    size = math.floor(min(p["size"], room) / LOT + 1e-9) * LOT
    if size <= 0:
        return None
    worth: list[tuple[float, bool, float]] = []
    stands = [
        (order.limit, order.queue_ahead)
        for order in one["orders"]
        if order.side == {1: "buy", -1: "sell"}[side]
    ]
    places = [
        (price, one["sizes"][side] if price == near and ahead is None else ahead or 0.0, True)
        for price, ahead in stands
    ]
    for price, ahead, is_kept in [*places, (near, one["sizes"][side], False)]:
        ticks = round(side * (near - price) / tick)
        if ticks > 5:
            continue
        if ticks > 0:
            depth = one["depths"][side][ticks - 1]
            ahead += one["sizes"][side] if math.isnan(depth) else depth
        chance = slow_chance(
            math.ceil(ahead / p["order_size"] - 1e-9),
            math.ceil(one["sizes"][-side] / p["order_size"] - 1e-9),
            p["inflow"],
            p["traded"],
        )
        brings = side * ((near + far) / 2 - price) + p["rebate"] - p["adverse"]
        brings -= p["penalty"] * (2 * side * one["held"] + p["size"])
        worth.append((chance * brings, is_kept, price))
    best = max(worth, key=lambda found: (round(found[0], 9), found[1], found[2]))
    return (best[2], size) if best[0] > 0 and best[0] >= p["value_min"] else None


def data(kind: str) -> list[Any]:
    orders = Generated(21, "prints").events(1500)
    if kind == "orders":
        return [orders]
    levels = levels_of(orders)
    if kind == "levels":
        return [levels]
    replayed = tw.books.L2Book(INSTRUMENT).replay(levels, levels=1).drop_nans()
    quotes = tw.Quotes.from_arrays(
        "Q",
        ts=replayed["ts_recv"].cast(int).to_numpy(),
        bid=replayed["bid_1"].to_numpy(),
        ask=replayed["ask_1"].to_numpy(),
        bid_size=replayed["bid_size_1"].to_numpy(),
        ask_size=replayed["ask_size_1"].to_numpy(),
        instrument=INSTRUMENT,
    )
    return [quotes, levels.trades()]


@pytest.mark.parametrize("kind", ["orders", "levels", "quotes"])
def test_every_decision_is_the_best_of_all(kind: str) -> None:
    maker = Watched(QueueAwareMaker("Q", refresh="40ms", **PARAMETERS))
    venue = tw.Venue(latency=tw.ConstantLatency(entry_ns=2 * MS, response_ns=MS))
    result = tw.backtest(maker, data(kind), cash=1e9, venue=venue)
    crossed = [one for one in maker.seen if not one["prices"][1] < one["prices"][-1]]
    assert all(one["quotes"] == {1: None, -1: None} for one in crossed)
    decisions = [one for one in maker.seen if one["prices"][1] < one["prices"][-1]]
    for one in decisions[:60] + decisions[200::40]:
        for side in (1, -1):
            quote, slow = one["quotes"][side], expected(one, side, UNIT)
            assert (quote is None) == (slow is None), (one, side)
            if quote is not None and slow is not None:
                assert quote == pytest.approx(slow)
    shown = [quote for one in decisions for quote in one["quotes"].values()]
    assert 0 < sum(quote is not None for quote in shown) < len(shown)  # It shows some and abandons some.
    assert set(result.fills["liquidity"]) <= {"maker"} or kind == "quotes"
    known = [order.queue_ahead for one in maker.seen for order in one["orders"] if order.status == "accepted"]
    assert all((ahead is None) == (kind == "quotes") for ahead in known)
    if kind != "quotes":
        assert len(result.fills) > 30


def book(rows: list[tuple[int, int, float, float, int]]) -> BookEvents:
    """Messages of one event each, 100 ms apart, behind a snapshot."""
    action, side, price, size, order = zip(*rows, strict=True)
    end = action.index(BookAction.SNAPSHOT_END)
    at = [0] * (end + 1) + [100 * MS * step for step in range(1, len(rows) - end)]
    return BookEvents.from_arrays(
        "Q",
        ts=1_700_000_000_000_000_000 + np.array(at) + 50 * MS,
        action=action,
        side=side,
        price=price,
        size=size,
        order_id=order,
        flags=[0] * end + [BookFlag.LAST] * (len(rows) - end),
        instrument=INSTRUMENT,
        model="l3",
    )


def test_it_keeps_its_place_and_leaves_before_it_is_run_over() -> None:
    add, cancel = BookAction.ADD, BookAction.CANCEL
    events = book(
        [
            (BookAction.SNAPSHOT_START, 0, np.nan, 0.0, 0),
            (add, 1, 99.5, 1.0, 1),
            (add, -1, 100.0, 30.0, 2),
            (BookAction.SNAPSHOT_END, 0, np.nan, 0.0, 0),
            (add, 1, 99.0, 20.0, 3),
            (add, 1, 99.5, 20.0, 4),  # Those who come now stand behind us,
            (cancel, 1, np.nan, 1.0, 1),  # and the one before us goes.
            (cancel, -1, np.nan, 29.8, 2),  # Hardly anything is left on the ask.
            (add, -1, 100.5, 20.0, 5),
            (add, -1, 100.5, 20.0, 6),
        ]
    )
    maker = Watched(QueueAwareMaker("Q", order_size=1.0, value_min=0.15, size=0.5, refresh="100ms"))
    tw.backtest(maker, events, cash=1e9)
    bids = [one["quotes"][1] for one in maker.seen]
    places = [[order.queue_ahead for order in one["orders"] if order.side == "buy"] for one in maker.seen]
    assert places[1:5] == [[1.0], [1.0], [0.0], [0.0]]
    assert bids[:4] == [(99.5, 0.5)] * 4
    # 0.2 of size opposite is one order: it goes before a trade reaches us half of the time, for 0.25 a fill.
    assert bids[4] is None
