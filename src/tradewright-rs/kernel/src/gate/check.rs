//! The native rules, in the order in which they are asked.

use super::exposure::Priced;
use super::limits::{Bound, Compiled, LOTS_MAX};
use super::{Gate, OpenOrders, Refusal};
use crate::event::Status;
use crate::instrument::Instrument;
use crate::ledger::{AccountKind, Ledger, RATE_ONE, times};
use crate::market::Market;
use crate::num::{Cash, cash_to_f64};
use crate::order::{InFlight, Order, OrderState, OrderStatus, OrderType, PolicyId, Reason, Side};

/// One review: the order and everything it is judged by.
pub(super) struct Check<'a, O> {
    pub(super) gate: &'a Gate,
    pub(super) order: &'a Order,
    pub(super) ledger: &'a Ledger,
    pub(super) market: &'a Market,
    pub(super) orders: &'a O,
    /// The open order that this one takes the place of.
    pub(super) replaced: Option<&'a OrderState>,
}

/// Whether an order lowers the absolute position of both its policy and the account, without turning either, all open
/// and unknown orders of its side filled.
fn lowers(order: &Order, ledger: &Ledger, open: impl Fn(Owner) -> i64) -> bool {
    let leaves = |owner, held: i64| {
        let against = -order.side.sign() * held;
        against > 0 && open(owner).saturating_add(order.lots) <= against
    };
    order.lots > 0
        && leaves(Some(order.policy), ledger.position(order.policy, order.symbol).lots)
        && leaves(None, ledger.account_lots(order.symbol))
}

/// Whether an order that is not in the table yet can only lower the positions of both its policy and the account.
pub fn reduces(order: &Order, ledger: &Ledger, orders: &impl OpenOrders) -> bool {
    lowers(order, ledger, |owner| match owner {
        Some(policy) => orders.open_lots(policy, order.symbol, order.side),
        None => orders.open_lots_account(order.symbol, order.side),
    })
}

/// A scope with limits: the account, or the order's policy.
pub(super) type Owner = Option<PolicyId>;

