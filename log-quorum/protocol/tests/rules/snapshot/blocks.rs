//! A snapshot taken apart into the bodies of its blocks, and put together again with checksums that are right.
//! Written from the format alone, so that what the package writes is held against a second reading of it.

use std::ops::Range;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const PREFIX_BYTES: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocks {
    pub(crate) prefix: Vec<u8>,
    pub(crate) bodies: Vec<Vec<u8>>,
}

impl Blocks {
    pub(crate) fn of(snapshot: &[u8]) -> Self {
        let bodies = ranges(snapshot).into_iter().map(|block| {
            let body = block.start + 8..block.end - 8;
            snapshot[body].to_vec()
        });
        Self {
            prefix: snapshot[..PREFIX_BYTES].to_vec(),
            bodies: bodies.collect(),
        }
    }

    pub(crate) fn sealed(&self) -> Vec<u8> {
        let mut snapshot = self.prefix.clone();
        let mut checksum = xxh3_64(&self.prefix);
        for body in &self.bodies {
            let block = [&(body.len() as u64).to_le_bytes()[..], body].concat();
            checksum = xxh3_64_with_seed(&block, checksum);
            snapshot.extend_from_slice(&block);
            snapshot.extend_from_slice(&checksum.to_le_bytes());
        }
        snapshot
    }

    /// Puts `bytes` at `offset` of body `block`.
    pub(crate) fn with(mut self, block: usize, offset: usize, bytes: &[u8]) -> Self {
        self.bodies[block][offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }
}

/// Where each block is.
pub(crate) fn ranges(snapshot: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut begin = PREFIX_BYTES;
    while begin < snapshot.len() {
        let length = u64::from_le_bytes(snapshot[begin..begin + 8].try_into().unwrap());
        let end = begin + 16 + usize::try_from(length).unwrap();
        ranges.push(begin..end);
        begin = end;
    }
    ranges
}
