"""A maker of event contracts, which widens and shades by flow and inventory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.market_making.placing import NonNegative, Positive, check_positive, place
from tradewright.strategies.market_making.quoting import event_quotes, event_size, event_spread


@dataclass
class BinaryEventMaker(tw.Policy):
    """Quotes a binary contract around a fair value of its own.

    - The fair value starts at the mid and moves with it, but for a best price where nobody stands but us: we
      would follow ourselves. Each fill moves it ``flow_weight`` of the way to the fill's price: somebody who
      buys from us may know something.
    - The imbalance is the size bought less the size sold by takers in the last 20 public trades, or in all
      while there are fewer. Trades whose taker is unknown are left out.
    - Spread, shading, defence and size are `quoting.event_spread`, `event_quotes` and `event_size`: wider
      with imbalance and inventory, the centre against the inventory, more so beyond 80 % of the limit. What
      shrinks below a lot is a lot, or the inventory would never be worked off.
    - Prices are rounded outward to the tick; a side that would stand at 0 or 1 is not shown. Nothing is shown
      while a side of the market is empty.

    A fair value that follows five per cent of what each informed trade knows is late by the rest: against
    informed flow this maker loses like the others, only more slowly.

    ``imbalance_doubling`` is in units of size, so it belongs to the market: where a trade has 100 contracts,
    the default of 10 keeps the spread at its maximum.
    """

    symbol: str
    spread_base: Positive = 0.05
    spread_min: Positive = 0.01
    spread_max: Positive = 0.5
    skew: NonNegative = 0.001  # of the base spread, a unit held
    shade: NonNegative = 0.0005  # price a unit held
    defence: NonNegative = 1.0  # half spreads beyond 80 % of the limit
    imbalance_doubling: Positive = 10.0  # net size of the last trades that adds a base spread
    flow_weight: Annotated[float, Meta(ge=0, le=1)] = 0.05
    size: Positive = 10.0
    size_halved_at: Positive = 100.0  # units held
    inventory_limit: Positive = 200.0
    window: Annotated[int, Meta(ge=1)] = 20  # trades
    refresh: str = "1s"

    def __post_init__(self) -> None:
        check_positive(
            spread_base=self.spread_base,
            spread_min=self.spread_min,
            size=self.size,
            size_halved_at=self.size_halved_at,
            inventory_limit=self.inventory_limit,
            imbalance_doubling=self.imbalance_doubling,
            window=self.window,
        )
        if not self.spread_min <= self.spread_max <= 1:
            levels = f"spread_min = {self.spread_min:g}, spread_max = {self.spread_max:g}"
            raise ValueError(f"{levels}: give spread_min <= spread_max <= 1")
        if not (self.skew >= 0 and self.shade >= 0 and self.defence >= 0):
            parameters = f"skew = {self.skew:g}, shade = {self.shade:g}, defence = {self.defence:g}"
            raise ValueError(f"{parameters}: none of them may be negative")
        if not 0 <= self.flow_weight <= 1:
            raise ValueError(f"flow_weight = {self.flow_weight:g} is not a share from 0 to 1")

    def setup(self, ctx: tw.Setup) -> None:
        """Wakes at each refresh, after each trade and after each report.

        Raises:
            ValueError: the instrument is not a binary.
        """
        if ctx.instrument(self.symbol).contract != "binary":
            raise ValueError(f"{self.symbol} is not a binary contract; use one of the other makers")
        signed = f.signed_size(self.symbol)
        self.all_flow = ctx.watch(f.cumulative(signed))
        self.last_flow = ctx.watch(f.rolling_sum(signed, self.window))
        self.lot_size = ctx.instrument(self.symbol).lot_size
        ctx.wake(f.every(self.refresh, symbol=self.symbol), f.on_trade(self.symbol), f.on_report())
        self.fair = self.mid = math.nan
        self.held = 0.0
        self.imbalance = 0.0  # size bought less size sold in the last trades
        self.fill_prices: list[float] = []  # since the last decision

    def on_report(self, report: tw.ExecutionReport) -> None:
        """Notes what filled, for the next decision."""
        if report.kind == "filled" and report.fill is not None:
            self.fill_prices.append(report.fill.price)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Quotes for the fair value, flow and inventory as they are now."""
        self.held = portfolio.position(self.symbol)
        self._learn(market, alone=self._stands_alone(market, portfolio))
        if math.isnan(market.mid(self.symbol)):
            return tw.TargetQuotes.none(self.symbol)
        prices = event_quotes(
            self.fair,
            self.held,
            spread=self.spread,
            shade=self.shade,
            limit=self.inventory_limit,
            defence=self.defence,
        )
        size = event_size(self.size, self.held, halved_at=self.size_halved_at)
        size = max(size, min(self.size, self.lot_size))
        return place(market, self.symbol, prices, held=self.held, size=size, most=self.inventory_limit)

    @property
    def spread(self) -> float:
        """The spread wanted now."""
        return event_spread(
            self.imbalance,
            self.held,
            base=self.spread_base,
            skew=self.skew,
            least=self.spread_min,
            most=self.spread_max,
            doubled_at=self.imbalance_doubling,
        )

    def _stands_alone(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> bool:
        """Whether a best price is nobody's but ours, so that the mid says what we said ourselves."""
        shown: dict[float | None, float] = {}
        for order in portfolio.open_orders(self.symbol):
            shown[order.limit] = shown.get(order.limit, 0.0) + order.size - order.filled
        best = {
            market.bid(self.symbol): market.bid_size(self.symbol),
            market.ask(self.symbol): market.ask_size(self.symbol),
        }
        return any(shown.get(price, 0.0) >= size > 0 for price, size in best.items())

    def _learn(self, market: tw.MarketSnapshot, *, alone: bool) -> None:
        mid = market.mid(self.symbol)
        if not math.isnan(mid):
            if math.isnan(self.fair):
                self.fair = mid
            elif not alone:
                self.fair += mid - self.mid
            self.mid = mid
        for price in self.fill_prices:
            self.fair += self.flow_weight * (price - self.fair)
        self.fill_prices = []
        if not math.isnan(self.fair):
            self.fair = min(max(self.fair, 0.0), 1.0)
        # The window is NaN until it is full; until then all trades are its trades.
        flows = (market[self.last_flow], market[self.all_flow], 0.0)
        self.imbalance = next(flow for flow in flows if not math.isnan(flow))
