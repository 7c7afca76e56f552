"""The feature graph over recorded data: columns in, a Polars frame out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tradewright.core.book_events import BookEvents
from tradewright.core.exact import step_of
from tradewright.core.features.graph import compile as compile_nodes
from tradewright.core.features.node import Node
from tradewright.core.native_series import plain_series, source_name, with_prints
from tradewright.core.series import Series
from tradewright.core.stream import Stream
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from tradewright.core.instrument import Instrument

_PRICES = {"bars": ("open", "high", "low", "close"), "quotes": ("bid", "ask"), "trades": ("price",)}
_SIZES = {"bars": ("volume",), "quotes": ("bid_size", "ask_size"), "trades": ("size", "aggressor")}
_SIDES_REMEDY = "Use 1 where the buyer took, -1 where the seller did, 0 where it is unknown."
_PRICE_UNIT_DEFAULT = "1e-06"


@dataclass(frozen=True, slots=True)
class _Columns:
    """One series as the core takes it; ``values`` are the prices, then the sizes."""

    symbol: str
    kind: str
    price_unit: str
    ts_recv_ns: NDArray[np.int64]
    values: list[NDArray[np.float64]]


def compute(
    nodes: Node | Sequence[Node] | Mapping[str, Node], data: object, *, symbol: str | None = None
) -> pl.DataFrame:
    """Evaluates nodes over recorded data with the kernel's own graph: research sees what trading sees.

    Args:
        nodes: A node, several, or several by the names that their columns get.
        data: A series (`Bars`, `Quotes`, `Trades`, `BookEvents`), several of them, a dataset, or a Polars
            frame of bars (open, high, low, close, volume), quotes (bid, ask, bid_size, ask_size) or
            trades (price, size, aggressor of 1, -1 or 0) with a time column ``ts_recv``, ``ts_event`` or
            ``ts`` (aware, or ns since the epoch). Trades of a symbol beside its book go among the book's
            events, as in a run.
        symbol: The instrument of a frame without a ``symbol`` column.

    Returns:
        A frame with one row a step, which is all records with one receive time: ``ts`` (ns, UTC) and a column
        of floats for each node. What a trading session would not know yet is NaN, not null; conditions are 1
        and 0.

    Raises:
        UnknownSymbolError: a node of an instrument that the data does not have.
        DataError: NaN or infinite prices, times out of order, or a frame without the columns it needs.
        ValueError: no node at all.
    """
    if isinstance(nodes, Mapping):
        named = dict(nodes)
    else:
        named = {repr(node): node for node in ([nodes] if isinstance(nodes, Node) else nodes)}
    if not named:
        raise ValueError("compute needs at least one node.")
    if "ts" in named:
        raise ValueError("a feature cannot be called 'ts': that is the column of times. Choose another name.")
    return _evaluate(named, data, symbol)


def _evaluate(named: dict[str, Node], data: object, symbol: str | None) -> pl.DataFrame:
    from tradewright import _native

    recorded = list(_flat(data))
    for one in recorded:
        if isinstance(one, Stream):
            raise DataError(
                "is read in parts, and features.compute returns a row for each of its times.",
                source=f"{one.kind} of {one.symbol}",
                remedy="Compute them over some days at a time, read with Store.read(start=…, end=…).",
            )
        own = getattr(one, "symbol", None) if hasattr(one, "ts_recv_ns") else None
        if symbol is not None and own is not None and symbol != own:
            raise DataError(
                f"is given as {symbol!r}, and is a series of {own!r}.",
                source="data",
                field="symbol",
                value=symbol,
                remedy="Leave symbol= out: it names a frame without a symbol.",
            )
    if any(isinstance(one, BookEvents) for one in recorded):
        return _evaluate_recorded(named, recorded)
    series = list(_all_series(data, symbol))
    units = {one.symbol: one.price_unit for one in series}
    ids = {name: index for index, name in enumerate(units)}
    compiled = compile_nodes(named.values(), ids)
    times, columns = _native.compute_features(
        compiled.specs,
        [compiled.ids[node] for node in named.values()],
        compiled.callables,
        list(units.items()),
        [(ids[one.symbol], one.kind, one.ts_recv_ns, one.values) for one in series],
    )
    return _framed(named, times, columns)


def _framed(named: Iterable[str], times: Any, columns: Iterable[Any]) -> pl.DataFrame:
    import polars as pl

    frame = [pl.Series("ts", times).cast(pl.Datetime("ns", "UTC"))]
    frame += [pl.Series(name, column) for name, column in zip(named, columns, strict=True)]
    return pl.DataFrame(frame)


def _flat(data: Any) -> Iterable[Any]:
    """Series and frames out of data sets and lists of them."""
    if hasattr(data, "series") and not hasattr(data, "ts_recv_ns"):
        yield from _flat(data.series)
    elif isinstance(data, list | tuple):
        for one in cast("Sequence[Any]", data):
            yield from _flat(one)
    else:
        yield data


def _evaluate_recorded(named: dict[str, Node], data: Sequence[Any]) -> pl.DataFrame:
    """Whole series through the kernel's own steps: a book has a state that rows of columns do not show."""
    from tradewright import _native

    for one in data:
        if not isinstance(one, Series):
            raise TypeError(
                f"features.compute reads a book beside other series, not beside {type(one).__name__}. "
                "Make it a series first, such as Quotes or Trades."
            )
    series = cast("list[Series]", with_prints(data))
    instruments: dict[str, tuple[str, str]] = {}
    for one in series:
        known = one.instrument
        units = (_PRICE_UNIT_DEFAULT, "1") if known is None else _units(known)
        if known is not None or one.symbol not in instruments:
            instruments[one.symbol] = units
    ids = {name: index for index, name in enumerate(instruments)}
    compiled = compile_nodes(named.values(), ids)
    times, columns = _native.compute_recorded(
        compiled.specs,
        [compiled.ids[node] for node in named.values()],
        compiled.callables,
        [(symbol, *units) for symbol, units in instruments.items()],
        [plain_series(one, ids[one.symbol]) for one in series],
        [source_name(one) for one in series],
    )
    return _framed(named, times, columns)


