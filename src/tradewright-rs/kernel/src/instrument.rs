//! What is traded: units, grids, fees and calendars as integers.

use crate::fees::Contracts;
pub use crate::fees::{DatedFees, FeeCurve, FeeRates, Rounding};
use crate::num::{Cash, Decimal, POW10, div_half_even};

/// Index of an instrument in the kernel; symbols are text only at the edge.
pub type SymbolId = u32;
/// Index of a currency in the kernel.
pub type CurrencyId = u16;

/// How price and size make an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// `size × multiplier × price`.
    Linear,
    /// `size × multiplier ÷ price`, paid in the base currency; a long gains when the price rises.
    Inverse,
    /// Pays 1 × multiplier or nothing; priced between its bounds. A short locks `1 − price`.
    Binary,
}

/// Whether a trade is paid in full or only its profit and loss change hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Shares, coins, binaries: the whole value is paid when traded.
    Full,
    /// Futures and perpetuals: cash moves by profit and loss alone.
    Margin,
}

/// The allowed order prices below `below_ticks`: whole multiples of `step_ticks` price units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridBand {
    /// The band holds prices strictly below this, in price units; the last band has `i64::MAX`.
    pub below_ticks: i64,
    /// Order prices in the band are multiples of this many price units.
    pub step_ticks: i64,
}

/// Which prices an order may have, by price band. It may be replaced by an event during the instrument's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickGrid {
    /// Bands in rising order of price; never empty.
    pub bands: Vec<GridBand>,
}

impl TickGrid {
    /// One step for all prices.
    pub fn constant(step_ticks: i64) -> TickGrid {
        TickGrid { bands: vec![GridBand { below_ticks: i64::MAX, step_ticks }] }
    }

    /// The step in force at a price.
    #[inline]
    pub fn step_at(&self, price_ticks: i64) -> i64 {
        self.bands.iter().find(|band| price_ticks < band.below_ticks).map_or(1, |band| band.step_ticks)
    }

    /// Whether an order may have this price.
    #[inline]
    pub fn allows(&self, price_ticks: i64) -> bool {
        price_ticks.rem_euclid(self.step_at(price_ticks)) == 0
    }

    /// The nearest allowed price at or below.
    pub fn round_down(&self, price_ticks: i64) -> i64 {
        price_ticks - price_ticks.rem_euclid(self.step_at(price_ticks))
    }

    /// The nearest allowed price at or above.
    pub fn round_up(&self, price_ticks: i64) -> i64 {
        let step = self.step_at(price_ticks);
        let over = price_ticks.rem_euclid(step);
        if over == 0 { price_ticks } else { price_ticks - over + step }
    }
}

/// One trading session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// First moment of trading, ns since the epoch.
    pub open_ns: i64,
    /// First moment after trading, ns since the epoch; early closes are already in it.
    pub close_ns: i64,
}

/// What is traded. Prices are counts of `price_unit`, sizes counts of `lot_size`.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// The name users write.
    pub symbol: String,
    /// Currency of price, profit and fees (of the base coin for inverse contracts).
    pub currency: CurrencyId,
    /// How price and size make money.
    pub contract: Contract,
    /// Paid in full or by profit and loss.
    pub payment: Payment,
    /// The finest price step the instrument may ever have; fixed for its life.
    pub price_unit: Decimal,
    /// The smallest size.
    pub lot_size: Decimal,
    /// Units of the underlying for a size of one.
    pub multiplier: Decimal,
    /// Which prices an order may have now.
    pub grid: TickGrid,
    /// Lowest and highest price, in price units, both allowed; `None` where there are none (then only > 0).
    pub bounds_ticks: Option<(i64, i64)>,
    /// Fee schedules in rising order of date; empty charges nothing.
    pub fees: Vec<DatedFees>,
    /// Sessions in rising order; empty trades around the clock.
    pub sessions: Vec<Session>,
    /// When it stops trading.
    pub expiry_ns: Option<i64>,
    /// Event group of mutually exclusive outcomes.
    pub event_group: Option<u32>,
    /// How many outcomes the group has, where one of them is sure to pay; `None` where it may be that none does.
    pub event_outcomes: Option<u32>,
    /// Initial margin as a share of value, in 10⁻¹⁰; used by margin accounts. 0 uses the account's leverage.
    pub margin_initial_e10: i64,
    /// Maintenance margin as a share of value, in 10⁻¹⁰. 0 uses the account's rate.
    pub margin_maintenance_e10: i64,
}

