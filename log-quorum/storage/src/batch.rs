//! The stored form of a batch: a header, records, zeros up to the next block.
//! Promises: what is decoded is what was encoded, in that segment and at that place; every byte of it is checked.
//! Leaves to `replay`: whether the records make sense one after another. Never touches a file.

use tenure_types::GroupId;

use crate::block::whole_blocks;
use crate::cursor::Cursor;
use crate::salt::Salt;
use crate::{Flaw, Sequence, WalError};

/// Bytes of a batch before its first record.
pub(crate) const BATCH_HEADER_BYTES: usize = 48;
/// Bytes of a record before its body.
pub(crate) const RECORD_HEADER_BYTES: usize = 24;

const MAGIC: u32 = u32::from_le_bytes(*b"TNBT");
const FORMAT: u16 = 1;
/// Place of the checksum in a batch header, which it leaves out of itself.
const BATCH_CHECKSUM_AT: usize = 40;
/// The checksum of a record is over everything from here on.
const RECORD_CHECKED_FROM: usize = 8;

/// What a record says about its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `body` is the entry at `index`.
    Entry,
    /// `body` is the vote.
    Vote,
    /// `body` is the commit mark.
    Committed,
    /// Entries above `index` are dropped.
    TruncateAfter,
    /// All entries are dropped.
    TruncateAll,
    /// Entries up to `index` are dropped, and `body` is the mark.
    PurgeUpto,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Entry => 1,
            Self::Vote => 2,
            Self::Committed => 3,
            Self::TruncateAfter => 4,
            Self::TruncateAll => 5,
            Self::PurgeUpto => 6,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Entry),
            2 => Some(Self::Vote),
            3 => Some(Self::Committed),
            4 => Some(Self::TruncateAfter),
            5 => Some(Self::TruncateAll),
            6 => Some(Self::PurgeUpto),
            _ => None,
        }
    }
}

/// One record, its body where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) group: GroupId,
    pub(crate) kind: Kind,
    pub(crate) index: u64,
    pub(crate) body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record at the front of `bytes`, which may go on behind it.
    pub(crate) fn decode(bytes: &'a [u8], salt: Salt) -> Result<Self, Flaw> {
        let mut cursor = Cursor::new(bytes);
        let (Some(length), Some(stored)) = (cursor.u32(), cursor.u32()) else {
            return Err(Flaw::Short);
        };
        let length = length as usize;
        let end = RECORD_HEADER_BYTES.saturating_add(length);
        let checked = bytes.get(RECORD_CHECKED_FROM..end).ok_or(Flaw::Short)?;
        // The length is under the checksum without a place of its own: another one checks other bytes.
        let computed = salt.checksum(&bytes[..4], checked);
        if computed != stored {
            return Err(Flaw::Checksum { stored, computed });
        }
        let (Some(group), Some(kind), Some(zeros)) = (cursor.u32(), cursor.u8(), cursor.bytes(3)) else {
            return Err(Flaw::Short);
        };
        let (Some(index), Some(body)) = (cursor.u64(), cursor.bytes(length)) else {
            return Err(Flaw::Short);
        };
        let kind = Kind::from_code(kind)
            .filter(|_| zeros == [0; 3])
            .ok_or(Flaw::Malformed)?;
        let group = GroupId::new(group);
        Ok(Self {
            group,
            kind,
            index,
            body,
        })
    }

    /// Bytes that it takes.
    pub(crate) fn stored_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.body.len()
    }
}

/// What is under the checksum of a batch header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHead {
    pub(crate) segment: Sequence,
    /// Where in the segment the batch begins.
    pub(crate) offset: u64,
    /// Up to where the segment was durable when the batch was written. What is damaged below is damaged for good.
    pub(crate) durable_to: u64,
    /// Bytes of header and records, without padding.
    pub(crate) bytes: u32,
    pub(crate) records: u32,
}

