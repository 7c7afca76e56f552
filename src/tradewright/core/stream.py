"""A series that is read in parts as a run goes on: data larger than memory.

A `Stream` has the description of a series, what is traded and from when to when, and no columns: its rows
come a part at a time, each part a `Series` that is let go before the next one is read. Every pass reads them
anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias, cast

from tradewright.core.book_events import BookAction, BookEvents, BookModel
from tradewright.core.series import Adjustment, Bars, Grade, Quotes, Series, Trades
from tradewright.core.times import time_text
from tradewright.errors import DataError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tradewright.core.instrument import Instrument

LATEST_NS = 2**63 - 1


class Part(NamedTuple):
    """Some rows of a stream.

    Attributes:
        series: The rows.
        rows_before: Rows of ``series.source`` that stand before them.
        later_ns: No row behind this part has an earlier time of the venue; `LATEST_NS` where none is behind.
    """

    series: Series
    rows_before: int
    later_ns: int = LATEST_NS


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Stream(ABC):
    """A series in parts; the attributes are those of a series, without the columns.

    Attributes:
        symbol: The instrument's symbol.
        kind: ``bars``, ``quotes``, ``trades``, ``book_l2`` or ``book_l3``.
        rows: How many there are.
        start_ns: Receive time of the first record; 0 where there is none.
        end_ns: Receive time of the last record.
        instrument: What is traded.
        adjusted: What past prices were adjusted for.
        price_shift_max: Largest rounding of a price at import, in its currency.
        clock_shift_ns: What a reader added to the receive times.
        timeframe_ns: Length of a bar.
        grade: Of bars.
        source: Where the parts come from; for messages.
    """

    symbol: str
    kind: str
    rows: int
    start_ns: int = 0
    end_ns: int = 0
    instrument: Instrument | None = None
    adjusted: Adjustment = "none"
    price_shift_max: float = 0.0
    clock_shift_ns: int = 0
    timeframe_ns: int | None = None
    grade: Grade = "ohlc"
    source: str = ""

    @abstractmethod
    def parts(self, *, knows_later: bool = False) -> Iterator[Part]:
        """The rows, a part after the other; nobody but the caller holds a part.

        Args:
            knows_later: Whether `Part.later_ns` is wanted: that costs a look at all times of the venue.

        Raises:
            DataError: A part cannot be read, or is no longer what it was; its file is named.
        """

    @abstractmethod
    def between(self, start: int | str | dt.date | None, end: int | str | dt.date | None) -> Self:
        """What was received from ``start`` on and before ``end``; ``None`` leaves that side open."""

    def before(self, moment: int | str | dt.date) -> Self:
        """What had been received before ``moment``."""
        return self.between(None, moment)

    def column(self, name: str) -> Iterator[NDArray[Any]]:
        """One column, a part at a time; times are columns too."""
        for part in self.parts():
            yield getattr(part.series, name)

    @property
    def model(self) -> BookModel:
        """``l2`` or ``l3``, of a book's events."""
        return cast("BookModel", self.kind.removeprefix("book_"))

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[Series]:
        return (part.series for part in self.parts())

    def __repr__(self) -> str:
        named = f"{type(self).__name__}({self.kind} of {self.symbol}"
        if not self.rows:
            return f"{named}, empty)"
        return f"{named}, {self.rows:,} rows, {time_text(self.start_ns)} to {time_text(self.end_ns)})"

    def __getattr__(self, name: str) -> Any:
        if any(hasattr(kind, name) for kind in _SERIES):  # What a series has whole.
            raise AttributeError(
                f"{self.kind} of {self.symbol} are read in parts, so that {name!r} is never in memory whole. "
                "Go through the parts (for series in stream: …), or read all with Store.read.",
                name=name,
                obj=self,
            )
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}", name=name, obj=self)


AnySeries: TypeAlias = Series | Stream
"""What a run is given: a series in memory, or one that it reads in parts."""

_SERIES = (Bars, Quotes, Trades, BookEvents)


def parts_of(series: AnySeries) -> Iterator[Series]:
    """The parts of a stream; of a series, itself."""
    return iter(series) if isinstance(series, Stream) else iter((series,))


def columns_of(series: AnySeries, name: str) -> Iterator[NDArray[Any]]:
    """A column, a part at a time; whole, of a series in memory."""
    return series.column(name) if isinstance(series, Stream) else iter((getattr(series, name),))


def has_prints(book: AnySeries) -> bool:
    """Whether the events of a book tell of trades themselves."""
    return any(
        bool(((actions == BookAction.TRADE) | (actions == BookAction.EXECUTE)).any())
        for actions in columns_of(book, "action")
    )


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Whole(Stream):
    """A series in memory as a stream of one part.

    Attributes:
        series: The series.
    """

    series: Series

    @classmethod
    def of(cls, series: AnySeries) -> Stream:
        """The series as a stream; a stream is one."""
        if isinstance(series, Stream):
            return series
        return cls(series=series, rows=len(series), kind=series.kind, **_described(series))

    def parts(self, *, knows_later: bool = False) -> Iterator[Part]:
        """The series itself."""
        if self.rows:
            yield Part(self.series, 0)

    def between(self, start: int | str | dt.date | None, end: int | str | dt.date | None) -> Self:
        """See `Stream.between`."""
        series = self.series.between(start, end)
        return replace(self, series=series, rows=len(series), **_described(series))


