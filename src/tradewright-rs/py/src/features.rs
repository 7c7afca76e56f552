//! The feature graph over recorded columns: what `features.compute` calls, and what a run needs to build its own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use numpy::{PyArray1, PyReadonlyArray1, ToPyArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradewright_kernel::event::{Bar, Quote, Trade};
use tradewright_kernel::features::{Callables, Graph, NodeSpec};
use tradewright_kernel::host::HostError;
use tradewright_kernel::instrument::{Instrument, SymbolId};
use tradewright_kernel::market::{Market, SourceKind};
use tradewright_kernel::num::Decimal;

/// A node as Python sends it: operation, inputs, numbers, integers, symbol, callable.
pub type SpecTuple = (String, Vec<u32>, Vec<f64>, Vec<i64>, Option<SymbolId>, Option<usize>);

/// Times of the steps, and a column a root.
pub type Computed<'py> = (Bound<'py, PyArray1<i64>>, Vec<Bound<'py, PyArray1<f64>>>);

/// The nodes of `features.compile`.
pub fn parse_specs(specs: Vec<SpecTuple>) -> Vec<NodeSpec> {
    specs
        .into_iter()
        .map(|(op, inputs, numbers, ints, symbol, callable)| NodeSpec { op, inputs, numbers, ints, symbol, callable })
        .collect()
}

/// Python functions as nodes; an exception travels through the kernel as a [`HostError`] around its `PyErr`.
pub struct PyCallables(pub Vec<Py<PyAny>>);

impl Callables for PyCallables {
    fn call(&mut self, callable: usize, inputs: &[f64]) -> Result<f64, HostError> {
        Python::attach(|py| self.0[callable].bind(py).call1(PyTuple::new(py, inputs)?)?.extract()).map_err(raised)
    }

    fn call_window(&mut self, callable: usize, columns: &[Vec<f64>]) -> Result<f64, HostError> {
        Python::attach(|py| {
            let columns = columns.iter().map(|column| column.to_pyarray(py));
            self.0[callable].bind(py).call1(PyTuple::new(py, columns.collect::<Vec<_>>())?)?.extract()
        })
        .map_err(raised)
    }
}

fn raised(error: PyErr) -> HostError {
    HostError(Box::new(error))
}

/// One series: symbol, kind (`bars`, `quotes` or `trades`), receive times, value columns.
///
/// Columns of bars: open, high, low, close, volume. Of quotes: bid, ask, bid size, ask size; a NaN price is an
/// empty side. Of trades: price, size, aggressor (1 buyer, -1 seller, 0 or NaN unknown).
type SeriesTuple<'py> = (SymbolId, String, PyReadonlyArray1<'py, i64>, Vec<PyReadonlyArray1<'py, f64>>);

struct Columns<'a> {
    symbol: SymbolId,
    kind: SourceKind,
    ts_recv_ns: &'a [i64],
    values: Vec<&'a [f64]>,
    unit: Decimal,
    next: usize,
}

impl Columns<'_> {
    fn price(&self, column: usize) -> PyResult<i64> {
        let value = self.values[column][self.next];
        self.unit.count_nearest(value).ok_or_else(|| {
            PyValueError::new_err(format!("row {}: price {value} does not fit the price unit", self.next + 1))
        })
    }

    fn side(&self, column: usize, empty: i64) -> PyResult<i64> {
        if self.values[column][self.next].is_nan() { Ok(empty) } else { self.price(column) }
    }

    /// Applies the next row to the market.
    fn apply(&self, market: &mut Market) -> PyResult<()> {
        let ts = self.ts_recv_ns[self.next];
        let value = |column: usize| self.values[column][self.next];
        match self.kind {
            SourceKind::Bar => {
                let [open, high, low, close] = [self.price(0)?, self.price(1)?, self.price(2)?, self.price(3)?];
                let (ts_recv_ns, ts_event_ns, open_ns, volume) = (ts, ts, ts, value(4));
                market.on_bar(self.symbol, &Bar { ts_recv_ns, ts_event_ns, open_ns, open, high, low, close, volume });
            }
            SourceKind::Quote => {
                let (bid, ask) = (self.side(0, i64::MIN)?, self.side(1, i64::MAX)?);
                let (bid_size, ask_size) = (value(2), value(3));
                market.on_quote(self.symbol, &Quote { ts_recv_ns: ts, ts_event_ns: ts, bid, ask, bid_size, ask_size });
            }
            SourceKind::Book => {
                return Err(PyValueError::new_err("events of a book go through compute_recorded"));
            }
            SourceKind::Trade => {
                let (price, size) = (self.price(0)?, value(1));
                let aggressor = value(2) as i8; // NaN, which is unknown, becomes 0.
                market.on_trade(self.symbol, &Trade { ts_recv_ns: ts, ts_event_ns: ts, price, size, aggressor });
            }
        }
        Ok(())
    }
}

