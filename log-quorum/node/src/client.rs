//! The log quorum from outside: the [`Log`] trait over gRPC.
//! Promises: a call is on its way when its method returns, and dropping what it returned cancels nothing. An append is
//! sent to one node once, and never again by the client. Every other call is repeated as it was, at whichever node leads,
//! until it is judged or its deadline is over. What waits is bounded, and past the bound the answer is `Busy`. Methods may
//! be called from any thread, and what they return polled by any executor.
//! Does not promise that a call which ended `Unknown` is over. When the client leaves a node it hands the stream no more
//! calls, but what the connection took before (as much as its send buffer holds, or one message that is larger) may
//! still reach that node, after the calls in it were answered. So may the earlier sending of a call that is repeated.
//! The protocol makes both harmless: an append counts only at its place in the chain and under its epoch, and a repeat is
//! judged as the first was.
//! Leaves to `transport`: who the other side is, and noticing that it fell silent.
//!
//! ```text
//!   append, fence, … ──▶ Queue ──▶ Submitter ──▶ Link ──▶ leader     one task and one stream per group
//!   renew, describe  ──▶ Asking ───────────────────────▶ leader     one short task per request and group
//!   tail             ──▶ Tail ─────────────────────────▶ any node   one task and one stream per reader
//! ```
//!
//! Connections are of their own per log node, group and class of calls, so that no class fills another's window.

mod bounds;
mod calls;
mod confirm;
mod describe;
mod group;
mod known;
mod leader;
mod link;
mod nodes;
mod options;
mod queue;
mod renew;
#[cfg(test)]
mod samples;
mod status;
mod submitter;
mod tail;
mod unanswered;
mod waiter;

use std::collections::BTreeMap;
use std::future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use tenure_log::{
    Appended, CallError, DescribeAnswer, Log, LogStatus, RenewAnswer, Reply, TailError, Tailing, Unknown,
};
use tenure_log_protocol::{
    Append, Call, Create, CreateRefused, Delete, Fence, FenceRefused, Granted, NotHeld, Release, Released, Renew,
    STREAMS_MAX, Trim, TrimRefused, Trimmed, Unsettled,
};
use tenure_types::{GroupId, Lsn, NodeId, StreamId};
use tenure_wire::log_v1 as wire;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use self::confirm::{Asking, Question};
use self::group::Group;
use self::nodes::{ConnectError, Connections, Nodes};
use self::tail::Tail;
use self::waiter::{Waiter, reply, reply_unrefused};
use crate::convert;
use crate::transport::{Transport, TransportError};

pub use self::nodes::NodeAddress;
pub use self::options::ClientOptions;

/// Most groups that a client ever speaks to. A quorum has a few; a stream that names another group is a mistake, and
/// mistakes must not start tasks without end.
const GROUPS_MAX: usize = 1024;

/// Most requests for the status without an answer.
const STATUS_AT_ONCE_MAX: usize = 8;

/// A client of a log quorum. Clones are handles to the same one; its tasks end with the last of them, once what was
/// submitted is answered.
#[derive(Clone)]
pub struct QuorumLog(Arc<Inner>);

struct Inner {
    nodes: Arc<Nodes>,
    options: Arc<ClientOptions>,
    runtime: Handle,
    groups: RwLock<BTreeMap<GroupId, Arc<Group>>>,
    /// For asking how the groups look.
    status: Arc<Connections>,
    asking_status: Arc<Semaphore>,
    /// How many readers were begun. Each begins at the next node, so that one that was cut off or finds its node lagging
    /// gets another.
    tails_begun: AtomicUsize,
}

impl Drop for Inner {
    /// Not when the last user of a group is gone: a reader may be, and submits nothing.
    fn drop(&mut self) {
        let groups = self.groups.get_mut().unwrap_or_else(PoisonError::into_inner);
        groups.values().for_each(|group| group.queue.close());
    }
}

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is nobody to ask.
    #[error("the list of log nodes is empty")]
    NoNodes,
    /// Two nodes have one name.
    #[error("{node} is named twice in the list of log nodes")]
    NamedTwice {
        /// The name.
        node: NodeId,
    },
    /// An address, or the credentials, cannot be used.
    #[error("{node} cannot be connected to")]
    Transport {
        /// The node.
        node: NodeId,
        /// What is wrong.
        source: TransportError,
    },
}

