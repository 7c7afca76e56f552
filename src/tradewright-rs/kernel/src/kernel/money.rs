//! Money that comes and goes, rates of exchange, and instruments that expire.

use super::Kernel;
use crate::event::{CashEvent, Record};
use crate::instrument::{CurrencyId, Instrument, SymbolId};
use crate::ledger::{AccountKind, LedgerError};
use crate::num::{Cash, utc_text};

/// When the first of these instruments expires that has not by this time.
pub(super) fn first_expiry_ns(instruments: &[Instrument], after_ns: i64) -> i64 {
    instruments
        .iter()
        .filter_map(|one| one.expiry_ns)
        .filter(|&expiry_ns| expiry_ns >= after_ns)
        .min()
        .unwrap_or(i64::MAX)
}

impl Kernel {
    /// Whether no fill of this id was booked. Ids mostly rise; only one that does not is searched for.
    pub(super) fn is_new_fill(&mut self, fill_id: u64) -> bool {
        if self.fill_id_max.is_none_or(|highest| fill_id > highest) {
            self.fill_id_max = Some(fill_id);
            return true;
        }
        !self.fills.iter().rev().any(|booked| booked.fill.fill_id == fill_id)
    }

    /// Books what changes money or positions without a trade. What cannot be booked is a fault of the data, and it says
    /// so.
    pub(super) fn apply_cash(&mut self, record: &Record, event: &CashEvent) {
        self.equity_changed = true;
        let allowed = match *event {
            CashEvent::Deposit { currency, amount } if amount < 0 => self.check_withdrawal(currency, amount),
            _ => Ok(()),
        };
        let booked = allowed.and_then(|()| self.state.ledger.cash_event(record.symbol, event, record.ts_event_ns));
        if let Err(error) = booked {
            self.faults.push(format!("{}: {error}", utc_text(record.ts_event_ns)));
            return;
        }
        self.journal_changes();
        match *event {
            CashEvent::Deposit { currency, amount } => {
                self.journal_money(record, "deposit", currency, amount);
                self.has_point = true; // A return leaves the flow out at the first point at or after it.
                self.note_flow(currency, amount);
            }
            CashEvent::Rate { currency, rate_e12 } => {
                self.journal_money(record, "rate", currency, rate_e12.into());
                self.had_flow = true;
                let waiting = std::mem::take(&mut self.unvalued_flows[currency as usize]);
                self.note_flow(currency, waiting);
            }
            _ => {}
        }
    }

    /// Writes down what changed positions, or the money that they earned, without a fill.
    pub(super) fn journal_changes(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        for entry in self.state.ledger.take_changes() {
            journal.event(self.state.market.now_ns, &entry);
        }
    }

    fn journal_money(&mut self, record: &Record, kind: &str, currency: CurrencyId, amount: Cash) {
        if let Some(journal) = &mut self.journal {
            journal.money(self.state.market.now_ns, record.ts_event_ns, kind, currency, amount);
        }
    }

    /// A cash account never owes: what positions and open orders need stays in it.
    fn check_withdrawal(&self, currency: CurrencyId, amount: Cash) -> Result<(), LedgerError> {
        let state = &self.state;
        if state.ledger.config().kind != AccountKind::Cash || currency as usize >= state.ledger.currencies() {
            return Ok(());
        }
        // Open orders that cannot be valued may need all of it.
        let free = self.gate.free_cash(currency, &state.ledger, &state.market, &state.orders).unwrap_or(0).max(0);
        if free + amount < 0 { Err(LedgerError::Overdrawn(currency, amount, free)) } else { Ok(()) }
    }

    fn note_flow(&mut self, currency: CurrencyId, amount: Cash) {
        if amount == 0 {
            return;
        }
        self.had_flow = true;
        match self.state.ledger.in_account_currency(amount, currency) {
            Some(valued) => self.flows.push((self.state.market.now_ns, valued)),
            None => self.unvalued_flows[currency as usize] += amount, // Counted when its rate is known.
        }
    }

    /// Keeps the marks of instruments whose expiry has passed.
    #[cold]
    pub(super) fn expire(&mut self, now_ns: i64) {
        let instruments = &self.state.market.instruments;
        for (symbol, instrument) in instruments.iter().enumerate() {
            if instrument.expiry_ns.is_some_and(|expiry_ns| expiry_ns < now_ns) {
                self.state.ledger.expire(symbol as SymbolId);
            }
        }
        self.next_expiry_ns = first_expiry_ns(instruments, now_ns);
    }

    /// At the end of a run: says what is still held of instruments that expired, for nothing settled it.
    pub(super) fn warn_of_expired(&mut self) {
        for (symbol, instrument) in self.state.market.instruments.iter().enumerate() {
            let (lots, _, _) = self.state.ledger.held(None, symbol as SymbolId);
            let Some(expiry_ns) = instrument.expiry_ns else { continue };
            if lots == 0 || self.state.market.now_ns <= expiry_ns {
                continue;
            }
            let price = self
                .state
                .ledger
                .mark_x2(symbol as SymbolId)
                .map_or(f64::NAN, |mark_x2| instrument.price_unit.times(mark_x2) / 2.0);
            self.faults.push(format!(
                "{name} expired at {}, and a position of {} was held past it: nothing settled it, so it is valued at its \
                 last mark before, {price}. Give a Settlement of {name} with its price, or be flat by then.",
                utc_text(expiry_ns),
                instrument.size(lots),
                name = instrument.symbol,
            ));
        }
    }
}
