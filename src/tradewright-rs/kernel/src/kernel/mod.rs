//! The one loop's step. A backtest calls it natively; a live session calls it for each message.
//!
//! At one time: market records, then reports, then timers, then decisions. What is decided leaves as commands.

mod config;
mod dispatch;
mod equity;
mod halt;
mod marks;
mod money;
mod passing;
mod reconcile;
mod records;
mod targets;
mod wakes;

pub use config::{Amendment, Answer, Books, Counters, FillRecord, KernelConfig, PolicySpec, Wake};

use crate::event::BookRow;
use crate::features::{Callables, Graph};
use crate::feed::Arrival;
use crate::gate::{Gate, Limits, OpenOrders, Refusal};
use crate::host::{Host, HostError};
use crate::instrument::SymbolId;
use crate::intent::{Command, Intent};
use crate::journal::{Journal, Shrunk};
use crate::ledger::{AccountKind, Booked, Ledger};
use crate::market::{Market, SOURCE_KINDS, SourceKind};
use crate::num::{Cash, utc_text};
use crate::order::{Applied, Fill, Order, OrderId, OrderStatus, PolicyId, Reason, Report, ReportKind};
use crate::orders::Orders;
use crate::queues::Queues;
use crate::timer::{TimerId, Timers};
use reconcile::Action;
use targets::Targets;
use wakes::{BarGroup, TimerUse};

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
    /// Where resting orders stand in their queues.
    pub queues: Queues,
    /// Which of its wake conditions woke the policy being asked, by number.
    pub woken_by: Vec<u16>,
}

