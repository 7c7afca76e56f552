"""Features: numbers that the kernel keeps up to date, and the conditions that wake a policy.

A feature is a node of a graph. Building one computes nothing: it says what is wanted, and equal nodes of
several policies are one node. The native core evaluates the graph incrementally, once a step for bars and
quotes and once a record for trades, and `compute` runs the very same graph over recorded data.

Rules that hold for every node:

- A node is NaN until it is ready; each function says from which sample on. No condition on a NaN fires.
- A NaN input is no sample: the node is NaN at that moment and its window stays as it was. A division by zero
  and a logarithm of zero are NaN, never infinite.
- A window is a count of samples (``20``) or a length of time (``"5m"``), which holds (t - d, t] and is ready
  once its span has passed since the first sample.
- Window sums over prices are sums of integers, divided once: equal averages are equal numbers.
- Where a node is asked for, a number stands for a constant and a symbol for `price` of that symbol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, overload

from tradewright.errors import UnknownSymbolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

__all__ = [
    "Compiled",
    "Condition",
    "Duration",
    "Every",
    "Node",
    "NodeLike",
    "NodeSpec",
    "OnBar",
    "OnReport",
    "OnSource",
    "Window",
    "absolute",
    "any_of",
    "apply",
    "ask",
    "ask_size",
    "atr",
    "bid",
    "bid_size",
    "changes",
    "close",
    "compile",
    "compute",
    "constant",
    "correlation",
    "crosses",
    "crosses_above",
    "crosses_below",
    "diff",
    "duration_ns",
    "ema",
    "every",
    "ewma_vol",
    "exp",
    "expr",
    "high",
    "lag",
    "last",
    "log",
    "log_returns",
    "low",
    "maximum",
    "mid",
    "minimum",
    "ols_hedge",
    "on_bar",
    "on_quote",
    "on_report",
    "on_trade",
    "open",
    "price",
    "quoted_spread",
    "returns",
    "rolling_max",
    "rolling_mean",
    "rolling_min",
    "rolling_quantile",
    "rolling_std",
    "rolling_sum",
    "rolling_var",
    "rsi",
    "sma",
    "spread",
    "sqrt",
    "trade_size",
    "true_range",
    "volume",
    "where",
    "wilder",
    "zscore",
]

Duration: TypeAlias = "str | int"
"""A length of time: ``"100ms"``, ``"5m"``, ``"1h30m"``, or nanoseconds."""

Window: TypeAlias = "int | str"
"""A count of samples, or a length of time as text."""

NodeSpec: TypeAlias = "tuple[str, list[int], list[float], list[int], int | None, int | None]"
"""One node for the core: operation, inputs, numbers, integers, symbol id, index of its callable."""

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|min|s|m|h|d|w)\s*")
_INT64_MAX = 2**63 - 1


def duration_ns(duration: Duration, *, name: str = "duration") -> int:
    """A length of time in nanoseconds.

    Args:
        duration: ``"100ms"``, ``"5m"``, ``"1h30m"``, ``"1.5s"``, or nanoseconds as an integer.
            Units: ns, us, ms, s, m (or min), h, d, w.
        name: What the message calls it.

    Raises:
        ValueError: it is not a positive, whole number of nanoseconds below 292 years.
    """
    from fractions import Fraction

    total_ns = Fraction(0)
    if isinstance(duration, str):
        text, place = duration.strip(), 0
        while match := _DURATION_PART.match(text, place):
            total_ns += Fraction(match[1]) * _UNITS_NS[match[2]]
            place = match.end()
        if place != len(text):
            total_ns = Fraction(0)
    elif not isinstance(duration, bool):
        total_ns = Fraction(duration)
    if total_ns <= 0 or total_ns.denominator != 1 or total_ns > _INT64_MAX:
        raise ValueError(
            f"{name} {duration!r} is not a length of time. "
            "Use a number and a unit, such as '100ms', '5m' or '1h30m' (ns, us, ms, s, m, h, d, w)."
        )
    return int(total_ns)


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
        return Node("add", (self, _node(other)))

    def __radd__(self, other: NodeLike) -> Node:
        return Node("add", (_node(other), self))

    def __sub__(self, other: NodeLike) -> Node:
        return Node("sub", (self, _node(other)))

    def __rsub__(self, other: NodeLike) -> Node:
        return Node("sub", (_node(other), self))

    def __mul__(self, other: NodeLike) -> Node:
        return Node("mul", (self, _node(other)))

    def __rmul__(self, other: NodeLike) -> Node:
        return Node("mul", (_node(other), self))

    def __truediv__(self, other: NodeLike) -> Node:
        return Node("div", (self, _node(other)))

    def __rtruediv__(self, other: NodeLike) -> Node:
        return Node("div", (_node(other), self))

    def __neg__(self) -> Node:
        return Node("neg", (self,))

    def __abs__(self) -> Node:
        return Node("abs", (self,))

    def __gt__(self, other: NodeLike) -> Condition:
        return Condition("gt", (self, _node(other)))

    def __lt__(self, other: NodeLike) -> Condition:
        return Condition("lt", (self, _node(other)))

    def __ge__(self, other: NodeLike) -> Condition:
        return Condition("ge", (self, _node(other)))

    def __le__(self, other: NodeLike) -> Condition:
        return Condition("le", (self, _node(other)))

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
        if self.op in _WINDOWED and self.ints[0] == 0:
            arguments.append(repr(_text_of_ns(self.ints[1])))
        elif self.op == "ewma_vol" and self.ints[0]:
            arguments.append(repr(_text_of_ns(self.ints[0])))
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
        return Condition("and", (self, _condition(other)))

    def __or__(self, other: Condition) -> Condition:
        return Condition("or", (self, _condition(other)))

    def __invert__(self) -> Condition:
        return Condition("not", (self,))


NodeLike: TypeAlias = "Node | float | int | str"
"""A node, a number (a constant) or a symbol (its `price`)."""

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "gt": ">", "lt": "<", "ge": ">=", "le": "<=",
    "and": "&", "or": "|",
}  # fmt: skip
_WINDOWED = frozenset({
    "rolling_sum", "rolling_mean", "rolling_var", "rolling_std", "rolling_min", "rolling_max",
    "rolling_quantile", "zscore", "ols_hedge", "correlation", "expr",
})  # fmt: skip


def _text_of_ns(span_ns: int) -> str:
    for unit in ("w", "d", "h", "m", "s", "ms", "us"):
        if span_ns % _UNITS_NS[unit] == 0:
            return f"{span_ns // _UNITS_NS[unit]}{unit}"
    return f"{span_ns}ns"


def _node(value: NodeLike) -> Node:
    if isinstance(value, Node):
        return value
    if isinstance(value, str):
        return price(value)
    return constant(value)


def _condition(value: Condition) -> Condition:
    if not isinstance(value, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]  # users may not type
        raise TypeError(f"{value!r} is not a condition. Compare it first, as in `node > 0`.")
    return value


def _symbol(symbol: str) -> str:
    if not isinstance(symbol, str) or not symbol:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"symbol {symbol!r} is not the name of an instrument. Use text such as 'SPX'.")
    return symbol


def _count(n: int, name: str = "n", least: int = 1) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < least or n > 2**30:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{name} = {n!r} is not a count of samples. Use an integer of at least {least}.")
    return n


def _window(window: Window, name: str = "window", least: int = 1) -> tuple[int, int]:
    if isinstance(window, str):
        return (0, duration_ns(window, name=name))
    return (_count(window, name, least), 0)


# --- sources ---------------------------------------------------------------------------------------------


def open(symbol: str) -> Node:  # noqa: A001 - the field's own name
    """First price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("open", symbol=_symbol(symbol))


