//! What is too large, or too lively, to lie beside its key.

use tenure_types::WallTime;

use super::hash::Hash;
use super::memory::{class_bytes, reserve};
use super::sorted_set::SortedSet;

/// A key with a value in an allocation of its own. Which type it is, the block says: an enum here would take 8 bytes more.
#[derive(Debug, Clone)]
pub(super) struct Object<V> {
    pub(super) key: Box<[u8]>,
    /// Meaningless unless the head of the block says that there is an expiry.
    pub(super) expires_at: WallTime,
    pub(super) value: V,
}

const _: () = assert!(size_of::<Object<Vec<u8>>>() == 48);
const _: () = assert!(size_of::<Object<Hash>>() == 48);
const _: () = assert!(size_of::<Object<SortedSet>>() == 48);

impl<V> Object<V> {
    pub(super) fn new(key: &[u8], value: V, expires_at: Option<WallTime>) -> Box<Self> {
        Box::new(Self {
            key: key.into(),
            expires_at: expires_at.unwrap_or(WallTime::from_unix_millis(0)),
            value,
        })
    }

    /// Bytes of the object and its key; the value's come on top.
    pub(super) fn own_bytes(&self) -> usize {
        class_bytes(size_of::<Self>()) + class_bytes(self.key.len())
    }
}

/// Makes a string as long as this, with zeros behind what it was. It moves only from size class to size class, so many
/// small appends cost about as much as one large.
pub(super) fn resize(bytes: &mut Vec<u8>, len: usize) {
    reserve(bytes, len);
    bytes.resize(len, 0);
}
