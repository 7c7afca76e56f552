//! Money and positions that change without a trade: dividends, splits, funding, borrow, settlement, deposits.

use super::{DAY_NS, Ending, Entry, EntryKind, Ledger, NO_ENTRY, RATE_ONE, Traded, Unit, mul_div};
use crate::event::CashEvent;
use crate::instrument::{CurrencyId, SymbolId, pow10};
use crate::num::{Cash, cash_to_f64, div_half_even};
use crate::order::PolicyId;

/// What the ledger will not book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// No fill of this id was booked.
    UnknownFill(u64),
    /// The fill was reversed before.
    AlreadyReversed(u64),
    /// The account has no such currency, or it is the account's own where another is needed.
    Currency(CurrencyId),
    /// A rate of exchange that is not positive.
    Rate(i64),
    /// A split whose ratio is not made of positive whole numbers.
    SplitRatio(i64, i64),
    /// A split of an inverse contract.
    SplitOfInverse(SymbolId),
    /// A cash account has less than is taken out of it: the currency, the amount, and what is free.
    Overdrawn(CurrencyId, Cash, Cash),
    /// An inverse contract cannot end at a price that is not positive.
    SettlementPrice(i64),
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LedgerError::UnknownFill(id) => write!(f, "fill {id} was never booked; reverse only what was filled"),
            LedgerError::AlreadyReversed(id) => write!(f, "fill {id} was reversed before"),
            LedgerError::Currency(id) => {
                write!(f, "currency {id} is unknown to the account, or its own; give other currencies a balance first")
            }
            LedgerError::Rate(rate) => write!(f, "rate of exchange {} is not positive", *rate as f64 / 1e12),
            LedgerError::SplitRatio(new, old) => write!(f, "split {new} for {old}: both must be positive"),
            LedgerError::SplitOfInverse(symbol) => write!(f, "inverse contracts do not split (symbol {symbol})"),
            LedgerError::Overdrawn(_, amount, free) => write!(
                f,
                "a withdrawal of {} is more than the {} that is free in a cash account; nothing was taken out",
                cash_to_f64(-*amount),
                cash_to_f64(*free)
            ),
            LedgerError::SettlementPrice(price) => {
                write!(f, "an inverse contract settles at a positive price, not at {price} price units")
            }
        }
    }
}

impl std::error::Error for LedgerError {}

/// A position after a split at this mark: whole lots kept, the fraction sold at the new price.
fn split(unit: &Unit, lots: i64, cost: Cash, mark_x2: i64, numerator: i64, denominator: i64) -> Traded {
    let new = lots as i128 * numerator as i128;
    let whole = (new / denominator as i128) as i64;
    let rest = (new % denominator as i128) as i64; // In parts of a lot: rest / denominator.
    if rest == 0 {
        return Traded { lots: whole, cost, realised: 0 };
    }
    // rest/denominator new lots at mark·denominator/numerator: rest/numerator old ones at the mark.
    let paid = unit.value_of_part_x2(mark_x2, rest, numerator);
    let released = div_half_even(cost * rest.abs() as i128, new.abs());
    Traded { lots: whole, cost: cost - released, realised: paid - released }
}

impl Entry {
    /// What this entry makes of the position before it.
    pub(super) fn replay(&self, unit: &Unit, lots: i64, cost: Cash) -> Traded {
        let unchanged = Traded { lots, cost, realised: 0 };
        match self.kind {
            EntryKind::Fill { .. } if self.is_reversed => unchanged,
            EntryKind::Fill { .. } => unit.trade(lots, cost, self.lots, self.price),
            EntryKind::Settlement if lots == 0 => unchanged,
            EntryKind::Settlement => unit.trade(lots, cost, -lots, self.price),
            EntryKind::Refund => Traded { lots: 0, cost: 0, realised: 0 },
            EntryKind::Split { numerator, denominator } => split(unit, lots, cost, self.price, numerator, denominator),
            EntryKind::Dividend | EntryKind::Funding | EntryKind::Borrow => unchanged,
        }
    }
}

