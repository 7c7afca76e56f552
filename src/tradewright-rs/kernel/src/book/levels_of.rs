//! What a book of levels sees of the events of single orders.

use super::{Action, Book, BookEvent, GAP, L3, LAST};
use crate::order::Side;

/// A book of orders that tells each of its events as events of levels, prints included.
///
/// An execution becomes a print, by the side opposite to the order that rested, and the level's new size; what changes
/// an order becomes the new size of its level; what changes no level becomes nothing. The last event of a message
/// keeps its mark.
#[derive(Clone, Debug)]
pub struct LevelsOf {
    orders: L3,
}

impl LevelsOf {
    /// The levels of this book, from its next event on.
    pub fn new(orders: L3) -> LevelsOf {
        LevelsOf { orders }
    }

    /// The orders.
    #[inline]
    pub fn orders(&self) -> &L3 {
        &self.orders
    }

    /// Applies an event of the orders and tells what it is to the levels, in order.
    pub fn apply(&mut self, event: &BookEvent, mut tell: impl FnMut(BookEvent)) {
        let before = self.orders.order(event.order_id);
        self.orders.apply(event);
        let mut told: [Option<BookEvent>; 3] = [None; 3];
        let level = |side: Side, price: i64| BookEvent {
            action: Action::Set,
            side: Some(side),
            price,
            lots: self.orders.lots_at(side, price),
            ..*event
        };
        match event.action {
            Action::Add => {
                // An order that cannot be (known already, no size) joined no queue.
                told[0] =
                    self.orders.order(event.order_id).filter(|_| before.is_none()).map(|o| level(o.side, o.price));
            }
            Action::Cancel => told[0] = before.map(|order| level(order.side, order.price)),
            Action::Modify => {
                told[0] = before.map(|order| level(order.side, order.price));
                let after = self.orders.order(event.order_id);
                let is_moved = |price| before.is_some_and(|order| order.price != price);
                told[1] = after.filter(|order| is_moved(order.price)).map(|order| level(order.side, order.price));
            }
            Action::Execute => {
                // Of an order that the book does not know, the event may say the price; 0 is none.
                let price = before.map(|order| order.price).or(Some(event.price).filter(|&price| price != 0));
                let side = before.map(|order| order.side).or(event.side);
                if let Some(price) = price {
                    let aggressor = side.map(Side::opposite);
                    told[0] = Some(BookEvent { action: Action::Trade, side: aggressor, price, ..*event });
                }
                told[1] = before.map(|order| level(order.side, order.price));
            }
            Action::Fill | Action::Set | Action::Change => {}
            Action::Trade | Action::Clear | Action::SnapshotStart | Action::SnapshotEnd => told[0] = Some(*event),
        }
        if event.flags & LAST != 0 && told.iter().all(Option::is_none) {
            // The end of a message is an event of its own: levels know fills, and do nothing with them.
            told[2] = Some(BookEvent { action: Action::Fill, ..*event });
        }
        let last = told.iter().rposition(Option::is_some);
        let mut gap = event.flags & GAP;
        for (at, told) in told.into_iter().enumerate() {
            let Some(mut told) = told else { continue };
            told.flags = (event.flags & !(GAP | LAST)) | std::mem::take(&mut gap);
            if Some(at) == last {
                told.flags |= event.flags & LAST;
            }
            tell(told);
        }
    }
}
