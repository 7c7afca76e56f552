"""Series as the core's tuples of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright.core.book_events import BookEvents
from tradewright.core.series import Bars, Quotes, Series, Trades
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewright.core.stream import AnySeries


def source_name(series: AnySeries) -> str:
    """What a series is called in messages."""
    named = f"{series.kind} of {series.symbol}"
    return named if series.source in ("", "arrays") else f"{named} ({series.source})"


def plain_series(series: Series, symbol: int) -> tuple[Any, ...]:
    """A series as the core's tuple of columns; nothing is copied but what is not contiguous.

    Events of levels have no column of orders: none of them is about one.
    """
    import numpy as np

    def column(values: Any) -> Any:
        return np.ascontiguousarray(values)

    recv = None if series.ts_recv_ns is series.ts_event_ns else column(series.ts_recv_ns)
    head = (series.kind, symbol, recv, column(series.ts_event_ns))
    if isinstance(series, Bars):
        prices = (column(one) for one in (series.open, series.high, series.low, series.close))
        starts = series.timeframe_ns if series.starts_ns is None else column(series.starts_ns)
        return (*head, starts, *prices, column(series.volume))
    if isinstance(series, Quotes):
        return (*head, *(column(one) for one in (series.bid, series.ask, series.bid_size, series.ask_size)))
    if isinstance(series, Trades):
        return (*head, column(series.price), column(series.size), column(series.aggressor))
    if isinstance(series, BookEvents):
        columns = (series.action, series.side, series.flags, series.price, series.size)
        order_id = column(series.order_id) if series.model == "l3" else None
        return (*head, *(column(one) for one in columns), order_id)
    raise DataError(f"{type(series).__name__} is no kind of series.", source=series.symbol)


def with_prints(series: Sequence[AnySeries]) -> list[AnySeries]:
    """The series with public trades put among the events of their symbol's book: a queue moves by both."""
    prints = {one.symbol: one for one in series if one.kind == "trades"}
    books = {one.symbol for one in series if one.kind.startswith("book")}
    return [
        _with_prints(one, prints[one.symbol]) if one.kind.startswith("book") and one.symbol in prints else one
        for one in series
        if not (one.kind == "trades" and one.symbol in books)
    ]


def _with_prints(book: AnySeries, prints: AnySeries) -> AnySeries:
    if isinstance(book, BookEvents) and isinstance(prints, Trades):
        return book.with_trades(prints)
    from tradewright.core.stream import BookWithPrints

    return BookWithPrints.of(book, prints)
