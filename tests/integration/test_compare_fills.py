"""``tradewright backtest --compare-fills``: each row is the run that its model alone would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

import tradewright as tw
from feeds import MAKER_TOML, write_small_recording
from tradewright import config, fill_models, loading
from tradewright.cli import main
from tradewright.errors import TradewrightError

if TYPE_CHECKING:
    from pathlib import Path

BOOK = f"""{MAKER_TOML}
[data]
files = ["small.gz"]
kind = "book_l2"
format = "binance"

[venue.latency]
type = "constant"
entry_ns = 5_000_000
"""
BARS = """
[[policies]]
use = "dip:Dip"
symbol = "SPX"

[data]
source = "sp500"
start = 2015-01-01
end = 2016-01-01

[venue.fills]
participation_max = 0.5
"""
DIP = """
from dataclasses import dataclass
import tradewright as tw
from tradewright import features as f


@dataclass
class Dip(tw.Policy):
    symbol: str

    def setup(self, ctx):
        self.close = ctx.watch(f.close(self.symbol))
        ctx.wake(f.on_bar(self.symbol))

    def decide(self, market, portfolio):
        if portfolio.position(self.symbol) > 0:
            return tw.TargetPosition(self.symbol, 0)
        limit = market[self.close] - 5
        buy = tw.Submit(symbol=self.symbol, side="buy", size=1, type="limit", limit=limit, tif="day")
        return buy
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small_recording(tmp_path / "small.gz")
    (tmp_path / "book.toml").write_text(BOOK)
    (tmp_path / "bars.toml").write_text(BARS)
    (tmp_path / "dip.py").write_text(DIP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["backtest", *words, "--compare-fills", "--json"]) == 0
    return msgspec.json.decode(capsys.readouterr().out)


ORDERS = """
[[policies]]
use = "tradewright.strategies:QueueAwareMaker"
symbol = "ABC"
size = 5
order_size = 5
position_max = 50

[data]
files = ["ABC_2012-06-21_34200000_57600000_message_5.csv"]
kind = "book_l3"
format = "lobster"

[venue.latency]
type = "constant"
entry_ns = 5_000_000
"""


def write_orders(path: Path, messages: int = 3000) -> None:
    """A LOBSTER message file: orders come, are cancelled and executed by price and time."""
    rng = np.random.default_rng(1)
    resting: dict[int, list[list[int]]] = {1: [], -1: []}  # order, price, size; best and oldest first
    lines: list[str] = []
    for number in range(1, messages):
        side, kind = int(rng.choice([1, -1])), rng.random()
        queue, time = resting[side], f"{34200 + number * 0.05:.9f}"
        if kind < 0.45 or len(queue) < 10:
            order = [number, 1_000_000 - side * 100 * int(rng.integers(1, 6)), int(rng.integers(1, 20))]
            queue.append(order)
            queue.sort(key=lambda one: -side * one[1])
            lines.append(f"{time},1,{number},{order[2]},{order[1]},{side}")
            continue
        order = queue[0] if kind < 0.7 else queue[int(rng.integers(len(queue)))]
        size = min(order[2], int(rng.integers(1, 20)))
        order[2] -= size
        name = 4 if kind < 0.7 else 2 if order[2] else 3
        if not order[2]:
            queue.remove(order)
        lines.append(f"{time},{name},{order[0]},{size},{order[1]},{side}")
    path.write_text("\n".join(lines) + "\n")


