//! The one loop's step. A backtest calls it natively; a live session calls it for each message.
//!
//! At one time: market records, then reports, then timers, then decisions. What is decided leaves as commands.

use crate::event::{Payload, Record};
use crate::features::{Callables, Graph, NodeSpec};
use crate::feed::Arrival;
use crate::gate::{Approved, Gate, Limits, OpenOrders, Refusal, Review, Scope};
use crate::host::{Host, HostError};
use crate::instrument::{Instrument, SymbolId};
use crate::intent::{Command, Intent, QuoteSide};
use crate::journal::{Decision, Journal};
use crate::ledger::{AccountConfig, AccountKind, Booked, Ledger};
use crate::market::{Market, SOURCE_KINDS, SourceKind};
use crate::num::{Cash, cash_to_f64};
use crate::order::{
    Applied, Fill, InFlight, Order, OrderId, OrderStatus, OrderType, Origin, PolicyId, Reason, Report, ReportKind,
    Side, TimeInForce,
};
use crate::orders::Orders;
use crate::reconcile::{self, Action, Draft, PositionTarget, QuotesTarget};
use crate::timer::{TimerId, Timers};

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

/// What policies and risk managers can see.
pub struct State {
    /// Market and time.
    pub market: Market,
    /// Features.
    pub graph: Graph,
    /// Money and positions.
    pub ledger: Ledger,
    /// Orders.
    pub orders: Orders,
    /// Which of its wake conditions woke the policy being asked, by number.
    pub woken_by: Vec<u16>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Targets {
    position: Option<PositionTarget>,
    quotes: Option<QuotesTarget>,
    /// After a refusal or rejection the target waits for the next wake.
    waits: bool,
}

#[derive(Debug)]
struct PolicyState {
    spec: PolicySpec,
    report_wakes: Vec<u16>,
    fired: Vec<u16>,
    /// Symbols whose position target is not reached yet.
    unsettled: Vec<SymbolId>,
    halted: bool,
}

#[derive(Clone, Copy, Debug)]
enum TimerUse {
    Wake(PolicyId, u16),
    Group(u32),
}

#[derive(Debug)]
struct BarGroup {
    policy: PolicyId,
    wake: u16,
    symbols: Vec<SymbolId>,
    timeframe_ns: i64,
    grace_ns: i64,
    /// Period that each symbol's latest bar belongs to.
    latest: Vec<i64>,
    /// The period being waited for; `i64::MIN` if none.
    pending: i64,
    timer: TimerId,
}

const SECOND_NS: i64 = 1_000_000_000;

/// The kernel: everything between a feed and an execution engine.
pub struct Kernel {
    /// What policies see.
    pub state: State,
    /// The gate that every order passes.
    pub gate: Gate,
    /// Executions, in order of booking.
    pub fills: Vec<FillRecord>,
    /// Refusals by the gate, in order of order id.
    pub refusals: Vec<(OrderId, Refusal)>,
    /// Times of the equity curve.
    pub equity_ns: Vec<i64>,
    /// Equity in the first currency at those times.
    pub equity: Vec<f64>,
    /// Counts.
    pub counters: Counters,
    /// Records and reports that could not be booked, in words.
    pub faults: Vec<String>,
    /// The journal, if one is written.
    pub journal: Option<Journal>,
    policies: Vec<PolicyState>,
    node_wakes: Vec<Vec<(PolicyId, u16)>>,
    source_wakes: Vec<Vec<(PolicyId, u16)>>,
    has_source_wakes: bool,
    groups: Vec<BarGroup>,
    group_of: Vec<Vec<u32>>,
    timers: Timers,
    timer_uses: Vec<TimerUse>,
    targets: Vec<Targets>,
    fill_id_max: Option<u64>,
    any_woken: bool,
    started: bool,
    had_bar: bool,
    had_fill: bool,
    equity_changed: bool,
    last_equity: f64,
    has_managers: bool,
    /// When risk managers next see the marks: with the first step of the next second.
    next_mark_ns: i64,
    keeps_priority: bool,
    liquidates: bool,
    borrow_e10: i64,
    // Scratch, kept so that a step allocates nothing.
    reconsider: Vec<(PolicyId, SymbolId)>,
    actions: Vec<Action>,
    intents: Vec<Intent>,
    due: Vec<TimerId>,
}

struct AsCallables<'a, H: Host + ?Sized>(&'a mut H, i64);

impl<H: Host + ?Sized> Callables for AsCallables<'_, H> {
    fn call(&mut self, callable: usize, inputs: &[f64]) -> Result<f64, HostError> {
        self.0.call(self.1, callable, inputs)
    }
    fn call_window(&mut self, callable: usize, columns: &[Vec<f64>]) -> Result<f64, HostError> {
        self.0.call_window(self.1, callable, columns)
    }
}

