//! The loop that matches.

use super::engine::{Engine, key_of};
use super::ids::NONE;
use super::ladder::NO_KEY;
use super::slab::Node;
use super::types::{Fill, OrderAction, OutcomeKind, SelfTrade, Sink};
use crate::order::Side;

/// An order that comes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker {
    pub id: u64,
    pub owner: u32,
    pub side: Side,
    /// The worst key of the other side that it takes.
    pub limit_key: i64,
    /// Lots that may still trade; 0 ends it.
    pub open: i64,
    /// All its lots.
    pub size: i64,
}

impl Engine {
    /// Trades an order against the other side until it is done or nothing is left within its limit.
    pub(super) fn take<S: Sink>(&mut self, taker: &mut Taker, sink: &mut S) {
        let side = taker.side.opposite();
        let guards = self.self_trade != SelfTrade::Allow && taker.owner != 0;
        while taker.open > 0 {
            let key = self.books[side as usize].best();
            if key > taker.limit_key {
                break;
            }
            let price = key_of(side, key);
            let trades = self.trades;
            if guards || sink.wants_deltas() {
                self.take_level_slowly(taker, side, key, price, guards, sink);
            } else {
                self.take_level(taker, side, key, price, sink);
            }
            if self.trades != trades {
                self.note_price(price);
            }
        }
    }

    /// Trades at a level among orders that may all meet each other.
    #[inline]
    fn take_level<S: Sink>(&mut self, taker: &mut Taker, side: Side, key: i64, price: i64, sink: &mut S) {
        let book = &mut self.books[side as usize];
        let level = book.occupied(key);
        let (mut open, mut trades, mut ended) = (taker.open, 0, 0);
        loop {
            let place = level.head;
            let maker = &mut self.slab[place];
            let lots = open.min(maker.shown);
            let (command, id) = (self.commands, maker.id);
            sink.fill(Fill { command, taker: taker.id, maker: id, price, size: lots, side: taker.side });
            trades += 1;
            open -= lots;
            maker.open -= lots;
            maker.shown -= lots;
            if maker.shown == 0 {
                if maker.open != 0 {
                    level.refresh_head(&mut self.slab);
                } else {
                    level.unlink_head(&mut self.slab);
                    self.ids.remove(id, place, &mut self.slab);
                    self.slab.free(place);
                    ended += 1;
                    if level.orders == 0 {
                        break;
                    }
                }
            }
            if open == 0 {
                break;
            }
        }
        let traded = taker.open - open;
        level.shown -= traded;
        if level.orders == 0 {
            book.vacate(key);
        }
        taker.open = open;
        self.resting -= ended;
        self.trades += trades;
        self.volume += i128::from(traded);
    }

    /// The same where owners are kept apart, or somebody reads the deltas.
    fn take_level_slowly<S: Sink>(
        &mut self,
        taker: &mut Taker,
        side: Side,
        key: i64,
        price: i64,
        guards: bool,
        sink: &mut S,
    ) {
        while taker.open > 0 && self.books[side as usize].best() == key {
            let place = self.books[side as usize].occupied(key).head;
            let maker = &mut self.slab[place];
            let (id, lots) = (maker.id, taker.open.min(maker.shown));
            if guards && maker.owner == taker.owner {
                if !self.meet_self(taker, place, lots, sink) {
                    break;
                }
            } else {
                maker.shown -= lots;
                maker.open -= lots;
                taker.open -= lots;
                self.books[side as usize].occupied(key).shown -= lots;
                self.trades += 1;
                self.volume += i128::from(lots);
                let command = self.commands;
                sink.fill(Fill { command, taker: taker.id, maker: id, price, size: lots, side: taker.side });
            }
            let shown = self.slab[place].shown;
            if shown == 0 {
                self.end_peak(place, side, key, sink);
            } else if sink.wants_deltas() {
                self.show_order(OrderAction::Change, id, side, price, shown, sink);
            }
        }
        if sink.wants_deltas() {
            self.show_level(side, price, sink);
        }
    }

