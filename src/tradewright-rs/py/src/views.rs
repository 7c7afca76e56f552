//! What policies and risk managers see: views on the kernel's memory, valid during the call.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tradewright_kernel::gate::OpenOrders;
use tradewright_kernel::instrument::SymbolId;
use tradewright_kernel::kernel::State;
use tradewright_kernel::market::{Market, SourceKind, SymbolState};
use tradewright_kernel::num::{Cash, cash_to_f64};
use tradewright_kernel::order::PolicyId;

use crate::names::{Classes, Names};
use crate::values;

#[cold]
fn stale(py: Python<'_>, what: &str) -> PyErr {
    let text = format!("this {what} was a view, valid during the call; keep what you need with {what}.copy()");
    let error = py
        .import("tradewright.errors")
        .and_then(|errors| errors.getattr("StaleViewError"))
        .and_then(|class| class.call1((text,)));
    match error {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// The values of a market at one moment, kept by `copy`.
struct MarketCopy {
    market: Market,
    values: Vec<f64>,
    woken_by: Vec<u16>,
}

/// The market at the moment of a decision.
#[pyclass(frozen, module = "tradewright._native")]
pub struct MarketSnapshot {
    view: AtomicPtr<State>,
    copy: Option<Box<MarketCopy>>,
    names: Arc<Names>,
    policy: PolicyId,
    /// Where the values of the first few features asked for stand: looking an attribute up costs more than the rest
    /// of a read. Holding the objects keeps their addresses theirs.
    known: [OnceLock<(Py<PyAny>, usize)>; KNOWN],
}

/// How many features each view knows by address.
const KNOWN: usize = 4;

struct Seen<'a> {
    market: &'a Market,
    values: &'a [f64],
    woken_by: &'a [u16],
}

impl MarketSnapshot {
    pub fn new(names: Arc<Names>, policy: PolicyId) -> MarketSnapshot {
        let known = [const { OnceLock::new() }; KNOWN];
        MarketSnapshot { view: AtomicPtr::new(ptr::null_mut()), copy: None, names, policy, known }
    }

    /// A view like this one, for the next call.
    pub fn again(&self) -> MarketSnapshot {
        MarketSnapshot::new(self.names.clone(), self.policy)
    }

    /// Points the view at the kernel's state for the length of a call.
    #[inline]
    pub fn show(&self, state: &State) {
        self.view.store(ptr::from_ref(state).cast_mut(), Ordering::Relaxed);
    }

    /// Ends the view: what is touched from now on raises.
    #[inline]
    pub fn hide(&self) {
        self.view.store(ptr::null_mut(), Ordering::Relaxed);
    }

    #[inline]
    fn seen(&self, py: Python<'_>) -> PyResult<Seen<'_>> {
        let view = self.view.load(Ordering::Relaxed);
        if !view.is_null() {
            // SAFETY: `show` and `hide` bracket a call into Python that holds the kernel's state by shared reference
            // and the interpreter's lock, so while the pointer is set the state lives and nobody writes to it.
            let state = unsafe { &*view };
            return Ok(Seen { market: &state.market, values: &state.graph.values, woken_by: &state.woken_by });
        }
        match &self.copy {
            Some(copy) => Ok(Seen { market: &copy.market, values: &copy.values, woken_by: &copy.woken_by }),
            None => Err(stale(py, "market")),
        }
    }

    #[inline]
    fn price(&self, symbol: &Bound<'_, PyAny>, of: impl Fn(&SymbolState) -> Option<i64>) -> PyResult<f64> {
        let seen = self.seen(symbol.py())?;
        let id = self.names.symbol(symbol)? as usize;
        Ok(match of(&seen.market.symbols[id]) {
            Some(ticks) => seen.market.instruments[id].price(ticks),
            None => f64::NAN,
        })
    }
}

fn bar(state: &SymbolState, of: impl Fn(&SymbolState) -> i64) -> Option<i64> {
    state.seen[SourceKind::Bar as usize].then(|| of(state))
}

fn bid(state: &SymbolState) -> Option<i64> {
    (state.seen[SourceKind::Quote as usize] && state.quote.bid != i64::MIN).then_some(state.quote.bid)
}

fn ask(state: &SymbolState) -> Option<i64> {
    (state.seen[SourceKind::Quote as usize] && state.quote.ask != i64::MAX).then_some(state.quote.ask)
}

#[pymethods]
impl MarketSnapshot {
    /// Value of a watched feature; NaN until it is ready.
    #[inline]
    fn __getitem__(&self, watched: &Bound<'_, PyAny>) -> PyResult<f64> {
        let py = watched.py();
        let seen = self.seen(py)?;
        for (object, slot) in self.known.iter().map_while(OnceLock::get) {
            if watched.is(object) {
                return Ok(seen.values[*slot]);
            }
        }
        let slot: isize = match watched.getattr(intern!(py, "slot")) {
            Ok(slot) => slot.extract()?,
            Err(_) => {
                return Err(PyTypeError::new_err(format!(
                    "market[...] takes what ctx.watch(node) returned in setup, not {watched:?}"
                )));
            }
        };
        let slot = usize::try_from(slot).ok().filter(|slot| *slot < seen.values.len()).ok_or_else(|| {
            PyKeyError::new_err("this feature is watched in another run; call ctx.watch(node) in setup")
        })?;
        if let Some(free) = self.known.iter().find(|known| known.get().is_none()) {
            free.get_or_init(|| (watched.clone().unbind(), slot));
        }
        Ok(seen.values[slot])
    }

    /// Time of the step, ns since the epoch, UTC.
    #[getter]
    fn now_ns(&self, py: Python<'_>) -> PyResult<i64> {
        Ok(self.seen(py)?.market.now_ns)
    }

    /// Which of the policy's wake conditions fired, as their labels.
    #[getter]
    fn woken_by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let labels = self.names.wakes.get(self.policy as usize);
        let fired = self.seen(py)?.woken_by.iter().filter_map(|&wake| labels.and_then(|all| all.get(wake as usize)));
        PyTuple::new(py, fired.collect::<Vec<_>>())
    }

    /// Every symbol of the run.
    #[getter]
    fn symbols<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.names.symbols)
    }

    /// Open of the latest bar; NaN before the first.
    fn open(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        self.price(symbol, |state| bar(state, |state| state.bar.open))
    }

    /// High of the latest bar; NaN before the first.
    fn high(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        self.price(symbol, |state| bar(state, |state| state.bar.high))
    }

    /// Low of the latest bar; NaN before the first.
    fn low(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        self.price(symbol, |state| bar(state, |state| state.bar.low))
    }

    /// Close of the latest bar; NaN before the first.
    fn close(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        self.price(symbol, |state| bar(state, |state| state.bar.close))
    }

    /// Volume of the latest bar; NaN before the first or where none was recorded.
    fn volume(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        let seen = self.seen(symbol.py())?;
        let state = &seen.market.symbols[self.names.symbol(symbol)? as usize];
        Ok(if state.seen[SourceKind::Bar as usize] { state.bar.volume } else { f64::NAN })
    }

    /// Best bid; NaN before the first quote or while that side is empty.
    fn bid(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        self.price(symbol, bid)
    }

    /// Best ask; NaN before the first quote or while that side is empty.
    fn ask(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        self.price(symbol, ask)
    }

    /// Size at the best bid; NaN before the first quote.
    fn bid_size(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        let seen = self.seen(symbol.py())?;
        let state = &seen.market.symbols[self.names.symbol(symbol)? as usize];
        Ok(if state.seen[SourceKind::Quote as usize] { state.quote.bid_size } else { f64::NAN })
    }

    /// Size at the best ask; NaN before the first quote.
    fn ask_size(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        let seen = self.seen(symbol.py())?;
        let state = &seen.market.symbols[self.names.symbol(symbol)? as usize];
        Ok(if state.seen[SourceKind::Quote as usize] { state.quote.ask_size } else { f64::NAN })
    }

    /// Middle of bid and ask; NaN while either is missing.
    fn mid(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        let seen = self.seen(symbol.py())?;
        let id = self.names.symbol(symbol)? as usize;
        let state = &seen.market.symbols[id];
        Ok(match (bid(state), ask(state)) {
            (Some(bid), Some(ask)) => seen.market.instruments[id].price_x2(bid + ask),
            _ => f64::NAN,
        })
    }

    /// Price of the latest public trade; NaN before the first.
    fn last(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        self.price(symbol, |state| state.seen[SourceKind::Trade as usize].then_some(state.trade.price))
    }

    /// The price at which positions are valued: the latest mid, or close, or trade; NaN before the first.
    fn mark(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        let seen = self.seen(symbol.py())?;
        let id = self.names.symbol(symbol)? as usize;
        let mark_x2 = seen.market.symbols[id].mark_x2;
        Ok(if mark_x2 > 0 { seen.market.instruments[id].price_x2(mark_x2) } else { f64::NAN })
    }

    /// `open`, `paused`, `closed` or `resolved`.
    fn status(&self, symbol: &Bound<'_, PyAny>) -> PyResult<&'static str> {
        use tradewright_kernel::event::Status;
        let seen = self.seen(symbol.py())?;
        Ok(match seen.market.symbols[self.names.symbol(symbol)? as usize].status {
            Status::Open => "open",
            Status::Paused => "paused",
            Status::Closed => "closed",
            Status::Resolved => "resolved",
        })
    }

    /// The instrument of a symbol.
    fn instrument(&self, symbol: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let id = self.names.symbol(symbol)? as usize;
        Ok(self.names.instruments[id].clone_ref(symbol.py()))
    }

    /// The trading session at this moment.
    fn session(&self, symbol: &Bound<'_, PyAny>) -> PyResult<SessionState> {
        let seen = self.seen(symbol.py())?;
        let instrument = &seen.market.instruments[self.names.symbol(symbol)? as usize];
        let now_ns = seen.market.now_ns;
        let session = instrument.session_at(now_ns);
        let bounded = session.filter(|session| session.close_ns != i64::MAX);
        Ok(SessionState {
            is_open: session.is_some(),
            open_ns: bounded.map(|session| session.open_ns),
            close_ns: bounded.map(|session| session.close_ns),
            now_ns,
        })
    }

    /// A value of what is known now, which stays valid.
    fn copy(&self, py: Python<'_>) -> PyResult<MarketSnapshot> {
        let Seen { market, values, woken_by } = self.seen(py)?;
        let copy = MarketCopy { market: market.clone(), values: values.to_vec(), woken_by: woken_by.to_vec() };
        Ok(MarketSnapshot { copy: Some(Box::new(copy)), ..MarketSnapshot::new(self.names.clone(), self.policy) })
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.seen(py) {
            Ok(seen) => format!("MarketSnapshot(now_ns={}, symbols={:?})", seen.market.now_ns, self.names.symbols),
            Err(_) => "MarketSnapshot(no longer valid)".to_owned(),
        }
    }
}

