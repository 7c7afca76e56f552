"""Your first policy, line by line.

    python examples/03_your_first_policy.py [--out runs/first]

A policy answers one question: given what is known now, what should be true? It does not send orders. It says
"I want to hold 1 unit", and the framework sends whatever order leads there, or none if that is so already.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import tradewright as tw
from tradewright import features as f


# A policy is a plain dataclass. Its fields are its parameters: they can be set from a configuration file,
# swept over a range, and are written down with every result.
@dataclass
class SmaCross(tw.Policy):
    """Long one unit while the fast average is above the slow one."""

    symbol: str
    fast: int = 20  # bars
    slow: int = 50  # bars

    def setup(self, ctx: tw.Setup) -> None:
        """Called once, before the first bar: what the policy wants to know, and when it wants to be asked."""
        # A feature is a recipe, not a number. Recipes combine: here the difference of two averages.
        # The compiled core keeps it up to date at every bar, so no history has to be stored here.
        price = f.close(self.symbol)
        self.edge = ctx.watch(f.sma(price, self.fast) - f.sma(price, self.slow))

        # Wake me only when the difference changes its sign. All other bars never enter Python, which is
        # where the speed comes from. Leave this out, and the policy is asked at every bar: right, but slower.
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Called at each wake: what should be held now."""
        # `market` is what is known now; nothing of the future is in it. `portfolio` is what this policy
        # holds. Both are views that are valid during the call only.

        # The number of the recipe at this moment. It is NaN until 50 bars are there, and no condition fires
        # on a NaN, so there is no need to check.
        is_rising = market[self.edge] > 0

        # Desired state: hold 1, or hold nothing. Saying the same twice sends nothing the second time.
        return tw.TargetPosition(self.symbol, 1 if is_rising else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description="The smallest complete strategy, explained.")
    parser.add_argument("--out", type=Path, default=Path("runs/first"), help="folder to write to")
    out: Path = parser.parse_args().out

    # Daily bars of the S&P 500, shipped with the package. Your own: tw.data.read_bars("abc.csv", "ABC").
    bars = tw.data.sp500()

    # A decision at the close of one bar is filled at the open of the next: the close itself is gone by then.
    result = tw.backtest(SmaCross(bars.symbol), bars, cash=100_000)

    print(result)  # the summary, as a table
    print(result.fills.select("ts_event", "side", "size", "price", "position").head(6))  # a Polars frame
    print(f"\nThe report: {result.report(out / 'report.html')}")  # a page that opens without a network

    # What to try next: other averages (SmaCross(bars.symbol, fast=10, slow=100)), a size that depends on the
    # volatility (look at tradewright/strategies/momentum.py), costs and limits (01_complete_backtest.py).
    # And what to keep in mind: if you try a hundred pairs of averages, the best looks good by chance alone.


if __name__ == "__main__":
    main()
