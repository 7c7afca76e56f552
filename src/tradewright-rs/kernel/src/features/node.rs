//! One node of the graph: what it reads, what it remembers, how it makes its next value.

use super::Callables;
use super::conditions::{Changes, Crosses};
use super::exact::Divisor;
use super::moments::{CountMean, CountMoments, FloatMoments};
use super::order::{Extreme, Quantile};
use super::pairs::{CountPair, FloatPair};
use super::smoothing::{Ema, EwmaVol, Rsi, TrueRange, Wilder};
use super::window::{Ring, Window};
use crate::host::HostError;
use crate::instrument::SymbolId;
use crate::market::Market;

/// The count of an exact node that is NaN.
pub(crate) const NO_COUNT: i64 = i64::MIN;

/// What nodes read and write beside the values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Count behind the value of each exact node; [`NO_COUNT`] where the value is NaN.
    pub counts: Vec<i64>,
    /// Arena of the rings of counts.
    pub ints: Vec<i64>,
    /// Arena of the rings of floats.
    pub floats: Vec<f64>,
    /// Time of the step.
    pub now_ns: i64,
    /// The trade being sampled: price and size.
    pub trade: (i64, f64),
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

/// What a node sees while it is evaluated.
pub(crate) struct Cells<'a> {
    /// Value of each node.
    pub values: &'a mut [f64],
    pub memory: &'a mut Memory,
}

impl Cells<'_> {
    /// The latest value of a node.
    #[inline(always)]
    pub fn value(&self, node: u32) -> f64 {
        debug_assert!((node as usize) < self.values.len());
        // SAFETY: `Builder::add` refuses inputs that are not earlier nodes; there is a value for each node.
        unsafe { *self.values.get_unchecked(node as usize) }
    }

    /// The count behind the latest value of an exact node.
    #[inline(always)]
    pub fn count(&self, node: u32) -> i64 {
        debug_assert!((node as usize) < self.memory.counts.len());
        // SAFETY: as for `value`; there is a count for each node too.
        unsafe { *self.memory.counts.get_unchecked(node as usize) }
    }
}

/// Fields of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Open,
    High,
    Low,
    Close,
    Volume,
    Bid,
    Ask,
    Mid,
    BidSize,
    AskSize,
    QuotedSpread,
    Last,
    TradeSize,
    Price,
}

#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub field: Field,
    pub symbol: SymbolId,
    pub divisor: Divisor,
}

impl Source {
    /// Keeps a count and makes it a value.
    #[inline(always)]
    fn sample(&self, id: usize, cells: &mut Cells<'_>, count: i64) -> f64 {
        debug_assert!(id < cells.memory.counts.len());
        // SAFETY: there is a count for each node.
        unsafe { *cells.memory.counts.get_unchecked_mut(id) = count };
        self.divisor.divide(count)
    }

