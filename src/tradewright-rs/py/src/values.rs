//! Values that cross the edge: orders, reports, approvals.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat};
use tradewright_kernel::gate::{Approved as ApprovedOrder, ApprovedAmend, OpenOrders};
use tradewright_kernel::instrument::Instrument;
use tradewright_kernel::kernel::State;
use tradewright_kernel::num::{Cash, cash_from_f64, cash_from_text, cash_to_f64};
use tradewright_kernel::order::{
    Fill, Liquidity, Order, OrderId, OrderStatus, OrderType, Reason, Report, ReportKind, Side, TimeInForce,
};

use crate::names::{Classes, Names};

/// Name of a side.
pub fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// Name of an order type.
pub fn type_name(kind: OrderType) -> &'static str {
    match kind {
        OrderType::Market => "market",
        OrderType::Limit { .. } => "limit",
        OrderType::Stop { .. } => "stop",
        OrderType::StopLimit { .. } => "stop_limit",
        OrderType::TrailingStop { .. } => "trailing_stop",
    }
}

/// Name of a time in force.
pub fn tif_name(tif: TimeInForce) -> &'static str {
    match tif {
        TimeInForce::Gtc => "gtc",
        TimeInForce::Ioc => "ioc",
        TimeInForce::Fok => "fok",
        TimeInForce::Day => "day",
    }
}

/// Name of a status.
pub fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Accepted => "accepted",
        OrderStatus::PartiallyFilled => "partially_filled",
        OrderStatus::Filled => "filled",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "expired",
        OrderStatus::Rejected => "rejected",
        OrderStatus::Unknown => "unknown",
        OrderStatus::Refused => "refused",
    }
}

/// Trigger price or trailing distance, in price units.
pub fn stop_of(kind: OrderType) -> Option<i64> {
    match kind {
        OrderType::Stop { stop } | OrderType::StopLimit { stop, .. } => Some(stop),
        OrderType::TrailingStop { distance } => Some(distance),
        _ => None,
    }
}

/// Average price of a position, as a float for display.
pub fn average_price(instrument: &Instrument, lots: i64, cost: Cash) -> f64 {
    if lots == 0 {
        return f64::NAN;
    }
    let units = instrument.size(lots) * instrument.multiplier.to_f64();
    match instrument.contract {
        tradewright_kernel::instrument::Contract::Inverse => -units / cash_to_f64(cost),
        _ => cash_to_f64(cost) / units,
    }
}

/// An `Order` for Python, from the order table.
pub fn order(py: Python<'_>, state: &State, id: OrderId, names: &Names, classes: &Classes) -> PyResult<Py<PyAny>> {
    let known = state.orders.get(id);
    let instrument = &state.market.instruments[known.order.symbol as usize];
    let fields = order_fields(py, &known.order, instrument, names)?;
    fields.set_item("status", status_name(known.status))?;
    fields.set_item("filled", instrument.size(known.filled_lots))?;
    let ahead = state.queues.ahead(id, &state.market);
    fields.set_item("queue_ahead", ahead.map(|lots| lots * instrument.size(1)))?;
    decode(py, classes, fields)
}

/// An `Order` for Python, about to be reviewed.
pub fn order_in_review(
    py: Python<'_>,
    state: &State,
    order: &Order,
    reduces: bool,
    names: &Names,
    classes: &Classes,
) -> PyResult<Py<PyAny>> {
    let fields = order_fields(py, order, &state.market.instruments[order.symbol as usize], names)?;
    fields.set_item("reduces", reduces)?;
    decode(py, classes, fields)
}

fn decode(py: Python<'_>, classes: &Classes, fields: Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
    let enums = py.import("tradewright.core.order")?;
    for (field, class) in [("side", "Side"), ("type", "OrderType"), ("tif", "TimeInForce"), ("status", "OrderStatus")] {
        if let Some(name) = fields.get_item(field)? {
            fields.set_item(field, enums.getattr(class)?.call1((name,))?)?;
        }
    }
    Ok(classes.order.bind(py).call((), Some(&fields))?.unbind())
}

