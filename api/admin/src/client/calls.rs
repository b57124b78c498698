//! One function per endpoint of the contract.
//! Promises: path, query, body and type of the answer are those of the server's route of the same name.

use std::time::Duration;

use super::target::Target;
use super::{Call, Method, Nothing};
use crate::{
    ApiKey, AttachPlugin, AuditEntry, Cluster, ClusterChange, CreateApiKey, CreateCluster, CreateTenant, Event,
    Failover, Lease, List, LogGroups, NewApiKey, Node, Operation, Plugin, Shard, Tenant, WhoAmI,
};

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Elements at most, 1 to 500. Default 100.
    pub size: Option<u16>,
    /// [`List::next_page_token`] of the page before. Absent: the first.
    pub token: Option<String>,
}

/// Whose keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope<'a> {
    /// Those that open the whole platform.
    Platform,
    /// Those of a tenant, by its name.
    Tenant(&'a str),
}

/// `GET /v1/whoami`
#[must_use]
pub fn whoami() -> Call<WhoAmI> {
    get(Target::path(&["whoami"]))
}

/// `POST /v1/tenants`
#[must_use]
pub fn create_tenant(body: &CreateTenant) -> Call<Tenant> {
    post(Target::path(&["tenants"])).with_body(body)
}

/// `GET /v1/tenants`
#[must_use]
pub fn list_tenants(page: &Page) -> Call<List<Tenant>> {
    list(Target::path(&["tenants"]), page)
}

/// `GET /v1/tenants/{tenant}`
#[must_use]
pub fn get_tenant(tenant: &str) -> Call<Tenant> {
    get(Target::path(&["tenants", tenant]))
}

/// `DELETE /v1/tenants/{tenant}`
#[must_use]
pub fn delete_tenant(tenant: &str) -> Call<Nothing> {
    delete(Target::path(&["tenants", tenant]))
}

/// `POST /v1/tenants/{tenant}/clusters`. A dry run does everything but the change.
#[must_use]
pub fn create_cluster(tenant: &str, body: &CreateCluster, dry_run: bool) -> Call<ClusterChange> {
    let target = Target::path(&["tenants", tenant, "clusters"]);
    post(target.with_some("dry_run", dry_run.then_some("true"))).with_body(body)
}

/// `GET /v1/tenants/{tenant}/clusters`
#[must_use]
pub fn list_clusters(tenant: &str, page: &Page) -> Call<List<Cluster>> {
    list(Target::path(&["tenants", tenant, "clusters"]), page)
}

/// `GET /v1/tenants/{tenant}/clusters/{cluster}`
#[must_use]
pub fn get_cluster(tenant: &str, cluster: &str) -> Call<Cluster> {
    get(Target::path(&["tenants", tenant, "clusters", cluster]))
}

/// `DELETE /v1/tenants/{tenant}/clusters/{cluster}`
#[must_use]
pub fn delete_cluster(tenant: &str, cluster: &str) -> Call<ClusterChange> {
    delete(Target::path(&["tenants", tenant, "clusters", cluster]))
}

/// `GET /v1/tenants/{tenant}/clusters/{cluster}/shards`
#[must_use]
pub fn list_shards(tenant: &str, cluster: &str, page: &Page) -> Call<List<Shard>> {
    list(Target::path(&["tenants", tenant, "clusters", cluster, "shards"]), page)
}

/// `POST /v1/tenants/{tenant}/clusters/{cluster}/shards/{shard}/failover`
#[must_use]
pub fn failover(tenant: &str, cluster: &str, shard: &str, body: &Failover) -> Call<ClusterChange> {
    let target = Target::path(&["tenants", tenant, "clusters", cluster, "shards", shard, "failover"]);
    post(target).with_body(body)
}

/// `POST /v1/tenants/{tenant}/plugins`. A dry run does everything but the change.
#[must_use]
pub fn push_plugin(tenant: &str, module: Vec<u8>, dry_run: bool) -> Call<Plugin> {
    let target = Target::path(&["tenants", tenant, "plugins"]);
    post(target.with_some("dry_run", dry_run.then_some("true"))).with_module(module)
}

/// `GET /v1/tenants/{tenant}/plugins`, of one name if it is given.
#[must_use]
pub fn list_plugins(tenant: &str, name: Option<&str>, page: &Page) -> Call<List<Plugin>> {
    list(
        Target::path(&["tenants", tenant, "plugins"]).with_some("name", name),
        page,
    )
}

/// `GET /v1/tenants/{tenant}/plugins/{name}/versions/{version}`
#[must_use]
pub fn get_plugin(tenant: &str, name: &str, version: &str) -> Call<Plugin> {
    get(Target::path(&["tenants", tenant, "plugins", name, "versions", version]))
}

