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

/// Everything that a feed of one series hands out.
fn book_rows(columns: Columns<'_>) -> Vec<BookRow> {
    let mut feed = Feed::new();
    feed.add(0, columns, &Instrument::plain("X")).unwrap();
    let mut step = Step::default();
    while feed.next_ns() != i64::MAX {
        feed.collect().unwrap();
        feed.hand_out(&mut step);
        feed.advance().unwrap();
    }
    step.book
}

proptest! {
    /// The oracle: the columns themselves, brought into order. Few rows stand apart, or all do.
    #[test]
    fn an_order_is_as_good_as_sorted_columns(
        late in prop::collection::vec((0_usize..1_500, 1_i64..400), 0..30),
        rows in 0_usize..1_500,
        is_backwards: bool,
    ) {
        let mut ts: Vec<i64> = (0..rows as i64).map(|row| if is_backwards { 9_999 - row } else { row / 3 }).collect();
        for (row, by_ns) in late {
            if let Some(ts) = ts.get_mut(row) {
                *ts += by_ns;
            }
        }
        let mut order: Vec<i64> = (0..rows as i64).collect();
        order.sort_by_key(|&row| ts[row as usize]);
        let row_at = |place: usize| order[place] as usize;
        let price: Vec<f64> = (1..=rows).map(|row| row as f64).collect();
        let order_id: Vec<u64> = (0..rows as u64).collect();
        let (action, side, flags) = (vec![Action::Set as u8; rows], vec![1; rows], vec![1; rows]);
        let unordered = Columns::Book {
            ts_recv_ns: None,
            ts_event_ns: &ts,
            action: &action,
            side: &side,
            flags: &flags,
            price: &price,
            size: &price,
            order_id: &order_id,
            order: Some(&order),
        };
        let times: Vec<i64> = (0..rows).map(|place| ts[row_at(place)]).collect();
        let prices: Vec<f64> = (0..rows).map(|place| price[row_at(place)]).collect();
        let order_ids: Vec<u64> = (0..rows).map(|place| order_id[row_at(place)]).collect();
        let sorted = Columns::Book {
            ts_recv_ns: None,
            ts_event_ns: &times,
            action: &action,
            side: &side,
            flags: &flags,
            price: &prices,
            size: &prices,
            order_id: &order_ids,
            order: None,
        };
        prop_assert_eq!(book_rows(unordered), book_rows(sorted));
    }
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
