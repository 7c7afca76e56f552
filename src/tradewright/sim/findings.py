"""What a run met in its data that it neither refused nor could use as it is, in words."""

from __future__ import annotations

import math
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from tradewright.core.native_series import source_name
from tradewright.core.stream import columns_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tradewright.core.instrument import Instrument
    from tradewright.core.series import Series
    from tradewright.core.stream import AnySeries
    from tradewright.sim.build import Run

SHARE_MAX: Final = 1e-4
"""A basis point: a rounding of this share of the price is as large as a good fee."""

_PRICES: Final = {
    "bars": ("open", "high", "low", "close"),
    "quotes": ("bid", "ask"),
    **dict.fromkeys(("trades", "book_l2", "book_l3"), ("price",)),
}

_OFFENCES = {
    "gap": "messages that follow a gap",
    "crossed": "messages that leave the best bid at or above the best ask",
    "unknown_order": "events of orders that do not rest",
    "duplicate_order": "orders added twice",
    "negative_size": "changes below zero",
    "out_of_range": "prices out of range",
    "meaningless": "events that mean nothing to such a book",
}


def data_warnings(run: Run, series: Sequence[AnySeries]) -> Iterator[str]:
    """Books that contradict themselves, by the core's own count; and sizes too small to fill anything."""
    for symbol, found in groupby(run.kernel.book_offences, key=itemgetter(0)):
        counts = ", ".join(f"{_OFFENCES[name]}: {count:,}" for _, name, count in found)
        yield (
            f"The book of {symbol} contradicts itself ({counts}). Orders met it as it was; "
            "tradewright check-data says where."
        )
    for number, one in enumerate(series):
        lot = run.instruments[run.symbols.index(one.symbol)].lot_size
        sizes = run.sizes.get(number) or Sizes(lot).of(one)
        for name, (small, known) in sizes.counts.items():
            if small:
                yield (
                    f"{source_name(one)}: {small:,} of {known:,} values of {name} are less than one lot "
                    f"({lot:g}), so that no order takes from them. Give an instrument with a finer lot_size."
                )


_SIZES = {"quotes": ("bid_size", "ask_size"), "trades": ("size",), "bars": ("volume",)}
"""Columns of sizes that cap fills."""


class Sizes:
    """Counts sizes that are too small to fill anything, over one series or the parts of one.

    Attributes:
        counts: By column: how many sizes above zero are below one lot, and how many there are at all.
    """

    def __init__(self, lot: float) -> None:
        self._lot = lot
        self.counts: dict[str, tuple[int, int]] = {}

    def start(self) -> None:
        """Begins a pass over the parts."""
        self.counts = {}

    def see(self, series: Series, *, is_part: bool = True) -> None:
        """Counts what one part has."""
        for name in _SIZES.get(series.kind, ()):
            small, known = self.counts.get(name, (0, 0))
            more = _too_small(getattr(series, name), self._lot, is_part=is_part)
            self.counts[name] = (small + more[0], known + more[1])

    def of(self, series: AnySeries) -> Sizes:
        """Counts what a series in memory has."""
        for part in parts_of(series):
            self.see(part, is_part=False)
        return self


def _too_small(sizes: NDArray[Any], lot: float, *, is_part: bool) -> tuple[int, int]:
    """How many sizes above zero are below one lot, and how many sizes above zero there are.

    Of what is no part, the latter are counted where the former are there at all.
    """
    import numpy as np

    # One pass where all is well; a float's own noise is not less than a lot.
    small = sizes < lot * (1 - 1e-12)
    is_any = bool(small.any())
    if not is_any and not is_part:
        return 0, 0
    positive = sizes > 0
    return int(np.count_nonzero(small & positive)) if is_any else 0, int(np.count_nonzero(positive))


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
