//! Exact numbers: decimals at the edge, integers inside, one rounding rule.

/// An amount of money: an integer count of 10⁻¹² of its currency.
pub type Cash = i128;

/// One unit of a currency as [`Cash`].
pub const CASH_ONE: Cash = 1_000_000_000_000;

/// Divides and rounds half to even, the rule for every amount that is not an integer.
///
/// # Panics
/// When `den` is not positive.
#[inline]
pub fn div_half_even(num: i128, den: i128) -> i128 {
    assert!(den > 0, "div_half_even needs a positive divisor, got {den}");
    // One division: the rest follows, and neither the product nor the difference can overflow.
    let (mut quotient, mut rest) = match (i64::try_from(num), i64::try_from(den)) {
        (Ok(num), Ok(den)) => ((num / den) as i128, (num % den) as i128),
        _ => {
            let quotient = num / den;
            (quotient, num.wrapping_sub(quotient.wrapping_mul(den)))
        }
    };
    if rest < 0 {
        (quotient, rest) = (quotient - 1, rest + den);
    }
    let short = den - rest; // Twice the rest might not fit.
    if rest > short || (rest == short && quotient & 1 != 0) { quotient + 1 } else { quotient }
}

/// A decimal number held exactly: `mantissa / 10^scale`, reduced so that `scale` is the smallest possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The digits, with sign.
    pub mantissa: i64,
    /// How many of the digits stand after the point (0 to 18).
    pub scale: u32,
}

impl Decimal {
    /// The number one.
    pub const ONE: Decimal = Decimal { mantissa: 1, scale: 0 };

    /// Reads `"0.01"`, `"1e-06"`, `"-3"`: what Python's `repr` of a float, an int or a Decimal gives.
    pub fn parse(text: &str) -> Result<Decimal, String> {
        let bad = || format!("{text:?} is not a decimal number of at most 18 digits");
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().map_err(|_| bad())?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let joined = format!("{whole}{fraction}");
        let mut mantissa: i128 = joined.parse().map_err(|_| bad())?;
        let mut scale = fraction.len() as i32 - exponent;
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        while scale < 0 {
            mantissa = mantissa.checked_mul(10).ok_or_else(bad)?;
            scale += 1;
        }
        if scale > 18 {
            return Err(bad());
        }
        Ok(Decimal { mantissa: i64::try_from(mantissa).map_err(|_| bad())?, scale: scale as u32 })
    }

    /// The nearest float.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.times(1)
    }

    /// `count` times this decimal as the nearest float (exactly rounded while the product has at most 53 bits).
    #[inline]
    pub fn times(self, count: i64) -> f64 {
        if self.mantissa == 1 {
            return count as f64 / POW10[self.scale as usize];
        }
        (count as i128 * self.mantissa as i128) as f64 / POW10[self.scale as usize]
    }

    /// How many of this decimal make `value`, if that is a whole number.
    #[inline]
    pub fn count_exact(self, value: f64) -> Option<i64> {
        let count = self.count_nearest(value)?;
        (self.times(count) == value).then_some(count)
    }

    /// How many of this decimal come nearest to `value`; `None` if it is not finite or does not fit.
    #[inline]
    pub fn count_nearest(self, value: f64) -> Option<i64> {
        let count = (value * POW10[self.scale as usize] / self.mantissa as f64).round_ties_even();
        (count.abs() < 9.0e18).then_some(count as i64)
    }

    /// The count of this decimal towards zero, forgiving the last bits of a float that stands for a whole count.
    #[inline]
    pub fn count_towards_zero(self, value: f64) -> Option<i64> {
        let nearest = self.count_nearest(value)?;
        let back = self.times(nearest);
        if (back - value).abs() <= value.abs() * 1e-12 || back.abs() <= value.abs() {
            return Some(nearest);
        }
        Some(nearest - nearest.signum())
    }
}

