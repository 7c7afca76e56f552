//! Each limit with an order that it just allows and one that it just refuses.

use super::*;
use crate::event::{Quote, Status};
use crate::instrument::{Contract, DatedFees, FeeRates, GridBand, TickGrid};
use crate::ledger::AccountConfig;
use crate::num::{CASH_ONE, Decimal};
use crate::order::{Fill, InFlight, Liquidity, OrderStatus, TimeInForce};
use proptest::prelude::*;

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

use Side::{Buy, Sell};

#[test]
fn sizes_must_be_positive() {
    let world = World::new(Limits::default());
    assert_eq!(
        [-1, 0, 1].map(|lots| world.say(market(Buy, lots)).err()),
        [Some(Reason::BadSize); 2].into_iter().chain([None]).collect::<Vec<_>>()[..]
    );
}

#[test]
fn prices_are_on_the_grid_and_within_bounds() {
    let mut world = World::new(Limits::default());
    let bands = vec![GridBand { below_ticks: 5_000, step_ticks: 1 }, GridBand { below_ticks: i64::MAX, step_ticks: 5 }];
    world.market.instruments[0].grid = TickGrid { bands };
    assert_eq!(world.say(limit(Buy, 1, 4_999)), Ok(()));
    let refusal = world.gate.check(&limit(Buy, 1, 5_003), &world.ledger, &world.market, &world.orders).unwrap_err();
    assert_eq!((refusal.reason, refusal.value, refusal.limit), (Reason::OffGrid, 50.03, 50.0));
    assert_eq!(world.say(limit(Sell, 1, 5_003)), Err(Reason::OffGrid));
    let stop = |stop| Order { kind: OrderType::Stop { stop }, ..market(Sell, 1) };
    assert_eq!([5_000, 5_001].map(|s| world.say(stop(s))), [Ok(()), Err(Reason::OffGrid)]);
    assert_eq!(world.say(limit(Buy, 1, 0)), Err(Reason::OutOfBounds));
    world.market.instruments[0].bounds_ticks = Some((4_000, 4_500));
    assert_eq!([3_999, 4_000, 4_500, 4_501].map(|p| world.say(limit(Buy, 1, p)).is_ok()), [false, true, true, false]);
    let trail = |distance| Order { kind: OrderType::TrailingStop { distance }, ..market(Sell, 1) };
    assert_eq!([0, 1].map(|d| world.say(trail(d))), [Err(Reason::OutOfBounds), Ok(())]);
}

#[test]
fn what_has_ended_is_not_traded() {
    let mut world = World::new(Limits::default());
    world.market.instruments[0].expiry_ns = Some(10);
    assert_eq!(
        [9, 10].map(|now| {
            world.market.now_ns = now;
            world.say(market(Buy, 1))
        }),
        [Ok(()), Err(Reason::InstrumentEnded)]
    );
    world.market.now_ns = 0;
    for (status, is_open) in
        [(Status::Open, true), (Status::Paused, true), (Status::Closed, false), (Status::Resolved, false)]
    {
        world.market.symbols[0].status = status;
        assert_eq!(world.say(market(Buy, 1)).is_ok(), is_open, "{status:?}");
    }
}

#[test]
fn order_size_and_value() {
    let world = World::new(Limits { order_size_max: Some(5.0), ..Limits::default() });
    assert_eq!([5, 6].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::OrderSizeMax)]);
    let world = World::new(Limits { order_value_max: amount(500.0), ..Limits::default() });
    assert_eq!([5, 6].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::OrderValueMax)]);
    // A buy pays at most its limit; a sell below the mark may trade at the mark.
    assert_eq!([5_000, 5_001].map(|p| world.say(limit(Buy, 10, p))), [Ok(()), Err(Reason::OrderValueMax)]);
    assert_eq!(world.say(limit(Sell, 6, 5_000)), Err(Reason::OrderValueMax));
    let world = World::new(Limits { order_value_max: share(0.05), ..Limits::default() });
    assert_eq!([5, 6].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::OrderValueMax)]);
}

