"""Statistics of a window: a count of samples, or a length of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.core.features.node import Node, as_node, constant
from tradewright.core.features.parameters import window_ints

if TYPE_CHECKING:
    from tradewright.core.features.node import NodeLike
    from tradewright.core.features.parameters import Window


def sma(x: NodeLike, window: Window) -> Node:
    """Simple moving average of the window. Ready from the n-th sample.

    Over prices: the exact sum of integer price units, divided once and rounded to the nearest float.

    Source: that of ``x``.
    """
    return Node("rolling_mean", (as_node(x),), ints=window_ints(window))


def rolling_mean(x: NodeLike, window: Window) -> Node:
    """Mean of the window; another name of `sma`. Ready from the n-th sample.

    Source: that of ``x``.
    """
    return sma(x, window)


def rolling_sum(x: NodeLike, window: Window) -> Node:
    """Sum of the window. Ready from the n-th sample.

    Over prices exact. Over other values the running sum is made anew from the window every n samples, so that
    its rounding error is that of at most 2 n additions.

    Source: that of ``x``.
    """
    return Node("rolling_sum", (as_node(x),), ints=window_ints(window))


def rolling_var(x: NodeLike, window: Window) -> Node:
    """Sample variance (``ddof=1``) of the window. Ready from the n-th sample, n at least 2.

    Over prices from exact sums of squares; otherwise from sums about the window's mean, made anew every n
    samples.

    Source: that of ``x``.
    """
    return Node("rolling_var", (as_node(x),), ints=window_ints(window, least=2))


def rolling_std(x: NodeLike, window: Window) -> Node:
    """Sample standard deviation (``ddof=1``) of the window; the root of `rolling_var`, ready with it.

    Source: that of ``x``.
    """
    return Node("rolling_std", (as_node(x),), ints=window_ints(window, least=2))


def zscore(x: NodeLike, window: Window) -> Node:
    """``(x - mean) / std`` over the window, ``x`` included, ``ddof=1``; NaN where the window is flat.

    Ready from the n-th sample, n at least 2.

    Source: that of ``x``.
    """
    return Node("zscore", (as_node(x),), ints=window_ints(window, least=2))


def rolling_min(x: NodeLike, window: Window) -> Node:
    """Smallest value of the window. Ready from the n-th sample. Source: Lemire (2006), monotonic queue."""
    return Node("rolling_min", (as_node(x),), ints=window_ints(window))


def rolling_max(x: NodeLike, window: Window) -> Node:
    """Largest value of the window. Ready from the n-th sample. Source: Lemire (2006), monotonic queue."""
    return Node("rolling_max", (as_node(x),), ints=window_ints(window))


def rolling_quantile(x: NodeLike, window: Window, q: float) -> Node:
    """The ``q`` quantile of the window, linear between order statistics. Ready from the n-th sample.

    Source: Hyndman & Fan (1996), type 7; what numpy and pandas give by default.

    Raises:
        ValueError: ``q`` is outside 0 to 1.
    """
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"q = {q!r} is not a quantile. Use a number from 0 to 1, such as 0.05.")
    return Node("rolling_quantile", (as_node(x),), numbers=(float(q),), ints=window_ints(window))


def correlation(a: NodeLike, b: NodeLike, window: Window) -> Node:
    """Pearson correlation over the window, in [-1, 1]; NaN where either side is flat.

    Ready from the n-th sample, n at least 2. Pairs are sampled whenever either side has a record.

    Source: those of ``a`` and ``b``.
    """
    return Node("correlation", (as_node(a), as_node(b)), ints=window_ints(window, least=2))


def ols_hedge(a: NodeLike, b: NodeLike, window: Window) -> Node:
    """Hedge ratio: the slope of the least-squares line of ``a`` on ``b`` with intercept, over the window.

    Ready from the n-th sample, n at least 2; NaN where ``b`` is flat. Over prices from exact integer sums.

    Source: those of ``a`` and ``b``.
    """
    return Node("ols_hedge", (as_node(a), as_node(b)), ints=window_ints(window, least=2))


def spread(a: NodeLike, b: NodeLike, hedge: NodeLike | None = None, *, window: Window | None = None) -> Node:
    """``a - hedge * b``.

    Ready with both. Source: those of ``a`` and ``b``.

    Args:
        a: The leg that is held.
        b: The leg that hedges it.
        hedge: Units of ``b`` for each unit of ``a``; a number or a node. 1 by default.
        window: Instead of ``hedge``: use `ols_hedge` of ``a`` on ``b`` over this window.

    Raises:
        ValueError: both ``hedge`` and ``window`` are given.
    """
    left, right = as_node(a), as_node(b)
    if window is not None:
        if hedge is not None:
            raise ValueError(
                f"spread takes hedge or window, not both; got hedge={hedge!r}, window={window!r}."
            )
        return left - ols_hedge(left, right, window) * right
    ratio = as_node(1.0 if hedge is None else hedge)
    # A hedge of one keeps the exact difference of two prices.
    return left - right if ratio == constant(1.0) else left - ratio * right
