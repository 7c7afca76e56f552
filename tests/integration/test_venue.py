"""The venue and the account in whole runs: costs, fees, latency, events, margin calls, views, wakes."""

from __future__ import annotations

import math
import os
import signal
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import pytest

import tradewright as tw
from runs import DAY_NS, MINUTE_NS, START_NS, bars, check_sound, exact, quotes
from tradewright import features as f
from tradewright.errors import ConfigError, DataError, PolicyError, StaleViewError, UnknownSymbolError


@dataclass
class At(tw.Policy):
    """Asks for what stands at each wake, by number from 0; ``None`` changes nothing."""

    script: dict[int, Any]
    wake: Any = None
    log: list[Any] = field(default_factory=list[Any], init=False)

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("X") if self.wake is None else self.wake)
        self.wakes = 0

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        asked = self.script.get(self.wakes)
        self.wakes += 1
        self.log.append((market.now_ns, market.woken_by))
        return cast("tw.Intents", asked(market, portfolio) if callable(asked) else asked)


def hold(size: float, symbol: str = "X") -> tw.TargetPosition:
    return tw.TargetPosition(symbol, size)


CLOSES = [100.0, 101.0, 104.0, 103.0, 99.0, 97.0, 98.0, 102.0]


def instrument(**fields: Any) -> tw.Instrument:
    return tw.Instrument(symbol="X", price_unit=0.01, **fields)


# --- costs -----------------------------------------------------------------------------------------------


def test_the_half_spread_moves_the_price_outward_to_the_tick() -> None:
    venue = tw.Venue(costs=tw.Costs(half_spread_min_bps=7))
    result = tw.backtest(At({0: hold(1), 2: hold(0)}), bars(CLOSES, instrument=instrument()), venue=venue)
    assert result.fills["price"].to_list() == [100.07, 103.92]  # 103.9272 rounded down: outward for a sell
    check_sound(result)


def test_impact_is_the_square_root_of_the_share_of_volume() -> None:
    venue = tw.Venue(costs=tw.Costs(impact_base_bps=100, average_volume=100))
    result = tw.backtest(At({0: hold(25)}), bars(CLOSES, instrument=instrument(), volume=1000), venue=venue)
    assert result.fills["price"].to_list() == [100.5]  # 100 bp * sqrt(25 / 100) = 50 bp
    check_sound(result)


def test_impact_without_a_known_volume_is_said() -> None:
    venue = tw.Venue(costs=tw.Costs(impact_base_bps=100))
    result = tw.backtest(At({0: hold(1)}, wake=f.on_quote("X")), quotes([(99.0, 101.0)] * 3), venue=venue)
    assert [text for text in result.meta.warnings if "paid no impact" in text]


def test_a_fee_a_share_has_a_minimum() -> None:
    fees = tw.Fees(per_share=0.005, minimum=1.0)
    result = tw.backtest(At({0: hold(100), 2: hold(400)}), bars(CLOSES, instrument=instrument(fees=(fees,))))
    assert result.fills["fee"].to_list() == [1.0, 1.5]
    check_sound(result)


def test_maker_and_taker_fees_and_rebates() -> None:
    fees = tw.Fees(maker_bps=-1, taker_bps=5)
    rows = [(99.0, 101.0), (99.0, 101.0), (98.0, 99.0), (99.0, 101.0)]
    policy = At({0: tw.TargetPosition("X", 1, passive=True), 3: hold(0)}, wake=f.on_quote("X"))
    result = tw.backtest(policy, quotes(rows, instrument=instrument(fees=(fees,))))
    assert result.fills.select("liquidity", "price", "fee").rows() == [
        ("maker", 99.0, -0.0099),
        ("taker", 99.0, 0.0495),
    ]


def test_borrow_costs_a_short_position_daily() -> None:
    account = tw.Account(borrow_bps_per_year=365)  # a basis point a day
    series = bars([100.0] * 6, step_ns=DAY_NS, instrument=instrument())
    result = tw.backtest(At({0: hold(-10)}), series, account=account)
    # Short from 2020-01-02 to the last bar: four days of a basis point of 1,000.
    assert math.isclose(result.equity["equity"][-1], 100_000 - 4 * 0.1, abs_tol=1e-9)
    check_sound(result, flows=-0.4)


