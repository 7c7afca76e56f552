"""Orders in a recorded book of orders: the native venue beside a slow one written from the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from order_streams import INSTRUMENT, LOT, MS, START_NS, UNIT, Generated
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
@example(407_328, "prints", "causal", False, 11 * MS, "reduction_keeps")  # A snapshot while nothing rests.
@example(177, "prints", "causal", False, 0, "reduction_keeps")  # A snapshot of before the order, heard after.
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
    found = filled(result, UNIT, LOT)
    assert sorted(found) == sorted(slow.fills)
    aheads = [-1 if ahead is None else round(ahead / LOT) for ahead in result.fills["queue_ahead"]]
    assert sorted(zip(found, aheads, strict=True)) == sorted(zip(slow.fills, slow.aheads, strict=True))


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


@pytest.mark.parametrize(("size", "place", "left"), [(0.5, 1.0, 0.3), (2.0, 3.0, 2.0)])
def test_an_amendment_keeps_a_place_only_if_it_gets_smaller(size: float, place: float, left: float) -> None:
    rows = [
        (BookAction.SNAPSHOT_START, 0, np.nan, 0.0, 0),
        (BookAction.ADD, 1, 99.5, 1.0, 1),
        (BookAction.ADD, -1, 100.0, 5.0, 2),
        (BookAction.SNAPSHOT_END, 0, np.nan, 0.0, 0),
        (BookAction.ADD, 1, 99.5, 2.0, 3),
        (BookAction.ADD, -1, 100.5, 1.0, 4),
        (BookAction.EXECUTE, 1, 99.5, 1.0, 1),
        (BookAction.EXECUTE, 1, 99.5, 0.2, 3),  # Behind us, if we kept our place.
    ]
    action, side, price, sizes, order_id = zip(*rows, strict=True)
    events = BookEvents.from_arrays(
        "Q",
        ts=START_NS + np.array([0, 0, 0, 0, 150, 250, 350, 450]) * MS,
        action=action,
        side=side,
        price=price,
        size=sizes,
        order_id=order_id,
        flags=[0, 0, 0, 1, 1, 1, 1, 1],
        instrument=INSTRUMENT,
    )

    class Amends(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.watch_queues()
            ctx.wake(f.every("100ms"))
            self.seen: list[list[float | None]] = []

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            orders = portfolio.open_orders("Q")
            self.seen.append([order.queue_ahead for order in orders])
            if len(self.seen) == 1:
                return tw.Submit(symbol="Q", side="buy", size=1.0, type="limit", limit=99.5)
            if len(self.seen) == 3:
                return tw.Amend(orders[0].order_id, size=size)
            return None

    policy = Amends()
    result = tw.backtest(policy, events, cash=1e6)
    assert policy.seen == [[], [1.0], [1.0], [place], [place - 1.0]]
    order = result.orders.row(0, named=True)
    assert order["size"] - order["filled_size"] == pytest.approx(left)
