//! Columns from numpy, for the native loop; single records from Python, for a stepped one.

use numpy::{PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tradewright_kernel::book::{Action, BookEvent};
use tradewright_kernel::event::{Bar, BookRow, CashEvent, Payload, Quote, Record, Status, Trade};
use tradewright_kernel::feed::{Columns, Feed, FeedError, RowError, Starts};
use tradewright_kernel::instrument::{GridBand, Instrument, SymbolId, TickGrid};
use tradewright_kernel::num::{Decimal, cash_from_f64};
use tradewright_kernel::order::Side;

use crate::host::into_py_err;
use crate::parts::PyParts;

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Times<'py> = PyReadonlyArray1<'py, i64>;

/// The arrays of one series, kept alive while the feed reads them.
pub enum Held<'py> {
    /// Bars: receive times, event times, starts; prices; volume.
    Bars(SymbolId, Option<Times<'py>>, Times<'py>, HeldStarts<'py>, [Floats<'py>; 4], Option<Floats<'py>>),
    /// Quotes: receive times, event times; bid, ask; sizes.
    Quotes(SymbolId, Option<Times<'py>>, Times<'py>, [Floats<'py>; 2], [Floats<'py>; 2]),
    /// Trades: receive times, event times; price, size; aggressor.
    Trades(SymbolId, Option<Times<'py>>, Times<'py>, Floats<'py>, Floats<'py>, Option<PyReadonlyArray1<'py, i8>>),
    /// Events of a book.
    Book(Box<HeldBook<'py>>),
    /// Events.
    Records(Vec<Record>),
    /// A series that comes in parts: what is iterated over for each pass, and its rows.
    Parts(SymbolId, Bound<'py, PyAny>, usize),
}

/// When bars start: their times, or the length of each in ns.
pub enum HeldStarts<'py> {
    At(Times<'py>),
    Before(i64),
}

/// The arrays of a book's events.
pub struct HeldBook<'py> {
    symbol: SymbolId,
    recv: Option<Times<'py>>,
    event: Times<'py>,
    action: PyReadonlyArray1<'py, u8>,
    side: PyReadonlyArray1<'py, i8>,
    flags: PyReadonlyArray1<'py, u8>,
    price: Floats<'py>,
    size: Floats<'py>,
    order_id: Option<PyReadonlyArray1<'py, u64>>,
}

fn column<'py, T: numpy::Element>(
    series: &Bound<'py, PyTuple>,
    at: usize,
    name: &str,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    let array = series
        .get_item(at)?
        .extract::<PyReadonlyArray1<'py, T>>()
        .map_err(|_| PyTypeError::new_err(format!("{name} is not a one-dimensional numpy array of the right type")))?;
    if !array.is_c_contiguous() {
        return Err(PyTypeError::new_err(format!("{name} is not contiguous; use numpy.ascontiguousarray")));
    }
    Ok(array)
}

fn optional<'py, T: numpy::Element>(
    series: &Bound<'py, PyTuple>,
    at: usize,
    name: &str,
) -> PyResult<Option<PyReadonlyArray1<'py, T>>> {
    if series.get_item(at)?.is_none() { Ok(None) } else { column(series, at, name).map(Some) }
}

