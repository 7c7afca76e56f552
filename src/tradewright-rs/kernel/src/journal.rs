//! What was decided, allowed, sent and answered, as checksummed frames.
//!
//! A frame is `length u32 | crc32 u32 | MessagePack`, little-endian; a torn tail is cut by the reader, not fatal. The
//! body is an array whose first element names the frame: `d` decision, `s` sent, `x` refused, `a` amend, `c` cancel,
//! `r` report, `e` a position's event, `m` money put in or taken out, or a rate of exchange. Numbers are the kernel's integers, so that equal runs give equal bytes.

use std::io::Write;

use crate::gate::Refusal;
use crate::instrument::CurrencyId;
use crate::intent::{Intent, QuoteSide, RequestType};
use crate::ledger::{Entry, EntryKind};
use crate::num::Cash;
use crate::order::{Order, OrderId, OrderType, Origin, PolicyId, Reason, Report, ReportKind};

/// A decision as it is journalled.
pub struct Decision<'a> {
    /// When.
    pub now_ns: i64,
    /// Who.
    pub policy: PolicyId,
    /// Which of its wake conditions fired.
    pub woken_by: &'a [u16],
    /// Values of the nodes it watches.
    pub watched: &'a [f64],
    /// What it wants.
    pub intents: &'a [Intent],
    /// The id that its first new order would get.
    pub next_order: OrderId,
}

/// What a risk manager made smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// Lots as asked for; of an amendment all of the order, what has traded included.
    pub asked_lots: i64,
    /// Name of the manager.
    pub manager: String,
}

/// The journal of a run.
pub struct Journal {
    out: Box<dyn Write + Send + Sync>,
    frame: Vec<u8>,
    error: Option<std::io::Error>,
}

impl Journal {
    /// A journal that writes to `out`, buffered by the caller.
    pub fn new(out: Box<dyn Write + Send + Sync>) -> Journal {
        Journal { out, frame: Vec::with_capacity(256), error: None }
    }

