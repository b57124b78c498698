//! A shard on this node: its image, its role, the pipeline of its records, its clients.
//! Promises: what is executed here was allowed by the lease when it was executed, and says after which ticket its reply
//! may leave; what a role must not do, no method of it does.
//!
//! ```text
//!   follow ──▶ take (fence) ──▶ own (load, wait-out, serve) ──▶ Fenced ──▶ follow …       one task per replica: `life`
//!     ▲ nominate ◀── observe            │ turns ──▶ commit ──▶ Log
//! ```

mod commit;
mod follow;
mod gather;
mod hazards;
mod lease;
mod life;
mod maintain;
mod nominate;
mod observe;
mod own;
mod pipeline;
mod renew;
mod role;
#[cfg(test)]
mod serving;
mod take;
#[cfg(test)]
mod tests;
mod together;
mod turn;
mod watch;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenure_engine::{CommandError, Image, ImageOptions, Mode, Random};
use tenure_log::{Log, StreamStatus};
use tenure_types::{BootTime, Clock, Incarnation, LeaseLength, NodeId, Owner, StreamId, WallTime};
use tokio::sync::{Notify, watch as channel};

use self::commit::Over;
use self::follow::Place;
use self::role::Role;
use self::watch::Watches;
use crate::client::{Client, Clients, End};
use crate::layout::{ClusterLayout, ShardLayout};
use crate::metrics::{Measured, Tallies};
use crate::plugin::{PluginError, Plugins};
use crate::topology::Topology;
use crate::worker::ReplicaReport;

pub(crate) use self::life::{error_chain, live};
pub(crate) use self::observe::observe_all;
pub(crate) use self::renew::renew_all;
#[cfg(test)]
pub(crate) use self::renew::renew_once;
pub(crate) use self::together::Replicas;
pub(crate) use self::turn::{ReplyTo, Turn};
pub(crate) use self::watch::Watch;

/// Counts the turns of a shard that changed something. A reply that depends on a turn leaves once its ticket is released:
/// when its record is in the log for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Ticket {
    /// Which of the roles that this replica had. What one of them left unreleased never will be.
    life: u64,
    turn: u64,
}

impl Ticket {
    fn next(self) -> Self {
        Self {
            turn: self.turn + 1,
            ..self
        }
    }

    /// The one before the first of the next role.
    fn next_life(self) -> Self {
        Self {
            life: self.life + 1,
            turn: 0,
        }
    }

    /// Whether it is released when this is the newest that is.
    pub(crate) fn is_released(self, newest: Self) -> bool {
        self.life == newest.life && self.turn <= newest.turn
    }

    /// Whether it is of the same role.
    #[cfg(test)]
    pub(crate) fn is_of_life(self, other: Self) -> bool {
        self.life == other.life
    }

    /// One of the first role.
    #[cfg(test)]
    pub(crate) const fn of(turn: u64) -> Self {
        Self { life: 0, turn }
    }
}

/// What a replica may do at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It replays the log, or waits until the lease before its own has surely ended.
    Loading,
    /// It holds the lease: everything.
    Primary,
    /// It follows: reads of a committed prefix.
    Replica,
    /// Its lease is over, and the log does not answer: nothing about data. It goes on when the log answers.
    Lapsed,
    /// Its stream does not fit its image. Nothing, until somebody has looked.
    Broken,
}

/// Why a command on data was not executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("LOADING Tenure is loading the dataset from the log")]
    Loading,
    #[error("CLUSTERDOWN The shard cannot reach its log, nothing was executed")]
    Lapsed,
    #[error("CLUSTERDOWN The shard stopped because its log does not fit its data; its operator has to look")]
    Broken,
    #[error("READONLY You can't write against a read only replica.")]
    ReadOnly,
    #[error("TRYAGAIN The log grants this shard no credit to write, nothing was executed")]
    NoCredit,
    #[error("ERR The transaction writes more than one record of the log can hold, this command was not executed")]
    TurnFull,
    #[error("ERR The keys of one command may have {max} bytes in all, nothing was executed")]
    KeysTooLong { max: usize },
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A plugin's command changed nothing.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// What a replica is made of.
pub(crate) struct ReplicaParts {
    pub(crate) node: NodeId,
    pub(crate) topology: Rc<Topology>,
    pub(crate) plugins: Rc<Plugins>,
    pub(crate) shard: ShardLayout,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) lease: LeaseLength,
    pub(crate) durable_copies: usize,
    /// For samples and incarnations. Another one at each start.
    pub(crate) seed: u64,
    /// Told when there is something that a report should say at once.
    pub(crate) news: Rc<Notify>,
}

