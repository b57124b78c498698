//! The replicas of one worker: how they come, and how they go.
//! Promises: a replica that goes closes its port at once, lets what was executed be acknowledged, gives its epoch up and ends
//! its connections, each within a bound; only then it is forgotten. Of a stream there is one at most.
//! Leaves to the node: which replicas, on which worker.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tenure_log::Log;
use tenure_types::{Clock, LeaseLength, NodeId, StreamId, TenantId};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use super::report::Reporter;
use super::{Hosted, LAST_REPLIES_WITHIN, Order, WorkerParts};
use crate::client::ClientIds;
use crate::connection::Buffers;
use crate::layout::ClusterLayout;
use crate::listener::{Listener, Shown};
use crate::plugin::{Attached, Natives, Plugins};
use crate::replica::{Replica, ReplicaParts, Replicas, live};
use crate::table::Table;
use crate::topology::Topology;

/// How long a replica that stops may take to give its epoch up: longer than it waits for its verdicts and for the answer to
/// its Release.
const EPOCH_ENDS_WITHIN: Duration = Duration::from_secs(8);

/// See the top of the file.
pub(super) struct Hosting {
    node: NodeId,
    lease: LeaseLength,
    durable_copies: usize,
    seed: u64,
    clock: Arc<dyn Clock>,
    log: Arc<dyn Log>,
    client_ids: Arc<ClientIds>,
    table: Rc<Table>,
    natives: Rc<Natives>,
    buffers: Rc<Buffers>,
    /// How many replicas ever lived here: no two are seeded alike.
    hosted: u64,
    replicas: Rc<Replicas>,
    clusters: BTreeMap<(TenantId, String), Cluster>,
    living: BTreeMap<StreamId, Living>,
    lives: JoinSet<StreamId>,
    news: Rc<Notify>,
    reporter: Rc<Reporter>,
}

/// What the replicas of a cluster on this worker share.
struct Cluster {
    topology: Rc<Topology>,
    shown: Rc<Shown>,
    plugins: Rc<Plugins>,
}

struct Living {
    replica: Rc<Replica>,
    cluster: (TenantId, String),
    stop: watch::Sender<bool>,
    /// Who is told when it is forgotten.
    leaving: Vec<oneshot::Sender<()>>,
}

impl Hosting {
    pub(super) fn new(parts: &WorkerParts, log: Arc<dyn Log>) -> Self {
        let replicas = Rc::<Replicas>::default();
        Self {
            node: parts.node,
            lease: parts.lease,
            durable_copies: parts.durable_copies,
            seed: parts.seed,
            clock: Arc::clone(&parts.clock),
            log,
            client_ids: Arc::clone(&parts.client_ids),
            table: Rc::new(Table::new()),
            natives: Rc::new(Natives::new()),
            buffers: Rc::default(),
            hosted: 0,
            reporter: Rc::new(Reporter::new(Rc::clone(&replicas), parts.reports.clone())),
            replicas,
            clusters: BTreeMap::new(),
            living: BTreeMap::new(),
            lives: JoinSet::new(),
            news: Rc::default(),
        }
    }

    /// Those that live here.
    pub(super) fn replicas(&self) -> &Rc<Replicas> {
        &self.replicas
    }

