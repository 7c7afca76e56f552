//! Recorded data in, records in order of receive time out.
//!
//! Columns stay where they are; each source converts the rows it is about to hand out, a chunk at a time, so that a
//! number is touched once and memory does not grow with the data.

mod book;
mod convert;
mod due;
mod lists;
mod offence;
mod parts;
mod shared;
mod source;
mod venue_order;

use std::collections::BinaryHeap;

use crate::event::{Bar, BookRow, Quote, Record, Rows, Trade};
use crate::instrument::{Instrument, SymbolId};
use crate::prefetch::{NEXT, SOON};
use due::Due;
pub use parts::{FeedError, Parts, RowError};
use source::{Chunk, Source};

/// When bars start.
#[derive(Clone, Copy, Debug)]
pub enum Starts<'a> {
    /// At these times.
    At(&'a [i64]),
    /// So long before their closes, in ns.
    Before(i64),
}

impl<'a> Starts<'a> {
    /// Those of some rows.
    pub(crate) fn rows(self, from: usize, to: usize) -> Starts<'a> {
        match self {
            Starts::At(times_ns) => Starts::At(&times_ns[from..to]),
            Starts::Before(_) => self,
        }
    }

    /// That of a row with this close. What is too long ago for a time comes out after the close.
    #[inline(always)]
    pub(crate) fn of(self, row: usize, close_ns: i64) -> i64 {
        match self {
            Starts::At(times_ns) => times_ns[row],
            Starts::Before(length_ns) => close_ns.wrapping_sub(length_ns),
        }
    }
}

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
        starts: Starts<'a>,
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
        /// Sizes at the bid and the ask. NaN is a size that was not recorded.
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
    /// Events of an order book.
    Book {
        /// Receive times; `None` where they equal the event times.
        ts_recv_ns: Option<&'a [i64]>,
        /// Venue times.
        ts_event_ns: &'a [i64],
        /// Codes of [`crate::book::Action`].
        action: &'a [u8],
        /// +1 bid, −1 ask, 0 neither.
        side: &'a [i8],
        /// [`crate::book::LAST`] and the others.
        flags: &'a [u8],
        /// Prices; NaN where the action has none.
        price: &'a [f64],
        /// Sizes.
        size: &'a [f64],
        /// Orders, for actions on orders; `None` where there are none.
        order_id: Option<&'a [u64]>,
    },
    /// Records that already are: status, grid and cash events.
    Records(&'a [Record]),
}

impl Columns<'_> {
    fn rows(&self) -> usize {
        match self {
            Columns::Bars { ts_event_ns, .. }
            | Columns::Quotes { ts_event_ns, .. }
            | Columns::Trades { ts_event_ns, .. }
            | Columns::Book { ts_event_ns, .. } => ts_event_ns.len(),
            Columns::Records(records) => records.len(),
        }
    }

    /// Receive time of the first row.
    fn first_ns(&self) -> i64 {
        match self {
            Columns::Bars { ts_recv_ns, ts_event_ns, .. }
            | Columns::Quotes { ts_recv_ns, ts_event_ns, .. }
            | Columns::Trades { ts_recv_ns, ts_event_ns, .. }
            | Columns::Book { ts_recv_ns, ts_event_ns, .. } => ts_recv_ns.unwrap_or(ts_event_ns)[0],
            Columns::Records(records) => records[0].ts_recv_ns,
        }
    }
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
    /// All events of a book that came at once.
    Book(SymbolId, &'a [BookRow]),
    /// Anything else.
    Other(&'a Record),
}

/// Rows of the one series that comes next for a while.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// Of what.
    pub symbol: SymbolId,
    /// The rows, as far as they are converted.
    pub rows: Rows<'a>,
    /// Their receive times, and that of the row behind them (`i64::MAX` if there is none).
    pub times_ns: &'a [i64],
    /// When the next row of any other series is due.
    pub other_ns: i64,
    /// Whether each row has a time of its own.
    pub is_strict: bool,
}

/// Who is handed the records of a step. One method a kind, so that each loop over rows knows what it hands out.
pub trait Receiver {
    /// A bar.
    fn bar(&mut self, symbol: SymbolId, bar: &Bar);
    /// A quote.
    fn quote(&mut self, symbol: SymbolId, quote: &Quote);
    /// A public trade.
    fn trade(&mut self, symbol: SymbolId, trade: &Trade);
    /// All events of a book that came at once.
    fn book(&mut self, symbol: SymbolId, rows: &[BookRow]);
    /// Anything else.
    fn other(&mut self, record: &Record);
    /// Something of this instrument follows soon.
    #[inline]
    fn expect(&self, _symbol: SymbolId) {}
    /// It follows next.
    #[inline]
    fn expect_next(&self, _symbol: SymbolId) {}
}

