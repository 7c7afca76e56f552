"""Files in, series out: CSV and Parquet, compressed or not."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from tradewright.data.frames import read_series
from tradewright.data.options import ReadKeywords, ReadOptions, read_options
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from tradewright.core.series import Bars, Quotes, Series, Trades

_EMPTY_TEXTS = ["", "NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "None"]
_SEPARATORS = (",", ";", "\t", "|")
_GZIP, _ZIP, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"


def read_bars(
    path: str | Path, symbol: str | None = None, **options: Unpack[ReadKeywords]
) -> Bars | list[Bars]:
    """Bars of a CSV or Parquet file; text files may be compressed (gzip, or a zip of one file).

    ``read_bars("spy.csv", calendar="XNYS")`` reads days, ``read_bars("btc.csv.gz", tz="UTC", label="open")``
    minutes. What the columns may be called, and when a list comes back, is said by `bars_from_frame`.

    Args:
        path: The file.
        symbol: The instrument's symbol; the given instrument's, or the file's name up to the first dot, if
            left out.
        **options: See `ReadOptions`.

    Raises:
        DataError: anything that cannot be used as it is, naming file, row, field, value and what would be
            right; also for a file that is not there.
    """
    found = read_file("bars", Path(path), symbol, read_options(options))
    return cast("list[Bars]", found) if isinstance(found, list) else cast("Bars", found)


def read_quotes(
    path: str | Path, symbol: str | None = None, **options: Unpack[ReadKeywords]
) -> Quotes | list[Quotes]:
    """Quotes of a CSV or Parquet file; arguments and errors are those of `read_bars`.

    A file without a header: ``read_quotes("ticks.csv", columns=["time", "bid", "ask", None], tz="-05:00")``.
    """
    found = read_file("quotes", Path(path), symbol, read_options(options))
    return cast("list[Quotes]", found) if isinstance(found, list) else cast("Quotes", found)


def read_trades(
    path: str | Path, symbol: str | None = None, **options: Unpack[ReadKeywords]
) -> Trades | list[Trades]:
    """Public prints of a CSV or Parquet file; arguments and errors are those of `read_bars`."""
    found = read_file("trades", Path(path), symbol, read_options(options))
    return cast("list[Trades]", found) if isinstance(found, list) else cast("Trades", found)


def read_file(kind: str, path: Path, symbol: str | None, options: ReadOptions) -> Series | list[Series]:
    """Series of one kind from a file."""
    table = read_table(path, options)
    return read_series(
        kind, table, symbol, fallback=path.name.split(".")[0], source=path.name, options=options
    )


def read_table(path: Path, options: ReadOptions) -> pl.DataFrame:
    """The columns of a file; those of text files all as text, empty ones null.

    Raises:
        DataError: an empty, truncated or corrupt file, a header that repeats a name, or rows that are longer
            than the header.
    """
    import polars as pl

    content = read_content(path)
    try:
        if content.startswith(_PARQUET):
            return pl.read_parquet(io.BytesIO(content))
        header = None if isinstance(options.columns, dict) else options.columns
        separator = options.separator or _separator(content)
        if header is None:
            _check_header(content, separator, path)
        table = pl.read_csv(
            content,
            has_header=header is None,
            separator=separator,
            infer_schema=False,
            null_values=_EMPTY_TEXTS,
        )
    except pl.exceptions.NoDataError:
        raise _unreadable(path, "is empty.", "Check that the download is complete.") from None
    except pl.exceptions.PolarsError as error:
        if not content.startswith(_PARQUET):
            separator = options.separator or _separator(content)
            _check_lengths(content, separator, path, has_header=not isinstance(options.columns, list))
        text = str(error).strip().splitlines()[0]
        raise _unreadable(
            path, f"cannot be read: {text}.", "Check that it is complete and of the form it says."
        ) from None
    return table if header is None else _named(table, header, path)


def read_content(path: Path) -> bytes:
    """The file's bytes, decompressed.

    Raises:
        DataError: an empty, truncated or corrupt file.
    """
    import gzip
    import zipfile
    import zlib

    content = raw_bytes(path)
    try:
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        elif content.startswith(_ZIP):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = archive.namelist()
                if len(members) != 1:
                    listed = ", ".join(members[:5])
                    raise _unreadable(
                        path, f"holds {len(members)} files ({listed}).", "Unpack it and give one."
                    )
                content = archive.read(members[0])
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        text = f"is cut short or damaged: {error}."
        raise _unreadable(path, text, "Fetch it again: nothing was read.") from None
    if not content.strip():
        raise _unreadable(path, "is empty.", "Check that the download is complete.")
    return content


def raw_bytes(path: Path) -> bytes:
    """The file's bytes as they are.

    Raises:
        DataError: no such file, a folder, or one that may not be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such file.", source=str(path)) from None
    except OSError as error:
        problem = "is a folder." if path.is_dir() else f"cannot be read: {error.strerror}."
        raise DataError(problem, source=str(path), remedy="Name a file.") from None


def _separator(content: bytes) -> str:
    first = content[:10_000].split(b"\n", 1)[0].decode("utf-8", "replace")
    return max(_SEPARATORS, key=first.count)


def _lines(content: bytes, separator: str) -> Iterator[list[str]]:
    """The fields of each line from the header on; no fields for a blank line."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="replace", newline="")
    return itertools.dropwhile(lambda fields: not fields, csv.reader(text, delimiter=separator))


def _check_header(content: bytes, separator: str, path: Path) -> None:
    """Refuses a name that stands twice: the second column would be lost. Nameless columns may."""
    try:
        header = next(_lines(content, separator))
    except (csv.Error, StopIteration):
        return  # Whatever it is, the reader of the rows says so.
    repeated = [name for index, name in enumerate(header) if name.strip() and name in header[:index]]
    if repeated:
        problem = f"the header has {repeated[0]!r} {header.count(repeated[0])} times."
        raise DataError(
            problem,
            source=path.name,
            field=repeated[0],
            remedy="Rename or remove all but one of these columns.",
        )


def _check_lengths(content: bytes, separator: str, path: Path, *, has_header: bool) -> None:
    """Names the first row with more fields than the header, or than the first row where there is none."""
    lines = _lines(content, separator)
    try:
        width = len(next(lines))
        for row, fields in enumerate(lines, start=1 if has_header else 2):
            if len(fields) > width:
                problem = (
                    f"has {len(fields)} fields, and the {'header' if has_header else 'first row'} {width}."
                )
                raise DataError(
                    problem,
                    source=path.name,
                    row=row,
                    value=separator.join(fields),
                    remedy=f'Correct the row: a {separator!r} within a value needs "quotes" around it.',
                )
    except (csv.Error, StopIteration):
        return  # The caller has a message of its own.


def _named(table: pl.DataFrame, header: Sequence[str | None], path: Path) -> pl.DataFrame:
    """The columns of a file without a header, by the names given."""
    if len(header) != table.width:
        problem = f"has {table.width} columns, and columns= names {len(header)}."
        raise _unreadable(path, problem, "Name each; None leaves one out.")
    kept = {old: new for old, new in zip(table.columns, header, strict=True) if new is not None}
    return table.select(list(kept)).rename(kept)


def _unreadable(path: Path, problem: str, remedy: str) -> DataError:
    return DataError(problem, source=path.name, remedy=remedy)
