//! Operations.

use serde::{Deserialize, Serialize};
use tenure_control_model::{
    Expect, Operation, OperationError, OperationId, OperationKind, OperationState, PluginVersion, ShardId, Step,
    StepState, TenantKey,
};
use tenure_types::{NodeId, WallTime};

use crate::column::{List, word_columns};
use crate::sql::{Row, SqlError, Transaction, Value, put as put_one, read, read_one, values};
use crate::{FORGET_ROWS_MAX, Page, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "
SELECT
    id,
    tenant,
    cluster,
    kind,
    kind_shard,
    kind_node,
    kind_plugin,
    kind_version,
    kind_generation,
    state,
    steps,
    error_code,
    error_detail,
    created_at,
    finished_at,
    revision
FROM operations
",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE id = $1");

const UNDER_WAY: &str = select!(
    "WHERE state IN ('pending', 'running')
ORDER BY id"
);

const PAGE: &str = select!(
    "WHERE id < $1
ORDER BY id DESC
LIMIT $2"
);

const PAGE_OF_TENANT: &str = select!(
    "WHERE tenant = $1 AND id < $2
ORDER BY id DESC
LIMIT $3"
);

const UNDER_WAY_OF_TENANT: &str = "
SELECT id
FROM operations
WHERE tenant = $1 AND state IN ('pending', 'running')
LIMIT 1";

const INSERT: &str = "
INSERT INTO operations (
    id,
    tenant,
    cluster,
    kind,
    kind_shard,
    kind_node,
    kind_plugin,
    kind_version,
    kind_generation,
    state,
    steps,
    error_code,
    error_detail,
    created_at,
    finished_at,
    revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)";

const UPDATE: &str = "
UPDATE operations
SET
    tenant = $2,
    cluster = $3,
    kind = $4,
    kind_shard = $5,
    kind_node = $6,
    kind_plugin = $7,
    kind_version = $8,
    kind_generation = $9,
    state = $10,
    steps = $11,
    error_code = $12,
    error_detail = $13,
    created_at = $14,
    finished_at = $15,
    revision = revision + 1
WHERE id = $1 AND revision = $16";

const FORGET: &str = "
DELETE FROM operations
WHERE id IN (
    SELECT id
    FROM operations
    WHERE state IN ('succeeded', 'failed') AND finished_at < $1
    ORDER BY finished_at
    LIMIT $2
)";

pub(crate) async fn by_id(sql: &mut dyn Transaction, id: OperationId) -> Result<Option<Operation>, StoreError> {
    read_one(&sql.rows(BY_ID, values![id]).await?, operation)
}

/// By id.
pub(crate) async fn under_way(sql: &mut dyn Transaction) -> Result<Vec<Operation>, StoreError> {
    read(&sql.rows(UNDER_WAY, values![]).await?, operation)
}

/// The newest first.
pub(crate) async fn page(
    sql: &mut dyn Transaction,
    tenant: Option<TenantKey>,
    page: &Page,
) -> Result<Vec<Operation>, StoreError> {
    let rows = match tenant {
        Some(tenant) => {
            let values = values![tenant, page.before(), page.rows_max];
            sql.rows(PAGE_OF_TENANT, values).await?
        }
        None => sql.rows(PAGE, values![page.before(), page.rows_max]).await?,
    };
    read(&rows, operation)
}

/// Whether an operation of this tenant is not over.
pub(crate) async fn keep_busy(sql: &mut dyn Transaction, tenant: TenantKey) -> Result<bool, StoreError> {
    Ok(!sql.rows(UNDER_WAY_OF_TENANT, values![tenant]).await?.is_empty())
}

pub(crate) async fn put(sql: &mut dyn Transaction, operation: &Operation, expect: Expect) -> Result<(), StoreError> {
    let mut values = columns(operation);
    let written = match expect {
        Expect::Absent => sql.change(INSERT, values).await,
        Expect::Revision(revision) => {
            values.extend(values![revision]);
            sql.change(UPDATE, values).await
        }
    };
    // What is taken may also be the cluster, by another operation that is not over.
    put_one(written, || match operation.cluster {
        Some(cluster) => format!("operation {} on {cluster}", operation.id),
        None => format!("operation {}", operation.id),
    })
}

/// Those that are over.
pub(crate) async fn forget(sql: &mut dyn Transaction, before: WallTime) -> Result<(), StoreError> {
    sql.change(FORGET, values![before, FORGET_ROWS_MAX]).await?;
    Ok(())
}

word_columns! {
    OperationState {
        Pending => "pending",
        Running => "running",
        Succeeded => "succeeded",
        Failed => "failed",
    }

    KindWord {
        CreateCluster => "create-cluster",
        DeleteCluster => "delete-cluster",
        Failover => "failover",
        VerifyLog => "verify-log",
        AttachPlugin => "attach-plugin",
        DetachPlugin => "detach-plugin",
    }
}