impl Kernel {
    /// A kernel at rest; the message says what is wrong with the configuration.
    pub fn new(config: KernelConfig) -> Result<Kernel, String> {
        let symbols = config.instruments.len();
        let graph = Graph::build(&config.nodes, &config.instruments)?;
        let policies = config.policies.len();
        let policy_limits: Vec<Limits> = config.policies.iter().map(|policy| policy.limits).collect();
        let mut kernel = Kernel {
            gate: Gate::new(&config.limits, &policy_limits, &config.instruments)?,
            fills: Vec::new(),
            refusals: Vec::new(),
            equity_ns: Vec::new(),
            equity: Vec::new(),
            counters: Counters::default(),
            faults: Vec::new(),
            fill_id_max: None,
            journal: config.journal,
            node_wakes: vec![Vec::new(); config.nodes.len()],
            source_wakes: vec![Vec::new(); symbols * SOURCE_KINDS],
            has_source_wakes: false,
            groups: Vec::new(),
            group_of: vec![Vec::new(); symbols],
            timers: Timers::default(),
            timer_uses: Vec::new(),
            targets: vec![Targets::default(); policies * symbols],
            any_woken: false,
            started: false,
            had_bar: false,
            had_fill: false,
            equity_changed: true,
            last_equity: 0.0,
            has_managers: config.has_managers,
            next_mark_ns: i64::MIN,
            keeps_priority: config.keeps_priority,
            liquidates: config.liquidates && config.account.kind == AccountKind::Margin,
            borrow_e10: config.borrow_e10,
            reconsider: Vec::new(),
            actions: Vec::new(),
            intents: Vec::new(),
            due: Vec::new(),
            policies: Vec::new(),
            state: State {
                ledger: Ledger::new(&config.account, &config.instruments, policies)?,
                market: Market::new(config.instruments),
                graph,
                orders: Orders::new(policies, symbols),
                woken_by: Vec::new(),
            },
        };
        for (policy, spec) in config.policies.into_iter().enumerate() {
            kernel.add_policy(policy as PolicyId, spec);
        }
        Ok(kernel)
    }

    fn add_policy(&mut self, policy: PolicyId, spec: PolicySpec) {
        let mut report_wakes = Vec::new();
        for (number, wake) in spec.wakes.iter().enumerate() {
            let number = number as u16;
            match wake {
                Wake::Node(node) => self.node_wakes[*node as usize].push((policy, number)),
                Wake::Source(symbol, kind) => {
                    self.source_wakes[*symbol as usize * SOURCE_KINDS + *kind as usize].push((policy, number));
                    self.has_source_wakes = true;
                }
                Wake::AllBars { symbols, timeframe_ns, grace_ns } => {
                    let group = self.groups.len() as u32;
                    let timer = self.timers.once();
                    self.timer_uses.push(TimerUse::Group(group));
                    for &symbol in symbols {
                        self.group_of[symbol as usize].push(group);
                    }
                    self.groups.push(BarGroup {
                        policy,
                        wake: number,
                        symbols: symbols.clone(),
                        timeframe_ns: *timeframe_ns,
                        grace_ns: *grace_ns,
                        latest: vec![i64::MIN; symbols.len()],
                        pending: i64::MIN,
                        timer,
                    });
                }
                Wake::Every { period_ns, phase_ns, symbols } => {
                    self.timers.every(*period_ns, *phase_ns, symbols.clone());
                    self.timer_uses.push(TimerUse::Wake(policy, number));
                }
                Wake::Report => report_wakes.push(number),
            }
        }
        let unsettled = Vec::new();
        self.policies.push(PolicyState { spec, report_wakes, fired: Vec::new(), unsettled, halted: false });
    }

    /// When the next timer fires; `i64::MAX` if none will.
    #[inline]
    pub fn next_timer_ns(&self) -> i64 {
        self.timers.next_ns()
    }