def high(symbol: str) -> Node:
    """Highest price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("high", symbol=_symbol(symbol))


def low(symbol: str) -> Node:
    """Lowest price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("low", symbol=_symbol(symbol))


def close(symbol: str) -> Node:
    """Last price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("close", symbol=_symbol(symbol))


def volume(symbol: str) -> Node:
    """Traded size of the latest bar. Source: bars. Ready from the first bar."""
    return Node("volume", symbol=_symbol(symbol))


def bid(symbol: str) -> Node:
    """Best bid. Source: quotes. NaN while that side is empty."""
    return Node("bid", symbol=_symbol(symbol))


def ask(symbol: str) -> Node:
    """Best ask. Source: quotes. NaN while that side is empty."""
    return Node("ask", symbol=_symbol(symbol))


def mid(symbol: str) -> Node:
    """Half of best bid plus best ask. Source: quotes. NaN while a side is empty."""
    return Node("mid", symbol=_symbol(symbol))


def bid_size(symbol: str) -> Node:
    """Size at the best bid. Source: quotes. NaN while that side is empty."""
    return Node("bid_size", symbol=_symbol(symbol))


def ask_size(symbol: str) -> Node:
    """Size at the best ask. Source: quotes. NaN while that side is empty."""
    return Node("ask_size", symbol=_symbol(symbol))


def quoted_spread(symbol: str) -> Node:
    """Best ask minus best bid. Source: quotes. NaN while a side is empty."""
    return Node("quoted_spread", symbol=_symbol(symbol))


def last(symbol: str) -> Node:
    """Price of the latest public trade. Source: trades, each of them a sample."""
    return Node("last", symbol=_symbol(symbol))


def trade_size(symbol: str) -> Node:
    """Size of the latest public trade. Source: trades, each of them a sample."""
    return Node("trade_size", symbol=_symbol(symbol))


def price(symbol: str) -> Node:
    """The mark, whatever the data: the close of bars, the mid of quotes, the last trade where there are none.

    Source: bars, quotes and trades of the symbol; one sample a step. Ready from the first price.
    """
    return Node("price", symbol=_symbol(symbol))


def constant(value: float) -> Node:
    """A number.

    Raises:
        ValueError: it is NaN or infinite.
    """
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"constant {value!r} is not a finite number.")
    return Node("const", numbers=(number,))


# --- the past --------------------------------------------------------------------------------------------


def lag(x: NodeLike, n: int = 1) -> Node:
    """The value ``n`` samples ago. Ready from sample ``n + 1``."""
    return Node("lag", (_node(x),), ints=(_count(n),))


def diff(x: NodeLike, n: int = 1) -> Node:
    """``x`` minus its value ``n`` samples ago; exact for prices. Ready from sample ``n + 1``."""
    return Node("diff", (_node(x),), ints=(_count(n),))


def returns(x: NodeLike, n: int = 1) -> Node:
    """``x / lag(x, n) - 1``. Ready from sample ``n + 1``; NaN where the earlier value is zero."""
    return Node("returns", (_node(x),), ints=(_count(n),))


def log_returns(x: NodeLike, n: int = 1) -> Node:
    """``log(x / lag(x, n))``. Ready from sample ``n + 1``; NaN where the ratio is not positive."""
    return Node("log_returns", (_node(x),), ints=(_count(n),))


# --- functions of the latest values ----------------------------------------------------------------------


def log(x: NodeLike) -> Node:
    """Natural logarithm; NaN where ``x`` is not positive."""
    return Node("log", (_node(x),))


def exp(x: NodeLike) -> Node:
    """Exponential function."""
    return Node("exp", (_node(x),))


def sqrt(x: NodeLike) -> Node:
    """Square root; NaN where ``x`` is negative."""
    return Node("sqrt", (_node(x),))


def absolute(x: NodeLike) -> Node:
    """Absolute value; the same as ``abs(x)``."""
    return Node("abs", (_node(x),))


def minimum(a: NodeLike, b: NodeLike) -> Node:
    """The smaller of two; NaN if either is."""
    return Node("min", (_node(a), _node(b)))


def maximum(a: NodeLike, b: NodeLike) -> Node:
    """The larger of two; NaN if either is."""
    return Node("max", (_node(a), _node(b)))


def where(condition: Condition, a: NodeLike, b: NodeLike) -> Node:
    """``a`` where the condition holds, ``b`` where it does not, NaN where the condition is NaN."""
    return Node("where", (_condition(condition), _node(a), _node(b)))


# --- windows ---------------------------------------------------------------------------------------------


def sma(x: NodeLike, window: Window) -> Node:
    """Simple moving average of the window. Ready from the n-th sample.

    Over prices: the exact sum of integer price units, divided once and rounded to the nearest float.
    """
    return Node("rolling_mean", (_node(x),), ints=_window(window))


def rolling_mean(x: NodeLike, window: Window) -> Node:
    """Mean of the window; another name of `sma`. Ready from the n-th sample."""
    return sma(x, window)


def rolling_sum(x: NodeLike, window: Window) -> Node:
    """Sum of the window. Ready from the n-th sample.

    Over prices exact. Over other values the running sum is made anew from the window every n samples, so that
    its rounding error is that of at most 2 n additions.
    """
    return Node("rolling_sum", (_node(x),), ints=_window(window))


def rolling_var(x: NodeLike, window: Window) -> Node:
    """Sample variance (``ddof=1``) of the window. Ready from the n-th sample, n at least 2.

    Over prices from exact sums of squares; otherwise from sums about the window's mean, made anew every n
    samples.
    """
    return Node("rolling_var", (_node(x),), ints=_window(window, least=2))


def rolling_std(x: NodeLike, window: Window) -> Node:
    """Sample standard deviation (``ddof=1``) of the window; the root of `rolling_var`, ready with it."""
    return Node("rolling_std", (_node(x),), ints=_window(window, least=2))


def zscore(x: NodeLike, window: Window) -> Node:
    """``(x - mean) / std`` over the window, ``x`` included, ``ddof=1``; NaN where the window is flat.

    Ready from the n-th sample, n at least 2.
    """
    return Node("zscore", (_node(x),), ints=_window(window, least=2))


def rolling_min(x: NodeLike, window: Window) -> Node:
    """Smallest value of the window. Ready from the n-th sample. Source: Lemire (2006), monotonic queue."""
    return Node("rolling_min", (_node(x),), ints=_window(window))


def rolling_max(x: NodeLike, window: Window) -> Node:
    """Largest value of the window. Ready from the n-th sample. Source: Lemire (2006), monotonic queue."""
    return Node("rolling_max", (_node(x),), ints=_window(window))


def rolling_quantile(x: NodeLike, window: Window, q: float) -> Node:
    """The ``q`` quantile of the window, linear between order statistics. Ready from the n-th sample.

    Source: Hyndman & Fan (1996), type 7; what numpy and pandas give by default.

    Raises:
        ValueError: ``q`` is outside 0 to 1.
    """
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"q = {q!r} is not a quantile. Use a number from 0 to 1, such as 0.05.")
    return Node("rolling_quantile", (_node(x),), numbers=(float(q),), ints=_window(window))


def correlation(a: NodeLike, b: NodeLike, window: Window) -> Node:
    """Pearson correlation over the window, in [-1, 1]; NaN where either side is flat.

    Ready from the n-th sample, n at least 2. Pairs are sampled whenever either side has a record.
    """
    return Node("correlation", (_node(a), _node(b)), ints=_window(window, least=2))


def ols_hedge(a: NodeLike, b: NodeLike, window: Window) -> Node:
    """Hedge ratio: the slope of the least-squares line of ``a`` on ``b`` with intercept, over the window.

    Ready from the n-th sample, n at least 2; NaN where ``b`` is flat. Over prices from exact integer sums.
    """
    return Node("ols_hedge", (_node(a), _node(b)), ints=_window(window, least=2))


def spread(a: NodeLike, b: NodeLike, hedge: NodeLike | None = None, *, window: Window | None = None) -> Node:
    """``a - hedge * b``.

    Args:
        a: The leg that is held.
        b: The leg that hedges it.
        hedge: Units of ``b`` for each unit of ``a``; a number or a node. 1 by default.
        window: Instead of ``hedge``: use `ols_hedge` of ``a`` on ``b`` over this window.

    Raises:
        ValueError: both ``hedge`` and ``window`` are given.
    """
    left, right = _node(a), _node(b)
    if window is not None:
        if hedge is not None:
            raise ValueError(
                f"spread takes hedge or window, not both; got hedge={hedge!r}, window={window!r}."
            )
        return left - ols_hedge(left, right, window) * right
    ratio = _node(1.0 if hedge is None else hedge)
    # A hedge of one keeps the exact difference of two prices.
    return left - right if ratio == constant(1.0) else left - ratio * right


# --- recursive averages ----------------------------------------------------------------------------------


def ema(x: NodeLike, n: int) -> Node:
    """Exponential moving average ``e += 2 / (n + 1) * (x - e)``.

    Seeded with the first sample; ready from the n-th, so that the seed's weight has faded to about 1/7.
    """
    return Node("ema", (_node(x),), ints=(_count(n),))


def wilder(x: NodeLike, n: int) -> Node:
    """Wilder's average ``(previous * (n - 1) + x) / n``, seeded with the mean of the first n, ready with it.

    Source: Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    return Node("wilder", (_node(x),), ints=(_count(n),))


