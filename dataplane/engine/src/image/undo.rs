//! A stretch of changes that may be taken back: the writes of a plugin that fails half-way leave no trace.
//! Promises: after [`Image::roll_back`] the keys, their values and expiries, the effects and the notes of what was written are
//! as they were at [`Image::begin_undoable`]; what was looked up stays noted, for the error depends on it. What is replaced is
//! kept, never copied, but for what is small: so to write over a large value costs no more than ever.
//!
//! ```text
//!   begin_undoable ──▶ each effect: 1. note what it changes   2. apply ──▶ settle: the notes are dropped
//!                                                                     └──▶ roll_back: the notes, newest first
//! ```
//! Once a note brings back all of a key, later changes of that key need none. Accesses that were noted for eviction stay.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;

use tenure_types::WallTime;

use super::Image;
use crate::eviction::Access;
use crate::keyspace::{Entry, Hash, Keyspace, SortedSet, ValueRef};
use crate::{Effect, Score};

/// What was noted since the stretch began.
#[derive(Debug)]
pub(super) struct Undo {
    /// The oldest first.
    notes: Vec<Note>,
    /// Keys that a note brings back whole, whatever becomes of them.
    whole: BTreeSet<Box<[u8]>>,
    /// Whether that is so of all keys.
    all_whole: bool,
    /// Bytes that were copied into notes.
    copied_bytes: usize,
    /// How many bytes of effects there were.
    effects_bytes: usize,
    /// How many keys were noted as written, and whether all were.
    written: (usize, bool),
}

/// How to take one change back.
#[derive(Debug)]
enum Note {
    /// The key held this.
    Held(Entry),
    /// There was nothing at the key.
    Nothing(Box<[u8]>),
    /// What is at `to` was at `from`.
    Renamed { from: Box<[u8]>, to: Box<[u8]> },
    /// The long string had this length and so much room, and from `start` on these bytes.
    Bytes {
        key: Box<[u8]>,
        len: usize,
        room: usize,
        start: usize,
        bytes: Box<[u8]>,
    },
    /// The key went at this time.
    Expiry { key: Box<[u8]>, at: Option<WallTime> },
    /// The fields of the large hash had these values.
    Fields { key: Box<[u8]>, fields: Vec<Field> },
    /// The members of the large sorted set had these scores.
    Members { key: Box<[u8]>, members: Vec<Member> },
    /// The large hash or sorted set may have lost all that it had, and been removed. What it had is noted before.
    Emptied {
        key: Box<[u8]>,
        what: Large,
        expires_at: Option<WallTime>,
        access: Access,
    },
    /// These were all keys.
    Cleared(Box<Keyspace>),
}

/// A field, and what it had. `None`: it was not there.
type Field = (Box<[u8]>, Option<Box<[u8]>>);

/// A member, and its score. `None`: it was not there.
type Member = (Box<[u8]>, Option<Score>);

/// What is large, and was emptied.
#[derive(Debug, Clone, Copy)]
enum Large {
    Hash,
    SortedSet,
}

impl Image {
    /// From now on changes can be taken back, until [`Image::settle`] or [`Image::roll_back`]. Within a stretch another one
    /// cannot begin: the first goes on.
    pub fn begin_undoable(&mut self) {
        if self.undo.is_some() {
            return;
        }
        self.undo = Some(Box::new(Undo {
            notes: Vec::new(),
            whole: BTreeSet::new(),
            all_whole: false,
            copied_bytes: 0,
            effects_bytes: self.effects.len(),
            written: (self.written.keys.len(), self.written.all),
        }));
    }

    /// What was changed stays.
    pub fn settle(&mut self) {
        self.undo = None;
    }

    /// What was changed is as it was.
    pub fn roll_back(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        for note in undo.notes.into_iter().rev() {
            note.take_back(&mut self.keyspace);
        }
        self.effects.truncate(undo.effects_bytes);
        let (written_keys, written_all) = undo.written;
        self.written.keys.truncate(written_keys);
        self.written.all = written_all;
    }

    /// Bytes that were copied to take changes back. Small changes of small values can copy much more than they write, so who
    /// lets others write bounds this.
    pub fn undo_bytes(&self) -> usize {
        self.undo.as_ref().map_or(0, |undo| undo.copied_bytes)
    }

