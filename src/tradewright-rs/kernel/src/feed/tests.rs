use super::*;
use crate::event::{Payload, Status};
use proptest::prelude::*;

#[derive(Default)]
struct Step {
    trades: Vec<(SymbolId, Trade)>,
    others: usize,
}

impl Receiver for Step {
    fn bar(&mut self, _: SymbolId, _: &Bar) {}
    fn quote(&mut self, _: SymbolId, _: &Quote) {}
    fn trade(&mut self, symbol: SymbolId, trade: &Trade) {
        self.trades.push((symbol, *trade));
    }
    fn book(&mut self, _: SymbolId, _: &[BookRow]) {}
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
