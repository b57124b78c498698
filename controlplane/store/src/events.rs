//! Events.

use tenure_control_model::{ClusterId, Event, TenantKey};
use tenure_types::WallTime;

use crate::sql::{Row, SqlError, Transaction, put as put_one, read, values};
use crate::{FORGET_ROWS_MAX, Page, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    at,
    kind,
    message,
    tenant,
    cluster,
    shard,
    node
FROM events
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

const PAGE_OF_CLUSTER: &str = select!(
    "WHERE cluster = $3 AND id < $1
ORDER BY id DESC
LIMIT $2"
);

const PAGE_OF_BOTH: &str = select!(
    "WHERE cluster = $3 AND tenant = $4 AND id < $1
ORDER BY id DESC
LIMIT $2"
);

const INSERT: &str = "
INSERT INTO events (
    id,
    at,
    kind,
    message,
    tenant,
    cluster,
    shard,
    node
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const FORGET: &str = "
DELETE FROM events
WHERE id IN (
    SELECT id
    FROM events
    WHERE at < $1
    ORDER BY at
    LIMIT $2
)";

/// The newest first.
pub(crate) async fn page(
    sql: &mut dyn Transaction,
    tenant: Option<TenantKey>,
    cluster: Option<ClusterId>,
    page: &Page,
) -> Result<Vec<Event>, StoreError> {
    let mut values = values![page.before(), page.rows_max];
    let statement = match (tenant, cluster) {
        (None, None) => PAGE,
        (Some(tenant), None) => {
            values.extend(values![tenant]);
            PAGE_OF_TENANT
        }
        (None, Some(cluster)) => {
            values.extend(values![cluster]);
            PAGE_OF_CLUSTER
        }
        (Some(tenant), Some(cluster)) => {
            values.extend(values![cluster, tenant]);
            PAGE_OF_BOTH
        }
    };
    read(&sql.rows(statement, values).await?, event)
}

pub(crate) async fn add(sql: &mut dyn Transaction, event: &Event) -> Result<(), StoreError> {
    let values = values![
        event.id,
        event.at,
        event.kind.as_str(),
        event.message.as_str(),
        event.tenant,
        event.cluster,
        event.shard,
        event.node,
    ];
    put_one(sql.change(INSERT, values).await, || format!("event {}", event.id))
}

pub(crate) async fn forget(sql: &mut dyn Transaction, before: WallTime) -> Result<(), StoreError> {
    sql.change(FORGET, values![before, FORGET_ROWS_MAX]).await?;
    Ok(())
}

fn event(row: &Row) -> Result<Event, SqlError> {
    Ok(Event {
        id: row.get("id")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        message: row.get("message")?,
        tenant: row.get("tenant")?,
        cluster: row.get("cluster")?,
        shard: row.get("shard")?,
        node: row.get("node")?,
    })
}
