"""Fee schedules: what a venue charges for a fill, as data with a date."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Literal

import msgspec

from tradewright.core.exact import exact_float, exact_fraction, plain, scaled
from tradewright.core.times import DAY_NS
from tradewright.errors import InstrumentError

if TYPE_CHECKING:
    from fractions import Fraction

_ALWAYS_NS = -(2**63)


class FeeCurve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A charge of ``rate * size * (p * (1 - p)) ** exponent`` for a contract that pays 1 and trades at ``p``.

    Attributes:
        rate: The rate, 0 to 1, in steps of 0.000001.
        exponent: 0 for a flat ``rate`` a contract, 1 for the usual curve, 2 for a steeper one.

    Raises:
        InstrumentError: a rate that is negative, above 1 or too fine.
    """

    rate: float
    exponent: Literal[0, 1, 2] = 1

    def __post_init__(self) -> None:
        if self.exponent not in (0, 1, 2):
            raise _error("exponent", self.exponent, f"exponent {self.exponent!r} is none of 0, 1 and 2.")
        try:
            rate = exact_float(self.rate)
        except ValueError as error:
            raise _error("rate", self.rate, f"rate {error}.") from None
        msgspec.structs.force_setattr(self, "rate", rate)
        if not 0 <= rate <= 1 or (exact_fraction(rate) * 10**6).denominator != 1:
            text = f"rate {plain(rate)} is not from 0 to 1 in steps of 0.000001 (0.07 is 7 %)."
            raise _error("rate", rate, text)

    def in_units(self) -> tuple[int, int]:
        """``(rate_e6, exponent)``."""
        return scaled(exact_fraction(self.rate), 10**6), self.exponent


class Fees(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue charges for a fill, from a date on.

    Attributes:
        maker_bps: Charge of a resting order, in basis points of the traded value; negative is a rebate.
        taker_bps: The same for an order that takes.
        per_share: Charge per unit of size, either way, in the instrument's currency.
        minimum: The least charge of a fill that is charged at all, in the instrument's currency.
        maker_curve: Charge of a resting order in a binary by its price, instead of the three above.
        taker_curve: The same for an order that takes.
        step: The charge of a fill is a multiple of this, such as 0.01; 0 leaves it exact (to 1e-12).
        rounding: How it becomes one: ``half_even``, ``up`` (against the trader) or ``down``.
        since: First day (00:00 UTC) on which these hold; ``None`` for ever before the next schedule.

    Raises:
        InstrumentError: not a finite number, a negative `per_share`, `minimum` or `step`, a rate above
            10,000 bps, or a curve beside another kind of charge.
    """

    maker_bps: float = 0.0
    taker_bps: float = 0.0
    per_share: float = 0.0
    minimum: float = 0.0
    maker_curve: FeeCurve | None = None
    taker_curve: FeeCurve | None = None
    step: float = 0.0
    rounding: Literal["half_even", "up", "down"] = "half_even"
    since: date | None = None

    def __post_init__(self) -> None:
        for field in ("maker_bps", "taker_bps", "per_share", "minimum", "step"):
            try:
                value = exact_float(getattr(self, field))
            except ValueError as error:
                raise _error(field, getattr(self, field), f"{field} {error}.") from None
            msgspec.structs.force_setattr(self, field, value)
            if field in {"per_share", "minimum", "step"} and value < 0:
                raise _error(field, value, f"{field} {plain(value)} is negative. Give rebates as maker_bps.")
            if field.endswith("_bps") and abs(value) > 10_000:
                raise _error(
                    field, value, f"{field} {plain(value)} is more than the whole value (10,000 bps)."
                )
        if self.rounding not in ("half_even", "up", "down"):
            text = f"rounding {self.rounding!r} is none of half_even, up and down."
            raise _error("rounding", self.rounding, text)
        if self.since is not None and type(self.since) is not date:
            text = f"since {self.since!r} is no day. Give a datetime.date."
            raise _error("since", self.since, text)
        for field in ("maker_curve", "taker_curve"):
            curve = getattr(self, field)
            if curve is not None and not isinstance(curve, FeeCurve):
                raise _error(field, curve, f"{field} {curve!r} is no FeeCurve.")
        if self.has_curve and (self.maker_bps or self.taker_bps or self.per_share):
            text = "a curve stands beside maker_bps, taker_bps or per_share. Give one kind of charge."
            raise _error("taker_curve", self.taker_curve, text)

    @property
    def has_curve(self) -> bool:
        """Whether anything is charged by the price of a binary."""
        return self.maker_curve is not None or self.taker_curve is not None

    def native_fields(self, lot_size: Fraction) -> dict[str, object]:
        """The schedule under the core's own names, each number rounded once, half to even."""
        free = FeeCurve(rate=0.0)
        return {
            "from_ns": _ALWAYS_NS if self.since is None else (self.since - date(1970, 1, 1)).days * DAY_NS,
            "maker_e10": scaled(exact_fraction(self.maker_bps), 10**6),
            "taker_e10": scaled(exact_fraction(self.taker_bps), 10**6),
            "per_lot": scaled(exact_fraction(self.per_share) * lot_size, 10**12),
            "minimum": scaled(exact_fraction(self.minimum), 10**12),
            "maker_curve": (self.maker_curve or free).in_units(),
            "taker_curve": (self.taker_curve or free).in_units(),
            "step": scaled(exact_fraction(self.step), 10**12),
            "rounding": self.rounding,
        }

    def charge(self, price: float, size: float, liquidity: Literal["maker", "taker"] = "taker") -> Fraction:
        """What one fill of a linear or binary contract of multiplier 1 is charged, exactly.

        For pricing a trade before it is sent. The core charges the same amount (to 1e-12 of the currency).

        Args:
            price: Price of the fill.
            size: Its size; the sign is ignored.
            liquidity: ``maker`` if the order rests, ``taker`` if it takes.
        """
        paid, units = exact_fraction(price), abs(exact_fraction(size))
        curve, bps = (
            (self.maker_curve, self.maker_bps) if liquidity == "maker" else (self.taker_curve, self.taker_bps)
        )
        if curve is not None:
            amount = exact_fraction(curve.rate) * units * (paid * (1 - paid)) ** curve.exponent
        else:
            amount = exact_fraction(bps) / 10_000 * abs(paid) * units + exact_fraction(self.per_share) * units
        if self.step:
            step = exact_fraction(self.step)
            rounded = {"half_even": round, "up": math.ceil, "down": math.floor}[self.rounding]
            amount = rounded(amount / step) * step
        is_charged = bool(curve.rate if curve is not None else bps or self.per_share)
        return max(amount, exact_fraction(self.minimum)) if is_charged and amount >= 0 else amount


def _error(field: str, value: object, message: str) -> InstrumentError:
    return InstrumentError(message, symbol="Fees", field=field, value=value)
