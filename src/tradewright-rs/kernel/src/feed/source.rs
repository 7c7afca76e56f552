//! One series: converts the rows that it is about to hand out.

use super::Columns;
use super::convert::{
    BarColumns, QuoteColumns, ZERO, are_apart, convert_bars, convert_quotes, count, is_price, price_range,
};
use super::parts::{FeedError, Parts, RowError};
use super::shared::Reader;
use crate::event::{Bar, BookRow, Payload, Quote, Rows, Trade};
use crate::instrument::{Instrument, SymbolId};
use crate::prefetch::prefetch_at;

/// Rows converted at a time. Small, so that the chunks of many symbols stay in the cache together.
pub(super) const CHUNK_ROWS: usize = 256;

#[derive(Debug)]
pub(super) enum Chunk<'a> {
    Bars(Vec<Bar>),
    Quotes(Vec<Quote>),
    Trades(Vec<Trade>),
    Book(Vec<BookRow>),
    /// Of a book that another feed reads as well.
    Shared(Reader<'a>),
    /// Records are read in place.
    Records,
}

impl Chunk<'_> {
    /// Rows of a market series that are this source's own.
    #[inline]
    pub(super) fn rows(&self) -> Option<Rows<'_>> {
        match self {
            Chunk::Bars(bars) => Some(Rows::Bars(bars)),
            Chunk::Quotes(quotes) => Some(Rows::Quotes(quotes)),
            Chunk::Trades(trades) => Some(Rows::Trades(trades)),
            Chunk::Book(events) => Some(Rows::Book(events)),
            Chunk::Shared(_) | Chunk::Records => None,
        }
    }

    /// Asks memory for a row of a series of single records.
    #[inline]
    pub(super) fn prefetch(&self, row: usize) {
        match self {
            Chunk::Bars(bars) => prefetch_at(bars.as_ptr().wrapping_add(row)),
            Chunk::Quotes(quotes) => prefetch_at(quotes.as_ptr().wrapping_add(row)),
            Chunk::Trades(trades) => prefetch_at(trades.as_ptr().wrapping_add(row)),
            Chunk::Book(_) | Chunk::Shared(_) | Chunk::Records => {}
        }
    }

    /// What sort of records there are.
    fn kind(&self) -> u8 {
        match self {
            Chunk::Bars(_) => 0,
            Chunk::Quotes(_) => 1,
            Chunk::Trades(_) => 2,
            Chunk::Book(_) | Chunk::Shared(_) => 3,
            Chunk::Records => 4,
        }
    }
}

/// What each step reads comes first, in one cache line and a half.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Source<'a> {
    pub(super) chunk: Chunk<'a>,
    /// Receive times of the chunk's rows and of the row behind them: `i64::MAX` where there is none.
    times: Vec<i64>,
    /// The next row of the chunk to hand out.
    pub(super) at: usize,
    /// How many rows the chunk holds.
    held: usize,
    pub(super) symbol: SymbolId,
    /// Whether each row of the chunk has a time of its own.
    pub(super) is_strict: bool,
    /// Whether no other source has records of this kind for the instrument.
    pub(super) is_sole: bool,
    /// The whole series; no records of one that comes in parts.
    pub(super) columns: Columns<'a>,
    /// Where the parts come from. What is said of rows below is about the part in memory then.
    parts: Option<Box<dyn Parts + 'a>>,
    /// Receive time of the last row of the parts before.
    pub(super) parted_ns: i64,
    /// Price units in a price of one.
    pub(super) scale: f64,
    /// Lots in a size of one.
    pub(super) lot_scale: f64,
    /// Lowest and highest price, shifted.
    pub(super) range: [f64; 2],
    /// The price unit and the lot, for people.
    pub(super) units: [f64; 2],
    /// The row of the series that is converted next.
    next: usize,
    pub(super) rows: usize,
    /// Rows of all parts.
    pub(super) rows_all: usize,
    pub(super) last_recv_ns: i64,
    /// Largest rounding to the price unit so far, in price units.
    pub(super) shift_max: f64,
}

