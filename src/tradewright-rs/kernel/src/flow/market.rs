//! The book that the flow makes.

use super::chance::Chance;
use super::clock::Clock;
use super::guests::{GuestFill, of_flow, owner_of};
use super::params::Params;
use super::people::Resting;
use super::publish::Publisher;
use super::tape::OrderTape;
use super::value::{Path, Value};
use crate::event::BookRow;
use crate::matching::{Engine, Limit, Market, Outcome, OutcomeKind, Record, SelfTrade, Tif};
use crate::order::Side;

/// What was sent, and what came of it. The opening book is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Limit orders sent, by distance from 1.
    pub limits: Vec<u64>,
    /// Those of them whose price was not allowed: they were not placed.
    pub outside: u64,
    /// Market orders of those who know nothing.
    pub markets: u64,
    /// Orders of informed traders.
    pub informed: u64,
    /// Informed traders who came and found no price worth it.
    pub passed: u64,
    /// Market orders, informed ones included, that found less than they wanted.
    pub unfilled: u64,
    /// Orders cancelled.
    pub cancels: u64,
    /// Trades of the flow's orders to take: one for each resting order that they met.
    pub trades: u64,
}

/// A generated market: a matching engine, and people who send it orders.
///
/// Times of arrival, orders, cancellations and the value are drawn from four streams of the seed, so that guests in the
/// book change neither when people come nor what the asset is worth. A guest's order that would trade with another of the
/// same owner is cancelled; orders of the flow have no owner.
#[derive(Clone, Debug)]
pub struct FlowMarket {
    params: Params,
    start_ns: i64,
    pub(super) engine: Engine,
    /// What the latest command did.
    pub(super) record: Record,
    pub(super) resting: Resting,
    pub(super) guest_fills: Vec<GuestFill>,
    pub(super) guest_outcomes: Vec<(i64, Outcome)>,
    publisher: Publisher,
    tape: Option<OrderTape>,
    tick_units: i64,
    clock: Clock,
    arrivals: Chance,
    orders: Chance,
    cancellations: Chance,
    value: Option<Path>,
    /// The value whenever somebody might have traded on it: time and ticks.
    values: Vec<(i64, f64)>,
    now_s: f64,
    next_order_s: f64,
    next_cancel_s: f64,
    /// The latest best price of each side, for distances while that side is empty.
    latest: [i64; 2],
    /// Twice the mid that the latest command found.
    pub(super) mid_x2_before: Option<i64>,
    /// Largest cancellation rate: orders are picked at this rate each, and some of those picked stay.
    cancel_rate_max: f64,
    counts: Counts,
}

impl FlowMarket {
    /// An opening book in which each distance holds as many orders as it would on its own in the long run,
    /// arrivals by cancellations, and at least one where orders arrive.
    ///
    /// # Errors
    /// Impossible parameters, in words.
    pub fn new(params: Params, seed: u64, start_ns: i64, tick_units: i64) -> Result<FlowMarket, String> {
        params.validate()?;
        let (bid, ask) = (params.bid, params.bid + 1);
        let mut market = FlowMarket {
            start_ns,
            engine: Engine::new(SelfTrade::CancelNewest),
            record: Record { deltas: true, ..Record::default() },
            resting: Resting::default(),
            guest_fills: Vec::new(),
            guest_outcomes: Vec::new(),
            publisher: Publisher::new(tick_units),
            tape: None,
            tick_units,
            clock: Clock::new(params.rate(), params.clusters),
            arrivals: Chance::new(seed, 0),
            orders: Chance::new(seed, 1),
            cancellations: Chance::new(seed, 2),
            value: params.informed.map(|informed| Path::new(informed.value, Chance::new(seed, 3))),
            values: Vec::new(),
            now_s: 0.0,
            next_order_s: 0.0,
            next_cancel_s: 0.0,
            latest: [bid, ask],
            mid_x2_before: None,
            cancel_rate_max: params.cancel_rates.iter().fold(0.0, |most, &rate| rate.max(most)),
            counts: Counts { limits: vec![0; params.limit_rates.len()], ..Counts::default() },
            params,
        };
        market.next_order_s = market.clock.wait(&mut market.arrivals);
        market.note_value(0.0);
        for distance in 1..=market.params.limit_rates.len() {
            let rate = market.params.limit_rates[distance - 1];
            let orders = libm::round(rate / market.params.cancel_rate(distance as i64)).max(1.0) as u64;
            for side in [Side::Buy, Side::Sell] {
                for _ in 0..if rate > 0.0 { orders } else { 0 } {
                    market.latest = [bid, ask];
                    let size = market.size();
                    market.place(side, distance, size);
                }
            }
        }
        market.record = Record { deltas: true, ..Record::default() };
        market.counts.outside = 0;
        market.schedule_cancel();
        market.mid_x2_before = market.mid_x2();
        Ok(market)
    }

