//! Steps in which nothing happens but the passing of time and prices: taken many at a time.
//!
//! What comes out is what [`Kernel::begin`], [`Kernel::apply`] and [`Kernel::finish`] make of the same rows one by one; a
//! test compares them.

use super::Kernel;
use super::equity::minute_end;
use crate::event::{Bar, Quote, Rows};
use crate::instrument::SymbolId;
use crate::ledger::Mark;
use crate::market::{SOURCE_KINDS, SourceKind};

impl Kernel {
    /// Computes the features of rows that will be handed out next; see [`crate::features::Graph::foresee`].
    pub fn foresee(&mut self, symbol: SymbolId, rows: Rows<'_>, times_ns: &[i64], is_strict: bool) {
        self.state.graph.foresee(symbol, rows, times_ns, is_strict);
    }

    /// Takes the first of these rows, of which there is one at least, that wake nobody and ask nothing of anybody, a step each; returns how many.
    ///
    /// [`Kernel::may_pass`] holds, each row has a time of its own, nothing else is due before `until_ns`, and the venue has nothing to do with them.
    #[inline]
    pub fn pass(&mut self, symbol: SymbolId, rows: Rows<'_>, times_ns: &[i64], until_ns: i64) -> usize {
        let kind = kind_of(&rows);
        let mut until_ns = until_ns.min(self.timers.next_ns()).min(self.state.ledger.day_ends_at_ns());
        until_ns = until_ns.min(self.next_expiry_ns.saturating_add(1));
        if kind == SourceKind::Quote && (self.equity_changed || self.state.ledger.is_held(symbol)) {
            // Each minute has a point of its own on the equity curve.
            until_ns = times_ns.first().map_or(until_ns, |&first_ns| until_ns.min(minute_end(first_ns)));
        }
        let is_settled = kind == SourceKind::Quote || !self.equity_changed;
        if !is_settled || times_ns[0] >= until_ns || !self.state.ledger.can_pass(symbol) {
            return 0;
        }
        let most = self.state.graph.quiet_samples(symbol, kind).min(rows.len());
        let times_ns = &times_ns[..most];
        let taken = match *times_ns {
            // Series that take turns.
            [_, next_ns, ..] if next_ns >= until_ns => 1,
            // A step alone is not worth the preparations.
            [] | [_] => return 0,
            [.., last_ns] if last_ns < until_ns => most,
            _ => times_ns.partition_point(|&time_ns| time_ns < until_ns),
        };
        if times_ns[0] >= self.minute_ends_at_ns {
            self.close_minute(times_ns[0]);
        }
        self.state.ledger.on_time(times_ns[0]);
        let passed = match rows {
            Rows::Bars(bars) => self.pass_bars(symbol, &bars[..taken]),
            Rows::Quotes(quotes) => self.pass_quotes(symbol, &quotes[..taken]),
            Rows::Trades(_) | Rows::Book(_) => 0,
        };
        if passed != 0 {
            let times_ns = &times_ns[..passed];
            if kind == SourceKind::Bar {
                self.equity_ns.extend_from_slice(times_ns);
            }
            self.counters.steps += passed as u64;
            self.counters.records += passed as u64;
            self.state.market.now_ns = times_ns[passed - 1];
            self.state.graph.skip(symbol, kind, passed);
        }
        passed
    }

    /// Whether rows of this series can be passed at all: nobody is woken by each of them, and nobody looks at marks.
    #[inline]
    pub fn may_pass(&self, symbol: SymbolId, rows: &Rows<'_>) -> bool {
        let source = symbol as usize * SOURCE_KINDS + kind_of(rows) as usize;
        self.started
            && !matches!(rows, Rows::Trades(_) | Rows::Book(_))
            && !self.has_managers
            && self.borrow_e10 == 0
            && self.source_wakes[source].is_empty()
            && self.group_of[symbol as usize].is_empty()
    }

    fn pass_bars(&mut self, symbol: SymbolId, bars: &[Bar]) -> usize {
        // Prices have at most 51 bits: the feed sees to it.
        let twice = |price: i64| price.wrapping_mul(2);
        let marks =
            bars.iter().map(|bar| Mark { mark_x2: twice(bar.close), low_x2: twice(bar.low), high_x2: twice(bar.high) });
        let Some(last) = bars.last() else { return 0 };
        if !self.state.ledger.pass(symbol, marks, self.liquidates, Some(&mut self.equity)) {
            return 0;
        }
        self.last_equity = self.equity.last().copied().unwrap_or(self.last_equity);
        self.state.market.on_bar(symbol, last);
        bars.len()
    }

    fn pass_quotes(&mut self, symbol: SymbolId, quotes: &[Quote]) -> usize {
        let is_whole = |quote: &Quote| quote.bid != i64::MIN && quote.ask != i64::MAX;
        let quotes = &quotes[..quotes.iter().position(|quote| !is_whole(quote)).unwrap_or(quotes.len())];
        let marks = quotes.iter().map(|quote| {
            let mark_x2 = quote.bid.wrapping_add(quote.ask);
            Mark { mark_x2, low_x2: mark_x2, high_x2: mark_x2 }
        });
        let Some(last) = quotes.last() else { return 0 };
        if !self.state.ledger.pass(symbol, marks, self.liquidates, None) {
            return 0;
        }
        self.equity_changed |= self.state.ledger.is_held(symbol);
        self.state.market.on_quote(symbol, last);
        quotes.len()
    }
}

#[inline]
fn kind_of(rows: &Rows<'_>) -> SourceKind {
    match rows {
        Rows::Bars(_) => SourceKind::Bar,
        Rows::Quotes(_) => SourceKind::Quote,
        Rows::Trades(_) => SourceKind::Trade,
        Rows::Book(_) => SourceKind::Book,
    }
}