impl<'a> Source<'a> {
    pub(super) fn new(symbol: SymbolId, columns: Columns<'a>, instrument: &Instrument) -> Source<'a> {
        Source { columns, ..Source::like(symbol, &columns, instrument) }
    }

    /// A series that comes in parts, with the first one that has rows.
    pub(super) fn of_parts(
        symbol: SymbolId,
        mut parts: Box<dyn Parts + 'a>,
        instrument: &Instrument,
    ) -> Result<Source<'a>, FeedError> {
        let is_there = next_part(&mut *parts)?;
        let mut source = Source::like(symbol, &parts.columns(), instrument);
        source.rows_all = if is_there { parts.rows() } else { 0 };
        source.parts = Some(parts);
        Ok(source)
    }

    /// A source of the kind of these columns, without them.
    fn like(symbol: SymbolId, columns: &Columns<'_>, instrument: &Instrument) -> Source<'a> {
        let (scale, lot_scale) = (instrument.price_scale(), instrument.lot_scale());
        let rows = columns.rows();
        let size = CHUNK_ROWS.min(rows);
        let chunk = match columns {
            Columns::Bars { .. } => Chunk::Bars(Vec::with_capacity(size)),
            Columns::Quotes { .. } => Chunk::Quotes(Vec::with_capacity(size)),
            Columns::Trades { .. } => Chunk::Trades(Vec::with_capacity(size)),
            Columns::Book { .. } => Chunk::Book(Vec::with_capacity(size)),
            Columns::Records(_) => Chunk::Records,
        };
        let times = vec![i64::MAX];
        let (last_recv_ns, shift_max) = (i64::MIN, 0.0);
        let (is_strict, is_sole) = (false, true);
        Source {
            symbol,
            columns: Columns::Records(&[]),
            parts: None,
            parted_ns: i64::MIN,
            scale,
            lot_scale,
            range: price_range(instrument),
            units: [instrument.price_unit.to_f64(), instrument.lot_size.to_f64()],
            chunk,
            times,
            next: 0,
            held: 0,
            at: 0,
            rows,
            rows_all: rows,
            last_recv_ns,
            is_strict,
            is_sole,
            shift_max,
        }
    }

    /// Whether this source has records of the kind that the other one has, for its instrument.
    pub(super) fn gives_like(&self, other: &Source<'_>) -> bool {
        if let (Chunk::Records, Columns::Records(records)) = (&self.chunk, self.columns) {
            return records.iter().any(|record| {
                record.symbol == other.symbol
                    && matches!(
                        (&record.payload, &other.chunk),
                        (Payload::Bar(_), Chunk::Bars(_))
                            | (Payload::Quote(_), Chunk::Quotes(_))
                            | (Payload::Trade(_), Chunk::Trades(_))
                            | (Payload::Book(_), Chunk::Book(_) | Chunk::Shared(_))
                    )
            });
        }
        self.symbol == other.symbol && self.chunk.kind() == other.chunk.kind()
    }

    /// Another reader of the same series, at its first row.
    pub(super) fn beside(&self, chunk: Chunk<'a>) -> Source<'a> {
        let times = vec![i64::MAX];
        let parts = None;
        Source { chunk, times, parts, next: 0, held: 0, at: 0, is_strict: false, last_recv_ns: i64::MIN, ..*self }
    }

    /// Asks memory for what the next step reads of it.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch_at(std::ptr::from_ref(self).cast::<[u8; 128]>());
    }

    /// Asks memory for the next row and the times around it.
    #[inline]
    pub(super) fn prefetch_row(&self) {
        prefetch_at(self.times.as_ptr().wrapping_add(self.at + 1));
        self.chunk.prefetch(self.at);
    }

    /// Whether no row was handed out.
    pub(super) fn is_unread(&self) -> bool {
        self.next == self.held && self.at == 0
    }

    /// Largest rounding to the price unit so far, in price units.
    pub(super) fn shift_max(&self) -> f64 {
        match &self.chunk {
            Chunk::Shared(reader) => reader.shift_max(),
            _ => self.shift_max,
        }
    }

    /// Receive times of the last rows of the chunk, and of the row behind them.
    #[inline]
    pub(super) fn last_times(&self, rows: usize) -> &[i64] {
        &self.times[self.times.len() - 1 - rows..]
    }

    /// Receive time of the next row; `i64::MAX` at the end.
    #[inline]
    pub(super) fn next_ns(&self) -> i64 {
        self.times[self.at]
    }

    /// Receive times of the rows of the chunk that are left, and of the row behind them.
    #[inline]
    pub(super) fn times(&self) -> &[i64] {
        &self.times[self.at..]
    }

    /// Whether every row of the chunk has been handed out.
    #[inline]
    pub(super) fn is_spent(&self) -> bool {
        self.at == self.held
    }

    /// Whether there are rows behind the chunk.
    #[inline]
    pub(super) fn has_more(&self) -> bool {
        self.next < self.rows
    }

    /// The first row of the chunk that is not due now. The next one is.
    #[inline]
    pub(super) fn due_until(
        &mut self,
        now_ns: i64,
        index: usize,
        converted: &mut Vec<(u32, usize)>,
    ) -> Result<usize, FeedError> {
        let last = self.at + 1;
        if self.times[last] == now_ns { self.due_until_long(now_ns, index, converted) } else { Ok(last) }
    }

    #[inline(never)]
    fn due_until_long(
        &mut self,
        now_ns: i64,
        index: usize,
        converted: &mut Vec<(u32, usize)>,
    ) -> Result<usize, FeedError> {
        let mut last = self.at + 1;
        loop {
            last += self.times[last..self.held].iter().take_while(|&&time_ns| time_ns == now_ns).count();
            if last < self.held || !self.has_more() || self.times[last] != now_ns {
                return Ok(last);
            }
            // Rows of the same time go on behind the chunk: keep what is due and read on.
            last = self.held - self.at;
            let new = self.refill(index)?;
            match converted.last_mut() {
                // Still the same chunk: what came before was not seen either.
                Some((other, rows)) if *other as usize == index => *rows += new,
                _ => converted.push((index as u32, new)),
            }
        }
    }

    /// Drops the rows handed out, keeps the others, and converts the next ones; returns how many.
    #[inline(never)]
    pub(super) fn refill(&mut self, index: usize) -> Result<usize, FeedError> {
        let Some(mut parts) = self.parts.take() else {
            return self.refill_from(&{ self.columns }, index).map_err(FeedError::from);
        };
        let new = self.refill_part(&mut *parts, index);
        self.parts = Some(parts);
        new
    }

    /// The same of the part in memory, which is let go of as soon as all its rows are converted.
    #[cold]
    fn refill_part(&mut self, parts: &mut dyn Parts, index: usize) -> Result<usize, FeedError> {
        let new = self.refill_from(&parts.columns(), index).map_err(|error| error.in_part(&*parts))?;
        if self.next == self.rows {
            (self.next, self.rows, self.parted_ns) = (0, 0, self.last_recv_ns);
            if next_part(parts)? {
                let columns = parts.columns();
                self.rows = columns.rows();
                let behind_ns = columns.first_ns();
                self.is_strict &= behind_ns != self.last_recv_ns;
                self.times.pop();
                self.times.push(behind_ns);
            }
        }
        Ok(new)
    }

    fn refill_from(&mut self, columns: &Columns<'_>, index: usize) -> Result<usize, RowError> {
        let (from, kept) = (self.next, self.held - self.at);
        let to = (from + CHUNK_ROWS).min(self.rows);
        if let Chunk::Shared(reader) = &mut self.chunk {
            self.times.truncate(self.held);
            self.times.drain(..self.at);
            let refilled = reader.refill(self.at, from..to, &mut self.times);
            (self.next, self.held, self.at) = (to, kept + to - from, 0);
            return match refilled {
                Ok(()) => Ok(to - from),
                Err(rows) => Err(self.first_offence(columns, index, rows.start, rows.end)),
            };
        }
        let (is_good, to) = match *columns {
            Columns::Bars { .. } => (self.refill_bars(columns, from, to), to),
            Columns::Quotes { .. } => (self.refill_quotes(columns, from, to), to),
            Columns::Trades { .. } => (self.refill_trades(columns, from, to), to),
            Columns::Book { .. } => (self.refill_book(columns, from, to), to),
            Columns::Records(records) => {
                let times_ns: Vec<i64> = records.iter().map(|record| record.ts_recv_ns).collect();
                self.refill_times(&times_ns, from, records.len());
                if let Some(row) = records.windows(2).position(|pair| pair[1].ts_recv_ns < pair[0].ts_recv_ns) {
                    return Err(RowError {
                        source: index,
                        part: None,
                        row: row + 1,
                        field: "ts_recv_ns",
                        value: records[row + 1].ts_recv_ns.to_string(),
                        problem: "is before the record above".into(),
                    });
                }
                (true, records.len())
            }
        };
        (self.next, self.held, self.at) = (to, kept + to - from, 0);
        self.is_strict = are_apart(&self.times);
        if is_good { Ok(to - from) } else { Err(self.first_offence(columns, index, from, to)) }
    }

    /// Moves on to the times of these rows of all, and of the one behind them.
    pub(super) fn refill_times(&mut self, times_ns: &[i64], from: usize, to: usize) {
        self.times.truncate(self.held);
        self.times.drain(..self.at);
        self.times.extend_from_slice(&times_ns[from..to]);
        self.times.push(if to < self.rows { times_ns[to] } else { i64::MAX });
    }

    fn refill_bars(&mut self, columns: &Columns<'_>, from: usize, to: usize) -> bool {
        let Columns::Bars { ts_recv_ns, ts_event_ns, starts, prices, volume } = *columns else { return false };
        let recv = ts_recv_ns.unwrap_or(ts_event_ns);
        self.refill_times(recv, from, to);
        let Chunk::Bars(bars) = &mut self.chunk else { return false };
        bars.drain(..self.at);
        let is_first_good = recv[from..to].first().is_none_or(|&first| first > self.last_recv_ns);
        self.last_recv_ns = recv[from..to].last().copied().unwrap_or(self.last_recv_ns);
        let columns = BarColumns {
            recv: &recv[from..to],
            event: &ts_event_ns[from..to],
            starts: starts.rows(from, to),
            prices: prices.map(|column| &column[from..to]),
            volume: volume.map(|column| &column[from..to]),
        };
        is_first_good & convert_bars(&columns, self.scale, self.range, bars, &mut self.shift_max)
    }

    fn refill_quotes(&mut self, columns: &Columns<'_>, from: usize, to: usize) -> bool {
        let Columns::Quotes { ts_recv_ns, ts_event_ns, prices, sizes } = *columns else { return false };
        let recv = ts_recv_ns.unwrap_or(ts_event_ns);
        self.refill_times(recv, from, to);
        let Chunk::Quotes(quotes) = &mut self.chunk else { return false };
        quotes.drain(..self.at);
        let columns = QuoteColumns {
            recv: &recv[from..to],
            event: &ts_event_ns[from..to],
            prices: prices.map(|column| &column[from..to]),
            sizes: sizes.map(|column| &column[from..to]),
        };
        let is_first_good = columns.recv.first().is_none_or(|&first| first >= self.last_recv_ns);
        self.last_recv_ns = columns.recv.last().copied().unwrap_or(self.last_recv_ns);
        is_first_good & convert_quotes(&columns, self.scale, self.range, quotes, &mut self.shift_max)
    }

    fn refill_trades(&mut self, columns: &Columns<'_>, from: usize, to: usize) -> bool {
        let Columns::Trades { ts_recv_ns, ts_event_ns, price, size, aggressor } = *columns else { return false };
        let recv = ts_recv_ns.unwrap_or(ts_event_ns);
        self.refill_times(recv, from, to);
        let Chunk::Trades(trades) = &mut self.chunk else { return false };
        trades.drain(..self.at);
        let (scale, range) = (self.scale, self.range);
        let (mut is_good, mut largest, mut last) = (true, self.shift_max, self.last_recv_ns);
        trades.extend((from..to).map(|row| {
            let exact = price[row] * scale;
            let (ticks, rounded) = count(exact);
            largest = f64::max(largest, (exact - rounded).abs());
            is_good &= is_price(ZERO + rounded, range) & (size[row] >= 0.0) & (size[row] < f64::INFINITY);
            is_good &= (recv[row] >= last) & (ts_event_ns[row] <= recv[row]);
            last = recv[row];
            Trade {
                ts_recv_ns: recv[row],
                ts_event_ns: ts_event_ns[row],
                price: ticks,
                size: size[row],
                aggressor: aggressor.map_or(0, |column| column[row]),
            }
        }));
        (self.shift_max, self.last_recv_ns) = (largest, last);
        is_good
    }
}

/// Goes on to the next part that has rows; whether there is one.
fn next_part(parts: &mut dyn Parts) -> Result<bool, FeedError> {
    loop {
        if !parts.advance().map_err(FeedError::Part)? {
            return Ok(false);
        }
        if parts.columns().rows() > 0 {
            return Ok(true);
        }
    }
}
