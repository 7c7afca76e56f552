//! The native loop: a recorded feed, the kernel and the simulated venue, in order of time.

use crate::feed::{Arrival, Feed, FeedError};
use crate::host::{Host, HostError};
use crate::intent::Command;
use crate::kernel::Kernel;
use crate::order::Report;
use crate::venue::SimVenue;

/// Why a run ended before its data did.
#[derive(Debug)]
pub enum RunError {
    /// A row that cannot be used.
    Feed(FeedError),
    /// The user's code raised.
    Host(HostError),
}

impl From<FeedError> for RunError {
    fn from(error: FeedError) -> RunError {
        RunError::Feed(error)
    }
}

impl From<HostError> for RunError {
    fn from(error: HostError) -> RunError {
        RunError::Host(error)
    }
}

/// Steps between two looks at the outside: progress and Ctrl-C. At 30 ns a step this is every half millisecond.
const PULSE_STEPS: u64 = 16_384;

/// Runs the whole feed. `Ok(false)` says that the user stopped it; what was reached by then stands.
pub fn run<H: Host>(
    kernel: &mut Kernel,
    feed: &mut Feed<'_>,
    venue: &mut SimVenue,
    host: &mut H,
) -> Result<bool, RunError> {
    let mut reports: Vec<Report> = Vec::new();
    let mut commands: Vec<Command> = Vec::new();
    let mut until_pulse = PULSE_STEPS;
    loop {
        let feed_ns = feed.next_ns();
        let mut now_ns = feed_ns.min(venue.next_report_ns()).min(venue.next_arrival_ns());
        if feed_ns != i64::MAX {
            // Timers end with the data; reports and orders under way still arrive.
            now_ns = now_ns.min(kernel.next_timer_ns()).min(venue.next_timer_ns());
        }
        if now_ns == i64::MAX {
            // Nothing moves any more: what is still open ends with the run, and nobody is asked again.
            venue.end_run(kernel.state.market.now_ns);
            reports.clear();
            venue.pop_reports(i64::MAX, &mut reports);
            kernel.end(&reports, host)?;
            return Ok(true);
        }
        let has_records = feed_ns == now_ns;
        if has_records {
            feed.collect()?;
            let market = &kernel.state.market;
            feed.arrivals(|arrival| match arrival {
                Arrival::Bar(symbol, bar) => venue.on_bar(symbol, bar, market),
                Arrival::Quote(symbol, quote) => venue.on_quote(symbol, quote, market),
                Arrival::Trade(symbol, trade) => venue.on_trade(symbol, trade, market),
                Arrival::Other(record) => venue.on_other(record, market),
            });
        }
        if venue.next_timer_ns() <= now_ns {
            venue.on_time(now_ns, &kernel.state.market);
        }
        reports.clear();
        if venue.next_report_ns() <= now_ns {
            venue.pop_reports(now_ns, &mut reports);
        }
        if has_records || !reports.is_empty() || kernel.next_timer_ns() <= now_ns {
            kernel.begin(now_ns);
            if has_records {
                feed.arrivals(|arrival| kernel.apply(arrival));
                feed.advance()?;
            }
            for report in &reports {
                kernel.apply_report(report, host)?;
            }
            kernel.finish(host, &mut commands)?;
            if !commands.is_empty() {
                send(&mut commands, venue, now_ns);
            }
        }
        if venue.next_arrival_ns() <= now_ns {
            venue.arrive(now_ns, &kernel.state.market);
        }
        until_pulse -= 1;
        if until_pulse == 0 {
            until_pulse = PULSE_STEPS;
            if !host.pulse(feed.rows_read(), now_ns)? {
                return Ok(false);
            }
        }
    }
}

/// Hands the commands of a step to the venue.
pub fn send(commands: &mut Vec<Command>, venue: &mut SimVenue, now_ns: i64) {
    for command in commands.drain(..) {
        match command {
            Command::Submit(approved) => venue.submit(approved.order()),
            Command::Amend(approved) => venue.amend(approved.order(), approved.limit(), approved.lots(), now_ns),
            Command::Cancel(order) => venue.cancel(order, now_ns),
        }
    }
}
