"""How a run made markets, in one value."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tradewright.errors import DataError
from tradewright.research import quoting
from tradewright.research.analytics import Floats, Metric, Undefined
from tradewright.research.markouts import PARTS, horizons_ns, markout_curve, markouts, pnl_parts
from tradewright.research.result import HORIZONS
from tradewright.research.summary import curve_of, ns_of
from tradewright.research.touch import Touch, counts, touches_of, units_of

if TYPE_CHECKING:
    import polars as pl

    from tradewright.core.times import Duration
    from tradewright.research.result import Result


class PnlParts(msgspec.Struct, frozen=True, kw_only=True):
    """Profit in parts; money is exact, and the parts sum to `total` to the last 10⁻¹².

    Attributes:
        currency: Of all money here.
        horizon: How long after a fill its adverse selection is measured; ``none`` where it is not.
        spread_capture: Fill prices against the mid just before: ``q (m - p)``.
        adverse_selection: What the mid did in the horizon after a fill: ``q (m_h - m)``.
        inventory: What it did after that: the rest of mark to market.
        fees: Fees paid; negative.
        rebates: Fees received; positive.
        cash_flows: Dividends, funding and borrow cost.
        total: Their sum: what was realised and unrealised, less fees.
        fills: Executions.
        fills_without_mid: Fills before the first quote, in `inventory` whole.
        fills_without_markout: Fills whose horizon ends after the data; what followed them is in `inventory`.
    """

    currency: str
    horizon: str
    spread_capture: Decimal
    adverse_selection: Decimal
    inventory: Decimal
    fees: Decimal
    rebates: Decimal
    cash_flows: Decimal
    total: Decimal
    fills: int
    fills_without_mid: int
    fills_without_markout: int


class MarketMaking(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of a run that made markets; ``None`` means undefined, with the reason in `undefined`.

    Sizes are those of the instrument, money is in `currency`, times are seconds, ``_bps`` are 1/10,000 of the
    mid or of the value traded. Definitions are in docs/reference/metrics.md.

    Attributes:
        policy: Whose, or "" for all.
        symbol: Of which instrument, or "" for all.
        currency: Of money here.
        parts: Profit in parts.
        spread_capture_bps: Spread capture over the value traded.
        markout_bps: Mean markout over the value traded, by horizon; those that no fill has are left out.
        realised_pnl_mean: Mean profit of closed round trips, net of fees.
        realised_pnl_median: Median of the same.
        realised_pnl_std: Sample standard deviation.
        realised_pnl_p05: The value that 5 % of them stay below.
        realised_pnl_p95: The value that 95 % stay below.
        trips: Closed round trips.
        fill_rate: Share of the orders that could rest of which anything was filled.
        filled_share: Share of their size that was filled.
        fill_imbalance: (bought - sold) / (bought + sold), by value.
        maker_share: Share of the value traded in which our order rested.
        inventory_mean: Mean position over the time of the run.
        inventory_abs_mean: Mean absolute position over that time.
        inventory_abs_max: Largest absolute position.
        quote_lifetime_mean_s: Mean time from decision to end of orders that could rest.
        quote_lifetime_median_s: Median of the same.
        two_sided_share: Share of the time in which both sides were shown.
        queue_ahead_mean: Mean size that stood before our resting order just before it filled.
        queue_ahead_median: Median of the same.
        own_spread_mean: Our ask less our bid, over the time in which both were shown.
        own_spread_mean_bps: The same over their mid.
        market_spread_mean: Best ask less best bid, over the time of the data.
        market_spread_mean_bps: The same over the mid.
        undefined: Reason for each value that is ``None``.
    """

    policy: str
    symbol: str
    currency: str
    parts: PnlParts | None
    spread_capture_bps: float | None
    markout_bps: dict[str, float]
    realised_pnl_mean: float | None
    realised_pnl_median: float | None
    realised_pnl_std: float | None
    realised_pnl_p05: float | None
    realised_pnl_p95: float | None
    trips: int
    fill_rate: float | None
    filled_share: float | None
    fill_imbalance: float | None
    maker_share: float | None
    inventory_mean: float | None
    inventory_abs_mean: float | None
    inventory_abs_max: float | None
    quote_lifetime_mean_s: float | None
    quote_lifetime_median_s: float | None
    two_sided_share: float | None
    queue_ahead_mean: float | None
    queue_ahead_median: float | None
    own_spread_mean: float | None
    own_spread_mean_bps: float | None
    market_spread_mean: float | None
    market_spread_mean_bps: float | None
    undefined: dict[str, str]


_NO_FILL = Undefined("nothing was filled")
_MANY = Undefined("several instruments: sizes and prices do not add up; give a symbol")


