//! A generated market as a venue: the kernel's orders are orders of a guest in its book.
//!
//! It has the methods of [`SimVenue`](crate::venue::SimVenue), and makes the feed too. Requests travel for the entry
//! latency, reports for the response latency; what the book shows is known at once.

use std::collections::BTreeMap;

use super::guests::Request;
use super::market::FlowMarket;
use crate::event::{BookRow, CashEvent, Payload, Record, Status};
use crate::instrument::{Instrument, SymbolId};
use crate::matching::{Change, Limit, Market, Outcome, OutcomeKind, Reject, Tif};
use crate::order::{Fill, Liquidity, Order, OrderId, OrderType, Reason, Report, ReportKind, TimeInForce};
use crate::venue::{FillNote, Latency, NO_MID};

/// Whose orders these are, for self-trade prevention.
const OWNER: u32 = 1;

/// Things due at a time, in (time, order of arrival).
type Due<T> = BTreeMap<(i64, u64), T>;

/// A request on its way.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Submit(Order),
    Amend { order: OrderId, limit: i64, lots: i64 },
    Cancel(OrderId),
}

/// An order as the exchange knows it.
#[derive(Clone, Copy, Debug)]
struct Guest {
    order: Order,
    is_open: bool,
    filled: i64,
    /// A reduce-only order was made smaller, to what there was to reduce.
    is_cut: bool,
    last_arrival_ns: i64,
    last_recv_ns: i64,
}

/// A generated market with room for the kernel's orders.
#[derive(Clone, Debug)]
pub struct Exchange {
    market: FlowMarket,
    instrument: Instrument,
    tick_units: i64,
    end_ns: i64,
    /// The same, in seconds from the start.
    end_s: f64,
    latency: Latency,
    decision_ns: i64,
    asks: Due<Ask>,
    reports: Due<Report>,
    /// Numbers both, so that what comes first stays first.
    count: u64,
    guests: BTreeMap<OrderId, Guest>,
    rows: Vec<BookRow>,
    /// What the book was like at each fill; the fill with id 1 first.
    notes: Vec<FillNote>,
    /// What its fills come to, in lots: what a reduce-only order may reduce.
    position: i64,
    /// When the last report of a fill is received.
    last_fill_recv_ns: i64,
    is_open: bool,
    is_close_told: bool,
    /// When a binary is settled, and at which price.
    settlement: Option<(i64, i64)>,
    unsupported: u64,
    /// Orders at any price that found an empty side, the oldest first: they wait for somebody to come.
    waiting: Vec<OrderId>,
}

impl Exchange {
    /// A market that is open until `end_ns`. Its snapshot is the first thing that it shows.
    pub fn new(
        mut market: FlowMarket,
        instrument: Instrument,
        tick_units: i64,
        end_ns: i64,
        latency: Latency,
        decision_ns: i64,
    ) -> Exchange {
        let mut rows = Vec::new();
        market.snapshot(&mut rows);
        let end_s = market.seconds_to(end_ns);
        Exchange {
            market,
            instrument,
            tick_units,
            end_ns,
            end_s,
            latency,
            decision_ns,
            asks: Due::new(),
            reports: Due::new(),
            count: 0,
            guests: BTreeMap::new(),
            rows,
            notes: Vec::new(),
            position: 0,
            last_fill_recv_ns: i64::MIN,
            is_open: true,
            is_close_told: false,
            settlement: None,
            unsupported: 0,
            waiting: Vec::new(),
        }
    }

    /// What the book was like at a fill, by the number that its report has.
    pub(super) fn note(&self, fill_id: u64) -> FillNote {
        self.notes[fill_id as usize - 1]
    }

    /// The market behind it.
    pub fn market(&self) -> &FlowMarket {
        &self.market
    }

    /// Orders that it could not take, because it knows no such orders.
    pub fn unsupported(&self) -> u64 {
        self.unsupported
    }

