"""The Engle-Granger test of one pair, with the numbers that a pairs trade needs from it."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

WINDOW_MIN = 30  # Below this the p-values, which are asymptotic, mean nothing.


class EngleGranger(msgspec.Struct, frozen=True, kw_only=True):
    """Result of the regression ``y = intercept + hedge * x`` and of the unit-root test of its residual.

    Attributes:
        statistic: Augmented Dickey-Fuller t of the residual; minus infinity where the two are collinear.
        p_value: Of "the two are not cointegrated", in [0, 1]; 1 where the two are collinear.
        hedge: Slope: log price of ``x`` to sell for each log price of ``y`` that is bought.
        intercept: Constant of the regression, so that the residual has mean 0.
        deviation: Standard deviation of the residual (``ddof=1``), in log price.
        half_life: Bars in which half of a deviation decays; infinite where it does not decay.
        is_collinear: The regression fits (almost) perfectly: one instrument twice, which is no pair.
    """

    statistic: float
    p_value: float
    hedge: float
    intercept: float
    deviation: float
    half_life: float
    is_collinear: bool = False


def engle_granger(y: Sequence[float], x: Sequence[float], *, lags: int | None = None) -> EngleGranger:
    """Tests whether two series of log prices are cointegrated, ``y`` being the dependent one.

    The convention is that of ``statsmodels.tsa.stattools.coint``: a constant in the regression, none in
    the test of the residual, p-values by MacKinnon's response surface for two variables.

    Args:
        y: Shape ``(n,)``; log prices, oldest first.
        x: Shape ``(n,)``; log prices at the same times.
        lags: Lagged differences in the residual's test. ``None`` chooses them by the Akaike criterion
            among up to ``12 * (n / 100) ** 0.25``, several times slower than a fixed number.

    Raises:
        ValueError: lengths differ, fewer than 30 values, a value that is not finite, or a constant series.

    Source:
        Engle and Granger (1987), "Co-Integration and Error Correction"; MacKinnon (2010), "Critical
        Values for Cointegration Tests".
    """
    import numpy as np

    # statsmodels ships no types.
    from statsmodels.tools.sm_exceptions import CollinearityWarning  # pyright: ignore[reportMissingTypeStubs]
    from statsmodels.tsa.stattools import (  # pyright: ignore[reportMissingTypeStubs]
        coint,  # pyright: ignore[reportUnknownVariableType]
    )

    dependent, other = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    _check_window(dependent, other, lags)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollinearityWarning)  # Reported as `is_collinear` instead.
        statistic, p_value, _ = coint(
            dependent, other, trend="c", maxlag=lags, autolag=None if lags is not None else "aic"
        )
    covariance = np.cov(other, dependent)
    hedge = float(covariance[0, 1] / covariance[0, 0])
    intercept = float(dependent.mean() - hedge * other.mean())
    residual = dependent - intercept - hedge * other
    is_collinear = math.isinf(statistic)
    return EngleGranger(
        statistic=float(statistic),
        p_value=1.0 if is_collinear else float(p_value),
        hedge=hedge,
        intercept=intercept,
        deviation=float(residual.std(ddof=1)),
        half_life=math.inf if is_collinear else half_life(residual),
        is_collinear=is_collinear,
    )


def half_life(spread: NDArray[np.float64]) -> float:
    """Bars in which half of a deviation decays, from the spread's regression on its own past.

    The spread is read as an Ornstein-Uhlenbeck process sampled at each bar: ``s[t] = c + phi * s[t-1] +
    e``, half-life ``-ln 2 / ln phi``. Least squares biases ``phi`` downwards, so a half-life near the
    length of the window is longer than it looks.

    Args:
        spread: Shape ``(n,)``, oldest first.

    Returns:
        Bars; infinite where ``phi >= 1``, 0 where ``phi <= 0`` (it overshoots within one bar).
    """
    import numpy as np

    covariance = np.cov(spread[:-1], spread[1:])
    if covariance[0, 0] == 0:
        return math.inf
    phi = float(covariance[0, 1] / covariance[0, 0])
    if phi >= 1:
        return math.inf
    return 0.0 if phi <= 0 else -math.log(2) / math.log(phi)


def _check_window(y: NDArray[np.float64], x: NDArray[np.float64], lags: int | None) -> None:
    import numpy as np

    if y.ndim != 1 or y.shape != x.shape:
        raise ValueError(f"two series of one length are needed, not shapes {y.shape} and {x.shape}")
    if y.size < WINDOW_MIN:
        raise ValueError(f"{y.size} values are too few for the test; give at least {WINDOW_MIN}")
    if lags is not None and not 0 <= lags <= y.size // 4:
        raise ValueError(f"lags = {lags} does not fit {y.size} values; give 0 to {y.size // 4}, or None")
    for name, values in (("y", y), ("x", x)):
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(f"{name}[{row}] is {values[row]}; give finite log prices without gaps")
        if np.ptp(values) == 0:
            raise ValueError(f"{name} is constant at {values[0]}: a price that never moves cannot be tested")
