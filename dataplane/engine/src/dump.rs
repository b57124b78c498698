//! One key's value as DUMP writes it and RESTORE reads it: the format of Redis's snapshot files for one value.
//! Promises: any bytes are read without a panic, and never into more memory than [`BYTES_MAX`]. What is written is
//! written in the lowest version that has it, so that servers older and newer than ours can read it.
//! Leaves to the commands: which key, and when it expires; neither is in the payload.
//!
//! ```text
//!   payload = type (1 byte), value, version (2 bytes), CRC-64 of all before (8 bytes)     the last two little endian
//!   value   = a string, or (hash) the number of pairs and then strings, or (sorted set) the number of elements and then
//!             for each a string and a score, or (both) a string that holds a listpack or ziplist
//!   string  = length (6, 14, 32 or 64 bits) and bytes, or an integer (8, 16 or 32 bits), or compressed by LZF
//! ```

mod listpack;
mod lzf;
mod packed;
mod reader;
mod writer;
mod ziplist;

use std::collections::BTreeMap;

use crc::{CRC_64_REDIS, Crc, Table};

use crate::{Score, ValueRef};
use reader::Reader;

const CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);
const FOOTER_BYTES: usize = 2 + 8;

/// What one payload may hold once it is unpacked. Compression makes up to 88 times as much of what was sent.
pub(crate) const BYTES_MAX: usize = 7 << 20;

/// Strings and hashes are older than this version, but it is the first that DUMP wrote (Redis 2.6): a server that knows
/// RESTORE at all reads it.
const WRITTEN_VERSION: u16 = 6;
/// The first that has scores as bits (Redis 4).
const SORTED_SET_VERSION: u16 = 8;

const STRING: u8 = 0;
const SORTED_SET_OF_TEXTS: u8 = 3;
const HASH: u8 = 4;
const SORTED_SET: u8 = 5;
const SORTED_SET_ZIPLIST: u8 = 12;
const HASH_ZIPLIST: u8 = 13;
const HASH_LISTPACK: u8 = 16;
const SORTED_SET_LISTPACK: u8 = 17;

/// Fields with their values.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Members with their scores.
pub(crate) type Elements = Vec<(Vec<u8>, Score)>;

/// A value out of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Restored {
    /// A string.
    String(Vec<u8>),
    /// A hash with one field at least: fields and values in the order of the payload, no field twice.
    Hash(Pairs),
    /// A sorted set with one member at least, in the order of the payload, no member twice.
    SortedSet(Elements),
}

/// A payload that nothing was restored from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// Not all of it is there, it is not what was written, or its writer is newer than we know.
    #[error("ERR DUMP payload version or checksum are wrong")]
    VersionOrChecksum,
    /// Its checksum is right, and yet it makes no sense.
    #[error("ERR Bad data format")]
    BadFormat,
    /// It makes sense, but not to us.
    #[error("ERR DUMP payload holds a {kind}, which cannot be restored here")]
    UnsupportedType {
        /// What it holds.
        kind: &'static str,
    },
    /// It would take too much memory.
    #[error("ERR DUMP payload holds more than {bytes_max} bytes")]
    TooLarge {
        /// What it may hold.
        bytes_max: usize,
    },
}

