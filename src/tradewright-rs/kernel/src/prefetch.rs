//! Asking memory early: what many instruments have does not fit into the nearest cache, but what comes next is known.

/// Bytes that memory hands out at a time.
const LINE: usize = 64;

/// How many instruments ahead memory is asked for what is kept of one and, once that is there, for what it points to.
pub(crate) const SOON: usize = 12;
pub(crate) const NEXT: usize = 6;

/// Asks for a value that is used soon. It may be gone by then, or never be used: nothing but time depends on it.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_at(std::ptr::from_ref(value));
}

/// The same for where a value would be, which need not be there.
#[inline(always)]
pub(crate) fn prefetch_at<T>(at: *const T) {
    for line in 0..size_of::<T>().div_ceil(LINE).max(1) {
        let at = at.cast::<u8>().wrapping_add(line * LINE);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing and never faults, whatever the address.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(at.cast());
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(nostack, preserves_flags, readonly));
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = at;
    }
}
