//! openraft's network: what the voters of a group say to each other, over gRPC.
//! Promises: requests are pipelined and answered in order; a peer that stops answering is given up within the time that
//! is set; every call names its sender's quorum and incarnation, so a voter that lost its disk is not taken for itself.
//! Replication, heartbeats and votes have connections of their own, so that bulk holds up no sign of life.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, StreamExt};
use openraft::OptionalSend;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{
    Backoff, NetBackoff, NetSnapshot, NetStreamAppend, NetTransferLeader, NetVote, RPCOption, RPCTypes,
    RaftNetworkFactory,
};
use openraft::raft::{
    AppendEntriesRequest, SnapshotResponse, StreamAppendError, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::storage::Snapshot;
use tenure_types::{GroupId, NodeId};
use tenure_wire::log_v1 as wire;
use tonic::transport::Channel;

use super::types::{LeaderId, LogId, TypeConfig, Vote, Voter};
use super::{lone_commits, stored};
use crate::generated::raft_client::RaftClient;
use crate::identity::Caller;
use crate::transport::Transport;

/// Most bytes in one message between voters. An entry is at most an append of 16 MiB and what else was batched with it.
pub(crate) const RAFT_MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Before a peer that could not be reached is tried again. As long as a heartbeat of the fast profile: a peer that came
/// back is noticed as fast as one that never left.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Makes connections of one group to its other voters.
#[derive(Clone)]
pub(crate) struct Network {
    /// Connects.
    pub transport: Transport,
    /// Who calls.
    pub caller: Caller,
    /// The group.
    pub group: GroupId,
    /// How long a peer with requests in hand may answer none.
    pub silence_max: Duration,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, node: &Voter) -> Peer {
        let target = NodeId::new(target);
        Peer {
            client: connect(&self.transport, target, node),
            caller: self.caller.to(self.group, target),
            silence_max: self.silence_max,
        }
    }
}

/// Connections to the other voters for confirming a leadership, made when first used. Apart from openraft's, so that no
/// bulk lies before a question.
pub(crate) struct Colleagues {
    network: Network,
    clients: BTreeMap<u64, (Voter, Option<RaftClient<Channel>>)>,
}

impl Colleagues {
    /// None connected yet.
    pub(crate) fn new(network: Network) -> Self {
        Self {
            network,
            clients: BTreeMap::new(),
        }
    }

    /// The newest vote that a voter gave; `None` if it does not answer. The caller waits only so long.
    pub(crate) fn newest_vote(&mut self, voter: u64, at: &Voter) -> impl Future<Output = Option<Vote>> + use<> {
        let target = NodeId::new(voter);
        let known = self.clients.get(&voter).filter(|(known, _)| known == at);
        let client = match known {
            Some((_, client)) => client.clone(),
            None => {
                let client = connect(&self.network.transport, target, at);
                self.clients.insert(voter, (at.clone(), client.clone()));
                client
            }
        };
        let caller = Some(self.network.caller.to(self.network.group, target));
        async move {
            let answered = client?.confirm(wire::RaftConfirmRequest { caller }).await.ok()?;
            answered.into_inner().vote.as_ref().map(raft_vote_from_wire)
        }
    }
}

/// `None`: its address is no address.
fn connect(transport: &Transport, target: NodeId, node: &Voter) -> Option<RaftClient<Channel>> {
    match transport.channel(target, &node.address) {
        Ok(channel) => Some(
            RaftClient::new(channel)
                .max_decoding_message_size(RAFT_MESSAGE_BYTES_MAX)
                .max_encoding_message_size(RAFT_MESSAGE_BYTES_MAX),
        ),
        Err(error) => {
            tracing::error!(%target, address = node.address, %error, "this voter cannot be reached");
            None
        }
    }
}

/// One connection to one other voter.
pub(crate) struct Peer {
    /// `None`: its address is no address.
    client: Option<RaftClient<Channel>>,
    caller: wire::RaftCaller,
    silence_max: Duration,
}

impl Peer {
    fn client(&self) -> Result<RaftClient<Channel>, RPCError<TypeConfig>> {
        let unreachable = || Unreachable::from_string("the voter's address cannot be used");
        self.client.clone().ok_or_else(|| RPCError::Unreachable(unreachable()))
    }

