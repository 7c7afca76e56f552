//! The kernel of tradewright: one loop, exact money, no Python.
//!
//! Read in the order in which an event travels: [`feed`] → [`kernel`] (step) → [`features`] →
//! [`gate`] → [`venue`] → [`ledger`]. [`backtest`] is the loop around it.

pub mod backtest;
pub mod book;
pub mod event;
pub mod features;
pub mod feed;
pub mod fees;
pub mod flow;
pub mod gate;
pub mod host;
pub mod instrument;
pub mod intent;
pub mod journal;
pub mod kernel;
pub mod ledger;
pub mod market;
pub mod matching;
#[cfg(target_os = "linux")]
pub mod memory;
pub mod num;
pub mod order;
pub mod orders;
mod prefetch;
pub mod queues;
mod reason;
pub mod timer;
pub mod venue;
mod wide;
