//! Python, as the kernel calls it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::{PyKeyboardInterrupt, PyTypeError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use tradewright_kernel::gate::{OpenOrders, Review};
use tradewright_kernel::host::{HaltRequest, Host, HostError};
use tradewright_kernel::intent::Intent;
use tradewright_kernel::kernel::State;
use tradewright_kernel::num::utc_text_ns;
use tradewright_kernel::order::{Order, PolicyId, Report};

use crate::intents;
use crate::names::{Classes, Names};
use crate::values;
use crate::views::{MarketSnapshot, PortfolioState};

/// A policy's methods, looked up once.
pub struct PolicyHooks {
    /// Bound `decide`.
    pub decide: Py<PyAny>,
    /// Bound `on_report`, where the policy has its own.
    pub on_report: Option<Py<PyAny>>,
    /// Its view of the market: the wake labels are the policy's own.
    pub market: RefCell<Py<MarketSnapshot>>,
    /// Its view of positions and money.
    pub portfolio: RefCell<Py<PortfolioState>>,
}

impl PolicyHooks {
    /// Gives the policy new views if it kept the ones of this call: a kept view stays invalid for good.
    #[inline]
    fn renew_kept_views(&self, py: Python<'_>) {
        // SAFETY: both pointers are of live objects, and the interpreter's lock is held.
        let kept = unsafe {
            ffi::Py_REFCNT(self.market.borrow().as_ptr()) > 1 || ffi::Py_REFCNT(self.portfolio.borrow().as_ptr()) > 1
        };
        if kept {
            self.renew_views(py);
        }
    }

    #[cold]
    fn renew_views(&self, py: Python<'_>) {
        let market = self.market.borrow().get().again();
        let portfolio = self.portfolio.borrow().get().again(py);
        if let (Ok(market), Ok(portfolio)) = (Py::new(py, market), Py::new(py, portfolio)) {
            self.market.replace(market);
            self.portfolio.replace(portfolio);
        }
    }
}

/// A risk manager's methods.
pub struct ManagerHooks {
    /// Class name.
    pub name: String,
    /// Bound `review`, where it has its own.
    pub review: Option<Py<PyAny>>,
    /// Bound `on_mark`, where it has its own.
    pub on_mark: Option<Py<PyAny>>,
}

/// Everything in Python that a run calls.
pub struct Hooks {
    /// By policy id.
    pub policies: Vec<PolicyHooks>,
    /// In the users' order.
    pub managers: Vec<ManagerHooks>,
    /// Callable nodes.
    pub callables: Vec<Py<PyAny>>,
    /// The market as managers see it.
    pub market: Py<MarketSnapshot>,
    /// The whole account.
    pub account: Py<PortfolioState>,
    /// Texts.
    pub names: Arc<Names>,
    /// Classes.
    pub classes: Arc<Classes>,
}

/// The hooks while the interpreter's lock is held.
pub struct PyHost<'a, 'py> {
    /// The interpreter.
    pub py: Python<'py>,
    /// What to call.
    pub hooks: &'a Hooks,
    /// Called now and then with rows done and time; may be absent.
    pub pulse: Option<Bound<'py, PyAny>>,
    /// The user pressed Ctrl-C: the run ends at the next pulse with what it has.
    pub interrupted: bool,
}

impl PyHost<'_, '_> {
    /// An error of the user's code, naming whose, when and at what.
    #[cold]
    fn wrap(&mut self, error: PyErr, who: &str, doing: &str, state: &State, woken_by: &[String]) -> HostError {
        self.wrap_at(error, who, doing, state.market.now_ns, woken_by)
    }

    #[cold]
    fn wrap_node(&mut self, error: PyErr, hook: &Bound<'_, PyAny>, now_ns: i64) -> HostError {
        let name = hook.getattr("__qualname__").and_then(|name| name.extract::<String>());
        let name = name.or_else(|_| hook.repr().map(|text| text.to_string())).unwrap_or_else(|_| "?".to_owned());
        self.wrap_at(error, &name, "a callable node", now_ns, &[])
    }

