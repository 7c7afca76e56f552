"""The shipped strategies against slow references that read the rules from their docstrings."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.tsa.stattools import (  # pyright: ignore[reportMissingTypeStubs] - it ships no types
    coint,  # pyright: ignore[reportUnknownVariableType]
)

import tradewright as tw
from tradewright.core.series import Bars
from tradewright.strategies import Momentum, Pairs, select_pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

CASH = 100_000.0
DAY_NS = 86_400_000_000_000
Fill = tuple[int, str, float, float]  # bar, symbol, signed size, price


def bars_of(symbol: str, opens: NDArray[Any], closes: NDArray[Any]) -> Bars:
    """Daily bars from 2010-01-01 on, with highs and lows that just hold the open and the close."""
    opens, closes = np.asarray(opens, dtype=np.float64), np.asarray(closes, dtype=np.float64)
    start = 1_262_304_000_000_000_000
    return Bars.from_arrays(
        symbol,
        ts=start + DAY_NS * np.arange(1, len(closes) + 1, dtype=np.int64),
        open=opens,
        high=np.maximum(opens, closes),
        low=np.minimum(opens, closes),
        close=closes,
        volume=np.full(len(closes), 1e9),
        timeframe="1d",
    )


def head(bars: Bars, rows: int) -> Bars:
    """The first bars, as if the rest had not happened."""
    columns = {name: column[:rows] for name, column in bars.columns.items()}
    return bars.with_columns(bars.ts_event_ns[:rows], bars.ts_recv_ns[:rows], columns)


def random_bars(symbol: str, seed: int, rows: int = 900) -> Bars:
    rng = np.random.default_rng(seed)
    log_close = rng.normal(0, 0.012, rows).cumsum() + 0.1 * np.sin(np.arange(rows) / 40) + math.log(80)
    closes = np.round(np.exp(log_close), 2)
    opens = np.round(np.roll(closes, 1) * np.exp(rng.normal(0, 0.003, rows)), 2)
    opens[0] = closes[0]
    return bars_of(symbol, opens, closes)


def planted_pair(seed: int, rows: int = 900) -> list[Bars]:
    """B is a random walk, A follows 0.7 of it with a deviation of half-life 8 that at last breaks loose."""
    rng = np.random.default_rng(seed)
    walk, deviation = rng.normal(0, 0.01, rows).cumsum(), np.zeros(rows)
    for t in range(1, rows):
        decay = 0.5 ** (1 / 8) if t < rows * 0.8 else 1.0
        deviation[t] = decay * deviation[t - 1] + rng.normal(0, 0.008)
    series: list[Bars] = []
    for symbol, log_close in (("A", 0.7 * walk + deviation + math.log(40)), ("B", walk + math.log(60))):
        closes = np.round(np.exp(log_close), 2)
        opens = np.round(np.roll(closes, 1) * np.exp(rng.normal(0, 0.002, rows)), 2)
        opens[0] = closes[0]
        series.append(bars_of(symbol, opens, closes))
    return series


def daily(folder: Path, symbol: str) -> Bars:
    """Bars of one of the real daily files, from 2006 on."""
    path = folder / "equities_daily" / "ohlcv" / f"{symbol.lower()}.us.csv.gz"
    frame = pl.read_csv(path, try_parse_dates=True).filter(pl.col("Date").dt.year() >= 2006)
    close_ns = frame["Date"].cast(pl.Datetime("ns")).cast(pl.Int64).to_numpy() + 21 * 3_600_000_000_000
    opens, highs, lows, closes, volume = (
        frame[name].cast(pl.Float64).to_numpy() for name in ("Open", "High", "Low", "Close", "Volume")
    )
    return Bars.from_arrays(
        symbol,
        ts=close_ns,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volume + 1e9,  # One zero-volume day a share would not fill.
        timeframe=23_400_000_000_000,
        adjusted="all",
    )


def run(policy: tw.Policy, data: list[Bars]) -> tw.Result:
    return tw.backtest(policy, data, cash=CASH)


def fills_of(result: tw.Result) -> list[tuple[str, float, float]]:
    """Symbol, signed size and price of each fill, in order."""
    if result.fills.is_empty():
        return []
    rows = result.fills.select("symbol", "side", "size", "price").iter_rows()
    return [(symbol, size if side == "buy" else -size, price) for symbol, side, size, price in rows]


def assert_same_fills(result: tw.Result, expected: list[Fill]) -> None:
    got = fills_of(result)
    assert [fill[:2] for fill in got] == [(symbol, size) for _, symbol, size, _ in expected]
    assert [fill[2] for fill in got] == pytest.approx([price for *_, price in expected], abs=0.006)


class Book:
    """Whole units bought at the next open of each bar, and what they are worth: the slow ledger."""

    def __init__(self, *series: Bars) -> None:
        self.series = {bars.symbol: bars for bars in series}
        self.cash, self.held, self.wanted = CASH, dict.fromkeys(self.series, 0), dict[str, float]()
        self.fills: list[Fill] = []

    def open(self, t: int) -> None:
        for symbol, size in self.wanted.items():
            if change := math.trunc(size) - self.held[symbol]:
                price = float(self.series[symbol].open[t])
                self.cash -= change * price
                self.held[symbol] += change
                self.fills.append((t, symbol, change, price))

    def equity(self, t: int) -> float:
        return self.cash + sum(n * float(self.series[s].close[t]) for s, n in self.held.items())


def slow_momentum(bars: Bars, policy: Momentum) -> list[Fill]:
    """The rules of `Momentum`, bar by bar from whole arrays, with the side spelt out as a word."""
    book, symbol, logs = Book(bars), bars.symbol, np.log(bars.close)
    squares = np.diff(logs) ** 2
    keep = 0.5 ** (1 / policy.volatility_half_life)
    side, waits_for_fresh, entered = "flat", "", 0
    for t in range(len(bars)):
        book.open(t)
        if t + 1 < policy.lookback:
            continue
        window = logs[t + 1 - policy.lookback : t + 1]
        z = float((window[-1] - window.mean()) / window.std(ddof=1))
        weights = (1 - keep) * keep ** np.arange(t - 1, -1, -1.0)
        weights[0] = keep ** (t - 1)
        volatility = math.sqrt(float(weights @ squares[:t]) * policy.bars_per_year)
        since_entry = bars.close[entered : t + 1]
        if side == "long" and bars.close[t] <= since_entry.max() * (1 - policy.trailing_stop):
            side, waits_for_fresh = "flat", "long"
        elif side == "short" and bars.close[t] >= since_entry.min() * (1 + policy.trailing_stop):
            side, waits_for_fresh = "flat", "short"
        elif (side == "long" and z <= policy.exit) or (side == "short" and -z <= policy.exit):
            side = "flat"
        neutral = {"long": z <= policy.exit, "short": -z <= policy.exit, "": True}
        if neutral[waits_for_fresh]:
            waits_for_fresh = ""
        signal = "long" if z >= policy.entry else ""
        if z <= -policy.entry and not policy.long_only:
            signal = "short"
        if side == "flat" and signal and signal != waits_for_fresh:
            side, entered, waits_for_fresh = signal, t, ""
        share = min(policy.leverage_max, policy.volatility_target / volatility)
        size = {"long": 1, "short": -1, "flat": 0}[side] * share * book.equity(t) / float(bars.close[t])
        if side == "flat" or abs(size - book.held[symbol]) > policy.band * abs(size):
            book.wanted[symbol] = size
        else:
            book.wanted.setdefault(symbol, 0.0)
    return book.fills


def slow_pairs(a: Bars, b: Bars, policy: Pairs) -> tuple[list[Fill], int, int]:
    """The rules of `Pairs`, trading window by trading window, with least squares by numpy."""
    book, log_a, log_b = Book(a, b), np.log(a.close), np.log(b.close)
    tested = passed = 0
    side = held = free_from = 0
    hedge = 0.0
    z = np.full(len(a), math.nan)
    for t in range(len(a)):
        book.open(t)
        if (t + 1 - policy.formation) % policy.trading == 0 and t + 1 >= policy.formation:
            past = slice(t + 1 - policy.formation, t + 1)
            design = np.column_stack([log_b[past], np.ones(policy.formation)])
            hedge, constant = (float(c) for c in np.linalg.lstsq(design, log_a[past], rcond=None)[0])
            residual = log_a[past] - design @ [hedge, constant]
            is_pair = float(coint(log_a[past], log_b[past])[1]) <= policy.alpha and hedge > 0
            tested, passed = tested + 1, passed + is_pair
            ahead = slice(t, t + policy.trading)
            z[ahead] = (log_a[ahead] - hedge * log_b[ahead] - constant) / residual.std(ddof=1)
            if not is_pair:
                z[ahead] = math.nan
            side = 0
            book.wanted = {a.symbol: 0.0, b.symbol: 0.0}
        was = side
        if math.isnan(z[t]):
            side = 0
        elif side:
            held += 1
            beyond = z[t] if side < 0 else -z[t]
            if beyond <= policy.exit:
                side = 0
            elif beyond >= policy.stop or held == policy.holding_max:
                side, free_from = 0, t + policy.cooldown + 1
        elif t >= free_from and policy.entry <= abs(z[t]) < policy.stop:
            side = -1 if z[t] > 0 else 1
        if side != was:
            held = 0
            value = side * policy.leverage * book.equity(t) / (1 + hedge)
            book.wanted = {a.symbol: value / float(a.close[t]), b.symbol: -hedge * value / float(b.close[t])}
    return book.fills, tested, passed


@pytest.mark.parametrize(
    "policy",
    [
        Momentum("X"),
        Momentum("X", long_only=False, trailing_stop=0.05, leverage_max=2.0),
        Momentum("X", lookback=40, entry=1.5, exit=0.5, volatility_half_life=10, band=0.0),
        Momentum("X", lookback=60, exit=-0.5, trailing_stop=0.03, volatility_target=0.3, long_only=False),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_momentum_does_what_its_docstring_says(policy: Momentum, seed: int) -> None:
    bars = random_bars("X", seed)
    expected = slow_momentum(bars, policy)
    assert len(expected) >= 4
    assert_same_fills(run(policy, [bars]), expected)


@pytest.mark.parametrize("symbol", ["GLD", "JPM", "SPY"])
def test_momentum_on_real_bars(shared_data: Path, symbol: str) -> None:
    bars = daily(shared_data, symbol)
    policy = Momentum(symbol, long_only=False)
    assert_same_fills(run(policy, [bars]), slow_momentum(bars, policy))


def minutes(folder: Path, symbol: str) -> Bars:
    """Bars of one of the real minute files, whose rows came twice and out of order."""
    path = folder / "minute_bars" / "us_etf" / f"{symbol.lower()}_m1.csv.gz"
    bars = tw.data.read_bars(path, symbol, label="open", drop_empty=True, sort=True, deduplicate="last")
    assert isinstance(bars, Bars)
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close")}
    volume = np.nan_to_num(bars.volume) + 1e9  # A minute without volume would not fill.
    return Bars.from_arrays(symbol, ts=bars.ts_event_ns, timeframe="1m", volume=volume, **columns)


@pytest.mark.parametrize("symbol", ["GLD", "SPY"])
def test_momentum_on_minute_bars(shared_data: Path, symbol: str) -> None:
    bars = minutes(shared_data, symbol)
    policy = Momentum(symbol, long_only=False)
    expected = slow_momentum(bars, policy)
    assert len(expected) > 20
    assert_same_fills(run(policy, [bars]), expected)


def test_momentum_on_the_packaged_index() -> None:
    bars = tw.data.sp500()
    policy = Momentum(bars.symbol)
    expected = slow_momentum(bars, policy)
    assert_same_fills(run(policy, [bars]), expected)
    assert len(expected) < len(bars) / 25  # The band keeps it from trading every bar.


def scripted(*legs: tuple[int, float]) -> Bars:
    """Closes that move by a fixed share a bar for so many bars, one leg after the other."""
    steps = np.concatenate([np.full(bars, change) for bars, change in legs])
    closes = 100 * np.cumprod(1 + steps)
    return bars_of("X", closes, closes)


def test_momentum_waits_for_a_fresh_signal_after_a_stop() -> None:
    """Up, a fall through the stop, straight up again: flat until the signal was neutral in between."""
    rise, crash = (60, 0.01), (3, -0.04)
    policy = Momentum("X", lookback=50, entry=1.0, trailing_stop=0.10, band=0.9)
    stopped = run(policy, [scripted(rise, crash, (5, 0.02))])
    assert [math.copysign(1, size) for _, size, _ in fills_of(stopped)] == [1, -1]
    through_neutral = run(policy, [scripted(rise, crash, (30, -0.005), (60, 0.01))])
    assert [math.copysign(1, size) for _, size, _ in fills_of(through_neutral)] == [1, -1, 1]


def test_momentum_holds_the_volatility_it_was_given() -> None:
    """On a random walk with 30 % a year, a target of 15 % holds half the equity when it is long."""
    rng = np.random.default_rng(5)
    closes = 100 * np.exp(rng.normal(0.0006, 0.30 / math.sqrt(252), 2_000).cumsum())
    result = run(Momentum("X", band=0.1), [bars_of("X", closes, closes)])
    entries = result.fills.filter(pl.col("side") == "buy")
    shares = (entries["position"] * entries["price"] / CASH).to_numpy()
    assert len(shares) > 10
    assert 0.35 < float(np.median(shares)) < 0.65


@pytest.mark.parametrize(
    "policy",
    [
        Pairs("A", "B"),
        Pairs("A", "B", formation=120, trading=30, entry=1.5, exit=0.0, stop=2.5, alpha=0.2, leverage=1.8),
        Pairs("A", "B", formation=100, trading=50, alpha=1.0, holding_max=4, cooldown=0),
        Pairs("A", "B", formation=60, trading=7, alpha=0.5, entry=1.0, stop=2.0, cooldown=9),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_pairs_does_what_its_docstring_says(policy: Pairs, seed: int) -> None:
    a, b = planted_pair(seed)
    expected, tested, passed = slow_pairs(a, b, policy)
    assert len(expected) >= 4
    assert_same_fills(run(policy, [a, b]), expected)
    assert (policy.windows_tested, policy.windows_passed) == (tested, passed)
    assert tested == (len(a) - policy.formation) // policy.trading + 1


def test_pairs_trades_nothing_where_no_window_passes() -> None:
    policy = Pairs("A", "B", alpha=1e-9)
    result = run(policy, planted_pair(1))
    assert (policy.windows_tested, policy.windows_passed, result.fills.height) == (11, 0, 0)


def test_pairs_survives_a_share_that_stands_still() -> None:
    a, b = planted_pair(1)
    halted = bars_of("B", np.full(len(b), 60.0), np.full(len(b), 60.0))
    policy = Pairs("A", "B")
    assert run(policy, [a, halted]).fills.height == 0
    assert (policy.windows_tested, policy.windows_passed) == (11, 0)


def test_pairs_on_real_bars(shared_data: Path) -> None:
    """EWA/EWC, the pair of the data that holds over the sample: more windows pass than by chance."""
    a, b = daily(shared_data, "EWA"), daily(shared_data, "EWC")
    assert len(a) == len(b)
    policy = Pairs("EWA", "EWC")
    result = run(policy, [a, b])
    expected, tested, passed = slow_pairs(a, b, policy)
    assert_same_fills(result, expected)
    assert (policy.windows_tested, policy.windows_passed) == (tested, passed)
    assert tested == 44
    assert passed > policy.alpha * tested


def test_pairs_on_minute_bars(shared_data: Path) -> None:
    """Minutes that both have: the strategy looks at the two together."""
    a, b = minutes(shared_data, "EWA"), minutes(shared_data, "EWC")
    both = np.intersect1d(a.ts_event_ns, b.ts_event_ns)
    a, b = (common(one, both) for one in (a, b))
    policy = Pairs("EWA", "EWC", formation=390, exit=0.2)
    result = run(policy, [a, b])
    expected, tested, passed = slow_pairs(a, b, policy)
    assert tested >= 2
    assert (policy.windows_tested, policy.windows_passed) == (tested, passed)
    assert_same_fills(result, expected)


def common(bars: Bars, times_ns: np.ndarray) -> Bars:
    """The bars that close at these times."""
    keep = np.isin(bars.ts_event_ns, times_ns)
    columns = {name: getattr(bars, name)[keep] for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_arrays(
        bars.symbol, ts=bars.ts_event_ns[keep], instrument=bars.instrument, timeframe="1m", **columns
    )


def test_legs_are_traded_together(shared_data: Path) -> None:
    """Whenever one leg is held, so is the other, on the other side."""
    result = run(Pairs("EWA", "EWC"), [daily(shared_data, "EWA"), daily(shared_data, "EWC")])
    fills, held = fills_of(result), {"EWA": 0.0, "EWC": 0.0}
    assert fills
    for first, second in zip(fills[::2], fills[1::2], strict=True):
        held[first[0]] += first[1]
        held[second[0]] += second[1]
        assert first[0] != second[0]
        assert held["EWA"] * held["EWC"] < 0 or held == {"EWA": 0.0, "EWC": 0.0}


def test_selected_pairs_trade_after_their_selection(shared_data: Path) -> None:
    """The way from a universe to a run: select on the past, trade what comes after."""
    path = shared_data / "equities_daily" / "sp500_20names_adjclose_1990_2022.csv.gz"
    closes = pl.read_csv(path, try_parse_dates=True).tail(1_500)
    selection = select_pairs(closes.head(1_000), formation=504, correction="none", top=3, lags=1)
    assert selection.selected
    after = closes.slice(1_000 - 252)
    for pair in selection.selected:
        prices = [after[symbol].cast(pl.Float64).to_numpy() for symbol in (pair.symbol_a, pair.symbol_b)]
        a, b = bars_of(pair.symbol_a, prices[0], prices[0]), bars_of(pair.symbol_b, prices[1], prices[1])
        policy = Pairs(pair.symbol_a, pair.symbol_b)
        assert_same_fills(run(policy, [a, b]), slow_pairs(a, b, policy)[0])


SHIPPED = [
    Momentum("A", lookback=40, long_only=False),
    Pairs("A", "B", formation=100, trading=30, alpha=0.5),
]


def known_at(result: tw.Result, cut_ns: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What a run had decided, and the fills that it had been told of, when the cut's records had come in.

    A fill happens at the open of a bar. Where bars leave no gap, the next bar's open has the cut's very time,
    but nobody knows of it before that bar has come, so it is no part of this.
    """
    cut = pl.lit(cut_ns).cast(pl.Datetime("ns", "UTC"))
    orders = result.orders.filter(pl.col("decided_at") <= cut)
    fills = result.fills.filter(pl.col("ts_recv") <= cut)
    return (
        orders.select("policy", "symbol", "side", "type", "size", "price", "intent", "decided_at"),
        fills.select("fill_id", "symbol", "side", "size", "price", "position", "ts_event", "ts_recv"),
    )


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda policy: type(policy).__name__)
def whole_run(request: pytest.FixtureRequest) -> tuple[Momentum | Pairs, list[Bars], tw.Result]:
    """A shipped policy, 600 bars, and its run over all of them."""
    policy, data = request.param, planted_pair(3, rows=600)
    return policy, data, run(replace(policy), data)


