//! What is written down and never changed: events, the audit log, answers that were given.

use tenure_types::{NodeId, WallTime};

use crate::{ApiKeyId, AuditId, ClusterId, EventId, ShardId, TenantKey};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: WallTime,
    /// Kebab-case, for programs: `failover`.
    pub kind: String,
    /// A sentence.
    pub message: String,
    /// Whose; `None`: the platform's.
    pub tenant: Option<TenantKey>,
    /// Which cluster. It may be gone.
    pub cluster: Option<ClusterId>,
    /// Which shard. It may be gone.
    pub shard: Option<ShardId>,
    /// Which data node.
    pub node: Option<NodeId>,
}

/// A request that changes something: written before it is done, completed after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id.
    pub id: AuditId,
    /// When it came.
    pub started_at: WallTime,
    /// When it was answered; `None`: not yet, or never.
    pub completed_at: Option<WallTime>,
    /// Whose key it came with.
    pub key: ApiKeyId,
    /// Whose things it was about.
    pub tenant: Option<TenantKey>,
    /// Such as `POST`.
    pub method: String,
    /// Without its query.
    pub path: String,
    /// The caller's address.
    pub source: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// The problem's code, if it was one.
    pub problem: Option<String>,
}

/// The answer to a request that came with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Whose key the request came with.
    pub by: ApiKeyId,
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub request_sha256: [u8; 32],
    /// The answer's status.
    pub status: u16,
    /// The answer's body.
    pub body: String,
    /// Until when it is remembered.
    pub expires_at: WallTime,
}
