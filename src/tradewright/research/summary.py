"""Every metric of a run in one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tradewright.core.times import DAY_NS
from tradewright.errors import DataError
from tradewright.research import analytics
from tradewright.research.analytics import Floats, Ints, Metric, Undefined

if TYPE_CHECKING:
    import polars as pl

    from tradewright.research.meta import ResultMeta
    from tradewright.research.result import Result

_ALWAYS_OPEN = {"crypto", "binary", "prediction"}


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of a run; ``None`` means undefined, with the reason in `undefined`.

    Returns, rates and drawdowns are fractions (0.01 is 1 %), money is in `currency`.
    Definitions are in docs/reference/metrics.md.

    Attributes:
        start_ns: Begin of the run, ns since the epoch, UTC.
        end_ns: End of the run.
        elapsed_days: Days between them.
        daily_returns: How many daily returns the statistics rest on.
        periods_per_year: What annualises them.
        annualisation: Where that number comes from.
        currency: Currency of all money here.
        initial_equity: Equity at the start.
        final_equity: Equity at the end.
        net_deposits: Deposits less withdrawals during the run.
        net_pnl: Final equity less initial equity less net deposits.
        total_return: Time-weighted return of the whole run.
        annual_return: Compound annual growth rate by elapsed time.
        return_mean: Mean daily return.
        return_std: Sample standard deviation of daily returns.
        volatility: The same, annualised.
        sharpe: Sharpe ratio, risk-free rate 0.
        sortino: Sortino ratio, target 0.
        calmar: Annual return over maximum drawdown.
        max_drawdown: Deepest fall from a peak, over every point of the curve; negative.
        average_drawdown: Mean depth of all drawdowns; negative.
        max_drawdown_days: Longest time from a peak until it was reached again.
        average_drawdown_days: Mean of those times.
        orders: Orders made, refused ones included.
        refused: Orders that the risk gate refused; a target refused again for the same reason counts once.
        fills: Executions.
        trades: Closed round trips.
        open_trades: Round trips still open at the end.
        win_rate: Share of closed round trips that made money after fees.
        profit_factor: What winners made over what losers lost.
        average_win: Mean P&L of winners.
        average_loss: Mean P&L of losers; negative.
        average_trade: Mean P&L of closed round trips.
        average_holding_days: Mean holding time of closed round trips.
        traded_value: Value bought and sold.
        turnover: Traded value over mean equity.
        turnover_annual: Turnover a year.
        fees: Fees paid.
        spread_cost: What the venue's cost model added to prices as half-spread; quotes and books have theirs
            inside of the prices, and it is not here.
        impact_cost: What the cost model added to prices as impact.
        borrow_cost: Paid for borrowing what was sold short.
        costs: Fees, half-spread, impact and borrow together: without them the same fills would have made
            this much more.
        exposure: Share of the time in which any position was held.
        positive_days: Share of daily returns above 0.
        positive_months: Share of monthly returns above 0.
        best_day: Highest daily return.
        best_day_on: Its date, ISO.
        worst_day: Lowest daily return.
        worst_day_on: Its date, ISO.
        undefined: Reason for each metric that is ``None``.
    """

    start_ns: int
    end_ns: int
    elapsed_days: float
    daily_returns: int
    periods_per_year: int
    annualisation: str
    currency: str
    initial_equity: float | None
    final_equity: float | None
    net_deposits: float
    net_pnl: float | None
    total_return: float | None
    annual_return: float | None
    return_mean: float | None
    return_std: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float | None
    average_drawdown: float | None
    max_drawdown_days: float | None
    average_drawdown_days: float | None
    orders: int
    refused: int
    fills: int
    trades: int
    open_trades: int
    win_rate: float | None
    profit_factor: float | None
    average_win: float | None
    average_loss: float | None
    average_trade: float | None
    average_holding_days: float | None
    traded_value: float | None
    turnover: float | None
    turnover_annual: float | None
    fees: float | None
    spread_cost: float | None
    impact_cost: float | None
    borrow_cost: float | None
    costs: float | None
    exposure: float | None
    positive_days: float | None
    positive_months: float | None
    best_day: float | None
    best_day_on: str | None
    worst_day: float | None
    worst_day_on: str | None
    undefined: dict[str, str]


