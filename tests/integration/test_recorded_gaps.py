"""What a recording lacks, or gets wrong, and a run must neither refuse nor hide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tradewright as tw
import tradewright.config
from runs import MINUTE_NS, START_NS, bars, check_sound
from tradewright.core import presets
from tradewright.core.book_events import BookAction, BookFlag
from tradewright.core.books import L2Book
from tradewright.core.market import Dividend
from tradewright.errors import ConfigError, DataError


class Holds(tw.Policy):
    """Wants a position of this size from its first wake on."""

    def __init__(self, size: float, symbol: str = "X") -> None:
        self.size = size
        self.symbol = symbol

    def decide(self, market: Any, portfolio: Any) -> Any:
        return tw.TargetPosition(self.symbol, self.size)


def times(rows: int) -> Any:
    return START_NS + MINUTE_NS * np.arange(rows, dtype=np.int64)


def quotes(rows: int = 4, **sizes: Any) -> tw.Quotes:
    return tw.Quotes.from_arrays(
        "X", ts=times(rows), bid=np.full(rows, 99.0), ask=np.full(rows, 101.0), **sizes
    )


def test_quotes_without_sizes_fill_without_a_cap() -> None:
    result = check_sound(tw.backtest(Holds(7_000), quotes(), cash=1e6))
    assert result.fills.select("size", "price").rows() == [(7_000.0, 101.0)]


def test_a_size_that_is_known_caps_and_one_that_is_not_does_not() -> None:
    result = check_sound(tw.backtest(Holds(7), quotes(ask_size=[2.0, 3.0, np.nan, 50.0]), cash=1e6))
    assert result.fills["size"].to_list() == [2.0, 3.0, 2.0]


def test_features_of_sizes_that_were_not_recorded_are_nan() -> None:
    seen = list[tuple[float, float]]()

    class Looks(tw.Policy):
        def setup(self, ctx: Any) -> None:
            self.size = ctx.watch(tw.features.ask_size("X"))
            self.flow = ctx.watch(tw.features.ofi_event("X"))

        def decide(self, market: Any, portfolio: Any) -> None:
            seen.append((market[self.size], market[self.flow]))

    tw.backtest(Looks(), quotes())
    assert len(seen) == 4
    assert np.isnan(seen).all()


@pytest.mark.parametrize("size", [-1.0, np.inf])
def test_a_size_that_is_none_is_refused(size: float) -> None:
    with pytest.raises(DataError, match=r"row 2, bid_size: .* is not a size"):
        tw.backtest(Holds(1), quotes(bid_size=[1.0, size, 1.0, 1.0]))


SET, TRADE, ADD, CANCEL = (int(BookAction[name]) for name in ("SET", "TRADE", "ADD", "CANCEL"))
SNAPSHOT_START, SNAPSHOT_END = int(BookAction.SNAPSHOT_START), int(BookAction.SNAPSHOT_END)


def book(
    rows: list[tuple[int, int, float, float]], *, ids: list[int] | None = None, **options: Any
) -> tw.BookEvents:
    """Messages of one event each: action, side, price, size."""
    action, side, price, size = zip(*rows, strict=True)
    return tw.BookEvents.from_arrays(
        "X", ts=times(len(rows)), action=action, side=side, price=price, size=size, order_id=ids, **options
    )


COIN = presets.crypto_perpetual("X", tick_size=0.01, lot_size=1)
TOUCH = [(SET, 1, 99.0, 5.0), (SET, -1, 101.0, 5.0)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            (SET, 1, 9.905, 5.0),
            "row 3, price: 9.905 is no whole multiple of 0.01, the instrument's price unit",
        ),
        ((SET, 1, 9.9, 5.5), "row 3, size: 5.5 is no whole multiple of 1, the instrument's lot size"),
        ((SET, 1, 9.9, 0.4), "row 3, size: 0.4 is no whole multiple of 1"),
        ((TRADE, 1, 9.905, 0.4), "row 3, size: 0.4 is no whole multiple of 1"),
        ((SET, 7, 9.9, 5.0), r"row 3, side: 7 is not 1 \(bid\), -1 \(ask\) or 0"),
    ],
)
@pytest.mark.parametrize("clock", ["causal", "venue"])
def test_book_events_off_the_units_are_refused_as_a_book_refuses_them(
    row: tuple[int, int, float, float], says: str, clock: Any
) -> None:
    events = book([*TOUCH, row], instrument=COIN)
    with pytest.raises(DataError, match="book_l2 of X, " + says):
        tw.backtest(Holds(0), events, venue=tw.Venue(clock=clock))
    if row[0] != TRADE:  # A book on its own does not look at what a print says.
        with pytest.raises(DataError, match="row 3"):
            L2Book(COIN).apply(events)


def test_prints_may_stand_between_price_units() -> None:
    result = tw.backtest(Holds(0), book([*TOUCH, (TRADE, 1, 100.005, 1.0)], instrument=COIN))
    assert result.meta.data[0].price_shift_max == pytest.approx(0.005)


def test_what_contradicts_a_book_is_told_with_the_result() -> None:
    rows = [*TOUCH, (SET, 1, 101.0, 2.0), (SET, 1, 101.0, 0.0), (int(BookAction.CHANGE), 1, 99.0, -7.0)]
    flags = [int(BookFlag.LAST)] * 4 + [int(BookFlag.LAST | BookFlag.GAP)]
    found = [
        text for text in tw.backtest(Holds(0), book(rows, flags=flags)).meta.warnings if "contradicts" in text
    ]
    alone = L2Book()
    alone.apply(book(rows, flags=flags))
    assert {name: count for name, count in alone.integrity.counts.items() if count} == {
        "gap": 1,
        "crossed": 1,
        "negative_size": 1,
    }
    assert found == [
        "The book of X contradicts itself (messages that follow a gap: 1, messages that leave the best bid "
        "at or above the best ask: 1, changes below zero: 1). "
        "Orders met it as it was; tradewright check-data says where."
    ]


def test_a_sound_book_has_no_such_warning() -> None:
    assert not [text for text in tw.backtest(Holds(0), book(TOUCH)).meta.warnings if "book" in text]


def test_events_of_orders_nobody_knows_are_told() -> None:
    rows = [(ADD, 1, 99.0, 5.0), (ADD, -1, 101.0, 5.0), (CANCEL, 1, 99.0, 5.0), (ADD, 1, 98.0, 5.0)]
    warnings = tw.backtest(Holds(0), book(rows, ids=[1, 2, 3, 2])).meta.warnings
    assert any("events of orders that do not rest: 1, orders added twice: 1" in text for text in warnings)


def test_events_of_orders_without_ids_are_refused() -> None:
    with pytest.raises(DataError, match=r"book_l3 of X, order_id: .* not one order's id"):
        tw.backtest(Holds(0), book([(ADD, 1, 99.0, 5.0), (ADD, -1, 101.0, 5.0)]))


def test_sizes_below_a_lot_are_told() -> None:
    result = tw.backtest(Holds(3), quotes(bid_size=np.full(4, 9.0), ask_size=[0.5, 0.0, 0.25, np.nan]))
    assert [text for text in result.meta.warnings if "lot" in text] == [
        "quotes of X: 2 of 2 values of ask_size are less than one lot (1), so that no order takes from them. "
        "Give an instrument with a finer lot_size."
    ]
    assert result.fills["size"].to_list() == [3.0]  # From the one quote of unknown size.
    fine = presets.crypto_perpetual("X", tick_size=0.01, lot_size=0.25)
    result = tw.backtest(Holds(0.75), quotes(ask_size=[0.5, 0.0, 0.25, 9.0], instrument=fine))
    assert result.fills["size"].to_list() == [0.5, 0.25]
    assert not [text for text in result.meta.warnings if "lot" in text]


@pytest.mark.parametrize("size", [1e12, -1e12, 1e18, 3e18, -8e18])
def test_a_target_of_any_size_is_refused_by_name(size: float) -> None:
    result = check_sound(tw.backtest(Holds(size), bars([30_000.0] * 3)))
    assert set(result.orders["status"]) == {"refused"}
    assert set(result.orders["reason"]) == {"order_value_max" if abs(size) < 2e18 else "order_size_max"}


OIL = presets.commodity(
    "CL", tick_size=0.01, multiplier=1000, bounds=(-1000, 1000), calendar=None, margin_initial=0.1
)
CLOSES = [20.0, 18.27, -37.63, 0.0, 10.01]  # The May contract of 2020 settled at the first three.


@pytest.mark.parametrize("kind", ["bars", "quotes", "trades", "book"])
def test_prices_below_zero_are_taken_where_the_bounds_allow_them(kind: str) -> None:
    ts = times(len(CLOSES))
    marks = [round(close - 0.01, 2) for close in CLOSES], [round(close + 0.01, 2) for close in CLOSES]
    series: Any
    match kind:
        case "bars":
            series = bars(CLOSES, symbol="CL", instrument=OIL, start_ns=START_NS)
        case "quotes":
            series = tw.Quotes.from_arrays("CL", ts=ts, bid=marks[0], ask=marks[1], instrument=OIL)
        case "trades":
            series = tw.Trades.from_arrays(
                "CL", ts=ts, price=CLOSES, size=np.full(len(CLOSES), 50.0), instrument=OIL
            )
        case _:
            rows = list[tuple[int, int, float, float]]()
            for bid, ask in zip(*marks, strict=True):
                rows += [(SNAPSHOT_START, 0, np.nan, 0.0), (SET, 1, bid, 50.0), (SET, -1, ask, 50.0)]
                rows += [(SNAPSHOT_END, 0, np.nan, 0.0)]
            action, side, price, size = zip(*rows, strict=True)
            series = tw.BookEvents.from_arrays(
                "CL",
                ts=np.repeat(ts, 4),
                action=action,
                side=side,
                price=price,
                size=size,
                flags=[0, 0, 0, int(BookFlag.LAST)] * len(CLOSES),
                instrument=OIL,
            )
    seen = list[float]()

    class Shorts(Holds):
        def decide(self, market: Any, portfolio: Any) -> Any:
            seen.append(market.mark("CL"))
            return tw.TargetPosition("CL", -2 if len(seen) < 3 else 1)

    result = tw.backtest(Shorts(0, "CL"), series, cash=1e6)
    assert seen == pytest.approx(CLOSES)
    fills = result.fills.select("side", "size", "price").rows()
    # Sold before the fall; what turned the position was decided at -37.63.
    signed = [(1 if side == "buy" else -1) * size for side, size, _ in fills]
    assert sum(signed) == 1
    made = 1_000 * (CLOSES[-1] - sum(lots * price for lots, (_, _, price) in zip(signed, fills, strict=True)))
    assert result.equity["equity"][-1] - 1e6 == pytest.approx(made, abs=1e-6)
    assert min(price for *_, price in fills) <= 0


def test_prices_outside_the_bounds_are_refused() -> None:
    for close, says in (
        (-1000.01, "below the instrument's lowest price"),
        (1000.01, "above the instrument's highest"),
    ):
        with pytest.raises(DataError, match=rf"row 2.*{says}"):
            tw.backtest(Holds(0, "CL"), bars([1.0, close], symbol="CL", instrument=OIL))
    with pytest.raises(DataError, match=r"low: -37.63 is not positive; a price is"):
        tw.backtest(Holds(0), bars([18.27, -37.63]))


def test_an_event_known_before_it_happens_is_refused() -> None:
    event = Dividend(symbol="X", ts_event_ns=START_NS + 2, ts_recv_ns=START_NS + 1, amount=1.0)
    with pytest.raises(DataError, match=r"events, ts_recv_ns: Dividend is received at .* look"):
        tw.backtest(Holds(0), bars([1.0, 2.0]), events=[event])


@pytest.mark.parametrize("rate", [2.9, 0.5, 1e-3])
def test_an_order_rate_is_a_whole_number(rate: float) -> None:
    with pytest.raises(ValueError, match=f"order_rate_max: {rate} is not a whole number of orders a second"):
        tw.Risk(order_rate_max=rate)
    with pytest.raises(ConfigError, match=r"risk.*order_rate_max"):
        tradewright.config.decode({"risk": {"order_rate_max": rate}})
