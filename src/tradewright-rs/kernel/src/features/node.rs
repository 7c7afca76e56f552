//! One node of the graph: what it reads, what it remembers, how it makes its next value.

use std::cell::Cell;

use super::Callables;
use super::conditions::{Changes, Crosses};
use super::exact::Divisor;
use super::flow::{Adjustment, Cumulative, KyleLambda, Momentum, Ofi, Vpin};
use super::moments::{CountMean, CountMoments, FloatMoments};
use super::order::{Extreme, Quantile};
use super::pairs::{CountPair, FloatPair};
use super::smoothing::{Ema, EwmaVol, Rsi, TrueRange, Wilder};
use super::source::Source;
use super::window::{Ring, Window};
use crate::host::HostError;

/// The count of an exact node that is NaN.
pub(crate) const NO_COUNT: i64 = i64::MIN;

/// What nodes remember beside their own fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Arena of the rings of counts.
    pub ints: Vec<i64>,
    /// Arena of the rings of floats.
    pub floats: Vec<f64>,
    /// Time of the sample.
    pub now_ns: i64,
    /// What a function of the host's raised.
    pub error: Raised,
}

/// The first error of an evaluation; a copy of the graph starts without it.
#[derive(Debug, Default)]
pub(crate) struct Raised(pub Option<HostError>);

impl Clone for Raised {
    fn clone(&self) -> Raised {
        Raised(None)
    }
}

/// What a node sees while it is evaluated: one row of its group's columns.
pub(crate) struct Cells<'a> {
    /// Value of each node of the group, column by column.
    pub values: &'a mut [f64],
    /// Count behind the value of each exact node; [`NO_COUNT`] where the value is NaN.
    pub counts: &'a mut [i64],
    /// Rows of a column.
    pub stride: usize,
    /// The row being evaluated.
    pub row: usize,
    pub memory: &'a mut Memory,
}

impl Cells<'_> {
    /// The same cells as columns of some rows.
    #[inline]
    pub fn columns(&mut self, first: usize, rows: usize) -> Columns<'_> {
        Columns {
            values: Cell::from_mut(&mut *self.values).as_slice_of_cells(),
            counts: Cell::from_mut(&mut *self.counts).as_slice_of_cells(),
            stride: self.stride,
            first,
            rows,
            ints: Cell::from_mut(self.memory.ints.as_mut_slice()).as_slice_of_cells(),
        }
    }

    #[inline(always)]
    fn at(&self, column: u32) -> usize {
        let at = column as usize * self.stride + self.row;
        debug_assert!(self.row < self.stride && at < self.values.len() && at < self.counts.len());
        at
    }

    /// The value of a node.
    #[inline(always)]
    pub fn value(&self, column: u32) -> f64 {
        let at = self.at(column);
        // SAFETY: `Group::new` makes a column for each node and each input, `Group::make_room` the rows.
        unsafe { *self.values.get_unchecked(at) }
    }

    /// The count behind the value of an exact node.
    #[inline(always)]
    pub fn count(&self, column: u32) -> i64 {
        let at = self.at(column);
        // SAFETY: as for `value`; there is a count for each value.
        unsafe { *self.counts.get_unchecked(at) }
    }

    /// Sets a node's value.
    #[inline(always)]
    pub fn set_value(&mut self, column: u32, value: f64) {
        let at = self.at(column);
        // SAFETY: as for `value`.
        unsafe { *self.values.get_unchecked_mut(at) = value };
    }

    /// Sets the count behind a node's value.
    #[inline(always)]
    pub fn set_count(&mut self, column: u32, count: i64) {
        let at = self.at(column);
        // SAFETY: as for `value`.
        unsafe { *self.counts.get_unchecked_mut(at) = count };
    }
}

/// Some rows of a group's columns.
pub(crate) struct Columns<'a> {
    values: &'a [Cell<f64>],
    counts: &'a [Cell<i64>],
    stride: usize,
    first: usize,
    rows: usize,
    /// Arena of the rings of counts.
    pub ints: &'a [Cell<i64>],
}

impl<'a> Columns<'a> {
    #[inline]
    pub fn values(&self, column: u32) -> &'a [Cell<f64>] {
        let start = column as usize * self.stride + self.first;
        &self.values[start..start + self.rows]
    }

    #[inline]
    pub fn counts(&self, column: u32) -> &'a [Cell<i64>] {
        let start = column as usize * self.stride + self.first;
        &self.counts[start..start + self.rows]
    }
}

/// What is made of a value and the one n samples before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    Lag,
    Diff,
    Returns,
    LogReturns,
}

/// A node over the past of a node with exact counts.
#[derive(Clone, Debug)]
pub(crate) struct CountPast {
    pub past: Past,
    pub input: u32,
    pub ring: Ring,
    pub divisor: Divisor,
}

impl CountPast {
    #[inline(always)]
    pub fn eval(&mut self, column: u32, cells: &mut Cells<'_>) -> f64 {
        let count = cells.count(self.input);
        cells.set_count(column, NO_COUNT);
        if count == NO_COUNT {
            return f64::NAN;
        }
        let Some(old) = self.ring.replace(&mut cells.memory.ints, count) else { return f64::NAN };
        match self.past {
            Past::Lag => {
                cells.set_count(column, old);
                self.divisor.divide(old)
            }
            Past::Diff => {
                cells.set_count(column, count - old);
                self.divisor.divide(count - old)
            }
            // The unit cancels.
            Past::Returns => finite((count - old) as f64 / old as f64),
            Past::LogReturns => finite(libm::log(count as f64 / old as f64)),
        }
    }
}

/// A node over the past of a float node.
#[derive(Clone, Debug)]
pub(crate) struct FloatPast {
    pub past: Past,
    pub input: u32,
    pub ring: Ring,
}

