//! A key with its value, its expiry and what is known of its use.
//! Promises: all of them are one allocation if they fit into a kibibyte, else the value has its own.
//!
//! ```text
//!   inline: expiry (8 bytes, only if there is one), key, value, unused        lengths: in the block's head
//! ```

use std::time::Duration;

use tenure_types::WallTime;

use super::Position;
use super::block::{Block, Content, ContentMut, Head};
use super::hash::Hash;
use super::memory::class_bytes;
use super::object::{self, Object};
use super::sorted_set::SortedSet;
use super::split_table::Item;
use crate::eviction::Access;

const EXPIRY_BYTES: usize = 8;

/// What an entry's place in the tables takes, empty places that come with it included.
const PLACE_BYTES: usize = 24;

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry(Block);

/// What a key holds, to be read.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string.
    String(&'a [u8]),
    /// A hash.
    Hash(&'a Hash),
    /// A sorted set.
    SortedSet(&'a SortedSet),
}

impl ValueRef<'_> {
    /// As TYPE names it.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Hash(_) => "hash",
            Self::SortedSet(_) => "zset",
        }
    }
}

impl Entry {
    /// The key.
    pub fn key(&self) -> &[u8] {
        match self.0.content() {
            Content::Inline(bytes) => {
                let head = self.0.head();
                let start = expiry_bytes(head.is_volatile());
                &bytes[start..start + head.key_len()]
            }
            Content::String(object) => &object.key,
            Content::Hash(object) => &object.key,
            Content::SortedSet(object) => &object.key,
        }
    }

