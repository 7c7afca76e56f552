"""Nodes: what to compute, not the number; and what stands for a node where one is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tradewright.core.features.parameters import checked_symbol
from tradewright.core.times import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, eq=True, repr=False)
class Node:
    """A feature: what to compute, not the number. Two nodes that say the same are equal.

    Arithmetic (``+ - * /``, ``abs``) and comparisons (``> < >= <=``) make new nodes; conditions combine with
    ``&``, ``|`` and ``~``. ``==`` compares what two nodes say, not their values.

    Attributes:
        op: What is computed.
        inputs: Nodes that it reads.
        numbers: Real parameters.
        ints: Integer parameters; a window is ``(count, 0)`` or ``(0, span_ns)``.
        symbol: Instrument of a source.
        function: The Python function of a callable node.
        names: What the inputs of a Polars expression are called.
    """

    op: str
    inputs: tuple[Node, ...] = ()
    numbers: tuple[float, ...] = ()
    ints: tuple[int, ...] = ()
    symbol: str | None = None
    function: Callable[..., float] | None = None
    names: tuple[str, ...] = ()
    _hash: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Kept: nodes share inputs, and hashing them anew would walk every path through the graph.
        said = (self.op, self.inputs, self.numbers, self.ints, self.symbol, self.function, self.names)
        object.__setattr__(self, "_hash", hash(said))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        # Hashes of text differ between processes: a copy makes its own.
        said = (self.op, self.inputs, self.numbers, self.ints, self.symbol, self.function, self.names)
        return (type(self), said)

    def __add__(self, other: NodeLike) -> Node:
        return Node("add", (self, as_node(other)))

    def __radd__(self, other: NodeLike) -> Node:
        return Node("add", (as_node(other), self))

    def __sub__(self, other: NodeLike) -> Node:
        return Node("sub", (self, as_node(other)))

    def __rsub__(self, other: NodeLike) -> Node:
        return Node("sub", (as_node(other), self))

    def __mul__(self, other: NodeLike) -> Node:
        return Node("mul", (self, as_node(other)))

    def __rmul__(self, other: NodeLike) -> Node:
        return Node("mul", (as_node(other), self))

    def __truediv__(self, other: NodeLike) -> Node:
        return Node("div", (self, as_node(other)))

    def __rtruediv__(self, other: NodeLike) -> Node:
        return Node("div", (as_node(other), self))

    def __neg__(self) -> Node:
        return Node("neg", (self,))

    def __abs__(self) -> Node:
        return Node("abs", (self,))

    def __gt__(self, other: NodeLike) -> Condition:
        return Condition("gt", (self, as_node(other)))

    def __lt__(self, other: NodeLike) -> Condition:
        return Condition("lt", (self, as_node(other)))

    def __ge__(self, other: NodeLike) -> Condition:
        return Condition("ge", (self, as_node(other)))

    def __le__(self, other: NodeLike) -> Condition:
        return Condition("le", (self, as_node(other)))

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self} has no truth value while features are declared. Combine conditions with & | ~, "
            "and read values in decide with market[node]."
        )

    def __repr__(self) -> str:
        infix = _INFIX.get(self.op)
        if infix is not None:
            left, right = self.inputs
            return f"({left!r} {infix} {right!r})"
        if self.op == "const":
            return f"{self.numbers[0]:g}"
        arguments = [] if self.symbol is None else [repr(self.symbol)]
        if self.function is not None:
            arguments.append(getattr(self.function, "__name__", type(self.function).__name__))
        if self.names:
            arguments += [f"{name}={node!r}" for name, node in zip(self.names, self.inputs, strict=True)]
        else:
            arguments += [repr(node) for node in self.inputs]
        if self.op in _COUNTED:
            arguments += [str(one) for one in self.ints]
        elif self.op in _WINDOWED and self.ints[0] == 0:
            arguments.append(repr(duration_text(self.ints[1])))
        elif self.op == "ewma_vol" and self.ints[0]:
            arguments.append(repr(duration_text(self.ints[0])))
        elif self.ints and self.ints[0]:
            arguments.append(str(self.ints[0]))
        if self.op == "rolling_quantile" or self.numbers != (0.0,):
            arguments += [f"{number:g}" for number in self.numbers]
        return f"{'sma' if self.op == 'rolling_mean' else self.op}({', '.join(arguments)})"


@dataclass(frozen=True, slots=True, eq=True, repr=False)
class Condition(Node):
    """A node that is true or false (1 or 0 as a number), and so may wake a policy."""

    __hash__ = Node.__hash__

    def __and__(self, other: Condition) -> Condition:
        return Condition("and", (self, as_condition(other)))

    def __or__(self, other: Condition) -> Condition:
        return Condition("or", (self, as_condition(other)))

    def __invert__(self) -> Condition:
        return Condition("not", (self,))


NodeLike: TypeAlias = "Node | float | int | str"
"""A node, a number (a constant) or a symbol (its `price`)."""

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "gt": ">", "lt": "<", "ge": ">=", "le": "<=",
    "and": "&", "or": "|",
}  # fmt: skip
_COUNTED = frozenset({"vpin", "kyle_lambda", "microprice_adjustment"})  # every integer is said
_WINDOWED = frozenset({
    "rolling_sum", "rolling_mean", "rolling_var", "rolling_std", "rolling_min", "rolling_max",
    "rolling_quantile", "zscore", "ols_hedge", "correlation", "expr", "momentum",
})  # fmt: skip


def as_node(value: NodeLike) -> Node:
    """The node that a node, a number or a symbol stands for."""
    if isinstance(value, Node):
        return value
    if isinstance(value, str):
        return price(value)
    return constant(value)


def as_condition(value: Condition) -> Condition:
    """The condition itself.

    Raises:
        TypeError: a number or another node where a condition is wanted.
    """
    if not isinstance(value, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]  # users may not type
        raise TypeError(f"{value!r} is not a condition. Compare it first, as in `node > 0`.")
    return value


def price(symbol: str) -> Node:
    """The mark, whatever the data: the close of bars, the mid of quotes, the last trade where there are none.

    Source: bars, quotes and trades of the symbol; one sample a step. Ready from the first price.
    """
    return Node("price", symbol=checked_symbol(symbol))


def constant(value: float) -> Node:
    """A number.

    Raises:
        ValueError: it is NaN or infinite.
    """
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"constant {value!r} is not a finite number.")
    return Node("const", numbers=(number,))
