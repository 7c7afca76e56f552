//! The native loop: a recorded feed, the kernel and the simulated venue, in order of time.

use crate::event::{Bar, BookRow, Quote, Record, Rows, Trade};
use crate::feed::{Arrival, Feed, FeedError, Previewer, Receiver, RowError, Stretch};
use crate::host::{Host, HostError};
use crate::instrument::SymbolId;
use crate::intent::Command;
use crate::kernel::Kernel;
use crate::market::Market;
use crate::order::Report;
use crate::venue::SimVenue;

/// Why a run ended before its data did.
#[derive(Debug)]
pub enum RunError {
    /// A row that cannot be used.
    Row(Box<RowError>),
    /// The user's code raised, or what reads the data for us.
    Host(HostError),
    /// A policy answers its own orders at this time, without end.
    Endless(i64),
}

impl From<FeedError> for RunError {
    fn from(error: FeedError) -> RunError {
        match error {
            FeedError::Row(error) => RunError::Row(error),
            FeedError::Part(error) => RunError::Host(error),
        }
    }
}

impl From<HostError> for RunError {
    fn from(error: HostError) -> RunError {
        RunError::Host(error)
    }
}

/// Steps between two looks at the outside: progress and Ctrl-C. At 30 ns a step this is every half millisecond.
pub(crate) const PULSE_STEPS: i64 = 16_384;

/// Steps at one time after which a policy is taken to answer its own orders for ever.
pub const STEPS_AT_ONE_TIME_MAX: u32 = 100_000;

/// Ends a loop in which time has stopped.
pub(crate) struct Stall {
    last_ns: i64,
    repeated: u32,
}

impl Stall {
    pub(crate) fn new() -> Stall {
        Stall { last_ns: i64::MIN, repeated: 0 }
    }

    /// Takes note of a step; [`RunError::Endless`] if there were too many at its time.
    #[inline]
    pub(crate) fn step(&mut self, now_ns: i64) -> Result<(), RunError> {
        self.repeated = if now_ns == self.last_ns { self.repeated + 1 } else { 0 };
        self.last_ns = now_ns;
        if self.repeated > STEPS_AT_ONE_TIME_MAX { Err(RunError::Endless(now_ns)) } else { Ok(()) }
    }
}

/// Runs the whole feed. `Ok(false)` says that the user stopped it; what was reached by then stands.
///
/// With `venue_feed`, the same records in order of the venue's own time, the venue matches by that clock and answers
/// after the latency, even before the record that an answer depends on has arrived; without, it matches in the order
/// of arrival.
pub fn run<H: Host>(
    kernel: &mut Kernel,
    feed: &mut Feed<'_>,
    venue_feed: Option<&mut Feed<'_>>,
    venue: &mut SimVenue,
    host: &mut H,
) -> Result<bool, RunError> {
    if venue_feed.is_none() {
        share_levels(&mut kernel.state.market, feed, venue);
    }
    let ended = run_to_end(kernel, feed, venue_feed, venue, host);
    kernel.state.market.has_shared_levels.fill(false);
    ended
}

/// One clock has one book: what the policies see after a step is what the venue has met by then. The venue applies the
/// events, and the market takes the levels as they are.
fn share_levels(market: &mut Market, feed: &Feed<'_>, venue: &mut SimVenue) {
    for symbol in feed.sole_books() {
        let at = symbol as usize;
        // A market that has a book already was in a run before, which the venue knows nothing of.
        if market.books[at].is_none() && market.orders_books[at].is_none() && !venue.has_orders_book(symbol) {
            market.has_shared_levels[at] = true;
            venue.share_levels(symbol);
        }
    }
}

