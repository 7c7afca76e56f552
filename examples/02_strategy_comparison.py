"""Momentum, pairs trading, doing nothing and making a market: when does each of them work?

    python examples/02_strategy_comparison.py [--out runs/comparison]

Daily bars of the S&P 500 and the Nasdaq Composite, 1999-2018, from the package. A maker lives from a book,
which bars do not have: its half hour is on a generated exchange, where its orders are orders in the book.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import tradewright as tw
from tradewright import features as f
from tradewright.sim import GeneratedExchange, InformedFlow
from tradewright.strategies import InventorySkewMaker, Momentum, Pairs

CASH = 100_000


@dataclass
class BuyAndHold(tw.Policy):
    """Buys for all its money at the first bar and never trades again: what a strategy has to beat."""

    symbol: str

    def setup(self, ctx: tw.Setup) -> None:
        """Wakes at each bar: an order that was refused is asked for again."""
        ctx.wake(f.on_bar(self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """Everything, less 2 % for costs and for an open above the close; nothing more once it is held."""
        if portfolio.position(self.symbol):
            return None
        return tw.TargetPosition(self.symbol, 0.98 * portfolio.equity / market.close(self.symbol))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares Momentum, Pairs and buy-and-hold.")
    parser.add_argument("--out", type=Path, default=Path("runs/comparison"), help="folder to write to")
    out: Path = parser.parse_args().out

    sp500, nasdaq = tw.data.sp500(), tw.data.nasdaq()
    venue = tw.sim.Venue(costs=tw.sim.Costs(half_spread_min_bps=1.0))  # The same costs for all.
    pairs = Pairs(sp500.symbol, nasdaq.symbol)
    results = {
        "Buy and hold": tw.backtest(BuyAndHold(sp500.symbol), sp500, cash=CASH, venue=venue),
        "Momentum": tw.backtest(Momentum(sp500.symbol), sp500, cash=CASH, venue=venue),
        "Pairs": tw.backtest(pairs, [sp500, nasdaq], cash=CASH, venue=venue),
    }
    comparison = tw.compare(results)
    print(comparison)
    print_halves(results)

    # A test at 5 % passes one window in twenty even where there is nothing, so the count needs a yardstick.
    by_chance = at_least(pairs.windows_passed, pairs.windows_tested, pairs.alpha)
    print(
        f"\nPairs: {pairs.windows_passed} of {pairs.windows_tested} formation windows passed the test for "
        f"cointegration at {pairs.alpha:.0%}.\n"
        f"By chance alone one would expect {pairs.alpha * pairs.windows_tested:.1f}; as many as were seen, "
        f"or more, happen with probability {by_chance:.2f}."
    )
    makers = {
        "Maker, nobody knows": make_a_market(informed=0.0),
        "Maker, some know": make_a_market(informed=0.3),
    }
    print("\nA market maker, half an hour on a generated exchange, by how many of the takers know the value:")
    for name, made in makers.items():
        print(f"  {name:<20}{len(made.fills):>6} fills {made.summary.net_pnl:>+9.2f} USD")

    print(
        """
When each of them works, and when not:
- Buy and hold earns what the index earns and suffers all of its falls. Prices only: no dividends.
- Momentum helps in long, calm rises and in slow falls, which it sits out. It loses in choppy markets, where
  it buys high and is stopped low, and it misses the start of each recovery. It holds cash most of the time
  that prices fall, so compare its drawdown as well as its return.
- Pairs needs two prices held together by something. Two broad indices are not that: what few windows pass
  the test may well be chance, and a pair that was cointegrated in one year often is not in the next.
- A maker earns the spread from people who trade for reasons of their own, as long as its orders are early in
  the queue. It loses to people who know more, on every single trade with them, and what is left over is a
  matter of how many of each there are: it works where it can tell them apart, or where few of them know.
- The first three are measured on one history with costs that are assumed, the maker on one market that
  never was. None of this says what they would earn."""
    )
    page = comparison.report(out / "report.html", benchmark=sp500.symbol)
    print(f"\nThe report: {page}")


def make_a_market(informed: float) -> tw.Result:
    """A maker of a share among people who trade at random, and a part of them who know the value."""
    share = tw.Instrument(symbol="SHARE", price_unit=0.01)
    flow = InformedFlow(value=100.0, volatility=0.01, informed=informed)
    maker = InventorySkewMaker("SHARE", half_spread=0.01, penalty=0.0005, size=1, position_max=10)
    exchange = GeneratedExchange(flow, instrument=share, duration="30m", seed=1)
    delay = tw.ConstantLatency(entry_ns=5_000_000, response_ns=5_000_000)  # 5 ms each way
    return tw.backtest(maker, exchange, cash=CASH, venue=tw.Venue(latency=delay))


def at_least(passed: int, tested: int, alpha: float) -> float:
    """Probability that so many of the tests or more pass where there is nothing to find.

    Taken as independent, which windows that overlap are not: the true probability is higher.
    """
    fewer = (math.comb(tested, n) * alpha**n * (1 - alpha) ** (tested - n) for n in range(passed))
    return 1 - sum(fewer)


def print_halves(results: dict[str, tw.Result]) -> None:
    """The return before and after the middle of the run: one number over twenty years hides a lot."""
    print("\nReturn in the first and in the second half of the time:")
    for name, result in results.items():
        equity = result.equity["equity"]
        start, middle, end = (float(equity[at]) for at in (0, len(equity) // 2, -1))
        print(f"  {name:<14}{middle / start - 1:>9.1%}{end / middle - 1:>9.1%}")


if __name__ == "__main__":
    main()
