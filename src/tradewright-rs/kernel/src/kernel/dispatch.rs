//! Through the gate, and out: orders, amendments, cancellations, and what is refused on the way.

use super::{Amendment, Answer, Kernel};
use crate::gate::{Approved, OpenOrders, Refusal, Review};
use crate::host::{Host, HostError};
use crate::instrument::SymbolId;
use crate::intent::{Command, QuoteSide};
use crate::order::{
    InFlight, Order, OrderId, OrderStatus, OrderType, Origin, PolicyId, Reason, Report, ReportKind, Side, TimeInForce,
};

/// A new order before it has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    /// Side.
    pub(super) side: Side,
    /// Lots.
    pub(super) lots: i64,
    /// Type, prices in price units.
    pub(super) kind: OrderType,
    /// Time in force.
    pub(super) tif: TimeInForce,
    /// Refused rather than take.
    pub(super) post_only: bool,
    /// Never opens or turns a position.
    pub(super) reduce_only: bool,
    /// Which intent wants it.
    pub(super) origin: Origin,
}

impl Draft {
    /// Good till cancelled, and nothing else asked of it.
    pub(super) fn limit(side: Side, lots: i64, limit: i64, origin: Origin) -> Draft {
        let (kind, tif) = (OrderType::Limit { limit }, TimeInForce::Gtc);
        Draft { side, lots, kind, tif, post_only: false, reduce_only: false, origin }
    }
}

