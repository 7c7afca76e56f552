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
use node::{Cells, Memory, NO_COUNT, Node};

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
    /// Slots of the nodes that depend on this source alone: they lie side by side.
    own: (u32, u32),
    /// Slots of the nodes that depend on other sources too, in order.
    shared: Vec<u32>,
    /// The same as bits of the dirty set.
    bits: Vec<(u32, u64)>,
    feeds: bool,
}

/// A node in its place: nodes of one source lie side by side, those of several sources follow.
#[derive(Clone, Debug)]
struct Slot {
    id: u32,
    is_condition: bool,
    node: Node,
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
    slots: Vec<Slot>,
    memory: Memory,
    plans: Vec<Plan>,
    conditions: Vec<bool>,
    /// Pulses by id and, for each, slots of the stateless nodes that read it: what must be put back after the step
    /// of the event.
    settles: Vec<(u32, Vec<u32>)>,
    pulsed: bool,
    fired: Vec<u32>,
    /// The one source touched since the last `evaluate`, while it is the only one and not a trade.
    only: u32,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    trades: Vec<TradeSample>,
    dirty: Vec<u64>,
}

/// No source.
const NONE: u32 = u32::MAX;

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
            memory: Memory { counts: vec![NO_COUNT; nodes.len()], ints, floats, ..Memory::default() },
            conditions: nodes.iter().map(Node::is_condition).collect(),
            plans: vec![Plan::default(); sources],
            is_touched: vec![false; sources],
            touched: Vec::with_capacity(sources),
            fired: Vec::with_capacity(nodes.len()),
            dirty: vec![0; nodes.len().div_ceil(64)],
            only: NONE,
            ..Graph::default()
        };
        let slot_of = graph.place(nodes, specs);
        graph.plan_settling(specs, &slot_of);
        graph.fold_constants(specs, &slot_of)?;
        Ok(graph)
    }

    /// Puts each node in its slot and tells each source what it feeds; returns the slot of each node.
    fn place(&mut self, nodes: Vec<Node>, specs: &[NodeSpec]) -> Vec<u32> {
        let mut feeds: Vec<Vec<u32>> = Vec::with_capacity(nodes.len());
        for (node, spec) in nodes.iter().zip(specs) {
            let mut sources: Vec<u32> = spec.inputs.iter().flat_map(|input| feeds[*input as usize].clone()).collect();
            if let Some(source) = node.source() {
                sources.extend(kinds_of(source.field).iter().map(|kind| source_index(source.symbol, *kind) as u32));
            }
            sources.sort_unstable();
            sources.dedup();
            feeds.push(sources);
        }
        let mut order: Vec<u32> = (0..nodes.len() as u32).collect();
        order.sort_by_key(|id| match feeds[*id as usize].as_slice() {
            [source] => *source, // A stable sort: inputs stay before what reads them.
            _ => NONE,
        });
        let mut slot_of = vec![0; nodes.len()];
        let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
        for id in order {
            let Some(node) = nodes[id as usize].take() else { continue };
            let slot = self.slots.len() as u32;
            slot_of[id as usize] = slot;
            self.slots.push(Slot { id, is_condition: self.conditions[id as usize], node });
            let sources = &feeds[id as usize];
            for source in sources {
                self.plans[*source as usize].add(slot, sources.len() == 1);
            }
        }
        slot_of
    }

    /// Finds what reads crossings and changes.
    fn plan_settling(&mut self, specs: &[NodeSpec], slot_of: &[u32]) {
        for pulse in 0..specs.len() as u32 {
            if !self.slots[slot_of[pulse as usize] as usize].node.is_pulse() {
                continue;
            }
            let (mut settled, mut readers) = (vec![pulse], Vec::new());
            for (id, spec) in specs.iter().enumerate().skip(pulse as usize + 1) {
                let reads = spec.inputs.iter().any(|input| settled.contains(input));
                if reads && self.slots[slot_of[id] as usize].node.is_stateless() {
                    settled.push(id as u32);
                    readers.push(slot_of[id]);
                }
            }
            self.settles.push((pulse, readers));
        }
    }

    /// Gives constants, and what is computed of nothing else, their values for good.
    fn fold_constants(&mut self, specs: &[NodeSpec], slot_of: &[u32]) -> Result<(), String> {
        let market = Market::default();
        let mut is_fixed: Vec<bool> = Vec::with_capacity(specs.len());
        for (id, spec) in specs.iter().enumerate() {
            let node = &mut self.slots[slot_of[id] as usize].node;
            let fixed = node.source().is_none() && spec.inputs.iter().all(|input| is_fixed[*input as usize]);
            if fixed {
                if !node.is_stateless() {
                    return Err(format!("feature {id} ({}): reads nothing that changes", spec.op));
                }
                let mut cells = Cells { values: &mut self.values, memory: &mut self.memory };
                let value = node.eval(id, &mut cells, &market, &mut NoCallables);
                self.values[id] = value;
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
        if !self.plans[source].feeds || self.only == source as u32 {
            return;
        }
        if self.only == NONE && self.touched.is_empty() && kind != SourceKind::Trade {
            self.only = source as u32;
            return;
        }
        self.touch_more(source as u32, kind, &market.symbols[symbol as usize].trade);
    }

    #[inline(never)]
    fn touch_more(&mut self, source: u32, kind: SourceKind, trade: &Trade) {
        let only = std::mem::replace(&mut self.only, NONE);
        for source in [only, source] {
            if source != NONE && !std::mem::replace(&mut self.is_touched[source as usize], true) {
                self.touched.push(source);
            }
        }
        if kind == SourceKind::Trade {
            self.trades.push(TradeSample { source, price: trade.price, size: trade.size });
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
        self.memory.now_ns = market.now_ns;
        if self.only == NONE {
            return self.evaluate_many(market, callables);
        }
        let source = std::mem::replace(&mut self.only, NONE);
        self.run_own(source, market, callables);
        if !self.plans[source as usize].shared.is_empty() {
            self.run_shared(source, market, callables);
        }
        self.outcome()
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

    /// Evaluates the nodes that depend on one source alone.
    #[inline(always)]
    fn run_own(&mut self, source: u32, market: &Market, callables: &mut dyn Callables) {
        let (start, end) = self.plans[source as usize].own;
        let mut cells = Cells { values: &mut self.values, memory: &mut self.memory };
        for slot in &mut self.slots[start as usize..end as usize] {
            if run(slot, &mut cells, market, callables) {
                self.fired.push(slot.id);
                self.pulsed |= slot.node.is_pulse();
            }
        }
    }

    /// Evaluates the nodes that depend on one source and on others, when only that one has moved.
    #[inline(never)]
    fn run_shared(&mut self, source: u32, market: &Market, callables: &mut dyn Callables) {
        for index in 0..self.plans[source as usize].shared.len() {
            self.run_slot(self.plans[source as usize].shared[index], market, callables);
        }
        self.fired.sort_unstable();
    }

    fn run_slot(&mut self, slot: u32, market: &Market, callables: &mut dyn Callables) {
        let slot = &mut self.slots[slot as usize];
        let mut cells = Cells { values: &mut self.values, memory: &mut self.memory };
        if run(slot, &mut cells, market, callables) {
            self.fired.push(slot.id);
            self.pulsed |= slot.node.is_pulse();
        }
    }

    /// Evaluates a step in which nothing, several sources or trades were touched.
    #[inline(never)]
    fn evaluate_many(&mut self, market: &Market, callables: &mut dyn Callables) -> Result<(), HostError> {
        for index in 0..self.touched.len() {
            let source = self.touched[index];
            self.is_touched[source as usize] = false;
            for (word, bits) in &self.plans[source as usize].bits {
                self.dirty[*word as usize] |= bits;
            }
            if !is_trade(source) {
                self.run_own(source, market, callables);
            }
        }
        for index in 0..self.trades.len() {
            let TradeSample { source, price, size } = self.trades[index];
            self.memory.trade = (price, size);
            self.run_own(source, market, callables);
        }
        if !self.touched.is_empty() {
            for word in 0..self.dirty.len() {
                let mut bits = std::mem::take(&mut self.dirty[word]);
                while bits != 0 {
                    self.run_slot((word * 64) as u32 + bits.trailing_zeros(), market, callables);
                    bits &= bits - 1;
                }
            }
        }
        self.touched.clear();
        self.trades.clear();
        self.fired.sort_unstable();
        self.fired.dedup();
        self.outcome()
    }

    #[inline(always)]
    fn outcome(&mut self) -> Result<(), HostError> {
        if self.memory.error.0.is_none() {
            return Ok(());
        }
        self.memory.error.0.take().map_or(Ok(()), Err)
    }

    /// Puts crossings and changes of the last step back to false, and what was made of them.
    #[cold]
    fn settle(&mut self) {
        self.pulsed = false;
        let market = Market::default();
        for id in &self.fired {
            let Ok(at) = self.settles.binary_search_by_key(id, |(pulse, _)| *pulse) else { continue };
            if self.values[*id as usize] == 1.0 {
                self.values[*id as usize] = 0.0;
            }
            for reader in &self.settles[at].1 {
                let mut cells = Cells { values: &mut self.values, memory: &mut self.memory };
                run(&mut self.slots[*reader as usize], &mut cells, &market, &mut NoCallables);
            }
        }
    }
}

impl Plan {
    fn add(&mut self, slot: u32, is_own: bool) {
        self.feeds = true;
        if is_own {
            let start = if self.own.1 == 0 { slot } else { self.own.0 };
            self.own = (start, slot + 1);
            return;
        }
        self.shared.push(slot);
        let (word, bit) = (slot / 64, 1_u64 << (slot % 64));
        match self.bits.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            _ => self.bits.push((word, bit)),
        }
    }
}

/// Evaluates one node; says whether it is a condition that holds.
#[inline(always)]
fn run(slot: &mut Slot, cells: &mut Cells<'_>, market: &Market, callables: &mut dyn Callables) -> bool {
    let id = slot.id as usize;
    let value = slot.node.eval(id, cells, market, callables);
    debug_assert!(id < cells.values.len());
    // SAFETY: there is a value for each node, and slots hold ids of nodes.
    unsafe { *cells.values.get_unchecked_mut(id) = value };
    slot.is_condition && value == 1.0
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
