"""Times of recorded data: text, numbers and date types to nanoseconds since the epoch, without guessing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

from tradewright.core.times import DAY_NS, time_ns, time_text
from tradewright.data.options import OFFSET, check_zone
from tradewright.errors import DataError

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl

    from tradewright.data.options import ReadOptions

_DATES = (
    (r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
    (r"\d{8}", "%Y%m%d"),
    (r"\d{1,2}-[A-Za-z]{3}-\d{4}", "%d-%b-%Y"),
    (r"\d{1,2}/\d{1,2}/\d{4}", "month or day first"),
)
_CLOCKS = (
    (r"\d{1,2}:\d{2}", "%H:%M"),
    (r"\d{1,2}:\d{2}:\d{2}([.]\d+)?", "%H:%M:%S%.f"),
    (r"\d{1,2}:\d{2} [AaPp][Mm]", "%I:%M %p"),
    (r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]", "%I:%M:%S %p"),
    (r"\d{6}", "%H%M%S"),
    (r"\d{9}", "%H%M%S%3f"),
)
_ZONES = ((r"[ ]?[+-]\d{2}(:?\d{2})?", "%#z"), (r"Z", "Z"), (r" UTC", " UTC"), (r"", ""))
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# The whole days whose start and end int64 nanoseconds hold: about a day of room is left on both sides, for
# offsets of zones. Arithmetic beyond int64 wraps around without a word, so ranges are checked before it.
_FIRST_NS, _END_NS = -106_751 * DAY_NS, 106_751 * DAY_NS
_HELD = "outside of the times that can be held, 1677-09-22 to 2262-04-10"
_INT64_MAX = 2**63 - 1


class Times(NamedTuple):
    """Times of rows: ns since the epoch (UTC), or days since the epoch where the source has plain dates."""

    values: pl.Series
    are_dates: bool


def clamped_ns(moment: int | str | dt.date) -> int:
    """`time_ns` of a start or an end, within int64: a far end means to the end."""
    return min(max(time_ns(moment), -_INT64_MAX), _INT64_MAX)


def clamped_span(
    start: int | str | dt.date | None, end: int | str | dt.date | None
) -> tuple[int | None, int | None]:
    """`clamped_ns` of a start and an end; ``None`` leaves that side open."""
    return None if start is None else clamped_ns(start), None if end is None else clamped_ns(end)


def read_times(column: pl.Series, options: ReadOptions, *, source: str, tz: str | None = None) -> Times:
    """Times of a column; null where the column is.

    Args:
        column: Text, numbers, or a date or date-time type.
        options: Zone, format and unit.
        source: For messages.
        tz: What the column's name says of the zone.

    Raises:
        DataError: text that is no time, a naive date-time without ``tz``, a moment that the zone does not
            have, one that nanoseconds do not reach, or numbers whose unit cannot be told.
    """
    return _Reader(column, options, source, options.tz or tz).read()


class _Reader:
    def __init__(self, column: pl.Series, options: ReadOptions, source: str, tz: str | None) -> None:
        self.column, self.options, self.source, self.tz = column, options, source, tz

    def read(self) -> Times:
        import polars as pl

        dtype = self.column.dtype
        if dtype == pl.Null or self.column.null_count() == len(self.column):
            return Times(self.column.cast(pl.Int64), are_dates=False)
        if dtype == pl.Date:
            return self._days(self.column)
        if isinstance(dtype, pl.Datetime):
            self._check_range(self.column)
            return self._moments(self.column.cast(pl.Datetime("ns", dtype.time_zone)))
        if dtype == pl.String:
            return self._text(self.column.str.strip_chars())
        if dtype.is_numeric():
            return self._numbers(self.column)
        raise self._refusal(0, f"times of type {dtype}.", "Give dates, date-times, text or epoch numbers.")

    def _text(self, text: pl.Series) -> Times:
        import polars as pl

        first = text.drop_nulls()[0]
        if self.options.time_format is None and re.fullmatch(r"\d{9,19}|\d{9,10}[.]\d+", first):
            numbers = text.cast(pl.Float64 if "." in first else pl.Int64, strict=False)
            self._check_all_read(numbers, "an epoch time")
            return self._numbers(numbers)
        form = self.options.time_format or self._form(text, first)
        if not re.search(r"%[HIsTRcXr]", form):
            days = text.str.to_date(form, strict=False)
            self._check_all_read(days, f"a date like {first!r}")
            return self._days(days)
        moments = text.str.to_datetime(form, time_unit="ns", strict=False)
        self._check_all_read(moments, f"a time like {first!r}")
        if not _has_near_years(text, form):
            self._check_range(text.str.to_datetime(form, time_unit="us", strict=False))
        if form.endswith(("Z", " UTC")):
            moments = moments.dt.replace_time_zone("UTC")
        return self._moments(moments)

    def _form(self, text: pl.Series, first: str) -> str:
        for date, date_form in _DATES:
            if re.fullmatch(date, first):
                return self._day_order(text) if date_form.startswith("month") else date_form
            for clock, clock_form in _CLOCKS:
                for zone, zone_form in _ZONES:
                    if match := re.fullmatch(f"{date}([T ;])({clock}){zone}", first):
                        form = self._day_order(text) if date_form.startswith("month") else date_form
                        return form + match[1] + clock_form + zone_form
        remedy = "Give its form, such as time_format='%d.%m.%Y %H:%M'."
        raise self._refusal(
            self.column.is_not_null().arg_max() or 0, f"{first!r} is no time of a known form.", remedy
        )

    def _day_order(self, text: pl.Series) -> str:
        """Which of 1/2/2003's first two numbers is the day, from the rows that leave no doubt."""
        import polars as pl

        parts = (
            text.str.extract_groups(r"^(\d{1,2})/(\d{1,2})/").struct.unnest().select(pl.all().cast(pl.Int64))
        )
        is_over = [bool((parts.to_series(index) > 12).any()) for index in (0, 1)]
        if is_over == [False, True]:
            return "%m/%d/%Y"
        if is_over == [True, False]:
            return "%d/%m/%Y"
        remedy = "Say which: time_format='%m/%d/%Y' or '%d/%m/%Y'."
        raise self._refusal(0, f"{text[0]!r} may have the month or the day first, and no row tells.", remedy)

    def _numbers(self, numbers: pl.Series) -> Times:
        import polars as pl

        if numbers.dtype.is_float():
            numbers = numbers.fill_nan(None)
        if numbers.null_count() == len(numbers):
            return Times(numbers.cast(pl.Int64), are_dates=False)
        # Python's own numbers: epoch times need more digits than a float has.
        low, high = cast("tuple[float, float]", (numbers.min(), numbers.max()))
        if low >= 19_000_101 and high <= 21_001_231 and numbers.dtype.is_integer():
            days = numbers.cast(pl.String).str.to_date("%Y%m%d", strict=False)
            self._check_all_read(days, "a date of the form YYYYMMDD")
            return self._days(days)
        units = [
            unit
            for unit, per_second in _PER_SECOND.items()
            if 1e8 * per_second <= low <= high < 1e10 * per_second
        ]
        unit = self.options.time_unit or (units[0] if units else None)
        if unit is None:
            remedy = "Give it: time_unit='s', 'ms', 'us' or 'ns'."
            raise self._refusal(
                0, f"the unit of epoch times from {low:.0f} to {high:.0f} cannot be told.", remedy
            )
        factor = 10**9 // _PER_SECOND[unit]
        if (row := _outside(numbers, factor)) is not None:
            raise self._refusal(
                row, f"{numbers[row]} {unit} since 1970 is {_HELD}.", _other_unit(numbers[row], unit)
            )
        if numbers.dtype.is_float():
            return Times((numbers * factor).round().cast(pl.Int64), are_dates=False)
        return Times(numbers.cast(pl.Int64) * factor, are_dates=False)

    def _days(self, days: pl.Series) -> Times:
        import polars as pl

        self._check_range(days)
        return Times(days.cast(pl.Int64), are_dates=True)

    def _moments(self, moments: pl.Series) -> Times:
        import polars as pl

        if isinstance(moments.dtype, pl.Datetime) and moments.dtype.time_zone is not None:
            return Times(moments.cast(pl.Int64), are_dates=False)
        naive_ns = moments.cast(pl.Int64)
        if self.tz is None and (naive_ns.drop_nulls() % DAY_NS == 0).all():
            # Midnight throughout is how pandas and many files write plain dates.
            return Times(naive_ns // DAY_NS, are_dates=True)
        if self.tz is None:
            row = int((naive_ns % DAY_NS != 0).arg_max() or 0)
            remedy = "Give tz='UTC', tz='America/New_York' or the like."
            raise self._refusal(row, f"date-time {self.column[row]} has no time zone.", remedy)
        if offset := OFFSET.fullmatch(self.tz):
            shift_ns = (int(offset[2]) * 60 + int(offset[3])) * 60 * 10**9
            return Times(naive_ns - shift_ns if offset[1] == "+" else naive_ns + shift_ns, are_dates=False)
        check_zone(self.tz)
        zoned = moments.dt.replace_time_zone(self.tz, ambiguous="null", non_existent="null")
        lost = zoned.is_null() & moments.is_not_null()
        if lost.any():
            row = int(lost.arg_max() or 0)
            remedy = (
                "Give times with offsets; or, if the source keeps standard time, tz='-05:00' or the like."
            )
            raise self._refusal(
                row, f"{self.column[row]} does not exist, or twice, in {self.tz} (clock change).", remedy
            )
        return Times(zoned.dt.convert_time_zone("UTC").cast(pl.Int64), are_dates=False)

    def _check_all_read(self, read: pl.Series, what: str) -> None:
        lost = read.is_null() & self.column.is_not_null()
        if lost.any():
            row = int(lost.arg_max() or 0)
            remedy = "Correct it, or give time_format= if the source's form is another."
            raise self._refusal(row, f"{self.column[row]!r} is not {what}.", remedy)

    def _check_range(self, read: pl.Series) -> None:
        """Refuses dates and date-times that nanoseconds do not reach."""
        import polars as pl

        dtype = read.dtype
        unit_ns = 10**9 // _PER_SECOND[dtype.time_unit] if isinstance(dtype, pl.Datetime) else DAY_NS
        if (row := _outside(read.to_physical(), unit_ns)) is not None:
            remedy = "Correct or remove the row."
            raise self._refusal(row, f"{self.column[row]} is {_HELD}.", remedy)

    def _refusal(self, row: int, problem: str, remedy: str) -> DataError:
        name, value = self.column.name, self.column[row]
        return DataError(problem, source=self.source, row=row + 1, field=name, value=value, remedy=remedy)


def _outside(counts: pl.Series, unit_ns: int) -> int | None:
    """Index of the first count of units since the epoch that nanoseconds do not hold."""
    import polars as pl

    first, end = _FIRST_NS // unit_ns, _END_NS // unit_ns
    low, high = cast("tuple[float | None, float | None]", (counts.min(), counts.max()))
    if low is None or high is None or first <= low <= high < end:
        return None
    # In a type that has both bounds, whatever the column's own.
    wide = counts.cast(pl.Int128 if counts.dtype.is_integer() else pl.Float64)
    return int(((wide < first) | (wide >= end)).arg_max() or 0)


def _has_near_years(text: pl.Series, form: str) -> bool:
    """Whether all years are in range by the texts alone, which saves reading them a second time."""
    low, high = cast("tuple[str, str]", (text.min(), text.max()))
    return form.startswith("%Y") and low[:4] > "1677" and high[:4] < "2262"


def _other_unit(number: float, unit: str) -> str:
    """What to do about an epoch time that is out of range: mostly the unit is another."""
    for name, per_second in _PER_SECOND.items():
        if name != unit and 1e8 * per_second <= number < 1e10 * per_second:
            moment_ns = int(number) * (10**9 // per_second)
            if moment_ns < _END_NS:
                return f"Give time_unit={name!r}: it makes that {time_text(moment_ns)}."
    return "Correct or remove the row."
