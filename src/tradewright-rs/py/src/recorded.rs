//! The feature graph over whole series, books among them: the kernel's own steps, and nobody who decides.

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradewright_kernel::event::{Bar, BookRow, Quote, Record, Trade};
use tradewright_kernel::features::Callables;
use tradewright_kernel::feed::{Arrival, Feed, Receiver};
use tradewright_kernel::gate::{Limits, Review};
use tradewright_kernel::host::{HaltRequest, Host, HostError};
use tradewright_kernel::instrument::{Instrument, SymbolId};
use tradewright_kernel::intent::Intent;
use tradewright_kernel::kernel::{Books, Kernel, KernelConfig, State};
use tradewright_kernel::ledger::AccountConfig;
use tradewright_kernel::num::Decimal;
use tradewright_kernel::order::{Order, PolicyId, Report};

use crate::features::{Computed, PyCallables, SpecTuple, opened, parse_specs};
use crate::feed;

/// Python's functions as nodes, and no policy or risk manager at all.
struct NodesOnly(PyCallables);

impl Host for NodesOnly {
    fn decide(&mut self, _: PolicyId, _: &State, _: &mut Vec<Intent>) -> Result<(), HostError> {
        Ok(())
    }
    fn on_report(&mut self, _: PolicyId, _: &State, _: &Report) -> Result<(), HostError> {
        Ok(())
    }
    fn review(&mut self, _: &Order, _: &State) -> Result<Review, HostError> {
        Ok(Review::Allow)
    }
    fn on_mark(&mut self, _: &State) -> Result<Option<HaltRequest>, HostError> {
        Ok(None)
    }
    fn call(&mut self, _: i64, callable: usize, inputs: &[f64]) -> Result<f64, HostError> {
        self.0.call(callable, inputs)
    }
    fn call_window(&mut self, _: i64, callable: usize, columns: &[Vec<f64>]) -> Result<f64, HostError> {
        self.0.call_window(callable, columns)
    }
    fn pulse(&mut self, _: u64, _: i64) -> Result<bool, HostError> {
        Ok(true)
    }
}

struct Applied<'a>(&'a mut Kernel);

impl Receiver for Applied<'_> {
    fn bar(&mut self, symbol: SymbolId, bar: &Bar) {
        self.0.apply(Arrival::Bar(symbol, bar));
    }
    fn quote(&mut self, symbol: SymbolId, quote: &Quote) {
        self.0.apply(Arrival::Quote(symbol, quote));
    }
    fn trade(&mut self, symbol: SymbolId, trade: &Trade) {
        self.0.apply(Arrival::Trade(symbol, trade));
    }
    fn book(&mut self, symbol: SymbolId, rows: &[BookRow]) {
        self.0.apply(Arrival::Book(symbol, rows));
    }
    fn other(&mut self, record: &Record) {
        self.0.apply(Arrival::Other(record));
    }
}

/// Steps a kernel without policies through whole series, given as `Kernel.run` takes them; returns the time of each step
/// and each wanted node's value after it. Instruments are symbol, price unit and lot size.
#[pyfunction]
pub fn compute_recorded<'py>(
    py: Python<'py>,
    specs: Vec<SpecTuple>,
    wanted: Vec<usize>,
    callables: Vec<Py<PyAny>>,
    instruments: Vec<(String, String, String)>,
    series: Vec<Bound<'py, PyTuple>>,
    sources: Vec<String>,
) -> PyResult<Computed<'py>> {
    let instruments: Vec<Instrument> = instruments
        .iter()
        .map(|(symbol, unit, lot)| {
            let (price_unit, lot_size) = (Decimal::parse(unit)?, Decimal::parse(lot)?);
            Ok(Instrument { price_unit, lot_size, ..Instrument::plain(symbol) })
        })
        .collect::<Result<_, String>>()
        .map_err(PyValueError::new_err)?;
    let mut books = Books::default();
    for one in &series {
        if one.get_item(0)?.extract::<String>()? == "book_l3" {
            books.of_orders.push(one.get_item(1)?.extract()?);
        }
    }
    let held = series.iter().map(feed::hold).collect::<PyResult<Vec<_>>>()?;
    let mut recorded = Feed::new();
    if let Err(error) = feed::add_all(&mut recorded, &held, &instruments)? {
        return Err(feed::feed_error(py, error, &sources));
    }
    let mut kernel = Kernel::new(KernelConfig {
        instruments,
        nodes: parse_specs(specs),
        policies: Vec::new(),
        account: AccountConfig::cash(0),
        limits: Limits::account_default(),
        has_managers: false,
        keeps_priority: true,
        liquidates: false,
        borrow_e10: 0,
        books,
        journal: None,
    })
    .map_err(PyValueError::new_err)?;
    let mut host = NodesOnly(PyCallables(callables));
    let mut times = Vec::new();
    let mut results: Vec<Vec<f64>> = wanted.iter().map(|_| Vec::new()).collect();
    let mut commands = Vec::new();
    while recorded.next_ns() != i64::MAX {
        if times.len() % 65_536 == 0 {
            py.check_signals()?;
        }
        recorded.preview(&mut kernel);
        let now_ns = recorded.collect().map_err(|error| feed::feed_error(py, error, &sources))?;
        recorded.preview(&mut kernel);
        kernel.begin(now_ns);
        recorded.hand_out(&mut Applied(&mut kernel));
        recorded.advance().map_err(|error| feed::feed_error(py, error, &sources))?;
        kernel.finish(&mut host, &mut commands).map_err(opened)?;
        times.push(now_ns);
        for (result, node) in results.iter_mut().zip(&wanted) {
            result.push(kernel.state.graph.value(*node as u32));
        }
    }
    let results = results.into_iter().map(|result| PyArray1::from_vec(py, result)).collect();
    Ok((PyArray1::from_vec(py, times), results))
}
