"""The policies that are timed, written as the guide writes them, on the public API alone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import tradewright as tw
from tradewright import features as f


@dataclass
class SmaCross(tw.Policy):
    """Long one unit while the fast average of closes is above the slow one."""

    symbol: str
    fast: int = 20
    slow: int = 50

    def setup(self, ctx: tw.Setup) -> None:
        price = f.close(self.symbol)
        self.edge = ctx.watch(f.sma(price, self.fast) - f.sma(price, self.slow))
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.edge] > 0 else 0)


@dataclass
class SmaCrossAll(tw.Policy):
    """The same rule on every symbol of the data, in one policy."""

    fast: int = 20
    slow: int = 50

    def setup(self, ctx: tw.Setup) -> None:
        self.edges: dict[str, tuple[str, f.Watched]] = {}
        for symbol in ctx.symbols:
            price = f.close(symbol)
            edge = ctx.watch(f.sma(price, self.fast) - f.sma(price, self.slow))
            crossing = f.crosses(edge, 0)
            ctx.wake(crossing)
            self.edges[repr(crossing)] = (symbol, edge)  # What `market.woken_by` will say.

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        crossed = (self.edges[label] for label in market.woken_by)
        return [tw.TargetPosition(symbol, 1 if market[edge] > 0 else 0) for symbol, edge in crossed]


@dataclass
class SmaCrossInPython(tw.Policy):
    """The same rule woken at every bar, with the averages kept in Python.

    Sums of whole cents: running sums of floats drift, and miss an exact tie of the two averages.
    """

    symbol: str
    fast: int = 20
    slow: int = 50

    def setup(self, ctx: tw.Setup) -> None:
        self.close = ctx.watch(f.close(self.symbol))
        ctx.wake(f.on_bar(self.symbol))
        self.closes: deque[int] = deque(maxlen=self.slow)
        self.fast_sum = self.slow_sum = 0
        self.edge: int | None = None

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        cents = round(market[self.close] * 100)
        closes, fast, slow = self.closes, self.fast, self.slow
        seen = len(closes)
        self.fast_sum += cents - (closes[-fast] if seen >= fast else 0)
        self.slow_sum += cents - (closes[0] if seen == slow else 0)
        closes.append(cents)
        if seen < slow - 1:
            return None
        before = self.edge
        self.edge = edge = self.fast_sum * slow - self.slow_sum * fast
        if before is None:
            return None
        if edge > 0:
            if before <= 0:
                return tw.TargetPosition(self.symbol, 1)
        elif edge < 0 and before >= 0:
            return tw.TargetPosition(self.symbol, 0)
        return None


@dataclass
class Trend(tw.Policy):
    """Long one unit while an exponential average of closes is above a plain one: like B1 in cost."""

    symbol: str
    fast: int = 20
    slow: int = 50

    def setup(self, ctx: tw.Setup) -> None:
        price = f.close(self.symbol)
        self.edge = ctx.watch(f.ema(price, self.fast) - f.sma(price, self.slow))
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.edge] > 0 else 0)


@dataclass
class Breakout(tw.Policy):
    """Long one unit from a close above the highest of the bars before to one below the lowest (Donchian)."""

    symbol: str
    entry: int = 50
    exit: int = 20

    def setup(self, ctx: tw.Setup) -> None:
        close = f.close(self.symbol)
        top = f.lag(f.rolling_max(close, self.entry))
        bottom = f.lag(f.rolling_min(close, self.exit))
        self.above = ctx.watch(close - top)
        ctx.wake(f.crosses_above(self.above, 0), f.crosses_below(close, bottom))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.above] > 0 else 0)


@dataclass
class EmaCross(tw.Policy):
    """Long one unit while the fast exponential average of the mid is above the slow one."""

    symbol: str
    fast: int = 10
    slow: int = 20

    def setup(self, ctx: tw.Setup) -> None:
        mid = f.mid(self.symbol)
        self.edge = ctx.watch(f.ema(mid, self.fast) - f.ema(mid, self.slow))
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.edge] > 0 else 0)


@dataclass
class EmaCrossInPython(tw.Policy):
    """The same rule woken at every quote, with the averages kept in Python, as the floor keeps them."""

    symbol: str

    def setup(self, ctx: tw.Setup) -> None:
        self.mid = ctx.watch(f.mid(self.symbol))
        ctx.wake(f.on_quote(self.symbol))
        self.fast = self.slow = self.edge = 0.0
        self.seen = 0

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        mid = market[self.mid]
        seen = self.seen
        if seen:
            self.fast += 2 / 11 * (mid - self.fast)
            self.slow += 2 / 21 * (mid - self.slow)
        else:
            self.fast = self.slow = mid
        self.seen = seen + 1
        if seen < 19:
            return None
        edge = self.fast - self.slow
        before = self.edge
        self.edge = edge
        if seen > 19:
            if edge > 0:
                if before <= 0:
                    return tw.TargetPosition(self.symbol, 1)
            elif edge < 0 and before >= 0:
                return tw.TargetPosition(self.symbol, 0)
        return None


@dataclass
class TouchMaker(tw.Policy):
    """B3: one quote a side at the touch, within a limit; looks again every 100 ms, or never."""

    symbol: str
    phase_ns: int | None = 0
    is_trading: bool = True
    size: float = 0.01
    position_max: float = 0.05

    def setup(self, ctx: tw.Setup) -> None:
        self.bid, self.ask = ctx.watch(f.bid(self.symbol)), ctx.watch(f.ask(self.symbol))
        ctx.wake(f.on_report() if self.phase_ns is None else f.every("100ms", phase=self.phase_ns))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        bid, ask = market[self.bid], market[self.ask]
        if not (self.is_trading and bid < ask):
            return None
        held, size, most = portfolio.position(self.symbol), self.size, self.position_max + 1e-9
        return tw.TargetQuotes(
            self.symbol,
            bid=(bid, size) if held + size <= most else None,
            ask=(ask, size) if held - size >= -most else None,
        )
