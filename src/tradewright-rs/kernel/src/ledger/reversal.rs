//! Fills that the venue takes back: the position is replayed without them.

use super::{Entry, EntryKind, Ledger, LedgerError, NO_ENTRY};
use crate::num::Cash;

impl Ledger {
    /// Undoes a fill: everything stands as if it had never happened.
    ///
    /// The position is replayed from its entries without the fill, so cost, profit and round trips of later fills
    /// follow. Dividends, funding and borrow cost stay as they were paid. Returns what the reversal did to cash of the
    /// fill's currency (balance less cost), the mark unchanged.
    ///
    /// # Errors
    /// When no fill of that id is known, or it was reversed before.
    pub fn reverse(&mut self, fill_id: u64) -> Result<Cash, LedgerError> {
        let is_it = |entry: &Entry| entry.kind == EntryKind::Fill { fill_id };
        let index = self.entries.iter().rposition(|entry| is_it(entry) && !entry.is_reversed).ok_or_else(|| {
            let is_known = self.entries.iter().any(is_it);
            if is_known { LedgerError::AlreadyReversed(fill_id) } else { LedgerError::UnknownFill(fill_id) }
        })?;
        self.entries[index].is_reversed = true;
        let Entry { policy, symbol, amount: fee, .. } = self.entries[index];
        let held = *self.position(policy, symbol);
        let mut chain = Vec::new();
        let mut at = held.last_entry;
        while at != NO_ENTRY {
            chain.push(at);
            at = self.entries[at as usize].previous;
        }
        let unit = self.symbols[symbol as usize].unit;
        let (mut lots, mut cost, mut realised) = (0, 0, 0);
        for &at in chain.iter().rev() {
            let entry = &mut self.entries[at as usize];
            realised -= entry.realised;
            let after = entry.replay(&unit, lots, cost);
            entry.realised = after.realised;
            entry.lots_after = after.lots;
            realised += after.realised;
            (lots, cost) = (after.lots, after.cost);
        }
        self.book(policy, symbol, lots, cost, realised, -fee, 0);
        Ok(realised + fee - (cost - held.cost))
    }
}
