//! The same rules on a list that is searched from end to end: slow, and plain to read.

use crate::matching::{COUNT_MAX, Change, Fill, Limit, Market, Outcome, OutcomeKind, Reject, SelfTrade, Tif};
use crate::order::Side;

#[derive(Clone, Debug)]
pub struct Order {
    pub limit: Limit,
    pub open: i64,
    pub shown: i64,
    /// Rank in time; a larger one stands behind.
    rank: u64,
    trigger: Option<i64>,
    is_market: bool,
}

#[derive(Default)]
pub struct SlowBook {
    pub book: Vec<Order>,
    pub stops: Vec<Order>,
    triggered: Vec<Order>,
    pub rule: SelfTrade,
    last: Option<i64>,
    rank: u64,
    command: u64,
    pub fills: Vec<Fill>,
    pub outcomes: Vec<Outcome>,
}

fn reaches(taker: Side, bound: i64, price: i64) -> bool {
    if taker == Side::Buy { price <= bound } else { price >= bound }
}

fn is_touched(order: &Order, price: i64) -> bool {
    let trigger = order.trigger.unwrap();
    if order.limit.side == Side::Buy { price >= trigger } else { price <= trigger }
}

impl SlowBook {
    pub fn new(rule: SelfTrade) -> SlowBook {
        SlowBook { rule, ..SlowBook::default() }
    }

    fn next_rank(&mut self) -> u64 {
        self.rank += 1;
        self.rank
    }

    fn say(&mut self, id: u64, kind: OutcomeKind, lots: i64) {
        self.outcomes.push(Outcome { command: self.command, id, kind, lots });
    }

