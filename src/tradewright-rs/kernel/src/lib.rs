//! The kernel of tradewright: one loop, exact money, no Python.
//!
//! Read in the order in which an event travels: `feed` → `kernel` (step) → `features` → `reconcile` → `gate` →
//! `venue` → `ledger`.

pub mod event;
pub mod host;
pub mod instrument;
pub mod market;
pub mod num;
pub mod order;
pub mod venue;
