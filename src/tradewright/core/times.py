"""Moments and lengths of time: nanoseconds inside, text and date types at the edge."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TypeAlias

Duration: TypeAlias = "str | int"
"""A length of time: ``"100ms"``, ``"5m"``, ``"1h30m"``, or nanoseconds."""

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": SECOND_NS,
    "m": 60 * SECOND_NS,
    "min": 60 * SECOND_NS,
    "h": 3_600 * SECOND_NS,
    "d": DAY_NS,
    "w": 7 * DAY_NS,
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|min|s|m|h|d|w)\s*")
_INT64_MAX = 2**63 - 1
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def duration_ns(duration: Duration, *, name: str = "duration") -> int:
    """A length of time in nanoseconds.

    Args:
        duration: ``"100ms"``, ``"5m"``, ``"1h30m"``, ``"1.5s"``, or nanoseconds as an integer.
            Units: ns, us, ms, s, m (or min), h, d, w.
        name: What the message calls it.

    Raises:
        ValueError: it is not a positive, whole number of nanoseconds below 292 years.
    """
    total_ns = Fraction(0)
    if isinstance(duration, str):
        text, place = duration.strip(), 0
        while match := _DURATION_PART.match(text, place):
            total_ns += Fraction(match[1]) * _UNITS_NS[match[2]]
            place = match.end()
        if place != len(text):
            total_ns = Fraction(0)
    elif not isinstance(duration, bool):
        total_ns = Fraction(duration)
    if total_ns <= 0 or total_ns.denominator != 1 or total_ns > _INT64_MAX:
        raise ValueError(
            f"{name} {duration!r} is not a length of time. "
            "Use a number and a unit, such as '100ms', '5m' or '1h30m' (ns, us, ms, s, m, h, d, w)."
        )
    return int(total_ns)


def duration_text(length_ns: int) -> str:
    """The shortest way to write a length of time: ``1m`` for 60,000,000,000."""
    for unit in ("w", "d", "h", "m", "s", "ms", "us"):
        if length_ns % _UNITS_NS[unit] == 0:
            return f"{length_ns // _UNITS_NS[unit]}{unit}"
    return f"{length_ns}ns"


def time_ns(moment: int | str | dt.date) -> int:
    """Nanoseconds since the epoch of a moment.

    Args:
        moment: ns since the epoch; an aware ``datetime``; a ``date`` (its start in UTC); or either as text.

    Raises:
        ValueError: a date-time without a time zone, or text that is no time.
    """
    if isinstance(moment, int):
        return moment
    if isinstance(moment, str):
        try:
            moment = dt.date.fromisoformat(moment) if len(moment) <= 10 else dt.datetime.fromisoformat(moment)
        except ValueError:
            raise ValueError(
                f"{moment!r} is no time. Use '2024-08-08' or '2024-08-08T09:30:00-04:00'."
            ) from None
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime(moment.year, moment.month, moment.day, tzinfo=dt.UTC)
    if moment.tzinfo is None:
        raise ValueError(f"date-time {moment} has no time zone. Give one: {moment}+00:00 for UTC.")
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) * 1_000


def time_text(moment_ns: int) -> str:
    """A moment as ``2024-08-08 13:30:00``, UTC, with as many decimals of a second as it needs."""
    seconds, fraction = divmod(moment_ns, SECOND_NS)
    moment = _EPOCH + dt.timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{fraction:09d}".rstrip("0") if fraction else "")
