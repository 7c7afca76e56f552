"""Quotes that just pay for informed flow, in the simulator: a maker who stands at them earns nothing.

Many claims, each with one taker. Some know what the claim will pay, the others toss a coin. Run through
`tw.backtest` with prints, fills and settlements; what each claim earned is read from the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.core import presets

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLAIMS = 1_200
SECOND_NS = 1_000_000_000
START_NS = 1_767_225_600_000_000_000


@dataclass
class Standing(tw.Policy):
    """One contract a side of each claim, at the same two prices."""

    prices: tuple[float, float]
    symbols: list[str] = field(default_factory=list[str], init=False)

    def setup(self, ctx: tw.Setup) -> None:
        self.symbols = list(ctx.symbols)
        ctx.wake(f.on_quote(self.symbols[0]))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        bid, ask = self.prices
        return [tw.TargetQuotes(symbol, bid=(bid, 1), ask=(ask, 1)) for symbol in self.symbols]


def earned(prices: tuple[float, float], informed: float, seed: int) -> NDArray[np.float64]:
    """Profit of each claim."""
    rng = np.random.default_rng(seed)
    pays = rng.random(CLAIMS) < 0.5
    buys = np.where(rng.random(CLAIMS) < informed, pays, rng.random(CLAIMS) < 0.5)
    data: list[tw.Quotes | tw.Trades] = []
    events: list[tw.market.Settlement] = []
    for claim in range(CLAIMS):
        symbol = f"C{claim:04}"
        contract = presets.binary(symbol, fees=())
        # The others' quotes stand wide, and the taker's order trades through ours.
        data.append(
            tw.Quotes.from_arrays(
                symbol,
                ts=[START_NS],
                bid=[0.1],
                ask=[0.9],
                bid_size=[50.0],
                ask_size=[50.0],
                instrument=contract,
            )
        )
        data.append(
            tw.Trades.from_arrays(
                symbol,
                ts=[START_NS + SECOND_NS],
                price=[0.9 if buys[claim] else 0.1],
                size=[1.0],
                aggressor=[1 if buys[claim] else -1],
                instrument=contract,
            )
        )
        ends = START_NS + 2 * SECOND_NS
        price = 1.0 if pays[claim] else 0.0
        events.append(tw.market.Settlement(symbol=symbol, price=price, ts_event_ns=ends, ts_recv_ns=ends))
    account = tw.Account(cash={"USD": 10_000.0}, kind="margin")
    result = tw.backtest(Standing(prices), data, events=events, account=account)
    assert result.fills.height == CLAIMS
    assert set(result.fills["price"]) == set(prices)
    realised = dict(result.ledger.select("symbol", "realised").iter_rows())
    return np.array([float(realised[f"C{claim:04}"]) for claim in range(CLAIMS)])


@pytest.mark.parametrize(("informed", "prices"), [(0.3, (0.35, 0.65)), (0.1, (0.45, 0.55))])
def test_nothing_is_earned_at_the_quotes_of_glosten_and_milgrom(
    informed: float, prices: tuple[float, float]
) -> None:
    profit = earned(prices, informed, seed=5)
    error = profit.std(ddof=1) / np.sqrt(CLAIMS)
    assert error < 0.015
    assert abs(profit.mean()) < 4 * error


def test_a_tighter_quoter_pays_who_knows() -> None:
    profit = earned((0.48, 0.52), 0.3, seed=5)
    error = profit.std(ddof=1) / np.sqrt(CLAIMS)
    # Half a spread from all, less half a contract from each who knows.
    assert profit.mean() == pytest.approx(0.02 - 0.3 * 0.5, abs=4 * error)
    assert profit.mean() < -4 * error
