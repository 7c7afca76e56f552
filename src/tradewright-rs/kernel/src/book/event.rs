//! One change of a book.

use crate::order::Side;

/// The last event of a message: only then is the book whole.
pub const LAST: u8 = 1;
/// The event belongs to a snapshot.
pub const SNAPSHOT: u8 = 2;
/// The message does not follow the one before: something was lost.
pub const GAP: u8 = 4;

/// What an event does. The codes are those of the stored columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// A public print; the book changes by the events beside it, not by this. `side` is the aggressor's.
    Trade = 0,
    /// The size of a level is now this; 0 removes it.
    Set = 1,
    /// The size of a level changes by this, up or down.
    Change = 2,
    /// A side is emptied, or both where the side is none.
    Clear = 3,
    /// A snapshot begins: both sides are emptied, and nothing may be read until it ends.
    SnapshotStart = 4,
    /// The snapshot is complete.
    SnapshotEnd = 5,
    /// An order joins the end of its level's queue.
    Add = 6,
    /// An order loses this much, or all of it where the size is no less than what is left.
    Cancel = 7,
    /// An order now has this price and size.
    Modify = 8,
    /// An order was executed by this much.
    Execute = 9,
    /// An order's part of a trade, told beside it; the book changes by the event that follows.
    Fill = 10,
}

impl Action {
    /// The action of a code.
    #[inline]
    pub const fn from_code(code: u8) -> Option<Action> {
        const ALL: [Action; 11] = [
            Action::Trade,
            Action::Set,
            Action::Change,
            Action::Clear,
            Action::SnapshotStart,
            Action::SnapshotEnd,
            Action::Add,
            Action::Cancel,
            Action::Modify,
            Action::Execute,
            Action::Fill,
        ];
        if (code as usize) < ALL.len() { Some(ALL[code as usize]) } else { None }
    }
}

impl Action {
    /// Whether an event of this kind says a price of its own: an order that shrinks has the price that it had.
    #[inline]
    pub const fn has_price(self) -> bool {
        !matches!(self, Action::Clear | Action::SnapshotStart | Action::SnapshotEnd | Action::Cancel | Action::Execute)
    }
}

/// One change of a book, without its times, which a book does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookEvent {
    /// What it does.
    pub action: Action,
    /// Bid side or ask side; `None` for both or neither.
    pub side: Option<Side>,
    /// [`LAST`], [`SNAPSHOT`] and [`GAP`].
    pub flags: u8,
    /// The price, in price units.
    pub price: i64,
    /// The size, in lots.
    pub lots: i64,
    /// The order, for actions on orders.
    pub order_id: u64,
    /// The venue's number of the message.
    pub sequence: u64,
}

impl AsRef<BookEvent> for BookEvent {
    #[inline]
    fn as_ref(&self) -> &BookEvent {
        self
    }
}