def market_making(
    result: Result, data: object, horizon: Duration | None, policy: str | None, symbol: str | None
) -> MarketMaking:
    """See `Result.market_making`."""
    _check("policy", policy, [one.name for one in result.meta.policies])
    _check("symbol", symbol, result.meta.symbols)
    units = units_of(result)
    fills, orders, trips = (
        _of(frame, policy, symbol)
        for frame in (result.fills, quoting.resting_orders(result), result.round_trips)
    )
    symbols = sorted({*fills["symbol"].unique(), *orders["symbol"].unique()})
    metrics: dict[str, Metric] = _fill_metrics(fills, orders)
    closed = trips.filter(~trips["is_open"])
    metrics |= _realised(closed["pnl"].to_numpy())
    curve = curve_of(result)
    several = len(symbols) > 1
    lot_size = 1.0 if len(symbols) != 1 else float(units[symbols[0]].lot_size)
    metrics |= _inventory(
        _of(result.positions, policy, symbol), curve.start_ns, curve.end_ns, lot_size, several=several
    )
    touch = touches_of(result, data).get(symbols[0]) if len(symbols) == 1 else None
    metrics |= _own_quotes(result, orders, curve.end_ns, several=several)
    metrics |= _market_spread(result, symbols, touch)
    parts = _parts(_of(pnl_parts(result, data, horizon), policy, symbol), horizon)
    table = _of(markouts(result, data, HORIZONS), policy, symbol)
    means = {
        row["horizon"]: row["mean_bps"]
        for row in markout_curve(table, HORIZONS).filter(side="all").iter_rows(named=True)
        if row["mean_bps"] is not None
    }
    captured = means.pop("fill", None)
    metrics["spread_capture_bps"] = (
        captured
        if captured is not None
        else Undefined("no fill has a mid: the run was on neither books nor quotes")
    )
    currencies = sorted(set(fills["currency"].unique()))
    if len(currencies) > 1:
        foreign = Undefined(f"fills are in {', '.join(currencies)}; a total needs dated rates")
        names = [name for name in metrics if name.startswith("realised")]
        metrics |= dict.fromkeys((*names, "fill_imbalance", "maker_share", "spread_capture_bps"), foreign)
        means = {}
    undefined = {name: value.reason for name, value in metrics.items() if isinstance(value, Undefined)}
    if isinstance(parts, Undefined):
        undefined["parts"] = parts.reason
    return MarketMaking(
        policy=policy or "",
        symbol=symbol or "",
        currency=currencies[0] if len(currencies) == 1 else result.meta.currency,
        parts=None if isinstance(parts, Undefined) else parts,
        markout_bps=means,
        trips=closed.height,
        undefined=dict(sorted(undefined.items())),
        **{name: None if isinstance(value, Undefined) else value for name, value in metrics.items()},
    )


def _check(what: str, name: str | None, known: list[str]) -> None:
    if name is not None and name not in known:
        raise DataError(
            f"{what} {name!r} is not one of the run's.", source="result", remedy=f"It has {', '.join(known)}."
        )


def _of(frame: pl.DataFrame, policy: str | None, symbol: str | None) -> pl.DataFrame:
    if policy is not None:
        frame = frame.filter(policy=policy)
    return frame if symbol is None else frame.filter(symbol=symbol)


def _parts(rows: pl.DataFrame, horizon: Duration | None) -> PnlParts | Undefined:
    currencies = rows["currency"].unique().to_list()
    if len(currencies) != 1:
        reason = "nothing was traded" if not currencies else f"money is in {', '.join(sorted(currencies))}"
        return Undefined(reason)
    sums = rows.select((*PARTS, "total", "fills", "fills_without_mid", "fills_without_markout")).sum()
    name = "none" if horizon is None else next(iter(horizons_ns([horizon])))
    return PnlParts(currency=currencies[0], horizon=name, **sums.row(0, named=True))


def _fill_metrics(fills: pl.DataFrame, orders: pl.DataFrame) -> dict[str, Metric]:
    metrics: dict[str, Metric] = {}
    none = Undefined("no order could rest")
    size = float(orders["size"].sum())
    metrics["fill_rate"] = float((orders["filled_size"] > 0).mean()) if orders.height else none  # pyright: ignore[reportArgumentType]
    metrics["filled_share"] = float(orders["filled_size"].sum()) / size if size else none
    value, is_buy = fills["value"].to_numpy(), (fills["side"] == "buy").to_numpy()
    traded = float(value.sum())
    metrics["fill_imbalance"] = (
        float(value[is_buy].sum() - value[~is_buy].sum()) / traded if traded else _NO_FILL
    )
    is_maker = (fills["liquidity"] == "maker").to_numpy()
    metrics["maker_share"] = float(value[is_maker].sum()) / traded if traded else _NO_FILL
    ahead = np.array([])
    if "queue_ahead" in fills.columns:
        ahead = fills["queue_ahead"].drop_nulls().to_numpy()
    no_queue = Undefined(
        "no fill has a place in a queue: nothing filled as a maker, or the run was on no recorded book"
    )
    if fills["symbol"].n_unique() > 1:
        ahead, no_queue = np.array([]), _MANY
    metrics["queue_ahead_mean"] = float(ahead.mean()) if len(ahead) else no_queue
    metrics["queue_ahead_median"] = float(np.median(ahead)) if len(ahead) else no_queue
    lives = quoting.lifetimes_s(orders)
    none = Undefined("no order that could rest ended before the run did")
    metrics["quote_lifetime_mean_s"] = float(lives.mean()) if len(lives) else none
    metrics["quote_lifetime_median_s"] = float(np.median(lives)) if len(lives) else none
    return metrics


