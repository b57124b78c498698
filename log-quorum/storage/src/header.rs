//! The stored form of a segment's header: which segment it is, what came before it, and a checkpoint of every group.
//! Promises: with the checkpoint, all segments before this one can be dropped once nothing in them is needed.
//! Leaves to `recovery`: whether the segments fit together. Never touches a file.

use bytes::Bytes;

use crate::block::{BLOCK_BYTES, whole_blocks};
use crate::cursor::Cursor;
use crate::salt::Salt;
use crate::{Flaw, GroupState, Purged, Sequence};

const MAGIC: [u8; 8] = *b"TENUREWL";
const FORMAT: u16 = 1;
/// Place of the checksum, which leaves itself out of itself. The same in every format, as all before it.
const CHECKSUM_AT: usize = 16;

const HAS_VOTE: u8 = 1;
const HAS_COMMITTED: u8 = 2;
const HAS_PURGED: u8 = 4;
const HAS_ENTRIES: u8 = 8;

/// What a segment says about itself before its first batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) sequence: Sequence,
    pub(crate) salt: Salt,
    /// The segment before this one and where it ended, all of it synced. Numbers may be skipped: a copy that recovery
    /// made takes the place of the segment it copied.
    pub(crate) predecessor: Option<(Sequence, u64)>,
    /// Bytes behind the header that were durable before the segment got its name: the copy of a recovery.
    pub(crate) durable_bytes: u64,
    /// The state of every group before the first batch.
    pub(crate) groups: Vec<GroupState>,
}

impl Header {
    /// Bytes that the header with the front `first_block` takes, whole blocks.
    pub(crate) fn stored_bytes(first_block: &[u8]) -> Result<usize, Flaw> {
        let mut cursor = Cursor::new(first_block);
        if cursor.bytes(MAGIC.len()) != Some(&MAGIC) {
            return Err(Flaw::Foreign);
        }
        let (Some(_format), Some(_reserved), Some(bytes)) = (cursor.u16(), cursor.u16(), cursor.u32()) else {
            return Err(Flaw::Short);
        };
        let bytes = bytes as usize;
        if bytes == 0 || !bytes.is_multiple_of(BLOCK_BYTES) {
            return Err(Flaw::Malformed);
        }
        Ok(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut cursor = Cursor::new(bytes);
        let _magic = cursor.bytes(MAGIC.len());
        let (Some(format), Some(0), Some(_bytes), Some(stored)) =
            (cursor.u16(), cursor.u16(), cursor.u32(), cursor.u32())
        else {
            return Err(Flaw::Malformed);
        };
        let computed = checksum(bytes);
        if computed != stored {
            return Err(Flaw::Checksum { stored, computed });
        }
        if format != FORMAT {
            return Err(Flaw::Version {
                found: format,
                known: FORMAT,
            });
        }
        let header = Self::decode_fields(&mut cursor).ok_or(Flaw::Malformed)?;
        if cursor.rest().iter().any(|byte| *byte != 0) {
            return Err(Flaw::Padding);
        }
        Ok(header)
    }

    fn decode_fields(cursor: &mut Cursor<'_>) -> Option<Self> {
        let salt = Salt::stored(cursor.u32()?);
        let sequence = Sequence::new(cursor.u64()?)?;
        let (before, before_end) = (cursor.u64()?, cursor.u64()?);
        let durable_bytes = cursor.u64()?;
        let mut groups = Vec::new();
        for _ in 0..cursor.u32()? {
            groups.push(decode_group(cursor)?);
        }
        let predecessor = Sequence::new(before).map(|before| (before, before_end));
        if predecessor.is_some_and(|(before, _)| before >= sequence) {
            return None;
        }
        Some(Self {
            sequence,
            salt,
            predecessor,
            durable_bytes,
            groups,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&[0; 10]); // reserved, the length, the checksum
        bytes.extend_from_slice(&self.salt.get().to_le_bytes());
        bytes.extend_from_slice(&self.sequence.get().to_le_bytes());
        let (before, before_end) = self.predecessor.map_or((0, 0), |(before, end)| (before.get(), end));
        bytes.extend_from_slice(&before.to_le_bytes());
        bytes.extend_from_slice(&before_end.to_le_bytes());
        bytes.extend_from_slice(&self.durable_bytes.to_le_bytes());
        bytes.extend_from_slice(&length_of(&self.groups));
        for group in &self.groups {
            encode_group(group, &mut bytes);
        }
        bytes.resize(whole_blocks(bytes.len()), 0);
        let length = length_of(&bytes);
        bytes[12..CHECKSUM_AT].copy_from_slice(&length);
        let checksum = checksum(&bytes);
        bytes[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let behind = bytes.get(CHECKSUM_AT + 4..).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..CHECKSUM_AT]), behind)
}

fn encode_group(group: &GroupState, bytes: &mut Vec<u8>) {
    let GroupState {
        vote,
        committed,
        purged,
        first,
        last,
    } = group;
    let entries = first.zip(*last);
    let mut has = 0;
    for (there, bit) in [
        (vote.is_some(), HAS_VOTE),
        (committed.is_some(), HAS_COMMITTED),
        (purged.is_some(), HAS_PURGED),
        (entries.is_some(), HAS_ENTRIES),
    ] {
        has |= if there { bit } else { 0 };
    }
    bytes.push(has);
    for string in [vote, committed].into_iter().flatten() {
        encode_string(string, bytes);
    }
    if let Some(Purged { index, mark }) = purged {
        bytes.extend_from_slice(&index.to_le_bytes());
        encode_string(mark, bytes);
    }
    if let Some((first, last)) = entries {
        bytes.extend_from_slice(&first.to_le_bytes());
        bytes.extend_from_slice(&last.to_le_bytes());
    }
}

fn decode_group(cursor: &mut Cursor<'_>) -> Option<GroupState> {
    let has = cursor.u8()?;
    let mut group = GroupState::default();
    if has & HAS_VOTE != 0 {
        group.vote = Some(decode_string(cursor)?);
    }
    if has & HAS_COMMITTED != 0 {
        group.committed = Some(decode_string(cursor)?);
    }
    if has & HAS_PURGED != 0 {
        let index = cursor.u64()?;
        let mark = decode_string(cursor)?;
        group.purged = Some(Purged { index, mark });
    }
    if has & HAS_ENTRIES != 0 {
        group.first = Some(cursor.u64()?);
        group.last = Some(cursor.u64()?);
    }
    (group.first <= group.last && has < 16).then_some(group)
}

fn encode_string(string: &Bytes, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&length_of(string));
    bytes.extend_from_slice(string);
}

