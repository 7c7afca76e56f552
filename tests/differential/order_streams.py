"""Random markets of single orders, told in the ways of two vendors."""

from __future__ import annotations

from typing import Any

import numpy as np

import tradewright as tw
from tradewright.core.book_events import BookAction, BookEvents, BookFlag

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
