//! Everything at one moment: what is intended, and what was heard.

use std::time::Duration;

use tenure_types::{Epoch, LeaseLength, Lsn, Owner, StreamId, WallTime};

use crate::{Attachment, Cluster, Node, NodeReport, Operation, Replica, Shard, Tenant};

/// All that reconcilers look at. Read in one transaction, so its parts fit each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// Grows with every change of what nodes are to host.
    pub generation: u64,
    /// All, by id.
    pub tenants: Vec<Tenant>,
    /// All, by id.
    pub clusters: Vec<Cluster>,
    /// All, by cluster and name.
    pub shards: Vec<Shard>,
    /// All, by shard and node.
    pub replicas: Vec<Replica>,
    /// All, by cluster and name.
    pub attachments: Vec<Attachment>,
    /// All, by id.
    pub nodes: Vec<Node>,
    /// The newest of each node that has made one.
    pub reports: Vec<NodeReport>,
    /// Those that are not over, by id.
    pub operations: Vec<Operation>,
}

/// A stream as the log's leader told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSeen {
    /// The stream.
    pub stream: StreamId,
    /// When the answer came.
    pub at: WallTime,
    /// The newest epoch, and who owns it; `None`: nobody ever did.
    pub owned: Option<(Epoch, Owner)>,
    /// Its L, if it has an owner.
    pub lease: Option<LeaseLength>,
    /// Whether the owner gave its epoch up.
    pub released: bool,
    /// The newest record; `None`: there is none.
    pub tail: Option<Lsn>,
    /// For how long the leader has heard nothing of the owner.
    pub silent: Duration,
    /// Bytes of the records that are kept.
    pub retained_bytes: u64,
}
