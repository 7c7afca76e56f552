//! One rule a test, with the numbers worked out by hand.

use crate::matching::*;
use crate::order::Side::{self, Buy, Sell};

struct Desk {
    engine: Engine,
    record: Record,
}

impl Desk {
    fn new(rule: SelfTrade) -> Desk {
        Desk { engine: Engine::new(rule), record: Record::default() }
    }

    fn send(&mut self, order: Limit) -> Result<(), Reject> {
        self.engine.limit(&order, &mut self.record)
    }

    fn rest(&mut self, id: u64, side: Side, price: i64, size: i64) {
        self.send(limit(id, side, price, size)).unwrap();
    }

    fn amend(&mut self, id: u64, price: Option<i64>, size: Option<i64>) -> Result<(), Reject> {
        self.engine.amend(id, &Change { price, size, stop: None }, &mut self.record)
    }

    fn market(&mut self, id: u64, side: Side, size: i64) {
        self.engine.market(&Market { id, side, size, owner: 0 }, &mut self.record).unwrap();
    }

    /// Maker, price and size of the trades since the last time.
    fn fills(&mut self) -> Vec<(u64, i64, i64)> {
        self.record.fills.drain(..).map(|fill| (fill.maker, fill.price, fill.size)).collect()
    }

    fn outcomes(&mut self) -> Vec<(u64, OutcomeKind, i64)> {
        self.record.outcomes.drain(..).map(|outcome| (outcome.id, outcome.kind, outcome.lots)).collect()
    }

    fn queue(&self, side: Side) -> Vec<(u64, i64)> {
        self.engine.orders(side).map(|order| (order.id, order.size)).collect()
    }
}

fn limit(id: u64, side: Side, price: i64, size: i64) -> Limit {
    Limit { id, side, price, size, owner: 0, tif: Tif::Gtc, peak: 0 }
}

#[test]
fn trades_are_at_the_makers_price_best_and_oldest_first() {
    let mut desk = Desk::new(SelfTrade::Allow);
    for (id, price, size) in [(1, 102, 5), (2, 101, 3), (3, 101, 4), (4, 103, 9)] {
        desk.rest(id, Sell, price, size);
    }
    desk.rest(5, Buy, 102, 10);
    assert_eq!(desk.fills(), [(2, 101, 3), (3, 101, 4), (1, 102, 3)]);
    assert_eq!(desk.queue(Sell), [(1, 2), (4, 9)]);
    assert_eq!(desk.engine.last_price(), Some(102));
}

#[test]
fn an_amendment_keeps_priority_only_when_it_gives() {
    let mut desk = Desk::new(SelfTrade::Allow);
    for id in 1..=3 {
        desk.rest(id, Buy, 100, 5);
    }
    desk.amend(1, Some(100), Some(2)).unwrap();
    desk.amend(2, None, Some(5)).unwrap();
    assert_eq!(desk.queue(Buy), [(1, 2), (2, 5), (3, 5)]);
    desk.amend(1, None, Some(3)).unwrap();
    assert_eq!(desk.queue(Buy), [(2, 5), (3, 5), (1, 3)]);
    desk.amend(2, Some(101), None).unwrap();
    desk.amend(2, Some(100), None).unwrap();
    assert_eq!(desk.queue(Buy), [(3, 5), (1, 3), (2, 5)]);
    assert_eq!(desk.engine.queue_ahead(2), Some(8));
}

#[test]
fn an_amended_size_is_the_total() {
    let mut desk = Desk::new(SelfTrade::Allow);
    desk.rest(1, Sell, 100, 10);
    desk.market(2, Buy, 4);
    assert_eq!(desk.amend(1, None, Some(4)), Err(Reject::BelowFilled));
    desk.amend(1, None, Some(5)).unwrap();
    assert_eq!(desk.queue(Sell), [(1, 1)]);
}