    /// Keeps from now on what happens to every order; see [`FlowMarket::orders`].
    pub fn keep_orders(&mut self) {
        self.tape = Some(OrderTape::new(self.tick_units, self.time_ns(self.now_s), &self.engine));
    }

    /// The single orders behind the levels, if they were kept: a snapshot, then a message for each command that shows.
    pub fn orders(&self) -> Option<&[BookRow]> {
        self.tape.as_ref().map(|tape| tape.rows.as_slice())
    }

    /// The book as it stands, as a message of a feed.
    pub fn snapshot(&mut self, rows: &mut Vec<BookRow>) {
        let now_ns = self.time_ns(self.now_s);
        self.publisher.snapshot(now_ns, &self.engine, rows);
    }

    /// When [`FlowMarket::step`] will happen, in seconds from the start.
    pub fn next_s(&self) -> f64 {
        self.next_order_s.min(self.next_cancel_s)
    }

    /// The same, in ns since the epoch.
    pub fn next_ns(&self) -> i64 {
        self.time_ns(self.next_s())
    }

    /// Somebody comes, and may change the book: the message that a feed sends, if anything shows, is appended.
    pub fn step(&mut self, rows: &mut Vec<BookRow>) {
        self.now_s = self.next_s();
        let before = self.resting.len();
        let is_order = self.next_order_s <= self.next_cancel_s;
        if is_order {
            self.next_order_s = self.now_s + self.clock.wait(&mut self.arrivals);
            self.send_order();
        } else {
            self.cancel_one();
        }
        // A wait without memory may be drawn anew whenever its rate changes.
        if !is_order || self.resting.len() != before {
            self.schedule_cancel();
        }
        self.publish(rows);
    }

    /// Twice the mid of the book, in ticks.
    pub(super) fn mid_x2(&self) -> Option<i64> {
        Some(self.engine.best(Side::Buy)?.price + self.engine.best(Side::Sell)?.price)
    }

    /// Lets time pass until a guest's command; nothing of the flow happens before it.
    pub(super) fn pass_to(&mut self, at_ns: i64) {
        let at_s = self.seconds_to(at_ns);
        self.now_s = at_s.min(self.next_s()).max(self.now_s);
    }

    /// Tells the feed and the guests what the latest command did, and forgets it.
    pub(super) fn publish(&mut self, rows: &mut Vec<BookRow>) {
        let now_ns = self.time_ns(self.now_s);
        let mut record = std::mem::take(&mut self.record);
        self.publisher.message(now_ns, &record, rows);
        if let Some(tape) = &mut self.tape {
            tape.message(now_ns, &record);
        }
        self.note_guests(&record, now_ns);
        record.fills.clear();
        record.outcomes.clear();
        record.levels.clear();
        record.orders.clear();
        self.record = record;
    }

    /// Ends the market: the value at its end is noted.
    pub fn end(&mut self, now_s: f64) {
        self.now_s = now_s;
        self.note_value(now_s);
    }

    /// What the claim of a binary pays, in ticks, once the market has ended at its horizon.
    pub fn decided(&self) -> Option<i64> {
        let Value::Binary { payoff, horizon_s, .. } = self.params.informed?.value else { return None };
        let &(_, value) = self.values.last()?;
        (self.now_s >= horizon_s && (value == 0.0 || value == payoff)).then_some(value as i64)
    }

    /// The value at the start, whenever a trader came, and at the end: time and ticks. Empty without informed traders.
    pub fn values(&self) -> &[(i64, f64)] {
        &self.values
    }

    /// What was sent so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The book.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A time in seconds from the start.
    pub(super) fn seconds_to(&self, at_ns: i64) -> f64 {
        (at_ns - self.start_ns) as f64 / 1e9
    }

    fn time_ns(&self, at_s: f64) -> i64 {
        self.start_ns.saturating_add(libm::round(at_s * 1e9) as i64)
    }

    pub(super) fn schedule_cancel(&mut self) {
        let rate = self.cancel_rate_max * self.resting.len() as f64;
        self.next_cancel_s = self.now_s + self.cancellations.exponential(rate);
    }

