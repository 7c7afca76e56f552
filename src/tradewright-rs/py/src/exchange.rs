//! A kernel run in generated markets, which its orders enter.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use tradewright_kernel::feed::Feed;
use tradewright_kernel::flow::{Exchange, Exchanges, run};
use tradewright_kernel::instrument::SymbolId;

use crate::errors::run_error;
use crate::feed;
use crate::flow::{Generated, Spec};
use crate::kernel::Kernel;
use crate::venue;

/// Runs a kernel in generated markets, one for each of its instruments, in their order.
///
/// Returns whether their end was reached, how many orders they could not take, and each market as
/// `generate_flow` returns it. `pulse(rows, now_ns)` shows progress; `events` are cash events beside the markets.
#[pyfunction]
#[pyo3(signature = (kernel, flows, venue, events, pulse=None))]
pub fn run_exchanges<'py>(
    py: Python<'py>,
    kernel: &mut Kernel,
    flows: Vec<Bound<'py, PyDict>>,
    venue: &Bound<'py, PyDict>,
    events: Bound<'py, PyList>,
    pulse: Option<Bound<'py, PyAny>>,
) -> PyResult<(bool, u64, Vec<Generated<'py>>)> {
    kernel.check_sound()?;
    let config = venue::read(venue)?;
    let specs = flows.iter().map(Spec::read).collect::<PyResult<Vec<_>>>()?;
    let instruments = &kernel.inner.state.market.instruments;
    let mut listed = Vec::new();
    for (spec, instrument) in specs.iter().zip(instruments) {
        let (latency, decision_ns) = (config.latency.clone(), config.decision_ns);
        let market = spec.market()?;
        listed.push(Exchange::new(market, instrument.clone(), spec.tick_units, spec.end_ns(), latency, decision_ns));
    }
    let mut exchanges = Exchanges::new(listed);
    let held = [feed::hold(&PyTuple::new(py, [("events").into_pyobject(py)?.into_any(), events.into_any()])?)?];
    let mut beside = Feed::new();
    if let Err(error) = feed::add_all(&mut beside, &held, instruments)? {
        return Err(feed::feed_error(py, error, &["events".to_owned()]));
    }
    let ended = kernel.run_with(py, pulse, |kernel, host| run(kernel, &mut exchanges, &mut beside, host))?;
    let finished = ended.map_err(|error| run_error(py, error, &["events".to_owned()]))?;
    kernel.notes = exchanges.fill_notes().to_vec();
    kernel.added = Some(Vec::new()); // The book's own prices: nothing is added to them.
    kernel.shifts = vec![0.0; specs.len()];
    let mut generated = Vec::new();
    for (symbol, spec) in specs.iter().enumerate() {
        let symbol = symbol as SymbolId;
        generated.push(spec.generated(py, exchanges.market(symbol), exchanges.tape(symbol))?);
    }
    Ok((finished, exchanges.unsupported(), generated))
}
