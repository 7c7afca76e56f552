"""A maker that knows what its place in the queue is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.market_making.placing import NonNegative, Positive, check_positive
from tradewright.strategies.market_making.queueing import choose, fill_probability, in_orders, order_value

_DEPTH = 5
"""Levels behind the touch at which an order may still be worth its place."""


@dataclass
class QueueAwareMaker(tw.Policy):
    """Quotes at the touch; keeps, joins or abandons a place there by its expected value.

    A side's order is worth the chance that it fills before the price leaves it (`queueing.fill_probability`,
    from the size before it and the size opposite) times what a fill brings: the distance to the mid, the
    rebate, less what the price moves against a fill and less the inventory penalty. At each refresh the order
    as it stands is compared with one at the back of the best level: the better one is shown, and neither if
    both are worth less than ``value_min``. So an order near the front stays where it is when the market moves
    a tick away from it, and one behind a long queue opposite a short one is withdrawn before it is run over.

    Its place is ``queue_ahead``: exact on books of orders, the venue's queue model on books of levels. Where
    it is not known (quotes, or an order on its way) the order counts as the last at its price. On a generated
    exchange it is the queue model's estimate from the levels shown, which counts our own lots too.

    ``order_size``, ``inflow``, ``traded`` and ``adverse`` describe the market and are to be measured on it.
    """

    symbol: str
    adverse: float = 0.0  # price by which the mid moves against a fill
    rebate: float = 0.0  # price the venue pays a unit; a fee is below zero
    order_size: Positive = 10.0  # typical size of an order in the queues
    inflow: Positive = 1.0  # orders that join a queue for each that leaves it
    traded: Annotated[float, Meta(gt=0, le=1)] = 0.5  # share of what leaves the front that trades
    value_min: NonNegative = 0.0  # price a unit
    penalty: NonNegative = 0.0  # price a unit held, as in `InventorySkewMaker`
    size: Positive = 10.0
    position_max: Positive = 100.0
    refresh: str = "100ms"

    def __post_init__(self) -> None:
        check_positive(
            order_size=self.order_size,
            inflow=self.inflow,
            traded=self.traded,
            size=self.size,
            position_max=self.position_max,
        )
        if self.traded > 1:
            raise ValueError(f"traded = {self.traded:g} is not a share from 0 to 1")
        if not (self.value_min >= 0 and self.penalty >= 0):
            raise ValueError(
                f"value_min = {self.value_min:g} and penalty = {self.penalty:g} must not be negative"
            )
        if not (math.isfinite(self.adverse) and math.isfinite(self.rebate)):
            raise ValueError(f"adverse = {self.adverse:g} and rebate = {self.rebate:g} must be numbers")

    def setup(self, ctx: tw.Setup) -> None:
        """Watches the touch and the depth behind it, asks for places, and wakes at each refresh."""
        symbol = self.symbol
        self.prices = {1: ctx.watch(f.bid(symbol)), -1: ctx.watch(f.ask(symbol))}
        self.sizes = {1: ctx.watch(f.bid_size(symbol)), -1: ctx.watch(f.ask_size(symbol))}
        self.depths = {
            1: [ctx.watch(f.bid_depth(symbol, levels)) for levels in range(1, _DEPTH + 1)],
            -1: [ctx.watch(f.ask_depth(symbol, levels)) for levels in range(1, _DEPTH + 1)],
        }
        ctx.watch_queues()
        ctx.wake(f.every(self.refresh, symbol=symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """On each side the better of the order that stands and one that joins; none without a market."""
        bid, ask = market[self.prices[1]], market[self.prices[-1]]
        if not bid < ask:
            return tw.TargetQuotes.none(self.symbol)
        orders = portfolio.open_orders(self.symbol)
        held = portfolio.position(self.symbol)
        (bid, bid_size), (ask, ask_size) = (self._quote(market, orders, side, held) for side in (1, -1))
        return tw.TargetQuotes.around(
            market.instrument(self.symbol), bid=bid, bid_size=bid_size, ask=ask, ask_size=ask_size
        )

    def value(self, market: tw.MarketSnapshot, side: int, price: float, ahead: float, held: float) -> float:
        """What an order is worth a unit: at a price, behind so much size at prices as good as its own.

        Args:
            market: The market now.
            side: +1 buys, -1 sells.
            price: Its price.
            ahead: Size that trades before it at its own price.
            held: Signed inventory.
        """
        near, far = market[self.prices[side]], market[self.prices[-side]]
        behind = round(side * (near - price) / market.instrument(self.symbol).tick_size_at(near))
        if behind > _DEPTH:
            return 0.0
        if behind > 0:  # The levels before its own go first.
            better = market[self.depths[side][behind - 1]]
            ahead += market[self.sizes[side]] if math.isnan(better) else better
        chance = fill_probability(
            in_orders(ahead, self.order_size),
            in_orders(market[self.sizes[-side]], self.order_size),
            inflow=self.inflow,
            traded=self.traded,
        )
        burden = self.penalty * (2 * side * held + self.size)
        distance = side * ((near + far) / 2 - price)
        return order_value(chance, distance, rebate=self.rebate, adverse=self.adverse + burden)

    def _quote(
        self, market: tw.MarketSnapshot, orders: list[tw.Order], side: int, held: float
    ) -> tuple[float, float]:
        """Price and size to show; a size of 0 shows nothing."""
        touch, shown = market[self.prices[side]], market[self.sizes[side]]
        size = market.instrument(self.symbol).round_size(
            max(0.0, min(self.size, self.position_max - side * held))
        )
        if size <= 0:
            return touch, 0.0
        name, standing = ("buy" if side == 1 else "sell"), list[tuple[float, float]]()
        for order in orders:
            if order.side == name and order.limit is not None:
                ahead = order.queue_ahead
                if ahead is None:
                    ahead = shown if order.limit == touch else 0.0
                standing.append((self.value(market, side, order.limit, ahead, held), order.limit))
        best = max(standing, default=None)
        joining = self.value(market, side, touch, shown, held)
        choice = choose(None if best is None else best[0], joining, least=self.value_min)
        if choice == "abandon":
            return touch, 0.0
        return (best[1] if choice == "keep" and best is not None else touch), size
