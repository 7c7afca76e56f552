"""The commands, run as users run them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "import sys; from tradewright.cli import main; sys.exit(main())"
HELP_SECONDS_MAX = 0.25


def tradewright(*words: str, cwd: Path, expected: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == expected, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def test_help_teaches_the_first_steps(tmp_path: Path) -> None:
    shown = tradewright("--help", cwd=tmp_path).stdout
    for command in ("demo", "new", "check", "backtest", "why", "import"):
        assert command in shown
        assert "examples:" in tradewright(command, "--help", cwd=tmp_path).stdout


def test_help_is_quick(tmp_path: Path) -> None:
    seconds: list[float] = []
    for _ in range(7):
        began = time.perf_counter()
        tradewright("--help", cwd=tmp_path)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < HELP_SECONDS_MAX, f"{min(seconds) * 1000:.0f} ms"


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from tradewright.cli.app import build; build().format_help(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"polars", "numpy", "scipy", "plotly", "arch", "statsmodels", "pandas", "duckdb", "rich"}
    assert not heavy & set(loaded)


def test_version(tmp_path: Path) -> None:
    assert tradewright("--version", cwd=tmp_path).stdout.startswith("tradewright 0.")


def test_wrong_usage_ends_with_2_and_the_nearest(tmp_path: Path) -> None:
    assert "Did you mean 'backtest'?" in tradewright("bactest", cwd=tmp_path, expected=2).stderr
    assert "no such file" in tradewright("backtest", "absent.toml", cwd=tmp_path, expected=2).stderr
    shown = tradewright("import", "csw", "a.csv", "--store", "s", cwd=tmp_path, expected=2)
    assert "Did you mean 'csv'?" in shown.stderr
    tradewright(cwd=tmp_path, expected=2)


def test_an_error_is_one_line_and_a_traceback_on_request(tmp_path: Path) -> None:
    shown = tradewright("backtest", "absent.toml", cwd=tmp_path, expected=2)
    assert len(shown.stderr.splitlines()) == 1
    assert not shown.stdout
    assert "Traceback" in tradewright("backtest", "absent.toml", "--debug", cwd=tmp_path, expected=1).stderr


def test_new_checks_backtests_and_passes_its_own_test(tmp_path: Path) -> None:
    tradewright("new", "my-idea", cwd=tmp_path)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["my_idea.py", "my_idea.toml", "test_my_idea.py"]
    assert "exists already" in tradewright("new", "my_idea", cwd=tmp_path, expected=2).stderr
    assert "no lookahead in" in tradewright("check", "my_idea.toml", "--cuts", "4", cwd=tmp_path).stdout
    tradewright("backtest", "my_idea.toml", "--out", "runs/my_idea", cwd=tmp_path)
    assert (tmp_path / "runs" / "my_idea" / "report.html").is_file()
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_idea.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
        check=True,
        timeout=300,
    )


@pytest.mark.parametrize("name", ["1st", "class", "a.b", "json", "tradewright"])
def test_new_refuses_names_that_no_module_can_have(name: str, tmp_path: Path) -> None:
    tradewright("new", name, cwd=tmp_path, expected=2)
    assert not list(tmp_path.iterdir())


def test_a_value_can_be_set_for_one_run(tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    plain = msgspec.json.decode(tradewright("backtest", "idea.toml", "--json", cwd=tmp_path).stdout)
    wider = msgspec.json.decode(
        tradewright("backtest", "idea.toml", "--json", "--set", "policies[0].window=60", cwd=tmp_path).stdout
    )
    assert plain["policies"] == ["Idea"]
    assert plain["counters"]["orders"] != wider["counters"]["orders"]
    wrong = tradewright("backtest", "idea.toml", "--set", "policies[0].windw=60", cwd=tmp_path, expected=2)
    message = "idea.toml: policies[0].windw: Idea has no such field. Did you mean 'window'?"
    assert wrong.stderr == f"tradewright: {message}\n"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        # The first run has all data, and the sixth has it again: between them lie the four cuts.
        ("(1 if len(RUNS) in (1, 6) else 2)", "lookahead: at "),
        ("len(RUNS)", "not deterministic: "),
    ],
)
def test_check_reports_decisions_that_changed(share: str, said: str, tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    text = (tmp_path / "idea.py").read_text()
    # No policy of a configuration reaches past its data, so what differs between runs stands for the future.
    text = text.replace("self.weight * portfolio.equity", f"self.weight / {share} * portfolio.equity")
    text = text.replace("        score = f.zscore", "        RUNS.append(1)\n        score = f.zscore")
    (tmp_path / "idea.py").write_text(text + "\n\nRUNS: list[int] = []\n")
    shown = tradewright("check", "idea.toml", "--cuts", "4", cwd=tmp_path, expected=1).stdout
    assert shown.splitlines()[-1].startswith(said)


def test_check_without_a_run_finds_what_cannot_be_imported(tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    assert "valid; Idea" in tradewright("check", "idea.toml", "--config-only", cwd=tmp_path).stdout
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    use = "policies[0].use=broken:Idea"
    shown = tradewright("check", "idea.toml", "--config-only", "--set", use, cwd=tmp_path, expected=2)
    assert "broken needs 'no_such_module', which is not installed." in shown.stderr


def test_an_exception_in_a_policy_is_one_line_with_its_place(tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    text = (tmp_path / "idea.py").read_text()
    (tmp_path / "idea.py").write_text(text.replace("score = market[self.score]", "score = 1 / 0"))
    shown = tradewright("backtest", "idea.toml", cwd=tmp_path, expected=1)
    assert "Idea" in shown.stderr
    assert "division by zero" in shown.stderr
    assert "idea.py:" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_why_tells_one_order_and_lists_them(tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    tradewright("backtest", "idea.toml", "--out", "runs/idea", cwd=tmp_path)
    listed = tradewright("why", "runs/idea", cwd=tmp_path).stdout.splitlines()
    order_id = listed[-1].split()[0]
    story = tradewright("why", "runs/idea", order_id, cwd=tmp_path).stdout
    assert "decide" in story
    assert "fill" in story
    lines = msgspec.json.decode(tradewright("why", "runs/idea", order_id, "--json", cwd=tmp_path).stdout)
    assert {line["label"] for line in lines} >= {"decide", "intent", "sent", "filled"}
    orders = msgspec.json.decode(
        tradewright("why", "runs/idea", "--json", "--last", "2", cwd=tmp_path).stdout
    )
    assert [order["order_id"] for order in orders] == [line.split()[0] for line in listed[-2:]]
    assert "Nearest: " in tradewright("why", "runs/idea", "zzz", cwd=tmp_path, expected=2).stderr


def test_a_refused_order_says_why_and_what_to_do(tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    tight = ("--set", "risk.order_value_max=1", "--out", "runs/tight")
    tradewright("backtest", "idea.toml", *tight, cwd=tmp_path)
    order_id = tradewright("why", "runs/tight", cwd=tmp_path).stdout.splitlines()[-1].split()[0]
    story = tradewright("why", "runs/tight", order_id, cwd=tmp_path).stdout
    assert "refused" in story
    assert "order_value_max" in story
    assert "remedy" in story


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("precious")
    tradewright("new", "idea", cwd=tmp_path)
    shown = tradewright("backtest", "idea.toml", "--out", "thesis", cwd=tmp_path, expected=2)
    assert "holds files, and none of a run" in shown.stderr
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


CSV = "Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10.5,11,10,10.7,120\n"


def test_import_is_incremental_and_feeds_a_backtest(tmp_path: Path) -> None:
    (tmp_path / "ABC.csv").write_text(CSV)
    words = ("import", "csv", "ABC.csv", "--store", "data", "--calendar", "XNYS")
    assert "2 new rows" in tradewright(*words, cwd=tmp_path).stdout
    assert "0 new rows, 2 known already" in tradewright(*words, cwd=tmp_path).stdout
    (tmp_path / "ABC.csv").write_text(CSV + "2024-01-04,10.7,11,10,10.9,90\n")
    summary = msgspec.json.decode(tradewright(*words, "--json", cwd=tmp_path).stdout)
    assert (summary["rows_new"], summary["rows_known"]) == (1, 2)
    tradewright("new", "idea", cwd=tmp_path)
    (tmp_path / "stored.toml").write_text(
        '[[policies]]\nuse = "idea:Idea"\nsymbol = "ABC"\n[data]\nstore = "data"\nsymbols = ["ABC"]\n'
    )
    result = msgspec.json.decode(tradewright("backtest", "stored.toml", "--json", cwd=tmp_path).stdout)
    assert result["symbols"] == ["ABC"]
    assert result["counters"]["events"] == 3


def test_a_bad_file_is_refused_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "ABC.csv").write_text(CSV.replace("10.7,120", "nan,120"))
    shown = tradewright("import", "csv", "ABC.csv", "--store", "data", cwd=tmp_path, expected=1)
    assert "ABC.csv, row 2, Close" in shown.stderr
    assert not list((tmp_path / "data").rglob("*.parquet"))


def test_an_import_of_several_files_is_all_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "ABC.csv").write_text(CSV)
    (tmp_path / "BAD.csv").write_text(CSV.replace("10.7,120", "nan,120"))
    words = ("import", "csv", "ABC.csv", "BAD.csv", "--store", "data")
    shown = tradewright(*words, cwd=tmp_path, expected=1)
    assert "BAD.csv, row 2, Close" in shown.stderr
    assert not shown.stdout
    assert not list((tmp_path / "data").rglob("*.parquet"))
    (tmp_path / "BAD.csv").write_text(CSV)
    told = tradewright(*words, "--symbol", "A", "--symbol", "B", cwd=tmp_path).stdout.splitlines()
    assert told[0].startswith("ABC.csv: A: 2 new rows")
    assert told[1].startswith("BAD.csv: B: 2 new rows")
    assert told[2].startswith("2 files: A, B: 4 new rows")


def test_an_invalid_choice_is_about_its_own_option(tmp_path: Path) -> None:
    words = ("import", "csv", "a.csv", "--store", "s", "--label", "mid")
    shown = tradewright(*words, cwd=tmp_path, expected=2).stderr
    assert "no command" not in shown
    assert "argument --label: invalid choice: 'mid'" in shown


def test_an_exception_in_setup_is_one_line_with_its_place(tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    text = (tmp_path / "idea.py").read_text()
    (tmp_path / "idea.py").write_text(text.replace("ctx.wake(", 'f.sma("SPX", 0)\n        ctx.wake('))
    for command in ("backtest", "check"):
        shown = tradewright(command, "idea.toml", cwd=tmp_path, expected=1).stderr
        assert "Idea: setup raised ValueError: " in shown
        assert "Traceback" not in shown


def test_files_and_folders_that_cannot_be_are_named(tmp_path: Path) -> None:
    tradewright("new", "idea", cwd=tmp_path)
    (tmp_path / "a.csv").write_text(CSV)
    config = '[[policies]]\nuse = "idea:Idea"\nsymbol = "ABC"\n[data]\nfiles = ["{}"]\n'
    for file, problem in (("nope.csv", "nope.csv: no such file."), (".", "is a folder.")):
        (tmp_path / "wrong.toml").write_text(config.format(file))
        assert problem in tradewright("backtest", "wrong.toml", cwd=tmp_path, expected=1).stderr
    for words, code, problem in (
        (("backtest", "idea.toml", "--out", "/proc/x"), 2, "--out: /proc/x: cannot be made"),
        (("demo", "--out", "/proc/x"), 2, "--out: /proc/x: cannot be made"),
        (("import", "csv", "a.csv", "--store", "a.csv"), 1, "a.csv: is a file."),
    ):
        shown = tradewright(*words, cwd=tmp_path, expected=code).stderr
        assert problem in shown
        assert "Traceback" not in shown


def test_the_demo_writes_a_report_and_says_how_many_windows_passed(tmp_path: Path) -> None:
    shown = tradewright("demo", "--out", "runs/demo", cwd=tmp_path).stdout
    assert "formation windows passed the cointegration test" in shown
    assert "Momentum" in shown
    report = (tmp_path / "runs" / "demo" / "report.html").read_text()
    assert "<html" in report
    facts = msgspec.json.decode(tradewright("demo", "--json", cwd=tmp_path).stdout)
    assert facts["Pairs"]["windows_tested"] > facts["Pairs"]["windows_passed"] > 0
    assert facts["Momentum"]["counters"]["fills"] > 0
