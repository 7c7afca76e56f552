//! One symbol's orders against one record: what every kind of data shares.

use super::config::VenueConfig;
use super::costs::{CostState, worse_price};
use super::outbox::{FillNote, Outbox};
use super::working::{Phase, Working};
use crate::instrument::Instrument;
use crate::ledger::Unit;
use crate::order::{Fill, Liquidity, Reason, ReportKind, TimeInForce};

/// The orders of one symbol while a record, or an arrival, meets them.
pub(super) struct Matcher<'a> {
    pub(super) config: &'a VenueConfig,
    pub(super) instrument: &'a Instrument,
    pub(super) unit: &'a Unit,
    pub(super) orders: &'a mut Vec<Working>,
    /// The account's position as the venue sees it: the sum of its own fills.
    pub(super) position: &'a mut i64,
    pub(super) costs: &'a CostState,
    pub(super) out: &'a mut Outbox,
    /// Nobody could know before: when the record that causes the reports was received.
    pub(super) known_ns: i64,
    /// Whether takers pay a half-spread on top of the price (quotes have theirs inside).
    pub(super) pays_spread: bool,
    /// What a fill is noted with: the mid before this record, and what stands before the order that it fills.
    pub(super) note: FillNote,
}

impl Matcher<'_> {
    /// Reports on the order at `index`, not before it arrived.
    pub(super) fn report(&mut self, index: usize, event_ns: i64, kind: ReportKind) {
        let working = &self.orders[index];
        self.out.send(working.order.id, event_ns.max(working.arrived_ns), self.known_ns, kind);
    }

    /// Ends an order without a fill.
    pub(super) fn end(&mut self, index: usize, event_ns: i64, kind: ReportKind) {
        self.orders[index].is_done = true;
        self.report(index, event_ns, kind);
    }

    /// Ends an order for a reason that is a rejection before it was accepted and a cancellation afterwards.
    pub(super) fn refuse(&mut self, index: usize, event_ns: i64, reason: Reason) {
        let is_accepted = self.orders[index].is_accepted;
        let kind = if is_accepted { ReportKind::Cancelled(reason) } else { ReportKind::Rejected(reason) };
        self.end(index, event_ns, kind);
    }

    /// Says that the venue has the order, unless it has said so.
    #[inline]
    pub(super) fn accept(&mut self, index: usize, event_ns: i64) {
        if !self.orders[index].is_accepted && !self.orders[index].is_done {
            self.orders[index].is_accepted = true;
            self.report(index, event_ns, ReportKind::Accepted);
        }
    }

    /// Cancels what may not wait: the rest of an immediate order.
    pub(super) fn end_immediate(&mut self, index: usize, event_ns: i64) {
        let working = &self.orders[index];
        if working.is_done {
            return;
        }
        match working.order.tif {
            TimeInForce::Ioc => self.end(index, event_ns, ReportKind::Cancelled(Reason::IocRemainder)),
            TimeInForce::Fok => self.end(index, event_ns, ReportKind::Cancelled(Reason::FokUnfilled)),
            TimeInForce::Gtc | TimeInForce::Day => {}
        }
    }

    /// Meets one price. The order takes if it has just come, or was just triggered; a resting limit makes.
    ///
    /// A limit that the price is better than fills at the price, unless `at_limit` says that it rests in a queue.
    pub(super) fn meet(&mut self, index: usize, price: i64, event_ns: i64, at_limit: bool, budget: &mut i64) {
        let working = &mut self.orders[index];
        if working.is_done {
            return;
        }
        working.trigger(price);
        match working.phase() {
            Phase::Market => self.fill(index, price, event_ns, Liquidity::Taker, budget),
            Phase::Limit(limit) if working.within(limit, price) => {
                if working.has_rested {
                    let price = if at_limit { limit } else { price };
                    self.fill(index, price, event_ns, Liquidity::Maker, budget);
                } else if working.order.post_only {
                    self.refuse(index, event_ns, Reason::PostOnlyWouldTake);
                } else {
                    self.fill(index, price, event_ns, Liquidity::Taker, budget);
                }
            }
            Phase::Limit(_) => self.end_immediate(index, event_ns),
            Phase::Stop(_) | Phase::Follow => working.follow(price),
        }
        self.accept(index, event_ns);
        self.orders[index].has_rested = matches!(self.orders[index].phase(), Phase::Limit(_));
    }

    /// Fills what size, budget and reduce-only allow, and ends what may not wait.
    pub(super) fn fill(&mut self, index: usize, price: i64, event_ns: i64, liquidity: Liquidity, budget: &mut i64) {
        let order = self.orders[index].order;
        let mut wanted = self.orders[index].remaining();
        if order.reduce_only {
            wanted = wanted.min(-order.side.sign() * *self.position);
            if wanted <= 0 {
                return self.refuse(index, event_ns, Reason::NothingToReduce);
            }
        }
        let lots = wanted.min(*budget);
        if lots <= 0 || (order.tif == TimeInForce::Fok && lots < wanted) {
            return self.end_immediate(index, event_ns);
        }
        let before = *self.position;
        self.book_fill(index, price, event_ns, liquidity, lots);
        *budget = budget.saturating_sub(lots);
        if !self.orders[index].is_done {
            self.end_immediate(index, event_ns);
        }
        self.cancel_reducers(before, event_ns);
    }

    /// Fills so many lots.
    pub(super) fn book_fill(&mut self, index: usize, price: i64, event_ns: i64, liquidity: Liquidity, lots: i64) {
        let (order, arrived_ns) = (self.orders[index].order, self.orders[index].arrived_ns);
        let price = match liquidity {
            Liquidity::Maker => price,
            Liquidity::Taker => self.taker_price(index, price, lots),
        };
        let event_ns = event_ns.max(arrived_ns);
        let is_maker = liquidity == Liquidity::Maker;
        let fee = self.instrument.fee_on(event_ns, price, lots, is_maker, || self.unit.value(price, lots));
        let fill = Fill { fill_id: self.out.next_fill_id(self.note), price, lots, fee, liquidity };
        self.out.send(order.id, event_ns, self.known_ns, ReportKind::Filled(fill));
        *self.position += order.side.sign() * lots;
        let working = &mut self.orders[index];
        working.filled += lots;
        working.is_accepted = true;
        working.is_done = working.remaining() == 0;
    }

    /// If the position of before is gone, so are the orders that were to reduce it.
    pub(super) fn cancel_reducers(&mut self, before: i64, event_ns: i64) {
        if before == 0 || before.signum() == self.position.signum() {
            return;
        }
        for index in 0..self.orders.len() {
            let working = &self.orders[index];
            if working.order.reduce_only && !working.is_done && working.order.side.sign() == -before.signum() {
                self.refuse(index, event_ns, Reason::NothingToReduce);
            }
        }
    }

    /// The price with spread and impact against the taker, never beyond its limit.
    #[inline]
    fn taker_price(&mut self, index: usize, price: i64, lots: i64) -> i64 {
        let costs = &self.config.costs;
        if costs.is_free() {
            return price;
        }
        let order = &self.orders[index].order;
        let mut bps = if self.pays_spread { self.costs.half_spread_bps(costs) } else { 0.0 };
        match self.costs.impact_bps(self.instrument.size(lots), costs) {
            Some(impact_bps) => bps += impact_bps,
            None => self.out.fills_without_impact += 1,
        }
        let worse = worse_price(self.instrument, price, order.side, bps);
        match (order.kind.limit(), order.side.sign()) {
            (None, _) => worse,
            (Some(limit), 1) => worse.min(limit),
            (Some(limit), _) => worse.max(limit),
        }
    }
}

/// How many lots a recorded size lets us take: unlimited where the size is not known.
#[inline]
pub(super) fn share_lots(instrument: &Instrument, size: f64, participation_max: Option<f64>) -> i64 {
    let share = size * participation_max.unwrap_or(1.0);
    if share.is_nan() { i64::MAX } else { instrument.lot_size.count_towards_zero(share).unwrap_or(i64::MAX) }
}
