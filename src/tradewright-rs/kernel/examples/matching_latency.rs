//! Percentiles of the time of one command, beside the rate without a clock in between.
//!
//! `cargo run --release --example matching_latency [COMMANDS]`

use std::time::Instant;

#[path = "../benches/flow/mod.rs"]
mod flow;

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let commands = flow::make(count);
    let mut rates = Vec::new();
    let mut lots = 0;
    for _ in 0..7 {
        let (mut engine, mut sink) = start(&commands);
        let clock = Instant::now();
        for command in &commands[flow::LIVE..] {
            flow::apply(&mut engine, command, &mut sink).expect("the flow asks for nothing impossible");
        }
        rates.push(count as f64 / clock.elapsed().as_secs_f64());
        lots = sink.lots;
    }
    rates.sort_by(f64::total_cmp);

    let (mut engine, mut sink) = start(&commands);
    let mut times: Vec<u64> = Vec::with_capacity(count);
    for command in &commands[flow::LIVE..] {
        let clock = Instant::now();
        flow::apply(&mut engine, command, &mut sink).expect("the flow asks for nothing impossible");
        times.push(clock.elapsed().as_nanos() as u64);
    }
    let idle: Vec<u64> = (0..100_000).map(|_| Instant::now().elapsed().as_nanos() as u64).collect();
    println!("{count} commands, {} trades, {lots} lots, {} live at the end", sink.fills, engine.resting());
    println!("{:.1} M commands/s (median of {})", rates[rates.len() / 2] / 1e6, rates.len());
    for (name, times) in [("command", times), ("clock alone", idle)] {
        let mut times = times;
        times.sort_unstable();
        let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
        println!("{name}: p50 {} ns, p99 {} ns, p99.9 {} ns, max {} ns", at(0.5), at(0.99), at(0.999), at(1.0));
    }
}

fn start(commands: &[flow::Command]) -> (tradewright_kernel::matching::Engine, flow::Count) {
    let (mut engine, mut sink) = (flow::engine(), flow::Count::default());
    for command in &commands[..flow::LIVE] {
        flow::apply(&mut engine, command, &mut sink).expect("the flow asks for nothing impossible");
    }
    (engine, flow::Count::default())
}
