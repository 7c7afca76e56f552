//! The matching engine: one call an operation, or arrays of operations in and arrays of fills out.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::matching::{Change, Engine, Fill, Outcome, Record, Reject, SelfTrade};

mod batch;
mod history;
mod read;
mod write;

use batch::Columns;
use history::{FillColumns, History};
use read::{counted, id_of, limit_of, market_of, side_asked, side_code};
use write::{column, outcome_columns};

/// How many operations of a batch run between two looks at signals.
const UNWATCHED: usize = 1 << 18;

/// A trade.
#[pyclass(frozen, get_all, module = "tradewright._native")]
pub struct MatchFill {
    command: u64,
    taker: u64,
    maker: u64,
    price: i64,
    size: i64,
    side: u8,
}

/// Something that happened to an order beside trades and its own commands.
#[pyclass(frozen, get_all, module = "tradewright._native")]
pub struct MatchOutcome {
    command: u64,
    order_id: u64,
    kind: u8,
    size: i64,
}

/// A live order.
#[pyclass(frozen, get_all, module = "tradewright._native")]
pub struct MatchOrder {
    order_id: u64,
    side: u8,
    price: Option<i64>,
    stop: Option<i64>,
    size: i64,
    open: i64,
    shown: i64,
    peak: i64,
    owner: u32,
    tif: u8,
}

/// The status of each operation of a batch, and the columns of fills and of outcomes.
type BatchColumns<'py> = (Bound<'py, PyArray1<i32>>, Bound<'py, PyDict>, Bound<'py, PyDict>);

/// A limit order book that matches.
#[pyclass(subclass, module = "tradewright._native")]
pub struct MatchingEngine {
    engine: Engine,
    /// Its fills are those of the open page of the history.
    record: Record,
    history: History,
    keeps_history: bool,
    /// Whether the latest call was a batch; then its fills are in the history.
    after_batch: bool,
    /// Where the latest call's fills and outcomes begin.
    first_fill: usize,
    first_outcome: usize,
    reject: u8,
}

impl MatchingEngine {
    /// Runs one operation: how many trades it made, or the negative code of its reject reason.
    #[inline]
    fn call(&mut self, run: impl FnOnce(&mut Engine, &mut Record) -> Result<(), Reject>) -> i64 {
        self.begin();
        match run(&mut self.engine, &mut self.record) {
            Ok(()) => {
                self.reject = 0;
                (self.record.fills.len() - self.first_fill) as i64
            }
            Err(reject) => {
                self.reject = reject as u8;
                -(reject as i64)
            }
        }
    }

    #[inline]
    fn begin(&mut self) {
        if self.keeps_history {
            self.history.make_room(&mut self.record.fills);
        } else {
            self.record.fills.clear();
            self.record.outcomes.clear();
            self.history.clear();
        }
        self.after_batch = false;
        (self.first_fill, self.first_outcome) = (self.record.fills.len(), self.record.outcomes.len());
    }

    fn latest_fills(&self, py: Python<'_>) -> PyResult<Vec<Fill>> {
        if self.after_batch { self.history.last_batch(py) } else { Ok(self.record.fills[self.first_fill..].to_vec()) }
    }
}

#[pymethods]
impl MatchingEngine {
    #[new]
    #[pyo3(signature = (*, self_trade = "allow", keep_history = true, deltas = false))]
    fn new(self_trade: &str, keep_history: bool, deltas: bool) -> PyResult<MatchingEngine> {
        let rule = match self_trade {
            "allow" => SelfTrade::Allow,
            "cancel_newest" => SelfTrade::CancelNewest,
            "cancel_oldest" => SelfTrade::CancelOldest,
            "cancel_both" => SelfTrade::CancelBoth,
            "decrement" => SelfTrade::Decrement,
            other => {
                return Err(PyValueError::new_err(format!(
                    "self_trade {other:?} is not one of allow, cancel_newest, cancel_oldest, cancel_both, decrement"
                )));
            }
        };
        Ok(MatchingEngine {
            engine: Engine::new(rule),
            record: Record { deltas, ..Record::default() },
            history: History::default(),
            keeps_history: keep_history,
            after_batch: false,
            first_fill: 0,
            first_outcome: 0,
            reject: 0,
        })
    }

    #[pyo3(signature = (order_id, side, price, size, owner = 0, tif = 0, peak = 0))]
    #[allow(clippy::too_many_arguments)] // As many as an order has fields.
    fn limit(&mut self, order_id: i64, side: i64, price: i64, size: i64, owner: i64, tif: i64, peak: i64) -> i64 {
        self.call(|engine, record| {
            let order = counted(engine, limit_of(order_id, side, price, size, owner, tif, peak))?;
            engine.limit(&order, record)
        })
    }

    #[pyo3(signature = (order_id, side, size, owner = 0))]
    fn market(&mut self, order_id: i64, side: i64, size: i64, owner: i64) -> i64 {
        self.call(|engine, record| {
            let order = counted(engine, market_of(order_id, side, size, owner))?;
            engine.market(&order, record)
        })
    }

