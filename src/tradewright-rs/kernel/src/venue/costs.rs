//! What a taker pays beyond the recorded price.

use std::collections::VecDeque;

use super::config::Costs;
use crate::event::Bar;
use crate::instrument::Instrument;
use crate::order::Side;

impl Costs {
    /// Whether the cost of a fill depends on earlier bars.
    pub(super) fn follows_bars(&self) -> bool {
        self.volatility_coefficient > 0.0 || (self.impact_base_bps > 0.0 && self.average_volume.is_none())
    }

    /// Whether any fill costs anything.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.half_spread_min_bps == 0.0 && self.volatility_coefficient == 0.0 && self.impact_base_bps == 0.0
    }
}

/// What the cost model measures on one symbol's bars, up to the bar before the fill.
#[derive(Clone, Debug, Default)]
pub(super) struct CostState {
    last_close: i64,
    variance: Option<f64>,
    volumes: VecDeque<f64>,
}

impl CostState {
    /// Takes a bar into account, after the orders that it filled.
    pub(super) fn on_bar(&mut self, bar: &Bar, costs: &Costs) {
        if self.last_close > 0 && bar.close > 0 {
            let change = bar.close as f64 / self.last_close as f64 - 1.0;
            let keep = libm::exp2(-1.0 / costs.volatility_half_life);
            self.variance =
                Some(self.variance.map_or(change * change, |old| keep * old + (1.0 - keep) * change * change));
        }
        self.last_close = bar.close;
        if !bar.volume.is_nan() {
            if self.volumes.len() == costs.average_volume_bars {
                self.volumes.pop_front();
            }
            self.volumes.push_back(bar.volume);
        }
    }

    /// `max(minimum, coefficient × volatility)`, in basis points.
    pub(super) fn half_spread_bps(&self, costs: &Costs) -> f64 {
        let volatility_bps = libm::sqrt(self.variance.unwrap_or(0.0)) * 1e4;
        costs.half_spread_min_bps.max(costs.volatility_coefficient * volatility_bps)
    }

    /// `base × (size ÷ average volume) ^ exponent`, in basis points; `None` while the average is unknown.
    pub(super) fn impact_bps(&self, size: f64, costs: &Costs) -> Option<f64> {
        if costs.impact_base_bps == 0.0 {
            return Some(0.0);
        }
        let average = costs.average_volume.unwrap_or_else(|| {
            // Summed afresh: a running sum would depend on what has left the window.
            self.volumes.iter().sum::<f64>() / self.volumes.len() as f64
        });
        (average > 0.0).then(|| costs.impact_base_bps * libm::pow(size / average, costs.impact_exponent))
    }
}

/// `price` moved against the taker by `bps`, outward to the tick grid, inside the instrument's bounds.
pub(super) fn worse_price(instrument: &Instrument, price: i64, side: Side, bps: f64) -> i64 {
    if bps == 0.0 {
        return price;
    }
    // A float a hair above a whole unit stands for that unit.
    let shift = (price.abs() as f64 * bps / 1e4 - 1e-6).ceil().max(0.0) as i64;
    let (lowest, highest) = instrument.bounds_ticks.unwrap_or((instrument.grid.round_up(1), i64::MAX));
    match side {
        Side::Buy => instrument.grid.round_up(price.saturating_add(shift)).min(highest),
        Side::Sell => instrument.grid.round_down(price - shift).max(lowest),
    }
}
