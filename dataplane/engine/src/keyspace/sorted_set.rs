//! Sorted sets: members with scores, in the order of the scores, and of the members where scores are equal.
//! Promises: a small sorted set is one allocation; a large one finds, adds and removes in logarithmic time and never
//! stalls. Once large it stays so, as in Redis.

mod combine;
mod large;
mod order;
mod packed;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use combine::Source;
pub use combine::{Aggregate, Combination, Operation};
use large::Large;
use packed::Packed;

use crate::Score;

/// A sorted set: members with scores.
#[derive(Debug, Clone)]
pub struct SortedSet(Members);

#[derive(Debug, Clone)]
enum Members {
    Packed(Packed),
    Large(Box<Large>),
}

const _: () = assert!(size_of::<SortedSet>() == 24);

impl SortedSet {
    /// Members that a sorted set may have and still be packed: Redis' `zset-max-listpack-entries`.
    pub const PACKED_MEMBERS_MAX: usize = 128;
    /// Bytes that each member may have then: Redis' `zset-max-listpack-value`.
    pub const PACKED_BYTES_MAX: usize = 64;

    /// How many members.
    pub fn len(&self) -> usize {
        match &self.0 {
            Members::Packed(packed) => packed.len(),
            Members::Large(large) => large.len(),
        }
    }

    /// Whether it has none; a sorted set that is a key's value never is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<Score> {
        match &self.0 {
            Members::Packed(packed) => packed.score(member),
            Members::Large(large) => large.score(member),
        }
    }

    /// How many elements come before this member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, Score)> {
        let score = self.score(member)?;
        let rank = self.count_while(|other_score, other| (other_score, other) < (score, member));
        Some((rank, score))
    }

    /// How many elements are before the first for which this no longer holds. It must hold for none behind that.
    pub fn count_while(&self, holds: impl Fn(Score, &[u8]) -> bool) -> usize {
        match &self.0 {
            Members::Packed(packed) => packed
                .iter()
                .take_while(|(score, member)| holds(*score, member))
                .count(),
            Members::Large(large) => large.count_while(holds),
        }
    }

    /// The elements of these ranks, in order, from either end.
    pub fn range(&self, ranks: Range<usize>) -> impl DoubleEndedIterator<Item = (Score, &[u8])> {
        let (packed, large) = match &self.0 {
            Members::Packed(packed) => {
                // It cannot be read backwards as it lies.
                let found: Vec<_> = packed.iter().skip(ranks.start).take(ranks.len()).collect();
                (Some(found), None)
            }
            Members::Large(large) => (None, Some(large.range(ranks.start..ranks.end.min(large.len())))),
        };
        packed.into_iter().flatten().chain(large.into_iter().flatten())
    }

    /// All elements, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Score, &[u8])> {
        self.range(0..self.len())
    }

    /// Some of the elements, from a cursor on (0: from the start), about `count` of them, and the next cursor (0: that was
    /// all). A member that is there throughout a whole scan is seen exactly once. A packed sorted set is shown whole.
    pub fn scan(&self, cursor: u64, count: usize, mut see: impl FnMut(Score, &[u8])) -> u64 {
        match &self.0 {
            Members::Packed(packed) => {
                packed.iter().for_each(|(score, member)| see(score, member));
                0
            }
            Members::Large(large) => large.scan(cursor, count, see),
        }
    }

    /// Whether it is one allocation.
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Members::Packed(_))
    }

    /// As OBJECT ENCODING names it.
    pub fn encoding(&self) -> &'static str {
        if self.is_packed() { "listpack" } else { "skiplist" }
    }

    /// Bytes of memory that its members take.
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Members::Packed(packed) => packed.heap_bytes(),
            Members::Large(large) => large.heap_bytes(),
        }
    }

    /// No members.
    pub(crate) fn new() -> Self {
        Self(Members::Packed(Packed::default()))
    }

    /// No members, and large: as if it had had many.
    pub(crate) fn new_large(seed: u64) -> Self {
        Self(Members::Large(Box::new(Large::new(seed))))
    }

    /// These elements, which are in order. What will be large is so from the start: there a zero keeps its sign.
    pub(crate) fn of(elements: &[(Score, &[u8])], seed: u64) -> Self {
        let is_long = |element: &(Score, &[u8])| element.1.len() > Self::PACKED_BYTES_MAX;
        let mut set = Self::new();
        if elements.len() > Self::PACKED_MEMBERS_MAX || elements.iter().any(is_long) {
            set.0 = Members::Large(Box::new(Large::new(seed)));
        }
        for (score, member) in elements {
            set.add(member, *score, seed);
        }
        set
    }

    /// Gives a member this score; whether the member is new. The seed is for hashes of members, should there be many.
    pub(crate) fn add(&mut self, member: &[u8], score: Score, seed: u64) -> bool {
        let old = self.score(member);
        // Zero differs from zero with a minus for nobody.
        if old == Some(score) {
            return false;
        }
        if old.is_some() {
            self.remove(member);
        }
        match &mut self.0 {
            Members::Packed(packed) => {
                if !packed.add(member, score) {
                    let mut large = Large::new(seed);
                    packed.iter().for_each(|(score, member)| large.add(member, score));
                    large.add(member, score);
                    self.0 = Members::Large(Box::new(large));
                }
            }
            Members::Large(large) => large.add(member, score),
        }
        old.is_none()
    }

    /// Removes a member; whether it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Members::Packed(packed) => packed.remove(member),
            Members::Large(large) => large.remove(member),
        }
    }

    /// Removes the elements of these ranks, those that there are; how many.
    pub(crate) fn remove_range(&mut self, ranks: Range<usize>) -> usize {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        let removed = ranks.len();
        match &mut self.0 {
            Members::Packed(packed) => packed.remove_range(ranks),
            Members::Large(large) => large.remove_range(ranks),
        }
        removed
    }

    #[cfg(test)]
    pub(super) fn recount(&self) -> usize {
        match &self.0 {
            Members::Packed(packed) => packed.heap_bytes(),
            Members::Large(large) => large.recount(),
        }
    }
}
