"""The native books against slow obvious ones: dictionaries of levels, lists of orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradewright as tw
from tradewright.core.books import BookAction, BookEvents, BookFlag, L2Book, L3Book
from tradewright.errors import DataError

UNIT = tw.instruments.crypto_spot("X", tick_size=0.5, lot_size=0.25)
SIDES = ("ask", "bid")  # by (side + 1) // 2


def events_of(rows: list[dict[str, Any]], **options: Any) -> BookEvents:
    columns = {
        name: [row.get(name, default) for row in rows]
        for name, default in (("action", 0), ("side", 0), ("price", np.nan), ("size", 0.0), ("order_id", 0))
    }
    flags = [row.get("flags", int(BookFlag.LAST)) for row in rows]
    ts = np.arange(len(rows), dtype=np.int64)
    return BookEvents.from_arrays("X", ts=ts, flags=flags, instrument=UNIT, **columns, **options)


def shown(levels: dict[float, float], side: str, count: int) -> list[tuple[float, float]]:
    return sorted(levels.items(), reverse=side == "bid")[:count]


def native(book: L2Book | L3Book, side: str, count: int) -> list[tuple[float, float]]:
    frame = book.depth(count).select(side, f"{side}_size").drop_nulls()
    return [(price, size) for price, size in frame.iter_rows()]


def row_of(action: BookAction, side: int, price: float, size: float, order_id: int = 0) -> dict[str, Any]:
    return {"action": action, "side": side, "price": price, "size": size, "order_id": order_id}


def halves(low: int, high: int) -> st.SearchStrategy[float]:
    return st.sampled_from([count * 0.5 for count in range(low, high)])


def quarters(low: int, high: int) -> st.SearchStrategy[float]:
    return st.sampled_from([count * 0.25 for count in range(low, high)])


# Near the touch, and far enough that a small window has to move.
PRICES = st.one_of(halves(95, 106), halves(1, 2_000))
SIDE = st.sampled_from((-1, 1))
CLEARS = st.builds(row_of, st.just(BookAction.CLEAR), st.sampled_from((-1, 0, 1)), st.just(1.0), st.just(0.0))
LEVEL_EVENTS = st.one_of(
    st.builds(row_of, st.just(BookAction.SET), SIDE, PRICES, quarters(0, 6)),
    st.builds(row_of, st.just(BookAction.CHANGE), SIDE, PRICES, quarters(-3, 4)),
    CLEARS,
    st.just(row_of(BookAction.TRADE, 1, 1.0, 9.0)),
)


@settings(deadline=None)
@given(st.lists(LEVEL_EVENTS, max_size=80))
def test_levels_agree_with_dictionaries(rows: list[dict[str, Any]]) -> None:
    book = L2Book(UNIT, window=64)
    slow: dict[str, dict[float, float]] = {"bid": {}, "ask": {}}
    negative = crossed = 0
    for row in rows:
        book.apply(events_of([row]))
        side: int = row["side"]
        if row["action"] == BookAction.CLEAR:
            cleared: tuple[str, ...] = SIDES if side == 0 else (SIDES[(side + 1) // 2],)
            for name in cleared:
                slow[name].clear()
        elif row["action"] != BookAction.TRADE:
            levels = slow[SIDES[(side + 1) // 2]]
            size = row["size"] + (
                levels.get(row["price"], 0.0) if row["action"] == BookAction.CHANGE else 0.0
            )
            negative += size < 0
            levels.pop(row["price"], None)
            if size > 0:
                levels[row["price"]] = size
        crossed += bool(slow["bid"] and slow["ask"] and max(slow["bid"]) >= min(slow["ask"]))
        for name in SIDES:
            assert native(book, name, 1_000) == shown(slow[name], name, 1_000)
            assert book.level_count(name) == len(slow[name])
        best = [shown(slow[name], name, 1) for name in ("bid", "ask")]
        if best[0] and best[1]:
            (bid, bid_size), (ask, ask_size) = best[0][0], best[1][0]
            assert book.best == (bid, bid_size, ask, ask_size)
            assert book.mid == (bid + ask) / 2
            assert book.microprice == pytest.approx((bid * ask_size + ask * bid_size) / (bid_size + ask_size))
        depths = [sum(size for _, size in shown(slow[name], name, 3)) for name in ("bid", "ask")]
        if sum(depths):
            assert book.imbalance(3) == pytest.approx((depths[0] - depths[1]) / sum(depths))
    counts = book.integrity.counts
    assert (counts["negative_size"], counts["crossed"]) == (negative, crossed)


@settings(deadline=None)
@given(st.lists(LEVEL_EVENTS, min_size=1, max_size=60), st.integers(1, 4))
def test_a_replay_shows_what_single_events_leave(rows: list[dict[str, Any]], levels: int) -> None:
    for at, row in enumerate(rows):
        row["flags"] = int(BookFlag.LAST) if at % 3 == 2 else 0
    together = L2Book(UNIT, window=64).replay(events_of(rows), levels)
    book, expected = L2Book(UNIT), list[list[float]]()
    for row in rows:
        book.apply(events_of([row]))
        if row["flags"]:
            sides = {name: native(book, name, levels) for name in SIDES}
            expected.append([])
            for at in range(levels):
                for name in ("bid", "ask"):
                    expected[-1] += sides[name][at] if at < len(sides[name]) else (np.nan, 0.0)
    np.testing.assert_array_equal(
        together.drop("ts_event", "ts_recv", "sequence").to_numpy(), np.reshape(expected, (-1, 4 * levels))
    )


class SlowOrders:
    """A list of orders, oldest first, searched from its beginning."""

    def __init__(self, priority: str) -> None:
        self.priority = priority
        self.orders: list[list[Any]] = []  # id, side, price, size
        self.offences = {"unknown_order": 0, "duplicate_order": 0, "negative_size": 0}

    def apply(self, row: dict[str, Any]) -> None:
        action, order_id = row["action"], row.get("order_id", 0)
        found = next((order for order in self.orders if order[0] == order_id), None)
        if action == BookAction.CLEAR:
            self.orders = [order for order in self.orders if row["side"] not in (0, order[1])]
        elif action == BookAction.ADD:
            if row["size"] <= 0:
                self.offences["negative_size"] += 1
            elif found is not None:
                self.offences["duplicate_order"] += 1
            else:
                self.orders.append([order_id, row["side"], row["price"], row["size"]])
        elif found is None:
            self.offences["unknown_order"] += 1
        elif action in (BookAction.CANCEL, BookAction.EXECUTE):
            found[3] -= row["size"]
            self.offences["negative_size"] += found[3] < 0
            if found[3] <= 0:
                self.orders.remove(found)
        elif action == BookAction.MODIFY:
            keeps = (
                found[2] == row["price"]
                and (
                    {"reduction_keeps": row["size"] <= found[3], "always_lost": False, "always_kept": True}[
                        self.priority
                    ]
                )
            )
            if row["size"] <= 0 or not keeps:
                self.orders.remove(found)
            found[2:] = [row["price"], row["size"]]
            if row["size"] > 0 and not keeps:
                self.orders.append(found)

    def levels(self, side: int) -> dict[float, float]:
        levels: dict[float, float] = {}
        for _, of_side, price, size in self.orders:
            if of_side == side:
                levels[price] = levels.get(price, 0.0) + size
        return levels


ORDER_ACTIONS = [BookAction.ADD] * 4 + [
    BookAction.CANCEL,
    BookAction.EXECUTE,
    BookAction.MODIFY,
    BookAction.MODIFY,
]
ORDER_EVENTS = st.builds(
    row_of,
    st.sampled_from(ORDER_ACTIONS),
    SIDE,
    st.one_of(halves(98, 103), halves(1, 2_000)),
    quarters(0, 6),
    st.integers(1, 12),
)


@settings(deadline=None)
@given(
    st.lists(st.one_of([ORDER_EVENTS] * 20 + [CLEARS]), max_size=80),
    st.sampled_from(("reduction_keeps", "always_lost", "always_kept")),
)
def test_queues_agree_with_a_list_of_orders(rows: list[dict[str, Any]], priority: Any) -> None:
    book, slow = L3Book(UNIT, priority=priority, window=64), SlowOrders(priority)
    for row in rows:
        book.apply(events_of([row], model="l3"))
        slow.apply(row)
        for name, side in (("bid", 1), ("ask", -1)):
            levels = slow.levels(side)
            assert native(book, name, 100) == shown(levels, name, 100)
            for price in levels:
                queue = [(o[0], o[3]) for o in slow.orders if o[1] == side and o[2] == price]
                assert list(book.queue("bid" if side == 1 else "ask", price).iter_rows()) == queue
                for at, (order_id, _) in enumerate(queue):
                    assert book.queue_ahead(order_id) == sum(size for _, size in queue[:at])
        assert book.order_count == len(slow.orders)
    counts = book.integrity.counts
    assert {name: counts[name] for name in slow.offences} == slow.offences


def test_prices_off_the_units_are_refused_by_row() -> None:
    rows = [{"action": BookAction.SET, "side": 1, "price": price, "size": 1.0} for price in (10.0, 10.3)]
    with pytest.raises(DataError, match=r"row 2: price 10\.3 is no whole multiple of 0\.5"):
        L2Book(UNIT).apply(events_of(rows))


def test_a_gap_ends_trust_until_the_next_whole_snapshot() -> None:
    book = L2Book(UNIT)
    level = {"action": BookAction.SET, "side": 1, "price": 10.0, "size": 1.0}
    book.apply(events_of([level]))
    assert book.integrity.is_trusted
    book.apply(events_of([level | {"flags": int(BookFlag.LAST | BookFlag.GAP)}], sequence=[77]))
    assert not book.integrity.is_trusted
    assert book.integrity.first == tw.books.Offence(1, "gap", (77,))
    book.apply(events_of([{"action": BookAction.SNAPSHOT_START, "flags": 0}, level | {"flags": 0}]))
    assert not book.integrity.is_trusted
    book.apply(events_of([{"action": BookAction.SNAPSHOT_END}]))
    assert book.integrity.is_trusted
    assert book.integrity.counts["gap"] == 1
