//! One shard on three nodes, with everything that can go wrong at once, in an order drawn from a seed: calls and answers
//! that are late, lost or linger, nodes that are slow, killed, stopped, suspended, or fenced while they live, clocks that run at
//! other rates, another leader of the log. What clients were told must be what one copy of the data would have told, and
//! no two nodes hold the lease at once. The log is that in memory, judged by the real state machine; the replicas are the
//! real ones. Not tried: several shards, several keys in one turn, writes that depend on what was there, expiry, trims.
//!
//! `TENURE_SEED=7 cargo nextest run -p tenure-server chaos` repeats what the seed chose, though not the order in which
//! `select!` polls: with `TENURE_SEEDS=100` that one runs so often, and without `TENURE_SEED` so many seeds run.

mod history;
mod wires;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenure_engine::{OwnedArgs, Random};
use tenure_log::{Fence, Log, ManualClock, MemoryLog, MemoryOptions, Nomination};
use tenure_types::{Clock, NodeId};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::history::{History, NONE, Step};
use self::wires::{Fate, Wires};
use super::world::{LEASE_LENGTH, STREAM, Text, cluster, run};
use crate::plugin::Plugins;
use crate::replica::observe::Observer;
use crate::replica::renew::renew_once;
use crate::replica::{Replica, ReplicaParts, Standing, Ticket, live};
use crate::table::{Found, Registered, Table};
use crate::topology::Topology;

const SEEDS: u64 = 150;
const STEPS: usize = 1000;
const REGISTERS: usize = 6;
/// How far clocks may be from true time: less than half a percent.
const DRIFT_PERMILLE: u64 = 4;
/// How long a machine sleeps at least: more than `JUMP_MAX` of leases.
const SLEEP_MILLIS_MIN: u64 = 110;
/// Rounds in which a shard that nothing disturbs any more must serve.
const ROUNDS_TO_RECOVER: usize = 200;