impl Instrument {
    /// A linear instrument with a price unit of 10⁻⁶ and lots of one: what a series without an instrument gets.
    pub fn plain(symbol: &str) -> Instrument {
        Instrument {
            symbol: symbol.to_owned(),
            currency: 0,
            contract: Contract::Linear,
            payment: Payment::Full,
            price_unit: Decimal { mantissa: 1, scale: 6 },
            lot_size: Decimal::ONE,
            multiplier: Decimal::ONE,
            grid: TickGrid::constant(1),
            bounds_ticks: None,
            fees: Vec::new(),
            sessions: Vec::new(),
            expiry_ns: None,
            event_group: None,
            event_outcomes: None,
            margin_initial_e10: 0,
            margin_maintenance_e10: 0,
        }
    }

    /// Signed value of `lots` at `price_x2 / 2` price units, rounded once, half to even.
    ///
    /// The price is doubled so that a mid between two ticks is an integer. For inverse contracts the value is
    /// `−size × multiplier ÷ price`, so that profit is the value's change for every kind of contract.
    #[inline]
    pub fn value_x2(&self, price_x2: i64, lots: i64) -> Cash {
        let scale = self.price_unit.scale + self.lot_size.scale + self.multiplier.scale;
        match self.contract {
            Contract::Linear | Contract::Binary => {
                let units = price_x2 as i128
                    * lots as i128
                    * self.price_unit.mantissa as i128
                    * self.lot_size.mantissa as i128
                    * self.multiplier.mantissa as i128;
                if scale <= 12 {
                    let amount = units * pow10(12 - scale);
                    if amount & 1 == 0 { amount / 2 } else { div_half_even(amount, 2) }
                } else {
                    div_half_even(units, 2 * pow10(scale - 12))
                }
            }
            Contract::Inverse => {
                // size·multiplier / (price_x2 · unit / 2), in 10⁻¹².
                let top = lots as i128 * self.lot_size.mantissa as i128 * self.multiplier.mantissa as i128 * 2;
                let bottom = price_x2 as i128 * self.price_unit.mantissa as i128;
                let shift =
                    12 + self.price_unit.scale as i32 - self.lot_size.scale as i32 - self.multiplier.scale as i32;
                if shift >= 0 {
                    -div_half_even(top * pow10(shift as u32), bottom)
                } else {
                    -div_half_even(top, bottom * pow10((-shift) as u32))
                }
            }
        }
    }

    /// Signed value of `lots` at `price_ticks`.
    #[inline]
    pub fn value(&self, price_ticks: i64, lots: i64) -> Cash {
        self.value_x2(price_ticks * 2, lots)
    }

    /// The lowest and highest price that a record may have, in price units: the bounds, or anything above zero without
    /// them. Nothing can be valued in an inverse contract's coin at a price that is not above zero.
    pub fn price_range_ticks(&self) -> (i64, i64) {
        let (lowest, highest) = self.bounds_ticks.unwrap_or((1, i64::MAX));
        (if self.contract == Contract::Inverse { lowest.max(1) } else { lowest }, highest)
    }

    /// The rates in force; `None` charge nothing.
    #[inline]
    pub fn fees_at(&self, now_ns: i64) -> Option<&FeeRates> {
        self.fees.iter().rev().find(|dated| dated.from_ns <= now_ns).map(|dated| &dated.rates)
    }

    /// What one lot of a binary pays if it wins.
    pub(crate) fn payout_of_lot(&self) -> Cash {
        let scale = self.lot_size.scale + self.multiplier.scale;
        let size = self.lot_size.mantissa as i128 * self.multiplier.mantissa as i128;
        if scale <= 12 { size * pow10(12 - scale) } else { size / pow10(scale - 12) }
    }

    /// The fee of one fill, rounded once: half to even, or as the schedule says. Negative is a rebate.
    #[inline]
    pub fn fee(&self, now_ns: i64, price_ticks: i64, lots: i64, is_maker: bool) -> Cash {
        self.fee_on(now_ns, price_ticks, lots, is_maker, || self.value(price_ticks, lots))
    }

    /// The same for who has a quicker way to the value.
    #[inline]
    pub(crate) fn fee_on(
        &self,
        now_ns: i64,
        price_ticks: i64,
        lots: i64,
        is_maker: bool,
        value: impl FnOnce() -> Cash,
    ) -> Cash {
        let Some(rates) = self.fees_at(now_ns) else { return 0 };
        let (rate, curve) =
            if is_maker { (rates.maker_e10, rates.maker_curve) } else { (rates.taker_e10, rates.taker_curve) };
        let fee = if curve.rate_e6 != 0 {
            let Instrument { price_unit, lot_size, multiplier, .. } = self;
            rates.on_curve(
                curve,
                Contracts {
                    size: lots as i128 * lot_size.mantissa as i128 * multiplier.mantissa as i128,
                    size_scale: lot_size.scale + multiplier.scale,
                    price: price_ticks as i128 * price_unit.mantissa as i128,
                    price_scale: price_unit.scale,
                },
            )
        } else {
            let share = div_half_even(value().abs() * rate as i128, 10_000_000_000);
            let fee = share + rates.per_lot * lots.abs() as i128;
            if rates.step == 0 { fee } else { rates.rounded(fee, 1) }
        };
        let is_charged = rate != 0 || rates.per_lot != 0 || curve.rate_e6 != 0;
        if rates.minimum > 0 && fee >= 0 && is_charged { fee.max(rates.minimum) } else { fee }
    }