impl BatchHead {
    /// Reads the header of the batch that begins at `offset` of `segment`, from the front of `bytes`.
    pub(crate) fn decode(bytes: &[u8], segment: Sequence, salt: Salt, offset: u64) -> Result<Self, Flaw> {
        let header = bytes.get(..BATCH_HEADER_BYTES).ok_or(Flaw::Short)?;
        let mut cursor = Cursor::new(header);
        if cursor.u32() != Some(MAGIC) {
            return Err(Flaw::Foreign);
        }
        let fields = (cursor.u16(), cursor.u16(), cursor.u64(), cursor.u64(), cursor.u64());
        let counts = (cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32());
        let (Some(format), Some(0), Some(found_segment), Some(found_offset), Some(durable_to)) = fields else {
            return Err(Flaw::Malformed);
        };
        let (Some(bytes), Some(records), Some(stored), Some(0)) = counts else {
            return Err(Flaw::Malformed);
        };
        let computed = salt.checksum(&header[..BATCH_CHECKSUM_AT], &[]);
        if computed != stored {
            return Err(Flaw::Checksum { stored, computed });
        }
        if found_segment != segment.get() || found_offset != offset {
            return Err(Flaw::Foreign);
        }
        if format != FORMAT {
            return Err(Flaw::Version {
                found: format,
                known: FORMAT,
            });
        }
        if durable_to > offset || (bytes as usize) < BATCH_HEADER_BYTES {
            return Err(Flaw::Malformed);
        }
        Ok(Self {
            segment,
            offset,
            durable_to,
            bytes,
            records,
        })
    }

    /// Bytes in the file, padding included.
    pub(crate) fn padded_bytes(&self) -> usize {
        whole_blocks(self.bytes as usize)
    }

    /// Reads and checks all records of the batch in `bytes`, which are its padded bytes; each with where it begins.
    pub(crate) fn records<'a>(&self, bytes: &'a [u8], salt: Salt) -> Result<Vec<(usize, Record<'a>)>, Flaw> {
        if bytes.len() != self.padded_bytes() {
            return Err(Flaw::Short);
        }
        let (filled, padding) = bytes.split_at_checked(self.bytes as usize).ok_or(Flaw::Short)?;
        let mut records = Vec::new();
        let mut begin = BATCH_HEADER_BYTES;
        while begin < filled.len() {
            let record = Record::decode(&filled[begin..], salt)?;
            records.push((begin, record));
            begin += record.stored_bytes();
        }
        if records.len() != self.records as usize {
            return Err(Flaw::Malformed);
        }
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Flaw::Padding);
        }
        Ok(records)
    }
}

/// Encodes one batch into a buffer that is used for one after another.
pub(crate) struct BatchBuilder<'a> {
    buffer: &'a mut Vec<u8>,
    salt: Salt,
    records: u32,
}

impl<'a> BatchBuilder<'a> {
    pub(crate) fn begin(buffer: &'a mut Vec<u8>, salt: Salt) -> Self {
        buffer.clear();
        buffer.resize(BATCH_HEADER_BYTES, 0);
        Self {
            buffer,
            salt,
            records: 0,
        }
    }

    /// Adds a record and says where in the batch it begins.
    pub(crate) fn push(&mut self, record: &Record<'_>) -> Result<usize, WalError> {
        let too_large = |_| WalError::TooLarge {
            group: record.group,
            bytes: record.body.len(),
        };
        // The whole batch must have a length, not only the record.
        u32::try_from(self.buffer.len() + record.stored_bytes()).map_err(too_large)?;
        let length = u32::try_from(record.body.len()).map_err(too_large)?.to_le_bytes();
        let mut head = [0; RECORD_HEADER_BYTES - RECORD_CHECKED_FROM];
        head[0..4].copy_from_slice(&record.group.get().to_le_bytes());
        head[4] = record.kind.code();
        head[8..16].copy_from_slice(&record.index.to_le_bytes());
        let checksum = crc32c::crc32c_append(self.salt.checksum(&length, &head), record.body);
        let begin = self.buffer.len();
        self.buffer.extend_from_slice(&length);
        self.buffer.extend_from_slice(&checksum.to_le_bytes());
        self.buffer.extend_from_slice(&head);
        self.buffer.extend_from_slice(record.body);
        self.records += 1;
        Ok(begin)
    }

