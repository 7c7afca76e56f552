//! Requests that reach the venue: new orders, amendments, cancellations.

use super::SimVenue;
use super::books::{DeskBook, mid_x2};
use super::desk::{Desk, closed_reason, price_reason};
use super::quotes::Taken;
use super::working::{Phase, Working};
use crate::book::L2;
use crate::instrument::SymbolId;
use crate::market::{Market, SourceKind};
use crate::order::{Order, OrderId, OrderType, Reason, ReportKind};

/// A request on its way to the venue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// A new order.
    Submit(Order),
    /// A new price and total size for an order.
    Amend { order: OrderId, limit: i64, lots: i64, decided_ns: i64 },
    /// The end of an order.
    Cancel { order: OrderId },
}

impl SimVenue {
    /// Takes a request that has arrived.
    #[inline]
    pub(super) fn take(&mut self, request: Request, now_ns: i64, market: &Market) {
        match request {
            Request::Submit(order) => self.take_order(order, now_ns, market),
            Request::Cancel { order } => self.take_cancel(order, now_ns),
            Request::Amend { order, limit, lots, decided_ns } => {
                self.take_amend(order, limit, lots, decided_ns, now_ns, market);
            }
        }
    }

    fn take_order(&mut self, order: Order, now_ns: i64, market: &Market) {
        let symbol = order.symbol as usize;
        let mut working = Working::new(order, now_ns);
        let reason =
            order_reason(&order, &self.desks[symbol], now_ns, market).or_else(|| self.session_reason(&working, market));
        if let Some(reason) = reason {
            return self.out.send(order.id, now_ns, now_ns, ReportKind::Rejected(reason));
        }
        working.set_expiry(&market.instruments[symbol], now_ns);
        let state = &market.symbols[symbol];
        let desk = &mut self.desks[symbol];
        if desk.source == Some(SourceKind::Bar) && state.seen[SourceKind::Bar as usize] {
            working.follow(state.bar.close);
        }
        if working.expiry_ns != i64::MAX {
            let lag_ns = desk.bar_lag_ns(market, order.symbol);
            self.timers.insert((working.expiry_ns.saturating_add(lag_ns), order.symbol));
        }
        desk.orders.push(working);
        self.meet_market(order.symbol, now_ns, market);
    }

    /// Lets the youngest order of a symbol meet the quote in force; on other data it waits for the next record.
    fn meet_market(&mut self, symbol: SymbolId, now_ns: i64, market: &Market) {
        let desk = &mut self.desks[symbol as usize];
        let (source, state, own_feed) = (desk.source, &market.symbols[symbol as usize], self.has_own_feed);
        let instrument = &market.instruments[symbol as usize];
        let is_in_session = desk.is_displayed() && desk.is_in_session(instrument, now_ns);
        let index = desk.orders.len() - 1;
        if is_in_session
            && let Some((mut matcher, book)) = desk.fifo_matcher(&self.config, instrument, &mut self.out, now_ns)
        {
            matcher.note.mid_x2 = book.mid_x2();
            matcher.meet_displayed(index, now_ns, book);
            desk.remove_done();
            return self.settle(symbol);
        }
        if is_in_session && source == Some(SourceKind::Book) {
            let (mut matcher, book) = desk.book_matcher(&self.config, instrument, &mut self.out, now_ns);
            let DeskBook { own, taken } = book;
            let nothing;
            let levels = match own.as_ref().or_else(|| market.book(symbol)) {
                Some(levels) => levels,
                None => {
                    nothing = L2::new(0);
                    &nothing
                }
            };
            matcher.note.mid_x2 = mid_x2(levels);
            matcher.meet_depth(index, now_ns, levels, taken);
            desk.remove_done();
            return self.settle(symbol);
        }
        let (mut matcher, taken) = desk.matcher(&self.config, instrument, &mut self.out, now_ns);
        if is_in_session && state.seen[SourceKind::Quote as usize] {
            if !own_feed && !taken.is_of(&state.quote) {
                *taken = Taken::nothing_of(&state.quote);
            }
            matcher.note.mid_x2 = Desk::mid_x2(&state.quote);
            matcher.meet_quote_one(index, &state.quote, now_ns, taken);
        } else if is_in_session {
            matcher.meet_nothing(index, now_ns);
        } else if !matcher.orders[index].order.post_only {
            // A post-only order is accepted once it has met a price that it does not take.
            matcher.accept(index, now_ns);
        }
        // A flat position may have taken reduce-only orders with it.
        desk.remove_done();
        self.settle(symbol);
    }

