"""Prediction markets by the events of the feed: collateral, pauses, closing, tick grids, settlement, void."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.core import presets
from tradewright.core.book_events import BookEvents
from tradewright.core.fees import Fees
from tradewright.core.grid import TickGrid
from tradewright.core.market import MarketStatus, Settlement, TickGridChange
from tradewright.core.series import Series
from tradewright.errors import DataError, InstrumentError, TradewrightError
from tradewright.sim.config import ConstantLatency, Venue
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from pathlib import Path

SECOND_NS = 1_000_000_000
START_NS = 1_767_225_600 * SECOND_NS
X = presets.binary("X")
Script = dict[int, Callable[[tw.PortfolioState], tw.Intents]]


def at(second: float) -> int:
    return START_NS + round(second * SECOND_NS)


def stamps(second: float, late: float = 0.0) -> dict[str, Any]:
    return {"ts_event_ns": at(second), "ts_recv_ns": at(second + late)}


def status(
    second: float, value: Literal["open", "paused", "closed", "resolved"], late: float = 0.0
) -> MarketStatus:
    return MarketStatus(symbol="X", status=value, **stamps(second, late))


def quotes(
    *rows: tuple[float, float], symbol: str = "X", instrument: tw.Instrument = X, size: float = 100
) -> tw.Quotes:
    """A quote a second, from second 0."""
    bids, asks = zip(*rows, strict=True)
    return tw.Quotes.from_arrays(
        symbol,
        ts=[at(second) for second in range(len(rows))],
        bid=bids,
        ask=asks,
        bid_size=[size] * len(rows),
        ask_size=[size] * len(rows),
        instrument=instrument,
    )


def bars(*closes: float) -> tw.Bars:
    """A bar a second of four equal prices; the first ends at second 0."""
    return tw.Bars.from_arrays(
        "X",
        ts=[at(second) for second in range(len(closes))],
        open=closes,
        high=closes,
        low=closes,
        close=closes,
        volume=[1000.0] * len(closes),
        timeframe="1s",
        instrument=X,
    )


def book(*rows: tuple[float, float], instrument: tw.Instrument = X) -> BookEvents:
    """A whole book of one level a side, told anew each second."""
    events = [
        (at(second), action, side, price, size, last)
        for second, (bid, ask) in enumerate(rows)
        for action, side, price, size, last in (
            (3, 0, np.nan, 0.0, 0),
            (1, 1, bid, 100.0, 0),
            (1, -1, ask, 100.0, 1),
        )
    ]
    names = ("ts", "action", "side", "price", "size", "flags")
    columns: dict[str, Any] = dict(zip(names, map(np.array, zip(*events, strict=True)), strict=True))
    return BookEvents.from_arrays("X", instrument=instrument, **columns)


def orders(*rows: tuple[float, float]) -> BookEvents:
    """A book of orders: one of each side, which gives way to another each second."""
    events = list[tuple[float, ...]]()
    for second, prices in enumerate(rows):
        for leaves in (True, False):
            for leg, side in enumerate((1, -1)):
                number = 2 * (second - leaves) + leg + 1
                price = rows[second - leaves][leg]
                if not leaves or second:
                    action, last = (7 if leaves else 6), int(side < 0 and not leaves)
                    events.append((at(second), action, side, price, 100.0, last, number))
        assert prices[0] < prices[1]
    names = ("ts", "action", "side", "price", "size", "flags", "order_id")
    columns: dict[str, Any] = dict(zip(names, map(np.array, zip(*events, strict=True)), strict=True))
    return BookEvents.from_arrays("X", instrument=X, **columns)


@dataclass
class Scripted(tw.Policy):
    """Does what the script says, half a second after the second."""

    script: Script
    seen: list[Any] = field(default_factory=list[Any])
    look: Callable[[tw.MarketSnapshot, tw.PortfolioState], object] = lambda _market, _portfolio: None

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("1s", phase="500ms"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.seen.append(self.look(market, portfolio))
        todo = self.script.get((market.now_ns - START_NS) // SECOND_NS)
        return todo(portfolio) if todo else None


def limit(
    size: float, price: float, symbol: str = "X", **more: Any
) -> Callable[[tw.PortfolioState], tw.Intents]:
    side = "buy" if size > 0 else "sell"
    return lambda _: tw.Submit(symbol=symbol, side=side, size=abs(size), type="limit", limit=price, **more)


def run(script: Script, data: Any, events: Sequence[Any] = (), **more: Any) -> tw.Result:
    cash = more.pop("cash", 1_000)
    more.setdefault(
        "account", tw.Account(cash={"USD": cash}, kind="cash", netting=more.pop("netting", "market"))
    )
    policy = more.pop("policy", None) or Scripted(script)
    return tw.backtest(policy, data, events=events, **more)


def fates(result: tw.Result) -> list[tuple[str, str]]:
    return result.orders.select("status", "reason").rows()


# Collateral.


def event(*names: str, outcomes: int | None = None) -> list[tw.Quotes]:
    def of(name: str) -> tw.Instrument:
        return presets.binary(name, event_group="SECRETARY", event_outcomes=outcomes)

    return [quotes(*[(0.3, 0.4)] * 8, symbol=name, instrument=of(name)) for name in names]


@pytest.mark.parametrize(
    ("netting", "second", "locked", "power"),
    [
        ("market", "refused", 1.0, 0.0),
        ("collateral_return", "filled", 1.0, 0.3),
        ("group", "filled", 1.0, 0.3),
    ],
)
def test_kalshis_own_example_of_collateral_return(
    netting: str, second: str, locked: float, power: float
) -> None:
    # NO in Clinton at 0.60 and NO in Kerry at 0.70: 1.30 invested, of which 0.30 can be lost.
    # help.kalshi.com, "Collateral return".
    script = {1: limit(-1, 0.4, "CLINTON"), 4: limit(-1, 0.3, "KERRY")}
    policy = Scripted(script, look=lambda _, portfolio: (portfolio.locked, portfolio.buying_power))
    data = event("CLINTON", "TILLERSON", "KERRY")
    data[0] = quotes(
        *[(0.3, 0.4)] * 2, *[(0.4, 0.5)] * 6, symbol="CLINTON", instrument=data[0].instrument or X
    )
    result = run({}, data, policy=policy, cash=0.6, netting=netting)
    assert [fate for fate, _ in fates(result)] == ["filled", second]
    assert policy.seen[-1] == pytest.approx((locked, power))


def test_an_exhaustive_set_of_long_outcomes_locks_what_it_can_lose() -> None:
    script: Script = {
        second: limit(10, 0.4, name) for second, name in enumerate(["CLINTON", "TILLERSON", "KERRY"], 1)
    }
    powers = dict[tuple[str, int | None], float]()
    for netting in ("market", "collateral_return", "group"):
        for outcomes in (None, 3, 4):
            policy = Scripted(script, look=lambda _, portfolio: portfolio.buying_power)
            data = event("CLINTON", "TILLERSON", "KERRY", outcomes=outcomes)
            run({}, data, policy=policy, cash=20, netting=netting)
            powers[netting, outcomes] = policy.seen[-1]
    # 12 paid of 20. Ten come back for certain if all outcomes are there, and only "group" counts on it.
    assert powers == pytest.approx(dict.fromkeys(powers, 8.0) | {("group", 3): 18.0})


def test_netted_collateral_must_be_paid_back_before_the_other_leg_is_closed() -> None:
    # Kalshi warns of it: with collateral returned, a position may not be sold.
    script: Script = {1: limit(-1, 0.3, "A"), 2: limit(-1, 0.3, "B"), 3: limit(1, 0.4, "A", reduce_only=True)}
    for netting, cash, fate in (
        ("market", 1.4, "filled"),
        ("collateral_return", 1.4, "filled"),
        ("collateral_return", 0.7, "refused"),
    ):
        result = run(script, event("A", "B"), cash=cash, netting=netting)
        assert fates(result)[-1][0] == fate


def test_a_limit_on_the_worst_outcome_of_an_event_counts_open_orders() -> None:
    script: Script = {
        1: limit(-10, 0.5, "A"),  # May lose 5.
        2: limit(-10, 0.5, "B"),  # If A pays, B's ten bring 5: no more than 5 together ...
        3: limit(-2, 0.5, "A"),  # ... but B may stay open, and A lose 6.
        4: limit(-2, 0.5, "LONE"),  # An event of its own.
    }
    lone = quotes(*[(0.3, 0.4)] * 8, symbol="LONE", instrument=presets.binary("LONE"))
    risk = tw.Risk(event_group_loss_max=5)
    result = run(script, [*event("A", "B"), lone], risk=risk)
    assert fates(result)[2] == ("refused", "event_group_loss_max")
    assert "6" in result.orders["detail"][2]
    assert [reason for _, reason in fates(result)] == [
        "run_ended",
        "run_ended",
        "event_group_loss_max",
        "run_ended",
    ]
    share = run(script, [*event("A", "B"), lone], risk=tw.Risk(event_group_loss_max="0.5%"))
    assert fates(share) == fates(result)  # 0.5 % of 1,000.


def test_members_of_an_event_agree_about_it() -> None:
    data = [*event("A", outcomes=2), *event("B", outcomes=3)]
    with pytest.raises((ValueError, TradewrightError), match="differ in event_outcomes"):
        run({}, data)
    with pytest.raises(InstrumentError, match="at least 2"):
        presets.binary("A", event_group="G", event_outcomes=1)
    with pytest.raises(InstrumentError, match="needs the event_group"):
        presets.binary("A", event_outcomes=2)


# Status.

PAUSE = [status(2, "paused"), status(5, "open")]
SERIES: dict[str, Callable[..., Any]] = {
    "quotes": lambda *prices: quotes(*[(price - 0.01, price + 0.01) for price in prices]),
    "book": lambda *prices: book(*[(price - 0.01, price + 0.01) for price in prices]),
    "orders": lambda *prices: orders(*[(price - 0.01, price + 0.01) for price in prices]),
    "bars": bars,
}


@pytest.mark.parametrize("kind", list(SERIES))
def test_a_pause_takes_cancels_alone_and_resting_orders_wait(kind: str) -> None:
    script: Script = {
        0: limit(10, 0.45),  # Rests, is come to in the pause, fills when trading resumes.
        1: limit(10, 0.05),  # Rests, and is cancelled in the pause.
        3: limit(1, 0.9),  # Comes in the pause.
        4: lambda portfolio: tw.Cancel(portfolio.open_orders()[-1].order_id),
        6: limit(1, 0.9),
    }
    prices = (0.50, 0.50, 0.50, 0.40, 0.40, 0.40, 0.40, 0.40, 0.40, 0.40)
    result = run(script, SERIES[kind](*prices), PAUSE)
    assert fates(result) == [
        ("filled", ""),
        ("cancelled", "policy_cancelled"),
        ("rejected", "market_closed"),
        ("filled", ""),
    ]
    first = result.fills.row(0, named=True)
    assert (first["liquidity"], first["size"]) == ("maker", 10)
    # A book that has come to the order fills it as trading resumes; quotes and bars with the next record.
    assert (first["ts_event"].timestamp() * SECOND_NS - START_NS) / SECOND_NS in (5.0, 6.0)
    assert first["price"] == (0.40 if kind == "bars" else 0.45)


@pytest.mark.parametrize("kind", list(SERIES))
def test_a_pause_may_cancel_and_a_close_always_does(kind: str) -> None:
    script: Script = {0: limit(10, 0.05), 3: limit(1, 0.9), 6: limit(1, 0.9)}
    data = SERIES[kind](*[0.50] * 10)
    paused = run(script, data, PAUSE, venue=Venue(cancel_on_pause=True))
    assert fates(paused) == [("cancelled", "market_closed"), ("rejected", "market_closed"), ("filled", "")]
    for word in ("closed", "resolved"):
        ended = run(script, data, [status(2, word)])
        assert fates(ended) == [
            ("cancelled", "instrument_ended"),
            ("refused", "instrument_ended"),
            ("refused", "instrument_ended"),
        ]


def test_the_venue_pauses_by_its_own_clock() -> None:
    # Paused at second 2, which the policy hears at 4.2: an order of 3.5 finds the venue closed.
    data = quotes(*[(0.49, 0.51)] * 10)
    script: Script = {3: limit(1, 0.9), 7: limit(1, 0.9)}
    events = [status(2, "paused", 2.2), status(6, "open", 0.2)]
    by_venue = run(script, data, events, venue=Venue(clock="venue"))
    assert fates(by_venue) == [("rejected", "market_closed"), ("filled", "")]
    by_arrival = run(script, data, events)
    assert fates(by_arrival) == [("filled", ""), ("filled", "")]


# Settlement.


@pytest.mark.parametrize(("price", "pnl"), [(1.0, 6.0), (0.0, -4.0), (0.5, 1.0), (0.537, 1.37)])
def test_a_settlement_pays_off_the_grid_too_and_ends_the_market(price: float, pnl: float) -> None:
    # Ten at 0.40, as in nautilus_trader's issue 4963 (+5.90 and -4.10 with its fee of 0.10).
    instrument = presets.binary("X", fees=Fees(per_share=0.01))
    data = quotes(*[(0.39, 0.40)] * 8, instrument=instrument)
    events = [Settlement(symbol="X", price=price, void=price == 0.5, **stamps(3))]
    result = run({1: limit(10, 0.40), 2: limit(5, 0.05), 5: limit(1, 0.9)}, data, events)
    assert fates(result) == [
        ("filled", ""),
        ("cancelled", "instrument_ended"),
        ("refused", "instrument_ended"),
    ]
    assert result.equity["equity"][-1] - 1_000 == pytest.approx(pnl - 0.1)
    trip = result.round_trips.row(0, named=True)
    assert (trip["is_open"], trip["exit_price"]) == (False, pytest.approx(price))


def test_a_void_market_may_give_back_what_was_paid() -> None:
    data = quotes(*[(0.39, 0.40)] * 3, *[(0.59, 0.60)] * 5)
    events = [Settlement(symbol="X", price=None, void=True, **stamps(6))]
    policy = Scripted(
        {1: limit(10, 0.40), 4: limit(-4, 0.50)},
        look=lambda _, portfolio: (portfolio.cash["USD"], portfolio.account.position("X")),
    )
    result = run({}, data, events, policy=policy)
    # Four sold at 0.59 earn 0.76; the six that are left cost 2.40, which comes back.
    assert policy.seen[-1] == (pytest.approx(1_000.76), 0.0)
    assert result.round_trips["pnl"].to_list() == pytest.approx([0.76])
    short = run({1: limit(-10, 0.30)}, data, events)
    assert short.equity["equity"][-1] == pytest.approx(1_000)
    with pytest.raises(DataError, match="void=True to refund"):
        Settlement(symbol="X", **stamps(6))


def test_a_fill_told_of_after_the_settlement_is_settled_too() -> None:
    data = quotes(*[(0.39, 0.40)] * 8)
    venue = Venue(latency=ConstantLatency(response_ns=2 * SECOND_NS))
    policy = Scripted(
        {1: limit(10, 0.40)}, look=lambda _, portfolio: (portfolio.position("X"), portfolio.cash["USD"])
    )
    result = run({}, data, [Settlement(symbol="X", price=1.0, **stamps(3))], policy=policy, venue=venue)
    assert fates(result) == [("filled", "")]
    assert policy.seen[-1] == (0.0, pytest.approx(1_006))
    assert not result.round_trips["is_open"].any()


# Tick grids.


def regrid(second: float, grid: TickGrid) -> TickGridChange:
    return TickGridChange(symbol="X", grid=grid, **stamps(second))


def test_orders_answer_to_the_grid_of_their_time() -> None:
    deci = presets.binary("X", grid=TickGrid.deci_cent())
    script: Script = {
        1: limit(10, 0.355),  # On the grid of its time; off the next one.
        3: limit(1, 0.345),  # Off the cents that the middle has now.
        4: limit(1, 0.055),  # On the finer end.
        5: lambda portfolio: tw.Amend(portfolio.open_orders()[0].order_id, size=6),
        6: lambda portfolio: tw.Amend(portfolio.open_orders()[0].order_id, limit=0.345),
    }
    change = [regrid(2, TickGrid.tapered_deci_cent())]
    for data in (
        quotes(*[(0.39, 0.40)] * 10, instrument=deci),
        book(*[(0.39, 0.40)] * 10, instrument=deci),
    ):
        kept = run(script, data, change)
        assert fates(kept) == [
            ("cancelled", "run_ended"),
            ("refused", "off_grid"),
            ("cancelled", "run_ended"),
        ]
        assert kept.orders["size"].to_list() == [6, 1, 1]
        assert "0.34" in kept.orders["detail"][1]
        del script[5], script[6]
        cancelled = run(script, data, change, venue=Venue(cancel_off_grid=True))
        assert fates(cancelled)[0] == ("cancelled", "off_grid")
        script |= {5: lambda portfolio: tw.Amend(portfolio.open_orders()[0].order_id, size=6)}
        script |= {6: lambda portfolio: tw.Amend(portfolio.open_orders()[0].order_id, limit=0.345)}


def test_the_instrument_of_the_market_has_the_grid_in_force_and_makers_quote_on_it() -> None:
    seen = list[object]()

    def look(market: tw.MarketSnapshot, _: tw.PortfolioState) -> None:
        grid, kept = market.instrument("X").tick_grid, market.copy().instrument("X").tick_grid
        assert grid == kept
        seen.append(grid)

    deci = presets.binary("X", grid=TickGrid.deci_cent())
    data = quotes(*[(0.391 + step / 500, 0.407 + step / 500) for step in range(12)], instrument=deci)
    change = [regrid(4.2, TickGrid.linear_cent()), regrid(8.2, TickGrid.tapered_deci_cent())]
    run({}, data, change, policy=Scripted({}, look=look))
    grids = [TickGrid.deci_cent()] * 4 + [TickGrid.linear_cent()] * 4 + [TickGrid.tapered_deci_cent()] * 3
    assert seen[: len(grids)] == grids
    made = run({}, data, change, policy=SymmetricMaker("X", half_spread=0.0155, size=5))
    assert "off_grid" not in made.orders["reason"].to_list()
    coarse = made.orders.filter(made.orders["decided_at"].dt.epoch("ns") > at(4.2))
    assert all(round(price * 1000) % 10 == 0 for price in coarse["price"])
    assert any(round(price * 1000) % 10 for price in made.orders["price"])


# Recordings.


@dataclass
class Audited(tw.Policy):
    """A maker whose books are checked at each wake."""

    inner: tw.Policy
    wakes: int = 0
    locked_max: float = 0.0

    def setup(self, ctx: tw.Setup) -> None:
        self.inner.setup(ctx)

    def on_report(self, report: tw.ExecutionReport) -> None:
        self.inner.on_report(report)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        account = portfolio.account
        (cash,) = account.cash.values()
        values = sum(account.value(symbol) for symbol in market.symbols)
        owed = sum(max(-account.position(symbol), 0.0) for symbol in market.symbols)
        assert cash + values == pytest.approx(account.equity, abs=1e-6)
        assert account.buying_power + account.locked == pytest.approx(cash, abs=1e-6)
        assert account.buying_power >= 0
        assert account.locked <= owed + 1e-6
        self.wakes += 1
        self.locked_max = max(self.locked_max, account.locked)
        return self.inner.decide(market, portfolio)


@pytest.mark.parametrize("winner", [0, 1])
def test_makers_on_a_recorded_polymarket_game_are_paid_at_its_settlement(
    winner: int, shared_data: Path, tmp_path: Path
) -> None:
    store = tw.data.Store(tmp_path)
    path = shared_data / "prediction_markets" / "polymarket_mlb_books" / "mlb-sd-lad-2025-06-17.csv.gz"
    store.import_files("polymarket", [path])
    series = [store.read(symbol, "book_l2") for symbol in store.symbols()]
    check_paid(series, winner, currency="USDC")


@pytest.mark.parametrize("netting", ["market", "collateral_return", "group"])
def test_makers_on_both_teams_of_a_recorded_kalshi_game_share_its_capital(
    netting: Literal["market", "collateral_return", "group"], shared_data: Path, tmp_path: Path
) -> None:
    store = tw.data.Store(tmp_path)
    folder = shared_data / "prediction_markets" / "kalshi_complementary_games"
    for team in ("CHA", "TOR"):
        store.import_files("kalshi", [folder / f"Kalshi_{team}_20260107.csv.gz"], symbol=team)
    series = list[Series]()
    for team in ("CHA", "TOR"):
        one = store.read(team, "quotes")
        assert isinstance(one, tw.Quotes)
        assert np.isnan(one.bid_size).all()  # The recorder kept no sizes: nothing caps a fill.
        game = presets.kalshi_binary(team, event_group="CHA-TOR", event_outcomes=2, makers_pay=True)
        series.append(replace(one, instrument=game))
    check_paid(series, 1, currency="USD", netting=netting)


def check_paid(series: list[Series], winner: int, *, currency: str, netting: Any = "market") -> None:
    """A maker on each; at the end one is paid 1 and the other nothing, and every dollar is accounted for."""
    policies = [Audited(SymmetricMaker(one.symbol, half_spread=0.01, size=20)) for one in series]
    stamp = max(one.end_ns for one in series) + SECOND_NS
    events = [
        Settlement(symbol=one.symbol, ts_event_ns=stamp, ts_recv_ns=stamp, price=float(index == winner))
        for index, one in enumerate(series)
    ]
    account = tw.Account(cash={currency: 200}, kind="cash", netting=netting)
    result = tw.backtest(policies, series, events=events, account=account)
    assert all(policy.wakes > 500 for policy in policies)
    assert result.fills.height > 20
    worth = {one.symbol: float(index == winner) for index, one in enumerate(series)}
    columns = ("symbol", "side", "size", "price", "fee")
    earned = sum(
        (1 if side == "buy" else -1) * size * (worth[symbol] - price) - fee
        for symbol, side, size, price, fee in result.fills.select(columns).rows()
    )
    assert result.equity["equity"][-1] - 200 == pytest.approx(earned, abs=1e-6)
    assert not result.round_trips["is_open"].any()
