//! Round trips: from flat to flat, read from the ledger's entries.

use super::{Entry, EntryKind, Ledger, Unit, mul_div};
use crate::instrument::SymbolId;
use crate::num::Cash;
use crate::order::PolicyId;

/// One policy's way from flat to flat in one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Whose.
    pub policy: PolicyId,
    /// Of what.
    pub symbol: SymbolId,
    /// +1 long, −1 short.
    pub direction: i8,
    /// Largest absolute position, in lots.
    pub size_max_lots: i64,
    /// Venue time of the first fill.
    pub entry_ns: i64,
    /// Venue time of the last one; `None` while open.
    pub exit_ns: Option<i64>,
    /// Lots that entered (in today's lots after a split) and the sum of price × lots.
    pub entry_lots: i64,
    /// Sum of price × lots of what entered, in price units.
    pub entry_price_lots: i128,
    /// Lots that left.
    pub exit_lots: i64,
    /// Sum of price × lots of what left, in price units.
    pub exit_price_lots: i128,
    /// Profit of what left, before fees.
    pub realised: Cash,
    /// Fees less rebates.
    pub fees: Cash,
    /// Dividends, funding and borrow cost, received less paid.
    pub cash_flows: Cash,
    /// Profit of what is still held, at the mark; 0 once closed.
    pub unrealised: Cash,
    /// Worst profit before fees at any mark or fill while open; never positive.
    pub mae: Cash,
    /// Best profit before fees at any mark or fill while open; never negative.
    pub mfe: Cash,
}

impl Trip {
    /// Profit net of fees, cash flows included; for an open trip at the mark.
    pub fn pnl(&self) -> Cash {
        self.realised + self.unrealised + self.cash_flows - self.fees
    }

    /// Whether it still holds something.
    pub fn is_open(&self) -> bool {
        self.exit_ns.is_none()
    }
}

/// What the walk through the entries knows of one position.
#[derive(Clone, Copy, Default)]
struct Walk {
    lots: i64,
    cost: Cash,
    trip: usize,
}

impl Trip {
    fn open(entry: &Entry, lots: i64) -> Trip {
        Trip {
            policy: entry.policy,
            symbol: entry.symbol,
            direction: lots.signum() as i8,
            size_max_lots: 0,
            entry_ns: entry.ts_event_ns,
            exit_ns: None,
            entry_lots: 0,
            entry_price_lots: 0,
            exit_lots: 0,
            exit_price_lots: 0,
            realised: 0,
            fees: 0,
            cash_flows: 0,
            unrealised: 0,
            mae: 0,
            mfe: 0,
        }
    }

    /// Extends the excursions by a price at which this position was held.
    fn touch(&mut self, unit: &Unit, lots: i64, cost: Cash, price_x2: i64) {
        if unit.is_inverse() && price_x2 <= 0 {
            return;
        }
        let profit = self.realised + unit.value_x2(price_x2, lots) - cost;
        self.mae = self.mae.min(profit);
        self.mfe = self.mfe.max(profit);
    }

    fn touch_range(&mut self, unit: &Unit, lots: i64, cost: Cash, low_x2: i64, high_x2: i64) {
        if low_x2 <= high_x2 {
            self.touch(unit, lots, cost, low_x2);
            self.touch(unit, lots, cost, high_x2);
        }
    }

    fn enter(&mut self, lots: i64, price: i64, lots_after: i64) {
        self.entry_lots += lots.abs();
        self.entry_price_lots += price as i128 * lots.abs() as i128;
        self.size_max_lots = self.size_max_lots.max(lots_after.abs());
    }

    fn leave(&mut self, lots: i64, price: i64) {
        self.exit_lots += lots.abs();
        self.exit_price_lots += price as i128 * lots.abs() as i128;
    }
}

impl Ledger {
    /// All round trips in the order in which they began, open ones included.
    ///
    /// A fill that turns a position ends one trip and begins the next; its fee is shared by size. Reversed fills never
    /// happened. The sum of `pnl` over an owner's trips is its profit.
    pub fn trips(&self) -> Vec<Trip> {
        let mut trips: Vec<Trip> = Vec::new();
        let mut walks = vec![Walk::default(); self.positions.len()];
        for entry in &self.entries {
            let walk = &mut walks[entry.policy as usize * self.symbols.len() + entry.symbol as usize];
            let unit = &self.symbols[entry.symbol as usize].unit;
            if walk.lots != 0 {
                trips[walk.trip].touch_range(unit, walk.lots, walk.cost, entry.low_x2, entry.high_x2);
            }
            let after = entry.replay(unit, walk.lots, walk.cost);
            match entry.kind {
                EntryKind::Fill { .. } if entry.is_reversed => {}
                EntryKind::Fill { .. } => book_fill(&mut trips, walk, entry, unit, after.realised),
                EntryKind::Settlement | EntryKind::Refund if walk.lots != 0 => {
                    let trip = &mut trips[walk.trip];
                    if entry.kind == EntryKind::Settlement {
                        trip.touch(unit, walk.lots, walk.cost, entry.price * 2);
                    }
                    trip.leave(walk.lots, entry.price);
                    trip.realised += after.realised;
                    trip.exit_ns = Some(entry.ts_event_ns);
                }
                EntryKind::Split { numerator, denominator } if walk.lots != 0 => {
                    let trip = &mut trips[walk.trip];
                    let scaled = |lots: i64| mul_div(lots as i128, numerator, denominator) as i64;
                    trip.entry_lots = scaled(trip.entry_lots);
                    trip.exit_lots = scaled(trip.exit_lots);
                    trip.size_max_lots = scaled(trip.size_max_lots).max(after.lots.abs());
                    trip.realised += after.realised;
                    if after.lots == 0 {
                        trip.exit_ns = Some(entry.ts_event_ns);
                    }
                }
                EntryKind::Dividend | EntryKind::Funding | EntryKind::Borrow if walk.lots != 0 => {
                    trips[walk.trip].cash_flows += entry.amount;
                }
                _ => {}
            }
            (walk.lots, walk.cost) = (after.lots, after.cost);
        }
        for (walk, position) in walks.iter().zip(&self.positions) {
            if walk.lots != 0 {
                let trip = &mut trips[walk.trip];
                let unit = &self.symbols[trip.symbol as usize].unit;
                trip.touch_range(unit, walk.lots, walk.cost, position.low_x2, position.high_x2);
                trip.unrealised = position.unrealised();
            }
        }
        trips
    }
}

/// Books a fill into the trip in progress, and into the next one where it turns the position.
fn book_fill(trips: &mut Vec<Trip>, walk: &mut Walk, entry: &Entry, unit: &Unit, realised: Cash) {
    let (held, lots) = (walk.lots, entry.lots);
    let closing = if held != 0 && (held > 0) != (lots > 0) { lots.abs().min(held.abs()) } else { 0 };
    let opening = lots.abs() - closing;
    let closing_fee = mul_div(entry.amount, closing, lots.abs());
    if closing > 0 {
        let trip = &mut trips[walk.trip];
        trip.touch(unit, held, walk.cost, entry.price * 2);
        trip.leave(closing, entry.price);
        trip.realised += realised;
        trip.fees += closing_fee;
        if closing == held.abs() {
            trip.exit_ns = Some(entry.ts_event_ns);
        }
    }
    if opening > 0 {
        if held == 0 || closing > 0 {
            walk.trip = trips.len();
            trips.push(Trip::open(entry, lots));
        }
        let trip = &mut trips[walk.trip];
        trip.enter(opening, entry.price, held + lots);
        trip.fees += entry.amount - closing_fee;
    }
}
