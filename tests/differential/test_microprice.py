"""Stoikov's microprice: the estimate against expected moves step by step, the node against a look-up."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.errors import DataError

TICK = 0.5


def queues(seed: int, count: int) -> tw.Quotes:
    """Two queues that grow and shrink; the price moves when one is empty. Spreads of one to three ticks."""
    random = np.random.default_rng(seed)
    bid, spread, sizes = 200, 1, [5, 5]
    rows: list[tuple[float, float, int, int]] = []
    for _ in range(count):
        side = int(random.integers(0, 2))
        sizes[side] += int(random.choice([-1, 1]))
        if sizes[side] == 0:
            wide = int(random.integers(1, 4))
            bid, spread = (bid - 1 if side == 0 else bid + spread + 1 - wide), wide
            sizes = [int(size) for size in random.integers(1, 9, 2)]
        empty = random.random() < 0.01
        rows.append((math.nan if empty else bid * TICK, (bid + spread) * TICK, sizes[0], sizes[1]))
    bids, asks, bid_sizes, ask_sizes = zip(*rows, strict=True)
    times = 1_700_000_000_000_000_000 + np.cumsum(random.choice([0, 1, 1, 1], count))
    return tw.Quotes.from_arrays(
        "A", ts=times, bid=bids, ask=asks, bid_size=bid_sizes, ask_size=ask_sizes,
        instrument=tw.instruments.crypto_spot("A", tick_size=TICK, lot_size=1),
    )  # fmt: skip


def state_of(
    bid: float, ask: float, bids: float, asks: float, imbalances: int, spreads: int
) -> tuple[int, int] | None:
    """Spread and class of imbalance, found by going through the classes."""
    if math.isnan(bid) or math.isnan(ask):
        return None
    tilt, half = Fraction(int(bids - asks), int(bids + asks)), imbalances // 2
    near = min(
        range(-half, half + 1), key=lambda place: (abs(tilt - Fraction(2 * place, imbalances)), -abs(place))
    )
    return min(round((ask - bid) / TICK), spreads), near


def steps(quotes: tw.Quotes) -> list[tuple[float, float, float, float]]:
    rows = zip(quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size, strict=True)
    by_time = dict(zip(quotes.ts_recv_ns.tolist(), rows, strict=True))
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in by_time.values()]


@pytest.mark.parametrize(("imbalances", "spreads"), [(3, 1), (5, 2), (9, 3)])
def test_the_adjustment_is_what_the_mid_moves_by_in_the_long_run(imbalances: int, spreads: int) -> None:
    quotes = queues(1, 20_000)
    fit = f.fit_microprice(quotes, TICK, imbalances=imbalances, spreads=spreads)
    moves: defaultdict[tuple[int, int], Counter[tuple[float, tuple[int, int]]]] = defaultdict(Counter)
    for now, then in pairwise(steps(quotes)):
        a, b = (state_of(*row, imbalances, spreads) for row in (now, then))
        if a is not None and b is not None:
            move = (then[0] + then[1] - now[0] - now[1]) / 2
            moves[a][move, b] += 1
            moves[a[0], -a[1]][-move, (b[0], -b[1])] += 1
    # Expected move of the mid over ever more steps, instead of the sum over its changes.
    worth = dict.fromkeys(moves, 0.0)
    change = 1.0
    while change > 1e-12:
        before, worth = (
            worth,
            {
                state: sum(n * (move + worth.get(to, 0.0)) for (move, to), n in after.items()) / after.total()
                for state, after in moves.items()
            },
        )
        change = max(abs(worth[state] - before[state]) for state in moves)
    half = imbalances // 2
    wanted = [
        [worth.get((spread, place), 0.0) for place in range(-half, half + 1)]
        for spread in range(1, spreads + 1)
    ]
    np.testing.assert_allclose(fit.adjustments, wanted, atol=1e-8)
    assert all(row[half] == pytest.approx(0.0, abs=1e-9) for row in fit.adjustments)
    assert all(row[-1] > 0 > row[0] for row in fit.adjustments)


@pytest.mark.parametrize(("imbalances", "spreads"), [(3, 1), (5, 2), (9, 3)])
def test_the_node_looks_the_adjustment_up(imbalances: int, spreads: int) -> None:
    fit = f.fit_microprice(queues(1, 5_000), TICK, imbalances=imbalances, spreads=spreads)
    quotes = queues(2, 3_000)
    wanted = list[float]()
    for row in steps(quotes):
        state = state_of(*row, imbalances, spreads)
        added = math.nan if state is None else fit.adjustments[state[0] - 1][state[1] + imbalances // 2]
        wanted.append((row[0] + row[1]) / 2 + added)
    got = f.compute({"x": f.microprice("A", fit)}, quotes)["x"].to_numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_moves_of_known_probability() -> None:
    """Imbalance drawn anew each step: what it says of the next move is all that it says."""
    random, count = np.random.default_rng(5), 200_000
    tilt = random.integers(-1, 2, count)
    up = random.random(count) < 0.5 + 0.3 * tilt
    move = np.where(random.random(count) < 0.4, np.where(up, 1, -1), 0)
    bid = TICK * (100_000 + np.concatenate([[0], np.cumsum(move)[:-1]]))
    quotes = tw.Quotes.from_arrays(
        "A", ts=1_700_000_000_000_000_000 + np.arange(count), bid=bid, ask=bid + TICK,
        bid_size=5 + 4 * tilt, ask_size=5 - 4 * tilt,
    )  # fmt: skip
    fit = f.fit_microprice(quotes, TICK, imbalances=3, spreads=1)
    error = TICK * math.sqrt(0.4 / (count / 3))
    np.testing.assert_allclose(fit.adjustments[0], np.array([-1, 0, 1]) * 0.24 * TICK, atol=5 * error)


def test_a_fit_that_cannot_be_made_says_so() -> None:
    quotes = queues(1, 200)
    with pytest.raises(ValueError, match="imbalances = 4 is even"):
        f.fit_microprice(quotes, TICK, imbalances=4)
    with pytest.raises(ValueError, match=r"tick = 0\.0"):
        f.fit_microprice(quotes, 0.0)
    with pytest.raises(ValueError, match="spreads = 0"):
        f.fit_microprice(quotes, TICK, spreads=0)
    with pytest.raises(ValueError, match="rows of unequal or even length"):
        f.microprice("A", f.MicropriceFit(TICK, ((0.0,), (0.0, 0.0, 0.0))))
    still = tw.Quotes.from_arrays(
        "A", ts=1_700_000_000_000_000_000 + np.arange(9), bid=[1.0] * 9, ask=[1.5] * 9, bid_size=[1.0] * 9,
        ask_size=[1.0] * 9,
    )  # fmt: skip
    with pytest.raises(DataError, match="has 0 moves of the mid"):
        f.fit_microprice(still, TICK)
