//! A second implementation of the rules on bars: one order at a time, every tick of the path walked from scratch.

use proptest::prelude::*;

use super::{Asked, Bench, line};
use crate::event::Bar;
use crate::order::{OrderType, ReportKind, Side, TimeInForce};
use crate::venue::{BarPath, BarTiming, Fills, Latency, VenueConfig};

const LENGTH_NS: i64 = 60;
/// Bars open this far apart: the market rests in between.
const APART_NS: i64 = 100;

/// The order's life in words, as the reports of the venue say it, without acceptances.
struct Life<'a> {
    asked: &'a Asked,
    fills: &'a Fills,
    left: i64,
    is_over: bool,
    said: Vec<String>,
}

impl Life<'_> {
    fn say(&mut self, what: String) {
        self.said.push(format!("1 {what}"));
    }

    fn over(&mut self, what: &str) {
        if !self.is_over {
            self.say(what.to_owned());
        }
        self.is_over = true;
    }

    fn give_up(&mut self) {
        match self.asked.0.tif {
            TimeInForce::Ioc => self.over("cancelled ioc_remainder"),
            TimeInForce::Fok => self.over("cancelled fok_unfilled"),
            _ => {}
        }
    }

    fn trade(&mut self, price: i64, liquidity: &str, volume_left: &mut i64) {
        let lots = self.left.min(*volume_left);
        if lots > 0 && (self.asked.0.tif != TimeInForce::Fok || lots == self.left) {
            self.left -= lots;
            *volume_left -= lots;
            self.say(format!("{lots}@{price} {liquidity}"));
            self.is_over = self.left == 0;
        }
        if self.left > 0 {
            self.give_up();
        }
    }
}

/// Every price from point to point, and whether it is the first of the bar.
fn ticks(points: &[i64]) -> Vec<(i64, bool)> {
    let mut walked = vec![(points[0], true)];
    for pair in points.windows(2) {
        let mut price = pair[0];
        while price != pair[1] {
            price += (pair[1] - price).signum();
            walked.push((price, false));
        }
    }
    walked
}

/// The prices that this order meets in this bar.
fn path(asked: &Asked, bar: &Bar, fills: &Fills, arrived_ns: i64) -> Vec<i64> {
    let Bar { open, high, low, close, .. } = *bar;
    let is_buy = asked.0.side == Side::Buy;
    let whole = match (fills.path, asked.0.kind) {
        (BarPath::OpenHighLowClose, _) => [open, high, low, close],
        (BarPath::OpenLowHighClose, _) => [open, low, high, close],
        (_, OrderType::TrailingStop { .. }) if is_buy => [open, high, low, close],
        (_, OrderType::TrailingStop { .. }) => [open, low, high, close],
        (_, _) if is_buy => [open, low, high, close],
        (_, _) => [open, high, low, close],
    };
    if bar.ts_event_ns <= arrived_ns {
        return Vec::new();
    }
    let from_ns = if fills.timing == BarTiming::NextOpen { asked.0.decided_ns } else { arrived_ns };
    if bar.open_ns >= from_ns {
        return whole.to_vec();
    }
    match (fills.timing, fills.path) {
        (BarTiming::NextOpen, _) => Vec::new(),
        (BarTiming::Path, BarPath::Pessimistic) => vec![if is_buy { high } else { low }, close],
        (BarTiming::Path, _) if arrived_ns <= bar.open_ns + 20 => whole[1..].to_vec(),
        (BarTiming::Path, _) if arrived_ns <= bar.open_ns + 40 => whole[2..].to_vec(),
        (BarTiming::Path, _) => whole[3..].to_vec(),
    }
}

