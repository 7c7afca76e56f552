//! Which node stands where: by the one source that feeds it, among those of several, or among those that never change.

use super::build::kinds_of;
use super::group::Group;
use super::node::{Memory, Node};
use super::{Feeds, Graph, NoCallables, NodeSlot, NodeSpec, Place, Plan, source_index};
use crate::market::Market;

impl Graph {
    /// Puts each node in its group and tells each source what it feeds.
    pub(super) fn place(&mut self, nodes: Vec<Node>, specs: &[NodeSpec]) -> Result<(), String> {
        let (sources, shared, fixed) = (self.plans.len(), self.plans.len(), self.plans.len() + 1);
        let mut members: Vec<Vec<(u32, Node)>> = vec![Vec::new(); sources + 2];
        let mut feeds: Vec<Vec<u32>> = Vec::with_capacity(nodes.len());
        for (id, (node, spec)) in nodes.into_iter().zip(specs).enumerate() {
            let mut fed_by: Vec<u32> = spec.inputs.iter().flat_map(|input| feeds[*input as usize].clone()).collect();
            if let Node::Source(source) = &node {
                fed_by.extend(kinds_of(source.field).iter().map(|kind| source_index(source.symbol, *kind) as u32));
            }
            fed_by.sort_unstable();
            fed_by.dedup();
            let group = match fed_by.as_slice() {
                [] if !node.is_stateless() => {
                    return Err(format!("feature {id} ({}): reads nothing that changes", spec.op));
                }
                [] => fixed,
                [source] => *source as usize,
                _ => shared,
            };
            self.places[id] = Place { group: group as u32, column: members[group].len() as u32 };
            for source in &fed_by {
                let column = (group == shared).then_some(members[shared].len() as u32);
                self.plans[*source as usize].add(column);
                let is_shared = column.is_some() || self.feeds[*source as usize] == Feeds::Shared;
                self.feeds[*source as usize] = if is_shared { Feeds::Shared } else { Feeds::Own };
            }
            feeds.push(fed_by);
            members[group].push((id as u32, node));
        }
        let constants = members.pop().map(fixed_group).unwrap_or_else(|| Group::new(Vec::new(), Vec::new(), 0));
        for members in members {
            let (slots, outside) = lay_columns(members);
            let (first, columns) = (slots.len() as u32, slots.len() + outside.len());
            let mut known = Vec::new();
            for (column, id) in (first..).zip(outside) {
                let Place { group, column: from } = self.places[id as usize];
                if group as usize == fixed {
                    known.push((column, constants.value(from)));
                } else {
                    self.plans[group as usize].exports.push((from, column));
                }
            }
            self.groups.push(Group::new(slots, known, columns));
        }
        self.groups.push(constants);
        Ok(())
    }
}

impl Plan {
    fn add(&mut self, shared_column: Option<u32>) {
        let Some(column) = shared_column else { return };
        self.shared.push(column);
        let (word, bit) = (column / 64, 1_u64 << (column % 64));
        match self.bits.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            _ => self.bits.push((word, bit)),
        }
    }
}

/// Constants, and what is computed of nothing else: evaluated once, for good.
fn fixed_group(members: Vec<(u32, Node)>) -> Group {
    let (slots, _) = lay_columns(members);
    let columns = slots.len();
    let mut group = Group::new(slots, Vec::new(), columns);
    for column in 0..columns as u32 {
        group.eval(column, &Market::default(), &mut Memory::default(), &mut NoCallables);
    }
    group
}

/// Finds what reads crossings and changes: pulses by id and, for each, the stateless nodes that read it.
pub(super) fn settles(nodes: &[Node], specs: &[NodeSpec]) -> Vec<(u32, Vec<u32>)> {
    let mut settles = Vec::new();
    for pulse in (0..specs.len()).filter(|id| nodes[*id].is_pulse()) {
        let (mut settled, mut readers) = (vec![pulse as u32], Vec::new());
        for (id, spec) in specs.iter().enumerate().skip(pulse + 1) {
            let reads = spec.inputs.iter().any(|input| settled.contains(input));
            if reads && nodes[id].is_stateless() {
                settled.push(id as u32);
                readers.push(id as u32);
            }
        }
        settles.push((pulse as u32, readers));
    }
    settles
}

/// Gives each node of a group its column and each input the column that it is read from.
///
/// Returns the slots and the nodes outside the group that are read, in the order of their columns.
fn lay_columns(members: Vec<(u32, Node)>) -> (Vec<NodeSlot>, Vec<u32>) {
    let ids: Vec<u32> = members.iter().map(|(id, _)| *id).collect();
    let mut outside: Vec<u32> = Vec::new();
    let slots = members.into_iter().map(|(id, mut node)| {
        node.each_input(&mut |input| {
            // Members are in ascending order of id.
            *input = match ids.binary_search(input) {
                Ok(column) => column as u32,
                Err(_) => {
                    let known = outside.iter().position(|other| other == input);
                    let place = known.unwrap_or_else(|| {
                        outside.push(*input);
                        outside.len() - 1
                    });
                    (ids.len() + place) as u32
                }
            };
        });
        NodeSlot { id, is_condition: node.is_condition(), node }
    });
    let slots = slots.collect();
    (slots, outside)
}
