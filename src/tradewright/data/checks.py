"""Checks of recorded values: each refusal names source, row, field, value, and what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from tradewright.core.instrument import Instrument


_TIMES = {"at", "open_time", "ts_recv"}


class Moment(int):
    """A time in a message: ``{at:day}`` counts days, ``{at:time}`` nanoseconds since the epoch."""

    def __format__(self, spec: str) -> str:
        import numpy as np

        return str(np.datetime64(int(self), "D" if spec == "day" else "ns"))


class Table:
    """Rows read from a source, with what is needed to name an offence in the source's own words.

    Attributes:
        frame: Column ``row`` (number in the source, from 1) and one for each field.
        source: File or frame.
        names: Field to the source's column name.
    """

    def __init__(self, frame: pl.DataFrame, source: str, names: Mapping[str, str]) -> None:
        self.frame = frame
        self.source = source
        self.names = names

    def refuse(self, bad: pl.Expr, field: str, problem: str, remedy: str) -> None:
        """Raises at the first row for which ``bad`` holds; ``problem`` is formatted with the row's fields.

        Raises:
            DataError: there is such a row.
        """
        found = self.frame.lazy().filter(bad).head(1).collect()
        if found.height:
            values: dict[str, Any] = found.row(0, named=True)
            for name in _TIMES & values.keys():
                values[name] = None if values[name] is None else Moment(values[name])
            raise DataError(
                problem.format(**values),
                source=self.source,
                row=values["row"],
                field=self.names.get(field, field),
                value=values.get(field),
                remedy=remedy,
            )


def numbers(table: Table, fields: list[str]) -> None:
    """Turns text columns into float64; empty and NaN become null.

    Raises:
        DataError: text that is no number.
    """
    import polars as pl

    for field in fields:
        column = table.frame[field]
        if column.dtype == pl.String:
            text = column.str.strip_chars()
            read = text.cast(pl.Float64, strict=False)
            if read.null_count() > column.null_count():
                checked = table.frame.with_columns(text, pl.lit(read).alias("_read"))
                Table(checked, table.source, table.names).refuse(
                    pl.col(field).is_not_null() & pl.col("_read").is_null(),
                    field,
                    f"{{{field}!r}} is not a number.",
                    "Correct it; numbers are written like 1234.5, without thousands separators or currency.",
                )
        elif column.dtype.is_numeric() or column.dtype == pl.Null:
            read = column.cast(pl.Float64)
        else:
            raise DataError(
                f"values of type {column.dtype} are not numbers.",
                source=table.source,
                field=table.names.get(field, field),
                remedy="Give a column of numbers.",
            )
        table.frame = table.frame.with_columns(read.fill_nan(None).alias(field))


def prices(table: Table, fields: list[str], *, instrument: Instrument | None, allow_negative: bool) -> None:
    """Refuses infinite prices, and those at or below zero or outside of the instrument's bounds.

    Raises:
        DataError: there is such a price.
    """
    import polars as pl

    bounds = None if instrument is None else instrument.bounds
    for field in fields:
        price = pl.col(field)
        table.refuse(
            price.is_infinite(), field, f"price {{{field}}} is not finite.", "Correct or remove the row."
        )
        if bounds is not None:
            low, high = bounds
            table.refuse(
                (price < low) | (price > high),
                field,
                f"price {{{field}}} is outside of the instrument's bounds {low} to {high}.",
                "Correct the row, or the instrument's bounds.",
            )
        elif not allow_negative:
            table.refuse(
                price <= 0,
                field,
                f"price {{{field}}} is not above zero.",
                "Correct or remove the row; allow_negative=True takes such prices, for spreads.",
            )


def bars(table: Table) -> None:
    """Refuses bars whose prices contradict each other.

    Raises:
        DataError: high below low, or open or close outside of them.
    """
    import polars as pl

    high, low = pl.col("high"), pl.col("low")
    remedy = "Correct or remove the row."
    table.refuse(high < low, "high", "high {high} is below low {low}.", remedy)
    for field in ("open", "close"):
        problem = f"{field} {{{field}}} is outside of low {{low}} to high {{high}}."
        table.refuse((pl.col(field) < low) | (pl.col(field) > high), field, problem, remedy)


def sizes(table: Table, fields: list[str]) -> None:
    """Refuses sizes that are negative or infinite.

    Raises:
        DataError: there is such a size.
    """
    import polars as pl

    for field in fields:
        size = pl.col(field)
        table.refuse(size < 0, field, f"{field} {{{field}}} is negative.", "Correct or remove the row.")
        table.refuse(
            size.is_infinite(), field, f"{field} {{{field}}} is not finite.", "Correct or remove the row."
        )


def empty(table: Table, missing: pl.Expr, fields: list[str], *, drop_empty: bool) -> int:
    """Leaves out rows for which ``missing`` holds if told to; returns how many.

    Raises:
        DataError: there are such rows and ``drop_empty`` is false.
    """
    import polars as pl

    if not drop_empty:
        for field in fields:
            table.refuse(
                missing & pl.col(field).is_null(),
                field,
                f"{field} is empty.",
                "Correct it, or leave such rows out with drop_empty=True.",
            )
        return 0
    kept = table.frame.filter(~missing)
    dropped = table.frame.height - kept.height
    table.frame = kept
    return dropped
