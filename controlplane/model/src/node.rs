//! Data nodes: what they offer, and what they said last.

use core::net::IpAddr;

use tenure_types::{Epoch, Incarnation, Lsn, NodeId, StreamId, WallTime};

use crate::Revision;

/// A data node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number among data nodes.
    pub id: NodeId,
    /// Where it stands.
    pub zone: String,
    /// Where clients reach its ports.
    pub host: IpAddr,
    /// Which ports it may serve shards on, in the order in which they are taken.
    pub ports: Vec<PortRange>,
    /// Memory that its shards may be promised together.
    pub memory_bytes: u64,
    /// What operators want of it.
    pub policy: NodePolicy,
    /// Which start of its process this is.
    pub process: u64,
    /// Version of its program.
    pub version: String,
    /// When it was first seen.
    pub registered_at: WallTime,
    /// Its lease: when its session was last known to live, by the clock of a control plane.
    pub seen_at: WallTime,
    /// How often it was changed; `seen_at` does not count.
    pub revision: Revision,
}

/// What operators want of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodePolicy {
    /// It may be given shards.
    Active,
    /// It keeps what it has.
    Cordoned,
}

/// Ports from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// The newest word of a node, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReport {
    /// Who said it.
    pub node: NodeId,
    /// When it came.
    pub at: WallTime,
    /// The newest desired state that it has on its disk; 0 before the first.
    pub generation: u64,
    /// All that it hosts.
    pub replicas: Vec<ReplicaSeen>,
    /// What it could not do.
    pub refusals: Vec<Refusal>,
}

/// A replica as its node sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaSeen {
    /// Its stream.
    pub stream: StreamId,
    /// What it may do.
    pub standing: Standing,
    /// Which life of its image this is.
    pub incarnation: Incarnation,
    /// The newest epoch that it knows.
    pub epoch: Epoch,
    /// Up to where it holds the stream; `None`: nothing.
    pub lsn: Option<Lsn>,
    /// How many keys it has.
    pub keys: u64,
    /// Their memory.
    pub memory_bytes: u64,
    /// Its connections.
    pub clients: u64,
}

/// What a replica may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It replays the log, or waits out an earlier lease.
    Loading,
    /// It owns the shard and answers.
    Primary,
    /// It follows.
    Replica,
    /// It owns the shard, and the log does not answer it.
    Lapsed,
    /// Its stream does not fit its image.
    Broken,
}

/// What a node could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which shard's stream; `None`: it concerns a whole cluster.
    pub stream: Option<StreamId>,
    /// The cluster's name.
    pub cluster: String,
    /// Why.
    pub reason: String,
}
