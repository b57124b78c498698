//! What each effect does.
//! Promises: no effect fails, and each does the same on every replica: a record of the log was executed once, and is
//! applied as it stands. A correct primary never changes a value as one of another type. Should a record say so, then
//! what writes begins anew, as if the key had not been there, and what removes does nothing.

mod sorted_set;

use tenure_types::WallTime;

use super::Image;
use crate::eviction::Access;
use crate::keyspace::{Entry, Hash, Position};
use crate::{Applied, Effect};

/// No string is longer than Redis allows by default. A record that would make one longer changes nothing.
const STRING_BYTES_MAX: usize = 512 << 20;

impl Image {
    pub(super) fn apply(&mut self, effect: &Effect<'_>) -> Applied {
        if self.undo.is_some() {
            self.note_old(effect);
        }
        match effect {
            Effect::Set { key, value, expires_at } => self.set_string(key, value, *expires_at),
            Effect::Append { key, suffix } => self.append(key, suffix),
            Effect::SetRange { key, offset, bytes } => self.set_range(key, *offset, bytes),
            Effect::Remove { key } => self.remove(key),
            Effect::ExpireAt { key, at } => self.set_expiry(key, Some(*at)),
            Effect::Persist { key } => self.set_expiry(key, None),
            Effect::Rename { from, to } => self.rename(from, to),
            Effect::Copy { from, to } => self.copy(from, to),
            Effect::HashSet { key, pairs } => self.set_fields(key, pairs),
            Effect::HashRemove { key, fields } => self.remove_fields(key, fields),
            Effect::SortedSetAdd { key, elements } => self.add_members(key, elements),
            Effect::SortedSetRemove { key, members } => self.remove_members(key, members),
            Effect::SortedSetRemoveRange { key, ranks } => self.remove_ranks(key, ranks),
            Effect::SortedSetStoreRange { from, to, ranks } => self.store_ranks(from, to, ranks),
            Effect::SortedSetCombine {
                to,
                combination,
                sources,
            } => self.store_combined(to, *combination, sources),
            Effect::Clear => self.clear(),
            Effect::Tick => Applied::default(),
        }
    }

    fn set_string(&mut self, key: &[u8], value: &[u8], expires_at: Option<WallTime>) -> Applied {
        let position = self.note_written(key);
        // As a replica reads it: the encoding has no such time.
        let expires_at = expires_at.filter(|at| *at > WallTime::from_unix_millis(0));
        let (noting, now, random) = (self.noting(), self.now, &mut self.random);
        let replaced = self.keyspace.change(position, key, |entry| {
            entry.set_string(value, expires_at);
            entry.set_access(entry.access().used(noting, now, random));
        });
        match replaced {
            Some(()) => Applied::default(),
            None => self.add(position, Entry::string(key, value, expires_at, self.first_access())),
        }
    }

    fn append(&mut self, key: &[u8], suffix: &[u8]) -> Applied {
        self.change_string(
            key,
            |old| old.saturating_add(suffix.len()),
            |bytes, old| {
                if let Some(end) = bytes.get_mut(old..) {
                    end.copy_from_slice(suffix);
                }
            },
        )
    }

    fn set_range(&mut self, key: &[u8], offset: u64, part: &[u8]) -> Applied {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(part.len());
        self.change_string(
            key,
            |old| old.max(end),
            |bytes, _| {
                if let Some(place) = bytes.get_mut(start..end) {
                    place.copy_from_slice(part);
                }
            },
        )
    }

