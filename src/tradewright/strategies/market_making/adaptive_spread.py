"""A maker whose spread follows the volatility."""

from __future__ import annotations

from dataclasses import dataclass

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.market_making.placing import NonNegative, Positive, check_positive, place
from tradewright.strategies.market_making.quoting import skewed, volatility_half_spread


@dataclass
class AdaptiveSpreadMaker(tw.Policy):
    """Half a spread of ``multiple`` times the exponentially weighted volatility of one quote, within bounds.

    The volatility is that of the mid from quote to quote, in price (`f.ewma_vol` times the mid). It is known
    after the move that it measures: the first trade of a storm still meets the narrow spread.
    """

    symbol: str
    multiple: Positive = 3.0  # volatilities of one quote, on either side
    half_life: Positive = 100.0  # quotes
    half_spread_min: Positive = 0.01  # price
    half_spread_max: Positive = 0.10
    penalty: NonNegative = 0.0001  # price a unit held, as in `InventorySkewMaker`
    size: Positive = 10.0
    position_max: Positive = 100.0
    refresh: str = "1s"

    def __post_init__(self) -> None:
        check_positive(
            multiple=self.multiple,
            half_life=self.half_life,
            half_spread_min=self.half_spread_min,
            size=self.size,
            position_max=self.position_max,
        )
        if not self.half_spread_min <= self.half_spread_max:
            levels = f"half_spread_min = {self.half_spread_min:g}, half_spread_max = {self.half_spread_max:g}"
            raise ValueError(f"{levels}: give the smaller first")
        if not self.penalty >= 0:
            raise ValueError(f"penalty = {self.penalty:g} is negative: it would add to the inventory")

    def setup(self, ctx: tw.Setup) -> None:
        """Declares the volatility and wakes at each refresh."""
        mid = f.mid(self.symbol)
        self.mid = ctx.watch(mid)
        self.volatility = ctx.watch(f.ewma_vol(mid, self.half_life) * mid)
        ctx.wake(f.every(self.refresh, symbol=self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Quotes of the current width; none before the volatility is known."""
        held, volatility = portfolio.position(self.symbol), market[self.volatility]
        if not volatility >= 0:
            return tw.TargetQuotes.none(self.symbol)
        half = volatility_half_spread(
            volatility, multiple=self.multiple, least=self.half_spread_min, most=self.half_spread_max
        )
        prices = skewed(market[self.mid], held, half_spread=half, penalty=self.penalty, size=self.size)
        return place(market, self.symbol, prices, held=held, size=self.size, most=self.position_max)
