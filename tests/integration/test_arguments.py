"""What a run is given: a wrong argument is refused by name, before anything ran, and never left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import tradewright as tw
from runs import DAY_NS, bars
from tradewright import features as f
from tradewright.errors import ConfigError, DataError, PolicyError

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
