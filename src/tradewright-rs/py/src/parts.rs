//! Series that are read in parts by Python, for the native merge.

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};
use tradewright_kernel::feed::{Columns, Parts};
use tradewright_kernel::host::HostError;

use crate::feed::{Held, hold};

/// A series that Python reads a part at a time.
pub struct PyParts<'py> {
    iterator: Bound<'py, PyIterator>,
    rows: usize,
    held: Option<Held<'py>>,
    name: String,
    /// Rows before the part in memory.
    before: usize,
}

impl std::fmt::Debug for PyParts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PyParts({}, {})", self.name, self.before)
    }
}

impl<'py> PyParts<'py> {
    /// Parts that `iter(parts)` gives, of so many rows.
    pub fn new(parts: &Bound<'py, PyAny>, rows: usize) -> PyResult<PyParts<'py>> {
        Ok(PyParts { iterator: parts.try_iter()?, rows, held: None, name: String::new(), before: 0 })
    }

    fn read(&mut self) -> PyResult<bool> {
        let Some(part) = self.iterator.next() else { return Ok(false) };
        let (name, before, series): (String, usize, Bound<'py, PyTuple>) = part?.extract()?;
        let held = hold(&series)?;
        held.columns()?; // Not asked whether it is contiguous again.
        (self.name, self.before, self.held) = (name, before, Some(held));
        Ok(true)
    }
}

impl Parts for PyParts<'_> {
    fn advance(&mut self) -> Result<bool, HostError> {
        self.held = None;
        self.read().map_err(|error| HostError(Box::new(error)))
    }
    fn columns(&self) -> Columns<'_> {
        let columns = self.held.as_ref().and_then(|held| held.columns().ok());
        columns.map_or(Columns::Records(&[]), |(_, columns)| columns)
    }
    fn place(&self) -> (&str, usize) {
        (&self.name, self.before)
    }
    fn rows(&self) -> usize {
        self.rows
    }
}