    /// When the book, or the venue beside it, says something next; `i64::MAX` after the end.
    pub fn next_ns(&self) -> i64 {
        match self.rows.first() {
            Some(row) => row.ts_recv_ns,
            None if self.is_open => self.market.next_ns().min(self.end_ns),
            None if !self.is_close_told => self.end_ns,
            None => self.settlement.map_or(i64::MAX, |(due_ns, _)| due_ns),
        }
    }

    /// Lets the flow go on up to `now_ns`, and hands out everything that the book has shown since the last time.
    pub fn advance(&mut self, now_ns: i64, shown: &mut Vec<BookRow>) {
        if self.is_open {
            while self.market.next_s() < self.end_s && self.market.next_ns() <= now_ns {
                let at_ns = self.market.next_ns();
                self.market.step(&mut self.rows);
                if !self.waiting.is_empty() {
                    self.report();
                    self.take_again(at_ns);
                }
            }
            self.report();
        }
        shown.append(&mut self.rows);
        if self.is_open && now_ns >= self.end_ns {
            self.close();
        }
    }

    /// Appends what the venue says beside the book, as far as it is due: that it has closed, and what a binary pays.
    pub fn notices(&mut self, now_ns: i64, symbol: SymbolId, out: &mut Vec<Record>) {
        if self.is_open {
            return;
        }
        let record = |ts_recv_ns, payload| Record { ts_recv_ns, ts_event_ns: self.end_ns, symbol, payload };
        if !self.is_close_told {
            self.is_close_told = true;
            out.push(record(self.end_ns, Payload::Status(Status::Closed)));
        }
        if let Some((due_ns, price)) = self.settlement.filter(|(due_ns, _)| *due_ns <= now_ns) {
            self.settlement = None;
            out.push(record(due_ns, Payload::Cash(CashEvent::Settlement { price, void: false })));
        }
    }

    /// The market ends: what stands is cancelled. A binary that is decided is settled once all fills were told.
    fn close(&mut self) {
        self.cancel_open(self.end_ns, Reason::InstrumentEnded);
        self.market.end(self.end_s);
        self.is_open = false;
        self.settlement = self.market.decided().map(|ticks| {
            let due_ns = self.end_ns.max(self.last_fill_recv_ns.saturating_add(1));
            (due_ns, ticks * self.tick_units)
        });
    }

    /// Sends a new order on its way.
    pub fn submit(&mut self, order: &Order) {
        let (last_arrival_ns, last_recv_ns) = (i64::MIN, i64::MIN);
        let guest = Guest { order: *order, is_open: false, filled: 0, is_cut: false, last_arrival_ns, last_recv_ns };
        self.guests.insert(order.id, guest);
        self.send(order.id, order.decided_ns, Ask::Submit(*order));
    }

    /// Sends an amendment on its way: a new limit and a new total size.
    pub fn amend(&mut self, order: OrderId, limit: i64, lots: i64, decided_ns: i64) {
        self.send(order, decided_ns, Ask::Amend { order, limit, lots });
    }

    /// Sends a cancellation on its way.
    pub fn cancel(&mut self, order: OrderId, decided_ns: i64) {
        self.send(order, decided_ns, Ask::Cancel(order));
    }

    /// When the next request arrives; `i64::MAX` when none is under way.
    pub fn next_arrival_ns(&self) -> i64 {
        self.asks.first_key_value().map_or(i64::MAX, |(&(due_ns, _), _)| due_ns)
    }

    /// Lets every request with arrival at or before `now_ns` meet the book, which the flow has left as it was then.
    pub fn arrive(&mut self, now_ns: i64) {
        while let Some(due) = self.asks.first_entry().filter(|due| due.key().0 <= now_ns) {
            let ((arrival_ns, _), ask) = due.remove_entry();
            match ask {
                Ask::Submit(order) => self.take_order(&order, arrival_ns),
                Ask::Amend { order, limit, lots } => self.take_amend(order, limit, lots, arrival_ns),
                Ask::Cancel(order) => self.take_cancel(order, arrival_ns, Reason::None),
            }
            self.report();
            if let Ask::Submit(order) = ask {
                self.end_cut(order.id, arrival_ns);
            }
        }
    }

