"""What to do about each reason that an order can end with: the remedies that `why` and the report print."""

from __future__ import annotations

from typing import Final

REMEDIES: Final[dict[str, str]] = {
    "policy_cancelled": "Nothing to do: the policy withdrew it.",
    "replaced": "Nothing to do: a newer target made it wrong.",
    "ioc_remainder": "Nothing to do, or rest the remainder with tif GTC.",
    "fok_unfilled": "Use IOC to take what there is, or a smaller size.",
    "day_ended": "Use GTC to keep it over the session's end.",
    "run_ended": "Nothing to do: the data ended while it was working.",
    "instrument_ended": "Stop trading the instrument before it expires or settles.",
    "market_closed": "Wake the policy inside the session, or rest a GTC order overnight.",
    "post_only_would_take": "Quote further from the other side, or allow taking.",
    "nothing_to_reduce": "Send reduce-only orders only while a position is held.",
    "no_price": "Wait for the first record of the instrument, or use a limit price.",
    "buying_power": "Trade smaller, add cash, or use a margin account with more leverage.",
    "short_not_allowed": "Use a margin account, or sell only what is held.",
    "off_grid": "Round with Instrument.round_price(price, side).",
    "out_of_bounds": "Keep the price inside the instrument's bounds.",
    "bad_size": "Round to whole lots, and send nothing for zero.",
    "order_size_max": "Send smaller orders, or raise risk.order_size_max between runs.",
    "order_value_max": "Send smaller orders, or raise risk.order_value_max between runs.",
    "position_max": "Aim for a smaller position, or raise risk.position_max between runs.",
    "gross_max": "Hold less at once, or raise risk.gross_max between runs.",
    "net_max": "Hedge, hold less, or raise risk.net_max between runs.",
    "event_group_loss_max": "Hold less of the outcome that loses most, or raise risk.event_group_loss_max.",
    "loss_per_day_max": "Wait for the next day; the limit did its work. Reducing orders pass.",
    "loss_per_week_max": "Wait for the next week; the limit did its work. Reducing orders pass.",
    "drawdown_max": "Review the strategy before widening risk.drawdown_max. Reducing orders pass.",
    "price_collar": "Quote nearer to the last price, or raise risk.price_collar between runs.",
    "order_rate_max": "Wake less often, or raise risk.order_rate_max between runs.",
    "self_trade": "Cancel the resting order on the other side first, or let one policy own both sides.",
    "unevaluable": "Give the limit what it misses (see the detail): a price, a rate or a fresh book.",
    "custom": "Your own risk manager refused; its text is in the detail.",
    "halted": "Find the cause of the halt; only an operator re-arms it.",
    "unknown_blocks": "Wait until the venue's evidence settles the unknown order on that side.",
    "liquidation": "Use less leverage: equity fell below the maintenance margin.",
    "contradiction": "Mend what the detail names: post_only may only rest, and a bid lies below the ask.",
    "venue": "See the detail: the venue's own words.",
}
"""Remedy by reason; the keys are the kernel's closed enumeration, less the empty one."""


def remedy(reason: str) -> str:
    """What to do about a reason; empty for one that needs nothing or is not known."""
    return REMEDIES.get(reason, "")
