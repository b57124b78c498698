//! A large sorted set: a table that finds the score of a member, and the elements in order.
//! Promises: both hold the same elements, and share the bytes of the members.

use std::ops::Range;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::order::{Element, Order, Ranks};
use crate::Score;
use crate::keyspace::memory::class_bytes;
use crate::keyspace::split_table::{Item, SplitTable};

/// What stands in front of shared bytes: two counts of who shares them.
const SHARED_BYTES: usize = 16;

/// As said above.
#[derive(Debug)]
pub(super) struct Large {
    table: SplitTable<Scored>,
    order: Order,
}

#[derive(Debug, Clone)]
struct Scored {
    member: Arc<[u8]>,
    score: Score,
}

impl Item for Scored {
    fn hash(&self, seed: u64) -> u64 {
        xxh3_64_with_seed(&self.member, seed)
    }

    fn heap_bytes(&self) -> usize {
        class_bytes(SHARED_BYTES + self.member.len())
    }
}

impl Clone for Large {
    /// Members are not shared with the other: each counts the memory that it takes alone.
    fn clone(&self) -> Self {
        let mut clone = Self::new(self.table.seed());
        for (score, member) in self.range(0..self.len()) {
            clone.add(member, score);
        }
        clone
    }
}

impl Large {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            table: SplitTable::new(seed),
            order: Order::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<Score> {
        self.table
            .find(self.hash(member), |other| *other.member == *member)
            .map(|scored| scored.score)
    }

    pub(super) fn count_while(&self, holds: impl Fn(Score, &[u8]) -> bool) -> usize {
        self.order.count_while(holds)
    }

    pub(super) fn range(&self, ranks: Range<usize>) -> impl DoubleEndedIterator<Item = (Score, &[u8])> + Clone {
        let ranks: Ranks<'_> = self.order.range(ranks);
        ranks.map(|element| (element.score, &*element.member))
    }

    pub(super) fn scan(&self, cursor: u64, count: usize, mut see: impl FnMut(Score, &[u8])) -> u64 {
        self.table
            .scan(cursor, u64::MAX, count, |scored| see(scored.score, &scored.member))
            .unwrap_or(0)
    }

    /// Adds a member that is not there yet.
    pub(super) fn add(&mut self, member: &[u8], score: Score) {
        let hash = self.hash(member);
        let member: Arc<[u8]> = member.into();
        self.order.insert(Element {
            score,
            member: Arc::clone(&member),
        });
        self.table.insert(hash, Scored { member, score });
    }

    /// Removes a member; whether it was there.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let hash = self.hash(member);
        let Some(removed) = self.table.remove(hash, |other| *other.member == *member) else {
            return false;
        };
        let before = |score: Score, other: &[u8]| (score, other) < (removed.score, member);
        self.order.remove_at(self.order.count_while(before));
        true
    }

    /// Removes the elements of these ranks.
    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        for _ in ranks.clone() {
            let Some(element) = self.order.remove_at(ranks.start) else {
                return;
            };
            let hash = self.hash(&element.member);
            self.table.remove(hash, |other| other.member == element.member);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        class_bytes(size_of::<Self>()) + self.table.memory_bytes() + self.order.memory_bytes()
    }

    #[cfg(test)]
    pub(super) fn recount(&self) -> usize {
        class_bytes(size_of::<Self>()) + self.table.recount() + self.order.recount()
    }

    fn hash(&self, member: &[u8]) -> u64 {
        xxh3_64_with_seed(member, self.table.seed())
    }
}
