"""Avellaneda and Stoikov's maker: quotes around a reservation price, until a horizon."""

from __future__ import annotations

from dataclasses import dataclass

import tradewright as tw
from tradewright import features as f
from tradewright.core.times import SECOND_NS, duration_ns
from tradewright.strategies.market_making.placing import Positive, check_positive, place
from tradewright.strategies.market_making.quoting import avellaneda_stoikov


@dataclass
class AvellanedaStoikovMaker(tw.Policy):
    """Maximises exponential utility at a horizon, for orders that arrive as ``exp(-kappa * distance)``.

    The inventory counts in units of ``size``. The horizon ends at each multiple of ``horizon`` since the
    epoch and then starts anew; near its end the skew vanishes, and what is held stays held. The model knows
    no informed flow: its mid does not move because somebody traded, so it does not protect against that.

    Source: Avellaneda and Stoikov (2008), "High-frequency trading in a limit order book".
    """

    symbol: str
    gamma: Positive = 0.1  # risk aversion, per unit of money
    sigma: Positive = 0.002  # price per square root of a second
    kappa: Positive = 50.0  # decay of the chance of a fill, per unit of price
    horizon: str = "1h"
    size: Positive = 10.0
    position_max: Positive = 100.0
    refresh: str = "1s"

    def __post_init__(self) -> None:
        check_positive(
            gamma=self.gamma,
            sigma=self.sigma,
            kappa=self.kappa,
            size=self.size,
            position_max=self.position_max,
        )
        duration_ns(self.horizon, name="horizon")

    def setup(self, ctx: tw.Setup) -> None:
        """Wakes at each refresh."""
        self.mid = ctx.watch(f.mid(self.symbol))
        self.horizon_ns = duration_ns(self.horizon, name="horizon")
        ctx.wake(f.every(self.refresh, symbol=self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Quotes around the reservation price for the time that is left."""
        held = portfolio.position(self.symbol)
        prices = avellaneda_stoikov(
            market[self.mid],
            held / self.size,
            gamma=self.gamma,
            sigma=self.sigma,
            kappa=self.kappa,
            time_left=(self.horizon_ns - market.now_ns % self.horizon_ns) / SECOND_NS,
        )
        return place(market, self.symbol, prices, held=held, size=self.size, most=self.position_max)
