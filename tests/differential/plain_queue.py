"""A venue on a book of orders, written slowly from the rules: sets of orders that stand before ours.

The rules stand in `docs/assumptions.md`, "Books of orders". An order of ours knows the ids that rested at its
price when it arrived; one that leaves, or joins the queue anew, is struck out. Lots that trade behind it, or
come to rest on the other side of it, are its own first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tradewright.core.book_events import BookAction, BookEvents, BookFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

Request = tuple[int, str, "Ours"]
"""When it arrives, ``submit`` or ``cancel``, and the order."""


@dataclass(eq=False)
class Ours:
    order_id: str
    side: int
    price: int | None  # None is a market order.
    left: int
    post_only: bool = False
    tif: str = "gtc"
    arrived_ns: int = 0
    ahead: set[int] = field(default_factory=set[int])


@dataclass(eq=False)
class Shown:
    order_id: int
    side: int
    price: int
    lots: int
    taken: int = 0


@dataclass
class Print:
    aggressor: int
    price: int
    lots: int
    now: int
    ours: list[Ours]


@dataclass
class PlainVenue:
    priority: str = "reduction_keeps"
    partial: bool = True
    caps: bool = True
    orders: dict[int, Shown] = field(default_factory=dict[int, Shown])  # in order of arrival
    ours: list[Ours] = field(default_factory=list[Ours])
    waiting: list[Ours] = field(default_factory=list[Ours])
    prints: list[Print] = field(default_factory=list["Print"])
    fills: list[tuple[int, str, int, int, str]] = field(default_factory=list[tuple[int, str, int, int, str]])

    aheads: list[int] = field(default_factory=list[int])
    """Lots that stood before ours just before each of the fills; -1 where it took."""

    seen: list[tuple[int, str, int]] = field(default_factory=list[tuple[int, str, int]])

    # The recorded book.

    def best(self, side: int) -> int | None:
        prices = [order.price for order in self.orders.values() if order.side == side]
        return (max(prices) if side == 1 else min(prices)) if prices else None

    def leaves(self, order: Shown) -> None:
        del self.orders[order.order_id]
        for one in self.ours:
            one.ahead.discard(order.order_id)

    # Our side of it.

    def fill(self, one: Ours, price: int, lots: int, now: int, liquidity: str) -> None:
        one.left -= lots
        before = sum(self.orders[order_id].lots for order_id in one.ahead if order_id in self.orders)
        self.aheads.append(before if liquidity == "maker" else -1)
        self.fills.append((max(now, one.arrived_ns), one.order_id, price, lots, liquidity))
        if not one.left and one in self.ours:
            self.ours.remove(one)

    def in_line(self, side: int) -> list[tuple[Ours, int]]:
        """Our resting orders of a side with their prices, best price first, then the oldest."""
        resting = [(one, one.price) for one in self.ours if one.side == side and one.price is not None]
        return sorted(resting, key=lambda pair: -side * pair[1])

    def give(self, side: int, lots: int, now: int, *, before: tuple[int, int | None]) -> int:
        """Lots that went to a price (behind us there: to that order) reach ours first."""
        price, order_id = before
        left = lots
        for one, limit in self.in_line(side):
            better = side * (limit - price)
            first = better > 0 or (better == 0 and order_id is not None and order_id not in one.ahead)
            if first and left > 0:
                lots_ours = min(left, one.left) if self.partial else one.left
                left -= lots_ours
                self.fill(one, limit, lots_ours, now, "maker")
        return lots - left

    def arrive(self, one: Ours, now: int) -> None:
        one.arrived_ns = now
        other = self.best(-one.side)
        if other is None and (one.price is None or one.tif != "gtc"):
            if one.tif == "gtc":
                self.waiting.append(one)
            return
        crosses = other is not None and (one.price is None or one.side * (one.price - other) >= 0)
        if crosses and one.post_only:
            return
        if crosses:
            self.take(one, now)
        if not one.left or one.tif != "gtc":
            return
        if one.price is None:
            self.waiting.append(one)
            return
        one.ahead = {
            shown.order_id
            for shown in self.orders.values()
            if (shown.side, shown.price) == (one.side, one.price)
        }
        self.ours.append(one)

    def take(self, one: Ours, now: int) -> None:
        side = -one.side
        by_price: dict[int, list[Shown]] = {}
        for shown in self.orders.values():
            if shown.side == side and (one.price is None or one.side * (one.price - shown.price) >= 0):
                by_price.setdefault(shown.price, []).append(shown)
        if one.tif == "fok":
            free = sum(max(0, shown.lots - shown.taken) for level in by_price.values() for shown in level)
            if free < one.left:
                return
        for price in sorted(by_price, reverse=side == 1):
            filled = 0
            for shown in by_price[price]:
                lots = max(0, min(one.left - filled, shown.lots - shown.taken))
                shown.taken += lots
                filled += lots
            if filled:
                self.fill(one, price, filled, now, "taker")

    # Events.

    def event(
        self, action: int, side: int, flags: int, price: int, lots: int, order_id: int, now: int
    ) -> None:
        known = self.orders.get(order_id)
        match action:
            case BookAction.ADD:
                if known is None and lots > 0:
                    self.orders[order_id] = Shown(order_id, side, price, lots)
                    self.came(self.orders[order_id], now)
            case BookAction.CANCEL:
                if known is not None:
                    self.reduce(known, lots)
            case BookAction.MODIFY:
                if known is not None:
                    self.modify(known, price, lots, now)
            case BookAction.EXECUTE:
                self.executed(known, side, price, lots, order_id, now)
                if known is not None:
                    self.reduce(known, lots)
            case BookAction.FILL:
                self.told(known, side, price, lots, order_id, now)
            case BookAction.TRADE:
                self.prints.append(Print(side, price, lots, now, list(self.ours)))
            case BookAction.SNAPSHOT_START:
                self.orders.clear()  # Who stood before ours is not forgotten until the snapshot is complete.
            case BookAction.SNAPSHOT_END:
                for one in self.ours:
                    here = {
                        shown.order_id
                        for shown in self.orders.values()
                        if (shown.side, shown.price) == (one.side, one.price)
                    }
                    one.ahead &= here
            case _:
                raise AssertionError(action)
        if flags & BookFlag.LAST:
            self.message_ended(now)

    def reduce(self, order: Shown, lots: int) -> None:
        order.lots -= lots
        if order.lots <= 0:
            self.leaves(order)

    def modify(self, order: Shown, price: int, lots: int, now: int) -> None:
        keeps = {
            "reduction_keeps": lots <= order.lots,
            "always_lost": False,
            "always_kept": True,
        }[self.priority]
        if price == order.price and keeps:
            order.lots = lots
        else:
            self.leaves(order)
            self.orders[order.order_id] = order = Shown(order.order_id, order.side, price, lots)
        self.came(order, now)

    def came(self, order: Shown, now: int) -> None:
        """What an order shows that we did not take would have met ours on the other side."""
        if (new := order.lots - order.taken) > 0:
            side = -order.side
            given = self.give(side, new, now, before=(order.price - side, None))
            order.taken += min(given, new)

    def executed(
        self, known: Shown | None, side: int, price: int, lots: int, order_id: int, now: int
    ) -> None:
        if known is not None:
            self.give(known.side, lots, now, before=(known.price, order_id))
        else:  # Older than the recording: at its price it was there before us.
            self.give(side, lots, now, before=(price, None))

    def told(self, known: Shown | None, side: int, price: int, lots: int, order_id: int, now: int) -> None:
        side = side if known is None else known.side
        for one in reversed(self.prints):
            if one.price == price:
                if one.aggressor == side:
                    return  # It is the order that took.
                one.lots -= lots
                break
        self.executed(known, side, price, lots, order_id, now)

    def message_ended(self, now: int) -> None:
        for seen in self.prints:
            for side in (1, -1):
                left, price = seen.lots, seen.price
                if side == seen.aggressor:
                    continue
                for one, limit in self.in_line(side):
                    if one not in seen.ours:
                        continue
                    before = 0
                    if limit == price:
                        before = sum(self.orders[order_id].lots for order_id in one.ahead)
                    if side * (limit - price) >= 0 and left > before:
                        filled = min(left - before, one.left) if self.partial else one.left
                        left -= filled
                        self.fill(one, limit, filled, seen.now, "maker")
        self.prints.clear()
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            arrived = one.arrived_ns
            self.arrive(one, max(now, arrived))  # What happened before it came in may be heard after.
            one.arrived_ns = arrived

    def run(
        self,
        events: BookEvents,
        requests: Sequence[Request],
        *,
        clock: str,
        unit: float,
        lot: float,
        looks: Sequence[int] = (),
    ) -> None:
        """Meets the events in the clock's order; what arrives at a time comes after the events of that time.

        At each of ``looks``, between the two, what stands before our orders goes to `seen`.
        """
        times = events.ts_event_ns if clock == "venue" else events.ts_recv_ns
        order = np.argsort(times, kind="stable").tolist()
        watched: list[tuple[int, int, Request | None]] = [(request[0], 1, request) for request in requests]
        watched += [(at, 0, None) for at in looks]
        todo = sorted(watched, key=lambda one: one[:2])
        prices = np.nan_to_num(np.round(events.price / unit)).astype(int).tolist()
        sizes = np.round(events.size / lot).astype(int).tolist()
        due = 0
        for row in order:
            while due < len(todo) and todo[due][0] < times[row]:
                self.request(todo[due])
                due += 1
            self.event(
                int(events.action[row]),
                int(events.side[row]),
                int(events.flags[row]),
                prices[row],
                sizes[row],
                int(events.order_id[row]),
                int(events.ts_event_ns[row]),
            )
        for one in todo[due:]:
            self.request(one)

    def request(self, due: tuple[int, int, Request | None]) -> None:
        if due[2] is None:
            for resting in self.ours:
                ahead = sum(self.orders[order_id].lots for order_id in resting.ahead)
                self.seen.append((due[0], resting.order_id, ahead))
            return
        now, kind, one = due[2]
        if kind == "submit":
            self.arrive(one, now)
            return
        for orders in (self.ours, self.waiting):
            if one in orders:
                orders.remove(one)
