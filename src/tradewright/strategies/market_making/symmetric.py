"""The simplest maker: the same distance on both sides of the mid."""

from __future__ import annotations

from dataclasses import dataclass

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.market_making.placing import Positive, check_positive, place


@dataclass
class SymmetricMaker(tw.Policy):
    """Quotes ``half_spread`` on either side of the mid and ignores what it holds, up to the limit.

    It earns the spread from whoever trades for reasons of their own and loses to whoever knows more: when the
    price is about to move, only the wrong side of it fills. It is the yardstick for the others.
    """

    symbol: str
    half_spread: Positive = 0.02  # price
    size: Positive = 10.0
    position_max: Positive = 100.0
    refresh: str = "1s"  # how often quotes are reconsidered

    def __post_init__(self) -> None:
        check_positive(half_spread=self.half_spread, size=self.size, position_max=self.position_max)

    def setup(self, ctx: tw.Setup) -> None:
        """Wakes at each refresh."""
        self.mid = ctx.watch(f.mid(self.symbol))
        ctx.wake(f.every(self.refresh, symbol=self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Quotes around the mid; none while a side of the market is empty."""
        mid, held = market[self.mid], portfolio.position(self.symbol)
        prices = mid - self.half_spread, mid + self.half_spread
        return place(market, self.symbol, prices, held=held, size=self.size, most=self.position_max)
