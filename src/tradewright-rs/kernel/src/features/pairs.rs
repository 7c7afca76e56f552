//! Windows over two nodes: least squares and correlation.

use super::exact::Unit;
use super::moments::to_f64;
use super::node::{Cells, NO_COUNT};
use super::window::Window;

/// Which number a window over two nodes yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PairMoment {
    /// Slope of a on b, with intercept.
    Slope,
    Correlation,
}

/// Two price series: sums of products as exact integers.
#[derive(Clone, Debug)]
pub(crate) struct CountPair {
    pub moment: PairMoment,
    pub a: u32,
    pub b: u32,
    /// What one count of a is, in counts of b.
    pub ratio: f64,
    pub windows: [Window<i64>; 2],
    pub sums: CountSums,
}

/// Sums over a window of pairs of integers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CountSums {
    a: i64,
    b: i64,
    aa: i128,
    bb: i128,
    ab: i128,
}

impl CountSums {
    #[inline(always)]
    fn add(&mut self, a: i64, b: i64) {
        self.a += a;
        self.b += b;
        self.aa += a as i128 * a as i128;
        self.bb += b as i128 * b as i128;
        self.ab += a as i128 * b as i128;
    }
}

impl CountPair {
    pub fn new(moment: PairMoment, a: u32, b: u32, units: (Unit, Unit), windows: [Window<i64>; 2]) -> CountPair {
        CountPair { moment, a, b, ratio: units.0.to_f64() / units.1.to_f64(), windows, sums: CountSums::default() }
    }

    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let (a, b) = (cells.count(self.a), cells.count(self.b));
        if a == NO_COUNT || b == NO_COUNT {
            return f64::NAN;
        }
        let sums = &mut self.sums;
        sums.add(a, b);
        let [left, right] = &mut self.windows;
        // Both windows lose values at the same pushes; the squares of each stand alone, the products need both.
        let mut gone = Gone::default();
        left.push(&mut cells.memory.ints, cells.memory.now_ns, a, |old| gone.left(old));
        right.push(&mut cells.memory.ints, cells.memory.now_ns, b, |old| {
            gone.right(old, |a, b| {
                sums.a -= a;
                sums.b -= b;
                sums.aa -= a as i128 * a as i128;
                sums.bb -= b as i128 * b as i128;
                sums.ab -= a as i128 * b as i128;
            })
        });
        if !left.is_ready() || left.len() < 2 {
            return f64::NAN;
        }
        let n = left.len() as i128;
        let (sum_a, sum_b) = (sums.a as i128, sums.b as i128);
        let (aa, bb, ab) = (n * sums.aa - sum_a * sum_a, n * sums.bb - sum_b * sum_b, n * sums.ab - sum_a * sum_b);
        match self.moment {
            PairMoment::Slope if bb != 0 => to_f64(ab) / to_f64(bb) * self.ratio,
            PairMoment::Correlation if aa != 0 && bb != 0 => to_f64(ab) / (to_f64(aa).sqrt() * to_f64(bb).sqrt()),
            _ => f64::NAN,
        }
    }
}

/// Pairs up what leaves two windows that were filled together.
#[derive(Default)]
struct Gone<T> {
    first: Option<T>,
    more: std::collections::VecDeque<T>,
}

impl<T: Copy> Gone<T> {
    #[inline(always)]
    fn left(&mut self, old: T) {
        if self.first.is_none() { self.first = Some(old) } else { self.more.push_back(old) }
    }

    #[inline(always)]
    fn right(&mut self, old: T, mut pair: impl FnMut(T, T)) {
        if let Some(first) = self.first {
            pair(first, old);
            self.first = self.more.pop_front();
        }
    }
}

/// Two float series: sums of distances from anchors, made anew every window-length pushes.
#[derive(Clone, Debug)]
pub(crate) struct FloatPair {
    pub moment: PairMoment,
    pub a: u32,
    pub b: u32,
    pub windows: [Window<f64>; 2],
    sums: FloatSums,
    latest: (f64, f64),
    equal: (u64, u64),
}

#[derive(Clone, Copy, Debug, Default)]
struct FloatSums {
    anchor: (f64, f64),
    a: f64,
    b: f64,
    aa: f64,
    bb: f64,
    ab: f64,
    pushes: usize,
}

