"""How much: Kelly fractions, volatility targets and fixed fractions.

Pure functions of numbers. They take floats, and where the signature says so NumPy arrays or Polars series
too, and answer in kind. A number that cannot be evaluated (NaN, infinite, outside of its range) is refused,
never sized.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from tradewright.core.instrument import Instrument

    FloatArray = npt.NDArray[np.float64]

_Numbers = TypeVar("_Numbers", "float", "FloatArray", "pl.Series")


def kelly_fraction(probability: _Numbers, price: _Numbers, *, fee: float = 0.0) -> _Numbers:
    """Bankroll fraction that maximises expected log growth on binary contracts.

    ``(p - c) / (1 - c)`` at cost ``c = price + fee``. For NO, give ``1 - probability`` and the price of NO.
    It sizes one contract by itself: outcomes that exclude each other hedge each other, and need another
    formula.

    Args:
        probability: Scalar or shape ``(n,)``; your probability that each contract pays, in [0, 1].
        price: Of the same shape; cost per contract as a fraction of its payout, in (0, 1).
        fee: Fee per contract as a fraction of its payout, 0 or more, paid when it is bought.

    Returns:
        Of the same shape; fraction of the bankroll to spend, fees included, in [0, 1]; 0 where there is no
        edge.

    Raises:
        ValueError: a probability outside [0, 1], a price outside (0, 1), a negative fee, or different shapes;
            the message names the first such row, counted from 1.

    Source:
        Kelly (1956), "A New Interpretation of Information Rate"; Thorp (2006), "The Kelly Criterion in
        Blackjack, Sports Betting, and the Stock Market", section 2.
    """
    _check("fee", fee, lambda value: value >= 0, "0 or more")
    if isinstance(probability, int | float) and isinstance(price, int | float):
        _check("probability", probability, lambda value: 0 <= value <= 1, "in [0, 1]")
        _check("price", price, lambda value: 0 < value < 1, "in (0, 1)")
        cost = price + fee
        edge = max(0.0, (probability - cost) / (1 - cost)) if cost < 1 else 0.0
        return cast("_Numbers", edge)
    import numpy as np

    chances, prices = _rows(probability), _rows(price)
    if chances.shape != prices.shape:
        raise ValueError(
            f"probability has shape {chances.shape} and price {prices.shape}; give one price each"
        )
    _check_rows("probability", chances, (chances >= 0) & (chances <= 1), "in [0, 1]")
    _check_rows("price", prices, (prices > 0) & (prices < 1), "in (0, 1)")
    costs = prices + fee
    rest = np.where(costs < 1, 1 - costs, 1.0)
    return _like(price, np.where(costs < 1, np.maximum((chances - costs) / rest, 0.0), 0.0))


def fractional_kelly(
    probability: _Numbers, price: _Numbers, *, fraction: float = 0.25, fee: float = 0.0
) -> _Numbers:
    """A fixed share of `kelly_fraction`: less growth for much less risk.

    Half of Kelly keeps three quarters of the growth (`kelly_growth_kept`) and cuts the chance of ever losing
    half from 50 % to 12.5 % (`kelly_drawdown_probability`), if the probability is right. It never is exactly,
    and betting more than Kelly grows less and risks more: hence a quarter as the default.

    Args:
        probability: Scalar or shape ``(n,)``; your probability that each contract pays, in [0, 1].
        price: Of the same shape; cost per contract as a fraction of its payout, in (0, 1).
        fraction: Share of the full Kelly fraction, in (0, 1].
        fee: Fee per contract as a fraction of its payout, 0 or more.

    Returns:
        Of the same shape; fraction of the bankroll to spend, fees included, in [0, 1]; 0 where there is no
        edge.

    Raises:
        ValueError: as `kelly_fraction`, or a fraction outside (0, 1].

    Source:
        MacLean, Ziemba and Blazenko (1992), "Growth Versus Security in Dynamic Investment Analysis".
    """
    _check("fraction", fraction, lambda value: 0 < value <= 1, "in (0, 1]")
    return cast("_Numbers", kelly_fraction(probability, price, fee=fee) * fraction)


def kelly_leverage(mean: float, volatility: float, *, risk_free: float = 0.0, fraction: float = 1.0) -> float:
    """Exposure as a multiple of equity that maximises log growth when returns are continuous.

    ``fraction * (mean - risk_free) / volatility**2``, all of one period. An estimated mean is mostly noise:
    with an annual Sharpe of 1 measured over four years, its standard error is half of it. Use a small
    fraction.

    Args:
        mean: Expected return per period, such as 0.11 a year.
        volatility: Standard deviation of returns over the same period, above 0.
        risk_free: Return of cash over the same period.
        fraction: Share of the full Kelly leverage, in (0, 1].

    Returns:
        Exposure as a multiple of equity, uncapped; negative is short.

    Raises:
        ValueError: a number that is not finite, a volatility that is not above 0, or a fraction outside (0,
            1].

    Source:
        Thorp (2006), "The Kelly Criterion in Blackjack, Sports Betting, and the Stock Market", section 7.
    """
    _check("mean", mean, lambda _: True, "a finite number")
    _check("risk_free", risk_free, lambda _: True, "a finite number")
    _check("volatility", volatility, lambda value: value > 0, "above 0")
    _check("fraction", fraction, lambda value: 0 < value <= 1, "in (0, 1]")
    return fraction * (mean - risk_free) / volatility**2


def kelly_growth_kept(fraction: float) -> float:
    """Growth at a share of full Kelly, as a share of the growth at full Kelly: ``f * (2 - f)``.

    Args:
        fraction: Share of full Kelly, 0 or more; at 2 all growth is gone, beyond it is negative.

    Returns:
        Share of the full growth, at most 1.

    Raises:
        ValueError: a fraction that is negative or not finite.

    Source:
        Thorp (2006), cited at `kelly_leverage`; exact for continuous returns.
    """
    _check("fraction", fraction, lambda value: value >= 0, "0 or more")
    return fraction * (2 - fraction)


def kelly_drawdown_probability(fraction: float, level: float) -> float:
    """Probability that wealth ever falls to a level: ``level ** (2 / fraction - 1)``.

    Args:
        fraction: Share of full Kelly, in (0, 2).
        level: Wealth as a share of the start, in (0, 1).

    Returns:
        Probability in (0, 1), over an unlimited time and with wealth watched without a pause; watched once a
        day it is a little less.

    Raises:
        ValueError: a fraction outside (0, 2) or a level outside (0, 1).

    Source:
        Thorp (2006), cited at `kelly_leverage`; exact for continuous returns.
    """
    _check("fraction", fraction, lambda value: 0 < value < 2, "in (0, 2)")
    _check("level", level, lambda value: 0 < value < 1, "in (0, 1)")
    return level ** (2 / fraction - 1)


def kelly_goal_probability(fraction: float, goal: float, loss: float) -> float:
    """Probability of reaching ``goal`` before falling to ``loss``.

    ``(1 - loss**t) / (goal**t - loss**t)`` with ``t = 1 - 2 / fraction``.

    Args:
        fraction: Share of full Kelly, in (0, 2).
        goal: Wealth as a multiple of the start, above 1.
        loss: Wealth as a share of the start, in (0, 1).

    Returns:
        Probability in (0, 1).

    Raises:
        ValueError: a number outside its range.

    Source:
        Thorp (2006), cited at `kelly_leverage`; exact for continuous returns.
    """
    _check("fraction", fraction, lambda value: 0 < value < 2, "in (0, 2)")
    _check("goal", goal, lambda value: value > 1, "above 1")
    _check("loss", loss, lambda value: 0 < value < 1, "in (0, 1)")
    exponent = 1 - 2 / fraction
    # Both powers divided by the larger one, loss**exponent, which overflows at small fractions.
    return (loss**-exponent - 1) / ((goal / loss) ** exponent - 1)


def volatility_target(volatility: _Numbers, target: float, *, leverage_max: float = 1.0) -> _Numbers:
    """Exposure, as a multiple of equity, at the target volatility: ``target / volatility``, capped.

    Args:
        volatility: Scalar or shape ``(n,)``; forecast standard deviation of the instrument's returns, above
            0, over the period of ``target``.
        target: Wanted standard deviation of equity's returns over that period, above 0, such as 0.10 a year.
        leverage_max: Most exposure, as a multiple of equity, above 0. The default never borrows.

    Returns:
        Of the same shape; exposure in (0, ``leverage_max``], for `fixed_fraction` to turn into a size.

    Raises:
        ValueError: a volatility that is NaN (a feature that is not ready), 0 (a price that does not move) or
            below, with its row, counted from 1; or a target or cap that is not above 0.

    Source:
        Moskowitz, Ooi and Pedersen (2012), "Time Series Momentum", who scale to 40 % a year; the cap is ours.
    """
    _check("target", target, lambda value: value > 0, "above 0")
    _check("leverage_max", leverage_max, lambda value: value > 0, "above 0")
    if isinstance(volatility, int | float):
        _check("volatility", volatility, lambda value: value > 0, "above 0")
        return min(target / volatility, leverage_max)
    import numpy as np

    rows = _rows(volatility)
    _check_rows("volatility", rows, (rows > 0) & np.isfinite(rows), "above 0")
    return _like(volatility, np.minimum(target / rows, leverage_max))


def fixed_fraction(
    equity: float, price: float, fraction: float, instrument: Instrument | None = None
) -> float:
    """The size whose value at a price is a fraction of equity.

    Args:
        equity: Money, in the currency of ``price`` (of the base coin for inverse contracts).
        price: Price of one unit, above 0.
        fraction: Value as a share of equity; above 1 borrows, negative is short.
        instrument: What is traded: its multiplier and contract count, and the size is rounded towards zero to
            its lot. Without one, the size is ``equity * fraction / price``, not rounded.

    Returns:
        Signed size; 0 if equity is 0 or below, where there is nothing to risk.

    Raises:
        ValueError: a number that is not finite, or a price that is not above 0.
    """
    _check("equity", equity, lambda _: True, "a finite number")
    _check("price", price, lambda value: value > 0, "above 0")
    _check("fraction", fraction, lambda _: True, "a finite number")
    money = max(equity, 0.0) * fraction
    if instrument is None:
        return money / price
    is_inverse = instrument.contract == "inverse"
    size = money * price if is_inverse else money / price
    return instrument.round_size(size / instrument.multiplier)


def _check(name: str, value: float, is_valid: Callable[[float], bool], range_text: str) -> None:
    if not (math.isfinite(value) and is_valid(value)):
        raise ValueError(f"{name} {value} is not {range_text}")


def _check_rows(name: str, rows: FloatArray, valid: npt.NDArray[np.bool_], range_text: str) -> None:
    if not valid.all():
        row = int(valid.argmin())
        raise ValueError(f"row {row + 1}: {name} {rows[row]} is not {range_text}")


def _rows(values: Any) -> FloatArray:
    """A column as floats; nulls become NaN."""
    import numpy as np

    rows = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values, dtype=np.float64)
    if rows.ndim != 1:
        raise ValueError(f"expected one column of numbers, got shape {rows.shape}")
    return rows


def _like(example: _Numbers, rows: FloatArray) -> _Numbers:
    """The rows in the container that the user gave."""
    if hasattr(example, "to_numpy"):
        import polars as pl

        return cast("_Numbers", pl.Series(cast("pl.Series", example).name, rows))
    return cast("_Numbers", rows)
