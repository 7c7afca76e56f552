"""The closed form of Guéant, Lehalle and Fernandez-Tapia beside the exact solution of their equations."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import expm

from tradewright.research.published.anchor import Anchor, Section
from tradewright.strategies.market_making.quoting import glft_distances

SIGMA, ARRIVAL, KAPPA, GAMMA, LIMIT, HORIZON = 0.3, 0.9, 0.3, 0.01, 30, 600.0


def exact_bid_distance(held: int) -> float:
    """Distance of the optimal bid from the mid a long time before the horizon, by a matrix exponential.

    ``v(0) = exp(-M * T) * 1`` with ``M`` tridiagonal: ``alpha * q**2`` on the diagonal, ``-eta`` beside it,
    where ``alpha = k / 2 * gamma * sigma**2`` and ``eta = A * (1 + gamma / k) ** -(1 + k / gamma)``; then
    ``log(v[q] / v[q + 1]) / k + log(1 + gamma / k) / gamma``.

    Args:
        held: Inventory, from ``-30`` to ``29``.

    Source: Guéant, Lehalle and Fernandez-Tapia (2013), theorem 1.
    """
    inventory = np.arange(-LIMIT, LIMIT + 1)
    alpha = KAPPA / 2 * GAMMA * SIGMA**2
    eta = ARRIVAL * (1 + GAMMA / KAPPA) ** -(1 + KAPPA / GAMMA)
    matrix = np.diag(alpha * inventory**2.0)
    matrix -= eta * (np.eye(len(inventory), k=1) + np.eye(len(inventory), k=-1))
    value = np.asarray(expm(-matrix * HORIZON), dtype=np.float64) @ np.ones(len(inventory))
    at = held + LIMIT
    return math.log(float(value[at]) / float(value[at + 1])) / KAPPA + math.log1p(GAMMA / KAPPA) / GAMMA


def closed_form(held: int) -> tuple[float, float]:
    """Distances of bid and ask by the approximation."""
    return glft_distances(held, gamma=GAMMA, sigma=SIGMA, kappa=KAPPA, arrival=ARRIVAL)


_EXPECTED = (  # inventory, exact, closed form
    (-10, 2.632802, 2.634257),
    (-1, 3.244919, 3.245049),
    (0, 3.313045, 3.312915),
    (1, 3.381168, 3.380781),
    (10, 3.992933, 3.991574),
)


def section() -> Section:
    """Bid distances for several inventories, and the spread without any."""
    anchors: list[Anchor] = []
    for held, exact, closed in _EXPECTED:
        for name, expected, ours in (
            ("exact", exact, exact_bid_distance(held)),
            ("closed form", closed, closed_form(held)[0]),
        ):
            anchors.append(
                Anchor(
                    quantity=f"q = {held}: bid distance, {name}",
                    expected=expected,
                    tolerance=1e-6,
                    ours=ours,
                    digits=6,
                )
            )
    # By symmetry the ask at q is the bid at -q.
    exact_spread = 2 * exact_bid_distance(0)
    for name, expected, ours in (
        ("exact", 6.626091, exact_spread),
        ("closed form", 6.625830, sum(closed_form(0))),
    ):
        anchors.append(
            Anchor(quantity=f"q = 0: spread, {name}", expected=expected, tolerance=1e-6, ours=ours, digits=6)
        )
    return Section(
        title="Guéant, Lehalle and Fernandez-Tapia: quotes far from the horizon",
        source=(
            "Guéant, Lehalle and Fernandez-Tapia (2013), Dealing with the inventory risk, Mathematics and "
            "Financial Economics 7(4), 477-507: theorem 1 (exact) and section 4 (approximation), at the "
            "parameters of its numerical section. Expected values: an independent computation."
        ),
        note="sigma = 0.3, A = 0.9, k = 0.3, gamma = 0.01, Q = 30, T = 600.",
        anchors=tuple(anchors),
    )
