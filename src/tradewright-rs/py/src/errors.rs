//! What ends a run early, as Python sees it.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::backtest::{self, RunError};
use tradewright_kernel::num::utc_text_ns;

use crate::feed;
use crate::host::into_py_err;

/// What ended a run early, for Python.
pub fn run_error(py: Python<'_>, error: RunError, sources: &[String]) -> PyErr {
    match error {
        RunError::Row(error) => feed::data_error(py, &error, sources),
        RunError::Host(error) => into_py_err(error),
        RunError::Endless(now_ns) => endless(py, now_ns).unwrap_or_else(|error| error),
    }
}

fn endless(py: Python<'_>, now_ns: i64) -> PyResult<PyErr> {
    let fields = PyDict::new(py);
    fields.set_item("path", "venue.latency")?;
    fields.set_item(
        "remedy",
        "Give the venue a latency, wake the policy by the clock, or leave what stands when a report wakes it.",
    )?;
    let problem = format!(
        "at {} a policy answers what its own orders did with other orders, {} times and without end: no time passes \
         between them.",
        utc_text_ns(now_ns),
        backtest::STEPS_AT_ONE_TIME_MAX
    );
    let class = py.import("tradewright.errors")?.getattr("ConfigError")?;
    Ok(PyErr::from_value(class.call((problem,), Some(&fields))?))
}
