"""Beliefs about binary events, against Bayes' rule by quadrature and Gaussian conditioning in one piece."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import tradewright as tw
from tradewright import features as f
from tradewright.core.belief import BetaBelief, Estimate, LogOddsFilter, log_odds_of, probability_of

positive = st.floats(0.5, 20)


@given(alpha=positive, beta=positive, wins=st.integers(0, 8), losses=st.integers(0, 8))
def test_an_update_is_bayes_rule(alpha: float, beta: float, wins: int, losses: int) -> None:
    belief = BetaBelief(alpha=alpha, beta=beta)
    for _ in range(wins):
        belief = belief.update(1)
    for _ in range(losses):
        belief = belief.update(0)

    def density(p: float, power: int) -> float:
        return p ** (alpha - 1 + wins + power) * (1 - p) ** (beta - 1 + losses)

    total, first, second = (quad(density, 0, 1, args=(power,), limit=200)[0] for power in range(3))
    assert belief.mean == pytest.approx(first / total, rel=1e-6)
    assert belief.variance == pytest.approx(second / total - (first / total) ** 2, rel=1e-4)
    assert BetaBelief(alpha=alpha, beta=beta).given(wins, losses) == pytest.approx(belief.mean)


def test_weights_and_memory_mean_what_they_say() -> None:
    assert BetaBelief.of(0.3, weight=10) == BetaBelief(alpha=3.0, beta=7.0)
    halves = BetaBelief().update(1, weight=0.5).update(1, weight=0.5)
    assert halves == BetaBelief().update(1)
    assert BetaBelief(alpha=4, beta=6).update(0.5, weight=2, memory=0.5) == BetaBelief(alpha=3, beta=4)
    for arguments in (
        {"share": 1.5},
        {"share": 1, "weight": -1},
        {"share": 1, "memory": 0},
        {"share": math.nan},
    ):
        with pytest.raises(ValueError, match="give a share in"):
            BetaBelief().update(**arguments)
    with pytest.raises(ValueError, match="alpha = 0 is not a weight above zero"):
        BetaBelief(alpha=0)
    with pytest.raises(ValueError, match=r"probability = 1 is not in \(0, 1\)"):
        BetaBelief.of(1, weight=3)


@given(
    reversion=st.floats(0.01, 2),
    volatility=st.floats(0.05, 2),
    noise=st.floats(0.05, 2),
    mean=st.floats(-2, 2),
    prices=st.lists(st.floats(0.02, 0.98), min_size=1, max_size=8),
    gaps=st.lists(st.floats(0, 5), min_size=8, max_size=8),
)
def test_the_filter_is_gaussian_conditioning(
    reversion: float, volatility: float, noise: float, mean: float, prices: list[float], gaps: list[float]
) -> None:
    """The joint distribution of all samples at once, instead of one after another."""
    model = LogOddsFilter(reversion=reversion, volatility=volatility, noise=noise, mean=mean)
    known = model.prior
    for price, gap in zip(prices, gaps, strict=False):
        known = model.update(known, price, elapsed=gap)

    times = np.cumsum(gaps[: len(prices)])
    stationary = volatility**2 / (2 * reversion)
    covariance = stationary * np.exp(-reversion * np.abs(times[:, None] - times[None, :]))
    seen = np.array([math.log(price / (1 - price)) for price in prices]) - mean
    weights = np.linalg.solve(covariance + noise**2 * np.eye(len(prices)), covariance[:, -1])
    assert known.mean == pytest.approx(mean + float(weights @ seen), rel=1e-7, abs=1e-7)
    assert known.variance == pytest.approx(
        stationary - float(weights @ covariance[:, -1]), rel=1e-6, abs=1e-9
    )
    assert known.probability == pytest.approx(1 / (1 + math.exp(-known.mean)))


def test_it_reverts_by_the_half_life() -> None:
    model = LogOddsFilter(reversion=0.1, volatility=0.02, noise=1)
    half_life = math.log(2) / 0.1
    assert half_life == pytest.approx(6.931472, abs=1e-6)
    assert model.predict(Estimate(2.0, 0.0), half_life).mean == pytest.approx(1.0)
    assert math.sqrt(model.prior.variance) == pytest.approx(0.044721, abs=1e-6)
    # An event that is over tells nothing about noise.
    assert model.update(model.prior, 1.0) == model.predict(model.prior, 1.0)


def test_impossible_filters_are_refused() -> None:
    with pytest.raises(ValueError, match="noise = 0 is not a number above zero"):
        LogOddsFilter(reversion=1, volatility=1, noise=0)
    with pytest.raises(ValueError, match="mean = nan is not a finite number"):
        LogOddsFilter(reversion=1, volatility=1, noise=1, mean=math.nan)
    model = LogOddsFilter(reversion=1, volatility=1, noise=1)
    with pytest.raises(ValueError, match="give a price in"):
        model.update(model.prior, 1.2)
    with pytest.raises(ValueError, match="a time from 0"):
        model.update(model.prior, 0.5, elapsed=-1)


def test_both_are_nodes_of_the_graph() -> None:
    rng = np.random.default_rng(4)
    prices = np.round(np.clip(0.5 + rng.normal(0, 0.05, 60).cumsum() / 3, 0.05, 0.95), 2)
    trades = tw.Trades.from_arrays(
        "E", ts=np.arange(1, 61) * 10**9, price=prices, size=rng.integers(1, 9, 60).astype(float)
    )
    model = LogOddsFilter(reversion=0.2, volatility=0.3, noise=0.4)
    prior = BetaBelief.of(0.5, weight=20)
    rises = f.where(f.diff(f.last("E")) > 0, f.trade_size("E"), 0.0)
    falls = f.where(f.diff(f.last("E")) < 0, f.trade_size("E"), 0.0)
    table = tw.features.compute(
        {
            "filtered": model.node(f.last("E"), 20),
            "belief": prior.node(rises, falls, window=10),
        },
        trades,
    )
    filtered, believed = (table[name].fill_null(math.nan).to_numpy() for name in ("filtered", "belief"))
    assert np.isnan(filtered[:19]).all()
    for at in range(19, 60):
        assert filtered[at] == pytest.approx(model.filtered(*prices[at - 19 : at + 1]))
    changes = np.diff(prices)
    for at in range(10, 60):
        belief = prior
        for back in range(at - 9, at + 1):
            if changes[back - 1]:
                belief = belief.update(float(changes[back - 1] > 0), weight=float(trades.size[back]))
        assert believed[at] == pytest.approx(belief.mean)


@given(st.floats(-700, 700))
def test_log_odds_come_back(log_odds: float) -> None:
    probability = probability_of(log_odds)
    assert 0 <= probability <= 1
    if abs(log_odds) < 30:
        assert log_odds_of(probability) == pytest.approx(log_odds, abs=1e-3 if log_odds > 20 else 1e-6)
