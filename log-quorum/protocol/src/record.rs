//! Records: what an owner drafts, and what it becomes once it has a place in a stream.
//! Promises: a record fits one position of one stream behind one history; moved, altered or put behind another
//! history, it no longer fits. Leaves to others: what the payload means, and that bytes reach a disk.
//! The encoding under the checksum is stored in every record, so it can only change with a new engine version.

use std::fmt;

use bytes::Bytes;
use tenure_types::{Epoch, Incarnation, Lsn, WallTime};

use crate::Chain;
use crate::chain::{chain_after, checksum};
use crate::limits::RECORD_OVERHEAD_BYTES;

/// Six fields of 8 bytes and one of 2.
const HEAD_BYTES: usize = 50;

/// Version of the payload's format and of the rules its effects are replayed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineVersion(u16);

impl EngineVersion {
    /// The version with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number, for encodings.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an owner wants to write, before it has a place in the stream. Becomes a [`Record`] by [`Draft::seal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The epoch in which the owner executed it.
    pub epoch: Epoch,
    /// The life of the image it was executed on.
    pub incarnation: Incarnation,
    /// The owner's time of day; a replica's expiry clock never falls behind it.
    pub written_at: WallTime,
    /// How to read the payload.
    pub engine_version: EngineVersion,
    /// The effects of one batch of writes, visible together.
    pub payload: Bytes,
}

impl Draft {
    /// Gives the draft its place: position `lsn`, behind a record whose chain is `previous`.
    pub fn seal(self, lsn: Lsn, previous: Chain) -> Record {
        let mut record = Record {
            epoch: self.epoch,
            incarnation: self.incarnation,
            written_at: self.written_at,
            engine_version: self.engine_version,
            payload: self.payload,
            chain: previous,
        };
        record.chain = record.chain_after(lsn, previous);
        record
    }
}

/// One record of a stream. Its bytes and boundaries never change once it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The epoch in which its owner executed it.
    pub epoch: Epoch,
    /// The life of the image it was executed on.
    pub incarnation: Incarnation,
    /// Its owner's time of day.
    pub written_at: WallTime,
    /// How to read the payload.
    pub engine_version: EngineVersion,
    /// The effects of one batch of writes, visible together.
    pub payload: Bytes,
    /// Checksum of the stream up to and with this record, as its owner computed it.
    pub chain: Chain,
}

impl Record {
    /// Whether this is, unaltered, the record at `lsn` behind one whose chain is `previous`.
    pub fn fits(&self, lsn: Lsn, previous: Chain) -> bool {
        self.chain == self.chain_after(lsn, previous)
    }

    /// What the record costs its owner in credit: its payload, and what the log keeps beside every payload.
    pub fn charged_bytes(&self) -> u64 {
        self.payload.len() as u64 + RECORD_OVERHEAD_BYTES
    }

    /// The chain these contents have at `lsn` behind `previous`.
    fn chain_after(&self, lsn: Lsn, previous: Chain) -> Chain {
        chain_after(previous, &self.head(lsn))
    }

    /// The fields that a chain covers, in little-endian order. Their sizes are fixed, so no two records have one head.
    fn head(&self, lsn: Lsn) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        let fields: [&[u8]; 7] = [
            &lsn.get().to_le_bytes(),
            &self.epoch.get().to_le_bytes(),
            &self.incarnation.get().to_le_bytes(),
            &self.written_at.as_unix_millis().to_le_bytes(),
            &self.engine_version.get().to_le_bytes(),
            // 64 bits whatever the machine.
            &(self.payload.len() as u64).to_le_bytes(),
            &checksum(&self.payload).to_le_bytes(),
        ];
        let mut free = &mut head[..];
        for field in fields {
            let (place, behind) = free.split_at_mut(field.len());
            place.copy_from_slice(field);
            free = behind;
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_types::{GroupId, StreamId};

    fn draft(payload: &'static [u8]) -> Draft {
        Draft {
            epoch: Epoch::new(3),
            incarnation: Incarnation::new(0xbeef).unwrap(),
            written_at: WallTime::from_unix_millis(1_700_000_000_000),
            engine_version: EngineVersion::new(1),
            payload: Bytes::from_static(payload),
        }
    }

    /// These values are in every stored record; another implementation of xxh3 (python-xxhash) gave the same. If this test fails, stored streams can no longer be read.
    #[test]
    fn stored_chains_do_not_change() {
        let start = Chain::start_of(StreamId::new(GroupId::new(0), 17));
        let first = draft(b"").seal(Lsn::FIRST, start);
        let second = draft(b"SET key value").seal(Lsn::new(2).unwrap(), first.chain);
        // Longer than 240 bytes: xxh3 takes another path there.
        let third = draft(&[0x5a; 1000]).seal(Lsn::new(3).unwrap(), second.chain);
        assert_eq!(
            Chain::start_of(StreamId::new(GroupId::new(0), 0)).to_string(),
            "c77b3abb6f87acd9"
        );
        assert_eq!(start.to_string(), "9b5337460e477f5b");
        assert_eq!(first.chain.to_string(), "80e74d2b602a8fd2");
        assert_eq!(second.chain.to_string(), "eb15421a26a96849");
        assert_eq!(third.chain.to_string(), "501ce1b3d89dd2a5");
    }

    #[test]
    fn a_record_fits_only_its_own_place_and_contents() {
        let start = Chain::start_of(StreamId::new(GroupId::new(0), 1));
        let record = draft(b"payload").seal(Lsn::FIRST, start);
        assert!(record.fits(Lsn::FIRST, start));
        assert!(!record.fits(Lsn::new(2).unwrap(), start), "another position");
        assert!(
            !record.fits(Lsn::FIRST, Chain::start_of(StreamId::new(GroupId::new(0), 2))),
            "another stream"
        );
        let altered = [
            Record {
                epoch: Epoch::new(4),
                ..record.clone()
            },
            Record {
                incarnation: Incarnation::new(1).unwrap(),
                ..record.clone()
            },
            Record {
                written_at: WallTime::from_unix_millis(0),
                ..record.clone()
            },
            Record {
                engine_version: EngineVersion::new(2),
                ..record.clone()
            },
            Record {
                payload: Bytes::from_static(b"Payload"),
                ..record.clone()
            },
            Record {
                chain: Chain::from_stored(record.chain.get() ^ 1),
                ..record.clone()
            },
        ];
        for record in altered {
            assert!(!record.fits(Lsn::FIRST, start), "altered: {record:?}");
        }
    }
}
