"""The native ledger against a slow one that starts from nothing after every event.

The slow ledger knows only cash flows: it adds up what was paid and received, in fractions, rounded once
per amount, and asks afterwards what is held. It shares no formula with the native one but the definitions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright._native import Balance, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = 10**12
DAY_NS = 86_400_000_000_000
SYMBOLS, POLICIES, CURRENCIES = 6, 2, 3


class Spec(TypedDict):
    symbol: str
    currency: int
    contract: Literal["linear", "inverse", "binary"]
    payment: Literal["full", "margin"]
    price_unit: str
    lot_size: str
    multiplier: str
    bounds_ticks: tuple[int, int] | None
    margin_initial_e10: int
    margin_maintenance_e10: int


def spec(
    symbol: str,
    contract: Literal["linear", "inverse", "binary"] = "linear",
    payment: Literal["full", "margin"] = "full",
    *,
    currency: int = 0,
    price_unit: str = "0.01",
    lot_size: str = "1",
    multiplier: str = "1",
    bounds_ticks: tuple[int, int] | None = None,
) -> Spec:
    return {
        "symbol": symbol,
        "currency": currency,
        "contract": contract,
        "payment": payment,
        "price_unit": price_unit,
        "lot_size": lot_size,
        "multiplier": multiplier,
        "bounds_ticks": bounds_ticks,
        "margin_initial_e10": 0,
        "margin_maintenance_e10": 0,
    }


INSTRUMENTS = [
    spec("SHARE"),
    spec("FUTURE", "linear", "margin", multiplier="50", price_unit="0.25"),
    spec("PERP", "inverse", "margin", currency=1, multiplier="100", price_unit="0.1"),
    spec("YES", "binary", currency=2, price_unit="0.001", bounds_ticks=(0, 1000)),
    # 10^-13 of a currency a half price unit and lot: every amount is rounded.
    spec("DUST", price_unit="0.00001", lot_size="0.00000001", multiplier="0.3"),
    spec("COIN", currency=2, price_unit="0.000001", lot_size="0.0001"),
]
BALANCES = [1_000_000 * ONE, 5 * ONE, 0]


def value(of: Spec, price: Fraction, lots: Fraction | int) -> Fraction:
    """Exact signed value in units of 10^-12."""
    size = Fraction(of["lot_size"]) * lots * Fraction(of["multiplier"])
    price *= Fraction(of["price_unit"])
    return (-size / price if of["contract"] == "inverse" else size * price) * ONE


@dataclass
class Event:
    kind: str
    symbol: int
    policy: int = 0
    lots: int = 0
    price: Fraction = Fraction(0)  # price units
    fee: int = 0
    fill_id: int = 0
    at: int = 0
    ratio: Fraction = Fraction(1)
    paid: dict[int, int] = field(default_factory=dict[int, int])  # what each owner received


@dataclass
class Held:
    lots: int = 0
    cost: int = 0
    paid: int = 0  # cash received less paid for what was traded
    realised: int = 0
    fees: int = 0


@dataclass
class SlowLedger:
    """Keeps events and marks; everything else is worked out anew when asked."""

    events: list[Event] = field(default_factory=list[Event])
    deposits: list[int] = field(default_factory=lambda: [0] * CURRENCIES)
    marks: dict[int, Fraction] = field(default_factory=dict[int, Fraction])

    def held(self, policy: int, symbol: int) -> Held:
        of, held = INSTRUMENTS[symbol], Held()
        ending: Event | None = None
        for event in self.events:
            if event.symbol != symbol or (event.kind == "fill" and event.policy != policy):
                continue
            if event.kind == "fill":
                held.fees += event.fee
                trade(of, held, event.lots, event.price)
            elif event.kind in ("settlement", "refund"):
                ending = event
            elif event.kind == "split" and held.lots:
                exact = held.lots * event.ratio
                whole = int(exact)  # towards zero
                if rest := exact - whole:
                    received = round(value(of, event.price / event.ratio, rest))
                    released = round(held.cost * rest / exact)
                    held.paid += received
                    held.realised += received - released
                    held.cost -= released
                held.lots = whole
            if ending is None or not held.lots:
                continue
            if ending.kind == "settlement":
                trade(of, held, -held.lots, ending.price)
            else:  # The cost comes back.
                held.paid, held.cost, held.lots = held.paid + held.cost, 0, 0
        return held

    def flows(self, policy: int, currency: int) -> int:
        mine = (e for e in self.events if INSTRUMENTS[e.symbol]["currency"] == currency)
        return sum(event.paid.get(policy, 0) for event in mine)

    def value(self, policy: int, symbol: int) -> int:
        lots = self.held(policy, symbol).lots
        return round(value(INSTRUMENTS[symbol], self.marks[symbol], lots)) if lots else 0


def trade(of: Spec, held: Held, lots: int, price: Fraction) -> None:
    """Average cost: what closes releases its share of the cost, what is left opens at its price."""
    whole = round(value(of, price, lots))
    held.paid -= whole
    if held.lots * lots >= 0:
        held.cost += whole
    else:
        closing = min(abs(lots), abs(held.lots))
        released = round(Fraction(held.cost * closing, abs(held.lots)))
        turns = abs(lots) > closing
        proceeds = -round(value(of, price, -held.lots)) if turns else -whole
        held.realised += proceeds - released
        held.cost += -released + (whole + proceeds if turns else 0)
    held.lots += lots


prices = {0: (1, 50_000), 1: (4_000, 40_000), 2: (1_000, 900_000), 3: (0, 1000), 4: (1, 10**9), 5: (1, 10**8)}
symbols = st.integers(0, SYMBOLS - 1)
owners = st.integers(0, POLICIES)


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, int, tuple[int, ...]]:
    kind = draw(
        st.sampled_from(
            ["fill"] * 8
            + ["mark"] * 4
            + [
                "reverse",
                "reverse",
                "dividend",
                "split",
                "funding",
                "settlement",
                "refund",
                "deposit",
                "borrow",
            ]
        )
    )
    symbol = draw(symbols)
    low, high = prices[symbol]
    price = draw(st.integers(low, high))
    lots = draw(st.integers(1, 40)) * draw(st.sampled_from([1, 1, 1, 7_919]))
    sign = draw(st.sampled_from([-1, 1]))
    return (
        kind,
        symbol,
        (
            price,
            lots * sign,
            draw(owners),
            draw(st.integers(-(10**9), 10**10)),
            draw(st.integers(0, 9)),
            draw(st.integers(1, 7)),
        ),
    )


class Both:
    """Feeds one sequence to both ledgers."""

    def __init__(self) -> None:
        self.native = Ledger(
            list(INSTRUMENTS), policies=POLICIES, balances=list(BALANCES), leverage_max_e10=10**11
        )
        self.slow = SlowLedger()
        self.ids = list[int]()
        self.now = 0
        self.last_id = 0

    def apply(self, kind: str, symbol: int, numbers: tuple[int, ...]) -> None:
        price, lots, policy, amount, pick, ratio = numbers
        native, slow, of = self.native, self.slow, INSTRUMENTS[symbol]
        self.now += 1_000
        match kind:
            case "fill":
                self.last_id += 1
                fill_id = self.last_id
                self.ids.append(fill_id)
                native.fill(
                    None if policy == POLICIES else policy,
                    symbol,
                    "buy" if lots > 0 else "sell",
                    fill_id=fill_id,
                    price_ticks=price,
                    lots=abs(lots),
                    fee=amount,
                    ts_event_ns=self.now,
                )
                slow.marks.setdefault(symbol, Fraction(price))
                slow.events.append(
                    Event("fill", symbol, policy, lots, Fraction(price), amount, fill_id, at=self.now)
                )
            case "mark":
                native.mark(symbol, 2 * price + (ratio % 2))
                slow.marks[symbol] = price + Fraction(ratio % 2, 2)
            case "reverse" if self.ids:
                fill_id = self.ids.pop(-1 - pick % len(self.ids))
                fill = next(e for e in slow.events if e.kind == "fill" and e.fill_id == fill_id)
                before = native.balance(INSTRUMENTS[fill.symbol]["currency"])
                native.reverse(fill_id)
                slow.events.remove(fill)
                after = native.balance(INSTRUMENTS[fill.symbol]["currency"])
                is_simple = all(e.symbol != fill.symbol or e.kind in {"fill", "funding"} for e in slow.events)
                if is_simple and INSTRUMENTS[fill.symbol]["payment"] == "full":
                    # What was paid for it comes back to the last unit.
                    traded = round(value(INSTRUMENTS[fill.symbol], fill.price, fill.lots))
                    assert after.cash - before.cash == traded + fill.fee
            case "dividend":
                native.dividend(symbol, amount, self.now)
                size = Fraction(of["lot_size"])
                self._flow(symbol, lambda lots, _: round(size * lots * amount))
            case "funding":
                rate = amount // 1_000
                native.funding(symbol, rate, self.now)
                self._flow(
                    symbol,
                    lambda lots, worth: -round(Fraction(abs(worth) * rate, 10**10)) * (1 if lots > 0 else -1),
                )
            case "split" if of["contract"] == "linear":
                native.split(symbol, ratio, pick + 1, self.now)
                if symbol in slow.marks:
                    before = slow.marks[symbol]
                    by = Fraction(ratio, pick + 1)
                    slow.events.append(Event("split", symbol, price=before, at=self.now, ratio=by))
                    slow.marks[symbol] = Fraction(round(before * 2 / by), 2)
            case "settlement":
                native.settle(symbol, price, self.now)
                slow.events.append(Event("settlement", symbol, price=Fraction(price), at=self.now))
                slow.marks[symbol] = Fraction(price)
            case "refund":
                native.refund(symbol, self.now)
                slow.events.append(Event("refund", symbol, at=self.now))
            case "deposit":
                native.deposit(symbol % CURRENCIES, amount)
                slow.deposits[symbol % CURRENCIES] += amount
            case "borrow":
                self.now += pick * DAY_NS
                native.accrue_borrow(self.now, 300_000_000)
                self._borrow()
            case _:
                pass

    _borrow_day: int | None = None

    def _borrow(self) -> None:
        day = self.now // DAY_NS
        days = day - (day if self._borrow_day is None else self._borrow_day)
        self._borrow_day = day
        for symbol, of in enumerate(INSTRUMENTS):
            net = sum(self.slow.held(owner, symbol).lots for owner in range(POLICIES + 1))
            shorts = sum(max(0, -self.slow.held(owner, symbol).lots) for owner in range(POLICIES + 1))
            if of["payment"] == "margin" or of["contract"] == "binary" or net >= 0 or not days:
                continue
            event = Event("borrow", symbol)
            for owner in range(POLICIES + 1):
                if self.slow.held(owner, symbol).lots < 0:
                    borrowed = round(Fraction(abs(self.slow.value(owner, symbol)) * -net, shorts))
                    event.paid[owner] = -round(Fraction(borrowed * 300_000_000 * days, 365 * 10**10))
            self.slow.events.append(event)

    def _flow(self, symbol: int, amount: Callable[[int, int], int]) -> None:
        event = Event("flow", symbol)
        for owner in range(POLICIES + 1):
            if lots := self.slow.held(owner, symbol).lots:
                event.paid[owner] = amount(lots, self.slow.value(owner, symbol))
        self.slow.events.append(event)

    def compare(self) -> None:
        slow = self.slow
        totals = [replace(Sum(), initial=BALANCES[c], deposits=slow.deposits[c]) for c in range(CURRENCIES)]
        for owner in range(POLICIES + 1):
            for currency in range(CURRENCIES):
                own = Sum()
                if owner == POLICIES:
                    own = replace(own, initial=BALANCES[currency], deposits=slow.deposits[currency])
                own.flows = slow.flows(owner, currency)
                for symbol in [i for i, of in enumerate(INSTRUMENTS) if of["currency"] == currency]:
                    held, worth = slow.held(owner, symbol), slow.value(owner, symbol)
                    assert self.native.position(owner, symbol) == (held.lots, held.cost, worth)
                    own.add(held, worth, INSTRUMENTS[symbol]["payment"] == "full")
                own.check(self.native.balance(currency, owner))
                totals[currency].merge(own)
        for currency in range(CURRENCIES):
            account = self.native.balance(currency)
            totals[currency].check(account)
            assert self.native.equity(currency) == account.equity


@dataclass
class Sum:
    initial: int = 0
    deposits: int = 0
    flows: int = 0
    fees: int = 0
    realised: int = 0
    traded_full: int = 0  # cash received less paid for what is paid in full
    settled: int = 0  # realised profit of the rest
    value_full: int = 0
    unrealised_margin: int = 0

    def add(self, held: Held, worth: int, is_full: bool) -> None:
        self.fees += held.fees
        self.realised += held.realised
        if is_full:
            self.traded_full += held.paid
            self.value_full += worth
        else:
            self.settled += held.realised
            self.unrealised_margin += worth - held.cost
            # Profit and loss is what changed hands in all: cash flows and what is left agree.
            assert held.realised + worth - held.cost == held.paid + worth

    def merge(self, other: Sum) -> None:
        for name in (
            "flows",
            "fees",
            "realised",
            "traded_full",
            "settled",
            "value_full",
            "unrealised_margin",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def check(self, native: Balance) -> None:
        put_in = self.initial + self.deposits
        cash = put_in + self.flows - self.fees + self.traded_full + self.settled
        equity = cash + self.value_full + self.unrealised_margin
        assert (native.cash, native.equity) == (cash, equity)
        assert (native.fees, native.cash_flows) == (self.fees, self.flows)
        assert native.realised == self.realised
        # Cash and positions are what was put in, plus profit, less fees.
        profit = native.realised + native.unrealised + native.cash_flows
        assert cash + self.value_full + self.unrealised_margin == put_in + profit - native.fees


@settings(max_examples=150, deadline=None)
@given(st.lists(steps(), max_size=40))
def test_any_sequence_agrees_with_adding_up_every_payment(
    sequence: list[tuple[str, int, tuple[int, ...]]],
) -> None:
    both = Both()
    for kind, symbol, numbers in sequence:
        both.apply(kind, symbol, numbers)
    both.compare()


@settings(max_examples=60, deadline=None)
@given(st.lists(steps().filter(lambda step: step[0] != "reverse"), max_size=40))
def test_round_trips_add_up_to_each_owners_profit(sequence: list[tuple[str, int, tuple[int, ...]]]) -> None:
    both = Both()
    for kind, symbol, numbers in sequence:
        both.apply(kind, symbol, numbers)
    trips = both.native.trips()
    for owner in range(POLICIES + 1):
        for currency in range(CURRENCIES):
            balance = both.native.balance(currency, owner)
            mine = [t for t in trips if t.policy == owner and INSTRUMENTS[t.symbol]["currency"] == currency]
            assert sum(t.pnl for t in mine) == balance.equity - balance.initial - balance.deposits
            assert sum(t.fees for t in mine) == balance.fees
    for trip in trips:
        assert trip.mae <= 0 <= trip.mfe
        assert (trip.exit_ns is None) == (
            both.native.position(trip.policy, trip.symbol)[0] != 0
        ) or trip.exit_ns
        assert trip.entry_ns <= (trip.exit_ns or both.now)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps().filter(lambda step: step[0] in {"fill", "mark"}), max_size=40))
def test_round_trips_agree_with_walking_the_fills(sequence: list[tuple[str, int, tuple[int, ...]]]) -> None:
    """The oracle walks the events of each position and cuts where it is flat."""
    both = Both()
    expected = dict[tuple[int, int], list[dict[str, int | None]]]()
    held = dict[tuple[int, int], Held]()
    for kind, symbol, numbers in sequence:
        both.apply(kind, symbol, numbers)
        of = INSTRUMENTS[symbol]
        price, lots, policy = numbers[:3]
        if kind == "mark":
            price_at = both.slow.marks[symbol]
            for owner in range(POLICIES + 1):
                own = held.setdefault((owner, symbol), Held())
                if own.lots:
                    touch(expected[owner, symbol][-1], own, round(value(of, price_at, own.lots)))
            continue
        own = held.setdefault((policy, symbol), Held())
        trips = expected.setdefault((policy, symbol), [])
        if own.lots * lots < 0:
            touch(trips[-1], own, round(value(of, Fraction(price), own.lots)))
        closing = min(abs(lots), abs(own.lots)) if own.lots * lots < 0 else 0
        turns = closing and abs(lots) > closing
        pieces = [closing, abs(lots) - closing] if turns else [abs(lots)]
        for piece in pieces:
            if not own.lots:
                trips.append({"entry": both.now, "exit": None, "size": 0, "mae": 0, "mfe": 0})
                own = held[policy, symbol] = Held()
            trade(of, own, piece if lots > 0 else -piece, Fraction(price))
            trips[-1]["size"] = max(trips[-1]["size"] or 0, abs(own.lots))
            if not own.lots:
                trips[-1]["exit"] = both.now
    native = dict[tuple[int, int], list[dict[str, int | None]]]()
    for t in both.native.trips():
        row: dict[str, int | None] = {"entry": t.entry_ns, "exit": t.exit_ns, "size": t.size_max_lots}
        native.setdefault((t.policy, t.symbol), []).append({**row, "mae": t.mae, "mfe": t.mfe})
    exact = {k: v for k, v in native.items() if INSTRUMENTS[k[1]]["symbol"] not in {"DUST", "PERP"}}
    # Where every amount is rounded, a turning fill splits one rounded amount in two: a unit apart.
    for key, rows in native.items():
        for row, wanted in zip(rows, expected[key], strict=True):
            for name, number in wanted.items():
                slack = 0 if key in exact or name in {"entry", "exit", "size"} else 2
                got = row[name]
                assert got == number or (
                    got is not None and number is not None and abs(got - number) <= slack
                )
    assert native.keys() == {key for key, rows in expected.items() if rows}


def touch(trip: dict[str, int | None], held: Held, worth: int) -> None:
    profit = held.realised + worth - held.cost
    trip["mae"], trip["mfe"] = min(trip["mae"] or 0, profit), max(trip["mfe"] or 0, profit)


def test_a_day_in_money() -> None:
    """Worked by hand: 10 shares at 100, a dividend of 0.5, 3-for-2, half sold, fee 1 each way."""
    ledger = Ledger([spec("X")], policies=1, balances=[10_000 * ONE], kind="cash")
    ledger.on_time(0)
    ledger.fill(0, 0, "buy", fill_id=1, price_ticks=100_00, lots=10, fee=ONE, ts_event_ns=1)
    assert ledger.balance(0).cash == 8_999 * ONE
    ledger.mark(0, 2 * 102_00)
    ledger.dividend(0, ONE // 2, 2)
    assert ledger.equity(0) == (10_000 - 1 + 20 + 5) * ONE
    ledger.split(0, 3, 2, 3)
    assert ledger.position(0, 0) == (15, 1_000 * ONE, 1_020 * ONE)
    ledger.on_time(DAY_NS)
    assert ledger.standing() == (10_024 * ONE, 10_024 * ONE, 10_000 * ONE)
    realised = ledger.fill(0, 0, "sell", fill_id=2, price_ticks=70_00, lots=15, fee=ONE, ts_event_ns=4)
    assert realised == 50 * ONE
    assert ledger.balance(0).cash == ledger.equity(0) == (10_000 + 5 + 50 - 2) * ONE
    (trip,) = ledger.trips()
    assert (trip.pnl, trip.fees, trip.mfe, trip.mae) == (53 * ONE, 2 * ONE, 50 * ONE, 0)
    assert ledger.reverse(2) == -(70 * 15 - 1) * ONE
    assert ledger.position(0, 0)[:2] == (15, 1_000 * ONE)


def test_a_binary_sold_short_locks_what_it_may_pay() -> None:
    ledger = Ledger([spec("YES", "binary", price_unit="0.01", bounds_ticks=(0, 100))], policies=1,
                    balances=[100 * ONE], kind="cash")  # fmt: skip
    ledger.fill(0, 0, "sell", fill_id=1, price_ticks=40, lots=100)
    assert ledger.balance(0).cash == 140 * ONE
    assert ledger.buying_power(0) == 40 * ONE  # 100 less 100 * (1 - 0.40)
    ledger.mark(0, 2 * 55)
    assert ledger.buying_power(0) == 40 * ONE
    ledger.settle(0, 0, 5)
    assert ledger.balance(0).cash == ledger.buying_power(0) == 140 * ONE


def test_margin_falls_below_maintenance_where_it_should() -> None:
    ledger = Ledger([spec("X")], policies=1, balances=[1_000 * ONE], leverage_max_e10=2 * 10**10,
                    maintenance_e10=25 * 10**8)  # fmt: skip
    ledger.fill(0, 0, "buy", fill_id=1, price_ticks=100_00, lots=20)
    assert (ledger.margin_used(0), ledger.buying_power(0)) == (1_000 * ONE, 0)
    # Equity 1000 + 20 (p - 100) equals a quarter of 20 p at p = 200/3.
    ledger.mark(0, 2 * 66_67)
    assert not ledger.below_maintenance()
    ledger.mark(0, 2 * 66_66)
    assert ledger.below_maintenance()


def test_weeks_end_on_sunday_and_deposits_are_no_profit() -> None:
    ledger = Ledger([spec("X")], policies=1, balances=[100 * ONE])
    monday = 4 * DAY_NS  # 1970-01-05
    ledger.on_time(monday - 1)
    ledger.fill(0, 0, "buy", fill_id=1, price_ticks=1_00, lots=10)
    ledger.mark(0, 2 * 2_00)
    ledger.deposit(0, 50 * ONE)
    assert ledger.standing() == (150 * ONE, 150 * ONE, 150 * ONE)
    ledger.on_time(monday)
    assert ledger.standing() == (160 * ONE, 160 * ONE, 160 * ONE)
    ledger.mark(0, 2 * 1_00)
    ledger.on_time(monday + DAY_NS)
    assert ledger.standing() == (160 * ONE, 150 * ONE, 160 * ONE)
    assert ledger.standing(0) == (10 * ONE, 0, 10 * ONE)


def test_a_total_needs_every_rate() -> None:
    instruments = [spec("X"), spec("Y", currency=1)]
    ledger = Ledger(instruments, policies=1, balances=[100 * ONE, 0])
    assert ledger.equity_total() == 100 * ONE
    ledger.deposit(1, 10 * ONE)
    assert ledger.equity_total() is None
    ledger.set_rate(1, 1_100_000_000_000)
    assert ledger.equity_total() == 111 * ONE
    with pytest.raises(ValueError, match="currency 0 is unknown to the account, or its own"):
        ledger.set_rate(0, ONE)
    with pytest.raises(ValueError, match="not positive"):
        ledger.set_rate(1, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"currency": 7}, "currency 7 is not one of the account's 1"),
        ({"contract": "option"}, 'contract "option" is not one of linear, inverse, binary'),
        ({"payment": "free"}, 'payment "free" is not one of full, margin'),
        ({"lot_size": "0"}, "lot_size 0 is not positive"),
        ({"price_unit": "x"}, 'price_unit "x" is not a decimal number'),
    ],
)
def test_an_instrument_that_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ledger([{**spec("X"), **change}], policies=1, balances=[ONE])  # pyright: ignore[reportArgumentType]


def test_bad_bookings_are_refused_and_change_nothing() -> None:
    ledger = Ledger([spec("X"), spec("P", "inverse", "margin")], policies=1, balances=[ONE])
    ledger.fill(0, 0, "buy", fill_id=1, price_ticks=100, lots=1)
    before = (ledger.equity(0), ledger.position(0, 0))
    with pytest.raises(ValueError, match="fill 9 was never booked"):
        ledger.reverse(9)
    with pytest.raises(ValueError, match="size -1 is not positive"):
        ledger.fill(0, 0, "buy", fill_id=2, price_ticks=100, lots=-1)
    with pytest.raises(ValueError, match='side "hold" is not one of buy, sell'):
        ledger.fill(0, 0, "hold", fill_id=2, price_ticks=100, lots=1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="split 0 for 1: both must be positive"):
        ledger.split(0, 0, 1, 0)
    with pytest.raises(ValueError, match="inverse contracts do not split"):
        ledger.split(1, 2, 1, 0)
    with pytest.raises(ValueError, match="settles at a positive price"):
        ledger.settle(1, 0, 0)
    with pytest.raises(IndexError, match="symbol 5 is unknown; there are 2"):
        ledger.mark(5, 1)
    with pytest.raises(IndexError, match="policy 4 is unknown; there are 1"):
        ledger.position(4, 0)
    assert (ledger.equity(0), ledger.position(0, 0)) == before
    ledger.reverse(1)
    with pytest.raises(ValueError, match="fill 1 was reversed before"):
        ledger.reverse(1)
    with pytest.raises(ValueError, match="cannot start with a negative balance"):
        Ledger([], policies=1, balances=[-ONE], kind="cash")