/// A trading session as of one moment.
#[pyclass(frozen, module = "tradewright._native")]
pub struct SessionState {
    /// Whether the instrument trades now.
    #[pyo3(get)]
    is_open: bool,
    /// Start of the session in progress; `None` when closed or where it trades around the clock.
    #[pyo3(get)]
    open_ns: Option<i64>,
    /// Its end.
    #[pyo3(get)]
    close_ns: Option<i64>,
    now_ns: i64,
}

#[pymethods]
impl SessionState {
    /// Seconds until the session ends; infinite around the clock, 0 when closed.
    #[getter]
    fn seconds_to_close(&self) -> f64 {
        match self.close_ns {
            Some(close_ns) => (close_ns - self.now_ns) as f64 / 1e9,
            None if self.is_open => f64::INFINITY,
            None => 0.0,
        }
    }

    /// Seconds since the session began; infinite around the clock, 0 when closed.
    #[getter]
    fn seconds_since_open(&self) -> f64 {
        match self.open_ns {
            Some(open_ns) => (self.now_ns - open_ns) as f64 / 1e9,
            None if self.is_open => f64::INFINITY,
            None => 0.0,
        }
    }
}

/// The values of a portfolio at one moment, kept by `copy`.
struct PortfolioCopy {
    positions: Vec<PositionValues>,
    cash: Vec<f64>,
    money: MoneyValues,
    open_orders: Vec<(SymbolId, Py<PyAny>)>,
}

