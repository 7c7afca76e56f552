"""Which kinds of files a store can import, and what an import did."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradewright.core.series import Series
    from tradewright.data.options import ReadOptions

    Read = Callable[[str | None, Path, str | None, ReadOptions], list[Series]]


class ImportSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did.

    Attributes:
        files: How many files were read.
        symbols: What they were about.
        rows_new: Rows that the store did not have.
        rows_known: Rows that it had already, equal in every value.
        rows_replaced: Rows whose values were replaced, as told.
        rows_dropped: Rows left out by the options: empty, repeated, or out of session.
        price_shift_max: Largest rounding of a price to the tick grid.
        start_ns: First time in the files, ns since the epoch, UTC; ``None`` if there were none.
        end_ns: Last time in the files.
    """

    files: int = 0
    symbols: tuple[str, ...] = ()
    rows_new: int = 0
    rows_known: int = 0
    rows_replaced: int = 0
    rows_dropped: int = 0
    price_shift_max: float = 0.0
    start_ns: int | None = None
    end_ns: int | None = None

    def plus(self, other: ImportSummary) -> ImportSummary:
        """Both together."""
        starts = [start for start in (self.start_ns, other.start_ns) if start is not None]
        ends = [end for end in (self.end_ns, other.end_ns) if end is not None]
        return ImportSummary(
            files=self.files + other.files,
            symbols=tuple(dict.fromkeys(self.symbols + other.symbols)),
            rows_new=self.rows_new + other.rows_new,
            rows_known=self.rows_known + other.rows_known,
            rows_replaced=self.rows_replaced + other.rows_replaced,
            rows_dropped=self.rows_dropped + other.rows_dropped,
            price_shift_max=max(self.price_shift_max, other.price_shift_max),
            start_ns=min(starts, default=None),
            end_ns=max(ends, default=None),
        )


class Importer:
    """One kind of files.

    Attributes:
        name: What users call it.
        summary: One line of help.
        read: Reads the series of a file: kind, path, symbol and options in, series out. ``None`` as the kind
            means whatever the file holds.
        kind: The kind where nobody names one; ``None`` for sources whose files hold several.
        infers_instrument: The source makes an instrument of what it reads; one that the store has is used
            before that.
    """

    def __init__(
        self,
        name: str,
        summary: str,
        read: Read,
        *,
        kind: str | None = None,
        infers_instrument: bool = False,
    ) -> None:
        self.name, self.summary, self.read = name, summary, read
        self.kind, self.infers_instrument = kind, infers_instrument


class _Recordings:
    """A reader of recordings, imported when it is first used."""

    def __init__(self, module: str, function: str = "read") -> None:
        self._module, self._function = module, function

    def __call__(
        self, kind: str | None, path: Path, symbol: str | None, options: ReadOptions
    ) -> list[Series]:
        module = import_module(f"tradewright.data.recordings.{self._module}")
        return getattr(module, self._function)(kind, path, symbol, options)


def _read(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    from tradewright.data.files import read_file

    found = read_file(kind or "bars", path, symbol, options)
    return found if isinstance(found, list) else [found]


def _read_yahoo(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    # Yahoo names a bar by its start, and leaves rows of dividends and halted minutes empty.
    preset = msgspec.structs.replace(options, label=options.label or "open", drop_empty=True)
    return _read(kind, path, symbol, preset)


def _read_histdata(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    # No header; New York standard time the year round.
    columns = options.columns or (
        ["time", "bid", "ask", None] if kind == "quotes" else ["time", "open", "high", "low", "close", None]
    )
    preset = msgspec.structs.replace(
        options, columns=columns, tz=options.tz or "-05:00", label=options.label or "open"
    )
    return _read(kind, path, symbol, preset)


IMPORTERS: Mapping[str, Importer] = {
    importer.name: importer
    for importer in (
        Importer("csv", "text files with a header, compressed or not", _read, kind="bars"),
        Importer("parquet", "Parquet files", _read, kind="bars"),
        Importer(
            "yahoo",
            "Yahoo Finance downloads: times are opens, empty rows are left out",
            _read_yahoo,
            kind="bars",
        ),
        Importer(
            "histdata",
            "HistData.com ticks and minutes: no header, New York standard time",
            _read_histdata,
            kind="bars",
        ),
        Importer(
            "binance",
            "Binance stream recordings of spot and futures: books, quotes, trades",
            _Recordings("binance"),
            infers_instrument=True,
        ),
        Importer(
            "bybit",
            "Bybit order-book downloads",
            _Recordings("crypto", "read_bybit"),
            infers_instrument=True,
        ),
        Importer(
            "hyperliquid",
            "Hyperliquid stream recordings: books of 20 levels, trades",
            _Recordings("crypto", "read_hyperliquid"),
            infers_instrument=True,
        ),
        Importer("databento", "Databento DBN files: mbo, mbp-1, mbp-10, trades", _Recordings("databento")),
        Importer(
            "lobster",
            "LOBSTER message files, with the order-book file beside them",
            _Recordings("lobster"),
            infers_instrument=True,
        ),
        Importer(
            "polymarket",
            "Polymarket recordings: books of each token, or best prices and trades",
            _Recordings("prediction", "read_polymarket"),
            infers_instrument=True,
        ),
        Importer(
            "kalshi",
            "Kalshi recordings: best prices and trades",
            _Recordings("prediction", "read_kalshi"),
            infers_instrument=True,
        ),
    )
}
"""Kinds of files by name."""
