//! Races, amendments, latency, status.

use super::{Bench, buy, sell};
use crate::event::{CashEvent, Payload, Record, Status};
use crate::instrument::{Instrument, TickGrid};
use crate::venue::{Distribution, Latency, LatencySample, VenueConfig};

#[test]
fn a_cancel_races_the_fill() {
    let mut bench = Bench::new(VenueConfig::default());
    let order = bench.send(buy(1).limit(97));
    bench.bar(100, 101, 99, 100, 9.0);
    bench.venue.cancel(order, bench.now_ns);
    assert_eq!(bench.news(), "1 accepted; 1 cancelled");
    bench.venue.cancel(order, bench.now_ns);
    bench.venue.cancel(77, bench.now_ns);
    assert_eq!(bench.news(), "1 cancel rejected; 77 cancel rejected");
    let order = bench.send(buy(1));
    bench.bar(100, 101, 99, 100, 9.0);
    bench.venue.cancel(order, bench.now_ns);
    assert_eq!(bench.news(), "2 accepted; 2 1@100 taker; 2 cancel rejected");
}

#[test]
fn an_amendment_keeps_the_place_only_when_it_asks_for_less() {
    // Two buys at 97 share a bar that fills 3 lots: whose turn it is shows who is first.
    for (limit, lots, expected) in [
        (97, 1, "1 1@97 maker; 2 2@97 maker"),
        (97, 3, "2 2@97 maker; 1 1@97 maker"),
        (98, 2, "2 2@97 maker; 1 1@98 maker"),
    ] {
        let mut bench = Bench::new(VenueConfig::default());
        let order = bench.send(buy(2).limit(97));
        bench.send(buy(2).limit(97));
        bench.bar(100, 101, 99, 100, 9.0);
        bench.venue.amend(order, limit, lots, bench.now_ns);
        assert_eq!(bench.news(), format!("1 accepted; 2 accepted; 1 amended {lots}@{limit}"));
        bench.bar(100, 101, 95, 100, 3.0);
        assert_eq!(bench.news(), expected);
    }
}

#[test]
fn an_amendment_decided_inside_a_bar_meets_the_next_one() {
    let mut bench = Bench::new(VenueConfig::default());
    let order = bench.send(buy(1).limit(90));
    bench.bar(100, 101, 99, 100, 9.0);
    bench.venue.amend(order, 97, 1, bench.now_ns + 10);
    bench.bar(100, 101, 95, 100, 9.0);
    assert_eq!(bench.news(), "1 accepted; 1 amended 1@97");
    bench.bar(100, 101, 95, 100, 9.0);
    assert_eq!(bench.news(), "1 1@97 maker");
}

#[test]
fn amendments_that_make_no_sense_are_refused_or_end_the_order() {
    let mut instrument = Instrument::plain("X");
    instrument.grid = TickGrid::constant(5);
    let mut bench = Bench::with(VenueConfig::default(), instrument);
    let order = bench.send(buy(4).limit(95));
    bench.bar(100, 100, 90, 100, 3.0);
    assert_eq!(bench.news(), "1 accepted; 1 3@95 maker");
    for (limit, lots) in [(96, 4), (0, 4), (95, 0), (95, -1)] {
        bench.venue.amend(order, limit, lots, bench.now_ns);
        assert_eq!(bench.news(), "1 amend rejected", "{lots}@{limit}");
    }
    bench.venue.amend(order, 95, 2, bench.now_ns); // Less than has filled: done at what has filled.
    assert_eq!(bench.news(), "1 amended 3@95");
    bench.venue.amend(order, 95, 4, bench.now_ns);
    assert_eq!(bench.news(), "1 amend rejected");
}