class Curve(msgspec.Struct, frozen=True):
    """The equity curve as arrays, and what follows from it.

    Attributes:
        at_ns: Shape ``(n,)``; time of each point.
        equity: Shape ``(n,)``.
        index: Shape ``(n,)``; value of 1 put in at the start.
        days: Shape ``(d + 1,)``; days since the epoch, the start first.
        day_index: Shape ``(d + 1,)``; index at each day's end, 1 first.
        currency: Of the equity.
        initial: Equity at the start; NaN where it was never known.
        start_ns: Begin of the run.
        end_ns: End of the run.
        net_deposits: Deposits less withdrawals.
        periods_per_year: What annualises daily returns.
        annualisation: Where that number comes from.
    """

    at_ns: Ints
    equity: Floats
    index: Floats
    days: Ints
    day_index: Floats
    currency: str
    initial: float
    start_ns: int
    end_ns: int
    net_deposits: float
    periods_per_year: int
    annualisation: str


def ns_of(times: pl.Series) -> Ints:
    """Nanoseconds since the epoch of a column of times."""
    return times.to_physical().to_numpy()


def daily_frame(result: Result) -> pl.DataFrame:
    """See `Result.daily`; the first row is the start, without a return."""
    import polars as pl

    curve = curve_of(result)
    days = pl.Series("date", curve.days.astype(np.int32), dtype=pl.Int32).cast(pl.Date)
    frame = pl.DataFrame({"date": days, "equity_index": curve.day_index})
    return frame.with_columns(daily_return=pl.col("equity_index") / pl.col("equity_index").shift(1) - 1.0)


