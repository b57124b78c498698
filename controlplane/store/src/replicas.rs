//! Replicas: shards on nodes.

use tenure_control_model::{ClusterId, Expect, Replica, ReplicaState, Revision, ShardId};
use tenure_types::NodeId;

use crate::StoreError;
use crate::column::word_columns;
use crate::sql::{Row, SqlError, Transaction, Value, deleted, put as put_one, read, values};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    shard,
    node,
    address,
    state,
    why,
    since,
    revision
FROM replicas
",
            $rest
        )
    };
}

const ALL: &str = select!("");

const OF_CLUSTER: &str = select!(
    "WHERE shard IN (
    SELECT id
    FROM shards
    WHERE cluster = $1
)"
);

const INSERT: &str = "
INSERT INTO replicas (
    shard,
    node,
    address,
    state,
    why,
    since,
    revision
)
VALUES ($1, $2, $3, $4, $5, $6, 1)";

const UPDATE: &str = "
UPDATE replicas
SET
    address = $3,
    state = $4,
    why = $5,
    since = $6,
    revision = revision + 1
WHERE shard = $1 AND node = $2 AND revision = $7";

const DELETE: &str = "
DELETE FROM replicas
WHERE shard = $1 AND node = $2 AND revision = $3";

const DELETE_OF_CLUSTER: &str = "
DELETE FROM replicas
WHERE shard IN (
    SELECT id
    FROM shards
    WHERE cluster = $1
)";

/// By shard and node.
pub(crate) async fn all(sql: &mut dyn Transaction) -> Result<Vec<Replica>, StoreError> {
    read(&sql.rows(ALL, values![]).await?, replica).map(sorted)
}

/// By shard and node.
pub(crate) async fn of_cluster(sql: &mut dyn Transaction, cluster: ClusterId) -> Result<Vec<Replica>, StoreError> {
    read(&sql.rows(OF_CLUSTER, values![cluster]).await?, replica).map(sorted)
}

pub(crate) async fn put(sql: &mut dyn Transaction, replica: &Replica, expect: Expect) -> Result<(), StoreError> {
    let mut values = columns(replica);
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    let Replica {
        shard, node, address, ..
    } = replica;
    put_one(written, || format!("replica of {shard} on {node} at {address}"))
}

pub(crate) async fn delete(
    sql: &mut dyn Transaction,
    shard: ShardId,
    node: NodeId,
    revision: Revision,
) -> Result<(), StoreError> {
    let written = sql.change(DELETE, values![shard, node, revision]).await;
    deleted(written, || format!("replica of {shard} on {node}"))
}

pub(crate) async fn delete_of_cluster(sql: &mut dyn Transaction, cluster: ClusterId) -> Result<(), StoreError> {
    sql.change(DELETE_OF_CLUSTER, values![cluster]).await?;
    Ok(())
}

word_columns! {
    ReplicaState {
        Wanted => "wanted",
        Leaving => "leaving",
    }
}

fn columns(replica: &Replica) -> Vec<Value> {
    values![
        replica.shard,
        replica.node,
        replica.address,
        replica.state,
        replica.why.as_str(),
        replica.since,
    ]
}

fn replica(row: &Row) -> Result<Replica, SqlError> {
    Ok(Replica {
        shard: row.get("shard")?,
        node: row.get("node")?,
        address: row.get("address")?,
        state: row.get("state")?,
        why: row.get("why")?,
        since: row.get("since")?,
        revision: row.get("revision")?,
    })
}

fn sorted(mut replicas: Vec<Replica>) -> Vec<Replica> {
    replicas.sort_by_key(|replica| (replica.shard, replica.node));
    replicas
}
