//! `DELETE /v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}`
//! Promises: from the answer on no node is to run it for this cluster. Leaves to a reconciler: waiting until none does.

use axum::Extension;
use axum::extract::State;
use tenure_admin::ClusterChange;
use tenure_control_model::{
    Cluster, Expect, Operation, OperationKind, OperationState, StepState, Tenant, World, Write,
};

use super::{attached, change_of, expect_free};
use crate::rest::Rest;
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::clusters::{build, changed, find};
use crate::rest::decide::{Decision, foresee};
use crate::rest::operation::{new_operation, step};
use crate::rest::problem::Fault;

/// Has a cluster run a plugin no longer. Its commands are unknown then; what they wrote stays.
#[utoipa::path(
    delete,
    path = "/v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}",
    tag = "plugins",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("cluster" = String, Path, description = "The cluster's name."),
        ("name" = String, Path, description = "The plugin's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is the cluster's etag still."),
    ),
    responses((status = 202, description = "It goes on.", body = ClusterChange))
)]
pub(in crate::rest) async fn detach_plugin(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let (tenant, cluster, name) = (call.tenant()?, call.param("cluster")?, call.param("name")?);
    rest.decide(&call, |world| plan(&rest, &call, tenant, (cluster, name), world))
        .await
}

fn plan(
    rest: &Rest,
    call: &Call,
    tenant: &Tenant,
    (cluster, name): (&str, &str),
    mut world: World,
) -> Result<Decision, Fault> {
    let cluster = find(&world, tenant, cluster)?.clone();
    let attachment = attached(&world, &cluster, name).cloned();
    let attachment = attachment.ok_or_else(|| Fault::not_found("plugin of the cluster", name))?;
    expect_free(call, &world, &cluster)?;
    let message = format!("is to run plugin {name} no longer");
    let event = build::event(rest, tenant, &cluster, "plugin-detaching", &message);
    let detach = Write::DeleteAttachment(cluster.id, attachment.name.clone(), attachment.revision);
    // The change begins the next generation, and it is refused if another one did meanwhile.
    let operation = operation(rest, &cluster, name, world.generation + 1);
    let change = change_of(&cluster, detach)
        .with(Write::PutOperation(operation.clone(), Expect::Absent))
        .with(Write::AddEvent(event));
    foresee(&mut world, &change);
    let answer = changed(rest, call, &world, cluster.id, Some(&operation))?;
    Ok(Decision { change, answer })
}

fn operation(rest: &Rest, cluster: &Cluster, name: &str, generation: u64) -> Operation {
    let kind = OperationKind::DetachPlugin {
        name: name.to_owned(),
        generation,
    };
    Operation {
        tenant: Some(cluster.tenant),
        cluster: Some(cluster.id),
        steps: vec![step("unload on nodes", StepState::Pending, "")],
        ..new_operation(rest, kind, OperationState::Pending)
    }
}
