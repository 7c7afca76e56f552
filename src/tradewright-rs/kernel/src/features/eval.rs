//! How each kind of node is evaluated, one sample or a block of them.

use super::Callables;
use super::node::{Cells, Columns, Node, Unary};
use super::source::{Field, Sample, Source, mid_count};
use crate::event::Rows;

/// Samples of one series, and their rows in the group's columns.
pub(crate) struct Block<'a> {
    pub rows: Rows<'a>,
    pub times_ns: &'a [i64],
    /// Row of the columns that the first sample goes to.
    pub first: usize,
}

impl Node {
    /// The node's next value.
    #[inline]
    pub fn eval(
        &mut self,
        column: u32,
        cells: &mut Cells<'_>,
        sample: Sample<'_>,
        callables: &mut dyn Callables,
    ) -> f64 {
        let result = match self {
            Node::Apply(node) => node.eval(cells, callables),
            Node::Expr(node) => node.eval(cells, callables),
            other => return other.eval_native(column, cells, sample),
        };
        result.unwrap_or_else(|error| {
            cells.memory.error.0.get_or_insert(error);
            f64::NAN
        })
    }

    #[inline]
    fn eval_native(&mut self, column: u32, cells: &mut Cells<'_>, sample: Sample<'_>) -> f64 {
        match self {
            Node::Source(node) => node.eval(column, cells, sample),
            Node::CountMean(node) => node.eval(cells),
            Node::Sub(a, b) => cells.value(*a) - cells.value(*b),
            Node::Crosses(node) => node.eval(cells),
            Node::Ema(node) => node.eval(cells),
            Node::Binary(op, a, b) => op.eval(cells.value(*a), cells.value(*b)),
            Node::Unary(op, a) => op.eval(cells.value(*a)),
            Node::Where(condition, a, b) => match cells.value(*condition) {
                value if value.is_nan() => f64::NAN,
                0.0 => cells.value(*b),
                _ => cells.value(*a),
            },
            Node::CountSum(node) => node.eval(column, cells),
            Node::Changes(node) => node.eval(cells),
            Node::CountPast(node) => node.eval(column, cells),
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
            Node::Ofi(node) => node.eval(cells),
            Node::Cumulative(node) => node.eval(cells),
            Node::Momentum(node) => node.eval(cells),
            Node::Vpin(node) => node.eval(cells),
            Node::KyleLambda(node) => node.eval(cells),
            Node::Adjustment(node) => node.eval(cells),
            Node::Const(value) => *value,
            Node::Apply(_) | Node::Expr(_) => unreachable!("Invariant: `eval` deals with the host's functions"),
        }
    }

    /// The node's values over a block: the same arithmetic as [`Node::eval`], the choice of a node made once and the
    /// columns of the commonest found once.
    #[inline(always)]
    pub fn eval_block(&mut self, column: u32, cells: &mut Cells<'_>, block: &Block<'_>, callables: &mut dyn Callables) {
        let columns = cells.columns(block.first, block.times_ns.len());
        match (&mut *self, block.rows) {
            (Node::Source(node), Rows::Bars(bars)) if node.field == Field::Close => {
                let sampled = bars.iter().map(|bar| bar.close);
                fill_counts(&columns, column, sampled, node);
            }
            (Node::Source(node), Rows::Quotes(quotes)) if node.field == Field::Mid => {
                fill_counts(&columns, column, quotes.iter().map(mid_count), node);
            }
            (Node::CountMean(node), _) => {
                let mut local = (*node).clone();
                // Nobody reads the counts of a mean: its column holds the sums meanwhile.
                let (counts, sums) = (columns.counts(local.input), columns.counts(column));
                local.next_column(columns.ints, counts, sums, columns.values(column));
                *node = local;
            }
            (Node::Ema(node), _) => {
                let mut local = (*node).clone();
                for (input, value) in columns.values(local.input).iter().zip(columns.values(column)) {
                    value.set(local.next(input.get()));
                }
                *node = local;
            }
            (Node::Sub(a, b), _) => {
                let inputs = columns.values(*a).iter().zip(columns.values(*b));
                for ((a, b), value) in inputs.zip(columns.values(column)) {
                    value.set(a.get() - b.get());
                }
            }
            (Node::Crosses(node), _) => {
                let mut local = (*node).clone();
                local.next_column(columns.values(local.a), columns.values(local.b), columns.values(column));
                *node = local;
            }
            _ => {
                for row in 0..block.times_ns.len() {
                    (cells.row, cells.memory.now_ns) = (block.first + row, block.times_ns[row]);
                    let value = self.eval(column, cells, Sample::Row(block.rows, row), callables);
                    cells.set_value(column, value);
                }
            }
        }
    }

