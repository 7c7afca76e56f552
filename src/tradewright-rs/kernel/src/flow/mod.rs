//! Generated order flow: people who send orders into the [matching engine](crate::matching), and what a feed shows of it.
//!
//! - [`Params`]: who they are: zero-intelligence arrivals (Cont, Stoikov and Talreja 2010), in clusters (Hawkes 1971)
//!   if wanted, with informed traders (Glosten and Milgrom 1985) if wanted.
//! - [`FlowMarket`]: the book that they make, one event at a time.
//! - [`Request`]: orders of guests in that book.
//! - [`Exchange`]: that market as a venue for the kernel's orders, with latency and reports.
//! - [`Exchanges`], [`run`]: several of them, and the native loop over them.
//! - `clock`, `value`: when the next order comes; what the asset is worth.
//! - `chance`: the one source of randomness. The same seed gives the same bytes on every machine.
//!
//! `docs/concepts/generated-markets.md` has the models in words, and what is unrealistic about them.

mod chance;
mod clock;
mod exchange;
mod exchanges;
mod guests;
mod market;
mod params;
mod people;
mod publish;
mod tape;
#[cfg(test)]
mod tests;
mod value;

pub use exchange::Exchange;
pub use exchanges::{Exchanges, run};
pub use guests::{GuestFill, Request};
pub use market::{Counts, FlowMarket};
pub use params::{Clusters, Informed, Params};
pub use value::Value;
