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
    let Err(FeedError::Row(error)) = Feed::new().add(0, columns, &instrument) else { panic!("was taken") };
    assert_eq!((error.row, error.field, &*error.problem), (2, "open", "is empty (NaN)"));
}

/// Trades cut into parts, a part at a time.
#[derive(Debug)]
struct Cut {
    parts: Vec<(Vec<i64>, Vec<f64>, Vec<f64>)>,
    /// How many parts have been reached, and at which one reading fails.
    reached: usize,
    fails_at: usize,
}

impl Cut {
    fn new(times: &[i64], cuts: &[usize], fails_at: usize) -> Cut {
        let (time, price, size) = trades(times);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (times.len() + 1)).chain([times.len()]).collect();
        ends.sort_unstable();
        let mut from = 0;
        let mut part = |to: usize| {
            let rows = std::mem::replace(&mut from, to)..to;
            (time[rows.clone()].to_vec(), price[rows.clone()].to_vec(), size[rows].to_vec())
        };
        Cut { parts: ends.into_iter().map(&mut part).collect(), reached: 0, fails_at }
    }
}

impl Parts for Cut {
    fn advance(&mut self) -> Result<bool, crate::host::HostError> {
        self.reached += 1;
        if self.reached > self.fails_at {
            Err(crate::host::HostError(Box::new("gone")))
        } else {
            Ok(self.reached <= self.parts.len())
        }
    }
    fn columns(&self) -> Columns<'_> {
        let (times, price, size) = &self.parts[self.reached - 1];
        Columns::Trades { ts_recv_ns: None, ts_event_ns: times, price, size, aggressor: None }
    }
    fn place(&self) -> (&str, usize) {
        ("cut", 1_000 * (self.reached - 1))
    }
    fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.0.len()).sum()
    }
}

/// A step's time and records, and whether a stretch showed it alone.
type StepSeen = (i64, Vec<(SymbolId, i64)>, bool);

/// Steps of a feed.
fn steps(feed: &mut Feed<'_>) -> Vec<StepSeen> {
    let mut steps = Vec::new();
    while feed.next_ns() != i64::MAX {
        let is_alone = feed.stretch().is_some_and(|stretch| {
            let times = stretch.times_ns;
            times.len() == stretch.rows.len() + 1 && times[0] < times[1].min(stretch.other_ns)
        });
        let now_ns = feed.collect().unwrap();
        let mut step = Step::default();
        feed.hand_out(&mut step);
        steps.push((now_ns, step.trades.iter().map(|(symbol, trade)| (*symbol, trade.price)).collect(), is_alone));
        feed.advance().unwrap();
    }
    steps
}

proptest! {
    /// The oracle: the same rows in memory at once, wherever they are cut.
    #[test]
    fn parts_are_as_good_as_the_whole(
        series in prop::collection::vec(
            (prop::collection::vec(0_i64..300, 1..900), prop::collection::vec(0_usize..900, 0..6)), 1..4
        )
    ) {
        let series: Vec<_> = series.into_iter().map(|(mut times, cuts)| { times.sort(); (times, cuts) }).collect();
        let instrument = Instrument::plain("X");
        let columns: Vec<_> = series.iter().map(|(times, _)| trades(times)).collect();
        let (mut whole, mut cut) = (Feed::new(), Feed::new());
        for (symbol, ((times, price, size), (_, cuts))) in columns.iter().zip(&series).enumerate() {
            let trades = Columns::Trades { ts_recv_ns: None, ts_event_ns: times, price, size, aggressor: None };
            whole.add(symbol as u32, trades, &instrument).unwrap();
            cut.add_parts(symbol as u32, Box::new(Cut::new(times, cuts, usize::MAX)), &instrument).unwrap();
        }
        prop_assert_eq!(whole.rows(), cut.rows());
        prop_assert_eq!(steps(&mut whole), steps(&mut cut));
    }
}

/// Reads until the feed refuses.
fn refused(cut: Cut) -> FeedError {
    let mut feed = Feed::new();
    let mut read = feed.add_parts(0, Box::new(cut), &Instrument::plain("X"));
    while read.is_ok() {
        assert!(feed.next_ns() != i64::MAX, "read to the end");
        read = feed.collect().and_then(|_| feed.advance());
    }
    read.unwrap_err()
}

#[test]
fn a_part_must_follow_the_one_before() {
    let mut cut = Cut::new(&[1, 2, 3, 4], &[2], usize::MAX);
    cut.parts[1].0 = vec![1, 4];
    let FeedError::Row(error) = refused(cut) else { panic!("reading failed") };
    assert_eq!((error.part.as_deref(), error.row, error.field), (Some("cut"), 1_000, "ts_recv_ns"));
    assert!(error.problem.contains("the part before"));
}

#[test]
fn a_part_that_cannot_be_read_ends_the_feed() {
    let FeedError::Part(error) = refused(Cut::new(&[1, 2, 3, 4], &[2], 1)) else { panic!("was read") };
    assert_eq!(error.0.downcast_ref(), Some(&"gone"));
}

struct Previews(usize);

impl Previewer for Previews {
    fn preview(&mut self, _: SymbolId, _: Rows<'_>, _: &[i64], _: bool) {
        self.0 += 1;
    }
}

#[test]
fn of_two_series_of_one_kind_nobody_previews_rows_in_parts_or_not() {
    let instrument = Instrument::plain("X");
    for (symbols, seen) in [([0, 0], 0), ([0, 1], 2)] {
        let mut feed = Feed::new();
        for symbol in symbols {
            feed.add_parts(symbol, Box::new(Cut::new(&[1, 2, 3], &[1], usize::MAX)), &instrument).unwrap();
        }
        let mut previews = Previews(0);
        feed.preview(&mut previews);
        assert_eq!(previews.0, seen);
    }
}