    /// Quotes outside the session do not trade: what may not wait is refused. Bars are sessions by themselves.
    fn session_reason(&mut self, working: &Working, market: &Market) -> Option<Reason> {
        let symbol = working.order.symbol as usize;
        let desk = &mut self.desks[symbol];
        if !working.is_immediate() || !desk.is_displayed() {
            return None;
        }
        let is_in_session = desk.is_in_session(&market.instruments[symbol], working.arrived_ns);
        (!is_in_session).then_some(Reason::MarketClosed)
    }

    fn find(&self, order: OrderId) -> Option<(SymbolId, usize)> {
        let symbol = self.out.symbol_of(order)?;
        let index = self.desks[symbol as usize].orders.iter().position(|working| working.order.id == order)?;
        Some((symbol, index))
    }

    fn take_cancel(&mut self, order: OrderId, now_ns: i64) {
        let Some((symbol, index)) = self.find(order) else {
            return self.out.send(order, now_ns, now_ns, ReportKind::CancelRejected);
        };
        self.desks[symbol as usize].orders.remove(index);
        self.out.send(order, now_ns, now_ns, ReportKind::Cancelled(Reason::None));
        self.settle(symbol);
    }

    /// Less size at the same price keeps the order's place; anything else is a new order with the old id.
    fn take_amend(&mut self, order: OrderId, limit: i64, lots: i64, decided_ns: i64, now_ns: i64, market: &Market) {
        let refused = ReportKind::AmendRejected;
        let Some((symbol, index)) = self.find(order) else { return self.out.send(order, now_ns, now_ns, refused) };
        let desk = &mut self.desks[symbol as usize];
        let working = &desk.orders[index];
        let instrument = &market.instruments[symbol as usize];
        let old_limit = working.order.kind.limit();
        // What keeps its price and grows no larger stays where it is, also off a grid that has changed.
        let is_new_price = old_limit.is_some_and(|old| old != limit || lots > working.order.lots);
        let is_refused = lots <= 0
            || closed_reason(desk, market, symbol, now_ns).is_some()
            || (is_new_price && price_reason(instrument, desk.grid(instrument), limit).is_some());
        if is_refused {
            return self.out.send(order, now_ns, now_ns, refused);
        }
        let keeps_place = old_limit.is_none_or(|old| old == limit) && lots <= working.order.lots;
        let working = &desk.orders[index];
        if !keeps_place && working.order.post_only && desk.is_displayed() {
            let side = working.order.side;
            if desk.opposite(side, market, symbol).is_some_and(|price| working.within(limit, price)) {
                return self.out.send(order, now_ns, now_ns, refused);
            }
        }
        let working = &mut desk.orders[index];
        let lots = lots.max(working.filled);
        working.order.lots = lots;
        if let OrderType::Limit { limit: old } | OrderType::StopLimit { limit: old, .. } = &mut working.order.kind {
            *old = limit;
        }
        self.out.send(order, now_ns, now_ns, ReportKind::Amended { limit, lots });
        if working.remaining() == 0 {
            desk.orders.remove(index);
        } else if !keeps_place {
            let mut working = desk.orders.remove(index);
            (working.decided_ns, working.arrived_ns) = (decided_ns, now_ns);
            if matches!(working.phase(), Phase::Limit(_)) {
                working.has_rested = false;
            }
            desk.orders.push(working);
            self.meet_market(symbol, now_ns, market);
        }
        self.settle(symbol);
    }
}

/// Why the venue does not take an order, whatever the price.
#[inline]
fn order_reason(order: &Order, desk: &Desk, now_ns: i64, market: &Market) -> Option<Reason> {
    if let Some(reason) = closed_reason(desk, market, order.symbol, now_ns) {
        return Some(reason);
    }
    if order.lots <= 0 {
        return Some(Reason::BadSize);
    }
    let instrument = &market.instruments[order.symbol as usize];
    let check = |price| price_reason(instrument, desk.grid(instrument), price);
    match order.kind {
        OrderType::Market => None,
        OrderType::Limit { limit } => check(limit),
        OrderType::Stop { stop } => check(stop),
        OrderType::StopLimit { stop, limit } => check(stop).or_else(|| check(limit)),
        OrderType::TrailingStop { distance } => (distance <= 0).then_some(Reason::OutOfBounds),
    }
}
