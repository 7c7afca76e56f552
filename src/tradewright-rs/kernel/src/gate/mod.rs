//! The risk gate: nothing reaches an engine without its approval, and only it can approve.
//!
//! Native limits run first and in a fixed order; the user's risk managers follow and can only tighten. A limit that
//! cannot be evaluated refuses.

mod check;
mod events;
mod exposure;
mod halt;
mod limits;
mod rate;
mod remedy;
#[cfg(test)]
mod tests;

pub use check::reduces;
pub use halt::{Halt, Scope};
pub(crate) use limits::LOTS_MAX;
pub use limits::{Amount, Limits, OrderRate};
pub use remedy::remedy;

use crate::host::HostError;
use crate::instrument::{CurrencyId, Instrument, SymbolId};
use crate::journal::Shrunk;
use crate::ledger::{Ledger, RATE_ONE};
use crate::market::Market;
use crate::num::Cash;
use crate::order::{Order, OrderId, OrderState, OrderType, PolicyId, Reason, Side};
use limits::Compiled;

/// What the gate asks of the order table. The order under review is not in it yet.
pub trait OpenOrders {
    /// An order.
    fn get(&self, id: OrderId) -> &OrderState;
    /// Lots of a policy that may still trade on one side, unknown orders included.
    fn open_lots(&self, policy: PolicyId, symbol: SymbolId, side: Side) -> i64;
    /// The same for the whole account.
    fn open_lots_account(&self, symbol: SymbolId, side: Side) -> i64;
    /// Open orders of an instrument, any policy.
    fn open_of_symbol(&self, symbol: SymbolId) -> impl Iterator<Item = OrderId> + '_;
    /// How many orders are open.
    fn open_count(&self) -> usize;
    /// Instruments that have open orders, each once, in a fixed order.
    fn open_symbols(&self) -> impl Iterator<Item = SymbolId> + '_;
}

/// An order that passed. Only [`Gate::review`] makes one, and it can be used once.
#[derive(Debug, PartialEq, Eq)]
pub struct Approved {
    order: Order,
    shrunk: Option<Box<Shrunk>>,
}

impl Approved {
    /// The order, in the size that was approved.
    #[inline]
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// What was asked for and who made it less, where a risk manager did.
    #[inline]
    pub fn shrunk(&self) -> Option<&Shrunk> {
        self.shrunk.as_deref()
    }

    /// Gives the order to the engine.
    #[inline]
    pub fn into_order(self) -> Order {
        self.order
    }
}

/// An amendment that passed. Only [`Gate::review_amend`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct ApprovedAmend {
    order: OrderId,
    limit: i64,
    lots: i64,
    shrunk: Option<Box<Shrunk>>,
}

impl ApprovedAmend {
    /// Which order.
    #[inline]
    pub fn order(&self) -> OrderId {
        self.order
    }

    /// Its new limit, in price units.
    #[inline]
    pub fn limit(&self) -> i64 {
        self.limit
    }

    /// Its new total size, in lots, what has traded included.
    #[inline]
    pub fn lots(&self) -> i64 {
        self.lots
    }

    /// What was asked for and who made it less, where a risk manager did.
    #[inline]
    pub fn shrunk(&self) -> Option<&Shrunk> {
        self.shrunk.as_deref()
    }
}

/// A user's risk managers' answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// As it is.
    Allow,
    /// With a smaller size.
    Shrink {
        /// Size, in lots.
        lots: i64,
        /// Name of the manager.
        manager: String,
    },
    /// Not at all.
    Refused {
        /// Name of the manager.
        manager: String,
        /// Its reason.
        text: String,
    },
}

/// Why an order was not approved, with the values that show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Which rule.
    pub reason: Reason,
    /// What the order would have made of it; NaN where there is no number.
    pub value: f64,
    /// The limit, in the same unit; NaN where there is no number.
    pub limit: f64,
    /// Whose limit it is; `None` for the account's and for rules that hold for all.
    pub policy: Option<PolicyId>,
    /// What could not be evaluated, why trading is halted, or `manager: text`; otherwise empty.
    pub text: String,
    /// How often more a target asked for the same and was refused for the same reason.
    pub repeats: u64,
}