def rsi(x: NodeLike, n: int = 14) -> Node:
    """Relative strength index, 0 to 100: ``100 * gain / (gain + loss)`` of Wilder averages of the changes.

    Seeded with the means of the first n changes; ready from sample n + 1. NaN where nothing has ever moved.
    Source: Wilder (1978).
    """
    return Node("rsi", (_node(x),), ints=(_count(n),))


def true_range(symbol: str) -> Node:
    """``max(high - low, |high - previous close|, |low - previous close|)``. Ready from the second bar."""
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
        return Node("ewma_vol", (_node(x),), (0.0,), (duration_ns(half_life, name="half_life"),))
    if not 0.0 < half_life < 2**53:
        raise ValueError(f"half_life = {half_life!r} is not positive. Use samples (20) or time ('5m').")
    return Node("ewma_vol", (_node(x),), (float(half_life),), (0,))


# --- Python as a node ------------------------------------------------------------------------------------


@overload
def apply(function: Callable[[float], float], x: NodeLike, /) -> Node: ...
@overload
def apply(function: Callable[[float, float], float], x: NodeLike, y: NodeLike, /) -> Node: ...
@overload
def apply(function: Callable[..., float], *inputs: NodeLike) -> Node: ...
def apply(function: Callable[..., float], *inputs: NodeLike) -> Node:
    """A Python function of the inputs' latest values. Slow: one Python call a sample.

    Args:
        function: Takes one float for each input and returns a float. It must give equal results for equal
            arguments, or replays differ. It is called only while no input is NaN.
        inputs: At least one node.
    """
    if not inputs:
        raise ValueError("apply needs at least one input: a function of nothing never changes.")
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called. Use a function of {len(inputs)} floats.")
    return Node("apply", tuple(_node(x) for x in inputs), function=function)


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
        "expr", tuple(_node(x) for x in inputs.values()), ints=_window(window), function=function, names=names
    )


