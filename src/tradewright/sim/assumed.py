"""What a run assumed, a sentence each: the report lists them beside the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.core.times import duration_text
from tradewright.sim.config import ConstantLatency, ExactQueue, ProbabilisticQueue, RecordedLatency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tradewright.core.fees import FeeCurve, Fees
    from tradewright.core.instrument import Instrument
    from tradewright.sim.config import Account, Venue

_PATHS = {
    "pessimistic": "inside of a bar each order meets first the extreme that hurts it, stops before limits",
    "open_high_low_close": "inside of a bar the high comes before the low",
    "open_low_high_close": "inside of a bar the low comes before the high",
}
_NETTING = {
    "market": "",
    "collateral_return": "; short outcomes of one event are collateralised together",
    "group": "; all outcomes of one event are collateralised together",
}


def assumptions(
    kinds: Sequence[str],
    instruments: Sequence[Instrument],
    venue: Venue,
    account: Account,
    *,
    engine: object | None = None,
    is_generated: bool = False,
) -> list[str]:
    """What stands between the data and the result.

    Args:
        kinds: Of the series: ``bars``, ``quotes``, ``trades``, ``book_l2``, ``book_l3``.
        instruments: What was traded.
        venue: The simulated venue.
        account: The account.
        engine: An execution engine in its place.
        is_generated: The run was on generated exchanges.
    """
    found: list[str] = []
    if engine is not None:
        found.append(f"{type(engine).__name__} filled the orders: nothing is known here of when and why.")
    elif is_generated:
        found.append("Orders stand in the generated book, consume it and move it; nobody reacts to them.")
        found.append(_latency(venue))
    else:
        found += [*_fills(set(kinds), venue), *_costs(set(kinds), venue), _latency(venue)]
    found += [_fees(instruments), _account(account)]
    return found


def _fills(kinds: set[str], venue: Venue) -> Iterator[str]:
    fills = venue.fills
    touch = "the price touches its limit" if fills.touch_fills else "the price trades through its limit"
    if kinds & {"book_l2", "book_l3"}:
        queue = fills.queue
        if isinstance(queue, ProbabilisticQueue):
            place = f"by chance when others cancel ({queue.name}), and with each print"
        elif isinstance(queue, ExactQueue) or (queue is None and "book_l2" not in kinds):
            place = "exactly as the recorded orders before it trade and leave"
        else:
            place = "with prints alone (risk averse), never when others cancel"
        part = "what was traded beyond it" if fills.partial else "whole as soon as its turn comes"
        yield f"A resting order moves up in its queue {place}; it fills {part}."
        yield "The recorded market does not react to the orders of the run."
    elif kinds & {"quotes", "trades"}:
        yield f"A taker fills at the displayed price; a resting limit when {touch}."
    else:
        first = (
            "at the open of the first bar that opens at or after the decision"
            if fills.timing == "next_open"
            else "on what is left of the bar in which it arrives"
        )
        yield f"An order first meets the market {first}; {_PATHS[fills.path]}."
        yield f"A resting limit fills when {touch}."
    share = fills.participation_max
    what = "a bar's volume" if kinds == {"bars"} else "a displayed or printed size"
    if share == "unlimited":
        yield f"{what[0].upper()}{what[1:]} limits no fill."
    elif kinds == {"bars"} or fills.displayed_size_caps:
        yield f"All fills together take at most {share:.0%} of {what}; an unknown size limits nothing."
    else:
        yield "A displayed size limits no fill; a printed one does."


def _costs(kinds: set[str], venue: Venue) -> Iterator[str]:
    costs = venue.costs
    parts: list[str] = []
    if kinds == {"bars"}:
        if costs.volatility_coefficient:
            parts.append(
                f"a half-spread of {costs.volatility_coefficient:g} times the volatility of a bar, at least "
                f"{costs.half_spread_min_bps:g} bps"
            )
        elif costs.half_spread_min_bps:
            parts.append(f"a half-spread of {costs.half_spread_min_bps:g} bps")
    if costs.impact_base_bps:
        volume = (
            f"the average volume of {costs.average_volume_bars} bars"
            if costs.average_volume is None
            else f"{costs.average_volume:,g}"
        )
        parts.append(
            f"an impact of {costs.impact_base_bps:g} bps x (size / {volume}) ^ {costs.impact_exponent:g}"
        )
    if parts:
        yield f"Takers pay {' and '.join(parts)} on top of the recorded price (venue.costs)."
    elif kinds == {"bars"}:
        yield "Takers pay neither spread nor impact: bars have no spread, and venue.costs adds none."
    else:
        yield "Takers pay the recorded spread and no impact beyond it."


def _latency(venue: Venue) -> str:
    latency = venue.latency
    own = f", and {duration_text(venue.decision_ns)} of the policy's own time" if venue.decision_ns else ""
    clock = (
        "" if venue.clock == "causal" else " The venue matches by its own clock, ahead of what has arrived."
    )
    if isinstance(latency, ConstantLatency):
        if not (latency.entry_ns or latency.response_ns or venue.decision_ns):
            return f"Orders and reports take no time.{clock}"
        way = f"Orders take {_time(latency.entry_ns)} to the venue, reports {_time(latency.response_ns)} back"
    elif isinstance(latency, RecordedLatency):
        way = "Orders and reports take the recorded latencies"
    else:
        way = "Orders and reports take latencies drawn from the configured distributions"
    return f"{way}{own}.{clock}"


def _time(length_ns: int) -> str:
    return duration_text(length_ns) if length_ns else "no time"


def _fees(instruments: Sequence[Instrument]) -> str:
    by_terms: dict[str, list[str]] = {}
    for one in instruments:
        terms = ", then ".join(_terms(fees) for fees in one.fees) or "none"
        by_terms.setdefault(terms, []).append(one.symbol)
    told = [
        f"{terms} ({', '.join(symbols[:4])}{', …' if len(symbols) > 4 else ''})"
        if len(by_terms) > 1
        else terms
        for terms, symbols in by_terms.items()
    ]
    return f"Fees: {'; '.join(told)}."


def _terms(fees: Fees) -> str:
    parts: list[str] = []
    for who in ("maker", "taker"):
        bps: float = getattr(fees, f"{who}_bps")
        curve: FeeCurve | None = getattr(fees, f"{who}_curve")
        if bps:
            parts.append(f"{who} {bps:g} bps")
        if curve is not None:
            parts.append(
                f"{who} {curve.rate:g} x (p (1 - p))"
                + (f" ^ {curve.exponent}" if curve.exponent != 1 else "")
            )
    if fees.per_share:
        parts.append(f"{fees.per_share:g} a share")
    if fees.minimum:
        parts.append(f"at least {fees.minimum:g}")
    return ", ".join(parts) or "none"


def _account(account: Account) -> str:
    if account.kind == "cash":
        return f"Cash account: no debt and no short positions but binaries{_NETTING[account.netting]}."
    borrow = (
        f"shorts pay {account.borrow_bps_per_year:g} bps a year"
        if account.borrow_bps_per_year
        else "shorts borrow free"
    )
    return (
        f"Margin account: exposure up to {account.leverage_max:g} times the equity, liquidated below "
        f"{account.maintenance_rate:.4g} of the value held, interest on cash left out, {borrow}"
        f"{_NETTING[account.netting]}."
    )
