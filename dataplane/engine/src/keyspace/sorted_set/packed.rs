//! A small sorted set in one allocation.
//! Promises: an element takes no more bytes than in a listpack of Redis. Zero has no sign here, as it has none there.
//!
//! ```text
//!   number of elements (1 byte), then for each in its order: length of the member (1 byte), member, score
//! ```

use std::ops::Range;

use crate::keyspace::memory::{class_bytes, reserve, shrink};
use crate::{Score, SortedSet};

/// At most 128 elements; each member has at most 64 bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed {
    /// Without elements there may be no byte at all.
    bytes: Vec<u8>,
}

/// Where an element lies, and what it is.
struct Element<'a> {
    place: Range<usize>,
    score: Score,
    member: &'a [u8],
}

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.bytes.first().copied().unwrap_or(0).into()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Score, &[u8])> {
        self.elements().map(|element| (element.score, element.member))
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<Score> {
        self.find(member).map(|element| element.score)
    }

    /// Adds a member that is not there yet. `false`: it does not fit, and nothing was changed.
    pub(super) fn add(&mut self, member: &[u8], score: Score) -> bool {
        let len = u8::try_from(member.len())
            .ok()
            .filter(|_| member.len() <= SortedSet::PACKED_BYTES_MAX);
        let Some(len) = len.filter(|_| self.len() < SortedSet::PACKED_MEMBERS_MAX) else {
            return false;
        };
        let score = score.without_sign_of_zero();
        let mut new = Vec::with_capacity(1 + member.len() + 9);
        new.push(len);
        new.extend_from_slice(member);
        score.put(&mut new);
        if self.bytes.is_empty() {
            self.bytes.push(0);
        }
        let behind = self
            .elements()
            .find(|element| (element.score, element.member) > (score, member));
        let at = behind.map_or(self.bytes.len(), |element| element.place.start);
        let room = self.bytes.len() + new.len();
        reserve(&mut self.bytes, room);
        self.bytes.splice(at..at, new);
        self.bytes[0] += 1;
        true
    }

    /// Removes a member; whether it was there.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let Some(element) = self.find(member) else { return false };
        let place = element.place;
        self.cut(place, 1);
        true
    }

    /// Removes the elements of these ranks, which must be there.
    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        let count = ranks.len();
        let mut cut = self.elements().skip(ranks.start).take(count);
        let Some(first) = cut.next() else { return };
        let start = first.place.start;
        let end = cut.last().unwrap_or(first).place.end;
        self.cut(start..end, count);
    }

    pub(super) fn heap_bytes(&self) -> usize {
        class_bytes(self.bytes.capacity())
    }

    fn cut(&mut self, place: Range<usize>, count: usize) {
        self.bytes.drain(place);
        if let Some(len) = self.bytes.first_mut() {
            *len -= count.to_le_bytes()[0];
        }
        shrink(&mut self.bytes);
    }

    fn find(&self, member: &[u8]) -> Option<Element<'_>> {
        self.elements().find(|element| element.member == member)
    }

    fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        let mut start = 1;
        std::iter::from_fn(move || {
            let member_start = start + 1;
            let score_start = member_start + usize::from(*self.bytes.get(start)?);
            let end = score_start + Score::stored_bytes(*self.bytes.get(score_start)?);
            let element = Element {
                place: start..end,
                score: Score::read(self.bytes.get(score_start..end)?)?,
                member: self.bytes.get(member_start..score_start)?,
            };
            start = end;
            Some(element)
        })
    }
}
