//! The trades that an engine keeps.
//!
//! They stand in pages: a page is never moved and never copied, so that a trade costs the same after many. Those of a
//! batch are the arrays that Python was given, which are read-only for that reason.

use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::matching::Fill;
use tradewright_kernel::order::Side;

use super::read::side_code;

/// Trades of single calls in the first page, and in the largest: 6 MiB with the allocator's header.
const PAGE_MIN: usize = 256;
const PAGE_MAX: usize = (6 << 20) / size_of::<Fill>() - 2;
/// A call that makes more trades than this may move the page.
const SPARE: usize = 32;

const NAMES: [&str; 5] = ["command", "taker", "maker", "price", "size"];

/// Trades as columns: command, taker, maker, price and size; side.
pub(super) struct FillColumns {
    numbers: [Vec<i64>; 5],
    side: Vec<u8>,
}

impl FillColumns {
    pub(super) fn with_room(count: usize) -> FillColumns {
        FillColumns { numbers: std::array::from_fn(|_| Vec::with_capacity(count)), side: Vec::with_capacity(count) }
    }

    pub(super) fn extend(&mut self, fills: &[Fill]) {
        let [command, taker, maker, price, size] = &mut self.numbers;
        // A part at a time, so that it is read from memory once and not for every column.
        for fills in fills.chunks(256) {
            command.extend(fills.iter().map(|fill| fill.command as i64));
            taker.extend(fills.iter().map(|fill| fill.taker as i64));
            maker.extend(fills.iter().map(|fill| fill.maker as i64));
            price.extend(fills.iter().map(|fill| fill.price));
            size.extend(fills.iter().map(|fill| fill.size));
            self.side.extend(fills.iter().map(|fill| side_code(fill.side)));
        }
    }

    fn append(&mut self, py: Python<'_>, batch: &Batch) -> PyResult<()> {
        for (all, part) in self.numbers.iter_mut().zip(&batch.numbers) {
            all.extend_from_slice(part.bind(py).readonly().as_slice()?);
        }
        self.side.extend_from_slice(batch.side.bind(py).readonly().as_slice()?);
        Ok(())
    }

    pub(super) fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let columns = PyDict::new(py);
        for (name, column) in NAMES.into_iter().zip(self.numbers) {
            columns.set_item(name, column.into_pyarray(py))?;
        }
        columns.set_item("side", self.side.into_pyarray(py))?;
        Ok(columns)
    }
}

/// Trades of a batch, in the arrays that Python has too.
struct Batch {
    numbers: [Py<PyArray1<i64>>; 5],
    side: Py<PyArray1<u8>>,
}

impl Batch {
    fn new(py: Python<'_>, columns: FillColumns) -> PyResult<Batch> {
        let FillColumns { numbers, side } = columns;
        let batch = Batch {
            numbers: numbers.map(|column| column.into_pyarray(py).unbind()),
            side: side.into_pyarray(py).unbind(),
        };
        for column in &batch.numbers {
            column.bind(py).call_method1("setflags", (false,))?;
        }
        batch.side.bind(py).call_method1("setflags", (false,))?;
        Ok(batch)
    }

    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        for (name, column) in NAMES.into_iter().zip(&self.numbers) {
            columns.set_item(name, column)?;
        }
        columns.set_item("side", &self.side)?;
        Ok(columns)
    }

    fn fills(&self, py: Python<'_>) -> PyResult<Vec<Fill>> {
        let [command, taker, maker, price, size] = self.numbers.each_ref().map(|column| column.bind(py).readonly());
        let side = self.side.bind(py).readonly();
        let rows = command.as_slice()?.iter().zip(taker.as_slice()?).zip(maker.as_slice()?);
        let rows = rows.zip(price.as_slice()?).zip(size.as_slice()?).zip(side.as_slice()?);
        Ok(rows
            .map(|(((((&command, &taker), &maker), &price), &size), &side)| Fill {
                command: command as u64,
                taker: taker as u64,
                maker: maker as u64,
                price,
                size,
                side: if side == side_code(Side::Buy) { Side::Buy } else { Side::Sell },
            })
            .collect())
    }
}

enum Page {
    Calls(Vec<Fill>),
    Batch(Batch),
}

/// What was kept before the page that single calls write to now.
#[derive(Default)]
pub(super) struct History {
    pages: Vec<Page>,
}

impl History {
    /// Makes room for the trades of a call. A full page is put away.
    #[inline]
    pub(super) fn make_room(&mut self, page: &mut Vec<Fill>) {
        if page.capacity() - page.len() < SPARE {
            self.turn(page);
        }
    }

    #[cold]
    fn turn(&mut self, page: &mut Vec<Fill>) {
        let next = Vec::with_capacity((page.capacity() * 2).clamp(PAGE_MIN, PAGE_MAX));
        self.close(std::mem::replace(page, next));
    }

    /// Puts the trades of single calls away.
    pub(super) fn close(&mut self, page: Vec<Fill>) {
        if !page.is_empty() {
            self.pages.push(Page::Calls(page));
        }
    }

    /// Keeps the trades of a batch, and gives them to Python.
    pub(super) fn share<'py>(&mut self, py: Python<'py>, columns: FillColumns) -> PyResult<Bound<'py, PyDict>> {
        let batch = Batch::new(py, columns)?;
        let columns = batch.dict(py)?;
        self.pages.push(Page::Batch(batch));
        Ok(columns)
    }

    /// Trades of the batch that was the last thing kept.
    pub(super) fn last_batch(&self, py: Python<'_>) -> PyResult<Vec<Fill>> {
        match self.pages.last() {
            Some(Page::Batch(batch)) => batch.fills(py),
            _ => Ok(Vec::new()),
        }
    }

    /// All trades, those of the open page at the end.
    pub(super) fn columns(&self, py: Python<'_>, open: &[Fill]) -> PyResult<FillColumns> {
        let lengths = self.pages.iter().map(|page| match page {
            Page::Calls(fills) => fills.len(),
            Page::Batch(batch) => batch.side.bind(py).len().unwrap_or(0),
        });
        let mut all = FillColumns::with_room(lengths.sum::<usize>() + open.len());
        for page in &self.pages {
            match page {
                Page::Calls(fills) => all.extend(fills),
                Page::Batch(batch) => all.append(py, batch)?,
            }
        }
        all.extend(open);
        Ok(all)
    }

    pub(super) fn clear(&mut self) {
        self.pages.clear();
    }
}