    /// Notes what brings back what this effect is about to change.
    pub(super) fn note_old(&mut self, effect: &Effect<'_>) {
        let Some(mut undo) = self.undo.take() else { return };
        let keyspace = &mut self.keyspace;
        match effect {
            Effect::Set { key, .. } | Effect::Remove { key } => undo.note_replaced(keyspace, key),
            Effect::Append { key, .. } => undo.note_bytes(keyspace, key, usize::MAX, 0),
            Effect::SetRange { key, offset, bytes } => {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                undo.note_bytes(keyspace, key, start, bytes.len());
            }
            Effect::ExpireAt { key, .. } | Effect::Persist { key } => undo.note_expiry(keyspace, key),
            Effect::Rename { from, to } => undo.note_renamed(keyspace, from, to),
            Effect::Copy { from, to } => undo.note_copied(keyspace, from, to),
            Effect::HashSet { key, pairs } => {
                let mut fields = pairs.iter().step_by(2);
                undo.note_fields(keyspace, key, &mut fields, false);
            }
            Effect::HashRemove { key, fields } => undo.note_fields(keyspace, key, &mut fields.iter(), true),
            Effect::SortedSetAdd { key, elements } => {
                let mut members = elements.iter().map(|(_, member)| *member);
                undo.note_members(keyspace, key, &mut members);
            }
            Effect::SortedSetRemove { key, members } => {
                undo.note_removed(keyspace, key, |set| {
                    let scored = |member: &&[u8]| set.score(member).map(|score| (score, (*member).into()));
                    members.iter().filter_map(scored).collect()
                });
            }
            Effect::SortedSetRemoveRange { key, ranks } => {
                let ranks = in_memory(ranks);
                undo.note_removed(keyspace, key, |set| {
                    let elements = set.range(ranks);
                    elements.map(|(score, member)| (score, member.into())).collect()
                });
            }
            Effect::SortedSetStoreRange { from, to, .. } => undo.note_stored(keyspace, to, from == to),
            Effect::SortedSetCombine { to, sources, .. } => {
                let is_read = sources.iter().any(|(_, source)| source == to);
                undo.note_stored(keyspace, to, is_read);
            }
            // See `note_cleared`.
            Effect::Clear => {}
            Effect::Tick => {}
        }
        self.undo = Some(undo);
    }

    /// These were all keys, and are none any more.
    pub(super) fn note_cleared(&mut self, gone: Keyspace) {
        if let Some(undo) = &mut self.undo
            && !undo.all_whole
        {
            undo.notes.push(Note::Cleared(Box::new(gone)));
            undo.all_whole = true;
        }
    }
}

impl Undo {
    fn is_whole(&self, key: &[u8]) -> bool {
        self.all_whole || self.whole.contains(key)
    }

    fn hold(&mut self, entry: Entry) {
        self.whole.insert(entry.key().into());
        self.notes.push(Note::Held(entry));
    }

    fn hold_copy(&mut self, entry: &Entry) {
        self.copied_bytes += entry.memory_bytes();
        self.hold(entry.clone());
    }

    fn hold_nothing(&mut self, key: &[u8]) {
        self.copied_bytes += key.len();
        self.whole.insert(key.into());
        self.notes.push(Note::Nothing(key.into()));
    }

    fn copy(&mut self, bytes: &[u8]) -> Box<[u8]> {
        self.copied_bytes += bytes.len();
        bytes.into()
    }

    /// All of the key goes, or gives way to something else.
    fn note_replaced(&mut self, keyspace: &mut Keyspace, key: &[u8]) {
        if self.is_whole(key) {
            return;
        }
        let position = keyspace.position(key);
        match keyspace.get(position, key) {
            None => self.hold_nothing(key),
            Some(entry) if entry.is_inline() => self.hold_copy(entry),
            Some(_) => {
                if let Some(entry) = keyspace.change(position, key, Entry::take_out) {
                    self.hold(entry);
                }
            }
        }
    }

