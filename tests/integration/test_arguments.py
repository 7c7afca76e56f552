"""What a run is given: a wrong argument is refused by name, before anything ran, and never left out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import tradewright as tw
from runs import DAY_NS, bars
from tradewright import config, loading
from tradewright import features as f
from tradewright.core.fees import FeeCurve
from tradewright.core.market import Deposit, Split
from tradewright.errors import ConfigError, DataError, InstrumentError, PolicyError
from tradewright.sim import GeneratedExchange, LogNormal, PoissonFlow, SampledLatency

if TYPE_CHECKING:
    from pathlib import Path

DAYS = bars([100.0, 101.0, 102.0, 103.0], step_ns=DAY_NS)


class Hold(tw.Policy):
    """Wants one unit, always."""

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition("X", 1)


class Deny(tw.RiskManager):
    """Lets nothing pass."""

    def review(self, order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Verdict:
        return tw.Refused("nothing passes")


class Misspelt(tw.RiskManager):
    """Would let nothing pass if its method were called."""

    def reviw(self, order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Verdict:
        return tw.Refused("nothing passes")


@pytest.mark.parametrize(
    ("manager", "message"),
    [
        (Deny, r"managers\[1\]: Deny is a class\. Construct it: Deny\(…\)\."),
        (object(), r"managers\[1\]: object defines neither review nor on_mark"),
        (None, r"managers\[1\]: None defines neither review nor on_mark"),
        (Misspelt(), r"would allow everything\. It has reviw\. Did you mean 'review'\?"),
    ],
)
def test_a_manager_that_would_do_nothing_is_refused(manager: Any, message: str) -> None:
    assert len(tw.backtest(Hold(), DAYS, managers=[Deny()]).fills) == 0
    with pytest.raises(ConfigError, match=message):
        tw.backtest(Hold(), DAYS, managers=[Deny(), manager])


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        (Hold, "policies: Hold is a class"),
        ([Hold(), Hold], r"policies\[1\]: Hold is a class"),
        ([], "policies: is empty"),
        (7, "policies: 7 does not define decide"),
        ([Hold(), "Hold"], r"policies\[1\]: 'Hold' does not define decide"),
    ],
)
def test_what_is_no_policy_is_refused(policies: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tw.backtest(policies, DAYS)


def test_policies_may_come_from_any_iterable() -> None:
    once = tw.backtest(Hold(), DAYS)
    assert tw.backtest((Hold() for _ in range(1)), DAYS).fills.equals(once.fills)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"venue": {"decision_ns": 5}}, "venue: dict is no tradewright.Venue"),
        ({"risk": {"drawdown_max": 0.1}}, "risk: dict is no tradewright.Risk"),
        ({"account": {"kind": "cash"}}, "account: dict is no tradewright.Account"),
        ({"seed": -1}, "seed: -1 is no seed"),
        ({"seed": 1.5}, "seed: 1.5 is no seed"),
        ({"seed": 2**70}, "seed: .* is no seed"),
        ({"periods_per_year": 0}, "periods_per_year: 0 is no number of days"),
        ({"periods_per_year": -3}, "periods_per_year: -3"),
        ({"periods_per_year": float("nan")}, "periods_per_year: nan"),
        ({"cash": {}}, "cash: names no currency"),
        ({"cash": "100"}, "cash: '100' is no starting cash"),
        ({"cash": {"USD": None}}, "cash.USD: None is no starting cash"),
        ({"benchmark": "ZZZ"}, r"benchmark: the run has no prices of 'ZZZ'\. Valid: X\."),
    ],
)
def test_an_impossible_argument_is_refused_by_name(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        tw.backtest(Hold(), DAYS, out=tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(DataError, match=r"events\[0\]: 1 is no event\. There are: Deposit"):
        tw.backtest(Hold(), DAYS, events=[1])


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (tw.Fills, {"queue": "log"}, "queue: 'log' is not possible here. Give RiskAverseQueue"),
        (tw.Fills, {"queue": {"type": "probabilistic"}}, "queue: .* is not possible here"),
        (tw.Fills, {"timing": "open"}, "timing: 'open' is unknown"),
        (tw.Fills, {"path": "random"}, "path: 'random' is unknown"),
        (tw.Fills, {"participation_max": "all"}, "participation_max: 'all' is not a number"),
        (tw.Venue, {"latency": None}, "latency: None is not possible here. Give ConstantLatency"),
        (tw.Venue, {"fills": "log"}, "fills: 'log' is not possible here"),
        (tw.Costs, {"half_spread_min_bps": "1"}, "half_spread_min_bps: '1' is not a number"),
    ],
)
def test_a_part_of_the_venue_of_another_type_is_refused(
    kind: Any, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**fields)


@pytest.mark.parametrize("queue", [tw.ExactQueue(), tw.RiskAverseQueue(), tw.ProbabilisticQueue()])
def test_a_queue_where_nobody_queues_is_refused(queue: Any) -> None:
    with pytest.raises(ConfigError, match=r"fills.queue: .*Queue is about books, and the data has bars"):
        tw.backtest(Hold(), DAYS, venue=tw.Venue(fills=tw.Fills(queue=queue)))


class BadWindow(Hold):
    """Asks for an average of nothing."""

    def setup(self, ctx: tw.Setup) -> None:
        ctx.watch(f.sma("X", 0))


def test_an_exception_in_setup_names_the_policy() -> None:
    with pytest.raises(PolicyError, match="BadWindow: setup raised ValueError: ") as caught:
        tw.backtest(BadWindow(), DAYS)
    assert caught.value.policy == "BadWindow"
    assert isinstance(caught.value.__cause__, ValueError)


FRAME = pl.DataFrame(
    {
        "date": ["2024-01-02", "2024-01-03"],
        "open": [1.0, 2.0],
        "high": [1.0, 2.0],
        "low": [1.0, 2.0],
        "close": [1.0, 2.0],
    }
)


@pytest.mark.parametrize(
    ("read", "error", "message"),
    [
        ({"lable": "close"}, TypeError, r"backtest has no argument 'lable'\. Did you mean 'label'\?"),
        ({"benchmrk": "X"}, TypeError, r"backtest has no argument 'benchmrk'\. Did you mean 'benchmark'\?"),
        ({"label": "close"}, ConfigError, "label: says how to read a frame, and the data is series already"),
        ({"tz": "UTC"}, ConfigError, "tz: says how to read a frame"),
        ({"symbol": "QQQ"}, DataError, "data, symbol: is given as 'QQQ', and is a series of 'X'"),
    ],
)
@pytest.mark.parametrize("data", [DAYS, [DAYS], tw.data.Dataset.of(DAYS)], ids=["one", "list", "set"])
def test_what_is_said_of_a_frame_is_refused_for_series(
    data: object, read: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tw.backtest(Hold(), data, **read)


def test_options_hold_for_the_frame_beside_a_series() -> None:
    assert tw.data.Dataset.of([DAYS, *tw.data.Dataset.of({"Y": FRAME}).series]).symbols == ["X", "Y"]
    found = tw.data.Dataset.of({"X": DAYS, "Y": FRAME}, calendar="XNYS")
    assert found["Y"].start_ns == 1_704_229_200_000_000_000  # 16:00 in New York
    with pytest.raises(ValueError, match="no time zone 'Nonsense/Zone'"):
        tw.data.Dataset.of({"Y": FRAME}, tz="Nonsense/Zone")  # its plain dates need none


def test_a_key_is_the_symbol_of_its_series() -> None:
    assert tw.data.Dataset.of({"X": DAYS}).symbols == ["X"]
    with pytest.raises(DataError, match="is given as 'Z', and is a series of 'X'"):
        tw.backtest(Hold(), {"Z": DAYS})
    with pytest.raises(DataError, match="is given as 'QQQ', and is a series of 'X'"):
        f.compute(f.close("X"), DAYS, symbol="QQQ")


def test_a_series_says_how_it_is_adjusted_and_whose_it_is() -> None:
    with pytest.raises(DataError, match="X, adjusted: 'foo' is no adjustment"):
        bars([1.0], adjusted="foo")
    with pytest.raises(DataError, match="X, instrument: its instrument is 'Y'"):
        bars([1.0], instrument=tw.instruments.equity("Y"))


@pytest.mark.parametrize("adjusted", ["splits", "all"])
def test_a_split_on_adjusted_prices_would_count_twice(adjusted: str) -> None:
    split = Split(
        symbol="X",
        ts_event_ns=DAYS.start_ns + 1,
        ts_recv_ns=DAYS.start_ns + 1,
        numerator=2,
        denominator=1,
    )
    tw.backtest(Hold(), DAYS, events=[split])
    series = dataclasses.replace(DAYS, adjusted=adjusted)
    with pytest.raises(DataError, match="a split on prices that are adjusted for splits"):
        tw.backtest(Hold(), series, events=[split])


def test_a_feature_cannot_take_the_name_of_the_times() -> None:
    with pytest.raises(ValueError, match="cannot be called 'ts'"):
        f.compute({"ts": f.close("X")}, DAYS)


def test_the_margin_in_force_is_the_stricter_one() -> None:
    loose = tw.Account(initial_margin=0.1, leverage_max=2)
    assert (loose.initial_rate, loose.maintenance_rate) == (0.5, 0.05)
    strict = tw.Account(initial_margin=0.8, leverage_max=2)
    assert (strict.initial_rate, strict.maintenance_rate) == (0.8, 0.4)


def test_parts_of_a_configuration_that_would_be_left_out(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "ABC.csv")
    policy = '[[policies]]\nuse = "tradewright.strategies:Momentum"\nsymbol = "ABC"\n[data]\n'
    for text, message in (
        ('source = "sp500"\nsymbols = ["SPX"]', "data.symbols: what comes with the package"),
        ('source = "sp500"\ntimeframe = "1m"', "data.timeframe: what comes with the package"),
        ('files = ["ABC.csv"]\nread.tz = "Foo/Bar"', "no time zone 'Foo/Bar'"),
    ):
        with pytest.raises(ConfigError, match=message):
            config.loads(policy + text)
    instruments = 'files = ["ABC.csv"]\ninstruments.ABD = { price_unit = 0.01, lot_size = 1 }'
    loaded = config.loads(policy + instruments, folder=tmp_path)
    with pytest.raises(ConfigError, match=r"data.instruments.ABD: no file holds .* Did you mean 'ABC'"):
        loading.data(loaded)


@pytest.mark.parametrize("cash", [0, {"USD": 0.0, "EUR": 5.0}])
def test_an_account_without_money_is_refused(cash: Any, tmp_path: Path) -> None:
    account = tw.Account(currency="USD")
    with pytest.raises(ConfigError, match=r"account.cash.USD: the account starts without any USD"):
        tw.backtest(Hold(), DAYS, cash=cash, account=account, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("period", ["start = 2030-01-01", "end = 1990-01-01"])
def test_a_period_without_data_is_named(period: str) -> None:
    policy = (
        '[[policies]]\nuse = "tradewright.strategies:Momentum"\nsymbol = "SPX"\n[data]\nsource = "sp500"\n'
    )
    loaded = config.loads(policy + period)
    name = "data." + period.split()[0]
    with pytest.raises(ConfigError, match=rf"{name}: nothing of SPX \(bars\) lies between .*Give a period"):
        loading.data(loaded)


@pytest.mark.parametrize("out", ["", "  "])
def test_a_folder_without_a_name_is_refused(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"out: is empty\. Name a folder"):
        tw.backtest(Hold(), DAYS, out=out)
    assert not list(tmp_path.iterdir())


class Fails(Hold):
    """Fails on the third bar, with an order on the way."""

    def setup(self, ctx: tw.Setup) -> None:
        self.calls = 0
        ctx.wake(f.on_bar("X"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.calls += 1
        if self.calls == 3:
            raise ZeroDivisionError
        return tw.TargetPosition("X", 2)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_fails_leaves_its_folder_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        tw.backtest(Fails(), DAYS, out=tmp_path / "first")
    assert not (tmp_path / "first").exists()
    folder = tmp_path / "kept"
    tw.backtest(Hold(), DAYS, out=folder)
    before = contents(folder)
    for policy, cash in ((Fails(), 1e5), (BadWindow(), 1e5), (Hold(), 0)):
        with pytest.raises((PolicyError, ConfigError)):
            tw.backtest(policy, DAYS, out=folder, cash=cash)
        assert contents(folder) == before


def test_a_run_folder_holds_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    deposit = Deposit(ts_event_ns=DAYS.start_ns, ts_recv_ns=DAYS.start_ns, currency="USD", amount=5.0)
    tw.backtest(Hold(), DAYS, out=folder, events=[deposit])
    (folder / "report.html").write_text("mine")
    (folder / ".part").mkdir()
    (folder / ".part" / "journal.bin").write_text("of a killed run")
    tw.backtest(Hold(), DAYS, out=folder)
    tw.backtest(Hold(), DAYS, out=tmp_path / "fresh")
    again, fresh = contents(folder), contents(tmp_path / "fresh")
    assert again.pop("report.html") == b"mine"
    assert again.pop("run.json") != b""
    fresh.pop("run.json")
    assert again == fresh


@pytest.mark.parametrize(
    ("kind", "fields", "error", "message"),
    [
        (FeeCurve, {"rate": 0.07, "exponent": 3}, InstrumentError, "exponent 3 is none of 0, 1 and 2"),
        (tw.Fees, {"since": "2024-01-01"}, InstrumentError, "since '2024-01-01' is no day"),
        (tw.Fees, {"rounding": "ceil"}, InstrumentError, "rounding 'ceil' is none of"),
        (
            tw.Instrument,
            {"symbol": "X", "price_unit": 0.01, "asset_class": "foo"},
            InstrumentError,
            "asset_class 'foo' is unknown. Use one of equity",
        ),
        (
            Split,
            {"symbol": "X", "ts_event_ns": 1, "ts_recv_ns": 1, "numerator": 1.5},
            DataError,
            "1.5 is no whole number",
        ),
    ],
)
def test_a_value_that_its_type_does_not_have(
    kind: Any, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        kind(**fields)


def test_a_side_that_is_none() -> None:
    with pytest.raises(DataError, match="X, row 2, aggressor: 5 is no side"):
        tw.Trades.from_arrays("X", ts=[1, 2], price=[1.0, 1.0], size=[1.0, 1.0], aggressor=[1, 5])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1.5}, "seed 1.5 is no whole number"),
        ({"seed": -1}, "seed -1 is no whole number"),
        ({"orders": "yes"}, "'yes' is neither True nor False"),
    ],
)
def test_arguments_of_a_generated_exchange(changes: dict[str, Any], message: str) -> None:
    flow = PoissonFlow(price=0.5)
    given: dict[str, Any] = {"instrument": tw.instruments.binary("E"), "duration": "1m", "seed": 1, **changes}
    with pytest.raises(ConfigError, match=message):
        GeneratedExchange(flow, **given)


@pytest.mark.parametrize("seed", [0, np.int64(7), 2**64 - 1])
def test_seeds_that_are_possible(seed: Any) -> None:
    delay = LogNormal(median_ns=1000, sigma=0.5)
    venue = tw.Venue(latency=SampledLatency(entry=delay, response=delay))
    assert tw.backtest(Hold(), DAYS, venue=venue, seed=seed).meta.seed == int(seed)
