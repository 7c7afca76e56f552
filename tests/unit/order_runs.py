"""Small real backtests on quotes, whose policy does what the test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import tradewright as tw
from tradewright import features as f

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BTC = tw.instruments.crypto_spot("BTC", tick_size=0.5, lot_size=0.01, currency="USD")
BEGAN = 1_709_303_400_000_000_000  # 2024-03-01 14:30:00 UTC
SECOND = 1_000_000_000
"""Quotes a second apart, unless a test says otherwise."""


@dataclass
class Script(tw.Policy):
    """At each quote, counted from 0, gives the intents that the script holds for it."""

    script: Mapping[int, tw.Intents | Callable[[tw.PortfolioState], tw.Intents]]
    seen: int = field(default=0, init=False)

    def setup(self, ctx: tw.Setup) -> None:
        self.fair = ctx.watch(f.mid("BTC"))
        ctx.wake(f.on_quote("BTC"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        wanted = self.script.get(self.seen)
        self.seen += 1
        return wanted(portfolio) if callable(wanted) else wanted


def quotes(*mids: float, size: float = 5.0) -> tw.Quotes:
    """Quotes one unit wide around these middles."""
    middle = np.array(mids, dtype=np.float64)
    return tw.Quotes.from_arrays(
        "BTC",
        ts=BEGAN + SECOND * np.arange(len(mids), dtype=np.int64),
        bid=middle - 0.5,
        ask=middle + 0.5,
        bid_size=np.full(len(mids), size),
        ask_size=np.full(len(mids), size),
        instrument=BTC,
    )


def run(
    folder: Path,
    script: Mapping[int, tw.Intents | Callable[[tw.PortfolioState], tw.Intents]],
    data: tw.Quotes,
    *,
    risk: tw.Risk | None = None,
    latency_ns: int = 0,
    cash: float = 1_000_000.0,
) -> tw.Result:
    """Runs the script over the quotes and writes the run to a folder."""
    latency = tw.ConstantLatency(entry_ns=latency_ns, response_ns=latency_ns)
    return tw.backtest(
        Script(script),
        data,
        cash=cash,
        risk=risk,
        venue=tw.Venue(latency=latency),
        periods_per_year=365,
        out=folder,
    )
