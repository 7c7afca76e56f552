//! Orders and the one state machine that every engine uses.

use crate::instrument::SymbolId;
use crate::num::Cash;

pub use crate::reason::Reason;

/// Index of an order in the kernel's order table; the client order id is made from it at the edge.
pub type OrderId = u32;
/// Index of a policy.
pub type PolicyId = u16;

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    /// Adds to the position.
    Buy = 0,
    /// Takes from it.
    Sell = 1,
}

impl Side {
    /// +1 for a buy, −1 for a sell.
    #[inline]
    pub fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    /// The other side.
    #[inline]
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// The side that a signed size trades.
    #[inline]
    pub fn of(lots: i64) -> Side {
        if lots < 0 { Side::Sell } else { Side::Buy }
    }
}

/// What starts an order and bounds its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderType {
    /// Any price, now.
    Market,
    /// `limit` or better.
    Limit {
        /// Price bound, in price units.
        limit: i64,
    },
    /// A market order once the price touches `stop`.
    Stop {
        /// Trigger, in price units.
        stop: i64,
    },
    /// A limit order once the price touches `stop`.
    StopLimit {
        /// Trigger.
        stop: i64,
        /// Price bound afterwards.
        limit: i64,
    },
    /// A stop that follows the best price since acceptance at a distance.
    TrailingStop {
        /// Distance, in price units.
        distance: i64,
    },
}

impl OrderType {
    /// The price bound, if there is one.
    #[inline]
    pub fn limit(self) -> Option<i64> {
        match self {
            OrderType::Limit { limit } | OrderType::StopLimit { limit, .. } => Some(limit),
            _ => None,
        }
    }
}

/// How long an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until cancelled.
    Gtc = 0,
    /// What can fill at once; the rest is cancelled.
    Ioc = 1,
    /// All at once or nothing.
    Fok = 2,
    /// Until the session's close, early closes included.
    Day = 3,
}

/// What an order asks of the venue. Immutable but by an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its index.
    pub id: OrderId,
    /// Whose it is.
    pub policy: PolicyId,
    /// The instrument.
    pub symbol: SymbolId,
    /// Buy or sell.
    pub side: Side,
    /// Size in lots, positive.
    pub lots: i64,
    /// Market, limit, stop …
    pub kind: OrderType,
    /// How long it stands.
    pub tif: TimeInForce,
    /// Refused rather than take.
    pub post_only: bool,
    /// Never opens or turns a position; the venue shrinks or cancels it.
    pub reduce_only: bool,
    /// When it was decided, ns since the epoch.
    pub decided_ns: i64,
}

/// Where an order stands, on evidence of the venue alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrderStatus {
    /// Sent; nothing heard yet.
    Pending = 0,
    /// The venue has it.
    Accepted = 1,
    /// Some of it traded.
    PartiallyFilled = 2,
    /// All of it traded.
    Filled = 3,
    /// Ended by a cancellation.
    Cancelled = 4,
    /// Ended by its time in force.
    Expired = 5,
    /// The venue said no.
    Rejected = 6,
    /// Nobody has evidence of its outcome; counted at its worst against every limit.
    Unknown = 7,
    /// Our own gate said no; it was never sent.
    Refused = 8,
}

impl OrderStatus {
    /// Whether it can still trade.
    #[inline]
    pub fn is_open(self) -> bool {
        matches!(
            self,
            OrderStatus::Pending | OrderStatus::Accepted | OrderStatus::PartiallyFilled | OrderStatus::Unknown
        )
    }
}

/// Who rested and who took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Liquidity {
    /// Our order rested.
    Maker = 0,
    /// Our order took.
    Taker = 1,
}

/// One execution of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The venue's id, for deduplication.
    pub fill_id: u64,
    /// Price, in price units.
    pub price: i64,
    /// Size in lots, positive.
    pub lots: i64,
    /// Fee in the instrument's currency; negative is a rebate.
    pub fee: Cash,
    /// Rested or took.
    pub liquidity: Liquidity,
}

/// What the venue says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// It has the order.
    Accepted,
    /// It does not take it.
    Rejected(Reason),
    /// Some of it traded.
    Filled(Fill),
    /// A fill was undone.
    FillReversed {
        /// Which.
        fill_id: u64,
    },
    /// The order ended by cancellation.
    Cancelled(Reason),
    /// The order ended by its time in force.
    Expired(Reason),
    /// The cancellation came too late or made no sense.
    CancelRejected,
    /// The order now has this price and total size.
    Amended {
        /// New limit.
        limit: i64,
        /// New total size.
        lots: i64,
    },
    /// The amendment was not taken; the order stands as it was.
    AmendRejected,
    /// A request got no answer, or one without evidence.
    Unknown,
}

/// One execution report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which order.
    pub order: OrderId,
    /// When it happened at the venue.
    pub ts_event_ns: i64,
    /// When we learn of it.
    pub ts_recv_ns: i64,
    /// What happened.
    pub kind: ReportKind,
}

/// What is on its way to the venue about an order that already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// Nothing.
    None,
    /// A cancellation.
    Cancel,
    /// An amendment to this price and total size.
    Amend {
        /// New limit.
        limit: i64,
        /// New total size.
        lots: i64,
    },
}

