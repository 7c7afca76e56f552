"""What a place in a queue is worth: the chance of a fill before the price moves, times what a fill brings."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Choice = Literal["keep", "join", "abandon"]
"""Stay where the order stands, go to the back of the best level's queue, or show nothing."""

_ORDERS_MAX = 1_000
"""Longer queues count as this long."""


def fill_probability(ahead: int, opposite: int, *, inflow: float = 1.0, traded: float = 0.5) -> float:
    """Chance that an order at the touch fills before the other side's queue is gone and the price leaves it.

    Both queues count in orders of one size. Those before ours leave one by one, traded or cancelled, and
    nobody steps in among them; then a trade has to reach ours. Meanwhile the opposite queue gains and loses
    orders, and if it empties first the order is left behind. With the rate at which orders leave either queue
    as the unit of time, the chance ``u(a, q)`` with ``a`` before us and ``q`` opposite solves

        (1 + inflow + 1) u(a, q) = u(a - 1, q) + inflow u(a, q + 1) + u(a, q - 1),     a > 0
        (traded + inflow + 1) u(0, q) = traded + inflow u(0, q + 1) + u(0, q - 1),

    with ``u(a, 0) = 0``. Both rates do not depend on the size of the queue, as in the second source.

    Args:
        ahead: Orders that stand before ours.
        opposite: Orders in the best queue of the other side; 0 is a price that has left already.
        inflow: Orders that join the opposite queue for each that leaves it; 1 keeps it as it is.
        traded: Share of departures at the front that are trades, in (0, 1]: only a trade fills ours.

    Source:
        Cont, Stoikov and Talreja (2010), "A Stochastic Model for Order Book Dynamics", section 4.3 (an order
        executes before the mid moves); Cont and de Larrard (2013), "Price Dynamics in a Markovian Limit Order
        Market" (the race of two queues with rates that do not depend on their size).
    """
    if opposite <= 0:
        return 0.0
    ahead = min(max(ahead, 0), _ORDERS_MAX)
    opposite = min(opposite, _ORDERS_MAX)
    rows = 1 << max(3, ahead.bit_length())
    # While ours leave, a queue of steady size wanders by the root of their number: this is out of its reach.
    reach = opposite + 8 * math.isqrt(2 * rows) + 32
    columns = 1 << reach.bit_length()
    # Solved in floats, a chance of one may come out a bit above it.
    return min(float(_race(rows, columns, inflow, traded)[ahead, opposite]), 1.0)


@lru_cache(maxsize=16)
def _race(rows: int, columns: int, inflow: float, traded: float) -> npt.NDArray[np.float64]:
    """``u(a, q)`` for ``a < rows``, ``q < columns``; what arrives at the far end is turned away."""
    import numpy as np
    from scipy.linalg import solve_banded

    chances = np.zeros((rows, columns))
    before = np.full(columns - 1, traded)
    for ahead in range(rows):
        leave = traded if ahead == 0 else 1.0
        bands = np.empty((3, columns - 1))
        bands[0] = -inflow
        bands[1] = leave + inflow + 1
        bands[1, -1] -= inflow
        bands[2] = -1.0
        chances[ahead, 1:] = solve_banded((1, 1), bands, before)
        before = chances[ahead, 1:]
    return chances


def order_value(probability: float, distance: float, *, rebate: float = 0.0, adverse: float = 0.0) -> float:
    """``probability * (distance + rebate - adverse)``: what an order is worth a unit, in price.

    Args:
        probability: Chance of its fill.
        distance: From its price to the mid, in price; half the spread at the touch.
        rebate: What the venue pays for a fill, a unit; a fee is below zero.
        adverse: By how much the mid moves against a fill, on average, in price.

    Source: Moallemi and Yuan (2017), "A Model for Queue Position Valuation in a Limit Order Book": the value
    of a place is the chance of a fill times the spread earned, less what adverse selection costs.
    """
    return probability * (distance + rebate - adverse)


def choose(standing: float | None, joining: float, *, least: float = 0.0) -> Choice:
    """What to do with a side: from the value of its order as it stands, and of one that joins the touch.

    A place is given up only for a better one; of equal values the order stays. What is worth nothing, or less
    than ``least``, is not shown.

    Args:
        standing: Value of the order as it stands; ``None`` without one.
        joining: Value of an order that joins the best level now.
        least: Least value that is worth an order, in price a unit.
    """
    if standing is not None and standing > 0 and standing >= max(joining, least):
        return "keep"
    return "join" if joining > 0 and joining >= least else "abandon"


def in_orders(size: float, typical: float) -> int:
    """A queue's size as a number of orders of typical size; part of one is one."""
    return math.ceil(max(size, 0.0) / typical - 1e-9)
