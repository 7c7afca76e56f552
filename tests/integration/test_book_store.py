"""Book events in a store: whole, in order, and never more than a day of them in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import tradewright as tw
from tradewright.core.books import BookAction

DAY_NS = 86_400_000_000_000
EVENTS_A_DAY = 200_000

SCAN = """
import sys
import tradewright as tw
book, events = None, 0
for day in tw.data.Store(sys.argv[1]).read_days("X", "book_l2", end=sys.argv[2]):
    book = book or tw.books.book_of(day)
    events += len(book.apply(day) and day)
with open("/proc/self/status") as file:  # `ru_maxrss` would be inherited from the process that starts this.
    peak_kb = next(line.split()[1] for line in file if line.startswith("VmHWM"))
print(events, peak_kb)
"""


def day_of_events(number: int) -> tw.BookEvents:
    random = np.random.default_rng(number)
    return tw.BookEvents.from_arrays(
        "X",
        ts=number * DAY_NS + np.sort(random.integers(0, DAY_NS, EVENTS_A_DAY)),
        action=np.full(EVENTS_A_DAY, BookAction.SET),
        side=random.choice([-1, 1], EVENTS_A_DAY),
        price=100 + random.integers(0, 5_000, EVENTS_A_DAY) * 0.01,
        size=random.integers(0, 9, EVENTS_A_DAY).astype(float),
        instrument=tw.instruments.crypto_spot("X", tick_size=0.01, lot_size=1),
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_memory_is_flat_in_the_number_of_days(tmp_path: Path) -> None:
    store = tw.data.Store(tmp_path)
    for number in range(10):
        store.write(day_of_events(number))
    peaks: dict[int, int] = {}
    for days in (1, 10):
        end = str(np.datetime64(days * DAY_NS, "ns").astype("datetime64[D]"))
        done = subprocess.run(
            [sys.executable, "-c", SCAN, str(tmp_path), end], capture_output=True, text=True, check=True
        )
        events, peaks[days] = map(int, done.stdout.split())
        assert events == days * EVENTS_A_DAY
    assert peaks[10] <= 1.1 * peaks[1]


def test_events_of_one_time_keep_their_order(tmp_path: Path) -> None:
    """An order that is cancelled in the nanosecond in which it came is not cancelled first."""
    store = tw.data.Store(tmp_path)
    actions = [BookAction.ADD, BookAction.CANCEL] * 50
    events = tw.BookEvents.from_arrays(
        "X",
        ts=[5] * 100,
        action=actions,
        side=[1] * 100,
        price=[10.0] * 100,
        size=[1.0] * 100,
        order_id=[number // 2 + 1 for number in range(100)],
    )
    store.write(events)
    stored = cast("tw.BookEvents", store.read("X", "book_l3"))
    for name, column in events.columns.items():
        assert getattr(stored, name).tolist() == column.tolist()
    book = tw.books.L3Book().apply(stored)
    assert book.order_count == 0
    assert not any(book.integrity.counts.values())
    assert store.write(events).rows_known == 100
