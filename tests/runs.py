"""What every run must satisfy, whatever it was about; and small data to run on."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from tradewright.core.series import Bars, Quotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewright.core.instrument import Instrument
    from tradewright.research.result import Result

DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000
START_NS = 1_577_836_800_000_000_000  # 2020-01-01T00:00:00Z


def exact(value: float) -> Fraction:
    """The decimal that a float stands for."""
    return Fraction(repr(value))


def check_sound(result: Result, *, flows: float = 0.0) -> Result:
    """Reviews are sent plus refused; cash plus positions is start plus P&L less fees, by exact arithmetic.

    For runs in one currency with linear instruments of multiplier 1, without splits and settlements.
    ``flows`` is money from other events: dividends, funding, borrow, deposits.
    """
    counters = result.meta.counters
    assert counters.reviews == counters.sent + counters.refused
    equity = sum((exact(amount) for amount in result.meta.cash.values()), exact(flows))
    held: dict[str, Fraction] = {}
    for fill in result.fills.iter_rows(named=True):
        signed = exact(fill["size"]) * (1 if fill["side"] == "buy" else -1)
        equity -= signed * exact(fill["price"]) + exact(fill["fee"])
        held[fill["symbol"]] = held.get(fill["symbol"], Fraction(0)) + signed
    for symbol, size in held.items():
        if size:
            equity += size * mark_of(result, symbol)
    if len(result.equity):
        assert math.isclose(float(equity), result.equity["equity"][-1], rel_tol=1e-15, abs_tol=1e-9)
    return result


def mark_of(result: Result, symbol: str) -> Fraction:
    """The last mark: a close, or the middle of a quote."""
    return exact(result.prices[symbol]["close"][-1])


def bars(
    closes: Sequence[float],
    *,
    symbol: str = "X",
    opens: Sequence[float] | None = None,
    highs: Sequence[float] | None = None,
    lows: Sequence[float] | None = None,
    volume: Sequence[float] | float | None = None,
    step_ns: int = MINUTE_NS,
    start_ns: int = START_NS,
    instrument: Instrument | None = None,
    **options: Any,
) -> Bars:
    """Bars one after another; an open is the close before it, and highs and lows just hold both."""
    close = np.asarray(closes, dtype=np.float64)
    open_ = np.concatenate((close[:1], close[:-1])) if opens is None else np.asarray(opens, dtype=np.float64)
    ts = start_ns + step_ns * np.arange(1, len(close) + 1, dtype=np.int64)
    return Bars.from_arrays(
        symbol,
        ts=ts,
        open=open_,
        high=np.maximum(open_, close) if highs is None else np.asarray(highs, dtype=np.float64),
        low=np.minimum(open_, close) if lows is None else np.asarray(lows, dtype=np.float64),
        close=close,
        volume=np.full(len(close), volume, dtype=np.float64) if isinstance(volume, int | float) else volume,
        timeframe=step_ns,
        instrument=instrument,
        **options,
    )


def quotes(
    rows: Sequence[tuple[float, float]],
    *,
    symbol: str = "X",
    size: float = 10.0,
    step_ns: int = 1_000_000_000,
    start_ns: int = START_NS,
    instrument: Instrument | None = None,
) -> Quotes:
    """Quotes of (bid, ask), one a step, all of one size."""
    table = np.asarray(rows, dtype=np.float64)
    sizes = np.full(len(table), size)
    return Quotes.from_arrays(
        symbol,
        ts=start_ns + step_ns * np.arange(1, len(table) + 1, dtype=np.int64),
        bid=np.ascontiguousarray(table[:, 0]),
        ask=np.ascontiguousarray(table[:, 1]),
        bid_size=sizes,
        ask_size=sizes,
        instrument=instrument,
    )


def b1_bars(rows: int, seed: int = 7, instrument: Instrument | None = None) -> Bars:
    """The minute bars of benchmark B1: prices in whole cents, each open a little off the last close."""
    r = np.random.Generator(np.random.PCG64(seed))
    ret = r.normal(0.0, 0.0005, rows)
    gap = r.normal(0.0, 0.00005, rows)
    up = np.abs(r.normal(0.0, 0.0002, rows))
    down = np.abs(r.normal(0.0, 0.0002, rows))
    volume = np.round(r.lognormal(3.0, 1.0, rows) + 10.0, 3)
    close = 30_000.0 * np.exp(np.cumsum(ret - 0.5 * 0.0005**2))
    previous = np.concatenate(([30_000.0], close[:-1]))
    open_ = np.round(previous * (1.0 + gap), 2)
    close = np.round(close, 2)
    return Bars.from_arrays(
        "X",
        ts=START_NS + np.arange(1, rows + 1, dtype=np.int64) * MINUTE_NS,
        open=open_,
        high=np.round(np.maximum(open_, close) * (1.0 + up), 2),
        low=np.round(np.minimum(open_, close) * (1.0 - down), 2),
        close=close,
        volume=volume,
        timeframe="1m",
        instrument=instrument,
    )


def b2_quotes(
    rows: int, seed: int = 11, keep: int | None = None, instrument: Instrument | None = None
) -> Quotes:
    """The first ``keep`` quotes of benchmark B2: a random walk with a spread of 1 to 3 ticks."""
    r = np.random.Generator(np.random.PCG64(seed))
    step = r.integers(-3, 4, rows)
    mid = 3_000_000 + np.cumsum(step)
    spread = r.integers(1, 4, rows)
    bid = mid - spread // 2
    ask = bid + spread
    bid_size = np.round(r.integers(1, 5000, rows) / 1000.0 + 1.0, 3)
    ask_size = np.round(r.integers(1, 5000, rows) / 1000.0 + 1.0, 3)
    ts = np.int64(1_704_067_200_000_000_000) + np.cumsum(r.integers(1_000_000, 200_000_000, rows))
    kept = slice(0, keep)
    return Quotes.from_arrays(
        "X",
        ts=ts[kept].astype(np.int64),
        bid=np.round(bid / 100.0, 2)[kept],
        ask=np.round(ask / 100.0, 2)[kept],
        bid_size=bid_size[kept],
        ask_size=ask_size[kept],
        instrument=instrument,
    )