#[derive(Clone, Copy, Default)]
struct PositionValues {
    size: f64,
    average_price: f64,
    value: f64,
}

#[derive(Clone, Copy)]
struct MoneyValues {
    equity: f64,
    realised_pnl: f64,
    unrealised_pnl: f64,
    fees: f64,
    gross: f64,
    net: f64,
    buying_power: f64,
}

/// Positions and money: of one policy inside the account, or of the account.
#[pyclass(frozen, module = "tradewright._native")]
pub struct PortfolioState {
    view: AtomicPtr<State>,
    copy: Option<Box<PortfolioCopy>>,
    names: Arc<Names>,
    classes: Arc<Classes>,
    /// `None` is the account.
    policy: Option<PolicyId>,
    account: Option<Py<PortfolioState>>,
}

impl PortfolioState {
    pub fn new(
        names: Arc<Names>,
        classes: Arc<Classes>,
        policy: Option<PolicyId>,
        account: Option<Py<PortfolioState>>,
    ) -> PortfolioState {
        PortfolioState { view: AtomicPtr::new(ptr::null_mut()), copy: None, names, classes, policy, account }
    }

    /// A view like this one, for the next call.
    pub fn again(&self, py: Python<'_>) -> PortfolioState {
        let account = self.account.as_ref().map(|account| account.clone_ref(py));
        PortfolioState::new(self.names.clone(), self.classes.clone(), self.policy, account)
    }

