"""A backtest of ten days of a store takes no more memory than one of a day."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tradewright as tw
from tradewright.core.books import BookAction

DAY_NS = 86_400_000_000_000
EVENTS_A_DAY, TRADES_A_DAY = 700_000, 40_000
INSTRUMENT = tw.instruments.crypto_spot("X", tick_size=0.01, lot_size=1)

# A child inherits `ru_maxrss` from the process that started it; the kernel's VmHWM is its own.
# The maker stands far off and moves once an hour: what a run did is kept, and is not what is measured here.
RUN = """
import sys
import tradewright as tw
from tradewright.strategies import SymmetricMaker
store = tw.data.Store(sys.argv[1])
data = [store.stream("X", kind, end=sys.argv[2]) for kind in ("book_l2", "trades")]
maker = SymmetricMaker("X", half_spread=40, size=1, position_max=1, refresh="1h")
venue = tw.Venue(clock=sys.argv[3], latency=tw.ConstantLatency(entry_ns=5_000_000))
counters = tw.backtest(maker, data, venue=venue).meta.counters
with open("/proc/self/status") as file:
    peak_kb = next(line.split()[1] for line in file if line.startswith("VmHWM"))
print(sum(map(len, data)), counters.orders, peak_kb)
"""


def day_of(number: int) -> tuple[tw.BookEvents, tw.Trades]:
    random = np.random.default_rng(number)
    recv = number * DAY_NS + np.sort(random.integers(DAY_NS // 100, DAY_NS, EVENTS_A_DAY))
    side = random.choice([-1, 1], EVENTS_A_DAY)
    book = tw.BookEvents.from_arrays(
        "X",
        ts=recv - random.integers(0, 50_000_000, EVENTS_A_DAY),
        ts_recv=recv,
        action=np.full(EVENTS_A_DAY, BookAction.SET),
        side=side,
        price=100 - side * random.integers(1, 2_000, EVENTS_A_DAY) * 0.01,
        size=random.integers(0, 9, EVENTS_A_DAY).astype(float),
        instrument=INSTRUMENT,
    )
    recv = number * DAY_NS + np.sort(random.integers(DAY_NS // 100, DAY_NS, TRADES_A_DAY))
    aggressor = random.choice([-1, 1], TRADES_A_DAY)
    trades = tw.Trades.from_arrays(
        "X",
        ts=recv,
        price=100 + aggressor * 0.01,
        size=random.integers(1, 4, TRADES_A_DAY).astype(float),
        aggressor=aggressor,
        instrument=INSTRUMENT,
    )
    return book, trades


def measured(store: Path, end: str, clock: str) -> tuple[int, int, int]:
    """Rows, orders and peak memory in kB of a run; the lower of two, for threads keep heaps of their own."""
    runs: list[tuple[int, ...]] = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(store), end, clock], capture_output=True, text=True, check=True
        )
        runs.append(tuple(map(int, done.stdout.split())))
    rows, orders, peak_kb = min(runs)
    return rows, orders, peak_kb


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_memory_of_a_backtest_is_flat_in_the_number_of_days(tmp_path: Path) -> None:
    store = tw.data.Store(tmp_path)
    for number in range(10):
        store.write(day_of(number))
    for clock in ("causal", "venue"):
        peaks: dict[int, int] = {}
        for days in (1, 10):
            end = str(np.datetime64(days * DAY_NS, "ns").astype("datetime64[D]"))
            rows, orders, peaks[days] = measured(tmp_path, end, clock)
            assert rows == days * (EVENTS_A_DAY + TRADES_A_DAY)
            assert 0 < orders < 2_000
        assert peaks[10] <= 1.1 * peaks[1], f"{clock}: {peaks} kB"
