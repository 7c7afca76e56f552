//! Generated order flow, read from plain values, and as columns of book events.

use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::book::Action;
use tradewright_kernel::event::BookRow;
use tradewright_kernel::flow::{Clusters, Counts, FlowMarket, Informed, Params, Value};
use tradewright_kernel::num::Decimal;

use crate::configuration::get;

/// Steps between two looks at signals.
const STRETCH: usize = 1 << 16;

/// Columns of events, times and ticks of the value, counts, columns of the single orders if they were kept.
pub type Generated<'py> = (
    Bound<'py, PyDict>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyDict>,
    Option<Bound<'py, PyDict>>,
);

/// A market to be generated, from `tradewright.sim.flow.Plan.plain`.
pub struct Spec {
    params: Params,
    seed: u64,
    start_ns: i64,
    pub duration_ns: i64,
    pub tick_units: i64,
    price_unit: Decimal,
    lot_size: Decimal,
    keeps_orders: bool,
}

impl Spec {
    pub fn read(fields: &Bound<'_, PyDict>) -> PyResult<Spec> {
        let value = match (get(fields, "binary")?, get(fields, "brownian")?) {
            (Some((start, payoff, horizon_ns)), None) => {
                Some(Value::Binary { start, payoff, horizon_s: seconds(horizon_ns) })
            }
            (None, Some((start, volatility))) => Some(Value::Brownian { start, volatility }),
            _ => None,
        };
        let informed = match (get(fields, "informed")?, value) {
            (Some(share), Some(value)) => Some(Informed { share, value }),
            (None, None) => None,
            _ => return Err(PyValueError::new_err("informed traders need one value, and a value somebody informed")),
        };
        let clusters: Option<(f64, f64)> = get(fields, "clusters")?;
        Ok(Spec {
            params: Params {
                limit_rates: get(fields, "limit_rates")?,
                market_rate: get(fields, "market_rate")?,
                cancel_rates: get(fields, "cancel_rates")?,
                lots: get(fields, "lots")?,
                varies: get(fields, "varies")?,
                bid: get(fields, "bid")?,
                low: get(fields, "low")?,
                high: get(fields, "high")?,
                clusters: clusters.map(|(branching, decay)| Clusters { branching, decay }),
                informed,
            },
            seed: get(fields, "seed")?,
            start_ns: get(fields, "start_ns")?,
            duration_ns: get(fields, "duration_ns")?,
            tick_units: get(fields, "tick_units")?,
            price_unit: decimal(&get::<String>(fields, "price_unit")?)?,
            lot_size: decimal(&get::<String>(fields, "lot_size")?)?,
            keeps_orders: get(fields, "orders")?,
        })
    }

    pub fn market(&self) -> PyResult<FlowMarket> {
        let (params, seed) = (self.params.clone(), self.seed);
        let mut market =
            FlowMarket::new(params, seed, self.start_ns, self.tick_units).map_err(PyValueError::new_err)?;
        if self.keeps_orders {
            market.keep_orders();
        }
        Ok(market)
    }

    /// When it ends.
    pub fn end_ns(&self) -> i64 {
        self.start_ns + self.duration_ns
    }

    /// A market as it was, and everything that its book has shown.
    pub fn generated<'py>(&self, py: Python<'py>, market: &FlowMarket, rows: &[BookRow]) -> PyResult<Generated<'py>> {
        let (values_ns, values) = market.values().iter().copied().unzip::<i64, f64, Vec<_>, Vec<_>>();
        let columns = |rows| events(py, rows, self.price_unit, self.lot_size);
        let orders = market.orders().map(columns).transpose()?;
        let counts = counts(py, market.counts())?;
        Ok((columns(rows)?, values_ns.into_pyarray(py), values.into_pyarray(py), counts, orders))
    }
}

/// A generated market from its start to its end.
#[pyfunction]
pub fn generate_flow<'py>(py: Python<'py>, flow: &Bound<'py, PyDict>) -> PyResult<Generated<'py>> {
    let spec = Spec::read(flow)?;
    let mut market = spec.market()?;
    let mut rows: Vec<BookRow> = Vec::new();
    market.snapshot(&mut rows);
    let end_s = seconds(spec.duration_ns);
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
    spec.generated(py, &market, &rows)
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
    let is_bare = |row: &BookRow| matches!(row.event.action, Action::SnapshotStart | Action::SnapshotEnd);
    let columns = PyDict::new(py);
    columns.set_item("ts", column(py, rows, |row| row.ts_event_ns))?;
    columns.set_item("action", column(py, rows, |row| row.event.action as u8))?;
    columns.set_item("side", column(py, rows, |row| row.event.side.map_or(0, |side| side.sign() as i8)))?;
    columns.set_item("flags", column(py, rows, |row| row.event.flags))?;
    let price = |row: &BookRow| if is_bare(row) { f64::NAN } else { price_unit.times(row.event.price) };
    columns.set_item("price", column(py, rows, price))?;
    columns.set_item("size", column(py, rows, |row| lot_size.times(row.event.lots)))?;
    columns.set_item("order_id", column(py, rows, |row| row.event.order_id))?;
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