/// Reads one series: `("bars", symbol, recv, event, starts, open, high, low, close, volume)`, starts being times or a length in ns,
/// `("quotes", symbol, recv, event, bid, ask, bid_size, ask_size)`,
/// `("trades", symbol, recv, event, price, size, aggressor)`,
/// `("book_l2", symbol, recv, event, action, side, flags, price, size, order_id)`, the same as `"book_l3"`, or
/// `("events", [record, …])`. Of levels there may be no `order_id`.
/// `(kind, symbol, parts)` comes in parts: `len(parts)` rows, and `iter(parts)` gives `(name, rows before, series)` of each.
pub fn hold<'py>(series: &Bound<'py, PyTuple>) -> PyResult<Held<'py>> {
    let kind: String = series.get_item(0)?.extract()?;
    if kind == "events" {
        let mut records = Vec::new();
        for event in series.get_item(1)?.try_iter()? {
            records.push(event_record(event?.cast::<PyTuple>()?)?);
        }
        return Ok(Held::Records(records));
    }
    let symbol = series.get_item(1)?.extract()?;
    if series.len() == 3 {
        let parts = series.get_item(2)?;
        let rows = parts.len()?;
        return Ok(Held::Parts(symbol, parts, rows));
    }
    let (recv, event) = (optional(series, 2, "ts_recv_ns")?, column(series, 3, "ts_event_ns")?);
    let held = match kind.as_str() {
        "bars" => Held::Bars(
            symbol,
            recv,
            event,
            match series.get_item(4)?.extract() {
                Ok(length_ns) => HeldStarts::Before(length_ns),
                Err(_) => HeldStarts::At(column(series, 4, "open_ns")?),
            },
            [
                column(series, 5, "open")?,
                column(series, 6, "high")?,
                column(series, 7, "low")?,
                column(series, 8, "close")?,
            ],
            optional(series, 9, "volume")?,
        ),
        "quotes" => Held::Quotes(
            symbol,
            recv,
            event,
            [column(series, 4, "bid")?, column(series, 5, "ask")?],
            [column(series, 6, "bid_size")?, column(series, 7, "ask_size")?],
        ),
        "trades" => Held::Trades(
            symbol,
            recv,
            event,
            column(series, 4, "price")?,
            column(series, 5, "size")?,
            optional(series, 6, "aggressor")?,
        ),
        "book_l2" | "book_l3" => Held::Book(Box::new(HeldBook {
            symbol,
            recv,
            event,
            action: column(series, 4, "action")?,
            side: column(series, 5, "side")?,
            flags: column(series, 6, "flags")?,
            price: column(series, 7, "price")?,
            size: column(series, 8, "size")?,
            order_id: optional(series, 9, "order_id")?,
        })),
        other => return Err(PyValueError::new_err(format!("{other:?} is no kind of series"))),
    };
    held.check_lengths()?;
    Ok(held)
}

impl Held<'_> {
    fn check_lengths(&self) -> PyResult<()> {
        let (rows, lengths): (usize, Vec<usize>) = match self {
            Held::Bars(_, recv, event, starts, prices, volume) => {
                let mut lengths: Vec<usize> = prices.iter().map(|column| column.len()).collect();
                if let HeldStarts::At(times) = starts {
                    lengths.push(times.len());
                }
                lengths.extend(recv.iter().map(|column| column.len()));
                lengths.extend(volume.iter().map(|column| column.len()));
                (event.len(), lengths)
            }
            Held::Quotes(_, recv, event, prices, sizes) => {
                let mut lengths: Vec<usize> = prices.iter().chain(sizes).map(|column| column.len()).collect();
                lengths.extend(recv.iter().map(|column| column.len()));
                (event.len(), lengths)
            }
            Held::Trades(_, recv, event, price, size, aggressor) => {
                let mut lengths = vec![price.len(), size.len()];
                lengths.extend(recv.iter().map(|column| column.len()));
                lengths.extend(aggressor.iter().map(|column| column.len()));
                (event.len(), lengths)
            }
            Held::Book(book) => {
                let mut lengths = vec![book.action.len(), book.side.len(), book.flags.len(), book.price.len()];
                lengths.push(book.size.len());
                lengths.extend(book.order_id.iter().map(|column| column.len()));
                lengths.extend(book.recv.iter().map(|column| column.len()));
                (book.event.len(), lengths)
            }
            Held::Records(records) => (records.len(), Vec::new()),
            Held::Parts(_, _, rows) => (*rows, Vec::new()),
        };
        match lengths.iter().find(|&&length| length != rows) {
            None => Ok(()),
            Some(other) => Err(PyValueError::new_err(format!("columns of {rows} and {other} rows in one series"))),
        }
    }

    /// Symbol and columns.
    pub fn columns(&self) -> PyResult<(SymbolId, Columns<'_>)> {
        fn slice<'a, T: numpy::Element>(array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
            array.as_slice().map_err(|error| PyTypeError::new_err(error.to_string()))
        }
        fn maybe<'a, T: numpy::Element>(array: &'a Option<PyReadonlyArray1<'_, T>>) -> PyResult<Option<&'a [T]>> {
            array.as_ref().map(slice).transpose()
        }
        Ok(match self {
            Held::Bars(symbol, recv, event, starts, [open, high, low, close], volume) => (
                *symbol,
                Columns::Bars {
                    ts_recv_ns: maybe(recv)?,
                    ts_event_ns: slice(event)?,
                    starts: match starts {
                        HeldStarts::At(times) => Starts::At(slice(times)?),
                        HeldStarts::Before(length_ns) => Starts::Before(*length_ns),
                    },
                    prices: [slice(open)?, slice(high)?, slice(low)?, slice(close)?],
                    volume: maybe(volume)?,
                },
            ),
            Held::Quotes(symbol, recv, event, [bid, ask], [bid_size, ask_size]) => (
                *symbol,
                Columns::Quotes {
                    ts_recv_ns: maybe(recv)?,
                    ts_event_ns: slice(event)?,
                    prices: [slice(bid)?, slice(ask)?],
                    sizes: [slice(bid_size)?, slice(ask_size)?],
                },
            ),
            Held::Trades(symbol, recv, event, price, size, aggressor) => (
                *symbol,
                Columns::Trades {
                    ts_recv_ns: maybe(recv)?,
                    ts_event_ns: slice(event)?,
                    price: slice(price)?,
                    size: slice(size)?,
                    aggressor: maybe(aggressor)?,
                },
            ),
            Held::Book(book) => (
                book.symbol,
                Columns::Book {
                    ts_recv_ns: maybe(&book.recv)?,
                    ts_event_ns: slice(&book.event)?,
                    action: slice(&book.action)?,
                    side: slice(&book.side)?,
                    flags: slice(&book.flags)?,
                    price: slice(&book.price)?,
                    size: slice(&book.size)?,
                    order_id: maybe(&book.order_id)?,
                },
            ),
            Held::Records(records) => (0, Columns::Records(records)),
            Held::Parts(symbol, ..) => (*symbol, Columns::Records(&[])),
        })
    }
}