    /// Fills in the header and pads to whole blocks. Everything before `offset` is durable.
    pub(crate) fn seal(self, segment: Sequence, offset: u64) {
        // `push` refused whatever would not fit.
        let bytes = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        let mut header = [0; BATCH_HEADER_BYTES];
        header[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        header[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        header[8..16].copy_from_slice(&segment.get().to_le_bytes());
        header[16..24].copy_from_slice(&offset.to_le_bytes());
        header[24..32].copy_from_slice(&offset.to_le_bytes());
        header[32..36].copy_from_slice(&bytes.to_le_bytes());
        header[36..40].copy_from_slice(&self.records.to_le_bytes());
        let checksum = self.salt.checksum(&header[..BATCH_CHECKSUM_AT], &[]);
        header[BATCH_CHECKSUM_AT..BATCH_CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        self.buffer[..BATCH_HEADER_BYTES].copy_from_slice(&header);
        let padded = whole_blocks(self.buffer.len());
        self.buffer.resize(padded, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: Sequence = Sequence::FIRST;
    const OFFSET: u64 = 8192;

    fn record(kind: Kind, index: u64, body: &[u8]) -> Record<'_> {
        let group = GroupId::new(2);
        Record {
            group,
            kind,
            index,
            body,
        }
    }

    fn encoded(salt: Salt) -> Vec<u8> {
        let mut buffer = Vec::new();
        let mut builder = BatchBuilder::begin(&mut buffer, salt);
        builder.push(&record(Kind::Entry, 7, b"body")).unwrap();
        builder.push(&record(Kind::TruncateAll, 0, b"")).unwrap();
        builder.seal(SEGMENT, OFFSET);
        buffer
    }

    fn decode(bytes: &[u8], salt: Salt, offset: u64) -> Result<Vec<(usize, Record<'_>)>, Flaw> {
        BatchHead::decode(bytes, SEGMENT, salt, offset)?.records(bytes, salt)
    }

    #[test]
    fn a_batch_is_read_back_as_written() {
        let salt = Salt::first(1);
        let bytes = encoded(salt);
        let expected = [
            (BATCH_HEADER_BYTES, record(Kind::Entry, 7, b"body")),
            (
                BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + 4,
                record(Kind::TruncateAll, 0, b""),
            ),
        ];
        assert_eq!(decode(&bytes, salt, OFFSET).unwrap(), expected);
    }

    #[test]
    fn a_batch_counts_only_at_its_place() {
        let salt = Salt::first(1);
        let bytes = encoded(salt);
        assert_eq!(decode(&bytes, salt, OFFSET + 4096), Err(Flaw::Foreign));
        let elsewhere = BatchHead::decode(&bytes, SEGMENT.next(), salt, OFFSET);
        assert_eq!(elsewhere, Err(Flaw::Foreign));
    }

    #[test]
    fn neither_header_nor_record_validates_under_another_salt() {
        let salt = Salt::first(1);
        let bytes = encoded(salt);
        let header = BatchHead::decode(&bytes, SEGMENT, salt.next(), OFFSET);
        assert!(matches!(header, Err(Flaw::Checksum { .. })));
        let record = Record::decode(&bytes[BATCH_HEADER_BYTES..], salt.next());
        assert!(matches!(record, Err(Flaw::Checksum { .. })));
    }

    #[test]
    fn every_flipped_bit_of_a_batch_is_found() {
        let salt = Salt::first(1);
        let whole = encoded(salt);
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                assert!(decode(&bytes, salt, OFFSET).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn bytes_that_end_too_early_are_refused() {
        let salt = Salt::first(1);
        let whole = encoded(salt);
        for bytes in 0..whole.len() {
            assert!(decode(&whole[..bytes], salt, OFFSET).is_err(), "{bytes} bytes");
        }
    }
}
