//! Events between nodes: crossings and changes. They are true in the step in which they happen, and false after.

use std::cell::Cell;

use super::node::Cells;

/// Which way a crossing counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Either,
    Up,
    Down,
}

/// Fires when a − b goes from ≤ 0 to > 0, or from ≥ 0 to < 0, between consecutive ready values.
#[derive(Clone, Debug)]
pub(crate) struct Crosses {
    pub a: u32,
    pub b: u32,
    pub way: Way,
    /// Sign of a − b at the last ready value; NaN before the first, which compares false and so only arms.
    pub previous: f64,
}

impl Crosses {
    #[inline(always)]
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        self.next(cells.value(self.a), cells.value(self.b))
    }

    /// Takes the next values.
    #[inline(always)]
    pub fn next(&mut self, a: f64, b: f64) -> f64 {
        // Gradual underflow: the difference of two floats is zero only if they are equal.
        let edge = a - b;
        if edge.is_nan() {
            return f64::NAN;
        }
        let previous = std::mem::replace(&mut self.previous, edge);
        let up = edge > 0.0 && previous <= 0.0 && self.way != Way::Down;
        let down = edge < 0.0 && previous >= 0.0 && self.way != Way::Up;
        f64::from(u8::from(up | down))
    }

    /// Takes two columns: the same as [`Crosses::next`] for each row.
    #[inline(always)]
    pub fn next_column(&mut self, a: &[Cell<f64>], b: &[Cell<f64>], values: &[Cell<f64>]) {
        let edge = |row: usize| a[row].get() - b[row].get();
        let rows = a.len().min(b.len()).min(values.len());
        let is_plain = (0..rows).fold(true, |all, row| all & !edge(row).is_nan());
        if !is_plain || rows == 0 {
            for row in 0..rows {
                values[row].set(self.next(a[row].get(), b[row].get()));
            }
            return;
        }
        let (ups, downs) = (self.way != Way::Down, self.way != Way::Up);
        values[0].set(self.next(a[0].get(), b[0].get()));
        for ((a, b), value) in a.windows(2).zip(b.windows(2)).zip(&values[1..]) {
            let (previous, edge) = (a[0].get() - b[0].get(), a[1].get() - b[1].get());
            let up = (edge > 0.0) & (previous <= 0.0) & ups;
            let down = (edge < 0.0) & (previous >= 0.0) & downs;
            value.set(if up | down { 1.0 } else { 0.0 });
        }
        self.previous = edge(rows - 1);
    }
}

/// Fires when a node's ready value differs from its last ready value.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    pub input: u32,
    pub previous: f64,
}

impl Changes {
    #[inline(always)]
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() {
            return f64::NAN;
        }
        let previous = std::mem::replace(&mut self.previous, value);
        f64::from(u8::from(!previous.is_nan() && previous != value))
    }
}