#[test]
fn market_orders_are_valued_at_the_far_side() {
    let mut world = World::new(Limits { order_value_max: amount(505.0), ..Limits::default() });
    world.market.on_quote(0, &Quote { bid: 9_900, ask: 10_100, ..Quote::default() });
    assert_eq!(world.say(market(Buy, 5)), Ok(()));
    world.market.on_quote(0, &Quote { bid: 9_898, ask: 10_102, ..Quote::default() });
    assert_eq!(world.say(market(Buy, 5)), Err(Reason::OrderValueMax));
    assert_eq!(world.say(market(Sell, 5)), Ok(()));
}

#[test]
fn positions_count_open_orders_at_their_worst() {
    for limits in [amount(10.0), share(0.1)] {
        let mut world = World::new(Limits { position_max: limits, ..Limits::default() });
        world.hold(0, 0, 4);
        assert_eq!([6, 7].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::PositionMax)]);
        world.open(limit(Buy, 2, 9_000), OrderStatus::Accepted);
        world.open(limit(Sell, 9, 11_000), OrderStatus::Accepted); // Might never fill: does not make room.
        assert_eq!([4, 5].map(|lots| world.say(limit(Buy, lots, 10_000))), [Ok(()), Err(Reason::PositionMax)]);
        // The other way: 4 held, 9 offered; 5 more would be 10 short.
        assert_eq!([5, 6].map(|lots| world.say(limit(Sell, lots, 10_000))), [Ok(()), Err(Reason::PositionMax)]);
    }
}

#[test]
fn a_policys_limit_sees_its_own_position_and_is_named() {
    let mut world = World::limited(Limits::default(), Limits { position_max: amount(10.0), ..Limits::default() });
    world.hold(1, 0, 50);
    assert_eq!(world.say(market(Buy, 10)), Ok(()));
    let refusal = world.gate.check(&market(Buy, 11), &world.ledger, &world.market, &world.orders).unwrap_err();
    assert_eq!(
        (refusal.reason, refusal.policy, refusal.value, refusal.limit),
        (Reason::PositionMax, Some(0), 11.0, 10.0)
    );
    assert_eq!(world.say(Order { policy: 1, ..market(Buy, 11) }), Ok(()));
}

#[test]
fn gross_and_net_over_all_instruments() {
    let mut world = World::new(Limits { gross_max: amount(2_000.0), ..Limits::default() });
    world.hold(0, 1, -10);
    assert_eq!([10, 11].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::GrossMax)]);
    world.open(Order { symbol: 1, ..limit(Sell, 3, 12_000) }, OrderStatus::Unknown);
    assert_eq!([7, 8].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::GrossMax)]);

    let mut world = World::new(Limits { net_max: share(0.1), ..Limits::default() });
    world.hold(0, 1, -10);
    assert_eq!([20, 21].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::NetMax)]);
    assert_eq!(world.say(market(Sell, 1)), Err(Reason::NetMax));
    world.open(Order { symbol: 1, ..limit(Buy, 3, 9_000) }, OrderStatus::Accepted);
    assert_eq!([17, 18].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::NetMax)]);
}

#[test]
fn losses_stop_all_but_reducing_orders() {
    let lose = |limits: Limits, price: i64| {
        let mut world = World::new(limits);
        world.hold(0, 0, 10);
        world.mark(0, price);
        assert_eq!(world.say(market(Sell, 10)), Ok(()), "reducing stays allowed");
        world.say(market(Buy, 1))
    };
    let day = Limits { loss_per_day_max: amount(50.0), ..Limits::default() };
    let week = Limits { loss_per_week_max: share(0.005), ..Limits::default() };
    let drawdown = Limits { drawdown_max: share(0.005), ..Limits::default() };
    for (limits, reason) in
        [(day, Reason::LossPerDayMax), (week, Reason::LossPerWeekMax), (drawdown, Reason::DrawdownMax)]
    {
        assert_eq!([9_500, 9_499].map(|price| lose(limits, price)), [Ok(()), Err(reason)]);
    }
}

#[test]
fn drawdown_is_from_the_peak_and_the_day_starts_anew() {
    let limits = Limits { loss_per_day_max: amount(50.0), ..Limits::default() };
    let mut world = World::limited(limits, Limits { drawdown_max: amount(100.0), ..Limits::default() });
    world.hold(0, 0, 10);
    world.mark(0, 10_600);
    world.ledger.on_time(1);
    world.mark(0, 9_600); // 100 below the peak, 40 below the day's start.
    assert_eq!(world.say(market(Buy, 1)), Ok(()));
    world.mark(0, 9_400);
    assert_eq!(world.say(market(Buy, 1)), Err(Reason::LossPerDayMax));
    world.ledger.on_time(crate::ledger::DAY_NS);
    assert_eq!(world.say(market(Buy, 1)), Err(Reason::DrawdownMax));
}

