//! The engine against the slow book, and the rules one by one.

mod rules;
mod slow;

use std::collections::BTreeMap;

use proptest::prelude::*;

use self::slow::SlowBook;
use super::*;
use crate::order::Side;

const RULES: [SelfTrade; 5] =
    [SelfTrade::Allow, SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth, SelfTrade::Decrement];

#[derive(Clone, Copy, Debug)]
enum Command {
    Limit(Limit, Option<i64>),
    Market(Market, Option<i64>),
    Cancel(u64),
    Amend(u64, Change),
}

fn command() -> impl Strategy<Value = Command> {
    let id = 0u64..40;
    let side = prop::bool::ANY.prop_map(|is_buy| if is_buy { Side::Buy } else { Side::Sell });
    let price = prop_oneof![20 => 95i64..106, 1 => -9_000i64..9_000, 1 => Just(COUNT_MAX + 1), 1 => Just(-COUNT_MAX)];
    let size = prop_oneof![20 => 1i64..12, 1 => -1i64..1];
    let tif = prop_oneof![5 => Just(Tif::Gtc), 1 => Just(Tif::Ioc), 1 => Just(Tif::Fok), 1 => Just(Tif::PostOnly)];
    let peak = prop_oneof![3 => Just(0i64), 2 => 1i64..4, 1 => -1i64..1];
    let stop = prop_oneof![4 => Just(None), 1 => price.clone().prop_map(Some)];
    let limit = (id.clone(), side.clone(), price.clone(), size.clone(), 0u32..3, tif, peak)
        .prop_map(|(id, side, price, size, owner, tif, peak)| Limit { id, side, price, size, owner, tif, peak });
    let market =
        (id.clone(), side, size.clone(), 0u32..3).prop_map(|(id, side, size, owner)| Market { id, side, size, owner });
    let change = (prop::option::of(price.clone()), prop::option::of(size), prop::option::weighted(0.1, price))
        .prop_map(|(price, size, stop)| Change { price, size, stop });
    prop_oneof![
        6 => (limit, stop.clone()).prop_map(|(order, stop)| Command::Limit(order, stop)),
        1 => (market, stop).prop_map(|(order, stop)| Command::Market(order, stop)),
        2 => id.clone().prop_map(Command::Cancel),
        3 => (id, change).prop_map(|(id, change)| Command::Amend(id, change)),
    ]
}

fn apply(engine: &mut Engine, command: &Command, record: &mut Record) -> Result<(), Reject> {
    match command {
        Command::Limit(order, None) => engine.limit(order, record),
        Command::Limit(order, Some(stop)) => engine.stop_limit(order, *stop, record),
        Command::Market(order, None) => engine.market(order, record),
        Command::Market(order, Some(stop)) => engine.stop(order, *stop, record),
        Command::Cancel(id) => engine.cancel(*id, record),
        Command::Amend(id, change) => engine.amend(*id, change, record),
    }
}

/// What a reader of the deltas believes.
#[derive(Default)]
struct Reader {
    levels: BTreeMap<(bool, i64), (i64, u32)>,
    /// Orders by arrival at their place.
    orders: Vec<(bool, i64, u64, i64)>,
}

impl Reader {
    fn read(&mut self, record: &mut Record) {
        for delta in record.levels.drain(..) {
            self.levels.insert((delta.side == Side::Buy, delta.price), (delta.size, delta.orders));
        }
        self.levels.retain(|_, level| level.1 > 0);
        for delta in record.orders.drain(..) {
            let at = self.orders.iter().position(|order| order.2 == delta.id);
            match (delta.action, at) {
                (OrderAction::Add, None) => {
                    self.orders.push((delta.side == Side::Buy, delta.price, delta.id, delta.size));
                }
                (OrderAction::Change, Some(at)) => self.orders[at].3 = delta.size,
                (OrderAction::Remove, Some(at)) => drop(self.orders.remove(at)),
                _ => panic!("{delta:?} of an order that the reader sees at {at:?}"),
            }
        }
    }

