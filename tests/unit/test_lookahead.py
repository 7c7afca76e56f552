"""The lookahead test finds planted lookahead, and nothing in honest policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.core.series import Bars
from tradewright.research import lookahead

Rule = Callable[[Sequence[float], int], bool]
DAY_NS = 86_400_000_000_000


@dataclass
class Orders:
    orders: pl.DataFrame


def bars(count: int, seed: int = 3, symbol: str = "X") -> Bars:
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, count)))
    times = np.arange(1, count + 1) * DAY_NS
    return Bars.from_arrays(symbol, ts=times, open=closes, high=closes, low=closes, close=closes)


def run(rule: Rule, data: Bars) -> Orders:
    """A toy engine: one order for each bar that the rule wants, stamped with the bar's time."""
    closes: list[float] = data.close.tolist()
    chosen = [index for index in range(len(closes)) if rule(closes, index)]
    rows = len(chosen)
    return Orders(
        pl.DataFrame(
            {
                "order_id": [str(index) for index in range(rows)],
                "policy": ["Rule"] * rows,
                "symbol": [data.symbol] * rows,
                "side": ["buy"] * rows,
                "type": ["market"] * rows,
                "tif": ["gtc"] * rows,
                "size": [1.0] * rows,
                "price": pl.Series([None] * rows, dtype=pl.Float64),
                "stop_price": pl.Series([None] * rows, dtype=pl.Float64),
                "intent": [""] * rows,
                "decided_at": pl.Series(data.ts_event_ns[chosen]).cast(pl.Datetime("ns", "UTC")),
            }
        )
    )


def rises(closes: Sequence[float], index: int) -> bool:
    return index > 0 and closes[index] > closes[index - 1]


def peeks_one(closes: Sequence[float], index: int) -> bool:
    return index + 1 < len(closes) and closes[index + 1] > closes[index]


def peeks_rarely(closes: Sequence[float], index: int) -> bool:
    return index + 1 < len(closes) and closes[index + 1] / closes[index] > 1.025


def test_an_honest_policy_passes() -> None:
    report = lookahead.check(run, lambda _: rises, bars(300))
    assert report.passed
    assert report.orders == len(run(rises, bars(300)).orders)
    assert len(report.cuts_ns) == 16


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rule", [peeks_one, peeks_rarely])
def test_a_policy_that_peeks_one_bar_is_found(rule: Rule, seed: int) -> None:
    report = lookahead.check(run, lambda _: rule, bars(300, seed), cuts=4, seed=seed)
    assert not report.passed
    difference = report.difference
    assert difference is not None
    assert difference.whole is not None
    assert difference.cut is None
    assert difference.at_ns == difference.cut_ns
    assert "nothing; with the later data too: Rule buy 1.0 X market" in str(report)


def test_chance_is_not_called_lookahead() -> None:
    coin = np.random.default_rng(1)

    def tossed(_closes: Sequence[float], _index: int) -> bool:
        return bool(coin.random() < 0.5)

    report = lookahead.check(run, lambda _: tossed, bars(300), cuts=4)
    assert not report.passed
    assert report.is_random
    assert str(report).startswith("not deterministic: ")


def test_each_side_of_a_difference_has_its_own_time() -> None:
    report = lookahead.check(run, lambda _: peeks_rarely, bars(300), cuts=40)
    assert report.difference is not None
    assert not report.is_random
    with_all, without = report.difference.whole, report.difference.cut
    assert with_all is not None
    later = lookahead.Difference(
        report.difference.cut_ns,
        report.difference.at_ns,
        with_all,
        {
            **with_all,
            "decided_at": report.difference.at_ns + DAY_NS,
        },
    )
    before, after = str(later).split("; with the later data too: ")
    assert " market at 1970-" in before
    assert after.endswith(" market")
    assert without is None or without["decided_at"] != with_all["decided_at"]


def test_a_mean_of_all_data_is_found() -> None:
    def below_the_mean(data: Bars) -> Rule:
        mean = float(data.close.mean())
        return lambda closes, index: closes[index] < mean

    assert not lookahead.check(run, below_the_mean, bars(300)).passed


def test_a_policy_that_sends_nothing_proves_little() -> None:
    def never(_closes: Sequence[float], _index: int) -> bool:
        return False

    report = lookahead.check(run, lambda _: never, bars(50))
    assert report.passed
    assert "sent no order" in str(report)


@dataclass
class Amends(tw.Policy):
    """Rests one order for good and amends it at every bar; with a hint, to a price that the future gives."""

    hint: float

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("X"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        orders = portfolio.open_orders()
        if not orders:
            return tw.Submit(symbol="X", side="buy", size=1.0, type="limit", limit=1.0)
        return tw.Amend(orders[0].order_id, limit=round(1.0 + market.close("X") / 1e3 + self.hint, 2))


@pytest.mark.parametrize("peeks", [False, True])
def test_amendments_are_compared(peeks: bool) -> None:
    def policies(data: Bars) -> Amends:
        return Amends(float(data.close[-1]) / 100 if peeks else 0.0)

    run = partial(tw.backtest, cash=100_000)
    report = lookahead.check(run, policies, bars(80), cuts=6)
    assert (report.orders, report.amendments) == (1, 79)
    assert report.passed is not peeks
    if peeks:
        assert "Amends buy 1.0 X limit" in str(report)
        assert "amendment of order 1 to" in str(report)
    else:
        assert str(report) == "no lookahead in 1 orders and 79 amendments at 6 cuts."


def test_cuts_are_the_same_for_the_same_seed_and_never_keep_everything() -> None:
    data = bars(200)
    one = lookahead.check(run, lambda _: rises, data, seed=1)
    assert one.cuts_ns == lookahead.check(run, lambda _: rises, data, seed=1).cuts_ns
    assert one.cuts_ns != lookahead.check(run, lambda _: rises, data, seed=2).cuts_ns
    assert max(one.cuts_ns) < data.end_ns


def test_cuts_leave_something_of_every_series() -> None:
    early, late = bars(100), bars(100, symbol="Y").between(50 * DAY_NS, None)

    def shortest(_policies: Rule, data: list[Bars]) -> Orders:
        assert all(len(one) for one in data)
        return run(rises, data[0])

    report = lookahead.check(shortest, lambda _: rises, [early, late], cuts=30)
    assert min(report.cuts_ns) >= 50 * DAY_NS


def test_data_that_cannot_be_cut_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than two times"):
        lookahead.check(run, lambda _: rises, bars(1))
    with pytest.raises(ValueError, match="at least 1"):
        lookahead.check(run, lambda _: rises, bars(9), cuts=0)
