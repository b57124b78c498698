//! Another layout for a node that runs.
//! Promises: what the layout says is hosted, and nothing else; what of it cannot be is refused by itself, with the reason, and
//! holds up nothing else. A cluster that is refused stays as it was. Applied again, a layout changes nothing but what could not
//! be done before; also after it was given up half-way.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use tenure_types::{StreamId, TenantId};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::hosted::{HostedHere, HostedReplica, Identity, KnownCluster, Leaving};
use super::{DataNode, StartError};
use crate::layout::{ClusterLayout, Layout, ShardLayout};
use crate::replica::error_chain;
use crate::worker::Order;

/// What a cluster is told by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterName {
    /// Who owns it.
    pub tenant: TenantId,
    /// Its name among those of the tenant.
    pub name: String,
}

impl ClusterName {
    pub(crate) fn of(cluster: &ClusterLayout) -> Self {
        Self {
            tenant: cluster.tenant,
            name: cluster.name.clone(),
        }
    }
}

/// A part of a layout that could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Whose.
    pub cluster: ClusterName,
    /// Of which shard; `None`: the cluster is refused whole.
    pub stream: Option<StreamId>,
    /// Which plugin of the cluster; `None`: it is not about one. The cluster is hosted without it, or with the version of
    /// before.
    pub plugin: Option<String>,
    /// Why: a sentence for an operator.
    pub reason: String,
}

impl Refused {
    fn new(cluster: ClusterName, stream: Option<StreamId>, error: &dyn std::error::Error) -> Self {
        Self {
            cluster,
            stream,
            plugin: None,
            reason: error_chain(error),
        }
    }
}

