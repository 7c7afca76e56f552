//! The simulated venue: its configuration from Python, and the venue itself for stepped runs.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tradewright_kernel::book::Priority;
use tradewright_kernel::event::Payload;
use tradewright_kernel::instrument::{Instrument, SymbolId};
use tradewright_kernel::kernel::Books;
use tradewright_kernel::market::SourceKind;
use tradewright_kernel::venue::{
    BarPath, BarTiming, Costs, Distribution, Fills, Latency, LatencySample, QueueModel, SimVenue as KernelVenue,
    VenueConfig,
};

use crate::configuration::source_kind;
use crate::feed;
use crate::kernel::Kernel;
use crate::names::{Classes, Names};
use crate::values::{self, Approved};

/// The simulated venue, driven from outside: what the native loop does, a step at a time.
#[pyclass(module = "tradewright._native", unsendable)]
pub struct SimVenue {
    pub venue: KernelVenue,
    names: Arc<Names>,
    classes: Arc<Classes>,
}

impl SimVenue {
    pub fn new(venue: KernelVenue, names: Arc<Names>, classes: Arc<Classes>) -> SimVenue {
        SimVenue { venue, names, classes }
    }
}

#[pymethods]
impl SimVenue {
    /// The earliest time at which the venue has something to do: a request arrives, a report is due, a day ends.
    #[getter]
    fn next_ns(&self) -> i64 {
        self.venue.next_arrival_ns().min(self.venue.next_report_ns()).min(self.venue.next_timer_ns())
    }

    /// When the next report is due; 2**63 - 1 if none is.
    #[getter]
    fn next_report_ns(&self) -> i64 {
        self.venue.next_report_ns()
    }

    /// When the next request arrives; 2**63 - 1 if none is under way.
    #[getter]
    fn next_arrival_ns(&self) -> i64 {
        self.venue.next_arrival_ns()
    }

    /// The run is over: cancels what is left. Returns the reports, whenever they are due.
    fn end_run(&mut self, py: Python<'_>, mut kernel: PyRefMut<'_, Kernel>) -> PyResult<Vec<Py<PyAny>>> {
        kernel.notes = self.venue.fill_notes().to_vec();
        kernel.added = Some(self.venue.added_costs().to_vec());
        self.venue.end_run(kernel.inner.state.market.now_ns);
        self.pop(py, &kernel, i64::MAX)
    }

    /// Hands over an approved order or change.
    fn send(&mut self, approved: &Approved, now_ns: i64) -> PyResult<()> {
        match (approved.new_order(), approved.change()) {
            (Some(order), _) => self.venue.submit(order),
            (None, Some((order, limit, lots))) => self.venue.amend(order, limit, lots, now_ns),
            (None, None) => return Err(PyValueError::new_err("neither an order nor a change")),
        }
        Ok(())
    }

    /// Asks for a cancellation.
    fn cancel(&mut self, order_id: &str, now_ns: i64) -> PyResult<()> {
        let order = self
            .names
            .order(order_id)
            .ok_or_else(|| PyValueError::new_err(format!("{order_id:?} is not an order of this run")))?;
        self.venue.cancel(order, now_ns);
        Ok(())
    }

    /// Shows the venue the records of a step, before the kernel sees them.
    fn on_records(&mut self, kernel: PyRef<'_, Kernel>, records: Vec<Bound<'_, PyTuple>>) -> PyResult<()> {
        let market = &kernel.inner.state.market;
        for values in &records {
            let record = feed::record(values, &market.instruments)?;
            match &record.payload {
                Payload::Bar(bar) => self.venue.on_bar(record.symbol, bar, market),
                Payload::Quote(quote) => self.venue.on_quote(record.symbol, quote, market),
                Payload::Trade(trade) => self.venue.on_trade(record.symbol, trade, market),
                Payload::Book(rows) => self.venue.on_book(record.symbol, rows, record.ts_recv_ns, market),
                _ => self.venue.on_other(&record, market),
            }
        }
        Ok(())
    }

    /// Does what is due by the clock alone, such as the end of day orders.
    fn on_time(&mut self, kernel: PyRef<'_, Kernel>, now_ns: i64) {
        if self.venue.next_timer_ns() <= now_ns {
            self.venue.on_time(now_ns, &kernel.inner.state.market);
        }
    }

