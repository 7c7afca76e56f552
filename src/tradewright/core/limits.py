"""The hard limits of the risk gate, as they are configured.

A limit is a number, or a text such as ``"5%"``: a fraction of the account's equity at the time of the review.
What is not set is not limited, but for two wide limits of the account that stop mistakes: an order of 20
times the equity, exposure of 100 times. Buying power is always checked, whatever stands here.

The names follow SEC rule 15c3-5 and RTS 6 article 15 where these have one (price collar, maximum order value,
maximum order volume).
"""

from __future__ import annotations

import math
from typing import ClassVar

from msgspec import Struct


class Amount(Struct, frozen=True):
    """One limit, read.

    Attributes:
        value: The number; a fraction (0.05 for 5 %) where ``of_equity`` is true.
        of_equity: Whether the limit is ``value`` times the equity instead of ``value`` itself.
    """

    value: float
    of_equity: bool = False

    def resolve(self, equity: float) -> float:
        """The limit at this equity, in the account's currency (or in units, for a limit in units)."""
        return self.value * equity if self.of_equity else self.value


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one policy, or of the whole account.

    Attributes:
        order_size_max: Largest size of one order, in units of the instrument.
        order_value_max: Largest value of one order in the account's currency, or a percentage of equity.
        position_max: Largest absolute position per symbol in units of the instrument, or a percentage of
            equity, by value at the mark.
        gross_max: Largest sum of absolute position values, or a percentage of equity, such as ``"200%"``.
        net_max: Largest absolute sum of signed position values, or a percentage of equity.
        event_group_loss_max: Largest loss at the worst outcome of one event, counted from what the positions
            in its binaries cost, with every open order filled where that hurts; or a percentage of equity. At
            most one outcome of an event group pays, and none may unless the group is exhaustive.
        loss_per_day_max: Loss since the day's start after which only reducing orders pass, or a percentage of
            the equity at that start.
        loss_per_week_max: The same since the week's start.
        drawdown_max: Fall from the highest equity so far, as a fraction in (0, 1] or a percentage.
        price_collar: Largest distance of an order's price from the last price, as a fraction or a percentage.
        order_rate_max: Most orders per second of market time, a whole number.
    """

    order_size_max: float | None = None
    order_value_max: float | str | None = None
    position_max: float | str | None = None
    gross_max: float | str | None = None
    net_max: float | str | None = None
    event_group_loss_max: float | str | None = None
    loss_per_day_max: float | str | None = None
    loss_per_week_max: float | str | None = None
    drawdown_max: float | str | None = None
    price_collar: float | str | None = None
    order_rate_max: float | None = None

    FRACTIONS: ClassVar[frozenset[str]] = frozenset({"drawdown_max", "price_collar"})
    """Limits that are fractions by nature: 0.15 and "15%" say the same, and neither depends on the equity."""

    def __post_init__(self) -> None:
        for name in LIMIT_NAMES:
            self.amount(name)

    def amount(self, name: str) -> Amount | None:
        """One limit by its field's name, read; ``None`` where it is not set.

        Raises:
            ValueError: not a positive finite number or percentage; the message says what would be right.
        """
        raw: float | str | None = getattr(self, name)
        if raw is None:
            return None
        is_percentage = isinstance(raw, str)
        value = _percentage(name, raw) if isinstance(raw, str) else float(raw)
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name}: {raw!r} is not a limit. Give a number above 0{_or_percentage(name)}.")
        if name == "order_rate_max" and not value.is_integer():
            raise ValueError(f"{name}: {raw!r} is not a whole number of orders a second. Give 1 or more.")
        if name in self.FRACTIONS:
            if value > 1:
                raise ValueError(
                    f"{name}: {raw!r} is more than the whole. Give a fraction up to 1, such as 0.15 or '15%'."
                )
            return Amount(value)
        return Amount(value, of_equity=is_percentage)

    def amounts(self) -> dict[str, Amount]:
        """The limits that are set, by name, in the order of the fields."""
        read = {name: self.amount(name) for name in LIMIT_NAMES}
        return {name: amount for name, amount in read.items() if amount is not None}


LIMIT_NAMES: tuple[str, ...] = tuple(Limits.__struct_fields__)
"""Names of all limits, in the order of their fields."""


COUNTS: frozenset[str] = frozenset({"order_size_max", "order_rate_max"})
"""Limits that no equity scales: units of an order, orders per second."""


class Risk(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the account, and tighter ones of single policies.

    Attributes:
        per_policy: Limits by the policy's name; they come on top of the account's.
    """

    per_policy: dict[str, Limits] = {}


def _percentage(name: str, text: str) -> float:
    if name in COUNTS:
        raise ValueError(f"{name}: {text!r} is not a number. It has no percentage: write it as 100.")
    digits = text.strip()
    try:
        if not digits.endswith("%"):
            raise ValueError
        return float(digits[:-1].strip().replace("_", "")) / 100
    except ValueError:
        raise ValueError(
            f"{name}: {text!r} is neither a number nor a percentage. Write it as 5000 or as '5%'."
        ) from None


def _or_percentage(name: str) -> str:
    if name in COUNTS:
        return ""
    return " or a percentage such as '5%'" + ("" if name in Limits.FRACTIONS else " of equity")
