//! What a run did, as columns for data frames: numbers as arrays, names as indices.

use std::array::from_fn;

use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tradewright_kernel::instrument::{Instrument, SymbolId};
use tradewright_kernel::kernel::Kernel;
use tradewright_kernel::ledger::EntryKind;
use tradewright_kernel::num::cash_to_f64;
use tradewright_kernel::order::{Fill, Liquidity, Origin, Reason, Side};
use tradewright_kernel::venue::{AddedCost, FillNote, NO_MID};

use crate::names::Names;
use crate::values::{status_name, stop_of, tif_name, type_name};

/// Times of refused or missing values.
const NO_TIME: i64 = i64::MIN;

/// All orders, refused ones too.
pub fn orders<'py>(py: Python<'py>, kernel: &Kernel, names: &Names) -> PyResult<Bound<'py, PyDict>> {
    let states = &kernel.state.orders.states;
    let instruments = &kernel.state.market.instruments;
    let with = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..states.len()).map(of).collect() };
    let instrument = |at: usize| &instruments[states[at].order.symbol as usize];
    let columns = PyDict::new(py);
    columns.set_item("run", &names.run)?;
    columns.set_item("policy", ints(py, states.iter().map(|state| i64::from(state.order.policy))))?;
    columns.set_item("symbol", ints(py, states.iter().map(|state| i64::from(state.order.symbol))))?;
    columns.set_item("side", ints(py, states.iter().map(|state| state.order.side as i64)))?;
    columns.set_item("type", states.iter().map(|state| type_name(state.order.kind)).collect::<Vec<_>>())?;
    columns.set_item("tif", states.iter().map(|state| tif_name(state.order.tif)).collect::<Vec<_>>())?;
    columns.set_item("size", with(&|at| instrument(at).size(states[at].order.lots)).into_pyarray(py))?;
    let limit = |at: usize| states[at].order.kind.limit().map_or(f64::NAN, |limit| instrument(at).price(limit));
    columns.set_item("price", with(&limit).into_pyarray(py))?;
    let stop = |at: usize| stop_of(states[at].order.kind).map_or(f64::NAN, |stop| instrument(at).price(stop));
    columns.set_item("stop_price", with(&stop).into_pyarray(py))?;
    columns.set_item("status", states.iter().map(|state| status_name(state.status)).collect::<Vec<_>>())?;
    columns.set_item("filled_size", with(&|at| instrument(at).size(states[at].filled_lots)).into_pyarray(py))?;
    let average = |at: usize| match states[at].filled_lots {
        0 => f64::NAN,
        lots => states[at].filled_price_lots as f64 / lots as f64 * instrument(at).price_unit.to_f64(),
    };
    columns.set_item("average_price", with(&average).into_pyarray(py))?;
    columns.set_item("fee", with(&|at| cash_to_f64(states[at].fees)).into_pyarray(py))?;
    columns.set_item("reason", states.iter().map(|state| state.reason.name()).collect::<Vec<_>>())?;
    let mut details = vec![String::new(); states.len()];
    let mut repeats = vec![0_i64; states.len()];
    for (order, refusal) in &kernel.refusals {
        let mut parts = Vec::new();
        if refusal.value.is_finite() && refusal.limit.is_finite() {
            parts.push(format!("{} against a limit of {}", refusal.value, refusal.limit));
        } else if refusal.value.is_finite() {
            parts.push(format!("{}", refusal.value));
        }
        if !refusal.text.is_empty() {
            parts.push(refusal.text.clone());
        }
        if refusal.reason == Reason::None {
            continue;
        }
        parts.push(tradewright_kernel::gate::remedy(refusal.reason).to_owned());
        details[*order as usize] = parts.join("; ");
        repeats[*order as usize] += refusal.repeats as i64;
    }
    for (order, shrunk) in &kernel.shrinks {
        let asked = instrument(*order as usize).size(shrunk.asked_lots);
        let text = format!("{} made it smaller: {asked} was asked for", shrunk.manager);
        let detail = &mut details[*order as usize];
        *detail = if detail.is_empty() { text } else { format!("{text}; {detail}") };
    }
    columns.set_item("repeats", repeats.into_pyarray(py))?;
    for (detail, _) in details.iter_mut().zip(states).filter(|(_, state)| state.irregular) {
        let flag = "a fill came after its end or beyond its size, and was booked";
        *detail = if detail.is_empty() { flag.to_owned() } else { format!("{detail}; {flag}") };
    }
    columns.set_item("detail", details)?;
    let origin = |origin: Origin| match origin {
        Origin::Position => "target_position",
        Origin::Quotes => "target_quotes",
        Origin::Submit => "submit",
        Origin::Liquidation => "liquidation",
    };
    columns.set_item("intent", states.iter().map(|state| origin(state.origin)).collect::<Vec<_>>())?;
    let decided = |at: usize| states[at].decided_limit.map_or(f64::NAN, |limit| instrument(at).price(limit));
    columns.set_item("price_decided", with(&decided).into_pyarray(py))?;
    let decided = |at: usize| instrument(at).size(states[at].decided_lots);
    columns.set_item("size_decided", with(&decided).into_pyarray(py))?;
    columns.set_item("decided_ns", ints(py, states.iter().map(|state| state.order.decided_ns)))?;
    columns.set_item("updated_ns", ints(py, states.iter().map(|state| state.updated_ns)))?;
    Ok(columns)
}

