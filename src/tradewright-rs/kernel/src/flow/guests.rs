//! Orders from outside: they stand in the same book, and the flow meets them as it meets its own.

use super::market::FlowMarket;
use crate::event::BookRow;
use crate::matching::{Change, Limit, Market, Outcome, Record, Reject};
use crate::order::Side;

/// A command of somebody who is not part of the flow. Ids are his own; small ones are quick to find.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// A limit order.
    Limit(Limit),
    /// A market order.
    Market(Market),
    /// A market order that waits for a trade at a price, in ticks, or beyond.
    Stop(Market, i64),
    /// A limit order that does.
    StopLimit(Limit, i64),
    /// Takes an order out.
    Cancel(u64),
    /// Changes one.
    Amend(u64, Change),
}

/// A trade of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestFill {
    /// When.
    pub at_ns: i64,
    /// His order.
    pub id: u64,
    /// Its side.
    pub side: Side,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub size: i64,
    /// Whether his order rested.
    pub is_maker: bool,
    /// Lots that stood before his order at its price just before what filled it, if it rested.
    pub ahead: Option<i64>,
    /// Twice the mid just before that, in ticks; `None` where a side was empty.
    pub mid_x2: Option<i64>,
}

/// Ids in the engine: those of the flow are even, those of guests odd, so that both stay small.
pub(super) fn of_flow(id: u64) -> u64 {
    id << 1
}

pub(super) fn of_guest(id: u64) -> u64 {
    id << 1 | 1
}

/// Where an id of the engine comes from: the flow's own number, or a guest's.
pub(super) fn owner_of(id: u64) -> Result<u64, u64> {
    if id & 1 == 0 { Ok(id >> 1) } else { Err(id >> 1) }
}

impl FlowMarket {
    /// Sends a guest's command, at a time that is no earlier than what has happened and no later than the next step.
    /// The message that a feed sends, if anything shows, is appended; his trades join [`FlowMarket::guest_fills`].
    ///
    /// # Errors
    /// What the engine refuses; nothing changes. Ids are below 2⁶³, or [`Reject::Malformed`].
    pub fn request(&mut self, at_ns: i64, request: &Request, rows: &mut Vec<BookRow>) -> Result<(), Reject> {
        self.pass_to(at_ns);
        let before = self.resting.len();
        let (engine, record) = (&mut self.engine, &mut self.record);
        let done = match *request {
            Request::Limit(order) => numbered(order.id).and_then(|id| engine.limit(&Limit { id, ..order }, record)),
            Request::Market(order) => numbered(order.id).and_then(|id| engine.market(&Market { id, ..order }, record)),
            Request::Stop(order, trigger) => {
                numbered(order.id).and_then(|id| engine.stop(&Market { id, ..order }, trigger, record))
            }
            Request::StopLimit(order, trigger) => {
                numbered(order.id).and_then(|id| engine.stop_limit(&Limit { id, ..order }, trigger, record))
            }
            Request::Cancel(id) => numbered(id).and_then(|id| engine.cancel(id, record)),
            Request::Amend(id, change) => numbered(id).and_then(|id| engine.amend(id, &change, record)),
        };
        self.settle();
        if self.resting.len() != before {
            self.schedule_cancel();
        }
        self.publish(rows);
        done
    }

    /// Trades of guests since this was last asked.
    pub fn guest_fills(&mut self) -> Vec<GuestFill> {
        std::mem::take(&mut self.guest_fills)
    }

    /// What else happened to orders of guests since this was last asked: their ids are the guests' own.
    pub fn guest_outcomes(&mut self) -> Vec<(i64, Outcome)> {
        std::mem::take(&mut self.guest_outcomes)
    }

    /// Lots of a guest's order that may still trade; `None` once it has ended.
    pub fn guest_open(&self, id: u64) -> Option<i64> {
        self.engine.order(of_guest(id)).map(|order| order.open)
    }

    /// Lots that stand before a guest's resting order at its price.
    pub fn guest_queue_ahead(&self, id: u64) -> Option<i64> {
        self.engine.queue_ahead(of_guest(id))
    }

    /// Notes what happened to guests, as makers and as takers.
    pub(super) fn note_guests(&mut self, record: &Record, at_ns: i64) {
        let mid_x2 = self.mid_x2_before;
        for (at, fill) in record.fills.iter().enumerate() {
            let sides = [(fill.maker, fill.side.opposite(), true), (fill.taker, fill.side, false)];
            for (engine_id, side, is_maker) in sides {
                if let Err(id) = owner_of(engine_id) {
                    let (price, size) = (fill.price, fill.size);
                    // First come, first served: what one command takes of a price before him stood before him.
                    let earlier =
                        record.fills[..at].iter().filter(|other| other.price == price && other.maker != fill.maker);
                    let ahead = is_maker.then(|| earlier.map(|other| other.size).sum());
                    self.guest_fills.push(GuestFill { at_ns, id, side, price, size, is_maker, ahead, mid_x2 });
                }
            }
        }
        self.mid_x2_before = self.mid_x2();
        for &outcome in &record.outcomes {
            if let Err(id) = owner_of(outcome.id) {
                self.guest_outcomes.push((at_ns, Outcome { id, ..outcome }));
            }
        }
    }
}

fn numbered(id: u64) -> Result<u64, Reject> {
    if id < 1 << 63 { Ok(of_guest(id)) } else { Err(Reject::Malformed) }
}