    /// What it holds.
    pub fn value(&self) -> ValueRef<'_> {
        match self.0.content() {
            Content::Inline(bytes) => {
                let head = self.0.head();
                let start = value_start(head);
                ValueRef::String(&bytes[start..start + head.value_len()])
            }
            Content::String(object) => ValueRef::String(&object.value),
            Content::Hash(object) => ValueRef::Hash(&object.value),
            Content::SortedSet(object) => ValueRef::SortedSet(&object.value),
        }
    }

    /// When it goes.
    pub fn expires_at(&self) -> Option<WallTime> {
        if !self.0.head().is_volatile() {
            return None;
        }
        match self.0.content() {
            Content::Inline(bytes) => bytes
                .first_chunk()
                .map(|millis| WallTime::from_unix_millis(u64::from_le_bytes(*millis))),
            Content::String(object) => Some(object.expires_at),
            Content::Hash(object) => Some(object.expires_at),
            Content::SortedSet(object) => Some(object.expires_at),
        }
    }

    /// Bytes of memory that it takes, its place in the tables included.
    pub fn memory_bytes(&self) -> usize {
        self.heap_bytes() + PLACE_BYTES
    }

    /// How long ago it was last read or written. Meaningless under a policy that counts accesses instead.
    pub fn idle(&self, now: WallTime) -> Duration {
        self.access().idle(now)
    }

    /// How often it is read or written, on the logarithmic scale of Redis. Meaningless unless the policy counts accesses.
    pub fn frequency(&self, now: WallTime) -> u8 {
        self.access().frequency(now)
    }

    /// The string. `None`: it is none.
    pub(crate) fn as_string(&self) -> Option<&[u8]> {
        match self.value() {
            ValueRef::String(bytes) => Some(bytes),
            ValueRef::Hash(_) | ValueRef::SortedSet(_) => None,
        }
    }

    pub(crate) fn access(&self) -> Access {
        self.0.head().access
    }

    pub(crate) fn set_access(&mut self, access: Access) {
        self.0.head_mut().access = access;
    }

    pub(crate) fn string(key: &[u8], value: &[u8], expires_at: Option<WallTime>, access: Access) -> Self {
        let head = Head::new(access, key.len(), value.len(), expires_at.is_some());
        let bytes = expiry_bytes(expires_at.is_some())
            .saturating_add(key.len())
            .saturating_add(value.len());
        let Some(mut block) = Block::with_room(bytes, head) else {
            let mut own = Vec::with_capacity(class_bytes(value.len()));
            own.extend_from_slice(value);
            return Self::long_string(key, own, expires_at, access);
        };
        if let ContentMut::Inline(bytes) = block.content_mut() {
            lay_out(bytes, key, value, expires_at);
        }
        Self(block)
    }

    pub(crate) fn hash(key: &[u8], hash: Hash, expires_at: Option<WallTime>, access: Access) -> Self {
        let head = Head::of_object(access, expires_at.is_some());
        Self(Block::Hash(head, Object::new(key, hash, expires_at)))
    }

    pub(crate) fn sorted_set(key: &[u8], set: SortedSet, expires_at: Option<WallTime>, access: Access) -> Self {
        let head = Head::of_object(access, expires_at.is_some());
        Self(Block::SortedSet(head, Object::new(key, set, expires_at)))
    }

    fn long_string(key: &[u8], value: Vec<u8>, expires_at: Option<WallTime>, access: Access) -> Self {
        let head = Head::of_object(access, expires_at.is_some());
        Self(Block::String(head, Object::new(key, value, expires_at)))
    }

    /// The same under another key.
    pub(crate) fn with_key(mut self, key: &[u8]) -> Self {
        match self.0.content_mut() {
            ContentMut::String(object) => object.key = key.into(),
            ContentMut::Hash(object) => object.key = key.into(),
            ContentMut::SortedSet(object) => object.key = key.into(),
            ContentMut::Inline(_) => {
                let (expires_at, access) = (self.expires_at(), self.access());
                return Self::string(key, self.as_string().unwrap_or_default(), expires_at, access);
            }
        }
        self
    }

    /// Holds this string from now on, whatever it was.
    pub(crate) fn set_string(&mut self, value: &[u8], expires_at: Option<WallTime>) {
        let head = *self.0.head();
        let (same_layout, access) = (head.is_volatile() == expires_at.is_some(), head.access);
        if let ContentMut::Inline(bytes) = self.0.content_mut()
            && same_layout
        {
            let start = value_start(&head);
            // A smaller block would do for a shorter value.
            if class_bytes(start + value.len()) == bytes.len() {
                bytes[start..start + value.len()].copy_from_slice(value);
                lay_expiry(bytes, expires_at);
                *self.0.head_mut() = Head::new(access, head.key_len(), value.len(), expires_at.is_some());
                return;
            }
        }
        *self = Self::string(self.key(), value, expires_at, access);
    }

    /// Goes at this time.
    pub(crate) fn set_expires_at(&mut self, expires_at: Option<WallTime>) {
        let (head, at) = (*self.0.head(), expires_at.unwrap_or(WallTime::from_unix_millis(0)));
        match self.0.content_mut() {
            ContentMut::String(object) => object.expires_at = at,
            ContentMut::Hash(object) => object.expires_at = at,
            ContentMut::SortedSet(object) => object.expires_at = at,
            ContentMut::Inline(bytes) if head.is_volatile() && expires_at.is_some() => {
                lay_expiry(bytes, expires_at);
                return;
            }
            ContentMut::Inline(_) => {
                *self = Self::string(
                    self.key(),
                    self.as_string().unwrap_or_default(),
                    expires_at,
                    head.access,
                );
                return;
            }
        }
        *self.0.head_mut() = Head::of_object(head.access, expires_at.is_some());
    }

    /// The string, made as long as this, zeros behind what it was. `None`: it is no string.
    pub(crate) fn resize_string(&mut self, len: usize) -> Option<&mut [u8]> {
        if let Content::Inline(bytes) = self.0.content() {
            let room = bytes.len() - value_start(self.0.head());
            if len > room {
                self.move_string(len);
            }
        }
        let head = *self.0.head();
        let start = value_start(&head);
        if let ContentMut::Inline(bytes) = self.0.content_mut() {
            // What is unused may be old bytes.
            if let Some(new) = bytes.get_mut(start + head.value_len()..start + len) {
                new.fill(0);
            }
            *self.0.head_mut() = Head::new(head.access, head.key_len(), len, head.is_volatile());
        }
        match self.0.content_mut() {
            ContentMut::Inline(bytes) => bytes.get_mut(start..start + len),
            ContentMut::String(object) => {
                object::resize(&mut object.value, len);
                Some(&mut object.value)
            }
            ContentMut::Hash(_) | ContentMut::SortedSet(_) => None,
        }
    }

    /// Into a block or an object that has room for a string of this length.
    fn move_string(&mut self, len: usize) {
        let (head, expires_at) = (*self.0.head(), self.expires_at());
        let ValueRef::String(value) = self.value() else { return };
        let Some(mut block) = Block::with_room(value_start(&head).saturating_add(len), head) else {
            *self = Self::long_string(self.key(), value.to_vec(), expires_at, head.access);
            return;
        };
        if let ContentMut::Inline(bytes) = block.content_mut() {
            lay_out(bytes, self.key(), value, expires_at);
        }
        self.0 = block;
    }

    /// Whether it is one allocation, so that a copy costs little: no more than a kibibyte.
    pub(crate) fn is_inline(&self) -> bool {
        matches!(self.0.content(), Content::Inline(_))
    }

    /// All that it is. An empty string under the same key, as often used, is left in its place.
    pub(crate) fn take_out(&mut self) -> Self {
        let nothing = Self::string(self.key(), b"", None, self.access());
        std::mem::replace(self, nothing)
    }

    /// Bytes that a string in an allocation of its own has room for.
    pub(crate) fn string_room(&self) -> usize {
        match self.0.content() {
            Content::String(object) => object.value.capacity(),
            Content::Inline(_) | Content::Hash(_) | Content::SortedSet(_) => 0,
        }
    }

    /// Gives back what a string in an allocation of its own has room for past this.
    pub(crate) fn shrink_string(&mut self, room: usize) {
        if let ContentMut::String(object) = self.0.content_mut() {
            object.value.shrink_to(room);
        }
    }

    /// The hash. `None`: it is none.
    pub(crate) fn hash_mut(&mut self) -> Option<&mut Hash> {
        match self.0.content_mut() {
            ContentMut::Hash(object) => Some(&mut object.value),
            ContentMut::String(_) | ContentMut::SortedSet(_) | ContentMut::Inline(_) => None,
        }
    }

    /// The sorted set. `None`: it is none.
    pub(crate) fn sorted_set_mut(&mut self) -> Option<&mut SortedSet> {
        match self.0.content_mut() {
            ContentMut::SortedSet(object) => Some(&mut object.value),
            ContentMut::String(_) | ContentMut::Hash(_) | ContentMut::Inline(_) => None,
        }
    }
}

