//! Log nodes made of one log in memory: real connections in front, no consensus behind.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesOrdered, StreamExt};
use tenure_log::{Appended, CallError, Credit, Log as _, MemoryLog, Unknown};
use tenure_log_protocol::{Answer, Call};
use tenure_types::{Lsn, NodeId, StreamId};
use tenure_wire::log_v1 as wire;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

use crate::client::NodeAddress;
use crate::convert;
use crate::generated::log_server::{Log, LogServer};
use crate::transport::{Dial, Io, Patience, TcpDial, Transport};

pub(super) fn transport() -> Transport {
    transport_over(TcpDial)
}

/// Connections that take so long to make.
pub(super) fn slow_transport(takes: Duration) -> Transport {
    transport_over(SlowDial(takes))
}

struct SlowDial(Duration);

impl Dial for SlowDial {
    fn dial(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Io>>> {
        let (takes, dialled) = (self.0, TcpDial.dial(address));
        async move {
            tokio::time::sleep(takes).await;
            dialled.await
        }
        .boxed()
    }
}

fn transport_over(dial: impl Dial) -> Transport {
    let patience = Patience {
        connect: Duration::from_secs(1),
        silence: Duration::from_secs(5),
    };
    Transport::new(Arc::new(dial), None, patience)
}

/// What a node does with the calls it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Answers,
    /// Takes calls and answers none of them.
    Swallows,
    /// Answers all calls but appends.
    SwallowsAppends,
}

/// Calls that take effect, but whose answers say that nothing is known.
enum Losing {
    Nothing,
    /// The next one.
    Next {
        repeats_for: Duration,
    },
    /// This one again, if it comes before then.
    Repeats {
        of: wire::Call,
        until: Instant,
    },
}

/// Nodes that share one log.
pub(super) struct Cluster {
    shared: Arc<Shared>,
    addresses: Vec<NodeAddress>,
}

struct Shared {
    memory: MemoryLog,
    leader: Mutex<Option<NodeId>>,
    mood: Mutex<Mood>,
    losing: Mutex<Losing>,
    /// Counts up to cut the streams that are open.
    cuts: watch::Sender<u64>,
    /// Streams of submissions that are open.
    open: AtomicUsize,
    /// Streams of submissions that ever were.
    opened: AtomicUsize,
    /// A node that takes itself for the leader and reaches no other.
    isolated: Mutex<Option<NodeId>>,
    /// What the next questions are answered, whatever they are.
    cannot_tell: Mutex<VecDeque<Unknown>>,
    /// Who was asked questions, first to last.
    asked: Mutex<Vec<NodeId>>,
    /// Whether each append and renewal said that its sender's lease is live.
    claims: Mutex<Vec<bool>>,
}

impl Cluster {
    pub(super) async fn start(memory: &MemoryLog, nodes: u64) -> Self {
        let shared = Arc::new(Shared {
            memory: memory.clone(),
            leader: Mutex::default(),
            mood: Mutex::new(Mood::Answers),
            losing: Mutex::new(Losing::Nothing),
            cuts: watch::Sender::new(0),
            open: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            isolated: Mutex::default(),
            cannot_tell: Mutex::default(),
            asked: Mutex::default(),
            claims: Mutex::default(),
        });
        let mut addresses = Vec::new();
        for number in 1..=nodes {
            let id = NodeId::new(number);
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            addresses.push(NodeAddress { id, address });
            let node = Node {
                id,
                shared: Arc::clone(&shared),
            };
            let service = LogServer::new(node).max_decoding_message_size(32 << 20);
            let router = transport().server().unwrap().add_service(service);
            tokio::spawn(async move {
                router
                    .serve_with_incoming(TcpListenerStream::new(listener))
                    .await
                    .unwrap();
            });
        }
        Self { shared, addresses }
    }

    pub(super) fn addresses(&self) -> Vec<NodeAddress> {
        self.addresses.clone()
    }

    pub(super) fn id(&self, index: usize) -> NodeId {
        self.addresses[index].id
    }