# --- conditions ------------------------------------------------------------------------------------------


def crosses(a: NodeLike, b: NodeLike) -> Condition:
    """True in the step in which ``a - b`` goes from <= 0 to > 0, or from >= 0 to < 0.

    Between consecutive ready values: the first ready value only arms it. Touching is no crossing.
    """
    return Condition("crosses", (_node(a), _node(b)))


def crosses_above(a: NodeLike, b: NodeLike) -> Condition:
    """True in the step in which ``a - b`` goes from <= 0 to > 0; see `crosses`."""
    return Condition("crosses_above", (_node(a), _node(b)))


def crosses_below(a: NodeLike, b: NodeLike) -> Condition:
    """True in the step in which ``a - b`` goes from >= 0 to < 0; see `crosses`."""
    return Condition("crosses_below", (_node(a), _node(b)))


def changes(x: NodeLike) -> Condition:
    """True in the step in which ``x`` differs from its last ready value; the first only arms it."""
    return Condition("changes", (_node(x),))


@dataclass(frozen=True, slots=True)
class Every:
    """Wakes at multiples of a period since the epoch, plus a phase.

    Attributes:
        period_ns: The period.
        phase_ns: The phase, at least 0 and below the period.
        symbol: Whose sessions it keeps to; ``None`` for those of any instrument of the run.
    """

    period_ns: int
    phase_ns: int = 0
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class OnBar:
    """Wakes when the bars of all symbols have come.

    Attributes:
        symbols: The instruments.
        timeframe_ns: Length of the bars; ``None`` takes what the data has.
    """

    symbols: tuple[str, ...]
    timeframe_ns: int | None = None


