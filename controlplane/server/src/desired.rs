//! What a node is to host, made of everything that is intended.
//! Promises: the same world gives the same bytes; a node is told of a cluster only when its certificate is there, and no
//! more of it once it is to go.

use tenure_control_model::{
    Attachment, Certificate, Cluster, ClusterState, Replica, ReplicaState, Shard, Tenant, World,
};
use tenure_types::NodeId;
use tenure_wire::control_v1 as wire;

/// Limits of a cluster that cannot be set yet: those that data nodes take.
const CONNECTIONS_MAX: u64 = 10_000;
const REQUEST_BYTES_MAX: u64 = 8 << 20;
const OUTPUT_BYTES_MAX: u64 = 64 << 20;
const CLIENTS_MEMORY_BYTES_MAX: u64 = 256 << 20;

/// All that `node` is to host.
pub(crate) fn desired(world: &World, node: NodeId) -> wire::Desired {
    let clusters = world
        .clusters
        .iter()
        .filter_map(|cluster| of_cluster(world, cluster, node));
    wire::Desired {
        generation: world.generation,
        clusters: clusters.collect(),
    }
}

fn of_cluster(world: &World, cluster: &Cluster, node: NodeId) -> Option<wire::Cluster> {
    if cluster.state == ClusterState::Deleting {
        return None;
    }
    let tls = match (&cluster.certificate, cluster.spec.tls) {
        (Some(certificate), true) => Some(server_certificate(certificate)),
        (_, false) => None,
        // Without it the ports would be open to be read on the way.
        (None, true) => return None,
    };
    let tenant: &Tenant = world.tenants.iter().find(|tenant| tenant.id == cluster.tenant)?;
    let shards = world.shards.iter().filter(|shard| shard.cluster == cluster.id);
    let shards: Vec<wire::Shard> = shards.map(|shard| of_shard(world, shard)).collect();
    let is_here = |shard: &wire::Shard| shard.replicas.iter().any(|replica| replica.node == node.get());
    shards.iter().any(is_here).then(|| wire::Cluster {
        name: cluster.name.to_string(),
        tenant: tenant.number.get(),
        seed: cluster.seed,
        users: cluster.users.iter().map(user).collect(),
        limits: Some(limits(cluster)),
        tls,
        shards,
        plugins: plugins(world, cluster),
    })
}

/// By name, as the world has them.
fn plugins(world: &World, cluster: &Cluster) -> Vec<wire::Plugin> {
    let of_it = |attachment: &&Attachment| attachment.cluster == cluster.id;
    let plugin = |attachment: &Attachment| wire::Plugin {
        name: attachment.name.clone(),
        version: attachment.version.to_string(),
        sha256: attachment.sha256.to_vec().into(),
        bytes: attachment.bytes,
    };
    world.attachments.iter().filter(of_it).map(plugin).collect()
}

fn of_shard(world: &World, shard: &Shard) -> wire::Shard {
    let is_wanted = |replica: &&Replica| replica.shard == shard.id && replica.state == ReplicaState::Wanted;
    wire::Shard {
        name: shard.name.clone(),
        stream: shard.stream.to_bits(),
        slots: shard
            .slots
            .iter()
            .map(|range| wire::SlotRange {
                first: range.first.into(),
                last: range.last.into(),
            })
            .collect(),
        preferred: shard.preferred.get(),
        replicas: world.replicas.iter().filter(is_wanted).map(replica).collect(),
        give_up_epoch: shard.give_up.map(|epoch| epoch.get()),
    }
}

fn replica(replica: &Replica) -> wire::Replica {
    wire::Replica {
        node: replica.node.get(),
        address: replica.address.to_string(),
    }
}

fn user(user: &tenure_control_model::ClusterUser) -> wire::User {
    wire::User {
        name: user.name.clone(),
        password_sha256: Some(user.password_sha256.to_vec().into()),
    }
}

fn limits(cluster: &Cluster) -> wire::Limits {
    wire::Limits {
        memory_bytes_max: cluster.spec.memory_bytes,
        policy: cluster.spec.policy.clone(),
        connections_max: CONNECTIONS_MAX,
        request_bytes_max: REQUEST_BYTES_MAX,
        output_bytes_max: OUTPUT_BYTES_MAX,
        clients_memory_bytes_max: CLIENTS_MEMORY_BYTES_MAX,
    }
}

fn server_certificate(certificate: &Certificate) -> wire::ServerCertificate {
    wire::ServerCertificate {
        certificate_pem: certificate.certificate_pem.clone(),
        key_pem: certificate.key_pem.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHOP, attachment, world};
    use prost::Message;

    #[test]
    fn a_node_is_told_of_clusters_that_it_hosts_something_of_and_of_no_other() {
        let world = world();
        let told = |node| desired(&world, NodeId::new(node)).clusters;
        assert_eq!(
            told(1)[0].shards.len(),
            2,
            "with all shards: clients are sent to the others"
        );
        assert_eq!(told(1), told(2));
        assert!(told(9).is_empty());
    }

    #[test]
    fn a_cluster_without_its_certificate_is_told_to_nobody_unless_it_speaks_without_tls() {
        let mut world = world();
        world.clusters[SHOP].spec.tls = true;
        assert!(desired(&world, NodeId::new(1)).clusters.is_empty());
        world.clusters[SHOP].spec.tls = false;
        assert_eq!(desired(&world, NodeId::new(1)).clusters.len(), 1);
    }

    #[test]
    fn a_node_is_told_which_plugins_its_clusters_run_and_in_the_same_bytes() {
        let mut world = world();
        world.attachments = vec![attachment("counter", 2), attachment("ratelimit", 1)];
        let told = desired(&world, NodeId::new(1));
        assert_eq!(told.encode_to_vec(), desired(&world, NodeId::new(1)).encode_to_vec());
        let plugins: Vec<_> = told.clusters[0].plugins.iter().collect();
        let names: Vec<_> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
        assert_eq!(names, ["counter", "ratelimit"]);
        let ratelimit = wire::Plugin {
            name: "ratelimit".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: vec![1; 32].into(),
            bytes: 8,
        };
        assert_eq!(*plugins[1], ratelimit);
        world.attachments[0].cluster = tenure_control_model::ClusterId::new(9);
        assert_eq!(desired(&world, NodeId::new(1)).clusters[0].plugins, [ratelimit]);
    }

    #[test]
    fn what_is_to_leave_is_told_to_nobody() {
        let mut world = world();
        let leaving = world
            .replicas
            .iter_mut()
            .find(|replica| replica.node == NodeId::new(2))
            .unwrap();
        leaving.state = ReplicaState::Leaving;
        let shards = &desired(&world, NodeId::new(1)).clusters[0].shards;
        assert_eq!(shards[0].replicas.len(), 1);
        world.clusters[SHOP].state = ClusterState::Deleting;
        assert!(desired(&world, NodeId::new(1)).clusters.is_empty());
    }
}
