//! What the simulated venue assumes. The defaults cost nothing and delay nothing; fees come from the instruments.

use super::latency::Latency;
use super::position::QueueModel;
use crate::book::Priority;

/// Which bar an order meets first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarTiming {
    /// The first bar that opens at or after the decision.
    #[default]
    NextOpen,
    /// The bar under way when the order arrives, from there on.
    Path,
}

/// The order in which a bar visits its extremes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarPath {
    /// For each order the one that hurts; stops before limits.
    #[default]
    Pessimistic,
    /// Open, high, low, close.
    OpenHighLowClose,
    /// Open, low, high, close.
    OpenLowHighClose,
}

/// When and how much an order fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fills {
    /// Which bar an order meets first.
    pub timing: BarTiming,
    /// The order of a bar's extremes.
    pub path: BarPath,
    /// A resting limit fills when the price only touches it.
    pub touch_fills: bool,
    /// Share of a bar's volume, of a displayed size and of a print that all our fills together may take; `None` is
    /// no cap.
    pub participation_max: Option<f64>,
    /// A bar with a volume of exactly zero fills orders as if it had no volume column.
    pub zero_volume_fills: bool,
    /// A quote fills no more than its size; what we took comes back with the next quote.
    pub displayed_size_caps: bool,
    /// How a resting order moves up in the queue of a book of levels.
    pub queue: QueueModel,
    /// In a book of orders the place in the queue is exact; otherwise its levels alone are seen, with that model.
    pub exact_orders: bool,
    /// When a modified order of a recorded book keeps its place.
    pub priority: Priority,
    /// A resting order in a book fills as much as has traded beyond what was before it; otherwise all of it at once.
    pub partial: bool,
}

impl Default for Fills {
    fn default() -> Self {
        Fills {
            timing: BarTiming::NextOpen,
            path: BarPath::Pessimistic,
            touch_fills: false,
            participation_max: Some(1.0),
            zero_volume_fills: false,
            displayed_size_caps: true,
            queue: QueueModel::RiskAverse,
            exact_orders: true,
            priority: Priority::ReductionKeeps,
            partial: true,
        }
    }
}

/// What a taker pays beyond the recorded price, before fees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Least half-spread, in basis points of the bar's price. Quotes carry their own spread.
    pub half_spread_min_bps: f64,
    /// Half-spread as a multiple of the ewma volatility of bar returns.
    pub volatility_coefficient: f64,
    /// Half-life of that volatility, in bars.
    pub volatility_half_life: f64,
    /// Impact of an order as large as the average volume, in basis points of the mid.
    pub impact_base_bps: f64,
    /// Power of size ÷ average volume.
    pub impact_exponent: f64,
    /// Average volume, in units of size; `None` measures it on the bars.
    pub average_volume: Option<f64>,
    /// How many bars the measured average spans.
    pub average_volume_bars: usize,
}

impl Default for Costs {
    fn default() -> Self {
        Costs {
            half_spread_min_bps: 0.0,
            volatility_coefficient: 0.0,
            volatility_half_life: 20.0,
            impact_base_bps: 0.0,
            impact_exponent: 0.5,
            average_volume: None,
            average_volume_bars: 20,
        }
    }
}

/// The simulated venue's configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VenueConfig {
    /// Delay of requests and reports.
    pub latency: Latency,
    /// The policy's own time, added to each request's way to the venue.
    pub decision_ns: i64,
    /// When and how much an order fills.
    pub fills: Fills,
    /// What a taker pays beyond the recorded price.
    pub costs: Costs,
    /// Resting orders are cancelled when trading pauses; otherwise they wait.
    pub cancel_on_pause: bool,
    /// Resting orders off a new tick grid are cancelled; otherwise they stay.
    pub cancel_off_grid: bool,
}

impl VenueConfig {
    /// Names the first impossible value with its path and what would be right.
    pub fn validate(&self) -> Result<(), String> {
        let at_least = |path: &str, value: f64, least: f64| {
            if value.is_finite() && value >= least {
                Ok(())
            } else {
                Err(format!("venue.{path}: {value} is not a finite number of at least {least}"))
            }
        };
        self.latency.validate()?;
        if self.decision_ns < 0 {
            return Err(format!("venue.decision_ns: {} is negative; use 0 or more", self.decision_ns));
        }
        if let Some(share) = self.fills.participation_max
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(format!("venue.fills.participation_max: {share} is not in (0, 1]; leave it out for no cap"));
        }
        self.fills.queue.validate()?;
        let costs = &self.costs;
        at_least("costs.half_spread_min_bps", costs.half_spread_min_bps, 0.0)?;
        at_least("costs.volatility_coefficient", costs.volatility_coefficient, 0.0)?;
        at_least("costs.impact_base_bps", costs.impact_base_bps, 0.0)?;
        at_least("costs.impact_exponent", costs.impact_exponent, 0.0)?;
        at_least("costs.volatility_half_life", costs.volatility_half_life, f64::MIN_POSITIVE)?;
        if let Some(volume) = costs.average_volume {
            at_least("costs.average_volume", volume, f64::MIN_POSITIVE)?;
        }
        if costs.average_volume_bars == 0 {
            return Err("venue.costs.average_volume_bars: 0 bars have no average; use 1 or more".to_owned());
        }
        Ok(())
    }
}
