//! What the book shows.

use super::engine::{Engine, key_of};
use super::ids::NONE;
use super::slab::{Node, Role};
use super::types::{SelfTrade, Tif};
use crate::order::Side;

/// A price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// In ticks.
    pub price: i64,
    /// Displayed lots.
    pub size: i64,
    /// Orders in it.
    pub orders: u32,
}

/// A resting order, as a market data feed shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// The order.
    pub id: u64,
    /// In ticks.
    pub price: i64,
    /// Displayed lots.
    pub size: i64,
    /// Whose it is.
    pub owner: u32,
}

/// Everything about a live order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// The order.
    pub id: u64,
    /// Buy or sell.
    pub side: Side,
    /// Limit, in ticks; `None` for a waiting stop without one.
    pub price: Option<i64>,
    /// Trigger, in ticks, while it waits.
    pub stop: Option<i64>,
    /// All its lots, those included that have traded.
    pub size: i64,
    /// Lots that may still trade.
    pub open: i64,
    /// Lots that show; 0 while it waits.
    pub shown: i64,
    /// Lots that show after a refresh; 0 for all.
    pub peak: i64,
    /// Whose it is; 0 for nobody.
    pub owner: u32,
    /// What becomes of its rest.
    pub tif: Tif,
}

impl Engine {
    /// The best price of a side with what it shows.
    #[inline]
    pub fn best(&self, side: Side) -> Option<LevelView> {
        self.levels(side).next()
    }

    /// Levels of a side, best first (L2).
    #[inline]
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        let book = &self.books[side as usize];
        book.keys().filter_map(move |key| {
            let level = book.get(key)?;
            Some(LevelView { price: key_of(side, key), size: level.shown, orders: level.orders })
        })
    }

    /// Resting orders of a side, best price first and in their queue's order (L3).
    pub fn orders(&self, side: Side) -> impl Iterator<Item = OrderView> + '_ {
        let book = &self.books[side as usize];
        book.keys().filter_map(|key| book.get(key)).flat_map(|level| self.chain(level.head)).map(|place| {
            let &Node { id, price, shown, owner, .. } = &self.slab[place];
            OrderView { id, price, size: shown, owner }
        })
    }

    /// Waiting stops of a side, the first to be triggered first.
    pub fn waiting_stops(&self, side: Side) -> impl Iterator<Item = OrderState> + '_ {
        let stops = &self.stops[side as usize];
        let levels = stops.keys().filter_map(|key| stops.get(key));
        levels.flat_map(|level| self.chain(level.head)).map(|place| self.state(place))
    }

    /// A live order; `None` if there is none of this id.
    pub fn order(&self, id: u64) -> Option<OrderState> {
        self.find(id).ok().map(|place| self.state(place))
    }

    /// Displayed lots before a resting order at its price; `None` if no such order rests. O(orders before it).
    pub fn queue_ahead(&self, id: u64) -> Option<i64> {
        let place = self.find(id).ok().filter(|&place| self.slab[place].role == Role::Resting)?;
        let before = |&place: &u32| Some(self.slab[place].prev).filter(|&prev| prev != NONE);
        Some(std::iter::successors(before(&place), before).map(|place| self.slab[place].shown).sum())
    }

    /// Price of the last trade.
    #[inline]
    pub fn last_price(&self) -> Option<i64> {
        self.last_price
    }

    /// How many orders rest in the book.
    #[inline]
    pub fn resting(&self) -> usize {
        self.resting
    }

    /// How many stops wait.
    #[inline]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many commands there were, rejected ones included: the number of the next one.
    #[inline]
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// How many trades there were.
    #[inline]
    pub fn trades(&self) -> u64 {
        self.trades
    }

    /// Lots traded.
    #[inline]
    pub fn volume(&self) -> i128 {
        self.volume
    }

    /// The rule against trades of an owner with himself.
    pub fn self_trade(&self) -> SelfTrade {
        self.self_trade
    }

    fn chain(&self, head: u32) -> impl Iterator<Item = u32> + '_ {
        let some = |place: u32| Some(place).filter(|&place| place != NONE);
        std::iter::successors(some(head), move |&place| some(self.slab[place].next))
    }

    fn state(&self, place: u32) -> OrderState {
        let &Node { id, price, open, shown, size, owner, side, role, tif, .. } = &self.slab[place];
        let peak = self.slab.peak(place);
        let (price, stop) = match role {
            Role::Resting => (Some(price), None),
            Role::StopMarket => (None, Some(price)),
            Role::StopLimit => (Some(self.slab.limit(place)), Some(price)),
        };
        let shown = if role == Role::Resting { shown } else { 0 };
        OrderState { id, side, price, stop, size, open, shown, peak, owner, tif }
    }
}