    /// Points the view at the kernel's state for the length of a call.
    #[inline]
    pub fn show(&self, state: &State) {
        self.view.store(ptr::from_ref(state).cast_mut(), Ordering::Relaxed);
    }

    /// Ends the view.
    #[inline]
    pub fn hide(&self) {
        self.view.store(ptr::null_mut(), Ordering::Relaxed);
    }

    #[inline]
    fn state(&self) -> Option<&State> {
        let view = self.view.load(Ordering::Relaxed);
        // SAFETY: as in `MarketSnapshot::seen`.
        (!view.is_null()).then(|| unsafe { &*view })
    }

    fn values(&self, py: Python<'_>, symbol: SymbolId) -> PyResult<PositionValues> {
        match (self.state(), &self.copy) {
            (Some(state), _) => Ok(position_values(state, self.policy, symbol)),
            (None, Some(copy)) => Ok(copy.positions[symbol as usize]),
            (None, None) => Err(stale(py, "portfolio")),
        }
    }

    fn money(&self, py: Python<'_>) -> PyResult<MoneyValues> {
        match (self.state(), &self.copy) {
            (Some(state), _) => Ok(money_values(state, self.policy)),
            (None, Some(copy)) => Ok(copy.money),
            (None, None) => Err(stale(py, "portfolio")),
        }
    }

    fn orders(&self, py: Python<'_>, symbol: Option<SymbolId>) -> PyResult<Vec<(SymbolId, Py<PyAny>)>> {
        let wanted = |id: SymbolId| symbol.is_none_or(|symbol| symbol == id);
        match (self.state(), &self.copy) {
            (Some(state), _) => {
                let mut orders = Vec::new();
                for id in 0..self.names.symbols.len() as SymbolId {
                    if !wanted(id) {
                        continue;
                    }
                    let open: Vec<_> = match self.policy {
                        Some(policy) => state.orders.open_of(policy, id).to_vec(),
                        None => state.orders.open_of_symbol(id).collect(),
                    };
                    for order in open {
                        orders.push((id, values::order(py, state, order, &self.names, &self.classes)?));
                    }
                }
                Ok(orders)
            }
            (None, Some(copy)) => Ok(copy
                .open_orders
                .iter()
                .filter(|(id, _)| wanted(*id))
                .map(|(id, order)| (*id, order.clone_ref(py)))
                .collect()),
            (None, None) => Err(stale(py, "portfolio")),
        }
    }
}

fn position_values(state: &State, policy: Option<PolicyId>, symbol: SymbolId) -> PositionValues {
    let instrument = &state.market.instruments[symbol as usize];
    let (lots, cost, value) = state.ledger.held(policy, symbol);
    PositionValues {
        size: instrument.size(lots),
        average_price: values::average_price(instrument, lots, cost),
        value: cash_to_f64(value),
    }
}

fn money_values(state: &State, policy: Option<PolicyId>) -> MoneyValues {
    let ledger = &state.ledger;
    let total =
        |of: fn(&tradewright_kernel::ledger::Money) -> Cash| ledger.total(policy, of).map_or(f64::NAN, cash_to_f64);
    MoneyValues {
        equity: ledger.equity_total().map_or(f64::NAN, cash_to_f64),
        realised_pnl: total(|money| money.realised),
        unrealised_pnl: total(|money| money.unrealised()),
        fees: total(|money| money.fees),
        gross: total(|money| money.gross),
        net: total(|money| money.net),
        buying_power: cash_to_f64(ledger.buying_power(ledger.config().currency)),
    }
}

