//! The simulated venue on bars, quotes and public prints.
//!
//! Requests travel for the entry latency, meet the market in order of arrival, and are answered after the response
//! latency, never before the record that the answer depends on (the causal clock). What fills when, and what is
//! unrealistic about it, stands in `docs/assumptions.md`.

mod bars;
mod books;
mod config;
mod costs;
mod desk;
mod fifo;
mod latency;
mod matcher;
mod outbox;
mod position;
mod queue;
mod quotes;
mod requests;
mod status;
#[cfg(test)]
mod tests;
mod working;

use std::collections::BTreeSet;

pub use config::{BarPath, BarTiming, Costs, Fills, VenueConfig};
pub use latency::{Distribution, Latency, LatencySample};
pub use outbox::{AddedCost, FillNote, NO_MID};
pub use position::QueueModel;
pub(crate) use position::QueuePosition;

use crate::book::{Book, L2, WINDOW};
use crate::event::{Bar, BookRow, CashEvent, Payload, Quote, Record, Status, Trade};
use crate::instrument::{Instrument, SymbolId};
use crate::market::{Market, SourceKind};
use crate::order::{Order, OrderId, Reason, Report, ReportKind};
use books::{DeskBook, mid_x2};
use desk::Desk;
use fifo::OrdersBook;
use outbox::Outbox;
use queue::TimedQueue;
use quotes::Taken;
use requests::Request;

/// A venue simulated from recorded bars, quotes and prints.
///
/// Where a symbol has several kinds, quotes match; without quotes, prints; without prints, bars.
#[derive(Clone, Debug)]
pub struct SimVenue {
    config: VenueConfig,
    desks: Vec<Desk>,
    /// Beside the desks, so that a record of a quiet symbol touches one byte.
    busy: Vec<bool>,
    requests: TimedQueue<Request>,
    out: Outbox,
    /// When a day order or an instrument ends; may name symbols that have nothing left to end.
    timers: BTreeSet<(i64, SymbolId)>,
    /// The cost model measures every bar.
    follows_bars: bool,
    /// Records come by the venue's own clock, so that the market's quote is not the one that was met last.
    has_own_feed: bool,
    /// Scratch: the levels of a book of orders.
    levels: Vec<BookRow>,
}

impl SimVenue {
    /// A venue for these instruments.
    ///
    /// # Panics
    /// When the configuration is impossible; see [`VenueConfig::validate`].
    pub fn new(config: VenueConfig, instruments: &[Instrument]) -> SimVenue {
        if let Err(problem) = config.validate() {
            panic!("{problem}");
        }
        SimVenue {
            desks: instruments.iter().map(Desk::new).collect(),
            busy: vec![true; instruments.len()],
            requests: TimedQueue::new(),
            out: Outbox::new(config.latency.clone(), config.decision_ns),
            timers: BTreeSet::new(),
            follows_bars: config.costs.follows_bars(),
            has_own_feed: false,
            levels: Vec::new(),
            config,
        }
    }

    /// Says before the run that the feed has this kind of record for the symbol; otherwise the first one says it.
    pub fn declare(&mut self, symbol: SymbolId, kind: SourceKind) {
        let desk = &mut self.desks[symbol as usize];
        let rank = |kind: SourceKind| match kind {
            SourceKind::Bar => 0,
            SourceKind::Trade => 1,
            SourceKind::Quote => 2,
            SourceKind::Book => 3,
        };
        if desk.source.is_none_or(|known| rank(known) < rank(kind)) {
            desk.source = Some(kind);
        }
        self.settle(symbol);
    }

    /// Says before the run that records come in order of the venue's own time, ahead of the market's.
    pub fn follow_own_feed(&mut self) {
        self.has_own_feed = true;
    }

    /// Says before the run that the events of the symbol's book are of single orders.
    pub fn declare_orders(&mut self, symbol: SymbolId) {
        let fills = &self.config.fills;
        self.desks[symbol as usize].orders_book = Some(Box::new(OrdersBook::new(fills.exact_orders, fills.priority)));
        self.declare(symbol, SourceKind::Book);
    }

    /// Whether the events of the symbol's book are of single orders.
    pub fn has_orders_book(&self, symbol: SymbolId) -> bool {
        self.desks[symbol as usize].orders_book.is_some()
    }

    /// What matches this symbol's orders; `None` while no record has been declared or seen.
    pub fn matched_by(&self, symbol: SymbolId) -> Option<SourceKind> {
        self.desks[symbol as usize].source
    }

    /// The account's position as the venue sees it, in lots: what reduce-only orders may reduce.
    pub fn position(&self, symbol: SymbolId) -> i64 {
        self.desks[symbol as usize].position
    }

    /// Sets that position, for a run that starts with holdings or books a transfer.
    pub fn set_position(&mut self, symbol: SymbolId, lots: i64) {
        self.desks[symbol as usize].position = lots;
    }

