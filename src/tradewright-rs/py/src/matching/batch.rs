//! Operations from columns.

use std::ops::Range;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tradewright_kernel::matching::{Change, Engine, Record, Reject, Sink};

use super::history::FillColumns;
use super::read::{counted, id_of, limit_of, market_of};

/// In a column of amendments: stays as it is.
const UNCHANGED: i64 = i64::MIN;

/// How many operations run before their trades are put into columns: few enough that these are still in the cache.
const STRETCH: usize = 512;

/// Operations as columns of equal length; columns that were left out are zero, or change nothing.
pub(super) struct Columns<'a> {
    pub kind: &'a [i8],
    pub order_id: &'a [i64],
    pub side: &'a [i8],
    pub price: &'a [i64],
    pub size: &'a [i64],
    pub owner: Option<&'a [i64]>,
    pub tif: Option<&'a [i8]>,
    pub peak: Option<&'a [i64]>,
    pub stop: Option<&'a [i64]>,
}

/// What every operation has.
struct Operation {
    kind: i8,
    id: i64,
    side: i64,
    price: i64,
    size: i64,
}

impl Columns<'_> {
    pub(super) fn check(&self) -> PyResult<()> {
        let rows = self.kind.len();
        let lengths = [
            ("order_id", Some(self.order_id.len())),
            ("side", Some(self.side.len())),
            ("price", Some(self.price.len())),
            ("size", Some(self.size.len())),
            ("owner", self.owner.map(<[i64]>::len)),
            ("tif", self.tif.map(<[i8]>::len)),
            ("peak", self.peak.map(<[i64]>::len)),
            ("stop", self.stop.map(<[i64]>::len)),
        ];
        match lengths.into_iter().find(|(_, length)| length.is_some_and(|length| length != rows)) {
            Some((name, Some(length))) => {
                Err(PyValueError::new_err(format!("{name} has {length} values beside {rows} kinds. Give one each.")))
            }
            _ => Ok(()),
        }
    }

    /// Does some operations: their trades go to the columns, the rest of what happens to the record.
    pub(super) fn run(
        &self,
        rows: Range<usize>,
        engine: &mut Engine,
        record: &mut Record,
        fills: &mut FillColumns,
        status: &mut Vec<i32>,
    ) {
        for start in rows.clone().step_by(STRETCH) {
            let columns = self.slice(start..rows.end.min(start + STRETCH));
            match columns {
                Columns { owner: None, tif: None, peak: None, stop: None, .. } => {
                    columns.run_all::<true>(engine, record, status);
                }
                _ => columns.run_all::<false>(engine, record, status),
            }
            fills.extend(&record.fills);
            record.fills.clear();
        }
    }

    fn slice(&self, rows: Range<usize>) -> Columns<'_> {
        let [owner, peak, stop] = [self.owner, self.peak, self.stop].map(|column| column.map(|all| &all[rows.clone()]));
        Columns {
            kind: &self.kind[rows.clone()],
            order_id: &self.order_id[rows.clone()],
            side: &self.side[rows.clone()],
            price: &self.price[rows.clone()],
            size: &self.size[rows.clone()],
            tif: self.tif.map(|all| &all[rows]),
            owner,
            peak,
            stop,
        }
    }

    /// `PLAIN` where there are only the columns that every operation has: so that the loop is compiled without the
    /// others.
    fn run_all<const PLAIN: bool>(&self, engine: &mut Engine, record: &mut Record, status: &mut Vec<i32>) {
        let mut fills = record.fills.len();
        let rows = self.kind.len();
        // Said of each column once, and not for every row.
        let (ids, sides) = (&self.order_id[..rows], &self.side[..rows]);
        let (prices, sizes) = (&self.price[..rows], &self.size[..rows]);
        status.extend((0..rows).map(|row| {
            let (side, price, size) = (i64::from(sides[row]), prices[row], sizes[row]);
            let operation = Operation { kind: self.kind[row], id: ids[row], side, price, size };
            match self.apply::<PLAIN>(row, operation, engine, record) {
                Ok(()) => {
                    let made = record.fills.len() - fills;
                    fills += made;
                    i32::try_from(made).unwrap_or(i32::MAX)
                }
                Err(reject) => -(reject as i32),
            }
        }));
    }

    /// An operation; what not all have is read from its columns.
    #[inline(always)]
    fn apply<const PLAIN: bool>(
        &self,
        row: usize,
        what: Operation,
        engine: &mut Engine,
        sink: &mut impl Sink,
    ) -> Result<(), Reject> {
        let Operation { kind, id, side, price, size } = what;
        let given = |column: Option<&[i64]>| if PLAIN { None } else { column.map(|column| column[row]) };
        let owner = given(self.owner).unwrap_or(0);
        let limit = || {
            let tif = if PLAIN { 0 } else { self.tif.map_or(0, |tif| i64::from(tif[row])) };
            limit_of(id, side, price, size, owner, tif, given(self.peak).unwrap_or(0))
        };
        let market = || market_of(id, side, size, owner);
        match (kind, given(self.stop)) {
            (0, _) => {
                let order = counted(engine, limit())?;
                engine.limit(&order, sink)
            }
            (1, _) => {
                let id = counted(engine, id_of(id))?;
                engine.cancel(id, sink)
            }
            (2, _) => {
                let order = counted(engine, market())?;
                engine.market(&order, sink)
            }
            (3, stop) => {
                let id = counted(engine, id_of(id))?;
                let changed = |value: i64| (value != UNCHANGED).then_some(value);
                let stop = stop.and_then(changed);
                engine.amend(id, &Change { price: changed(price), size: changed(size), stop }, sink)
            }
            (4, Some(stop)) => {
                let order = counted(engine, market())?;
                engine.stop(&order, stop, sink)
            }
            (5, Some(stop)) => {
                let order = counted(engine, limit())?;
                engine.stop_limit(&order, stop, sink)
            }
            _ => counted(engine, Err(Reject::Malformed)),
        }
    }
}
