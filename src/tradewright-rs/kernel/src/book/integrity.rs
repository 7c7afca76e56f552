//! What a book was told that cannot be: counted and kept, never absorbed.

use super::PriceLevel;

/// Something in the events that contradicts the book or the events before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// Events are missing before the message with this number.
    Gap {
        /// The message's number.
        sequence: u64,
    },
    /// At the end of a message the best bid is at or above the best ask.
    Crossed {
        /// Best bid, in price units.
        bid: i64,
        /// Best ask.
        ask: i64,
    },
    /// An order that is not in the book was cancelled, modified or executed.
    UnknownOrder {
        /// Its id.
        order_id: u64,
    },
    /// An order that is in the book already was added.
    DuplicateOrder {
        /// Its id.
        order_id: u64,
    },
    /// More was taken away than was there, or a size was negative; the level or order is gone.
    NegativeSize {
        /// The price, in price units.
        price: i64,
        /// By how much, as a negative number of lots.
        lots: i64,
    },
    /// A price too large to count; the event was left out.
    OutOfRange {
        /// The price, in price units.
        price: i64,
    },
    /// An action that a book of this kind has no meaning for; the event was left out.
    Meaningless {
        /// The action's code.
        action: u8,
    },
}

/// How many kinds of offences there are.
pub const OFFENCES: usize = 7;

impl Offence {
    /// Index of its kind, in the order of [`Offence::NAMES`].
    pub fn kind(&self) -> usize {
        match self {
            Offence::Gap { .. } => 0,
            Offence::Crossed { .. } => 1,
            Offence::UnknownOrder { .. } => 2,
            Offence::DuplicateOrder { .. } => 3,
            Offence::NegativeSize { .. } => 4,
            Offence::OutOfRange { .. } => 5,
            Offence::Meaningless { .. } => 6,
        }
    }

    /// The kinds by name.
    pub const NAMES: [&'static str; OFFENCES] =
        ["gap", "crossed", "unknown_order", "duplicate_order", "negative_size", "out_of_range", "meaningless"];
}

/// The first offence, how many there were of each kind, and whether the book can be believed now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// The first offence, and the number of the event (from 0) that brought it.
    pub first: Option<(u64, Offence)>,
    /// How many offences of each kind; crossed books count once a message.
    pub counts: [u64; OFFENCES],
    /// Events seen.
    pub events: u64,
    is_doubtful: bool,
    is_crossed: bool,
    in_snapshot: bool,
}

impl Integrity {
    /// Whether nothing is known to be wrong with the book as it stands: no offence since the last whole snapshot,
    /// no snapshot half applied, not crossed.
    #[inline]
    pub fn is_trusted(&self) -> bool {
        !(self.is_doubtful || self.is_crossed || self.in_snapshot)
    }

    /// Counts an offence of the current event.
    #[cold]
    #[inline(never)]
    pub fn note(&mut self, offence: Offence) {
        self.first.get_or_insert((self.events, offence));
        self.counts[offence.kind()] += 1;
        if let Offence::Crossed { .. } = offence {
            self.is_crossed = true;
        } else {
            self.is_doubtful = true;
        }
    }

    /// A message ended with these best prices.
    #[inline]
    pub fn check_crossed(&mut self, bid: Option<PriceLevel>, ask: Option<PriceLevel>) {
        self.is_crossed = false;
        if let (Some(bid), Some(ask)) = (bid, ask) {
            if bid.price >= ask.price {
                self.note(Offence::Crossed { bid: bid.price, ask: ask.price });
            }
        }
    }

    /// A snapshot begins: what was doubtful before does not matter after it.
    pub fn snapshot_starts(&mut self) {
        self.in_snapshot = true;
        self.is_doubtful = false;
        self.is_crossed = false;
    }

    /// The snapshot is complete.
    pub fn snapshot_ends(&mut self) {
        self.in_snapshot = false;
    }
}