def _realised(pnl: Floats) -> dict[str, Metric]:
    none = Undefined("no round trip was closed")
    metrics: dict[str, Metric] = {"realised_pnl_mean": float(pnl.mean()) if len(pnl) else none}
    for name, share in (("median", 0.5), ("p05", 0.05), ("p95", 0.95)):
        metrics[f"realised_pnl_{name}"] = float(np.quantile(pnl, share)) if len(pnl) else none
    few = Undefined(f"needs at least two closed round trips; has {len(pnl)}")
    metrics["realised_pnl_std"] = float(pnl.std(ddof=1)) if len(pnl) > 1 else few
    return metrics


def _inventory(
    positions: pl.DataFrame, start_ns: int, end_ns: int, lot_size: float, *, several: bool
) -> dict[str, Metric]:
    """Of the sum of the policies' positions."""
    import polars as pl

    names = ("inventory_mean", "inventory_abs_mean", "inventory_abs_max")
    if several:
        return dict.fromkeys(names, _MANY)
    # Rows stand in the order in which they were booked; a fill that was told of late has an earlier time.
    before = positions.select(pl.col("size").shift(1, fill_value=0.0).over("policy", "symbol")).to_series()
    after = counts(positions["size"].to_numpy(), lot_size)
    change = after - counts(before.to_numpy(), lot_size)
    at_ns = ns_of(positions["at"])
    order = np.argsort(at_ns, kind="stable")
    times = np.concatenate(([start_ns], np.clip(at_ns[order], start_ns, end_ns)))
    lots = np.cumsum(change[order])
    held = np.concatenate(([0], lots)) * lot_size
    largest = float(np.abs(held).max())
    means = [quoting.time_weighted(times, values, end_ns) for values in (held, np.abs(held))]
    none = Undefined("no time passed")
    signed, absolute = (none if mean is None else mean[0] for mean in means)
    return dict(zip(names, (signed, absolute, largest), strict=True))


def _own_quotes(result: Result, orders: pl.DataFrame, end_ns: int, *, several: bool) -> dict[str, Metric]:
    names = ("own_spread_mean", "own_spread_mean_bps", "two_sided_share")
    if several:
        return dict.fromkeys(names, _MANY)
    if quoting.is_price_unknown(result):
        reason = "orders were amended, and this result of an earlier version keeps only their last price"
        return dict.fromkeys(names, Undefined(reason))
    shown = quoting.shown_of(orders, result.amendments)
    spread, mid = shown.ask - shown.bid, (shown.ask + shown.bid) / 2
    mean = quoting.time_weighted(shown.at_ns, spread, end_ns)
    in_bps = quoting.time_weighted(shown.at_ns, spread / mid * 1e4, end_ns)
    if mean is None or in_bps is None:
        return dict.fromkeys(names, Undefined("both sides were never shown at once"))
    run_ns = end_ns - result.meta.start_ns
    share: Metric = mean[1] / run_ns if run_ns > 0 else Undefined("no time passed")
    return dict(zip(names, (mean[0], in_bps[0], share), strict=True))


def _market_spread(result: Result, symbols: list[str], touch: Touch | None) -> dict[str, Metric]:
    names = ("market_spread_mean", "market_spread_mean_bps")
    if len(symbols) > 1:
        return dict.fromkeys(names, _MANY)
    none = Undefined("the run was on neither books nor quotes")
    if touch is None:
        return dict.fromkeys(names, none)
    unit = float(units_of(result)[symbols[0]].price_unit)
    spread: Floats = (touch.ask_units - touch.bid_units).astype(np.float64) * unit
    in_bps: Floats = spread / ((touch.ask_units + touch.bid_units).astype(np.float64) * unit / 2) * 1e4
    end_ns = int(touch.at_ns[-1]) if len(touch.at_ns) else 0
    means = [quoting.time_weighted(touch.at_ns, values, end_ns) for values in (spread, in_bps)]
    return {name: none if mean is None else mean[0] for name, mean in zip(names, means, strict=True)}