/// An [`OperationKind`] without what it carries.
enum KindWord {
    CreateCluster,
    DeleteCluster,
    Failover,
    VerifyLog,
    AttachPlugin,
    DetachPlugin,
}

#[derive(Serialize, Deserialize)]
struct StoredStep {
    name: String,
    state: StoredStepState,
    detail: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredStepState {
    Pending,
    Running,
    Done,
    Failed,
}

impl StoredStep {
    fn of(step: &Step) -> Self {
        Self {
            name: step.name.clone(),
            state: match step.state {
                StepState::Pending => StoredStepState::Pending,
                StepState::Running => StoredStepState::Running,
                StepState::Done => StoredStepState::Done,
                StepState::Failed => StoredStepState::Failed,
            },
            detail: step.detail.clone(),
        }
    }

    fn step(self) -> Step {
        Step {
            name: self.name,
            state: match self.state {
                StoredStepState::Pending => StepState::Pending,
                StoredStepState::Running => StepState::Running,
                StoredStepState::Done => StepState::Done,
                StoredStepState::Failed => StepState::Failed,
            },
            detail: self.detail,
        }
    }
}

fn columns(operation: &Operation) -> Vec<Value> {
    let Carried {
        kind,
        shard,
        node,
        plugin,
        version,
        generation,
    } = carried(&operation.kind);
    let error = operation.error.as_ref();
    values![
        operation.id,
        operation.tenant,
        operation.cluster,
        kind,
        shard,
        node,
        plugin,
        version,
        generation,
        operation.state,
        List(operation.steps.iter().map(StoredStep::of).collect()),
        error.map(|error| error.code.as_str()),
        error.map(|error| error.detail.as_str()),
        operation.created_at,
        operation.finished_at,
    ]
}

/// An [`OperationKind`] as it lies in columns.
struct Carried<'a> {
    kind: KindWord,
    shard: Option<ShardId>,
    node: Option<NodeId>,
    plugin: Option<&'a str>,
    version: Option<PluginVersion>,
    generation: Option<u64>,
}

fn carried(kind: &OperationKind) -> Carried<'_> {
    let nothing = |kind| Carried {
        kind,
        shard: None,
        node: None,
        plugin: None,
        version: None,
        generation: None,
    };
    match kind {
        OperationKind::CreateCluster => nothing(KindWord::CreateCluster),
        OperationKind::DeleteCluster => nothing(KindWord::DeleteCluster),
        OperationKind::Failover { shard, to } => Carried {
            shard: Some(*shard),
            node: Some(*to),
            ..nothing(KindWord::Failover)
        },
        OperationKind::VerifyLog => nothing(KindWord::VerifyLog),
        OperationKind::AttachPlugin {
            name,
            version,
            generation,
        } => Carried {
            plugin: Some(name),
            version: Some(*version),
            generation: Some(*generation),
            ..nothing(KindWord::AttachPlugin)
        },
        OperationKind::DetachPlugin { name, generation } => Carried {
            plugin: Some(name),
            generation: Some(*generation),
            ..nothing(KindWord::DetachPlugin)
        },
    }
}

fn operation(row: &Row) -> Result<Operation, SqlError> {
    let List(steps) = row.get("steps")?;
    Ok(Operation {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        cluster: row.get("cluster")?,
        kind: kind(row)?,
        state: row.get("state")?,
        steps: steps.into_iter().map(StoredStep::step).collect(),
        error: error(row)?,
        created_at: row.get("created_at")?,
        finished_at: row.get("finished_at")?,
        revision: row.get("revision")?,
    })
}

fn kind(row: &Row) -> Result<OperationKind, SqlError> {
    Ok(match row.get("kind")? {
        KindWord::CreateCluster => OperationKind::CreateCluster,
        KindWord::DeleteCluster => OperationKind::DeleteCluster,
        KindWord::Failover => OperationKind::Failover {
            shard: row.get("kind_shard")?,
            to: row.get("kind_node")?,
        },
        KindWord::VerifyLog => OperationKind::VerifyLog,
        KindWord::AttachPlugin => OperationKind::AttachPlugin {
            name: row.get("kind_plugin")?,
            version: row.get("kind_version")?,
            generation: row.get("kind_generation")?,
        },
        KindWord::DetachPlugin => OperationKind::DetachPlugin {
            name: row.get("kind_plugin")?,
            generation: row.get("kind_generation")?,
        },
    })
}

/// Its two columns are NULL together: the schema sees to that.
fn error(row: &Row) -> Result<Option<OperationError>, SqlError> {
    let Some(code) = row.get("error_code")? else {
        return Ok(None);
    };
    let detail = row.get("error_detail")?;
    Ok(Some(OperationError { code, detail }))
}
