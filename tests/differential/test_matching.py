"""The matching engine against a sorted list: fill by fill, outcome by outcome, level by level."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from plain_book import PlainBook

from tradewright.sim import MatchingEngine
from tradewright.sim.matching import UNCHANGED, Op, OutcomeKind, Reject, Side, Tif

RULES = ["allow", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"]

Operation = dict[str, Any]


def apply(engine: MatchingEngine, of: Operation) -> int:
    """One operation as one call."""
    op = of["op"]
    if op is Op.CANCEL:
        return engine.cancel(of["id"])
    if op is Op.AMEND:
        return engine.amend(of["id"], of["price"], of["size"], of["stop"])
    if op is Op.MARKET:
        return engine.market(of["id"], of["side"], of["size"], of["owner"])
    if op is Op.STOP:
        return engine.stop(of["id"], of["side"], of["stop"], of["size"], of["owner"])
    rest = (of["price"], of["size"], of["owner"], of["tif"], of["peak"])
    if op is Op.STOP_LIMIT:
        return engine.stop_limit(of["id"], of["side"], of["stop"], *rest)
    return engine.limit(of["id"], of["side"], *rest)


def apply_plainly(book: PlainBook, of: Operation) -> str | None:
    """The same on the list: why it changed nothing, or None."""
    op = of["op"]
    if op is Op.CANCEL:
        return book.cancel(of["id"])
    if op is Op.AMEND:
        return book.amend(of["id"], of["price"], of["size"], of["stop"])
    trigger = of["stop"] if op in (Op.STOP, Op.STOP_LIMIT) else None
    is_buy = of["side"] == Side.BUY
    if op in (Op.MARKET, Op.STOP):
        return book.market(of["id"], is_buy, of["size"], owner=of["owner"], trigger=trigger)
    tif = Tif(of["tif"]).name.lower()
    more = {"owner": of["owner"], "tif": tif, "peak": of["peak"], "trigger": trigger}
    return book.limit(of["id"], is_buy, of["price"], of["size"], **more)


def run(engine: MatchingEngine, operations: list[Operation]) -> list[int]:
    """The same as arrays."""

    def column(name: str, missing: int) -> list[int]:
        return [missing if one.get(name) is None else one[name] for one in operations]

    result = engine.run(
        column("op", 0),
        column("id", 0),
        column("side", 0),
        column("price", UNCHANGED),
        column("size", UNCHANGED),
        owner=column("owner", 0),
        tif=column("tif", 0),
        peak=column("peak", 0),
        stop=column("stop", UNCHANGED),
    )
    return result.status.tolist()


def check_book(engine: MatchingEngine, book: PlainBook) -> None:
    """Levels, queues and waiting stops."""
    for side in Side:
        is_buy = side is Side.BUY
        orders = engine.order_columns(side)
        columns = [orders[name].tolist() for name in ("order_id", "price", "size", "owner")]
        assert list(zip(*columns, strict=True)) == book.orders(is_buy)
        levels = engine.level_columns(side)
        columns = [levels[name].tolist() for name in ("price", "size", "orders")]
        assert list(zip(*columns, strict=True)) == book.levels(is_buy)
        best = engine.best(side)
        assert best == (book.levels(is_buy)[0] if book.sides[is_buy] else None)
        assert engine.waiting_ids(side).tolist() == book.waiting(is_buy)
    assert engine.resting + engine.waiting == len(book.live)
    assert engine.last_price == book.last


def check_history(engine: MatchingEngine, book: PlainBook) -> None:
    """Every fill and outcome since the history was last cleared."""
    fills = engine.fill_columns()
    names = ("command", "taker", "maker", "price", "size", "side")
    assert list(zip(*(fills[name].tolist() for name in names), strict=True)) == book.fills
    outcomes = engine.outcome_columns()
    kinds = [OutcomeKind(kind).name.lower() for kind in outcomes["kind"]]
    others = [outcomes[name].tolist() for name in ("command", "order_id", "size")]
    assert [
        (a, b, kind, d) for a, b, kind, d in zip(*others[:2], kinds, others[2], strict=True)
    ] == book.outcomes


def check_status(status: int, reason: str | None, fills: int) -> None:
    if reason is None:
        assert status == fills
    else:
        assert Reject(-status).name.lower() == reason


ids = st.integers(0, 30)
prices = st.one_of(
    st.integers(97, 104), st.integers(97, 104), st.sampled_from([-6_000, 0, 9_000, 2**53, 2**53 + 1])
)
sizes = st.one_of(st.integers(1, 9), st.integers(1, 9), st.sampled_from([-1, 0, 60, 2**53 + 1]))
orders = st.fixed_dictionaries(
    {
        "op": st.sampled_from([Op.LIMIT, Op.LIMIT, Op.LIMIT, Op.MARKET, Op.STOP, Op.STOP_LIMIT]),
        "id": ids,
        "side": st.sampled_from(Side),
        "price": prices,
        "size": sizes,
        "owner": st.integers(0, 2),
        "tif": st.sampled_from([Tif.GTC, *Tif]),
        "peak": st.sampled_from([0, 0, 0, 1, 2, 5, -1]),
        "stop": prices,
    }
)


class Machine(RuleBasedStateMachine):
    """Hypothesis drives both books with every kind of order, and looks after each operation."""

    engine: MatchingEngine
    book: PlainBook

    @initialize(self_trade=st.sampled_from(RULES))
    def begin(self, self_trade: str) -> None:
        self.engine = MatchingEngine(self_trade=self_trade)
        self.book = PlainBook(self_trade)

    def do(self, operation: Operation) -> None:
        before = len(self.book.fills)
        reason = apply_plainly(self.book, operation)
        check_status(apply(self.engine, operation), reason, len(self.book.fills) - before)
        said = [(one.maker, one.price, one.size) for one in self.engine.fills()]
        assert said == [fill[2:5] for fill in self.book.fills[before:]]

    @rule(order=orders)
    def submit(self, order: Operation) -> None:
        self.do(order)

    @rule(id=ids)
    def cancel(self, id: int) -> None:  # noqa: A002 - hypothesis passes arguments by name
        self.do({"op": Op.CANCEL, "id": id})

    @precondition(lambda self: bool(self.book.live))
    @rule(
        data=st.data(), price=st.none() | prices, size=st.none() | sizes, stop=st.none() | st.none() | prices
    )
    def amend(self, data: st.DataObject, price: int | None, size: int | None, stop: int | None) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.book.live)))
        self.do({"op": Op.AMEND, "id": order_id, "price": price, "size": size, "stop": stop})

    @invariant()
    def same(self) -> None:
        if hasattr(self, "engine"):
            check_book(self.engine, self.book)
            check_history(self.engine, self.book)
            for order in self.book.live.values():
                state = self.engine.order(order.id)
                assert state is not None
                assert (state.size, state.open, state.stop) == (order.size, order.open, order.trigger)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


class Flow:
    """Random operations around a price that wanders; about a hundred orders stand at a time."""

    def __init__(self, seed: int) -> None:
        self.draws = random.Random(seed)  # noqa: S311 - nothing here is secret
        self.middle, self.next = 1_000, 0
        self.known: list[int] = []

    def operations(self, count: int) -> list[Operation]:
        return [self.operation() for _ in range(count)]

    def operation(self) -> Operation:
        draw = self.draws
        self.middle += (
            draw.choice((-1, 0, 0, 0, 0, 0, 1)) if draw.random() < 0.999 else draw.randrange(-9_000, 9_000)
        )
        what = draw.random()
        if what < 0.45 and self.known:
            at = draw.randrange(max(0, len(self.known) - 150), len(self.known))
            order_id = self.known[at]
            if what < 0.2:
                return {"op": Op.CANCEL, "id": order_id}
            return {
                "op": Op.AMEND,
                "id": order_id,
                "price": self.price() if draw.random() < 0.6 else None,
                "size": self.size() if draw.random() < 0.6 else None,
                "stop": self.price() if draw.random() < 0.1 else None,
            }
        # Mostly rising ids; now and then one from far away, or one that may still live.
        self.next += 1
        order_id = self.next if draw.random() < 0.95 else draw.choice((self.next - 40, self.next << 20, 0))
        order_id = max(order_id, 0)
        self.known.append(order_id)
        op = draw.choices((Op.LIMIT, Op.MARKET, Op.STOP, Op.STOP_LIMIT), (80, 10, 4, 6))[0]
        return {
            "op": op,
            "id": order_id,
            "side": draw.randrange(2),
            "price": self.price(),
            "size": self.size(),
            "owner": draw.randrange(6),
            "tif": draw.choices(list(Tif), (75, 9, 8, 8))[0],
            "peak": draw.choices((0, draw.randrange(1, 6), -1), (85, 14, 1))[0],
            "stop": self.price(),
        }

    def price(self) -> int:
        if self.draws.random() < 0.002:
            return self.draws.choice((2**53 + 1, -(2**53), 0, 1_000_000))
        return self.middle + self.draws.randrange(-12, 13)

    def size(self) -> int:
        return self.draws.randrange(1, 30) if self.draws.random() < 0.995 else self.draws.randrange(-1, 1)


def compare(self_trade: str, seed: int, commands: int, stretch: int) -> tuple[int, dict[str, int]]:
    """Runs a flow through arrays and through the list; how many fills, and how many outcomes of each kind."""
    engine, book, flow = MatchingEngine(self_trade=self_trade), PlainBook(self_trade), Flow(seed)
    fills, kinds = 0, dict[str, int]()
    for _ in range(0, commands, stretch):
        operations = flow.operations(stretch)
        expected = list[tuple[str | None, int]]()
        for operation in operations:
            before = len(book.fills)
            reason = apply_plainly(book, operation)
            expected.append((reason, len(book.fills) - before))
        for status, (reason, count) in zip(run(engine, operations), expected, strict=True):
            check_status(status, reason, count)
        check_history(engine, book)
        check_book(engine, book)
        fills += len(book.fills)
        for _, _, kind, _ in book.outcomes:
            kinds[kind] = kinds.get(kind, 0) + 1
        engine.clear_history()
        book.fills.clear()
        book.outcomes.clear()
    assert engine.commands == commands
    assert engine.trades == fills
    return fills, kinds


@pytest.mark.parametrize("self_trade", RULES)
def test_random_commands(self_trade: str) -> None:
    fills, kinds = compare(self_trade, seed=RULES.index(self_trade), commands=6_000, stretch=20)
    assert fills > 1_000
    assert {"triggered", "unfilled"} <= set(kinds)


@pytest.mark.slow
@pytest.mark.parametrize("self_trade", RULES)
def test_a_million_random_commands(self_trade: str) -> None:
    """A fifth of a million for each rule of self-trade prevention."""
    fills, kinds = compare(self_trade, seed=100 + RULES.index(self_trade), commands=200_000, stretch=100)
    assert fills > 40_000
    assert {"triggered", "unfilled", "would_take", "unfillable"} <= set(kinds)
    assert ("self_trade" in kinds) is (self_trade not in ("allow", "decrement"))
    assert ("decremented" in kinds) is (self_trade == "decrement")


def test_arrays_and_calls_agree_and_runs_repeat() -> None:
    operations = Flow(7).operations(5_000)
    one, two, again = (MatchingEngine(self_trade="decrement", deltas=True) for _ in range(3))
    status = [apply(one, operation) for operation in operations]
    assert run(two, operations) == status == [apply(again, operation) for operation in operations]
    for left, right in ((one, two), (one, again)):
        assert left.fill_history().equals(right.fill_history())
        assert left.outcome_history().equals(right.outcome_history())
        assert left.l3().equals(right.l3())
    deltas = [engine.order_deltas() for engine in (one, two, again)]
    assert deltas[0].equals(deltas[1])
    assert deltas[0].equals(deltas[2])


def test_deltas_rebuild_the_book() -> None:
    engine, flow = MatchingEngine(self_trade="cancel_oldest", deltas=True), Flow(11)
    levels = dict[tuple[str, int], tuple[int, int]]()
    queues = list[tuple[str, int, int, int]]()  # side, price, id, size, in the order of arrival
    for _ in range(60):
        run(engine, flow.operations(50))
        for row in engine.level_deltas().iter_rows(named=True):
            levels[row["side"], row["price"]] = (row["size"], row["orders"])
        for row in engine.order_deltas().iter_rows(named=True):
            at = [number for number, order in enumerate(queues) if order[2] == row["order_id"]]
            order = (row["side"], row["price"], row["order_id"], row["size"])
            if row["action"] == "add":
                assert not at
                queues.append(order)
            elif row["action"] == "change":
                queues[at[0]] = order
            else:
                del queues[at[0]]
        levels = {key: level for key, level in levels.items() if level[1]}
        shown = {(side, price): (size, count) for side, price, size, count in engine.l2().iter_rows()}
        assert levels == shown
        queues.sort(key=lambda order: (order[0], -order[1] if order[0] == "buy" else order[1]))
        book = engine.l3()
        assert [(side, price, key, size) for side, key, price, size, _ in book.iter_rows()] == queues
    assert engine.order_deltas().is_empty()
