"""A complete backtest: data, a strategy, costs, risk limits, the summary, the report.

    python examples/01_complete_backtest.py [--out runs/complete]

It needs no network and no file: the daily bars of the S&P 500, 1999-2018, come with the package.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tradewright as tw
from tradewright.strategies import Momentum


def main() -> None:
    parser = argparse.ArgumentParser(description="A complete backtest of Momentum on the S&P 500.")
    parser.add_argument("--out", type=Path, default=Path("runs/complete"), help="folder to write to")
    out: Path = parser.parse_args().out

    # 1. What happened. The index is not tradable: read this as a stand-in for a fund that follows it.
    sp500 = tw.data.sp500()

    # 2. What we would have done. Every parameter has a default; these are named to be seen.
    policy = Momentum(sp500.symbol, lookback=126, volatility_target=0.15, trailing_stop=0.10)

    # 3. What it would have cost: half a spread of at least 1 bp, wider when prices move, and impact that
    #    grows with the root of our share of the day's volume. Without a venue all of this is zero.
    venue = tw.sim.Venue(
        costs=tw.sim.Costs(half_spread_min_bps=1.0, volatility_coefficient=0.02, impact_base_bps=10.0)
    )

    # 4. What must not happen, whatever the strategy says. Orders beyond a limit are refused, with a reason.
    risk = tw.Risk(gross_max="110%", loss_per_day_max="5%", drawdown_max=0.30)

    result = tw.backtest(policy, sp500, cash=100_000, venue=venue, risk=risk, out=out)

    print(result)
    refused = result.orders.filter(result.orders["status"] == "refused")
    print(f"\n{refused.height} of {result.orders.height} orders were refused by a risk limit.")
    if refused.height:
        print(refused.group_by("reason").len())
    print("\nThe last fills:")
    print(result.fills.select("ts_event", "side", "size", "price", "fee", "position").tail(5))

    page = out / "report.html"
    result.report(page)
    print(f"\nThe report: {page}")
    print("One rule, one index, one past, and parameters that were chosen knowing it: this is evidence of")
    print("how the rule would have behaved, and none that it will earn anything.")


if __name__ == "__main__":
    main()
