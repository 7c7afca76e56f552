//! Many marks in a row, nothing else between them: what marking one by one comes to, in one pass.

use super::{Ledger, RATE_ONE, times};
use crate::instrument::SymbolId;
use crate::num::{Cash, cash_to_f64};
use crate::order::PolicyId;

/// One mark: twice the prices, in price units.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// The mark.
    pub mark_x2: i64,
    /// Lowest price of its period.
    pub low_x2: i64,
    /// Highest price of its period.
    pub high_x2: i64,
}

/// The extremes of many marks, and the last.
struct Span {
    low_mark_x2: i64,
    high_mark_x2: i64,
    low_x2: i64,
    high_x2: i64,
    last_x2: i64,
}

impl Ledger {
    /// Whether a time still belongs to the day of the step before.
    #[inline]
    pub fn day_ends_at_ns(&self) -> i64 {
        self.day_ends_at_ns
    }

    /// Whether [`Ledger::pass`] can take marks of this instrument: one currency, and at most one holder of a plain
    /// contract.
    #[inline]
    pub fn can_pass(&self, symbol: SymbolId) -> bool {
        let state = &self.symbols[symbol as usize];
        self.currencies() == 1
            && !state.is_expired
            && (state.holders == 0 || (state.sole.is_some() && state.unit.plain() != 0))
    }

    /// Takes marks that follow one another with nothing between: one step each. Appends the account's equity after each
    /// to `points`, if wanted. Returns false, nothing done, if the account could fall below its maintenance margin on
    /// the way, where `liquidates` asks that.
    ///
    /// Call only where [`Ledger::can_pass`] and no day ends in between. `marks` is not empty.
    #[inline]
    pub fn pass(
        &mut self,
        symbol: SymbolId,
        mut marks: impl DoubleEndedIterator<Item = Mark> + ExactSizeIterator + Clone,
        liquidates: bool,
        points: Option<&mut Vec<f64>>,
    ) -> bool {
        let state = &mut self.symbols[symbol as usize];
        let Some(owner) = state.sole else {
            if let Some(points) = points {
                let equity = self.money[self.policies + 1].equity;
                points.resize(points.len() + marks.len(), cash_to_f64(equity));
            }
            state.mark_x2 = marks.next_back().map_or(state.mark_x2, |mark| mark.mark_x2);
            return true;
        };
        let mut span =
            Span { low_mark_x2: i64::MAX, high_mark_x2: i64::MIN, low_x2: i64::MAX, high_x2: i64::MIN, last_x2: 0 };
        for mark in marks.clone() {
            span.low_mark_x2 = span.low_mark_x2.min(mark.mark_x2);
            span.high_mark_x2 = span.high_mark_x2.max(mark.mark_x2);
            span.low_x2 = span.low_x2.min(mark.low_x2);
            span.high_x2 = span.high_x2.max(mark.high_x2);
            span.last_x2 = mark.mark_x2;
        }
        self.pass_held(symbol, owner, &span, marks, liquidates, points)
    }

    /// Value and equity are linear in the mark, so what holds at its extremes holds between them.
    #[inline]
    fn pass_held(
        &mut self,
        symbol: SymbolId,
        owner: PolicyId,
        span: &Span,
        marks: impl Iterator<Item = Mark>,
        liquidates: bool,
        points: Option<&mut Vec<f64>>,
    ) -> bool {
        let (count, account) = (self.symbols.len(), self.policies + 1);
        let state = &self.symbols[symbol as usize];
        let position = &self.positions[owner as usize * count + symbol as usize];
        let (unit, lots, value) = (state.unit, position.lots, position.value);
        let money = &self.money[account];
        let extremes = [span.low_mark_x2, span.high_mark_x2].map(|mark_x2| unit.value_x2(mark_x2, lots));
        if liquidates
            && extremes.iter().any(|at| {
                let grown = at.abs() - state.gross;
                let margin = money.maintenance_margin_e10 + times(grown, state.maintenance_e10);
                times(money.equity + at - value, RATE_ONE) < margin
            })
        {
            return false;
        }
        if let Some(points) = points {
            let rest = money.equity - value;
            let bounds = extremes.map(|at| rest + at);
            let (rest_short, per_unit) = (i64::try_from(rest), unit.plain().checked_mul(lots));
            let is_short = |cash: &Cash| i64::try_from(*cash).is_ok();
            match (rest_short, per_unit) {
                // Between two sums of 64 bits every sum is one, and so is every product.
                (Ok(rest), Some(per_unit)) if bounds.iter().chain(&extremes).all(is_short) => {
                    points.extend(
                        marks.map(|mark| (rest.wrapping_add(mark.mark_x2.wrapping_mul(per_unit))) as f64 / 1e12),
                    );
                }
                _ => points.extend(marks.map(|mark| cash_to_f64(rest + unit.value_x2(mark.mark_x2, lots)))),
            }
        }
        let best = extremes[0].max(extremes[1]) - value;
        for owner in [owner as usize, account] {
            let peak = self.money[owner].equity + best;
            self.standings[owner].peak = self.standings[owner].peak.max(peak);
        }
        self.mark_within(symbol, span.last_x2, span.low_x2, span.high_x2);
        true
    }
}