/// The payload of a value.
pub(crate) fn encode(value: ValueRef<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut version = WRITTEN_VERSION;
    match value {
        ValueRef::String(bytes) => {
            payload.push(STRING);
            writer::put_string(&mut payload, bytes);
        }
        ValueRef::Hash(hash) => {
            payload.push(HASH);
            writer::put_length(&mut payload, hash.len());
            for (field, value) in hash.iter() {
                writer::put_string(&mut payload, field);
                writer::put_string(&mut payload, value);
            }
        }
        ValueRef::SortedSet(set) => {
            version = SORTED_SET_VERSION;
            payload.push(SORTED_SET);
            writer::put_length(&mut payload, set.len());
            // The greatest first, as Redis does: it adds them at the front when it reads them.
            for (score, member) in set.iter().rev() {
                writer::put_string(&mut payload, member);
                payload.extend_from_slice(&score.get().to_le_bytes());
            }
        }
    }
    payload.extend_from_slice(&version.to_le_bytes());
    let checksum = CRC.checksum(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

/// The value of a payload.
pub(crate) fn decode(payload: &[u8]) -> Result<Restored, DumpError> {
    let mut reader = Reader::of(verified(payload)?, BYTES_MAX);
    let kind = reader.byte()?;
    let restored = match kind {
        STRING => Restored::String(reader.string()?.into_owned()),
        HASH => Restored::Hash(hash_of_strings(&mut reader)?),
        HASH_ZIPLIST => Restored::Hash(of_entries(ziplist::entries(&reader.string()?)?, Ok)?),
        HASH_LISTPACK => Restored::Hash(of_entries(listpack::entries(&reader.string()?)?, Ok)?),
        SORTED_SET => Restored::SortedSet(sorted_set(&mut reader, Reader::score)?),
        SORTED_SET_OF_TEXTS => Restored::SortedSet(sorted_set(&mut reader, Reader::score_text)?),
        SORTED_SET_ZIPLIST => Restored::SortedSet(of_entries(ziplist::entries(&reader.string()?)?, score)?),
        SORTED_SET_LISTPACK => Restored::SortedSet(of_entries(listpack::entries(&reader.string()?)?, score)?),
        other => return Err(refused(other)),
    };
    if !reader.is_at_end() {
        return Err(DumpError::BadFormat);
    }
    Ok(restored)
}

/// What stands before version and checksum, if both are right.
fn verified(payload: &[u8]) -> Result<&[u8], DumpError> {
    let split = payload.len().checked_sub(FOOTER_BYTES);
    let (value, footer) = split
        .and_then(|at| payload.split_at_checked(at))
        .ok_or(DumpError::VersionOrChecksum)?;
    let (version, checksum) = footer.split_at_checked(2).ok_or(DumpError::VersionOrChecksum)?;
    let readable = matches!(version, [low, high] if is_readable(u16::from_le_bytes([*low, *high])));
    let mut digest = CRC.digest();
    digest.update(value);
    digest.update(version);
    if !readable || digest.finalize().to_le_bytes() != checksum {
        return Err(DumpError::VersionOrChecksum);
    }
    Ok(value)
}

/// Up to 12 they are Redis's, 7.4 wrote that; 80 is the first that Valkey did not share with it. What a type byte means
/// never changed between them, so a newer version brings new types at most, and those are refused by name.
fn is_readable(version: u16) -> bool {
    matches!(version, 1..=12 | 80)
}

fn hash_of_strings(reader: &mut Reader<'_>) -> Result<Pairs, DumpError> {
    let pairs = reader.length()?;
    let mut fields = Fields::default();
    for _ in 0..pairs {
        fields.add(reader.string()?.into_owned(), reader.string()?.into_owned())?;
    }
    fields.finish()
}

fn sorted_set<'a>(
    reader: &mut Reader<'a>,
    score: impl Fn(&mut Reader<'a>) -> Result<Score, DumpError>,
) -> Result<Elements, DumpError> {
    let elements = reader.length()?;
    let mut members = Fields::default();
    for _ in 0..elements {
        members.add(reader.string()?.into_owned(), score(reader)?)?;
    }
    members.finish()
}

fn of_entries<V>(
    mut entries: impl Iterator<Item = Result<Vec<u8>, DumpError>>,
    value: impl Fn(Vec<u8>) -> Result<V, DumpError>,
) -> Result<Vec<(Vec<u8>, V)>, DumpError> {
    let mut fields = Fields::default();
    while let Some(field) = entries.next() {
        fields.add(field?, value(entries.next().ok_or(DumpError::BadFormat)??)?)?;
    }
    fields.finish()
}

fn score(text: Vec<u8>) -> Result<Score, DumpError> {
    Score::parse(&text).ok_or(DumpError::BadFormat)
}

/// The fields of a hash, or the members of a sorted set, as they come. A field that comes twice is seen at once: a payload of a million times the same
/// field must not fill the memory first.
struct Fields<V> {
    /// By field: its place in the payload and its value.
    placed: BTreeMap<Vec<u8>, (usize, V)>,
}

impl<V> Default for Fields<V> {
    fn default() -> Self {
        Self {
            placed: BTreeMap::new(),
        }
    }
}

impl<V> Fields<V> {
    fn add(&mut self, field: Vec<u8>, value: V) -> Result<(), DumpError> {
        let place = self.placed.len();
        match self.placed.insert(field, (place, value)) {
            None => Ok(()),
            Some(_) => Err(DumpError::BadFormat),
        }
    }

    fn finish(self) -> Result<Vec<(Vec<u8>, V)>, DumpError> {
        if self.placed.is_empty() {
            return Err(DumpError::BadFormat);
        }
        let mut placed: Vec<_> = self.placed.into_iter().collect();
        placed.sort_unstable_by_key(|(_, (place, _))| *place);
        Ok(placed.into_iter().map(|(field, (_, value))| (field, value)).collect())
    }
}

/// Types that others write and we do not hold.
fn refused(kind: u8) -> DumpError {
    let kind = match kind {
        1 | 10 | 14 | 18 => "list",
        2 | 11 | 20 => "set",
        6 | 7 => "value of a module",
        9 => "zipmap (a hash of Redis before 2.6)",
        15 | 19 | 21 => "stream",
        22..=25 => "hash with expiring fields",
        _ => return DumpError::BadFormat,
    };
    DumpError::UnsupportedType { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HGETALL of a small hash shows its fields in this order.
    #[test]
    fn fields_come_in_the_order_of_the_payload() {
        // HSET h z 1 a 2, dumped by redis 7.0.15.
        let payload = b"\x10\x11\x11\x00\x00\x00\x04\x00\x81\x7a\x02\x01\x01\x81\x61\x02\x02\x01\xff\x0a\x00\x3c\x0e\x53\xf6\x48\x97\xa4\xad";
        let fields = [(b"z".to_vec(), b"1".to_vec()), (b"a".to_vec(), b"2".to_vec())];
        assert_eq!(decode(payload), Ok(Restored::Hash(fields.to_vec())));
    }
}
