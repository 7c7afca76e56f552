//! What policies and risk managers see: views on the kernel's memory, valid during the call.

mod market;
mod portfolio;

use pyo3::prelude::*;

pub use market::{MarketSnapshot, SessionState};
pub use portfolio::PortfolioState;

#[cold]
fn stale(py: Python<'_>, what: &str) -> PyErr {
    let text = format!("this {what} was a view, valid during the call; keep what you need with {what}.copy()");
    let error = py
        .import("tradewright.errors")
        .and_then(|errors| errors.getattr("StaleViewError"))
        .and_then(|class| class.call1((text,)));
    match error {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
