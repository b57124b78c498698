//! The gRPC services of a log node.
//! Promises: what cannot be read is refused with the reason and reaches no group; what one caller may have in hand is
//! bounded, and past it the node stops reading from that caller alone. Leaves to `group`: every answer.

mod log_service;
mod raft_service;

pub(crate) use log_service::LogService;
pub(crate) use raft_service::RaftService;
