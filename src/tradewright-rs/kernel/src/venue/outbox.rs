//! Reports on their way back.

use super::latency::Latency;
use super::queue::TimedQueue;
use crate::instrument::SymbolId;
use crate::order::{OrderId, Report, ReportKind};

/// The mid where a side of the market was empty, or none is displayed.
pub const NO_MID: i64 = i64::MIN;

/// What the venue saw when it filled an order of ours: nobody could reconstruct it from the report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FillNote {
    /// Twice the mid of the venue's own market just before what caused the fill, in price units; [`NO_MID`] without.
    pub mid_x2: i64,
    /// Lots that stood before our resting order just before it; NaN of a taker, and where there is no queue.
    pub ahead_lots: f64,
}

/// What the cost model added to the price of a fill that took, in price units against the order: never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddedCost {
    /// Which fill.
    pub fill_id: u64,
    /// Of the half-spread.
    pub spread: i64,
    /// Of the impact.
    pub impact: i64,
}

/// What the venue remembers of an order id, whatever became of the order.
#[derive(Clone, Copy, Debug)]
struct Track {
    symbol: SymbolId,
    last_arrival_ns: i64,
    last_recv_ns: i64,
}

const NOBODY: Track = Track { symbol: SymbolId::MAX, last_arrival_ns: i64::MIN, last_recv_ns: i64::MIN };

/// Stamps requests and reports with their latency. Neither overtakes another about the same order.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    latency: Latency,
    decision_ns: i64,
    tracks: Vec<Track>,
    pub(super) reports: TimedQueue<Report>,
    /// One a fill, in order of fill id: ids count from 1.
    pub(super) notes: Vec<FillNote>,
    /// Fills that paid spread or impact, in order of fill id.
    pub(super) added: Vec<AddedCost>,
    /// Fills that paid no impact because the average volume was not known yet.
    pub(super) fills_without_impact: u64,
}

impl Outbox {
    pub(super) fn new(latency: Latency, decision_ns: i64) -> Outbox {
        Outbox {
            latency,
            decision_ns,
            tracks: Vec::new(),
            reports: TimedQueue::new(),
            notes: Vec::new(),
            added: Vec::new(),
            fills_without_impact: 0,
        }
    }

    #[inline]
    pub(super) fn know(&mut self, order: OrderId, symbol: SymbolId) {
        let index = order as usize;
        if index >= self.tracks.len() {
            self.tracks.resize(index + 1, NOBODY);
        }
        self.tracks[index].symbol = symbol;
    }

    /// The symbol of an order that was submitted here.
    #[inline]
    pub(super) fn symbol_of(&self, order: OrderId) -> Option<SymbolId> {
        self.tracks.get(order as usize).map(|track| track.symbol).filter(|symbol| *symbol != SymbolId::MAX)
    }

    /// When a request about this order arrives.
    #[inline]
    pub(super) fn arrival_ns(&mut self, order: OrderId, decided_ns: i64) -> i64 {
        let arrival_ns = decided_ns + self.decision_ns + self.latency.entry_ns(order, decided_ns);
        let Some(track) = self.tracks.get_mut(order as usize) else { return arrival_ns };
        track.last_arrival_ns = track.last_arrival_ns.max(arrival_ns);
        track.last_arrival_ns
    }

    #[inline]
    pub(super) fn next_fill_id(&mut self, note: FillNote) -> u64 {
        self.notes.push(note);
        self.notes.len() as u64
    }

    /// Sends a report on what happened at `event_ns`, which nobody could know before `known_ns`.
    #[inline]
    pub(super) fn send(&mut self, order: OrderId, event_ns: i64, known_ns: i64, kind: ReportKind) {
        let mut recv_ns = (event_ns + self.latency.response_ns(order, event_ns)).max(known_ns);
        if let Some(track) = self.tracks.get_mut(order as usize) {
            recv_ns = recv_ns.max(track.last_recv_ns);
            track.last_recv_ns = recv_ns;
        }
        self.reports.push(recv_ns, Report { order, ts_event_ns: event_ns, ts_recv_ns: recv_ns, kind });
    }
}
