//! A data node: worker threads, each with the replicas that are pinned to it.
//! Promises: what it hosts is what its newest layout says, but for what that cannot be; what changes disturbs nothing else.
//! When it is told to stop, and when a replica goes, what was executed is acknowledged and the epoch is given up, so that the
//! next owner waits for nothing. Leaves to the caller: which log, which clock, signals.

mod apply;
mod hosted;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::Registry;
use tenure_log::Log;
use tenure_types::{Clock, LeaseLength, NodeId, StreamId};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, watch};

use self::hosted::HostedHere;
use crate::client::ClientIds;
use crate::layout::{Layout, LayoutError};
use crate::metrics::{self, Measurer};
use crate::plugin::{Attached, PluginStats};
use crate::tls::TlsError;
use crate::worker::{self, Hosted, Order, ReplicaReport, WorkerParts};

pub use self::apply::{ClusterName, Refused};

/// Makes a client of the log whose tasks run on the given runtime. Called once by each worker: a worker speaks to the log
/// from its own thread.
pub type LogFactory = Arc<dyn Fn(&Handle) -> Result<Arc<dyn Log>, LogFactoryError> + Send + Sync>;

/// Why there is no client of the log.
pub type LogFactoryError = Box<dyn std::error::Error + Send + Sync>;

/// How long a stop waits for a worker: longer than a shard waits for its verdicts and for the answer to its Release.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How long is waited for a replica to leave whose port or stream another needs: longer than it may take.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);

/// Orders to one worker that it has not taken yet.
const ORDERS_MAX: usize = 16;

/// What a data node is started with.
#[derive(Debug, Clone)]
pub struct DataNodeOptions {
    /// Which node this is.
    pub node: NodeId,
    /// Worker threads. Default 1. Since 0.1.
    pub workers: NonZeroUsize,
    /// L of the epochs it takes. Default 3 s; 1.2 s in the fast profile. Since 0.1.
    pub lease: LeaseLength,
    /// How many copies a write has on disks when it is acknowledged: the majority of the log's voters. WAIT tells it.
    /// Default 2. Since 0.1.
    pub durable_copies: usize,
    /// How long a reply may wait for the log before its connection is closed. Default 10 s. Since 0.1.
    pub reply_deadline: Duration,
    /// Random: incarnations and samples begin with it. It must be another at each start.
    pub seed: u64,
    /// What it hosts to begin with.
    pub layout: Layout,
}

impl DataNodeOptions {
    /// The defaults.
    pub fn new(node: NodeId, seed: u64, layout: Layout) -> Self {
        const LEASE: LeaseLength = LeaseLength::from_millis(3000).unwrap();
        Self {
            node,
            workers: NonZeroUsize::MIN,
            lease: LEASE,
            durable_copies: 2,
            reply_deadline: Duration::from_secs(10),
            seed,
            layout,
        }
    }
}

/// A data node cannot start, or not go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The layout makes no sense.
    #[error("the layout is not sound")]
    Layout(#[from] LayoutError),
    /// A port is not to be had.
    #[error("could not listen on {address} for shard {shard} of cluster {cluster}")]
    Port {
        /// The cluster.
        cluster: String,
        /// The shard.
        shard: String,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A stream is hosted once.
    #[error("shard {shard} of cluster {cluster} has {stream}, which is another's")]
    StreamTaken {
        /// The cluster.
        cluster: String,
        /// The shard.
        shard: String,
        /// The stream.
        stream: StreamId,
    },
    /// The certificate of a cluster cannot be used.
    #[error("the certificate of cluster {cluster} cannot be used")]
    Tls {
        /// The cluster.
        cluster: String,
        /// Why.
        source: TlsError,
    },
    /// A worker's thread or runtime cannot be had.
    #[error("could not start worker {worker}")]
    Worker {
        /// Its number, from 0.
        worker: usize,
        /// Why.
        source: io::Error,
    },
    /// There is no client of the log.
    #[error("worker {worker} could not make a client of the log")]
    Log {
        /// Its number, from 0.
        worker: usize,
        /// Why.
        source: LogFactoryError,
    },
    /// A worker ended although nobody asked it to.
    #[error("a worker ended by itself")]
    WorkerEnded,
}

/// A plugin that runs on a node, for one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginReport {
    /// Whose.
    pub cluster: ClusterName,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its module is known by.
    pub sha256: [u8; 32],
    /// Why its commands are not run, for an operator. `None`: they are.
    pub quarantined: Option<String>,
    /// What was counted of it.
    pub stats: PluginStats,
}

/// A running data node. Dropped, it stops without waiting.
pub struct DataNode {
    node: NodeId,
    stop: watch::Sender<bool>,
    workers: Vec<Worker>,
    hosted: Mutex<HostedHere>,
    /// The streams of what it hosts; those that leave are not in it.
    streams: watch::Sender<Vec<StreamId>>,
    /// The plugins that run on it.
    plugins: watch::Sender<Vec<Arc<Attached>>>,
    clock: Arc<dyn Clock>,
    leaves_within: Duration,
}

impl fmt::Debug for DataNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, hosted, .. } = self;
        f.debug_struct("DataNode")
            .field("node", node)
            .field("hosted", hosted)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Worker {
    thread: JoinHandle<()>,
    orders: mpsc::Sender<Order>,
    /// What lives there. Closed when the worker has ended.
    reports: watch::Receiver<Vec<ReplicaReport>>,
}

