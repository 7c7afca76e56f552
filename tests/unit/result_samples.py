"""Results made without a kernel: a seeded walk, a rule on it, and books kept in plain Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from tradewright.research import schema
from tradewright.research.result import Counters, PolicyMeta, Result, ResultMeta, SeriesMeta

DAY_NS = 86_400_000_000_000


def ns(text: str) -> int:
    """Nanoseconds since the epoch of an ISO time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def closes(start: str, count: int, *, weekends: bool = False, hour: int = 21) -> list[int]:
    """Times of `count` daily closes."""
    day = datetime.fromisoformat(start).replace(tzinfo=UTC, hour=hour)
    times: list[int] = []
    while len(times) < count:
        if weekends or day.weekday() < 5:
            times.append(int(day.timestamp()) * 1_000_000_000)
        day += timedelta(days=1)
    return times


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as one of a result's frames; times and durations in ns."""
    columns = {column: [row[column] for row in rows] for column in schema.COLUMNS[name]}
    physical = {"time": pl.Int64(), "duration": pl.Int64()}
    kinds = schema.COLUMNS[name]
    made = pl.DataFrame(
        columns, schema={column: physical.get(kind, schema.dtype_of(kind)) for column, kind in kinds.items()}
    )
    return made.with_columns(pl.col(column).cast(dtype) for column, dtype in schema.schema_of(name).items())


def curve_result(equity: list[float], at: list[int] | None = None, **overrides: Any) -> Result:
    """A result that is only an equity curve; the account begins at 100."""
    times = at if at is not None else closes("2020-01-02", len(equity))
    rows = [{"at": time, "equity": value} for time, value in zip(times, equity, strict=True)]
    meta: dict[str, Any] = {
        "policies": [PolicyMeta(name="Curve")],
        "symbols": ["SPX"],
        "start_ns": times[0] - DAY_NS if times else ns("2020-01-01"),
        "end_ns": times[-1] if times else ns("2020-01-01"),
        "cash": {"USD": 100.0},
        "currency": "USD",
        "periods_per_year": 252,
    }
    parts: dict[str, Any] = {name: schema.empty(name) for name in ("orders", "fills", "round_trips")}
    for name in ("orders", "fills", "round_trips", "flows", "prices", "timing"):
        if name in overrides:
            parts[name] = overrides.pop(name)
    return Result(equity=frame("equity", rows), meta=ResultMeta(**(meta | overrides)), **parts)


def walk(
    count: int, seed: int, start: float = 100.0, drift: float = 0.0003, sigma: float = 0.011
) -> list[float]:
    """A geometric random walk."""
    steps = np.random.default_rng(seed).normal(drift, sigma, count)
    return [start * float(value) for value in np.exp(np.cumsum(steps))]