    /// When the next report is received; `i64::MAX` when none is under way.
    pub fn next_report_ns(&self) -> i64 {
        self.reports.first_key_value().map_or(i64::MAX, |(&(due_ns, _), _)| due_ns)
    }

    /// Appends the reports received at or before `now_ns`, in order of (receive time, sequence).
    pub fn pop_reports(&mut self, now_ns: i64, out: &mut Vec<Report>) {
        while let Some(due) = self.reports.first_entry().filter(|due| due.key().0 <= now_ns) {
            out.push(due.remove());
        }
    }

    /// The run is over: cancels what stands and what has not arrived.
    pub fn end_run(&mut self, now_ns: i64) {
        self.cancel_open(now_ns, Reason::RunEnded);
        for ask in std::mem::take(&mut self.asks).into_values() {
            if let Ask::Submit(order) = ask {
                self.answer(order.id, now_ns, ReportKind::Cancelled(Reason::RunEnded));
            }
        }
    }

    fn cancel_open(&mut self, now_ns: i64, reason: Reason) {
        let open: Vec<OrderId> = self.guests.iter().filter(|(_, guest)| guest.is_open).map(|(&id, _)| id).collect();
        for order in open {
            self.take_cancel(order, now_ns, reason);
        }
        // What the cancellations changed is shown to nobody: the market has ended.
        self.rows.clear();
    }

    fn send(&mut self, order: OrderId, decided_ns: i64, ask: Ask) {
        let mut arrival_ns = decided_ns + self.decision_ns + self.latency.entry_ns(order, decided_ns);
        if let Some(guest) = self.guests.get_mut(&order) {
            // No request overtakes another about the same order.
            arrival_ns = arrival_ns.max(guest.last_arrival_ns);
            guest.last_arrival_ns = arrival_ns;
        }
        self.count += 1;
        self.asks.insert((arrival_ns, self.count), ask);
    }

    fn answer(&mut self, order: OrderId, event_ns: i64, kind: ReportKind) {
        let mut recv_ns = event_ns + self.latency.response_ns(order, event_ns);
        if let Some(guest) = self.guests.get_mut(&order) {
            recv_ns = recv_ns.max(guest.last_recv_ns);
            guest.last_recv_ns = recv_ns;
        }
        if matches!(kind, ReportKind::Filled(_)) {
            self.last_fill_recv_ns = self.last_fill_recv_ns.max(recv_ns);
        }
        self.count += 1;
        self.reports.insert((recv_ns, self.count), Report { order, ts_event_ns: event_ns, ts_recv_ns: recv_ns, kind });
    }

    fn take_order(&mut self, order: &Order, now_ns: i64) {
        let request = if self.is_open { self.request_of(order) } else { Err(Reason::InstrumentEnded) };
        let done = request.and_then(|request| {
            self.market.request(now_ns, &request, &mut self.rows).map_err(|reject| match reject {
                Reject::WouldTake => Reason::PostOnlyWouldTake,
                Reject::Unfillable => Reason::FokUnfilled,
                Reject::Size => Reason::BadSize,
                Reject::Price => Reason::OutOfBounds,
                _ => Reason::Venue,
            })
        });
        match done {
            Err(reason) => {
                self.unsupported += u64::from(reason == Reason::Venue);
                self.answer(order.id, now_ns, ReportKind::Rejected(reason));
            }
            Ok(()) => {
                if let Some(guest) = self.guests.get_mut(&order.id) {
                    guest.is_open = true;
                }
                self.answer(order.id, now_ns, ReportKind::Accepted);
            }
        }
    }

