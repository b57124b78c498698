//! The real store, and what may go wrong with it: told by the test, never drawn.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tenure_control_model::{
    ApiKey, ApiKeyId, AuditRow, Change, Cluster, ClusterId, Event, FailoverAttempt, Name, Node, NodeReport, Operation,
    OperationId, Plugin, PluginId, PluginVersion, Remembered, Replica, Shard, Tenant, TenantKey, World, Write,
};
use tenure_control_store::{Counter, Page, Store, StoreError};
use tenure_types::{NodeId, WallTime};

/// Looks at a change before it is made. An error is given to the caller, and the change is not made.
type Before = Box<dyn FnMut(&Change) -> Meddle + Send>;

/// What happens before a change.
pub(super) enum Meddle {
    /// Nothing.
    Let,
    /// The database does not answer.
    Fail,
    /// Somebody else makes this change first.
    First(Change),
}

/// See the top of the file.
pub(super) struct Faulty {
    inner: Arc<dyn Store>,
    before: Mutex<Option<Before>>,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Store>) -> Self {
        let before = Mutex::new(None);
        Self { inner, before }
    }

    /// From now on.
    pub(super) fn meddle(&self, before: impl FnMut(&Change) -> Meddle + Send + 'static) {
        *self.before.lock().unwrap() = Some(Box::new(before));
    }

    /// Changes are made again.
    pub(super) fn heal(&self) {
        *self.before.lock().unwrap() = None;
    }

    fn ask(&self, change: &Change) -> Meddle {
        match self.before.lock().unwrap().as_mut() {
            Some(before) => before(change),
            None => Meddle::Let,
        }
    }
}

/// Whether a change writes a row of the audit log.
pub(super) fn is_audit(change: &Change) -> bool {
    change.writes.iter().any(|write| matches!(write, Write::PutAudit(_)))
}

#[async_trait]
impl Store for Faulty {
    async fn apply(&self, change: Change) -> Result<u64, StoreError> {
        match self.ask(&change) {
            Meddle::Let => {}
            Meddle::Fail => {
                let source = "told to fail".into();
                return Err(StoreError::Unavailable { source });
            }
            Meddle::First(other) => {
                self.inner.apply(other).await.unwrap();
            }
        }
        self.inner.apply(change).await
    }

    async fn allocate(&self, counter: Counter, count: u32) -> Result<u64, StoreError> {
        self.inner.allocate(counter, count).await
    }

    async fn renew_nodes(&self, nodes: &[NodeId], at: WallTime) -> Result<(), StoreError> {
        self.inner.renew_nodes(nodes, at).await
    }

    async fn world(&self) -> Result<World, StoreError> {
        self.inner.world().await
    }

    async fn tenant(&self, name: &Name) -> Result<Option<Tenant>, StoreError> {
        self.inner.tenant(name).await
    }

    async fn tenants(&self, page: &Page) -> Result<Vec<Tenant>, StoreError> {
        self.inner.tenants(page).await
    }

    async fn cluster(&self, tenant: TenantKey, name: &Name) -> Result<Option<Cluster>, StoreError> {
        self.inner.cluster(tenant, name).await
    }

    async fn clusters(&self, tenant: TenantKey, page: &Page) -> Result<Vec<Cluster>, StoreError> {
        self.inner.clusters(tenant, page).await
    }

    async fn shards(&self, cluster: ClusterId) -> Result<Vec<(Shard, Vec<Replica>)>, StoreError> {
        self.inner.shards(cluster).await
    }

    async fn plugin(
        &self,
        tenant: TenantKey,
        name: &str,
        version: PluginVersion,
    ) -> Result<Option<Plugin>, StoreError> {
        self.inner.plugin(tenant, name, version).await
    }

    async fn plugin_of_module(&self, tenant: TenantKey, sha256: [u8; 32]) -> Result<Option<Plugin>, StoreError> {
        self.inner.plugin_of_module(tenant, sha256).await
    }

    async fn plugins(&self, tenant: TenantKey, name: Option<&str>, page: &Page) -> Result<Vec<Plugin>, StoreError> {
        self.inner.plugins(tenant, name, page).await
    }

    async fn module(&self, plugin: PluginId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.module(plugin).await
    }

    async fn nodes(&self) -> Result<Vec<(Node, Option<NodeReport>)>, StoreError> {
        self.inner.nodes().await
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        self.inner.operation(id).await
    }

    async fn operations(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<Operation>, StoreError> {
        self.inner.operations(tenant, page).await
    }

    async fn events(
        &self,
        tenant: Option<TenantKey>,
        cluster: Option<ClusterId>,
        page: &Page,
    ) -> Result<Vec<Event>, StoreError> {
        self.inner.events(tenant, cluster, page).await
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.inner.api_key(id).await
    }

    async fn api_keys(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.api_keys(tenant, page).await
    }

    async fn platform_api_keys(&self, page: &Page) -> Result<Vec<ApiKey>, StoreError> {
        self.inner.platform_api_keys(page).await
    }

    async fn live_api_keys(&self, tenant: TenantKey, now: WallTime) -> Result<u64, StoreError> {
        self.inner.live_api_keys(tenant, now).await
    }

    async fn platform_owner_lives(&self, now: WallTime) -> Result<bool, StoreError> {
        self.inner.platform_owner_lives(now).await
    }

    async fn remembered(&self, by: ApiKeyId, key: &str) -> Result<Option<Remembered>, StoreError> {
        self.inner.remembered(by, key).await
    }

    async fn failovers(&self, page: &Page) -> Result<Vec<FailoverAttempt>, StoreError> {
        self.inner.failovers(page).await
    }

    async fn audit_log(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<AuditRow>, StoreError> {
        self.inner.audit_log(tenant, page).await
    }

    async fn forget(&self, now: WallTime, before: WallTime) -> Result<(), StoreError> {
        self.inner.forget(now, before).await
    }
}