    /// Shows each input to a function, which may replace it.
    pub fn each_input(&mut self, visit: &mut impl FnMut(&mut u32)) {
        match self {
            Node::Const(_) | Node::Source(_) => {}
            Node::CountMean(node) => visit(&mut node.input),
            Node::CountMoments(node) => visit(&mut node.input),
            Node::FloatMoments(node) => visit(&mut node.input),
            Node::Extreme(node) => visit(&mut node.input),
            Node::Quantile(node) => visit(&mut node.input),
            Node::CountPast(node) => visit(&mut node.input),
            Node::FloatPast(node) => visit(&mut node.input),
            Node::Ema(node) => visit(&mut node.input),
            Node::Wilder(node) => visit(&mut node.input),
            Node::Rsi(node) => visit(&mut node.input),
            Node::EwmaVol(node) => visit(&mut node.input),
            Node::Changes(node) => visit(&mut node.input),
            Node::Unary(_, input) => visit(input),
            Node::CountPair(node) => [&mut node.a, &mut node.b].into_iter().for_each(visit),
            Node::FloatPair(node) => [&mut node.a, &mut node.b].into_iter().for_each(visit),
            Node::Crosses(node) => [&mut node.a, &mut node.b].into_iter().for_each(visit),
            Node::Sub(a, b) | Node::Binary(_, a, b) => [a, b].into_iter().for_each(visit),
            Node::Where(condition, a, b) => [condition, a, b].into_iter().for_each(visit),
            Node::TrueRange(node) => [&mut node.high, &mut node.low, &mut node.close].into_iter().for_each(visit),
            Node::CountSum(node) => node.inputs.iter_mut().for_each(visit),
            Node::Ofi(node) => node.inputs.iter_mut().for_each(visit),
            Node::Adjustment(node) => node.inputs.iter_mut().for_each(visit),
            Node::Cumulative(node) => visit(&mut node.input),
            Node::Momentum(node) => visit(&mut node.input),
            Node::Vpin(node) => [&mut node.price, &mut node.size].into_iter().for_each(visit),
            Node::KyleLambda(node) => [&mut node.mid, &mut node.flow].into_iter().for_each(visit),
            Node::Apply(node) => node.inputs.iter_mut().for_each(visit),
            Node::Expr(node) => node.inputs.iter_mut().for_each(visit),
        }
    }

    /// Whether it calls the host's functions, which must not run ahead of the step.
    pub fn is_hosted(&self) -> bool {
        matches!(self, Node::Apply(_) | Node::Expr(_))
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
                use super::node::Binary::{And, Ge, Gt, Le, Lt, Or};
                matches!(op, Gt | Lt | Ge | Le | And | Or)
            }
            node => node.is_pulse(),
        }
    }
}

/// Keeps the counts of a source and makes them values.
#[inline(always)]
fn fill_counts(columns: &Columns<'_>, column: u32, sampled: impl Iterator<Item = i64>, node: &Source) {
    let (counts, values) = (columns.counts(column), columns.values(column));
    for (sampled, count) in sampled.zip(counts) {
        count.set(sampled);
    }
    if !node.divisor.divide_column(counts, values) {
        for (count, value) in counts.iter().zip(values) {
            value.set(node.worth(count.get()));
        }
    }
}
