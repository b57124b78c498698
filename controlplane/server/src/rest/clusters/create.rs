//! `POST /v1/tenants/{tenant}/clusters`
//! Promises: a cluster is there whole, each member with a node and a port that nobody else was promised, or not at all. Leaves to reconcilers:
//! its certificate, its streams, and starting it.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use futures::StreamExt;
use tenure_admin::{ClusterChange, CreateCluster};
use tenure_control_model::{
    Ask, Cluster, ClusterId, ClusterState, Expect, Inventory, Name, Revision, Tenant, World, Write, place, slots_of,
};
use tenure_control_store::Counter;
use tenure_types::{GroupId, StreamId};
use tokio::time::timeout;
use tracing::warn;

use super::{body, build, changed};
use crate::rest::answer::Answer;
use crate::rest::call::Call;
use crate::rest::decide::{Decision, foresee};
use crate::rest::problem::{Code, Fault};
use crate::rest::{Rest, rules};

/// Where clusters are looked at before they are there: no stream has this number.
const NO_STREAM: u32 = 0;
/// How often other numbers of streams are tried, if the log knows those that are handed out.
const STREAM_TRIES: u32 = 100;
/// How long the log is waited for.
const LOG_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Makes a cluster: places its shards at once, and starts them. With `dry_run` nothing is made, and the answer is what would be.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenant}/clusters",
    tag = "clusters",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("dry_run" = Option<bool>, Query, description = "Only look at where it would be."),
    ),
    request_body = CreateCluster,
    responses(
        (status = 202, description = "It is placed, and is being started.", body = ClusterChange),
        (status = 200, description = "With `dry_run`: as it would be. Ids and streams are not those that it would have.", body = ClusterChange),
    )
)]
pub(in crate::rest) async fn create_cluster(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let asked: CreateCluster = call.read(body::FIELDS)?;
    let name = rules::name(&asked.name)?;
    let tenant = call.tenant()?;
    let is_dry = call.query.is_set("dry_run")?;
    if let Some(cluster) = rest.shared.store.cluster(tenant.id, &name).await? {
        return Err(taken(&cluster));
    }
    let cluster = new_cluster(&rest, tenant, name, &asked);
    // Numbers of streams are not taken back, so they are taken only for what has room. Whether it still has it is decided below.
    let world = rest.shared.store.world().await?;
    let foreseen = plan(&rest, &call, tenant, &cluster, NO_STREAM, world)?;
    if is_dry {
        return Ok(foreseen.answer);
    }
    let first_stream = streams(&rest, cluster.spec.shards).await?;
    let plan = |world| plan(&rest, &call, tenant, &cluster, first_stream, world);
    rest.decide(&call, plan).await
}

fn plan(
    rest: &Rest,
    call: &Call,
    tenant: &Tenant,
    cluster: &Cluster,
    first_stream: u32,
    mut world: World,
) -> Result<Decision, Fault> {
    if world.tenants.iter().all(|row| row.id != tenant.id) {
        return Err(Fault::not_found("tenant", tenant.name.as_str()));
    }
    let same_name = |row: &&Cluster| row.tenant == tenant.id && row.name == cluster.name;
    if let Some(row) = world.clusters.iter().find(same_name) {
        return Err(taken(row));
    }
    let inventory = Inventory::of(&world, |node| rest.shared.is_alive(node));
    let placed =
        place(&inventory, &Ask::of(cluster)).map_err(|no_room| Fault::new(Code::NoCapacity, no_room.to_string()))?;
    let slots = slots_of(cluster.spec.shards);
    let mut change = build::rows(rest, cluster, slots, placed, first_stream)?;
    if first_stream == NO_STREAM {
        foresee(&mut world, &change);
        let mut answer = changed(rest, call, &world, cluster.id, None)?.at(None);
        answer.status = StatusCode::OK;
        return Ok(Decision::nothing(answer));
    }
    let operation = build::operation(rest, cluster);
    let shards = cluster.spec.shards;
    let message = format!(
        "was asked for: {shards} shards with {} replicas each",
        cluster.spec.replicas
    );
    let event = build::event(rest, tenant, cluster, "cluster-created", &message);
    change = change
        .with(Write::PutOperation(operation.clone(), Expect::Absent))
        .with(Write::AddEvent(event));
    foresee(&mut world, &change);
    let answer = changed(rest, call, &world, cluster.id, Some(&operation))?;
    Ok(Decision { change, answer })
}

fn new_cluster(rest: &Rest, tenant: &Tenant, name: Name, asked: &CreateCluster) -> Cluster {
    Cluster {
        id: ClusterId::new(rest.shared.new_id()),
        tenant: tenant.id,
        name,
        state: ClusterState::Creating,
        spec: body::spec(asked),
        seed: rand::random(),
        users: body::users(asked),
        certificate: None,
        created_at: rest.shared.now(),
        revision: Revision::FIRST,
    }
}

/// Numbers that are not used after all are lost: there are enough. One that the log knows is another shard's, with its data, which a
/// database that is an older copy of itself has forgotten.
async fn streams(rest: &Rest, shards: u16) -> Result<u32, Fault> {
    for _ in 0..STREAM_TRIES {
        let first = allocate(rest, shards).await?;
        if are_new(rest, first, shards).await? {
            return Ok(first);
        }
        warn!(
            first,
            shards, "the log has streams that this database does not know: is it an older copy?"
        );
    }
    Err(Fault::new(
        Code::NoCapacity,
        "the log has streams that this control plane does not know, so its database seems to be an older copy; try again to look further",
    ))
}

async fn are_new(rest: &Rest, first: u32, shards: u16) -> Result<bool, Fault> {
    let group = GroupId::new(0);
    let streams = (first..).take(shards.into()).map(|number| StreamId::new(group, number));
    let unavailable = || {
        Fault::new(
            Code::LogUnavailable,
            "the log does not tell whether the streams are new: try again",
        )
    };
    let answers = rest.shared.log.describe(streams.collect()).collect::<Vec<_>>();
    let answers = timeout(LOG_ANSWERS_WITHIN, answers).await.map_err(|_| unavailable())?;
    let mut are_new = true;
    for answer in answers {
        are_new &= answer.outcome.map_err(|_| unavailable())?.is_none();
    }
    Ok(are_new)
}

async fn allocate(rest: &Rest, shards: u16) -> Result<u32, Fault> {
    let first = rest.shared.store.allocate(Counter::Stream, u32::from(shards)).await?;
    let last = first.saturating_add(u64::from(shards));
    match (u32::try_from(first), u32::try_from(last)) {
        (Ok(first), Ok(_)) => Ok(first),
        _ => Err(Fault::new(
            Code::NoCapacity,
            "all numbers of streams of the log group were handed out",
        )),
    }
}

fn taken(cluster: &Cluster) -> Fault {
    let name = cluster.name.as_str();
    let detail = match cluster.state {
        ClusterState::Deleting => format!("the cluster {name:?} is still being deleted: wait until it is gone"),
        ClusterState::Creating | ClusterState::Active => {
            format!("the tenant has a cluster {name:?} already: choose another name")
        }
    };
    Fault::new(Code::AlreadyExists, detail)
}
