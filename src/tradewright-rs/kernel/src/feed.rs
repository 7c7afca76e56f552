//! Recorded data in, records in order of receive time out.
//!
//! Columns stay where they are; each source converts the rows it is about to hand out, a chunk at a time, so that a
//! number is touched once and memory does not grow with the data.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::event::{Bar, Quote, Record, Trade};
use crate::instrument::{Instrument, SymbolId};

/// Rows converted at a time. Small, so that the chunks of many symbols stay in the cache together.
const CHUNK_ROWS: usize = 256;

/// One series as columns of equal length; times are ns since the epoch, UTC.
#[derive(Clone, Copy, Debug)]
pub enum Columns<'a> {
    /// Bars.
    Bars {
        /// Receive times; `None` where they equal the event times.
        ts_recv_ns: Option<&'a [i64]>,
        /// Closes of the bars.
        ts_event_ns: &'a [i64],
        /// Starts of the bars.
        open_ns: &'a [i64],
        /// Open, high, low, close.
        prices: [&'a [f64]; 4],
        /// Traded size; `None` if it was not recorded.
        volume: Option<&'a [f64]>,
    },
    /// Quotes.
    Quotes {
        /// Receive times; `None` where they equal the event times.
        ts_recv_ns: Option<&'a [i64]>,
        /// Venue times.
        ts_event_ns: &'a [i64],
        /// Bid, ask. NaN is an empty side.
        prices: [&'a [f64]; 2],
        /// Sizes at the bid and the ask.
        sizes: [&'a [f64]; 2],
    },
    /// Public trades.
    Trades {
        /// Receive times; `None` where they equal the event times.
        ts_recv_ns: Option<&'a [i64]>,
        /// Venue times.
        ts_event_ns: &'a [i64],
        /// Prices.
        price: &'a [f64],
        /// Sizes.
        size: &'a [f64],
        /// +1 buyer took, −1 seller took, 0 unknown.
        aggressor: Option<&'a [i8]>,
    },
    /// Records that already are: status, grid and cash events.
    Records(&'a [Record]),
}

impl Columns<'_> {
    fn rows(&self) -> usize {
        match self {
            Columns::Bars { ts_event_ns, .. }
            | Columns::Quotes { ts_event_ns, .. }
            | Columns::Trades { ts_event_ns, .. } => ts_event_ns.len(),
            Columns::Records(records) => records.len(),
        }
    }
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedError {
    /// Index of the source in the feed.
    pub source: usize,
    /// Row, counted from 0.
    pub row: usize,
    /// Column.
    pub field: &'static str,
    /// Its value, as text.
    pub value: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// One record of the current step.
#[derive(Clone, Copy, Debug)]
pub enum Arrival<'a> {
    /// A bar.
    Bar(SymbolId, &'a Bar),
    /// A quote.
    Quote(SymbolId, &'a Quote),
    /// A public trade.
    Trade(SymbolId, &'a Trade),
    /// Anything else.
    Other(&'a Record),
}

#[derive(Debug)]
enum Chunk {
    Bars(Vec<Bar>),
    Quotes(Vec<Quote>),
    Trades(Vec<Trade>),
    Records,
}

#[derive(Debug)]
struct Source<'a> {
    symbol: SymbolId,
    columns: Columns<'a>,
    /// Price units in a price of one.
    scale: f64,
    chunk: Chunk,
    /// Row of the series at which the chunk starts, and how many rows it holds.
    first: usize,
    held: usize,
    /// The next row of the chunk to hand out.
    at: usize,
    rows: usize,
    last_recv_ns: i64,
    /// Largest rounding to the price unit so far, in price units.
    shift_max: f64,
}

/// The merged feed. Sources of equal time keep the order in which they were added.
#[derive(Debug, Default)]
pub struct Feed<'a> {
    sources: Vec<Source<'a>>,
    /// Lists of sources whose next row has the same time, soonest first.
    heap: BinaryHeap<Reverse<(i64, u32)>>,
    lists: Vec<Vec<u32>>,
    free: Vec<u32>,
    /// The current step: (source, first row of the chunk, row after the last).
    due: Vec<(u32, u32, u32)>,
    due_list: Vec<u32>,
    read: u64,
}

impl<'a> Feed<'a> {
    /// An empty feed.
    pub fn new() -> Feed<'a> {
        Feed::default()
    }

    /// Adds a series and reads its first rows.
    pub fn add(&mut self, symbol: SymbolId, columns: Columns<'a>, instrument: &Instrument) -> Result<(), FeedError> {
        let rows = columns.rows();
        let chunk = match columns {
            Columns::Bars { .. } => Chunk::Bars(Vec::with_capacity(CHUNK_ROWS.min(rows))),
            Columns::Quotes { .. } => Chunk::Quotes(Vec::with_capacity(CHUNK_ROWS.min(rows))),
            Columns::Trades { .. } => Chunk::Trades(Vec::with_capacity(CHUNK_ROWS.min(rows))),
            Columns::Records(_) => Chunk::Records,
        };
        let source = Source {
            symbol,
            columns,
            scale: instrument.price_scale(),
            chunk,
            first: 0,
            held: 0,
            at: 0,
            rows,
            last_recv_ns: i64::MIN,
            shift_max: 0.0,
        };
        let index = self.sources.len();
        self.sources.push(source);
        if rows > 0 {
            self.sources[index].refill(index)?;
            let due_ns = self.sources[index].time();
            let list = self.new_list(index as u32);
            self.heap.push(Reverse((due_ns, list)));
        }
        Ok(())
    }

    fn new_list(&mut self, source: u32) -> u32 {
        if let Some(list) = self.free.pop() {
            self.lists[list as usize].push(source);
            return list;
        }
        self.lists.push(vec![source]);
        (self.lists.len() - 1) as u32
    }

    /// Receive time of the next record; `i64::MAX` at the end.
    #[inline]
    pub fn next_ns(&self) -> i64 {
        self.heap.peek().map_or(i64::MAX, |Reverse((due_ns, _))| *due_ns)
    }

    /// How many rows have been handed out.
    pub fn rows_read(&self) -> u64 {
        self.read
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.sources.iter().map(|source| source.rows as u64).sum()
    }

    /// Largest rounding of a price to the source's price unit, in price units.
    pub fn shift_max(&self, source: usize) -> f64 {
        self.sources[source].shift_max
    }

    /// Collects all records of the next receive time; read them with [`Feed::arrivals`], then call [`Feed::advance`].
    #[inline]
    pub fn collect(&mut self) -> Result<i64, FeedError> {
        let Some(&Reverse((now_ns, list))) = self.heap.peek() else { return Ok(i64::MAX) };
        self.due.clear();
        self.due_list.clear();
        self.due_list.push(list);
        if self.heap.len() > 1 {
            self.merge_equal(now_ns);
        }
        let list = self.due_list[0] as usize;
        for at in 0..self.lists[list].len() {
            let index = self.lists[list][at];
            let source = &mut self.sources[index as usize];
            let first = source.at;
            let mut last = first + 1;
            loop {
                while last < source.held && source.time_of(last) == now_ns {
                    last += 1;
                }
                if last < source.held || source.first + source.held == source.rows {
                    break;
                }
                // Rows of the same time may go on behind the chunk: keep what is due and read on.
                let kept = source.held - source.at;
                source.refill(index as usize)?;
                if source.time_of(kept) != now_ns {
                    last = kept;
                    break;
                }
                last = kept;
            }
            let first = source.at;
            self.due.push((index, first as u32, last as u32));
            self.read += (last - first) as u64;
        }
        Ok(now_ns)
    }

    /// Joins the lists of equal time into the first of them, in the order of the sources.
    #[cold]
    #[inline(never)]
    fn merge_cold(&mut self, now_ns: i64, first: u32) {
        let mut held = Vec::new();
        while let Some(&Reverse((due_ns, list))) = self.heap.peek() {
            if due_ns != now_ns {
                break;
            }
            self.heap.pop();
            held.push(list);
        }
        for &list in held.iter().filter(|&&list| list != first) {
            let moved = std::mem::take(&mut self.lists[list as usize]);
            self.lists[first as usize].extend_from_slice(&moved);
            let mut moved = moved;
            moved.clear();
            self.lists[list as usize] = moved;
            self.free.push(list);
        }
        self.lists[first as usize].sort_unstable();
        self.heap.push(Reverse((now_ns, first)));
    }

    #[inline]
    fn merge_equal(&mut self, now_ns: i64) {
        // The second smallest of a binary heap is one of the root's children.
        let slice = self.heap.as_slice();
        let equal = slice[1].0.0 == now_ns || slice.get(2).is_some_and(|entry| entry.0.0 == now_ns);
        if equal {
            let first = self.due_list[0];
            self.merge_cold(now_ns, first);
        }
    }

    /// The records of the current step, in order.
    #[inline]
    pub fn arrivals(&self, mut each: impl FnMut(Arrival<'_>)) {
        for &(index, first, last) in &self.due {
            let source = &self.sources[index as usize];
            for row in first as usize..last as usize {
                match &source.chunk {
                    Chunk::Bars(rows) => each(Arrival::Bar(source.symbol, &rows[row])),
                    Chunk::Quotes(rows) => each(Arrival::Quote(source.symbol, &rows[row])),
                    Chunk::Trades(rows) => each(Arrival::Trade(source.symbol, &rows[row])),
                    Chunk::Records => {
                        if let Columns::Records(records) = source.columns {
                            each(Arrival::Other(&records[row]));
                        }
                    }
                }
            }
        }
    }

    /// Moves behind the current step.
    #[inline]
    pub fn advance(&mut self) -> Result<(), FeedError> {
        let list = self.due_list[0];
        // The common case: every source of the step goes on to one and the same time.
        let mut next_ns = None;
        let mut split = false;
        for position in 0..self.due.len() {
            let (index, _, last) = self.due[position];
            let source = &mut self.sources[index as usize];
            source.at = last as usize;
            if source.at == source.held && source.first + source.held < source.rows {
                source.refill(index as usize)?;
            }
            let due_ns = if source.at < source.held { source.time() } else { i64::MAX };
            if *next_ns.get_or_insert(due_ns) != due_ns {
                split = true;
            }
        }
        let next_ns = next_ns.unwrap_or(i64::MAX);
        if !split && next_ns != i64::MAX {
            if let Some(mut top) = self.heap.peek_mut() {
                *top = Reverse((next_ns, list));
            }
            return Ok(());
        }
        self.split(list);
        Ok(())
    }

    /// Puts the sources of a step into lists by their next time.
    fn split(&mut self, list: u32) {
        if let Some(top) = self.heap.peek_mut() {
            PeekMut::pop(top);
        }
        let sources = std::mem::take(&mut self.lists[list as usize]);
        self.free.push(list);
        let mut made: Vec<(i64, u32)> = Vec::new();
        for &index in &sources {
            let source = &self.sources[index as usize];
            if source.at >= source.held {
                continue;
            }
            let due_ns = source.time();
            match made.iter().rev().take(4).find(|(time, _)| *time == due_ns) {
                Some(&(_, into)) => self.lists[into as usize].push(index),
                None => {
                    let into = self.new_list(index);
                    made.push((due_ns, into));
                }
            }
        }
        for (due_ns, into) in made {
            self.heap.push(Reverse((due_ns, into)));
        }
    }
}

/// Adding this to a float of at most 2⁵¹ rounds it to an integer, half to even, in its last bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// A float as the nearest integer count, and whether it fits.
#[inline]
fn count(value: f64) -> (i64, f64) {
    let shifted = value + ROUND;
    ((shifted.to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64), shifted - ROUND)
}

/// The largest count that [`count`] rounds right.
const COUNT_MAX: f64 = 2.25e15;

impl Source<'_> {
    #[inline]
    fn time(&self) -> i64 {
        self.time_of(self.at)
    }

    #[inline]
    fn time_of(&self, row: usize) -> i64 {
        match &self.chunk {
            Chunk::Bars(rows) => rows[row].ts_recv_ns,
            Chunk::Quotes(rows) => rows[row].ts_recv_ns,
            Chunk::Trades(rows) => rows[row].ts_recv_ns,
            Chunk::Records => match self.columns {
                Columns::Records(records) => records[self.first + row].ts_recv_ns,
                _ => i64::MAX,
            },
        }
    }

    /// Drops the rows handed out, keeps the others, and converts the next ones.
    #[inline(never)]
    fn refill(&mut self, index: usize) -> Result<(), FeedError> {
        let (from, kept) = (self.first + self.held, self.held - self.at);
        let to = (from + CHUNK_ROWS).min(self.rows);
        let (start, at) = (from - kept, self.at);
        let checked = match (&mut self.chunk, self.columns) {
            (Chunk::Bars(rows), Columns::Bars { ts_recv_ns, ts_event_ns, open_ns, prices, volume }) => {
                rows.drain(..at);
                let recv = ts_recv_ns.unwrap_or(ts_event_ns);
                let scale = self.scale;
                let (mut bad, mut shift, mut last) = (false, self.shift_max, self.last_recv_ns);
                let [open, high, low, close] = prices.map(|column| &column[from..to]);
                let (recv, event, opened) = (&recv[from..to], &ts_event_ns[from..to], &open_ns[from..to]);
                for row in 0..to - from {
                    let scaled = [open[row] * scale, high[row] * scale, low[row] * scale, close[row] * scale];
                    let [o, h, l, c] = scaled.map(count);
                    for (exact, (_, rounded)) in scaled.iter().zip([o, h, l, c]) {
                        shift = f64::max(shift, (exact - rounded).abs());
                    }
                    // Written so that a NaN is bad.
                    bad |= !(l.1 > 0.0 && h.1 < COUNT_MAX && o.1 >= l.1 && c.1 >= l.1 && o.1 <= h.1 && c.1 <= h.1);
                    bad |= recv[row] <= last || event[row] > recv[row] || opened[row] > event[row];
                    last = recv[row];
                    let volume = volume.map_or(f64::NAN, |column| column[from + row]);
                    bad |= volume < 0.0 || volume == f64::INFINITY;
                    rows.push(Bar {
                        ts_recv_ns: recv[row],
                        ts_event_ns: event[row],
                        open_ns: opened[row],
                        open: o.0,
                        high: h.0,
                        low: l.0,
                        close: c.0,
                        volume,
                    });
                }
                (self.shift_max, self.last_recv_ns) = (shift, last);
                !bad
            }
            (Chunk::Quotes(rows), Columns::Quotes { ts_recv_ns, ts_event_ns, prices, sizes }) => {
                rows.drain(..at);
                let recv = ts_recv_ns.unwrap_or(ts_event_ns);
                let scale = self.scale;
                let (mut bad, mut shift, mut last) = (false, self.shift_max, self.last_recv_ns);
                let [bids, asks] = prices.map(|column| &column[from..to]);
                let [bid_sizes, ask_sizes] = sizes.map(|column| &column[from..to]);
                let (recv, event) = (&recv[from..to], &ts_event_ns[from..to]);
                for row in 0..to - from {
                    let (exact_bid, exact_ask) = (bids[row] * scale, asks[row] * scale);
                    let (mut bid, mut ask) = (count(exact_bid), count(exact_ask));
                    if bids[row].is_nan() || asks[row].is_nan() {
                        // An empty side; the other one still has to be a price.
                        if bids[row].is_nan() {
                            bid = (i64::MIN, f64::MIN_POSITIVE);
                        }
                        if asks[row].is_nan() {
                            ask = (i64::MAX, COUNT_MAX / 2.0);
                        }
                    } else {
                        shift = f64::max(shift, (exact_bid - bid.1).abs().max((exact_ask - ask.1).abs()));
                    }
                    bad |= !(bid.1 > 0.0 && ask.1 < COUNT_MAX && ask.1 > 0.0 && bid.1 < COUNT_MAX);
                    bad |= !(bid_sizes[row] >= 0.0 && ask_sizes[row] >= 0.0);
                    bad |= bid_sizes[row] == f64::INFINITY || ask_sizes[row] == f64::INFINITY;
                    bad |= recv[row] < last || event[row] > recv[row];
                    last = recv[row];
                    rows.push(Quote {
                        ts_recv_ns: recv[row],
                        ts_event_ns: event[row],
                        bid: bid.0,
                        ask: ask.0,
                        bid_size: bid_sizes[row],
                        ask_size: ask_sizes[row],
                    });
                }
                (self.shift_max, self.last_recv_ns) = (shift, last);
                !bad
            }
            (Chunk::Trades(rows), Columns::Trades { ts_recv_ns, ts_event_ns, price, size, aggressor }) => {
                rows.drain(..at);
                let recv = ts_recv_ns.unwrap_or(ts_event_ns);
                let mut bad = false;
                for row in from..to {
                    let exact = price[row] * self.scale;
                    let (ticks, rounded) = count(exact);
                    self.shift_max = f64::max(self.shift_max, (exact - rounded).abs());
                    bad |= !(rounded > 0.0 && rounded < COUNT_MAX && size[row] >= 0.0 && size[row] < f64::INFINITY);
                    bad |= recv[row] < self.last_recv_ns || ts_event_ns[row] > recv[row];
                    self.last_recv_ns = recv[row];
                    rows.push(Trade {
                        ts_recv_ns: recv[row],
                        ts_event_ns: ts_event_ns[row],
                        price: ticks,
                        size: size[row],
                        aggressor: aggressor.map_or(0, |column| column[row]),
                    });
                }
                !bad
            }
            (Chunk::Records, Columns::Records(records)) => {
                // Records are read in place: the chunk is the whole slice.
                (self.held, self.at) = (records.len(), self.first + self.at);
                return match records.windows(2).position(|pair| pair[1].ts_recv_ns < pair[0].ts_recv_ns) {
                    None => Ok(()),
                    Some(row) => Err(FeedError {
                        source: index,
                        row: row + 1,
                        field: "ts_recv_ns",
                        value: records[row + 1].ts_recv_ns.to_string(),
                        problem: "is before the record above",
                    }),
                };
            }
            _ => unreachable!("Invariant: a chunk holds its columns' kind"),
        };
        (self.first, self.held, self.at) = (start, kept + to - from, 0);
        if checked { Ok(()) } else { Err(self.first_offence(index, from, to)) }
    }

    /// Names the first offence of a chunk that is known to have one.
    #[cold]
    fn first_offence(&self, index: usize, from: usize, to: usize) -> FeedError {
        let error = |row: usize, field, value: String, problem| FeedError { source: index, row, field, value, problem };
        let number = |row: usize, field, value: f64| -> Option<FeedError> {
            let problem = if value.is_nan() {
                "is empty (NaN)"
            } else if value.is_infinite() {
                "is infinite"
            } else if value * self.scale < 0.5 {
                "is not positive; a price is"
            } else if value * self.scale >= COUNT_MAX {
                "is too large for the instrument's price unit"
            } else {
                return None;
            };
            Some(error(row, field, format!("{value}"), problem))
        };
        let times = |recv: &[i64], event: &[i64], row: usize, strict: bool| -> Option<FeedError> {
            if row > 0 && recv[row] < recv[row - 1] {
                return Some(error(row, "ts_recv_ns", recv[row].to_string(), "is before the row above; sort the rows"));
            }
            if strict && row > 0 && recv[row] == recv[row - 1] {
                return Some(error(row, "ts_recv_ns", recv[row].to_string(), "repeats the time of the row above"));
            }
            if event[row] > recv[row] {
                let problem = "is after the receive time: that would be lookahead";
                return Some(error(row, "ts_event_ns", event[row].to_string(), problem));
            }
            None
        };
        let size = |row: usize, field, value: f64| -> Option<FeedError> {
            let is_bad = value < 0.0 || value.is_infinite();
            is_bad.then(|| error(row, field, format!("{value}"), "is not a size; sizes are finite and not negative"))
        };
        for row in from..to {
            let found = match self.columns {
                Columns::Bars { ts_recv_ns, ts_event_ns, open_ns, prices: [open, high, low, close], volume } => {
                    times(ts_recv_ns.unwrap_or(ts_event_ns), ts_event_ns, row, true)
                        .or_else(|| number(row, "open", open[row]))
                        .or_else(|| number(row, "high", high[row]))
                        .or_else(|| number(row, "low", low[row]))
                        .or_else(|| number(row, "close", close[row]))
                        .or_else(|| {
                            (high[row] < low[row])
                                .then(|| error(row, "high", format!("{}", high[row]), "is below the low"))
                        })
                        .or_else(|| {
                            (open[row] > high[row] || open[row] < low[row])
                                .then(|| error(row, "open", format!("{}", open[row]), "is outside low to high"))
                        })
                        .or_else(|| {
                            (close[row] > high[row] || close[row] < low[row])
                                .then(|| error(row, "close", format!("{}", close[row]), "is outside low to high"))
                        })
                        .or_else(|| {
                            (open_ns[row] > ts_event_ns[row])
                                .then(|| error(row, "open_ns", open_ns[row].to_string(), "is after the bar's close"))
                        })
                        .or_else(|| volume.and_then(|column| size(row, "volume", column[row])))
                }
                Columns::Quotes { ts_recv_ns, ts_event_ns, prices: [bid, ask], sizes: [bid_size, ask_size] } => {
                    let side = |field, value: f64| if value.is_nan() { None } else { number(row, field, value) };
                    let shown = |field, value: f64| {
                        if value.is_nan() {
                            Some(error(row, field, "NaN".to_owned(), "is empty (NaN)"))
                        } else {
                            size(row, field, value)
                        }
                    };
                    times(ts_recv_ns.unwrap_or(ts_event_ns), ts_event_ns, row, false)
                        .or_else(|| side("bid", bid[row]))
                        .or_else(|| side("ask", ask[row]))
                        .or_else(|| shown("bid_size", bid_size[row]))
                        .or_else(|| shown("ask_size", ask_size[row]))
                }
                Columns::Trades { ts_recv_ns, ts_event_ns, price, size: sizes, .. } => {
                    times(ts_recv_ns.unwrap_or(ts_event_ns), ts_event_ns, row, false)
                        .or_else(|| number(row, "price", price[row]))
                        .or_else(|| {
                            if sizes[row].is_nan() {
                                Some(error(row, "size", "NaN".to_owned(), "is empty (NaN)"))
                            } else {
                                size(row, "size", sizes[row])
                            }
                        })
                }
                Columns::Records(_) => None,
            };
            if let Some(found) = found {
                return found;
            }
        }
        error(from, "row", String::new(), "cannot be read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Payload, Status};
    use proptest::prelude::*;

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
                feed.arrivals(|arrival| if let Arrival::Trade(symbol, trade) = arrival {
                    assert_eq!(trade.ts_recv_ns, now_ns);
                    got.push((now_ns, symbol, trade.price));
                });
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
            let mut count = 0;
            feed.arrivals(|_| count += 1);
            steps.push((now_ns, count));
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
        assert_eq!((error.row, error.field, error.problem), (2, "open", "is empty (NaN)"));
    }
}
