//! `PUT /v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}`
//! Promises: from the answer on the cluster's nodes are to run this version. Leaves to the nodes: loading it, and to a reconciler: waiting
//! until they have.

use axum::Extension;
use axum::extract::State;
use tenure_admin::{AttachPlugin, ClusterChange};
use tenure_control_model::{
    Attachment, Change, Cluster, Expect, Operation, OperationKind, OperationState, PLUGINS_OF_CLUSTER_MAX, Plugin,
    PluginVersion, Revision, StepState, Tenant, World, Write,
};
use tenure_control_store::Limit;

use super::{attached, change_of, expect_free};
use crate::rest::Rest;
use crate::rest::answer::Answer;
use crate::rest::body::Field;
use crate::rest::call::Call;
use crate::rest::clusters::{build, changed, find};
use crate::rest::decide::{Decision, foresee};
use crate::rest::operation::{new_operation, step};
use crate::rest::plugins::{full, version_of};
use crate::rest::problem::Fault;

const FIELDS: &[Field] = &[Field {
    name: "version",
    optional: false,
    rule: "the version of a plugin that was pushed, three numbers, such as 1.0.2",
    holds: |value| value.as_str().is_some_and(|text| text.parse::<PluginVersion>().is_ok()),
}];

/// Has a cluster run this version of a plugin, from now on or in the place of another version. Of the version that it runs already the
/// operation is done as soon as all nodes say so.
#[utoipa::path(
    put,
    path = "/v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}",
    tag = "plugins",
    params(
        ("tenant" = String, Path, description = "The tenant's name."),
        ("cluster" = String, Path, description = "The cluster's name."),
        ("name" = String, Path, description = "The plugin's name."),
        ("If-Match" = Option<String>, Header, description = "Only if this is the cluster's etag still."),
    ),
    request_body = AttachPlugin,
    responses((status = 202, description = "It goes on.", body = ClusterChange))
)]
pub(in crate::rest) async fn attach_plugin(
    State(rest): State<Rest>,
    Extension(call): Extension<Call>,
) -> Result<Answer, Fault> {
    let asked: AttachPlugin = call.read(FIELDS)?;
    let (tenant, cluster) = (call.tenant()?, call.param("cluster")?);
    // First whether the cluster is there: who named the wrong one is told that.
    find(&rest.shared.store.world().await?, tenant, cluster)?;
    let plugin = version_of(&rest, tenant, call.param("name")?, &asked.version).await?;
    rest.decide(&call, |world| plan(&rest, &call, tenant, cluster, &plugin, world))
        .await
}

fn plan(
    rest: &Rest,
    call: &Call,
    tenant: &Tenant,
    cluster: &str,
    plugin: &Plugin,
    mut world: World,
) -> Result<Decision, Fault> {
    let cluster = find(&world, tenant, cluster)?.clone();
    expect_free(call, &world, &cluster)?;
    let before = attached(&world, &cluster, &plugin.name).cloned();
    if before.is_none() {
        expect_room(&world, &cluster)?;
    }
    let is_news = before.as_ref().is_none_or(|before| before.plugin != plugin.id);
    let mut change = Change::default();
    if is_news {
        let expect = before.map_or(Expect::Absent, |before| Expect::Revision(before.revision));
        let attach = Write::PutAttachment(attachment(rest, &cluster, plugin), expect);
        let message = format!("is to run plugin {}@{}", plugin.name, plugin.version);
        let event = build::event(rest, tenant, &cluster, "plugin-attaching", &message);
        change = change_of(&cluster, attach).with(Write::AddEvent(event));
    }
    // The change begins the next generation, and it is refused if another one did meanwhile.
    let generation = world.generation + u64::from(is_news);
    let operation = operation(rest, &cluster, plugin, generation);
    change = change.with(Write::PutOperation(operation.clone(), Expect::Absent));
    foresee(&mut world, &change);
    let answer = changed(rest, call, &world, cluster.id, Some(&operation))?;
    Ok(Decision { change, answer })
}

fn expect_room(world: &World, cluster: &Cluster) -> Result<(), Fault> {
    let of_it = |attachment: &&Attachment| attachment.cluster == cluster.id;
    let count = world.attachments.iter().filter(of_it).count();
    if u64::try_from(count).unwrap_or(u64::MAX) < PLUGINS_OF_CLUSTER_MAX {
        Ok(())
    } else {
        Err(full(Limit::PluginsOfCluster))
    }
}

fn attachment(rest: &Rest, cluster: &Cluster, plugin: &Plugin) -> Attachment {
    Attachment {
        cluster: cluster.id,
        name: plugin.name.clone(),
        plugin: plugin.id,
        version: plugin.version,
        sha256: plugin.sha256,
        bytes: plugin.bytes,
        attached_at: rest.shared.now(),
        revision: Revision::FIRST,
    }
}

fn operation(rest: &Rest, cluster: &Cluster, plugin: &Plugin, generation: u64) -> Operation {
    let kind = OperationKind::AttachPlugin {
        name: plugin.name.clone(),
        version: plugin.version,
        generation,
    };
    Operation {
        tenant: Some(cluster.tenant),
        cluster: Some(cluster.id),
        steps: vec![step("load on nodes", StepState::Pending, "")],
        ..new_operation(rest, kind, OperationState::Pending)
    }
}
