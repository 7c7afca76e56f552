//! How lots and prices of one instrument make money, with the constants worked out once.

use crate::instrument::{Contract, Instrument, pow10};
use crate::num::{Cash, div_half_even};

/// `a × b ÷ c`, rounded half to even, without overflow as long as the result fits.
///
/// # Panics
/// When `c` is not positive.
#[inline]
pub fn mul_div(a: Cash, b: i64, c: i64) -> Cash {
    if b == c {
        return a;
    }
    let (b, c) = (b as i128, c as i128);
    if let Some(product) = a.checked_mul(b) {
        return div_half_even(product, c);
    }
    // The whole multiples of c need no rounding, and the rest times b fits; ties look at the whole quotient.
    let rest = a.rem_euclid(c) * b;
    let (quotient, rest) = (a.div_euclid(c) * b + rest.div_euclid(c), rest.rem_euclid(c));
    if rest * 2 > c || (rest * 2 == c && quotient & 1 != 0) { quotient + 1 } else { quotient }
}

/// `a × b`, checked for overflow without a call: the compiler's own check of a 128-bit product costs ten times this.
///
/// # Panics
/// When the product does not fit.
#[inline]
pub fn times(a: Cash, b: i64) -> Cash {
    checked_times(a, b).unwrap_or_else(|| out_of_range(a, b))
}

/// `a × b`; `None` when the product does not fit.
#[inline]
pub fn checked_times(a: Cash, b: i64) -> Option<Cash> {
    let b = b as i128;
    if let Ok(short) = i64::try_from(a) {
        return Some((short as i128).wrapping_mul(b)); // 64 by 64 bits always fit.
    }
    // Neither partial product can overflow: 64 by 64 bits.
    let (low, high) = ((a as u64 as i128).wrapping_mul(b), (a >> 64).wrapping_mul(b));
    let fits = high as i64 as i128 == high;
    match (high << 64).checked_add(low) {
        Some(product) if fits => Some(product),
        _ => times_near_the_end(a, b),
    }
}

/// Close to the ends of the range the parts may not fit although their sum does.
#[cold]
fn times_near_the_end(a: Cash, b: i128) -> Option<Cash> {
    a.checked_mul(b)
}

#[cold]
fn out_of_range(a: Cash, b: i64) -> Cash {
    panic!("money out of range: {a} × {b}")
}

/// The value function of an instrument: equal to [`Instrument::value_x2`], faster.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    num: i128,
    den: i128,
    is_inverse: bool,
    /// `num` where a value is a plain product by a number of 64 bits; otherwise 0.
    plain: i64,
}

impl Unit {
    /// The constants of an instrument.
    pub fn of(instrument: &Instrument) -> Unit {
        let (price, lot, multiplier) = (instrument.price_unit, instrument.lot_size, instrument.multiplier);
        if instrument.contract == Contract::Inverse {
            let shift = 12 + price.scale as i32 - lot.scale as i32 - multiplier.scale as i32;
            let (mut num, mut den) = (lot.mantissa as i128 * multiplier.mantissa as i128 * 2, price.mantissa as i128);
            if shift >= 0 {
                num *= pow10(shift as u32)
            } else {
                den *= pow10(-shift as u32)
            }
            return Unit { num, den, is_inverse: true, plain: 0 };
        }
        let scale = price.scale + lot.scale + multiplier.scale;
        let mut num = price.mantissa as i128 * lot.mantissa as i128 * multiplier.mantissa as i128;
        let mut den = 2;
        if scale <= 12 {
            num *= pow10(12 - scale)
        } else {
            den *= pow10(scale - 12)
        }
        if den == 2 && num & 1 == 0 {
            (num, den) = (num / 2, 1);
        }
        let plain = if den == 1 { i64::try_from(num).unwrap_or(0) } else { 0 };
        Unit { num, den, is_inverse: false, plain }
    }

    /// Signed value of `lots` at `price_x2 / 2` price units, rounded once, half to even.
    ///
    /// # Panics
    /// For an inverse contract at a price that is not positive.
    #[inline]
    pub fn value_x2(&self, price_x2: i64, lots: i64) -> Cash {
        if self.plain != 0 {
            return times((price_x2 as i128).wrapping_mul(lots as i128), self.plain);
        }
        self.general_value_x2(price_x2, lots)
    }

    /// The same; `None` where the value does not fit, or has no meaning.
    #[inline]
    pub fn checked_value_x2(&self, price_x2: i64, lots: i64) -> Option<Cash> {
        let product = (price_x2 as i128).wrapping_mul(lots as i128); // 64 by 64 bits always fit.
        if self.plain != 0 {
            checked_times(product, self.plain)
        } else if !self.is_inverse {
            Some(div_half_even(product.checked_mul(self.num)?, self.den))
        } else if price_x2 > 0 {
            let bottom = (price_x2 as i128).checked_mul(self.den)?;
            Some(-div_half_even((lots as i128).checked_mul(self.num)?, bottom))
        } else {
            None
        }
    }

