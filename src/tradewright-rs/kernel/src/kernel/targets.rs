//! What policies want of a symbol, for as long as it stands.

use super::Kernel;
use crate::event::Status;
use crate::host::{Host, HostError};
use crate::instrument::SymbolId;
use crate::intent::{Command, Intent, Replace};
use crate::market::{Market, SourceKind};
use crate::order::{PolicyId, Side};

/// What a policy wants of a symbol.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Targets {
    pub(super) position: Option<PositionTarget>,
    pub(super) quotes: Option<QuotesTarget>,
    /// After a refusal or rejection the target waits for the next wake.
    pub(super) waits: bool,
}

/// A wanted position, in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PositionTarget {
    /// Signed lots.
    pub(super) lots: i64,
    /// Price bound of the orders that lead there, in price units.
    pub(super) limit: Option<i64>,
    /// Rest at the own side of the quote instead of taking.
    pub(super) passive: bool,
}

/// Wanted quotes: price in price units and size in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuotesTarget {
    /// Wanted bid.
    pub(super) bid: Option<(i64, i64)>,
    /// Wanted ask.
    pub(super) ask: Option<(i64, i64)>,
    /// How a wrong one gives way.
    pub(super) replace: Replace,
}

impl Kernel {
    /// Quotes stand until the policy gives others or withdraws them.
    pub(super) fn stand(&mut self, policy: PolicyId, symbol: SymbolId, target: QuotesTarget) {
        let is_some = target.bid.is_some() || target.ask.is_some();
        let slot = self.slot(policy, symbol);
        self.targets[slot].quotes = is_some.then_some(target);
        let quoted = &mut self.policies[policy as usize].quoted;
        if is_some && !quoted.contains(&symbol) {
            quoted.push(symbol);
        }
    }

    /// Compares, at a wake, the quotes that stand and of which the policy said nothing this time.
    pub(super) fn keep_quotes<H: Host>(
        &mut self,
        policy: PolicyId,
        intents: &[Intent],
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let mut quoted = std::mem::take(&mut self.policies[policy as usize].quoted);
        quoted.retain(|&symbol| self.targets[self.slot(policy, symbol)].quotes.is_some());
        for &symbol in &quoted {
            let is_said = intents.iter().any(|intent| match *intent {
                Intent::TargetQuotes { symbol: said, .. } => said == symbol,
                _ => false,
            });
            let is_open = self.state.market.symbols[symbol as usize].status == Status::Open;
            let target = self.targets[self.slot(policy, symbol)].quotes;
            if let Some(target) = target.filter(|_| !is_said && is_open) {
                self.reconcile_quotes(policy, symbol, &target, host, commands)?;
            }
        }
        self.policies[policy as usize].quoted = quoted;
        Ok(())
    }

    /// Whether a position is wanted that is not there, or that something under way could still change.
    #[inline]
    pub(super) fn is_unreached(&self, policy: PolicyId, symbol: SymbolId) -> bool {
        self.targets[self.slot(policy, symbol)].position.as_ref().is_some_and(|target| {
            self.state.ledger.position(policy, symbol).lots != target.lots
                || !self.state.orders.open_of(policy, symbol).is_empty()
        })
    }

    pub(super) fn note_unsettled(&mut self, policy: PolicyId, symbol: SymbolId) {
        let unsettled = &mut self.policies[policy as usize].unsettled;
        if !unsettled.contains(&symbol) {
            unsettled.push(symbol);
        }
    }

    /// After a refusal or rejection: what is wanted of the symbol waits for the policy's next wake.
    #[cold]
    pub(super) fn wait_for_wake(&mut self, policy: PolicyId, symbol: SymbolId) {
        let slot = self.slot(policy, symbol);
        self.targets[slot].waits = true;
        self.note_unsettled(policy, symbol);
    }
}

/// The own side of the quote, where a passive order rests, on the grid in force; without quotes the last price. Rounded
/// away from taking.
pub(super) fn own_side(market: &Market, symbol: SymbolId, side: Side) -> Option<i64> {
    let state = &market.symbols[symbol as usize];
    let grid = &market.instruments[symbol as usize].grid;
    if state.seen[SourceKind::Quote as usize] {
        return match side {
            Side::Buy => Some(state.quote.bid).filter(|&bid| bid != i64::MIN).map(|bid| grid.round_down(bid)),
            Side::Sell => Some(state.quote.ask).filter(|&ask| ask != i64::MAX).map(|ask| grid.round_up(ask)),
        };
    }
    state.has_mark().then(|| match side {
        Side::Buy => grid.round_down(state.mark_x2.div_euclid(2)),
        Side::Sell => grid.round_up((state.mark_x2 + 1).div_euclid(2)),
    })
}
