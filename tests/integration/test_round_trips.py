"""Round trips in whole runs: what they say of the way from entry to exit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import tradewright as tw
from tradewright import features as f

MINUTE_NS = 60_000_000_000


@dataclass
class HoldFromTo(tw.Policy):
    """Long one unit between two bars, decided at their closes."""

    enter_bar: int
    exit_bar: int
    bars: int = 0

    def setup(self, ctx: tw.Setup) -> None:
        self.bars = 0
        ctx.wake(f.on_bar("X"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.bars += 1
        return tw.TargetPosition("X", 1 if self.enter_bar <= self.bars < self.exit_bar else 0)


def test_excursions_begin_with_the_entry_bar_and_end_before_the_bar_of_the_exit() -> None:
    """Entered at the open of bar 2, left at the open of bar 4: bars 2 and 3 count, 1 and 4 do not."""
    low = np.array([50.0, 97.0, 99.0, 10.0, 100.0])
    high = np.array([150.0, 103.0, 108.0, 190.0, 105.0])
    open_ = np.array([100.0, 100.0, 101.0, 104.0, 104.0])
    close = np.array([100.0, 101.0, 104.0, 104.0, 104.0])
    ts = np.arange(1, 6, dtype=np.int64) * MINUTE_NS
    bars = tw.Bars.from_arrays("X", ts=ts, open=open_, high=high, low=low, close=close, timeframe="1m")
    result = tw.backtest(HoldFromTo(1, 3), bars, cash=10_000)
    trip = result.round_trips.row(0, named=True)
    assert (trip["entry_price"], trip["exit_price"], trip["pnl"]) == (100.0, 104.0, 4.0)
    assert (trip["mae"], trip["mfe"]) == (-3.0, 8.0)
    assert result.round_trips.height == 1
    assert not trip["is_open"]
