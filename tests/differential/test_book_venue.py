"""Orders in a recorded book: the native venue beside a slow one written from the rules; both loops alike.

The rules stand in `docs/assumptions.md`: an order joins behind what is shown; prints move it up, a level
smaller than what stood before it bounds that, and cancelled lots move it by the queue model. It fills when
more was printed at its price than stood before it, when a print goes beyond its price, and when the other
side comes to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.core.book_events import BookAction, BookEvents, BookFlag
from tradewright.errors import DataError
from tradewright.research.journal import FRAMES as JOURNAL
from tradewright.sim.config import ProbabilisticQueue, Queue, RiskAverseQueue
from tradewright.simulation import prepare
from tradewright.stepping import step_through

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
INSTRUMENT = tw.Instrument(
    symbol="B", price_unit=0.5, lot_size=0.1, fees=(tw.Fees(maker_bps=-1, taker_bps=4),)
)


def book_of(seed: int, messages: int, *, delay_ms: int = 3) -> BookEvents:
    """A book that walks: levels come and go, prints take from the touch, and now and then it jumps."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, int, int, float, float]] = []
    books: dict[int, dict[int, int]] = {1: {}, -1: {}}
    mid, event_ns, recv_ns = 200, START_NS, START_NS
    for message in range(messages):
        event_ns += int(rng.integers(1, 20)) * MS
        recv_ns = max(recv_ns + 1, event_ns + int(rng.integers(0, delay_ms + 1)) * MS)
        events: list[tuple[int, int, int, int]] = []
        if message == 0:
            events.append((BookAction.SNAPSHOT_START, 0, 0, 0))
            events += [
                (BookAction.SET, side, mid - side * step, 30) for side in (1, -1) for step in range(1, 6)
            ]
            events.append((BookAction.SNAPSHOT_END, 0, 0, 0))
        kind = rng.random()
        if kind < 0.35 and books[1] and books[-1]:
            side = int(rng.choice([1, -1]))
            opposite = books[-side]
            price = min(opposite) if side == 1 else max(opposite)
            lots = int(rng.integers(1, 40))
            events.append((BookAction.TRADE, side, price, lots))
            events.append((BookAction.SET, -side, price, max(0, opposite[price] - lots)))
        elif kind < 0.45:
            mid += int(rng.choice([-1, 1]))
            for side in (1, -1):
                gone = [price for price in books[side] if side * (mid - price) <= 0]
                events += [(BookAction.SET, side, price, 0) for price in gone]
            events += [(BookAction.SET, side, mid - side, int(rng.integers(1, 50))) for side in (1, -1)]
        else:
            for _ in range(int(rng.integers(1, 4))):
                side = int(rng.choice([1, -1]))
                price = mid - side * int(rng.integers(1, 6))
                events.append((BookAction.SET, side, price, int(rng.integers(0, 50))))
        for at, (action, side, price, lots) in enumerate(events):
            if action == BookAction.SET:
                books[side][price] = lots
                if not lots:
                    del books[side][price]
            last = BookFlag.LAST if at == len(events) - 1 else 0
            rows.append((event_ns, recv_ns, action, side, last, price * 0.5 if price else np.nan, lots * 0.1))
    event, recv, action, side, flags, price, size = zip(*rows, strict=True)
    return BookEvents.from_arrays(
        "B",
        ts=np.array(event),
        ts_recv=np.array(recv),
        action=action,
        side=side,
        flags=flags,
        price=price,
        size=np.round(size, 1),
        instrument=INSTRUMENT,
        model="l2",
    )


@dataclass
class Rests(tw.Policy):
    """Rests orders near the touch, a few at a time, and cancels old ones; what it sent is written down."""

    seed: int
    sent: list[tuple[int, str, float, float]] = field(default_factory=list[Any], init=False)

    def setup(self, ctx: tw.Setup) -> None:
        self.bid, self.ask = ctx.watch(f.bid("B")), ctx.watch(f.ask("B"))
        ctx.wake(f.every("50ms"))
        self.rng = np.random.default_rng(self.seed)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        bid, ask = market[self.bid], market[self.ask]
        if not bid < ask:
            return None
        orders = portfolio.open_orders("B")
        if len(orders) > 4:
            return [tw.Cancel(order.order_id) for order in orders[:2] if order.status == "accepted"]
        side = "buy" if self.rng.random() < 0.5 else "sell"
        away = int(self.rng.integers(0, 3)) * 0.5
        size = round(int(self.rng.integers(1, 30)) * 0.1, 1)
        limit = bid - away if side == "buy" else ask + away
        return tw.Submit(symbol="B", side=side, size=size, type="limit", limit=limit, post_only=True)