fn model(asked: &Asked, latency_ns: i64, bars: &[Bar], fills: &Fills) -> Vec<String> {
    let arrived_ns = asked.0.decided_ns + latency_ns;
    let is_buy = asked.0.side == Side::Buy;
    let better_or_equal = |price: i64, than: i64| if is_buy { price <= than } else { price >= than };
    let mut life = Life { asked, fills, left: asked.0.lots, is_over: false, said: Vec::new() };
    let mut is_triggered = false;
    let mut is_fresh = true;
    let mut best: Option<i64> = bars.iter().rfind(|bar| bar.ts_event_ns <= arrived_ns).map(|bar| bar.close);
    for bar in bars {
        let points = path(asked, bar, fills, arrived_ns);
        if points.is_empty() {
            continue;
        }
        let mut volume_left = match life.fills.participation_max {
            None => i64::MAX,
            Some(_) if bar.volume == 0.0 && life.fills.zero_volume_fills => i64::MAX,
            Some(share) => (bar.volume * share).floor() as i64,
        };
        for (price, is_first) in ticks(&points) {
            if life.is_over {
                break;
            }
            let stop = match asked.0.kind {
                OrderType::Stop { stop } | OrderType::StopLimit { stop, .. } => Some(stop),
                OrderType::TrailingStop { distance } => {
                    best.map(|best| if is_buy { best + distance } else { best - distance })
                }
                _ => None,
            };
            let mut acts = is_first;
            if let Some(stop) = stop
                && !is_triggered
                && better_or_equal(stop, price)
            {
                (is_triggered, is_fresh, acts) = (true, true, true);
            }
            let waits = matches!(
                asked.0.kind,
                OrderType::Stop { .. } | OrderType::StopLimit { .. } | OrderType::TrailingStop { .. }
            ) && !is_triggered;
            match asked.0.kind.limit() {
                _ if waits => {}
                None if acts => life.trade(price, "taker", &mut volume_left),
                None => {}
                Some(limit) if acts => {
                    if !better_or_equal(price, limit) {
                        life.give_up();
                    } else if is_fresh && asked.0.post_only {
                        let is_resting = is_triggered; // A stop was accepted before it was triggered.
                        life.over(if is_resting { "? post_only_would_take" } else { "rejected post_only_would_take" });
                    } else {
                        life.trade(price, if is_fresh { "taker" } else { "maker" }, &mut volume_left);
                    }
                    is_fresh = false;
                }
                Some(limit) if better_or_equal(price, limit) && (price != limit || fills.touch_fills) => {
                    life.trade(limit, "maker", &mut volume_left);
                }
                Some(_) => {}
            }
            best = Some(match best {
                None => price,
                Some(best) if is_buy => best.min(price),
                Some(best) => best.max(price),
            });
        }
    }
    life.said
}

fn some_bars() -> impl Strategy<Value = Vec<Bar>> {
    let bar =
        (90_i64..110, 0_i64..8, 0_i64..8, 0_i64..=100, prop_oneof![Just(0.0), (1_i64..12).prop_map(|v| v as f64)]);
    prop::collection::vec(bar, 1..8).prop_map(|rows| {
        let mut open_ns = 0;
        rows.into_iter()
            .map(|(open, up, down, place, volume)| {
                let (high, low) = (open + up, open - down);
                let close = low + (high - low) * place / 100;
                let end_ns = open_ns + LENGTH_NS;
                let bar = Bar { ts_recv_ns: end_ns, ts_event_ns: end_ns, open_ns, open, high, low, close, volume };
                open_ns += APART_NS;
                bar
            })
            .collect()
    })
}

pub(super) fn some_order() -> impl Strategy<Value = Asked> {
    let price = || 88_i64..114;
    let kind = prop_oneof![
        Just(OrderType::Market),
        price().prop_map(|limit| OrderType::Limit { limit }),
        price().prop_map(|stop| OrderType::Stop { stop }),
        (price(), price()).prop_map(|(stop, limit)| OrderType::StopLimit { stop, limit }),
        (1_i64..9).prop_map(|distance| OrderType::TrailingStop { distance }),
    ];
    let tif = prop_oneof![3 => Just(TimeInForce::Gtc), 1 => Just(TimeInForce::Ioc), 1 => Just(TimeInForce::Fok)];
    let decided_ns = prop_oneof![2 => Just(0_i64), 1 => 0_i64..250];
    (any::<bool>(), 1_i64..15, kind, tif, 0_u8..5, decided_ns).prop_map(
        |(is_buy, lots, kind, tif, post, decided_ns)| {
            let mut asked = super::asked(if is_buy { Side::Buy } else { Side::Sell }, lots).kind(kind).tif(tif);
            asked.0.post_only = post == 0 && matches!(kind, OrderType::Limit { .. });
            asked.0.decided_ns = decided_ns;
            asked
        },
    )
}

