"""`Position`: what a portfolio says of an instrument, as a value."""

from __future__ import annotations

import math

import tradewright as tw
from runs import bars


def test_a_position_is_a_value_that_stays() -> None:
    kept: list[tw.Position] = []

    class Holder(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(tw.features.on_bar("X"))

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            kept.append(portfolio.holding("X"))
            assert kept[-1] == portfolio.copy().holding("X") or kept[-1].size == 0
            return tw.TargetPosition("X", -3)

    result = tw.backtest(Holder(), bars([100, 101, 103, 99]), cash=1000)
    assert result.fills["price"].to_list() == [100.0]  # The next bar opens where this one closed.
    assert (kept[0].symbol, kept[0].size, kept[0].value, kept[0].unrealised_pnl) == ("X", 0.0, 0.0, 0.0)
    assert math.isnan(kept[0].average_price)
    made = [(one.size, one.average_price, one.value, one.unrealised_pnl) for one in kept[1:]]
    assert made == [(-3, 100, -303, -3), (-3, 100, -309, -9), (-3, 100, -297, 3)]