/// A shard on this node. Lives on one worker's thread, with its connections.
pub(crate) struct Replica {
    node: NodeId,
    /// The cluster, and who is known to be primary of its shards.
    topology: Rc<Topology>,
    /// The plugins that are attached to the cluster.
    plugins: Rc<Plugins>,
    /// Its shard's name in the cluster.
    name: String,
    stream: StreamId,
    clock: Arc<dyn Clock>,
    log: Arc<dyn Log>,
    /// L of the epochs it asks for.
    lease: LeaseLength,
    started_at: BootTime,
    durable_copies: usize,
    pub(crate) clients: Clients,
    pub(crate) counters: Counters,
    pub(crate) tallies: Tallies,
    watches: Rc<RefCell<Watches>>,
    state: RefCell<State>,
    /// A turn left effects.
    turned: Notify,
    /// A record was released, a lease renewed, a role changed: for those who wait for a state.
    changed: channel::Sender<()>,
    /// A renewal found the epoch over.
    over: Cell<Option<Over>>,
    /// What the log's leader said of the stream, newest.
    observed: channel::Sender<Option<StreamStatus>>,
    news: Rc<Notify>,
    has_settled: Cell<bool>,
}

/// What INFO tells of the time since the process started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub(crate) connections_received: Cell<u64>,
    pub(crate) connections_refused: Cell<u64>,
    pub(crate) commands_processed: Cell<u64>,
    pub(crate) input_bytes: Cell<u64>,
    pub(crate) output_bytes: Cell<u64>,
}

impl Counters {
    /// Counts from zero again.
    pub(crate) fn reset(&self) {
        let Self {
            connections_received,
            connections_refused,
            commands_processed,
            input_bytes,
            output_bytes,
        } = self;
        for counter in [
            connections_received,
            connections_refused,
            commands_processed,
            input_bytes,
            output_bytes,
        ] {
            counter.set(0);
        }
    }
}

/// The time of an image that holds no record.
const BEFORE_ALL_RECORDS: WallTime = WallTime::from_unix_millis(0);

struct State {
    image: Image,
    /// Up to where the image holds the stream. Of an owner: when its epoch began.
    place: Place,
    /// When the newest record was written that the image holds, or that was made of it.
    written_at: WallTime,
    /// Which life of the image this is.
    incarnation: Incarnation,
    random: Random,
    role: Role,
    /// The ticket before the first of this role.
    begun: Ticket,
    waiting: BTreeMap<Ticket, Vec<Rc<Client>>>,
}

impl State {
    fn standing(&self, now: BootTime) -> Standing {
        self.role.standing(now)
    }

    fn read_clocks(&mut self, clock: &dyn Clock) -> (BootTime, WallTime) {
        match self.role.pipeline_mut() {
            Some(pipeline) => pipeline.read_clocks(clock),
            None => (clock.boot(), clock.wall()),
        }
    }

    fn mode(&self) -> Mode {
        match self.role.pipeline() {
            Some(pipeline) if pipeline.may_expire(self.image.effects_bytes()) => Mode::Primary,
            Some(_) => Mode::Starved,
            None => Mode::Replica,
        }
    }

    fn may_write(&self) -> bool {
        let open_bytes = self.image.effects_bytes();
        self.role
            .pipeline()
            .is_some_and(|pipeline| pipeline.may_write(open_bytes))
    }

    fn released(&self) -> Ticket {
        self.role.pipeline().map_or(self.begun, |pipeline| pipeline.released())
    }

    /// Wakes those whose replies may leave.
    fn wake_released(&mut self) {
        let released = self.released();
        while let Some(first) = self
            .waiting
            .first_entry()
            .filter(|first| first.key().is_released(released))
        {
            first.remove().iter().for_each(|client| client.wake());
        }
    }
}