/// Why a replica does not come to live here.
#[derive(Debug, thiserror::Error)]
enum NotHosted {
    /// What was hosted before is not gone yet.
    #[error(
        "shard {shard} of cluster {cluster} waits for {stream} at {address}, which has not left yet; it is tried again"
    )]
    Waits {
        cluster: String,
        shard: String,
        /// Of who leaves.
        stream: StreamId,
        /// Of who leaves.
        address: SocketAddr,
    },
    /// As when a node starts.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl DataNode {
    /// Hosts what the layout says. `kept` are clusters of which something is known that cannot be used: they stay as they are.
    /// Waits for a replica that leaves only if another needs its port or its stream, and for no longer than it may take: past
    /// that the other is refused, and may be once this is called again.
    pub async fn apply(&self, layout: Layout, kept: &BTreeSet<ClusterName>) -> Vec<Refused> {
        let mut here = self.hosted.lock().await;
        let mut refused = Vec::new();
        let clusters = admit(&here, layout, kept, &mut refused);
        let wanted = self.wanted(&clusters, &mut refused);
        // 1. Clusters, so that who stays knows of who comes. 2. Those that go. 3. Those that come: they may need a port of
        // those that go. Given up in between, the next one finds the difference again.
        self.tell_clusters(&mut here, clusters).await;
        self.dismiss(&mut here, &wanted).await;
        for (stream, (is, cluster, shard)) in in_order(&here, wanted) {
            if let Err(error) = self.admit_replica(&mut here, &is, &cluster, &shard).await {
                warn!(cluster = %is.cluster.name, %stream, %error, "a shard cannot be hosted");
                refused.push(Refused::new(is.cluster, Some(stream), &error));
            }
        }
        self.plugins.send_replace(here.plugins());
        refused
    }

    /// The replicas of these clusters that are to live here.
    fn wanted(
        &self,
        clusters: &BTreeMap<ClusterName, KnownCluster>,
        refused: &mut Vec<Refused>,
    ) -> BTreeMap<StreamId, Wanted> {
        let mut wanted: BTreeMap<StreamId, Wanted> = BTreeMap::new();
        for cluster in clusters.values() {
            for shard in &cluster.layout.shards {
                let Some(is) = Identity::of(&cluster.layout, shard, self.node) else {
                    continue;
                };
                match wanted.entry(shard.stream) {
                    Entry::Vacant(free) => {
                        free.insert((is, cluster.clone(), shard.clone()));
                    }
                    Entry::Occupied(_) => {
                        let error = StartError::StreamTaken {
                            cluster: cluster.layout.name.clone(),
                            shard: shard.name.clone(),
                            stream: shard.stream,
                        };
                        refused.push(Refused::new(is.cluster, Some(shard.stream), &error));
                    }
                }
            }
        }
        wanted
    }

    async fn tell_clusters(&self, here: &mut HostedHere, clusters: BTreeMap<ClusterName, KnownCluster>) {
        for (name, cluster) in &clusters {
            let is_known = here.clusters.get(name).is_some_and(|known| known.is_like(cluster));
            if is_known {
                continue;
            }
            for worker in &self.workers {
                let order = Order::Cluster(
                    Arc::clone(&cluster.layout),
                    cluster.tls.clone(),
                    cluster.plugins.clone(),
                );
                // A worker that is gone ends the node.
                let _ = worker.orders.send(order).await;
            }
        }
        here.clusters = clusters;
    }

    /// Tells those to leave that are not wanted as they are.
    async fn dismiss(&self, here: &mut HostedHere, wanted: &BTreeMap<StreamId, Wanted>) {
        here.leaving
            .retain_mut(|leaving| matches!(leaving.left.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        let is_wanted =
            |stream: &StreamId, replica: &HostedReplica| wanted.get(stream).is_some_and(|(is, ..)| *is == replica.is);
        let unwanted = here
            .replicas
            .iter()
            .filter(|(stream, replica)| !is_wanted(stream, replica));
        let unwanted: Vec<_> = unwanted.map(|(stream, replica)| (*stream, replica.clone())).collect();
        for (stream, replica) in unwanted {
            info!(cluster = %replica.is.cluster.name, %stream, "a shard is hosted no more");
            let (told, left) = oneshot::channel();
            if let Some(worker) = self.workers.get(replica.worker) {
                let _ = worker.orders.send(Order::Leave(stream, told)).await;
            }
            here.replicas.remove(&stream);
            here.leaving.push(Leaving {
                stream,
                address: replica.is.address,
                left,
            });
        }
        self.streams.send_replace(here.streams());
    }

    async fn admit_replica(
        &self,
        here: &mut HostedHere,
        is: &Identity,
        cluster: &KnownCluster,
        shard: &ShardLayout,
    ) -> Result<(), NotHosted> {
        let stream = shard.stream;
        if here.replicas.get(&stream).is_some_and(|replica| replica.is == *is) {
            return Ok(());
        }
        let is_in_the_way = |leaving: &Leaving| leaving.stream == stream || leaving.address == is.address;
        for leaving in here.leaving.iter_mut().filter(|leaving| is_in_the_way(leaving)) {
            // Two of one stream would undo each other: the end of the first takes the second along.
            let has_left = tokio::time::timeout(self.leaves_within, &mut leaving.left)
                .await
                .is_ok();
            if !has_left {
                return Err(NotHosted::Waits {
                    cluster: cluster.layout.name.clone(),
                    shard: shard.name.clone(),
                    stream: leaving.stream,
                    address: leaving.address,
                });
            }
        }
        here.leaving
            .retain(|leaving| !is_in_the_way(leaving) || !leaving.left.is_terminated());
        let hosted = here.bind(cluster, shard, is)?;
        let number = here.idlest_worker();
        let worker = self.workers.get(number).ok_or(StartError::WorkerEnded)?;
        let (told, done) = oneshot::channel();
        let order = Order::Host(Box::new(hosted), told);
        worker.orders.send(order).await.map_err(|_| StartError::WorkerEnded)?;
        // From here on it may live there: whoever applies the next layout has to know.
        let replica = HostedReplica {
            worker: number,
            is: is.clone(),
        };
        here.replicas.insert(stream, replica);
        self.streams.send_replace(here.streams());
        let done = done.await.map_err(|_| StartError::WorkerEnded)?;
        if let Err(source) = done {
            here.replicas.remove(&stream);
            self.streams.send_replace(here.streams());
            return Err(StartError::Worker { worker: number, source }.into());
        }
        info!(cluster = %is.cluster.name, %stream, address = %is.address, worker = number, "hosting a shard");
        Ok(())
    }
}

/// A replica that is to live here, with its cluster and its shard.
type Wanted = (Identity, KnownCluster, ShardLayout);

/// The clusters that can be, those that cannot as they were before.
fn admit(
    here: &HostedHere,
    layout: Layout,
    kept: &BTreeSet<ClusterName>,
    refused: &mut Vec<Refused>,
) -> BTreeMap<ClusterName, KnownCluster> {
    let mut clusters = BTreeMap::new();
    let mut stay: BTreeSet<ClusterName> = kept.clone();
    for cluster in layout.clusters {
        let name = ClusterName::of(&cluster);
        let before = here.clusters.get(&name);
        let follows = |before: &KnownCluster| cluster.check_after(&before.layout);
        let checked = cluster.check().and_then(|()| before.map_or(Ok(()), follows));
        match checked
            .map_err(StartError::from)
            .and_then(|()| KnownCluster::of(cluster, before))
        {
            Ok(cluster) => {
                for (plugin, fault) in &cluster.unready {
                    warn!(cluster = %name.name, plugin, %fault, "a plugin does not start");
                    refused.push(Refused {
                        plugin: Some(plugin.clone()),
                        ..Refused::new(name.clone(), None, fault)
                    });
                }
                clusters.insert(name, cluster);
            }
            Err(error) => {
                warn!(cluster = %name.name, %error, "a cluster cannot be hosted as it is to be");
                refused.push(Refused::new(name.clone(), None, &error));
                stay.insert(name);
            }
        }
    }
    for name in stay {
        if let Some(before) = here.clusters.get(&name) {
            clusters.entry(name).or_insert_with(|| before.clone());
        }
    }
    clusters
}

/// Those last that wait for another to leave.
fn in_order(here: &HostedHere, wanted: BTreeMap<StreamId, Wanted>) -> Vec<(StreamId, Wanted)> {
    let waits = |stream: StreamId, is: &Identity| {
        let mut leaving = here.leaving.iter();
        leaving.any(|leaving| leaving.stream == stream || leaving.address == is.address)
    };
    let mut wanted: Vec<_> = wanted.into_iter().collect();
    wanted.sort_by_key(|(stream, (is, ..))| waits(*stream, is));
    wanted
}
