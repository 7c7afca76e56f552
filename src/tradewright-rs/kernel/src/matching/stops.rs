//! Stops: which are triggered by a trade, and when they enter.
//!
//! A trade triggers every waiting buy at or below its price and every waiting sell at or above it. What is
//! triggered waits until the order that traded is done; then they enter one after another, buys before sells, those
//! nearest to the price before the trade first, at one trigger price the older first. What they trigger joins at
//! the end.

use super::engine::{Engine, check_price, key_of};
use super::slab::{NOBODY, Node, Role};
use super::types::{Change, Limit, Market, OutcomeKind, Reject, Sink};
use crate::order::Side;

/// The key of a trigger price among the stops of a side: the first to be triggered is the lowest.
#[inline]
fn trigger_key(side: Side, trigger: i64) -> i64 {
    key_of(side.opposite(), trigger)
}

impl Engine {
    /// Notes a trade's price and what it triggers.
    #[inline]
    pub(super) fn note_price(&mut self, price: i64) {
        self.last_price = Some(price);
        for side in [Side::Buy, Side::Sell] {
            if self.stops[side as usize].best() <= trigger_key(side, price) {
                self.trigger(side, price);
            }
        }
    }

    #[cold]
    fn trigger(&mut self, side: Side, price: i64) {
        let stops = &mut self.stops[side as usize];
        loop {
            let key = stops.best();
            if key > trigger_key(side, price) {
                return;
            }
            let level = stops.occupied(key);
            while level.orders > 0 {
                let place = level.head;
                level.remove(&mut self.slab, place);
                self.waiting -= 1;
                self.triggered.push_back(place);
            }
            stops.vacate(key);
        }
    }

    /// Lets triggered stops enter until there is none.
    #[cold]
    pub(super) fn enter_triggered<S: Sink>(&mut self, sink: &mut S) {
        while let Some(place) = self.triggered.pop_front() {
            let Node { id, side, owner, size, open, tif, role, .. } = self.slab[place];
            let peak = self.slab.peak(place);
            let price = if role == Role::StopLimit { self.slab.limit(place) } else { 0 };
            self.forget(place);
            self.outcome(id, OutcomeKind::Triggered, open, sink);
            if role == Role::StopMarket {
                self.enter_market(&Market { id, side, size, owner }, sink);
                continue;
            }
            let kind = match self.enter_limit(&Limit { id, side, price, size, owner, tif, peak }, sink) {
                Ok(()) => continue,
                Err(Reject::WouldTake) => OutcomeKind::WouldTake,
                Err(Reject::Unfillable) => OutcomeKind::Unfillable,
                Err(_) => OutcomeKind::Full,
            };
            self.outcome(id, kind, open, sink);
        }
    }

    /// Stores an order until its trigger.
    pub(super) fn wait(&mut self, order: &Limit, role: Role, trigger: i64) -> Result<(), Reject> {
        check_price(trigger)?;
        let &Limit { id, side, price, size, owner, tif, peak } = order;
        if !self.has_room_waiting(side, trigger, size) {
            return Err(Reject::Full);
        }
        let (open, shown) = (size, size);
        let node = Node { id, price: trigger, open, shown, size, owner, side, role, tif, ..NOBODY };
        let place = self.slab.insert_with_peak(node, peak);
        if role == Role::StopLimit {
            self.slab.set_limit(place, price);
        }
        self.ids.insert(id, place, &mut self.slab);
        self.attach_stop(place);
        Ok(())
    }

    fn has_room_waiting(&self, side: Side, trigger: i64, lots: i64) -> bool {
        self.stops[side as usize].get(trigger_key(side, trigger)).is_none_or(|level| level.has_room(lots))
    }

    /// Puts a stop at the back of its level, or among the triggered if its trigger has been reached.
    fn attach_stop(&mut self, place: u32) {
        let Node { side, price, open, .. } = self.slab[place];
        let key = trigger_key(side, price);
        if self.last_price.is_some_and(|last| key <= trigger_key(side, last)) {
            self.triggered.push_back(place);
            return;
        }
        self.stops[side as usize].level(key).push(&mut self.slab, place, open, open);
        self.waiting += 1;
    }

    pub(super) fn detach_stop(&mut self, place: u32) {
        let Node { side, price, .. } = self.slab[place];
        let key = trigger_key(side, price);
        let stops = &mut self.stops[side as usize];
        let level = stops.occupied(key);
        level.remove(&mut self.slab, place);
        if level.orders == 0 {
            stops.vacate(key);
        }
        self.waiting -= 1;
    }

    /// Changes a waiting stop: a smaller size alone keeps its place among the stops of its trigger price.
    pub(super) fn amend_waiting(&mut self, place: u32, change: &Change, size: i64) -> Result<(), Reject> {
        let Node { side, price: trigger, size: before, role, .. } = self.slab[place];
        let limit = if role == Role::StopLimit { self.slab.limit(place) } else { 0 };
        let (new_trigger, new_limit) = (change.stop.unwrap_or(trigger), change.price.unwrap_or(limit));
        if (new_trigger, new_limit) == (trigger, limit) && size <= before {
            self.stops[side as usize].occupied(trigger_key(side, trigger)).shown -= before - size;
            let node = &mut self.slab[place];
            (node.size, node.open, node.shown) = (size, size, size);
            return Ok(());
        }
        let further = if new_trigger == trigger { (size - before).max(0) } else { size };
        if !self.has_room_waiting(side, new_trigger, further) {
            return Err(Reject::Full);
        }
        self.detach_stop(place);
        let node = &mut self.slab[place];
        (node.price, node.size, node.open, node.shown) = (new_trigger, size, size, size);
        if role == Role::StopLimit {
            self.slab.set_limit(place, new_limit);
        }
        self.attach_stop(place);
        Ok(())
    }
}