@dataclass(frozen=True, slots=True)
class OnSource:
    """Wakes at every quote or trade of a symbol.

    Attributes:
        symbol: The instrument.
        kind: ``quote`` or ``trade``.
    """

    symbol: str
    kind: str


@dataclass(frozen=True, slots=True)
class OnReport:
    """Wakes after an execution report of one of the policy's orders."""


Wake: TypeAlias = "Condition | Every | OnBar | OnSource | OnReport"
"""What may wake a policy."""


def every(period: Duration, phase: Duration = 0, *, symbol: str | None = None) -> Every:
    """Wakes at multiples of ``period`` since the epoch plus ``phase``, with that nominal time as now.

    It sleeps outside the sessions of ``symbol``, or of all instruments when none is named.

    Raises:
        ValueError: a bad duration, or a phase that is not shorter than the period.
    """
    period_ns = duration_ns(period, name="period")
    phase_ns = 0 if phase == 0 else duration_ns(phase, name="phase")
    if phase_ns >= period_ns:
        raise ValueError(
            f"phase {phase!r} is not shorter than the period {period!r}. Use phase modulo period."
        )
    return Every(period_ns, phase_ns, None if symbol is None else _symbol(symbol))


def on_bar(symbols: str | Iterable[str], timeframe: Duration | None = None) -> OnBar:
    """Wakes when the bars of all ``symbols`` for one time have come, or that time has passed for the rest."""
    names = (symbols,) if isinstance(symbols, str) else tuple(symbols)
    if not names:
        raise ValueError("on_bar needs at least one symbol.")
    timeframe_ns = None if timeframe is None else duration_ns(timeframe, name="timeframe")
    return OnBar(tuple(dict.fromkeys(_symbol(name) for name in names)), timeframe_ns)