    fn wrap_at(&mut self, error: PyErr, who: &str, doing: &str, now_ns: i64, woken_by: &[String]) -> HostError {
        if error.is_instance_of::<PyKeyboardInterrupt>(self.py) {
            self.interrupted = true;
        }
        let kind = error.get_type(self.py).name().map_or_else(|_| "error".to_owned(), |name| name.to_string());
        let cause = if woken_by.is_empty() { String::new() } else { format!(", woken by {}", woken_by.join(", ")) };
        let text = format!("{doing} raised {kind} at {}{cause}: {}", utc_text_ns(now_ns), error.value(self.py));
        let made = || -> PyResult<PyErr> {
            let fields = pyo3::types::PyDict::new(self.py);
            fields.set_item("policy", who)?;
            fields.set_item("now_ns", now_ns)?;
            let class = self.py.import("tradewright.errors")?.getattr("PolicyError")?;
            let wrapped = PyErr::from_value(class.call((text,), Some(&fields))?);
            wrapped.set_cause(self.py, Some(error.clone_ref(self.py)));
            Ok(wrapped)
        };
        HostError(Box::new(made().unwrap_or(error)))
    }

    fn labels(&self, policy: PolicyId, state: &State) -> Vec<String> {
        let labels = &self.hooks.names.wakes[policy as usize];
        let labels = state.woken_by.iter().filter_map(|&wake| labels.get(wake as usize));
        labels.map(|label| label.bind(self.py).to_string()).collect()
    }

    fn show_account<R>(&self, state: &State, call: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
        let (market, account) = (self.hooks.market.get(), self.hooks.account.get());
        market.show(state);
        account.show(state);
        let result = call();
        market.hide();
        account.hide();
        result
    }
}

impl Host for PyHost<'_, '_> {
    #[inline]
    fn decide(&mut self, policy: PolicyId, state: &State, intents: &mut Vec<Intent>) -> Result<(), HostError> {
        let hooks = &self.hooks.policies[policy as usize];
        let returned = {
            let (market, portfolio) = (hooks.market.borrow(), hooks.portfolio.borrow());
            let (market, portfolio, account) = (market.bind(self.py), portfolio.bind(self.py), &self.hooks.account);
            market.get().show(state);
            portfolio.get().show(state);
            account.get().show(state);
            let returned = hooks.decide.bind(self.py).call1((market, portfolio));
            market.get().hide();
            portfolio.get().hide();
            account.get().hide();
            returned
        };
        hooks.renew_kept_views(self.py);
        let read = match returned {
            Ok(returned) if returned.is_none() => return Ok(()),
            Ok(returned) => intents::read(&returned, &self.hooks.names, &self.hooks.classes, intents),
            Err(error) => Err(error),
        };
        read.map_err(|error| {
            let (who, labels) = (self.hooks.names.policies[policy as usize].clone(), self.labels(policy, state));
            self.wrap(error, &who, "decide", state, &labels)
        })
    }

    fn on_report(&mut self, policy: PolicyId, state: &State, report: &Report) -> Result<(), HostError> {
        let Some(hook) = &self.hooks.policies[policy as usize].on_report else { return Ok(()) };
        let order = state.orders.get(report.order).order;
        let instrument = &state.market.instruments[order.symbol as usize];
        values::report_to_python(self.py, report, instrument, &self.hooks.names, &self.hooks.classes, false)
            .and_then(|report| hook.bind(self.py).call1((report,)))
            .map(|_| ())
            .map_err(|error| {
                let who = self.hooks.names.policies[policy as usize].clone();
                self.wrap(error, &who, "on_report", state, &[])
            })
    }

