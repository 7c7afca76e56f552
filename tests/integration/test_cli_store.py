"""Files into a store and out of it, and hints that speak the command line's own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from tradewright.cli import main
from tradewright.cli.importing import in_own_words
from tradewright.data import Store
from tradewright.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

DAYS = "Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,100\n2024-01-03,10.5,11,10,10.7,120\n"
MINUTES = "time,open,high,low,close\n2024-01-02 10:00,10,11,9,10.5\n2024-01-02 10:01,10.5,11,10,10.7\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ABC.csv").write_text(DAYS)
    (tmp_path / "XYZ.csv").write_text(DAYS)
    (tmp_path / "MIN.csv").write_text(MINUTES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str, expected: int = 0) -> str:
    assert main(list(words)) == expected
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_following_the_hints_leads_to_the_import(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each refusal names an option of the command; adding it as it is written leads on."""
    words = ["import", "csv", "MIN.csv", "--store", "data"]
    for option in (["--tz", "UTC"], ["--label", "open"]):
        shown = told(capsys, *words, expected=1)
        assert " ".join(option) in shown
        assert not re.search(r"\b(tz|label|timeframe)=", shown), shown
        words += option
    assert "2 new rows" in told(capsys, *words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Give tz='UTC', tz='America/New_York' or the like.",
            "Give --tz UTC, --tz America/New_York or the like.",
        ),
        ("Give label='open' or label='close'.", "Give --label open or --label close."),
        ("allow_negative=True takes such prices", "--allow-negative takes such prices"),
        ("Give tz=… (--tz), such as America/New_York.", "Give --tz, such as America/New_York."),
        (
            "Shift the receive times with clock_offset='estimate' (--clock-offset estimate).",
            "Shift the receive times with --clock-offset estimate.",
        ),
        ("such as time_format='%d.%m.%Y %H:%M'.", "such as --time-format '%d.%m.%Y %H:%M'."),
        ("use another venue= or another store.", "use another --venue or another store."),
        ("Say which: columns={'time': 'Day One'}.", 'Say which: --column time="Day One".'),
        ("with columns={'close': 'Last', 'open': '…'}.", "with --column close=Last --column open=…."),
        ("import with replace=True.", "import with --replace."),
    ],
)
def test_options_are_named_as_the_command_has_them(text: str, expected: str) -> None:
    found = in_own_words(DataError("is odd.", source="a.csv", row=3, field="time", value=7, remedy=text))
    assert found.remedy == expected
    assert str(found) == f"a.csv, row 3, time: is odd. {expected}"


def test_names_for_files_are_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("import", "csv", "ABC.csv", "XYZ.csv", "--store", "data")
    shown = told(capsys, *words, "--symbol", "A", expected=2)
    assert "Give --symbol once for each file" in shown
    assert "2 files: A, B" in told(capsys, *words, "--symbol", "A", "--symbol", "B")
    with pytest.raises(SystemExit):
        main(["import", "--help"])
    assert "repeat it for several files" in " ".join(capsys.readouterr().out.split())


def test_a_series_is_listed_and_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "import", "csv", "ABC.csv", "XYZ.csv", "--store", "data")
    told(
        capsys,
        "import",
        "csv",
        "MIN.csv",
        "--store",
        "data",
        "--tz",
        "UTC",
        "--label",
        "open",
        "--symbol",
        "ABC",
    )
    assert told(capsys, "store", "data").splitlines() == [
        "ABC 1d bars: 2 rows, 2024-01-02 to 2024-01-03",
        "ABC 1m bars: 2 rows, 2024-01-02 to 2024-01-02",
        "XYZ 1d bars: 2 rows, 2024-01-02 to 2024-01-03",
    ]
    shown = told(capsys, "store", "data", "--remove", "ABC", expected=1)
    assert "several series are meant by ABC. There are: ABC 1d bars; ABC 1m bars. Choose with --kind" in shown
    assert "removed ABC 1m bars" in told(capsys, "store", "data", "--remove", "ABC", "--timeframe", "1m")
    assert [str(key) for key in Store(folder / "data").series()] == ["ABC 1d bars", "XYZ 1d bars"]
    assert "removed XYZ 1d bars" in told(capsys, "store", "data", "--remove", "XYZ")
    assert not list((folder / "data").rglob("symbol=XYZ*"))
    assert "unknown symbol 'XYZ'" in told(capsys, "store", "data", "--remove", "XYZ", expected=1)
    assert len(msgspec.json.decode(told(capsys, "store", "data", "--json"))) == 1
    # What is removed can come again.
    assert "2 new rows" in told(capsys, "import", "csv", "XYZ.csv", "--store", "data")


def test_what_cannot_be_asked_of_a_store_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "store: nope: is no folder." in told(capsys, "store", "nope", expected=2)
    (folder / "empty").mkdir()
    assert "has no series; `tradewright import`" in told(capsys, "store", "empty")
    assert "--kind: chooses what to remove. Give --remove SYMBOL" in told(
        capsys, "store", "empty", "--kind", "bars", expected=2
    )
    told(capsys, "import", "csv", "ABC.csv", "--store", "data")
    with pytest.raises(DataError, match="no series is"):
        Store(folder / "data").remove("ABC", "quotes")


def test_a_policy_in_place_of_its_configuration_is_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "new", "idea_a")
    assert "idea_a.py: is Python, not a configuration. Give idea_a.toml." in told(
        capsys, "backtest", "idea_a.py", expected=2
    )
    assert "Give the TOML file that uses it." in told(capsys, "check", "other.py", expected=2)


def test_a_folder_of_runs_names_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "new", "idea_b")
    told(capsys, "backtest", "idea_b.toml", "--out", "runs/first")
    assert "runs/meta.json: is missing; this is not a run folder. It holds runs: first." in told(
        capsys, "why", "runs", expected=1
    )
    assert "tradewright backtest … --out DIR" in told(capsys, "why", "nowhere", expected=1)


def test_a_number_for_a_table_is_refused_in_the_words_of_toml(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "new", "idea_c")
    shown = told(capsys, "backtest", "idea_c.toml", "--set", "account.cash=5", expected=2)
    assert "account.cash: 5 is not possible. Expected a table, got int." in shown