fn decode_string(cursor: &mut Cursor<'_>) -> Option<Bytes> {
    let length = cursor.u32()?;
    cursor.bytes(length as usize).map(Bytes::copy_from_slice)
}

/// Votes and marks passed through a record before they came here, so they are short enough.
fn length_of<T>(things: &[T]) -> [u8; 4] {
    u32::try_from(things.len()).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let mut one = GroupState {
            vote: Some(Bytes::from_static(b"vote")),
            ..GroupState::default()
        };
        one.append(5).unwrap();
        let two = GroupState {
            committed: Some(Bytes::from_static(b"")),
            purged: Some(Purged {
                index: 9,
                mark: Bytes::from_static(b"mark"),
            }),
            ..GroupState::default()
        };
        Header {
            sequence: Sequence::FIRST.next(),
            salt: Salt::first(3),
            predecessor: Some((Sequence::FIRST, 8192)),
            durable_bytes: 4096,
            groups: vec![one, GroupState::default(), two],
        }
    }

    #[test]
    fn a_header_is_read_back_as_written() {
        let header = header();
        let bytes = header.encode();
        assert_eq!(Header::stored_bytes(&bytes), Ok(bytes.len()));
        assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn a_header_may_take_several_blocks() {
        let mut header = header();
        header.groups[0].vote = Some(Bytes::from(vec![7; 3 * BLOCK_BYTES]));
        let bytes = header.encode();
        assert_eq!(bytes.len(), 4 * BLOCK_BYTES);
        assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_found() {
        let bytes = header().encode();
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            let outcome = Header::stored_bytes(&bytes).and_then(|_| Header::decode(&bytes));
            assert!(outcome.is_err(), "byte {at}");
        }
    }
}
