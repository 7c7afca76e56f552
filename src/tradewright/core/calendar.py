"""Trading sessions, from the exchange_calendars library.

A session is one trading day from its open to its close, early closes included; a lunch break does not end it.
The library is imported on the first call, and each calendar is built once for 1970 to 2035 (or as far as it
reaches), more if more is asked for.
"""

from __future__ import annotations

import difflib
import warnings
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tradewright.core.times import DAY_NS
from tradewright.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Days = Iterable[date] | npt.NDArray[np.datetime64] | pl.Series

_FIRST_YEAR, _LAST_YEAR = 1970, 2035


class _Schedule(NamedTuple):
    """Sessions in rising order, one array element each."""

    days: npt.NDArray[np.int64]  # Days since 1970-01-01.
    opens: npt.NDArray[np.int64]  # ns since the epoch, UTC.
    closes: npt.NDArray[np.int64]
    first_day: int  # What the schedule covers, sessions or not.
    last_day: int


def sessions(name: str | None, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """The sessions that overlap a span of time.

    Args:
        name: A calendar of exchange_calendars, such as ``"XNYS"``; ``None`` is round the clock.
        start_ns: First moment, ns since the epoch, UTC.
        end_ns: Last moment, ns since the epoch, UTC; at or after the first.

    Returns:
        ``(open_ns, close_ns)`` in rising order, closes exclusive, early closes included; empty for ``None``.

    Raises:
        ConfigError: an unknown calendar; the text names the nearest.
        DataError: a span that ends before it starts, or that reaches beyond what the calendar knows.
    """
    if end_ns < start_ns:
        raise DataError(
            f"the span ends at {end_ns}, before its start at {start_ns}.",
            source=f"calendar {name}",
            value=end_ns,
            remedy="Give the earlier time first.",
        )
    if name is None:
        return []
    schedule = _covering(name, start_ns // DAY_NS, end_ns // DAY_NS)
    first = int(schedule.closes.searchsorted(start_ns, side="right"))
    last = int(schedule.opens.searchsorted(end_ns, side="right"))
    return list(zip(schedule.opens[first:last].tolist(), schedule.closes[first:last].tolist(), strict=True))


def session_opens(name: str | None, days: Days, *, source: str = "dates") -> npt.NDArray[np.int64]:
    """When the sessions of plain dates open.

    Arguments, result and errors are those of `session_closes`.
    """
    return _at_sessions(name, days, source, is_close=False)


def session_closes(name: str | None, days: Days, *, source: str = "dates") -> npt.NDArray[np.int64]:
    """When the sessions of plain dates close: the time at which a daily bar is known.

    Args:
        name: A calendar of exchange_calendars, such as ``"XNYS"``; ``None`` ends days at midnight, UTC.
        days: Shape ``(n,)``; plain dates, as `datetime.date`, NumPy ``datetime64`` at midnight or a Polars
            series of dates, in any order.
        source: File or series that holds them, for the error.

    Returns:
        Shape ``(n,)``; ns since the epoch, UTC, early closes included.

    Raises:
        ConfigError: an unknown calendar; the text names the nearest.
        DataError: a date that is no session, with the nearest sessions; a date-time where a date belongs; a
            date that is missing; or one that the calendar does not reach.
    """
    return _at_sessions(name, days, source, is_close=True)


@lru_cache(maxsize=256)
def check_name(name: str) -> str:
    """The name itself, if exchange_calendars has a calendar (or an alias) of that name.

    Raises:
        ConfigError: it has not; the text names the nearest.
    """
    known: list[str] = _library().get_calendar_names(include_aliases=True)
    if name in known:
        return name
    near = difflib.get_close_matches(name.upper(), known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ConfigError(
        f"exchange_calendars has no calendar {name!r}.",
        path="calendar",
        remedy=f"{hint}Use None for round the clock. All names: exchange_calendars.get_calendar_names().",
    )


def _at_sessions(name: str | None, days: Days, source: str, *, is_close: bool) -> npt.NDArray[np.int64]:
    import numpy as np

    wanted = _as_days(days, source)
    if name is None:
        return (wanted + int(is_close)) * DAY_NS
    check_name(name)
    if not len(wanted):
        return wanted
    schedule = _covering(name, int(wanted.min()), int(wanted.max()), source)
    index = np.minimum(schedule.days.searchsorted(wanted), len(schedule.days) - 1)
    missing = schedule.days[index] != wanted
    if missing.any():
        row = int(missing.argmax())
        day = int(wanted[row])
        after = int(schedule.days.searchsorted(day))
        near = [_iso(int(found)) for found in schedule.days[max(after - 1, 0) : after + 1]]
        raise DataError(
            f"{_iso(day)} is no session of {name}.",
            source=source,
            row=row + 1,
            value=_iso(day),
            remedy=f"The nearest sessions are {' and '.join(near)}; another calendar may be the right one.",
        )
    return (schedule.closes if is_close else schedule.opens)[index]


def _as_days(days: Days, source: str) -> npt.NDArray[np.int64]:
    """Plain dates as days since the epoch."""
    import numpy as np

    values: npt.NDArray[Any] = np.asarray(
        days if hasattr(days, "__array__") else list(cast("Iterable[object]", days))
    )
    if not len(values):
        return np.empty(0, np.int64)
    if values.dtype.kind == "O":
        for row, value in enumerate(values.tolist()):
            if isinstance(value, datetime) or not isinstance(value, date):
                raise _not_a_date(value, row, source)
    elif values.dtype.kind != "M":
        raise _not_a_date(values[0], 0, source)
    whole = values.astype("datetime64[D]")
    wrong = np.isnat(whole)
    if values.dtype.kind == "M":
        wrong |= whole.astype(values.dtype) != values
    if wrong.any():
        row = int(wrong.argmax())
        raise _not_a_date(values[row], row, source)
    return whole.astype(np.int64)


def _not_a_date(value: object, row: int, source: str) -> DataError:
    return DataError(
        f"{value} is not a plain date.",
        source=source,
        row=row + 1,
        value=value,
        remedy="Give dates without a time of day; date-times need a time zone instead of a calendar.",
    )


def _covering(name: str, first_day: int, last_day: int, source: str | None = None) -> _Schedule:
    """The schedule that covers these days."""
    check_name(name)
    first_year, last_year = (int(_iso(day)[:-6]) for day in (first_day, last_day))
    schedule = _schedule(name, min(_FIRST_YEAR, first_year), max(_LAST_YEAR, last_year))
    for day in (first_day, last_day):
        if not schedule.first_day <= day <= schedule.last_day:
            raise DataError(
                f"the calendar {name} does not reach {_iso(day)}.",
                source=source or f"calendar {name}",
                value=_iso(day),
                remedy=f"It covers {_iso(schedule.first_day)} to {_iso(schedule.last_day)}.",
            )
    return schedule


@lru_cache(maxsize=32)
def _schedule(name: str, first_year: int, last_year: int) -> _Schedule:
    import numpy as np

    library = _library()
    canonical = library.resolve_alias(name)
    factory = library.calendar_utils._default_calendar_factories[canonical]  # noqa: SLF001 - bounds have no API
    low, high = factory.bound_min(), factory.bound_max()
    start = max(f"{first_year}-01-01", "" if low is None else str(low.date()))
    end = min(f"{last_year}-12-31", "~" if high is None else str(high.date()))
    with _third_party_warnings():
        schedule = library.get_calendar(name, start=start, end=end).schedule
        columns = [
            np.asarray(column.to_numpy().astype("datetime64[ns]").astype(np.int64))
            for column in (
                schedule.index,
                schedule["open"].dt.tz_convert(None),
                schedule["close"].dt.tz_convert(None),
            )
        ]
    days, opens, closes = columns
    first, last = (int(np.datetime64(day, "D").astype(np.int64)) for day in (start, end))
    return _Schedule(days // DAY_NS, opens, closes, first, last)


@lru_cache(maxsize=1)
def _library() -> Any:
    with _third_party_warnings():
        import exchange_calendars  # pyright: ignore[reportMissingTypeStubs] - it ships no types
    return exchange_calendars


def _third_party_warnings() -> warnings.catch_warnings[None]:
    """Silences the deprecations that the library meets in newer versions of pandas: not the user's."""
    return warnings.catch_warnings(action="ignore")


def _iso(day: int) -> str:
    import numpy as np

    return str(np.datetime64(day, "D"))
