//! The way of logged calls into a group: what callers send is collected into entries and proposed.
//! Promises: calls are proposed in the order in which they came; one entry takes everything that waits, up to its size;
//! at most a few proposals are in flight, so that the next one grows while they sync, without any timer; what waits is
//! bounded, and past it callers hear `Busy`. Leaves to `state`: what a call means.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::Raft;
use openraft::errors::ClientWriteError;
use openraft::raft::ClientWriteResult;
use tenure_log::Unknown;
use tenure_log_protocol::Answer;
use tenure_types::{NodeId, StreamId};
use tenure_wire::log_v1 as wire;
use tokio::sync::Notify;

use super::answers::Waiter;
use super::state::Shared;
use crate::convert;
use crate::raft::state_machine::StateMachine;
use crate::raft::stored::BatchWriter;
use crate::raft::types::{Applied, Batch, Completion, TypeConfig};

/// Bytes of calls that one entry collects. A larger call has an entry of its own.
const ENTRY_BYTES_MAX: usize = 256 << 10;

/// Bytes of calls that may wait to be proposed. Past it callers are told that the group is busy.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Calls on their way into one group. Clones are handles to the same queue.
#[derive(Clone)]
pub(crate) struct Ingress(Arc<Inner>);

struct Inner {
    waiting: Mutex<Waiting>,
    /// Told when something waits, or a proposal came back.
    changed: Notify,
    in_flight: AtomicUsize,
    in_flight_max: usize,
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Submitted>,
    bytes: usize,
    /// The group has stopped.
    closed: bool,
}

/// A call and who waits for its answer.
pub(crate) struct Submitted {
    /// The call, well-formed.
    pub call: wire::Call,
    /// Its stream.
    pub stream: StreamId,
    /// Who is answered.
    pub waiter: Waiter,
}

impl Ingress {
    /// With at most so many proposals in flight.
    pub(crate) fn new(in_flight_max: usize) -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::default(),
            changed: Notify::new(),
            in_flight: AtomicUsize::new(0),
            in_flight_max,
        }))
    }

    /// Puts a call behind those that wait.
    pub(crate) fn submit(&self, submitted: Submitted) {
        let bytes = submitted.waiter.bytes();
        let mut waiting = self.lock();
        if waiting.closed {
            drop(waiting);
            return submitted.waiter.unknown(Unknown::Discarded);
        }
        if waiting.bytes + bytes > WAITING_BYTES_MAX {
            drop(waiting);
            submitted.waiter.unknown(Unknown::Busy);
            return;
        }
        waiting.bytes += bytes;
        waiting.calls.push_back(submitted);
        drop(waiting);
        self.0.changed.notify_one();
    }

    /// Proposes what waits, for as long as the group lives.
    pub(crate) async fn propose_all(self, raft: Raft<TypeConfig, StateMachine>, state: Shared) {
        loop {
            let Some((batch, proposed)) = self.next_batch() else {
                self.0.changed.notified().await;
                continue;
            };
            let in_flight = InFlight::new(self.clone());
            let state = state.clone();
            let completion = Completion::new(move |outcome: ClientWriteResult<TypeConfig>| {
                // Before the answers, so that what they cause finds room for its proposal.
                drop(in_flight);
                answer_all(proposed, outcome, &state);
            });
            if let Err(fatal) = raft.client_write_ff(batch, Some(completion)).await {
                tracing::error!(%fatal, "the group has stopped");
                self.close();
                return;
            }
        }
    }

    /// Takes no more calls, and gives up those that wait.
    fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.bytes = 0;
        let given_up = std::mem::take(&mut waiting.calls);
        drop(waiting);
        // Each is answered when it is dropped.
        drop(given_up);
    }

    /// The next entry, unless nothing waits or too much is in flight.
    fn next_batch(&self) -> Option<(Batch, Vec<(StreamId, Waiter)>)> {
        if self.0.in_flight.load(Ordering::Acquire) >= self.0.in_flight_max {
            return None;
        }
        let mut writer = BatchWriter::new();
        let mut proposed = Vec::new();
        let mut waiting = self.lock();
        while let Some(next) = waiting.calls.front() {
            if !writer.is_empty() && writer.len() + next.waiter.bytes() > ENTRY_BYTES_MAX {
                break;
            }
            let Some(Submitted { call, stream, waiter }) = waiting.calls.pop_front() else {
                break;
            };
            waiting.bytes -= waiter.bytes();
            writer.push(&call);
            proposed.push((stream, waiter));
        }
        (!writer.is_empty()).then(|| (writer.finish(), proposed))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proposal in flight: one less may be made until it is dropped, whether or not it was answered.
struct InFlight(Ingress);

impl InFlight {
    fn new(ingress: Ingress) -> Self {
        ingress.0.in_flight.fetch_add(1, Ordering::AcqRel);
        Self(ingress)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.0.0.changed.notify_one();
    }
}

fn answer_all(proposed: Vec<(StreamId, Waiter)>, outcome: ClientWriteResult<TypeConfig>, state: &Shared) {
    let Applied(answers) = match outcome {
        Ok(written) => written.data,
        Err(refused) => {
            let unknown = unknown_of(&refused);
            proposed.into_iter().for_each(|(_, waiter)| waiter.unknown(unknown));
            return;
        }
    };
    let mut state = state.lock();
    // An entry has as many answers as calls; were there fewer, the rest would be answered as given up when dropped.
    for ((stream, waiter), answer) in proposed.into_iter().zip(answers) {
        let credit = match answer {
            Answer::Append(_) => state.grant(stream),
            Answer::Fence(_) | Answer::Release(_) | Answer::Trim(_) | Answer::Create(_) | Answer::Delete => {
                tenure_log::Credit::NONE
            }
        };
        waiter.answer(convert::answer_to_wire(&answer, credit));
    }
}

fn unknown_of(refused: &ClientWriteError<TypeConfig>) -> Unknown {
    match refused {
        ClientWriteError::ForwardToLeader(forward) => Unknown::NoLeader {
            hint: forward.leader_id.map(NodeId::new),
        },
        ClientWriteError::LogEntryDiscarded(_)
        | ClientWriteError::ChangeMembershipError(_)
        | ClientWriteError::PreconditionFailed(_) => Unknown::Discarded,
    }
}
