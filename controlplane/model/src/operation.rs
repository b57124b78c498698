//! Operations: what was asked for and takes a while.

use tenure_types::{NodeId, WallTime};

use crate::{ClusterId, OperationId, PluginVersion, Revision, ShardId, TenantKey};

/// Something that takes a while, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Whose it is; `None`: the platform's.
    pub tenant: Option<TenantKey>,
    /// Which cluster it changes. One that is not over keeps others off the cluster.
    pub cluster: Option<ClusterId>,
    /// What is done.
    pub kind: OperationKind,
    /// How it stands.
    pub state: OperationState,
    /// Its parts, in order.
    pub steps: Vec<Step>,
    /// Why it failed.
    pub error: Option<OperationError>,
    /// When it was asked for.
    pub created_at: WallTime,
    /// When it was over.
    pub finished_at: Option<WallTime>,
    /// How often it was changed.
    pub revision: Revision,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationKind {
    /// Places a cluster and waits until it serves.
    CreateCluster,
    /// Ends a cluster with its data.
    DeleteCluster,
    /// Gives a shard another primary, without loss.
    Failover {
        /// The shard.
        shard: ShardId,
        /// The next primary.
        to: NodeId,
    },
    /// Reads all streams and checks their checksums.
    VerifyLog,
    /// Waits until every node of a cluster runs a plugin, or another version of it than before.
    AttachPlugin {
        /// The plugin's name.
        name: String,
        /// Which version.
        version: PluginVersion,
        /// The generation of desired states that began with it.
        generation: u64,
    },
    /// Waits until no node of a cluster runs a plugin any more.
    DetachPlugin {
        /// The plugin's name.
        name: String,
        /// The generation of desired states that began with it.
        generation: u64,
    },
}

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationState {
    /// Nobody has begun.
    Pending,
    /// It is under way.
    Running,
    /// It is done.
    Succeeded,
    /// It is over, and not done.
    Failed,
}

impl OperationState {
    /// Whether nothing more will happen.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A part of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Such as `place shards`.
    pub name: String,
    /// How it stands.
    pub state: StepState,
    /// What it waits for, or what came of it.
    pub detail: String,
}

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepState {
    /// To come.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// Not done, and not to be.
    Failed,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationError {
    /// Kebab-case, for programs: `no-capacity`.
    pub code: String,
    /// A sentence.
    pub detail: String,
}
