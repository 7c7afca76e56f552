"""Capital of event groups against enumeration: every outcome, and every set of open orders that may fill.

The slow side lists what can happen, adds up what each case leaves, and takes the least. It shares no formula
with the kernel, which never looks at a set of orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradewright as tw
from tradewright import features as f
from tradewright._native import Ledger
from tradewright.core import presets
from tradewright.core.market import Settlement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tradewright.core.series import Series

ONE = 10**12
SECOND_NS = 1_000_000_000
START_NS = 1_767_225_600 * SECOND_NS
Netting = Literal["market", "collateral_return", "group"]
NETTINGS: tuple[Netting, ...] = ("market", "collateral_return", "group")


def cases(outcomes: Sequence[str], *, exhaustive: bool) -> list[str | None]:
    """Who may win: any outcome, and nobody unless one is certain to."""
    return [*outcomes] if exhaustive and outcomes else [*outcomes, None]


def subsets(orders: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
    return chain.from_iterable(combinations(orders, size) for size in range(len(orders) + 1))


# The ledger: positions and settlements, no orders.


def binary_spec(name: str, outcomes: int | None) -> dict[str, object]:
    return {
        "symbol": name,
        "currency": 0,
        "contract": "binary",
        "payment": "full",
        "price_unit": "0.01",
        "lot_size": "1",
        "multiplier": "1",
        "bounds_ticks": (0, 100),
        "margin_initial_e10": 0,
        "margin_maintenance_e10": 0,
        "event_group": 0,
        "event_outcomes": outcomes,
    }


@settings(max_examples=300, deadline=None)
@given(
    members=st.integers(2, 4),
    missing=st.integers(-1, 1),
    netting=st.sampled_from(NETTINGS),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["fill", "fill", "fill", "fill", "mark", "settle", "reverse"]),
            st.integers(0, 3),
            st.integers(0, 2),
            st.sampled_from([-30, -7, -1, 1, 7, 30]),
            st.integers(0, 100),
        ),
        max_size=25,
    ),
)
def test_what_may_be_committed_is_cash_and_the_worst_outcome(
    members: int, missing: int, netting: Netting, steps: list[tuple[str, int, int, int, int]]
) -> None:
    declared = None if missing < 0 else members + missing
    ledger = Ledger(
        [binary_spec(f"O{index}", declared) for index in range(members)],
        policies=2,
        balances=[50 * ONE],
        kind="cash",
        leverage_max_e10=10**10,
        initial_e10=10**10,
        netting=netting,
    )
    ended: dict[int, int] = {}
    fills: list[int] = []
    for number, (kind, symbol, policy, lots, price) in enumerate(steps):
        symbol %= members
        if kind == "fill":
            side = "buy" if lots > 0 else "sell"
            ledger.fill(policy, symbol, side, fill_id=number, price_ticks=price, lots=abs(lots))
            fills.append(number)
        elif kind == "mark":
            ledger.mark(symbol, 2 * price)
        elif kind == "reverse" and fills:
            ledger.reverse(fills.pop(abs(lots) % len(fills)))
        elif kind == "settle" and symbol not in ended:
            price = 100 * (price > 50)
            ended[symbol] = price
            ledger.settle(symbol, price, number)
        held = {symbol: ledger.account_lots(symbol) for symbol in range(members)}
        still_open = [symbol for symbol in held if symbol not in ended]
        none_may_win = declared != members or not still_open
        if netting == "market":
            worst = sum(min(0, lots) for lots in held.values())
        elif any(ended.values()):  # The winner is known, and it was not one of those that are left.
            worst = 0
        elif netting == "collateral_return" or none_may_win:
            worst = min(held[winner] if winner is not None else 0 for winner in [*still_open, None])
        else:
            worst = min(held[winner] for winner in still_open)
        cash = ledger.balance(0).cash
        assert ledger.buying_power(0) == cash + worst * ONE
        assert ledger.locked(0) == -worst * ONE
        values = sum(ledger.position(owner, symbol)[2] for owner in range(3) for symbol in range(members))
        assert ledger.buying_power(0) + ledger.locked(0) + values == ledger.equity(0)


# The gate: positions and open orders, in a run.


@dataclass(frozen=True)
class Working:
    """An order that may fill: signed size, price."""

    symbol: str
    size: int
    price: Fraction


@dataclass
class Oracle:
    """Says of an order what the rules say, by listing the cases."""

    groups: dict[str, tuple[str, ...]]
    sure: dict[str, bool]
    netting: Netting
    loss_max: Fraction | None
    held: dict[str, int] = field(default_factory=dict[str, int])
    cost: dict[str, Fraction] = field(default_factory=dict[str, Fraction])
    ended: dict[str, Fraction] = field(default_factory=dict[str, Fraction])
    cash: Fraction = Fraction(0)

    def events(self, *, of_the_venue: bool) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], bool]]:
        """What is added up before the worst is taken, who of them may win, and whether one is sure to."""
        for name, members in self.groups.items():
            if of_the_venue and self.netting == "market":
                for member in members:
                    yield (member,), () if member in self.ended else (member,), False
                continue
            still_open = tuple(member for member in members if member not in self.ended)
            if any(self.ended.get(member, 0) for member in members):
                still_open = ()  # The winner is known.
            sure = self.sure[name] and bool(still_open)
            if of_the_venue and self.netting == "collateral_return":
                sure = False
            yield members, still_open, sure

    def left(
        self, members: Sequence[str], winners: Sequence[str], orders: Sequence[Working], *, sure: bool
    ) -> Fraction:
        """The least that positions and orders in these outcomes leave, whoever of the winners it is."""
        orders = [order for order in orders if order.symbol in members]
        return min(
            self.held.get(winner or "", 0)
            + sum((order.size * ((order.symbol == winner) - order.price) for order in filled), Fraction(0))
            for winner in cases(winners, exhaustive=sure)
            for filled in subsets(orders)
        )

    def asked(self, orders: Sequence[Working]) -> Fraction:
        """What the account is left with at worst."""
        return self.cash + sum(
            (
                self.left(members, winners, orders, sure=sure)
                for members, winners, sure in self.events(of_the_venue=True)
            ),
            Fraction(0),
        )

    def reduces(self, order: Working, others: Sequence[Working]) -> bool:
        held = self.held.get(order.symbol, 0)
        same = sum(
            abs(one.size) for one in others if one.symbol == order.symbol and one.size * order.size > 0
        )
        return held * order.size < 0 and same + abs(order.size) <= abs(held)

    def verdict(self, order: Working, others: Sequence[Working]) -> str:
        if order.symbol in self.ended:
            return "instrument_ended"
        if any(
            one.symbol == order.symbol
            and one.size * order.size < 0
            and (order.price >= one.price if order.size > 0 else order.price <= one.price)
            for one in others
        ):
            return "self_trade"
        reduces = self.reduces(order, others)
        if not reduces and self.loss_max is not None:
            for members, winners, sure in self.events(of_the_venue=False):
                cost = sum((self.cost.get(member, Fraction(0)) for member in members), Fraction(0))
                loss = cost - self.left(members, winners, [*others, order], sure=sure)
                beyond = loss - self.loss_max
                if order.symbol in members and abs(beyond) < Fraction(1, 10**9) and beyond:
                    beyond = Fraction(0)  # The average price is a float.
                if order.symbol in members and beyond > 0:
                    return "event_group_loss_max"
        if reduces and self.netting == "market":
            return ""
        before, after = self.asked(others), self.asked([*others, order])
        if after < 0 and after < before:
            # What an event that is alone asks for is asked for it alone.
            return "buying_power"
        return ""


@dataclass
class Chancer(tw.Policy):
    """Sends an order a second, whatever comes, and writes down what the oracle says of it."""

    oracle: Oracle
    plan: list[tuple[str, int, int, bool]]
    settles: dict[str, tuple[int, float]]
    said: list[str] = field(default_factory=list[str])

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("1s"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        step = (market.now_ns - START_NS) // SECOND_NS
        if not 0 < step <= len(self.plan):
            return None
        oracle, account = self.oracle, portfolio.account
        for symbol, (at, price) in self.settles.items():
            if step >= at:
                assert market.status(symbol) == "resolved"
                oracle.ended[symbol] = cents(price)
        oracle.cash = cents(account.cash["USD"])
        for symbol in chain.from_iterable(oracle.groups.values()):
            oracle.held[symbol] = held = round(account.position(symbol))
            # The average price is for display; how it comes about is tested with the ledger.
            oracle.cost[symbol] = held * Fraction(account.average_price(symbol)) if held else Fraction(0)
        values = sum(account.value(symbol) for symbol in SYMBOLS)
        assert account.buying_power + account.locked + values == pytest.approx(account.equity, abs=1e-9)
        if sum(oracle.ended.get(symbol, 0) for symbol in "ABC") <= 1:  # Two winners were never reckoned with.
            assert account.buying_power >= 0
        symbol, size, price, cancels = self.plan[step - 1]
        if cancels:
            return tw.CancelAll()
        others = [
            Working(
                one.symbol,
                round(one.size - one.filled) * (1 if one.side == "buy" else -1),
                cents(one.limit or 0.0),
            )
            for one in portfolio.open_orders()
        ]
        self.said.append(oracle.verdict(Working(symbol, size, Fraction(price, 100)), others))
        side = "buy" if size > 0 else "sell"
        return tw.Submit(symbol=symbol, side=side, size=abs(size), type="limit", limit=price / 100)


def cents(amount: float) -> Fraction:
    return Fraction(round(amount * 100), 100)


SYMBOLS = ("A", "B", "C", "LONE")


@settings(max_examples=150, deadline=None)
@given(
    netting=st.sampled_from(NETTINGS),
    declared=st.sampled_from([None, 3, 4]),
    loss_max=st.sampled_from([None, 3, 10]),
    cash=st.sampled_from([5, 20, 60]),
    settles=st.dictionaries(
        st.sampled_from(SYMBOLS), st.tuples(st.integers(2, 25), st.sampled_from([0.0, 1.0])), max_size=2
    ),
    length=st.integers(5, 25),
    seed=st.integers(0, 10_000),
)
def test_an_order_passes_if_no_outcome_and_no_set_of_fills_is_beyond_what_there_is(
    netting: Netting,
    declared: int | None,
    loss_max: int | None,
    cash: int,
    settles: dict[str, tuple[int, float]],
    length: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    plan = [
        (str(symbol), int(size), int(price), bool(cancels))
        for symbol, size, price, cancels in zip(
            rng.choice(SYMBOLS, length),
            rng.integers(1, 15, length) * rng.choice([-1, 1], length),
            rng.integers(5, 96, length),
            rng.random(length) < 0.12,
            strict=True,
        )
    ]
    oracle = Oracle(
        {"EVENT": ("A", "B", "C"), "LONE": ("LONE",)},
        {"EVENT": declared == 3, "LONE": False},
        netting,
        None if loss_max is None else Fraction(loss_max),
    )
    rows = length + 2
    times = START_NS + SECOND_NS * np.arange(rows, dtype=np.int64)
    series: list[Series] = []
    for symbol in SYMBOLS:
        is_member = symbol != "LONE"
        bid = rng.integers(20, 60, rows) / 100
        series.append(
            tw.Quotes.from_arrays(
                symbol,
                ts=times,
                bid=bid,
                ask=bid + 0.2,
                bid_size=np.full(rows, 12.0),
                ask_size=np.full(rows, 12.0),
                instrument=presets.binary(
                    symbol,
                    event_group="EVENT" if is_member else None,
                    event_outcomes=declared if is_member else None,
                ),
            )
        )
    events = [
        Settlement(
            symbol=symbol,
            ts_event_ns=START_NS + at * SECOND_NS,
            ts_recv_ns=START_NS + at * SECOND_NS,
            price=price,
        )
        for symbol, (at, price) in settles.items()
    ]
    policy = Chancer(oracle, plan, settles)
    result = tw.backtest(
        policy,
        series,
        events=events,
        account=tw.Account(cash={"USD": cash}, kind="cash", netting=netting),
        risk=tw.Risk(event_group_loss_max=loss_max, gross_max=1e9, order_value_max=1e9),
    )
    refused = result.orders.select("status", "reason").rows()
    assert [reason if status == "refused" else "" for status, reason in refused] == policy.said
