//! Event groups: binaries of which at most one pays, and what their worst outcome leaves a holder with.
//!
//! A binary's worst outcome is known whatever its mark: a long one pays nothing, a short one owes its payout. What may be
//! committed is cash plus that worst payoff; where a venue nets the outcomes of one event, they owe what the worst of
//! *them* owes, and the difference is the group's relief.

use super::{Ending, Ledger, RATE_ONE, SymbolState, times};
use crate::instrument::{CurrencyId, Instrument, SymbolId};
use crate::num::Cash;

/// Over what an account's binaries are added up before the worst outcome is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Netting {
    /// Each market by itself.
    #[default]
    Market,
    /// Short positions of one event: at most one of its outcomes pays. Kalshi's collateral return.
    CollateralReturn,
    /// All positions of one event, and of an exhaustive one the certainty that one outcome pays.
    Group,
}

/// Outcomes that exclude each other.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// In rising order.
    pub(crate) members: Vec<SymbolId>,
    /// One of those that have not ended is sure to pay.
    pub(crate) is_exhaustive: bool,
    /// One outcome was paid in full: no other one can be.
    is_decided: bool,
    /// All members are fully collateralised: the venue's netting reaches them.
    can_net: bool,
    /// What the netting gives back, included in the account's initial margin.
    relief: Cash,
}

/// No event group.
pub(super) const NO_GROUP: u32 = u32::MAX;

/// The worst that is left, from what each outcome leaves if it pays and if it does not: `(pays, pays not)`, and whether
/// it still can pay. With `none_pays` it may also be that no outcome does.
pub(crate) fn worst_outcome(outcomes: impl Iterator<Item = (Cash, Cash, bool)>, none_pays: bool) -> Cash {
    let (mut all_lose, mut least_gain) = (0, None);
    for (pays, pays_not, is_open) in outcomes {
        all_lose += pays_not;
        let gain = pays - pays_not;
        if is_open && least_gain.is_none_or(|least| gain < least) {
            least_gain = Some(gain);
        }
    }
    all_lose + least_gain.map_or(0, |gain| if none_pays { gain.min(0) } else { gain })
}

/// The groups of these instruments, by the index that the instruments give.
pub(super) fn groups_of(instruments: &[Instrument], symbols: &[SymbolState]) -> Result<Vec<Group>, String> {
    let count = instruments.iter().filter_map(|one| one.event_group).max().map_or(0, |last| last as usize + 1);
    let empty = Group { members: Vec::new(), is_exhaustive: false, is_decided: false, can_net: true, relief: 0 };
    let mut groups = vec![empty; count];
    for (symbol, instrument) in instruments.iter().enumerate() {
        let Some(index) = instrument.event_group else { continue };
        let group = &mut groups[index as usize];
        if let Some(&first) = group.members.first() {
            let first = &instruments[first as usize];
            if first.currency != instrument.currency {
                let (one, other) = (&first.symbol, &instrument.symbol);
                return Err(format!("{one} and {other} are of one event group but not of one currency"));
            }
            if first.event_outcomes != instrument.event_outcomes {
                let (one, other) = (&first.symbol, &instrument.symbol);
                return Err(format!("{one} and {other} are of one event group but differ in event_outcomes"));
            }
        }
        group.members.push(symbol as SymbolId);
        group.can_net &= symbols[symbol].is_collateral();
    }
    for group in &mut groups {
        // An outcome that is not among the instruments may be the one that pays.
        group.is_exhaustive = group
            .members
            .first()
            .is_some_and(|&one| instruments[one as usize].event_outcomes == Some(group.members.len() as u32));
    }
    Ok(groups)
}

impl SymbolState {
    /// Whether it is a binary whose worst outcome is paid for in full.
    #[inline]
    pub(crate) fn is_collateral(&self) -> bool {
        self.payout_x2 != 0 && self.initial_e10 == RATE_ONE
    }

