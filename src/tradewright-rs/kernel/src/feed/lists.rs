//! Lists of series whose next rows have one time: joined when times meet, split when they part.

use std::collections::binary_heap::PeekMut;

use super::Feed;
use super::due::Due;

impl Feed<'_> {
    pub(super) fn new_list(&mut self, source: u32) -> u32 {
        if let Some(list) = self.free.pop() {
            self.lists[list as usize].push(source);
            return list;
        }
        self.lists.push(vec![source]);
        (self.lists.len() - 1) as u32
    }

    /// Joins the lists of equal time into one, in the order of the sources.
    #[cold]
    #[inline(never)]
    pub(super) fn merge_equal(&mut self, now_ns: i64) {
        while let Some(top) = self.heap.peek_mut().filter(|top| top.time_ns == now_ns) {
            let Due { list, .. } = PeekMut::pop(top);
            let mut moved = std::mem::take(&mut self.lists[list as usize]);
            self.lists[self.list as usize].append(&mut moved);
            self.lists[list as usize] = moved;
            self.free.push(list);
        }
        self.lists[self.list as usize].sort_unstable();
    }

    pub(super) fn take_soonest(&mut self) {
        (self.next_ns, self.list) = self.heap.pop().map_or((i64::MAX, 0), |due| (due.time_ns, due.list));
    }

    /// Puts the sources of a step into lists by their next time.
    pub(super) fn split(&mut self) {
        let mut sources = std::mem::take(&mut self.lists[self.list as usize]);
        let mut made: Vec<Due> = Vec::new();
        for &index in &sources {
            let due_ns = self.sources[index as usize].next_ns();
            if due_ns == i64::MAX {
                continue;
            }
            match made.iter().rev().take(4).find(|made| made.time_ns == due_ns) {
                Some(made) => self.lists[made.list as usize].push(index),
                None => {
                    let list = self.new_list(index);
                    made.push(Due { time_ns: due_ns, list, source: index });
                }
            }
        }
        sources.clear();
        self.lists[self.list as usize] = sources;
        self.free.push(self.list);
        self.heap.extend(made);
        self.take_soonest();
    }
}