impl Refusal {
    #[cold]
    fn new(reason: Reason, value: f64, limit: f64) -> Refusal {
        Refusal { reason, value, limit, policy: None, text: String::new(), repeats: 0 }
    }

    /// Whether this says the same as another one: the same rule of the same owner, in the same words. What a manager
    /// says may hold numbers that change: there his name is enough.
    pub fn is_like(&self, other: &Refusal) -> bool {
        fn words(refusal: &Refusal) -> &str {
            let manager = refusal.text.split_once(':').filter(|_| refusal.reason == Reason::Custom);
            manager.map_or(refusal.text.as_str(), |(manager, _)| manager)
        }
        self.reason == other.reason && self.policy == other.policy && words(self) == words(other)
    }

    #[cold]
    fn of(self, policy: Option<PolicyId>) -> Refusal {
        Refusal { policy, ..self }
    }

    #[cold]
    fn unevaluable(what: &str) -> Refusal {
        Refusal { text: what.to_owned(), ..Refusal::new(Reason::Unevaluable, f64::NAN, f64::NAN) }
    }
}

/// What the gate did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Orders and amendments reviewed.
    pub reviews: u64,
    /// Approved.
    pub approved: u64,
    /// Refused, by the number of the reason.
    pub refused: [u64; Reason::ALL.len()],
}

/// Lots that may go, and what was asked for where that was more.
type Passed = (i64, Option<Box<Shrunk>>);

/// The hard limits, the halts, and the only maker of [`Approved`].
#[derive(Clone, Debug)]
pub struct Gate {
    account: Compiled,
    policies: Vec<Compiled>,
    halts: Vec<Halt>,
    counters: Counters,
}

impl Gate {
    /// A gate with limits for the account and for each policy.
    ///
    /// # Errors
    /// When a limit is NaN, negative or infinite, naming it.
    pub fn new(account: &Limits, policies: &[Limits], instruments: &[Instrument]) -> Result<Gate, String> {
        Ok(Gate {
            account: Compiled::new(account, instruments)?,
            policies: policies.iter().map(|limits| Compiled::new(limits, instruments)).collect::<Result<_, _>>()?,
            halts: Vec::new(),
            counters: Counters { reviews: 0, approved: 0, refused: [0; Reason::ALL.len()] },
        })
    }

    /// The limits in force of the account (`None`) or of a policy.
    ///
    /// # Panics
    /// When there is no such policy.
    pub fn limits(&self, policy: Option<PolicyId>) -> &Limits {
        &policy.map_or(&self.account, |policy| &self.policies[policy as usize]).source
    }

    /// Narrows limits while running. What `new` leaves `None` stays as it is.
    ///
    /// # Errors
    /// When it would widen one, naming it; nothing changes then.
    pub fn tighten(
        &mut self,
        policy: Option<PolicyId>,
        new: &Limits,
        instruments: &[Instrument],
    ) -> Result<(), String> {
        let scope = match policy {
            None => &mut self.account,
            Some(policy) => {
                self.policies.get_mut(policy as usize).ok_or_else(|| format!("there is no policy {policy}"))?
            }
        };
        let limits = scope.source.tightened(new)?;
        let mut compiled = Compiled::new(&limits, instruments)?;
        compiled.rate = scope.rate.narrowed(limits.order_rate_max);
        *scope = compiled;
        Ok(())
    }

