//! The equity curve: a point at each step with a bar or a fill, and one a minute for what else moved it.

use super::{Kernel, SECOND_NS};
use crate::num::cash_to_f64;

const MINUTE_NS: i64 = 60 * SECOND_NS;

/// When the minute (UTC) of a time ends.
pub(super) fn minute_end(now_ns: i64) -> i64 {
    (now_ns - now_ns.rem_euclid(MINUTE_NS)).saturating_add(MINUTE_NS)
}

impl Kernel {
    #[inline]
    pub(super) fn record_equity(&mut self, now_ns: i64) {
        (self.has_point, self.had_fill) = (false, false);
        self.value_account();
        self.equity_ns.push(now_ns);
        self.equity.push(self.last_equity);
    }

    /// Before a step of `now_ns`, the first of its minute: a point as of the last step, if marks moved the equity since
    /// the last point.
    pub(super) fn close_minute(&mut self, now_ns: i64) {
        self.minute_ends_at_ns = minute_end(now_ns);
        self.note_equity();
    }

    /// After the last step: where marks, a settlement or a late fill moved the equity, the curve ends with one more point.
    pub(super) fn end_equity(&mut self) {
        if self.had_fill {
            self.record_equity(self.state.market.now_ns);
        } else {
            self.note_equity();
        }
    }

    fn note_equity(&mut self) {
        if self.fills.is_empty() && !self.had_flow {
            return;
        }
        let before = self.last_equity;
        self.value_account();
        if self.last_equity.to_bits() != before.to_bits() {
            self.equity_ns.push(self.state.market.now_ns);
            self.equity.push(self.last_equity);
        }
    }

    #[inline]
    fn value_account(&mut self) {
        if self.equity_changed {
            self.equity_changed = false;
            self.last_equity = self.state.ledger.equity_total().map_or(f64::NAN, cash_to_f64);
        }
    }
}