@dataclass
class Slow:
    """One resting order as the rules have it, in lots; `ahead` is what stands before it."""

    order_id: str
    side: int
    price: int
    left: int
    ahead: float
    traded: float = 0.0
    decided: int = 0


def share_behind(queue: Queue, front: float, back: float) -> float:
    assert isinstance(queue, ProbabilisticQueue)
    n = queue.exponent
    if front == back == 0:
        return 1.0
    if queue.form == "power":
        return back**n / (back**n + front**n)
    return float(np.log1p(back) / (np.log1p(back) + np.log1p(front)))


def slow_fills(
    events: BookEvents, result: Any, queue: Queue, *, partial: bool, entry_ns: int
) -> list[tuple[int, str, int, int, float, float]]:
    """Fills, from the events and the orders sent.

    Each is (venue time, order, price in half units, lots, lots before it, mid in half units): the last two as
    they stood just before the message that filled it.
    """
    requests: list[tuple[int, int, str, Any]] = []
    for row in result.orders.iter_rows(named=True):
        at = round(row["decided_at"].timestamp() * 1000) * MS
        requests.append((at + entry_ns, 0, row["order_id"], row))
    for at, order_id in result.cancels:
        requests.append((at + entry_ns, 1, order_id, None))
    requests.sort(key=lambda request: request[0])
    order_of = np.argsort(events.ts_event_ns, kind="stable")
    levels: dict[tuple[int, int], int] = {}
    resting: list[Slow] = []
    fills: list[tuple[int, str, int, int, float, float]] = []
    mid, message_ns = 0.0, -1

    def best(side: int) -> int | None:
        prices = [price for (of, price), lots in levels.items() if of == side and lots]
        return (max(prices) if side == 1 else min(prices)) if prices else None

    def fill(order: Slow, lots: int, now: int, ahead: float) -> None:
        order.left -= lots
        fills.append((now, order.order_id, order.price, lots, round(max(0.0, ahead), 6), mid))

    def request(one: tuple[int, int, str, Any]) -> None:
        _, kind, order_id, row = one
        if kind == 1:
            resting[:] = [order for order in resting if order.order_id != order_id]
            return
        side = 1 if row["side"] == "buy" else -1
        price, lots = round(row["price"] * 2), round(row["size"] * 10)
        other = best(-side)
        if other is not None and side * (price - other) >= 0:
            return  # Post-only: refused.
        resting.append(Slow(order_id, side, price, lots, float(levels.get((side, price), 0))))

    due = 0
    for row in order_of.tolist():
        now = int(events.ts_event_ns[row])
        while due < len(requests) and requests[due][0] < now:
            request(requests[due])
            due += 1
        if now != message_ns:
            bid, ask = best(1), best(-1)
            message_ns, mid = now, -1.0 if bid is None or ask is None else (bid + ask) / 2
        action, side = int(events.action[row]), int(events.side[row])
        price = 0 if np.isnan(events.price[row]) else round(float(events.price[row]) * 2)
        lots = round(float(events.size[row]) * 10)
        if action == BookAction.SNAPSHOT_START:
            levels.clear()
        elif action == BookAction.SET:
            before = levels.get((side, price), 0)
            levels[side, price] = lots
            for order in resting:
                if order.side == side and order.price == price:
                    cancelled = before - lots - order.traded
                    order.traded = 0.0
                    if isinstance(queue, RiskAverseQueue) or cancelled < 0:
                        order.ahead = min(order.ahead, lots)
                    else:
                        front, back = order.ahead, before - order.ahead
                        behind = share_behind(queue, max(front, 0), max(back, 0))
                        moved = front - (1 - behind) * cancelled + min(back - behind * cancelled, 0)
                        order.ahead = min(moved, lots)
                elif order.side == -side and lots and side * (price - order.price) >= 0:
                    fill(order, order.left, now, order.ahead)
        elif action == BookAction.TRADE:
            shared = lots
            for order in resting:
                if order.side != -side:
                    continue
                ahead = order.ahead
                if side * (price - order.price) > 0:
                    fill(order, order.left, now, ahead)
                elif price == order.price:
                    order.ahead -= lots
                    order.traded += lots
                    beyond = round(-order.ahead)
                    if beyond > 0:
                        order.ahead = 0.0
                        ours = min(beyond, shared, order.left) if partial else order.left
                        shared = max(0, shared - ours)
                        if ours:
                            fill(order, ours, now, ahead)
        resting[:] = [order for order in resting if order.left]
    return fills


