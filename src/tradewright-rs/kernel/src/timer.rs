//! Timers: recurring ones at multiples of their period, and single deadlines.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::instrument::{Instrument, SymbolId};

/// A timer's index, given when it was added.
pub type TimerId = u32;

#[derive(Clone, Debug)]
enum Timer {
    Every { period_ns: i64, phase_ns: i64, symbols: Vec<SymbolId> },
    Once,
}

/// The timers of a kernel, soonest first.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    timers: Vec<Timer>,
    heap: BinaryHeap<Reverse<(i64, TimerId)>>,
}

impl Timers {
    /// Adds a timer that fires at `phase + k·period` since the epoch while one of `symbols` is in session.
    ///
    /// # Panics
    /// When the period is not positive.
    pub fn every(&mut self, period_ns: i64, phase_ns: i64, symbols: Vec<SymbolId>) -> TimerId {
        assert!(period_ns > 0, "a timer's period must be positive, got {period_ns} ns");
        self.timers.push(Timer::Every { period_ns, phase_ns, symbols });
        (self.timers.len() - 1) as TimerId
    }

    /// Adds a timer that fires only when asked to, by [`Timers::at`].
    pub fn once(&mut self) -> TimerId {
        self.timers.push(Timer::Once);
        (self.timers.len() - 1) as TimerId
    }

    /// Starts all recurring timers: the first firing is at or after `now_ns`.
    pub fn start(&mut self, now_ns: i64, instruments: &[Instrument]) {
        for id in 0..self.timers.len() {
            if matches!(self.timers[id], Timer::Every { .. }) {
                self.schedule(id as TimerId, now_ns, instruments);
            }
        }
    }

    /// Asks a single timer to fire at `due_ns`.
    pub fn at(&mut self, id: TimerId, due_ns: i64) {
        self.heap.push(Reverse((due_ns, id)));
    }

    /// When the next timer fires; `i64::MAX` if none will.
    #[inline]
    pub fn next_ns(&self) -> i64 {
        self.heap.peek().map_or(i64::MAX, |Reverse((due_ns, _))| *due_ns)
    }

    /// Takes the timers that are due, and sets recurring ones for their next time.
    pub fn pop_due(&mut self, now_ns: i64, instruments: &[Instrument], due: &mut Vec<TimerId>) {
        while let Some(&Reverse((due_ns, id))) = self.heap.peek() {
            if due_ns > now_ns {
                return;
            }
            self.heap.pop();
            due.push(id);
            self.schedule(id, due_ns.max(now_ns) + 1, instruments);
        }
    }

    /// Sets a recurring timer for its first multiple at or after `from_ns` that falls into a session.
    fn schedule(&mut self, id: TimerId, from_ns: i64, instruments: &[Instrument]) {
        let Timer::Every { period_ns, phase_ns, symbols } = &self.timers[id as usize] else { return };
        let mut due_ns = next_multiple(from_ns, *period_ns, *phase_ns);
        while let Some(open_ns) = opens_after(due_ns, symbols, instruments) {
            if open_ns == i64::MAX {
                return; // No further session: the timer sleeps for good.
            }
            due_ns = next_multiple(open_ns, *period_ns, *phase_ns);
        }
        self.heap.push(Reverse((due_ns, id)));
    }
}

/// The first `phase + k·period` at or after `from_ns`.
fn next_multiple(from_ns: i64, period_ns: i64, phase_ns: i64) -> i64 {
    let over = (from_ns - phase_ns).rem_euclid(period_ns);
    if over == 0 { from_ns } else { from_ns - over + period_ns }
}

/// `None` if one of the symbols is in session; otherwise when the next session of any of them opens.
fn opens_after(now_ns: i64, symbols: &[SymbolId], instruments: &[Instrument]) -> Option<i64> {
    let mut next_ns = i64::MAX;
    for &symbol in symbols {
        let sessions = &instruments[symbol as usize].sessions;
        if sessions.is_empty() {
            return None;
        }
        let at = sessions.partition_point(|session| session.close_ns <= now_ns);
        match sessions.get(at) {
            Some(session) if session.open_ns <= now_ns => return None,
            Some(session) => next_ns = next_ns.min(session.open_ns),
            None => {}
        }
    }
    if symbols.is_empty() { None } else { Some(next_ns) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::Session;

    #[test]
    fn fires_at_multiples_and_sleeps_outside_sessions() {
        let mut instrument = Instrument::plain("X");
        instrument.sessions = vec![Session { open_ns: 100, close_ns: 130 }, Session { open_ns: 205, close_ns: 220 }];
        let instruments = [instrument];
        let mut timers = Timers::default();
        let id = timers.every(10, 3, vec![0]);
        timers.start(0, &instruments);
        let (mut fired, mut due) = (Vec::new(), Vec::new());
        while timers.next_ns() != i64::MAX {
            let now_ns = timers.next_ns();
            due.clear();
            timers.pop_due(now_ns, &instruments, &mut due);
            assert_eq!(due, [id]);
            fired.push(now_ns);
        }
        assert_eq!(fired, [103, 113, 123, 213]);
    }

    #[test]
    fn a_timer_due_now_fires_now() {
        assert_eq!(next_multiple(100, 10, 0), 100);
        assert_eq!(next_multiple(101, 10, 0), 110);
        assert_eq!(next_multiple(-1, 10, 0), 0);
    }
}
