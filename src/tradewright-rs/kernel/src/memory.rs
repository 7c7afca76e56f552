//! An allocator: large blocks in huge pages, small ones by the system's.
//!
//! What a run keeps grows to megabytes, and on a virtual machine the first touch of a small page costs more than
//! filling it does. A huge page is one such touch for 512: 19 MB took 17 ms to fill in small pages, and 6 ms so.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{copy_nonoverlapping, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the system hands out at a time, in bytes.
const PAGE: usize = 2 << 20;

/// A block from which on a huge page is worth filling with zeros, in bytes.
const LARGE: usize = 1 << 19;

/// What is kept of what was given back, in bytes: the next run needs the same again.
const KEPT_MAX: usize = 32 << 20;

/// Blocks begin at so many places of their mappings, five cache lines apart: columns that are read side by side would
/// meet in the same few sets of the cache if all began at a multiple of a page.
const PLACES: usize = 16;
const APART: usize = 5 * 64;

/// Blocks of half a megabyte and more are mappings of their own, a whole number of huge pages; the rest is the
/// system's. Up to 32 MB that were given back are kept for the next who asks.
pub struct HugePages {
    kept: Mutex<Kept>,
    next_place: AtomicUsize,
}

impl HugePages {
    /// One that keeps nothing yet.
    #[allow(clippy::new_without_default)] // It is made once, as a constant.
    pub const fn new() -> HugePages {
        let kept = Kept { blocks: [Mapping { start: 0, bytes: 0 }; 16], bytes: 0 };
        HugePages { kept: Mutex::new(kept), next_place: AtomicUsize::new(0) }
    }

    /// Where a block begins in its mapping; null in none.
    fn place(&self, start: *mut u8, layout: Layout) -> *mut u8 {
        if start.is_null() || layout.align() > 64 {
            return start;
        }
        start.wrapping_add(self.next_place.fetch_add(1, Ordering::Relaxed) % PLACES * APART)
    }

    fn take(&self, bytes: usize) -> Option<*mut u8> {
        // Who cannot look does without, so that a child of a fork never waits for a thread it does not have.
        self.kept.try_lock().ok()?.take(bytes)
    }

    fn unmap(&self, start: *mut u8, bytes: usize) {
        let is_kept = self.kept.try_lock().is_ok_and(|mut kept| kept.put(start, bytes));
        if !is_kept {
            unmap(start, bytes);
        }
    }
}

#[derive(Clone, Copy)]
struct Mapping {
    start: usize,
    bytes: usize,
}

/// Mappings that were given back; one of no bytes is none.
struct Kept {
    blocks: [Mapping; 16],
    bytes: usize,
}

impl Kept {
    fn take(&mut self, bytes: usize) -> Option<*mut u8> {
        let found = self.blocks.iter_mut().find(|block| block.bytes == bytes)?;
        let start = std::ptr::with_exposed_provenance_mut(found.start);
        *found = Mapping { start: 0, bytes: 0 };
        self.bytes -= bytes;
        Some(start)
    }

    /// Whether there was room for it.
    fn put(&mut self, start: *mut u8, bytes: usize) -> bool {
        if self.bytes + bytes > KEPT_MAX {
            return false;
        }
        let Some(free) = self.blocks.iter_mut().find(|block| block.bytes == 0) else { return false };
        *free = Mapping { start: start.expose_provenance(), bytes };
        self.bytes += bytes;
        true
    }
}

fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= PAGE
}

fn mapped(size: usize) -> usize {
    (size + PLACES * APART).next_multiple_of(PAGE)
}

/// The mapping that a block is in.
fn start_of(block: *mut u8) -> *mut u8 {
    block.wrapping_sub(block.addr() % PAGE)
}

/// Maps so many bytes at a multiple of [`PAGE`], filled with zeros; null where there is no room.
fn map(bytes: usize) -> *mut u8 {
    // The system aligns most of such mappings by itself.
    let exact = map_anywhere(bytes);
    if exact.is_null() || exact.addr() % PAGE == 0 {
        return advised(exact, bytes);
    }
    unmap(exact, bytes);
    let wide = map_anywhere(bytes + PAGE);
    if wide.is_null() {
        return wide;
    }
    let before = wide.addr().next_multiple_of(PAGE) - wide.addr();
    unmap(wide, before);
    let start = wide.wrapping_add(before);
    unmap(start.wrapping_add(bytes), PAGE - before);
    advised(start, bytes)
}

fn map_anywhere(bytes: usize) -> *mut u8 {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping touches nothing that exists.
    let start = unsafe { libc::mmap(null_mut(), bytes, access, kind, -1, 0) };
    if start == libc::MAP_FAILED { null_mut() } else { start.cast() }
}

/// Asks for huge pages. The system may decline; nothing but speed depends on it.
fn advised(start: *mut u8, bytes: usize) -> *mut u8 {
    if !start.is_null() {
        // SAFETY: the mapping is ours, and this advice leaves what is stored there alone.
        unsafe { libc::madvise(start.cast(), bytes, libc::MADV_HUGEPAGE) };
    }
    start
}

