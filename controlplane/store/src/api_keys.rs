//! API keys.

use tenure_control_model::{ApiKey, ApiKeyId, Expect, Role, TenantKey};
use tenure_types::WallTime;

use crate::column::word_columns;
use crate::sql::{Row, SqlError, Transaction, Value, put as put_one, read, read_one, values};
use crate::{Page, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    tenant,
    name,
    role,
    secret_sha256,
    created_at,
    expires_at,
    revoked_at
FROM api_keys
",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE id = $1");

const PAGE: &str = select!(
    "WHERE id > $1
ORDER BY id
LIMIT $2"
);

const PAGE_OF_TENANT: &str = select!(
    "WHERE tenant = $1 AND id > $2
ORDER BY id
LIMIT $3"
);

const PAGE_OF_PLATFORM: &str = select!(
    "WHERE tenant IS NULL AND id > $1
ORDER BY id
LIMIT $2"
);

const LIVE_OF_TENANT: &str = "
SELECT COUNT(*) AS live
FROM api_keys
WHERE
    tenant = $1
    AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > $2)";

const INSERT: &str = "
INSERT INTO api_keys (
    id,
    tenant,
    name,
    role,
    secret_sha256,
    created_at,
    expires_at,
    revoked_at,
    revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)";

const UPDATE: &str = "
UPDATE api_keys
SET
    tenant = $2,
    name = $3,
    role = $4,
    secret_sha256 = $5,
    created_at = $6,
    expires_at = $7,
    revoked_at = $8,
    revision = revision + 1
WHERE id = $1 AND revision = $9";

/// The first revocation counts. What stays must hold a key that opens everything and does not end by itself.
const REVOKE: &str = "
UPDATE api_keys
SET
    revoked_at = COALESCE(revoked_at, $2),
    revision = revision + 1
WHERE
    id = $1
    AND (
        tenant IS NOT NULL
        OR role <> 'owner'
        OR revoked_at IS NOT NULL
        OR expires_at <= $2
        OR EXISTS (
            SELECT 1
            FROM api_keys AS other
            WHERE
                other.id <> $1
                AND other.tenant IS NULL
                AND other.role = 'owner'
                AND other.revoked_at IS NULL
                AND other.expires_at IS NULL
        )
    )";

const LIVE_OWNER_OF_PLATFORM: &str = "
SELECT id
FROM api_keys
WHERE
    tenant IS NULL
    AND role = 'owner'
    AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > $1)
LIMIT 1";

pub(crate) async fn by_id(sql: &mut dyn Transaction, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    read_one(&sql.rows(BY_ID, values![id]).await?, api_key)
}

/// By id.
pub(crate) async fn page(
    sql: &mut dyn Transaction,
    tenant: Option<TenantKey>,
    page: &Page,
) -> Result<Vec<ApiKey>, StoreError> {
    let rows = match tenant {
        Some(tenant) => {
            let values = values![tenant, page.after(), page.rows_max];
            sql.rows(PAGE_OF_TENANT, values).await?
        }
        None => sql.rows(PAGE, values![page.after(), page.rows_max]).await?,
    };
    read(&rows, api_key)
}

/// By id.
pub(crate) async fn page_of_platform(sql: &mut dyn Transaction, page: &Page) -> Result<Vec<ApiKey>, StoreError> {
    let rows = sql.rows(PAGE_OF_PLATFORM, values![page.after(), page.rows_max]);
    read(&rows.await?, api_key)
}

pub(crate) async fn live_of_tenant(
    sql: &mut dyn Transaction,
    tenant: TenantKey,
    now: WallTime,
) -> Result<u64, StoreError> {
    let rows = sql.rows(LIVE_OF_TENANT, values![tenant, now]).await?;
    Ok(read_one(&rows, |row| row.get("live"))?.unwrap_or_default())
}

pub(crate) async fn platform_owner_lives(sql: &mut dyn Transaction, now: WallTime) -> Result<bool, StoreError> {
    Ok(!sql.rows(LIVE_OWNER_OF_PLATFORM, values![now]).await?.is_empty())
}

pub(crate) async fn put(sql: &mut dyn Transaction, key: &ApiKey, expect: Expect) -> Result<(), StoreError> {
    let mut values = columns(key);
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    put_one(written, || format!("API key {}", key.id))
}

pub(crate) async fn revoke(sql: &mut dyn Transaction, id: ApiKeyId, at: WallTime) -> Result<(), StoreError> {
    let written = sql.change(REVOKE, values![id, at]).await;
    let row = format!("API key {id}");
    if matches!(written, Ok(0)) && by_id(sql, id).await?.is_some() {
        return Err(StoreError::InUse { row });
    }
    put_one(written, || row)
}

word_columns! {
    Role {
        Owner => "owner",
        Admin => "admin",
        Operator => "operator",
        Viewer => "viewer",
        Metrics => "metrics",
    }
}

fn columns(key: &ApiKey) -> Vec<Value> {
    values![
        key.id,
        key.tenant,
        key.name.as_str(),
        key.role,
        key.secret_sha256,
        key.created_at,
        key.expires_at,
        key.revoked_at,
    ]
}

fn api_key(row: &Row) -> Result<ApiKey, SqlError> {
    Ok(ApiKey {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        name: row.get("name")?,
        role: row.get("role")?,
        secret_sha256: row.get("secret_sha256")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
