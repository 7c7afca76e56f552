//! Operations from columns.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tradewright_kernel::matching::{Change, Engine, Record, Reject, Sink};

use super::read::{counted, id_of, limit_of, market_of};

/// In a column of amendments: stays as it is.
const UNCHANGED: i64 = i64::MIN;

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

    pub(super) fn run(
        &self,
        rows: std::ops::Range<usize>,
        engine: &mut Engine,
        record: &mut Record,
        status: &mut Vec<i32>,
    ) {
        for row in rows {
            let before = record.fills.len();
            let done = self.apply(row, engine, record);
            status.push(match done {
                Ok(()) => i32::try_from(record.fills.len() - before).unwrap_or(i32::MAX),
                Err(reject) => -(reject as i32),
            });
        }
    }

    #[inline]
    fn apply(&self, row: usize, engine: &mut Engine, sink: &mut impl Sink) -> Result<(), Reject> {
        let (id, side) = (self.order_id[row], i64::from(self.side[row]));
        let (price, size) = (self.price[row], self.size[row]);
        let owner = self.owner.map_or(0, |owner| owner[row]);
        let limit = || {
            let tif = self.tif.map_or(0, |tif| i64::from(tif[row]));
            limit_of(id, side, price, size, owner, tif, self.peak.map_or(0, |peak| peak[row]))
        };
        let market = || market_of(id, side, size, owner);
        match (self.kind[row], self.stop) {
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
                let given = |value: i64| (value != UNCHANGED).then_some(value);
                let stop = stop.and_then(|stop| given(stop[row]));
                engine.amend(id, &Change { price: given(price), size: given(size), stop }, sink)
            }
            (4, Some(stop)) => {
                let order = counted(engine, market())?;
                engine.stop(&order, stop[row], sink)
            }
            (5, Some(stop)) => {
                let order = counted(engine, limit())?;
                engine.stop_limit(&order, stop[row], sink)
            }
            _ => counted(engine, Err(Reject::Malformed)),
        }
    }
}
