use super::*;
use crate::event::{Bar, Quote, Trade};

fn spec(op: &str, inputs: &[u32]) -> NodeSpec {
    NodeSpec { op: op.to_owned(), inputs: inputs.to_vec(), ..NodeSpec::default() }
}

fn source(op: &str, symbol: u32) -> NodeSpec {
    NodeSpec { symbol: Some(symbol), ..spec(op, &[]) }
}

fn windowed(op: &str, input: u32, n: i64) -> NodeSpec {
    NodeSpec { ints: vec![n, 0], ..spec(op, &[input]) }
}

fn constant(value: f64) -> NodeSpec {
    NodeSpec { numbers: vec![value], ..spec("const", &[]) }
}

fn sma_cross(fast: i64, slow: i64) -> Vec<NodeSpec> {
    vec![
        source("close", 0),
        windowed("rolling_mean", 0, fast),
        windowed("rolling_mean", 0, slow),
        spec("sub", &[1, 2]),
        constant(0.0),
        spec("crosses", &[3, 4]),
    ]
}

struct Bench {
    graph: Graph,
    market: Market,
}

impl Bench {
    fn new(specs: &[NodeSpec], symbols: usize) -> Bench {
        let instruments: Vec<Instrument> = (0..symbols).map(|i| Instrument::plain(&format!("S{i}"))).collect();
        Bench { graph: Graph::build(specs, &instruments).unwrap(), market: Market::new(instruments) }
    }

    fn bar(&mut self, symbol: u32, close: i64) {
        let bar = Bar { close, open: close, high: close, low: close, ..Bar::default() };
        self.market.on_bar(symbol, &bar);
        self.graph.touch(symbol, SourceKind::Bar, &self.market);
    }

    fn trade(&mut self, symbol: u32, price: i64) {
        self.market.on_trade(symbol, &Trade { price, size: 1.0, ..Trade::default() });
        self.graph.touch(symbol, SourceKind::Trade, &self.market);
    }

    fn step(&mut self) -> Vec<u32> {
        self.market.now_ns = self.market.now_ns.saturating_add(1);
        self.graph.evaluate(&self.market, &mut NoCallables).unwrap();
        self.graph.fired().to_vec()
    }
}

#[test]
fn the_first_ready_value_arms_and_touching_does_not_fire() {
    let mut bench = Bench::new(&[source("close", 0), constant(5e-6), spec("crosses", &[0, 1])], 1);
    let fired: Vec<bool> = [7, 5, 5, 4, 5, 6, 5, 6, 4]
        .into_iter()
        .map(|close| {
            bench.bar(0, close);
            !bench.step().is_empty()
        })
        .collect();
    assert_eq!(fired, [false, false, false, true, false, true, false, true, true]);
    assert!(bench.graph.is_condition(2) && !bench.graph.is_condition(0));
}

#[test]
fn a_pulse_is_over_when_another_source_moves() {
    // crosses(close0, 5) & (close1 > 0): the crossing of an earlier step must not be seen when 1 moves.
    let specs = [
        source("close", 0),
        constant(5e-6),
        spec("crosses", &[0, 1]),
        source("close", 1),
        constant(0.0),
        spec("gt", &[3, 4]),
        spec("and", &[2, 5]),
        spec("not", &[2]),
    ];
    let mut bench = Bench::new(&specs, 2);
    bench.bar(0, 1);
    bench.bar(1, 1);
    assert_eq!(bench.step(), [5, 7]);
    bench.bar(0, 9);
    assert_eq!(bench.step(), [2, 6]);
    bench.bar(1, 1);
    assert_eq!(bench.step(), [5]);
    assert_eq!(bench.graph.value(2), 0.0);
    assert_eq!(bench.graph.value(7), 1.0);
    assert!(bench.step().is_empty());
}