fn some_fills() -> impl Strategy<Value = Fills> {
    let path =
        prop_oneof![Just(BarPath::Pessimistic), Just(BarPath::OpenHighLowClose), Just(BarPath::OpenLowHighClose)];
    let timing = prop_oneof![Just(BarTiming::NextOpen), Just(BarTiming::Path)];
    let share = prop_oneof![Just(None), Just(Some(0.5)), Just(Some(1.0))];
    (timing, path, any::<bool>(), share, any::<bool>()).prop_map(
        |(timing, path, touch_fills, participation_max, zero_volume_fills)| Fills {
            timing,
            path,
            touch_fills,
            participation_max,
            zero_volume_fills,
            displayed_size_caps: true,
            ..Fills::default()
        },
    )
}

/// Runs the venue: bars in order, each order sent at its time.
fn run(orders: &[Asked], latency_ns: i64, bars: &[Bar], fills: Fills) -> Bench {
    let latency = Latency::Constant { entry_ns: latency_ns, response_ns: 0 };
    let mut bench = Bench::new(VenueConfig { latency, fills, ..VenueConfig::default() });
    let mut waiting: Vec<&Asked> = orders.iter().collect();
    waiting.sort_by_key(|asked| asked.0.decided_ns);
    for bar in bars {
        while waiting.first().is_some_and(|asked| asked.0.decided_ns < bar.ts_recv_ns) {
            let asked = waiting.remove(0);
            bench.until(asked.0.decided_ns);
            bench.send(*asked);
        }
        bench.until(bar.ts_recv_ns);
        bench.bar_record(*bar);
    }
    bench
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn one_order_fares_as_in_the_slow_model(
        asked in some_order(), latency_ns in 0_i64..130, bars in some_bars(), fills in some_fills()
    ) {
        let bench = run(&[asked], latency_ns, &bars, fills);
        let told: Vec<String> = bench.reports.iter()
            .filter(|report| report.kind != ReportKind::Accepted)
            .map(line)
            .collect();
        prop_assert_eq!(told, model(&asked, latency_ns, &bars, &fills));
    }

    #[test]
    fn together_orders_stay_within_size_limit_volume_and_position(
        orders in prop::collection::vec((some_order(), any::<bool>()), 1..12),
        bars in some_bars(),
        fills in some_fills(),
    ) {
        let orders: Vec<Asked> = orders.into_iter().map(|(mut asked, reduce_only)| {
            asked.0.reduce_only = reduce_only;
            asked
        }).collect();
        let mut sorted = orders.clone();
        sorted.sort_by_key(|asked| asked.0.decided_ns); // Ids are given in this order, from 1.
        let bench = run(&orders, 0, &bars, fills);
        let mut filled = vec![0_i64; sorted.len() + 1];
        let mut ended = vec![false; sorted.len() + 1];
        let mut taken = vec![0_i64; bars.len()];
        let mut position = 0_i64;
        for report in &bench.reports {
            let id = report.order as usize;
            let order = sorted[id - 1].0;
            prop_assert!(!ended[id], "news of an order that has ended");
            prop_assert!(report.ts_recv_ns >= report.ts_event_ns && report.ts_event_ns >= order.decided_ns);
            let ReportKind::Filled(fill) = report.kind else {
                ended[id] = report.kind != ReportKind::Accepted;
                continue;
            };
            let index = bars.iter().position(|bar| bar.ts_recv_ns == report.ts_recv_ns).unwrap();
            taken[index] += fill.lots;
            filled[id] += fill.lots;
            prop_assert!(fill.lots > 0 && filled[id] <= order.lots);
            prop_assert!(bars[index].low <= fill.price && fill.price <= bars[index].high);
            if let Some(limit) = order.kind.limit() {
                prop_assert!((limit - fill.price) * order.side.sign() >= 0, "beyond its limit");
            }
            let before = position;
            position += order.side.sign() * fill.lots;
            if order.reduce_only {
                prop_assert!(position.abs() < before.abs() && position * before >= 0, "opened a position");
            }
            ended[id] = filled[id] == order.lots;
        }
        prop_assert_eq!(position, bench.venue.position(0));
        if let Some(share) = fills.participation_max {
            for (lots, bar) in taken.iter().zip(&bars) {
                let free = bar.volume == 0.0 && fills.zero_volume_fills;
                prop_assert!(free || *lots as f64 <= bar.volume * share);
            }
        }
    }
}
