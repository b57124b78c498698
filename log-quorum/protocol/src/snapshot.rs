//! Snapshots of a [`StreamTable`]: its encoding, which log nodes store and send to one another.
//! Promises: equal tables give equal bytes, and what decodes gives back the bytes it came from; a damaged or missing
//! byte is found before anything behind it is believed; no input makes decoding panic, or take more memory than a
//! multiple of its length; a state that no calls lead to is refused.
//! Leaves to `node`: comparing `lease_max` with its quorum's, the records themselves, and which Raft position this is.
//! These hold no data of a shard: [`Trim`](crate::Trim) speaks of other snapshots.
//!
//! Format 1. Integers are little-endian and of fixed width; positions are record counts, so 0 is the place before the
//! first record; an absent lease is 0 ms.
//!
//! ```text
//! prefix   "TENURETB", format u32
//! block    body length u64, body, checksum u64                  one head, one block for each stream, one of tombstones
//!
//! head        lease_max ms u32, streams u64, tombstones u64
//! stream      id u64, tenant u64, restore_window u8, trim u64, appended_bytes u64,
//!             longest lease ms u32, ownerships u64, the ownerships, oldest first,
//!             tail u64, chain u64, earlier chains u64, the chains at tail − 1, tail − 2, …, each u64
//! ownership   epoch u64, node u64, incarnation u64, lease ms u32, began_at u64, wait-out ms u32, released u8
//! tombstones  ids, oldest first, each u64
//! ```
//!
//! Streams come by id. A checksum is xxh3 of its block's length and body, seeded with the checksum before it, and the
//! first one with that of the prefix. So no block can be left out, moved, or taken from another snapshot.

mod block;
mod check;
mod decode;
mod encode;
mod error;
mod fields;

pub use decode::TableDecoder;
pub use error::{DecodeError, StreamFlaw};

use std::iter;

use bytes::{Bytes, BytesMut};

use crate::StreamTable;
use block::{Sealer, prefix};
use encode::Part;

impl StreamTable {
    /// The table's snapshot, a few kilobytes at a time. Nothing of the table is copied ahead.
    pub fn encode(&self) -> impl Iterator<Item = Bytes> {
        let mut sealer = Sealer::default();
        let blocks = self
            .parts()
            .map(move |part| sealer.seal(part.body_bytes(), |body| part.write(body)));
        iter::once(prefix()).chain(blocks)
    }

    /// The table's snapshot as one. That of a full table takes about 150 MiB.
    pub fn encode_whole(&self) -> Bytes {
        let mut whole = BytesMut::with_capacity(self.encoded_bytes());
        for chunk in self.encode() {
            whole.extend_from_slice(&chunk);
        }
        whole.freeze()
    }

    /// Length of the table's snapshot, without making it.
    pub fn encoded_bytes(&self) -> usize {
        let blocks = self.parts().map(|part| block::block_bytes(part.body_bytes()));
        block::PREFIX_BYTES + blocks.sum::<usize>()
    }

    /// The table whose snapshot this is, all of it. [`TableDecoder`] takes one in pieces.
    pub fn decode(snapshot: &[u8]) -> Result<Self, DecodeError> {
        TableDecoder::default().push(snapshot)?.finish()
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let streams = self.streams().map(Part::Stream);
        iter::once(Part::Head(self))
            .chain(streams)
            .chain(iter::once(Part::Tombstones(&self.tombstones)))
    }
}