    /// How many orders the venue holds.
    pub fn resting_count(&self) -> usize {
        self.desks.iter().map(|desk| desk.orders.len()).sum()
    }

    /// What the cost model added to fills, in order of fill id; fills that it left alone are not here.
    pub fn added_costs(&self) -> &[AddedCost] {
        &self.out.added
    }

    /// What the venue saw at each fill, by fill id from 1.
    pub fn fill_notes(&self) -> &[FillNote] {
        &self.out.notes
    }

    /// Takings that paid no impact because the average volume was not known yet: worth a warning.
    pub fn fills_without_impact(&self) -> u64 {
        self.out.fills_without_impact
    }

    /// Sends a new order on its way.
    #[inline]
    pub fn submit(&mut self, order: &Order) {
        self.out.know(order.id, order.symbol);
        let arrival_ns = self.out.arrival_ns(order.id, order.decided_ns);
        self.requests.push(arrival_ns, Request::Submit(*order));
    }

    /// Sends an amendment on its way: a new limit (ignored by orders without one) and a new total size.
    pub fn amend(&mut self, order: OrderId, limit: i64, lots: i64, decided_ns: i64) {
        let arrival_ns = self.out.arrival_ns(order, decided_ns);
        self.requests.push(arrival_ns, Request::Amend { order, limit, lots, decided_ns });
    }

    /// Sends a cancellation on its way.
    pub fn cancel(&mut self, order: OrderId, decided_ns: i64) {
        let arrival_ns = self.out.arrival_ns(order, decided_ns);
        self.requests.push(arrival_ns, Request::Cancel { order });
    }

    /// When the next request arrives; `i64::MAX` when none is under way.
    #[inline]
    pub fn next_arrival_ns(&self) -> i64 {
        self.requests.next_ns()
    }

    /// Lets every request with arrival at or before `now_ns` meet the market as it stands.
    pub fn arrive(&mut self, now_ns: i64, market: &Market) {
        while let Some((arrival_ns, request)) = self.requests.pop_due(now_ns) {
            self.take(request, arrival_ns, market);
        }
    }

    /// Whether bars, quotes and prints of this symbol pass without effect until something is sent or due.
    #[inline]
    pub fn is_quiet(&self, symbol: SymbolId) -> bool {
        !self.busy[symbol as usize]
    }

    /// Meets a bar, before the kernel sees it.
    #[inline]
    pub fn on_bar(&mut self, symbol: SymbolId, bar: &Bar, market: &Market) {
        if self.busy[symbol as usize] {
            self.match_bar(symbol, bar, market);
        }
    }

    /// Meets a quote, before the kernel sees it.
    #[inline]
    pub fn on_quote(&mut self, symbol: SymbolId, quote: &Quote, market: &Market) {
        if self.busy[symbol as usize] {
            self.match_quote(symbol, quote, market);
        }
    }

    /// Meets a public print, before the kernel sees it.
    #[inline]
    pub fn on_trade(&mut self, symbol: SymbolId, trade: &Trade, market: &Market) {
        if self.busy[symbol as usize] {
            self.match_trade(symbol, trade, market);
        }
    }

    /// Meets all events of a book that come at one time, before the kernel sees them. Nobody knows of their effects
    /// before `known_ns`: the time of receipt, or by the venue's own clock that of the events.
    pub fn on_book(&mut self, symbol: SymbolId, rows: &[BookRow], known_ns: i64, market: &Market) {
        let Some(last) = rows.last() else { return };
        if self.desks[symbol as usize].orders_book.is_some() {
            return self.match_orders(symbol, rows, last.ts_event_ns, known_ns, market);
        }
        self.match_levels(symbol, rows, [last.ts_event_ns, known_ns], &market.instruments, None);
    }

    /// Says before the run that the market's levels of this book are the venue's too: both see each event at the same
    /// time, the venue first, by [`SimVenue::on_shared_book`]. Not of books of single orders.
    pub fn share_levels(&mut self, symbol: SymbolId) {
        self.desks[symbol as usize].shares_levels = true;
    }

    /// Meets all events of such a book that come at one time, and applies them for the market.
    #[inline]
    pub fn on_shared_book(&mut self, symbol: SymbolId, rows: &[BookRow], known_ns: i64, market: &mut Market) {
        let Some(last) = rows.last() else { return };
        let Market { instruments, books, .. } = market;
        let levels = books[symbol as usize].get_or_insert_with(|| Box::new(L2::new(WINDOW)));
        self.match_levels(symbol, rows, [last.ts_event_ns, known_ns], instruments, Some(levels));
    }

