"""Stoikov's microprice: the mid plus what quotes of its kind were followed by in recorded data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewright.core.features.node import Node
from tradewright.core.features.parameters import checked_symbol, sample_count
from tradewright.core.features.sources import ask_size, bid_size, mid, quoted_spread
from tradewright.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.core.series import Quotes

_ROUNDS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class MicropriceFit:
    """What the mid is expected to move by in the long run, for each kind of quote.

    Attributes:
        tick: The price step that spreads are counted in.
        adjustments: In price: for each spread of 1, 2, ... ticks (the last also stands for wider ones) one
            for each class of imbalance, from all size at the ask to all size at the bid.
    """

    tick: float
    adjustments: tuple[tuple[float, ...], ...]


def fit_microprice(quotes: Quotes, tick: float, *, imbalances: int = 9, spreads: int = 3) -> MicropriceFit:
    """Estimates Stoikov's adjustment of the mid from recorded quotes.

    A quote's state is its class of imbalance and its spread in ticks. Of what left each state, ``Q`` is the
    share that went to each state with the mid unchanged, ``T`` the same with a change of the mid, and ``r``
    the mean of that change. The adjustment is ``sum over i of B**i (1 - Q)**-1 r``, ``B = (1 - Q)**-1 T``.

    Each move is counted with its mirror image (bid and ask exchanged): the sum converges, and equal sizes
    mean no adjustment. States that never occur have none. Fit it on other data than it is used on.

    Args:
        quotes: The recorded quotes; of several at one time the last counts.
        tick: The price step.
        imbalances: How many classes of ``(bid size - ask size) / (bid size + ask size)``; odd, of equal
            width.
        spreads: How many spreads in ticks are told apart; wider ones are the widest.

    Raises:
        ValueError: a tick that is not above zero, or counts that are not positive or even.
        DataError: the mid never moves, or not enough to say where it goes.

    Source:
        Stoikov (2018), "The micro-price: a high-frequency estimator of future prices", Quantitative Finance
        18(12), theorem 3.1 and section 3.3.
    """
    import numpy as np

    if not 0.0 < tick < math.inf:
        raise ValueError(f"tick = {tick!r} is not above zero.")
    if sample_count(imbalances, "imbalances") % 2 == 0:
        raise ValueError(f"imbalances = {imbalances!r} is even. Use an odd count, so that one is balance.")
    sample_count(spreads, "spreads")
    state, mids = _states(quotes, tick, imbalances, spreads)
    before, after = state[:-1], state[1:]
    moves = np.diff(mids)
    known = (before >= 0) & (after >= 0)
    before, after, moves = before[known], after[known], moves[known]
    # The mirror image: the same spread, the opposite imbalance and move.
    flipped = imbalances - 1 - np.arange(imbalances)
    mirror = (np.arange(spreads)[:, None] * imbalances + flipped).ravel()
    before = np.concatenate([before, mirror[before]])
    after = np.concatenate([after, mirror[after]])
    moves = np.concatenate([moves, -moves])

    count = imbalances * spreads
    moved = np.abs(moves) > tick / 4  # Mids lie half ticks apart.
    stays, goes = np.zeros((count, count)), np.zeros((count, count))
    np.add.at(stays, (before[~moved], after[~moved]), 1.0)
    np.add.at(goes, (before[moved], after[moved]), 1.0)
    drift = np.bincount(before[moved], weights=moves[moved], minlength=count)
    left = np.maximum(np.bincount(before, minlength=count), 1)
    stays, goes, drift = stays / left[:, None], goes / left[:, None], drift / left
    try:
        solved: Any = np.linalg.solve(np.eye(count) - stays, np.column_stack([drift, goes]))
    except np.linalg.LinAlgError:
        solved = np.full((count, count + 1), np.nan)
    term, carry = solved[:, 0], solved[:, 1:]
    total = term.copy()
    for _ in range(_ROUNDS_MAX):
        term = carry @ term
        total += term
        if np.max(np.abs(term)) <= 1e-12 * tick:
            break
    else:
        raise DataError(
            f"has {int(moved.sum()) // 2} moves of the mid, too few to say where it goes from each state.",
            source=quotes.symbol,
            remedy="Use more quotes, or fewer imbalances and spreads.",
        )
    rows = total.reshape(spreads, imbalances).tolist()
    return MicropriceFit(float(tick), tuple(tuple(map(float, row)) for row in rows))


def _states(
    quotes: Quotes, tick: float, imbalances: int, spreads: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index of each step's state, -1 where a side is empty or the quote crossed; and its mid."""
    import numpy as np

    times = quotes.ts_recv_ns
    last = np.append(times[1:] != times[:-1], True) if len(times) else np.zeros(0, np.bool_)
    bid, ask = quotes.bid[last], quotes.ask[last]
    bids, asks = quotes.bid_size[last], quotes.ask_size[last]
    with np.errstate(invalid="ignore", divide="ignore"):
        tilt = (bids - asks) / (bids + asks)
        width = (ask - bid) / tick
        known = np.isfinite(tilt) & np.isfinite(width) & (width > 0)
        half = (imbalances - 1) // 2
        class_of = np.minimum(np.floor(np.abs(tilt) * imbalances / 2 + 0.5), half) * np.sign(tilt) + half
        spread = np.clip(np.floor(width + 0.5), 1, spreads) - 1
        state = np.where(known, spread * imbalances + class_of, -1.0)
    return state.astype(np.int64), (bid + ask) / 2


def microprice(symbol: str, fit: MicropriceFit | None = None) -> Node:
    """Stoikov's microprice: the mid plus the fit's adjustment for the quote's imbalance and spread.

    In price. Source: quotes. Ready from the first quote; NaN while a side is empty or bid and ask cross.
    `weighted_mid` is the mid weighted by sizes, which needs no data and is no martingale.

    Args:
        symbol: The instrument.
        fit: Of `fit_microprice`, on quotes from before the run. There is no microprice without one.

    Raises:
        ValueError: no fit; a fit without adjustments, or of rows of unequal or even length.

    Source:
        Stoikov (2018), definition in section 2.
    """
    if fit is None:
        raise ValueError(
            f"microprice({symbol!r}) needs a fit: what quotes of its kind were followed by in earlier data. "
            f"Give fit_microprice(quotes, tick), fitted on quotes from before the run; or use "
            f"weighted_mid({symbol!r}), which weighs the mid by the sizes at the touch and needs none."
        )
    lengths = {len(row) for row in fit.adjustments}
    if len(lengths) != 1 or (length := lengths.pop()) % 2 == 0:
        raise ValueError("the fit has rows of unequal or even length. Make one with fit_microprice.")
    table = tuple(value for row in fit.adjustments for value in row)
    inputs = (bid_size(checked_symbol(symbol)), ask_size(symbol), quoted_spread(symbol))
    shape = (length, len(fit.adjustments))
    return mid(symbol) + Node("microprice_adjustment", inputs, (fit.tick, *table), shape)
