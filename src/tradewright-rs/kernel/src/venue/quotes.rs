//! Orders against quotes and public prints.

use super::matcher::{Matcher, share_lots};
use super::working::Phase;
use crate::event::{Quote, Trade};
use crate::order::{Liquidity, Side};

/// Lots that we took from a quote, by the side of our order: what it displays is there once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    of: Quote,
    pub(super) lots: [i64; 2],
}

impl Taken {
    /// Nothing of this quote.
    pub(super) fn nothing_of(quote: &Quote) -> Taken {
        Taken { of: *quote, lots: [0, 0] }
    }

    /// Whether these are lots of this quote, times and all, and not of one before it.
    #[inline]
    pub(super) fn is_of(&self, quote: &Quote) -> bool {
        let bits = |quote: &Quote| [quote.bid_size.to_bits(), quote.ask_size.to_bits()];
        self.of.ts_recv_ns == quote.ts_recv_ns
            && self.of.ts_event_ns == quote.ts_event_ns
            && (self.of.bid, self.of.ask) == (quote.bid, quote.ask)
            && bits(&self.of) == bits(quote)
    }
}

impl Matcher<'_> {
    /// Meets a new quote, in order of arrival.
    pub(super) fn meet_quote(&mut self, quote: &Quote, event_ns: i64, taken: &mut Taken) {
        for index in 0..self.orders.len() {
            self.meet_quote_one(index, quote, event_ns, taken);
        }
    }

    /// Meets the quote with one order: buys take from the ask, sells from the bid; resting limits fill at their price.
    #[inline]
    pub(super) fn meet_quote_one(&mut self, index: usize, quote: &Quote, event_ns: i64, taken: &mut Taken) {
        let working = &self.orders[index];
        if working.is_done {
            return;
        }
        let side = working.order.side;
        let (price, size, is_there) = match side {
            Side::Buy => (quote.ask, quote.ask_size, quote.ask != i64::MAX),
            Side::Sell => (quote.bid, quote.bid_size, quote.bid != i64::MIN),
        };
        if !is_there {
            return self.meet_nothing(index, event_ns);
        }
        // What only waits is most of what there is.
        match working.phase() {
            Phase::Limit(limit) if working.has_rested && !working.within(limit, price) => return,
            Phase::Stop(stop) if working.is_accepted && !working.reaches(stop, price) => {
                return self.orders[index].follow(price);
            }
            _ => {}
        }
        let taken = &mut taken.lots[side as usize];
        let before = self.displayed_lots(size).saturating_sub(*taken).max(0);
        let mut displayed = before;
        self.meet(index, price, event_ns, true, &mut displayed);
        *taken = taken.saturating_add(before - displayed);
    }

    /// No price on the other side: what may not wait is refused, a limit rests, a market order waits for the next quote.
    pub(super) fn meet_nothing(&mut self, index: usize, event_ns: i64) {
        let working = &self.orders[index];
        if working.is_immediate() && matches!(working.phase(), Phase::Market | Phase::Limit(_)) {
            return self.refuse(index, event_ns, crate::order::Reason::NoPrice);
        }
        self.accept(index, event_ns);
        self.orders[index].has_rested = matches!(self.orders[index].phase(), Phase::Limit(_));
    }

    fn displayed_lots(&self, size: f64) -> i64 {
        if !self.config.fills.displayed_size_caps {
            return i64::MAX;
        }
        share_lots(self.instrument, size, self.config.fills.participation_max)
    }

    /// Meets a public print beside quotes: one beyond a resting limit has taken what stood before it, and us.
    pub(super) fn meet_print(&mut self, print: &Trade, event_ns: i64) {
        let touch_fills = self.config.fills.touch_fills;
        let mut budget = share_lots(self.instrument, print.size, self.config.fills.participation_max);
        for index in 0..self.orders.len() {
            let working = &self.orders[index];
            if let Phase::Limit(limit) = working.phase()
                && working.has_rested
                && !working.is_done
                && working.trades_through(limit, print.price, touch_fills)
            {
                self.fill(index, limit, event_ns, Liquidity::Maker, &mut budget);
            }
        }
    }

    /// Meets a public print where there is nothing else: the print is the price for whoever takes.
    pub(super) fn meet_print_alone(&mut self, print: &Trade, event_ns: i64) {
        let touch_fills = self.config.fills.touch_fills;
        let mut budget = share_lots(self.instrument, print.size, self.config.fills.participation_max);
        for index in 0..self.orders.len() {
            let working = &self.orders[index];
            let only_touched = matches!(working.phase(), Phase::Limit(limit)
                if working.has_rested && !working.trades_through(limit, print.price, touch_fills));
            if !working.is_done && !only_touched {
                self.meet(index, print.price, event_ns, true, &mut budget);
            }
        }
    }
}
