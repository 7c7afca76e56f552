"""Sizing against published numbers and against a search of the definition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from tradewright.core import presets, sizing

if TYPE_CHECKING:
    from collections.abc import Callable


def growth(fraction: float, probability: float, cost: float) -> float:
    """Expected log growth of spending a fraction of wealth on a contract that pays 1: the definition."""
    win = 1 - fraction + fraction / cost
    lose = 1 - fraction
    return probability * math.log(win) + (1 - probability) * math.log(lose)


@pytest.mark.parametrize(
    ("probability", "price", "fee", "expected", "expected_growth"),
    [
        (0.53, 0.5, 0.0, 0.06, 0.0018011),
        (0.6, 0.5, 0.0, 0.2, 0.0201355),
        (2 / 3, 0.5, 0.0, 1 / 3, 0.056633),
        (0.65, 0.6, 0.0, 0.125, 0.0052918),
        (0.1, 0.05, 0.0, 0.0526316, 0.020654),
        (1 - 0.4, 0.5, 0.0, 0.2, 0.0201355),  # NO at 0.50 where YES has probability 0.4.
        (0.6, 0.5, 0.0175, 0.170984, None),  # Kalshi's fee on 100 at 0.50: 1.75.
    ],
)
def test_kelly_is_the_published_one(
    probability: float, price: float, fee: float, expected: float, expected_growth: float | None
) -> None:
    fraction = sizing.kelly_fraction(probability, price, fee=fee)
    assert fraction == pytest.approx(expected, abs=5e-7)
    if expected_growth is not None:
        assert growth(fraction, probability, price) == pytest.approx(expected_growth, abs=5e-7)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.95), st.floats(0, 0.04))
def test_kelly_maximises_log_growth(probability: float, price: float, fee: float) -> None:
    fraction = sizing.kelly_fraction(probability, price, fee=fee)
    best = growth(fraction, probability, price + fee)
    for other in np.linspace(0, 0.999, 200):
        assert growth(float(other), probability, price + fee) <= best + 1e-12


@pytest.mark.parametrize(
    ("probability", "price", "fee"), [(0.5, 0.5, 0), (0.4, 0.5, 0), (0.51, 0.5, 0.01), (1, 0.98, 0.03)]
)
def test_no_edge_no_bet(probability: float, price: float, fee: float) -> None:
    assert sizing.kelly_fraction(probability, price, fee=fee) == 0


def test_columns_agree_with_scalars_and_keep_their_kind() -> None:
    chances, prices = [0.6, 0.4, 1.0, 0.0, 0.99], [0.5, 0.5, 0.985, 0.2, 0.3]
    expected = [sizing.kelly_fraction(p, c, fee=0.02) for p, c in zip(chances, prices, strict=True)]
    array = sizing.kelly_fraction(np.array(chances), np.array(prices), fee=0.02)
    series = sizing.kelly_fraction(pl.Series("p", chances), pl.Series("price", prices), fee=0.02)
    assert isinstance(array, np.ndarray)
    assert array.tolist() == expected
    assert isinstance(series, pl.Series)
    assert series.to_list() == expected
    halves = sizing.fractional_kelly(pl.Series(chances), pl.Series(prices), fraction=0.5, fee=0.02)
    assert halves.to_list() == [value / 2 for value in expected]
    assert sizing.fractional_kelly(0.6, 0.5) == pytest.approx(0.05)
    assert sizing.volatility_target(np.array([0.2, 0.05]), 0.1).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("fraction", "kept"), [(1 / 2, 0.75), (1 / 4, 0.4375), (1 / 3, 0.5556), (1, 1), (2, 0), (0, 0)]
)
def test_growth_kept(fraction: float, kept: float) -> None:
    assert sizing.kelly_growth_kept(fraction) == pytest.approx(kept, abs=5e-5)


@pytest.mark.parametrize(
    ("fraction", "level", "probability"),
    [(1, 0.5, 0.5), (1, 0.8, 0.8), (0.5, 0.5, 0.125), (0.5, 0.8, 0.512), (0.25, 0.5, 0.0078125)],
)
def test_drawdown_probability(fraction: float, level: float, probability: float) -> None:
    assert sizing.kelly_drawdown_probability(fraction, level) == pytest.approx(probability, rel=1e-12)


@pytest.mark.parametrize(("fraction", "probability"), [(1, 0.6667), (0.5, 0.8889), (0.25, 0.99225)])
def test_double_before_halving(fraction: float, probability: float) -> None:
    assert sizing.kelly_goal_probability(fraction, goal=2, loss=0.5) == pytest.approx(probability, abs=5e-5)


def test_goal_probability_survives_tiny_fractions() -> None:
    assert sizing.kelly_goal_probability(1e-4, goal=2, loss=0.5) == 1.0


def test_continuous_kelly_is_thorps_and_the_optimum() -> None:
    leverage = sizing.kelly_leverage(0.11, 0.15, risk_free=0.06)
    assert leverage == pytest.approx(2.2222, abs=5e-5)

    def loss(multiple: float) -> float:
        return -(0.06 + multiple * (0.11 - 0.06) - (multiple * 0.15) ** 2 / 2)

    assert leverage == pytest.approx(float(minimize_scalar(loss).x), rel=1e-6)
    assert -loss(leverage) == pytest.approx(0.115556, abs=5e-7)
    assert -loss(1) == pytest.approx(0.09875, abs=5e-7)
    assert sizing.kelly_leverage(0.2, 0.2) == pytest.approx(5)
    assert sizing.kelly_leverage(-0.2, 0.2, fraction=0.5) == pytest.approx(-2.5)


def test_volatility_target_scales_and_caps() -> None:
    assert sizing.volatility_target(0.2, 0.1) == 0.5
    assert sizing.volatility_target(0.05, 0.1) == 1.0
    assert sizing.volatility_target(0.05, 0.1, leverage_max=3) == 2.0


def test_fixed_fraction_in_lots() -> None:
    assert sizing.fixed_fraction(100_000, 50, 0.1) == 200
    share = presets.equity("SPY")
    assert sizing.fixed_fraction(100_000, 412.37, 0.5, share) == 121
    assert sizing.fixed_fraction(100_000, 412.37, -0.5, share) == -121
    es = presets.future("ESZ6", tick_size=0.25, multiplier=50)
    assert sizing.fixed_fraction(1_000_000, 6000, 2, es) == 6  # 300,000 a contract.
    coin = presets.crypto_inverse("BTCUSD_PERP", currency="BTC", tick_size=0.1, contract_value=100)
    assert sizing.fixed_fraction(2, 50_000, 0.5, coin) == 500  # 1 BTC is 500 contracts of 100 USD.
    assert sizing.fixed_fraction(-5, 50, 0.1) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sizing.kelly_fraction(1.2, 0.5), "probability 1.2 is not in [0, 1]"),
        (lambda: sizing.kelly_fraction(math.nan, 0.5), "probability nan is not in [0, 1]"),
        (lambda: sizing.kelly_fraction(0.5, 1.0), "price 1.0 is not in (0, 1)"),
        (lambda: sizing.kelly_fraction(0.5, 0.5, fee=-0.1), "fee -0.1 is not 0 or more"),
        (
            lambda: sizing.kelly_fraction(np.array([0.5, 0.6]), np.array([0.5, 0.0])),
            "row 2: price 0.0 is not in (0, 1)",
        ),
        (
            lambda: sizing.kelly_fraction(pl.Series([0.5, None, 2.0]), pl.Series([0.5, 0.5, 0.5])),
            "row 2: probability nan is not in [0, 1]",
        ),
        (lambda: sizing.kelly_fraction(np.array([0.5]), np.array([0.5, 0.5])), "shape (1,) and price (2,)"),
        (lambda: sizing.kelly_fraction(np.ones((1, 1)), np.ones((1, 1))), "one column of numbers"),
        (lambda: sizing.fractional_kelly(0.6, 0.5, fraction=0), "fraction 0 is not in (0, 1]"),
        (lambda: sizing.fractional_kelly(0.6, 0.5, fraction=1.5), "fraction 1.5 is not in (0, 1]"),
        (lambda: sizing.kelly_leverage(0.1, 0), "volatility 0 is not above 0"),
        (lambda: sizing.kelly_leverage(math.inf, 0.1), "mean inf is not a finite number"),
        (lambda: sizing.kelly_growth_kept(-1), "fraction -1 is not 0 or more"),
        (lambda: sizing.kelly_drawdown_probability(2, 0.5), "fraction 2 is not in (0, 2)"),
        (lambda: sizing.kelly_goal_probability(0.5, 1, 0.5), "goal 1 is not above 1"),
        (lambda: sizing.volatility_target(math.nan, 0.1), "volatility nan is not above 0"),
        (lambda: sizing.volatility_target(0.0, 0.1), "volatility 0.0 is not above 0"),
        (lambda: sizing.volatility_target(0.2, -0.1), "target -0.1 is not above 0"),
        (
            lambda: sizing.volatility_target(np.array([0.1, math.inf]), 0.1),
            "row 2: volatility inf is not above 0",
        ),
        (lambda: sizing.fixed_fraction(math.nan, 1, 0.1), "equity nan is not a finite number"),
        (lambda: sizing.fixed_fraction(1, 0, 0.1), "price 0 is not above 0"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)
