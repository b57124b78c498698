//! openraft behind this package's door: its types, its storage on our journal, its network over gRPC.
//! Promises: no other module of the workspace names openraft. Leaves to `group`: what is proposed and who is answered.

pub(crate) mod log_store;
mod lone_commits;
pub(crate) mod network;
#[cfg(test)]
mod openraft_suite;
pub(crate) mod state_machine;
pub(crate) mod stored;
pub(crate) mod timing;
pub(crate) mod types;
