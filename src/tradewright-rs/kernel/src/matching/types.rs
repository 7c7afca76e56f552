//! What goes in and what comes out: requests, reject reasons, fills, outcomes, deltas.

use crate::order::Side;

/// Largest absolute price, in ticks, and largest size, in lots: what a float still counts exactly.
pub const COUNT_MAX: i64 = 1 << 53;

/// What becomes of the part of a limit order that does not trade at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Tif {
    /// It rests until it is cancelled.
    #[default]
    Gtc = 0,
    /// It is cancelled.
    Ioc = 1,
    /// There is none: all trades at once, or nothing does.
    Fok = 2,
    /// All of it rests; an order that would take is refused.
    PostOnly = 3,
}

/// What happens when an order meets one of the same owner. Who owns 0 is nobody, and meets himself freely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum SelfTrade {
    /// They trade.
    #[default]
    Allow = 0,
    /// The incoming order's remainder is cancelled.
    CancelNewest = 1,
    /// The resting order is cancelled, its reserve too; the incoming one goes on.
    CancelOldest = 2,
    /// Both are cancelled.
    CancelBoth = 3,
    /// What would have traded is taken off both.
    Decrement = 4,
}

/// Why a request changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reject {
    /// A live order has this id.
    DuplicateId = 1,
    /// No live order has this id.
    UnknownId = 2,
    /// Size not above zero, or above [`COUNT_MAX`].
    Size = 3,
    /// Price beyond ±[`COUNT_MAX`].
    Price = 4,
    /// Negative peak, or a peak on an order that never rests.
    Peak = 5,
    /// A post-only order would take.
    WouldTake = 6,
    /// A fill-or-kill order cannot fill whole.
    Unfillable = 7,
    /// The new size is not above what has traded.
    BelowFilled = 8,
    /// A stop price for a resting order, or a limit price for a stop without one.
    NotApplicable = 9,
    /// No room: 2³² − 1 orders, or more than 2⁶³ − 1 lots at one price.
    Full = 10,
    /// A code, an id or an owner that stands for nothing.
    Malformed = 11,
}

/// A limit order.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Its id, unlike that of every live order.
    pub id: u64,
    /// Buy or sell.
    pub side: Side,
    /// Price bound, in ticks.
    pub price: i64,
    /// Size, in lots.
    pub size: i64,
    /// Whose it is, for self-trade prevention; 0 for nobody.
    pub owner: u32,
    /// What becomes of the rest.
    pub tif: Tif,
    /// Lots shown at a time; 0 shows all.
    pub peak: i64,
}

/// A market order: what finds no other side is cancelled.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    /// Its id, unlike that of every live order.
    pub id: u64,
    /// Buy or sell.
    pub side: Side,
    /// Size, in lots.
    pub size: i64,
    /// Whose it is, for self-trade prevention; 0 for nobody.
    pub owner: u32,
}

/// What changes of an order; `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Limit price, in ticks.
    pub price: Option<i64>,
    /// Total size, what has traded included, in lots.
    pub size: Option<i64>,
    /// Trigger of a waiting stop, in ticks.
    pub stop: Option<i64>,
}

/// A trade, at the maker's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Number of the command in which it happened, from 0.
    pub command: u64,
    /// The order that came in.
    pub taker: u64,
    /// The order that rested.
    pub maker: u64,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub size: i64,
    /// Side of the taker.
    pub side: Side,
}

/// What happened to an order beside trades and its own commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Number of the command in which it happened, from 0.
    pub command: u64,
    /// The order.
    pub id: u64,
    /// What.
    pub kind: OutcomeKind,
    /// How many of its open lots it concerns.
    pub lots: i64,
}

/// The kinds of [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OutcomeKind {
    /// A stop was triggered, and enters.
    Triggered = 0,
    /// The remainder of a market or immediate-or-cancel order was cancelled.
    Unfilled = 1,
    /// Cancelled by self-trade prevention.
    SelfTrade = 2,
    /// Reduced by self-trade prevention; it ends if nothing is left.
    Decremented = 3,
    /// A triggered post-only stop-limit order would have taken, and ended.
    WouldTake = 4,
    /// A triggered fill-or-kill stop-limit order could not fill whole, and ended.
    Unfillable = 5,
    /// The remainder found no room in the book, and was cancelled.
    Full = 6,
}

/// A price level changed: what it shows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelDelta {
    /// Number of the command.
    pub command: u64,
    /// Side of the book.
    pub side: Side,
    /// In ticks.
    pub price: i64,
    /// Displayed lots; 0 where the level is gone.
    pub size: i64,
    /// Orders in it.
    pub orders: u32,
}

/// What a displayed order did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderAction {
    /// It stands at the back of its level.
    Add = 0,
    /// It shows another size, at its place.
    Change = 1,
    /// It is gone; the size is 0.
    Remove = 2,
}

/// A displayed order changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderDelta {
    /// Number of the command.
    pub command: u64,
    /// What it did.
    pub action: OrderAction,
    /// The order.
    pub id: u64,
    /// Side of the book.
    pub side: Side,
    /// In ticks.
    pub price: i64,
    /// Displayed lots from now on.
    pub size: i64,
}

/// Where the engine writes what happens, in the order in which it happens.
pub trait Sink {
    /// A trade.
    fn fill(&mut self, fill: Fill);
    /// Something else that happened to an order.
    fn outcome(&mut self, outcome: Outcome);
    /// Whether [`Sink::level`] and [`Sink::order`] are wanted.
    #[inline]
    fn wants_deltas(&self) -> bool {
        false
    }
    /// A level changed: once for each pass over it.
    #[inline]
    fn level(&mut self, _delta: LevelDelta) {}
    /// A displayed order changed.
    #[inline]
    fn order(&mut self, _delta: OrderDelta) {}
}

/// Everything that happened, kept until it is cleared.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Trades.
    pub fills: Vec<Fill>,
    /// What else happened.
    pub outcomes: Vec<Outcome>,
    /// Level changes, if they are wanted.
    pub levels: Vec<LevelDelta>,
    /// Changes of displayed orders, if they are wanted.
    pub orders: Vec<OrderDelta>,
    /// Whether changes are wanted.
    pub deltas: bool,
}

impl Sink for Record {
    #[inline]
    fn fill(&mut self, fill: Fill) {
        self.fills.push(fill);
    }
    #[inline]
    fn outcome(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }
    #[inline]
    fn wants_deltas(&self) -> bool {
        self.deltas
    }
    #[inline]
    fn level(&mut self, delta: LevelDelta) {
        self.levels.push(delta);
    }
    #[inline]
    fn order(&mut self, delta: OrderDelta) {
        self.orders.push(delta);
    }
}