fn ints<'py>(py: Python<'py>, values: impl Iterator<Item = i64>) -> Bound<'py, PyArray1<i64>> {
    values.collect::<Vec<i64>>().into_pyarray(py)
}

fn floats<'py>(py: Python<'py>, values: impl Iterator<Item = f64>) -> Bound<'py, PyArray1<f64>> {
    values.collect::<Vec<f64>>().into_pyarray(py)
}

/// All fills, in order of booking.
pub fn fills<'py>(
    py: Python<'py>,
    kernel: &Kernel,
    names: &Names,
    notes: &[FillNote],
    added: Option<&[AddedCost]>,
) -> PyResult<Bound<'py, PyDict>> {
    const FLOATS: [&str; 10] =
        ["size", "price", "value", "fee", "realised_pnl", "position", "mid", "queue_ahead", "half_spread", "impact"];
    const INTS: [&str; 8] = ["order", "policy", "symbol", "side", "currency", "is_maker", "ts_event_ns", "ts_recv_ns"];
    let count = kernel.fills.len();
    let mut floats: [Vec<f64>; FLOATS.len()] = from_fn(|_| Vec::with_capacity(count));
    let mut ints: [Vec<i64>; INTS.len()] = from_fn(|_| Vec::with_capacity(count));
    // One pass: fills and orders are wide, and twenty passes would fetch each of them twenty times.
    for row in &kernel.fills {
        let order = &kernel.state.orders.states[row.order as usize].order;
        let instrument = &kernel.state.market.instruments[order.symbol as usize];
        let fill = &row.fill;
        // Only the simulated venue notes what it saw; its fill ids count from 1.
        let note = notes.get(fill.fill_id.wrapping_sub(1) as usize);
        let mid = note.filter(|note| note.mid_x2 != NO_MID).map(|note| instrument.price_x2(note.mid_x2));
        let ahead = note.map(|note| note.ahead_lots * instrument.lot_size.to_f64());
        let cost = added_value(instrument, order.side, fill, added).map(|cost| cost.map(cash_to_f64));
        let numbers = [
            instrument.size(fill.lots),
            instrument.price(fill.price),
            cash_to_f64(instrument.value(fill.price, fill.lots).abs()),
            cash_to_f64(fill.fee),
            cash_to_f64(row.realised),
            instrument.size(row.position_lots),
            mid.unwrap_or(f64::NAN),
            ahead.unwrap_or(f64::NAN),
            cost.map_or(f64::NAN, |cost| cost[0]),
            cost.map_or(f64::NAN, |cost| cost[1]),
        ];
        let counts = [
            i64::from(row.order),
            i64::from(order.policy),
            i64::from(order.symbol),
            order.side as i64,
            i64::from(instrument.currency),
            i64::from(fill.liquidity == Liquidity::Maker),
            row.ts_event_ns,
            row.ts_recv_ns,
        ];
        floats.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
        ints.iter_mut().zip(counts).for_each(|(column, count)| column.push(count));
    }
    let columns = PyDict::new(py);
    columns.set_item("run", &names.run)?;
    let ids: Vec<u64> = kernel.fills.iter().map(|row| row.fill.fill_id).collect();
    columns.set_item("fill_id", ids.into_pyarray(py))?;
    for (name, column) in FLOATS.into_iter().zip(floats) {
        columns.set_item(name, column.into_pyarray(py))?;
    }
    for (name, column) in INTS.into_iter().zip(ints) {
        columns.set_item(name, column.into_pyarray(py))?;
    }
    Ok(columns)
}