    pub(super) fn lead(&self, index: usize) {
        *self.shared.leader.lock().unwrap() = Some(self.id(index));
    }

    pub(super) fn lead_nobody(&self) {
        *self.shared.leader.lock().unwrap() = None;
    }

    /// The node goes on as the leader but reaches no other, and `new_leader` leads these.
    pub(super) fn isolate(&self, index: usize, new_leader: usize) {
        *self.shared.isolated.lock().unwrap() = Some(self.id(index));
        self.lead(new_leader);
    }

    /// The next renewals and descriptions are answered so, each request by one of these.
    pub(super) fn cannot_tell(&self, unknowns: &[Unknown]) {
        self.shared.cannot_tell.lock().unwrap().extend(unknowns);
    }

    /// Who was asked for renewals and descriptions since the last time, by their places in the list.
    pub(super) fn take_asked(&self) -> Vec<usize> {
        let asked = std::mem::take(&mut *self.shared.asked.lock().unwrap());
        let place = |id| self.addresses.iter().position(|node| node.id == id).unwrap();
        asked.into_iter().map(place).collect()
    }

    /// Whether the appends and renewals that came so far said that the lease is live.
    pub(super) fn claims(&self) -> Vec<bool> {
        self.shared.claims.lock().unwrap().clone()
    }

    /// How many streams of submissions were opened.
    pub(super) fn opened(&self) -> usize {
        self.shared.opened.load(Ordering::SeqCst)
    }

    pub(super) fn mood(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Loses the answer to the next call, and to its repeats if it is one that the client repeats.
    pub(super) fn lose_answers_to_next(&self, repeats_for: Duration) {
        *self.shared.losing.lock().unwrap() = Losing::Next { repeats_for };
    }

    /// Ends every stream of submissions with an error.
    pub(super) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Waits until no stream of submissions is open.
    pub(super) async fn idle(&self) {
        while self.shared.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Addresses at which nobody listens. They are held, so that nobody else comes to.
pub(super) struct Nowhere(Vec<TcpSocket>);

impl Nowhere {
    pub(super) fn new(count: usize) -> Self {
        let held = |_| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            socket
        };
        Self((0..count).map(held).collect())
    }

    pub(super) fn addresses(&self) -> Vec<NodeAddress> {
        let address = |(id, socket): (u64, &TcpSocket)| NodeAddress {
            id: NodeId::new(id),
            address: socket.local_addr().unwrap().to_string(),
        };
        (1..).zip(&self.0).map(address).collect()
    }
}

struct Node {
    id: NodeId,
    shared: Arc<Shared>,
}

impl Shared {
    /// Why the node cannot answer questions now.
    fn cannot_tell(&self, node: NodeId) -> Option<Unknown> {
        self.asked.lock().unwrap().push(node);
        if *self.isolated.lock().unwrap() == Some(node) {
            let after = Duration::from_millis(400);
            return Some(Unknown::TimedOut { after });
        }
        let next = self.cannot_tell.lock().unwrap().pop_front();
        next.or_else(|| self.refused_by(node))
    }

    fn swallows(&self, node: NodeId, call: &wire::Call) -> bool {
        let is_isolated = *self.isolated.lock().unwrap() == Some(node);
        is_isolated
            || match *self.mood.lock().unwrap() {
                Mood::Answers => false,
                Mood::Swallows => true,
                Mood::SwallowsAppends => matches!(call.call, Some(wire::call::Call::Append(_))),
            }
    }

    fn refused_by(&self, node: NodeId) -> Option<Unknown> {
        let leader = *self.leader.lock().unwrap();
        (leader != Some(node)).then_some(Unknown::NoLeader { hint: leader })
    }

    fn loses_answer_to(&self, call: &wire::Call) -> bool {
        let mut losing = self.losing.lock().unwrap();
        match &*losing {
            Losing::Nothing => false,
            Losing::Next { repeats_for } => {
                let until = Instant::now() + *repeats_for;
                let is_append = matches!(call.call, Some(wire::call::Call::Append(_)));
                *losing = if is_append {
                    Losing::Nothing
                } else {
                    Losing::Repeats {
                        of: call.clone(),
                        until,
                    }
                };
                true
            }
            Losing::Repeats { of, until } => of == call && Instant::now() < *until,
        }
    }

    fn answer(&self, node: NodeId, call: &wire::Call) -> BoxFuture<'static, Option<wire::answered::Answer>> {
        let lost = self.loses_answer_to(call);
        let judged = self.judge(node, call);
        judged
            .map(move |answer| {
                if lost {
                    Some(unknown_answer(Unknown::Discarded))
                } else {
                    answer
                }
            })
            .boxed()
    }

    fn judge(&self, node: NodeId, call: &wire::Call) -> BoxFuture<'static, Option<wire::answered::Answer>> {
        if let Some(wire::call::Call::Append(append)) = &call.call {
            self.claims.lock().unwrap().push(append.under_lease);
        }
        if self.swallows(node, call) {
            return std::future::ready(None).boxed();
        }
        if let Some(unknown) = self.refused_by(node) {
            return std::future::ready(Some(unknown_answer(unknown))).boxed();
        }
        let memory = &self.memory;
        match convert::call_from_wire(call).unwrap() {
            Call::Append(append) => memory.append(append).map(|told| Some(append_answer(told))).boxed(),
            Call::Fence(fence) => memory
                .fence(fence)
                .map(|told| Some(answer(told, Answer::Fence)))
                .boxed(),
            Call::Release(release) => memory
                .release(release)
                .map(|told| Some(answer(told, Answer::Release)))
                .boxed(),
            Call::Trim(trim) => memory.trim(trim).map(|told| Some(answer(told, Answer::Trim))).boxed(),
            Call::Create(create) => memory
                .create(create)
                .map(|told| Some(answer(told, Answer::Create)))
                .boxed(),
            Call::Delete(delete) => {
                let told = memory.delete(delete);
                told.map(|told| {
                    let deleted = convert::answer_to_wire(&Answer::Delete, Credit::NONE);
                    Some(told.map_or_else(unknown_answer, |()| deleted))
                })
                .boxed()
            }
        }
    }
}

