"""What a run is held against: buy and hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tradewright.errors import DataError, UnknownSymbolError
from tradewright.research import schema
from tradewright.research.figures import Line
from tradewright.research.summary import ns_of

if TYPE_CHECKING:
    from tradewright.research.result import Result
    from tradewright.research.summary import Curve


def benchmark_of(result: Result, curve: Curve, benchmark: str | pl.DataFrame | None) -> Line | None:
    """Value of the initial equity held in the benchmark from the start of the run, without costs.

    Args:
        result: The run.
        curve: Its equity.
        benchmark: Symbol of the run's prices, or a frame with ``at`` and ``close`` or ``equity``; ``None``
            for the run's own (``meta.benchmark``), or else the first symbol that has prices and is no event
            contract: what holding one of those comes to is its settlement, not its last price.

    Returns:
        The line; ``None`` when none was asked for and the run has no prices.

    Raises:
        UnknownSymbolError: The run has no prices of that symbol.
        DataError: The frame lacks a column, or has no positive price during the run.
    """
    if isinstance(benchmark, pl.DataFrame):
        name, frame = "Benchmark", _frame_of(benchmark)
    else:
        classes = result.meta.asset_classes

        def is_event(symbol: str) -> bool:
            return classes.get(symbol) in ("binary", "prediction")

        symbol = (
            benchmark
            or result.meta.benchmark
            or next((s for s in result.meta.symbols if s in result.prices and not is_event(s)), None)
        )
        if symbol is None:
            return None
        if symbol not in result.prices:
            raise UnknownSymbolError(symbol, list(result.prices))
        name, frame = f"Buy and hold {symbol}", result.prices[symbol].select("at", "close")
    times, values = ns_of(frame["at"]), frame["close"].to_numpy()
    inside = (times >= curve.start_ns) & (times <= curve.end_ns) & (values > 0)
    if not inside.any():
        if benchmark is None:
            return None
        raise DataError(
            "has no positive price during the run.",
            source=name,
            remedy="Give one that covers the run's period.",
        )
    times, values = times[inside], values[inside]
    return Line(name, times, values / values[0] * curve.initial)


def _frame_of(frame: pl.DataFrame) -> pl.DataFrame:
    value = next((column for column in ("close", "equity") if column in frame.columns), None)
    if value is None or "at" not in frame.columns:
        raise DataError(
            f"has the columns {', '.join(frame.columns)}.",
            source="benchmark",
            remedy="It needs at and close (or equity).",
        )
    kinds = {"at": schema.dtype_of("time"), "close": schema.dtype_of("f64")}
    made = frame.select("at", pl.col(value).alias("close")).drop_nulls()
    zone = made.schema["at"]
    if isinstance(zone, pl.Datetime) and zone.time_zone is None:
        raise DataError(
            "has times without a zone.", source="benchmark", field="at", remedy="Use .dt.replace_time_zone."
        )
    return made.with_columns(pl.col(column).cast(kind) for column, kind in kinds.items()).sort("at")
