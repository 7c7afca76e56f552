"""Time-series momentum: holds what trends, sized by its volatility, with a trailing stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.checks import check_fields

Count = Annotated[int, Meta(ge=2)]
Positive = Annotated[float, Meta(gt=0)]


@dataclass
class Momentum(tw.Policy):
    """Long while the price stands far above its average, short (if allowed) while far below.

    The signal is the z-score of the log price over ``lookback`` bars. A position is opened at ``entry``
    and closed when the signal is back at ``exit``, or when the close has fallen ``trailing_stop`` from
    the best close since the entry. After a stop the same direction waits for a fresh signal: back to
    ``exit`` first, then beyond ``entry`` again. The size holds ``volatility_target`` a year by the
    exponentially weighted volatility; it is adjusted only when it is off by more than ``band``, so that
    it does not trade every bar.

    Source: Moskowitz, Ooi and Pedersen (2012), "Time Series Momentum", for sizing by volatility.
    """

    symbol: str
    lookback: Count = 126  # bars
    entry: Positive = 1.0  # standard deviations
    exit: float = 0.0  # standard deviations; below `entry`
    long_only: bool = True
    volatility_target: Positive = 0.15  # of the equity, a year
    volatility_half_life: Count = 33  # bars
    bars_per_year: Positive = 252
    leverage_max: Positive = 1.0  # value of the position over the equity
    trailing_stop: Annotated[float, Meta(gt=0, lt=1)] = 0.10  # of the best close since the entry
    band: Annotated[float, Meta(ge=0, lt=1)] = 0.25  # of the wanted size

    def __post_init__(self) -> None:
        check_fields(self, Momentum)
        if not self.exit < self.entry:
            raise ValueError(f"exit = {self.exit:g} must be below entry = {self.entry:g}")

    def setup(self, ctx: tw.Setup) -> None:
        """Declares signal and volatility, and wakes at each bar."""
        price = f.close(self.symbol)
        self.signal = ctx.watch(f.zscore(f.log(price), self.lookback))
        self.volatility = ctx.watch(f.ewma_vol(price, half_life=self.volatility_half_life))
        ctx.wake(f.on_bar(self.symbol))
        self.side = 0  # 1 long, -1 short, 0 flat: what is wanted, not what is held
        self.stopped = 0  # side that the stop closed, until a fresh signal
        self.best = 0.0  # best close since the entry

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """The position for the current signal; nothing while the one held is near enough."""
        price = market.close(self.symbol)
        signal, volatility = market[self.signal], market[self.volatility] * math.sqrt(self.bars_per_year)
        if math.isnan(signal) or not volatility > 0:
            return None
        self.side = self._next_side(signal, price)
        leverage = min(self.leverage_max, self.volatility_target / volatility)
        unit_value = price * market.instrument(self.symbol).multiplier
        wanted = self.side * leverage * max(portfolio.equity, 0.0) / unit_value
        if self.side and abs(wanted - portfolio.position(self.symbol)) <= self.band * abs(wanted):
            return None
        return tw.TargetPosition(self.symbol, wanted)

    def _next_side(self, signal: float, price: float) -> int:
        side = self.side
        if side:
            self.best = max(self.best, price) if side > 0 else min(self.best, price)
            if side * (price - self.best) <= -self.trailing_stop * self.best:
                self.stopped, side = side, 0
            elif side * signal <= self.exit:
                side = 0
        if self.stopped * signal <= self.exit:
            self.stopped = 0
        fresh = (signal >= self.entry) - (signal <= -self.entry and not self.long_only)
        if side == 0 and fresh not in (0, self.stopped):
            side, self.best, self.stopped = fresh, price, 0
        return side
