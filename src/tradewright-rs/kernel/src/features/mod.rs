//! The feature graph: declared once, evaluated incrementally, one array of nodes in topological order beside one
//! array of values.
//!
//! Rules (`docs/concepts/features.md`): a node is NaN until it is ready and no condition on NaN fires; bar and quote
//! sources sample once a step, after everything of that step is applied, trade sources sample every trade; a NaN
//! input is no sample.

mod ahead;
mod build;
mod conditions;
mod eval;
mod exact;
mod flow;
mod group;
mod layout;
mod moments;
mod node;
mod order;
mod pairs;
mod smoothing;
mod source;
mod window;

use crate::event::{Rows, Trade};
use crate::host::HostError;
use crate::instrument::{Instrument, SymbolId};
use crate::market::{Market, SOURCE_KINDS, SourceKind};
use ahead::{Ahead, Feeds};
use build::Builder;
use group::Group;
use layout::settles;
use node::{Memory, Node};

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

/// A node in its group; its place there is its column.
#[derive(Clone, Debug)]
struct NodeSlot {
    id: u32,
    is_condition: bool,
    node: Node,
}

/// What one source (a symbol's bars, quotes or trades) feeds beside the nodes that depend on it alone.
#[derive(Clone, Debug, Default)]
struct Plan {
    /// Columns of the shared nodes that depend on it, in order.
    shared: Vec<u32>,
    /// The same as bits of the dirty set.
    bits: Vec<(u32, u64)>,
    /// Own columns that shared nodes read, and the shared columns that they are copied to.
    exports: Vec<(u32, u32)>,
}

/// Where a node stands: a group and a column.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    group: u32,
    column: u32,
}