#[test]
fn impossible_orders_are_rejected() {
    let mut instrument = Instrument::plain("X");
    instrument.grid = TickGrid::constant(5);
    instrument.bounds_ticks = Some((5, 995));
    for (asked, reason) in [
        (buy(1).limit(96), "off_grid"),
        (buy(1).limit(1_000), "out_of_bounds"),
        (buy(1).stop(0), "out_of_bounds"),
        (buy(1).stop_limit(95, 97), "off_grid"),
        (buy(1).trail(0), "out_of_bounds"),
        (buy(0), "bad_size"),
        (buy(-3), "bad_size"),
    ] {
        let mut bench = Bench::with(VenueConfig::default(), instrument.clone());
        bench.send(asked);
        assert_eq!(bench.news(), format!("1 rejected {reason}"), "{asked:?}");
    }
}

#[test]
fn status_and_expiry_end_orders() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.send(buy(1).limit(97));
    assert_eq!(bench.news(), "1 accepted");
    bench.status(Status::Paused);
    bench.send(buy(1));
    assert_eq!(bench.news(), "2 rejected market_closed");
    bench.bar(100, 100, 90, 100, 9.0);
    assert_eq!(bench.news(), ""); // Nothing trades in a pause.
    bench.status(Status::Open);
    bench.send(buy(1).limit(98));
    bench.status(Status::Closed);
    bench.send(buy(1));
    assert_eq!(bench.news(), "1 cancelled instrument_ended; 3 rejected instrument_ended; 4 rejected instrument_ended");

    let mut instrument = Instrument::plain("X");
    instrument.expiry_ns = Some(100);
    let mut bench = Bench::with(VenueConfig::default(), instrument);
    bench.send(buy(1).limit(97));
    bench.bar(100, 100, 99, 100, 9.0);
    bench.until(101);
    bench.send(buy(1));
    assert_eq!(bench.news(), "1 accepted; 1 cancelled instrument_ended; 2 rejected instrument_ended");
}

#[test]
fn settlement_and_splits_clear_the_book() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.send(buy(3));
    bench.send(buy(1).limit(50));
    bench.bar(100, 100, 99, 100, 9.0);
    bench.news();
    bench.other(Payload::Cash(CashEvent::Split { numerator: 2, denominator: 1 }));
    assert_eq!((bench.news().as_str(), bench.venue.position(0)), ("2 cancelled venue", 6));
    bench.send(buy(1).limit(50));
    bench.turn(bench.now_ns);
    bench.other(Payload::Cash(CashEvent::Settlement { price: 100, void: false }));
    assert_eq!((bench.news().as_str(), bench.venue.position(0)), ("3 accepted; 3 cancelled instrument_ended", 0));
}

#[test]
fn the_end_of_the_run_cancels_what_is_left() {
    let mut bench = Bench::new(VenueConfig::default());
    bench.send(buy(1).limit(97).day());
    bench.turn(0);
    bench.send(sell(1)); // Not arrived yet.
    bench.venue.end_run(5);
    assert_eq!((bench.venue.next_arrival_ns(), bench.venue.next_timer_ns()), (i64::MAX, i64::MAX));
    assert_eq!(bench.news(), "1 accepted; 1 cancelled run_ended; 2 cancelled run_ended");
}

#[test]
fn sampled_latencies_belong_to_the_order_and_spread_as_asked() {
    let sampled = |seed| Latency::Sampled {
        seed,
        entry: Distribution::LogNormal { median_ns: 1_000_000, sigma: 0.5 },
        response: Distribution::Quantiles(vec![100, 200, 1_000]),
    };
    let draws: Vec<i64> = (0..20_000).map(|order| sampled(7).entry_ns(order, 0)).collect();
    assert_eq!(draws[17], sampled(7).entry_ns(17, 999)); // Per order, not per call.
    assert_ne!(draws[17], sampled(8).entry_ns(17, 0));
    let logs: Vec<f64> = draws.iter().map(|draw| libm::log(*draw as f64 / 1e6)).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let deviation = libm::sqrt(logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() / logs.len() as f64);
    // Twenty thousand draws: standard errors 0.0035 and 0.0025.
    assert!(mean.abs() < 0.015 && (deviation - 0.5).abs() < 0.01, "{mean} {deviation}");
    let responses: Vec<i64> = (0..20_000).map(|order| sampled(7).response_ns(order, 0)).collect();
    let below = responses.iter().filter(|draw| **draw < 200).count() as f64 / 20_000.0;
    assert!((below - 0.5).abs() < 0.015, "{below}");
    assert!(responses.iter().all(|draw| (100..=1_000).contains(draw)));
}

