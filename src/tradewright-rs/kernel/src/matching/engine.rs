//! The commands: submit, cancel, amend.

use std::collections::VecDeque;

use super::ids::{IdMap, NONE};
use super::ladder::Ladder;
use super::slab::{Node, Role, Slab, display};
use super::take::Taker;
use super::types::{
    COUNT_MAX, Change, LevelDelta, Limit, Market, OrderAction, OrderDelta, Outcome, OutcomeKind, Reject, SelfTrade,
    Sink, Tif,
};
use crate::order::Side;

/// The key of a price on a side of the book, where the lowest is the best: a bid's price is negated. And back.
#[inline]
pub(super) fn key_of(side: Side, price: i64) -> i64 {
    // Without a branch, which a random side would often mispredict. No price is so low that it has no opposite.
    let mask = side as i64 - 1;
    (price ^ mask).wrapping_sub(mask)
}

/// An order book that matches.
///
/// Every command has a number, counted from 0, rejected ones included: fills and outcomes carry it.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pub(super) books: [Ladder; 2],
    /// Waiting stops, by the side of the order: the first to be triggered is the best.
    pub(super) stops: [Ladder; 2],
    pub(super) slab: Slab,
    pub(super) ids: IdMap,
    /// Stops that were triggered and have not entered, in the order in which they will.
    pub(super) triggered: VecDeque<u32>,
    pub(super) self_trade: SelfTrade,
    pub(super) last_price: Option<i64>,
    pub(super) commands: u64,
    pub(super) resting: usize,
    pub(super) waiting: usize,
    pub(super) trades: u64,
    pub(super) volume: i128,
}

impl Engine {
    /// An empty book with a rule against trades of an owner with himself.
    pub fn new(self_trade: SelfTrade) -> Engine {
        Engine { self_trade, ..Engine::default() }
    }

    /// Counts a command that was refused before it got here, such as one with an unknown code.
    #[inline]
    pub fn count_refused(&mut self) {
        self.commands += 1;
    }

    /// A limit order.
    ///
    /// # Errors
    /// A [`Reject`], and nothing changes.
    #[inline(always)]
    pub fn limit<S: Sink>(&mut self, order: &Limit, sink: &mut S) -> Result<(), Reject> {
        let done = self.new_limit(order, sink);
        self.end_command(done, sink)
    }

    /// A market order.
    ///
    /// # Errors
    /// A [`Reject`], and nothing changes.
    #[inline(always)]
    pub fn market<S: Sink>(&mut self, order: &Market, sink: &mut S) -> Result<(), Reject> {
        let done = self.new_market(order, sink);
        self.end_command(done, sink)
    }

    /// A market order that waits until a trade at `trigger` or beyond: above it for a buy, below for a sell.
    /// If the last trade was there already, it enters at once.
    ///
    /// # Errors
    /// A [`Reject`], and nothing changes.
    pub fn stop<S: Sink>(&mut self, order: &Market, trigger: i64, sink: &mut S) -> Result<(), Reject> {
        let Market { id, side, size, owner } = *order;
        let waiting = Limit { id, side, price: 0, size, owner, tif: Tif::Ioc, peak: 0 };
        let done = self.new_stop(&waiting, Role::StopMarket, trigger);
        self.end_command(done, sink)
    }

    /// A limit order that waits as [`Engine::stop`] does.
    ///
    /// # Errors
    /// A [`Reject`], and nothing changes.
    pub fn stop_limit<S: Sink>(&mut self, order: &Limit, trigger: i64, sink: &mut S) -> Result<(), Reject> {
        let done = self.new_stop(order, Role::StopLimit, trigger);
        self.end_command(done, sink)
    }

    /// Takes an order out, resting or waiting.
    ///
    /// # Errors
    /// [`Reject::UnknownId`].
    #[inline(always)]
    pub fn cancel<S: Sink>(&mut self, id: u64, sink: &mut S) -> Result<(), Reject> {
        let done = self.find(id).map(|place| {
            self.detach(place, sink);
            self.forget(place);
        });
        self.end_command(done, sink)
    }

    /// Changes an order in place. At the same price a size that is no larger keeps the order's place in the queue:
    /// an iceberg gives from its reserve first. Any other change sends it to the back, and one that crosses trades.
    ///
    /// # Errors
    /// A [`Reject`], and nothing changes.
    #[inline]
    pub fn amend<S: Sink>(&mut self, id: u64, change: &Change, sink: &mut S) -> Result<(), Reject> {
        let done = self.change(id, change, sink);
        self.end_command(done, sink)
    }

    /// Lets what a command triggered enter, and counts the command.
    #[inline(always)]
    fn end_command<S: Sink>(&mut self, done: Result<(), Reject>, sink: &mut S) -> Result<(), Reject> {
        if !self.triggered.is_empty() {
            self.enter_triggered(sink);
        }
        self.commands += 1;
        done
    }