impl FloatPast {
    #[inline(always)]
    pub fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
        let value = cells.value(self.input);
        if value.is_nan() {
            return f64::NAN;
        }
        let Some(old) = self.ring.replace(&mut cells.memory.floats, value) else { return f64::NAN };
        match self.past {
            Past::Lag => old,
            Past::Diff => value - old,
            Past::Returns => finite((value - old) / old),
            Past::LogReturns => finite(libm::log(value / old)),
        }
    }
}

/// An infinite result is no number: a division by zero, a logarithm of zero, an overflow.
#[inline(always)]
pub(crate) fn finite(value: f64) -> f64 {
    if value.is_infinite() { f64::NAN } else { value }
}

#[inline(always)]
fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Operations on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Neg,
    Abs,
    Log,
    Exp,
    Sqrt,
    Not,
}

impl Unary {
    #[inline(always)]
    pub fn eval(self, a: f64) -> f64 {
        match self {
            Unary::Neg => -a,
            Unary::Abs => a.abs(),
            Unary::Log => finite(libm::log(a)),
            Unary::Exp => finite(libm::exp(a)),
            Unary::Sqrt => a.sqrt(),
            Unary::Not if a.is_nan() => f64::NAN,
            Unary::Not => truth(a == 0.0),
        }
    }
}

/// Operations on two values; NaN if either is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Gt,
    Lt,
    Ge,
    Le,
    And,
    Or,
}

impl Binary {
    #[inline(always)]
    pub fn eval(self, a: f64, b: f64) -> f64 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => finite(a * b),
            Binary::Div => finite(a / b),
            _ if a.is_nan() || b.is_nan() => f64::NAN,
            Binary::Min => a.min(b),
            Binary::Max => a.max(b),
            Binary::Gt => truth(a > b),
            Binary::Lt => truth(a < b),
            Binary::Ge => truth(a >= b),
            Binary::Le => truth(a <= b),
            Binary::And => truth(a != 0.0 && b != 0.0),
            Binary::Or => truth(a != 0.0 || b != 0.0),
        }
    }
}

/// The sum of two exact nodes, each times a small integer that brings it to the common unit: exact itself.
#[derive(Clone, Debug)]
pub(crate) struct CountSum {
    pub inputs: [u32; 2],
    pub factors: [i64; 2],
    pub divisor: Divisor,
}

impl CountSum {
    #[inline(always)]
    pub fn eval(&self, column: u32, cells: &mut Cells<'_>) -> f64 {
        let [a, b] = self.inputs.map(|input| cells.count(input));
        if a == NO_COUNT || b == NO_COUNT {
            cells.set_count(column, NO_COUNT);
            return f64::NAN;
        }
        let count = a * self.factors[0] + b * self.factors[1];
        cells.set_count(column, count);
        self.divisor.divide(count)
    }
}

/// A function of the host's language on the latest values.
#[derive(Clone, Debug)]
pub(crate) struct Apply {
    pub callable: usize,
    pub inputs: Vec<u32>,
    pub buffer: Vec<f64>,
}

impl Apply {
    pub fn eval(&mut self, cells: &Cells<'_>, callables: &mut dyn Callables) -> Result<f64, HostError> {
        for (slot, input) in self.buffer.iter_mut().zip(&self.inputs) {
            *slot = cells.value(*input);
        }
        if self.buffer.iter().any(|value| value.is_nan()) {
            return Ok(f64::NAN);
        }
        Ok(finite(callables.call(self.callable, &self.buffer)?))
    }
}

/// A function of the host's language on windows of the inputs.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub callable: usize,
    pub inputs: Vec<u32>,
    pub windows: Vec<Window<f64>>,
    pub columns: Vec<Vec<f64>>,
}

impl Expr {
    pub fn eval(&mut self, cells: &mut Cells<'_>, callables: &mut dyn Callables) -> Result<f64, HostError> {
        if self.inputs.iter().any(|input| cells.value(*input).is_nan()) {
            return Ok(f64::NAN);
        }
        let mut is_ready = true;
        for (window, input) in self.windows.iter_mut().zip(&self.inputs) {
            let value = cells.value(*input);
            window.push(&mut cells.memory.floats, cells.memory.now_ns, value, |_| ());
            is_ready &= window.is_ready();
        }
        if !is_ready {
            return Ok(f64::NAN);
        }
        for (column, window) in self.columns.iter_mut().zip(&self.windows) {
            column.clear();
            window.each(&cells.memory.floats, |value| column.push(value));
        }
        Ok(finite(callables.call_window(self.callable, &self.columns)?))
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Const(f64),
    Source(Source),
    CountMean(CountMean),
    CountMoments(CountMoments),
    FloatMoments(FloatMoments),
    CountPair(Box<CountPair>),
    FloatPair(Box<FloatPair>),
    Extreme(Box<Extreme>),
    Quantile(Box<Quantile>),
    CountPast(CountPast),
    FloatPast(FloatPast),
    CountSum(CountSum),
    Ema(Ema),
    Wilder(Wilder),
    Rsi(Rsi),
    TrueRange(TrueRange),
    EwmaVol(EwmaVol),
    Unary(Unary, u32),
    Sub(u32, u32),
    Binary(Binary, u32, u32),
    Where(u32, u32, u32),
    Crosses(Crosses),
    Changes(Changes),
    Ofi(Box<Ofi>),
    Cumulative(Box<Cumulative>),
    Momentum(Box<Momentum>),
    Vpin(Box<Vpin>),
    KyleLambda(Box<KyleLambda>),
    Adjustment(Box<Adjustment>),
    Apply(Box<Apply>),
    Expr(Box<Expr>),
}
