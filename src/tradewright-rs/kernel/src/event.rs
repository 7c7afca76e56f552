//! What happens: market records, cash events and status changes, each with the venue's time and ours.

use crate::book::BookEvent;
use crate::instrument::{SymbolId, TickGrid};
use crate::num::Cash;

/// One bar, known at its close. Sixty-four bytes: one cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Bar {
    /// When it reached us, ns since the epoch, UTC.
    pub ts_recv_ns: i64,
    /// Its close, by the venue's clock.
    pub ts_event_ns: i64,
    /// Its start, by the venue's clock.
    pub open_ns: i64,
    /// First price, in price units.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Traded size; a float because recorded volumes often are no multiple of a lot.
    pub volume: f64,
}

/// The best bid and ask.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quote {
    /// When it reached us.
    pub ts_recv_ns: i64,
    /// When the venue made it.
    pub ts_event_ns: i64,
    /// Best bid, in price units; `i64::MIN` where that side is empty.
    pub bid: i64,
    /// Best ask, in price units; `i64::MAX` where that side is empty.
    pub ask: i64,
    /// Size at the bid.
    pub bid_size: f64,
    /// Size at the ask.
    pub ask_size: f64,
}

/// A public print.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trade {
    /// When it reached us.
    pub ts_recv_ns: i64,
    /// When it happened.
    pub ts_event_ns: i64,
    /// Its price, in price units.
    pub price: i64,
    /// Its size.
    pub size: f64,
    /// +1 when the buyer took, −1 when the seller took, 0 unknown.
    pub aggressor: i8,
}

/// One event of an order book, with its times. Sixty-four bytes: one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRow {
    /// When it reached us.
    pub ts_recv_ns: i64,
    /// When it happened.
    pub ts_event_ns: i64,
    /// What happened.
    pub event: BookEvent,
}

impl AsRef<BookEvent> for BookRow {
    #[inline]
    fn as_ref(&self) -> &BookEvent {
        &self.event
    }
}

/// Rows of one series, in order.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Bars.
    Bars(&'a [Bar]),
    /// Quotes.
    Quotes(&'a [Quote]),
    /// Public trades.
    Trades(&'a [Trade]),
    /// Events of a book.
    Book(&'a [BookRow]),
}

impl<'a> Rows<'a> {
    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Rows::Bars(rows) => rows.len(),
            Rows::Quotes(rows) => rows.len(),
            Rows::Trades(rows) => rows.len(),
            Rows::Book(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of them.
    #[inline]
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Rows<'a> {
        match self {
            Rows::Bars(rows) => Rows::Bars(&rows[range]),
            Rows::Quotes(rows) => Rows::Quotes(&rows[range]),
            Rows::Trades(rows) => Rows::Trades(&rows[range]),
            Rows::Book(rows) => Rows::Book(&rows[range]),
        }
    }
}

/// Whether an instrument can be traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Trading.
    #[default]
    Open,
    /// For the moment not.
    Paused,
    /// No longer; not yet settled.
    Closed,
    /// Settled.
    Resolved,
}

/// Money or positions that change without a trade of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CashEvent {
    /// Pays `amount` (10⁻¹² a unit of size) to each unit held; shorts pay it.
    Dividend {
        /// Amount a unit of size.
        amount: Cash,
    },
    /// `numerator` new units for each `denominator` held; the price falls alike.
    Split {
        /// New units.
        numerator: i64,
        /// Old units.
        denominator: i64,
    },
    /// Longs pay `rate_e10 × value` to shorts; at the mark.
    Funding {
        /// Rate in 10⁻¹⁰; negative pays longs.
        rate_e10: i64,
    },
    /// Pays each unit held the given price (in price units) and ends the instrument.
    Settlement {
        /// Price at which positions end.
        price: i64,
        /// True if the market was declared void (positions end at this price all the same).
        void: bool,
    },
    /// Declares the market void and gives each position held what it cost; fees stay paid. Ends the instrument.
    Refund,
    /// Money put in (positive) or taken out, in the account's currency of that index.
    Deposit {
        /// Currency index.
        currency: u16,
        /// Amount.
        amount: Cash,
    },
    /// What one unit of a currency is worth in the account's own, from now on.
    Rate {
        /// Currency index.
        currency: u16,
        /// Rate in 10⁻¹², above zero.
        rate_e12: i64,
    },
}

/// What one record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// A bar.
    Bar(Bar),
    /// A quote.
    Quote(Quote),
    /// A print.
    Trade(Trade),
    /// Events of a book that came at once.
    Book(Vec<BookRow>),
    /// The instrument's status changed.
    Status(Status),
    /// The tick grid changed.
    Grid(TickGrid),
    /// Cash or positions changed.
    Cash(CashEvent),
}

/// One record of the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When it reached us.
    pub ts_recv_ns: i64,
    /// When the venue made it.
    pub ts_event_ns: i64,
    /// The instrument (0 for deposits and rates).
    pub symbol: SymbolId,
    /// What it says.
    pub payload: Payload,
}
