//! Order books over columns of events, and the check of a venue's message numbers.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use tradewright_kernel::book::{
    Action, Book, BookEvent, Follows, Integrity, L2, L3, LAST, Numbers, Offence, Priority, Rule, Sequence,
};
use tradewright_kernel::num::{Decimal, POW10};
use tradewright_kernel::order::Side;

/// Action, side, flags; price, size; order id, sequence.
type Columns<'py> = (
    PyReadonlyArray1<'py, u8>,
    PyReadonlyArray1<'py, i8>,
    PyReadonlyArray1<'py, u8>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, u64>,
    PyReadonlyArray1<'py, i64>,
);

/// Row of the last event of each message; bids, bid sizes, asks, ask sizes, one row a message.
type Replayed<'py> = (Bound<'py, PyArray1<i64>>, Vec<Bound<'py, PyArray2<f64>>>);

/// First offence (event, kind, numbers), counts by kind, events, whether the book is trusted.
type IntegrityTuple = (Option<(u64, &'static str, Vec<i128>)>, Vec<(&'static str, u64)>, u64, bool);

/// The integers behind the floats.
#[derive(Clone, Copy)]
struct Units {
    price: Unit,
    lot: Unit,
}

#[derive(Clone, Copy)]
struct Unit {
    decimal: Decimal,
    /// Units in one.
    scale: f64,
}

/// Adding this to a float of at most 2⁵¹ leaves the nearest integer in its last bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Counts up to here are rounded right.
const COUNT_MAX: f64 = 2.25e15;

impl Unit {
    fn parse(text: &str) -> PyResult<Unit> {
        let decimal = Decimal::parse(text).map_err(PyValueError::new_err)?;
        Ok(Unit { decimal, scale: POW10[decimal.scale as usize] / decimal.mantissa as f64 })
    }

    /// A float as a whole count; a thousandth of a unit is taken for the float's own noise.
    #[inline]
    fn count(self, value: f64, what: &str, row: usize) -> PyResult<i64> {
        let scaled = value * self.scale;
        let shifted = scaled + ROUND;
        if scaled.abs() < COUNT_MAX && (scaled - (shifted - ROUND)).abs() <= 1e-3 {
            return Ok((shifted.to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64));
        }
        let unit = self.decimal.to_f64();
        Err(PyValueError::new_err(format!("row {}: {what} {value} is no whole multiple of {unit}", row + 1)))
    }

    fn times(self, count: i64) -> f64 {
        self.decimal.times(count)
    }

    /// The count of one price that a user names.
    fn of(self, price: f64) -> PyResult<i64> {
        self.count(price, "price", 0)
            .map_err(|_| PyValueError::new_err(format!("price {price} is not on the price unit {}", self.times(1))))
    }
}

impl Units {
    fn parse(price_unit: &str, lot_size: &str) -> PyResult<Units> {
        Ok(Units { price: Unit::parse(price_unit)?, lot: Unit::parse(lot_size)? })
    }
}

fn side_of(code: i8, row: usize) -> PyResult<Option<Side>> {
    match code {
        1 => Ok(Some(Side::Buy)),
        -1 => Ok(Some(Side::Sell)),
        0 => Ok(None),
        _ => Err(PyValueError::new_err(format!("row {}: side {code} is not 1 (bid), -1 (ask) or 0", row + 1))),
    }
}

fn side_named(name: &str) -> PyResult<Side> {
    match name {
        "bid" => Ok(Side::Buy),
        "ask" => Ok(Side::Sell),
        _ => Err(PyValueError::new_err(format!("side {name:?} is not 'bid' or 'ask'"))),
    }
}

