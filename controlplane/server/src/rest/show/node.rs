//! Data nodes.

use tenure_admin as api;
use tenure_control_model::{Node, NodePolicy, Replica};

use super::shard::role;
use super::{View, data_node, time};

/// As it is at the moment.
pub(in crate::rest) fn node(view: &View<'_>, node: &Node) -> api::Node {
    let ports = node.ports.iter().map(|range| format!("{}-{}", range.first, range.last));
    api::Node {
        name: data_node(node.id),
        zone: node.zone.clone(),
        host: node.host.to_string(),
        ports: ports.collect(),
        policy: match node.policy {
            NodePolicy::Active => api::NodePolicy::Active,
            NodePolicy::Cordoned => api::NodePolicy::Cordoned,
        },
        alive: view.is_alive(node.id),
        seen_at: time(node.seen_at),
        registered_at: time(node.registered_at),
        version: node.version.clone(),
        memory_bytes: node.memory_bytes,
        promised_bytes: promised_bytes(view, node),
        generation: view.report_of(node.id).map_or(0, |report| report.generation),
        replicas: view
            .replicas_on(node.id)
            .filter_map(|replica| show_replica(view, replica))
            .collect(),
    }
}

/// Replicas that leave hold their memory until they are gone.
fn promised_bytes(view: &View<'_>, node: &Node) -> u64 {
    let of_replica = |replica: &Replica| {
        let cluster = view.shard(replica.shard).and_then(|shard| view.cluster(shard.cluster));
        cluster.map_or(0, |cluster| cluster.spec.memory_bytes)
    };
    view.replicas_on(node.id).map(of_replica).fold(0, u64::saturating_add)
}

fn show_replica(view: &View<'_>, replica: &Replica) -> Option<api::NodeReplica> {
    let shard = view.shard(replica.shard)?;
    let cluster = view.cluster(shard.cluster)?;
    Some(api::NodeReplica {
        tenant: view.tenant_name(cluster.tenant),
        cluster: cluster.name.to_string(),
        shard: shard.name.clone(),
        address: replica.address.to_string(),
        role: role(view, shard, replica),
        why: replica.why.clone(),
    })
}