@settings(max_examples=12, deadline=None)
@given(rows=st.integers(120, 599))
def test_what_comes_later_changes_nothing_before(
    whole_run: tuple[Momentum | Pairs, list[Bars], tw.Result], rows: int
) -> None:
    """No lookahead: a run on the first bars decides and trades just what the whole run did up to there."""
    policy, data, full = whole_run
    part = run(replace(policy), [head(bars, rows) for bars in data])
    cut_ns = int(data[0].ts_recv_ns[rows - 1])
    orders, fills = known_at(part, cut_ns)
    assert (orders.height, fills.height) == (part.orders.height, part.fills.height)
    for known, then in zip((orders, fills), known_at(full, cut_ns), strict=True):
        assert known.equals(then)


@pytest.mark.parametrize("policy", SHIPPED, ids=lambda policy: type(policy).__name__)
def test_runs_are_repeatable(policy: Momentum | Pairs) -> None:
    """A policy object that ran before starts anew: `setup` resets what it remembers."""
    data = planted_pair(4, rows=600)
    assert fills_of(run(policy, data)) == fills_of(run(policy, data)) != []


@pytest.mark.parametrize("policy", SHIPPED, ids=lambda policy: type(policy).__name__)
def test_parameters_and_state_survive_serialisation(policy: Momentum | Pairs) -> None:
    """Fields are the parameters; what a run remembers beside the watched features is plain data."""
    assert msgspec.convert(msgspec.to_builtins(asdict(policy)), type(policy)) == policy
    run(policy, planted_pair(4, rows=300))
    watched = {"signal", "volatility"}
    state = {name: value for name, value in vars(policy).items() if name not in watched}
    assert msgspec.json.decode(msgspec.json.encode(state)) == state


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (Momentum, {"lookback": 1}, r"Expected `int` >= 2 - at `\$.lookback`"),
        (Momentum, {"trailing_stop": 1.0}, r"`float` < 1.0 - at `\$.trailing_stop`"),
        (Momentum, {"entry": 1.0, "exit": 1.0}, "exit = 1 must be below entry = 1"),
        (Momentum, {"volatility_target": 0.0}, r"> 0.0 - at `\$.volatility_target`"),
        (Pairs, {"formation": 29}, r"Expected `int` >= 30 - at `\$.formation`"),
        (Pairs, {"alpha": 0.0}, r"> 0.0 - at `\$.alpha`"),
        (Pairs, {"entry": 4.0}, "exit = 0.5, entry = 4, stop = 4: give exit < entry < stop"),
        (Pairs, {"symbol_b": "A"}, "symbol_a and symbol_b are both A: a pair needs two"),
    ],
)
def test_impossible_parameters_are_refused(kind: Any, fields: dict[str, Any], message: str) -> None:
    symbols = {"symbol": "A"} if kind is Momentum else {"symbol_a": "A", "symbol_b": "B"}
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({**symbols, **fields}, kind)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Momentum("X", volatility_target=math.nan), "volatility_target = nan is no number"),
        (lambda: Momentum("X", trailing_stop=2), r"trailing_stop = 2 is not possible. Expected float < 1"),
        (lambda: Momentum("X", lookback=1), r"lookback = 1 is not possible. Expected int >= 2"),
        (lambda: Momentum("X", entry=math.nan), "entry = nan is no number"),
        (
            lambda: Momentum("X", bars_per_year=cast("float", "252")),
            "bars_per_year = '252' is not possible. Expected float",
        ),
        (lambda: Pairs("X", "Y", cooldown=-1), "cooldown = -1 is not possible"),
        (lambda: Pairs("X", "Y", alpha=2), r"alpha = 2 is not possible. Expected float <= 1"),
        (lambda: Pairs("X", "Y", formation=1), r"formation = 1 is not possible. Expected int >= 30"),
    ],
)
def test_parameters_out_of_range_are_refused_from_python(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_numbers_of_numpy_are_numbers() -> None:
    assert Momentum("X", lookback=cast("int", np.int64(20)), trailing_stop=np.float64(0.2)).lookback == 20