    /// Indices of one side's orders, as they would trade.
    pub fn queue(&self, side: Side) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.book.len()).filter(|&at| self.book[at].limit.side == side).collect();
        found.sort_by_key(|&at| {
            let order = &self.book[at];
            (if side == Side::Buy { -order.limit.price } else { order.limit.price }, order.rank)
        });
        found
    }

    fn check(&self, order: &Limit, trigger: Option<i64>, is_market: bool) -> Result<(), Reject> {
        if order.size <= 0 || order.size > COUNT_MAX {
            return Err(Reject::Size);
        }
        if self.book.iter().chain(&self.stops).any(|other| other.limit.id == order.id) {
            return Err(Reject::DuplicateId);
        }
        if !is_market && order.price.abs() > COUNT_MAX {
            return Err(Reject::Price);
        }
        if order.peak < 0 || (order.peak > 0 && matches!(order.tif, Tif::Ioc | Tif::Fok)) {
            return Err(Reject::Peak);
        }
        if trigger.is_some_and(|trigger| trigger.abs() > COUNT_MAX) {
            return Err(Reject::Price);
        }
        Ok(())
    }

    pub fn submit(&mut self, order: &Limit, trigger: Option<i64>, is_market: bool) -> Result<(), Reject> {
        let done = self.check(order, trigger, is_market).and_then(|()| match trigger {
            Some(_) => {
                let (open, shown, rank) = (order.size, 0, self.next_rank());
                self.place_stop(Order { limit: *order, open, shown, rank, trigger, is_market });
                Ok(())
            }
            None => self.enter(order, is_market),
        });
        self.finish(done)
    }

    pub fn market(order: &Market) -> Limit {
        let &Market { id, side, size, owner } = order;
        Limit { id, side, price: 0, size, owner, tif: Tif::Ioc, peak: 0 }
    }

    fn finish(&mut self, done: Result<(), Reject>) -> Result<(), Reject> {
        while !self.triggered.is_empty() {
            let order = self.triggered.remove(0);
            self.say(order.limit.id, OutcomeKind::Triggered, order.open);
            match self.enter(&order.limit, order.is_market) {
                Err(Reject::WouldTake) => self.say(order.limit.id, OutcomeKind::WouldTake, order.open),
                Err(Reject::Unfillable) => self.say(order.limit.id, OutcomeKind::Unfillable, order.open),
                other => assert_eq!(other, Ok(())),
            }
        }
        self.command += 1;
        done
    }

    fn place_stop(&mut self, order: Order) {
        if self.last.is_some_and(|last| is_touched(&order, last)) {
            self.triggered.push(order);
        } else {
            self.stops.push(order);
        }
    }

    fn enter(&mut self, order: &Limit, is_market: bool) -> Result<(), Reject> {
        let bound = match (is_market, order.side) {
            (false, _) => order.price,
            (true, Side::Buy) => i64::MAX,
            (true, Side::Sell) => i64::MIN,
        };
        let best = self.queue(order.side.opposite()).first().map(|&at| self.book[at].limit.price);
        if order.tif == Tif::PostOnly && best.is_some_and(|best| reaches(order.side, bound, best)) {
            return Err(Reject::WouldTake);
        }
        if order.tif == Tif::Fok {
            // Try it on a copy: it must trade whole, in trades alone.
            let mut copy = SlowBook { book: self.book.clone(), rank: self.rank, ..SlowBook::new(self.rule) };
            let mut trial = *order;
            copy.take(&mut trial, order.size, bound);
            if copy.fills.iter().map(|fill| fill.size).sum::<i64>() != order.size {
                return Err(Reject::Unfillable);
            }
        }
        let mut left = *order;
        let open = self.take(&mut left, order.size, bound);
        if open > 0 && (is_market || order.tif == Tif::Ioc) {
            self.say(order.id, OutcomeKind::Unfilled, open);
        } else if open > 0 {
            let rank = self.next_rank();
            let shown = if order.peak == 0 { open } else { open.min(order.peak) };
            self.book.push(Order { limit: left, open, shown, rank, trigger: None, is_market: false });
        }
        Ok(())
    }

    /// Trades up to `open` lots; returns what may rest. `taker.size` shrinks where self-trade prevention takes off.
    fn take(&mut self, taker: &mut Limit, mut open: i64, bound: i64) -> i64 {
        while open > 0 {
            let Some(&at) = self.queue(taker.side.opposite()).first() else { break };
            let maker = self.book[at].clone();
            if !reaches(taker.side, bound, maker.limit.price) {
                break;
            }
            let lots = open.min(maker.shown);
            if taker.owner != 0 && taker.owner == maker.limit.owner && self.rule != SelfTrade::Allow {
                if matches!(self.rule, SelfTrade::CancelOldest | SelfTrade::CancelBoth) {
                    self.book.remove(at);
                    self.say(maker.limit.id, OutcomeKind::SelfTrade, maker.open);
                }
                match self.rule {
                    SelfTrade::CancelOldest => continue,
                    SelfTrade::CancelNewest | SelfTrade::CancelBoth => {
                        self.say(taker.id, OutcomeKind::SelfTrade, open);
                        return 0;
                    }
                    _ => {}
                }
                self.say(maker.limit.id, OutcomeKind::Decremented, lots);
                self.say(taker.id, OutcomeKind::Decremented, lots);
                self.book[at].limit.size -= lots;
                taker.size -= lots;
            } else {
                let (price, side) = (maker.limit.price, taker.side);
                let (taker, maker) = (taker.id, maker.limit.id);
                self.fills.push(Fill { command: self.command, taker, maker, price, size: lots, side });
                self.traded(price);
            }
            open -= lots;
            self.book[at].open -= lots;
            self.book[at].shown -= lots;
            if self.book[at].open == 0 {
                self.book.remove(at);
            } else if self.book[at].shown == 0 {
                let rank = self.next_rank();
                let order = &mut self.book[at];
                (order.rank, order.shown) = (rank, order.open.min(order.limit.peak));
            }
        }
        open
    }

    fn traded(&mut self, price: i64) {
        self.last = Some(price);
        for side in [Side::Buy, Side::Sell] {
            let (mut hit, rest): (Vec<Order>, Vec<Order>) =
                self.stops.drain(..).partition(|order| order.limit.side == side && is_touched(order, price));
            self.stops = rest;
            hit.sort_by_key(|order| {
                let trigger = order.trigger.unwrap();
                (if side == Side::Buy { trigger } else { -trigger }, order.rank)
            });
            self.triggered.extend(hit);
        }
    }

    pub fn cancel(&mut self, id: u64) -> Result<(), Reject> {
        let before = self.book.len() + self.stops.len();
        self.book.retain(|order| order.limit.id != id);
        self.stops.retain(|order| order.limit.id != id);
        let is_known = self.book.len() + self.stops.len() < before;
        self.finish(if is_known { Ok(()) } else { Err(Reject::UnknownId) })
    }

    pub fn amend(&mut self, id: u64, change: &Change) -> Result<(), Reject> {
        let done = self.change(id, change);
        self.finish(done)
    }

    fn change(&mut self, id: u64, change: &Change) -> Result<(), Reject> {
        let resting = self.book.iter().position(|order| order.limit.id == id);
        let waiting = self.stops.iter().position(|order| order.limit.id == id);
        let order = match (resting, waiting) {
            (Some(at), _) => self.book[at].clone(),
            (_, Some(at)) => self.stops[at].clone(),
            _ => return Err(Reject::UnknownId),
        };
        let (size, filled) = (change.size.unwrap_or(order.limit.size), order.limit.size - order.open);
        if size <= 0 || size > COUNT_MAX {
            return Err(Reject::Size);
        }
        if size <= filled {
            return Err(Reject::BelowFilled);
        }
        if [change.price, change.stop].iter().flatten().any(|price| price.abs() > COUNT_MAX) {
            return Err(Reject::Price);
        }
        if (resting.is_some() && change.stop.is_some()) || (order.is_market && change.price.is_some()) {
            return Err(Reject::NotApplicable);
        }
        let mut new = order.clone();
        (new.limit.size, new.limit.price) = (size, change.price.unwrap_or(order.limit.price));
        new.open = size - filled;
        new.trigger = change.stop.or(order.trigger);
        let keeps = size <= order.limit.size && new.limit.price == order.limit.price && new.trigger == order.trigger;
        if let Some(at) = waiting {
            if keeps {
                self.stops[at] = new;
            } else {
                self.stops.remove(at);
                new.rank = self.next_rank();
                self.place_stop(new);
            }
        } else if let Some(at) = resting {
            if keeps {
                new.shown = new.shown.min(new.open);
                self.book[at] = new;
                return Ok(());
            }
            let best = self.queue(new.limit.side.opposite()).first().map(|&at| self.book[at].limit.price);
            if new.limit.tif == Tif::PostOnly && best.is_some_and(|best| reaches(new.limit.side, new.limit.price, best))
            {
                return Err(Reject::WouldTake);
            }
            self.book.remove(at);
            let bound = new.limit.price;
            new.open = self.take(&mut new.limit, new.open, bound);
            if new.open > 0 {
                new.rank = self.next_rank();
                new.shown = if new.limit.peak == 0 { new.open } else { new.open.min(new.limit.peak) };
                self.book.push(new);
            }
        }
        Ok(())
    }
}
