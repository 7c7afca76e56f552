"""Exact steps: the integers behind the decimals that users write as floats.

A float stands for the shortest decimal that reads back as it, so 0.01 is a hundredth. Everything here is
integer arithmetic on that decimal; nothing depends on a float's last bits or on the decimal context.
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

Number = float | int | str | Decimal
"""What may stand for an exact decimal: ``0.01``, ``1``, ``"0.01"`` or ``Decimal("0.01")``."""

COUNT_MAX = 2**53
"""Beyond this many steps a float no longer tells neighbours apart."""

# A float that a user computed may be a few bits off the step that it stands for.
_NOISE = 1e-12


class Step(NamedTuple):
    """A positive decimal, ``mantissa / 10**scale``, of which prices or sizes are whole multiples."""

    mantissa: int
    scale: int

    def times(self, count: int) -> float:
        """``count`` steps as the nearest float."""
        # True division of integers is correctly rounded, whatever their size.
        return count * self.mantissa / 10**self.scale

    def nearest(self, value: float) -> int:
        """How many steps come nearest to a finite ``value``, half to even."""
        numerator, denominator = value.as_integer_ratio()
        return div_half_even(numerator * 10**self.scale, denominator * self.mantissa)

    def exact(self, value: float) -> int | None:
        """How many steps ``value`` is, or ``None`` if that is no whole number."""
        count = self.nearest(value)
        return count if self.times(count) == value else None

    def floor(self, value: float) -> int:
        """The count at or below ``value``; a value within float noise of a count is that count."""
        count = self.nearest(value)
        back = self.times(count)
        return count if back <= value or _is_noise(back, value) else count - 1

    def ceil(self, value: float) -> int:
        """The count at or above ``value``; a value within float noise of a count is that count."""
        return -self.floor(-value)

    def towards_zero(self, value: float) -> int:
        """The count between zero and ``value``, with the same forgiveness."""
        return self.floor(value) if value >= 0 else self.ceil(value)

    def fraction(self) -> Fraction:
        """The step as an exact fraction."""
        return Fraction(self.mantissa, 10**self.scale)

    def text(self) -> str:
        """The step as plain decimal digits."""
        return plain(self.times(1))


@lru_cache(maxsize=4096)
def step_of(value: float) -> Step:
    """The shortest decimal that a positive, finite float stands for."""
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    mantissa = int("".join(map(str, digits)))
    scale = -int(exponent)
    while scale > 0 and mantissa % 10 == 0:
        mantissa, scale = mantissa // 10, scale - 1
    return Step(mantissa * 10**-scale, 0) if scale < 0 else Step(mantissa, scale)


def exact_float(value: object) -> float:
    """The float that stands for a number given as float, int, text or `Decimal`.

    Raises:
        ValueError: not a finite number, or more digits than a float can stand for; the text says which.
    """
    if isinstance(value, bool) or not isinstance(value, float | int | str | Decimal):
        raise ValueError(f"{value!r} is not a number")
    try:
        wanted = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not wanted.is_finite():
        raise ValueError(f"{value} is not finite")
    number = float(wanted)
    if not math.isfinite(number) or Decimal(repr(number)) != wanted:
        raise ValueError(f"{value} has more digits than a float can stand for (15 are always safe)")
    return number


def exact_fraction(value: float) -> Fraction:
    """The decimal that a finite float stands for, as a fraction."""
    return Fraction(Decimal(repr(value)))


def scaled(value: Fraction, units: int) -> int:
    """``value`` in units of ``1 / units``, rounded once, half to even."""
    return round(value * units)


def div_half_even(numerator: int, denominator: int) -> int:
    """Divides by a positive integer and rounds half to even."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + 1 if twice > denominator or (twice == denominator and quotient & 1) else quotient


def plain(value: float) -> str:
    """A float's shortest decimal without an exponent and without a trailing ``.0``."""
    text = format(Decimal(repr(float(value))), "f")
    return text.removesuffix(".0")


def _is_noise(one: float, other: float) -> bool:
    return abs(one - other) <= abs(other) * _NOISE