#[test]
fn nodes_of_several_sources_are_sampled_once_a_step() {
    let specs =
        [source("close", 0), source("close", 1), spec("sub", &[0, 1]), NodeSpec { ints: vec![1], ..spec("lag", &[2]) }];
    let mut bench = Bench::new(&specs, 2);
    bench.bar(0, 10_000_000);
    bench.bar(1, 4_000_000);
    bench.step();
    assert!(bench.graph.value(3).is_nan());
    bench.bar(1, 5_000_000);
    bench.bar(0, 20_000_000);
    bench.step();
    assert_eq!([bench.graph.value(2), bench.graph.value(3)], [15.0, 6.0]);
}

#[test]
fn every_trade_of_a_step_is_a_sample_and_a_condition_fires_once() {
    let specs = [source("last", 0), windowed("rolling_sum", 0, 3), constant(2e-6), spec("crosses_above", &[0, 2])];
    let mut bench = Bench::new(&specs, 1);
    for price in [1, 3, 1, 4] {
        bench.trade(0, price);
    }
    assert_eq!(bench.step(), [3]);
    assert_eq!(bench.graph.value(1), 8e-6);
}

#[test]
fn an_empty_side_is_no_sample() {
    let mut bench = Bench::new(&[source("mid", 0), windowed("rolling_mean", 0, 2)], 1);
    let mut means = Vec::new();
    for (bid, ask) in [(1, 3), (2, i64::MAX), (3, 5)] {
        bench.market.on_quote(0, &Quote { bid, ask, ..Quote::default() });
        bench.graph.touch(0, SourceKind::Quote, &bench.market);
        bench.step();
        means.push(bench.graph.value(1));
    }
    assert!(means[0].is_nan() && means[1].is_nan());
    assert_eq!(means[2], 3e-6);
}

#[test]
fn bad_nodes_are_named() {
    let build = |specs: &[NodeSpec]| Graph::build(specs, &[Instrument::plain("X")]).unwrap_err();
    assert_eq!(build(&[spec("smaa", &[])]), "feature 0 (smaa): is not an operation");
    assert_eq!(build(&[source("close", 7)]), "feature 0 (close): symbol 7 is not one of 1");
    assert!(build(&[spec("neg", &[0])]).contains("not an earlier node"));
    assert!(build(&[constant(1.0), windowed("rolling_std", 0, 3)]).contains("reads nothing that changes"));
    assert!(build(&[source("close", 0), windowed("rolling_std", 0, 0)]).contains("count >= 1"));
}

/// `cargo test --release -p tradewright-kernel features::tests::time -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn time_of_the_sma_cross() {
    let mut bench = Bench::new(&sma_cross(20, 50), 1);
    let mut random = 88_172_645_463_325_252_u64;
    let mut close = 3_000_000;
    let closes: Vec<i64> = (0..500_000)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            close += (random % 2001) as i64 - 1000;
            close
        })
        .collect();
    let mut fired = 0;
    for upto in 1..=6 {
        let mut bench = Bench::new(&sma_cross(20, 50)[..upto], 1);
        let start = std::time::Instant::now();
        for close in &closes {
            bench.market.symbols[0].bar.close = *close;
            bench.graph.touch(0, SourceKind::Bar, &bench.market);
            bench.graph.evaluate(&bench.market, &mut NoCallables).unwrap();
            fired += bench.graph.fired().len();
        }
        println!(
            "{upto} nodes: {:.2} ns a bar, {fired} fired",
            start.elapsed().as_nanos() as f64 / closes.len() as f64
        );
    }
    for _ in 0..5 {
        let start = std::time::Instant::now();
        for close in &closes {
            bench.market.symbols[0].bar.close = *close;
            bench.graph.touch(0, SourceKind::Bar, &bench.market);
            bench.graph.evaluate(&bench.market, &mut NoCallables).unwrap();
            fired += bench.graph.fired().len();
        }
        println!("{:.2} ns a bar, {fired} fired", start.elapsed().as_nanos() as f64 / closes.len() as f64);
    }
    println!("{} bytes a node", std::mem::size_of::<Node>());
}
