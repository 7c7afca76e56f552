//! Recursive averages: EMA, Wilder, RSI, exponentially weighted volatility; and the true range that ATR smooths.

use super::node::Cells;

/// `e += α (x − e)`, seeded with the first sample, ready from the n-th.
#[derive(Clone, Debug)]
pub(crate) struct Ema {
    pub input: u32,
    pub alpha: f64,
    pub warm_up: u64,
    pub seen: u64,
    pub value: f64,
}

impl Ema {
    #[inline(always)]
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        self.next(cells.value(self.input))
    }

    /// Takes the next value.
    #[inline(always)]
    pub fn next(&mut self, value: f64) -> f64 {
        if value.is_nan() {
            return f64::NAN;
        }
        if self.seen == 0 {
            self.value = value;
        } else {
            self.value += self.alpha * (value - self.value);
        }
        self.seen += 1;
        if self.seen >= self.warm_up { self.value } else { f64::NAN }
    }
}

/// Wilder's average: the plain mean of the first n, then `(previous (n − 1) + x) / n`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WilderMean {
    seen: u64,
    value: f64,
}

impl WilderMean {
    #[inline(always)]
    fn push(&mut self, n: u64, value: f64) -> f64 {
        self.seen += 1;
        if self.seen <= n {
            self.value += value;
            if self.seen < n {
                return f64::NAN;
            }
            self.value /= n as f64;
        } else {
            self.value = (self.value * (n - 1) as f64 + value) / n as f64;
        }
        self.value
    }
}

/// Wilder's average of a node.
#[derive(Clone, Debug)]
pub(crate) struct Wilder {
    pub input: u32,
    pub n: u64,
    pub mean: WilderMean,
}

impl Wilder {
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() { f64::NAN } else { self.mean.push(self.n, value) }
    }
}

/// `100 · gain / (gain + loss)` of Wilder averages of the changes.
#[derive(Clone, Debug)]
pub(crate) struct Rsi {
    pub input: u32,
    pub n: u64,
    pub previous: f64,
    pub gain: WilderMean,
    pub loss: WilderMean,
}

impl Rsi {
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() {
            return f64::NAN;
        }
        let change = value - self.previous;
        self.previous = value;
        if change.is_nan() {
            return f64::NAN;
        }
        let (gain, loss) = (self.gain.push(self.n, change.max(0.0)), self.loss.push(self.n, (-change).max(0.0)));
        100.0 * gain / (gain + loss)
    }
}

/// `max(high − low, |high − previous close|, |low − previous close|)`.
#[derive(Clone, Debug)]
pub(crate) struct TrueRange {
    pub high: u32,
    pub low: u32,
    pub close: u32,
    pub previous: f64,
}

impl TrueRange {
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let [high, low, close] = [self.high, self.low, self.close].map(|input| cells.value(input));
        if high.is_nan() || low.is_nan() || close.is_nan() {
            return f64::NAN;
        }
        let previous = std::mem::replace(&mut self.previous, close);
        if previous.is_nan() {
            return f64::NAN;
        }
        (high - low).max((high - previous).abs()).max((low - previous).abs())
    }
}

/// How an exponential weight forgets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HalfLife {
    /// The factor that one sample leaves of the past; ready after so many returns.
    Count { keep: f64, warm_up: u64 },
    /// Nanoseconds in which a weight halves; ready when so much time has passed.
    Time(i64),
}

/// Square root of the exponentially weighted mean of squared log returns, seeded with the first.
#[derive(Clone, Debug)]
pub(crate) struct EwmaVol {
    pub input: u32,
    pub half_life: HalfLife,
    pub previous: f64,
    pub previous_ns: i64,
    pub first_ns: i64,
    pub seen: u64,
    pub var: f64,
}

impl EwmaVol {
    pub fn new(input: u32, half_life: HalfLife) -> EwmaVol {
        EwmaVol { input, half_life, previous: f64::NAN, previous_ns: 0, first_ns: 0, seen: 0, var: 0.0 }
    }

    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() || value <= 0.0 {
            return f64::NAN;
        }
        let previous = std::mem::replace(&mut self.previous, value);
        let elapsed_ns =
            cells.memory.now_ns.wrapping_sub(std::mem::replace(&mut self.previous_ns, cells.memory.now_ns));
        if previous.is_nan() {
            self.first_ns = cells.memory.now_ns;
            return f64::NAN;
        }
        let log_return = libm::log(value / previous);
        let square = log_return * log_return;
        let keep = match self.half_life {
            _ if self.seen == 0 => 0.0,
            HalfLife::Count { keep, .. } => keep,
            HalfLife::Time(half_life_ns) => libm::exp2(-(elapsed_ns as f64) / half_life_ns as f64),
        };
        self.var = keep * self.var + (1.0 - keep) * square;
        self.seen += 1;
        let is_ready = match self.half_life {
            HalfLife::Count { warm_up, .. } => self.seen >= warm_up,
            HalfLife::Time(half_life_ns) => cells.memory.now_ns - self.first_ns >= half_life_ns,
        };
        if is_ready { self.var.sqrt() } else { f64::NAN }
    }
}
