//! Price counts divided once: a quotient of integers rounded to the nearest float, so that equal means are equal.

use std::cell::Cell;

use crate::num::Decimal;

/// What one count stands for: `mantissa / den`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub mantissa: i64,
    pub den: i64,
}

impl Unit {
    /// A price unit cut into `parts` (2 for mids and marks).
    pub fn of(price_unit: Decimal, parts: i64) -> Result<Unit, String> {
        let den = 10_i64.checked_pow(price_unit.scale).and_then(|den| den.checked_mul(parts));
        let den = den.ok_or_else(|| format!("a price unit of {price_unit:?} is too fine for features"))?;
        Ok(Unit { mantissa: price_unit.mantissa, den })
    }

    /// The unit as a float.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / self.den as f64
    }

    /// The divisor that takes a sum of counts to the mean of `n`.
    pub fn over(self, n: i64) -> Divisor {
        let den = self.den.saturating_mul(n);
        // The short way is for units of 10⁻ᵏ and numbers that floats hold; all else goes the long way.
        let limit = if den <= EXACT && self.mantissa == 1 { EXACT as u64 } else { 0 };
        Divisor { mantissa: self.mantissa, den, den_f64: den as f64, limit }
    }
}

/// Up to here integers are floats.
const EXACT: i64 = 1 << 53;

/// The float in whose last bits an integer of at most [`SHIFTED_MAX`] can be written.
const SHIFT: f64 = 6_755_399_441_055_744.0;
const SHIFTED_MAX: i64 = 1 << 51;

/// Divides counts by a fixed number with one rounding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divisor {
    mantissa: i64,
    den: i64,
    den_f64: f64,
    limit: u64,
}

impl Divisor {
    /// `count × mantissa / den`, rounded once.
    #[inline(always)]
    pub fn divide(&self, count: i64) -> f64 {
        if count.unsigned_abs() <= self.limit { count as f64 / self.den_f64 } else { self.divide_any(count) }
    }

    /// [`Divisor::divide`] for a column of counts; false, and nothing done, if one of them has to go the long way.
    #[inline(always)]
    pub fn divide_column(&self, counts: &[Cell<i64>], values: &[Cell<f64>]) -> bool {
        // Floats are added here, not converted: that is what registers do four at a time.
        let limit = (self.limit as i64).min(SHIFTED_MAX);
        let is_short = |count: i64| (count >= -limit) & (count <= limit);
        if limit == 0 || !counts.iter().fold(true, |all, count| all & is_short(count.get())) {
            return false;
        }
        for (count, value) in counts.iter().zip(values) {
            let shifted = f64::from_bits((SHIFT.to_bits() as i64).wrapping_add(count.get()) as u64);
            value.set((shifted - SHIFT) / self.den_f64);
        }
        true
    }

    #[inline(never)]
    fn divide_any(&self, count: i64) -> f64 {
        let num = count as i128 * self.mantissa as i128;
        if num.unsigned_abs() <= EXACT as u128 && self.den <= EXACT {
            return num as i64 as f64 / self.den_f64;
        }
        divide_long(num, self.den)
    }
}

/// The quotient of integers beyond 2⁵³, to the nearest float while `den` is below 2⁶⁰.
fn divide_long(num: i128, den: i64) -> f64 {
    if num == 0 || den >= 1 << 60 {
        return num as f64 / den as f64;
    }
    let size = num.unsigned_abs();
    let shift = size.leading_zeros();
    let (size, den) = (size << shift, den as u128);
    // At least 67 bits of quotient; the rest is folded into the last one, so that the cast rounds rightly.
    let quotient = (size / den) | u128::from(size % den != 0);
    let value = quotient as f64 / (1_u128 << shift) as f64;
    if num < 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_means_are_equal_floats_beyond_2_to_the_53() {
        let unit = Unit::of(Decimal { mantissa: 1, scale: 8 }, 1).unwrap();
        let price = 12_345_678_901_234_567; // Above 2⁵³.
        let (a, b) = (unit.over(20).divide(price * 20), unit.over(50).divide(price * 50));
        assert_eq!(a, b);
        assert_eq!(a, 123_456_789.012_345_67);
        assert_eq!(unit.over(20).divide(-price * 20), -a);
    }

    #[test]
    fn a_column_is_divided_as_its_counts_are_or_not_at_all() {
        let divisor = Unit::of(Decimal { mantissa: 1, scale: 2 }, 1).unwrap().over(7);
        let edge = 1_i64 << 51;
        let mut counts = vec![0, 1, -1, 700, 12_345, -99_999, edge - 1, edge, 1 - edge, -edge, 3, 5, 8];
        let values = vec![Cell::new(f64::NAN); counts.len()];
        let column = |counts: &[i64]| counts.iter().map(|count| Cell::new(*count)).collect::<Vec<_>>();
        assert!(divisor.divide_column(&column(&counts), &values));
        for (count, value) in counts.iter().zip(&values) {
            assert_eq!(divisor.divide(*count).to_bits(), value.get().to_bits(), "{count}");
        }
        for beyond in [edge + 1, -edge - 1, i64::MIN, i64::MAX] {
            counts[4] = beyond;
            assert!(!divisor.divide_column(&column(&counts), &values));
        }
    }
}
