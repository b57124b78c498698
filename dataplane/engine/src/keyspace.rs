//! One shard's keys.
//! Promises: no operation stalls, however many keys there are and however unevenly they lie in the slots; what they take
//! is known to the byte as we ask the allocator for it; an idle keyspace takes less than a kilobyte.
//! Leaves to [`crate::Image`]: which changes are allowed, and that they are logged.

mod block;
mod entry;
mod hash;
mod memory;
mod object;
mod position;
mod sorted_set;
mod split_table;
#[cfg(test)]
mod tests;

pub use entry::{Entry, ValueRef};
pub use hash::Hash;
pub use position::Position;
pub(crate) use sorted_set::Source;
pub use sorted_set::{Aggregate, Combination, Operation, SortedSet};
use split_table::SplitTable;
use tenure_types::WallTime;

use crate::{Random, Slot};

/// Levels of the table that tell slots apart: 7 bits each.
const SLOT_LEVELS: u32 = 2;

/// The keys.
#[derive(Debug, Clone)]
pub struct Keyspace {
    table: SplitTable<Entry>,
}

impl Keyspace {
    /// No keys. The seed is the cluster's: cursors of SCAN hold on all its nodes.
    pub fn new(seed: u64) -> Self {
        Self {
            table: SplitTable::new(seed),
        }
    }

    /// Where a key stands, whether or not it is there.
    pub fn position(&self, key: &[u8]) -> Position {
        Position::of(key, self.table.seed())
    }

    /// How many keys, those included that are expired and not yet deleted.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that all keys and their tables take.
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }

    /// How many keys have an expiry.
    pub fn volatile(&self) -> usize {
        self.table.volatile()
    }

    /// No key expires before this. `None`: no key has an expiry.
    pub fn earliest_expiry(&self) -> Option<WallTime> {
        self.table.earliest()
    }

    /// A key's entry.
    pub fn get(&self, position: Position, key: &[u8]) -> Option<&Entry> {
        self.table.find(position.get(), |entry| entry.key() == key)
    }

    /// Entries in the order of their positions, from one on, about `count` of them, and where the next call goes on
    /// (`None`: that was all). A key that is there throughout a whole scan is seen exactly once.
    pub fn scan(&self, from: Position, count: usize, see: impl FnMut(&Entry)) -> Option<Position> {
        self.table.scan(from.get(), u64::MAX, count, see).map(Position::new)
    }

    /// The first entries of a slot in the order of their positions, about `count` of them.
    pub fn scan_slot(&self, slot: Slot, count: usize, see: impl FnMut(&Entry)) {
        let (first, last) = (Position::first_of(slot), Position::last_of(slot));
        self.table.scan(first.get(), last.get(), count, see);
    }

    /// How many keys a slot has.
    pub fn count_in_slot(&self, slot: Slot) -> usize {
        self.table.count_alike(Position::first_of(slot).get(), SLOT_LEVELS)
    }

    /// One of the keys, each as likely.
    pub fn random(&self, random: &mut Random) -> Option<&Entry> {
        self.table.random(random)
    }

    /// So many entries by chance, of those with an expiry or of all; one may come twice.
    pub(crate) fn sample<'a>(
        &'a self,
        only_volatile: bool,
        count: usize,
        random: &mut Random,
        see: impl FnMut(&'a Entry),
    ) {
        if only_volatile {
            self.table.random_volatile(count, random, see);
        } else {
            self.table.random_some(count, random, see);
        }
    }

    /// Whether a key is there and its time is over. Costs a lookup only if some key near it is as old.
    pub(crate) fn is_expired(&self, position: Position, key: &[u8], now: WallTime) -> bool {
        self.table
            .find_due(position.get(), now, |entry| entry.key() == key)
            .is_some()
    }

    /// Whether any key at this position is there and its time is over.
    pub(crate) fn is_any_expired(&self, position: Position, now: WallTime) -> bool {
        self.table.find_due(position.get(), now, |_| true).is_some()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.table.seed()
    }

    /// A key's entry, to note an access.
    pub(crate) fn touch(&mut self, position: Position, key: &[u8]) -> Option<&mut Entry> {
        self.table.find_mut(position.get(), |entry| entry.key() == key)
    }

    /// Changes a key's entry, if there is one.
    pub(crate) fn change<R>(
        &mut self,
        position: Position,
        key: &[u8],
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Option<R> {
        self.table.change(position.get(), |entry| entry.key() == key, change)
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, position: Position, entry: Entry) {
        self.table.insert(position.get(), entry);
    }

    pub(crate) fn remove(&mut self, position: Position, key: &[u8]) -> Option<Entry> {
        self.table.remove(position.get(), |entry| entry.key() == key)
    }

    /// Puts an entry where it belongs, whatever is there.
    pub(crate) fn put(&mut self, entry: Entry) {
        let position = self.position(entry.key());
        // Borrowed apart: what is sought is what is put.
        let mut entry = Some(entry);
        let key: Box<[u8]> = entry.as_ref().map(Entry::key).unwrap_or_default().into();
        self.change(position, &key, |old| {
            if let Some(entry) = entry.take() {
                *old = entry;
            }
        });
        if let Some(entry) = entry {
            self.insert(position, entry);
        }
    }

    /// All keys. None are left here.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.seed()))
    }

    /// See [`SplitTable::visit_due`].
    pub(crate) fn visit_due(
        &mut self,
        from: Position,
        now: WallTime,
        count_max: usize,
        see: &mut dyn FnMut(&Entry),
    ) -> Option<Position> {
        self.table.visit_due(from.get(), now, count_max, see).map(Position::new)
    }

    #[cfg(test)]
    pub(crate) fn recount(&self) -> usize {
        self.table.recount()
    }
}
