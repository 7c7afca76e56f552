"""Where a store keeps a series, and what it knows of it beside the rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import msgspec

from tradewright.core.series import Adjustment, Bars, Grade, Series
from tradewright.core.times import DAY_NS, duration_ns
from tradewright.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from tradewright.core.instrument import Instrument

DESCRIPTION = "series.json"
_NO_VENUE, MIXED = "none", "mixed"


class SeriesKey(msgspec.Struct, frozen=True, order=True):
    """What tells a store's series apart.

    Attributes:
        venue: Where it was recorded; empty if nobody said.
        symbol: The instrument's symbol.
        kind: ``bars``, ``quotes``, ``trades``, ``book_l2`` or ``book_l3``.
        timeframe: Length of a bar, such as ``1m``; ``mixed`` where they differ; ``None`` for other kinds.
    """

    venue: str
    symbol: str
    kind: str
    timeframe: str | None = None

    @classmethod
    def of(cls, series: Series, venue: str | None) -> SeriesKey:
        """The key of a series."""
        given = venue if venue is not None else getattr(series.instrument, "venue", "")
        timeframe = (series.timeframe or MIXED) if isinstance(series, Bars) else None
        return cls(given, series.symbol, series.kind, timeframe)

    @property
    def is_book(self) -> bool:
        """Whether the rows are events of a book, whose order is part of what they say."""
        return self.kind.startswith("book_")

    @property
    def folder(self) -> Path:
        """Its folder inside the store, in Hive's form."""
        parts = [
            f"venue={_encoded(self.venue or _NO_VENUE)}",
            f"symbol={_encoded(self.symbol)}",
            f"kind={self.kind}",
        ]
        if self.timeframe is not None:
            parts.append(f"timeframe={self.timeframe}")
        return Path(*parts)

    @classmethod
    def from_folder(cls, folder: Path) -> SeriesKey:
        """The key of a folder inside the store."""
        named = {name: unquote(value) for name, _, value in (part.partition("=") for part in folder.parts)}
        venue = "" if named["venue"] == _NO_VENUE else named["venue"]
        return cls(venue, named["symbol"], named["kind"], named.get("timeframe"))

    def file_name(self) -> pl.Expr:
        """File of a row: one a year for daily bars, one a month for shorter ones, one a day for events."""
        import polars as pl

        if self.kind != "bars":
            # By arrival, the order in which a run reads them: the venue's clock does not always keep it.
            return pl.col("ts_recv").dt.strftime("%Y-%m-%d.parquet")
        if self.timeframe not in (None, MIXED) and duration_ns(self.timeframe, name="timeframe") >= DAY_NS:
            form = "%Y.parquet"
        else:
            form = "%Y-%m.parquet"
        return pl.col("ts_event").dt.strftime(form)

    def __str__(self) -> str:
        words = [self.symbol, self.timeframe, self.kind, f"of {self.venue}" if self.venue else None]
        return " ".join(word for word in words if word)


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a store knows of a series beside its rows; the attributes are those of `Series`.

    Shifts are the largest of any import.
    """

    adjusted: Adjustment = "none"
    grade: Grade = "ohlc"
    timeframe_ns: int | None = None
    price_shift_max: float = 0.0
    clock_shift_ns: int = 0
    instrument: Any = None

    @classmethod
    def of(cls, series: Series) -> Description:
        """The description of a series."""
        is_bars = isinstance(series, Bars)
        return cls(
            adjusted=series.adjusted,
            grade=series.grade if is_bars else "ohlc",
            timeframe_ns=series.timeframe_ns if is_bars else None,
            price_shift_max=series.price_shift_max,
            clock_shift_ns=series.clock_shift_ns,
            # As it will be read back: JSON has lists where the instrument has tuples.
            instrument=msgspec.json.decode(msgspec.json.encode(series.instrument)),
        )

    @classmethod
    def load(cls, path: Path) -> Description:
        """The description in a file."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except msgspec.DecodeError as error:
            raise DataError(
                f"is damaged: {error}.", source=str(path), remedy="Restore it from a copy."
            ) from None

    def encoded(self) -> bytes:
        """As JSON with sorted keys, so that equal stores have equal bytes."""
        return msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=2) + b"\n"

    def merged(self, new: Description, key: SeriesKey, *, source: str, replace: bool) -> Description:
        """The description of stored and new rows together.

        Raises:
            DataError: rows that do not belong into one series.
        """
        for name in ("adjusted", "grade"):
            stored, given = getattr(self, name), getattr(new, name)
            if stored != given:
                raise DataError(
                    f"{name} is {given!r}, and the store's {key} is {stored!r}.",
                    source=source,
                    field=name,
                    value=given,
                    remedy="Rows of both kinds make no series: use another venue= or another store.",
                )
        if self.instrument != new.instrument and not replace:
            raise DataError(
                f"the instrument differs from the one stored with {key}.",
                source=source,
                field="instrument",
                remedy="Give the same one, or replace=True to store the new one.",
            )
        return msgspec.structs.replace(
            new,
            price_shift_max=max(self.price_shift_max, new.price_shift_max),
            clock_shift_ns=max(self.clock_shift_ns, new.clock_shift_ns),
        )

    def decoded_instrument(self) -> Instrument | None:
        """The instrument, checked again as it is made."""
        if self.instrument is None:
            return None
        from tradewright.core.instrument import Instrument

        return msgspec.convert(self.instrument, Instrument)


def _encoded(name: str) -> str:
    """A name as a folder's: percent signs for what a path cannot hold, and for dots that lead elsewhere."""
    encoded = quote(name, safe=" +-_@,()")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")