    /// What it has done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Reviews an order: the native limits, then `managers` (the user's, in their order), then approval.
    ///
    /// The order must not be in `orders` yet. Time is `market.now_ns`.
    ///
    /// # Errors
    /// What `managers` raised; the order is not approved then.
    pub fn review<O: OpenOrders>(
        &mut self,
        order: &Order,
        ledger: &Ledger,
        market: &Market,
        orders: &O,
        managers: impl FnOnce(&Order) -> Result<Review, HostError>,
    ) -> Result<Result<Approved, Refusal>, HostError> {
        let (lots, shrunk) = match self.decide(order, ledger, market, orders, None, managers)? {
            Ok(passed) => passed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(Ok(Approved { order: Order { lots, ..*order }, shrunk }))
    }

    /// Reviews an amendment of an open order to a limit and a total size (what has traded included).
    ///
    /// # Errors
    /// What `managers` raised; the amendment is not approved then.
    #[allow(clippy::too_many_arguments)] // The whole state, as for a new order, and what changes.
    pub fn review_amend<O: OpenOrders>(
        &mut self,
        id: OrderId,
        limit: i64,
        lots: i64,
        ledger: &Ledger,
        market: &Market,
        orders: &O,
        managers: impl FnOnce(&Order) -> Result<Review, HostError>,
    ) -> Result<Result<ApprovedAmend, Refusal>, HostError> {
        let state = orders.get(id);
        let kind = match state.order.kind {
            OrderType::StopLimit { stop, .. } => OrderType::StopLimit { stop, limit },
            OrderType::Limit { .. } => OrderType::Limit { limit },
            other => other,
        };
        let left = Order { kind, lots: lots - state.filled_lots, decided_ns: market.now_ns, ..state.order };
        match self.decide(&left, ledger, market, orders, Some(state), managers)? {
            Ok((left, shrunk)) => {
                let shrunk = shrunk.map(|shrunk| Box::new(Shrunk { asked_lots: lots, ..*shrunk }));
                Ok(Ok(ApprovedAmend { order: id, limit, lots: state.filled_lots + left, shrunk }))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The native limits alone, nothing counted: what would the gate say?
    ///
    /// # Errors
    /// The first rule that refuses.
    pub fn check<O: OpenOrders>(
        &self,
        order: &Order,
        ledger: &Ledger,
        market: &Market,
        orders: &O,
    ) -> Result<(), Refusal> {
        check::Check { gate: self, order, ledger, market, orders, replaced: None }.run()
    }

    /// What may be taken out of a cash account: what is free beside positions and open orders. `None` while an open
    /// order cannot be valued.
    pub fn free_cash<O: OpenOrders>(
        &self,
        currency: CurrencyId,
        ledger: &Ledger,
        market: &Market,
        orders: &O,
    ) -> Option<Cash> {
        let power = ledger.buying_power_e10(currency);
        let reserved = match orders.open_symbols().find_map(|symbol| orders.open_of_symbol(symbol).next()) {
            None => 0,
            Some(any) => {
                let order = &orders.get(any).order;
                check::Check { gate: self, order, ledger, market, orders, replaced: None }
                    .reserved_e10(currency)
                    .ok()?
            }
        };
        Some((power - reserved).div_euclid(RATE_ONE as i128))
    }

    fn decide<O: OpenOrders>(
        &mut self,
        order: &Order,
        ledger: &Ledger,
        market: &Market,
        orders: &O,
        replaced: Option<&OrderState>,
        managers: impl FnOnce(&Order) -> Result<Review, HostError>,
    ) -> Result<Result<Passed, Refusal>, HostError> {
        self.counters.reviews += 1;
        let native = check::Check { gate: self, order, ledger, market, orders, replaced }.run();
        if let Err(refusal) = native {
            return Ok(Err(self.refused(refusal)));
        }
        let passed = match managers(order)? {
            Review::Allow => (order.lots, None),
            Review::Shrink { lots, manager } if lots > 0 && lots < order.lots => {
                (lots, Some(Box::new(Shrunk { asked_lots: order.lots, manager })))
            }
            Review::Shrink { lots, .. } => {
                let size = |lots| market.instruments[order.symbol as usize].size(lots);
                let mut refusal = Refusal::new(Reason::BadSize, size(lots), size(order.lots));
                refusal.text = "a risk manager shrinks to a size that is positive and smaller".to_owned();
                return Ok(Err(self.refused(refusal)));
            }
            Review::Refused { manager, text } => {
                let mut refusal = Refusal::new(Reason::Custom, f64::NAN, f64::NAN);
                refusal.text = format!("{manager}: {text}");
                return Ok(Err(self.refused(refusal)));
            }
        };
        self.account.rate.record(market.now_ns);
        if let Some(policy) = self.policies.get_mut(order.policy as usize) {
            policy.rate.record(market.now_ns);
        }
        self.counters.approved += 1;
        Ok(Ok(passed))
    }

    #[cold]
    fn refused(&mut self, refusal: Refusal) -> Refusal {
        self.counters.refused[refusal.reason as usize] += 1;
        refusal
    }
}