    /// Part of the string changes: so many bytes from `start` on, and its length.
    fn note_bytes(&mut self, keyspace: &mut Keyspace, key: &[u8], start: usize, count: usize) {
        if self.is_whole(key) {
            return;
        }
        let position = keyspace.position(key);
        match keyspace.get(position, key) {
            None => self.hold_nothing(key),
            Some(entry) if entry.is_inline() => self.hold_copy(entry),
            Some(entry) => match entry.value() {
                ValueRef::String(old) => {
                    let start = start.min(old.len());
                    let end = start.saturating_add(count).min(old.len());
                    let note = Note::Bytes {
                        key: self.copy(key),
                        len: old.len(),
                        room: entry.string_room(),
                        start,
                        bytes: self.copy(&old[start..end]),
                    };
                    self.notes.push(note);
                }
                ValueRef::Hash(_) | ValueRef::SortedSet(_) => self.note_replaced(keyspace, key),
            },
        }
    }

    fn note_expiry(&mut self, keyspace: &Keyspace, key: &[u8]) {
        if self.is_whole(key) {
            return;
        }
        match keyspace.get(keyspace.position(key), key) {
            None => {}
            Some(entry) if entry.is_inline() => self.hold_copy(entry),
            Some(entry) => {
                let key = self.copy(key);
                let at = entry.expires_at();
                self.notes.push(Note::Expiry { key, at });
            }
        }
    }

    fn note_copied(&mut self, keyspace: &mut Keyspace, from: &[u8], to: &[u8]) {
        let is_there = keyspace.get(keyspace.position(from), from).is_some();
        if from != to && is_there {
            self.note_replaced(keyspace, to);
        }
    }

    fn note_renamed(&mut self, keyspace: &mut Keyspace, from: &[u8], to: &[u8]) {
        let Some(is_inline) = keyspace.get(keyspace.position(from), from).map(Entry::is_inline) else {
            return;
        };
        if from == to {
            return;
        }
        self.note_replaced(keyspace, to);
        if self.is_whole(from) {
            return;
        }
        if is_inline {
            return self.note_replaced(keyspace, from);
        }
        // What is at `to` from now on is brought back to `from`, so its changes count.
        self.whole.remove(to);
        let (from, to) = (self.copy(from), self.copy(to));
        self.notes.push(Note::Renamed { from, to });
    }

    /// These fields get other values, or go.
    fn note_fields(
        &mut self,
        keyspace: &mut Keyspace,
        key: &[u8],
        fields: &mut dyn ExactSizeIterator<Item = &&[u8]>,
        are_removed: bool,
    ) {
        if self.is_whole(key) || fields.len() == 0 {
            return;
        }
        let Some(entry) = keyspace.get(keyspace.position(key), key) else {
            if !are_removed {
                self.hold_nothing(key);
            }
            return;
        };
        let hash = match entry.value() {
            ValueRef::Hash(hash) if hash.is_packed() => return self.hold_copy(entry),
            ValueRef::Hash(hash) => hash,
            ValueRef::String(_) | ValueRef::SortedSet(_) if are_removed => return,
            ValueRef::String(_) | ValueRef::SortedSet(_) => return self.note_replaced(keyspace, key),
        };
        let may_empty = are_removed && fields.len() >= hash.len();
        let held = fields.map(|field| {
            let value = hash.get(field).map(|value| self.copy(value));
            (self.copy(field), value)
        });
        let fields = held.collect();
        let key = self.copy(key);
        self.notes.push(Note::Fields { key, fields });
        if may_empty {
            self.note_emptied(entry, Large::Hash);
        }
    }

    /// Nothing may be left of what is large at this entry.
    fn note_emptied(&mut self, entry: &Entry, what: Large) {
        let note = Note::Emptied {
            key: self.copy(entry.key()),
            what,
            expires_at: entry.expires_at(),
            access: entry.access(),
        };
        self.notes.push(note);
    }

    /// These members of the sorted set get other scores.
    fn note_members(&mut self, keyspace: &mut Keyspace, key: &[u8], members: &mut dyn ExactSizeIterator<Item = &[u8]>) {
        if self.is_whole(key) || members.len() == 0 {
            return;
        }
        let Some(entry) = keyspace.get(keyspace.position(key), key) else {
            return self.hold_nothing(key);
        };
        match entry.value() {
            ValueRef::SortedSet(set) if set.is_packed() => self.hold_copy(entry),
            ValueRef::SortedSet(set) => {
                let held = members.map(|member| (self.copy(member), set.score(member)));
                let members = held.collect();
                self.note_scores(key, members);
            }
            ValueRef::String(_) | ValueRef::Hash(_) => self.note_replaced(keyspace, key),
        }
    }

