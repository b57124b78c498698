//! A data node: worker threads, each with the replicas that are pinned to it.
//! Promises: what it hosts is what its layout says; when it is told to stop it lets what was executed be acknowledged and
//! gives its epochs up, so that the next owner waits for nothing. Leaves to the caller: which log, which clock, signals.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tenure_log::Log;
use tenure_types::{Clock, LeaseLength, NodeId};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::client::ClientIds;
use crate::layout::{ClusterLayout, Layout, LayoutError, ShardLayout};
use crate::tls::{self, TlsError};
use crate::worker::{self, Hosted, WorkerParts};

/// Makes a client of the log whose tasks run on the given runtime. Called once by each worker: a worker speaks to the log
/// from its own thread.
pub type LogFactory = Arc<dyn Fn(&Handle) -> Result<Arc<dyn Log>, LogFactoryError> + Send + Sync>;

/// Why there is no client of the log.
pub type LogFactoryError = Box<dyn std::error::Error + Send + Sync>;

/// How long a stop waits for a worker: longer than a shard waits for its verdicts and for the answer to its Release.
const STOP_WITHIN: Duration = Duration::from_secs(10);

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
    /// What it hosts.
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

/// A running data node. Dropped, it stops without waiting.
#[derive(Debug)]
pub struct DataNode {
    stop: watch::Sender<bool>,
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    thread: JoinHandle<()>,
    /// Replicas of it that neither serve nor see another do so. Closed when the worker has ended.
    to_come: watch::Receiver<usize>,
}

impl DataNode {
    /// Starts the workers. Returns when every port is bound; the shards may still be loading.
    pub fn start(options: DataNodeOptions, clock: Arc<dyn Clock>, log: LogFactory) -> Result<Self, StartError> {
        options.layout.check()?;
        let mut shares: Vec<Vec<Hosted>> = (0..options.workers.get()).map(|_| Vec::new()).collect();
        for (number, hosted) in hosted(&options)?.into_iter().enumerate() {
            shares[number % options.workers].push(hosted);
        }
        let (stop, stopped) = watch::channel(false);
        let client_ids = Arc::new(ClientIds::new());
        let start = |(number, hosted): (usize, Vec<Hosted>)| {
            let (unsettled, to_come) = watch::channel(hosted.len());
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
                client_ids: Arc::clone(&client_ids),
                unsettled,
            };
            let thread = worker::start(parts)?;
            Ok(Worker { thread, to_come })
        };
        let workers = shares.into_iter().enumerate().map(start);
        let workers = workers.collect::<Result<_, StartError>>()?;
        Ok(Self { stop, workers })
    }

    /// Waits until every shard of this node is served: here, or by another node while this one has caught up. Never ends if a
    /// worker does.
    pub async fn ready(&self) {
        for worker in &self.workers {
            let mut to_come = worker.to_come.clone();
            if to_come.wait_for(|replicas| *replicas == 0).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until a worker ends by itself, which is a defect; for ever if none does.
    pub async fn failed(&self) -> StartError {
        let ended = self.workers.iter().map(|worker| {
            let mut to_come = worker.to_come.clone();
            Box::pin(async move { while to_come.changed().await.is_ok() {} })
        });
        if self.workers.is_empty() {
            return std::future::pending().await;
        }
        futures::future::select_all(ended).await;
        StartError::WorkerEnded
    }

    /// Takes no more connections, lets what was executed be acknowledged, gives the epochs up, and ends. Bounded.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let ended = async {
            for worker in &self.workers {
                let mut to_come = worker.to_come.clone();
                while to_come.changed().await.is_ok() {}
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

/// Binds all that this node hosts.
fn hosted(options: &DataNodeOptions) -> Result<Vec<Hosted>, StartError> {
    let mut all = Vec::new();
    for cluster in &options.layout.clusters {
        let tls = cluster.tls.as_ref().map(tls::server_config).transpose();
        let tls = tls.map_err(|source| StartError::Tls {
            cluster: cluster.name.clone(),
            source,
        })?;
        let cluster = Arc::new(cluster.clone());
        for shard in &cluster.shards {
            if let Some(address) = shard.address_on(options.node) {
                all.push(Hosted {
                    listener: bind(&cluster, shard, address)?,
                    cluster: Arc::clone(&cluster),
                    shard: shard.clone(),
                    tls: tls.clone(),
                });
            }
        }
    }
    Ok(all)
}

fn bind(cluster: &ClusterLayout, shard: &ShardLayout, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| StartError::Port {
        cluster: cluster.name.clone(),
        shard: shard.name.clone(),
        address,
        source,
    })
}
