//! Blocks: how the parts of a snapshot are framed.
//! Promises: a block is handed on only if it is, unaltered, the one that was sealed at this place behind the blocks
//! before it; never more is held than one block of [`BODY_BYTES_MAX`]. Leaves to the others what is in a body.

use bytes::Bytes;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::DecodeError;
use crate::limits::TOMBSTONES_MAX;

const MAGIC: [u8; 8] = *b"TENURETB";
const FORMAT: u32 = 1;

/// Bytes before the first block: what this is, and in which format.
pub(super) const PREFIX_BYTES: usize = MAGIC.len() + 4;
const LENGTH_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 8;

/// Longest body there is: all tombstones. A stream with all it may remember takes about a quarter of it.
const BODY_BYTES_MAX: usize = TOMBSTONES_MAX * 8;

/// The bytes before the first block.
pub(super) fn prefix() -> Bytes {
    Bytes::from([&MAGIC[..], &FORMAT.to_le_bytes()].concat())
}

/// Length of a block with a body of so many bytes.
pub(super) fn block_bytes(body_bytes: usize) -> usize {
    LENGTH_BYTES + body_bytes + CHECKSUM_BYTES
}

/// Frames one block after the other.
#[derive(Debug)]
pub(super) struct Sealer {
    /// The checksum before the next block.
    seed: u64,
}

impl Default for Sealer {
    fn default() -> Self {
        Self {
            seed: xxh3_64(&prefix()),
        }
    }
}

impl Sealer {
    /// The next block: `write` appends its body, of `body_bytes`.
    pub(super) fn seal(&mut self, body_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut block = Vec::with_capacity(block_bytes(body_bytes));
        block.extend_from_slice(&(body_bytes as u64).to_le_bytes());
        write(&mut block);
        debug_assert_eq!(
            block.len(),
            LENGTH_BYTES + body_bytes,
            "a body is as long as it was said to be"
        );
        self.seed = xxh3_64_with_seed(&block, self.seed);
        block.extend_from_slice(&self.seed.to_le_bytes());
        Bytes::from(block)
    }
}

/// A body whose checksum was right.
#[derive(Debug)]
pub(super) struct Body {
    /// Where its block begins in the snapshot.
    pub(super) block_at: u64,
    block: Vec<u8>,
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        split(&self.block).1
    }
}

/// Puts blocks together from a snapshot that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// The beginning of what comes next, until all of it is there.
    incomplete: Vec<u8>,
    /// Where that begins in the snapshot.
    at: u64,
    /// The checksum before the next block; `None` while the prefix is not read.
    seed: Option<u64>,
}

impl Blocks {
    /// How many bytes were taken so far.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.at + self.incomplete.len() as u64
    }

    /// Takes from `input` up to the end of the next block, and gives its body; `None` if `input` ends before.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Body>, DecodeError> {
        let Some(seed) = self.seed_of_next(input)? else {
            return Ok(None);
        };
        if !self.fill(LENGTH_BYTES, input) {
            return Ok(None);
        }
        // The length is believed before its checksum is known, so it is bounded here.
        let body_bytes = split(&self.incomplete).0;
        let bounded = usize::try_from(body_bytes)
            .ok()
            .filter(|bytes| *bytes <= BODY_BYTES_MAX);
        let block_bytes = bounded.map(block_bytes).ok_or(DecodeError::BlockTooLong {
            block_at: self.at,
            body_bytes,
            body_bytes_max: BODY_BYTES_MAX as u64,
        })?;
        if !self.fill(block_bytes, input) {
            return Ok(None);
        }
        let (block_at, mut block) = self.take();
        let (sealed, stored) = block.split_at(block_bytes - CHECKSUM_BYTES);
        let checksum = xxh3_64_with_seed(sealed, seed);
        if stored != checksum.to_le_bytes() {
            return Err(DecodeError::Damaged { block_at });
        }
        block.truncate(block_bytes - CHECKSUM_BYTES);
        self.seed = Some(checksum);
        Ok(Some(Body { block_at, block }))
    }

    /// The checksum before the next block, which for the first one is in the prefix; `None` if `input` ends in that.
    fn seed_of_next(&mut self, input: &mut &[u8]) -> Result<Option<u64>, DecodeError> {
        if self.seed.is_some() || !self.fill(PREFIX_BYTES, input) {
            return Ok(self.seed);
        }
        let (_, prefix) = self.take();
        let (magic, format) = prefix.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(DecodeError::NotASnapshot);
        }
        // Compared before any checksum: how another format is checked, this release cannot know.
        let found = format.try_into().map_or(0, u32::from_le_bytes);
        if found != FORMAT {
            return Err(DecodeError::UnknownFormat { found, known: FORMAT });
        }
        self.seed = Some(xxh3_64(&prefix));
        Ok(self.seed)
    }

    /// Whether so many bytes are there, after taking from `input` what is missing.
    fn fill(&mut self, bytes: usize, input: &mut &[u8]) -> bool {
        let missing = bytes.saturating_sub(self.incomplete.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.incomplete.extend_from_slice(taken);
        *input = rest;
        taken.len() == missing
    }

    fn take(&mut self) -> (u64, Vec<u8>) {
        let at = self.at;
        self.at = self.taken_bytes();
        (at, std::mem::take(&mut self.incomplete))
    }
}

/// A block's length field, and what is behind it.
fn split(block: &[u8]) -> (u64, &[u8]) {
    block
        .split_first_chunk()
        .map_or((0, &[]), |(length, rest)| (u64::from_le_bytes(*length), rest))
}
