//! A log node: its folder, its groups and its port, from start to a clean end.
//! Promises: it takes part only under the identity of its folder, after recovery is durable; it votes and acknowledges
//! nothing else. Stopping loses nothing that a crash would not lose, and hands leadership over first.
//! Leaves to the edge: opening the disk, the sockets and the clocks, and what happens when the disk fails for good.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::errors::{InitializeError, RaftError};
use prometheus::Registry;
use tenure_log_protocol::APPEND_PAYLOAD_BYTES_MAX;
use tenure_log_storage::{Disk, Identity, IdentityError, Scheduling, Wal, WalError, WalOptions, WalWriter};
use tenure_types::{Clock, GroupId, NodeId};
use tenure_wire::log_v1::RaftStage;
use tokio::task::JoinSet;
use tonic::transport::server::Router;

use crate::bootstrap::{self, Bootstrap, Bootstrapping, StaysOut};
use crate::generated::log_server::LogServer;
use crate::generated::raft_server::RaftServer;
use crate::group::state::{GroupState, Shared};
use crate::group::{Group, GroupRaft, Parts};
use crate::identity::{Caller, Proof};
use crate::metrics::{self, CountedDisk, Syncs};
use crate::raft::log_store::{ColdReads, Flushed, LogStore};
use crate::raft::network::{Network, RAFT_MESSAGE_BYTES_MAX};
use crate::raft::state_machine::StateMachine;
use crate::raft::timing::Profile;
use crate::raft::types::Voter;
use crate::room::{Room, WalRoom};
use crate::server::{LogService, RaftService};
use crate::transport::{Accept, Accepted, Transport, TransportError};

/// Most bytes in one message of a caller: an append at its largest, and what else a client puts in one message.
const LOG_MESSAGE_BYTES_MAX: usize = APPEND_PAYLOAD_BYTES_MAX + (2 << 20);

/// How long stopping waits for leadership to move and for connections to end.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A voter that answers no replication request for so many elections is given up and tried again. A large entry on a slow
/// link takes its time; a dead peer is noticed by the transport before.
const SILENT_ELECTIONS: u32 = 5;

/// The file that says that a folder takes part in its quorum. Empty; that it is there is all it says.
const TAKES_PART_FILE: &str = "takes-part";

/// How a node is set up.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Its name. Must be the one in its folder's identity.
    pub node: NodeId,
    /// What a new quorum is made of. Needed for the first start on an empty folder, and only checked later. Since 0.1.
    pub bootstrap: Option<Bootstrap>,
    /// Timers of the groups. Default conservative. Since 0.1.
    pub profile: Profile,
    /// Most bytes that the journal shall take. At the cap no credit is granted any more, and the node goes on. What is
    /// granted at most, and the padding of its batches, can still come on top, so leave a tenth of the disk free.
    /// Default 8 GiB. Since 0.1.
    pub disk_cap_bytes: u64,
    /// How much an owner may write past what the log has of its stream, if there is room. Default 16 MiB: a shard at
    /// full speed writes as much in the tenth of a second in which grants come. Since 0.1.
    pub credit_window_bytes: u64,
    /// Proposals in flight per group. Default 4: fewer starve the disk, more stop batching (measured, DESIGN 16).
    /// Since 0.1.
    pub proposals_in_flight: usize,
    /// The write-ahead log. Its salt is set from the folder's incarnation.
    pub wal: WalOptions,
    /// How reads that need the disk are made. Default off the node's thread.
    pub cold_reads: ColdReads,
    /// Where its metrics are put. Default one that nobody reads.
    pub registry: Registry,
}

impl NodeOptions {
    /// The defaults for a node of this name.
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            bootstrap: None,
            profile: Profile::default(),
            disk_cap_bytes: 8 << 30,
            credit_window_bytes: 16 << 20,
            proposals_in_flight: 4,
            wal: WalOptions::default(),
            cold_reads: ColdReads::OffThread,
            registry: Registry::new(),
        }
    }
}

/// Sets the write-ahead log going: by its own thread on a machine ([`drive_by_thread`]), by a task in the simulation.
/// Gives what waits, after the log was closed, until all of it is written.
pub type Drive = Box<dyn FnOnce(&Wal, WalWriter) -> WaitWritten + Send>;

/// Waits until a closed write-ahead log is written. May block.
pub type WaitWritten = Box<dyn FnOnce() + Send>;

