//! What a venue charges for a fill: rates on the traded value, per lot, or on a curve over the price of a binary.

use crate::num::{Cash, div_half_even};

/// A charge of `rate × size × (p × (1 − p)) ^ exponent`, at most at even odds, for contracts priced from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FeeCurve {
    /// The rate in 10⁻⁶; 0 charges nothing.
    pub rate_e6: i64,
    /// 0 for a flat charge for each contract, 1 for the usual curve, 2 for a steeper one.
    pub exponent: u32,
}

/// How a fee becomes a multiple of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rounding {
    /// To the nearest multiple, ties to the even one.
    #[default]
    HalfEven,
    /// To the next multiple away from zero for a charge: against the trader.
    Up,
    /// To the multiple below: for the trader.
    Down,
}

/// What a venue charges for a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FeeRates {
    /// Share of the traded value, in units of 10⁻¹⁰ (1 bp = 1,000,000), for a resting order; negative is a rebate.
    pub maker_e10: i64,
    /// The same for an order that takes.
    pub taker_e10: i64,
    /// Fee for each lot, either way.
    pub per_lot: Cash,
    /// The least fee of a fill that is charged at all.
    pub minimum: Cash,
    /// Curve of a resting order; such schedules have no share of value and no fee a lot.
    pub maker_curve: FeeCurve,
    /// Curve of an order that takes.
    pub taker_curve: FeeCurve,
    /// The fee of a fill is a multiple of this; 0 for any amount.
    pub step: Cash,
    /// How it becomes one.
    pub rounding: Rounding,
}

/// A fee schedule in force from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatedFees {
    /// First moment, in ns since the epoch, at which the rates hold.
    pub from_ns: i64,
    /// The rates.
    pub rates: FeeRates,
}

/// A number of contracts at a price, as integers over powers of ten.
#[derive(Clone, Copy)]
pub(crate) struct Contracts {
    /// Contracts, lots and multiplier multiplied out, in units of 10 to the minus `size_scale`.
    pub size: i128,
    pub size_scale: u32,
    /// The price, in units of 10 to the minus `price_scale`.
    pub price: i128,
    pub price_scale: u32,
}

impl FeeRates {
    /// Whether any fee is on a curve.
    #[inline]
    pub fn has_curve(&self) -> bool {
        self.maker_curve.rate_e6 != 0 || self.taker_curve.rate_e6 != 0
    }

    /// The fee on a curve, exact until it is rounded once.
    pub(crate) fn on_curve(&self, curve: FeeCurve, contracts: Contracts) -> Cash {
        let Contracts { size, size_scale, price, price_scale } = contracts;
        let one = 10_i128.pow(price_scale);
        let odds = price * (one - price);
        let top = curve.rate_e6 as i128 * size.abs() * odds.pow(curve.exponent);
        let scale = 6 + size_scale + 2 * price_scale * curve.exponent;
        // In units of 10⁻¹² the fee is top × 10^(12 − scale).
        let (top, bottom) = match scale.checked_sub(12) {
            Some(more) => (top, 10_i128.pow(more)),
            None => (top * 10_i128.pow(12 - scale), 1),
        };
        self.rounded(top, bottom)
    }

    /// `top ÷ bottom` as a multiple of the step.
    #[inline]
    pub(crate) fn rounded(&self, top: i128, bottom: i128) -> Cash {
        let step = self.step.max(1);
        let bottom = bottom * step;
        let count = match self.rounding {
            Rounding::HalfEven => div_half_even(top, bottom),
            Rounding::Up => top.div_euclid(bottom) + i128::from(top.rem_euclid(bottom) != 0),
            Rounding::Down => top.div_euclid(bottom),
        };
        count * step
    }