    fn general_value_x2(&self, price_x2: i64, lots: i64) -> Cash {
        if !self.is_inverse {
            return div_half_even(price_x2 as i128 * lots as i128 * self.num, self.den);
        }
        assert!(price_x2 > 0, "an inverse contract needs a positive price, got {price_x2}/2 price units");
        -div_half_even(lots as i128 * self.num, price_x2 as i128 * self.den)
    }

    /// Signed value of `lots` at `price_ticks`.
    #[inline]
    pub fn value(&self, price_ticks: i64, lots: i64) -> Cash {
        self.value_x2(price_ticks * 2, lots)
    }

    /// Value of `lots ÷ parts` at the price, rounded once: a piece smaller than a lot. Not for inverse contracts.
    pub fn value_of_part_x2(&self, price_x2: i64, lots: i64, parts: i64) -> Cash {
        debug_assert!(!self.is_inverse, "parts of a lot come from splits, and inverse contracts have none");
        div_half_even(price_x2 as i128 * lots as i128 * self.num, self.den * parts as i128)
    }

    /// The average price of lots with this signed cost, in price units, rounded half to even. For people.
    pub fn average_price(&self, lots: i64, cost: Cash) -> i64 {
        let (top, bottom) = if self.is_inverse {
            (-(lots as i128) * self.num, 2 * cost * self.den)
        } else {
            (cost * self.den, 2 * lots as i128 * self.num)
        };
        if bottom == 0 { 0 } else { div_half_even(top * bottom.signum(), bottom.abs()) as i64 }
    }

    /// Value of one lot at half a price unit, where every value is a plain product by it; otherwise 0.
    #[inline]
    pub fn plain(&self) -> i64 {
        self.plain
    }

    /// Whether size counts for its value divided by the price.
    #[inline]
    pub fn is_inverse(&self) -> bool {
        self.is_inverse
    }

    /// What a trade of `lots` (signed) at `price` makes of a position of `held` lots with this cost.
    ///
    /// A reduction releases `cost × closed ÷ held`, rounded half to even; the remainder stays. A trade that turns the
    /// position closes all of it and opens the rest. `cash` is the whole value, so what the parts hold adds up to it.
    #[inline]
    pub fn trade(&self, held: i64, cost: Cash, lots: i64, price: i64) -> Traded {
        let value = self.value(price, lots);
        if held == 0 || (held > 0) == (lots > 0) {
            return Traded { lots: held + lots, cost: cost + value, realised: 0 };
        }
        let after = held + lots;
        if after == 0 {
            Traded { lots: 0, cost: 0, realised: -value - cost }
        } else if (after > 0) == (held > 0) {
            let released = mul_div(cost, lots.abs(), held.abs());
            Traded { lots: after, cost: cost - released, realised: -value - released }
        } else {
            let closing = self.value(price, -held);
            Traded { lots: after, cost: value - closing, realised: -closing - cost }
        }
    }
}

/// A position after a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traded {
    /// Lots held now, signed.
    pub lots: i64,
    /// Total signed cost of them.
    pub cost: Cash,
    /// Profit realised by the trade, before fees.
    pub realised: Cash,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::Decimal;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_equal_the_instruments_own(
            price in 1i64..10_000_000_000, lots in -1_000_000i64..1_000_000, scales in (0u32..9, 0u32..9, 0u32..3),
            mantissas in (1i64..30, 1i64..30, 1i64..300), is_inverse: bool
        ) {
            let decimal = |mantissa, scale| Decimal { mantissa, scale };
            let mut instrument = Instrument::plain("X");
            instrument.price_unit = decimal(mantissas.0, scales.0);
            instrument.lot_size = decimal(mantissas.1, scales.1);
            instrument.multiplier = decimal(mantissas.2, scales.2);
            if is_inverse {
                instrument.contract = Contract::Inverse;
            }
            let unit = Unit::of(&instrument);
            prop_assert_eq!(unit.value_x2(price, lots), instrument.value_x2(price, lots));
            prop_assert_eq!(unit.checked_value_x2(price, lots), Some(instrument.value_x2(price, lots)));
        }

        #[test]
        fn times_is_the_product(a in any::<i128>(), shift in 0u32..127, b in any::<i64>()) {
            let a = a >> shift;
            prop_assert_eq!(checked_times(a, b), a.checked_mul(b as i128));
            match a.checked_mul(b as i128) {
                Some(product) => prop_assert_eq!(times(a, b), product),
                None => prop_assert!(std::panic::catch_unwind(|| times(a, b)).is_err()),
            }
        }

        #[test]
        fn mul_div_rounds_half_even_beyond_128_bits(a in -1_000_000i128..1_000_000, b in 0i64..1000, c in 1i64..1000) {
            prop_assert_eq!(mul_div(a, b, c), div_half_even(a * b as i128, c as i128));
            // The same fraction with an amount that overflows the product.
            let large = a << 90;
            prop_assert_eq!(mul_div(large * c as i128, b, c), large * b as i128);
        }
    }
}
