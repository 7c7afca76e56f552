//! Who sends orders, and how often.

use super::value::Value;
use crate::matching::COUNT_MAX;

/// Arrivals in clusters: an exponential Hawkes process with the same mean rate.
#[derive(Clone, Copy, Debug)]
pub struct Clusters {
    /// Orders that each order brings about by itself, on average; in [0, 1).
    pub branching: f64,
    /// How fast that wears off, per second: `φ(t) = branching · decay · exp(−decay · t)`.
    pub decay: f64,
}

/// Some of those who send market orders know the value.
#[derive(Clone, Copy, Debug)]
pub struct Informed {
    /// Which share of them, in [0, 1].
    pub share: f64,
    /// What they know.
    pub value: Value,
}

/// A market. Rates are per second and side; distances count in ticks from the best price of the other side.
#[derive(Clone, Debug)]
pub struct Params {
    /// Arrival rate of limit orders at the distances 1, 2, …
    pub limit_rates: Vec<f64>,
    /// Arrival rate of market orders.
    pub market_rate: f64,
    /// Rate at which each resting order is cancelled at the distances 1, 2, …; the last one holds beyond too.
    pub cancel_rates: Vec<f64>,
    /// Lots of an order: of each one, or the mean of a geometric distribution.
    pub lots: f64,
    /// Whether it is the mean.
    pub varies: bool,
    /// The best bid of the opening book, in ticks; the best ask is one above.
    pub bid: i64,
    /// The lowest price of an order, in ticks.
    pub low: i64,
    /// The highest.
    pub high: i64,
    /// Clusters; Poisson without.
    pub clusters: Option<Clusters>,
    /// Informed traders, if there are any.
    pub informed: Option<Informed>,
}

impl Params {
    /// Rate at which limit and market orders are sent, both sides together.
    pub fn rate(&self) -> f64 {
        2.0 * (self.limit_rates.iter().sum::<f64>() + self.market_rate)
    }

    /// Cancellation rate of an order at this distance, which may be below 1 while the other side is empty.
    pub(super) fn cancel_rate(&self, distance: i64) -> f64 {
        let at = (distance.max(1) - 1).min(self.cancel_rates.len() as i64 - 1);
        self.cancel_rates[at as usize]
    }

    /// What is impossible about it.
    ///
    /// # Errors
    /// The first problem, in words.
    pub fn validate(&self) -> Result<(), String> {
        let is_rate = |rate: &f64| rate.is_finite() && *rate >= 0.0;
        if !self.limit_rates.iter().all(is_rate) || !self.limit_rates.iter().any(|rate| *rate > 0.0) {
            return Err(format!("limit_rates {:?} are not rates of at least 0, one of them above 0", self.limit_rates));
        }
        if !is_rate(&self.market_rate) {
            return Err(format!("market_rate {} is not a rate of at least 0", self.market_rate));
        }
        if self.cancel_rates.is_empty() || !self.cancel_rates.iter().all(|rate| is_rate(rate) && *rate > 0.0) {
            return Err(format!(
                "cancel_rates {:?} are not rates above 0: the book would never end",
                self.cancel_rates
            ));
        }
        if !(self.lots >= 1.0 && self.lots <= 1e9) || (!self.varies && self.lots != libm::floor(self.lots)) {
            return Err(format!("{} lots are not a whole number of lots from 1 to 1e9", self.lots));
        }
        let widest = self.limit_rates.len() as i64 + 1;
        if self.low < -COUNT_MAX + widest || self.high > COUNT_MAX - widest || self.low >= self.high {
            return Err(format!("prices from {} to {} ticks leave nothing to quote", self.low, self.high));
        }
        if self.bid < self.low || self.bid >= self.high {
            return Err(format!("a bid of {} ticks is not within {} to {}", self.bid, self.low, self.high));
        }
        if let Some(Clusters { branching, decay }) = self.clusters {
            if !(0.0..1.0).contains(&branching) {
                return Err(format!("branching {branching} is not in [0, 1): at 1 orders would never stop"));
            }
            if !(decay.is_finite() && decay > 0.0) {
                return Err(format!("decay {decay} is not above 0"));
            }
        }
        self.informed.map_or(Ok(()), |informed| informed.validate())
    }
}

impl Informed {
    fn validate(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.share) {
            return Err(format!("a share of {} informed traders is not in [0, 1]", self.share));
        }
        match self.value {
            Value::Binary { start, payoff, horizon_s } => {
                if !(start > 0.0 && start < 1.0) {
                    return Err(format!("a probability of {start} is not in (0, 1)"));
                }
                if !(payoff > 0.0 && payoff.is_finite() && horizon_s > 0.0 && horizon_s.is_finite()) {
                    return Err(format!("a claim on {payoff} ticks in {horizon_s} s is none"));
                }
            }
            Value::Brownian { start, volatility } => {
                if !(start.is_finite() && volatility >= 0.0 && volatility.is_finite()) {
                    return Err(format!("a value of {start} ticks with volatility {volatility} is not finite"));
                }
            }
        }
        Ok(())
    }
}
