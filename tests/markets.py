"""Made-up markets for makers: a binary contract whose price is a martingale, and those who trade it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradewright.core import presets
from tradewright.core.series import Quotes, Series, Trades

if TYPE_CHECKING:
    from tradewright.core.instrument import Instrument

SECOND_NS = 1_000_000_000
START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


def event_market(
    seed: int,
    *,
    rows: int = 2_000,
    start: float = 0.5,
    volatility: float = 0.02,
    informed: float = 0.0,
    spread: float = 0.08,
    symbol: str = "EVENT",
    instrument: Instrument | None = None,
) -> list[Series]:
    """Quotes each second and a trade between each two.

    The log-odds of the mid walk at random, corrected so that the price is a martingale. An informed trader
    knows the mid of the next second and buys before it rises; the others toss a coin. Trades print at the
    market's wide touch, so that whoever quotes inside of it is met first.

    Args:
        seed: Of all randomness.
        rows: How many seconds.
        start: First price.
        volatility: Of the log-odds in a second.
        informed: Share of the trades that are informed.
        spread: Of the market's own quotes.
        symbol: The instrument's symbol.
        instrument: What is traded; a binary of cents without fees if left out.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    mid = np.empty(rows)
    value = start
    for row in range(rows):
        mid[row] = value
        # Up and down by equal amounts of price, whatever the odds: a martingale without a correction.
        value += volatility * value * (1 - value) * (1 if rng.random() < 0.5 else -1)
    times = START_NS + SECOND_NS * np.arange(rows, dtype=np.int64)
    bid = np.clip(np.floor((mid - spread / 2) * 100 + 1e-9) / 100, 0.01, 0.99)
    ask = np.clip(np.ceil((mid + spread / 2) * 100 - 1e-9) / 100, 0.02, 1.0)
    next_moves = np.sign(np.append(mid[1:], mid[-1]) - mid)
    tossed = np.where(rng.random(rows) < 0.5, 1.0, -1.0)
    side = np.where(rng.random(rows) < informed, np.where(next_moves == 0, tossed, next_moves), tossed)
    sizes = rng.integers(1, 20, rows).astype(np.float64)
    contract = presets.binary(symbol) if instrument is None else instrument
    return [
        Quotes.from_arrays(
            symbol,
            ts=times,
            bid=bid,
            ask=ask,
            bid_size=np.full(rows, 50.0),
            ask_size=np.full(rows, 50.0),
            instrument=contract,
        ),
        Trades.from_arrays(
            symbol,
            ts=times + SECOND_NS // 2,
            price=np.where(side > 0, ask, bid),
            size=sizes,
            aggressor=side.astype(np.int8),
            instrument=contract,
        ),
    ]
