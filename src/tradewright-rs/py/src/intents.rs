//! Intents from Python.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString, PyTuple};
use tradewright_kernel::intent::{Intent, QuoteSide, Replace, RequestType};
use tradewright_kernel::order::{OrderId, Side, TimeInForce};

use crate::names::{Classes, Names};

/// Reads what `decide` returned: `None`, one intent, or a sequence of them.
#[inline]
pub fn read(returned: &Bound<'_, PyAny>, names: &Names, classes: &Classes, intents: &mut Vec<Intent>) -> PyResult<()> {
    if returned.is_none() {
        return Ok(());
    }
    if let Some(intent) = one(returned, names, classes)? {
        intents.push(intent);
        return Ok(());
    }
    let items: Vec<Bound<'_, PyAny>> = if let Ok(list) = returned.cast::<PyList>() {
        list.iter().collect()
    } else if let Ok(tuple) = returned.cast::<PyTuple>() {
        tuple.iter().collect()
    } else {
        return Err(not_an_intent(returned));
    };
    for item in items {
        intents.push(one(&item, names, classes)?.ok_or_else(|| not_an_intent(&item))?);
    }
    Ok(())
}

#[cold]
fn not_an_intent(value: &Bound<'_, PyAny>) -> PyErr {
    let text = value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    PyTypeError::new_err(format!(
        "decide returned {text}, which is not an intent. Return None, a TargetPosition, TargetQuotes, Submit, Cancel, \
         Amend or CancelAll, or a list of them"
    ))
}

#[inline]
fn one(value: &Bound<'_, PyAny>, names: &Names, classes: &Classes) -> PyResult<Option<Intent>> {
    let py = value.py();
    let class = value.get_type();
    let symbol = || names.symbol(&value.getattr(intern!(py, "symbol"))?);
    let intent = if class.is(&classes.target_position) {
        let fields = &classes.position;
        Intent::TargetPosition {
            symbol: names.symbol(&fields.symbol.get(value)?)?,
            size: as_number(value, "size", &fields.size.get(value)?)?,
            limit: as_optional(value, "limit", &fields.limit.get(value)?)?,
            passive: fields.passive.get(value)?.is_truthy()?,
        }
    } else if class.is(&classes.target_quotes) {
        let fields = &classes.quotes;
        Intent::TargetQuotes {
            symbol: names.symbol(&fields.symbol.get(value)?)?,
            bid: quote_side("bid", &fields.bid.get(value)?)?,
            ask: quote_side("ask", &fields.ask.get(value)?)?,
            replace: match fields.replace.get(value)?.cast::<PyString>()?.to_str()? {
                "overlap" => Replace::Overlap,
                "wait" => Replace::Wait,
                "amend" => Replace::Amend,
                other => {
                    return Err(PyValueError::new_err(format!(
                        "TargetQuotes.replace is {other:?}; use 'overlap', 'wait' or 'amend'"
                    )));
                }
            },
        }
    } else if class.is(&classes.submit) {
        Intent::Submit {
            symbol: symbol()?,
            side: side(value)?,
            size: number(value, "size")?,
            request: request(value)?,
            tif: tif(value)?,
            post_only: value.getattr(intern!(py, "post_only"))?.is_truthy()?,
            reduce_only: value.getattr(intern!(py, "reduce_only"))?.is_truthy()?,
        }
    } else if class.is(&classes.cancel) {
        Intent::Cancel { order: order(value, names)? }
    } else if class.is(&classes.amend) {
        Intent::Amend { order: order(value, names)?, size: optional(value, "size")?, limit: optional(value, "limit")? }
    } else if class.is(&classes.cancel_all) {
        let symbol = value.getattr(intern!(py, "symbol"))?;
        Intent::CancelAll { symbol: if symbol.is_none() { None } else { Some(names.symbol(&symbol)?) } }
    } else {
        return Ok(None);
    };
    Ok(Some(intent))
}

#[inline]
fn number(value: &Bound<'_, PyAny>, field: &str) -> PyResult<f64> {
    as_number(value, field, &value.getattr(field)?)
}

