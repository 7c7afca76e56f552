//! Orders against a recorded book of price levels.
//!
//! A resting order fills at its price when the other side comes to it or a print goes beyond it, and at its price when
//! more has been printed there than stood before it; where it stands is the queue model's estimate. A taker walks the
//! displayed levels, and what it took of one is gone until the venue shows the level anew. Our orders do not move the
//! recorded market: `docs/assumptions.md` says what that leaves out.

use super::matcher::Matcher;
use super::outbox::NO_MID;
use super::position::QueuePosition;
use super::working::Phase;
use crate::book::{Action, Book, BookEvent, L2, LAST, PriceLevel, WINDOW, side_key};
use crate::event::BookRow;
use crate::instrument::SymbolId;
use crate::market::Market;
use crate::order::{Liquidity, Reason, Side, TimeInForce};

/// What the venue knows of one instrument's book.
#[derive(Clone, Debug)]
pub(super) struct DeskBook {
    /// The levels by the venue's own clock, which the policy's may trail; `None` where both are one and the market has
    /// them.
    pub(super) own: Option<L2>,
    pub(super) taken: TakenLots,
}

/// What we took of levels that have not been shown anew: side, price, lots.
#[derive(Clone, Debug, Default)]
pub(super) struct TakenLots(Vec<(Side, i64, i64)>);

/// Twice the mid of a book; [`NO_MID`] while a side is empty.
#[inline]
pub(super) fn mid_x2(book: &impl Book) -> i64 {
    match (book.best(Side::Buy), book.best(Side::Sell)) {
        (Some(bid), Some(ask)) => bid.price + ask.price,
        _ => NO_MID,
    }
}

impl DeskBook {
    pub(super) fn new(is_shared: bool) -> DeskBook {
        DeskBook { own: (!is_shared).then(|| L2::new(WINDOW)), taken: TakenLots::default() }
    }

    /// The levels, which are the market's where the venue has none of its own.
    #[inline]
    pub(super) fn levels<'a>(&'a self, market: &'a Market, symbol: SymbolId) -> Option<&'a L2> {
        self.own.as_ref().or_else(|| market.book(symbol))
    }
}

impl TakenLots {
    /// Whether events can pass without a look at each.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn at(&self, side: Side, price: i64) -> i64 {
        let taken = |&(other, at, lots): &(Side, i64, i64)| if (other, at) == (side, price) { lots } else { 0 };
        self.0.iter().map(taken).sum()
    }

    fn forget(&mut self, event: &BookEvent) {
        match (event.action, event.side) {
            (Action::Set | Action::Change, Some(side)) => {
                self.0.retain(|&(other, price, _)| (other, price) != (side, event.price));
            }
            (Action::Clear, Some(side)) => self.0.retain(|&(other, ..)| other != side),
            (Action::Clear | Action::SnapshotStart, _) => self.0.clear(),
            _ => {}
        }
    }
}