impl Replica {
    /// One that follows and has read nothing yet. [`live`] is its life.
    pub(crate) fn new(parts: ReplicaParts) -> Rc<Self> {
        let image = Image::new(image_options(&parts.topology.layout()));
        let mut random = Random::new(parts.seed);
        Rc::new(Self {
            node: parts.node,
            topology: parts.topology,
            plugins: parts.plugins,
            stream: parts.shard.stream,
            name: parts.shard.name,
            started_at: parts.clock.boot(),
            clock: parts.clock,
            log: parts.log,
            lease: parts.lease,
            durable_copies: parts.durable_copies,
            clients: Clients::default(),
            counters: Counters::default(),
            tallies: Tallies::default(),
            watches: Rc::default(),
            state: RefCell::new(State {
                image,
                place: Place::start_of(parts.shard.stream),
                written_at: BEFORE_ALL_RECORDS,
                incarnation: draw_incarnation(&mut random),
                random,
                role: Role::Loading,
                begun: Ticket::default(),
                waiting: BTreeMap::new(),
            }),
            turned: Notify::new(),
            changed: channel::Sender::new(()),
            over: Cell::new(None),
            observed: channel::Sender::new(None),
            news: parts.news,
            has_settled: Cell::new(false),
        })
    }

    /// Which node this is.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// How many tickets are waited for.
    #[cfg(test)]
    pub(crate) fn wake_ups_asked_for(&self) -> usize {
        self.state.borrow().waiting.values().map(Vec::len).sum()
    }

    /// The clock of the node.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Since when it is on this node.
    pub(crate) fn started_at(&self) -> BootTime {
        self.started_at
    }

    /// The cluster as it is now.
    pub(crate) fn cluster(&self) -> Arc<ClusterLayout> {
        self.topology.layout()
    }

    /// The cluster, and who is known to be primary of its shards.
    pub(crate) fn topology(&self) -> &Rc<Topology> {
        &self.topology
    }

    /// The plugins that are attached to the cluster.
    pub(crate) fn plugins(&self) -> &Rc<Plugins> {
        &self.plugins
    }

    /// The name of the shard in its cluster.
    pub(crate) fn shard_name(&self) -> &str {
        &self.name
    }

    /// On how many disks a write is when it is acknowledged.
    pub(crate) fn durable_copies(&self) -> usize {
        self.durable_copies
    }

    /// What it may do now.
    pub(crate) fn standing(&self) -> Standing {
        self.state.borrow().standing(self.clock.boot())
    }

