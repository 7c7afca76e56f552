//! What makes a kernel, and what it counts.

use crate::book::Priority;
use crate::features::NodeSpec;
use crate::gate::Limits;
use crate::instrument::{Instrument, SymbolId};
use crate::journal::Journal;
use crate::ledger::AccountConfig;
use crate::market::SourceKind;
use crate::num::Cash;
use crate::order::{Fill, OrderId};
use crate::venue::QueueModel;

/// A condition under which a policy wants to decide.
#[derive(Clone, Debug, PartialEq)]
pub enum Wake {
    /// A condition node of the feature graph fires.
    Node(u32),
    /// A record of this source arrives.
    Source(SymbolId, SourceKind),
    /// The bars of all these symbols for one period have arrived, or the period has passed.
    AllBars {
        /// Instruments.
        symbols: Vec<SymbolId>,
        /// Length of the period; 0 takes each bar's close as a period of its own.
        timeframe_ns: i64,
        /// How long after the end of the period a late bar is waited for.
        grace_ns: i64,
    },
    /// A timer.
    Every {
        /// Period.
        period_ns: i64,
        /// Shift of the multiples since the epoch.
        phase_ns: i64,
        /// It sleeps while none of these is in session.
        symbols: Vec<SymbolId>,
    },
    /// An execution report of one of its own orders.
    Report,
}

/// What the kernel has to know of a policy.
#[derive(Clone, Debug)]
pub struct PolicySpec {
    /// Name, unique in the run.
    pub name: String,
    /// When it wants to decide.
    pub wakes: Vec<Wake>,
    /// Nodes that it reads: their values go to the journal with each decision.
    pub watched: Vec<u32>,
    /// Limits of its own, beside the account's.
    pub limits: Limits,
    /// Whether it has a report hook.
    pub has_report_hook: bool,
}

/// What a kernel keeps of order books beyond their levels.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Instruments whose books are told order by order.
    pub of_orders: Vec<SymbolId>,
    /// When a modified order of such a book keeps its place.
    pub priority: Priority,
    /// Keeps the queue position of our orders, by this model in books of levels; `None` keeps none.
    pub queues: Option<QueueModel>,
}

/// Everything that makes a kernel.
pub struct KernelConfig {
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// The feature graph, in topological order.
    pub nodes: Vec<NodeSpec>,
    /// Who decides.
    pub policies: Vec<PolicySpec>,
    /// The account.
    pub account: AccountConfig,
    /// The account's limits.
    pub limits: Limits,
    /// Whether the user has risk managers.
    pub has_managers: bool,
    /// Whether a smaller size at the same price keeps its place in the venue's queue.
    pub keeps_priority: bool,
    /// Whether to liquidate below maintenance margin, as simulated and paper accounts are.
    pub liquidates: bool,
    /// Yearly cost of short positions in Full-payment instruments, in 10⁻¹⁰ of their value.
    pub borrow_e10: i64,
    /// What is kept of order books.
    pub books: Books,
    /// Where decisions, verdicts, commands and reports are written.
    pub journal: Option<Journal>,
}

/// One execution as booked.
#[derive(Clone, Copy, Debug)]
pub struct FillRecord {
    /// Order.
    pub order: OrderId,
    /// Price, lots, fee, maker or taker, the venue's id.
    pub fill: Fill,
    /// Venue time.
    pub ts_event_ns: i64,
    /// When we learnt of it.
    pub ts_recv_ns: i64,
    /// Realised profit before fees.
    pub realised: Cash,
    /// The policy's position after it.
    pub position_lots: i64,
}

/// What became of an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing was heard yet.
    Pending,
    /// The order is as it says.
    Amended,
    /// The order stands as it was.
    Rejected,
}

/// One amendment that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// Of which order.
    pub order: OrderId,
    /// When it was decided.
    pub decided_ns: i64,
    /// New limit, in price units; 0 of an order without one.
    pub limit: i64,
    /// New total size, in lots.
    pub lots: i64,
    /// The size that was asked for, which a risk manager may have made smaller.
    pub asked_lots: i64,
    /// What became of it.
    pub answer: Answer,
    /// When that was heard.
    pub answered_ns: i64,
}

/// Counts of what a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records applied.
    pub records: u64,
    /// Steps taken.
    pub steps: u64,
    /// Calls of `decide`.
    pub decisions: u64,
    /// Reports applied.
    pub reports: u64,
    /// Orders and amendments sent.
    pub sent: u64,
    /// Cancellations sent.
    pub cancels: u64,
    /// Orders of margin calls that were sent.
    pub liquidations: u64,
}
