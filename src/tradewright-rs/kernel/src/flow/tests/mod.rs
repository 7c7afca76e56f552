mod exchange;

use super::chance::Chance;
use super::clock::Clock;
use super::value::Path;
use super::{Clusters, FlowMarket, GuestFill, Informed, Params, Request, Value};
use crate::book::{Action, Book, L2, WINDOW};
use crate::matching::{Change, Limit, Market, Reject, Tif};
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

fn limit(id: u64, side: Side, price: i64, size: i64) -> Request {
    Request::Limit(Limit { id, side, price, size, owner: 1, tif: Tif::Gtc, peak: 0 })
}

/// A market whose flow does nothing but send market orders of one lot.
fn takers() -> FlowMarket {
    let limit_rates = vec![1e-9];
    FlowMarket::new(Params { limit_rates, market_rate: 10.0, cancel_rates: vec![1e-9], ..params() }, 5, 0, 1).unwrap()
}

/// Orders of guests queue behind what stands, trade when their turn comes, and consume what they take.
#[test]
fn guests_queue_consume_and_move_the_book() {
    let (mut market, mut rows) = (takers(), Vec::new());
    assert_eq!(market.request(0, &limit(7, Side::Buy, 5_000, 3), &mut rows), Ok(()));
    assert_eq!((market.guest_queue_ahead(7), market.guest_open(7)), (Some(1), Some(3)));
    // A better price moves the book.
    assert_eq!(market.request(0, &limit(8, Side::Sell, 5_001, 2), &mut rows), Ok(()));
    assert_eq!(market.engine().best(Side::Sell).map(|level| (level.price, level.size)), Some((5_001, 3)));
    // Taking consumes what the flow had put there.
    rows.clear();
    let take = Request::Market(Market { id: 9, side: Side::Buy, size: 1, owner: 2 });
    assert_eq!(market.request(0, &take, &mut rows), Ok(()));
    let taken = GuestFill {
        at_ns: 0,
        id: 9,
        side: Side::Buy,
        price: 5_001,
        size: 1,
        is_maker: false,
        ahead: None,
        mid_x2: Some(10_001),
    };
    assert_eq!(market.guest_fills(), [taken]);
    assert_eq!(market.guest_queue_ahead(8), Some(0));
    assert_eq!(rows.iter().map(|row| row.event.action).collect::<Vec<_>>(), [Action::Trade, Action::Set]);
    assert_eq!(rows[1].event.lots, 2);
    // Then the flow's market orders meet ours: the first sale goes to the order before us.
    let (mut sold, mut bought) = (0, 0);
    while market.guest_open(7).is_some() || market.guest_open(8).is_some() {
        let before = [7, 8].map(|id| market.guest_queue_ahead(id));
        let best = |side| market.engine().best(side).map(|level| level.price);
        let mid_x2 = best(Side::Buy).zip(best(Side::Sell)).map(|(bid, ask)| bid + ask);
        market.step(&mut rows);
        for fill in market.guest_fills() {
            assert!(fill.is_maker && fill.size == 1);
            assert_eq!((fill.ahead, fill.mid_x2), (before[fill.id as usize - 7], mid_x2));
            if fill.id == 7 { bought += fill.size } else { sold += fill.size }
        }
    }
    assert_eq!((bought, sold), (3, 2));
}

#[test]
fn a_guest_who_trades_with_himself_is_cancelled_and_unknown_orders_are_refused() {
    let (mut market, mut rows) = (takers(), Vec::new());
    market.request(0, &Request::Market(Market { id: 1, side: Side::Buy, size: 1, owner: 1 }), &mut rows).unwrap();
    market.request(0, &limit(2, Side::Sell, 5_001, 1), &mut rows).unwrap();
    market.request(0, &limit(3, Side::Buy, 5_001, 1), &mut rows).unwrap();
    assert_eq!((market.guest_open(2), market.guest_open(3)), (Some(1), None));
    assert_eq!(market.request(0, &Request::Cancel(3), &mut rows), Err(Reject::UnknownId));
    assert_eq!(market.request(0, &Request::Cancel(1 << 63), &mut rows), Err(Reject::Malformed));
    let change = Change { price: Some(5_003), ..Change::default() };
    assert_eq!(market.request(0, &Request::Amend(2, change), &mut rows), Ok(()));
    assert_eq!(market.engine().best(Side::Sell).map(|level| level.price), Some(5_003));
}

/// Guests who trade all the time: the messages still lead to the engine's book, people still come at the same times, the
/// value is the same, and each print of theirs is one of the feed's.
#[test]
fn guests_change_the_book_but_neither_arrivals_nor_the_value() {
    let informed = Some(Informed { share: 0.4, value: Value::Brownian { start: 5_000.5, volatility: 0.5 } });
    let mut alone = FlowMarket::new(Params { informed, ..params() }, 21, 0, 1).unwrap();
    let mut visited = alone.clone();
    let (mut book, mut rows, mut mine, mut prints) = (L2::new(WINDOW), Vec::new(), 0, 0);
    visited.snapshot(&mut rows);
    for id in 0..4_000_u64 {
        let until_s = id as f64 * 0.05;
        while visited.next_s() < until_s {
            visited.step(&mut rows);
        }
        while alone.next_s() < until_s {
            alone.step(&mut Vec::new());
        }
        let at_ns = (until_s * 1e9) as i64;
        let side = if id % 2 == 0 { Side::Buy } else { Side::Sell };
        let best = visited.engine().best(side).map_or(5_000, |level| level.price);
        let request = match id % 5 {
            0 => Request::Market(Market { id, side, size: 2, owner: 1 }),
            1 => Request::Cancel(id - 1),
            2 => Request::Stop(Market { id, side, size: 1, owner: 1 }, best + 3 * side.sign()),
            _ => limit(id, side, best + side.sign(), 1),
        };
        let _ = visited.request(at_ns, &request, &mut rows);
        mine += visited.guest_fills().len();
        prints += rows.iter().filter(|row| row.event.action == Action::Trade).count();
        rows.drain(..).for_each(|row| book.apply(&row.event));
        for side in [Side::Buy, Side::Sell] {
            let expected = visited.engine().levels(side).map(|level| (level.price, level.size));
            assert!(book.levels(side).map(|level| (level.price, level.lots)).eq(expected), "order {id}");
        }
    }
    assert!(mine > 500 && prints > mine, "{mine} of {prints}");
    assert_ne!(visited.counts(), alone.counts());
    assert_eq!(visited.counts().limits, alone.counts().limits);
    assert_eq!(visited.values(), alone.values());
}
