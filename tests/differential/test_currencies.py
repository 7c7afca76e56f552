"""Accounts of several currencies against a ledger of fractions that is added up payment by payment."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from runs import DAY_NS, START_NS, bars, exact
from tradewright import features as f
from tradewright.errors import ConfigError, DataError
from tradewright.research.journal import FRAMES as JOURNAL
from tradewright.simulation import prepare
from tradewright.stepping import step_through

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.research.result import Result

DAYS = 60
FEE = Fraction(1, 1000)


class Trader(tw.Policy):
    """Buys and sells both instruments by a fixed plan of its own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("E"))
        self.draws = np.random.Generator(np.random.PCG64(self.seed))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> list[tw.Intent]:
        return [
            tw.TargetPosition(symbol=symbol, size=float(self.draws.integers(-20, 21)))
            for symbol in ("E", "U")
        ]


def at(day: float) -> dict[str, int]:
    ns = START_NS + int(day * DAY_NS)
    return {"ts_event_ns": ns, "ts_recv_ns": ns}


def series(seed: int) -> list[tw.Bars]:
    r = np.random.Generator(np.random.PCG64(seed))

    def one(symbol: str, currency: str, start: float) -> tw.Bars:
        closes = np.round(start * np.exp(np.cumsum(r.normal(0, 0.02, DAYS))), 2)
        instrument = tw.Instrument(
            symbol=symbol,
            price_unit=0.01,
            lot_size=1,
            currency=currency,
            fees=(tw.Fees(maker_bps=10, taker_bps=10),),
        )
        return bars(closes.tolist(), symbol=symbol, step_ns=DAY_NS, volume=1e9, instrument=instrument)

    return [one("E", "EUR", 50.0), one("U", "USD", 80.0)]


def events(seed: int) -> list[Any]:
    r = np.random.Generator(np.random.PCG64(seed + 1))
    rates = [
        tw.market.ExchangeRate(currency="EUR", rate=round(1.1 + r.normal(0, 0.05), 4), **at(day))
        for day in sorted(r.uniform(2, DAYS, 12).tolist())
    ]
    return [
        *rates,
        tw.market.Deposit(currency="EUR", amount=777.77, **at(10.4)),
        tw.market.Deposit(currency="USD", amount=-100.5, **at(20.0)),
        tw.market.Deposit(currency="EUR", amount=-50.25, **at(DAYS + 1)),
    ]


class SlowAccount:
    """Cash by currency and lots by symbol; every total is added up anew."""

    def __init__(self, cash: dict[str, Fraction], rate: Fraction) -> None:
        self.cash = dict(cash)
        self.lots = {"E": Fraction(0), "U": Fraction(0)}
        self.marks = {"E": Fraction(0), "U": Fraction(0)}
        self.rate = rate
        self.flows = Fraction(0)

    def total(self) -> Fraction:
        euro = self.cash["EUR"] + self.lots["E"] * self.marks["E"]
        return self.cash["USD"] + self.lots["U"] * self.marks["U"] + euro * self.rate


def slow_curve(result: Result, data: list[tw.Bars], happened: list[Any], rate: Fraction) -> SlowAccount:
    """Walks fills (by receipt), events and closes in order of time and compares every point of the curve."""
    account = SlowAccount({name: exact(amount) for name, amount in result.meta.cash.items()}, rate)
    steps: list[tuple[int, int, Any]] = [(event.ts_recv_ns, 0, event) for event in happened]
    steps += [
        (ns, 1, fill)
        for ns, fill in zip(
            result.fills["ts_recv"].to_physical(), result.fills.iter_rows(named=True), strict=True
        )
    ]
    steps += [
        (int(ns), 2, (one.symbol, exact(float(close))))
        for one in data
        for ns, close in zip(one.ts_recv_ns, one.to_frame()["close"], strict=True)
    ]
    steps.sort(key=lambda step: step[:2])
    points = dict(
        zip(result.equity["at"].to_physical().to_list(), result.equity["equity"].to_list(), strict=True)
    )
    assert len(points) == len(result.equity)
    for number, (ns, kind, what) in enumerate(steps):
        if kind == 0 and isinstance(what, tw.market.ExchangeRate):
            account.rate = exact(what.rate)
        elif kind == 0:
            account.cash[what.currency] += exact(what.amount)
            account.flows += exact(what.amount) * (account.rate if what.currency == "EUR" else 1)
        elif kind == 1:
            signed = exact(what["size"]) * (1 if what["side"] == "buy" else -1)
            value = signed * exact(what["price"])
            assert exact(what["fee"]) == abs(value) * FEE
            account.cash[what["currency"]] -= value + abs(value) * FEE
            account.lots[what["symbol"]] += signed
        else:
            account.marks[what[0]] = what[1]
        if number + 1 == len(steps) or steps[number + 1][0] > ns:
            known = points.pop(ns, None)
            if known is not None:
                assert known == pytest.approx(float(account.total()), rel=1e-14)
    assert not points
    return account


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["native", "stepped"])
def test_totals_are_those_of_a_ledger_of_fractions(seed: int, kind: str, tmp_path: Path) -> None:
    data, happened = series(seed), events(seed)
    account = tw.Account(cash={"USD": 9_000.0, "EUR": 8_000.0}, rates={"EUR": 1.1})
    prepared = prepare([Trader(seed)], data, events=happened, account=account, out=tmp_path / "run")
    run = prepared.run
    if kind == "native":
        run.kernel.run(run.series, run.sources, run.venue)
    else:
        step_through(run, run.kernel.venue(run.venue, run.series))
    result = prepared.finish(finished=True)
    assert result.fills.height > 50
    assert not (result.orders["status"] == "refused").any()
    slow = slow_curve(result, data, happened, exact(1.1))
    for currency, amount in run.kernel.cash.items():
        assert Fraction(amount, 10**12) == slow.cash[currency]  # to the last unit, in each currency
    initial = 9_000 + Fraction(8_000) * exact(1.1)
    summary = result.summary
    assert summary.initial_equity == float(initial)
    assert summary.net_deposits == pytest.approx(float(slow.flows), rel=1e-12)
    assert summary.net_pnl == pytest.approx(float(slow.total() - initial - slow.flows), abs=1e-8)


