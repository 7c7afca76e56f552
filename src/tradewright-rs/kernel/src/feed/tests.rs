use super::*;
use crate::book::Action;
use crate::event::{Payload, Status};
use proptest::prelude::*;

#[derive(Default)]
struct Step {
    trades: Vec<(SymbolId, Trade)>,
    book: Vec<BookRow>,
    others: usize,
}

impl Receiver for Step {
    fn bar(&mut self, _: SymbolId, _: &Bar) {}
    fn quote(&mut self, _: SymbolId, _: &Quote) {}
    fn trade(&mut self, symbol: SymbolId, trade: &Trade) {
        self.trades.push((symbol, *trade));
    }
    fn book(&mut self, _: SymbolId, rows: &[BookRow]) {
        self.book.extend_from_slice(rows);
    }
    fn other(&mut self, _: &Record) {
        self.others += 1;
    }
}

fn trades(times: &[i64]) -> (Vec<i64>, Vec<f64>, Vec<f64>) {
    (times.to_vec(), (0..times.len()).map(|row| 1.0 + row as f64).collect(), vec![1.0; times.len()])
}

proptest! {
    /// The oracle: a stable sort of everything by receive time.
    #[test]
    fn merges_as_a_stable_sort_does(
        series in prop::collection::vec(prop::collection::vec(0_i64..40, 0..700), 1..6)
    ) {
        let series: Vec<Vec<i64>> = series.into_iter().map(|mut times| { times.sort(); times }).collect();
        let instrument = Instrument::plain("X");
        let columns: Vec<_> = series.iter().map(|times| trades(times)).collect();
        let mut feed = Feed::new();
        for (symbol, (times, price, size)) in columns.iter().enumerate() {
            let trades = Columns::Trades { ts_recv_ns: None, ts_event_ns: times, price, size, aggressor: None };
            feed.add(symbol as u32, trades, &instrument).unwrap();
        }
        let mut expected: Vec<(i64, u32, i64)> = Vec::new();
        for (symbol, times) in series.iter().enumerate() {
            for (row, &time) in times.iter().enumerate() {
                expected.push((time, symbol as u32, (row as i64 + 1) * 1_000_000));
            }
        }
        expected.sort_by_key(|&(time, _, _)| time);
        let mut got = Vec::new();
        while feed.next_ns() != i64::MAX {
            let now_ns = feed.collect().unwrap();
            let mut step = Step::default();
            feed.hand_out(&mut step);
            assert!(step.trades.iter().all(|(_, trade)| trade.ts_recv_ns == now_ns));
            got.extend(step.trades.iter().map(|(symbol, trade)| (now_ns, *symbol, trade.price)));
            feed.advance().unwrap();
        }
        prop_assert_eq!(got, expected);
    }
}

/// One step of a feed: its time and the rows.
fn book_step(feed: &mut Feed<'_>) -> (i64, Vec<BookRow>) {
    let mut step = Step::default();
    let now_ns = feed.collect().unwrap();
    feed.hand_out(&mut step);
    feed.advance().unwrap();
    (now_ns, step.book)
}

