//! Generated order flow, as columns of book events.

use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::book::Action;
use tradewright_kernel::event::BookRow;
use tradewright_kernel::flow::{Clusters, Counts, FlowMarket, Informed, Params, Value};
use tradewright_kernel::num::Decimal;

/// Steps between two looks at signals.
const STRETCH: usize = 1 << 16;

/// Columns of events, times and ticks of the value, counts.
type Generated<'py> = (Bound<'py, PyDict>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyDict>);

/// A generated market from its start to its end.
#[pyfunction]
#[pyo3(signature = (
    *, seed, start_ns, duration_ns, limit_rates, market_rate, cancel_rates, lots, varies, bid, low, high, tick_units,
    price_unit, lot_size, clusters = None, informed = None, binary = None, brownian = None
))]
#[allow(clippy::too_many_arguments)] // One a parameter of the model.
pub fn generate_flow<'py>(
    py: Python<'py>,
    seed: u64,
    start_ns: i64,
    duration_ns: i64,
    limit_rates: Vec<f64>,
    market_rate: f64,
    cancel_rates: Vec<f64>,
    lots: f64,
    varies: bool,
    bid: i64,
    low: i64,
    high: i64,
    tick_units: i64,
    price_unit: &str,
    lot_size: &str,
    clusters: Option<(f64, f64)>,
    informed: Option<f64>,
    binary: Option<(f64, f64, i64)>,
    brownian: Option<(f64, f64)>,
) -> PyResult<Generated<'py>> {
    let value = match (binary, brownian) {
        (Some((start, payoff, horizon_ns)), None) => {
            Some(Value::Binary { start, payoff, horizon_s: seconds(horizon_ns) })
        }
        (None, Some((start, volatility))) => Some(Value::Brownian { start, volatility }),
        _ => None,
    };
    let informed = match (informed, value) {
        (Some(share), Some(value)) => Some(Informed { share, value }),
        (None, None) => None,
        _ => return Err(PyValueError::new_err("informed traders need one value, and a value somebody informed")),
    };
    let clusters = clusters.map(|(branching, decay)| Clusters { branching, decay });
    let params = Params { limit_rates, market_rate, cancel_rates, lots, varies, bid, low, high, clusters, informed };
    let (price_unit, lot_size) = (decimal(price_unit)?, decimal(lot_size)?);
    let mut market = FlowMarket::new(params, seed, start_ns, tick_units).map_err(PyValueError::new_err)?;
    let mut rows: Vec<BookRow> = Vec::new();
    market.snapshot(&mut rows);
    let end_s = seconds(duration_ns);
    while market.next_s() < end_s {
        py.check_signals()?;
        py.detach(|| {
            for _ in 0..STRETCH {
                if market.next_s() >= end_s {
                    break;
                }
                market.step(&mut rows);
            }
        });
    }
    market.end(end_s);
    let (values_ns, values) = market.values().iter().copied().unzip::<i64, f64, Vec<_>, Vec<_>>();
    let events = events(py, &rows, price_unit, lot_size)?;
    Ok((events, values_ns.into_pyarray(py), values.into_pyarray(py), counts(py, market.counts())?))
}

fn seconds(length_ns: i64) -> f64 {
    length_ns as f64 / 1e9
}

fn decimal(text: &str) -> PyResult<Decimal> {
    Decimal::parse(text).map_err(PyValueError::new_err)
}

fn events<'py>(
    py: Python<'py>,
    rows: &[BookRow],
    price_unit: Decimal,
    lot_size: Decimal,
) -> PyResult<Bound<'py, PyDict>> {
    let shows = |row: &BookRow| matches!(row.event.action, Action::Trade | Action::Set);
    let columns = PyDict::new(py);
    columns.set_item("ts", column(py, rows, |row| row.ts_event_ns))?;
    columns.set_item("action", column(py, rows, |row| row.event.action as u8))?;
    columns.set_item("side", column(py, rows, |row| row.event.side.map_or(0, |side| side.sign() as i8)))?;
    columns.set_item("flags", column(py, rows, |row| row.event.flags))?;
    let price = |row: &BookRow| if shows(row) { price_unit.times(row.event.price) } else { f64::NAN };
    columns.set_item("price", column(py, rows, price))?;
    columns.set_item("size", column(py, rows, |row| lot_size.times(row.event.lots)))?;
    columns.set_item("sequence", column(py, rows, |row| row.event.sequence as i64))?;
    Ok(columns)
}

fn column<'py, V: numpy::Element>(
    py: Python<'py>,
    rows: &[BookRow],
    value: impl Fn(&BookRow) -> V,
) -> Bound<'py, PyArray1<V>> {
    rows.iter().map(value).collect::<Vec<V>>().into_pyarray(py)
}

fn counts<'py>(py: Python<'py>, counts: &Counts) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    columns.set_item("limits", counts.limits.clone())?;
    columns.set_item("outside", counts.outside)?;
    columns.set_item("markets", counts.markets)?;
    columns.set_item("informed", counts.informed)?;
    columns.set_item("passed", counts.passed)?;
    columns.set_item("unfilled", counts.unfilled)?;
    columns.set_item("cancels", counts.cancels)?;
    columns.set_item("trades", counts.trades)?;
    Ok(columns)
}
