"""The examples run as they stand: from the root, from their own folder, and in a notebook."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[0-9]*.py"))
SECONDS_MAX = 30.0
"""Processor seconds: an example that needs more has grown by far. Most of them are for imports."""


def run_example(script: str, out: Path, *words: str, cwd: Path) -> str:
    """Runs one example in a process of its own and returns what it printed; warnings are errors there too."""
    path = os.path.relpath(EXAMPLES / script, cwd)
    # What a newcomer has: the example on a recorded book makes one up.
    without_shared_data = {k: v for k, v in os.environ.items() if k != "TRADEWRIGHT_SHARED_DATA"}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", path, *words, "--out", str(out)],
        cwd=cwd,
        env={**without_shared_data, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def module_of(script: str) -> Any:
    """An example, imported without being run."""
    name = f"example_{script[:2]}"
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look their annotations up
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested_and_listed() -> None:
    assert SCRIPTS == [
        "01_complete_backtest.py",
        "02_strategy_comparison.py",
        "03_your_first_policy.py",
        "04_event_market_maker.py",
        "05_market_making_l2.py",
    ]
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in listed for path in EXAMPLES.iterdir() if path.suffix in {".py", ".ipynb"})


class Ran(NamedTuple):
    """One example as it ran from the root."""

    printed: str
    out: Path
    processor_s: float


@pytest.fixture(scope="module")
def ran_from_root(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """Runs an example from the root, once for all tests that look at what it did."""

    @cache
    def ran(script: str) -> Ran:
        out = tmp_path_factory.mktemp(script) / "run"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = run_example(script, out, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time: wall time on a busy machine says nothing about the example.
        processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Ran(printed, out, processor_s)

    return ran


@pytest.mark.parametrize("script", SCRIPTS)
def test_example_runs_from_the_root(script: str, ran_from_root: Callable[[str], Ran]) -> None:
    ran = ran_from_root(script)
    assert ran.processor_s < SECONDS_MAX
    page = (ran.out / "report.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith(("<!doctype html", "<html"))
    assert f"The report: {ran.out / 'report.html'}" in ran.printed


@pytest.mark.parametrize("script", SCRIPTS)
def test_example_runs_from_its_own_folder_with_the_same_result(
    script: str, tmp_path: Path, ran_from_root: Callable[[str], Ran]
) -> None:
    here, there = run_example(script, tmp_path / "a", cwd=EXAMPLES), ran_from_root(script)
    assert here.replace(str(tmp_path / "a"), "") == there.printed.replace(str(there.out), "")
    assert not (EXAMPLES / "runs").exists()


def test_comparison_says_how_many_windows_passed(ran_from_root: Callable[[str], Ran]) -> None:
    """The count that the example prints is the one that testing the closes window by window gives."""
    import numpy as np
    from statsmodels.tsa.stattools import (  # pyright: ignore[reportMissingTypeStubs] - it ships no types
        coint,  # pyright: ignore[reportUnknownVariableType]
    )

    import tradewright as tw

    sp500, nasdaq = tw.data.sp500(), tw.data.nasdaq()
    assert np.array_equal(sp500.ts_event_ns, nasdaq.ts_event_ns)
    ends = range(252, len(sp500) + 1, 63)
    passed = 0
    for end in ends:
        a, b = np.log(sp500.close[end - 252 : end]), np.log(nasdaq.close[end - 252 : end])
        passed += float(coint(a, b)[1]) <= 0.05 and float(np.cov(a, b)[0, 1]) > 0
    printed = ran_from_root("02_strategy_comparison.py").printed
    assert f"Pairs: {passed} of {len(ends)} formation windows passed" in printed
    assert "Buy and hold" in printed


def test_first_policy_trades_where_the_averages_cross() -> None:
    """Whole-array averages by numpy want a change of position just where the policy has fills."""
    import numpy as np

    import tradewright as tw

    module = module_of("03_your_first_policy.py")
    bars = tw.data.sp500()
    closes = np.asarray(bars.close)
    slow = np.convolve(closes, np.full(50, 1 / 50), "valid")
    fast = np.convolve(closes, np.full(20, 1 / 20), "valid")[-len(slow) :]
    above = fast > slow
    crossed = np.flatnonzero(above[1:] != above[:-1]) + 1
    if not above[crossed[0]]:
        crossed = crossed[1:]  # A first fall through the slow average wants the nothing that is held.
    filled = crossed + 49 + 1  # bar of the close that decides, and the one after it
    filled = filled[filled < len(closes)]
    result = tw.backtest(module.SmaCross(bars.symbol), bars, cash=100_000)
    assert result.fills["price"].to_list() == pytest.approx(bars.open[filled].tolist(), abs=0.006)
    assert result.fills["side"].to_list() == ["buy" if i % 2 == 0 else "sell" for i in range(len(filled))]


@pytest.mark.parametrize("folder", [".", "informed"])
def test_event_maker_writes_what_it_did(folder: str, ran_from_root: Callable[[str], Ran]) -> None:
    """Notional, fills, inventory and P&L of the report follow from the fills of the trace, step by step."""
    ran = ran_from_root("04_event_market_maker.py")
    with (ran.out / folder / "simulation_report.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["market"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["inflation_gt_20", "election_candidate_a", "team_x_wins"]
    columns = ["market", "mid", "spread", "inventory", "pnl", "fill_count", "notional", "max_drawdown"]
    assert list(rows["team_x_wins"]) == columns
    assert f"written to {ran.out / folder / 'simulation_report.csv'}" in ran.printed
    steps = json.loads((ran.out / folder / "trace.json").read_text(encoding="utf-8"))
    assert len(steps) == 200
    for market, row in rows.items():
        cash, held, notional, fills, peak, drawdown = 0.0, 0.0, 0.0, 0, 0.0, 0.0
        for number, step in enumerate(steps):
            state = step[market]
            assert set(state) == {"fills", "mid", "inventory", "pnl", "spread"}
            for side, size, price in state["fills"]:
                sign = 1 if side == "buy" else -1
                cash, held = cash - sign * size * price, held + sign * size
                notional, fills = notional + size * price, fills + 1
            assert 0.01 <= state["spread"] <= 0.5
            assert abs(held) <= 200
            if number < len(steps) - 1:  # the last step is settled
                assert state["inventory"] == held
            if number < len(steps) - 1 and state["mid"] is not None:
                assert state["pnl"] == pytest.approx(cash + held * state["mid"], abs=1e-9)
            peak = max(peak, state["pnl"])
            drawdown = max(drawdown, peak - state["pnl"])
        assert (int(row["fill_count"]), float(row["inventory"])) == (fills, held)
        assert float(row["notional"]) == pytest.approx(notional, abs=1e-6)
        assert float(row["max_drawdown"]) == pytest.approx(drawdown, abs=1e-6)
        outcomes = [cash, cash + held]  # every contract left pays nothing, or 1
        assert any(float(row["pnl"]) == pytest.approx(pnl, abs=1e-6) for pnl in outcomes)
        assert (f"{fills} fills < 100" in ran.printed) == (fills < 100)


@pytest.mark.parametrize(
    ("field", "at", "beyond", "said"),
    [
        ("max_drawdown", 5.0, 5.01, "drawdown 5.01 > 5"),
        ("inventory", 150.0, 151.0, "inventory +151 beyond 150"),
        ("inventory", -150.0, -151.0, "inventory -151 beyond 150"),
        ("spread", 0.3, 0.31, "spread 0.31 > 0.3"),
        ("fill_count", 100, 99, "99 fills < 100: too few to conclude from"),
    ],
)
def test_event_maker_warns_beyond_each_threshold_and_not_at_it(
    field: str, at: float, beyond: float, said: str
) -> None:
    warnings = module_of("04_event_market_maker.py").warnings
    unremarkable = {"max_drawdown": 0.0, "inventory": 0.0, "spread": 0.05, "fill_count": 1_000}
    assert warnings(unremarkable | {field: at}) == []
    assert warnings(unremarkable | {field: beyond}) == [said]


def test_event_maker_teaches_adverse_selection(ran_from_root: Callable[[str], Ran]) -> None:
    printed = ran_from_root("04_event_market_maker.py").printed
    found = re.findall(r"^  (uninformed|informed) +([+-]\d.\d+) +([+-]\d.\d+) +[+-]", printed, re.MULTILINE)
    gains = {name: (float(at_middle), float(at_value)) for name, at_middle, at_value in found}
    assert gains["uninformed"][0] > 0
    assert gains["uninformed"][1] > 0
    assert gains["informed"][0] > 0 > gains["informed"][1]


def test_market_making_runs_on_a_recording_and_says_when_it_has_none(
    shared_data: Path, tmp_path: Path, ran_from_root: Callable[[str], Ran]
) -> None:
    """On the recording orders fill less the longer their way, and least by the risk-averse queue."""
    script = "05_market_making_l2.py"
    assert "MADE-UP market" in ran_from_root(script).printed
    recording = shared_data / "l2_crypto" / "binance_usdm_btcusdt_20240808.gz"
    printed = run_example(script, tmp_path, str(recording), cwd=ROOT)
    assert "MADE-UP" not in printed
    assert "445,264 rows" in printed
    table = re.findall(r"^([a-z][a-z ]*?(?: 3)?) +(\d+) ms +([\d,]+) +([\d,]+) ", printed, re.MULTILINE)
    assert [(row[0], row[1]) for row in table] == [
        (model, way) for model in ("risk averse", "power 3", "log") for way in ("0", "10", "50")
    ]
    fills = [int(row[3].replace(",", "")) for row in table]
    for first in range(0, 9, 3):
        assert fills[first] > fills[first + 1] > fills[first + 2]
    for way in range(3):
        assert fills[way] < min(fills[way + 3], fills[way + 6])


def read_notebook(path: Path) -> Any:
    import nbformat

    return cast("Any", nbformat.read(path, as_version=4))  # pyright: ignore[reportUnknownMemberType] - untyped


def test_notebook_runs_and_is_stored_without_outputs(tmp_path: Path) -> None:
    from nbclient import NotebookClient

    notebook = read_notebook(EXAMPLES / "analysis.ipynb")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    printed = ["".join(output.get("text", "") for output in cell.outputs) for cell in code]
    assert "190 pairs, 380 Engle-Granger tests on 500 rows" in printed[-1]
    assert "0 selected" in printed[-1]
