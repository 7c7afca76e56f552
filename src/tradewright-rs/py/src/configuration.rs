//! What a kernel is built from: instruments, wake conditions, limits and the account, read from plain values.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tradewright_kernel::fees::{DatedFees, FeeCurve, FeeRates, Rounding};
use tradewright_kernel::gate::{Amount, Limits, OrderRate};
use tradewright_kernel::instrument::{Contract, GridBand, Instrument, Payment, Session, TickGrid};
use tradewright_kernel::kernel::Wake;
use tradewright_kernel::ledger::{AccountConfig, AccountKind, Netting};
use tradewright_kernel::market::SourceKind;
use tradewright_kernel::num::{Decimal, cash_from_f64};

/// A field of a dict, in the type asked for.
pub(crate) fn get<'py, T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>>(
    dict: &Bound<'py, PyDict>,
    name: &str,
) -> PyResult<T> {
    let value = dict.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("{name} is missing")))?;
    value.extract::<T>().map_err(|error| {
        let error: PyErr = error.into();
        PyTypeError::new_err(format!("{name}: {error}"))
    })
}

/// An instrument from `core.instrument.native_fields`.
pub(crate) fn instrument(fields: &Bound<'_, PyDict>) -> PyResult<Instrument> {
    let decimal = |name: &str| -> PyResult<Decimal> {
        Decimal::parse(&get::<String>(fields, name)?).map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
    };
    let bands: Vec<(i64, i64)> = get(fields, "grid")?;
    let fees: Vec<Bound<'_, PyDict>> = get(fields, "fees")?;
    let sessions: Vec<(i64, i64)> = get(fields, "sessions")?;
    Ok(Instrument {
        symbol: get(fields, "symbol")?,
        currency: get(fields, "currency")?,
        contract: match get::<String>(fields, "contract")?.as_str() {
            "linear" => Contract::Linear,
            "inverse" => Contract::Inverse,
            "binary" => Contract::Binary,
            other => return Err(PyValueError::new_err(format!("contract {other:?} is unknown"))),
        },
        payment: match get::<String>(fields, "payment")?.as_str() {
            "full" => Payment::Full,
            "margin" => Payment::Margin,
            other => return Err(PyValueError::new_err(format!("payment {other:?} is unknown"))),
        },
        price_unit: decimal("price_unit")?,
        lot_size: decimal("lot_size")?,
        multiplier: decimal("multiplier")?,
        grid: TickGrid {
            bands: bands.into_iter().map(|(below_ticks, step_ticks)| GridBand { below_ticks, step_ticks }).collect(),
        },
        bounds_ticks: get(fields, "bounds_ticks")?,
        fees: fees.iter().map(dated_fees).collect::<PyResult<_>>()?,
        sessions: sessions.into_iter().map(|(open_ns, close_ns)| Session { open_ns, close_ns }).collect(),
        expiry_ns: get(fields, "expiry_ns")?,
        event_group: get(fields, "event_group")?,
        event_outcomes: get(fields, "event_outcomes")?,
        margin_initial_e10: get(fields, "margin_initial_e10")?,
        margin_maintenance_e10: get(fields, "margin_maintenance_e10")?,
    })
}

/// A fee schedule from `core.fees.Fees.native_fields`.
fn dated_fees(fields: &Bound<'_, PyDict>) -> PyResult<DatedFees> {
    let curve = |name: &str| -> PyResult<FeeCurve> {
        let (rate_e6, exponent) = get(fields, name)?;
        Ok(FeeCurve { rate_e6, exponent })
    };
    Ok(DatedFees {
        from_ns: get(fields, "from_ns")?,
        rates: FeeRates {
            maker_e10: get(fields, "maker_e10")?,
            taker_e10: get(fields, "taker_e10")?,
            per_lot: get(fields, "per_lot")?,
            minimum: get(fields, "minimum")?,
            maker_curve: curve("maker_curve")?,
            taker_curve: curve("taker_curve")?,
            step: get(fields, "step")?,
            rounding: match get::<String>(fields, "rounding")?.as_str() {
                "half_even" => Rounding::HalfEven,
                "up" => Rounding::Up,
                "down" => Rounding::Down,
                other => return Err(PyValueError::new_err(format!("rounding {other:?} is unknown"))),
            },
        },
    })
}

/// Name of a source kind.
pub(crate) fn source_kind(name: &str) -> PyResult<SourceKind> {
    match name {
        "bars" => Ok(SourceKind::Bar),
        "quotes" => Ok(SourceKind::Quote),
        "trades" => Ok(SourceKind::Trade),
        "book_l2" | "book_l3" => Ok(SourceKind::Book),
        other => Err(PyValueError::new_err(format!("{other:?} is no kind of source"))),
    }
}