def test_both_loops_take_rates_alike(tmp_path: Path) -> None:
    digests: list[str] = []
    for kind in ("native", "stepped"):
        account = tw.Account(cash={"USD": 9_000.0, "EUR": 8_000.0}, rates={"EUR": 1.1})
        prepared = prepare([Trader(9)], series(9), events=events(9), account=account, out=tmp_path / kind)
        run = prepared.run
        if kind == "native":
            run.kernel.run(run.series, run.sources, run.venue)
        else:
            step_through(run, run.kernel.venue(run.venue, run.series))
        digests.append(prepared.finish(finished=True).digest())
    assert digests[0] == digests[1]
    journals = [(tmp_path / kind / JOURNAL).read_bytes() for kind in ("native", "stepped")]
    assert journals[0] == journals[1]


def test_a_rate_is_needed_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"account\.rates\.EUR: .*has or trades EUR, whose rate is missing"):
        tw.backtest(Trader(0), series(0), account=tw.Account(cash={"USD": 1e4, "EUR": 1e4}))
    with pytest.raises(ConfigError, match=r"account\.rates\.EUR"):  # by its instrument alone
        tw.backtest(Trader(0), series(0), account=tw.Account(cash={"USD": 1e4}))
    with pytest.raises(ConfigError, match=r"account\.rates\.USD: USD is the account's own currency"):
        tw.backtest(Trader(0), series(0), account=tw.Account(cash={"USD": 1e4}, rates={"USD": 1, "EUR": 1}))
    with pytest.raises(ConfigError, match=r"account\.rates\.CHF: the account has no CHF"):
        tw.backtest(Trader(0), series(0), account=tw.Account(cash={"USD": 1e4}, rates={"CHF": 1, "EUR": 1}))
    with pytest.raises(ValueError, match=r"rates\.EUR: -1\.0 is not a finite number above 0"):
        tw.Account(cash={"USD": 1e4}, rates={"EUR": -1.0})
    told = [tw.market.ExchangeRate(currency="USD", rate=1.0, **at(3))]
    account = tw.Account(cash={"USD": 1e4}, rates={"EUR": 1.1})
    with pytest.raises(DataError, match="a rate of USD, the account's own currency"):
        tw.backtest(Trader(0), series(0), events=told, account=account)


def test_until_an_event_gives_the_rate_orders_are_refused_and_totals_begin_with_it(tmp_path: Path) -> None:
    happened = [
        tw.market.Deposit(currency="EUR", amount=500.0, **at(2.0)),
        tw.market.ExchangeRate(currency="EUR", rate=1.25, **at(3.5)),
    ]
    account = tw.Account(cash={"USD": 9_000.0, "EUR": 8_000.0})
    result = tw.backtest(Trader(1), series(1), events=happened, account=account)
    early = result.orders.filter(result.orders["decided_at"].to_physical() < at(3.5)["ts_recv_ns"])
    assert early.height > 0
    assert set(early["status"]) == {"refused"}
    assert result.fills.height > 50
    # What was there when the first rate came is where it begins: the deposit is part of that.
    assert result.summary.initial_equity == 9_000 + 8_500 * 1.25
    assert result.summary.net_deposits == 0
    assert result.summary.total_return == pytest.approx(
        result.equity["equity"][-1] / (9_000 + 8_500 * 1.25) - 1
    )
    result.report(tmp_path / "page.html")
    result.write(tmp_path / "run")
    assert tw.Result.load(tmp_path / "run", verify=True).summary == result.summary


def test_without_any_rate_a_result_says_so(tmp_path: Path) -> None:
    late = [tw.market.ExchangeRate(currency="EUR", rate=1.25, **at(DAYS + 9))]

    class Stop(Trader):
        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> list[tw.Intent]:
            if market.now_ns > START_NS + 5 * DAY_NS:
                raise KeyboardInterrupt
            return super().decide(market, portfolio)

    account = tw.Account(cash={"USD": 9_000.0, "EUR": 8_000.0})
    result = tw.backtest(Stop(1), series(1), events=late, account=account)
    summary = result.summary
    assert (summary.initial_equity, summary.net_pnl, summary.total_return, summary.sharpe) == (None,) * 4
    assert "a rate of exchange is missing; give account.rates" in summary.undefined["net_pnl"]
    assert "rate of exchange" in str(result)
    result.report(tmp_path / "page.html")
    result.write(tmp_path / "run")
