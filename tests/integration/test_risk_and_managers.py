"""The gate in whole runs: each native limit with reason and values, a policy's own limits, risk managers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

import tradewright as tw
from runs import DAY_NS, START_NS, bars, check_sound
from tradewright import features as f
from tradewright.errors import ConfigError, PolicyError


@dataclass
class At(tw.Policy):
    """Asks for what stands at each wake, by number from 0."""

    script: dict[int, Any]

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("X"))
        self.wakes = 0

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        asked = self.script.get(self.wakes)
        self.wakes += 1
        return cast("tw.Intents", asked(market, portfolio) if callable(asked) else asked)


def submit(side: Any = "buy", size: float = 1, **fields: Any) -> tw.Submit:
    return tw.Submit(symbol="X", side=side, size=size, **fields)


def run(script: dict[int, Any], closes: list[float] | None = None, **options: Any) -> tw.Result:
    options.setdefault("cash", 10_000)
    return check_sound(tw.backtest(At(script), bars(closes or [100.0] * 8), **options))


def refusals(result: tw.Result) -> list[tuple[str, str]]:
    refused = result.orders.filter(result.orders["status"] == "refused")
    return refused.select("reason", "detail").rows()


FALLING = [100.0, 100.0, 100.0, 90.0, 90.0, 90.0, 90.0, 90.0]
LIMITS: list[tuple[dict[str, Any], dict[int, Any], list[float] | None, str, str]] = [
    ({"order_size_max": 5}, {0: submit(size=6)}, None, "order_size_max", "6 against a limit of 5"),
    ({"order_value_max": 550}, {0: submit(size=6)}, None, "order_value_max", "600 against a limit of 550"),
    ({"order_value_max": "5%"}, {0: submit(size=6)}, None, "order_value_max", "600 against a limit of 500"),
    (
        {"position_max": 5},
        {0: submit(size=4), 2: submit(size=2)},
        None,
        "position_max",
        "6 against a limit of 5",
    ),
    ({"position_max": "5%"}, {0: submit(size=6)}, None, "position_max", "600 against a limit of 500"),
    ({"gross_max": "50%"}, {0: submit(size=51)}, None, "gross_max", "5100 against a limit of 5000"),
    (
        {"gross_max": 300},
        {0: submit(size=2), 2: submit(size=2)},
        None,
        "gross_max",
        "400 against a limit of 300",
    ),
    ({"net_max": 300}, {0: submit("sell", size=4)}, None, "net_max", "400 against a limit of 300"),
    (
        {"loss_per_day_max": 50},
        {0: submit(size=10), 4: submit()},
        FALLING,
        "loss_per_day_max",
        "100 against a limit of 50",
    ),
    (
        {"loss_per_week_max": "0.5%"},
        {0: submit(size=10), 4: submit()},
        FALLING,
        "loss_per_week_max",
        "100 against a limit of 50",
    ),
    (
        {"drawdown_max": 0.005},
        {0: submit(size=10), 4: submit()},
        FALLING,
        "drawdown_max",
        "100 against a limit of 50",
    ),
    (
        {"price_collar": 0.05},
        {0: submit(type="limit", limit=94)},
        None,
        "price_collar",
        "0.06 against a limit of 0.05",
    ),
    (
        {"order_rate_max": 2},
        {0: [submit(), submit(), submit()]},
        None,
        "order_rate_max",
        "3 against a limit of 2",
    ),
]


@pytest.mark.parametrize(("limits", "script", "closes", "reason", "values"), LIMITS)
def test_each_native_limit_refuses_with_its_values(
    limits: dict[str, Any], script: dict[int, Any], closes: list[float] | None, reason: str, values: str
) -> None:
    result = run(script, closes, risk=tw.Risk(**limits))
    assert [found for found, _ in refusals(result)] == [reason]
    detail = refusals(result)[0][1]
    assert detail.startswith(values)
    assert len(detail) > len(values) + 10  # and what to do about it


@pytest.mark.parametrize(("limits", "script", "closes", "reason", "values"), LIMITS)
def test_each_limit_of_one_policy_alone(
    limits: dict[str, Any], script: dict[int, Any], closes: list[float] | None, reason: str, values: str
) -> None:
    """The same limit binds the policy that it names, and not the one beside it."""
    risk = tw.Risk(order_value_max="1000%", gross_max="1000%", per_policy={"At": tw.Limits(**limits)})
    result = check_sound(
        tw.backtest(
            [At(script), At(script)],
            bars(closes or [100.0] * 8),
            cash=10_000,
            risk=risk,
            account=tw.Account(leverage_max=10),
        )
    )
    refused = result.orders.filter(result.orders["status"] == "refused")
    assert refused.select("policy", "reason").rows() == [("At", reason)]
    assert refused["detail"][0].split(" against")[0] == values.split(" against")[0]


def test_limits_let_reducing_orders_pass() -> None:
    result = run({0: submit(size=10), 4: submit("sell", size=10)}, FALLING, risk=tw.Risk(drawdown_max=0.005))
    assert refusals(result) == []
    assert result.fills["position"].to_list() == [10.0, 0.0]


def test_a_day_forgets_its_loss() -> None:
    closes = [100.0, 100.0, 100.0, 90.0, 90.0, 90.0, 90.0]
    series = bars(
        closes, step_ns=DAY_NS // 2
    )  # the fall is known at the first moment of a day, and is that day's
    script = {0: submit(size=10), 3: submit(), 4: submit(), 5: submit()}
    result = tw.backtest(At(script), series, cash=10_000, risk=tw.Risk(loss_per_day_max=50))
    assert result.orders["status"].to_list() == ["filled", "refused", "refused", "filled"]


def test_buying_power_is_always_checked() -> None:
    result = run({0: submit(size=250)}, risk=tw.Risk(order_value_max="1000%", gross_max="1000%"))
    assert refusals(result)[0][0] == "buying_power"


def test_an_account_has_limits_unless_told_otherwise() -> None:
    result = run({0: submit(size=2_001)}, account=tw.Account(leverage_max=1_000))
    assert refusals(result)[0][0] == "order_value_max"
    assert refusals(result)[0][1].startswith("200100 against a limit of 200000")


def test_our_own_orders_do_not_trade_with_each_other() -> None:
    script = {0: submit("sell", type="limit", limit=105), 1: submit(type="limit", limit=106)}
    result = run(script)
    assert refusals(result)[0][0] == "self_trade"
    assert refusals(result)[0][1].startswith("106 against a limit of 105")


def test_limits_for_a_policy_that_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"risk\.per_policy\.Att: no policy has this name.*At"):
        run({}, risk=tw.Risk(per_policy={"Att": tw.Limits(position_max=1)}))


# --- risk managers ---------------------------------------------------------------------------------------


@dataclass
class Rule(tw.RiskManager):
    """Answers what it was given, and notes what it was asked."""

    answer: Any
    asked: list[tuple[str, float, bool]] = field(default_factory=list[tuple[str, float, bool]], init=False)

    def review(self, order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Verdict:
        self.asked.append((order.side, order.size, order.reduces))
        answer = self.answer(order, market, portfolio) if callable(self.answer) else self.answer
        return cast("tw.Verdict", answer)


def test_allow() -> None:
    rule = Rule(tw.Allow())
    result = run({0: submit(size=3), 3: submit("sell", size=2)}, managers=[rule])
    assert rule.asked == [("buy", 3.0, False), ("sell", 2.0, True)]
    assert result.fills["size"].to_list() == [3.0, 2.0]


def test_shrink() -> None:
    rule, later = Rule(tw.Shrink(2.5)), Rule(tw.Allow())
    result = run({0: submit(size=4)}, managers=[rule, later])
    assert result.orders["size"].to_list() == [2.0]  # towards zero, to the lot
    assert later.asked == [("buy", 2.0, False)]  # who follows sees the smaller order


@pytest.mark.parametrize("size", [0.0, 4.0, 9.0, -1.0, float("nan")])
def test_a_shrink_that_does_not_shrink_is_refused(size: float) -> None:
    result = run({0: submit(size=4)}, managers=[Rule(tw.Shrink(size))])
    ((reason, detail),) = refusals(result)
    assert reason == "bad_size"
    assert "a risk manager shrinks to a size that is positive and smaller" in detail


def test_refused() -> None:
    later = Rule(tw.Allow())
    result = run({0: submit(size=4)}, managers=[Rule(tw.Refused("not on a Wednesday")), later])
    ((reason, detail),) = refusals(result)
    assert reason == "custom"
    assert detail.startswith("Rule: not on a Wednesday")
    assert later.asked == []


def test_managers_follow_the_native_limits() -> None:
    rule = Rule(tw.Allow())
    run({0: submit(size=6)}, managers=[rule], risk=tw.Risk(order_size_max=5))
    assert rule.asked == []


def test_a_manager_sees_the_whole_account() -> None:
    seen: list[tuple[float, float]] = []

    def look(order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Verdict:
        seen.append((portfolio.position("X"), market.close("X")))
        return tw.Allow()

    tw.backtest([At({0: submit(size=3)}), At({2: submit(size=2)})], bars([100.0] * 5), managers=[Rule(look)])
    assert seen == [(0.0, 100.0), (3.0, 100.0)]


class Breaker(tw.RiskManager):
    """Halts below an equity."""

    def __init__(self, least: float) -> None:
        self.least = least
        self.marks: list[int] = []

    def on_mark(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Halt | None:
        self.marks.append(market.now_ns)
        return tw.Halt(f"equity {portfolio.equity:g}") if portfolio.equity < self.least else None


def test_halt_cancels_everything_and_lets_only_reducing_orders_pass() -> None:
    breaker = Breaker(9_950)
    script = {
        0: [submit(size=10), submit(type="limit", limit=50)],
        4: submit(size=1),
        5: submit("sell", size=10),
    }
    result = run(script, FALLING, managers=[breaker])
    found = result.orders.select("side", "size", "status", "reason").rows()
    assert found == [
        ("buy", 10.0, "filled", ""),
        ("buy", 1.0, "cancelled", "halted"),
        ("buy", 1.0, "refused", "halted"),
        ("sell", 10.0, "filled", ""),
    ]
    assert "Breaker: equity 9900" in result.orders["detail"][2]


def test_marks_are_shown_once_a_second_of_market_time_and_after_fills() -> None:
    breaker = Breaker(0)
    run({0: submit()}, managers=[breaker])
    bar_ns = [START_NS + 60_000_000_000 * row for row in range(1, 9)]
    assert sorted(set(breaker.marks)) == bar_ns

    fast = Breaker(0)
    series = bars([100.0] * 50, step_ns=100_000_000)
    tw.backtest(At({}), series, managers=[fast])
    assert [(now_ns - START_NS) / 1e9 for now_ns in fast.marks] == [0.1, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_daily_bars_with_a_manager_take_no_steps_in_between() -> None:
    result = tw.backtest(At({}), bars([100.0] * 500, step_ns=DAY_NS), managers=[Breaker(0)])
    assert result.meta.counters.steps == 500


def test_what_is_not_a_verdict_ends_the_run() -> None:
    with pytest.raises(
        PolicyError, match=r"Rule: review raised TypeError .*review returned 'yes', which is not a verdict"
    ):
        run({0: submit()}, managers=[Rule("yes")])


def test_an_exception_in_a_manager_names_it() -> None:
    def fail(order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Verdict:
        raise LookupError("no table")

    with pytest.raises(PolicyError, match=r"Rule: review raised LookupError at 2020-01-01T00:01.*no table"):
        run({0: submit()}, managers=[Rule(fail)])


def test_a_session_rule_from_the_guide() -> None:
    """Refuses what opens within five minutes of New York's early close on 2019-07-03."""
    import datetime as dt

    import numpy as np

    class NoTradingIntoTheClose(tw.RiskManager):
        def review(
            self, order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState
        ) -> tw.Verdict:
            if market.session(order.symbol).seconds_to_close < 300 and not order.reduces:
                return tw.Refused("within 5 minutes of the close")
            return tw.Allow()

    start = int(dt.datetime(2019, 7, 3, 16, 50, tzinfo=dt.UTC).timestamp()) * 10**9
    ts = start + 60_000_000_000 * np.arange(1, 10, dtype=np.int64)
    price = np.full(9, 290.0)
    series = tw.Bars.from_arrays(
        "X",
        ts=ts,
        open=price,
        high=price,
        low=price,
        close=price,
        timeframe="1m",
        instrument=tw.instruments.equity("X"),
    )
    script = {0: submit(size=3), 5: submit(), 6: submit("sell", size=2)}
    result = tw.backtest(At(script), series, managers=[NoTradingIntoTheClose()])
    assert result.orders.select("side", "status", "reason").rows() == [
        ("buy", "filled", ""),
        ("buy", "refused", "custom"),
        ("sell", "filled", ""),
    ]
