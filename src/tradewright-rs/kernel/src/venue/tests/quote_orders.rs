//! Orders on quotes and public prints, worked by hand.

use super::{Asked, Bench, buy, sell};
use crate::instrument::{Instrument, Session};
use crate::order::ReportKind;
use crate::venue::{Latency, VenueConfig};

/// Sends the orders into the quote 99 × 101, ten deep on both sides, then shows further quotes.
fn on_quotes(orders: &[Asked], quotes: &[(i64, i64)]) -> Vec<String> {
    let mut bench = Bench::new(VenueConfig::default());
    bench.quote(99, 101);
    for asked in orders {
        bench.send(*asked);
    }
    let mut news = vec![bench.news()];
    for (bid, ask) in quotes {
        bench.quote(*bid, *ask);
        news.push(bench.news());
    }
    news
}

const NO_ASK: i64 = i64::MAX;

#[test]
fn each_order_type_meets_the_quote_in_force() {
    type Row<'a> = (&'a [Asked], &'a [(i64, i64)], &'a [&'a str]);
    let rows: &[Row<'_>] = &[
        (&[buy(1)], &[], &["1 1@101 taker"]),
        (&[sell(1)], &[], &["1 1@99 taker"]),
        // Size beyond the display goes on with the next quote, which is new liquidity.
        (&[buy(25)], &[(99, 102), (99, 103)], &["1 10@101 taker", "1 10@102 taker", "1 5@103 taker"]),
        // The display is not consumed twice, and each side is its own.
        (&[buy(7), buy(7), sell(7)], &[(99, 102)], &["1 7@101 taker; 2 3@101 taker; 3 7@99 taker", "2 4@102 taker"]),
        (&[buy(12).ioc()], &[], &["1 10@101 taker; 1 cancelled ioc_remainder"]),
        (&[buy(12).fok()], &[], &["1 cancelled fok_unfilled"]),
        (&[buy(10).fok()], &[], &["1 10@101 taker"]),
        (&[buy(1).limit(100).ioc()], &[], &["1 cancelled ioc_remainder"]),
        // A marketable limit takes at the quote; what is left rests and makes at its own price.
        (&[buy(12).limit(102)], &[(99, 101)], &["1 10@101 taker", "1 2@102 maker"]),
        (&[buy(1).limit(100)], &[(98, 101), (98, 100)], &["1 accepted", "", "1 1@100 maker"]),
        (&[buy(1).limit(100)], &[(95, 96)], &["1 accepted", "1 1@100 maker"]),
        (&[sell(1).limit(102)], &[(102, 103)], &["1 accepted", "1 1@102 maker"]),
        (&[buy(1).limit(101).post_only()], &[], &["1 rejected post_only_would_take"]),
        (&[buy(1).limit(100).post_only()], &[(98, 99)], &["1 accepted", "1 1@100 maker"]),
        // A sell stop watches the bid, a buy stop the ask.
        (&[sell(1).stop(97)], &[(98, 99), (97, 99)], &["1 accepted", "", "1 1@97 taker"]),
        (&[sell(1).stop(97)], &[(90, 95)], &["1 accepted", "1 1@90 taker"]),
        (&[buy(1).stop(103)], &[(101, 102), (101, 103)], &["1 accepted", "", "1 1@103 taker"]),
        (&[buy(1).stop(101)], &[], &["1 1@101 taker"]),
        (&[buy(1).stop_limit(103, 104)], &[(104, 105), (103, 104)], &["1 accepted", "", "1 1@104 maker"]),
        (&[buy(1).stop_limit(103, 104)], &[(103, 104)], &["1 accepted", "1 1@104 taker"]),
        // Trails the best bid: 99, 105, stop 102.
        (&[sell(1).trail(3)], &[(105, 107), (103, 104), (102, 104)], &["1 accepted", "", "", "1 1@102 taker"]),
        (&[buy(1).trail(3)], &[(90, 92), (93, 95)], &["1 accepted", "", "1 1@95 taker"]),
        // Nobody there: a market order waits, what may not wait is refused.
        (&[buy(1)], &[], &["1 1@101 taker"]),
        (&[sell(1).reduce_only()], &[], &["1 rejected nothing_to_reduce"]),
        (&[buy(2), sell(5).reduce_only()], &[], &["1 2@101 taker; 2 2@99 taker; 2 cancelled nothing_to_reduce"]),
    ];
    for (orders, quotes, expected) in rows {
        assert_eq!(on_quotes(orders, quotes), *expected, "{orders:?}");
    }
}

#[test]
fn a_new_quote_shows_its_size_again_though_nothing_rested_when_it_came() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.quote(99, 101);
    bench.send(buy(7));
    assert!(bench.venue.is_quiet(0)); // Nothing rests, so that the next quote need not come here.
    bench.quote(99, 101);
    bench.send(buy(7));
    bench.send(buy(7));
    assert_eq!(bench.news(), "1 7@101 taker; 2 7@101 taker; 3 3@101 taker");
}

#[test]
fn a_missing_side_makes_orders_wait_or_go() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.quote(99, NO_ASK);
    for asked in [buy(1), buy(1).ioc(), buy(1).limit(105), sell(1)] {
        bench.send(asked);
    }
    assert_eq!(bench.news(), "1 accepted; 2 rejected no_price; 3 accepted; 4 1@99 taker");
    bench.quote(99, 101);
    assert_eq!(bench.news(), "1 1@101 taker; 3 1@105 maker");
}

