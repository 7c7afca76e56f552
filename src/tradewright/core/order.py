"""Orders: what is asked of a venue, and where it stands."""

from __future__ import annotations

from enum import StrEnum

import msgspec

OrderId = str
"""Client order id: the run's prefix, a dash, and the order's number in the run; unique over restarts."""


class Side(StrEnum):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """What starts an order and bounds its price."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order stands: until cancelled, at once, all or nothing, or until the session's close."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    DAY = "day"


class OrderStatus(StrEnum):
    """Where an order stands, on the venue's evidence alone.

    ``UNKNOWN`` is a request whose outcome nobody has evidence of; it counts at its worst against every limit.
    ``REFUSED`` never left: the risk gate said no.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order as risk managers, reports and policies see it.

    Attributes:
        order_id: Client order id.
        policy: Name of the policy that wants it.
        symbol: Instrument.
        side: Buy or sell.
        size: Total size, positive.
        type: Market, limit, stop …
        limit: Price bound, for limit and stop-limit orders.
        stop: Trigger price, or the distance of a trailing stop.
        tif: Time in force.
        post_only: Refused by the venue rather than take.
        reduce_only: Never opens or turns a position.
        decided_ns: When it was decided, ns since the epoch, UTC.
        status: Where it stands.
        filled: Size traded so far.
        reduces: Whether it can only lower the absolute position of both policy and account.
        queue_ahead: Size that stands before it at its price, as far as the policy has been told: counted from
            its acceptance; exact on books of orders, the venue's queue model on those of levels. ``None``
            where it is not known: no book, not resting yet, or no policy asked with `Setup.watch_queues`.
    """

    order_id: OrderId
    policy: str
    symbol: str
    side: Side
    size: float
    type: OrderType = OrderType.MARKET
    limit: float | None = None
    stop: float | None = None
    tif: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    decided_ns: int = 0
    status: OrderStatus = OrderStatus.PENDING
    filled: float = 0.0
    reduces: bool = False
    queue_ahead: float | None = None
