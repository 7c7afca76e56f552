"""Rounding of recorded prices to an instrument's tick grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.core.instrument import Instrument


def round_to_grid(prices: NDArray[np.float64], instrument: Instrument) -> tuple[NDArray[np.float64], float]:
    """The nearest prices on the grid, half to even, and the largest shift; NaN stays.

    Args:
        prices: Shape ``(n,)``; in the instrument's currency.
        instrument: Gives the grid; one step for each band of prices.
    """
    import numpy as np

    from tradewright.core.exact import step_of

    rounded = np.empty_like(prices)
    below_before = -np.inf
    for band in instrument.tick_grid.steps:
        step = step_of(band.step)
        below = np.inf if band.below is None else band.below
        here = (
            slice(None)
            if len(instrument.tick_grid.steps) == 1
            else (prices >= below_before) & (prices < below)
        )
        # Both integers are exact as floats, so that the quotient is the float nearest to the decimal.
        ticks = np.rint(prices[here] * 10**step.scale / step.mantissa)
        rounded[here] = ticks * step.mantissa / 10**step.scale
        below_before = below
    rounded[np.isnan(prices)] = np.nan
    shift = np.abs(rounded - prices)
    known = shift[~np.isnan(shift)]
    return rounded, float(known.max()) if len(known) else 0.0
