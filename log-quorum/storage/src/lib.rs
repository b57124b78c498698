//! The write-ahead log of one log node, shared by all its Raft groups, and who the folder is that holds it.
//! Promises: what was reported done is found again after any crash, in order and without holes; a damaged byte is
//! named and never served; after a failed write or sync nothing more is reported done.
//! Leaves to the caller: what entries, votes and marks mean, and every decision to vote or to replace a voter.
//! Never touches the network, a clock or randomness, and knows no runtime: one thread or one caller drives the writer.

#[cfg(feature = "faults")]
pub mod fault;

mod backoff;
mod batch;
mod block;
mod cursor;
mod disk;
mod done;
mod error;
mod folder;
mod group_log;
mod header;
mod holdings;
mod identity;
mod options;
mod queue;
mod quorum_id;
mod recovery;
mod replay;
mod salt;
mod scan;
mod segment;
mod sequence;
mod shared;
mod spares;
mod state;
mod std_disk;
mod thread;
mod usage;
mod wal;
mod writer;

pub use disk::{Disk, DiskFile};
pub use done::Done;
pub use error::{Damage, Flaw, ReadError, WalError};
pub use identity::{Identity, IdentityError};
pub use options::WalOptions;
pub use quorum_id::{ParseQuorumIdError, QuorumId};
pub use sequence::Sequence;
pub use state::{Disorder, GroupState, Purged};
pub use std_disk::{OpenFolderError, StdDisk};
pub use thread::{Scheduling, WalThread};
pub use usage::Usage;
pub use wal::Wal;
pub use writer::{WalWriter, Wrote};
