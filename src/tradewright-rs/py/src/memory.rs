//! Vectors for many values, in memory that is quick to touch for the first time.

/// What the system hands out at a time where it can, in bytes.
const HUGE_PAGE: usize = 2 << 20;
/// Less than what an allocator writes before a block, and in a whole number of pages with it.
const HEADER: usize = 64;

/// An empty vector with room for so many values.
///
/// A large one is asked for in huge pages: one page fault for 512. On a virtual machine faults are what a large new
/// vector costs first of all; 19 MB took 17 ms to fill, and 6 ms so.
pub fn roomy<T>(count: usize) -> Vec<T> {
    let bytes = count.saturating_mul(size_of::<T>());
    if bytes < HUGE_PAGE {
        return Vec::with_capacity(count);
    }
    // Memory of a whole number of huge pages starts at one; what is not touched does not become resident.
    let whole = (bytes + HEADER).next_multiple_of(HUGE_PAGE) - HEADER;
    let mut values = Vec::with_capacity(whole / size_of::<T>());
    advise(&mut values);
    values
}

/// Asks for huge pages behind a vector. The system may decline; nothing but speed depends on it.
#[cfg(target_os = "linux")]
fn advise<T>(values: &mut Vec<T>) {
    const PAGE: usize = 4096;
    let start = values.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    let length = (values.capacity() * size_of::<T>()).saturating_sub(skipped) / PAGE * PAGE;
    // SAFETY: the range lies within the vector's own allocation, and this advice leaves what is stored there alone.
    unsafe { libc::madvise(start.wrapping_add(skipped).cast(), length, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_values: &mut Vec<T>) {}
