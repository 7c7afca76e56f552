"""Series of market records: what a feed is made of.

A series is immutable columns of numpy arrays about one instrument, in the order of time. Times are int64
nanoseconds since the Unix epoch, UTC; prices and sizes are float64 in the instrument's currency and units.
The kernel turns prices into integers of the instrument's price unit when a run reads them.

Making a series from arrays checks their shapes and types and copies nothing that already has the right type:
the native reader checks values (order of times, NaN, high below low) as it converts them, and readers of
files and frames check them in full, naming the row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

from tradewright.core.arrays import ArrayColumns
from tradewright.core.times import DAY_NS, duration_ns, duration_text, time_ns, time_text
from tradewright.errors import DataError

if TYPE_CHECKING:
    import datetime as dt

    import numpy as np
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

    from tradewright.core.instrument import Instrument

    FloatColumn: TypeAlias = NDArray[np.float64]
    TimeColumn: TypeAlias = NDArray[np.int64]

Adjustment: TypeAlias = Literal["none", "splits", "all"]
"""What past prices were adjusted for: nothing, splits, or splits and dividends."""

Grade: TypeAlias = Literal["ohlc", "closes only"]
"""How much of a bar was recorded; ``closes only`` bars have four equal prices."""


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Series:
    """Columns of market records about one instrument, in the order of their receive times.

    Attributes:
        symbol: The instrument's symbol.
        ts_event_ns: Shape ``(n,)``, int64; the venue's time of each record.
        ts_recv_ns: Shape ``(n,)``, int64; when each reached the recorder, ascending. The same array as
            ``ts_event_ns`` where nobody recorded it.
        instrument: What is traded; ``None`` gives a price unit of 1e-6 and lots of 1.
        adjusted: What past prices were adjusted for.
        price_shift_max: Largest rounding of a price to the instrument's grid at import, in its currency.
        rows_dropped: Rows that the reader left out (``drop_empty=True``, ``drop_non_sessions=True``).
        rows_repeated: Rows with a time that was there already, left out (``deduplicate=…``).
        rows_moved: Rows that stood after a later one and were put in order (``sort=True``).
        clock_shift_ns: What the reader added to the receive times (``clock_offset="estimate"``).
        source: File or frame that it was read from; for messages.
    """

    symbol: str
    ts_event_ns: TimeColumn
    ts_recv_ns: TimeColumn
    instrument: Instrument | None = None
    adjusted: Adjustment = "none"
    price_shift_max: float = 0.0
    rows_dropped: int = 0
    rows_repeated: int = 0
    rows_moved: int = 0
    clock_shift_ns: int = 0
    source: str = ""

    def __post_init__(self) -> None:
        if self.adjusted not in get_args(Adjustment):
            raise DataError(
                f"{self.adjusted!r} is no adjustment.",
                source=self.symbol,
                field="adjusted",
                value=self.adjusted,
                remedy=f"Use one of {', '.join(get_args(Adjustment))}.",
            )
        if self.instrument is not None and self.instrument.symbol != self.symbol:
            raise DataError(
                f"its instrument is {self.instrument.symbol!r}.",
                source=self.symbol,
                field="instrument",
                value=self.instrument.symbol,
                remedy="Give both one symbol.",
            )

    @property
    def kind(self) -> str:
        """``bars``, ``quotes``, ``trades``, ``book_l2`` or ``book_l3``: the store's name for it."""
        return type(self).__name__.lower()

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The value columns by name, times left out."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.ts_event_ns)

    def __repr__(self) -> str:
        if not len(self):
            return f"{type(self).__name__}({self.symbol}, empty)"
        first, last = (time_text(int(self.ts_event_ns[i])) for i in (0, -1))
        return f"{type(self).__name__}({self.symbol}, {len(self):,} rows, {first} to {last}{self._note()})"

    def _note(self) -> str:
        return ""

    @property
    def start_ns(self) -> int:
        """Receive time of the first record."""
        return int(self.ts_recv_ns[0])

    @property
    def end_ns(self) -> int:
        """Receive time of the last record."""
        return int(self.ts_recv_ns[-1])

    def before(self, moment: int | str | dt.date) -> Self:
        """What had been received before ``moment``: the data a policy could have known then."""
        return self.between(None, moment)

    def between(self, start: int | str | dt.date | None, end: int | str | dt.date | None) -> Self:
        """What was received from ``start`` on and before ``end``; ``None`` leaves that side open."""
        import numpy as np

        first = 0 if start is None else int(np.searchsorted(self.ts_recv_ns, time_ns(start), side="left"))
        last = len(self) if end is None else int(np.searchsorted(self.ts_recv_ns, time_ns(end), side="left"))
        return self._rows(slice(first, max(first, last)))

    def tail(self, count: int) -> Self:
        """The last records, ``count`` of them at most."""
        return self._rows(slice(max(len(self) - count, 0), None))

    def _rows(self, rows: slice) -> Self:
        # One array for both times stays one array: the reader skips what is the same.
        event_ns = self.ts_event_ns[rows]
        recv_ns = event_ns if self.ts_recv_ns is self.ts_event_ns else self.ts_recv_ns[rows]
        columns = {name: column[rows] for name, column in self.columns.items()}
        return self.with_columns(event_ns, recv_ns, columns)

    def with_columns(
        self, ts_event_ns: TimeColumn, ts_recv_ns: TimeColumn, columns: dict[str, NDArray[Any]]
    ) -> Self:
        """The same description over other rows, ``columns`` named as in `columns`."""
        return replace(self, ts_event_ns=ts_event_ns, ts_recv_ns=ts_recv_ns, **columns)

    def to_frame(self) -> pl.DataFrame:
        """A Polars frame: ``symbol``, ``ts_event``, ``ts_recv`` (ns, UTC), then the value columns."""
        import polars as pl

        time = pl.Datetime("ns", "UTC")
        data = {
            "ts_event": pl.Series(self.ts_event_ns).cast(time),
            "ts_recv": pl.Series(self.ts_recv_ns).cast(time),
        }
        for name, column in self.columns.items():
            if name.endswith("_ns"):
                data["ts_" + name.removesuffix("_ns")] = pl.Series(column).cast(time)
            else:
                data[name] = pl.Series(column)
        return pl.DataFrame(data).select(pl.lit(self.symbol).alias("symbol"), pl.all())


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Bars(Series):
    """Bars: open, high, low, close and volume of periods, each known at its close.

    Attributes:
        ts_event_ns: Close of each bar.
        starts_ns: Shape ``(n,)``, int64; start of each bar; ``None`` where it is its close less
            ``timeframe_ns``.
        open: Shape ``(n,)``, float64; first price.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: Traded size; NaN throughout where it was not recorded.
        timeframe_ns: Length of a bar; ``None`` where it is not known or they differ.
        grade: ``ohlc``, or ``closes only`` for four equal prices made of a close.
    """

    starts_ns: TimeColumn | None = None
    open: FloatColumn
    high: FloatColumn
    low: FloatColumn
    close: FloatColumn
    volume: FloatColumn
    timeframe_ns: int | None = None
    grade: Grade = "ohlc"

    @classmethod
    def from_arrays(
        cls,
        symbol: str,
        *,
        ts: ArrayLike,
        open: ArrayLike,  # noqa: A002 - the field's own name
        high: ArrayLike,
        low: ArrayLike,
        close: ArrayLike,
        volume: ArrayLike | None = None,
        open_ts: ArrayLike | None = None,
        ts_recv: ArrayLike | None = None,
        timeframe: str | int | None = None,
        instrument: Instrument | None = None,
        adjusted: Adjustment = "none",
        grade: Grade = "ohlc",
    ) -> Bars:
        """Bars of arrays in memory; float64 and int64 arrays are taken as they are, without a copy.

        Args:
            symbol: The instrument's symbol.
            ts: Shape ``(n,)``; **close** of each bar: ns since the epoch, UTC, or datetime64.
            open: First prices; ``high``, ``low`` and ``close`` likewise, all of shape ``(n,)``.
            high: Highest prices.
            low: Lowest prices.
            close: Last prices.
            volume: Traded sizes.
            open_ts: Start of each bar. Without it: ``ts`` minus ``timeframe``, or without that too, the close
                of the bar before (for the first bar, ``ts`` minus the median step of the first 1,000).
            ts_recv: When each bar was received; its close where ``None``.
            timeframe: Length of a bar, such as ``"1m"``.
            instrument: What is traded.
            adjusted: What past prices were adjusted for.
            grade: ``closes only`` if the four prices were made of a close.

        Raises:
            DataError: arrays that are not numbers, not one-dimensional or not of one length.
        """
        import numpy as np

        table = ArrayColumns(symbol, ts)
        timeframe_ns = None if timeframe is None else duration_ns(timeframe, name="timeframe")
        event_ns = table.event_ns
        starts_ns = None
        if open_ts is not None:
            starts_ns = table.times("open_ts", open_ts)
        elif timeframe_ns is None:
            starts_ns = np.empty_like(event_ns)
            starts_ns[1:] = event_ns[:-1]
            if len(event_ns):
                steps = np.diff(event_ns[:1001])
                starts_ns[0] = event_ns[0] - (int(np.median(steps)) if len(steps) else DAY_NS)
        return cls(
            symbol=symbol,
            ts_event_ns=event_ns,
            ts_recv_ns=event_ns if ts_recv is None else table.times("ts_recv", ts_recv),
            instrument=instrument,
            adjusted=adjusted,
            source="arrays",
            starts_ns=starts_ns,
            open=table.floats("open", open),
            high=table.floats("high", high),
            low=table.floats("low", low),
            close=table.floats("close", close),
            volume=table.unknown() if volume is None else table.floats("volume", volume),
            timeframe_ns=timeframe_ns,
            grade=grade,
        )

    def __post_init__(self) -> None:
        super(Bars, self).__post_init__()
        if self.starts_ns is None and self.timeframe_ns is None:
            raise DataError(
                "nothing tells when its bars start.",
                source=self.symbol,
                field="starts_ns",
                remedy="Give starts_ns, or the timeframe of all bars.",
            )

    @property
    def open_ns(self) -> TimeColumn:
        """Start of each bar; shape ``(n,)``, int64."""
        if self.starts_ns is not None:
            return self.starts_ns
        return self.ts_event_ns - (self.timeframe_ns or 0)

    def with_columns(
        self, ts_event_ns: TimeColumn, ts_recv_ns: TimeColumn, columns: dict[str, NDArray[Any]]
    ) -> Self:
        """See `Series.with_columns`."""
        values = dict(columns)
        starts_ns = values.pop("open_ns")
        if self.starts_ns is not None:
            values["starts_ns"] = starts_ns
        return super(Bars, self).with_columns(ts_event_ns, ts_recv_ns, values)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The value columns by name, the bar's start among them."""
        names = ("open_ns", "open", "high", "low", "close", "volume")
        return {name: getattr(self, name) for name in names}

    @property
    def timeframe(self) -> str | None:
        """Length of a bar as text, such as ``1m``; ``None`` where it is not known."""
        return None if self.timeframe_ns is None else duration_text(self.timeframe_ns)

    def _note(self) -> str:
        notes = [self.timeframe] if self.timeframe else []
        notes += [f"adjusted for {'splits' if self.adjusted == 'splits' else 'splits and dividends'}"] * (
            self.adjusted != "none"
        )
        notes += [self.grade] * (self.grade != "ohlc")
        return "".join(", " + note for note in notes)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Quotes(Series):
    """Best bids and asks; a NaN price is an empty side.

    Attributes:
        bid: Shape ``(n,)``, float64; best bid.
        ask: Best ask.
        bid_size: Size at the bid; NaN throughout where it was not recorded.
        ask_size: Size at the ask.
    """

    bid: FloatColumn
    ask: FloatColumn
    bid_size: FloatColumn
    ask_size: FloatColumn

    @classmethod
    def from_arrays(
        cls,
        symbol: str,
        *,
        ts: ArrayLike,
        bid: ArrayLike,
        ask: ArrayLike,
        bid_size: ArrayLike | None = None,
        ask_size: ArrayLike | None = None,
        ts_recv: ArrayLike | None = None,
        instrument: Instrument | None = None,
        adjusted: Adjustment = "none",
    ) -> Quotes:
        """Quotes of arrays in memory; float64 and int64 arrays are taken as they are, without a copy.

        Args:
            symbol: The instrument's symbol.
            ts: Shape ``(n,)``; the venue's time of each quote: ns since the epoch, UTC, or datetime64.
            bid: Best bids; NaN where there is none.
            ask: Best asks; NaN where there is none.
            bid_size: Sizes at the bid.
            ask_size: Sizes at the ask.
            ts_recv: When each quote was received; ``ts`` where ``None``.
            instrument: What is traded.
            adjusted: What past prices were adjusted for.

        Raises:
            DataError: arrays that are not numbers, not one-dimensional or not of one length.
        """
        table = ArrayColumns(symbol, ts)
        return cls(
            symbol=symbol,
            ts_event_ns=table.event_ns,
            ts_recv_ns=table.event_ns if ts_recv is None else table.times("ts_recv", ts_recv),
            instrument=instrument,
            adjusted=adjusted,
            source="arrays",
            bid=table.floats("bid", bid),
            ask=table.floats("ask", ask),
            bid_size=table.unknown() if bid_size is None else table.floats("bid_size", bid_size),
            ask_size=table.unknown() if ask_size is None else table.floats("ask_size", ask_size),
        )

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The value columns by name."""
        return {"bid": self.bid, "ask": self.ask, "bid_size": self.bid_size, "ask_size": self.ask_size}


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Trades(Series):
    """Public prints.

    Attributes:
        price: Shape ``(n,)``, float64; price of each print.
        size: Its size.
        aggressor: Shape ``(n,)``, int8; +1 where the buyer took, -1 where the seller took, 0 where unknown.
    """

    price: FloatColumn
    size: FloatColumn
    aggressor: NDArray[np.int8]

    @classmethod
    def from_arrays(
        cls,
        symbol: str,
        *,
        ts: ArrayLike,
        price: ArrayLike,
        size: ArrayLike,
        aggressor: ArrayLike | None = None,
        ts_recv: ArrayLike | None = None,
        instrument: Instrument | None = None,
        adjusted: Adjustment = "none",
    ) -> Trades:
        """Prints of arrays in memory; float64, int64 and int8 arrays are taken as they are, without a copy.

        Args:
            symbol: The instrument's symbol.
            ts: Shape ``(n,)``; the venue's time of each print: ns since the epoch, UTC, or datetime64.
            price: Prices.
            size: Sizes.
            aggressor: +1 where the buyer took, -1 where the seller took, 0 where unknown.
            ts_recv: When each print was received; ``ts`` where ``None``.
            instrument: What is traded.
            adjusted: What past prices were adjusted for.

        Raises:
            DataError: arrays that are not numbers, not one-dimensional or not of one length.
        """
        import numpy as np

        table = ArrayColumns(symbol, ts)
        sides = np.zeros(len(table.event_ns), np.int8) if aggressor is None else np.asarray(aggressor)
        if not np.isin(sides, (-1, 0, 1)).all():
            row = int(np.argmin(np.isin(sides, (-1, 0, 1))))
            raise DataError(
                f"{sides[row]} is no side.",
                source=symbol,
                row=row + 1,
                field="aggressor",
                value=sides[row],
                remedy="Use 1 where the buyer took, -1 where the seller did, 0 where it is unknown.",
            )
        return cls(
            symbol=symbol,
            ts_event_ns=table.event_ns,
            ts_recv_ns=table.event_ns if ts_recv is None else table.times("ts_recv", ts_recv),
            instrument=instrument,
            adjusted=adjusted,
            source="arrays",
            price=table.floats("price", price),
            size=table.floats("size", size),
            aggressor=np.ascontiguousarray(table.shaped("aggressor", sides), dtype=np.int8),
        )

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The value columns by name."""
        return {"price": self.price, "size": self.size, "aggressor": self.aggressor}
