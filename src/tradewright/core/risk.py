"""Risk: one gate, no door beside it. Native limits run first; managers follow and can only tighten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from tradewright._native import MarketSnapshot, PortfolioState
    from tradewright.core.order import Order


class Allow(msgspec.Struct, frozen=True):
    """Let the order pass."""


class Shrink(msgspec.Struct, frozen=True):
    """Let a smaller size pass; it must be positive and smaller than the order's."""

    size: float


class Refused(msgspec.Struct, frozen=True):
    """Refuse the order. The reason becomes ``custom`` with the manager's name and this text."""

    text: str


class Halt(msgspec.Struct, frozen=True):
    """Stop trading: latches in the gate, cancels everything; only an operator re-arms it."""

    text: str


Verdict = Allow | Shrink | Refused


class RiskManager(Protocol):
    """May refuse, shrink or halt; nothing reaches an engine without its approval.

    Subclasses define either method or both; what is left out allows.
    """

    def review(self, order: Order, market: MarketSnapshot, portfolio: PortfolioState) -> Verdict:
        """Judge one order, after every native limit. ``portfolio`` is the whole account."""
        return Allow()

    def on_mark(self, market: MarketSnapshot, portfolio: PortfolioState) -> Halt | None:
        """Look at the marks: with the first step of each second of market time, and after every fill."""
        return None
