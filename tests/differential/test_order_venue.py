"""Orders in a recorded book of orders: the native venue beside a slow one written from the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_queue import Ours, PlainVenue, Request

import tradewright as tw
from tradewright import features as f
from tradewright.core.book_events import BookAction, BookEvents, BookFlag
from tradewright.errors import DataError
from tradewright.research.journal import FRAMES as JOURNAL
from tradewright.simulation import prepare
from tradewright.stepping import step_through

if TYPE_CHECKING:
    from pathlib import Path

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
UNIT, LOT = 0.5, 0.1
INSTRUMENT = tw.Instrument(
    symbol="Q", price_unit=UNIT, lot_size=LOT, fees=(tw.Fees(maker_bps=-1, taker_bps=4),)
)
Row = tuple[int, int, int, int, int]  # action, side, price, lots, order


class Generated:
    """A market of orders: they come, shrink, move and trade, mostly by price and time, now and then not."""

    def __init__(self, seed: int, style: str) -> None:
        self.rng = np.random.default_rng(seed)
        self.style = style  # ``executions`` as LOBSTER tells them, ``prints`` as Databento does.
        self.queues: dict[tuple[int, int], list[list[int]]] = {}  # (side, price) to [order, lots]
        self.last_id, self.middle = 0, 200
        self.rows: list[list[Any]] = []  # event ns, receive ns, flags, row
        self.event_ns = self.recv_ns = START_NS

    def best(self, side: int) -> int | None:
        prices = [price for (of, price), queue in self.queues.items() if of == side and queue]
        return (max(prices) if side == 1 else min(prices)) if prices else None

    def new(self, side: int, price: int, lots: int) -> Row:
        self.last_id += 1
        self.queues.setdefault((side, price), []).append([self.last_id, lots])
        return (BookAction.ADD, side, price, lots, self.last_id)

    def tell(self, rows: list[Row], *, later: int = 0) -> None:
        """One message; its last ``later`` rows come a little after the others."""
        self.event_ns += int(self.rng.integers(1, 8)) * MS
        self.recv_ns = max(self.recv_ns + 1, self.event_ns + int(self.rng.integers(0, 4)) * MS)
        for at, row in enumerate(rows):
            if later and at == len(rows) - later:
                self.recv_ns += int(self.rng.integers(0, 3)) * MS
            flags = int(BookFlag.LAST) if at == len(rows) - 1 else 0
            self.rows.append([self.event_ns, self.recv_ns, flags, row])

    def some(self) -> tuple[int, int, list[int]] | None:
        filled = [(side, price) for (side, price), queue in self.queues.items() if queue]
        if not filled:
            return None
        side, price = filled[int(self.rng.integers(len(filled)))]
        queue = self.queues[side, price]
        return side, price, queue[int(self.rng.integers(len(queue)))]

    def take(self, side: int, lots: int) -> None:
        """An order of a side takes from the front of the best queues; what is left of it may rest."""
        executed: list[tuple[int, int, int, int]] = []
        while lots and (price := self.best(-side)) is not None:
            queue = self.queues[-side, price]
            at = 0 if self.rng.random() < 0.95 else int(self.rng.integers(len(queue)))
            order, there = queue[at]
            traded = min(lots, there)
            executed.append((price, order, traded, there - traded))
            lots -= traded
            queue[at][1] -= traded
            if not queue[at][1]:
                del queue[at]
            if self.rng.random() < 0.3:
                break
        if not executed:
            return
        if self.style == "executions":
            for price, order, traded, _ in executed:
                self.tell([(BookAction.EXECUTE, -side, price, traded, order)])
            return
        rows: list[Row] = []
        for price in dict.fromkeys(one[0] for one in executed):
            total = sum(one[2] for one in executed if one[0] == price)
            hidden = int(self.rng.integers(1, 20)) if self.rng.random() < 0.1 else 0
            rows.append((BookAction.TRADE, side, price, total + hidden, 0))
            if self.rng.random() < 0.1 and (own := self.some()) and own[0] == side:
                rows.append((BookAction.FILL, side, price, total, own[2][0]))  # It rested, and took.
            rows += [(BookAction.FILL, -side, price, one[2], one[1]) for one in executed if one[0] == price]
        later = len(executed)
        for price, order, traded, left in executed:
            if left and self.rng.random() < 0.5:
                rows.append((BookAction.MODIFY, -side, price, left, order))
            else:
                rows.append((BookAction.CANCEL, -side, price, traded, order))
        if lots and self.rng.random() < 0.7 and self.fits(side, executed[-1][0]):
            rows.append(self.new(side, executed[-1][0], lots))
        self.tell(rows, later=min(later, len(rows) - 1))

    def fits(self, side: int, price: int) -> bool:
        other = self.best(-side)
        return other is None or side * (price - other) < 0

    def change(self) -> None:
        if (found := self.some()) is None:
            return
        side, price, order = found
        queue = self.queues[side, price]
        kind = self.rng.random()
        if kind < 0.5:
            lots = order[1] if self.rng.random() < 0.6 else int(self.rng.integers(1, order[1] + 3))
            order[1] -= lots
            if order[1] <= 0:
                queue.remove(order)
            self.tell([(BookAction.CANCEL, side, price, lots, order[0])])
            return
        new_price = price if kind < 0.8 else price + int(self.rng.integers(-3, 4))
        if not self.fits(side, new_price) or new_price < 1:
            return
        lots = int(self.rng.integers(1, 40))
        if new_price != price or lots > order[1]:
            queue.remove(order)
            self.queues.setdefault((side, new_price), []).append(order)
        order[1] = lots
        self.tell([(BookAction.MODIFY, side, new_price, lots, order[0])])

    def snapshot(self) -> None:
        rows: list[Row] = [(BookAction.SNAPSHOT_START, 0, 0, 0, 0)]
        for (side, price), queue in self.queues.items():
            queue[:] = [order for order in queue if self.rng.random() < 0.9]
            rows += [(BookAction.ADD, side, price, order[1], order[0]) for order in queue]
            if self.rng.random() < 0.2 and queue:
                rows.append(self.new(side, price, 5))
        self.tell([*rows, (BookAction.SNAPSHOT_END, 0, 0, 0, 0)])

    def events(self, messages: int) -> BookEvents:
        rng = self.rng
        rows = [self.new(side, self.middle - side * step, int(rng.integers(1, 30)))
                for side in (1, -1) for step in range(1, 6) for _ in range(3)]  # fmt: skip
        self.tell([(BookAction.SNAPSHOT_START, 0, 0, 0, 0), *rows, (BookAction.SNAPSHOT_END, 0, 0, 0, 0)])
        for _ in range(messages):
            kind, side = rng.random(), int(rng.choice([1, -1]))
            if kind < 0.35:
                price = (self.best(-side) or self.middle) - side * int(rng.integers(1, 6))
                if price > 0:
                    self.tell([self.new(side, price, int(rng.integers(1, 30)))])
            elif kind < 0.60:
                self.take(side, int(rng.integers(1, 50)))
            elif kind < 0.93:
                self.change()
            elif kind < 0.96:
                at = (self.best(side) or self.middle) + side * int(rng.integers(0, 2))
                self.tell([(BookAction.TRADE, int(rng.choice([-side, 0])), at, int(rng.integers(1, 60)), 0)])
            elif kind < 0.98:
                action = int(rng.choice([BookAction.CANCEL, BookAction.EXECUTE]))
                self.tell([(action, side, self.best(side) or self.middle, 3, 10**9)])  # not in the book
            elif kind < 0.99:
                self.snapshot()
        event, recv, flags, told = zip(*self.rows, strict=True)
        action, sides, price, lots, order = zip(*told, strict=True)
        ticks = np.array(price, dtype=float)
        return BookEvents.from_arrays(
            "Q",
            ts=np.array(event),
            ts_recv=np.array(recv),
            action=action,
            side=sides,
            flags=flags,
            price=np.where(ticks > 0, ticks * UNIT, np.nan),
            size=np.round(np.array(lots) * LOT, 1),
            order_id=order,
            instrument=INSTRUMENT,
            model="l3",
        )


@dataclass
class Trades(tw.Policy):
    """Rests, takes and cancels at random, and remembers what it asked for and when."""

    seed: int
    symbol: str = "Q"
    period: str = "20ms"
    unit: float = UNIT
    lot: float = LOT
    size_max: int = 40  # lots
    asked: list[tuple[int, str, Any]] = field(default_factory=list[Any], init=False)

    def setup(self, ctx: tw.Setup) -> None:
        self.bid, self.ask = ctx.watch(f.bid(self.symbol)), ctx.watch(f.ask(self.symbol))
        ctx.watch_queues()
        ctx.wake(f.every(self.period))
        self.rng = np.random.default_rng(self.seed)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        bid, ask = market[self.bid], market[self.ask]
        if not bid < ask:
            return None
        orders = [order for order in portfolio.open_orders(self.symbol) if order.status != "pending"]
        if len(orders) > 5 or (orders and self.rng.random() < 0.1):
            gone = orders[int(self.rng.integers(len(orders)))].order_id
            self.asked.append((market.now_ns, "cancel", gone))
            return tw.Cancel(gone)
        order: dict[str, Any] = {
            "symbol": self.symbol,
            "side": "buy" if self.rng.random() < 0.5 else "sell",
            "size": round(int(self.rng.integers(1, self.size_max)) * self.lot, 6),
        }
        kind, buys = self.rng.random(), order["side"] == "buy"
        if kind < 0.1:
            order |= {"type": "market", "tif": str(self.rng.choice(["gtc", "ioc"]))}
        else:
            inside = kind < 0.3
            near, far = (bid, ask) if buys else (ask, bid)
            away = int(self.rng.integers(0, 3)) * self.unit * (-1 if buys else 1)
            order |= {
                "type": "limit",
                "limit": far if inside else near + away,
                "post_only": not inside or bool(self.rng.random() < 0.2),
                "tif": str(self.rng.choice(["gtc", "ioc", "fok"])) if inside else "gtc",
            }
            if order["tif"] != "gtc":
                order["post_only"] = False
        self.asked.append((market.now_ns, "submit", order))
        return tw.Submit(**order)


def requests_of(policy: Trades, result: tw.Result, entry_ns: int) -> list[Request]:
    """What reached the venue: the gate keeps back orders that could meet our own."""
    rows = iter(result.orders.iter_rows(named=True))
    ours: dict[str, Ours] = {}
    requests: list[Request] = []
    for at, kind, what in policy.asked:
        if kind == "cancel":
            requests.append((at + entry_ns, kind, ours[what]))
            continue
        row = next(rows)
        if row["status"] == "refused":
            continue
        ours[row["order_id"]] = one = Ours(
            row["order_id"],
            1 if what["side"] == "buy" else -1,
            round(what["limit"] / policy.unit) if what["type"] == "limit" else None,
            round(what["size"] / policy.lot),
            what.get("post_only", False),
            what["tif"],
        )
        requests.append((at + entry_ns, kind, one))
    return requests


def filled(result: tw.Result, unit: float, lot: float) -> list[tuple[int, str, int, int, str]]:
    return [
        (
            int(row["ts_event"]),
            row["order_id"],
            round(row["price"] / unit),
            round(row["size"] / lot),
            row["liquidity"],
        )
        for row in result.fills.with_columns(ts_event=result.fills["ts_event"].cast(int)).iter_rows(
            named=True
        )
    ]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    style=st.sampled_from(["executions", "prints"]),
    clock=st.sampled_from(["causal", "venue"]),
    partial=st.booleans(),
    entry_ns=st.sampled_from([0, 3 * MS, 11 * MS]),
    priority=st.sampled_from(["reduction_keeps", "always_lost", "always_kept"]),
)
def test_fills_are_those_of_the_slow_venue(
    seed: int, style: str, clock: Any, partial: bool, entry_ns: int, priority: Any
) -> None:
    events, policy = Generated(seed, style).events(700), Trades(seed)
    venue = tw.Venue(
        clock=clock,
        latency=tw.ConstantLatency(entry_ns=entry_ns, response_ns=2 * MS),
        fills=tw.Fills(partial=partial, queue=tw.ExactQueue(priority=priority)),
    )
    result = tw.backtest(policy, events, cash=1_000_000_000, venue=venue)
    slow = PlainVenue(priority=priority, partial=partial)
    slow.run(events, requests_of(policy, result, entry_ns), clock=clock, unit=UNIT, lot=LOT)
    assert sorted(filled(result, UNIT, LOT)) == sorted(slow.fills)


def levels_of(events: BookEvents) -> BookEvents:
    """The same market told by levels: each size counted anew from all orders; prints of executions beside."""
    orders: dict[int, list[int]] = {}  # order to side, price, lots
    rows: list[tuple[int, int, int, float, float]] = []  # row, action, side, price, size

    def sizes(*levels: list[int]) -> list[tuple[int, int, float, float]]:
        seen = dict.fromkeys((side, price) for side, price, *_ in levels)
        total = {key: sum(order[2] for order in orders.values() if tuple(order[:2]) == key) for key in seen}
        return [
            (BookAction.SET, side, price * UNIT, round(lots * LOT, 1))
            for (side, price), lots in total.items()
        ]

    for row in range(len(events)):
        action, side, order_id = (int(one[row]) for one in (events.action, events.side, events.order_id))
        price, size = float(events.price[row]), float(events.size[row])
        ticks, lots = 0 if np.isnan(price) else round(price / UNIT), round(size / LOT)
        told: list[tuple[int, int, float, float]] = []
        known = orders.get(order_id)
        match action:
            case BookAction.ADD:
                orders[order_id] = [side, ticks, lots]
                told = sizes(orders[order_id])
            case BookAction.CANCEL | BookAction.EXECUTE:
                if action == BookAction.EXECUTE:
                    told = [(BookAction.TRADE, -side, price, size)]
                if known is not None:
                    known[2] -= lots
                    if known[2] <= 0:
                        del orders[order_id]
                    told += sizes(known)
            case BookAction.MODIFY:
                if known is not None:
                    orders[order_id] = [known[0], ticks, lots]
                    told = sizes(known, orders[order_id])
            case BookAction.FILL:
                pass
            case _:
                if action == BookAction.SNAPSHOT_START:
                    orders.clear()
                told = [(action, side, price, size)]
        is_last = bool(events.flags[row] & BookFlag.LAST)
        if is_last and not told:
            told = [(BookAction.FILL, side, price, size)]
        rows += [(row, *one) for one in told]
    at, action, side, price, size = (np.array(column) for column in zip(*rows, strict=True))
    last = np.r_[at[1:] != at[:-1], True]
    return BookEvents.from_arrays(
        "Q",
        ts=events.ts_event_ns[at],
        ts_recv=events.ts_recv_ns[at],
        action=action,
        side=side,
        flags=np.where(last, events.flags[at], 0),
        price=price,
        size=size,
        instrument=INSTRUMENT,
        model="l2",
    )


@pytest.mark.parametrize("style", ["executions", "prints"])
@pytest.mark.parametrize("clock", ["causal", "venue"])
def test_a_model_of_levels_sees_the_levels_of_the_orders(style: str, clock: Any) -> None:
    events = Generated(3, style).events(1500)
    for queue in (tw.RiskAverseQueue(), tw.ProbabilisticQueue(form="power", exponent=2.0)):
        venue = tw.Venue(
            clock=clock,
            latency=tw.ConstantLatency(entry_ns=3 * MS, response_ns=MS),
            fills=tw.Fills(queue=queue),
        )
        by_orders = tw.backtest(Trades(3), events, cash=1e9, venue=venue)
        by_levels = tw.backtest(Trades(3), levels_of(events), cash=1e9, venue=venue)
        assert by_orders.fills.equals(by_levels.fills)
        assert by_orders.orders.equals(by_levels.orders)
        assert len(by_orders.fills) > 100
        assert by_orders.meta.grade.startswith("levels of book orders, queue model: ")


@dataclass
class Looks(Trades):
    """`Trades` that writes down where its orders stand."""

    seen: list[tuple[int, str, float]] = field(default_factory=list[Any], init=False)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        for order in portfolio.open_orders("Q"):
            if order.queue_ahead is not None:
                self.seen.append((market.now_ns, order.order_id, order.queue_ahead))
        return super().decide(market, portfolio)


@pytest.mark.parametrize("style", ["executions", "prints"])
def test_a_policy_sees_what_stands_before_its_orders(style: str) -> None:
    events, policy = Generated(11, style).events(2000), Looks(11)
    result = tw.backtest(policy, events, cash=1e9, venue=tw.Venue())
    slow = PlainVenue()
    times = sorted({at for at, *_ in policy.seen})
    slow.run(events, requests_of(policy, result, 0), clock="causal", unit=UNIT, lot=LOT, looks=times)
    seen = [(at, order_id, round(ahead / LOT)) for at, order_id, ahead in policy.seen]
    assert len(seen) > 500
    assert len({ahead for *_, ahead in seen}) > 20
    assert set(seen) == set(slow.seen)


@pytest.mark.parametrize("queue", [tw.RiskAverseQueue(), tw.ProbabilisticQueue(form="log")])
def test_on_levels_a_policy_sees_the_venues_model(queue: Any) -> None:
    """With no latency what a policy was told is all there was: an order fills once nothing is before it."""
    events, policy = levels_of(Generated(12, "prints").events(2000)), Looks(12)
    venue = tw.Venue(fills=tw.Fills(queue=queue))
    result = tw.backtest(policy, events, cash=1e9, venue=venue)
    assert len({round(ahead, 3) for *_, ahead in policy.seen}) > 20
    partly = result.orders.filter((result.orders["filled_size"] > 0) & (result.orders["type"] == "limit"))
    firsts = {order: ahead for _, order, ahead in reversed(policy.seen)}
    lasts = {order: ahead for _, order, ahead in policy.seen}
    assert all(lasts[order] <= firsts[order] for order in lasts)
    assert len(set(partly["order_id"]) & set(lasts)) > 10


def test_nobody_asked_and_nobody_sees() -> None:
    class Blind(Looks):
        def setup(self, ctx: tw.Setup) -> None:
            super().setup(ctx)
            ctx.watches_queues = False

    events, policy = Generated(11, "prints").events(500), Blind(11)
    assert len(tw.backtest(policy, events, cash=1e9).orders) > 20
    assert policy.seen == []


@pytest.mark.parametrize("clock", ["causal", "venue"])
def test_stepping_through_orders_is_the_native_loop(tmp_path: Path, clock: Any) -> None:
    venue = tw.Venue(clock=clock, latency=tw.ConstantLatency(entry_ns=4 * MS, response_ns=9 * MS))
    ended: list[Any] = []
    for way in ("native", "stepped"):
        events = Generated(17, "executions").events(1200)
        prepared = prepare([Looks(5)], events, venue=venue, cash=1e9, out=tmp_path / way)
        run = prepared.run
        if way == "native":
            assert run.kernel.run(run.series, run.sources, run.venue, None, run.venue_series)
        else:
            step_through(run, run.kernel.venue(run.venue, run.series))
        ended.append(prepared.finish(finished=True))
    native, stepped = ended
    assert (tmp_path / "native" / JOURNAL).read_bytes() == (tmp_path / "stepped" / JOURNAL).read_bytes()
    assert native.digest() == stepped.digest()
    assert native.meta.counters.fills > 50


def test_an_exact_queue_needs_orders() -> None:
    events = levels_of(Generated(1, "prints").events(20))
    venue = tw.Venue(fills=tw.Fills(queue=tw.ExactQueue()))
    with pytest.raises(DataError, match=r"book_l2 of Q: has levels, which do not say"):
        tw.backtest(Trades(1), events, cash=1e9, venue=venue)
