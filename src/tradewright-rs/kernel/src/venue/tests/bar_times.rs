//! When orders meet bars, worked by hand: latency, late decisions, sessions.

use super::{BAR_NS, Bench, buy, fills, sell};
use crate::event::Bar;
use crate::instrument::{Instrument, Session};
use crate::order::ReportKind;
use crate::venue::{BarPath, BarTiming, Latency, VenueConfig};

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
        // Decided before the bar opens, there only when it is under way: the rest of it, and not its open.
        (Path, OpenHighLowClose, 5, 0, (105, 20)),
        (Path, OpenHighLowClose, 25, 0, (95, 40)),
        (Path, OpenLowHighClose, 25, 0, (105, 40)),
        (Path, OpenHighLowClose, 41, 0, (101, 60)),
        (Path, OpenHighLowClose, 60, 0, (200, 60)),
        (Path, Pessimistic, 41, 0, (105, 41)),
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
