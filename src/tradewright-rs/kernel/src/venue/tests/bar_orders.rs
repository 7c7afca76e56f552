//! Orders on bars, worked by hand.

use super::{Asked, BAR_NS, Bench, buy, on_bars, sell};
use crate::event::Bar;
use crate::instrument::{DatedFees, FeeRates, Instrument, Session};
use crate::order::{OrderType, ReportKind};
use crate::venue::{BarPath, BarTiming, Costs, Fills, Latency, VenueConfig};

fn fills(change: impl FnOnce(&mut Fills)) -> VenueConfig {
    let mut config = VenueConfig::default();
    change(&mut config.fills);
    config
}

/// One row: what is sent, the bars, what each bar brings.
type Row<'a> = (&'a str, &'a [Asked], &'a [[i64; 5]], &'a [&'a str]);

fn check(config: &VenueConfig, rows: &[Row<'_>]) {
    for (name, orders, bars, expected) in rows {
        assert_eq!(on_bars(config.clone(), orders, bars), *expected, "{name}");
    }
}

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
fn an_order_meets_the_first_open_at_or_after_its_decision() {
    let bar = |open_ns: i64, price: i64| Bar {
        ts_recv_ns: open_ns + BAR_NS,
        ts_event_ns: open_ns + BAR_NS,
        open_ns,
        open: price,
        high: price + 5,
        low: price - 5,
        close: price + 1,
        volume: 50.0,
    };
    // (timing, path, latency, decided at, expected) against bars opening at 0, 60 and 120 at 100, 200 and 300.
    use {BarPath::*, BarTiming::*};
    for (timing, path, entry_ns, decided_ns, expected) in [
        (NextOpen, Pessimistic, 0, 0, (100, 0)),
        (NextOpen, Pessimistic, 59, 0, (100, 59)),
        (NextOpen, Pessimistic, 60, 0, (200, 60)),
        (NextOpen, Pessimistic, 0, 1, (200, 60)),
        (NextOpen, Pessimistic, 0, 60, (200, 60)),
        (NextOpen, Pessimistic, 70, 1, (200, 71)),
        (Path, Pessimistic, 0, 1, (105, 1)),
        (Path, OpenHighLowClose, 0, 1, (105, 20)),
        (Path, OpenHighLowClose, 0, 20, (105, 20)),
        (Path, OpenHighLowClose, 0, 21, (95, 40)),
        (Path, OpenHighLowClose, 0, 41, (101, 60)),
        (Path, OpenLowHighClose, 30, 1, (105, 40)),
        (Path, OpenLowHighClose, 0, 60, (200, 60)),
    ] {
        let mut config = fills(|fills| (fills.timing, fills.path) = (timing, path));
        config.latency = Latency::Constant { entry_ns, response_ns: 0 };
        let mut bench = Bench::new(config);
        bench.now_ns = decided_ns;
        bench.send(buy(1));
        for (open_ns, price) in [(0, 100), (60, 200), (120, 300)] {
            if open_ns + BAR_NS > decided_ns {
                bench.bar_record(bar(open_ns, price));
            }
        }
        let fill = bench.reports.iter().find_map(|report| match report.kind {
            ReportKind::Filled(fill) => Some((fill.price, report.ts_event_ns)),
            _ => None,
        });
        assert_eq!(fill, Some(expected), "{timing:?} {path:?} latency {entry_ns} decided {decided_ns}");
    }
}

#[test]
fn a_pessimistic_latecomer_meets_the_worst_price_then_the_close() {
    for (asked, expected) in [
        (buy(1), "1 1@110 taker"),
        (sell(1), "1 1@90 taker"),
        (buy(1).limit(110), "1 1@110 taker"),
        (buy(1).limit(106), "1 1@106 maker"),
        (buy(1).limit(104), ""),
        (sell(1).limit(101), "1 1@101 maker"),
        (buy(1).stop(107), "1 1@110 taker"),
        (buy(1).stop_limit(107, 108), "1 1@108 maker"),
    ] {
        let mut bench = Bench::new(fills(|fills| fills.timing = BarTiming::Path));
        bench.now_ns = 30;
        bench.send(asked);
        bench.turn(30);
        bench.said = bench.reports.len();
        bench.bar_record(Bar {
            ts_recv_ns: 60,
            ts_event_ns: 60,
            open_ns: 0,
            open: 100,
            high: 110,
            low: 90,
            close: 105,
            volume: 9.0,
        });
        assert_eq!(bench.news(), expected, "{asked:?}");
    }
}

#[test]
fn reports_come_no_sooner_than_the_bar_they_depend_on() {
    let config = VenueConfig {
        latency: Latency::Constant { entry_ns: 7, response_ns: 11 },
        decision_ns: 3,
        ..VenueConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.send(buy(1));
    bench.send(sell(1).limit(104));
    bench.bar_record(Bar {
        ts_recv_ns: 65,
        ts_event_ns: 60,
        open_ns: 0,
        open: 100,
        high: 105,
        low: 95,
        close: 102,
        volume: 9.0,
    });
    let times: Vec<(u32, i64, i64)> =
        bench.reports.iter().map(|report| (report.order, report.ts_event_ns, report.ts_recv_ns)).collect();
    // Both accepted at 10, known at 21. The fill at the open happened on arrival, the limit's by the path's next point.
    assert_eq!(times, [(1, 10, 21), (2, 10, 21), (1, 10, 65), (2, 20, 65)]);
}

#[test]
fn a_day_order_ends_with_its_session_early_closes_included() {
    let mut instrument = Instrument::plain("X");
    instrument.sessions = vec![Session { open_ns: 0, close_ns: 90 }, Session { open_ns: 200, close_ns: 320 }];
    let mut bench = Bench::with(VenueConfig::default(), instrument);
    bench.send(buy(1).limit(90).day());
    bench.bar(100, 101, 99, 100, 50.0);
    assert_eq!(bench.news(), "1 accepted");
    bench.until(91);
    assert_eq!(bench.news(), "1 expired day_ended");
    assert_eq!(bench.reports.last().map(|report| report.ts_event_ns), Some(90));
    bench.send(buy(1).limit(90).day()); // After the close: for the next session.
    bench.until(200);
    bench.bar(100, 101, 99, 100, 50.0);
    bench.bar(88, 101, 88, 100, 50.0);
    assert_eq!(bench.news(), "2 accepted; 2 1@88 maker");
    assert_eq!(bench.venue.resting_count(), 0);
}

#[test]
fn a_day_order_waits_for_a_last_bar_that_is_late() {
    let mut instrument = Instrument::plain("X");
    instrument.sessions = vec![Session { open_ns: 0, close_ns: 120 }];
    let late = |open_ns: i64, low: i64| Bar {
        ts_recv_ns: open_ns + 65,
        ts_event_ns: open_ns + 60,
        open_ns,
        open: 100,
        high: 100,
        low,
        close: 100,
        volume: 9.0,
    };
    for (low, expected) in [(89, "1 1@90 maker"), (91, "1 expired day_ended")] {
        let mut bench = Bench::with(VenueConfig::default(), instrument.clone());
        bench.bar_record(late(-60, 100));
        bench.now_ns = 0;
        bench.send(buy(1).limit(90).day());
        bench.bar_record(late(0, 95));
        bench.said = bench.reports.len();
        bench.bar_record(late(60, low));
        bench.until(200);
        assert_eq!(bench.news(), expected);
        assert_eq!(bench.reports.last().map(|report| report.ts_recv_ns), Some(125));
    }
}

#[test]
fn costs_move_takers_outward_to_the_grid_and_never_beyond_a_limit() {
    let costs = |change: fn(&mut Costs)| {
        let mut config = VenueConfig::default();
        change(&mut config.costs);
        config
    };
    let bar = [10_000, 10_500, 9_500, 10_200, 400];
    let spread = costs(|costs| costs.half_spread_min_bps = 5.0);
    check(
        &spread,
        &[
            ("buy", &[buy(1)], &[bar], &["1 1@10005 taker"]),
            ("sell", &[sell(1)], &[bar], &["1 1@9995 taker"]),
            ("stop", &[sell(1).stop(9_600)], &[bar], &["1 1@9595 taker"]), // 4.8 ticks, outward
            ("limit caps it", &[buy(1).limit(10_002)], &[bar], &["1 1@10002 taker"]),
            ("a maker pays none", &[buy(1).limit(9_700)], &[bar], &["1 1@9700 maker"]),
        ],
    );
    // 10 bps × (100 ÷ 400)^½ = 5 bps; the average is of the bars before the fill.
    let impact = costs(|costs| costs.impact_base_bps = 10.0);
    check(&impact, &[("impact", &[buy(100).limit(1)], &[bar], &[""])]);
    let mut bench = Bench::new(impact.clone());
    bench.bar(10_000, 10_000, 10_000, 10_000, 300.0);
    bench.bar(10_000, 10_000, 10_000, 10_000, 500.0);
    bench.send(buy(100));
    bench.bar(10_000, 10_000, 10_000, 10_000, 1e9);
    assert_eq!((bench.news().as_str(), bench.venue.fills_without_impact()), ("1 accepted; 1 100@10005 taker", 0));
    // Before any bar the average is unknown: no impact, and counted.
    let mut bench = Bench::new(impact);
    bench.send(buy(100));
    bench.bar(10_000, 10_000, 10_000, 10_000, 1e9);
    assert_eq!((bench.news().as_str(), bench.venue.fills_without_impact()), ("1 accepted; 1 100@10000 taker", 1));
    // Returns of +1 % and −1 % (of 101): volatility 1 % by either weight, half of it is 50 bps.
    let volatile = costs(|costs| (costs.volatility_coefficient, costs.volatility_half_life) = (0.5, 1.0));
    let mut bench = Bench::new(volatile);
    for close in [10_000, 10_100, 9_999] {
        bench.bar(close, close, close, close, 9.0);
    }
    bench.send(buy(1));
    bench.bar(10_000, 10_000, 10_000, 10_000, 9.0);
    assert_eq!(bench.news(), "1 accepted; 1 1@10050 taker");
}

#[test]
fn costs_stop_at_the_instruments_bounds() {
    let mut instrument = Instrument::plain("X");
    instrument.bounds_ticks = Some((1, 100));
    let mut config = VenueConfig::default();
    config.costs.half_spread_min_bps = 500.0;
    let mut bench = Bench::with(config, instrument);
    bench.send(buy(1));
    bench.send(sell(1));
    bench.bar(98, 98, 98, 98, 9.0);
    assert_eq!(bench.news(), "1 accepted; 2 accepted; 1 1@100 taker; 2 1@93 taker");
}

#[test]
fn fees_follow_the_liquidity() {
    let mut instrument = Instrument::plain("X");
    let rates = FeeRates { maker_e10: 1_000_000, taker_e10: 5_000_000, ..FeeRates::default() };
    instrument.fees = vec![DatedFees { from_ns: 0, rates }];
    let mut bench = Bench::with(VenueConfig::default(), instrument.clone());
    bench.send(buy(1));
    bench.send(sell(1).limit(104_000_000));
    bench.bar(100_000_000, 105_000_000, 95_000_000, 100_000_000, 9.0);
    let fees: Vec<i128> = bench
        .reports
        .iter()
        .filter_map(|report| if let ReportKind::Filled(fill) = report.kind { Some(fill.fee) } else { None })
        .collect();
    assert_eq!(fees, [50_000_000_000, 10_400_000_000]); // 5 bp of 100, 1 bp of 104
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
