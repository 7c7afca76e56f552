//! What fills on bars cost, worked by hand: spread, impact, volatility, fees.

use super::{Bench, buy, check, sell};
use crate::instrument::{DatedFees, FeeRates, Instrument};
use crate::order::ReportKind;
use crate::venue::{Costs, VenueConfig};

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