def _described(series: Series) -> dict[str, Any]:
    is_bars = isinstance(series, Bars)
    return {
        "symbol": series.symbol,
        "start_ns": series.start_ns if len(series) else 0,
        "end_ns": series.end_ns if len(series) else 0,
        "instrument": series.instrument,
        "adjusted": series.adjusted,
        "price_shift_max": series.price_shift_max,
        "clock_shift_ns": series.clock_shift_ns,
        "timeframe_ns": series.timeframe_ns if is_bars else None,
        "grade": series.grade if is_bars else "ohlc",
        "source": series.source,
    }


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class BookWithPrints(Stream):
    """Events of a book with public prints among them: `BookEvents.with_trades`, a part at a time.

    Attributes:
        book: The events.
        prints: The trades.
    """

    book: Stream
    prints: Stream

    @classmethod
    def of(cls, book: AnySeries, prints: AnySeries) -> BookWithPrints:
        """The two together.

        Raises:
            DataError: a book that has prints of its own.
        """
        if has_prints(book):
            raise DataError(
                "the book's events have prints of their own; others beside them would count twice.",
                source=book.symbol,
                remedy="Leave the trades out.",
            )
        return cls._of(Whole.of(book), Whole.of(prints))

    @classmethod
    def _of(cls, book: Stream, prints: Stream) -> Self:
        there = [one for one in (book, prints) if one.rows]
        return cls(
            book=book,
            prints=prints,
            symbol=book.symbol,
            kind=book.kind,
            rows=book.rows + prints.rows,
            start_ns=min((one.start_ns for one in there), default=0),
            end_ns=max((one.end_ns for one in there), default=0),
            instrument=book.instrument or prints.instrument,
            adjusted=book.adjusted,
            price_shift_max=max(book.price_shift_max, prints.price_shift_max),
            clock_shift_ns=book.clock_shift_ns,
            source=book.source,
        )

    def between(self, start: int | str | dt.date | None, end: int | str | dt.date | None) -> Self:
        """See `Stream.between`."""
        return self._of(self.book.between(start, end), self.prints.between(start, end))

    def parts(self, *, knows_later: bool = False) -> Iterator[Part]:
        """The parts of the book, each with the prints that came until its end; prints after it come last."""
        waiting = _Waiting(self.prints.parts(knows_later=knows_later))
        nothing: BookEvents | None = None
        for part in self.book.parts(knows_later=knows_later):
            found = [_merged(cast("BookEvents", part.series), waiting.until(part.series.end_ns))]
            nothing = _emptied(found[0]) if nothing is None else nothing
            placed = (part.rows_before, min(part.later_ns, waiting.later_ns))
            del part
            yield Part(found.pop(), *placed)  # Nothing here keeps it.
        while nothing is not None and (rest := waiting.pop()) is not None:
            yield Part(nothing.with_trades(rest), 0, waiting.later_ns)


class _Waiting:
    """Prints that are read and not given out yet."""

    def __init__(self, parts: Iterator[Part]) -> None:
        self._parts = parts
        self._held: list[Trades] = []
        self._behind_ns = LATEST_NS
        self._read()

    def _read(self) -> bool:
        part = next(self._parts, None)
        if part is None:
            self._behind_ns = LATEST_NS
            return False
        self._held.append(cast("Trades", part.series))
        self._behind_ns = part.later_ns
        return True

    def until(self, end_ns: int) -> list[Trades]:
        """The prints received up to a time, that time included."""
        while (not self._held or self._held[-1].end_ns <= end_ns) and self._read():
            pass
        due = [one for held in self._held if len(one := held.between(None, end_ns + 1))]
        self._held = [one for held in self._held if len(one := held.between(end_ns + 1, None))]
        return due

    def pop(self) -> Trades | None:
        """The next ones, whenever they came."""
        if not self._held and not self._read():
            return None
        return self._held.pop(0)

    @property
    def later_ns(self) -> int:
        """No print that is left has an earlier time of the venue."""
        held = (int(one.ts_event_ns.min()) for one in self._held)
        return min(self._behind_ns, min(held, default=LATEST_NS))


def _merged(book: BookEvents, prints: Sequence[Trades]) -> BookEvents:
    return book.with_trades(_joined(prints)) if prints else book


def _joined(prints: Sequence[Trades]) -> Trades:
    import numpy as np

    if len(prints) == 1:
        return prints[0]
    names = ("ts_event_ns", "ts_recv_ns", *prints[0].columns)
    return replace(
        prints[0], **{name: np.concatenate([getattr(one, name) for one in prints]) for name in names}
    )


def _emptied(book: BookEvents) -> BookEvents:
    """None of the rows; copied, for a view would keep all of them in memory."""
    names = ("ts_event_ns", "ts_recv_ns", *book.columns)
    return replace(book, **{name: getattr(book, name)[:0].copy() for name in names})
