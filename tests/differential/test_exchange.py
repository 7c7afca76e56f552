"""Generated exchanges against a slow book: what a run was told, the book's own orders say too."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
import pytest
from plain_book import PlainBook

import tradewright as tw
from runs import exact
from tradewright import features as f
from tradewright.core.book_events import BookAction, BookFlag
from tradewright.sim import GeneratedExchange, HawkesFlow, InformedFlow, PoissonFlow, generate
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewright.sim import GeneratedMarket

MS = 1_000_000
Trade: TypeAlias = tuple[int, int, int, int]
"""Time, order that rested, price in cents, size."""
EVENT = tw.instruments.binary("EVENT", fees=(tw.Fees(maker_bps=3, taker_bps=70),))
SHARE = tw.Instrument(symbol="SHARE", price_unit=0.01)
FLOWS = {
    "poisson": PoissonFlow(price=0.37, size=4.0, size_law="geometric"),
    "hawkes": HawkesFlow(price=0.37),
    "informed": InformedFlow(value=0.37, informed=0.4),
}
ACCOUNT = tw.Account(cash={"USD": 10_000}, kind="margin")


def venue(latency_ms: int) -> tw.Venue:
    return tw.Venue(latency=tw.ConstantLatency(entry_ns=latency_ms * MS, response_ns=2 * latency_ms * MS))


@dataclass
class Restless(tw.Policy):
    """Does all that an exchange knows, by chance: joins, improves, takes, stops, amends, cancels."""

    symbol: str = "EVENT"
    seed: int = 0

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("200ms"))
        self.draws = np.random.default_rng(self.seed)
        self.tick = ctx.instrument(self.symbol).tick_size_at(0.5)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        draw, symbol = self.draws, self.symbol
        bid, ask = market.bid(symbol), market.ask(symbol)
        mine = portfolio.open_orders(symbol)
        if mine and draw.random() < 0.4:
            order = mine[int(draw.integers(len(mine)))]
            if draw.random() < 0.5:
                return tw.Cancel(order.order_id)
            return tw.Amend(order.order_id, size=float(draw.integers(1, 9)))
        if not bid < ask:
            return None
        side = "buy" if draw.random() < 0.5 else "sell"
        near, far = (bid, ask) if side == "buy" else (ask, bid)
        away = -self.tick if side == "buy" else self.tick
        size = float(draw.integers(1, 9))
        kind = draw.choice(["join", "inside", "cross", "ioc", "fok", "market", "stop", "stop_limit"])
        price = {"inside": near - away, "cross": far - away, "ioc": far, "fok": far}.get(str(kind), near)
        price = min(max(round(price, 2), 0.01), 0.99)
        more: dict[str, Any] = {"type": "limit", "limit": price}
        if kind in ("ioc", "fok"):
            more["tif"] = kind
        elif kind == "market":
            more = {"type": "market"}
        elif kind == "stop":
            more = {"type": "stop", "stop": min(max(round(far - 2 * away, 2), 0.01), 0.99)}
        elif kind == "stop_limit":
            more = {
                "type": "stop_limit",
                "stop": far,
                "limit": min(max(round(far - 3 * away, 2), 0.01), 0.99),
            }
        return tw.Submit(symbol=symbol, side=side, size=size, **more)


def messages(market: GeneratedMarket) -> Iterator[tuple[int, list[tuple[int, int, int, int, int]]]]:
    """Time and events of each message: action, id, side, price in cents, size."""
    orders = market.orders
    assert orders is not None
    cents = np.round(np.nan_to_num(orders.price) * 100).astype(np.int64).tolist()
    columns = (orders.action.tolist(), orders.order_id.tolist(), orders.side.tolist(), cents)
    rows = list(zip(*columns, orders.size.astype(np.int64).tolist(), strict=True))
    first = 0
    for end in (np.flatnonzero(orders.flags & BookFlag.LAST) + 1).tolist():
        yield int(orders.ts_event_ns[first]), rows[first:end]
        first = end


def replay(market: GeneratedMarket) -> list[Trade]:
    """Puts every command into the slow book, which finds whom each taker meets by itself.

    It must be whom the exchange told: the first at the best price.
    """
    book, trades = PlainBook(), list[Trade]()
    for at_ns, message in messages(market):
        for action, order, side, price, size in message:
            if action == BookAction.EXECUTE:
                taker = 10**9 + len(trades)
                assert book.limit(taker, side < 0, price, size, tif="ioc") is None
                assert book.fills[-1][2:5] == (order, price, size)
                trades.append((at_ns, order, price, size))
            elif action == BookAction.ADD:
                assert book.limit(order, side > 0, price, size, tif="post_only") is None
            elif action == BookAction.CANCEL:
                assert book.live[order].open == size
                assert book.cancel(order) is None
            elif action == BookAction.MODIFY:
                one = book.live[order]
                assert size < one.open
                assert book.amend(order, None, one.size - one.open + size, None) is None
    assert len(book.fills) == len(trades)
    return trades


@pytest.mark.parametrize("latency_ms", [0, 30])
@pytest.mark.parametrize("name", FLOWS)
def test_every_fill_is_one_that_the_slow_book_finds(name: str, latency_ms: int) -> None:
    exchange = GeneratedExchange(FLOWS[name], instrument=EVENT, duration="10m", seed=3, orders=True)
    result = tw.backtest(Restless(), exchange, account=ACCOUNT, venue=venue(latency_ms))
    market = result.markets["EVENT"]
    trades = replay(market)
    rested: Counter[tuple[int, int, int, int]] = Counter()
    taken: Counter[tuple[int, int, int]] = Counter()
    fills = result.fills.with_columns(pl.col("ts_event").dt.epoch("ns"))
    for fill in fills.iter_rows(named=True):
        order, cents = int(fill["order_id"].split("-")[-1]), round(fill["price"] * 100)
        at_ns, lots = fill["ts_event"], int(fill["size"])
        if fill["liquidity"] == "maker":
            rested[at_ns, 2 * order - 1, cents, lots] += 1
        else:
            taken[at_ns, cents, lots] += 1
    assert rested == Counter(trade for trade in trades if trade[1] % 2)
    others = Counter((at_ns, price, lots) for at_ns, maker, price, lots in trades if maker % 2 == 0)
    assert taken <= others
    assert min(len(rested), len(taken)) > 30
    kinds = result.orders.group_by("type").len()
    assert set(kinds["type"]) == {"market", "limit", "stop", "stop_limit"}
    # Both feeds of the book lead to one book.
    levels, orders = tw.books.L2Book(EVENT).apply(market.events), tw.books.L3Book(EVENT)
    assert market.orders is not None
    orders.apply(market.orders)
    assert levels.integrity.is_trusted
    assert orders.integrity.is_trusted


@pytest.mark.parametrize("latency_ms", [0, 30])
def test_cash_is_exact_and_the_settlement_is_booked_after_the_last_fill(latency_ms: int) -> None:
    for seed in range(4):
        exchange = GeneratedExchange(FLOWS["informed"], instrument=EVENT, duration="5m", seed=seed)
        result = tw.backtest(Restless(), exchange, account=ACCOUNT, venue=venue(latency_ms * 50))
        settlement = result.markets["EVENT"].settlement
        assert settlement is not None
        assert settlement.price is not None
        cash, held = Fraction(10_000), Fraction(0)
        for fill in result.fills.iter_rows(named=True):
            signed = exact(fill["size"]) * (1 if fill["side"] == "buy" else -1)
            cash -= signed * exact(fill["price"]) + exact(fill["fee"])
            held += signed
        assert held
        assert result.equity["equity"][-1] == float(cash + held * exact(settlement.price))
        assert result.orders.filter(pl.col("reason") == "run_ended").is_empty()


class Watcher(tw.Policy):
    """Notes what it is shown and never trades."""

    def __init__(self, *symbols: str) -> None:
        self.symbols = symbols
        self.seen: list[tuple[Any, ...]] = []

    def setup(self, ctx: tw.Setup) -> None:
        for symbol in self.symbols:
            ctx.wake(f.on_book(symbol), f.on_trade(symbol))
        ctx.wake(f.every("1s"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        shown = [(market.bid(one), market.ask(one), market.last(one)) for one in self.symbols]
        self.seen.append((market.now_ns, market.woken_by, repr(shown)))
        return None


def same_market(one: GeneratedMarket, other: GeneratedMarket) -> bool:
    columns = [*one.events.columns.items(), ("ts_event_ns", one.events.ts_event_ns)]
    return (
        all(column.tobytes() == getattr(other.events, name).tobytes() for name, column in columns)
        and one.counts == other.counts
        and one.settlement == other.settlement
        and (one.value is None or other.value is None or one.value.equals(other.value))
    )


def test_without_orders_of_ours_it_is_the_recording_step_by_step() -> None:
    symbols = [f"EVENT_{name}" for name in FLOWS]
    instruments = [tw.instruments.binary(symbol) for symbol in symbols]
    made = list(zip(FLOWS.values(), instruments, (5, 6, 7), strict=True))
    exchanges = [
        GeneratedExchange(flow, instrument=one, duration="3m", seed=seed) for flow, one, seed in made
    ]
    recorded = [generate(flow, instrument=one, duration="3m", seed=seed) for flow, one, seed in made]
    live, dead = Watcher(*symbols), Watcher(*symbols)
    result = tw.backtest(live, exchanges)
    assert all(same_market(result.markets[one.events.symbol], one) for one in recorded)
    settlements = [one.settlement for one in recorded if one.settlement is not None]
    tw.backtest(dead, [one.events for one in recorded], events=settlements)
    assert live.seen == dead.seen
    assert len(live.seen) > 5_000


def test_the_same_seed_gives_the_same_run_and_another_one_does_not() -> None:
    def run(seed: int) -> tw.Result:
        exchange = GeneratedExchange(FLOWS["informed"], instrument=EVENT, duration="5m", seed=seed)
        return tw.backtest([Restless(), SymmetricMaker("EVENT")], exchange, account=ACCOUNT, venue=venue(20))

    one, two, other = run(1), run(1), run(2)
    assert one.digest() == two.digest()
    assert same_market(one.markets["EVENT"], two.markets["EVENT"])
    assert one.digest() != other.digest()
    # Our orders changed the market that would have been, and not what it was worth.
    alone = generate(FLOWS["informed"], instrument=EVENT, duration="5m", seed=1)
    assert not same_market(one.markets["EVENT"], alone)
    value = one.markets["EVENT"].value
    assert value is not None
    assert alone.value is not None
    assert value.equals(alone.value)
