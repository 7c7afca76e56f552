//! Binaries at their worst: over the outcomes of their event, each open order filled where that hurts.

use super::check::{Check, Owner};
use super::exposure::Priced;
use super::limits::Compiled;
use super::{OpenOrders, Refusal};
use crate::instrument::SymbolId;
use crate::ledger::{Group, worst_outcome};
use crate::num::Cash;
use crate::order::{InFlight, Order, OrderState, OrderType, Reason, Side};

/// What something leaves if an outcome pays, and if it does not.
#[derive(Clone, Copy, Default)]
struct Payoff {
    pays: Cash,
    pays_not: Cash,
}

impl Payoff {
    /// Whichever of the two hurts more, outcome by outcome; doing nothing is always possible.
    fn worse(self, other: Payoff) -> Payoff {
        Payoff { pays: self.pays.min(other.pays), pays_not: self.pays_not.min(other.pays_not) }
    }

    fn and(self, other: Payoff) -> Payoff {
        Payoff { pays: self.pays + other.pays, pays_not: self.pays_not + other.pays_not }
    }
}

impl<O: OpenOrders> Check<'_, O> {
    /// What an order leaves if it fills whole, at the worst price that it may trade at, after fees.
    fn if_filled(&self, order: &Order, lots: i64, priced: &Priced) -> Payoff {
        let payout = self.ledger.symbols[order.symbol as usize].payoff(lots);
        // What a sale brings at the least; where it brings more, it brings more than the larger fee takes.
        let value = if order.side == Side::Buy { priced.value } else { payout - priced.risk };
        let fee = self.fee_bound(order.symbol, value, lots);
        match order.side {
            Side::Buy => Payoff { pays: payout - value - fee, pays_not: -value - fee },
            Side::Sell => Payoff { pays: value - payout - fee, pays_not: value - fee },
        }
    }

    /// The same of an open order; one that is being amended as it is or as it will be, whichever is worse.
    fn if_open_filled(&self, state: &OrderState) -> Result<Payoff, Refusal> {
        let open = state.open_lots();
        let as_it_is = self.if_filled(&state.order, open, &self.price(&state.order, open)?);
        let InFlight::Amend { limit: new, lots } = state.in_flight else { return Ok(as_it_is) };
        let (mut order, open) = (state.order, (lots - state.filled_lots).max(0));
        if let OrderType::Limit { limit } | OrderType::StopLimit { limit, .. } = &mut order.kind {
            *limit = new;
        }
        Ok(as_it_is.worse(self.if_filled(&order, open, &self.price(&order, open)?)))
    }

    /// What an owner's position and open orders in one outcome leave at worst, with `extra` for this order.
    fn at_worst(&self, owner: Owner, symbol: SymbolId, extra: Option<(i64, &Priced)>) -> Result<Payoff, Refusal> {
        let pays = self.ledger.symbols[symbol as usize].payoff(self.held(owner, symbol));
        let mut total = Payoff { pays, pays_not: 0 };
        if let Some((lots, priced)) = extra.filter(|_| symbol == self.order.symbol) {
            total = total.and(Payoff::default().worse(self.if_filled(self.order, lots, priced)));
        }
        let replaced = self.replaced.map(|state| state.order.id);
        for id in self.orders.open_of_symbol(symbol).filter(|id| Some(*id) != replaced) {
            let state = self.orders.get(id);
            if owner.is_none_or(|policy| policy == state.order.policy) && state.open_lots() > 0 {
                total = total.and(Payoff::default().worse(self.if_open_filled(state)?));
            }
        }
        Ok(total)
    }

    /// What open orders of a binary and of those netted with it, and `extra`, may commit beyond what positions do.
    pub(super) fn collateral(&self, symbol: SymbolId, extra: Option<(i64, &Priced)>) -> Result<Cash, Refusal> {
        let alone = [symbol];
        let group = self.ledger.netted(symbol);
        let members = group.map_or(&alone[..], |group| &group.members[..]);
        let none_pays = group.is_none_or(|group| self.ledger.none_may_pay(group));
        let worst = self.worst(members, group, none_pays, |member| self.at_worst(None, member, extra))?;
        Ok(self.ledger.worst_payoff(members, group, none_pays) - worst)
    }

    fn worst(
        &self,
        members: &[SymbolId],
        group: Option<&Group>,
        none_pays: bool,
        of: impl Fn(SymbolId) -> Result<Payoff, Refusal>,
    ) -> Result<Cash, Refusal> {
        let mut unknown = None;
        let outcomes = members.iter().map(|&member| {
            let payoff = of(member).unwrap_or_else(|refusal| {
                unknown = Some(refusal);
                Payoff::default()
            });
            (payoff.pays, payoff.pays_not, self.ledger.can_pay(member, group))
        });
        let worst = worst_outcome(outcomes, none_pays);
        unknown.map_or(Ok(worst), Err)
    }

    /// Whether what an instrument's open orders ask for is counted already: with this order's, or with those of an
    /// earlier instrument of the group.
    pub(super) fn is_counted_with(&self, other: SymbolId, symbol: SymbolId) -> bool {
        let Some(group) = self.ledger.netted(other) else { return false };
        let has_open = |member: &&SymbolId| self.orders.open_of_symbol(**member).next().is_some();
        group.members.contains(&symbol) || group.members.iter().find(has_open) != Some(&other)
    }

    /// The loss at the worst outcome of the order's event, everything open filled where that hurts.
    ///
    /// It counts from what the positions cost, whatever the account's netting: at most one outcome of a group pays, and
    /// none of them may, unless the group is exhaustive. A binary without a group is an event of its own.
    pub(super) fn check_event_group(&self, owner: Owner, limits: &Compiled, priced: &Priced) -> Result<(), Refusal> {
        let Order { symbol, lots, .. } = *self.order;
        if self.ledger.symbols[symbol as usize].payout_x2 == 0 {
            return Ok(());
        }
        let alone = [symbol];
        let group = self.ledger.group_of(symbol);
        let members = group.map_or(&alone[..], |group| &group.members[..]);
        let none_pays = group.is_none_or(|group| !group.is_exhaustive);
        let left = self.worst(members, group, none_pays, |member| {
            let (_, cost, _) = self.ledger.held(owner, member);
            let paid = Payoff { pays: -cost, pays_not: -cost };
            Ok(self.at_worst(owner, member, Some((lots, priced)))?.and(paid))
        })?;
        self.within(Reason::EventGroupLossMax, owner, limits.event_group_loss, (-left).max(0))
    }
}
