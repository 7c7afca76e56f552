"""Events of the feed that are no series: money, status and tick grids, as the core reads them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tradewright.core import market as records
from tradewright.errors import DataError, UnknownSymbolError
from tradewright.sim.streaming import STREAMED, VenuePasses, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradewright.core.instrument import Instrument

RATE_ONE = 10**10
"""One, in the core's unit of rates."""


def rate_e12(rate: float) -> int:
    """A rate of exchange in 10⁻¹²: of the decimal that the float is written as.

    Raises:
        DataError: It is out of what the core can hold.
    """
    counted = round(Fraction(repr(float(rate))) * 10**12)
    if not 0 < counted < 2**63:
        raise DataError(
            f"rate of exchange {rate!r} is not between 1e-12 and 9.2e6.",
            source="events",
            field="rate",
            remedy="Count the account in another currency: Account(currency=...).",
        )
    return counted


def id_of(symbol: str, ids: Mapping[str, int]) -> int:
    """The core's number of a symbol.

    Raises:
        UnknownSymbolError: the data has no such symbol.
    """
    try:
        return ids[symbol]
    except KeyError:
        raise UnknownSymbolError(symbol, list(ids)) from None


def plain_event(
    event: Any,
    ids: Mapping[str, int],
    instruments: Mapping[str, Instrument],
    currencies: Sequence[str],
) -> tuple[Any, ...]:
    """A cash, status or grid event as the core's tuple.

    Raises:
        DataError: Something that is no event, one that is received before it happens, or a currency that the
            account does not have.
    """
    if event.ts_recv_ns < event.ts_event_ns:
        raise DataError(
            f"{type(event).__name__} is received at {event.ts_recv_ns}, before the venue's "
            f"{event.ts_event_ns}: that would be lookahead.",
            source="events",
            field="ts_recv_ns",
            value=event.ts_recv_ns,
            remedy="Give ts_event_ns or a later time.",
        )
    times = (event.ts_recv_ns, event.ts_event_ns)
    if isinstance(event, records.Deposit):
        if event.currency not in currencies:
            raise DataError(
                f"deposit in {event.currency}, which the account does not have.",
                source="events",
                remedy=f"It has {', '.join(currencies)}.",
            )
        return ("deposit", 0, *times, currencies.index(event.currency), event.amount)
    if isinstance(event, records.ExchangeRate):
        if event.currency not in currencies[1:]:
            others = ", ".join(currencies[1:])
            raise DataError(
                f"a rate of {event.currency}, "
                + (
                    "the account's own currency."
                    if event.currency == currencies[0]
                    else "which it does not have."
                ),
                source="events",
                field="currency",
                remedy=f"The account counts in {currencies[0]}; rates are of "
                f"{others or 'its other currencies, and it has none'}.",
            )
        return ("rate", 0, *times, currencies.index(event.currency), rate_e12(event.rate))
    symbol = id_of(event.symbol, ids)
    instrument = instruments[event.symbol]
    match event:
        case records.Dividend():
            return ("dividend", symbol, *times, event.amount)
        case records.Split():
            return ("split", symbol, *times, event.numerator, event.denominator)
        case records.Funding():
            return ("funding", symbol, *times, round(event.rate * RATE_ONE))
        case records.Settlement():
            if event.price is None:
                return ("refund", symbol, *times)
            return ("settlement", symbol, *times, instrument.settlement_ticks(event.price), event.void)
        case records.MarketStatus():
            return ("status", symbol, *times, event.status)
        case records.TickGridChange():
            from tradewright.core.exact import step_of

            return ("grid", symbol, *times, event.grid.in_ticks(step_of(instrument.price_unit)))
        case _:
            raise DataError(f"{type(event).__name__} is no event.", source="events")


def by_venue_time(columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """A series of `plain_series`, or the events, in order of the venue's time: for the venue's clock."""
    if columns[0] == "events":
        at_venue = [(kind, symbol, event, event, *rest) for kind, symbol, _, event, *rest in columns[1]]
        return ("events", sorted(at_venue, key=lambda one: one[3]))
    if len(columns) == STREAMED:
        kind, symbol, passes = columns
        return (kind, symbol, VenuePasses(passes))
    return in_order(columns)
