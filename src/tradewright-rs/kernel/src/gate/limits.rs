//! Hard limits: what users state, and what they become for integer compares.

use crate::instrument::Instrument;
use crate::ledger::{RATE_ONE, checked_times};
use crate::num::{Cash, cash_from_f64};

/// A limit on money, or on a size that may also be stated as a share of equity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// In units of the account's currency (for `position_max`: of size).
    Absolute(f64),
    /// A share of the account's equity (for a drawdown: of its peak; for a loss: of the equity when the period began).
    EquityFraction(f64),
}

/// At most this many new orders and amendments in any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub window_ns: i64,
}

/// Limits of the account or of one policy. `None` does not limit.
///
/// `Limits::default()` limits nothing; [`Limits::account_default`] is what an account gets unless told otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Largest size of one order (RTS 6: maximum order volume).
    pub order_size_max: Option<f64>,
    /// Largest value of one order (RTS 6: maximum order value).
    pub order_value_max: Option<Amount>,
    /// Largest absolute position in one instrument, open orders at their worst; as a fraction, of its value.
    pub position_max: Option<Amount>,
    /// Largest sum of absolute position values, open orders at their worst.
    pub gross_max: Option<Amount>,
    /// Largest absolute difference of long and short values, open orders at their worst.
    pub net_max: Option<Amount>,
    /// Largest loss at the worst outcome of an event, open orders at their worst.
    pub event_group_loss_max: Option<Amount>,
    /// Largest loss since the day began.
    pub loss_per_day_max: Option<Amount>,
    /// Largest loss since the week began.
    pub loss_per_week_max: Option<Amount>,
    /// Largest fall from the highest equity.
    pub drawdown_max: Option<Amount>,
    /// Largest distance of an order's price from the mark, as a fraction of it (SEC 15c3-5, RTS 6: price collar).
    pub price_collar: Option<f64>,
    /// Most orders in a window (RTS 6: maximum messages).
    pub order_rate_max: Option<OrderRate>,
}

impl Limits {
    /// Wide limits that stop only what must be a mistake: one order of 20 times the equity, exposure of 100 times.
    ///
    /// They scale with the account, so they cost nothing to have on, and every account that trades within its buying
    /// power at up to 20 × leverage stays clear of them.
    pub fn account_default() -> Limits {
        Limits {
            order_value_max: Some(Amount::EquityFraction(20.0)),
            gross_max: Some(Amount::EquityFraction(100.0)),
            ..Limits::default()
        }
    }

    /// The limits with the narrower of each pair; a limit that only one has stands.
    ///
    /// # Errors
    /// When `new` would widen a limit, naming it, or states it in another way, so that the two cannot be compared.
    pub fn tightened(&self, new: &Limits) -> Result<Limits, String> {
        let mut out = *self;
        let number = |name: &str, old: Option<f64>, new: Option<f64>| match (old, new) {
            (Some(old), Some(new)) if new > old => Err(widens(name, &format!("{old}"), &format!("{new}"))),
            (old, new) => Ok(new.or(old)),
        };
        out.order_size_max = number("order_size_max", self.order_size_max, new.order_size_max)?;
        out.price_collar = number("price_collar", self.price_collar, new.price_collar)?;
        let amount = |name: &str, old: Option<Amount>, new: Option<Amount>| match (old, new) {
            (Some(Amount::Absolute(old)), Some(Amount::Absolute(new))) if new > old => {
                Err(widens(name, &format!("{old}"), &format!("{new}")))
            }
            (Some(Amount::EquityFraction(old)), Some(Amount::EquityFraction(new))) if new > old => {
                Err(widens(name, &format!("{old} of equity"), &format!("{new} of equity")))
            }
            (Some(Amount::Absolute(_)), Some(Amount::EquityFraction(_)))
            | (Some(Amount::EquityFraction(_)), Some(Amount::Absolute(_))) => Err(format!(
                "{name}: an amount and a fraction of equity cannot be compared while running; state it as it was"
            )),
            (old, new) => Ok(new.or(old)),
        };
        out.order_value_max = amount("order_value_max", self.order_value_max, new.order_value_max)?;
        out.position_max = amount("position_max", self.position_max, new.position_max)?;
        out.gross_max = amount("gross_max", self.gross_max, new.gross_max)?;
        out.net_max = amount("net_max", self.net_max, new.net_max)?;
        out.event_group_loss_max = amount("event_group_loss_max", self.event_group_loss_max, new.event_group_loss_max)?;
        out.loss_per_day_max = amount("loss_per_day_max", self.loss_per_day_max, new.loss_per_day_max)?;
        out.loss_per_week_max = amount("loss_per_week_max", self.loss_per_week_max, new.loss_per_week_max)?;
        out.drawdown_max = amount("drawdown_max", self.drawdown_max, new.drawdown_max)?;
        out.order_rate_max = match (self.order_rate_max, new.order_rate_max) {
            (Some(old), Some(new)) if new.count > old.count || new.window_ns < old.window_ns => {
                return Err(widens("order_rate_max", &format!("{old:?}"), &format!("{new:?}")));
            }
            (old, new) => new.or(old),
        };
        Ok(out)
    }
}

fn widens(name: &str, old: &str, new: &str) -> String {
    format!("{name}: {new} is wider than {old}; limits are widened only between runs, with a recorded reason")
}

/// An [`Amount`] as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    None,
    Cash(Cash),
    /// Share of equity in 10⁻¹⁰.
    Share(i64),
}

impl Bound {
    fn of(name: &str, amount: Option<Amount>) -> Result<Bound, String> {
        Ok(match amount {
            None => Bound::None,
            Some(Amount::Absolute(value)) => Bound::Cash(money(name, value)?),
            Some(Amount::EquityFraction(value)) => Bound::Share(share(name, value)?),
        })
    }

