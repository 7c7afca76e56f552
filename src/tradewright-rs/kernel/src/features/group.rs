//! The nodes that one series feeds, and their values: computed for a block of rows at once, shown row by row.
//!
//! A node depends on records alone, never on what a policy decides, so its values for rows that are already converted
//! may be computed before those rows are handed out. What is shown is always the row of the current step.

use super::eval::Block;
use super::node::{Cells, Memory, NO_COUNT};
use super::source::Sample;
use super::{Callables, NodeSlot};
use crate::event::Rows;
use crate::market::Market;
use crate::wide::wide;

/// A set of nodes evaluated together, with a column of values each.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub slots: Vec<NodeSlot>,
    /// Values that do not change, in the columns behind those of the nodes.
    constants: Vec<(u32, f64)>,
    columns: usize,
    /// Column by column, `stride` rows each; counts lie as values do.
    values: Vec<f64>,
    counts: Vec<i64>,
    stride: usize,
    /// The row of the current step.
    shown: usize,
    /// The row behind the last one computed.
    held: usize,
    /// By row: 1 where a condition is true, otherwise 0.
    fires: Vec<u8>,
    has_conditions: bool,
    /// Whether its nodes may be computed before their rows are handed out.
    is_native: bool,
}

/// Rows to start with: a live session moves through them one by one.
const ROWS_MIN: usize = 16;

impl Group {
    /// Nodes with their inputs given as columns: first the nodes' own, then `constants` and others that are imported.
    pub fn new(slots: Vec<NodeSlot>, constants: Vec<(u32, f64)>, columns: usize) -> Group {
        let mut group = Group {
            has_conditions: slots.iter().any(|slot| slot.is_condition),
            is_native: !slots.iter().any(|slot| slot.node.is_hosted()),
            slots,
            constants,
            columns,
            values: Vec::new(),
            counts: Vec::new(),
            stride: 0,
            shown: 0,
            held: 1, // The row before the first sample.
            fires: Vec::new(),
        };
        group.lay_out(ROWS_MIN);
        group
    }

    /// Moves what is still needed to the front of columns of `stride` rows.
    fn lay_out(&mut self, stride: usize) {
        let kept = self.held - self.shown;
        if stride == self.stride {
            for column in 0..self.columns {
                let from = column * stride + self.shown;
                self.values.copy_within(from..from + kept, column * stride);
                self.counts.copy_within(from..from + kept, column * stride);
            }
            self.fires.copy_within(self.shown..self.held, 0);
        } else {
            let mut values = vec![f64::NAN; self.columns * stride];
            let mut counts = vec![NO_COUNT; self.columns * stride];
            let mut fires = vec![0; stride];
            if self.stride != 0 {
                for column in 0..self.columns {
                    let (from, to) = (column * self.stride + self.shown, column * stride);
                    values[to..to + kept].copy_from_slice(&self.values[from..from + kept]);
                    counts[to..to + kept].copy_from_slice(&self.counts[from..from + kept]);
                }
                fires[..kept].copy_from_slice(&self.fires[self.shown..self.held]);
            }
            (self.values, self.counts, self.fires, self.stride) = (values, counts, fires, stride);
        }
        for &(column, value) in &self.constants {
            let at = column as usize * stride;
            self.values[at..at + stride].fill(value);
        }
        (self.shown, self.held) = (0, kept);
    }

    #[inline]
    fn make_room(&mut self, rows: usize) {
        if self.held + rows > self.stride {
            let needed = self.held - self.shown + rows;
            // Room for as much again only where much waits: columns of many series should stay in the cache.
            let wanted = if needed > 2 * rows { needed.next_power_of_two() } else { needed.next_multiple_of(8) };
            self.lay_out(wanted.max(self.stride));
        }
    }

