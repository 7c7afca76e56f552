"""Where to quote: the formulas of the market makers, as functions of plain numbers.

Each takes floats (or NumPy arrays of one shape, where the signature says so) and gives ``(bid, ask)`` before
rounding to ticks, or the parts of it. Prices are in the instrument's currency; ``held`` is the signed
inventory, long above zero.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

_Numbers = TypeVar("_Numbers", "float", "FloatArray")


def skewed(
    mid: float, held: float, *, half_spread: float, penalty: float, size: float
) -> tuple[float, float]:
    """Quotes at which a trade pays ``half_spread`` a unit beyond the inventory penalty that it adds.

    The penalty of holding ``q`` is ``penalty * q ** 2``. Buying ``size`` more raises it by ``penalty *
    (2 * q + size)`` a unit, so the bid is lowered by as much, and the ask likewise: the centre is ``mid - 2 *
    penalty * held`` and the spread ``2 * (half_spread + penalty * size)``. No penalty quotes symmetrically.

    Source: Ho and Stoll (1981), "Optimal Dealer Pricing", for a quadratic penalty and its linear skew.
    """
    return (
        mid - half_spread - penalty * (2 * held + size),
        mid + half_spread + penalty * (size - 2 * held),
    )


def volatility_half_spread(volatility: float, *, multiple: float, least: float, most: float) -> float:
    """``multiple`` times the volatility (in price), kept between ``least`` and ``most``."""
    return min(max(multiple * volatility, least), most)


def reservation_price(
    mid: _Numbers, held: _Numbers, *, gamma: float, sigma: float, time_left: float
) -> _Numbers:
    """The price at which a maker is indifferent to its inventory: ``s - q * gamma * sigma**2 * (T - t)``.

    Args:
        mid: Scalar or array; the mid price.
        held: Of the same shape; inventory in units of the order size.
        gamma: Risk aversion, per unit of money.
        sigma: Volatility of the mid, in price per square root of the unit of time.
        time_left: Time to the horizon.

    Source: Avellaneda and Stoikov (2008), "High-frequency trading in a limit order book", section 3.2.
    """
    return mid - held * (gamma * sigma**2 * time_left)


def optimal_spread(*, gamma: float, sigma: float, kappa: float, time_left: float) -> float:
    """Ask less bid: ``gamma * sigma**2 * (T - t) + 2 / gamma * log(1 + gamma / kappa)``.

    Args:
        gamma: Risk aversion, per unit of money.
        sigma: Volatility of the mid, in price per square root of the unit of time.
        kappa: Decay of the chance of a fill with distance, ``A * exp(-kappa * distance)``, per unit of price.
        time_left: Time to the horizon.

    Source: Avellaneda and Stoikov (2008), section 3.2.
    """
    return gamma * sigma**2 * time_left + 2 / gamma * math.log1p(gamma / kappa)


def avellaneda_stoikov(
    mid: float, held: float, *, gamma: float, sigma: float, kappa: float, time_left: float
) -> tuple[float, float]:
    """Half the `optimal_spread` on either side of the `reservation_price`."""
    centre = reservation_price(mid, held, gamma=gamma, sigma=sigma, time_left=time_left)
    half = optimal_spread(gamma=gamma, sigma=sigma, kappa=kappa, time_left=time_left) / 2
    return centre - half, centre + half


def glft_distances(
    held: float, *, gamma: float, sigma: float, kappa: float, arrival: float
) -> tuple[float, float]:
    """Distances of bid and ask from the mid, far from the horizon (closed-form approximation).

    ``log(1 + gamma / kappa) / gamma + (2 * q + 1) / 2 * slope`` for the bid, with ``-q`` for the ask, where
    ``slope = sqrt(sigma**2 * gamma / (2 * kappa * A) * (1 + gamma / kappa) ** (1 + kappa / gamma))``.

    Args:
        held: Inventory in units of the order size.
        gamma: Risk aversion, per unit of money.
        sigma: Volatility of the mid, in price per square root of the unit of time.
        kappa: Decay of the chance of a fill with distance, per unit of price.
        arrival: ``A``: orders that would reach a quote at the mid, per unit of time.

    Source: Guéant, Lehalle and Fernandez-Tapia (2013), "Dealing with the inventory risk", section 4.
    """
    constant = math.log1p(gamma / kappa) / gamma
    growth = (1 + gamma / kappa) ** (1 + kappa / gamma)
    slope = math.sqrt(sigma**2 * gamma / (2 * kappa * arrival) * growth)
    return constant + (2 * held + 1) / 2 * slope, constant + (1 - 2 * held) / 2 * slope


def event_spread(
    imbalance: float,
    held: float,
    *,
    base: float,
    skew: float,
    least: float,
    most: float,
    doubled_at: float = 10.0,
) -> float:
    """``base * (1 + |imbalance| / doubled_at + |held| * skew)``, kept between ``least`` and ``most``."""
    return min(max(base * (1 + abs(imbalance) / doubled_at + abs(held) * skew), least), most)


def event_quotes(
    fair: float, held: float, *, spread: float, shade: float, limit: float, defence: float
) -> tuple[float, float]:
    """Half a spread on either side of the fair value, which is shaded against the inventory.

    Args:
        fair: Fair value, a probability.
        held: Signed inventory.
        spread: Ask less bid.
        shade: Price by which each unit held moves the centre against it.
        limit: Largest inventory.
        defence: Half spreads by which the centre moves further, beyond 80 % of the limit.

    Returns:
        Bid and ask; either may lie outside of (0, 1), where it is not to be shown.
    """
    centre = fair - shade * held
    if abs(held) > 0.8 * limit:
        centre -= math.copysign(defence * spread / 2, held)
    centre = min(max(centre, 0.0), 1.0)
    return centre - spread / 2, centre + spread / 2


def event_size(size: float, held: float, *, halved_at: float) -> float:
    """``size / (1 + |held| / halved_at)``: less, the more is held."""
    return size / (1 + abs(held) / halved_at)
