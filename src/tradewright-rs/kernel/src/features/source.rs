//! Where samples come from: fields of bars, quotes, trades and books.

use super::exact::Divisor;
use super::node::{Cells, NO_COUNT};
use crate::book::Book;
use crate::event::{Bar, Quote, Rows};
use crate::instrument::SymbolId;
use crate::market::Market;
use crate::order::Side;

/// Where a source finds its record.
#[derive(Clone, Copy)]
pub(crate) enum Sample<'a> {
    /// A row of the one series that feeds the group.
    Row(Rows<'a>, usize),
    /// The latest of everything: for nodes that several series feed.
    Latest(&'a Market),
}

/// Fields of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Open,
    High,
    Low,
    Close,
    Volume,
    Bid,
    Ask,
    Mid,
    BidSize,
    AskSize,
    QuotedSpread,
    Last,
    TradeSize,
    TradeSide,
    SignedSize,
    Price,
    Imbalance,
    BidDepth,
    AskDepth,
    Microprice,
    /// One a record, of each kind: what is counted.
    BarRecord,
    QuoteRecord,
    TradeRecord,
    BookRecord,
}

#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub field: Field,
    pub symbol: SymbolId,
    pub divisor: Divisor,
    /// Levels of the book that the field looks at.
    pub levels: u32,
    /// The price unit as a float.
    pub unit: f64,
}

impl Source {
    /// Keeps a count and makes it a value.
    #[inline(always)]
    fn sample(&self, column: u32, cells: &mut Cells<'_>, count: i64) -> f64 {
        cells.set_count(column, count);
        self.worth(count)
    }

    /// The value of a count.
    #[inline(always)]
    pub fn worth(&self, count: i64) -> f64 {
        if count == NO_COUNT { f64::NAN } else { self.divisor.divide(count) }
    }

    #[inline(always)]
    pub fn eval(&self, column: u32, cells: &mut Cells<'_>, sample: Sample<'_>) -> f64 {
        match sample {
            Sample::Row(Rows::Bars(bars), row) => self.of_bar(column, cells, &bars[row]),
            Sample::Row(Rows::Quotes(quotes), row) => self.of_quote(column, cells, &quotes[row]),
            Sample::Row(Rows::Trades(trades), row) => match self.field {
                Field::TradeSize => trades[row].size,
                Field::TradeSide => side(trades[row].aggressor),
                Field::SignedSize => side(trades[row].aggressor) * trades[row].size,
                Field::TradeRecord => 1.0,
                _ => self.sample(column, cells, trades[row].price),
            },
            Sample::Row(Rows::Book(_), _) => f64::NAN, // Never fed rows: `Graph::sample_book` evaluates them.
            Sample::Latest(market) if self.field != Field::Price => self.of_book(column, cells, market),
            Sample::Latest(market) => {
                let state = &market.symbols[self.symbol as usize];
                let count = if state.has_mark() { state.mark_x2 } else { NO_COUNT };
                self.sample(column, cells, count)
            }
        }
    }

    /// What a field reads of the order book as it stands; NaN where there is none, or a side is empty.
    fn of_book(&self, column: u32, cells: &mut Cells<'_>, market: &Market) -> f64 {
        cells.set_count(column, NO_COUNT);
        let Some(book) = market.book(self.symbol) else { return f64::NAN };
        let levels = self.levels as usize;
        let size = |lots| market.instruments[self.symbol as usize].size(lots);
        match self.field {
            Field::Imbalance => book.imbalance(levels).unwrap_or(f64::NAN),
            Field::BookRecord => 1.0,
            Field::BidDepth => size(book.depth(Side::Buy, levels)),
            Field::AskDepth => size(book.depth(Side::Sell, levels)),
            // A price of the book in price units; `divisor` is exact for whole ones alone, and this is none.
            _ => book.microprice().map_or(f64::NAN, |units| units * self.unit),
        }
    }

    #[inline(always)]
    fn of_bar(&self, column: u32, cells: &mut Cells<'_>, bar: &Bar) -> f64 {
        let count = match self.field {
            Field::Open => bar.open,
            Field::High => bar.high,
            Field::Low => bar.low,
            Field::Volume => return bar.volume,
            Field::BarRecord => return 1.0,
            _ => bar.close,
        };
        self.sample(column, cells, count)
    }

    #[inline(always)]
    fn of_quote(&self, column: u32, cells: &mut Cells<'_>, quote: &Quote) -> f64 {
        let (has_bid, has_ask) = (quote.bid != i64::MIN, quote.ask != i64::MAX);
        let count = match self.field {
            Field::Bid => quote.bid, // An empty bid is `NO_COUNT` already.
            Field::Ask if has_ask => quote.ask,
            Field::Mid => mid_count(quote),
            Field::QuotedSpread if has_bid && has_ask => quote.ask - quote.bid,
            Field::QuoteRecord => return 1.0,
            Field::BidSize => return if has_bid { quote.bid_size } else { f64::NAN },
            Field::AskSize => return if has_ask { quote.ask_size } else { f64::NAN },
            _ => NO_COUNT,
        };
        self.sample(column, cells, count)
    }
}

/// Whose order took: +1 the buyer's, −1 the seller's; NaN where that is unknown.
#[inline(always)]
fn side(aggressor: i8) -> f64 {
    if aggressor == 0 { f64::NAN } else { f64::from(aggressor.signum()) }
}

/// Bid plus ask: a mid in half price units.
#[inline(always)]
pub(crate) fn mid_count(quote: &Quote) -> i64 {
    if quote.bid != i64::MIN && quote.ask != i64::MAX { quote.bid + quote.ask } else { NO_COUNT }
}
