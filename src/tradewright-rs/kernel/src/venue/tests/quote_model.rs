//! A second implementation of the rules on quotes: one order, every quote looked at from scratch.

use proptest::prelude::*;

use super::model::some_order;
use super::{Asked, Bench, line};
use crate::event::Quote;
use crate::order::{OrderType, ReportKind, Side, TimeInForce};
use crate::venue::{Latency, VenueConfig};

/// What the reports on the order say, without acceptances.
fn model(asked: &Asked, latency_ns: i64, quotes: &[Quote]) -> Vec<String> {
    let order = asked.0;
    let is_buy = order.side == Side::Buy;
    let is_immediate = matches!(order.tif, TimeInForce::Ioc | TimeInForce::Fok);
    let arrived_ns = order.decided_ns + latency_ns;
    // The quote in force on arrival, if there is one, and all that come later.
    let first = quotes.iter().rposition(|quote| quote.ts_recv_ns <= arrived_ns);
    let mut said = Vec::new();
    if first.is_none() && is_immediate && matches!(order.kind, OrderType::Market | OrderType::Limit { .. }) {
        return vec!["1 rejected no_price".to_owned()];
    }
    let (mut left, mut is_triggered, mut has_rested, mut best) = (order.lots, false, first.is_none(), None::<i64>);
    for quote in &quotes[first.unwrap_or(0)..] {
        let (price, size) = if is_buy { (quote.ask, quote.ask_size) } else { (quote.bid, quote.bid_size) };
        if price == i64::MAX || price == i64::MIN {
            let waits_for_stop = !matches!(order.kind, OrderType::Market | OrderType::Limit { .. }) && !is_triggered;
            if is_immediate && !waits_for_stop {
                said.push("1 rejected no_price".to_owned());
                return said;
            }
            has_rested |= !waits_for_stop;
            continue;
        }
        let stop = match order.kind {
            OrderType::Stop { stop } | OrderType::StopLimit { stop, .. } => Some(stop),
            OrderType::TrailingStop { distance } => {
                Some(best.map_or(if is_buy { i64::MAX } else { i64::MIN }, |best: i64| {
                    if is_buy { best + distance } else { best - distance }
                }))
            }
            _ => None,
        };
        best = Some(best.map_or(price, |best| if is_buy { best.min(price) } else { best.max(price) }));
        if let Some(stop) = stop
            && !is_triggered
        {
            if (is_buy && price < stop) || (!is_buy && price > stop) {
                continue;
            }
            (is_triggered, has_rested) = (true, false);
        }
        let limit = order.kind.limit();
        let is_met = limit.is_none_or(|limit| if is_buy { price <= limit } else { price >= limit });
        if is_met && order.post_only && !has_rested {
            said.push("1 rejected post_only_would_take".to_owned());
            return said;
        }
        let lots = if is_met { left.min(size.floor() as i64) } else { 0 };
        if lots > 0 && (order.tif != TimeInForce::Fok || lots == left) {
            left -= lots;
            let (at, who) = match limit {
                Some(limit) if has_rested => (limit, "maker"),
                _ => (price, "taker"),
            };
            said.push(format!("1 {lots}@{at} {who}"));
        }
        match order.tif {
            _ if left == 0 => return said,
            TimeInForce::Ioc => said.push("1 cancelled ioc_remainder".to_owned()),
            TimeInForce::Fok => said.push("1 cancelled fok_unfilled".to_owned()),
            _ => {
                has_rested = true;
                continue;
            }
        }
        return said;
    }
    said
}

fn some_quotes() -> impl Strategy<Value = Vec<Quote>> {
    let size = || prop_oneof![Just(0.5), 1.0..12.0];
    let quote = (90_i64..112, 1_i64..4, size(), size(), 0_u8..12, 1_i64..60);
    prop::collection::vec(quote, 1..12).prop_map(|rows| {
        let mut now_ns = 0;
        rows.into_iter()
            .map(|(bid, spread, bid_size, ask_size, missing, wait_ns)| {
                now_ns += wait_ns;
                let ask = if missing == 0 { i64::MAX } else { bid + spread };
                let bid = if missing == 1 { i64::MIN } else { bid };
                Quote { ts_recv_ns: now_ns, ts_event_ns: now_ns, bid, ask, bid_size, ask_size }
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn one_order_fares_as_in_the_slow_model(
        asked in some_order(), latency_ns in 0_i64..130, quotes in some_quotes()
    ) {
        let latency = Latency::Constant { entry_ns: latency_ns, response_ns: 0 };
        let mut bench = Bench::new(VenueConfig { latency, ..VenueConfig::default() });
        bench.venue.declare(0, crate::market::SourceKind::Quote);
        let mut waiting = Some(asked);
        let end_ns = 1_000;
        for quote in &quotes {
            if let Some(asked) = waiting.filter(|asked| asked.0.decided_ns < quote.ts_recv_ns) {
                bench.until(asked.0.decided_ns);
                bench.send(asked);
                waiting = None;
            }
            bench.quote_at(quote.ts_recv_ns, quote.bid, quote.ask, quote.bid_size, quote.ask_size);
        }
        if let Some(asked) = waiting {
            bench.until(asked.0.decided_ns);
            bench.send(asked);
        }
        bench.until(end_ns);
        let told: Vec<String> =
            bench.reports.iter().filter(|report| report.kind != ReportKind::Accepted).map(line).collect();
        prop_assert_eq!(told, model(&asked, latency_ns, &quotes));
    }
}
