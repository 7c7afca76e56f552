"""YES and NO are one book: what mirrors, mirrors back, and a run on either leg makes the same money."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import tradewright as tw
from tradewright import features as f
from tradewright.core import presets
from tradewright.core.book_events import BookAction, BookEvents
from tradewright.core.grid import TickGrid
from tradewright.core.market import Bar, Deposit, MarketStatus, Quote, Settlement, TickGridChange, Trade
from tradewright.core.mirror import mirrored, mirrored_fills, mirrored_price
from tradewright.core.series import Bars
from tradewright.errors import InstrumentError

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.core.series import Series

SECOND_NS = 1_000_000_000
START_NS = 1_772_323_200 * SECOND_NS  # 2026-03-01: Kalshi's fees change on 2026-03-09.
GRIDS = [
    TickGrid.linear_cent(),
    TickGrid.deci_cent(),
    TickGrid.tapered_deci_cent(),
    TickGrid.bands([(0.2, 0.001), (None, 0.01)]),
]


@given(st.integers(0, 10_000))
def test_a_price_and_its_mirror_are_one_dollar_exactly(ticks: int) -> None:
    price = ticks / 10_000
    other = mirrored_price(price)
    assert Fraction(str(price)) + Fraction(str(other)) == 1
    assert mirrored_price(other) == price
    assert mirrored_price(np.array([price, np.nan]))[0] == other


@pytest.mark.parametrize("grid", GRIDS)
def test_an_order_fits_the_grid_if_its_mirror_fits_the_other(grid: TickGrid) -> None:
    assert mirrored(mirrored(grid)) == grid
    yes = presets.binary("X", grid=grid)
    no = mirrored(yes)
    assert no.symbol == "X:NO"
    assert mirrored(no) == yes
    for ticks in range(0, 10_001, 5):
        price = ticks / 10_000
        bid, ask = yes.round_price(price, "buy"), yes.round_price(price, "sell")
        assert no.round_price(mirrored_price(price), "sell") == mirrored_price(bid)
        assert no.round_price(mirrored_price(price), "buy") == mirrored_price(ask)


def test_only_a_lone_binary_from_0_to_1_has_another_leg() -> None:
    with pytest.raises(InstrumentError, match="has another leg"):
        mirrored(presets.equity("SPY"))
    with pytest.raises(InstrumentError, match="do not exclude each other"):
        mirrored(presets.binary("A", event_group="G"))


def walked_book(seed: int, *, rows: int = 400) -> BookEvents:
    """A book of cents around a walking mid: levels are set and emptied, and prints take from either side."""
    rng = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {
        name: [] for name in ("ts", "action", "side", "price", "size", "flags")
    }

    def event(at: int, action: BookAction, side: int, tick: int, size: float, *, last: bool) -> None:
        values = (START_NS + at, action, side, tick / 100, size, int(last))
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)

    mid = 50
    for step in range(3):
        event(0, BookAction.SET, 1, mid - 1 - step, 20, last=False)
        event(0, BookAction.SET, -1, mid + 1 + step, 20, last=step == 2)
    for row in range(1, rows):
        at = row * SECOND_NS // 4
        move = int(rng.integers(-1, 2))
        if move and 10 < mid + move < 90:
            # The side that is come to is emptied first, so that the book never crosses.
            event(at, BookAction.SET, -move, mid + move, 0, last=False)
            mid += move
            event(at, BookAction.SET, move, mid - move, float(rng.integers(1, 30)), last=False)
            event(at, BookAction.SET, -move, mid + 3 * move, float(rng.integers(1, 30)), last=True)
        else:
            side = 1 if rng.random() < 0.5 else -1
            best = mid + side
            event(at, BookAction.TRADE, side, best, float(rng.integers(1, 12)), last=False)
            event(at, BookAction.SET, -side, best, float(rng.integers(1, 30)), last=True)
    arrays: dict[str, Any] = {**columns}
    return BookEvents.from_arrays("X", instrument=presets.kalshi_binary("X", makers_pay=True), **arrays)


def as_quotes(book: BookEvents) -> Series:
    rows = len(book)
    rng = np.random.default_rng(rows)
    bid = rng.integers(20, 70, rows)
    return tw.Quotes.from_arrays(
        "X",
        ts=START_NS + SECOND_NS // 4 * np.arange(rows, dtype=np.int64),
        bid=bid / 100,
        ask=(bid + rng.integers(1, 10, rows)) / 100,
        bid_size=rng.integers(1, 30, rows).astype(float),
        ask_size=rng.integers(1, 30, rows).astype(float),
        instrument=book.instrument,
    )


@dataclass
class Erratic(tw.Policy):
    """Whatever a policy can ask for, at random from a seed; on the other leg the same, mirrored."""

    symbol: str
    seed: int
    is_mirror: bool = False
    quotes: bool = True
    seen: list[tuple[float, ...]] = field(default_factory=list[Any])

    def setup(self, ctx: tw.Setup) -> None:
        self.rng = np.random.default_rng(self.seed)
        ctx.wake(f.every("1s"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        asked = self.ask()
        self.seen.append((portfolio.equity, portfolio.buying_power))
        return mirrored(asked) if self.is_mirror and asked is not None else asked

    def ask(self) -> tw.Intent | None:
        symbol = self.symbol
        price, size = int(self.rng.integers(20, 81)) / 100, int(self.rng.integers(1, 20))
        side = "buy" if self.rng.random() < 0.5 else "sell"
        spread = int(self.rng.integers(1, 8)) / 100
        choice = int(self.rng.integers(7))
        match choice if self.quotes or choice != 2 else 5:
            case 0:
                return tw.TargetPosition(symbol, size if side == "buy" else -size)
            case 1:
                return tw.TargetPosition(symbol, size if side == "buy" else -size, passive=True)
            case 2:
                return tw.TargetQuotes(symbol, bid=(price, size), ask=(round(price + spread, 2), size))
            case 3:
                return tw.Submit(symbol=symbol, side=side, size=size, type="limit", limit=price, tif="ioc")
            case 4:
                return tw.Submit(symbol=symbol, side=side, size=size, type="stop", stop=price)
            case 5:
                return tw.Submit(symbol=symbol, side=side, size=size, type="limit", limit=price)
            case _:
                return tw.CancelAll(symbol) if self.rng.random() < 0.5 else None


EVENTS = [
    MarketStatus(
        symbol="X",
        ts_event_ns=START_NS + 20 * SECOND_NS,
        ts_recv_ns=START_NS + 20 * SECOND_NS,
        status="paused",
    ),
    MarketStatus(
        symbol="X", ts_event_ns=START_NS + 30 * SECOND_NS, ts_recv_ns=START_NS + 30 * SECOND_NS, status="open"
    ),
    TickGridChange(
        symbol="X",
        ts_event_ns=START_NS + 50 * SECOND_NS,
        ts_recv_ns=START_NS + 50 * SECOND_NS,
        grid=TickGrid.tapered_deci_cent(),
    ),
    Settlement(
        symbol="X", ts_event_ns=START_NS + 95 * SECOND_NS, ts_recv_ns=START_NS + 95 * SECOND_NS, price=1.0
    ),
]


@pytest.mark.parametrize("kind", ["book", "quotes"])
@pytest.mark.parametrize("cash", [30, 10_000])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_policy_and_its_mirror_make_the_same_money_fill_by_fill(kind: str, cash: int, seed: int) -> None:
    book = walked_book(seed)
    data = book if kind == "book" else as_quotes(book)
    other = mirrored(data)
    for name, column in mirrored(other).columns.items():
        np.testing.assert_array_equal(column, data.columns[name], name)
    account = tw.Account(cash={"USD": cash}, kind="cash")
    # Of two quotes the bid is sent first: where money is short, it is the ask that is refused, on either leg.
    policy, opposite = (Erratic("X", seed, leg, quotes=cash > 30) for leg in (False, True))
    yes = tw.backtest(policy, data, events=EVENTS, account=account)
    no = tw.backtest(opposite, other, events=[mirrored(event) for event in EVENTS], account=account)
    assert policy.seen == opposite.seen
    assert_frame_equal(yes.equity, no.equity)
    assert_frame_equal(
        mirrored_fills(yes.fills).drop("order_id", "policy", "value"),
        no.fills.drop("order_id", "policy", "value"),
    )
    values = [mirrored_fills(yes.fills)["value"].to_list(), no.fills["value"].to_list()]
    assert values[0] == pytest.approx(values[1], abs=1e-9)
    assert all(mirrored(mirrored(event)) == event for event in EVENTS)


def test_intents_are_their_mirrors_mirror() -> None:
    rng = np.random.default_rng(1)
    policy = Erratic("X", 1)
    policy.rng = rng
    asked = [policy.ask() for _ in range(200)]
    kinds = {type(intent).__name__ for intent in asked}
    assert kinds >= {"TargetPosition", "TargetQuotes", "Submit", "CancelAll"}
    others: list[tw.Intent] = [
        tw.Cancel("a-1"),
        tw.Amend("a-1", size=3, limit=0.4),
        tw.Submit(symbol="X", side="buy", size=1, type="trailing_stop", stop=0.05),
    ]
    for intent in [*asked, *others]:
        if intent is not None:
            assert msgspec.to_builtins(mirrored(mirrored(intent))) == msgspec.to_builtins(intent)
    trailing = mirrored(others[2])
    assert isinstance(trailing, tw.Submit)
    assert trailing.stop == 0.05  # A distance has no mirror.


@pytest.mark.parametrize(("player", "moments", "agreeing"), [("Jokic", 7_660, 7_660), ("Luka", 3_506, 3_505)])
def test_the_recorded_no_token_is_the_mirror_of_the_yes_token(
    player: str, moments: int, agreeing: int, shared_data: Path, tmp_path: Path
) -> None:
    # Polymarket publishes the best prices of either token: at every moment that both have but one, one is
    # the other mirrored.
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for leg in ("YES", "NO"):
        store = tw.data.Store(tmp_path / leg)
        path = (
            shared_data / "prediction_markets" / "nba_mvp_cross_venue" / f"Polymarket_{player}_{leg}.csv.gz"
        )
        store.import_files("polymarket", [path], symbol=leg)
        quotes = store.read(leg, "quotes")
        assert isinstance(quotes, tw.Quotes)
        quotes = quotes if leg == "YES" else mirrored(quotes)
        rows = zip(quotes.ts_recv_ns.tolist(), quotes.bid.tolist(), quotes.ask.tolist(), strict=True)
        found[leg] = {at: (bid, ask) for at, bid, ask in rows}  # The last of a moment.
    common = found["YES"].keys() & found["NO"].keys()
    same = [np.array_equal(found["YES"][at], found["NO"][at], equal_nan=True) for at in common]
    assert (len(same), sum(same)) == (moments, agreeing)


def test_records_lists_and_nothing_turn_too() -> None:
    times: dict[str, Any] = {"ts_event_ns": 1, "ts_recv_ns": 2}
    quote = Quote(symbol="E", bid=0.3, ask=0.45, bid_size=5.0, ask_size=7.0, **times)
    turned = mirrored(quote)
    assert (turned.symbol, turned.bid, turned.ask) == ("E:NO", 0.55, 0.7)
    assert (turned.bid_size, turned.ask_size) == (7.0, 5.0)
    one_sided = mirrored(Quote(symbol="E", bid=None, ask=0.4, bid_size=0.0, ask_size=7.0, **times))
    assert (one_sided.bid, one_sided.ask) == (0.6, None)
    trade = mirrored(Trade(symbol="E", price=0.25, size=2.0, aggressor="buy", **times))
    assert (trade.price, trade.aggressor) == (0.75, "sell")
    bar = Bar(symbol="E", open_ns=0, open=0.2, high=0.5, low=0.1, close=0.4, volume=3.0, **times)
    assert (mirrored(bar).high, mirrored(bar).low, mirrored(bar).volume) == (0.9, 0.5, 3.0)
    for record in (quote, bar):
        assert mirrored(mirrored(record)) == record
    intents = [tw.TargetPosition("E", 3), tw.CancelAll()]
    assert mirrored(intents) == [tw.TargetPosition("E:NO", -3), tw.CancelAll()]
    assert mirrored(tuple(intents)) == tuple(mirrored(intents))
    assert mirrored(None) is None


@pytest.mark.parametrize("what", [Deposit(ts_event_ns=1, ts_recv_ns=1, amount=1.0, currency="USD"), 0.5, "E"])
def test_what_has_no_other_leg_is_refused(what: Any) -> None:
    with pytest.raises(TypeError, match=f"{type(what).__name__} has no other leg"):
        mirrored(what)


def test_a_series_of_something_else_has_no_other_leg() -> None:
    with pytest.raises(InstrumentError, match=r"X: high 1\.5 is not a price of a binary"):
        mirrored(Bars.from_arrays("X", ts=[1], open=[0.5], high=[1.5], low=[0.5], close=[1.5]))
