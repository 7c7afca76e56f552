//! Tests of the simulated venue: tables worked by hand, and a slow second implementation.

mod bar_costs;
mod bar_orders;
mod bar_times;
mod model;
mod quote_model;
mod quote_orders;
mod requests;

use super::{Fills, SimVenue, VenueConfig};
use crate::event::{Bar, Payload, Quote, Record, Status, Trade};
use crate::instrument::Instrument;
use crate::market::Market;
use crate::order::{Liquidity, Order, OrderId, OrderType, Report, ReportKind, Side, TimeInForce};

/// An order that reads as one says it: `buy(3).limit(99).ioc()`.
#[derive(Clone, Copy, Debug)]
struct Asked(Order);

fn asked(side: Side, lots: i64) -> Asked {
    Asked(Order {
        id: 0,
        policy: 0,
        symbol: 0,
        side,
        lots,
        kind: OrderType::Market,
        tif: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        decided_ns: 0,
    })
}

fn buy(lots: i64) -> Asked {
    asked(Side::Buy, lots)
}

fn sell(lots: i64) -> Asked {
    asked(Side::Sell, lots)
}

impl Asked {
    fn kind(mut self, kind: OrderType) -> Asked {
        self.0.kind = kind;
        self
    }
    fn limit(self, limit: i64) -> Asked {
        self.kind(OrderType::Limit { limit })
    }
    fn stop(self, stop: i64) -> Asked {
        self.kind(OrderType::Stop { stop })
    }
    fn stop_limit(self, stop: i64, limit: i64) -> Asked {
        self.kind(OrderType::StopLimit { stop, limit })
    }
    fn trail(self, distance: i64) -> Asked {
        self.kind(OrderType::TrailingStop { distance })
    }
    fn tif(mut self, tif: TimeInForce) -> Asked {
        self.0.tif = tif;
        self
    }
    fn ioc(self) -> Asked {
        self.tif(TimeInForce::Ioc)
    }
    fn fok(self) -> Asked {
        self.tif(TimeInForce::Fok)
    }
    fn day(self) -> Asked {
        self.tif(TimeInForce::Day)
    }
    fn post_only(mut self) -> Asked {
        self.0.post_only = true;
        self
    }
    fn reduce_only(mut self) -> Asked {
        self.0.reduce_only = true;
        self
    }
}

/// The backtest's loop without a policy: records, reports, timers, arrivals, in the order of the semantics.
struct Bench {
    venue: SimVenue,
    market: Market,
    now_ns: i64,
    reports: Vec<Report>,
    next_id: OrderId,
    said: usize,
}

/// Every bar of the tables is this long.
const BAR_NS: i64 = 60;

impl Bench {
    fn new(config: VenueConfig) -> Bench {
        Bench::with(config, Instrument::plain("X"))
    }

    fn with(config: VenueConfig, instrument: Instrument) -> Bench {
        let market = Market::new(vec![instrument]);
        let venue = SimVenue::new(config, &market.instruments);
        Bench { venue, market, now_ns: 0, reports: Vec::new(), next_id: 1, said: 0 }
    }

    /// Sends an order decided now.
    fn send(&mut self, asked: Asked) -> OrderId {
        let id = self.next_id;
        self.next_id += 1;
        self.venue.submit(&Order { id, decided_ns: self.now_ns, ..asked.0 });
        id
    }

    /// Everything before a time, in order.
    fn until(&mut self, time_ns: i64) {
        loop {
            let next_ns = self.venue.next_timer_ns().min(self.venue.next_arrival_ns());
            if next_ns >= time_ns {
                break;
            }
            self.turn(next_ns);
        }
        self.now_ns = self.now_ns.max(time_ns);
    }

    fn turn(&mut self, now_ns: i64) {
        self.venue.on_time(now_ns, &self.market);
        self.venue.arrive(now_ns, &self.market);
        self.venue.pop_reports(i64::MAX, &mut self.reports);
        self.now_ns = self.now_ns.max(now_ns);
    }

    fn bar_record(&mut self, bar: Bar) {
        self.until(bar.ts_recv_ns);
        self.venue.on_bar(0, &bar, &self.market);
        self.market.on_bar(0, &bar);
        self.turn(bar.ts_recv_ns);
    }