    /// At least what a fill of `lots` worth `value` is charged on the dearer curve, for the check of funds.
    ///
    /// `payout` is what one lot pays if it wins. A better price may cost a larger fee, but never by as much as it saves.
    pub(crate) fn curve_bound(&self, value: Cash, lots: i64, payout: Cash) -> Cash {
        if lots == 0 || payout <= 0 {
            return 0;
        }
        let worth = (value / lots as i128).clamp(0, payout);
        let odds = worth * (payout - worth) / payout + 1; // The divisions above lose less than one unit each.
        let of = |curve: FeeCurve| {
            let share = match curve.exponent {
                0 => payout,
                1 => odds + 1,
                exponent => (1..exponent).fold(odds + 1, |share, _| share * (odds + 1) / payout + 1),
            };
            (share * curve.rate_e6 as i128 / 1_000_000 + 1) * lots as i128
        };
        of(self.maker_curve).max(of(self.taker_curve)) + self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::{Contract, Instrument};
    use crate::num::{CASH_ONE, Decimal};
    use proptest::prelude::*;

    const CENT: Cash = CASH_ONE / 100;

    fn binary(price_unit: &str, lot_size: &str, rates: FeeRates) -> Instrument {
        Instrument {
            contract: Contract::Binary,
            price_unit: Decimal::parse(price_unit).unwrap(),
            lot_size: Decimal::parse(lot_size).unwrap(),
            fees: vec![DatedFees { from_ns: 0, rates }],
            ..Instrument::plain("X")
        }
    }

    fn curve(rate_e6: i64, exponent: u32, step: Cash, rounding: Rounding) -> FeeRates {
        FeeRates { taker_curve: FeeCurve { rate_e6, exponent }, step, rounding, ..FeeRates::default() }
    }

    #[test]
    fn kalshi_rounds_up_to_the_cent() {
        let market = binary("0.01", "1", curve(70_000, 1, CENT, Rounding::Up));
        // (contracts, price in cents, fee in cents), as the venue publishes them.
        for (lots, price, cents) in [(1, 50, 2), (100, 50, 175), (100, 25, 132), (100, 10, 63), (1, 0, 0), (1, 100, 0)]
        {
            assert_eq!(market.fee(0, price, lots, false), cents * CENT, "{lots} at {price}");
            assert_eq!(market.fee(0, price, -lots, false), cents * CENT);
        }
        assert_eq!(market.fee(0, 50, 100, true), 0);
    }

    #[test]
    fn steps_cut_down_and_to_the_nearest() {
        let tenth_of_cent = CENT / 10;
        for (rounding, expected) in [(Rounding::Down, 17), (Rounding::Up, 18), (Rounding::HalfEven, 18)] {
            let market = binary("0.0001", "0.01", curve(70_000, 1, tenth_of_cent, rounding));
            assert_eq!(market.fee(0, 5_000, 100, false), expected * tenth_of_cent, "{rounding:?}"); // 0.0175
        }
        let steep = binary("0.0001", "1", curve(250_000, 2, CASH_ONE / 10_000, Rounding::Down));
        assert_eq!(steep.fee(0, 5_000, 100, false), 15_625 * CASH_ONE / 10_000); // 100 × 0.25 × 0.25²
        let flat = binary("0.01", "1", curve(2_500, 0, 0, Rounding::HalfEven));
        assert_eq!(flat.fee(0, 99, 10, false), 25 * CASH_ONE / 1_000);
    }

    proptest! {
        #[test]
        fn the_bound_is_no_less_than_the_fee(
            price in 0i64..=10_000, lots in 1i64..1_000_000, rate_e6 in 0i64..1_000_000,
            exponent in 0u32..=2, up in any::<bool>(), step in prop::sample::select(vec![0, 10_000_000, CENT]),
        ) {
            let rounding = if up { Rounding::Up } else { Rounding::Down };
            let market = binary("0.0001", "0.01", curve(rate_e6, exponent, step, rounding));
            let fee = market.fee(0, price, lots, false);
            let bound = market.fees[0].rates.curve_bound(market.value(price, lots), lots, market.payout_of_lot());
            prop_assert!(fee >= 0 && bound >= fee, "bound {bound} under {fee}");
            // And it is near: a step, and what the divisions lose.
            prop_assert!(bound - fee <= 2 * step + 6 * lots as i128 + 1, "bound {bound} far above {fee}");
        }
    }
}
