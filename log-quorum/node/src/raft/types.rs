//! openraft's type configuration: what an entry carries, what applying it gives, and how a proposer hears of it.
//! Promises: payloads are shared, never copied, between the journal, replication and apply; a debug print shows lengths,
//! never a tenant's bytes. Leaves to `stored`: every byte that reaches a disk or a peer.

use std::fmt;

use bytes::Bytes;
use openraft::impls::leader_id_adv;
use openraft::{EntryPayload, RaftTypeConfig};
use tenure_log_protocol::Answer;
use tenure_types::Incarnation;

/// Names one leadership: the term and the node, since two nodes may lead in one term of this Raft.
pub(crate) type LeaderId = leader_id_adv::LeaderId<u64, u64>;
/// Position in a group's Raft log.
pub(crate) type LogId = openraft::LogId<LeaderId>;
/// A vote, granted or given.
pub(crate) type Vote = openraft::impls::Vote<LeaderId>;
/// One entry of a group's Raft log.
pub(crate) type Entry = openraft::impls::Entry<LeaderId, Payload>;
/// What an entry is.
pub(crate) type Payload = EntryPayload<Batch, u64, Voter>;
/// Who votes.
pub(crate) type Membership = openraft::Membership<u64, Voter>;
/// Who votes, and since which entry.
pub(crate) type StoredMembership = openraft::StoredMembership<LeaderId, u64, Voter>;

/// The Raft of a log group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypeConfig;

impl RaftTypeConfig for TypeConfig {
    type D = Batch;
    type R = Applied;
    type NodeId = u64;
    type Node = Voter;
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = openraft_rt_tokio::TokioRuntime;
    type Responder<T>
        = Completion<T>
    where
        T: Send + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: Send + 'static;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

/// A log node as a member of its groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Voter {
    /// Where its gRPC port is: `host:port`.
    pub address: String,
    /// Which life of its data folder votes. `None` only in a value nobody filled in; such a member reaches nobody.
    pub incarnation: Option<Incarnation>,
}

/// The calls of one entry, encoded (see `stored`). Clones share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Batch(pub Bytes);

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What the calls of one entry did, in order. Empty for entries that carry none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Applied(pub Vec<Answer>);

/// Hears of one proposal, once. Runs inside openraft's tasks, so it must not block.
pub(crate) struct Completion<T>(Box<dyn FnOnce(T) + Send>);

impl<T> Completion<T> {
    /// Calls `heard` with the outcome.
    pub(crate) fn new(heard: impl FnOnce(T) + Send + 'static) -> Self {
        Self(Box::new(heard))
    }
}

impl<T: Send + 'static> openraft::raft::responder::Responder<TypeConfig, T> for Completion<T> {
    fn on_complete(self, result: T) {
        (self.0)(result);
    }
}