    /// The head of a level shows nothing any more: an iceberg with a reserve goes to the back, others end.
    fn end_peak<S: Sink>(&mut self, place: u32, side: Side, key: i64, sink: &mut S) {
        let Node { id, price, open, .. } = self.slab[place];
        let book = &mut self.books[side as usize];
        let level = book.occupied(key);
        if open > 0 {
            level.refresh_head(&mut self.slab);
        } else {
            level.unlink_head(&mut self.slab);
            if level.orders == 0 {
                book.vacate(key);
            }
            self.resting -= 1;
            self.forget(place);
        }
        if sink.wants_deltas() {
            self.show_order(OrderAction::Remove, id, side, price, 0, sink);
            if open > 0 {
                let shown = self.slab[place].shown;
                self.show_order(OrderAction::Add, id, side, price, shown, sink);
            }
        }
    }

    /// An order meets one of its owner: what would have traded is `lots`. Whether it goes on; the resting order's
    /// lots are taken off its level, and if nothing of it shows it is at its end.
    #[cold]
    fn meet_self<S: Sink>(&mut self, taker: &mut Taker, place: u32, lots: i64, sink: &mut S) -> bool {
        let (id, side, price, shown, open) = {
            let maker = &self.slab[place];
            (maker.id, maker.side, maker.price, maker.shown, maker.open)
        };
        let rule = self.self_trade;
        if rule == SelfTrade::Decrement {
            let maker = &mut self.slab[place];
            maker.shown -= lots;
            maker.open -= lots;
            maker.size -= lots;
            taker.open -= lots;
            taker.size -= lots;
            self.books[side as usize].occupied(key_of(side, price)).shown -= lots;
            self.outcome(id, OutcomeKind::Decremented, lots, sink);
            self.outcome(taker.id, OutcomeKind::Decremented, lots, sink);
            return true;
        }
        if matches!(rule, SelfTrade::CancelOldest | SelfTrade::CancelBoth) {
            let level = self.books[side as usize].occupied(key_of(side, price));
            level.shown -= shown;
            level.hidden -= open - shown;
            let maker = &mut self.slab[place];
            (maker.shown, maker.open) = (0, 0);
            self.outcome(id, OutcomeKind::SelfTrade, open, sink);
        }
        if matches!(rule, SelfTrade::CancelNewest | SelfTrade::CancelBoth) {
            self.outcome(taker.id, OutcomeKind::SelfTrade, taker.open, sink);
            taker.open = 0;
        }
        // A cancelled resting order has its end where a traded one has it.
        rule != SelfTrade::CancelNewest
    }

    /// Whether an order would trade whole, without meeting its owner in a way that stops or reduces it.
    pub(super) fn can_fill(&self, taker: &Taker) -> bool {
        let book = &self.books[taker.side.opposite() as usize];
        let guards = self.self_trade != SelfTrade::Allow && taker.owner != 0;
        let (mut open, mut key) = (taker.open, book.best());
        while key != NO_KEY && key <= taker.limit_key {
            let Some(level) = book.get(key) else { return false };
            if !guards {
                open -= open.min(level.shown + level.hidden);
            } else if let Some(left) = self.left_by_others(taker.owner, level.head, open) {
                open = left;
            } else {
                return false;
            }
            if open == 0 {
                return true;
            }
            key = book.next(key);
        }
        false
    }

    /// What a level leaves of `open` lots for a taker who does not trade with itself; `None` if that stops it.
    fn left_by_others(&self, owner: u32, head: u32, open: i64) -> Option<i64> {
        let skips = self.self_trade == SelfTrade::CancelOldest;
        let (mut left, mut reserves, mut place) = (open, 0i64, head);
        while place != NONE {
            let node = &self.slab[place];
            if node.owner != owner {
                // Reserves stand behind everything that shows now.
                left -= left.min(node.shown);
                reserves = reserves.saturating_add(node.open - node.shown);
            } else if !skips {
                return None;
            }
            if left == 0 {
                return Some(0);
            }
            place = node.next;
        }
        Some(left - left.min(reserves))
    }
}
