//! `/v1/tenants/{tenant}/clusters`

mod body;
mod build;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod plugins;

use axum::http::StatusCode;
use tenure_admin::ClusterChange;
use tenure_control_model::{Cluster, ClusterId, Operation, Tenant, World};

use super::answer::Answer;
use super::call::Call;
use super::problem::Fault;
use super::{Rest, location, show};

/// The tenant's cluster of this name.
pub(super) fn find<'a>(world: &'a World, tenant: &Tenant, name: &str) -> Result<&'a Cluster, Fault> {
    let is_it = |cluster: &&Cluster| cluster.tenant == tenant.id && cluster.name.as_str() == name;
    let found = world.clusters.iter().find(is_it);
    found.ok_or_else(|| Fault::not_found("cluster", name))
}

/// The operation of a cluster that is not over.
pub(super) fn under_way(world: &World, cluster: ClusterId) -> Option<&Operation> {
    let of_it = |operation: &&Operation| operation.cluster == Some(cluster) && !operation.state.is_over();
    world.operations.iter().find(of_it)
}

/// The answer to a change of a cluster of `world`, which is the world as it will be.
pub(super) fn changed(
    rest: &Rest,
    call: &Call,
    world: &World,
    cluster: ClusterId,
    operation: Option<&Operation>,
) -> Result<Answer, Fault> {
    let found = world.clusters.iter().find(|row| row.id == cluster);
    let cluster = found.ok_or_else(Fault::internal)?;
    let observed = rest.observed();
    let view = rest.view(world, &observed);
    let body = ClusterChange {
        cluster: show::cluster(&view, cluster),
        operation: operation.map(|operation| show::operation(&view, operation)),
        shards: show::shards(&view, cluster),
    };
    let answer = Answer::json(StatusCode::ACCEPTED, &body)?;
    let location = location::of(&call.path, &answer.body);
    Ok(answer.at(location))
}
