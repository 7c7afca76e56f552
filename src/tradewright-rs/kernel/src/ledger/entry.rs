//! The ledger's own record: one entry for each thing that changed a position, in order.

use crate::instrument::SymbolId;
use crate::num::Cash;
use crate::order::PolicyId;

/// No entry.
pub const NO_ENTRY: u32 = u32::MAX;

/// What an entry books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// An execution.
    Fill {
        /// The venue's id.
        fill_id: u64,
    },
    /// New lots for old; `price` is twice the mark before it.
    Split {
        /// New units.
        numerator: i64,
        /// Old units.
        denominator: i64,
    },
    /// The position ended at `price`.
    Settlement,
    /// The position ended at what it cost; `price` is the average, rounded.
    Refund,
    /// Dividends since the entry before.
    Dividend,
    /// Funding since the entry before.
    Funding,
    /// Borrow cost since the entry before.
    Borrow,
}

/// One change of one policy's position or of the money that it earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub policy: PolicyId,
    /// Of what.
    pub symbol: SymbolId,
    /// What happened.
    pub kind: EntryKind,
    /// Lots traded, signed: positive bought.
    pub lots: i64,
    /// Price, in price units.
    pub price: i64,
    /// Fee of a fill (negative is a rebate); cash received by a flow (negative is paid).
    pub amount: Cash,
    /// Profit that it realised, before fees.
    pub realised: Cash,
    /// The policy's position after it, in lots.
    pub lots_after: i64,
    /// When it happened at the venue.
    pub ts_event_ns: i64,
    /// Twice the lowest mark since the entry before on this position; `i64::MAX` if there was none.
    pub low_x2: i64,
    /// Twice the highest mark since the entry before on this position; `i64::MIN` if there was none.
    pub high_x2: i64,
    /// The venue undid it; it no longer counts.
    pub is_reversed: bool,
    /// The entry before on the same position.
    pub(super) previous: u32,
}
