//! Commands a second of the matching engine alone.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

mod flow;

const COMMANDS: usize = 200_000;

fn exchange_core_mix(criterion: &mut Criterion) {
    let commands = flow::make(COMMANDS);
    let mut full = flow::engine();
    let mut count = flow::Count::default();
    for command in &commands[..flow::LIVE] {
        flow::apply(&mut full, command, &mut count).expect("the flow asks for nothing impossible");
    }
    let mut group = criterion.benchmark_group("matching");
    group.throughput(Throughput::Elements(COMMANDS as u64));
    group.bench_function("exchange-core mix", |bencher| {
        bencher.iter_batched_ref(
            || (full.clone(), flow::Count::default()),
            |(engine, count)| {
                for command in &commands[flow::LIVE..] {
                    flow::apply(engine, command, count).expect("the flow asks for nothing impossible");
                }
                count.lots
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, exchange_core_mix);
criterion_main!(benches);
