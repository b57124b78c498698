//! What the control plane keeps, in SQL.
//! Promises: a change is in the database whole or not at all, and not if a row that it expects was changed meanwhile; what
//! was read belongs to one moment. Leaves to `controlplane/model`: what the rows mean.

mod api_keys;
mod attachments;
mod audit_log;
mod clusters;
mod column;
#[cfg(feature = "contract")]
pub mod contract;
mod counters;
mod events;
mod failovers;
mod nodes;
mod operations;
mod plugins;
mod remembered;
mod replicas;
mod reports;
mod shards;
mod sql;
mod sqlite;
mod store;
mod tenants;

use async_trait::async_trait;
use tenure_control_model::{
    ApiKey, ApiKeyId, AuditRow, Change, Cluster, ClusterId, Event, FailoverAttempt, Name, Node, NodeReport, Operation,
    OperationId, PLUGIN_BYTES_OF_TENANT_MAX, PLUGINS_OF_CLUSTER_MAX, PLUGINS_OF_TENANT_MAX, Plugin, PluginId,
    PluginVersion, Remembered, Replica, Shard, Tenant, TenantKey, World,
};
use tenure_types::{NodeId, WallTime};

pub use sqlite::{OpenError, SqliteStore};

/// How many rows of each table one call of [`Store::forget`] deletes at most.
const FORGET_ROWS_MAX: u32 = 1000;

/// What the control plane keeps. Every implementation passes the same suite.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes a change, whole or not at all. Answers the generation of desired states after it.
    async fn apply(&self, change: Change) -> Result<u64, StoreError>;

    /// Hands out `count` numbers that were never handed out before; answers the first.
    async fn allocate(&self, counter: Counter, count: u32) -> Result<u64, StoreError>;

    /// Nodes whose sessions live at this moment: their leases.
    async fn renew_nodes(&self, nodes: &[NodeId], at: WallTime) -> Result<(), StoreError>;

    /// Everything that reconcilers look at.
    async fn world(&self) -> Result<World, StoreError>;

    /// One tenant.
    async fn tenant(&self, name: &Name) -> Result<Option<Tenant>, StoreError>;

    /// Tenants in the order of their names.
    async fn tenants(&self, page: &Page) -> Result<Vec<Tenant>, StoreError>;

    /// One cluster of a tenant.
    async fn cluster(&self, tenant: TenantKey, name: &Name) -> Result<Option<Cluster>, StoreError>;

    /// Clusters of a tenant in the order of their names.
    async fn clusters(&self, tenant: TenantKey, page: &Page) -> Result<Vec<Cluster>, StoreError>;

    /// The shards of a cluster in the order of their names, with their replicas.
    async fn shards(&self, cluster: ClusterId) -> Result<Vec<(Shard, Vec<Replica>)>, StoreError>;

    /// One version of a tenant's plugin.
    async fn plugin(&self, tenant: TenantKey, name: &str, version: PluginVersion)
    -> Result<Option<Plugin>, StoreError>;

    /// The tenant's plugin with this module.
    async fn plugin_of_module(&self, tenant: TenantKey, sha256: [u8; 32]) -> Result<Option<Plugin>, StoreError>;

    /// Plugins of a tenant by id, the oldest first. `name`: only those of this name.
    async fn plugins(&self, tenant: TenantKey, name: Option<&str>, page: &Page) -> Result<Vec<Plugin>, StoreError>;

    /// The module of a plugin.
    async fn module(&self, plugin: PluginId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Data nodes in the order of their numbers, each with its newest report.
    async fn nodes(&self) -> Result<Vec<(Node, Option<NodeReport>)>, StoreError>;

    /// One operation.
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError>;

    /// Operations, the newest first. `tenant`: only of this one.
    async fn operations(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<Operation>, StoreError>;

    /// Events, the newest first. `tenant`: only of this one; `cluster`: only of this one.
    async fn events(
        &self,
        tenant: Option<TenantKey>,
        cluster: Option<ClusterId>,
        page: &Page,
    ) -> Result<Vec<Event>, StoreError>;

    /// One API key, also one that is revoked.
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;

    /// API keys by id. `tenant`: only of this one.
    async fn api_keys(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<ApiKey>, StoreError>;

    /// API keys of the platform, by id.
    async fn platform_api_keys(&self, page: &Page) -> Result<Vec<ApiKey>, StoreError>;

    /// How many API keys of a tenant are neither revoked nor expired.
    async fn live_api_keys(&self, tenant: TenantKey, now: WallTime) -> Result<u64, StoreError>;

    /// Whether somebody can still open everything: a key of an owner of the platform that is neither revoked nor expired.
    async fn platform_owner_lives(&self, now: WallTime) -> Result<bool, StoreError>;

    /// The answer that was given to a request with this key of this caller.
    async fn remembered(&self, by: ApiKeyId, key: &str) -> Result<Option<Remembered>, StoreError>;

    /// Attempts at failovers, the newest first.
    async fn failovers(&self, page: &Page) -> Result<Vec<FailoverAttempt>, StoreError>;

    /// The audit log, the newest first. `tenant`: only of this one.
    async fn audit_log(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<AuditRow>, StoreError>;

    /// Forgets answers that expired, operations, events, failovers and audit rows that are older than `before`. Bounded: at most 1000
    /// rows of each a call.
    async fn forget(&self, now: WallTime, before: WallTime) -> Result<(), StoreError>;
}

/// What numbers are handed out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Tenants.
    Tenant,
    /// Streams of group 0. The first is 1.
    Stream,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Where the page before ended: the key of its last row as text, by which the list is sorted. `None`: from the start.
    pub after: Option<String>,
    /// At most so many rows.
    pub rows_max: u32,
}

impl Page {
    /// What the keys of an ascending list are greater than.
    fn after(&self) -> &str {
        self.after.as_deref().unwrap_or("")
    }

    /// What the keys of a descending list are less than. Without `after` it is the last character of ASCII: ids and names
    /// have letters, digits, dashes and `_`.
    fn before(&self) -> &str {
        self.after.as_deref().unwrap_or("~")
    }
}

/// The database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row is not what was expected: somebody else was faster, or the name is taken. Nothing was changed.
    #[error("{row} was changed by somebody else meanwhile")]
    Conflict {
        /// Which row, for people: `cluster shop`.
        row: String,
    },
    /// It still has something below it. Nothing was changed.
    #[error("{row} is still in use")]
    InUse {
        /// Which row.
        row: String,
    },
    /// It has as much as it may have. Nothing was changed.
    #[error("{row} may have {limit}, and no more")]
    Full {
        /// Which row.
        row: String,
        /// Of what.
        limit: Limit,
    },
    /// The database does not answer, or answers nonsense. Whether something was changed is not known.
    #[error("the database cannot be used")]
    Unavailable {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a row may have only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Versions of plugins.
    #[error("{PLUGINS_OF_TENANT_MAX} versions of plugins")]
    PluginsOfTenant,
    /// Bytes of modules.
    #[error("modules of {PLUGIN_BYTES_OF_TENANT_MAX} bytes")]
    PluginBytesOfTenant,
    /// Plugins that a cluster runs.
    #[error("{PLUGINS_OF_CLUSTER_MAX} plugins")]
    PluginsOfCluster,
}