#[test]
fn collar_is_about_the_mark() {
    let world = World::new(Limits { price_collar: Some(0.02), ..Limits::default() });
    let said = [9_799, 9_800, 10_200, 10_201].map(|price| world.say(limit(Buy, 1, price)).is_ok());
    assert_eq!(said, [false, true, true, false]);
    assert_eq!(world.say(limit(Sell, 1, 9_799)), Err(Reason::PriceCollar));
}

#[test]
fn rate_slides() {
    let rate = Some(OrderRate { count: 2, window_ns: 100 });
    let mut world = World::new(Limits { order_rate_max: rate, ..Limits::default() });
    let at = |now, world: &mut World| {
        world.market.now_ns = now;
        world.review(&market(Buy, 1), Review::Allow).map(|_| ()).map_err(|refusal| refusal.reason)
    };
    let said = [0, 60, 99, 100, 159, 160, 161].map(|now| at(now, &mut world).is_ok());
    assert_eq!(said, [true, true, false, true, false, true, false]);
    assert_eq!(world.gate.counters().refused[Reason::OrderRateMax as usize], 3);
}

#[test]
fn buying_power_counts_open_orders_and_fees() {
    // 10,000 at 2 ×: 200 shares of 100.
    let mut world = World::new(Limits::default());
    assert_eq!([200, 201].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::BuyingPower)]);
    assert_eq!([200, 201].map(|lots| world.say(market(Sell, lots))), [Ok(()), Err(Reason::BuyingPower)]);
    world.open(Order { symbol: 1, ..limit(Buy, 50, 10_000) }, OrderStatus::Accepted);
    assert_eq!([150, 151].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::BuyingPower)]);
    // What turns a position gives back the margin of what it closes.
    world.hold(0, 0, 150);
    assert_eq!([300, 301].map(|lots| world.say(market(Sell, lots))), [Ok(()), Err(Reason::BuyingPower)]);
    let fees = vec![DatedFees { from_ns: 0, rates: FeeRates { per_lot: CASH_ONE, ..FeeRates::default() } }];
    let mut world = World::cash_account();
    world.market.instruments[0].fees = fees;
    assert_eq!([99, 100].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::BuyingPower)]);
}

#[test]
fn cash_accounts_pay_in_full_and_sell_what_they_hold() {
    let mut world = World::cash_account();
    assert_eq!([100, 101].map(|lots| world.say(market(Buy, lots))), [Ok(()), Err(Reason::BuyingPower)]);
    assert_eq!([200, 201].map(|lots| world.say(limit(Buy, lots, 5_000))), [Ok(()), Err(Reason::BuyingPower)]);
    assert_eq!(world.say(market(Sell, 1)), Err(Reason::ShortNotAllowed));
    world.hold(0, 0, 10);
    world.open(limit(Sell, 4, 11_000), OrderStatus::Accepted);
    assert_eq!([6, 7].map(|lots| world.say(market(Sell, lots))), [Ok(()), Err(Reason::ShortNotAllowed)]);
    world.open(limit(Buy, 50, 9_000), OrderStatus::Accepted); // 4,500 of the 9,000 left.
    assert_eq!([45, 46].map(|lots| world.say(limit(Buy, lots, 10_000))), [Ok(()), Err(Reason::BuyingPower)]);
}

#[test]
fn a_binary_sold_short_needs_one_less_its_price() {
    let yes = Instrument { contract: Contract::Binary, bounds_ticks: Some((0, 100)), ..cents("YES") };
    let config = AccountConfig::cash(60 * CASH_ONE);
    let mut world = World::of(vec![yes], &config, Limits::default(), Limits::default());
    world.mark(0, 40);
    assert_eq!([100, 101].map(|lots| world.say(limit(Sell, lots, 40))), [Ok(()), Err(Reason::BuyingPower)]);
    assert_eq!([150, 151].map(|lots| world.say(limit(Buy, lots, 40))), [Ok(()), Err(Reason::BuyingPower)]);
    assert_eq!([120, 121].map(|lots| world.say(limit(Sell, lots, 50))), [Ok(()), Err(Reason::BuyingPower)]);
}

