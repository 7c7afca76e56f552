"""Recursive averages, which remember all of the past, and what is built on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.core.features.node import Node, as_node
from tradewright.core.features.parameters import sample_count
from tradewright.core.features.sources import close, high, low
from tradewright.core.times import duration_ns

if TYPE_CHECKING:
    from tradewright.core.features.node import NodeLike


def ema(x: NodeLike, n: int) -> Node:
    """Exponential moving average ``e += 2 / (n + 1) * (x - e)``.

    Seeded with the first sample; ready from the n-th, so that the seed's weight has faded to about 1/7.

    Source: that of ``x``.
    """
    return Node("ema", (as_node(x),), ints=(sample_count(n),))


def wilder(x: NodeLike, n: int) -> Node:
    """Wilder's average ``(previous * (n - 1) + x) / n``, seeded with the mean of the first n, ready with it.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return Node("wilder", (as_node(x),), ints=(sample_count(n),))


def rsi(x: NodeLike, n: int = 14) -> Node:
    """Relative strength index, 0 to 100: ``100 * gain / (gain + loss)`` of Wilder averages of the changes.

    Seeded with the means of the first n changes; ready from sample n + 1. NaN where nothing has ever moved.
    Source: Wilder (1978).
    """
    return Node("rsi", (as_node(x),), ints=(sample_count(n),))


def true_range(symbol: str) -> Node:
    """``max(high - low, |high - previous close|, |low - previous close|)``. Ready from the second bar.

    Source: bars.
    """
    return Node("true_range", (high(symbol), low(symbol), close(symbol)))


def atr(symbol: str, n: int = 14) -> Node:
    """Average true range: Wilder's average of `true_range`. Ready from bar n + 1. Source: Wilder (1978)."""
    return wilder(true_range(symbol), n)


def ewma_vol(x: NodeLike, half_life: float | str) -> Node:
    """Exponentially weighted volatility of ``x``: the root of the weighted mean of squared log returns.

    Not annualised: one sample's volatility. No mean is taken off; seeded with the first squared return.

    Args:
        x: A price; not its returns. Values that are not positive are no samples.
        half_life: Samples (a number) or time (``"5m"``) in which a return's weight halves. Ready after that
            many returns, or once that time has passed since the first sample.

    Raises:
        ValueError: the half-life is not positive.

    Source:
        RiskMetrics Technical Document (1996), section 5.2, with decay ``0.5 ** (1 / half_life)``.
    """
    if isinstance(half_life, str):
        return Node("ewma_vol", (as_node(x),), (0.0,), (duration_ns(half_life, name="half_life"),))
    if not 0.0 < half_life < 2**53:
        raise ValueError(f"half_life = {half_life!r} is not positive. Use samples (20) or time ('5m').")
    return Node("ewma_vol", (as_node(x),), (float(half_life),), (0,))