/// `DELETE /v1/tenants/{tenant}/plugins/{name}/versions/{version}`
#[must_use]
pub fn delete_plugin(tenant: &str, name: &str, version: &str) -> Call<Nothing> {
    delete(Target::path(&["tenants", tenant, "plugins", name, "versions", version]))
}

/// `PUT /v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}`
#[must_use]
pub fn attach_plugin(tenant: &str, cluster: &str, name: &str, body: &AttachPlugin) -> Call<ClusterChange> {
    let target = Target::path(&["tenants", tenant, "clusters", cluster, "plugins", name]);
    Call::new(Method::Put, target.into_text()).with_body(body)
}

/// `DELETE /v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}`
#[must_use]
pub fn detach_plugin(tenant: &str, cluster: &str, name: &str) -> Call<ClusterChange> {
    delete(Target::path(&["tenants", tenant, "clusters", cluster, "plugins", name]))
}

/// `POST` on the keys of a scope.
#[must_use]
pub fn create_api_key(scope: KeyScope<'_>, body: &CreateApiKey) -> Call<NewApiKey> {
    post(Target::path(&key_path(scope))).with_body(body)
}

/// `GET` on the keys of a scope.
#[must_use]
pub fn list_api_keys(scope: KeyScope<'_>, page: &Page) -> Call<List<ApiKey>> {
    list(Target::path(&key_path(scope)), page)
}

/// `DELETE` on a key of a scope.
#[must_use]
pub fn revoke_api_key(scope: KeyScope<'_>, id: &str) -> Call<Nothing> {
    let mut path = key_path(scope);
    path.push(id);
    delete(Target::path(&path))
}

/// `GET /v1/operations`, of a tenant if one is named.
#[must_use]
pub fn list_operations(tenant: Option<&str>, page: &Page) -> Call<List<Operation>> {
    list(Target::path(&["operations"]).with_some("tenant", tenant), page)
}

/// `GET /v1/operations/{id}`. With `wait` the answer may take so long, if the operation does; whole seconds, at most 60.
#[must_use]
pub fn get_operation(id: &str, wait: Option<Duration>) -> Call<Operation> {
    let wait = wait.map(|wait| format!("{}s", wait.as_secs()));
    get(Target::path(&["operations", id]).with_some("wait", wait.as_deref()))
}

/// `GET /v1/events`, of a tenant and of one of its clusters if they are named.
#[must_use]
pub fn list_events(tenant: Option<&str>, cluster: Option<&str>, page: &Page) -> Call<List<Event>> {
    let target = Target::path(&["events"]).with_some("tenant", tenant);
    list(target.with_some("cluster", cluster), page)
}

/// `GET /v1/audit-log`, of a tenant if one is named.
#[must_use]
pub fn list_audit_log(tenant: Option<&str>, page: &Page) -> Call<List<AuditEntry>> {
    list(Target::path(&["audit-log"]).with_some("tenant", tenant), page)
}

/// `GET /v1/admin/nodes`
#[must_use]
pub fn list_nodes(page: &Page) -> Call<List<Node>> {
    list(Target::path(&["admin", "nodes"]), page)
}

/// `GET /v1/admin/nodes/{name}`
#[must_use]
pub fn get_node(name: &str) -> Call<Node> {
    get(Target::path(&["admin", "nodes", name]))
}

/// `GET /v1/admin/log-groups`
#[must_use]
pub fn log_groups() -> Call<LogGroups> {
    get(Target::path(&["admin", "log-groups"]))
}

/// `POST /v1/admin/log-groups/verify`
#[must_use]
pub fn verify_log() -> Call<Operation> {
    post(Target::path(&["admin", "log-groups", "verify"]))
}

/// `GET /v1/admin/leases`
#[must_use]
pub fn list_leases(page: &Page) -> Call<List<Lease>> {
    list(Target::path(&["admin", "leases"]), page)
}

fn get<T>(target: Target) -> Call<T> {
    Call::new(Method::Get, target.into_text())
}

fn post<T>(target: Target) -> Call<T> {
    Call::new(Method::Post, target.into_text())
}

fn delete<T>(target: Target) -> Call<T> {
    Call::new(Method::Delete, target.into_text())
}

fn list<T>(target: Target, page: &Page) -> Call<List<T>> {
    let size = page.size.map(|size| size.to_string());
    let target = target.with_some("page_size", size.as_deref());
    get(target.with_some("page_token", page.token.as_deref()))
}

fn key_path(scope: KeyScope<'_>) -> Vec<&str> {
    match scope {
        KeyScope::Platform => vec!["api-keys"],
        KeyScope::Tenant(tenant) => vec!["tenants", tenant, "api-keys"],
    }
}