fn order_fields<'py>(
    py: Python<'py>,
    order: &Order,
    instrument: &Instrument,
    names: &Names,
) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("order_id", names.order_id(order.id))?;
    fields.set_item("policy", &names.policies[order.policy as usize])?;
    fields.set_item("symbol", &names.symbols[order.symbol as usize])?;
    fields.set_item("side", side_name(order.side))?;
    fields.set_item("size", instrument.size(order.lots))?;
    fields.set_item("type", type_name(order.kind))?;
    fields.set_item("limit", order.kind.limit().map(|limit| instrument.price(limit)))?;
    fields.set_item("stop", stop_of(order.kind).map(|stop| instrument.price(stop)))?;
    fields.set_item("tif", tif_name(order.tif))?;
    fields.set_item("post_only", order.post_only)?;
    fields.set_item("reduce_only", order.reduce_only)?;
    fields.set_item("decided_ns", order.decided_ns)?;
    Ok(fields)
}

/// Money for Python: a float, or a `Decimal` where `exact` money does not fit one.
fn money(py: Python<'_>, cash: Cash, exact: bool) -> PyResult<Py<PyAny>> {
    let float = cash_to_f64(cash);
    if !exact || cash_from_f64(float) == Some(cash) {
        return Ok(float.into_pyobject(py)?.into_any().unbind());
    }
    let (sign, digits) = (if cash < 0 { "-" } else { "" }, cash.unsigned_abs());
    let text = format!("{sign}{}.{:012}", digits / 1_000_000_000_000, digits % 1_000_000_000_000);
    Ok(py.import("decimal")?.getattr("Decimal")?.call1((text,))?.unbind())
}

/// Money from Python: a float, an int or a `Decimal`.
fn cash_from_python(value: &Bound<'_, PyAny>) -> PyResult<Option<Cash>> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(cash_from_f64(float.value()));
    }
    Ok(cash_from_text(&value.call_method1("__format__", ("f",))?.extract::<String>()?))
}

/// An `ExecutionReport` for Python; an `exact` one reads back as it was, to the last unit of money.
pub fn report_to_python(
    py: Python<'_>,
    report: &Report,
    instrument: &Instrument,
    names: &Names,
    classes: &Classes,
    exact: bool,
) -> PyResult<Py<PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("order_id", names.order_id(report.order))?;
    fields.set_item("ts_event_ns", report.ts_event_ns)?;
    fields.set_item("ts_recv_ns", report.ts_recv_ns)?;
    let (kind, reason) = match report.kind {
        ReportKind::Accepted => ("accepted", Reason::None),
        ReportKind::Rejected(reason) => ("rejected", reason),
        ReportKind::Filled(fill) => {
            let values = PyDict::new(py);
            values.set_item("fill_id", fill.fill_id)?;
            values.set_item("price", instrument.price(fill.price))?;
            values.set_item("size", instrument.size(fill.lots))?;
            values.set_item("fee", money(py, fill.fee, exact)?)?;
            values.set_item("liquidity", if fill.liquidity == Liquidity::Maker { "maker" } else { "taker" })?;
            fields.set_item("fill", classes.fill.bind(py).call((), Some(&values))?)?;
            ("filled", Reason::None)
        }
        ReportKind::FillReversed { fill_id } => {
            let values = PyDict::new(py);
            values.set_item("fill_id", fill_id)?;
            values.set_item("price", 0.0)?;
            values.set_item("size", 0.0)?;
            fields.set_item("fill", classes.fill.bind(py).call((), Some(&values))?)?;
            ("fill_reversed", Reason::None)
        }
        ReportKind::Cancelled(reason) => ("cancelled", reason),
        ReportKind::Expired(reason) => ("expired", reason),
        ReportKind::CancelRejected => ("cancel_rejected", Reason::None),
        ReportKind::Amended { limit, lots } => {
            fields.set_item("limit", instrument.price(limit))?;
            fields.set_item("size", instrument.size(lots))?;
            ("amended", Reason::None)
        }
        ReportKind::AmendRejected => ("amend_rejected", Reason::None),
        ReportKind::Unknown => ("unknown", Reason::None),
    };
    fields.set_item("kind", kind)?;
    fields.set_item("reason", reason.name())?;
    Ok(classes.report.bind(py).call((), Some(&fields))?.unbind())
}

