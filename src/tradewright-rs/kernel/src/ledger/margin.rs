//! Margin: the account's exposure in each instrument, what it may still commit, and when it holds too much.

use super::{AccountKind, Ledger, Money, RATE_ONE, SymbolState, times};
use crate::instrument::{CurrencyId, SymbolId};
use crate::num::{Cash, div_half_even};

impl Ledger {
    /// Brings the account's exposure and margin in one instrument up to its lots and mark.
    #[inline]
    pub(super) fn refresh_account(&mut self, symbol: SymbolId) {
        let state = &self.symbols[symbol as usize];
        let value = if state.lots == 0 { 0 } else { state.unit.value_x2(state.mark_x2, state.lots) };
        self.set_account_value(symbol, value);
    }

    #[inline]
    pub(super) fn set_account_value(&mut self, symbol: SymbolId, value: Cash) {
        let currencies = self.currencies();
        let state = &mut self.symbols[symbol as usize];
        let money = &mut self.money[(self.policies + 1) * currencies + state.currency as usize];
        let risk = state.risk_of(state.lots, value);
        let net = if state.unit.is_inverse() { -value } else { value };
        money.gross += value.abs() - state.gross;
        money.net += net - state.net;
        money.initial_margin_e10 += times(risk - state.risk, state.initial_e10);
        money.maintenance_margin_e10 += times(risk - state.risk, state.maintenance_e10);
        (state.gross, state.net, state.risk) = (value.abs(), net, risk);
    }

    /// Whether all currencies back one another: a margin account of several whose rates are all known.
    #[inline]
    pub(crate) fn is_pooled(&self) -> bool {
        self.currencies() > 1 && self.config.kind == AccountKind::Margin && self.rates_e12.iter().all(|rate| *rate > 0)
    }

    /// What may still be committed in a currency, open orders not counted: equity less initial margin in use.
    ///
    /// In a cash account positions and what binaries sold short may have to pay count in full. In a margin account of
    /// several currencies each stands for itself, unless the rates of all are known: then all of them back it.
    pub fn buying_power(&self, currency: CurrencyId) -> Cash {
        self.buying_power_e10(currency).div_euclid(RATE_ONE as i128)
    }

    /// [`Ledger::buying_power`] times 10¹⁰, unrounded.
    #[inline]
    pub fn buying_power_e10(&self, currency: CurrencyId) -> i128 {
        let free = |money: &Money| times(money.equity, RATE_ONE) - money.initial_margin_e10;
        if self.is_pooled()
            && let Some(total) = self.total(None, free)
            && let Some(power) = self.convert(total, self.config.currency, currency)
        {
            return power;
        }
        free(self.account(currency))
    }

    /// Initial margin in use in a currency, rounded half to even.
    pub fn margin_used(&self, currency: CurrencyId) -> Cash {
        div_half_even(self.account(currency).initial_margin_e10, RATE_ONE as i128)
    }

    /// Whether equity fell below the maintenance margin of what is held: the venue may liquidate.
    #[inline]
    pub fn below_maintenance(&self) -> bool {
        if self.config.kind == AccountKind::Cash {
            return false;
        }
        let short_of = |equity: Cash, margin: i128, gross: Cash| gross > 0 && times(equity, RATE_ONE) < margin;
        if self.currencies() == 1 {
            let money = self.account(0);
            return short_of(money.equity, money.maintenance_margin_e10, money.gross);
        }
        if let (Some(equity), Some(margin), Some(gross)) = (
            self.total(None, |money| money.equity),
            self.total(None, |money| money.maintenance_margin_e10),
            self.total(None, |money| money.gross),
        ) {
            return short_of(equity, margin, gross);
        }
        (0..self.currencies()).any(|currency| {
            let money = self.account(currency as CurrencyId);
            short_of(money.equity, money.maintenance_margin_e10, money.gross)
        })
    }
}

impl SymbolState {
    /// What initial margin is a share of, for a signed position of this value.
    #[inline]
    pub(crate) fn risk_of(&self, lots: i64, value: Cash) -> Cash {
        if self.payout_x2 != 0 && lots < 0 {
            (self.unit.value_x2(self.payout_x2, -lots) - value.abs()).max(0)
        } else {
            value.abs()
        }
    }
}
