"""Venue fees, to the cent as the venues print them, and what they leave of an apparent arbitrage."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from tradewright.core.venue_fees import kalshi_fees, polymarket_fees
from tradewright.research.published.anchor import Anchor, Section

if TYPE_CHECKING:
    from tradewright.core.fees import Fees


def package_net(yes: float, no: float, shares: float, *, yes_fees: Fees, no_fees: Fees) -> Fraction:
    """What equal shares of YES on one venue and NO on another pay, less cost and both taker fees."""
    cost = Fraction(str(yes)) + Fraction(str(no))
    return Fraction(str(shares)) * (1 - cost) - yes_fees.charge(yes, shares) - no_fees.charge(no, shares)


def section() -> Section:
    """The charges of the schedules in force before and after their changes."""
    cents, tenths = kalshi_fees()[0], kalshi_fees()[-1]
    politics, crypto = polymarket_fees("politics")[-1], polymarket_fees("crypto")[1]
    cases = [
        (f"Kalshi to the cent: {size} at {price}", expected, cents.charge(price, size), 2)
        for size, price, expected in ((1, 0.5, 0.02), (100, 0.5, 1.75), (100, 0.25, 1.32), (100, 0.1, 0.63))
    ]
    cases += [
        (f"Kalshi to 0.0001: 1 at {price}", expected, tenths.charge(price, 1), 4)
        for price, expected in ((0.52, 0.0175), (0.99, 0.0007))
    ]
    cases += [
        (f"Polymarket politics: 100 at {price}", expected, politics.charge(price, 100), 5)
        for price, expected in ((0.5, 1.0), (0.25, 0.75), (0.1, 0.36))
    ]
    cases.append(("Polymarket crypto, April 2026: 100 at 0.5", 1.8, crypto.charge(0.5, 100), 5))
    cases += [
        (
            f"100 YES at {yes} on Kalshi and NO at 0.5 on Polymarket (politics): net",
            expected,
            package_net(yes, 0.5, 100, yes_fees=cents, no_fees=politics),
            2,
        )
        for yes, expected in ((0.46, 1.26), (0.48, -0.75))
    ]
    return Section(
        title="Venue fees",
        source=(
            "Kalshi's fee schedule and its pages on fee rounding, with two recorded fills of June 2026; "
            "Polymarket's page on fees as of April 2026."
        ),
        note="In dollars, exact. The last row shows why a package is priced with its fees before it is sent.",
        anchors=tuple(
            Anchor(quantity=name, expected=expected, tolerance=1e-9, ours=float(ours), digits=digits)
            for name, expected, ours, digits in cases
        ),
    )