/// A report as an engine in Python made it. The message of an error names the order, the field and its value.
pub fn report_from_python(report: &Bound<'_, PyAny>, state: &State, names: &Names) -> PyResult<Report> {
    let text: String = report.getattr("order_id")?.extract()?;
    let order = names
        .order(&text)
        .filter(|&order| (order as usize) < state.orders.states.len())
        .ok_or_else(|| PyValueError::new_err(format!("report on {text:?}: no such order in this run")))?;
    let known = state.orders.get(order);
    let instrument = &state.market.instruments[known.order.symbol as usize];
    let bad = |field: &str, value: f64, right: &str| {
        PyValueError::new_err(format!("report on {text}: {field} {value} is not {right}"))
    };
    let lots_of = |field: &str, size: f64| {
        let count = instrument.lot_size.count_exact(size).filter(|&lots| lots > 0);
        count.ok_or_else(|| bad(field, size, "a positive multiple of the lot size"))
    };
    let ticks_of = |field: &str, price: f64| {
        instrument.price_unit.count_exact(price).ok_or_else(|| bad(field, price, "a multiple of the price unit"))
    };
    let reason: String = report.getattr("reason")?.extract()?;
    let reason = match Reason::ALL.iter().find(|known| known.name() == reason) {
        Some(reason) => *reason,
        None => Reason::Venue,
    };
    let kind = match report.getattr("kind")?.extract::<String>()?.as_str() {
        "accepted" => ReportKind::Accepted,
        "rejected" => ReportKind::Rejected(reason),
        name @ ("filled" | "fill_reversed") => {
            let fill = report.getattr("fill")?;
            if fill.is_none() {
                return Err(PyValueError::new_err(format!("report on {text}: a {name} report needs fill=")));
            }
            let fill_id = fill.getattr("fill_id")?.extract()?;
            if name == "fill_reversed" {
                ReportKind::FillReversed { fill_id }
            } else {
                let fee = fill.getattr("fee")?;
                ReportKind::Filled(Fill {
                    fill_id,
                    price: ticks_of("fill.price", fill.getattr("price")?.extract()?)?,
                    lots: lots_of("fill.size", fill.getattr("size")?.extract()?)?,
                    fee: cash_from_python(&fee)?.ok_or_else(|| {
                        PyValueError::new_err(format!("report on {text}: fill.fee {fee} is not a finite amount"))
                    })?,
                    liquidity: if fill.getattr("liquidity")?.extract::<String>()? == "maker" {
                        Liquidity::Maker
                    } else {
                        Liquidity::Taker
                    },
                })
            }
        }
        "cancelled" => ReportKind::Cancelled(reason),
        "expired" => ReportKind::Expired(reason),
        "cancel_rejected" => ReportKind::CancelRejected,
        "amended" => {
            let limit: Option<f64> = report.getattr("limit")?.extract()?;
            let size: Option<f64> = report.getattr("size")?.extract()?;
            let Some(size) = size else {
                return Err(PyValueError::new_err(format!("report on {text}: an amended report needs size=")));
            };
            let limit = match limit {
                Some(limit) => ticks_of("limit", limit)?,
                None => known.order.kind.limit().unwrap_or(0),
            };
            ReportKind::Amended { limit, lots: lots_of("size", size)? }
        }
        "amend_rejected" => ReportKind::AmendRejected,
        "unknown" => ReportKind::Unknown,
        other => {
            return Err(PyValueError::new_err(format!("report on {text}: {other:?} is no kind of report")));
        }
    };
    let ts_event_ns = report.getattr("ts_event_ns")?.extract()?;
    let ts_recv_ns = report.getattr("ts_recv_ns")?.extract()?;
    Ok(Report { order, ts_event_ns, ts_recv_ns, kind })
}