#[test]
fn an_order_never_meets_our_own() {
    let mut world = World::new(Limits::default());
    let resting = Order { policy: 1, ..limit(Sell, 5, 10_010) };
    let id = world.open(resting, OrderStatus::Accepted);
    assert_eq!([10_009, 10_010].map(|p| world.say(limit(Buy, 1, p))), [Ok(()), Err(Reason::SelfTrade)]);
    assert_eq!(world.say(market(Buy, 1)), Err(Reason::SelfTrade));
    assert_eq!(world.say(Order { post_only: true, ..limit(Buy, 1, 10_020) }), Ok(()));
    let stop = |stop| Order { kind: OrderType::Stop { stop }, ..market(Buy, 1) };
    assert_eq!([10_009, 10_010].map(|p| world.say(stop(p))), [Ok(()), Err(Reason::SelfTrade)]);
    // On its way to a lower price it could be met there already.
    world.orders.0.iter_mut().find(|s| s.order.id == id).unwrap().in_flight =
        InFlight::Amend { limit: 10_005, lots: 5 };
    assert_eq!([10_004, 10_005].map(|p| world.say(limit(Buy, 1, p))), [Ok(()), Err(Reason::SelfTrade)]);
    world.orders.0.clear();
    world.open(limit(Buy, 5, 9_990), OrderStatus::Unknown);
    assert_eq!([9_991, 9_990].map(|p| world.say(limit(Sell, 1, p))), [Ok(()), Err(Reason::SelfTrade)]);
    assert_eq!(world.say(market(Sell, 1)), Err(Reason::SelfTrade));
}

#[test]
fn an_unknown_order_blocks_its_side() {
    let mut world = World::new(Limits::default());
    world.open(Order { policy: 1, ..limit(Buy, 1, 9_000) }, OrderStatus::Unknown);
    assert_eq!(world.say(limit(Buy, 1, 9_500)), Err(Reason::UnknownBlocks));
    assert_eq!(world.say(limit(Sell, 1, 9_500)), Ok(()));
    assert_eq!(world.say(Order { symbol: 1, ..limit(Buy, 1, 9_500) }), Ok(()));
}

#[test]
fn reducing_means_the_policy_and_the_account() {
    let closed = Limits { gross_max: amount(0.0), ..Limits::default() };
    let mut world = World::new(closed);
    world.hold(0, 0, 10);
    assert_eq!([10, 11].map(|lots| world.say(market(Sell, lots))), [Ok(()), Err(Reason::GrossMax)]);
    // The account is less long than the policy.
    world.hold(1, 0, -6);
    assert_eq!([4, 5].map(|lots| world.say(market(Sell, lots))), [Ok(()), Err(Reason::GrossMax)]);
    // Another policy's open sell may take the account there first.
    world.open(Order { policy: 1, ..limit(Sell, 3, 10_500) }, OrderStatus::Accepted);
    assert_eq!([1, 2].map(|lots| world.say(market(Sell, lots))), [Ok(()), Err(Reason::GrossMax)]);
    // A policy that holds nothing reduces nothing, whatever the account holds.
    let mut world = World::new(closed);
    world.hold(1, 0, 10);
    assert_eq!(world.say(market(Sell, 1)), Err(Reason::GrossMax));
    // Size, grid and our own orders bind it all the same.
    world.hold(0, 0, 10);
    world.open(limit(Buy, 1, 9_000), OrderStatus::Accepted);
    assert_eq!(world.say(market(Sell, 1)), Err(Reason::SelfTrade));
}

