//! A worker: one thread with one runtime, on which its replicas live with all their connections.
//! Promises: nothing of a replica ever runs on another thread; the worker ends when the node stops, after its epochs were
//! given up, within a bound.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tenure_log::Log;
use tenure_types::{Clock, LeaseLength, NodeId};
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet};
use tracing::error;

use crate::client::{ClientIds, End};
use crate::connection::Buffers;
use crate::layout::{ClusterLayout, ShardLayout};
use crate::listener::Listener;
use crate::node::{LogFactory, StartError};
use crate::replica::{Replica, ReplicaParts, live, observe_all, renew_all};
use crate::table::Table;
use crate::topology::Topology;

/// How often overdue replies are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How long a stop waits for connections to take their last replies.
const LAST_REPLIES_WITHIN: Duration = Duration::from_secs(1);

/// How often a stop looks whether they did.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a worker is made of.
pub(crate) struct WorkerParts {
    pub(crate) number: usize,
    pub(crate) node: NodeId,
    pub(crate) lease: LeaseLength,
    pub(crate) durable_copies: usize,
    pub(crate) reply_deadline: Duration,
    pub(crate) seed: u64,
    pub(crate) hosted: Vec<Hosted>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: LogFactory,
    pub(crate) stop: watch::Receiver<bool>,
    /// One for all workers.
    pub(crate) client_ids: Arc<ClientIds>,
    /// How many replicas neither serve nor see another do so.
    pub(crate) unsettled: watch::Sender<usize>,
}

/// A replica that is to live here.
pub(crate) struct Hosted {
    pub(crate) listener: TcpListener,
    pub(crate) cluster: Arc<ClusterLayout>,
    pub(crate) shard: ShardLayout,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
}

/// Starts the thread.
pub(crate) fn start(parts: WorkerParts) -> Result<thread::JoinHandle<()>, StartError> {
    let worker = parts.number;
    let failed = |source| StartError::Worker { worker, source };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let log = (parts.log)(runtime.handle()).map_err(|source| StartError::Log { worker, source })?;
    let listeners = register(&parts.hosted, runtime.handle()).map_err(failed)?;
    let thread = thread::Builder::new().name(format!("worker-{worker}"));
    let body = move || {
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, run(parts, listeners, log));
        drop(tasks);
        runtime.shutdown_timeout(LAST_REPLIES_WITHIN);
    };
    thread.spawn(body).map_err(failed)
}

fn register(hosted: &[Hosted], runtime: &Handle) -> io::Result<Vec<tokio::net::TcpListener>> {
    let _guard = runtime.enter();
    let register = |hosted: &Hosted| tokio::net::TcpListener::from_std(hosted.listener.try_clone()?);
    hosted.iter().map(register).collect()
}

async fn run(parts: WorkerParts, listeners: Vec<tokio::net::TcpListener>, log: Arc<dyn Log>) {
    let table = Rc::new(Table::new());
    let buffers = Rc::new(Buffers::default());
    let mut topologies = Vec::new();
    let mut replicas = Vec::new();
    let mut lives = Vec::new();
    for (number, (hosted, listener)) in parts.hosted.into_iter().zip(listeners).enumerate() {
        let replica = Replica::new(ReplicaParts {
            node: parts.node,
            topology: topology_of(&hosted.cluster, &mut topologies),
            shard: hosted.shard,
            clock: Arc::clone(&parts.clock),
            log: Arc::clone(&log),
            lease: parts.lease,
            durable_copies: parts.durable_copies,
            seed: parts.seed.wrapping_add((number as u64) << 32),
        });
        let serving = Listener {
            replica: Rc::clone(&replica),
            table: Rc::clone(&table),
            buffers: Rc::clone(&buffers),
            ids: Arc::clone(&parts.client_ids),
            tls: hosted.tls,
        };
        tokio::task::spawn_local(serving.serve(listener, parts.stop.clone()));
        tokio::task::spawn_local(announce(Rc::clone(&replica), parts.unsettled.clone()));
        lives.push(tokio::task::spawn_local(live(Rc::clone(&replica), parts.stop.clone())));
        replicas.push(replica);
    }
    let every = parts.lease.as_duration() / 6;
    let mut renewing = tokio::task::spawn_local(renew_all(Arc::clone(&log), replicas.clone(), every));
    let mut observing = tokio::task::spawn_local(observe_all(Arc::clone(&log), replicas.clone(), every));
    let mut sweeping = tokio::task::spawn_local(sweep(replicas.clone(), parts.reply_deadline));

    let mut stop = parts.stop;
    // A node that is gone has stopped.
    let mut lives: FuturesUnordered<_> = lives.into_iter().collect();
    let stopped = tokio::select! {
        _ = stop.wait_for(|stop| *stop) => true,
        // Without its life a replica would never commit again: better no worker, and a node that ends.
        defect = first_defect(&mut lives) => !defect,
        // These end by a panic only: without renewals no shard would ever answer again.
        ended = &mut renewing => {
            error!(?ended, "renewing leases ended by a defect");
            false
        }
        ended = &mut observing => {
            error!(?ended, "asking the log who owns what ended by a defect");
            false
        }
        ended = &mut sweeping => {
            error!(?ended, "looking for overdue replies ended by a defect");
            false
        }
    };
    if !stopped {
        return;
    }
    // All may have ended before, when none can go on: their connections hear why.
    drop(stop.wait_for(|stop| *stop).await);
    first_defect(&mut lives).await;
    renewing.abort();
    observing.abort();
    sweeping.abort();
    let gone = join_all(replicas.iter().map(|replica| all_gone(replica)));
    let _ = tokio::time::timeout(LAST_REPLIES_WITHIN, gone).await;
}

/// Waits until one of these has ended by a panic, or all have ended.
async fn first_defect(lives: &mut FuturesUnordered<JoinHandle<()>>) -> bool {
    while let Some(ended) = lives.next().await {
        if let Err(panicked) = ended {
            error!(error = %panicked, "the life of a replica ended by a defect");
            return true;
        }
    }
    false
}

/// One for all replicas of a cluster.
fn topology_of(cluster: &Arc<ClusterLayout>, known: &mut Vec<(Arc<ClusterLayout>, Rc<Topology>)>) -> Rc<Topology> {
    if let Some((_, topology)) = known.iter().find(|(other, _)| Arc::ptr_eq(cluster, other)) {
        return Rc::clone(topology);
    }
    let topology = Topology::new(ClusterLayout::clone(cluster));
    known.push((Arc::clone(cluster), Rc::clone(&topology)));
    topology
}

/// Counts a replica once it serves, or sees another do so.
async fn announce(replica: Rc<Replica>, unsettled: watch::Sender<usize>) {
    let (mut changes, mut observations) = (replica.changes(), replica.observations());
    while !replica.is_settled() {
        // The end of a wait-out is no change that anybody tells of.
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            observed = observations.changed() => if observed.is_err() { return },
            () = replica.wait_out() => {}
        }
    }
    unsettled.send_modify(|replicas| *replicas -= 1);
}

/// Ends connections whose replies have waited too long.
async fn sweep(replicas: Vec<Rc<Replica>>, reply_deadline: Duration) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        for replica in &replicas {
            let now = replica.clock().boot();
            for client in replica.clients.list() {
                let overdue = |since| now.elapsed_since(since) > reply_deadline;
                if client.held_since.get().is_some_and(overdue) {
                    client.end(End::RepliesOverdue);
                }
            }
        }
    }
}

async fn all_gone(replica: &Replica) {
    while replica.clients.len() > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