def test_latency_moves_an_order_past_quotes() -> None:
    rows = [(100.0 + row, 100.5 + row) for row in range(8)]
    latency = tw.ConstantLatency(entry_ns=2_500_000_000, response_ns=700_000_000)
    result = tw.backtest(
        At({0: hold(1)}, wake=f.on_quote("X")),
        quotes(rows),
        venue=tw.Venue(latency=latency, decision_ns=1_000),
    )
    assert result.fills["price"].to_list() == [102.5]  # decided on the first quote, met the third
    (event, recv) = (result.fills[name].cast(int)[0] for name in ("ts_event", "ts_recv"))
    assert event == START_NS + 3_500_001_000
    assert recv == event + 700_000_000


# --- money events ----------------------------------------------------------------------------------------


def at(row: int, step_ns: int = MINUTE_NS) -> dict[str, int]:
    """The time of a bar's close, counted from 0, or just after."""
    ns = START_NS + step_ns * (row + 1)
    return {"ts_event_ns": ns, "ts_recv_ns": ns}


def test_events_move_cash_and_positions() -> None:
    events = [
        tw.market.Dividend(symbol="X", amount=0.5, **at(2)),
        tw.market.Split(symbol="X", numerator=2, denominator=1, **at(4)),
        tw.market.Deposit(currency="USD", amount=-50.0, **at(5)),
    ]
    closes = [100.0, 100.0, 100.0, 100.0, 50.0, 50.0]
    series = bars(closes, opens=[100, 100, 100, 100, 50, 50])
    policy = At({0: hold(10)})
    seen: list[float] = []

    def look(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> None:
        seen.append(portfolio.position("X"))

    policy.script[5] = look
    result = tw.backtest(policy, series, events=events, cash=10_000)
    assert seen == [20.0]
    assert result.equity["equity"].to_list()[-1] == 10_000 + 10 * 0.5 - 50
    assert result.meta.warnings == []


def test_who_is_short_pays_the_dividend_and_receives_funding() -> None:
    events = [
        tw.market.Dividend(symbol="X", amount=0.5, **at(2)),
        tw.market.Funding(symbol="X", rate=0.001, **at(3)),
    ]
    result = tw.backtest(At({0: hold(-10)}), bars([100.0] * 5), events=events, cash=10_000)
    assert result.equity["equity"][-1] == 10_000 - 5 + 10 * 100 * 0.001


def test_a_settlement_ends_a_binary() -> None:
    contract = tw.instruments.binary("X", fees=())
    series = bars([0.4, 0.42, 0.45, 0.5], instrument=contract)
    events = [tw.market.Settlement(symbol="X", price=1, void=False, **at(3))]
    policy = At({0: hold(100), 2: tw.Submit(symbol="X", side="sell", size=10, type="limit", limit=0.9)})
    result = tw.backtest(policy, series, events=events, cash=1_000)
    assert result.equity["equity"][-1] == 1_000 + 100 * (1 - 0.4)
    assert result.orders.select("status", "reason").rows()[1] == ("cancelled", "instrument_ended")


def test_a_dividend_on_adjusted_prices_is_refused() -> None:
    series = bars(CLOSES, adjusted="all")
    events = [tw.market.Dividend(symbol="X", amount=0.5, **at(2))]
    with pytest.raises(DataError, match=r"X, adjusted: .*would count it twice") as caught:
        tw.backtest(At({}), series, events=events)
    assert (caught.value.field, caught.value.value) == ("adjusted", "all")


def test_events_of_unknown_symbols_and_currencies_are_refused() -> None:
    with pytest.raises(UnknownSymbolError, match=r"unknown symbol 'XX'.*Did you mean 'X'"):
        tw.backtest(At({}), bars(CLOSES), events=[tw.market.Dividend(symbol="XX", amount=0.5, **at(2))])
    with pytest.raises(DataError, match="deposit in CHF, which the account does not have"):
        tw.backtest(At({}), bars(CLOSES), events=[tw.market.Deposit(currency="CHF", amount=5.0, **at(2))])


# --- margin ----------------------------------------------------------------------------------------------


def test_a_margin_call_liquidates_and_says_so() -> None:
    closes = [100.0, 100.0, 90.0, 70.0, 60.0, 60.0, 60.0]
    result = tw.backtest(At({0: hold(19)}), bars(closes), cash=1_000)  # leverage 1.9, maintenance 25 %
    orders = result.orders.select("side", "size", "status", "intent").rows()
    assert orders[0] == ("buy", 19.0, "filled", "target_position")
    assert orders[1] == ("sell", 19.0, "filled", "liquidation")
    assert result.fills["price"].to_list() == [100.0, 60.0]  # 240 of equity for 1,140: below a quarter
    check_sound(result)
    assert any("liquidat" in text for text in result.meta.warnings)


def test_a_cash_account_neither_borrows_nor_shorts() -> None:
    account = tw.Account(kind="cash")
    result = tw.backtest(At({0: hold(11), 2: hold(-1)}), bars([100.0] * 5), cash=1_000, account=account)
    # A refused target waits for the next wake, and is refused again.
    assert result.orders["reason"].to_list() == ["buying_power"] * 2 + ["short_not_allowed"] * 3
    assert result.fills.is_empty()


def test_a_target_outlives_an_order_of_its_own_policy_that_is_refused() -> None:
    def off_grid(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.Submit(symbol="X", side="buy", size=1, type="limit", limit=100.0001)

    def sell(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.Submit(symbol="X", side="sell", size=1)

    result = tw.backtest(At({0: hold(1), 2: off_grid, 4: sell}), bars(CLOSES, instrument=instrument()))
    # After the refusal the target of one waits for the next wake; it stands when the sale undoes it.
    assert result.orders["status"].to_list() == ["filled", "refused", "filled", "filled"]
    assert result.orders["intent"].to_list() == ["target_position", "submit", "submit", "target_position"]
    assert result.fills["position"].to_list() == [1.0, 0.0, 1.0]


# --- several policies ------------------------------------------------------------------------------------


def test_each_policy_has_its_own_sub_portfolio() -> None:
    views: list[tuple[float, float, float]] = []

    def look(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        account = portfolio.account
        views.append((portfolio.position("X"), account.position("X"), account.equity))
        return None

    one, two = At({0: hold(3), 3: look}), At({0: hold(-1), 3: look})
    result = tw.backtest([one, two], bars(CLOSES), cash=10_000)
    assert [policy.name for policy in result.meta.policies] == ["At", "At-2"]
    assert [view[:2] for view in views] == [(3.0, 2.0), (-1.0, 2.0)]
    assert views[0][2] == 10_000 + 2 * (103 - 100)
    assert sorted(result.fills.select("policy", "side", "size", "position").rows()) == [
        ("At", "buy", 3.0, 3.0),
        ("At-2", "sell", 1.0, -1.0),
    ]
    check_sound(result)


# --- views -----------------------------------------------------------------------------------------------


def test_views_end_with_their_call_and_copies_do_not() -> None:
    kept: dict[str, Any] = {}

    def keep(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        kept.update(market=market, portfolio=portfolio, copies=(market.copy(), portfolio.copy()))
        return None

    tw.backtest(At({0: hold(2), 3: keep}), bars(CLOSES), cash=10_000)
    for touch in (
        lambda: kept["market"].close("X"),
        lambda: kept["market"].now_ns,
        lambda: kept["portfolio"].position("X"),
        lambda: kept["portfolio"].equity,
        lambda: kept["portfolio"].open_orders(),
        lambda: kept["portfolio"].account.equity,
        lambda: kept["market"].copy(),
    ):
        with pytest.raises(StaleViewError, match=r"valid during the call; keep what you need with .*copy"):
            touch()
    market, portfolio = kept["copies"]
    assert (market.close("X"), market.now_ns) == (103.0, START_NS + 4 * MINUTE_NS)
    assert (portfolio.position("X"), portfolio.equity) == (2.0, 10_006.0)
    assert portfolio.account.equity == 10_006.0


def test_a_view_of_an_unknown_symbol_names_the_nearest() -> None:
    def misread(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> float:
        return market.close("x")

    with pytest.raises(PolicyError, match="unknown symbol 'x'"):
        tw.backtest(At({1: misread}), bars(CLOSES))


# --- errors and interruption -----------------------------------------------------------------------------


def test_an_exception_names_policy_time_and_event() -> None:
    def fail(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        raise ZeroDivisionError("no luck")

    with pytest.raises(PolicyError) as caught:
        tw.backtest(At({2: fail}), bars(CLOSES))
    text = str(caught.value)
    assert text.startswith("At: decide raised ZeroDivisionError at 2020-01-01T00:03:00")
    assert "woken by on_bar" in text
    assert text.endswith("no luck")
    assert (caught.value.policy, caught.value.now_ns) == ("At", START_NS + 3 * MINUTE_NS)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_exception_in_a_callable_node_names_it() -> None:
    def broken(close: float) -> float:
        return 1 / (close - 104)

    @dataclass
    class Reads(At):
        def setup(self, ctx: tw.Setup) -> None:
            super().setup(ctx)
            ctx.watch(f.apply(broken, f.close("X")))

    with pytest.raises(
        PolicyError, match=r"broken: a callable node raised ZeroDivisionError at 2020-01-01T00:03"
    ):
        tw.backtest(Reads({}), bars(CLOSES))


def test_an_exception_in_on_report_is_named() -> None:
    class Hook(At):
        def on_report(self, report: tw.ExecutionReport) -> None:
            raise KeyError(report.kind)

    with pytest.raises(PolicyError, match="Hook: on_report raised KeyError"):
        tw.backtest(Hook({0: hold(1)}), bars(CLOSES))


def test_an_interrupt_keeps_the_result_so_far() -> None:
    def interrupt(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        raise KeyboardInterrupt

    policy = At({0: hold(1), 5: interrupt})
    result = tw.backtest(policy, bars(CLOSES))
    assert policy.wakes == 6
    assert result.fills["price"].to_list() == [100.0]
    assert any("interrupted" in text for text in result.meta.warnings)
    assert result.summary.total_return is not None


def test_ctrl_c_stops_the_native_loop() -> None:
    """The signal comes while native code runs; it stops within one pulse and keeps what it has."""
    rows = 200_000

    def press(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        os.kill(os.getpid(), signal.SIGINT)
        return None

    class Once(At):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(f.crosses(f.close("X"), 150))
            self.wakes = 0

    series = bars([100.0] * 10 + [200.0] * (rows - 10))
    # A shell starts what runs in its background with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = tw.backtest(Once({0: press}), series)
    finally:
        signal.signal(signal.SIGINT, before)
    assert any("interrupted" in text for text in result.meta.warnings)
    assert 10 < result.meta.counters.events < rows


@dataclass
class Chasing(tw.Policy):
    """Answers each report with a cancellation and the order again."""

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("X"), f.on_report())

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return [tw.CancelAll("X"), tw.Submit(symbol="X", side="buy", size=1, type="limit", limit=1.0)]


def test_a_policy_that_answers_itself_for_ever_is_ended_with_words() -> None:
    with pytest.raises(ConfigError, match=r"at 2020-01-01T00:01:00.*100000 times and without end") as error:
        tw.backtest(Chasing(), bars(CLOSES[:4]))
    assert "Give the venue a latency" in str(error.value)


# --- wakes -----------------------------------------------------------------------------------------------


def times(policy: At) -> list[int]:
    return [now_ns - START_NS for now_ns, _ in policy.log]


def test_timers_fire_at_multiples_plus_phase_with_their_nominal_time() -> None:
    policy = At({}, wake=f.every("45s", phase="10s"))
    tw.backtest(policy, bars(CLOSES[:4]))
    # 2020-01-01T00:00 is a multiple of 45 s; nothing runs before the first record or after the last.
    assert times(policy) == [second * 10**9 for second in (100, 145, 190, 235)]
    assert {len(woken) for _, woken in policy.log} == {1}


def test_timers_sleep_outside_sessions() -> None:
    import datetime as dt

    import numpy as np

    spy = tw.instruments.equity("X")
    opens = [dt.datetime(2019, 7, day, 13, 30, tzinfo=dt.UTC) for day in (2, 3, 5)]
    ts = np.array([int((one + dt.timedelta(hours=3)).timestamp()) * 10**9 for one in opens])
    price = np.full(3, 290.0)
    series = tw.Bars.from_arrays(
        "X", ts=ts, open=price, high=price, low=price, close=price, timeframe="1h", instrument=spy
    )
    policy = At({}, wake=f.every("1h", symbol="X"))
    tw.backtest(policy, series)
    woken = [dt.datetime.fromtimestamp(now_ns / 1e9, tz=dt.UTC).strftime("%d %H") for now_ns, _ in policy.log]
    # The first record is on the 2nd at 16:30; the 3rd closes at 17:00, the 4th is a holiday.
    assert woken == ["02 17", "02 18", "02 19", "03 14", "03 15", "03 16", "05 14", "05 15", "05 16"]


def test_on_bar_of_two_waits_for_both_and_not_for_ever() -> None:
    one = bars(CLOSES, symbol="X")
    other = bars(CLOSES, symbol="Y")
    keep = [0, 1, 3, 4, 5, 6, 7]  # the third minute of Y is missing
    other = tw.Bars.from_arrays(
        "Y",
        ts=other.ts_event_ns[keep],
        ts_recv=other.ts_event_ns[keep] + 5_000_000_000,  # and it is always 5 s late
        open=other.open[keep],
        high=other.high[keep],
        low=other.low[keep],
        close=other.close[keep],
        open_ts=other.open_ns[keep],
        timeframe="1m",
    )
    policy = At({}, wake=f.on_bar(["X", "Y"], "1m"))
    tw.backtest(policy, [one, other])
    assert len(policy.log) >= 8


def test_on_bar_of_two_with_a_missing_bar_at_equal_times() -> None:
    one, other = bars(CLOSES, symbol="X"), bars(CLOSES, symbol="Y")
    keep = [0, 1, 3, 4, 5, 6, 7]
    other = tw.Bars.from_arrays(
        "Y",
        ts=other.ts_event_ns[keep],
        open=other.open[keep],
        high=other.high[keep],
        low=other.low[keep],
        close=other.close[keep],
        open_ts=other.open_ns[keep],
        timeframe="1m",
    )
    policy = At({}, wake=f.on_bar(["X", "Y"], "1m"))
    tw.backtest(policy, [one, other])
    assert times(policy) == [MINUTE_NS * row for row in range(1, 9)]


def test_a_policy_without_wakes_is_woken_at_every_event_and_told() -> None:
    class Plain(At):
        def setup(self, ctx: tw.Setup) -> None:
            self.wakes = 0

    policy = Plain({})
    result = tw.backtest(policy, bars(CLOSES))
    assert policy.wakes == len(CLOSES)
    assert "declares no wake condition" in result.meta.warnings[0]


def test_the_identity_holds_with_costs_latency_and_many_fills() -> None:
    closes = [round(100 + 8 * math.sin(row / 7) + 3 * math.cos(row / 3), 2) for row in range(2_000)]
    fees = tw.Fees(taker_bps=3.7, minimum=0.01)

    def sway(market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return hold(round(7 * math.sin(market.now_ns / 1e12)) or 1)

    venue = tw.Venue(
        costs=tw.Costs(half_spread_min_bps=2, impact_base_bps=5, volatility_coefficient=0.3),
        latency=tw.ConstantLatency(entry_ns=90_000_000_000),
        fills=tw.Fills(participation_max=0.1),
    )
    policy = At(dict.fromkeys(range(2_000), sway))
    result = tw.backtest(policy, bars(closes, instrument=instrument(fees=(fees,)), volume=40), venue=venue)
    assert result.meta.counters.fills > 150
    check_sound(result)
    trips = result.round_trips
    total = sum((exact(pnl) for pnl in trips["pnl"]), Fraction(0))
    assert math.isclose(float(total), result.equity["equity"][-1] - 100_000, rel_tol=1e-9)