/// The write-ahead log on a thread of its own. When the disk fails, `on_fatal` is called, and must end the process: what
/// the kernel then has in its cache is not what is on the disk, and nothing the node believes can be trusted.
pub fn drive_by_thread(scheduling: Scheduling, on_fatal: Box<dyn FnOnce(WalError) + Send>) -> Drive {
    Box::new(move |_, writer| {
        let thread = writer.spawn(on_fatal, scheduling);
        Box::new(move || thread.join())
    })
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder is empty, and nothing says what quorum it shall begin.
    #[error("the data folder holds no identity, and there is no bootstrap to begin with")]
    NoIdentity,
    /// The bootstrap names no such member.
    #[error("{node} is no member of the bootstrap")]
    NotAMember {
        /// The name in the options.
        node: NodeId,
    },
    /// The folder belongs to another node.
    #[error("the data folder belongs to {found}, not to {node}")]
    OtherNode {
        /// The name in the options.
        node: NodeId,
        /// The name in the folder.
        found: NodeId,
    },
    /// The folder belongs to another quorum than the bootstrap begins.
    #[error("the data folder belongs to another quorum than the bootstrap begins")]
    OtherQuorum,
    /// The identity cannot be read or written.
    #[error("the identity of the data folder cannot be used")]
    Identity(#[from] IdentityError),
    /// The journal cannot be recovered. The node must not vote.
    #[error("the journal cannot be recovered")]
    Wal(#[from] WalError),
    /// The folder cannot be read or written.
    #[error("the data folder cannot be used")]
    Folder(#[source] io::Error),
    /// TLS or an address cannot be used.
    #[error("connections cannot be set up")]
    Transport(#[from] TransportError),
    /// The registry has metrics of another node already.
    #[error("the metrics of the node cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// openraft refused to start.
    #[error("{group} cannot be started: {why}")]
    Group {
        /// The group.
        group: GroupId,
        /// What openraft said.
        why: String,
    },
}

/// Why a node that served ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It must not take part in the quorum.
    #[error("this node must not take part")]
    StaysOut(#[from] StaysOut),
    /// Its port failed.
    #[error("serving failed")]
    Port(#[from] tonic::transport::Error),
    /// The folder could not be marked as taking part.
    #[error("the data folder cannot be used")]
    Folder(#[source] io::Error),
    /// A group stopped by itself, as after an entry that cannot be read. Its log says why.
    #[error("a log group of this node has stopped")]
    GroupStopped,
}

/// A node that is recovered and serves once it is told to.
pub struct LogNode {
    disk: Arc<dyn Disk>,
    identity: Identity,
    bootstrap: Option<Bootstrap>,
    bootstrapping: Bootstrapping,
    groups: Arc<Vec<Group>>,
    tasks: JoinSet<()>,
    transport: Transport,
    router: Router,
    wal: Wal,
    wait_written: WaitWritten,
}

impl LogNode {
    /// Recovers the node from `disk` and starts its groups. They wait for their voters until it serves.
    pub async fn start(
        options: NodeOptions,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        transport: Transport,
        drive: Drive,
    ) -> Result<Self, StartError> {
        let identity = identity_of(disk.as_ref(), &options)?;
        let wal_options = WalOptions {
            salt: identity.incarnation.get(),
            ..options.wal
        };
        let syncs = Arc::new(Syncs::register(&options.registry, Arc::clone(&clock))?);
        let counted = CountedDisk {
            disk: Arc::clone(&disk),
            syncs,
        };
        let (wal, writer) = Wal::open(Arc::new(counted), identity.groups, wal_options)?;
        metrics::register_journal(&options.registry, &wal, options.disk_cap_bytes)?;
        let wait_written = drive(&wal, writer);
        let bootstrapping = Bootstrapping::new(stage_of(disk.as_ref())?, options.bootstrap.as_ref());
        let (here, mut tasks) = (caller(&identity), JoinSet::new());
        let room: Arc<dyn Room> = Arc::new(WalRoom {
            wal: wal.clone(),
            cap_bytes: options.disk_cap_bytes,
            groups: identity.groups,
        });
        let flushed = Flushed::default();
        let mut groups = Vec::new();
        for id in (0..identity.groups).map(GroupId::new) {
            let parts = start_group(id, &identity, &options, &wal, &flushed, &clock, &transport, &room).await?;
            groups.push(Group::start(parts, &mut tasks));
        }
        let groups = Arc::new(groups);
        metrics::register_groups(&options.registry, &groups)?;
        let proof = if transport.is_authenticated() {
            Proof::Certificate
        } else {
            Proof::Nothing
        };
        let router = transport
            .server()?
            .add_service(log_server(&groups))
            .add_service(raft_server(here, &groups, &bootstrapping, proof));
        Ok(Self {
            disk,
            identity,
            bootstrap: options.bootstrap,
            bootstrapping,
            groups,
            tasks,
            transport,
            router,
            wal,
            wait_written,
        })
    }

    /// Who the node's folder is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Serves until `stop`, then ends cleanly. `serving` is called when the port answers.
    pub async fn serve(
        self,
        port: impl Accept,
        serving: impl FnOnce(),
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Self {
            disk,
            identity,
            bootstrap,
            bootstrapping,
            groups,
            mut tasks,
            transport,
            router,
            wal,
            wait_written,
        } = self;
        let serve = router.serve_with_incoming(accepted(port).boxed());
        let begin = begin(
            disk,
            identity.node,
            bootstrap,
            bootstrapping,
            Arc::clone(&groups),
            transport,
        );
        serving();
        let outcome = tokio::select! {
            outcome = serve => outcome.map_err(ServeError::from),
            stays_out = begin => stays_out,
            // Its tasks end only with it.
            _ = tasks.join_next() => Err(ServeError::GroupStopped),
            () = async {
                stop.await;
                hand_over(&groups).await;
            } => Ok(()),
        };
        // First, so that nobody takes the end of the groups for a failure.
        drop(tasks);
        for group in groups.iter() {
            // A group that stopped by itself has said why in its log.
            let _ = tokio::time::timeout(STOP_WITHIN, group.raft().shutdown()).await;
        }
        wal.close();
        // A wait for the disk is no work for the node's thread; it panics only if the journal's did.
        let _ = tokio::task::spawn_blocking(wait_written).await;
        outcome
    }
}

fn log_server(groups: &Arc<Vec<Group>>) -> LogServer<LogService> {
    let service = LogService {
        groups: Arc::clone(groups),
    };
    LogServer::new(service)
        .max_decoding_message_size(LOG_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(LOG_MESSAGE_BYTES_MAX)
}

fn raft_server(
    here: Caller,
    groups: &Arc<Vec<Group>>,
    bootstrapping: &Bootstrapping,
    proof: Proof,
) -> RaftServer<RaftService> {
    let service = RaftService {
        here,
        groups: Arc::clone(groups),
        bootstrapping: bootstrapping.clone(),
        proof,
    };
    RaftServer::new(service)
        .max_decoding_message_size(RAFT_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(RAFT_MESSAGE_BYTES_MAX)
}

fn caller(identity: &Identity) -> Caller {
    Caller {
        quorum: identity.quorum,
        node: identity.node,
        incarnation: identity.incarnation,
    }
}

/// The identity of the folder; a new one only for a member of a bootstrap.
fn identity_of(disk: &dyn Disk, options: &NodeOptions) -> Result<Identity, StartError> {
    if let Some(identity) = Identity::read(disk)? {
        if identity.node != options.node {
            return Err(StartError::OtherNode {
                node: options.node,
                found: identity.node,
            });
        }
        return match &options.bootstrap {
            Some(bootstrap) if bootstrap.quorum != identity.quorum => Err(StartError::OtherQuorum),
            Some(_) | None => Ok(identity),
        };
    }
    let bootstrap = options.bootstrap.as_ref().ok_or(StartError::NoIdentity)?;
    let member = bootstrap
        .member(options.node)
        .ok_or(StartError::NotAMember { node: options.node })?;
    let identity = Identity {
        quorum: bootstrap.quorum,
        node: member.node,
        incarnation: member.incarnation,
        groups: bootstrap.groups,
        lease_max: bootstrap.lease_max,
    };
    identity.create(disk)?;
    Ok(identity)
}

/// A folder that was marked takes part at once; any other asks first.
fn stage_of(disk: &dyn Disk) -> Result<RaftStage, StartError> {
    let files = disk.list().map_err(StartError::Folder)?;
    let marked = files.iter().any(|file| file == TAKES_PART_FILE);
    Ok(if marked { RaftStage::Ready } else { RaftStage::Fresh })
}

#[allow(clippy::too_many_arguments, reason = "each is a part of the node, used once")]
async fn start_group(
    id: GroupId,
    identity: &Identity,
    options: &NodeOptions,
    wal: &Wal,
    flushed: &Flushed,
    clock: &Arc<dyn Clock>,
    transport: &Transport,
    room: &Arc<dyn Room>,
) -> Result<Parts, StartError> {
    let refused = |why: String| StartError::Group { group: id, why };
    let state = GroupState::new(identity.lease_max, options.credit_window_bytes, Arc::clone(room));
    let state = Shared::new(state);
    let store = LogStore::new(wal.clone(), flushed.clone(), id, options.cold_reads);
    let network = Network {
        transport: transport.clone(),
        caller: caller(identity),
        group: id,
        silence_max: options.profile.election_max() * SILENT_ELECTIONS,
    };
    let config = options.profile.config().map_err(|error| refused(error.to_string()))?;
    let state_machine = StateMachine::new(state.clone(), Arc::clone(clock));
    let raft = GroupRaft::new(
        identity.node.get(),
        config,
        network.clone(),
        store.clone(),
        state_machine,
    )
    .await;
    Ok(Parts {
        id,
        raft: raft.map_err(|error| refused(error.to_string()))?,
        state,
        store,
        network,
        clock: Arc::clone(clock),
        proposals_in_flight: options.proposals_in_flight,
    })
}

/// Brings a new quorum to its beginning. Ends only if the node must not take part; else it waits for ever.
async fn begin(
    disk: Arc<dyn Disk>,
    here: NodeId,
    bootstrap: Option<Bootstrap>,
    bootstrapping: Bootstrapping,
    groups: Arc<Vec<Group>>,
    transport: Transport,
) -> Result<(), ServeError> {
    if let Some(bootstrap) = bootstrap {
        if !bootstrapping.takes_part() {
            // 1. See every folder new. 2. Mark this one, durably. 3. Take part.
            // A crash before 2 begins again. One after it does not ask again, and need not: all were new once.
            bootstrap::wait_for_all(&bootstrap, here, &transport, RaftStage::Fresh).await?;
            mark(disk.as_ref()).map_err(ServeError::Folder)?;
            bootstrapping.reach(RaftStage::Ready);
            tracing::info!(%here, "takes part in a new quorum");
        }
        let is_first = bootstrap.first().is_some_and(|first| first.node == here);
        if is_first && !groups.iter().all(has_begun) {
            bootstrap::wait_for_all(&bootstrap, here, &transport, RaftStage::Ready)
                .await
                .or_else(begun_is_no_reason)?;
            initialize(&bootstrap, &groups).await;
        }
    }
    std::future::pending().await
}

/// The first member may have crashed between initializing one group and the next: then the others have begun already.
fn begun_is_no_reason(stays_out: StaysOut) -> Result<(), StaysOut> {
    match stays_out {
        StaysOut::Begun { .. } => Ok(()),
        other @ StaysOut::OtherLife { .. } => Err(other),
    }
}

fn mark(disk: &dyn Disk) -> io::Result<()> {
    disk.create(TAKES_PART_FILE)?.sync_all()?;
    disk.sync_folder()
}

fn has_begun(group: &Group) -> bool {
    group.raft().metrics().borrow_watched().last_log_index.is_some()
}

async fn initialize(bootstrap: &Bootstrap, groups: &[Group]) {
    let members: BTreeMap<u64, Voter> = bootstrap
        .members
        .iter()
        .map(|member| {
            let voter = Voter {
                address: member.address.clone(),
                incarnation: Some(member.incarnation),
            };
            (member.node.get(), voter)
        })
        .collect();
    for group in groups {
        match group.raft().initialize(members.clone()).await {
            // A repeat after a crash finds the group begun.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(error) => tracing::error!(%error, "a group could not be initialized"),
        }
    }
}

/// Moves leadership to other voters, so that nobody has to notice that this one is gone. All groups at once.
async fn hand_over(groups: &[Group]) {
    futures::future::join_all(groups.iter().map(hand_over_group)).await;
}

async fn hand_over_group(group: &Group) {
    let metrics = group.raft().metrics().borrow_watched().clone();
    let (true, Some(replication)) = (metrics.state.is_leader(), &metrics.replication) else {
        return;
    };
    // Whoever has most of the log can lead soonest.
    let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
    let others = replication
        .iter()
        .filter(|(node, _)| **node != metrics.id && voters.contains(node));
    let Some((next, _)) = others.max_by_key(|(_, matching)| matching.map(|log_id| log_id.index)) else {
        return;
    };
    if group.raft().trigger().transfer_leader(*next).await.is_ok() {
        let moved = group.raft().wait(Some(STOP_WITHIN));
        // If it does not move, the others will notice that this one is gone.
        let _ = moved
            .metrics(|metrics| !metrics.state.is_leader(), "leadership moves")
            .await;
    }
}

/// Connections as they come. A failed accept is one connection less, not the end of the port.
fn accepted(port: impl Accept) -> impl futures::Stream<Item = io::Result<Accepted>> {
    futures::stream::unfold(port, |mut port| async {
        loop {
            match port.accept().await {
                Ok(io) => return Some((Ok(Accepted(io)), port)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file handles, for one, lasts: without a pause this would spin.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    })
}
