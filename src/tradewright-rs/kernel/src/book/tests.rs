//! What the books say of themselves; their agreement with slow books is tested from Python.

use super::*;

fn event(action: Action, side: Option<Side>, price: i64, lots: i64, order_id: u64) -> BookEvent {
    BookEvent { action, side, flags: LAST, price, lots, order_id, sequence: 0 }
}

#[test]
fn a_level_book_answers_from_both_sides() {
    let mut book = L2::new(64);
    for (side, price, lots) in [(Side::Buy, 100, 3), (Side::Buy, 95, 1), (Side::Sell, 110, 9), (Side::Sell, 9_000, 2)] {
        book.set(side, price, lots);
    }
    assert_eq!(book.best(Side::Buy), Some(PriceLevel { price: 100, lots: 3 }));
    assert_eq!(book.mid_x2(), Some(210));
    assert_eq!(book.microprice(), Some((100.0 * 9.0 + 110.0 * 3.0) / 12.0));
    assert_eq!((book.imbalance(1), book.imbalance(2)), (Some(-0.5), Some((4.0 - 11.0) / 15.0)));
    assert_eq!(book.queue_ahead(Side::Sell, 110), 9);
    assert_eq!(book.levels(Side::Sell).map(|level| level.price).collect::<Vec<_>>(), [110, 9_000]);
    assert_eq!((book.change(Side::Buy, 100, -3), book.best(Side::Buy).unwrap().price), (3, 95));
}

#[test]
fn offences_are_counted_and_the_first_is_kept() {
    let mut book = L2::new(64);
    book.apply(&event(Action::Set, Some(Side::Buy), 100, 1, 0));
    assert!(book.integrity().is_trusted());
    book.apply(&event(Action::Set, Some(Side::Sell), 100, 1, 0));
    book.apply(&event(Action::Set, Some(Side::Sell), i64::MAX, 1, 0));
    book.apply(&event(Action::Change, Some(Side::Sell), 100, -2, 0));
    book.apply(&event(Action::Add, Some(Side::Sell), 100, 2, 7));
    let found = *book.integrity();
    assert_eq!(found.first, Some((1, Offence::Crossed { bid: 100, ask: 100 })));
    assert_eq!(found.counts, [0, 2, 0, 0, 1, 1, 1], "the second crossed message is the one with a price out of range");
    assert!(!found.is_trusted());
    book.apply(&event(Action::SnapshotStart, None, 0, 0, 0));
    assert!(!book.integrity().is_trusted(), "a half-applied snapshot");
    book.apply(&event(Action::SnapshotEnd, None, 0, 0, 0));
    assert!(book.integrity().is_trusted());
    book.apply(&BookEvent { flags: LAST | GAP, sequence: 9, ..event(Action::Set, Some(Side::Buy), 100, 1, 0) });
    assert!(!book.integrity().is_trusted());
    assert_eq!(book.integrity().counts[0], 1);
}

#[test]
fn orders_queue_by_arrival() {
    let mut book = L3::new(64, Priority::ReductionKeeps);
    for (id, lots) in [(1, 5), (2, 7), (3, 9)] {
        book.add(id, Side::Buy, 100, lots).unwrap();
    }
    assert_eq!(book.queue_ahead(3), Some(12));
    book.modify(1, 100, 4).unwrap();
    assert_eq!(book.queue_ahead(1), Some(0), "a reduction keeps the place");
    book.modify(1, 100, 6).unwrap();
    assert_eq!(book.queue_ahead(1), Some(16), "a larger size loses it");
    book.modify(2, 101, 7).unwrap();
    assert_eq!(book.best(Side::Buy), Some(PriceLevel { price: 101, lots: 7 }));
    assert_eq!(book.reduce(2, 7), Ok(0));
    book.replace(3, 30, 100, 2).unwrap();
    assert_eq!(book.queue(Side::Buy, 100).map(|order| order.id).collect::<Vec<_>>(), [1, 30]);
    assert_eq!(book.order(30), Some(RestingOrder { id: 30, side: Side::Buy, price: 100, lots: 2, rank: 5 }));
    assert_eq!((book.order_count(), book.queue_ahead(3)), (2, None));
    book.clear(Some(Side::Buy));
    assert_eq!((book.order_count(), book.best(Side::Buy)), (0, None));
}

#[test]
fn priorities_differ_by_venue() {
    for (priority, ahead) in [(Priority::AlwaysLost, 3), (Priority::AlwaysKept, 0), (Priority::ReductionKeeps, 0)] {
        let mut book = L3::new(64, priority);
        book.add(1, Side::Sell, 100, 5).unwrap();
        book.add(2, Side::Sell, 100, 3).unwrap();
        book.modify(1, 100, 5).unwrap();
        assert_eq!(book.queue_ahead(1), Some(ahead), "{priority:?}");
    }
}

#[test]
fn orders_that_are_not_there_are_told() {
    let mut book = L3::new(64, Priority::default());
    assert_eq!(book.cancel(1), Err(Offence::UnknownOrder { order_id: 1 }));
    book.add(1, Side::Sell, 100, 5).unwrap();
    assert_eq!(book.add(1, Side::Buy, 90, 5), Err(Offence::DuplicateOrder { order_id: 1 }));
    assert_eq!(book.reduce(1, 6), Err(Offence::NegativeSize { price: 100, lots: -1 }));
    assert_eq!(book.order_count(), 0);
    book.apply(&event(Action::Set, Some(Side::Buy), 1, 1, 0));
    book.apply(&event(Action::Execute, None, 0, 1, 4));
    assert_eq!(book.integrity().counts, [0, 0, 1, 0, 0, 0, 1]);
}

#[test]
fn a_snapshot_moves_nobody() {
    let event = |action, order_id, price| BookEvent {
        action,
        side: Some(Side::Buy),
        flags: 0,
        price,
        lots: 4,
        order_id,
        sequence: 0,
    };
    let mut book = L3::new(64, Priority::ReductionKeeps);
    for (id, price) in [(1, 100), (2, 100), (3, 99)] {
        book.apply(&event(Action::Add, id, price));
    }
    let ours = book.next_rank();
    book.apply(&event(Action::SnapshotStart, 0, 0));
    // 9 is new, 3 has moved, 1 is gone.
    for (id, price) in [(9, 100), (2, 100), (3, 100)] {
        book.apply(&event(Action::Add, id, price));
    }
    book.apply(&event(Action::SnapshotEnd, 0, 0));
    assert_eq!(book.lots_before(Side::Buy, 100, ours), 4, "order 2 alone was there before");
    book.apply(&event(Action::Add, 1, 100));
    assert_eq!(book.lots_before(Side::Buy, 100, ours), 4, "what comes after the snapshot is new");
}