fn run_to_end<H: Host>(
    kernel: &mut Kernel,
    feed: &mut Feed<'_>,
    mut venue_feed: Option<&mut Feed<'_>>,
    venue: &mut SimVenue,
    host: &mut H,
) -> Result<bool, RunError> {
    let mut reports: Vec<Report> = Vec::new();
    let mut commands: Vec<Command> = Vec::new();
    let mut until_pulse = PULSE_STEPS;
    let mut stall = Stall::new();
    if venue_feed.is_some() {
        venue.follow_own_feed();
    }
    loop {
        if until_pulse <= 0 {
            until_pulse = PULSE_STEPS;
            if !host.pulse(feed.rows_read(), kernel.state.market.now_ns)? {
                return Ok(false);
            }
        }
        feed.preview(kernel);
        if venue_feed.is_none() {
            let taken = run_quietly(kernel, feed, venue, host, &mut commands)?;
            if taken != 0 {
                until_pulse -= taken as i64;
                let now_ns = kernel.state.market.now_ns;
                // What the venue answers at once is a step of its own, before the next row.
                while venue.next_report_ns() <= now_ns && venue.next_timer_ns() > now_ns {
                    stall.step(now_ns)?;
                    reports.clear();
                    venue.pop_reports(now_ns, &mut reports);
                    kernel.begin(now_ns);
                    close(kernel, venue, host, &reports, &mut commands)?;
                    until_pulse -= 1;
                }
                continue;
            }
        }
        let feed_ns = feed.next_ns();
        let venue_feed_ns = venue_feed.as_ref().map_or(i64::MAX, |feed| feed.next_ns());
        let mut now_ns = feed_ns.min(venue_feed_ns).min(venue.next_report_ns()).min(venue.next_arrival_ns());
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
        stall.step(now_ns)?;
        let has_records = feed_ns == now_ns;
        if has_records {
            feed.collect()?;
            feed.preview(kernel);
            if venue_feed.is_none() {
                feed.hand_out(&mut ToVenue { venue, now_ns, market: &mut kernel.state.market });
            }
        }
        if venue_feed_ns == now_ns
            && let Some(feed) = &mut venue_feed
        {
            feed.collect()?;
            feed.hand_out(&mut ToVenue { venue, now_ns, market: &mut kernel.state.market });
            feed.advance()?;
            feed.forget_converted();
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
                feed.hand_out(&mut ToKernel(kernel));
                feed.advance()?;
            }
            close(kernel, venue, host, &reports, &mut commands)?;
        } else if venue.next_arrival_ns() <= now_ns {
            venue.arrive(now_ns, &kernel.state.market);
        }
        until_pulse -= 1;
    }
}

/// Ends a step with what the venue says: reports, decisions, and what these send on its way.
#[inline]
fn close<H: Host>(
    kernel: &mut Kernel,
    venue: &mut SimVenue,
    host: &mut H,
    reports: &[Report],
    commands: &mut Vec<Command>,
) -> Result<(), HostError> {
    for report in reports {
        kernel.apply_report(report, host)?;
    }
    kernel.finish(host, commands)?;
    let now_ns = kernel.state.market.now_ns;
    if !commands.is_empty() {
        send(commands, venue, now_ns);
    }
    if venue.next_arrival_ns() <= now_ns {
        venue.arrive(now_ns, &kernel.state.market);
    }
    Ok(())
}

/// Takes rows straight from the series that is alone for a while: the venue has nothing to do with them, and nothing
/// else is due. Each is a step as any other. Returns how many there were.
#[inline]
fn run_quietly<H: Host>(
    kernel: &mut Kernel,
    feed: &mut Feed<'_>,
    venue: &mut SimVenue,
    host: &mut H,
    commands: &mut Vec<Command>,
) -> Result<usize, RunError> {
    let Some(stretch) = feed.stretch() else { return Ok(0) };
    if !venue.is_quiet(stretch.symbol) {
        return Ok(0);
    }
    let venue_ns = venue.next_report_ns().min(venue.next_arrival_ns()).min(venue.next_timer_ns());
    let until_ns = venue_ns.min(stretch.other_ns);
    feed.prefetch(&ToKernel(kernel));
    let taken = match stretch.rows {
        Rows::Bars(bars) => step_each(&stretch, bars, Arrival::Bar, until_ns, kernel, host, commands)?,
        Rows::Quotes(quotes) => step_each(&stretch, quotes, Arrival::Quote, until_ns, kernel, host, commands)?,
        Rows::Trades(_) | Rows::Book(_) => return Ok(0),
    };
    if taken != 0 {
        feed.skip(taken)?;
        let now_ns = kernel.state.market.now_ns;
        if !commands.is_empty() {
            send(commands, venue, now_ns);
        }
        if venue.next_arrival_ns() <= now_ns {
            venue.arrive(now_ns, &kernel.state.market);
        }
    }
    Ok(taken)
}