#[pymethods]
impl PortfolioState {
    /// Signed size held; negative is short.
    #[inline]
    fn position(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        let id = self.names.symbol(symbol)?;
        if let Some(state) = self.state() {
            let (lots, ..) = state.ledger.held(self.policy, id);
            return Ok(state.market.instruments[id as usize].size(lots));
        }
        Ok(self.values(symbol.py(), id)?.size)
    }

    /// Average price of what is held; NaN when flat. For display: the ledger keeps total cost.
    fn average_price(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        Ok(self.values(symbol.py(), self.names.symbol(symbol)?)?.average_price)
    }

    /// Signed value of what is held, at the mark.
    fn value(&self, symbol: &Bound<'_, PyAny>) -> PyResult<f64> {
        Ok(self.values(symbol.py(), self.names.symbol(symbol)?)?.value)
    }

    /// Positions that are not flat, by symbol.
    #[getter]
    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let held = PyDict::new(py);
        for (id, symbol) in self.names.symbols.iter().enumerate() {
            let size = self.values(py, id as SymbolId)?.size;
            if size != 0.0 {
                held.set_item(symbol, size)?;
            }
        }
        Ok(held)
    }

    /// Equity of the account, in its currency: what there is to size on.
    #[getter]
    fn equity(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.equity)
    }

    /// Profit realised by this policy (or the account), before fees.
    #[getter]
    fn realised_pnl(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.realised_pnl)
    }

    /// Profit of what is held, at the marks.
    #[getter]
    fn unrealised_pnl(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.unrealised_pnl)
    }

    /// Fees paid less rebates.
    #[getter]
    fn fees(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.fees)
    }

    /// Sum of absolute position values.
    #[getter]
    fn gross(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.gross)
    }

    /// Long less short position values.
    #[getter]
    fn net(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.net)
    }

    /// What the account may still commit, in its currency; open orders are not counted.
    #[getter]
    fn buying_power(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.buying_power)
    }

    /// Cash of the account by currency.
    #[getter]
    fn cash<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let amounts: Vec<f64> = match (self.state(), &self.copy) {
            (Some(state), _) => {
                (0..self.names.currencies.len()).map(|id| cash_to_f64(state.ledger.cash(id as u16))).collect()
            }
            (None, Some(copy)) => copy.cash.clone(),
            (None, None) => return Err(stale(py, "portfolio")),
        };
        let cash = PyDict::new(py);
        for (currency, amount) in self.names.currencies.iter().zip(amounts) {
            cash.set_item(currency, amount)?;
        }
        Ok(cash)
    }

    /// Orders that may still trade, oldest first; of one symbol or all.
    #[pyo3(signature = (symbol=None))]
    fn open_orders(&self, py: Python<'_>, symbol: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Py<PyAny>>> {
        let symbol = symbol.map(|symbol| self.names.symbol(symbol)).transpose()?;
        Ok(self.orders(py, symbol)?.into_iter().map(|(_, order)| order).collect())
    }

    /// The whole account.
    #[getter]
    fn account(slf: PyRef<'_, Self>) -> Py<PortfolioState> {
        let py = slf.py();
        match &slf.account {
            Some(account) => account.clone_ref(py),
            None => slf.into(),
        }
    }

    /// A value of what is held now, which stays valid.
    fn copy(&self, py: Python<'_>) -> PyResult<PortfolioState> {
        let positions = (0..self.names.symbols.len() as SymbolId)
            .map(|symbol| self.values(py, symbol))
            .collect::<PyResult<Vec<_>>>()?;
        let cash = match (self.state(), &self.copy) {
            (Some(state), _) => {
                (0..self.names.currencies.len()).map(|id| cash_to_f64(state.ledger.cash(id as u16))).collect()
            }
            (None, Some(copy)) => copy.cash.clone(),
            (None, None) => return Err(stale(py, "portfolio")),
        };
        let copy = PortfolioCopy { positions, cash, money: self.money(py)?, open_orders: self.orders(py, None)? };
        let account = match &self.account {
            Some(account) => Some(Py::new(py, account.get().copy(py)?)?),
            None => None,
        };
        Ok(PortfolioState {
            copy: Some(Box::new(copy)),
            ..PortfolioState::new(self.names.clone(), self.classes.clone(), self.policy, account)
        })
    }
}