#[test]
fn before_the_first_quote_orders_wait_or_go() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.venue.declare(0, crate::market::SourceKind::Quote);
    bench.send(buy(1));
    bench.send(buy(1).fok());
    assert_eq!(bench.news(), "1 accepted; 2 rejected no_price");
    bench.quote(99, 101);
    assert_eq!(bench.news(), "1 1@101 taker");
}

#[test]
fn displayed_size_may_be_ignored_or_unknown() {
    let mut config = VenueConfig::default();
    config.fills.displayed_size_caps = false;
    let mut bench = Bench::new(config);
    bench.quote(99, 101);
    bench.send(buy(500));
    assert_eq!(bench.news(), "1 500@101 taker");
    let mut bench = Bench::new(VenueConfig::default());
    bench.quote_at(1, 99, 101, f64::NAN, f64::NAN);
    bench.send(buy(500));
    assert_eq!(bench.news(), "1 500@101 taker");
    let mut config = VenueConfig::default();
    config.fills.participation_max = Some(0.5);
    let mut bench = Bench::new(config);
    bench.quote_at(1, 99, 101, 7.0, 7.0);
    bench.send(buy(5));
    assert_eq!(bench.news(), "1 3@101 taker"); // Half of seven, whole lots.
}

#[test]
fn latency_decides_which_quote_is_in_force() {
    for (entry_ns, expected) in [(0, 101), (9, 101), (10, 111), (15, 111)] {
        let latency = Latency::Constant { entry_ns, response_ns: 4 };
        let mut bench = Bench::new(VenueConfig { latency, ..VenueConfig::default() });
        bench.quote_at(10, 99, 101, 10.0, 10.0);
        bench.send(buy(1));
        bench.quote_at(20, 109, 111, 10.0, 10.0);
        bench.until(100);
        let report = bench.reports[0];
        let ReportKind::Filled(fill) = report.kind else { panic!("{report:?}") };
        assert_eq!((fill.price, report.ts_event_ns, report.ts_recv_ns), (expected, 10 + entry_ns, 14 + entry_ns));
    }
}

#[test]
fn a_print_through_a_resting_limit_fills_it() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.quote(99, 101);
    bench.send(buy(5).limit(100));
    bench.send(buy(5).limit(100));
    bench.print(100, 50.0);
    assert_eq!(bench.news(), "1 accepted; 2 accepted"); // At the price: who knows how many were before us.
    bench.print(99, 7.0);
    assert_eq!(bench.news(), "1 5@100 maker; 2 2@100 maker");
}

#[test]
fn prints_alone_are_prices() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.print(100, 5.0);
    for asked in [buy(3), buy(3).ioc(), sell(1).limit(101), sell(1).stop(98)] {
        bench.send(asked);
    }
    assert_eq!(bench.news(), "1 accepted; 2 accepted; 3 accepted; 4 accepted");
    bench.print(100, 5.0);
    assert_eq!(bench.news(), "1 3@100 taker; 2 2@100 taker; 2 cancelled ioc_remainder");
    bench.print(101, 5.0);
    assert_eq!(bench.news(), "");
    bench.print(103, 5.0);
    assert_eq!(bench.news(), "3 1@101 maker");
    bench.print(97, 5.0);
    assert_eq!(bench.news(), "4 1@97 taker");
}

#[test]
fn quotes_win_over_bars() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.quote(99, 101);
    bench.send(buy(1).limit(50));
    bench.bar(100, 100, 10, 100, 50.0);
    assert_eq!(bench.news(), "1 accepted");
    bench.quote(49, 50);
    assert_eq!(bench.news(), "1 1@50 maker");
}

#[test]
fn outside_the_session_orders_wait_for_the_open() {
    let mut instrument = Instrument::plain("X");
    instrument.sessions = vec![Session { open_ns: 100, close_ns: 200 }];
    let mut bench = Bench::with(VenueConfig::default(), instrument);
    bench.quote_at(50, 99, 101, 10.0, 10.0);
    bench.send(buy(1));
    bench.send(buy(1).ioc());
    bench.send(sell(1).limit(90).day());
    assert_eq!(bench.news(), "1 accepted; 2 rejected market_closed; 3 accepted");
    bench.quote_at(60, 99, 101, 10.0, 10.0);
    assert_eq!(bench.news(), "");
    bench.quote_at(100, 89, 102, 10.0, 10.0);
    assert_eq!(bench.news(), "1 1@102 taker");
    bench.until(201);
    assert_eq!(bench.news(), "3 expired day_ended");
}

#[test]
fn an_amended_quote_may_take_unless_it_is_post_only() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.quote(99, 101);
    let plain = bench.send(buy(1).limit(98));
    let maker = bench.send(buy(1).limit(98).post_only());
    bench.turn(bench.now_ns);
    bench.venue.amend(plain, 101, 1, bench.now_ns);
    bench.venue.amend(maker, 101, 1, bench.now_ns);
    assert_eq!(bench.news(), "1 accepted; 2 accepted; 1 amended 1@101; 1 1@101 taker; 2 amend rejected");
}