impl FloatSums {
    #[inline(always)]
    fn add(&mut self, a: f64, b: f64, sign: f64) {
        let (a, b) = (a - self.anchor.0, b - self.anchor.1);
        self.a += sign * a;
        self.b += sign * b;
        self.aa += sign * (a * a);
        self.bb += sign * (b * b);
        self.ab += sign * (a * b);
    }

    #[inline(always)]
    fn spread_a(&self, n: f64) -> f64 {
        self.aa - self.a * self.a / n
    }

    #[inline(always)]
    fn spread_b(&self, n: f64) -> f64 {
        self.bb - self.b * self.b / n
    }
}

impl FloatPair {
    pub fn new(moment: PairMoment, a: u32, b: u32, windows: [Window<f64>; 2]) -> FloatPair {
        let (latest, equal) = ((f64::NAN, f64::NAN), (0, 0));
        FloatPair { moment, a, b, windows, sums: FloatSums::default(), latest, equal }
    }

    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let (a, b) = (cells.value(self.a), cells.value(self.b));
        if a.is_nan() || b.is_nan() {
            return f64::NAN;
        }
        self.next(&mut cells.memory.floats, cells.memory.now_ns, a, b)
    }

    /// The sum of squared distances of b from its mean over the window.
    pub fn spread_b(&self) -> f64 {
        self.sums.spread_b(self.windows[1].len() as f64)
    }

    /// The next value, with this pair as the latest of the window.
    #[inline]
    pub fn next(&mut self, floats: &mut [f64], now_ns: i64, a: f64, b: f64) -> f64 {
        self.equal.0 = if a == self.latest.0 { self.equal.0 + 1 } else { 1 };
        self.equal.1 = if b == self.latest.1 { self.equal.1 + 1 } else { 1 };
        self.latest = (a, b);
        let mut sums = self.sums;
        sums.add(a, b, 1.0);
        sums.pushes += 1;
        let [left, right] = &mut self.windows;
        let (mut gone, before) = (Gone::default(), sums);
        left.push(floats, now_ns, a, |old| gone.left(old));
        right.push(floats, now_ns, b, |old| gone.right(old, |a, b| sums.add(a, b, -1.0)));
        let (n, n_f) = (left.len(), left.len() as f64);
        // As in `FloatMoments`: an outlier left, or the means have left their anchors behind.
        let dwarfed = sums.aa < before.aa * 1e-6 || sums.bb < before.bb * 1e-6;
        let off_centre = sums.spread_a(n_f) < sums.aa * 1e-6 || sums.spread_b(n_f) < sums.bb * 1e-6;
        let flat = self.equal.0 >= n as u64 || self.equal.1 >= n as u64;
        if sums.pushes >= n || dwarfed || (off_centre && !flat) {
            sums = self.afresh(floats, n_f);
        }
        self.sums = sums;
        if !self.windows[0].is_ready() || n < 2 {
            return f64::NAN;
        }
        let (aa, bb) = (sums.spread_a(n_f), sums.spread_b(n_f));
        let ab = sums.ab - sums.a * sums.b / n_f;
        let (flat_a, flat_b) = (self.equal.0 >= n as u64 || aa <= 0.0, self.equal.1 >= n as u64 || bb <= 0.0);
        match self.moment {
            PairMoment::Slope if !flat_b => ab / bb,
            PairMoment::Correlation if !flat_a && !flat_b => (ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0),
            _ => f64::NAN,
        }
    }

    fn afresh(&self, floats: &[f64], n: f64) -> FloatSums {
        let mut anchor = (0.0, 0.0);
        self.windows[0].each(floats, |a| anchor.0 += a / n);
        self.windows[1].each(floats, |b| anchor.1 += b / n);
        let mut sums = FloatSums { anchor, ..FloatSums::default() };
        let mut left = Vec::with_capacity(n as usize);
        self.windows[0].each(floats, |a| left.push(a));
        let mut left = left.into_iter();
        self.windows[1].each(floats, |b| sums.add(left.next().unwrap_or(f64::NAN), b, 1.0));
        sums
    }
}
