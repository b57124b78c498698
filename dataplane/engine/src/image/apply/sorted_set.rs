//! What effects do to sorted sets.
//! Promises: as `apply`. What is stored anew takes nothing of what the key held, its expiry neither.

use std::ops::Range;

use crate::eviction::Access;
use crate::keyspace::{Entry, Source};
use crate::{Applied, Combination, Image, Score, SortedSet};

impl Image {
    pub(super) fn add_members(&mut self, key: &[u8], elements: &[(Score, &[u8])]) -> Applied {
        let position = self.note_written(key);
        if elements.is_empty() {
            return Applied::default();
        }
        let seed = self.keyspace.seed();
        let add = |entry: &mut Entry| {
            let set = entry.sorted_set_mut()?;
            let new = |element: &&(Score, &[u8])| set.add(element.1, element.0, seed);
            Some(elements.iter().filter(new).count())
        };
        let added = match self.keyspace.change(position, key, add) {
            Some(Some(added)) => added,
            missing_or_other => {
                if missing_or_other.is_some() {
                    self.keyspace.remove(position, key);
                }
                let mut entry = Entry::sorted_set(key, SortedSet::new(), None, self.first_access());
                let added = add(&mut entry).unwrap_or(0);
                self.keyspace.insert(position, entry);
                added
            }
        };
        Applied { added, removed: 0 }
    }

    pub(super) fn remove_members(&mut self, key: &[u8], members: &[&[u8]]) -> Applied {
        self.shorten(key, |set| members.iter().filter(|member| set.remove(member)).count())
    }

    pub(super) fn remove_ranks(&mut self, key: &[u8], ranks: &Range<u64>) -> Applied {
        self.shorten(key, |set| set.remove_range(in_memory(ranks)))
    }

    /// Removes members of a sorted set, and the key if none is left.
    fn shorten(&mut self, key: &[u8], remove: impl Fn(&mut SortedSet) -> usize) -> Applied {
        let position = self.note_written(key);
        let remove = |entry: &mut Entry| {
            let set = entry.sorted_set_mut()?;
            Some((remove(set), set.is_empty()))
        };
        let Some((removed, is_empty)) = self.keyspace.change(position, key, remove).flatten() else {
            return Applied::default();
        };
        if is_empty {
            self.keyspace.remove(position, key);
        }
        Applied { added: 0, removed }
    }

    pub(super) fn store_ranks(&mut self, from: &[u8], to: &[u8], ranks: &Range<u64>) -> Applied {
        let elements = self.stored_sorted_set(from).into_iter();
        let elements: Vec<_> = elements.flat_map(|set| set.range(in_memory(ranks))).collect();
        let set = SortedSet::of(&elements, self.keyspace.seed());
        self.store(to, set)
    }

    pub(super) fn store_combined(&mut self, to: &[u8], how: Combination, sources: &[(Score, &[u8])]) -> Applied {
        let find = |(weight, key): &(Score, &[u8])| (self.stored_sorted_set(key), *weight);
        let sources: Vec<Source<'_>> = sources.iter().map(find).collect();
        let set = SortedSet::of(&how.of(&sources), self.keyspace.seed());
        self.store(to, set)
    }

    fn store(&mut self, key: &[u8], set: SortedSet) -> Applied {
        let position = self.note_written(key);
        let removed = usize::from(self.keyspace.remove(position, key).is_some());
        let added = set.len();
        if added > 0 {
            let access: Access = self.first_access();
            self.keyspace
                .insert(position, Entry::sorted_set(key, set, None, access));
        }
        Applied { added, removed }
    }
}

/// What is past the range of this machine is past the end of every sorted set too.
fn in_memory(ranks: &Range<u64>) -> Range<usize> {
    let rank = |rank: u64| usize::try_from(rank).unwrap_or(usize::MAX);
    rank(ranks.start)..rank(ranks.end)
}