fn unmap(start: *mut u8, bytes: usize) {
    if bytes > 0 {
        // SAFETY: callers give a part of a mapping of ours that nothing refers to.
        unsafe { libc::munmap(start.cast(), bytes) };
    }
}

// SAFETY: which of both holds a block follows from its layout alone, which is the same whenever it is named; a
// kept mapping is in nobody's hands.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) {
            let bytes = mapped(layout.size());
            return self.place(self.take(bytes).unwrap_or_else(|| map(bytes)), layout);
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let bytes = mapped(layout.size());
        let Some(kept) = self.take(bytes) else { return self.place(map(bytes), layout) };
        let block = self.place(kept, layout);
        // SAFETY: the block is as long, and nobody else's.
        unsafe { block.write_bytes(0, layout.size()) };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_large(layout) {
            self.unmap(start_of(block), mapped(layout.size()));
        } else {
            // SAFETY: as the caller promises; the block is the system's.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises, `size` with this alignment is a layout.
        let to = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let (old, new) = (mapped(layout.size()), mapped(size));
        match (is_large(layout), is_large(to)) {
            // SAFETY: as the caller promises; the block is the system's and stays so.
            (false, false) => return unsafe { System.realloc(block, layout, size) },
            (true, true) if new == old => return block,
            (true, true) if new < old => {
                unmap(start_of(block).wrapping_add(new), old - new);
                return block;
            }
            _ => {}
        }
        // SAFETY: as the caller promises.
        let found = unsafe { self.alloc(to) };
        if !found.is_null() {
            // SAFETY: the new block is not the old one, both have room for the smaller size, and the old one is
            // given back as it was taken.
            unsafe {
                copy_nonoverlapping(block, found, layout.size().min(size));
                self.dealloc(block, layout);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{GlobalAlloc, Layout};

    use proptest::prelude::*;

    use super::HugePages;

    /// A block, and what was last written to it: `value + index`, byte by byte.
    struct Block {
        start: *mut u8,
        layout: Layout,
        value: u8,
    }

    impl Block {
        fn bytes(&self) -> &[u8] {
            // SAFETY: the block is this test's, and nobody writes to it meanwhile.
            unsafe { std::slice::from_raw_parts(self.start, self.layout.size()) }
        }

        fn write(&mut self, value: u8) {
            self.value = value;
            for index in (0..self.layout.size()).step_by(509) {
                // SAFETY: the index lies in the block, which is this test's.
                unsafe { self.start.add(index).write(value.wrapping_add(index as u8)) };
            }
        }

        fn holds(&self, size: usize) -> bool {
            let written = self.bytes()[..size].iter().enumerate().step_by(509);
            written.into_iter().all(|(index, byte)| *byte == self.value.wrapping_add(index as u8))
        }
    }

    fn size() -> impl Strategy<Value = usize> {
        prop_oneof![1..4096usize, (1 << 19) - 2..(1 << 19) + 2usize, 1..9_000_000usize]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        /// Blocks keep what is in them, whatever happens to the others and wherever they move.
        #[test]
        fn blocks_are_apart_and_keep_their_bytes(
            steps in prop::collection::vec((0..4usize, 0..6usize, size(), 0..8u32), 1..40)
        ) {
            let allocator = HugePages::new();
            let mut blocks: Vec<Block> = Vec::new();
            for (number, (step, at, size, align)) in steps.into_iter().enumerate() {
                let layout = Layout::from_size_align(size, 1 << align).unwrap();
                let at = at % blocks.len().max(1);
                // SAFETY: sizes are above zero, and a block is given back once, with its layout.
                match step {
                    0 | 1 if blocks.len() < 6 => {
                        let is_zeroed = step == 1;
                        let start = unsafe { if is_zeroed { allocator.alloc_zeroed(layout) } else { allocator.alloc(layout) } };
                        prop_assert!(!start.is_null() && start.addr() % layout.align() == 0);
                        let mut block = Block { start, layout, value: 0 };
                        prop_assert!(!is_zeroed || block.bytes().iter().all(|byte| *byte == 0));
                        block.write(number as u8);
                        blocks.push(block);
                    }
                    2 if !blocks.is_empty() => {
                        let block = &mut blocks[at];
                        let kept = block.layout.size().min(size);
                        block.start = unsafe { allocator.realloc(block.start, block.layout, size) };
                        block.layout = Layout::from_size_align(size, block.layout.align()).unwrap();
                        prop_assert!(block.holds(kept));
                        block.write(number as u8);
                    }
                    3 if !blocks.is_empty() => {
                        let block = blocks.swap_remove(at);
                        unsafe { allocator.dealloc(block.start, block.layout) };
                    }
                    _ => {}
                }
                prop_assert!(blocks.iter().all(|block| block.holds(block.layout.size())));
            }
            for block in blocks {
                // SAFETY: as above.
                unsafe { allocator.dealloc(block.start, block.layout) };
            }
        }
    }
}
