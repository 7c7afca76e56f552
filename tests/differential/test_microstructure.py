"""Microstructure features against slow and obvious second implementations, over generated records."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core import features as f
from tradewright.errors import DataError
from tradewright.research.published.flow import bulk_buy_volume, volume_buckets
from tradewright.research.published.flow import vpin as published_vpin

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NAN = math.nan
CENTS = st.integers(100, 106)  # Few values, so that prices often stand still.
LOTS = st.integers(1, 5)
STEPS = st.integers(0, 4)  # Zero: several records of one time.
SIDES = st.sampled_from([1, -1, 0])

QUOTES = st.lists(
    st.tuples(STEPS, st.one_of(st.none(), CENTS), st.one_of(st.none(), st.integers(1, 4)), LOTS, LOTS),
    max_size=40,
)
TRADES = st.lists(st.tuples(STEPS, CENTS, LOTS, SIDES), max_size=40)


@dataclass
class Quotes:
    """What `features.compute` needs of quotes, and no more."""

    ts_recv_ns: NDArray[np.int64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    bid_size: NDArray[np.float64]
    ask_size: NDArray[np.float64]
    symbol: str = "A"
    kind: str = "quotes"


@dataclass
class Trades:
    """What `features.compute` needs of trades, and no more."""

    ts_recv_ns: NDArray[np.int64]
    price: NDArray[np.float64]
    size: NDArray[np.float64]
    aggressor: NDArray[np.int8]
    symbol: str = "A"
    kind: str = "trades"


def floats(values: Any) -> NDArray[np.float64]:
    return np.array([NAN if value is None else value for value in values], dtype=np.float64)


def quotes_of(rows: list[tuple[int, int | None, int | None, int, int]]) -> Quotes:
    """Rows of (time since the last, bid in cents, spread in cents, bid lots, ask lots)."""
    times = np.cumsum([row[0] for row in rows], dtype=np.int64)
    bid = [None if row[1] is None else row[1] / 100 for row in rows]
    ask = [None if row[2] is None else ((row[1] or 100) + row[2]) / 100 for row in rows]
    return Quotes(
        times,
        floats(bid),
        floats(ask),
        floats([row[3] / 4 for row in rows]),
        floats([r[4] / 4 for r in rows]),
    )


def trades_of(rows: list[tuple[int, int, int, int]]) -> Trades:
    """Rows of (time since the last, price in cents, lots, side)."""
    times = np.cumsum([row[0] for row in rows], dtype=np.int64)
    sides = np.array([row[3] for row in rows], dtype=np.int8)
    return Trades(times, floats([row[1] / 100 for row in rows]), floats([row[2] / 4 for row in rows]), sides)


def column(node: f.Node, *series: Any) -> list[float]:
    return f.compute({"x": node}, list(series))["x"].to_list()


def agree(got: list[float], wanted: list[float], rel: float = 1e-9, absolute: float = 1e-12) -> None:
    np.testing.assert_allclose(
        np.array(got, dtype=np.float64), np.array(wanted, dtype=np.float64), rtol=rel, atol=absolute
    )


def once_a_step(quotes: Quotes) -> list[tuple[int, float, float, float, float]]:
    """The last quote of each time."""
    rows = zip(
        quotes.ts_recv_ns.tolist(),
        quotes.bid.tolist(),
        quotes.ask.tolist(),
        quotes.bid_size.tolist(),
        quotes.ask_size.tolist(),
        strict=True,
    )
    return list({row[0]: row for row in rows}.values())


def shown(times: list[int], values: list[float]) -> list[float]:
    """What a frame shows of a value a trade: that of the last trade of each time."""
    return list(dict(zip(times, values, strict=True)).values())


def over_samples(values: list[float], reference: Callable[[list[int]], list[float]]) -> list[float]:
    """The reference on the places of numbers; NaN at the others."""
    places = [i for i, value in enumerate(values) if not math.isnan(value)]
    results = iter(reference(places))
    return [NAN if math.isnan(value) else next(results) for value in values]


def rolling(
    times: list[int], values: list[float], window: int | str, of: Callable[[list[float]], float]
) -> list[float]:
    """A statistic of a window by count (a number) or of nanoseconds (text), passing over NaN."""

    def statistic(places: list[int]) -> list[float]:
        out = list[float]()
        for k, place in enumerate(places):
            if isinstance(window, int):
                inside, ready = places[max(0, k + 1 - window) : k + 1], k + 1 >= window
            else:
                span, now = int(window[:-2]), times[place]
                inside = [one for one in places[: k + 1] if times[one] > now - span]
                ready = now - times[places[0]] >= span
            out.append(of([values[one] for one in inside]) if ready else NAN)
        return out

    return over_samples(values, statistic)


WINDOWS = st.one_of(st.integers(1, 6), st.integers(1, 12).map("{}ns".format))


def ofi_events(rows: list[tuple[int, float, float, float, float]]) -> list[float]:
    """The published formula case by case, as the paper explains it in words."""
    out, before = list[float](), None
    for _, bid, ask, bid_size, ask_size in rows:
        if math.isnan(bid) or math.isnan(ask):
            out.append(NAN)
            continue
        if before is None:
            out.append(NAN)
        else:
            old_bid, old_ask, old_bid_size, old_ask_size = before
            demand = (
                bid_size if bid > old_bid else -old_bid_size if bid < old_bid else bid_size - old_bid_size
            )
            supply = (
                ask_size if ask < old_ask else -old_ask_size if ask > old_ask else ask_size - old_ask_size
            )
            out.append(demand - supply)
        before = bid, ask, bid_size, ask_size
    return out


@settings(max_examples=150, deadline=None)
@given(rows=QUOTES, window=WINDOWS)
def test_order_flow_imbalance(rows: list[Any], window: int | str) -> None:
    quotes = quotes_of(rows)
    steps = once_a_step(quotes)
    events = ofi_events(steps)
    agree(column(f.ofi_event("A"), quotes), events)
    agree(column(f.ofi("A", window), quotes), rolling([row[0] for row in steps], events, window, sum))


def test_order_flow_imbalance_of_the_papers_cases() -> None:
    # A larger bid queue adds its growth; a bid price up adds the new queue, down takes the old one away; the
    # ask the same with the other sign.
    rows: list[tuple[int, int | None, int | None, int, int]] = [
        (1, 100, 2, 40, 40),
        (1, 100, 2, 48, 40),
        (1, 101, 1, 8, 40),
        (1, 100, 2, 12, 28),
        (1, 100, 1, 12, 4),
    ]
    quotes = quotes_of(rows)
    agree(column(f.ofi_event("A"), quotes), [NAN, 2.0, 2.0, -2.0 + 3.0, -1.0])


@settings(max_examples=150, deadline=None)
@given(rows=TRADES, window=WINDOWS)
def test_sides_and_volumes_of_trades(rows: list[Any], window: int | str) -> None:
    trades = trades_of(rows)
    times, sizes = trades.ts_recv_ns.tolist(), trades.size.tolist()
    sides = [NAN if side == 0 else float(side) for side in trades.aggressor.tolist()]
    signed = [side * size for side, size in zip(sides, sizes, strict=True)]
    agree(column(f.trade_side("A"), trades), shown(times, sides))
    agree(column(f.signed_size("A"), trades), shown(times, signed))

    def imbalance(values: list[float]) -> float:
        bought, sold = sum(v for v in values if v > 0), -sum(v for v in values if v < 0)
        return (bought - sold) / (bought + sold)

    agree(
        column(f.trade_imbalance("A", window), trades),
        shown(times, rolling(times, signed, window, imbalance)),
    )
    agree(column(f.traded_volume("A", window), trades), shown(times, rolling(times, sizes, window, sum)))
    for side, sign in (("buy", 1), ("sell", -1)):
        node = f.traded_volume("A", window, side)  # pyright: ignore[reportArgumentType]
        wanted = rolling(times, signed, window, lambda w, sign=sign: sum(abs(v) for v in w if v * sign > 0))
        agree(column(node, trades), shown(times, wanted))
    total = over_samples(
        signed, lambda places: [math.fsum(signed[p] for p in places[: k + 1]) for k in range(len(places))]
    )
    agree(column(f.cumulative(f.signed_size("A")), trades), shown(times, total), rel=0.0, absolute=0.0)


def slow_vpin(
    times: list[int], cents: list[int], sizes: list[float], volume: float, n: int, bar_ns: int, changes: int
) -> list[float]:
    """VPIN of everything before, made anew at each trade with the published functions."""
    out = list[float]()
    for end in range(1, len(times) + 1):
        bars: list[tuple[int, int, float]] = []
        for at, price, size in zip(times[:end], cents[:end], sizes[:end], strict=True):
            index = at // bar_ns if bar_ns else len(bars)
            if bars and bar_ns and bars[-1][0] == index:
                bars[-1] = (index, price, bars[-1][2] + size)
            else:
                bars.append((index, price, size))
        if bar_ns:
            bars = bars[:-1]  # The last one may go on.
        moves = [bars[i][1] - bars[i - 1][1] for i in range(1, len(bars))]
        known = range(changes - 1, len(moves))
        deviations = [float(np.std(moves[i + 1 - changes : i + 1], ddof=1)) for i in known]
        filled = volume_buckets([bars[i + 1][2] for i in known], volume)
        bought = list[float]()
        for bucket in filled:
            parts = list[float]()
            for place, size in bucket:
                move, deviation = moves[known[place]], deviations[place]
                flat = deviation == 0
                sure = (0.5 if move == 0 else float(move > 0)) * size
                parts.append(sure if flat else bulk_buy_volume(size, move, deviation))
            bought.append(math.fsum(parts))
        last = bought[-n:]
        out.append(published_vpin(last, [volume - b for b in last]) if len(last) == n else NAN)
    return out


@settings(max_examples=150, deadline=None)
@given(
    rows=TRADES,
    volume=st.sampled_from([0.25, 0.5, 1.0, 1.75, 4.0]),
    n=st.integers(1, 4),
    bar_ns=st.sampled_from([0, 1, 3, 7]),
    changes=st.integers(2, 6),
)
def test_vpin_is_the_published_one(rows: list[Any], volume: float, n: int, bar_ns: int, changes: int) -> None:
    trades = trades_of(rows)
    times = trades.ts_recv_ns.tolist()
    wanted = slow_vpin(times, [row[1] for row in rows], trades.size.tolist(), volume, n, bar_ns, changes)
    node = f.vpin("A", volume, n, bar=f"{bar_ns}ns" if bar_ns else None, changes=changes)
    agree(column(node, trades), shown(times, wanted), rel=1e-9, absolute=1e-9)


def test_vpin_over_a_long_run_neither_drifts_nor_counts_empty_buckets() -> None:
    random, normal = np.random.default_rng(11), statistics.NormalDist()
    count = 4_000
    cents = (10_000 + np.cumsum(random.integers(-3, 4, count))).tolist()
    sizes = random.lognormal(0, 2, count).round(3).tolist()
    sizes[2_000] = 1e6  # Fills very many buckets at once.
    times = np.cumsum(random.integers(0, 3, count)).tolist()
    trades = Trades(np.array(times), floats(cents) / 100, floats(sizes), np.zeros(count, np.int8))
    got = column(f.vpin("A", 100.0, 20, bar=None, changes=50), trades)
    moves = np.diff(cents)
    deviations = np.array([moves[i - 49 : i + 1].std(ddof=1) for i in range(49, count - 1)])
    buckets = volume_buckets(sizes[50:], 100.0)
    shares = [normal.cdf(move) for move in (moves[49:] / deviations).tolist()]
    bought = [math.fsum(size * shares[place] for place, size in bucket) for bucket in buckets[-20:]]
    assert math.isclose(got[-1], published_vpin(bought, [100 - b for b in bought]), rel_tol=1e-6)


def test_toxic_flow_has_a_higher_vpin() -> None:
    random = np.random.default_rng(2)
    noise = random.integers(-2, 3, 3_000)
    trend = np.repeat(random.choice([-2, 2], 60), 50)  # Prices that run: buckets are bought or sold whole.
    ends = list[float]()
    for moves in (noise, trend):
        cents = 100_000 + np.cumsum(moves)
        trades = Trades(np.arange(3_000), cents / 100, np.ones(3_000), np.zeros(3_000, np.int8))
        ends.append(column(f.vpin("A", 25.0, 50, bar=None, changes=200), trades)[-1])
    assert ends[0] < 0.3 < ends[1]


@settings(max_examples=100, deadline=None)
@given(rows=QUOTES, window=WINDOWS, span=st.integers(1, 12))
def test_volatility_spread_and_momentum_of_quotes(rows: list[Any], window: int | str, span: int) -> None:
    quotes = quotes_of(rows)
    steps = once_a_step(quotes)
    times = [row[0] for row in steps]
    mids = [(bid + ask) / 2 for _, bid, ask, *_ in steps]
    agree(
        column(f.relative_spread("A"), quotes), [(r[2] - r[1]) / m for r, m in zip(steps, mids, strict=True)]
    )

    known = [(now, mid) for now, mid in zip(times, mids, strict=True) if not math.isnan(mid)]
    squares = iter([NAN, *(math.log(b / a) ** 2 for (_, a), (_, b) in itertools.pairwise(known))])
    returns = [NAN if math.isnan(mid) else next(squares) for mid in mids]
    wanted = rolling(times, returns, window, lambda values: math.sqrt(math.fsum(values)))
    agree(column(f.realised_vol(f.mid("A"), window), quotes), wanted, absolute=1e-9)

    wanted = list[float]()
    for now, mid in zip(times, mids, strict=True):
        past = [old for at, old in known if at <= now - span]
        wanted.append(mid / past[-1] - 1 if past else NAN)
    agree(column(f.momentum(f.mid("A"), f"{span}ns"), quotes), wanted)


@settings(max_examples=100, deadline=None)
@given(rows=TRADES, span=st.integers(1, 12))
def test_momentum_and_arrivals_of_trades_of_one_time(rows: list[Any], span: int) -> None:
    trades = trades_of(rows)
    times, prices = trades.ts_recv_ns.tolist(), trades.price.tolist()
    momentum, rate = list[float](), list[float]()
    for end, now in enumerate(times, start=1):
        past = [price for at, price in zip(times[:end], prices, strict=False) if at <= now - span]
        momentum.append(prices[end - 1] / past[-1] - 1 if past else NAN)
        count = sum(at > now - span for at in times[:end])
        rate.append(count / (span / 1e9) if now - times[0] >= span else NAN)
    agree(column(f.momentum(f.last("A"), f"{span}ns"), trades), shown(times, momentum))
    agree(column(f.arrival_rate("A", f"{span}ns"), trades), shown(times, rate))


@settings(max_examples=50, deadline=None)
@given(rows=QUOTES, span=st.integers(1, 12))
def test_quotes_arrive_once_a_step_with_empty_sides_or_not(rows: list[Any], span: int) -> None:
    quotes = quotes_of(rows)
    times = [row[0] for row in once_a_step(quotes)]
    wanted = [
        sum(now - span < at <= now for at in times) / (span / 1e9) if now - times[0] >= span else NAN
        for now in times
    ]
    agree(column(f.arrival_rate("A", f"{span}ns", "quote"), quotes), wanted)


def merged(quotes: Quotes, trades: Trades) -> list[tuple[int, float, float, bool]]:
    """After each step: time, mid, net size bought so far (NaN: side unknown), whether it traded."""
    out: list[tuple[int, float, float, bool]] = []
    mid, flow, total = NAN, NAN, 0.0
    by_time = {row[0]: (row[1] + row[2]) / 2 for row in once_a_step(quotes)}
    for now in sorted({*by_time, *trades.ts_recv_ns.tolist()}):
        mid = by_time.get(now, mid)
        here = np.flatnonzero(trades.ts_recv_ns == now)
        for place in here:
            total += float(trades.aggressor[place] * trades.size[place])
            flow = NAN if trades.aggressor[place] == 0 else total
        out.append((now, mid, flow, len(here) > 0))
    return out


def slope(points: list[tuple[float, float]]) -> float:
    x, y = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    return float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 1e-9 else NAN


@settings(max_examples=150, deadline=None)
@given(quoted=QUOTES, traded=TRADES, n=st.integers(2, 5), interval=st.integers(1, 6))
def test_kyles_lambda_over_intervals(quoted: list[Any], traded: list[Any], n: int, interval: int) -> None:
    quotes, trades = quotes_of(quoted), trades_of(traded)
    steps = merged(quotes, trades)
    wanted = list[float]()
    for end, (_, mid, flow, _) in enumerate(steps, start=1):
        known = [one for one in steps[:end] if not math.isnan(one[1]) and not math.isnan(one[2])]
        # The last moment of each interval, which is where the next begins. The latest interval still goes on.
        ends = {one[0] // interval: one for one in known}
        edges = list(ends.values())[:-1]
        points = [(b[2] - a[2], b[1] - a[1]) for a, b in itertools.pairwise(edges)]
        is_known = not math.isnan(mid) and not math.isnan(flow)
        wanted.append(slope(points[-n:]) if is_known and len(points) >= n else NAN)
    agree(column(f.kyle_lambda("A", n, f"{interval}ns"), quotes, trades), wanted, rel=1e-7, absolute=1e-9)


@settings(max_examples=150, deadline=None)
@given(quoted=QUOTES, traded=TRADES, n=st.integers(2, 5))
def test_kyles_lambda_from_trades_to_trades(quoted: list[Any], traded: list[Any], n: int) -> None:
    quotes, trades = quotes_of(quoted), trades_of([(dt, p, s, side or 1) for dt, p, s, side in traded])
    steps = merged(quotes, trades)
    wanted = list[float]()
    for end, (_, mid, flow, _) in enumerate(steps, start=1):
        known = [one for one in steps[:end] if not math.isnan(one[1]) and not math.isnan(one[2])]
        # Where the net size changed, and the moment just before.
        edges = [a for a, b in itertools.pairwise(known) if a[2] != b[2]]
        points = [(b[2] - a[2], b[1] - a[1]) for a, b in itertools.pairwise(edges)]
        is_known = not math.isnan(mid) and not math.isnan(flow)
        wanted.append(slope(points[-n:]) if is_known and len(points) >= n else NAN)
    agree(column(f.kyle_lambda("A", n, None), quotes, trades), wanted, rel=1e-7, absolute=1e-9)


def test_kyles_lambda_recovers_the_impact_that_made_the_prices() -> None:
    random = np.random.default_rng(7)
    second, count = 1_000_000_000, 3_000
    signed = random.normal(0, 10, count).round(1)
    mids = 1_000 + np.cumsum(0.02 * signed + random.normal(0, 0.05, count))
    times = np.arange(1, count + 1) * second
    trades = Trades(times, mids, np.abs(signed), np.sign(signed).astype(np.int8))
    quotes = Quotes(times + 1, mids - 0.5, mids + 0.5, np.ones(count), np.ones(count))
    got = np.array(column(f.kyle_lambda("A", 500), quotes, trades))
    deviation = 0.05 / (10 * math.sqrt(500))
    assert abs(np.nanmean(got) - 0.02) < 5 * deviation
    flat = Trades(times, mids, np.full(count, 0.1), np.ones(count, np.int8))
    # Equal sizes have no slope, whatever the rounding of their sum.
    assert np.isnan(column(f.kyle_lambda("A", 50), quotes, flat)).all()


def test_frames_of_trades_may_say_who_took() -> None:
    frame = pl.DataFrame({"ts": [1, 2, 3], "price": [1.0, 1.0, 1.0], "size": [2.0, 3.0, 4.0]})
    signed = f.signed_size("A")
    sided = frame.with_columns(aggressor=pl.Series([1, -1, None]))
    agree(f.compute({"x": signed}, sided, symbol="A")["x"].to_list(), [2.0, -3.0, NAN])
    agree(f.compute({"x": signed}, frame, symbol="A")["x"].to_list(), [NAN] * 3)
    with pytest.raises(DataError, match="is 2, not a side"):
        f.compute(signed, frame.with_columns(aggressor=pl.Series([1, -1, 2])), symbol="A")
    with pytest.raises(DataError, match="not a number"):
        f.compute(signed, frame.with_columns(aggressor=pl.Series(["buy", "sell", "buy"])), symbol="A")
