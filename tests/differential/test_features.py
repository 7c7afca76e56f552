"""Every node against a slow and obvious second implementation, over generated series."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core import features as f

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NAN = math.nan
CENTS = st.integers(100, 130)  # Few values, so that ties and flat windows are common.
WIDE = st.integers(1, 10_000_000)
SIZES = st.one_of(st.just(NAN), st.floats(0.001, 1e6), st.just(7.25), st.just(0.0))


@dataclass
class Instrument:
    price_unit: float


@dataclass
class Bars:
    """What `features.compute` needs of a series, and no more."""

    symbol: str
    ts_recv_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    instrument: Instrument | None = None
    kind: str = "bars"


def bars_of(
    cents: list[int], sizes: list[float] | None = None, times: list[int] | None = None, symbol: str = "A"
) -> Bars:
    close = np.array(cents, dtype=np.float64) / 100
    ts = np.arange(1, len(cents) + 1) if times is None else np.array(times)
    volume = np.full(len(cents), NAN) if sizes is None else np.array(sizes, dtype=np.float64)
    return Bars(symbol, ts.astype(np.int64), close, close, close, close, volume)


def column(node: f.Node, *series: Any) -> list[float]:
    return f.compute({"x": node}, list(series))["x"].to_list()


def agree(got: list[float], wanted: list[float], rel: float = 0.0, absolute: float = 0.0) -> None:
    assert len(got) == len(wanted)
    for row, (left, right) in enumerate(zip(got, wanted, strict=True)):
        if math.isnan(right) or math.isnan(left):
            assert math.isnan(right), f"row {row}: {got} is not {wanted}"
            assert math.isnan(left), f"row {row}: {got} is not {wanted}"
        else:
            assert math.isclose(left, right, rel_tol=rel, abs_tol=absolute), (
                f"row {row}: {left!r} is not {right!r}"
            )


def over_samples(values: list[float], reference: Callable[[list[float]], list[float]]) -> list[float]:
    """The reference on the values that are numbers; NaN where there is none."""
    samples = [value for value in values if not math.isnan(value)]
    results = iter(reference(samples))
    return [NAN if math.isnan(value) else next(results) for value in values]


def windows(values: list[float], n: int, of: Callable[[list[float]], float]) -> list[float]:
    return [NAN if i + 1 < n else of(values[i + 1 - n : i + 1]) for i in range(len(values))]


def exact(values: list[float]) -> list[Fraction]:
    return [Fraction(repr(value)) for value in values]


def mean(values: list[float]) -> float:
    return float(sum(exact(values)) / len(values))


def var(values: list[float]) -> float:
    return float(statistics.variance(exact(values))) if len(values) > 1 else NAN


def std(values: list[float]) -> float:
    return math.sqrt(var(values))


def zscore(values: list[float]) -> float:
    spread = std(values)
    return float(exact(values)[-1] - sum(exact(values)) / len(values)) / spread if spread else NAN


def quantile(q: float) -> Callable[[list[float]], float]:
    return lambda values: float(np.quantile(values, q))


OF_WINDOWS: dict[str, tuple[Callable[[f.Node, Any], f.Node], Callable[[list[float]], float]]] = {
    "sum": (f.rolling_sum, lambda values: float(sum(exact(values)))),
    "mean": (f.rolling_mean, mean),
    "var": (f.rolling_var, var),
    "std": (f.rolling_std, std),
    "zscore": (f.zscore, zscore),
    "min": (f.rolling_min, min),
    "max": (f.rolling_max, max),
    "median": (lambda x, n: f.rolling_quantile(x, n, 0.5), quantile(0.5)),
    "low": (lambda x, n: f.rolling_quantile(x, n, 0.07), quantile(0.07)),
    "top": (lambda x, n: f.rolling_quantile(x, n, 1.0), quantile(1.0)),
}
EXACT = {"sum", "mean", "min", "max"}


@pytest.mark.parametrize("name", OF_WINDOWS)
@settings(max_examples=60, deadline=None)
@given(cents=st.lists(st.one_of(CENTS, WIDE), max_size=40), n=st.integers(2, 9))
def test_windows_of_prices(name: str, cents: list[int], n: int) -> None:
    make, reference = OF_WINDOWS[name]
    bars = bars_of(cents)
    wanted = windows(bars.close.tolist(), n, reference)
    # Sums, means and extremes of prices are exact: to the last bit.
    agree(column(make(f.close("A"), n), bars), wanted, rel=0.0 if name in EXACT else 1e-12)


@pytest.mark.parametrize("name", OF_WINDOWS)
@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(SIZES, max_size=40), n=st.integers(2, 9))
def test_windows_of_floats_with_missing_values(name: str, sizes: list[float], n: int) -> None:
    make, reference = OF_WINDOWS[name]
    bars = bars_of([100] * len(sizes), sizes)
    wanted = over_samples(sizes, lambda values: windows(values, n, reference))
    got = column(make(f.volume("A"), n), bars)
    scale = max((abs(size) for size in sizes if not math.isnan(size)), default=0.0)
    if name == "zscore":
        # Where the spread drowns in the rounding of the largest value, only its order of size can be asked.
        spreads = over_samples(sizes, lambda values: windows(values, n, std))
        keep = [not spread < 1e-6 * scale for spread in spreads]
        got = [value for value, kept in zip(got, keep, strict=True) if kept]
        wanted = [value for value, kept in zip(wanted, keep, strict=True) if kept]
    agree(
        got,
        wanted,
        rel=1e-6 if name == "zscore" else 1e-9,
        absolute=scale * (scale if name == "var" else 1) * 1e-9,
    )


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 5), CENTS), max_size=40),
    span=st.integers(1, 12),
    name=st.sampled_from(sorted(OF_WINDOWS)),
    of_floats=st.booleans(),
)
def test_windows_by_time_hold_what_is_younger_than_their_span(
    rows: list[tuple[int, int]], span: int, name: str, of_floats: bool
) -> None:
    make, reference = OF_WINDOWS[name]
    times = np.cumsum([step for step, _ in rows], dtype=np.int64).tolist()
    cents = [price for _, price in rows]
    bars = bars_of(cents, [price / 4 for price in cents], times)
    values = (bars.volume if of_floats else bars.close).tolist()
    wanted = list[float]()
    for i, now in enumerate(times):
        window = [value for at, value in zip(times[: i + 1], values, strict=False) if now - span < at <= now]
        is_ready = now - times[0] >= span
        wanted.append(
            reference(window)
            if is_ready and (len(window) > 1 or name in ("sum", "mean", "min", "max", "median", "low", "top"))
            else NAN
        )
    node = make(f.volume("A") if of_floats else f.close("A"), f"{span}ns")
    agree(column(node, bars), wanted, rel=1e-9, absolute=1e-12)


def lagged(n: int, of: Callable[[float, float], float]) -> Callable[[list[float]], list[float]]:
    return lambda values: [NAN if i < n else of(values[i], values[i - n]) for i in range(len(values))]


def ratio(now: float, then: float) -> float:
    return now / then - 1 if then else NAN


def log_ratio(now: float, then: float) -> float:
    return math.log(now / then) if then and now else NAN


@settings(max_examples=100, deadline=None)
@given(
    cents=st.lists(st.one_of(CENTS, WIDE), max_size=30),
    sizes=st.lists(SIZES, min_size=30, max_size=30),
    n=st.integers(1, 5),
)
def test_the_past(cents: list[int], sizes: list[float], n: int) -> None:
    sizes = sizes[: len(cents)]
    bars = bars_of(cents, sizes)
    close = bars.close.tolist()
    price, size = f.close("A"), f.volume("A")
    agree(column(f.lag(price, n), bars), lagged(n, lambda _, then: then)(close))
    wanted = lagged(n, lambda now, then: float(Fraction(repr(now)) - Fraction(repr(then))))(close)
    agree(column(f.diff(price, n), bars), wanted)  # The difference of the decimals, not of the floats.
    agree(column(f.returns(price, n), bars), lagged(n, ratio)(close), rel=1e-12, absolute=1e-14)
    agree(column(f.log_returns(price, n), bars), lagged(n, log_ratio)(close), rel=1e-12, absolute=1e-14)
    cases: list[tuple[Callable[[f.NodeLike, int], f.Node], Callable[[float, float], float]]] = [
        (f.lag, lambda _, then: then),
        (f.diff, lambda now, then: now - then),
        (f.returns, ratio),
        (f.log_returns, log_ratio),
    ]
    for make, of in cases:
        agree(column(make(size, n), bars), over_samples(sizes, lagged(n, of)), rel=1e-9, absolute=1e-12)


def ema(values: list[float], n: int) -> list[float]:
    out, e = list[float](), NAN
    for i, value in enumerate(values):
        e = value if i == 0 else e + 2 / (n + 1) * (value - e)
        out.append(e if i + 1 >= n else NAN)
    return out


def wilder(values: list[float], n: int) -> list[float]:
    out, average = list[float](), NAN
    for i, value in enumerate(values):
        if i + 1 == n:
            average = sum(values[:n]) / n
        elif i + 1 > n:
            average = (average * (n - 1) + value) / n
        out.append(average)
    return out


def rsi(values: list[float], n: int) -> list[float]:
    changes = [b - a for a, b in pairwise(values)]
    gains = wilder([max(change, 0.0) for change in changes], n)
    losses = wilder([max(-change, 0.0) for change in changes], n)
    out = [NAN] if values else list[float]()
    for gain, loss in zip(gains, losses, strict=True):
        if math.isnan(gain) or (gain == 0 and loss == 0):
            out.append(NAN)
        else:
            out.append(100.0 if loss == 0 else 100 - 100 / (1 + gain / loss))
    return out


def ewma_vol(values: list[float], half_life: float) -> list[float]:
    out, variance = [NAN] if values else list[float](), 0.0
    decay = 0.5 ** (1 / half_life)
    for i, (then, now) in enumerate(pairwise(values)):
        square = math.log(now / then) ** 2
        variance = square if i == 0 else decay * variance + (1 - decay) * square
        out.append(math.sqrt(variance) if i + 1 >= half_life else NAN)
    return out


@settings(max_examples=100, deadline=None)
@given(cents=st.lists(st.one_of(CENTS, WIDE), max_size=40), n=st.integers(1, 9), half_life=st.floats(0.5, 9))
def test_recursive_averages(cents: list[int], n: int, half_life: float) -> None:
    bars = bars_of(cents)
    close, price = bars.close.tolist(), f.close("A")
    agree(column(f.ema(price, n), bars), ema(close, n))
    agree(column(f.wilder(price, n), bars), wilder(close, n), rel=1e-12)
    agree(column(f.rsi(price, n), bars), rsi(close, n), rel=1e-7, absolute=1e-7)
    agree(column(f.ewma_vol(price, half_life), bars), ewma_vol(close, half_life), rel=1e-9, absolute=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 5), CENTS), min_size=1, max_size=30), half_life=st.integers(1, 9)
)
def test_volatility_that_forgets_by_time(rows: list[tuple[int, int]], half_life: int) -> None:
    times = np.cumsum([step for step, _ in rows], dtype=np.int64).tolist()
    bars = bars_of([price for _, price in rows], times=times)
    close = bars.close.tolist()
    wanted, variance = [NAN], 0.0
    for i in range(1, len(close)):
        keep = 0.0 if i == 1 else 0.5 ** ((times[i] - times[i - 1]) / half_life)
        variance = keep * variance + (1 - keep) * math.log(close[i] / close[i - 1]) ** 2
        wanted.append(math.sqrt(variance) if times[i] - times[0] >= half_life else NAN)
    agree(column(f.ewma_vol(f.close("A"), f"{half_life}ns"), bars), wanted, rel=1e-9, absolute=1e-12)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CENTS, CENTS, CENTS), max_size=30), n=st.integers(1, 6))
def test_average_true_range(rows: list[tuple[int, int, int]], n: int) -> None:
    bars = bars_of([close for _, close, _ in rows])
    bars.high = np.array([max(row) / 100 for row in rows])
    bars.low = np.array([min(row) / 100 for row in rows])
    ranges = [
        max(
            bars.high[i] - bars.low[i],
            abs(bars.high[i] - bars.close[i - 1]),
            abs(bars.low[i] - bars.close[i - 1]),
        )
        for i in range(1, len(rows))
    ]
    wanted = [NAN, *wilder([float(one) for one in ranges], n)] if rows else []
    agree(column(f.atr("A", n), bars), wanted, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(CENTS, CENTS, st.floats(-5, 5)), max_size=30), n=st.integers(2, 7))
def test_two_series(rows: list[tuple[int, int, float]], n: int) -> None:
    a, b = bars_of([row[0] for row in rows]), bars_of([row[1] for row in rows], symbol="B")
    b.volume = np.array([row[2] for row in rows], dtype=np.float64)

    def pairs(right: list[float], of: Callable[[list[float], list[float]], float]) -> list[float]:
        out = list[float]()
        for i in range(len(rows)):
            x, y = right[max(0, i + 1 - n) : i + 1], a.close.tolist()[max(0, i + 1 - n) : i + 1]
            out.append(of(x, y) if len(x) == n else NAN)
        return out

    def slope(x: list[float], y: list[float]) -> float:
        return statistics.linear_regression(x, y).slope if np.ptp(x) > 1e-6 else NAN

    def correlation(x: list[float], y: list[float]) -> float:
        return statistics.correlation(x, y) if np.ptp(x) > 1e-6 and np.ptp(y) > 1e-6 else NAN

    left, price, size = f.close("A"), f.close("B"), f.volume("B")
    hedge = pairs(b.close.tolist(), slope)
    agree(column(f.ols_hedge(left, price, n), a, b), hedge, rel=1e-9, absolute=1e-12)
    agree(
        column(f.correlation(left, price, n), a, b),
        pairs(b.close.tolist(), correlation),
        rel=1e-9,
        absolute=1e-9,
    )
    wanted = [y - h * x for y, x, h in zip(a.close.tolist(), b.close.tolist(), hedge, strict=True)]
    agree(column(f.spread(left, price, window=n), a, b), wanted, rel=1e-9, absolute=1e-9)
    wanted = [y - 0.7 * x for y, x in zip(a.close.tolist(), b.close.tolist(), strict=True)]
    agree(column(f.spread("A", "B", 0.7), a, b), wanted, rel=1e-12, absolute=1e-12)
    if all(abs(x - y) > 1e-3 for x, y in zip(b.volume, b.volume[1:], strict=False)):
        got = column(f.ols_hedge(left, size, n), a, b)
        agree(got, pairs(b.volume.tolist(), slope), rel=1e-6, absolute=1e-6)
        got = column(f.correlation(left, size, n), a, b)
        agree(got, pairs(b.volume.tolist(), correlation), rel=1e-6, absolute=1e-6)


def test_arithmetic_and_conditions_follow_numpy() -> None:
    random = np.random.default_rng(5)
    sizes = random.choice([NAN, 0.0, 1.0, 2.5, 4.0], 200)
    bars = bars_of(random.integers(100, 110, 200).tolist(), sizes.tolist())
    x, p, v, c = f.volume("A"), f.close("A"), sizes, bars.close
    known = ~np.isnan(v)
    with np.errstate(all="ignore"):
        cases = {
            "add": (x + p, v + c), "sub": (p - x, c - v), "mul": (x * 3, v * 3), "div": (1 / x, 1 / v),
            "neg": (-x, -v), "abs": (abs(x - 2), abs(v - 2)), "min": (f.minimum(x, p), np.minimum(v, c)),
            "max": (f.maximum(x, 2), np.maximum(v, 2)), "log": (f.log(x), np.log(v)),
            "exp": (f.exp(x), np.exp(v)), "sqrt": (f.sqrt(x - 1), np.sqrt(v - 1)),
            "gt": (x > p, np.where(known, v > c, NAN)),
            "ge": (x >= 1, np.where(known, v >= 1, NAN)), "lt": (x < 1, np.where(known, v < 1, NAN)),
            "le": (x <= 1, np.where(known, v <= 1, NAN)), "not": (~(x > 1), np.where(known, ~(v > 1), NAN)),
            "and": ((x > 0) & (p > 1.05), np.where(known, (v > 0) & (c > 1.05), NAN)),
            "or": ((x > 2) | (p > 1.05), np.where(known, (v > 2) | (c > 1.05), NAN)),
            "where": (f.where(x > 1, p, -p), np.where(known, np.where(v > 1, c, -c), NAN)),
            "own": (f.open("A") + f.high("A") - f.low("A"), c),
        }  # fmt: skip
    result = f.compute({name: node for name, (node, _) in cases.items()}, bars)
    for name, (_, wanted) in cases.items():
        wanted = np.where(np.isinf(wanted), NAN, wanted.astype(float))
        np.testing.assert_allclose(result[name].to_numpy(), wanted, rtol=1e-14, err_msg=name)


def crossings(edges: list[Fraction | None], way: int) -> list[float]:
    out, previous = list[float](), None
    for edge in edges:
        if edge is None:
            out.append(NAN)
            continue
        up = previous is not None and previous <= 0 < edge
        down = previous is not None and previous >= 0 > edge
        out.append(float((up and way >= 0) or (down and way <= 0)))
        previous = edge
    return out


@settings(max_examples=200, deadline=None)
@given(cents=st.lists(CENTS, max_size=40), fast=st.integers(1, 4), slow=st.integers(1, 7))
def test_crossings_and_changes(cents: list[int], fast: int, slow: int) -> None:
    bars, x = bars_of(cents), f.close("A")
    edges = [
        Fraction(sum(cents[i + 1 - fast : i + 1]), fast) - Fraction(sum(cents[i + 1 - slow : i + 1]), slow)
        if i + 1 >= max(fast, slow)
        else None
        for i in range(len(cents))
    ]
    a, b = f.sma(x, fast), f.sma(x, slow)
    agree(column(f.crosses(a, b), bars), crossings(edges, 0))
    agree(column(f.crosses(a - b, 0), bars), crossings(edges, 0))
    agree(column(f.crosses_above(a, b), bars), crossings(edges, 1))
    agree(column(f.crosses_below(a, b), bars), crossings(edges, -1))
    changed = [float(i > 0 and cents[i] != cents[i - 1]) for i in range(len(cents))]
    agree(column(f.changes(x), bars), changed)


def make_b1_closes(n: int) -> NDArray[np.float64]:
    """Closes of task B1 of the benchmarks: a random walk in whole cents, seed 7."""
    random = np.random.Generator(np.random.PCG64(7))
    steps = random.normal(0.0, 0.0005, n)
    close = 30_000.0 * np.exp(np.cumsum(steps - 0.5 * 0.0005**2))
    return np.round(close, 2)


def test_the_one_exact_tie_of_b1_is_a_tie() -> None:
    close = make_b1_closes(500_000)
    cents = np.round(close * 100).astype(np.int64)
    total = np.cumsum(np.concatenate(([0], cents)))
    fast, slow = np.zeros(len(close), np.int64), np.zeros(len(close), np.int64)
    fast[19:], slow[49:] = total[20:] - total[:-20], total[50:] - total[:-50]
    edge = fast * 50 - slow * 20
    ready = np.arange(len(close)) >= 50
    previous = np.roll(edge, 1)
    wanted = ready & (((edge > 0) & (previous <= 0)) | ((edge < 0) & (previous >= 0)))
    assert np.flatnonzero((edge == 0) & ready).tolist() == [29_217]

    bars = bars_of([100])
    bars.ts_recv_ns = np.arange(len(close), dtype=np.int64)
    bars.open = bars.high = bars.low = bars.close = close
    bars.volume = np.zeros(len(close))
    x = f.close("A")
    nodes = {"edge": f.sma(x, 20) - f.sma(x, 50), "cross": f.crosses(f.sma(x, 20) - f.sma(x, 50), 0)}
    result = f.compute(nodes, bars)
    assert np.flatnonzero(result["edge"].to_numpy() == 0).tolist() == [29_217]
    np.testing.assert_array_equal(np.flatnonzero(result["cross"].to_numpy() == 1), np.flatnonzero(wanted))


def quotes_of(bid: Any, ask: Any, times: list[int] | None = None, symbol: str = "A") -> pl.DataFrame:
    n = len(bid)
    sizes = [float(i) for i in range(n)]
    return pl.DataFrame({
        "symbol": [symbol] * n, "ts": list(range(1, n + 1)) if times is None else times,
        "bid": bid, "ask": ask, "bid_size": sizes, "ask_size": [2 * size for size in sizes],
    })  # fmt: skip


def test_ema_cross_of_quotes_is_that_of_b2() -> None:
    random = np.random.Generator(np.random.PCG64(11))
    n = 100_000
    mid = 3_000_000 + np.cumsum(random.integers(-3, 4, n))
    spread = random.integers(1, 4, n)
    bid, ask = np.round((mid - spread // 2) / 100, 2), np.round((mid - spread // 2 + spread) / 100, 2)
    wanted, fast, slow, previous = list[int](), 0.0, 0.0, 0.0
    for i, price in enumerate(((bid + ask) / 2).tolist()):
        fast = price if i == 0 else fast + 2 / 11 * (price - fast)
        slow = price if i == 0 else slow + 2 / 21 * (price - slow)
        edge = fast - slow
        if i >= 20 and (edge > 0 >= previous or edge < 0 <= previous):
            wanted.append(i)
        previous = edge
    x = f.mid("A")
    got = f.compute({"cross": f.crosses(f.ema(x, 10) - f.ema(x, 20), 0)}, quotes_of(bid, ask))["cross"]
    assert np.flatnonzero(got.to_numpy() == 1).tolist() == wanted
    assert len(wanted) > 1_000


def test_quotes_with_empty_sides() -> None:
    quotes = quotes_of([1.0, None, 1.02, 1.03], [1.1, 1.1, None, 1.05])
    nodes = {
        "bid": f.bid("A"), "ask": f.ask("A"), "mid": f.mid("A"), "spread": f.quoted_spread("A"),
        "bid_size": f.bid_size("A"), "ask_size": f.ask_size("A"), "price": f.price("A"),
        "sma": f.sma(f.mid("A"), 2),
    }  # fmt: skip
    got = f.compute(nodes, quotes)
    wanted = {
        "bid": [1.0, NAN, 1.02, 1.03], "ask": [1.1, 1.1, NAN, 1.05], "mid": [1.05, NAN, NAN, 1.04],
        "spread": [0.1, NAN, NAN, 0.02], "bid_size": [0.0, NAN, 2.0, 3.0], "ask_size": [0.0, 2.0, NAN, 6.0],
        "price": [1.05, 1.05, 1.05, 1.04], "sma": [NAN, NAN, NAN, 1.045],
    }  # fmt: skip
    for name, values in wanted.items():
        agree(got[name].to_list(), values)


def test_every_trade_is_a_sample_and_a_step_is_one_row() -> None:
    trades = pl.DataFrame(
        {"symbol": "A", "ts": [1, 2, 2, 2, 3], "price": [1.0, 2, 3, 4, 5], "size": [1.0, 1, 2, 3, 4]}
    )
    nodes = {
        "last": f.last("A"), "sum": f.rolling_sum(f.trade_size("A"), 3),
        "max": f.rolling_max(f.last("A"), "1ns"),
        "crossed": f.crosses_above(f.last("A"), 2.5), "price": f.price("A"), "lag": f.lag(f.price("A"), 1),
    }  # fmt: skip
    got = f.compute(nodes, trades)
    agree(got["last"].to_list(), [1, 4, 5])
    agree(got["sum"].to_list(), [NAN, 6, 9])
    agree(got["max"].to_list(), [NAN, 4, 5])
    agree(got["price"].to_list(), [1, 4, 5])
    agree(got["lag"].to_list(), [NAN, 1, 4])  # The mark is sampled once a step.


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 12), CENTS), max_size=20),
    other=st.lists(st.tuples(st.integers(0, 12), CENTS), max_size=20),
)
def test_nodes_of_two_series_are_sampled_once_a_step(
    rows: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    series = {
        "A": dict(sorted(rows, key=lambda row: row[0])),
        "B": dict(sorted(other, key=lambda row: row[0])),
    }
    bars = [bars_of(list(of.values()), times=list(of), symbol=name) for name, of in series.items()]
    latest: dict[str, int] = {}
    samples, wanted = list[Fraction](), list[float]()
    for now in sorted({*series["A"], *series["B"]}):
        latest |= {name: of[now] for name, of in series.items() if now in of}
        if len(latest) == 2:
            samples.append(Fraction(latest["A"] - latest["B"], 100))
        wanted.append(float(sum(samples[-3:]) / 3) if len(samples) >= 3 else NAN)
    agree(column(f.sma(f.close("A") - f.close("B"), 3), *bars), wanted)


@settings(max_examples=40, deadline=None)
@given(cents=st.lists(CENTS, min_size=1, max_size=40), n=st.integers(2, 5), cut=st.integers(0, 40))
def test_what_was_known_does_not_change_with_what_follows(cents: list[int], n: int, cut: int) -> None:
    x = f.close("A")
    make = [
        f.sma, f.rolling_sum, f.rolling_std, f.rolling_var, f.rolling_min, f.rolling_max, f.zscore, f.ema,
        f.wilder, f.rsi, f.lag, f.diff, f.returns, f.log_returns, f.ewma_vol,
    ]  # fmt: skip
    nodes = {one.__name__: one(x, n) for one in make}
    nodes |= {
        "hedge": f.ols_hedge(x, f.lag(x), n),
        "changes": f.changes(x),
        "crosses": f.crosses(x, f.ema(x, n)),
    }
    nodes |= {
        "expr": f.expr(pl.col("x").std(), window=n, x=x),
        "quantile": f.rolling_quantile(x, f"{n}ns", 0.3),
    }
    whole = f.compute(nodes, bars_of(cents))
    part = f.compute(nodes, bars_of(cents[:cut]))
    assert part.equals(whole.head(cut))


@settings(max_examples=40, deadline=None)
@given(
    cents=st.lists(CENTS, max_size=20), sizes=st.lists(SIZES, min_size=20, max_size=20), n=st.integers(2, 5)
)
def test_python_and_polars_nodes(cents: list[int], sizes: list[float], n: int) -> None:
    sizes = sizes[: len(cents)]
    bars = bars_of(cents, sizes)
    x, v = f.close("A"), f.volume("A")
    close = bars.close.tolist()
    wanted = [NAN if math.isnan(b) else 2 * a - b for a, b in zip(close, sizes, strict=True)]

    def twice_less(a: float, b: float) -> float:
        return 2 * a - b

    def unbounded(a: float) -> float:
        return math.inf if a > 1.1 else a

    agree(column(f.apply(twice_less, x, v), bars), wanted)
    agree(column(f.apply(unbounded, x), bars), [NAN if a > 1.1 else a for a in close])
    expression = pl.col("p").max() - pl.col("s").mean()
    known = [(a, b) for a, b in zip(close, sizes, strict=True) if not math.isnan(b)]
    results = iter(
        NAN
        if i + 1 < n
        else max(a for a, _ in known[i + 1 - n : i + 1]) - sum(b for _, b in known[i + 1 - n : i + 1]) / n
        for i in range(len(known))
    )
    wanted = [NAN if math.isnan(b) else next(results) for b in sizes]
    agree(column(f.expr(expression, window=n, p=x, s=v), bars), wanted, rel=1e-9, absolute=1e-9)


def test_float_sums_do_not_drift() -> None:
    random = np.random.default_rng(3)
    sizes = random.lognormal(3, 3, 20_000)
    sizes[5_000] = 1e12  # Dwarfs the rest, and then leaves.
    bars = bars_of([100] * len(sizes), sizes.tolist())
    got = f.compute({"mean": f.sma(f.volume("A"), 50), "std": f.rolling_std(f.volume("A"), 50)}, bars)
    view = np.lib.stride_tricks.sliding_window_view(sizes, 50)
    np.testing.assert_allclose(got["mean"].to_numpy()[49:], view.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(got["std"].to_numpy()[49:], view.std(axis=1, ddof=1), rtol=1e-9)


def test_prices_are_counted_in_the_instruments_own_unit() -> None:
    bars = bars_of([100, 101, 102])
    bars.instrument = Instrument(price_unit=0.0025)
    bars.close = np.array([0.0025, 0.0075, 0.005])
    agree(column(f.sma(f.close("A"), 3), bars), [NAN, NAN, 0.005])
    agree(column(f.price("A"), bars), [0.0025, 0.0075, 0.005])