/// What half-spread and impact cost a fill, in 10⁻¹² of its currency; `None` where nobody knows.
fn added_value(instrument: &Instrument, side: Side, fill: &Fill, added: Option<&[AddedCost]>) -> Option<[i128; 2]> {
    let added = added?;
    let Ok(at) = added.binary_search_by_key(&fill.fill_id, |cost| cost.fill_id) else { return Some([0, 0]) };
    let AddedCost { spread, impact, .. } = added[at];
    let without_impact = fill.price - side.sign() * impact;
    let value = |price| instrument.value(price, fill.lots);
    let recorded = value(without_impact - side.sign() * spread);
    Some([(value(without_impact) - recorded).abs(), (value(fill.price) - value(without_impact)).abs()])
}

/// What each owner made of each instrument that it traded: sums of the ledger's entries, in 10⁻¹² of the currency.
pub fn ledger<'py>(py: Python<'py>, kernel: &Kernel, added: Option<&[AddedCost]>) -> PyResult<Bound<'py, PyDict>> {
    let ledger = &kernel.state.ledger;
    let count = ledger.symbol_count();
    let owners = usize::from(ledger.unattributed()) + 1;
    let mut sums = vec![[0_i128; 6]; owners * count];
    let mut is_seen = vec![false; owners * count];
    for entry in ledger.entries().iter().filter(|entry| !entry.is_reversed) {
        let slot = usize::from(entry.policy) * count + entry.symbol as usize;
        let [realised, fees, flows, borrow, spread, impact] = &mut sums[slot];
        is_seen[slot] = true;
        *realised += entry.realised;
        match entry.kind {
            EntryKind::Fill { fill_id } => {
                *fees += entry.amount;
                let fill = Fill {
                    fill_id,
                    price: entry.price,
                    lots: entry.lots.abs(),
                    fee: entry.amount,
                    liquidity: Liquidity::Taker,
                };
                let instrument = &kernel.state.market.instruments[entry.symbol as usize];
                if let Some(cost) = added_value(instrument, Side::of(entry.lots), &fill, added) {
                    *spread += cost[0];
                    *impact += cost[1];
                }
            }
            EntryKind::Dividend | EntryKind::Funding => *flows += entry.amount,
            EntryKind::Borrow => {
                *flows += entry.amount;
                *borrow -= entry.amount;
            }
            EntryKind::Split { .. } | EntryKind::Settlement | EntryKind::Refund => {}
        }
    }
    let slots: Vec<usize> = (0..sums.len()).filter(|&slot| is_seen[slot]).collect();
    let held = |slot: usize| ledger.position((slot / count) as u16, (slot % count) as SymbolId);
    let money = |of: &dyn Fn(usize) -> i128| slots.iter().map(|&slot| of(slot)).collect::<Vec<i128>>();
    let currency = |slot: usize| i64::from(kernel.state.market.instruments[slot % count].currency);
    let columns = PyDict::new(py);
    columns.set_item("policy", ints(py, slots.iter().map(|slot| (slot / count) as i64)))?;
    columns.set_item("symbol", ints(py, slots.iter().map(|slot| (slot % count) as i64)))?;
    columns.set_item("currency", ints(py, slots.iter().map(|&slot| currency(slot))))?;
    columns.set_item("realised_e12", money(&|slot| sums[slot][0]))?;
    columns.set_item("unrealised_e12", money(&|slot| held(slot).unrealised()))?;
    columns.set_item("fees_e12", money(&|slot| sums[slot][1]))?;
    columns.set_item("cash_flows_e12", money(&|slot| sums[slot][2]))?;
    columns.set_item("borrow_e12", money(&|slot| sums[slot][3]))?;
    if added.is_some() {
        columns.set_item("half_spread_e12", money(&|slot| sums[slot][4]))?;
        columns.set_item("impact_e12", money(&|slot| sums[slot][5]))?;
    }
    Ok(columns)
}

