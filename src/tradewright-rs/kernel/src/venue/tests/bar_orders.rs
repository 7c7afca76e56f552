//! Orders on bars, worked by hand: what each type, path and cap on volume brings.

use super::{Bench, buy, check, fills, sell};
use crate::order::OrderType;
use crate::venue::{BarPath, VenueConfig};

#[test]
fn each_order_type_meets_the_open_and_the_path() {
    let calm = [100, 105, 95, 102, 50];
    check(
        &VenueConfig::default(),
        &[
            ("market at the open", &[buy(1)], &[calm], &["1 1@100 taker"]),
            ("limit at the open, better than asked", &[buy(1).limit(103)], &[calm], &["1 1@100 taker"]),
            ("limit at the open, exactly", &[buy(1).limit(100)], &[calm], &["1 1@100 taker"]),
            (
                "limit inside the bar",
                &[buy(1).limit(97), sell(1).limit(104)],
                &[calm],
                &["1 1@97 maker; 2 1@104 maker"],
            ),
            ("limit only touched", &[buy(1).limit(95), sell(1).limit(105)], &[calm], &[""]),
            (
                "limit untouched, then gapped through",
                &[buy(1).limit(94)],
                &[calm, [90, 91, 89, 90, 50]],
                &["", "1 1@90 maker"],
            ),
            ("stop at its price", &[sell(1).stop(96), buy(1).stop(104)], &[calm], &["1 1@96 taker; 2 1@104 taker"]),
            ("stop touched", &[sell(1).stop(95)], &[calm], &["1 1@95 taker"]),
            ("stop gapped: the open", &[sell(1).stop(90)], &[calm, [80, 85, 79, 84, 50]], &["", "1 1@80 taker"]),
            ("stop above the market sells at once", &[sell(1).stop(101)], &[calm], &["1 1@100 taker"]),
            ("stop-limit at its stop", &[buy(1).stop_limit(104, 104)], &[calm], &["1 1@104 taker"]),
            (
                "stop-limit gapped beyond its limit rests, and fills when the price comes back",
                &[buy(1).stop_limit(106, 107)],
                &[calm, [110, 112, 108, 111, 50], [109, 109, 106, 108, 50]],
                &["", "", "1 1@107 maker"],
            ),
            (
                "stop-limit below its stop: the close is sure to pass it",
                &[buy(1).stop_limit(104, 103)],
                &[calm],
                &["1 1@103 maker"],
            ),
            ("stop-limit below its stop: the low may have come first", &[buy(1).stop_limit(104, 101)], &[calm], &[""]),
        ],
    );
}

#[test]
fn trailing_stops_follow_and_the_hurting_extreme_comes_first() {
    check(
        &VenueConfig::default(),
        &[
            // Follows the open, 100: the stop is 94. The low comes first and spares it; the high lifts it to 104.
            (
                "sell trails",
                &[sell(1).trail(6)],
                &[[100, 110, 95, 109, 50], [109, 111, 104, 106, 50]],
                &["", "1 1@104 taker"],
            ),
            ("sell, low first at the old stop", &[sell(1).trail(4)], &[[100, 110, 95, 109, 50]], &["1 1@96 taker"]),
            (
                "sell, after the high the close is low enough",
                &[sell(1).trail(6)],
                &[[100, 110, 95, 104, 50]],
                &["1 1@104 taker"],
            ),
            ("buy trails", &[buy(1).trail(6)], &[[100, 105, 90, 91, 50], [91, 97, 91, 95, 50]], &["", "1 1@96 taker"]),
            (
                "gap through the trail",
                &[sell(1).trail(5)],
                &[[100, 110, 99, 110, 50], [90, 95, 85, 92, 50]],
                &["", "1 1@90 taker"],
            ),
        ],
    );
}

#[test]
fn a_trailing_stop_starts_at_the_last_price_known_on_arrival() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.bar(100, 100, 100, 100, 50.0);
    bench.send(sell(1).trail(5));
    assert_eq!(bench.news(), "1 accepted");
    bench.bar(94, 120, 94, 120, 50.0);
    assert_eq!(bench.news(), "1 1@94 taker");
}

