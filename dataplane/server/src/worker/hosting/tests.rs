//! The end of a replica's life on a worker. The node's clock stands still, and where nothing is on a socket tokio's time is
//! paused and jumps.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::net::Ipv4Addr;

use tenure_log::{ManualClock, MemoryLog, MemoryOptions};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use super::*;
use crate::plugin::Plugins;
use crate::replica::{Standing, observe_all};
use crate::testing::gate::GatedLog;
use crate::testing::{Peer, cluster, on_a_worker};

const MOMENT: Duration = Duration::from_millis(1);
/// Past it a test hangs, and says where.
const LONG: Duration = Duration::from_secs(60);

fn replica(clock: Arc<ManualClock>, log: Arc<dyn Log>) -> Rc<Replica> {
    let layout = cluster();
    Replica::new(ReplicaParts {
        node: NodeId::new(1),
        shard: layout.shards[0].clone(),
        plugins: Plugins::of(&layout),
        topology: Topology::new(layout),
        clock,
        log,
        lease: LeaseLength::from_millis(3000).unwrap(),
        durable_copies: 2,
        seed: 1,
        news: Rc::default(),
    })
}

/// A replica that owns its shard, as a worker has it.
struct World {
    log: GatedLog,
    replica: Rc<Replica>,
    replicas: Rc<Replicas>,
    stop: watch::Sender<bool>,
    life: JoinHandle<StreamId>,
}

impl World {
    /// With this in the place of its connections.
    async fn owning(connections: impl Future<Output = ()> + 'static) -> Self {
        let clock = Arc::new(ManualClock::new());
        let log = GatedLog::new(MemoryLog::new(Arc::clone(&clock) as _, MemoryOptions::default()));
        let replica = replica(clock, Arc::new(log.clone()));
        let replicas = Rc::<Replicas>::default();
        replicas.add(&replica);
        let (stop, stopped) = watch::channel(false);
        let is_closed = Rc::new(Cell::new(false));
        let open = Dropped(Rc::clone(&is_closed));
        let listening = tokio::task::spawn_local(async move {
            let _open = open;
            connections.await;
        });
        let life = whole_life(Rc::clone(&replica), Rc::clone(&replicas), listening, stopped);
        let life = tokio::task::spawn_local(async move {
            let stream = life.await;
            assert!(is_closed.get(), "it has left when its connections are closed");
            stream
        });
        tokio::task::spawn_local(observe_all(Arc::new(log.clone()), Rc::clone(&replicas), MOMENT));
        let serves = async {
            while replica.standing() != Standing::Primary {
                sleep(MOMENT).await;
            }
        };
        timeout(LONG, serves).await.unwrap();
        Self {
            log,
            replica,
            replicas,
            stop,
            life,
        }
    }

    /// Tells it to stop, and waits until it is gone.
    async fn leave(self) {
        self.stop.send_replace(true);
        let stream = timeout(LONG, self.life).await.expect("it ends within a bound").unwrap();
        assert_eq!(stream, self.replica.stream());
        assert!(self.replicas.list().is_empty());
    }
}

/// Says when it is dropped.
struct Dropped(Rc<Cell<bool>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_whose_epoch_nobody_takes_back_leaves_within_a_bound() {
    let test = async {
        let world = World::owning(async {}).await;
        // Its release is never answered.
        world.log.close();
        world.leave().await;
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_leaves_waits_for_last_replies_and_not_for_ever() {
    let test = async {
        let taken = Rc::new(Cell::new(false));
        let takes = Rc::clone(&taken);
        let (may_begin, begins) = oneshot::channel();
        let world = World::owning(async move {
            let _ = begins.await;
            sleep(LAST_REPLIES_WITHIN / 2).await;
            takes.set(true);
        });
        let world = world.await;
        let _ = may_begin.send(());
        world.leave().await;
        assert!(taken.get(), "what it is owed was taken");

        let world = World::owning(std::future::pending());
        world.await.leave().await;
    };
    LocalSet::new().run_until(test).await;
}

#[test]
fn who_is_taken_out_takes_no_other_of_its_stream_along() {
    let clock = Arc::new(ManualClock::new());
    let log = Arc::new(MemoryLog::new(Arc::clone(&clock) as _, MemoryOptions::default()));
    let (old, new) = (replica(Arc::clone(&clock), Arc::clone(&log) as _), replica(clock, log));
    let replicas = Replicas::of(vec![Rc::clone(&old), Rc::clone(&new)]);
    replicas.remove(&old);
    let [left] = &replicas.list()[..] else {
        panic!("one of two is left");
    };
    assert!(Rc::ptr_eq(left, &new));
}

#[tokio::test]
async fn who_told_a_replica_to_leave_hears_of_it_when_nothing_of_it_is_left() {
    let clock = Arc::new(ManualClock::new());
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::clone(&clock) as _, MemoryOptions::default()));
    let made = Arc::clone(&log);
    let (reports, reported) = watch::channel(Vec::new());
    let (_stop, stop) = watch::channel(false);
    let (_orders, orders) = mpsc::channel(1);
    let parts = WorkerParts {
        number: 0,
        node: NodeId::new(1),
        lease: LeaseLength::from_millis(3000).unwrap(),
        durable_copies: 2,
        reply_deadline: LONG,
        seed: 1,
        hosted: Vec::new(),
        clock,
        log: Arc::new(move |_| Ok(Arc::clone(&made))),
        stop,
        orders,
        client_ids: Arc::new(ClientIds::new()),
        reports,
    };
    on_a_worker(async {
        let mut hosting = Hosting::new(&parts, Arc::clone(&log));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let layout = Arc::new(cluster());
        let shard = layout.shards[0].clone();
        let stream = shard.stream;
        let hosted = Hosted {
            listener,
            cluster: layout,
            shard,
            tls: None,
            plugins: Vec::new(),
        };
        hosting.admit(hosted).unwrap();
        tokio::task::spawn_local(observe_all(log, Rc::clone(hosting.replicas()), MOMENT));
        let replica = hosting.replicas().list().remove(0);
        while replica.standing() != Standing::Primary {
            sleep(MOMENT).await;
        }
        let mut peer = Peer(TcpStream::connect(address).await.unwrap());
        peer.ask("SET k v", "+OK\r\n").await;
        assert_eq!(replica.report().keys, 1);
        let (told, mut left) = oneshot::channel();
        hosting.leave(stream, told);
        assert!(left.try_recv().is_err(), "it has not left yet");
        assert!(hosting.ended().await);
        assert_eq!(left.try_recv(), Ok(()));
        assert_eq!(replica.report().keys, 0, "what it held is dropped elsewhere");
        assert!(reported.borrow().is_empty() && hosting.clusters.is_empty());
        peer.expect_end().await;
    })
    .await;
}

#[test]
fn what_is_large_is_dropped_on_another_thread() {
    struct Large(std::sync::mpsc::Sender<std::thread::ThreadId>);
    impl Drop for Large {
        fn drop(&mut self) {
            let _ = self.0.send(std::thread::current().id());
        }
    }
    let (says, dropped) = std::sync::mpsc::channel();
    drop_elsewhere(Large(says));
    assert_ne!(dropped.recv_timeout(LONG).unwrap(), std::thread::current().id());
}
