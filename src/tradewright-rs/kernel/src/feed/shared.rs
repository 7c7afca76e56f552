//! Rows of a book for two readers: by receipt and by the venue's clock. Each row is converted once.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use super::book::{BookColumns, convert_book};
use super::source::CHUNK_ROWS;
use super::venue_order::{Run, venue_order};
use crate::event::BookRow;

/// The rows that have been converted and that a reader still wants.
#[derive(Debug)]
pub(super) struct Converted<'a> {
    pub(super) columns: BookColumns<'a>,
    pub(super) scales: [f64; 2],
    pub(super) range: [f64; 2],
    pub(super) rows: Vec<BookRow>,
    pub(super) last_recv_ns: i64,
    pub(super) shift_max: f64,
    /// Row of the series that is the first of these.
    first: usize,
    /// The lowest row that each reader still wants.
    wanted: [usize; 2],
    /// Scratch: rows of one time that stand apart.
    together: Vec<BookRow>,
}

impl<'a> Converted<'a> {
    /// The first rows of a series, converted already.
    pub(super) fn new(
        columns: BookColumns<'a>,
        scales: [f64; 2],
        range: [f64; 2],
        rows: Vec<BookRow>,
        last_recv_ns: i64,
        shift_max: f64,
    ) -> Converted<'a> {
        let (wanted, together) = ([0, 0], Vec::new());
        Converted { columns, scales, range, rows, last_recv_ns, shift_max, first: 0, wanted, together }
    }

    /// Converts the rows before this one, a chunk at a time; or the rows among which one cannot be used.
    fn convert_until(&mut self, row: usize) -> Result<(), Range<usize>> {
        while self.first + self.rows.len() < row {
            let spent = self.wanted[0].min(self.wanted[1]) - self.first;
            if spent >= 2 * CHUNK_ROWS && spent >= self.rows.len() / 4 * 3 {
                self.rows.drain(..spent);
                self.first += spent;
            }
            let from = self.first + self.rows.len();
            let chunk = from..self.columns.len().min(from + CHUNK_ROWS);
            let columns = self.columns.slice(chunk.clone());
            let is_first_good = columns.first_recv_ns() >= self.last_recv_ns;
            self.last_recv_ns = columns.last_recv_ns();
            if !is_first_good | !convert_book(&columns, self.scales, self.range, &mut self.rows, &mut self.shift_max) {
                return Err(chunk);
            }
        }
        Ok(())
    }

    fn get(&self, rows: Range<usize>) -> &[BookRow] {
        &self.rows[rows.start - self.first..rows.end - self.first]
    }
}

/// One of the two readers.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    converted: Rc<RefCell<Converted<'a>>>,
    /// The venue's order; `None` reads the rows as they stand.
    order: Option<Vec<Run>>,
    /// Place of the first row of the chunk.
    first: usize,
}

impl<'a> Reader<'a> {
    /// A reader in order of receipt and one in the venue's.
    pub(super) fn pair(converted: Converted<'a>) -> [Reader<'a>; 2] {
        let order = venue_order(converted.columns.event_ns());
        let converted = Rc::new(RefCell::new(converted));
        let other = Rc::clone(&converted);
        [Reader { converted, order: None, first: 0 }, Reader { converted: other, order: Some(order), first: 0 }]
    }

    /// Lets go of the places handed out and gets more ready; appends their times, and that of the one behind them.
    pub(super) fn refill(
        &mut self,
        spent: usize,
        places: Range<usize>,
        times: &mut Vec<i64>,
    ) -> Result<(), Range<usize>> {
        self.first += spent;
        let mut converted = self.converted.borrow_mut();
        let rows = converted.columns.len();
        let with_behind = places.start..rows.min(places.end + 1);
        let (is_venue, wanted) = match &self.order {
            None => (false, self.first),
            Some(order) => (true, run_at(order, self.first).map_or(rows, |at| order[at].lowest_at(self.first))),
        };
        converted.wanted[usize::from(is_venue)] = wanted;
        for piece in self.pieces(with_behind.clone()) {
            converted.convert_until(piece.end)?;
        }
        for piece in self.pieces(with_behind) {
            let rows = converted.get(piece);
            if is_venue {
                times.extend(rows.iter().map(|row| row.ts_event_ns));
            } else {
                times.extend(rows.iter().map(|row| row.ts_recv_ns));
            }
        }
        if places.end == rows {
            times.push(i64::MAX);
        }
        Ok(())
    }

    /// Hands out rows of the chunk that come at one time, at once.
    pub(super) fn hand_out(&self, places: Range<usize>, receive: impl FnOnce(&[BookRow])) {
        let mut pieces = self.pieces(self.first + places.start..self.first + places.end);
        let Some(Range { start, end }) = pieces.next() else { return };
        let mut converted = self.converted.borrow_mut();
        let Converted { rows, first, together, .. } = &mut *converted;
        let piece = &rows[start - *first..end - *first];
        match pieces.next() {
            None => receive(piece),
            Some(next) => {
                together.clear();
                together.extend_from_slice(piece);
                for Range { start, end } in std::iter::once(next).chain(pieces) {
                    together.extend_from_slice(&rows[start - *first..end - *first]);
                }
                receive(together);
            }
        }
    }

    pub(super) fn shift_max(&self) -> f64 {
        self.converted.borrow().shift_max
    }

    /// The rows at some places, neighbours together.
    fn pieces(&self, places: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let order = self.order.as_deref();
        let mut at = order.and_then(|order| run_at(order, places.start)).unwrap_or(0);
        let mut place = places.start;
        std::iter::from_fn(move || {
            if place >= places.end {
                return None;
            }
            let Some(order) = order else {
                return Some(std::mem::replace(&mut place, places.end)..places.end);
            };
            let run = order[at];
            let end = order.get(at + 1).map_or(places.end, |next| next.place.min(places.end));
            let (start, count) = (run.row_at(place), end - place);
            (at, place) = (at + 1, end);
            Some(start..start + count)
        })
    }
}

/// The run that has a place.
fn run_at(order: &[Run], place: usize) -> Option<usize> {
    order.partition_point(|run| run.place <= place).checked_sub(1)
}