    /// One step: all that arrived at one time. Commands to the execution engine are appended to `commands`.
    #[inline]
    pub fn step<H: Host>(
        &mut self,
        now_ns: i64,
        arrivals: impl FnOnce(&mut dyn FnMut(Arrival<'_>)),
        reports: &[Report],
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        self.begin(now_ns);
        arrivals(&mut |arrival| self.apply(arrival));
        for report in reports {
            self.apply_report(report, host)?;
        }
        self.finish(host, commands)
    }

    /// Opens a step at a time; the native loop applies its records one by one, without a closure's cost.
    #[inline]
    pub fn begin(&mut self, now_ns: i64) {
        self.counters.steps += 1;
        self.state.market.now_ns = now_ns;
        if !self.started {
            self.start(now_ns);
        }
        self.state.ledger.on_time(now_ns);
        if self.borrow_e10 != 0 {
            let rate_e10 = self.borrow_e10;
            self.state.ledger.accrue_borrow(now_ns, |_| rate_e10);
            self.equity_changed = true;
        }
    }

    #[cold]
    fn start(&mut self, now_ns: i64) {
        self.started = true;
        self.timers.start(now_ns, &self.state.market.instruments);
    }

    /// 1. Market state: applies one record.
    #[inline(always)] // Each caller has one kind of record: the match goes.
    pub fn apply(&mut self, arrival: Arrival<'_>) {
        self.counters.records += 1;
        match arrival {
            Arrival::Bar(symbol, bar) => {
                self.state.market.on_bar(symbol, bar);
                self.had_bar = true;
                self.equity_changed |= self.state.ledger.mark_bar(symbol, bar.low, bar.high, bar.close);
                self.touch(symbol, SourceKind::Bar);
                if !self.group_of[symbol as usize].is_empty() {
                    self.arrive_in_groups(symbol, bar.ts_event_ns);
                }
            }
            Arrival::Quote(symbol, quote) => {
                self.state.market.on_quote(symbol, quote);
                self.mark(symbol);
                self.touch(symbol, SourceKind::Quote);
            }
            Arrival::Trade(symbol, trade) => {
                self.state.market.on_trade(symbol, trade);
                self.mark(symbol);
                self.touch(symbol, SourceKind::Trade);
            }
            Arrival::Other(record) => self.apply_other(record),
        }
    }

    #[inline]
    fn mark(&mut self, symbol: SymbolId) {
        let mark_x2 = self.state.market.symbols[symbol as usize].mark_x2;
        if mark_x2 > 0 {
            self.equity_changed |= self.state.ledger.mark(symbol, mark_x2);
        }
    }

    #[inline(always)]
    fn touch(&mut self, symbol: SymbolId, kind: SourceKind) {
        self.state.graph.touch(symbol, kind, &self.state.market);
        if self.has_source_wakes {
            for &(policy, wake) in &self.source_wakes[symbol as usize * SOURCE_KINDS + kind as usize] {
                let fired = &mut self.policies[policy as usize].fired;
                if !fired.contains(&wake) {
                    fired.push(wake);
                }
                self.any_woken = true;
            }
        }
    }

    #[cold]
    fn apply_other(&mut self, record: &Record) {
        match &record.payload {
            Payload::Bar(bar) => return self.apply_again(Arrival::Bar(record.symbol, bar)),
            Payload::Quote(quote) => return self.apply_again(Arrival::Quote(record.symbol, quote)),
            Payload::Trade(trade) => return self.apply_again(Arrival::Trade(record.symbol, trade)),
            Payload::Cash(event) => {
                // What the ledger cannot book is a fault of the data, and it says so.
                if let Err(error) = self.state.ledger.cash_event(record.symbol, event, record.ts_event_ns) {
                    self.faults.push(format!("{}: {error:?}", record.ts_event_ns));
                }
                self.equity_changed = true;
            }
            Payload::Status(_) | Payload::Grid(_) => {}
        }
        self.state.market.apply(record);
    }

    fn apply_again(&mut self, arrival: Arrival<'_>) {
        self.counters.records -= 1; // The same record under its own kind.
        self.apply(arrival);
    }

    fn arrive_in_groups(&mut self, symbol: SymbolId, close_ns: i64) {
        for at in 0..self.group_of[symbol as usize].len() {
            let group = &mut self.groups[self.group_of[symbol as usize][at] as usize];
            let period_ns = group.timeframe_ns.max(1);
            let end_ns = close_ns + (-close_ns).rem_euclid(period_ns);
            if let Some(member) = group.symbols.iter().position(|&member| member == symbol) {
                group.latest[member] = end_ns;
            }
            if group.pending != end_ns {
                group.pending = end_ns;
                let deadline_ns = (end_ns + group.grace_ns).max(self.state.market.now_ns);
                self.timers.at(group.timer, deadline_ns);
            }
            if group.latest.iter().all(|&latest| latest >= end_ns) {
                group.pending = i64::MIN;
                let (policy, wake) = (group.policy, group.wake);
                self.fire(policy, wake);
            }
        }
    }

    fn fire(&mut self, policy: PolicyId, wake: u16) {
        let fired = &mut self.policies[policy as usize].fired;
        if !fired.contains(&wake) {
            fired.push(wake);
        }
        self.any_woken = true;
    }

    /// 8. Applies one execution report to order, ledger and targets.
    pub fn apply_report<H: Host>(&mut self, report: &Report, host: &mut H) -> Result<(), HostError> {
        self.counters.reports += 1;
        if let Some(journal) = &mut self.journal {
            journal.report(report);
        }
        let duplicate = match report.kind {
            ReportKind::Filled(fill) => !self.is_new_fill(fill.fill_id),
            _ => false,
        };
        if duplicate {
            return Ok(());
        }
        let applied = self.state.orders.apply(report);
        let order = self.state.orders.get(report.order).order;
        if let Applied::Fill(fill) = applied {
            self.book(report, &order, fill);
        }
        if let ReportKind::FillReversed { fill_id } = report.kind {
            if let Err(error) = self.state.ledger.reverse(fill_id) {
                self.faults.push(format!("{}: {error:?}", report.ts_recv_ns));
            }
            self.equity_changed = true;
        }
        let state = self.state.orders.get(report.order);
        let (status, asked) = (state.status, state.cancel_reason != Reason::None);
        if !status.is_open() {
            let wanted = status == OrderStatus::Filled || (status == OrderStatus::Cancelled && asked);
            let slot = self.slot(order.policy, order.symbol);
            if !wanted {
                self.targets[slot].waits = true;
            } else if self.targets[slot].position.is_some() {
                self.reconsider.push((order.policy, order.symbol));
            }
        }
        let policy = &mut self.policies[order.policy as usize];
        if !policy.report_wakes.is_empty() {
            for at in 0..policy.report_wakes.len() {
                let wake = policy.report_wakes[at];
                if !policy.fired.contains(&wake) {
                    policy.fired.push(wake);
                }
            }
            self.any_woken = true;
        }
        if policy.spec.has_report_hook {
            host.on_report(order.policy, &self.state, report)?;
        }
        Ok(())
    }

    /// Takes what the venue says at the end of a run: orders and money follow, and nobody is asked for decisions.
    pub fn end<H: Host>(&mut self, reports: &[Report], host: &mut H) -> Result<(), HostError> {
        reports.iter().try_for_each(|report| self.apply_report(report, host))
    }

    /// Whether no fill of this id was booked. Ids mostly rise; only one that does not is searched for.
    fn is_new_fill(&mut self, fill_id: u64) -> bool {
        if self.fill_id_max.is_none_or(|highest| fill_id > highest) {
            self.fill_id_max = Some(fill_id);
            return true;
        }
        !self.fills.iter().rev().any(|booked| booked.fill.fill_id == fill_id)
    }

    fn book(&mut self, report: &Report, order: &Order, fill: Fill) {
        let Booked { realised, lots_after, .. } =
            self.state.ledger.fill(order.policy, order.symbol, order.side, &fill, report.ts_event_ns);
        self.fills.push(FillRecord {
            order: order.id,
            fill,
            ts_event_ns: report.ts_event_ns,
            ts_recv_ns: report.ts_recv_ns,
            realised,
            position_lots: lots_after,
        });
        self.had_fill = true;
        self.equity_changed = true;
    }

    /// 2–7. Features, timers, wakes, decisions, reconciliation, the gate: closes the step.
    #[inline]
    pub fn finish<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        let now_ns = self.state.market.now_ns;
        self.state.graph.evaluate(&self.state.market, &mut AsCallables(host, now_ns))?;
        if !self.state.graph.fired().is_empty() {
            self.wake_by_nodes();
        }
        if self.timers.next_ns() <= now_ns {
            self.fire_timers(now_ns);
        }
        if self.has_managers && (self.had_fill || now_ns >= self.next_mark_ns) {
            self.next_mark_ns = now_ns - now_ns.rem_euclid(SECOND_NS) + SECOND_NS;
            self.show_marks(host, commands)?;
        }
        if self.liquidates && self.equity_changed && self.state.ledger.below_maintenance() {
            self.liquidate(commands)?;
        }
        if self.any_woken {
            self.decide(host, commands)?;
        }
        if !self.reconsider.is_empty() {
            self.reconsider(host, commands)?;
        }
        if self.had_bar || self.had_fill {
            self.record_equity(now_ns);
        }
        Ok(())
    }

    #[inline]
    fn record_equity(&mut self, now_ns: i64) {
        (self.had_bar, self.had_fill) = (false, false);
        if self.equity_changed {
            self.equity_changed = false;
            self.last_equity = self.state.ledger.equity_total().map_or(f64::NAN, cash_to_f64);
        }
        self.equity_ns.push(now_ns);
        self.equity.push(self.last_equity);
    }

    fn wake_by_nodes(&mut self) {
        for at in 0..self.state.graph.fired().len() {
            let node = self.state.graph.fired()[at];
            for &(policy, wake) in &self.node_wakes[node as usize] {
                self.policies[policy as usize].fired.push(wake);
                self.any_woken = true;
            }
        }
    }

    fn fire_timers(&mut self, now_ns: i64) {
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        self.timers.pop_due(now_ns, &self.state.market.instruments, &mut due);
        for &timer in &due {
            match self.timer_uses[timer as usize] {
                TimerUse::Wake(policy, wake) => self.fire(policy, wake),
                TimerUse::Group(group) => {
                    let group = &mut self.groups[group as usize];
                    let passed = group.pending != i64::MIN && group.pending + group.grace_ns <= now_ns;
                    if passed {
                        group.pending = i64::MIN;
                        let (policy, wake) = (group.policy, group.wake);
                        self.fire(policy, wake);
                    }
                }
            }
        }
        self.due = due;
    }

    fn show_marks<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        if let Some(request) = host.on_mark(&self.state)? {
            self.halt(Scope::All, format!("{}: {}", request.manager, request.text), commands);
        }
        Ok(())
    }