def _units(instrument: Instrument) -> tuple[str, str]:
    return step_of(instrument.price_unit).text(), step_of(instrument.lot_size).text()


def _all_series(data: Any, symbol: str | None) -> Iterable[_Columns]:
    import polars as pl

    if isinstance(data, pl.LazyFrame):
        data = data.collect()
    if isinstance(data, pl.DataFrame):
        yield from _of_frame(data, symbol)
    elif hasattr(data, "ts_recv_ns"):
        yield _of_series(data)
    elif hasattr(data, "series"):
        yield from _all_series(data.series, symbol)
    elif isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
        for one in data:  # pyright: ignore[reportUnknownVariableType]  # whatever the user collected
            yield from _all_series(one, symbol)
    else:
        raise TypeError(
            f"features.compute cannot read {type(data).__name__}. "
            "Use Bars, Quotes, Trades or BookEvents, a list of them, or a Polars frame."
        )


def _kind(names: Iterable[str], source: str) -> str:
    present = set(names)
    for kind, prices in _PRICES.items():
        if present.issuperset(prices):
            return kind
    if "close" in present:
        return "bars"
    raise DataError(
        f"has columns {sorted(present)}, which are not bars, quotes or trades.",
        source=source,
        remedy="Name them open, high, low, close, volume; bid, ask, bid_size, ask_size; or price, size.",
    )


def _of_series(series: Any) -> _Columns:
    import numpy as np

    kind = series.kind if hasattr(series, "kind") else _kind(dir(series), series.symbol)
    instrument = getattr(series, "instrument", None)
    unit = _PRICE_UNIT_DEFAULT if instrument is None else str(instrument.price_unit)
    columns = {name: getattr(series, name) for name in (*_PRICES[kind], *_SIZES[kind]) if name != "aggressor"}
    if kind == "trades":
        columns["aggressor"] = getattr(series, "aggressor", np.zeros(len(series.ts_recv_ns), np.int8))
    return _checked(series.symbol, kind, unit, series.ts_recv_ns, columns)


