"""Numbers and refusals in words."""

from __future__ import annotations

import math
from decimal import Decimal


def refusal_text(reason: str, value: float, bound: float, *, price: str = "the price") -> str:
    """A refusal's numbers in words; empty where there are none.

    Args:
        reason: Of the closed enumeration.
        value: What the order would have made of it.
        bound: The limit, in the same unit.
        price: The order's own price, as text.
    """
    made, limit = value_text(value), value_text(bound)
    if math.isnan(value):
        return f"against our own order at {limit}" if reason == "self_trade" and bound == bound else ""
    if math.isnan(bound):
        return made
    match reason:
        case "price_collar":
            return f"{price} is {percent_text(value)} from the mark, limit {percent_text(bound)}"
        case "order_size_max" | "order_value_max":
            return f"the order comes to {made}, limit {limit}"
        case "position_max":
            return f"the position would come to {made}, limit {limit}"
        case "gross_max" | "net_max":
            return f"the {reason.removesuffix('_max')} exposure would come to {made}, limit {limit}"
        case "event_group_loss_max":
            return f"the worst outcome of the event would lose {made}, limit {limit}"
        case "loss_per_day_max" | "loss_per_week_max":
            return f"{made} lost in the {reason.split('_')[2]}, limit {limit}"
        case "drawdown_max":
            return f"{made} below the peak, limit {limit}"
        case "order_rate_max":
            return f"{made} orders within a second, limit {limit}"
        case "buying_power":
            return f"needs {made}, there is {limit}"
        case "short_not_allowed":
            return f"{made} would be held"
        case "self_trade":
            return f"{made} meets our own order at {limit}"
        case _:
            return f"{made} against {limit}"


def value_text(value: float) -> str:
    """A feature or a number that a policy gave."""
    return "not ready" if math.isnan(value) else f"{value:,.10g}"


def number_text(value: Decimal | float) -> str:
    """A price or size, without zeros that say nothing."""
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    return f"{value:,.12g}"


def percent_text(fraction: float) -> str:
    """A fraction in per cent, to three digits."""
    return f"{100 * fraction:.3g} %"
