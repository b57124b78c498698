//! Clusters.

use tenure_admin as api;
use tenure_control_model::{Cluster, ClusterState};

use super::conditions::conditions;
use super::plugin::plugins_of;
use super::{View, time};
use crate::rest::etag::etag;

/// As it is at the moment.
pub(in crate::rest) fn cluster(view: &View<'_>, cluster: &Cluster) -> api::Cluster {
    let ca_pem = cluster.spec.tls.then(|| view.authority_pem.to_owned());
    api::Cluster {
        id: cluster.id.to_string(),
        tenant: view.tenant_name(cluster.tenant),
        name: cluster.name.to_string(),
        state: match cluster.state {
            ClusterState::Creating => api::ClusterState::Creating,
            ClusterState::Active => api::ClusterState::Active,
            ClusterState::Deleting => api::ClusterState::Deleting,
        },
        conditions: conditions(view, cluster),
        spec: api::ClusterSpec {
            shards: cluster.spec.shards,
            replicas: cluster.spec.replicas,
            memory_bytes: cluster.spec.memory_bytes,
            eviction_policy: cluster.spec.policy.clone(),
            tls: cluster.spec.tls,
        },
        endpoints: endpoints(view, cluster),
        users: cluster.users.iter().map(|user| user.name.clone()).collect(),
        plugins: plugins_of(view, cluster),
        ca_pem,
        operation: view.operation_of(cluster.id).map(|operation| operation.id.to_string()),
        created_at: time(cluster.created_at),
        etag: etag(cluster.revision),
    }
}

fn endpoints(view: &View<'_>, cluster: &Cluster) -> Vec<String> {
    let shards = view.shards_of(cluster.id).iter();
    let members = shards.flat_map(|shard| view.members_of(shard.id));
    members.map(|replica| replica.address.to_string()).collect()
}