#[test]
fn whatever_happens_clients_are_told_what_one_copy_would_tell() {
    let (only, runs) = (number("TENURE_SEED"), number("TENURE_SEEDS"));
    let runs = runs.unwrap_or(if only.is_some() { 1 } else { SEEDS });
    let mut told = Told::default();
    for run_number in 1..=runs {
        let seed = only.unwrap_or(run_number);
        run(async { told.add(&Chaos::new(seed).run().await) });
    }
    println!("{told:?}");
    if only.is_none() && runs >= SEEDS {
        told.assert_all_was_tried(runs);
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// How much of what is to be tried was.
#[derive(Debug, Default)]
struct Told {
    reads: usize,
    replica_reads: usize,
    writes: usize,
    unknown: usize,
    refused: usize,
    epochs: u64,
}

impl Told {
    fn add(&mut self, other: &Self) {
        self.reads += other.reads;
        self.replica_reads += other.replica_reads;
        self.writes += other.writes;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.epochs += other.epochs;
    }

    /// A run in which nobody is told anything proves nothing. Real ones have many times as much.
    fn assert_all_was_tried(&self, runs: u64) {
        let operations = [self.reads, self.replica_reads, self.writes, self.unknown, self.refused];
        assert!(
            operations.iter().all(|tried| *tried as u64 >= runs) && self.epochs >= 2 * runs,
            "too little of {runs} runs was tried: {self:?}"
        );
    }
}

struct Chaos {
    seed: u64,
    random: Random,
    log: MemoryLog,
    log_clock: Arc<ManualClock>,
    nodes: Vec<Node>,
    table: Table,
    step: Step,
    newest_value: u64,
    histories: [History; REGISTERS],
    told: Told,
}

/// A node, in its newest process.
struct Node {
    id: NodeId,
    clock: Arc<ManualClock>,
    /// How much time passes by its clock in a thousand milliseconds.
    rate: u64,
    wires: Wires,
    /// Whether little of what it says and hears is carried.
    is_slow: bool,
    replica: Rc<Replica>,
    life: JoinHandle<()>,
    stop: watch::Sender<bool>,
    /// Replies that wait.
    held: Vec<Held>,
    /// What this process showed last as a replica.
    shown: [u64; REGISTERS],
}

struct Held {
    hold: Ticket,
    register: usize,
    value: u64,
    is_write: bool,
    begun: Step,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let log_clock = Arc::new(ManualClock::new());
        let options = MemoryOptions {
            lease_max: LEASE_LENGTH,
            ..MemoryOptions::default()
        };
        let log = MemoryLog::new(Arc::clone(&log_clock) as Arc<dyn Clock>, options);
        let nodes = (1..=3).map(|id| Node::start(NodeId::new(id), Arc::default(), &log, &mut random));
        let nodes = nodes.collect();
        Self {
            seed,
            random,
            log,
            log_clock,
            nodes,
            table: Table::new(),
            step: 0,
            newest_value: NONE,
            histories: Default::default(),
            told: Told::default(),
        }
    }

    async fn run(mut self) -> Told {
        for _ in 0..STEPS {
            self.disturb().await;
            self.settle();
            self.assert_one_holds_the_lease();
        }
        self.recover().await;
        for register in 0..REGISTERS {
            let history = &self.histories[register];
            if let Err(illegal) = history.check() {
                panic!("seed {}, register {register}: {illegal}\n{history:?}", self.seed);
            }
        }
        self.told.epochs = self.epoch().await;
        self.nodes.iter().for_each(|node| node.life.abort());
        self.told
    }

    /// Does something, and lets what follows from it happen, or some of it.
    async fn disturb(&mut self) {
        let at = self.random.below(self.nodes.len());
        match self.random.below(1000) {
            0..450 => self.operate(at),
            450..500 => self.read_replica(at),
            500..650 => self.nodes[at].renew(),
            650..800 => self.nodes[at].look(),
            800..810 => self.order_hand_over(at).await,
            810..950 => {
                let millis = self.random.below(100);
                self.pass_time(millis as u64);
            }
            950..955 => {
                let millis = self.random.below(2000);
                self.pass_time(millis as u64);
            }
            955..960 => self.elect(at).await,
            960..965 => self.restart(at),
            // It is started again when it has ended.
            965..970 => drop(self.nodes[at].stop.send_replace(true)),
            970..980 => {
                let reads = self.random.below(3) > 0;
                self.nodes[at].wires.read(reads);
            }
            980..990 => self.nodes[at].is_slow = self.random.below(2) == 0,
            990..995 => self.log.change_leader(),
            _ => self.suspend(at),
        }
        if self.nodes[at].life.is_finished() {
            self.restart(at);
        }
        self.carry();
        // Not always long enough for everything that could follow.
        let millis = [0, 0, 1, 1, 5, 50][self.random.below(6)];
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    /// Some of what is on its way arrives, or does not.
    fn carry(&mut self) {
        for at in 0..self.nodes.len() {
            let pieces = if self.nodes[at].is_slow {
                self.random.below(2)
            } else {
                4
            };
            for _ in 0..pieces {
                let (call, answer) = (self.fate(), self.fate());
                self.nodes[at].wires.call(call);
                self.nodes[at].wires.answer(answer, &mut self.random);
            }
        }
    }

    fn fate(&mut self) -> Fate {
        match self.random.below(40) {
            0 => Fate::IsLost,
            1 => Fate::Lingers,
            _ => Fate::Arrives,
        }
    }

    /// A client that said READONLY reads. Later writes have higher values, so what it is told must never go down.
    fn read_replica(&mut self, at: usize) {
        let register = self.random.below(REGISTERS);
        let node = &mut self.nodes[at];
        let read = node.command(&self.table, Standing::Replica, &format!("GET r{register}"));
        if let Some((reply, hold)) = read {
            assert_eq!(hold, None, "a replica shows what is in the log");
            let value = reply.trim_matches('"').parse().unwrap_or(NONE);
            let before = std::mem::replace(&mut node.shown[register], value);
            assert!(before <= value, "seed {}: {before}, and then {value}", self.seed);
            self.told.replica_reads += 1;
        }
    }

    /// A client reads or writes, where it believes the primary to be.
    fn operate(&mut self, at: usize) {
        let serves = |node: &Node| node.replica.standing() == Standing::Primary;
        let known = self.nodes.iter().position(serves);
        let at = known.filter(|_| self.random.below(3) > 0).unwrap_or(at);
        let begun = self.next_step();
        let register = self.random.below(REGISTERS);
        let is_write = self.random.below(2) == 0;
        let value = self.newest_value + 1;
        let line = if is_write {
            format!("SET r{register} {value}")
        } else {
            format!("GET r{register}")
        };
        let Some((reply, hold)) = self.nodes[at].command(&self.table, Standing::Primary, &line) else {
            self.told.refused += 1;
            return;
        };
        let value = if is_write {
            self.newest_value = value;
            value
        } else {
            reply.trim_matches('"').parse().unwrap_or(NONE)
        };
        let held = Held {
            hold: hold.unwrap_or_default(),
            register,
            value,
            is_write,
            begun,
        };
        match hold {
            Some(_) => self.nodes[at].held.push(held),
            None => self.ends(&held),
        }
    }

    /// Lets the replies leave that may.
    fn settle(&mut self) {
        for at in 0..self.nodes.len() {
            let standing = self.nodes[at].replica.standing();
            assert_ne!(standing, Standing::Broken, "seed {}", self.seed);
            let newest = self.nodes[at].replica.released();
            let held = std::mem::take(&mut self.nodes[at].held);
            for held in held {
                if held.hold.is_released(newest) {
                    self.ends(&held);
                } else if held.hold.is_of_life(newest) {
                    self.nodes[at].held.push(held);
                } else {
                    self.is_unknown(&held);
                }
            }
        }
    }

    /// Of those who believe to hold it, at most one still does once it has looked at its clocks, as each turn does first. The
    /// others are left alone: they would not look now.
    fn assert_one_holds_the_lease(&self) {
        let believe = |node: &&Node| node.replica.standing() == Standing::Primary;
        let believing: Vec<_> = self.nodes.iter().filter(believe).collect();
        if believing.len() > 1 {
            let holds = |node: &&&Node| node.replica.begin_turn().standing() == Standing::Primary;
            let holding = believing.iter().filter(holds).count();
            assert!(holding <= 1, "seed {}: {holding} nodes hold the lease", self.seed);
        }
    }

    fn ends(&mut self, held: &Held) {
        let ended = self.next_step();
        let history = &mut self.histories[held.register];
        if held.is_write {
            self.told.writes += 1;
            history.write(held.value, held.begun, Some(ended));
        } else {
            self.told.reads += 1;
            history.read(held.value, held.begun, ended);
        }
    }

    fn is_unknown(&mut self, held: &Held) {
        self.told.unknown += 1;
        if held.is_write {
            self.histories[held.register].write(held.value, held.begun, None);
        }
    }

    fn next_step(&mut self) -> Step {
        self.step += 1;
        self.step
    }

    fn pass_time(&self, millis: u64) {
        self.log_clock.advance(Duration::from_millis(millis));
        for node in &self.nodes {
            node.clock.advance(Duration::from_micros(millis * node.rate));
        }
    }

    /// The machine sleeps, and its clock with it; the time of day is right when it wakes. It sleeps for longer than clocks
    /// may differ: less is not noticed, so nothing is promised.
    fn suspend(&mut self, at: usize) {
        let slept_millis = SLEEP_MILLIS_MIN + self.random.below(3000) as u64;
        // By no real clock does it fall asleep at the instant at which it last called the log.
        self.pass_time(1);
        self.log_clock.advance(Duration::from_millis(slept_millis));
        for (other, node) in self.nodes.iter().enumerate() {
            if other == at {
                node.clock.step_wall(Duration::from_millis(slept_millis));
            } else {
                node.clock.advance(Duration::from_micros(slept_millis * node.rate));
            }
        }
    }

    /// Somebody fences on behalf of a node, whether or not there is a need.
    async fn elect(&mut self, at: usize) {
        let fence = Fence {
            stream: STREAM,
            expect_epoch: tenure_types::Epoch::new(self.epoch().await),
            owner: self.nodes[at].replica.owner(),
            lease: LEASE_LENGTH,
            nomination: Nomination::ByControlPlane,
        };
        // There may be no stream yet.
        let _ = self.log.fence(fence).await;
    }

    /// The owner is told to hand over to this node, whether or not that has caught up; or to none of them.
    async fn order_hand_over(&mut self, at: usize) {
        let epoch = self.epoch().await;
        let mut layout = cluster();
        layout.shards[0].primary = self.nodes[at].id;
        layout.shards[0].give_up = Some(epoch).filter(|epoch| *epoch > 0).map(tenure_types::Epoch::new);
        let layout = Arc::new(layout);
        for node in &self.nodes {
            // Not all hear it at once.
            if self.random.below(3) > 0 {
                node.replica.topology().order(Arc::clone(&layout));
            }
        }
    }

    async fn epoch(&self) -> u64 {
        use futures::StreamExt;
        let answer = self.log.describe(vec![STREAM]).next().await.unwrap();
        let ownership = answer.outcome.unwrap().and_then(|status| status.description.ownership);
        ownership.map_or(0, |current| current.epoch.get())
    }

    /// The process is killed, and another is started.
    fn restart(&mut self, at: usize) {
        let held = std::mem::take(&mut self.nodes[at].held);
        held.iter().for_each(|held| self.is_unknown(held));
        let node = &self.nodes[at];
        node.life.abort();
        let (id, clock) = (node.id, Arc::clone(&node.clock));
        self.nodes[at] = Node::start(id, clock, &self.log, &mut self.random);
    }

    /// Nothing goes wrong any more: the shard must serve, and hold what was acknowledged.
    async fn recover(&mut self) {
        for at in 0..self.nodes.len() {
            if *self.nodes[at].stop.borrow() {
                self.restart(at);
            }
            self.nodes[at].wires.read(true);
        }
        for _ in 0..ROUNDS_TO_RECOVER {
            for node in &self.nodes {
                node.renew();
                node.look();
            }
            for _ in 0..5 {
                self.nodes.iter().for_each(|node| node.wires.deliver());
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.settle();
            }
            let serves = |node: &Node| node.replica.standing() == Standing::Primary;
            if let Some(at) = self.nodes.iter().position(serves) {
                self.read_all(at);
                return;
            }
            self.pass_time(u64::from(LEASE_LENGTH.as_millis()) / 6);
        }
        let standings: Vec<_> = self.nodes.iter().map(|node| node.replica.standing()).collect();
        panic!("seed {}: nobody serves the shard: {standings:?}", self.seed);
    }

    fn read_all(&mut self, at: usize) {
        for register in 0..REGISTERS {
            let begun = self.next_step();
            let (reply, hold) = self.nodes[at]
                .command(&self.table, Standing::Primary, &format!("GET r{register}"))
                .unwrap();
            assert_eq!(hold, None, "everything is in the log");
            let ended = self.next_step();
            let value = reply.trim_matches('"').parse().unwrap_or(NONE);
            self.histories[register].read(value, begun, ended);
        }
    }
}

impl Node {
    fn start(id: NodeId, clock: Arc<ManualClock>, log: &MemoryLog, random: &mut Random) -> Self {
        let cluster = cluster();
        let wires = Wires::new(log.clone());
        let replica = Replica::new(ReplicaParts {
            node: id,
            shard: cluster.shards[0].clone(),
            plugins: Plugins::of(&cluster),
            topology: Topology::new(cluster),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            log: Arc::new(wires.clone()),
            lease: LEASE_LENGTH,
            durable_copies: 2,
            seed: random.next(),
            news: Rc::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let life = tokio::task::spawn_local(live(Rc::clone(&replica), stopped));
        let rate = 1000 - DRIFT_PERMILLE + DRIFT_PERMILLE * random.below(3) as u64;
        Self {
            id,
            clock,
            rate,
            wires,
            is_slow: false,
            replica,
            life,
            stop,
            held: Vec::new(),
            shown: [NONE; REGISTERS],
        }
    }

    /// One round of renewals, as the worker makes them: it does not wait for the one before.
    fn renew(&self) {
        let (log, replica) = (self.log(), Rc::clone(&self.replica));
        tokio::task::spawn_local(async move { renew_once(&log, &[replica]).await });
    }

    fn look(&self) {
        for observer in Observer::of_groups(&self.log(), &[Rc::clone(&self.replica)]) {
            tokio::task::spawn_local(async move {
                observer.ask().await;
            });
        }
    }

    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.wires.clone())
    }

    /// Runs a command if the node stands so: what it answers, and what that waits for.
    fn command(&self, table: &Table, standing: Standing, line: &str) -> Option<(String, Option<Ticket>)> {
        let mut turn = self.replica.begin_turn();
        if turn.standing() != standing {
            return None;
        }
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let args: OwnedArgs = words.iter().collect();
        let Found::Command(Registered::Engine(command)) = table.find(words[0], None) else {
            panic!("no command on data: {line}");
        };
        let mut reply = Text::default();
        turn.run(command, args.as_args(), &mut reply).ok()?;
        Some((reply.text().to_owned(), turn.take_hold()))
    }
}
