"""YES and NO: one book, seen from either side.

A binary is one instrument with one book, on the YES leg; its price is that of YES. Buying NO at ``q`` is
selling YES at ``1 - q``: the same order, the same fill, the same capital. So nothing in a run knows of NO.
What speaks NO (a recording of a NO token, a policy that thinks in NO, a fill to be shown as NO) goes through
`mirrored`, which turns prices ``p`` into ``1 - p`` and buys into sells, and is its own inverse.

Source:
    Kalshi, order direction and order book (one side only, the YES leg); Polymarket CLOB, whose exchange
    mirrors the books of the two tokens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import msgspec

from tradewright.core.book_events import BookEvents
from tradewright.core.grid import TickBand, TickGrid
from tradewright.core.instrument import Instrument
from tradewright.core.intents import Amend, Cancel, CancelAll, Submit, TargetPosition, TargetQuotes
from tradewright.core.market import Bar, MarketStatus, Quote, Settlement, TickGridChange, Trade
from tradewright.core.order import OrderType, Side
from tradewright.core.series import Bars, Quotes, Series, Trades
from tradewright.errors import InstrumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["mirrored", "mirrored_fills", "mirrored_price", "mirrored_symbol"]

_SUFFIX = ":NO"
_DECIMALS = 10
_PRICES: dict[type[Series], tuple[str, ...]] = {
    Bars: ("open", "high", "low", "close"),
    Quotes: ("bid", "ask"),
    Trades: ("price",),
}

Mirrorable = (
    TickGrid
    | Instrument
    | Series
    | Bar
    | Quote
    | Trade
    | MarketStatus
    | TickGridChange
    | Settlement
    | TargetPosition
    | TargetQuotes
    | Submit
    | Amend
    | Cancel
    | CancelAll
)
_T = TypeVar("_T", bound=Mirrorable)


@overload
def mirrored_price(price: float) -> float: ...
@overload
def mirrored_price(price: NDArray[np.float64]) -> NDArray[np.float64]: ...
def mirrored_price(price: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """``1 - price``, as the decimal that it is: prices have at most 10 decimals here.

    Args:
        price: A price from 0 to 1, or an array of them; NaN stays NaN.
    """
    if isinstance(price, float | int):
        return round(1 - price, _DECIMALS)
    import numpy as np

    return np.round(1 - price, _DECIMALS)


def mirrored_symbol(symbol: str) -> str:
    """The other leg's symbol: ``X`` to ``X:NO`` and back."""
    return symbol.removesuffix(_SUFFIX) if symbol.endswith(_SUFFIX) else symbol + _SUFFIX


@overload
def mirrored(what: None, *, instrument: None = None) -> None: ...
@overload
def mirrored(what: list[_T], *, instrument: None = None) -> list[_T]: ...
@overload
def mirrored(what: tuple[_T, ...], *, instrument: None = None) -> tuple[_T, ...]: ...
@overload
def mirrored(what: _T, *, instrument: Instrument | None = None) -> _T: ...
def mirrored(what: Any, *, instrument: Instrument | None = None) -> Any:
    """The same thing as the other leg sees it; mirrored twice, it is what it was.

    Args:
        what: A tick grid, an instrument, a series, a record or event of the feed, or an intent; a list or
            tuple of them, or ``None``, as ``decide`` returns. Symbols become `mirrored_symbol`, prices
            `mirrored_price`; buys become sells and bids asks, with their sizes. A position of ``n`` becomes
            one of ``-n``.
        instrument: Of a series alone, what the other leg is; by default its instrument mirrored.

    Raises:
        InstrumentError: an instrument that is no binary from 0 to 1, or one of an event group: that one
            outcome does *not* happen excludes no other, so the NO legs of a group make no group. Also a
            series with a price outside of 0 to 1, which has no other leg.
        TypeError: What has no other leg at all, such as a deposit.
    """
    if what is None:
        return None
    if isinstance(what, list | tuple):
        parts: list[Any] = [mirrored(one) for one in cast("Sequence[Any]", what)]
        return parts if isinstance(what, list) else tuple(parts)
    found: Any
    match what:
        case TickGrid():
            found = _grid(what)
        case Instrument():
            found = _instrument(what)
        case Series():
            found = _series(what, instrument)
        case Settlement():
            price = None if what.price is None else mirrored_price(what.price)
            found = msgspec.structs.replace(what, symbol=mirrored_symbol(what.symbol), price=price)
        case TickGridChange():
            grid = _grid(what.grid)
            found = msgspec.structs.replace(what, symbol=mirrored_symbol(what.symbol), grid=grid)
        case MarketStatus():
            found = msgspec.structs.replace(what, symbol=mirrored_symbol(what.symbol))
        case Bar() | Quote() | Trade():
            found = _record(what)
        case TargetPosition() | TargetQuotes() | Submit() | Amend() | Cancel() | CancelAll():
            found = _intent(what)
        case _:
            raise TypeError(f"{type(what).__name__} has no other leg.")
    return found


def mirrored_fills(fills: pl.DataFrame) -> pl.DataFrame:
    """The fills of a result as the other leg sees them: symbol, side, price, value, position and mid turned.

    Sizes, fees and profit are the same on either leg.
    """
    import polars as pl

    price = pl.col("price")

    turned = {
        "symbol": pl.when(pl.col("symbol").str.ends_with(_SUFFIX))
        .then(pl.col("symbol").str.strip_suffix(_SUFFIX))
        .otherwise(pl.col("symbol") + _SUFFIX),
        "side": pl.when(pl.col("side") == "buy").then(pl.lit("sell")).otherwise(pl.lit("buy")),
        "price": (1 - price).round(_DECIMALS),
        "value": pl.when(price > 0).then(pl.col("value") / price * (1 - price)).otherwise(pl.col("size")),
        "position": -pl.col("position"),
        "mid": (1 - pl.col("mid")).round(_DECIMALS),
    }
    return fills.with_columns(expression.alias(name) for name, expression in turned.items())


