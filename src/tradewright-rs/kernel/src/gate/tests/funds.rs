//! What an order must be able to pay for: buying power, cash, and what a binary sold short may owe.

use super::*;
use crate::instrument::{Contract, DatedFees, FeeRates};
use crate::ledger::Netting;

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

/// Three outcomes of one event in cents, on cash.
fn event(cash: i128, netting: Netting, outcomes: Option<u32>, limits: Limits) -> World {
    let yes = |symbol| Instrument {
        contract: Contract::Binary,
        bounds_ticks: Some((0, 100)),
        event_group: Some(0),
        event_outcomes: outcomes,
        ..cents(symbol)
    };
    let config = AccountConfig { netting, ..AccountConfig::cash(cash * CASH_ONE) };
    let mut world = World::of(vec![yes("A"), yes("B"), yes("C")], &config, limits, Limits::default());
    (0..3).for_each(|symbol| world.mark(symbol, 40));
    world
}

fn of(symbol: SymbolId, order: Order) -> Order {
    Order { symbol, ..order }
}

#[test]
fn short_outcomes_of_one_event_owe_what_the_largest_of_them_owes() {
    // 100 of A sold at 40 lock all of 60. Each of B sold at 30 locks 0.70 more, or, as only one of the two can pay, the
    // 0.30 that it brings more than make up for A's share, up to as many as there are of A; but A may not fill: 85 × 0.70.
    for (netting, most) in [(Netting::Market, 0), (Netting::CollateralReturn, 85), (Netting::Group, 85)] {
        let mut world = event(60, netting, None, Limits::default());
        world.open(limit(Sell, 100, 40), OrderStatus::Accepted);
        let passes = |lots: &i64| world.say(of(1, limit(Sell, *lots, 30))) == Ok(());
        assert_eq!((1..=200).rev().find(passes).unwrap_or(0), most);
    }
}

#[test]
fn the_limit_on_an_event_is_its_worst_outcome_and_only_narrows() {
    let narrow = |value| Limits { event_group_loss_max: amount(value), ..Limits::default() };
    let mut world = event(1_000, Netting::Market, Some(3), narrow(30.0));
    assert_eq!([75, 76].map(|lots| world.say(limit(Buy, lots, 40))), [Ok(()), Err(Reason::EventGroupLossMax)]);
    // All three at 40 cost 1.20 and one pays: 0.20 a set; but any of the orders may stay open.
    world.open(limit(Buy, 75, 40), OrderStatus::Accepted);
    assert_eq!(world.say(of(1, limit(Buy, 1, 40))), Err(Reason::EventGroupLossMax));
    assert!(world.gate.tighten(None, &narrow(31.0), &world.market.instruments).is_err());
    world.gate.tighten(None, &narrow(20.0), &world.market.instruments).unwrap();
    world.orders.0.clear();
    assert_eq!([50, 51].map(|lots| world.say(limit(Buy, lots, 40))), [Ok(()), Err(Reason::EventGroupLossMax)]);
}