class WithCancels:
    """A result and the cancellations that were asked for."""

    def __init__(self, result: Any, cancels: list[tuple[int, str]]) -> None:
        self.orders, self.fills, self.cancels = result.orders, result.fills, cancels


class Records(Rests):
    """`Rests` that remembers its cancellations."""

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        intents = super().decide(market, portfolio)
        if isinstance(intents, list):
            self.cancels.extend(
                (market.now_ns, one.order_id) for one in intents if isinstance(one, tw.Cancel)
            )
        return intents

    def setup(self, ctx: tw.Setup) -> None:
        super().setup(ctx)
        self.cancels: list[tuple[int, str]] = []


QUEUES: list[Queue] = [
    RiskAverseQueue(),
    ProbabilisticQueue(form="power", exponent=2.0),
    ProbabilisticQueue(form="log"),
]


@pytest.mark.parametrize("queue", QUEUES, ids=["risk averse", "power 2", "log"])
@pytest.mark.parametrize("partial", [True, False], ids=["partial", "whole"])
def test_resting_orders_fill_as_the_rules_say(queue: Queue, partial: bool) -> None:
    for seed in range(3):
        events, policy = book_of(seed, 3000), Records(seed)
        entry_ns = (0, 3, 11)[seed] * MS
        venue = tw.Venue(
            clock="venue",
            latency=tw.ConstantLatency(entry_ns=entry_ns, response_ns=2 * MS),
            fills=tw.Fills(queue=queue, partial=partial),
        )
        result = tw.backtest(policy, events, cash=1_000_000, venue=venue)
        seen = [
            (
                round(row["ts_event"].timestamp() * 1000) * MS,
                row["order_id"],
                round(row["price"] * 2),
                round(row["size"] * 10),
                round(row["queue_ahead"] * 10, 6),
                -1.0 if row["mid"] is None else row["mid"] * 2,
            )
            for row in result.fills.iter_rows(named=True)
        ]
        kept = WithCancels(result, policy.cancels)
        expected = slow_fills(events, kept, queue, partial=partial, entry_ns=entry_ns)
        assert len(expected) > 100
        assert sorted(seen) == sorted(expected)
        assert set(result.fills["liquidity"]) == {"maker"}


