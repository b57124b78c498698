//! Clusters, their shards, and where the replicas of these are to be.

use std::fmt;
// Of `core`: addresses, and no sockets to reach them (ARCHITECTURE.md, "Pure packages").
use core::net::SocketAddr;

use tenure_types::{Epoch, NodeId, Owner, StreamId, WallTime};

use crate::{ClusterId, Name, Revision, ShardId, TenantKey};

/// A tenant's cluster, as it is intended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its id.
    pub id: ClusterId,
    /// Who owns it.
    pub tenant: TenantKey,
    /// Unique within the tenant, and for life.
    pub name: Name,
    /// What becomes of it.
    pub state: ClusterState,
    /// What was asked for.
    pub spec: ClusterSpec,
    /// Seed of its keys' hashes. Told to nodes only.
    pub seed: u64,
    /// Who may log in.
    pub users: Vec<ClusterUser>,
    /// What its ports show. `None`: it speaks without TLS, or the certificate is still to be issued.
    pub certificate: Option<Certificate>,
    /// When it was asked for.
    pub created_at: WallTime,
    /// How often it was changed.
    pub revision: Revision,
}

/// What becomes of a cluster. Whether it works at the moment is another question: conditions tell that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterState {
    /// It is being placed and started. Leaves to `Active`, or to `Deleting`.
    Creating,
    /// It serves. Leaves to `Deleting`.
    Active,
    /// It goes, with its data. Leaves by vanishing.
    Deleting,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// Shards, from 1.
    pub shards: u16,
    /// Replicas of each shard beside its primary, 0 to 5.
    pub replicas: u8,
    /// Memory of the keys of one shard.
    pub memory_bytes: u64,
    /// What happens when it is full, as in `maxmemory-policy`.
    pub policy: String,
    /// Whether clients speak TLS.
    pub tls: bool,
}

/// Somebody who may log in to a cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterUser {
    /// As in `AUTH name password`.
    pub name: String,
    /// SHA-256 of the password.
    pub password_sha256: [u8; 32],
}

impl fmt::Debug for ClusterUser {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterUser")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A certificate with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// PEM, with those between it and the authority.
    pub certificate_pem: String,
    /// PEM.
    pub key_pem: String,
    /// Until when it holds.
    pub not_after: WallTime,
}

impl fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// A shard: some slots, one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its id.
    pub id: ShardId,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Such as `0001`.
    pub name: String,
    /// Its slots.
    pub slots: Vec<SlotRange>,
    /// Its stream in the log. Never used by another shard.
    pub stream: StreamId,
    /// Which node is to be its primary if there is a choice.
    pub preferred: NodeId,
    /// The owner of this very epoch is told to give it up in favour of `preferred`.
    pub give_up: Option<Epoch>,
    /// The newest epoch that the log told of, and who owns it; `None` before the first. The log decides; this is what is
    /// remembered of it.
    pub owned: Option<(Epoch, Owner)>,
    /// How often it was changed.
    pub revision: Revision,
}

/// Slots from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// A shard on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The shard.
    pub shard: ShardId,
    /// The node. With the shard it is the row's key.
    pub node: NodeId,
    /// Where clients reach it. No two replicas of one node share a port.
    pub address: SocketAddr,
    /// Whether it is to be there.
    pub state: ReplicaState,
    /// Why it is there: a sentence.
    pub why: String,
    /// Since when it is to be there, or to leave.
    pub since: WallTime,
    /// How often it was changed.
    pub revision: Revision,
}

/// Whether a replica is to be on its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplicaState {
    /// Yes.
    Wanted,
    /// No. Its port is free again once the node says that it is gone, or the node itself is.
    Leaving,
}