#[test]
fn an_amendment_that_crosses_trades() {
    let mut desk = Desk::new(SelfTrade::Allow);
    desk.rest(1, Sell, 105, 4);
    desk.rest(2, Buy, 100, 10);
    desk.amend(2, Some(106), None).unwrap();
    assert_eq!(desk.fills(), [(1, 105, 4)]);
    assert_eq!(desk.engine.best(Buy), Some(LevelView { price: 106, size: 6, orders: 1 }));
    let order = desk.engine.order(2).unwrap();
    assert_eq!((order.size, order.open), (10, 6));
}

#[test]
fn a_refreshed_peak_goes_to_the_back() {
    let mut desk = Desk::new(SelfTrade::Allow);
    desk.send(Limit { peak: 3, ..limit(1, Sell, 100, 8) }).unwrap();
    desk.rest(2, Sell, 100, 4);
    assert_eq!(desk.queue(Sell), [(1, 3), (2, 4)]);
    desk.market(3, Buy, 4);
    assert_eq!(desk.fills(), [(1, 100, 3), (2, 100, 1)]);
    assert_eq!(desk.queue(Sell), [(2, 3), (1, 3)]);
    // A smaller size comes off the reserve first.
    desk.amend(1, None, Some(6)).unwrap();
    assert_eq!(desk.queue(Sell), [(2, 3), (1, 3)]);
    desk.market(4, Buy, 100);
    assert_eq!(desk.fills(), [(2, 100, 3), (1, 100, 3)]);
    assert_eq!(desk.outcomes(), [(4, OutcomeKind::Unfilled, 94)]);
}

#[test]
fn time_in_force() {
    let mut desk = Desk::new(SelfTrade::Allow);
    desk.send(Limit { peak: 2, ..limit(1, Sell, 100, 6) }).unwrap();
    desk.rest(2, Sell, 101, 4);
    assert_eq!(desk.send(Limit { tif: Tif::Fok, ..limit(3, Buy, 100, 7) }), Err(Reject::Unfillable));
    assert_eq!(desk.send(Limit { tif: Tif::Fok, ..limit(3, Buy, 99, 1) }), Err(Reject::Unfillable));
    assert_eq!(desk.send(Limit { tif: Tif::PostOnly, ..limit(3, Buy, 100, 1) }), Err(Reject::WouldTake));
    desk.send(Limit { tif: Tif::Fok, ..limit(3, Buy, 101, 7) }).unwrap();
    assert_eq!(desk.fills(), [(1, 100, 2), (1, 100, 2), (1, 100, 2), (2, 101, 1)]);
    desk.send(Limit { tif: Tif::Ioc, ..limit(4, Buy, 101, 7) }).unwrap();
    assert_eq!((desk.fills(), desk.outcomes()), (vec![(2, 101, 3)], vec![(4, OutcomeKind::Unfilled, 4)]));
    desk.send(Limit { tif: Tif::PostOnly, ..limit(5, Buy, 100, 1) }).unwrap();
    desk.rest(6, Sell, 101, 1);
    assert_eq!(desk.amend(5, Some(101), None), Err(Reject::WouldTake));
    assert_eq!((desk.queue(Buy), desk.engine.resting()), (vec![(5, 1)], 2));
}

type Fills = Vec<(u64, i64, i64)>;
type Outcomes = Vec<(u64, OutcomeKind, i64)>;

fn meet(rule: SelfTrade) -> (Desk, Fills, Outcomes) {
    let mut desk = Desk::new(rule);
    desk.send(Limit { owner: 7, peak: 2, ..limit(1, Sell, 100, 5) }).unwrap();
    desk.rest(2, Sell, 100, 3);
    desk.send(Limit { owner: 7, ..limit(3, Buy, 100, 6) }).unwrap();
    let (fills, outcomes) = (desk.fills(), desk.outcomes());
    (desk, fills, outcomes)
}

