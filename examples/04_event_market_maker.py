"""A maker of event contracts on a generated exchange, against people who know nothing and people who know.

    python examples/04_event_market_maker.py [--out runs/events] [--steps 200] [--seed 2]

Three contracts that pay 1 or nothing at the end. The maker's orders are orders in their books: others trade
with them, and see them. It runs twice on the same three stories: first nobody knows how they end, then nine
in ten of those who come to take know what a contract is worth. The difference is adverse selection.
"""

from __future__ import annotations

import argparse
import csv
import json
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

import tradewright as tw
from tradewright.sim import GeneratedExchange, InformedFlow
from tradewright.strategies import BinaryEventMaker

MARKETS = {"inflation_gt_20": 0.30, "election_candidate_a": 0.55, "team_x_wins": 0.50}  # value at the start
INFORMED = {"uninformed": 0.0, "informed": 0.9}  # share of the takers who know the value
COLUMNS = ["market", "mid", "spread", "inventory", "pnl", "fill_count", "notional", "max_drawdown"]
SIGNED = pl.when(pl.col("side") == "buy").then(pl.col("size")).otherwise(-pl.col("size"))


@dataclass
class TracedMaker(BinaryEventMaker):
    """The maker of the library, which notes at each step how it stands."""

    trace: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]], init=False)
    times_ns: list[int] = field(default_factory=list[int], init=False)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        """The library's quotes; and a note, whenever the clock has struck."""
        quotes = super().decide(market, portfolio)
        if any(label.startswith("every") for label in market.woken_by):
            pnl = portfolio.realised_pnl + portfolio.unrealised_pnl
            state = {
                "mid": market.mid(self.symbol),
                "inventory": self.held,
                "pnl": pnl,
                "spread": self.spread,
            }
            self.trace.append({"fills": [], **state})
            self.times_ns.append(market.now_ns)
        return quotes


def main() -> None:
    parser = argparse.ArgumentParser(description="A maker of event contracts, against two kinds of flow.")
    parser.add_argument("--out", type=Path, default=Path("runs/events"), help="folder to write to")
    parser.add_argument("--steps", type=int, default=200, help="seconds that the markets are open")
    parser.add_argument("--seed", type=int, default=2, help="of the markets: another one, other stories")
    given = parser.parse_args()

    results: dict[str, tw.Result] = {}
    lessons: list[str] = []
    for name, informed in INFORMED.items():
        makers = [TracedMaker(symbol, spread_base=0.05, inventory_limit=200) for symbol in MARKETS]
        results[name] = run(makers, informed, given.steps, given.seed)
        rows = [summary(maker, results[name]) for maker in makers]
        folder = given.out if name == "uninformed" else given.out / name
        write(folder, rows, makers)
        print(f"{name} takers")
        for row in rows:
            print(
                f"  {row['market']:<21} mid {row['mid']:.3f}  spread {row['spread']:.3f}  "
                f"inventory {row['inventory']:+4.0f}  {row['fill_count']:>4} fills  "
                f"drawdown {row['max_drawdown']:6.2f}  pnl {row['pnl']:+7.2f}"
            )
            for warning in warnings(row):
                print(f"    warning: {warning}")
        print(f"  written to {folder / 'simulation_report.csv'}\n")
        lessons.append(
            f"  {name:<12}{lesson(makers, results[name])}  {sum(row['pnl'] for row in rows):+8.2f}"
        )

    print("gain on a contract  against the middle  against the value    pnl")
    print("\n".join(lessons))
    print(
        """
Against the middle of the market every fill is a gain: we bought below it or sold above it. Against what a
contract was worth at that moment, which those who know knew, they gain and we lose: they take only what is
mispriced. Where nobody knows, value and price have nothing to do with each other, and the spread is ours.
The P&L has the settlement in it, which is chance for whoever holds something: try other seeds."""
    )
    print(f"\nThe report: {tw.compare(results).report(given.out / 'report.html')}")


