//! Price levels of one side, best first: a window of an array around the touch, an ordered map beyond it.

use std::collections::BTreeMap;

use super::ids::NONE;
use super::slab::{Slab, display};

/// Levels in the window.
const WINDOW: usize = 4096;
const WORDS: usize = WINDOW / 64;
/// How many uses of levels beyond the window make it move: enough to pay for moving a full one.
const FAR_USES_MAX: u32 = 256;

/// The key of no level.
pub(super) const NO_KEY: i64 = i64::MAX;

/// Orders at one price, first come first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub head: u32,
    pub tail: u32,
    pub orders: u32,
    /// Lots that show.
    pub shown: i64,
    /// Lots in the reserves of icebergs.
    pub hidden: i64,
}

const EMPTY: Level = Level { head: NONE, tail: NONE, orders: 0, shown: 0, hidden: 0 };

impl Level {
    /// Whether this many further lots can be counted.
    #[inline]
    pub(super) fn has_room(&self, lots: i64) -> bool {
        (self.shown + self.hidden).checked_add(lots).is_some()
    }

    /// Puts an order of the slab at the back; the caller counts its lots.
    #[inline(always)]
    fn link(&mut self, slab: &mut Slab, place: u32) {
        let node = &mut slab[place];
        (node.prev, node.next) = (self.tail, NONE);
        slab[self.tail].next = place;
        self.head = if self.tail == NONE { place } else { self.head };
        self.tail = place;
        self.orders += 1;
    }

    /// Takes an order out; the caller has counted its lots.
    #[inline(always)]
    fn unlink(&mut self, slab: &mut Slab, place: u32) {
        let (prev, next) = (slab[place].prev, slab[place].next);
        slab[prev].next = next;
        slab[next].prev = prev;
        self.head = if prev == NONE { next } else { self.head };
        self.tail = if next == NONE { prev } else { self.tail };
        self.orders -= 1;
    }

    /// Takes the first order out; the caller has counted its lots.
    #[inline]
    pub(super) fn unlink_head(&mut self, slab: &mut Slab) {
        let next = slab[self.head].next;
        slab[next].prev = NONE;
        self.head = next;
        self.tail = if next == NONE { NONE } else { self.tail };
        self.orders -= 1;
    }

    /// The first order shows nothing, but has a reserve: it shows the next part, at the back.
    #[cold]
    pub(super) fn refresh_head(&mut self, slab: &mut Slab) {
        let place = self.head;
        self.unlink_head(slab);
        let peak = slab.peak(place);
        let node = &mut slab[place];
        node.shown = display(node.open, peak);
        self.shown += node.shown;
        self.hidden -= node.shown;
        self.link(slab, place);
    }

    /// Adds an order with its lots at the back.
    #[inline(always)]
    pub(super) fn push(&mut self, slab: &mut Slab, place: u32, open: i64, shown: i64) {
        self.shown += shown;
        self.hidden += open - shown;
        self.link(slab, place);
    }

    /// Takes an order out with what is left of it.
    #[inline(always)]
    pub(super) fn remove(&mut self, slab: &mut Slab, place: u32) {
        let node = &slab[place];
        self.shown -= node.shown;
        self.hidden -= node.open - node.shown;
        self.unlink(slab, place);
    }
}

/// The levels of a side. Keys order them: the lowest is the best, so bids have their prices negated.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// Lowest occupied key, or [`NO_KEY`].
    best: i64,
    /// The window holds the keys from here to [`WINDOW`] beyond, each at its remainder: it moves without copying.
    base: i64,
    levels: Box<[Level]>,
    /// Which levels of the window are occupied, and which words of that are not zero.
    words: [u64; WORDS],
    summary: u64,
    far: BTreeMap<i64, Level>,
    far_uses: u32,
}

impl Default for Ladder {
    fn default() -> Ladder {
        Ladder {
            best: NO_KEY,
            // Far from every key, so that the first use makes the window.
            base: i64::MIN,
            levels: Box::default(),
            words: [0; WORDS],
            summary: 0,
            far: BTreeMap::new(),
            far_uses: 0,
        }
    }
}