    #[pyo3(signature = (order_id, side, stop, size, owner = 0))]
    fn stop(&mut self, order_id: i64, side: i64, stop: i64, size: i64, owner: i64) -> i64 {
        self.call(|engine, record| {
            let order = counted(engine, market_of(order_id, side, size, owner))?;
            engine.stop(&order, stop, record)
        })
    }

    #[pyo3(signature = (order_id, side, stop, price, size, owner = 0, tif = 0, peak = 0))]
    #[allow(clippy::too_many_arguments)] // As many as an order has fields.
    fn stop_limit(
        &mut self,
        order_id: i64,
        side: i64,
        stop: i64,
        price: i64,
        size: i64,
        owner: i64,
        tif: i64,
        peak: i64,
    ) -> i64 {
        self.call(|engine, record| {
            let order = counted(engine, limit_of(order_id, side, price, size, owner, tif, peak))?;
            engine.stop_limit(&order, stop, record)
        })
    }

    fn cancel(&mut self, order_id: i64) -> i64 {
        self.call(|engine, record| {
            let id = counted(engine, id_of(order_id))?;
            engine.cancel(id, record)
        })
    }

    #[pyo3(signature = (order_id, price = None, size = None, stop = None))]
    fn amend(&mut self, order_id: i64, price: Option<i64>, size: Option<i64>, stop: Option<i64>) -> i64 {
        self.call(|engine, record| {
            let id = counted(engine, id_of(order_id))?;
            engine.amend(id, &Change { price, size, stop }, record)
        })
    }

    /// Code of the reason for which the latest call changed nothing; 0 if it did.
    #[getter]
    fn reject_code(&self) -> u8 {
        self.reject
    }

    /// Trades of the latest call.
    fn fills(&self, py: Python<'_>) -> PyResult<Vec<MatchFill>> {
        let fills = self.latest_fills(py)?.into_iter();
        Ok(fills
            .map(|Fill { command, taker, maker, price, size, side }| MatchFill {
                command,
                taker,
                maker,
                price,
                size,
                side: side_code(side),
            })
            .collect())
    }

    /// What else the latest call did.
    fn outcomes(&self) -> Vec<MatchOutcome> {
        let outcomes = self.record.outcomes[self.first_outcome..].iter();
        outcomes
            .map(|&Outcome { command, id, kind, lots }| MatchOutcome {
                command,
                order_id: id,
                kind: kind as u8,
                size: lots,
            })
            .collect()
    }

