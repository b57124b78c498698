//! Operations as they are begun, and as they stand in the way of others.

use tenure_control_model::{Operation, OperationId, OperationKind, OperationState, Revision, Step, StepState};

use super::Rest;
use super::problem::{Code, Fault};

/// One of the platform, without steps.
pub(super) fn new_operation(rest: &Rest, kind: OperationKind, state: OperationState) -> Operation {
    Operation {
        id: OperationId::new(rest.shared.new_id()),
        tenant: None,
        cluster: None,
        kind,
        state,
        steps: Vec::new(),
        error: None,
        created_at: rest.shared.now(),
        finished_at: None,
        revision: Revision::FIRST,
    }
}

/// A part of one.
pub(super) fn step(name: &str, state: StepState, detail: &str) -> Step {
    Step {
        name: name.to_owned(),
        state,
        detail: detail.to_owned(),
    }
}

/// Another has to be over first.
pub(super) fn in_the_way(operation: &Operation) -> Fault {
    let what = match operation.kind {
        OperationKind::CreateCluster => "the cluster is being created",
        OperationKind::DeleteCluster => "the cluster is being deleted",
        OperationKind::Failover { .. } => "a failover is under way",
        OperationKind::VerifyLog => "the log is being verified",
        OperationKind::AttachPlugin { .. } => "a plugin is being attached to the cluster",
        OperationKind::DetachPlugin { .. } => "a plugin is being detached from the cluster",
    };
    let id = operation.id.to_string();
    let detail = format!("{what}: wait until {id} is over (`GET /v1/operations/{id}?wait=30s`)");
    Fault {
        operation: Some(id),
        ..Fault::new(Code::OperationInProgress, detail)
    }
}
