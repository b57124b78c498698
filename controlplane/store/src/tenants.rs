//! Tenants.

use tenure_control_model::{Expect, Name, Revision, Tenant, TenantKey};

use crate::sql::{Row, SqlError, Transaction, Value, deleted, put as put_one, read, read_one, values};
use crate::{Page, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    number,
    name,
    created_at,
    revision
FROM tenants
",
            $rest
        )
    };
}

const ALL: &str = select!("ORDER BY id");

const BY_NAME: &str = select!("WHERE name = $1");

const PAGE: &str = select!(
    "WHERE name > $1
ORDER BY name
LIMIT $2"
);

const INSERT: &str = "
INSERT INTO tenants (
    id,
    number,
    name,
    created_at,
    revision
)
VALUES ($1, $2, $3, $4, 1)";

const UPDATE: &str = "
UPDATE tenants
SET
    number = $2,
    name = $3,
    created_at = $4,
    revision = revision + 1
WHERE id = $1 AND revision = $5";

const DELETE: &str = "
DELETE FROM tenants
WHERE id = $1 AND revision = $2";

pub(crate) async fn all(sql: &mut dyn Transaction) -> Result<Vec<Tenant>, StoreError> {
    read(&sql.rows(ALL, values![]).await?, tenant)
}

pub(crate) async fn by_name(sql: &mut dyn Transaction, name: &Name) -> Result<Option<Tenant>, StoreError> {
    read_one(&sql.rows(BY_NAME, values![name.clone()]).await?, tenant)
}

pub(crate) async fn page(sql: &mut dyn Transaction, page: &Page) -> Result<Vec<Tenant>, StoreError> {
    read(&sql.rows(PAGE, values![page.after(), page.rows_max]).await?, tenant)
}

pub(crate) async fn put(sql: &mut dyn Transaction, tenant: &Tenant, expect: Expect) -> Result<(), StoreError> {
    let mut values = columns(tenant);
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    put_one(written, || format!("tenant {}", tenant.name))
}

/// Refused while a cluster belongs to it. Its operations are looked at by the caller.
pub(crate) async fn delete(sql: &mut dyn Transaction, id: TenantKey, revision: Revision) -> Result<(), StoreError> {
    let written = sql.change(DELETE, values![id, revision]).await;
    deleted(written, || format!("tenant {id}"))
}

fn columns(tenant: &Tenant) -> Vec<Value> {
    values![tenant.id, tenant.number, tenant.name.clone(), tenant.created_at]
}

fn tenant(row: &Row) -> Result<Tenant, SqlError> {
    Ok(Tenant {
        id: row.get("id")?,
        number: row.get("number")?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
        revision: row.get("revision")?,
    })
}
