//! Events of order books out of columns.

use super::Columns;
use super::convert::{COUNT_MAX, count};
use super::source::{Chunk, Source};
use crate::book::{Action, BookEvent};
use crate::event::BookRow;
use crate::order::Side;

/// The side of a column's code.
#[inline]
fn side(code: i8) -> Option<Side> {
    match code {
        1 => Some(Side::Buy),
        -1 => Some(Side::Sell),
        _ => None,
    }
}

impl Source<'_> {
    pub(super) fn refill_book(&mut self, from: usize, to: usize) -> bool {
        let Columns::Book { ts_recv_ns, ts_event_ns, action, side: sides, flags, price, size, order_id } = self.columns
        else {
            return false;
        };
        let recv = ts_recv_ns.unwrap_or(ts_event_ns);
        self.refill_times(|row| recv[row], from, to);
        let Chunk::Book(events) = &mut self.chunk else { return false };
        events.drain(..self.at);
        let (scale, lot_scale) = (self.scale, self.lot_scale);
        let (mut is_good, mut largest, mut last) = (true, self.shift_max, self.last_recv_ns);
        let rows = to - from;
        let (recv, event, action, sides) =
            (&recv[from..to], &ts_event_ns[from..to], &action[from..to], &sides[from..to]);
        let (flags, price, size, order_id) = (&flags[from..to], &price[from..to], &size[from..to], &order_id[from..to]);
        events.extend((0..rows).map(|row| {
            let known = Action::from_code(action[row]);
            let action = known.unwrap_or(Action::Clear);
            let exact = price[row] * scale;
            let (ticks, rounded) = count(exact);
            let (lots, rounded_lots) = count(size[row] * lot_scale);
            let is_priced = action.has_price();
            if is_priced {
                let rounding = (exact - rounded).abs();
                largest = if rounding > largest { rounding } else { largest };
            }
            is_good &= known.is_some() & (!is_priced | ((rounded > 0.0) & (rounded < COUNT_MAX)));
            is_good &= (rounded_lots.abs() < COUNT_MAX) & ((size[row] >= 0.0) | (action == Action::Change));
            is_good &= (recv[row] >= last) & (event[row] <= recv[row]);
            last = recv[row];
            BookRow {
                ts_recv_ns: recv[row],
                ts_event_ns: event[row],
                event: BookEvent {
                    action,
                    side: side(sides[row]),
                    flags: flags[row],
                    price: if is_priced { ticks } else { 0 },
                    lots,
                    order_id: order_id[row],
                    sequence: 0,
                },
            }
        }));
        (self.shift_max, self.last_recv_ns) = (largest, last);
        is_good
    }
}
