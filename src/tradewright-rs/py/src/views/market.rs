//! The market at the moment of a decision: features, prices, sessions.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradewright_kernel::features::Graph;
use tradewright_kernel::kernel::State;
use tradewright_kernel::market::{Market, SourceKind, SymbolState};
use tradewright_kernel::order::PolicyId;

use super::stale;
use crate::names::Names;

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

/// Features now, or as they were.
enum Values<'a> {
    Now(&'a Graph),
    Kept(&'a [f64]),
}

impl Values<'_> {
    #[inline]
    fn get(&self, slot: usize) -> Option<f64> {
        match self {
            Values::Now(graph) => (slot < graph.len()).then(|| graph.value(slot as u32)),
            Values::Kept(values) => values.get(slot).copied(),
        }
    }
}

struct Seen<'a> {
    market: &'a Market,
    values: Values<'a>,
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
            return Ok(Seen { market: &state.market, values: Values::Now(&state.graph), woken_by: &state.woken_by });
        }
        match &self.copy {
            Some(copy) => {
                Ok(Seen { market: &copy.market, values: Values::Kept(&copy.values), woken_by: &copy.woken_by })
            }
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
                return Ok(seen.values.get(*slot).unwrap_or(f64::NAN));
            }
        }
        let slot: isize = match self.names.slot.get(watched) {
            Ok(slot) => slot.extract()?,
            Err(_) => {
                return Err(PyTypeError::new_err(format!(
                    "market[...] takes what ctx.watch(node) returned in setup, not {watched:?}"
                )));
            }
        };
        let known = usize::try_from(slot).ok().and_then(|slot| Some((slot, seen.values.get(slot)?)));
        let (slot, value) = known.ok_or_else(|| {
            PyKeyError::new_err("this feature is watched in another run; call ctx.watch(node) in setup")
        })?;
        if let Some(free) = self.known.iter().find(|known| known.get().is_none()) {
            free.get_or_init(|| (watched.clone().unbind(), slot));
        }
        Ok(value)
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
        let state = &seen.market.symbols[id];
        Ok(if state.has_mark() { seen.market.instruments[id].price_x2(state.mark_x2) } else { f64::NAN })
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

    /// The instrument of a symbol, with the tick grid in force.
    fn instrument(&self, symbol: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let (id, py) = (self.names.symbol(symbol)? as usize, symbol.py());
        let known = &self.names.instruments[id];
        match self.seen(py) {
            Ok(seen) if seen.market.symbols[id].grid_changes > 0 => {
                let bands = seen.market.instruments[id].grid.bands.iter();
                let bands = PyTuple::new(py, bands.map(|band| (band.below_ticks, band.step_ticks)))?;
                let with_grid = py.import("tradewright.core.instrument")?.getattr("with_grid")?;
                Ok(with_grid.call1((known, bands))?.unbind())
            }
            _ => Ok(known.clone_ref(py)),
        }
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
        let values = match values {
            Values::Now(graph) => (0..graph.len()).map(|node| graph.value(node as u32)).collect(),
            Values::Kept(values) => values.to_vec(),
        };
        let copy = MarketCopy { market: market.clone(), values, woken_by: woken_by.to_vec() };
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
