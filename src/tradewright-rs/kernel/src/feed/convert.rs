//! Columns of floats made rows of integers, and checked on the way.

use std::array::from_fn;

use super::Starts;
use crate::event::{Bar, Quote};
use crate::instrument::Instrument;
use crate::wide::wide;

/// Adding this to a float of at most 2⁵¹ rounds it to an integer, half to even, in its last bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// A count of zero, shifted.
pub(super) const ZERO: f64 = ROUND;

/// The largest count that [`count`] rounds right.
pub(super) const COUNT_MAX: f64 = 2.25e15;

/// Rows taken at a time, column by column: what is between two passes stays in the nearest cache.
pub(super) const PASS_ROWS: usize = 64;

/// Volumes that were not recorded.
const UNKNOWN: [f64; PASS_ROWS] = [f64::NAN; PASS_ROWS];

/// A float as the nearest integer count, and whether it fits.
#[inline(always)]
pub(super) fn count(value: f64) -> (i64, f64) {
    let shifted = value + ROUND;
    (ticks(shifted), shifted - ROUND)
}

/// The integer in the last bits of a float that [`ROUND`] was added to.
#[inline(always)]
pub(super) fn ticks(shifted: f64) -> i64 {
    (shifted.to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64)
}

/// The float nearest to the count in the last bits.
#[inline(always)]
pub(super) fn rounded(shifted: f64) -> f64 {
    shifted - ROUND
}

/// The lowest and highest price that an instrument may have, shifted: within its bounds, or above zero without them, and
/// not too large to be rounded right.
pub(super) fn price_range(instrument: &Instrument) -> [f64; 2] {
    const LAST: i64 = COUNT_MAX as i64 - 1;
    let (lowest, highest) = instrument.price_range_ticks();
    [lowest, highest].map(|ticks| ROUND + ticks.clamp(-LAST, LAST) as f64)
}

/// Whether a shifted price is in the range. NaN is not.
#[inline(always)]
pub(super) fn is_price(shifted: f64, range: [f64; 2]) -> bool {
    (shifted >= range[0]) & (shifted <= range[1])
}

/// Some rows of a series of bars.
pub(super) struct BarColumns<'a> {
    pub recv: &'a [i64],
    pub event: &'a [i64],
    pub starts: Starts<'a>,
    pub prices: [&'a [f64]; 4],
    pub volume: Option<&'a [f64]>,
}