#[test]
fn fixed_paths_decide_which_comes_first() {
    let high_first = fills(|fills| fills.path = BarPath::OpenHighLowClose);
    let low_first = fills(|fills| fills.path = BarPath::OpenLowHighClose);
    let bar = [100, 110, 95, 104, 50];
    check(
        &high_first,
        &[
            ("sell trail", &[sell(1).trail(6)], &[bar], &["1 1@104 taker"]),
            ("tight sell trail", &[sell(1).trail(4)], &[bar], &["1 1@106 taker"]),
            ("sell stop-limit comes back at the close", &[sell(1).stop_limit(96, 103)], &[bar], &["1 1@103 maker"]),
            (
                "events in the order of the price",
                &[sell(1).limit(108), buy(1).stop(103), buy(1).limit(96), sell(1).stop(98)],
                &[bar],
                &["2 1@103 taker; 1 1@108 maker; 4 1@98 taker; 3 1@96 maker"],
            ),
        ],
    );
    check(
        &low_first,
        &[
            ("sell trail", &[sell(1).trail(6)], &[bar], &["1 1@104 taker"]),
            ("tight sell trail", &[sell(1).trail(4)], &[bar], &["1 1@96 taker"]),
            ("buy stop-limit comes back at the close", &[buy(1).stop_limit(109, 105)], &[bar], &["1 1@105 maker"]),
            (
                "bracket: the stop first",
                &[buy(1), sell(1).stop(96).reduce_only(), sell(1).limit(108).reduce_only()],
                &[bar],
                &["1 1@100 taker; 2 1@96 taker; 3 cancelled nothing_to_reduce"],
            ),
        ],
    );
    check(
        &high_first,
        &[(
            "bracket: the target first",
            &[buy(1), sell(1).stop(96).reduce_only(), sell(1).limit(108).reduce_only()],
            &[bar],
            &["1 1@100 taker; 3 1@108 maker; 2 cancelled nothing_to_reduce"],
        )],
    );
}

#[test]
fn pessimism_takes_the_loss_before_the_profit() {
    let bar = [100, 110, 95, 104, 50];
    check(
        &VenueConfig::default(),
        &[
            (
                "long: the stop, though the target is older",
                &[buy(1), sell(1).limit(108).reduce_only(), sell(1).stop(96).reduce_only()],
                &[bar],
                &["1 1@100 taker; 3 1@96 taker; 2 cancelled nothing_to_reduce"],
            ),
            (
                "short: the stop, though the target is older",
                &[sell(1), buy(1).limit(96).reduce_only(), buy(1).stop(108).reduce_only()],
                &[bar],
                &["1 1@100 taker; 3 1@108 taker; 2 cancelled nothing_to_reduce"],
            ),
        ],
    );
}

#[test]
fn touching_fills_when_configured() {
    let config = fills(|fills| fills.touch_fills = true);
    let bar = [100, 105, 95, 102, 50];
    check(&config, &[("touch", &[buy(1).limit(95), sell(1).limit(105)], &[bar], &["1 1@95 maker; 2 1@105 maker"])]);
}

#[test]
fn time_in_force_against_a_cap_on_volume() {
    let tenth = fills(|fills| fills.participation_max = Some(0.1));
    let bars: &[[i64; 5]] = &[[100, 105, 95, 102, 40], [102, 103, 101, 102, 29]];
    check(
        &tenth,
        &[
            ("market goes on at the next open", &[buy(5)], bars, &["1 4@100 taker", "1 1@102 taker"]),
            ("market takes what the next bar has", &[buy(8)], bars, &["1 4@100 taker", "1 2@102 taker"]),
            ("ioc", &[buy(5).ioc()], bars, &["1 4@100 taker; 1 cancelled ioc_remainder", ""]),
            ("fok", &[buy(5).fok()], bars, &["1 cancelled fok_unfilled", ""]),
            ("fok that fits", &[buy(4).fok()], bars, &["1 4@100 taker", ""]),
            ("ioc limit, not met", &[buy(1).limit(99).ioc()], bars, &["1 cancelled ioc_remainder", ""]),
            ("fok limit, not met", &[buy(1).limit(99).fok()], bars, &["1 cancelled fok_unfilled", ""]),
            ("limit goes on where it rests", &[buy(5).limit(102)], bars, &["1 4@100 taker", "1 1@102 maker"]),
            ("stop goes on as a market order", &[sell(5).stop(96)], bars, &["1 4@96 taker", "1 1@102 taker"]),
            (
                "ioc stop waits for its trigger",
                &[sell(5).stop(96).ioc()],
                bars,
                &["1 4@96 taker; 1 cancelled ioc_remainder", ""],
            ),
            ("fok stop-limit", &[sell(5).stop_limit(96, 96).fok()], bars, &["1 cancelled fok_unfilled", ""]),
            (
                "ioc stop-limit beyond its limit",
                &[sell(1).stop_limit(96, 97).ioc()],
                bars,
                &["1 cancelled ioc_remainder", ""],
            ),
            (
                "the cap is shared, oldest first",
                &[buy(3), buy(3)],
                bars,
                &["1 3@100 taker; 2 1@100 taker", "2 2@102 taker"],
            ),
            ("the open comes before the path", &[buy(3).limit(97), buy(3)], bars, &["2 3@100 taker; 1 1@97 maker", ""]),
        ],
    );
}

