//! Each limit with an order that it just allows and one that it just refuses, and no limit wider than it was.

use super::*;
use crate::event::{Quote, Status};
use crate::instrument::{GridBand, TickGrid};
use proptest::prelude::*;

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
fn no_size_and_no_price_is_too_large_to_be_refused() {
    let mut wide = Instrument { multiplier: Decimal { mantissa: 1_000_000, scale: 0 }, ..cents("C") };
    wide.lot_size = Decimal { mantissa: 1_000, scale: 0 };
    let inverse = Instrument { contract: crate::instrument::Contract::Inverse, ..cents("D") };
    let binary = Instrument { contract: crate::instrument::Contract::Binary, ..cents("E") };
    let instruments = || vec![cents("A"), cents("B"), wide.clone(), inverse.clone(), binary.clone()];
    let each = [
        Limits::default(),
        Limits::account_default(),
        Limits { position_max: share(0.5), price_collar: Some(0.1), ..Limits::default() },
        Limits { gross_max: share(1e6), net_max: share(1e6), order_value_max: share(1e6), ..Limits::default() },
        Limits { event_group_loss_max: share(0.5), loss_per_day_max: share(0.5), ..Limits::default() },
    ];
    for limits in each {
        for config in [AccountConfig::margin(10_000 * CASH_ONE, 2), AccountConfig::cash(10_000 * CASH_ONE)] {
            let mut world = World::of(instruments(), &config, limits, limits);
            world.open(limit(Buy, 5, 9_000), OrderStatus::Accepted);
            world.hold(0, 0, 3);
            for symbol in 0..5 {
                world.mark(0, 10_000); // What is held is not worth a fortune, unless it is what is ordered.
                for lots in [10_i64.pow(12), 10_i64.pow(15), LOTS_MAX, LOTS_MAX + 1, i64::MAX] {
                    for price in [1_000, 3_000_000, i64::MAX / 4] {
                        for side in [Buy, Sell] {
                            world.mark(symbol, price.min(10_i64.pow(15)));
                            let trailing = OrderType::TrailingStop { distance: price };
                            for order in [
                                market(side, lots),
                                limit(side, lots, price),
                                Order { kind: OrderType::Stop { stop: price }, ..market(side, lots) },
                                Order { kind: trailing, ..market(side, lots) },
                            ] {
                                let order = Order { symbol, ..order };
                                // An inverse contract is worth little at a high price, and a binary sold above its payout risks nothing.
                                let is_refused = world.say(order).is_err();
                                assert!(is_refused || symbol >= 3, "{order:?} {limits:?}");
                            }
                        }
                    }
                }
            }
        }
    }
    let world =
        World::of(instruments(), &AccountConfig::margin(CASH_ONE, 2), Limits::account_default(), Limits::default());
    // 3 × 10¹⁶ at 20 times the equity: the product by 10¹⁰ would need 129 bits.
    let order = market(Buy, 3 * 10_i64.pow(14));
    let refusal = world.gate.check(&order, &world.ledger, &world.market, &world.orders).unwrap_err();
    assert_eq!((refusal.reason, refusal.value, refusal.limit), (Reason::OrderValueMax, 3e16, 20.0));
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