/// Adds every series to a feed, in order.
pub fn add_all<'a, 'py: 'a>(
    feed: &mut Feed<'a>,
    held: &'a [Held<'py>],
    instruments: &[Instrument],
) -> PyResult<Result<(), FeedError>> {
    for series in held {
        let added = add(feed, series, instruments)?;
        if added.is_err() {
            return Ok(added);
        }
    }
    Ok(Ok(()))
}

fn add<'a, 'py: 'a>(
    feed: &mut Feed<'a>,
    series: &'a Held<'py>,
    instruments: &[Instrument],
) -> PyResult<Result<(), FeedError>> {
    let (symbol, columns) = series.columns()?;
    let Some(instrument) = instruments.get(symbol as usize) else {
        return Err(PyValueError::new_err(format!("series of unknown symbol number {symbol}")));
    };
    Ok(match series {
        Held::Parts(_, parts, rows) => feed.add_parts(symbol, Box::new(PyParts::new(parts, *rows)?), instrument),
        _ => feed.add(symbol, columns, instrument),
    })
}

/// Adds the same series to a feed in order of the venue's time: where there are columns in that order, those, and
/// otherwise what the feed in order of receipt has.
pub fn add_by_venue_time<'a, 'py: 'a>(
    feed: &mut Feed<'a>,
    by_receipt: &mut Feed<'a>,
    held: &'a [Option<Held<'py>>],
    instruments: &[Instrument],
) -> PyResult<Result<(), FeedError>> {
    for (source, series) in held.iter().enumerate() {
        let added = match series {
            Some(series) => add(feed, series, instruments)?,
            None => match feed.add_by_venue_time(by_receipt, source) {
                Ok(false) => return Err(PyValueError::new_err("only books in memory have both orders in one series")),
                added => added.map(|_| ()),
            },
        };
        if added.is_err() {
            return Ok(added);
        }
    }
    Ok(Ok(()))
}

/// What ended a feed early, for Python.
pub fn feed_error(py: Python<'_>, error: FeedError, sources: &[String]) -> PyErr {
    match error {
        FeedError::Row(error) => data_error(py, &error, sources),
        FeedError::Part(error) => into_py_err(error),
    }
}

/// A row error as `DataError`; `sources` names the series in the order of the feed.
pub fn data_error(py: Python<'_>, error: &RowError, sources: &[String]) -> PyErr {
    let made = || -> PyResult<PyErr> {
        let fields = pyo3::types::PyDict::new(py);
        let unnamed = String::from("data");
        let named = error.part.as_ref().or(sources.get(error.source));
        fields.set_item("source", named.unwrap_or(&unnamed))?;
        fields.set_item("row", error.row + 1)?;
        fields.set_item("field", error.field)?;
        fields.set_item("value", &error.value)?;
        let problem = format!("{} {}.", error.value, error.problem);
        let class = py.import("tradewright.errors")?.getattr("DataError")?;
        Ok(PyErr::from_value(class.call((problem,), Some(&fields))?))
    };
    made().unwrap_or_else(|error| error)
}

