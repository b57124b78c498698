//! Shards of clusters.

use serde::{Deserialize, Serialize};
use tenure_control_model::{ClusterId, Expect, Shard, SlotRange};
use tenure_types::{Epoch, Owner};

use crate::StoreError;
use crate::column::List;
use crate::sql::{Row, SqlError, Transaction, Value, put as put_one, read, values};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    cluster,
    name,
    slots,
    stream,
    preferred,
    give_up,
    epoch,
    owner_node,
    owner_incarnation,
    revision
FROM shards
",
            $rest
        )
    };
}

const ALL: &str = select!("ORDER BY cluster, name");

const OF_CLUSTER: &str = select!(
    "WHERE cluster = $1
ORDER BY name"
);

const INSERT: &str = "
INSERT INTO shards (
    id,
    cluster,
    name,
    slots,
    stream,
    preferred,
    give_up,
    epoch,
    owner_node,
    owner_incarnation,
    revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)";

const UPDATE: &str = "
UPDATE shards
SET
    cluster = $2,
    name = $3,
    slots = $4,
    stream = $5,
    preferred = $6,
    give_up = $7,
    epoch = $8,
    owner_node = $9,
    owner_incarnation = $10,
    revision = revision + 1
WHERE id = $1 AND revision = $11";

const DELETE_OF_CLUSTER: &str = "
DELETE FROM shards
WHERE cluster = $1";

pub(crate) async fn all(sql: &mut dyn Transaction) -> Result<Vec<Shard>, StoreError> {
    read(&sql.rows(ALL, values![]).await?, shard)
}

pub(crate) async fn of_cluster(sql: &mut dyn Transaction, cluster: ClusterId) -> Result<Vec<Shard>, StoreError> {
    read(&sql.rows(OF_CLUSTER, values![cluster]).await?, shard)
}

pub(crate) async fn put(sql: &mut dyn Transaction, shard: &Shard, expect: Expect) -> Result<(), StoreError> {
    let mut values = columns(shard);
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    put_one(written, || format!("shard {} of {}", shard.name, shard.cluster))
}

pub(crate) async fn delete_of_cluster(sql: &mut dyn Transaction, cluster: ClusterId) -> Result<(), StoreError> {
    sql.change(DELETE_OF_CLUSTER, values![cluster]).await?;
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct StoredRange {
    first: u16,
    last: u16,
}

fn columns(shard: &Shard) -> Vec<Value> {
    let range = |range: &SlotRange| StoredRange {
        first: range.first,
        last: range.last,
    };
    values![
        shard.id,
        shard.cluster,
        shard.name.as_str(),
        List(shard.slots.iter().map(range).collect()),
        shard.stream,
        shard.preferred,
        shard.give_up,
        shard.owned.map(|(epoch, _)| epoch),
        shard.owned.map(|(_, owner)| owner.node),
        shard.owned.map(|(_, owner)| owner.incarnation),
    ]
}

fn shard(row: &Row) -> Result<Shard, SqlError> {
    let List(slots) = row.get("slots")?;
    let range = |range: StoredRange| SlotRange {
        first: range.first,
        last: range.last,
    };
    Ok(Shard {
        id: row.get("id")?,
        cluster: row.get("cluster")?,
        name: row.get("name")?,
        slots: slots.into_iter().map(range).collect(),
        stream: row.get("stream")?,
        preferred: row.get("preferred")?,
        give_up: row.get("give_up")?,
        owned: owned(row)?,
        revision: row.get("revision")?,
    })
}

/// Its three columns are NULL together: the schema sees to that.
fn owned(row: &Row) -> Result<Option<(Epoch, Owner)>, SqlError> {
    let Some(epoch) = row.get("epoch")? else {
        return Ok(None);
    };
    let owner = Owner {
        node: row.get("owner_node")?,
        incarnation: row.get("owner_incarnation")?,
    };
    Ok(Some((epoch, owner)))
}