    fn note_scores(&mut self, key: &[u8], members: Vec<Member>) {
        let key = self.copy(key);
        self.notes.push(Note::Members { key, members });
    }

    /// These elements of the sorted set go.
    fn note_removed(
        &mut self,
        keyspace: &Keyspace,
        key: &[u8],
        removed: impl FnOnce(&SortedSet) -> Vec<(Score, Box<[u8]>)>,
    ) {
        if self.is_whole(key) {
            return;
        }
        let Some(entry) = keyspace.get(keyspace.position(key), key) else {
            return;
        };
        let ValueRef::SortedSet(set) = entry.value() else {
            return;
        };
        if set.is_packed() {
            return self.hold_copy(entry);
        }
        let removed = removed(set);
        let may_empty = removed.len() >= set.len();
        self.copied_bytes += removed.iter().map(|(_, member)| member.len()).sum::<usize>();
        let held = removed.into_iter().map(|(score, member)| (member, Some(score)));
        self.note_scores(key, held.collect());
        if may_empty {
            self.note_emptied(entry, Large::SortedSet);
        }
    }

    /// All of the key gives way to something else, which may be made of what it holds.
    fn note_stored(&mut self, keyspace: &mut Keyspace, key: &[u8], is_read: bool) {
        let is_read = is_read && !self.is_whole(key);
        match keyspace.get(keyspace.position(key), key) {
            Some(entry) if is_read && matches!(entry.value(), ValueRef::SortedSet(_)) => self.hold_copy(entry),
            _ => self.note_replaced(keyspace, key),
        }
    }
}

/// As the effect is applied.
fn in_memory(ranks: &Range<u64>) -> Range<usize> {
    let rank = |rank: u64| usize::try_from(rank).unwrap_or(usize::MAX);
    rank(ranks.start)..rank(ranks.end)
}

impl Note {
    fn take_back(self, keyspace: &mut Keyspace) {
        match self {
            Self::Held(entry) => keyspace.put(entry),
            Self::Nothing(key) => {
                keyspace.remove(keyspace.position(&key), &key);
            }
            Self::Renamed { from, to } => {
                if let Some(entry) = keyspace.remove(keyspace.position(&to), &to) {
                    keyspace.put(entry.with_key(&from));
                }
            }
            Self::Bytes {
                key,
                len,
                room,
                start,
                bytes,
            } => {
                let put_back = |entry: &mut Entry| {
                    let string = entry.resize_string(len);
                    if let Some(place) = string.and_then(|string| string.get_mut(start..start + bytes.len())) {
                        place.copy_from_slice(&bytes);
                    }
                    entry.shrink_string(room);
                };
                keyspace.change(keyspace.position(&key), &key, put_back);
            }
            Self::Expiry { key, at } => {
                keyspace.change(keyspace.position(&key), &key, |entry| entry.set_expires_at(at));
            }
            Self::Fields { key, fields } => {
                let seed = keyspace.seed();
                let put_back = |entry: &mut Entry| {
                    let Some(hash) = entry.hash_mut() else { return };
                    for (field, value) in fields.into_iter().rev() {
                        match value {
                            Some(value) => {
                                hash.set(&field, &value, seed);
                            }
                            None => {
                                hash.remove(&field);
                            }
                        }
                    }
                };
                keyspace.change(keyspace.position(&key), &key, put_back);
            }
            Self::Members { key, members } => {
                let seed = keyspace.seed();
                let put_back = |entry: &mut Entry| {
                    let Some(set) = entry.sorted_set_mut() else { return };
                    for (member, score) in members.into_iter().rev() {
                        match score {
                            Some(score) => {
                                set.add(&member, score, seed);
                            }
                            None => {
                                set.remove(&member);
                            }
                        }
                    }
                };
                keyspace.change(keyspace.position(&key), &key, put_back);
            }
            Self::Emptied {
                key,
                what,
                expires_at,
                access,
            } => {
                let (position, seed) = (keyspace.position(&key), keyspace.seed());
                if keyspace.get(position, &key).is_none() {
                    let entry = match what {
                        Large::Hash => Entry::hash(&key, Hash::new_large(seed), expires_at, access),
                        Large::SortedSet => Entry::sorted_set(&key, SortedSet::new_large(seed), expires_at, access),
                    };
                    keyspace.insert(position, entry);
                }
            }
            Self::Cleared(all) => *keyspace = *all,
        }
    }
}
