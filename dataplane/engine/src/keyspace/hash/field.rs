//! A field of a large hash, with its value, in one allocation.
//!
//! ```text
//!   length of the field (LEB128), field, value
//! ```

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::keyspace::memory::class_bytes;
use crate::keyspace::split_table::Item;

/// A field with its value.
#[derive(Debug, Clone)]
pub(super) struct Field(Box<[u8]>);

impl Field {
    pub(super) fn new(name: &[u8], value: &[u8]) -> Self {
        let mut length = [0; 10];
        let length = write_length(name.len(), &mut length);
        Self([length, name, value].concat().into())
    }

    pub(super) fn hash_of(name: &[u8], seed: u64) -> u64 {
        xxh3_64_with_seed(name, seed)
    }

    pub(super) fn name(&self) -> &[u8] {
        self.parts().0
    }

    pub(super) fn value(&self) -> &[u8] {
        self.parts().1
    }

    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        let (name_len, behind) = read_length(&self.0);
        behind.split_at_checked(name_len).unwrap_or_default()
    }
}

impl Item for Field {
    fn hash(&self, seed: u64) -> u64 {
        Self::hash_of(self.name(), seed)
    }

    fn heap_bytes(&self) -> usize {
        class_bytes(self.0.len())
    }
}

fn write_length(mut length: usize, out: &mut [u8; 10]) -> &[u8] {
    let mut used = 0;
    for byte in out.iter_mut() {
        used += 1;
        *byte = length.to_le_bytes()[0] & 0x7f;
        length >>= 7;
        if length == 0 {
            break;
        }
        *byte |= 0x80;
    }
    &out[..used]
}

fn read_length(bytes: &[u8]) -> (usize, &[u8]) {
    let (mut length, mut shift, mut rest) = (0, 0, bytes);
    while let Some((byte, behind)) = rest.split_first() {
        length |= usize::from(byte & 0x7f) << shift;
        rest = behind;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (length, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_back_whatever_its_length() {
        for length in [0, 1, 127, 128, 16_383, 16_384] {
            let name = vec![b'f'; length];
            let field = Field::new(&name, b"value");
            assert_eq!(field.parts(), (name.as_slice(), b"value".as_slice()));
        }
    }
}
