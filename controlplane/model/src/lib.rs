//! What the control plane knows and intends: resources, their states, and who decides about them.
//! Promises: plain data and plain functions; the same world gives the same plan. Leaves to `controlplane/store`: keeping it.
//! Leaves to `controlplane/server`: asking, acting, and the clock.
//!
//! ```text
//!   intended (SQL) ─┐
//!                   ├─▶ World ─▶ planner ─▶ Change ─▶ store (one transaction, versions checked)
//!   observed ───────┘
//! ```

mod access;
mod change;
mod cluster;
mod failover;
mod id;
mod name;
mod node;
mod operation;
mod placement;
mod plugin;
mod record;
mod tenant;
mod world;

pub use access::{ApiKey, Role};
pub use change::{Change, Expect, Write};
pub use cluster::{
    Certificate, Cluster, ClusterSpec, ClusterState, ClusterUser, Replica, ReplicaState, Shard, SlotRange,
};
pub use failover::{FailoverAttempt, FailoverOutcome, FailoverReason};
pub use id::{ApiKeyId, AuditId, ClusterId, EventId, FailoverId, OperationId, PluginId, ShardId, TenantKey};
pub use name::{Name, NameError};
pub use node::{Node, NodePolicy, NodeReport, PluginSeen, PluginStanding, PortRange, Refusal, ReplicaSeen, Standing};
pub use operation::{Operation, OperationError, OperationKind, OperationState, Step, StepState};
pub use placement::{Ask, Inventory, NoRoom, Placed, place, replacement, slots_of};
pub use plugin::{
    Attachment, PLUGIN_BYTES_OF_TENANT_MAX, PLUGINS_OF_CLUSTER_MAX, PLUGINS_OF_TENANT_MAX, Plugin, PluginVersion,
    PluginVersionError,
};
pub use record::{AuditRow, Event, Remembered};
pub use tenant::Tenant;
pub use world::{StreamSeen, World};

/// Slots of a cluster.
pub const SLOTS: u16 = 16_384;

/// How often a row was changed. The first is 1; whoever changes a row names the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// Of a row that was just made.
    pub const FIRST: Self = Self(1);

    /// The one with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
