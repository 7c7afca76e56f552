//! The exchange: what the kernel's orders are told, and when.

use super::{params, takers};
use crate::book::{Action, Book, L2, WINDOW};
use crate::event::BookRow;
use crate::flow::{Exchange, FlowMarket, Params};
use crate::instrument::Instrument;
use crate::order::{Fill, Liquidity, Order, OrderId, OrderType, Reason, Report, ReportKind, Side, TimeInForce};
use crate::venue::Latency;

const END_NS: i64 = 600_000_000_000;
const MS: i64 = 1_000_000;

fn open(market: FlowMarket) -> Exchange {
    let latency = Latency::Constant { entry_ns: 2 * MS, response_ns: 3 * MS };
    Exchange::new(market, Instrument::plain("X"), 1, END_NS, latency, MS)
}

fn order(id: OrderId, side: Side, lots: i64, limit: Option<i64>) -> Order {
    let kind = limit.map_or(OrderType::Market, |limit| OrderType::Limit { limit });
    Order {
        id,
        policy: 0,
        symbol: 0,
        side,
        lots,
        kind,
        tif: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        decided_ns: 0,
    }
}

/// Runs until nothing is left to happen or `until_ns`, as the loop does: the flow, then reports, then requests.
fn run(exchange: &mut Exchange, until_ns: i64) -> (Vec<BookRow>, Vec<Report>) {
    let (mut rows, mut reports) = (Vec::new(), Vec::new());
    loop {
        let now_ns = exchange.next_ns().min(exchange.next_arrival_ns()).min(exchange.next_report_ns());
        if now_ns > until_ns || now_ns == i64::MAX {
            return (rows, reports);
        }
        exchange.advance(now_ns, &mut rows);
        exchange.notices(now_ns, 0, &mut Vec::new());
        exchange.pop_reports(now_ns, &mut reports);
        exchange.arrive(now_ns);
    }
}

fn kinds(reports: &[Report]) -> Vec<ReportKind> {
    reports.iter().map(|report| report.kind).collect()
}

#[test]
fn orders_arrive_after_the_latency_and_are_told_after_it_back() {
    let mut exchange = open(takers());
    exchange.submit(&order(4, Side::Buy, 1, None));
    assert_eq!(exchange.next_arrival_ns(), 3 * MS); // decision and entry
    let (rows, reports) = run(&mut exchange, 6 * MS);
    let fill = Fill { fill_id: 1, price: 5_001, lots: 1, fee: 0, liquidity: Liquidity::Taker };
    assert_eq!(kinds(&reports), [ReportKind::Accepted, ReportKind::Filled(fill)]);
    assert!(reports.iter().all(|report| (report.ts_event_ns, report.ts_recv_ns) == (3 * MS, 6 * MS)));
    // The feed shows what we took, at the time of it.
    let print = rows.iter().find(|row| row.event.action == Action::Trade).unwrap();
    assert_eq!((print.ts_event_ns, print.event.price, print.event.lots), (3 * MS, 5_001, 1));
    exchange.cancel(4, 10 * MS);
    assert_eq!(kinds(&run(&mut exchange, 20 * MS).1), [ReportKind::CancelRejected]);
}

#[test]
fn refusals_name_their_reason() {
    let mut exchange = open(takers());
    let bid = order(0, Side::Buy, 1, Some(5_001));
    exchange.submit(&Order { id: 0, post_only: true, ..bid });
    exchange.submit(&Order { id: 1, lots: 50, tif: TimeInForce::Fok, ..bid });
    exchange.submit(&Order { id: 2, kind: OrderType::Limit { limit: -1 }, ..bid });
    exchange.submit(&Order { id: 3, kind: OrderType::TrailingStop { distance: 5 }, ..bid });
    exchange.submit(&Order { id: 4, reduce_only: true, ..bid });
    exchange.submit(&Order { id: 5, tif: TimeInForce::Day, ..bid });
    let (_, reports) = run(&mut exchange, 6 * MS);
    let reasons = [
        Reason::PostOnlyWouldTake,
        Reason::FokUnfilled,
        Reason::OutOfBounds,
        Reason::Venue,
        Reason::Venue,
        Reason::Venue,
    ];
    assert_eq!(kinds(&reports), reasons.map(ReportKind::Rejected));
    // An immediate order takes what is there, and is told of the rest.
    exchange.submit(&Order { id: 6, lots: 9, tif: TimeInForce::Ioc, decided_ns: 10 * MS, ..bid });
    let (_, reports) = run(&mut exchange, 16 * MS);
    assert!(matches!(reports[1].kind, ReportKind::Filled(Fill { lots: 1, .. })));
    assert_eq!(reports[2].kind, ReportKind::Cancelled(Reason::IocRemainder));
}

