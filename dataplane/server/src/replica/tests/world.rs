//! One shard in a process of its own, a log that outlives it, and somebody who looks on.

use std::cell::RefCell;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tenure_engine::{CommandError, Effect, OwnedArgs, Protocol, Reply, SLOTS};
use tenure_log::{Append, Draft, Fence, Granted, Log, ManualClock, MemoryLog, MemoryOptions, Nomination, StreamStatus};
use tenure_types::{Clock, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId};
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet};

use crate::layout::{ClusterLayout, ClusterLimits, ReplicaLayout, ShardLayout, SlotRange};
use crate::replica::pipeline::ENGINE_VERSION;
use crate::replica::renew::renew_once;
use crate::replica::{Replica, ReplicaParts, Standing, Ticket, live};
use crate::table::{Found, Registered, Table};

const LEASE_LENGTH: LeaseLength = LeaseLength::from_millis(1200).unwrap();
pub(super) const LEASE: Duration = LEASE_LENGTH.as_duration();

const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);
const PRIMARY: NodeId = NodeId::new(1);
const FOLLOWER: NodeId = NodeId::new(2);

/// How often somebody else may run before a state that is waited for counts as never coming.
const PATIENCE: usize = 10_000;

pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test);
}

pub(super) struct World {
    pub(super) log: MemoryLog,
    pub(super) clock: Arc<ManualClock>,
    pub(super) replica: Rc<Replica>,
    table: Table,
    stop: watch::Sender<bool>,
    life: RefCell<Option<JoinHandle<()>>>,
    other: RefCell<Option<(Incarnation, Granted)>>,
}

impl World {
    /// A primary that holds the lease.
    pub(super) async fn serving() -> Self {
        Self::with_credit(MemoryOptions::default().credit_bytes).await
    }