    fn eval(&self, id: usize, cells: &mut Cells<'_>, market: &Market) -> f64 {
        let state = &market.symbols[self.symbol as usize];
        let quote = &state.quote;
        let count = match self.field {
            Field::Close => state.bar.close,
            Field::Open => state.bar.open,
            Field::High => state.bar.high,
            Field::Low => state.bar.low,
            Field::Bid => quote.bid, // An empty bid is `NO_COUNT` already.
            Field::Ask if quote.ask != i64::MAX => quote.ask,
            Field::QuotedSpread if quote.bid != i64::MIN && quote.ask != i64::MAX => quote.ask - quote.bid,
            Field::Last => cells.memory.trade.0,
            Field::Price if state.mark_ns != i64::MIN => state.mark_x2,
            Field::Mid | Field::Ask | Field::QuotedSpread | Field::Price => NO_COUNT,
            Field::Volume => return state.bar.volume,
            Field::BidSize => return if quote.bid != i64::MIN { quote.bid_size } else { f64::NAN },
            Field::AskSize => return if quote.ask != i64::MAX { quote.ask_size } else { f64::NAN },
            Field::TradeSize => return cells.memory.trade.1,
        };
        cells.memory.counts[id] = count;
        if count == NO_COUNT { f64::NAN } else { self.divisor.divide(count) }
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
    fn eval(&mut self, id: usize, cells: &mut Cells<'_>) -> f64 {
        let count = cells.count(self.input);
        cells.memory.counts[id] = NO_COUNT;
        if count == NO_COUNT {
            return f64::NAN;
        }
        let Some(old) = self.ring.replace(&mut cells.memory.ints, count) else { return f64::NAN };
        match self.past {
            Past::Lag => {
                cells.memory.counts[id] = old;
                self.divisor.divide(old)
            }
            Past::Diff => {
                cells.memory.counts[id] = count - old;
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
    fn eval(&mut self, cells: &mut Cells<'_>) -> f64 {
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
    fn eval(self, a: f64) -> f64 {
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
    fn eval(self, a: f64, b: f64) -> f64 {
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
    fn eval(&self, id: usize, cells: &mut Cells<'_>) -> f64 {
        let [a, b] = self.inputs.map(|input| cells.count(input));
        if a == NO_COUNT || b == NO_COUNT {
            cells.memory.counts[id] = NO_COUNT;
            return f64::NAN;
        }
        let count = a * self.factors[0] + b * self.factors[1];
        cells.memory.counts[id] = count;
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
    fn eval(&mut self, cells: &Cells<'_>, callables: &mut dyn Callables) -> Result<f64, HostError> {
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
    fn eval(&mut self, cells: &mut Cells<'_>, callables: &mut dyn Callables) -> Result<f64, HostError> {
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
    /// The commonest sources, without the choice of a field.
    Close(Source),
    Mid(Source),
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
    Apply(Box<Apply>),
    Expr(Box<Expr>),
}

impl Node {
    /// The node's next value.
    #[inline(always)]
    pub fn eval(&mut self, id: usize, cells: &mut Cells<'_>, market: &Market, callables: &mut dyn Callables) -> f64 {
        match self {
            Node::Close(node) => {
                let count = market.symbols[node.symbol as usize].bar.close;
                node.sample(id, cells, count)
            }
            Node::Mid(node) => {
                let quote = &market.symbols[node.symbol as usize].quote;
                if quote.bid == i64::MIN || quote.ask == i64::MAX {
                    cells.memory.counts[id] = NO_COUNT;
                    return f64::NAN;
                }
                node.sample(id, cells, quote.bid + quote.ask)
            }
            Node::CountMean(node) => node.eval(cells),
            Node::Sub(a, b) => cells.value(*a) - cells.value(*b),
            Node::Crosses(node) => node.eval(cells),
            Node::Ema(node) => node.eval(cells),
            other => other.eval_other(id, cells.values, cells.memory, market, callables),
        }
    }

    /// The rarer nodes, out of line: the loop over the common ones stays small.
    #[inline(never)]
    fn eval_other(
        &mut self,
        id: usize,
        values: &mut [f64],
        memory: &mut Memory,
        market: &Market,
        callables: &mut dyn Callables,
    ) -> f64 {
        let cells = &mut Cells { values, memory };
        let result = match self {
            Node::Apply(node) => node.eval(cells, callables),
            Node::Expr(node) => node.eval(cells, callables),
            other => return other.eval_native(id, cells, market),
        };
        result.unwrap_or_else(|error| {
            cells.memory.error.0.get_or_insert(error);
            f64::NAN
        })
    }

    #[inline(always)]
    fn eval_native(&mut self, id: usize, cells: &mut Cells<'_>, market: &Market) -> f64 {
        match self {
            Node::Source(node) => node.eval(id, cells, market),
            Node::Binary(op, a, b) => op.eval(cells.value(*a), cells.value(*b)),
            Node::Unary(op, a) => op.eval(cells.value(*a)),
            Node::Where(condition, a, b) => match cells.value(*condition) {
                value if value.is_nan() => f64::NAN,
                0.0 => cells.value(*b),
                _ => cells.value(*a),
            },
            Node::CountSum(node) => node.eval(id, cells),
            Node::Changes(node) => node.eval(cells),
            Node::CountPast(node) => node.eval(id, cells),
            Node::FloatPast(node) => node.eval(cells),
            Node::CountMoments(node) => node.eval(cells),
            Node::FloatMoments(node) => node.eval(cells),
            Node::CountPair(node) => node.eval(cells),
            Node::FloatPair(node) => node.eval(cells),
            Node::Extreme(node) => node.eval(cells),
            Node::Quantile(node) => node.eval(cells),
            Node::Wilder(node) => node.eval(cells),
            Node::Rsi(node) => node.eval(cells),
            Node::TrueRange(node) => node.eval(cells),
            Node::EwmaVol(node) => node.eval(cells),
            Node::Const(value) => *value,
            Node::Close(_) | Node::Mid(_) | Node::CountMean(_) | Node::Sub(..) | Node::Crosses(_) | Node::Ema(_) => {
                unreachable!("Invariant: `eval` deals with the common nodes")
            }
            Node::Apply(_) | Node::Expr(_) => unreachable!("Invariant: `eval_other` deals with the host's functions"),
        }
    }

    /// The source that the node is, if it is one.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Node::Close(source) | Node::Mid(source) | Node::Source(source) => Some(source),
            _ => None,
        }
    }

    /// Whether the node remembers nothing: it may be evaluated again without harm.
    pub fn is_stateless(&self) -> bool {
        matches!(
            self,
            Node::Const(_) | Node::Unary(..) | Node::Sub(..) | Node::Binary(..) | Node::Where(..) | Node::CountSum(_)
        )
    }

    /// Whether the node is true only in the step of its event.
    pub fn is_pulse(&self) -> bool {
        matches!(self, Node::Crosses(_) | Node::Changes(_))
    }

    /// Whether the node is a truth, and so may wake.
    pub fn is_condition(&self) -> bool {
        match self {
            Node::Unary(op, _) => *op == Unary::Not,
            Node::Binary(op, ..) => {
                use Binary::{And, Ge, Gt, Le, Lt, Or};
                matches!(op, Gt | Lt | Ge | Le | And | Or)
            }
            node => node.is_pulse(),
        }
    }
}
