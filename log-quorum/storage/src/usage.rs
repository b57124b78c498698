//! How much the log holds and how much of the disk it takes, for metrics and for stopping credit in time.

/// A snapshot of sizes. Nothing in it is durable knowledge; it is for metrics and for decisions about load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Segment files that hold the log.
    pub segments: usize,
    /// Files that are ready to become segments; the last one is kept for recovery.
    pub spares: usize,
    /// Entries of all groups.
    pub entries: u64,
    /// Bytes of the bodies of those entries.
    pub live_bytes: u64,
    /// Bytes of all segment files and spares.
    pub allocated_bytes: u64,
    /// Bytes of submissions that are not durable yet.
    pub queued_bytes: u64,
    /// Bytes of entries kept in memory.
    pub cached_bytes: u64,
    /// Whether the writer waits for space for the next segment.
    pub stalled: bool,
}
