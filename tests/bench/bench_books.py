"""B3: the recorded BTCUSDT feed, with a market maker woken every 100 ms and with nobody who trades.

The rows are those that hftbacktest's converter makes of the recording (``l2_raw.npy``), so that both engines
read the same numbers. What the maker must come to is hftbacktest's own result; the causal clock, which it
does not have, is held to what it gave when it was written down, beside an explanation in
``docs/assumptions.md``.
"""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from bench_policies import TouchMaker

import tradewright as tw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench_data import Columns
    from numpy.typing import NDArray

SYMBOL = "BTCUSDT"
CASH = 1_000_000
LATENCY_NS = 10_000_000
ROWS = "l2_raw.npy"
INSTRUMENT = tw.Instrument(
    symbol=SYMBOL, price_unit=0.1, lot_size=0.001, fees=(tw.Fees(maker_bps=2, taker_bps=5),)
)
# Bits and kinds of hftbacktest's event field.
_LOCAL, _BUY, _SELL = 1 << 30, 1 << 29, 1 << 28
_ACTIONS = {1: 1, 2: 0, 3: 3, 4: 1}  # depth, trade, clear, snapshot: BookAction.SET, TRADE, CLEAR, SET


@dataclass(frozen=True)
class Task:
    """One piece of work on the feed.

    Attributes:
        clock: Of the venue.
        trades: The maker quotes; otherwise it is woken as often and asks for nothing.
        wakes: It is woken every 100 ms; otherwise never.
        sent: Orders that must be sent.
        fills: Fills that it must come to.
        cash: Change of cash that it must come to, fees paid: what was sold less what was bought.
        position: What it must hold at the end.
    """

    clock: Literal["causal", "venue"]
    trades: bool = True
    wakes: bool = True
    sent: int = 0
    fills: int = 0
    cash: float = 0.0
    position: float = 0.0


TASKS: dict[str, Task] = {
    "b3_venue": Task("venue", sent=792, fills=388, cash=-1_253.786 - 47.892073, position=0.02),
    "b3_causal": Task("causal", sent=792, fills=408, cash=-1_255.618 - 50.359982, position=0.02),
    "b3_woken": Task("causal", trades=False),
    "b3_books": Task("causal", trades=False, wakes=False),
}
"""By the name that the command line takes."""


def load(folder: Path) -> Columns:
    """The rows as the trader receives them, as columns of book events; and the file's first venue time.

    Raises:
        FileNotFoundError: hftbacktest's converter has not run.
    """
    rows: NDArray[Any] = np.load(folder / ROWS)
    return columns_of(rows)


def columns_of(rows: NDArray[Any]) -> Columns:
    """Columns of book events out of hftbacktest's rows; each receive time is a message."""
    first = int(rows["exch_ts"].min())
    rows = rows[(rows["ev"] & _LOCAL) != 0]
    flags, recv = rows["ev"], np.ascontiguousarray(rows["local_ts"])
    kinds = np.zeros(256, np.uint8)
    for code, action in _ACTIONS.items():
        kinds[code] = action
    side = np.where(flags & _BUY, 1, np.where(flags & _SELL, -1, 0))
    return {
        "ts": np.ascontiguousarray(rows["exch_ts"]),
        "ts_recv": recv,
        "action": kinds[flags & 0xFF],
        "side": side.astype(np.int8),
        "price": np.ascontiguousarray(rows["px"]),
        "size": np.ascontiguousarray(rows["qty"]),
        "flags": np.append(recv[1:] != recv[:-1], True).astype(np.uint8),
        "first": np.array([first]),
    }


def events_of(columns: Columns) -> tw.BookEvents:
    """The columns as a series."""
    return tw.BookEvents.from_arrays(
        SYMBOL,
        **{name: column for name, column in columns.items() if name != "first"},
        instrument=INSTRUMENT,
        model="l2",
    )


def run_once(name: str, columns: Columns) -> tuple[float, float]:
    """Wall and CPU seconds of one run, from arrays to fills and equity that have been read.

    Raises:
        ValueError: It came to another result than the reference.
    """
    task = TASKS[name]
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    result = backtest(task, columns)
    fills, _ = result.fills, result.equity
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    signed = np.where(fills["side"].to_numpy() == "buy", 1, -1) * fills["size"].to_numpy()
    cash = -float((signed * fills["price"].to_numpy()).sum() + fills["fee"].sum())
    found = (result.meta.counters.sent, len(fills), round(float(signed.sum()), 6))
    if found != (task.sent, task.fills, task.position) or abs(cash - task.cash) > 1e-6:
        raise ValueError(
            f"{name}: orders, fills and position {found}, cash {cash!r}; "
            f"the reference has {(task.sent, task.fills, task.position)} and {task.cash!r}."
        )
    return wall, cpu


def backtest(task: Task, columns: Columns) -> tw.Result:
    """The task's run."""
    period_ns = 100_000_000
    phase_ns = int(columns["first"][0]) % period_ns if task.wakes else None
    return tw.backtest(
        TouchMaker(SYMBOL, phase_ns=phase_ns, is_trading=task.trades),
        events_of(columns),
        cash=CASH,
        venue=tw.Venue(
            clock=task.clock,
            latency=tw.ConstantLatency(entry_ns=LATENCY_NS, response_ns=LATENCY_NS),
            fills=tw.Fills(queue=tw.RiskAverseQueue(), partial=False),
        ),
    )


def measure(name: str, folder: Path, runs: int, peak_rss_mb: Callable[[], float]) -> dict[str, Any]:
    """Runs a task once cold and ``runs`` times warm."""
    columns = load(folder)
    cold = run_once(name, columns)
    peak_mb = peak_rss_mb()
    times = [run_once(name, columns) for _ in range(runs)]
    return {
        "task": name,
        "events": len(columns["ts"]),
        "fills": TASKS[name].fills,
        "cold_s": round(cold[0], 6),
        "cold_cpu_s": round(cold[1], 6),
        "seconds": [round(wall, 6) for wall, _ in times],
        "cpu_seconds": [round(cpu, 6) for _, cpu in times],
        "peak_rss_mb": peak_mb,
        "load1": round(os.getloadavg()[0], 2),
    }
