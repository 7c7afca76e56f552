//! The exact ledger as `tradewright._native.Ledger`: amounts are Python ints of 10⁻¹² of a currency.

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use tradewright_kernel::event::CashEvent;
use tradewright_kernel::instrument::{Contract, Instrument, Payment};
use tradewright_kernel::ledger::{self, AccountConfig, AccountKind, EntryKind};
use tradewright_kernel::num::Decimal;
use tradewright_kernel::order::{Fill, Liquidity, Side};

/// What the ledger must know of an instrument.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct InstrumentSpec {
    symbol: String,
    currency: u16,
    contract: String,
    payment: String,
    price_unit: String,
    lot_size: String,
    multiplier: String,
    /// Lowest and highest price in price units.
    bounds_ticks: Option<(i64, i64)>,
    margin_initial_e10: i64,
    margin_maintenance_e10: i64,
    #[pyo3(default)]
    event_group: Option<u32>,
    #[pyo3(default)]
    event_outcomes: Option<u32>,
}

impl InstrumentSpec {
    fn instrument(&self) -> PyResult<Instrument> {
        let decimal = |name: &str, text: &str| match Decimal::parse(text) {
            Ok(decimal) if decimal.mantissa > 0 => Ok(decimal),
            Ok(_) => Err(PyValueError::new_err(format!("{}: {name} {text} is not positive", self.symbol))),
            Err(problem) => Err(PyValueError::new_err(format!("{}: {name} {problem}", self.symbol))),
        };
        Ok(Instrument {
            currency: self.currency,
            contract: match self.contract.as_str() {
                "linear" => Contract::Linear,
                "inverse" => Contract::Inverse,
                "binary" => Contract::Binary,
                other => return Err(one_of("contract", other, "linear, inverse, binary")),
            },
            payment: match self.payment.as_str() {
                "full" => Payment::Full,
                "margin" => Payment::Margin,
                other => return Err(one_of("payment", other, "full, margin")),
            },
            price_unit: decimal("price_unit", &self.price_unit)?,
            lot_size: decimal("lot_size", &self.lot_size)?,
            multiplier: decimal("multiplier", &self.multiplier)?,
            bounds_ticks: self.bounds_ticks,
            margin_initial_e10: self.margin_initial_e10,
            margin_maintenance_e10: self.margin_maintenance_e10,
            event_group: self.event_group,
            event_outcomes: self.event_outcomes,
            ..Instrument::plain(&self.symbol)
        })
    }
}

fn one_of(field: &str, value: &str, allowed: &str) -> PyErr {
    PyValueError::new_err(format!("{field} {value:?} is not one of {allowed}"))
}

fn side_of(text: &str) -> PyResult<Side> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(one_of("side", other, "buy, sell")),
    }
}