/// Calls `each` with the number and the event of every row.
fn for_each(columns: &Columns<'_>, units: Units, mut each: impl FnMut(usize, &BookEvent)) -> PyResult<()> {
    let contiguous = || PyTypeError::new_err("a column is not contiguous; use numpy.ascontiguousarray");
    let (actions, sides) = (columns.0.as_slice()?, columns.1.as_slice()?);
    let (flags, prices, sizes) = (columns.2.as_slice()?, columns.3.as_slice()?, columns.4.as_slice()?);
    let (ids, sequences) = (columns.5.as_slice()?, columns.6.as_slice()?);
    let rows = actions.len();
    if [columns.1.len(), columns.2.len(), columns.3.len(), columns.4.len(), columns.5.len(), columns.6.len()]
        .iter()
        .any(|len| *len != rows)
    {
        return Err(contiguous());
    }
    for row in 0..rows {
        let action = Action::from_code(actions[row])
            .ok_or_else(|| PyValueError::new_err(format!("row {}: no action {}", row + 1, actions[row])))?;
        let (price, lots) = match action {
            Action::Clear | Action::SnapshotStart | Action::SnapshotEnd | Action::Trade | Action::Fill => (0, 0),
            // An order's price is known from its id.
            Action::Cancel | Action::Execute => (0, units.lot.count(sizes[row], "size", row)?),
            _ => (units.price.count(prices[row], "price", row)?, units.lot.count(sizes[row], "size", row)?),
        };
        each(
            row,
            &BookEvent {
                action,
                side: side_of(sides[row], row)?,
                flags: flags[row],
                price,
                lots,
                order_id: ids[row],
                sequence: sequences[row] as u64,
            },
        );
    }
    Ok(())
}

fn replay<'py>(
    py: Python<'py>,
    book: &mut impl Book,
    units: Units,
    columns: &Columns<'py>,
    levels: usize,
) -> PyResult<Replayed<'py>> {
    let messages = columns.2.as_slice()?.iter().filter(|flags| **flags & LAST != 0).count();
    let mut rows = Vec::with_capacity(messages);
    let mut values: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::with_capacity(messages * levels));
    for_each(columns, units, |row, event| {
        book.apply(event);
        if event.flags & LAST == 0 {
            return;
        }
        rows.push(row as i64);
        for (at, side) in [(0, Side::Buy), (2, Side::Sell)] {
            let end = values[at].len() + levels;
            for level in book.levels(side).take(levels) {
                values[at].push(units.price.times(level.price));
                values[at + 1].push(units.lot.times(level.lots));
            }
            values[at].resize(end, f64::NAN);
            values[at + 1].resize(end, 0.0);
        }
    })?;
    let shaped = |column: Vec<f64>| -> PyResult<Bound<'py, PyArray2<f64>>> {
        let array = numpy::ndarray::Array2::from_shape_vec((messages, levels), column);
        Ok(array.map_err(|error| PyValueError::new_err(error.to_string()))?.into_pyarray(py))
    };
    let values = values.into_iter().map(shaped).collect::<PyResult<Vec<_>>>()?;
    Ok((rows.into_pyarray(py), values))
}

fn integrity_tuple(integrity: &Integrity) -> IntegrityTuple {
    let first = integrity.first.map(|(event, offence)| {
        let values = match offence {
            Offence::Gap { sequence } => vec![i128::from(sequence)],
            Offence::Crossed { bid, ask } => vec![bid.into(), ask.into()],
            Offence::UnknownOrder { order_id } | Offence::DuplicateOrder { order_id } => vec![i128::from(order_id)],
            Offence::NegativeSize { price, lots } => vec![price.into(), lots.into()],
            Offence::OutOfRange { price } => vec![price.into()],
            Offence::Meaningless { action } => vec![action.into()],
        };
        (event, Offence::NAMES[offence.kind()], values)
    });
    let counts = Offence::NAMES.into_iter().zip(integrity.counts).collect();
    (first, counts, integrity.events, integrity.is_trusted())
}

/// The methods that both kinds of books have, with those of one kind behind them.
macro_rules! book_class {
    ($class:ident, $(#[$doc:meta])* { $($own:tt)* }) => {
        $(#[$doc])*
        #[pymethods]
        impl $class {
            $($own)*

            /// Applies all events.
            fn apply(&mut self, columns: Columns<'_>) -> PyResult<()> {
                let book = &mut self.book;
                for_each(&columns, self.units, |_, event| book.apply(event))
            }

            /// Applies all events; returns the best levels after each message.
            fn replay<'py>(
                &mut self,
                py: Python<'py>,
                columns: Columns<'py>,
                levels: usize,
            ) -> PyResult<Replayed<'py>> {
                replay(py, &mut self.book, self.units, &columns, levels)
            }

            /// Prices and sizes of a side's best levels.
            fn levels<'py>(
                &self,
                py: Python<'py>,
                side: &str,
                count: usize,
            ) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>)> {
                let found: Vec<_> = self.book.levels(side_named(side)?).take(count).collect();
                let prices: Vec<f64> = found.iter().map(|level| self.units.price.times(level.price)).collect();
                let sizes: Vec<f64> = found.iter().map(|level| self.units.lot.times(level.lots)).collect();
                Ok((prices.into_pyarray(py), sizes.into_pyarray(py)))
            }

            /// How many levels a side has.
            fn level_count(&self, side: &str) -> PyResult<usize> {
                Ok(self.book.level_count(side_named(side)?))
            }

            /// The size at a price.
            fn size_at(&self, side: &str, price: f64) -> PyResult<f64> {
                let price = self.units.price.of(price)?;
                Ok(self.units.lot.times(self.book.lots_at(side_named(side)?, price)))
            }

            /// The mid weighted by the size on the other side; `None` while a side is empty.
            fn microprice(&self) -> Option<f64> {
                Some(self.book.microprice()? * self.units.price.times(1))
            }

            /// Bids less asks as a share of both, over the best levels; `None` while nothing is there.
            fn imbalance(&self, levels: usize) -> Option<f64> {
                self.book.imbalance(levels)
            }

            /// First offence, counts, events, whether the book is trusted.
            fn integrity(&self) -> IntegrityTuple {
                integrity_tuple(self.book.integrity())
            }
        }
    };
}

