"""What Kalshi and Polymarket charge, as dated schedules: a run across a change charges both.

Fee schedules change more often than software. Every row names where it was read; before you trust a result to
the cent, compare it with the venue's page, and pass what you found as a schedule of your own.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple

from tradewright.core.fees import FeeCurve, Fees
from tradewright.errors import InstrumentError

PolymarketCategory = Literal[
    "crypto",
    "crypto_short",
    "sports",
    "finance",
    "politics",
    "mentions",
    "tech",
    "economics",
    "culture",
    "weather",
    "other",
    "geopolitics",
]
"""Polymarket's categories; ``crypto_short`` are the up-or-down markets of 5 and 15 minutes."""

_KALSHI_TAKER = 0.07
_KALSHI_MAKER = 0.0175
_KALSHI_MAKER_FLAT = 0.0025
_KALSHI_MAKER_CURVE_SINCE = date(2025, 7, 1)
_KALSHI_SUBCENT_SINCE = date(2026, 3, 9)


def kalshi_fees(
    *, multiplier: float = 1.0, makers_pay: bool = False, direct_member: bool = True
) -> tuple[Fees, ...]:
    """Kalshi's charge for a fill: ``0.07 * contracts * p * (1 - p)``, rounded up.

    Up to the cent before 2026-03-09, when sub-penny prices began, and up to 0.0001 dollar since. Resting
    orders pay nothing, except in series whose fee type is ``quadratic_with_maker_fees``: there a flat
    0.0025 a contract before 2025-07-01 and ``0.0175 * contracts * p * (1 - p)`` since.

    Each fill is rounded by itself. The venue also rounds the balance of accounts that are no direct members
    to the cent, and refunds what the fills of one order overpaid together; ``direct_member=False`` rounds
    each fill up to the cent without the refund, so it charges at most a cent a fill too much.

    Args:
        multiplier: ``fee_multiplier`` of the series; 0.5 for its half-price series.
        makers_pay: Whether the series charges resting orders.
        direct_member: Whether your account's balance has four decimals; if not, it has whole cents.

    Source:
        docs.kalshi.com "Fee rounding" and "Sub-penny pricing"; the fee schedule of 2025-07-01. Two recorded
        fills agree: 0.0175 for one contract at 0.52, 0.0007 at 0.99.
    """
    taker = _scaled_curve(_KALSHI_TAKER, multiplier)
    step = 0.0001 if direct_member else 0.01
    if not makers_pay:
        cent = Fees(taker_curve=taker, step=0.01, rounding="up")
        return (cent, _since(cent, _KALSHI_SUBCENT_SINCE, step=step))
    flat = _scaled_curve(_KALSHI_MAKER_FLAT, multiplier, exponent=0)
    first = Fees(taker_curve=taker, maker_curve=flat, step=0.01, rounding="up")
    second = Fees(
        taker_curve=taker,
        maker_curve=_scaled_curve(_KALSHI_MAKER, multiplier),
        step=0.01,
        rounding="up",
        since=_KALSHI_MAKER_CURVE_SINCE,
    )
    return (first, second, _since(second, _KALSHI_SUBCENT_SINCE, step=step))


class _Row(NamedTuple):
    since: date
    rate: float
    exponent: Literal[1, 2] = 1
    step: float = 0.00001


_CATEGORIES_SINCE = date(2026, 3, 30)  # Announced on 2026-03-23 for all categories but geopolitics.
_POLYMARKET: dict[str, tuple[_Row, ...]] = {
    "crypto_short": (
        _Row(date(2026, 1, 6), 0.25, 2, 0.0001),
        _Row(_CATEGORIES_SINCE, 0.072),
        _Row(date(2026, 5, 17), 0.07),  # First seen then; it began after 2026-04-01.
    ),
    "crypto": (_Row(_CATEGORIES_SINCE, 0.072), _Row(date(2026, 5, 17), 0.07)),
    "sports": (_Row(_CATEGORIES_SINCE, 0.03),),
    **dict.fromkeys(("finance", "politics", "mentions", "tech"), (_Row(_CATEGORIES_SINCE, 0.04),)),
    **dict.fromkeys(("economics", "culture", "weather", "other"), (_Row(_CATEGORIES_SINCE, 0.05),)),
    "geopolitics": (),
}


def polymarket_fees(category: PolymarketCategory) -> tuple[Fees, ...]:
    """Polymarket's charge for taking: ``rate * shares * p * (1 - p)``, down to 0.00001 dollar.

    By category since 2026-03-30: crypto 0.072 (0.07 since 2026-05-17 at the latest), sports 0.03, finance,
    politics, mentions and tech 0.04, economics, culture, weather and other 0.05, geopolitics nothing. Before
    that only some markets charged: ``crypto_short`` since 2026-01-06,
    ``0.25 * shares * (p * (1 - p)) ** 2`` down to 0.0001 dollar; college basketball and Serie A of
    2026-02-18 and after (0.0175) are not in the table.

    Makers pay nothing. Their rebates (a share of a day's fees, by the volume that they provided) are not a
    charge of a fill and not modelled. A buyer is charged in shares at the venue and in dollars here. A single
    market may differ: read ``fd.r`` and ``fd.e`` of ``GET /clob-markets/{condition_id}`` and pass
    ``Fees(taker_curve=FeeCurve(rate=..., exponent=...), step=0.00001, rounding="down")``.

    Raises:
        InstrumentError: no such category.

    Source:
        docs.polymarket.com "Fees", as of February, April and May 2026. In May 2026 the text says that what is
        smaller than the least fee rounds to zero; that every fee is rounded down is what
        nautilus_trader's adapter found the venue to charge.
    """
    try:
        rows = _POLYMARKET[category]
    except KeyError:
        raise InstrumentError(
            f"{category!r} is no category. Use one of {', '.join(_POLYMARKET)}.",
            symbol="polymarket_fees",
            field="category",
            value=category,
        ) from None
    free = (Fees(),) if rows else ()
    return free + tuple(
        Fees(
            taker_curve=FeeCurve(rate=row.rate, exponent=row.exponent),
            step=row.step,
            rounding="down",
            since=row.since,
        )
        for row in rows
    )


def _scaled_curve(rate: float, multiplier: float, exponent: Literal[0, 1] = 1) -> FeeCurve:
    # In whole millionths: 0.07 * 0.5 in floats is 0.035000000000000003.
    return FeeCurve(rate=round(rate * multiplier, 6), exponent=exponent)


def _since(fees: Fees, since: date, *, step: float) -> Fees:
    return Fees(
        maker_curve=fees.maker_curve,
        taker_curve=fees.taker_curve,
        step=step,
        rounding=fees.rounding,
        since=since,
    )
