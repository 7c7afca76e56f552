"""Pairs trading: bets that two cointegrated prices, having parted, meet again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

import tradewright as tw
from tradewright import features as f
from tradewright.strategies.checks import check_fields
from tradewright.strategies.cointegration import engle_granger

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]


@dataclass
class Pairs(tw.Policy):
    """Trades the spread ``log a - hedge * log b`` in windows in which the two were just cointegrated.

    Every ``trading`` bars the last ``formation`` bars are tested by Engle-Granger, ``a`` being the
    dependent. If the test passes at ``alpha`` and the hedge is positive, then hedge, mean and deviation
    of that window stand for the next ``trading`` bars, and the spread's z-score by them is traded: bought
    at ``-entry``, sold at ``entry``, closed within ``exit`` of the mean, at the ``stop`` beyond it, after
    ``holding_max`` bars, or with the trading window. After a stop or the longest holding time there is no
    new entry for ``cooldown`` bars. Both legs are targeted together; a window that fails trades nothing.

    After the run `windows_tested` and `windows_passed` say how often the pair was one. A test at ``alpha``
    passes that share of windows by chance alone.

    Source: Engle and Granger (1987); Gatev, Goetzmann and Rouwenhorst (2006), "Pairs Trading", for
    formation and trading windows and for closing with the window.
    """

    symbol_a: str
    symbol_b: str
    formation: Annotated[int, Meta(ge=30)] = 252  # bars
    trading: Count = 63  # bars
    alpha: Annotated[float, Meta(gt=0, le=1)] = 0.05
    entry: Positive = 2.0  # standard deviations of the formation window, as `exit` and `stop`
    exit: Annotated[float, Meta(ge=0)] = 0.5
    stop: Positive = 4.0
    holding_max: Count = 40  # bars
    cooldown: Annotated[int, Meta(ge=0)] = 10  # bars
    leverage: Positive = 1.0  # value of both legs together over the equity

    def __post_init__(self) -> None:
        check_fields(self, Pairs)
        if not self.exit < self.entry < self.stop:
            levels = f"exit = {self.exit:g}, entry = {self.entry:g}, stop = {self.stop:g}"
            raise ValueError(f"{levels}: give exit < entry < stop")
        if self.symbol_a == self.symbol_b:
            raise ValueError(f"symbol_a and symbol_b are both {self.symbol_a}: a pair needs two")

    def setup(self, ctx: tw.Setup) -> None:
        """Wakes when the bars of both legs are there."""
        ctx.wake(f.on_bar([self.symbol_a, self.symbol_b]))
        self.windows_tested = self.windows_passed = 0
        self.logs_a: list[float] = []  # the last `formation` log closes, oldest first
        self.logs_b: list[float] = []
        self.bars_to_test = self.formation
        self.is_pair = False  # whether the latest window passed
        self.hedge = self.mean = self.deviation = 0.0  # of the latest window
        self.side = 0  # 1 long the spread, -1 short it, 0 flat
        self.size_a = self.size_b = 0.0  # wanted, signed
        self.bars_held = self.bars_to_wait = 0

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Both legs as wanted now."""
        close_a, close_b = market.close(self.symbol_a), market.close(self.symbol_b)
        if math.isnan(close_a) or math.isnan(close_b):
            return None
        log_a, log_b = math.log(close_a), math.log(close_b)
        self.logs_a.append(log_a)
        self.logs_b.append(log_b)
        del self.logs_a[: -self.formation], self.logs_b[: -self.formation]
        self.bars_to_test -= 1
        if self.bars_to_test == 0:
            self._test_window()
        z = (log_a - self.hedge * log_b - self.mean) / self.deviation if self.is_pair else math.nan
        side = self._next_side(z)
        if side != self.side:
            self.side, self.bars_held = side, 0
            value_a = side * self.leverage * max(portfolio.equity, 0.0) / (1 + self.hedge)
            self.size_a = value_a / (close_a * market.instrument(self.symbol_a).multiplier)
            self.size_b = -self.hedge * value_a / (close_b * market.instrument(self.symbol_b).multiplier)
        return [tw.TargetPosition(self.symbol_a, self.size_a), tw.TargetPosition(self.symbol_b, self.size_b)]

    def _test_window(self) -> None:
        """Tests the bars up to this one; what was held on the former window's word is given up."""
        self.bars_to_test = self.trading
        self.windows_tested += 1
        self.side = 0
        self.size_a = self.size_b = 0.0
        self.is_pair = False
        if min(self.logs_a) == max(self.logs_a) or min(self.logs_b) == max(self.logs_b):
            return  # A price that stood still all window long, such as one of a halted share.
        test = engle_granger(self.logs_a, self.logs_b)
        self.is_pair = test.p_value <= self.alpha and test.hedge > 0
        self.windows_passed += self.is_pair
        self.hedge, self.mean, self.deviation = test.hedge, test.intercept, test.deviation

    def _next_side(self, z: float) -> int:
        is_waiting = self.bars_to_wait > 0
        self.bars_to_wait -= is_waiting
        if math.isnan(z):
            return 0
        if self.side:
            self.bars_held += 1
            distance = -self.side * z  # from the mean, on the side of the entry
            if distance <= self.exit:
                return 0
            if distance >= self.stop or self.bars_held >= self.holding_max:
                self.bars_to_wait = self.cooldown
                return 0
            return self.side
        if is_waiting or not self.entry <= abs(z) < self.stop:
            return 0
        return 1 if z < 0 else -1
