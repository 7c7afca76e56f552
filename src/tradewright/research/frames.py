"""Columns of the core as Polars frames."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradewright.core.book_events import BookEvents
from tradewright.core.stream import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from tradewright._native import Columns
    from tradewright.core.books import L2Book, L3Book
    from tradewright.core.series import Series
    from tradewright.core.stream import AnySeries

NO_TIME = -(2**63)


def _named(indices: Any, names: Sequence[str]) -> pl.Series:
    import polars as pl

    if len(names) == 1:  # One policy, one symbol, one currency: most runs.
        return pl.Series(names, dtype=pl.String).new_from_index(0, len(indices))
    return pl.Series(names, dtype=pl.String).gather(pl.Series(indices))


def _time(values: Any) -> pl.Series:
    import polars as pl

    times = pl.Series(values, dtype=pl.Int64)
    if times.min() == NO_TIME:
        times = times.replace(NO_TIME, None)
    return times.cast(pl.Datetime("ns", "UTC"))


def _maybe(values: Any) -> pl.Series:
    import polars as pl

    return pl.Series(values, dtype=pl.Float64, nan_to_null=True)


def _order_ids(run: str, numbers: Any) -> pl.Series:
    import polars as pl

    text = (pl.Series(numbers, dtype=pl.Int64) + 1).cast(pl.String)
    return pl.Series([f"{run}-"]) + text  # One string with each.


def orders(columns: Columns, policies: Sequence[str], symbols: Sequence[str]) -> pl.DataFrame:
    """The ``orders`` frame."""
    import polars as pl

    count = len(columns["policy"])
    return pl.DataFrame(
        {
            "order_id": _order_ids(columns["run"], range(count)),
            "policy": _named(columns["policy"], policies),
            "symbol": _named(columns["symbol"], symbols),
            "side": _named(columns["side"], ["buy", "sell"]),
            "type": pl.Series(columns["type"], dtype=pl.String),
            "tif": pl.Series(columns["tif"], dtype=pl.String),
            "size": columns["size"],
            "price": _maybe(columns["price"]),
            "stop_price": _maybe(columns["stop_price"]),
            "status": pl.Series(columns["status"], dtype=pl.String),
            "filled_size": columns["filled_size"],
            "average_price": _maybe(columns["average_price"]),
            "fee": columns["fee"],
            "reason": pl.Series(columns["reason"], dtype=pl.String),
            "detail": pl.Series(columns["detail"], dtype=pl.String),
            "intent": pl.Series(columns["intent"], dtype=pl.String),
            "decided_at": _time(columns["decided_ns"]),
            "updated_at": _time(columns["updated_ns"]),
            "size_decided": columns["size_decided"],
            "price_decided": _maybe(columns["price_decided"]),
            "repeats": columns["repeats"],
        }
    )


def fills(
    columns: Columns, policies: Sequence[str], symbols: Sequence[str], currencies: Sequence[str]
) -> pl.DataFrame:
    """The ``fills`` frame."""
    import polars as pl

    return pl.DataFrame(
        {
            "fill_id": columns["fill_id"],
            "order_id": _order_ids(columns["run"], columns["order"]),
            "policy": _named(columns["policy"], policies),
            "symbol": _named(columns["symbol"], symbols),
            "side": _named(columns["side"], ["buy", "sell"]),
            "size": columns["size"],
            "price": columns["price"],
            "value": columns["value"],
            "fee": columns["fee"],
            "currency": _named(columns["currency"], currencies),
            "liquidity": _named(columns["is_maker"], ["taker", "maker"]),
            "realised_pnl": columns["realised_pnl"],
            "position": columns["position"],
            "ts_event": _time(columns["ts_event_ns"]),
            "ts_recv": _time(columns["ts_recv_ns"]),
            "mid": _maybe(columns["mid"]),
            "queue_ahead": _maybe(columns["queue_ahead"]),
            "half_spread": _maybe(columns["half_spread"]),
            "impact": _maybe(columns["impact"]),
        }
    )


def ledger(
    columns: Columns, policies: Sequence[str], symbols: Sequence[str], currencies: Sequence[str]
) -> pl.DataFrame:
    """The ``ledger`` frame."""
    import polars as pl

    return pl.DataFrame(
        {
            "policy": _named(columns["policy"], [*policies, "unattributed"]),
            "symbol": _named(columns["symbol"], symbols),
            "currency": _named(columns["currency"], currencies),
            **{
                name: money(columns[f"{name}_e12"])
                for name in (
                    *("realised", "unrealised", "fees", "cash_flows", "borrow"),
                    *("half_spread", "impact"),  # Where another engine filled nobody knows them.
                )
                if f"{name}_e12" in columns
            },
        }
    )


AMENDMENT_ANSWERS = ["pending", "amended", "rejected"]
"""What became of an amendment, as the core numbers it."""


def amendments(columns: Columns, policies: Sequence[str], symbols: Sequence[str]) -> pl.DataFrame:
    """The ``amendments`` frame."""
    import polars as pl

    return pl.DataFrame(
        {
            "order_id": _order_ids(columns["run"], columns["order"]),
            "policy": _named(columns["policy"], policies),
            "symbol": _named(columns["symbol"], symbols),
            "side": _named(columns["side"], ["buy", "sell"]),
            "size": columns["size"],
            "price": _maybe(columns["price"]),
            "status": _named(columns["answer"], AMENDMENT_ANSWERS),
            "decided_at": _time(columns["decided_ns"]),
            "answered_at": _time(columns["answered_ns"]),
        }
    )


def money(amounts_e12: Sequence[int]) -> pl.Series:
    """Amounts in 10⁻¹² as exact decimals."""
    import polars as pl

    return pl.Series([Decimal(f"{amount}e-12") for amount in amounts_e12], dtype=pl.Decimal(38, 12))


def round_trips(columns: Columns, policies: Sequence[str], symbols: Sequence[str]) -> pl.DataFrame:
    """The ``round_trips`` frame."""
    import polars as pl

    entry, exit_ = _time(columns["entry_ns"]), _time(columns["exit_ns"])
    names = [*policies, "unattributed"]
    return pl.DataFrame(
        {
            "policy": _named(columns["policy"], names),
            "symbol": _named(columns["symbol"], symbols),
            "direction": _named((pl.Series(columns["direction"]) < 0).cast(pl.Int64), ["long", "short"]),
            "size": columns["size"],
            "entry_at": entry,
            "exit_at": exit_,
            "entry_price": columns["entry_price"],
            "exit_price": _maybe(columns["exit_price"]),
            "holding": exit_ - entry,
            "pnl": columns["pnl"],
            "fees": columns["fees"],
            "mae": columns["mae"],
            "mfe": columns["mfe"],
            "is_open": exit_.is_null(),
        }
    )


POSITION_EVENTS = ["fill", "settlement", "refund", "split"]
"""What changes a position, as the core numbers it."""


def positions(columns: Columns, policies: Sequence[str], symbols: Sequence[str]) -> pl.DataFrame:
    """The ``positions`` frame, with what changed each and, of a split, its ratio."""
    import polars as pl

    return pl.DataFrame(
        {
            "policy": _named(columns["policy"], [*policies, "unattributed"]),
            "symbol": _named(columns["symbol"], symbols),
            "at": _time(columns["at_ns"]),
            "size": columns["size"],
            "event": _named(columns["event"], POSITION_EVENTS),
            "numerator": columns["numerator"],
            "denominator": columns["denominator"],
        }
    )


def flows(columns: Columns) -> pl.DataFrame:
    """The ``flows`` frame."""
    import polars as pl

    return pl.DataFrame({"at": _time(columns["at_ns"]), "amount": columns["amount"]})


def equity(columns: Columns) -> pl.DataFrame:
    """The ``equity`` frame."""
    import polars as pl

    return pl.DataFrame({"at": _time(columns["at_ns"]), "equity": columns["equity"]})


def _touch_of(events: BookEvents, book: L2Book | L3Book) -> pl.DataFrame:
    """Mids of a book, a row a message."""
    import polars as pl

    touch = book.replay(events, levels=1)
    best = (pl.col("bid_1").alias("bid"), pl.col("ask_1").alias("ask"))
    return _with_mids(touch.select(pl.col("ts_event").alias("at"), *best))


def _with_mids(quotes: pl.DataFrame) -> pl.DataFrame:
    """A row for each quote with both sides."""
    import polars as pl

    middle = (pl.col("bid") + pl.col("ask")) / 2
    whole = quotes.filter(pl.col("bid").is_not_nan() & pl.col("ask").is_not_nan())
    return whole.select(
        "at", *(middle.alias(name) for name in ("open", "high", "low", "close")), "bid", "ask"
    )


class PriceFrame:
    """The ``prices`` frame, built when asked for: bars, or the mids of quotes with ``bid`` and ``ask``."""

    def __init__(self, series: AnySeries) -> None:
        self.series = series

    def __call__(self) -> pl.DataFrame:
        """All of it."""
        import polars as pl

        return pl.concat(price_parts(self.series))


def price_parts(series: AnySeries) -> Iterator[pl.DataFrame]:
    """The ``prices`` frame in parts, those of a stream."""
    book: L2Book | L3Book | None = None
    for part in parts_of(series):
        if isinstance(part, BookEvents):
            from tradewright.core.books import book_of

            book = book or book_of(part)
            yield _touch_of(part, book)
        else:
            yield _prices_of(part)


def _prices_of(series: Series) -> pl.DataFrame:
    import polars as pl

    frame = series.to_frame()
    if series.kind == "bars":
        return frame.select(pl.col("ts_event").alias("at"), "open", "high", "low", "close")
    return _with_mids(frame.select(pl.col("ts_event").alias("at"), "bid", "ask"))
