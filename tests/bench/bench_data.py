"""The synthetic inputs of the benchmarks, made from fixed seeds and checked by their sha256.

The generators are those of the peers' benchmark scripts, so that every engine reads the same rows.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Columns: TypeAlias = dict[str, NDArray[Any]]

BARS = 500_000
QUOTES = 1_000_000
OPERATIONS = 1_000_000
SHA256 = {
    "bars": "2617c8d44cd98826b6dc76a64c1caa8dd12543ae8b4da4d3d4bf24d9622d3ca3",
    "quotes": "673a5f25ea681bd5e6d5ae03c1046622c3a03b325b083d414acda01a96be0d4b",
    "ops": "2050aa744e20698307df63eab257af2fbc67b32424b5e2681f619ed11e51ce67",
}
"""Of the whole sets, over the arrays in the order of their names."""

MINUTE_NS = 60_000_000_000


def make_bars(rows: int = BARS, seed: int = 7) -> Columns:
    """One-minute bars in whole cents, each open a little off the last close; ``ts`` is the close in ns."""
    draws = np.random.Generator(np.random.PCG64(seed))
    moves = draws.normal(0.0, 0.0005, rows)
    gaps = draws.normal(0.0, 0.00005, rows)
    up = np.abs(draws.normal(0.0, 0.0002, rows))
    down = np.abs(draws.normal(0.0, 0.0002, rows))
    volume = np.round(draws.lognormal(3.0, 1.0, rows) + 10.0, 3)  # One unit always fills whole.
    close = 30_000.0 * np.exp(np.cumsum(moves - 0.5 * 0.0005**2))
    before = np.concatenate(([30_000.0], close[:-1]))
    open_ = np.round(before * (1.0 + gaps), 2)
    close = np.round(close, 2)
    high = np.round(np.maximum(open_, close) * (1.0 + up), 2)
    low = np.round(np.minimum(open_, close) * (1.0 - down), 2)
    ts = np.int64(1_577_836_800_000_000_000) + np.arange(1, rows + 1, dtype=np.int64) * MINUTE_NS
    return {"ts": ts, "open": open_, "high": high, "low": low, "close": close, "volume": volume}


def make_quotes(rows: int = QUOTES, seed: int = 11) -> Columns:
    """Best bid and ask in ticks of 0.01 around a random walk, 1 to 3 ticks apart."""
    draws = np.random.Generator(np.random.PCG64(seed))
    steps = draws.integers(-3, 4, rows)
    mid = 3_000_000 + np.cumsum(steps)
    spread = draws.integers(1, 4, rows)
    bid = mid - spread // 2
    ask = bid + spread
    bid_size = draws.integers(1, 5000, rows) / 1000.0 + 1.0
    ask_size = draws.integers(1, 5000, rows) / 1000.0 + 1.0
    waits = draws.integers(1_000_000, 200_000_000, rows)
    ts = np.int64(1_704_067_200_000_000_000) + np.cumsum(waits)
    return {
        "ts": ts.astype(np.int64),
        "bid": np.round(bid / 100.0, 2),
        "ask": np.round(ask / 100.0, 2),
        "bid_size": np.round(bid_size, 3),
        "ask_size": np.round(ask_size, 3),
    }


def make_panel(symbols: int, rows: int, *, shifted: bool) -> dict[str, Columns]:
    """Bars of many symbols, each a walk of its own; ``shifted`` puts no two of them at one time."""
    panel: dict[str, Columns] = {}
    for index in range(symbols):
        bars = make_bars(rows, seed=1_000 + index)
        if shifted:
            bars["ts"] = bars["ts"] + index * (MINUTE_NS // symbols)
        panel[f"S{index:03d}"] = bars
    return panel


class _Reference:
    """A book that knows which orders live, to make operations that every correct book handles alike."""

    def __init__(self) -> None:
        self.queues: dict[bool, dict[int, deque[int]]] = {True: {}, False: {}}
        self.best: dict[bool, list[int]] = {True: [], False: []}  # heaps of prices, those of bids negated
        self.left: dict[int, int] = {}
        self.where: dict[int, tuple[bool, int]] = {}
        self.live: list[int] = []
        self.at: dict[int, int] = {}
        self.trades = self.volume = 0

    def _end(self, order: int) -> None:
        del self.left[order], self.where[order]
        gap, last = self.at.pop(order), self.live.pop()
        if gap < len(self.live):
            self.live[gap] = last
            self.at[last] = gap

    def cancel(self, order: int) -> tuple[bool, int]:
        """Side and price of the order that ends."""
        is_buy, price = self.where[order]
        queue = self.queues[is_buy][price]
        queue.remove(order)
        if not queue:
            del self.queues[is_buy][price]
        self._end(order)
        return is_buy, price

    def enter(self, order: int, is_buy: bool, price: int | None, size: int) -> None:
        """An order that takes what it can and rests with the remainder."""
        others, heap, sign = self.queues[not is_buy], self.best[not is_buy], 1 if is_buy else -1
        while size and heap:
            best = heap[0] * sign
            if best not in others:
                heapq.heappop(heap)
                continue
            if price is not None and (best > price if is_buy else best < price):
                break
            queue = others[best]
            while size and queue:
                traded = min(size, self.left[queue[0]])
                size -= traded
                self.left[queue[0]] -= traded
                self.trades, self.volume = self.trades + 1, self.volume + traded
                if not self.left[queue[0]]:
                    self._end(queue.popleft())
            if not queue:
                del others[best]
        if size:
            if price is None:
                raise ValueError("a market order larger than the book")
            if price not in self.queues[is_buy]:
                self.queues[is_buy][price] = deque()
                heapq.heappush(self.best[is_buy], -sign * price)
            self.queues[is_buy][price].append(order)
            self.left[order], self.where[order] = size, (is_buy, price)
            self.at[order] = len(self.live)
            self.live.append(order)


def make_operations(rows: int = OPERATIONS, seed: int = 13) -> Columns:
    """Operations on an order book: 60 % limits, 30 % cancels, 10 % market orders, around a walk of the mid.

    ``kind`` is 0 for a limit order, 1 for a cancel, 2 for a market order; a cancel's ``ref`` is the row of
    the order that it ends, which lives then. ``expect``: trades, traded volume, orders alive at the end.
    """
    draws = np.random.Generator(np.random.PCG64(seed))
    what = draws.random(rows)
    away = draws.geometric(0.15, rows)
    crosses = draws.random(rows) < 0.08
    side = draws.integers(0, 2, rows)
    size = draws.integers(1, 101, rows)
    pick = draws.random(rows)
    middle = 100_000 + np.cumsum(draws.integers(-1, 2, rows) * (draws.random(rows) < 0.02))
    kind, price, ref = np.zeros(rows, np.int8), np.zeros(rows, np.int64), np.full(rows, -1, np.int64)
    book = _Reference()
    for row in range(rows):
        if what[row] >= 0.60 and len(book.live) >= 200 and what[row] < 0.90:
            kind[row], size[row] = 1, 0
            ref[row] = order = book.live[int(pick[row] * len(book.live))]
            side[row], price[row] = book.cancel(order)
            continue
        is_buy, limit = bool(side[row]), None
        if what[row] >= 0.60 and len(book.live) >= 200:
            kind[row] = 2
        else:
            offset = 2 if crosses[row] else -int(away[row])
            price[row] = limit = int(middle[row]) + (offset if is_buy else -offset)
        book.enter(row, is_buy, limit, int(size[row]))
    return {
        "kind": kind,
        "side": side.astype(np.int8),
        "price": price,
        "qty": size.astype(np.int64),
        "ref": ref,
        "expect": np.array([book.trades, book.volume, len(book.live)], np.int64),
    }


def sha256(columns: Mapping[str, NDArray[Any]]) -> str:
    """Checksum over the arrays in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(columns):
        digest.update(np.ascontiguousarray(columns[name]).tobytes())
    return digest.hexdigest()


def load(folder: Path, kind: str) -> Columns:
    """A set from ``folder``, as the peers' scripts read it too.

    Raises:
        FileNotFoundError: `prepare` has not run.
    """
    with np.load(folder / f"{kind}.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def prepare(folder: Path) -> None:
    """Makes the sets that ``folder`` lacks and checks all of them.

    Raises:
        ValueError: A set differs from the one that the reference results belong to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for kind, make in (("bars", make_bars), ("quotes", make_quotes), ("ops", make_operations)):
        path = folder / f"{kind}.npz"
        if not path.exists():
            np.savez(path, allow_pickle=False, **make())
        found = sha256(load(folder, kind))
        if found != SHA256[kind]:
            raise ValueError(
                f"{path}: sha256 {found}, expected {SHA256[kind]}. Delete the file. If it comes again, "
                f"this numpy ({np.__version__}) draws other numbers than 2.4 did: no reference result holds."
            )