def _grid(grid: TickGrid) -> TickGrid:
    """Bands from the other end. A boundary is a multiple of both steps, so either band may hold it."""
    ends = [band.below for band in grid.steps[:-1]]
    below = [None if end is None else mirrored_price(end) for end in reversed(ends)]
    steps = [band.step for band in reversed(grid.steps)]
    bands = zip(steps, [*below, None], strict=True)
    return TickGrid(steps=tuple(TickBand(step=step, below=end) for step, end in bands))


def _instrument(instrument: Instrument) -> Instrument:
    if instrument.contract != "binary" or instrument.bounds != (0.0, 1.0):
        raise InstrumentError(
            "only a binary from 0 to 1 has another leg.",
            symbol=instrument.symbol,
            field="contract",
            value=instrument.contract,
        )
    if instrument.event_group is not None:
        raise InstrumentError(
            f"it is of event group {instrument.event_group!r}, whose NO legs do not exclude each other. "
            "Mirror into the YES leg, or leave the group out.",
            symbol=instrument.symbol,
            field="event_group",
            value=instrument.event_group,
        )
    grid = None if instrument.grid is None else _grid(instrument.grid)
    return msgspec.structs.replace(instrument, symbol=mirrored_symbol(instrument.symbol), grid=grid)


@overload
def _turned(price: float | None) -> float | None: ...
@overload
def _turned(price: NDArray[np.float64]) -> NDArray[np.float64]: ...
def _turned(price: float | NDArray[np.float64] | None) -> float | NDArray[np.float64] | None:
    """A price or an array of them; ``None`` where there is none."""
    return None if price is None else mirrored_price(price)


def _bar(one: Bar | Bars) -> dict[str, Any]:
    return {
        "open": _turned(one.open),
        "high": _turned(one.low),
        "low": _turned(one.high),
        "close": _turned(one.close),
    }


def _quote(one: Quote | Quotes) -> dict[str, Any]:
    return {
        "bid": _turned(one.ask),
        "ask": _turned(one.bid),
        "bid_size": one.ask_size,
        "ask_size": one.bid_size,
    }


def _record(record: Bar | Quote | Trade) -> Bar | Quote | Trade:
    changes: dict[str, Any]
    match record:
        case Bar():
            changes = _bar(record)
        case Quote():
            changes = _quote(record)
        case Trade():
            sides = {"buy": "sell", "sell": "buy", "unknown": "unknown"}
            changes = {"price": _turned(record.price), "aggressor": sides[record.aggressor]}
    return msgspec.structs.replace(record, symbol=mirrored_symbol(record.symbol), **changes)


def _check_prices(series: Series) -> None:
    """Refuses prices that no binary has: a series without an instrument does not say what it is of."""
    import numpy as np

    for name in _PRICES[type(series)]:
        prices = getattr(series, name)
        outside = np.flatnonzero((prices < 0) | (prices > 1))
        if len(outside):
            raise InstrumentError(
                f"{name} {prices[outside[0]]} is not a price of a binary from 0 to 1.",
                symbol=series.symbol,
                field=name,
                value=float(prices[outside[0]]),
            )


def _series(series: Series, instrument: Instrument | None) -> Series:
    if instrument is None and series.instrument is not None:
        instrument = _instrument(series.instrument)
    symbol = mirrored_symbol(series.symbol) if instrument is None else instrument.symbol
    if series.instrument is None and type(series) in _PRICES:
        _check_prices(series)
    changes: dict[str, Any]
    match series:
        case Bars():
            changes = _bar(series)
        case Quotes():
            changes = _quote(series)
        case Trades():
            changes = {"price": mirrored_price(series.price), "aggressor": -series.aggressor}
        case BookEvents():
            changes = {"price": mirrored_price(series.price), "side": -series.side}
        case _:
            raise TypeError(f"{type(series).__name__} is no series of prices")
    return replace(series, symbol=symbol, instrument=instrument, **changes)


def _intent(intent: TargetPosition | TargetQuotes | Submit | Amend | Cancel | CancelAll) -> object:
    match intent:
        case TargetPosition():
            return msgspec.structs.replace(
                intent, symbol=mirrored_symbol(intent.symbol), size=-intent.size, limit=_turned(intent.limit)
            )
        case TargetQuotes():
            bid, ask = (
                None if quote is None else (mirrored_price(quote[0]), quote[1])
                for quote in (intent.ask, intent.bid)
            )
            return msgspec.structs.replace(intent, symbol=mirrored_symbol(intent.symbol), bid=bid, ask=ask)
        case Submit():
            is_distance = intent.type == OrderType.TRAILING_STOP
            return msgspec.structs.replace(
                intent,
                symbol=mirrored_symbol(intent.symbol),
                side=Side.SELL if intent.side == Side.BUY else Side.BUY,
                limit=_turned(intent.limit),
                stop=intent.stop if is_distance else _turned(intent.stop),
            )
        case Amend():
            return msgspec.structs.replace(intent, limit=_turned(intent.limit))
        case CancelAll():
            return CancelAll(None if intent.symbol is None else mirrored_symbol(intent.symbol))
        case Cancel():
            return intent
