//! What data nodes and the control plane ask of this node.
//! Promises: calls of one connection reach their group in the order in which they came; a caller that does not read its
//! answers, or sends more than it may have in hand, holds up itself only; a tail sends what was asked for, no more.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};
use tenure_log::Credit;
use tenure_log_protocol::{Answer, Call, Unsettled};
use tenure_types::{Lsn, StreamId};
use tenure_wire::log_v1 as wire;
use tonic::{Request, Response, Status, Streaming};

use crate::convert;
use crate::generated::log_server::Log;
use crate::group::Group;
use crate::group::answers::Answers;
use crate::group::tail::Reader;

/// What one caller may have in hand of one group. An owner has at most 1,024 records in flight, a node many owners.
const CALLS_IN_HAND_MAX: usize = 16_384;
const BYTES_IN_HAND_MAX: usize = 32 << 20;

/// Most renewals or streams in one request: a node has at most as many shards in a group as a group has streams.
const ASKED_MAX: usize = tenure_log_protocol::STREAMS_MAX;

/// Answers callers about every group of this node.
pub(crate) struct LogService {
    /// The groups, by number.
    pub groups: Arc<Vec<Group>>,
}

impl LogService {
    fn group(&self, id: u32) -> Result<&Group, Status> {
        let group = usize::try_from(id).ok().and_then(|index| self.groups.get(index));
        group.ok_or_else(|| no_group(id, self.groups.len()))
    }
}

fn no_group(id: u32, groups: usize) -> Status {
    Status::not_found(format!("group-{id} does not exist: this quorum has {groups}"))
}

#[tonic::async_trait]
impl Log for LogService {
    type SubmitStream = BoxStream<'static, Result<wire::SubmitResponse, Status>>;
    type TailStream = BoxStream<'static, Result<wire::TailResponse, Status>>;

    async fn submit(
        &self,
        request: Request<Streaming<wire::SubmitRequest>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        let mut inbound = request.into_inner();
        let Some(first) = inbound.message().await? else {
            return Ok(Response::new(futures::stream::empty().boxed()));
        };
        let group = self.group(first.group)?.clone();
        let answers = Answers::default();
        tokio::spawn(submit_all(group, first, inbound, answers.clone()));
        Ok(Response::new(sent(answers)))
    }

    async fn renew(&self, request: Request<wire::RenewRequest>) -> Result<Response<wire::RenewResponse>, Status> {
        let request = request.into_inner();
        bounded(request.renews.len())?;
        let group = self.group(request.group)?;
        let renews: Result<Vec<_>, _> = request.renews.iter().map(convert::renew_from_wire).collect();
        let renews = renews.map_err(bad_message)?;
        of_group(request.group, renews.iter().map(|renew| renew.stream))?;
        let outcomes = group.renew(&renews).await;
        let answers = outcomes.iter().map(convert::renew_outcome_to_wire).collect();
        Ok(Response::new(wire::RenewResponse { answers }))
    }

    async fn describe(
        &self,
        request: Request<wire::DescribeRequest>,
    ) -> Result<Response<wire::DescribeResponse>, Status> {
        let request = request.into_inner();
        bounded(request.streams.len())?;
        let group = self.group(request.group)?;
        let streams: Vec<_> = request.streams.iter().copied().map(StreamId::from_bits).collect();
        of_group(request.group, streams.iter().copied())?;
        let outcomes = group.describe(&streams).await;
        let answers = outcomes.iter().map(convert::describe_outcome_to_wire).collect();
        Ok(Response::new(wire::DescribeResponse { answers }))
    }

    async fn tail(&self, request: Request<Streaming<wire::TailRequest>>) -> Result<Response<Self::TailStream>, Status> {
        let mut inbound = request.into_inner();
        let Some(first) = inbound.message().await? else {
            return Ok(Response::new(futures::stream::empty().boxed()));
        };
        let open = first
            .open
            .ok_or_else(|| Status::invalid_argument("the first message has no open"))?;
        let from = Lsn::new(open.from).ok_or_else(|| Status::invalid_argument("positions begin at 1"))?;
        let stream = StreamId::from_bits(open.stream);
        let reader = self.group(stream.group().get())?.tail(stream, from);
        Ok(Response::new(tailed(reader, inbound)))
    }

    async fn status(&self, _request: Request<wire::StatusRequest>) -> Result<Response<wire::StatusResponse>, Status> {
        let groups = self
            .groups
            .iter()
            .map(|group| convert::group_status_to_wire(&group.status()));
        Ok(Response::new(wire::StatusResponse {
            groups: groups.collect(),
        }))
    }
}