    fn check(&self, engine: &Engine) {
        for side in [Side::Buy, Side::Sell] {
            let is_buy = side == Side::Buy;
            let mut levels: Vec<_> = self.levels.iter().filter(|((buy, _), _)| *buy == is_buy).collect();
            let mut orders: Vec<_> = self.orders.iter().filter(|order| order.0 == is_buy).collect();
            if is_buy {
                levels.reverse();
            }
            orders.sort_by_key(|order| if is_buy { -order.1 } else { order.1 });
            let levels: Vec<_> =
                levels.iter().map(|&(&(_, price), &(size, orders))| LevelView { price, size, orders }).collect();
            assert_eq!(levels, engine.levels(side).collect::<Vec<_>>());
            let shown: Vec<_> = engine.orders(side).map(|order| (order.price, order.id, order.size)).collect();
            assert_eq!(orders.iter().map(|order| (order.1, order.2, order.3)).collect::<Vec<_>>(), shown);
        }
    }
}

fn compare(engine: &Engine, slow: &SlowBook) {
    for side in [Side::Buy, Side::Sell] {
        let expected: Vec<_> = slow
            .queue(side)
            .into_iter()
            .map(|at| {
                let order = &slow.book[at];
                let Limit { id, price, owner, size, .. } = order.limit;
                (OrderView { id, price, size: order.shown, owner }, size, order.open)
            })
            .collect();
        let found: Vec<_> = engine
            .orders(side)
            .map(|view| {
                let state = engine.order(view.id).unwrap();
                assert_eq!((state.shown, state.price), (view.size, Some(view.price)));
                (view, state.size, state.open)
            })
            .collect();
        assert_eq!(found, expected);
        for level in engine.levels(side) {
            let orders: Vec<_> = expected.iter().filter(|order| order.0.price == level.price).collect();
            assert_eq!(level.size, orders.iter().map(|order| order.0.size).sum::<i64>());
            assert_eq!(level.orders as usize, orders.len());
        }
    }
    assert_eq!((engine.resting(), engine.waiting()), (slow.book.len(), slow.stops.len()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Fill by fill, outcome by outcome, level by level; and the deltas say the same as the book.
    #[test]
    fn agrees_with_the_slow_book(
        rule in prop::sample::select(RULES.to_vec()),
        commands in prop::collection::vec(command(), 1..150),
    ) {
        let mut engine = Engine::new(rule);
        let mut slow = SlowBook::new(rule);
        let mut record = Record { deltas: true, ..Record::default() };
        let (mut silent, mut plain) = (Engine::new(rule), Record::default());
        let mut reader = Reader::default();
        for command in commands {
            let done = apply(&mut engine, &command, &mut record);
            // Who reads no deltas takes another path through a level.
            prop_assert_eq!(apply(&mut silent, &command, &mut plain), done);
            let expected = match command {
                Command::Limit(order, stop) => slow.submit(&order, stop, false),
                Command::Market(order, stop) => slow.submit(&SlowBook::market(&order), stop, true),
                Command::Cancel(id) => slow.cancel(id),
                Command::Amend(id, change) => slow.amend(id, &change),
            };
            prop_assert_eq!(done, expected, "{:?}", command);
            prop_assert_eq!(&record.fills, &slow.fills);
            prop_assert_eq!(&record.outcomes, &slow.outcomes);
            prop_assert_eq!((&plain.fills, &plain.outcomes), (&slow.fills, &slow.outcomes));
            compare(&engine, &slow);
            compare(&silent, &slow);
            reader.read(&mut record);
            reader.check(&engine);
        }
        prop_assert_eq!(engine.trades() as usize, slow.fills.len());
        prop_assert_eq!(engine.volume(), slow.fills.iter().map(|fill| i128::from(fill.size)).sum::<i128>());
    }
}