#[test]
fn self_trade_prevention() {
    use OutcomeKind::{Decremented, SelfTrade as Prevented};
    let (desk, fills, outcomes) = meet(SelfTrade::Allow);
    assert_eq!((fills, outcomes), (vec![(1, 100, 2), (2, 100, 3), (1, 100, 1)], vec![]));
    assert_eq!(desk.queue(Sell), [(1, 1)]);
    let (desk, fills, outcomes) = meet(SelfTrade::CancelNewest);
    assert_eq!((fills, outcomes), (vec![], vec![(3, Prevented, 6)]));
    assert_eq!((desk.queue(Sell), desk.queue(Buy)), (vec![(1, 2), (2, 3)], vec![]));
    let (desk, fills, outcomes) = meet(SelfTrade::CancelOldest);
    assert_eq!((fills, outcomes), (vec![(2, 100, 3)], vec![(1, Prevented, 5)]));
    assert_eq!((desk.queue(Sell), desk.queue(Buy)), (vec![], vec![(3, 3)]));
    let (desk, fills, outcomes) = meet(SelfTrade::CancelBoth);
    assert_eq!((fills, outcomes), (vec![], vec![(1, Prevented, 5), (3, Prevented, 6)]));
    assert_eq!((desk.queue(Sell), desk.queue(Buy)), (vec![(2, 3)], vec![]));
    let (desk, fills, outcomes) = meet(SelfTrade::Decrement);
    assert_eq!(fills, [(2, 100, 3)]);
    assert_eq!(outcomes, [(1, Decremented, 2), (3, Decremented, 2), (1, Decremented, 1), (3, Decremented, 1)]);
    let order = desk.engine.order(1).unwrap();
    assert_eq!((order.size, order.open, order.shown), (2, 2, 1));
    assert_eq!(desk.engine.order(3), None);
}

#[test]
fn stops_enter_after_the_order_that_triggers_them() {
    let mut desk = Desk::new(SelfTrade::Allow);
    for (id, price) in [(1, 101), (2, 102), (3, 103), (4, 104)] {
        desk.rest(id, Sell, price, 1);
    }
    let stop = |id, side, size| Market { id, side, size, owner: 0 };
    desk.engine.stop(&stop(10, Buy, 1), 102, &mut desk.record).unwrap();
    desk.engine.stop(&stop(11, Buy, 1), 101, &mut desk.record).unwrap();
    desk.engine.stop_limit(&limit(12, Buy, 102, 1), 103, &mut desk.record).unwrap();
    assert_eq!((desk.engine.waiting(), desk.engine.order(12).unwrap().stop), (3, Some(103)));
    // Takes 101 and 102, which triggers 11 and 10 in the order of their prices; 11 takes 103 and triggers 12.
    desk.market(5, Buy, 2);
    assert_eq!(desk.fills(), [(1, 101, 1), (2, 102, 1), (3, 103, 1), (4, 104, 1)]);
    let triggered = [11, 10, 12].map(|id| (id, OutcomeKind::Triggered, 1));
    assert_eq!(desk.outcomes(), triggered);
    assert_eq!(desk.queue(Buy), [(12, 1)]);
    // The last trade was at 104: a sell stop above it enters at once.
    desk.engine.stop(&stop(13, Sell, 1), 105, &mut desk.record).unwrap();
    assert_eq!(desk.fills(), [(12, 102, 1)]);
}

#[test]
fn waiting_stops_are_amended_and_cancelled() {
    let mut desk = Desk::new(SelfTrade::Allow);
    let stop = Market { id: 1, side: Sell, size: 5, owner: 0 };
    desk.engine.stop(&stop, 90, &mut desk.record).unwrap();
    desk.engine.stop_limit(&limit(2, Sell, 80, 5), 90, &mut desk.record).unwrap();
    let order = |desk: &Desk| desk.engine.waiting_stops(Sell).map(|stop| stop.id).collect::<Vec<_>>();
    desk.amend(1, None, Some(4)).unwrap();
    assert_eq!((order(&desk), desk.amend(1, Some(85), None)), (vec![1, 2], Err(Reject::NotApplicable)));
    let further = Change { stop: Some(91), ..Change::default() };
    desk.engine.amend(2, &further, &mut desk.record).unwrap();
    assert_eq!(order(&desk), [2, 1]);
    desk.engine.cancel(1, &mut desk.record).unwrap();
    desk.rest(3, Buy, 91, 1);
    assert_eq!(desk.engine.amend(3, &further, &mut desk.record), Err(Reject::NotApplicable));
    desk.market(4, Sell, 1);
    assert_eq!((desk.engine.waiting(), desk.queue(Sell)), (0, vec![(2, 5)]));
}

