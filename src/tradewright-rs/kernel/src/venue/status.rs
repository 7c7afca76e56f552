//! What the venue does when trading pauses, resumes or ends, and when the tick grid changes.
//!
//! Status and grid are the venue's own, by its clock: the policy's market may not have heard of them yet.

use super::SimVenue;
use super::desk::price_reason;
use super::matcher::Matcher;
use super::working::Phase;
use crate::event::{Record, Status};
use crate::instrument::TickGrid;
use crate::market::{Market, SourceKind};
use crate::order::{Liquidity, OrderType, Reason, Side};

impl SimVenue {
    /// A change of status: a pause leaves resting orders in place, or cancels them if so configured; an end cancels them.
    pub(super) fn on_status(&mut self, record: &Record, status: Status, market: &Market) {
        let before = std::mem::replace(&mut self.desks[record.symbol as usize].status, status);
        match status {
            Status::Closed | Status::Resolved => self.cancel_symbol(record, Reason::InstrumentEnded),
            Status::Paused if self.config.cancel_on_pause => self.cancel_symbol(record, Reason::MarketClosed),
            Status::Open if before == Status::Paused => self.resume(record, market),
            Status::Paused | Status::Open => {}
        }
    }

    /// Trading resumes: a resting order that the book has come to meanwhile fills at its price, as its maker.
    ///
    /// On other data the next record meets it.
    fn resume(&mut self, record: &Record, market: &Market) {
        let desk = &mut self.desks[record.symbol as usize];
        if desk.source != Some(SourceKind::Book) || desk.orders.is_empty() {
            return;
        }
        // What an order of each side would meet.
        let opposite = [Side::Buy, Side::Sell].map(|side| desk.opposite(side, market, record.symbol));
        let instrument = &market.instruments[record.symbol as usize];
        let (mut matcher, _) = desk.matcher(&self.config, instrument, &mut self.out, record.ts_recv_ns);
        if let [Some(ask), Some(bid)] = opposite {
            matcher.note.mid_x2 = ask + bid;
        }
        matcher.resume(opposite, record.ts_event_ns);
        desk.remove_done();
        self.settle(record.symbol);
    }

    /// A new tick grid: orders off it stay where they are, or are cancelled if so configured.
    pub(super) fn on_grid(&mut self, record: &Record, grid: &TickGrid, market: &Market) {
        let desk = &mut self.desks[record.symbol as usize];
        desk.grid = Some(Box::new(grid.clone()));
        if !self.config.cancel_off_grid {
            return;
        }
        let instrument = &market.instruments[record.symbol as usize];
        let is_off = |price: i64| price_reason(instrument, grid, price) == Some(Reason::OffGrid);
        desk.cancel_where(record.ts_event_ns, record.ts_recv_ns, Reason::OffGrid, &mut self.out, |kind| match kind {
            OrderType::Limit { limit } => is_off(limit),
            OrderType::Stop { stop } => is_off(stop),
            OrderType::StopLimit { stop, limit } => is_off(stop) || is_off(limit),
            OrderType::Market | OrderType::TrailingStop { .. } => false,
        });
        self.settle(record.symbol);
    }
}

impl Matcher<'_> {
    /// Fills the resting orders that the best price of the other side has reached; `opposite` is by the order's side.
    fn resume(&mut self, opposite: [Option<i64>; 2], event_ns: i64) {
        for index in 0..self.orders.len() {
            let working = &self.orders[index];
            let Phase::Limit(limit) = working.phase() else { continue };
            let best = opposite[working.order.side as usize];
            if working.resting().is_some() && best.is_some_and(|price| working.within(limit, price)) {
                let mut unlimited = i64::MAX;
                self.fill(index, limit, event_ns, Liquidity::Maker, &mut unlimited);
            }
        }
    }
}
