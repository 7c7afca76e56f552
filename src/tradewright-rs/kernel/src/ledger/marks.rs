//! Marks: the prices at which positions are valued, and what a new one does to every sum.

use super::{Ledger, NO_MARK, times};
use crate::instrument::SymbolId;
use crate::order::PolicyId;
use crate::prefetch::prefetch;

impl Ledger {
    /// Twice the mark in price units; `None` before the first.
    #[inline]
    pub fn mark_x2(&self, symbol: SymbolId) -> Option<i64> {
        let mark = self.symbols[symbol as usize].mark_x2;
        (mark != NO_MARK).then_some(mark)
    }

    /// Asks memory for what marking the instrument reads.
    #[inline]
    pub fn prefetch(&self, symbol: SymbolId) {
        prefetch(&self.symbols[symbol as usize]);
    }

    /// The same for the position of its only holder, once that is known.
    #[inline]
    pub fn prefetch_position(&self, symbol: SymbolId) {
        if let Some(owner) = self.symbols[symbol as usize].sole {
            prefetch(&self.positions[owner as usize * self.symbols.len() + symbol as usize]);
        }
    }

    /// Sets the mark, twice the price in price units. Returns at once when nobody holds the instrument, and whether
    /// anybody does.
    #[inline]
    pub fn mark(&mut self, symbol: SymbolId, mark_x2: i64) -> bool {
        self.mark_within(symbol, mark_x2, mark_x2, mark_x2)
    }

    /// Sets the mark to a bar's close, in price units; lowest and highest count for MAE and MFE alone.
    #[inline]
    pub fn mark_bar(&mut self, symbol: SymbolId, low: i64, high: i64, close: i64) -> bool {
        self.mark_within(symbol, close * 2, low * 2, high * 2)
    }

    #[inline]
    pub(super) fn mark_within(&mut self, symbol: SymbolId, mark_x2: i64, low_x2: i64, high_x2: i64) -> bool {
        let state = &mut self.symbols[symbol as usize];
        if state.is_expired {
            return false;
        }
        let before_x2 = std::mem::replace(&mut state.mark_x2, mark_x2);
        if state.holders == 0 {
            return false;
        }
        if let Some(owner) = state.sole {
            self.mark_sole(owner, symbol, mark_x2, low_x2, high_x2);
            return true;
        }
        self.extend_range(symbol, low_x2.min(mark_x2), high_x2.max(mark_x2));
        if before_x2 != mark_x2 {
            self.mark_held(symbol, mark_x2);
        }
        true
    }

    /// One holder of a plain instrument, nearly always so: what the position gains, owner and account gain.
    fn mark_sole(&mut self, owner: PolicyId, symbol: SymbolId, mark_x2: i64, low_x2: i64, high_x2: i64) {
        let (count, currencies) = (self.symbols.len(), self.currencies());
        let state = &mut self.symbols[symbol as usize];
        let position = &mut self.positions[owner as usize * count + symbol as usize];
        position.low_x2 = position.low_x2.min(low_x2).min(mark_x2);
        position.high_x2 = position.high_x2.max(high_x2).max(mark_x2);
        let value = state.unit.value_x2(mark_x2, position.lots);
        let change = value - position.value;
        if change == 0 {
            return;
        }
        position.value = value;
        let gross = value.abs();
        let grown = gross - state.gross;
        (state.gross, state.net, state.risk) = (gross, value, gross);
        let (initial, maintenance) = (times(grown, state.initial_e10), times(grown, state.maintenance_e10));
        let currency = state.currency as usize;
        let own = &mut self.money[owner as usize * currencies + currency];
        own.equity += change;
        own.gross += grown;
        own.net += change;
        let account = &mut self.money[(self.policies + 1) * currencies + currency];
        account.equity += change;
        account.gross += grown;
        account.net += change;
        account.initial_margin_e10 += initial;
        account.maintenance_margin_e10 += maintenance;
        self.is_dirty = true;
    }

    fn mark_held(&mut self, symbol: SymbolId, mark_x2: i64) {
        let (count, currencies) = (self.symbols.len(), self.currencies());
        let state = &self.symbols[symbol as usize];
        let (unit, currency) = (state.unit, state.currency as usize);
        let is_alone = state.holders == 1;
        let (mut change, mut total) = (0, 0);
        for owner in 0..=self.policies {
            let position = &mut self.positions[owner * count + symbol as usize];
            if position.lots == 0 {
                continue;
            }
            let (before, value) = (position.value, unit.value_x2(mark_x2, position.lots));
            position.value = value;
            let money = &mut self.money[owner * currencies + currency];
            money.equity += value - before;
            money.gross += value.abs() - before.abs();
            money.net += if unit.is_inverse() { before - value } else { value - before };
            change += value - before;
            total += value;
        }
        self.money[(self.policies + 1) * currencies + currency].equity += change;
        if is_alone {
            self.set_account_value(symbol, total);
        } else {
            self.refresh_account(symbol);
        }
        self.is_dirty = true;
    }

    /// Lowest and highest price of a period in which the positions held now were open: for MAE and MFE alone.
    pub fn mark_range(&mut self, symbol: SymbolId, low: i64, high: i64) {
        if self.is_held(symbol) {
            self.extend_range(symbol, low * 2, high * 2);
        }
    }

    /// Says that an instrument expired: what is held of it keeps the mark it has until it is settled.
    pub fn expire(&mut self, symbol: SymbolId) {
        self.symbols[symbol as usize].is_expired = true;
    }

    fn extend_range(&mut self, symbol: SymbolId, low_x2: i64, high_x2: i64) {
        let count = self.symbols.len();
        for owner in 0..=self.policies {
            let position = &mut self.positions[owner * count + symbol as usize];
            if position.lots != 0 {
                position.low_x2 = position.low_x2.min(low_x2);
                position.high_x2 = position.high_x2.max(high_x2);
            }
        }
    }
}
