//! What is known of each instrument now.

use crate::event::{Bar, Payload, Quote, Record, Status, Trade};
use crate::instrument::{Instrument, SymbolId};

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
}

/// How many source kinds there are.
pub const SOURCE_KINDS: usize = 3;

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
    /// Whether a bar, a quote, a trade has been seen.
    pub seen: [bool; SOURCE_KINDS],
    /// Whether it trades.
    pub status: Status,
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
    /// The time of the current step.
    pub now_ns: i64,
}

impl Market {
    /// A market of these instruments, nothing known yet.
    pub fn new(instruments: Vec<Instrument>) -> Market {
        let symbols = vec![SymbolState::default(); instruments.len()];
        Market { instruments, symbols, now_ns: i64::MIN }
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
            Payload::Status(status) => {
                self.symbols[record.symbol as usize].status = *status;
                None
            }
            Payload::Grid(grid) => {
                self.instruments[record.symbol as usize].grid = grid.clone();
                None
            }
            Payload::Cash(_) => None,
        }
    }
}
