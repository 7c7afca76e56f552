//! Sums over windows: sum, mean, variance, standard deviation, z-score.

use std::cell::Cell;

use super::exact::{Divisor, Unit};
use super::node::{Cells, NO_COUNT};
use super::window::{Ring, Window};

/// Which number a window of sums yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Sum,
    Mean,
    Var,
    Std,
    Zscore,
}

/// The mean of the last n counts: the commonest node, so a short path of its own.
#[derive(Clone, Debug)]
pub(crate) struct CountMean {
    pub input: u32,
    pub ring: Ring,
    pub sum: i64,
    pub divisor: Divisor,
}

impl CountMean {
    #[inline(always)]
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let count = cells.count(self.input);
        self.next(Cell::from_mut(cells.memory.ints.as_mut_slice()).as_slice_of_cells(), count)
    }

    /// Takes the next count.
    #[inline(always)]
    pub fn next(&mut self, ints: &[Cell<i64>], count: i64) -> f64 {
        if count == NO_COUNT {
            return f64::NAN;
        }
        self.sum += count - self.ring.exchange(ints, count);
        if self.ring.is_full() { self.divisor.divide(self.sum) } else { f64::NAN }
    }

    /// Takes a column of counts: the same as [`CountMean::next`] for each. `sums` is scratch.
    #[inline(always)]
    pub fn next_column(&mut self, ints: &[Cell<i64>], counts: &[Cell<i64>], sums: &[Cell<i64>], values: &[Cell<f64>]) {
        let is_plain = self.ring.is_full() && counts.iter().fold(true, |all, count| all & (count.get() != NO_COUNT));
        if !is_plain {
            for (count, value) in counts.iter().zip(values) {
                value.set(self.next(ints, count.get()));
            }
            return;
        }
        let mut from = 0;
        while from < counts.len() {
            let slots = self.ring.next_slots(ints);
            let to = counts.len().min(from + slots.len());
            let mut sum = self.sum;
            for ((count, sums), slot) in counts[from..to].iter().zip(&sums[from..to]).zip(slots) {
                let count = count.get();
                sum += count - slot.replace(count);
                sums.set(sum);
            }
            self.sum = sum;
            self.ring.advance(to - from);
            from = to;
        }
        if !self.divisor.divide_column(sums, values) {
            for (sum, value) in sums.iter().zip(values) {
                value.set(self.divisor.divide(sum.get()));
            }
        }
    }
}

/// Sums of integers: exact, whatever the order and however long the run.
#[derive(Clone, Debug)]
pub(crate) struct CountMoments {
    pub moment: Moment,
    pub input: u32,
    pub unit: Unit,
    pub window: Window<i64>,
    pub sum: i64,
    pub sum_of_squares: i128,
}

impl CountMoments {
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let count = cells.count(self.input);
        if count == NO_COUNT {
            return f64::NAN;
        }
        let (mut sum, mut squares) = (self.sum + count, self.sum_of_squares + square(count));
        self.window.push(&mut cells.memory.ints, cells.memory.now_ns, count, |old| {
            sum -= old;
            squares -= square(old);
        });
        (self.sum, self.sum_of_squares) = (sum, squares);
        if !self.window.is_ready() {
            return f64::NAN;
        }
        let n = self.window.len() as i64;
        match self.moment {
            Moment::Sum => self.unit.over(1).divide(sum),
            Moment::Mean => self.unit.over(n).divide(sum),
            _ if n < 2 => f64::NAN,
            moment => {
                // n·Σx² − (Σx)² is n(n − 1) times the sample variance, in squared counts.
                let spread = n as i128 * squares - square(sum);
                let var = to_f64(spread) / (n * (n - 1)) as f64;
                match moment {
                    Moment::Var => var * self.unit.to_f64() * self.unit.to_f64(),
                    Moment::Std => var.sqrt() * self.unit.to_f64(),
                    _ if spread == 0 => f64::NAN,
                    _ => to_f64(n as i128 * count as i128 - sum as i128) / (n as f64 * var.sqrt()),
                }
            }
        }
    }
}

#[inline(always)]
fn square(count: i64) -> i128 {
    count as i128 * count as i128
}

/// The nearest float; quick where the number fits 64 bits.
#[inline(always)]
pub(crate) fn to_f64(value: i128) -> f64 {
    match i64::try_from(value) {
        Ok(short) => short as f64,
        Err(_) => value as f64,
    }
}

/// Sums of floats, as distances from an anchor near the window's mean. They are made anew from the window every
/// window-length pushes, when the mean has left the anchor behind, and when a value that dwarfed the rest leaves:
/// rounding errors cannot pile up.
#[derive(Clone, Debug)]
pub(crate) struct FloatMoments {
    pub moment: Moment,
    pub input: u32,
    pub window: Window<f64>,
    sums: FloatSums,
    latest: f64,
    /// How many samples in a row had the latest value: a window of equal values has no spread, not a rounding error.
    equal: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct FloatSums {
    anchor: f64,
    sum: f64,
    squares: f64,
    pushes: usize,
}

impl FloatMoments {
    pub fn new(moment: Moment, input: u32, window: Window<f64>) -> FloatMoments {
        FloatMoments { moment, input, window, sums: FloatSums::default(), latest: f64::NAN, equal: 0 }
    }

    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() {
            return f64::NAN;
        }
        self.equal = if value == self.latest { self.equal + 1 } else { 1 };
        self.latest = value;
        let mut sums = self.sums;
        let distance = value - sums.anchor;
        sums.sum += distance;
        sums.squares += distance * distance;
        sums.pushes += 1;
        let mut gone = 0.0; // Squares of what leaves: what dwarfed the rest leaves its rounding error behind.
        self.window.push(&mut cells.memory.floats, cells.memory.now_ns, value, |old| {
            let distance = old - sums.anchor;
            sums.sum -= distance;
            sums.squares -= distance * distance;
            gone += distance * distance;
        });
        let n = self.window.len();
        let flat = self.equal >= n as u64;
        let off_centre = sums.squares - sums.sum * sums.sum / (n as f64) < sums.squares * 1e-6;
        if sums.pushes >= n || gone * 1e-6 > sums.squares || (off_centre && !flat && self.centres()) {
            sums = self.afresh(&cells.memory.floats, sums.anchor + sums.sum / n as f64);
        }
        self.sums = sums;
        if !self.window.is_ready() {
            return f64::NAN;
        }
        let (count, mean) = (n as f64, sums.anchor + sums.sum / n as f64);
        match self.moment {
            Moment::Sum => sums.anchor * count + sums.sum,
            Moment::Mean => mean,
            _ if n < 2 => f64::NAN,
            moment => {
                let spread = if flat { 0.0 } else { (sums.squares - sums.sum * sums.sum / count).max(0.0) };
                let var = spread / (count - 1.0);
                match moment {
                    Moment::Var => var,
                    Moment::Std => var.sqrt(),
                    _ if var == 0.0 => f64::NAN,
                    _ => (value - mean) / var.sqrt(),
                }
            }
        }
    }

    fn centres(&self) -> bool {
        !matches!(self.moment, Moment::Sum | Moment::Mean)
    }

    fn afresh(&self, floats: &[f64], anchor: f64) -> FloatSums {
        // Plain sums stay plain: their anchor is zero, so that a sum of whole numbers is exact.
        let anchor = if self.centres() { anchor } else { 0.0 };
        let mut sums = FloatSums { anchor, ..FloatSums::default() };
        self.window.each(floats, |value| {
            let distance = value - anchor;
            sums.sum += distance;
            sums.squares += distance * distance;
        });
        sums
    }
}
