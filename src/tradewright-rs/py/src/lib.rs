//! The kernel as `tradewright._native`.
use pyo3::prelude::*;

pub mod features;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::features::compute_features;
}
