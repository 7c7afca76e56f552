"""A ledger rebuilt from the journal alone, in fractions, against the run's."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from runs import DAY_NS, START_NS, bars, exact
from tradewright import features as f
from tradewright.research import journal
from tradewright.research.journal import InstrumentNames, Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.research.result import Result

ONE = 10**12
ROWS = 60


@dataclass
class Erratic(tw.Policy):
    """Wants something else of some instrument at every bar."""

    seed: int
    largest: int = 50

    def setup(self, ctx: tw.Setup) -> None:
        self.symbols = ("SHARE", "FUTURE", "PERP", "YES", "NO")
        ctx.wake(f.any_of(*(f.on_bar(symbol) for symbol in self.symbols)))
        self.chance = random.Random(self.seed)  # noqa: S311 - a script, no secret

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        symbol = self.chance.choice(self.symbols)
        return tw.TargetPosition(symbol, self.chance.randint(-self.largest, self.largest))


def instruments() -> dict[str, tw.Instrument]:
    fees = (tw.Fees(taker_bps=3.7),)
    return {
        "SHARE": tw.Instrument(symbol="SHARE", price_unit=0.01, payment="full", fees=fees),
        "FUTURE": tw.Instrument(
            symbol="FUTURE", price_unit=0.25, multiplier=50, payment="margin", currency="EUR", fees=fees
        ),
        "PERP": tw.Instrument(
            symbol="PERP",
            price_unit=0.1,
            multiplier=100,
            contract="inverse",
            payment="margin",
            currency="BTC",
            fees=fees,
        ),
        **{
            name: tw.Instrument(
                symbol=name,
                asset_class="binary",
                contract="binary",
                price_unit=0.001,
                bounds=(0, 1),
                fees=fees,
            )
            for name in ("YES", "NO")
        },
    }


def stamp(day: float) -> dict[str, Any]:
    at = START_NS + int(day * DAY_NS)
    return {"ts_event_ns": at, "ts_recv_ns": at}


def run(folder: Path, seed: int) -> Result:
    chance = np.random.default_rng(seed)
    levels = {"SHARE": 100.0, "FUTURE": 4_000.0, "PERP": 30_000.0, "YES": 0.4, "NO": 0.6}
    series: list[tw.Bars] = []
    for symbol, instrument in instruments().items():
        unit = float(instrument.price_unit)
        walk = levels[symbol] * np.exp(np.cumsum(chance.normal(0, 0.01, ROWS)))
        closes = np.round(walk / unit) * unit
        series.append(
            bars(np.round(closes, 6).tolist(), symbol=symbol, step_ns=DAY_NS, instrument=instrument)
        )
    events = [
        tw.market.Dividend(symbol="SHARE", amount=0.333, **stamp(10.5)),
        tw.market.Split(symbol="SHARE", numerator=3, denominator=2, **stamp(20.5)),
        tw.market.Split(symbol="SHARE", numerator=1, denominator=7, **stamp(40.5)),
        *(
            tw.market.Funding(symbol="PERP", rate=0.0001 * (day % 3 - 1), **stamp(day))
            for day in range(3, 50)
        ),
        tw.market.Deposit(currency="USD", amount=12_345.67, **stamp(15.25)),
        tw.market.Deposit(currency="BTC", amount=-0.5, **stamp(25.25)),
        tw.market.ExchangeRate(currency="EUR", rate=1.1, **stamp(30.25)),
        tw.market.Settlement(symbol="YES", price=1.0, **stamp(45.5)),
        tw.market.Settlement(symbol="NO", price=None, void=True, **stamp(46.5)),
    ]
    return tw.backtest(
        [Erratic(seed), Erratic(seed + 1)],
        series,
        events=events,
        account=tw.Account(
            cash={"USD": 1_000_000, "EUR": 500_000, "BTC": 40},
            rates={"EUR": 1.2, "BTC": 30_000},
            leverage_max=50,
            borrow_bps_per_year=300,
        ),
        # An answer of a fill comes after the settlement of what it bought.
        venue=tw.Venue(latency=tw.ConstantLatency(entry_ns=0, response_ns=3 * DAY_NS)),
        risk=tw.Risk(order_value_max=None, gross_max=None),
        out=folder,
    )


@dataclass
class Held:
    lots: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0
    flows: int = 0


def value(of: InstrumentNames, units: Fraction, lots: Fraction | int) -> Fraction:
    """Exact signed value in units of 10^-12."""
    size, price = Fraction(of.lot_size) * lots * Fraction(of.multiplier), Fraction(of.price_unit) * units
    return (-size / price if of.contract == "inverse" else size * price) * ONE


def trade(of: InstrumentNames, held: Held, lots: int, units: int) -> None:
    """Average cost; what closes releases its share, rounded."""
    closing = min(abs(lots), abs(held.lots)) if held.lots * lots < 0 else 0
    if closing:
        sign = 1 if held.lots > 0 else -1
        released = round(Fraction(held.cost * closing, abs(held.lots)))
        turns = closing < abs(lots)
        closed = round(value(of, Fraction(units), sign * closing))
        held.realised += closed - released
        held.cost -= released
        whole = round(value(of, Fraction(units), lots))
        held.cost += whole + closed if turns else 0
    else:
        held.cost += round(value(of, Fraction(units), lots))
    held.lots += lots


def rebuilt(book: Journal) -> tuple[dict[tuple[int, int], Held], dict[str, Fraction]]:
    """What each policy made of each instrument, and the cash by currency, from frames and names alone."""
    names = book.names
    orders: dict[int, journal.Sent] = {}
    held: dict[tuple[int, int], Held] = defaultdict(Held)
    deposits = {currency: Fraction(amount) for currency, amount in names.cash.items()}
    for frame in book:
        match frame:
            case journal.Sent():
                orders[frame.order] = frame
            case journal.Reported() if (fill := frame.execution) is not None:
                order = orders[frame.order]
                one = held[order.policy, order.symbol]
                lots = fill.lots if order.side == 0 else -fill.lots
                trade(names.instruments[order.symbol], one, lots, fill.price)
                one.fees += int(fill.fee)
            case journal.MoneyMoved(kind="deposit"):
                deposits[names.currencies[frame.currency]] += Fraction(int(frame.amount), ONE)
            case journal.Event():
                happen(names.instruments[frame.symbol], held[frame.policy, frame.symbol], frame)
            case _:
                pass
    cash = dict.fromkeys(names.currencies, Fraction(0)) | deposits
    for (_, symbol), one in held.items():
        cash[names.instruments[symbol].currency] += Fraction(one.realised - one.fees + one.flows, ONE)
    return held, cash


def happen(of: InstrumentNames, held: Held, event: journal.Event) -> None:
    before = held.realised
    match event.kind:
        case "dividend" | "funding" | "borrow":
            held.flows += int(event.amount)
        case "settlement":
            if held.lots:
                trade(of, held, -held.lots, event.price)
        case "refund":
            held.lots, held.cost = 0, 0
        case "split":
            whole = Fraction(held.lots * event.numerator, event.denominator)
            kept = int(whole)
            if rest := whole - kept:
                mark = Fraction(event.price, 2)
                received = round(value(of, mark * event.denominator / event.numerator, rest))
                released = round(held.cost * rest / whole)
                held.realised += received - released
                held.cost -= released
            held.lots = kept
    assert held.lots == event.lots_after
    assert held.realised - before == int(event.realised)


@pytest.mark.parametrize("seed", range(4))
def test_the_journal_alone_rebuilds_the_ledger(tmp_path: Path, seed: int) -> None:
    result = run(tmp_path, seed)
    book = Journal.of(tmp_path)
    assert book is not None
    kinds = {frame.kind for frame in book if isinstance(frame, journal.Event)}
    assert kinds == {"dividend", "funding", "borrow", "split", "settlement", "refund"}
    held, cash = rebuilt(book)
    names = book.names
    rows = {(row["policy"], row["symbol"]): row for row in result.ledger.iter_rows(named=True)}
    assert set(rows) == {(names.policies[p].name, names.instruments[s].symbol) for p, s in held}
    last = result.positions.group_by("policy", "symbol").last()
    sizes = {(policy, symbol): size for policy, symbol, size in last["policy", "symbol", "size"].rows()}
    for (policy, symbol), one in held.items():
        of = names.instruments[symbol]
        row = rows[names.policies[policy].name, of.symbol]
        booked = [int(Decimal(row[name]) * ONE) for name in ("realised", "fees", "cash_flows")]
        assert booked == [one.realised, one.fees, one.flows]
        size = sizes.get((names.policies[policy].name, of.symbol), 0.0)
        assert exact(size) == Fraction(of.lot_size) * one.lots
    # The money of each currency, without what positions are worth.
    for currency, amount in cash.items():
        mine = result.ledger.filter(currency=currency)
        booked = sum(
            (
                Fraction(row["realised"] - row["fees"] + row["cash_flows"])
                for row in mine.iter_rows(named=True)
            ),
            Fraction(0),
        )
        moved = {"USD": exact(12_345.67), "BTC": exact(-0.5)}.get(currency, Fraction(0))
        assert amount == exact({"USD": 1_000_000.0, "EUR": 500_000.0, "BTC": 40.0}[currency]) + moved + booked


def test_a_settlement_ends_the_story_of_an_order(tmp_path: Path) -> None:
    result = run(tmp_path, 0)
    from tradewright.research.story import story

    book = Journal.of(tmp_path)
    assert book is not None
    settled = [frame for frame in book if isinstance(frame, journal.Event) and frame.kind == "settlement"]
    policy = book.names.policies[settled[0].policy].name
    filled = result.orders.filter(policy=policy, symbol="YES", status="filled")
    lines = story(result, filled["order_id"][-1], Journal.of(tmp_path))
    assert "settlement" in [line.label for line in lines]
