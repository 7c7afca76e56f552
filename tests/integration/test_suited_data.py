"""Data that cannot feed a policy: refused where nothing could wake it, warned of where it goes on blind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import tradewright as tw
from runs import DAY_NS, START_NS, bars
from tradewright import features as f
from tradewright.core.series import Quotes
from tradewright.errors import DataError
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewright.core.features import Wake

DAYS = bars([100.0, 101.0, 102.0, 103.0], step_ns=DAY_NS)
TICKS = START_NS + 1_000_000_000 * np.arange(5)
ONES = np.ones(5)
QUOTES = Quotes.from_arrays("X", ts=TICKS, bid=9 * ONES, ask=10 * ONES, bid_size=ONES, ask_size=ONES)


class Watches(tw.Policy):
    """Watches a node and wakes as told."""

    def __init__(self, node: f.Node | None, *wakes: Wake) -> None:
        self.node, self.wakes = node, wakes

    def setup(self, ctx: tw.Setup) -> None:
        if self.node is not None:
            self.seen = ctx.watch(self.node)
        ctx.wake(*self.wakes)
        self.values: list[float] = []

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        if self.node is not None:
            self.values.append(market[self.seen])


def test_a_maker_on_bars_is_told_what_it_lacks() -> None:
    result = tw.backtest(SymmetricMaker("X", refresh="1d"), DAYS)
    assert result.meta.counters.sent == 0
    assert result.meta.warnings == [
        "SymmetricMaker: features.mid('X') is NaN throughout: it needs quotes or a book, and the data of X "
        "is bars."
    ]


@pytest.mark.parametrize("wake", [f.on_quote, f.on_trade, f.on_book])
def test_nothing_would_ever_wake_it(wake: Callable[[str], f.OnSource]) -> None:
    with pytest.raises(DataError, match=r"needs .*a book, and the data has bars: nothing would ever wake"):
        tw.backtest(Watches(None, wake("X"), f.on_report()), DAYS)


def test_a_wake_beside_others_is_warned_of() -> None:
    result = tw.backtest(Watches(None, f.on_bar("X"), f.on_trade("X")), DAYS)
    assert result.meta.counters.wakes == 4
    assert len(result.meta.warnings) == 1
    assert "on_trade(X) never wakes it" in result.meta.warnings[0]


@pytest.mark.parametrize(
    ("node", "name", "is_blind"),
    [
        (f.weighted_mid("X"), "weighted_mid", True),
        (f.log(f.imbalance("X") + 2), "imbalance", True),
        (f.bid_depth("X", 3), "bid_depth", True),
        (f.last("X"), "last", True),
        (f.close("X"), "close", True),
        (f.mid("X"), "mid", False),
        (f.price("X"), "price", False),
    ],
)
def test_a_feature_without_its_source_is_nan_and_named(node: f.Node, name: str, is_blind: bool) -> None:
    policy = Watches(node, f.on_quote("X"))
    result = tw.backtest(policy, QUOTES)
    assert bool(np.isnan(policy.values).all()) == is_blind  # the kernel's own word on it
    assert any(f"features.{name}('X') is NaN throughout" in text for text in result.meta.warnings) == is_blind


@pytest.mark.parametrize(
    ("volume", "fills", "is_warned"),
    [
        (0.0, tw.Fills(), True),
        (0.0, tw.Fills(zero_volume_fills=True), False),
        (0.0, tw.Fills(participation_max="unlimited"), False),
        (5.0, tw.Fills(), False),
        (None, tw.Fills(), False),
    ],
)
def test_bars_in_which_nothing_can_fill(volume: float | None, fills: tw.Fills, is_warned: bool) -> None:
    class Buys(Watches):
        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            return tw.TargetPosition("X", 1)

    days = bars([100.0] * 5, step_ns=DAY_NS, volume=volume)
    result = tw.backtest(Buys(None, f.on_bar("X")), days, venue=tw.Venue(fills=fills))
    assert (len(result.fills) == 0) == is_warned
    assert any("volume of X is 0 in every bar" in text for text in result.meta.warnings) == is_warned
