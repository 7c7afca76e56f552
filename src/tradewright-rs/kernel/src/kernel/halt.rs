//! Halts and margin calls: what stops trading, and what is cancelled and closed then.

use super::Kernel;
use super::targets::Targets;
use crate::gate::{OpenOrders, Review, Scope};
use crate::host::HostError;
use crate::instrument::SymbolId;
use crate::intent::Command;
use crate::num::utc_text;
use crate::order::{Order, OrderId, OrderType, Origin, PolicyId, Reason, Side, TimeInForce};

impl Kernel {
    /// Latches a halt and cancels what it covers. Only an operator re-arms the gate.
    pub fn halt(&mut self, scope: Scope, text: String, commands: &mut Vec<Command>) {
        self.gate.halt(scope, &text, self.state.market.now_ns);
        for policy in 0..self.policies.len() as PolicyId {
            for symbol in 0..self.state.market.instruments.len() as SymbolId {
                let covered = match scope {
                    Scope::All => true,
                    Scope::Policy(halted) => halted == policy,
                    Scope::Symbol(halted) => halted == symbol,
                };
                if covered {
                    self.withdraw(policy, symbol, Reason::Halted, commands);
                }
            }
        }
    }

    /// Cancels a policy's orders in a symbol and forgets its targets there.
    pub(super) fn withdraw(&mut self, policy: PolicyId, symbol: SymbolId, reason: Reason, commands: &mut Vec<Command>) {
        let slot = self.slot(policy, symbol);
        self.targets[slot] = Targets::default();
        let open: Vec<OrderId> = self.state.orders.open_of(policy, symbol).to_vec();
        for id in open {
            self.cancel(id, reason, commands);
        }
    }

    /// Below maintenance margin: cancels everything and closes every position at the market.
    #[cold]
    pub(super) fn liquidate(&mut self, commands: &mut Vec<Command>) -> Result<(), HostError> {
        let mut is_new = false;
        for policy in 0..self.policies.len() as PolicyId {
            for symbol in 0..self.state.market.instruments.len() as SymbolId {
                let closing = self
                    .state
                    .orders
                    .open_of(policy, symbol)
                    .iter()
                    .any(|&id| self.state.orders.get(id).origin == Origin::Liquidation);
                // What the gate refused it would refuse again: one row in the orders says it.
                let is_refused = self.refused_calls.contains(&(policy, symbol));
                if closing || is_refused {
                    continue;
                }
                self.withdraw(policy, symbol, Reason::Liquidation, commands);
                let held = self.state.ledger.position(policy, symbol).lots;
                if held == 0 {
                    continue;
                }
                let order = Order {
                    id: self.state.orders.next_id(),
                    policy,
                    symbol,
                    side: Side::of(-held),
                    lots: held.abs(),
                    kind: OrderType::Market,
                    tif: TimeInForce::Gtc,
                    post_only: false,
                    reduce_only: true,
                    decided_ns: self.state.market.now_ns,
                };
                is_new = true;
                // It passes the gate as every order does; the user's managers have no say in a margin call.
                let state = &self.state;
                let managers = |_: &Order| Ok(Review::Allow);
                match self.gate.review(&order, &state.ledger, &state.market, &state.orders, managers)? {
                    Ok(approved) => {
                        self.counters.liquidations += 1;
                        self.dispatch(approved, Origin::Liquidation, commands);
                    }
                    Err(refusal) => {
                        self.refused_calls.push((policy, symbol));
                        self.note_refusal(order, Origin::Liquidation, refusal);
                    }
                }
            }
        }
        if is_new {
            let now = utc_text(self.state.market.now_ns);
            self.faults.push(format!("{now}: equity fell below maintenance margin; every position was liquidated."));
        }
        Ok(())
    }
}
