"""Execution engines: where orders go and where reports come from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from tradewright.core.order import Order, OrderId

if TYPE_CHECKING:
    from tradewright._native import Approved

ReportKind = Literal[
    "accepted",
    "rejected",
    "filled",
    "fill_reversed",
    "cancelled",
    "expired",
    "cancel_rejected",
    "amended",
    "amend_rejected",
    "unknown",
]


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution.

    Attributes:
        fill_id: The venue's id, by which repeated reports are recognised.
        price: Price.
        size: Size, positive.
        fee: Fee in the instrument's currency; negative is a rebate. A ``Decimal`` is exact.
        liquidity: ``maker`` if our order rested, ``taker`` if it took.
    """

    fill_id: int
    price: float
    size: float
    fee: float | Decimal = 0.0
    liquidity: Literal["maker", "taker"] = "taker"


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the venue says of one order.

    Attributes:
        order_id: Client order id.
        kind: What happened.
        ts_event_ns: When it happened at the venue, ns since the epoch, UTC.
        ts_recv_ns: When we learn of it.
        fill: The execution, for ``filled``; its ``fill_id`` names the one undone for ``fill_reversed``.
        reason: Why, for rejections, cancellations and expiries.
        limit: The new limit, for ``amended``.
        size: The new total size, for ``amended``.
    """

    order_id: OrderId
    kind: ReportKind
    ts_event_ns: int
    ts_recv_ns: int
    fill: Fill | None = None
    reason: str = ""
    limit: float | None = None
    size: float | None = None


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says we have: for reconciliation.

    Attributes:
        open_orders: Orders that may still trade.
        positions: Signed size by symbol.
        balances: Cash by currency.
        ts_event_ns: When the venue made the statement.
    """

    open_orders: tuple[Order, ...] = ()
    positions: Mapping[str, float] = {}
    balances: Mapping[str, float] = {}
    ts_event_ns: int = 0


class ExecutionEngine(Protocol):
    """Where orders go and where reports come from: simulator, paper engine or a live broker.

    Only the risk gate makes an `Approved`, so nothing else can be submitted.
    """

    def submit(self, order: Approved) -> None:
        """Hand over one order. Never blocks and never raises for a venue's refusal.

        The outcome arrives as an `ExecutionReport`; the order is unknown until the venue's evidence
        settles it.
        """
        ...

    def amend(self, change: Approved) -> None:
        """Hand over a change: ``change.limit`` and ``change.size`` are the new limit and total size."""
        ...

    def cancel(self, order_id: OrderId) -> None:
        """Ask for a cancellation; fills may still come first."""
        ...

    def reports(self) -> AsyncIterator[ExecutionReport]:
        """Yield every report, in order, for as long as the engine runs."""
        ...

    async def account(self) -> AccountSnapshot:
        """Ask the venue for open orders, positions and balances. A failed query raises; it is never empty."""
        ...
