"""Frames in, series out: recognised columns, times that are known, values that are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, cast

from tradewright.core.times import DAY_NS
from tradewright.data.checks import Table
from tradewright.data.columns import Layout, find_layout
from tradewright.data.conversion import to_polars
from tradewright.data.options import ReadKeywords, ReadOptions, read_options
from tradewright.data.reading import PRICES, SIZES, Reading
from tradewright.data.times import read_times
from tradewright.errors import DataError, UnknownSymbolError

if TYPE_CHECKING:
    import polars as pl

    from tradewright.core.series import Bars, Quotes, Series, Trades

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

    Columns are recognised by name, case, spaces and underscores ignored. A first column of times with a
    column for each ticker gives a list: bars of four equal prices, graded ``closes only``. A column of
    symbols gives a list too, unless ``symbol`` chooses one.

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
    layout = find_layout(kind, table.columns, given, source=source, symbol=symbol)
    columns, are_dates = _columns(kind, table, layout, source, options)

    def one(name: str, rows: pl.DataFrame, names: dict[str, str]) -> Series:
        reading = Reading(kind, Table(rows, source, names), name, options, layout, are_dates)
        return reading.bars() if kind == "bars" else reading.events()

    names = {**layout.fields, "at": layout.fields["time"]}
    if layout.tickers:
        chosen = layout.tickers if symbol is None else (symbol,)
        closes = {ticker: columns.with_columns(table[ticker].alias("close")) for ticker in chosen}
        return [one(ticker, rows, {**names, "close": ticker}) for ticker, rows in closes.items()]
    if "symbol" in columns.columns:
        known = [str(name) for name in columns["symbol"].unique(maintain_order=True)]
        if symbol is not None and len(known) > 1 and symbol not in known:
            raise UnknownSymbolError(symbol, known)
        if len(known) > 1:
            wanted = known if symbol is None else [symbol]
            parts = {name: columns.filter(pl.col("symbol") == name).drop("symbol") for name in wanted}
            found = [one(name, rows, names) for name, rows in parts.items()]
            return found if symbol is None else found[0]
        symbol = symbol or known[0]
        columns = columns.drop("symbol")
    symbol = symbol or getattr(options.instrument, "symbol", None) or fallback
    if symbol is None:
        raise DataError("has no symbol.", source=source, remedy="Give one: symbol='SPY'.")
    return one(symbol, columns, names)


def _columns(
    kind: str, table: pl.DataFrame, layout: Layout, source: str, options: ReadOptions
) -> tuple[pl.DataFrame, bool]:
    """The fields under their own names, with row numbers and times; and whether times are plain dates."""
    import polars as pl

    fields = layout.fields
    at = table[fields["time"]]
    if layout.clock is not None:
        parts = [pl.col(name).cast(pl.String) for name in (fields["time"], layout.clock)]
        at = table.select(pl.concat_str(parts, separator=" ").alias(fields["time"])).to_series()
    times = read_times(at, options, source=source, tz=layout.tz)
    columns = [pl.int_range(1, table.height + 1, eager=True).alias("row"), times.values.alias("at")]
    for field in ("open_time", "ts_recv"):
        if field in fields:
            moments = read_times(table[fields[field]], options, source=source)
            columns.append((moments.values * DAY_NS if moments.are_dates else moments.values).alias(field))
    values = [field for field in (*PRICES[kind], *SIZES[kind]) if field in fields]
    columns += [table[fields[field]].alias(field) for field in values]
    if "symbol" in fields:
        columns.append(table[fields["symbol"]].cast(pl.String).alias("symbol"))
    if "aggressor" in fields:
        columns.append(_sides(table[fields["aggressor"]], source).alias("aggressor"))
    return pl.DataFrame(columns), times.are_dates


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
