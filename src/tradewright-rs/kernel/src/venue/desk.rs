//! What the venue keeps of one symbol.

use super::books::DeskBook;
use super::config::VenueConfig;
use super::costs::CostState;
use super::fifo::{FifoBook, OrdersBook};
use super::matcher::Matcher;
use super::outbox::{FillNote, NO_MID, Outbox};
use super::quotes::Taken;
use super::working::Working;
use crate::book::Book;
use crate::event::{Quote, Status};
use crate::instrument::{Instrument, Session, SymbolId, TickGrid};
use crate::ledger::Unit;
use crate::market::{Market, SourceKind};
use crate::order::{OrderType, Reason, ReportKind, Side, TimeInForce};

const NO_NOTE: FillNote = FillNote { mid_x2: NO_MID, ahead_lots: f64::NAN };

/// One symbol's orders, position and measurements.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    /// In order of arrival; an amendment that loses priority goes to the end.
    pub(super) orders: Vec<Working>,
    /// How lots and prices make money.
    pub(super) unit: Unit,
    /// Sum of our own fills, in lots.
    pub(super) position: i64,
    /// What matches here; `None` until declared or seen.
    pub(super) source: Option<SourceKind>,
    pub(super) taken: Taken,
    pub(super) costs: CostState,
    /// The venue's book, where there are events of one.
    pub(super) book: Option<Box<DeskBook>>,
    /// Whether the market's levels are the venue's too.
    pub(super) shares_levels: bool,
    /// Whether the instrument trades, by the venue's clock.
    pub(super) status: Status,
    /// The tick grid, once it has changed.
    pub(super) grid: Option<Box<TickGrid>>,
    /// The same where its events are of single orders.
    pub(super) orders_book: Option<Box<OrdersBook>>,
    session: Session,
}

impl Desk {
    pub(super) fn new(instrument: &Instrument) -> Desk {
        Desk {
            orders: Vec::new(),
            unit: Unit::of(instrument),
            position: 0,
            source: None,
            taken: Taken::nothing_of(&Quote::default()),
            costs: CostState::default(),
            book: None,
            shares_levels: false,
            status: Status::Open,
            grid: None,
            orders_book: None,
            session: Session { open_ns: i64::MAX, close_ns: i64::MIN },
        }
    }

