"""Guéant, Lehalle and Fernandez-Tapia's maker: the same problem without a horizon in sight."""

from __future__ import annotations

from dataclasses import dataclass

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.market_making.placing import Positive, check_positive, place
from tradewright.strategies.market_making.quoting import glft_distances


@dataclass
class GueantLehalleMaker(tw.Policy):
    """Quotes at the closed-form approximation of the stationary optimum; see `quoting.glft_distances`.

    The inventory counts in units of ``size``. As in Avellaneda and Stoikov's model, nobody who trades knows
    more than the maker; ``arrival``, ``kappa`` and ``sigma`` are to be measured on the market quoted.

    Source: Guéant, Lehalle and Fernandez-Tapia (2013), "Dealing with the inventory risk".
    """

    symbol: str
    gamma: Positive = 0.1  # risk aversion, per unit of money
    sigma: Positive = 0.002  # price per square root of a second
    kappa: Positive = 50.0  # decay of the chance of a fill, per unit of price
    arrival: Positive = 1.0  # orders a second that would reach a quote at the mid
    size: Positive = 10.0
    position_max: Positive = 100.0
    refresh: str = "1s"

    def __post_init__(self) -> None:
        check_positive(
            gamma=self.gamma,
            sigma=self.sigma,
            kappa=self.kappa,
            arrival=self.arrival,
            size=self.size,
            position_max=self.position_max,
        )

    def setup(self, ctx: tw.Setup) -> None:
        """Wakes at each refresh."""
        self.mid = ctx.watch(f.mid(self.symbol))
        ctx.wake(f.every(self.refresh, symbol=self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Quotes at the distances for what is held."""
        mid, held = market[self.mid], portfolio.position(self.symbol)
        below, above = glft_distances(
            held / self.size, gamma=self.gamma, sigma=self.sigma, kappa=self.kappa, arrival=self.arrival
        )
        prices = mid - below, mid + above
        return place(market, self.symbol, prices, held=held, size=self.size, most=self.position_max)
