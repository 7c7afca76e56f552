//! The exact ledger: cash, positions, profit and fees as integers, for each policy and for the account.
//!
//! An owner is a policy, or `unattributed`: what the venue has and no policy owns, and the money put in. The account
//! is the sum of its owners. For each owner and currency, `equity = initial + deposits + realised − fees + cash_flows
//! + unrealised`, and for what is paid in full `cash + value of positions = equity`, to the last unit of 10⁻¹².

mod account;
mod entry;
mod events;
mod groups;
mod margin;
mod marks;
mod money;
mod passing;
mod reversal;
mod standing;
mod trips;
mod unit;

pub use account::{AccountConfig, AccountKind, RATE_ONE};
pub use entry::{Entry, EntryKind, NO_ENTRY};
pub use events::LedgerError;
pub use groups::Netting;
pub(crate) use groups::{Group, worst_outcome};
pub use money::{Money, Standing};
pub use passing::Mark;
pub use trips::Trip;
pub use unit::{Traded, Unit, checked_times, mul_div, times};

use crate::instrument::{Contract, CurrencyId, Instrument, Payment, SymbolId};
use crate::num::{CASH_ONE, Cash};
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
    /// Index of its event group.
    group: u32,
    /// How it was settled.
    pub(crate) ending: Option<Ending>,
    /// It expired: its last mark stays.
    is_expired: bool,
}

/// How an instrument ended: a fill that is told of later ends alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At this price.
    At(i64),
    /// Each position at what it cost.
    Refund,
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
    groups: Vec<Group>,
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
    /// What changed without a fill and was not taken yet, where somebody keeps a journal.
    changes: Option<Vec<Entry>>,
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
        let symbols: Vec<SymbolState> = instruments.iter().map(|one| SymbolState::new(one, config)).collect();
        let groups = groups::groups_of(instruments, &symbols)?;
        let owners = policies + 1;
        let mut money = vec![Money::default(); (owners + 1) * currencies];
        for (currency, &balance) in config.balances.iter().enumerate() {
            for owner in [policies, policies + 1] {
                let sums = &mut money[owner * currencies + currency];
                (sums.initial, sums.equity) = (balance, balance);
            }
        }
        let mut rates_e12 = config.rates_e12.clone();
        rates_e12.resize(currencies, 0);
        rates_e12[config.currency as usize] = CASH_ONE as i64;
        Ok(Ledger {
            config: config.clone(),
            policies,
            symbols,
            groups,
            positions: vec![Position::default(); owners * instruments.len()],
            money,
            standings: vec![Standing::default(); owners + 1],
            entries: Vec::new(),
            rates_e12,
            is_dirty: true,
            day_ends_at_ns: i64::MIN,
            week: i64::MIN,
            borrow_day: None,
            changes: None,
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

    /// From now on keeps what changes money or positions without a fill, until it is taken.
    pub fn keep_changes(&mut self) {
        self.changes = Some(Vec::new());
    }

    /// What changed money or positions without a fill since this was last asked, each accrual by itself.
    pub fn take_changes(&mut self) -> Vec<Entry> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
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

    /// Books an execution. One that is told of after the instrument's settlement is settled at once.
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
        let booked = Booked { entry: self.push(entry), realised: after.realised, lots_after: after.lots };
        if let Some(ending) = self.symbols[symbol as usize].ending {
            self.end_position(policy, symbol, ending, ts_event_ns);
        }
        booked
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
        if self.symbols[symbol as usize].group != groups::NO_GROUP {
            self.refresh_relief(symbol);
        }
        self.is_dirty = true;
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
            group: instrument.event_group.unwrap_or(groups::NO_GROUP),
            ending: None,
            is_expired: false,
        }
    }
}
