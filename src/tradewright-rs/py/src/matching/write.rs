//! What happened as columns.

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::matching::{Fill, Outcome};

use super::read::side_code;

pub(super) fn column<'py, T, V: numpy::Element>(
    py: Python<'py>,
    rows: &[T],
    value: impl Fn(&T) -> V,
) -> Bound<'py, PyArray1<V>> {
    rows.iter().map(value).collect::<Vec<V>>().into_pyarray(py)
}

pub(super) fn fill_columns<'py>(py: Python<'py>, fills: &[Fill]) -> PyResult<Bound<'py, PyDict>> {
    let [mut command, mut taker, mut maker, mut price, mut size] = [(); 5].map(|()| Vec::with_capacity(fills.len()));
    let mut side = Vec::with_capacity(fills.len());
    // A part at a time, so that it is read from memory once and not for every column.
    for fills in fills.chunks(256) {
        command.extend(fills.iter().map(|fill| fill.command as i64));
        taker.extend(fills.iter().map(|fill| fill.taker as i64));
        maker.extend(fills.iter().map(|fill| fill.maker as i64));
        price.extend(fills.iter().map(|fill| fill.price));
        size.extend(fills.iter().map(|fill| fill.size));
        side.extend(fills.iter().map(|fill| side_code(fill.side)));
    }
    let columns = PyDict::new(py);
    for (name, column) in [("command", command), ("taker", taker), ("maker", maker), ("price", price), ("size", size)] {
        columns.set_item(name, column.into_pyarray(py))?;
    }
    columns.set_item("side", side.into_pyarray(py))?;
    Ok(columns)
}

pub(super) fn outcome_columns<'py>(py: Python<'py>, outcomes: &[Outcome]) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    columns.set_item("command", column(py, outcomes, |outcome| outcome.command as i64))?;
    columns.set_item("order_id", column(py, outcomes, |outcome| outcome.id as i64))?;
    columns.set_item("kind", column(py, outcomes, |outcome| outcome.kind as u8))?;
    columns.set_item("size", column(py, outcomes, |outcome| outcome.lots))?;
    Ok(columns)
}
