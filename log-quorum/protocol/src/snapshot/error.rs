//! Why a snapshot is refused.
//! Promises: damage on the way or on a disk ([`DecodeError::is_damage`]) is never mixed up with what another release
//! or a defect wrote; each names the place or the stream, and the value.

use tenure_types::{Epoch, LeaseLength, Lsn, StreamId};

use crate::limits::{OWNERSHIPS_MAX, RECENT_RECORDS_MAX, STREAMS_MAX, TOMBSTONES_MAX};
use crate::{Chain, WaitOut};

/// Why bytes are not the snapshot of a [`StreamTable`](crate::StreamTable).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They begin otherwise than any snapshot of a table does.
    #[error("these bytes do not begin like the snapshot of a stream table")]
    NotASnapshot,
    /// Another release wrote them, or this field is damaged: nothing before it is checked.
    #[error("the snapshot has format {found}, and this release knows format {known}")]
    UnknownFormat {
        /// Their format.
        found: u32,
        /// The one known here.
        known: u32,
    },
    /// They end too early.
    #[error("the snapshot is incomplete: it ends after {bytes} bytes")]
    Truncated {
        /// How many there are.
        bytes: u64,
    },
    /// They go on.
    #[error("the snapshot ends at byte {end}, but there are bytes behind it")]
    BytesBehindEnd {
        /// Where the snapshot ends.
        end: u64,
    },
    /// No block is as long as this one says it is.
    #[error("the block at byte {block_at} claims a body of {body_bytes} bytes, and {body_bytes_max} is the most")]
    BlockTooLong {
        /// Where the block begins.
        block_at: u64,
        /// The length it claims.
        body_bytes: u64,
        /// The most there is.
        body_bytes_max: u64,
    },
    /// A block is not the one that was written here.
    #[error("the block at byte {block_at} is damaged: its checksum does not fit")]
    Damaged {
        /// Where the block begins.
        block_at: u64,
    },
    /// A block, written so, does not end where its fields end.
    #[error("the block at byte {block_at} is not as long as its fields are")]
    Misshaped {
        /// Where the block begins.
        block_at: u64,
    },
    /// A table has a longest lease.
    #[error("the snapshot has a longest lease of 0 ms")]
    NoLeaseMax,
    /// No group carries so many.
    #[error("the snapshot claims {streams} streams, and a group carries at most {STREAMS_MAX}")]
    TooManyStreams {
        /// How many it claims.
        streams: u64,
    },
    /// No group remembers so many.
    #[error("the snapshot claims {tombstones} deleted streams, and a group remembers at most {TOMBSTONES_MAX}")]
    TooManyTombstones {
        /// How many it claims.
        tombstones: u64,
    },
    /// Streams are written by id, each once.
    #[error("{stream} comes after {before}, out of order or twice")]
    StreamsOutOfOrder {
        /// The stream.
        stream: StreamId,
        /// The one before it.
        before: StreamId,
    },
    /// A deleted stream is remembered once.
    #[error("{stream} is remembered as deleted twice")]
    DeletedTwice {
        /// The stream.
        stream: StreamId,
    },
    /// A deleted stream does not come back while that is remembered.
    #[error("{stream} is there, and is remembered as deleted")]
    DeletedAndThere {
        /// The stream.
        stream: StreamId,
    },
    /// No calls lead a stream here.
    #[error("{stream} is in a state that no stream reaches")]
    Stream {
        /// The stream.
        stream: StreamId,
        /// What no stream has.
        source: StreamFlaw,
    },
}

impl DecodeError {
    /// Whether these are not the bytes that were written: another copy of the snapshot may be good. Otherwise every
    /// copy is refused alike, and somebody has to look. An unknown format counts as written.
    pub fn is_damage(self) -> bool {
        match self {
            Self::NotASnapshot
            | Self::Truncated { .. }
            | Self::BytesBehindEnd { .. }
            | Self::BlockTooLong { .. }
            | Self::Damaged { .. } => true,
            Self::UnknownFormat { .. }
            | Self::Misshaped { .. }
            | Self::NoLeaseMax
            | Self::TooManyStreams { .. }
            | Self::TooManyTombstones { .. }
            | Self::StreamsOutOfOrder { .. }
            | Self::DeletedTwice { .. }
            | Self::DeletedAndThere { .. }
            | Self::Stream { .. } => false,
        }
    }
}

