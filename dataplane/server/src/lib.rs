//! The data plane: serves shards of many clusters to Redis clients, each write committed to the log before it is
//! acknowledged.
//! Promises: a reply leaves only when everything it may depend on is in the log for good, and nothing is read past the
//! end of the lease. Leaves to others: which log (a [`tenure_log::Log`]), which clock, which layout.
//!
//! ```text
//!   socket ─▶ TLS ─▶ Connection ─▶ Session ─▶ Turn ─▶ Image        one worker thread: no locks, no other thread
//!                        ▲  held     table     │        │ effects
//!                        │ replies    of commands       ▼
//!                        └── released ◀── Pipeline ──▶ Log         one record per turn, many in flight
//! ```

mod client;
mod commands;
mod connection;
mod control;
mod generated;
mod layout;
mod listener;
mod metrics;
mod node;
mod output;
mod plugin;
mod replica;
mod session;
mod table;
#[cfg(test)]
mod testing;
mod tls;
mod topology;
mod worker;

pub use control::{Control, Introduction, KeptDesired, KeptError, Modules};
pub use layout::{
    ClusterLayout, ClusterLimits, Layout, LayoutError, PluginLayout, REQUEST_BYTES_MAX, ReplicaLayout,
    ServerCertificate, ShardLayout, SlotRange, User,
};
pub use metrics::Measurer;
pub use node::{
    ClusterName, DataNode, DataNodeOptions, LogFactory, LogFactoryError, PluginReport, Refused, StartError,
};
pub use plugin::PluginStats;
pub use replica::Standing;
pub use tls::TlsError;
pub use worker::ReplicaReport;