    fn review(&mut self, order: &Order, state: &State) -> Result<Review, HostError> {
        let (names, classes, py) = (&self.hooks.names, &self.hooks.classes, self.py);
        let reduces = tradewright_kernel::gate::reduces(order, &state.ledger, &state.orders);
        let mut smallest = Review::Allow;
        let mut current = *order;
        for manager in &self.hooks.managers {
            let Some(hook) = &manager.review else { continue };
            let verdict = self.show_account(state, || {
                let order = values::order_in_review(py, state, &current, reduces, names, classes)?;
                let (market, account) = (self.hooks.market.bind(py), self.hooks.account.bind(py));
                let verdict = hook.bind(py).call1((order, market, account))?;
                let class = verdict.get_type();
                if class.is(&classes.allow) {
                    Ok(Review::Allow)
                } else if class.is(&classes.shrink) {
                    let size: f64 = verdict.getattr(intern!(py, "size"))?.extract()?;
                    let lot_size = state.market.instruments[current.symbol as usize].lot_size;
                    let lots = lot_size.count_towards_zero(size).unwrap_or(0);
                    Ok(Review::Shrink { lots, manager: manager.name.clone() })
                } else if class.is(&classes.refused) {
                    let text = verdict.getattr(intern!(py, "text"))?.extract()?;
                    Ok(Review::Refused { manager: manager.name.clone(), text })
                } else {
                    Err(PyTypeError::new_err(format!(
                        "review returned {verdict:?}, which is not a verdict. Return Allow(), Shrink(size) or \
                         Refused(text)"
                    )))
                }
            });
            match verdict {
                Ok(Review::Allow) => {}
                Ok(Review::Shrink { lots, manager }) if lots > 0 && lots < current.lots => {
                    current.lots = lots;
                    smallest = Review::Shrink { lots, manager };
                }
                Ok(other) => return Ok(other),
                Err(error) => {
                    let who = manager.name.clone();
                    return Err(self.wrap(error, &who, "review", state, &[]));
                }
            }
        }
        Ok(smallest)
    }

    fn on_mark(&mut self, state: &State) -> Result<Option<HaltRequest>, HostError> {
        let py = self.py;
        for manager in &self.hooks.managers {
            let Some(hook) = &manager.on_mark else { continue };
            let halt = self.show_account(state, || {
                let (market, account) = (self.hooks.market.bind(py), self.hooks.account.bind(py));
                let halt = hook.bind(py).call1((market, account))?;
                if halt.is_none() {
                    return Ok(None);
                }
                if !halt.get_type().is(&self.hooks.classes.halt) {
                    return Err(PyTypeError::new_err(format!("on_mark returned {halt:?}; return Halt(text) or None")));
                }
                let text = halt.getattr(intern!(py, "text"))?.extract()?;
                Ok(Some(HaltRequest { manager: manager.name.clone(), text }))
            });
            match halt {
                Ok(None) => {}
                Ok(Some(request)) => return Ok(Some(request)),
                Err(error) => {
                    let who = manager.name.clone();
                    return Err(self.wrap(error, &who, "on_mark", state, &[]));
                }
            }
        }
        Ok(None)
    }

    fn call(&mut self, now_ns: i64, callable: usize, inputs: &[f64]) -> Result<f64, HostError> {
        let hook = self.hooks.callables[callable].bind(self.py);
        pyo3::types::PyTuple::new(self.py, inputs)
            .and_then(|inputs| hook.call1(inputs))
            .and_then(|value| value.extract())
            .map_err(|error| self.wrap_node(error, hook, now_ns))
    }

    fn call_window(&mut self, now_ns: i64, callable: usize, columns: &[Vec<f64>]) -> Result<f64, HostError> {
        let hook = self.hooks.callables[callable].bind(self.py);
        pyo3::types::PyTuple::new(self.py, columns)
            .and_then(|columns| hook.call1(columns))
            .and_then(|value| value.extract())
            .map_err(|error| self.wrap_node(error, hook, now_ns))
    }

    fn pulse(&mut self, done: u64, now_ns: i64) -> Result<bool, HostError> {
        if self.interrupted {
            return Ok(false);
        }
        if let Err(error) = self.py.check_signals() {
            if error.is_instance_of::<PyKeyboardInterrupt>(self.py) {
                self.interrupted = true;
                return Ok(false);
            }
            return Err(HostError(Box::new(error)));
        }
        if let Some(pulse) = &self.pulse {
            pulse.call1((done, now_ns)).map_err(|error| HostError(Box::new(error)))?;
        }
        Ok(true)
    }
}

/// Whether the user pressed Ctrl-C while their code ran.
pub fn is_interrupt(py: Python<'_>, error: &HostError) -> bool {
    let raised = error.0.downcast_ref::<PyErr>();
    raised.is_some_and(|raised| {
        let cause = raised.cause(py);
        raised.is_instance_of::<PyKeyboardInterrupt>(py)
            || cause.is_some_and(|cause| cause.is_instance_of::<PyKeyboardInterrupt>(py))
    })
}

/// The error that Python raised, back out of the kernel.
pub fn into_py_err(error: HostError) -> PyErr {
    match error.0.downcast::<PyErr>() {
        Ok(error) => *error,
        Err(_) => pyo3::exceptions::PyRuntimeError::new_err("an error of unknown kind left the kernel"),
    }
}
