//! `/v1/events`, `/v1/audit-log`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// When.
    pub at: String,
    /// In kebab-case, for programs: `cluster-created`, `cluster-active`, `cluster-deleting`, `cluster-deleted`, `primary-changed`, `failover`,
    /// `node-lost`, `node-back`, `replica-moved`, `placement-braked`, `database-behind`, `plugin-pushed`, `plugin-deleted`,
    /// `plugin-attaching`, `plugin-attached`, `plugin-detaching`, `plugin-detached`, `plugin-quarantined`, `plugin-released`.
    pub kind: String,
    /// A sentence.
    pub message: String,
    /// The tenant's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The cluster's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The shard's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Such as `data-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// A request that was to change something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// `aud_…`
    pub id: String,
    /// When it came.
    pub started_at: String,
    /// When it was answered. Absent: not yet, or the server died before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// Whose key it came with.
    pub key: String,
    /// The tenant's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Such as `POST`.
    pub method: String,
    /// Without its query.
    pub path: String,
    /// The caller's address.
    pub source: String,
    /// The answer's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The problem's code, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