fn refused(error: ledger::LedgerError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Running sums of an owner in one currency.
#[pyclass(frozen, get_all, module = "tradewright._native")]
pub struct Balance {
    initial: i128,
    deposits: i128,
    realised: i128,
    fees: i128,
    cash_flows: i128,
    cash: i128,
    unrealised: i128,
    equity: i128,
    gross: i128,
    net: i128,
}

impl From<&ledger::Money> for Balance {
    fn from(money: &ledger::Money) -> Balance {
        Balance {
            initial: money.initial,
            deposits: money.deposits,
            realised: money.realised,
            fees: money.fees,
            cash_flows: money.cash_flows,
            cash: money.cash(),
            unrealised: money.unrealised(),
            equity: money.equity,
            gross: money.gross,
            net: money.net,
        }
    }
}

/// One ledger entry.
#[pyclass(frozen, get_all, module = "tradewright._native")]
pub struct LedgerEntry {
    policy: u16,
    symbol: u32,
    kind: &'static str,
    fill_id: Option<u64>,
    lots: i64,
    price_ticks: i64,
    amount: i128,
    realised: i128,
    lots_after: i64,
    ts_event_ns: i64,
    is_reversed: bool,
}

/// One round trip.
#[pyclass(frozen, get_all, module = "tradewright._native")]
pub struct LedgerTrip {
    policy: u16,
    symbol: u32,
    direction: i8,
    size_max_lots: i64,
    entry_ns: i64,
    exit_ns: Option<i64>,
    entry_lots: i64,
    entry_price_lots: i128,
    exit_lots: i64,
    exit_price_lots: i128,
    fees: i128,
    pnl: i128,
    mae: i128,
    mfe: i128,
}

/// Balances, positions and their history; see docs/concepts/money.md.
#[pyclass(module = "tradewright._native")]
pub struct Ledger {
    inner: ledger::Ledger,
}

impl Ledger {
    fn owner(&self, policy: Option<u16>) -> PyResult<u16> {
        let owner = policy.unwrap_or(self.inner.unattributed());
        if owner > self.inner.unattributed() {
            return Err(PyIndexError::new_err(format!(
                "policy {owner} is unknown; there are {}",
                self.inner.policies()
            )));
        }
        Ok(owner)
    }

    fn symbol(&self, symbol: u32) -> PyResult<u32> {
        if (symbol as usize) < self.inner.symbol_count() {
            return Ok(symbol);
        }
        Err(PyIndexError::new_err(format!("symbol {symbol} is unknown; there are {}", self.inner.symbol_count())))
    }

    fn currency(&self, currency: u16) -> PyResult<u16> {
        if (currency as usize) < self.inner.currencies() {
            return Ok(currency);
        }
        Err(PyIndexError::new_err(format!("currency {currency} is unknown; there are {}", self.inner.currencies())))
    }
}

#[pymethods]
impl Ledger {
    #[new]
    #[pyo3(signature = (instruments, *, policies, balances, kind = "margin", currency = 0, leverage_max_e10 = 10_000_000_000, initial_e10 = 0, maintenance_e10 = 0, day_ends_ns = 0, netting = "market"))]
    #[allow(clippy::too_many_arguments)] // Keywords in Python.
    fn new(
        instruments: Vec<InstrumentSpec>,
        policies: u16,
        balances: Vec<i128>,
        kind: &str,
        currency: u16,
        leverage_max_e10: i64,
        initial_e10: i64,
        maintenance_e10: i64,
        day_ends_ns: i64,
        netting: &str,
    ) -> PyResult<Ledger> {
        let config = AccountConfig {
            kind: match kind {
                "cash" => AccountKind::Cash,
                "margin" => AccountKind::Margin,
                other => return Err(one_of("kind", other, "cash, margin")),
            },
            currency,
            balances,
            rates_e12: Vec::new(),
            leverage_max_e10,
            initial_e10,
            maintenance_e10,
            day_ends_ns,
            netting: crate::configuration::netting(netting)?,
        };
        let instruments = instruments.iter().map(InstrumentSpec::instrument).collect::<PyResult<Vec<_>>>()?;
        let inner = ledger::Ledger::new(&config, &instruments, policies as usize).map_err(PyValueError::new_err)?;
        Ok(Ledger { inner })
    }

    /// Books an execution of a policy (`None`: unattributed); returns the profit that it realised, before fees.
    #[pyo3(signature = (policy, symbol, side, *, fill_id, price_ticks, lots, fee = 0, ts_event_ns = 0))]
    #[allow(clippy::too_many_arguments)] // Keywords in Python.
    fn fill(
        &mut self,
        policy: Option<u16>,
        symbol: u32,
        side: &str,
        fill_id: u64,
        price_ticks: i64,
        lots: i64,
        fee: i128,
        ts_event_ns: i64,
    ) -> PyResult<i128> {
        if lots <= 0 {
            return Err(PyValueError::new_err(format!("fill {fill_id}: size {lots} is not positive")));
        }
        let (owner, symbol) = (self.owner(policy)?, self.symbol(symbol)?);
        if self.inner.needs_positive_price(symbol) && price_ticks <= 0 {
            return Err(PyValueError::new_err(format!("fill {fill_id}: an inverse contract has positive prices")));
        }
        let fill = Fill { fill_id, price: price_ticks, lots, fee, liquidity: Liquidity::Taker };
        Ok(self.inner.fill(owner, symbol, side_of(side)?, &fill, ts_event_ns).realised)
    }

    /// Undoes a fill; everything stands as if it had never happened. Returns the change of cash less cost.
    fn reverse(&mut self, fill_id: u64) -> PyResult<i128> {
        self.inner.reverse(fill_id).map_err(refused)
    }

    /// Sets the mark: twice the price in price units, so that a mid is whole.
    fn mark(&mut self, symbol: u32, mark_x2: i64) -> PyResult<()> {
        let symbol = self.symbol(symbol)?;
        if self.inner.needs_positive_price(symbol) && mark_x2 <= 0 {
            return Err(PyValueError::new_err(format!("mark {mark_x2}/2: an inverse contract has positive prices")));
        }
        self.inner.mark(symbol, mark_x2);
        Ok(())
    }

    /// Lowest and highest price of a period with the present positions open.
    fn mark_range(&mut self, symbol: u32, low_ticks: i64, high_ticks: i64) -> PyResult<()> {
        let symbol = self.symbol(symbol)?;
        self.inner.mark_range(symbol, low_ticks, high_ticks);
        Ok(())
    }

    /// Books a dividend of `amount` a unit of size.
    fn dividend(&mut self, symbol: u32, amount: i128, ts_event_ns: i64) -> PyResult<()> {
        let event = CashEvent::Dividend { amount };
        self.inner.cash_event(self.symbol(symbol)?, &event, ts_event_ns).map_err(refused)
    }

    /// Books `numerator` new units for each `denominator` held.
    fn split(&mut self, symbol: u32, numerator: i64, denominator: i64, ts_event_ns: i64) -> PyResult<()> {
        let event = CashEvent::Split { numerator, denominator };
        self.inner.cash_event(self.symbol(symbol)?, &event, ts_event_ns).map_err(refused)
    }

    /// Books funding: longs pay `rate_e10 × value`.
    fn funding(&mut self, symbol: u32, rate_e10: i64, ts_event_ns: i64) -> PyResult<()> {
        let event = CashEvent::Funding { rate_e10 };
        self.inner.cash_event(self.symbol(symbol)?, &event, ts_event_ns).map_err(refused)
    }

    /// Declares an instrument void: every position ends at what it cost.
    fn refund(&mut self, symbol: u32, ts_event_ns: i64) -> PyResult<()> {
        self.inner.cash_event(self.symbol(symbol)?, &CashEvent::Refund, ts_event_ns).map_err(refused)
    }

    /// Ends all positions at a price.
    #[pyo3(signature = (symbol, price_ticks, ts_event_ns, *, void = false))]
    fn settle(&mut self, symbol: u32, price_ticks: i64, ts_event_ns: i64, void: bool) -> PyResult<()> {
        let event = CashEvent::Settlement { price: price_ticks, void };
        self.inner.cash_event(self.symbol(symbol)?, &event, ts_event_ns).map_err(refused)
    }

    /// Books money put in, or taken out where negative.
    fn deposit(&mut self, currency: u16, amount: i128) -> PyResult<()> {
        self.inner.cash_event(0, &CashEvent::Deposit { currency, amount }, 0).map_err(refused)
    }

    /// Charges a year's borrow rate on net shorts for the whole days since the call before.
    fn accrue_borrow(&mut self, now_ns: i64, rate_e10: i64) {
        self.inner.accrue_borrow(now_ns, |_| rate_e10);
    }

    /// Starts a step: closes the one before, and days and weeks that ended.
    fn on_time(&mut self, now_ns: i64) {
        self.inner.on_time(now_ns);
    }

    /// States what a unit of a currency is worth in the account's, in 10⁻¹².
    fn set_rate(&mut self, currency: u16, rate_e12: i64) -> PyResult<()> {
        self.inner.set_rate(currency, rate_e12).map_err(refused)
    }

    /// Sums of a policy in a currency; of the account with ``None``.
    #[pyo3(signature = (currency, policy = None))]
    fn balance(&self, currency: u16, policy: Option<u16>) -> PyResult<Balance> {
        let currency = self.currency(currency)?;
        Ok(match policy {
            None => self.inner.account(currency).into(),
            Some(_) => self.inner.money(self.owner(policy)?, currency).into(),
        })
    }

    /// The account's equity in a currency.
    fn equity(&self, currency: u16) -> PyResult<i128> {
        Ok(self.inner.equity(self.currency(currency)?))
    }

    /// The account's equity in its own currency; ``None`` while a rate of exchange is missing.
    fn equity_total(&self) -> Option<i128> {
        self.inner.equity_total()
    }

    /// Peak, day start and week start of a policy's profit, or of the account's equity with ``None``.
    #[pyo3(signature = (policy = None))]
    fn standing(&self, policy: Option<u16>) -> PyResult<Option<(i128, i128, i128)>> {
        let owner = policy.map(|policy| self.owner(Some(policy))).transpose()?;
        let standing = self.inner.standing(owner);
        Ok(standing.is_valued.then_some((standing.peak, standing.day_start, standing.week_start)))
    }

    /// Lots, total signed cost and value at the mark of a policy's position (``None``: unattributed).
    fn position(&self, policy: Option<u16>, symbol: u32) -> PyResult<(i64, i128, i128)> {
        let position = self.inner.position(self.owner(policy)?, self.symbol(symbol)?);
        Ok((position.lots, position.cost, position.value))
    }

    /// The account's net position, in lots.
    fn account_lots(&self, symbol: u32) -> PyResult<i64> {
        Ok(self.inner.account_lots(self.symbol(symbol)?))
    }

    /// What may still be committed in a currency, open orders not counted.
    fn buying_power(&self, currency: u16) -> PyResult<i128> {
        Ok(self.inner.buying_power(self.currency(currency)?))
    }

    /// Cash set aside in a currency for what binaries sold short owe at their worst.
    fn locked(&self, currency: u16) -> PyResult<i128> {
        Ok(self.inner.locked(self.currency(currency)?))
    }

    /// Initial margin in use in a currency.
    fn margin_used(&self, currency: u16) -> PyResult<i128> {
        Ok(self.inner.margin_used(self.currency(currency)?))
    }

    /// Whether equity is below the maintenance margin.
    fn below_maintenance(&self) -> bool {
        self.inner.below_maintenance()
    }

    /// All entries, oldest first.
    fn entries(&self) -> Vec<LedgerEntry> {
        let entry = |entry: &ledger::Entry| {
            let (kind, fill_id) = match entry.kind {
                EntryKind::Fill { fill_id } => ("fill", Some(fill_id)),
                EntryKind::Split { .. } => ("split", None),
                EntryKind::Settlement => ("settlement", None),
                EntryKind::Refund => ("refund", None),
                EntryKind::Dividend => ("dividend", None),
                EntryKind::Funding => ("funding", None),
                EntryKind::Borrow => ("borrow", None),
            };
            LedgerEntry {
                policy: entry.policy,
                symbol: entry.symbol,
                kind,
                fill_id,
                lots: entry.lots,
                price_ticks: entry.price,
                amount: entry.amount,
                realised: entry.realised,
                lots_after: entry.lots_after,
                ts_event_ns: entry.ts_event_ns,
                is_reversed: entry.is_reversed,
            }
        };
        self.inner.entries().iter().map(entry).collect()
    }

    /// All round trips in the order in which they began.
    fn trips(&self) -> Vec<LedgerTrip> {
        let trip = |trip: &ledger::Trip| LedgerTrip {
            policy: trip.policy,
            symbol: trip.symbol,
            direction: trip.direction,
            size_max_lots: trip.size_max_lots,
            entry_ns: trip.entry_ns,
            exit_ns: trip.exit_ns,
            entry_lots: trip.entry_lots,
            entry_price_lots: trip.entry_price_lots,
            exit_lots: trip.exit_lots,
            exit_price_lots: trip.exit_price_lots,
            fees: trip.fees,
            pnl: trip.pnl(),
            mae: trip.mae,
            mfe: trip.mfe,
        };
        self.inner.trips().iter().map(trip).collect()
    }
}