    /// Writes what is buffered; the first error of any write so far.
    pub fn flush(&mut self) -> std::io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.out.flush()
    }

    fn close(&mut self) {
        let mut head = [0; 8];
        head[..4].copy_from_slice(&(self.frame.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&crc32fast::hash(&self.frame).to_le_bytes());
        let written = self.out.write_all(&head).and_then(|()| self.out.write_all(&self.frame));
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }

    fn open(&mut self, kind: &str, fields: u32) {
        self.frame.clear();
        self.array(fields + 1);
        self.text(kind);
    }

    fn array(&mut self, length: u32) {
        put(rmp::encode::write_array_len(&mut self.frame, length).is_ok());
    }

    fn text(&mut self, text: &str) {
        put(rmp::encode::write_str(&mut self.frame, text).is_ok());
    }

    fn int(&mut self, value: i64) {
        put(rmp::encode::write_sint(&mut self.frame, value).is_ok());
    }

    fn float(&mut self, value: f64) {
        put(rmp::encode::write_f64(&mut self.frame, value).is_ok());
    }

    fn nil(&mut self) {
        put(rmp::encode::write_nil(&mut self.frame).is_ok());
    }

    fn optional(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.float(value),
            None => self.nil(),
        }
    }

    /// Notes a decision.
    pub fn decision(&mut self, decision: &Decision<'_>) {
        self.open("d", 6);
        self.int(decision.now_ns);
        self.int(i64::from(decision.policy));
        self.array(decision.woken_by.len() as u32);
        for &wake in decision.woken_by {
            self.int(i64::from(wake));
        }
        self.array(decision.watched.len() as u32);
        for &value in decision.watched {
            self.float(value);
        }
        self.int(i64::from(decision.next_order));
        self.array(decision.intents.len() as u32);
        for intent in decision.intents {
            self.intent(intent);
        }
        self.close();
    }

    fn intent(&mut self, intent: &Intent) {
        match *intent {
            Intent::TargetPosition { symbol, size, limit, passive } => {
                self.array(5);
                self.text("position");
                self.int(i64::from(symbol));
                self.float(size);
                self.optional(limit);
                self.int(i64::from(passive));
            }
            Intent::TargetQuotes { symbol, bid, ask, replace } => {
                self.array(7);
                self.text("quotes");
                self.int(i64::from(symbol));
                for side in [bid, ask] {
                    let QuoteSide { price, size } = side.unwrap_or(QuoteSide { price: f64::NAN, size: 0.0 });
                    self.float(price);
                    self.float(size);
                }
                self.int(replace as i64);
            }
            Intent::Submit { symbol, side, size, request, tif, post_only, reduce_only } => {
                self.array(10);
                self.text("submit");
                self.int(i64::from(symbol));
                self.int(side as i64);
                self.float(size);
                let (name, stop, limit) = match request {
                    RequestType::Market => ("market", None, None),
                    RequestType::Limit { limit } => ("limit", None, Some(limit)),
                    RequestType::Stop { stop } => ("stop", Some(stop), None),
                    RequestType::StopLimit { stop, limit } => ("stop_limit", Some(stop), Some(limit)),
                    RequestType::TrailingStop { distance } => ("trailing_stop", Some(distance), None),
                };
                self.text(name);
                self.optional(stop);
                self.optional(limit);
                self.int(tif as i64);
                self.int(i64::from(post_only));
                self.int(i64::from(reduce_only));
            }
            Intent::Cancel { order } => {
                self.array(2);
                self.text("cancel");
                self.int(i64::from(order));
            }
            Intent::Amend { order, size, limit } => {
                self.array(4);
                self.text("amend");
                self.int(i64::from(order));
                self.optional(size);
                self.optional(limit);
            }
            Intent::CancelAll { symbol } => {
                self.array(2);
                self.text("cancel_all");
                self.int(symbol.map_or(-1, i64::from));
            }
        }
    }

    fn order(&mut self, order: &Order, origin: Origin) {
        self.int(order.decided_ns);
        self.int(i64::from(order.id));
        self.int(i64::from(order.policy));
        self.int(i64::from(order.symbol));
        self.int(order.side as i64);
        self.int(order.lots);
        let (name, stop, limit) = match order.kind {
            OrderType::Market => ("market", 0, 0),
            OrderType::Limit { limit } => ("limit", 0, limit),
            OrderType::Stop { stop } => ("stop", stop, 0),
            OrderType::StopLimit { stop, limit } => ("stop_limit", stop, limit),
            OrderType::TrailingStop { distance } => ("trailing_stop", distance, 0),
        };
        self.text(name);
        self.int(stop);
        self.int(limit);
        self.int(order.tif as i64);
        self.int(i64::from(order.post_only));
        self.int(i64::from(order.reduce_only));
        self.int(origin as i64);
    }

    /// Notes an order that the gate let pass; a risk manager may have made it smaller than was asked.
    pub fn sent(&mut self, order: &Order, origin: Origin, shrunk: Option<&Shrunk>) {
        self.open("s", 15);
        self.order(order, origin);
        self.shrunk(order.lots, shrunk);
        self.close();
    }

    fn shrunk(&mut self, lots: i64, shrunk: Option<&Shrunk>) {
        self.int(shrunk.map_or(lots, |shrunk| shrunk.asked_lots));
        self.text(shrunk.map_or("", |shrunk| &shrunk.manager));
    }

    /// Notes an order that the gate refused.
    pub fn refused(&mut self, order: &Order, origin: Origin, refusal: &Refusal) {
        self.open("x", 18);
        self.order(order, origin);
        self.text(refusal.reason.name());
        self.float(refusal.value);
        self.float(refusal.limit);
        self.int(refusal.policy.map_or(-1, i64::from));
        self.text(&refusal.text);
        self.close();
    }

    /// Notes a cancellation.
    pub fn cancel(&mut self, now_ns: i64, order: OrderId, reason: Reason) {
        self.open("c", 3);
        self.int(now_ns);
        self.int(i64::from(order));
        self.text(reason.name());
        self.close();
    }

    /// Notes an amendment; a risk manager may have made it smaller than was asked.
    pub fn amend(&mut self, now_ns: i64, order: OrderId, limit: i64, lots: i64, shrunk: Option<&Shrunk>) {
        self.open("a", 6);
        self.int(now_ns);
        self.int(i64::from(order));
        self.int(limit);
        self.int(lots);
        self.shrunk(lots, shrunk);
        self.close();
    }

    /// Notes what changed a position, or the money that it earned, without a fill.
    pub fn event(&mut self, now_ns: i64, entry: &Entry) {
        let (kind, numerator, denominator) = match entry.kind {
            EntryKind::Fill { .. } => ("fill", 1, 1),
            EntryKind::Split { numerator, denominator } => ("split", numerator, denominator),
            EntryKind::Settlement => ("settlement", 1, 1),
            EntryKind::Refund => ("refund", 1, 1),
            EntryKind::Dividend => ("dividend", 1, 1),
            EntryKind::Funding => ("funding", 1, 1),
            EntryKind::Borrow => ("borrow", 1, 1),
        };
        self.open("e", 11);
        self.int(now_ns);
        self.int(entry.ts_event_ns);
        self.text(kind);
        self.int(i64::from(entry.policy));
        self.int(i64::from(entry.symbol));
        self.int(entry.lots_after);
        self.int(entry.price);
        self.text(&entry.amount.to_string());
        self.text(&entry.realised.to_string());
        self.int(numerator);
        self.int(denominator);
        self.close();
    }

    /// Notes money put in or taken out (`deposit`), or the value of a currency in the account's (`rate`), in 10⁻¹².
    pub fn money(&mut self, now_ns: i64, ts_event_ns: i64, kind: &str, currency: CurrencyId, amount: Cash) {
        self.open("m", 5);
        self.int(now_ns);
        self.int(ts_event_ns);
        self.text(kind);
        self.int(i64::from(currency));
        self.text(&amount.to_string());
        self.close();
    }

    /// Notes a report.
    pub fn report(&mut self, report: &Report) {
        self.open("r", 5);
        self.int(report.ts_recv_ns);
        self.int(report.ts_event_ns);
        self.int(i64::from(report.order));
        let named = |name| (name, None);
        let (name, reason) = match report.kind {
            ReportKind::Accepted => named("accepted"),
            ReportKind::Rejected(reason) => ("rejected", Some(reason)),
            ReportKind::Filled(_) => named("filled"),
            ReportKind::FillReversed { .. } => named("fill_reversed"),
            ReportKind::Cancelled(reason) => ("cancelled", Some(reason)),
            ReportKind::Expired(reason) => ("expired", Some(reason)),
            ReportKind::CancelRejected => named("cancel_rejected"),
            ReportKind::Amended { .. } => named("amended"),
            ReportKind::AmendRejected => named("amend_rejected"),
            ReportKind::Unknown => named("unknown"),
        };
        self.text(name);
        match report.kind {
            ReportKind::Filled(fill) => {
                self.array(5);
                self.int(fill.fill_id as i64);
                self.int(fill.price);
                self.int(fill.lots);
                self.text(&fill.fee.to_string()); // 128 bits do not fit MessagePack's integers.
                self.int(fill.liquidity as i64);
            }
            ReportKind::FillReversed { fill_id } => {
                self.array(1);
                self.int(fill_id as i64);
            }
            ReportKind::Amended { limit, lots } => {
                self.array(2);
                self.int(limit);
                self.int(lots);
            }
            _ => {
                self.array(1);
                self.text(reason.unwrap_or(Reason::None).name());
            }
        }
        self.close();
    }
}

/// Writing to a `Vec` does not fail.
fn put(written: bool) {
    debug_assert!(written, "Invariant: memory takes every byte");
}