def periods_of(meta: ResultMeta, at_ns: Ints) -> tuple[int, str]:
    """Daily returns in a year, and why: as given, by asset class, or by points on weekends."""
    if meta.periods_per_year is not None:
        return meta.periods_per_year, "as given"
    classes = sorted({meta.asset_classes[symbol] for symbol in meta.symbols if symbol in meta.asset_classes})
    if classes:
        periods = 365 if any(name in _ALWAYS_OPEN for name in classes) else 252
        return periods, f"inferred from asset class {', '.join(classes)}"
    weekday = (analytics.day_of(at_ns, meta.day_ends_ns) + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0.
    if bool((weekday >= 5).any()):
        return 365, "inferred: the data has weekends"
    return 252, "inferred: the data has no weekends"


def curve_of(result: Result) -> Curve:
    """The equity curve of a result, without the points at which a rate of exchange was unknown.

    Raises:
        DataError: The curve of one currency is not finite or not in time order, or there is no capital to
            begin with.
    """
    meta = result.meta
    at_ns = ns_of(result.equity["at"])
    equity = result.equity["equity"].to_numpy()
    flow_ns, flows = ns_of(result.flows["at"]), result.flows["amount"].to_numpy()
    if set(meta.cash) == {meta.currency}:
        initial = meta.cash[meta.currency]
    else:
        # While a rate of exchange is unknown there is no total: those points are left out.
        is_known = np.isfinite(equity)
        at_ns, equity = at_ns[is_known], equity[is_known]
        rates = meta.rates | {meta.currency: 1.0}
        held = {currency: amount for currency, amount in meta.cash.items() if amount}
        if set(held) <= set(rates):
            initial = sum(amount * rates[currency] for currency, amount in held.items())
        else:  # The first valuation there is; money that came before it is part of it.
            initial = float(equity[0]) if len(equity) else float("nan")
            is_later = flow_ns > (at_ns[0] if len(at_ns) else np.iinfo(np.int64).max)
            flow_ns, flows = flow_ns[is_later], flows[is_later]
    index = equity
    if len(equity) or np.isfinite(initial):
        try:
            index = analytics.growth_index(at_ns, equity, initial, flow_ns, flows)
        except ValueError as error:
            raise DataError(f"{error}.", source="result frame 'equity'") from error
    start_ns, end_ns = meta.start_ns, meta.end_ns
    if len(at_ns):
        start_ns = min(start_ns, int(at_ns[0])) if start_ns else int(at_ns[0])
        end_ns = max(end_ns, int(at_ns[-1]))
    periods, why = periods_of(meta, at_ns)
    days, day_index = analytics.daily_index(
        at_ns, index, start_ns=start_ns, day_ends_ns=meta.day_ends_ns, every_day=periods >= 365
    )
    return Curve(
        at_ns=at_ns,
        equity=equity,
        index=index,
        days=days,
        day_index=day_index,
        currency=meta.currency,
        initial=initial,
        start_ns=start_ns,
        end_ns=end_ns,
        net_deposits=float(flows.sum()),
        periods_per_year=periods,
        annualisation=f"{periods} daily returns a year, {why}",
    )


def _unvalued(currency: str) -> Undefined:
    return Undefined(
        f"no total in {currency} was ever known: a rate of exchange is missing; give account.rates, or "
        "ExchangeRate events from the start"
    )


def _curve_metrics(curve: Curve) -> dict[str, Metric]:
    periods = curve.periods_per_year
    days = (curve.end_ns - curve.start_ns) / DAY_NS
    total: Metric = (
        Undefined("the equity curve has no points")
        if np.isfinite(curve.initial)
        else _unvalued(curve.currency)
    )
    if len(curve.index):
        total = float(curve.index[-1]) - 1.0
    if isinstance(total, float) and not np.isfinite(curve.index).all():
        total = Undefined("equity was zero before a deposit, after which a return has no meaning")
    if isinstance(total, Undefined):
        names = ("total_return", "annual_return", "calmar", "max_drawdown", "average_drawdown")
        falls: dict[str, Metric] = dict.fromkeys(
            (*names, "max_drawdown_days", "average_drawdown_days"), total
        )
    else:
        down = analytics.drawdowns(curve.at_ns, curve.index, start_ns=curve.start_ns)
        none = Undefined("equity never fell below its peak")
        deepest = float(down.depth.min()) if len(down.depth) else 0.0
        annual = analytics.annual_return(total, days)
        falls = {
            "total_return": total,
            "annual_return": annual,
            "calmar": analytics.calmar_ratio(annual, deepest),
            "max_drawdown": deepest,
            "average_drawdown": float(down.depth.mean()) if len(down.depth) else none,
            "max_drawdown_days": float(down.days.max()) if len(down.depth) else 0.0,
            "average_drawdown_days": float(down.days.mean()) if len(down.depth) else none,
        }
    returns = analytics.simple_returns(curve.day_index)
    if not np.isfinite(curve.initial):
        returns = _unvalued(curve.currency)
    statistics = (
        *("return_mean", "return_std", "volatility", "sharpe", "sortino"),
        *("positive_days", "positive_months", "best_day", "worst_day"),
    )
    if isinstance(returns, Undefined):
        return falls | dict.fromkeys(statistics, returns)
    none = Undefined("needs at least one daily return; has 0")
    months = analytics.monthly_returns(curve.days, curve.day_index)
    return falls | {
        "return_mean": analytics.mean(returns),
        "return_std": analytics.standard_deviation(returns),
        "volatility": analytics.volatility(returns, periods),
        "sharpe": analytics.sharpe_ratio(returns, periods),
        "sortino": analytics.sortino_ratio(returns, periods),
        "positive_days": float(np.mean(returns > 0)) if len(returns) else none,
        "positive_months": months if isinstance(months, Undefined) else float(np.mean(months[1] > 0)),
        "best_day": float(returns.max()) if len(returns) else none,
        "worst_day": float(returns.min()) if len(returns) else none,
    }


def _trade_metrics(result: Result, curve: Curve) -> dict[str, Metric]:
    fills = result.fills
    closed = result.round_trips.filter(~result.round_trips["is_open"])
    pnl = closed["pnl"].to_numpy()
    holding_days = closed["holding"].to_physical().to_numpy() / DAY_NS
    positions = result.positions
    position_key = positions.select(positions.select("policy", "symbol").to_struct("key").rank("dense"))
    key = position_key.to_series().to_numpy().astype(np.int64)
    metrics: dict[str, Metric] = {
        "win_rate": analytics.win_rate(pnl),
        "profit_factor": analytics.profit_factor(pnl),
        "average_win": analytics.average_win(pnl),
        "average_loss": analytics.average_loss(pnl),
        "average_trade": float(pnl.mean()) if len(pnl) else Undefined("no round trip was closed"),
        "average_holding_days": float(holding_days.mean())
        if len(pnl)
        else Undefined("no round trip was closed"),
        "exposure": analytics.exposure(
            ns_of(positions["at"]),
            positions["size"].to_numpy(),
            key,
            start_ns=curve.start_ns,
            end_ns=curve.end_ns,
        ),
    }
    traded = float(np.abs(fills["value"].to_numpy()).sum())
    equity_mean = (
        float(curve.day_index[1:].mean()) * curve.initial if len(curve.day_index) > 1 else curve.initial
    )
    if curve.net_deposits and len(curve.equity):
        equity_mean = float(curve.equity.mean())
    times = analytics.turnover(traded, equity_mean) if np.isfinite(equity_mean) else _unvalued(curve.currency)
    years = (curve.end_ns - curve.start_ns) / DAY_NS / analytics.YEAR_DAYS
    short = Undefined(
        f"needs at least {analytics.ANNUAL_DAYS_MIN:.0f} days; has {years * analytics.YEAR_DAYS:.1f}"
    )
    is_short = years * analytics.YEAR_DAYS < analytics.ANNUAL_DAYS_MIN
    metrics["traded_value"] = traded
    metrics["turnover"] = times
    metrics["turnover_annual"] = (
        times if isinstance(times, Undefined) else short if is_short else times / years
    )
    metrics["fees"] = float(fills["fee"].to_numpy().sum())
    metrics |= _modelled_costs(result)
    paid = [metrics[name] for name in ("fees", *_MODELLED)]
    unknown = [amount for amount in paid if isinstance(amount, Undefined)]
    metrics["costs"] = unknown[0] if unknown else sum(amount for amount in paid if isinstance(amount, float))
    currencies = sorted(set(fills["currency"].unique().to_list()) - {result.meta.currency})
    if currencies:
        foreign = Undefined(
            f"fills are in {', '.join(currencies)} too; a total in {result.meta.currency} needs dated rates"
        )
        money = ("profit_factor", "average_win", "average_loss", "average_trade", "costs", *_MODELLED)
        metrics |= dict.fromkeys((*money, "traded_value", "turnover", "turnover_annual", "fees"), foreign)
    return metrics


_MODELLED = {"spread_cost": "half_spread", "impact_cost": "impact", "borrow_cost": "borrow"}


def _modelled_costs(result: Result) -> dict[str, Metric]:
    """What the simulated venue charged beside fees, as the ledger has it."""
    ledger = result.ledger
    if result.fills.is_empty():
        return dict.fromkeys(_MODELLED, 0.0)
    nobody = Undefined("not known: another engine filled")
    return {
        name: float(ledger[column].sum()) if column in ledger.columns else nobody
        for name, column in _MODELLED.items()
    }


def summarise(result: Result) -> Summary:
    """Compute every metric of a result."""
    curve = curve_of(result)
    metrics = _curve_metrics(curve) | _trade_metrics(result, curve)
    money: dict[str, Metric] = dict.fromkeys(
        ("initial_equity", "final_equity", "net_pnl"), _unvalued(curve.currency)
    )
    if np.isfinite(curve.initial):
        final = float(curve.equity[-1]) if len(curve.equity) else curve.initial
        money["initial_equity"], money["final_equity"] = curve.initial, final
        money["net_pnl"] = final - curve.initial - curve.net_deposits
    metrics |= money
    undefined = {name: value.reason for name, value in metrics.items() if isinstance(value, Undefined)}
    values = {name: None if isinstance(value, Undefined) else value for name, value in metrics.items()}
    best_on = worst_on = None
    if values["best_day"] is not None:
        dates = curve.days[1:].astype("datetime64[D]")
        returns = curve.day_index[1:] / curve.day_index[:-1] - 1.0
        best_on, worst_on = str(dates[returns.argmax()]), str(dates[returns.argmin()])
    for name, value in (("best_day_on", best_on), ("worst_day_on", worst_on)):
        if value is None:
            undefined[name] = undefined[name.removesuffix("_on")]
    trips = result.round_trips
    return Summary(
        start_ns=curve.start_ns,
        end_ns=curve.end_ns,
        elapsed_days=(curve.end_ns - curve.start_ns) / DAY_NS,
        daily_returns=len(curve.days) - 1,
        periods_per_year=curve.periods_per_year,
        annualisation=curve.annualisation,
        currency=result.meta.currency,
        net_deposits=curve.net_deposits,
        orders=result.orders.height,
        refused=int((result.orders["status"].str.to_lowercase() == "refused").sum()),
        fills=result.fills.height,
        trades=int((~trips["is_open"]).sum()),
        open_trades=int(trips["is_open"].sum()),
        best_day_on=best_on,
        worst_day_on=worst_on,
        undefined=dict(sorted(undefined.items())),
        **values,
    )
