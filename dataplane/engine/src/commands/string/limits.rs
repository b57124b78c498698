//! How large strings may be, and what may be computed of them in one go.

/// Bytes of the longest string: `proto-max-bulk-len` of Redis as it comes. The server has lower limits of its own.
pub(super) const STRING_BYTES_MAX: u64 = 512 << 20;

/// Pairs of bytes that LCS compares at most, one string's length times the other's: 4 KiB with 4 KiB. It keeps a bit for
/// each, so 2 MiB, and the shard stands still for tens of milliseconds meanwhile.
pub(super) const LCS_PAIRS_MAX: u64 = 1 << 24;
