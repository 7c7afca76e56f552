//! The kernel as `tradewright._native`: converts, nothing else.

use pyo3::prelude::*;

mod books;
mod columns;
mod configuration;
mod errors;
mod exchange;
mod features;
mod feed;
mod fields;
mod flow;
mod host;
mod intents;
mod kernel;
mod ledger;
mod matching;
mod names;
mod parts;
mod recorded;
mod values;
mod venue;
mod views;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tradewright_kernel::memory::HugePages = tradewright_kernel::memory::HugePages::new();

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::books::{L2Book, L3Book, MessageSequence};
    #[pymodule_export]
    use crate::configuration::default_limits;
    #[pymodule_export]
    use crate::exchange::run_exchanges;
    #[pymodule_export]
    use crate::features::compute_features;
    #[pymodule_export]
    use crate::flow::generate_flow;
    #[pymodule_export]
    use crate::kernel::{Kernel, reasons};
    #[pymodule_export]
    use crate::ledger::{Balance, Ledger, LedgerEntry, LedgerTrip};
    #[pymodule_export]
    use crate::matching::{MatchFill, MatchOrder, MatchOutcome, MatchingEngine};
    #[pymodule_export]
    use crate::recorded::compute_recorded;
    #[pymodule_export]
    use crate::values::Approved;
    #[pymodule_export]
    use crate::venue::SimVenue;
    #[pymodule_export]
    use crate::views::{MarketSnapshot, PortfolioState, SessionState};
}