    /// A call with one answer, in time or not at all.
    async fn ask<T>(
        &self,
        what: RPCTypes,
        option: &RPCOption,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, RPCError<TypeConfig>> {
        match tokio::time::timeout(option.hard_ttl(), call).await {
            Ok(answered) => answered.map(tonic::Response::into_inner).map_err(unreachable),
            Err(_) => Err(RPCError::Timeout(Timeout {
                action: what,
                id: self.caller.node,
                target: self.caller.target,
                timeout: option.hard_ttl(),
            })),
        }
    }
}

impl NetStreamAppend<TypeConfig> for Peer {
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>>, RPCError<TypeConfig>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let mut client = self.client()?;
            let unanswered = Arc::new(AtomicUsize::new(0));
            let sent = Arc::clone(&unanswered);
            let mut caller = Some(self.caller.clone());
            let requests = lone_commits::merged(input).map(move |request| {
                sent.fetch_add(1, Ordering::Relaxed);
                append_to_wire(request, caller.take())
            });
            let answers = Answers {
                unanswered,
                silence_max: self.silence_max,
            };
            let opened = answers.in_time(client.append(requests)).await;
            match opened.and_then(|opened| opened.map_err(unreachable)) {
                Ok(opened) => Ok(answers.stream(opened.into_inner()).boxed()),
                Err(failed) => {
                    // openraft paces the requests, and a connection that is refused never comes to one.
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                    Err(failed)
                }
            }
        })
    }
}

/// The answers of one replication stream, and how long they may take.
struct Answers {
    unanswered: Arc<AtomicUsize>,
    silence_max: Duration,
}

impl Answers {
    /// Waits, but not longer than the peer may be silent with requests in hand. An idle stream may be silent for ever.
    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, RPCError<TypeConfig>> {
        tokio::pin!(answer);
        loop {
            let idle = self.unanswered.load(Ordering::Relaxed) == 0;
            match tokio::time::timeout(self.silence_max, &mut answer).await {
                Ok(answered) => return Ok(answered),
                // It was idle when the wait began; a request that came since gets a whole wait of its own.
                Err(_) if idle => {}
                Err(_) => return Err(silent(self.silence_max)),
            }
        }
    }

    fn stream(
        self,
        inbound: tonic::Streaming<wire::RaftAppendResponse>,
    ) -> impl Stream<Item = Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>> {
        futures::stream::unfold(Some((self, inbound)), |state| async move {
            let (answers, mut inbound) = state?;
            let received = match answers.in_time(inbound.message()).await {
                Ok(Ok(None)) => return None,
                Ok(Ok(Some(message))) => append_from_wire(message),
                Ok(Err(status)) => Err(unreachable(status)),
                Err(silent) => Err(silent),
            };
            answers.unanswered.fetch_sub(1, Ordering::Relaxed);
            let goes_on = matches!(received, Ok(Ok(_)));
            Some((received, goes_on.then_some((answers, inbound))))
        })
    }
}

impl NetVote<TypeConfig> for Peer {
    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let mut client = self.client()?;
        let request = vote_to_wire(&rpc, self.caller.clone());
        let response = self.ask(RPCTypes::Vote, &option, client.vote(request)).await?;
        vote_response_from_wire(&response)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let mut client = self.client()?;
        let request = vote_to_wire(&rpc, self.caller.clone());
        let response = self.ask(RPCTypes::Vote, &option, client.pre_vote(request)).await?;
        vote_response_from_wire(&response)
    }
}

impl NetTransferLeader<TypeConfig> for Peer {
    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        let mut client = self.client()?;
        let request = wire::RaftTransferLeaderRequest {
            caller: Some(self.caller.clone()),
            from_leader: Some(raft_vote_to_wire(req.from_leader())),
            to_node: *req.to_node_id(),
            last_log_id: req.last_log_id().map(log_id_to_wire),
        };
        let response = self
            .ask(RPCTypes::TransferLeader, &option, client.transfer_leader(request))
            .await?;
        if response.accepted {
            Ok(Ok(()))
        } else {
            Err(RPCError::Unreachable(Unreachable::from_string(
                "the voter declined to lead",
            )))
        }
    }
}

