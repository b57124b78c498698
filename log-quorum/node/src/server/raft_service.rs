//! What the other voters ask of this node.
//! Promises: only a member of the quorum, with its own certificate and in the life the group knows, is heard; entries are given to openraft in the
//! order in which they came, and answered in that order. Before its bootstrap is done the node answers `Hello` alone.

use std::sync::Arc;

use futures::stream::{BoxStream, Stream, StreamExt};
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::raft::{AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest, VoteRequest};
use tenure_types::{GroupId, Incarnation, NodeId};
use tenure_wire::log_v1::{self as wire, RaftStage};
use tonic::transport::server::TlsConnectInfo;
use tonic::{Extensions, Request, Response, Status, Streaming};

use crate::bootstrap::Bootstrapping;
use crate::generated::raft_server::Raft;
use crate::group::{Group, GroupRaft};
use crate::identity::{Caller, Proof, Stranger};
use crate::raft::network::{log_id_from_wire, log_id_to_wire, raft_vote_from_wire, raft_vote_to_wire};
use crate::raft::stored;
use crate::raft::types::{Entry, TypeConfig};

/// Answers the voters of every group of this node.
pub(crate) struct RaftService {
    /// This node.
    pub here: Caller,
    /// Its groups, by number.
    pub groups: Arc<Vec<Group>>,
    /// How far it has come with taking part.
    pub bootstrapping: Bootstrapping,
    /// What other voters must show.
    pub proof: Proof,
}

impl RaftService {
    /// The group that a call is about, if its caller may make it.
    fn admit(&self, extensions: &Extensions, caller: Option<&wire::RaftCaller>) -> Result<&Group, Status> {
        if !self.bootstrapping.takes_part() {
            return Err(Status::unavailable(
                "this node does not take part yet: its bootstrap is under way",
            ));
        }
        let group = caller.and_then(|caller| self.group(caller.group));
        let known = |node: NodeId| self.life_of(group, node);
        let shown = extensions.get::<TlsConnectInfo<()>>();
        let certified = |id| {
            let node = NodeId::new(caller.map_or(0, |caller| caller.node));
            self.proof.judge(shown, node).map(|()| id)
        };
        match self.here.admit(caller, known).and_then(certified) {
            Ok(id) => group.ok_or_else(|| Status::not_found(format!("{id} does not exist here"))),
            Err(stranger) => {
                tracing::warn!(%stranger, "refused a call of a voter");
                Err(refused(stranger))
            }
        }
    }

    /// How far this node has come. A vote is a trace of the quorum as much as an entry is.
    fn stage(&self) -> RaftStage {
        let has_begun = |group: &Group| {
            let metrics = group.raft().metrics();
            let metrics = metrics.borrow_watched();
            metrics.last_log_index.is_some() || metrics.vote.leader_id.term > 0
        };
        match self.bootstrapping.stage() {
            RaftStage::Ready if self.groups.iter().any(has_begun) => RaftStage::Begun,
            stage @ (RaftStage::Unspecified | RaftStage::Fresh | RaftStage::Ready | RaftStage::Begun) => stage,
        }
    }

    fn group(&self, id: u32) -> Option<&Group> {
        self.groups.get(usize::try_from(id).ok()?)
    }

    /// The life of a member as the group's newest membership has it; before there is one, as the bootstrap says.
    fn life_of(&self, group: Option<&Group>, node: NodeId) -> Option<Incarnation> {
        let metrics = group?.raft().server_metrics();
        let membership = Arc::clone(&metrics.borrow_watched().membership_config);
        if membership.voter_ids().next().is_none() {
            return self.bootstrapping.life_of(node);
        }
        membership.get_node(&node.get())?.incarnation
    }
}

fn refused(stranger: Stranger) -> Status {
    match stranger {
        Stranger::Nobody => Status::invalid_argument(stranger.to_string()),
        Stranger::Misdirected { .. } => Status::failed_precondition(stranger.to_string()),
        Stranger::OtherQuorum { .. }
        | Stranger::Unknown { .. }
        | Stranger::NotCertified { .. }
        | Stranger::OtherLife { .. } => Status::permission_denied(stranger.to_string()),
    }
}

#[tonic::async_trait]
impl Raft for RaftService {
    type AppendStream = BoxStream<'static, Result<wire::RaftAppendResponse, Status>>;

    async fn append(
        &self,
        request: Request<Streaming<wire::RaftAppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        let (_, extensions, mut inbound) = request.into_parts();
        let Some(first) = inbound.message().await? else {
            return Ok(Response::new(futures::stream::empty().boxed()));
        };
        let raft = self.admit(&extensions, first.caller.as_ref())?.raft().clone();
        // A group whose disk does not keep up takes no new stream: else each time its leader tries again, as many requests as
        // one stream may have in hand would be left waiting in its core.
        raft.with_raft_state(|_| ()).await.map_err(stopped)?;
        let first = append_from_wire(first)?;
        let requests = futures::stream::iter([first]).chain(readable(inbound));
        Ok(Response::new(answers(&raft, requests)))
    }

