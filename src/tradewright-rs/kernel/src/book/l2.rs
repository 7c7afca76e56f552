//! A book of price levels.

use super::{Action, Book, BookEvent, GAP, Integrity, LAST, Ladder, Offence, PriceLevel};
use super::{is_counted, key_of, price_of, side_key};
use crate::order::Side;

/// Sizes by price, from snapshots and absolute or relative changes. O(1) near the touch, unbounded beyond.
#[derive(Clone, Debug)]
pub struct L2 {
    sides: [Ladder<i64>; 2],
    integrity: Integrity,
}

impl L2 {
    /// An empty book with `window` price units a side near the touch.
    pub fn new(window: usize) -> L2 {
        L2 { sides: [Ladder::new(window), Ladder::new(window)], integrity: Integrity::default() }
    }

    /// Applies events in order: all of a message at once are quicker than each by itself.
    #[inline]
    pub fn apply_all<E: AsRef<BookEvent>>(&mut self, events: &[E]) {
        let mut left = events;
        while let Some((event, behind)) = left[self.set_all(left, [i64::MIN; 2])..].split_first() {
            self.apply(event.as_ref());
            left = behind;
        }
    }

    /// Applies the first of some events, as long as they do no more than set a level near the touch: what ends a
    /// message is more, and so are levels whose key is at or below `reach` of their side. Returns how many.
    #[inline(never)] // A loop of its own: inside of another function it has no registers left.
    pub(crate) fn set_all<E: AsRef<BookEvent>>(&mut self, events: &[E], reach: [i64; 2]) -> usize {
        let mut taken = 0;
        for event in events {
            let event = event.as_ref();
            let Some(side) = event.side else { break };
            if event.action != Action::Set || event.flags & (GAP | LAST) != 0 {
                break;
            }
            let (key, ladder) = (side_key(side, event.price), &mut self.sides[side as usize]);
            if key <= reach[side as usize] || !ladder.is_near(key) || !is_counted(event.price) || event.lots < 0 {
                break;
            }
            ladder.put(key, event.lots);
            taken += 1;
        }
        self.integrity.events = self.integrity.events.wrapping_add(taken as u64);
        taken
    }

    /// Sets the size at a price; 0 removes the level. Returns what was there.
    #[inline]
    pub fn set(&mut self, side: Side, price: i64, lots: i64) -> i64 {
        let Some(key) = key_of(side, price) else {
            self.integrity.note(Offence::OutOfRange { price });
            return 0;
        };
        let mut left = lots;
        if lots < 0 {
            self.integrity.note(Offence::NegativeSize { price, lots });
            left = 0;
        }
        self.sides[side as usize].put(key, left)
    }

    /// Applies any event but the size of a level, which is nearly all that a feed tells.
    #[inline(never)]
    fn apply_other(&mut self, event: &BookEvent) {
        if event.flags & GAP != 0 {
            self.integrity.note(Offence::Gap { sequence: event.sequence });
        }
        match (event.action, event.side) {
            (Action::Set, Some(side)) => {
                self.set(side, event.price, event.lots);
            }
            (Action::Change, Some(side)) => {
                self.change(side, event.price, event.lots);
            }
            (Action::Clear, side) => self.clear(side),
            (Action::SnapshotStart, _) => {
                self.clear(None);
                self.integrity.snapshot_starts();
            }
            (Action::SnapshotEnd, _) => self.integrity.snapshot_ends(),
            (Action::Trade | Action::Fill, _) => {}
            (action, _) => self.integrity.note(Offence::Meaningless { action: action as u8 }),
        }
    }

    /// Changes the size at a price. Returns what was there.
    #[inline]
    pub fn change(&mut self, side: Side, price: i64, lots: i64) -> i64 {
        let Some(key) = key_of(side, price) else {
            self.integrity.note(Offence::OutOfRange { price });
            return 0;
        };
        let ladder = &mut self.sides[side as usize];
        let old = ladder.get(key);
        let new = old.saturating_add(lots);
        if new < 0 {
            self.integrity.note(Offence::NegativeSize { price, lots: new });
        }
        ladder.put(key, new.max(0))
    }

    /// Empties a side, or both.
    pub fn clear(&mut self, side: Option<Side>) {
        match side {
            Some(side) => self.sides[side as usize].clear(),
            None => self.sides.iter_mut().for_each(Ladder::clear),
        }
    }

    /// What waits before an order that joins a price now: the whole level.
    #[inline]
    pub fn queue_ahead(&self, side: Side, price: i64) -> i64 {
        self.lots_at(side, price)
    }
}

impl Book for L2 {
    fn apply(&mut self, event: &BookEvent) {
        match (event.action, event.side) {
            (Action::Set, Some(side)) if event.flags & GAP == 0 => {
                self.set(side, event.price, event.lots);
            }
            _ => self.apply_other(event),
        }
        if event.flags & LAST != 0 {
            self.integrity.check_crossed(self.best(Side::Buy), self.best(Side::Sell));
        }
        self.integrity.events = self.integrity.events.wrapping_add(1);
    }

    fn integrity(&self) -> &Integrity {
        &self.integrity
    }

    #[inline]
    fn best(&self, side: Side) -> Option<PriceLevel> {
        let (key, lots) = self.sides[side as usize].first()?;
        Some(PriceLevel { price: price_of(side, key), lots })
    }

    #[inline]
    fn lots_at(&self, side: Side, price: i64) -> i64 {
        key_of(side, price).map_or(0, |key| self.sides[side as usize].get(key))
    }

    fn levels(&self, side: Side) -> impl Iterator<Item = PriceLevel> {
        let levels = self.sides[side as usize].iter();
        levels.map(move |(key, lots)| PriceLevel { price: price_of(side, key), lots })
    }

    fn level_count(&self, side: Side) -> usize {
        self.sides[side as usize].len()
    }
}
