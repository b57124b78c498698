//! The checksum that chains a stream's records.
//! Promises: equal chains mean equal histories, against any accident: 64 bits of xxh3, seeded with the chain before.
//! It is no defence against somebody who forges records on purpose; connections are authenticated for that.

use std::fmt;

use tenure_types::StreamId;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Running 64-bit checksum of a stream up to and with one record: equal chains mean equal histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chain(u64);

impl Chain {
    /// The chain before the first record. It differs by stream, so a record of another stream never fits.
    pub fn start_of(stream: StreamId) -> Self {
        Self(xxh3_64(&stream.get().to_le_bytes()))
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

/// Computes the chain of one record from its parts.
pub(crate) struct ChainHash(Xxh3);

impl ChainHash {
    /// Begins the chain of the record that follows `previous`.
    pub(crate) fn behind(previous: Chain) -> Self {
        Self(Xxh3::with_seed(previous.0))
    }

    /// Adds bytes. Where one call ends and the next begins makes no difference.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The chain up to and with this record.
    pub(crate) fn finish(self) -> Chain {
        Chain(self.0.digest())
    }
}
