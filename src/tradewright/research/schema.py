"""Columns of a result's frames, checked when a frame is first read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

# Column -> kind: "str", "f64", "u64", "i64", "time" (ns, UTC), "duration" (ns), "bool", "money" (exact).
COLUMNS: dict[str, dict[str, str]] = {
    "orders": {
        "order_id": "str",
        "policy": "str",
        "symbol": "str",
        "side": "str",  # buy, sell
        "type": "str",
        "tif": "str",
        "size": "f64",
        "price": "f64",  # null without a limit
        "stop_price": "f64",  # null without a stop
        "status": "str",
        "filled_size": "f64",
        "average_price": "f64",  # null before the first fill; for display
        "fee": "f64",
        "reason": "str",  # of the closed enumeration; "" if none
        "detail": "str",
        "intent": "str",
        "decided_at": "time",
        "updated_at": "time",
    },
    "fills": {
        "fill_id": "u64",
        "order_id": "str",
        "policy": "str",
        "symbol": "str",
        "side": "str",
        "size": "f64",
        "price": "f64",
        "value": "f64",
        "fee": "f64",
        "currency": "str",
        "liquidity": "str",  # maker, taker
        "realised_pnl": "f64",  # before fees
        "position": "f64",  # of that policy after it
        "ts_event": "time",
        "ts_recv": "time",
    },
    "round_trips": {
        "policy": "str",
        "symbol": "str",
        "direction": "str",  # long, short
        "size": "f64",  # largest held
        "entry_at": "time",
        "exit_at": "time",  # null while open
        "entry_price": "f64",
        "exit_price": "f64",
        "holding": "duration",
        "pnl": "f64",  # net of fees
        "fees": "f64",
        "mae": "f64",  # worst unrealised P&L, <= 0
        "mfe": "f64",  # best unrealised P&L, >= 0
        "is_open": "bool",
    },
    "equity": {"at": "time", "equity": "f64"},
    "ledger": {
        "policy": "str",
        "symbol": "str",
        "currency": "str",
        "realised": "money",  # before fees
        "unrealised": "money",  # of what is held at the end, at its mark
        "fees": "money",  # paid; negative is a rebate
        "cash_flows": "money",  # dividends, funding and borrow cost; negative is paid
    },
    "flows": {"at": "time", "amount": "f64"},
    "prices": {"at": "time", "open": "f64", "high": "f64", "low": "f64", "close": "f64"},
    "positions": {
        "policy": "str",
        "symbol": "str",
        "at": "time",
        "size": "f64",
        "event": "str",  # fill, settlement, refund, split
        "numerator": "i64",  # of a split; 1 otherwise
        "denominator": "i64",
    },
}


def dtype_of(kind: str) -> pl.DataType:
    """Polars type of a kind of column."""
    import polars as pl

    types: dict[str, pl.DataType] = {
        "str": pl.String(),
        "f64": pl.Float64(),
        "u64": pl.UInt64(),
        "i64": pl.Int64(),
        "time": pl.Datetime("ns", "UTC"),
        "duration": pl.Duration("ns"),
        "bool": pl.Boolean(),
        "money": pl.Decimal(38, 12),
    }
    return types[kind]


def schema_of(name: str) -> dict[str, pl.DataType]:
    """Polars schema of one of the frames."""
    columns = COLUMNS[name]
    types = {kind: dtype_of(kind) for kind in set(columns.values())}
    return {column: types[kind] for column, kind in columns.items()}


def empty(name: str) -> pl.DataFrame:
    """The frame without rows."""
    import polars as pl

    return pl.DataFrame(schema=schema_of(name))


def checked(name: str, source: pl.DataFrame | Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Build a frame, in the schema's column order and types; further columns follow as they are.

    Raises:
        DataError: A column is missing, or cannot be cast without loss.
    """
    import polars as pl

    frame = source() if callable(source) else source
    found = frame.schema  # Made anew at each look.
    missing = [column for column in COLUMNS[name] if column not in found]
    if missing:
        raise DataError(
            "column is missing.",
            source=f"result frame {name!r}",
            field=missing[0],
            remedy=f"It needs {', '.join(COLUMNS[name])}.",
        )
    wanted = schema_of(name)
    if other := {column: dtype for column, dtype in wanted.items() if found[column] != dtype}:
        try:
            frame = frame.with_columns(pl.col(column).cast(dtype) for column, dtype in other.items())
        except pl.exceptions.PolarsError as error:
            raise DataError(str(error), source=f"result frame {name!r}") from error
    order = [*wanted, *(column for column in found if column not in wanted)]
    return frame if order == list(found) else frame.select(order)


def positions_of(fills: pl.DataFrame) -> pl.DataFrame:
    """Position of each policy and symbol after each fill, where nothing is known of other changes."""
    import polars as pl

    one = pl.lit(1, dtype=pl.Int64)
    return fills.select(
        "policy",
        "symbol",
        pl.col("ts_event").alias("at"),
        pl.col("position").alias("size"),
        pl.lit("fill").alias("event"),
        one.alias("numerator"),
        one.alias("denominator"),
    )
