use super::chance::Chance;
use super::clock::Clock;
use super::value::Path;
use super::{Clusters, FlowMarket, Informed, Params, Value};
use crate::book::{Book, L2, WINDOW};
use crate::order::Side;

fn params() -> Params {
    Params {
        limit_rates: vec![1.85, 1.51, 1.09, 0.88, 0.77],
        market_rate: 0.94,
        cancel_rates: vec![0.71, 0.81, 0.68, 0.56, 0.47],
        lots: 1.0,
        varies: false,
        bid: 5_000,
        low: 1,
        high: 10_000,
        clusters: None,
        informed: None,
    }
}

fn mean_and_variance(samples: &[f64]) -> (f64, f64) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    (mean, samples.iter().map(|sample| (sample - mean) * (sample - mean)).sum::<f64>() / (count - 1.0))
}

#[test]
fn draws_have_the_moments_of_their_laws() {
    let mut chance = Chance::new(7, 0);
    let mut draw = |law: &dyn Fn(&mut Chance) -> f64| {
        let samples: Vec<f64> = (0..200_000).map(|_| law(&mut chance)).collect();
        mean_and_variance(&samples)
    };
    let near = |(mean, variance): (f64, f64), expected: (f64, f64)| {
        // Five standard errors of a mean; of a variance no law here needs more than five per cent.
        assert!((mean - expected.0).abs() < 5.0 * (expected.1 / 200_000.0).sqrt(), "{mean} is not {}", expected.0);
        assert!((variance / expected.1 - 1.0).abs() < 0.05, "{variance} is not {}", expected.1);
    };
    near(draw(&|chance| chance.uniform()), (0.5, 1.0 / 12.0));
    near(draw(&|chance| chance.exponential(2.0)), (0.5, 0.25));
    near(draw(&|chance| chance.normal()), (0.0, 1.0));
    near(draw(&|chance| chance.below(6) as f64), (2.5, 35.0 / 12.0));
    near(draw(&|chance| chance.geometric(4.0) as f64), (4.0, 12.0));
}

/// Counts in long windows: a Hawkes process has mean rate × time, and variance / mean tends to 1 / (1 − n)².
#[test]
fn clusters_keep_the_mean_rate_and_multiply_the_variance() {
    for (clusters, fano) in [(None, 1.0), (Some(Clusters { branching: 0.5, decay: 5.0 }), 4.0)] {
        let (mut clock, mut chance) = (Clock::new(2.0, clusters), Chance::new(11, 0));
        let (window_s, windows) = (100.0, 4_000);
        let mut counts = vec![0.0; windows];
        let mut now_s = clock.wait(&mut chance);
        while now_s < window_s * windows as f64 {
            counts[(now_s / window_s) as usize] += 1.0;
            now_s += clock.wait(&mut chance);
        }
        let (mean, variance) = mean_and_variance(&counts);
        assert!((mean / 200.0 - 1.0).abs() < 0.01, "mean {mean}");
        // The window is long but not endless: the exact ratio is some two per cent lower.
        assert!((variance / mean / fano - 1.0).abs() < 0.1, "variance / mean {}", variance / mean);
    }
}

#[test]
fn a_binary_value_is_a_martingale_that_ends_at_nothing_or_all() {
    let value = Value::Binary { start: 0.3, payoff: 100.0, horizon_s: 60.0 };
    let (mut half, mut end) = (0.0, 0.0);
    for seed in 0..40_000 {
        let mut path = Path::new(value, Chance::new(seed, 3));
        assert!((path.at(0.0) - 30.0).abs() < 1e-9);
        half += path.at(30.0);
        let last = path.at(60.0);
        assert!(last == 0.0 || last == 100.0);
        end += last;
    }
    let error = 100.0 * (0.3_f64 * 0.7 / 40_000.0).sqrt();
    assert!((half / 40_000.0 - 30.0).abs() < 4.0 * error && (end / 40_000.0 - 30.0).abs() < 4.0 * error);
}

/// The messages alone lead to the book that the engine has, and it is never crossed.
#[test]
fn messages_lead_to_the_engines_book() {
    let value = Value::Brownian { start: 5_000.5, volatility: 1.0 };
    let informed = Some(Informed { share: 0.5, value });
    let clusters = Some(Clusters { branching: 0.7, decay: 10.0 });
    let mut market =
        FlowMarket::new(Params { informed, clusters, lots: 5.0, varies: true, ..params() }, 3, 0, 1).unwrap();
    let (mut book, mut rows) = (L2::new(WINDOW), Vec::new());
    market.snapshot(&mut rows);
    for step in 0..20_000 {
        rows.drain(..).for_each(|row| book.apply(&row.event));
        for side in [Side::Buy, Side::Sell] {
            let expected = market.engine().levels(side).map(|level| (level.price, level.size));
            assert!(book.levels(side).map(|level| (level.price, level.lots)).eq(expected), "step {step}");
        }
        market.step(&mut rows);
    }
    assert!(market.counts().informed > 100 && market.counts().trades > 1_000);
}

#[test]
fn impossible_markets_are_refused() {
    let refused = |params: Params| FlowMarket::new(params, 0, 0, 1).err().unwrap();
    assert!(refused(Params { limit_rates: vec![0.0], ..params() }).contains("limit_rates"));
    assert!(refused(Params { market_rate: f64::NAN, ..params() }).contains("market_rate"));
    assert!(refused(Params { cancel_rates: vec![], ..params() }).contains("cancel_rates"));
    assert!(refused(Params { lots: 1.5, ..params() }).contains("lots"));
    assert!(refused(Params { bid: 10_000, ..params() }).contains("bid"));
    let clusters = Some(Clusters { branching: 1.0, decay: 1.0 });
    assert!(refused(Params { clusters, ..params() }).contains("branching"));
    let informed = Some(Informed { share: 1.1, value: Value::Brownian { start: 1.0, volatility: 1.0 } });
    assert!(refused(Params { informed, ..params() }).contains("share"));
}
