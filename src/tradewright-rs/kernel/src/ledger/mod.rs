//! The exact ledger: cash, positions, profit and fees as integers, for each policy and for the account.
//!
//! An owner is a policy, or `unattributed`: what the venue has and no policy owns, and the money put in. The account
//! is the sum of its owners. For each owner and currency, `equity = initial + deposits + realised − fees + cash_flows
//! + unrealised`, and for what is paid in full `cash + value of positions = equity`, to the last unit of 10⁻¹².

mod account;
mod entry;
mod events;
mod money;
mod trips;
mod unit;

pub use account::{AccountConfig, AccountKind, RATE_ONE};
pub use entry::{Entry, EntryKind, NO_ENTRY};
pub use events::LedgerError;
pub use money::{Money, Standing};
pub use trips::Trip;
pub use unit::{Traded, Unit, mul_div, times};

use crate::instrument::{Contract, CurrencyId, Instrument, Payment, SymbolId};
use crate::num::{CASH_ONE, Cash, div_half_even};
use crate::order::{Fill, PolicyId, Side};

/// One day.
pub const DAY_NS: i64 = 86_400_000_000_000;

/// The mark of an instrument without one.
pub const NO_MARK: i64 = i64::MIN;

/// What one policy holds of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Lots, signed.
    pub lots: i64,
    /// Total signed cost of them.
    pub cost: Cash,
    /// Signed value at the mark.
    pub value: Cash,
    low_x2: i64,
    high_x2: i64,
    last_entry: u32,
}

impl Default for Position {
    fn default() -> Self {
        Position { lots: 0, cost: 0, value: 0, low_x2: i64::MAX, high_x2: i64::MIN, last_entry: NO_ENTRY }
    }
}

impl Position {
    /// Profit at the mark.
    #[inline]
    pub fn unrealised(&self) -> Cash {
        self.value - self.cost
    }
}

/// What the ledger knows of an instrument, and the account's net position in it.
#[derive(Clone, Debug)]
pub(crate) struct SymbolState {
    pub(crate) mark_x2: i64,
    holders: u32,
    /// The only holder, while there is one whose value and risk are plain: not inverse, not a binary.
    sole: Option<PolicyId>,
    /// The account's position: the sum of its owners'.
    pub(crate) lots: i64,
    /// Absolute value of that at the mark.
    pub(crate) gross: Cash,
    net: Cash,
    /// What initial margin is a share of: the value, or for a binary sold short what it may still have to pay.
    pub(crate) risk: Cash,
    pub(crate) unit: Unit,
    pub(crate) initial_e10: i64,
    maintenance_e10: i64,
    pub(crate) currency: CurrencyId,
    is_full: bool,
    /// Twice the most that a binary pays, in price units; 0 for other contracts.
    pub(crate) payout_x2: i64,
    lot_size: crate::num::Decimal,
}

/// What a fill did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Index of the ledger's entry.
    pub entry: u32,
    /// Profit that it realised, before fees.
    pub realised: Cash,
    /// The policy's position after it, in lots.
    pub lots_after: i64,
}

/// Balances, positions and their history.
#[derive(Clone, Debug)]
pub struct Ledger {
    config: AccountConfig,
    policies: usize,
    pub(crate) symbols: Vec<SymbolState>,
    /// By owner, then symbol.
    positions: Vec<Position>,
    /// By owner (the account last), then currency.
    money: Vec<Money>,
    /// By owner, the account last.
    standings: Vec<Standing>,
    entries: Vec<Entry>,
    /// Value of one unit of each currency in the account's, in 10⁻¹²; 0 while unknown.
    rates_e12: Vec<i64>,
    /// Equity may have changed since the standings were looked at.
    is_dirty: bool,
    day_ends_at_ns: i64,
    week: i64,
    borrow_day: Option<i64>,
}

