//! Reasons: the closed enumeration of why an intent or an order ended as it did.

/// Why an intent or an order ended as it did: the closed enumeration that `why` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Nothing to say: it filled, or it still stands.
    None = 0,
    /// The policy withdrew or replaced it.
    PolicyCancelled,
    /// A new target made it wrong.
    Replaced,
    /// The rest of an immediate-or-cancel order.
    IocRemainder,
    /// A fill-or-kill order could not fill whole.
    FokUnfilled,
    /// The session ended on a day order.
    DayEnded,
    /// The data or the run ended.
    RunEnded,
    /// The instrument expired, closed or settled.
    InstrumentEnded,
    /// The instrument was not trading.
    MarketClosed,
    /// A post-only order would have taken.
    PostOnlyWouldTake,
    /// A reduce-only order had nothing left to reduce.
    NothingToReduce,
    /// No price to trade at: nothing recorded yet, or the side is empty.
    NoPrice,
    /// Not enough buying power.
    BuyingPower,
    /// A cash account may not sell what it does not hold.
    ShortNotAllowed,
    /// The price is off the tick grid.
    OffGrid,
    /// The price is outside the instrument's bounds.
    OutOfBounds,
    /// The size is not positive or not a whole number of lots.
    BadSize,
    /// Order size limit.
    OrderSizeMax,
    /// Order value limit.
    OrderValueMax,
    /// Position limit.
    PositionMax,
    /// Gross exposure limit.
    GrossMax,
    /// Net exposure limit.
    NetMax,
    /// Loss of the day.
    LossPerDayMax,
    /// Loss of the week.
    LossPerWeekMax,
    /// Drawdown from the peak.
    DrawdownMax,
    /// Price too far from the last one.
    PriceCollar,
    /// Too many orders in the window.
    OrderRateMax,
    /// Could have traded with our own resting order.
    SelfTrade,
    /// A limit could not be evaluated: a value it needs is missing.
    Unevaluable,
    /// A user's risk manager refused.
    Custom,
    /// Trading is halted.
    Halted,
    /// An unknown order blocks its side.
    UnknownBlocks,
    /// The simulator liquidated the account below maintenance margin.
    Liquidation,
    /// The venue refused for a reason of its own; see the text.
    Venue,
    /// Worst-case loss over the outcomes of an event.
    EventGroupLossMax,
    /// Type, time in force and flags of the order contradict each other.
    Contradiction,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Reason; 36] = [
        Reason::None,
        Reason::PolicyCancelled,
        Reason::Replaced,
        Reason::IocRemainder,
        Reason::FokUnfilled,
        Reason::DayEnded,
        Reason::RunEnded,
        Reason::InstrumentEnded,
        Reason::MarketClosed,
        Reason::PostOnlyWouldTake,
        Reason::NothingToReduce,
        Reason::NoPrice,
        Reason::BuyingPower,
        Reason::ShortNotAllowed,
        Reason::OffGrid,
        Reason::OutOfBounds,
        Reason::BadSize,
        Reason::OrderSizeMax,
        Reason::OrderValueMax,
        Reason::PositionMax,
        Reason::GrossMax,
        Reason::NetMax,
        Reason::LossPerDayMax,
        Reason::LossPerWeekMax,
        Reason::DrawdownMax,
        Reason::PriceCollar,
        Reason::OrderRateMax,
        Reason::SelfTrade,
        Reason::Unevaluable,
        Reason::Custom,
        Reason::Halted,
        Reason::UnknownBlocks,
        Reason::Liquidation,
        Reason::Venue,
        Reason::EventGroupLossMax,
        Reason::Contradiction,
    ];

    /// The name users see: `price_collar`.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 36] = [
            "",
            "policy_cancelled",
            "replaced",
            "ioc_remainder",
            "fok_unfilled",
            "day_ended",
            "run_ended",
            "instrument_ended",
            "market_closed",
            "post_only_would_take",
            "nothing_to_reduce",
            "no_price",
            "buying_power",
            "short_not_allowed",
            "off_grid",
            "out_of_bounds",
            "bad_size",
            "order_size_max",
            "order_value_max",
            "position_max",
            "gross_max",
            "net_max",
            "loss_per_day_max",
            "loss_per_week_max",
            "drawdown_max",
            "price_collar",
            "order_rate_max",
            "self_trade",
            "unevaluable",
            "custom",
            "halted",
            "unknown_blocks",
            "liquidation",
            "venue",
            "event_group_loss_max",
            "contradiction",
        ];
        NAMES[self as usize]
    }
}
