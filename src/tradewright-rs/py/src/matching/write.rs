//! What happened as columns.

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::matching::Outcome;

pub(super) fn column<'py, T, V: numpy::Element>(
    py: Python<'py>,
    rows: &[T],
    value: impl Fn(&T) -> V,
) -> Bound<'py, PyArray1<V>> {
    rows.iter().map(value).collect::<Vec<V>>().into_pyarray(py)
}

pub(super) fn outcome_columns<'py>(py: Python<'py>, outcomes: &[Outcome]) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    columns.set_item("command", column(py, outcomes, |outcome| outcome.command as i64))?;
    columns.set_item("order_id", column(py, outcomes, |outcome| outcome.id as i64))?;
    columns.set_item("kind", column(py, outcomes, |outcome| outcome.kind as u8))?;
    columns.set_item("size", column(py, outcomes, |outcome| outcome.lots))?;
    Ok(columns)
}