impl Item for Entry {
    fn hash(&self, seed: u64) -> u64 {
        Position::of(self.key(), seed).get()
    }

    fn heap_bytes(&self) -> usize {
        match self.0.content() {
            Content::Inline(bytes) => bytes.len(),
            Content::String(object) => object.own_bytes() + class_bytes(object.value.capacity()),
            Content::Hash(object) => object.own_bytes() + object.value.memory_bytes(),
            Content::SortedSet(object) => object.own_bytes() + object.value.memory_bytes(),
        }
    }

    fn expires_at(&self) -> Option<WallTime> {
        self.expires_at()
    }
}

const fn expiry_bytes(volatile: bool) -> usize {
    if volatile { EXPIRY_BYTES } else { 0 }
}

fn value_start(head: &Head) -> usize {
    expiry_bytes(head.is_volatile()) + head.key_len()
}

/// Writes an inline entry into a block that has room for it.
fn lay_out(bytes: &mut [u8], key: &[u8], value: &[u8], expires_at: Option<WallTime>) {
    lay_expiry(bytes, expires_at);
    let (key_part, value_part) = bytes[expiry_bytes(expires_at.is_some())..].split_at_mut(key.len());
    key_part.copy_from_slice(key);
    value_part[..value.len()].copy_from_slice(value);
}

fn lay_expiry(bytes: &mut [u8], expires_at: Option<WallTime>) {
    if let (Some(at), Some(start)) = (expires_at, bytes.first_chunk_mut()) {
        *start = at.as_unix_millis().to_le_bytes();
    }
}
