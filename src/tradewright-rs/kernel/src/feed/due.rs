//! What a heap keeps of series that are not next.

use std::cmp::Ordering;

/// A list of sources whose next row has this time. The soonest is the greatest; lists of equal time are equal, for they
/// become one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) time_ns: i64,
    pub(super) list: u32,
    /// One of them.
    pub(super) source: u32,
}

impl Ord for Due {
    #[inline]
    fn cmp(&self, other: &Due) -> Ordering {
        other.time_ns.cmp(&self.time_ns)
    }
}

impl PartialOrd for Due {
    #[inline]
    fn partial_cmp(&self, other: &Due) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    #[inline]
    fn eq(&self, other: &Due) -> bool {
        self.time_ns == other.time_ns
    }
}

impl Eq for Due {}