impl QuorumLog {
    /// A client of the quorum that these nodes make up. Connects to none before it is asked something. Its tasks run on
    /// `runtime`, which must have its network and its timers enabled.
    pub fn new(
        transport: Transport,
        nodes: Vec<NodeAddress>,
        options: ClientOptions,
        runtime: &Handle,
    ) -> Result<Self, ClientError> {
        let nodes = Arc::new(Nodes::new(transport, nodes));
        check(&nodes, runtime)?;
        Ok(Self(Arc::new(Inner {
            status: Arc::new(Connections::new(Arc::clone(&nodes))),
            nodes,
            options: Arc::new(options),
            runtime: runtime.clone(),
            groups: RwLock::default(),
            asking_status: Arc::new(Semaphore::new(STATUS_AT_ONCE_MAX)),
            tails_begun: AtomicUsize::new(0),
        })))
    }

    fn submit(&self, stream: StreamId, call: wire::Call, waiter: Waiter) {
        match self.group(stream.group()) {
            Some(group) => group.queue.submit(call, waiter),
            None => waiter.unknown(Unknown::NoLeader { hint: None }),
        }
    }

    /// Asks every group at once, in parts that one request may have.
    fn ask_all<Q: Question>(
        &self,
        questions: Vec<Q>,
        within: Duration,
    ) -> impl Stream<Item = (Q, Q::Outcome)> + Send + use<Q> {
        let mut groups: BTreeMap<GroupId, Vec<Q>> = BTreeMap::new();
        for question in questions {
            groups.entry(question.group_asked()).or_default().push(question);
        }
        let parts = |(group, questions): (GroupId, Vec<Q>)| {
            let parts = questions.chunks(STREAMS_MAX).map(|part| (group, part.to_vec()));
            parts.collect::<Vec<_>>()
        };
        let requests: Vec<_> = groups.into_iter().flat_map(parts).collect();
        // Each request answers once, so that none ever waits for room.
        let (to, answers) = mpsc::channel(requests.len().max(1));
        for (group, questions) in requests {
            self.ask(group, questions, to.clone(), within);
        }
        ReceiverStream::new(answers).flat_map(stream::iter)
    }

    fn ask<Q: Question>(
        &self,
        group: GroupId,
        questions: Vec<Q>,
        to: mpsc::Sender<confirm::Answers<Q>>,
        within: Duration,
    ) {
        let Some(group) = self.group(group) else {
            return confirm::refuse(questions, to, Unknown::NoLeader { hint: None });
        };
        let options = Arc::clone(&self.0.options);
        if let Some(asking) = Asking::begin(questions, to, group, options, within) {
            self.0.runtime.spawn(asking.ask());
        }
    }

    /// The group, started if nothing was asked of it before. `None`: there are too many already.
    fn group(&self, id: GroupId) -> Option<Arc<Group>> {
        let groups = self.0.groups.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = groups.get(&id) {
            return Some(Arc::clone(group));
        }
        drop(groups);
        let mut groups = self.0.groups.write().unwrap_or_else(PoisonError::into_inner);
        if groups.len() >= GROUPS_MAX && !groups.contains_key(&id) {
            return None;
        }
        let Inner {
            nodes,
            options,
            runtime,
            ..
        } = self.0.as_ref();
        let group = groups
            .entry(id)
            .or_insert_with(|| Arc::new(Group::start(id, nodes, options, runtime)));
        Some(Arc::clone(group))
    }
}

impl Log for QuorumLog {
    fn append(&self, append: Append) -> Reply<Appended, Unsettled> {
        // Any node would refuse it alike, and one that is too large would break the stream for all others.
        if let Err(malformed) = append.check() {
            let refused = CallError::Refused(Unsettled::Malformed(malformed));
            return future::ready(Err(refused)).boxed();
        }
        let (told, heard) = oneshot::channel();
        let call = wire::call::Call::Append(convert::append_to_wire(&append));
        self.submit(append.stream, wire::Call { call: Some(call) }, Waiter::Append(told));
        reply(heard)
    }