impl Matcher<'_> {
    /// Meets all events of one time. `trades` says that the market is open.
    pub(super) fn meet_book(&mut self, rows: &[BookRow], levels: &mut L2, taken: &mut TakenLots, trades: bool) {
        if !taken.is_empty() {
            rows.iter().for_each(|row| taken.forget(&row.event));
        }
        let reach = self.reach();
        let mut left = rows;
        // Nearly all rows are of levels beyond the reach of our orders.
        while let Some((row, behind)) = left[levels.set_all(left, reach)..].split_first() {
            left = behind;
            let BookRow { event, ts_event_ns, .. } = row;
            if !self.concerns(event, reach, trades) {
                levels.apply(event);
                continue;
            }
            let level = event.side.filter(|_| event.action != Action::Trade);
            let before = level.map_or(0, |side| levels.lots_at(side, event.price));
            levels.apply(event);
            if let Some(side) = level {
                let after = levels.lots_at(side, event.price);
                self.on_level(side, event.price, before, after, *ts_event_ns, trades);
            } else {
                self.on_print(event.side, event.price, event.lots, *ts_event_ns);
            }
        }
        if let Some(last) = rows.last().filter(|row| trades && row.event.flags & LAST != 0) {
            for index in 0..self.orders.len() {
                if self.orders[index].resting().is_none() {
                    self.meet_depth(index, last.ts_event_ns, levels, taken);
                }
            }
        }
    }

    /// By side, the worst key at which a level can touch an order of ours: one look, before one at each order.
    fn reach(&self) -> [i64; 2] {
        let worst =
            |side| self.orders.iter().filter_map(|working| Some(side_key(side, working.order.kind.limit()?))).max();
        [Side::Buy, Side::Sell].map(|side| worst(side).unwrap_or(i64::MIN))
    }

    /// Whether orders of ours have to see an event: a level that may touch one, or a print.
    #[inline]
    fn concerns(&self, event: &BookEvent, reach: [i64; 2], trades: bool) -> bool {
        match (event.action, event.side) {
            (Action::Set | Action::Change, Some(side)) => {
                side_key(side, event.price) <= reach[side as usize] && self.is_touched(side, event.price)
            }
            (action, _) => action == Action::Trade && trades,
        }
    }

    /// Whether a level of a side is that of an order of ours, or reaches one on the other side.
    #[inline]
    fn is_touched(&self, side: Side, price: i64) -> bool {
        self.orders.iter().any(|working| match working.order.kind.limit() {
            Some(limit) if working.order.side == side => limit == price,
            Some(limit) => working.within(limit, price),
            None => false,
        })
    }

    /// A level changed: our orders in it may move up, and those on the other side that it reaches fill.
    fn on_level(&mut self, side: Side, price: i64, before: i64, after: i64, event_ns: i64, trades: bool) {
        for index in 0..self.orders.len() {
            let working = &mut self.orders[index];
            let Some(limit) = working.resting() else { continue };
            if working.order.side == side {
                if limit == price {
                    working.queue.on_level(&self.config.fills.queue, before, after);
                }
            } else if trades && after > 0 && working.within(limit, price) {
                let ahead = working.queue.ahead();
                let lots = self.wanted(index);
                self.make(index, limit, event_ns, lots, ahead);
            }
        }
    }

    /// A print: it takes what stands before our orders at its price, and all of those that it goes beyond.
    fn on_print(&mut self, aggressor: Option<Side>, price: i64, lots: i64, event_ns: i64) {
        let mut left = lots; // Two of our orders do not share a lot.
        for index in 0..self.orders.len() {
            let working = &mut self.orders[index];
            let Some(limit) = working.resting() else { continue };
            if aggressor.is_some_and(|aggressor| aggressor == working.order.side) || !working.within(limit, price) {
                continue;
            }
            let ahead = working.queue.ahead();
            let wanted = self.wanted(index);
            if limit != price {
                self.make(index, limit, event_ns, wanted, ahead);
                continue;
            }
            let working = &mut self.orders[index];
            working.queue.on_print(lots);
            let executable = working.queue.take_executable();
            if executable > 0 {
                let lots = if self.config.fills.partial { executable.min(left).min(wanted) } else { wanted };
                left = (left - lots).max(0);
                self.make(index, limit, event_ns, lots, ahead);
            }
        }
    }

    /// Lots that an order still wants; a reduce-only one no more than there is to reduce.
    pub(super) fn wanted(&self, index: usize) -> i64 {
        let working = &self.orders[index];
        let wanted = working.remaining();
        if working.order.reduce_only { wanted.min(-working.order.side.sign() * *self.position) } else { wanted }
    }

    /// Fills a resting order at its price; `ahead` lots stood before it.
    pub(super) fn make(&mut self, index: usize, limit: i64, event_ns: i64, lots: i64, ahead: f64) {
        if lots <= 0 {
            if self.orders[index].order.reduce_only && self.wanted(index) <= 0 {
                self.refuse(index, event_ns, Reason::NothingToReduce);
            }
            return;
        }
        let before = *self.position;
        self.note.ahead_lots = ahead.max(0.0);
        self.book_fill(index, limit, event_ns, Liquidity::Maker, lots);
        self.note.ahead_lots = f64::NAN;
        self.cancel_reducers(before, event_ns);
    }

    /// Meets the displayed depth with an order that does not rest yet: it triggers, takes, and what may wait rests.
    pub(super) fn meet_depth(&mut self, index: usize, event_ns: i64, levels: &L2, taken: &mut TakenLots) {
        let working = &mut self.orders[index];
        if working.is_done {
            return;
        }
        let other = working.order.side.opposite();
        let Some(best) = levels.best(other) else {
            self.meet_nothing(index, event_ns);
            self.orders[index].queue = self.back_of(index, levels);
            return;
        };
        working.trigger(best.price);
        match working.phase() {
            Phase::Stop(_) | Phase::Follow => working.follow(best.price),
            Phase::Limit(limit) if working.within(limit, best.price) && working.order.post_only => {
                self.refuse(index, event_ns, Reason::PostOnlyWouldTake);
            }
            Phase::Limit(limit) => self.take(index, Some(limit), event_ns, levels, taken),
            Phase::Market => self.take(index, None, event_ns, levels, taken),
        }
        self.accept(index, event_ns);
        let is_limit = matches!(self.orders[index].phase(), Phase::Limit(_));
        self.orders[index].has_rested = is_limit;
        if is_limit {
            self.orders[index].queue = self.back_of(index, levels);
        }
    }

    /// Behind what rests at the order's price now.
    fn back_of(&self, index: usize, levels: &L2) -> QueuePosition {
        let working = &self.orders[index];
        match working.phase() {
            Phase::Limit(limit) => QueuePosition::behind(levels.lots_at(working.order.side, limit)),
            _ => QueuePosition::default(),
        }
    }

    /// Walks the displayed levels, as far as limit, size and what was taken before allow.
    fn take(&mut self, index: usize, limit: Option<i64>, event_ns: i64, levels: &L2, taken: &mut TakenLots) {
        let other = self.orders[index].order.side.opposite();
        let (wanted, before) = (self.wanted(index), *self.position);
        if wanted <= 0 {
            return self.refuse(index, event_ns, Reason::NothingToReduce);
        }
        let share = self.config.fills.participation_max.unwrap_or(1.0);
        let mut parts: Vec<PriceLevel> = Vec::new();
        let mut left = wanted;
        for level in levels.levels(other) {
            if left == 0 || limit.is_some_and(|limit| !self.orders[index].within(limit, level.price)) {
                break;
            }
            let shown =
                if self.config.fills.displayed_size_caps { (level.lots as f64 * share) as i64 } else { i64::MAX };
            let lots = shown.saturating_sub(taken.at(other, level.price)).clamp(0, left);
            if lots > 0 {
                parts.push(PriceLevel { price: level.price, lots });
                left -= lots;
            }
        }
        if self.orders[index].order.tif == TimeInForce::Fok && left > 0 {
            return self.end_immediate(index, event_ns);
        }
        for part in parts {
            self.book_fill(index, part.price, event_ns, Liquidity::Taker, part.lots);
            if self.config.fills.displayed_size_caps {
                taken.0.push((other, part.price, part.lots));
            }
        }
        self.end_immediate(index, event_ns);
        self.cancel_reducers(before, event_ns);
    }
}
