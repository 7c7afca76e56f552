"""Frames in, series out: recognised columns, times that are known, values that are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Unpack, cast

from tradewright.core.series import DAY_NS, Bars, Quotes, Series, Trades, timeframe_text, timeframe_to_ns
from tradewright.data import checks
from tradewright.data.checks import Table
from tradewright.data.columns import Layout, find_layout
from tradewright.data.conversion import to_polars
from tradewright.data.grid import round_to_grid
from tradewright.data.options import ReadKeywords, ReadOptions, read_options
from tradewright.data.order import arrange
from tradewright.data.times import read_times, sessions_of
from tradewright.errors import DataError, UnknownSymbolError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

_PRICES = {"bars": ("open", "high", "low", "close"), "quotes": ("bid", "ask"), "trades": ("price",)}
_SIZES = {"bars": ("volume",), "quotes": ("bid_size", "ask_size"), "trades": ("size",)}
_SIDES = {
    "buy": 1,
    "b": 1,
    "bid": 1,
    "1": 1,
    "1.0": 1,
    "sell": -1,
    "s": -1,
    "a": -1,
    "ask": -1,
    "-1": -1,
    "-1.0": -1,
}
_NO_SIDE = ("", "none", "n", "unknown", "0", "0.0")


def bars_from_frame(
    frame: object, symbol: str | None = None, *, source: str = "frame", **options: Unpack[ReadKeywords]
) -> Bars | list[Bars]:
    """Bars of a Polars or pandas frame, an Arrow table, or a dict of arrays.

    Columns are recognised by name, case, spaces and underscores ignored. A first column of times with a column
    for each ticker gives a list: bars of four equal prices, graded ``closes only``. A column of symbols gives a
    list too, unless ``symbol`` chooses one.

    Args:
        frame: The table.
        symbol: The instrument's symbol; the given instrument's if left out.
        source: What messages call the frame.
        **options: See `ReadOptions`.

    Raises:
        DataError: anything that cannot be used as it is, naming row, field, value and what would be right.
    """
    found = read_series("bars", frame, symbol, source=source, options=read_options(options))
    return cast("list[Bars]", found) if isinstance(found, list) else cast("Bars", found)


def quotes_from_frame(
    frame: object, symbol: str | None = None, *, source: str = "frame", **options: Unpack[ReadKeywords]
) -> Quotes | list[Quotes]:
    """Quotes of a frame: time, bid, ask, and their sizes if recorded; an empty price is an empty side.

    Arguments and errors are those of `bars_from_frame`.
    """
    found = read_series("quotes", frame, symbol, source=source, options=read_options(options))
    return cast("list[Quotes]", found) if isinstance(found, list) else cast("Quotes", found)


def trades_from_frame(
    frame: object, symbol: str | None = None, *, source: str = "frame", **options: Unpack[ReadKeywords]
) -> Trades | list[Trades]:
    """Prints of a frame: time, price, size, and which side took if recorded.

    Arguments and errors are those of `bars_from_frame`.
    """
    found = read_series("trades", frame, symbol, source=source, options=read_options(options))
    return cast("list[Trades]", found) if isinstance(found, list) else cast("Trades", found)


def read_series(
    kind: str,
    frame: object,
    symbol: str | None,
    *,
    source: str,
    options: ReadOptions,
    fallback: str | None = None,
) -> Series | list[Series]:
    """Series of one kind from a frame: one, or a list where the frame holds several symbols.

    ``fallback`` is the symbol where nothing else says it.
    """
    import polars as pl

    table = to_polars(frame, source=source)
    if not table.height:
        raise DataError("has no rows.", source=source, remedy="Check that it is the right one, and complete.")
    given = options.columns if isinstance(options.columns, dict) else {}
    layout = find_layout(kind, table.columns, given, source=source)
    table = table.with_row_index("row", offset=1) if "row" not in table.columns else table
    if "time" in layout.fields and layout.clock is not None:
        name = layout.fields["time"]
        text = pl.col(name).cast(pl.String) + " " + pl.col(layout.clock).cast(pl.String)
        table = table.with_columns(text.alias(name))
    if layout.tickers:
        return [
            _one(kind, table, Layout(fields={**layout.fields, "close": ticker}, label=layout.label, tz=layout.tz),
                 ticker, source, options)
            for ticker in layout.tickers
            if symbol in (None, ticker)
        ]  # fmt: skip
    if (symbols := layout.fields.pop("symbol", None)) is not None:
        known = [str(name) for name in table[symbols].unique(maintain_order=True)]
        if symbol is not None and len(known) > 1 and symbol not in known:
            raise UnknownSymbolError(symbol, known)
        if len(known) > 1:
            parts = {name: table.filter(pl.col(symbols).cast(pl.String) == name) for name in known}
            if symbol is not None:
                return _one(kind, parts[symbol], layout, symbol, source, options)
            return [_one(kind, part, layout, name, source, options) for name, part in parts.items()]
        symbol = symbol or known[0]
    symbol = symbol or getattr(options.instrument, "symbol", None) or fallback
    if symbol is None:
        raise DataError("has no symbol.", source=source, remedy="Give one: symbol='SPY'.")
    return _one(kind, table, layout, symbol, source, options)


def _one(
    kind: str, frame: pl.DataFrame, layout: Layout, symbol: str, source: str, options: ReadOptions
) -> Series:
    """The series of one symbol."""
    import polars as pl

    times = read_times(frame[layout.fields["time"]], options, source=source, tz=layout.tz)
    fields = [pl.col("row"), pl.lit(times.values).alias("at")]
    values = [field for field in (*_PRICES[kind], *_SIZES[kind]) if field in layout.fields]
    fields += [pl.col(layout.fields[field]).alias(field) for field in values]
    for field in ("open_time", "ts_recv"):
        if field in layout.fields:
            moments = read_times(frame[layout.fields[field]], options, source=source)
            fields.append(pl.lit(moments.values).alias(field))
    if "aggressor" in layout.fields:
        fields.append(_sides(frame[layout.fields["aggressor"]], source).alias("aggressor"))
    table = Table(frame.select(fields), source, {**layout.fields, "at": layout.fields["time"]})
    reading = _Reading(kind, table, symbol, options, layout, times.are_dates)
    return reading.bars() if kind == "bars" else reading.events()


class _Times(NamedTuple):
    open_ns: NDArray[np.int64]
    event_ns: NDArray[np.int64]
    timeframe_ns: int | None


class _Reading:
    """One series on its way from columns to checked arrays."""

    def __init__(
        self, kind: str, table: Table, symbol: str, options: ReadOptions, layout: Layout, are_dates: bool
    ) -> None:
        self.kind, self.table, self.symbol, self.options, self.layout = kind, table, symbol, options, layout
        self.are_dates = are_dates
        self.instrument = options.instrument_of(symbol)
        self.price_shift_max = 0.0
        self.rows_dropped = 0

    def bars(self) -> Bars:
        import numpy as np
        import polars as pl

        table, options = self.table, self.options
        prices = [field for field in _PRICES["bars"] if field in table.frame.columns]
        self._check_values(prices, pl.any_horizontal(pl.col(field).is_null() for field in prices))
        grade = "ohlc" if len(prices) == 4 else "closes only"
        if grade == "ohlc":
            checks.bars(table)
        if self.are_dates and options.timeframe is not None and timeframe_to_ns(options.timeframe) != DAY_NS:
            # Such as weeks, named by their first or last day.
            table.frame = table.frame.with_columns(pl.col("at") * DAY_NS)
            self.are_dates = False
        arranged = arrange(table, "at", options, unique=True, is_dates=self.are_dates)
        times = self._sessions() if self.are_dates else self._periods()
        close = self._price("close")
        frame = table.frame
        has_volume = "volume" in frame.columns
        recv_ns, shift_ns = self._received(times.event_ns)
        adjusted = "all" if self.layout.is_adjusted and options.adjusted == "none" else options.adjusted
        made = Bars(
            symbol=self.symbol,
            ts_event_ns=times.event_ns,
            ts_recv_ns=recv_ns,
            instrument=self.instrument,
            adjusted=adjusted,
            rows_dropped=self.rows_dropped,
            rows_repeated=arranged.rows_repeated,
            rows_moved=arranged.rows_moved,
            clock_shift_ns=shift_ns,
            source=table.source,
            open_ns=times.open_ns,
            open=close if grade != "ohlc" else self._price("open"),
            high=close if grade != "ohlc" else self._price("high"),
            low=close if grade != "ohlc" else self._price("low"),
            close=close,
            volume=frame["volume"].to_numpy() if has_volume else np.full(frame.height, np.nan),
            timeframe_ns=times.timeframe_ns,
            grade=grade,
            price_shift_max=self.price_shift_max,
        )
        return made

    def events(self) -> Series:
        """Quotes or trades."""
        import numpy as np
        import polars as pl

        table, prices = self.table, _PRICES[self.kind]
        if self.are_dates:
            table.refuse(pl.lit(value=True), "at", f"{self.kind} have only dates.", "Give times of the day.")
        join = pl.all_horizontal if self.kind == "quotes" else pl.any_horizontal
        self._check_values(list(prices), join(pl.col(field).is_null() for field in prices))
        if self.kind == "quotes" and not self.options.allow_crossed:
            table.refuse(
                pl.col("bid") > pl.col("ask"),
                "bid",
                "bid {bid} is above ask {ask}.",
                "Correct it, or take crossed quotes with allow_crossed=True.",
            )
        order = "ts_recv" if "ts_recv" in table.frame.columns else "at"
        arranged = arrange(table, order, self.options, unique=False, is_dates=False)
        event_ns = table.frame["at"].to_numpy()
        recv_ns, shift_ns = self._received(event_ns)
        common: dict[str, Any] = {
            "symbol": self.symbol,
            "ts_event_ns": event_ns,
            "ts_recv_ns": recv_ns,
            "instrument": self.instrument,
            "adjusted": self.options.adjusted,
            "rows_dropped": self.rows_dropped,
            "rows_moved": arranged.rows_moved,
            "clock_shift_ns": shift_ns,
            "source": table.source,
        }
        rounded = {field: self._price(field) for field in prices}
        frame, unknown = table.frame, np.full(table.frame.height, np.nan)
        sizes = {
            field: frame[field].fill_null(float("nan")).to_numpy() if field in frame.columns else unknown
            for field in _SIZES[self.kind]
        }
        common |= {"price_shift_max": self.price_shift_max, **rounded, **sizes}
        if self.kind == "quotes":
            return Quotes(**common)
        sides = (
            frame["aggressor"].to_numpy() if "aggressor" in frame.columns else np.zeros(frame.height, np.int8)
        )
        return Trades(**common, aggressor=sides)

    def _check_values(self, prices: list[str], missing: pl.Expr) -> None:
        """Numbers, none missing, prices and sizes possible."""
        import polars as pl

        table, options = self.table, self.options
        sizes = [field for field in _SIZES[self.kind] if field in table.frame.columns]
        checks.numbers(table, prices + sizes)
        if sizes and self.kind != "quotes":
            missing = missing | pl.any_horizontal(pl.col(field).is_null() for field in sizes)
        timeless = pl.col("at").is_null() & ~missing
        table.refuse(timeless, "at", "the time is empty.", "Correct or remove the row.")
        required = prices + (sizes if self.kind != "quotes" else [])
        self.rows_dropped = checks.empty(table, missing, required, drop_empty=options.drop_empty)
        if not table.frame.height:
            raise DataError(
                f"has no rows with a value of {self.layout.fields[prices[-1]]!r}.",
                source=table.source,
                remedy="Check that it is the right one.",
            )
        checks.prices(table, prices, instrument=self.instrument, allow_negative=options.allow_negative)
        checks.sizes(table, sizes)

    def _price(self, field: str) -> NDArray[np.float64]:
        import numpy as np
        import polars as pl

        prices = self.table.frame[field].fill_null(float("nan")).to_numpy()
        if self.instrument is None:
            return prices
        rounded, shift = round_to_grid(prices, self.instrument)
        if self.instrument.bounds is None and not self.options.allow_negative and bool(np.any(rounded <= 0)):
            self.table.refuse(
                pl.lit(pl.Series(rounded)) <= 0,
                field,
                f"price {{{field}}} rounds to zero on the instrument's tick grid.",
                "Give the instrument a finer grid.",
            )
        self.price_shift_max = max(self.price_shift_max, shift)
        return rounded

    def _sessions(self) -> _Times:
        """Start and end of the days that plain dates are."""
        import numpy as np
        import polars as pl

        table = self.table
        days = table.frame["at"].to_numpy()
        calendar = self.options.calendar or getattr(self.instrument, "calendar", None)
        steps = np.diff(days)
        if self.options.timeframe is None and len(steps) > 2 and int(steps.min()) > 4:
            table.refuse(
                pl.lit(value=True),
                "at",
                f"dates are at least {steps.min()} days apart, so that these are no daily bars.",
                "Give timeframe='7d' or the like and label='open' or 'close'; timeframe='1d' for days far apart.",
            )
        if calendar is None:
            return _Times(days * DAY_NS, (days + 1) * DAY_NS, DAY_NS)
        sessions = sessions_of(calendar, int(days[0]), int(days[-1]))
        found = np.minimum(np.searchsorted(sessions.days, days), len(sessions.days) - 1)
        strange = sessions.days[found] != days
        if strange.any() and self.options.drop_non_sessions:
            table.frame = table.frame.filter(pl.Series(~strange))
            self.rows_dropped += int(strange.sum())
            found = found[~strange]
        elif strange.any():
            day = np.datetime64(int(days[strange][0]), "D")
            table.refuse(
                pl.lit(pl.Series(strange)),
                "at",
                f"{day} is no session of the calendar {calendar}.",
                "Leave such rows out with drop_non_sessions=True, or give the calendar that the dates are of.",
            )
        return _Times(sessions.open_ns[found], sessions.close_ns[found], DAY_NS)

    def _periods(self) -> _Times:
        """Start and end of bars with times, from the label and the length of a bar."""
        import polars as pl

        frame, label = self.table.frame, self.layout.label or self.options.label
        at = frame["at"].to_numpy()
        if "open_time" in frame.columns:
            open_ns = frame["open_time"].to_numpy()
            problem = "the bar opens after its close."
            self.table.refuse(pl.col("open_time") > pl.col("at"), "open_time", problem, "Correct the row.")
            lengths = frame.select((pl.col("at") - pl.col("open_time")).unique())
            given = self.options.timeframe
            same = int(lengths.item()) if lengths.height == 1 and int(lengths.item()) > 0 else None
            return _Times(open_ns, at, timeframe_to_ns(given) if given is not None else same)
        if label is None:
            self.table.refuse(
                pl.lit(value=True),
                "at",
                "intraday bars do not say whether their time is the open or the close.",
                "Give label='open' or label='close'.",
            )
        length_ns = self._timeframe_ns()
        return (
            _Times(at, at + length_ns, length_ns)
            if label == "open"
            else _Times(at - length_ns, at, length_ns)
        )

    def _timeframe_ns(self) -> int:
        import polars as pl

        steps = self.table.frame["at"].diff().drop_nulls()
        if self.options.timeframe is not None:
            length_ns = timeframe_to_ns(self.options.timeframe)
        elif not len(steps):
            problem, remedy = "one bar does not tell how long it is.", "Give timeframe='1m' or the like."
            raise DataError(problem, source=self.table.source, remedy=remedy)
        else:
            length_ns = int(steps.mode(maintain_order=False).sort()[0])
        self.table.refuse(
            pl.col("at").diff() < length_ns,
            "at",
            f"the bar begins before the one above it ends, {timeframe_text(length_ns)} long as most.",
            "Correct the row, or give timeframe= if that is not their length.",
        )
        return length_ns

    def _received(self, event_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Receive times and what was added to them."""
        import polars as pl

        if "ts_recv" not in self.table.frame.columns:
            return event_ns, 0
        recv_ns = self.table.frame["ts_recv"].to_numpy()
        earliest_ns = int((recv_ns - event_ns).min())
        if earliest_ns >= 0:
            return recv_ns, 0
        if self.options.clock_offset != "estimate":
            self.table.refuse(
                pl.lit(pl.Series(recv_ns < event_ns)),
                "ts_recv",
                f"received before it happened, by up to {-earliest_ns / 1e6:,.3f} ms.",
                "Shift the receive times with clock_offset='estimate'.",
            )
        return recv_ns - earliest_ns, -earliest_ns


def _sides(column: pl.Series, source: str) -> pl.Series:
    """Which side took, as +1, -1 or 0; ``isBuyerMaker`` columns are true where the seller took."""
    import polars as pl

    if column.dtype == pl.Boolean:
        return (1 - 2 * column.cast(pl.Int8)).fill_null(0)
    text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    maker = {"true": -1, "false": 1}
    codes = {**_SIDES, **maker, **dict.fromkeys(_NO_SIDE, 0)}
    read = text.replace_strict(codes, default=None, return_dtype=pl.Int8)
    strange = read.is_null() & column.is_not_null()
    if strange.any():
        row = int(strange.arg_max() or 0)
        raise DataError(
            f"{column[row]!r} is no side.",
            source=source,
            row=row + 1,
            field=column.name,
            value=column[row],
            remedy="Use buy or sell for the side that took, or leave it empty.",
        )
    return read.fill_null(0)
