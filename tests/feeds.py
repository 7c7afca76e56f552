"""Recorded feeds read a second way, as a peer reads them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
LOCAL, BUY, SELL = 1 << 30, 1 << 29, 1 << 28
ROW = np.dtype([("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")])

MAKER_TOML = """
[[policies]]
use = "tradewright.strategies:SymmetricMaker"
symbol = "BTCUSDT"
half_spread = 0.01
size = 1
position_max = 5
refresh = "200ms"
"""
"""A maker of what `write_small_recording` records, as a configuration names it."""


def hftbacktest_rows(path: Path) -> NDArray[Any]:
    """A Binance futures recording as the rows that hftbacktest's trader receives.

    Every change counts from the first line on, also before the snapshot; a snapshot clears a side as far as
    its deepest price and sets its levels; the local clock is put forward by the most negative latency of
    depth, trades and snapshot.

    Source:
        hftbacktest 2.4.4, ``data/utils/binancefutures.py`` and ``data/validation.py``, written anew.
    """
    rows: list[tuple[int, int, int, float, float]] = []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        local, message = int(line[:19]), json.loads(line[20:])
        data = message.get("data", message)
        venue = data.get("T", 0) * 1_000_000
        if data.get("e") == "trade" and data["X"] == "MARKET":
            side = SELL if data["m"] else BUY
            rows.append((TRADE | side, venue, local, float(data["p"]), float(data["q"])))
        elif data.get("e") == "depthUpdate":
            for side, key in ((BUY, "b"), (SELL, "a")):
                rows += [(DEPTH | side, venue, local, float(px), float(qty)) for px, qty in data[key]]
        elif "lastUpdateId" in data:
            for side, key in ((BUY, "bids"), (SELL, "asks")):
                rows.append((CLEAR | side, venue, local, float(data[key][-1][0]), 0.0))
                rows += [(SNAPSHOT | side, venue, local, float(px), float(qty)) for px, qty in data[key]]
    table = np.array(rows, ROW)
    table["ev"] |= LOCAL
    table["local_ts"] += max(0, -int((table["local_ts"] - table["exch_ts"]).min()))
    return table[np.argsort(table["local_ts"], kind="stable")]


def write_small_recording(path: Path, *, messages: int = 600, seed: int = 5) -> Path:
    """A recording as the Binance recorder writes it, made up: a snapshot, changes every 100 ms, and prints.

    The mid walks by ticks of 0.01 around 100; each level is told again when its size changes. Prints come
    just before the message that shows what they left.
    """
    draws = np.random.default_rng(seed)
    start_ns, ms = 1_723_161_256_000_000_000, 1_000_000
    bids, asks = ({9_999 - step: 5.0 for step in range(5)}, {10_001 + step: 5.0 for step in range(5)})
    lines: list[tuple[int, dict[str, Any]]] = []

    def told(at: int, name: str, **data: Any) -> None:
        stamp = start_ns // ms + at
        kind = {"depth": "depthUpdate"}.get(name, name)
        data = {"e": kind, "E": stamp, "T": stamp, "s": "BTCUSDT", **data}
        lines.append((start_ns + (at + 3) * ms, {"stream": f"btcusdt@{name}", "data": data}))

    def written(levels: dict[int, float]) -> list[list[str]]:
        return [[f"{tick / 100:.2f}", f"{size:.1f}"] for tick, size in sorted(levels.items())]

    lines.append(
        (start_ns, {"lastUpdateId": 100, "T": start_ns // ms, "bids": written(bids), "asks": written(asks)})
    )
    middle = 10_000
    for number in range(1, messages + 1):
        middle += int(draws.choice([-1, 0, 1], p=[0.03, 0.94, 0.03]))
        sides: list[dict[int, float]] = []
        for levels, sign in ((bids, -1), (asks, 1)):
            wanted = {middle + sign * (1 + step): float(draws.integers(1, 20)) for step in range(5)}
            changed = {tick: 0.0 for tick in levels if tick not in wanted}
            changed |= {tick: size for tick, size in wanted.items() if levels.get(tick) != size}
            levels.clear()
            levels.update(wanted)
            sides.append(changed)
        if draws.random() < 0.6:
            is_sale = bool(draws.integers(2))
            tick = middle - 1 if is_sale else middle + 1
            size = f"{float(draws.integers(1, 4)):.1f}"
            told(number * 100 - 1, "trade", p=f"{tick / 100:.2f}", q=size, m=is_sale, X="MARKET")
        bid, ask = (written(side) for side in sides)
        told(number * 100, "depth", U=100 + number, u=100 + number, pu=99 + number, b=bid, a=ask)
    with gzip.open(path, "wt") as file:
        file.writelines(f"{stamp} {json.dumps(message)}\n" for stamp, message in lines)
    return path
