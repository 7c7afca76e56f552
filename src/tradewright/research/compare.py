"""Several results beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from pathlib import Path

    import polars as pl

    from tradewright.research.result import Result


class Comparison:
    """Results by name, and what is common to them.

    Attributes:
        results: Result by name, in the order given.
    """

    def __init__(self, results: Mapping[str, Result]) -> None:
        self.results = dict(results)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """A row a result: ``name`` and every metric of its summary; null where undefined."""
        import polars as pl

        from tradewright.research.summary import Summary

        kinds = {"int": pl.Int64(), "str": pl.String()}
        fields = [field for field in msgspec.structs.fields(Summary) if field.name != "undefined"]
        columns: dict[str, pl.Series] = {"name": pl.Series("name", list(self.results), dtype=pl.String())}
        for field in fields:
            kind = "int" if field.type is int else "str" if field.type in (str, str | None) else "float"
            values = [getattr(result.summary, field.name) for result in self.results.values()]
            columns[field.name] = pl.Series(field.name, values, dtype=kinds.get(kind, pl.Float64()))
        return pl.DataFrame(columns)

    @cached_property
    def returns(self) -> pl.DataFrame:
        """``date`` and a column of daily returns a result; null on days that a result does not have."""
        import polars as pl

        joined: pl.DataFrame | None = None
        for name, result in self.results.items():
            # The first row is the start, which has no return and may bear the date of the first day.
            column = result.daily[1:].select("date", pl.col("daily_return").alias(name))
            joined = column if joined is None else joined.join(column, on="date", how="full", coalesce=True)
        return pl.DataFrame(schema={"date": pl.Date}) if joined is None else joined.sort("date")

    @cached_property
    def correlations(self) -> pl.DataFrame | None:
        """Pearson correlation of daily returns on common days; ``None`` for fewer than two results.

        A pair with fewer than three common days, or with a result that does not vary, is null.
        """
        import polars as pl

        if len(self.results) < 2:
            return None
        columns: dict[str, list[float | None]] = {}
        for right in self.results:
            columns[right] = [self._correlation(left, right) for left in self.results]
        names = pl.Series("name", list(self.results), dtype=pl.String())
        return pl.DataFrame(
            [names, *(pl.Series(name, values, dtype=pl.Float64()) for name, values in columns.items())]
        )

    def _correlation(self, left: str, right: str) -> float | None:
        import numpy as np

        both = self.returns.select(left, right) if left != right else self.returns.select(left)
        both = both.drop_nulls()
        a, b = both[left].to_numpy(), both[right].to_numpy()
        if len(a) < 3 or np.ptp(a) <= 1e-14 or np.ptp(b) <= 1e-14:
            return None
        a, b = a - a.mean(), b - b.mean()
        return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))

    def report(
        self,
        path: str | PathLike[str],
        benchmark: str | pl.DataFrame | None = None,
        *,
        title: str | None = None,
    ) -> Path:
        """Write one self-contained HTML page: the comparison on top, then a section for each result.

        Args:
            path: File to write; folders above it are made.
            benchmark: As in `Result.report`; by default each result has its own first symbol.
            title: Heading of the page; by default the names.

        Returns:
            The file.
        """
        from tradewright.research.report import write_report

        return write_report(self.results, path, benchmark=benchmark, title=title)

    def to_json(self) -> str:
        """`Result.to_dict` of each, by name, as one line of JSON."""
        return msgspec.json.encode({name: result.to_dict() for name, result in self.results.items()}).decode()

    def __str__(self) -> str:
        from tradewright.research.table import summary_table

        return summary_table(self.results)

    __repr__ = __str__


def compare(results: Mapping[str, Result] | Sequence[Result]) -> Comparison:
    """Put results beside each other.

    Args:
        results: Result by name, or results alone, which take their own names, numbered where they repeat.

    Raises:
        ValueError: There is none.
    """
    if not results:
        raise ValueError("nothing to compare: give at least one result")
    if isinstance(results, Mapping):
        return Comparison(results)
    named: dict[str, Result] = {}
    for result in results:
        name, number = result.meta.name, 2
        while name in named:
            name, number = f"{result.meta.name} {number}", number + 1
        named[name] = result
    return Comparison(named)
