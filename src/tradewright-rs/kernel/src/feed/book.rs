//! Events of order books out of columns.

use super::Columns;
use super::convert::{COUNT_MAX, PASS_ROWS, ZERO, are_in_time, is_price, rounded, shift, ticks};
use super::shared::{Converted, Reader};
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

impl<'a> Source<'a> {
    pub(super) fn refill_book(&mut self, columns: &Columns<'_>, from: usize, to: usize) -> bool {
        let Some(all) = BookColumns::of(columns) else { return false };
        let columns = all.slice(from..to);
        self.refill_times(all.recv, from, to);
        let Chunk::Book(events) = &mut self.chunk else { return false };
        events.drain(..self.at);
        let is_first_good = columns.first_recv_ns() >= self.last_recv_ns;
        self.last_recv_ns = columns.last_recv_ns();
        is_first_good & convert_book(&columns, [self.scale, self.lot_scale], self.range, events, &mut self.shift_max)
    }

    /// The same series in order of the venue's time, to be read beside this one: each row is converted once, for both.
    /// `None` if it is no series of a book, or was read from.
    pub(super) fn by_venue_time(&mut self) -> Option<Source<'a>> {
        let columns = BookColumns::of(&self.columns).filter(|_| self.is_unread())?;
        let Chunk::Book(events) = &mut self.chunk else { return None };
        let (events, scales) = (std::mem::take(events), [self.scale, self.lot_scale]);
        let converted = Converted::new(columns, scales, self.range, events, self.last_recv_ns, self.shift_max);
        let [by_receipt, by_venue] = Reader::pair(converted);
        self.chunk = Chunk::Shared(by_receipt);
        Some(self.beside(Chunk::Shared(by_venue)))
    }
}

/// Some rows of a series of book events.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookColumns<'a> {
    recv: &'a [i64],
    event: &'a [i64],
    action: &'a [u8],
    side: &'a [i8],
    flags: &'a [u8],
    price: &'a [f64],
    size: &'a [f64],
    order_id: Option<&'a [u64]>,
}

impl<'a> BookColumns<'a> {
    /// A series of book events; `None` of another kind.
    fn of(columns: &Columns<'a>) -> Option<BookColumns<'a>> {
        let Columns::Book { ts_recv_ns, ts_event_ns, action, side, flags, price, size, order_id } = *columns else {
            return None;
        };
        let recv = ts_recv_ns.unwrap_or(ts_event_ns);
        Some(BookColumns { recv, event: ts_event_ns, action, side, flags, price, size, order_id })
    }

    pub(super) fn slice(&self, rows: std::ops::Range<usize>) -> BookColumns<'a> {
        BookColumns {
            recv: &self.recv[rows.clone()],
            event: &self.event[rows.clone()],
            action: &self.action[rows.clone()],
            side: &self.side[rows.clone()],
            flags: &self.flags[rows.clone()],
            price: &self.price[rows.clone()],
            size: &self.size[rows.clone()],
            order_id: self.order_id.map(|order_id| &order_id[rows]),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.event.len()
    }

    pub(super) fn event_ns(&self) -> &'a [i64] {
        self.event
    }

    /// When the first row was received; `i64::MAX` of no rows.
    pub(super) fn first_recv_ns(&self) -> i64 {
        self.recv.first().copied().unwrap_or(i64::MAX)
    }

    /// When the last row was received; `i64::MIN` of no rows.
    pub(super) fn last_recv_ns(&self) -> i64 {
        self.recv.last().copied().unwrap_or(i64::MIN)
    }
}

wide! {
    /// Appends the events; whether all of them can be used. `scales` take prices to price units and sizes to lots, and
    /// prices are in [`super::convert::price_range`]. Raises `shift_max` to the largest rounding of a price, in price
    /// units: only prints are rounded, since rounding would make one level of two.
    pub(super) fn convert_book(
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

/// The orders of events that are about none.
const NO_ORDERS: [u64; PASS_ROWS] = [0; PASS_ROWS];

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
        let order_id = columns.order_id.map_or(&NO_ORDERS[..rows.len()], |order_id| &order_id[rows.clone()]);
        let counts = prices.iter().zip(&*lots).zip(order_id);
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