def trading_result(
    seed: int = 7,
    bars: int = 2500,
    *,
    name: str = "Momentum",
    symbols: tuple[str, ...] = ("SPX",),
    **overrides: Any,
) -> Result:
    """Long while above a moving average, flat below; every seventh order is refused; fees 1 bp."""
    times = closes("2009-01-02", bars)
    orders: list[dict[str, Any]] = []
    fills: list[dict[str, Any]] = []
    trips: list[dict[str, Any]] = []
    prices: dict[str, pl.DataFrame] = {}
    for number, symbol in enumerate(symbols):
        close = walk(bars, seed + number, 1000.0 * (number + 1))
        before = [close[0], *close[:-1]]
        bar_rows = [
            {"at": t, "open": o, "high": max(o, c) * 1.004, "low": min(o, c) * 0.996, "close": c}
            for t, o, c in zip(times, before, close, strict=True)
        ]
        prices[symbol] = frame("prices", bar_rows)
        held, entry, low, high = 0.0, {}, 0.0, 0.0
        for i in range(bars):
            price = close[i]
            average = sum(close[max(0, i - 99) : i + 1]) / min(i + 1, 100)
            target = float(int(60_000 / len(symbols) / price)) if price > average and i > 100 else 0.0
            change = 0.0 if (target > 0) == (held > 0) else target - held
            if change:
                side = "buy" if change > 0 else "sell"
                refused = len(orders) % 7 == 6 and change > 0
                reason = (
                    ("position_max", "order_rate_max", "price_collar")[len(orders) % 3] if refused else ""
                )
                order = dict.fromkeys(schema.COLUMNS["orders"])
                order |= {
                    "order_id": f"{number:02x}-{len(orders)}", "policy": name, "symbol": symbol, "side": side,
                    "type": "market", "tif": "ioc", "size": abs(change),
                    "status": "refused" if refused else "filled",
                    "filled_size": 0.0 if refused else abs(change), "fee": 0.0, "reason": reason,
                    "detail": "limit 40, would be 55" if refused else "", "intent": f"target {target:g}",
                    "decided_at": times[i], "updated_at": times[i],
                }  # fmt: skip
                if not refused:
                    value, fee = abs(change) * price, abs(change) * price * 1e-4
                    order |= {"average_price": price, "fee": fee}
                    realised = 0.0
                    if change > 0:
                        entry, low, high = {"at": times[i], "price": price, "fee": fee}, 0.0, 0.0
                    else:
                        realised = held * (price - entry["price"])
                        trips.append(
                            {
                                "policy": name,
                                "symbol": symbol,
                                "direction": "long",
                                "size": held,
                                "entry_at": entry["at"],
                                "exit_at": times[i],
                                "entry_price": entry["price"],
                                "exit_price": price,
                                "holding": times[i] - entry["at"],
                                "pnl": realised - fee - entry["fee"],
                                "fees": fee + entry["fee"],
                                "mae": low,
                                "mfe": high,
                                "is_open": False,
                            }
                        )
                    held += change
                    fills.append(
                        {
                            "fill_id": len(fills) + 1,
                            "order_id": order["order_id"],
                            "policy": name,
                            "symbol": symbol,
                            "side": side,
                            "size": abs(change),
                            "price": price,
                            "value": value,
                            "fee": fee,
                            "currency": "USD",
                            "liquidity": "taker",
                            "realised_pnl": realised,
                            "position": held,
                            "ts_event": times[i],
                            "ts_recv": times[i],
                        }
                    )
                orders.append(order)
            if held:
                low, high = (
                    min(low, held * (price - entry["price"])),
                    max(high, held * (price - entry["price"])),
                )
    fills.sort(key=lambda row: (row["ts_recv"], row["fill_id"]))
    equity = _equity(times, fills, prices)
    parameters = {"window": 100, "risk": 0.6}
    meta: dict[str, Any] = {
        "policies": [PolicyMeta(name=name, use=f"tradewright.strategies:{name}", parameters=parameters)],
        "symbols": list(symbols),
        "start_ns": times[0],
        "end_ns": times[-1],
        "cash": {"USD": 100_000.0},
        "currency": "USD",
        "periods_per_year": 252,
        "grade": "daily bars, filled at the next open",
        "assumptions": ["Orders fill at the next bar's open.", "Half-spread 1 bp, no impact."],
        "warnings": ["The curve is one path; it says nothing about the future."],
        "counters": Counters(
            events=bars * len(symbols), steps=bars, wakes=bars, reviews=len(orders), sent=len(fills),
            orders=len(orders),
            refused=len(orders) - len(fills), fills=len(fills),
        ),
        "data": [
            SeriesMeta(symbol=symbol, kind="bars 1d", rows=bars, start_ns=times[0], end_ns=times[-1])
            for symbol in symbols
        ],
        "seed": seed,
        "fingerprint": "b1946ac92492d2347c6235b4d2611184",
        "config": {"risk": {"position_max": 40}},
    }  # fmt: skip
    return Result(
        orders=lambda: frame("orders", orders),
        fills=lambda: frame("fills", fills),
        round_trips=lambda: frame("round_trips", trips),
        equity=lambda: frame("equity", equity),
        prices=prices,
        meta=ResultMeta(**(meta | overrides)),
        timing={"run": 0.012},
    )


def _equity(
    times: list[int], fills: list[dict[str, Any]], prices: dict[str, pl.DataFrame]
) -> list[dict[str, Any]]:
    """Cash plus positions at each close, replayed from the fills."""
    cash, held, waiting = 100_000.0, dict.fromkeys(prices, 0.0), list(reversed(fills))
    close = {symbol: bars["close"].to_list() for symbol, bars in prices.items()}
    rows: list[dict[str, Any]] = []
    for i, time in enumerate(times):
        while waiting and waiting[-1]["ts_recv"] <= time:
            fill = waiting.pop()
            sign = 1.0 if fill["side"] == "buy" else -1.0
            cash -= sign * fill["value"] + fill["fee"]
            held[fill["symbol"]] += sign * fill["size"]
        rows.append(
            {"at": time, "equity": cash + sum(size * close[symbol][i] for symbol, size in held.items())}
        )
    return rows