    fn fence(&self, fence: Fence) -> Reply<Granted, FenceRefused> {
        let (told, heard) = oneshot::channel();
        let call = convert::call_to_wire(&Call::Fence(fence));
        self.submit(fence.stream, call, Waiter::Fence(told));
        reply(heard)
    }

    fn renew(&self, renews: Vec<Renew>) -> BoxStream<'static, RenewAnswer> {
        let answers = self.ask_all(renews, self.0.options.renew_deadline);
        answers.map(|(renew, outcome)| RenewAnswer { renew, outcome }).boxed()
    }

    fn release(&self, release: Release) -> Reply<Released, NotHeld> {
        let (told, heard) = oneshot::channel();
        let call = convert::call_to_wire(&Call::Release(release));
        self.submit(release.stream, call, Waiter::Release(told));
        reply(heard)
    }

    fn trim(&self, trim: Trim) -> Reply<Trimmed, TrimRefused> {
        let (told, heard) = oneshot::channel();
        let call = convert::call_to_wire(&Call::Trim(trim));
        self.submit(trim.stream, call, Waiter::Trim(told));
        reply(heard)
    }

    fn create(&self, create: Create) -> Reply<(), CreateRefused> {
        let (told, heard) = oneshot::channel();
        let call = convert::call_to_wire(&Call::Create(create));
        self.submit(create.stream, call, Waiter::Create(told));
        reply(heard)
    }

    fn delete(&self, delete: Delete) -> BoxFuture<'static, Result<(), Unknown>> {
        let (told, heard) = oneshot::channel();
        let call = convert::call_to_wire(&Call::Delete(delete));
        self.submit(delete.stream, call, Waiter::Delete(told));
        reply_unrefused(heard)
    }

    fn describe(&self, streams: Vec<StreamId>) -> BoxStream<'static, DescribeAnswer> {
        let answers = self.ask_all(streams, self.0.options.call_deadline);
        answers
            .map(|(stream, outcome)| DescribeAnswer { stream, outcome })
            .boxed()
    }

    fn status(&self) -> BoxFuture<'static, Result<LogStatus, Unknown>> {
        let Ok(permit) = Arc::clone(&self.0.asking_status).try_acquire_owned() else {
            return future::ready(Err(Unknown::Busy)).boxed();
        };
        let (told, heard) = oneshot::channel();
        let asking = status::status(Arc::clone(&self.0.status), self.0.options.call_deadline);
        self.0.runtime.spawn(async move {
            // Whoever dropped the future does not want to hear it.
            let _ = told.send(asking.await);
            drop(permit);
        });
        reply_unrefused(heard)
    }

    fn tail(&self, stream: StreamId, from: Lsn) -> Tailing {
        let Some(group) = self.group(stream.group()) else {
            let interrupted = TailError::Interrupted(Unknown::NoLeader { hint: None });
            return stream::iter([Err(interrupted)]).boxed();
        };
        let tail = Tail {
            group,
            stream,
            from,
            first_node: self.0.tails_begun.fetch_add(1, Ordering::Relaxed),
            within: self.0.options.call_deadline,
        };
        let (tailing, task) = tail.begin();
        self.0.runtime.spawn(task);
        tailing
    }
}

/// Finds now what would else be found by every call.
fn check(nodes: &Nodes, runtime: &Handle) -> Result<(), ClientError> {
    let ids = nodes.ids();
    if ids.is_empty() {
        return Err(ClientError::NoNodes);
    }
    let _on_runtime = runtime.enter();
    for (index, node) in ids.iter().copied().enumerate() {
        if ids[..index].contains(&node) {
            return Err(ClientError::NamedTwice { node });
        }
        match nodes.connect(index) {
            Ok(_) => {}
            Err(ConnectError::Transport(source)) => return Err(ClientError::Transport { node, source }),
            Err(ConnectError::NoNode) => return Err(ClientError::NoNodes),
        }
    }
    Ok(())
}

/// The instant `wait` later, or one so far off that nobody sees it.
fn later(instant: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    instant.checked_add(wait).unwrap_or_else(|| instant + FAR)
}

#[cfg(test)]
mod tests;
