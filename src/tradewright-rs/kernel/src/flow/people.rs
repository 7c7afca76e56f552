//! Which orders of the flow rest in the book.

/// Live orders of the flow, to pick one at random; ids are used again, so that they stay small.
#[derive(Clone, Debug, Default)]
pub(super) struct Resting {
    live: Vec<u64>,
    /// Place of each id in `live`.
    places: Vec<usize>,
    free: Vec<u64>,
}

impl Resting {
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// An id for a new order, which is not live before [`Resting::add`].
    pub(super) fn take_id(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(usize::MAX);
            self.places.len() as u64 - 1
        })
    }

    /// The order did not come to rest.
    pub(super) fn give_back(&mut self, id: u64) {
        self.free.push(id);
    }

    pub(super) fn add(&mut self, id: u64) {
        self.places[id as usize] = self.live.len();
        self.live.push(id);
    }

    pub(super) fn at(&self, place: usize) -> u64 {
        self.live[place]
    }

    /// The order left the book. One command may say so twice, where a stop of ours took the rest of what another order
    /// had begun to take.
    pub(super) fn remove(&mut self, id: u64) {
        let place = std::mem::replace(&mut self.places[id as usize], usize::MAX);
        if place == usize::MAX {
            return;
        }
        self.live.swap_remove(place);
        if let Some(&moved) = self.live.get(place) {
            self.places[moved as usize] = place;
        }
        self.free.push(id);
    }
}