    /// What the engine is asked for. It knows no trailing stops, no orders that end with a day, and none that rest and
    /// only reduce.
    fn request_of(&mut self, order: &Order) -> Result<Request, Reason> {
        let side = order.side;
        let id = u64::from(order.id);
        let tif = match (order.post_only, order.tif) {
            (true, TimeInForce::Gtc) => Tif::PostOnly,
            (false, TimeInForce::Gtc) => Tif::Gtc,
            (false, TimeInForce::Ioc) => Tif::Ioc,
            (false, TimeInForce::Fok) => Tif::Fok,
            _ => return Err(Reason::Venue),
        };
        let size = if order.reduce_only { self.reducible(order, tif)? } else { order.lots };
        let market = Market { id, side, size, owner: OWNER };
        let limit = |price| Limit { id, side, price, size, owner: OWNER, tif, peak: 0 };
        match order.kind {
            OrderType::Market | OrderType::Stop { .. } if tif == Tif::Fok || tif == Tif::PostOnly => Err(Reason::Venue),
            OrderType::Market => Ok(Request::Market(market)),
            OrderType::Limit { limit: price } => Ok(Request::Limit(limit(self.ticks(price)?))),
            OrderType::Stop { stop } => Ok(Request::Stop(market, self.ticks(stop)?)),
            OrderType::StopLimit { stop, limit: price } => {
                Ok(Request::StopLimit(limit(self.ticks(price)?), self.ticks(stop)?))
            }
            OrderType::TrailingStop { .. } => Err(Reason::Venue),
        }
    }

    /// How much of an order that only reduces is left to do. It trades at once or not at all, so that the position
    /// cannot change under it.
    fn reducible(&mut self, order: &Order, tif: Tif) -> Result<i64, Reason> {
        let is_immediate = match order.kind {
            OrderType::Market => true,
            OrderType::Limit { .. } => matches!(tif, Tif::Ioc | Tif::Fok),
            _ => false,
        };
        if !is_immediate {
            return Err(Reason::Venue);
        }
        let left = -order.side.sign() * self.position;
        if left <= 0 {
            return Err(Reason::NothingToReduce);
        }
        if let Some(guest) = self.guests.get_mut(&order.id).filter(|_| left < order.lots) {
            guest.is_cut = true;
            guest.order.lots = left;
        }
        Ok(left.min(order.lots))
    }

    /// The rest of an order that was made smaller, once it has done what there was to do.
    fn end_cut(&mut self, order: OrderId, now_ns: i64) {
        if let Some(guest) = self.guests.get_mut(&order).filter(|guest| guest.is_cut)
            && guest.filled == guest.order.lots
        {
            guest.is_cut = false;
            self.answer(order, now_ns, ReportKind::Cancelled(Reason::NothingToReduce));
        }
    }

    /// Orders that wait take what has come.
    fn take_again(&mut self, now_ns: i64) {
        for id in std::mem::take(&mut self.waiting) {
            let Some(guest) = self.guests.get(&id).copied().filter(|guest| guest.is_open) else { continue };
            let order = guest.order;
            let mut size = order.lots - guest.filled;
            if order.reduce_only {
                size = size.min(-order.side.sign() * self.position);
            }
            if size <= 0 {
                if let Some(guest) = self.guests.get_mut(&id) {
                    guest.is_open = false;
                }
                self.answer(id, now_ns, ReportKind::Cancelled(Reason::NothingToReduce));
            } else if self.market.engine().best(order.side.opposite()).is_none() {
                self.waiting.push(id);
            } else {
                let request = Request::Market(Market { id: u64::from(id), side: order.side, size, owner: OWNER });
                // What the engine took as a new order it takes again.
                if self.market.request(now_ns, &request, &mut self.rows).is_ok() {
                    self.report();
                    self.end_cut(id, now_ns);
                }
            }
        }
    }

    /// A price in ticks of the book, if an order may have it.
    fn ticks(&self, price: i64) -> Result<i64, Reason> {
        let (lowest, highest) = self.instrument.bounds_ticks.unwrap_or((1, i64::MAX));
        if price < lowest || price > highest {
            return Err(Reason::OutOfBounds);
        }
        if price % self.tick_units == 0 { Ok(price / self.tick_units) } else { Err(Reason::OffGrid) }
    }