/// Where the window keeps a key.
#[inline]
fn slot(key: i64) -> usize {
    key as usize % WINDOW
}

impl Ladder {
    /// The best key, or [`NO_KEY`].
    #[inline]
    pub(super) fn best(&self) -> i64 {
        self.best
    }

    #[inline]
    fn is_near(&self, key: i64) -> bool {
        (key.wrapping_sub(self.base) as u64) < WINDOW as u64
    }

    /// The level of a key, if it has orders.
    #[inline]
    pub(super) fn get(&self, key: i64) -> Option<&Level> {
        if self.is_near(key) { self.levels.get(slot(key)).filter(|level| level.orders > 0) } else { self.far.get(&key) }
    }

    /// The level of a key for an order to be added to, which the caller must do.
    #[inline(always)]
    pub(super) fn level(&mut self, key: i64) -> &mut Level {
        if !self.is_near(key) {
            self.use_far(key);
        }
        self.best = self.best.min(key);
        if self.is_near(key) {
            let at = slot(key);
            self.words[at / 64] |= 1 << (at % 64);
            self.summary |= 1 << (at / 64);
            return &mut self.levels[at];
        }
        self.far_level(key)
    }

    /// The level of a key that has orders.
    #[inline]
    pub(super) fn occupied(&mut self, key: i64) -> &mut Level {
        if self.is_near(key) { &mut self.levels[slot(key)] } else { self.far_level(key) }
    }

    #[cold]
    #[inline(never)]
    fn far_level(&mut self, key: i64) -> &mut Level {
        self.far.entry(key).or_insert(EMPTY)
    }

