//! Plain integers as requests.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tradewright_kernel::matching::{Engine, Limit, Market, Reject, Tif};
use tradewright_kernel::order::Side;

/// Buys are 1, sells 0.
pub(super) fn side_code(side: Side) -> u8 {
    match side {
        Side::Buy => 1,
        Side::Sell => 0,
    }
}

#[inline]
pub(super) fn side_of(code: i64) -> Result<Side, Reject> {
    // Whether it is one at all is foreseen, which of them is not: a match would be a branch on it.
    if code & 1 != code {
        return Err(Reject::Malformed);
    }
    Ok(if code == 1 { Side::Buy } else { Side::Sell })
}

pub(super) fn side_asked(code: i64) -> PyResult<Side> {
    side_of(code).map_err(|_| PyValueError::new_err(format!("side {code} is neither Side.BUY (1) nor Side.SELL (0)")))
}

#[inline]
pub(super) fn id_of(order_id: i64) -> Result<u64, Reject> {
    u64::try_from(order_id).map_err(|_| Reject::Malformed)
}

#[inline]
pub(super) fn limit_of(
    id: i64,
    side: i64,
    price: i64,
    size: i64,
    owner: i64,
    tif: i64,
    peak: i64,
) -> Result<Limit, Reject> {
    let tif = match tif {
        0 => Tif::Gtc,
        1 => Tif::Ioc,
        2 => Tif::Fok,
        3 => Tif::PostOnly,
        _ => return Err(Reject::Malformed),
    };
    let Market { id, side, size, owner } = market_of(id, side, size, owner)?;
    Ok(Limit { id, side, price, size, owner, tif, peak })
}

#[inline]
pub(super) fn market_of(id: i64, side: i64, size: i64, owner: i64) -> Result<Market, Reject> {
    let owner = u32::try_from(owner).map_err(|_| Reject::Malformed)?;
    Ok(Market { id: id_of(id)?, side: side_of(side)?, size, owner })
}

/// An operation that cannot be read is a command too.
#[inline]
pub(super) fn counted<T>(engine: &mut Engine, read: Result<T, Reject>) -> Result<T, Reject> {
    if read.is_err() {
        engine.count_refused();
    }
    read
}
