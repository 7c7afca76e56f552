"""Generated exchanges and presets in a run configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import tradewright as tw
from tradewright import config, loading
from tradewright.cli.app import main
from tradewright.errors import ConfigError
from tradewright.sim import GeneratedExchange, InformedFlow, PoissonFlow
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
[[policies]]
use = "tradewright.strategies:SymmetricMaker"
symbol = "EVENT"

[[data.exchanges]]
symbol = "EVENT"
duration = "2m"
seed = 7
flow = { type = "informed", value = 0.4, informed = 0.3 }

[data.instruments.EVENT]
preset = "kalshi_binary"
makers_pay = true
lot_size = 0.5

[account]
cash = { USD = 1_000 }
"""


def test_a_configured_exchange_is_the_one_made_in_python() -> None:
    event = tw.instruments.kalshi_binary("EVENT", makers_pay=True, lot_size=0.5)
    flow = InformedFlow(value=0.4, informed=0.3)
    exchange = GeneratedExchange(flow, instrument=event, duration="2m", seed=7)
    wanted = tw.backtest(SymmetricMaker("EVENT"), exchange, account=tw.Account(cash={"USD": 1_000}))
    found = loading.backtest(config.loads(TEXT))
    assert len(found.fills) > 5
    assert found.fills.equals(wanted.fills)
    assert found.equity.equals(wanted.equity)
    other = loading.backtest(config.loads(TEXT, overrides=["data.exchanges[0].seed=8"]))
    assert not other.fills.equals(wanted.fills)


def test_start_and_several_exchanges() -> None:
    text = (
        TEXT
        + """
[[data.exchanges]]
symbol = "COIN"
duration = "1m"
seed = 1
start = 2026-03-01T12:00:00Z
flow = { type = "poisson", price = 100.0 }

[data.instruments.COIN]
preset = "crypto_spot"
tick_size = 0.5
lot_size = 1
fees = [{ taker_bps = 10 }]
"""
    )
    made = loading.exchanges(config.loads(text))
    assert [one.symbol for one in made] == ["EVENT", "COIN"]
    coin = tw.instruments.crypto_spot("COIN", tick_size=0.5, lot_size=1, fees=tw.Fees(taker_bps=10))
    start = "2026-03-01T12:00:00Z"
    wanted = GeneratedExchange(PoissonFlow(price=100), instrument=coin, duration="1m", seed=1, start=start)
    assert made[1].instrument == coin
    assert made[1].plan == wanted.plan


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.kind=quotes", "data.kind: is about recorded data; an exchange makes its own."),
        (
            "data.source=sp500",
            "data: give exactly one of source, files, store and exchanges; there is source and",
        ),
        ("data.exchanges[0].symbol=EVNT", "data.instruments: 'EVNT' is missing."),
        ("data.instruments.OTHER.price_unit=1", "data.instruments: no exchange trades 'OTHER'."),
        ("data.exchanges[0].seed=-1", "data.exchanges[0].seed: -1 is not possible."),
        (
            "data.exchanges[0].duration=soon",
            "data.exchanges[0]: duration 'soon' is not a length of time.",
        ),
        ("data.exchanges[0].flow.type=random", "data.exchanges[0].flow.type: 'random' is not possible."),
        (
            "data.exchanges[0].flow.vlue=1",
            "data.exchanges[0].flow.vlue: unknown field. Did you mean 'value'?",
        ),
        ("data.exchanges[0].flow.value=1.5", "data.exchanges[0]: EVENT: a value of 1.5"),
        ("data.exchanges[0].start=2026-01-01T00:00:00", "data.exchanges[0].start:"),
        (
            "data.instruments.EVENT.preset=kalshi",
            "preset: 'kalshi' is not possible. Did you mean 'kalshi_binary'?",
        ),
        (
            "data.instruments.EVENT.preset=future",
            "data.instruments.EVENT.tick_size: is missing. The preset future",
        ),
        ("data.instruments.EVENT.maker_pay=true", "data.instruments.EVENT.maker_pay: unknown field."),
        ("data.instruments.EVENT.lot_size=-1", "data.instruments.EVENT: EVENT: lot_size"),
    ],
)
def test_what_is_wrong_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        loading.exchanges(config.loads(TEXT, name="maker.toml", overrides=[override]))
    assert message in str(error.value)


def test_two_exchanges_of_one_symbol_are_refused() -> None:
    one = {"symbol": "EVENT", "duration": "1m", "seed": 1, "flow": {"type": "poisson", "price": 0.5}}
    raw = {
        "policies": [{"use": "a:B"}],
        "data": {"exchanges": [one, one], "instruments": {"EVENT": {"preset": "binary"}}},
    }
    with pytest.raises(ConfigError, match="two of them trade 'EVENT'"):
        config.decode(raw)


def test_the_command_line_runs_one_and_says_what_it_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "maker.toml"
    file.write_text(TEXT)
    assert main(["backtest", str(file), "--json", "--out", str(tmp_path / "run")]) == 0
    assert json.loads(capsys.readouterr().out)["grade"] == "simulated flow"
    assert (tmp_path / "run" / "report.html").is_file()
    assert main(["check", str(file)]) == 0
    assert "no future to look into" in capsys.readouterr().out
    assert main(["backtest", str(file), "--compare-fills"]) != 0
    assert "data.exchanges" in capsys.readouterr().err
