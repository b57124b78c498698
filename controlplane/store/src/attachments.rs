//! Which plugins clusters run.

use tenure_control_model::{Attachment, ClusterId, Expect, PLUGINS_OF_CLUSTER_MAX, Revision};

use crate::sql::{Row, SqlError, Transaction, deleted, put as put_one, read, read_one, values};
use crate::{Limit, StoreError};

const ALL: &str = "
SELECT
    attachments.cluster AS cluster,
    attachments.name AS name,
    attachments.plugin AS plugin,
    plugins.version AS version,
    plugins.sha256 AS sha256,
    plugins.bytes AS bytes,
    attachments.attached_at AS attached_at,
    attachments.revision AS revision
FROM attachments
JOIN plugins ON plugins.id = attachments.plugin
ORDER BY attachments.cluster, attachments.name";

const COUNT: &str = "
SELECT COUNT(*) AS attachments
FROM attachments
WHERE cluster = $1";

const INSERT: &str = "
INSERT INTO attachments (
    cluster,
    name,
    plugin,
    attached_at,
    revision
)
VALUES ($1, $2, $3, $4, 1)";

const UPDATE: &str = "
UPDATE attachments
SET
    plugin = $3,
    attached_at = $4,
    revision = revision + 1
WHERE cluster = $1 AND name = $2 AND revision = $5";

const DELETE: &str = "
DELETE FROM attachments
WHERE cluster = $1 AND name = $2 AND revision = $3";

const DELETE_OF_CLUSTER: &str = "
DELETE FROM attachments
WHERE cluster = $1";

/// By cluster and name.
pub(crate) async fn all(sql: &mut dyn Transaction) -> Result<Vec<Attachment>, StoreError> {
    read(&sql.rows(ALL, values![]).await?, attachment)
}

pub(crate) async fn put(sql: &mut dyn Transaction, attachment: &Attachment, expect: Expect) -> Result<(), StoreError> {
    let Attachment { cluster, name, .. } = attachment;
    let mut values = values![*cluster, name.as_str(), attachment.plugin, attachment.attached_at];
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    put_one(written, || format!("plugin {name} of {cluster}"))?;
    expect_room(sql, *cluster).await
}

/// Whether a cluster is within its bound, what was just put included.
async fn expect_room(sql: &mut dyn Transaction, cluster: ClusterId) -> Result<(), StoreError> {
    let rows = sql.rows(COUNT, values![cluster]).await?;
    let count: u64 = read_one(&rows, |row| row.get("attachments"))?.unwrap_or_default();
    if count <= PLUGINS_OF_CLUSTER_MAX {
        return Ok(());
    }
    Err(StoreError::Full {
        row: format!("cluster {cluster}"),
        limit: Limit::PluginsOfCluster,
    })
}

pub(crate) async fn delete(
    sql: &mut dyn Transaction,
    cluster: ClusterId,
    name: &str,
    revision: Revision,
) -> Result<(), StoreError> {
    let written = sql.change(DELETE, values![cluster, name, revision]).await;
    deleted(written, || format!("plugin {name} of {cluster}"))
}

pub(crate) async fn delete_of_cluster(sql: &mut dyn Transaction, cluster: ClusterId) -> Result<(), StoreError> {
    sql.change(DELETE_OF_CLUSTER, values![cluster]).await?;
    Ok(())
}

fn attachment(row: &Row) -> Result<Attachment, SqlError> {
    Ok(Attachment {
        cluster: row.get("cluster")?,
        name: row.get("name")?,
        plugin: row.get("plugin")?,
        version: row.get("version")?,
        sha256: row.get("sha256")?,
        bytes: row.get("bytes")?,
        attached_at: row.get("attached_at")?,
        revision: row.get("revision")?,
    })
}
