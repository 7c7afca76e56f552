"""What wakes a policy: conditions on nodes, the clock, records, and reports of its own orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from tradewright.core.features.node import Condition, as_node
from tradewright.core.features.parameters import checked_symbol
from tradewright.core.times import duration_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewright.core.features.node import NodeLike
    from tradewright.core.times import Duration


def crosses(a: NodeLike, b: NodeLike) -> Condition:
    """True in the step in which ``a - b`` goes from <= 0 to > 0, or from >= 0 to < 0.

    Between consecutive ready values: the first ready value only arms it. Touching is no crossing.

    Source: those of ``a`` and ``b``.
    """
    return Condition("crosses", (as_node(a), as_node(b)))


def crosses_above(a: NodeLike, b: NodeLike) -> Condition:
    """True in the step in which ``a - b`` goes from <= 0 to > 0; see `crosses`.

    Ready as `crosses` is. Source: those of ``a`` and ``b``.
    """
    return Condition("crosses_above", (as_node(a), as_node(b)))


def crosses_below(a: NodeLike, b: NodeLike) -> Condition:
    """True in the step in which ``a - b`` goes from >= 0 to < 0; see `crosses`.

    Ready as `crosses` is. Source: those of ``a`` and ``b``.
    """
    return Condition("crosses_below", (as_node(a), as_node(b)))


def changes(x: NodeLike) -> Condition:
    """True in the step in which ``x`` differs from its last ready value; the first only arms it.

    Source: that of ``x``.
    """
    return Condition("changes", (as_node(x),))


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
    """Wakes at every step with a record of one kind of a symbol.

    Attributes:
        symbol: The instrument.
        kind: ``quote``, ``trade`` and ``book``, as `on_quote`, `on_trade` and `on_book` make them; or ``bar``
            (of any length), for policies that declare no wake condition and so are woken at every event.
    """

    symbol: str
    kind: Literal["bar", "quote", "trade", "book"]


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
    return Every(period_ns, phase_ns, None if symbol is None else checked_symbol(symbol))


def on_bar(symbols: str | Iterable[str], timeframe: Duration | None = None) -> OnBar:
    """Wakes when the bars of all ``symbols`` for one time have come, or that time has passed for the rest."""
    names = (symbols,) if isinstance(symbols, str) else tuple(symbols)
    if not names:
        raise ValueError("on_bar needs at least one symbol.")
    timeframe_ns = None if timeframe is None else duration_ns(timeframe, name="timeframe")
    return OnBar(tuple(dict.fromkeys(checked_symbol(name) for name in names)), timeframe_ns)


def on_quote(symbol: str) -> OnSource:
    """Wakes at every step with a quote of ``symbol``.

    From a book: when the best bid or ask, or a size there, changed.
    """
    return OnSource(checked_symbol(symbol), "quote")


def on_trade(symbol: str) -> OnSource:
    """Wakes at every step with a public trade of ``symbol``."""
    return OnSource(checked_symbol(symbol), "trade")


def on_book(symbol: str) -> OnSource:
    """Wakes at every step in which the order book of ``symbol`` changed, at whatever depth."""
    return OnSource(checked_symbol(symbol), "book")


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