    #[inline]
    fn cells<'a>(&'a mut self, memory: &'a mut Memory, row: usize) -> (&'a mut [NodeSlot], Cells<'a>) {
        let Group { slots, values, counts, stride, .. } = self;
        (slots, Cells { values, counts, stride: *stride, row, memory })
    }

    /// Computes the samples of a block behind those already there.
    pub fn compute(&mut self, rows: Rows<'_>, times_ns: &[i64], memory: &mut Memory, callables: &mut dyn Callables) {
        self.make_room(rows.len());
        compute(self, &Block { rows, times_ns, first: self.held }, memory, callables);
    }

    /// Computes one sample behind those already there, from the latest of everything.
    pub fn compute_latest(&mut self, market: &Market, memory: &mut Memory, callables: &mut dyn Callables) {
        self.make_room(1);
        let first = self.held;
        let (slots, mut cells) = self.cells(memory, first);
        for (column, slot) in slots.iter_mut().enumerate() {
            let value = slot.node.eval(column as u32, &mut cells, Sample::Latest(market), callables);
            cells.set_value(column as u32, value);
        }
        self.held += 1;
        if self.has_conditions {
            self.note_fires(first);
        }
    }

    #[inline(always)]
    fn note_fires(&mut self, first: usize) {
        let fires = &mut self.fires[first..self.held];
        fires.fill(0);
        for (column, _) in self.slots.iter().enumerate().filter(|(_, slot)| slot.is_condition) {
            let start = column * self.stride;
            for (fires, value) in fires.iter_mut().zip(&self.values[start + first..start + self.held]) {
                *fires |= u8::from(*value == 1.0);
            }
        }
    }

    /// Evaluates one node for the shown row, from the latest of everything.
    #[inline]
    pub fn eval(&mut self, column: u32, market: &Market, memory: &mut Memory, callables: &mut dyn Callables) -> f64 {
        let row = self.shown;
        let (slots, mut cells) = self.cells(memory, row);
        let value = slots[column as usize].node.eval(column, &mut cells, Sample::Latest(market), callables);
        cells.set_value(column, value);
        value
    }

    /// Whether there are samples behind the shown one.
    #[inline]
    pub fn has_next(&self) -> bool {
        self.shown + 1 < self.held
    }

    /// Shows the next sample; whether a condition holds there.
    #[inline]
    pub fn show_next(&mut self) -> bool {
        self.shown += 1;
        debug_assert!(self.shown < self.held);
        self.fires[self.shown] != 0
    }

    /// Shows the sample that many further on.
    #[inline]
    pub fn skip(&mut self, samples: usize) {
        debug_assert!(self.shown + samples < self.held);
        self.shown += samples;
    }

    /// How many samples behind the `passed` next ones lie before one at which a condition holds.
    #[inline]
    pub fn quiet_samples(&self, passed: usize) -> usize {
        let ahead = &self.fires[self.shown + passed + 1..self.held];
        if !self.has_conditions {
            return ahead.len();
        }
        // Eight rows at a look: most of the time nothing is there.
        let words = ahead.chunks_exact(8);
        let quiet = 8 * words.take_while(|word| word.iter().fold(0, |any, fires| any | fires) == 0).count();
        quiet + ahead[quiet..].iter().take_while(|fires| **fires == 0).count()
    }

    /// Whether its nodes may be computed before their rows are handed out.
    #[inline]
    pub fn is_native(&self) -> bool {
        self.is_native
    }

    /// The shown value of a column.
    #[inline]
    pub fn value(&self, column: u32) -> f64 {
        self.value_ahead(column, 0)
    }

    /// The value of a column so many samples behind the shown one.
    #[inline]
    pub fn value_ahead(&self, column: u32, samples: usize) -> f64 {
        self.values[column as usize * self.stride + self.shown + samples]
    }

    /// Replaces the shown value of a column.
    #[inline]
    pub fn set_value(&mut self, column: u32, value: f64) {
        self.values[column as usize * self.stride + self.shown] = value;
    }

    /// Copies the shown value and count of another group's column into one of its own.
    #[inline]
    pub fn import(&mut self, column: u32, from: &Group, from_column: u32) {
        let (at, other) = (column as usize * self.stride + self.shown, from_column as usize * from.stride + from.shown);
        (self.values[at], self.counts[at]) = (from.values[other], from.counts[other]);
    }
}

#[inline(always)]
fn compute_block(group: &mut Group, block: &Block<'_>, memory: &mut Memory, callables: &mut dyn Callables) {
    let (slots, mut cells) = group.cells(memory, block.first);
    for (column, slot) in slots.iter_mut().enumerate() {
        slot.node.eval_block(column as u32, &mut cells, block, callables);
    }
    group.held += block.rows.len();
    if group.has_conditions {
        group.note_fires(block.first);
    }
}

wide! {
    /// Computes a block for which there is room.
    fn compute(group: &mut Group, block: &Block<'_>, memory: &mut Memory, callables: &mut dyn Callables) = compute_block
}
