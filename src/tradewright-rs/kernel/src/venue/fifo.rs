//! Orders against a recorded book of orders, where every place in a queue is known.
//!
//! One rule: what traded behind an order of ours, or came to rest on the other side of it, would have met ours first.
//! Behind means a worse price, or the same price and a later arrival. Our orders do not move the recorded market:
//! `docs/assumptions.md` says what that leaves out.

use super::books::mid_x2;
use super::matcher::Matcher;
use super::working::Phase;
use crate::book::{Action, Book, BookEvent, L3, LAST, LevelsOf, PriceLevel, Priority, RestingOrder, WINDOW};
use crate::event::BookRow;
use crate::order::{Liquidity, OrderId, Reason, Side, TimeInForce};

/// A print of the message under way, and how much of it went to orders that the message names.
#[derive(Clone, Debug)]
struct Print {
    aggressor: Option<Side>,
    price: i64,
    lots: i64,
    named: i64,
    event_ns: i64,
    /// Our orders that stood there then: what comes later in the message had no part in it.
    ours: Vec<OrderId>,
}

/// The venue's own book of orders of one instrument, by its clock.
#[derive(Clone, Debug)]
pub(super) struct FifoBook {
    pub(super) orders: L3,
    /// What we took of displayed orders: id, rank, lots. An order that joins a queue anew is shown anew.
    taken: Vec<(u64, u64, i64)>,
    prints: Vec<Print>,
}

/// A recorded book of orders at the venue: met order by order, or by its levels alone with a queue model.
#[derive(Clone, Debug)]
pub(super) enum OrdersBook {
    Exact(FifoBook),
    /// The levels go to the desk's book of levels.
    ByLevel(LevelsOf),
}

impl OrdersBook {
    pub(super) fn new(is_exact: bool, priority: Priority) -> OrdersBook {
        let orders = L3::new(WINDOW, priority);
        if is_exact {
            OrdersBook::Exact(FifoBook { orders, taken: Vec::new(), prints: Vec::new() })
        } else {
            OrdersBook::ByLevel(LevelsOf::new(orders))
        }
    }
}

impl FifoBook {
    /// Whether events can pass without a look at each.
    #[inline]
    pub(super) fn is_untouched(&self) -> bool {
        self.taken.is_empty() && self.prints.is_empty()
    }

    /// Twice the mid; [`super::NO_MID`] while a side is empty.
    pub(super) fn mid_x2(&self) -> i64 {
        mid_x2(&self.orders)
    }

    /// What we took of an order as it stands.
    fn taken_of(&self, order: &RestingOrder) -> i64 {
        self.taken.iter().filter(|(id, rank, _)| (*id, *rank) == (order.id, order.rank)).map(|(.., lots)| lots).sum()
    }

    /// Notes that we took so much of an order.
    fn take(&mut self, order: &RestingOrder, lots: i64) {
        match self.taken.iter_mut().find(|(id, rank, _)| (*id, *rank) == (order.id, order.rank)) {
            Some((.., taken)) => *taken += lots,
            None => self.taken.push((order.id, order.rank, lots)),
        }
    }

    /// Forgets what was taken of orders that are gone, or that stand anew.
    fn forget_gone(&mut self) {
        let orders = &self.orders;
        self.taken.retain(|(id, rank, _)| orders.order(*id).is_some_and(|order| order.rank == *rank));
    }

    fn print(&mut self, event: &BookEvent, event_ns: i64, ours: Vec<OrderId>) {
        let (aggressor, price, lots) = (event.side, event.price, event.lots);
        self.prints.push(Print { aggressor, price, lots, named: 0, event_ns, ours });
    }

    /// Notes that a print went to an order; false where the order is the one that took.
    fn name_fill(&mut self, side: Side, event: &BookEvent) -> bool {
        let Some(print) = self.prints.iter_mut().rev().find(|print| print.price == event.price) else { return true };
        if print.aggressor == Some(side) {
            return false;
        }
        print.named += event.lots;
        true
    }
}