    #[inline(always)]
    fn new_limit<S: Sink>(&mut self, order: &Limit, sink: &mut S) -> Result<(), Reject> {
        self.check_new(order.id, order.size)?;
        check_limit(order)?;
        self.enter_limit(order, sink)
    }

    #[inline(always)]
    fn new_market<S: Sink>(&mut self, order: &Market, sink: &mut S) -> Result<(), Reject> {
        self.check_new(order.id, order.size)?;
        self.enter_market(order, sink);
        Ok(())
    }

    fn new_stop(&mut self, order: &Limit, role: Role, trigger: i64) -> Result<(), Reject> {
        self.check_new(order.id, order.size)?;
        check_limit(order)?;
        self.wait(order, role, trigger)
    }

    #[inline]
    fn change<S: Sink>(&mut self, id: u64, change: &Change, sink: &mut S) -> Result<(), Reject> {
        let place = self.find(id)?;
        let node = &self.slab[place];
        let size = change.size.unwrap_or(node.size);
        check_size(size)?;
        if size <= node.filled() {
            return Err(Reject::BelowFilled);
        }
        for &price in [change.price, change.stop].iter().flatten() {
            check_price(price)?;
        }
        match (node.role, change) {
            (Role::Resting, Change { stop: None, .. }) => {
                self.amend_resting(place, change.price.unwrap_or(node.price), size, sink)
            }
            (Role::StopLimit, _) | (Role::StopMarket, Change { price: None, .. }) => {
                self.amend_waiting(place, change, size)
            }
            _ => Err(Reject::NotApplicable),
        }
    }