impl Ledger {
    /// An empty ledger for `policies` policies; the starting balances belong to `unattributed`.
    ///
    /// # Errors
    /// When the configuration contradicts itself or an instrument's currency has no balance.
    pub fn new(config: &AccountConfig, instruments: &[Instrument], policies: usize) -> Result<Ledger, String> {
        config.validate()?;
        let currencies = config.balances.len();
        for instrument in instruments {
            if instrument.currency as usize >= currencies {
                return Err(format!(
                    "{}: currency {} is not one of the account's {currencies}; give it a starting balance, if only 0",
                    instrument.symbol, instrument.currency
                ));
            }
        }
        let symbols = instruments.iter().map(|instrument| SymbolState::new(instrument, config)).collect();
        let owners = policies + 1;
        let mut money = vec![Money::default(); (owners + 1) * currencies];
        for (currency, &balance) in config.balances.iter().enumerate() {
            for owner in [policies, policies + 1] {
                let sums = &mut money[owner * currencies + currency];
                (sums.initial, sums.equity) = (balance, balance);
            }
        }
        let mut rates_e12 = vec![0; currencies];
        rates_e12[config.currency as usize] = CASH_ONE as i64;
        Ok(Ledger {
            config: config.clone(),
            policies,
            symbols,
            positions: vec![Position::default(); owners * instruments.len()],
            money,
            standings: vec![Standing::default(); owners + 1],
            entries: Vec::new(),
            rates_e12,
            is_dirty: true,
            day_ends_at_ns: i64::MIN,
            week: i64::MIN,
            borrow_day: None,
        })
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &AccountConfig {
        &self.config
    }

    /// How many policies there are.
    pub fn policies(&self) -> usize {
        self.policies
    }

    /// The owner of what no policy owns.
    pub fn unattributed(&self) -> PolicyId {
        self.policies as PolicyId
    }

    /// How many instruments there are.
    pub fn symbol_count(&self) -> usize {
        self.symbols.len()
    }

    /// Whether an instrument can only be valued at positive prices (inverse contracts).
    pub fn needs_positive_price(&self, symbol: SymbolId) -> bool {
        self.symbols[symbol as usize].unit.is_inverse()
    }

    /// How many currencies there are.
    #[inline]
    pub fn currencies(&self) -> usize {
        self.rates_e12.len()
    }

    /// What an owner holds of an instrument.
    #[inline]
    pub fn position(&self, policy: PolicyId, symbol: SymbolId) -> &Position {
        &self.positions[policy as usize * self.symbols.len() + symbol as usize]
    }

    /// The account's net position, in lots.
    #[inline]
    pub fn account_lots(&self, symbol: SymbolId) -> i64 {
        self.symbols[symbol as usize].lots
    }

    /// Sums of one owner in one currency.
    #[inline]
    pub fn money(&self, policy: PolicyId, currency: CurrencyId) -> &Money {
        &self.money[policy as usize * self.currencies() + currency as usize]
    }

    /// Sums of the account in one currency.
    #[inline]
    pub fn account(&self, currency: CurrencyId) -> &Money {
        &self.money[(self.policies + 1) * self.currencies() + currency as usize]
    }

    /// The account's equity in one currency: balance plus unrealised profit.
    #[inline]
    pub fn equity(&self, currency: CurrencyId) -> Cash {
        self.account(currency).equity
    }

    /// The account's spendable cash in one currency.
    #[inline]
    pub fn cash(&self, currency: CurrencyId) -> Cash {
        self.account(currency).cash()
    }

    /// The account's equity valued in its own currency; `None` while a rate that it needs is unknown.
    #[inline]
    pub fn equity_total(&self) -> Option<Cash> {
        self.total(None, |money| money.equity)
    }

    /// A sum of one owner (`None`: the account) over all currencies, valued in the account's currency.
    ///
    /// `None` while a rate that it needs is unknown.
    #[inline]
    pub fn total(&self, policy: Option<PolicyId>, of: impl Fn(&Money) -> Cash) -> Option<Cash> {
        let first = policy.map_or(self.policies + 1, usize::from) * self.currencies();
        if self.currencies() == 1 {
            return Some(of(&self.money[first]));
        }
        let mut total = 0;
        for currency in 0..self.currencies() {
            total += self.in_account_currency(of(&self.money[first + currency]), currency as CurrencyId)?;
        }
        Some(total)
    }

    /// An amount valued in the account's currency, rounded half to even; `None` while the rate is unknown.
    #[inline]
    pub fn in_account_currency(&self, amount: Cash, currency: CurrencyId) -> Option<Cash> {
        if currency == self.config.currency || amount == 0 {
            return Some(amount);
        }
        let rate = self.rates_e12[currency as usize];
        (rate > 0).then(|| mul_div(amount, rate, CASH_ONE as i64))
    }

    /// An amount in another currency; `None` while a rate that it needs is unknown.
    pub(crate) fn convert(&self, amount: Cash, from: CurrencyId, to: CurrencyId) -> Option<Cash> {
        if from == to || amount == 0 {
            return Some(amount);
        }
        let valued = self.in_account_currency(amount, from)?;
        let rate = self.rates_e12[to as usize];
        (rate > 0).then(|| mul_div(valued, CASH_ONE as i64, rate))
    }

    /// Whether all currencies back one another: a margin account of several whose rates are all known.
    #[inline]
    pub(crate) fn is_pooled(&self) -> bool {
        self.currencies() > 1 && self.config.kind == AccountKind::Margin && self.rates_e12.iter().all(|rate| *rate > 0)
    }

    /// States what one unit of a currency is worth in the account's, in 10⁻¹², from now on.
    ///
    /// # Errors
    /// When the rate is not positive, or the currency is the account's own or unknown.
    pub fn set_rate(&mut self, currency: CurrencyId, rate_e12: i64) -> Result<(), LedgerError> {
        if currency as usize >= self.currencies() || currency == self.config.currency {
            return Err(LedgerError::Currency(currency));
        }
        if rate_e12 <= 0 {
            return Err(LedgerError::Rate(rate_e12));
        }
        self.rates_e12[currency as usize] = rate_e12;
        self.is_dirty = true;
        Ok(())
    }

    /// Peak, day start and week start of an owner (`None`: the account), valued in the account's currency.
    #[inline]
    pub fn standing(&self, policy: Option<PolicyId>) -> &Standing {
        &self.standings[policy.map_or(self.policies + 1, usize::from)]
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Twice the mark in price units; `None` before the first.
    #[inline]
    pub fn mark_x2(&self, symbol: SymbolId) -> Option<i64> {
        let mark = self.symbols[symbol as usize].mark_x2;
        (mark != NO_MARK).then_some(mark)
    }

    /// Sets the mark, twice the price in price units. Returns at once when nobody holds the instrument, and whether
    /// anybody does.
    #[inline]
    pub fn mark(&mut self, symbol: SymbolId, mark_x2: i64) -> bool {
        self.mark_within(symbol, mark_x2, mark_x2, mark_x2)
    }

    /// Sets the mark to a bar's close, in price units; lowest and highest count for MAE and MFE alone.
    #[inline]
    pub fn mark_bar(&mut self, symbol: SymbolId, low: i64, high: i64, close: i64) -> bool {
        self.mark_within(symbol, close * 2, low * 2, high * 2)
    }

    #[inline]
    fn mark_within(&mut self, symbol: SymbolId, mark_x2: i64, low_x2: i64, high_x2: i64) -> bool {
        let state = &mut self.symbols[symbol as usize];
        let before_x2 = std::mem::replace(&mut state.mark_x2, mark_x2);
        if state.holders == 0 {
            return false;
        }
        if let Some(owner) = state.sole {
            self.mark_sole(owner, symbol, mark_x2, low_x2, high_x2);
            return true;
        }
        self.extend_range(symbol, low_x2.min(mark_x2), high_x2.max(mark_x2));
        if before_x2 != mark_x2 {
            self.mark_held(symbol, mark_x2);
        }
        true
    }

    /// One holder of a plain instrument, nearly always so: what the position gains, owner and account gain.
    fn mark_sole(&mut self, owner: PolicyId, symbol: SymbolId, mark_x2: i64, low_x2: i64, high_x2: i64) {
        let (count, currencies) = (self.symbols.len(), self.currencies());
        let state = &mut self.symbols[symbol as usize];
        let position = &mut self.positions[owner as usize * count + symbol as usize];
        position.low_x2 = position.low_x2.min(low_x2).min(mark_x2);
        position.high_x2 = position.high_x2.max(high_x2).max(mark_x2);
        let value = state.unit.value_x2(mark_x2, position.lots);
        let change = value - position.value;
        if change == 0 {
            return;
        }
        position.value = value;
        let grown = value.abs() - state.gross;
        (state.gross, state.net, state.risk) = (value.abs(), value, value.abs());
        let (initial, maintenance) = (times(grown, state.initial_e10), times(grown, state.maintenance_e10));
        let currency = state.currency as usize;
        let own = &mut self.money[owner as usize * currencies + currency];
        own.equity += change;
        own.gross += grown;
        own.net += change;
        let account = &mut self.money[(self.policies + 1) * currencies + currency];
        account.equity += change;
        account.gross += grown;
        account.net += change;
        account.initial_margin_e10 += initial;
        account.maintenance_margin_e10 += maintenance;
        self.is_dirty = true;
    }

    /// Whether any owner holds the instrument.
    #[inline]
    pub fn is_held(&self, symbol: SymbolId) -> bool {
        self.symbols[symbol as usize].holders != 0
    }

    /// Lots, cost and value at the mark of one policy, or (`None`) of all owners together.
    pub fn held(&self, policy: Option<PolicyId>, symbol: SymbolId) -> (i64, Cash, Cash) {
        if let Some(policy) = policy {
            let position = self.position(policy, symbol);
            return (position.lots, position.cost, position.value);
        }
        let owners = (0..=self.policies).map(|owner| self.position(owner as PolicyId, symbol));
        owners.fold((0, 0, 0), |(lots, cost, value), position| {
            (lots + position.lots, cost + position.cost, value + position.value)
        })
    }

    fn mark_held(&mut self, symbol: SymbolId, mark_x2: i64) {
        let (count, currencies) = (self.symbols.len(), self.currencies());
        let state = &self.symbols[symbol as usize];
        let (unit, currency) = (state.unit, state.currency as usize);
        let is_alone = state.holders == 1;
        let (mut change, mut total) = (0, 0);
        for owner in 0..=self.policies {
            let position = &mut self.positions[owner * count + symbol as usize];
            if position.lots == 0 {
                continue;
            }
            let (before, value) = (position.value, unit.value_x2(mark_x2, position.lots));
            position.value = value;
            let money = &mut self.money[owner * currencies + currency];
            money.equity += value - before;
            money.gross += value.abs() - before.abs();
            money.net += if unit.is_inverse() { before - value } else { value - before };
            change += value - before;
            total += value;
        }
        self.money[(self.policies + 1) * currencies + currency].equity += change;
        if is_alone {
            self.set_account_value(symbol, total);
        } else {
            self.refresh_account(symbol);
        }
        self.is_dirty = true;
    }

    /// Lowest and highest price of a period in which the positions held now were open: for MAE and MFE alone.
    pub fn mark_range(&mut self, symbol: SymbolId, low: i64, high: i64) {
        if self.is_held(symbol) {
            self.extend_range(symbol, low * 2, high * 2);
        }
    }

    fn extend_range(&mut self, symbol: SymbolId, low_x2: i64, high_x2: i64) {
        let count = self.symbols.len();
        for owner in 0..=self.policies {
            let position = &mut self.positions[owner * count + symbol as usize];
            if position.lots != 0 {
                position.low_x2 = position.low_x2.min(low_x2);
                position.high_x2 = position.high_x2.max(high_x2);
            }
        }
    }

    /// Books an execution.
    ///
    /// # Panics
    /// When its size is not positive, or its price is not and the contract is inverse.
    pub fn fill(&mut self, policy: PolicyId, symbol: SymbolId, side: Side, fill: &Fill, ts_event_ns: i64) -> Booked {
        assert!(fill.lots > 0, "fill {} has size {}; sizes are positive", fill.fill_id, fill.lots);
        let lots = side.sign() * fill.lots;
        let state = &mut self.symbols[symbol as usize];
        if state.mark_x2 == NO_MARK {
            state.mark_x2 = fill.price * 2;
        }
        let unit = state.unit;
        let held = *self.position(policy, symbol);
        let after = unit.trade(held.lots, held.cost, lots, fill.price);
        self.book(policy, symbol, after.lots, after.cost, after.realised, fill.fee, 0);
        let entry = Entry {
            policy,
            symbol,
            kind: EntryKind::Fill { fill_id: fill.fill_id },
            lots,
            price: fill.price,
            amount: fill.fee,
            realised: after.realised,
            lots_after: after.lots,
            ts_event_ns,
            low_x2: 0,
            high_x2: 0,
            is_reversed: false,
            previous: NO_ENTRY,
        };
        Booked { entry: self.push(entry), realised: after.realised, lots_after: after.lots }
    }

    /// Undoes a fill: everything stands as if it had never happened.
    ///
    /// The position is replayed from its entries without the fill, so cost, profit and round trips of later fills
    /// follow. Dividends, funding and borrow cost stay as they were paid. Returns what the reversal did to cash of the
    /// fill's currency (balance less cost), the mark unchanged.
    ///
    /// # Errors
    /// When no fill of that id is known, or it was reversed before.
    pub fn reverse(&mut self, fill_id: u64) -> Result<Cash, LedgerError> {
        let is_it = |entry: &Entry| entry.kind == EntryKind::Fill { fill_id };
        let index = self.entries.iter().rposition(|entry| is_it(entry) && !entry.is_reversed).ok_or_else(|| {
            let is_known = self.entries.iter().any(is_it);
            if is_known { LedgerError::AlreadyReversed(fill_id) } else { LedgerError::UnknownFill(fill_id) }
        })?;
        self.entries[index].is_reversed = true;
        let Entry { policy, symbol, amount: fee, .. } = self.entries[index];
        let held = *self.position(policy, symbol);
        let mut chain = Vec::new();
        let mut at = held.last_entry;
        while at != NO_ENTRY {
            chain.push(at);
            at = self.entries[at as usize].previous;
        }
        let unit = self.symbols[symbol as usize].unit;
        let (mut lots, mut cost, mut realised) = (0, 0, 0);
        for &at in chain.iter().rev() {
            let entry = &mut self.entries[at as usize];
            realised -= entry.realised;
            let after = entry.replay(&unit, lots, cost);
            entry.realised = after.realised;
            entry.lots_after = after.lots;
            realised += after.realised;
            (lots, cost) = (after.lots, after.cost);
        }
        self.book(policy, symbol, lots, cost, realised, -fee, 0);
        Ok(realised + fee - (cost - held.cost))
    }

    /// Moves an owner's position and sums, and the account's with them, by one change.
    #[allow(clippy::too_many_arguments)] // The parts of one booking; a struct would only rename them.
    fn book(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        lots: i64,
        cost: Cash,
        realised: Cash,
        fee: Cash,
        flow: Cash,
    ) {
        let (count, currencies) = (self.symbols.len(), self.currencies());
        let state = &mut self.symbols[symbol as usize];
        let position = &mut self.positions[policy as usize * count + symbol as usize];
        let before = *position;
        let value = if lots == 0 { 0 } else { state.unit.value_x2(state.mark_x2, lots) };
        (position.lots, position.cost, position.value) = (lots, cost, value);
        state.lots += lots - before.lots;
        state.holders = state.holders + u32::from(lots != 0) - u32::from(before.lots != 0);

        state.sole = match state.holders {
            1 if lots != 0 && !state.unit.is_inverse() && state.payout_x2 == 0 => Some(policy),
            _ => None, // Where one of several remains, the general way is right too.
        };
        let cost_full = if state.is_full { cost - before.cost } else { 0 };
        let equity = realised - fee + flow + (value - cost) - before.unrealised();
        let net = if state.unit.is_inverse() { before.value - value } else { value - before.value };
        let currency = state.currency as usize;
        let own = &mut self.money[policy as usize * currencies + currency];
        own.gross += value.abs() - before.value.abs();
        own.net += net;
        for owner in [policy as usize, self.policies + 1] {
            let money = &mut self.money[owner * currencies + currency];
            money.realised += realised;
            money.fees += fee;
            money.cash_flows += flow;
            money.cost_full += cost_full;
            money.equity += equity;
        }
        self.refresh_account(symbol);
        self.is_dirty = true;
    }

    /// Brings the account's exposure and margin in one instrument up to its lots and mark.
    #[inline]
    fn refresh_account(&mut self, symbol: SymbolId) {
        let state = &self.symbols[symbol as usize];
        let value = if state.lots == 0 { 0 } else { state.unit.value_x2(state.mark_x2, state.lots) };
        self.set_account_value(symbol, value);
    }

    #[inline]
    fn set_account_value(&mut self, symbol: SymbolId, value: Cash) {
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

    /// Appends an entry to the position's history; it takes the range of marks since the one before.
    fn push(&mut self, mut entry: Entry) -> u32 {
        let count = self.symbols.len();
        let position = &mut self.positions[entry.policy as usize * count + entry.symbol as usize];
        (entry.low_x2, entry.high_x2, entry.previous) = (position.low_x2, position.high_x2, position.last_entry);
        let index = self.entries.len() as u32;
        (position.low_x2, position.high_x2, position.last_entry) = (i64::MAX, i64::MIN, index);
        self.entries.push(entry);
        index
    }

    /// Call first in each step, before its records are applied: closes the books of the step before.
    ///
    /// Peaks take the equity of whole steps, never of half-applied ones; a new day or week starts at the equity
    /// before its first record. Returns at once when nothing changed and no day ended.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64) {
        if self.is_dirty || now_ns >= self.day_ends_at_ns {
            self.close_step(now_ns);
        }
    }

    fn close_step(&mut self, now_ns: i64) {
        self.is_dirty = false;
        let is_new_day = now_ns >= self.day_ends_at_ns;
        if !is_new_day && self.currencies() == 1 {
            // One currency can always be valued, so standings and sums go by the same index.
            for (standing, money) in self.standings.iter_mut().zip(&self.money) {
                standing.peak = standing.peak.max(money.equity);
            }
            return;
        }
        let mut is_new_week = false;
        if is_new_day {
            let ends = self.config.day_ends_ns;
            let day = (now_ns - ends).div_euclid(DAY_NS);
            self.day_ends_at_ns = (day + 1) * DAY_NS + ends;
            // 1970-01-01 was a Thursday. With days that end at 00:00 the end of Sunday is Monday 00:00; otherwise the
            // day's end lies on Sunday itself.
            let week = (day + if ends == 0 { 3 } else { 4 }).div_euclid(7);
            is_new_week = week != self.week;
            self.week = week;
        }
        for owner in 0..=self.policies + 1 {
            let Some(equity) = self.total(Some(owner as PolicyId), |money| money.equity) else { continue };
            let standing = &mut self.standings[owner];
            if !standing.is_valued {
                *standing = Standing { peak: equity, day_start: equity, week_start: equity, is_valued: true };
            }
            standing.peak = standing.peak.max(equity);
            if is_new_day {
                standing.day_start = equity;
            }
            if is_new_week {
                standing.week_start = equity;
            }
        }
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
    fn new(instrument: &Instrument, config: &AccountConfig) -> SymbolState {
        let (initial_e10, maintenance_e10) = config.rates(instrument);
        let payout_x2 = match instrument.contract {
            // Without bounds a binary pays one.
            Contract::Binary => {
                let one = instrument.price_unit.count_nearest(1.0).unwrap_or(1);
                instrument.bounds_ticks.map_or(one, |(_, high)| high) * 2
            }
            _ => 0,
        };
        SymbolState {
            mark_x2: NO_MARK,
            holders: 0,
            sole: None,
            lots: 0,
            gross: 0,
            net: 0,
            risk: 0,
            unit: Unit::of(instrument),
            initial_e10,
            maintenance_e10,
            currency: instrument.currency,
            is_full: instrument.payment == Payment::Full,
            payout_x2,
            lot_size: instrument.lot_size,
        }
    }

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
