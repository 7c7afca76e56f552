//! What the asset is worth: known to informed traders, and to nobody else.

use core::f64::consts::FRAC_1_SQRT_2;

use super::chance::Chance;

/// How the value moves. Both are martingales.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A claim that pays `payoff` ticks or nothing at the horizon: the conditional probability that a Brownian motion
    /// ends above a level, `Φ((z √T + W_t) / √(T − t))` with `Φ(z)` the start.
    Binary {
        /// Probability at the start, in (0, 1).
        start: f64,
        /// What it may pay, in ticks.
        payoff: f64,
        /// When it is known, in seconds from the start.
        horizon_s: f64,
    },
    /// A Brownian motion.
    Brownian {
        /// In ticks.
        start: f64,
        /// Ticks per square root of a second.
        volatility: f64,
    },
}

/// The path so far.
#[derive(Clone, Debug)]
pub(super) struct Path {
    value: Value,
    chance: Chance,
    /// Where the Brownian motion stands, and when it was last looked at.
    level: f64,
    at_s: f64,
}

impl Path {
    pub(super) fn new(value: Value, chance: Chance) -> Path {
        let level = match value {
            Value::Binary { start, horizon_s, .. } => normal_quantile(start) * libm::sqrt(horizon_s),
            Value::Brownian { start, .. } => start,
        };
        Path { value, chance, level, at_s: 0.0 }
    }

    /// The value at a time that is no earlier than the last one asked for, in ticks. Increments are exact.
    pub(super) fn at(&mut self, now_s: f64) -> f64 {
        let deviation = libm::sqrt(now_s - self.at_s);
        self.at_s = now_s;
        match self.value {
            Value::Brownian { volatility, .. } => {
                self.level += volatility * deviation * self.chance.normal();
                self.level
            }
            Value::Binary { payoff, horizon_s, .. } => {
                self.level += deviation * self.chance.normal();
                let left = horizon_s - now_s;
                if left > 0.0 {
                    payoff * normal_cdf(self.level / libm::sqrt(left))
                } else if self.level > 0.0 {
                    payoff
                } else {
                    0.0
                }
            }
        }
    }
}

fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The inverse of [`normal_cdf`], by bisection: it is asked once a market.
fn normal_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..120 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
