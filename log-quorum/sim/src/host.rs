//! One simulated machine with a log node: a disk that outlives it, and the real node on it.
//! Promises: what runs is the code of a real node; only the disk, the clock, the sockets and the thread of the journal are
//! simulated, and TLS is left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tenure_log_node::transport::{Patience, Transport};
use tenure_log_node::{Bootstrap, ColdReads, Drive, LogNode, NodeOptions, Profile, ServeError, StartError};
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Wal, WalOptions, WalWriter, Wrote};
use tenure_types::NodeId;
use tokio::sync::Notify;

use crate::clock::SimClock;
use crate::disk::{Sabotage, Sabotaged};
use crate::net::{SimDial, SimPort};

/// The port of every log node.
pub(crate) const PORT: u16 = 7411;

/// A log node's machine, as the world outside holds it.
pub struct Host {
    /// Its name in the network.
    pub name: String,
    /// Its name in the quorum.
    pub node: NodeId,
    disk: SimDisk,
    /// The node said that its disk failed: its process has ended.
    failed: Arc<AtomicBool>,
}

impl Host {
    /// A machine with an empty disk, added to the world and running.
    pub fn start(
        sim: &mut turmoil::Sim<'_>,
        node: NodeId,
        bootstrap: &Bootstrap,
        seed: u64,
        sabotage: Sabotage,
    ) -> Self {
        let name = format!("log-{}", node.get());
        let disk = SimDisk::new();
        let failed = Arc::new(AtomicBool::new(false));
        let (of_host, fails) = (disk.clone(), Arc::clone(&failed));
        let bootstrap = bootstrap.clone();
        let lives = AtomicU64::new(0);
        sim.host(name.as_str(), move || {
            let lives = lives.fetch_add(1, Ordering::SeqCst);
            fails.store(false, Ordering::SeqCst);
            let life = Life {
                node,
                bootstrap: bootstrap.clone(),
                disk: of_host.reopen(),
                failed: Arc::clone(&fails),
                seed: seed ^ (node.get() << 32) ^ lives,
                sabotage,
            };
            life.run()
        });
        Self {
            name,
            node,
            disk,
            failed,
        }
    }

    /// Its disk.
    pub fn disk(&self) -> SimDisk {
        self.disk.clone()
    }

    /// Whether its process ended because of its disk since the last start.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// `kill -9`: the process is gone, what it wrote is in the page cache.
    pub fn kill(&self, sim: &mut turmoil::Sim<'_>) {
        sim.crash(self.name.as_str());
        self.disk().freeze();
    }

    /// Power loss: what was not synced is lost, torn or kept, as the seed says.
    pub fn cut_power(&self, sim: &mut turmoil::Sim<'_>, rng: &mut SmallRng) {
        sim.crash(self.name.as_str());
        self.disk().crash(rng);
    }

    /// Starts the machine again on the same disk.
    pub fn restart(&self, sim: &mut turmoil::Sim<'_>) {
        sim.bounce(self.name.as_str());
    }
}

/// One life of a node's process.
struct Life {
    node: NodeId,
    bootstrap: Bootstrap,
    disk: SimDisk,
    failed: Arc<AtomicBool>,
    seed: u64,
    sabotage: Sabotage,
}

impl Life {
    async fn run(self) -> turmoil::Result {
        let mut options = NodeOptions::new(self.node);
        options.bootstrap = Some(self.bootstrap);
        options.profile = Profile::Fast;
        options.cold_reads = ColdReads::Inline;
        // Small, so that segments are switched and reads go to the disk.
        options.wal = WalOptions {
            segment_bytes: 256 << 10,
            cache_bytes: 16 << 10,
            ..WalOptions::default()
        };
        let disk = Sabotaged::new(self.disk, self.sabotage);
        let drive = drive(self.seed, Arc::clone(&self.failed));
        let transport = transport();
        let node = match LogNode::start(options, Arc::new(disk), Arc::new(SimClock), transport, drive).await {
            Ok(node) => node,
            // A disk that refuses while the journal is recovered ends the process; damage would be a find.
            Err(StartError::Wal(error)) if !error.is_damage() => {
                tracing::info!(%error, "the disk failed at the start: the process ends");
                self.failed.store(true, Ordering::SeqCst);
                return std::future::pending().await;
            }
            Err(error) => return Err(error.into()),
        };
        let port = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
        match node.serve(SimPort(port), || {}, std::future::pending()).await {
            // A group cannot go on without its journal. For any other reason it must not stop.
            Err(ServeError::GroupStopped) if self.failed.load(Ordering::SeqCst) => std::future::pending().await,
            ended => Ok(ended?),
        }
    }
}

/// Connections without TLS, that notice silence as a real node does.
pub(crate) fn transport() -> Transport {
    let patience = Patience {
        connect: Duration::from_millis(300),
        silence: Duration::from_millis(500),
    };
    Transport::new(Arc::new(SimDial), None, patience)
}

/// Drives the journal by a task instead of a thread: each batch takes some time, as a sync does.
fn drive(seed: u64, failed: Arc<AtomicBool>) -> Drive {
    Box::new(move |wal: &Wal, writer: WalWriter| {
        let wake = Arc::new(Notify::new());
        let woken = Arc::clone(&wake);
        wal.set_wake(Box::new(move || woken.notify_one()));
        tokio::spawn(write_all(writer, wake, SmallRng::seed_from_u64(seed), failed));
        Box::new(|| {})
    })
}

async fn write_all(mut writer: WalWriter, wake: Arc<Notify>, mut rng: SmallRng, failed: Arc<AtomicBool>) {
    loop {
        // Mostly fast, at times as slow as a disk with something else to do.
        let micros = if rng.random_ratio(1, 100) {
            50_000
        } else {
            rng.random_range(100..2_000)
        };
        tokio::time::sleep(Duration::from_micros(micros)).await;
        match writer.write_queued() {
            Ok(Wrote::Nothing) => wake.notified().await,
            Ok(Wrote::Batch { .. } | Wrote::Stalled) => {}
            Err(error) => {
                tracing::info!(%error, "the journal failed: the process ends");
                failed.store(true, Ordering::SeqCst);
                return;
            }
        }
    }
}
