"""Our side of the benchmarks, and the process in which one of them is timed.

usage: bench_tasks.py TASK DATA_DIR [--runs N]

Prints one line of JSON. The clock runs from raw arrays in memory, conversion included, to a result whose
fills and equity have been read. The first run of the process (with its imports) is reported apart as cold.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench_books
import bench_data
import bench_matching
import bench_policies as policies

import tradewright as tw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench_data import Columns

SYMBOL = "BTCUSDT"
CASH = 1_000_000
PANEL_SYMBOLS, PANEL_BARS = 500, 20_000


def instrument(symbol: str, fee_bps: float) -> tw.Instrument:
    """Cents and thousandths, as the peers' scripts have it."""
    fees = tw.Fees(maker_bps=fee_bps, taker_bps=fee_bps)
    return tw.Instrument(symbol=symbol, price_unit=0.01, lot_size=0.001, fees=(fees,))


def bars_of(symbol: str, columns: Columns) -> tw.Bars:
    """Raw arrays as bars."""
    return tw.Bars.from_arrays(
        symbol,
        ts=columns["ts"],
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
        volume=columns["volume"],
        instrument=instrument(symbol, fee_bps=5),
    )


def quotes_of(symbol: str, columns: Columns) -> tw.Quotes:
    """Raw arrays as quotes."""
    return tw.Quotes.from_arrays(
        symbol,
        ts=columns["ts"],
        bid=columns["bid"],
        ask=columns["ask"],
        bid_size=columns["bid_size"],
        ask_size=columns["ask_size"],
        instrument=instrument(symbol, fee_bps=0),
    )


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Attributes:
        load: Makes the input, untimed: arrays by symbol.
        series: Raw arrays as a series; timed.
        policies: The policies for these symbols; timed.
        fills: Fills that it must come to.
        pnl: Profit that it must come to.
        tolerance: Half of the last digit that ``pnl`` is stated to.
        copies: Starting cash in multiples of `CASH`: many symbols need more.
    """

    load: Callable[[Path], dict[str, Columns]]
    series: Callable[[str, Columns], tw.Bars | tw.Quotes]
    policies: Callable[[Sequence[str]], list[tw.Policy]]
    fills: int
    pnl: float
    tolerance: float = 0.00005
    copies: int = 1

    def run(self, arrays: dict[str, Columns]) -> tuple[int, float, dict[str, Any]]:
        """The timed part: fills, profit, and what the run says of itself."""
        series = [self.series(symbol, columns) for symbol, columns in arrays.items()]
        result = tw.backtest(self.policies(list(arrays)), series, cash=CASH * self.copies)
        fills, equity = result.fills, result.equity
        counters = result.meta.counters
        said = {
            "kernel_s": round(result.timing["run_s"], 6),
            "steps": counters.steps,
            "wakes": counters.wakes,
            "reviews": counters.reviews,
            "sent": counters.sent,
            "equity_points": len(equity),
        }
        return len(fills), float(equity["equity"][-1]) - CASH * self.copies, said


def _each(policy: Callable[[str], tw.Policy]) -> Callable[[Sequence[str]], list[tw.Policy]]:
    return lambda symbols: [policy(symbol) for symbol in symbols]


def _all_in_one(_symbols: Sequence[str]) -> list[tw.Policy]:
    return [policies.SmaCrossAll()]


def _on_bars(policy: Callable[[str], tw.Policy], fills: int, pnl: float) -> Task:
    return Task(lambda folder: {SYMBOL: bench_data.load(folder, "bars")}, bars_of, _each(policy), fills, pnl)


def _on_quotes(policy: Callable[[str], tw.Policy]) -> Task:
    return Task(
        lambda folder: {SYMBOL: bench_data.load(folder, "quotes")},
        quotes_of,
        _each(policy),
        fills=45_848,
        pnl=-462.45,
        tolerance=0.005,
    )


def _on_panel(chosen: Callable[[Sequence[str]], list[tw.Policy]], *, shifted: bool) -> Task:
    return Task(
        lambda _folder: bench_data.make_panel(PANEL_SYMBOLS, PANEL_BARS, shifted=shifted),
        bars_of,
        chosen,
        fills=224_119,
        pnl=-3_354_533.78,
        tolerance=0.005,
        copies=PANEL_SYMBOLS,
    )


# Results that no peer's script states (`Trend`, `Breakout`, the panel) are those of `bench_reference`.
TASKS: dict[str, Task] = {
    "b1_features": _on_bars(policies.SmaCross, 11_110, -160_948.6086),
    "b1_trend": _on_bars(policies.Trend, 11_432, -166_193.6094),
    "b1_breakout": _on_bars(policies.Breakout, 10_182, -153_795.7122),
    "b1_python": _on_bars(policies.SmaCrossInPython, 11_110, -160_948.6086),
    "b2_features": _on_quotes(policies.EmaCross),
    "b2_python": _on_quotes(policies.EmaCrossInPython),
    "panel_aligned": _on_panel(_all_in_one, shifted=False),
    "panel_shifted": _on_panel(_all_in_one, shifted=True),
    "panel_aligned_each": _on_panel(_each(policies.SmaCross), shifted=False),
    "panel_shifted_each": _on_panel(_each(policies.SmaCross), shifted=True),
}
"""By the name that the command line takes."""


def peak_rss_mb() -> float:
    """Most memory that this process held, in MiB; 0 where the system does not say.

    Not ``getrusage``: its figure starts at what the parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def measure(name: str, folder: Path, runs: int) -> dict[str, Any]:
    """Runs a task once cold and ``runs`` times warm.

    Raises:
        ValueError: A run came to another result than the reference.
    """
    task = TASKS[name]
    arrays = task.load(folder)
    seconds, cpu_seconds, said, peak_mb = list[float](), list[float](), dict[str, Any](), 0.0
    for turn in range(runs + 1):
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        fills, pnl, said = task.run(arrays)
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
        if turn == 0:
            peak_mb = peak_rss_mb()
        if fills != task.fills or abs(pnl - task.pnl) > task.tolerance:
            raise ValueError(
                f"{name}: {fills} fills and a profit of {pnl!r}; "
                f"the reference has {task.fills} and {task.pnl}."
            )
        # What is decided at a symbol's last bar has no next open to fill at.
        if not said["reviews"] == said["sent"] <= fills + len(arrays):
            raise ValueError(f"{name}: {said['reviews']} reviews, {said['sent']} orders sent, {fills} fills.")
    return {
        "task": name,
        "events": sum(len(columns["ts"]) for columns in arrays.values()),
        "fills": task.fills,
        "pnl": task.pnl,
        "cold_s": round(seconds[0], 6),
        "cold_cpu_s": round(cpu_seconds[0], 6),
        "seconds": [round(one, 6) for one in seconds[1:]],
        "cpu_seconds": [round(one, 6) for one in cpu_seconds[1:]],
        "peak_rss_mb": peak_mb,
        "load1": round(os.getloadavg()[0], 2),
        **said,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the measuring process."""
    parser = argparse.ArgumentParser(description="Time one task in this process; one line of JSON.")
    parser.add_argument("task", choices=[*TASKS, *bench_books.TASKS, *bench_matching.TASKS, "prepare"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args(arguments)
    if given.task == "prepare":
        bench_data.prepare(given.data)
    elif given.task in bench_matching.TASKS:
        print(json.dumps(bench_matching.measure(given.task, given.data, given.runs, peak_rss_mb)))
    elif given.task in bench_books.TASKS:
        print(json.dumps(bench_books.measure(given.task, given.data, given.runs, peak_rss_mb)))
    else:
        print(json.dumps(measure(given.task, given.data, given.runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
