"""What a reader is told about a file or frame that the file does not say itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

import msgspec

from tradewright.core.series import Adjustment
from tradewright.core.times import duration_ns

if TYPE_CHECKING:
    from tradewright.core.instrument import Instrument

Label = Literal["open", "close"]
TimeUnit = Literal["s", "ms", "us", "ns"]


OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
"""A fixed distance from UTC, as the name of a time zone."""


def check_zone(tz: str) -> None:
    """Refuses what is no time zone.

    Raises:
        ValueError: neither a zone's name nor a fixed offset.
    """
    import zoneinfo

    if OFFSET.fullmatch(tz):
        return
    try:
        zoneinfo.ZoneInfo(tz)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"tz: no time zone {tz!r}. Use a name such as 'America/New_York', or '-05:00'."
        ) from None


class StoredInstruments:
    """Instruments that a store has: they hold for new rows too, but nothing is rounded to fit them.

    Attributes:
        venue: Where everything that is read now was recorded; ``None`` leaves it to each instrument.
        found: Instruments by venue and symbol.
    """

    def __init__(self, venue: str | None, found: dict[tuple[str, str], Instrument]) -> None:
        self.venue, self.found = venue, found

    def like(self, instrument: Instrument | None) -> Instrument | None:
        """The stored one of the same venue and symbol, or from now on this one."""
        if instrument is None:
            return None
        venue = instrument.venue if self.venue is None else self.venue
        return self.found.setdefault((venue, instrument.symbol), instrument)


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read a file or a frame; each is also a keyword of the readers.

    Attributes:
        columns: Field names to the source's column names, such as ``{"close": "Last"}``, where recognition
            by name does not do; or, for a file without a header, the field of each column in order, ``None``
            for those to skip.
        tz: Time zone of date-times that carry none: ``"America/New_York"``, ``"UTC"`` or a fixed
            ``"-05:00"``.
        label: Whether the time of an intraday bar is its open or its close. Never guessed.
        timeframe: Length of a bar, such as ``"1m"``; inferred from the times if left out.
        calendar: Calendar whose sessions plain dates are, such as ``"XNYS"``; the instrument's if left out.
            Without any, a plain date is a day of UTC.
        time_format: ``strptime`` format of the times, for forms that are not recognised.
        time_unit: Unit of epoch times, where their size leaves it open.
        drop_empty: Leave out rows with an empty price or volume, and count them, instead of refusing.
        drop_non_sessions: Leave out plain dates that are no session of the calendar, and count them with the
            empty rows, instead of refusing.
        sort: Put rows in the order of time instead of refusing those that go back.
        deduplicate: For bars, ``True`` leaves out repeated equal rows; ``"first"`` or ``"last"`` says which
            to keep of rows that have one time and different values.
        allow_negative: Take zero and negative prices, as spreads have. An instrument whose bounds allow them
            does too.
        allow_crossed: Take quotes whose bid is above the ask.
        clock_offset: ``"estimate"`` shifts receive times that are before the venue's so that the smallest
            latency is zero, and records the shift.
        instrument: What is traded, or one instrument for each symbol; prices are rounded to its tick grid.
        adjusted: What past prices were adjusted for: ``none``, ``splits`` or ``all`` (splits and dividends).
        opening_book: LOBSTER's order-book file, whose first row the messages start from; the one of the
            same name with ``orderbook`` for ``message`` if left out.
        separator: What stands between the fields of a text file; found in the first line if left out.
    """

    columns: dict[str, str] | list[str | None] | None = None
    tz: str | None = None
    label: Label | None = None
    timeframe: str | int | None = None
    calendar: str | None = None
    time_format: str | None = None
    time_unit: TimeUnit | None = None
    drop_empty: bool = False
    drop_non_sessions: bool = False
    sort: bool = False
    deduplicate: bool | Literal["first", "last"] = False
    allow_negative: bool = False
    allow_crossed: bool = False
    clock_offset: Literal["estimate"] | None = None
    instrument: Any = None
    adjusted: Adjustment = "none"
    opening_book: str | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        if self.tz is not None:
            check_zone(self.tz)
        if self.timeframe is not None:
            duration_ns(self.timeframe, name="timeframe")

    def instrument_of(self, symbol: str) -> Instrument | None:
        """The instrument given for a symbol, if any."""
        given = cast("Instrument | Mapping[str, Instrument] | StoredInstruments | None", self.instrument)
        if isinstance(given, StoredInstruments):
            return None
        return given.get(symbol) if isinstance(given, Mapping) else given


class ReadKeywords(TypedDict, total=False):
    """The fields of `ReadOptions` as keywords; see there."""

    columns: Mapping[str, str] | Sequence[str | None]
    tz: str | None
    label: Label | None
    timeframe: str | int | None
    calendar: str | None
    time_format: str | None
    time_unit: TimeUnit | None
    drop_empty: bool
    drop_non_sessions: bool
    sort: bool
    deduplicate: bool | Literal["first", "last"]
    allow_negative: bool
    allow_crossed: bool
    clock_offset: Literal["estimate"] | None
    instrument: Instrument | Mapping[str, Instrument] | None
    adjusted: Adjustment
    opening_book: str | None
    separator: str | None


def read_options(keywords: Mapping[str, Any]) -> ReadOptions:
    """Checked options from keywords.

    Raises:
        TypeError: an option that does not exist; the text names the nearest.
        ValueError: an impossible value.
    """
    for name in keywords:
        if name not in ReadOptions.__struct_fields__:
            near = difflib.get_close_matches(name, ReadOptions.__struct_fields__, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"no reading option {name!r}.{hint} There are: {', '.join(ReadOptions.__struct_fields__)}."
            )
    values = dict(keywords)
    if isinstance(columns := values.get("columns"), tuple):
        values["columns"] = list(cast("tuple[str | None, ...]", columns))
    try:
        return msgspec.convert(values, ReadOptions)
    except msgspec.ValidationError as error:
        raise ValueError(f"reading options: {error}") from None
