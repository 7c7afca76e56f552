//! From an order's id to its place: a hash table of the live orders.
//!
//! An array by id is what comes to mind while ids rise. It was tried (pages of an array, and a hash table for other
//! ids) and is slower: the live orders are thinly spread over it, so that every cancel of an older order
//! waits for memory. This table is as dense as it can be and stays in the cache.

use super::slab::Slab;

/// No place: the first place of the slab holds no order.
pub(super) const NONE: u32 = 0;

/// Slots of an empty table.
const SLOTS_MIN: usize = 64;

/// A live order: 32 bits of its id, and its place.
#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    place: u32,
}

const FREE: Slot = Slot { tag: 0, place: NONE };

/// Places of live orders by id: open addressing with linear probing, at most half full. A removal moves what
/// follows back, so that nothing is marked dead.
#[derive(Clone, Debug)]
pub(super) struct IdMap {
    slots: Box<[Slot]>,
    live: usize,
    /// 32 less the number of bits that count the slots.
    shift: u32,
}

impl Default for IdMap {
    fn default() -> IdMap {
        IdMap::with_slots(SLOTS_MIN)
    }
}

/// What a slot keeps of an id: all of it while ids are below 2³².
#[inline]
fn tag_of(id: u64) -> u32 {
    (id ^ (id >> 32)) as u32
}

impl IdMap {
    fn with_slots(count: usize) -> IdMap {
        IdMap { slots: vec![FREE; count].into_boxed_slice(), live: 0, shift: 32 - count.trailing_zeros() }
    }

    /// Where the search for a tag starts: the top bits of its product with 2³² ÷ the golden ratio, which spreads
    /// rising ids evenly.
    #[inline]
    fn home(&self, tag: u32) -> usize {
        tag.wrapping_mul(0x9E37_79B9).wrapping_shr(self.shift) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    /// The place of an id, or [`NONE`].
    #[inline]
    pub(super) fn get(&self, id: u64, slab: &Slab) -> u32 {
        let tag = tag_of(id);
        let mut at = self.home(tag);
        loop {
            let slot = self.slots[at];
            // A free slot ends the search: the table is never full.
            if slot.place == NONE || (slot.tag == tag && slab[slot.place].id == id) {
                return slot.place;
            }
            at = self.after(at);
        }
    }

    /// Notes the place of an id that has none.
    #[inline]
    pub(super) fn insert(&mut self, id: u64, place: u32) {
        if self.live * 2 >= self.slots.len() {
            self.grow();
        }
        self.live += 1;
        self.put(Slot { tag: tag_of(id), place });
    }

    #[inline]
    fn put(&mut self, slot: Slot) {
        let mut at = self.home(slot.tag);
        while self.slots[at].place != NONE {
            at = self.after(at);
        }
        self.slots[at] = slot;
    }

    #[cold]
    fn grow(&mut self) {
        let larger = IdMap { live: self.live, ..IdMap::with_slots(self.slots.len() * 2) };
        let smaller = std::mem::replace(self, larger);
        for slot in smaller.slots.iter().filter(|slot| slot.place != NONE) {
            self.put(*slot);
        }
    }

    /// Forgets an id that has this place.
    #[inline]
    pub(super) fn remove(&mut self, id: u64, place: u32) {
        let mut hole = self.home(tag_of(id));
        while self.slots[hole].place != place {
            hole = self.after(hole);
        }
        self.live -= 1;
        let mut at = hole;
        loop {
            at = self.after(at);
            let slot = self.slots[at];
            if slot.place == NONE {
                break;
            }
            // What would be found past the hole stays; what would not moves into it.
            let mask = self.slots.len() - 1;
            if (at.wrapping_sub(self.home(slot.tag)) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = FREE;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::slab::NOBODY;
    use super::*;

    proptest! {
        /// Against an ordered map: rising ids, ids that share their tags, and ids anywhere.
        #[test]
        fn agrees_with_a_map(
            start in prop::sample::select(vec![0, 1_020, u64::MAX - 3_000, 1 << 40]),
            commands in prop::collection::vec((0u8..8, any::<u64>()), 0..600),
        ) {
            let (mut ids, mut map, mut slab) = (IdMap::default(), BTreeMap::new(), Slab::default());
            let mut next = start;
            for (what, draw) in commands {
                let id = match what {
                    0..=2 => { next = next.saturating_add(1 + draw % 3); next }
                    3 => (draw % 64) << 32 | (draw % 64),
                    4 => draw,
                    _ => map.keys().nth(draw as usize % map.len().max(1)).copied().unwrap_or(draw),
                };
                prop_assert_eq!(ids.get(id, &slab), map.get(&id).copied().unwrap_or(NONE));
                if let Some(place) = map.remove(&id) {
                    ids.remove(id, place);
                    slab.free(place);
                } else {
                    let place = slab.insert(super::super::slab::Node { id, ..NOBODY });
                    ids.insert(id, place);
                    map.insert(id, place);
                }
                for (&id, &place) in &map {
                    prop_assert_eq!(ids.get(id, &slab), place);
                }
                prop_assert_eq!(ids.live, map.len());
            }
        }
    }

    #[test]
    fn rising_ids_never_crowd() {
        let (mut ids, mut slab) = (IdMap::default(), Slab::default());
        let mut places = std::collections::VecDeque::new();
        for id in 0..300_000 {
            let place = slab.insert(super::super::slab::Node { id, ..NOBODY });
            ids.insert(id, place);
            places.push_back((id, place));
            if places.len() > 1_000 {
                let (id, place) = places.pop_front().unwrap();
                ids.remove(id, place);
                slab.free(place);
            }
        }
        assert_eq!(ids.slots.len(), 2_048);
    }
}
