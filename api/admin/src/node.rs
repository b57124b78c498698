//! `/v1/admin/nodes`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ReplicaRole;

/// A data node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Such as `data-1`.
    pub name: String,
    /// Where it stands.
    pub zone: String,
    /// Where clients reach its ports.
    pub host: String,
    /// Ports that it offers, such as `7501-7516`.
    pub ports: Vec<String>,
    /// What operators want of it.
    pub policy: NodePolicy,
    /// Whether its session lives.
    pub alive: bool,
    /// When its session was last known to live.
    pub seen_at: String,
    /// When it was first seen.
    pub registered_at: String,
    /// Version of its program.
    pub version: String,
    /// Memory that its shards may be promised together.
    pub memory_bytes: u64,
    /// Memory that they are promised.
    pub promised_bytes: u64,
    /// Which desired state it has on its disk.
    pub generation: u64,
    /// What it hosts, or is to host.
    pub replicas: Vec<NodeReplica>,
}

/// What operators want of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NodePolicy {
    /// It may be given shards.
    Active,
    /// It keeps what it has.
    Cordoned,
}

/// A replica on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeReplica {
    /// The tenant's name.
    pub tenant: String,
    /// The cluster's name.
    pub cluster: String,
    /// The shard's name.
    pub shard: String,
    /// Where clients reach it.
    pub address: String,
    /// What it is.
    pub role: ReplicaRole,
    /// Why it is here.
    pub why: String,
}