def on_quote(symbol: str) -> OnSource:
    """Wakes at every step with a quote of ``symbol``."""
    return OnSource(_symbol(symbol), "quote")


def on_trade(symbol: str) -> OnSource:
    """Wakes at every step with a public trade of ``symbol``."""
    return OnSource(_symbol(symbol), "trade")


def on_report() -> OnReport:
    """Wakes after an execution report of one of the policy's orders."""
    return OnReport()


def any_of(*conditions: Wake | tuple[Wake, ...]) -> tuple[Wake, ...]:
    """Any of the conditions wakes; ``market.woken_by`` says which did."""
    flat: dict[Wake, None] = {}
    for condition in conditions:
        for one in condition if isinstance(condition, tuple) else (condition,):
            flat[one] = None
    if not flat:
        raise ValueError("any_of needs at least one condition.")
    return tuple(flat)


# --- to the core -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compiled:
    """A graph as the core takes it.

    Attributes:
        specs: Nodes, each after its inputs.
        ids: Index of each node in ``specs``.
        callables: Python functions that ``specs`` refer to: of floats for ``apply``, of arrays for ``expr``.
    """

    specs: list[NodeSpec]
    ids: Mapping[Node, int]
    callables: list[Callable[..., float]]


def compile(nodes: Iterable[Node], symbols: Mapping[str, int]) -> Compiled:  # noqa: A001 - as re.compile
    """Flattens nodes into the list that the core builds its graph from; equal nodes become one.

    Args:
        nodes: What is watched and what wakes.
        symbols: Id of each instrument of the run.

    Raises:
        UnknownSymbolError: a source of an instrument that is not in ``symbols``.
    """
    specs: list[NodeSpec] = []
    ids: dict[Node, int] = {}
    callables: list[Callable[..., float]] = []
    for root in nodes:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in ids:
                stack.pop()
                continue
            missing = [x for x in node.inputs if x not in ids]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if node.symbol is not None and node.symbol not in symbols:
                raise UnknownSymbolError(node.symbol, list(symbols))
            symbol = None if node.symbol is None else symbols[node.symbol]
            index = None
            if node.function is not None:
                index = len(callables)
                callables.append(node.function)
            ids[node] = len(specs)
            specs.append(
                (node.op, [ids[x] for x in node.inputs], list(node.numbers), list(node.ints), symbol, index)
            )
    return Compiled(specs, ids, callables)


def compute(
    nodes: Node | Sequence[Node] | Mapping[str, Node], data: object, *, symbol: str | None = None
) -> pl.DataFrame:
    """Evaluates nodes over recorded data with the kernel's own graph: research sees what trading sees.

    Args:
        nodes: A node, several, or several by the names that their columns get.
        data: A series (`Bars`, `Quotes`, `Trades`), several of them, a dataset, or a Polars frame of bars
            (open, high, low, close, volume), quotes (bid, ask, bid_size, ask_size) or trades (price, size)
            with a time column ``ts_recv``, ``ts_event`` or ``ts`` (aware, or ns since the epoch).
        symbol: The instrument of a frame without a ``symbol`` column.

    Returns:
        A frame with one row a step, which is all records with one receive time: ``ts`` (ns, UTC) and a column
        of floats for each node. What a trading session would not know yet is NaN, not null; conditions are 1
        and 0.

    Raises:
        UnknownSymbolError: a node of an instrument that the data does not have.
        DataError: NaN or infinite prices, times out of order, or a frame without the columns it needs.
        ValueError: no node at all.
    """
    from collections.abc import Mapping

    from tradewright.core.feature_frame import evaluate

    if isinstance(nodes, Mapping):
        named = dict(nodes)
    else:
        named = {repr(node): node for node in ([nodes] if isinstance(nodes, Node) else nodes)}
    if not named:
        raise ValueError("compute needs at least one node.")
    return evaluate(named, data, symbol)