    /// Lets the requests that have arrived by now meet the market as it stands.
    fn arrive(&mut self, kernel: PyRef<'_, Kernel>, now_ns: i64) {
        if self.venue.next_arrival_ns() <= now_ns {
            self.venue.arrive(now_ns, &kernel.inner.state.market);
        }
    }

    /// The reports that are due by now, in order.
    fn reports(&mut self, py: Python<'_>, kernel: PyRef<'_, Kernel>, now_ns: i64) -> PyResult<Vec<Py<PyAny>>> {
        self.pop(py, &kernel, now_ns)
    }
}

impl SimVenue {
    fn pop(&mut self, py: Python<'_>, kernel: &Kernel, now_ns: i64) -> PyResult<Vec<Py<PyAny>>> {
        let mut due = Vec::new();
        if self.venue.next_report_ns() <= now_ns {
            self.venue.pop_reports(now_ns, &mut due);
        }
        let state = &kernel.inner.state;
        due.iter()
            .map(|report| {
                let symbol = state.orders.states[report.order as usize].order.symbol;
                let instrument = &state.market.instruments[symbol as usize];
                values::report_to_python(py, report, instrument, &self.names, &self.classes, true)
            })
            .collect()
    }
}

/// A venue of this configuration; `kinds` says which records each symbol has.
pub fn build(
    config: &Bound<'_, PyDict>,
    kinds: &[(SymbolId, SourceKind, bool)],
    instruments: &[Instrument],
) -> PyResult<KernelVenue> {
    let config = read(config)?;
    config.validate().map_err(PyValueError::new_err)?;
    let mut venue = KernelVenue::new(config, instruments);
    for &(symbol, kind, is_of_orders) in kinds {
        if is_of_orders {
            venue.declare_orders(symbol);
        }
        venue.declare(symbol, kind);
    }
    Ok(venue)
}

fn field<'py, T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>>(
    dict: &Bound<'py, PyDict>,
    name: &str,
) -> PyResult<T> {
    let value = dict.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("venue: {name} is missing")))?;
    value.extract::<T>().map_err(|error| {
        let error: PyErr = error.into();
        PyValueError::new_err(format!("venue.{name}: {error}"))
    })
}

/// What a kernel keeps of books: the symbols told order by order, and the queue model if a policy asked for places.
pub fn books(config: &Bound<'_, PyDict>) -> PyResult<Books> {
    let queue: Option<Bound<'_, PyDict>> = field(config, "queue")?;
    Ok(Books {
        of_orders: field(config, "of_orders")?,
        priority: read_priority(&field::<String>(config, "priority")?)?,
        queues: queue.map(|queue| read_queue(&queue)).transpose()?,
    })
}

fn read_priority(name: &str) -> PyResult<Priority> {
    match name {
        "reduction_keeps" => Ok(Priority::ReductionKeeps),
        "always_lost" => Ok(Priority::AlwaysLost),
        "always_kept" => Ok(Priority::AlwaysKept),
        other => Err(PyValueError::new_err(format!("venue.fills.queue.priority: {other:?} is unknown"))),
    }
}

fn read_queue(queue: &Bound<'_, PyDict>) -> PyResult<QueueModel> {
    let exponent = || field::<f64>(queue, "exponent");
    Ok(match field::<String>(queue, "type")?.as_str() {
        "risk_averse" => QueueModel::RiskAverse,
        "power" => QueueModel::Power { exponent: exponent()? },
        "power_of_share" => QueueModel::PowerOfShare { exponent: exponent()? },
        "power_of_front" => QueueModel::PowerOfFront { exponent: exponent()? },
        "log" => QueueModel::Log,
        "log_of_share" => QueueModel::LogOfShare,
        other => return Err(PyValueError::new_err(format!("venue.fills.queue.type: {other:?} is unknown"))),
    })
}

