"""Order books in Python: replay recorded events and ask what stood where.

The books are native; `BookEvents` go in as columns, and frames come out. ``tw.books.L2Book(instrument)``
keeps price levels, ``tw.books.L3Book(instrument)`` every order at its place in the queue.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

import msgspec

from tradewright import _native
from tradewright.core.book_events import BookAction, BookEvents, BookFlag, BookModel
from tradewright.core.exact import plain
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from tradewright.core.instrument import Instrument

__all__ = ["BookAction", "BookEvents", "BookFlag", "Integrity", "L2Book", "L3Book", "Offence", "book_of"]

BookSide: TypeAlias = Literal["bid", "ask"]
Priority: TypeAlias = Literal["reduction_keeps", "always_lost", "always_kept"]
"""When a modified order keeps its place: with a smaller size at its price, never, or with any size there."""

WINDOW = 1 << 16
"""Price units a side that are one array access away; prices beyond are found by a search.

Half a megabyte a side for levels, of which only what is used becomes resident.
"""


class Best(NamedTuple):
    """The touch; a side that is empty has a NaN price and size 0."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float


class Order(NamedTuple):
    """One resting order."""

    side: BookSide
    price: float
    size: float


class Offence(msgspec.Struct, frozen=True):
    """What contradicted a book.

    Attributes:
        event: Number of the event, from 0, since the book was made.
        kind: ``gap``, ``crossed``, ``unknown_order``, ``duplicate_order``, ``negative_size``,
            ``out_of_range`` or ``meaningless``.
        values: What it was about: the message's number; best bid and ask in price units; the order; price and
            lots; the price; the action.
    """

    event: int
    kind: str
    values: tuple[int, ...]


class Integrity(msgspec.Struct, frozen=True):
    """What was wrong with the events so far.

    Attributes:
        first: The first offence.
        counts: How many of each kind; a crossed book counts once a message.
        events: Events applied.
        is_trusted: Nothing is known to be wrong with the book as it stands: no offence since the last whole
            snapshot, none half applied, not crossed now.
    """

    first: Offence | None
    counts: dict[str, int]
    events: int
    is_trusted: bool


class _Book:
    """What both kinds of books have."""

    model: BookModel

    def __init__(self, instrument: Instrument | None, native: _native.L2Book | _native.L3Book) -> None:
        self.instrument = instrument
        self._native = native

    @property
    def best(self) -> Best:
        """Best bid and ask with their sizes."""
        nothing = (math.nan, 0.0)
        bid, ask = (self._level(side) or nothing for side in ("bid", "ask"))
        return Best(*bid, *ask)

    @property
    def mid(self) -> float:
        """Halfway between best bid and ask; NaN while a side is empty."""
        return (self.best.bid + self.best.ask) / 2

    @property
    def microprice(self) -> float:
        """The mid weighted by the size on the other side of the touch; NaN while a side is empty.

        Source:
            Gatheral and Oomen (2010), "Zero-intelligence realized variance estimation". Stoikov's (2018)
            microprice adds an adjustment estimated from data, and is a feature.
        """
        found = self._native.microprice()
        return math.nan if found is None else found

    def imbalance(self, levels: int = 1) -> float:
        """``(bids - asks) / (bids + asks)`` of the sizes in the best levels; NaN for an empty book."""
        found = self._native.imbalance(levels)
        return math.nan if found is None else found

    def depth(self, levels: int = 10) -> pl.DataFrame:
        """The best levels, a row each: ``bid_size``, ``bid``, ``ask``, ``ask_size``; null beyond the last."""
        import polars as pl

        columns: dict[str, Any] = {}
        for side in ("bid", "ask"):
            columns[side], columns[side + "_size"] = self._native.levels(side, levels)
        rows = max((len(column) for column in columns.values()), default=0)
        frame = {
            name: pl.Series(name, column, pl.Float64).extend_constant(None, rows - len(column))
            for name, column in columns.items()
        }
        return pl.DataFrame(frame).select("bid_size", "bid", "ask", "ask_size")

    def level_count(self, side: BookSide) -> int:
        """How many levels a side has."""
        return self._native.level_count(side)

    def size_at(self, side: BookSide, price: float) -> float:
        """The size that rests at a price."""
        return self._native.size_at(side, price)

    @property
    def integrity(self) -> Integrity:
        """What was wrong so far."""
        first, counts, events, is_trusted = self._native.integrity()
        offence = None if first is None else Offence(first[0], first[1], tuple(first[2]))
        return Integrity(offence, dict(counts), events, is_trusted)

    def apply(self, events: BookEvents) -> Self:
        """Applies events; what contradicts the book is counted in `integrity`.

        Raises:
            DataError: a price or size that is no whole multiple of the instrument's units; the events before
                it are applied.
        """
        with _Refusals(events):
            self._native.apply(_columns(events))
        return self

    def replay(self, events: BookEvents | Iterable[BookEvents], levels: int = 1) -> pl.DataFrame:
        """Applies events and returns the best levels after each message.

        Args:
            events: Events, or several series of them in order, such as a store's days: then only one of them
                is in memory at a time, beside the result.
            levels: How many levels a side.

        Returns:
            One row a message: ``ts_event``, ``ts_recv`` (ns, UTC) and ``sequence`` of its last event, then
            ``bid_1``, ``bid_size_1``, ``ask_1``, ``ask_size_1`` and so on. A missing level has a NaN price
            and size 0.

        Raises:
            DataError: as in `apply`.
        """
        import polars as pl

        parts = [events] if isinstance(events, BookEvents) else events
        frames = [self._replay(part, levels) for part in parts]
        return pl.concat(frames) if frames else pl.DataFrame()

    def _replay(self, events: BookEvents, levels: int) -> pl.DataFrame:
        import polars as pl

        with _Refusals(events):
            rows, (bid, bid_size, ask, ask_size) = self._native.replay(_columns(events), levels)
        time = pl.Datetime("ns", "UTC")
        frame = {
            "ts_event": pl.Series(events.ts_event_ns[rows]).cast(time),
            "ts_recv": pl.Series(events.ts_recv_ns[rows]).cast(time),
            "sequence": pl.Series(events.sequence[rows]),
        }
        for at in range(levels):
            for name, column in (("bid", bid), ("bid_size", bid_size), ("ask", ask), ("ask_size", ask_size)):
                frame[f"{name}_{at + 1}"] = pl.Series(column[:, at])
        return pl.DataFrame(frame)

    def _level(self, side: BookSide) -> tuple[float, float] | None:
        prices, sizes = self._native.levels(side, 1)
        return (float(prices[0]), float(sizes[0])) if len(prices) else None

    def __repr__(self) -> str:
        best = self.best
        symbol = "" if self.instrument is None else self.instrument.symbol + ", "
        touch = f"{plain(best.bid_size)} x {best.bid:g} | {best.ask:g} x {plain(best.ask_size)}"
        return f"{type(self).__name__}({symbol}{touch})"


