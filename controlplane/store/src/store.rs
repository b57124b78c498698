//! The store over any SQL engine: which statements run together, and what is checked before they last.
//! Promises: what [`Store`] promises. Leaves to a file per table: the statements. Leaves to the engine: connections.

use async_trait::async_trait;
use tenure_control_model::{
    ApiKey, ApiKeyId, AuditRow, Change, Cluster, ClusterId, Event, FailoverAttempt, Name, Node, NodeReport, Operation,
    OperationId, Plugin, PluginId, PluginVersion, Remembered, Replica, Shard, Tenant, TenantKey, World, Write,
};
use tenure_types::{NodeId, WallTime};

use crate::sql::{Engine, Transaction};
use crate::{
    Counter, Page, Store, StoreError, api_keys, attachments, audit_log, clusters, counters, events, failovers, nodes,
    operations, plugins, remembered, replicas, reports, shards, tenants,
};

/// What the control plane keeps, in the database behind an engine.
#[derive(Debug)]
pub struct SqlStore<E> {
    pub(crate) engine: E,
}

/// Runs what reads in one transaction, which ends by being dropped: there is nothing to commit.
macro_rules! reading {
    ($store:expr, $sql:ident => $read:expr) => {{
        let mut transaction = $store.engine.reading().await?;
        let $sql: &mut dyn Transaction = transaction.as_mut();
        $read
    }};
}

#[async_trait]
impl<E: Engine> Store for SqlStore<E> {
    async fn apply(&self, change: Change) -> Result<u64, StoreError> {
        let mut transaction = self.engine.writing().await?;
        let sql = transaction.as_mut();
        for write in &change.writes {
            apply(sql, write).await?;
        }
        let generation = if change.writes.iter().any(changes_what_nodes_host) {
            counters::next_generation(sql).await?
        } else {
            counters::generation(sql).await?
        };
        transaction.commit().await?;
        Ok(generation)
    }

    async fn allocate(&self, counter: Counter, count: u32) -> Result<u64, StoreError> {
        let mut transaction = self.engine.writing().await?;
        let first = counters::allocate(transaction.as_mut(), counter, count).await?;
        transaction.commit().await?;
        Ok(first)
    }

    async fn renew_nodes(&self, nodes: &[NodeId], at: WallTime) -> Result<(), StoreError> {
        let mut transaction = self.engine.writing().await?;
        nodes::renew(transaction.as_mut(), nodes, at).await?;
        Ok(transaction.commit().await?)
    }

    async fn world(&self) -> Result<World, StoreError> {
        reading!(self, sql => Ok(World {
            generation: counters::generation(sql).await?,
            tenants: tenants::all(sql).await?,
            clusters: clusters::all(sql).await?,
            shards: shards::all(sql).await?,
            replicas: replicas::all(sql).await?,
            attachments: attachments::all(sql).await?,
            nodes: nodes::all(sql).await?,
            reports: reports::all(sql).await?,
            operations: operations::under_way(sql).await?,
        }))
    }

    async fn tenant(&self, name: &Name) -> Result<Option<Tenant>, StoreError> {
        reading!(self, sql => tenants::by_name(sql, name).await)
    }

    async fn tenants(&self, page: &Page) -> Result<Vec<Tenant>, StoreError> {
        reading!(self, sql => tenants::page(sql, page).await)
    }

    async fn cluster(&self, tenant: TenantKey, name: &Name) -> Result<Option<Cluster>, StoreError> {
        reading!(self, sql => clusters::by_name(sql, tenant, name).await)
    }

    async fn clusters(&self, tenant: TenantKey, page: &Page) -> Result<Vec<Cluster>, StoreError> {
        reading!(self, sql => clusters::page(sql, tenant, page).await)
    }

    async fn shards(&self, cluster: ClusterId) -> Result<Vec<(Shard, Vec<Replica>)>, StoreError> {
        reading!(self, sql => {
            let shards = shards::of_cluster(sql, cluster).await?;
            let replicas = replicas::of_cluster(sql, cluster).await?;
            Ok(with_replicas(shards, &replicas))
        })
    }

    async fn plugin(
        &self,
        tenant: TenantKey,
        name: &str,
        version: PluginVersion,
    ) -> Result<Option<Plugin>, StoreError> {
        reading!(self, sql => plugins::by_version(sql, tenant, name, version).await)
    }

    async fn plugin_of_module(&self, tenant: TenantKey, sha256: [u8; 32]) -> Result<Option<Plugin>, StoreError> {
        reading!(self, sql => plugins::by_sha256(sql, tenant, sha256).await)
    }

    async fn plugins(&self, tenant: TenantKey, name: Option<&str>, page: &Page) -> Result<Vec<Plugin>, StoreError> {
        reading!(self, sql => plugins::page(sql, tenant, name, page).await)
    }

    async fn module(&self, plugin: PluginId) -> Result<Option<Vec<u8>>, StoreError> {
        reading!(self, sql => plugins::module(sql, plugin).await)
    }

    async fn nodes(&self) -> Result<Vec<(Node, Option<NodeReport>)>, StoreError> {
        reading!(self, sql => {
            let nodes = nodes::all(sql).await?;
            let reports = reports::all(sql).await?;
            Ok(with_reports(nodes, reports))
        })
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        reading!(self, sql => operations::by_id(sql, id).await)
    }

