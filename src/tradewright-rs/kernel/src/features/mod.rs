//! The feature graph: declared once, evaluated incrementally, one array of nodes in topological order beside one
//! array of values.
//!
//! Rules (`docs/concepts/features.md`): a node is NaN until it is ready and no condition on NaN fires; bar and quote
//! sources sample once a step, after everything of that step is applied, trade sources sample every trade; a NaN
//! input is no sample.

mod build;
mod conditions;
mod exact;
mod moments;
mod node;
mod order;
mod pairs;
mod smoothing;
mod window;

use crate::event::Trade;
use crate::host::HostError;
use crate::instrument::{Instrument, SymbolId};
use crate::market::{Market, SOURCE_KINDS, SourceKind};
use build::{Builder, kinds_of};
use node::{Cells, NO_COUNT, Node};

/// One node as Python declares it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeSpec {
    /// What it computes.
    pub op: String,
    /// Earlier nodes that it reads.
    pub inputs: Vec<u32>,
    /// Real parameters.
    pub numbers: Vec<f64>,
    /// Integer parameters. A window is `[count, 0]` or `[0, span_ns]`.
    pub ints: Vec<i64>,
    /// The instrument of a source.
    pub symbol: Option<SymbolId>,
    /// Which of the host's functions it calls.
    pub callable: Option<usize>,
}

/// The host's functions that are nodes.
pub trait Callables {
    /// Calls function `callable` with the latest value of each input; none is NaN.
    fn call(&mut self, callable: usize, inputs: &[f64]) -> Result<f64, HostError>;
    /// Calls function `callable` with the window of each input, oldest first.
    fn call_window(&mut self, callable: usize, columns: &[Vec<f64>]) -> Result<f64, HostError>;
}

/// What one source (a symbol's bars, quotes or trades) feeds.
#[derive(Clone, Debug, Default)]
struct Plan {
    /// Nodes that depend on this source alone, in order.
    own: Vec<u32>,
    /// All nodes that depend on it, in order: evaluated when nothing else happened in the step.
    all: Vec<u32>,
    /// The nodes that depend on other sources too, as bits of the dirty set.
    shared: Vec<(u32, u64)>,
}

/// Which nodes to evaluate.
#[derive(Clone, Copy)]
enum Ids {
    /// All that depend on a source.
    All(u32),
    /// Those that depend on it alone.
    Own(u32),
    One(u32),
}

/// A trade waiting to be sampled.
#[derive(Clone, Copy, Debug)]
struct TradeSample {
    source: u32,
    price: i64,
    size: f64,
}

/// All nodes of all policies.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Value of each node; NaN until ready. Conditions are 1 where true and 0 where false.
    pub values: Vec<f64>,
    nodes: Vec<Node>,
    counts: Vec<i64>,
    ints: Vec<i64>,
    floats: Vec<f64>,
    conditions: Vec<bool>,
    plans: Vec<Plan>,
    /// Pulses and, for each, the stateless nodes that read it: what must be put back after the step of the event.
    settles: Vec<(u32, Vec<u32>)>,
    pulsed: bool,
    fired: Vec<u32>,
    /// The one source touched since the last `evaluate`, while it is the only one and not a trade.
    only: Option<u32>,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    trades: Vec<TradeSample>,
    dirty: Vec<u64>,
}

impl Graph {
    /// Builds the graph; an error names the node and what it lacks.
    pub fn build(specs: &[NodeSpec], instruments: &[Instrument]) -> Result<Graph, String> {
        let mut builder = Builder::default();
        for (id, spec) in specs.iter().enumerate() {
            builder.add(spec, instruments).map_err(|why| format!("feature {id} ({}): {why}", spec.op))?;
        }
        let sources = instruments.len() * SOURCE_KINDS;
        let Builder { nodes, ints, floats, .. } = builder;
        let mut graph = Graph {
            values: vec![f64::NAN; nodes.len()],
            counts: vec![NO_COUNT; nodes.len()],
            conditions: nodes.iter().map(Node::is_condition).collect(),
            plans: vec![Plan::default(); sources],
            is_touched: vec![false; sources],
            touched: Vec::with_capacity(sources),
            fired: Vec::with_capacity(nodes.len()),
            dirty: vec![0; nodes.len().div_ceil(64)],
            nodes,
            ints,
            floats,
            ..Graph::default()
        };
        graph.plan(specs);
        graph.fold_constants(specs)?;
        Ok(graph)
    }