/// The configuration, from plain values.
pub fn read(config: &Bound<'_, PyDict>) -> PyResult<VenueConfig> {
    let latency: Bound<'_, PyDict> = dict(config, "latency")?;
    let fills: Bound<'_, PyDict> = dict(config, "fills")?;
    let costs: Bound<'_, PyDict> = dict(config, "costs")?;
    Ok(VenueConfig {
        latency: read_latency(&latency)?,
        decision_ns: field(config, "decision_ns")?,
        fills: Fills {
            timing: match field::<String>(&fills, "timing")?.as_str() {
                "next_open" => BarTiming::NextOpen,
                "path" => BarTiming::Path,
                other => return Err(PyValueError::new_err(format!("venue.fills.timing: {other:?} is unknown"))),
            },
            path: match field::<String>(&fills, "path")?.as_str() {
                "pessimistic" => BarPath::Pessimistic,
                "open_high_low_close" => BarPath::OpenHighLowClose,
                "open_low_high_close" => BarPath::OpenLowHighClose,
                other => return Err(PyValueError::new_err(format!("venue.fills.path: {other:?} is unknown"))),
            },
            touch_fills: field(&fills, "touch_fills")?,
            participation_max: field(&fills, "participation_max")?,
            zero_volume_fills: field(&fills, "zero_volume_fills")?,
            displayed_size_caps: field(&fills, "displayed_size_caps")?,
            queue: read_queue(&dict(&fills, "queue")?)?,
            exact_orders: field(&fills, "exact_orders")?,
            priority: read_priority(&field::<String>(&fills, "priority")?)?,
            partial: field(&fills, "partial")?,
        },
        costs: Costs {
            half_spread_min_bps: field(&costs, "half_spread_min_bps")?,
            volatility_coefficient: field(&costs, "volatility_coefficient")?,
            volatility_half_life: field(&costs, "volatility_half_life")?,
            impact_base_bps: field(&costs, "impact_base_bps")?,
            impact_exponent: field(&costs, "impact_exponent")?,
            average_volume: field(&costs, "average_volume")?,
            average_volume_bars: field(&costs, "average_volume_bars")?,
        },
        cancel_on_pause: field(config, "cancel_on_pause")?,
        cancel_off_grid: field(config, "cancel_off_grid")?,
    })
}

fn dict<'py>(config: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyDict>> {
    let value = config.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("venue: {name} is missing")))?;
    Ok(value.cast_into::<PyDict>()?)
}

fn read_latency(latency: &Bound<'_, PyDict>) -> PyResult<Latency> {
    match field::<String>(latency, "type")?.as_str() {
        "constant" => {
            Ok(Latency::Constant { entry_ns: field(latency, "entry_ns")?, response_ns: field(latency, "response_ns")? })
        }
        "sampled" => Ok(Latency::Sampled {
            seed: field(latency, "seed")?,
            entry: read_distribution(&dict(latency, "entry")?)?,
            response: read_distribution(&dict(latency, "response")?)?,
        }),
        "recorded" => {
            let (at, entry, response): (Vec<i64>, Vec<i64>, Vec<i64>) =
                (field(latency, "at_ns")?, field(latency, "entry_ns")?, field(latency, "response_ns")?);
            if at.len() != entry.len() || at.len() != response.len() {
                return Err(PyValueError::new_err("venue.latency: at_ns, entry_ns and response_ns differ in length"));
            }
            let samples = at.iter().zip(&entry).zip(&response);
            Ok(Latency::Recorded(
                samples
                    .map(|((&at_ns, &entry_ns), &response_ns)| LatencySample { at_ns, entry_ns, response_ns })
                    .collect(),
            ))
        }
        other => Err(PyValueError::new_err(format!("venue.latency.type: {other:?} is unknown"))),
    }
}

fn read_distribution(distribution: &Bound<'_, PyDict>) -> PyResult<Distribution> {
    match field::<String>(distribution, "type")?.as_str() {
        "lognormal" => Ok(Distribution::LogNormal {
            median_ns: field(distribution, "median_ns")?,
            sigma: field(distribution, "sigma")?,
        }),
        "quantiles" => Ok(Distribution::Quantiles(field(distribution, "quantiles_ns")?)),
        other => Err(PyValueError::new_err(format!("venue.latency: distribution {other:?} is unknown"))),
    }
}

/// Which records each symbol of the series has, and whether they are of single orders.
pub fn kinds(series: &[Bound<'_, PyTuple>]) -> PyResult<Vec<(SymbolId, SourceKind, bool)>> {
    let mut kinds = Vec::new();
    for values in series {
        let kind: String = values.get_item(0)?.extract()?;
        if kind != "events" {
            kinds.push((values.get_item(1)?.extract()?, source_kind(&kind)?, kind == "book_l3"));
        }
    }
    Ok(kinds)
}
