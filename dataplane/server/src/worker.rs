//! A worker: one thread with one runtime, on which its replicas live with all their connections.
//! Promises: nothing of a replica ever runs on another thread; replicas come and go without disturbing the others; the worker
//! ends when the node stops, after its epochs were given up, within a bound.

mod hosting;
mod report;

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use tenure_log::Log;
use tenure_types::{Clock, LeaseLength, NodeId, StreamId};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;
use tracing::error;

use self::hosting::Hosting;
pub use self::report::ReplicaReport;
use crate::client::{ClientIds, End};
use crate::layout::{ClusterLayout, ShardLayout};
use crate::metrics::Measured;
use crate::node::{LogFactory, StartError};
use crate::plugin::Attached;
use crate::replica::{Replicas, observe_all, renew_all};

/// How often overdue replies are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How long a replica that stops waits for connections to take their last replies.
const LAST_REPLIES_WITHIN: Duration = Duration::from_secs(1);

/// Stack of a worker: a guest may use half a mebibyte of it, below whatever called it.
const STACK_BYTES: usize = 4 << 20;

/// What a worker is made of.
pub(crate) struct WorkerParts {
    pub(crate) number: usize,
    pub(crate) node: NodeId,
    pub(crate) lease: LeaseLength,
    pub(crate) durable_copies: usize,
    pub(crate) reply_deadline: Duration,
    pub(crate) seed: u64,
    /// What lives here to begin with.
    pub(crate) hosted: Vec<Hosted>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: LogFactory,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) orders: mpsc::Receiver<Order>,
    /// One for all workers.
    pub(crate) client_ids: Arc<ClientIds>,
    /// Closed when the worker has ended.
    pub(crate) reports: watch::Sender<Vec<ReplicaReport>>,
}

/// A replica that is to live here.
pub(crate) struct Hosted {
    pub(crate) listener: TcpListener,
    pub(crate) cluster: Arc<ClusterLayout>,
    pub(crate) shard: ShardLayout,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) plugins: Vec<Arc<Attached>>,
}

/// What a worker is told.
pub(crate) enum Order {
    /// Another replica lives here. Answered when it does.
    Host(Box<Hosted>, oneshot::Sender<io::Result<()>>),
    /// This one stops as at the node's stop, and is forgotten. Answered then.
    Leave(StreamId, oneshot::Sender<()>),
    /// A cluster has another layout, shows this to clients that connect from now on, and has these plugins.
    Cluster(Arc<ClusterLayout>, Option<Arc<ServerConfig>>, Vec<Arc<Attached>>),
    /// Somebody wants to know how its replicas are.
    Measure(oneshot::Sender<Vec<Measured>>),
}

/// Starts the thread.
pub(crate) fn start(parts: WorkerParts) -> Result<thread::JoinHandle<()>, StartError> {
    let worker = parts.number;
    let failed = |source| StartError::Worker { worker, source };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let log = (parts.log)(runtime.handle()).map_err(|source| StartError::Log { worker, source })?;
    let listeners = register(&parts.hosted, runtime.handle()).map_err(failed)?;
    let thread = thread::Builder::new()
        .name(format!("worker-{worker}"))
        .stack_size(STACK_BYTES);
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

async fn run(mut parts: WorkerParts, listeners: Vec<tokio::net::TcpListener>, log: Arc<dyn Log>) {
    let hosted = std::mem::take(&mut parts.hosted);
    let mut hosting = Hosting::new(&parts, Arc::clone(&log));
    for (hosted, listener) in hosted.into_iter().zip(listeners) {
        // The one socket has two handles: it is closed when both are.
        hosting.host(hosted, listener);
    }
    let replicas = hosting.replicas();
    let every = parts.lease.as_duration() / 6;
    let mut renewing = tokio::task::spawn_local(renew_all(Arc::clone(&log), Rc::clone(replicas), every));
    let mut observing = tokio::task::spawn_local(observe_all(Arc::clone(&log), Rc::clone(replicas), every));
    let mut sweeping = tokio::task::spawn_local(sweep(Rc::clone(replicas), parts.reply_deadline));
    let mut reporting = tokio::task::spawn_local(hosting.reporting());

    // A node that is gone has stopped.
    let mut stop = parts.stop;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(order) = parts.orders.recv() => hosting.obey(order),
            // Without its life a replica would never commit again: better no worker, and a node that ends.
            ended = hosting.ended() => if !ended {
                return;
            },
            // These end by a panic only: without renewals no shard would ever answer again.
            ended = &mut renewing => return error!(?ended, "renewing leases ended by a defect"),
            ended = &mut observing => return error!(?ended, "asking the log who owns what ended by a defect"),
            ended = &mut sweeping => return error!(?ended, "looking for overdue replies ended by a defect"),
            ended = &mut reporting => return error!(?ended, "reporting ended by a defect"),
        }
    }
    hosting.stop().await;
}

/// Ends connections whose replies have waited too long.
async fn sweep(replicas: Rc<Replicas>, reply_deadline: Duration) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        for replica in &replicas.list() {
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