    pub(super) fn matcher<'a>(
        &'a mut self,
        config: &'a VenueConfig,
        instrument: &'a Instrument,
        out: &'a mut Outbox,
        known_ns: i64,
    ) -> (Matcher<'a>, &'a mut Taken) {
        let pays_spread = !self.is_displayed();
        let Desk { orders, unit, position, costs, taken, .. } = self;
        (
            Matcher { config, instrument, unit, orders, position, costs, out, known_ns, pays_spread, note: NO_NOTE },
            taken,
        )
    }

    /// The same for a book.
    pub(super) fn book_matcher<'a>(
        &'a mut self,
        config: &'a VenueConfig,
        instrument: &'a Instrument,
        out: &'a mut Outbox,
        known_ns: i64,
    ) -> (Matcher<'a>, &'a mut DeskBook) {
        let Desk { orders, unit, position, costs, book, shares_levels, .. } = self;
        let book = book.get_or_insert_with(|| Box::new(DeskBook::new(*shares_levels)));
        (
            Matcher {
                config,
                instrument,
                unit,
                orders,
                position,
                costs,
                out,
                known_ns,
                pays_spread: false,
                note: NO_NOTE,
            },
            book,
        )
    }

    /// The same for a book of orders that is met order by order.
    pub(super) fn fifo_matcher<'a>(
        &'a mut self,
        config: &'a VenueConfig,
        instrument: &'a Instrument,
        out: &'a mut Outbox,
        known_ns: i64,
    ) -> Option<(Matcher<'a>, &'a mut FifoBook)> {
        let Desk { orders, unit, position, costs, orders_book, .. } = self;
        let Some(OrdersBook::Exact(book)) = orders_book.as_deref_mut() else { return None };
        let note = NO_NOTE;
        Some((
            Matcher { config, instrument, unit, orders, position, costs, out, known_ns, pays_spread: false, note },
            book,
        ))
    }

    /// Whether orders meet prices that are displayed, and so wait for no record.
    #[inline]
    pub(super) fn is_displayed(&self) -> bool {
        matches!(self.source, Some(SourceKind::Quote | SourceKind::Book))
    }

    /// The best price that an order of this side would take; `None` where nothing is shown.
    pub(super) fn opposite(&self, side: Side, market: &Market, symbol: SymbolId) -> Option<i64> {
        if let Some(OrdersBook::Exact(book)) = self.orders_book.as_deref() {
            return book.orders.best(side.opposite()).map(|level| level.price);
        }
        if let Some(book) = &self.book {
            return book.levels(market, symbol)?.best(side.opposite()).map(|level| level.price);
        }
        let state = &market.symbols[symbol as usize];
        let price = if side == Side::Buy { state.quote.ask } else { state.quote.bid };
        let is_there = price != i64::MAX && price != i64::MIN && state.seen[SourceKind::Quote as usize];
        is_there.then_some(price)
    }

    /// Twice the mid of the quote in force; [`NO_MID`] without one.
    #[inline]
    pub(super) fn mid_x2(quote: &Quote) -> i64 {
        if quote.bid > i64::MIN && quote.ask < i64::MAX && quote.ask > 0 { quote.bid + quote.ask } else { NO_MID }
    }

    /// Whether the instrument is in session; remembers the session for the next call.
    #[inline]
    pub(super) fn is_in_session(&mut self, instrument: &Instrument, now_ns: i64) -> bool {
        if self.session.open_ns <= now_ns && now_ns < self.session.close_ns {
            return true;
        }
        match instrument.session_at(now_ns) {
            Some(session) => {
                self.session = session;
                true
            }
            None => false,
        }
    }

    /// How long the latest bar took to reach us: the last one of a day may still be on its way for as long.
    pub(super) fn bar_lag_ns(&self, market: &Market, symbol: SymbolId) -> i64 {
        let state = &market.symbols[symbol as usize];
        if self.source != Some(SourceKind::Bar) || !state.seen[SourceKind::Bar as usize] {
            return 0;
        }
        (state.bar.ts_recv_ns - state.bar.ts_event_ns).max(0)
    }

    pub(super) fn remove_done(&mut self) {
        if self.orders.iter().any(|working| working.is_done) {
            self.orders.retain(|working| !working.is_done);
        }
    }

    /// Ends what was to end at or before `until_ns`.
    pub(super) fn expire(&mut self, until_ns: i64, known_ns: i64, out: &mut Outbox) {
        for working in &mut self.orders {
            if working.expiry_ns <= until_ns {
                working.is_done = true;
                let event_ns = working.expiry_ns.max(working.arrived_ns);
                out.send(working.order.id, event_ns, known_ns, working.ending());
            }
        }
        self.remove_done();
    }

    /// The tick grid in force.
    #[inline]
    pub(super) fn grid<'a>(&'a self, instrument: &'a Instrument) -> &'a TickGrid {
        self.grid.as_deref().unwrap_or(&instrument.grid)
    }

    /// Cancels orders of the kinds that are asked for.
    pub(super) fn cancel_where(
        &mut self,
        event_ns: i64,
        known_ns: i64,
        reason: Reason,
        out: &mut Outbox,
        is_wanted: impl Fn(OrderType) -> bool,
    ) {
        for working in self.orders.iter_mut().filter(|working| is_wanted(working.order.kind)) {
            working.is_done = true;
            out.send(working.order.id, event_ns.max(working.arrived_ns), known_ns, ReportKind::Cancelled(reason));
        }
        self.remove_done();
    }

    /// Cancels everything.
    pub(super) fn cancel_all(&mut self, event_ns: i64, known_ns: i64, reason: Reason, out: &mut Outbox) {
        for working in self.orders.drain(..) {
            out.send(working.order.id, event_ns.max(working.arrived_ns), known_ns, ReportKind::Cancelled(reason));
        }
    }
}

impl Working {
    /// How it ends when its time is up: a day order expires, others end with their instrument.
    fn ending(&self) -> ReportKind {
        if self.is_day_end {
            ReportKind::Expired(Reason::DayEnded)
        } else {
            ReportKind::Cancelled(Reason::InstrumentEnded)
        }
    }

    /// When an order accepted at `now_ns` ends by itself.
    pub(super) fn set_expiry(&mut self, instrument: &Instrument, now_ns: i64) {
        let instrument_ns = instrument.expiry_ns.unwrap_or(i64::MAX);
        let day_ns = if self.order.tif == TimeInForce::Day { instrument.day_end_ns(now_ns) } else { i64::MAX };
        self.expiry_ns = instrument_ns.min(day_ns);
        self.is_day_end = day_ns < instrument_ns;
    }
}

/// Why an instrument takes no order now.
pub(super) fn closed_reason(desk: &Desk, market: &Market, symbol: SymbolId, now_ns: i64) -> Option<Reason> {
    if market.instruments[symbol as usize].expiry_ns.is_some_and(|expiry_ns| expiry_ns <= now_ns) {
        return Some(Reason::InstrumentEnded);
    }
    match desk.status {
        Status::Open => None,
        Status::Paused => Some(Reason::MarketClosed),
        Status::Closed | Status::Resolved => Some(Reason::InstrumentEnded),
    }
}

/// Whether the instrument takes an order with this price.
pub(super) fn price_reason(instrument: &Instrument, grid: &TickGrid, price: i64) -> Option<Reason> {
    let (lowest, highest) = instrument.bounds_ticks.unwrap_or((1, i64::MAX));
    if price < lowest || price > highest {
        return Some(Reason::OutOfBounds);
    }
    (!grid.allows(price)).then_some(Reason::OffGrid)
}
