//! Changes: rows that are written together, or not at all.
//! Promises: a row that somebody else changed meanwhile makes the whole change fail.

use tenure_types::WallTime;

use crate::{
    ApiKey, ApiKeyId, Attachment, AuditRow, Cluster, ClusterId, Event, FailoverAttempt, Node, NodeReport, Operation,
    Plugin, PluginId, Remembered, Replica, Revision, Shard, ShardId, Tenant, TenantKey,
};

/// Rows that are written in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// In this order.
    pub writes: Vec<Write>,
}

/// Which row a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// None.
    Absent,
    /// One of this revision. It becomes the next.
    Revision(Revision),
}

/// One row. The `revision` inside a row that is put is ignored: the store sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the row that it carries")]
pub enum Write {
    /// Fails unless this is still the generation of desired states: for who placed by a world that was read.
    ExpectGeneration(u64),
    PutTenant(Tenant, Expect),
    /// A tenant that still has clusters or operations under way is refused.
    DeleteTenant(TenantKey, Revision),
    /// Bumps the generation of desired states, as all that follow do which say so.
    PutCluster(Cluster, Expect),
    /// With its shards, replicas and attachments. Bumps.
    DeleteCluster(ClusterId, Revision),
    /// Bumps.
    PutShard(Shard, Expect),
    /// Bumps.
    PutReplica(Replica, Expect),
    /// Bumps.
    DeleteReplica(ShardId, tenure_types::NodeId, Revision),
    /// With its module, which is never changed. A tenant that has as many or as much as it may is refused.
    AddPlugin(Plugin, Vec<u8>),
    /// One that is attached somewhere is refused.
    DeletePlugin(PluginId),
    /// Bumps. A cluster that has as many as it may is refused.
    PutAttachment(Attachment, Expect),
    /// Bumps.
    DeleteAttachment(ClusterId, String, Revision),
    PutNode(Node, Expect),
    /// In the place of the one before.
    PutReport(NodeReport),
    PutOperation(Operation, Expect),
    PutApiKey(ApiKey, Expect),
    /// It stays in the list, and opens nothing.
    RevokeApiKey(ApiKeyId, WallTime),
    /// By its id: the outcome of one that was begun, or a new one.
    PutFailover(FailoverAttempt),
    AddEvent(Event),
    /// By its id: completes one that was begun, or begins one.
    PutAudit(AuditRow),
    /// Fails if this key of this caller is remembered already.
    Remember(Remembered),
}

impl Change {
    /// With one more row.
    #[must_use]
    pub fn with(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }
}
