//! Orders like those that exchange-core's README measures with: 9 % good-till-cancelled, 3 % immediate-or-cancel,
//! 6 % cancels, 82 % moves; about 1,000 live orders in 750 price slots, and a trade in a few percent of the commands.

use tradewright_kernel::matching::{Change, Engine, Fill, Limit, Outcome, Reject, SelfTrade, Sink, Tif};
use tradewright_kernel::order::Side;

/// One command of the flow.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// A new order.
    Limit(Limit),
    /// A cancellation.
    Cancel(u64),
    /// A new price for a live order.
    Move(u64, i64),
}

/// Orders that rest before the measured commands begin.
pub const LIVE: usize = 1_000;
/// Prices on each side of the middle.
const SLOTS: u64 = 375;
const MIDDLE: i64 = 100_000;
const OWNERS: u64 = 1_000;

/// Marsaglia's xorshift64*: the same flow on every machine.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % bound
    }
}

/// Keeps the ends of makers, to know who is live.
#[derive(Default)]
struct Watch {
    makers: Vec<u64>,
}

impl Sink for Watch {
    fn fill(&mut self, fill: Fill) {
        self.makers.push(fill.maker);
    }
    fn outcome(&mut self, _outcome: Outcome) {}
}

/// Counts, and keeps nothing.
#[derive(Default)]
pub struct Count {
    /// Trades.
    pub fills: u64,
    /// Lots traded.
    pub lots: i64,
}

impl Sink for Count {
    #[inline]
    fn fill(&mut self, fill: Fill) {
        self.fills += 1;
        self.lots += fill.size;
    }
    #[inline]
    fn outcome(&mut self, _outcome: Outcome) {}
}

/// An engine like the one that the flow was made with.
pub fn engine() -> Engine {
    Engine::new(SelfTrade::CancelOldest)
}

/// Does a command.
#[inline]
pub fn apply(engine: &mut Engine, command: &Command, sink: &mut impl Sink) -> Result<(), Reject> {
    match command {
        Command::Limit(order) => engine.limit(order, sink),
        Command::Cancel(id) => engine.cancel(*id, sink),
        Command::Move(id, price) => engine.amend(*id, &Change { price: Some(*price), ..Change::default() }, sink),
    }
}

/// The first [`LIVE`] commands fill the book, `count` follow.
pub fn make(count: usize) -> Vec<Command> {
    let mut draws = Draws(0x9E37_79B9_7F4A_7C15);
    let (mut engine, mut watch) = (engine(), Watch::default());
    let (mut live, mut commands) = (Vec::<u64>::new(), Vec::with_capacity(LIVE + count));
    let mut next = 0;
    while commands.len() < LIVE + count {
        let draw = draws.below(100);
        // Trades hold the number of live orders where it is.
        let eager = if live.len() > LIVE { 50 } else { 20 };
        let command = if commands.len() < LIVE || draw < 12 || live.is_empty() {
            let id = next;
            next += 1;
            let side = if draws.below(2) == 0 { Side::Buy } else { Side::Sell };
            let tif = if commands.len() < LIVE || draw < 9 { Tif::Gtc } else { Tif::Ioc };
            let (price, size) = (
                price(&mut draws, side, if tif == Tif::Ioc { 2 * eager } else { eager / 10 }),
                1 + draws.below(100) as i64,
            );
            Command::Limit(Limit { id, side, price, size, owner: 1 + draws.below(OWNERS) as u32, tif, peak: 0 })
        } else {
            let id = live[draws.below(live.len() as u64) as usize];
            match engine.order(id) {
                Some(_) if draw < 18 => Command::Cancel(id),
                Some(order) => Command::Move(id, price(&mut draws, order.side, eager / 10)),
                None => unreachable!("only live orders are drawn"),
            }
        };
        apply(&mut engine, &command, &mut watch).expect("the flow asks for nothing impossible");
        match command {
            Command::Limit(order) => watch.makers.push(order.id),
            Command::Cancel(id) | Command::Move(id, _) => watch.makers.push(id),
        }
        for id in watch.makers.drain(..) {
            let at = live.iter().position(|&other| other == id);
            match (engine.order(id).is_some(), at) {
                (true, None) => live.push(id),
                (false, Some(at)) => drop(live.swap_remove(at)),
                _ => {}
            }
        }
        // Self-trade prevention ends orders without a trade.
        live.retain(|&id| engine.order(id).is_some());
        commands.push(command);
    }
    commands
}

/// A price on the order's own side, or, so many times in a hundred, one through the middle.
fn price(draws: &mut Draws, side: Side, through: u64) -> i64 {
    let away = 1 + draws.below(SLOTS) as i64;
    let away = if draws.below(100) < through { -(away % 8) } else { away };
    if side == Side::Buy { MIDDLE - away } else { MIDDLE + away }
}
