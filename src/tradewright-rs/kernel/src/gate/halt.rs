//! Halts latch: only an operator re-arms.

use super::Gate;
use crate::instrument::SymbolId;
use crate::order::{Order, PolicyId};

/// What a halt stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything.
    All,
    /// One policy.
    Policy(PolicyId),
    /// One instrument, for all policies.
    Symbol(SymbolId),
}

impl Scope {
    fn covers(self, order: &Order) -> bool {
        match self {
            Scope::All => true,
            Scope::Policy(policy) => order.policy == policy,
            Scope::Symbol(symbol) => order.symbol == symbol,
        }
    }
}

/// A halt in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// What it stops.
    pub scope: Scope,
    /// Why.
    pub text: String,
    /// Since when.
    pub at_ns: i64,
}

impl Gate {
    /// Halts trading in a scope until [`Gate::rearm`]; reducing orders stay allowed. Cancelling what is open is the
    /// caller's. Returns whether the scope was not halted before; a second halt keeps the first one's reason.
    pub fn halt(&mut self, scope: Scope, text: &str, at_ns: i64) -> bool {
        let is_new = self.halts.iter().all(|halt| halt.scope != scope);
        if is_new {
            self.halts.push(Halt { scope, text: text.to_owned(), at_ns });
        }
        is_new
    }

    /// Ends the halt of exactly this scope; returns whether there was one.
    pub fn rearm(&mut self, scope: Scope) -> bool {
        let before = self.halts.len();
        self.halts.retain(|halt| halt.scope != scope);
        self.halts.len() < before
    }

    /// The halts in force, oldest first.
    pub fn halts(&self) -> &[Halt] {
        &self.halts
    }

    /// The oldest halt that covers an order.
    #[inline]
    pub(super) fn halt_of(&self, order: &Order) -> Option<&Halt> {
        if self.halts.is_empty() { None } else { self.halts.iter().find(|halt| halt.scope.covers(order)) }
    }
}
