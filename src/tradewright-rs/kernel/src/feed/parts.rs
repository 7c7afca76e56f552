//! A series that is larger than memory comes in parts; and what is wrong with a row or a part.

use std::borrow::Cow;
use std::fmt::Debug;

use super::Columns;
use crate::host::HostError;

/// A series in parts, of which one is in memory at a time.
pub trait Parts: Debug {
    /// Lets go of the part in memory, then gets the next one. `Ok(false)`: there is none.
    fn advance(&mut self) -> Result<bool, HostError>;
    /// The part in memory; columns without rows where there is none.
    fn columns(&self) -> Columns<'_>;
    /// What the part in memory is of, such as a file, and how many rows of that stand before it.
    fn place(&self) -> (&str, usize);
    /// Rows of all parts.
    fn rows(&self) -> usize;
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct RowError {
    /// Index of the source in the feed.
    pub source: usize,
    /// What the row is of, where that is a part of the source.
    pub part: Option<String>,
    /// Row, counted from 0.
    pub row: usize,
    /// Column.
    pub field: &'static str,
    /// Its value, as text.
    pub value: String,
    /// What is wrong with it.
    pub problem: Cow<'static, str>,
}

impl RowError {
    /// The same of a row in a part.
    pub(super) fn in_part(mut self, parts: &dyn Parts) -> FeedError {
        let (name, before) = parts.place();
        self.part = Some(name.to_owned());
        self.row += before;
        self.into()
    }
}

/// Why a feed ends early.
#[derive(Debug)]
pub enum FeedError {
    /// A row that cannot be used.
    Row(Box<RowError>),
    /// A part that cannot be read, in the words of who reads it.
    Part(HostError),
}

impl From<RowError> for FeedError {
    fn from(error: RowError) -> FeedError {
        FeedError::Row(Box::new(error))
    }
}
