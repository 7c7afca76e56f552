//! The matching engine: one order book in price-time priority, over integer ticks and lots.
//!
//! An order takes the other side from its best price on, and at a price the orders in the order in which they
//! came; each trade is at the resting order's price. What is left of a good-till-cancelled order rests. The rules
//! in words stand in `docs/concepts/matching.md`; where they are kept:
//!
//! - [`Engine`]: the commands, each of which changes the book or returns a [`Reject`] and changes nothing.
//! - `take`: the loop that matches; icebergs, self-trade prevention.
//! - `stops`: what a trade triggers, and when that enters.
//! - `ladder`, `slab`, `ids`: levels, orders, ids. Nothing is allocated for a command once the book has had its size,
//!   but a node of a map for a level far from the touch.
//!
//! What happens is written to a [`Sink`].

mod engine;
mod ids;
mod ladder;
mod slab;
mod stops;
mod take;
#[cfg(test)]
mod tests;
mod types;
mod view;

pub use engine::Engine;
pub use types::*;
pub use view::{LevelView, OrderState, OrderView};
