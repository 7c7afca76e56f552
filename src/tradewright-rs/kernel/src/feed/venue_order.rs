//! The venue's order of rows that stand in order of receipt: nearly the same one.
//!
//! Of a series that comes in parts this is the order within one. The next part may have rows from before the last of
//! this one, received late: get it before the first row is handed out that happened at or after its earliest, and sort
//! what is left of this part together with it.

use std::ops::Range;

/// Rows that follow each other in both orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where the first of them stands in the venue's order.
    pub(super) place: usize,
    /// Which row that is.
    pub(super) row: usize,
    /// The lowest row of the runs behind this one.
    pub(super) lowest_behind: usize,
}

impl Run {
    /// The row at a place of this run.
    pub(super) fn row_at(&self, place: usize) -> usize {
        self.row + (place - self.place)
    }

    /// The lowest row at a place of this run or behind it.
    pub(super) fn lowest_at(&self, place: usize) -> usize {
        self.row_at(place).min(self.lowest_behind)
    }
}

/// Rows among which some are late.
struct Block {
    rows: Range<usize>,
    last_ns: i64,
}

/// The rows in order of these times, equal ones as they stand.
pub(super) fn venue_order(event_ns: &[i64]) -> Vec<Run> {
    let (mut runs, mut row) = (Vec::new(), 0);
    for Block { rows, .. } in unordered(event_ns) {
        push(&mut runs, row..rows.start);
        row = rows.end;
        let mut ordered: Vec<usize> = rows.collect();
        ordered.sort_by_key(|&row| event_ns[row]);
        ordered.iter().for_each(|&row| push(&mut runs, row..row + 1));
    }
    push(&mut runs, row..event_ns.len());
    let (mut place, mut lowest) = (event_ns.len(), usize::MAX);
    let run_of = |rows: &Range<usize>| {
        place -= rows.len();
        let run = Run { place, row: rows.start, lowest_behind: lowest };
        lowest = lowest.min(rows.start);
        run
    };
    let mut runs: Vec<Run> = runs.iter().rev().map(run_of).collect();
    runs.reverse();
    runs
}

/// Appends rows, to the last run where they follow it.
fn push(runs: &mut Vec<Range<usize>>, rows: Range<usize>) {
    match runs.last_mut() {
        Some(last) if last.end == rows.start => last.end = rows.end,
        _ if rows.is_empty() => {}
        _ => runs.push(rows),
    }
}

/// The blocks that have to be sorted; between them every row stands behind all rows before it.
fn unordered(event_ns: &[i64]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut row = 0;
    while let Some(before) = event_ns[row..].windows(2).position(|pair| pair[1] < pair[0]) {
        let late = row + before + 1;
        // The last one so far: what is before it is late.
        let last_ns = event_ns[late - 1];
        let count = event_ns[late..].iter().take_while(|&&time_ns| time_ns < last_ns).count();
        let end = late + count;
        let first_ns = event_ns[late..end].iter().fold(i64::MAX, |first, &time_ns| first.min(time_ns));
        let mut until = late;
        let start = loop {
            let from = blocks.last().map_or(0, |block| block.rows.end);
            let start = from + event_ns[from..until].partition_point(|&time_ns| time_ns <= first_ns);
            match blocks.last() {
                Some(block) if start == from && block.last_ns > first_ns => until = block.rows.start,
                _ => break start,
            }
            blocks.pop();
        };
        blocks.push(Block { rows: start..end, last_ns });
        row = end;
        if row >= event_ns.len() {
            break;
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Row after row.
    fn rows(runs: &[Run], count: usize) -> Vec<usize> {
        let ends = runs.iter().skip(1).map(|run| run.place).chain([count]);
        runs.iter().zip(ends).flat_map(|(run, end)| run.row..run.row + end - run.place).collect()
    }

    proptest! {
        #[test]
        fn is_that_of_a_stable_sort(
            late in prop::collection::vec((0_usize..600, -300_i64..300), 0..40),
            count in 0_usize..600,
            step_ns in -1_i64..3,
        ) {
            let mut times: Vec<i64> = (0..count as i64).map(|row| row * step_ns / 2).collect();
            for (row, by_ns) in late {
                if let Some(time_ns) = times.get_mut(row) {
                    *time_ns += by_ns;
                }
            }
            let mut expected: Vec<usize> = (0..count).collect();
            expected.sort_by_key(|&row| times[row]);
            let runs = venue_order(&times);
            prop_assert_eq!(rows(&runs, count), expected.clone());
            for run in &runs {
                prop_assert_eq!(Some(run.row), expected.get(run.place).copied());
            }
            for pair in runs.windows(2) {
                prop_assert_eq!(Some(pair[0].lowest_behind), expected[pair[1].place..].iter().min().copied());
            }
        }
    }

    #[test]
    fn rows_in_order_are_one_run() {
        assert_eq!(venue_order(&[1, 1, 2, 5]), [Run { place: 0, row: 0, lowest_behind: usize::MAX }]);
        assert_eq!(venue_order(&[]), []);
        let late = venue_order(&[1, 4, 4, 6, 4, 7]);
        assert_eq!(rows(&late, 6), [0, 1, 2, 4, 3, 5]);
        assert_eq!(late.len(), 4);
    }
}
