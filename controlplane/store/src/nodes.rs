//! Data nodes and their leases.

use serde::{Deserialize, Serialize};
use tenure_control_model::{Expect, Node, NodePolicy, PortRange};
use tenure_types::{NodeId, WallTime};

use crate::StoreError;
use crate::column::{List, word_columns};
use crate::sql::{Row, SqlError, Transaction, Value, put as put_one, read, values};

const ALL: &str = "
SELECT
    id,
    zone,
    host,
    ports,
    memory_bytes,
    policy,
    process,
    version,
    registered_at,
    seen_at,
    revision
FROM nodes";

const INSERT: &str = "
INSERT INTO nodes (
    id,
    zone,
    host,
    ports,
    memory_bytes,
    policy,
    process,
    version,
    registered_at,
    seen_at,
    revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)";

/// The lease may have been renewed since the row was read: a renewal is no change of revision. So it is not taken back.
const UPDATE: &str = "
UPDATE nodes
SET
    zone = $2,
    host = $3,
    ports = $4,
    memory_bytes = $5,
    policy = $6,
    process = $7,
    version = $8,
    registered_at = $9,
    seen_at = CASE WHEN seen_at > $10 THEN seen_at ELSE $10 END,
    revision = revision + 1
WHERE id = $1 AND revision = $11";

const RENEW: &str = "
UPDATE nodes
SET seen_at = $2
WHERE id = $1";

/// By number.
pub(crate) async fn all(sql: &mut dyn Transaction) -> Result<Vec<Node>, StoreError> {
    let mut nodes = read(&sql.rows(ALL, values![]).await?, node)?;
    nodes.sort_by_key(|node| node.id);
    Ok(nodes)
}

pub(crate) async fn put(sql: &mut dyn Transaction, node: &Node, expect: Expect) -> Result<(), StoreError> {
    let mut values = columns(node);
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    put_one(written, || node.id.to_string())
}

/// A node that is not there has no lease.
pub(crate) async fn renew(sql: &mut dyn Transaction, nodes: &[NodeId], at: WallTime) -> Result<(), StoreError> {
    for node in nodes {
        sql.change(RENEW, values![*node, at]).await?;
    }
    Ok(())
}

word_columns! {
    NodePolicy {
        Active => "active",
        Cordoned => "cordoned",
    }
}

#[derive(Serialize, Deserialize)]
struct StoredPorts {
    first: u16,
    last: u16,
}

fn columns(node: &Node) -> Vec<Value> {
    let ports = |range: &PortRange| StoredPorts {
        first: range.first,
        last: range.last,
    };
    values![
        node.id,
        node.zone.as_str(),
        node.host,
        List(node.ports.iter().map(ports).collect()),
        node.memory_bytes,
        node.policy,
        node.process,
        node.version.as_str(),
        node.registered_at,
        node.seen_at,
    ]
}

fn node(row: &Row) -> Result<Node, SqlError> {
    let List(ports) = row.get("ports")?;
    let range = |ports: StoredPorts| PortRange {
        first: ports.first,
        last: ports.last,
    };
    Ok(Node {
        id: row.get("id")?,
        zone: row.get("zone")?,
        host: row.get("host")?,
        ports: ports.into_iter().map(range).collect(),
        memory_bytes: row.get("memory_bytes")?,
        policy: row.get("policy")?,
        process: row.get("process")?,
        version: row.get("version")?,
        registered_at: row.get("registered_at")?,
        seen_at: row.get("seen_at")?,
        revision: row.get("revision")?,
    })
}
