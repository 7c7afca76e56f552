//! An order at the venue.

use super::position::QueuePosition;
use crate::order::{Order, OrderType, Side, TimeInForce};

/// What an order waits for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Any price.
    Market,
    /// This price or better.
    Limit(i64),
    /// The price to reach this trigger.
    Stop(i64),
    /// The first price, from which to follow.
    Follow,
}

/// Where on a bar's path an order joins: at the open, at a later point, or not at all.
pub(super) const JOINS_NOT: u8 = u8::MAX;

/// An order that the venue holds.
#[derive(Clone, Debug)]
pub(super) struct Working {
    pub(super) order: Order,
    /// When it, or the amendment that took its place, was decided.
    pub(super) decided_ns: i64,
    /// When it, or that amendment, arrived.
    pub(super) arrived_ns: i64,
    pub(super) filled: i64,
    /// When it ends by itself; `i64::MAX` is never.
    pub(super) expiry_ns: i64,
    /// It ends with the day, not with the instrument.
    pub(super) is_day_end: bool,
    /// Best price since acceptance, for trailing stops.
    pub(super) best: Option<i64>,
    pub(super) is_triggered: bool,
    /// Whether the venue's acceptance, or a fill that implies it, has been reported.
    pub(super) is_accepted: bool,
    /// It has met the market and stands: from now on it makes.
    pub(super) has_rested: bool,
    pub(super) is_done: bool,
    /// Where it stands in the queue, while it rests in a book.
    pub(super) queue: QueuePosition,
    /// The same in a book of orders: what has a lower rank stands before it.
    pub(super) rank: u64,
    /// Scratch of the bar being met.
    pub(super) joins_at: u8,
    /// Scratch of the same: whether it waited for a trigger when the path began.
    pub(super) is_stop: bool,
}

impl Working {
    pub(super) fn new(order: Order, arrived_ns: i64) -> Working {
        Working {
            order,
            decided_ns: order.decided_ns,
            arrived_ns,
            filled: 0,
            expiry_ns: i64::MAX,
            is_day_end: false,
            best: None,
            is_triggered: false,
            is_accepted: false,
            has_rested: false,
            is_done: false,
            queue: QueuePosition::default(),
            rank: 0,
            joins_at: JOINS_NOT,
            is_stop: false,
        }
    }

    /// The price at which it rests, if it does.
    #[inline]
    pub(super) fn resting(&self) -> Option<i64> {
        match self.phase() {
            Phase::Limit(limit) if self.has_rested && !self.is_done => Some(limit),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn remaining(&self) -> i64 {
        self.order.lots - self.filled
    }

    /// Whether it may not wait once it has met the market.
    #[inline]
    pub(super) fn is_immediate(&self) -> bool {
        matches!(self.order.tif, TimeInForce::Ioc | TimeInForce::Fok)
    }

    #[inline]
    pub(super) fn phase(&self) -> Phase {
        match self.order.kind {
            OrderType::Market => Phase::Market,
            OrderType::Limit { limit } => Phase::Limit(limit),
            OrderType::StopLimit { limit, .. } if self.is_triggered => Phase::Limit(limit),
            OrderType::Stop { .. } | OrderType::TrailingStop { .. } if self.is_triggered => Phase::Market,
            OrderType::Stop { stop } | OrderType::StopLimit { stop, .. } => Phase::Stop(stop),
            OrderType::TrailingStop { distance } => match (self.best, self.order.side) {
                (None, _) => Phase::Follow,
                (Some(best), Side::Buy) => Phase::Stop(best + distance),
                (Some(best), Side::Sell) => Phase::Stop(best - distance),
            },
        }
    }

    /// Whether a limit is met by this price, touching included.
    #[inline]
    pub(super) fn within(&self, limit: i64, price: i64) -> bool {
        match self.order.side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        }
    }

    /// Whether a trigger is reached by this price.
    #[inline]
    pub(super) fn reaches(&self, stop: i64, price: i64) -> bool {
        match self.order.side {
            Side::Buy => price >= stop,
            Side::Sell => price <= stop,
        }
    }

    /// Triggers a stop that this price reaches: it has yet to meet the market as what it becomes.
    #[inline]
    pub(super) fn trigger(&mut self, price: i64) {
        if let Phase::Stop(stop) = self.phase()
            && self.reaches(stop, price)
        {
            (self.is_triggered, self.has_rested) = (true, false);
        }
    }

    /// Whether the price has gone far enough to fill a resting limit: through it, or to it if touching suffices.
    #[inline]
    pub(super) fn trades_through(&self, limit: i64, price: i64, touch_fills: bool) -> bool {
        self.within(limit, price) && (touch_fills || price != limit)
    }

    /// Lets a trailing stop follow a price.
    #[inline]
    pub(super) fn follow(&mut self, price: i64) {
        if !matches!(self.order.kind, OrderType::TrailingStop { .. }) || self.is_triggered {
            return;
        }
        self.best = Some(match (self.best, self.order.side) {
            (None, _) => price,
            (Some(best), Side::Buy) => best.min(price),
            (Some(best), Side::Sell) => best.max(price),
        });
    }
}