/// All nodes of all policies.
#[derive(Clone, Debug)]
pub struct Graph {
    /// By source: the nodes that depend on it alone. Behind them the shared nodes, and those that never change.
    groups: Vec<Group>,
    plans: Vec<Plan>,
    feeds: Vec<Feeds>,
    /// By group.
    ahead: Vec<Ahead>,
    places: Vec<Place>,
    memory: Memory,
    conditions: Vec<bool>,
    pulses: Vec<bool>,
    /// Pulses by id and, for each, the stateless nodes that read it: what must be put back after the step of the
    /// event.
    settles: Vec<(u32, Vec<u32>)>,
    pulsed: bool,
    fired: Vec<u32>,
    /// The one source touched since the last `evaluate`, while it is the only one and not a trade.
    only: u32,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    /// Trades since the last `evaluate`: each is a sample.
    trades: Vec<(u32, Trade)>,
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
            groups: Vec::with_capacity(sources + 2),
            plans: vec![Plan::default(); sources],
            feeds: vec![Feeds::None; sources],
            ahead: vec![Ahead::default(); sources + 2],
            places: vec![Place::default(); nodes.len()],
            memory: Memory { ints, floats, ..Memory::default() },
            conditions: nodes.iter().map(Node::is_condition).collect(),
            pulses: nodes.iter().map(Node::is_pulse).collect(),
            settles: settles(&nodes, specs),
            pulsed: false,
            fired: Vec::with_capacity(nodes.len()),
            only: NONE,
            touched: Vec::with_capacity(sources),
            is_touched: vec![false; sources],
            trades: Vec::new(),
            dirty: vec![0; nodes.len().div_ceil(64)],
        };
        graph.place(nodes, specs)?;
        Ok(graph)
    }

    /// The value of a node now; NaN until ready. Conditions are 1 where true and 0 where false.
    #[inline]
    pub fn value(&self, node: u32) -> f64 {
        let Place { group, column } = self.places[node as usize];
        self.groups[group as usize].value_ahead(column, self.ahead[group as usize].passed as usize)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A record of this source has been applied to `market`.
    ///
    /// Nodes are evaluated in [`Graph::evaluate`]; a trade is kept for it.
    #[inline]
    pub fn touch(&mut self, symbol: SymbolId, kind: SourceKind, market: &Market) {
        let source = source_index(symbol, kind);
        if self.feeds[source] == Feeds::None || self.only == source as u32 {
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
            self.trades.push((source, *trade));
        }
    }

    /// Computes the samples of rows that will be handed out next, if the source's nodes may run ahead.
    ///
    /// `times_ns` are the rows' receive times and the one behind them: bars and quotes of one time are one sample, and
    /// `is_strict` says that there are none.
    /// Every later [`Graph::touch`] of the source must be for these rows, in order.
    pub fn foresee(&mut self, symbol: SymbolId, rows: Rows<'_>, times_ns: &[i64], is_strict: bool) {
        let kind = match rows {
            Rows::Bars(_) => SourceKind::Bar,
            Rows::Quotes(_) => SourceKind::Quote,
            Rows::Trades(_) => SourceKind::Trade,
            Rows::Book(_) => return, // What a row makes of the book is known once it is applied.
        };
        let source = source_index(symbol, kind);
        if self.feeds[source] == Feeds::None || !self.groups[source].is_native() {
            return;
        }
        self.catch_up(source as u32);
        let group = &mut self.groups[source];
        let mut start = 0;
        while start < rows.len() {
            // Rows up to the next one that others of its time follow.
            let followed = |row: &usize| times_ns[*row] == times_ns[*row + 1];
            let is_each = is_strict || kind == SourceKind::Trade;
            let end = if is_each { None } else { (start..rows.len()).find(followed) }.unwrap_or(rows.len());
            if end > start {
                group.compute(rows.slice(start..end), &times_ns[start..end], &mut self.memory, &mut NoCallables);
            }
            start = end + 1;
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
        self.sample(source, market, callables);
        if self.feeds[source as usize] == Feeds::Shared {
            self.export(source);
            for index in 0..self.plans[source as usize].shared.len() {
                self.run_shared(self.plans[source as usize].shared[index], market, callables);
            }
            self.fired.sort_unstable();
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

    /// Moves the nodes of one source on to its next sample: computed before, or now of the latest record.
    #[inline]
    fn sample(&mut self, source: u32, market: &Market, callables: &mut dyn Callables) {
        if self.passes(source) {
            return;
        }
        if !self.groups[source as usize].has_next() {
            let state = &market.symbols[source as usize / SOURCE_KINDS];
            let rows = match source as usize % SOURCE_KINDS {
                0 => Rows::Bars(std::slice::from_ref(&state.bar)),
                1 => Rows::Quotes(std::slice::from_ref(&state.quote)),
                _ => return self.sample_book(source, market, callables),
            };
            self.compute_one(source, rows, callables);
        }
        self.show_next(source);
    }

    /// Nodes over a book read it as it stands.
    #[inline(never)]
    fn sample_book(&mut self, source: u32, market: &Market, callables: &mut dyn Callables) {
        self.groups[source as usize].compute_latest(market, &mut self.memory, callables);
        self.show_next(source);
    }

    #[inline(never)]
    fn compute_one(&mut self, source: u32, rows: Rows<'_>, callables: &mut dyn Callables) {
        let now_ns = [self.memory.now_ns];
        self.groups[source as usize].compute(rows, &now_ns, &mut self.memory, callables);
    }

    #[inline]
    fn show_next(&mut self, source: u32) {
        let group = &mut self.groups[source as usize];
        let fires = group.show_next();
        if self.feeds[source as usize] == Feeds::Own {
            self.ahead[source as usize].left = group.quiet_samples(0) as u32;
        }
        if fires {
            self.note_fired(source);
        }
    }

    fn note_fired(&mut self, source: u32) {
        let group = &self.groups[source as usize];
        for (column, slot) in group.slots.iter().enumerate() {
            if slot.is_condition && group.value(column as u32) == 1.0 {
                self.fired.push(slot.id);
                self.pulsed |= self.pulses[slot.id as usize];
            }
        }
    }

    /// Copies what shared nodes read of a source.
    fn export(&mut self, source: u32) {
        let (own, others) = self.groups.split_at_mut(self.plans.len());
        for &(from, to) in &self.plans[source as usize].exports {
            others[0].import(to, &own[source as usize], from);
        }
    }

    fn run_shared(&mut self, column: u32, market: &Market, callables: &mut dyn Callables) {
        let group = &mut self.groups[self.plans.len()];
        let value = group.eval(column, market, &mut self.memory, callables);
        let slot = &group.slots[column as usize];
        if slot.is_condition && value == 1.0 {
            self.fired.push(slot.id);
            self.pulsed |= self.pulses[slot.id as usize];
        }
    }

    /// Evaluates a step in which nothing, several sources or trades were touched.
    #[inline(never)]
    fn evaluate_many(&mut self, market: &Market, callables: &mut dyn Callables) -> Result<(), HostError> {
        for index in 0..self.trades.len() {
            let (source, trade) = self.trades[index];
            if self.passes(source) {
                continue;
            }
            if !self.groups[source as usize].has_next() {
                self.compute_one(source, Rows::Trades(std::slice::from_ref(&trade)), callables);
            }
            self.show_next(source);
        }
        let mut is_shared = false;
        for index in 0..self.touched.len() {
            let source = self.touched[index];
            self.is_touched[source as usize] = false;
            if !is_trade(source) {
                self.sample(source, market, callables);
            }
            if self.feeds[source as usize] == Feeds::Shared {
                is_shared = true;
                for (word, bits) in &self.plans[source as usize].bits {
                    self.dirty[*word as usize] |= bits;
                }
                self.export(source);
            }
        }
        if is_shared {
            for word in 0..self.dirty.len() {
                let mut bits = std::mem::take(&mut self.dirty[word]);
                while bits != 0 {
                    self.run_shared((word * 64) as u32 + bits.trailing_zeros(), market, callables);
                    bits &= bits - 1;
                }
            }
        }
        self.touched.clear();
        self.trades.clear();
        if self.fired.len() > 1 {
            self.fired.sort_unstable();
            self.fired.dedup();
        }
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
        let shared = self.plans.len() as u32;
        for id in &self.fired {
            let Ok(at) = self.settles.binary_search_by_key(id, |(pulse, _)| *pulse) else { continue };
            let Place { group, column } = self.places[*id as usize];
            if self.groups[group as usize].value(column) == 1.0 {
                self.groups[group as usize].set_value(column, 0.0);
            }
            let mut is_exported = group == shared;
            for reader in &self.settles[at].1 {
                let place = self.places[*reader as usize];
                if place.group == shared && !is_exported {
                    is_exported = true;
                    let (own, others) = self.groups.split_at_mut(shared as usize);
                    for &(from, to) in &self.plans[group as usize].exports {
                        others[0].import(to, &own[group as usize], from);
                    }
                }
                let group = &mut self.groups[place.group as usize];
                group.eval(place.column, &Market::default(), &mut self.memory, &mut NoCallables);
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