#[derive(Debug)]
struct PolicyState {
    spec: PolicySpec,
    report_wakes: Vec<u16>,
    fired: Vec<u16>,
    /// Symbols whose position target is not reached yet.
    unsettled: Vec<SymbolId>,
    /// Symbols whose quotes stand.
    quoted: Vec<SymbolId>,
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
    /// Amendments that were sent, in that order.
    pub amendments: Vec<Amendment>,
    /// Orders that risk managers made smaller.
    pub shrinks: Vec<(OrderId, Shrunk)>,
    /// Times of the equity curve.
    pub equity_ns: Vec<i64>,
    /// Equity in the first currency at those times.
    pub equity: Vec<f64>,
    /// Money put in (or, negative, taken out): when, and its value in the account's currency.
    pub flows: Vec<(i64, Cash)>,
    /// Counts.
    pub counters: Counters,
    /// Records and reports that could not be booked, in words.
    pub faults: Vec<String>,
    /// The journal, if one is written.
    pub journal: Option<Journal>,
    /// Which amendments are under way.
    amending: Vec<usize>,
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
    has_point: bool,
    had_fill: bool,
    /// Money came or went, or a rate of exchange changed: equity may move without a fill.
    had_flow: bool,
    /// Money of each currency that came while its rate of exchange was unknown.
    unvalued_flows: Vec<Cash>,
    /// When the next instrument expires.
    next_expiry_ns: i64,
    equity_changed: bool,
    last_equity: f64,
    /// When the minute of the last step ends.
    minute_ends_at_ns: i64,
    has_managers: bool,
    /// When risk managers next see the marks: with the first step of the next second.
    next_mark_ns: i64,
    keeps_priority: bool,
    liquidates: bool,
    borrow_e10: i64,
    /// Margin calls that the gate refused since equity last stood above maintenance margin.
    refused_calls: Vec<(PolicyId, SymbolId)>,
    // Scratch, kept so that a step allocates nothing.
    to_mark: Vec<SymbolId>,
    reconsider: Vec<(PolicyId, SymbolId)>,
    actions: Vec<Action>,
    intents: Vec<Intent>,
    due: Vec<TimerId>,
    levels: Vec<BookRow>,
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
            amendments: Vec::new(),
            shrinks: Vec::new(),
            amending: Vec::new(),
            equity_ns: Vec::new(),
            equity: Vec::new(),
            flows: Vec::new(),
            unvalued_flows: vec![0; config.account.balances.len()],
            next_expiry_ns: money::first_expiry_ns(&config.instruments, i64::MIN),
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
            has_point: false,
            had_fill: false,
            had_flow: false,
            equity_changed: true,
            last_equity: 0.0,
            minute_ends_at_ns: i64::MIN,
            has_managers: config.has_managers,
            next_mark_ns: i64::MIN,
            keeps_priority: config.keeps_priority,
            liquidates: config.liquidates && config.account.kind == AccountKind::Margin,
            borrow_e10: config.borrow_e10,
            refused_calls: Vec::new(),
            to_mark: Vec::new(),
            reconsider: Vec::new(),
            actions: Vec::new(),
            intents: Vec::new(),
            due: Vec::new(),
            levels: Vec::new(),
            policies: Vec::new(),
            state: State {
                ledger: Ledger::new(&config.account, &config.instruments, policies)?,
                market: Market::new(config.instruments),
                graph,
                orders: Orders::new(policies, symbols),
                queues: Queues::new(config.books.queues),
                woken_by: Vec::new(),
            },
        };
        for &symbol in &config.books.of_orders {
            kernel.state.market.declare_orders(symbol, config.books.priority);
        }
        for (policy, spec) in config.policies.into_iter().enumerate() {
            kernel.add_policy(policy as PolicyId, spec);
        }
        if kernel.journal.is_some() {
            kernel.state.ledger.keep_changes();
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
        let (fired, unsettled, quoted) = Default::default();
        self.policies.push(PolicyState { spec, report_wakes, fired, unsettled, quoted });
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
        if now_ns >= self.minute_ends_at_ns {
            self.close_minute(now_ns);
        }
        self.state.market.now_ns = now_ns;
        if !self.started {
            self.start(now_ns);
        }
        self.state.ledger.on_time(now_ns);
        if now_ns > self.next_expiry_ns {
            self.expire(now_ns);
        }
        if self.borrow_e10 != 0 {
            let rate_e10 = self.borrow_e10;
            self.state.ledger.accrue_borrow(now_ns, |_| rate_e10);
            self.journal_changes();
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
                self.has_point = true;
                self.to_mark.push(symbol);
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
            Arrival::Book(symbol, rows) => self.apply_book(symbol, rows),
            Arrival::Other(record) => self.apply_other(record),
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
                self.faults.push(format!("{}: {error}", utc_text(report.ts_recv_ns)));
            }
            self.equity_changed = true;
        }
        if !self.amending.is_empty() {
            self.answer_amendment(report);
        }
        let state = self.state.orders.get(report.order);
        if !self.state.queues.is_off() {
            self.state.queues.on_report(report, state, &self.state.market);
        }
        let (status, asked) = (state.status, state.cancel_reason != Reason::None);
        if !status.is_open() {
            let wanted = status == OrderStatus::Filled || (status == OrderStatus::Cancelled && asked);
            if !wanted {
                self.wait_for_wake(order.policy, order.symbol);
            } else if self.is_unreached(order.policy, order.symbol) {
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
    ///
    /// Where marks or a settlement moved the equity since its last point, it ends with one more.
    pub fn end<H: Host>(&mut self, reports: &[Report], host: &mut H) -> Result<(), HostError> {
        reports.iter().try_for_each(|report| self.apply_report(report, host))?;
        self.end_equity();
        self.warn_of_expired();
        Ok(())
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
        self.journal_changes(); // A fill that is told of after the settlement is settled at once.
    }

    /// 2–7. Features, timers, wakes, decisions, reconciliation, the gate: closes the step.
    #[inline]
    pub fn finish<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        let now_ns = self.state.market.now_ns;
        self.mark_bars();
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
        if self.liquidates && self.equity_changed {
            if self.state.ledger.below_maintenance() {
                self.liquidate(commands)?;
            } else if !self.refused_calls.is_empty() {
                self.refused_calls.clear();
            }
        }
        if self.any_woken {
            self.decide(host, commands)?;
        }
        if !self.reconsider.is_empty() {
            self.reconsider(host, commands)?;
        }
        if self.has_point || self.had_fill {
            self.record_equity(now_ns);
        }
        Ok(())
    }

    #[inline]
    fn slot(&self, policy: PolicyId, symbol: SymbolId) -> usize {
        policy as usize * self.state.market.instruments.len() + symbol as usize
    }
}
