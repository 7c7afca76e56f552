"""`BinaryEventMaker`: its defaults, what counts as flow, and when it shows nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import tradewright as tw
from tradewright.core.books import BookAction, BookFlag
from tradewright.sim import GeneratedExchange, InformedFlow
from tradewright.strategies import BinaryEventMaker

SYMBOL = "EVENT"
CONTRACT = tw.instruments.binary(SYMBOL)
START_NS, SECOND_NS = 1_767_225_600_000_000_000, 1_000_000_000


@dataclass
class TracedMaker(BinaryEventMaker):
    """Notes at each decision the position, the prices that others showed, and what it quoted."""

    trace: list[tuple[float, float, float, tw.TargetQuotes]] = field(default_factory=list[Any])

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        intents = super().decide(market, portfolio)
        assert isinstance(intents, tw.TargetQuotes)
        prices = market.bid(SYMBOL), market.ask(SYMBOL)
        self.trace.append((portfolio.position(SYMBOL), *prices, intents))
        return intents


def test_the_defaults_are_those_that_are_documented() -> None:
    maker = BinaryEventMaker(SYMBOL)
    assert (maker.spread_base, maker.spread_min, maker.spread_max) == (0.05, 0.01, 0.5)
    assert (maker.skew, maker.window, maker.flow_weight) == (0.001, 20, 0.05)
    assert (maker.imbalance_doubling, maker.inventory_limit) == (10.0, 200.0)
    assert (maker.shade, maker.defence, maker.size, maker.size_halved_at) == (0.0005, 1.0, 10.0, 100.0)


@pytest.mark.parametrize(
    ("imbalance", "held", "base", "spread"),
    [
        (0.0, 0.0, 0.05, 0.05),
        (10.0, 0.0, 0.05, 0.10),
        (-10.0, 0.0, 0.05, 0.10),
        (0.0, 100.0, 0.05, 0.055),
        (10.0, -200.0, 0.05, 0.11),
        (90.0, 0.0, 0.05, 0.5),
        (1_000.0, 0.0, 0.05, 0.5),  # never wider,
        (0.0, 0.0, 0.001, 0.01),  # and never narrower
    ],
)
def test_the_spread_by_default(imbalance: float, held: float, base: float, spread: float) -> None:
    maker = BinaryEventMaker(SYMBOL, spread_base=base)
    maker.imbalance, maker.held = imbalance, held
    assert maker.spread == pytest.approx(spread, abs=1e-12)


def test_a_buy_that_empties_the_touch_is_a_purchase() -> None:
    """Print and emptied level come as one message: by the mid after it, each buy would look like a sale."""
    rows: list[tuple[int, BookAction, int, float, float, int]] = [
        (START_NS, BookAction.SET, 1, 0.45, 5.0, 0),
        (START_NS, BookAction.SET, -1, 0.50, 5.0, 0),
        (START_NS, BookAction.SET, -1, 0.60, 50.0, int(BookFlag.LAST)),
    ]
    for at in range(START_NS + SECOND_NS, START_NS + 11 * SECOND_NS, SECOND_NS):
        rows += [
            (at, BookAction.TRADE, 1, 0.50, 5.0, 0),
            (at, BookAction.SET, -1, 0.50, 0.0, int(BookFlag.LAST)),
            (at + SECOND_NS // 2, BookAction.SET, -1, 0.50, 5.0, int(BookFlag.LAST)),
        ]
    ts, action, side, price, size, flags = (list(column) for column in zip(*rows, strict=True))
    book = tw.BookEvents.from_arrays(
        SYMBOL, ts=ts, action=action, side=side, price=price, size=size, flags=flags, instrument=CONTRACT
    )
    maker = BinaryEventMaker(SYMBOL, size=1, inventory_limit=0.5)  # it may hold nothing, and so never trades
    result = tw.backtest(maker, book, cash=1_000)
    assert result.fills.is_empty()
    assert maker.imbalance == 50.0  # ten buys of five


def quotes_of(bid: list[float], ask: list[float]) -> tw.Quotes:
    sizes = (np.where(np.isnan(prices), 0.0, 5.0) for prices in (bid, ask))
    return tw.Quotes.from_arrays(
        SYMBOL,
        ts=START_NS + SECOND_NS * np.arange(len(bid)),
        bid=bid,
        ask=ask,
        **dict(zip(("bid_size", "ask_size"), sizes, strict=True)),
        instrument=CONTRACT,
    )


@pytest.mark.parametrize("prints", [3, 19, 20, 25])
def test_every_print_counts_though_several_come_at_one_time(prints: int) -> None:
    """Of more than the window has, the last ones: all of one moment, and of both sides."""
    sizes = np.arange(1.0, prints + 1)
    sides = np.where(np.arange(prints) % 3 == 0, -1, 1)
    trades = tw.Trades.from_arrays(
        SYMBOL,
        ts=np.full(prints, START_NS + 5 * SECOND_NS // 2),
        price=np.where(sides > 0, 0.6, 0.4),
        size=sizes,
        aggressor=sides.astype(np.int8),
        instrument=CONTRACT,
    )
    maker = BinaryEventMaker(SYMBOL, size=1, inventory_limit=0.5)
    tw.backtest(maker, [quotes_of([0.4] * 5, [0.6] * 5), trades], cash=1_000)
    assert maker.imbalance == float((sides * sizes)[-20:].sum())


def test_a_maker_of_single_lots_quotes_on_after_a_fill() -> None:
    """A size that inventory shrinks below a lot is a lot: rounded down, the first fill would be the last."""
    flow = InformedFlow(
        value=0.5,
        informed=0,
        limit_rates=(0.0,) * 8 + (0.3,) * 5,
        cancel_rates=(0.2,),
        market_rate=1.0,
        size=3,
    )
    exchange = GeneratedExchange(flow, instrument=CONTRACT, duration="120s", seed=6)
    maker = TracedMaker(SYMBOL, size=1)
    result = tw.backtest(maker, exchange, account=tw.Account(cash={"USD": 10_000}, kind="margin"))
    assert result.fills.height > 50
    held = [quotes for position, bid, ask, quotes in maker.trace if position and bid < ask]
    assert len(held) > 50
    for quotes in held:
        sides = [side for side in (quotes.bid, quotes.ask) if side is not None]
        assert sides
        assert {size for _, size in sides} == {1.0}


@pytest.mark.parametrize("empty", ["bid", "ask"])
def test_nothing_is_shown_while_a_side_of_the_market_is_empty(empty: str) -> None:
    whole, gone = [0.45] * 30, [0.45] * 10 + [math.nan] * 10 + [0.45] * 10
    bid, ask = (gone, [0.55] * 30) if empty == "bid" else (whole, [price + 0.1 for price in gone])
    maker = TracedMaker(SYMBOL)
    tw.backtest(maker, quotes_of(bid, ask), cash=1_000)
    blind = [quotes for _, *prices, quotes in maker.trace if any(math.isnan(price) for price in prices)]
    seeing = [quotes for _, *prices, quotes in maker.trace if not any(math.isnan(price) for price in prices)]
    assert len(blind) >= 10
    assert all(quotes.bid is None and quotes.ask is None for quotes in blind)
    assert len(seeing) >= 19
    assert all(quotes.bid is not None for quotes in seeing)  # also when the market is whole again