/// Some rows of a series of quotes.
pub(super) struct QuoteColumns<'a> {
    pub recv: &'a [i64],
    pub event: &'a [i64],
    pub prices: [&'a [f64]; 2],
    pub sizes: [&'a [f64]; 2],
}

wide! {
    /// Whether no two neighbours are equal.
    pub(super) fn are_apart(times_ns: &[i64]) -> bool = differ
}

#[inline(always)]
fn differ(times_ns: &[i64]) -> bool {
    times_ns.windows(2).fold(true, |good, pair| good & (pair[0] != pair[1]))
}

wide! {
    /// Appends the bars; whether all of them can be used, their prices in [`price_range`]. Raises `shift_max` to the largest rounding, in price units.
    pub(super) fn convert_bars(
        columns: &BarColumns<'_>, scale: f64, range: [f64; 2], bars: &mut Vec<Bar>, shift_max: &mut f64,
    ) -> bool = bars_of
}

wide! {
    /// Appends the quotes; whether all of them can be used, their prices in [`price_range`]. Raises `shift_max` to the largest rounding, in price units.
    pub(super) fn convert_quotes(
        columns: &QuoteColumns<'_>, scale: f64, range: [f64; 2], quotes: &mut Vec<Quote>, shift_max: &mut f64,
    ) -> bool = quotes_of
}

/// The greater of two, or the first if the second is NaN: what the processor's packed maximum does.
#[inline(always)]
fn greater(largest: f64, value: f64) -> f64 {
    if value > largest { value } else { largest }
}

/// Adds [`ROUND`] to a column of prices in price units; returns the largest rounding, or `largest`.
#[inline(always)]
pub(super) fn shift(column: &[f64], scale: f64, out: &mut [f64], largest: f64) -> f64 {
    // Lanes of their own: a maximum over all of them would have to wait for each.
    let mut lanes = [largest; 4];
    let (pieces, rest) = (column.chunks_exact(4), column.chunks_exact(4).remainder());
    let done = column.len() - rest.len();
    for (out, prices) in out.chunks_exact_mut(4).zip(pieces) {
        // A step over all lanes at a time, which is what the compiler makes one instruction of.
        let exact: [f64; 4] = from_fn(|lane| prices[lane] * scale);
        let shifted = exact.map(|exact| exact + ROUND);
        let back = shifted.map(|shifted| shifted - ROUND);
        let off: [f64; 4] = from_fn(|lane| (exact[lane] - back[lane]).abs());
        lanes = from_fn(|lane| greater(lanes[lane], off[lane]));
        out.copy_from_slice(&shifted);
    }
    for (out, price) in out[done..].iter_mut().zip(rest) {
        let exact = price * scale;
        *out = exact + ROUND;
        lanes[0] = greater(lanes[0], (exact - (*out - ROUND)).abs());
    }
    lanes.into_iter().fold(largest, greater)
}

/// What `extend` does, which by itself would not be compiled for wide registers.
#[inline(always)]
fn append<T>(values: &mut Vec<T>, count: usize, value: impl Fn(usize) -> T) {
    values.reserve(count);
    for (row, slot) in values.spare_capacity_mut()[..count].iter_mut().enumerate() {
        slot.write(value(row));
    }
    // SAFETY: the loop has written as many.
    unsafe { values.set_len(values.len() + count) };
}

#[inline(always)]
fn bars_of(columns: &BarColumns<'_>, scale: f64, range: [f64; 2], bars: &mut Vec<Bar>, shift_max: &mut f64) -> bool {
    let (recv, event, starts) = (columns.recv, columns.event, columns.starts);
    let mut is_good = recv.windows(2).fold(true, |good, pair| good & (pair[0] < pair[1]));
    for (recv, event) in recv.iter().zip(event) {
        is_good &= event <= recv;
    }
    if let Some(volume) = columns.volume {
        for volume in volume {
            is_good &= volume.is_nan() | ((*volume >= 0.0) & (*volume < f64::INFINITY));
        }
    }
    let mut shifted = [[0.0; PASS_ROWS]; 4];
    let mut opened = [0; PASS_ROWS];
    let mut from = 0;
    while from < recv.len() {
        let rows = from..recv.len().min(from + PASS_ROWS);
        for (column, out) in columns.prices.iter().zip(&mut shifted) {
            *shift_max = shift(&column[rows.clone()], scale, &mut out[..rows.len()], *shift_max);
        }
        let (recv, event) = (&recv[rows.clone()], &event[rows.clone()]);
        let opened = match starts {
            Starts::At(times_ns) => &times_ns[rows.clone()],
            Starts::Before(length_ns) => {
                for (opened, event) in opened.iter_mut().zip(event) {
                    *opened = event.wrapping_sub(length_ns);
                }
                &opened[..rows.len()]
            }
        };
        for (opened, event) in opened.iter().zip(event) {
            is_good &= opened <= event;
        }
        let [open, high, low, close] = shifted.each_ref().map(|column| &column[..rows.len()]);
        for row in 0..rows.len() {
            // Shifted prices compare as prices do; written so that a NaN is bad.
            is_good &= (low[row] >= range[0]) & (high[row] <= range[1]);
            is_good &= (open[row] >= low[row]) & (open[row] <= high[row]);
            is_good &= (close[row] >= low[row]) & (close[row] <= high[row]);
        }
        let volume = columns.volume.map_or(&UNKNOWN[..rows.len()], |volume| &volume[rows.clone()]);
        append(bars, rows.len(), |row| Bar {
            ts_recv_ns: recv[row],
            ts_event_ns: event[row],
            open_ns: opened[row],
            open: ticks(open[row]),
            high: ticks(high[row]),
            low: ticks(low[row]),
            close: ticks(close[row]),
            volume: volume[row],
        });
        from = rows.end;
    }
    is_good
}

/// Whether times of receipt do not fall, and no row was received before it happened.
#[inline(always)]
pub(super) fn are_in_time(recv: &[i64], event: &[i64]) -> bool {
    let mut is_good = recv.windows(2).fold(true, |good, pair| good & (pair[0] <= pair[1]));
    for (recv, event) in recv.iter().zip(event) {
        is_good &= event <= recv;
    }
    is_good
}

#[inline(always)]
fn quotes_of(
    columns: &QuoteColumns<'_>,
    scale: f64,
    range: [f64; 2],
    quotes: &mut Vec<Quote>,
    shift_max: &mut f64,
) -> bool {
    let (recv, event) = (columns.recv, columns.event);
    let mut is_good = are_in_time(recv, event);
    for sizes in columns.sizes {
        for size in sizes {
            // NaN is a size that was not recorded.
            is_good &= size.is_nan() | ((*size >= 0.0) & (*size < f64::INFINITY));
        }
    }
    let mut shifted = [[0.0; PASS_ROWS]; 2];
    let mut from = 0;
    while from < recv.len() {
        let rows = from..recv.len().min(from + PASS_ROWS);
        for (column, out) in columns.prices.iter().zip(&mut shifted) {
            *shift_max = shift(&column[rows.clone()], scale, &mut out[..rows.len()], *shift_max);
        }
        let [bids, asks] = shifted.each_ref().map(|column| &column[..rows.len()]);
        for row in 0..rows.len() {
            // Shifted prices compare as prices do. NaN is an empty side; the other one still has to be a price.
            is_good &= is_price(bids[row], range) | bids[row].is_nan();
            is_good &= is_price(asks[row], range) | asks[row].is_nan();
        }
        let (recv, event) = (&recv[rows.clone()], &event[rows.clone()]);
        let [bid_sizes, ask_sizes] = columns.sizes.map(|column| &column[rows.clone()]);
        append(quotes, rows.len(), |row| Quote {
            ts_recv_ns: recv[row],
            ts_event_ns: event[row],
            bid: if bids[row].is_nan() { i64::MIN } else { ticks(bids[row]) },
            ask: if asks[row].is_nan() { i64::MAX } else { ticks(asks[row]) },
            bid_size: bid_sizes[row],
            ask_size: ask_sizes[row],
        });
        from = rows.end;
    }
    is_good
}
