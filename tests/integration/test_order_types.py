"""Orders in whole runs: types, times in force, flags, and what targets send; worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import polars as pl
import pytest

import tradewright as tw
from runs import MINUTE_NS, START_NS, bars, check_sound, quotes
from tradewright import features as f

if TYPE_CHECKING:
    from tradewright.research.result import Result

Decide = Callable[[tw.MarketSnapshot, tw.PortfolioState], tw.Intents]


@dataclass
class Scripted(tw.Policy):
    """Asks for what the script has for each wake (by number, from 0), and notes what it sees."""

    script: dict[int, Any]
    symbols: tuple[str, ...] = ("X",)
    quoted: bool = False
    reports: list[tw.ExecutionReport] = field(default_factory=list[tw.ExecutionReport], init=False)
    seen: list[tuple[float, list[str]]] = field(default_factory=list[tuple[float, list[str]]], init=False)

    def setup(self, ctx: tw.Setup) -> None:
        wake = f.on_quote if self.quoted else f.on_bar
        ctx.wake(*(wake(symbol) for symbol in self.symbols))
        self.wakes = 0

    def on_report(self, report: tw.ExecutionReport) -> None:
        self.reports.append(report)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        number = self.wakes
        self.wakes += 1
        orders = [order.order_id for order in portfolio.open_orders()]
        self.seen.append((portfolio.position(self.symbols[0]), orders))
        asked = self.script.get(number)
        return cast("tw.Intents", asked(market, portfolio) if callable(asked) else asked)


def submit(side: Any = "buy", size: float = 1, **fields: Any) -> tw.Submit:
    return tw.Submit(symbol=fields.pop("symbol", "X"), side=side, size=size, **fields)


def run(script: dict[int, Any], data: Any, **options: Any) -> tuple[Result, Scripted]:
    quoted = isinstance(data, tw.Quotes)
    policy = Scripted(script, quoted=quoted)
    options.setdefault("cash", 100_000)
    return tw.backtest(policy, data, **options), policy


def fills(result: Result) -> list[tuple[str, float, float]]:
    return result.fills.select("side", "size", "price").rows()


def statuses(result: Result) -> list[tuple[str, str]]:
    return result.orders.select("status", "reason").rows()


# Opens are the closes before, but where said; one bar a minute, first known at 00:01.
CLOSES = [100.0, 101.0, 104.0, 103.0, 99.0, 97.0, 98.0, 102.0]


def test_market_orders_fill_at_the_next_open() -> None:
    result, policy = run({0: submit()}, bars(CLOSES, opens=[100, 100.5, 101, 104, 103, 99, 97, 98]))
    assert fills(result) == [("buy", 1.0, 100.5)]
    # It fills at the open, and the report cannot come before the bar that shows it.
    assert result.fills["ts_event"].cast(int).to_list() == [START_NS + MINUTE_NS]
    assert result.fills["ts_recv"].cast(int).to_list() == [START_NS + 2 * MINUTE_NS]
    assert [report.kind for report in policy.reports] == ["accepted", "filled"]
    check_sound(result)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (submit(type="limit", limit=98.5), [("buy", 1.0, 98.5)]),
        (
            submit(type="limit", limit=97),
            [("buy", 1.0, 97.0)],
        ),  # a touch is not enough; the next open at it is
        (submit(type="limit", limit=96.5), []),
        (submit(type="limit", limit=102), [("buy", 1.0, 100.0)]),  # marketable: the open, which is better
        (submit(type="stop", stop=103.5), [("buy", 1.0, 103.5)]),
        (
            submit(type="stop", stop=99),
            [("buy", 1.0, 100.0)],
        ),  # passed already: triggers at once, at the open
        (submit("sell", type="stop", stop=97.5), [("sell", 1.0, 97.5)]),
        (submit(type="stop_limit", stop=102.5, limit=103), [("buy", 1.0, 102.5)]),
        (
            submit("sell", type="stop_limit", stop=98, limit=101),
            [("sell", 1.0, 101.0)],
        ),  # rests, fills on the way up
        (submit("sell", type="trailing_stop", stop=3), [("sell", 1.0, 101.0)]),  # best 104, less 3
        (submit("sell", type="limit", limit=103.9), [("sell", 1.0, 103.9)]),
    ],
)
def test_types(order: tw.Submit, expected: list[tuple[str, float, float]]) -> None:
    result, _ = run({0: order}, bars(CLOSES))
    assert fills(result) == expected
    check_sound(result)


def test_a_touch_is_not_a_fill_unless_told_so() -> None:
    series = bars([100, 98, 99], opens=[100, 99, 99], lows=[100, 97, 99])
    for touch_fills, expected in ((False, []), (True, [("buy", 1.0, 97.0)])):
        venue = tw.Venue(fills=tw.Fills(touch_fills=touch_fills))
        result, _ = run({0: submit(type="limit", limit=97)}, series, venue=venue)
        assert fills(result) == expected


def test_a_stop_that_gaps_fills_at_the_open() -> None:
    gap = bars([100, 101, 107], opens=[100, 100, 106])
    result, _ = run({0: submit(type="stop", stop=103)}, gap)
    assert fills(result) == [("buy", 1.0, 106.0)]


def test_the_pessimistic_path_takes_the_loss_first() -> None:
    series = bars([100, 100, 100], highs=[100, 100, 105], lows=[100, 100, 95])
    both = [submit("sell", type="stop", stop=96), submit("sell", type="limit", limit=104)]
    script = {0: [tw.Submit(symbol="X", side="buy", size=1), *()], 1: [both[0], both[1]]}
    paths: list[tuple[Literal["pessimistic", "open_high_low_close"], list[float]]] = [
        ("pessimistic", [96.0, 104.0]),
        ("open_high_low_close", [104.0, 96.0]),
    ]
    for path, order in paths:
        venue = tw.Venue(fills=tw.Fills(path=path))
        result, _ = run(script, series, venue=venue)
        assert [price for *_, price in fills(result)][1:] == order


def test_unfilled_orders_end_with_the_run() -> None:
    result, policy = run({0: submit(type="limit", limit=50)}, bars(CLOSES))
    assert statuses(result) == [("cancelled", "run_ended")]
    assert policy.reports[-1].reason == "run_ended"


# --- times in force --------------------------------------------------------------------------------------


def test_partial_fills_under_a_volume_cap() -> None:
    venue = tw.Venue(fills=tw.Fills(participation_max=0.1))
    result, _ = run({0: submit(size=25)}, bars(CLOSES, volume=100), venue=venue)
    assert fills(result) == [("buy", 10.0, 100.0), ("buy", 10.0, 101.0), ("buy", 5.0, 104.0)]
    assert statuses(result) == [("filled", "")]
    check_sound(result)


@pytest.mark.parametrize(
    ("tif", "expected", "status"),
    [
        ("ioc", [("buy", 10.0, 100.0)], ("cancelled", "ioc_remainder")),
        ("fok", [], ("rejected", "fok_unfilled")),
    ],
)
def test_immediate_orders_under_a_volume_cap(tif: Any, expected: list[Any], status: tuple[str, str]) -> None:
    venue = tw.Venue(fills=tw.Fills(participation_max=0.1))
    result, _ = run({0: submit(size=25, tif=tif)}, bars(CLOSES, volume=100), venue=venue)
    assert fills(result) == expected
    (found,) = statuses(result)
    assert found[1] == status[1]
    assert found[0] in (status[0], "cancelled", "rejected")


def test_fok_fills_whole() -> None:
    result, _ = run({0: submit(size=10, tif="fok")}, bars(CLOSES, volume=10))
    assert fills(result) == [("buy", 10.0, 100.0)]


def test_day_orders_end_at_an_early_close() -> None:
    """2019-07-03, the eve of Independence Day: New York closed at 13:00, 17:00 UTC."""
    import datetime as dt

    import numpy as np

    instrument = tw.instruments.equity("SPY")
    start = int(dt.datetime(2019, 7, 3, 16, 30, tzinfo=dt.UTC).timestamp()) * 10**9
    before = [start + MINUTE_NS * minute for minute in range(1, 31)]
    after = [
        int(dt.datetime(2019, 7, 5, 13, 30, tzinfo=dt.UTC).timestamp()) * 10**9 + MINUTE_NS * m
        for m in range(1, 31)
    ]
    ts = np.array(before + after)
    price = np.full(60, 298.0)
    series = tw.Bars.from_arrays(
        "SPY", ts=ts, open=price, high=price, low=price, close=price, timeframe="1m", instrument=instrument
    )
    policy = Scripted(
        {
            0: tw.Submit(symbol="SPY", side="buy", size=1, type="limit", limit=290, tif="day"),
            1: tw.Submit(symbol="SPY", side="buy", size=1, type="limit", limit=290, tif="gtc"),
        },
        symbols=("SPY",),
    )
    result = tw.backtest(policy, series)
    assert statuses(result) == [("expired", "day_ended"), ("cancelled", "run_ended")]
    ended = result.orders["updated_at"][0]
    assert ended == dt.datetime(2019, 7, 3, 17, 0, tzinfo=dt.UTC)


def test_day_orders_without_sessions_end_at_midnight() -> None:
    result, _ = run(
        {0: submit(type="limit", limit=50, tif="day")}, bars([100.0] * 5, step_ns=8 * 3_600_000_000_000)
    )
    assert statuses(result) == [("expired", "day_ended")]
    assert str(result.orders["updated_at"][0]).startswith("2020-01-02 00:00:00")


# --- flags -----------------------------------------------------------------------------------------------


def test_post_only_is_rejected_rather_than_take() -> None:
    rows = [(99.0, 101.0)] * 4
    script = {
        0: submit(type="limit", limit=101, post_only=True),
        1: submit(type="limit", limit=100, post_only=True),
    }
    result, _ = run(script, quotes(rows))
    assert statuses(result) == [("rejected", "post_only_would_take"), ("cancelled", "run_ended")]


def test_reduce_only_never_turns_a_position() -> None:
    script = {
        0: submit(size=3),
        2: submit("sell", size=5, reduce_only=True),
        4: submit("sell", reduce_only=True),
    }
    result, _ = run(script, bars(CLOSES))
    assert fills(result) == [("buy", 3.0, 100.0), ("sell", 3.0, 104.0)]
    assert result.orders["reason"].to_list()[1:] == ["nothing_to_reduce", "nothing_to_reduce"]
    assert result.orders["status"].to_list()[2] in ("rejected", "cancelled")
    check_sound(result)


# --- the user's own amendments and cancellations -----------------------------------------------------------


def test_cancel_and_amend_own_orders() -> None:
    def amend(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        (order,) = portfolio.open_orders("X")
        return tw.Amend(order.order_id, size=2, limit=99.5)

    def cancel(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.Cancel(portfolio.open_orders("X")[0].order_id)

    result, _ = run({0: submit(size=4, type="limit", limit=90), 1: amend}, bars(CLOSES))
    assert fills(result) == [("buy", 2.0, 99.5)]
    assert result.orders.select("size", "price").rows() == [(2.0, 99.5)]
    result, policy = run({0: submit(type="limit", limit=99.5), 1: cancel}, bars(CLOSES))
    assert statuses(result) == [("cancelled", "policy_cancelled")]
    assert [report.kind for report in policy.reports] == ["accepted", "cancelled"]
    check_sound(result)


@pytest.mark.parametrize(
    ("change", "reason", "text"),
    [
        ({"size": 0.5}, "bad_size", "positive multiple of the lot size"),
        ({"size": -1.0}, "bad_size", "positive multiple of the lot size"),
        ({"limit": 90.0000001}, "off_grid", "not a multiple of the price unit"),
    ],
)
def test_impossible_amendments_change_nothing_and_say_so(
    change: dict[str, float], reason: str, text: str
) -> None:
    def amend(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.Amend(portfolio.open_orders("X")[0].order_id, **change)

    def look(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        (order,) = portfolio.open_orders("X")
        assert (order.size, order.limit, order.status) == (4.0, 90.0, "accepted")

    result, policy = run({0: submit(size=4, type="limit", limit=90), 1: amend, 2: look}, bars(CLOSES))
    assert policy.wakes == len(CLOSES)
    assert text in result.orders["detail"][0]
    assert reason in (result.orders["reason"][0], "off_grid", "bad_size")


def test_a_stops_size_can_be_amended() -> None:
    def amend(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.Amend(portfolio.open_orders("X")[0].order_id, size=2)

    result, _ = run({0: submit(size=5, type="stop", stop=103), 1: amend}, bars(CLOSES))
    assert fills(result) == [("buy", 2.0, 103.0)]
    check_sound(result)


# --- TargetPosition --------------------------------------------------------------------------------------


def target(size: float, **fields: Any) -> tw.TargetPosition:
    return tw.TargetPosition("X", size, **fields)


def test_the_same_target_twice_sends_nothing() -> None:
    result, _ = run({wake: target(3) for wake in range(8)}, bars(CLOSES))
    assert fills(result) == [("buy", 3.0, 100.0)]
    assert result.meta.counters.sent == 1


def test_a_target_counts_what_is_still_open() -> None:
    slow = tw.Venue(latency=tw.ConstantLatency(entry_ns=3 * MINUTE_NS + 1))
    result, _ = run({0: target(3), 1: target(5), 2: target(5)}, bars(CLOSES), venue=slow)
    assert [size for _, size, _ in fills(result)] == [3.0, 2.0]


def test_the_opposite_side_waits_for_the_end_of_what_is_open() -> None:
    """3 are on their way and -2 are wanted: cancel, wait for evidence, and only then sell."""
    slow = tw.Venue(latency=tw.ConstantLatency(entry_ns=MINUTE_NS // 2, response_ns=MINUTE_NS // 2))
    rows = [(100.0, 100.5)] * 6
    series = quotes(rows, step_ns=MINUTE_NS)
    result, policy = run({0: target(3, limit=90), 1: target(-2)}, series, venue=slow)
    orders = result.orders.select("side", "size", "status", "reason").rows()
    assert orders == [("buy", 3.0, "cancelled", "replaced"), ("sell", 2.0, "filled", "")]
    decided = result.orders["decided_at"].cast(int).to_list()
    cancelled = next(report for report in policy.reports if report.kind == "cancelled")
    assert decided[1] == cancelled.ts_recv_ns > decided[0] + MINUTE_NS


def test_after_a_rejection_a_target_waits_for_the_next_wake() -> None:
    series = bars(CLOSES)
    status = [
        tw.market.MarketStatus(symbol="X", status="paused", ts_event_ns=at, ts_recv_ns=at)
        for at in [START_NS + MINUTE_NS // 2]
    ] + [
        tw.market.MarketStatus(symbol="X", status="open", ts_event_ns=at, ts_recv_ns=at)
        for at in [START_NS + 3 * MINUTE_NS + 1]
    ]
    result, _ = run({0: target(1)}, series, events=status)
    found = result.orders.select("status", "reason", "decided_at").rows()
    assert [row[:2] for row in found] == [("rejected", "market_closed")] * 3 + [("filled", "")]
    minutes = [(at.minute, at.second) for *_, at in found]
    assert minutes == [(1, 0), (2, 0), (3, 0), (4, 0)]


def test_a_nan_target_is_refused_and_changes_nothing() -> None:
    result, _ = run({0: target(2), 2: target(float("nan")), 3: target(float("inf"))}, bars(CLOSES))
    assert fills(result) == [("buy", 2.0, 100.0)]
    refused = result.orders.filter(result.orders["status"] == "refused")
    assert refused["reason"].to_list() == ["bad_size", "bad_size"]
    assert "not a finite size" in refused["detail"][0]


@pytest.mark.parametrize("size", [float("nan"), float("inf"), 0.0, -1.0, 0.5])
def test_submits_of_impossible_sizes_are_refused(size: float) -> None:
    result, _ = run({0: submit(size=size)}, bars(CLOSES))
    assert statuses(result) == [("refused", "bad_size")]


def test_submits_off_the_grid_are_refused() -> None:
    instrument = tw.Instrument(symbol="X", price_unit=0.01, grid=tw.TickGrid.bands([(None, 0.05)]))
    result, _ = run({0: submit(type="limit", limit=99.92)}, bars(CLOSES, instrument=instrument))
    assert statuses(result) == [("refused", "off_grid")]
    assert "99.92 against a limit of 99.9" in result.orders["detail"][0]


def test_a_limit_on_a_target() -> None:
    result, _ = run({0: target(2, limit=98.5)}, bars(CLOSES))
    assert fills(result) == [("buy", 2.0, 98.5)]


def test_a_passive_target_rests_at_its_own_side() -> None:
    rows = [(99.0, 101.0), (99.0, 101.0), (98.0, 99.0), (98.0, 99.0)]
    result, _ = run({0: target(1, passive=True)}, quotes(rows))
    assert result.fills.select("price", "liquidity").rows() == [(99.0, "maker")]


# --- TargetQuotes ----------------------------------------------------------------------------------------


def shown(bid: float | None, ask: float | None, size: float = 1, replace: Any = "overlap") -> tw.TargetQuotes:
    return tw.TargetQuotes(
        "X",
        bid=None if bid is None else (bid, size),
        ask=None if ask is None else (ask, size),
        replace=replace,
    )


QUIET = [(99.0, 103.0)] * 8
HALF = tw.Venue(latency=tw.ConstantLatency(entry_ns=400_000_000, response_ns=400_000_000))


def test_the_same_quotes_twice_send_nothing() -> None:
    result, _ = run({wake: shown(100, 102) for wake in range(8)}, quotes(QUIET))
    assert result.meta.counters.sent == 2
    assert statuses(result) == [("cancelled", "run_ended")] * 2


@pytest.mark.parametrize(
    ("replace", "gap_ns", "orders"), [("overlap", 0, 2), ("wait", 1_000_000_000, 2), ("amend", None, 1)]
)
def test_how_a_wrong_quote_gives_way(replace: Any, gap_ns: int | None, orders: int) -> None:
    script = {wake: shown(100, None, replace=replace) for wake in range(3)}
    script |= {wake: shown(101, None, replace=replace) for wake in range(3, 8)}
    result, policy = run(script, quotes(QUIET), venue=HALF)
    assert len(result.orders) == orders
    assert result.orders["price"][-1] == 101.0
    if gap_ns is not None:
        assert result.orders["reason"][0] == "replaced"
        decided = result.orders["decided_at"].cast(int).to_list()
        assert decided == [START_NS + 1_000_000_000, START_NS + 4_000_000_000 + gap_ns]
    else:
        assert [report.kind for report in policy.reports][:2] == ["accepted", "amended"]


@pytest.mark.parametrize("size", [float("nan"), float("inf"), -1.0, -0.25])
def test_a_quote_of_no_possible_size_is_refused_and_the_other_side_stands(size: float) -> None:
    wrong = tw.TargetQuotes("X", bid=(100, size), ask=(102, 1))
    result, _ = run({0: shown(100, 102), 2: wrong, 3: wrong}, quotes(QUIET))
    refused = result.orders.filter(pl.col("status") == "refused")
    assert refused.select("side", "reason", "repeats").rows() == [("buy", "bad_size", 1)]
    assert "is not a size that can be shown" in refused["detail"][0]
    ends = [end for end in statuses(result) if end[0] != "refused"]
    assert ends == [("cancelled", "replaced"), ("cancelled", "run_ended")]


def test_a_size_of_nothing_shows_nothing() -> None:
    result, _ = run({0: shown(100, 102, size=0), 2: shown(100, 102, size=0.0)}, quotes(QUIET))
    assert result.orders.is_empty()


@pytest.mark.parametrize(("bid", "ask"), [(101, 101), (102, 100)])
def test_crossed_quotes_are_refused_and_those_shown_are_withdrawn(bid: float, ask: float) -> None:
    script = {0: shown(100, 102)} | {wake: shown(bid, ask) for wake in range(2, 5)} | {5: shown(100, 102)}
    result, _ = run(script, quotes(QUIET))
    refused = result.orders.filter(pl.col("status") == "refused")
    assert refused.select("side", "price", "reason", "repeats").rows() == [
        ("buy", float(bid), "contradiction", 2),
        ("sell", float(ask), "contradiction", 2),
    ]
    for detail in refused["detail"]:
        assert f"the bid of {bid} is not below the ask of {ask}" in detail
    ends = [("cancelled", "replaced")] * 2 + [("cancelled", "run_ended")] * 2
    assert [end for end in statuses(result) if end[0] != "refused"] == ends
    counters = result.meta.counters
    assert (counters.sent, counters.reviews) == (4, counters.sent + counters.refused)


def test_a_smaller_size_is_reduced_in_place() -> None:
    result, policy = run({0: shown(100, None, size=3), 3: shown(100, None, size=2)}, quotes(QUIET))
    assert [report.kind for report in policy.reports] == ["accepted", "amended", "cancelled"]
    assert result.orders["size"].to_list() == [2.0]


def test_a_fill_is_topped_up_at_the_next_wake_and_not_between() -> None:
    """Quotes stand: a wake that returns nothing compares them too."""

    class EveryFourSeconds(Scripted):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(f.every("4s"))
            self.wakes = 0

    rows = [(99.0, 103.0)] * 5 + [(98.0, 100.0)] + [(98.0, 103.0)] * 6  # The ask comes down once.
    result = tw.backtest(EveryFourSeconds({0: shown(100, None)}), quotes(rows), cash=100_000)
    assert fills(result) == [("buy", 1.0, 100.0)]
    decided = [(at - START_NS) // 10**9 for at in result.orders["decided_at"].cast(int)]
    assert decided == [4, 8]
    assert statuses(result) == [("filled", ""), ("cancelled", "run_ended")]


def test_quotes_that_were_withdrawn_do_not_come_back() -> None:
    rows = [(99.0, 103.0), (99.0, 103.0), (98.0, 100.0), (98.0, 103.0), (98.0, 103.0)]
    for withdraw in (tw.TargetQuotes.none("X"), tw.CancelAll()):
        result, _ = run({0: shown(100, None), 2: withdraw}, quotes(rows))
        assert [(side, price) for side, _, price in fills(result)] == [("buy", 100.0)]
        assert result.meta.counters.sent == 1


def test_none_withdraws_and_cancel_all_too() -> None:
    for withdraw in (tw.TargetQuotes.none("X"), tw.CancelAll(), tw.CancelAll("X")):
        result, _ = run({0: shown(100, 102), 3: withdraw}, quotes(QUIET))
        assert result.orders["status"].to_list() == ["cancelled", "cancelled"]
        assert set(result.orders["reason"]) <= {"replaced", "policy_cancelled"}


def test_targets_leave_submitted_orders_alone() -> None:
    script = {
        0: submit(type="limit", limit=99),
        1: target(1),
        2: target(0),
        3: shown(98.5, None),
        4: shown(None, None),
    }
    result, _ = run(script, quotes([(100.0, 101.0)] * 7))
    assert statuses(result)[0] == ("cancelled", "run_ended")


def test_cancel_all_forgets_targets() -> None:
    slow = tw.Venue(latency=tw.ConstantLatency(entry_ns=3 * MINUTE_NS))
    result, _ = run({0: target(5), 1: tw.CancelAll()}, bars(CLOSES), venue=slow)
    assert result.meta.counters.sent == 1


# --- what is not an intent -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("buy", "decide returned 'buy', which is not an intent"),
        ([1], "decide returned 1, which is not an intent"),
        (tw.TargetPosition("Y", 1), "unknown symbol 'Y'"),
        (tw.TargetPosition("X", "many"), "size of .* is not a number"),  # pyright: ignore[reportArgumentType]
        (submit(type="limit"), "a limit order needs limit="),
        (submit(limit=5), "a market order takes no limit; got 5"),
        (submit(side="long"), "side is \"long\"; use 'buy' or 'sell'"),
        (tw.Cancel("zzzz-9"), "is not an order of this run"),
    ],
)
def test_what_cannot_be_meant_ends_the_run(asked: Any, message: str) -> None:
    from tradewright.errors import PolicyError

    with pytest.raises(PolicyError, match=message) as caught:
        run({2: asked}, bars(CLOSES))
    assert caught.value.policy == "Scripted"
    assert caught.value.now_ns == START_NS + 3 * MINUTE_NS
    assert "2020-01-01T00:03:00" in str(caught.value)


def test_what_is_refused_is_written_down_as_it_was_asked_for() -> None:
    stop = tw.Submit(symbol="X", side="sell", size=1, type="stop", stop=99.1234567, reduce_only=True)
    half = tw.Submit(symbol="X", side="buy", size=0.5, type="limit", limit=98, tif="ioc", post_only=False)
    result, _ = run({0: [stop, half, tw.TargetPosition("X", 2, limit=97.7654321)]}, bars(CLOSES))
    columns = ("type", "side", "size", "price", "stop_price", "tif", "reason")
    assert result.orders.select(columns).rows()[:3] == [
        ("stop", "sell", 1.0, None, 99.123457, "gtc", "off_grid"),
        ("limit", "buy", 0.0, 98.0, None, "ioc", "bad_size"),
        ("limit", "buy", 2.0, 97.765432, None, "gtc", "off_grid"),
    ]
