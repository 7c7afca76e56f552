"""The feature language: equality, compilation, and what it refuses."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tradewright.core import features as f
from tradewright.errors import DataError, UnknownSymbolError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_equal_nodes_are_one_node() -> None:
    first = f.crosses(f.sma(f.close("A"), 20) - f.sma(f.close("A"), 50), 0)
    second = f.crosses(f.sma(f.close("A"), 20) - f.sma(f.close("A"), 50), 0)
    assert first is not second
    assert first == second
    assert hash(first) == hash(second)
    compiled = f.compile([first, second], {"A": 3})
    assert compiled.specs == [
        ("close", [], [], [], 3, None),
        ("rolling_mean", [0], [], [20, 0], None, None),
        ("rolling_mean", [0], [], [50, 0], None, None),
        ("sub", [1, 2], [], [], None, None),
        ("const", [], [0.0], [], None, None),
        ("crosses", [3, 4], [], [], None, None),
    ]
    assert compiled.ids[second] == 5


def test_a_condition_is_not_a_number_of_the_same_text() -> None:
    x = f.close("A")
    assert x + 1 != x - 1
    assert (x > 1) != f.Node("gt", (x, f.constant(1)))
    assert f.sma(x, 20) != f.sma(x, "20s")
    assert f.spread(x, f.close("B"), 1) == x - f.close("B")
    assert f.sma("A", 3) == f.sma(f.price("A"), 3)


def test_shared_nodes_hash_and_compile_in_linear_time() -> None:
    x = f.close("A")
    for _ in range(200):
        x = x + x
    assert len(f.compile([x], {"A": 0}).specs) == 201
    copy = pickle.loads(pickle.dumps(f.close("A") > 1))  # noqa: S301 - our own bytes
    assert copy == (f.close("A") > 1)


def test_a_pickled_node_is_found_by_another_process() -> None:
    text = pickle.dumps(f.sma(f.close("A"), 5)).hex()
    code = (
        "import pickle; from tradewright.core import features as f;"
        f"node = pickle.loads(bytes.fromhex('{text}')); assert {{f.sma(f.close('A'), 5): 1}}[node] == 1"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_callables_are_listed_once_for_equal_nodes() -> None:
    def half(x: float) -> float:
        return x / 2

    expression = f.expr(pl.col("x").mean(), window=3, x=f.close("A"))
    again = f.expr(pl.col("x").mean(), window=3, x=f.close("A"))
    compiled = f.compile(
        [f.apply(half, f.close("A")), f.apply(half, f.close("A")), expression, again], {"A": 0}
    )
    assert len(compiled.callables) == 2
    assert [spec[5] for spec in compiled.specs] == [None, 0, 1]


def test_nodes_read_as_they_were_written() -> None:
    x = f.close("A")
    texts = {
        f.crosses(f.sma(x, 20) - f.sma(x, 50), 0): "crosses((sma(close('A'), 20) - sma(close('A'), 50)), 0)",
        f.zscore(x, "90s"): "zscore(close('A'), '90s')",
        f.rolling_quantile(x, 9, 0.0): "rolling_quantile(close('A'), 9, 0)",
        f.ewma_vol(x, "5m"): "ewma_vol(close('A'), '5m')",
        f.ewma_vol(x, 12): "ewma_vol(close('A'), 12)",
        f.returns(x): "returns(close('A'), 1)",
        f.momentum(x, "5s"): "momentum(close('A'), '5s')",
        f.vpin("A", 250.0): "vpin(last('A'), trade_size('A'), 50, 100, 60000000000, 250)",
        f.cumulative(x): "cumulative(close('A'))",
        ~(x > 2) & (x < 3): "(not((close('A') > 2)) & (close('A') < 3))",
    }
    assert {repr(node) for node in texts} == set(texts.values())


@pytest.mark.parametrize(
    ("text", "ns"),
    [("1s", 10**9), ("100ms", 10**8), ("1.5s", 1_500_000_000), ("1h30m", 5_400 * 10**9),
     ("5min", 300 * 10**9), ("1w", 604_800 * 10**9), ("2 d", 172_800 * 10**9), ("7us", 7_000),
     (250, 250), ("0.1us", 100)],
)  # fmt: skip
def test_durations(text: str | int, ns: int) -> None:
    assert f.duration_ns(text) == ns


X = f.close("A")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: f.sma(X, 0), "window = 0"),
        (lambda: f.sma(X, -3), "window = -3"),
        (lambda: f.sma(X, True), "window = True"),
        (lambda: f.sma(X, 2.5), "window = 2.5"),  # pyright: ignore[reportArgumentType]
        (lambda: f.rolling_std(X, 1), "at least 2"),
        (lambda: f.ema(X, 0), "n = 0"),
        (lambda: f.lag(X, 0), "n = 0"),
        (lambda: f.sma(X, "5 parsecs"), "window '5 parsecs'"),
        (lambda: f.sma(X, "0s"), "window '0s'"),
        (lambda: f.sma(X, ""), "window ''"),
        (lambda: f.sma(X, "-5m"), "window '-5m'"),
        (lambda: f.sma(X, "0.1ns"), "window '0.1ns'"),
        (lambda: f.sma(X, "99999999w"), "window '99999999w'"),
        (lambda: f.rolling_quantile(X, 9, 1.5), "q = 1.5"),
        (lambda: f.rolling_quantile(X, 9, float("nan")), "q = nan"),
        (lambda: f.ewma_vol(X, 0), "half_life = 0"),
        (lambda: f.ewma_vol(X, float("nan")), "half_life = nan"),
        (lambda: f.ewma_vol(X, "soon"), "half_life 'soon'"),
        (lambda: f.constant(float("inf")), "inf"),
        (lambda: f.close(""), "symbol ''"),
        (lambda: f.ofi("A", 0), "window = 0"),
        (lambda: f.ofi("", 5), "symbol ''"),
        (lambda: f.trade_imbalance("A", "soon"), "window 'soon'"),
        (lambda: f.traded_volume("A", 5, "bought"), "side 'bought'"),  # pyright: ignore[reportArgumentType]
        (lambda: f.vpin("A", 0.0), "volume = 0.0"),
        (lambda: f.vpin("A", float("nan")), "volume = nan"),
        (lambda: f.vpin("A", float("inf")), "volume = inf"),
        (lambda: f.vpin("A", 10, 0), "buckets = 0"),
        (lambda: f.vpin("A", 10, bar="0s"), "bar '0s'"),
        (lambda: f.vpin("A", 10, bar=60), "bar = 60"),  # pyright: ignore[reportArgumentType]
        (lambda: f.vpin("A", 10, changes=1), "changes = 1"),
        (lambda: f.realised_vol(X, 0), "window = 0"),
        (lambda: f.momentum(X, 5), "span = 5"),  # pyright: ignore[reportArgumentType]
        (lambda: f.momentum(X, "-1s"), "span '-1s'"),
        (lambda: f.arrival_rate("A", 20), "window = 20"),  # pyright: ignore[reportArgumentType]
        (lambda: f.arrival_rate("A", "1s", "fill"), "kind 'fill'"),  # pyright: ignore[reportArgumentType]
        (lambda: f.kyle_lambda("A", 1), "n = 1"),
        (lambda: f.kyle_lambda("A", 20, "0s"), "interval '0s'"),
        (lambda: f.spread(X, X, 2, window=5), "hedge or window"),
        (lambda: f.every("100ms", phase="200ms"), "phase '200ms'"),
        (lambda: f.every(0), "period 0"),
        (lambda: f.on_bar([]), "at least one symbol"),
        (lambda: f.any_of(), "at least one condition"),
        (lambda: f.apply(math.floor), "at least one input"),
        (lambda: f.expr(pl.col("y").mean(), window=3, x=X), "'y'"),
        (lambda: f.expr(pl.col("y").mean(), window=3), "inputs by name"),
    ],
)
def test_bad_parameters_name_the_value(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_condition_has_no_truth_value_while_it_is_declared() -> None:
    with pytest.raises(TypeError, match="Combine conditions"):
        bool(X > 1)
    with pytest.raises(TypeError, match="not a condition"):
        _ = (X > 1) & X  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]
    with pytest.raises(TypeError, match="cannot be called"):
        f.apply(3, X)  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_wake_conditions_are_values() -> None:
    cross = f.crosses(X, 0)
    assert f.every("1s", phase="250ms") == f.Every(10**9, 250_000_000)
    assert f.on_bar(["A", "B", "A"], "1m") == f.OnBar(("A", "B"), 60 * 10**9)
    assert f.on_bar("A") == f.OnBar(("A",))
    assert f.any_of(cross, f.any_of(f.on_quote("A"), f.on_report()), cross) == (
        cross,
        f.OnSource("A", "quote"),
        f.OnReport(),
    )
    assert f.on_trade("A") == f.OnSource("A", "trade")


def test_unknown_symbol_names_the_nearest() -> None:
    with pytest.raises(UnknownSymbolError, match="Did you mean 'SPX'"):
        f.compile([f.close("SPY")], {"SPX": 0})


def frame(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"ts": [1, 2, 3], "close": [1.0, 2.0, 3.0], **columns})


@pytest.mark.parametrize(
    ("data", "row", "field"),
    [
        (frame(close=[1.0, float("nan"), 3.0]), 2, "open"),
        (frame(close=[1.0, 2.0, float("inf")]), 3, "open"),
        (frame(ts=[1, 3, 2]), 3, "ts_recv"),
        (frame(ts=[1, None, 2]), 2, "ts"),
        (frame(ts=["a", "b", "c"]), None, "ts"),
        (frame(ts=[None, None, None]).with_columns(pl.col("ts").cast(pl.Datetime("ns"))), None, "ts"),
    ],
)
def test_bad_data_is_refused_by_row_and_field(data: pl.DataFrame, row: int | None, field: str) -> None:
    with pytest.raises(DataError) as refused:
        f.compute(X, data, symbol="A")
    assert (refused.value.source, refused.value.row, refused.value.field) == ("A", row, field)


def test_data_that_is_no_series_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot read int"):
        f.compute(X, 7)
    with pytest.raises(ValueError, match="Say which instrument"):
        f.compute(X, frame())
    with pytest.raises(DataError, match="not bars, quotes or trades"):
        f.compute(X, pl.DataFrame({"ts": [1], "x": [1.0]}), symbol="A")
    with pytest.raises(DataError, match="no time"):
        f.compute(X, pl.DataFrame({"close": [1.0]}), symbol="A")
    with pytest.raises(ValueError, match="at least one node"):
        f.compute([], frame(), symbol="A")


def test_an_exception_of_a_callable_node_comes_through() -> None:
    def broken(x: float) -> float:
        raise ZeroDivisionError(f"at {x}")

    with pytest.raises(ZeroDivisionError, match=r"at 1\.0"):
        f.compute(f.apply(broken, X), frame(), symbol="A")


def test_frames_split_by_symbol_and_read_zoned_times() -> None:
    data = pl.DataFrame({"Symbol": ["A", "B", "A"], "ts": [1, 1, 2], "Close": [1.0, 5.0, 2.0]}).with_columns(
        pl.col("ts").cast(pl.Datetime("us", "UTC"))
    )
    result = f.compute({"edge": f.close("B") - f.close("A")}, data)
    assert result["edge"].to_list() == [4.0, 3.0]
    assert result.schema == {"ts": pl.Datetime("ns", "UTC"), "edge": pl.Float64}
    assert result["ts"].cast(pl.Int64).to_list() == [1_000, 2_000]


def test_a_microprice_without_a_fit_says_how_to_get_one() -> None:
    with pytest.raises(
        ValueError, match=r"microprice\('X'\) needs a fit.*fit_microprice.*weighted_mid\('X'\)"
    ):
        f.microprice("X")
