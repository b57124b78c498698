//! The stream state machine of one log group: calls in, verdicts out.
//! Promises: after a fence no append of an older epoch takes effect; no record is applied twice; records have no gaps;
//! every replica that applies the same calls in the same order is in the same state. It panics on no input.
//! Leaves to `node`: who is leader, what is on disk, where payloads are, when and to whom an answer goes.
//! Never touches the clock, the network or randomness; they arrive as arguments, so a test can replay a run.
//!
//! ```text
//!             trim           began_at             tail
//!              │                │                  │
//!  ┌ dropped ──┤ 12  13  14  15 │ 16  17  18  19   ├─ next record: 20
//!              │                │                  │
//!               older epochs     current epoch: only its owner's appends come in
//!                     └─ the newest K: resends are recognised here ─┘
//! ```
//!
//! One file per call. [`StreamTable`] applies the logged ones; [`Clearance`] is what a leader keeps beside it, in
//! memory, to shorten the wait of a new owner. [`StreamTable::encode`] gives a table's snapshot, for a node that stores
//! it or is too far behind for the log, and [`StreamTable::decode`] the table again.

mod append;
mod call;
mod chain;
mod clearance;
mod create;
mod delete;
mod describe;
mod fence;
mod limits;
mod ownership;
mod recent;
mod record;
mod release;
mod renew;
mod snapshot;
mod stream;
mod table;
mod trim;

pub use append::{Append, AppendVerdict, Malformed, Unsettled};
pub use call::{Answer, Call};
pub use chain::Chain;
pub use clearance::Clearance;
pub use create::{Create, CreateRefused};
pub use delete::Delete;
pub use describe::Description;
pub use fence::{Fence, FenceRefused, Granted, Nomination};
pub use limits::{
    APPEND_PAYLOAD_BYTES_MAX, APPEND_RECORDS_MAX, IN_FLIGHT_RECORDS_MAX, OWNERSHIPS_MAX, RECENT_RECORDS_MAX,
    RECORD_OVERHEAD_BYTES, STREAMS_MAX, TOMBSTONES_MAX,
};
pub use ownership::{Fenced, NotHeld, Ownership, Sender, WaitOut};
pub use record::{Draft, EngineVersion, Record};
pub use release::{Release, Released};
pub use renew::Renew;
pub use snapshot::{DecodeError, StreamFlaw, TableDecoder};
pub use stream::Stream;
pub use table::StreamTable;
pub use trim::{StreamPoint, Trim, TrimRefused, Trimmed};