impl NetSnapshot<TypeConfig> for Peer {
    type SnapshotData = bytes::Bytes;

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: Snapshot<LeaderId, u64, Voter, Self::SnapshotData>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        // The journal is kept whole, so openraft never finds a follower that it could not serve from it.
        let why = "no snapshot is sent while the journal is kept whole";
        Err(StreamingError::Unreachable(Unreachable::from_string(why)))
    }
}

impl NetBackoff<TypeConfig> for Peer {
    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(TRY_AGAIN_AFTER)))
    }
}

fn silent(silence_max: Duration) -> RPCError<TypeConfig> {
    let why = format!("no answer to a replication request within {silence_max:?}");
    RPCError::Unreachable(Unreachable::from_string(why))
}

fn unreachable(status: tonic::Status) -> RPCError<TypeConfig> {
    RPCError::Unreachable(Unreachable::from_string(status.to_string()))
}

/// A message that lacks what every version sends. The sender is broken; its call is given up like one that was lost.
pub(crate) fn missing(what: &'static str) -> RPCError<TypeConfig> {
    RPCError::Unreachable(Unreachable::from_string(format!("the message has no {what}")))
}

pub(crate) fn raft_vote_to_wire(vote: &Vote) -> wire::RaftVote {
    wire::RaftVote {
        term: vote.leader_id.term,
        node: vote.leader_id.node_id,
        committed: vote.committed,
    }
}

pub(crate) fn raft_vote_from_wire(vote: &wire::RaftVote) -> Vote {
    if vote.committed {
        Vote::new_committed(vote.term, vote.node)
    } else {
        Vote::new(vote.term, vote.node)
    }
}

pub(crate) fn log_id_to_wire(log_id: &LogId) -> wire::RaftLogId {
    wire::RaftLogId {
        term: log_id.leader_id.term,
        node: log_id.leader_id.node_id,
        index: log_id.index,
    }
}

pub(crate) fn log_id_from_wire(log_id: &wire::RaftLogId) -> LogId {
    let leader_id = LeaderId {
        term: log_id.term,
        node_id: log_id.node,
    };
    LogId::new(leader_id, log_id.index)
}

fn append_to_wire(
    request: AppendEntriesRequest<TypeConfig>,
    caller: Option<wire::RaftCaller>,
) -> wire::RaftAppendRequest {
    wire::RaftAppendRequest {
        caller,
        vote: Some(raft_vote_to_wire(&request.vote)),
        prev: request.prev_log_id.as_ref().map(log_id_to_wire),
        commit: request.leader_commit.as_ref().map(log_id_to_wire),
        entries: request.entries.iter().map(stored::encode_entry).collect(),
    }
}

fn append_from_wire(
    response: wire::RaftAppendResponse,
) -> Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>> {
    use wire::raft_append_response::Outcome;
    match response.outcome.ok_or_else(|| missing("outcome"))? {
        Outcome::Matching(matching) => Ok(Ok(matching.log_id.as_ref().map(log_id_from_wire))),
        Outcome::Conflict(log_id) => Ok(Err(StreamAppendError::Conflict(log_id_from_wire(&log_id)))),
        Outcome::HigherVote(vote) => Ok(Err(StreamAppendError::HigherVote(raft_vote_from_wire(&vote)))),
    }
}

fn vote_to_wire(request: &VoteRequest<TypeConfig>, caller: wire::RaftCaller) -> wire::RaftVoteRequest {
    wire::RaftVoteRequest {
        caller: Some(caller),
        vote: Some(raft_vote_to_wire(&request.vote)),
        last_log_id: request.last_log_id.as_ref().map(log_id_to_wire),
        leadership_transfer: request.leadership_transfer,
    }
}

fn vote_response_from_wire(
    response: &wire::RaftVoteResponse,
) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
    let vote = response.vote.as_ref().ok_or_else(|| missing("vote"))?;
    let last_log_id = response.last_log_id.as_ref().map(log_id_from_wire);
    Ok(VoteResponse::new(
        raft_vote_from_wire(vote),
        last_log_id,
        response.granted,
    ))
}
