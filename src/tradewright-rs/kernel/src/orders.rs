//! Every order of the run, and which of them may still trade.

use crate::gate::OpenOrders;
use crate::instrument::SymbolId;
use crate::order::{Applied, InFlight, Order, OrderId, OrderState, OrderStatus, Origin, PolicyId, Report, Side};

/// The order table. An order is never removed; the indices of open ones are kept beside it.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// All orders, refused ones too; the index is the order id.
    pub states: Vec<OrderState>,
    symbols: usize,
    open: Vec<Vec<OrderId>>,
    /// Open orders of a symbol, any policy, oldest first.
    open_of_symbol: Vec<Vec<OrderId>>,
    /// The symbols that have some, in rising order: few, so that a list is quicker than a set.
    open_symbols: Vec<SymbolId>,
    open_lots: Vec<[i64; 2]>,
    open_lots_account: Vec<[i64; 2]>,
    unknown: Vec<[u32; 2]>,
    open_count: usize,
}

impl Orders {
    /// An empty table for this many policies and symbols.
    pub fn new(policies: usize, symbols: usize) -> Orders {
        Orders {
            states: Vec::new(),
            symbols,
            open: vec![Vec::new(); policies * symbols],
            open_of_symbol: vec![Vec::new(); symbols],
            open_symbols: Vec::new(),
            open_lots: vec![[0; 2]; policies * symbols],
            open_lots_account: vec![[0; 2]; symbols],
            unknown: vec![[0; 2]; policies * symbols],
            open_count: 0,
        }
    }

    #[inline]
    fn slot(&self, policy: PolicyId, symbol: SymbolId) -> usize {
        policy as usize * self.symbols + symbol as usize
    }

    /// The id that the next order gets.
    #[inline]
    pub fn next_id(&self) -> OrderId {
        self.states.len() as OrderId
    }

    /// Enters an order that is about to be sent.
    pub fn insert(&mut self, order: Order, origin: Origin) -> OrderId {
        debug_assert_eq!(order.id, self.next_id(), "Invariant: ids are indices");
        let slot = self.slot(order.policy, order.symbol);
        self.open[slot].push(order.id);
        self.enter(order.symbol, order.id);
        self.open_lots[slot][order.side as usize] += order.lots;
        self.open_lots_account[order.symbol as usize][order.side as usize] += order.lots;
        self.states.push(OrderState::new(order, origin));
        order.id
    }

    /// Enters an order that the gate refused: it has an id and a story, but was never sent.
    pub fn insert_refused(&mut self, order: Order, origin: Origin, reason: crate::order::Reason) -> OrderId {
        debug_assert_eq!(order.id, self.next_id(), "Invariant: ids are indices");
        let mut state = OrderState::new(order, origin);
        state.status = OrderStatus::Refused;
        state.reason = reason;
        self.states.push(state);
        order.id
    }

    /// Applies a report and keeps the sums of open lots right.
    pub fn apply(&mut self, report: &Report) -> Applied {
        let id = report.order as usize;
        let (policy, symbol, side) = {
            let order = &self.states[id].order;
            (order.policy, order.symbol, order.side as usize)
        };
        let slot = self.slot(policy, symbol);
        let (was_open, lots_before, unknown_before) = {
            let state = &self.states[id];
            (state.status.is_open(), state.open_lots(), state.status == OrderStatus::Unknown)
        };
        let applied = self.states[id].apply(report);
        let state = &self.states[id];
        let change = state.open_lots() - lots_before;
        if change != 0 {
            self.open_lots[slot][side] += change;
            self.open_lots_account[symbol as usize][side] += change;
        }
        match (unknown_before, state.status == OrderStatus::Unknown) {
            (false, true) => self.unknown[slot][side] += 1,
            (true, false) => self.unknown[slot][side] -= 1,
            _ => {}
        }
        match (was_open, state.status.is_open()) {
            (true, false) => {
                self.open[slot].retain(|&open| open != report.order);
                self.leave(symbol, report.order);
            }
            // Unknown resolved to a state that is open again cannot happen from a terminal one; a reversal may.
            (false, true) => {
                self.open[slot].push(report.order);
                self.enter(symbol, report.order);
            }
            _ => {}
        }
        applied
    }

    fn enter(&mut self, symbol: SymbolId, order: OrderId) {
        let open = &mut self.open_of_symbol[symbol as usize];
        if open.is_empty() {
            let at = self.open_symbols.partition_point(|&other| other < symbol);
            self.open_symbols.insert(at, symbol);
        }
        open.push(order);
        self.open_count += 1;
    }

    fn leave(&mut self, symbol: SymbolId, order: OrderId) {
        let open = &mut self.open_of_symbol[symbol as usize];
        open.retain(|&other| other != order);
        if open.is_empty() {
            self.open_symbols.retain(|&other| other != symbol);
        }
        self.open_count -= 1;
    }

    /// Notes a request that is on its way.
    pub fn set_in_flight(&mut self, id: OrderId, request: InFlight, reason: crate::order::Reason) {
        let state = &mut self.states[id as usize];
        state.in_flight = request;
        if request == InFlight::Cancel {
            state.cancel_reason = reason;
        }
    }

    /// Whether an unknown order blocks this side.
    #[inline]
    pub fn has_unknown(&self, policy: PolicyId, symbol: SymbolId, side: Side) -> bool {
        self.unknown[self.slot(policy, symbol)][side as usize] > 0
    }

    /// Ids of a policy's open orders in a symbol, oldest first.
    #[inline]
    pub fn open_of(&self, policy: PolicyId, symbol: SymbolId) -> &[OrderId] {
        &self.open[self.slot(policy, symbol)]
    }

    /// Ids of all open orders of a policy.
    pub fn open_of_policy(&self, policy: PolicyId) -> impl Iterator<Item = OrderId> + '_ {
        let first = policy as usize * self.symbols;
        self.open[first..first + self.symbols].iter().flatten().copied()
    }
}

impl OpenOrders for Orders {
    #[inline]
    fn get(&self, id: OrderId) -> &OrderState {
        &self.states[id as usize]
    }

    #[inline]
    fn open_lots(&self, policy: PolicyId, symbol: SymbolId, side: Side) -> i64 {
        self.open_lots[self.slot(policy, symbol)][side as usize]
    }

    #[inline]
    fn open_lots_account(&self, symbol: SymbolId, side: Side) -> i64 {
        self.open_lots_account[symbol as usize][side as usize]
    }

    #[inline]
    fn open_of_symbol(&self, symbol: SymbolId) -> impl Iterator<Item = OrderId> + '_ {
        self.open_of_symbol[symbol as usize].iter().copied()
    }

    #[inline]
    fn open_count(&self) -> usize {
        self.open_count
    }

    #[inline]
    fn open_symbols(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.open_symbols.iter().copied()
    }
}
