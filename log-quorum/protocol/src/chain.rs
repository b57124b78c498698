//! The checksum that chains a stream's records.
//! Promises: equal chains mean equal histories, against any accident: 64 bits of xxh3, seeded with the chain before.
//! It is no defence against somebody who forges records on purpose; connections are authenticated for that.

use std::fmt;

use tenure_types::StreamId;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Running 64-bit checksum of a stream up to and with one record: equal chains mean equal histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chain(u64);

impl Chain {
    /// The chain before the first record. It differs by stream, so a record of another stream never fits.
    pub fn start_of(stream: StreamId) -> Self {
        Self(xxh3_64(&stream.to_bits().to_le_bytes()))
    }

    /// The chain with this value, as read from a disk or a peer.
    pub const fn from_stored(value: u64) -> Self {
        Self(value)
    }

    /// Its value, for encodings.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The chain of a record, given a fixed-size head of all its fields, in which [`checksum`] stands for the payload.
///
/// In two steps, because a short input of known length takes a fifth of the time that a streaming hash does.
pub(crate) fn chain_after(previous: Chain, head: &[u8]) -> Chain {
    Chain(xxh3_64_with_seed(head, previous.0))
}

/// What stands for a payload in its record's head.
pub(crate) fn checksum(payload: &[u8]) -> u64 {
    xxh3_64(payload)
}
