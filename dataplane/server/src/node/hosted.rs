//! What a data node hosts, as the node itself knows it: which clusters, which replicas, on which workers.
//! Promises: plain data and its questions; binds ports, and tells nobody of anything.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;

use rustls::ServerConfig;
use tenure_plugin_abi::Fault;
use tenure_types::{NodeId, StreamId};
use tokio::sync::oneshot;

use super::{ClusterName, StartError};
use crate::layout::{ClusterLayout, Layout, ShardLayout};
use crate::plugin::Attached;
use crate::tls;
use crate::worker::Hosted;

/// See the top of the file.
#[derive(Debug)]
pub(super) struct HostedHere {
    workers: usize,
    pub(super) clusters: BTreeMap<ClusterName, KnownCluster>,
    pub(super) replicas: BTreeMap<StreamId, HostedReplica>,
    pub(super) leaving: Vec<Leaving>,
}

/// A cluster as it is hosted.
#[derive(Debug, Clone)]
pub(super) struct KnownCluster {
    pub(super) layout: Arc<ClusterLayout>,
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Kept apart from the layout, which connections hold on to for longer than a plugin is attached.
    pub(super) plugins: Vec<Arc<Attached>>,
    /// Plugins that do not start, and why.
    pub(super) unready: Vec<(String, Fault)>,
}

/// A replica that lives on a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostedReplica {
    pub(super) worker: usize,
    pub(super) is: Identity,
}

/// What stays the same for as long as a replica lives. With another, it is another replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) cluster: ClusterName,
    pub(super) shard: String,
    pub(super) address: SocketAddr,
    /// Its image was made with it.
    seed: u64,
}

/// A replica that was told to leave.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) stream: StreamId,
    pub(super) address: SocketAddr,
    /// Told, or closed, when it has left.
    pub(super) left: oneshot::Receiver<()>,
}

impl HostedHere {
    /// A layout, and what each worker hosts of it.
    pub(super) fn begin(
        node: NodeId,
        workers: NonZeroUsize,
        layout: Layout,
    ) -> Result<(Self, Vec<Vec<Hosted>>), StartError> {
        let mut here = Self {
            workers: workers.get(),
            clusters: BTreeMap::new(),
            replicas: BTreeMap::new(),
            leaving: Vec::new(),
        };
        let mut shares: Vec<Vec<Hosted>> = (0..workers.get()).map(|_| Vec::new()).collect();
        layout.check()?;
        for cluster in layout.clusters {
            let cluster = KnownCluster::of(cluster, None)?;
            for shard in &cluster.layout.shards {
                let Some(is) = Identity::of(&cluster.layout, shard, node) else {
                    continue;
                };
                let hosted = here.bind(&cluster, shard, &is)?;
                let worker = here.idlest_worker();
                here.replicas.insert(shard.stream, HostedReplica { worker, is });
                shares[worker].push(hosted);
            }
            here.clusters.insert(ClusterName::of(&cluster.layout), cluster);
        }
        Ok((here, shares))
    }

    /// Takes a replica's port.
    pub(super) fn bind(
        &self,
        cluster: &KnownCluster,
        shard: &ShardLayout,
        is: &Identity,
    ) -> Result<Hosted, StartError> {
        if self.replicas.contains_key(&shard.stream) {
            return Err(StartError::StreamTaken {
                cluster: cluster.layout.name.clone(),
                shard: shard.name.clone(),
                stream: shard.stream,
            });
        }
        let bound = TcpListener::bind(is.address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = bound.map_err(|source| StartError::Port {
            cluster: cluster.layout.name.clone(),
            shard: shard.name.clone(),
            address: is.address,
            source,
        })?;
        Ok(Hosted {
            listener,
            cluster: Arc::clone(&cluster.layout),
            shard: shard.clone(),
            tls: cluster.tls.clone(),
            plugins: cluster.plugins.clone(),
        })
    }

    /// The worker with the fewest replicas.
    pub(super) fn idlest_worker(&self) -> usize {
        let busy = |worker: &usize| {
            self.replicas
                .values()
                .filter(|replica| replica.worker == *worker)
                .count()
        };
        (0..self.workers).min_by_key(busy).unwrap_or(0)
    }

    /// The plugins of all clusters that run here.
    pub(super) fn plugins(&self) -> Vec<Arc<Attached>> {
        let clusters = self.replicas.values().map(|replica| &replica.is.cluster);
        let hosted: BTreeSet<_> = clusters.collect();
        let clusters = self.clusters.iter().filter(|(name, _)| hosted.contains(name));
        let all = clusters.flat_map(|(_, cluster)| cluster.plugins.iter());
        all.filter(|attached| attached.module().is_some()).cloned().collect()
    }

    /// What it hosts.
    pub(super) fn streams(&self) -> Vec<StreamId> {
        self.replicas.keys().copied().collect()
    }
}

impl KnownCluster {
    /// Whether workers need not be told of the other one after this one.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let mut plugins = self.plugins.iter().zip(&other.plugins);
        let same_plugins = self.plugins.len() == other.plugins.len() && plugins.all(|(one, two)| Arc::ptr_eq(one, two));
        self.layout == other.layout && same_plugins
    }

    /// Of a layout that was checked. Sessions of TLS can be resumed as long as the certificate stays.
    pub(super) fn of(mut layout: ClusterLayout, before: Option<&Self>) -> Result<Self, StartError> {
        let attached = before.map(|before| before.plugins.as_slice()).unwrap_or_default();
        let (plugins, unready) = Attached::all(&layout, attached);
        layout.plugins = Vec::new();
        let kept = before.filter(|before| before.layout.tls == layout.tls);
        let tls = match (kept, &layout.tls) {
            (Some(kept), _) => kept.tls.clone(),
            (None, shown) => {
                let config = shown.as_ref().map(tls::server_config).transpose();
                config.map_err(|source| StartError::Tls {
                    cluster: layout.name.clone(),
                    source,
                })?
            }
        };
        Ok(Self {
            layout: Arc::new(layout),
            tls,
            plugins,
            unready,
        })
    }
}

impl Identity {
    /// `None`: the node does not host the shard.
    pub(super) fn of(cluster: &ClusterLayout, shard: &ShardLayout, node: NodeId) -> Option<Self> {
        Some(Self {
            cluster: ClusterName::of(cluster),
            shard: shard.name.clone(),
            address: shard.address_on(node)?,
            seed: cluster.seed,
        })
    }
}
