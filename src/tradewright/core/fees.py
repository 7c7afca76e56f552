"""Fee schedules: what a venue charges for a fill, as data with a date."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from tradewright.core.exact import exact_float, exact_fraction, plain, scaled
from tradewright.core.times import DAY_NS
from tradewright.errors import InstrumentError

if TYPE_CHECKING:
    from fractions import Fraction

_ALWAYS_NS = -(2**63)


class Fees(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue charges for a fill, from a date on.

    Attributes:
        maker_bps: Charge of a resting order, in basis points of the traded value; negative is a rebate.
        taker_bps: The same for an order that takes.
        per_share: Charge per unit of size, either way, in the instrument's currency.
        minimum: The least charge of a fill that is charged at all, in the instrument's currency.
        since: First day (00:00 UTC) on which these hold; ``None`` for ever before the next schedule.

    Raises:
        InstrumentError: not a finite number, a negative `per_share` or `minimum`, or a rate above 10,000 bps.
    """

    maker_bps: float = 0.0
    taker_bps: float = 0.0
    per_share: float = 0.0
    minimum: float = 0.0
    since: date | None = None

    def __post_init__(self) -> None:
        for field in ("maker_bps", "taker_bps", "per_share", "minimum"):
            try:
                value = exact_float(getattr(self, field))
            except ValueError as error:
                raise _error(field, getattr(self, field), f"{field} {error}.") from None
            msgspec.structs.force_setattr(self, field, value)
            if field in {"per_share", "minimum"} and value < 0:
                raise _error(field, value, f"{field} {plain(value)} is negative. Give rebates as maker_bps.")
            if field.endswith("_bps") and abs(value) > 10_000:
                raise _error(
                    field, value, f"{field} {plain(value)} is more than the whole value (10,000 bps)."
                )

    def in_units(self, lot_size: Fraction) -> tuple[int, int, int, int, int]:
        """``(from_ns, maker_e10, taker_e10, per_lot_e12, minimum_e12)``, each rounded once, half to even."""
        return (
            _ALWAYS_NS if self.since is None else (self.since - date(1970, 1, 1)).days * DAY_NS,
            scaled(exact_fraction(self.maker_bps), 10**6),
            scaled(exact_fraction(self.taker_bps), 10**6),
            scaled(exact_fraction(self.per_share) * lot_size, 10**12),
            scaled(exact_fraction(self.minimum), 10**12),
        )


def _error(field: str, value: object, message: str) -> InstrumentError:
    return InstrumentError(message, symbol="Fees", field=field, value=value)
