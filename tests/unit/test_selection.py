"""Pair selection: the published p-values, one planted pair, and how often noise gets through."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from tradewright.errors import DataError
from tradewright.strategies.cointegration import engle_granger, half_life
from tradewright.strategies.selection import select_pairs

if TYPE_CHECKING:
    from pathlib import Path

# The manifest of the data: log closes, the first named as dependent, lags by the Akaike criterion.
MANIFEST = [
    ("EWA", "EWC", 2006, 2017, "0.010"),
    ("EWA", "EWC", 2006, 2009, "0.24"),
    ("EWA", "EWC", 2010, 2013, "0.61"),
    ("EWA", "EWC", 2014, 2017, "0.007"),
    ("GLD", "GDX", 2006, 2017, "0.59"),
    ("GLD", "GDX", 2006, 2009, "0.97"),
    ("GLD", "GDX", 2010, 2013, "0.55"),
    ("GLD", "GDX", 2014, 2017, "0.02"),
    ("KO", "PEP", 2006, 2017, "0.46"),
    ("XOM", "CVX", 2006, 2017, "0.28"),
    ("XOM", "CVX", 2006, 2009, "0.08"),
    ("GOOG", "GOOGL", 2006, 2017, "0.46"),
    ("EWC", "IGE", 2006, 2017, "0.42"),
    ("TLT", "IEF", 2006, 2017, "0.27"),
    ("JPM", "BAC", 2006, 2017, "0.98"),
]


def closes_of(folder: Path, symbols: list[str], first_year: int, last_year: int) -> pl.DataFrame:
    """Closes of the days that all symbols traded, oldest first."""
    joined: pl.DataFrame | None = None
    for symbol in symbols:
        path = folder / "equities_daily" / "ohlcv" / f"{symbol.lower()}.us.csv.gz"
        frame = pl.read_csv(path, columns=["Date", "Close"], try_parse_dates=True).rename({"Close": symbol})
        joined = frame if joined is None else joined.join(frame, on="Date")
    assert joined is not None
    return joined.filter(pl.col("Date").dt.year().is_between(first_year, last_year)).sort("Date")


def log_walk(rng: np.random.Generator, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return rng.normal(0, 0.01, rows).cumsum() + math.log(50)


def noise_universe(seed: int, symbols: int, rows: int) -> dict[str, list[float]]:
    rng = np.random.default_rng(seed)
    return {f"N{i}": np.exp(log_walk(rng, rows)).tolist() for i in range(symbols)}


def planted_universe(seed: int, symbols: int = 12, rows: int = 500) -> dict[str, list[float]]:
    """Independent random walks, and B = 0.8 A + an Ornstein-Uhlenbeck deviation with a half-life of 4."""
    rng = np.random.default_rng(seed)
    universe = noise_universe(seed + 1_000, symbols, rows)
    common, deviation = log_walk(rng, rows), np.zeros(rows)
    shocks = rng.normal(0, 0.01, rows)
    for t in range(1, rows):
        deviation[t] = 0.5 ** (1 / 4) * deviation[t - 1] + shocks[t]
    universe["PA"] = np.exp(common).tolist()
    universe["PB"] = np.exp(0.8 * common + deviation + 0.3).tolist()
    return universe


@pytest.mark.parametrize(("a", "b", "first", "last", "published"), MANIFEST)
def test_p_values_are_the_published_ones(
    shared_data: Path, a: str, b: str, first: int, last: int, published: str
) -> None:
    closes = closes_of(shared_data, [a, b], first, last)
    test = engle_granger(closes[a].log().to_list(), closes[b].log().to_list())
    unit = 10.0 ** -len(published.split(".")[1])
    assert abs(test.p_value - float(published)) <= 0.51 * unit


def test_regression_and_half_life_agree_with_least_squares() -> None:
    universe = planted_universe(3, rows=2_000)
    y, x = np.log(universe["PB"]), np.log(universe["PA"])
    test = engle_granger(y.tolist(), x.tolist())
    (intercept, slope), *_ = np.linalg.lstsq(np.column_stack([np.ones_like(x), x]), y, rcond=None)
    assert test.hedge == pytest.approx(slope, rel=1e-9)
    assert test.intercept == pytest.approx(intercept, rel=1e-9)
    assert test.deviation == pytest.approx((y - intercept - slope * x).std(ddof=1), rel=1e-9)
    assert test.hedge == pytest.approx(0.8, abs=0.03)
    assert test.half_life == pytest.approx(4, abs=1)


def test_half_life_of_what_does_not_decay() -> None:
    assert half_life(np.arange(50.0)) == math.inf
    assert half_life(np.ones(50)) == math.inf
    assert half_life(np.resize([1.0, -1.0], 50)) == 0


def test_direction_matters_and_both_are_tested(shared_data: Path) -> None:
    """EWC on EWA has the smaller p-value of the two, so EWC becomes the dependent."""
    selection = select_pairs(closes_of(shared_data, ["EWA", "EWC"], 2006, 2017), formation=2_986)
    (pair,) = selection.candidates
    assert (pair.symbol_a, pair.symbol_b, selection.tests) == ("EWC", "EWA", 2)
    assert pair.p_value == pytest.approx(0.0061, abs=5e-5)
    assert pair.p_value_pair == 2 * pair.p_value == pair.p_value_adjusted
    assert pair.is_selected


@pytest.mark.parametrize("seed", range(4))
def test_planted_pair_is_found_first_and_alone(seed: int) -> None:
    selection = select_pairs(planted_universe(seed), formation=500, lags=1)
    assert len(selection.candidates) == 14 * 13 // 2
    assert {selection.candidates[0].symbol_a, selection.candidates[0].symbol_b} == {"PA", "PB"}
    assert selection.selected == selection.candidates[:1]


def test_noise_gets_through_as_rarely_as_alpha_says() -> None:
    """Of 40 universes of pure noise at most alpha have a pair selected; without the correction most have."""
    from scipy.stats import binom

    seeds, alpha = 40, 0.1
    corrected = uncorrected = 0
    for seed in range(seeds):
        selection = select_pairs(noise_universe(seed, 6, 250), formation=250, alpha=alpha, lags=1)
        uncorrected += any(pair.p_value <= alpha for pair in selection.candidates)
        corrected += bool(selection.selected)
    assert corrected <= binom.ppf(0.999, seeds, alpha)
    assert uncorrected > binom.ppf(0.999, seeds, alpha)  # so the correction is what does it


@pytest.mark.parametrize("correction", ["holm", "bh"])
def test_adjustment_agrees_with_its_definition(correction: Any) -> None:
    universe = noise_universe(7, 7, 200)
    adjusted = select_pairs(universe, formation=200, lags=1, correction=correction)
    raw = [pair.p_value_pair for pair in adjusted.candidates]
    n = len(raw)
    expected = [
        max(min(1.0, (n - j) * raw[j]) for j in range(i + 1))
        if correction == "holm"
        else min(min(1.0, n / (j + 1) * raw[j]) for j in range(i, n))
        for i in range(n)
    ]
    assert raw == sorted(raw)
    assert [pair.p_value_adjusted for pair in adjusted.candidates] == pytest.approx(expected, rel=1e-12)


def test_only_the_formation_window_is_read() -> None:
    """Neither older rows nor the order of the columns changes anything."""
    universe = planted_universe(1, symbols=3)
    older = {symbol: [9.0, 1.0, *column] for symbol, column in reversed(universe.items())}
    assert select_pairs(older, formation=500, lags=1) == select_pairs(universe, formation=500, lags=1)


def test_top_limits_the_selection() -> None:
    second = planted_universe(5, symbols=4)
    universe = planted_universe(2, symbols=4) | {"QA": second["PA"], "QB": second["PB"]}
    full = select_pairs(universe, formation=500, lags=1)
    assert len(full.selected) == 2
    assert select_pairs(universe, formation=500, lags=1, top=1).selected == full.selected[:1]


def test_one_instrument_twice_is_no_pair() -> None:
    universe = noise_universe(0, 2, 100)
    universe["COPY"] = [2 * close for close in universe["N0"]]
    selection = select_pairs(universe, formation=100, correction="none")
    assert not [p for p in selection.selected if {p.symbol_a, p.symbol_b} == {"COPY", "N0"}]
    copy = next(p for p in selection.candidates if {p.symbol_a, p.symbol_b} == {"COPY", "N0"})
    assert (copy.p_value, copy.half_life) == (1.0, math.inf)


@pytest.mark.parametrize(
    ("file", "pairs"),
    [("sp500_20names_adjclose_1990_2022", 190), ("etf23_adjclose_2008_2016", 253)],
)
def test_real_universes(shared_data: Path, file: str, pairs: int) -> None:
    """Over 100 candidate pairs of real closes; the raw p-values are those of testing pair by pair."""
    closes = pl.read_csv(shared_data / "equities_daily" / f"{file}.csv.gz", try_parse_dates=True)
    selection = select_pairs(closes.head(1_000), formation=504, lags=1)
    symbols = closes.columns[1:]
    assert len(selection.candidates) == pairs == math.comb(len(symbols), 2)
    assert selection.tests == 2 * pairs
    assert selection.false_positives_expected == pytest.approx(0.05 * pairs)
    assert {frozenset((p.symbol_a, p.symbol_b)) for p in selection.candidates} == {
        frozenset(pair) for pair in combinations(symbols, 2)
    }
    for pair in (selection.candidates[0], selection.candidates[pairs // 2]):
        window = closes.head(1_000).tail(504).select(pl.col(pair.symbol_a, pair.symbol_b).log())
        a, b = window[pair.symbol_a].to_list(), window[pair.symbol_b].to_list()
        assert pair.p_value == min(engle_granger(a, b, lags=1).p_value, engle_granger(b, a, lags=1).p_value)
    assert len(selection.selected) <= selection.passed_uncorrected
    text = str(selection)
    assert f"{pairs} pairs, {2 * pairs} Engle-Granger tests on 504 rows" in text
    assert f"… and {pairs - 20} more" in text
    assert selection.frame().height == pairs


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"A": [1.0] * 40}, "A pair needs two"),
        ({"A": [1.0, 2.0] * 20, "B": [1.0] * 39}, "B has 39 closes where A has 40"),
        ({"A": [1.0, 2.0] * 20, "B": [3.0] * 40}, "closes, B: close never moves from 3.0"),
        ({"A": [1.0, 2.0] * 20, "B": [1.0] * 39 + [math.nan]}, "closes, row 40, B: close is nan"),
        ({"A": [1.0, 2.0] * 20, "B": [math.inf] + [1.0] * 39}, "closes, row 1, B: close is inf"),
        ({"A": [1.0, 2.0] * 20, "B": [1.0] * 20 + [0.0] * 20}, "closes, row 21, B: close is 0.0"),
        ({"A": [1.0, 2.0] * 20, "B": [1.0] * 20 + [None] * 20}, "closes, row 21, B: close is None"),
        ({"A": [1.0, 2.0] * 9, "B": [2.0, 1.0] * 9}, "18 rows, fewer than the formation window's 40"),
        (pl.DataFrame({"A": ["x"] * 40, "B": [1.0] * 40}), "closes, A: is of type String, not numbers"),
    ],
)
def test_bad_closes_are_refused(bad: Any, message: str) -> None:
    with pytest.raises(DataError) as error:
        select_pairs(bad, formation=40)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("formation", 29), ("alpha", 0.0), ("alpha", math.nan), ("correction", "x"), ("top", 0), ("lags", -1)],
)
def test_bad_arguments_are_refused(name: str, value: Any) -> None:
    arguments: dict[str, Any] = {"formation": 50, name: value}
    with pytest.raises(ValueError, match=name):
        select_pairs(noise_universe(0, 2, 100), **arguments)


@pytest.mark.parametrize(
    ("y", "x", "message"),
    [
        ([1.0] * 40, [1.0, 2.0] * 20, "y is constant at 1.0"),
        ([1.0, 2.0] * 20, [1.0, 2.0] * 21, "one length"),
        ([1.0, 2.0] * 14, [1.0, 2.0] * 14, "28 values are too few"),
        ([1.0, 2.0] * 20, [1.0] * 39 + [math.nan], r"x\[39\] is nan"),
    ],
)
def test_bad_windows_are_refused(y: list[float], x: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engle_granger(y, x)
