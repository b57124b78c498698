//! Certificates of clusters: issued before a cluster's first start, again when its replicas move to other hosts, and in time.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tenure_control_model::{Change, Cluster, ClusterState};
use tracing::error;

use super::View;
use super::view::{change, put_cluster};
use crate::authority::{Authority, is_good};

pub(super) fn plan(view: &View<'_>, authority: &Authority) -> Vec<Change> {
    let with_tls = view.world.clusters.iter().filter(|cluster| cluster.spec.tls);
    let stays = with_tls.filter(|cluster| cluster.state != ClusterState::Deleting);
    stays.filter_map(|cluster| renewed(view, authority, cluster)).collect()
}

fn renewed(view: &View<'_>, authority: &Authority, cluster: &Cluster) -> Option<Change> {
    let hosts = hosts(view, cluster);
    let good = cluster
        .certificate
        .as_ref()
        .is_some_and(|present| is_good(present, &hosts, view.now));
    if good || hosts.is_empty() {
        return None;
    }
    let tenant = view.tenant_of(cluster)?;
    match authority.cluster(tenant, cluster, &hosts, view.now) {
        Ok(certificate) => Some(change(put_cluster(Cluster {
            certificate: Some(certificate),
            ..cluster.clone()
        }))),
        Err(failed) => {
            error!(cluster = %cluster.name, error = crate::error_chain(&failed), "no certificate could be issued");
            None
        }
    }
}

/// Where clients may reach the cluster.
fn hosts(view: &View<'_>, cluster: &Cluster) -> BTreeSet<IpAddr> {
    let replicas = view.shards_of(cluster.id).flat_map(|shard| view.wanted_of(shard.id));
    replicas.map(|replica| replica.address.ip()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{SHOP, observed, world};
    use tenure_control_model::Write;

    #[test]
    fn a_cluster_gets_one_certificate_and_another_when_a_replica_moves_to_another_host() {
        let (authority, _) = Authority::generate().unwrap();
        let (mut world, observed, options) = (world(), observed(), Options::default());
        assert!(
            plan(&View::of(&world, &observed, &options), &authority).is_empty(),
            "it speaks without TLS"
        );
        world.clusters[SHOP].spec.tls = true;
        let mut plans = plan(&View::of(&world, &observed, &options), &authority);
        let Some(Write::PutCluster(cluster, _)) = plans.remove(0).writes.pop() else {
            panic!("no cluster was put");
        };
        world.clusters[SHOP] = cluster;
        assert!(
            plan(&View::of(&world, &observed, &options), &authority).is_empty(),
            "it has one"
        );
        world.replicas[0].address.set_ip([10, 0, 0, 1].into());
        assert_eq!(plan(&View::of(&world, &observed, &options), &authority).len(), 1);
    }
}
