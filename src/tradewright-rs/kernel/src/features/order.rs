//! Order statistics over windows: minimum, maximum, quantile.

use std::collections::VecDeque;

use super::node::Cells;
use super::window::Window;

/// Rolling minimum or maximum: a queue of candidates, each better than all after it (Lemire 2006).
#[derive(Clone, Debug)]
pub(crate) struct Extreme {
    pub input: u32,
    /// 1 for the maximum, −1 for the minimum.
    pub sign: f64,
    pub window: Window<f64>,
    /// Candidates as (number of the sample, value), best first.
    pub best: VecDeque<(u64, f64)>,
    pub pushed: u64,
}

impl Extreme {
    pub fn new(input: u32, is_max: bool, window: Window<f64>) -> Extreme {
        let best = VecDeque::with_capacity(8);
        Extreme { input, sign: if is_max { 1.0 } else { -1.0 }, window, best, pushed: 0 }
    }

    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() {
            return f64::NAN;
        }
        self.window.push(&mut cells.memory.floats, cells.memory.now_ns, value, |_| ());
        self.pushed += 1;
        while self.best.back().is_some_and(|(_, last)| last * self.sign <= value * self.sign) {
            self.best.pop_back();
        }
        self.best.push_back((self.pushed, value));
        let oldest = self.pushed - self.window.len() as u64;
        while self.best.front().is_some_and(|(at, _)| *at <= oldest) {
            self.best.pop_front();
        }
        if self.window.is_ready() { self.best[0].1 } else { f64::NAN }
    }
}

/// Rolling quantile with linear interpolation (Hyndman & Fan 1996, type 7), from a sorted copy of the window.
#[derive(Clone, Debug)]
pub(crate) struct Quantile {
    pub input: u32,
    pub q: f64,
    pub window: Window<f64>,
    pub sorted: Vec<f64>,
}

impl Quantile {
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() {
            return f64::NAN;
        }
        let sorted = &mut self.sorted;
        self.window.push(&mut cells.memory.floats, cells.memory.now_ns, value, |old| {
            let at = sorted.partition_point(|other| *other < old);
            sorted.remove(at);
        });
        sorted.insert(sorted.partition_point(|other| *other < value), value);
        if !self.window.is_ready() {
            return f64::NAN;
        }
        let place = self.q * (sorted.len() - 1) as f64;
        let below = place as usize;
        match sorted.get(below + 1) {
            Some(above) => sorted[below] + (above - sorted[below]) * (place - below as f64),
            None => sorted[below],
        }
    }
}
