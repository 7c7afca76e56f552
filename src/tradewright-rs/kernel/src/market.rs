//! What is known of each instrument now.

use crate::book::{Book, L2, L3, LAST, LevelsOf, Priority, WINDOW};
use crate::event::{Bar, BookRow, CashEvent, Payload, Quote, Record, Status, Trade};
use crate::instrument::{Instrument, SymbolId};
use crate::order::Side;

/// Where a feature's sample comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SourceKind {
    /// Bars.
    Bar = 0,
    /// Quotes.
    Quote = 1,
    /// Public trades.
    Trade = 2,
    /// Changes of an order book.
    Book = 3,
}

/// How many source kinds there are.
pub const SOURCE_KINDS: usize = 4;

/// The latest of everything for one instrument.
#[derive(Clone, Debug)]
pub struct SymbolState {
    /// The latest bar; `volume` is NaN before the first.
    pub bar: Bar,
    /// The latest quote.
    pub quote: Quote,
    /// The latest public trade.
    pub trade: Trade,
    /// Twice the mark, in price units; 0 before the first price. Bars mark at the close, quotes at the mid.
    pub mark_x2: i64,
    /// When the mark was made (receive time).
    pub mark_ns: i64,
    /// Whether a bar, a quote, a trade, a book has been seen.
    pub seen: [bool; SOURCE_KINDS],
    /// Whether it trades.
    pub status: Status,
    /// How often its tick grid has changed.
    pub grid_changes: u32,
}

impl SymbolState {
    /// Whether there was a price yet. Marks of instruments whose bounds allow it may be zero or negative.
    #[inline]
    pub fn has_mark(&self) -> bool {
        self.mark_ns != i64::MIN
    }
}

impl Default for SymbolState {
    fn default() -> Self {
        SymbolState {
            bar: Bar::default(),
            quote: Quote::default(),
            trade: Trade::default(),
            mark_x2: 0,
            mark_ns: i64::MIN,
            seen: [false; SOURCE_KINDS],
            status: Status::Open,
            grid_changes: 0,
        }
    }
}

/// The state of all instruments.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// What is traded; index is the symbol id.
    pub instruments: Vec<Instrument>,
    /// What is known; index is the symbol id.
    pub symbols: Vec<SymbolState>,
    /// Order books, of the instruments that have one; index is the symbol id.
    pub books: Vec<Option<Box<L2>>>,
    /// The single orders behind those levels, of the instruments whose events tell them; index is the symbol id.
    pub orders_books: Vec<Option<Box<LevelsOf>>>,
    /// Whether the levels of a book are kept by who matches on them as well, who applies its events first; index is the
    /// symbol id.
    pub(crate) has_shared_levels: Vec<bool>,
    /// The time of the current step.
    pub now_ns: i64,
}

impl Market {
    /// A market of these instruments, nothing known yet.
    pub fn new(instruments: Vec<Instrument>) -> Market {
        let symbols = vec![SymbolState::default(); instruments.len()];
        let books = vec![None; instruments.len()];
        let orders_books = vec![None; instruments.len()];
        let has_shared_levels = vec![false; instruments.len()];
        Market { instruments, symbols, books, orders_books, has_shared_levels, now_ns: i64::MIN }
    }

    /// Says before the run that the events of an instrument's book are of single orders.
    pub fn declare_orders(&mut self, symbol: SymbolId, priority: Priority) {
        self.orders_books[symbol as usize] = Some(Box::new(LevelsOf::new(L3::new(WINDOW, priority))));
    }

    /// The single orders of an instrument whose events tell them.
    #[inline]
    pub fn orders(&self, symbol: SymbolId) -> Option<&L3> {
        self.orders_books[symbol as usize].as_deref().map(LevelsOf::orders)
    }

    /// Applies one bar.
    #[inline]
    pub fn on_bar(&mut self, symbol: SymbolId, bar: &Bar) {
        let state = &mut self.symbols[symbol as usize];
        state.bar = *bar;
        state.mark_x2 = bar.close * 2;
        state.mark_ns = bar.ts_recv_ns;
        state.seen[SourceKind::Bar as usize] = true;
    }