/// An event as a tuple: `(kind, symbol, ts_recv_ns, ts_event_ns, …)`, amounts as floats.
fn event_record(event: &Bound<'_, PyTuple>) -> PyResult<Record> {
    let kind: String = event.get_item(0)?.extract()?;
    let symbol = event.get_item(1)?.extract()?;
    let ts_recv_ns: i64 = event.get_item(2)?.extract()?;
    let ts_event_ns: i64 = event.get_item(3)?.extract()?;
    let cash = |at: usize| -> PyResult<i128> {
        let amount: f64 = event.get_item(at)?.extract()?;
        cash_from_f64(amount)
            .ok_or_else(|| PyValueError::new_err(format!("{kind}: {amount} is not an amount of money")))
    };
    let integer = |at: usize| -> PyResult<i64> { event.get_item(at)?.extract() };
    let payload = match kind.as_str() {
        "dividend" => Payload::Cash(CashEvent::Dividend { amount: cash(4)? }),
        "split" => Payload::Cash(CashEvent::Split { numerator: integer(4)?, denominator: integer(5)? }),
        "funding" => Payload::Cash(CashEvent::Funding { rate_e10: integer(4)? }),
        "settlement" => {
            Payload::Cash(CashEvent::Settlement { price: integer(4)?, void: event.get_item(5)?.extract()? })
        }
        "refund" => Payload::Cash(CashEvent::Refund),
        "deposit" => Payload::Cash(CashEvent::Deposit { currency: event.get_item(4)?.extract()?, amount: cash(5)? }),
        "rate" => Payload::Cash(CashEvent::Rate { currency: event.get_item(4)?.extract()?, rate_e12: integer(5)? }),
        "status" => Payload::Status(match event.get_item(4)?.extract::<String>()?.as_str() {
            "open" => Status::Open,
            "paused" => Status::Paused,
            "closed" => Status::Closed,
            "resolved" => Status::Resolved,
            other => return Err(PyValueError::new_err(format!("{other:?} is no market status"))),
        }),
        "grid" => {
            let bands: Vec<(i64, i64)> = event.get_item(4)?.extract()?;
            let band = |(below_ticks, step_ticks)| GridBand { below_ticks, step_ticks };
            Payload::Grid(TickGrid { bands: bands.into_iter().map(band).collect() })
        }
        other => return Err(PyValueError::new_err(format!("{other:?} is no kind of event"))),
    };
    Ok(Record { ts_recv_ns, ts_event_ns, symbol, payload })
}

