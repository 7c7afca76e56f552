//! When policies are woken: conditions of the graph, records, bars that belong together, timers.

use super::Kernel;
use crate::gate::Scope;
use crate::host::{Host, HostError};
use crate::instrument::SymbolId;
use crate::intent::Command;
use crate::order::PolicyId;
use crate::timer::TimerId;

#[derive(Clone, Copy, Debug)]
pub(super) enum TimerUse {
    Wake(PolicyId, u16),
    Group(u32),
}

#[derive(Debug)]
pub(super) struct BarGroup {
    pub(super) policy: PolicyId,
    pub(super) wake: u16,
    pub(super) symbols: Vec<SymbolId>,
    pub(super) timeframe_ns: i64,
    pub(super) grace_ns: i64,
    /// Period that each symbol's latest bar belongs to.
    pub(super) latest: Vec<i64>,
    /// The period being waited for; `i64::MIN` if none.
    pub(super) pending: i64,
    pub(super) timer: TimerId,
}

impl Kernel {
    pub(super) fn arrive_in_groups(&mut self, symbol: SymbolId, close_ns: i64) {
        for at in 0..self.group_of[symbol as usize].len() {
            let group = &mut self.groups[self.group_of[symbol as usize][at] as usize];
            let period_ns = group.timeframe_ns.max(1);
            let end_ns = close_ns + (-close_ns).rem_euclid(period_ns);
            if let Some(member) = group.symbols.iter().position(|&member| member == symbol) {
                group.latest[member] = end_ns;
            }
            if group.pending != end_ns {
                group.pending = end_ns;
                let deadline_ns = (end_ns + group.grace_ns).max(self.state.market.now_ns);
                self.timers.at(group.timer, deadline_ns);
            }
            if group.latest.iter().all(|&latest| latest >= end_ns) {
                group.pending = i64::MIN;
                let (policy, wake) = (group.policy, group.wake);
                self.fire(policy, wake);
            }
        }
    }

    pub(super) fn fire(&mut self, policy: PolicyId, wake: u16) {
        let fired = &mut self.policies[policy as usize].fired;
        if !fired.contains(&wake) {
            fired.push(wake);
        }
        self.any_woken = true;
    }

    pub(super) fn wake_by_nodes(&mut self) {
        for at in 0..self.state.graph.fired().len() {
            let node = self.state.graph.fired()[at];
            for &(policy, wake) in &self.node_wakes[node as usize] {
                self.policies[policy as usize].fired.push(wake);
                self.any_woken = true;
            }
        }
    }

    pub(super) fn fire_timers(&mut self, now_ns: i64) {
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        self.timers.pop_due(now_ns, &self.state.market.instruments, &mut due);
        for &timer in &due {
            match self.timer_uses[timer as usize] {
                TimerUse::Wake(policy, wake) => self.fire(policy, wake),
                TimerUse::Group(group) => {
                    let group = &mut self.groups[group as usize];
                    let passed = group.pending != i64::MIN && group.pending + group.grace_ns <= now_ns;
                    if passed {
                        group.pending = i64::MIN;
                        let (policy, wake) = (group.policy, group.wake);
                        self.fire(policy, wake);
                    }
                }
            }
        }
        self.due = due;
    }

    pub(super) fn show_marks<H: Host>(&mut self, host: &mut H, commands: &mut Vec<Command>) -> Result<(), HostError> {
        if let Some(request) = host.on_mark(&self.state)? {
            self.halt(Scope::All, format!("{}: {}", request.manager, request.text), commands);
        }
        Ok(())
    }
}