    /// Latches a halt and cancels what it covers. Only an operator re-arms the gate.
    pub fn halt(&mut self, scope: Scope, text: String, commands: &mut Vec<Command>) {
        self.gate.halt(scope, &text, self.state.market.now_ns);
        for policy in 0..self.policies.len() as PolicyId {
            for symbol in 0..self.state.market.instruments.len() as SymbolId {
                let covered = match scope {
                    Scope::All => true,
                    Scope::Policy(halted) => halted == policy,
                    Scope::Symbol(halted) => halted == symbol,
                };
                if covered {
                    self.withdraw(policy, symbol, Reason::Halted, commands);
                }
            }
        }
    }

    /// Cancels a policy's orders in a symbol and forgets its targets there.
    fn withdraw(&mut self, policy: PolicyId, symbol: SymbolId, reason: Reason, commands: &mut Vec<Command>) {
        let slot = self.slot(policy, symbol);
        self.targets[slot] = Targets::default();
        let open: Vec<OrderId> = self.state.orders.open_of(policy, symbol).to_vec();
        for id in open {
            self.cancel(id, reason, commands);
        }
    }

    #[inline]
    fn slot(&self, policy: PolicyId, symbol: SymbolId) -> usize {
        policy as usize * self.state.market.instruments.len() + symbol as usize
    }

