"""Money that comes and goes, positions past their expiry, and margin calls, in whole runs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

import tradewright as tw
from runs import DAY_NS, MINUTE_NS, START_NS, bars, quotes
from tradewright import features as f

SECOND_NS = 1_000_000_000


class Script(tw.Policy):
    """What stands at each wake, by number from 0."""

    def __init__(self, plan: dict[int, Any]) -> None:
        self.plan = plan

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("1s") if self.plan.get(-1) else f.on_bar("X"))
        self.count = -1

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.count += 1
        return self.plan.get(self.count)


def stamp(ns: int) -> dict[str, int]:
    return {"ts_event_ns": ns, "ts_recv_ns": ns}


def deposit(ns: int, amount: float) -> tw.market.Deposit:
    return tw.market.Deposit(currency="USD", amount=amount, **stamp(ns))


QUOTES = [(100.0, 100.02)] * 50


@pytest.mark.parametrize("amount", [10_000.0, -400.0])
@pytest.mark.parametrize("second", [0.5, 20.25, 50.0, 70.0])
def test_a_deposit_without_fills_is_no_profit_on_quotes(amount: float, second: float) -> None:
    moved = deposit(START_NS + int(second * SECOND_NS), amount)
    result = tw.backtest(Script({-1: True}), quotes(QUOTES), events=[moved], cash=1_000)
    summary = result.summary
    assert (summary.net_deposits, summary.final_equity) == (amount, 1_000 + amount)
    assert (summary.net_pnl, summary.total_return, summary.max_drawdown) == (0.0, 0.0, 0.0)
    assert result.flows["amount"].to_list() == [amount]
    assert result.equity["at"].to_physical().to_list() == [moved.ts_recv_ns]


@pytest.mark.parametrize("day", [0.5, 3, 4, 4.25, 9])
def test_a_deposit_without_fills_is_no_profit_on_bars(day: float) -> None:
    moved = deposit(START_NS + int(day * DAY_NS), 5_000.0)
    data = bars([100.0, 101.0, 102.0, 103.0], step_ns=DAY_NS)
    summary = tw.backtest(Script({}), data, events=[moved], cash=1_000).summary
    assert (summary.net_pnl, summary.total_return, summary.final_equity) == (0.0, 0.0, 6_000.0)


def test_returns_leave_out_a_deposit_at_and_after_the_last_quote() -> None:
    """A position of 10 from 100.02, at the end worth 100.50: both deposits have nothing to do with it."""
    rows = [*QUOTES[:-1], (100.49, 100.51)]
    ends = START_NS + 50 * SECOND_NS
    moved = [deposit(START_NS + 25 * SECOND_NS + 1, 300.0), deposit(ends, 300.0), deposit(ends + 9, 300.0)]
    plan = {-1: True, 3: [tw.TargetPosition("X", 9)]}
    summary = tw.backtest(Script(plan), quotes(rows), events=moved, cash=1_000).summary
    assert summary.net_pnl == pytest.approx(9 * (100.50 - 100.02), abs=1e-9)
    # Linked over the flow: 9 x (100.01 - 100.02) on 1,000, then 9 x 0.49 on what stood there after it.
    start, middle = 1_000.0, 1_000.0 - 0.09
    assert summary.total_return == pytest.approx(
        middle / start * (middle + 300 + 9 * 0.49) / (middle + 300) - 1, abs=1e-12
    )


# --- withdrawals -----------------------------------------------------------------------------------------


def test_a_cash_account_pays_out_no_more_than_is_free() -> None:
    """Of 1,000, 3 units at 100 are held, and an order for 2 more at 90 waits: 520 are free."""
    data = bars([100.0] * 8)
    plan = {
        0: [tw.Submit(symbol="X", side="buy", size=3)],
        2: [tw.Submit(symbol="X", side="buy", size=2, type="limit", limit=90)],
    }
    account = tw.Account(cash={"USD": 1_000.0}, kind="cash")

    def run(amount: float) -> tw.Result:
        return tw.backtest(
            Script(plan), data, events=[deposit(START_NS + 5 * MINUTE_NS, -amount)], account=account
        )

    refused = run(520.01)
    assert refused.meta.warnings == [
        "2020-01-01T00:05:00Z: a withdrawal of 520.01 is more than the 520 that is free in a cash account; "
        "nothing was taken out"
    ]
    assert (refused.summary.final_equity, refused.summary.net_deposits) == (1_000.0, 0.0)
    assert refused.flows.is_empty()
    paid = run(520.0)
    assert paid.meta.warnings == []
    assert (paid.summary.final_equity, paid.summary.net_deposits, paid.summary.net_pnl) == (
        480.0,
        -520.0,
        0.0,
    )


# --- expiry ----------------------------------------------------------------------------------------------

EXPIRES = dt.datetime.fromtimestamp((START_NS + 3 * DAY_NS) / 1e9, dt.UTC)


def future(**fields: Any) -> tw.Instrument:
    return tw.Instrument(symbol="X", price_unit=0.01, lot_size=1, expiry=EXPIRES, **fields)


def test_a_position_past_expiry_keeps_its_last_mark_and_is_told_of() -> None:
    closes = [100.0, 101.0, 102.0, 110.0, 120.0, 150.0]
    data = bars(closes, opens=closes, step_ns=DAY_NS, instrument=future())
    plan = {0: [tw.TargetPosition("X", 5)], 4: [tw.Submit(symbol="X", side="sell", size=5)]}
    result = tw.backtest(Script(plan), data, cash=10_000)
    assert result.orders["reason"].to_list() == ["", "instrument_ended"]
    # Bought at the open of the second bar, 101; the bar that closes at the expiry is the last that counts.
    assert result.equity["equity"].to_list() == [10_000.0, 10_000.0, *[10_005.0] * 4]
    (warning,) = result.meta.warnings
    assert warning == (
        "X expired at 2020-01-04T00:00:00Z, and a position of 5 was held past it: nothing settled it, so it "
        "is valued at its last mark before, 102. Give a Settlement of X with its price, or be flat by then."
    )


class Early(tw.Policy):
    """Buys once, and is asked so seldom that rows pass by many at a time."""

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("25d"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return [tw.TargetPosition("X", 5)] if not portfolio.position("X") else None


def test_rows_that_pass_many_at_a_time_stop_at_the_expiry_too() -> None:
    closes = (100 + np.cumsum(np.random.default_rng(2).normal(0, 1, 120))).round(2).tolist()
    expires = dt.datetime.fromtimestamp((START_NS + 60 * DAY_NS) / 1e9, dt.UTC)
    ended = tw.Instrument(symbol="X", price_unit=0.01, lot_size=1, expiry=expires)
    data = bars(closes, opens=closes, step_ns=DAY_NS, instrument=ended)
    # A cost of borrowing makes it go step by step; who is long pays none.
    fast, slow = (
        tw.backtest(Early(), data, account=tw.Account(cash={"USD": 1e4}, borrow_bps_per_year=rate))
        for rate in (0.0, 1.0)
    )
    assert fast.equity.equals(slow.equity)
    equity = fast.equity["equity"].to_list()
    bought = fast.fills["price"][0]
    assert equity[59] == pytest.approx(1e4 + 5 * (closes[59] - bought))
    assert equity[59:] == [equity[59]] * 61


def test_a_settlement_after_expiry_ends_it_at_its_price_without_a_warning() -> None:
    closes = [100.0, 101.0, 102.0, 150.0, 160.0, 170.0]
    data = bars(closes, opens=closes, step_ns=DAY_NS, instrument=future())
    settled = tw.market.Settlement(symbol="X", price=103.0, **stamp(START_NS + 5 * DAY_NS))
    result = tw.backtest(Script({0: [tw.TargetPosition("X", 5)]}), data, events=[settled], cash=10_000)
    assert result.meta.warnings == []
    assert result.equity["equity"].to_list() == [1e4, 1e4, 10_005.0, 10_005.0, 10_010.0, 10_010.0]


def test_quotes_after_expiry_move_nothing() -> None:
    rows = [(100.0, 100.02)] * 5 + [(120.0, 120.02)] * 200
    ended = tw.Instrument(
        symbol="X",
        price_unit=0.01,
        lot_size=1,
        expiry=dt.datetime.fromtimestamp((START_NS + 5 * SECOND_NS) / 1e9, dt.UTC),
    )
    data = quotes(rows, instrument=ended)
    result = tw.backtest(Script({-1: True, 1: [tw.TargetPosition("X", 5)]}), data, cash=10_000)
    assert result.summary.final_equity == pytest.approx(10_000 - 5 * 0.01)
    assert "expired at 2020-01-01T00:00:05Z, and a position of 5" in result.meta.warnings[0]


# --- margin calls ----------------------------------------------------------------------------------------


def test_a_margin_call_says_when_in_utc() -> None:
    data = bars([100.0, 100.0, 60.0, 55.0, 50.0], opens=[100.0, 100.0, 60.0, 55.0, 50.0])
    result = tw.backtest(Script({0: [tw.TargetPosition("X", 19)]}), data, cash=1_000)
    called = [text for text in result.meta.warnings if "maintenance margin; every" in text]
    assert called == [
        "2020-01-01T00:03:00Z: equity fell below maintenance margin; every position was liquidated."
    ]


# --- price units -----------------------------------------------------------------------------------------

TINY = [1.24e-5, 1.31e-5, 1.38e-5, 1.45e-5]


def test_a_price_unit_too_coarse_for_the_prices_is_told_of_with_a_finer_one() -> None:
    plan = {0: [tw.TargetPosition("X", 1e9)]}
    coarse = tw.backtest(Script(plan), bars(TINY), cash=1e6)
    (warning,) = coarse.meta.warnings
    worst = max(abs(round(price * 1e6) / 1e6 / price - 1) for price in TINY)
    assert warning.startswith(
        f"X: prices were rounded by up to {worst:.2%} of themselves to the price unit of"
    )
    assert "a finer price_unit, such as 1e-09." in warning
    fine = tw.Instrument(symbol="X", price_unit=1e-9, lot_size=1)
    result = tw.backtest(Script(plan), bars(TINY, instrument=fine), cash=1e6)
    assert result.meta.warnings == []
    assert result.summary.net_pnl == pytest.approx(1e9 * (TINY[-1] - TINY[0]))


def test_what_a_float_alone_rounds_is_not_told_of() -> None:
    cents = tw.Instrument(symbol="X", price_unit=0.01, lot_size=1)
    closes = np.float32([100.13, 101.27, 99.99]).astype(float).tolist()
    assert tw.backtest(Script({}), bars(closes, instrument=cents), cash=1e4).meta.warnings == []


def test_a_price_that_rounds_to_nothing_says_so() -> None:
    with pytest.raises(
        tw.errors.DataError, match=r"0\.0000002 rounds to 0 in the instrument's price unit; give the"
    ):
        tw.backtest(Script({}), bars([1e-5, 2e-7]), cash=1e4)
    with pytest.raises(tw.errors.DataError, match="is not positive"):
        tw.backtest(Script({}), bars([1e-5, -2e-7]), cash=1e4)