    /// Takes a level out that has lost its last order.
    #[inline]
    pub(super) fn vacate(&mut self, key: i64) {
        if self.is_near(key) {
            let at = slot(key);
            let word = &mut self.words[at / 64];
            *word &= !(1 << (at % 64));
            if *word == 0 {
                self.summary &= !(1 << (at / 64));
            }
        } else {
            self.vacate_far(key);
        }
        if key == self.best {
            self.best = self.next(key);
            if self.far_uses >= FAR_USES_MAX {
                self.settle();
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn vacate_far(&mut self, key: i64) {
        self.far.remove(&key);
        self.far_uses += 1;
    }

    /// The best key after one, or [`NO_KEY`].
    #[inline]
    pub(super) fn next(&self, key: i64) -> i64 {
        let near = self.next_near(key);
        if self.far.is_empty() { near } else { near.min(self.next_far(key)) }
    }

    #[inline]
    fn next_near(&self, key: i64) -> i64 {
        let from = (key + 1).max(self.base);
        if self.summary == 0 || !self.is_near(from) {
            return NO_KEY;
        }
        let at = slot(from);
        // The rest of its word, the words after it, and around the end: what stands before it comes last.
        let rest = self.words[at / 64] >> (at % 64);
        let found = if rest != 0 {
            at + rest.trailing_zeros() as usize
        } else {
            let after = self.summary & (u64::MAX << (at / 64)) & !(1 << (at / 64));
            let word = if after != 0 { after } else { self.summary }.trailing_zeros() as usize;
            word * 64 + self.words[word].trailing_zeros() as usize
        };
        let next = self.base + (found.wrapping_sub(slot(self.base)) % WINDOW) as i64;
        if next > key { next } else { NO_KEY }
    }

    #[cold]
    fn next_far(&self, key: i64) -> i64 {
        self.far.range(key + 1..).next().map_or(NO_KEY, |(&key, _)| key)
    }

    /// An order goes beyond the window, or there is no window yet.
    #[cold]
    fn use_far(&mut self, key: i64) {
        if self.levels.is_empty() {
            self.levels = vec![EMPTY; WINDOW].into_boxed_slice();
        }
        self.far_uses += 1;
        if self.best == NO_KEY {
            self.base = key - WINDOW as i64 / 4;
        } else if self.far_uses >= FAR_USES_MAX {
            self.settle();
        }
    }

    /// Moves the window to the touch, if it is not there.
    #[cold]
    fn settle(&mut self) {
        self.far_uses = 0;
        if self.best == NO_KEY || ((self.best.wrapping_sub(self.base)) as u64) < WINDOW as u64 / 2 {
            return;
        }
        let base = self.best - WINDOW as i64 / 4;
        let mut key = self.next_near(self.base - 1);
        while key != NO_KEY {
            let after = self.next_near(key);
            if (key.wrapping_sub(base) as u64) >= WINDOW as u64 {
                let at = slot(key);
                self.far.insert(key, std::mem::replace(&mut self.levels[at], EMPTY));
                self.words[at / 64] &= !(1 << (at % 64));
                if self.words[at / 64] == 0 {
                    self.summary &= !(1 << (at / 64));
                }
            }
            key = after;
        }
        self.base = base;
        while let Some((&key, _)) = self.far.range(base..base + WINDOW as i64).next() {
            let at = slot(key);
            if let Some(level) = self.far.remove(&key) {
                self.levels[at] = level;
                self.words[at / 64] |= 1 << (at % 64);
                self.summary |= 1 << (at / 64);
            }
        }
    }

    /// Occupied keys, best first.
    pub(super) fn keys(&self) -> impl Iterator<Item = i64> + '_ {
        let first = (self.best != NO_KEY).then_some(self.best);
        std::iter::successors(first, |&key| Some(self.next(key)).filter(|&next| next != NO_KEY))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Adds or takes out an order of one lot; `true` for adding.
    fn apply(ladder: &mut Ladder, map: &mut BTreeMap<i64, u32>, key: i64, adds: bool) {
        if adds {
            ladder.level(key).orders += 1;
            *map.entry(key).or_default() += 1;
        } else if let Some(orders) = map.get_mut(&key) {
            *orders -= 1;
            ladder.occupied(key).orders -= 1;
            if *orders == 0 {
                map.remove(&key);
                ladder.vacate(key);
            }
        }
    }

    fn check(ladder: &Ladder, map: &BTreeMap<i64, u32>) {
        assert_eq!(ladder.best(), map.keys().next().copied().unwrap_or(NO_KEY));
        let found: Vec<_> = ladder.keys().map(|key| (key, ladder.get(key).map_or(0, |level| level.orders))).collect();
        assert_eq!(found, map.iter().map(|(&key, &orders)| (key, orders)).collect::<Vec<_>>());
    }

    proptest! {
        /// Against an ordered map: a touch that wanders and jumps, and orders anywhere.
        #[test]
        fn agrees_with_a_map(
            start in prop::sample::select(vec![0, -3, 100_000, (1 << 53) - 5_000, -(1 << 53) + 100]),
            commands in prop::collection::vec((0u8..6, -4_000i64..4_000, any::<bool>(), 0usize..40), 1..500),
        ) {
            let (mut ladder, mut map, mut middle) = (Ladder::default(), BTreeMap::new(), start);
            for (what, draw, adds, nth) in commands {
                let key = match what {
                    0 => { middle += draw; middle }
                    1 => draw * 1_000_000,
                    2 => map.keys().nth(nth).copied().unwrap_or(0),
                    _ => middle + draw % 100,
                };
                apply(&mut ladder, &mut map, key, adds);
                check(&ladder, &map);
            }
        }
    }

    #[test]
    fn the_window_follows_a_touch_that_runs_away() {
        let (mut ladder, mut map) = (Ladder::default(), BTreeMap::new());
        for step in 0..60_000i64 {
            for key in [7 * step, 7 * step + 50] {
                apply(&mut ladder, &mut map, key, true);
            }
            if step >= 10 {
                apply(&mut ladder, &mut map, 7 * (step - 10), false);
                apply(&mut ladder, &mut map, 7 * (step - 10) + 50, false);
            }
            if step % 997 == 0 {
                check(&ladder, &map);
            }
            assert!(ladder.far.len() < 2 * FAR_USES_MAX as usize, "step {step}: the window stays behind");
        }
    }
}