/// Powers of ten that a float holds exactly.
pub const POW10: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Cash as the nearest float, for display and for features; never fed back into the ledger.
#[inline]
pub fn cash_to_f64(cash: Cash) -> f64 {
    // The same float either way; the processor converts 64 bits by itself.
    let count = if cash as i64 as Cash == cash { cash as i64 as f64 } else { long_to_f64(cash) };
    count / 1e12
}

#[cold]
#[inline(never)]
fn long_to_f64(cash: Cash) -> f64 {
    cash as f64
}

/// A float amount as cash, rounded half to even at 10⁻¹²; `None` if it is not finite or beyond ±10²⁴.
///
/// The float is read as the shortest decimal that it stands for, so that 0.1 is a tenth.
pub fn cash_from_f64(value: f64) -> Option<Cash> {
    if !value.is_finite() || value.abs() > 1e24 {
        return None;
    }
    cash_from_text(&format!("{value}")) // Rust prints the shortest digits that read back, without an exponent.
}

/// A decimal written without an exponent as cash, rounded half to even at 10⁻¹²; `None` if it is none or too large.
pub fn cash_from_text(text: &str) -> Option<Cash> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = fraction.len() as i32;
    if places <= 12 {
        digits.checked_mul(10_i128.checked_pow((12 - places) as u32)?)
    } else {
        match 10_i128.checked_pow((places - 12) as u32) {
            Some(den) => Some(div_half_even(digits, den)),
            None => Some(0),
        }
    }
}

/// A time of ns since the epoch as ISO 8601 in UTC, fractions of a second only where there are some.
pub fn utc_text(ns: i64) -> String {
    let rest = ns.rem_euclid(1_000_000_000);
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:09}").trim_end_matches('0').to_owned() };
    format!("{}{fraction}Z", utc_second(ns))
}

/// The same with all nine digits of the fraction: 2020-01-01T09:30:00.000000000Z.
pub fn utc_text_ns(ns: i64) -> String {
    format!("{}.{:09}Z", utc_second(ns), ns.rem_euclid(1_000_000_000))
}

/// Date and time down to the second.
fn utc_second(ns: i64) -> String {
    let seconds = ns.div_euclid(1_000_000_000);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date by eras of 400 years that begin on 1 March (Hinnant, "chrono-compatible low-level date algorithms").
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_to_even() {
        assert_eq!([5, 15, 25, -5, -15, 14, 16].map(|n| div_half_even(n, 10)), [0, 2, 2, 0, -2, 1, 2]);
    }

    #[test]
    fn decimals_read_what_python_prints() {
        for (text, mantissa, scale) in
            [("0.01", 1, 2), ("1e-06", 1, 6), ("1.50", 15, 1), ("-3", -3, 0), ("1E3", 1000, 0)]
        {
            assert_eq!(Decimal::parse(text), Ok(Decimal { mantissa, scale }), "{text}");
        }
        assert!(Decimal::parse("nan").is_err() && Decimal::parse("").is_err() && Decimal::parse("1e-19").is_err());
    }

    #[test]
    fn counts_are_exact_or_refused() {
        let cent = Decimal::parse("0.01").unwrap();
        assert_eq!(cent.count_exact(30000.12), Some(3_000_012));
        assert_eq!(cent.count_exact(0.537), None);
        assert_eq!(cent.count_exact(f64::NAN), None);
        assert_eq!(cent.count_towards_zero(0.29), Some(29));
        assert_eq!(cent.count_towards_zero(-0.299), Some(-29));
    }

    #[test]
    fn cash_reads_the_shortest_decimal() {
        assert_eq!(cash_from_f64(0.1), Some(CASH_ONE / 10));
        assert_eq!(cash_from_f64(-1e6), Some(-1_000_000 * CASH_ONE));
        assert_eq!(cash_from_f64(f64::INFINITY), None);
        assert_eq!(cash_from_f64(1e-13), Some(0));
        assert_eq!(cash_from_text("-9007199254.740993000001"), Some(-9_007_199_254_740_993_000_001));
        assert_eq!(cash_from_text("NaN"), None);
    }
}
