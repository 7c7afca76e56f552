"""Intents: what a policy wants to be true. The kernel sends the difference to what already works.

The same intents twice send nothing the second time, so a policy is restart-safe without trying to be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from tradewright.core.order import OrderId, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from tradewright.core.instrument import Instrument

Replace = Literal["overlap", "wait", "amend"]
"""How a wrong quote gives way: the new one leaves at once, after the cancel was confirmed, or by amending."""


class TargetPosition(msgspec.Struct, frozen=True, gc=False):
    """Hold this much of an instrument; it stands until another target for the symbol.

    Counts the position and everything still open. Sizes round towards zero to the lot.

    Attributes:
        symbol: Instrument.
        size: Signed size; negative is short.
        limit: Price bound of the orders that lead there; without one they are market orders.
        passive: Rest at the own side of the quote (post-only) instead of taking.
    """

    symbol: str
    size: float
    limit: float | None = None
    passive: bool = False


class TargetQuotes(msgspec.Struct, frozen=True, gc=False):
    """Show these quotes; each side is ``(price, size)`` or ``None`` for nothing.

    They stand until the policy gives others or withdraws them, and are compared with its orders at each of
    its wakes, never between: what a fill took is shown again at the next wake, whatever that returns.

    Attributes:
        symbol: Instrument.
        bid: Wanted bid.
        ask: Wanted ask.
        replace: How a wrong quote gives way to the new one.
    """

    symbol: str
    bid: tuple[float, float] | None = None
    ask: tuple[float, float] | None = None
    replace: Replace = "overlap"

    @classmethod
    def around(
        cls,
        instrument: Instrument,
        *,
        bid: float,
        bid_size: float,
        ask: float,
        ask_size: float,
        replace: Replace = "overlap",
    ) -> TargetQuotes:
        """Quotes rounded outward to the tick; a side is left out at a price bound or with no size.

        Args:
            instrument: Whose grid and bounds apply.
            bid: Wanted bid before rounding.
            bid_size: Size at the bid; 0 shows none.
            ask: Wanted ask before rounding.
            ask_size: Size at the ask; 0 shows none.
            replace: How a wrong quote gives way.

        Raises:
            ValueError: A price or size is not finite.
        """
        for name, value in (("bid", bid), ("bid_size", bid_size), ("ask", ask), ("ask_size", ask_size)):
            if not math.isfinite(value):
                raise ValueError(f"{instrument.symbol}: {name} is {value}; quotes need finite numbers")
        return cls(
            instrument.symbol,
            bid=_inside(instrument, bid, bid_size, Side.BUY),
            ask=_inside(instrument, ask, ask_size, Side.SELL),
            replace=replace,
        )

    @classmethod
    def none(cls, symbol: str) -> TargetQuotes:
        """Show nothing: withdraws both quotes."""
        return cls(symbol)


def _inside(instrument: Instrument, price: float, size: float, side: Side) -> tuple[float, float] | None:
    low, high = instrument.bounds if instrument.bounds is not None else (0.0, math.inf)
    if size <= 0 or price <= low or price >= high:
        return None
    rounded = instrument.round_price(price, side)
    return (rounded, size) if low < rounded < high else None


class Submit(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Send this order as it is: for those who need the metal. Prices and sizes off the grid are refused.

    Attributes:
        symbol: Instrument.
        side: Buy or sell.
        size: Positive size.
        type: Market, limit, stop, stop-limit or trailing stop.
        limit: Price bound of limit and stop-limit orders.
        stop: Trigger of stop and stop-limit orders; distance of a trailing stop, in price.
        tif: Time in force.
        post_only: Refused rather than take.
        reduce_only: Never opens or turns a position.
    """

    symbol: str
    side: Side | Literal["buy", "sell"]
    size: float
    type: OrderType | Literal["market", "limit", "stop", "stop_limit", "trailing_stop"] = OrderType.MARKET
    limit: float | None = None
    stop: float | None = None
    tif: TimeInForce | Literal["gtc", "ioc", "fok", "day"] = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """Cancel one of the policy's own orders."""

    order_id: OrderId


class Amend(msgspec.Struct, frozen=True, gc=False):
    """Change limit or total size of one of the policy's own orders; what is ``None`` stays."""

    order_id: OrderId
    size: float | None = None
    limit: float | None = None


class CancelAll(msgspec.Struct, frozen=True, gc=False):
    """Withdraw the policy's targets and orders, of one symbol or (``None``) of all."""

    symbol: str | None = None


Intent = TargetPosition | TargetQuotes | Submit | Cancel | Amend | CancelAll
Intents = Intent | Sequence[Intent] | None
"""What ``decide`` returns: nothing, one intent or several."""
