//! The kernel for Python: built from plain values, run natively or stepped.

use std::cell::RefCell;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tradewright_kernel::backtest::{self, RunError};
use tradewright_kernel::book::{Book, Offence};
use tradewright_kernel::event::Record;
use tradewright_kernel::feed::{Arrival, Feed};
use tradewright_kernel::gate::{OpenOrders, Scope};
use tradewright_kernel::instrument::{Instrument, SymbolId};
use tradewright_kernel::intent::Command;
use tradewright_kernel::journal::Journal;
use tradewright_kernel::kernel::{Kernel as CoreKernel, KernelConfig, PolicySpec};

use crate::columns;
use crate::configuration::{account, get, instrument, limits, wake};
use crate::errors::run_error;
use crate::features::parse_specs;
use crate::feed;
use crate::fields::Field;
use crate::host::{Hooks, ManagerHooks, PolicyHooks, PyHost, into_py_err, is_interrupt};

use crate::names::{Classes, Names};
use crate::values::{self, Approved};
use crate::venue::{self, SimVenue};
use crate::views::{MarketSnapshot, PortfolioState};

/// Everything between a feed and an execution engine: market state, features, policies, risk gate, ledger.
#[pyclass(module = "tradewright._native", unsendable)]
pub struct Kernel {
    pub inner: CoreKernel,
    hooks: Hooks,
    instruments: Vec<Arc<Instrument>>,
    pub shifts: Vec<f64>,
    is_poisoned: bool,
    /// What the simulated venue saw at each of its fills, and what its cost model added; `None` of another engine.
    pub notes: Vec<tradewright_kernel::venue::FillNote>,
    pub(crate) added: Option<Vec<tradewright_kernel::venue::AddedCost>>,
    equity_curve: Option<columns::EquityCurve>,
}

/// A bound method that the object's class defines itself.
fn hook(object: &Bound<'_, PyAny>, name: &str, wanted: bool) -> PyResult<Option<Py<PyAny>>> {
    if wanted { Ok(Some(object.getattr(name)?.unbind())) } else { Ok(None) }
}