    /// Works out which nodes each source feeds.
    fn plan(&mut self, specs: &[NodeSpec]) {
        let mut feeds: Vec<Vec<u32>> = Vec::with_capacity(specs.len());
        for (id, (spec, node)) in specs.iter().zip(&self.nodes).enumerate() {
            let mut sources: Vec<u32> = spec.inputs.iter().flat_map(|input| feeds[*input as usize].clone()).collect();
            if let Node::Source(source) = node {
                sources.extend(kinds_of(source.field).iter().map(|kind| source_index(source.symbol, *kind) as u32));
            }
            sources.sort_unstable();
            sources.dedup();
            for source in &sources {
                let plan = &mut self.plans[*source as usize];
                plan.all.push(id as u32);
                if sources.len() == 1 {
                    plan.own.push(id as u32);
                    continue;
                }
                let (word, bit) = ((id / 64) as u32, 1_u64 << (id % 64));
                match plan.shared.last_mut() {
                    Some((last, bits)) if *last == word => *bits |= bit,
                    _ => plan.shared.push((word, bit)),
                }
            }
            feeds.push(sources);
        }
        for pulse in (0..self.nodes.len() as u32).filter(|id| self.nodes[*id as usize].is_pulse()) {
            let mut readers = vec![pulse];
            for (id, spec) in specs.iter().enumerate().skip(pulse as usize + 1) {
                let reads = spec.inputs.iter().any(|input| readers.contains(input));
                if reads && self.nodes[id].is_stateless() {
                    readers.push(id as u32);
                }
            }
            readers.remove(0);
            self.settles.push((pulse, readers));
        }
    }

    /// Gives constants, and what is computed of nothing else, their values for good.
    fn fold_constants(&mut self, specs: &[NodeSpec]) -> Result<(), String> {
        let market = Market::default();
        let mut is_fixed: Vec<bool> = Vec::with_capacity(specs.len());
        for (id, spec) in specs.iter().enumerate() {
            let is_source = matches!(self.nodes[id], Node::Source(_));
            let fixed = !is_source && spec.inputs.iter().all(|input| is_fixed[*input as usize]);
            if fixed {
                if !self.nodes[id].is_stateless() {
                    return Err(format!("feature {id} ({}): reads nothing that changes", spec.op));
                }
                let mut cells = Cells {
                    values: &mut self.values,
                    counts: &mut self.counts,
                    ints: &mut [],
                    floats: &mut [],
                    now_ns: 0,
                    trade: (0, f64::NAN),
                    error: None,
                };
                self.values[id] = self.nodes[id].eval(id, &mut cells, &market, &mut NoCallables);
            }
            is_fixed.push(fixed);
        }
        Ok(())
    }

    /// A record of this source has been applied to `market`.
    ///
    /// Nodes are evaluated in [`Graph::evaluate`]; of a trade, price and size are kept for it.
    #[inline]
    pub fn touch(&mut self, symbol: SymbolId, kind: SourceKind, market: &Market) {
        let source = source_index(symbol, kind);
        if self.plans[source].all.is_empty() {
            return;
        }
        if self.only == Some(source as u32) {
            return;
        }
        if self.only.is_none() && self.touched.is_empty() && kind != SourceKind::Trade {
            self.only = Some(source as u32);
            return;
        }
        self.touch_more(source, kind, &market.symbols[symbol as usize].trade);
    }

    #[inline(never)]
    fn touch_more(&mut self, source: usize, kind: SourceKind, trade: &Trade) {
        for source in self.only.take().into_iter().chain([source as u32]) {
            if !std::mem::replace(&mut self.is_touched[source as usize], true) {
                self.touched.push(source);
            }
        }
        if kind == SourceKind::Trade {
            self.trades.push(TradeSample { source: source as u32, price: trade.price, size: trade.size });
        }
    }

    /// Evaluates what the touched sources feed: bars and quotes once, trades one by one, then each node that depends
    /// on several sources once. Conditions that are true then are in [`Graph::fired`].
    #[inline]
    pub fn evaluate(&mut self, market: &Market, callables: &mut dyn Callables) -> Result<(), HostError> {
        if self.pulsed {
            self.settle();
        }
        self.fired.clear();
        if let Some(source) = self.only.take() {
            return self.run(Ids::All(source), (0, f64::NAN), market, callables);
        }
        match (self.touched.as_slice(), self.trades.as_slice()) {
            ([], _) => Ok(()),
            (&[source], &[trade]) => {
                self.is_touched[source as usize] = false;
                self.touched.clear();
                self.trades.clear();
                self.run(Ids::All(source), (trade.price, trade.size), market, callables)
            }
            _ => self.evaluate_many(market, callables),
        }
    }

    /// The conditions that were true when they were evaluated in the latest `evaluate`, ascending.
    #[inline]
    pub fn fired(&self) -> &[u32] {
        &self.fired
    }