/// What the gate let pass: a new order or a change of one. Only the gate makes it.
#[pyclass(frozen, module = "tradewright._native")]
pub struct Approved {
    inner: Inner,
    instrument: Arc<Instrument>,
    names: Arc<Names>,
    order: Order,
}

enum Inner {
    Order(ApprovedOrder),
    Amend(ApprovedAmend),
}

impl Approved {
    /// Wraps an approved order.
    pub fn submit(approved: ApprovedOrder, instrument: Arc<Instrument>, names: Arc<Names>) -> Approved {
        let order = *approved.order();
        Approved { inner: Inner::Order(approved), instrument, names, order }
    }

    /// Wraps an approved change.
    pub fn amend(approved: ApprovedAmend, order: Order, instrument: Arc<Instrument>, names: Arc<Names>) -> Approved {
        Approved { inner: Inner::Amend(approved), instrument, names, order }
    }

    /// The order, if this is a new one.
    pub fn new_order(&self) -> Option<&Order> {
        match &self.inner {
            Inner::Order(approved) => Some(approved.order()),
            Inner::Amend(_) => None,
        }
    }

    /// Order, limit and total lots, if this is a change.
    pub fn change(&self) -> Option<(OrderId, i64, i64)> {
        match &self.inner {
            Inner::Order(_) => None,
            Inner::Amend(approved) => Some((approved.order(), approved.limit(), approved.lots())),
        }
    }
}

#[pymethods]
impl Approved {
    /// `submit` or `amend`.
    #[getter]
    fn action(&self) -> &'static str {
        match self.inner {
            Inner::Order(_) => "submit",
            Inner::Amend(_) => "amend",
        }
    }

    /// Client order id.
    #[getter]
    fn order_id(&self) -> String {
        self.names.order_id(self.order.id)
    }

    /// Name of the policy.
    #[getter]
    fn policy(&self) -> &str {
        &self.names.policies[self.order.policy as usize]
    }

    /// Instrument.
    #[getter]
    fn symbol(&self) -> &str {
        &self.names.symbols[self.order.symbol as usize]
    }

    /// `buy` or `sell`.
    #[getter]
    fn side(&self) -> &'static str {
        side_name(self.order.side)
    }

    /// Size, or the new total size of a change.
    #[getter]
    fn size(&self) -> f64 {
        self.instrument.size(self.change().map_or(self.order.lots, |(_, _, lots)| lots))
    }

    /// Order type.
    #[getter(r#type)]
    fn kind(&self) -> &'static str {
        type_name(self.order.kind)
    }

    /// Price bound, or the new one of a change.
    #[getter]
    fn limit(&self) -> Option<f64> {
        let limit = match self.change() {
            Some((_, limit, _)) => self.order.kind.limit().map(|_| limit),
            None => self.order.kind.limit(),
        };
        limit.map(|limit| self.instrument.price(limit))
    }

    /// Trigger price or trailing distance.
    #[getter]
    fn stop(&self) -> Option<f64> {
        stop_of(self.order.kind).map(|stop| self.instrument.price(stop))
    }

    /// Time in force.
    #[getter]
    fn tif(&self) -> &'static str {
        tif_name(self.order.tif)
    }

    /// Refused rather than take.
    #[getter]
    fn post_only(&self) -> bool {
        self.order.post_only
    }

    /// Never opens or turns a position.
    #[getter]
    fn reduce_only(&self) -> bool {
        self.order.reduce_only
    }

    /// When it was decided, ns since the epoch, UTC.
    #[getter]
    fn decided_ns(&self) -> i64 {
        self.order.decided_ns
    }

    fn __repr__(&self) -> String {
        format!("Approved({} {} {} {} {})", self.action(), self.order_id(), self.side(), self.size(), self.symbol())
    }
}
