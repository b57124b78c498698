//! Conformance: one script against two servers, and where their replies differ.
//! Promises: replies are compared byte for byte unless the script says otherwise, in RESP2 and again in RESP3.
//! Leaves to the caller: which servers, and that nobody else writes to them meanwhile. For tests only.
//!
//! ```text
//!   scripts/*.txt ──▶ Script ──▶ compare(script, ours, reference) ──▶ Report: script, line, both replies
//!                                           │              │
//!                                       any server     Reference: a redis-server of our own, as a cluster
//! ```

mod client;
mod compare;
mod frame;
mod reference;
mod report;
mod script;
mod words;

pub use client::Target;
pub use compare::compare;
pub use reference::Reference;
pub use report::{Difference, Protocol, Report};
pub use script::Script;