    /// Applies one quote. A side that is empty leaves the mark where it was.
    #[inline]
    pub fn on_quote(&mut self, symbol: SymbolId, quote: &Quote) {
        let state = &mut self.symbols[symbol as usize];
        state.quote = *quote;
        state.seen[SourceKind::Quote as usize] = true;
        if quote.bid != i64::MIN && quote.ask != i64::MAX {
            state.mark_x2 = quote.bid + quote.ask;
            state.mark_ns = quote.ts_recv_ns;
        }
    }

    /// Applies events of an order book. Returns whether best bid or ask, or a size there, is another than before.
    ///
    /// The touch is read when a message is whole and no snapshot is half applied; prints stand beside the book.
    pub fn on_book(&mut self, symbol: SymbolId, rows: &[BookRow]) -> bool {
        let book = self.books[symbol as usize].get_or_insert_with(|| Box::new(L2::new(WINDOW)));
        if !self.has_shared_levels[symbol as usize] {
            book.apply_all(rows);
        }
        let state = &mut self.symbols[symbol as usize];
        state.seen[SourceKind::Book as usize] = true;
        let Some(last) = rows.last().filter(|row| row.event.flags & LAST != 0) else { return false };
        let lot = self.instruments[symbol as usize].lot_size;
        let (bid, ask) = (book.best(Side::Buy), book.best(Side::Sell));
        let quote = Quote {
            ts_recv_ns: last.ts_recv_ns,
            ts_event_ns: last.ts_event_ns,
            bid: bid.map_or(i64::MIN, |level| level.price),
            ask: ask.map_or(i64::MAX, |level| level.price),
            bid_size: bid.map_or(0.0, |level| lot.times(level.lots)),
            ask_size: ask.map_or(0.0, |level| lot.times(level.lots)),
        };
        let touch = |quote: &Quote| (quote.bid, quote.ask, quote.bid_size.to_bits(), quote.ask_size.to_bits());
        if state.seen[SourceKind::Quote as usize] && touch(&state.quote) == touch(&quote) {
            return false;
        }
        self.on_quote(symbol, &quote);
        true
    }

    /// The order book of an instrument that has one.
    #[inline]
    pub fn book(&self, symbol: SymbolId) -> Option<&L2> {
        self.books[symbol as usize].as_deref()
    }

    /// Applies one public trade. It marks only an instrument without quotes.
    #[inline]
    pub fn on_trade(&mut self, symbol: SymbolId, trade: &Trade) {
        let state = &mut self.symbols[symbol as usize];
        state.trade = *trade;
        state.seen[SourceKind::Trade as usize] = true;
        if !state.seen[SourceKind::Quote as usize] {
            state.mark_x2 = trade.price * 2;
            state.mark_ns = trade.ts_recv_ns;
        }
    }

    /// Applies any record; returns which source it feeds.
    pub fn apply(&mut self, record: &Record) -> Option<SourceKind> {
        match &record.payload {
            Payload::Bar(bar) => {
                self.on_bar(record.symbol, bar);
                Some(SourceKind::Bar)
            }
            Payload::Quote(quote) => {
                self.on_quote(record.symbol, quote);
                Some(SourceKind::Quote)
            }
            Payload::Trade(trade) => {
                self.on_trade(record.symbol, trade);
                Some(SourceKind::Trade)
            }
            Payload::Book(rows) => {
                self.on_book(record.symbol, rows);
                Some(SourceKind::Book)
            }
            Payload::Status(status) => {
                self.symbols[record.symbol as usize].status = *status;
                None
            }
            Payload::Grid(grid) => {
                self.instruments[record.symbol as usize].grid = grid.clone();
                self.symbols[record.symbol as usize].grid_changes += 1;
                None
            }
            Payload::Cash(CashEvent::Settlement { .. } | CashEvent::Refund) => {
                self.symbols[record.symbol as usize].status = Status::Resolved;
                None
            }
            Payload::Cash(_) => None,
        }
    }
}
