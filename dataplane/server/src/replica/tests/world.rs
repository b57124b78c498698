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
use tenure_log::{
    Append, Draft, EngineVersion, Fence, Granted, Log, ManualClock, MemoryLog, MemoryOptions, Nomination, StreamStatus,
};
use tenure_types::{Clock, Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, LocalSet};

use super::cut::{CutLog, Twist};
use crate::layout::{ClusterLayout, ClusterLimits, ReplicaLayout, ShardLayout, SlotRange};
use crate::plugin::Plugins;
use crate::replica::observe::{Observer, observe_all};
use crate::replica::pipeline::ENGINE_VERSION;
use crate::replica::renew::renew_once;
use crate::replica::{Replica, ReplicaParts, Replicas, Standing, Ticket, live};
use crate::table::{Found, Registered, Table};
use crate::topology::Topology;

pub(super) const LEASE_LENGTH: LeaseLength = LeaseLength::from_millis(1200).unwrap();
pub(super) const LEASE: Duration = LEASE_LENGTH.as_duration();

pub(super) const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);
const PRIMARY: NodeId = NodeId::new(1);
const FOLLOWER: NodeId = NodeId::new(2);
const THIRD: NodeId = NodeId::new(3);

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
    way: CutLog,
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
            lease_max: LEASE_LENGTH,
        };
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, options);
        let world = Self::begin(log, clock, PRIMARY, 1);
        world.owning().await;
        world.renew().await;
        world.standing(Standing::Primary).await;
        world
    }

    /// A node that is not the first choice, while that never comes.
    pub(super) async fn alone() -> Self {
        let clock = Arc::new(ManualClock::new());
        let options = MemoryOptions {
            lease_max: LEASE_LENGTH,
            ..MemoryOptions::default()
        };
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, options);
        let world = Self::begin(log, clock, FOLLOWER, 1);
        world.standing(Standing::Replica).await;
        world
    }

    /// The process again, after a crash of the first: it follows.
    pub(super) async fn restarted(&self) -> Self {
        if let Some(life) = self.life.take() {
            life.abort();
        }
        // Another one at each start, or a process would go on with what one before it owned.
        let seed = self.replica.state.borrow_mut().random.next();
        let world = Self::begin(self.log.clone(), Arc::clone(&self.clock), self.node(), seed);
        world.standing(Standing::Replica).await;
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
        let world = self.restarted().await;
        // By itself it would wait until the first is silent for long enough.
        world.elect().await;
        world.owning().await;
        world
    }

    /// Another node that follows.
    pub(super) async fn follower(&self) -> Self {
        self.following(FOLLOWER, 3).await
    }

    /// Another node that has asked how the stream stands, and cannot read it yet.
    pub(super) async fn follower_that_cannot_read(&self) -> Self {
        self.following_blindly(FOLLOWER, 3).await
    }

    /// The third node likewise.
    pub(super) async fn third_node_that_cannot_read(&self) -> Self {
        self.following_blindly(THIRD, 4).await
    }

    async fn following_blindly(&self, node: NodeId, seed: u64) -> Self {
        let world = Self::begin(self.log.clone(), Arc::clone(&self.clock), node, seed);
        world.refuse_readers(true);
        world.until(|| !world.begun_to_read().is_empty()).await;
        world
    }

    /// Another node, which is told of a history that it will not find.
    pub(super) fn follower_of_another_history(&self) -> Self {
        let world = Self::begin(self.log.clone(), Arc::clone(&self.clock), FOLLOWER, 3);
        world.way.tell_another_history();
        world
    }

    /// A third node that follows.
    pub(super) async fn second_follower(&self) -> Self {
        self.following(THIRD, 4).await
    }

    async fn following(&self, node: NodeId, seed: u64) -> Self {
        let world = Self::begin(self.log.clone(), Arc::clone(&self.clock), node, seed);
        world.standing(Standing::Replica).await;
        world
    }

    fn begin(log: MemoryLog, clock: Arc<ManualClock>, node: NodeId, seed: u64) -> Self {
        let cluster = cluster();
        let way = CutLog::new(log.clone());
        let replica = Replica::new(ReplicaParts {
            node,
            shard: cluster.shards[0].clone(),
            plugins: Plugins::of(&cluster),
            topology: Topology::new(cluster),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            log: Arc::new(way.clone()),
            lease: LEASE_LENGTH,
            durable_copies: 2,
            seed,
            news: Rc::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let life = tokio::task::spawn_local(live(Rc::clone(&replica), stopped));
        Self {
            log,
            clock,
            replica,
            way,
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

    /// Until it owns the shard and has loaded it.
    pub(super) async fn owning(&self) {
        let loaded = || {
            let state = self.replica.state.borrow();
            state.role.pipeline().is_some_and(|pipeline| pipeline.is_loaded())
        };
        for _ in 0..PATIENCE {
            self.look().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            if loaded() {
                return;
            }
        }
        panic!("it never owns the shard; the replica is {:?}", self.replica.standing());
    }

    /// One look at the log, as the worker takes it, and time for what follows from it.
    pub(super) async fn look(&self) {
        self.hear().await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// One look at the log, before anything follows from it.
    pub(super) async fn hear(&self) {
        let log: Arc<dyn Log> = Arc::new(self.way.clone());
        for observer in Observer::of_groups(&log, &[Rc::clone(&self.replica)]) {
            let _ = observer.ask().await;
        }
    }

    /// One round of renewals, as the worker makes them.
    pub(super) async fn renew(&self) {
        let log: Arc<dyn Log> = Arc::new(self.way.clone());
        renew_once(&log, &[Rc::clone(&self.replica)]).await;
    }

    /// From now on it does not reach the log.
    pub(super) fn cut(&self) {
        self.way.cut();
    }

    /// It does again.
    pub(super) fn heal(&self) {
        self.way.heal();
    }

    /// What it reads now yields nothing more, and yet does not end.
    pub(super) fn silence_readers(&self) {
        self.way.silence_readers();
    }

    /// Its next fence leaves once this is told to go.
    pub(super) fn hold_next_fence(&self) -> oneshot::Sender<()> {
        self.way.hold_next_fence()
    }

    /// Whether it is sent away when it begins to read.
    pub(super) fn refuse_readers(&self, is_refused: bool) {
        self.way.refuse_readers(is_refused);
    }

    /// From now on what it reads comes like this.
    pub(super) fn twist(&self, twist: Twist) {
        self.way.twist(twist);
    }

    /// From where it began to read.
    pub(super) fn begun_to_read(&self) -> Vec<Lsn> {
        self.way.begun_to_read()
    }

    /// How often it asked how streams stand.
    pub(super) fn times_asked(&self) -> u64 {
        self.way.times_asked()
    }

    /// Asks how the stream stands as the worker does, for so long.
    pub(super) async fn observe_for(&self, time: Duration) {
        let log: Arc<dyn Log> = Arc::new(self.way.clone());
        let observing = observe_all(log, Replicas::of(vec![Rc::clone(&self.replica)]), LEASE / 6);
        let _ = tokio::time::timeout(time, observing).await;
    }

    /// Its next fence takes effect, and it hears that nothing is known.
    pub(super) fn lose_answer_of_next_fence(&self) {
        self.way.lose_answer_of_next_fence();
    }

    /// Its next release never arrives, and it hears that nothing is known.
    pub(super) fn lose_next_release(&self) {
        self.way.lose_next_release();
    }

    /// It is told to whom the shard is to go, and which epoch is to be given up for that.
    pub(super) fn order_hand_over(&self, to: NodeId, epoch: Epoch) {
        let mut layout = cluster();
        layout.shards[0].primary = to;
        layout.shards[0].give_up = Some(epoch);
        self.replica.topology().order(Arc::new(layout));
    }

    /// Who is primary, as its clients are told.
    pub(super) fn known_primary(&self) -> NodeId {
        self.replica.cluster().shards[0].primary
    }

    /// Which node it is.
    pub(super) fn node(&self) -> NodeId {
        self.replica.node()
    }

    /// Who owns the shard now, in which epoch.
    pub(super) async fn owner(&self) -> (Epoch, NodeId) {
        let current = self.status().await.description.ownership.unwrap();
        (current.epoch, current.owner.node)
    }

    /// Somebody fences on behalf of this replica, at once.
    pub(super) async fn elect(&self) {
        let fence = Fence {
            stream: STREAM,
            expect_epoch: self.owner().await.0,
            owner: Owner {
                node: self.node(),
                incarnation: self.replica.incarnation(),
            },
            lease: LEASE_LENGTH,
            nomination: Nomination::ByControlPlane,
        };
        self.log.fence(fence).await.unwrap();
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
        self.append_of_version(ENGINE_VERSION, effect);
    }

    /// The same, by an engine of this version.
    pub(super) fn append_of_version(&self, engine_version: EngineVersion, effect: &Effect<'_>) {
        let (incarnation, granted) = self.other.borrow().unwrap();
        let mut payload = Vec::new();
        effect.encode(&mut payload);
        let draft = Draft {
            epoch: granted.epoch,
            incarnation,
            written_at: self.clock.wall(),
            engine_version,
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

pub(super) fn cluster() -> ClusterLayout {
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
            replicas: vec![replica(PRIMARY, 1), replica(FOLLOWER, 2), replica(THIRD, 3)],
            give_up: None,
        }],
        plugins: Vec::new(),
    }
}

/// Replies of one value, as text.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

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
