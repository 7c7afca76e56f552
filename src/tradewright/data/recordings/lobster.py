"""LOBSTER: Nasdaq's orders of one share and day, as a message file and an order-book file.

Source:
    lobsterdata.com, "Data structure".
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tradewright.core import presets
from tradewright.core.book_events import BookAction
from tradewright.data.recordings.builder import NO_PRICE, Recording, Units
from tradewright.data.recordings.content import lines
from tradewright.errors import DataError

if TYPE_CHECKING:
    from tradewright.core.instrument import Instrument
    from tradewright.core.series import Series
    from tradewright.data.options import ReadOptions

_NAME = re.compile(r"^([A-Za-z0-9.]+)_(\d{4}-\d{2}-\d{2})_.*message")
_PRICE_SCALE = 10_000
_EMPTY = 9_999_999_999
_FIRST_ANONYMOUS = 2**63
_NEW, _PARTIAL, _DELETE, _VISIBLE, _HIDDEN, _CROSS, _HALT = range(1, 8)


def read(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """L3 events of a message file.

    The opening book comes from the order-book file that stands beside it (``orderbook`` for ``message`` in
    the name) or that ``opening_book`` names: the first row of the messages leads to the first row of the
    book. Its orders are anonymous, one a level, with ids from 2**63 up; later messages about orders from
    before the file take from the anonymous order of their price. What that one cannot cover (orders beyond
    the recorded depth) keeps its own id, so that a replay counts it as ``unknown_order``.
    """
    named = _NAME.match(path.name)
    if named is None:
        raise DataError(
            "does not have the name of a LOBSTER message file.",
            source=path.name,
            remedy="Keep the vendor's name, with the date: ABC_2012-06-21_34200000_57600000_message_10.csv",
        )
    day = dt.date.fromisoformat(named[2])
    midnight = dt.datetime.combine(day, dt.time(), ZoneInfo("America/New_York"))
    reader = _Reader(path, symbol or named[1], round(midnight.timestamp()) * 1_000_000_000)
    messages = lines(path)
    first_row, first = next(messages)
    reader.open(first, _opening(path, options))
    reader.message(first_row, first, is_first=True)
    for row, line in messages:
        reader.message(row, line)
    return reader.recording.series(kind, options, reader.instrument)


def _opening(path: Path, options: ReadOptions) -> list[int] | None:
    """The first row of the order-book file; ``None`` if there is none."""
    given = options.opening_book
    beside = path.with_name(path.name.replace("message", "orderbook"))
    found = Path(given) if given is not None else beside
    if given is None and not beside.is_file():
        return None
    row, line = next(lines(found))
    values = line.split(b",")
    if len(values) % 4 or not all(value.strip().lstrip(b"-").isdigit() for value in values):
        raise DataError(
            "is no row of an order-book file: ask price, ask size, bid price, bid size for each level.",
            source=found.name,
            row=row,
            remedy="Check that the two files belong together.",
        )
    return [int(value) for value in values]


class _Reader:
    def __init__(self, path: Path, symbol: str, midnight_ns: int) -> None:
        self.path, self.midnight_ns = path, midnight_ns
        self.recording = Recording(path.name, symbol, "l3")
        self.before_ns = 0
        self.known: dict[int, int] = {}  # order id to what is left of it
        # Side and price to the anonymous order there: id and what is left of it.
        self.anonymous: dict[tuple[int, int], tuple[int, int]] = defaultdict(lambda: (0, 0))

    def open(self, first: bytes, opening: list[int] | None) -> None:
        """The book before the first message, from the book after it."""
        time_ns, kind, _, size, price, side = self.parsed(1, first)
        levels: dict[tuple[int, int], int] = {}
        for at in range(0, len(opening or []), 4):
            ask, ask_size, bid, bid_size = (opening or [])[at : at + 4]
            levels |= {(-1, ask): ask_size} if abs(ask) != _EMPTY else {}
            levels |= {(1, bid): bid_size} if abs(bid) != _EMPTY else {}
        if opening is not None:
            change = {_NEW: -size, _PARTIAL: size, _DELETE: size, _VISIBLE: size}.get(kind, 0)
            if kind != _NEW or (side, price) in levels:
                levels[side, price] = levels.get((side, price), 0) + change
        events = self.recording
        flags = {"flags": 2}
        events.event(1, time_ns, time_ns, BookAction.SNAPSHOT_START, 0, NO_PRICE, 0.0, **flags)
        for number, ((at_side, at_price), left) in enumerate(
            (level for level in levels.items() if level[1] > 0), start=_FIRST_ANONYMOUS
        ):
            self.anonymous[at_side, at_price] = (number, left)
            dollars = at_price / _PRICE_SCALE
            events.event(
                1, time_ns, time_ns, BookAction.ADD, at_side, dollars, float(left), order_id=number, **flags
            )
        events.event(1, time_ns, time_ns, BookAction.SNAPSHOT_END, 0, NO_PRICE, 0.0, **flags)
        events.end_message()

    def message(self, row: int, line: bytes, *, is_first: bool = False) -> None:
        time_ns, kind, order_id, size, price, side = self.parsed(row, line)
        if not is_first and time_ns < self.before_ns:
            raise self.refused(row, "time", time_ns, "is before that of the row above.")
        self.before_ns = time_ns
        action, dollars = BookAction.ADD, price / _PRICE_SCALE
        if kind in (_HIDDEN, _CROSS):
            # Of an auction nobody took; of a hidden order the other side did.
            aggressor = 0 if kind == _CROSS else -side
            self.recording.event(
                row, time_ns, time_ns, BookAction.TRADE, aggressor, dollars, float(size), order_id=order_id
            )
            self.recording.end_message()
            return
        if kind == _HALT:
            self.recording.rows_dropped += 1
            return
        if kind == _NEW:
            self.known[order_id] = size
        else:
            action = BookAction.EXECUTE if kind == _VISIBLE else BookAction.CANCEL
            order_id = self.owner(order_id, size, price, side)
        self.recording.event(row, time_ns, time_ns, action, side, dollars, float(size), order_id=order_id)
        self.recording.end_message()

    def owner(self, order_id: int, size: int, price: int, side: int) -> int:
        """The order that a message takes from: itself, or the anonymous one of its price."""
        if order_id in self.known:
            left = self.known[order_id] - size
            if left > 0:
                self.known[order_id] = left
            else:
                del self.known[order_id]
            return order_id
        number, left = self.anonymous[side, price]
        if left < size:
            return order_id
        self.anonymous[side, price] = (number, left - size)
        return number

    def parsed(self, row: int, line: bytes) -> tuple[int, int, int, int, int, int]:
        """Time in ns since the epoch, type, order, size, price, direction."""
        values = line.split(b",")
        if len(values) < 6:
            raise DataError(
                f"has {len(values)} fields, and not 6.",
                source=self.path.name,
                row=row,
                remedy="Check that the download is complete.",
            )
        seconds, _, fraction = values[0].partition(b".")
        names = ("time", "time", "type", "order id", "size", "price", "direction")
        numbers: list[int] = []
        for name, value in zip(names, [seconds, (fraction + b"0" * 9)[:9], *values[1:6]], strict=True):
            try:
                numbers.append(int(value))
            except ValueError:
                raise self.refused(
                    row, name, value.decode("utf-8", "replace"), "is no whole number."
                ) from None
        whole, rest, kind, order_id, size, price, side = numbers
        if not _NEW <= kind <= _HALT:
            raise self.refused(row, "type", kind, "is not 1 to 7.")
        if side not in (1, -1):
            raise self.refused(row, "direction", side, "is not 1 or -1.")
        if kind != _HALT and size <= 0:
            raise self.refused(row, "size", size, "is not above zero.")
        return self.midnight_ns + whole * 1_000_000_000 + rest, kind, order_id, size, price, side

    def refused(self, row: int, field: str, value: object, problem: str) -> DataError:
        return DataError(
            f"{field} {value} {problem}",
            source=self.path.name,
            row=row,
            field=field,
            value=value,
            remedy="Correct or remove the row.",
        )

    def instrument(self, units: Units) -> Instrument:
        return presets.equity(self.recording.symbol, venue="nasdaq")
