"""Any sensible table in memory to a Polars frame."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from tradewright.errors import DataError

if TYPE_CHECKING:
    import polars as pl


def to_polars(frame: object, *, source: str) -> pl.DataFrame:
    """A Polars frame of a Polars or pandas frame, an Arrow table, or a mapping of names to arrays.

    A pandas index that is not a plain count becomes the first column.

    Raises:
        DataError: it is none of these, or its columns have no plain names.
    """
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, Mapping):
        try:
            return pl.DataFrame(dict(cast("Mapping[str, Any]", frame)))
        except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
            raise DataError(
                f"no table: {error}", source=source, remedy="Give arrays of one length."
            ) from None
    if type(frame).__module__.split(".")[0] == "pandas":
        return _from_pandas(frame, source)
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame)  # pyright: ignore[reportArgumentType] - takes any Arrow stream
    if isinstance(frame, str | os.PathLike):
        raise DataError(
            f"{str(cast('object', frame))!r} is a name, no table.",
            source=source,
            remedy="Read the file first: tradewright.data.read_bars(…), read_quotes(…) or read_trades(…).",
        )
    raise DataError(
        f"a {type(frame).__name__} is no table.",
        source=source,
        remedy="Give a Polars or pandas frame, an Arrow table, or a dict of arrays.",
    )


def _from_pandas(frame: Any, source: str) -> pl.DataFrame:
    import polars as pl

    if not hasattr(frame, "columns"):
        frame = frame.to_frame(frame.name or "close")
    if frame.columns.nlevels > 1:
        single = [
            level
            for level in range(frame.columns.nlevels)
            if frame.columns.get_level_values(level).nunique() == 1
        ]
        if frame.columns.nlevels - len(single) > 1:
            raise DataError(
                "columns have several levels.",
                source=source,
                remedy="Choose one symbol, such as frame.xs('SPY', axis=1, level='Ticker').",
            )
        frame = frame.copy(deep=False)
        frame.columns = frame.columns.droplevel(single)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise DataError(
            f"has several columns {str(repeated[0])!r}.",
            source=source,
            field=str(repeated[0]),
            remedy="Rename or drop all but one of them.",
        )
    columns = {str(name): frame.iloc[:, position] for position, name in enumerate(frame.columns)}
    if type(frame.index).__name__ != "RangeIndex":
        columns = {str(frame.index.name or "time"): frame.index.to_series()} | columns
    return pl.DataFrame([_series(name, column) for name, column in columns.items()])


def _series(name: str, column: Any) -> pl.Series:
    """A pandas series as a Polars one, without needing pyarrow."""
    import numpy as np
    import polars as pl

    if column.dtype.kind == "M":
        zone = getattr(column.dtype, "tz", None)
        naive = column if zone is None else column.dt.tz_convert("UTC").dt.tz_localize(None)
        # In its own unit: pandas turns what nanoseconds do not reach into other years. Polars has no seconds.
        unit = np.datetime_data(naive.dtype)[0]
        made = pl.Series(name, naive.to_numpy(dtype=f"datetime64[{'ms' if unit == 's' else unit}]"))
        return made if zone is None else made.dt.replace_time_zone("UTC")
    if column.dtype.kind in "iuf" and not column.isna().any():
        return pl.Series(name, column.to_numpy())
    if column.dtype.kind in "iuf":
        return pl.Series(name, column.to_numpy(dtype="float64", na_value=float("nan"))).fill_nan(None)
    values = [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if value is None else str(value) for value in values])
