//! `POST /v1/tenants/{tenant}/clusters/{cluster}/shards/{shard}/failover`
//! Promises: who is to be the next primary is alive and has the shard at this moment. Leaves to a reconciler: handing it over without loss.

use axum::Extension;
use axum::extract::State;
use tenure_admin::{ClusterChange, Failover};
use tenure_control_model::{
    Change, Cluster, ClusterState, Expect, Operation, OperationKind, OperationState, Shard, Standing, StepState,
    Tenant, World, Write,
};
use tenure_types::NodeId;

use crate::rest::Rest;
use crate::rest::answer::Answer;
use crate::rest::body::{Field, read_or_default};
use crate::rest::call::Call;
use crate::rest::clusters::{changed, find, under_way};
use crate::rest::decide::{Decision, foresee};
use crate::rest::operation::{in_the_way, new_operation, step};
use crate::rest::problem::{Code, Fault};
use crate::rest::show::{View, data_node, data_node_of};

const TO: &str = "the name of a data node, such as data-2";

const FIELDS: &[Field] = &[Field {
    name: "to",
    optional: true,
    rule: TO,
    holds: |value| value.as_str().is_some_and(|name| data_node_of(name).is_some()),
}];

/// Gives a shard another primary, without loss.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/clusters/{cluster}/shards/{shard}/failover",
    tag = "clusters",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("cluster" = String, Path, description = "The cluster's name."),
        ("shard" = String, Path, description = "Such as `0001`."),
    ),
    request_body(content = Option<Failover>, description = "May be empty."),
    responses((status = 202, description = "It goes on.", body = ClusterChange))
)]
pub(in crate::rest) async fn fail_over(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let asked: Failover = read_or_default(&call.body, FIELDS)?;
    let to = match asked.to.as_deref() {
        Some(name) => Some(data_node_of(name).ok_or_else(|| Fault::invalid_field("/to", TO))?),
        None => None,
    };
    let tenant = call.tenant()?;
    let (cluster, shard) = (call.param("cluster")?, call.param("shard")?);
    rest.decide(&call, |world| plan(&rest, &call, tenant, (cluster, shard), to, world))
        .await
}

fn plan(
    rest: &Rest,
    call: &Call,
    tenant: &Tenant,
    (cluster, shard): (&str, &str),
    to: Option<NodeId>,
    mut world: World,
) -> Result<Decision, Fault> {
    let cluster = find(&world, tenant, cluster)?.clone();
    let of_name = |row: &&Shard| row.cluster == cluster.id && row.name == shard;
    let found = world.shards.iter().find(of_name);
    let shard = found.ok_or_else(|| Fault::not_found("shard", shard))?.clone();
    if let Some(operation) = under_way(&world, cluster.id) {
        return Err(in_the_way(operation));
    }
    if cluster.state != ClusterState::Active {
        let detail = format!(
            "the cluster {:?} is not active: a shard of it has no primary to take over from",
            cluster.name.as_str()
        );
        return Err(Fault::new(Code::NotActive, detail));
    }
    let observed = rest.observed();
    let to = next_primary(&rest.view(&world, &observed), &shard, to)?;
    let operation = failover_operation(rest, &cluster, &shard, to);
    let change = Change::default().with(Write::PutOperation(operation.clone(), Expect::Absent));
    foresee(&mut world, &change);
    let answer = changed(rest, call, &world, cluster.id, Some(&operation))?;
    Ok(Decision { change, answer })
}

fn next_primary(view: &View<'_>, shard: &Shard, to: Option<NodeId>) -> Result<NodeId, Fault> {
    let owner = view.owned(shard).map(|(_, owner)| owner.node);
    match to {
        Some(to) => asked_for(view, shard, owner, to),
        None => most_advanced(view, shard, owner).ok_or_else(|| {
            let detail = format!(
                "no replica of shard {} is alive and follows: there is nobody to hand over to",
                shard.name
            );
            Fault::new(Code::NotAReplica, detail)
        }),
    }
}

fn asked_for(view: &View<'_>, shard: &Shard, owner: Option<NodeId>, to: NodeId) -> Result<NodeId, Fault> {
    let (node, name) = (data_node(to), &shard.name);
    if owner == Some(to) {
        return Err(Fault::new(
            Code::AlreadyPrimary,
            format!("{node} is the primary of shard {name} already"),
        ));
    }
    if view.members_of(shard.id).all(|replica| replica.node != to) {
        return Err(Fault::new(
            Code::NotAReplica,
            format!("{node} has no replica of shard {name}"),
        ));
    }
    if !view.is_alive(to) {
        return Err(Fault::new(
            Code::NotAReplica,
            format!("{node} is not heard of: choose a replica that is alive"),
        ));
    }
    Ok(to)
}

/// Of the replicas that follow, the one that lacks least; of equals the one with the lowest number.
fn most_advanced(view: &View<'_>, shard: &Shard, owner: Option<NodeId>) -> Option<NodeId> {
    let others = view.members_of(shard.id).map(|replica| replica.node);
    let alive = others.filter(|node| owner != Some(*node) && view.is_alive(*node));
    let following = alive.filter_map(|node| {
        let seen = view.seen(node, shard.stream)?;
        (seen.standing == Standing::Replica).then_some((seen.lsn, std::cmp::Reverse(node)))
    });
    following.max().map(|(_, std::cmp::Reverse(node))| node)
}

fn failover_operation(rest: &Rest, cluster: &Cluster, shard: &Shard, to: NodeId) -> Operation {
    let kind = OperationKind::Failover { shard: shard.id, to };
    Operation {
        tenant: Some(cluster.tenant),
        cluster: Some(cluster.id),
        steps: vec![
            step("catch up", StepState::Pending, ""),
            step("hand over", StepState::Pending, ""),
            step("confirm", StepState::Pending, ""),
        ],
        ..new_operation(rest, kind, OperationState::Pending)
    }
}
