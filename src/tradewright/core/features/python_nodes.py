"""Python as a node: functions of numbers, and Polars expressions over windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewright.core.features.node import Node, as_node
from tradewright.core.features.parameters import window_ints

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from tradewright.core.features.node import NodeLike
    from tradewright.core.features.parameters import Window


def apply(function: Callable[..., float], *inputs: NodeLike) -> Node:
    """A Python function of the inputs' latest values. Slow: one Python call a sample.

    Ready with all inputs. Source: theirs.

    Args:
        function: Takes one float for each input and returns a float. It must give equal results for equal
            arguments, or replays differ. It is called only while no input is NaN.
        inputs: At least one node.
    """
    if not inputs:
        raise ValueError("apply needs at least one input: a function of nothing never changes.")
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called. Use a function of {len(inputs)} floats.")
    return Node("apply", tuple(as_node(x) for x in inputs), function=function)


@dataclass(frozen=True, slots=True, eq=False)
class _Expression:
    """A Polars expression as a function of columns; equal by what it says."""

    expression: pl.Expr
    names: tuple[str, ...]
    text: str

    @property
    def __name__(self) -> str:
        return str(self.expression)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Expression) and (self.text, self.names) == (other.text, other.names)

    def __hash__(self) -> int:
        return hash((self.text, self.names))

    def __call__(self, *columns: NDArray[np.float64]) -> float:
        import polars as pl

        frame = pl.DataFrame(dict(zip(self.names, columns, strict=True)))
        value = frame.select(self.expression.alias("value"))["value"][-1]
        return float("nan") if value is None else float(value)


def expr(expression: pl.Expr, *, window: Window, **inputs: NodeLike) -> Node:
    """A Polars expression over the last values of nodes. Slow: one small frame a sample.

    The expression sees a frame of the window, oldest first, with one column for each input by its name; the
    last value of what it gives is the node's value (null is NaN). Ready from the n-th sample at which no
    input is NaN.

    Source: those of its inputs.

    Args:
        expression: For example ``pl.col("x").rolling_skew(50)`` or ``pl.corr("x", "y")``.
        window: How much of the past the expression sees.
        inputs: Nodes by the names that the expression uses.
    """
    if not inputs:
        raise ValueError("expr needs inputs by name, such as x=close('SPX').")
    missing = sorted(set(expression.meta.root_names()) - set(inputs))
    if missing:
        raise ValueError(
            f"the expression reads {missing[0]!r}, which is not among the inputs {sorted(inputs)}."
        )
    names = tuple(inputs)
    function = _Expression(expression, names, expression.meta.serialize(format="json"))
    return Node(
        "expr",
        tuple(as_node(x) for x in inputs.values()),
        ints=window_ints(window),
        function=function,
        names=names,
    )
