use super::*;
use crate::book::Action;
use crate::event::{Payload, Status};
use proptest::prelude::*;

#[derive(Default)]
struct Step {
    bars: Vec<Bar>,
    trades: Vec<(SymbolId, Trade)>,
    book: Vec<BookRow>,
    others: usize,
}

impl Receiver for Step {
    fn bar(&mut self, _: SymbolId, bar: &Bar) {
        self.bars.push(*bar);
    }
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
        let sorted = (gathered(&event, &order), gathered(&price, &order), gathered(&order_id, &order));
        let (mut feed, mut venue_feed, mut own_feed, mut sorted_feed) = Default::default();
        Feed::add(&mut feed, 0, as_received, &instrument).unwrap();
        prop_assert!(Feed::add_by_venue_time(&mut venue_feed, &mut feed, 0).unwrap());
        Feed::add(&mut own_feed, 0, as_received, &instrument).unwrap();
        Feed::add(&mut sorted_feed, 0, columns(None, &sorted.0, &sorted.1, &sorted.2), &instrument).unwrap();
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
    let Err(FeedError::Row(error)) = Feed::new().add_by_venue_time(&mut feed, 0) else { panic!("was taken") };
    assert_eq!((error.row, error.field), (1_490, "price"));
}

#[test]
fn only_an_unread_book_is_read_twice() {
    let (ts, price, size) = trades(&[1, 2]);
    let columns = Columns::Trades { ts_recv_ns: None, ts_event_ns: &ts, price: &price, size: &size, aggressor: None };
    let mut feed = Feed::new();
    feed.add(0, columns, &Instrument::plain("X")).unwrap();
    assert!(!Feed::new().add_by_venue_time(&mut feed, 0).unwrap());
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
        starts: Starts::At(&open_ns),
        prices: [&close, &close, &close, &close],
        volume: None,
    };
    let Err(FeedError::Row(error)) = Feed::new().add(0, columns, &instrument) else { panic!("was taken") };
    assert_eq!((error.row, error.field, &*error.problem), (2, "open", "is empty (NaN)"));
}

#[test]
fn bars_start_at_times_or_so_long_before_their_closes() {
    let instrument = Instrument::plain("X");
    let (close, ts) = ([10.0; 100], std::array::from_fn::<i64, 100, _>(|row| 60 * (row as i64 + 1)));
    let open_ns = ts.map(|close_ns| close_ns - 60);
    let bars = |starts| {
        let columns = Columns::Bars {
            ts_recv_ns: None,
            ts_event_ns: &ts,
            starts,
            prices: [&close; 4].map(|one| &one[..]),
            volume: None,
        };
        let (mut feed, mut step, mut bars) = (Feed::new(), Step::default(), Vec::new());
        feed.add(0, columns, &instrument).unwrap();
        while feed.next_ns() != i64::MAX {
            feed.collect().unwrap();
            feed.hand_out(&mut step);
            bars.extend(step.bars.drain(..).map(|bar| (bar.ts_event_ns, bar.open_ns)));
            feed.advance().unwrap();
        }
        bars
    };
    assert_eq!(bars(Starts::Before(60)), bars(Starts::At(&open_ns)));
    assert_eq!(bars(Starts::Before(60)), ts.iter().copied().zip(open_ns).collect::<Vec<_>>());
    let long_ago = Columns::Bars {
        ts_recv_ns: None,
        ts_event_ns: &ts,
        starts: Starts::Before(i64::MAX),
        prices: [&close; 4].map(|one| &one[..]),
        volume: None,
    };
    assert!(Feed::new().add(0, long_ago, &instrument).is_ok(), "a time before the epoch is one");
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
