//! Where our resting orders stand in their queues, from what the policies have been told: never more.
//!
//! An order joins when its acceptance reaches us, behind what its price shows then. In a book of orders the rest is
//! known: those who came before. In a book of levels it is the queue model's estimate. The venue keeps its own
//! account of the same by its own clock, and this one does not look at it.

use crate::book::{Action, Book};
use crate::event::BookRow;
use crate::instrument::SymbolId;
use crate::market::Market;
use crate::order::{OrderId, OrderState, OrderType, Report, ReportKind, Side};
use crate::venue::{QueueModel, QueuePosition};

/// How a place is known.
#[derive(Clone, Copy, Debug)]
enum By {
    /// In a book of orders: what has a lower rank stands before ours.
    Rank(u64),
    /// In a book of levels: the model's estimate, and the level's size as last shown.
    Model { position: QueuePosition, shown: i64 },
}

#[derive(Clone, Copy, Debug)]
struct Place {
    order: OrderId,
    symbol: SymbolId,
    side: Side,
    price: i64,
    lots: i64,
    by: By,
}

/// The places of all resting orders, kept only where a policy asked for them.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    /// The model for books of levels; `None` where nobody asked.
    model: Option<QueueModel>,
    places: Vec<Place>,
}

impl Queues {
    /// Keeps places, by this model in books of levels; `None` keeps none.
    pub fn new(model: Option<QueueModel>) -> Queues {
        Queues { model, places: Vec::new() }
    }

    /// Whether events of books are wanted now.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether reports are wanted.
    #[inline]
    pub fn is_off(&self) -> bool {
        self.model.is_none()
    }

    /// Takes a report that has been applied: an order joins its queue, joins it anew, or leaves it.
    pub fn on_report(&mut self, report: &Report, state: &OrderState, market: &Market) {
        let at = self.places.iter().position(|place| place.order == report.order);
        let OrderType::Limit { limit } = state.order.kind else { return };
        if !state.status.is_open() {
            if let Some(at) = at {
                self.places.remove(at);
            }
            return;
        }
        match (report.kind, at) {
            (ReportKind::Accepted | ReportKind::Filled(_), None) => self.join(state, limit, market),
            (ReportKind::Amended { limit, lots }, Some(at)) => {
                let place = &mut self.places[at];
                if place.price == limit && lots <= place.lots {
                    place.lots = lots;
                } else {
                    self.places.remove(at);
                    self.join(state, limit, market);
                }
            }
            _ => {}
        }
    }

    fn join(&mut self, state: &OrderState, price: i64, market: &Market) {
        let order = &state.order;
        let Some(levels) = market.book(order.symbol) else { return };
        let shown = levels.lots_at(order.side, price);
        let by = match market.orders(order.symbol) {
            Some(orders) => By::Rank(orders.next_rank()),
            None => By::Model { position: QueuePosition::behind(shown), shown },
        };
        let (symbol, side, lots) = (order.symbol, order.side, order.lots);
        self.places.push(Place { order: order.id, symbol, side, price, lots, by });
    }

    /// Takes events of a book's levels.
    pub fn on_levels(&mut self, symbol: SymbolId, rows: &[BookRow]) {
        let Some(model) = self.model else { return };
        for place in self.places.iter_mut().filter(|place| place.symbol == symbol) {
            let By::Model { position, shown } = &mut place.by else { continue };
            for BookRow { event, .. } in rows {
                match (event.action, event.side) {
                    (Action::Set | Action::Change, Some(side)) if (side, event.price) == (place.side, place.price) => {
                        let after = if event.action == Action::Set { event.lots } else { *shown + event.lots }.max(0);
                        position.on_level(&model, *shown, after);
                        *shown = after;
                    }
                    (Action::Trade, aggressor) if aggressor != Some(place.side) && event.price == place.price => {
                        position.on_print(event.lots);
                        position.take_executable(); // What reached us is ours, and gone.
                    }
                    (Action::Clear, side) if side.is_none_or(|side| side == place.side) => *shown = 0,
                    (Action::SnapshotStart, _) => *shown = 0,
                    _ => {}
                }
            }
        }
    }

    /// Lots before an order at its price; `None` where it is not known.
    pub fn ahead(&self, order: OrderId, market: &Market) -> Option<f64> {
        let place = self.places.iter().find(|place| place.order == order)?;
        match place.by {
            By::Model { position, .. } => Some(position.ahead().max(0.0)),
            By::Rank(rank) => {
                market.orders(place.symbol).map(|orders| orders.lots_before(place.side, place.price, rank) as f64)
            }
        }
    }
}
