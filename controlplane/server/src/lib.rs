//! The control plane: what operators and tenants ask for over REST becomes what nodes are told to host.
//! Promises: with this process gone clients of clusters notice nothing; what it decides is in SQL before it is done, and
//! whoever else decided meanwhile wins by the row's version or by the epoch in the log. Leaves to the binary: sockets, files,
//! clocks and the log's client.
//!
//! ```text
//!   REST ─▶ rest ─▶ Store ◀─ reconcilers ◀─ observed ◀─ log (Describe)
//!                     │           │                      ▲
//!                     ▼           └── Fence ─────────────┘
//!                  sessions ──▶ data nodes (Desired down, Report up)
//! ```

mod authority;
mod convert;
mod desired;
#[allow(missing_docs, clippy::all, unreachable_pub)]
mod generated;
mod metrics;
mod observe;
mod plugin_check;
mod reconcile;
mod rest;
mod run;
mod sessions;
mod shared;
#[cfg(test)]
mod testing;

pub use authority::{Authority, AuthorityError, CONTROL_NAME, data_node_name};
pub use metrics::Metrics;
pub use plugin_check::{PluginCheck, PluginCheckError};
pub use rest::{Bounds, ParseTokenError, RestError, Token, router, serve_rest};
pub use run::{Parts, RunError, run};
pub use shared::{Observed, Options, Shared};

/// An error with its causes.
fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
