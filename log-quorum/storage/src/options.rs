//! What an operator or a test may choose about the log.

/// How a [`Wal`](crate::Wal) is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalOptions {
    /// Size of one segment file. Default 64 MiB: a rotation costs three syncs, and a segment is freed as a whole.
    /// Rounded up to 4 KiB and to at least 64 KiB; below 1 MiB only for tests. May change between two runs. Since 0.1.
    pub segment_bytes: u64,
    /// Bodies of recent entries kept in memory, all groups together. Default 64 MiB. Entries that are not durable yet
    /// are kept in any case. Since 0.1.
    pub cache_bytes: usize,
    /// Most that one write and sync takes; a single larger entry goes alone. Default 4 MiB. Since 0.1.
    pub batch_bytes_max: usize,
    /// What makes the checksums of this folder unlike those of any other: the incarnation of its identity is a good
    /// choice. It counts only for the first segment of a new folder. Default 0, for tests: who can guess the salt of
    /// a segment can write values that look like torn batches. Since 0.1.
    pub salt: u64,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            cache_bytes: 64 << 20,
            batch_bytes_max: 4 << 20,
            salt: 0,
        }
    }
}