impl<O: OpenOrders> Check<'_, O> {
    pub(super) fn run(&self) -> Result<(), Refusal> {
        let is_reducing = self.is_reducing();
        if let Some(halt) = self.gate.halt_of(self.order)
            && !is_reducing
        {
            let text = halt.text.clone();
            return Err(Refusal { text, ..Refusal::new(Reason::Halted, f64::NAN, f64::NAN) });
        }
        self.check_tradable()?;
        self.check_size_and_prices()?;
        self.check_own_orders()?;
        let policy = self.gate.policies.get(self.order.policy as usize);
        let scopes = [Some((None, &self.gate.account)), policy.map(|limits| (Some(self.order.policy), limits))]
            .map(|scope| scope.filter(|(_, limits)| limits.is_any));
        let scopes = || scopes.iter().flatten().copied();
        let priced = self.price(self.order, self.order.lots)?;
        for (owner, limits) in scopes() {
            self.check_order(owner, limits, &priced, is_reducing)?;
        }
        if !is_reducing {
            for (owner, limits) in scopes() {
                self.check_position(owner, limits, &priced)?;
                if limits.has_exposure {
                    self.check_exposure(owner, limits, &priced)?;
                }
                if !limits.event_group_loss.is_none() {
                    self.check_event_group(owner, limits, &priced)?;
                }
                if limits.has_losses {
                    self.check_losses(owner, limits)?;
                }
            }
        }
        for (owner, limits) in scopes() {
            self.check_collar(owner, limits, &priced)?;
            if limits.rate.is_full(self.market.now_ns) {
                let limit = limits.rate.limit() as f64;
                return Err(Refusal::new(Reason::OrderRateMax, limit + 1.0, limit).of(owner));
            }
        }
        // Getting out of one outcome may leave another one uncovered, where the venue netted the two.
        if is_reducing && self.ledger.netted(self.order.symbol).is_none() {
            return Ok(());
        }
        self.check_money(&priced)
    }

    fn instrument(&self) -> &Instrument {
        &self.market.instruments[self.order.symbol as usize]
    }

    fn is_reducing(&self) -> bool {
        let Order { symbol, side, .. } = *self.order;
        lowers(self.order, self.ledger, |owner| self.open(owner, symbol, side))
    }

    fn check_tradable(&self) -> Result<(), Refusal> {
        let status = self.market.symbols[self.order.symbol as usize].status;
        let is_over = matches!(status, Status::Closed | Status::Resolved)
            || self.instrument().expiry_ns.is_some_and(|expiry| self.market.now_ns >= expiry);
        if is_over { Err(Refusal::new(Reason::InstrumentEnded, f64::NAN, f64::NAN)) } else { Ok(()) }
    }

    fn check_size_and_prices(&self) -> Result<(), Refusal> {
        let instrument = self.instrument();
        if self.order.lots <= 0 {
            return Err(Refusal::new(Reason::BadSize, instrument.size(self.order.lots), instrument.size(1)));
        }
        // Beyond this nothing can be added up. Only what passed here is held or open, so that these sums fit.
        let Order { symbol, side, lots, .. } = *self.order;
        let busy = self.held(None, symbol).abs().saturating_add(self.open(None, symbol, side));
        if lots > LOTS_MAX - busy.min(LOTS_MAX) {
            return Err(Refusal::new(Reason::OrderSizeMax, instrument.size(lots), instrument.size(LOTS_MAX)));
        }
        // An order that keeps its price keeps it through a change of the grid, and may become smaller.
        let keeps_price = self
            .replaced
            .is_some_and(|state| state.order.kind == self.order.kind && self.order.lots <= state.open_lots());
        let check = |price: i64| {
            let (low, high) = instrument.bounds_ticks.unwrap_or((1, i64::MAX / 2));
            if price < low || price > high {
                let nearest = if price < low { low } else { high };
                return Err(Refusal::new(Reason::OutOfBounds, instrument.price(price), instrument.price(nearest)));
            }
            if keeps_price || instrument.grid.allows(price) {
                return Ok(());
            }
            let nearest = match self.order.side {
                Side::Buy => instrument.grid.round_down(price),
                Side::Sell => instrument.grid.round_up(price),
            };
            Err(Refusal::new(Reason::OffGrid, instrument.price(price), instrument.price(nearest)))
        };
        match self.order.kind {
            OrderType::Market => Ok(()),
            OrderType::Limit { limit } => check(limit),
            OrderType::Stop { stop } => check(stop),
            OrderType::StopLimit { stop, limit } => check(stop).and_then(|()| check(limit)),
            OrderType::TrailingStop { distance } if !(1..=i64::MAX / 4).contains(&distance) => {
                let nearest = if distance <= 0 { 1 } else { i64::MAX / 4 };
                Err(Refusal::new(Reason::OutOfBounds, instrument.price(distance), instrument.price(nearest)))
            }
            OrderType::TrailingStop { .. } => Ok(()),
        }
    }

    /// An unknown order blocks its side; an order that could trade with one of ours is refused.
    ///
    /// A market order could trade at any price; a stop at its stop (it has passed the prices before); a post-only order
    /// never takes. Only orders that rest at a limit can be traded with.
    fn check_own_orders(&self) -> Result<(), Refusal> {
        let Order { symbol, side, post_only, .. } = *self.order;
        let may_block = self.orders.open_lots_account(symbol, side) > 0;
        let may_trade = !post_only && self.orders.open_lots_account(symbol, side.opposite()) > 0;
        if !may_block && !may_trade {
            return Ok(());
        }
        let sign = side.sign();
        let bound = match self.order.kind {
            OrderType::Market => sign * i64::MAX,
            OrderType::Limit { limit } | OrderType::StopLimit { limit, .. } => limit,
            OrderType::Stop { stop } => stop,
            OrderType::TrailingStop { distance } => {
                let mark_x2 = self.mark_x2(symbol)?;
                mark_x2.div_euclid(2).saturating_add(sign * distance)
            }
        };
        for id in self.orders.open_of_symbol(symbol) {
            let state = self.orders.get(id);
            if state.order.side == side {
                if state.status == OrderStatus::Unknown {
                    return Err(Refusal::new(Reason::UnknownBlocks, f64::NAN, f64::NAN));
                }
                continue;
            }
            let Some(resting) = state.order.kind.limit() else { continue };
            let amended = if let InFlight::Amend { limit, .. } = state.in_flight { limit } else { resting };
            let nearest = if side == Side::Buy { resting.min(amended) } else { resting.max(amended) };
            let crosses = match side {
                Side::Buy => bound >= nearest,
                Side::Sell => bound <= nearest,
            };
            if may_trade && crosses {
                let price =
                    |ticks: i64| if ticks.abs() == i64::MAX { f64::NAN } else { self.instrument().price(ticks) };
                return Err(Refusal::new(Reason::SelfTrade, price(bound), price(nearest)));
            }
        }
        Ok(())
    }

    fn check_order(&self, owner: Owner, limits: &Compiled, priced: &Priced, is_reducing: bool) -> Result<(), Refusal> {
        let Order { symbol, lots, .. } = *self.order;
        if let Some(&limit) = limits.order_lots.get(symbol as usize)
            && lots > limit
        {
            let size = |lots| self.instrument().size(lots);
            return Err(Refusal::new(Reason::OrderSizeMax, size(lots), size(limit)).of(owner));
        }
        // A share of an equity that has shrunk must not keep anybody from getting out.
        if is_reducing && matches!(limits.order_value, Bound::Share(_)) {
            return Ok(());
        }
        self.within(Reason::OrderValueMax, owner, limits.order_value, priced.value)
    }

    /// Refuses an amount in the instrument's currency that is beyond a limit on money.
    pub(super) fn within(&self, reason: Reason, owner: Owner, bound: Bound, amount: Cash) -> Result<(), Refusal> {
        if bound.is_none() {
            return Ok(());
        }
        let currency = self.instrument().currency;
        let valued = self
            .ledger
            .in_account_currency(amount, currency)
            .ok_or_else(|| Refusal::unevaluable("no rate of exchange for the instrument's currency").of(owner))?;
        self.within_valued(reason, owner, bound, valued, || self.ledger.equity_total())
    }

    pub(super) fn within_valued(
        &self,
        reason: Reason,
        owner: Owner,
        bound: Bound,
        amount: Cash,
        base: impl Fn() -> Option<Cash>,
    ) -> Result<(), Refusal> {
        match bound.is_exceeded(amount, &base) {
            Some(false) => Ok(()),
            Some(true) => Err(Refusal::new(reason, cash_to_f64(amount), bound.in_money(base())).of(owner)),
            None => Err(Refusal::unevaluable("equity cannot be valued: a rate of exchange is missing").of(owner)),
        }
    }

    fn check_position(&self, owner: Owner, limits: &Compiled, priced: &Priced) -> Result<(), Refusal> {
        let Order { symbol, side, lots, .. } = *self.order;
        let worst = side.sign() * self.held(owner, symbol) + self.open(owner, symbol, side) + lots;
        if let Some(&limit) = limits.position_lots.get(symbol as usize)
            && worst > limit
        {
            let size = |lots| self.instrument().size(lots);
            return Err(Refusal::new(Reason::PositionMax, size(worst), size(limit)).of(owner));
        }
        if limits.position_value.is_none() || worst <= 0 {
            return Ok(());
        }
        let value = self.value_x2(symbol, priced.price_x2, worst)?.abs();
        self.within(Reason::PositionMax, owner, limits.position_value, value)
    }

    fn check_losses(&self, owner: Owner, limits: &Compiled) -> Result<(), Refusal> {
        let missing = || Refusal::unevaluable("equity was never valued: a rate of exchange is missing").of(owner);
        let (own, account) = (self.ledger.standing(owner), self.ledger.standing(None));
        let equity = self.ledger.total(owner, |money| money.equity).ok_or_else(missing)?;
        if !own.is_valued || !account.is_valued {
            return Err(missing());
        }
        let loss = |reason, bound, from: Cash, base: Cash| {
            self.within_valued(reason, owner, bound, (from - equity).max(0), || Some(base))
        };
        loss(Reason::LossPerDayMax, limits.loss_per_day, own.day_start, account.day_start)?;
        loss(Reason::LossPerWeekMax, limits.loss_per_week, own.week_start, account.week_start)?;
        loss(Reason::DrawdownMax, limits.drawdown, own.peak, account.peak)
    }

    fn check_collar(&self, owner: Owner, limits: &Compiled, priced: &Priced) -> Result<(), Refusal> {
        if limits.collar_e10 < 0 {
            return Ok(());
        }
        let mark = priced.mark_x2 as i128;
        let distance = (priced.limit_x2 as i128 - mark).abs();
        if times(distance, RATE_ONE) <= times(mark.abs(), limits.collar_e10) {
            return Ok(());
        }
        let limit = limits.collar_e10 as f64 / RATE_ONE as f64;
        Err(Refusal::new(Reason::PriceCollar, distance as f64 / mark.abs() as f64, limit).of(owner))
    }

    /// Cash accounts sell nothing short but binaries, and nobody commits more than there is.
    fn check_money(&self, priced: &Priced) -> Result<(), Refusal> {
        let Order { symbol, side, lots, .. } = *self.order;
        let state = &self.ledger.symbols[symbol as usize];
        if side == Side::Sell && state.payout_x2 == 0 && self.ledger.config().kind == AccountKind::Cash {
            let left = self.ledger.account_lots(symbol) - self.open(None, symbol, side) - lots;
            if left < 0 {
                return Err(Refusal::new(Reason::ShortNotAllowed, self.instrument().size(left), 0.0));
            }
        }
        let needed = self.needed_e10(priced)?;
        let power = self.ledger.buying_power_e10(state.currency);
        // An order that needs nothing more takes nothing away, however little there is.
        if needed == 0 || needed <= power {
            return Ok(());
        }
        let money = |amount: i128| amount as f64 / 1e12 / RATE_ONE as f64;
        Err(Refusal::new(Reason::BuyingPower, money(needed), money(power)))
    }
}
