//! `/v1/admin/log-groups`, `/v1/admin/leases`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer of `GET /v1/admin/log-groups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogGroups {
    /// All groups of the quorum.
    pub groups: Vec<LogGroup>,
}

/// A Raft group of the log quorum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogGroup {
    /// Its number.
    pub id: u32,
    /// Who leads it, such as `log-2`. Absent: nobody is known to.
    #[serde(default)]
    pub leader: Option<String>,
    /// Who votes in it.
    pub voters: Vec<String>,
    /// Entries that are committed.
    pub committed: u64,
}

/// An element of `GET /v1/admin/leases`: how a shard is owned, from the log itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lease {
    /// The tenant's name.
    pub tenant: String,
    /// The cluster's name.
    pub cluster: String,
    /// The shard's name.
    pub shard: String,
    /// Its stream.
    pub stream: String,
    /// The newest epoch; 0: none yet.
    pub epoch: u64,
    /// Such as `data-1`. Absent: nobody ever owned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Which life of that node's image, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// L of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_millis: Option<u32>,
    /// For how long the log has heard nothing of the owner. Absent: the log does not tell at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_millis: Option<u64>,
    /// Whether the owner gave it up.
    pub released: bool,
    /// Position of the newest record; 0: none.
    pub tail: u64,
    /// Bytes of the records that the log keeps.
    pub retained_bytes: u64,
}
