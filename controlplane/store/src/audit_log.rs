//! The audit log.

use tenure_control_model::{AuditRow, TenantKey};
use tenure_types::WallTime;

use crate::sql::{Row, SqlError, Transaction, put as put_one, read, values};
use crate::{FORGET_ROWS_MAX, Page, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    started_at,
    completed_at,
    api_key,
    tenant,
    method,
    path,
    source,
    status,
    problem
FROM audit_log
",
            $rest
        )
    };
}

const PAGE: &str = select!(
    "WHERE id < $1
ORDER BY id DESC
LIMIT $2"
);

const PAGE_OF_TENANT: &str = select!(
    "WHERE tenant = $3 AND id < $1
ORDER BY id DESC
LIMIT $2"
);

const PUT: &str = "
INSERT INTO audit_log (
    id,
    started_at,
    completed_at,
    api_key,
    tenant,
    method,
    path,
    source,
    status,
    problem
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE
SET
    completed_at = excluded.completed_at,
    tenant = excluded.tenant,
    status = excluded.status,
    problem = excluded.problem";

const FORGET: &str = "
DELETE FROM audit_log
WHERE id IN (
    SELECT id
    FROM audit_log
    WHERE started_at < $1
    ORDER BY started_at
    LIMIT $2
)";

/// The newest first.
pub(crate) async fn page(
    sql: &mut dyn Transaction,
    tenant: Option<TenantKey>,
    page: &Page,
) -> Result<Vec<AuditRow>, StoreError> {
    let mut values = values![page.before(), page.rows_max];
    let statement = match tenant {
        Some(tenant) => {
            values.extend(values![tenant]);
            PAGE_OF_TENANT
        }
        None => PAGE,
    };
    read(&sql.rows(statement, values).await?, audit_row)
}

/// Of one that was begun, who asked for what stays as it was. Whose things it was about may be known only afterwards.
pub(crate) async fn put(sql: &mut dyn Transaction, row: &AuditRow) -> Result<(), StoreError> {
    let values = values![
        row.id,
        row.started_at,
        row.completed_at,
        row.key,
        row.tenant,
        row.method.as_str(),
        row.path.as_str(),
        row.source.as_str(),
        row.status,
        row.problem.as_deref(),
    ];
    put_one(sql.change(PUT, values).await, || format!("audit row {}", row.id))
}

pub(crate) async fn forget(sql: &mut dyn Transaction, before: WallTime) -> Result<(), StoreError> {
    sql.change(FORGET, values![before, FORGET_ROWS_MAX]).await?;
    Ok(())
}

fn audit_row(row: &Row) -> Result<AuditRow, SqlError> {
    Ok(AuditRow {
        id: row.get("id")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
        key: row.get("api_key")?,
        tenant: row.get("tenant")?,
        method: row.get("method")?,
        path: row.get("path")?,
        source: row.get("source")?,
        status: row.get("status")?,
        problem: row.get("problem")?,
    })
}
