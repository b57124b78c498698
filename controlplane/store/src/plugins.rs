//! Plugins that tenants pushed, and apart from them their modules.

use tenure_control_model::{
    PLUGIN_BYTES_OF_TENANT_MAX, PLUGINS_OF_TENANT_MAX, Plugin, PluginId, PluginVersion, TenantKey,
};

use crate::sql::{Row, SqlError, Transaction, deleted, put as put_one, read, read_one, values};
use crate::{Limit, Page, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    tenant,
    name,
    version,
    sha256,
    bytes,
    manifest,
    created_at
FROM plugins
",
            $rest
        )
    };
}

const BY_VERSION: &str = select!("WHERE tenant = $1 AND name = $2 AND version = $3");

const BY_SHA256: &str = select!("WHERE tenant = $1 AND sha256 = $2");

const PAGE: &str = select!(
    "WHERE tenant = $1 AND id > $2
ORDER BY id
LIMIT $3"
);

const PAGE_OF_NAME: &str = select!(
    "WHERE tenant = $1 AND name = $2 AND id > $3
ORDER BY id
LIMIT $4"
);

const MODULE: &str = "
SELECT module
FROM plugin_modules
WHERE plugin = $1";

const USAGE: &str = "
SELECT
    COUNT(*) AS plugins,
    CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes
FROM plugins
WHERE tenant = $1";

const INSERT: &str = "
INSERT INTO plugins (
    id,
    tenant,
    name,
    version,
    sha256,
    bytes,
    manifest,
    created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const INSERT_MODULE: &str = "
INSERT INTO plugin_modules (
    plugin,
    module
)
VALUES ($1, $2)";

const DELETE: &str = "
DELETE FROM plugins
WHERE id = $1";

pub(crate) async fn by_version(
    sql: &mut dyn Transaction,
    tenant: TenantKey,
    name: &str,
    version: PluginVersion,
) -> Result<Option<Plugin>, StoreError> {
    let values = values![tenant, name, version];
    read_one(&sql.rows(BY_VERSION, values).await?, plugin)
}

pub(crate) async fn by_sha256(
    sql: &mut dyn Transaction,
    tenant: TenantKey,
    sha256: [u8; 32],
) -> Result<Option<Plugin>, StoreError> {
    read_one(&sql.rows(BY_SHA256, values![tenant, sha256]).await?, plugin)
}

/// The oldest first.
pub(crate) async fn page(
    sql: &mut dyn Transaction,
    tenant: TenantKey,
    name: Option<&str>,
    page: &Page,
) -> Result<Vec<Plugin>, StoreError> {
    let rows = match name {
        Some(name) => {
            let values = values![tenant, name, page.after(), page.rows_max];
            sql.rows(PAGE_OF_NAME, values).await?
        }
        None => sql.rows(PAGE, values![tenant, page.after(), page.rows_max]).await?,
    };
    read(&rows, plugin)
}

pub(crate) async fn module(sql: &mut dyn Transaction, id: PluginId) -> Result<Option<Vec<u8>>, StoreError> {
    read_one(&sql.rows(MODULE, values![id]).await?, |row| row.get("module"))
}

pub(crate) async fn add(sql: &mut dyn Transaction, plugin: &Plugin, module: &[u8]) -> Result<(), StoreError> {
    // A twin is told as a twin, also where there is no room for it: so the insert comes first, and goes with the transaction.
    let values = values![
        plugin.id,
        plugin.tenant,
        plugin.name.as_str(),
        plugin.version,
        plugin.sha256,
        plugin.bytes,
        plugin.manifest.as_str(),
        plugin.created_at,
    ];
    put_one(sql.change(INSERT, values).await, || {
        format!("plugin {}@{}", plugin.name, plugin.version)
    })?;
    expect_room(sql, plugin.tenant).await?;
    let written = sql.change(INSERT_MODULE, values![plugin.id, module.to_vec()]).await;
    put_one(written, || {
        format!("module of plugin {}@{}", plugin.name, plugin.version)
    })
}

/// Whether a tenant is within its bounds, what was just inserted included.
async fn expect_room(sql: &mut dyn Transaction, tenant: TenantKey) -> Result<(), StoreError> {
    let rows = sql.rows(USAGE, values![tenant]).await?;
    let usage = read_one(&rows, |row| Ok((row.get::<u64>("plugins")?, row.get::<u64>("bytes")?)))?;
    let (plugins, bytes) = usage.unwrap_or_default();
    let full = |limit| {
        let row = format!("tenant {tenant}");
        Err(StoreError::Full { row, limit })
    };
    if plugins > PLUGINS_OF_TENANT_MAX {
        return full(Limit::PluginsOfTenant);
    }
    if bytes > PLUGIN_BYTES_OF_TENANT_MAX {
        return full(Limit::PluginBytesOfTenant);
    }
    Ok(())
}

/// With its module. Refused while a cluster runs it.
pub(crate) async fn delete(sql: &mut dyn Transaction, id: PluginId) -> Result<(), StoreError> {
    let written = sql.change(DELETE, values![id]).await;
    deleted(written, || format!("plugin {id}"))
}

fn plugin(row: &Row) -> Result<Plugin, SqlError> {
    Ok(Plugin {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        name: row.get("name")?,
        version: row.get("version")?,
        sha256: row.get("sha256")?,
        bytes: row.get("bytes")?,
        manifest: row.get("manifest")?,
        created_at: row.get("created_at")?,
    })
}
