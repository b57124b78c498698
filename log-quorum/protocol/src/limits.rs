//! Bounds of a group's replicated state.
//! Promises: whatever is called, a stream and the table of streams stay below these sizes.
//! They belong to the meaning of the log: two nodes that apply one log with different bounds end in different states.
//! So none is configurable, and a new value needs a new kind of logged call. Snapshots of tables with other bounds are
//! refused.

/// Most records in one append. One turn of a shard makes one record, so only a resend after an outage carries many.
pub const APPEND_RECORDS_MAX: usize = 256;

/// Most payload bytes in one append: 16 MiB. More would hold up every other stream of the group while it is written.
pub const APPEND_PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// What a record costs in credit beside its payload, so that empty records are not free. Head, index and framing take
/// about as much on disk and in memory.
pub const RECORD_OVERHEAD_BYTES: u64 = 64;

/// Most records of one stream that its owner may have sent without having their verdict.
pub const IN_FLIGHT_RECORDS_MAX: usize = 1024;

/// How many of a stream's newest records a resend is recognised among. 8 bytes each.
///
/// An owner resends from its first record without verdict, so never further back than its cap in flight.
pub const RECENT_RECORDS_MAX: usize = 1024;
const _: () = assert!(
    RECENT_RECORDS_MAX >= IN_FLIGHT_RECORDS_MAX,
    "a legal resend must find its records"
);

/// How many of a stream's newest owners are remembered, so that a fenced one learns which of its replies may leave.
///
/// One that slept through more fences is told that none may, which is always safe: its clients see a broken connection.
pub const OWNERSHIPS_MAX: usize = 16;

/// Most streams in one group. With [`RECENT_RECORDS_MAX`] this bounds the table at about 150 MiB.
pub const STREAMS_MAX: usize = 16_384;

/// How many deleted ids are remembered, so that a late Create does not bring one back.
///
/// The control plane never uses an id twice, so only a Create that was overtaken by its own Delete can meet one, and
/// it would have to be overtaken by this many others as well.
pub const TOMBSTONES_MAX: usize = 4096;
