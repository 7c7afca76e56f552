//! Order flow and what prices make of it: the formulas and their sources are in `tradewright.core.features`.

use std::collections::VecDeque;

use super::moments::to_f64;
use super::node::{Cells, NO_COUNT, finite};
use super::pairs::FloatPair;

/// Order-flow imbalance of one quote against the one before it (Cont, Kukanov and Stoikov 2014).
#[derive(Clone, Debug)]
pub(crate) struct Ofi {
    /// Bid, bid size, ask, ask size.
    pub inputs: [u32; 4],
    pub previous: Option<[f64; 4]>,
}

impl Ofi {
    #[inline(never)]
    pub fn eval(&mut self, cells: &Cells<'_>) -> f64 {
        let now = self.inputs.map(|input| cells.value(input));
        if now.iter().any(|value| value.is_nan()) {
            return f64::NAN;
        }
        let Some(then) = self.previous.replace(now) else { return f64::NAN };
        let ([bid, bid_size, ask, ask_size], [old_bid, old_bid_size, old_ask, old_ask_size]) = (now, then);
        let when = |holds: bool, size: f64| if holds { size } else { 0.0 };
        let bids = when(bid >= old_bid, bid_size) - when(bid <= old_bid, old_bid_size);
        let asks = when(ask <= old_ask, ask_size) - when(ask >= old_ask, old_ask_size);
        bids - asks
    }
}

/// The sum of all samples so far, with the rounding errors of the additions added back (Neumaier 1974).
#[derive(Clone, Debug, Default)]
pub(crate) struct Cumulative {
    pub input: u32,
    sum: f64,
    lost: f64,
}

impl Cumulative {
    pub fn new(input: u32) -> Cumulative {
        Cumulative { input, ..Cumulative::default() }
    }

    #[inline(never)]
    pub fn eval(&mut self, cells: &Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() {
            return f64::NAN;
        }
        let sum = self.sum + value;
        let (large, small) = if self.sum.abs() >= value.abs() { (self.sum, value) } else { (value, self.sum) };
        self.lost += (large - sum) + small;
        self.sum = sum;
        finite(sum + self.lost)
    }
}

/// The return since the latest sample that is at least `span_ns` old.
#[derive(Clone, Debug)]
pub(crate) struct Momentum {
    pub input: u32,
    pub span_ns: i64,
    /// Times and values, oldest first: one of each time, and of equal ones in a row the first.
    pub past: VecDeque<(i64, f64)>,
}

impl Momentum {
    #[inline(never)]
    pub fn eval(&mut self, cells: &Cells<'_>) -> f64 {
        let (value, now_ns) = (cells.value(self.input), cells.memory.now_ns);
        if value.is_nan() {
            return f64::NAN;
        }
        match self.past.back_mut() {
            Some(back) if back.0 == now_ns => back.1 = value, // The later of two samples of one time.
            Some(back) if back.1 == value => {}
            _ => self.past.push_back((now_ns, value)),
        }
        let edge_ns = now_ns.saturating_sub(self.span_ns);
        while self.past.get(1).is_some_and(|(at_ns, _)| *at_ns <= edge_ns) {
            self.past.pop_front();
        }
        match self.past.front() {
            Some((at_ns, old)) if *at_ns <= edge_ns => finite((value - old) / old),
            _ => f64::NAN,
        }
    }
}

/// Volume-synchronised probability of informed trading (Easley, López de Prado and O'Hara 2012).
#[derive(Clone, Debug)]
pub(crate) struct Vpin {
    pub price: u32,
    pub size: u32,
    /// Length of the time bars that are classified; 0 classifies each trade.
    pub bar_ns: i64,
    /// Index, last price and size of the bar that is being made.
    pub bar: Option<(i64, i64, f64)>,
    pub changes: PriceChanges,
    pub buckets: Buckets,
}

