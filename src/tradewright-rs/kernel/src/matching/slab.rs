//! Live orders in one array, linked by index; a freed place is the next one used.

use super::ids::NONE;
use super::types::Tif;
use crate::order::Side;

/// What an order in the slab does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    /// Rests in the book.
    Resting,
    /// Waits for its trigger, then takes any price.
    StopMarket,
    /// Waits for its trigger, then is a limit order at [`Slab::limit`].
    StopLimit,
}

/// A live order: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Node {
    pub id: u64,
    /// Of the level in which it stands: its limit, or the trigger of a waiting stop.
    pub price: i64,
    /// Lots that may still trade, hidden ones included.
    pub open: i64,
    /// Lots that show; of a waiting stop, all that are open.
    pub shown: i64,
    /// All its lots, traded ones included.
    pub size: i64,
    pub next: u32,
    pub prev: u32,
    /// The next place in the chain of its id.
    pub chain: u32,
    pub owner: u32,
    pub side: Side,
    pub role: Role,
    pub tif: Tif,
    /// Whether it shows a part at a time, of [`Slab::peak`].
    pub iceberg: bool,
}

impl Node {
    /// Lots that have traded.
    #[inline]
    pub(super) fn filled(&self) -> i64 {
        self.size - self.open
    }
}

/// How much of `open` lots shows after a refresh.
#[inline]
pub(super) fn display(open: i64, peak: i64) -> i64 {
    if peak == 0 { open } else { open.min(peak) }
}

/// What the first place holds: links to no order are written there, which costs less than to ask whether they are.
pub(super) const NOBODY: Node = Node {
    id: 0,
    price: 0,
    open: 0,
    shown: 0,
    size: 0,
    next: NONE,
    prev: NONE,
    chain: NONE,
    owner: 0,
    side: Side::Buy,
    role: Role::Resting,
    tif: Tif::Gtc,
    iceberg: false,
};

/// The live orders.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    nodes: Vec<Node>,
    /// Limit prices of waiting stop-limit orders, by place; as long as the longest place with one. The same for the
    /// peaks of icebergs: few orders have them, and none of those that have not touches them.
    limits: Vec<i64>,
    peaks: Vec<i64>,
    free: u32,
}

impl Default for Slab {
    fn default() -> Slab {
        Slab { nodes: vec![NOBODY], limits: Vec::new(), peaks: Vec::new(), free: NONE }
    }
}

impl Slab {
    /// Whether no further order has a place.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.free == NONE && self.nodes.len() > u32::MAX as usize
    }

    /// Stores an order; the slab must not be full.
    #[inline(always)]
    pub(super) fn insert(&mut self, node: Node) -> u32 {
        if self.free == NONE {
            self.nodes.push(node);
            return (self.nodes.len() - 1) as u32;
        }
        let place = self.free;
        self.free = self.nodes[place as usize].next;
        self.nodes[place as usize] = node;
        place
    }

    /// Frees a place.
    #[inline]
    pub(super) fn free(&mut self, place: u32) {
        self.nodes[place as usize].next = self.free;
        self.free = place;
    }

    /// The limit price of the waiting stop-limit order at a place.
    pub(super) fn limit(&self, place: u32) -> i64 {
        self.limits[place as usize]
    }

    pub(super) fn set_limit(&mut self, place: u32, limit: i64) {
        set(&mut self.limits, place, limit);
    }

    /// How many lots an order shows after a refresh; 0 for all.
    #[inline]
    pub(super) fn peak(&self, place: u32) -> i64 {
        if self[place].iceberg { self.peaks[place as usize] } else { 0 }
    }

    /// Stores an order that may be an iceberg; the slab must not be full.
    #[inline(always)]
    pub(super) fn insert_with_peak(&mut self, node: Node, peak: i64) -> u32 {
        let place = self.insert(Node { iceberg: peak != 0, ..node });
        if peak != 0 {
            set(&mut self.peaks, place, peak);
        }
        place
    }
}

#[cold]
fn set(values: &mut Vec<i64>, place: u32, value: i64) {
    if values.len() <= place as usize {
        values.resize(place as usize + 1, 0);
    }
    values[place as usize] = value;
}

impl std::ops::Index<u32> for Slab {
    type Output = Node;

    #[inline]
    fn index(&self, place: u32) -> &Node {
        &self.nodes[place as usize]
    }
}

impl std::ops::IndexMut<u32> for Slab {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut Node {
        &mut self.nodes[place as usize]
    }
}