    fn take_amend(&mut self, order: OrderId, limit: i64, lots: i64, now_ns: i64) {
        let Some(guest) = self.guests.get(&order).copied().filter(|guest| guest.is_open) else {
            return self.answer(order, now_ns, ReportKind::AmendRejected);
        };
        let price = guest.order.kind.limit().map(|_| self.ticks(limit)).transpose();
        let done = price.and_then(|price| {
            let change = Change { price, size: Some(lots), stop: None };
            let request = Request::Amend(u64::from(order), change);
            self.market.request(now_ns, &request, &mut self.rows).map_err(|_| Reason::Venue)
        });
        match done {
            Err(_) => self.answer(order, now_ns, ReportKind::AmendRejected),
            Ok(()) => {
                if let Some(guest) = self.guests.get_mut(&order) {
                    guest.order.lots = lots;
                }
                self.answer(order, now_ns, ReportKind::Amended { limit, lots });
            }
        }
    }

    fn take_cancel(&mut self, order: OrderId, now_ns: i64, reason: Reason) {
        let before = self.waiting.len();
        self.waiting.retain(|&waiting| waiting != order);
        let done = if self.waiting.len() < before {
            Ok(())
        } else {
            self.market.request(now_ns, &Request::Cancel(u64::from(order)), &mut self.rows)
        };
        match (done, self.guests.get_mut(&order)) {
            (Ok(()), Some(guest)) => {
                guest.is_open = false;
                self.answer(order, now_ns, ReportKind::Cancelled(reason));
            }
            _ => self.answer(order, now_ns, ReportKind::CancelRejected),
        }
    }

    /// Reports what happened in the book to the kernel's orders.
    fn report(&mut self) {
        for fill in self.market.guest_fills() {
            let order = fill.id as OrderId;
            let price = fill.price * self.tick_units;
            let liquidity = if fill.is_maker { Liquidity::Maker } else { Liquidity::Taker };
            let fee = self.instrument.fee(fill.at_ns, price, fill.size, fill.is_maker);
            self.notes.push(FillNote {
                mid_x2: fill.mid_x2.map_or(NO_MID, |mid_x2| mid_x2 * self.tick_units),
                ahead_lots: fill.ahead.map_or(f64::NAN, |lots| lots as f64),
            });
            if let Some(guest) = self.guests.get_mut(&order) {
                guest.filled += fill.size;
                self.position += fill.side.sign() * fill.size;
                guest.is_open = guest.filled < guest.order.lots;
            }
            let fill_id = self.notes.len() as u64;
            self.answer(
                order,
                fill.at_ns,
                ReportKind::Filled(Fill { fill_id, price, lots: fill.size, fee, liquidity }),
            );
        }
        for (at_ns, Outcome { id, kind, .. }) in self.market.guest_outcomes() {
            let order = id as OrderId;
            let guest = self.guests.get(&order).map(|guest| (guest.order, guest.filled));
            let at_any_price = guest.filter(|(order, _)| order.kind.limit().is_none());
            let reason = match kind {
                OutcomeKind::Triggered | OutcomeKind::Decremented => continue,
                OutcomeKind::Unfilled if at_any_price.is_some_and(|(order, _)| order.tif == TimeInForce::Gtc) => {
                    self.waiting.push(order);
                    continue;
                }
                OutcomeKind::Unfilled if at_any_price.is_some_and(|(_, filled)| filled == 0) => Reason::NoPrice,
                OutcomeKind::Unfilled => Reason::IocRemainder,
                OutcomeKind::WouldTake => Reason::PostOnlyWouldTake,
                OutcomeKind::Unfillable => Reason::FokUnfilled,
                OutcomeKind::SelfTrade => Reason::SelfTrade,
                OutcomeKind::Full => Reason::Venue,
            };
            if let Some(guest) = self.guests.get_mut(&order) {
                guest.is_open = false;
            }
            self.answer(order, at_ns, ReportKind::Cancelled(reason));
        }
    }
}
