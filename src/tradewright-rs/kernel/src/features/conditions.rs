//! Events between nodes: crossings and changes. They are true in the step in which they happen, and false after.

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
