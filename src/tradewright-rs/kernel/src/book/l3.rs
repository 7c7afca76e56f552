//! A book of orders, each at its place in its level's queue.

use std::collections::BTreeMap;

use super::{
    Action, Book, BookEvent, GAP, Integrity, LAST, Ladder, Level, Offence, OrderIndex, PriceLevel, key_of, price_of,
};
use crate::order::Side;

/// No order.
const NIL: u32 = u32::MAX;

/// When a modified order keeps its place in the queue. A new price always loses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// A smaller or equal size keeps it, a larger one loses it (CME, Nasdaq's cancels, most venues).
    #[default]
    ReductionKeeps,
    /// Every modification loses it (venues whose amendment is a cancel and a new order).
    AlwaysLost,
    /// Every size at the same price keeps it.
    AlwaysKept,
}

/// The queue at one price: a list through the orders, oldest first.
#[derive(Clone, Copy, Debug)]
struct Queue {
    lots: i64,
    head: u32,
    tail: u32,
    orders: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Queue { lots: 0, head: NIL, tail: NIL, orders: 0 }
    }
}

impl Level for Queue {
    #[inline]
    fn is_empty(&self) -> bool {
        self.orders == 0
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    id: u64,
    key: i64,
    lots: i64,
    rank: u64,
    before: u32,
    behind: u32,
    side: Side,
}

/// One resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// The venue's id.
    pub id: u64,
    /// Its side.
    pub side: Side,
    /// Its price, in price units.
    pub price: i64,
    /// What is left of it.
    pub lots: i64,
    /// Its place in time: of two orders at a price the lower rank stands before the other.
    pub rank: u64,
}

/// Orders with exact queues, from the events of single orders.
#[derive(Clone, Debug)]
pub struct L3 {
    sides: [Ladder<Queue>; 2],
    nodes: Vec<Node>,
    /// First node of the list of those in no use, linked by `behind`.
    free: u32,
    index: OrderIndex,
    priority: Priority,
    next_rank: u64,
    /// Key, side and rank by id of the orders that rested when the snapshot under way began.
    before_snapshot: BTreeMap<u64, (i64, Side, u64)>,
    integrity: Integrity,
}

impl L3 {
    /// An empty book with `window` price units a side near the touch.
    pub fn new(window: usize, priority: Priority) -> L3 {
        L3 {
            sides: [Ladder::new(window), Ladder::new(window)],
            nodes: Vec::new(),
            free: NIL,
            index: OrderIndex::default(),
            priority,
            next_rank: 0,
            before_snapshot: BTreeMap::new(),
            integrity: Integrity::default(),
        }
    }

    /// How many orders rest.
    pub fn order_count(&self) -> usize {
        self.index.len()
    }

    /// A resting order.
    pub fn order(&self, id: u64) -> Option<RestingOrder> {
        self.index.get(id).map(|slot| self.resting(slot))
    }

    fn resting(&self, slot: u32) -> RestingOrder {
        let node = &self.nodes[slot as usize];
        let Node { id, side, lots, rank, .. } = *node;
        RestingOrder { id, side, price: price_of(side, node.key), lots, rank }
    }

    /// The rank of whatever joins a queue next. Ranks rise over the whole book and are never given twice.
    #[inline]
    pub fn next_rank(&self) -> u64 {
        self.next_rank
    }

    /// Lots at a price of orders whose rank is lower: what stands before an order that came with this rank.
    ///
    /// O(orders at the price).
    pub fn lots_before(&self, side: Side, price: i64, rank: u64) -> i64 {
        self.queue(side, price).filter(|order| order.rank < rank).map(|order| order.lots).sum()
    }

    /// The orders at a price, oldest first.
    pub fn queue(&self, side: Side, price: i64) -> impl Iterator<Item = RestingOrder> {
        let head = key_of(side, price).map_or(NIL, |key| self.sides[side as usize].get(key).head);
        std::iter::successors((head != NIL).then_some(head), |slot| {
            let behind = self.nodes[*slot as usize].behind;
            (behind != NIL).then_some(behind)
        })
        .map(|slot| self.resting(slot))
    }

    /// Lots that stand before an order at its price; `None` for an order that does not rest.
    pub fn queue_ahead(&self, id: u64) -> Option<i64> {
        let mut slot = self.nodes[self.index.get(id)? as usize].before;
        let mut ahead = 0;
        while slot != NIL {
            ahead += self.nodes[slot as usize].lots;
            slot = self.nodes[slot as usize].before;
        }
        Some(ahead)
    }