    #[inline(always)]
    fn check_new(&self, id: u64, size: i64) -> Result<(), Reject> {
        check_size(size)?;
        if self.ids.get(id, &self.slab) != NONE {
            return Err(Reject::DuplicateId);
        }
        if self.slab.is_full() { Err(Reject::Full) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn find(&self, id: u64) -> Result<u32, Reject> {
        match self.ids.get(id, &self.slab) {
            NONE => Err(Reject::UnknownId),
            place => Ok(place),
        }
    }

    #[inline(always)]
    pub(super) fn enter_limit<S: Sink>(&mut self, order: &Limit, sink: &mut S) -> Result<(), Reject> {
        let opposite = order.side.opposite();
        if self.books[opposite as usize].best() <= key_of(opposite, order.price) {
            return self.enter_crossing(order, sink);
        }
        match order.tif {
            Tif::Fok => return Err(Reject::Unfillable),
            Tif::Ioc => self.outcome(order.id, OutcomeKind::Unfilled, order.size, sink),
            Tif::Gtc | Tif::PostOnly => self.add(order, order.size, order.size, sink),
        }
        Ok(())
    }

    /// A limit order that meets the other side.
    #[inline(never)]
    fn enter_crossing<S: Sink>(&mut self, order: &Limit, sink: &mut S) -> Result<(), Reject> {
        let Limit { id, side, price, size, owner, .. } = *order;
        let mut taker = Taker { id, owner, side, limit_key: key_of(side.opposite(), price), open: size, size };
        match order.tif {
            Tif::PostOnly => return Err(Reject::WouldTake),
            Tif::Fok if !self.can_fill(&taker) => return Err(Reject::Unfillable),
            _ => self.take(&mut taker, sink),
        }
        if taker.open > 0 && order.tif == Tif::Ioc {
            self.outcome(id, OutcomeKind::Unfilled, taker.open, sink);
        } else if taker.open > 0 {
            self.add(order, taker.open, taker.size, sink);
        }
        Ok(())
    }

    /// Puts what is left of a new order into the book.
    #[inline(always)]
    fn add<S: Sink>(&mut self, order: &Limit, open: i64, size: i64, sink: &mut S) {
        let Limit { id, side, price, owner, tif, peak, .. } = *order;
        let shown = display(open, peak);
        let (next, prev, role) = (NONE, NONE, Role::Resting);
        let node =
            Node { id, price, open, shown, size, next, prev, chain: NONE, owner, side, role, tif, iceberg: false };
        let place = self.slab.insert_with_peak(node, peak);
        self.ids.insert(id, place, &mut self.slab);
        self.rest(place, side, price, open, shown, sink);
    }

    pub(super) fn enter_market<S: Sink>(&mut self, order: &Market, sink: &mut S) {
        let Market { id, side, size, owner } = *order;
        let mut taker = Taker { id, owner, side, limit_key: COUNT_MAX, open: size, size };
        self.take(&mut taker, sink);
        if taker.open > 0 {
            self.outcome(id, OutcomeKind::Unfilled, taker.open, sink);
        }
    }

    /// Puts an order of the slab at the back of its level, or ends it where that cannot count its lots.
    #[inline(always)]
    fn rest<S: Sink>(&mut self, place: u32, side: Side, price: i64, open: i64, shown: i64, sink: &mut S) {
        let level = self.books[side as usize].level(key_of(side, price));
        if !level.has_room(open) {
            self.outcome(self.slab[place].id, OutcomeKind::Full, open, sink);
            return self.forget(place);
        }
        level.push(&mut self.slab, place, open, shown);
        self.resting += 1;
        if sink.wants_deltas() {
            self.show_order(OrderAction::Add, self.slab[place].id, side, price, shown, sink);
            self.show_level(side, price, sink);
        }
    }

    /// Takes a live order out of its level, and leaves it in the slab.
    #[inline(always)]
    fn detach<S: Sink>(&mut self, place: u32, sink: &mut S) {
        let Node { id, side, price, role, .. } = self.slab[place];
        if role != Role::Resting {
            return self.detach_stop(place);
        }
        let key = key_of(side, price);
        let book = &mut self.books[side as usize];
        let level = book.occupied(key);
        level.remove(&mut self.slab, place);
        if level.orders == 0 {
            book.vacate(key);
        }
        self.resting -= 1;
        if sink.wants_deltas() {
            self.show_order(OrderAction::Remove, id, side, price, 0, sink);
            self.show_level(side, price, sink);
        }
    }

    /// Ends an order that stands in no level.
    #[inline]
    pub(super) fn forget(&mut self, place: u32) {
        self.ids.remove(self.slab[place].id, place, &mut self.slab);
        self.slab.free(place);
    }

    #[inline]
    fn amend_resting<S: Sink>(&mut self, place: u32, price: i64, size: i64, sink: &mut S) -> Result<(), Reject> {
        let node = &self.slab[place];
        if price == node.price && size <= node.size {
            self.reduce(place, size, sink);
            return Ok(());
        }
        let Node { id, side, owner, tif, .. } = *node;
        let opposite = side.opposite();
        let open = size - node.filled();
        let mut taker = Taker { id, owner, side, limit_key: key_of(opposite, price), open, size };
        let crosses = self.books[opposite as usize].best() <= taker.limit_key;
        if crosses && tif == Tif::PostOnly {
            return Err(Reject::WouldTake);
        }
        self.detach(place, sink);
        if crosses {
            self.take(&mut taker, sink);
        }
        if taker.open == 0 {
            self.forget(place);
            return Ok(());
        }
        let peak = self.slab.peak(place);
        let node = &mut self.slab[place];
        (node.price, node.open, node.size) = (price, taker.open, taker.size);
        node.shown = display(node.open, peak);
        let (open, shown) = (node.open, node.shown);
        self.rest(place, side, price, open, shown, sink);
        Ok(())
    }

    /// A smaller size at the same place in the queue.
    fn reduce<S: Sink>(&mut self, place: u32, size: i64, sink: &mut S) {
        let node = &mut self.slab[place];
        let (id, side, price) = (node.id, node.side, node.price);
        let (shown, hidden) = (node.shown, node.open - node.shown);
        node.open -= node.size - size;
        node.size = size;
        node.shown = shown.min(node.open);
        let level = self.books[side as usize].occupied(key_of(side, price));
        level.shown -= shown - node.shown;
        level.hidden -= hidden - (node.open - node.shown);
        if node.shown != shown && sink.wants_deltas() {
            let shown = node.shown;
            self.show_order(OrderAction::Change, id, side, price, shown, sink);
            self.show_level(side, price, sink);
        }
    }

    pub(super) fn outcome<S: Sink>(&self, id: u64, kind: OutcomeKind, lots: i64, sink: &mut S) {
        sink.outcome(Outcome { command: self.commands, id, kind, lots });
    }

    #[cold]
    pub(super) fn show_order<S: Sink>(
        &self,
        action: OrderAction,
        id: u64,
        side: Side,
        price: i64,
        size: i64,
        sink: &mut S,
    ) {
        sink.order(OrderDelta { command: self.commands, action, id, side, price, size });
    }

    #[cold]
    pub(super) fn show_level<S: Sink>(&self, side: Side, price: i64, sink: &mut S) {
        let level = self.books[side as usize].get(key_of(side, price));
        let (size, orders) = level.map_or((0, 0), |level| (level.shown, level.orders));
        sink.level(LevelDelta { command: self.commands, side, price, size, orders });
    }
}

#[inline]
fn check_size(size: i64) -> Result<(), Reject> {
    if 0 < size && size <= COUNT_MAX { Ok(()) } else { Err(Reject::Size) }
}

#[inline]
pub(super) fn check_price(price: i64) -> Result<(), Reject> {
    if (-COUNT_MAX..=COUNT_MAX).contains(&price) { Ok(()) } else { Err(Reject::Price) }
}

#[inline]
fn check_limit(order: &Limit) -> Result<(), Reject> {
    check_price(order.price)?;
    let rests = matches!(order.tif, Tif::Gtc | Tif::PostOnly);
    if order.peak < 0 || (order.peak > 0 && !rests) { Err(Reject::Peak) } else { Ok(()) }
}
