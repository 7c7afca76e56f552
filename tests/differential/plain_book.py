"""An order book that is slow and obvious: a sorted list a side, and a list of stops that is searched through.

It knows the rules of ``docs/concepts/matching.md`` and nothing of the engine.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Fill: TypeAlias = tuple[int, int, int, int, int, int]
Outcome: TypeAlias = tuple[int, int, str, int]

LIMIT_MAX = 2**53


class RejectedError(Exception):
    """An operation changes nothing; the argument says why, as `Reject` names it."""


@dataclass
class Resting:
    id: int
    is_buy: bool
    price: int | None  # None for a stop that takes any price
    size: int  # with what has traded
    open: int
    owner: int = 0
    tif: str = "gtc"
    peak: int = 0
    trigger: int | None = None
    shown: int = 0
    place: tuple[int, int] = (0, 0)  # price towards the worse, then time

    def show(self) -> None:
        self.shown = min(self.open, self.peak) if self.peak else self.open


def by_place(order: Resting) -> tuple[int, int]:
    return order.place


@dataclass
class PlainBook:
    self_trade: str = "allow"
    sides: dict[bool, list[Resting]] = field(default_factory=lambda: {True: [], False: []})
    live: dict[int, Resting] = field(default_factory=dict[int, Resting])
    stops: list[Resting] = field(default_factory=list[Resting])
    due: list[Resting] = field(default_factory=list[Resting])
    last: int | None = None
    time: int = 0
    command: int = -1
    fills: list[Fill] = field(default_factory=list[Fill])  # as the engine's columns
    outcomes: list[Outcome] = field(default_factory=list[Outcome])

    # Operations. Each returns None or the name of a reject reason.

    def limit(self, id: int, is_buy: bool, price: int, size: int, **more: Any) -> str | None:  # noqa: A002
        order = Resting(id, is_buy, price, size, size, **more)
        return self._do(lambda: self._submit(order))

    def market(self, id: int, is_buy: bool, size: int, **more: Any) -> str | None:  # noqa: A002
        order = Resting(id, is_buy, None, size, size, tif="ioc", **more)
        return self._do(lambda: self._submit(order))

    def cancel(self, id: int) -> str | None:  # noqa: A002
        return self._do(lambda: self._remove(self._find(id)))

    def amend(self, id: int, price: int | None, size: int | None, stop: int | None) -> str | None:  # noqa: A002
        return self._do(lambda: self._amend(self._find(id), price, size, stop))

    # What a test compares.

    def orders(self, is_buy: bool) -> list[tuple[int, int, int, int]]:
        return [(order.id, order.price or 0, order.shown, order.owner) for order in self.sides[is_buy]]

    def levels(self, is_buy: bool) -> list[tuple[int, int, int]]:
        prices = dict.fromkeys(order.price or 0 for order in self.sides[is_buy])
        at = {price: [one.shown for one in self.sides[is_buy] if one.price == price] for price in prices}
        return [(price, sum(shown), len(shown)) for price, shown in at.items()]

    def waiting(self, is_buy: bool) -> list[int]:
        mine = [order for order in self.stops if order.is_buy == is_buy]
        return [order.id for order in sorted(mine, key=self._nearest_first)]

    # Inside.

    def _do(self, operation: Callable[[], None]) -> str | None:
        self.command += 1
        reason = None
        try:
            operation()
        except RejectedError as rejected:
            reason = str(rejected)
        while self.due:
            stop = self.due.pop(0)
            del self.live[stop.id]
            self.outcomes.append((self.command, stop.id, "triggered", stop.open))
            try:
                self._enter(stop)
            except RejectedError as rejected:
                self.outcomes.append((self.command, stop.id, str(rejected), stop.open))
        return reason

    def _find(self, id: int) -> Resting:  # noqa: A002
        if id not in self.live:
            raise RejectedError("unknown_id")
        return self.live[id]

    def _submit(self, order: Resting) -> None:
        if not 0 < order.size <= LIMIT_MAX:
            raise RejectedError("size")
        if order.id in self.live:
            raise RejectedError("duplicate_id")
        if order.price is not None and abs(order.price) > LIMIT_MAX:
            raise RejectedError("price")
        if order.peak < 0 or (order.peak and order.tif in ("ioc", "fok")):
            raise RejectedError("peak")
        if order.trigger is None:
            self._enter(order)
        elif abs(order.trigger) > LIMIT_MAX:
            raise RejectedError("price")
        else:
            self._wait(order)

    def _now(self) -> int:
        self.time += 1
        return self.time

    def _wait(self, stop: Resting) -> None:
        self.live[stop.id] = stop
        stop.place = (0, self._now())
        touched = self.last is not None and self._touches(stop, self.last)
        (self.due if touched else self.stops).append(stop)

    @staticmethod
    def _touches(stop: Resting, price: int) -> bool:
        assert stop.trigger is not None
        return price >= stop.trigger if stop.is_buy else price <= stop.trigger

    @staticmethod
    def _nearest_first(stop: Resting) -> tuple[int, int]:
        assert stop.trigger is not None
        return (stop.trigger if stop.is_buy else -stop.trigger, stop.place[1])

    def _crosses(self, is_buy: bool, price: int | None) -> bool:
        """Whether the best order of the other side is within a price."""
        others = self.sides[not is_buy]
        if not others:
            return False
        best = others[0].price
        assert best is not None
        return price is None or (best <= price if is_buy else best >= price)

    def _enter(self, order: Resting) -> None:
        if order.tif == "post_only" and self._crosses(order.is_buy, order.price):
            raise RejectedError("would_take")
        if order.tif == "fok" and not self._fills_whole(order):
            raise RejectedError("unfillable")
        self._take(order)
        if order.open and order.tif in ("ioc", "fok"):
            self.outcomes.append((self.command, order.id, "unfilled", order.open))
        elif order.open:
            self._rest(order)

    def _rest(self, order: Resting) -> None:
        order.show()
        order.trigger = None
        assert order.price is not None
        order.place = (-order.price if order.is_buy else order.price, self._now())
        bisect.insort(self.sides[order.is_buy], order, key=by_place)
        self.live[order.id] = order

    def _remove(self, order: Resting) -> None:
        del self.live[order.id]
        if order.trigger is not None:
            self.stops.remove(order)
        else:
            self.sides[order.is_buy].remove(order)

    def _fills_whole(self, order: Resting) -> bool:
        """Walks the other side lot by displayed lot, as `_take` would, without changing it."""
        queue = [replace(one) for one in self.sides[not order.is_buy] if self._within(order, one.place[0])]
        left, late = order.size, self.time
        while left and queue:
            queue.sort(key=by_place)
            head = queue[0]
            if self.self_trade != "allow" and order.owner and head.owner == order.owner:
                if self.self_trade != "cancel_oldest":
                    return False
                queue.pop(0)
                continue
            lots = min(left, head.shown)
            left, head.shown, head.open = left - lots, head.shown - lots, head.open - lots
            if not head.open:
                queue.pop(0)
            elif not head.shown:
                late += 1
                head.place = (head.place[0], late)
                head.show()
        return not left

    @staticmethod
    def _within(order: Resting, key: int) -> bool:
        return order.price is None or (key <= order.price if order.is_buy else key <= -order.price)

    def _take(self, taker: Resting) -> None:
        others = self.sides[not taker.is_buy]
        while taker.open and self._crosses(taker.is_buy, taker.price):
            maker = others[0]
            lots = min(taker.open, maker.shown)
            if self.self_trade != "allow" and taker.owner and taker.owner == maker.owner:
                if self.self_trade == "decrement":
                    for order in (maker, taker):
                        self.outcomes.append((self.command, order.id, "decremented", lots))
                        order.size -= lots
                if self.self_trade in ("cancel_oldest", "cancel_both"):
                    self.outcomes.append((self.command, maker.id, "self_trade", maker.open))
                    self._remove(maker)
                if self.self_trade in ("cancel_newest", "cancel_both"):
                    self.outcomes.append((self.command, taker.id, "self_trade", taker.open))
                    taker.open = 0
                if self.self_trade != "decrement":
                    continue
            else:
                assert maker.price is not None
                fill = (self.command, taker.id, maker.id, maker.price, lots, int(taker.is_buy))
                self.fills.append(fill)
                self._traded(maker.price)
            taker.open -= lots
            maker.open -= lots
            maker.shown -= lots
            if not maker.open:
                self._remove(maker)
            elif not maker.shown:
                others.remove(maker)
                self._rest(maker)

    def _traded(self, price: int) -> None:
        self.last = price
        for is_buy in (True, False):
            hit = [one for one in self.stops if one.is_buy == is_buy and self._touches(one, price)]
            for stop in sorted(hit, key=self._nearest_first):
                self.stops.remove(stop)
                self.due.append(stop)

    def _amend(self, order: Resting, price: int | None, size: int | None, stop: int | None) -> None:
        size = order.size if size is None else size
        filled = order.size - order.open
        if not 0 < size <= LIMIT_MAX:
            raise RejectedError("size")
        if size <= filled:
            raise RejectedError("below_filled")
        if any(abs(one) > LIMIT_MAX for one in (price, stop) if one is not None):
            raise RejectedError("price")
        if (order.trigger is None and stop is not None) or (order.price is None and price is not None):
            raise RejectedError("not_applicable")
        price = order.price if price is None else price
        stop = order.trigger if stop is None else stop
        keeps = size <= order.size and price == order.price and stop == order.trigger
        if not keeps and order.tif == "post_only" and stop is None and self._crosses(order.is_buy, price):
            raise RejectedError("would_take")
        if keeps:
            order.size, order.open = size, size - filled
            order.shown = min(order.shown, order.open)
            return
        self._remove(order)
        order.size, order.open, order.price, order.trigger = size, size - filled, price, stop
        if stop is not None:
            self._wait(order)
            return
        self._take(order)
        if order.open:
            self._rest(order)
