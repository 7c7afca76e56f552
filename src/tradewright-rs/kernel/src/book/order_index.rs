//! Order ids to slots, by open addressing: no hash seed, so that runs are alike, and no allocation for an id unless
//! the table has to grow.

/// A slot that is in no use.
const EMPTY: u32 = u32::MAX;

/// A map of 64-bit ids to 32-bit slots.
#[derive(Clone, Debug)]
pub struct OrderIndex {
    ids: Vec<u64>,
    slots: Vec<u32>,
    len: usize,
    shift: u32,
}

impl Default for OrderIndex {
    fn default() -> Self {
        OrderIndex::with_capacity(64)
    }
}

impl OrderIndex {
    /// An empty map that holds this many ids before it grows.
    pub fn with_capacity(capacity: usize) -> OrderIndex {
        let size = (capacity * 2).next_power_of_two().max(16);
        OrderIndex { ids: vec![0; size], slots: vec![EMPTY; size], len: 0, shift: 64 - size.trailing_zeros() }
    }

    /// How many ids it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where an id would like to stand: Fibonacci hashing, which spreads ids that count up.
    #[inline]
    fn home(&self, id: u64) -> usize {
        (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    /// Where an id stands, or the empty place at which its search ended.
    #[inline]
    fn find(&self, id: u64) -> (usize, bool) {
        let mask = self.ids.len() - 1;
        let mut at = self.home(id);
        while self.slots[at] != EMPTY {
            if self.ids[at] == id {
                return (at, true);
            }
            at = (at + 1) & mask;
        }
        (at, false)
    }

    /// The slot of an id.
    #[inline]
    pub fn get(&self, id: u64) -> Option<u32> {
        let (at, found) = self.find(id);
        found.then(|| self.slots[at])
    }

    /// Enters an id; false if it is there already, which changes nothing.
    ///
    /// # Panics
    /// If the slot is `u32::MAX`.
    pub fn insert(&mut self, id: u64, slot: u32) -> bool {
        assert_ne!(slot, EMPTY, "this slot means none");
        let (mut at, found) = self.find(id);
        if found {
            return false;
        }
        if (self.len + 1) * 4 > self.ids.len() * 3 {
            self.grow();
            at = self.find(id).0;
        }
        self.ids[at] = id;
        self.slots[at] = slot;
        self.len += 1;
        true
    }

    /// Takes an id out; returns its slot.
    pub fn remove(&mut self, id: u64) -> Option<u32> {
        let (mut hole, found) = self.find(id);
        if !found {
            return None;
        }
        let slot = std::mem::replace(&mut self.slots[hole], EMPTY);
        self.len -= 1;
        // Those behind move up if their search would otherwise end at the hole.
        let mask = self.ids.len() - 1;
        let mut at = (hole + 1) & mask;
        while self.slots[at] != EMPTY {
            let home = self.home(self.ids[at]);
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.ids[hole] = self.ids[at];
                self.slots[hole] = std::mem::replace(&mut self.slots[at], EMPTY);
                hole = at;
            }
            at = (at + 1) & mask;
        }
        Some(slot)
    }

    /// Takes all ids out.
    pub fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.len = 0;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let mut larger = OrderIndex::with_capacity(self.ids.len());
        for (id, slot) in self.ids.iter().zip(&self.slots).filter(|(_, slot)| **slot != EMPTY) {
            let (at, _) = larger.find(*id);
            larger.ids[at] = *id;
            larger.slots[at] = *slot;
        }
        larger.len = self.len;
        *self = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_map(operations in prop::collection::vec((0_u8..3, 0_u64..200, 0_u32..1000), 0..600)) {
            let (mut index, mut map) = (OrderIndex::with_capacity(1), BTreeMap::new());
            for (kind, id, slot) in operations {
                let id = id << 32; // Ids that differ in high bits alone.
                match kind {
                    0 => prop_assert_eq!(index.remove(id), map.remove(&id)),
                    _ => {
                        let is_new = !map.contains_key(&id);
                        map.entry(id).or_insert(slot);
                        prop_assert_eq!(index.insert(id, slot), is_new);
                    }
                }
                prop_assert_eq!(index.len(), map.len());
                prop_assert!((0..200).all(|id| index.get(id << 32) == map.get(&(id << 32)).copied()));
            }
        }
    }
}
