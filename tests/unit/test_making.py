"""Profit in parts, quotes over time and windows of a book, each against something slow and obvious."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from result_samples import curve_result, frame, trading_result

from tradewright._native import Ledger
from tradewright.core.book_events import BookAction, BookEvents, BookFlag
from tradewright.errors import DataError
from tradewright.research import schema
from tradewright.research.markouts import PARTS, Legs, Unit, horizons_ns, split
from tradewright.research.meta import InstrumentMeta
from tradewright.research.picture import ROWS_MAX, busiest, depth_of
from tradewright.research.quoting import shown_of, time_weighted
from tradewright.research.touch import NO_MID, Touch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewright.research.analytics import Ints

ONE = 10**12

# Plain units, and units of which every amount is rounded.
UNITS = (
    ("0.1", "0.001", "1", "linear"),
    ("0.25", "1", "50", "linear"),
    ("0.001", "1", "1", "binary"),
    ("0.1", "1", "100", "inverse"),
    ("0.00001", "0.00000001", "0.3", "linear"),
)
Row = tuple[int, int, int | None, int | None, int]

fills_st = st.lists(
    st.tuples(
        st.integers(-50, 50).filter(bool),  # lots
        st.integers(1, 2_000),  # price
        st.one_of(st.none(), st.integers(2, 4_000)),  # twice the mid before it
        st.one_of(st.none(), st.integers(2, 4_000)),  # twice the mid later
        st.integers(-(10**13), 10**13),  # fee
    ),
    max_size=40,
)


def legs_of(fills: Sequence[Row]) -> tuple[Legs, Ints]:
    def counted(values: list[int]) -> Ints:
        return np.array(values, dtype=np.int64)

    def mids(column: int) -> Ints:
        return counted([NO_MID if row[column] is None else row[column] for row in fills])  # pyright: ignore[reportArgumentType]

    lots, prices = counted([row[0] for row in fills]), counted([2 * row[1] for row in fills])
    return Legs(counted(list(range(len(fills)))), lots, prices, mids(2)), mids(3)


@settings(deadline=None, max_examples=300)
@given(fills_st, st.integers(2, 4_000), st.sampled_from(UNITS))
def test_parts_sum_to_the_ledger_to_the_last_unit(
    fills: list[Row], mark_x2: int, units: tuple[str, str, str, str]
) -> None:
    price_unit, lot_size, multiplier, contract = units
    spec = {
        "symbol": "X", "currency": 0, "contract": contract, "payment": "margin", "price_unit": price_unit,
        "lot_size": lot_size, "multiplier": multiplier, "margin_initial_e10": 0, "margin_maintenance_e10": 0,
        "bounds_ticks": (0, 1_000_000) if contract == "binary" else None,
    }  # fmt: skip
    ledger = Ledger([spec], policies=1, balances=[10**18 * ONE])
    for number, (lots, price, _, _, fee) in enumerate(fills):
        side = "buy" if lots > 0 else "sell"
        ledger.fill(0, 0, side, fill_id=number, price_ticks=price, lots=abs(lots), fee=fee)
    ledger.mark(0, mark_x2)
    made = ledger.equity(0) - 10**18 * ONE  # the ledger's own profit, net of fees
    fees = [row[4] for row in fills]
    meta = InstrumentMeta(
        symbol="X",
        price_unit=Decimal(price_unit),
        lot_size=Decimal(lot_size),
        multiplier=Decimal(multiplier),
        contract=contract,
    )
    legs, later_x2 = legs_of(fills)
    found = split(
        Unit.of(meta),
        legs,
        later_x2,
        fees,
        gross_e12=made + sum(fees),
        fees_total_e12=sum(fees),
        cash_flows_e12=0,
    )
    assert found.total_e12 == sum(found.parts_e12.values()) == made
    assert tuple(found.parts_e12) == PARTS

    # Each part by its definition in fractions; every amount is rounded once, so twice a difference.
    def value(price_x2: int, lots: int) -> Fraction:
        size = Fraction(lot_size) * Fraction(multiplier) * lots
        price = Fraction(price_x2, 2) * Fraction(price_unit)
        return (-size / price if contract == "inverse" else size * price) * ONE

    wanted = dict.fromkeys(PARTS, Fraction(0))
    for lots, price, mid, later, fee in fills:
        wanted["rebates" if fee < 0 else "fees"] -= fee
        reached = 2 * price
        if mid is not None:
            wanted["spread_capture"] += value(mid, lots) - value(reached, lots)
            reached = mid
            if later is not None:
                wanted["adverse_selection"] += value(later, lots) - value(reached, lots)
                reached = later
        wanted["inventory"] += value(mark_x2, lots) - value(reached, lots)
    for part, amount in wanted.items():
        assert abs(found.parts_e12[part] - amount) <= 2 * len(fills) + 1, part
    if units == UNITS[0]:
        assert found.parts_e12 == {part: int(amount) for part, amount in wanted.items()}
    assert found.fills_without_mid == sum(row[2] is None for row in fills)
    assert found.fills_without_markout == sum(row[2] is not None and row[3] is None for row in fills)


@given(fills_st, st.integers(2, 4_000))
def test_without_a_horizon_inventory_is_position_times_the_moves_of_the_mid(
    fills: list[Row], mark_x2: int
) -> None:
    """The other way to say it: what was held from fill to fill, times what the mid did meanwhile."""
    known = [(lots, price, mid or 2 * price, None, fee) for lots, price, mid, _, fee in fills]
    legs, _ = legs_of(known)
    unit = Unit.of(InstrumentMeta(symbol="X", price_unit=Decimal("0.1"), lot_size=Decimal("0.001")))
    gross = sum(unit.value_e12(mark_x2, lots) - unit.value_e12(2 * price, lots) for lots, price, *_ in known)
    found = split(unit, legs, legs.mid_x2, [], gross_e12=gross, fees_total_e12=0, cash_flows_e12=0)
    held, wanted = 0, Fraction(0)
    for (lots, _, mid, *_), (_, _, after, *_) in pairwise([*known, (0, 0, mark_x2, None, 0)]):
        held += lots
        wanted += held * Fraction(after - mid, 2) * Fraction(1, 10) * Fraction(1, 1000)
    assert found.parts_e12["adverse_selection"] == 0
    assert found.parts_e12["inventory"] == wanted * ONE


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 50), st.integers(1, 5)), max_size=20),
    st.lists(st.integers(-2, 45), min_size=1, max_size=20),
)
def test_mids_are_those_of_a_walk_over_the_quotes(
    quotes: list[tuple[int, int, int]], times: list[int]
) -> None:
    quotes.sort(key=lambda quote: quote[0])
    columns = [np.array(column, dtype=np.int64) for column in zip(*quotes, strict=True)] or [
        np.array([], dtype=np.int64)
    ] * 3
    touch = Touch(columns[0], columns[1], columns[1] + columns[2])
    at_ns = np.array(times, dtype=np.int64)
    for at, before, later in zip(
        times, touch.mid_x2_before(at_ns).tolist(), touch.mid_x2_at(at_ns).tolist(), strict=True
    ):
        wanted_before = wanted_later = NO_MID
        for quoted, bid, spread in quotes:
            if quoted < at:
                wanted_before = 2 * bid + spread
            if quoted <= at:
                wanted_later = 2 * bid + spread
        if not quotes or at > quotes[-1][0]:
            wanted_later = NO_MID  # the data has ended
        assert (before, later) == (wanted_before, wanted_later)


moves = st.lists(st.tuples(st.integers(0, 14), st.integers(1, 9), st.booleans()), max_size=4)
standing_orders = st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 12), st.integers(1, 9), moves)


@given(st.lists(standing_orders, max_size=25))
def test_shown_quotes_are_the_best_orders_that_stand(
    orders: list[tuple[bool, int, int, int, list[tuple[int, int, bool]]]],
) -> None:
    rows = [dict.fromkeys(schema.COLUMNS["orders"]) for _ in orders]
    changes: list[dict[str, Any]] = []
    for number, (row, (is_buy, start, length, price, moved)) in enumerate(zip(rows, orders, strict=True)):
        moved.sort(key=lambda move: move[0])
        changes += [
            dict.fromkeys(schema.COLUMNS["amendments"])
            | {
                "order_id": f"a-{number}",
                "price": float(to),
                "status": "amended" if is_taken else "rejected",
                "decided_at": start + after,
            }
            for after, to, is_taken in moved
        ]
        row |= {
            "order_id": f"a-{number}",
            "side": "buy" if is_buy else "sell",
            "decided_at": start,
            "updated_at": start + length,
            "price": float(price),
        }
    shown = shown_of(frame("orders", rows), frame("amendments", changes))
    assert np.array_equal(shown.at_ns, np.unique(shown.at_ns))
    for now in range(45):
        standing: dict[bool, list[int]] = {True: [], False: []}
        for is_buy, start, length, price, moved in orders:
            if start <= now < start + length:
                taken = [to for after, to, is_taken in moved if is_taken and start + after <= now]
                standing[is_buy].append([price, *taken][-1])
        row = int(np.searchsorted(shown.at_ns, now, side="right")) - 1
        bid, ask = (np.nan, np.nan) if row < 0 else (shown.bid[row], shown.ask[row])
        assert (None if np.isnan(bid) else bid) == max(standing[True], default=None)
        assert (None if np.isnan(ask) else ask) == min(standing[False], default=None)


def test_a_mean_over_time_leaves_out_what_is_not_known() -> None:
    at_ns = np.array([0, 10, 30, 40])
    found = time_weighted(at_ns, np.array([1.0, 4.0, np.nan, 2.0]), 50)
    assert found is not None
    assert found == (pytest.approx((1 * 10 + 4 * 20 + 2 * 10) / 40), 40)
    assert time_weighted(at_ns[:1], np.array([1.0]), 0) is None
    assert time_weighted(at_ns[:0], np.array([]), 50) is None


def test_horizons_are_named_as_they_are_said() -> None:
    assert horizons_ns(["100ms", "1s", "10s", "60s", "5m"]) == {
        "100ms": 10**8, "1s": 10**9, "10s": 10**10, "60s": 6 * 10**10, "5m": 3 * 10**11,
    }  # fmt: skip
    with pytest.raises(ValueError, match="horizon 'soon' is not a length of time"):
        horizons_ns(["soon"])


# Results that have nothing to say ---------------------------------------------------------------------------


def test_a_result_that_does_not_know_its_units_says_so() -> None:
    result = trading_result(bars=300)
    for ask in (result.markouts, result.pnl_parts, result.market_making):
        with pytest.raises(DataError, match="Run again"):
            ask()


def test_without_fills_nothing_is_zero_that_is_not_known() -> None:
    meta = InstrumentMeta(symbol="SPX", price_unit=Decimal("0.01"), lot_size=Decimal(1))
    result = curve_result([100.0, 100.0], instruments=[meta])
    made = result.market_making()
    assert made.parts is None
    assert made.undefined["parts"] == "nothing was traded"
    assert (made.fill_rate, made.fill_imbalance, made.realised_pnl_mean) == (None, None, None)
    assert (made.inventory_mean, made.inventory_abs_max) == (0.0, 0.0)
    assert set(made.undefined) >= {"fill_rate", "queue_ahead_mean", "own_spread_mean", "market_spread_mean"}
    assert result.markouts().is_empty()
    assert result.pnl_parts().is_empty()
    assert result.markout_curve()["mean_bps"].null_count() == 15
    with pytest.raises(DataError, match="policy 'Other' is not one of the run's"):
        result.market_making(policy="Other")
    with pytest.raises(DataError, match="holds neither books nor quotes"):
        result.markouts([1, 2])
    with pytest.raises(DataError, match="has no order book"):
        result.book_picture("nowhere.html")


# The picture ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**13), max_size=60), st.integers(1, 10**13))
def test_the_window_lies_in_the_data_and_holds_the_fills(times: list[int], length: int) -> None:
    inside = sorted(time for time in times if time <= length)
    start, end = busiest(np.array(sorted(times), dtype=np.int64), 0, length)
    assert 0 <= start < end <= length
    held = sum(start <= time <= end for time in inside)
    assert held >= (1 if inside else 0)
    if end - start < min(length, 43_200 * 10**9):
        assert held >= min(8, len(inside))


def test_cells_hold_what_a_dictionary_of_levels_holds() -> None:
    draws = np.random.default_rng(2)
    count, step_ns = 4_000, 10**7
    at_ns = np.arange(count) * step_ns
    side = draws.choice([1, -1], count)
    price = 1_000 - side * draws.integers(1, 40, count)
    size = draws.integers(0, 9, count)
    events = BookEvents.from_arrays(
        "B",
        ts=at_ns,
        action=np.full(count, BookAction.SET),
        side=side,
        price=price * 0.5,
        size=size,
        flags=np.where(np.arange(count) % 3 == 2, BookFlag.LAST, 0),
        model="l2",
    )
    start, end = 12 * 10**9 + 5, 31 * 10**9 + 7
    depth = depth_of(events, start, end, tick=0.5, prices=np.array([480.0, np.nan]))
    assert len(depth.price) <= ROWS_MAX + 1
    assert depth.price[0] - depth.step / 2 < 480.0
    levels: dict[tuple[int, int], int] = {}
    done = 0
    for column, now in enumerate(depth.at_ns.tolist()):
        # Whole messages of three events each that had happened.
        upto = int((at_ns <= now).sum()) // 3 * 3
        for row in range(done, upto):
            levels[int(side[row]), int(price[row])] = int(size[row])
        done = max(done, upto)
        for of, cells in ((1, depth.bid_size), (-1, depth.ask_size)):
            for row, middle in enumerate(depth.price.tolist()):
                low, high = middle - depth.step / 2, middle + depth.step / 2
                wanted = sum(
                    lots
                    for (on, ticks), lots in levels.items()
                    if on == of and low <= ticks * 0.5 + 1e-9 < high
                )
                assert cells[row, column] == wanted
    assert done > 3_000
    with pytest.raises(DataError, match="no book with both sides"):
        depth_of(events, -100, -50, tick=0.5, prices=np.array([]))


def test_money_is_exact_in_a_frame() -> None:
    large = 123_456_789_012_345_678_901_234_567
    assert schema.dtype_of("money") == pl.Decimal(38, 12)
    from tradewright.research.frames import money

    assert money([large, -1, 0]).to_list() == [
        Decimal("123456789012345.678901234567"), Decimal("-0.000000000001"), Decimal(0),
    ]  # fmt: skip
