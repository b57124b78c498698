//! One log group on one node: its Raft, what is applied of it, and the ways in and out.
//! Promises: a logged call is answered by the entry that carried it; renewals and descriptions are answered only by a
//! leader that was confirmed after they came; whatever else happens, the answer is that nothing is known.
//! Leaves to `server`: connections.

pub(crate) mod answers;
pub(crate) mod confirm;
mod credit;
mod index;
pub(crate) mod ingress;
pub(crate) mod state;
pub(crate) mod tail;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft::Raft;
use openraft::async_runtime::watch::WatchReceiver as _;
use tenure_log::{CallError, GroupStatus, Renewed, StreamStatus, Unknown};
use tenure_log_protocol::{NotHeld, Renew, Sender, Unsettled};
use tenure_types::{Clock, GroupId, Lsn, NodeId, StreamId};
use tenure_wire::log_v1 as wire;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::answers::Waiter;
use self::confirm::Confirmer;
use self::ingress::{Ingress, Submitted};
use self::state::{Noted, Shared};
use self::tail::Reader;
use crate::convert;
use crate::metrics::MeasuredGroup;
use crate::raft::log_store::LogStore;
use crate::raft::network::{Colleagues, Network};
use crate::raft::state_machine::StateMachine;
use crate::raft::types::{LeaderId, TypeConfig};

/// The Raft of a group.
pub(crate) type GroupRaft = Raft<TypeConfig, StateMachine>;

/// How long a round among the voters may take before those who wait for it are told that it did not come to an end.
///
/// A lost round must not cost a lease: the shortest lease is 1.2 s, and is renewed six times in that time.
const CONFIRM_WITHIN: Duration = Duration::from_millis(400);

/// Most appends at once to streams that are not applied here. Few are honest; a flood must not fill the rounds.
const DOUBTFUL_MAX: usize = 256;

/// What a group is made of.
pub(crate) struct Parts {
    /// Its name.
    pub id: GroupId,
    /// Its Raft, started.
    pub raft: GroupRaft,
    /// What the state machine of that Raft applies to.
    pub state: Shared,
    /// The journal that Raft writes.
    pub store: LogStore,
    /// To the other voters.
    pub network: Network,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
    /// Proposals in flight, at most.
    pub proposals_in_flight: usize,
}

/// One group. Clones are handles to it.
#[derive(Clone)]
pub(crate) struct Group {
    id: GroupId,
    raft: GroupRaft,
    state: Shared,
    store: LogStore,
    ingress: Ingress,
    confirmer: Confirmer,
    clock: Arc<dyn Clock>,
    /// Appends to streams that may not exist, which are looked up by rounds of their own.
    doubtful: Arc<Semaphore>,
    leader_changes: Arc<AtomicU64>,
}

impl Group {
    /// Starts the tasks of a group in `tasks`.
    pub(crate) fn start(parts: Parts, tasks: &mut JoinSet<()>) -> Self {
        let Parts {
            id,
            raft,
            state,
            store,
            network,
            clock,
            proposals_in_flight,
        } = parts;
        let (ingress, confirmer) = (Ingress::new(proposals_in_flight), Confirmer::default());
        tasks.spawn(ingress.clone().propose_all(raft.clone(), state.clone()));
        tasks.spawn(
            confirmer
                .clone()
                .confirm_all(raft.clone(), Colleagues::new(network), CONFIRM_WITHIN),
        );
        let leader_changes = Arc::default();
        tasks.spawn(until_stopped(raft.clone(), Arc::clone(&leader_changes)));
        Self {
            id,
            raft,
            state,
            store,
            ingress,
            confirmer,
            clock,
            doubtful: Arc::new(Semaphore::new(DOUBTFUL_MAX)),
            leader_changes,
        }
    }

    /// Its Raft, for what the other voters say.
    pub(crate) fn raft(&self) -> &GroupRaft {
        &self.raft
    }

    /// Takes a logged call. The caller checked that it is well-formed.
    pub(crate) fn submit(&self, call: wire::Call, stream: StreamId, sender: Option<Sender>, waiter: Waiter) {
        let leadership = match self.leadership() {
            Ok(leadership) => leadership,
            Err(unknown) => return waiter.unknown(unknown),
        };
        let noted = match sender {
            Some(sender) => self.note(leadership, stream, sender),
            None => Noted::Yes,
        };
        match noted {
            Noted::Yes => self.ingress.submit(Submitted { call, stream, waiter }),
            Noted::NoStream => self.answer_without_stream(stream, waiter),
        }
    }

