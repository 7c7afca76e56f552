//! What a feed of price levels shows of a command.

use crate::book::{Action, BookEvent, LAST, SNAPSHOT};
use crate::event::BookRow;
use crate::matching::{Engine, Record};
use crate::order::Side;

/// Writes messages: prints first, then the levels that changed.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    /// Price units in a tick.
    tick_units: i64,
    sequence: u64,
}

impl Publisher {
    pub(super) fn new(tick_units: i64) -> Publisher {
        Publisher { tick_units, sequence: 0 }
    }

    /// The book as it stands.
    pub(super) fn snapshot(&mut self, at_ns: i64, engine: &Engine, rows: &mut Vec<BookRow>) {
        let first = rows.len();
        self.push(rows, at_ns, Action::SnapshotStart, None, 0, 0);
        for side in [Side::Buy, Side::Sell] {
            for level in engine.levels(side) {
                self.push(rows, at_ns, Action::Set, Some(side), level.price, level.size);
            }
        }
        self.push(rows, at_ns, Action::SnapshotEnd, None, 0, 0);
        rows[first..].iter_mut().for_each(|row| row.event.flags = SNAPSHOT);
        self.end_message(rows, first);
    }

    /// What a command did, if anything shows.
    pub(super) fn message(&mut self, at_ns: i64, record: &Record, rows: &mut Vec<BookRow>) {
        let first = rows.len();
        for fill in &record.fills {
            self.push(rows, at_ns, Action::Trade, Some(fill.side), fill.price, fill.size);
        }
        for (index, delta) in record.levels.iter().enumerate() {
            // A level that changed twice is shown once, as it is in the end.
            let is_last =
                !record.levels[index + 1..].iter().any(|later| (later.side, later.price) == (delta.side, delta.price));
            if is_last {
                self.push(rows, at_ns, Action::Set, Some(delta.side), delta.price, delta.size);
            }
        }
        self.end_message(rows, first);
    }

    fn push(&self, rows: &mut Vec<BookRow>, at_ns: i64, action: Action, side: Option<Side>, ticks: i64, lots: i64) {
        let (price, sequence) = (ticks * self.tick_units, self.sequence + 1);
        let event = BookEvent { action, side, flags: 0, price, lots, order_id: 0, sequence };
        rows.push(BookRow { ts_recv_ns: at_ns, ts_event_ns: at_ns, event });
    }

    fn end_message(&mut self, rows: &mut [BookRow], first: usize) {
        if let Some(last) = rows[first..].last_mut() {
            last.event.flags |= LAST;
            self.sequence += 1;
        }
    }
}