    /// A book of single orders: met as such, or by its levels.
    #[inline(never)]
    fn match_orders(&mut self, symbol: SymbolId, rows: &[BookRow], event_ns: i64, known_ns: i64, market: &Market) {
        let desk = &mut self.desks[symbol as usize];
        if let Some(OrdersBook::ByLevel(book)) = desk.orders_book.as_deref_mut() {
            let mut levels = std::mem::take(&mut self.levels);
            levels.clear();
            for row in rows {
                book.apply(&row.event, |event| levels.push(BookRow { event, ..*row }));
            }
            if !levels.is_empty() {
                self.match_levels(symbol, &levels, [event_ns, known_ns], &market.instruments, None);
            }
            self.levels = levels;
            return;
        }
        let instrument = &market.instruments[symbol as usize];
        let has_orders = !desk.orders.is_empty();
        let trades = has_orders && desk.status == Status::Open && desk.is_in_session(instrument, event_ns);
        let Some((mut matcher, book)) = desk.fifo_matcher(&self.config, instrument, &mut self.out, known_ns) else {
            return;
        };
        if has_orders || !book.is_untouched() {
            matcher.note.mid_x2 = book.mid_x2();
            matcher.meet_orders(rows, book, trades);
            desk.remove_done();
        } else {
            rows.iter().for_each(|row| book.orders.apply(&row.event));
        }
    }

    /// `shared` are the levels where the venue has none of its own.
    #[inline]
    fn match_levels(
        &mut self,
        symbol: SymbolId,
        rows: &[BookRow],
        [event_ns, known_ns]: [i64; 2],
        instruments: &[Instrument],
        shared: Option<&mut L2>,
    ) {
        if self.desks[symbol as usize].source != Some(SourceKind::Book) {
            self.declare(symbol, SourceKind::Book);
        }
        let desk = &mut self.desks[symbol as usize];
        let instrument = &instruments[symbol as usize];
        let has_orders = !desk.orders.is_empty();
        let trades = has_orders && desk.status == Status::Open && desk.is_in_session(instrument, event_ns);
        let (mut matcher, DeskBook { own, taken }) =
            desk.book_matcher(&self.config, instrument, &mut self.out, known_ns);
        let Some(levels) = shared.or(own.as_mut()) else { return };
        if has_orders || !taken.is_empty() {
            matcher.note.mid_x2 = mid_x2(levels);
            matcher.meet_book(rows, levels, taken, trades);
            desk.remove_done();
        } else {
            levels.apply_all(rows);
        }
    }

    /// Meets any other record: a change of status or grid, a settlement, which ends the symbol's orders, or a split, which
    /// cancels them.
    pub fn on_other(&mut self, record: &Record, market: &Market) {
        let symbol = record.symbol;
        match &record.payload {
            Payload::Bar(bar) => self.on_bar(symbol, bar, market),
            Payload::Quote(quote) => self.on_quote(symbol, quote, market),
            Payload::Trade(trade) => self.on_trade(symbol, trade, market),
            Payload::Book(rows) => self.on_book(symbol, rows, record.ts_recv_ns, market),
            Payload::Status(status) => self.on_status(record, *status, market),
            Payload::Grid(grid) => self.on_grid(record, grid, market),
            Payload::Cash(CashEvent::Settlement { .. } | CashEvent::Refund) => {
                self.on_status(record, Status::Resolved, market);
                self.desks[symbol as usize].position = 0;
            }
            Payload::Cash(CashEvent::Split { numerator, denominator }) => {
                self.cancel_symbol(record, Reason::Venue);
                let desk = &mut self.desks[symbol as usize];
                desk.position = (desk.position as i128 * *numerator as i128 / *denominator as i128) as i64;
            }
            Payload::Cash(_) => {}
        }
    }

    /// When `on_time` is wanted next; `i64::MAX` when never.
    #[inline]
    pub fn next_timer_ns(&self) -> i64 {
        self.timers.first().map_or(i64::MAX, |(due_ns, _)| *due_ns)
    }

    /// Ends day orders, and orders of instruments that expire.
    pub fn on_time(&mut self, now_ns: i64, market: &Market) {
        while let Some(&(due_ns, symbol)) = self.timers.first() {
            if due_ns > now_ns {
                break;
            }
            self.timers.pop_first();
            let desk = &mut self.desks[symbol as usize];
            let lag_ns = desk.bar_lag_ns(market, symbol);
            desk.expire(due_ns - lag_ns, due_ns, &mut self.out);
            let next_ns = desk.orders.iter().map(|working| working.expiry_ns).min().unwrap_or(i64::MAX);
            if next_ns != i64::MAX {
                self.timers.insert((next_ns.saturating_add(lag_ns).max(due_ns + 1), symbol));
            }
            self.settle(symbol);
        }
    }

    /// When the next report is received; `i64::MAX` when none is under way.
    #[inline]
    pub fn next_report_ns(&self) -> i64 {
        self.out.reports.next_ns()
    }

