//! Operations.

use tenure_admin as api;
use tenure_control_model::{Operation, OperationKind, OperationState, Step, StepState};

use super::{View, data_node, time};

/// As it stands.
pub(in crate::rest) fn operation(view: &View<'_>, operation: &Operation) -> api::Operation {
    api::Operation {
        id: operation.id.to_string(),
        kind: kind(&operation.kind).to_owned(),
        state: state(operation.state),
        tenant: operation.tenant.map(|id| view.tenant_name(id)),
        cluster: operation.cluster.map(|id| id.to_string()),
        target: target(view, operation),
        steps: operation.steps.iter().map(step).collect(),
        progress_percent: progress_percent(operation),
        error: operation.error.as_ref().map(|error| api::OperationError {
            code: error.code.clone(),
            detail: error.detail.clone(),
        }),
        created_at: time(operation.created_at),
        finished_at: operation.finished_at.map(time),
    }
}

const fn kind(kind: &OperationKind) -> &'static str {
    match kind {
        OperationKind::CreateCluster => "create-cluster",
        OperationKind::DeleteCluster => "delete-cluster",
        OperationKind::Failover { .. } => "failover",
        OperationKind::VerifyLog => "verify-log",
        OperationKind::AttachPlugin { .. } => "attach-plugin",
        OperationKind::DetachPlugin { .. } => "detach-plugin",
    }
}

const fn state(state: OperationState) -> api::OperationState {
    match state {
        OperationState::Pending => api::OperationState::Pending,
        OperationState::Running => api::OperationState::Running,
        OperationState::Succeeded => api::OperationState::Succeeded,
        OperationState::Failed => api::OperationState::Failed,
    }
}

fn step(step: &Step) -> api::Step {
    api::Step {
        name: step.name.clone(),
        state: match step.state {
            StepState::Pending => api::StepState::Pending,
            StepState::Running => api::StepState::Running,
            StepState::Done => api::StepState::Done,
            StepState::Failed => api::StepState::Failed,
        },
        detail: step.detail.clone(),
    }
}

/// What is gone is called by its id.
fn target(view: &View<'_>, operation: &Operation) -> String {
    let cluster = operation.cluster.map(|id| {
        let name = view
            .cluster(id)
            .map_or_else(|| id.to_string(), |cluster| cluster.name.to_string());
        match operation.tenant {
            Some(tenant) => format!("{}/{name}", view.tenant_name(tenant)),
            None => name,
        }
    });
    let cluster = cluster.unwrap_or_default();
    match &operation.kind {
        OperationKind::CreateCluster | OperationKind::DeleteCluster => cluster,
        OperationKind::Failover { shard, to } => {
            let name = view
                .shard(*shard)
                .map_or_else(|| shard.to_string(), |shard| shard.name.clone());
            format!("{cluster}/{name} to {}", data_node(*to))
        }
        OperationKind::VerifyLog => "all log groups".to_owned(),
        OperationKind::AttachPlugin { name, version, .. } => format!("{cluster}: {name}@{version}"),
        OperationKind::DetachPlugin { name, .. } => format!("{cluster}: {name}"),
    }
}

fn progress_percent(operation: &Operation) -> u8 {
    if operation.state == OperationState::Succeeded {
        return 100;
    }
    let done = operation
        .steps
        .iter()
        .filter(|step| step.state == StepState::Done)
        .count();
    let percent = (done * 100).checked_div(operation.steps.len()).unwrap_or(0);
    u8::try_from(percent).unwrap_or(100)
}
