"""The value of a place in a queue: against a simulated race, a dense solution and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tradewright.strategies import QueueAwareMaker
from tradewright.strategies.market_making.queueing import (
    choose,
    fill_probability,
    in_orders,
    order_value,
)

QUEUES = st.integers(0, 40)
RATES: dict[str, Any] = {"inflow": st.floats(0.05, 1.5), "traded": st.floats(0.05, 1.0)}


def dense(ahead: int, opposite: int, inflow: float, traded: float, far: int) -> float:
    """The chain with every state in one linear system; beyond ``far`` the opposite queue does not grow."""
    number = {(a, q): i for i, (a, q) in enumerate((a, q) for a in range(ahead + 1) for q in range(1, far))}
    matrix, right = np.zeros((len(number), len(number))), np.zeros(len(number))
    for (a, q), i in number.items():
        leave = traded if a == 0 else 1.0
        matrix[i, i] = leave + inflow + 1
        if a == 0:
            right[i] += leave
        else:
            matrix[i, number[a - 1, q]] -= leave
        matrix[i, number[a, min(q + 1, far - 1)]] -= inflow
        if q > 1:
            matrix[i, number[a, q - 1]] -= 1
    return float(np.linalg.solve(matrix, right)[number[ahead, opposite]])


@settings(max_examples=30, deadline=None)
@given(ahead=st.integers(0, 6), opposite=st.integers(1, 8), **RATES)
def test_the_chance_is_that_of_the_whole_chain(
    ahead: int, opposite: int, inflow: float, traded: float
) -> None:
    expected = dense(ahead, opposite, inflow, traded, far=140)
    assert fill_probability(ahead, opposite, inflow=inflow, traded=traded) == pytest.approx(
        expected, abs=2e-6
    )


@pytest.mark.parametrize(
    ("ahead", "opposite", "inflow", "traded"), [(3, 4, 1.0, 0.5), (8, 5, 0.7, 0.2), (12, 6, 0.4, 1.0)]
)
def test_races_run_end_as_often(ahead: int, opposite: int, inflow: float, traded: float) -> None:
    rng, runs = np.random.default_rng(4), 40_000
    ours, theirs = np.full(runs, ahead), np.full(runs, opposite)
    won = np.zeros(runs, bool)
    racing = np.ones(runs, bool)
    while racing.any():
        leave = np.where(ours > 0, 1.0, traded)
        draw = rng.random(runs) * (leave + inflow + 1)
        left = racing & (draw < leave)
        won |= left & (ours == 0)
        ours -= left
        theirs += racing & (draw >= leave) & (draw < leave + inflow)
        theirs -= racing & (draw >= leave + inflow)
        racing &= ~won & (theirs > 0)
    error = math.sqrt(won.mean() * (1 - won.mean()) / runs)
    assert abs(fill_probability(ahead, opposite, inflow=inflow, traded=traded) - won.mean()) < 4 * error


@given(opposite=st.integers(1, 60), inflow=st.floats(0.05, 1.5), traded=st.floats(0.05, 1.0))
def test_at_the_front_it_is_a_first_passage(opposite: int, inflow: float, traded: float) -> None:
    """1 - g^q, g the Laplace transform of one order's first passage: Cont and de Larrard (2013), prop. 1."""
    total = inflow + 1 + traded
    one = (total - math.sqrt(total**2 - 4 * inflow)) / (2 * inflow)
    expected = 1 - one**opposite
    assert fill_probability(0, opposite, inflow=inflow, traded=traded) == pytest.approx(expected, abs=2e-6)


@given(ahead=st.integers(0, 40), opposite=st.integers(1, 40))
def test_without_arrivals_it_counts_coins(ahead: int, opposite: int) -> None:
    """Two queues that only shrink at one rate: ahead + 1 heads before ``opposite`` tails."""
    tosses = ahead + opposite
    heads = sum(math.comb(tosses, k) for k in range(ahead + 1, tosses + 1)) / 2**tosses
    assert fill_probability(ahead, opposite, inflow=1e-12, traded=1.0) == pytest.approx(heads, abs=1e-9)


@settings(deadline=None)
@example(ahead=0, opposite=37, inflow=1.498046875, traded=0.7725927547298395)  # Was above 1.
@given(ahead=QUEUES, opposite=QUEUES, **RATES)
def test_more_ahead_is_worse_and_more_opposite_better(
    ahead: int, opposite: int, inflow: float, traded: float
) -> None:
    rates = {"inflow": inflow, "traded": traded}
    here = fill_probability(ahead, opposite, **rates)
    assert 0 <= here <= 1
    assert fill_probability(ahead + 1, opposite, **rates) <= here + 1e-9
    assert fill_probability(ahead, opposite + 1, **rates) >= here - 1e-9


def test_a_price_that_has_left_fills_nobody() -> None:
    assert fill_probability(0, 0) == 0
    assert fill_probability(10**9, 3) <= fill_probability(900, 3)


def test_a_value_is_a_chance_times_what_a_fill_brings() -> None:
    assert order_value(0.4, 0.5, rebate=0.1, adverse=0.35) == pytest.approx(0.1)
    assert order_value(0.4, 0.5, rebate=-0.2, adverse=0.4) == pytest.approx(-0.04)
    assert [in_orders(size, 10.0) for size in (0, -1, 0.1, 10, 10.1)] == [0, 0, 1, 1, 2]


@given(
    standing=st.none() | st.floats(-1, 1),
    joining=st.floats(-1, 1),
    least=st.floats(0, 0.5),
)
def test_the_choice_is_the_best_of_all(standing: float | None, joining: float, least: float) -> None:
    chosen = choose(standing, joining, least=least)
    worth = {"keep": -math.inf if standing is None else standing, "join": joining, "abandon": 0.0}
    allowed = [name for name in ("keep", "join") if worth[name] >= least]
    if chosen == "abandon":
        assert not [name for name in allowed if worth[name] > 0] or not allowed
    else:
        assert chosen in allowed
        assert worth[chosen] == max(worth[name] for name in allowed)
    if chosen == "join":
        assert standing is None or standing < joining  # A place is not given up for an equal one.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_size": 0}, "order_size = 0 is not a number above zero"),
        ({"traded": 1.5}, "traded = 1.5 is not a share from 0 to 1"),
        ({"inflow": -1}, "inflow = -1 is not a number above zero"),
        ({"value_min": -0.1}, "value_min = -0.1 and penalty = 0 must not be negative"),
        ({"adverse": math.nan}, "adverse = nan and rebate = 0 must be numbers"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        QueueAwareMaker("X", **changes)