#[test]
fn halts_latch_and_let_positions_close() {
    let mut world = World::new(Limits::default());
    world.hold(0, 0, 10);
    assert!(world.gate.halt(Scope::Policy(0), "too many rejects", 5));
    assert!(!world.gate.halt(Scope::Policy(0), "again", 6));
    let refusal = world.review(&market(Buy, 1), Review::Allow).unwrap_err();
    assert_eq!((refusal.reason, refusal.text.as_str()), (Reason::Halted, "too many rejects"));
    assert_eq!(world.say(market(Sell, 10)), Ok(()));
    assert_eq!(world.say(market(Sell, 11)), Err(Reason::Halted));
    assert_eq!(world.say(Order { policy: 1, ..market(Buy, 1) }), Ok(()));
    assert!(!world.gate.rearm(Scope::All));
    assert!(world.gate.rearm(Scope::Policy(0)));
    assert_eq!(world.say(market(Buy, 1)), Ok(()));
    world.gate.halt(Scope::Symbol(1), "stale", 7);
    assert_eq!([0, 1].map(|symbol| world.say(Order { symbol, ..market(Buy, 1) }).is_ok()), [true, false]);
    world.gate.halt(Scope::All, "operator", 8);
    assert_eq!(world.say(market(Buy, 1)), Err(Reason::Halted));
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let mut world = World::new(Limits::default());
    world.market.symbols[0].mark_ns = i64::MIN;
    assert_eq!(world.say(market(Buy, 1)), Err(Reason::Unevaluable));
    // Open orders elsewhere without a price cannot be counted either.
    world.mark(0, 10_000);
    world.open(Order { symbol: 1, ..limit(Buy, 1, 9_000) }, OrderStatus::Accepted);
    world.market.symbols[1].mark_ns = i64::MIN;
    assert_eq!(world.say(market(Buy, 1)), Err(Reason::Unevaluable));
    // Equity in two currencies without a rate has no total, so no share of it is known.
    let config = AccountConfig { balances: vec![10_000 * CASH_ONE; 2], ..AccountConfig::margin(0, 2) };
    for limits in [
        Limits { order_value_max: share(9.0), ..Limits::default() },
        Limits { drawdown_max: share(0.5), ..Limits::default() },
        Limits { gross_max: share(9.0), ..Limits::default() },
    ] {
        let mut world = World::of(vec![cents("A")], &config, limits, Limits::default());
        assert_eq!(world.say(market(Buy, 1)), Err(Reason::Unevaluable));
        world.ledger.set_rate(1, CASH_ONE as i64).unwrap();
        world.ledger.on_time(1);
        assert_eq!(world.say(market(Buy, 1)), Ok(()));
    }
}

#[test]
fn limits_that_are_no_numbers_are_refused_at_once() {
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        for limits in [
            Limits { order_size_max: Some(bad), ..Limits::default() },
            Limits { order_value_max: amount(bad), ..Limits::default() },
            Limits { position_max: amount(bad), ..Limits::default() },
            Limits { gross_max: share(bad), ..Limits::default() },
            Limits { drawdown_max: share(bad), ..Limits::default() },
            Limits { price_collar: Some(bad), ..Limits::default() },
        ] {
            assert!(Gate::new(&limits, &[], &[cents("A")]).is_err(), "{limits:?}");
        }
    }
    let rate = Some(OrderRate { count: 0, window_ns: 1 });
    assert!(Gate::new(&Limits { order_rate_max: rate, ..Limits::default() }, &[], &[]).is_err());
}

#[test]
fn limits_tighten_and_never_widen() {
    let mut world = World::new(Limits { order_size_max: Some(5.0), position_max: share(0.5), ..Limits::default() });
    let instruments = world.market.instruments.clone();
    let wider = Limits { order_size_max: Some(6.0), ..Limits::default() };
    let error = world.gate.tighten(None, &wider, &instruments).unwrap_err();
    assert!(error.starts_with("order_size_max: 6 is wider than 5"), "{error}");
    let other = Limits { position_max: amount(1.0), ..Limits::default() };
    assert!(world.gate.tighten(None, &other, &instruments).is_err());
    let narrower = Limits { order_size_max: Some(2.0), gross_max: amount(1e6), ..Limits::default() };
    world.gate.tighten(None, &narrower, &instruments).unwrap();
    assert_eq!([2, 3].map(|lots| world.say(market(Buy, lots)).is_ok()), [true, false]);
    assert_eq!(world.gate.limits(None).position_max, share(0.5));
    assert!(world.gate.tighten(Some(9), &narrower, &instruments).is_err());
}