    #[inline]
    pub(super) fn is_none(self) -> bool {
        self == Bound::None
    }

    /// Whether an amount is beyond the limit; `base` is what a share is of, `None` where it cannot be valued.
    ///
    /// Nothing is within a share of what is not positive. `None`: cannot be evaluated.
    #[inline]
    pub(super) fn is_exceeded(self, amount: Cash, base: impl FnOnce() -> Option<Cash>) -> Option<bool> {
        match self {
            Bound::None => Some(false),
            Bound::Cash(limit) => Some(amount > limit),
            Bound::Share(rate) => {
                let base = base()?.max(0);
                Some(match (checked_times(amount, RATE_ONE), checked_times(base, rate)) {
                    (Some(amount), Some(limit)) => amount > limit,
                    (None, Some(_)) => true,
                    (Some(_), None) => false,
                    (None, None) => amount / rate.max(1) as i128 > base / RATE_ONE as i128,
                })
            }
        }
    }

    /// The limit in money, for people.
    pub(super) fn in_money(self, base: Option<Cash>) -> f64 {
        match self {
            Bound::None => f64::INFINITY,
            Bound::Cash(limit) => crate::num::cash_to_f64(limit),
            Bound::Share(rate) => {
                rate as f64 / RATE_ONE as f64 * base.map_or(f64::NAN, |base| crate::num::cash_to_f64(base.max(0)))
            }
        }
    }
}

fn money(name: &str, value: f64) -> Result<Cash, String> {
    match cash_from_f64(value) {
        Some(cash) if cash >= 0 => Ok(cash),
        _ => Err(format!("{name}: {value} is not an amount of money of 0 or more")),
    }
}

fn share(name: &str, value: f64) -> Result<i64, String> {
    if (0.0..=1e6).contains(&value) {
        Ok((value * RATE_ONE as f64).round_ties_even() as i64)
    } else {
        Err(format!("{name}: {value} is not a fraction between 0 and 1,000,000"))
    }
}

/// More lots than anything can have; sums of a few such sizes still fit.
pub(crate) const LOTS_MAX: i64 = 1_000_000_000_000_000_000;

/// More money than any order is worth, 10²¹ of any currency; sums and exchanges of it still fit.
pub(super) const VALUE_MAX: Cash = 1_000_000_000_000_000_000_000 * crate::num::CASH_ONE;

/// [`Limits`] as integers.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) source: Limits,
    /// By symbol, in lots; empty where there is no limit.
    pub(super) order_lots: Vec<i64>,
    pub(super) order_value: Bound,
    /// By symbol, in lots; empty where there is no limit.
    pub(super) position_lots: Vec<i64>,
    /// Share of equity, where the limit is one.
    pub(super) position_value: Bound,
    pub(super) gross: Bound,
    pub(super) net: Bound,
    pub(super) event_group_loss: Bound,
    pub(super) loss_per_day: Bound,
    pub(super) loss_per_week: Bound,
    pub(super) drawdown: Bound,
    /// In 10⁻¹⁰; negative where there is no limit.
    pub(super) collar_e10: i64,
    pub(super) rate: super::rate::Window,
    /// Whether any limit is set at all.
    pub(super) is_any: bool,
    /// Whether any limit on exposure or losses is set.
    pub(super) has_exposure: bool,
    pub(super) has_losses: bool,
}

impl Compiled {
    pub(super) fn new(limits: &Limits, instruments: &[Instrument]) -> Result<Compiled, String> {
        let lots = |name: &str, size: f64| -> Result<Vec<i64>, String> {
            if !(size >= 0.0 && size.is_finite()) {
                return Err(format!("{name}: {size} is not a size of 0 or more"));
            }
            // A size beyond what lots can count limits nothing that could be sent.
            Ok(instruments.iter().map(|i| i.lot_size.count_towards_zero(size).unwrap_or(i64::MAX)).collect())
        };
        let (position_lots, position_value) = match limits.position_max {
            Some(Amount::Absolute(size)) => (lots("position_max", size)?, Bound::None),
            other => (Vec::new(), Bound::of("position_max", other)?),
        };
        let rate = limits.order_rate_max;
        if let Some(OrderRate { count, window_ns }) = rate
            && (count == 0 || window_ns <= 0)
        {
            return Err(format!("order_rate_max: {count} in {window_ns} ns; both must be positive"));
        }
        let mut compiled = Compiled {
            source: *limits,
            order_lots: limits.order_size_max.map_or(Ok(Vec::new()), |size| lots("order_size_max", size))?,
            order_value: Bound::of("order_value_max", limits.order_value_max)?,
            position_lots,
            position_value,
            gross: Bound::of("gross_max", limits.gross_max)?,
            net: Bound::of("net_max", limits.net_max)?,
            event_group_loss: Bound::of("event_group_loss_max", limits.event_group_loss_max)?,
            loss_per_day: Bound::of("loss_per_day_max", limits.loss_per_day_max)?,
            loss_per_week: Bound::of("loss_per_week_max", limits.loss_per_week_max)?,
            drawdown: Bound::of("drawdown_max", limits.drawdown_max)?,
            collar_e10: limits.price_collar.map_or(Ok(-1), |fraction| share("price_collar", fraction))?,
            rate: super::rate::Window::new(rate),
            is_any: *limits != Limits::default(),
            has_exposure: false,
            has_losses: false,
        };
        compiled.has_exposure = !(compiled.gross.is_none() && compiled.net.is_none());
        compiled.has_losses =
            !(compiled.loss_per_day.is_none() && compiled.loss_per_week.is_none() && compiled.drawdown.is_none());
        Ok(compiled)
    }
}