impl Vpin {
    #[inline(never)]
    pub fn eval(&mut self, cells: &Cells<'_>) -> f64 {
        let (price, size) = (cells.count(self.price), cells.value(self.size));
        if price == NO_COUNT || !size.is_finite() {
            return f64::NAN;
        }
        if self.bar_ns == 0 {
            self.classify(price, size);
            return self.buckets.vpin();
        }
        let index = cells.memory.now_ns.div_euclid(self.bar_ns);
        self.bar = match self.bar {
            Some((open, _, sum)) if open == index => Some((index, price, sum + size)),
            Some((_, close, sum)) => {
                self.classify(close, sum);
                Some((index, price, size))
            }
            None => Some((index, price, size)),
        };
        self.buckets.vpin()
    }

    /// Bulk classification of a bar, or of a trade: by its price change in standard deviations.
    fn classify(&mut self, price: i64, size: f64) {
        if let Some(deviations) = self.changes.push(price) {
            self.buckets.fill(size, 0.5 * libm::erfc(-deviations / std::f64::consts::SQRT_2));
        }
    }
}

/// The last changes of a price, with exact sums.
#[derive(Clone, Debug)]
pub(crate) struct PriceChanges {
    kept: usize,
    previous: i64,
    changes: VecDeque<i64>,
    sum: i128,
    squares: i128,
}

impl PriceChanges {
    pub fn new(kept: usize) -> PriceChanges {
        PriceChanges { kept, previous: NO_COUNT, changes: VecDeque::new(), sum: 0, squares: 0 }
    }

    /// The change to this price in sample standard deviations of the last ones, itself included; none before they
    /// are there.
    fn push(&mut self, price: i64) -> Option<f64> {
        let previous = std::mem::replace(&mut self.previous, price);
        if previous == NO_COUNT {
            return None;
        }
        let change = price - previous;
        self.changes.push_back(change);
        self.sum += change as i128;
        self.squares += change as i128 * change as i128;
        if self.changes.len() > self.kept {
            let old = self.changes.pop_front().unwrap_or(0);
            self.sum -= old as i128;
            self.squares -= old as i128 * old as i128;
        } else if self.changes.len() < self.kept {
            return None;
        }
        let n = self.kept as i128;
        let spread = n * self.squares - self.sum * self.sum;
        if spread == 0 {
            // Equal changes have no deviation to be measured in. A price that stands still says nothing.
            return Some(if change == 0 { 0.0 } else { f64::INFINITY.copysign(change as f64) });
        }
        Some(change as f64 / (to_f64(spread) / to_f64(n * (n - 1))).sqrt())
    }
}

/// Buckets of equal volume.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    volume: f64,
    count: usize,
    room: f64,
    bought: f64,
    imbalances: VecDeque<f64>,
    sum: f64,
    /// Full buckets since the sum was made anew.
    since: usize,
}

impl Buckets {
    pub fn new(volume: f64, count: usize) -> Buckets {
        Buckets { volume, count, room: volume, bought: 0.0, imbalances: VecDeque::new(), sum: 0.0, since: 0 }
    }

    /// Adds volume of which a share was bought; what does not fit goes to the next bucket.
    fn fill(&mut self, size: f64, share: f64) {
        let mut left = size;
        while left >= self.room {
            self.bought += self.room * share;
            left -= self.room;
            self.finish();
            // Of what fills very many buckets alike, only the last `count` are ever seen.
            let spare = (left / self.volume - self.count as f64 - 1.0).floor();
            if spare > 0.0 {
                left -= spare * self.volume;
            }
        }
        if left > 0.0 {
            self.bought += left * share;
            self.room -= left;
        }
    }

    fn finish(&mut self) {
        // Bought less sold, and what was sold is the rest of the bucket.
        let imbalance = (self.bought + self.bought - self.volume).abs();
        (self.bought, self.room) = (0.0, self.volume);
        self.imbalances.push_back(imbalance);
        self.sum += imbalance;
        if self.imbalances.len() > self.count {
            self.sum -= self.imbalances.pop_front().unwrap_or(0.0);
        }
        self.since += 1;
        if self.since >= self.count {
            (self.since, self.sum) = (0, self.imbalances.iter().sum());
        }
    }

