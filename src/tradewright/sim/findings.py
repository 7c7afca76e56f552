"""What a run met in its data that it neither refused nor could use as it is, in words."""

from __future__ import annotations

import math
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from tradewright.core.native_series import source_name
from tradewright.core.series import Bars, Quotes, Trades

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewright.core.instrument import Instrument
    from tradewright.core.series import Series
    from tradewright.sim.build import Run

SHARE_MAX: Final = 1e-4
"""A basis point: a rounding of this share of the price is as large as a good fee."""

_PRICES: Final = ("open", "high", "low", "close", "bid", "ask", "price")

_OFFENCES = {
    "gap": "messages that follow a gap",
    "crossed": "messages that leave the best bid at or above the best ask",
    "unknown_order": "events of orders that do not rest",
    "duplicate_order": "orders added twice",
    "negative_size": "changes below zero",
    "out_of_range": "prices out of range",
    "meaningless": "events that mean nothing to such a book",
}


def data_warnings(run: Run, series: Sequence[Series]) -> Iterator[str]:
    """Books that contradict themselves, by the core's own count; and sizes too small to fill anything."""
    for symbol, found in groupby(run.kernel.book_offences, key=itemgetter(0)):
        counts = ", ".join(f"{_OFFENCES[name]}: {count:,}" for _, name, count in found)
        yield (
            f"The book of {symbol} contradicts itself ({counts}). Orders met it as it was; "
            "tradewright check-data says where."
        )
    for one in series:
        lot = run.instruments[run.symbols.index(one.symbol)].lot_size
        for name in _sizes(one):
            small, known = _too_small(one, name, lot)
            if small:
                yield (
                    f"{source_name(one)}: {small:,} of {known:,} values of {name} are less than one lot "
                    f"({lot:g}), so that no order takes from them. Give an instrument with a finer lot_size."
                )


def _sizes(series: Series) -> tuple[str, ...]:
    """Columns of sizes that cap fills."""
    if isinstance(series, Quotes):
        return ("bid_size", "ask_size")
    if isinstance(series, Trades):
        return ("size",)
    return ("volume",) if isinstance(series, Bars) else ()


def _too_small(series: Series, name: str, lot: float) -> tuple[int, int]:
    """How many sizes above zero are below one lot, and how many sizes above zero there are."""
    import numpy as np

    sizes = series.columns[name]
    # One pass where all is well; a float's own noise is not less than a lot.
    small = sizes < lot * (1 - 1e-12)
    if not small.any():
        return 0, 0
    positive = sizes > 0
    return int(np.count_nonzero(small & positive)), int(np.count_nonzero(positive))


def rounding_warning(series: Series, instrument: Instrument, shift: float) -> str | None:
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
    for name in _PRICES:
        column = series.columns.get(name)
        if column is None:
            continue
        least = float(np.min(column, where=column > 0, initial=math.inf))  # A side may be empty.
        if shift <= SHARE_MAX * least:
            continue
        prices = column[column > 0]
        worst = max(worst, float(np.max(np.abs(prices - np.rint(prices / unit) * unit) / prices)))
        lowest = min(lowest, least)
    if worst <= SHARE_MAX:
        return None
    finer = 10.0 ** math.floor(math.log10(lowest * SHARE_MAX))
    return (
        f"{series.symbol}: prices were rounded by up to {worst:.2%} of themselves to the price unit of "
        f"{unit:g}; profit is that of the rounded prices. Give the series an Instrument with a finer "
        f"price_unit, such as {finer:g}."
    )