fn unknown_answer(unknown: Unknown) -> wire::answered::Answer {
    wire::answered::Answer::Unknown(convert::unknown_to_wire(unknown))
}

fn append_answer(told: Result<Appended, CallError<tenure_log_protocol::Unsettled>>) -> wire::answered::Answer {
    match told {
        Ok(appended) => convert::answer_to_wire(&Answer::Append(Ok(appended.verdict)), appended.credit),
        Err(CallError::Refused(refused)) => convert::answer_to_wire(&Answer::Append(Err(refused)), Credit::NONE),
        Err(CallError::Unknown(unknown)) => unknown_answer(unknown),
    }
}

fn answer<T, R>(told: Result<T, CallError<R>>, of: fn(Result<T, R>) -> Answer) -> wire::answered::Answer {
    match told {
        Ok(told) => convert::answer_to_wire(&of(Ok(told)), Credit::NONE),
        Err(CallError::Refused(refused)) => convert::answer_to_wire(&of(Err(refused)), Credit::NONE),
        Err(CallError::Unknown(unknown)) => unknown_answer(unknown),
    }
}

/// Counts as long as it lives.
struct Counts(Arc<Shared>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl Log for Node {
    type SubmitStream = BoxStream<'static, Result<wire::SubmitResponse, Status>>;
    type TailStream = BoxStream<'static, Result<wire::TailResponse, Status>>;

    async fn submit(
        &self,
        request: Request<Streaming<wire::SubmitRequest>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.unwrap();
        assert_eq!((first.group, first.submissions.len()), (0, 0));
        let (shared, node) = (Arc::clone(&self.shared), self.id);
        shared.open.fetch_add(1, Ordering::SeqCst);
        shared.opened.fetch_add(1, Ordering::SeqCst);
        let counts = Counts(Arc::clone(&shared));
        let mut cuts = shared.cuts.subscribe();
        let (to, answers) = mpsc::channel(1);
        tokio::spawn(async move {
            let _counts = counts;
            loop {
                let message = tokio::select! {
                    message = inbound.message() => message,
                    _ = cuts.changed() => {
                        let _ = to.send(Err(Status::unavailable("cut"))).await;
                        return;
                    }
                };
                let Ok(Some(request)) = message else { return };
                let mut answers = FuturesOrdered::new();
                for submission in request.submissions {
                    let judged = shared.answer(node, &submission.call.unwrap());
                    let number = submission.number;
                    answers.push_back(judged.map(move |answer| answer.map(|answer| (number, answer))));
                }
                let answers: Vec<_> = answers.filter_map(std::future::ready).collect().await;
                let answers = answers.into_iter().rev().map(|(number, answer)| wire::Answered {
                    number,
                    answer: Some(answer),
                });
                let response = wire::SubmitResponse {
                    answers: answers.collect(),
                };
                if !response.answers.is_empty() && to.send(Ok(response)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(answers).boxed()))
    }

    async fn renew(&self, request: Request<wire::RenewRequest>) -> Result<Response<wire::RenewResponse>, Status> {
        let renews = request.into_inner().renews;
        let renews: Vec<_> = renews
            .iter()
            .map(|renew| convert::renew_from_wire(renew).unwrap())
            .collect();
        let claims = renews.iter().map(|renew| renew.under_lease);
        self.shared.claims.lock().unwrap().extend(claims);
        let outcomes: Vec<_> = match self.shared.cannot_tell(self.id) {
            Some(unknown) => renews.iter().map(|_| Err(CallError::Unknown(unknown))).collect(),
            None => {
                self.shared
                    .memory
                    .renew(renews)
                    .map(|answer| answer.outcome)
                    .collect()
                    .await
            }
        };
        let answers = outcomes.iter().map(convert::renew_outcome_to_wire).collect();
        Ok(Response::new(wire::RenewResponse { answers }))
    }

    async fn describe(
        &self,
        request: Request<wire::DescribeRequest>,
    ) -> Result<Response<wire::DescribeResponse>, Status> {
        let streams: Vec<_> = request
            .into_inner()
            .streams
            .into_iter()
            .map(StreamId::from_bits)
            .collect();
        let outcomes: Vec<_> = match self.shared.cannot_tell(self.id) {
            Some(unknown) => streams.iter().map(|_| Err(unknown)).collect(),
            None => {
                self.shared
                    .memory
                    .describe(streams)
                    .map(|answer| answer.outcome)
                    .collect()
                    .await
            }
        };
        let answers = outcomes.iter().map(convert::describe_outcome_to_wire).collect();
        Ok(Response::new(wire::DescribeResponse { answers }))
    }

    async fn tail(&self, request: Request<Streaming<wire::TailRequest>>) -> Result<Response<Self::TailStream>, Status> {
        let mut inbound = request.into_inner();
        let open = inbound.message().await?.unwrap().open.unwrap();
        let tailing = self
            .shared
            .memory
            .tail(StreamId::from_bits(open.stream), Lsn::new(open.from).unwrap());
        // One batch for each message, the first included.
        let begin = (tailing, inbound, true);
        let batches = futures::stream::unfold(begin, |(mut tailing, mut inbound, asked)| async move {
            if !asked {
                inbound.message().await.ok()??;
            }
            let outcome = tokio::select! {
                outcome = tailing.next() => outcome?,
                early = inbound.message() => {
                    assert!(!matches!(early, Ok(Some(_))), "a batch was asked for before the one before came");
                    return None;
                }
            };
            Some((Ok(convert::tail_outcome_to_wire(&outcome)), (tailing, inbound, false)))
        });
        Ok(Response::new(batches.boxed()))
    }

    async fn status(&self, _request: Request<wire::StatusRequest>) -> Result<Response<wire::StatusResponse>, Status> {
        let status = self.shared.memory.status().await.unwrap();
        let groups = status.groups.iter().map(convert::group_status_to_wire).collect();
        Ok(Response::new(wire::StatusResponse { groups }))
    }
}
