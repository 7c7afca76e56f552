"""A maker that leans against its inventory."""

from __future__ import annotations

from dataclasses import dataclass

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.market_making.placing import NonNegative, Positive, check_positive, place
from tradewright.strategies.market_making.quoting import skewed


@dataclass
class InventorySkewMaker(tw.Policy):
    """Quotes at the prices that pay for the inventory they add, by a quadratic penalty; see `quoting.skewed`.

    With ``penalty = 0.0001`` and 100 held the centre stands 0.02 below the mid. The skew sells inventory
    sooner and at a worse price: it buys less risk with less profit.
    """

    symbol: str
    half_spread: Positive = 0.02  # price
    penalty: NonNegative = 0.0001  # price a unit held, of the quadratic penalty
    size: Positive = 10.0
    position_max: Positive = 100.0
    refresh: str = "1s"

    def __post_init__(self) -> None:
        check_positive(half_spread=self.half_spread, size=self.size, position_max=self.position_max)
        if not self.penalty >= 0:
            raise ValueError(f"penalty = {self.penalty:g} is negative: it would add to the inventory")

    def setup(self, ctx: tw.Setup) -> None:
        """Wakes at each refresh."""
        self.mid = ctx.watch(f.mid(self.symbol))
        ctx.wake(f.every(self.refresh, symbol=self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Quotes around the mid, moved against the inventory."""
        held = portfolio.position(self.symbol)
        prices = skewed(
            market[self.mid], held, half_spread=self.half_spread, penalty=self.penalty, size=self.size
        )
        return place(market, self.symbol, prices, held=held, size=self.size, most=self.position_max)
