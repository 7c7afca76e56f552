"""What costs took: a run with them against the same fills without, to the last 10⁻¹²."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

import tradewright as tw
from runs import DAY_NS, bars, exact
from tradewright import features as f
from tradewright.research.result import Result

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

ROWS = 120
KINDS = ("spread", "impact", "fees", "borrow")


@dataclass
class Erratic(tw.Policy):
    """Holds, submits and stops at random, the same whatever it pays."""

    seed: int

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("X"))
        self.chance = random.Random(self.seed)  # noqa: S311 - a script, no secret

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        chance, price = self.chance, market.close("X")
        side = chance.choice(("buy", "sell"))
        sign = 1 if side == "buy" else -1
        size = float(chance.randint(1, 40))
        match chance.randrange(5):
            case 0:
                return tw.Submit(symbol="X", side=side, size=size)
            case 1:  # near enough that it takes, and that the limit cuts what costs add
                limit = round(price + sign * chance.choice((0.0, 0.02, 0.4)), 2)
                return tw.Submit(symbol="X", side=side, size=size, type="limit", limit=limit, tif="ioc")
            case 2:
                stop = round(price + sign * chance.choice((0.3, 1.0)), 2)
                return tw.Submit(symbol="X", side=side, size=size, type="stop", stop=stop, tif="day")
            case _:
                return None


def run(seed: int, paid: str) -> Result:
    chance = random.Random(seed)  # noqa: S311 - a script, no secret
    closes = [100.0]
    for _ in range(ROWS - 1):
        closes.append(round(closes[-1] * (1 + chance.gauss(0, 0.01)), 2))
    instrument = tw.Instrument(
        symbol="X",
        price_unit=0.01,
        multiplier=chance.choice((1, 5)),
        payment="full",
        fees=(tw.Fees(per_share=0.013),) if "fees" in paid else (),
    )
    costs = tw.Costs(
        half_spread_min_bps=3 if "spread" in paid else 0,
        volatility_coefficient=0.1 if "spread" in paid else 0,
        impact_base_bps=30 if "impact" in paid else 0,
    )
    return tw.backtest(
        [Erratic(seed), Erratic(seed + 1)],
        bars(closes, step_ns=DAY_NS, volume=100.0, instrument=instrument),
        cash=10_000_000,
        venue=tw.Venue(costs=costs, fills=tw.Fills(participation_max=0.3)),
        account=tw.Account(leverage_max=10, borrow_bps_per_year=400 if "borrow" in paid else 0),
        risk=tw.Risk(order_value_max=None, gross_max=None),
    )


def net(result: Result) -> Fraction:
    """Profit as the ledger has it, exactly."""
    ledger = result.ledger
    sums = {name: Fraction(cast("Decimal", ledger[name].sum())) for name in ledger.columns[3:]}
    return sums["realised"] + sums["unrealised"] - sums["fees"] + sums["cash_flows"]


def same(result: Result) -> Any:
    return result.fills.select("order_id", "side", "size", "ts_event", "ts_recv")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("paid", ["spread", "impact", "spread impact", "fees", "borrow", " ".join(KINDS)])
def test_without_costs_the_same_fills_make_as_much_more_as_the_costs_say(seed: int, paid: str) -> None:
    with_costs, without = run(seed, paid), run(seed, "")
    assert len(with_costs.fills) > 15
    assert same(with_costs).equals(same(without))
    ledger = with_costs.ledger
    money = {
        "spread": "half_spread",
        "impact": "impact",
        "fees": "fees",
        "borrow": "borrow",
    }
    charged = {kind: Fraction(cast("Decimal", ledger[name].sum())) for kind, name in money.items()}
    assert net(without) - net(with_costs) == sum(charged.values())
    for kind in KINDS:
        assert (charged[kind] > 0) == (kind in paid), kind
    summary = with_costs.summary
    shown = (summary.fees, summary.spread_cost, summary.impact_cost, summary.borrow_cost)
    assert summary.costs == pytest.approx(float(sum(charged.values())), abs=1e-9)
    assert sum(amount or 0.0 for amount in shown) == pytest.approx(summary.costs, abs=1e-9)
    for name in ("half_spread", "impact"):  # a fill's own share
        fills = sum((exact(value) for value in with_costs.fills[name].to_list()), Fraction(0))
        assert float(fills) == pytest.approx(float(ledger[name].sum()), abs=1e-9)


def test_costs_are_shown_in_the_table_and_on_the_page(tmp_path: Path) -> None:
    result = run(1, " ".join(KINDS))
    text = str(result)
    shown = f"{result.summary.costs:,.2f}"
    assert f"Costs together {shown:>12}".split() in [line.split()[-3:] for line in text.splitlines()]
    page = result.report(tmp_path / "report.html").read_text()
    assert "Half-spread added" in page
    assert shown in page
    result.write(tmp_path / "run")
    again = Result.load(tmp_path / "run", verify=True)
    assert msgspec.structs.asdict(again.summary) == msgspec.structs.asdict(result.summary)


def test_what_another_engine_filled_has_no_known_spread() -> None:
    known = run(1, "fees")
    frame = known.ledger.drop("half_spread", "impact")
    other = Result(
        orders=known.orders,
        fills=known.fills,
        round_trips=known.round_trips,
        equity=known.equity,
        meta=known.meta,
        ledger=frame,
    )
    assert other.summary.spread_cost is None
    assert other.summary.costs is None
    assert "another engine" in other.summary.undefined["costs"]