/// What each owner held after each change: fills, settlements, refunds and splits, in order of booking.
pub fn positions<'py>(py: Python<'py>, kernel: &Kernel) -> PyResult<Bound<'py, PyDict>> {
    let event = |kind: EntryKind| match kind {
        EntryKind::Fill { .. } => Some((0, 1, 1)),
        EntryKind::Settlement => Some((1, 1, 1)),
        EntryKind::Refund => Some((2, 1, 1)),
        EntryKind::Split { numerator, denominator } => Some((3, numerator, denominator)),
        EntryKind::Dividend | EntryKind::Funding | EntryKind::Borrow => None,
    };
    let entries = kernel.state.ledger.entries().iter().filter(|entry| !entry.is_reversed);
    let rows: Vec<_> = entries.filter_map(|entry| event(entry.kind).map(|event| (entry, event))).collect();
    let instruments = &kernel.state.market.instruments;
    let size = |symbol: SymbolId, lots: i64| instruments[symbol as usize].size(lots);
    let columns = PyDict::new(py);
    columns.set_item("policy", ints(py, rows.iter().map(|(entry, _)| i64::from(entry.policy))))?;
    columns.set_item("symbol", ints(py, rows.iter().map(|(entry, _)| i64::from(entry.symbol))))?;
    columns.set_item("at_ns", ints(py, rows.iter().map(|(entry, _)| entry.ts_event_ns)))?;
    columns.set_item("size", floats(py, rows.iter().map(|(entry, _)| size(entry.symbol, entry.lots_after))))?;
    columns.set_item("event", ints(py, rows.iter().map(|(_, event)| event.0)))?;
    columns.set_item("numerator", ints(py, rows.iter().map(|(_, event)| event.1)))?;
    columns.set_item("denominator", ints(py, rows.iter().map(|(_, event)| event.2)))?;
    Ok(columns)
}

/// Amendments that were sent, in that order.
pub fn amendments<'py>(py: Python<'py>, kernel: &Kernel, names: &Names) -> PyResult<Bound<'py, PyDict>> {
    let rows = &kernel.amendments;
    let order = |at: usize| &kernel.state.orders.states[rows[at].order as usize].order;
    let instrument = |at: usize| &kernel.state.market.instruments[order(at).symbol as usize];
    let all = || 0..rows.len();
    let columns = PyDict::new(py);
    columns.set_item("run", &names.run)?;
    columns.set_item("order", ints(py, rows.iter().map(|row| i64::from(row.order))))?;
    columns.set_item("policy", ints(py, all().map(|at| i64::from(order(at).policy))))?;
    columns.set_item("symbol", ints(py, all().map(|at| i64::from(order(at).symbol))))?;
    columns.set_item("side", ints(py, all().map(|at| order(at).side as i64)))?;
    columns.set_item("size", floats(py, all().map(|at| instrument(at).size(rows[at].lots))))?;
    let limit = |at: usize| order(at).kind.limit().map_or(f64::NAN, |_| instrument(at).price(rows[at].limit));
    columns.set_item("price", floats(py, all().map(limit)))?;
    columns.set_item("answer", ints(py, rows.iter().map(|row| row.answer as i64)))?;
    columns.set_item("decided_ns", ints(py, rows.iter().map(|row| row.decided_ns)))?;
    columns.set_item("answered_ns", ints(py, rows.iter().map(|row| row.answered_ns)))?;
    Ok(columns)
}