    /// Whether a node is a condition, and so may wake.
    #[inline]
    pub fn is_condition(&self, node: u32) -> bool {
        self.conditions.get(node as usize).copied().unwrap_or(false)
    }

    /// Evaluates nodes in order.
    #[inline(always)]
    fn run(
        &mut self,
        ids: Ids,
        trade: (i64, f64),
        market: &Market,
        callables: &mut dyn Callables,
    ) -> Result<(), HostError> {
        let one;
        let ids = match ids {
            Ids::All(source) => self.plans[source as usize].all.as_slice(),
            Ids::Own(source) => self.plans[source as usize].own.as_slice(),
            Ids::One(id) => {
                one = [id];
                &one
            }
        };
        let mut cells = Cells {
            values: &mut self.values,
            counts: &mut self.counts,
            ints: &mut self.ints,
            floats: &mut self.floats,
            now_ns: market.now_ns,
            trade,
            error: None,
        };
        for id in ids {
            let id = *id as usize;
            debug_assert!(id < self.nodes.len() && id < cells.values.len());
            // SAFETY: plans hold ids of nodes only, and there is a value for each node.
            let (node, slot) = unsafe { (self.nodes.get_unchecked_mut(id), id) };
            let value = node.eval(id, &mut cells, market, callables);
            // SAFETY: as above.
            unsafe { *cells.values.get_unchecked_mut(slot) = value };
            if value == 1.0 && self.conditions[id] {
                self.fired.push(id as u32);
                self.pulsed |= self.nodes[id].is_pulse();
            }
        }
        cells.error.map_or(Ok(()), Err)
    }

    #[inline(never)]
    fn evaluate_many(&mut self, market: &Market, callables: &mut dyn Callables) -> Result<(), HostError> {
        let mut touched = std::mem::take(&mut self.touched);
        let mut trades = std::mem::take(&mut self.trades);
        for source in &touched {
            self.is_touched[*source as usize] = false;
            for (word, bits) in &self.plans[*source as usize].shared {
                self.dirty[*word as usize] |= bits;
            }
        }
        let result = self.sample(&touched, &trades, market, callables);
        touched.clear();
        trades.clear();
        (self.touched, self.trades) = (touched, trades);
        self.fired.sort_unstable();
        self.fired.dedup();
        result
    }

    fn sample(
        &mut self,
        touched: &[u32],
        trades: &[TradeSample],
        market: &Market,
        callables: &mut dyn Callables,
    ) -> Result<(), HostError> {
        for source in touched.iter().filter(|source| !is_trade(**source)) {
            self.run(Ids::Own(*source), (0, f64::NAN), market, callables)?;
        }
        for trade in trades {
            self.run(Ids::Own(trade.source), (trade.price, trade.size), market, callables)?;
        }
        for word in 0..self.dirty.len() {
            let mut bits = std::mem::take(&mut self.dirty[word]);
            while bits != 0 {
                let id = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                self.run(Ids::One(id as u32), (0, f64::NAN), market, callables)?;
            }
        }
        Ok(())
    }

    /// Puts crossings and changes of the last step back to false, and what was made of them.
    #[cold]
    fn settle(&mut self) {
        self.pulsed = false;
        let market = Market::default();
        let mut cells = Cells {
            values: &mut self.values,
            counts: &mut self.counts,
            ints: &mut [],
            floats: &mut [],
            now_ns: 0,
            trade: (0, f64::NAN),
            error: None,
        };
        for id in &self.fired {
            let Ok(at) = self.settles.binary_search_by_key(id, |(pulse, _)| *pulse) else { continue };
            if cells.values[*id as usize] == 1.0 {
                cells.values[*id as usize] = 0.0;
            }
            for reader in &self.settles[at].1 {
                let reader = *reader as usize;
                cells.values[reader] = self.nodes[reader].eval(reader, &mut cells, &market, &mut NoCallables);
            }
        }
    }
}

#[inline(always)]
fn source_index(symbol: SymbolId, kind: SourceKind) -> usize {
    symbol as usize * SOURCE_KINDS + kind as usize
}

#[inline(always)]
fn is_trade(source: u32) -> bool {
    source as usize % SOURCE_KINDS == SourceKind::Trade as usize
}

/// For graphs without functions of the host's.
#[derive(Clone, Copy, Debug)]
pub struct NoCallables;

impl Callables for NoCallables {
    fn call(&mut self, _: usize, _: &[f64]) -> Result<f64, HostError> {
        Ok(f64::NAN)
    }

    fn call_window(&mut self, _: usize, _: &[Vec<f64>]) -> Result<f64, HostError> {
        Ok(f64::NAN)
    }
}

#[cfg(test)]
mod tests;