    /// Appends the reports received at or before `now_ns`, in order of (receive time, sequence).
    #[inline]
    pub fn pop_reports(&mut self, now_ns: i64, out: &mut Vec<Report>) {
        while let Some((_, report)) = self.out.reports.pop_due(now_ns) {
            out.push(report);
        }
    }

    /// The run is over: cancels what rests and what has not arrived, with [`Reason::RunEnded`].
    ///
    /// The cancellations are reported with the response latency; `pop_reports(i64::MAX, …)` yields them.
    pub fn end_run(&mut self, now_ns: i64) {
        for (symbol, desk) in self.desks.iter_mut().enumerate() {
            desk.cancel_all(now_ns, now_ns, Reason::RunEnded, &mut self.out);
            self.busy[symbol] = false;
        }
        for (_, request) in self.requests.drain() {
            if let Request::Submit(order) = request {
                self.out.send(order.id, now_ns, now_ns, ReportKind::Cancelled(Reason::RunEnded));
            }
        }
        self.timers.clear();
    }

    #[inline(never)]
    fn match_bar(&mut self, symbol: SymbolId, bar: &Bar, market: &Market) {
        if self.desks[symbol as usize].source.is_none() {
            self.declare(symbol, SourceKind::Bar);
        }
        let desk = &mut self.desks[symbol as usize];
        if desk.source == Some(SourceKind::Bar) && !desk.orders.is_empty() {
            desk.expire(bar.open_ns, bar.ts_recv_ns, &mut self.out);
            if desk.status == Status::Open {
                let instrument = &market.instruments[symbol as usize];
                let (mut matcher, _) = desk.matcher(&self.config, instrument, &mut self.out, bar.ts_recv_ns);
                matcher.meet_bar(bar);
                desk.remove_done();
            }
        }
        if self.follows_bars {
            desk.costs.on_bar(bar, &self.config.costs);
        }
        self.settle(symbol);
    }

    #[inline(never)]
    fn match_quote(&mut self, symbol: SymbolId, quote: &Quote, market: &Market) {
        if self.desks[symbol as usize].source != Some(SourceKind::Quote) {
            self.declare(symbol, SourceKind::Quote);
        }
        let desk = &mut self.desks[symbol as usize];
        if desk.source == Some(SourceKind::Book) {
            return; // The book matches; quotes beside it are its own best prices.
        }
        desk.taken = Taken::nothing_of(quote);
        let instrument = &market.instruments[symbol as usize];
        if !desk.orders.is_empty() && desk.status == Status::Open && desk.is_in_session(instrument, quote.ts_event_ns) {
            let (mut matcher, taken) = desk.matcher(&self.config, instrument, &mut self.out, quote.ts_recv_ns);
            matcher.note.mid_x2 = Desk::mid_x2(&market.symbols[symbol as usize].quote);
            matcher.meet_quote(quote, quote.ts_event_ns, taken);
            desk.remove_done();
        }
        self.settle(symbol);
    }

    #[inline(never)]
    fn match_trade(&mut self, symbol: SymbolId, trade: &Trade, market: &Market) {
        if matches!(self.desks[symbol as usize].source, None | Some(SourceKind::Bar)) {
            self.declare(symbol, SourceKind::Trade);
        }
        let desk = &mut self.desks[symbol as usize];
        let instrument = &market.instruments[symbol as usize];
        if !desk.orders.is_empty()
            && desk.source != Some(SourceKind::Book)
            && desk.status == Status::Open
            && desk.is_in_session(instrument, trade.ts_event_ns)
        {
            let is_alone = desk.source == Some(SourceKind::Trade);
            let (mut matcher, _) = desk.matcher(&self.config, instrument, &mut self.out, trade.ts_recv_ns);
            matcher.note.mid_x2 = Desk::mid_x2(&market.symbols[symbol as usize].quote);
            if is_alone {
                matcher.meet_print_alone(trade, trade.ts_event_ns);
            } else {
                matcher.meet_print(trade, trade.ts_event_ns);
            }
            desk.remove_done();
        }
        self.settle(symbol);
    }

    fn cancel_symbol(&mut self, record: &Record, reason: Reason) {
        let desk = &mut self.desks[record.symbol as usize];
        desk.cancel_all(record.ts_event_ns, record.ts_recv_ns, reason, &mut self.out);
        self.settle(record.symbol);
    }

    /// Notes whether the next record of a symbol has anything to do here.
    #[inline]
    fn settle(&mut self, symbol: SymbolId) {
        let desk = &self.desks[symbol as usize];
        // What was taken is kept with its quote; only by the venue's own clock must the next quote come here to forget it.
        let forgets = self.has_own_feed && desk.taken.lots != [0, 0];
        self.busy[symbol as usize] = !desk.orders.is_empty() || desk.source.is_none() || self.follows_bars || forgets;
    }
}
