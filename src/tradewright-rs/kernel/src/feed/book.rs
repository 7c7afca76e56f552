//! Events of order books out of columns.

use super::Columns;
use super::convert::{COUNT_MAX, PASS_ROWS, ZERO, are_in_time, is_price, rounded, shift, ticks};
use super::source::{Chunk, Source};
use crate::book::{Action, BookEvent};
use crate::event::BookRow;
use crate::order::Side;
use crate::wide::wide;

/// The side of each code of a column, as a byte.
const SIDES: [Option<Side>; 256] = {
    let mut sides = [None; 256];
    sides[1] = Some(Side::Buy);
    sides[-1_i8 as u8 as usize] = Some(Side::Sell);
    sides
};

/// The action of each code; one that is unknown is refused anyway.
const ACTIONS: [Action; 256] = {
    let mut actions = [Action::Clear; 256];
    let mut code = 0;
    while code < 256 {
        if let Some(action) = Action::from_code(code as u8) {
            actions[code] = action;
        }
        code += 1;
    }
    actions
};

impl Source<'_> {
    pub(super) fn refill_book(&mut self, columns: &Columns<'_>, from: usize, to: usize) -> bool {
        let Columns::Book { ts_recv_ns, ts_event_ns, action, side, flags, price, size, order_id, order } = *columns
        else {
            return false;
        };
        let recv = ts_recv_ns.unwrap_or(ts_event_ns);
        let behind_ns = if to < self.rows { recv[columns.row_at(to)] } else { i64::MAX };
        let all = BookColumns { recv, event: ts_event_ns, action, side, flags, price, size, order_id };
        let gathered;
        let columns = match order.map(|order| &order[from..to]) {
            None => all.slice(from..to),
            Some(order) if follow_each_other(order) => all.slice(order[0] as usize..order[0] as usize + order.len()),
            Some(order) => {
                gathered = Gathered::of(&all, order);
                gathered.columns()
            }
        };
        self.append_times(columns.recv.iter().copied(), behind_ns);
        let Chunk::Book(events) = &mut self.chunk else { return false };
        events.drain(..self.at);
        let is_first_good = columns.recv.first().is_none_or(|&first| first >= self.last_recv_ns);
        self.last_recv_ns = columns.recv.last().copied().unwrap_or(self.last_recv_ns);
        is_first_good & convert_book(&columns, [self.scale, self.lot_scale], self.range, events, &mut self.shift_max)
    }
}

/// Whether some rows are neighbours, as all but a few are in any order that is nearly that of the columns.
fn follow_each_other(rows: &[i64]) -> bool {
    !rows.is_empty() && rows.windows(2).all(|pair| pair[0].wrapping_add(1) == pair[1])
}

/// Some rows of a series of book events.
struct BookColumns<'a> {
    recv: &'a [i64],
    event: &'a [i64],
    action: &'a [u8],
    side: &'a [i8],
    flags: &'a [u8],
    price: &'a [f64],
    size: &'a [f64],
    order_id: &'a [u64],
}

impl<'a> BookColumns<'a> {
    fn slice(&self, rows: std::ops::Range<usize>) -> BookColumns<'a> {
        BookColumns {
            recv: &self.recv[rows.clone()],
            event: &self.event[rows.clone()],
            action: &self.action[rows.clone()],
            side: &self.side[rows.clone()],
            flags: &self.flags[rows.clone()],
            price: &self.price[rows.clone()],
            size: &self.size[rows.clone()],
            order_id: &self.order_id[rows],
        }
    }
}

/// Rows that stand apart, brought together.
struct Gathered {
    recv: Vec<i64>,
    event: Vec<i64>,
    action: Vec<u8>,
    side: Vec<i8>,
    flags: Vec<u8>,
    price: Vec<f64>,
    size: Vec<f64>,
    order_id: Vec<u64>,
}

impl Gathered {
    fn of(all: &BookColumns<'_>, rows: &[i64]) -> Gathered {
        fn take<T: Copy>(column: &[T], rows: &[i64]) -> Vec<T> {
            rows.iter().map(|&row| column[row as usize]).collect()
        }
        Gathered {
            recv: take(all.recv, rows),
            event: take(all.event, rows),
            action: take(all.action, rows),
            side: take(all.side, rows),
            flags: take(all.flags, rows),
            price: take(all.price, rows),
            size: take(all.size, rows),
            order_id: take(all.order_id, rows),
        }
    }

    fn columns(&self) -> BookColumns<'_> {
        BookColumns {
            recv: &self.recv,
            event: &self.event,
            action: &self.action,
            side: &self.side,
            flags: &self.flags,
            price: &self.price,
            size: &self.size,
            order_id: &self.order_id,
        }
    }
}

