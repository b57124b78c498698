//! Plugins, and how they stand on the nodes of a cluster.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tenure_admin as api;
use tenure_control_model::{Attachment, Cluster, Plugin, PluginStanding};
use tenure_plugin_abi::Manifest;
use tenure_types::NodeId;
use tracing::error;

use super::{View, data_node, time};
use crate::rest::problem::Fault;

/// A version, with its manifest.
pub(in crate::rest) fn plugin(plugin: &Plugin, tenant: &str, clusters: Vec<String>) -> Result<api::Plugin, Fault> {
    let unreadable = |error: &dyn std::error::Error| {
        error!(plugin = %plugin.id, %error, "a manifest in the database cannot be read");
        Fault::internal()
    };
    let manifest = Manifest::parse(plugin.manifest.as_bytes()).map_err(|error| unreadable(&error))?;
    Ok(api::Plugin {
        id: plugin.id.to_string(),
        tenant: tenant.to_owned(),
        name: plugin.name.clone(),
        version: plugin.version.to_string(),
        sha256: digits(&plugin.sha256),
        bytes: plugin.bytes,
        description: manifest.description.clone(),
        commands: manifest.commands.iter().map(|command| command.name.clone()).collect(),
        clusters,
        created_at: time(plugin.created_at),
        manifest: Some(serde_json::to_value(&manifest).map_err(|error| unreadable(&error))?),
    })
}

/// What a cluster runs, by name.
pub(super) fn plugins_of(view: &View<'_>, cluster: &Cluster) -> Vec<api::ClusterPlugin> {
    let shards = view.shards_of(cluster.id).iter();
    let nodes: BTreeSet<NodeId> = shards
        .flat_map(|shard| view.members_of(shard.id))
        .map(|replica| replica.node)
        .collect();
    let attachments = view.attachments_of(cluster.id);
    attachments
        .map(|attachment| of_cluster(view, cluster, attachment, &nodes))
        .collect()
}

fn of_cluster(
    view: &View<'_>,
    cluster: &Cluster,
    attachment: &Attachment,
    nodes: &BTreeSet<NodeId>,
) -> api::ClusterPlugin {
    let mut problems = Vec::new();
    let mut waits = false;
    for node in nodes {
        match problem(view, cluster, attachment, *node) {
            Found::Fine => {}
            Found::Waits => waits = true,
            Found::Problem(kind, reason) => problems.push(api::PluginProblem {
                node: data_node(*node),
                kind,
                reason,
            }),
        }
    }
    let state = match (problems.is_empty(), waits) {
        (false, _) => api::PluginState::Degraded,
        (true, true) => api::PluginState::Attaching,
        (true, false) => api::PluginState::Active,
    };
    api::ClusterPlugin {
        name: attachment.name.clone(),
        version: attachment.version.to_string(),
        sha256: digits(&attachment.sha256),
        state,
        problems,
    }
}

/// How it is on one node.
enum Found {
    Fine,
    Waits,
    Problem(api::PluginProblemKind, String),
}

fn problem(view: &View<'_>, cluster: &Cluster, attachment: &Attachment, node: NodeId) -> Found {
    if !view.is_alive(node) {
        let reason = "the node is not heard of".to_owned();
        return Found::Problem(api::PluginProblemKind::Lost, reason);
    }
    let tenant = view.tenant_number(cluster.tenant);
    let report = view.report_of(node).zip(tenant);
    match report.map(|(report, tenant)| report.plugin(tenant, &cluster.name, attachment)) {
        Some(PluginStanding::Runs) => Found::Fine,
        Some(PluginStanding::Quarantined(reason)) => {
            Found::Problem(api::PluginProblemKind::Quarantined, reason.to_owned())
        }
        Some(PluginStanding::Refused(reason)) => Found::Problem(api::PluginProblemKind::Refused, reason.to_owned()),
        Some(PluginStanding::NotYet) | None => Found::Waits,
    }
}

fn digits(sha256: &[u8; 32]) -> String {
    sha256.iter().fold(String::with_capacity(64), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