def test_on_orders_the_exact_queue_stands_before_the_models(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_orders(folder / "ABC_2012-06-21_34200000_57600000_message_5.csv")
    (folder / "orders.toml").write_text(ORDERS)
    rows = as_json(capsys, "orders.toml")
    assert [row["model"] for row in rows] == ["exact", *QUEUES]
    assert [row["configured"] for row in rows] == [True, *[False] * len(QUEUES)]
    for row in rows:
        chosen = QUEUES.get(row["model"], ())
        result = loading.backtest(config.load(folder / "orders.toml", overrides=list(chosen)))
        assert row["executions"] == len(result.fills) > 30
        assert row["net_pnl"] == result.summary.net_pnl
        assert row["evidence"] == result.meta.grade
    grades = [row["evidence"] for row in rows]
    assert grades[:2] == [
        "L3 exact: book orders, their own queue",
        "levels of book orders, queue model: risk averse",
    ]


QUEUES = {
    "risk averse": ("venue.fills.queue.type=risk_averse",),
    "power 3": ("venue.fills.queue={type='probabilistic', exponent=3}",),
    "power 2": ("venue.fills.queue={type='probabilistic', exponent=2}",),
    "power 1": ("venue.fills.queue={type='probabilistic', exponent=1}",),
    "log": ("venue.fills.queue={type='probabilistic', form='log'}",),
}


@pytest.mark.parametrize("partial", ["true", "false"])
def test_each_row_of_a_book_is_a_run_of_its_own(
    partial: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = f"venue.fills.partial={partial}"
    rows = as_json(capsys, "book.toml", "--set", own)
    assert [row["model"] for row in rows] == list(QUEUES)
    assert [row["configured"] for row in rows] == [True, False, False, False, False]
    for row in rows:
        result = loading.backtest(config.load(folder / "book.toml", overrides=[own, *QUEUES[row["model"]]]))
        orders = result.orders.filter(result.orders["status"] != "refused")
        assert row["executions"] == len(result.fills) > 0
        assert row["orders"] == len(orders)
        assert row["fill_rate"] == pytest.approx((orders["filled_size"] / orders["size"]).mean())
        assert row["net_pnl"] == result.summary.net_pnl
        assert row["max_drawdown"] == result.summary.max_drawdown
        assert row["evidence"] == result.meta.grade
        assert row["evidence"].startswith("book levels, queue model: ")
        assert row["fills"]["partial"] is (partial == "true")
    assert rows[0]["executions"] <= min(row["executions"] for row in rows[1:])
    assert len({row["executions"] for row in rows}) > 1


def test_a_configured_model_outside_of_the_usual_ones_has_a_row(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "venue.fills.queue={type='probabilistic', form='power_of_front', exponent=2}"
    rows = as_json(capsys, "book.toml", "--set", own)
    assert [row["model"] for row in rows if row["configured"]] == ["power of front 2"]
    log = "venue.fills.queue={type='probabilistic', form='log', exponent=9}"
    rows = as_json(capsys, "book.toml", "--set", log)
    assert [row["model"] for row in rows if row["configured"]] == ["log"]
    assert len(rows) == len(QUEUES)


def test_bars_are_compared_by_touch_and_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["model"]: row for row in as_json(capsys, "bars.toml")}
    assert len(rows) == 6
    for name, row in rows.items():
        touch = name.startswith("touch")
        path = {"worst": "pessimistic", "high": "open_high_low_close", "low": "open_low_high_close"}
        sets = [
            f"venue.fills.touch_fills={str(touch).lower()}",
            f"venue.fills.path={path[name.split(', ')[1].split()[0]]}",
        ]
        result = loading.backtest(config.load(folder / "bars.toml", overrides=sets))
        assert (row["executions"], row["net_pnl"]) == (len(result.fills), result.summary.net_pnl)
        assert row["evidence"] == "bars, next open"
        assert row["fills"]["participation_max"] == 0.5
    assert rows["through, worst path"]["configured"]
    assert rows["touch, worst path"]["executions"] >= rows["through, worst path"]["executions"] > 0


def test_quotes_are_compared_by_touch_and_displayed_size() -> None:
    quotes = tw.Quotes.from_arrays("A", ts=[1], bid=[1], ask=[2], bid_size=[1], ask_size=[1])
    models = fill_models.models_for([quotes], tw.Venue(fills=tw.Fills(participation_max=0.1)))
    assert {(one.touch_fills, one.displayed_size_caps) for one in models.values()} == {
        (touch, caps) for touch in (False, True) for caps in (False, True)
    }
    assert all(one.participation_max == 0.1 for one in models.values())
    assert next(iter(models.values())) == tw.Fills(participation_max=0.1)


def test_the_table_marks_the_configured_model_and_names_the_evidence(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", "book.toml", "--compare-fills", "--out", "runs"]) == 0
    shown, noted = capsys.readouterr()
    lines = shown.splitlines()
    assert " ".join(lines[0].split()) == ("fill model orders fills fill rate net P&L USDT fees max drawdown")
    assert lines[2].startswith("* risk averse")
    assert [line[2:].split("  ")[0] for line in lines[2:7]] == list(QUEUES)
    assert "  book levels, queue model: risk averse (risk averse)" in lines
    assert "wrote runs" in noted
    assert "queue model: log" in (folder / "runs" / "report.html").read_text(encoding="utf-8")
    kept = tw.Result.load(folder / "runs" / "power_2")
    assert kept.meta.config["venue"]["fills"]["queue"] == {
        "type": "probabilistic",
        "form": "power",
        "exponent": 2.0,
    }
    with pytest.raises(TradewrightError):
        main(["backtest", "absent.toml", "--compare-fills", "--debug"])


def test_where_no_order_rests_one_row_and_a_line_say_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market = DIP.replace("        limit = market[self.close] - 5\n", "")
    market = market.replace(', type="limit", limit=limit, tif="day")', ")")
    (folder / "dip.py").write_text(market.replace("class Dip", "class Takes"))
    (folder / "bars.toml").write_text(BARS.replace("Dip", "Takes"))
    assert main(["backtest", "bars.toml", "--compare-fills"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:3] if line.startswith("*")] == ["* through, worst path"]
    assert lines[4:] == [
        "All 6 fill models come to this. No order of the strategy waits for its price, so how resting orders "
        "fill does not matter.",
        "Evidence: bars, next open.",
    ]
    rows = as_json(capsys, "bars.toml")
    assert len(rows) == 6
    assert {row["resting"] for row in rows} == {0}
