//! What an account may do with its money: cash or margin, and at which rates.

use super::groups::Netting;
use crate::instrument::{Contract, CurrencyId, Instrument};
use crate::num::Cash;

/// One in the scale of rates: 10⁻¹⁰.
pub const RATE_ONE: i64 = 10_000_000_000;

/// Whether the account may borrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// No negative cash and no shorts; a binary sold short locks what it may have to pay.
    Cash,
    /// Positions need initial margin to open and maintenance margin to stay.
    Margin,
}

/// An account as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// Cash or margin.
    pub kind: AccountKind,
    /// The currency in which limits and totals are valued.
    pub currency: CurrencyId,
    /// Starting balance of each currency; its length says how many currencies there are.
    pub balances: Vec<Cash>,
    /// What one unit of each currency is worth in the account's at the start, in 10⁻¹²; 0, or nothing at all, while it is
    /// unknown.
    pub rates_e12: Vec<i64>,
    /// Largest ratio of exposure to equity of a margin account, in 10⁻¹⁰ (2 × is 20,000,000,000).
    pub leverage_max_e10: i64,
    /// Initial margin as a share of value, in 10⁻¹⁰; 0 leaves it to `leverage_max_e10`.
    pub initial_e10: i64,
    /// Maintenance margin as a share of value, in 10⁻¹⁰; 0 asks only that equity stays positive.
    pub maintenance_e10: i64,
    /// When a day ends: ns after 00:00 UTC, below 24 hours.
    pub day_ends_ns: i64,
    /// How binaries of one event are collateralised.
    pub netting: Netting,
}

impl AccountConfig {
    /// A cash account of one currency.
    pub fn cash(balance: Cash) -> AccountConfig {
        AccountConfig {
            kind: AccountKind::Cash,
            currency: 0,
            balances: vec![balance],
            rates_e12: Vec::new(),
            leverage_max_e10: RATE_ONE,
            initial_e10: RATE_ONE,
            maintenance_e10: 0,
            day_ends_ns: 0,
            netting: Netting::Market,
        }
    }

    /// A margin account of one currency; maintenance is half of the initial margin.
    pub fn margin(balance: Cash, leverage_max: i64) -> AccountConfig {
        let initial_e10 = RATE_ONE / leverage_max.max(1);
        AccountConfig {
            kind: AccountKind::Margin,
            leverage_max_e10: RATE_ONE * leverage_max.max(1),
            initial_e10,
            maintenance_e10: initial_e10 / 2,
            ..AccountConfig::cash(balance)
        }
    }

    /// Says what contradicts itself, naming the field.
    pub fn validate(&self) -> Result<(), String> {
        if self.balances.is_empty() {
            return Err("account: balances is empty; give at least one currency".into());
        }
        if self.currency as usize >= self.balances.len() {
            return Err(format!("account: currency {} has no balance; give one, if only 0", self.currency));
        }
        if self.kind == AccountKind::Cash
            && let Some(currency) = self.balances.iter().position(|balance| *balance < 0)
        {
            return Err(format!("account: a cash account cannot start with a negative balance (currency {currency})"));
        }
        if let Some(rate) = self.rates_e12.iter().find(|rate| **rate < 0) {
            return Err(format!("account: rate of exchange {} is negative", *rate as f64 / 1e12));
        }
        if self.leverage_max_e10 <= 0 {
            return Err("account: leverage_max must be positive".into());
        }
        for (name, rate) in [("initial", self.initial_e10), ("maintenance", self.maintenance_e10)] {
            if !(0..=100 * RATE_ONE).contains(&rate) {
                return Err(format!("account: {name} margin {} is not between 0 and 100", rate as f64 / 1e10));
            }
        }
        if !(0..super::DAY_NS).contains(&self.day_ends_ns) {
            return Err(format!("account: day_ends {} ns is not within a day", self.day_ends_ns));
        }
        Ok(())
    }

    /// Initial and maintenance rates for an instrument, in 10⁻¹⁰.
    ///
    /// The instrument's own rates win; a binary is fully collateralised unless it has its own.
    pub(super) fn rates(&self, instrument: &Instrument) -> (i64, i64) {
        if self.kind == AccountKind::Cash {
            return (RATE_ONE, 0);
        }
        let (default_initial, default_maintenance) = if instrument.contract == Contract::Binary {
            (RATE_ONE, 0)
        } else {
            // Rounded up, so that leverage never exceeds its maximum.
            let leverage = self.leverage_max_e10 as i128;
            let floor = (RATE_ONE as i128 * RATE_ONE as i128 + leverage - 1) / leverage;
            (self.initial_e10.max(floor as i64), self.maintenance_e10)
        };
        let own = |rate: i64, default: i64| if rate > 0 { rate } else { default };
        (
            own(instrument.margin_initial_e10, default_initial),
            own(instrument.margin_maintenance_e10, default_maintenance),
        )
    }
}
