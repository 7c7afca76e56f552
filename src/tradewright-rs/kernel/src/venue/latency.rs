//! How long a request takes to the venue, and a report back.
//!
//! Random delays are drawn per order id, not per call, so that a change elsewhere in the run moves no other draw.

use crate::order::OrderId;

/// A distribution of delays.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// `median × exp(sigma × z)`, z standard normal.
    LogNormal {
        /// Half of the delays are shorter.
        median_ns: i64,
        /// Standard deviation of the delay's logarithm.
        sigma: f64,
    },
    /// Evenly spaced quantiles, the first the least delay, the last the greatest; linear between them.
    Quantiles(Vec<i64>),
}

/// Latencies measured at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// When.
    pub at_ns: i64,
    /// To the venue.
    pub entry_ns: i64,
    /// And back.
    pub response_ns: i64,
}

/// A model of latency.
#[derive(Clone, Debug, PartialEq)]
pub enum Latency {
    /// The same for all.
    Constant {
        /// To the venue.
        entry_ns: i64,
        /// And back.
        response_ns: i64,
    },
    /// Drawn once per order.
    Sampled {
        /// Seed of the draws.
        seed: u64,
        /// To the venue.
        entry: Distribution,
        /// And back.
        response: Distribution,
    },
    /// Linear between measurements in rising order of time; constant beyond the first and the last.
    Recorded(Vec<LatencySample>),
}

impl Default for Latency {
    fn default() -> Self {
        Latency::Constant { entry_ns: 0, response_ns: 0 }
    }
}

impl Latency {
    /// How long a request about this order takes that leaves at `now_ns`.
    #[inline]
    pub fn entry_ns(&self, order: OrderId, now_ns: i64) -> i64 {
        match self {
            Latency::Constant { entry_ns, .. } => *entry_ns,
            Latency::Sampled { seed, entry, .. } => entry.draw(*seed, order, 0),
            Latency::Recorded(samples) => interpolate(samples, now_ns, |sample| sample.entry_ns),
        }
    }

    /// How long a report on this order takes that leaves at `now_ns`.
    #[inline]
    pub fn response_ns(&self, order: OrderId, now_ns: i64) -> i64 {
        match self {
            Latency::Constant { response_ns, .. } => *response_ns,
            Latency::Sampled { seed, response, .. } => response.draw(*seed, order, 1),
            Latency::Recorded(samples) => interpolate(samples, now_ns, |sample| sample.response_ns),
        }
    }

    /// Names the first impossible value.
    pub fn validate(&self) -> Result<(), String> {
        let not_negative = |path: &str, value: i64| {
            if value >= 0 { Ok(()) } else { Err(format!("venue.latency.{path}: {value} is negative; use 0 or more")) }
        };
        match self {
            Latency::Constant { entry_ns, response_ns } => {
                not_negative("entry_ns", *entry_ns)?;
                not_negative("response_ns", *response_ns)
            }
            Latency::Sampled { entry, response, .. } => {
                entry.validate("venue.latency.entry")?;
                response.validate("venue.latency.response")
            }
            Latency::Recorded(samples) => {
                if samples.is_empty() {
                    return Err("venue.latency.samples: empty; give at least one measurement".to_owned());
                }
                for (row, pair) in samples.windows(2).enumerate() {
                    if pair[1].at_ns <= pair[0].at_ns {
                        return Err(format!("venue.latency.samples[{}]: its time does not rise", row + 1));
                    }
                }
                for sample in samples {
                    not_negative("samples.entry_ns", sample.entry_ns)?;
                    not_negative("samples.response_ns", sample.response_ns)?;
                }
                Ok(())
            }
        }
    }
}

impl Distribution {
    fn draw(&self, seed: u64, order: OrderId, stream: u64) -> i64 {
        let mut state = mix(seed ^ mix(u64::from(order) << 1 | stream));
        let mut uniform = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            (mix(state) >> 11) as f64 / (1_u64 << 53) as f64
        };
        match self {
            Distribution::LogNormal { median_ns, sigma } => {
                // Box–Muller; 1 − u keeps the logarithm finite.
                let radius = libm::sqrt(-2.0 * libm::log(1.0 - uniform()));
                let normal = radius * libm::cos(std::f64::consts::TAU * uniform());
                (*median_ns as f64 * libm::exp(sigma * normal)).min(9.0e18) as i64
            }
            Distribution::Quantiles(quantiles) => {
                let last = quantiles.len() - 1;
                let place = uniform() * last as f64;
                let below = place as usize;
                let (low, high) = (quantiles[below], quantiles[(below + 1).min(last)]);
                low + ((high - low) as f64 * (place - below as f64)) as i64
            }
        }
    }

    fn validate(&self, path: &str) -> Result<(), String> {
        match self {
            Distribution::LogNormal { median_ns, sigma } => {
                if *median_ns < 0 {
                    return Err(format!("{path}.median_ns: {median_ns} is negative; use 0 or more"));
                }
                if !(*sigma >= 0.0 && sigma.is_finite()) {
                    return Err(format!("{path}.sigma: {sigma} is not a finite number of at least 0"));
                }
            }
            Distribution::Quantiles(quantiles) => {
                if quantiles.is_empty() {
                    return Err(format!("{path}.quantiles_ns: empty; give at least one"));
                }
                if quantiles[0] < 0 || quantiles.windows(2).any(|pair| pair[1] < pair[0]) {
                    return Err(format!("{path}.quantiles_ns: must be 0 or more, and never fall"));
                }
            }
        }
        Ok(())
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014).
fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn interpolate(samples: &[LatencySample], now_ns: i64, value: impl Fn(&LatencySample) -> i64) -> i64 {
    let next = samples.partition_point(|sample| sample.at_ns <= now_ns);
    match (next.checked_sub(1).map(|before| &samples[before]), samples.get(next)) {
        (Some(a), Some(b)) => {
            let rise = (value(b) - value(a)) as i128 * (now_ns - a.at_ns) as i128;
            value(a) + rise.div_euclid((b.at_ns - a.at_ns) as i128) as i64
        }
        (Some(only), None) | (None, Some(only)) => value(only),
        (None, None) => 0,
    }
}
