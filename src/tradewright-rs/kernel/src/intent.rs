//! What a policy wants to be true, and the commands that make it so.

use crate::gate::{Approved, ApprovedAmend};
use crate::instrument::SymbolId;
use crate::order::{OrderId, OrderType, Side, TimeInForce};

/// How a quote that is no longer wanted gives way to the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Replace {
    /// The new order leaves in the same step as the cancellation: both may rest for a moment.
    #[default]
    Overlap = 0,
    /// The new order waits until the venue has confirmed the cancellation.
    Wait = 1,
    /// The order is amended to its new price and size.
    Amend = 2,
}

/// One side of a wanted pair of quotes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuoteSide {
    /// Price as the user wrote it.
    pub price: f64,
    /// Size as the user wrote it; 0 shows nothing.
    pub size: f64,
}

/// What a policy asks for, as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intent {
    /// Hold this much.
    TargetPosition {
        /// Instrument.
        symbol: SymbolId,
        /// Signed size.
        size: f64,
        /// Price bound; none sends market orders.
        limit: Option<f64>,
        /// Rest at the own side of the quote instead of taking.
        passive: bool,
    },
    /// Show these quotes.
    TargetQuotes {
        /// Instrument.
        symbol: SymbolId,
        /// Wanted bid.
        bid: Option<QuoteSide>,
        /// Wanted ask.
        ask: Option<QuoteSide>,
        /// How to replace a wrong one.
        replace: Replace,
    },
    /// Send this order.
    Submit {
        /// Instrument.
        symbol: SymbolId,
        /// Side.
        side: Side,
        /// Size, positive.
        size: f64,
        /// Prices as written: limit, stop or trailing distance.
        request: RequestType,
        /// Time in force.
        tif: TimeInForce,
        /// Refused rather than take.
        post_only: bool,
        /// Never opens or turns a position.
        reduce_only: bool,
    },
    /// Cancel one order.
    Cancel {
        /// Which.
        order: OrderId,
    },
    /// Change price or total size of one order.
    Amend {
        /// Which.
        order: OrderId,
        /// New total size.
        size: Option<f64>,
        /// New limit.
        limit: Option<f64>,
    },
    /// Withdraw every order and target, of one symbol or all.
    CancelAll {
        /// Instrument, or all.
        symbol: Option<SymbolId>,
    },
}

/// An order type with prices as the user wrote them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RequestType {
    /// Market order.
    Market,
    /// Limit order.
    Limit {
        /// Price bound.
        limit: f64,
    },
    /// Stop order.
    Stop {
        /// Trigger.
        stop: f64,
    },
    /// Stop-limit order.
    StopLimit {
        /// Trigger.
        stop: f64,
        /// Price bound.
        limit: f64,
    },
    /// Trailing stop.
    TrailingStop {
        /// Distance from the best price.
        distance: f64,
    },
}

impl RequestType {
    /// The same with prices in price units; the offending price if one does not fit.
    pub fn in_ticks(self, count: impl Fn(f64) -> Option<i64>) -> Result<OrderType, f64> {
        let ticks = |price: f64| count(price).ok_or(price);
        Ok(match self {
            RequestType::Market => OrderType::Market,
            RequestType::Limit { limit } => OrderType::Limit { limit: ticks(limit)? },
            RequestType::Stop { stop } => OrderType::Stop { stop: ticks(stop)? },
            RequestType::StopLimit { stop, limit } => OrderType::StopLimit { stop: ticks(stop)?, limit: ticks(limit)? },
            RequestType::TrailingStop { distance } => OrderType::TrailingStop { distance: ticks(distance)? },
        })
    }
}

/// What goes to the execution engine.
#[derive(Debug)]
pub enum Command {
    /// Send an order.
    Submit(Approved),
    /// Change an order.
    Amend(ApprovedAmend),
    /// Cancel an order.
    Cancel(OrderId),
}
