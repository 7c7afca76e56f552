"""Features that a policy reads, and what its wake conditions are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.core.features.node import Condition, Node
from tradewright.core.features.wakes import Every, OnBar, OnReport, OnSource
from tradewright.core.times import duration_text

if TYPE_CHECKING:
    from tradewright.core.features.wakes import Wake


class Watched(Node):
    """A feature declared with ``ctx.watch``: read it as ``market[watched]``, or build further features on it.

    Attributes:
        slot: Where its value stands in the run's graph; set when the run is built.
    """

    __slots__ = ("slot",)
    slot: int

    def __init__(self, node: Node) -> None:
        super().__init__(
            node.op, node.inputs, node.numbers, node.ints, node.symbol, node.function, node.names
        )
        self.bind(-1)

    def bind(self, slot: int) -> None:
        """Notes where the value stands in a run's graph."""
        object.__setattr__(self, "slot", slot)  # Nodes are frozen; this is the handle's own.

    def _plain(self) -> Node:
        return Node(self.op, self.inputs, self.numbers, self.ints, self.symbol, self.function, self.names)

    def __eq__(self, other: object) -> bool:
        # A watched feature is the feature: watching it twice, or building on it, makes no second node.
        return self._plain() == (other._plain() if isinstance(other, Watched) else other)

    def __hash__(self) -> int:
        return hash(self._plain())


def label(wake: Wake) -> str:
    """A wake condition as the user would write it: what ``market.woken_by`` and ``tradewright why`` say."""
    match wake:
        case Condition():
            return repr(wake)
        case Every():
            return f"every({duration_text(wake.period_ns)})"
        case OnBar():
            return f"on_bar({', '.join(wake.symbols)})"
        case OnSource():
            return f"on_{wake.kind}({wake.symbol})"
        case OnReport():
            return "on_report()"