/// A wake condition from a tuple that starts with its kind.
pub(crate) fn wake(values: &Bound<'_, PyTuple>) -> PyResult<Wake> {
    let item = |at: usize| values.get_item(at);
    Ok(match item(0)?.extract::<String>()?.as_str() {
        "node" => Wake::Node(item(1)?.extract()?),
        "source" => Wake::Source(item(1)?.extract()?, source_kind(&item(2)?.extract::<String>()?)?),
        "bars" => Wake::AllBars {
            symbols: item(1)?.extract()?,
            timeframe_ns: item(2)?.extract()?,
            grace_ns: item(3)?.extract()?,
        },
        "every" => {
            Wake::Every { period_ns: item(1)?.extract()?, phase_ns: item(2)?.extract()?, symbols: item(3)?.extract()? }
        }
        "report" => Wake::Report,
        other => return Err(PyValueError::new_err(format!("{other:?} is no kind of wake condition"))),
    })
}

/// Limits from a dict of name to `(value, is fraction of equity)`.
pub(crate) fn limits(values: &Bound<'_, PyDict>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    for (name, value) in values {
        let name: String = name.extract()?;
        let (value, of_equity): (f64, bool) = value.extract()?;
        let amount = Some(if of_equity { Amount::EquityFraction(value) } else { Amount::Absolute(value) });
        match name.as_str() {
            "order_size_max" => limits.order_size_max = Some(value),
            "order_value_max" => limits.order_value_max = amount,
            "position_max" => limits.position_max = amount,
            "gross_max" => limits.gross_max = amount,
            "net_max" => limits.net_max = amount,
            "event_group_loss_max" => limits.event_group_loss_max = amount,
            "loss_per_day_max" => limits.loss_per_day_max = amount,
            "loss_per_week_max" => limits.loss_per_week_max = amount,
            // A drawdown is a fraction of the peak by nature.
            "drawdown_max" => limits.drawdown_max = Some(Amount::EquityFraction(value)),
            "price_collar" => limits.price_collar = Some(value),
            "order_rate_max" => {
                if value < 1.0 || value.fract() != 0.0 {
                    return Err(PyValueError::new_err(format!("{name}: {value} is not a whole number of 1 or more")));
                }
                limits.order_rate_max = Some(OrderRate { count: value as u32, window_ns: 1_000_000_000 });
            }
            other => return Err(PyValueError::new_err(format!("{other:?} is no limit"))),
        }
    }
    Ok(limits)
}

/// How binaries of one event are collateralised, by its name.
pub(crate) fn netting(name: &str) -> PyResult<Netting> {
    match name {
        "market" => Ok(Netting::Market),
        "collateral_return" => Ok(Netting::CollateralReturn),
        "group" => Ok(Netting::Group),
        other => Err(PyValueError::new_err(format!("netting {other:?} is unknown"))),
    }
}

/// An account from its fields.
pub(crate) fn account(fields: &Bound<'_, PyDict>) -> PyResult<AccountConfig> {
    let balances: Vec<f64> = get(fields, "balances")?;
    let cash = |amount: f64| {
        cash_from_f64(amount).ok_or_else(|| PyValueError::new_err(format!("cash {amount} is not an amount of money")))
    };
    Ok(AccountConfig {
        kind: match get::<String>(fields, "kind")?.as_str() {
            "cash" => AccountKind::Cash,
            "margin" => AccountKind::Margin,
            other => return Err(PyValueError::new_err(format!("account kind {other:?} is unknown"))),
        },
        currency: get(fields, "currency")?,
        balances: balances.into_iter().map(cash).collect::<PyResult<_>>()?,
        rates_e12: get(fields, "rates_e12")?,
        leverage_max_e10: get(fields, "leverage_max_e10")?,
        initial_e10: get(fields, "initial_e10")?,
        maintenance_e10: get(fields, "maintenance_e10")?,
        day_ends_ns: get(fields, "day_ends_ns")?,
        netting: netting(&get::<String>(fields, "netting")?)?,
    })
}

/// Name and limits of the gate that an account has unless told otherwise.
#[pyfunction]
pub fn default_limits(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let limits = Limits::account_default();
    let values = PyDict::new(py);
    let amounts = [("order_value_max", limits.order_value_max), ("gross_max", limits.gross_max)];
    for (name, amount) in amounts {
        match amount {
            Some(Amount::EquityFraction(value)) => values.set_item(name, (value, true))?,
            Some(Amount::Absolute(value)) => values.set_item(name, (value, false))?,
            None => {}
        }
    }
    Ok(values)
}