class L2Book(_Book):
    """A book of price levels.

    Args:
        instrument: Gives the units of prices and sizes; ``None`` counts millionths and whole lots, as for a
            series without an instrument.
        window: Price units a side that are one array access away.
    """

    model = "l2"

    def __init__(self, instrument: Instrument | None = None, *, window: int = WINDOW) -> None:
        super().__init__(instrument, _native.L2Book(*_units(instrument), window=window))

    def queue_ahead(self, side: BookSide, price: float) -> float:
        """What stands before an order that joins a price now: the whole level."""
        return self.size_at(side, price)


class L3Book(_Book):
    """A book of orders, each at its place in its level's queue.

    Args:
        instrument: Gives the units of prices and sizes; ``None`` counts millionths and whole lots, as for a
            series without an instrument.
        priority: When a modified order keeps its place.
        window: Price units a side that are one array access away.
    """

    model = "l3"

    def __init__(
        self,
        instrument: Instrument | None = None,
        *,
        priority: Priority = "reduction_keeps",
        window: int = WINDOW // 4,
    ) -> None:
        self._orders = _native.L3Book(*_units(instrument), window=window, priority=priority)
        super().__init__(instrument, self._orders)

    @property
    def order_count(self) -> int:
        """How many orders rest."""
        return self._orders.order_count()

    def order(self, order_id: int) -> Order | None:
        """A resting order; ``None`` if it does not rest."""
        found = self._orders.order(order_id)
        return None if found is None else Order(*found)

    def queue_ahead(self, order_id: int) -> float | None:
        """The size that stands before an order at its price; ``None`` if it does not rest."""
        return self._orders.queue_ahead(order_id)

    def queue(self, side: BookSide, price: float) -> pl.DataFrame:
        """The orders at a price, oldest first: ``order_id`` and ``size``."""
        import polars as pl

        schema = {"order_id": pl.UInt64, "size": pl.Float64}
        return pl.DataFrame(self._orders.queue(side, price), schema=schema, orient="row")


def book_of(events: BookEvents) -> L2Book | L3Book:
    """An empty book of the kind and the instrument of these events."""
    return L2Book(events.instrument) if events.model == "l2" else L3Book(events.instrument)


class _Refusals:
    """Turns a refusal of the native reader into one that names the source."""

    def __init__(self, events: BookEvents) -> None:
        self._events = events

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError):
            source = self._events.source or self._events.symbol
            remedy = "Give the book an instrument with the units of this feed."
            raise DataError(f"{error}.", source=source, remedy=remedy) from None


def _columns(events: BookEvents) -> tuple[Any, ...]:
    import numpy as np

    names = ("action", "side", "flags", "price", "size", "order_id", "sequence")
    return tuple(np.ascontiguousarray(getattr(events, name)) for name in names)


def _units(instrument: Instrument | None) -> tuple[str, str]:
    """Price unit and lot size as text."""
    if instrument is None:
        return "1e-06", "1.0"
    return repr(instrument.price_unit), repr(instrument.lot_size)