    /// An order joins the end of its queue.
    pub fn add(&mut self, id: u64, side: Side, price: i64, lots: i64) -> Result<(), Offence> {
        let key = key_of(side, price).ok_or(Offence::OutOfRange { price })?;
        if lots <= 0 {
            return Err(Offence::NegativeSize { price, lots });
        }
        let node = Node { id, key, lots, rank: 0, before: NIL, behind: NIL, side };
        let slot = if self.free == NIL { self.nodes.len() as u32 } else { self.free };
        if !self.index.insert(id, slot) {
            return Err(Offence::DuplicateOrder { order_id: id });
        }
        if slot == self.free {
            self.free = self.nodes[slot as usize].behind;
            self.nodes[slot as usize] = node;
        } else {
            self.nodes.push(node);
        }
        self.join(slot);
        if let Some(&(_, _, rank)) = self.before_snapshot.get(&id).filter(|known| (known.0, known.1) == (key, side)) {
            self.nodes[slot as usize].rank = rank;
        }
        Ok(())
    }

    /// An order loses `lots` of its size, and leaves when nothing is left. Returns what is left.
    ///
    /// Taking more than there is removes the order and is an offence.
    pub fn reduce(&mut self, id: u64, lots: i64) -> Result<i64, Offence> {
        let slot = self.index.get(id).ok_or(Offence::UnknownOrder { order_id: id })?;
        let left = self.nodes[slot as usize].lots - lots.max(0);
        if left <= 0 {
            let price = self.resting(slot).price;
            self.remove(slot);
            return if left < 0 { Err(Offence::NegativeSize { price, lots: left }) } else { Ok(0) };
        }
        self.resize(slot, left);
        Ok(left)
    }

    /// An order leaves.
    pub fn cancel(&mut self, id: u64) -> Result<(), Offence> {
        let slot = self.index.get(id).ok_or(Offence::UnknownOrder { order_id: id })?;
        self.remove(slot);
        Ok(())
    }

    /// An order gets a new price and size; whether it keeps its place says the book's [`Priority`].
    pub fn modify(&mut self, id: u64, price: i64, lots: i64) -> Result<(), Offence> {
        let slot = self.index.get(id).ok_or(Offence::UnknownOrder { order_id: id })?;
        let node = self.nodes[slot as usize];
        let key = key_of(node.side, price).ok_or(Offence::OutOfRange { price })?;
        if lots <= 0 {
            self.remove(slot);
            return if lots < 0 { Err(Offence::NegativeSize { price, lots }) } else { Ok(()) };
        }
        let keeps = key == node.key
            && match self.priority {
                Priority::ReductionKeeps => lots <= node.lots,
                Priority::AlwaysLost => false,
                Priority::AlwaysKept => true,
            };
        if keeps {
            self.resize(slot, lots);
        } else {
            self.leave(slot);
            self.nodes[slot as usize] = Node { key, lots, before: NIL, behind: NIL, ..node };
            self.join(slot);
        }
        Ok(())
    }

    /// An order is replaced by another of a new id, which joins the end of its queue (Nasdaq's replace).
    pub fn replace(&mut self, id: u64, new_id: u64, price: i64, lots: i64) -> Result<(), Offence> {
        let side = self.order(id).ok_or(Offence::UnknownOrder { order_id: id })?.side;
        self.cancel(id)?;
        self.add(new_id, side, price, lots)
    }

    /// Removes the orders of a side, or all.
    pub fn clear(&mut self, side: Option<Side>) {
        if let Some(side) = side {
            let heads: Vec<u32> = self.sides[side as usize].iter().map(|(_, queue)| queue.head).collect();
            for head in heads {
                let mut slot = head;
                while slot != NIL {
                    let behind = self.nodes[slot as usize].behind;
                    self.forget(slot);
                    slot = behind;
                }
            }
            self.sides[side as usize].clear();
        } else {
            self.sides.iter_mut().for_each(Ladder::clear);
            self.nodes.clear();
            self.free = NIL;
            self.index.clear();
        }
    }

