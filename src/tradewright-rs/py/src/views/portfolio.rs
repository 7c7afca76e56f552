//! Positions, money and open orders: of one policy inside the account, or of the account.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::gate::OpenOrders;
use tradewright_kernel::instrument::SymbolId;
use tradewright_kernel::kernel::State;
use tradewright_kernel::num::{Cash, cash_to_f64};
use tradewright_kernel::order::PolicyId;

use super::stale;
use crate::names::{Classes, Names};
use crate::values;

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
    unrealised_pnl: f64,
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
    locked: f64,
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
        unrealised_pnl: cash_to_f64(value - cost),
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
        locked: cash_to_f64(ledger.locked(ledger.config().currency)),
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

    /// All that is said of a position, as a value that stays valid.
    fn holding<'py>(&self, symbol: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, id) = (symbol.py(), self.names.symbol(symbol)?);
        let values = self.values(py, id)?;
        let fields = PyDict::new(py);
        fields.set_item("symbol", symbol)?;
        fields.set_item("size", values.size)?;
        fields.set_item("average_price", values.average_price)?;
        fields.set_item("value", values.value)?;
        fields.set_item("unrealised_pnl", values.unrealised_pnl)?;
        self.classes.holding.bind(py).call((), Some(&fields))
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

    /// Cash of the account, in its currency, set aside for what binaries sold short owe at their worst.
    #[getter]
    fn locked(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.money(py)?.locked)
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
