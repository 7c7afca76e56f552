"""What happens in a market: records with the venue's time and ours, immutable once made.

Prices and sizes are the decimals that users see; the edge converts them to ticks and lots. Whether a price is
on an instrument's grid or above zero is the instrument's to say (`Instrument.price_ticks`); it is not checked
here.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from tradewright.core.grid import TickGrid
from tradewright.errors import DataError

_NS_MAX = 2**63 - 1


class _Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag=True,
):
    """One record of a feed.

    Attributes:
        ts_event_ns: When the venue made it, ns since the epoch, UTC.
        ts_recv_ns: When it reached us, ns since the epoch, UTC.

    Raises:
        DataError: a number that is NaN, infinite or impossible; the error names the field and the value.
    """

    ts_event_ns: int
    ts_recv_ns: int

    def __post_init__(self) -> None:
        self._check_time("ts_event_ns", self.ts_event_ns)
        self._check_time("ts_recv_ns", self.ts_recv_ns)
        self._check()

    def _check(self) -> None:
        """Checks what the record says, beyond its times."""

    def _check_time(self, field: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _NS_MAX:
            raise self._error(field, value, "is not a time.", "Give whole nanoseconds since 1970, UTC.")

    def _check_number(self, field: str, value: float, *, minimum: float = -math.inf) -> None:
        if not math.isfinite(value):
            raise self._error(field, value, "is not a finite number.", "Leave the record out, or repair it.")
        if value < minimum:
            raise self._error(field, value, "is negative.", f"Use {minimum:g} or more.")

    def _check_positive(self, field: str, value: float) -> None:
        self._check_number(field, value)
        if value <= 0:
            raise self._error(field, value, "is not positive.", "Use a number above zero.")

    def _error(self, field: str, value: object, problem: str, remedy: str) -> DataError:
        source = type(self).__name__
        symbol = getattr(self, "symbol", "")
        return DataError(
            f"{value} {problem}",
            source=f"{source} of {symbol}" if symbol else source,
            field=field,
            value=value,
            remedy=remedy,
        )


class _InstrumentRecord(_Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record about one instrument."""

    symbol: str

    def __post_init__(self) -> None:
        if not self.symbol:
            raise self._error("symbol", repr(self.symbol), "is empty.", "Name the instrument.")
        super().__post_init__()


