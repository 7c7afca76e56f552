"""Tick grids: which prices an order may have, by price band."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import msgspec

from tradewright.core.exact import Step, exact_float, exact_fraction, plain
from tradewright.errors import InstrumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_END_TICKS = 2**63 - 1
"""The upper end of a grid's last band, in ticks."""


class TickBand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One price band of a tick grid.

    Attributes:
        step: Order prices in the band are whole multiples of this.
        below: The band holds prices strictly below this; ``None`` for the last band, which has no end.
    """

    step: float
    below: float | None = None


class TickGrid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which prices an order may have. The grid of an instrument may change while it trades.

    A price on a band's boundary belongs to the band above it and is a multiple of the steps on both of its
    sides, so that rounding never lands off the grid.

    Attributes:
        steps: Bands in rising order of price.

    Raises:
        InstrumentError: no bands, steps that are not positive, bounds out of order, or a boundary off the
            steps beside it.
    """

    steps: tuple[TickBand, ...]

    @classmethod
    def constant(cls, step: float) -> TickGrid:
        """One step for all prices."""
        return cls(steps=(TickBand(step=step),))

    @classmethod
    def bands(cls, bands: Iterable[tuple[float | None, float]]) -> TickGrid:
        """A grid of ``(below, step)`` bands in rising order; the last has ``None`` (or infinity) as its end.

        >>> TickGrid.bands([(1, 0.0001), (None, 0.01)]).step_at(0.5)
        0.0001
        """
        return cls(steps=tuple(TickBand(below=below, step=step) for below, step in bands))

    @classmethod
    def linear_cent(cls) -> TickGrid:
        """Kalshi's ``linear_cent``: 0.01 everywhere."""
        return cls.constant(0.01)

    @classmethod
    def deci_cent(cls) -> TickGrid:
        """Kalshi's ``deci_cent``: 0.001 everywhere."""
        return cls.constant(0.001)

    @classmethod
    def tapered_deci_cent(cls) -> TickGrid:
        """Kalshi's ``tapered_deci_cent``: 0.001 below 0.10 and from 0.90 up, 0.01 between."""
        return cls.bands([(0.1, 0.001), (0.9, 0.01), (None, 0.001)])

    def __post_init__(self) -> None:
        steps = tuple(_clean(index, band) for index, band in enumerate(self.steps))
        msgspec.structs.force_setattr(self, "steps", steps)
        if not steps or steps[-1].below is not None:
            raise _error(
                "steps", self.steps, "its last band needs below=None, so that every price has a step."
            )
        for band, above in itertools.pairwise(steps):
            if band.below is None:
                raise _error("below", None, "only the last band may have below=None.")
            for step in (band.step, above.step):
                if exact_fraction(band.below) % exact_fraction(step):
                    raise _error(
                        "below",
                        band.below,
                        f"the boundary {plain(band.below)} is not a multiple of the step {plain(step)} "
                        f"beside it. Use a multiple of both {plain(band.step)} and {plain(above.step)}.",
                    )
            if above.below is not None and above.below <= band.below:
                raise _error(
                    "below",
                    above.below,
                    f"the bands are out of order: {plain(above.below)} follows {plain(band.below)}. "
                    "Give them in rising order of price.",
                )

    def step_at(self, price: float) -> float:
        """The step in force at a price."""
        return next(band.step for band in self.steps if band.below is None or price < band.below)

    def in_ticks(self, unit: Step) -> list[tuple[int, int]]:
        """Bands as ``(below_ticks, step_ticks)`` counts of a price unit.

        Raises:
            InstrumentError: a step or boundary that is not a whole number of units.
        """
        ticks: list[tuple[int, int]] = []
        for band in self.steps:
            step = unit.exact(band.step)
            below = NO_END_TICKS if band.below is None else unit.exact(band.below)
            if step is None or below is None:
                field, value = ("step", band.step) if step is None else ("below", band.below or 0.0)
                message = f"the {field} {plain(value)} is not a multiple of the price unit {unit.text()}."
                raise _error(field, value, f"{message} Give the instrument a finer price_unit.")
            ticks.append((below, step))
        return ticks


def grid_floor(bands: list[tuple[int, int]], price_ticks: int) -> int:
    """The nearest allowed price at or below, in ticks."""
    return price_ticks - price_ticks % _step_ticks(bands, price_ticks)


def grid_ceil(bands: list[tuple[int, int]], price_ticks: int) -> int:
    """The nearest allowed price at or above, in ticks."""
    return price_ticks + -price_ticks % _step_ticks(bands, price_ticks)


def _step_ticks(bands: list[tuple[int, int]], price_ticks: int) -> int:
    return next((step for below, step in bands if price_ticks < below), bands[-1][1])


def _clean(index: int, band: TickBand) -> TickBand:
    """The band with exact floats; infinity as its end becomes ``None``."""
    try:
        step = exact_float(band.step)
        below = None if band.below is None or band.below == math.inf else exact_float(band.below)
    except ValueError as error:
        raise _error("steps", band, f"in band {index + 1}, {error}.") from None
    if step <= 0:
        raise _error("step", step, f"in band {index + 1}, the step {plain(step)} is not positive.")
    return TickBand(step=step, below=below)


def _error(field: str, value: object, message: str) -> InstrumentError:
    return InstrumentError(message, symbol="TickGrid", field=field, value=value)
