"""B4: the matching engine on a million operations, a call an operation or all of them as arrays."""

from __future__ import annotations

import gc
import os
import time
from typing import TYPE_CHECKING, Any

import bench_data
import numpy as np

from tradewright.sim import MatchingEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench_data import Columns

Work = tuple["Callable[[], None]", MatchingEngine]


def one_by_one(columns: Columns) -> Work:
    """Through the same small dispatch function and loop as the peers, over lists made before."""
    names = ("kind", "side", "price", "qty", "ref")
    kinds, sides, prices, sizes, refs = (columns[name].tolist() for name in names)
    operations = list(zip(range(len(kinds)), kinds, map(bool, sides), prices, sizes, refs, strict=True))
    engine = MatchingEngine()
    limit, cancel, market = engine.limit, engine.cancel, engine.market

    def one(row: int, kind: int, is_buy: bool, price: int, size: int, ref: int) -> None:
        if kind == 0:
            limit(row, is_buy, price, size)
        elif kind == 1:
            cancel(ref)
        else:
            market(row, is_buy, size)

    def work() -> None:
        for row, kind, is_buy, price, size, ref in operations:
            one(row, kind, is_buy, price, size, ref)

    return work, engine


def batched(columns: Columns) -> Work:
    """Raw arrays in, arrays of fills out; the column of ids is made inside of the clock."""
    engine = MatchingEngine()

    def work() -> None:
        kind = columns["kind"]
        ids = np.arange(len(kind))
        np.copyto(ids, columns["ref"], where=kind == 1)
        result = engine.run(kind, ids, columns["side"], columns["price"], columns["qty"])
        if len(result.fills.size) != engine.trades:
            raise ValueError(f"{len(result.fills.size)} fills came out of {engine.trades} trades.")

    return work, engine


TASKS: dict[str, Callable[[Columns], Work]] = {"b4_calls": one_by_one, "b4_batch": batched}
"""By the name that the command line takes."""


def run_once(name: str, columns: Columns) -> tuple[float, float]:
    """Wall and CPU seconds of one run.

    Raises:
        ValueError: It came to another result than the reference book.
    """
    work, engine = TASKS[name](columns)
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found, expected = [engine.trades, engine.volume, engine.resting], columns["expect"].tolist()
    if found != expected:
        raise ValueError(f"{name}: trades, volume and live orders {found}; the reference has {expected}.")
    last = engine.fills()
    if engine.fill_columns()["size"].sum() != engine.volume or len(last) > engine.trades:
        raise ValueError(f"{name}: the fills that can be read are not those that were counted.")
    return wall, cpu


def measure(name: str, folder: Path, runs: int, peak_rss_mb: Callable[[], float]) -> dict[str, Any]:
    """Runs a task once cold and ``runs`` times warm."""
    columns = bench_data.load(folder, "ops")
    cold = run_once(name, columns)
    peak_mb = peak_rss_mb()
    times = [run_once(name, columns) for _ in range(runs)]
    return {
        "task": name,
        "events": len(columns["kind"]),
        "trades_volume_live": columns["expect"].tolist(),
        "cold_s": round(cold[0], 6),
        "cold_cpu_s": round(cold[1], 6),
        "seconds": [round(wall, 6) for wall, _ in times],
        "cpu_seconds": [round(cpu, 6) for _, cpu in times],
        "peak_rss_mb": peak_mb,
        "load1": round(os.getloadavg()[0], 2),
    }