#[test]
fn resting_orders_are_amended_cancelled_and_ended() {
    let mut exchange = open(takers());
    for id in 0..3 {
        exchange.submit(&order(id, Side::Buy, 5, Some(4_000)));
    }
    exchange.amend(0, 4_001, 4, 0);
    exchange.cancel(1, 0);
    exchange.amend(9, 4_001, 4, 0);
    let (_, reports) = run(&mut exchange, 6 * MS);
    let amended = ReportKind::Amended { limit: 4_001, lots: 4 };
    let last = [amended, ReportKind::Cancelled(Reason::None), ReportKind::AmendRejected];
    assert_eq!(kinds(&reports), [[ReportKind::Accepted; 3], last].concat());
    exchange.submit(&order(7, Side::Buy, 5, Some(4_000)));
    exchange.end_run(7 * MS);
    let mut reports = Vec::new();
    exchange.pop_reports(i64::MAX, &mut reports);
    assert_eq!(kinds(&reports), [ReportKind::Cancelled(Reason::RunEnded); 3]);
    assert_eq!(reports.iter().map(|report| report.order).collect::<Vec<_>>(), [0, 2, 7]);
}

/// A maker who quotes at the touch all the time: every lot that he is told of was printed, no order fills more than its
/// size, and what is shown leads to the engine's book.
#[test]
fn a_maker_is_told_of_every_fill_and_the_feed_shows_it() {
    let mut exchange = open(FlowMarket::new(params(), 8, 0, 1).unwrap());
    let (mut book, mut filled, mut printed) = (L2::new(WINDOW), vec![0; 2_000], 0);
    for id in 0..2_000_u32 {
        let now_ns = i64::from(id) * 100 * MS;
        let (rows, reports) = run(&mut exchange, now_ns);
        printed += rows.iter().filter(|row| row.event.action == Action::Trade).map(|row| row.event.lots).sum::<i64>();
        rows.iter().for_each(|row| book.apply(&row.event));
        for side in [Side::Buy, Side::Sell] {
            let expected = exchange.market().engine().levels(side).map(|level| (level.price, level.size));
            assert!(book.levels(side).map(|level| (level.price, level.lots)).eq(expected), "order {id}");
        }
        for report in reports {
            if let ReportKind::Filled(fill) = report.kind {
                filled[report.order as usize] += fill.lots;
            }
        }
        if id >= 10 {
            exchange.cancel(id - 10, now_ns);
        }
        let side = if id % 2 == 0 { Side::Buy } else { Side::Sell };
        let touch = book.best(side).map(|level| level.price);
        exchange.submit(&Order { decided_ns: now_ns, ..order(id, side, 2, touch) });
    }
    let mine: i64 = filled.iter().sum();
    assert!(filled.iter().all(|lots| *lots <= 2) && mine > 100 && mine < printed, "{mine} of {printed}");
}

#[test]
fn orders_at_any_price_wait_for_somebody_to_come() {
    let mut exchange = open(takers());
    // The first takes what stands there and waits; the second may not wait, and is told that there is no price.
    exchange.submit(&order(0, Side::Buy, 500, None));
    exchange.submit(&Order { tif: TimeInForce::Ioc, ..order(1, Side::Buy, 1, None) });
    let (_, reports) = run(&mut exchange, 6 * MS);
    assert_eq!(reports.last().map(|report| report.kind), Some(ReportKind::Cancelled(Reason::NoPrice)));
    exchange.cancel(0, 10 * MS);
    let (_, reports) = run(&mut exchange, 20 * MS);
    assert_eq!(kinds(&reports), [ReportKind::Cancelled(Reason::None)]);
    // Where people come, each of them is taken as he does.
    let mut exchange = open(FlowMarket::new(params(), 8, 0, 1).unwrap());
    exchange.submit(&order(0, Side::Buy, 100, None));
    let (_, reports) = run(&mut exchange, END_NS);
    let fills: Vec<i64> = reports
        .iter()
        .filter(|report| matches!(report.kind, ReportKind::Filled(_)))
        .map(|report| report.ts_event_ns)
        .collect();
    assert_eq!(fills.len(), 100);
    assert!(fills[0] == 3 * MS && fills[99] > 1_000 * MS);
}

#[test]
fn nothing_happens_after_the_end() {
    let mut exchange = open(FlowMarket::new(Params { ..params() }, 8, 0, 1).unwrap());
    let (rows, _) = run(&mut exchange, i64::MAX);
    assert!(rows.last().unwrap().ts_event_ns < END_NS && exchange.next_ns() == i64::MAX);
    exchange.submit(&Order { decided_ns: END_NS, ..order(0, Side::Buy, 1, None) });
    let (_, reports) = run(&mut exchange, i64::MAX);
    assert_eq!(kinds(&reports), [ReportKind::Rejected(Reason::InstrumentEnded)]);
}
