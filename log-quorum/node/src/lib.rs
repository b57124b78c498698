//! A log node: consensus, disks and connections under the streams of `protocol`; and the client that others reach it by.
//! Promises: what the `Log` trait asks, over real networks and disks. A call is answered by a majority or not at all.
//! Leaves to the edge: opening disks, sockets and clocks, and ending the process when the disk fails.
//!
//! ```text
//!   callers ── gRPC ──▶ server ──▶ group ──▶ raft ──▶ storage (WAL)
//!                                    │        └─ gRPC ──▶ other voters
//!                                    └─ state: streams applied, records' places, what the leader heard and granted
//! ```

mod bootstrap;
mod client;
mod convert;
mod generated;
mod group;
mod identity;
mod metrics;
mod node;
mod raft;
mod room;
mod server;
pub mod transport;

pub use bootstrap::{Bootstrap, Member, StaysOut};
pub use client::{ClientError, ClientOptions, NodeAddress, QuorumLog};
pub use node::{Drive, LogNode, NodeOptions, ServeError, StartError, WaitWritten, drive_by_thread};
pub use raft::log_store::ColdReads;
pub use raft::timing::Profile;