/// Money put in or taken out, in the account's currency.
pub fn flows<'py>(py: Python<'py>, kernel: &Kernel) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    columns.set_item("at_ns", ints(py, kernel.flows.iter().map(|flow| flow.0)))?;
    columns.set_item("amount", floats(py, kernel.flows.iter().map(|flow| cash_to_f64(flow.1))))?;
    Ok(columns)
}

/// Round trips from flat to flat, open ones last.
pub fn round_trips<'py>(py: Python<'py>, kernel: &Kernel) -> PyResult<Bound<'py, PyDict>> {
    let trips = kernel.state.ledger.trips();
    let instrument = |at: usize| &kernel.state.market.instruments[trips[at].symbol as usize];
    let rows = || 0..trips.len();
    let average = |at: usize, price_lots: i128, lots: i64| match lots {
        0 => f64::NAN,
        lots => price_lots as f64 / lots as f64 * instrument(at).price_unit.to_f64(),
    };
    let columns = PyDict::new(py);
    columns.set_item("policy", ints(py, trips.iter().map(|trip| i64::from(trip.policy))))?;
    columns.set_item("symbol", ints(py, trips.iter().map(|trip| i64::from(trip.symbol))))?;
    columns.set_item("direction", ints(py, trips.iter().map(|trip| i64::from(trip.direction))))?;
    columns.set_item("size", floats(py, rows().map(|at| instrument(at).size(trips[at].size_max_lots))))?;
    columns.set_item("entry_ns", ints(py, trips.iter().map(|trip| trip.entry_ns)))?;
    columns.set_item("exit_ns", ints(py, trips.iter().map(|trip| trip.exit_ns.unwrap_or(NO_TIME))))?;
    let entry = |at: usize| average(at, trips[at].entry_price_lots, trips[at].entry_lots);
    columns.set_item("entry_price", floats(py, rows().map(entry)))?;
    let exit = |at: usize| average(at, trips[at].exit_price_lots, trips[at].exit_lots);
    columns.set_item("exit_price", floats(py, rows().map(exit)))?;
    columns.set_item("pnl", floats(py, trips.iter().map(|trip| cash_to_f64(trip.pnl()))))?;
    columns.set_item("fees", floats(py, trips.iter().map(|trip| cash_to_f64(trip.fees))))?;
    columns.set_item("mae", floats(py, trips.iter().map(|trip| cash_to_f64(trip.mae))))?;
    columns.set_item("mfe", floats(py, trips.iter().map(|trip| cash_to_f64(trip.mfe))))?;
    Ok(columns)
}

/// Times and equity, handed to numpy without a copy.
pub struct EquityCurve {
    at_ns: Py<PyArray1<i64>>,
    equity: Py<PyArray1<f64>>,
}

/// The equity curve so far. The points move from the kernel into `kept`; later ones are appended when asked for again.
pub fn equity<'py>(
    py: Python<'py>,
    kernel: &mut Kernel,
    kept: &mut Option<EquityCurve>,
) -> PyResult<Bound<'py, PyDict>> {
    let (mut at_ns, mut equity) = (std::mem::take(&mut kernel.equity_ns), std::mem::take(&mut kernel.equity));
    let curve = match kept.take() {
        Some(curve) if at_ns.is_empty() => curve,
        earlier => {
            if let Some(earlier) = earlier {
                let (first_ns, first) = (earlier.at_ns.bind(py).to_vec()?, earlier.equity.bind(py).to_vec()?);
                at_ns.splice(0..0, first_ns);
                equity.splice(0..0, first);
            }
            EquityCurve { at_ns: at_ns.into_pyarray(py).unbind(), equity: equity.into_pyarray(py).unbind() }
        }
    };
    let columns = PyDict::new(py);
    columns.set_item("at_ns", curve.at_ns.bind(py))?;
    columns.set_item("equity", curve.equity.bind(py))?;
    *kept = Some(curve);
    Ok(columns)
}
