"""A maker with one set of parameters for calm and another for storm."""

from __future__ import annotations

from dataclasses import dataclass, field

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.market_making.placing import NonNegative, Positive, check_positive, place
from tradewright.strategies.market_making.quoting import skewed


@dataclass
class Stance:
    """How to quote in one state of the market; a size of 0 shows nothing."""

    half_spread: Positive  # price
    size: NonNegative
    penalty: NonNegative = 0.0001  # price a unit held

    def __post_init__(self) -> None:
        check_positive(half_spread=self.half_spread)
        if not (self.size >= 0 and self.penalty >= 0):
            raise ValueError(f"size = {self.size:g} and penalty = {self.penalty:g} must not be negative")


@dataclass
class RegimeMaker(tw.Policy):
    """Quotes as ``calm`` says, or as ``storm`` does once the volatility is above ``storm_above``.

    The storm ends when the volatility is below ``calm_below``. The gap between the two levels is the
    hysteresis: in between the state stays what it was, so that a volatility near one level does not flip the
    quotes at each refresh, which would lose its place in every queue. It starts in a storm, which is the
    safer mistake. The volatility is that of one quote's log return.
    """

    symbol: str
    calm: Stance = field(default_factory=lambda: Stance(half_spread=0.015, size=10.0))
    storm: Stance = field(default_factory=lambda: Stance(half_spread=0.05, size=2.0, penalty=0.0005))
    storm_above: Positive = 0.02  # log return of one quote
    calm_below: Positive = 0.01
    half_life: Positive = 100.0  # quotes
    position_max: Positive = 100.0
    refresh: str = "1s"

    def __post_init__(self) -> None:
        check_positive(calm_below=self.calm_below, half_life=self.half_life, position_max=self.position_max)
        if not self.calm_below < self.storm_above:
            levels = f"calm_below = {self.calm_below:g}, storm_above = {self.storm_above:g}"
            raise ValueError(f"{levels}: give calm_below < storm_above")

    def setup(self, ctx: tw.Setup) -> None:
        """Declares the volatility and wakes at each refresh."""
        self.mid = ctx.watch(f.mid(self.symbol))
        self.volatility = ctx.watch(f.ewma_vol(f.mid(self.symbol), self.half_life))
        self.is_storm = True
        ctx.wake(f.every(self.refresh, symbol=self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Quotes of the state that the market is in."""
        volatility, held = market[self.volatility], portfolio.position(self.symbol)
        if volatility > self.storm_above:
            self.is_storm = True
        elif volatility < self.calm_below:
            self.is_storm = False
        stance = self.storm if self.is_storm else self.calm
        prices = skewed(
            market[self.mid], held, half_spread=stance.half_spread, penalty=stance.penalty, size=stance.size
        )
        return place(market, self.symbol, prices, held=held, size=stance.size, most=self.position_max)