    async fn operations(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<Operation>, StoreError> {
        reading!(self, sql => operations::page(sql, tenant, page).await)
    }

    async fn events(
        &self,
        tenant: Option<TenantKey>,
        cluster: Option<ClusterId>,
        page: &Page,
    ) -> Result<Vec<Event>, StoreError> {
        reading!(self, sql => events::page(sql, tenant, cluster, page).await)
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        reading!(self, sql => api_keys::by_id(sql, id).await)
    }

    async fn api_keys(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<ApiKey>, StoreError> {
        reading!(self, sql => api_keys::page(sql, tenant, page).await)
    }

    async fn platform_api_keys(&self, page: &Page) -> Result<Vec<ApiKey>, StoreError> {
        reading!(self, sql => api_keys::page_of_platform(sql, page).await)
    }

    async fn live_api_keys(&self, tenant: TenantKey, now: WallTime) -> Result<u64, StoreError> {
        reading!(self, sql => api_keys::live_of_tenant(sql, tenant, now).await)
    }

    async fn platform_owner_lives(&self, now: WallTime) -> Result<bool, StoreError> {
        reading!(self, sql => api_keys::platform_owner_lives(sql, now).await)
    }

    async fn remembered(&self, by: ApiKeyId, key: &str) -> Result<Option<Remembered>, StoreError> {
        reading!(self, sql => remembered::by_key(sql, by, key).await)
    }

    async fn failovers(&self, page: &Page) -> Result<Vec<FailoverAttempt>, StoreError> {
        reading!(self, sql => failovers::page(sql, page).await)
    }

    async fn audit_log(&self, tenant: Option<TenantKey>, page: &Page) -> Result<Vec<AuditRow>, StoreError> {
        reading!(self, sql => audit_log::page(sql, tenant, page).await)
    }

    async fn forget(&self, now: WallTime, before: WallTime) -> Result<(), StoreError> {
        let mut transaction = self.engine.writing().await?;
        let sql = transaction.as_mut();
        remembered::forget(sql, now).await?;
        operations::forget(sql, before).await?;
        events::forget(sql, before).await?;
        failovers::forget(sql, before).await?;
        audit_log::forget(sql, before).await?;
        Ok(transaction.commit().await?)
    }
}

async fn apply(sql: &mut dyn Transaction, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::ExpectGeneration(expected) => counters::expect_generation(sql, *expected).await,
        Write::PutTenant(tenant, expect) => tenants::put(sql, tenant, *expect).await,
        Write::DeleteTenant(id, revision) => {
            if operations::keep_busy(sql, *id).await? {
                let row = format!("tenant {id}");
                return Err(StoreError::InUse { row });
            }
            tenants::delete(sql, *id, *revision).await
        }
        Write::PutCluster(cluster, expect) => clusters::put(sql, cluster, *expect).await,
        Write::DeleteCluster(id, revision) => clusters::delete(sql, *id, *revision).await,
        Write::PutShard(shard, expect) => shards::put(sql, shard, *expect).await,
        Write::PutReplica(replica, expect) => replicas::put(sql, replica, *expect).await,
        Write::DeleteReplica(shard, node, revision) => replicas::delete(sql, *shard, *node, *revision).await,
        Write::AddPlugin(plugin, module) => plugins::add(sql, plugin, module).await,
        Write::DeletePlugin(id) => plugins::delete(sql, *id).await,
        Write::PutAttachment(attachment, expect) => attachments::put(sql, attachment, *expect).await,
        Write::DeleteAttachment(cluster, name, revision) => attachments::delete(sql, *cluster, name, *revision).await,
        Write::PutNode(node, expect) => nodes::put(sql, node, *expect).await,
        Write::PutReport(report) => reports::put(sql, report).await,
        Write::PutOperation(operation, expect) => operations::put(sql, operation, *expect).await,
        Write::PutApiKey(key, expect) => api_keys::put(sql, key, *expect).await,
        Write::RevokeApiKey(id, at) => api_keys::revoke(sql, *id, *at).await,
        Write::PutFailover(attempt) => failovers::put(sql, attempt).await,
        Write::AddEvent(event) => events::add(sql, event).await,
        Write::PutAudit(row) => audit_log::put(sql, row).await,
        Write::Remember(answer) => remembered::add(sql, answer).await,
    }
}

/// Whether desired states are others afterwards.
fn changes_what_nodes_host(write: &Write) -> bool {
    match write {
        Write::PutCluster(..)
        | Write::DeleteCluster(..)
        | Write::PutShard(..)
        | Write::PutReplica(..)
        | Write::DeleteReplica(..)
        | Write::PutAttachment(..)
        | Write::DeleteAttachment(..) => true,
        Write::ExpectGeneration(_)
        | Write::PutTenant(..)
        | Write::DeleteTenant(..)
        | Write::AddPlugin(..)
        | Write::DeletePlugin(_)
        | Write::PutNode(..)
        | Write::PutReport(..)
        | Write::PutOperation(..)
        | Write::PutApiKey(..)
        | Write::RevokeApiKey(..)
        | Write::PutFailover(..)
        | Write::AddEvent(..)
        | Write::PutAudit(..)
        | Write::Remember(..) => false,
    }
}

/// `replicas` are sorted by shard.
fn with_replicas(shards: Vec<Shard>, replicas: &[Replica]) -> Vec<(Shard, Vec<Replica>)> {
    let with_its_own = |shard: Shard| {
        let first = replicas.partition_point(|replica| replica.shard < shard.id);
        let its_own = replicas.iter().skip(first);
        let its_own = its_own.take_while(|replica| replica.shard == shard.id).cloned();
        let its_own = its_own.collect();
        (shard, its_own)
    };
    shards.into_iter().map(with_its_own).collect()
}

/// Both are sorted by node.
fn with_reports(nodes: Vec<Node>, reports: Vec<NodeReport>) -> Vec<(Node, Option<NodeReport>)> {
    let mut reports = reports.into_iter().peekable();
    let with_its_own = |node: Node| {
        // A report has a node: it refers to it.
        let report = reports.next_if(|report| report.node == node.id);
        (node, report)
    };
    nodes.into_iter().map(with_its_own).collect()
}