/// What a stream in a snapshot says of itself, and no stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamFlaw {
    /// A flag is 0 or 1.
    #[error("one of its flags is {byte}, not 0 or 1")]
    NoFlag {
        /// What it is.
        byte: u8,
    },
    /// An owner has an incarnation.
    #[error("the owner of epoch {epoch} has incarnation 0")]
    NoIncarnation {
        /// Its epoch.
        epoch: Epoch,
    },
    /// An owner has a lease.
    #[error("epoch {epoch} has a lease of 0 ms")]
    NoLease {
        /// The epoch.
        epoch: Epoch,
    },
    /// No fence grants such a lease.
    #[error("epoch {epoch} has a lease of {lease}, and this quorum allows at most {lease_max}")]
    LeaseTooLong {
        /// The epoch.
        epoch: Epoch,
        /// Its lease.
        lease: LeaseLength,
        /// L_max of the quorum.
        lease_max: LeaseLength,
    },
    /// A fence begins the next epoch, no other.
    #[error("epoch {epoch} follows epoch {before}")]
    Epochs {
        /// The epoch.
        epoch: Epoch,
        /// The one before it.
        before: Epoch,
    },
    /// The newest owners are remembered, all that there were or [`OWNERSHIPS_MAX`].
    #[error("{owners} owners are remembered in epoch {epoch}, not all or the newest {OWNERSHIPS_MAX}")]
    Owners {
        /// How many are.
        owners: usize,
        /// The stream's epoch.
        epoch: Epoch,
    },
    /// Records come from owners.
    #[error("it has {} records and never had an owner", Lsn::count(*.tail))]
    RecordsOfNobody {
        /// Its tail.
        tail: Option<Lsn>,
    },
    /// An epoch begins at the tail, and tails only grow. The first begins at none.
    #[error("epoch {epoch} began behind {} records, fewer than the one before or more than there were", Lsn::count(*.began_at))]
    BeganAt {
        /// The epoch.
        epoch: Epoch,
        /// Where it began.
        began_at: Option<Lsn>,
    },
    /// An owner waits for the longest lease before its own, unless its predecessor released or there was none.
    #[error("epoch {epoch} waits out {}, which the epochs before it do not ask for", waited(*.wait_out))]
    WaitOut {
        /// The epoch.
        epoch: Epoch,
        /// What it waits for.
        wait_out: WaitOut,
    },
    /// The longest lease is that of some epoch.
    #[error("its longest lease is {}, which its owners' leases contradict", shown(*.longest_lease))]
    LongestLease {
        /// What it is said to be.
        longest_lease: Option<LeaseLength>,
    },
    /// The newest chains are remembered, all that there were or [`RECENT_RECORDS_MAX`].
    #[error("{chains} earlier chains are remembered of {} records, not all or the newest {RECENT_RECORDS_MAX}", Lsn::count(*.tail))]
    Chains {
        /// How many are.
        chains: usize,
        /// Its tail.
        tail: Option<Lsn>,
    },
    /// The chain before the first record is that of the stream's id.
    #[error("its chain before the first record is {chain}, not the one of its id")]
    Start {
        /// What it is.
        chain: Chain,
    },
    /// Only records that there are can be dropped.
    #[error("{} records are dropped of {}", Lsn::count(*.trim), Lsn::count(*.tail))]
    TrimPastTail {
        /// Position of the newest dropped record.
        trim: Option<Lsn>,
        /// Its tail.
        tail: Option<Lsn>,
    },
    /// A record costs its overhead at least, and at most that and the payload of a whole append.
    #[error("{appended_bytes} bytes were charged for {} records", Lsn::count(*.tail))]
    AppendedBytes {
        /// How many were.
        appended_bytes: u64,
        /// Its tail.
        tail: Option<Lsn>,
    },
}

fn waited(wait_out: WaitOut) -> String {
    match wait_out {
        WaitOut::Nothing => "no lease".to_owned(),
        WaitOut::For(lease) => format!("a lease of {lease}"),
    }
}

fn shown(lease: Option<LeaseLength>) -> String {
    lease.map_or_else(|| "none".to_owned(), |lease| lease.to_string())
}