    /// A price in price units as the float users see.
    #[inline]
    pub fn price(&self, price_ticks: i64) -> f64 {
        self.price_unit.times(price_ticks)
    }

    /// A doubled price as a float.
    #[inline]
    pub fn price_x2(&self, price_x2: i64) -> f64 {
        self.price_unit.times(price_x2) / 2.0
    }

    /// A size in lots as the float users see.
    #[inline]
    pub fn size(&self, lots: i64) -> f64 {
        self.lot_size.times(lots)
    }

    /// The multiplier of `price × unit` floats: 10^scale where the unit is a power of ten.
    #[inline]
    pub fn price_scale(&self) -> f64 {
        POW10[self.price_unit.scale as usize] / self.price_unit.mantissa as f64
    }

    /// The multiplier of `size × unit` floats.
    #[inline]
    pub fn lot_scale(&self) -> f64 {
        POW10[self.lot_size.scale as usize] / self.lot_size.mantissa as f64
    }

    /// The session at a moment; `None` when closed. An instrument without sessions is always open.
    pub fn session_at(&self, now_ns: i64) -> Option<Session> {
        if self.sessions.is_empty() {
            return Some(Session { open_ns: i64::MIN, close_ns: i64::MAX });
        }
        let next = self.sessions.partition_point(|session| session.close_ns <= now_ns);
        self.sessions.get(next).copied().filter(|session| session.open_ns <= now_ns)
    }

    /// The end of the session in progress, or of the next one: when a DAY order sent now expires.
    pub fn day_end_ns(&self, now_ns: i64) -> i64 {
        if self.sessions.is_empty() {
            const DAY_NS: i64 = 86_400_000_000_000;
            return (now_ns.div_euclid(DAY_NS) + 1) * DAY_NS;
        }
        let next = self.sessions.partition_point(|session| session.close_ns <= now_ns);
        self.sessions.get(next).map_or(i64::MAX, |session| session.close_ns)
    }
}

/// 10^n as an integer.
#[inline]
pub fn pow10(n: u32) -> i128 {
    10_i128.pow(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact_for_each_contract() {
        let mut instrument = Instrument::plain("X");
        assert_eq!(instrument.value(30_000_120_000, 1), 30_000_120_000 * 1_000_000);
        assert_eq!(instrument.value_x2(3, 1), 1_500_000);
        instrument.contract = Contract::Inverse;
        instrument.multiplier = Decimal::parse("100").unwrap();
        // 100 USD of a coin at 50,000: 0.002 coins.
        assert_eq!(instrument.value(50_000_000_000, 1), -2_000_000_000);
    }

    #[test]
    fn tapered_grid_rounds_outward() {
        let grid = TickGrid {
            bands: vec![
                GridBand { below_ticks: 100, step_ticks: 1 },
                GridBand { below_ticks: 900, step_ticks: 10 },
                GridBand { below_ticks: i64::MAX, step_ticks: 1 },
            ],
        };
        assert_eq!((grid.round_down(537), grid.round_up(537)), (530, 540));
        assert!(grid.allows(99) && !grid.allows(101) && grid.allows(901));
    }

    #[test]
    fn fees_are_dated_and_have_a_minimum() {
        let mut instrument = Instrument::plain("X");
        let rates = |taker_e10, minimum| FeeRates { taker_e10, minimum, ..FeeRates::default() };
        instrument.fees = vec![
            DatedFees { from_ns: 0, rates: rates(5_000_000, 0) },
            DatedFees { from_ns: 100, rates: rates(0, 7) },
            DatedFees { from_ns: 200, rates: rates(1, 7_000_000_000_000) },
        ];
        let price = 100_000_000; // 100.00
        assert_eq!(instrument.fee(99, price, 1, false), 50_000_000_000); // 5 bp of 100 = 0.05
        assert_eq!(instrument.fee(100, price, 1, false), 0);
        assert_eq!(instrument.fee(200, price, 1, false), 7_000_000_000_000);
    }
}