/// Steps through rows until one is not alone at its time, something else is due, or a command is to be sent.
#[inline]
fn step_each<'a, T: 'a, H: Host>(
    stretch: &Stretch<'a>,
    rows: &'a [T],
    arrival: impl Fn(SymbolId, &'a T) -> Arrival<'a>,
    until_ns: i64,
    kernel: &mut Kernel,
    host: &mut H,
    commands: &mut Vec<Command>,
) -> Result<usize, HostError> {
    let (symbol, times_ns) = (stretch.symbol, stretch.times_ns);
    let may_pass = stretch.is_strict && kernel.may_pass(symbol, &stretch.rows);
    let mut taken = 0;
    while taken < rows.len() && times_ns[taken] < until_ns {
        if may_pass {
            let left = stretch.rows.slice(taken..rows.len());
            taken += kernel.pass(symbol, left, &times_ns[taken..rows.len()], until_ns);
            if taken == rows.len() || times_ns[taken] >= until_ns {
                break;
            }
        }
        let (now_ns, next_ns) = (times_ns[taken], times_ns[taken + 1]);
        if now_ns >= kernel.next_timer_ns() || now_ns == next_ns {
            break;
        }
        kernel.begin(now_ns);
        kernel.apply(arrival(symbol, &rows[taken]));
        kernel.finish(host, commands)?;
        taken += 1;
        if !commands.is_empty() {
            break;
        }
    }
    Ok(taken)
}

impl Previewer for Kernel {
    fn preview(&mut self, symbol: SymbolId, rows: Rows<'_>, times_ns: &[i64], is_strict: bool) {
        self.foresee(symbol, rows, times_ns, is_strict);
    }
}

struct ToVenue<'a> {
    venue: &'a mut SimVenue,
    now_ns: i64,
    market: &'a mut Market,
}

impl Receiver for ToVenue<'_> {
    #[inline]
    fn bar(&mut self, symbol: SymbolId, bar: &Bar) {
        self.venue.on_bar(symbol, bar, self.market);
    }
    #[inline]
    fn quote(&mut self, symbol: SymbolId, quote: &Quote) {
        self.venue.on_quote(symbol, quote, self.market);
    }
    #[inline]
    fn trade(&mut self, symbol: SymbolId, trade: &Trade) {
        self.venue.on_trade(symbol, trade, self.market);
    }
    #[inline]
    fn book(&mut self, symbol: SymbolId, rows: &[BookRow]) {
        if self.market.has_shared_levels[symbol as usize] {
            self.venue.on_shared_book(symbol, rows, self.now_ns, self.market);
        } else {
            self.venue.on_book(symbol, rows, self.now_ns, self.market);
        }
    }
    fn other(&mut self, record: &Record) {
        self.venue.on_other(record, self.market);
    }
}

/// Applies records to the kernel as they come.
pub(crate) struct ToKernel<'a>(pub(crate) &'a mut Kernel);

impl Receiver for ToKernel<'_> {
    #[inline]
    fn bar(&mut self, symbol: SymbolId, bar: &Bar) {
        self.0.apply(Arrival::Bar(symbol, bar));
    }
    #[inline]
    fn quote(&mut self, symbol: SymbolId, quote: &Quote) {
        self.0.apply(Arrival::Quote(symbol, quote));
    }
    #[inline]
    fn trade(&mut self, symbol: SymbolId, trade: &Trade) {
        self.0.apply(Arrival::Trade(symbol, trade));
    }
    #[inline]
    fn book(&mut self, symbol: SymbolId, rows: &[BookRow]) {
        self.0.apply(Arrival::Book(symbol, rows));
    }
    fn other(&mut self, record: &Record) {
        self.0.apply(Arrival::Other(record));
    }
    #[inline]
    fn expect(&self, symbol: SymbolId) {
        self.0.expect(symbol);
    }
    #[inline]
    fn expect_next(&self, symbol: SymbolId) {
        self.0.state.ledger.prefetch_position(symbol);
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