    /// 3–4. Asks every woken policy once.
    fn decide<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        self.any_woken = false;
        for policy in 0..self.policies.len() {
            if self.policies[policy].fired.is_empty() {
                continue;
            }
            std::mem::swap(&mut self.state.woken_by, &mut self.policies[policy].fired);
            self.policies[policy].fired.clear();
            if self.policies[policy].halted {
                continue;
            }
            let policy = policy as PolicyId;
            self.counters.decisions += 1;
            let mut intents = std::mem::take(&mut self.intents);
            intents.clear();
            let decided = host.decide(policy, &self.state, &mut intents);
            if decided.is_ok() {
                if self.journal.is_some() {
                    self.journal_decision(policy, &intents);
                }
                let outcome = self.follow(policy, &intents, host, commands);
                self.intents = intents;
                outcome?;
            } else {
                self.intents = intents;
            }
            decided?;
        }
        self.state.woken_by.clear();
        Ok(())
    }

    fn journal_decision(&mut self, policy: PolicyId, intents: &[Intent]) {
        let watched: Vec<f64> = self.policies[policy as usize]
            .spec
            .watched
            .iter()
            .map(|&node| self.state.graph.values[node as usize])
            .collect();
        if let Some(journal) = &mut self.journal {
            journal.decision(&Decision {
                now_ns: self.state.market.now_ns,
                policy,
                woken_by: &self.state.woken_by,
                watched: &watched,
                intents,
                next_order: self.state.orders.next_id(),
            });
        }
    }

    /// 5. Takes a policy's intents and sends the difference to what already works.
    fn follow<H: Host>(
        &mut self,
        policy: PolicyId,
        intents: &[Intent],
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        // A wake gives targets that were refused or rejected another chance.
        if !self.policies[policy as usize].unsettled.is_empty() {
            let unsettled = std::mem::take(&mut self.policies[policy as usize].unsettled);
            for &symbol in &unsettled {
                let slot = self.slot(policy, symbol);
                self.targets[slot].waits = false;
                self.reconsider.push((policy, symbol));
            }
        }
        for intent in intents {
            match *intent {
                Intent::TargetPosition { symbol, size, limit, passive } => {
                    self.target_position(policy, symbol, size, limit, passive, host, commands)?;
                }
                Intent::TargetQuotes { symbol, bid, ask, replace } => {
                    let instrument = &self.state.market.instruments[symbol as usize];
                    let side = |side: Side, wanted: Option<QuoteSide>| {
                        let QuoteSide { price, size } = wanted?;
                        let lots = instrument.lot_size.count_towards_zero(size)?;
                        Some((side, price, instrument.price_unit.count_exact(price), lots)).filter(|_| lots > 0)
                    };
                    let wanted = [side(Side::Buy, bid), side(Side::Sell, ask)];
                    let mut target = QuotesTarget { bid: None, ask: None, replace };
                    for (side, price, ticks, lots) in wanted.into_iter().flatten() {
                        match ticks {
                            Some(ticks) if side == Side::Buy => target.bid = Some((ticks, lots)),
                            Some(ticks) => target.ask = Some((ticks, lots)),
                            None => self.refuse_price(policy, symbol, side, lots, price, Origin::Quotes),
                        }
                    }
                    let slot = self.slot(policy, symbol);
                    self.targets[slot].quotes = (target.bid.is_some() || target.ask.is_some()).then_some(target);
                    self.actions.clear();
                    let (orders, keeps) = (&self.state.orders, self.keeps_priority);
                    reconcile::quotes(&target, policy, symbol, orders, keeps, &mut self.actions);
                    self.act(policy, symbol, host, commands)?;
                }
                Intent::Submit { symbol, side, size, request, tif, post_only, reduce_only } => {
                    let instrument = &self.state.market.instruments[symbol as usize];
                    let lots = instrument.lot_size.count_exact(size).filter(|&lots| lots > 0);
                    let kind = request.in_ticks(|price| instrument.price_unit.count_exact(price));
                    match (lots, kind) {
                        (Some(lots), Ok(kind)) => {
                            let origin = Origin::Submit;
                            let draft = Draft { side, lots, kind, tif, post_only, reduce_only, origin };
                            self.send(policy, symbol, draft, host, commands)?;
                        }
                        (None, _) => {
                            let text = format!("size {size} is not a positive multiple of the lot size");
                            self.refuse_draft(policy, symbol, side, 0, Origin::Submit, Reason::BadSize, size, text);
                        }
                        (Some(lots), Err(price)) => {
                            self.refuse_price(policy, symbol, side, lots, price, Origin::Submit);
                        }
                    }
                }
                Intent::Cancel { order } => {
                    if self.owns(policy, order) {
                        self.cancel(order, Reason::PolicyCancelled, commands);
                    }
                }
                Intent::Amend { order, size, limit } => {
                    if self.owns(policy, order) {
                        self.amend_as_written(order, size, limit, host, commands)?;
                    }
                }
                Intent::CancelAll { symbol } => match symbol {
                    Some(symbol) => self.withdraw(policy, symbol, Reason::PolicyCancelled, commands),
                    None => {
                        for symbol in 0..self.state.market.instruments.len() as SymbolId {
                            self.withdraw(policy, symbol, Reason::PolicyCancelled, commands);
                        }
                    }
                },
            }
        }
        Ok(())
    }

    fn owns(&self, policy: PolicyId, order: OrderId) -> bool {
        self.state.orders.states.get(order as usize).is_some_and(|state| state.order.policy == policy)
    }

    #[allow(clippy::too_many_arguments)]
    fn target_position<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        size: f64,
        limit: Option<f64>,
        passive: bool,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let instrument = &self.state.market.instruments[symbol as usize];
        let Some(lots) = instrument.lot_size.count_towards_zero(size) else {
            let text = format!("target size {size} is not a finite size");
            self.refuse_draft(policy, symbol, Side::Buy, 0, Origin::Position, Reason::BadSize, size, text);
            return Ok(());
        };
        let limit = match limit {
            None => None,
            Some(price) => match instrument.price_unit.count_exact(price) {
                Some(ticks) => Some(ticks),
                None => {
                    self.refuse_price(policy, symbol, Side::of(lots), lots.abs(), price, Origin::Position);
                    return Ok(());
                }
            },
        };
        let slot = self.slot(policy, symbol);
        self.targets[slot].position = Some(PositionTarget { lots, limit, passive });
        self.targets[slot].waits = false;
        self.reconcile_position(policy, symbol, host, commands)
    }

    fn reconcile_position<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let targets = self.targets[self.slot(policy, symbol)];
        let Some(target) = targets.position.filter(|_| !targets.waits) else { return Ok(()) };
        self.actions.clear();
        let market = &self.state.market;
        let passive_price = |side| own_side(market, symbol, side);
        let (ledger, orders) = (&self.state.ledger, &self.state.orders);
        reconcile::position(&target, policy, symbol, ledger, orders, passive_price, &mut self.actions);
        self.act(policy, symbol, host, commands)?;
        let reached = self.state.ledger.position(policy, symbol).lots == target.lots
            && self.state.orders.open_of(policy, symbol).is_empty();
        if !reached {
            let unsettled = &mut self.policies[policy as usize].unsettled;
            if !unsettled.contains(&symbol) {
                unsettled.push(symbol);
            }
        }
        Ok(())
    }

    fn reconsider<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        let mut reconsider = std::mem::take(&mut self.reconsider);
        for &(policy, symbol) in &reconsider {
            self.reconcile_position(policy, symbol, host, commands)?;
        }
        reconsider.clear();
        self.reconsider = reconsider;
        Ok(())
    }

    fn act<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let mut actions = std::mem::take(&mut self.actions);
        for action in &actions {
            match *action {
                Action::Cancel(order, reason) => self.cancel(order, reason, commands),
                Action::Amend(order, limit, lots) => self.amend(order, limit, lots, host, commands)?,
                Action::Send(draft) => self.send(policy, symbol, draft, host, commands)?,
            }
        }
        actions.clear();
        self.actions = actions;
        Ok(())
    }

    /// 6–7. Through the gate, and out.
    fn send<H: Host>(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        draft: Draft,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let Draft { side, lots, kind, tif, post_only, reduce_only, origin } = draft;
        let id = self.state.orders.next_id();
        let decided_ns = self.state.market.now_ns;
        let order = Order { id, policy, symbol, side, lots, kind, tif, post_only, reduce_only, decided_ns };
        let verdict = if self.has_managers {
            let state = &self.state;
            self.gate.review(&order, &state.ledger, &state.market, &state.orders, |order| host.review(order, state))?
        } else {
            let state = &self.state;
            self.gate.review(&order, &state.ledger, &state.market, &state.orders, |_| Ok(Review::Allow))?
        };
        match verdict {
            Ok(approved) => self.dispatch(approved, origin, commands),
            Err(refusal) => self.note_refusal(order, origin, refusal),
        }
        Ok(())
    }

    fn dispatch(&mut self, approved: Approved, origin: Origin, commands: &mut Vec<Command>) {
        let order = *approved.order();
        self.state.orders.insert(order, origin);
        if let Some(journal) = &mut self.journal {
            journal.sent(&order, origin);
        }
        self.counters.sent += 1;
        commands.push(Command::Submit(approved));
    }

    fn note_refusal(&mut self, order: Order, origin: Origin, refusal: Refusal) {
        self.state.orders.insert_refused(order, origin, refusal.reason);
        if let Some(journal) = &mut self.journal {
            journal.refused(&order, origin, &refusal);
        }
        let slot = self.slot(order.policy, order.symbol);
        self.targets[slot].waits = true;
        self.refusals.push((order.id, refusal));
    }

    #[allow(clippy::too_many_arguments)]
    fn refuse_draft(
        &mut self,
        policy: PolicyId,
        symbol: SymbolId,
        side: Side,
        lots: i64,
        origin: Origin,
        reason: Reason,
        value: f64,
        text: String,
    ) {
        let id = self.state.orders.next_id();
        let (kind, tif) = (OrderType::Market, TimeInForce::Gtc);
        let decided_ns = self.state.market.now_ns;
        let (post_only, reduce_only) = (false, false);
        let order = Order { id, policy, symbol, side, lots, kind, tif, post_only, reduce_only, decided_ns };
        let refusal = Refusal { reason, value, limit: f64::NAN, policy: Some(policy), text };
        self.note_refusal(order, origin, refusal);
    }

    fn refuse_price(&mut self, policy: PolicyId, symbol: SymbolId, side: Side, lots: i64, price: f64, origin: Origin) {
        let unit = self.state.market.instruments[symbol as usize].price_unit.to_f64();
        let text = format!("price {price} is not a multiple of the price unit {unit}");
        self.refuse_draft(policy, symbol, side, lots, origin, Reason::OffGrid, price, text);
    }

    fn cancel(&mut self, order: OrderId, reason: Reason, commands: &mut Vec<Command>) {
        let state = self.state.orders.get(order);
        if !state.status.is_open() || state.in_flight == InFlight::Cancel {
            return;
        }
        self.state.orders.set_in_flight(order, InFlight::Cancel, reason);
        if let Some(journal) = &mut self.journal {
            journal.cancel(self.state.market.now_ns, order, reason);
        }
        self.counters.cancels += 1;
        commands.push(Command::Cancel(order));
    }

    fn amend_as_written<H: Host>(
        &mut self,
        order: OrderId,
        size: Option<f64>,
        limit: Option<f64>,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let state = self.state.orders.get(order);
        let instrument = &self.state.market.instruments[state.order.symbol as usize];
        let lots = match size {
            None => Some(state.order.lots),
            Some(size) => instrument.lot_size.count_exact(size).filter(|&lots| lots > 0),
        };
        let (old, has_limit) = (state.order.kind.limit().unwrap_or(0), state.order.kind.limit().is_some());
        let ticks = match limit {
            None => Some(old),
            Some(limit) => instrument.price_unit.count_exact(limit).filter(|_| has_limit),
        };
        if !state.status.is_open() {
            return Ok(());
        }
        match (lots, ticks) {
            (Some(lots), Some(ticks)) => return self.amend(order, ticks, lots, host, commands),
            (None, _) => {
                let text = "an amendment's size is a positive multiple of the lot size".to_owned();
                self.note_amend_refusal(order, Reason::BadSize, size.unwrap_or(f64::NAN), text);
            }
            (_, None) => {
                let text =
                    if has_limit { "not a multiple of the price unit" } else { "the order has no limit to amend" };
                self.note_amend_refusal(order, Reason::OffGrid, limit.unwrap_or(f64::NAN), text.to_owned());
            }
        }
        Ok(())
    }

    fn note_amend_refusal(&mut self, id: OrderId, reason: Reason, value: f64, text: String) {
        let policy = Some(self.state.orders.get(id).order.policy);
        self.keep_as_it_is(id, Refusal { reason, value, limit: f64::NAN, policy, text });
    }

    /// An order that cannot be amended so stays as it is, and its reason says why.
    fn keep_as_it_is(&mut self, id: OrderId, refusal: Refusal) {
        let order = self.state.orders.get(id).order;
        if let Some(journal) = &mut self.journal {
            journal.refused(&order, Origin::Submit, &refusal);
        }
        self.state.orders.states[id as usize].reason = refusal.reason;
        self.refusals.push((id, refusal));
    }

    fn amend<H: Host>(
        &mut self,
        id: OrderId,
        limit: i64,
        lots: i64,
        host: &mut H,
        commands: &mut Vec<Command>,
    ) -> Result<(), HostError> {
        let state = &self.state;
        let working = state.orders.get(id);
        if !working.status.is_open() || working.in_flight != InFlight::None {
            return Ok(());
        }
        let has_managers = self.has_managers;
        let verdict =
            self.gate.review_amend(id, limit, lots, &state.ledger, &state.market, &state.orders, |order| {
                if has_managers { host.review(order, state) } else { Ok(Review::Allow) }
            })?;
        match verdict {
            Ok(approved) => {
                self.state.orders.set_in_flight(id, InFlight::Amend { limit, lots }, Reason::None);
                if let Some(journal) = &mut self.journal {
                    journal.amend(self.state.market.now_ns, id, limit, lots);
                }
                self.counters.sent += 1;
                commands.push(Command::Amend(approved));
            }
            Err(refusal) => self.keep_as_it_is(id, refusal),
        }
        Ok(())
    }

    /// Below maintenance margin: cancels everything and closes every position at the market.
    #[cold]
    fn liquidate(&mut self, commands: &mut Vec<Command>) -> Result<(), HostError> {
        let mut is_new = false;
        for policy in 0..self.policies.len() as PolicyId {
            for symbol in 0..self.state.market.instruments.len() as SymbolId {
                let closing = self
                    .state
                    .orders
                    .open_of(policy, symbol)
                    .iter()
                    .any(|&id| self.state.orders.get(id).origin == Origin::Liquidation);
                if closing {
                    continue;
                }
                self.withdraw(policy, symbol, Reason::Liquidation, commands);
                let held = self.state.ledger.position(policy, symbol).lots;
                if held == 0 {
                    continue;
                }
                let order = Order {
                    id: self.state.orders.next_id(),
                    policy,
                    symbol,
                    side: Side::of(-held),
                    lots: held.abs(),
                    kind: OrderType::Market,
                    tif: TimeInForce::Gtc,
                    post_only: false,
                    reduce_only: true,
                    decided_ns: self.state.market.now_ns,
                };
                is_new = true;
                // It passes the gate as every order does; the user's managers have no say in a margin call.
                let state = &self.state;
                let managers = |_: &Order| Ok(Review::Allow);
                match self.gate.review(&order, &state.ledger, &state.market, &state.orders, managers)? {
                    Ok(approved) => {
                        self.counters.liquidations += 1;
                        self.dispatch(approved, Origin::Liquidation, commands);
                    }
                    Err(refusal) => self.note_refusal(order, Origin::Liquidation, refusal),
                }
            }
        }
        if is_new {
            let now_ns = self.state.market.now_ns;
            self.faults.push(format!("{now_ns}: equity fell below maintenance margin; every position was liquidated."));
        }
        Ok(())
    }

    /// Halts one policy after an error in its code; a live session goes on with the others.
    pub fn halt_policy(&mut self, policy: PolicyId, text: String, commands: &mut Vec<Command>) {
        self.policies[policy as usize].halted = true;
        self.halt(Scope::Policy(policy), text, commands);
    }

    /// The policies' specifications.
    pub fn policies(&self) -> impl Iterator<Item = &PolicySpec> {
        self.policies.iter().map(|policy| &policy.spec)
    }
}

/// The own side of the quote, where a passive order rests; without quotes the last price, rounded away from taking.
fn own_side(market: &Market, symbol: SymbolId, side: Side) -> Option<i64> {
    let state = &market.symbols[symbol as usize];
    let grid = &market.instruments[symbol as usize].grid;
    if state.seen[SourceKind::Quote as usize] {
        return match side {
            Side::Buy => Some(state.quote.bid).filter(|&bid| bid != i64::MIN),
            Side::Sell => Some(state.quote.ask).filter(|&ask| ask != i64::MAX),
        };
    }
    (state.mark_x2 > 0).then(|| match side {
        Side::Buy => grid.round_down(state.mark_x2.div_euclid(2)),
        Side::Sell => grid.round_up((state.mark_x2 + 1).div_euclid(2)),
    })
}