def run(makers: list[TracedMaker], informed: float, steps: int, seed: int) -> tw.Result:
    """One maker a market, all in one account."""
    exchanges = [
        GeneratedExchange(
            # Others stand seven ticks away and more, so that there is a spread for a maker to live in.
            InformedFlow(
                value=value,
                informed=informed,
                limit_rates=(0, 0, 0, 0, 0, 0, 0, 0, 0.3, 0.3, 0.3, 0.3, 0.3),
                cancel_rates=(0.2,),
                market_rate=1.0,
                size=3,
            ),
            instrument=tw.instruments.binary(symbol),
            duration=f"{steps}s",
            seed=seed * len(MARKETS) + number,
        )
        for number, (symbol, value) in enumerate(MARKETS.items())
    ]
    result = tw.backtest(
        makers,
        exchanges,
        account=tw.Account(cash={"USD": 10_000}, kind="margin"),
        venue=tw.Venue(latency=tw.ConstantLatency(entry_ns=1_000_000, response_ns=1_000_000)),  # 1 ms
        risk=tw.Risk(gross_max=10_000),
    )
    for maker in makers:
        del maker.trace[0], maker.times_ns[0]  # the opening: nothing has happened yet
        fills = result.fills.filter(pl.col("symbol") == maker.symbol)
        for side, size, price, at_ns in fills.select(
            "side", "size", "price", pl.col("ts_recv").dt.epoch("ns")
        ).iter_rows():
            step = min(bisect_left(maker.times_ns, at_ns), len(maker.trace) - 1)
            maker.trace[step]["fills"].append([side, size, price])
    return result


def summary(maker: TracedMaker, result: tw.Result) -> dict[str, Any]:
    """One row of the report; what was left at the end is settled."""
    fills = result.fills.filter(pl.col("symbol") == maker.symbol)
    paid, held = fills.select((SIGNED * pl.col("price")).sum(), SIGNED.sum().alias("held")).row(0)
    settlement = result.markets[maker.symbol].settlement
    pnl = held * (settlement.price if settlement else maker.trace[-1]["mid"]) - paid
    path, peak, drawdown = [step["pnl"] for step in maker.trace] + [pnl], 0.0, 0.0
    for value in path:
        peak = max(peak, value)
        drawdown = max(drawdown, peak - value)
    mids = [step["mid"] for step in maker.trace if step["mid"] == step["mid"]]
    notional = fills.select((pl.col("size") * pl.col("price")).sum()).item()
    values = (mids[-1], maker.spread, held, round(pnl, 6), len(fills), round(notional, 6), round(drawdown, 6))
    return dict(zip(COLUMNS, (maker.symbol, *values), strict=True))


def warnings(row: dict[str, Any]) -> list[str]:
    """What somebody should look at."""
    signs = [
        (row["max_drawdown"] > 5, f"drawdown {row['max_drawdown']:.2f} > 5"),
        (abs(row["inventory"]) > 150, f"inventory {row['inventory']:+.0f} beyond 150"),
        (row["spread"] > 0.3, f"spread {row['spread']:.2f} > 0.3"),
        (row["fill_count"] < 100, f"{row['fill_count']} fills < 100: too few to conclude from"),
    ]
    return [text for is_wrong, text in signs if is_wrong]


def lesson(makers: list[TracedMaker], result: tw.Result) -> str:
    """What a contract filled gained against the middle of its step, and against the value at its time."""
    at_middle, at_value = 0.0, 0.0
    size: float = result.fills.select(pl.col("size").sum()).item()
    for maker in makers:
        for step in maker.trace:
            for side, lots, price in step["fills"]:
                gain = step["mid"] - price if side == "buy" else price - step["mid"]
                at_middle += lots * gain if gain == gain else 0.0  # NaN while a side of the book is empty
        value = result.markets[maker.symbol].value
        if value is None:
            raise SystemExit("Only informed flow has a value.")
        worth = value.select(pl.col("ts_event_ns").cast(pl.Datetime("ns", "UTC")), worth=pl.col("value"))
        fills = result.fills.filter(pl.col("symbol") == maker.symbol).sort("ts_event")
        fills = fills.join_asof(worth, left_on="ts_event", right_on="ts_event_ns")
        gains = (pl.col("worth") - pl.col("price")) * SIGNED
        at_value += fills.select(gains.sum()).item()
    return f"{at_middle / size:+15.4f}  {at_value / size:+17.4f}   "


def write(folder: Path, rows: list[dict[str, Any]], makers: list[TracedMaker]) -> None:
    """The two files of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "simulation_report.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    steps = [
        {maker.symbol: step for maker, step in zip(makers, states, strict=True)}
        for states in zip(*(maker.trace for maker in makers), strict=True)
    ]
    text = json.dumps(steps).replace("NaN", "null")  # no middle while a side of the book is empty
    (folder / "trace.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