impl Kernel {
    /// 6–7. Through the gate, and out.
    pub(super) fn send<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        draft: Draft,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let Draft { side, lots, kind, tif, post_only, reduce_only, origin } = draft;
        let id = self.state.orders.next_id();
        let decided_ns = self.state.market.now_ns;
        let order = Order { id, policy, symbol, side, lots, kind, tif, post_only, reduce_only, decided_ns };
        let (state, has_managers) = (&self.state, self.has_managers);
        let verdict = self.gate.review(&order, &state.ledger, &state.market, &state.orders, |order| {
            if has_managers { host.review(order, state) } else { Ok(Review::Allow) }
        })?;
        match verdict {
            Ok(approved) => self.dispatch(approved, origin, commands),
            Err(refusal) => self.note_refusal(order, origin, refusal),
        }
        Ok(())
    }

    pub(super) fn dispatch(&mut self, approved: Approved, origin: Origin, commands: &mut Vec<Command>) {
        let order = *approved.order();
        let id = self.state.orders.insert(order, origin);
        if let Some(journal) = &mut self.journal {
            journal.sent(&order, origin, approved.shrunk());
        }
        if let Some(shrunk) = approved.shrunk() {
            // Targets compare with what they asked for, or they would ask again at every wake.
            self.state.orders.states[id as usize].made_for_lots = shrunk.asked_lots;
            self.shrinks.push((id, shrunk.clone()));
        }
        let slot = self.slot(order.policy, order.symbol);
        self.targets[slot].refused[order.side as usize] = None;
        self.counters.sent += 1;
        commands.push(Command::Submit(approved));
    }

    pub(super) fn note_refusal(&mut self, order: Order, origin: Origin, refusal: Refusal) {
        let slot = self.slot(order.policy, order.symbol);
        let is_target = is_of_target(origin);
        self.wait_for_wake(order.policy, order.symbol);
        if is_target && self.is_refused_again(slot, &order, origin, &refusal) {
            return;
        }
        self.state.orders.insert_refused(order, origin, refusal.reason);
        if let Some(journal) = &mut self.journal {
            journal.refused(&order, origin, &refusal);
        }
        if is_target {
            self.targets[slot].refused[order.side as usize] = Some(self.refusals.len() as u32);
        }
        self.refusals.push((order.id, refusal));
    }

    /// Whether a target that stands asks for the order that was refused before, for the same reason: it is counted there.
    fn is_refused_again(&mut self, slot: usize, order: &Order, origin: Origin, refusal: &Refusal) -> bool {
        let Some(at) = self.targets[slot].refused[order.side as usize] else { return false };
        let (id, before) = &mut self.refusals[at as usize];
        let state = &mut self.state.orders.states[*id as usize];
        let (id, decided_ns) = (order.id, order.decided_ns);
        let is_same = state.origin == origin && Order { id, decided_ns, ..state.order } == *order;
        if state.status != OrderStatus::Refused || !is_same || !before.is_like(refusal) {
            return false;
        }
        before.repeats += 1;
        state.updated_ns = decided_ns;
        true
    }

    /// Notes the answer to an amendment.
    pub(super) fn answer_amendment(&mut self, report: &Report) {
        let answer = match report.kind {
            ReportKind::Amended { .. } => Answer::Amended,
            ReportKind::AmendRejected => Answer::Rejected,
            _ => return,
        };
        let Some(at) = self.amending.iter().position(|&at| self.amendments[at].order == report.order) else { return };
        let amendment = &mut self.amendments[self.amending.remove(at)];
        (amendment.answer, amendment.answered_ns) = (answer, report.ts_recv_ns);
        if answer == Answer::Amended {
            // Targets compare with what they asked for, whatever a risk manager made of it.
            self.state.orders.states[report.order as usize].made_for_lots = amendment.asked_lots;
        }
    }

    /// Refuses what cannot become an order; it is written down as it was asked for, as near as ticks come to it.
    pub(super) fn refuse_draft(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        draft: Draft,
        reason: Reason,
        value: f64,
        text: String,
    ) {
        let Draft { side, lots, kind, tif, post_only, reduce_only, origin } = draft;
        let id = self.state.orders.next_id();
        let decided_ns = self.state.market.now_ns;
        let order = Order { id, policy, symbol, side, lots, kind, tif, post_only, reduce_only, decided_ns };
        let refusal = Refusal { reason, value, limit: f64::NAN, policy: Some(policy), text, repeats: 0 };
        self.note_refusal(order, origin, refusal);
    }

    pub(super) fn refuse_price(&mut self, policy: PolicyId, symbol: SymbolId, draft: Draft, price: f64) {
        let unit = self.state.market.instruments[symbol as usize].price_unit.to_f64();
        let text = format!("price {price} is not a multiple of the price unit {unit}");
        self.refuse_draft(policy, symbol, draft, Reason::OffGrid, price, text);
    }

    /// Price and lots of a quote; `None` where its size is none, or where it is refused.
    pub(super) fn quote_in_ticks(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        side: Side,
        quote: QuoteSide,
    ) -> Option<(i64, i64)> {
        let QuoteSide { price, size } = quote;
        let instrument = &self.state.market.instruments[symbol as usize];
        let lots = instrument.lot_size.count_towards_zero(size).filter(|_| size >= 0.0);
        let unit = instrument.price_unit;
        let draft = |lots| {
            let nearest = unit.count_nearest(price).unwrap_or(0);
            Draft { post_only: true, ..Draft::limit(side, lots, nearest, Origin::Quotes) }
        };
        match (lots, unit.count_exact(price)) {
            (Some(0), _) => None,
            (Some(lots), Some(ticks)) => Some((ticks, lots)),
            (Some(lots), None) => {
                self.refuse_price(policy, symbol, draft(lots), price);
                None
            }
            (None, _) => {
                let text = format!("size {size} is not a size that can be shown; 0 or None shows none");
                self.refuse_draft(policy, symbol, draft(0), Reason::BadSize, size, text);
                None
            }
        }
    }

    /// Refuses two quotes that would trade with each other: price and lots of the bid and of the ask.
    pub(super) fn refuse_crossed(&mut self, policy: PolicyId, symbol: SymbolId, bid: (i64, i64), ask: (i64, i64)) {
        let [below, above] = [bid, ask].map(|(price, _)| self.state.market.instruments[symbol as usize].price(price));
        let text = format!("the bid of {below} is not below the ask of {above}");
        for (side, (price, lots), value) in [(Side::Buy, bid, below), (Side::Sell, ask, above)] {
            let draft = Draft { post_only: true, ..Draft::limit(side, lots, price, Origin::Quotes) };
            self.refuse_draft(policy, symbol, draft, Reason::Contradiction, value, text.clone());
        }
    }

    pub(super) fn cancel(&mut self, order: OrderId, reason: Reason, commands: &mut Vec<Command>) {
        let state = self.state.orders.get(order);
        if !state.status.is_open() || state.in_flight == InFlight::Cancel {
            return;
        }
        self.state.orders.set_in_flight(order, InFlight::Cancel, reason);
        if let Some(journal) = &mut self.journal {
            journal.cancel(self.state.market.now_ns, order, reason);
        }
        self.counters.cancels += 1;
        commands.push(Command::Cancel(order));
    }

    pub(super) fn amend_as_written<H: Host>(
        &mut self,
        order: OrderId,
        size: Option<f64>,
        limit: Option<f64>,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let state = self.state.orders.get(order);
        let instrument = &self.state.market.instruments[state.order.symbol as usize];
        let lots = match size {
            None => Some(state.order.lots),
            Some(size) => instrument.lot_size.count_exact(size).filter(|&lots| lots > 0),
        };
        let (old, has_limit) = (state.order.kind.limit().unwrap_or(0), state.order.kind.limit().is_some());
        let ticks = match limit {
            None => Some(old),
            Some(limit) => instrument.price_unit.count_exact(limit).filter(|_| has_limit),
        };
        if !state.status.is_open() {
            return Ok(());
        }
        match (lots, ticks) {
            (Some(lots), Some(ticks)) => return self.amend(order, ticks, lots, host, commands),
            (None, _) => {
                let text = "an amendment's size is a positive multiple of the lot size".to_owned();
                self.note_amend_refusal(order, Reason::BadSize, size.unwrap_or(f64::NAN), text);
            }
            (_, None) => {
                let text =
                    if has_limit { "not a multiple of the price unit" } else { "the order has no limit to amend" };
                self.note_amend_refusal(order, Reason::OffGrid, limit.unwrap_or(f64::NAN), text.to_owned());
            }
        }
        Ok(())
    }

    pub(super) fn note_amend_refusal(&mut self, id: OrderId, reason: Reason, value: f64, text: String) {
        let policy = Some(self.state.orders.get(id).order.policy);
        self.keep_as_it_is(id, Refusal { reason, value, limit: f64::NAN, policy, text, repeats: 0 });
    }

    /// An order that cannot be amended so stays as it is, and its reason says why.
    pub(super) fn keep_as_it_is(&mut self, id: OrderId, refusal: Refusal) {
        let state = self.state.orders.get(id);
        let (order, is_target) = (state.order, is_of_target(state.origin));
        let slot = self.slot(order.policy, order.symbol);
        let latest = self.targets[slot].refused[order.side as usize].filter(|_| is_target);
        if let Some((known, before)) = latest.and_then(|at| self.refusals.get_mut(at as usize))
            && *known == id
            && before.is_like(&refusal)
        {
            before.repeats += 1;
            return;
        }
        if let Some(journal) = &mut self.journal {
            journal.refused(&order, Origin::Submit, &refusal);
        }
        self.state.orders.states[id as usize].reason = refusal.reason;
        if is_target {
            self.targets[slot].refused[order.side as usize] = Some(self.refusals.len() as u32);
        }
        self.refusals.push((id, refusal));
    }

    pub(super) fn amend<H: Host>(
        &mut self,
        id: OrderId,
        limit: i64,
        lots: i64,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let state = &self.state;
        let working = state.orders.get(id);
        if !working.status.is_open() || working.in_flight != InFlight::None {
            return Ok(());
        }
        let has_managers = self.has_managers;
        let verdict =
            self.gate.review_amend(id, limit, lots, &state.ledger, &state.market, &state.orders, |order| {
                if has_managers { host.review(order, state) } else { Ok(Review::Allow) }
            })?;
        match verdict {
            Ok(approved) => {
                let (decided_ns, asked_lots, lots) = (self.state.market.now_ns, lots, approved.lots());
                self.state.orders.set_in_flight(id, InFlight::Amend { limit, lots }, Reason::None);
                if let Some(journal) = &mut self.journal {
                    journal.amend(decided_ns, id, limit, lots, approved.shrunk());
                }
                let (answer, answered_ns) = (Answer::Pending, i64::MIN);
                self.amending.push(self.amendments.len());
                self.amendments.push(Amendment { order: id, decided_ns, limit, lots, asked_lots, answer, answered_ns });
                self.counters.sent += 1;
                commands.push(Command::Amend(approved));
            }
            Err(refusal) => self.keep_as_it_is(id, refusal),
        }
        Ok(())
    }
}

/// Whether an order comes from a target, which asks again at each wake.
fn is_of_target(origin: Origin) -> bool {
    matches!(origin, Origin::Position | Origin::Quotes)
}
