//! Says what is wrong with a row: its field, value and problem.

use super::Columns;
use super::book::NOISE;
use super::convert::{COUNT_MAX, rounded};
use super::parts::RowError;
use super::source::Source;
use crate::book::Action;

impl Source<'_> {
    /// Names the first offence of a chunk that is known to have one.
    #[cold]
    pub(super) fn first_offence(&self, columns: &Columns<'_>, index: usize, from: usize, to: usize) -> RowError {
        let says = |row: usize, field, value: String, problem| RowError {
            source: index,
            part: None,
            row,
            field,
            value,
            problem,
        };
        let error = |row: usize, field, value: String, problem: &'static str| says(row, field, value, problem.into());
        let [lowest, highest] = self.range.map(rounded);
        let number = |row: usize, field, value: f64| -> Option<RowError> {
            let problem = if value.is_nan() {
                "is empty (NaN)"
            } else if value.is_infinite() {
                "is infinite"
            } else if (value * self.scale).round_ties_even() < lowest {
                if value <= 0.0 && lowest == 1.0 {
                    "is not positive; a price is, unless the instrument's bounds allow others"
                } else if value > 0.0 && value * self.scale <= 0.5 {
                    "rounds to 0 in the instrument's price unit; give the series an Instrument with a smaller price_unit"
                } else {
                    "is below the instrument's lowest price"
                }
            } else if value.abs() * self.scale >= COUNT_MAX {
                "is too large for the instrument's price unit"
            } else if (value * self.scale).round_ties_even() > highest {
                "is above the instrument's highest price"
            } else {
                return None;
            };
            Some(error(row, field, format!("{value}"), problem))
        };
        let times = |recv: &[i64], event: &[i64], row: usize, above: Option<usize>, strict: bool| -> Option<RowError> {
            if above.is_none() && (recv[row] < self.parted_ns || (strict && recv[row] == self.parted_ns)) {
                let problem = "is not behind the last row of the part before: parts follow each other by receive time";
                return Some(error(row, "ts_recv_ns", recv[row].to_string(), problem));
            }
            if above.is_some_and(|above| recv[row] < recv[above]) {
                return Some(error(row, "ts_recv_ns", recv[row].to_string(), "is before the row above; sort the rows"));
            }
            if strict && above.is_some_and(|above| recv[row] == recv[above]) {
                return Some(error(row, "ts_recv_ns", recv[row].to_string(), "repeats the time of the row above"));
            }
            if event[row] > recv[row] {
                let problem = "is after the receive time: that would be lookahead";
                return Some(error(row, "ts_event_ns", event[row].to_string(), problem));
            }
            None
        };
        let size = |row: usize, field, value: f64| -> Option<RowError> {
            let is_bad = value < 0.0 || value.is_infinite();
            is_bad.then(|| error(row, field, format!("{value}"), "is not a size; sizes are finite and not negative"))
        };
        let whole = |row: usize, field, value: f64, unit: f64, scale: f64| -> Option<RowError> {
            let off = (value * scale - (value * scale).round_ties_even()).abs();
            let what = if field == "price" { "price unit" } else { "lot size" };
            let problem = || format!("is no whole multiple of {unit}, the instrument's {what}");
            (off > NOISE).then(|| says(row, field, format!("{value}"), problem().into()))
        };
        for row in from..to {
            let above = row.checked_sub(1);
            let found = match *columns {
                Columns::Bars { ts_recv_ns, ts_event_ns, starts, prices: [open, high, low, close], volume } => {
                    times(ts_recv_ns.unwrap_or(ts_event_ns), ts_event_ns, row, above, true)
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
                            let open_ns = starts.of(row, ts_event_ns[row]);
                            (open_ns > ts_event_ns[row])
                                .then(|| error(row, "open_ns", open_ns.to_string(), "is after the bar's close"))
                        })
                        .or_else(|| volume.and_then(|column| size(row, "volume", column[row])))
                }
                Columns::Quotes { ts_recv_ns, ts_event_ns, prices: [bid, ask], sizes: [bid_size, ask_size] } => {
                    let side = |field, value: f64| if value.is_nan() { None } else { number(row, field, value) };
                    times(ts_recv_ns.unwrap_or(ts_event_ns), ts_event_ns, row, above, false)
                        .or_else(|| side("bid", bid[row]))
                        .or_else(|| side("ask", ask[row]))
                        .or_else(|| size(row, "bid_size", bid_size[row]))
                        .or_else(|| size(row, "ask_size", ask_size[row]))
                }
                Columns::Trades { ts_recv_ns, ts_event_ns, price, size: sizes, .. } => {
                    times(ts_recv_ns.unwrap_or(ts_event_ns), ts_event_ns, row, above, false)
                        .or_else(|| number(row, "price", price[row]))
                        .or_else(|| {
                            if sizes[row].is_nan() {
                                Some(error(row, "size", "NaN".to_owned(), "is empty (NaN)"))
                            } else {
                                size(row, "size", sizes[row])
                            }
                        })
                }
                Columns::Book { ts_recv_ns, ts_event_ns, action, side, price, size: sizes, .. } => {
                    let known = Action::from_code(action[row]);
                    times(ts_recv_ns.unwrap_or(ts_event_ns), ts_event_ns, row, above, false)
                        .or_else(|| match known {
                            None => Some(error(row, "action", action[row].to_string(), "is no code of BookAction")),
                            Some(Action::Trade | Action::Fill) => number(row, "price", price[row]),
                            Some(action) if action.has_price() => number(row, "price", price[row])
                                .or_else(|| whole(row, "price", price[row], self.units[0], self.scale)),
                            Some(_) => None,
                        })
                        .or_else(|| {
                            let is_known = (-1..=1).contains(&side[row]);
                            (!is_known)
                                .then(|| error(row, "side", side[row].to_string(), "is not 1 (bid), -1 (ask) or 0"))
                        })
                        .or_else(|| {
                            if sizes[row].is_nan() {
                                Some(error(row, "size", "NaN".to_owned(), "is empty (NaN)"))
                            } else if known == Some(Action::Change) && sizes[row].is_finite() {
                                None
                            } else {
                                size(row, "size", sizes[row])
                            }
                        })
                        .or_else(|| whole(row, "size", sizes[row], self.units[1], self.lot_scale))
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