#[pymethods]
impl Kernel {
    /// A kernel from plain values; see `tradewright.sim.build` for the fields.
    #[new]
    fn new(py: Python<'_>, config: &Bound<'_, PyDict>) -> PyResult<Kernel> {
        let fields: Vec<Bound<'_, PyDict>> = get(config, "instruments")?;
        let instruments = fields.iter().map(instrument).collect::<PyResult<Vec<_>>>()?;
        let users: Vec<Py<PyAny>> = get(config, "user_instruments")?;
        let ids = PyDict::new(py);
        for (id, known) in instruments.iter().enumerate() {
            ids.set_item(&known.symbol, id)?;
        }
        let policies: Vec<Bound<'_, PyDict>> = get(config, "policies")?;
        let names = Arc::new(Names {
            symbols: instruments.iter().map(|known| known.symbol.clone()).collect(),
            ids: ids.unbind(),
            known: Default::default(),
            instruments: users,
            policies: policies.iter().map(|policy| get(policy, "name")).collect::<PyResult<_>>()?,
            wakes: policies.iter().map(|policy| get(policy, "wake_labels")).collect::<PyResult<_>>()?,
            slot: Field::of(&py.import("tradewright.core.features.watched")?.getattr("Watched")?.cast_into()?, "slot")?,
            currencies: get(config, "currencies")?,
            run: get(config, "run")?,
        });
        let classes = Arc::new(Classes::load(py)?);
        let whole = PortfolioState::new(names.clone(), classes.clone(), None, None);
        let whole = Py::new(py, whole)?;
        let mut specs = Vec::new();
        let mut policy_hooks = Vec::new();
        for (id, policy) in policies.iter().enumerate() {
            let object: Bound<'_, PyAny> = get(policy, "object")?;
            let has_report_hook: bool = get(policy, "has_report_hook")?;
            let wakes: Vec<Bound<'_, PyTuple>> = get(policy, "wakes")?;
            specs.push(PolicySpec {
                name: get(policy, "name")?,
                wakes: wakes.iter().map(wake).collect::<PyResult<_>>()?,
                watched: get(policy, "watched")?,
                limits: limits(&get(policy, "limits")?)?,
                has_report_hook,
            });
            let account = Some(whole.clone_ref(py));
            let portfolio = PortfolioState::new(names.clone(), classes.clone(), Some(id as u16), account);
            policy_hooks.push(PolicyHooks {
                decide: object.getattr("decide")?.unbind(),
                on_report: hook(&object, "on_report", has_report_hook)?,
                market: RefCell::new(Py::new(py, MarketSnapshot::new(names.clone(), id as u16))?),
                portfolio: RefCell::new(Py::new(py, portfolio)?),
            });
        }
        let mut managers = Vec::new();
        for manager in get::<Vec<Bound<'_, PyDict>>>(config, "managers")? {
            let object: Bound<'_, PyAny> = get(&manager, "object")?;
            managers.push(ManagerHooks {
                name: get(&manager, "name")?,
                review: hook(&object, "review", get(&manager, "has_review")?)?,
                on_mark: hook(&object, "on_mark", get(&manager, "has_on_mark")?)?,
            });
        }
        let has_managers = managers.iter().any(|manager| manager.review.is_some() || manager.on_mark.is_some());
        let hooks = Hooks {
            policies: policy_hooks,
            managers,
            callables: get(config, "callables")?,
            market: Py::new(py, MarketSnapshot::new(names.clone(), u16::MAX))?,
            account: whole,
            names,
            classes,
        };
        let journal = match get::<Option<PathBuf>>(config, "journal")? {
            None => None,
            Some(path) => {
                let file = File::create(&path)
                    .map_err(|error| PyOSError::new_err(format!("journal {}: {error}", path.display())))?;
                Some(Journal::new(Box::new(BufWriter::new(file))))
            }
        };
        let kept = instruments.iter().cloned().map(Arc::new).collect();
        let inner = CoreKernel::new(KernelConfig {
            instruments,
            nodes: parse_specs(get(config, "nodes")?),
            policies: specs,
            account: account(&get(config, "account")?)?,
            limits: limits(&get(config, "limits")?)?,
            has_managers,
            keeps_priority: get(config, "keeps_priority")?,
            liquidates: get(config, "liquidates")?,
            borrow_e10: get(config, "borrow_e10")?,
            books: venue::books(&get(config, "books")?)?,
            journal,
        })
        .map_err(PyValueError::new_err)?;
        Ok(Kernel {
            inner,
            hooks,
            instruments: kept,
            shifts: Vec::new(),
            is_poisoned: false,
            notes: Vec::new(),
            added: None,
            equity_curve: None,
        })
    }

    /// Runs whole series through the simulated venue, natively. Returns whether the data's end was reached: Ctrl-C
    /// ends a run early and keeps what it has.
    ///
    /// `series` are tuples of columns, `sources` their names for errors; `pulse(rows, now_ns)` shows progress.
    /// `venue_series` are the same records in order of the venue's time, for a venue that matches by its own clock; `None`
    /// for the events of a book, which are put in that order here.
    #[pyo3(signature = (series, sources, venue, pulse=None, venue_series=None))]
    fn run<'py>(
        &mut self,
        py: Python<'py>,
        series: Vec<Bound<'py, PyTuple>>,
        sources: Vec<String>,
        venue: &Bound<'py, PyDict>,
        pulse: Option<Bound<'py, PyAny>>,
        venue_series: Option<Vec<Option<Bound<'py, PyTuple>>>>,
    ) -> PyResult<bool> {
        self.check_sound()?;
        let held = series.iter().map(feed::hold).collect::<PyResult<Vec<_>>>()?;
        let mut sim = venue::build(venue, &venue::kinds(&series)?, &self.inner.state.market.instruments)?;
        let instruments: Vec<Instrument> = self.inner.state.market.instruments.clone();
        let hold = |series: &Option<Bound<'py, PyTuple>>| series.as_ref().map(feed::hold).transpose();
        let venue_held = venue_series.iter().flatten().map(hold).collect::<PyResult<Vec<_>>>()?;
        if venue_held.len() > held.len() {
            return Err(PyValueError::new_err(format!(
                "{} series by the venue's time, not {}",
                venue_held.len(),
                held.len()
            )));
        }
        let mut feed = Feed::new();
        if let Err(error) = feed::add_all(&mut feed, &held, &instruments)? {
            return Err(feed::feed_error(py, error, &sources));
        }
        let mut venue_feed = Feed::new();
        if let Err(error) = feed::add_by_venue_time(&mut venue_feed, &mut feed, &venue_held, &instruments)? {
            return Err(feed::feed_error(py, error, &sources));
        }
        if self.inner.equity.is_empty() {
            let points = feed.bars_max() * 9 / 8; // One a bar, and some for fills between bars.
            (self.inner.equity_ns, self.inner.equity) = (Vec::with_capacity(points), Vec::with_capacity(points));
        }
        let by_venue = venue_series.is_some().then_some(&mut venue_feed);
        let ended =
            self.run_with(py, pulse, |kernel, host| backtest::run(kernel, &mut feed, by_venue, &mut sim, host))?;
        let unpriced = sim.fills_without_impact();
        if unpriced > 0 {
            let text = format!(
                "{unpriced} fills paid no impact: the average volume was not known yet. Give venue.costs.average_volume."
            );
            self.inner.faults.push(text);
        }
        (self.notes, self.added) = (sim.fill_notes().to_vec(), Some(sim.added_costs().to_vec()));
        self.shifts = (0..held.len()).map(|source| feed.shift_max(source)).collect();
        ended.map_err(|error| run_error(py, error, &sources))
    }

    /// One step: the records and reports of one time. Returns the commands: `Approved` orders and changes, and the
    /// ids of orders to cancel.
    fn step(
        &mut self,
        py: Python<'_>,
        now_ns: i64,
        records: Vec<Bound<'_, PyTuple>>,
        reports: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Py<PyAny>>> {
        self.check_sound()?;
        let state = &self.inner.state;
        if now_ns < state.market.now_ns {
            return Err(PyValueError::new_err(format!(
                "step at {now_ns} is before the step at {}: time does not go back",
                state.market.now_ns
            )));
        }
        let records: Vec<Record> =
            records.iter().map(|values| feed::record(values, &state.market.instruments)).collect::<PyResult<_>>()?;
        let reports = self.read_reports(&reports)?;
        let mut host = PyHost { py, hooks: &self.hooks, pulse: None, interrupted: false };
        let mut commands = Vec::new();
        self.is_poisoned = true;
        let each = |apply: &mut dyn FnMut(Arrival<'_>)| records.iter().for_each(|record| apply(Arrival::Other(record)));
        self.inner.step(now_ns, each, &reports, &mut host, &mut commands).map_err(into_py_err)?;
        self.is_poisoned = false;
        commands.into_iter().map(|command| self.command(py, command)).collect()
    }

    /// Takes the venue's last reports when a run ends; nobody is asked for decisions.
    fn end(&mut self, py: Python<'_>, reports: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        self.check_sound()?;
        let reports = self.read_reports(&reports)?;
        let mut host = PyHost { py, hooks: &self.hooks, pulse: None, interrupted: false };
        self.inner.end(&reports, &mut host).map_err(into_py_err)?;
        self.flush()
    }

    /// Reads whole series as `run` would and does nothing with them: refuses what `run` refuses, and knows the
    /// largest rounding of their prices afterwards.
    fn check<'py>(&mut self, py: Python<'py>, series: Vec<Bound<'py, PyTuple>>, sources: Vec<String>) -> PyResult<()> {
        let held = series.iter().map(feed::hold).collect::<PyResult<Vec<_>>>()?;
        let mut feed = Feed::new();
        let mut checked = feed::add_all(&mut feed, &held, &self.inner.state.market.instruments)?;
        while checked.is_ok() && feed.next_ns() != i64::MAX {
            checked = feed.collect().and_then(|_| feed.advance());
        }
        if let Err(error) = checked {
            return Err(feed::feed_error(py, error, &sources));
        }
        self.shifts = (0..held.len()).map(|source| feed.shift_max(source)).collect();
        Ok(())
    }

    /// When the next timer is due; 2**63 - 1 if none is. A live session steps at that time though nothing arrived.
    #[getter]
    fn next_timer_ns(&self) -> i64 {
        self.inner.next_timer_ns()
    }

    /// A simulated venue for this kernel's instruments, to be driven a step at a time.
    fn venue(&self, config: &Bound<'_, PyDict>, series: Vec<Bound<'_, PyTuple>>) -> PyResult<SimVenue> {
        let venue = venue::build(config, &venue::kinds(&series)?, &self.inner.state.market.instruments)?;
        Ok(SimVenue::new(venue, self.hooks.names.clone(), self.hooks.classes.clone()))
    }

    /// Halts trading until `rearm`: cancels every open order and lets only reducing orders pass. Returns the commands.
    fn halt(&mut self, py: Python<'_>, text: &str) -> PyResult<Vec<Py<PyAny>>> {
        let mut commands = Vec::new();
        self.inner.halt(Scope::All, text.to_owned(), &mut commands);
        commands.into_iter().map(|command| self.command(py, command)).collect()
    }

    /// Ends a halt of everything; returns whether there was one. Only an operator calls this.
    fn rearm(&mut self) -> bool {
        self.inner.gate.rearm(Scope::All)
    }

    /// Narrows limits while running, of the account (`None`) or of a policy; refuses to widen one.
    #[pyo3(signature = (values, policy=None))]
    fn tighten(&mut self, values: &Bound<'_, PyDict>, policy: Option<&str>) -> PyResult<()> {
        let policy = match policy {
            None => None,
            Some(name) => {
                let known = self.hooks.names.policies.iter().position(|known| known == name);
                Some(known.ok_or_else(|| PyValueError::new_err(format!("there is no policy {name:?}")))? as u16)
            }
        };
        let instruments = &self.inner.state.market.instruments;
        self.inner.gate.tighten(policy, &limits(values)?, instruments).map_err(PyValueError::new_err)
    }

    /// Writes what the journal has buffered.
    fn flush(&mut self) -> PyResult<()> {
        match &mut self.inner.journal {
            Some(journal) => journal.flush().map_err(|error| PyOSError::new_err(format!("journal: {error}"))),
            None => Ok(()),
        }
    }

    /// Counts of what the run did.
    #[getter]
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (run, gate) = (&self.inner.counters, self.inner.gate.counters());
        let counters = PyDict::new(py);
        counters.set_item("events", run.records)?;
        counters.set_item("steps", run.steps)?;
        counters.set_item("wakes", run.decisions)?;
        counters.set_item("reports", run.reports)?;
        counters.set_item("reviews", gate.reviews)?;
        counters.set_item("sent", run.sent)?;
        counters.set_item("cancels", run.cancels)?;
        counters.set_item("liquidations", run.liquidations)?;
        counters.set_item("refused", gate.refused.iter().sum::<u64>())?;
        counters.set_item("fills", self.inner.fills.len())?;
        counters.set_item("orders", self.inner.state.orders.states.len())?;
        Ok(counters)
    }

    /// What could not be booked, in words.
    #[getter]
    fn faults(&self) -> Vec<String> {
        self.inner.faults.clone()
    }

    /// What the run's books were told that cannot be: symbol, name of the offence, how often.
    #[getter]
    fn book_offences(&self) -> Vec<(String, &'static str, u64)> {
        let market = &self.inner.state.market;
        let mut found = Vec::new();
        for (id, instrument) in market.instruments.iter().enumerate() {
            let levels = market.books[id].as_deref().map(Book::integrity);
            let Some(integrity) = market.orders(id as SymbolId).map(Book::integrity).or(levels) else { continue };
            let counts = Offence::NAMES.into_iter().zip(integrity.counts).filter(|(_, count)| *count > 0);
            found.extend(counts.map(|(name, count)| (instrument.symbol.clone(), name, count)));
        }
        found
    }

    /// Largest rounding of a price in each series of the run, in the instrument's currency.
    #[getter]
    fn price_shifts(&self) -> Vec<f64> {
        self.shifts.clone()
    }

    /// How many orders may still trade.
    #[getter]
    fn open_orders(&self) -> usize {
        self.inner.state.orders.open_count()
    }

    /// Cash by currency, in 10⁻¹² of it: exact.
    #[getter]
    fn cash<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let cash = PyDict::new(py);
        for (id, currency) in self.hooks.names.currencies.iter().enumerate() {
            cash.set_item(currency, self.inner.state.ledger.cash(id as u16))?;
        }
        Ok(cash)
    }

    /// Orders, as columns.
    fn orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::orders(py, &self.inner, &self.hooks.names)
    }

    /// Amendments that were sent, as columns.
    fn amendments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::amendments(py, &self.inner, &self.hooks.names)
    }

    /// Fills, as columns.
    fn fills<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::fills(py, &self.inner, &self.hooks.names, &self.notes, self.added.as_deref())
    }

    /// What each policy made of each instrument, as columns: money in 10⁻¹² of its currency, exactly.
    fn ledger<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::ledger(py, &self.inner, self.added.as_deref())
    }

    /// Positions after each change, as columns.
    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::positions(py, &self.inner)
    }

    /// Deposits and withdrawals as booked, as columns: in the account's currency, at the rate of their time.
    fn flows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::flows(py, &self.inner)
    }

    /// Round trips, as columns.
    fn round_trips<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::round_trips(py, &self.inner)
    }

    /// The equity curve, as columns.
    fn equity<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::equity(py, &mut self.inner, &mut self.equity_curve)
    }
}

