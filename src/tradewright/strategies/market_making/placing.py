"""From wanted prices to quotes that only make: sizes within the limit, nothing that would take."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta

import tradewright as tw

Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]


def place(
    market: tw.MarketSnapshot,
    symbol: str,
    prices: tuple[float, float],
    *,
    held: float,
    size: float,
    most: float,
) -> tw.TargetQuotes:
    """Quotes at prices rounded outward, each side only as large as the inventory limit leaves room for.

    A bid at the market's ask or above would take; it is moved to one tick below, and asks alike. A price that
    is not a number withdraws both sides.

    Args:
        market: The market now.
        symbol: Instrument.
        prices: Wanted bid and ask.
        held: Signed inventory.
        size: Size to show on each side.
        most: Largest inventory, long or short.
    """
    bid, ask = prices
    if not (math.isfinite(bid) and math.isfinite(ask)):
        return tw.TargetQuotes.none(symbol)
    instrument = market.instrument(symbol)
    best_bid, best_ask = market.bid(symbol), market.ask(symbol)
    if bid >= best_ask:
        bid = best_ask - instrument.tick_size_at(best_ask)
    if ask <= best_bid:
        ask = best_bid + instrument.tick_size_at(best_bid)
    return tw.TargetQuotes.around(
        instrument,
        bid=bid,
        bid_size=instrument.round_size(max(0.0, min(size, most - held))),
        ask=ask,
        ask_size=instrument.round_size(max(0.0, min(size, most + held))),
    )


def check_positive(**numbers: float) -> None:
    """Refuses parameters that are not above zero, by name.

    Raises:
        ValueError: one is zero, negative, infinite or NaN.
    """
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} = {value:g} is not a number above zero")
