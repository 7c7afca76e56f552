//! The kernel as `tradewright._native`.
use pyo3::prelude::*;

mod ledger;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::ledger::{Balance, Ledger, LedgerEntry, LedgerTrip};
}