#[test]
fn recorded_latencies_are_linear_between_measurements() {
    let sample = |at_ns, entry_ns, response_ns| LatencySample { at_ns, entry_ns, response_ns };
    let recorded = Latency::Recorded(vec![sample(100, 10, 1), sample(200, 30, 5)]);
    let entries: Vec<i64> = [0, 100, 150, 199, 200, 900].map(|now_ns| recorded.entry_ns(0, now_ns)).to_vec();
    assert_eq!(entries, [10, 10, 20, 29, 30, 30]);
    assert_eq!(recorded.response_ns(0, 150), 3);
}

#[test]
fn requests_of_one_order_never_overtake_each_other() {
    // Latency falls from 100 to 0: the cancellation sent at 60 would be there first.
    let sample = |at_ns, entry_ns| LatencySample { at_ns, entry_ns, response_ns: 0 };
    let latency = Latency::Recorded(vec![sample(0, 100), sample(50, 0)]);
    let mut bench = Bench::new(VenueConfig { latency, ..VenueConfig::default() });
    let order = bench.send(buy(1).limit(97));
    bench.venue.cancel(order, 60);
    bench.until(200);
    assert_eq!(bench.news(), "1 accepted; 1 cancelled");
}

#[test]
fn impossible_configurations_name_the_field() {
    type Broken = (fn(&mut VenueConfig), &'static str);
    let broken: [Broken; 7] = [
        (|config| config.decision_ns = -1, "venue.decision_ns"),
        (|config| config.fills.participation_max = Some(0.0), "venue.fills.participation_max"),
        (|config| config.fills.participation_max = Some(f64::NAN), "venue.fills.participation_max"),
        (|config| config.costs.impact_base_bps = -1.0, "venue.costs.impact_base_bps"),
        (|config| config.costs.volatility_half_life = 0.0, "venue.costs.volatility_half_life"),
        (|config| config.costs.average_volume = Some(f64::INFINITY), "venue.costs.average_volume"),
        (|config| config.latency = Latency::Recorded(Vec::new()), "venue.latency.samples"),
    ];
    for (change, path) in broken {
        let mut config = VenueConfig::default();
        assert_eq!(config.validate(), Ok(()));
        change(&mut config);
        assert!(config.validate().is_err_and(|message| message.starts_with(path)), "{path}");
    }
}

#[test]
fn the_venue_goes_by_its_own_status_and_grid() {
    // The market, which is the policy's, has heard of nothing.
    let mut bench = Bench::new(VenueConfig { cancel_off_grid: true, ..VenueConfig::default() });
    let told = |bench: &mut Bench, payload| {
        let record = Record { ts_recv_ns: bench.now_ns, ts_event_ns: bench.now_ns, symbol: 0, payload };
        bench.venue.on_other(&record, &bench.market);
    };
    bench.quote(99, 101);
    bench.send(buy(5).limit(95));
    bench.send(buy(5).limit(90));
    assert_eq!(bench.news(), "1 accepted; 2 accepted");
    told(&mut bench, Payload::Status(Status::Paused));
    bench.send(buy(1));
    assert_eq!(bench.news(), "3 rejected market_closed");
    bench.quote(80, 81);
    assert_eq!(bench.news(), "");
    told(&mut bench, Payload::Status(Status::Open));
    told(&mut bench, Payload::Grid(TickGrid::constant(10)));
    assert_eq!(bench.news(), "1 cancelled off_grid");
    bench.send(sell(1).limit(105));
    bench.quote(80, 81);
    assert_eq!(bench.news(), "4 rejected off_grid; 2 5@90 maker");
    told(&mut bench, Payload::Cash(CashEvent::Refund));
    bench.send(buy(1));
    assert_eq!(bench.news(), "5 rejected instrument_ended");
}