#[test]
fn bad_requests_change_nothing() {
    let mut desk = Desk::new(SelfTrade::Allow);
    desk.rest(1, Buy, 100, 5);
    let good = limit(2, Buy, 100, 5);
    for (order, reject) in [
        (Limit { id: 1, ..good }, Reject::DuplicateId),
        (Limit { size: 0, ..good }, Reject::Size),
        (Limit { size: -3, ..good }, Reject::Size),
        (Limit { size: COUNT_MAX + 1, ..good }, Reject::Size),
        (Limit { price: COUNT_MAX + 1, ..good }, Reject::Price),
        (Limit { price: i64::MIN, ..good }, Reject::Price),
        (Limit { peak: -1, ..good }, Reject::Peak),
        (Limit { peak: 1, tif: Tif::Ioc, ..good }, Reject::Peak),
    ] {
        assert_eq!(desk.send(order), Err(reject));
        assert_eq!(desk.engine.stop_limit(&order, 200, &mut desk.record), Err(reject));
    }
    let market = Market { id: 2, side: Sell, size: 0, owner: 0 };
    assert_eq!(desk.engine.market(&market, &mut desk.record), Err(Reject::Size));
    assert_eq!(desk.engine.stop(&Market { size: 1, ..market }, i64::MAX, &mut desk.record), Err(Reject::Price));
    assert_eq!(desk.engine.cancel(9, &mut desk.record), Err(Reject::UnknownId));
    assert_eq!(desk.amend(9, None, None), Err(Reject::UnknownId));
    assert_eq!(desk.amend(1, Some(i64::MIN), None), Err(Reject::Price));
    assert_eq!(desk.amend(1, None, Some(0)), Err(Reject::Size));
    assert_eq!((desk.queue(Buy), desk.engine.waiting(), desk.engine.commands()), (vec![(1, 5)], 0, 23));
    assert_eq!((desk.fills(), desk.outcomes()), (vec![], vec![]));
}

#[test]
fn a_level_never_counts_more_lots_than_it_can() {
    let mut desk = Desk::new(SelfTrade::Allow);
    for id in 0..1_023 {
        desk.send(Limit { peak: COUNT_MAX >> (id % 3), ..limit(id, Buy, 100, COUNT_MAX) }).unwrap();
    }
    desk.rest(1_023, Buy, 100, COUNT_MAX - 1);
    desk.rest(1_024, Buy, 100, 1);
    assert_eq!(desk.outcomes(), [(1_024, OutcomeKind::Full, 1)]);
    desk.rest(1_025, Buy, 99, 2);
    desk.amend(1_025, Some(100), None).unwrap();
    assert_eq!(desk.outcomes(), [(1_025, OutcomeKind::Full, 2)]);
    assert_eq!(desk.engine.resting(), 1_024);
    let fok = Limit { tif: Tif::Fok, ..limit(2_000, Sell, 100, COUNT_MAX) };
    desk.send(fok).unwrap();
    assert_eq!(desk.fills().iter().map(|fill| fill.2).sum::<i64>(), COUNT_MAX);
    for id in 3_000..4_024 {
        let stop = Market { id, side: Buy, size: COUNT_MAX, owner: 0 };
        let expected = if id < 4_023 { Ok(()) } else { Err(Reject::Full) };
        assert_eq!(desk.engine.stop(&stop, 500, &mut desk.record), expected);
    }
}
