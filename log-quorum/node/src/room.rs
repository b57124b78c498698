//! How much more the log's disk may take.
//! Promises: it shrinks with what is written, and reaches zero at the cap, from where on nothing more is granted. The
//! process goes on: what was granted before still fits, because it was counted.

use tenure_log_storage::Wal;

/// One of so many parts of the cap is never granted. It is for what owners overdraw, for fences, releases and trims, for the
/// padding of batches, and for what leaders before this one granted and it does not know of.
const RESERVED_PART: u64 = 8;

/// Tells how many bytes are left to grant.
pub(crate) trait Room: Send + Sync + 'static {
    /// Bytes that all owners together may still be granted, outstanding grants included.
    fn bytes(&self) -> u64;
}

/// A share of what is left below the cap of a write-ahead log.
pub(crate) struct WalRoom {
    /// The log.
    pub wal: Wal,
    /// Most bytes that it shall hold.
    pub cap_bytes: u64,
    /// How many groups share it.
    pub groups: u32,
}

impl Room for WalRoom {
    fn bytes(&self) -> u64 {
        let usage = self.wal.usage();
        if usage.stalled {
            return 0;
        }
        // Whole files: what a file has left is as good as taken, because padding takes it.
        let used = usage.allocated_bytes.saturating_add(usage.queued_bytes);
        let grantable = self.cap_bytes - self.cap_bytes / RESERVED_PART;
        grantable.saturating_sub(used) / u64::from(self.groups.max(1))
    }
}
