//! Levels of one side, best first: a dense window near the touch, an ordered map for what lies beyond.
//!
//! Keys are price units, and the lowest is best: asks use their price, bids its negative. The window is a ring of a
//! power of two slots with one bit each that says whether the slot holds something, so that a level near the touch
//! is one array access and the next best one is found 64 levels at a time. The window follows the best key; nothing is
//! copied when it moves but what leaves or enters it.

use std::collections::BTreeMap;

/// What a ladder holds at a key; the default is empty.
pub trait Level: Copy + Default {
    /// Whether nothing is there.
    fn is_empty(&self) -> bool;
}

impl Level for i64 {
    #[inline]
    fn is_empty(&self) -> bool {
        *self == 0
    }
}

/// The key of an empty ladder's best.
const NONE: i64 = i64::MAX;

/// One side of a book.
#[derive(Clone, Debug)]
pub struct Ladder<T> {
    slots: Box<[T]>,
    words: Box<[u64]>,
    /// The key at which the window starts; every occupied key is at or above it.
    first: i64,
    best: i64,
    far: BTreeMap<i64, T>,
}

impl<T: Level> Ladder<T> {
    /// An empty side with a window of `window` keys, rounded up to a power of two of at least 64.
    pub fn new(window: usize) -> Ladder<T> {
        let size = window.max(64).next_power_of_two();
        Ladder {
            slots: vec![T::default(); size].into_boxed_slice(),
            words: vec![0; size / 64].into_boxed_slice(),
            first: 0,
            best: NONE,
            far: BTreeMap::new(),
        }
    }

    /// How many levels are occupied; counted anew each time, so that a change need not count.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum::<usize>() + self.far.len()
    }

    /// Whether no level is occupied.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.best == NONE
    }

    /// How many levels lie beyond the window.
    pub fn far_len(&self) -> usize {
        self.far.len()
    }

    /// The best occupied key.
    #[inline]
    pub fn best(&self) -> Option<i64> {
        (self.best != NONE).then_some(self.best)
    }

    /// The best occupied key and what stands there.
    #[inline]
    pub fn first(&self) -> Option<(i64, T)> {
        // The window follows the best key: it is never beyond.
        (self.best != NONE).then(|| (self.best, self.slots[self.slot(self.best)]))
    }

    /// Keys in the window: a power of two.
    #[inline]
    fn size(&self) -> i64 {
        self.slots.len() as i64
    }

    /// Whether a key is in the window.
    #[inline]
    pub(super) fn is_near(&self, key: i64) -> bool {
        (key.wrapping_sub(self.first) as u64) < self.slots.len() as u64
    }

    #[inline]
    fn slot(&self, key: i64) -> usize {
        key as usize & (self.slots.len().wrapping_sub(1))
    }

    /// What stands at a key; empty where nothing does.
    #[inline]
    pub fn get(&self, key: i64) -> T {
        if self.is_near(key) { self.slots[self.slot(key)] } else { self.far.get(&key).copied().unwrap_or_default() }
    }

    /// Puts a level in place of what stood there, which it returns.
    #[inline(always)] // One of its few callers is the loop over a feed's rows.
    pub fn put(&mut self, key: i64, level: T) -> T {
        if !self.is_near(key) {
            return self.put_far(key, level);
        }
        let slot = self.slot(key);
        let old = std::mem::replace(&mut self.slots[slot], level);
        // Not asking what stood there: levels come and go too irregularly for a branch to be foreseen.
        let (word, bit) = (&mut self.words[slot >> 6], slot & 63);
        *word = (*word & !(1 << bit)) | (u64::from(!level.is_empty()) << bit);
        if key <= self.best {
            self.put_best(key, level.is_empty());
        }
        old
    }

    /// The best key or a better one was put: is it the best now, or the next one?
    #[inline(never)]
    fn put_best(&mut self, key: i64, is_empty: bool) {
        if !is_empty {
            self.best = key;
        } else if key == self.best {
            self.find_best();
        }
    }

    /// Empties the side.
    pub fn clear(&mut self) {
        for at in 0..self.words.len() {
            let mut word = std::mem::take(&mut self.words[at]);
            while word != 0 {
                self.slots[at * 64 + word.trailing_zeros() as usize] = T::default();
                word &= word - 1;
            }
        }
        self.far.clear();
        self.best = NONE;
    }

    /// Occupied levels, best first.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { ladder: self, next: self.best, far: self.far.iter() }
    }

    #[cold]
    #[inline(never)]
    fn put_far(&mut self, key: i64, level: T) -> T {
        if level.is_empty() {
            return self.far.remove(&key).unwrap_or_default();
        }
        if self.is_empty() || key < self.first {
            self.move_to(key - self.lead());
            return self.put(key, level);
        }
        self.far.insert(key, level).unwrap_or_default()
    }

    /// Keys kept free before the best one, for prices that improve.
    fn lead(&self) -> i64 {
        self.size() / 4
    }

    /// The best key after the former one was emptied; the window follows it.
    #[inline]
    fn find_best(&mut self) {
        match self.next_near(self.best + 1) {
            Some(key) => {
                self.best = key;
                if key - self.first > 3 * self.lead() {
                    self.move_to(key - self.lead());
                }
            }
            None => {
                self.best = NONE;
                if let Some((&key, _)) = self.far.first_key_value() {
                    self.move_to(key - self.lead());
                    self.best = key;
                }
            }
        }
    }

    /// The first occupied key of the window at or after `from`, a key at or after the window's first.
    #[inline]
    fn next_near(&self, from: i64) -> Option<i64> {
        let end = self.first + self.size();
        let mut key = from;
        while key < end {
            let slot = self.slot(key);
            let word = self.words[slot >> 6] >> (slot & 63);
            if word != 0 {
                // A word is never split by the window's ends other than at `from`: bits of keys before the
                // window's first are those of keys after its end, which the comparison below leaves out.
                let found = key + i64::from(word.trailing_zeros());
                return (found < end).then_some(found);
            }
            key += 64 - (key & 63);
        }
        None
    }

    /// Moves the window. Going up, no key before the new first one is occupied.
    #[cold]
    #[inline(never)]
    fn move_to(&mut self, first: i64) {
        if first < self.first {
            // Keys at the end leave for the map.
            let mut key = self.first.max(first + self.size());
            while let Some(found) = self.next_near(key) {
                let slot = self.slot(found);
                self.words[slot >> 6] &= !(1 << (slot & 63));
                self.far.insert(found, std::mem::take(&mut self.slots[slot]));
                key = found + 1;
            }
        }
        self.first = first;
        let end = first + self.size();
        while let Some(entry) = self.far.first_entry() {
            if *entry.key() >= end {
                break;
            }
            let (key, level) = entry.remove_entry();
            let slot = self.slot(key);
            self.slots[slot] = level;
            self.words[slot >> 6] |= 1 << (slot & 63);
        }
    }
}

