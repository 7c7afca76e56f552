//! What to do about each reason.

use crate::order::Reason;

/// One sentence that says what would help.
pub fn remedy(reason: Reason) -> &'static str {
    match reason {
        Reason::None => "",
        Reason::PolicyCancelled => "the policy withdrew it; see its intents at that time",
        Reason::Replaced => "a new target took its place; keep the target unchanged to keep the order",
        Reason::IocRemainder => "send a resting order (tif gtc or day) to leave the rest in the book",
        Reason::FokUnfilled => "ask for less, or use ioc to take what there is",
        Reason::DayEnded => "use tif gtc to keep the order beyond the session",
        Reason::RunEnded => "the run ended before it did; extend the data or cancel earlier",
        Reason::InstrumentEnded => "trade an instrument that is not closed, resolved or expired",
        Reason::MarketClosed => "wait for the session, or see Instrument.calendar",
        Reason::PostOnlyWouldTake => "quote a price that does not cross, or drop post_only",
        Reason::NothingToReduce => "reduce_only needs an opposite position; check portfolio.position first",
        Reason::NoPrice => "wait for a quote or a trade before sending market orders",
        Reason::BuyingPower => "send a smaller order, cancel open ones, add cash, or raise account.leverage_max",
        Reason::ShortNotAllowed => "sell at most what is held, or use a margin account",
        Reason::OffGrid => "round with Instrument.round_price(price, side)",
        Reason::OutOfBounds => "use a price within Instrument.price_bounds",
        Reason::BadSize => "use a positive multiple of Instrument.lot_size",
        Reason::OrderSizeMax => "split the order, or raise risk.order_size_max between runs",
        Reason::OrderValueMax => "split the order, or raise risk.order_value_max between runs",
        Reason::PositionMax => "target a smaller position, or raise risk.position_max between runs",
        Reason::GrossMax => "reduce other positions first, or raise risk.gross_max between runs",
        Reason::NetMax => "hedge first, or raise risk.net_max between runs",
        Reason::EventGroupLossMax => {
            "hold less of the outcome that loses most, or raise risk.event_group_loss_max between runs"
        }
        Reason::LossPerDayMax => "only reducing orders pass until the day ends; see risk.loss_per_day_max",
        Reason::LossPerWeekMax => "only reducing orders pass until the week ends; see risk.loss_per_week_max",
        Reason::DrawdownMax => "only reducing orders pass until equity recovers; see risk.drawdown_max",
        Reason::PriceCollar => "quote nearer to the mark, or raise risk.price_collar between runs",
        Reason::OrderRateMax => "send fewer orders, or raise risk.order_rate_max between runs",
        Reason::SelfTrade => "cancel the opposite order first and wait for its end, or quote prices that do not cross",
        Reason::Unevaluable => {
            "wait for the missing price or rate of exchange; a limit never passes what it cannot see"
        }
        Reason::Custom => "see the risk manager named in the text",
        Reason::Halted => "an operator re-arms the halt; reducing orders stay allowed",
        Reason::UnknownBlocks => "wait until the venue says what became of the unknown order on that side",
        Reason::Liquidation => "hold less against the equity; see account.maintenance_margin",
        Reason::Contradiction => {
            "mend what the text names: post_only needs a limit order that may rest, a bid lies below the ask"
        }
        Reason::Venue => "see the venue's own text",
    }
}