/// Which intent made an order; a target touches only orders of its own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// `TargetPosition`.
    Position = 0,
    /// `TargetQuotes`.
    Quotes = 1,
    /// `Submit`.
    Submit = 2,
    /// The simulator's margin call.
    Liquidation = 3,
}

/// An order and all that is known of it.
#[derive(Clone, Debug)]
pub struct OrderState {
    /// What was asked; an acknowledged amendment changes its price and size.
    pub order: Order,
    /// Size as decided, before any amendment.
    pub decided_lots: i64,
    /// Limit as decided, before any amendment.
    pub decided_limit: Option<i64>,
    /// Size it was first made for: targets compare with this.
    pub made_for_lots: i64,
    /// Where it stands.
    pub status: OrderStatus,
    /// A request about it that is under way.
    pub in_flight: InFlight,
    /// Lots traded so far.
    pub filled_lots: i64,
    /// Sum of price × lots of its fills, in price units.
    pub filled_price_lots: i128,
    /// Fees so far.
    pub fees: Cash,
    /// Why it ended, or why its last request was refused.
    pub reason: Reason,
    /// Why the pending cancellation was asked for; the reason once it is done.
    pub cancel_reason: Reason,
    /// A fill arrived after a terminal state, or more than the order's size: booked, and flagged here.
    pub irregular: bool,
    /// Which intent made it.
    pub origin: Origin,
    /// When it last changed.
    pub updated_ns: i64,
}

/// What applying a report did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The order changed; nothing to book.
    Changed,
    /// The report was a duplicate or stale: nothing changed.
    Ignored,
    /// A fill to book.
    Fill(Fill),
}

impl OrderState {
    /// A new order, sent or about to be.
    pub fn new(order: Order, origin: Origin) -> OrderState {
        OrderState {
            order,
            decided_lots: order.lots,
            decided_limit: order.kind.limit(),
            made_for_lots: order.lots,
            status: OrderStatus::Pending,
            in_flight: InFlight::None,
            filled_lots: 0,
            filled_price_lots: 0,
            fees: 0,
            reason: Reason::None,
            cancel_reason: Reason::None,
            irregular: false,
            origin,
            updated_ns: order.decided_ns,
        }
    }

    /// Lots that may still trade.
    #[inline]
    pub fn open_lots(&self) -> i64 {
        if self.status.is_open() { (self.order.lots - self.filled_lots).max(0) } else { 0 }
    }

    /// Applies the venue's evidence. Fill ids are deduplicated by the caller, which sees all orders' fills.
    ///
    /// `Unknown` may go to any state; a terminal state yields only to a fill (booked and flagged).
    pub fn apply(&mut self, report: &Report) -> Applied {
        let terminal = !self.status.is_open();
        // What is said of an order that has ended changes nothing, unless it trades after all.
        if !terminal || matches!(report.kind, ReportKind::Filled(_)) {
            self.updated_ns = report.ts_recv_ns;
        }
        match report.kind {
            ReportKind::Filled(fill) => {
                self.filled_lots += fill.lots;
                self.filled_price_lots += fill.price as i128 * fill.lots as i128;
                self.fees += fill.fee;
                if terminal || self.filled_lots > self.order.lots {
                    self.irregular = true;
                }
                if self.filled_lots >= self.order.lots {
                    self.status = OrderStatus::Filled;
                    self.in_flight = InFlight::None;
                    self.reason = Reason::None;
                } else if !terminal {
                    self.status = OrderStatus::PartiallyFilled;
                }
                Applied::Fill(fill)
            }
            _ if terminal => Applied::Ignored,
            ReportKind::Accepted => {
                if self.status == OrderStatus::Pending || self.status == OrderStatus::Unknown {
                    self.status =
                        if self.filled_lots > 0 { OrderStatus::PartiallyFilled } else { OrderStatus::Accepted };
                    Applied::Changed
                } else {
                    Applied::Ignored
                }
            }
            ReportKind::Rejected(reason) => self.end(OrderStatus::Rejected, reason),
            ReportKind::Cancelled(reason) => {
                let reason = if reason == Reason::None { self.cancel_reason } else { reason };
                self.end(OrderStatus::Cancelled, reason)
            }
            ReportKind::Expired(reason) => self.end(OrderStatus::Expired, reason),
            ReportKind::CancelRejected | ReportKind::AmendRejected => {
                self.in_flight = InFlight::None;
                Applied::Changed
            }
            ReportKind::Amended { limit, lots } => {
                match &mut self.order.kind {
                    OrderType::Limit { limit: current } | OrderType::StopLimit { limit: current, .. } => {
                        *current = limit;
                    }
                    _ => {}
                }
                self.order.lots = lots;
                self.made_for_lots = lots;
                self.in_flight = InFlight::None;
                if self.filled_lots >= lots {
                    return self.end(OrderStatus::Filled, Reason::None);
                }
                Applied::Changed
            }
            ReportKind::Unknown => {
                self.status = OrderStatus::Unknown;
                Applied::Changed
            }
            // The ledger reverses it; the order's own count follows there.
            ReportKind::FillReversed { .. } => Applied::Changed,
        }
    }

    fn end(&mut self, status: OrderStatus, reason: Reason) -> Applied {
        self.status = status;
        self.reason = reason;
        self.in_flight = InFlight::None;
        Applied::Changed
    }
}