/// A record for a single step: an event's tuple, or
/// `("bar", symbol, recv, event, open_ns, open, high, low, close, volume)`,
/// `("quote", symbol, recv, event, bid, ask, bid_size, ask_size)`,
/// `("trade", symbol, recv, event, price, size, aggressor)`,
/// `("book", symbol, recv, event, [(event, action, side, flags, price, size, order_id), …])`.
pub fn record(values: &Bound<'_, PyTuple>, instruments: &[Instrument]) -> PyResult<Record> {
    let kind: String = values.get_item(0)?.extract()?;
    if !matches!(kind.as_str(), "bar" | "quote" | "trade" | "book") {
        return event_record(values);
    }
    let symbol: SymbolId = values.get_item(1)?.extract()?;
    let instrument = instruments
        .get(symbol as usize)
        .ok_or_else(|| PyValueError::new_err(format!("record of unknown symbol number {symbol}")))?;
    let ts_recv_ns: i64 = values.get_item(2)?.extract()?;
    let ts_event_ns: i64 = values.get_item(3)?.extract()?;
    if kind == "book" {
        let rows = values.get_item(4)?.extract::<Vec<EventTuple>>()?;
        let rows = rows.into_iter().map(|row| book_row(ts_recv_ns, row, instrument)).collect::<PyResult<_>>()?;
        return Ok(Record { ts_recv_ns, ts_event_ns, symbol, payload: Payload::Book(rows) });
    }
    let number = |at: usize| -> PyResult<f64> { values.get_item(at)?.extract() };
    let ticks = |at: usize, name: &str| -> PyResult<i64> {
        let price = number(at)?;
        price_count(price, instrument).ok_or_else(|| {
            let problem = match price > 0.0 && price <= instrument.price_unit.to_f64() / 2.0 {
                true => "rounds to 0 in the instrument's price unit; give it a smaller price_unit",
                false => "is not a price of the instrument",
            };
            PyValueError::new_err(format!("{}: {name} {price} {problem}", instrument.symbol))
        })
    };
    let size = |at: usize, name: &str| -> PyResult<f64> {
        let size = number(at)?;
        if size >= 0.0 && size.is_finite() {
            return Ok(size);
        }
        Err(PyValueError::new_err(format!("{}: {name} {size} is not a size", instrument.symbol)))
    };
    let payload = match kind.as_str() {
        "bar" => Payload::Bar(Bar {
            ts_recv_ns,
            ts_event_ns,
            open_ns: values.get_item(4)?.extract()?,
            open: ticks(5, "open")?,
            high: ticks(6, "high")?,
            low: ticks(7, "low")?,
            close: ticks(8, "close")?,
            volume: number(9)?,
        }),
        "quote" => {
            let side = |at: usize, name: &str, empty: i64| -> PyResult<i64> {
                if number(at)?.is_nan() { Ok(empty) } else { ticks(at, name) }
            };
            let shown = |at: usize, name: &str| -> PyResult<f64> {
                if number(at)?.is_nan() { Ok(f64::NAN) } else { size(at, name) }
            };
            Payload::Quote(Quote {
                ts_recv_ns,
                ts_event_ns,
                bid: side(4, "bid", i64::MIN)?,
                ask: side(5, "ask", i64::MAX)?,
                bid_size: shown(6, "bid_size")?,
                ask_size: shown(7, "ask_size")?,
            })
        }
        _ => Payload::Trade(Trade {
            ts_recv_ns,
            ts_event_ns,
            price: ticks(4, "price")?,
            size: size(5, "size")?,
            aggressor: values.get_item(6)?.extract()?,
        }),
    };
    Ok(Record { ts_recv_ns, ts_event_ns, symbol, payload })
}

/// A price as the nearest count, if the instrument may have it: within its bounds, or above zero without them.
fn price_count(price: f64, instrument: &Instrument) -> Option<i64> {
    let (lowest, highest) = instrument.price_range_ticks();
    instrument.price_unit.count_nearest(price).filter(|count| (lowest..=highest).contains(count))
}

/// One event of a book: venue time, action, side, flags, price, size, order.
type EventTuple = (i64, u8, i8, u8, f64, f64, u64);

fn book_row(ts_recv_ns: i64, values: EventTuple, instrument: &Instrument) -> PyResult<BookRow> {
    let (ts_event_ns, code, side, flags, price, size, order_id) = values;
    let bad = |what: &str, value: f64| PyValueError::new_err(format!("{}: {what} {value}", instrument.symbol));
    let action = Action::from_code(code).ok_or_else(|| bad("no such book action:", f64::from(code)))?;
    // A level stands where it stands: rounding would make one of two. A print may be anywhere.
    let is_whole = |unit: Decimal, value: f64| {
        let noise = unit.to_f64() * 1e-3;
        unit.count_nearest(value).is_some_and(|count| (unit.times(count) - value).abs() <= noise)
    };
    let is_print = matches!(action, Action::Trade | Action::Fill);
    let price = match action.has_price() {
        true => price_count(price, instrument).filter(|_| is_print || is_whole(instrument.price_unit, price)),
        false if action == Action::Execute => price_count(price, instrument).or(Some(0)),
        false => Some(0),
    };
    let lots = instrument.lot_size.count_nearest(size).filter(|&lots| lots >= 0 || action == Action::Change);
    let lots = lots.filter(|_| is_whole(instrument.lot_size, size));
    let event = BookEvent {
        action,
        side: match side {
            1 => Some(Side::Buy),
            -1 => Some(Side::Sell),
            0 => None,
            _ => return Err(bad("not a side (1, -1 or 0):", f64::from(side))),
        },
        flags,
        price: price.ok_or_else(|| bad("not a price of the instrument, in whole price units:", values.4))?,
        lots: lots.ok_or_else(|| bad("not a size in whole lots:", size))?,
        order_id,
        sequence: 0,
    };
    Ok(BookRow { ts_recv_ns, ts_event_ns, event })
}
