//! Clusters, with what was asked for, their users and their certificates.

use serde::{Deserialize, Serialize};
use tenure_control_model::{
    Certificate, Cluster, ClusterId, ClusterSpec, ClusterState, ClusterUser, Expect, Name, Revision, TenantKey,
};

use crate::column::{List, word_columns};
use crate::sql::{Row, SqlError, Transaction, Value, deleted, put as put_one, read, read_one, values};
use crate::{Page, StoreError, attachments, replicas, shards};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    tenant,
    name,
    state,
    shards,
    replicas,
    memory_bytes,
    policy,
    tls,
    seed,
    users,
    certificate_pem,
    certificate_key_pem,
    certificate_not_after,
    created_at,
    revision
FROM clusters
",
            $rest
        )
    };
}

const ALL: &str = select!("ORDER BY id");

const BY_NAME: &str = select!("WHERE tenant = $1 AND name = $2");

const PAGE: &str = select!(
    "WHERE tenant = $1 AND name > $2
ORDER BY name
LIMIT $3"
);

const INSERT: &str = "
INSERT INTO clusters (
    id,
    tenant,
    name,
    state,
    shards,
    replicas,
    memory_bytes,
    policy,
    tls,
    seed,
    users,
    certificate_pem,
    certificate_key_pem,
    certificate_not_after,
    created_at,
    revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)";

const UPDATE: &str = "
UPDATE clusters
SET
    tenant = $2,
    name = $3,
    state = $4,
    shards = $5,
    replicas = $6,
    memory_bytes = $7,
    policy = $8,
    tls = $9,
    seed = $10,
    users = $11,
    certificate_pem = $12,
    certificate_key_pem = $13,
    certificate_not_after = $14,
    created_at = $15,
    revision = revision + 1
WHERE id = $1 AND revision = $16";

const DELETE: &str = "
DELETE FROM clusters
WHERE id = $1 AND revision = $2";

pub(crate) async fn all(sql: &mut dyn Transaction) -> Result<Vec<Cluster>, StoreError> {
    read(&sql.rows(ALL, values![]).await?, cluster)
}

pub(crate) async fn by_name(
    sql: &mut dyn Transaction,
    tenant: TenantKey,
    name: &Name,
) -> Result<Option<Cluster>, StoreError> {
    read_one(&sql.rows(BY_NAME, values![tenant, name.clone()]).await?, cluster)
}

pub(crate) async fn page(
    sql: &mut dyn Transaction,
    tenant: TenantKey,
    page: &Page,
) -> Result<Vec<Cluster>, StoreError> {
    let values = values![tenant, page.after(), page.rows_max];
    read(&sql.rows(PAGE, values).await?, cluster)
}

pub(crate) async fn put(sql: &mut dyn Transaction, cluster: &Cluster, expect: Expect) -> Result<(), StoreError> {
    let mut values = columns(cluster);
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    put_one(written, || format!("cluster {}", cluster.name))
}

/// With its shards, their replicas and its attachments.
pub(crate) async fn delete(sql: &mut dyn Transaction, id: ClusterId, revision: Revision) -> Result<(), StoreError> {
    replicas::delete_of_cluster(sql, id).await?;
    shards::delete_of_cluster(sql, id).await?;
    attachments::delete_of_cluster(sql, id).await?;
    let written = sql.change(DELETE, values![id, revision]).await;
    deleted(written, || format!("cluster {id}"))
}

word_columns! {
    ClusterState {
        Creating => "creating",
        Active => "active",
        Deleting => "deleting",
    }
}

#[derive(Serialize, Deserialize)]
struct StoredUser {
    name: String,
    password_sha256: [u8; 32],
}

fn columns(cluster: &Cluster) -> Vec<Value> {
    let user = |user: &ClusterUser| StoredUser {
        name: user.name.clone(),
        password_sha256: user.password_sha256,
    };
    let spec = &cluster.spec;
    let certificate = cluster.certificate.as_ref();
    values![
        cluster.id,
        cluster.tenant,
        cluster.name.clone(),
        cluster.state,
        spec.shards,
        spec.replicas,
        spec.memory_bytes,
        spec.policy.as_str(),
        spec.tls,
        cluster.seed,
        List(cluster.users.iter().map(user).collect()),
        certificate.map(|certificate| certificate.certificate_pem.as_str()),
        certificate.map(|certificate| certificate.key_pem.as_str()),
        certificate.map(|certificate| certificate.not_after),
        cluster.created_at,
    ]
}

fn cluster(row: &Row) -> Result<Cluster, SqlError> {
    let List(users) = row.get("users")?;
    let user = |user: StoredUser| ClusterUser {
        name: user.name,
        password_sha256: user.password_sha256,
    };
    Ok(Cluster {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        name: row.get("name")?,
        state: row.get("state")?,
        spec: ClusterSpec {
            shards: row.get("shards")?,
            replicas: row.get("replicas")?,
            memory_bytes: row.get("memory_bytes")?,
            policy: row.get("policy")?,
            tls: row.get("tls")?,
        },
        seed: row.get("seed")?,
        users: users.into_iter().map(user).collect(),
        certificate: certificate(row)?,
        created_at: row.get("created_at")?,
        revision: row.get("revision")?,
    })
}

/// Its three columns are NULL together: the schema sees to that.
fn certificate(row: &Row) -> Result<Option<Certificate>, SqlError> {
    let Some(certificate_pem) = row.get("certificate_pem")? else {
        return Ok(None);
    };
    Ok(Some(Certificate {
        certificate_pem,
        key_pem: row.get("certificate_key_pem")?,
        not_after: row.get("certificate_not_after")?,
    }))
}
