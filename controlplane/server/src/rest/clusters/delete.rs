//! `DELETE /v1/tenants/{tenant}/clusters/{cluster}`
//! Promises: from the answer on no node is to host any of it. Leaves to reconcilers: waiting until the nodes say so, and dropping the streams.

use axum::Extension;
use axum::extract::State;
use tenure_admin::ClusterChange;
use tenure_control_model::{
    Change, Cluster, ClusterState, Expect, Operation, OperationError, OperationKind, OperationState, Replica,
    ReplicaState, Shard, StepState, Tenant, World, Write,
};

use super::{build, changed, find, under_way};
use crate::rest::Rest;
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::decide::{Decision, foresee};
use crate::rest::etag::require_match;
use crate::rest::operation::{in_the_way, new_operation, step};
use crate::rest::problem::Fault;

/// Ends a cluster, with its data. One that is still being created is given up; of one that goes already the answer is the operation under way.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}/clusters/{cluster}",
    tag = "clusters",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("cluster" = String, Path, description = "The cluster's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is its etag still."),
    ),
    responses((status = 202, description = "It goes.", body = ClusterChange))
)]
pub(in crate::rest) async fn delete_cluster(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let (tenant, name) = (call.tenant()?, call.param("cluster")?);
    rest.decide(&call, |world| plan(&rest, &call, tenant, name, world))
        .await
}

fn plan(rest: &Rest, call: &Call, tenant: &Tenant, name: &str, mut world: World) -> Result<Decision, Fault> {
    let cluster = find(&world, tenant, name)?.clone();
    require_match(call.if_match.as_deref(), cluster.revision)?;
    let before = under_way(&world, cluster.id).cloned();
    if cluster.state == ClusterState::Deleting {
        let answer = changed(rest, call, &world, cluster.id, before.as_ref())?;
        return Ok(Decision::nothing(answer));
    }
    let mut change = Change::default();
    match before {
        // It goes before the new one: a cluster has one at a time.
        Some(operation) if operation.kind == OperationKind::CreateCluster => {
            let expect = Expect::Revision(operation.revision);
            let write = Write::PutOperation(superseded(rest, operation), expect);
            change.writes.push(write);
        }
        Some(operation) => return Err(in_the_way(&operation)),
        None => {}
    }
    let operation = delete_operation(rest, &cluster);
    let event = build::event(
        rest,
        tenant,
        &cluster,
        "cluster-deleting",
        "is being deleted, with its data",
    );
    change.writes.extend(leaving(rest, &world, &cluster));
    change = change
        .with(Write::PutOperation(operation.clone(), Expect::Absent))
        .with(Write::AddEvent(event));
    foresee(&mut world, &change);
    let answer = changed(rest, call, &world, cluster.id, Some(&operation))?;
    Ok(Decision { change, answer })
}

/// The cluster and all its replicas, on their way out.
fn leaving(rest: &Rest, world: &World, cluster: &Cluster) -> Vec<Write> {
    let goes = Cluster {
        state: ClusterState::Deleting,
        ..cluster.clone()
    };
    let is_its = |shard: &&Shard| shard.cluster == cluster.id;
    let shards: Vec<_> = world.shards.iter().filter(is_its).map(|shard| shard.id).collect();
    let stays = |replica: &&Replica| shards.contains(&replica.shard) && replica.state == ReplicaState::Wanted;
    let replicas = world.replicas.iter().filter(stays).map(|replica| {
        let leaves = Replica {
            state: ReplicaState::Leaving,
            since: rest.shared.now(),
            ..replica.clone()
        };
        Write::PutReplica(leaves, Expect::Revision(replica.revision))
    });
    let cluster = Write::PutCluster(goes, Expect::Revision(cluster.revision));
    std::iter::once(cluster).chain(replicas).collect()
}

fn superseded(rest: &Rest, mut operation: Operation) -> Operation {
    operation.state = OperationState::Failed;
    operation.finished_at = Some(rest.shared.now());
    operation.error = Some(OperationError {
        code: "superseded".to_owned(),
        detail: "the cluster was deleted while it was being created".to_owned(),
    });
    for step in &mut operation.steps {
        if step.state != StepState::Done {
            step.state = StepState::Failed;
        }
    }
    operation
}

fn delete_operation(rest: &Rest, cluster: &Cluster) -> Operation {
    Operation {
        tenant: Some(cluster.tenant),
        cluster: Some(cluster.id),
        steps: vec![
            step("stop replicas", StepState::Pending, ""),
            step("delete streams", StepState::Pending, ""),
        ],
        ..new_operation(rest, OperationKind::DeleteCluster, OperationState::Pending)
    }
}
