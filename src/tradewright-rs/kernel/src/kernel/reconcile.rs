//! From what is wanted to what has to be sent: the difference, and nothing else.

use super::Kernel;
use super::dispatch::Draft;
use super::targets::{PositionTarget, QuotesTarget, own_side};
use crate::gate::{LOTS_MAX, OpenOrders};
use crate::host::{Host, HostError};
use crate::instrument::SymbolId;
use crate::intent::{Command, Intent, Replace};
use crate::journal::Decision;
use crate::ledger::Ledger;
use crate::order::{InFlight, OrderId, OrderState, OrderType, Origin, PolicyId, Reason, Side, TimeInForce};
use crate::orders::Orders;

impl Kernel {
    /// 3–4. Asks every woken policy once.
    pub(super) fn decide<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        self.any_woken = false;
        for policy in 0..self.policies.len() {
            if self.policies[policy].fired.is_empty() {
                continue;
            }
            std::mem::swap(&mut self.state.woken_by, &mut self.policies[policy].fired);
            self.policies[policy].fired.clear();
            let policy = policy as PolicyId;
            self.counters.decisions += 1;
            let mut intents = std::mem::take(&mut self.intents);
            intents.clear();
            let decided = host.decide(policy, &self.state, &mut intents);
            if decided.is_ok() {
                if self.journal.is_some() {
                    self.journal_decision(policy, &intents);
                }
                let outcome = self.follow(policy, &intents, host, commands);
                self.intents = intents;
                outcome?;
            } else {
                self.intents = intents;
            }
            decided?;
        }
        self.state.woken_by.clear();
        Ok(())
    }

    pub(super) fn journal_decision(&mut self, policy: PolicyId, intents: &[Intent]) {
        let watched: Vec<f64> =
            self.policies[policy as usize].spec.watched.iter().map(|&node| self.state.graph.value(node)).collect();
        if let Some(journal) = &mut self.journal {
            journal.decision(&Decision {
                now_ns: self.state.market.now_ns,
                policy,
                woken_by: &self.state.woken_by,
                watched: &watched,
                intents,
                next_order: self.state.orders.next_id(),
            });
        }
    }

    /// 5. Takes a policy's intents and sends the difference to what already works.
    pub(super) fn follow<H: Host>(
        &mut self,
        policy: PolicyId,
        intents: &[Intent],
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        // A wake gives targets that were refused or rejected another chance.
        if !self.policies[policy as usize].unsettled.is_empty() {
            let mut unsettled = std::mem::take(&mut self.policies[policy as usize].unsettled);
            for &symbol in &unsettled {
                let slot = self.slot(policy, symbol);
                self.targets[slot].waits = false;
                if self.is_unreached(policy, symbol) {
                    self.reconsider.push((policy, symbol));
                }
            }
            unsettled.clear();
            self.policies[policy as usize].unsettled = unsettled;
        }
        for intent in intents {
            match *intent {
                Intent::TargetPosition { symbol, size, limit, passive } => {
                    self.target_position(policy, symbol, size, limit, passive, host, commands)?;
                }
                Intent::TargetQuotes { symbol, bid, ask, replace } => {
                    let bid = bid.and_then(|quote| self.quote_in_ticks(policy, symbol, Side::Buy, quote));
                    let ask = ask.and_then(|quote| self.quote_in_ticks(policy, symbol, Side::Sell, quote));
                    let mut target = QuotesTarget { bid, ask, replace };
                    if let (Some(bid), Some(ask)) = (target.bid, target.ask)
                        && bid.0 >= ask.0
                    {
                        self.refuse_crossed(policy, symbol, bid, ask);
                        (target.bid, target.ask) = (None, None);
                    }
                    self.stand(policy, symbol, target);
                    self.reconcile_quotes(policy, symbol, &target, host, commands)?;
                }
                Intent::Submit { symbol, side, size, request, tif, post_only, reduce_only } => {
                    let instrument = &self.state.market.instruments[symbol as usize];
                    let lots = instrument.lot_size.count_exact(size).filter(|&lots| lots > 0);
                    let kind = request.in_ticks(|price| instrument.price_unit.count_exact(price));
                    let nearly = request.in_ticks(|price| instrument.price_unit.count_nearest(price));
                    let asked = kind.or(nearly).unwrap_or(OrderType::Market);
                    let origin = Origin::Submit;
                    let draft =
                        Draft { side, lots: lots.unwrap_or(0), kind: asked, tif, post_only, reduce_only, origin };
                    match (lots, kind) {
                        (Some(_), Ok(_)) => self.send(policy, symbol, draft, host, commands)?,
                        (None, _) => {
                            let text = format!("size {size} is not a positive multiple of the lot size");
                            self.refuse_draft(policy, symbol, draft, Reason::BadSize, size, text);
                        }
                        (Some(_), Err(price)) => self.refuse_price(policy, symbol, draft, price),
                    }
                }
                Intent::Cancel { order } => {
                    if self.owns(policy, order) {
                        self.cancel(order, Reason::PolicyCancelled, commands);
                    }
                }
                Intent::Amend { order, size, limit } => {
                    if self.owns(policy, order) {
                        self.amend_as_written(order, size, limit, host, commands)?;
                    }
                }
                Intent::CancelAll { symbol } => match symbol {
                    Some(symbol) => self.withdraw(policy, symbol, Reason::PolicyCancelled, commands),
                    None => {
                        for symbol in 0..self.state.market.instruments.len() as SymbolId {
                            self.withdraw(policy, symbol, Reason::PolicyCancelled, commands);
                        }
                    }
                },
            }
        }
        if !self.policies[policy as usize].quoted.is_empty() {
            self.keep_quotes(policy, intents, host, commands)?;
        }
        Ok(())
    }

    pub(super) fn reconcile_quotes<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        target: &QuotesTarget,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        self.actions.clear();
        quotes(target, policy, symbol, &self.state.orders, self.keeps_priority, &mut self.actions);
        self.act(policy, symbol, host, commands)
    }

    pub(super) fn owns(&self, policy: PolicyId, order: OrderId) -> bool {
        self.state.orders.states.get(order as usize).is_some_and(|state| state.order.policy == policy)
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn target_position<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        size: f64,
        limit: Option<f64>,
        passive: bool,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let instrument = &self.state.market.instruments[symbol as usize];
        let Some(lots) = instrument.lot_size.count_towards_zero(size) else {
            let text = format!("target size {size} is not a finite size that lots can count");
            let draft = Draft { kind: OrderType::Market, ..Draft::limit(Side::Buy, 0, 0, Origin::Position) };
            self.refuse_draft(policy, symbol, draft, Reason::BadSize, size, text);
            return Ok(());
        };
        let limit = match limit {
            None => None,
            Some(price) => match instrument.price_unit.count_exact(price) {
                Some(ticks) => Some(ticks),
                None => {
                    let limit = instrument.price_unit.count_nearest(price).unwrap_or(0);
                    let draft = Draft::limit(Side::of(lots), lots.abs(), limit, Origin::Position);
                    self.refuse_price(policy, symbol, draft, price);
                    return Ok(());
                }
            },
        };
        // The gate refuses orders of such sizes; a larger one could not be subtracted from.
        let lots = lots.clamp(-2 * LOTS_MAX, 2 * LOTS_MAX);
        let slot = self.slot(policy, symbol);
        self.targets[slot].position = Some(PositionTarget { lots, limit, passive });
        self.targets[slot].waits = false;
        self.reconcile_position(policy, symbol, host, commands)
    }

    pub(super) fn reconcile_position<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let targets = self.targets[self.slot(policy, symbol)];
        let Some(target) = targets.position.filter(|_| !targets.waits) else { return Ok(()) };
        self.actions.clear();
        let market = &self.state.market;
        let passive_price = |side| own_side(market, symbol, side);
        let (ledger, orders) = (&self.state.ledger, &self.state.orders);
        position(&target, policy, symbol, ledger, orders, passive_price, &mut self.actions);
        self.act(policy, symbol, host, commands)?;
        if self.is_unreached(policy, symbol) {
            self.note_unsettled(policy, symbol);
        }
        Ok(())
    }

    pub(super) fn reconsider<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        let mut reconsider = std::mem::take(&mut self.reconsider);
        for &(policy, symbol) in &reconsider {
            self.reconcile_position(policy, symbol, host, commands)?;
        }
        reconsider.clear();
        self.reconsider = reconsider;
        Ok(())
    }

    pub(super) fn act<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let mut actions = std::mem::take(&mut self.actions);
        for action in &actions {
            match *action {
                Action::Cancel(order, reason) => self.cancel(order, reason, commands),
                Action::Amend(order, limit, lots) => self.amend(order, limit, lots, host, commands)?,
                Action::Send(draft) => self.send(policy, symbol, draft, host, commands)?,
            }
        }
        actions.clear();
        self.actions = actions;
        Ok(())
    }
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Cancel this order, for this reason.
    Cancel(OrderId, Reason),
    /// Amend this order to a limit and a total size.
    Amend(OrderId, i64, i64),
    /// Send this one.
    Send(Draft),
}

