"""Metrics of an equity curve and of trades, as pure functions on arrays.

A metric that has no value (no variance, no trade, nothing lost) is `Undefined` with its reason, never 0 and
never infinite. Definitions, and where other libraries differ, are in ``docs/reference/metrics.md``.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewright.core.times import DAY_NS

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

YEAR_DAYS: Final = 365.25
ANNUAL_DAYS_MIN: Final = 30.0
"""Days below which no return is annualised: a yearly figure of a few days is an extrapolation."""
_RETURN_NOISE: Final = 1e-14  # Returns that vary by less differ by rounding alone (2 ulp of a ratio near 1).


class Undefined(msgspec.Struct, frozen=True):
    """A metric without a value.

    Attributes:
        reason: Why, as a clause that follows the metric's name.
    """

    reason: str


Metric: TypeAlias = float | Undefined


class Drawdowns(msgspec.Struct, frozen=True):
    """Every stay below a former peak, in time order; arrays of shape ``(n,)``.

    Attributes:
        peak_ns: When equity was last at the peak.
        trough_ns: When it was lowest.
        end_ns: When it was back at the peak, or the last point if it is not.
        depth: Lowest value over the peak, minus 1; negative.
        recovered: Whether it came back.
    """

    peak_ns: Ints
    trough_ns: Ints
    end_ns: Ints
    depth: Floats
    recovered: NDArray[np.bool_]

    @property
    def days(self) -> Floats:
        """Length from peak to recovery (or to the last point), in days."""
        return (self.end_ns - self.peak_ns) / DAY_NS


def growth_index(
    at_ns: Ints, equity: Floats, initial: float, flow_ns: Ints | None = None, flows: Floats | None = None
) -> Floats:
    """Value of 1 put in at the start, with deposits and withdrawals left out (time-weighted).

    Between two points it grows by ``(equity - flow) / equity_before``: a flow counts at the first point at or
    after its time. Without flows it is ``equity / initial``.

    Args:
        at_ns: Shape ``(n,)``, ascending; ns since the epoch, UTC.
        equity: Shape ``(n,)``.
        initial: Equity before the first point; positive.
        flow_ns: Shape ``(m,)``.
        flows: Shape ``(m,)``; deposits positive.

    Raises:
        ValueError: Times descend, a value is not finite, or the initial value is not positive.
    """
    if not (math.isfinite(initial) and initial > 0):
        raise ValueError(f"initial equity is {initial}; returns need a positive one")
    if len(at_ns) != len(equity):
        raise ValueError(f"{len(at_ns)} times for {len(equity)} points of equity")
    if not np.isfinite(equity).all():
        row = int(np.flatnonzero(~np.isfinite(equity))[0])
        raise ValueError(f"equity is {equity[row]} at point {row + 1}")
    if len(at_ns) and (np.diff(at_ns) < 0).any():
        row = int(np.flatnonzero(np.diff(at_ns) < 0)[0]) + 1
        raise ValueError(f"equity times descend at point {row + 1}")
    if flow_ns is None or flows is None or len(flow_ns) == 0 or len(at_ns) == 0:
        return equity / initial
    flow = np.zeros(len(equity))
    slot = np.minimum(np.searchsorted(at_ns, flow_ns, side="left"), len(equity) - 1)
    np.add.at(flow, slot, flows)
    before = np.concatenate(([initial], equity[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.cumprod((equity - flow) / before, dtype=np.float64)


def day_of(at_ns: Ints, day_ends_ns: int = 0) -> Ints:
    """Days since the epoch of each time; a day holds ``(previous end, end]``, its own end included.

    Args:
        at_ns: Shape ``(n,)``; ns since the epoch, UTC.
        day_ends_ns: End of a day, ns after midnight UTC; when not 0, a day has the date it ends on.
    """
    day = (at_ns - 1 - day_ends_ns) // DAY_NS
    return day + 1 if day_ends_ns else day


def daily_index(
    at_ns: Ints, index: Floats, *, start_ns: int, day_ends_ns: int = 0, every_day: bool = False
) -> tuple[Ints, Floats]:
    """Last value of each day, preceded by the 1 that the run began with.

    The first element stands for ``start_ns`` itself; a first day whose last point is there (no time has
    passed) gives no second one.

    Args:
        at_ns: Shape ``(n,)``, ascending.
        index: Shape ``(n,)``; of `growth_index`.
        start_ns: When the run began.
        day_ends_ns: As in `day_of`.
        every_day: Carry the last value over days without a point, for markets that never close; otherwise
            such days do not exist.

    Returns:
        Days since the epoch and values, both of shape ``(d + 1,)`` for ``d`` daily returns.
    """
    first = int(day_of(np.array([start_ns], dtype=np.int64), day_ends_ns)[0])
    if len(at_ns) == 0:
        return np.array([first], dtype=np.int64), np.ones(1)
    day = day_of(at_ns, day_ends_ns)
    last = np.flatnonzero(np.append(day[1:] != day[:-1], True))
    days, values, times = day[last], index[last], at_ns[last]
    if times[0] <= start_ns:
        days, values = days[1:], values[1:]
    days, values = np.concatenate(([first], days)), np.concatenate(([1.0], values))
    if every_day and len(days) > 1:
        whole = np.concatenate(
            (days[:1], np.arange(min(int(days[1]), first + 1), int(days[-1]) + 1, dtype=np.int64))
        )
        values = values[np.searchsorted(days, whole, side="right") - 1]
        # The start and the first day may bear one name; the first element stays the start.
        values[0] = 1.0
        days = whole
    return days, values


def simple_returns(values: Floats) -> Floats | Undefined:
    """Shape ``(n - 1,)``: each value over the one before, minus 1; undefined once a value is not positive."""
    if (values[:-1] <= 0).any():
        return Undefined("equity was zero or negative, after which a return has no meaning")
    return values[1:] / values[:-1] - 1.0


def monthly_returns(days: Ints, values: Floats) -> tuple[Ints, Floats] | Undefined:
    """Months since 1970-01 and their returns, from the output of `daily_index`; part months count."""
    if len(days) < 2:
        return Undefined("needs at least one daily return; has 0")
    months = days[1:].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    returns = simple_returns(np.concatenate((values[:1], values[1:][last])))
    return returns if isinstance(returns, Undefined) else (months[last], returns)


def annual_return(total_return: float, days: float) -> Metric:
    """Compound annual growth rate by elapsed time: ``(1 + total_return) ** (365.25 / days) - 1``."""
    if days < ANNUAL_DAYS_MIN:
        return Undefined(f"needs at least {ANNUAL_DAYS_MIN:.0f} days; has {days:.1f}")
    if total_return <= -1:
        return Undefined("everything was lost")
    try:
        return (1.0 + total_return) ** (YEAR_DAYS / days) - 1.0
    except OverflowError:
        return Undefined("too large for a number")


def mean(returns: Floats) -> Metric:
    """Arithmetic mean."""
    return float(returns.mean()) if len(returns) else Undefined("needs at least one daily return; has 0")


def standard_deviation(returns: Floats) -> Metric:
    """Sample standard deviation (``ddof=1``)."""
    if len(returns) < 2:
        return Undefined(f"needs at least 2 daily returns; has {len(returns)}")
    return float(returns.std(ddof=1))


def volatility(returns: Floats, periods_per_year: int) -> Metric:
    """`standard_deviation` times the square root of the periods in a year."""
    deviation = standard_deviation(returns)
    return deviation if isinstance(deviation, Undefined) else deviation * math.sqrt(periods_per_year)


def sharpe_ratio(returns: Floats, periods_per_year: int, risk_free: float = 0.0) -> Metric:
    """Mean excess return over its sample standard deviation, annualised by the square root of time.

    Args:
        returns: Shape ``(n,)``; simple returns a period.
        periods_per_year: Periods in a year.
        risk_free: Risk-free return a period.

    Source:
        Sharpe (1994), "The Sharpe Ratio", Journal of Portfolio Management 21(1).
    """
    if len(returns) < 2:
        return Undefined(f"needs at least 2 daily returns; has {len(returns)}")
    if np.ptp(returns) <= _RETURN_NOISE:
        return Undefined("daily returns do not vary")
    excess = returns - risk_free
    return float(excess.mean() / excess.std(ddof=1)) * math.sqrt(periods_per_year)


def sortino_ratio(returns: Floats, periods_per_year: int, target: float = 0.0) -> Metric:
    """Mean return above the target over the downside deviation, annualised by the square root of time.

    The downside deviation is ``sqrt(mean(min(r - target, 0) ** 2))`` over all periods, not only losing ones.

    Source:
        Sortino and Price (1994), "Performance Measurement in a Downside Risk Framework",
        Journal of Investing 3(3).
    """
    if len(returns) < 2:
        return Undefined(f"needs at least 2 daily returns; has {len(returns)}")
    excess = returns - target
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    if downside <= _RETURN_NOISE:
        return Undefined("no day lost money")
    return float(excess.mean()) / downside * math.sqrt(periods_per_year)


def drawdowns(at_ns: Ints, index: Floats, *, start_ns: int) -> Drawdowns:
    """Every stay below a former peak; the start, with its index of 1, is the first peak."""
    values = np.concatenate(([1.0], index))
    times = np.concatenate((np.array([start_ns], dtype=np.int64), at_ns))
    peak = np.maximum.accumulate(values)
    under = values < peak
    edges = np.diff(np.concatenate(([0], under.astype(np.int8), [0])))
    first, after = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    trough = np.array(
        [a + int(np.argmin(values[a:b])) for a, b in zip(first, after, strict=True)], dtype=np.int64
    )
    return Drawdowns(
        peak_ns=times[first - 1],
        trough_ns=times[trough],
        end_ns=times[np.minimum(after, len(values) - 1)],
        depth=values[trough] / peak[trough] - 1.0,
        recovered=after < len(values),
    )


def calmar_ratio(annual: Metric, max_drawdown: float) -> Metric:
    """Annual return over the depth of the deepest drawdown.

    Source:
        Young (1991), "Calmar Ratio: A Smoother Tool", Futures 20(1); here over the whole run, not 36 months.
    """
    if isinstance(annual, Undefined):
        return Undefined(f"annual return is undefined: {annual.reason}")
    return annual / -max_drawdown if max_drawdown < 0 else Undefined("equity never fell below its peak")


def win_rate(pnl: Floats) -> Metric:
    """Share of closed round trips that made money after fees."""
    return float(np.mean(pnl > 0)) if len(pnl) else Undefined("no round trip was closed")


def profit_factor(pnl: Floats) -> Metric:
    """What winning round trips made over what losing ones lost."""
    if len(pnl) == 0:
        return Undefined("no round trip was closed")
    lost = -float(pnl[pnl < 0].sum())
    return float(pnl[pnl > 0].sum()) / lost if lost > 0 else Undefined("no round trip lost money")


def average_win(pnl: Floats) -> Metric:
    """Mean P&L of the round trips that made money."""
    wins = pnl[pnl > 0]
    return float(wins.mean()) if len(wins) else Undefined("no round trip made money")


def average_loss(pnl: Floats) -> Metric:
    """Mean P&L of the round trips that lost money; negative."""
    losses = pnl[pnl < 0]
    return float(losses.mean()) if len(losses) else Undefined("no round trip lost money")


def turnover(traded: float, equity_mean: float) -> Metric:
    """Value bought and sold over the mean equity of the day ends."""
    return traded / equity_mean if equity_mean > 0 else Undefined("mean equity is not positive")


def exposure(at_ns: Ints, position: Floats, key: Ints, *, start_ns: int, end_ns: int) -> Metric:
    """Share of the elapsed time in which any position was held.

    Args:
        at_ns: Shape ``(n,)``; when each position changed.
        position: Shape ``(n,)``; position after the change.
        key: Shape ``(n,)``; which position it is (policy and symbol), from 0.
        start_ns: Begin of the run.
        end_ns: End of the run.
    """
    if end_ns <= start_ns:
        return Undefined("no time passed")
    if len(at_ns) == 0:
        return 0.0
    order = np.lexsort((np.arange(len(at_ns)), at_ns, key))
    sorted_key, is_held = key[order], position[order] != 0
    was_held = np.concatenate(([False], is_held[:-1]))
    was_held[np.concatenate(([True], sorted_key[1:] != sorted_key[:-1]))] = False
    change = is_held.astype(np.int64) - was_held.astype(np.int64)
    by_time = np.argsort(at_ns[order], kind="stable")
    times = np.clip(at_ns[order][by_time], start_ns, end_ns)
    count = np.cumsum(change[by_time])
    spans = np.diff(np.append(times, end_ns))
    return float(spans[count > 0].sum() / (end_ns - start_ns))
