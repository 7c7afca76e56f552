//! New prices reach the ledger: quotes and prints as they come, bars at the end of their step.

use super::Kernel;
use crate::instrument::SymbolId;
use crate::prefetch::{NEXT, SOON, prefetch};

impl Kernel {
    /// Asks memory for what a record of this instrument meets.
    #[inline]
    pub(crate) fn expect(&self, symbol: SymbolId) {
        prefetch(&self.state.market.symbols[symbol as usize]);
        self.state.ledger.prefetch(symbol);
    }

    /// Marks what was held through this step's bars: after the reports, so that a position that began at a bar's open
    /// has its range, and one that ended there has not.
    #[inline]
    pub(super) fn mark_bars(&mut self) {
        for (nth, &symbol) in self.to_mark.iter().enumerate() {
            if let Some(&soon) = self.to_mark.get(nth + SOON) {
                prefetch(&self.state.market.symbols[soon as usize].bar);
                self.state.ledger.prefetch(soon);
            }
            if let Some(&next) = self.to_mark.get(nth + NEXT) {
                self.state.ledger.prefetch_position(next);
            }
            let bar = &self.state.market.symbols[symbol as usize].bar;
            self.equity_changed |= self.state.ledger.mark_bar(symbol, bar.low, bar.high, bar.close);
        }
        self.to_mark.clear();
    }

    #[inline]
    pub(super) fn mark(&mut self, symbol: SymbolId) {
        let state = &self.state.market.symbols[symbol as usize];
        if state.has_mark() {
            self.equity_changed |= self.state.ledger.mark(symbol, state.mark_x2);
        }
    }
}