/// What to do so that position plus open orders comes to the target.
///
/// Nothing goes to one side while an order of the other may still fill: it is cancelled, and the next report that ends
/// an order comes back here. `passive_price` is the own side of the quote.
fn position(
    target: &PositionTarget,
    policy: PolicyId,
    symbol: SymbolId,
    ledger: &Ledger,
    orders: &Orders,
    passive_price: impl Fn(Side) -> Option<i64>,
    actions: &mut Vec<Action>,
) {
    let missing = target.lots - ledger.position(policy, symbol).lots;
    let ours = || orders.open_of(policy, symbol).iter().map(|&id| orders.get(id)).filter(of(Origin::Position));
    if missing == 0 {
        actions.extend(ours().filter(not_leaving).map(|state| Action::Cancel(state.order.id, Reason::Replaced)));
        return;
    }
    let side = Side::of(missing);
    let mut opposite_open = false;
    for state in ours().filter(|state| state.order.side != side) {
        opposite_open = true;
        if not_leaving(&state) {
            actions.push(Action::Cancel(state.order.id, Reason::Replaced));
        }
    }
    if opposite_open || orders.has_unknown(policy, symbol, side) {
        return;
    }
    let limit = if target.passive { passive_price(side) } else { target.limit };
    let mut needed = missing.abs();
    for state in ours() {
        let open = state.open_lots();
        let excess = needed < open;
        if (excess || state.order.kind.limit() != limit) && not_leaving(&state) {
            actions.push(Action::Cancel(state.order.id, Reason::Replaced));
        }
        needed -= open; // It may still fill, leaving or not.
    }
    if needed <= 0 || (target.passive && limit.is_none()) {
        return;
    }
    actions.push(Action::Send(Draft {
        side,
        lots: needed,
        kind: limit.map_or(OrderType::Market, |limit| OrderType::Limit { limit }),
        tif: TimeInForce::Gtc,
        post_only: target.passive,
        reduce_only: false,
        origin: Origin::Position,
    }));
}

