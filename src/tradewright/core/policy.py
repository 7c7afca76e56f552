"""Policies: what a user writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from tradewright.core.features import Condition, Every, Node, OnBar, OnReport, OnSource, Wake
from tradewright.core.features.watched import Watched
from tradewright.errors import UnknownSymbolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewright._native import MarketSnapshot, PortfolioState
    from tradewright.core.execution import ExecutionReport
    from tradewright.core.instrument import Instrument
    from tradewright.core.intents import Intents


class Setup:
    """What a policy declares before a run: the features it reads and the conditions that wake it.

    Attributes:
        symbols: Every instrument of the data, in its order.
        watched: What was declared with `watch`.
        wakes: What was declared with `wake`.
        watches_queues: Whether `watch_queues` was called.
    """

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = dict(instruments)
        self.symbols: tuple[str, ...] = tuple(instruments)
        self.watched: list[Watched] = []
        self.wakes: list[Wake] = []
        self.watches_queues = False

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol.

        Raises:
            UnknownSymbolError: The data has no such symbol.
        """
        try:
            return self._instruments[symbol]
        except KeyError:
            raise UnknownSymbolError(symbol, list(self.symbols)) from None

    def watch(self, node: Node) -> Watched:
        """Declare a feature that ``decide`` reads as ``market[watched]``; it is also a node to build on."""
        watched = Watched(node)
        self.watched.append(watched)
        return watched

    def watch_queues(self) -> None:
        """Ask for ``queue_ahead`` in the orders that ``portfolio.open_orders`` shows; it costs a little."""
        self.watches_queues = True

    def wake(self, *conditions: Wake | tuple[Wake, ...]) -> None:
        """Ask for a ``decide`` when any of these conditions fires.

        Raises:
            TypeError: Something that is not a condition.
        """
        for given in conditions:
            several = given if isinstance(given, tuple) else (given,)
            for condition in cast("tuple[object, ...]", several):
                if not isinstance(condition, Condition | Every | OnBar | OnSource | OnReport):
                    raise TypeError(
                        "wake takes conditions such as crosses(a, b), every('1s') or on_bar(symbol), "
                        f"not {condition!r}"
                    )
                self.wakes.append(condition)


class Policy(Protocol):
    """Turns what is known now into what is wanted; the same in simulator, paper and live.

    Subclass it, usually as a dataclass whose fields are the parameters. Time comes from ``market.now_ns`` and
    randomness from a seed among the parameters, so that a replay gives equal intents.
    """

    def setup(self, ctx: Setup) -> None:
        """Declare features and wake conditions; without any, every event wakes the policy: slower."""

    def decide(self, market: MarketSnapshot, portfolio: PortfolioState) -> Intents:
        """Return the desired state: targets to hold, quotes to show or orders to send; ``None``: no change.

        ``market`` and ``portfolio`` are views, valid during the call; take ``.copy()`` to keep one.
        """
        ...

    def on_report(self, report: ExecutionReport) -> None:
        """See what a venue said of one of this policy's orders. Optional."""


def overrides(instance: object, base: type, hook: str) -> bool:
    """Whether an object has a hook of its own, by subclassing ``base`` or by merely having the method."""
    own = getattr(type(instance), hook, None)
    return own is not None and own is not getattr(base, hook, None)
