//! What else lets an order pass or not: our other orders, halts, what is unknown, risk managers, amendments.

use super::*;
use crate::order::InFlight;

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
fn managers_only_tighten() {
    let mut world = World::new(Limits::default());
    assert_eq!(world.review(&market(Buy, 5), Review::Allow).unwrap().order().lots, 5);
    assert_eq!(
        world.review(&market(Buy, 5), Review::Shrink { lots: 2, manager: String::new() }).unwrap().into_order().lots,
        2
    );
    for lots in [0, -1, 5, 6] {
        assert_eq!(
            world.review(&market(Buy, 5), Review::Shrink { lots, manager: String::new() }).unwrap_err().reason,
            Reason::BadSize
        );
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