/// Who may look at rows before they are handed out, to prepare for them.
pub trait Previewer {
    /// Rows of one series, their receive times and the one behind them, and whether each has a time of its own.
    fn preview(&mut self, symbol: SymbolId, rows: Rows<'_>, times_ns: &[i64], is_strict: bool);
}

/// The merged feed. Sources of equal time keep the order in which they were added.
#[derive(Debug)]
pub struct Feed<'a> {
    sources: Vec<Source<'a>>,
    /// The instrument of each.
    symbols: Vec<SymbolId>,
    /// The next receive time and the list of sources whose next row has it; `i64::MAX` at the end.
    next_ns: i64,
    list: u32,
    /// The other lists, soonest first.
    heap: BinaryHeap<Due>,
    lists: Vec<Vec<u32>>,
    free: Vec<u32>,
    /// The current step: (source, first row of the chunk, row after the last).
    due: Vec<(u32, u32, u32)>,
    read: u64,
    /// Sources that converted rows since the last preview, and how many.
    converted: Vec<(u32, usize)>,
}

impl Default for Feed<'_> {
    fn default() -> Self {
        Feed {
            sources: Vec::new(),
            symbols: Vec::new(),
            next_ns: i64::MAX,
            list: 0,
            heap: BinaryHeap::new(),
            lists: vec![Vec::new()],
            free: Vec::new(),
            due: Vec::new(),
            read: 0,
            converted: Vec::new(),
        }
    }
}