    pub(super) async fn with_credit(credit_bytes: u64) -> Self {
        let clock = Arc::new(ManualClock::new());
        let options = MemoryOptions {
            credit_bytes,
            ..MemoryOptions::default()
        };
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, options);
        let world = Self::begin(log, clock, PRIMARY, 1);
        world.owning().await;
        world.renew().await;
        world.standing(Standing::Primary).await;
        world
    }

    /// The process again, after a crash of the first, once every lease has ended.
    pub(super) async fn another_process(&self) -> Self {
        let world = self.another_process_that_waits().await;
        world.clock.advance(LEASE * 2);
        world.renew().await;
        world.standing(Standing::Primary).await;
        world
    }

    /// The process again, after a crash of the first.
    pub(super) async fn another_process_that_waits(&self) -> Self {
        if let Some(life) = self.life.take() {
            life.abort();
        }
        let world = Self::begin(self.log.clone(), Arc::clone(&self.clock), PRIMARY, 2);
        world.owning().await;
        world
    }

    /// Another node that follows.
    pub(super) async fn follower(&self) -> Self {
        let world = Self::begin(self.log.clone(), Arc::clone(&self.clock), FOLLOWER, 3);
        world.standing(Standing::Replica).await;
        world
    }

    fn begin(log: MemoryLog, clock: Arc<ManualClock>, node: NodeId, seed: u64) -> Self {
        let cluster = cluster();
        let replica = Replica::new(ReplicaParts {
            node,
            shard: cluster.shards[0].clone(),
            cluster: Arc::new(cluster),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            log: Arc::new(log.clone()),
            lease: LEASE_LENGTH,
            durable_copies: 2,
            seed,
        });
        let (stop, stopped) = watch::channel(false);
        let life = tokio::task::spawn_local(live(Rc::clone(&replica), stopped));
        Self {
            log,
            clock,
            replica,
            table: Table::new(),
            stop,
            life: RefCell::new(Some(life)),
            other: RefCell::new(None),
        }
    }

    /// Runs a command in a turn of its own: what it answered (of an error the first word) and what that waits for.
    pub(super) fn command(&self, line: &str) -> (String, Option<Ticket>) {
        let (mut replies, hold) = self.commands(&[line.to_owned()]);
        (replies.remove(0), hold)
    }

    /// Runs commands in one turn.
    pub(super) fn commands(&self, lines: &[String]) -> (Vec<String>, Option<Ticket>) {
        let mut turn = self.replica.begin_turn();
        let mut replies = Vec::new();
        for line in lines {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let args: OwnedArgs = words.iter().collect();
            let Found::Command(Registered::Engine(command)) = self.table.find(words[0], words.get(1).copied()) else {
                panic!("no command on data: {line}");
            };
            let mut reply = Text(String::new());
            if let Err(error) = turn.run(command, args.as_args(), &mut reply) {
                let said = error.to_string();
                reply = Text(format!("(error) {}", said.split(' ').next().unwrap()));
            }
            replies.push(reply.0);
        }
        (replies, turn.take_hold())
    }

    /// Runs a command and waits until its reply may leave.
    pub(super) async fn write(&self, line: &str) {
        let (reply, hold) = self.command(line);
        assert!(!reply.starts_with("(error)"), "{line}: {reply}");
        self.released(hold).await;
    }

    pub(super) async fn until(&self, state: impl Fn() -> bool) {
        for _ in 0..PATIENCE {
            if state() {
                return;
            }
            // Lets pauses pass too: tokio's time is paused and jumps.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it never comes to this; the replica is {:?}", self.replica.standing());
    }

    pub(super) fn replica_released(&self, hold: Option<Ticket>) -> bool {
        hold.unwrap().is_released(self.replica.released())
    }

    pub(super) async fn released(&self, hold: Option<Ticket>) {
        let hold = hold.expect("the reply waits");
        self.until(|| hold.is_released(self.replica.released())).await;
    }

    pub(super) async fn standing(&self, standing: Standing) {
        self.until(|| self.replica.standing() == standing).await;
    }

    /// Until the open turn is sealed and sent.
    pub(super) async fn sent(&self, _records: usize) {
        self.until(|| self.replica.state.borrow().image.effects_bytes() == 0)
            .await;
    }

    async fn owning(&self) {
        let loaded = || {
            let state = self.replica.state.borrow();
            state.role.pipeline().is_some_and(|pipeline| pipeline.is_loaded())
        };
        self.until(loaded).await;
    }

    /// One round of renewals, as the worker makes them.
    pub(super) async fn renew(&self) {
        let log: Arc<dyn Log> = Arc::new(self.log.clone());
        renew_once(&log, &[Rc::clone(&self.replica)]).await;
    }

    /// Tells the process to end, and waits until it has.
    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        let life = self.life.take().unwrap();
        life.await.unwrap();
    }

    /// Somebody else takes the stream.
    pub(super) async fn fence_by_another(&self) {
        let owner = Owner {
            node: NodeId::new(9),
            incarnation: Incarnation::new(99).unwrap(),
        };
        let fence = Fence {
            stream: STREAM,
            expect_epoch: self.status().await.description.ownership.unwrap().epoch,
            owner,
            lease: LEASE_LENGTH,
            nomination: Nomination::ByControlPlane,
        };
        let granted = self.log.fence(fence).await.unwrap();
        self.other.replace(Some((owner.incarnation, granted)));
    }

    /// That somebody writes.
    pub(super) fn append_as_the_other(&self, effect: &Effect<'_>) {
        let (incarnation, granted) = self.other.borrow().unwrap();
        let mut payload = Vec::new();
        effect.encode(&mut payload);
        let draft = Draft {
            epoch: granted.epoch,
            incarnation,
            written_at: self.clock.wall(),
            engine_version: ENGINE_VERSION,
            payload: Bytes::from(payload),
        };
        let record = draft.seal(Lsn::after(granted.tail).unwrap(), granted.chain);
        let append = Append {
            stream: STREAM,
            epoch: granted.epoch,
            incarnation,
            under_lease: false,
            prev_lsn: granted.tail,
            records: vec![record],
        };
        // The log in memory has judged it when the method returns.
        drop(self.log.append(append));
    }

    /// Whether the newest epoch was given up.
    pub(super) async fn is_released(&self) -> bool {
        self.status().await.description.ownership.unwrap().released
    }

    /// How many records the stream has.
    pub(super) async fn records(&self) -> u64 {
        Lsn::count(self.status().await.description.tail)
    }

    async fn status(&self) -> StreamStatus {
        let answer = self.log.describe(vec![STREAM]).next().await.unwrap();
        answer.outcome.unwrap().unwrap()
    }
}

fn cluster() -> ClusterLayout {
    let replica = |node: NodeId, port| ReplicaLayout {
        node,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
    };
    ClusterLayout {
        name: "test".to_owned(),
        tenant: TenantId::new(1),
        seed: 7,
        users: Vec::new(),
        limits: ClusterLimits::default(),
        tls: None,
        shards: vec![ShardLayout {
            name: "0001".to_owned(),
            stream: STREAM,
            slots: vec![SlotRange {
                first: 0,
                last: SLOTS - 1,
            }],
            primary: PRIMARY,
            replicas: vec![replica(PRIMARY, 1), replica(FOLLOWER, 2)],
        }],
    }
}

/// Replies of one value, as text.
#[derive(Default)]
pub(super) struct Text(String);

impl Reply for Text {
    fn protocol(&self) -> Protocol {
        Protocol::Resp2
    }
    fn simple(&mut self, text: &str) {
        self.0 = text.to_owned();
    }
    fn error(&mut self, error: &CommandError) {
        self.0 = error.to_string();
    }
    fn integer(&mut self, number: i64) {
        self.0 = format!("(integer) {number}");
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.0 = format!("\"{}\"", bytes.escape_ascii());
    }
    fn null(&mut self) {
        self.0 = "(nil)".to_owned();
    }
    fn null_array(&mut self) {
        self.null();
    }
    fn array(&mut self, _replies: usize) {}
    fn map(&mut self, _pairs: usize) {}
    fn set(&mut self, _replies: usize) {}
    fn double(&mut self, _number: f64) {}
    fn boolean(&mut self, _yes: bool) {}
    fn verbatim(&mut self, _format: &str, _text: &str) {}
}
