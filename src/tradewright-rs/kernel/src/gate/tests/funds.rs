//! What an order must be able to pay for: buying power, cash, and what a binary sold short may owe.

use super::*;
use crate::instrument::{Contract, DatedFees, FeeRates};

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
