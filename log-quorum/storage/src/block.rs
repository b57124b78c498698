//! Blocks: the unit in which the log is written. A block that was synced is never written again.

/// Bytes of a block: the page of the kernel and the sector of every common disk.
pub(crate) const BLOCK_BYTES: usize = 4096;

/// The least number of whole blocks that holds `bytes`, in bytes.
pub(crate) fn whole_blocks(bytes: usize) -> usize {
    bytes.div_ceil(BLOCK_BYTES) * BLOCK_BYTES
}

/// A length from a file as a length in memory. One that memory cannot hold becomes one that no file has.
pub(crate) fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
