"""Functions of the latest values, of values some samples ago, and of all values so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.core.features.node import Node, as_condition, as_node
from tradewright.core.features.parameters import sample_count

if TYPE_CHECKING:
    from tradewright.core.features.node import Condition, NodeLike


def lag(x: NodeLike, n: int = 1) -> Node:
    """The value ``n`` samples ago. Ready from sample ``n + 1``.

    Source: that of ``x``.
    """
    return Node("lag", (as_node(x),), ints=(sample_count(n),))


def diff(x: NodeLike, n: int = 1) -> Node:
    """``x`` minus its value ``n`` samples ago; exact for prices. Ready from sample ``n + 1``.

    Source: that of ``x``.
    """
    return Node("diff", (as_node(x),), ints=(sample_count(n),))


def returns(x: NodeLike, n: int = 1) -> Node:
    """``x / lag(x, n) - 1``. Ready from sample ``n + 1``; NaN where the earlier value is zero.

    Source: that of ``x``.
    """
    return Node("returns", (as_node(x),), ints=(sample_count(n),))


def log_returns(x: NodeLike, n: int = 1) -> Node:
    """``log(x / lag(x, n))``. Ready from sample ``n + 1``; NaN where the ratio is not positive.

    Source: that of ``x``.
    """
    return Node("log_returns", (as_node(x),), ints=(sample_count(n),))


def cumulative(x: NodeLike) -> Node:
    """The sum of all samples so far. Ready from the first.

    ``cumulative(signed_size(s))`` is all that aggressors bought less all that they sold. The rounding
    errors of the additions are added back: the sum is as good as one float holds, however long the run.

    Source: Neumaier (1974), "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen".
    """
    return Node("cumulative", (as_node(x),))


def log(x: NodeLike) -> Node:
    """Natural logarithm; NaN where ``x`` is not positive.

    Ready with ``x``. Source: that of ``x``.
    """
    return Node("log", (as_node(x),))


def exp(x: NodeLike) -> Node:
    """Exponential function.

    Ready with ``x``. Source: that of ``x``.
    """
    return Node("exp", (as_node(x),))


def sqrt(x: NodeLike) -> Node:
    """Square root; NaN where ``x`` is negative.

    Ready with ``x``. Source: that of ``x``.
    """
    return Node("sqrt", (as_node(x),))


def absolute(x: NodeLike) -> Node:
    """Absolute value; the same as ``abs(x)``.

    Ready with ``x``. Source: that of ``x``.
    """
    return Node("abs", (as_node(x),))


def minimum(a: NodeLike, b: NodeLike) -> Node:
    """The smaller of two; NaN if either is.

    Ready with both. Source: those of ``a`` and ``b``.
    """
    return Node("min", (as_node(a), as_node(b)))


def maximum(a: NodeLike, b: NodeLike) -> Node:
    """The larger of two; NaN if either is.

    Ready with both. Source: those of ``a`` and ``b``.
    """
    return Node("max", (as_node(a), as_node(b)))


def where(condition: Condition, a: NodeLike, b: NodeLike) -> Node:
    """``a`` where the condition holds, ``b`` where it does not, NaN where the condition is NaN.

    Ready with all three. Source: theirs.
    """
    return Node("where", (as_condition(condition), as_node(a), as_node(b)))