    fn vpin(&self) -> f64 {
        if self.imbalances.len() < self.count {
            return f64::NAN;
        }
        (self.sum / (self.count as f64 * self.volume)).clamp(0.0, 1.0)
    }
}

/// Kyle's lambda: least-squares slope of mid changes on net bought volume over the last intervals.
#[derive(Clone, Debug)]
pub(crate) struct KyleLambda {
    pub mid: u32,
    /// All volume bought so far less all sold.
    pub flow: u32,
    /// Length of an interval; 0 for those that begin with each step that has trades.
    interval_ns: i64,
    pair: FloatPair,
    intervals: f64,
    index: i64,
    /// Mid and flow when the interval began, and latest.
    base: Option<(f64, f64)>,
    latest: (f64, f64),
    /// The largest flow so far: its differences are no finer than its rounding.
    flow_max: f64,
    value: f64,
}

impl KyleLambda {
    pub fn new(pair: FloatPair, intervals: f64, interval_ns: i64) -> KyleLambda {
        KyleLambda {
            mid: pair.a,
            flow: pair.b,
            interval_ns,
            pair,
            intervals,
            index: 0,
            base: None,
            latest: (f64::NAN, f64::NAN),
            flow_max: 0.0,
            value: f64::NAN,
        }
    }

    #[inline(never)]
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let now = (cells.value(self.mid), cells.value(self.flow));
        if now.0.is_nan() || now.1.is_nan() {
            return f64::NAN;
        }
        self.flow_max = self.flow_max.max(now.1.abs());
        let index = if self.interval_ns == 0 { 0 } else { cells.memory.now_ns.div_euclid(self.interval_ns) };
        let then = std::mem::replace(&mut self.latest, now);
        let is_next = if self.interval_ns == 0 { now.1 != then.1 } else { index != self.index };
        self.index = index;
        if is_next && !then.0.is_nan() {
            // Of the first interval only a part has been seen: it is none.
            if let Some(base) = self.base.replace(then) {
                self.close(then.0 - base.0, then.1 - base.1, cells);
            }
        }
        self.value
    }

    fn close(&mut self, change: f64, bought: f64, cells: &mut Cells<'_>) {
        let slope = self.pair.next(&mut cells.memory.floats, 0, change, bought);
        let rounding = 8.0 * f64::EPSILON * self.flow_max;
        let is_flat = self.pair.spread_b() <= self.intervals * rounding * rounding;
        self.value = if is_flat { f64::NAN } else { finite(slope) };
    }
}

/// What Stoikov's microprice adds to the mid: a table by spread and imbalance.
#[derive(Clone, Debug)]
pub(crate) struct Adjustment {
    /// Bid size, ask size, spread.
    pub inputs: [u32; 3],
    pub tick: f64,
    /// Classes of imbalance: an odd number, so that one is balance.
    pub imbalances: usize,
    /// A row for each spread in ticks, the last for all wider ones.
    pub table: Vec<f64>,
}

impl Adjustment {
    #[inline(never)]
    pub fn eval(&self, cells: &Cells<'_>) -> f64 {
        let [bids, asks, spread] = self.inputs.map(|input| cells.value(input));
        let (tilt, width) = ((bids - asks) / (bids + asks), spread / self.tick);
        if !tilt.is_finite() || !width.is_finite() || width <= 0.0 {
            return f64::NAN;
        }
        let half = ((self.imbalances - 1) / 2) as f64;
        let steps = (tilt.abs() * self.imbalances as f64 / 2.0 + 0.5).floor().min(half);
        let class = if tilt < 0.0 { half - steps } else { half + steps };
        let rows = (self.table.len() / self.imbalances) as f64;
        let row = (width + 0.5).floor().clamp(1.0, rows) - 1.0;
        self.table.get(row as usize * self.imbalances + class as usize).copied().unwrap_or(f64::NAN)
    }
}
