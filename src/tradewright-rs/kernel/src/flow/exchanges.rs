//! Several generated markets as one venue, and the native loop over it.
//!
//! It is the loop of [`backtest`](crate::backtest) with the feed and the venue in one: what the markets show next
//! depends on what was sent to them.

use super::exchange::Exchange;
use super::market::FlowMarket;
use crate::backtest::{PULSE_STEPS, RunError, Stall, ToKernel};
use crate::event::{BookRow, Record};
use crate::feed::{Arrival, Feed};
use crate::gate::OpenOrders;
use crate::host::Host;
use crate::instrument::SymbolId;
use crate::intent::Command;
use crate::kernel::Kernel;
use crate::order::{Report, ReportKind};
use crate::venue::FillNote;

/// An exchange, and what it has shown.
#[derive(Clone, Debug)]
struct Listed {
    exchange: Exchange,
    tape: Vec<BookRow>,
    /// How much of the tape the kernel has seen.
    seen: usize,
}

/// Generated markets merged by time; at equal times in the order of their symbols.
#[derive(Clone, Debug)]
pub struct Exchanges {
    listed: Vec<Listed>,
    /// What the books were like at each fill, in the order of receipt.
    notes: Vec<FillNote>,
    rows: u64,
}

impl Exchanges {
    /// One exchange for each instrument, by the instrument's symbol id.
    pub fn new(exchanges: Vec<Exchange>) -> Exchanges {
        let listed = exchanges.into_iter().map(|exchange| Listed { exchange, tape: Vec::new(), seen: 0 }).collect();
        Exchanges { listed, notes: Vec::new(), rows: 0 }
    }

    /// The market of a symbol.
    pub fn market(&self, symbol: SymbolId) -> &FlowMarket {
        self.listed[symbol as usize].exchange.market()
    }

    /// Everything that the book of a symbol has shown.
    pub fn tape(&self, symbol: SymbolId) -> &[BookRow] {
        &self.listed[symbol as usize].tape
    }

    /// What the books were like at each fill; the fill with id 1 first.
    pub fn fill_notes(&self) -> &[FillNote] {
        &self.notes
    }

    /// Orders that were rejected because the exchanges know no such orders.
    pub fn unsupported(&self) -> u64 {
        self.exchanges().map(Exchange::unsupported).sum()
    }

    fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.listed.iter().map(|listed| &listed.exchange)
    }

    fn next_ns(&self) -> i64 {
        self.exchanges().map(Exchange::next_ns).min().unwrap_or(i64::MAX)
    }

    fn next_report_ns(&self) -> i64 {
        self.exchanges().map(Exchange::next_report_ns).min().unwrap_or(i64::MAX)
    }

    fn next_arrival_ns(&self) -> i64 {
        self.exchanges().map(Exchange::next_arrival_ns).min().unwrap_or(i64::MAX)
    }

    /// Lets the flows go on up to `now_ns`; what the venues say beside the books is appended.
    fn advance(&mut self, now_ns: i64, notices: &mut Vec<Record>) {
        for (symbol, Listed { exchange, tape, .. }) in self.listed.iter_mut().enumerate() {
            if exchange.next_ns() <= now_ns {
                exchange.advance(now_ns, tape);
                exchange.notices(now_ns, symbol as SymbolId, notices);
            }
        }
    }

    /// Shows the kernel what is new in the books.
    fn show(&mut self, kernel: &mut Kernel) {
        for (symbol, listed) in self.listed.iter_mut().enumerate() {
            let new = &listed.tape[listed.seen..];
            if !new.is_empty() {
                kernel.apply(Arrival::Book(symbol as SymbolId, new));
                self.rows += new.len() as u64;
                listed.seen = listed.tape.len();
            }
        }
    }

    /// Appends the reports that are due. Their fills are numbered over all exchanges, in the order of receipt.
    fn pop_reports(&mut self, now_ns: i64, out: &mut Vec<Report>) {
        for listed in &mut self.listed {
            let first = out.len();
            listed.exchange.pop_reports(now_ns, out);
            for report in &mut out[first..] {
                if let ReportKind::Filled(fill) = &mut report.kind {
                    self.notes.push(listed.exchange.note(fill.fill_id));
                    fill.fill_id = self.notes.len() as u64;
                }
            }
        }
    }

    fn arrive(&mut self, now_ns: i64) {
        self.listed.iter_mut().for_each(|listed| listed.exchange.arrive(now_ns));
    }

    /// Hands the commands of a step to the exchanges.
    fn send(&mut self, commands: &mut Vec<Command>, kernel: &Kernel) {
        let now_ns = kernel.state.market.now_ns;
        let symbol_of = |order| kernel.state.orders.get(order).order.symbol;
        for command in commands.drain(..) {
            match command {
                Command::Submit(approved) => {
                    self.of(approved.order().symbol).submit(approved.order());
                }
                Command::Amend(approved) => {
                    let order = approved.order();
                    self.of(symbol_of(order)).amend(order, approved.limit(), approved.lots(), now_ns);
                }
                Command::Cancel(order) => self.of(symbol_of(order)).cancel(order, now_ns),
            }
        }
    }

    fn of(&mut self, symbol: SymbolId) -> &mut Exchange {
        &mut self.listed[symbol as usize].exchange
    }
}