    /// Operations in order: the status of each, and the columns of fills and of outcomes.
    #[pyo3(signature = (kind, order_id, side, price, size, owner, tif, peak, stop))]
    #[allow(clippy::too_many_arguments)] // One a column.
    fn run_columns<'py>(
        &mut self,
        py: Python<'py>,
        kind: PyReadonlyArray1<'py, i8>,
        order_id: PyReadonlyArray1<'py, i64>,
        side: PyReadonlyArray1<'py, i8>,
        price: PyReadonlyArray1<'py, i64>,
        size: PyReadonlyArray1<'py, i64>,
        owner: Option<PyReadonlyArray1<'py, i64>>,
        tif: Option<PyReadonlyArray1<'py, i8>>,
        peak: Option<PyReadonlyArray1<'py, i64>>,
        stop: Option<PyReadonlyArray1<'py, i64>>,
    ) -> PyResult<BatchColumns<'py>> {
        let columns = Columns {
            kind: kind.as_slice()?,
            order_id: order_id.as_slice()?,
            side: side.as_slice()?,
            price: price.as_slice()?,
            size: size.as_slice()?,
            owner: owner.as_ref().map(|column| column.as_slice()).transpose()?,
            tif: tif.as_ref().map(|column| column.as_slice()).transpose()?,
            peak: peak.as_ref().map(|column| column.as_slice()).transpose()?,
            stop: stop.as_ref().map(|column| column.as_slice()).transpose()?,
        };
        columns.check()?;
        self.begin();
        self.reject = 0;
        self.history.close(std::mem::take(&mut self.record.fills));
        let rows = columns.kind.len();
        // Room for a trade in every other operation: more than is kept of what was given back would be touched anew.
        let (mut status, mut fills) = (Vec::with_capacity(rows), FillColumns::with_room(rows / 2));
        let mut interrupted = Ok(());
        for start in (0..rows).step_by(UNWATCHED) {
            interrupted = py.check_signals();
            if interrupted.is_err() {
                break;
            }
            let (engine, record) = (&mut self.engine, &mut self.record);
            py.detach(|| columns.run(start..rows.min(start + UNWATCHED), engine, record, &mut fills, &mut status));
        }
        // What was done is kept even so.
        let fills = self.history.share(py, fills)?;
        (self.first_fill, self.after_batch) = (0, true);
        interrupted?;
        let outcomes = outcome_columns(py, &self.record.outcomes[self.first_outcome..])?;
        Ok((status.into_pyarray(py), fills, outcomes))
    }

    /// All trades that are kept.
    fn fill_columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.history.columns(py, &self.record.fills)?.into_dict(py)
    }

    /// All outcomes that are kept.
    fn outcome_columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        outcome_columns(py, &self.record.outcomes)
    }

    /// Forgets trades and outcomes; the book stays.
    fn clear_history(&mut self) {
        self.history.clear();
        (self.record.fills, self.record.outcomes) = (Vec::new(), Vec::new());
        (self.first_fill, self.first_outcome) = (0, 0);
    }

    /// Level changes since the last time.
    fn take_level_deltas<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let deltas = std::mem::take(&mut self.record.levels);
        let columns = PyDict::new(py);
        columns.set_item("command", column(py, &deltas, |delta| delta.command as i64))?;
        columns.set_item("side", column(py, &deltas, |delta| side_code(delta.side)))?;
        columns.set_item("price", column(py, &deltas, |delta| delta.price))?;
        columns.set_item("size", column(py, &deltas, |delta| delta.size))?;
        columns.set_item("orders", column(py, &deltas, |delta| delta.orders))?;
        Ok(columns)
    }

    /// Changes of displayed orders since the last time.
    fn take_order_deltas<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let deltas = std::mem::take(&mut self.record.orders);
        let columns = PyDict::new(py);
        columns.set_item("command", column(py, &deltas, |delta| delta.command as i64))?;
        columns.set_item("action", column(py, &deltas, |delta| delta.action as u8))?;
        columns.set_item("order_id", column(py, &deltas, |delta| delta.id as i64))?;
        columns.set_item("side", column(py, &deltas, |delta| side_code(delta.side)))?;
        columns.set_item("price", column(py, &deltas, |delta| delta.price))?;
        columns.set_item("size", column(py, &deltas, |delta| delta.size))?;
        Ok(columns)
    }

    /// Price, displayed size and number of orders of the best level of a side; `None` if it is empty.
    fn best(&self, side: i64) -> PyResult<Option<(i64, i64, u32)>> {
        Ok(self.engine.best(side_asked(side)?).map(|level| (level.price, level.size, level.orders)))
    }

    /// The levels of a side, best first: price, displayed size, orders.
    #[pyo3(signature = (side, depth = None))]
    fn level_columns<'py>(&self, py: Python<'py>, side: i64, depth: Option<usize>) -> PyResult<Bound<'py, PyDict>> {
        let levels: Vec<_> = self.engine.levels(side_asked(side)?).take(depth.unwrap_or(usize::MAX)).collect();
        let columns = PyDict::new(py);
        columns.set_item("price", column(py, &levels, |level| level.price))?;
        columns.set_item("size", column(py, &levels, |level| level.size))?;
        columns.set_item("orders", column(py, &levels, |level| level.orders))?;
        Ok(columns)
    }

    /// The resting orders of a side, best price first, in their queue's order.
    fn order_columns<'py>(&self, py: Python<'py>, side: i64) -> PyResult<Bound<'py, PyDict>> {
        let orders: Vec<_> = self.engine.orders(side_asked(side)?).collect();
        let columns = PyDict::new(py);
        columns.set_item("order_id", column(py, &orders, |order| order.id as i64))?;
        columns.set_item("price", column(py, &orders, |order| order.price))?;
        columns.set_item("size", column(py, &orders, |order| order.size))?;
        columns.set_item("owner", column(py, &orders, |order| order.owner))?;
        Ok(columns)
    }

    /// Ids of the waiting stops of a side, the first to be triggered first.
    fn waiting_ids<'py>(&self, py: Python<'py>, side: i64) -> PyResult<Bound<'py, PyArray1<i64>>> {
        Ok(self.engine.waiting_stops(side_asked(side)?).map(|stop| stop.id as i64).collect::<Vec<_>>().into_pyarray(py))
    }

    /// A live order; `None` if there is none of this id.
    fn order(&self, order_id: i64) -> Option<MatchOrder> {
        let state = self.engine.order(u64::try_from(order_id).ok()?)?;
        Some(MatchOrder {
            order_id: state.id,
            side: side_code(state.side),
            price: state.price,
            stop: state.stop,
            size: state.size,
            open: state.open,
            shown: state.shown,
            peak: state.peak,
            owner: state.owner,
            tif: state.tif as u8,
        })
    }

    /// Displayed lots before a resting order at its price; `None` if no such order rests.
    fn queue_ahead(&self, order_id: i64) -> Option<i64> {
        self.engine.queue_ahead(u64::try_from(order_id).ok()?)
    }

    /// Price of the last trade.
    #[getter]
    fn last_price(&self) -> Option<i64> {
        self.engine.last_price()
    }

    /// How many orders rest in the book.
    #[getter]
    fn resting(&self) -> usize {
        self.engine.resting()
    }

    /// How many stops wait.
    #[getter]
    fn waiting(&self) -> usize {
        self.engine.waiting()
    }

    /// How many operations there were: the number of the next one.
    #[getter]
    fn commands(&self) -> u64 {
        self.engine.commands()
    }

    /// How many trades there were.
    #[getter]
    fn trades(&self) -> u64 {
        self.engine.trades()
    }

    /// Lots traded.
    #[getter]
    fn volume(&self) -> i128 {
        self.engine.volume()
    }
}
