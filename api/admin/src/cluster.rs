//! `/v1/tenants/{tenant}/clusters` and the shards below.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ClusterPlugin, Operation};

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cluster {
    /// `clu_…`
    pub id: String,
    /// Its tenant's name.
    pub tenant: String,
    /// Unique in its tenant, and for life.
    pub name: String,
    /// What becomes of it.
    pub state: ClusterState,
    /// Whether it works.
    pub conditions: Vec<Condition>,
    /// What was asked for.
    pub spec: ClusterSpec,
    /// Where clients find it: every replica of every shard, so that it is found whichever of them died.
    pub endpoints: Vec<String>,
    /// Names of those who may log in.
    pub users: Vec<String>,
    /// The plugins that it runs, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<ClusterPlugin>,
    /// The authority that clients have to believe, PEM. Absent without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// The operation that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// When it was asked for.
    pub created_at: String,
    /// What `If-Match` compares.
    pub etag: String,
}

/// What becomes of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClusterState {
    /// It is being placed and started.
    Creating,
    /// It serves.
    Active,
    /// It goes, with its data.
    Deleting,
}

/// Something that is true of a cluster or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    /// What.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it is so.
    pub status: ConditionStatus,
    /// Why, in CamelCase, for programs.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
}

/// What may be true of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ConditionType {
    /// Every shard has an owner that answers.
    Available,
    /// Every shard's log group has a leader.
    Durable,
    /// Every replica follows its primary.
    ReplicasReady,
    /// There are replicas, and no zone has two of one shard.
    ZoneRedundant,
    /// Every replica has a node.
    Scheduled,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows at the moment.
    Unknown,
}

/// What is asked of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterSpec {
    /// Shards.
    pub shards: u16,
    /// Replicas of each shard beside its primary.
    pub replicas: u8,
    /// Memory of the keys of one shard.
    pub memory_bytes: u64,
    /// What happens when it is full, as in `maxmemory-policy`.
    pub eviction_policy: String,
    /// Whether clients speak TLS.
    pub tls: bool,
}

/// Body of `POST /v1/tenants/{tenant}/clusters`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCluster {
    /// 1 to 63 small letters, digits and dashes; a letter first and no dash last.
    #[schema(pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub name: String,
    /// 1 to 500. Default 1.
    #[schema(minimum = 1, maximum = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u16>,
    /// 0 to 5. Default 1.
    #[schema(minimum = 0, maximum = 5)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u8>,
    /// Of one shard. 1 MiB to 16 TiB. Default 256 MiB.
    #[schema(minimum = 1_048_576, maximum = 17_592_186_044_416_i64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// `noeviction` (default), `allkeys-lru`, `allkeys-lfu`, `allkeys-random`, `volatile-lru`, `volatile-lfu`, `volatile-random` or
    /// `volatile-ttl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eviction_policy: Option<String>,
    /// Default true. Without, passwords and data pass the network as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// Password of the user `default`, 16 to 128 printable ASCII characters without spaces. Its hash is kept.
    #[schema(pattern = "^[!-~]{16,128}$")]
    pub password: String,
}

impl fmt::Debug for CreateCluster {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateCluster")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The answer to what changes a cluster: as it is now, and the operation that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterChange {
    /// The cluster. With `?dry_run=true` as it would be.
    pub cluster: Cluster,
    /// What goes on. Absent with `?dry_run=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Where its shards are, or with `?dry_run=true` would be.
    pub shards: Vec<Shard>,
}

/// A shard: some of the slots, on some nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shard {
    /// `shd_…`
    pub id: String,
    /// Such as `0001`.
    pub name: String,
    /// Such as `0-8191`.
    pub slots: Vec<String>,
    /// Its stream in the log.
    pub stream: String,
    /// Number of the primary in office; 0 before the first.
    pub epoch: u64,
    /// The node that owns the newest epoch, such as `data-1`, also if it is gone. Absent: nobody ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The node that is to be primary if there is a choice.
    pub preferred: String,
    /// Milliseconds since the log last heard of the owner. Absent: not known at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_millis: Option<u64>,
    /// Position of the newest record; 0: none.
    pub tail: u64,
    /// All of them, the primary included.
    pub replicas: Vec<Replica>,
}

/// A shard on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replica {
    /// Such as `data-1`.
    pub node: String,
    /// The node's zone.
    pub zone: String,
    /// Where clients reach it.
    pub address: String,
    /// What it is.
    pub role: ReplicaRole,
    /// Up to which record it holds the stream.
    pub lsn: u64,
    /// Records that it lacks.
    pub lag_records: u64,
    /// Its keys.
    pub keys: u64,
    /// Their memory.
    pub memory_bytes: u64,
    /// Its connections.
    pub clients: u64,
    /// Why it is on this node.
    pub why: String,
    /// What its node could not do for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReplicaRole {
    /// Its node has not told of it yet.
    Pending,
    /// It reads the log, or waits out an earlier lease.
    Loading,
    /// It answers reads and writes.
    Primary,
    /// It follows, and answers reads of READONLY clients.
    Replica,
    /// A primary that cannot reach the log: it answers nothing.
    Lapsed,
    /// It cannot go on: an operator has to look.
    Broken,
    /// Its node is not heard of.
    Lost,
    /// It is to leave its node.
    Leaving,
}

/// Body of `POST …/shards/{shard}/failover`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Failover {
    /// The next primary, such as `data-2`. Default: the replica that lacks least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}