def _of_frame(frame: pl.DataFrame, symbol: str | None) -> Iterable[_Columns]:
    frame = frame.rename({name: name.strip().lower() for name in frame.columns})
    if "symbol" in frame.columns and symbol is None:
        for (name,), rows in frame.group_by(["symbol"], maintain_order=True):
            yield _of_frame_of_one(rows, str(name))
        return
    if symbol is None:
        raise ValueError(
            "the frame has no column 'symbol'. Say which instrument it is: compute(…, symbol='SPX')."
        )
    yield _of_frame_of_one(frame, symbol)


def _of_frame_of_one(frame: pl.DataFrame, symbol: str) -> _Columns:
    import numpy as np
    import polars as pl

    kind = _kind(frame.columns, symbol)
    time = next((name for name in ("ts_recv", "ts_event", "ts") if name in frame.columns), None)
    if time is None:
        raise DataError(
            f"has no time among its columns {frame.columns}.",
            source=symbol,
            remedy="Add ts_recv, ts_event or ts: date-times with a time zone, or ns since the epoch.",
        )
    column = frame[time]
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is None:
            raise DataError(
                "holds date-times without a time zone.", source=symbol, field=time, value=column.dtype,
                remedy="Give one with .dt.replace_time_zone('UTC').",
            )  # fmt: skip
        column = column.cast(pl.Datetime("ns", "UTC")).cast(pl.Int64)
    elif not column.dtype.is_integer():
        raise DataError(
            f"is {column.dtype}, not a time.", source=symbol, field=time,
            remedy="Use date-times with a time zone, or ns since the epoch as integers.",
        )  # fmt: skip
    if column.null_count():
        raise DataError("has no time.", source=symbol, field=time, row=_first(column.is_null().to_numpy()))
    columns: dict[str, NDArray[np.float64]] = {}
    for name in (*_PRICES[kind], *_SIZES[kind]):
        # Closes alone are bars of four equal prices; sizes that were not recorded are unknown.
        present = name if name in frame.columns else "close" if name in _PRICES["bars"] else None
        if present is None:
            columns[name] = np.full(len(frame), np.nan)
            continue
        values = frame[present]
        if name == "aggressor" and not values.dtype.is_numeric():
            raise DataError(
                f"is {values.dtype}, not a number.", source=symbol, field=name, remedy=_SIDES_REMEDY
            )
        columns[name] = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return _checked(symbol, kind, _PRICE_UNIT_DEFAULT, column.to_numpy(), columns)


def _first(bad: NDArray[np.bool_]) -> int:
    return int(bad.argmax()) + 1


def _checked(
    symbol: str, kind: str, unit: str, ts_recv_ns: NDArray[np.int64], columns: dict[str, NDArray[np.float64]]
) -> _Columns:
    import numpy as np

    backwards = np.flatnonzero(np.diff(ts_recv_ns) < 0)
    if len(backwards):
        raise DataError(
            "comes before the row above.", source=symbol, row=int(backwards[0]) + 2, field="ts_recv",
            remedy="Sort by receive time.",
        )  # fmt: skip
    for name in _PRICES[kind]:
        # An empty side of a quote is NaN; every other price is a number.
        column = columns[name]
        bad = np.isinf(column) if kind == "quotes" else ~np.isfinite(column)
        if bad.any():
            row = _first(bad)
            raise DataError(
                f"is {column[row - 1]}, not a price.",
                source=symbol, row=row, field=name, value=column[row - 1],
                remedy="Leave the row out.",
            )  # fmt: skip
    if kind == "trades":
        sides = np.asarray(columns["aggressor"], dtype=np.float64)
        bad = ~(np.isnan(sides) | np.isin(sides, (-1.0, 0.0, 1.0)))
        if bad.any():
            row = _first(bad)
            raise DataError(
                f"is {sides[row - 1]:g}, not a side.", source=symbol, row=row, field="aggressor",
                value=sides[row - 1], remedy=_SIDES_REMEDY,
            )  # fmt: skip
    values = [np.ascontiguousarray(column, dtype=np.float64) for column in columns.values()]
    return _Columns(symbol, kind, unit, np.ascontiguousarray(ts_recv_ns, dtype=np.int64), values)