class Bar(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bar"):
    """One bar, known at its close.

    Attributes:
        symbol: The instrument.
        ts_event_ns: Its close.
        ts_recv_ns: When it reached us.
        open_ns: Its start, at or before its close.
        open: First price.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: Traded size.
    """

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0

    def _check(self) -> None:
        self._check_time("open_ns", self.open_ns)
        if self.open_ns > self.ts_event_ns:
            raise self._error(
                "open_ns",
                self.open_ns,
                f"is after the bar's close at {self.ts_event_ns}.",
                "Give the start of the bar.",
            )
        for field in ("open", "high", "low", "close"):
            self._check_number(field, getattr(self, field))
        self._check_number("volume", self.volume, minimum=0)
        if self.high < self.low:
            raise self._error("high", self.high, f"is below the low {self.low:g}.", "Swap or repair them.")
        for field in ("open", "close"):
            price = getattr(self, field)
            if not self.low <= price <= self.high:
                raise self._error(
                    field, price, f"is outside of the bar's {self.low:g} to {self.high:g}.", "Repair the bar."
                )


class Quote(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="quote"):
    """The best bid and ask. A crossed quote is a record too: whether to trust it is not decided here.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When the venue made it.
        ts_recv_ns: When it reached us.
        bid: Best bid; ``None`` where that side is empty.
        ask: Best ask; ``None`` where that side is empty.
        bid_size: Size at the bid; 0 where that side is empty.
        ask_size: Size at the ask; 0 where that side is empty.
    """

    bid: float | None
    ask: float | None
    bid_size: float = 0.0
    ask_size: float = 0.0

    def _check(self) -> None:
        for field, price, size in (("bid", self.bid, self.bid_size), ("ask", self.ask, self.ask_size)):
            self._check_number(f"{field}_size", size, minimum=0)
            if price is not None:
                self._check_number(field, price)
            elif size:
                raise self._error(
                    f"{field}_size", size, f"has no {field} price.", "Give the price, or size 0."
                )


class Trade(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="trade"):
    """A public print.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When it happened.
        ts_recv_ns: When it reached us.
        price: Its price.
        size: Its size, above zero.
        aggressor: Whose order took: ``buy``, ``sell`` or ``unknown``.
        trade_id: The venue's own id, if it has one.
    """

    price: float
    size: float
    aggressor: Literal["buy", "sell", "unknown"] = "unknown"
    trade_id: str = ""

    def _check(self) -> None:
        self._check_number("price", self.price)
        self._check_positive("size", self.size)


class BookDelta(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="book_delta"):
    """A book level changed.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When the venue made it.
        ts_recv_ns: When it reached us.
        side: ``bid`` or ``ask``.
        price: The level's price.
        size: The level's size from now on, not its change; 0 removes the level.
        sequence: The venue's own number, by which gaps are found; ``None`` if it has none.
    """

    side: Literal["bid", "ask"]
    price: float
    size: float
    sequence: int | None = None

    def _check(self) -> None:
        self._check_number("price", self.price)
        self._check_number("size", self.size, minimum=0)


class BookSnapshot(
    _InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="book_snapshot"
):
    """A whole book, or its top levels.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When the venue made it.
        ts_recv_ns: When it reached us.
        bids: ``(price, size)`` from the best (highest) down.
        asks: ``(price, size)`` from the best (lowest) up.
        sequence: The venue's own number that it stands for; ``None`` if it has none.
    """

    bids: tuple[tuple[float, float], ...] = ()
    asks: tuple[tuple[float, float], ...] = ()
    sequence: int | None = None

    def _check(self) -> None:
        for field, levels, direction in (("bids", self.bids, -1), ("asks", self.asks, 1)):
            before: float | None = None
            for index, (price, size) in enumerate(levels):
                self._check_number(f"{field}[{index}].price", price)
                self._check_positive(f"{field}[{index}].size", size)
                if before is not None and (price - before) * direction <= 0:
                    order = "falling" if direction < 0 else "rising"
                    raise self._error(
                        f"{field}[{index}].price",
                        price,
                        f"does not follow {before:g} in {order} order.",
                        "Sort the levels from the best, each price once.",
                    )
                before = price


class MarketStatus(
    _InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="market_status"
):
    """Whether an instrument can be traded from now on.

    A pause takes cancellations only; resting orders wait, or end where the venue is so configured
    (`Venue.cancel_on_pause`). A close ends them.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When the venue said so.
        ts_recv_ns: When it reached us.
        status: ``open``; ``paused`` for the moment; ``closed`` for good, not yet settled; ``resolved``.
    """

    status: Literal["open", "paused", "closed", "resolved"]


class TickGridChange(
    _InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="tick_grid_change"
):
    """Another tick grid from now on, for new orders and new prices of old ones.

    Resting orders stay where they are, or end where the venue is so configured (`Venue.cancel_off_grid`).

    Attributes:
        symbol: The instrument.
        ts_event_ns: When the venue said so.
        ts_recv_ns: When it reached us.
        grid: The grid from now on, in steps of the instrument's price unit.
    """

    grid: TickGrid


class Settlement(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="settlement"):
    """Ends an instrument: each unit held is paid the price, or, of a void market, given back what it cost.

    There is no one rule for a void market. Polymarket pays 0.5 for either outcome, Kalshi what the contract's
    rules say (a last price, say): give that price. A market that is cancelled and refunded has none.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When the venue settled it.
        ts_recv_ns: When it reached us.
        price: Price at which positions end: 1 or 0 for a binary that won or lost. ``None``, of a void market,
            ends each position at its own cost: its profit is nothing, and fees stay paid.
        void: Whether it was declared void; positions end at ``price``, if there is one, all the same.
    """

    price: float | None = None
    void: bool = False

    def _check(self) -> None:
        if self.price is not None:
            self._check_number("price", self.price)
        elif not self.void:
            raise self._error(
                "price", "None", "says nothing of what is paid.", "Give a price, or void=True to refund."
            )


class Dividend(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="dividend"):
    """Pays each unit held an amount; who is short pays it.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When it goes ex.
        ts_recv_ns: When it reached us.
        amount: Money a unit of size, in the instrument's currency, above zero.
    """

    amount: float

    def _check(self) -> None:
        self._check_positive("amount", self.amount)


class Split(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="split"):
    """Turns each ``denominator`` units into ``numerator``; the price falls alike.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When it takes effect.
        ts_recv_ns: When it reached us.
        numerator: New units, 1 or more: 4 in a 4-for-1 split.
        denominator: Old units, 1 or more: 10 in a 1-for-10 reverse split.
    """

    numerator: int
    denominator: int = 1

    def _check(self) -> None:
        for field, value in (("numerator", self.numerator), ("denominator", self.denominator)):
            if type(value) is not int:
                raise self._error(field, value, "is no whole number.", "3-for-2 has 3 and 2.")
            self._check_positive(field, value)


class Funding(_InstrumentRecord, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="funding"):
    """Longs pay ``rate`` of their value at the mark to shorts.

    Attributes:
        symbol: The instrument.
        ts_event_ns: When it is due.
        ts_recv_ns: When it reached us.
        rate: Share of the value, for this one payment: 0.0001 is 1 bp; negative pays longs.
    """

    rate: float

    def _check(self) -> None:
        self._check_number("rate", self.rate)
        if abs(self.rate) >= 1:
            raise self._error("rate", self.rate, "is the whole value or more.", "0.0001 is one basis point.")


class Deposit(_Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="deposit"):
    """Money put into the account, or taken out of it.

    Attributes:
        ts_event_ns: When it counts.
        ts_recv_ns: When it reached us.
        currency: Its currency.
        amount: Money put in; negative is a withdrawal.
    """

    currency: str
    amount: float

    def _check(self) -> None:
        if not self.currency:
            raise self._error("currency", repr(self.currency), "is empty.", "Name one, such as 'USD'.")
        self._check_number("amount", self.amount)
        if self.amount == 0:
            raise self._error("amount", self.amount, "moves nothing.", "Leave the record out.")


class ExchangeRate(_Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exchange_rate"):
    """States what a currency is worth, from now on.

    Attributes:
        ts_event_ns: When it counts.
        ts_recv_ns: When it reached us.
        currency: A currency of the account other than its own.
        rate: What one unit of it is worth in the account's currency, above zero: 1.1 for EUR in USD.
    """

    currency: str
    rate: float

    def _check(self) -> None:
        if not self.currency:
            raise self._error("currency", repr(self.currency), "is empty.", "Name one, such as 'EUR'.")
        self._check_positive("rate", self.rate)


MarketEvent = Bar | Quote | Trade | BookDelta | BookSnapshot | MarketStatus | TickGridChange
"""What a market says."""

CashEvent = Settlement | Dividend | Split | Funding | Deposit | ExchangeRate
"""What changes cash or positions without a trade of ours."""
