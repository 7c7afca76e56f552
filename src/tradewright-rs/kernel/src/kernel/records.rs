//! Records that are more than a price: books, and what happens to money and markets.

use super::Kernel;
use crate::book::Action;
use crate::event::{BookRow, CashEvent, Payload, Record, Status, Trade};
use crate::feed::Arrival;
use crate::instrument::SymbolId;
use crate::market::SourceKind;

impl Kernel {
    /// A book's events of one time: prints are trades, a touch that moved is a quote.
    pub(super) fn apply_book(&mut self, symbol: SymbolId, rows: &[BookRow]) {
        self.counters.records += rows.len() as u64 - 1;
        if let Some(book) = self.state.market.orders_books[symbol as usize].as_deref_mut() {
            // Of single orders the market keeps the levels too: what is built on a book sees no difference.
            let mut levels = std::mem::take(&mut self.levels);
            levels.clear();
            for row in rows {
                book.apply(&row.event, |event| levels.push(BookRow { event, ..*row }));
            }
            if !levels.is_empty() {
                self.apply_levels(symbol, &levels);
            }
            self.levels = levels;
            return;
        }
        self.apply_levels(symbol, rows);
    }

    fn apply_levels(&mut self, symbol: SymbolId, rows: &[BookRow]) {
        let is_print = |row: &&BookRow| row.event.action == Action::Trade;
        let has_prints = rows.iter().any(|row| is_print(&row));
        let prints = if has_prints { rows } else { &[] };
        for row in prints.iter().filter(is_print) {
            let event = &row.event;
            let trade = Trade {
                ts_recv_ns: row.ts_recv_ns,
                ts_event_ns: row.ts_event_ns,
                price: event.price,
                size: self.state.market.instruments[symbol as usize].size(event.lots),
                aggressor: event.side.map_or(0, |side| side.sign() as i8),
            };
            self.state.market.on_trade(symbol, &trade);
            self.touch(symbol, SourceKind::Trade);
        }
        let is_moved = self.state.market.on_book(symbol, rows);
        if !self.state.queues.is_idle() {
            self.state.queues.on_levels(symbol, rows);
        }
        self.mark(symbol);
        if is_moved {
            self.touch(symbol, SourceKind::Quote);
        }
        if !has_prints || !rows.iter().all(|row| is_print(&row)) {
            self.touch(symbol, SourceKind::Book);
        }
    }

    #[cold]
    pub(super) fn apply_other(&mut self, record: &Record) {
        match &record.payload {
            Payload::Bar(bar) => return self.apply_again(Arrival::Bar(record.symbol, bar)),
            Payload::Quote(quote) => return self.apply_again(Arrival::Quote(record.symbol, quote)),
            Payload::Trade(trade) => return self.apply_again(Arrival::Trade(record.symbol, trade)),
            Payload::Book(rows) => return self.apply_again(Arrival::Book(record.symbol, rows)),
            Payload::Cash(event) => {
                self.apply_cash(record, event);
                // A point of the equity curve, and marks for the managers, as after a fill.
                self.had_fill |= matches!(event, CashEvent::Settlement { .. } | CashEvent::Refund);
            }
            // So is the last price of an instrument that ends.
            Payload::Status(status) => self.had_fill |= matches!(status, Status::Closed | Status::Resolved),
            Payload::Grid(_) => {}
        }
        self.state.market.apply(record);
    }

    fn apply_again(&mut self, arrival: Arrival<'_>) {
        self.counters.records -= 1; // The same record under its own kind.
        self.apply(arrival);
    }
}