/// A book of price levels.
#[pyclass(module = "tradewright._native")]
pub struct L2Book {
    book: L2,
    units: Units,
}

book_class!(L2Book, {
    #[new]
    #[pyo3(signature = (price_unit, lot_size, *, window))]
    fn new(price_unit: &str, lot_size: &str, window: usize) -> PyResult<L2Book> {
        Ok(L2Book { book: L2::new(window), units: Units::parse(price_unit, lot_size)? })
    }
});

/// A book of orders.
#[pyclass(module = "tradewright._native")]
pub struct L3Book {
    book: L3,
    units: Units,
}

book_class!(L3Book, {
    #[new]
    #[pyo3(signature = (price_unit, lot_size, *, window, priority))]
    fn new(price_unit: &str, lot_size: &str, window: usize, priority: &str) -> PyResult<L3Book> {
        let priority = match priority {
            "reduction_keeps" => Priority::ReductionKeeps,
            "always_lost" => Priority::AlwaysLost,
            "always_kept" => Priority::AlwaysKept,
            _ => return Err(PyValueError::new_err(format!("no priority {priority:?}"))),
        };
        Ok(L3Book { book: L3::new(window, priority), units: Units::parse(price_unit, lot_size)? })
    }

    /// How many orders rest.
    fn order_count(&self) -> usize {
        self.book.order_count()
    }

    /// Side, price and size of an order; `None` if it does not rest.
    fn order(&self, order_id: u64) -> Option<(&'static str, f64, f64)> {
        let order = self.book.order(order_id)?;
        let side = if order.side == Side::Buy { "bid" } else { "ask" };
        Some((side, self.units.price.times(order.price), self.units.lot.times(order.lots)))
    }

    /// The size that stands before an order at its price; `None` if it does not rest.
    fn queue_ahead(&self, order_id: u64) -> Option<f64> {
        Some(self.units.lot.times(self.book.queue_ahead(order_id)?))
    }

    /// Ids and sizes of the orders at a price, oldest first.
    fn queue(&self, side: &str, price: f64) -> PyResult<Vec<(u64, f64)>> {
        let price = self.units.price.of(price)?;
        let orders = self.book.queue(side_named(side)?, price);
        Ok(orders.map(|order| (order.id, self.units.lot.times(order.lots))).collect())
    }
});

/// Whether a venue's messages follow each other.
#[pyclass(module = "tradewright._native")]
pub struct MessageSequence(Sequence);

#[pymethods]
impl MessageSequence {
    #[new]
    fn new(rule: &str) -> PyResult<MessageSequence> {
        let rule = match rule {
            "contiguous" => Rule::Contiguous,
            "range" => Rule::Range,
            "linked" => Rule::Linked,
            _ => return Err(PyValueError::new_err(format!("no rule {rule:?}"))),
        };
        Ok(MessageSequence(Sequence::new(rule)))
    }

    /// A snapshot that holds everything up to and including `last`.
    fn snapshot(&mut self, last: u64) {
        self.0.snapshot(last);
    }

    /// `yes`, `stale` (leave the message out) or `gap` (something is missing before it).
    #[pyo3(signature = (first, last, previous=0))]
    fn follow(&mut self, first: u64, last: u64, previous: u64) -> &'static str {
        match self.0.follow(Numbers { first, last, previous }) {
            Follows::Yes => "yes",
            Follows::Stale => "stale",
            Follows::Gap => "gap",
        }
    }
}
