//! What a feed of single orders shows.

use std::collections::BTreeMap;

use crate::book::{Action, BookEvent, LAST, SNAPSHOT};
use crate::event::BookRow;
use crate::matching::{Engine, OrderAction, Record};
use crate::order::Side;

/// Every order of the book, from its place in the queue to its end. Ids are the engine's: those of guests are odd.
#[derive(Clone, Debug)]
pub(super) struct OrderTape {
    tick_units: i64,
    sequence: u64,
    /// What is left of each order in the book.
    left: BTreeMap<u64, i64>,
    pub(super) rows: Vec<BookRow>,
}

impl OrderTape {
    /// Begins with the book as it stands.
    pub(super) fn new(tick_units: i64, at_ns: i64, engine: &Engine) -> OrderTape {
        let mut tape = OrderTape { tick_units, sequence: 0, left: BTreeMap::new(), rows: Vec::new() };
        tape.push(at_ns, Action::SnapshotStart, None, 0, 0, 0);
        for side in [Side::Buy, Side::Sell] {
            for order in engine.orders(side) {
                tape.left.insert(order.id, order.size);
                tape.push(at_ns, Action::Add, Some(side), order.price, order.size, order.id);
            }
        }
        tape.push(at_ns, Action::SnapshotEnd, None, 0, 0, 0);
        tape.rows.iter_mut().for_each(|row| row.event.flags = SNAPSHOT);
        tape.end_message(0);
        tape
    }

    /// What a command did: executions, then what else became of orders.
    pub(super) fn message(&mut self, at_ns: i64, record: &Record) {
        let first = self.rows.len();
        let mut changes = 0;
        for fill in &record.fills {
            // A stop that was triggered may have met an order that came to rest in the same command.
            while !self.left.contains_key(&fill.maker) && changes < record.orders.len() {
                self.change(at_ns, record, changes);
                changes += 1;
            }
            let left = self.left.remove(&fill.maker).unwrap_or(0) - fill.size;
            if left > 0 {
                self.left.insert(fill.maker, left);
            }
            self.push(at_ns, Action::Execute, Some(fill.side.opposite()), fill.price, fill.size, fill.maker);
        }
        (changes..record.orders.len()).for_each(|change| self.change(at_ns, record, change));
        self.end_message(first);
    }

    fn change(&mut self, at_ns: i64, record: &Record, index: usize) {
        let delta = record.orders[index];
        let (side, price) = (Some(delta.side), delta.price);
        match delta.action {
            OrderAction::Add => {
                self.left.insert(delta.id, delta.size);
                self.push(at_ns, Action::Add, side, price, delta.size, delta.id);
            }
            OrderAction::Remove => {
                // What was executed whole is gone already.
                if let Some(left) = self.left.remove(&delta.id) {
                    self.push(at_ns, Action::Cancel, side, price, left, delta.id);
                }
            }
            OrderAction::Change => {
                if !record.fills.iter().any(|fill| fill.maker == delta.id) {
                    self.left.insert(delta.id, delta.size);
                    self.push(at_ns, Action::Modify, side, price, delta.size, delta.id);
                }
            }
        }
    }

    fn push(&mut self, at_ns: i64, action: Action, side: Option<Side>, ticks: i64, lots: i64, order_id: u64) {
        let (price, sequence) = (ticks * self.tick_units, self.sequence + 1);
        let event = BookEvent { action, side, flags: 0, price, lots, order_id, sequence };
        self.rows.push(BookRow { ts_recv_ns: at_ns, ts_event_ns: at_ns, event });
    }

    fn end_message(&mut self, first: usize) {
        if let Some(last) = self.rows[first..].last_mut() {
            last.event.flags |= LAST;
            self.sequence += 1;
        }
    }
}
