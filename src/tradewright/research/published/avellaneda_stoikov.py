"""The simulation of Avellaneda and Stoikov (2008), with its published tables."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from tradewright.research.published.anchor import Anchor, Section
from tradewright.strategies.market_making.quoting import optimal_spread, reservation_price

SIGMA, HORIZON, STEP, KAPPA, ARRIVAL, START = 2.0, 1.0, 0.005, 1.5, 140.0, 100.0

FillProbability = Literal["linear", "exponential"]
"""``rate * dt``, as the paper writes it, or ``1 - exp(-rate * dt)``."""


class Outcome(NamedTuple):
    """Final profits and inventories of many paths.

    Attributes:
        profit: Shape ``(paths,)``; cash plus inventory at the last mid.
        inventory: Shape ``(paths,)``; units held at the end.
    """

    profit: np.ndarray
    inventory: np.ndarray


def mean_spread(gamma: float) -> float:
    """The optimal spread, averaged over the steps of the simulation."""
    steps = round(HORIZON / STEP)
    return (
        math.fsum(
            optimal_spread(gamma=gamma, sigma=SIGMA, kappa=KAPPA, time_left=HORIZON - step * STEP)
            for step in range(steps)
        )
        / steps
    )


def simulate(
    gamma: float,
    *,
    paths: int,
    seed: int,
    is_symmetric: bool = False,
    fill_probability: FillProbability = "linear",
) -> Outcome:
    """Quotes through every step of the paper's market.

    In each step an order of one unit reaches the quote at distance ``d`` with a rate of ``140 * exp(-1.5 *
    d)``, on each side independently; then the mid moves by ``2 * sqrt(dt)`` up or down.

    Args:
        gamma: Risk aversion.
        paths: How many.
        seed: Of the randomness.
        is_symmetric: Quote `mean_spread` around the mid instead of around the reservation price.
        fill_probability: How the rate becomes a chance in one step. The step is so coarse that it matters.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    mid = np.full(paths, START)
    cash, held = np.zeros(paths), np.zeros(paths)
    average = mean_spread(gamma)
    for step in range(round(HORIZON / STEP)):
        time_left = HORIZON - step * STEP
        if is_symmetric:
            centre, half = mid, average / 2
        else:
            centre = reservation_price(mid, held, gamma=gamma, sigma=SIGMA, time_left=time_left)
            half = optimal_spread(gamma=gamma, sigma=SIGMA, kappa=KAPPA, time_left=time_left) / 2
        ask, bid = centre + half, centre - half
        sold = rng.random(paths) < fill_chance(ask - mid, fill_probability)
        bought = rng.random(paths) < fill_chance(mid - bid, fill_probability)
        cash += np.where(sold, ask, 0.0) - np.where(bought, bid, 0.0)
        held += bought.astype(np.float64) - sold
        mid = mid + SIGMA * math.sqrt(STEP) * np.where(rng.random(paths) < 0.5, 1.0, -1.0)
    return Outcome(cash + held * mid, held)


def fill_chance(distance: np.ndarray, fill_probability: FillProbability) -> np.ndarray:
    """Chance that an order reaches a quote at these distances from the mid in one step."""
    expected = ARRIVAL * STEP * np.exp(-KAPPA * distance)
    return expected if fill_probability == "linear" else -np.expm1(-expected)


class _Published(NamedTuple):
    gamma: float
    is_symmetric: bool
    fill_probability: FillProbability
    printed: tuple[str, str, str]  # profit, its deviation, deviation of the inventory
    expected: tuple[float, float, float | None]  # the same, at 200,000 paths


_ROWS = (
    _Published(0.1, False, "linear", ("65.0", "6.6", "2.9"), (64.88, 6.55, 2.93)),
    _Published(0.1, True, "linear", ("68.4", "12.7", "8.4"), (68.21, 13.47, 8.40)),
    _Published(0.01, False, "linear", ("68.6", "8.7", "5.1"), (68.39, 8.95, 5.22)),
    _Published(0.01, True, "linear", ("68.8", "12.8", "8.7"), (68.66, 13.68, 8.72)),
    _Published(0.1, False, "exponential", ("", "", ""), (57.16, 6.37, None)),
    _Published(0.1, True, "exponential", ("", "", ""), (60.99, 12.93, None)),
)


def section(paths: int, seed: int) -> Section:
    """The tables, simulated over so many paths."""
    anchors = [
        Anchor(
            quantity=f"gamma {gamma}: mean spread",
            expected=expected,
            tolerance=5e-6,
            ours=mean_spread(gamma),
            printed=printed,
            digits=5,
        )
        for gamma, expected, printed in ((0.1, 1.49177, "1.49"), (0.01, 1.34901, "1.35"))
    ]
    for row in _ROWS:
        outcome = simulate(
            row.gamma,
            paths=paths,
            seed=seed,
            is_symmetric=row.is_symmetric,
            fill_probability=row.fill_probability,
        )
        rule = "rate * dt" if row.fill_probability == "linear" else "1 - exp(-rate * dt)"
        name = f"gamma {row.gamma}, {'symmetric' if row.is_symmetric else 'inventory'}, {rule}"
        anchors += _anchors(name, row, outcome)
    return Section(
        title="Avellaneda and Stoikov: trading with a reservation price",
        source=(
            "Avellaneda and Stoikov (2008), High-frequency trading in a limit order book, Quantitative "
            "Finance 8(3), 217-224, section 3.3, the tables for gamma = 0.1 and 0.01. Expected values: an "
            "independent simulation of 200,000 paths."
        ),
        note=(
            f"S = 100, T = 1, sigma = 2, dt = 0.005, k = 1.5, A = 140; {paths:,} paths. The paper averages "
            "about 1,000 paths, so that its means carry an error of up to 0.4 and its deviations one of 2 %: "
            "its symmetric deviations (12.7 and 12.8) lie 6 % below what many paths give. With "
            "`1 - exp(-rate * dt)` for the chance of a fill profits are about 12 % lower: the step is too "
            "coarse for the two to agree, so a comparison must say which it uses."
        ),
        anchors=tuple(anchors),
    )


def _anchors(name: str, row: _Published, outcome: Outcome) -> list[Anchor]:
    count = len(outcome.profit)
    deviation = float(outcome.profit.std(ddof=1))
    mean, mean_deviation, inventory_deviation = row.expected
    anchors = [
        Anchor(
            quantity=f"{name}: mean profit",
            expected=mean,
            tolerance=0.2,
            ours=float(outcome.profit.mean()),
            standard_error=deviation / math.sqrt(count),
            printed=row.printed[0],
            digits=2,
        ),
        Anchor(
            quantity=f"{name}: deviation of profit",
            expected=mean_deviation,
            tolerance=0.02 * mean_deviation,
            ours=deviation,
            standard_error=_error_of_deviation(outcome.profit),
            printed=row.printed[1],
            digits=2,
        ),
    ]
    if inventory_deviation is not None:
        anchors.append(
            Anchor(
                quantity=f"{name}: deviation of inventory",
                expected=inventory_deviation,
                tolerance=0.02 * inventory_deviation,
                ours=float(outcome.inventory.std(ddof=1)),
                standard_error=_error_of_deviation(outcome.inventory),
                printed=row.printed[2],
                digits=2,
            )
        )
    return anchors


def _error_of_deviation(sample: np.ndarray) -> float:
    """Standard error of a sample deviation, by the sample's own kurtosis."""
    centred = sample - sample.mean()
    variance = float((centred**2).mean())
    kurtosis = float((centred**4).mean()) / variance**2
    return math.sqrt(variance * (kurtosis - 1) / (4 * len(sample)))
