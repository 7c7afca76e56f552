"""Metrics against empyrical, against slow references in plain Python, and at their degenerate ends."""

from __future__ import annotations

import math
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_samples import DAY_NS, closes, curve_result, frame, ns, trading_result, walk

from tradewright.errors import DataError
from tradewright.research import analytics
from tradewright.research.analytics import Undefined

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # It warns on import with newer pandas.
    import empyrical  # pyright: ignore[reportMissingTypeStubs]  # ships no types

peer: Any = empyrical
SEEDS = range(12)
returns_lists = st.lists(
    st.floats(-0.2, 0.25, allow_nan=False).map(lambda x: round(x, 6)), min_size=2, max_size=60
)


def sample(seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(0.0004, 0.012, 50 + 37 * seed)


def curve(returns: list[float]) -> tuple[Any, Any]:
    """Daily times and the index that the returns make."""
    at = np.array(closes("2020-01-02", len(returns)), dtype=np.int64)
    return at, np.cumprod(1.0 + np.array(returns))


# Against a peer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("periods", [252, 365])
def test_ratios_agree_with_empyrical(seed: int, periods: int) -> None:
    returns = sample(seed)
    close = pytest.approx
    assert analytics.sharpe_ratio(returns, periods) == close(
        peer.sharpe_ratio(returns, annualization=periods), abs=1e-9
    )
    assert analytics.sortino_ratio(returns, periods) == close(
        peer.sortino_ratio(returns, annualization=periods), abs=1e-9
    )
    assert analytics.volatility(returns, periods) == close(
        peer.annual_volatility(returns, annualization=periods), abs=1e-9
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_excess_over_a_risk_free_rate_agrees_with_empyrical(seed: int) -> None:
    returns, rate = sample(seed), 0.0001
    assert analytics.sharpe_ratio(returns, 252, rate) == pytest.approx(
        peer.sharpe_ratio(returns, rate), abs=1e-9
    )
    assert analytics.sortino_ratio(returns, 252, rate) == pytest.approx(
        peer.sortino_ratio(returns, rate), abs=1e-9
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_whole_summary_agrees_with_empyrical(seed: int) -> None:
    returns = sample(seed)
    summary = curve_result([100.0 * float(value) for value in np.cumprod(1.0 + returns)]).summary
    assert summary.daily_returns == len(returns)
    assert summary.total_return == pytest.approx(peer.cum_returns_final(returns), abs=1e-9)
    assert summary.max_drawdown == pytest.approx(peer.max_drawdown(returns), abs=1e-9)
    assert summary.sharpe == pytest.approx(peer.sharpe_ratio(returns), abs=1e-9)
    assert summary.sortino == pytest.approx(peer.sortino_ratio(returns), abs=1e-9)
    assert summary.volatility == pytest.approx(peer.annual_volatility(returns), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_monthly_returns_agree_with_empyrical(seed: int) -> None:
    import pandas as pd

    returns = sample(seed)
    result = curve_result([100.0 * float(value) for value in np.cumprod(1.0 + returns)])
    dates = pd.DatetimeIndex(result.daily["date"].to_list()[1:])
    monthly: Any = peer.aggregate_returns(pd.Series(returns, index=dates), "monthly")
    from tradewright.research.summary import curve_of

    made = curve_of(result)
    found = analytics.monthly_returns(made.days, made.day_index)
    assert not isinstance(found, Undefined)
    assert found[1].tolist() == pytest.approx(monthly.to_numpy().tolist(), abs=1e-9)
    assert [(month // 12 + 1970, month % 12 + 1) for month in found[0].tolist()] == list(monthly.index)


# Against the slow and obvious -------------------------------------------------------------------------------


def slow_drawdowns(index: list[float]) -> list[tuple[int, int, int, float]]:
    """(peak, trough, end, depth) of each stay below a peak; position -1 is the start, at 1."""
    found: list[tuple[int, int, int, float]] = []
    values, i = [1.0, *index], 0
    while i < len(values):
        if values[i] >= max(values[: i + 1]):
            i += 1
            continue
        peak, j = i - 1, i
        while j < len(values) and values[j] < values[peak]:
            j += 1
        trough = min(range(i, j), key=lambda k: values[k])
        found.append((peak - 1, trough - 1, min(j, len(values) - 1) - 1, values[trough] / values[peak] - 1))
        i = j
    return found


@given(returns_lists)
def test_drawdowns_agree_with_walking_along_the_curve(returns: list[float]) -> None:
    at, index = curve(returns)
    start = int(at[0]) - DAY_NS
    times = [*at.tolist(), start]  # Position -1 is the start.
    down = analytics.drawdowns(at, index, start_ns=start)
    expected = slow_drawdowns(index.tolist())
    assert down.depth.tolist() == pytest.approx([depth for *_, depth in expected])
    assert down.peak_ns.tolist() == [times[peak] for peak, *_ in expected]
    assert down.trough_ns.tolist() == [times[trough] for _, trough, *_ in expected]
    assert down.end_ns.tolist() == [times[end] for *_, end, _ in expected]


@given(returns_lists)
def test_statistics_agree_with_plain_python(returns: list[float]) -> None:
    values, count = np.array(returns), len(returns)
    mean = math.fsum(returns) / count
    deviation = math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (count - 1))
    assert analytics.mean(values) == pytest.approx(mean, abs=1e-12)
    assert analytics.standard_deviation(values) == pytest.approx(deviation, abs=1e-12)
    sharpe, sortino = analytics.sharpe_ratio(values, 252), analytics.sortino_ratio(values, 252)
    if max(returns) == min(returns):
        assert sharpe == Undefined("daily returns do not vary")
    else:
        assert sharpe == pytest.approx(mean / deviation * math.sqrt(252), rel=1e-9, abs=1e-9)
    downside = math.sqrt(math.fsum(min(r, 0.0) ** 2 for r in returns) / count)
    if downside == 0:
        assert sortino == Undefined("no day lost money")
    else:
        assert sortino == pytest.approx(mean / downside * math.sqrt(252), rel=1e-9, abs=1e-9)


@given(st.lists(st.integers(-50, 50).map(float), max_size=40))
def test_trade_statistics_agree_with_plain_python(pnl: list[float]) -> None:
    array = np.array(pnl, dtype=np.float64)
    wins, losses = [x for x in pnl if x > 0], [x for x in pnl if x < 0]
    expect_rate = len(wins) / len(pnl) if pnl else Undefined("no round trip was closed")
    assert analytics.win_rate(array) == expect_rate
    assert analytics.average_win(array) == (
        pytest.approx(sum(wins) / len(wins)) if wins else Undefined("no round trip made money")
    )
    assert analytics.average_loss(array) == (
        pytest.approx(sum(losses) / len(losses)) if losses else Undefined("no round trip lost money")
    )
    factor = analytics.profit_factor(array)
    if not pnl:
        assert factor == Undefined("no round trip was closed")
    elif losses:
        assert factor == pytest.approx(sum(wins) / -sum(losses))
    else:
        assert factor == Undefined("no round trip lost money")


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(-1, 1)), max_size=40).map(
        lambda rows: sorted(rows, key=lambda row: row[1])
    )
)
def test_exposure_agrees_with_asking_every_instant(rows: list[tuple[int, int, int]]) -> None:
    start, end = 0, 30
    held: dict[int, int] = {}
    instants = 0
    for instant in range(start, end):  # Position during (instant, instant + 1).
        held |= {key: position for key, at, position in rows if at == instant}
        instants += any(held.values())
    keys, times, positions = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    found = analytics.exposure(times, positions.astype(np.float64), keys, start_ns=start, end_ns=end)
    assert found == pytest.approx(instants / 30)


@given(
    st.lists(st.tuples(st.integers(0, 240), st.floats(50, 200)), min_size=1, max_size=80).map(
        lambda rows: sorted(rows, key=lambda row: row[0])
    ),
    st.sampled_from([0, 17, 22]),
    st.booleans(),
)
def test_daily_index_agrees_with_a_calendar(
    rows: list[tuple[int, float]], ends: int, every_day: bool
) -> None:
    origin = datetime(2024, 1, 1, tzinfo=UTC)
    hour_ns = DAY_NS // 24
    start_hour = rows[0][0]

    def day(hour: int) -> int:  # The first end at or after the hour, counted in days.
        moment, end = origin + timedelta(hours=hour), origin.replace(hour=ends)
        while end < moment:
            end += timedelta(days=1)
        return (end - origin).days

    last: dict[int, float] = {}
    for hour, value in rows:
        last[day(hour)] = value
    if all(hour == start_hour for hour, _ in rows if day(hour) == day(start_hour)):
        del last[day(start_hour)]
    if every_day and last:
        filled: dict[int, float] = {}
        for number in range(min(min(last), day(start_hour) + 1), max(last) + 1):
            filled[number] = last.get(number, filled.get(number - 1, 1.0))
        last = filled
    at = np.array([ns("2024-01-01") + hour * hour_ns for hour, _ in rows], dtype=np.int64)
    days, values = analytics.daily_index(
        at,
        np.array([value for _, value in rows]),
        start_ns=int(at[0]),
        day_ends_ns=ends * hour_ns,
        every_day=every_day,
    )
    assert values.tolist() == [1.0, *last.values()]
    assert (days[1:] - days[:1]).tolist() == [number - day(start_hour) for number in last]


@given(returns_lists, st.lists(st.tuples(st.integers(0, 59), st.integers(1, 90)), max_size=4))
def test_deposits_do_not_count_as_return(returns: list[float], deposits: list[tuple[int, int]]) -> None:
    at, expected = curve(returns)
    equity: list[float] = []
    money, paid = 100.0, [(i % len(returns), float(amount)) for i, amount in deposits]
    for i, gained in enumerate(returns):
        money = money * (1 + gained) + sum(amount for when, amount in paid if when == i)
        equity.append(money)
    flow_ns = np.array([int(at[i]) for i, _ in paid], dtype=np.int64)
    flows = np.array([amount for _, amount in paid])
    found = analytics.growth_index(at, np.array(equity), 100.0, flow_ns, flows)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-9)


# Degenerate -------------------------------------------------------------------------------------------------


def test_a_run_without_points_has_reasons_instead_of_numbers() -> None:
    summary = curve_result([]).summary
    assert (summary.total_return, summary.sharpe, summary.win_rate, summary.best_day_on) == (None,) * 4
    assert summary.undefined["total_return"] == "the equity curve has no points"
    assert summary.undefined["sharpe"] == "needs at least 2 daily returns; has 0"
    assert summary.undefined["win_rate"] == "no round trip was closed"
    assert summary.final_equity == 100.0


def test_one_point_has_a_return_and_no_deviation() -> None:
    summary = curve_result([101.0]).summary
    assert summary.total_return == pytest.approx(0.01)
    assert summary.return_mean == pytest.approx(0.01)
    assert summary.return_std is None
    assert summary.undefined["annual_return"] == "needs at least 30 days; has 1.0"


def test_a_flat_curve_has_no_ratio_and_no_drawdown() -> None:
    summary = curve_result([100.0] * 50).summary
    assert (summary.sharpe, summary.sortino, summary.calmar, summary.average_drawdown) == (None,) * 4
    assert summary.undefined["sharpe"] == "daily returns do not vary"
    assert summary.undefined["calmar"] == "equity never fell below its peak"
    assert (summary.max_drawdown, summary.max_drawdown_days, summary.return_std) == (0.0, 0.0, 0.0)


def test_constant_growth_does_not_divide_by_rounding() -> None:
    equity = [100.0 * 1.001**day for day in range(1, 300)]
    assert curve_result(equity).summary.undefined["sharpe"] == "daily returns do not vary"


def test_ruin_leaves_the_total_and_takes_the_ratios() -> None:
    summary = curve_result([100.0, 50.0, -10.0, -5.0] + [-5.0] * 40).summary
    assert summary.total_return == pytest.approx(-1.05)
    assert summary.max_drawdown == pytest.approx(-1.1)
    assert summary.annual_return is None
    assert summary.undefined["annual_return"] == "everything was lost"
    assert "zero or negative" in summary.undefined["sharpe"]


def test_no_metric_is_ever_nan_or_infinite() -> None:
    for result in (curve_result([]), curve_result([100.0]), curve_result([1e-9, 1e12]), trading_result()):
        values = [getattr(result.summary, name) for name in result.summary.__struct_fields__]
        assert all(math.isfinite(value) for value in values if isinstance(value, float))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_equity_that_is_no_number_is_refused_by_its_point(bad: float) -> None:
    with pytest.raises(DataError, match=r"result frame 'equity': equity is (nan|inf) at point 2"):
        _ = curve_result([100.0, bad, 101.0]).summary


def test_descending_times_are_refused() -> None:
    times = closes("2020-01-02", 3)
    with pytest.raises(DataError, match="equity times descend at point 3"):
        _ = curve_result([1.0, 2.0, 3.0], [times[0], times[2], times[1]]).summary


def test_a_start_without_capital_is_refused() -> None:
    with pytest.raises(DataError, match=r"initial equity is 0\.0; returns need a positive one"):
        _ = curve_result([100.0], cash={"USD": 0.0}).summary


# Annualisation ----------------------------------------------------------------------------------------------


def test_periods_per_year_are_given_or_inferred_and_said() -> None:
    equity = walk(60, 1)
    given_ = curve_result(equity, periods_per_year=365).summary
    by_class = curve_result(equity, periods_per_year=None, asset_classes={"SPX": "crypto"}).summary
    weekdays = curve_result(equity, periods_per_year=None).summary
    week = closes("2020-01-02", 60, weekends=True)
    weekends = curve_result(equity, week, periods_per_year=None).summary
    assert (given_.periods_per_year, given_.annualisation) == (365, "365 daily returns a year, as given")
    assert by_class.annualisation == "365 daily returns a year, inferred from asset class crypto"
    assert weekdays.annualisation == "252 daily returns a year, inferred: the data has no weekends"
    assert weekends.annualisation == "365 daily returns a year, inferred: the data has weekends"


def test_a_market_that_never_closes_has_a_return_on_days_without_a_point() -> None:
    times = [ns("2024-01-01") + day * DAY_NS for day in (1, 2, 5)]
    summary = curve_result([100.0, 110.0, 121.0], times, periods_per_year=365).summary
    assert summary.daily_returns == 5
    assert summary.return_mean == pytest.approx(0.2 / 5)


def test_annual_return_follows_its_formula() -> None:
    assert analytics.annual_return(0.21, 2 * 365.25) == pytest.approx(0.1)
    assert analytics.annual_return(-0.5, 365.25) == pytest.approx(-0.5)
    assert analytics.annual_return(1e200, 30.0) == Undefined("too large for a number")


# Trades -----------------------------------------------------------------------------------------------------


def test_summary_of_trades_agrees_with_the_frames() -> None:
    result = trading_result()
    summary, trips, fills = result.summary, result.round_trips.to_dicts(), result.fills.to_dicts()
    pnl = [trip["pnl"] for trip in trips if not trip["is_open"]]
    assert summary.trades == len(pnl)
    assert summary.win_rate == pytest.approx(sum(x > 0 for x in pnl) / len(pnl))
    assert summary.profit_factor == pytest.approx(
        sum(x for x in pnl if x > 0) / -sum(x for x in pnl if x < 0)
    )
    assert summary.fees == pytest.approx(math.fsum(fill["fee"] for fill in fills))
    assert summary.traded_value == pytest.approx(math.fsum(fill["value"] for fill in fills))
    seconds, since = 0.0, None
    for fill in fills:
        if fill["position"] and since is None:
            since = fill["ts_event"]
        elif not fill["position"] and since is not None:
            seconds, since = seconds + (fill["ts_event"] - since).total_seconds(), None
    end = result.equity["at"][-1]
    seconds += (end - since).total_seconds() if since else 0.0
    whole = (end - result.equity["at"][0]).total_seconds()
    assert summary.exposure == pytest.approx(seconds / whole)
    assert summary.refused == sum(status == "refused" for status in result.orders["status"])


def test_fills_in_another_currency_leave_no_total() -> None:
    fill = trading_result().fills[:1].to_dicts()[0] | {"currency": "EUR"}
    at = int(trading_result().fills["ts_event"].to_physical()[0])
    fills = frame("fills", [fill | {"ts_event": at, "ts_recv": at}])
    summary = curve_result(walk(60, 1), fills=fills).summary
    assert summary.fees is None
    assert summary.undefined["fees"] == "fills are in EUR too; a total in USD needs dated rates"