    /// Gives the string at a key, begun if there is none, a new length, and then new bytes.
    fn change_string(
        &mut self,
        key: &[u8],
        new_len: impl Fn(usize) -> usize,
        fill: impl Fn(&mut [u8], usize),
    ) -> Applied {
        let position = self.note_written(key);
        let change = |entry: &mut Entry| {
            let old_len = entry.as_string().map_or(0, <[u8]>::len);
            let len = new_len(old_len);
            if len > STRING_BYTES_MAX {
                return;
            }
            if entry.as_string().is_none() {
                entry.set_string(b"", None);
            }
            if let Some(bytes) = entry.resize_string(len) {
                fill(bytes, old_len);
            }
        };
        if self.keyspace.change(position, key, change).is_some() {
            return Applied::default();
        }
        if new_len(0) > STRING_BYTES_MAX {
            return Applied::default();
        }
        let mut entry = Entry::string(key, b"", None, self.first_access());
        change(&mut entry);
        self.add(position, entry)
    }

    fn remove(&mut self, key: &[u8]) -> Applied {
        let position = self.note_written(key);
        let removed = usize::from(self.keyspace.remove(position, key).is_some());
        Applied { added: 0, removed }
    }

    fn set_expiry(&mut self, key: &[u8], at: Option<WallTime>) -> Applied {
        let position = self.note_written(key);
        self.keyspace.change(position, key, |entry| entry.set_expires_at(at));
        Applied::default()
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Applied {
        let (from_position, to_position) = (self.note_written(from), self.note_written(to));
        if let Some(entry) = self.keyspace.remove(from_position, from) {
            self.keyspace.remove(to_position, to);
            self.keyspace.insert(to_position, entry.with_key(to));
        }
        Applied::default()
    }

    fn copy(&mut self, from: &[u8], to: &[u8]) -> Applied {
        let from_position = self.keyspace.position(from);
        let to_position = self.note_written(to);
        if let Some(entry) = self.keyspace.get(from_position, from).cloned() {
            self.keyspace.remove(to_position, to);
            self.keyspace.insert(to_position, entry.with_key(to));
        }
        Applied::default()
    }

    fn set_fields(&mut self, key: &[u8], pairs: &[&[u8]]) -> Applied {
        let position = self.note_written(key);
        if pairs.is_empty() {
            return Applied::default();
        }
        let seed = self.keyspace.seed();
        let set = |entry: &mut Entry| {
            let hash = entry.hash_mut()?;
            let new = |pair: &&[&[u8]]| hash.set(pair[0], pair[1], seed);
            Some(pairs.chunks_exact(2).filter(new).count())
        };
        let added = match self.keyspace.change(position, key, set) {
            Some(Some(added)) => added,
            missing_or_other => {
                if missing_or_other.is_some() {
                    self.keyspace.remove(position, key);
                }
                let mut entry = Entry::hash(key, Hash::new(), None, self.first_access());
                let added = set(&mut entry).unwrap_or(0);
                self.keyspace.insert(position, entry);
                added
            }
        };
        Applied { added, removed: 0 }
    }

    fn remove_fields(&mut self, key: &[u8], fields: &[&[u8]]) -> Applied {
        let position = self.note_written(key);
        let remove = |entry: &mut Entry| {
            let hash = entry.hash_mut()?;
            let removed = fields.iter().filter(|field| hash.remove(field)).count();
            Some((removed, hash.is_empty()))
        };
        let Some((removed, is_empty)) = self.keyspace.change(position, key, remove).flatten() else {
            return Applied::default();
        };
        if is_empty {
            self.keyspace.remove(position, key);
        }
        Applied { added: 0, removed }
    }

    fn clear(&mut self) -> Applied {
        self.written.all = true;
        let gone = self.keyspace.take();
        let removed = gone.len();
        self.note_cleared(gone);
        Applied { added: 0, removed }
    }

    fn add(&mut self, position: Position, entry: Entry) -> Applied {
        self.keyspace.insert(position, entry);
        Applied { added: 1, removed: 0 }
    }

    fn note_written(&mut self, key: &[u8]) -> Position {
        let position = self.keyspace.position(key);
        self.written.keys.push(position);
        position
    }

    fn first_access(&self) -> Access {
        Access::first(self.noting(), self.now)
    }
}
