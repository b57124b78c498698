//! One group in memory: its state, where each entry is, and the bodies of the newest entries.
//! Promises: an entry that is not on the disk yet is in memory. About 24 bytes for each entry that is not.
//! Leaves to `shared`: locking, and how much may be cached over all groups.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{Disorder, GroupState, Purged, Sequence};

/// The index of one group. Slots are those of the last entries, in a whole log of all; cached bodies are those of the
/// last slots.
#[derive(Default)]
pub(crate) struct GroupLog {
    state: GroupState,
    slots: VecDeque<Slot>,
    cached: VecDeque<Bytes>,
    cached_bytes: usize,
    live_bytes: u64,
}

/// Where an entry is and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) place: Place,
    pub(crate) bytes: u32,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In memory only. The ticket tells it from another entry of the same index, before a truncation or after.
    Queued { ticket: u64 },
    /// On the disk, durable; perhaps in memory too. The offset is that of the record.
    Written { segment: Sequence, offset: u64 },
}

/// An entry as it was found.
pub(crate) enum Found {
    Cached(Bytes),
    Cold(Slot),
}

impl GroupLog {
    /// A group of which only the state is known: its entries are still to be found.
    pub(crate) fn from_checkpoint(state: GroupState) -> Self {
        let slots = VecDeque::new();
        Self {
            state,
            slots,
            ..Self::default()
        }
    }

    pub(crate) fn state(&self) -> &GroupState {
        &self.state
    }

    pub(crate) fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }

    pub(crate) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    pub(crate) fn entries(&self) -> u64 {
        self.slots.len() as u64
    }

    /// The entries that should be there and are not, first and last.
    pub(crate) fn missing(&self) -> Option<(u64, u64)> {
        let first = self.state.first?;
        let found_from = self.slots_from();
        (first < found_from).then(|| (first, found_from - 1))
    }

    pub(crate) fn set_vote(&mut self, vote: Bytes) {
        self.state.vote = Some(vote);
    }

    pub(crate) fn set_committed(&mut self, committed: Bytes) {
        self.state.committed = Some(committed);
    }

    /// Adds an entry that was found on the disk.
    pub(crate) fn append_written(&mut self, index: u64, slot: Slot) -> Result<(), Disorder> {
        self.state.append(index)?;
        self.slots.push_back(slot);
        self.live_bytes += u64::from(slot.bytes);
        Ok(())
    }

    /// Adds an entry that is not on the disk.
    pub(crate) fn append_queued(&mut self, index: u64, ticket: u64, bytes: u32, body: Bytes) -> Result<(), Disorder> {
        let place = Place::Queued { ticket };
        self.append_written(index, Slot { place, bytes })?;
        self.cached_bytes += body.len();
        self.cached.push_back(body);
        Ok(())
    }

    /// Notes where an entry was written, unless it is gone or another one by now.
    pub(crate) fn note_written(&mut self, index: u64, ticket: u64, segment: Sequence, offset: u64) {
        if let Some(slot) = self.slot_mut(index)
            && slot.place == (Place::Queued { ticket })
        {
            slot.place = Place::Written { segment, offset };
        }
    }

    /// Drops the entries above `last` and hands back their bodies, to be freed without the lock.
    pub(crate) fn truncate_after(&mut self, last: Option<u64>, dropped: &mut Vec<Bytes>) {
        let end = self.state.last;
        self.state.truncate_after(last);
        let gone = match (end, self.state.last) {
            (Some(end), Some(last)) => end - last,
            (Some(_) | None, _) => u64::MAX,
        };
        for _ in 0..gone {
            let Some(slot) = self.slots.pop_back() else { break };
            self.live_bytes -= u64::from(slot.bytes);
            if let Some(body) = self.cached.pop_back() {
                self.cached_bytes -= body.len();
                dropped.push(body);
            }
        }
    }

    /// Drops the entries up to `purged.index` and hands back their bodies.
    pub(crate) fn purge(&mut self, purged: &Purged, dropped: &mut Vec<Bytes>) {
        self.state.purge(purged);
        let left = match (self.state.first, self.state.last) {
            (Some(first), Some(last)) => last - first + 1,
            _ => 0,
        };
        while self.entries() > left {
            if self.cached.len() == self.slots.len() {
                self.pop_cached(dropped);
            }
            if let Some(slot) = self.slots.pop_front() {
                self.live_bytes -= u64::from(slot.bytes);
            }
        }
    }

    /// Whether [`evict`](Self::evict) would free something.
    pub(crate) fn can_evict(&self) -> bool {
        let oldest_cached = self.slots.len().checked_sub(self.cached.len());
        let slot = oldest_cached.and_then(|at| self.slots.get(at));
        slot.is_some_and(|slot| matches!(slot.place, Place::Written { .. }))
    }

    /// Takes the oldest cached body out of memory, if it is on the disk.
    pub(crate) fn evict(&mut self, dropped: &mut Vec<Bytes>) {
        if self.can_evict() {
            self.pop_cached(dropped);
        }
    }

    pub(crate) fn slot(&self, index: u64) -> Option<Slot> {
        let at = usize::try_from(index.checked_sub(self.slots_from())?).ok()?;
        self.slots.get(at).copied()
    }

    /// The entry at `index` and how many bytes it has; `None` if there is none.
    pub(crate) fn find(&self, index: u64) -> Option<(Found, u32)> {
        let at = usize::try_from(index.checked_sub(self.slots_from())?).ok()?;
        let slot = self.slots.get(at)?;
        let cached_from = self.slots.len() - self.cached.len();
        let found = match at.checked_sub(cached_from).and_then(|at| self.cached.get(at)) {
            Some(body) => Found::Cached(body.clone()),
            None => Found::Cold(*slot),
        };
        Some((found, slot.bytes))
    }

    fn slot_mut(&mut self, index: u64) -> Option<&mut Slot> {
        let at = usize::try_from(index.checked_sub(self.slots_from())?).ok()?;
        self.slots.get_mut(at)
    }

    /// Index of the first slot; beyond every index if there is none.
    fn slots_from(&self) -> u64 {
        match self.state.last {
            Some(last) => last.saturating_add(1) - self.entries(),
            None => u64::MAX,
        }
    }

    fn pop_cached(&mut self, dropped: &mut Vec<Bytes>) {
        if let Some(body) = self.cached.pop_front() {
            self.cached_bytes -= body.len();
            dropped.push(body);
        }
    }
}
