//! Orders against a bar: its open, its path, its close.

use super::config::{BarPath, BarTiming, Fills};
use super::matcher::{Matcher, share_lots};
use super::working::{JOINS_NOT, Phase, Working};
use crate::event::Bar;
use crate::order::{Liquidity, OrderType, Side};

/// The open and three further points, which stand a third of the bar apart.
const POINTS: usize = 4;

impl Matcher<'_> {
    /// Meets a bar. Orders meet the open in order of arrival, then the path.
    pub(super) fn meet_bar(&mut self, bar: &Bar) {
        let fills = self.config.fills;
        for working in self.orders.iter_mut() {
            working.joins_at = joins_at(working, bar, &fills);
        }
        let mut budget = bar_budget(self, bar);
        for index in 0..self.orders.len() {
            if self.is_met(index, 0) {
                self.meet(index, bar.open, bar.open_ns, false, &mut budget);
            }
        }
        if self.orders.iter().all(|working| working.is_done) {
            return; // Market orders, mostly: the open was all they waited for.
        }
        match fills.path {
            BarPath::Pessimistic => self.walk_pessimistic(bar, &mut budget),
            BarPath::OpenHighLowClose => self.walk_path(bar, [bar.open, bar.high, bar.low, bar.close], &mut budget),
            BarPath::OpenLowHighClose => self.walk_path(bar, [bar.open, bar.low, bar.high, bar.close], &mut budget),
        }
    }

    fn is_met(&self, index: usize, point: u8) -> bool {
        self.orders[index].joins_at == point && !self.orders[index].is_done
    }

    /// All orders along one path, each stretch's events in the order in which the price reaches them.
    fn walk_path(&mut self, bar: &Bar, points: [i64; POINTS], budget: &mut i64) {
        let mut events: Vec<(u64, usize, i64)> = Vec::new();
        for stretch in 0..POINTS - 1 {
            let (from, to) = (points[stretch], points[stretch + 1]);
            let end_ns = point_ns(bar, stretch + 1);
            events.clear();
            for (index, working) in self.orders.iter().enumerate() {
                if usize::from(working.joins_at) <= stretch
                    && !working.is_done
                    && let Some(level) = self.level_between(index, from, to)
                {
                    events.push((level.abs_diff(from), index, level));
                }
            }
            events.sort_unstable();
            for &(_, index, level) in &events {
                self.meet_level(index, level, end_ns, budget);
            }
            for index in 0..self.orders.len() {
                if usize::from(self.orders[index].joins_at) <= stretch {
                    self.orders[index].follow(to);
                } else if self.is_met(index, (stretch + 1) as u8) {
                    self.meet(index, to, end_ns, false, budget);
                }
            }
        }
    }

    /// Each order along the path that hurts it; all stops before all limits, whatever their age.
    fn walk_pessimistic(&mut self, bar: &Bar, budget: &mut i64) {
        let count = self.orders.len();
        for index in 0..count {
            if self.orders[index].joins_at != JOINS_NOT && self.orders[index].joins_at > 0 {
                // Nobody knows where in the bar it came: it meets the worst price, and then the close.
                let worst = if self.orders[index].order.side == Side::Buy { bar.high } else { bar.low };
                self.meet(index, worst, bar.open_ns, false, budget);
            }
        }
        for working in self.orders.iter_mut() {
            working.is_stop = matches!(working.phase(), Phase::Stop(_) | Phase::Follow);
        }
        for stops in [true, false] {
            for index in 0..count {
                let working = &self.orders[index];
                if working.is_stop != stops || working.joins_at == JOINS_NOT {
                    continue;
                }
                let worst = if working.order.side == Side::Buy { bar.high } else { bar.low };
                if working.joins_at > 0 {
                    self.walk_alone(index, bar, &[worst, bar.close], budget);
                } else {
                    let (first, second) = hurting_extremes(working, bar);
                    self.walk_alone(index, bar, &[bar.open, first, second, bar.close], budget);
                }
            }
        }
    }

    fn walk_alone(&mut self, index: usize, bar: &Bar, points: &[i64], budget: &mut i64) {
        for stretch in 0..points.len() - 1 {
            if self.orders[index].is_done {
                return;
            }
            let to = points[stretch + 1];
            if let Some(level) = self.level_between(index, points[stretch], to) {
                let end_ns = point_ns(bar, stretch + 1 + POINTS - points.len());
                self.meet_level(index, level, end_ns, budget);
            }
            self.orders[index].follow(to);
        }
    }

    /// The price at which something happens to an order while the price moves from one point to another.
    fn level_between(&self, index: usize, from: i64, to: i64) -> Option<i64> {
        let working = &self.orders[index];
        match working.phase() {
            Phase::Limit(limit) => (!working.within(limit, from))
                .then_some(limit)
                .filter(|limit| working.trades_through(*limit, to, self.config.fills.touch_fills)),
            Phase::Stop(stop) => (!working.reaches(stop, from) && working.reaches(stop, to)).then_some(stop),
            Phase::Market | Phase::Follow => None,
        }
    }

    /// Fills a limit at its price; triggers a stop at its price.
    fn meet_level(&mut self, index: usize, level: i64, event_ns: i64, budget: &mut i64) {
        if self.orders[index].is_done {
            return;
        }
        match self.orders[index].phase() {
            Phase::Limit(_) => self.fill(index, level, event_ns, Liquidity::Maker, budget),
            _ => self.meet(index, level, event_ns, false, budget),
        }
    }
}

/// Where on the path an order joins a bar.
fn joins_at(working: &Working, bar: &Bar, fills: &Fills) -> u8 {
    if bar.ts_event_ns <= working.arrived_ns {
        return JOINS_NOT;
    }
    let from_ns = match fills.timing {
        BarTiming::NextOpen => working.decided_ns, // A latency shorter than a bar does not move it.
        BarTiming::Path => working.arrived_ns,
    };
    if bar.open_ns >= from_ns {
        return 0;
    }
    match fills.timing {
        BarTiming::NextOpen => JOINS_NOT,
        BarTiming::Path => (1..POINTS as u8)
            .find(|point| point_ns(bar, usize::from(*point)) >= working.arrived_ns)
            .unwrap_or(POINTS as u8 - 1),
    }
}

/// The extremes in the order that hurts.
///
/// A trailing stop meets first the one that triggers it, before the other can move it. A stop-limit meets that one
/// last, so that the least of the path is left to come back to its limit. Others fill alike either way.
fn hurting_extremes(working: &Working, bar: &Bar) -> (i64, i64) {
    let triggers_first = matches!(working.order.kind, OrderType::TrailingStop { .. });
    if triggers_first == (working.order.side == Side::Buy) { (bar.high, bar.low) } else { (bar.low, bar.high) }
}

/// When the price passes a point of the path. The data does not say: the points stand a third of the bar apart.
fn point_ns(bar: &Bar, point: usize) -> i64 {
    bar.open_ns
        + (bar.ts_event_ns - bar.open_ns) / 3 * point as i64
        + if point == 3 { (bar.ts_event_ns - bar.open_ns) % 3 } else { 0 }
}

/// How many lots all our orders together may take of a bar.
fn bar_budget(matcher: &Matcher<'_>, bar: &Bar) -> i64 {
    let fills = &matcher.config.fills;
    if fills.participation_max.is_none() || (bar.volume == 0.0 && fills.zero_volume_fills) {
        return i64::MAX;
    }
    share_lots(matcher.instrument, bar.volume, fills.participation_max)
}
