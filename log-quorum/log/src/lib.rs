//! The log as everyone else sees it: the [`Log`] trait, its contract suite, and a log in memory.
//! Promises: whoever codes against [`Log`] cannot tell implementations apart, because all of them pass one suite
//! (feature `contract`). Leaves to `node`: consensus, disks and connections.
//! Never touches an async runtime, the clock or the network: futures are plain, and clocks are handed in.

#[cfg(feature = "contract")]
pub mod contract;
mod credit;
mod error;
mod log;
mod manual_clock;
mod memory;
mod status;
mod tail;

pub use credit::Credit;
pub use error::{CallError, Unknown};
pub use log::{Appended, DescribeAnswer, Log, RenewAnswer, Renewed, Reply};
pub use manual_clock::ManualClock;
pub use memory::{MemoryLog, MemoryOptions};
pub use status::{GroupStatus, LogStatus, StreamStatus};
pub use tail::{TAIL_BATCH_PAYLOAD_BYTES_MAX, TAIL_BATCH_RECORDS_MAX, TailBatch, TailError, Tailing};

// The calls and verdicts are the protocol's own: they mean the same on both sides of the trait.
pub use tenure_log_protocol::{
    APPEND_PAYLOAD_BYTES_MAX, APPEND_RECORDS_MAX, Append, AppendVerdict, Chain, Create, CreateRefused, Delete,
    Description, Draft, EngineVersion, Fence, FenceRefused, Fenced, Granted, IN_FLIGHT_RECORDS_MAX, Malformed,
    Nomination, NotHeld, Ownership, RECENT_RECORDS_MAX, RECORD_OVERHEAD_BYTES, Record, Release, Released, Renew,
    Sender, StreamPoint, Trim, TrimRefused, Trimmed, Unsettled, WaitOut,
};