#[inline]
fn optional(value: &Bound<'_, PyAny>, field: &str) -> PyResult<Option<f64>> {
    as_optional(value, field, &value.getattr(field)?)
}

#[inline]
fn as_number(value: &Bound<'_, PyAny>, field: &str, found: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(whole) = found.cast_exact::<PyInt>()
        && let Ok(whole) = whole.extract::<i32>()
    {
        return Ok(f64::from(whole)); // By the general way a whole number costs four times as much.
    }
    found.extract::<f64>().map_err(|_| PyTypeError::new_err(format!("{field} of {value:?} is not a number")))
}

#[inline]
fn as_optional(value: &Bound<'_, PyAny>, field: &str, found: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    if found.is_none() { Ok(None) } else { as_number(value, field, found).map(Some) }
}

fn quote_side(field: &str, found: &Bound<'_, PyAny>) -> PyResult<Option<QuoteSide>> {
    if found.is_none() {
        return Ok(None);
    }
    let (price, size) = found
        .extract::<(f64, f64)>()
        .map_err(|_| PyTypeError::new_err(format!("TargetQuotes.{field} is {found:?}; it is (price, size) or None")))?;
    Ok(Some(QuoteSide { price, size }))
}

fn order(value: &Bound<'_, PyAny>, names: &Names) -> PyResult<OrderId> {
    let text: String = value.getattr(intern!(value.py(), "order_id"))?.extract()?;
    names.order(&text).ok_or_else(|| {
        PyValueError::new_err(format!("{text:?} is not an order of this run; its ids look like {}-17", names.run))
    })
}

fn side(value: &Bound<'_, PyAny>) -> PyResult<Side> {
    match value.getattr(intern!(value.py(), "side"))?.extract::<String>()?.as_str() {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(PyValueError::new_err(format!("side is {other:?}; use 'buy' or 'sell'"))),
    }
}

fn tif(value: &Bound<'_, PyAny>) -> PyResult<TimeInForce> {
    match value.getattr(intern!(value.py(), "tif"))?.extract::<String>()?.as_str() {
        "gtc" => Ok(TimeInForce::Gtc),
        "ioc" => Ok(TimeInForce::Ioc),
        "fok" => Ok(TimeInForce::Fok),
        "day" => Ok(TimeInForce::Day),
        other => Err(PyValueError::new_err(format!("tif is {other:?}; use 'gtc', 'ioc', 'fok' or 'day'"))),
    }
}

fn request(value: &Bound<'_, PyAny>) -> PyResult<RequestType> {
    let py = value.py();
    let name: String = value.getattr(intern!(py, "type"))?.extract()?;
    let (limit, stop) = (optional(value, "limit")?, optional(value, "stop")?);
    let needs = |field: &str, found: Option<f64>| {
        found.ok_or_else(|| PyValueError::new_err(format!("a {name} order needs {field}=")))
    };
    let forbids = |field: &str, found: Option<f64>| match found {
        None => Ok(()),
        Some(price) => Err(PyValueError::new_err(format!("a {name} order takes no {field}; got {price}"))),
    };
    match name.as_str() {
        "market" => {
            forbids("limit", limit)?;
            forbids("stop", stop)?;
            Ok(RequestType::Market)
        }
        "limit" => {
            forbids("stop", stop)?;
            Ok(RequestType::Limit { limit: needs("limit", limit)? })
        }
        "stop" => {
            forbids("limit", limit)?;
            Ok(RequestType::Stop { stop: needs("stop", stop)? })
        }
        "stop_limit" => Ok(RequestType::StopLimit { stop: needs("stop", stop)?, limit: needs("limit", limit)? }),
        "trailing_stop" => {
            forbids("limit", limit)?;
            Ok(RequestType::TrailingStop { distance: needs("stop", stop)? })
        }
        other => Err(PyValueError::new_err(format!(
            "order type is {other:?}; use 'market', 'limit', 'stop', 'stop_limit' or 'trailing_stop'"
        ))),
    }
}
