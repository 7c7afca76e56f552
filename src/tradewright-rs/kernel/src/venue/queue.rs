//! Things due at a time, in (time, order of arrival).

use std::collections::VecDeque;

/// A queue by time. What comes in order of time, nearly everything, is appended; the rest is inserted.
#[derive(Clone, Debug)]
pub(super) struct TimedQueue<T> {
    items: VecDeque<(i64, T)>,
}

impl<T> TimedQueue<T> {
    pub(super) fn new() -> Self {
        TimedQueue { items: VecDeque::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, due_ns: i64, item: T) {
        if self.items.back().is_none_or(|(last_ns, _)| *last_ns <= due_ns) {
            self.items.push_back((due_ns, item));
        } else {
            let place = self.items.partition_point(|(other_ns, _)| *other_ns <= due_ns);
            self.items.insert(place, (due_ns, item));
        }
    }

    /// When the first is due; `i64::MAX` when there is none.
    #[inline]
    pub(super) fn next_ns(&self) -> i64 {
        self.items.front().map_or(i64::MAX, |(due_ns, _)| *due_ns)
    }

    /// The first, if it is due.
    #[inline]
    pub(super) fn pop_due(&mut self, now_ns: i64) -> Option<(i64, T)> {
        if self.next_ns() <= now_ns { self.items.pop_front() } else { None }
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = (i64, T)> + '_ {
        self.items.drain(..)
    }
}