    /// Reports what lives here, for ever.
    pub(super) fn reporting(&self) -> impl Future<Output = ()> + use<> {
        Rc::clone(&self.reporter).run(Rc::clone(&self.news))
    }

    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Host(hosted, told) => {
                let done = self.admit(*hosted);
                // Who asked may be gone; it finds out when it asks again.
                let _ = told.send(done);
            }
            Order::Leave(stream, told) => self.leave(stream, told),
            Order::Cluster(layout, tls, plugins) => self.order(layout, tls, &plugins),
            Order::Measure(told) => {
                let measured = self.replicas.list().iter().map(|replica| replica.measure()).collect();
                // Who asked may have given up.
                let _ = told.send(measured);
            }
        }
    }

    /// Another replica, if none of its stream lives here still.
    fn admit(&mut self, hosted: Hosted) -> io::Result<()> {
        let stream = hosted.shard.stream;
        if self.living.contains_key(&stream) {
            let still_there = format!("a replica of {stream} lives there still");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, still_there));
        }
        let listener = hosted
            .listener
            .try_clone()
            .and_then(tokio::net::TcpListener::from_std)?;
        self.host(hosted, listener);
        Ok(())
    }

    /// A replica begins to live here: the only one of its stream.
    pub(super) fn host(&mut self, hosted: Hosted, listener: tokio::net::TcpListener) {
        let Hosted {
            cluster: layout,
            shard,
            tls,
            plugins,
            ..
        } = hosted;
        let key = (layout.tenant, layout.name.clone());
        let new = || Cluster {
            topology: Topology::new(ClusterLayout::clone(&layout)),
            shown: Rc::new(Shown::new(tls)),
            plugins: Plugins::new(Rc::clone(&self.natives), &plugins),
        };
        let cluster = self.clusters.entry(key.clone()).or_insert_with(new);
        let stream = shard.stream;
        let replica = Replica::new(ReplicaParts {
            node: self.node,
            topology: Rc::clone(&cluster.topology),
            plugins: Rc::clone(&cluster.plugins),
            shard,
            clock: Arc::clone(&self.clock),
            log: Arc::clone(&self.log),
            lease: self.lease,
            durable_copies: self.durable_copies,
            seed: self.seed.wrapping_add(self.hosted << 32),
            news: Rc::clone(&self.news),
        });
        self.hosted += 1;
        let (stop, stopped) = watch::channel(false);
        let serving = Listener {
            replica: Rc::clone(&replica),
            table: Rc::clone(&self.table),
            buffers: Rc::clone(&self.buffers),
            ids: Arc::clone(&self.client_ids),
            shown: Rc::clone(&cluster.shown),
        };
        let listening = tokio::task::spawn_local(serving.serve(listener, stopped.clone()));
        tokio::task::spawn_local(settle(Rc::clone(&replica), stopped.clone()));
        let life = whole_life(Rc::clone(&replica), Rc::clone(&self.replicas), listening, stopped);
        self.lives.spawn_local(life);
        self.replicas.add(&replica);
        let living = Living {
            replica,
            cluster: key,
            stop,
            leaving: Vec::new(),
        };
        self.living.insert(stream, living);
        self.reporter.publish();
    }

    fn leave(&mut self, stream: StreamId, told: oneshot::Sender<()>) {
        // Who is not here has left: `told` is dropped, and that tells it.
        if let Some(living) = self.living.get_mut(&stream) {
            info!(replica = ?living.replica, "leaving");
            living.leaving.push(told);
            living.stop.send_replace(true);
        }
    }

    /// A cluster has another layout.
    fn order(&mut self, layout: Arc<ClusterLayout>, tls: Option<Arc<ServerConfig>>, plugins: &[Arc<Attached>]) {
        let key = (layout.tenant, layout.name.clone());
        let Some(cluster) = self.clusters.get(&key) else {
            return;
        };
        cluster.shown.replace(tls);
        cluster.plugins.take(plugins);
        cluster.topology.order(layout);
        for living in self.living.values().filter(|living| living.cluster == key) {
            living.replica.take_limits();
        }
        self.replicas.tell_change();
    }

    /// Resolves when a replica has ended; never if there is none. Tells whether it ended as it should.
    pub(super) async fn ended(&mut self) -> bool {
        match self.lives.join_next().await {
            Some(Ok(stream)) => {
                self.forget(stream);
                true
            }
            Some(Err(panicked)) => {
                error!(error = %panicked, "the life of a replica ended by a defect");
                false
            }
            None => std::future::pending().await,
        }
    }

    fn forget(&mut self, stream: StreamId) {
        let Some(left) = self.living.remove(&stream) else {
            return;
        };
        let is_needed = self.living.values().any(|living| living.cluster == left.cluster);
        if !is_needed {
            self.clusters.remove(&left.cluster);
        }
        drop_elsewhere(left.replica.take_image());
        self.reporter.publish();
        for told in left.leaving {
            let _ = told.send(());
        }
    }

    /// All of them stop.
    pub(super) async fn stop(mut self) {
        for living in self.living.values() {
            living.stop.send_replace(true);
        }
        while !self.lives.is_empty() && self.ended().await {}
    }
}

/// From the first record to the last connection.
async fn whole_life(
    replica: Rc<Replica>,
    replicas: Rc<Replicas>,
    mut listening: JoinHandle<()>,
    mut stop: watch::Receiver<bool>,
) -> StreamId {
    let stream = replica.stream();
    let mut overdue = stop.clone();
    let overdue = async {
        let _ = overdue.wait_for(|stop| *stop).await;
        tokio::time::sleep(EPOCH_ENDS_WITHIN).await;
    };
    tokio::select! {
        () = live(Rc::clone(&replica), stop.clone()) => {}
        () = overdue => warn!(?replica, "the epoch was not given up in time, the next owner has to wait"),
    }
    // One that cannot go on stays until it is told to stop: its connections hear why.
    let _ = stop.wait_for(|stop| *stop).await;
    replicas.remove(&replica);
    if tokio::time::timeout(LAST_REPLIES_WITHIN, &mut listening).await.is_err() {
        listening.abort();
        // Until the port and the connections are closed.
        let _ = listening.await;
    }
    stream
}

/// To free a large image takes long, and its neighbours' leases are renewed on this thread.
fn drop_elsewhere<T: Send + 'static>(large: T) {
    let thread = std::thread::Builder::new().name("forget".to_owned());
    // Without a thread it is dropped here: `spawn` drops what it cannot run.
    let _ = thread.spawn(move || drop(large));
}

/// Notes when a replica serves, or sees another do so.
async fn settle(replica: Rc<Replica>, mut stop: watch::Receiver<bool>) {
    let (mut changes, mut observations) = (replica.changes(), replica.observations());
    while !replica.is_settled() {
        // The end of a wait-out is no change that anybody tells of.
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            observed = observations.changed() => if observed.is_err() { return },
            () = replica.wait_out() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
    replica.note_settled();
}