    /// Answers each renewal, in order.
    pub(crate) async fn renew(&self, renews: &[Renew]) -> Vec<Result<Renewed, CallError<NotHeld>>> {
        let leadership = match self.leadership() {
            Ok(leadership) => leadership,
            Err(unknown) => return vec![Err(unknown.into()); renews.len()],
        };
        // Before the round, so that a fence that the round covers finds them noted.
        let noted: Vec<_> = renews
            .iter()
            .map(|renew| self.note(leadership, renew.stream, renew.sender()))
            .collect();
        let confirmed = match self.confirmer.confirm().await {
            Ok(confirmed) => confirmed,
            Err(unknown) => return vec![Err(unknown.into()); renews.len()],
        };
        let mut state = self.state.lock();
        let now = self.clock.boot();
        let judge = |(renew, noted): (&Renew, Noted)| match noted {
            Noted::NoStream if state.table.stream(renew.stream).is_some() => Err(Unknown::Discarded.into()),
            Noted::NoStream | Noted::Yes => state.judge_renew(renew, confirmed, now),
        };
        renews.iter().zip(noted).map(judge).collect()
    }

    /// Tells of each stream, in order.
    pub(crate) async fn describe(&self, streams: &[StreamId]) -> Vec<Result<Option<StreamStatus>, Unknown>> {
        let confirmed = match self.confirmer.confirm().await {
            Ok(confirmed) => confirmed,
            Err(unknown) => return vec![Err(unknown); streams.len()],
        };
        let mut state = self.state.lock();
        let now = self.clock.boot();
        streams
            .iter()
            .map(|stream| state.describe(*stream, confirmed, now))
            .collect()
    }

    /// Reads a stream as far as this node has applied it.
    pub(crate) fn tail(&self, stream: StreamId, from: Lsn) -> Reader {
        Reader::new(self.store.clone(), self.state.clone(), stream, from)
    }

    /// How the group looks from here.
    pub(crate) fn status(&self) -> GroupStatus {
        let metrics = self.raft.metrics().borrow_watched().clone();
        GroupStatus {
            group: self.id,
            leader: metrics.current_leader.map(NodeId::new),
            voters: metrics.membership_config.voter_ids().map(NodeId::new).collect(),
            committed: metrics.cluster_committed.map_or(0, |committed| committed.index + 1),
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> GroupId {
        self.id
    }

    /// How the group is here, in numbers.
    pub(crate) fn measure(&self) -> MeasuredGroup {
        let state = self.state.lock().measure();
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        MeasuredGroup {
            is_leader: metrics.state.is_leader(),
            has_leader: metrics.current_leader.is_some(),
            term: metrics.current_term,
            committed: metrics.cluster_committed.map_or(0, |committed| committed.index),
            leader_changes: self.leader_changes.load(Ordering::Relaxed),
            ..state
        }
    }

    /// The leadership that this node believes to have. What it notes under one that is over does no harm, and what it
    /// proposes under one is judged by its Raft.
    fn leadership(&self) -> Result<LeaderId, Unknown> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        if metrics.state.is_leader() {
            Ok(metrics.vote.leader_id)
        } else {
            let hint = metrics.current_leader.map(NodeId::new);
            Err(Unknown::NoLeader { hint })
        }
    }

    fn note(&self, leadership: LeaderId, stream: StreamId, sender: Sender) -> Noted {
        let mut state = self.state.lock();
        let now = self.clock.boot();
        state.note_request(leadership, stream, sender, now)
    }

    /// An append to a stream that is not applied here is not logged: it might find the stream created and fenced by then,
    /// and would make a lease that nobody noted. Either there is no such stream, or the sender asks again.
    fn answer_without_stream(&self, stream: StreamId, waiter: Waiter) {
        let Ok(permit) = Arc::clone(&self.doubtful).try_acquire_owned() else {
            return waiter.unknown(Unknown::Busy);
        };
        let (confirmer, state) = (self.confirmer.clone(), self.state.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let exists = match confirmer.confirm().await {
                Ok(_) => state.lock().table.stream(stream).is_some(),
                Err(unknown) => return waiter.unknown(unknown),
            };
            if exists {
                waiter.unknown(Unknown::Discarded);
            } else {
                let none = tenure_log_protocol::Answer::Append(Err(Unsettled::NoStream));
                waiter.answer(convert::answer_to_wire(&none, tenure_log::Credit::NONE));
            }
        });
    }
}

/// Ends when the group's Raft has stopped by itself, as after an entry that cannot be read. Counts the leaders meanwhile.
async fn until_stopped(raft: GroupRaft, leader_changes: Arc<AtomicU64>) {
    let mut metrics = raft.metrics();
    let mut leader = None;
    loop {
        let now = metrics.borrow_watched().current_leader;
        if now != std::mem::replace(&mut leader, now) {
            leader_changes.fetch_add(1, Ordering::Relaxed);
        }
        let stopped = metrics.borrow_watched().running_state.clone().err();
        if let Some(fatal) = stopped {
            tracing::error!(%fatal, "the group has stopped");
            return;
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}
