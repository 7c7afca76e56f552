//! The last values of a node: by count, in one arena for the whole graph, or by time.

use std::cell::Cell;
use std::collections::VecDeque;

/// A ring of fixed size in an arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    start: u32,
    end: u32,
    /// Slot of the next push, and of the oldest value once full.
    next: u32,
    /// How many values are still missing.
    missing: u32,
}

impl Ring {
    /// Reserves `size` slots.
    pub fn reserve<T: Copy + Default>(arena: &mut Vec<T>, size: usize) -> Result<Ring, String> {
        if size == 0 {
            return Err("a window needs at least one slot".to_owned());
        }
        let end = arena.len().checked_add(size).filter(|end| *end <= 1 << 31);
        let end = end.ok_or_else(|| format!("a window of {size} does not fit into memory"))?;
        let start = arena.len() as u32;
        arena.resize(end, T::default());
        Ok(Ring { start, end: end as u32, next: start, missing: size as u32 })
    }

    #[inline(always)]
    pub fn is_full(&self) -> bool {
        self.missing == 0
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        (self.end - self.start - self.missing) as usize
    }

    /// Stores a value; returns what stood there: the oldest value, or the default while the ring fills.
    #[inline(always)]
    pub fn exchange<T: Copy>(&mut self, arena: &[Cell<T>], value: T) -> T {
        debug_assert!((self.next as usize) < arena.len());
        // SAFETY: `reserve` made the slots from `start` to `end` in this arena, which never shrinks, and `next` is
        // always one of them.
        let old = unsafe { arena.get_unchecked(self.next as usize) }.replace(value);
        let next = self.next.wrapping_add(1);
        self.next = if next == self.end { self.start } else { next };
        if self.missing != 0 {
            self.missing -= 1;
        }
        old
    }

    /// The slots of the next pushes, as far as they lie in a row: what they hold leaves, oldest first.
    #[inline(always)]
    pub fn next_slots<'a, T>(&self, arena: &'a [Cell<T>]) -> &'a [Cell<T>] {
        &arena[self.next as usize..self.end as usize]
    }

    /// Moves on behind slots that the caller has filled, of a ring that was full.
    #[inline(always)]
    pub fn advance(&mut self, slots: usize) {
        debug_assert!(self.is_full());
        let next = self.next + slots as u32;
        self.next = if next == self.end { self.start } else { next };
    }

    /// Stores a value; returns the one that it replaces.
    #[inline(always)]
    pub fn replace<T: Copy>(&mut self, arena: &mut [T], value: T) -> Option<T> {
        let was_full = self.is_full();
        let old = self.exchange(Cell::from_mut(arena).as_slice_of_cells(), value);
        was_full.then_some(old)
    }

    /// Values in the two pieces in which they lie, oldest first.
    pub fn pieces<'a, T>(&self, arena: &'a [T]) -> (&'a [T], &'a [T]) {
        let (older, newer) = (self.next as usize..self.end as usize, self.start as usize..self.next as usize);
        if self.is_full() { (&arena[older], &arena[newer]) } else { (&arena[newer], &[]) }
    }
}

/// Values of the last `span_ns`: those in (now − span, now].
#[derive(Clone, Debug)]
pub(crate) struct Span<T> {
    span_ns: i64,
    first_ns: i64,
    covered: bool,
    values: VecDeque<(i64, T)>,
}

/// A window by count or by time.
#[derive(Clone, Debug)]
pub(crate) enum Window<T> {
    Count(Ring),
    Time(Box<Span<T>>),
}

impl<T: Copy + Default> Window<T> {
    /// From a node's parameters: a count, or 0 and a span.
    pub fn new(arena: &mut Vec<T>, count: i64, span_ns: i64) -> Result<Window<T>, String> {
        if count > 0 {
            return Ok(Window::Count(Ring::reserve(arena, count as usize)?));
        }
        if span_ns <= 0 {
            return Err(format!("a window needs a count >= 1 or a span > 0 ns, got {count} and {span_ns}"));
        }
        Ok(Window::Time(Box::new(Span { span_ns, first_ns: i64::MIN, covered: false, values: VecDeque::new() })))
    }

    /// Adds a value and hands each one that leaves to `leaves`, oldest first.
    #[inline(always)]
    pub fn push(&mut self, arena: &mut [T], now_ns: i64, value: T, mut leaves: impl FnMut(T)) {
        match self {
            Window::Count(ring) => {
                if let Some(old) = ring.replace(arena, value) {
                    leaves(old);
                }
            }
            Window::Time(span) => {
                if span.first_ns == i64::MIN {
                    span.first_ns = now_ns;
                }
                span.covered |= now_ns.saturating_sub(span.first_ns) >= span.span_ns;
                let edge_ns = now_ns.saturating_sub(span.span_ns);
                while let Some((_, old)) = span.values.front().copied().filter(|(at_ns, _)| *at_ns <= edge_ns) {
                    span.values.pop_front();
                    leaves(old);
                }
                span.values.push_back((now_ns, value));
            }
        }
    }

    /// Whether the window is full, or its span covered since the first value.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        match self {
            Window::Count(ring) => ring.is_full(),
            Window::Time(span) => span.covered,
        }
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        match self {
            Window::Count(ring) => ring.len(),
            Window::Time(span) => span.values.len(),
        }
    }

    /// Each value, oldest first.
    pub fn each(&self, arena: &[T], mut visit: impl FnMut(T)) {
        match self {
            Window::Count(ring) => {
                let (old, new) = ring.pieces(arena);
                old.iter().chain(new).for_each(|value| visit(*value));
            }
            Window::Time(span) => span.values.iter().for_each(|(_, value)| visit(*value)),
        }
    }
}