impl DataNode {
    /// Starts the workers. Returns when every port is bound; the shards may still be loading.
    pub fn start(options: DataNodeOptions, clock: Arc<dyn Clock>, log: LogFactory) -> Result<Self, StartError> {
        let (hosted, shares) = HostedHere::begin(options.node, options.workers, options.layout)?;
        let (stop, stopped) = watch::channel(false);
        let client_ids = Arc::new(ClientIds::new());
        let start = |(number, hosted): (usize, Vec<Hosted>)| {
            let (sent_reports, reports) = watch::channel(Vec::new());
            let (orders, received) = mpsc::channel(ORDERS_MAX);
            let parts = WorkerParts {
                number,
                node: options.node,
                lease: options.lease,
                durable_copies: options.durable_copies,
                reply_deadline: options.reply_deadline,
                seed: options.seed.wrapping_add(number as u64),
                hosted,
                clock: Arc::clone(&clock),
                log: Arc::clone(&log),
                stop: stopped.clone(),
                orders: received,
                client_ids: Arc::clone(&client_ids),
                reports: sent_reports,
            };
            let thread = worker::start(parts)?;
            Ok(Worker {
                thread,
                orders,
                reports,
            })
        };
        let workers = shares.into_iter().enumerate().map(start);
        let workers = workers.collect::<Result<_, StartError>>()?;
        let streams = watch::Sender::new(hosted.streams());
        let plugins = watch::Sender::new(hosted.plugins());
        Ok(Self {
            node: options.node,
            stop,
            workers,
            hosted: Mutex::new(hosted),
            streams,
            plugins,
            clock,
            leaves_within: LEAVES_WITHIN,
        })
    }

    /// What lives on it now, by stream. Those that leave are in it until they have left.
    pub fn report(&self) -> Vec<ReplicaReport> {
        let reports = self.workers.iter().map(|worker| worker.reports.borrow().clone());
        let mut all: Vec<_> = reports.flatten().collect();
        all.sort_by_key(|report| report.stream);
        all
    }

    /// Puts the metrics of its shards and plugins into a registry. Of shards they show what was measured last: see
    /// [`Measurer::measure`].
    pub fn register_metrics(&self, registry: &Registry) -> Result<Measurer, prometheus::Error> {
        let (plugins, clock) = (self.plugins.subscribe(), Arc::clone(&self.clock));
        metrics::register_plugins(registry, move || reported(&plugins.borrow(), &*clock))?;
        let workers = self.workers.iter().map(|worker| worker.orders.clone());
        Measurer::register(workers.collect(), registry)
    }

    /// The plugins that run on it, one for each cluster that has it.
    pub fn plugins(&self) -> Vec<PluginReport> {
        reported(&self.plugins.borrow(), &*self.clock)
    }

    /// Resolves when its report has changed since it was called: at once when a standing, an incarnation or an epoch does,
    /// within a second when it is another number. Never if a worker has ended.
    pub fn report_changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let changed = self.workers.iter().map(|worker| {
            let mut reports = worker.reports.clone();
            reports.mark_unchanged();
            Box::pin(async move {
                if reports.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        });
        let changed = futures::future::select_all(changed);
        async move {
            changed.await;
        }
    }

    /// Waits until every shard of this node is served: here, or by another node while this one has caught up. What leaves
    /// does not count. Never ends if a worker does.
    pub async fn ready(&self) {
        let mut streams = self.streams.subscribe();
        loop {
            // Before it looks: what changes meanwhile is seen in the next round.
            let changed = std::pin::pin!(self.report_changed());
            streams.mark_unchanged();
            let report = self.report();
            let has_settled = |stream: &StreamId| {
                let mut replicas = report.iter();
                replicas.any(|replica| replica.stream == *stream && replica.has_settled)
            };
            if self.streams.borrow().iter().all(has_settled) {
                return;
            }
            tokio::select! {
                () = changed => {}
                _ = streams.changed() => {}
            }
        }
    }

    /// Waits until a worker ends by itself, which is a defect; for ever if none does.
    pub async fn failed(&self) -> StartError {
        let ended = self.workers.iter().map(|worker| {
            let mut reports = worker.reports.clone();
            Box::pin(async move { while reports.changed().await.is_ok() {} })
        });
        futures::future::select_all(ended).await;
        StartError::WorkerEnded
    }

    /// Takes no more connections, lets what was executed be acknowledged, gives the epochs up, and ends. Bounded.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let ended = async {
            for worker in &self.workers {
                let mut reports = worker.reports.clone();
                while reports.changed().await.is_ok() {}
            }
        };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!("a worker did not end in time, leaving it behind");
            return;
        }
        for worker in self.workers {
            // It has said that it ends.
            let _ = worker.thread.join();
        }
    }
}

fn reported(plugins: &[Arc<Attached>], clock: &dyn Clock) -> Vec<PluginReport> {
    let now = clock.boot();
    let report = |attached: &Arc<Attached>| PluginReport {
        cluster: attached.cluster.clone(),
        name: attached.layout.name.clone(),
        version: attached.layout.version.clone(),
        sha256: attached.layout.sha256,
        quarantined: attached.quarantined(now),
        stats: attached.stats(),
    };
    plugins.iter().map(report).collect()
}
