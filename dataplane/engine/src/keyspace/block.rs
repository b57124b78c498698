//! What a place of the key table holds: 7 bytes of its own, and one allocation of exactly one of the allocator's sizes.
//! Promises: 16 bytes, and nothing is lost to a length or a capacity: the size is the variant.
//! A `Box<[u8]>` would be as large without the 7 bytes, which would stand in the allocation and often make it a size
//! larger.

use super::hash::Hash;
use super::object::Object;
use super::sorted_set::SortedSet;
use crate::eviction::Access;

/// What stands beside the allocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) access: Access,
    /// Of inline content: length of the key (16 bits), then of the value (15 bits). The last bit: whether there is an
    /// expiry.
    shape: [u8; 4],
}

const VOLATILE: u32 = 1 << 31;

impl Head {
    /// For a key and a value that fit into a block together: lengths are 15 bits at most.
    pub(super) fn new(access: Access, key_len: usize, value_len: usize, volatile: bool) -> Self {
        let key_len = u32::from(low_15_bits(key_len));
        let value_len = u32::from(low_15_bits(value_len));
        let volatile = if volatile { VOLATILE } else { 0 };
        Self {
            access,
            shape: (key_len | value_len << 16 | volatile).to_le_bytes(),
        }
    }

    /// For an object, which knows its lengths.
    pub(super) fn of_object(access: Access, volatile: bool) -> Self {
        Self::new(access, 0, 0, volatile)
    }

    pub(super) fn key_len(&self) -> usize {
        let [low, high, ..] = self.shape;
        u16::from_le_bytes([low, high]).into()
    }

    pub(super) fn value_len(&self) -> usize {
        let [.., low, high] = self.shape;
        u16::from_le_bytes([low, high & 0x7f]).into()
    }

    pub(super) fn is_volatile(&self) -> bool {
        u32::from_le_bytes(self.shape) & VOLATILE != 0
    }
}

fn low_15_bits(length: usize) -> u16 {
    let [low, high, ..] = length.to_le_bytes();
    u16::from_le_bytes([low, high & 0x7f])
}

macro_rules! blocks {
    ($($name:ident $bytes:literal),*) => {
        /// One allocation with its head.
        #[derive(Debug, Clone)]
        pub(super) enum Block {
            $($name(Head, Box<[u8; $bytes]>),)*
            String(Head, Box<Object<Vec<u8>>>),
            Hash(Head, Box<Object<Hash>>),
            SortedSet(Head, Box<Object<SortedSet>>),
        }

        impl Block {
            /// Zeros, in the smallest size that has room for so many.
            pub(super) fn with_room(bytes: usize, head: Head) -> Option<Self> {
                $(if bytes <= $bytes {
                    return Some(Self::$name(head, Box::new([0; $bytes])));
                })*
                None
            }

            pub(super) fn head(&self) -> &Head {
                match self {
                    $(Self::$name(head, _) => head,)*
                    Self::String(head, _) | Self::Hash(head, _) | Self::SortedSet(head, _) => head,
                }
            }

            pub(super) fn head_mut(&mut self) -> &mut Head {
                match self {
                    $(Self::$name(head, _) => head,)*
                    Self::String(head, _) | Self::Hash(head, _) | Self::SortedSet(head, _) => head,
                }
            }

            /// The bytes or the object.
            pub(super) fn content(&self) -> Content<'_> {
                match self {
                    $(Self::$name(_, bytes) => Content::Inline(bytes.as_slice()),)*
                    Self::String(_, object) => Content::String(object),
                    Self::Hash(_, object) => Content::Hash(object),
                    Self::SortedSet(_, object) => Content::SortedSet(object),
                }
            }

            /// The bytes or the object, to be changed.
            pub(super) fn content_mut(&mut self) -> ContentMut<'_> {
                match self {
                    $(Self::$name(_, bytes) => ContentMut::Inline(bytes.as_mut_slice()),)*
                    Self::String(_, object) => ContentMut::String(object),
                    Self::Hash(_, object) => ContentMut::Hash(object),
                    Self::SortedSet(_, object) => ContentMut::SortedSet(object),
                }
            }
        }
    };
}

blocks! {
    B8 8, B16 16, B32 32, B48 48, B64 64, B80 80, B96 96, B112 112, B128 128, B160 160, B192 192, B224 224, B256 256,
    B320 320, B384 384, B448 448, B512 512, B640 640, B768 768, B896 896, B1024 1024
}

const _: () = assert!(size_of::<Block>() == 16);

/// What a block holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    Inline(&'a [u8]),
    String(&'a Object<Vec<u8>>),
    Hash(&'a Object<Hash>),
    SortedSet(&'a Object<SortedSet>),
}

/// What a block holds, to be changed.
#[derive(Debug)]
pub(super) enum ContentMut<'a> {
    Inline(&'a mut [u8]),
    String(&'a mut Object<Vec<u8>>),
    Hash(&'a mut Object<Hash>),
    SortedSet(&'a mut Object<SortedSet>),
}