impl Matcher<'_> {
    /// Meets all events of one time. `trades` says that the market is open.
    pub(super) fn meet_orders(&mut self, rows: &[BookRow], book: &mut FifoBook, trades: bool) {
        for row in rows {
            let (event, event_ns) = (&row.event, row.ts_event_ns);
            if trades {
                match event.action {
                    Action::Execute => self.on_execution(event, event_ns, book),
                    Action::Fill => self.on_fill(event, event_ns, book),
                    Action::Trade => {
                        let ours = self.orders.iter().map(|working| working.order.id).collect();
                        book.print(event, event_ns, ours);
                    }
                    _ => {}
                }
            }
            if event.action == Action::SnapshotStart {
                book.taken.clear(); // All is shown anew, whether or not an order of ours is there to see it.
            }
            book.orders.apply(event);
            if trades && matches!(event.action, Action::Add | Action::Modify) {
                self.on_arrival(event.order_id, event_ns, book);
            }
            if event.flags & LAST != 0 {
                self.on_message_end(event_ns, book, trades);
            }
        }
    }

    /// A resting order was executed: if it stood behind ours, the lots were ours first.
    fn on_execution(&mut self, event: &BookEvent, event_ns: i64, book: &FifoBook) {
        match book.orders.order(event.order_id) {
            Some(order) => self.give(order.side, (order.price, order.rank), event.lots, event_ns, book),
            // An order from before the recording: at its price it was there before us.
            None => {
                if let Some(side) = event.side.filter(|_| event.price != 0) {
                    self.give(side, (event.price, 0), event.lots, event_ns, book);
                }
            }
        }
    }

    /// The same, told beside a print: the event that changes the book follows.
    fn on_fill(&mut self, event: &BookEvent, event_ns: i64, book: &mut FifoBook) {
        let known = book.orders.order(event.order_id);
        let Some(side) = known.map(|order| order.side).or(event.side) else { return };
        if book.name_fill(side, event) {
            self.on_execution(&BookEvent { side: Some(side), ..*event }, event_ns, book);
        }
    }

    /// An order came, or grew, on the other side of ours: what of it is new meets ours.
    fn on_arrival(&mut self, id: u64, event_ns: i64, book: &mut FifoBook) {
        let Some(order) = book.orders.order(id) else { return };
        let left = order.lots - book.taken_of(&order);
        if left <= 0 || !self.orders.iter().any(|ours| ours.order.side != order.side) {
            return;
        }
        // One tick behind the order's price, on our side: all that it reaches stands before that.
        let (side, behind) = (order.side.opposite(), order.price - order.side.opposite().sign());
        let before = self.filled_lots();
        self.give(side, (behind, 0), left, event_ns, book);
        let given = self.filled_lots() - before;
        if given > 0 {
            book.take(&order, given.min(left));
        }
    }

    /// Whole messages: what was printed and no order named reaches ours, and orders that wait for a price meet it.
    fn on_message_end(&mut self, event_ns: i64, book: &mut FifoBook, trades: bool) {
        for print in std::mem::take(&mut book.prints) {
            let unnamed = print.lots - print.named;
            let sides = [Side::Buy, Side::Sell].into_iter().filter(|side| print.aggressor != Some(*side));
            if unnamed > 0 && trades {
                sides.for_each(|side| self.give_unnamed(side, &print, unnamed, book));
            }
        }
        if !book.taken.is_empty() {
            book.forget_gone();
        }
        if trades {
            for index in 0..self.orders.len() {
                if self.orders[index].resting().is_none() {
                    self.meet_displayed(index, event_ns, book);
                }
            }
        }
    }

    /// Gives lots to our orders of a side that stand before (price, rank): best price first, then the oldest.
    fn give(&mut self, side: Side, (price, rank): (i64, u64), lots: i64, event_ns: i64, book: &FifoBook) {
        let stands_before = |limit: i64, ours: u64| {
            let better = side.sign() * (limit - price);
            better > 0 || (better == 0 && ours <= rank)
        };
        let mut left = lots;
        for index in self.by_priority(side) {
            let Some(limit) = self.orders[index].resting() else { continue };
            if left > 0 && stands_before(limit, self.orders[index].rank) {
                left -= self.make_up_to(index, limit, left, event_ns, book);
            }
        }
    }

    /// Gives what a print took beyond the displayed orders before ours.
    fn give_unnamed(&mut self, side: Side, print: &Print, lots: i64, book: &FifoBook) {
        let mut left = lots;
        for index in self.by_priority(side) {
            let Some(limit) = self.orders[index].resting() else { continue };
            if !print.ours.contains(&self.orders[index].order.id) {
                continue;
            }
            let better = side.sign() * (limit - print.price);
            let before = if better == 0 { book.orders.lots_before(side, limit, self.orders[index].rank) } else { 0 };
            if better >= 0 && left > before {
                left -= self.make_up_to(index, limit, left - before, print.event_ns, book);
            }
        }
    }

    /// Fills a resting order up to so many lots, or wholly where fills are not partial; returns how many.
    fn make_up_to(&mut self, index: usize, limit: i64, lots: i64, event_ns: i64, book: &FifoBook) -> i64 {
        let wanted = self.wanted(index);
        let lots = if self.config.fills.partial { lots.min(wanted) } else { wanted };
        let (side, rank) = (self.orders[index].order.side, self.orders[index].rank);
        let ahead = book.orders.lots_before(side, limit, rank) as f64;
        self.make(index, limit, event_ns, lots, ahead);
        lots.max(0)
    }

    /// Our resting orders of a side, in the order in which they trade.
    fn by_priority(&self, side: Side) -> Vec<usize> {
        let rests = |index: &usize| self.orders[*index].order.side == side && self.orders[*index].resting().is_some();
        let mut ours: Vec<usize> = (0..self.orders.len()).filter(rests).collect();
        // Stable: of equal prices the older order stays first.
        ours.sort_by_key(|index| -side.sign() * self.orders[*index].resting().unwrap_or(0));
        ours
    }

    fn filled_lots(&self) -> i64 {
        self.orders.iter().map(|working| working.filled).sum()
    }

    /// Meets the displayed orders with one that does not rest yet: it triggers, takes, and what may wait rests.
    pub(super) fn meet_displayed(&mut self, index: usize, event_ns: i64, book: &mut FifoBook) {
        let working = &mut self.orders[index];
        if working.is_done {
            return;
        }
        working.rank = book.orders.next_rank();
        let (side, other) = (working.order.side, working.order.side.opposite());
        let Some(best) = book.orders.best(other) else {
            return self.meet_nothing(index, event_ns);
        };
        working.trigger(best.price);
        match working.phase() {
            Phase::Stop(_) | Phase::Follow => working.follow(best.price),
            Phase::Limit(limit) if working.within(limit, best.price) && working.order.post_only => {
                self.refuse(index, event_ns, Reason::PostOnlyWouldTake);
            }
            Phase::Limit(limit) => self.take_displayed(index, Some(limit), side, event_ns, book),
            Phase::Market => self.take_displayed(index, None, side, event_ns, book),
        }
        self.accept(index, event_ns);
        self.orders[index].has_rested = matches!(self.orders[index].phase(), Phase::Limit(_));
    }

    /// Walks the displayed orders, as far as limit, size and what was taken before allow; a fill a price.
    fn take_displayed(&mut self, index: usize, limit: Option<i64>, side: Side, event_ns: i64, book: &mut FifoBook) {
        let (other, wanted, position) = (side.opposite(), self.wanted(index), *self.position);
        if wanted <= 0 {
            return self.refuse(index, event_ns, Reason::NothingToReduce);
        }
        let (caps, share) = (self.config.fills.displayed_size_caps, self.config.fills.participation_max.unwrap_or(1.0));
        let mut parts: Vec<PriceLevel> = Vec::new();
        let mut takings: Vec<(RestingOrder, i64)> = Vec::new();
        let mut left = wanted;
        for level in book.orders.levels(other) {
            if left == 0 || limit.is_some_and(|limit| !self.orders[index].within(limit, level.price)) {
                break;
            }
            let mut lots = left;
            if caps {
                let free = |order: RestingOrder| (order, (order.lots - book.taken_of(&order)).max(0));
                let queue: Vec<(RestingOrder, i64)> = book.orders.queue(other, level.price).map(free).collect();
                let shown: i64 = queue.iter().map(|(_, free)| free).sum();
                let taken = level.lots - shown;
                lots = ((level.lots as f64 * share) as i64 - taken).clamp(0, left);
                let mut of_level = lots;
                for (order, free) in queue {
                    let lots = free.min(of_level);
                    if lots > 0 {
                        takings.push((order, lots));
                    }
                    of_level -= lots;
                }
            }
            if lots > 0 {
                parts.push(PriceLevel { price: level.price, lots });
                left -= lots;
            }
        }
        if self.orders[index].order.tif == TimeInForce::Fok && left > 0 {
            return self.end_immediate(index, event_ns);
        }
        for (order, lots) in takings {
            book.take(&order, lots);
        }
        for part in parts {
            self.book_fill(index, part.price, event_ns, Liquidity::Taker, part.lots);
        }
        self.end_immediate(index, event_ns);
        self.cancel_reducers(position, event_ns);
    }
}