/// What to do so that the shown quotes come to the target.
///
/// An order at the wanted price counts whatever its state, and is compared by the size it was made for.
fn quotes(
    target: &QuotesTarget,
    policy: PolicyId,
    symbol: SymbolId,
    orders: &Orders,
    keeps_priority: bool,
    actions: &mut Vec<Action>,
) {
    for (side, wanted) in [(Side::Buy, target.bid), (Side::Sell, target.ask)] {
        let (mut shown, mut leaving) = (false, false);
        let ours = orders.open_of(policy, symbol).iter().map(|&id| orders.get(id));
        for state in ours.filter(of(Origin::Quotes)).filter(|state| state.order.side == side) {
            let (price, lots) = wanted_of(state);
            if let Some((wanted_price, wanted_lots)) = wanted
                && !shown
                && state.status != crate::order::OrderStatus::Unknown
            {
                if price == wanted_price && lots == wanted_lots {
                    shown = true;
                    continue;
                }
                let in_place = price == wanted_price && wanted_lots < lots && keeps_priority;
                if (in_place || target.replace == Replace::Amend) && state.in_flight == InFlight::None {
                    actions.push(Action::Amend(state.order.id, wanted_price, wanted_lots));
                    shown = true;
                    continue;
                }
            }
            leaving = true;
            if not_leaving(&state) {
                actions.push(Action::Cancel(state.order.id, Reason::Replaced));
            }
        }
        let Some((limit, lots)) = wanted else { continue };
        if shown || (leaving && target.replace != Replace::Overlap) || orders.has_unknown(policy, symbol, side) {
            continue;
        }
        actions.push(Action::Send(Draft {
            side,
            lots,
            kind: OrderType::Limit { limit },
            tif: TimeInForce::Gtc,
            post_only: true,
            reduce_only: false,
            origin: Origin::Quotes,
        }));
    }
}

fn of(origin: Origin) -> impl Fn(&&OrderState) -> bool {
    move |state| state.origin == origin
}

fn not_leaving(state: &&OrderState) -> bool {
    state.in_flight != InFlight::Cancel
}

/// Price and size that an order has, or will have once the amendment under way is through.
fn wanted_of(state: &OrderState) -> (i64, i64) {
    match state.in_flight {
        InFlight::Amend { limit, lots } => (limit, lots),
        _ => (state.order.kind.limit().unwrap_or(0), state.made_for_lots),
    }
}
