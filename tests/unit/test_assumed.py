"""What a run assumed, in sentences: they follow the run's own configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import tradewright as tw
from runs import bars, quotes
from tradewright.research.report import page
from tradewright.sim.assumed import assumptions

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = tw.Instrument(symbol="X", price_unit=0.01)


@dataclass
class Sleeps(tw.Policy):
    """Does nothing."""

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return None


def of(
    kinds: Sequence[str] = ("bars",),
    instruments: Sequence[tw.Instrument] = (PLAIN,),
    *,
    venue: tw.Venue | None = None,
    account: tw.Account | None = None,
    **more: Any,
) -> str:
    return " ".join(assumptions(kinds, instruments, venue or tw.Venue(), account or tw.Account(), **more))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (of(), "first bar that opens at or after the decision"),
        (of(), "neither spread nor impact"),
        (of(), "Orders and reports take no time."),
        (of(), "Fees: none."),
        (of(), "exposure up to 2 times the equity, liquidated below 0.25"),
        (of(venue=tw.Venue(fills=tw.Fills(touch_fills=True))), "when the price touches its limit"),
        (of(venue=tw.Venue(fills=tw.Fills(participation_max=0.1))), "at most 10% of a bar's volume"),
        (of(venue=tw.Venue(fills=tw.Fills(participation_max="unlimited"))), "A bar's volume limits no fill."),
        (
            of(venue=tw.Venue(costs=tw.Costs(half_spread_min_bps=2, impact_base_bps=7, average_volume=5e6))),
            "a half-spread of 2 bps and an impact of 7 bps x (size / 5e+06) ^ 0.5",
        ),
        (
            of(venue=tw.Venue(costs=tw.Costs(half_spread_min_bps=2, volatility_coefficient=0.1))),
            "a half-spread of 0.1 times the volatility of a bar, at least 2 bps",
        ),
        (
            of(venue=tw.Venue(latency=tw.ConstantLatency(entry_ns=20_000_000), decision_ns=1_000)),
            "Orders take 20ms to the venue, reports no time back, and 1us of the policy's own time.",
        ),
        (of(venue=tw.Venue(clock="venue")), "matches by its own clock"),
        (of(["quotes"]), "A taker fills at the displayed price"),
        (of(["quotes"]), "the recorded spread and no impact"),
        (of(["book_l2"]), "with prints alone (risk averse)"),
        (of(["book_l3"]), "exactly as the recorded orders"),
        (of(instruments=[tw.instruments.kalshi_binary("K")]), "taker 0.07 x (p (1 - p))"),
        (
            of(
                instruments=[
                    PLAIN,
                    tw.Instrument(symbol="Y", price_unit=0.01, fees=(tw.Fees(taker_bps=5, maker_bps=-1),)),
                ]
            ),
            "Fees: none (X); maker -1 bps, taker 5 bps (Y).",
        ),
        (of(account=tw.Account(kind="cash")), "Cash account: no debt"),
        (of(account=tw.Account(borrow_bps_per_year=50)), "shorts pay 50 bps a year"),
        (of(engine=Sleeps()), "Sleeps filled the orders"),
        (of(["book_l2"], is_generated=True), "Orders stand in the generated book"),
    ],
)
def test_each_choice_has_its_words(text: str, expected: str) -> None:
    assert expected in text


def test_what_does_not_apply_is_not_said() -> None:
    costs = tw.Venue(costs=tw.Costs(half_spread_min_bps=2))
    assert "half-spread" not in of(["quotes"], venue=costs)  # quotes have theirs inside
    assert "bar" not in of(["book_l2"])
    assert "displayed" not in of(is_generated=True, venue=tw.Venue())


def test_the_report_lists_them() -> None:
    for data in (bars([100.0] * 3, instrument=PLAIN), quotes([(99.0, 101.0)] * 3, instrument=PLAIN)):
        result = tw.backtest(Sleeps(), data)
        assert len(result.meta.assumptions) >= 5
        shown = page({"run": result})
        assert "Orders and reports take no time." in shown
        assert "Fees: none." in shown
