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
