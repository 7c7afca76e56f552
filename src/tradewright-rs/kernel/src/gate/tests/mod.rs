//! Tests of the gate, on accounts whose sums can be done in the head.

mod funds;
mod limits;
mod review;

use super::*;
use crate::ledger::AccountConfig;
use crate::num::{CASH_ONE, Decimal};
use crate::order::{Fill, Liquidity, OrderStatus, TimeInForce};
use Side::{Buy, Sell};

/// Open orders as a plain list.
#[derive(Default)]
struct List(Vec<OrderState>);

impl OpenOrders for List {
    fn get(&self, id: OrderId) -> &OrderState {
        self.0.iter().find(|state| state.order.id == id).expect("a test asks for an order that it listed")
    }
    fn open_lots(&self, policy: PolicyId, symbol: SymbolId, side: Side) -> i64 {
        let mine = |s: &&OrderState| s.order.policy == policy && s.order.symbol == symbol && s.order.side == side;
        self.0.iter().filter(mine).map(OrderState::open_lots).sum()
    }
    fn open_lots_account(&self, symbol: SymbolId, side: Side) -> i64 {
        let of = |s: &&OrderState| s.order.symbol == symbol && s.order.side == side;
        self.0.iter().filter(of).map(OrderState::open_lots).sum()
    }
    fn open_of_symbol(&self, symbol: SymbolId) -> impl Iterator<Item = OrderId> + '_ {
        self.0.iter().filter(move |s| s.order.symbol == symbol && s.status.is_open()).map(|s| s.order.id)
    }
    fn open_count(&self) -> usize {
        self.0.iter().filter(|s| s.status.is_open()).count()
    }
    fn open_symbols(&self) -> impl Iterator<Item = SymbolId> + '_ {
        (0..8).filter(|symbol| self.open_of_symbol(*symbol).next().is_some())
    }
}

/// Two instruments at 100.00 in cents, two policies, 10,000 on margin 2 × unless changed.
struct World {
    ledger: Ledger,
    market: Market,
    orders: List,
    gate: Gate,
    next: u32,
}

fn cents(symbol: &str) -> Instrument {
    Instrument { price_unit: Decimal { mantissa: 1, scale: 2 }, ..Instrument::plain(symbol) }
}

impl World {
    fn of(instruments: Vec<Instrument>, config: &AccountConfig, account: Limits, policy: Limits) -> World {
        let mut ledger = Ledger::new(config, &instruments, 2).unwrap();
        ledger.on_time(0);
        let gate = Gate::new(&account, &[policy, Limits::default()], &instruments).unwrap();
        let mut market = Market::new(instruments);
        market.now_ns = 0;
        let mut world = World { ledger, market, orders: List::default(), gate, next: 100 };
        (0..world.market.symbols.len() as u32).for_each(|symbol| world.mark(symbol, 10_000));
        world
    }

    fn new(account: Limits) -> World {
        World::limited(account, Limits::default())
    }

    fn limited(account: Limits, policy: Limits) -> World {
        World::of(vec![cents("A"), cents("B")], &AccountConfig::margin(10_000 * CASH_ONE, 2), account, policy)
    }

    fn cash_account() -> World {
        let config = AccountConfig::cash(10_000 * CASH_ONE);
        World::of(vec![cents("A"), cents("B")], &config, Limits::default(), Limits::default())
    }

    fn mark(&mut self, symbol: SymbolId, price: i64) {
        self.market.symbols[symbol as usize].mark_x2 = price * 2;
        self.market.symbols[symbol as usize].mark_ns = 0;
        self.ledger.mark(symbol, price * 2);
    }

    fn hold(&mut self, policy: PolicyId, symbol: SymbolId, lots: i64) {
        self.next += 1;
        let fill =
            Fill { fill_id: self.next as u64, price: 10_000, lots: lots.abs(), fee: 0, liquidity: Liquidity::Taker };
        self.ledger.fill(policy, symbol, Side::of(lots), &fill, 0);
    }

    fn open(&mut self, order: Order, status: OrderStatus) -> OrderId {
        self.next += 1;
        let mut state = OrderState::new(Order { id: self.next, ..order }, crate::order::Origin::Submit);
        state.status = status;
        self.orders.0.push(state);
        self.next
    }

    fn say(&self, order: Order) -> Result<(), Reason> {
        self.gate.check(&order, &self.ledger, &self.market, &self.orders).map_err(|refusal| refusal.reason)
    }

    fn review(&mut self, order: &Order, answer: Review) -> Result<Approved, Refusal> {
        self.gate.review(order, &self.ledger, &self.market, &self.orders, |_| Ok(answer)).unwrap()
    }
}

fn market(side: Side, lots: i64) -> Order {
    Order {
        id: 1,
        policy: 0,
        symbol: 0,
        side,
        lots,
        kind: OrderType::Market,
        tif: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        decided_ns: 0,
    }
}

fn limit(side: Side, lots: i64, limit: i64) -> Order {
    Order { kind: OrderType::Limit { limit }, ..market(side, lots) }
}

fn amount(value: f64) -> Option<Amount> {
    Some(Amount::Absolute(value))
}

fn share(value: f64) -> Option<Amount> {
    Some(Amount::EquityFraction(value))
}
