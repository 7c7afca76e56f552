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

/// The value function of an instrument: equal to [`Instrument::value_x2`], faster.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    num: i128,
    den: i128,
    is_inverse: bool,
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
            return Unit { num, den, is_inverse: true };
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
        Unit { num, den, is_inverse: false }
    }

    /// Signed value of `lots` at `price_x2 / 2` price units, rounded once, half to even.
    ///
    /// # Panics
    /// For an inverse contract at a price that is not positive.
    #[inline]
    pub fn value_x2(&self, price_x2: i64, lots: i64) -> Cash {
        if !self.is_inverse {
            let amount = price_x2 as i128 * lots as i128 * self.num;
            return if self.den == 1 { amount } else { div_half_even(amount, self.den) };
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
