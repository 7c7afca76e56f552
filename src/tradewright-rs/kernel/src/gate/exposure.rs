//! What orders may make of positions and money at their worst.

use super::check::{Check, Owner};
use super::limits::{Compiled, VALUE_MAX};
use super::{OpenOrders, Refusal};
use crate::instrument::{Contract, CurrencyId, SymbolId};
use crate::ledger::{RATE_ONE, checked_times, mul_div, times};
use crate::num::{Cash, cash_to_f64};
use crate::order::{Order, OrderType, Reason, Side};

/// An order in money, in the instrument's currency.
#[derive(Clone, Copy)]
pub(super) struct Priced {
    pub(super) mark_x2: i64,
    /// Twice the price that the collar is about: the limit, the stop, or the far side of the quote.
    pub(super) limit_x2: i64,
    /// Twice the price at which its value is the largest that it may trade at.
    pub(super) price_x2: i64,
    /// Absolute value at that price.
    pub(super) value: Cash,
    /// What margin is a share of: the value, or what a binary sold may have to pay beyond what it brings.
    pub(super) risk: Cash,
}

impl<O: OpenOrders> Check<'_, O> {
    /// Lots of an owner that may still trade on a side, without the order that this one replaces.
    #[inline]
    pub(super) fn open(&self, owner: Owner, symbol: SymbolId, side: Side) -> i64 {
        let open = match owner {
            Some(policy) => self.orders.open_lots(policy, symbol, side),
            None => self.orders.open_lots_account(symbol, side),
        };
        match self.replaced {
            Some(state)
                if state.order.symbol == symbol
                    && state.order.side == side
                    && owner.is_none_or(|policy| policy == state.order.policy) =>
            {
                open - state.open_lots()
            }
            _ => open,
        }
    }

    #[inline]
    pub(super) fn held(&self, owner: Owner, symbol: SymbolId) -> i64 {
        match owner {
            Some(policy) => self.ledger.position(policy, symbol).lots,
            None => self.ledger.account_lots(symbol),
        }
    }

    /// Twice the mark, or the refusal that there is none.
    #[inline]
    pub(super) fn mark_x2(&self, symbol: SymbolId) -> Result<i64, Refusal> {
        let state = &self.market.symbols[symbol as usize];
        if state.mark_ns == i64::MIN {
            return Err(Refusal::unevaluable(&format!(
                "{} has no price yet",
                self.market.instruments[symbol as usize].symbol
            )));
        }
        Ok(state.mark_x2)
    }

    /// The value of lots at a price, or the refusal that it is more than anything is worth.
    #[inline]
    pub(super) fn value_x2(&self, symbol: SymbolId, price_x2: i64, lots: i64) -> Result<Cash, Refusal> {
        match self.ledger.symbols[symbol as usize].unit.checked_value_x2(price_x2, lots) {
            Some(value) if value.abs() <= VALUE_MAX => Ok(value),
            _ => Err(self.too_much(symbol, price_x2, lots)),
        }
    }

    #[cold]
    fn too_much(&self, symbol: SymbolId, price_x2: i64, lots: i64) -> Refusal {
        let instrument = &self.market.instruments[symbol as usize];
        let units = instrument.size(lots).abs() * instrument.multiplier.to_f64();
        let price = instrument.price_x2(price_x2).abs();
        let value = if instrument.contract == Contract::Inverse { units / price } else { units * price };
        Refusal::new(Reason::OrderValueMax, value, cash_to_f64(VALUE_MAX))
    }

    /// An amount times a rate, or the refusal that there is not so much money.
    #[inline]
    fn rated(&self, amount: Cash, rate: i64) -> Result<i128, Refusal> {
        checked_times(amount, rate).ok_or_else(|| {
            let power = self.ledger.buying_power_e10(self.ledger.symbols[self.order.symbol as usize].currency);
            let needed = cash_to_f64(amount) * (rate as f64 / RATE_ONE as f64);
            Refusal::new(Reason::BuyingPower, needed, power as f64 / 1e12 / RATE_ONE as f64)
        })
    }

    /// Values `lots` of an order at the worst price it may trade at.
    ///
    /// A buy with a limit pays at most the limit; any other order may trade at its own price or at the mark, and counts
    /// at the worse. Orders without a price have the far side of the quote, or the mark where there is none.
    pub(super) fn price(&self, order: &Order, lots: i64) -> Result<Priced, Refusal> {
        let mark_x2 = self.mark_x2(order.symbol)?;
        let state = &self.market.symbols[order.symbol as usize];
        let far_x2 = || match order.side {
            _ if !state.seen[crate::market::SourceKind::Quote as usize] => mark_x2,
            Side::Buy if state.quote.ask != i64::MAX => state.quote.ask * 2,
            Side::Sell if state.quote.bid != i64::MIN => state.quote.bid * 2,
            _ => mark_x2,
        };
        let limit_x2 = match order.kind {
            OrderType::Market | OrderType::TrailingStop { .. } => far_x2(),
            OrderType::Limit { limit } | OrderType::StopLimit { limit, .. } => limit * 2,
            OrderType::Stop { stop } => stop * 2,
        };
        let money = &self.ledger.symbols[order.symbol as usize];
        let is_capped = order.side == Side::Buy && order.kind.limit().is_some();
        let price_x2 = if money.unit.is_inverse() {
            // Worth the more the lower the price; and only a positive price can be valued.
            let low = limit_x2.min(mark_x2);
            if low <= 0 {
                return Err(Refusal::unevaluable("an inverse contract needs a positive price"));
            }
            low
        } else if is_capped || limit_x2.abs() >= mark_x2.abs() {
            limit_x2
        } else {
            mark_x2
        };
        let value = self.value_x2(order.symbol, price_x2, lots)?.abs();
        let risk = if money.payout_x2 != 0 && order.side == Side::Sell {
            let low_x2 = if order.kind.limit().is_some() { limit_x2 } else { limit_x2.min(mark_x2) };
            let worth = |price_x2| self.value_x2(order.symbol, price_x2, lots);
            (worth(money.payout_x2)? - worth(low_x2)?).max(0)
        } else {
            value
        };
        Ok(Priced { mark_x2, limit_x2, price_x2, value, risk })
    }

    /// Gross and net exposure with everything open on its worst side filled, and this order.
    pub(super) fn check_exposure(&self, owner: Owner, limits: &Compiled, priced: &Priced) -> Result<(), Refusal> {
        let missing = || Refusal::unevaluable("exposure cannot be valued: a rate of exchange is missing").of(owner);
        let mut gross = self.ledger.total(owner, |money| money.gross).ok_or_else(missing)?;
        let mut net = self.ledger.total(owner, |money| money.net).ok_or_else(missing)?;
        let mut add = |symbol: SymbolId, price_x2: i64, buys: i64, sells: i64, own: i64| -> Result<(), Refusal> {
            let state = &self.ledger.symbols[symbol as usize];
            let value = |lots: i64| {
                if lots == 0 { Ok(0) } else { self.value_x2(symbol, price_x2, lots).map(Cash::abs) }
            };
            let held = self.held(owner, symbol);
            let now = match owner {
                Some(policy) => self.ledger.position(policy, symbol).value.abs(),
                None => state.gross,
            };
            let worst = (held + buys).abs().max((held - sells).abs());
            let convert = |amount| self.ledger.in_account_currency(amount, state.currency).ok_or_else(missing);
            gross += convert((value(worst)? - now).max(0))?;
            net += self.order.side.sign() as i128 * convert(value(own)?)?;
            Ok(())
        };
        let Order { symbol, side, lots, .. } = *self.order;
        let (buys, sells) = (self.open(owner, symbol, Side::Buy), self.open(owner, symbol, Side::Sell));
        match side {
            Side::Buy => add(symbol, priced.price_x2, buys + lots, sells, buys + lots)?,
            Side::Sell => add(symbol, priced.price_x2, buys, sells + lots, sells + lots)?,
        }
        if self.orders.open_count() > 0 {
            for other in self.orders.open_symbols().filter(|other| *other != symbol) {
                let (buys, sells) = (self.open(owner, other, Side::Buy), self.open(owner, other, Side::Sell));
                if buys != 0 || sells != 0 {
                    let own = if side == Side::Buy { buys } else { sells };
                    add(other, self.mark_x2(other)?, buys, sells, own)?;
                }
            }
        }
        let equity = || self.ledger.equity_total();
        self.within_valued(Reason::GrossMax, owner, limits.gross, gross, equity)?;
        let net = (net * side.sign() as i128).max(0);
        self.within_valued(Reason::NetMax, owner, limits.net, net, equity)
    }

    /// Margin (times 10¹⁰) and fees that this order and everything open ask for beyond what positions use.
    pub(super) fn needed_e10(&self, priced: &Priced) -> Result<i128, Refusal> {
        let Order { symbol, side, lots, .. } = *self.order;
        let state = &self.ledger.symbols[symbol as usize];
        let mut needed = if state.is_collateral() {
            let with = self.collateral(symbol, Some((lots, priced)))?;
            // What asks for no more than was asked for before takes nothing away.
            if with <= self.collateral(symbol, None)? {
                return Ok(0);
            }
            self.rated(with, RATE_ONE)?
        } else {
            let own = self.side_e10(symbol, side, Some((lots, priced)))?;
            if own == 0 || self.orders.open_count() == 0 {
                return Ok(own);
            }
            own.max(self.side_e10(symbol, side.opposite(), None)?)
        };
        let currency = state.currency;
        for other in self.orders.open_symbols().filter(|other| *other != symbol) {
            let state = &self.ledger.symbols[other as usize];
            if state.currency != currency && !self.ledger.is_pooled() {
                continue;
            }
            let asked = if !state.is_collateral() {
                self.side_e10(other, Side::Buy, None)?.max(self.side_e10(other, Side::Sell, None)?)
            } else if self.is_counted_with(other, symbol) {
                continue;
            } else {
                self.rated(self.collateral(other, None)?, RATE_ONE)?
            };
            needed += self
                .ledger
                .convert(asked, state.currency, currency)
                .ok_or_else(|| Refusal::unevaluable("buying power cannot be valued: a rate of exchange is missing"))?;
        }
        Ok(needed)
    }

    /// What all open orders in a currency ask for if they fill (times 10¹⁰), beyond what positions use.
    pub(super) fn reserved_e10(&self, currency: CurrencyId) -> Result<i128, Refusal> {
        let mut reserved = 0;
        for symbol in self.orders.open_symbols() {
            let state = &self.ledger.symbols[symbol as usize];
            if state.currency != currency {
                continue;
            }
            reserved += if !state.is_collateral() {
                self.side_e10(symbol, Side::Buy, None)?.max(self.side_e10(symbol, Side::Sell, None)?)
            } else if self.is_counted_with(symbol, SymbolId::MAX) {
                0 // With those of an earlier instrument of its group.
            } else {
                times(self.collateral(symbol, None)?, RATE_ONE)
            };
        }
        Ok(reserved)
    }

    /// What all open orders of one side, and `extra`, ask for if they fill.
    fn side_e10(&self, symbol: SymbolId, side: Side, extra: Option<(i64, &Priced)>) -> Result<i128, Refusal> {
        let (mut lots, mut risk, mut fees) = (0, 0, 0);
        if let Some((own, priced)) = extra {
            (lots, risk, fees) = (own, priced.risk, self.fee_bound(symbol, priced.value, own));
        }
        if self.open(None, symbol, side) > 0 {
            let replaced = self.replaced.map(|state| state.order.id);
            for id in self.orders.open_of_symbol(symbol).filter(|id| Some(*id) != replaced) {
                let state = self.orders.get(id);
                let open = state.open_lots();
                if state.order.side == side && open > 0 {
                    let priced = self.price(&state.order, open)?;
                    lots += open;
                    risk += priced.risk;
                    fees += self.fee_bound(symbol, priced.value, open);
                }
            }
        }
        let state = &self.ledger.symbols[symbol as usize];
        let against = -side.sign() * state.lots;
        let rate = state.initial_e10;
        if against <= 0 {
            return self.asked(risk, rate, fees);
        }
        if lots <= against {
            return Ok(0);
        }
        // What closes gives back the margin that it held.
        let opening = mul_div(risk, lots - against, lots);
        Ok(self.asked(opening - state.risk, rate, fees)?.max(0))
    }

    #[inline]
    fn asked(&self, risk: Cash, rate: i64, fees: Cash) -> Result<i128, Refusal> {
        let (margin, fees_e10) = (self.rated(risk, rate)?, self.rated(fees, RATE_ONE)?);
        margin.checked_add(fees_e10).map_or_else(|| self.rated(i128::MAX, RATE_ONE), Ok)
    }

    /// At least the fee of a fill of this value; exact fees need a division.
    pub(super) fn fee_bound(&self, symbol: SymbolId, value: Cash, lots: i64) -> Cash {
        let instrument = &self.market.instruments[symbol as usize];
        let Some(rates) = instrument.fees_at(self.market.now_ns) else { return 0 };
        let rate = rates.taker_e10.max(rates.maker_e10).max(0);
        // 2^33 is a little less than 10^10.
        let share = times((value >> 33) + 1, rate);
        let curve = if rates.has_curve() { rates.curve_bound(value, lots, instrument.payout_of_lot()) } else { 0 };
        (share + curve + rates.per_lot.max(0) * lots as i128).max(rates.minimum)
    }
}