    /// The next bar, which opens now.
    fn bar(&mut self, open: i64, high: i64, low: i64, close: i64, volume: f64) {
        let open_ns = self.now_ns;
        let end_ns = open_ns + BAR_NS;
        self.bar_record(Bar { ts_recv_ns: end_ns, ts_event_ns: end_ns, open_ns, open, high, low, close, volume });
    }

    fn quote_at(&mut self, now_ns: i64, bid: i64, ask: i64, bid_size: f64, ask_size: f64) {
        self.until(now_ns);
        let quote = Quote { ts_recv_ns: now_ns, ts_event_ns: now_ns, bid, ask, bid_size, ask_size };
        self.venue.on_quote(0, &quote, &self.market);
        self.market.on_quote(0, &quote);
        self.turn(now_ns);
    }

    /// The next quote, ten sizes deep, one tick of time later.
    fn quote(&mut self, bid: i64, ask: i64) {
        self.quote_at(self.now_ns + 1, bid, ask, 10.0, 10.0);
    }

    fn print(&mut self, price: i64, size: f64) {
        let now_ns = self.now_ns + 1;
        self.until(now_ns);
        let trade = Trade { ts_recv_ns: now_ns, ts_event_ns: now_ns, price, size, aggressor: 0 };
        self.venue.on_trade(0, &trade, &self.market);
        self.market.on_trade(0, &trade);
        self.turn(now_ns);
    }

    fn other(&mut self, payload: Payload) {
        let record = Record { ts_recv_ns: self.now_ns, ts_event_ns: self.now_ns, symbol: 0, payload };
        self.venue.on_other(&record, &self.market);
        self.market.apply(&record);
        self.turn(self.now_ns);
    }

    fn status(&mut self, status: Status) {
        self.other(Payload::Status(status));
    }

    /// What was reported since the last call: `1 accepted; 1 filled 2@100 taker`.
    fn news(&mut self) -> String {
        self.turn(self.now_ns);
        let lines: Vec<String> = self.reports[self.said..].iter().map(line).collect();
        self.said = self.reports.len();
        lines.join("; ")
    }
}

fn line(report: &Report) -> String {
    let what = match report.kind {
        ReportKind::Accepted => "accepted".to_owned(),
        ReportKind::Rejected(reason) => format!("rejected {}", reason.name()),
        ReportKind::Cancelled(reason) => format!("cancelled {}", reason.name()),
        ReportKind::Expired(reason) => format!("expired {}", reason.name()),
        ReportKind::Filled(fill) => {
            let liquidity = if fill.liquidity == Liquidity::Maker { "maker" } else { "taker" };
            format!("{}@{} {liquidity}", fill.lots, fill.price)
        }
        ReportKind::Amended { limit, lots } => format!("amended {lots}@{limit}"),
        ReportKind::CancelRejected => "cancel rejected".to_owned(),
        ReportKind::AmendRejected => "amend rejected".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{} {}", report.order, what.trim())
}

/// Orders sent together, then bars `[open, high, low, close, volume]`; what the bars brought, one string a bar.
fn on_bars(config: VenueConfig, orders: &[Asked], bars: &[[i64; 5]]) -> Vec<String> {
    let mut bench = Bench::new(config);
    for asked in orders {
        bench.send(*asked);
    }
    bench.turn(0);
    bench.said = bench.reports.len();
    bars.iter()
        .map(|bar| {
            bench.bar(bar[0], bar[1], bar[2], bar[3], bar[4] as f64);
            bench.news()
        })
        .collect()
}

fn fills(change: impl FnOnce(&mut Fills)) -> VenueConfig {
    let mut config = VenueConfig::default();
    change(&mut config.fills);
    config
}

/// One row: what is sent, the bars, what each bar brings.
type Row<'a> = (&'a str, &'a [Asked], &'a [[i64; 5]], &'a [&'a str]);

fn check(config: &VenueConfig, rows: &[Row<'_>]) {
    for (name, orders, bars, expected) in rows {
        assert_eq!(on_bars(config.clone(), orders, bars), *expected, "{name}");
    }
}
