//! What can be asked about the log itself.

use std::time::Duration;

use tenure_log_protocol::Description;
use tenure_types::{GroupId, NodeId};

/// One stream as its group's leader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamStatus {
    /// The replicated state.
    pub description: Description,
    /// How long the leader has heard nothing of the owner: since its last Append or Renew under a live lease, since its
    /// fence, or since the leader gained leadership, whichever came last. A leader never overstates it.
    pub last_request_age: Duration,
    /// Payload bytes of the records that are not trimmed.
    pub retained_bytes: u64,
}

/// The groups of a log quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStatus {
    /// One for each group.
    pub groups: Vec<GroupStatus>,
}

/// One group. A picture for people: parts of it may be from different moments, nothing may be decided by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStatus {
    /// The group.
    pub group: GroupId,
    /// Who leads it, if anybody is known to.
    pub leader: Option<NodeId>,
    /// The log nodes that vote in it.
    pub voters: Vec<NodeId>,
    /// How many entries of its log are committed.
    pub committed: u64,
}
