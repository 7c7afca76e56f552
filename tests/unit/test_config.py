"""Configurations: what is accepted, and what each wrong one is told."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from tradewright import config, loading
from tradewright.core.limits import LIMIT_NAMES, Amount, Limits, Risk
from tradewright.errors import ConfigError
from tradewright.fingerprint import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Annotated
from msgspec import Meta

@dataclass
class Maker:
    symbol: str
    size: Annotated[float, Meta(gt=0)] = 1.0
    window: Annotated[int, Meta(ge=2, le=500)] = 20
    held: float = field(default=0.0, init=False)

    def decide(self, market, portfolio):
        return None

class Plain:
    def decide(self, market, portfolio):
        return None

class Close:
    def review(self, order, market, portfolio):
        return None

@dataclass
class Broken:
    symbol: str = "X"

    def __post_init__(self):
        raise RuntimeError("no luck")

    def decide(self, market, portfolio):
        return None
"""

TEXT = """
engine = "sim"
seed = 7

[[policies]]
use = "maker_module:Maker"
symbol = "SPX"
size = 2

[data]
source = "sp500"
start = 2001-02-03

[risk]
order_value_max = "5%"
drawdown_max = 0.15

[risk.per_policy.Maker]
position_max = 10
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "maker_module.py").write_text(POLICY)
    (tmp_path / "maker.toml").write_text(TEXT)
    return tmp_path


def refused(text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config.loads(text, name="maker.toml", overrides=overrides)
    return str(caught.value)


def test_a_configuration_is_read_once_into_values(folder: Path) -> None:
    loaded = config.load(folder / "maker.toml")
    assert loaded.config.seed == 7
    assert loaded.config.policies == [
        config.Use(use="maker_module:Maker", parameters={"symbol": "SPX", "size": 2})
    ]
    assert loaded.config.data.start == dt.datetime(2001, 2, 3, tzinfo=dt.UTC)
    assert loaded.config.risk.amount("order_value_max") == Amount(0.05, of_equity=True)
    assert loaded.config.risk.per_policy["Maker"].amounts() == {"position_max": Amount(10.0)}


def test_its_policies_are_constructed_with_their_types(folder: Path) -> None:
    (maker,) = loading.policies(config.load(folder / "maker.toml"))
    assert type(maker).__name__ == "Maker"
    assert vars(maker) == {"symbol": "SPX", "size": 2.0, "window": 20}
    assert isinstance(vars(maker)["size"], float)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("risk.drawdwn_max=1", "maker.toml: risk.drawdwn_max: unknown field. Did you mean 'drawdown_max'?"),
        ("risk.drawdown_max=2", "risk.drawdown_max: 2.0 is more than the whole."),
        ("risk.order_value_max=0", "risk.order_value_max: 0.0 is not a limit."),
        ("risk.order_value_max=nan", "risk.order_value_max: nan is not a limit."),
        ("risk.order_value_max=inf", "risk.order_value_max: inf is not a limit."),
        ("risk.order_value_max=-5", "risk.order_value_max: -5.0 is not a limit."),
        ("risk.gross_max='twice'", "risk.gross_max: 'twice' is neither a number nor a percentage."),
        ("risk.gross_max=true", "risk.gross_max: True is not possible."),
        (
            "risk.order_size_max='5%'",
            "risk.order_size_max: '5%' is not possible. Expected float | null, got str.",
        ),
        (
            "risk.per_policy.Maker.nt_max=1",
            "risk.per_policy.Maker.nt_max: unknown field. Did you mean 'net_max'?",
        ),
        ("risk.per_policy.Maker.net_max=-1", "risk.per_policy.Maker.net_max: -1.0 is not a limit."),
        ("engine=simm", "engine: 'simm' is not possible. Did you mean 'sim'?"),
        ("engine=paper", "engine: 'paper' is not in this release, which backtests only."),
        ("engine=live", "engine: 'live' is not in this release, which backtests only."),
        ("enginee=sim", "maker.toml: enginee: unknown field. Did you mean 'engine'?"),
        ("data.source=sp50", "data.source: 'sp50' does not come with the package. Did you mean 'sp500'?"),
        ("data.strt=2001-01-01", "data.strt: unknown field. Did you mean 'start'?"),
        (
            "data.start=2001-01-01T00:00:00",
            "data.start: datetime.datetime(2001, 1, 1, 0, 0) is not possible.",
        ),
        ("data.end=2000-01-01", "data.end: 2000-01-01 00:00:00+00:00 is not after the start"),
        (
            "data.files=['a.csv']",
            "data: give exactly one of source, files, store and exchanges; there is source and files.",
        ),
        ("data.read.label=middle", "data.read.label: 'middle' is not possible. Valid: close, open."),
        ("data.read.tz=UTC", "data.read: is about files; there is source."),
        (
            "data.instruments.A.lot_sze=1",
            "data.instruments.A.lot_sze: unknown field. Did you mean 'lot_size'?",
        ),
        ("policies=[]", "policies: [] is not possible."),
        ("policies=3", "policies: 3 is not possible. Write [[policies]] tables."),
        ("policies=[{symbol='A'}]", "policies[0].use: is missing."),
        ("policies[0].use=3", "policies[0].use: 3 is not possible. Expected str, got int."),
        ("policies[4].size=1", "--set: policies.4: no entry '4' among 1."),
        ("policies.size=1", "--set: policies.size: no entry 'size' among 1."),
        ("seed.x=1", "--set: seed.x: 7 has no fields."),
        ("seed=-1", "seed: -1 is not possible. Expected int >= 0."),
        ("seed=1.5", "seed: 1.5 is not possible."),
        ("seed", "--set: 'seed' sets nothing."),
        ("=3", "--set: '=3' sets nothing."),
        ("result.periods_per_year=0", "result.periods_per_year: 0 is not possible."),
        (
            "result.perods_per_year=252",
            "result.perods_per_year: unknown field. Did you mean 'periods_per_year'?",
        ),
    ],
)
def test_a_wrong_field_is_refused_with_its_path_and_what_is_right(override: str, message: str) -> None:
    assert message in refused(TEXT, override)


def test_a_missing_section_is_named() -> None:
    assert refused("[data]\nsource = 'sp500'") == "maker.toml: policies: is missing. It has no default."
    assert "data: give exactly one of source, files, store and exchanges" in refused(
        "policies = [{use='a:B'}]\n[data]"
    )


def test_what_is_not_toml_is_refused_with_its_place(tmp_path: Path) -> None:
    assert "not TOML" in refused("[data\n")
    assert "line 1" in refused("[data\n")
    with pytest.raises(ConfigError, match="no such file"):
        config.load(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"seed = '\xff'")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "latin.toml")


def test_overrides_change_one_value_and_leave_the_original(folder: Path) -> None:
    raw = config.load(folder / "maker.toml").raw
    changed = config.override(raw, "risk.per_policy.Maker.net_max=5")
    assert changed["risk"]["per_policy"]["Maker"] == {"position_max": 10, "net_max": 5}
    assert raw["risk"]["per_policy"]["Maker"] == {"position_max": 10}
    loaded = config.load(folder / "maker.toml", overrides=["policies[0].window=50", "policies.0.symbol=NDX"])
    assert loaded.config.policies[0].parameters == {"symbol": "NDX", "size": 2, "window": 50}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"symbol": "A", "sise": 1}, "policies[0].sise: Maker has no such field. Did you mean 'size'?"),
        ({"symbol": "A", "held": 1}, "policies[0].held: Maker has no such field."),
        ({"symbol": "A", "size": 0}, "policies[0].size: 0 is not possible. Expected float > 0.0."),
        ({"symbol": "A", "window": 501}, "policies[0].window: 501 is not possible. Expected int <= 500."),
        ({"symbol": "A", "window": "a"}, "policies[0].window: 'a' is not possible. Expected int, got str."),
        ({}, "policies[0].symbol: is missing. It has no default."),
    ],
)
def test_parameters_are_checked_against_the_fields(
    folder: Path, parameters: dict[str, object], message: str
) -> None:
    use = config.Use(use="maker_module:Maker", parameters=parameters)
    with pytest.raises(ConfigError) as caught:
        loading.construct(use, hooks=("decide",), folder=folder, source="maker.toml", path="policies[0]")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("maker_module", "'maker_module' names no class."),
        (":Maker", "':Maker' names no class."),
        ("maker_module:Makr", "maker_module has no class 'Makr'. Did you mean 'Maker'?"),
        ("maker_module:Close", "Close has no method 'decide'."),
        ("absent_module:Maker", "no module 'absent_module'. Put absent_module.py beside the configuration"),
        ("needs_absent:Maker", "needs_absent needs 'absent_module', which is not installed."),
        ("bad_syntax:Maker", "bad_syntax cannot be imported: SyntaxError"),
        ("maker_module:Broken", "Broken cannot be constructed: RuntimeError: no luck."),
    ],
)
def test_a_class_that_cannot_be_used_is_explained(folder: Path, use: str, message: str) -> None:
    (folder / "needs_absent.py").write_text("import absent_module\n")
    (folder / "bad_syntax.py").write_text("class Maker(:\n")
    with pytest.raises(ConfigError) as caught:
        loading.construct(config.Use(use=use), hooks=("decide",), folder=folder, path="policies[0]")
    assert message in str(caught.value)


def test_a_manager_may_look_at_marks_alone(folder: Path) -> None:
    (folder / "watchers.py").write_text("class Marks:\n    def on_mark(self, market, portfolio): ...\n")
    hooks = ("review", "on_mark")
    assert loading.construct(config.Use(use="watchers:Marks"), hooks=hooks, folder=folder) is not None
    with pytest.raises(ConfigError, match="Maker has no method 'review' or 'on_mark'"):
        loading.construct(config.Use(use="maker_module:Maker"), hooks=hooks, folder=folder)


def test_a_plain_class_has_no_parameters(folder: Path) -> None:
    assert (
        loading.construct(config.Use(use="maker_module:Plain"), hooks=("decide",), folder=folder) is not None
    )
    with pytest.raises(ConfigError, match="Make Plain a dataclass"):
        loading.construct(
            config.Use(use="maker_module:Plain", parameters={"a": 1}), hooks=("decide",), folder=folder
        )


def test_modules_of_one_name_in_two_folders_are_two(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "maker_module.py").write_text(POLICY.replace("= 20", "= 30"))
    use = config.Use(use="maker_module:Maker", parameters={"symbol": "A"})
    assert loading.construct(use, hooks=("decide",), folder=folder).window == 20
    assert loading.construct(use, hooks=("decide",), folder=other).window == 30
    assert loading.construct(use, hooks=("decide",), folder=folder).window == 20


def test_limits_for_an_absent_policy_are_refused(folder: Path) -> None:
    loaded = config.load(folder / "maker.toml", overrides=["risk.per_policy.Makr.net_max=1"])
    with pytest.raises(
        ConfigError, match=r"risk\.per_policy\.Makr: no policy has this name\. Did you mean 'Maker'"
    ):
        loading.policies(loaded)


def test_managers_may_be_texts_or_tables(folder: Path) -> None:
    text = "managers = ['maker_module:Close']\n" + TEXT
    (folder / "managed.toml").write_text(text)
    (manager,) = loading.managers(config.load(folder / "managed.toml"))
    assert type(manager).__name__ == "Close"


def test_two_policies_of_a_class_have_two_names() -> None:
    class A: ...

    class B: ...

    assert loading.names([A(), B(), A(), A()]) == ["A", "B", "A-2", "A-3"]


@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_every_limit_takes_a_number_and_refuses_what_is_none(name: str) -> None:
    number = 2.0 if name == "order_rate_max" else 0.5
    assert msgspec.convert({name: number}, Limits).amounts() == {name: Amount(number)}
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="is not a limit"):
            Limits(**{name: wrong})


def test_percentages_are_of_the_equity_or_fractions() -> None:
    risk = Risk(gross_max="200%", drawdown_max="15%", price_collar="0.5 %", loss_per_day_max=50)
    assert risk.amounts() == {
        "gross_max": Amount(2.0, of_equity=True),
        "loss_per_day_max": Amount(50.0),
        "drawdown_max": Amount(0.15),
        "price_collar": Amount(0.005),
    }
    assert Amount(2.0, of_equity=True).resolve(1_000) == 2_000
    assert Amount(50.0).resolve(1_000) == 50


def test_the_fingerprint_covers_code_parameters_and_limits(folder: Path) -> None:
    (maker,) = loading.policies(config.load(folder / "maker.toml"))
    whole = fingerprint([maker], Risk(net_max=1))
    assert len(whole) == 64
    assert fingerprint([maker], Risk(net_max=1)) == whole
    assert fingerprint([maker], Risk(net_max=2)) != whole
    assert fingerprint([maker]) == fingerprint([maker], Risk())
    changed = config.load(folder / "maker.toml", overrides=["policies[0].size=3"])
    assert fingerprint(loading.policies(changed), Risk(net_max=1)) != whole
    (folder / "maker_module.py").write_text(POLICY + "\n# another line\n")
    assert fingerprint([maker], Risk(net_max=1)) != whole