impl<'a> Feed<'a> {
    /// An empty feed.
    pub fn new() -> Feed<'a> {
        Feed::default()
    }

    /// Adds a series and reads its first rows.
    pub fn add(&mut self, symbol: SymbolId, columns: Columns<'a>, instrument: &Instrument) -> Result<(), FeedError> {
        self.add_source(Source::new(symbol, columns, instrument))
    }

    /// Adds a series that comes in parts and reads its first rows.
    pub fn add_parts(
        &mut self,
        symbol: SymbolId,
        parts: Box<dyn Parts + 'a>,
        instrument: &Instrument,
    ) -> Result<(), FeedError> {
        self.add_source(Source::of_parts(symbol, parts, instrument)?)
    }

    /// Adds a book's series that another feed reads in order of receipt, here in order of the venue's time. Each row is
    /// converted once, for both. `Ok(false)`: it is a series of another kind or in parts, or the other feed has been read
    /// from.
    pub fn add_by_venue_time(&mut self, other: &mut Feed<'a>, source: usize) -> Result<bool, FeedError> {
        match other.sources[source].by_venue_time() {
            Some(source) => self.add_source(source).map(|()| true),
            None => Ok(false),
        }
    }

    fn add_source(&mut self, mut source: Source<'a>) -> Result<(), FeedError> {
        let index = self.sources.len();
        for other in &mut self.sources {
            if other.gives_like(&source) || source.gives_like(other) {
                (other.is_sole, source.is_sole) = (false, false);
            }
        }
        if source.has_more() {
            let new = source.refill(index)?;
            self.converted.push((index as u32, new));
            let (due_ns, list) = (source.next_ns(), self.new_list(index as u32));
            self.heap.push(Due { time_ns: due_ns, list, source: index as u32 });
            if self.next_ns != i64::MAX {
                let source = self.lists[self.list as usize][0];
                self.heap.push(Due { time_ns: self.next_ns, list: self.list, source });
            }
            self.take_soonest();
        }
        self.symbols.push(source.symbol);
        self.sources.push(source);
        Ok(())
    }

    /// Receive time of the next record; `i64::MAX` at the end.
    #[inline]
    pub fn next_ns(&self) -> i64 {
        self.next_ns
    }

    /// How many rows have been handed out.
    pub fn rows_read(&self) -> u64 {
        self.read
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.sources.iter().map(|source| source.rows_all as u64).sum()
    }

    /// Rows of the longest series of bars.
    pub fn bars_max(&self) -> usize {
        let bars = self.sources.iter().filter(|source| matches!(source.chunk, Chunk::Bars(_)));
        bars.map(|source| source.rows_all).max().unwrap_or(0)
    }

    /// The instruments whose books come in one series alone.
    pub fn sole_books(&self) -> impl Iterator<Item = SymbolId> {
        let is_book = |source: &&Source<'_>| source.is_sole && matches!(source.chunk, Chunk::Book(_));
        self.sources.iter().filter(is_book).map(|source| source.symbol)
    }

    /// Largest rounding of a price to the source's price unit, in price units.
    pub fn shift_max(&self, source: usize) -> f64 {
        self.sources[source].shift_max()
    }

    /// Collects all records of the next receive time; read them with [`Feed::hand_out`], then call [`Feed::advance`].
    #[inline]
    pub fn collect(&mut self) -> Result<i64, FeedError> {
        let now_ns = self.next_ns;
        self.due.clear();
        if now_ns == i64::MAX {
            return Ok(now_ns);
        }
        if self.heap.peek().is_some_and(|due| due.time_ns == now_ns) {
            self.merge_equal(now_ns);
        }
        let list = &self.lists[self.list as usize];
        for (nth, &index) in list.iter().enumerate() {
            if let Some(&soon) = list.get(nth + SOON) {
                self.sources[soon as usize].prefetch();
            }
            if let Some(&soon) = list.get(nth + NEXT) {
                self.sources[soon as usize].prefetch_row();
            }
            let source = &mut self.sources[index as usize];
            let last = source.due_until(now_ns, index as usize, &mut self.converted)?;
            self.due.push((index, source.at as u32, last as u32));
            self.read += (last - source.at) as u64;
        }
        Ok(now_ns)
    }

    /// Hands out the records of the current step, in order.
    #[inline]
    pub fn hand_out(&self, receiver: &mut impl Receiver) {
        for (nth, &(index, first, last)) in self.due.iter().enumerate() {
            if let Some(&(soon, first, _)) = self.due.get(nth + NEXT) {
                let soon = &self.sources[soon as usize];
                soon.chunk.prefetch(first as usize);
                receiver.expect(soon.symbol);
            }
            let source = &self.sources[index as usize];
            let (symbol, rows) = (source.symbol, first as usize..last as usize);
            match &source.chunk {
                Chunk::Bars(bars) => bars[rows].iter().for_each(|bar| receiver.bar(symbol, bar)),
                Chunk::Quotes(quotes) => quotes[rows].iter().for_each(|quote| receiver.quote(symbol, quote)),
                Chunk::Trades(trades) => trades[rows].iter().for_each(|trade| receiver.trade(symbol, trade)),
                Chunk::Book(events) => receiver.book(symbol, &events[rows]),
                Chunk::Shared(reader) => reader.hand_out(rows, |events| receiver.book(symbol, events)),
                Chunk::Records => {
                    if let Columns::Records(records) = source.columns {
                        records[rows].iter().for_each(|record| receiver.other(record));
                    }
                }
            }
        }
    }

    /// The rows that come next in one series before those of any other. Take some of them with [`Feed::skip`].
    #[inline]
    pub fn stretch(&self) -> Option<Stretch<'_>> {
        let &[index] = self.lists[self.list as usize].as_slice() else { return None };
        let other_ns = self.heap.peek().map_or(i64::MAX, |due| due.time_ns);
        let source = &self.sources[index as usize];
        let rows = source.chunk.rows()?;
        let rows = rows.slice(source.at..rows.len());
        let (symbol, times_ns, is_strict) = (source.symbol, source.times(), source.is_strict);
        Some(Stretch { symbol, rows, times_ns, other_ns, is_strict })
    }

    /// Shows the rows that were converted since the last call.
    ///
    /// Only series that are the sole one of their kind for their instrument: of others the order is not known yet.
    #[inline]
    pub fn preview(&mut self, previewer: &mut impl Previewer) {
        if !self.converted.is_empty() {
            self.preview_converted(previewer);
        }
    }

    /// For a feed whose rows nobody previews.
    #[inline]
    pub fn forget_converted(&mut self) {
        self.converted.clear();
    }

    #[inline(never)]
    fn preview_converted(&mut self, previewer: &mut impl Previewer) {
        for (index, new) in self.converted.drain(..) {
            let source = &self.sources[index as usize];
            if let Some(rows) = source.chunk.rows()
                && source.is_sole
            {
                let rows = rows.slice(rows.len() - new..rows.len());
                previewer.preview(source.symbol, rows, source.last_times(new), source.is_strict);
            }
        }
    }

    /// Moves behind the first rows of the stretch.
    pub fn skip(&mut self, rows: usize) -> Result<(), FeedError> {
        self.due.clear();
        let index = self.lists[self.list as usize][0];
        let at = self.sources[index as usize].at;
        self.due.push((index, at as u32, (at + rows) as u32));
        self.read += rows as u64;
        self.advance()
    }

    /// Moves behind the current step.
    #[inline]
    pub fn advance(&mut self) -> Result<(), FeedError> {
        // The common case: every source of the step goes on to one and the same time.
        let mut next_ns = None;
        let mut is_split = false;
        for &(index, _, last) in &self.due {
            let source = &mut self.sources[index as usize];
            source.at = last as usize;
            if source.is_spent() && source.has_more() {
                let new = source.refill(index as usize)?;
                self.converted.push((index, new));
            }
            let due_ns = source.next_ns();
            is_split |= *next_ns.get_or_insert(due_ns) != due_ns;
        }
        let next_ns = next_ns.unwrap_or(i64::MAX);
        if is_split || next_ns == i64::MAX {
            self.split();
        } else if self.heap.peek().is_some_and(|due| due.time_ns < next_ns) {
            if let Some(mut top) = self.heap.peek_mut() {
                let own = Due { time_ns: next_ns, list: self.list, source: self.due[0].0 };
                let soonest = std::mem::replace(&mut *top, own);
                (self.next_ns, self.list) = (soonest.time_ns, soonest.list);
            }
        } else {
            self.next_ns = next_ns;
        }
        Ok(())
    }

    /// Asks memory for what the next steps read, of series that take turns.
    #[inline]
    pub fn prefetch(&self, receiver: &impl Receiver) {
        let [next, behind @ ..] = self.heap.as_slice() else { return };
        // What comes behind the soonest one is one of these.
        for due in behind.iter().take(2) {
            self.sources[due.source as usize].prefetch();
            receiver.expect(self.symbols[due.source as usize]);
        }
        self.sources[next.source as usize].prefetch_row();
        receiver.expect_next(self.symbols[next.source as usize]);
    }
}

#[cfg(test)]
mod tests;
