"""``tradewright demo``: two strategies on twenty years of real prices, a maker on a generated exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from tradewright.research.result import Result

HELP = "backtest two strategies on twenty years of real daily prices, and a market maker"
DESCRIPTION = """\
Backtests Momentum on the S&P 500 and Pairs on S&P 500 and Nasdaq, over the daily bars of 1999-2018 that come
with the package, and a market maker on a generated exchange, and compares them. Needs no network, no key and
no file."""
EPILOG = """\
examples:
  tradewright demo --out runs/demo
  tradewright demo --json

What it shows are two textbook rules on an index, costs included, and a maker against flow that was made up: a
picture of the machine, and no claim of profit."""

CASH = 100_000  # USD
HALF_SPREAD_MIN_BPS = 1.0
VOLATILITY_COEFFICIENT = 0.02  # half-spread as a share of a day's volatility
INFORMED = 0.3  # share of the takers who know what the event contract is worth
LATENCY_NS = 5_000_000  # each way
SEED = 7


def _make_a_market(folder: Path, progress: Callable[[float], None] | None) -> Result:
    import tradewright as tw
    from tradewright.sim import GeneratedExchange, InformedFlow
    from tradewright.strategies import BinaryEventMaker

    flow = InformedFlow(
        value=0.5,
        informed=INFORMED,
        limit_rates=(0, 0, 0, 0, 0, 0.3, 0.3, 0.3, 0.3),
        cancel_rates=(0.2,),
        market_rate=0.1,
        size=3,
    )
    event = tw.instruments.binary("EVENT")
    delay = tw.ConstantLatency(entry_ns=LATENCY_NS, response_ns=LATENCY_NS)
    return tw.backtest(
        BinaryEventMaker("EVENT"),
        GeneratedExchange(flow, instrument=event, duration="1h", seed=SEED),
        cash=1_000,
        venue=tw.Venue(latency=delay),
        progress=progress,
        out=folder,
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--out", metavar="DIR", default="runs/demo", help="where to write (default runs/demo)"
    )
    parser.add_argument("--json", action="store_true", help="print the summaries as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    import tradewright as tw
    from tradewright.research.report import write_report
    from tradewright.research.table import summary_table
    from tradewright.sim.config import Costs, Venue
    from tradewright.strategies import Momentum, Pairs

    venue = Venue(
        costs=Costs(half_spread_min_bps=HALF_SPREAD_MIN_BPS, volatility_coefficient=VOLATILITY_COEFFICIENT)
    )
    folder = console.run_folder(args.out)
    sp500, nasdaq = tw.data.sp500(), tw.data.nasdaq()
    momentum, pairs = Momentum(sp500.symbol), Pairs(sp500.symbol, nasdaq.symbol)
    with console.progress("momentum", quiet=args.json) as progress:
        trend = tw.backtest(
            momentum,
            sp500,
            cash=CASH,
            venue=venue,
            benchmark=sp500.symbol,
            progress=progress,
            out=folder / "momentum",
        )
    with console.progress("pairs", quiet=args.json) as progress:
        spread = tw.backtest(
            pairs,
            [sp500, nasdaq],
            cash=CASH,
            venue=venue,
            benchmark=sp500.symbol,
            progress=progress,
            out=folder / "pairs",
        )
    with console.progress("market making", quiet=args.json) as progress:
        making = _make_a_market(folder / "making", progress)
    results = {"Momentum": trend, "Pairs": spread, "Making": making}
    title = "Momentum, Pairs and a market maker"
    report = write_report(results, folder / "report.html", benchmark=sp500.symbol, title=title)
    if args.json:
        facts: dict[str, Any] = {name: result.to_dict() for name, result in results.items()}
        facts["Pairs"]["windows_tested"] = pairs.windows_tested
        facts["Pairs"]["windows_passed"] = pairs.windows_passed
        facts["report"] = str(report)
        console.say(msgspec.json.encode(facts).decode())
        return 0
    console.say(summary_table(results))
    console.say()
    by_chance = pairs.alpha * pairs.windows_tested
    console.say(
        f"Pairs: {pairs.windows_passed} of {pairs.windows_tested} formation windows passed the cointegration "
        f"test at {pairs.alpha:.0%};\nby chance alone about {by_chance:.0f} would. Only those are traded."
    )
    console.say(
        f"Costs: a half-spread of {HALF_SPREAD_MIN_BPS:g} bps, or {VOLATILITY_COEFFICIENT:.0%} of the daily "
        "volatility where that is more; no fees.\n"
        "Two textbook rules on an index, as a picture of the machine: no claim of profit."
    )
    console.say(
        f"Making: a maker of one event contract, an hour on a generated exchange where {INFORMED:.0%} of the "
        "takers know what\nit is worth. Its orders are orders in that book; whoever knows takes what is "
        "mispriced, and the maker pays."
    )
    console.say()
    console.say(f"report  {report}")
    console.say(f"orders  tradewright why {folder / 'momentum'}")
    console.say("next    tradewright new my_idea")
    return 0
