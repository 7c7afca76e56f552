"""Prices that an instrument's price unit is too coarse for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tradewright.core.stream import columns_of

if TYPE_CHECKING:
    from tradewright.core.instrument import Instrument
    from tradewright.core.stream import AnySeries

SHARE_MAX: Final = 1e-4
"""A basis point: a rounding of this share of the price is as large as a good fee."""

_PRICES: Final = {
    "bars": ("open", "high", "low", "close"),
    "quotes": ("bid", "ask"),
    **dict.fromkeys(("trades", "book_l2", "book_l3"), ("price",)),
}


def rounding_warning(series: AnySeries, instrument: Instrument, shift: float) -> str | None:
    """What to say where prices were rounded by more than `SHARE_MAX` of themselves; ``None`` where none was.

    Args:
        series: As given to the run.
        instrument: What its prices were counted in.
        shift: The largest rounding, in the price's currency.
    """
    import numpy as np

    unit, worst, lowest = float(instrument.price_unit), 0.0, math.inf
    if not shift:
        return None
    for name in _PRICES[series.kind]:
        least = min(  # A side may be empty.
            float(np.min(column, where=column > 0, initial=math.inf)) for column in columns_of(series, name)
        )
        if shift <= SHARE_MAX * least:
            continue
        for column in columns_of(series, name):
            prices = column[column > 0]
            off = np.abs(prices - np.rint(prices / unit) * unit) / prices
            worst = max(worst, float(np.max(off, initial=0.0)))
        lowest = min(lowest, least)
    if worst <= SHARE_MAX:
        return None
    finer = 10.0 ** math.floor(math.log10(lowest * SHARE_MAX))
    return (
        f"{series.symbol}: prices were rounded by up to {worst:.2%} of themselves to the price unit of "
        f"{unit:g}; profit is that of the rounded prices. Give the series an Instrument with a finer "
        f"price_unit, such as {finer:g}."
    )