impl Ledger {
    /// Books a cash event. `symbol` is ignored by deposits and rates.
    ///
    /// A split scales the mark with the price, rounded to half a price unit; prices of orders, bars and features are
    /// not the ledger's and stay as recorded.
    ///
    /// # Errors
    /// When the event makes no sense; nothing is booked then.
    pub fn cash_event(&mut self, symbol: SymbolId, event: &CashEvent, ts_event_ns: i64) -> Result<(), LedgerError> {
        match *event {
            CashEvent::Dividend { amount } => {
                let lot_size = self.symbols[symbol as usize].lot_size;
                let (per_lots, scale) = (amount * lot_size.mantissa as i128, pow10(lot_size.scale));
                self.flow(symbol, EntryKind::Dividend, ts_event_ns, |lots, _| {
                    div_half_even(lots as i128 * per_lots, scale)
                });
            }
            CashEvent::Funding { rate_e10 } => {
                self.flow(symbol, EntryKind::Funding, ts_event_ns, |lots, value| {
                    let paid = div_half_even(value.abs() * rate_e10 as i128, RATE_ONE as i128);
                    if lots > 0 { -paid } else { paid }
                });
            }
            CashEvent::Split { numerator, denominator } => {
                self.split(symbol, numerator, denominator, ts_event_ns)?;
            }
            CashEvent::Settlement { price, .. } => self.settle(symbol, Ending::At(price), ts_event_ns)?,
            CashEvent::Refund => self.settle(symbol, Ending::Refund, ts_event_ns)?,
            CashEvent::Deposit { currency, amount } => self.deposit(currency, amount)?,
            CashEvent::Rate { currency, rate_e12 } => self.set_rate(currency, rate_e12)?,
        }
        Ok(())
    }

    /// Charges borrow cost on shares sold short, for each whole day since the call before, at the mark.
    ///
    /// `rate_e10` is a yearly rate in 10⁻¹⁰ for each symbol; a day is 1/365 of it. Only the account's net short is
    /// borrowed: where other policies hold the instrument, the cost is shared among the short ones by size. Days end
    /// where the account's do; the first call only starts the count. Instruments paid by profit and loss borrow nothing.
    pub fn accrue_borrow(&mut self, now_ns: i64, rate_e10: impl Fn(SymbolId) -> i64) {
        let day = (now_ns - self.config.day_ends_ns).div_euclid(DAY_NS);
        let days = day - self.borrow_day.unwrap_or(day);
        self.borrow_day = Some(day.max(self.borrow_day.unwrap_or(day)));
        if days <= 0 {
            return;
        }
        for symbol in 0..self.symbols.len() {
            let state = &self.symbols[symbol];
            if state.holders == 0 || !state.is_full || state.lots >= 0 || state.payout_x2 != 0 {
                continue;
            }
            let net_short = -state.lots;
            let owners = 0..=self.policies as PolicyId;
            let shorts: i64 = owners.map(|owner| (-self.position(owner, symbol as SymbolId).lots).max(0)).sum();
            let rate = rate_e10(symbol as SymbolId) as i128 * days as i128;
            self.flow(symbol as SymbolId, EntryKind::Borrow, now_ns, |lots, value| {
                if lots >= 0 {
                    return 0;
                }
                let borrowed = mul_div(value.abs(), net_short, shorts);
                -div_half_even(borrowed * rate, 365 * RATE_ONE as i128)
            });
        }
    }

    /// Books what each holder of an instrument receives, as a function of its lots and value.
    fn flow(&mut self, symbol: SymbolId, kind: EntryKind, ts_event_ns: i64, amount: impl Fn(i64, Cash) -> Cash) {
        for policy in 0..=self.policies as PolicyId {
            let held = *self.position(policy, symbol);
            if held.lots == 0 {
                continue;
            }
            let amount = amount(held.lots, held.value);
            if amount == 0 {
                continue;
            }
            self.book(policy, symbol, held.lots, held.cost, 0, 0, amount);
            let entry = Entry {
                policy,
                symbol,
                kind,
                lots: 0,
                price: 0,
                amount,
                realised: 0,
                lots_after: held.lots,
                ts_event_ns,
                low_x2: 0,
                high_x2: 0,
                is_reversed: false,
                previous: NO_ENTRY,
            };
            self.note_change(&entry);
            if held.last_entry != NO_ENTRY && self.entries[held.last_entry as usize].kind == kind {
                // Daily accruals of one holding are one entry, or a short of twenty years would be thousands.
                let entry = &mut self.entries[held.last_entry as usize];
                entry.amount += amount;
                entry.ts_event_ns = ts_event_ns;
                continue;
            }
            self.push(entry);
        }
    }