    /// What `lots` of a binary receive, or owe, if it pays.
    #[inline]
    pub(crate) fn payoff(&self, lots: i64) -> Cash {
        if lots == 0 { 0 } else { self.unit.value_x2(self.payout_x2, lots) }
    }
}

impl Ledger {
    /// The event group of an instrument that has one.
    #[inline]
    pub(crate) fn group_of(&self, symbol: SymbolId) -> Option<&Group> {
        self.groups.get(self.symbols[symbol as usize].group as usize)
    }

    /// The group that the account's netting reaches, of an instrument in one.
    #[inline]
    pub(crate) fn netted(&self, symbol: SymbolId) -> Option<&Group> {
        if self.config.netting == Netting::Market {
            return None;
        }
        self.group_of(symbol).filter(|group| group.can_net)
    }

    /// Whether the account must reckon with the case that no outcome of a group pays.
    #[inline]
    pub(crate) fn none_may_pay(&self, group: &Group) -> bool {
        self.config.netting != Netting::Group || !group.is_exhaustive
    }

    /// Whether an outcome, taken together with those of its group or (`None`) alone, may still pay.
    pub(crate) fn can_pay(&self, symbol: SymbolId, group: Option<&Group>) -> bool {
        self.symbols[symbol as usize].ending.is_none() && group.is_none_or(|group| !group.is_decided)
    }

    /// What the account's positions in these binaries receive at the worst outcome (negative: owe).
    pub(crate) fn worst_payoff(&self, members: &[SymbolId], group: Option<&Group>, none_pays: bool) -> Cash {
        let payoffs = members.iter().map(|&member| {
            let state = &self.symbols[member as usize];
            (state.payoff(state.lots), 0, self.can_pay(member, group))
        });
        worst_outcome(payoffs, none_pays)
    }

    /// Cash that is set aside for binaries sold short: what they owe at their worst, after netting.
    ///
    /// With it, of an account of binaries and shares paid in full, `buying power + locked + signed position values =
    /// equity`. Negative where netting releases more than the shorts owe.
    pub fn locked(&self, currency: CurrencyId) -> Cash {
        let states = self.symbols.iter().filter(|state| state.currency == currency && state.is_collateral());
        let owed: Cash = states.map(|state| state.payoff((-state.lots).max(0))).sum();
        let of_currency =
            |group: &&Group| group.members.first().is_some_and(|&one| self.symbols[one as usize].currency == currency);
        owed - self.groups.iter().filter(of_currency).map(|group| group.relief).sum::<Cash>()
    }

    /// Brings the relief of an instrument's group up to its members' lots.
    pub(super) fn refresh_relief(&mut self, symbol: SymbolId) {
        let relief = match self.netted(symbol) {
            None => return,
            Some(group) => {
                let alone = |&member: &SymbolId| {
                    let state = &self.symbols[member as usize];
                    state.payoff(state.lots.min(0))
                };
                let each: Cash = group.members.iter().map(alone).sum();
                self.worst_payoff(&group.members, Some(group), self.none_may_pay(group)) - each
            }
        };
        let state = &self.symbols[symbol as usize];
        let account = (self.policies + 1) * self.rates_e12.len() + state.currency as usize;
        let group = &mut self.groups[state.group as usize];
        let more = relief - std::mem::replace(&mut group.relief, relief);
        self.money[account].initial_margin_e10 -= times(more, RATE_ONE);
    }

    /// An outcome of a group has ended: if it was paid anything, no other one is sure to pay; in full, none can.
    pub(super) fn note_end_in_group(&mut self, symbol: SymbolId, ending: Ending) {
        let state = &self.symbols[symbol as usize];
        let is_won = matches!(ending, Ending::At(price) if price * 2 == state.payout_x2);
        if let Some(group) = self.groups.get_mut(state.group as usize) {
            group.is_exhaustive &= ending == Ending::At(0);
            group.is_decided |= is_won;
            self.refresh_relief(symbol);
        }
    }
}