    /// A limit order at a distance, or a market order, on either side.
    fn send_order(&mut self) {
        let side = if self.orders.below(2) == 0 { Side::Buy } else { Side::Sell };
        let size = self.size();
        let mut at = self.orders.uniform() * 0.5 * self.params.rate();
        for distance in 1..=self.params.limit_rates.len() {
            at -= self.params.limit_rates[distance - 1];
            if at < 0.0 {
                self.counts.limits[distance - 1] += 1;
                return self.place(side, distance, size);
            }
        }
        match self.params.informed {
            None => self.trade(side, size, None),
            Some(informed) => {
                let value = self.note_value(self.now_s);
                if self.orders.uniform() < informed.share {
                    self.trade_on(value, size)
                } else {
                    self.trade(side, size, None)
                }
            }
        }
    }

    /// A limit order so many ticks from the best price of the other side.
    fn place(&mut self, side: Side, distance: usize, size: i64) {
        let price = self.latest[side.opposite() as usize] - side.sign() * distance as i64;
        if price < self.params.low || price > self.params.high {
            self.counts.outside += 1;
            return;
        }
        let id = self.resting.take_id();
        let order = Limit { id: of_flow(id), side, price, size, owner: 0, tif: Tif::PostOnly, peak: 0 };
        match self.engine.limit(&order, &mut self.record) {
            Ok(()) => self.resting.add(id),
            Err(_) => self.resting.give_back(id),
        }
        self.settle();
    }

    /// Buys below the value, or sells above it, as far as that goes; passes if it does not.
    fn trade_on(&mut self, value: Option<f64>, size: i64) {
        let Some(value) = value else { return };
        let best = |side| self.engine.best(side).map(|level| level.price as f64);
        let side = if best(Side::Sell).is_some_and(|ask| ask < value) {
            Side::Buy
        } else if best(Side::Buy).is_some_and(|bid| bid > value) {
            Side::Sell
        } else {
            self.counts.passed += 1;
            return;
        };
        let bound = if side == Side::Buy { libm::ceil(value) - 1.0 } else { libm::floor(value) + 1.0 };
        self.trade(side, size, Some(bound as i64));
    }

    /// A market order, or one that takes up to a price.
    fn trade(&mut self, side: Side, size: i64, bound: Option<i64>) {
        let id = self.resting.take_id();
        let sent = match bound {
            None => {
                self.counts.markets += 1;
                self.engine.market(&Market { id: of_flow(id), side, size, owner: 0 }, &mut self.record)
            }
            Some(price) => {
                self.counts.informed += 1;
                let order = Limit { id: of_flow(id), side, price, size, owner: 0, tif: Tif::Ioc, peak: 0 };
                self.engine.limit(&order, &mut self.record)
            }
        };
        debug_assert!(sent.is_ok(), "Invariant: the flow sends what the engine takes");
        let mine = of_flow(id);
        let is_unfilled = |kind| kind == OutcomeKind::Unfilled;
        let unfilled = self.record.outcomes.iter().any(|outcome| outcome.id == mine && is_unfilled(outcome.kind));
        self.counts.unfilled += u64::from(unfilled);
        self.counts.trades += self.record.fills.iter().filter(|fill| fill.taker == mine).count() as u64;
        self.settle();
        self.resting.give_back(id);
    }

    /// Picks a resting order, and cancels it with the probability that its distance gives.
    fn cancel_one(&mut self) {
        let id = self.resting.at(self.cancellations.below(self.resting.len() as u64) as usize);
        let Some((side, price)) = self.engine.order(of_flow(id)).and_then(|order| Some((order.side, order.price?)))
        else {
            return;
        };
        let distance = side.sign() * (self.latest[side.opposite() as usize] - price);
        if self.cancellations.uniform() * self.cancel_rate_max < self.params.cancel_rate(distance)
            && self.engine.cancel(of_flow(id), &mut self.record).is_ok()
        {
            self.resting.remove(id);
            self.counts.cancels += 1;
            self.settle();
        }
    }

    fn size(&mut self) -> i64 {
        if self.params.varies { self.orders.geometric(self.params.lots) } else { self.params.lots as i64 }
    }

    /// After a command: forgets orders of the flow that it filled, and notes the best prices.
    pub(super) fn settle(&mut self) {
        for fill in &self.record.fills {
            if let Ok(id) = owner_of(fill.maker)
                && self.engine.order(fill.maker).is_none()
            {
                self.resting.remove(id);
            }
        }
        for side in [Side::Buy, Side::Sell] {
            if let Some(best) = self.engine.best(side) {
                self.latest[side as usize] = best.price;
            }
        }
    }

    fn note_value(&mut self, at_s: f64) -> Option<f64> {
        let at_ns = self.time_ns(at_s);
        let value = self.value.as_mut()?.at(at_s);
        self.values.push((at_ns, value));
        Some(value)
    }
}