impl Kernel {
    /// Runs a native loop and writes the journal out. Ctrl-C is no error: the run has not reached its end then.
    pub fn run_with<'py>(
        &mut self,
        py: Python<'py>,
        pulse: Option<Bound<'py, PyAny>>,
        native: impl FnOnce(&mut CoreKernel, &mut PyHost<'_, 'py>) -> Result<bool, RunError>,
    ) -> PyResult<Result<bool, RunError>> {
        let mut host = PyHost { py, hooks: &self.hooks, pulse, interrupted: false };
        self.is_poisoned = true;
        let ended = native(&mut self.inner, &mut host);
        let interrupted = host.interrupted || matches!(&ended, Err(RunError::Host(error)) if is_interrupt(py, error));
        let ended = match ended {
            Err(RunError::Host(_)) if interrupted => Ok(false),
            Ok(finished) => {
                self.is_poisoned = false;
                Ok(finished)
            }
            error => return Ok(error),
        };
        self.flush()?;
        Ok(ended)
    }

    pub fn check_sound(&self) -> PyResult<()> {
        if self.is_poisoned {
            return Err(PyRuntimeError::new_err("this kernel ended with an error; make a new one"));
        }
        Ok(())
    }

    fn read_reports(&self, reports: &[Bound<'_, PyAny>]) -> PyResult<Vec<tradewright_kernel::order::Report>> {
        let (state, names) = (&self.inner.state, &self.hooks.names);
        reports.iter().map(|report| values::report_from_python(report, state, names)).collect()
    }

    fn command(&self, py: Python<'_>, command: Command) -> PyResult<Py<PyAny>> {
        let names = self.hooks.names.clone();
        let instrument = |symbol: SymbolId| self.instruments[symbol as usize].clone();
        match command {
            Command::Submit(approved) => {
                let instrument = instrument(approved.order().symbol);
                Ok(Py::new(py, Approved::submit(approved, instrument, names))?.into_any())
            }
            Command::Amend(approved) => {
                let order = self.inner.state.orders.get(approved.order()).order;
                Ok(Py::new(py, Approved::amend(approved, order, instrument(order.symbol), names))?.into_any())
            }
            Command::Cancel(order) => Ok(names.order_id(order).into_pyobject(py)?.into_any().unbind()),
        }
    }
}

/// The closed enumeration of reasons, with what to do about each.
#[pyfunction]
pub fn reasons(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    use tradewright_kernel::order::Reason;
    let all = PyDict::new(py);
    for reason in Reason::ALL {
        all.set_item(reason.name(), tradewright_kernel::gate::remedy(reason))?;
    }
    Ok(all)
}