    async fn vote(&self, request: Request<wire::RaftVoteRequest>) -> Result<Response<wire::RaftVoteResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let raft = self.admit(&extensions, request.caller.as_ref())?.raft();
        let response = raft.vote(vote_from_wire(&request)?).await.map_err(stopped)?;
        Ok(Response::new(vote_to_wire(&response)))
    }

    async fn pre_vote(
        &self,
        request: Request<wire::RaftVoteRequest>,
    ) -> Result<Response<wire::RaftVoteResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let raft = self.admit(&extensions, request.caller.as_ref())?.raft();
        let response = raft.pre_vote(vote_from_wire(&request)?).await.map_err(stopped)?;
        Ok(Response::new(vote_to_wire(&response)))
    }

    async fn transfer_leader(
        &self,
        request: Request<wire::RaftTransferLeaderRequest>,
    ) -> Result<Response<wire::RaftTransferLeaderResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let raft = self.admit(&extensions, request.caller.as_ref())?.raft();
        let from = request.from_leader.as_ref().ok_or_else(|| missing("from_leader"))?;
        let last = request.last_log_id.as_ref().map(log_id_from_wire);
        let request = TransferLeaderRequest::new(raft_vote_from_wire(from), request.to_node, last);
        let response = raft.handle_transfer_leader(request).await.map_err(stopped)?;
        Ok(Response::new(wire::RaftTransferLeaderResponse {
            accepted: response.is_ok(),
        }))
    }

    async fn confirm(
        &self,
        request: Request<wire::RaftConfirmRequest>,
    ) -> Result<Response<wire::RaftConfirmResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let raft = self.admit(&extensions, request.caller.as_ref())?.raft();
        // From openraft's core, in turn with the votes it gives: what is published beside it may lag behind one.
        let vote = raft.with_raft_state(|state| *state.vote_ref()).await.map_err(stopped)?;
        Ok(Response::new(wire::RaftConfirmResponse {
            vote: Some(raft_vote_to_wire(&vote)),
        }))
    }

    async fn hello(
        &self,
        request: Request<wire::RaftHelloRequest>,
    ) -> Result<Response<wire::RaftHelloResponse>, Status> {
        if request.into_inner().quorum[..] != self.here.quorum.get().to_be_bytes()[..] {
            return Err(refused(Stranger::OtherQuorum {
                quorum: self.here.quorum,
            }));
        }
        let caller = self.here.to(GroupId::new(0), self.here.node);
        Ok(Response::new(wire::RaftHelloResponse {
            quorum: caller.quorum,
            node: caller.node,
            incarnation: caller.incarnation,
            stage: self.stage().into(),
        }))
    }
}

/// The requests until the first that cannot be read. Its sender hears of it by the end of the stream.
fn readable(
    inbound: Streaming<wire::RaftAppendRequest>,
) -> impl Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static {
    futures::stream::unfold(inbound, |mut inbound| async {
        let message = inbound.message().await.ok()??;
        match append_from_wire(message) {
            Ok(request) => Some((request, inbound)),
            Err(status) => {
                tracing::error!(%status, "a replication request cannot be read");
                None
            }
        }
    })
}

fn answers(
    raft: &GroupRaft,
    requests: impl Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static,
) -> BoxStream<'static, Result<wire::RaftAppendResponse, Status>> {
    raft.stream_append(requests)
        .map(|answer| answer.map(append_to_wire).map_err(stopped))
        .boxed()
}

fn append_from_wire(request: wire::RaftAppendRequest) -> Result<AppendEntriesRequest<TypeConfig>, Status> {
    let vote = request.vote.as_ref().ok_or_else(|| missing("vote"))?;
    let decoded = request.entries.into_iter().map(stored::decode_entry);
    let entries: Result<Vec<Entry>, _> = decoded.collect();
    Ok(AppendEntriesRequest {
        vote: raft_vote_from_wire(vote),
        prev_log_id: request.prev.as_ref().map(log_id_from_wire),
        entries: entries.map_err(|unreadable| Status::invalid_argument(unreadable.to_string()))?,
        leader_commit: request.commit.as_ref().map(log_id_from_wire),
    })
}

fn append_to_wire(result: StreamAppendResult<TypeConfig>) -> wire::RaftAppendResponse {
    use wire::raft_append_response::Outcome;
    let outcome = match result {
        Ok(matching) => Outcome::Matching(wire::RaftMatching {
            log_id: matching.as_ref().map(log_id_to_wire),
        }),
        Err(StreamAppendError::Conflict(log_id)) => Outcome::Conflict(log_id_to_wire(&log_id)),
        Err(StreamAppendError::HigherVote(vote)) => Outcome::HigherVote(raft_vote_to_wire(&vote)),
    };
    wire::RaftAppendResponse { outcome: Some(outcome) }
}

fn vote_from_wire(request: &wire::RaftVoteRequest) -> Result<VoteRequest<TypeConfig>, Status> {
    let vote = request.vote.as_ref().ok_or_else(|| missing("vote"))?;
    let last = request.last_log_id.as_ref().map(log_id_from_wire);
    let mut asked = VoteRequest::new(raft_vote_from_wire(vote), last);
    asked.leadership_transfer = request.leadership_transfer;
    Ok(asked)
}

fn vote_to_wire(response: &openraft::raft::VoteResponse<TypeConfig>) -> wire::RaftVoteResponse {
    wire::RaftVoteResponse {
        vote: Some(raft_vote_to_wire(&response.vote)),
        last_log_id: response.last_log_id.as_ref().map(log_id_to_wire),
        granted: response.vote_granted,
    }
}

fn missing(field: &'static str) -> Status {
    Status::invalid_argument(format!("the message has no {field}"))
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(format!("the group has stopped: {error}"))
}
