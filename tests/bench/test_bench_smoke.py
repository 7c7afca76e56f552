"""The benchmarks' tasks come to the reference results: on their own data, and on small data of every kind.

Nothing here looks at a clock.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bench_books
import bench_data
import bench_matching
import bench_policies as policies
import bench_reference as reference
import bench_tasks
import pytest
import run as harness

import tradewright as tw
from feeds import hftbacktest_rows

if TYPE_CHECKING:
    from pathlib import Path

SYMBOL = bench_tasks.SYMBOL


def check(result: tw.Result, columns: bench_data.Columns, expected: reference.Outcome, cash: int) -> None:
    fills = result.fills
    rows = [trade.row for trade in expected.trades]
    assert fills["side"].to_list() == ["buy" if trade.side > 0 else "sell" for trade in expected.trades]
    assert [round(price * 100) for price in fills["price"]] == [trade.cents for trade in expected.trades]
    assert set(fills["size"]) <= {1.0}
    # On bars a fill at the open reaches us with the bar, at its close.
    assert fills["ts_recv"].cast(int).to_list() == columns["ts"][rows].tolist()
    assert result.equity["equity"][-1] - cash == pytest.approx(expected.pnl, abs=5e-7)


def bars_result(policy: tw.Policy, columns: bench_data.Columns) -> tw.Result:
    return tw.backtest(policy, bench_tasks.bars_of(SYMBOL, columns), cash=bench_tasks.CASH)


@pytest.fixture(scope="module")
def bars() -> bench_data.Columns:
    return bench_data.make_bars()


@pytest.fixture(scope="module")
def quotes() -> bench_data.Columns:
    return bench_data.make_quotes()


@pytest.fixture(scope="module")
def operations() -> bench_data.Columns:
    return bench_data.make_operations()


@pytest.fixture(scope="module")
def sma_trades(bars: bench_data.Columns) -> reference.Outcome:
    return reference.sma_cross(bars)


@pytest.fixture(scope="module")
def ema_trades(quotes: bench_data.Columns) -> reference.Outcome:
    return reference.ema_cross(quotes)


def test_data_are_those_of_the_reference_results(
    bars: bench_data.Columns, quotes: bench_data.Columns
) -> None:
    assert bench_data.sha256(bars) == bench_data.SHA256["bars"]
    assert bench_data.sha256(quotes) == bench_data.SHA256["quotes"]


def test_reference_gives_the_published_results(
    sma_trades: reference.Outcome, ema_trades: reference.Outcome
) -> None:
    assert (len(sma_trades.trades), round(sma_trades.pnl, 4)) == (11_110, -160_948.6086)
    assert (len(ema_trades.trades), round(ema_trades.pnl, 2)) == (45_848, -462.45)


@pytest.mark.parametrize("policy", [policies.SmaCross(SYMBOL), policies.SmaCrossInPython(SYMBOL)])
def test_b1(policy: tw.Policy, bars: bench_data.Columns, sma_trades: reference.Outcome) -> None:
    check(bars_result(policy, bars), bars, sma_trades, bench_tasks.CASH)


@pytest.mark.parametrize("policy", [policies.EmaCross(SYMBOL), policies.EmaCrossInPython(SYMBOL)])
def test_b2(policy: tw.Policy, quotes: bench_data.Columns, ema_trades: reference.Outcome) -> None:
    result = tw.backtest(policy, bench_tasks.quotes_of(SYMBOL, quotes), cash=bench_tasks.CASH)
    check(result, quotes, ema_trades, bench_tasks.CASH)


@pytest.mark.parametrize("seed", range(3))
def test_breakout(seed: int) -> None:
    columns = bench_data.make_bars(5_000, seed=seed)
    check(
        bars_result(policies.Breakout(SYMBOL), columns),
        columns,
        reference.breakout(columns),
        bench_tasks.CASH,
    )


@pytest.mark.parametrize("seed", range(3))
def test_trend(seed: int) -> None:
    columns = bench_data.make_bars(5_000, seed=seed)
    check(bars_result(policies.Trend(SYMBOL), columns), columns, reference.trend(columns), bench_tasks.CASH)


@pytest.mark.parametrize("each", [False, True], ids=["one policy", "a policy each"])
@pytest.mark.parametrize("shifted", [False, True], ids=["aligned", "shifted"])
def test_panel(*, shifted: bool, each: bool) -> None:
    panel = bench_data.make_panel(7, 1_500, shifted=shifted)
    chosen: list[tw.Policy] = [policies.SmaCross(one) for one in panel] if each else [policies.SmaCrossAll()]
    series = [bench_tasks.bars_of(symbol, columns) for symbol, columns in panel.items()]
    result = tw.backtest(chosen, series, cash=bench_tasks.CASH)
    expected = {symbol: reference.sma_cross(columns) for symbol, columns in panel.items()}
    for symbol, outcome in expected.items():
        fills = result.fills.filter(symbol=symbol)
        assert [round(price * 100) for price in fills["price"]] == [trade.cents for trade in outcome.trades]
    total = sum(outcome.pnl for outcome in expected.values())
    assert result.equity["equity"][-1] - bench_tasks.CASH == pytest.approx(total, abs=5e-6)


def test_shifted_times_never_meet() -> None:
    panel = bench_data.make_panel(7, 100, shifted=True)
    times = [int(ts) for columns in panel.values() for ts in columns["ts"]]
    assert len(set(times)) == len(times)


def test_a_task_measures_and_refuses_other_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bars: bench_data.Columns
) -> None:
    small = {name: column[:2_000] for name, column in bars.items()}
    outcome = reference.sma_cross(small)

    def load(_folder: Path) -> dict[str, bench_data.Columns]:
        return {SYMBOL: small}

    def task(fills: int, pnl: float) -> bench_tasks.Task:
        return bench_tasks.Task(load, bench_tasks.bars_of, lambda _: [policies.SmaCross(SYMBOL)], fills, pnl)

    monkeypatch.setitem(bench_tasks.TASKS, "b1_features", task(len(outcome.trades), outcome.pnl))
    row = bench_tasks.measure("b1_features", tmp_path, runs=2)
    assert (row["events"], len(row["seconds"]), row["equity_points"]) == (2_000, 2, 2_000)
    for fills, pnl in ((len(outcome.trades) + 1, outcome.pnl), (len(outcome.trades), outcome.pnl + 0.001)):
        monkeypatch.setitem(bench_tasks.TASKS, "b1_features", task(fills, pnl))
        with pytest.raises(ValueError, match="the reference has"):
            bench_tasks.measure("b1_features", tmp_path, runs=1)


@pytest.mark.parametrize("name", bench_matching.TASKS)
def test_b4(name: str) -> None:
    columns = bench_data.make_operations(20_000)
    assert all(columns["expect"] > 100)
    bench_matching.run_once(name, columns)
    columns["expect"][1] += 1
    with pytest.raises(ValueError, match="the reference has"):
        bench_matching.run_once(name, columns)


@pytest.mark.slow
@pytest.mark.parametrize("name", bench_matching.TASKS)
def test_b4_whole(name: str, operations: bench_data.Columns) -> None:
    assert bench_data.sha256(operations) == bench_data.SHA256["ops"]
    assert operations["expect"].tolist() == [393_172, 10_032_999, 2_567]
    bench_matching.run_once(name, operations)


@pytest.fixture(scope="module")
def feed(shared_data: Path) -> bench_data.Columns:
    recording = shared_data / "l2_crypto" / "binance_usdm_btcusdt_20240808.gz"
    return bench_books.columns_of(hftbacktest_rows(recording))


@pytest.mark.parametrize("name", bench_books.TASKS)
def test_b3(name: str, feed: bench_data.Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(feed["ts"]) == 466_836
    bench_books.run_once(name, feed)
    task = bench_books.TASKS[name]
    for other in (replace(task, fills=task.fills + 1), replace(task, cash=task.cash + 0.0001)):
        monkeypatch.setitem(bench_books.TASKS, name, other)
        with pytest.raises(ValueError, match="the reference has"):
            bench_books.run_once(name, feed)


def test_b3_is_left_out_where_the_feed_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepared(*_: object) -> list[harness.Row]:
        return []

    monkeypatch.setattr(harness, "_lines", prepared)
    assert harness.main(["--only", "b3", "--data", str(tmp_path), "--rounds", "1"]) == 0
    assert "b3: no l2_raw.npy" in capsys.readouterr().err


def test_damaged_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_data, "make_bars", lambda: bench_data.make_quotes(100))
    with pytest.raises(ValueError, match=r"bars\.npz: sha256"):
        bench_data.prepare(tmp_path)


def measured(events: int, seconds: float, **others: Any) -> harness.Measured:
    row = {"seconds": [seconds], "cpu_seconds": [seconds], "peak_rss_mb": 100.0, "load1": 0.5, **others}
    one = harness.Measured(events)
    one.add(row)
    return one


def test_goals_compare_rates_not_times() -> None:
    lines = harness.goals(
        {
            "b1_features": measured(500_000, 0.025, cold_s=0.1),
            "vectorbt": measured(500_000, 0.110),
            "panel_aligned": measured(10_000_000, 0.8),
        }
    )
    assert [(line[0].split(",")[0], line[2], line[5]) for line in lines] == [
        ("B1", "4.4", "met"),
        ("500 symbols", "0.625", "**missed**"),
    ]


def test_the_fastest_runs_are_compared_where_there_are_enough_of_them() -> None:
    ours, other = measured(1_000, 0.020), measured(1_000, 0.040)
    for seconds in (0.010, 0.030, 0.040, 0.050):
        ours.add({"seconds": [seconds], "cpu_seconds": [seconds], "peak_rss_mb": 1.0, "load1": 0.0})
    (line,) = harness.goals({"b1_features": ours, "vectorbt": other})
    assert line[3:] == ["1.33", "", "**missed**"]  # medians: 40 ms to 30
    for _ in range(4):
        other.add({"seconds": [0.05], "cpu_seconds": [0.05], "peak_rss_mb": 1.0, "load1": 0.0})
    (line,) = harness.goals({"b1_features": ours, "vectorbt": other})
    assert line[3:] == ["1.67", "4", "**missed**"]  # the verdict stays by the medians: 50 to 30
