"""What to believe of a binary event: evidence with weights, and noisy prices with a memory.

Both are immutable values with pure methods, so that a replay gives the same numbers. Both serve as nodes of
the feature graph, as pure functions of a window of samples: `BetaBelief.node` and `LogOddsFilter.node`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tradewright.core.features import apply, lag, rolling_sum
from tradewright.core.features.parameters import sample_count

if TYPE_CHECKING:
    from tradewright.core.features import Node, NodeLike, Window


class BetaBelief(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A probability that is not known exactly, as a Beta distribution.

    ``alpha`` and ``beta`` are weights of evidence for and against, in units of one independent observation of
    the event. What is no such observation has a smaller weight, and which one is a judgement: a hundred
    trades by one person are not a hundred observations. The default knows nothing.

    Attributes:
        alpha: Weight of evidence for the event, above 0.
        beta: Weight of evidence against it, above 0.

    Raises:
        ValueError: a weight that is not a number above zero.

    Source:
        Gelman et al. (2013), "Bayesian Data Analysis", section 2.4: the conjugate update.
    """

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} = {value:g} is not a weight above zero")

    @classmethod
    def of(cls, probability: float, *, weight: float) -> BetaBelief:
        """A belief whose mean is ``probability``, as firm as ``weight`` observations.

        Raises:
            ValueError: a probability outside (0, 1), or a weight that is not above zero.
        """
        if not 0 < probability < 1:
            raise ValueError(f"probability = {probability:g} is not in (0, 1)")
        return cls(alpha=probability * weight, beta=(1 - probability) * weight)

    @property
    def mean(self) -> float:
        """Expected probability."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def variance(self) -> float:
        """Variance of the probability."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total**2 * (total + 1))

    def update(self, share: float, *, weight: float = 1.0, memory: float = 1.0) -> BetaBelief:
        """The belief after one more piece of evidence.

        Args:
            share: How much of it speaks for the event: 1 for, 0 against.
            weight: How many independent observations it is worth, 0 or more.
            memory: Share of the old weights that is kept, in (0, 1]; below 1 old evidence fades.

        Raises:
            ValueError: a number outside of its range.
        """
        if not (0 <= share <= 1 and 0 <= weight < math.inf and 0 < memory <= 1):
            given = f"share = {share:g}, weight = {weight:g}, memory = {memory:g}"
            raise ValueError(f"{given}: give a share in [0, 1], a weight from 0 and a memory in (0, 1]")
        return BetaBelief(
            alpha=memory * self.alpha + weight * share, beta=memory * self.beta + weight * (1 - share)
        )

    def given(self, supporting: float, opposing: float) -> float:
        """Expected probability after weights of evidence for and against: a function for `features.apply`."""
        return (self.alpha + supporting) / (self.alpha + self.beta + supporting + opposing)

    def node(self, supporting: NodeLike, opposing: NodeLike, *, window: Window) -> Node:
        """Expected probability after the evidence of a window, with this belief as the prior.

        Args:
            supporting: Node of weights for the event, a sample each, 0 or more.
            opposing: Node of weights against it.
            window: Samples or time that count; ready when it is full.
        """
        return apply(self.given, rolling_sum(supporting, window), rolling_sum(opposing, window))


class Estimate(NamedTuple):
    """A Gaussian estimate of log-odds.

    Attributes:
        mean: Expected log-odds.
        variance: Its variance.
    """

    mean: float
    variance: float

    @property
    def probability(self) -> float:
        """The probability at the expected log-odds."""
        return probability_of(self.mean)


class LogOddsFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Kalman filter of log-odds that follow an Ornstein-Uhlenbeck process and are seen with noise.

    ``dx = reversion * (mean - x) dt + volatility dW``, and each price shows ``x`` with a Gaussian error of
    deviation ``noise``. Prices of 0 and 1 have no log-odds and are no samples. That log-odds revert is an
    assumption about noise, not a fact about events: the price of an event that is traded well is a
    martingale, and fading its moves loses to those who caused them.

    Attributes:
        reversion: Speed of reversion a unit of time, above 0.
        mean: Log-odds to which they revert.
        volatility: Deviation of the change in a unit of time, above 0.
        noise: Deviation of the error of one price, in log-odds, above 0.

    Raises:
        ValueError: a number outside of its range.

    Source:
        Kalman (1960), "A New Approach to Linear Filtering and Prediction Problems"; Uhlenbeck and Ornstein
        (1930) for the exact transition.
    """

    reversion: float
    volatility: float
    noise: float
    mean: float = 0.0

    def __post_init__(self) -> None:
        for name in ("reversion", "volatility", "noise"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} = {value:g} is not a number above zero")
        if not math.isfinite(self.mean):
            raise ValueError(f"mean = {self.mean} is not a finite number")

    @property
    def prior(self) -> Estimate:
        """What is known before any price: the stationary distribution."""
        return Estimate(self.mean, self.volatility**2 / (2 * self.reversion))

    def predict(self, known: Estimate, elapsed: float) -> Estimate:
        """The estimate after some time without a price."""
        kept = math.exp(-self.reversion * elapsed)
        stationary = self.prior.variance
        mean = self.mean + kept * (known.mean - self.mean)
        return Estimate(mean, stationary + kept**2 * (known.variance - stationary))

    def update(self, known: Estimate, price: float, *, elapsed: float = 1.0) -> Estimate:
        """The estimate after ``elapsed`` units of time and one price.

        Raises:
            ValueError: a price outside [0, 1], or time that runs backwards.
        """
        if not 0 <= price <= 1 or not elapsed >= 0:
            raise ValueError(f"price = {price:g} after {elapsed:g}: give a price in [0, 1] and a time from 0")
        expected = self.predict(known, elapsed)
        if price in (0.0, 1.0):
            return expected
        gain = expected.variance / (expected.variance + self.noise**2)
        mean = expected.mean + gain * (log_odds_of(price) - expected.mean)
        return Estimate(mean, (1 - gain) * expected.variance)

    def filtered(self, *prices: float) -> float:
        """Probability after prices one unit of time apart, oldest first: a function for `features.apply`."""
        known = self.prior
        for at, price in enumerate(prices):
            known = self.update(known, price, elapsed=1.0 if at else 0.0)
        return known.probability

    def node(self, price: NodeLike, window: int) -> Node:
        """The filtered probability of the last ``window`` samples of a node, each a unit of time apart.

        Slow, as `features.apply`, and slower with the window: each sample filters all of the window anew,
        so its cost is proportional to ``window``. Where that is too much, keep an `Estimate` in the policy
        and `update` it: one price, one step. Ready from sample ``window``. Choose a window over which
        ``exp(-reversion * window)`` is small, and the samples before it do not matter.

        Raises:
            ValueError: a window that is no count of samples.
        """
        earlier = [lag(price, back) for back in range(sample_count(window) - 1, 0, -1)]
        return apply(self.filtered, *earlier, price)


def log_odds_of(probability: float) -> float:
    """``log(p / (1 - p))`` of a probability in (0, 1)."""
    return math.log(probability / (1 - probability))


def probability_of(log_odds: float) -> float:
    """``1 / (1 + exp(-x))``, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)
