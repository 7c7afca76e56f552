//! From what is wanted to what has to be sent: the difference, and nothing else.

use crate::gate::OpenOrders;
use crate::instrument::SymbolId;
use crate::intent::Replace;
use crate::ledger::Ledger;
use crate::order::{InFlight, OrderId, OrderState, OrderType, Origin, PolicyId, Reason, Side, TimeInForce};
use crate::orders::Orders;

/// A wanted position, in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionTarget {
    /// Signed lots.
    pub lots: i64,
    /// Price bound of the orders that lead there, in price units.
    pub limit: Option<i64>,
    /// Rest at the own side of the quote instead of taking.
    pub passive: bool,
}

/// Wanted quotes: price in price units and size in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotesTarget {
    /// Wanted bid.
    pub bid: Option<(i64, i64)>,
    /// Wanted ask.
    pub ask: Option<(i64, i64)>,
    /// How a wrong one gives way.
    pub replace: Replace,
}

/// A new order before it has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Side.
    pub side: Side,
    /// Lots.
    pub lots: i64,
    /// Type, prices in price units.
    pub kind: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Refused rather than take.
    pub post_only: bool,
    /// Never opens or turns a position.
    pub reduce_only: bool,
    /// Which intent wants it.
    pub origin: Origin,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Cancel this order, for this reason.
    Cancel(OrderId, Reason),
    /// Amend this order to a limit and a total size.
    Amend(OrderId, i64, i64),
    /// Send this one.
    Send(Draft),
}

/// What to do so that position plus open orders comes to the target.
///
/// Nothing goes to one side while an order of the other may still fill: it is cancelled, and the next report that ends
/// an order comes back here. `passive_price` is the own side of the quote.
pub fn position(
    target: &PositionTarget,
    policy: PolicyId,
    symbol: SymbolId,
    ledger: &Ledger,
    orders: &Orders,
    passive_price: impl Fn(Side) -> Option<i64>,
    actions: &mut Vec<Action>,
) {
    let missing = target.lots - ledger.position(policy, symbol).lots;
    let ours = || orders.open_of(policy, symbol).iter().map(|&id| orders.get(id)).filter(of(Origin::Position));
    if missing == 0 {
        actions.extend(ours().filter(not_leaving).map(|state| Action::Cancel(state.order.id, Reason::Replaced)));
        return;
    }
    let side = Side::of(missing);
    let mut opposite_open = false;
    for state in ours().filter(|state| state.order.side != side) {
        opposite_open = true;
        if not_leaving(&state) {
            actions.push(Action::Cancel(state.order.id, Reason::Replaced));
        }
    }
    if opposite_open || orders.has_unknown(policy, symbol, side) {
        return;
    }
    let limit = if target.passive { passive_price(side) } else { target.limit };
    let mut needed = missing.abs();
    for state in ours() {
        let open = state.open_lots();
        let excess = needed < open;
        if (excess || state.order.kind.limit() != limit) && not_leaving(&state) {
            actions.push(Action::Cancel(state.order.id, Reason::Replaced));
        }
        needed -= open; // It may still fill, leaving or not.
    }
    if needed <= 0 || (target.passive && limit.is_none()) {
        return;
    }
    actions.push(Action::Send(Draft {
        side,
        lots: needed,
        kind: limit.map_or(OrderType::Market, |limit| OrderType::Limit { limit }),
        tif: TimeInForce::Gtc,
        post_only: target.passive,
        reduce_only: false,
        origin: Origin::Position,
    }));
}

/// What to do so that the shown quotes come to the target.
///
/// An order at the wanted price counts whatever its state, and is compared by the size it was made for.
pub fn quotes(
    target: &QuotesTarget,
    policy: PolicyId,
    symbol: SymbolId,
    orders: &Orders,
    keeps_priority: bool,
    actions: &mut Vec<Action>,
) {
    for (side, wanted) in [(Side::Buy, target.bid), (Side::Sell, target.ask)] {
        let (mut shown, mut leaving) = (false, false);
        let ours = orders.open_of(policy, symbol).iter().map(|&id| orders.get(id));
        for state in ours.filter(of(Origin::Quotes)).filter(|state| state.order.side == side) {
            let (price, lots) = wanted_of(state);
            if let Some((wanted_price, wanted_lots)) = wanted
                && !shown
                && state.status != crate::order::OrderStatus::Unknown
            {
                if price == wanted_price && lots == wanted_lots {
                    shown = true;
                    continue;
                }
                let in_place = price == wanted_price && wanted_lots < lots && keeps_priority;
                if (in_place || target.replace == Replace::Amend) && state.in_flight == InFlight::None {
                    actions.push(Action::Amend(state.order.id, wanted_price, wanted_lots));
                    shown = true;
                    continue;
                }
            }
            leaving = true;
            if not_leaving(&state) {
                actions.push(Action::Cancel(state.order.id, Reason::Replaced));
            }
        }
        let Some((limit, lots)) = wanted else { continue };
        if shown || (leaving && target.replace != Replace::Overlap) || orders.has_unknown(policy, symbol, side) {
            continue;
        }
        actions.push(Action::Send(Draft {
            side,
            lots,
            kind: OrderType::Limit { limit },
            tif: TimeInForce::Gtc,
            post_only: true,
            reduce_only: false,
            origin: Origin::Quotes,
        }));
    }
}

fn of(origin: Origin) -> impl Fn(&&OrderState) -> bool {
    move |state| state.origin == origin
}

fn not_leaving(state: &&OrderState) -> bool {
    state.in_flight != InFlight::Cancel
}

/// Price and size that an order has, or will have once the amendment under way is through.
fn wanted_of(state: &OrderState) -> (i64, i64) {
    match state.in_flight {
        InFlight::Amend { limit, lots } => (limit, lots),
        _ => (state.order.kind.limit().unwrap_or(0), state.made_for_lots),
    }
}