def test_a_taker_walks_the_levels_and_does_not_take_them_twice() -> None:
    at = START_NS + np.array([0, 0, 0, 0, 0, 0, 0, 500, 900]) * MS
    action = [
        BookAction.SNAPSHOT_START,
        *[BookAction.SET] * 5,
        BookAction.SNAPSHOT_END,
        *[BookAction.SET] * 2,
    ]
    events = BookEvents.from_arrays(
        "B",
        ts=at,
        action=action,
        side=[0, 1, -1, -1, -1, -1, 0, -1, 1],
        price=[np.nan, 99.0, 100.0, 100.5, 101.0, 102.0, np.nan, 100.0, 98.0],
        size=[0, 5.0, 1.0, 2.0, 3.0, 9.0, 0, 0.4, 1.0],
        flags=[0, 0, 0, 0, 0, 0, 1, 1, 1],
        instrument=INSTRUMENT,
        model="l2",
    )

    class Takes(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(f.every("100ms"))
            self.count = 0

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            self.count += 1
            buy: dict[str, Any] = {"symbol": "B", "side": "buy"}
            match self.count:
                case 1:
                    return tw.Submit(**buy, size=2.5, type="market")
                case 2:
                    return tw.Submit(**buy, size=9.0, type="limit", limit=101.0, tif="ioc")
                case 3:
                    return tw.Submit(**buy, size=1.0, type="limit", limit=101.0, tif="fok")
                case 6:
                    return tw.Submit(**buy, size=1.0, type="market", tif="ioc")
                case _:
                    return None

    result = tw.backtest(Takes(), events, cash=10_000)
    taken = [(row["price"], round(row["size"], 1)) for row in result.fills.iter_rows(named=True)]
    # 1.0 at 100, 1.5 at 100.5; what is left up to 101; nothing for FOK; 0.4 shown anew and 0.6 at 102.
    assert taken == [(100.0, 1.0), (100.5, 1.5), (100.5, 0.5), (101.0, 3.0), (100.0, 0.4), (102.0, 0.6)]
    assert list(result.orders["status"]) == ["filled", "cancelled", "cancelled", "filled"]
    assert list(result.orders["reason"])[1:3] == ["ioc_remainder", "fok_unfilled"]
    assert result.meta.grade == "book levels, queue model: risk averse"


@dataclass
class Quotes(tw.Policy):
    """Shows both sides at the touch, shaded by the book's imbalance; takes now and then, with stops."""

    replace: Any = "overlap"

    def setup(self, ctx: tw.Setup) -> None:
        self.bid, self.ask = ctx.watch(f.bid("B")), ctx.watch(f.ask("B"))
        self.lean = ctx.watch(f.imbalance("B", 3))
        self.fair = ctx.watch(f.weighted_mid("B"))
        self.deep = ctx.watch(f.bid_depth("B", 5) - f.ask_depth("B", 5))
        ctx.wake(f.every("70ms"), f.crosses(self.deep, 0), f.on_trade("B"))
        self.count = 0

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.count += 1
        bid, ask, lean = market[self.bid], market[self.ask], market[self.lean]
        if not bid < ask:
            return tw.TargetQuotes.none("B")
        if self.count % 41 == 0:
            return tw.Submit(symbol="B", side="sell", size=0.7, type="stop", stop=bid - 0.5)
        if self.count % 29 == 0:
            return tw.Submit(symbol="B", side="buy", size=4.0, type="market")
        held = portfolio.position("B")
        return tw.TargetQuotes(
            "B",
            bid=(bid, 0.5) if held < 5 and lean > -0.9 else None,
            ask=(ask, 0.5) if held > -5 and market[self.fair] < ask else None,
            replace=self.replace,
        )


@pytest.mark.parametrize("clock", ["causal", "venue"])
@pytest.mark.parametrize("replace", ["overlap", "wait", "amend"])
def test_stepping_through_a_book_is_the_native_loop(tmp_path: Path, clock: Any, replace: str) -> None:
    venue = tw.Venue(clock=clock, latency=tw.ConstantLatency(entry_ns=4 * MS, response_ns=9 * MS))
    ended: list[Any] = []
    for way in ("native", "stepped"):
        policies: Sequence[tw.Policy] = [Quotes(replace), Rests(5)]
        prepared = prepare(policies, book_of(17, 3000), venue=venue, cash=1_000_000, out=tmp_path / way)
        run = prepared.run
        if way == "native":
            assert run.kernel.run(run.series, run.sources, run.venue, None, run.venue_series)
        else:
            step_through(run, run.kernel.venue(run.venue, run.series))
        ended.append(prepared.finish(finished=True))
    native, stepped = ended
    assert (tmp_path / "native" / JOURNAL).read_bytes() == (tmp_path / "stepped" / JOURNAL).read_bytes()
    assert native.digest() == stepped.digest()
    assert native.meta.counters == stepped.meta.counters
    assert {"maker", "taker"} == set(native.fills["liquidity"])
    assert native.meta.counters.fills > 200


def test_bad_events_are_refused_by_row() -> None:
    def events(**changes: Any) -> BookEvents:
        columns: dict[str, Any] = {
            "ts": START_NS + np.arange(3),
            "action": [1, 1, 0],
            "side": [1, -1, 1],
            "price": [99.0, 100.0, 100.0],
            "size": [1.0, 1.0, 1.0],
        }
        return BookEvents.from_arrays("B", **{**columns, **changes}, instrument=INSTRUMENT, model="l2")

    cases: list[tuple[dict[str, Any], str]] = [
        ({"price": [99.0, np.nan, 100.0]}, "row 2, price"),
        ({"price": [99.0, -1.0, 100.0]}, "row 2, price"),
        ({"size": [1.0, 1.0, -1.0]}, "row 3, size"),
        ({"size": [1.0, np.inf, 1.0]}, "row 2, size"),
        ({"action": [1, 99, 0]}, "row 2, action"),
        ({"ts": [START_NS + 5, START_NS, START_NS + 9]}, "row 2, ts_recv_ns"),
    ]
    for changes, where in cases:
        with pytest.raises(DataError, match=where):
            tw.backtest(Quotes(), events(**changes))