    fn split(&mut self, symbol: SymbolId, numerator: i64, denominator: i64, ts: i64) -> Result<(), LedgerError> {
        if numerator <= 0 || denominator <= 0 {
            return Err(LedgerError::SplitRatio(numerator, denominator));
        }
        if self.symbols[symbol as usize].unit.is_inverse() {
            return Err(LedgerError::SplitOfInverse(symbol));
        }
        let Some(mark_x2) = self.mark_x2(symbol) else { return Ok(()) }; // No mark, so nobody ever held it.
        let new_mark = div_half_even(mark_x2 as i128 * denominator as i128, numerator as i128) as i64;
        self.symbols[symbol as usize].mark_x2 = new_mark;
        for policy in 0..=self.policies as PolicyId {
            if self.position(policy, symbol).last_entry != NO_ENTRY {
                let kind = EntryKind::Split { numerator, denominator };
                self.apply(policy, symbol, kind, mark_x2, ts);
            }
        }
        Ok(())
    }

    fn settle(&mut self, symbol: SymbolId, ending: Ending, ts: i64) -> Result<(), LedgerError> {
        if let Ending::At(price) = ending
            && self.symbols[symbol as usize].unit.is_inverse()
            && price <= 0
        {
            return Err(LedgerError::SettlementPrice(price));
        }
        self.symbols[symbol as usize].ending = Some(ending);
        for policy in 0..=self.policies as PolicyId {
            if self.position(policy, symbol).last_entry != NO_ENTRY {
                self.end_position(policy, symbol, ending, ts);
            }
        }
        if let Ending::At(price) = ending {
            self.symbols[symbol as usize].mark_x2 = price * 2;
        }
        self.note_end_in_group(symbol, ending);
        Ok(())
    }

    /// Ends one owner's position as the instrument ended.
    pub(super) fn end_position(&mut self, policy: PolicyId, symbol: SymbolId, ending: Ending, ts_event_ns: i64) {
        let (kind, price) = match ending {
            Ending::At(price) => (EntryKind::Settlement, price),
            Ending::Refund => {
                let held = self.position(policy, symbol);
                let unit = &self.symbols[symbol as usize].unit;
                (EntryKind::Refund, unit.average_price(held.lots, held.cost))
            }
        };
        self.apply(policy, symbol, kind, price, ts_event_ns);
    }

    /// Books an entry that follows from the position itself. Flat ones get it too: a fill before it may be reversed.
    fn apply(&mut self, policy: PolicyId, symbol: SymbolId, kind: EntryKind, price: i64, ts_event_ns: i64) {
        let held = *self.position(policy, symbol);
        let mut entry = Entry {
            policy,
            symbol,
            kind,
            lots: 0,
            price,
            amount: 0,
            realised: 0,
            lots_after: 0,
            ts_event_ns,
            low_x2: 0,
            high_x2: 0,
            is_reversed: false,
            previous: NO_ENTRY,
        };
        let after = entry.replay(&self.symbols[symbol as usize].unit, held.lots, held.cost);
        (entry.realised, entry.lots_after, entry.lots) = (after.realised, after.lots, after.lots - held.lots);
        self.book(policy, symbol, after.lots, after.cost, after.realised, 0, 0);
        self.note_change(&entry);
        self.push(entry);
    }

    fn note_change(&mut self, entry: &Entry) {
        if let Some(changes) = &mut self.changes {
            changes.push(*entry);
        }
    }

    /// Money put in or taken out is no profit: the reference points move with it.
    fn deposit(&mut self, currency: CurrencyId, amount: Cash) -> Result<(), LedgerError> {
        let currencies = self.currencies();
        if currency as usize >= currencies {
            return Err(LedgerError::Currency(currency));
        }
        let valued = self.in_account_currency(amount, currency);
        for owner in [self.policies, self.policies + 1] {
            let money = &mut self.money[owner * currencies + currency as usize];
            money.deposits += amount;
            money.equity += amount;
            let standing = &mut self.standings[owner];
            match valued {
                Some(valued) if standing.is_valued => {
                    standing.peak += valued;
                    standing.day_start += valued;
                    standing.week_start += valued;
                }
                // The total cannot be valued any more: the reference points start anew once it can.
                _ => standing.is_valued = false,
            }
        }
        self.is_dirty = true;
        Ok(())
    }
}