/// Runs policies in generated markets until the last one has ended and every report has been received. `events` are
/// records beside them, such as deposits. `Ok(false)` says that the user stopped it.
///
/// # Errors
/// [`RunError::Host`] where the user's code raised; [`RunError::Endless`] where a policy answers what it did itself,
/// with another order at the same time, for ever.
pub fn run<H: Host>(
    kernel: &mut Kernel,
    exchanges: &mut Exchanges,
    events: &mut Feed<'_>,
    host: &mut H,
) -> Result<bool, RunError> {
    let (mut reports, mut commands, mut notices) = (Vec::new(), Vec::new(), Vec::new());
    let mut until_pulse = PULSE_STEPS;
    let mut stall = Stall::new();
    loop {
        if until_pulse <= 0 {
            until_pulse = PULSE_STEPS;
            if !host.pulse(exchanges.rows, kernel.state.market.now_ns)? {
                return Ok(false);
            }
        }
        until_pulse -= 1;
        let market_ns = exchanges.next_ns().min(events.next_ns());
        let mut now_ns = market_ns.min(exchanges.next_report_ns()).min(exchanges.next_arrival_ns());
        if market_ns != i64::MAX {
            // Timers end with the markets; reports and orders under way still arrive.
            now_ns = now_ns.min(kernel.next_timer_ns());
        }
        if now_ns == i64::MAX {
            let ended_ns = kernel.state.market.now_ns;
            exchanges.listed.iter_mut().for_each(|listed| listed.exchange.end_run(ended_ns));
            reports.clear();
            exchanges.pop_reports(i64::MAX, &mut reports);
            kernel.end(&reports, host)?;
            return Ok(true);
        }
        stall.step(now_ns)?;
        let (has_market, has_events) = (exchanges.next_ns() == now_ns, events.next_ns() == now_ns);
        if has_market {
            exchanges.advance(now_ns, &mut notices);
        }
        reports.clear();
        exchanges.pop_reports(now_ns, &mut reports);
        if has_market || has_events || !reports.is_empty() || kernel.next_timer_ns() <= now_ns {
            kernel.begin(now_ns);
            if has_events {
                events.collect()?;
                events.hand_out(&mut ToKernel(kernel));
                events.advance()?;
            }
            exchanges.show(kernel);
            for notice in notices.drain(..) {
                kernel.apply(Arrival::Other(&notice));
            }
            for report in &reports {
                kernel.apply_report(report, host)?;
            }
            kernel.finish(host, &mut commands)?;
            exchanges.send(&mut commands, kernel);
        }
        exchanges.arrive(now_ns);
    }
}