/// Gives a caller's calls to their group, until it sends no more.
async fn submit_all(
    group: Group,
    first: wire::SubmitRequest,
    mut inbound: Streaming<wire::SubmitRequest>,
    answers: Answers,
) {
    let group_id = first.group;
    let mut request = first;
    let why = loop {
        if let Err(status) = submit_each(&group, group_id, request, &answers).await {
            break Err(status);
        }
        match inbound.message().await {
            Ok(Some(next)) => request = next,
            Ok(None) => break Ok(()),
            Err(status) => break Err(status),
        }
    };
    answers.end(why);
}

async fn submit_each(
    group: &Group,
    group_id: u32,
    request: wire::SubmitRequest,
    answers: &Answers,
) -> Result<(), Status> {
    for submission in request.submissions {
        let call = submission
            .call
            .ok_or_else(|| Status::invalid_argument("a submission has no call"))?;
        // Whole, so that nothing is logged that some node could not read.
        let judged = convert::call_from_wire(&call).map_err(bad_message)?;
        let (stream, sender) = match &judged {
            Call::Append(append) => (append.stream, Some(append.sender())),
            Call::Fence(fence) => (fence.stream, None),
            Call::Release(release) => (release.stream, None),
            Call::Trim(trim) => (trim.stream, None),
            Call::Create(create) => (create.stream, None),
            Call::Delete(delete) => (delete.stream, None),
        };
        of_group(group_id, [stream])?;
        if !answers.at_most(CALLS_IN_HAND_MAX, BYTES_IN_HAND_MAX).await {
            return Ok(());
        }
        let waiter = answers.waiter(submission.number, prost::Message::encoded_len(&call));
        match malformed(&judged) {
            // Not logged: every node would keep it, and read it again at every start.
            Some(malformed) => waiter.answer(malformed),
            None => group.submit(call, stream, sender, waiter),
        }
    }
    Ok(())
}

/// The answer to a call that no stream could take.
fn malformed(call: &Call) -> Option<wire::answered::Answer> {
    let Call::Append(append) = call else { return None };
    let malformed = append.check().err()?;
    let refused = Answer::Append(Err(Unsettled::Malformed(malformed)));
    Some(convert::answer_to_wire(&refused, Credit::NONE))
}

/// The answers as a stream. Dropped, it tells whoever waits for room that the caller is gone.
fn sent(answers: Answers) -> BoxStream<'static, Result<wire::SubmitResponse, Status>> {
    struct Abandons(Answers);
    impl Drop for Abandons {
        fn drop(&mut self) {
            self.0.abandon();
        }
    }
    futures::stream::unfold(Abandons(answers), |answers| async {
        let taken = answers.0.take().await?;
        Some((taken.map(|answers| wire::SubmitResponse { answers }), answers))
    })
    .boxed()
}

/// One batch for each message of the reader, the first included. Ends when the reader asks no more, or after an error.
fn tailed(
    reader: Reader,
    inbound: Streaming<wire::TailRequest>,
) -> BoxStream<'static, Result<wire::TailResponse, Status>> {
    let begin = Some((reader, inbound, Asked::Once));
    futures::stream::unfold(begin, |state| async {
        let (mut reader, mut inbound, asked) = state?;
        match asked {
            Asked::Once => {}
            Asked::NotYet => drop(inbound.message().await.ok()??),
        }
        // A reader that goes away while this waits resets its stream, and tonic drops this.
        let outcome = reader.next_batch().await;
        let goes_on = outcome.is_ok().then_some((reader, inbound, Asked::NotYet));
        Some((Ok(convert::tail_outcome_to_wire(&outcome)), goes_on))
    })
    .boxed()
}

/// Whether a reader's asking for the next batch was received.
enum Asked {
    Once,
    NotYet,
}

fn bounded(asked: usize) -> Result<(), Status> {
    if asked <= ASKED_MAX {
        Ok(())
    } else {
        Err(Status::invalid_argument(format!(
            "{asked} streams in one request, at most {ASKED_MAX} are allowed"
        )))
    }
}

/// A stream names its group, so a request that names another is a mistake of the caller.
fn of_group(group: u32, streams: impl IntoIterator<Item = StreamId>) -> Result<(), Status> {
    match streams.into_iter().find(|stream| stream.group().get() != group) {
        None => Ok(()),
        Some(stream) => Err(Status::invalid_argument(format!("{stream} is not of group-{group}"))),
    }
}

fn bad_message(bad: convert::BadMessage) -> Status {
    Status::invalid_argument(bad.to_string())
}
