//! At most N messages in any window: the times of the last N.

use super::limits::OrderRate;

/// A ring of the last `count` times.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    times_ns: Vec<i64>,
    next: usize,
    count: usize,
    window_ns: i64,
}

impl Window {
    pub(super) fn new(rate: Option<OrderRate>) -> Window {
        let (count, window_ns) = rate.map_or((0, 0), |rate| (rate.count as usize, rate.window_ns));
        Window { times_ns: Vec::new(), next: 0, count, window_ns }
    }

    /// The same history under a narrower limit.
    pub(super) fn narrowed(&self, rate: Option<OrderRate>) -> Window {
        let mut narrowed = Window::new(rate);
        let split = self.next.min(self.times_ns.len());
        let oldest_first = self.times_ns[split..].iter().chain(&self.times_ns[..split]);
        oldest_first.for_each(|&time| narrowed.record(time));
        narrowed
    }

    /// Whether one more message now is too many: the Nth last is less than a window ago.
    #[inline]
    pub(super) fn is_full(&self, now_ns: i64) -> bool {
        self.count != 0
            && self.times_ns.len() == self.count
            && now_ns.saturating_sub(self.times_ns[self.next]) < self.window_ns
    }

    /// Counts a message.
    #[inline]
    pub(super) fn record(&mut self, now_ns: i64) {
        if self.count == 0 {
            return;
        }
        if self.times_ns.len() < self.count {
            self.times_ns.push(now_ns);
            return;
        }
        self.times_ns[self.next] = now_ns;
        self.next = if self.next + 1 == self.count { 0 } else { self.next + 1 };
    }

    pub(super) fn limit(&self) -> usize {
        self.count
    }
}