/// Occupied levels of a ladder, best first.
#[derive(Debug)]
pub struct Iter<'a, T> {
    ladder: &'a Ladder<T>,
    next: i64,
    far: std::collections::btree_map::Iter<'a, i64, T>,
}

impl<T: Level> Iterator for Iter<'_, T> {
    type Item = (i64, T);

    #[inline]
    fn next(&mut self) -> Option<(i64, T)> {
        if self.next != NONE {
            let key = self.next;
            self.next = self.ladder.next_near(key + 1).unwrap_or(NONE);
            return Some((key, self.ladder.slots[self.ladder.slot(key)]));
        }
        self.far.next().map(|(key, level)| (*key, *level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_map(
            puts in prop::collection::vec((prop_oneof![-40_i64..40, -2_000_i64..2_000, -1_000_000_i64..1_000_000], 0_i64..4), 0..400),
            clear_at in 0_usize..400,
        ) {
            let mut ladder = Ladder::<i64>::new(64);
            let mut map = BTreeMap::new();
            for (at, (key, level)) in puts.into_iter().enumerate() {
                if at == clear_at {
                    ladder.clear();
                    map.clear();
                }
                let old = if level == 0 { map.remove(&key) } else { map.insert(key, level) };
                prop_assert_eq!(ladder.put(key, level), old.unwrap_or(0));
                prop_assert_eq!(ladder.best(), map.first_key_value().map(|(key, _)| *key));
                prop_assert_eq!(ladder.len(), map.len());
                prop_assert_eq!(ladder.get(key), level);
                prop_assert!(ladder.iter().eq(map.iter().map(|(key, level)| (*key, *level))));
            }
        }
    }
}
