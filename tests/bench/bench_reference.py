"""What the tasks must come out to: slow loops over plain numbers, which know nothing of the library."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench_data import Columns

FEE = Fraction(5, 10_000)
"""Of traded value, each way, on bars; quotes trade free."""


class Trade(NamedTuple):
    """One fill of one unit: the row whose price it got, +1 or -1, and the price in cents."""

    row: int
    side: int
    cents: int


class Outcome(NamedTuple):
    """Fills in their order, and profit with what is still held valued at the end, after fees."""

    trades: list[Trade]
    pnl: float


def _cents(values: Sequence[float]) -> list[int]:
    return [round(value * 100) for value in values]


def _follow(wanted: Callable[[int], int | None], opens: list[int], last: int) -> Outcome:
    """Holds what the rule wants after each bar (``None``: no change), trading at the next bar's open."""
    held, trades = 0, list[Trade]()
    for row in range(len(opens) - 1):
        target = wanted(row)
        if target is not None and target != held:
            trades.append(Trade(row + 1, target - held, opens[row + 1]))
            held = target
    cents = sum(Fraction(-trade.side * trade.cents) - trade.cents * FEE for trade in trades) + held * last
    return Outcome(trades, float(cents / 100))


def _crossings(edges: Sequence[float | None]) -> Callable[[int], int | None]:
    """1 where the edge rises above zero, 0 where it falls below; the first one only arms it."""

    def wanted(row: int) -> int | None:
        edge, before = edges[row], edges[row - 1] if row else None
        if edge is None or before is None:
            return None
        if edge > 0 and before <= 0:
            return 1
        return 0 if edge < 0 and before >= 0 else None

    return wanted


def sma_cross(bars: Columns, fast: int = 20, slow: int = 50) -> Outcome:
    """B1: long where the fast average rises above the slow one, flat where it falls below."""
    closes = _cents(bars["close"].tolist())
    totals = [0]
    for close in closes:
        totals.append(totals[-1] + close)
    edges = [
        slow * (totals[row + 1] - totals[row + 1 - fast]) - fast * (totals[row + 1] - totals[row + 1 - slow])
        if row >= slow - 1
        else None
        for row in range(len(closes))
    ]

    return _follow(_crossings(edges), _cents(bars["open"].tolist()), closes[-1])


def trend(bars: Columns, fast: int = 20, slow: int = 50) -> Outcome:
    """Long where the exponential average, from the first close on, rises above the plain one."""
    closes = _cents(bars["close"].tolist())
    average, edges = closes[0] / 100, list[float | None]()
    for row, close in enumerate(closes):
        average += 2 / (fast + 1) * (close / 100 - average)
        plain = sum(closes[row + 1 - slow : row + 1]) / slow / 100
        edges.append(average - plain if row >= slow - 1 else None)
    return _follow(_crossings(edges), _cents(bars["open"].tolist()), closes[-1])


def breakout(bars: Columns, entry: int = 50, exit: int = 20) -> Outcome:  # noqa: A002 - the policy's own name
    """Long where a close passes the highest of the ``entry`` before it, flat below the lowest of ``exit``."""
    closes = _cents(bars["close"].tolist())
    tops = [max(closes[row - entry : row]) if row >= entry else None for row in range(len(closes))]
    bottoms = [min(closes[row - exit : row]) if row >= exit else None for row in range(len(closes))]

    def wanted(row: int) -> int | None:
        close, top, bottom = closes[row], tops[row], bottoms[row]
        top_before, bottom_before = (tops[row - 1], bottoms[row - 1]) if row else (None, None)
        if top is not None and top_before is not None and closes[row - 1] <= top_before and close > top:
            return 1
        if bottom is not None and bottom_before is not None and closes[row - 1] >= bottom_before:
            return 0 if close < bottom else None
        return None

    return _follow(wanted, _cents(bars["open"].tolist()), closes[-1])


def ema_cross(quotes: Columns, fast: int = 10, slow: int = 20) -> Outcome:
    """B2: exponential averages of the mid from the first on; compared from the ``slow``-th quote on."""
    bids, asks = quotes["bid"].tolist(), quotes["ask"].tolist()
    held, edge_before, trades = 0, 0.0, list[Trade]()
    fast_average = slow_average = (bids[0] + asks[0]) / 2
    for row, (bid, ask) in enumerate(zip(bids, asks, strict=True)):
        mid = (bid + ask) / 2
        fast_average += 2 / (fast + 1) * (mid - fast_average)
        slow_average += 2 / (slow + 1) * (mid - slow_average)
        edge = fast_average - slow_average
        if row >= slow:
            if edge > 0 and edge_before <= 0 and not held:
                held = 1
                trades.append(Trade(row, 1, round(ask * 100)))
            elif edge < 0 and edge_before >= 0 and held:
                held = 0
                trades.append(Trade(row, -1, round(bid * 100)))
        edge_before = edge
    mark = Fraction(round(bids[-1] * 100) + round(asks[-1] * 100), 2)  # What is held is valued at the mid.
    return Outcome(trades, float((sum(-trade.side * trade.cents for trade in trades) + held * mark) / 100))
