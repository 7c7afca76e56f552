//! Samples that were computed before and wake nobody: a source passes them, and its group shows them when it is asked.

use super::{Graph, source_index};
use crate::instrument::SymbolId;
use crate::market::SourceKind;

/// What a source feeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Feeds {
    /// Nothing.
    #[default]
    None,
    /// Only nodes that depend on nothing else.
    Own,
    /// Nodes of several sources, too.
    Shared,
}

/// How far a source is ahead of what its group shows: by samples that were computed before and wake nobody.
///
/// They stand side by side, so that such a sample touches eight bytes of many series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    /// How many more of them are known to come.
    pub(super) left: u32,
    pub(super) passed: u32,
}

impl Graph {
    /// How many coming samples of the source wake nobody and touch no node of several sources, as far as is known.
    #[inline]
    pub fn quiet_samples(&self, symbol: SymbolId, kind: SourceKind) -> usize {
        let source = source_index(symbol, kind);
        match (self.feeds[source], self.ahead[source]) {
            (Feeds::None, _) => usize::MAX,
            (Feeds::Own, Ahead { left: 0, passed }) => self.groups[source].quiet_samples(passed as usize),
            (Feeds::Own, Ahead { left, .. }) => left as usize,
            (Feeds::Shared, _) => 0,
        }
    }

    /// Steps over so many quiet samples of the source.
    #[inline]
    pub fn skip(&mut self, symbol: SymbolId, kind: SourceKind, samples: usize) {
        if self.pulsed {
            self.settle();
        }
        self.fired.clear();
        let source = source_index(symbol, kind);
        if self.feeds[source] != Feeds::None {
            let ahead = &mut self.ahead[source];
            ahead.left = ahead.left.saturating_sub(samples as u32);
            ahead.passed += samples as u32;
        }
    }

    /// Moves a source on if its next sample is known to wake nobody; otherwise its group shows where it has come to.
    #[inline]
    pub(super) fn passes(&mut self, source: u32) -> bool {
        let ahead = &mut self.ahead[source as usize];
        if ahead.left != 0 {
            ahead.left -= 1;
            ahead.passed += 1;
            return true;
        }
        self.catch_up(source);
        false
    }

    /// Lets the group show the sample that its source has come to.
    #[inline]
    pub(super) fn catch_up(&mut self, source: u32) {
        let passed = std::mem::take(&mut self.ahead[source as usize].passed);
        self.groups[source as usize].skip(passed as usize);
    }
}
