//! Events and the audit log.

use tenure_admin as api;
use tenure_control_model::{AuditRow, Event};

use super::{data_node, time};

/// As it was.
pub(in crate::rest) fn event(event: &Event) -> api::Event {
    api::Event {
        id: event.id.to_string(),
        at: time(event.at),
        kind: event.kind.clone(),
        message: event.message.clone(),
        tenant: event.tenant.map(|id| id.to_string()),
        cluster: event.cluster.map(|id| id.to_string()),
        shard: event.shard.map(|id| id.to_string()),
        node: event.node.map(data_node),
    }
}

/// As it was.
pub(in crate::rest) fn audit_entry(row: &AuditRow) -> api::AuditEntry {
    api::AuditEntry {
        id: row.id.to_string(),
        started_at: time(row.started_at),
        completed_at: row.completed_at.map(time),
        key: row.key.to_string(),
        tenant: row.tenant.map(|id| id.to_string()),
        method: row.method.clone(),
        path: row.path.clone(),
        source: row.source.clone(),
        status: row.status,
        problem: row.problem.clone(),
    }
}