proptest! {
    /// The oracle: a feed of its own for each order, the venue's of columns that were brought into it. Few rows stand
    /// apart, or all do; either reader may be far ahead of the other one.
    #[test]
    fn two_orders_of_one_series_are_as_good_as_two_series(
        late in prop::collection::vec((0_usize..1_500, 1_i64..900), 0..30),
        rows in 0_usize..1_500,
        slow_ns in 1_i64..40,
        is_backwards: bool,
        turns in prop::collection::vec(prop::bool::ANY, 1..9),
    ) {
        let event_ns = |row: i64| if is_backwards { -row } else { row / slow_ns };
        let mut event: Vec<i64> = (0..rows as i64).map(event_ns).collect();
        let recv: Vec<i64> = (0..rows as i64).map(|row| 1_500 + row / 3).collect();
        for (row, by_ns) in late {
            if let Some(event) = event.get_mut(row) {
                *event -= by_ns;
            }
        }
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by_key(|&row| event[row]);
        fn gathered<T: Copy>(column: &[T], order: &[usize]) -> Vec<T> {
            order.iter().map(|&row| column[row]).collect()
        }
        let price: Vec<f64> = (1..=rows).map(|row| row as f64).collect();
        let order_id: Vec<u64> = (0..rows as u64).collect();
        let (action, side, flags) = (vec![Action::Set as u8; rows], vec![1; rows], vec![1; rows]);
        let columns = |ts_recv_ns, ts_event_ns, price, order_id| Columns::Book {
            ts_recv_ns,
            ts_event_ns,
            action: &action,
            side: &side,
            flags: &flags,
            price,
            size: price,
            order_id: Some(order_id),
        };
        let instrument = Instrument::plain("X");
        let as_received = columns(Some(&recv), &event, &price, &order_id);
        let (mut feed, mut venue_feed, mut own_feed, mut sorted_feed) = Default::default();
        Feed::add(&mut feed, 0, as_received, &instrument).unwrap();
        prop_assert!(Feed::add_by_venue_time(&mut venue_feed, &mut feed, 0).unwrap());
        Feed::add(&mut own_feed, 0, as_received, &instrument).unwrap();
        let (event, price, order_id) = (gathered(&event, &order), gathered(&price, &order), gathered(&order_id, &order));
        Feed::add(&mut sorted_feed, 0, columns(None, &event, &price, &order_id), &instrument).unwrap();
        for of_venue in turns.into_iter().cycle().take(4 * rows + 9).chain([false, true].repeat(rows)) {
            let pair = if of_venue { (&mut venue_feed, &mut sorted_feed) } else { (&mut feed, &mut own_feed) };
            prop_assert_eq!(pair.0.next_ns(), pair.1.next_ns());
            if pair.0.next_ns() == i64::MAX {
                continue;
            }
            let (mut found, expected) = (book_step(pair.0), book_step(pair.1));
            if of_venue {
                // The sorted columns know of no time of receipt.
                found.1.iter_mut().for_each(|row| row.ts_recv_ns = row.ts_event_ns);
            }
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!((feed.next_ns(), venue_feed.next_ns()), (i64::MAX, i64::MAX));
    }
}

/// A reader that is ahead meets the offence first; it is that of the series' row all the same.
#[test]
fn an_offence_has_the_row_of_the_series_in_either_order() {
    let rows = 2_000;
    let recv: Vec<i64> = (0..rows).collect();
    let event: Vec<i64> = (0..rows).map(|row| if row == 1_500 { 3 } else { row }).collect();
    let mut price = vec![1.0; rows as usize];
    price[1_490] = 1.5;
    let (action, side, flags) = (vec![1; rows as usize], vec![1; rows as usize], vec![1; rows as usize]);
    let columns = Columns::Book {
        ts_recv_ns: Some(&recv),
        ts_event_ns: &event,
        action: &action,
        side: &side,
        flags: &flags,
        price: &price,
        size: &flags.iter().map(|&flag| f64::from(flag)).collect::<Vec<f64>>(),
        order_id: None,
    };
    let instrument = Instrument { price_unit: crate::num::Decimal::parse("1").unwrap(), ..Instrument::plain("X") };
    let mut feed = Feed::new();
    feed.add(0, columns, &instrument).unwrap();
    let error = Feed::new().add_by_venue_time(&mut feed, 0).unwrap_err();
    assert_eq!((error.row, error.field), (1_490, "price"));
}

#[test]
fn only_an_unread_book_is_read_twice() {
    let (ts, price, size) = trades(&[1, 2]);
    let columns = Columns::Trades { ts_recv_ns: None, ts_event_ns: &ts, price: &price, size: &size, aggressor: None };
    let mut feed = Feed::new();
    feed.add(0, columns, &Instrument::plain("X")).unwrap();
    assert_eq!(Feed::new().add_by_venue_time(&mut feed, 0), Ok(false));
}

#[test]
fn a_book_is_sole_that_comes_in_one_series() {
    let book = Columns::Book {
        ts_recv_ns: None,
        ts_event_ns: &[1],
        action: &[1],
        side: &[1],
        flags: &[1],
        price: &[1.0],
        size: &[1.0],
        order_id: None,
    };
    let mut feed = Feed::new();
    for symbol in [0, 1, 1] {
        feed.add(symbol, book, &Instrument::plain("X")).unwrap();
    }
    let quotes = Columns::Quotes { ts_recv_ns: None, ts_event_ns: &[1], prices: [&[1.0], &[2.0]], sizes: [&[1.0]; 2] };
    feed.add(0, quotes, &Instrument::plain("X")).unwrap();
    assert_eq!(feed.sole_books().collect::<Vec<_>>(), [0]);
}

#[test]
fn records_are_read_in_place() {
    let record = |ts_recv_ns| Record {
        ts_recv_ns,
        ts_event_ns: ts_recv_ns,
        symbol: 0,
        payload: Payload::Status(Status::Paused),
    };
    let records = [record(1), record(1), record(5)];
    let mut feed = Feed::new();
    feed.add(0, Columns::Records(&records), &Instrument::plain("X")).unwrap();
    let mut steps = Vec::new();
    while feed.next_ns() != i64::MAX {
        let now_ns = feed.collect().unwrap();
        let mut step = Step::default();
        feed.hand_out(&mut step);
        steps.push((now_ns, step.others));
        feed.advance().unwrap();
    }
    assert_eq!(steps, [(1, 2), (5, 1)]);
}

#[test]
fn the_first_offence_is_named() {
    let instrument = Instrument::plain("X");
    let close = [10.0, 11.0, f64::NAN];
    let ts = [1, 2, 3];
    let open_ns = [0, 1, 2];
    let columns = Columns::Bars {
        ts_recv_ns: None,
        ts_event_ns: &ts,
        open_ns: &open_ns,
        prices: [&close, &close, &close, &close],
        volume: None,
    };
    let error = Feed::new().add(0, columns, &instrument).unwrap_err();
    assert_eq!((error.row, error.field, &*error.problem), (2, "open", "is empty (NaN)"));
}