    /// An order that a snapshot shows at the price that it had keeps its rank: a snapshot tells anew and moves nobody.
    fn remember_ranks(&mut self) {
        self.before_snapshot.clear();
        for side in [Side::Buy, Side::Sell] {
            for (key, queue) in self.sides[side as usize].iter() {
                let mut slot = queue.head;
                while slot != NIL {
                    let Node { id, rank, behind, .. } = self.nodes[slot as usize];
                    self.before_snapshot.insert(id, (key, side, rank));
                    slot = behind;
                }
            }
        }
    }

    fn join(&mut self, slot: u32) {
        let Node { key, lots, side, .. } = self.nodes[slot as usize];
        let ladder = &mut self.sides[side as usize];
        let mut queue = ladder.get(key);
        self.nodes[slot as usize].before = queue.tail;
        self.nodes[slot as usize].rank = self.next_rank;
        self.next_rank += 1;
        match queue.tail {
            NIL => queue.head = slot,
            tail => self.nodes[tail as usize].behind = slot,
        }
        queue.tail = slot;
        queue.orders += 1;
        queue.lots += lots;
        ladder.put(key, queue);
    }

    fn leave(&mut self, slot: u32) {
        let Node { key, lots, side, before, behind, .. } = self.nodes[slot as usize];
        let ladder = &mut self.sides[side as usize];
        let mut queue = ladder.get(key);
        match before {
            NIL => queue.head = behind,
            before => self.nodes[before as usize].behind = behind,
        }
        match behind {
            NIL => queue.tail = before,
            behind => self.nodes[behind as usize].before = before,
        }
        queue.orders -= 1;
        queue.lots -= lots;
        ladder.put(key, queue);
    }

    fn remove(&mut self, slot: u32) {
        self.leave(slot);
        self.forget(slot);
    }

    fn forget(&mut self, slot: u32) {
        self.index.remove(self.nodes[slot as usize].id);
        self.nodes[slot as usize].behind = self.free;
        self.free = slot;
    }

    fn resize(&mut self, slot: u32, lots: i64) {
        let node = &mut self.nodes[slot as usize];
        let change = lots - node.lots;
        node.lots = lots;
        let ladder = &mut self.sides[node.side as usize];
        let mut queue = ladder.get(node.key);
        queue.lots += change;
        ladder.put(node.key, queue);
    }
}

impl Book for L3 {
    fn apply(&mut self, event: &BookEvent) {
        if event.flags & GAP != 0 {
            self.integrity.note(Offence::Gap { sequence: event.sequence });
        }
        let id = event.order_id;
        let done = match (event.action, event.side) {
            (Action::Add, Some(side)) => self.add(id, side, event.price, event.lots),
            (Action::Cancel | Action::Execute, _) => self.reduce(id, event.lots).map(drop),
            (Action::Modify, _) => self.modify(id, event.price, event.lots),
            (Action::Clear, side) => {
                self.clear(side);
                Ok(())
            }
            (Action::SnapshotStart, _) => {
                self.remember_ranks();
                self.clear(None);
                self.integrity.snapshot_starts();
                Ok(())
            }
            (Action::SnapshotEnd, _) => {
                self.before_snapshot.clear();
                self.integrity.snapshot_ends();
                Ok(())
            }
            (Action::Trade | Action::Fill, _) => Ok(()),
            (action, _) => Err(Offence::Meaningless { action: action as u8 }),
        };
        if let Err(offence) = done {
            self.integrity.note(offence);
        }
        if event.flags & LAST != 0 {
            self.integrity.check_crossed(self.best(Side::Buy), self.best(Side::Sell));
        }
        self.integrity.events += 1;
    }

    fn integrity(&self) -> &Integrity {
        &self.integrity
    }

    #[inline]
    fn best(&self, side: Side) -> Option<PriceLevel> {
        let ladder = &self.sides[side as usize];
        let key = ladder.best()?;
        Some(PriceLevel { price: price_of(side, key), lots: ladder.get(key).lots })
    }

    #[inline]
    fn lots_at(&self, side: Side, price: i64) -> i64 {
        key_of(side, price).map_or(0, |key| self.sides[side as usize].get(key).lots)
    }

    fn levels(&self, side: Side) -> impl Iterator<Item = PriceLevel> {
        let levels = self.sides[side as usize].iter();
        levels.map(move |(key, queue)| PriceLevel { price: price_of(side, key), lots: queue.lots })
    }

    fn level_count(&self, side: Side) -> usize {
        self.sides[side as usize].len()
    }
}