/// Evaluates a graph over series merged by receive time; returns the time of each step and each wanted node's value.
#[pyfunction]
#[pyo3(signature = (specs, wanted, callables, instruments, series))]
pub fn compute_features<'py>(
    py: Python<'py>,
    specs: Vec<SpecTuple>,
    wanted: Vec<usize>,
    callables: Vec<Py<PyAny>>,
    instruments: Vec<(String, String)>,
    series: Vec<SeriesTuple<'py>>,
) -> PyResult<Computed<'py>> {
    let instruments: Vec<Instrument> = instruments
        .iter()
        .map(|(symbol, unit)| Ok(Instrument { price_unit: Decimal::parse(unit)?, ..Instrument::plain(symbol) }))
        .collect::<Result<_, String>>()
        .map_err(PyValueError::new_err)?;
    let mut graph = Graph::build(&parse_specs(specs), &instruments).map_err(PyValueError::new_err)?;
    let mut columns = Vec::with_capacity(series.len());
    for (symbol, kind, ts_recv_ns, values) in &series {
        columns.push(Columns {
            symbol: *symbol,
            kind: source_kind(kind)?,
            ts_recv_ns: ts_recv_ns.as_slice()?,
            values: values.iter().map(|column| column.as_slice()).collect::<Result<_, _>>()?,
            unit: instruments[*symbol as usize].price_unit,
            next: 0,
        });
    }
    let mut market = Market::new(instruments);
    let mut callables = PyCallables(callables);
    let rows = columns.iter().map(|series| series.ts_recv_ns.len()).max().unwrap_or(0);
    let mut times = Vec::with_capacity(rows);
    let mut results: Vec<Vec<f64>> = wanted.iter().map(|_| Vec::with_capacity(rows)).collect();
    let heads = columns.iter().enumerate().filter_map(|(i, series)| Some(Reverse((*series.ts_recv_ns.first()?, i))));
    let mut queue: BinaryHeap<Reverse<(i64, usize)>> = heads.collect();
    while let Some(Reverse((now_ns, _))) = queue.peek().copied() {
        if times.len() % 65_536 == 0 {
            py.check_signals()?;
        }
        market.now_ns = now_ns;
        while let Some(Reverse((at_ns, index))) = queue.peek().copied().filter(|Reverse((at_ns, _))| *at_ns == now_ns) {
            queue.pop();
            let series = &mut columns[index];
            series.apply(&mut market)?;
            series.next += 1;
            graph.touch(series.symbol, series.kind, &market);
            if let Some(next_ns) = series.ts_recv_ns.get(series.next) {
                if *next_ns < at_ns {
                    let row = series.next + 1;
                    return Err(PyValueError::new_err(format!("row {row}: its time is before that of the row above")));
                }
                queue.push(Reverse((*next_ns, index)));
            }
        }
        graph.evaluate(&market, &mut callables).map_err(opened)?;
        times.push(now_ns);
        for (result, node) in results.iter_mut().zip(&wanted) {
            result.push(graph.value(*node as u32));
        }
    }
    let results = results.into_iter().map(|result| PyArray1::from_vec(py, result)).collect();
    Ok((PyArray1::from_vec(py, times), results))
}

fn source_kind(kind: &str) -> PyResult<SourceKind> {
    match kind {
        "bars" => Ok(SourceKind::Bar),
        "quotes" => Ok(SourceKind::Quote),
        "trades" => Ok(SourceKind::Trade),
        "book_l2" | "book_l3" => Ok(SourceKind::Book),
        _ => Err(PyValueError::new_err(format!("{kind:?} is not bars, quotes, trades or book_l2"))),
    }
}

/// The Python exception that a [`HostError`] carries.
pub fn opened(error: HostError) -> PyErr {
    match error.0.downcast::<PyErr>() {
        Ok(error) => *error,
        Err(_) => PyValueError::new_err("a feature failed without an exception"),
    }
}
