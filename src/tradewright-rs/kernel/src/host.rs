//! What the kernel asks of the language it is embedded in: the places where the user put Python.

use crate::gate::Review;
use crate::intent::Intent;
use crate::kernel::State;
use crate::order::{Order, PolicyId, Report};

/// An error raised by the user's code, carried through the kernel unopened.
pub struct HostError(pub Box<dyn std::any::Any + Send>);

impl std::fmt::Debug for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostError")
    }
}

/// A user's risk manager asks for trading to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct HaltRequest {
    /// Name of the manager.
    pub manager: String,
    /// What it said.
    pub text: String,
}

/// The user's code, as the kernel sees it.
pub trait Host {
    /// Calls a policy's `decide`; its intents go to `intents`.
    fn decide(&mut self, policy: PolicyId, state: &State, intents: &mut Vec<Intent>) -> Result<(), HostError>;
    /// Calls a policy's `on_report`, if it has one.
    fn on_report(&mut self, policy: PolicyId, state: &State, report: &Report) -> Result<(), HostError>;
    /// Asks the user's risk managers, in order; the first that does not allow decides.
    fn review(&mut self, order: &Order, state: &State) -> Result<Review, HostError>;
    /// Shows the user's risk managers the marks.
    fn on_mark(&mut self, state: &State) -> Result<Option<HaltRequest>, HostError>;
    /// Evaluates a callable node.
    fn call(&mut self, now_ns: i64, callable: usize, inputs: &[f64]) -> Result<f64, HostError>;
    /// Evaluates a window node: one column an input, oldest first.
    fn call_window(&mut self, now_ns: i64, callable: usize, columns: &[Vec<f64>]) -> Result<f64, HostError>;
    /// Called now and then on long runs: shows progress, and stops the run when the user asks (Ctrl-C).
    fn pulse(&mut self, done: u64, now_ns: i64) -> Result<bool, HostError>;
}