    /// Begins a turn: reads the clocks, and says what may be executed in it. To be called after the last read of what the
    /// turn executes.
    pub(crate) fn begin_turn(&self) -> Turn<'_> {
        Turn::begin(self)
    }

    /// Up to where replies may leave.
    pub(crate) fn released(&self) -> Ticket {
        self.state.borrow().released()
    }

    /// Wakes the client once this ticket is released.
    pub(crate) fn wake_when_released(&self, ticket: Ticket, client: &Rc<Client>) {
        let mut state = self.state.borrow_mut();
        if ticket.is_released(state.released()) {
            client.wake();
        } else {
            state.waiting.entry(ticket).or_default().push(Rc::clone(client));
        }
    }

    /// Resolves whenever something may have changed that somebody waits for.
    pub(crate) fn changes(&self) -> channel::Receiver<()> {
        self.changed.subscribe()
    }

    /// Which life of the image this is.
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.state.borrow().incarnation
    }

    /// Its name as an owner of the stream.
    fn owner(&self) -> Owner {
        Owner {
            node: self.node,
            incarnation: self.incarnation(),
        }
    }

    /// Resolves whenever the log's leader has told how the stream stands.
    pub(crate) fn observations(&self) -> channel::Receiver<Option<StreamStatus>> {
        self.observed.subscribe()
    }

    /// It serves, or sees another do so: from now on it is told so of it.
    pub(crate) fn note_settled(&self) {
        self.has_settled.set(true);
        self.news.notify_one();
    }

    /// What others are told of it.
    pub(crate) fn report(&self) -> ReplicaReport {
        let state = self.state.borrow();
        let keyspace = state.image.keyspace();
        let lsn = match state.role.pipeline() {
            Some(pipeline) if pipeline.has_loaded() => pipeline.committed(),
            Some(_) | None => state.place.tail,
        };
        ReplicaReport {
            stream: self.stream,
            standing: state.standing(self.clock.boot()),
            incarnation: state.incarnation,
            epoch: self.topology.epoch_of(self.stream),
            lsn,
            keys: keyspace.len() as u64,
            memory_bytes: keyspace.memory_bytes() as u64,
            clients: self.clients.len() as u64,
            has_settled: self.has_settled.get(),
        }
    }

    /// How it is, in numbers.
    pub(crate) fn measure(&self) -> Measured {
        let (report, cluster, now) = (self.report(), self.cluster(), self.clock.boot());
        let up_millis = u64::try_from(now.elapsed_since(self.started_at).as_millis()).unwrap_or(u64::MAX);
        let state = self.state.borrow();
        let open_bytes = state.image.effects_bytes();
        Measured {
            volatile_keys: state.image.keyspace().volatile(),
            stats: state.image.stats(),
            owner: state.role.pipeline().map(|pipeline| pipeline.measure(open_bytes, now)),
            started_at_millis: self.clock.wall().as_unix_millis().saturating_sub(up_millis),
            shard: self.name.clone(),
            lease: self.lease.as_duration(),
            counted: self.counters.clone(),
            tallied: self.tallies.read(),
            report,
            cluster,
        }
    }

    /// Takes the limits of the cluster as they are now.
    pub(crate) fn take_limits(&self) {
        let limits = self.cluster().limits;
        let mut state = self.state.borrow_mut();
        let ImageOptions {
            memory_bytes_max,
            policy,
            ..
        } = *state.image.options();
        // What was noted of keys is lost by a change that is none.
        if (memory_bytes_max, policy) != (Some(limits.memory_bytes_max), limits.policy) {
            state.image.set_limits(Some(limits.memory_bytes_max), limits.policy);
        }
    }

    /// How much of the wait-out is left; `None`: there is none.
    pub(crate) fn wait_out_left(&self) -> Option<Duration> {
        let state = self.state.borrow();
        let now = self.clock.boot();
        let until = state.role.pipeline().map(|pipeline| pipeline.lease().visible_from());
        until.filter(|until| *until > now).map(|until| until.elapsed_since(now))
    }

    /// Resolves at the end of the wait-out, which nobody tells of; never if there is none to come.
    pub(crate) async fn wait_out(&self) {
        match self.wait_out_left() {
            Some(left) => tokio::time::sleep(left).await,
            None => std::future::pending().await,
        }
    }

    /// Its stream.
    pub(crate) fn stream(&self) -> StreamId {
        self.stream
    }

    /// Takes another role. Every connection ends: what a client was told of the one before holds no longer.
    fn change_role(&self, role: Role) {
        {
            let mut state = self.state.borrow_mut();
            // Nothing mends an image that was changed half-way, an epoch that is granted meanwhile neither.
            if let Role::Broken = state.role {
                return;
            }
            state.begun = state.begun.next_life();
            state.role = role;
            state.waiting.clear();
        }
        self.over.set(None);
        self.clients.end_all(End::RoleChanged);
        self.news.notify_one();
        self.tell_change();
    }

    /// Another life begins, with an image that holds nothing.
    fn begin_life(&self) {
        let mut state = self.state.borrow_mut();
        state.image = Image::new(image_options(&self.cluster()));
        state.place = Place::start_of(self.stream());
        state.written_at = BEFORE_ALL_RECORDS;
        state.incarnation = draw_incarnation(&mut state.random);
    }

    /// What it holds, for who forgets it: nothing is left here.
    pub(crate) fn take_image(&self) -> Image {
        let nothing = Image::new(image_options(&self.cluster()));
        std::mem::replace(&mut self.state.borrow_mut().image, nothing)
    }

    /// Its next epoch is another owner's, to the log: what it owned under the name it had, it never owns again.
    fn take_another_name(&self) {
        let mut state = self.state.borrow_mut();
        state.incarnation = draw_incarnation(&mut state.random);
    }

    fn tell_change(&self) {
        self.changed.send_replace(());
    }
}

fn draw_incarnation(random: &mut Random) -> Incarnation {
    loop {
        if let Some(incarnation) = Incarnation::new(random.next()) {
            return incarnation;
        }
    }
}

fn image_options(cluster: &ClusterLayout) -> ImageOptions {
    ImageOptions {
        seed: cluster.seed,
        memory_bytes_max: Some(cluster.limits.memory_bytes_max),
        policy: cluster.limits.policy,
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} on {}", self.cluster().name, self.name, self.node)
    }
}
