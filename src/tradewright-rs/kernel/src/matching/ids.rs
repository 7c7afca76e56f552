//! From an order's id to its place: pages of an array while ids rise, a hash table for the rest.

/// No place: the first place of the slab holds no order.
pub(super) const NONE: u32 = 0;

const PAGE_BITS: u32 = 10;
const PAGE: usize = 1 << PAGE_BITS;

/// A run of [`PAGE`] ids; without slots while none of them is live.
#[derive(Clone, Debug, Default)]
struct Page {
    slots: Option<Box<[u32; PAGE]>>,
    live: u32,
}

/// Places of live orders by id.
///
/// Ids that rise by about one take a page of places after another, and a page whose orders have all ended is
/// used again: memory is that of the live orders, and 16 bytes for 1,024 ids. Other ids are hashed.
#[derive(Clone, Debug, Default)]
pub(super) struct IdMap {
    first_page: u64,
    pages: Vec<Page>,
    spare: Vec<Box<[u32; PAGE]>>,
    hashed: Hashed,
}

impl IdMap {
    /// The place of an id, or [`NONE`].
    #[inline]
    pub(super) fn get(&self, id: u64) -> u32 {
        let page = (id >> PAGE_BITS).wrapping_sub(self.first_page);
        if let Some(Page { slots: Some(slots), .. }) = self.pages.get(page as usize) {
            let place = slots[id as usize % PAGE];
            if place != NONE {
                return place;
            }
        }
        if self.hashed.live == 0 { NONE } else { self.hashed.get(id) }
    }

    /// Notes the place of an id that has none.
    #[inline]
    pub(super) fn insert(&mut self, id: u64, place: u32) {
        let page = (id >> PAGE_BITS).wrapping_sub(self.first_page);
        if let Some(page) = self.pages.get_mut(page as usize)
            && let Some(slots) = &mut page.slots
        {
            slots[id as usize % PAGE] = place;
            page.live += 1;
            return;
        }
        self.insert_elsewhere(id, place);
    }

    #[cold]
    fn insert_elsewhere(&mut self, id: u64, place: u32) {
        let number = id >> PAGE_BITS;
        if self.pages.is_empty() {
            self.first_page = number;
        }
        let page = number.wrapping_sub(self.first_page);
        if page > self.pages.len() as u64 {
            return self.hashed.insert(id, place);
        }
        if page == self.pages.len() as u64 {
            self.pages.push(Page::default());
        }
        let page = &mut self.pages[page as usize];
        let spare = &mut self.spare;
        let slots = page.slots.get_or_insert_with(|| spare.pop().unwrap_or_else(|| Box::new([NONE; PAGE])));
        slots[id as usize % PAGE] = place;
        page.live += 1;
    }

    /// Forgets an id that has a place.
    #[inline]
    pub(super) fn remove(&mut self, id: u64) {
        let number = (id >> PAGE_BITS).wrapping_sub(self.first_page) as usize;
        if let Some(page) = self.pages.get_mut(number)
            && let Some(slots) = &mut page.slots
            && slots[id as usize % PAGE] != NONE
        {
            slots[id as usize % PAGE] = NONE;
            page.live -= 1;
            if page.live == 0 && number + 1 < self.pages.len() {
                self.retire(number);
            }
            return;
        }
        self.hashed.remove(id);
    }

    #[cold]
    fn retire(&mut self, number: usize) {
        self.spare.extend(self.pages[number].slots.take());
    }
}

/// Open addressing with linear probing; a removal moves what follows back, so that nothing is marked dead.
#[derive(Clone, Debug, Default)]
struct Hashed {
    slots: Vec<(u64, u32)>,
    live: usize,
}

impl Hashed {
    /// Where the search for an id starts: the top bits of its product with 2⁶⁴ ÷ the golden ratio.
    #[inline]
    fn home(&self, id: u64) -> usize {
        (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    /// Where an id stands, or the empty slot at which its search ends. There is one: the table is half empty.
    #[inline]
    fn find(&self, id: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = self.home(id);
        while self.slots[at].1 != NONE && self.slots[at].0 != id {
            at = (at + 1) & mask;
        }
        at
    }

    fn get(&self, id: u64) -> u32 {
        self.slots[self.find(id)].1
    }

    fn insert(&mut self, id: u64, place: u32) {
        if self.live * 2 >= self.slots.len() {
            let larger = vec![(0, NONE); (self.slots.len() * 2).max(64)];
            for (id, place) in std::mem::replace(&mut self.slots, larger) {
                if place != NONE {
                    let at = self.find(id);
                    self.slots[at] = (id, place);
                }
            }
        }
        let at = self.find(id);
        self.slots[at] = (id, place);
        self.live += 1;
    }

    fn remove(&mut self, id: u64) {
        if self.live == 0 {
            return;
        }
        let mask = self.slots.len() - 1;
        let mut hole = self.find(id);
        if self.slots[hole].1 == NONE {
            return;
        }
        self.live -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let (other, place) = self.slots[at];
            if place == NONE {
                break;
            }
            // What would be found past the hole stays; what would not moves into it.
            let distance = at.wrapping_sub(self.home(other)) & mask;
            if distance >= (at.wrapping_sub(hole) & mask) {
                self.slots[hole] = (other, place);
                hole = at;
            }
        }
        self.slots[hole].1 = NONE;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against an ordered map: rising ids, ids around the edges of pages, and ids anywhere.
        #[test]
        fn agrees_with_a_map(
            start in prop::sample::select(vec![0, 1_020, u64::MAX - 3_000, 1 << 40]),
            commands in prop::collection::vec((0u8..8, any::<u64>()), 0..600),
        ) {
            let (mut ids, mut map) = (IdMap::default(), BTreeMap::new());
            let mut next = start;
            for (place, (what, draw)) in commands.into_iter().enumerate() {
                let place = place as u32 + 1;
                let id = match what {
                    0..=2 => { next = next.saturating_add(1 + draw % 40); next }
                    3 => (draw % 64) << 32,
                    4 => draw,
                    _ => map.keys().nth(draw as usize % map.len().max(1)).copied().unwrap_or(draw),
                };
                prop_assert_eq!(ids.get(id), map.get(&id).copied().unwrap_or(NONE));
                if map.remove(&id).is_some() {
                    ids.remove(id);
                } else {
                    ids.insert(id, place);
                    map.insert(id, place);
                }
                for (&id, &place) in &map {
                    prop_assert_eq!(ids.get(id), place);
                }
            }
        }
    }

    #[test]
    fn rising_ids_use_pages_again() {
        let mut ids = IdMap::default();
        for id in 5..200_000 {
            ids.insert(id, id as u32);
            if id >= 105 {
                ids.remove(id - 100);
            }
        }
        assert!(ids.hashed.slots.is_empty());
        assert!(ids.spare.len() + ids.pages.iter().filter(|page| page.slots.is_some()).count() <= 3);
    }
}
