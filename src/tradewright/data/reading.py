"""One series on its way from columns to checked arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tradewright.core.calendar import session_closes, session_opens
from tradewright.core.series import Bars, Quotes, Trades
from tradewright.core.times import DAY_NS, duration_ns, duration_text
from tradewright.data import checks
from tradewright.data.grid import round_to_grid
from tradewright.data.order import arrange
from tradewright.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from tradewright.core.series import Series
    from tradewright.data.checks import Table
    from tradewright.data.columns import Layout
    from tradewright.data.options import ReadOptions

PRICES = {"bars": ("open", "high", "low", "close"), "quotes": ("bid", "ask"), "trades": ("price",)}
_INT64_MAX = 2**63 - 1
SIZES = {"bars": ("volume",), "quotes": ("bid_size", "ask_size"), "trades": ("size",)}


class _Times(NamedTuple):
    open_ns: NDArray[np.int64]
    event_ns: NDArray[np.int64]
    timeframe_ns: int | None


class Reading:
    """Checks and converts the rows of one symbol.

    Args:
        kind: ``bars``, ``quotes`` or ``trades``.
        table: Columns ``row`` and ``at`` (time: ns, or days if ``are_dates``), then the fields.
        symbol: The instrument's symbol.
        options: How to read.
        layout: What the names of the columns told.
        are_dates: The times are plain dates.
    """

    def __init__(
        self, kind: str, table: Table, symbol: str, options: ReadOptions, layout: Layout, are_dates: bool
    ) -> None:
        self.kind, self.table, self.symbol, self.options, self.layout = kind, table, symbol, options, layout
        self.are_dates = are_dates
        self.instrument = options.instrument_of(symbol)
        self.price_shift_max = 0.0
        self.rows_dropped = 0

    def bars(self) -> Bars:
        """The rows as bars."""
        import numpy as np
        import polars as pl

        table, options = self.table, self.options
        prices = [field for field in PRICES["bars"] if field in table.frame.columns]
        self._check_values(prices, pl.any_horizontal(pl.col(field).is_null() for field in prices))
        grade = "ohlc" if len(prices) == 4 else "closes only"
        if grade == "ohlc":
            checks.bars(table)
        if (
            self.are_dates
            and options.timeframe is not None
            and duration_ns(options.timeframe, name="timeframe") != DAY_NS
        ):
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
        return Bars(
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
            starts_ns=times.open_ns,
            open=close if grade != "ohlc" else self._price("open"),
            high=close if grade != "ohlc" else self._price("high"),
            low=close if grade != "ohlc" else self._price("low"),
            close=close,
            volume=frame["volume"].to_numpy() if has_volume else np.full(frame.height, np.nan),
            timeframe_ns=times.timeframe_ns,
            grade=grade,
            price_shift_max=self.price_shift_max,
        )

    def events(self) -> Series:
        """The rows as quotes or trades."""
        import numpy as np
        import polars as pl

        table, prices = self.table, PRICES[self.kind]
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
            for field in SIZES[self.kind]
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
        sizes = [field for field in SIZES[self.kind] if field in table.frame.columns]
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
                "Give timeframe='7d' and label='open' or 'close', or timeframe='1d' for days far apart.",
            )
        if calendar is None:
            return _Times(days * DAY_NS, (days + 1) * DAY_NS, DAY_NS)
        first_day, end_day = (np.datetime64(day).astype(int) for day in ("1678-01-01", "2262-01-01"))
        table.refuse(
            (pl.col("at") < int(first_day)) | (pl.col("at") >= int(end_day)),
            "at",
            "{at:day} is beyond what calendars can reach, 1678 to 2261.",
            f"Correct or remove the row, or leave out the calendar {calendar}.",
        )
        while True:
            days = table.frame["at"].to_numpy()
            dates = days.astype("datetime64[D]")
            try:
                close_ns = session_closes(calendar, dates, source=table.source)
                return _Times(session_opens(calendar, dates, source=table.source), close_ns, DAY_NS)
            except DataError as error:
                if error.row is None:
                    raise
                self._drop_non_session(error.row - 1, error.problem, calendar)

    def _drop_non_session(self, index: int, problem: str, calendar: str) -> None:
        """Leaves out a row whose date is no session, if told to."""
        import polars as pl

        table = self.table
        if not self.options.drop_non_sessions:
            table.refuse(
                pl.int_range(pl.len()) == index,
                "at",
                problem,
                f"Leave such rows out with drop_non_sessions=True, or give another calendar than {calendar}.",
            )
        table.frame = table.frame.filter(pl.int_range(pl.len()) != index)
        self.rows_dropped += 1
        if not table.frame.height:
            raise DataError(
                f"has no session of {calendar}.", source=table.source, remedy="Give its calendar."
            )

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
            return _Times(open_ns, at, duration_ns(given, name="timeframe") if given is not None else same)
        if label is None:
            self.table.refuse(
                pl.lit(value=True),
                "at",
                "intraday bars do not say whether their time is the open or the close.",
                "Give label='open' or label='close'.",
            )
        length_ns = self._timeframe_ns()
        self.table.refuse(
            (pl.col("at") > _INT64_MAX - length_ns)
            if label == "open"
            else (pl.col("at") < length_ns - _INT64_MAX),
            "at",
            f"a bar of {duration_text(length_ns)} reaches beyond the times that can be held, "
            "1677-09-22 to 2262-04-10.",
            "Correct the row, or timeframe=.",
        )
        return (
            _Times(at, at + length_ns, length_ns)
            if label == "open"
            else _Times(at - length_ns, at, length_ns)
        )

    def _timeframe_ns(self) -> int:
        import polars as pl

        steps = self.table.frame["at"].diff().drop_nulls()
        if self.options.timeframe is not None:
            length_ns = duration_ns(self.options.timeframe, name="timeframe")
        elif not len(steps):
            problem, remedy = "one bar does not tell how long it is.", "Give timeframe='1m' or the like."
            raise DataError(problem, source=self.table.source, remedy=remedy)
        else:
            length_ns = int(steps.mode(maintain_order=False).sort()[0])
        self.table.refuse(
            pl.col("at").diff() < length_ns,
            "at",
            f"the bar begins before the one above it ends, {duration_text(length_ns)} long as most.",
            "Correct the row, or give timeframe= if that is not their length.",
        )
        return length_ns

    def _received(self, event_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Receive times and what was added to them."""
        import polars as pl

        if "ts_recv" not in self.table.frame.columns:
            return event_ns, 0
        recv_ns = self.table.frame["ts_recv"].to_numpy()
        if bool((recv_ns >= event_ns).all()):  # Differences of far times would wrap around.
            return recv_ns, 0
        earliest_ns = int((recv_ns - event_ns).min())
        if self.options.clock_offset != "estimate":
            self.table.refuse(
                pl.lit(pl.Series(recv_ns < event_ns)),
                "ts_recv",
                f"received before it happened, by up to {-earliest_ns / 1e6:,.3f} ms.",
                "Shift the receive times with clock_offset='estimate'.",
            )
        return recv_ns - earliest_ns, -earliest_ns