#[test]
fn a_volume_of_zero_or_none() {
    let zero = [100, 100, 100, 100, 0];
    let bar = [101, 101, 101, 101, 1];
    check(&VenueConfig::default(), &[("waits", &[buy(1)], &[zero, bar], &["", "1 1@101 taker"])]);
    check(&VenueConfig::default(), &[("ioc", &[buy(1).ioc()], &[zero], &["1 cancelled ioc_remainder"])]);
    check(&fills(|fills| fills.zero_volume_fills = true), &[("fills", &[buy(9)], &[zero], &["1 9@100 taker"])]);
    check(&fills(|fills| fills.participation_max = None), &[("no cap", &[buy(9)], &[zero], &["1 9@100 taker"])]);
    let mut bench = Bench::new(VenueConfig::default());
    bench.send(buy(1_000_000));
    bench.bar(100, 100, 100, 100, f64::NAN);
    assert_eq!(bench.news(), "1 accepted; 1 1000000@100 taker");
}

#[test]
fn post_only_never_takes() {
    let bar = [100, 105, 95, 102, 50];
    check(
        &VenueConfig::default(),
        &[
            ("would take at the open", &[buy(1).limit(100).post_only()], &[bar], &["1 rejected post_only_would_take"]),
            ("makes", &[buy(1).limit(97).post_only()], &[bar], &["1 accepted; 1 1@97 maker"]),
            (
                "has rested: a gap fills it as maker",
                &[buy(1).limit(90).post_only()],
                &[bar, [88, 89, 87, 88, 50]],
                &["1 accepted", "1 1@88 maker"],
            ),
        ],
    );
}

#[test]
fn reduce_only_shrinks_and_never_opens() {
    let bar = [100, 105, 95, 102, 50];
    check(
        &VenueConfig::default(),
        &[
            ("nothing held", &[sell(1).reduce_only()], &[bar], &["1 cancelled nothing_to_reduce"]),
            (
                "shrinks",
                &[buy(2), sell(5).reduce_only()],
                &[bar],
                &["1 2@100 taker; 2 2@100 taker; 2 cancelled nothing_to_reduce"],
            ),
            ("same side", &[buy(2), buy(1).reduce_only()], &[bar], &["1 2@100 taker; 2 cancelled nothing_to_reduce"]),
            (
                "goes when another order flattens",
                &[buy(2), sell(2).limit(120).reduce_only(), sell(2).limit(104)],
                &[bar],
                &["1 2@100 taker; 3 2@104 maker; 2 cancelled nothing_to_reduce"],
            ),
            (
                "goes when another order turns the position",
                &[buy(2), sell(2).limit(120).reduce_only(), sell(5).limit(104)],
                &[bar],
                &["1 2@100 taker; 3 5@104 maker; 2 cancelled nothing_to_reduce"],
            ),
        ],
    );
}

#[test]
fn many_orders_on_one_bar_conserve_the_position() {
    let mut bench = Bench::new(VenueConfig::default());
    for step in 1..=20 {
        bench.send(buy(step).kind(OrderType::Limit { limit: 100 - step }));
        bench.send(sell(step).kind(OrderType::Limit { limit: 100 + step }));
    }
    bench.bar(100, 111, 95, 100, f64::NAN);
    // Buys at 99 … 96 (1 + … + 4) and sells at 101 … 110 (1 + … + 10) were traded through.
    assert_eq!(bench.venue.position(0), 10 - 55);
}