#[test]
fn managers_only_tighten() {
    let mut world = World::new(Limits::default());
    assert_eq!(world.review(&market(Buy, 5), Review::Allow).unwrap().order().lots, 5);
    assert_eq!(world.review(&market(Buy, 5), Review::Shrink(2)).unwrap().into_order().lots, 2);
    for lots in [0, -1, 5, 6] {
        assert_eq!(world.review(&market(Buy, 5), Review::Shrink(lots)).unwrap_err().reason, Reason::BadSize);
    }
    let no = Review::Refused { manager: "NoTradingIntoTheClose".into(), text: "too late".into() };
    let refusal = world.review(&market(Buy, 5), no).unwrap_err();
    assert_eq!((refusal.reason, refusal.text.as_str()), (Reason::Custom, "NoTradingIntoTheClose: too late"));
    let (ledger, orders) = (&world.ledger, &world.orders);
    let raised = world.gate.review(&market(Buy, 5), ledger, &world.market, orders, |_| Err(HostError(Box::new(()))));
    assert!(raised.is_err());
    let refused = world.gate.review(&market(Buy, 0), ledger, &world.market, orders, |_| panic!("natives come first"));
    assert_eq!(refused.unwrap().unwrap_err().reason, Reason::BadSize);
    let counters = world.gate.counters();
    assert_eq!((counters.reviews, counters.approved, counters.refused.iter().sum::<u64>()), (9, 2, 6));
}

#[test]
fn amendments_replace_what_was_open() {
    let mut world = World::new(Limits { position_max: amount(10.0), ..Limits::default() });
    let id = world.open(limit(Buy, 8, 9_900), OrderStatus::Accepted);
    let amend = |world: &mut World, limit, lots| {
        let (ledger, market, orders) = (&world.ledger, &world.market, &world.orders);
        world.gate.review_amend(id, limit, lots, ledger, market, orders, |_| Ok(Review::Allow)).unwrap()
    };
    let approved = amend(&mut world, 9_950, 10).unwrap();
    assert_eq!((approved.order(), approved.limit(), approved.lots()), (id, 9_950, 10));
    assert_eq!(amend(&mut world, 9_950, 11).unwrap_err().reason, Reason::PositionMax);
    world.orders.0[0].filled_lots = 3;
    world.hold(0, 0, 3);
    assert!(amend(&mut world, 9_900, 10).is_ok());
    assert_eq!(amend(&mut world, 9_900, 11).unwrap_err().reason, Reason::PositionMax);
    assert_eq!(amend(&mut world, 9_900, 3).unwrap_err().reason, Reason::BadSize);
    world.orders.0[0].status = OrderStatus::Unknown;
    assert_eq!(amend(&mut world, 9_900, 9).unwrap_err().reason, Reason::UnknownBlocks);
}

#[test]
fn every_reason_has_a_remedy() {
    for reason in Reason::ALL {
        assert_eq!(remedy(reason).is_empty(), reason == Reason::None, "{}", reason.name());
    }
}

proptest! {
    /// Whatever passes, all open orders of either side filling, keeps position and gross within their limits.
    #[test]
    fn what_passes_stays_within_at_its_worst(
        moves in proptest::collection::vec((0u16..2, 0u32..2, any::<bool>(), 1i64..40, 0u8..3), 1..40)
    ) {
        let account = Limits { position_max: amount(50.0), gross_max: amount(7_000.0), ..Limits::default() };
        let mut world = World::new(account);
        for (policy, symbol, is_buy, lots, fate) in moves {
            let side = if is_buy { Buy } else { Sell };
            let price = if is_buy { 9_990 } else { 10_010 };
            let order = Order { policy, symbol, ..limit(side, lots, price) };
            if world.review(&order, Review::Allow).is_ok() {
                match fate {
                    0 => world.hold(policy, symbol, side.sign() * lots),
                    _ => { world.open(order, OrderStatus::Accepted); }
                }
            }
            let mut gross = 0;
            for symbol in 0..2 {
                let held = world.ledger.account_lots(symbol);
                let most = held + world.orders.open_lots_account(symbol, Buy);
                let least = held - world.orders.open_lots_account(symbol, Sell);
                prop_assert!(most.abs() <= 50 && least.abs() <= 50);
                gross += most.abs().max(least.abs()) * 100;
            }
            prop_assert!(gross <= 7_000, "gross {gross}");
        }
    }
}