wide! {
    /// Appends the events; whether all of them can be used. `scales` take prices to price units and sizes to lots, and
    /// prices are in [`super::convert::price_range`]. Raises `shift_max` to the largest rounding of a price, in price
    /// units: only prints are rounded, since rounding would make one level of two.
    fn convert_book(
        columns: &BookColumns<'_>, scales: [f64; 2], range: [f64; 2], events: &mut Vec<BookRow>, shift_max: &mut f64,
    ) -> bool = book_of
}

/// What is to be known of an action's code: bits, found in one look.
const KNOWN: u8 = 1;
const PRICED: u8 = 2;
const SIGNED: u8 = 4;
/// An execution may say where it was: worth keeping for an order that the book does not know.
const TOLD: u8 = 8;
/// Prints stand beside the book: they may be anywhere, such as at a mid.
const PRINT: u8 = 16;
const TRAITS: [u8; 256] = {
    let mut traits = [0; 256];
    let mut code = 0;
    while code < 256 {
        if let Some(action) = Action::from_code(code as u8) {
            let own = match action {
                Action::Change => SIGNED,
                Action::Execute => TOLD,
                Action::Trade | Action::Fill => PRINT,
                _ => 0,
            };
            traits[code] = KNOWN | own | if action.has_price() { PRICED } else { 0 };
        }
        code += 1;
    }
    traits
};

/// How far from a whole count a float may be that stands for one: its own noise.
pub(super) const NOISE: f64 = 1e-3;

#[inline(always)]
fn book_of(
    columns: &BookColumns<'_>,
    scales: [f64; 2],
    range: [f64; 2],
    events: &mut Vec<BookRow>,
    shift_max: &mut f64,
) -> bool {
    let (recv, event) = (columns.recv, columns.event);
    let mut is_good = are_in_time(recv, event);
    // Sides are −1, 0 and 1.
    is_good &= columns.side.iter().fold(true, |good, side| good & ((*side as u8).wrapping_add(1) <= 2));
    let (mut prices, mut lots) = ([0.0; PASS_ROWS], [0.0; PASS_ROWS]);
    let mut from = 0;
    while from < recv.len() {
        let rows = from..recv.len().min(from + PASS_ROWS);
        let (prices, lots) = (&mut prices[..rows.len()], &mut lots[..rows.len()]);
        let (price, size) = (&columns.price[rows.clone()], &columns.size[rows.clone()]);
        let action = &columns.action[rows.clone()];
        let (mut all, mut any) = (TRAITS[Action::Set as usize], 0);
        // Levels set and prints are nearly all there is, and need no look each.
        if action.iter().fold(0, |highest, code| highest.max(*code)) > Action::Set as u8 {
            for action in action {
                let traits = TRAITS[*action as usize];
                (all, any) = (all & traits, any | traits);
            }
        }
        is_good &= all & KNOWN != 0;
        let rounding = shift(price, scales[0], prices, 0.0);
        is_good &= shift(size, scales[1], lots, 0.0) <= NOISE;
        if rounding > NOISE {
            for ((shifted, price), code) in prices.iter().zip(price).zip(action) {
                let (traits, moved) = (TRAITS[*code as usize], (price * scales[0] - rounded(*shifted)).abs());
                is_good &= (moved <= NOISE) | (traits & PRICED == 0) | (traits & PRINT != 0);
                if traits & PRICED != 0 && moved > *shift_max {
                    *shift_max = moved;
                }
            }
        }
        if all & PRICED != 0 {
            is_good &= prices.iter().fold(true, |good, price| good & is_price(*price, range));
        } else {
            for (shifted, code) in prices.iter_mut().zip(action) {
                let traits = TRAITS[*code as usize];
                if traits & PRICED == 0 {
                    if traits & TOLD == 0 || !is_price(*shifted, range) {
                        *shifted = ZERO;
                    }
                    continue;
                }
                is_good &= is_price(*shifted, range);
            }
        }
        for lots in &*lots {
            is_good &= rounded(*lots).abs() < COUNT_MAX;
        }
        if any & SIGNED == 0 {
            is_good &= size.iter().fold(true, |good, size| good & (*size >= 0.0));
        } else {
            for (size, action) in size.iter().zip(action) {
                is_good &= (*size >= 0.0) | (TRAITS[*action as usize] & SIGNED != 0);
            }
        }
        let times = recv[rows.clone()].iter().zip(&event[rows.clone()]);
        let kinds = action.iter().zip(&columns.side[rows.clone()]).zip(&columns.flags[rows.clone()]);
        let counts = prices.iter().zip(&*lots).zip(&columns.order_id[rows.clone()]);
        events.extend(times.zip(kinds).zip(counts).map(
            |(((recv, event), ((action, side), flags)), ((price, lots), order_id))| BookRow {
                ts_recv_ns: *recv,
                ts_event_ns: *event,
                event: BookEvent {
                    action: ACTIONS[*action as usize],
                    side: SIDES[*side as u8 as usize],
                    flags: *flags,
                    price: ticks(*price),
                    lots: ticks(*lots),
                    order_id: *order_id,
                    sequence: 0,
                },
            },
        ));
        from = rows.end;
    }
    is_good
}
