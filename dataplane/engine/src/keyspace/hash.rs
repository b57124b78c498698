//! Hashes: fields with values.
//! Promises: a small hash is one allocation; a large one is a table that never stalls. Once large it stays a table, as in
//! Redis.

mod field;
mod packed;

use field::Field;
use packed::Packed;

use super::memory::class_bytes;
use super::split_table::SplitTable;
use crate::Random;

/// A hash: fields with values.
#[derive(Debug, Clone)]
pub struct Hash(Fields);

#[derive(Debug, Clone)]
enum Fields {
    Packed(Packed),
    Table(Box<SplitTable<Field>>),
}

const _: () = assert!(size_of::<Hash>() == 24);

impl Hash {
    /// Fields that a hash may have and still be packed: Redis' `hash-max-listpack-entries`.
    pub const PACKED_FIELDS_MAX: usize = 128;
    /// Bytes that each field and value may have then: Redis' `hash-max-listpack-value`.
    pub const PACKED_BYTES_MAX: usize = 64;

    /// How many fields.
    pub fn len(&self) -> usize {
        match &self.0 {
            Fields::Packed(packed) => packed.len(),
            Fields::Table(table) => table.len(),
        }
    }

    /// Whether it has none; a hash that is a key's value never is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match &self.0 {
            Fields::Packed(packed) => packed.get(field),
            Fields::Table(table) => table
                .find(Field::hash_of(field, table.seed()), |other| other.name() == field)
                .map(Field::value),
        }
    }

    /// All fields with their values, in an order that stays while nothing changes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (packed, table) = match &self.0 {
            Fields::Packed(packed) => (Some(packed.iter()), None),
            Fields::Table(table) => (None, Some(table.iter().map(Field::parts))),
        };
        packed.into_iter().flatten().chain(table.into_iter().flatten())
    }

    /// Some of the fields, from a cursor on (0: from the start), about `count` of them, and the next cursor (0: that was
    /// all). A field that is there throughout a whole scan is seen exactly once. A packed hash is shown whole.
    pub fn scan(&self, cursor: u64, count: usize, mut see: impl FnMut(&[u8], &[u8])) -> u64 {
        match &self.0 {
            Fields::Packed(packed) => {
                packed.iter().for_each(|(field, value)| see(field, value));
                0
            }
            Fields::Table(table) => table
                .scan(cursor, u64::MAX, count, |field| see(field.name(), field.value()))
                .unwrap_or(0),
        }
    }

    /// One of the fields, each as likely.
    pub fn random(&self, random: &mut Random) -> Option<(&[u8], &[u8])> {
        match &self.0 {
            Fields::Packed(packed) if packed.len() == 0 => None,
            Fields::Packed(packed) => packed.iter().nth(random.below(packed.len())),
            Fields::Table(table) => table.random(random).map(Field::parts),
        }
    }

    /// As OBJECT ENCODING names it.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Fields::Packed(_) => "listpack",
            Fields::Table(_) => "hashtable",
        }
    }

    /// Bytes of memory that its fields take.
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Fields::Packed(packed) => packed.heap_bytes(),
            Fields::Table(table) => class_bytes(size_of::<SplitTable<Field>>()) + table.memory_bytes(),
        }
    }

    /// No fields.
    pub(crate) fn new() -> Self {
        Self(Fields::Packed(Packed::default()))
    }

    /// No fields, and large: as if it had had many.
    pub(crate) fn new_large(seed: u64) -> Self {
        Self(Fields::Table(Box::new(SplitTable::new(seed))))
    }

    /// Whether it is one allocation, so that a copy costs little: no more than 17 kilobytes.
    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.0, Fields::Packed(_))
    }

    /// Sets a field; whether it is new. The seed is for hashes of fields, should there be many.
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], seed: u64) -> bool {
        match &mut self.0 {
            Fields::Packed(packed) => {
                if let Some(is_new) = packed.set(field, value) {
                    return is_new;
                }
                let mut table = SplitTable::new(seed);
                for (field, value) in packed.iter() {
                    table.insert(Field::hash_of(field, seed), Field::new(field, value));
                }
                let is_new = set_in(&mut table, field, value);
                self.0 = Fields::Table(Box::new(table));
                is_new
            }
            Fields::Table(table) => set_in(table, field, value),
        }
    }

    /// Removes a field; whether it was there.
    pub(crate) fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Fields::Packed(packed) => packed.remove(field),
            Fields::Table(table) => table
                .remove(Field::hash_of(field, table.seed()), |other| other.name() == field)
                .is_some(),
        }
    }

    #[cfg(test)]
    pub(super) fn recount(&self) -> usize {
        match &self.0 {
            Fields::Packed(packed) => packed.heap_bytes(),
            Fields::Table(table) => class_bytes(size_of::<SplitTable<Field>>()) + table.recount(),
        }
    }
}

fn set_in(table: &mut SplitTable<Field>, field: &[u8], value: &[u8]) -> bool {
    let hash = Field::hash_of(field, table.seed());
    let new = Field::new(field, value);
    let is = |other: &Field| other.name() == field;
    // Not `change`: it would build the new one before it knows whether there is an old one, too.
    if table.find(hash, is).is_some() {
        table.change(hash, is, |old| *old = new);
        return false;
    }
    table.insert(hash, new);
    true
}
