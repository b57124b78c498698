//! A small hash in one allocation.
//!
//! ```text
//!   number of fields (1 byte), then for each: length, field, length, value      lengths: 1 byte
//! ```

use crate::Hash;
use crate::keyspace::memory::{class_bytes, reserve, shrink};

/// At most 128 fields; each of them and each value has at most 64 bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed {
    /// Without fields there may be no byte at all.
    bytes: Vec<u8>,
}

/// Where a field lies.
struct Place {
    /// Where the length of the field stands.
    start: usize,
    /// Where the length of the value stands.
    value: usize,
    /// Behind the value.
    end: usize,
}

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.bytes.first().copied().unwrap_or(0).into()
    }

    pub(super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        let place = self.find(field)?;
        self.bytes.get(place.value + 1..place.end)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.bytes.get(1..).unwrap_or(&[]);
        let mut next = move || {
            let (len, behind) = rest.split_first()?;
            let (part, behind) = behind.split_at_checked(usize::from(*len))?;
            rest = behind;
            Some(part)
        };
        std::iter::from_fn(move || Some((next()?, next()?)))
    }

    /// Sets a field; whether it is new. `None`: it does not fit, and nothing was changed.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8]) -> Option<bool> {
        let (field_len, value_len) = (length_byte(field)?, length_byte(value)?);
        if let Some(place) = self.find(field) {
            let room = self.bytes.len() - (place.end - place.value) + 1 + value.len();
            reserve(&mut self.bytes, room);
            let new = [value_len].into_iter().chain(value.iter().copied());
            self.bytes.splice(place.value..place.end, new);
            shrink(&mut self.bytes);
            return Some(false);
        }
        if self.len() >= Hash::PACKED_FIELDS_MAX {
            return None;
        }
        let room = self.bytes.len().max(1) + 2 + field.len() + value.len();
        reserve(&mut self.bytes, room);
        match self.bytes.first_mut() {
            Some(count) => *count += 1,
            None => self.bytes.push(1),
        }
        self.bytes.push(field_len);
        self.bytes.extend_from_slice(field);
        self.bytes.push(value_len);
        self.bytes.extend_from_slice(value);
        Some(true)
    }

    /// Removes a field; whether it was there.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let Some(place) = self.find(field) else { return false };
        self.bytes.drain(place.start..place.end);
        if let Some(count) = self.bytes.first_mut() {
            *count -= 1;
        }
        shrink(&mut self.bytes);
        true
    }

    pub(super) fn heap_bytes(&self) -> usize {
        class_bytes(self.bytes.capacity())
    }

    fn find(&self, field: &[u8]) -> Option<Place> {
        let mut start = 1;
        loop {
            let value = self.behind(start)?;
            let end = self.behind(value)?;
            if self.bytes.get(start + 1..value) == Some(field) {
                return Some(Place { start, value, end });
            }
            start = end;
        }
    }

    /// Behind the part whose length stands here.
    fn behind(&self, at: usize) -> Option<usize> {
        Some(at + 1 + usize::from(*self.bytes.get(at)?))
    }
}

fn length_byte(part: &[u8]) -> Option<u8> {
    u8::try_from(part.len())
        .ok()
        .filter(|_| part.len() <= Hash::PACKED_BYTES_MAX)
}
