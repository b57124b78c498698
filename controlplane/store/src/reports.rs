//! The newest report of each data node.

use serde::{Deserialize, Serialize};
use tenure_control_model::{NodeReport, PluginSeen, Refusal, ReplicaSeen, Standing};
use tenure_types::{Epoch, Incarnation, Lsn, StreamId, TenantId};

use crate::StoreError;
use crate::column::List;
use crate::sql::{Row, SqlError, Transaction, put as put_one, read, values};

const ALL: &str = "
SELECT
    node,
    at,
    generation,
    replicas,
    refusals,
    plugins
FROM node_reports";

const PUT: &str = "
INSERT INTO node_reports (
    node,
    at,
    generation,
    replicas,
    refusals,
    plugins
)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (node) DO UPDATE
SET
    at = excluded.at,
    generation = excluded.generation,
    replicas = excluded.replicas,
    refusals = excluded.refusals,
    plugins = excluded.plugins";

/// By the node's number.
pub(crate) async fn all(sql: &mut dyn Transaction) -> Result<Vec<NodeReport>, StoreError> {
    let mut reports = read(&sql.rows(ALL, values![]).await?, report)?;
    reports.sort_by_key(|report| report.node);
    Ok(reports)
}

pub(crate) async fn put(sql: &mut dyn Transaction, report: &NodeReport) -> Result<(), StoreError> {
    let values = values![
        report.node,
        report.at,
        report.generation,
        List(report.replicas.iter().map(StoredReplica::of).collect()),
        List(report.refusals.iter().map(StoredRefusal::of).collect()),
        List(report.plugins.iter().map(StoredPlugin::of).collect()),
    ];
    put_one(sql.change(PUT, values).await, || format!("report of {}", report.node))
}

fn report(row: &Row) -> Result<NodeReport, SqlError> {
    let List(replicas) = row.get("replicas")?;
    let List(refusals) = row.get("refusals")?;
    let List(plugins) = row.get("plugins")?;
    let replicas: Option<_> = replicas.into_iter().map(StoredReplica::seen).collect();
    Ok(NodeReport {
        node: row.get("node")?,
        at: row.get("at")?,
        generation: row.get("generation")?,
        replicas: replicas.ok_or_else(|| SqlError::nonsense("replicas"))?,
        refusals: refusals.into_iter().map(StoredRefusal::refusal).collect(),
        plugins: plugins.into_iter().map(StoredPlugin::plugin).collect(),
    })
}

#[derive(Serialize, Deserialize)]
struct StoredReplica {
    /// Its bits, as in columns.
    stream: u64,
    standing: StoredStanding,
    incarnation: u64,
    epoch: u64,
    lsn: Option<u64>,
    keys: u64,
    memory_bytes: u64,
    clients: u64,
}

impl StoredReplica {
    fn of(seen: &ReplicaSeen) -> Self {
        Self {
            stream: seen.stream.to_bits(),
            standing: StoredStanding::of(seen.standing),
            incarnation: seen.incarnation.get(),
            epoch: seen.epoch.get(),
            lsn: seen.lsn.map(Lsn::get),
            keys: seen.keys,
            memory_bytes: seen.memory_bytes,
            clients: seen.clients,
        }
    }

    /// `None`: neither an incarnation nor a position is 0.
    fn seen(self) -> Option<ReplicaSeen> {
        Some(ReplicaSeen {
            stream: StreamId::from_bits(self.stream),
            standing: self.standing.standing(),
            incarnation: Incarnation::new(self.incarnation)?,
            epoch: Epoch::new(self.epoch),
            lsn: match self.lsn {
                Some(lsn) => Some(Lsn::new(lsn)?),
                None => None,
            },
            keys: self.keys,
            memory_bytes: self.memory_bytes,
            clients: self.clients,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredStanding {
    Loading,
    Primary,
    Replica,
    Lapsed,
    Broken,
}

impl StoredStanding {
    fn of(standing: Standing) -> Self {
        match standing {
            Standing::Loading => Self::Loading,
            Standing::Primary => Self::Primary,
            Standing::Replica => Self::Replica,
            Standing::Lapsed => Self::Lapsed,
            Standing::Broken => Self::Broken,
        }
    }

    fn standing(self) -> Standing {
        match self {
            Self::Loading => Standing::Loading,
            Self::Primary => Standing::Primary,
            Self::Replica => Standing::Replica,
            Self::Lapsed => Standing::Lapsed,
            Self::Broken => Standing::Broken,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredRefusal {
    /// Its bits.
    stream: Option<u64>,
    /// Of nobody in a report that was written without it: the node's next one, a second later, has it.
    #[serde(default)]
    tenant: u64,
    cluster: String,
    reason: String,
    plugin: Option<String>,
}

impl StoredRefusal {
    fn of(refusal: &Refusal) -> Self {
        Self {
            stream: refusal.stream.map(StreamId::to_bits),
            tenant: refusal.tenant.get(),
            cluster: refusal.cluster.clone(),
            reason: refusal.reason.clone(),
            plugin: refusal.plugin.clone(),
        }
    }

    fn refusal(self) -> Refusal {
        Refusal {
            stream: self.stream.map(StreamId::from_bits),
            tenant: TenantId::new(self.tenant),
            cluster: self.cluster,
            reason: self.reason,
            plugin: self.plugin,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredPlugin {
    tenant: u64,
    cluster: String,
    name: String,
    sha256: [u8; 32],
    quarantined: Option<String>,
}

impl StoredPlugin {
    fn of(seen: &PluginSeen) -> Self {
        Self {
            tenant: seen.tenant.get(),
            cluster: seen.cluster.clone(),
            name: seen.name.clone(),
            sha256: seen.sha256,
            quarantined: seen.quarantined.clone(),
        }
    }

    fn plugin(self) -> PluginSeen {
        PluginSeen {
            tenant: TenantId::new(self.tenant),
            cluster: self.cluster,
            name: self.name,
            sha256: self.sha256,
            quarantined: self.quarantined,
        }
    }
}
