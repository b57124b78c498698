//! The calls of one group without an answer: which are to be sent, which are under way, and when each is given up.
//! Promises: they are sent in the order in which they came; an append is sent once and never again; every other call is
//! repeated until it is judged or its time is over; each is answered once, and what comes later is ignored. A call of one
//! stream waits for no other. Knows no connection, and instants only as arguments.
//!
//! All have the same time, so the oldest is over first, and one look at the front finds all that are.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tenure_log::Unknown;
use tenure_types::NodeId;
use tenure_wire::log_v1 as wire;
use tokio::time::Instant;

use super::bounds::Place;
use super::later;
use super::options::ClientOptions;
use super::queue::Submitted;
use super::waiter::{BadAnswer, Waiter};
use crate::convert;

/// A call's number on the wire: which it is, in the lower bits, and which sending of it, in the upper. So an answer to
/// an earlier sending is not taken for one to the present.
const ID_BITS: u32 = 48;

/// In the order of submission. 2^48 calls are centuries.
type CallId = u64;

/// All calls of a group without an answer.
pub(super) struct Calls {
    call_deadline: Duration,
    lease_claim_max: Duration,
    retry_pause: Duration,
    next_id: CallId,
    open: BTreeMap<CallId, OpenCall>,
    /// To be sent, first to last. May name calls that are over.
    unsent: VecDeque<CallId>,
    /// To be sent after a pause. All pauses are the same, so the first is due first.
    paused: VecDeque<(Instant, CallId)>,
}

struct OpenCall {
    waiter: Waiter,
    place: Place,
    submitted_at: Instant,
    sending: u16,
    stage: Stage,
    /// Why an earlier sending of it settled nothing.
    last_unknown: Option<Unknown>,
}

enum Stage {
    /// Not sent, or to be sent again. Left by sending it.
    Waiting(wire::Call),
    /// Under way on the present stream. Left by its answer, and by the stream's end.
    Sent {
        /// To send it again; `None` for an append.
        again: Option<wire::Call>,
    },
}

/// What an answer says about the node that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It leads: it gave a verdict.
    Verdict,
    /// It does not lead.
    NotLeader {
        /// Whom it takes for the leader.
        hint: Option<NodeId>,
    },
    /// Nothing: it could not tell, or the call was over.
    Nothing,
}

impl Calls {
    pub(super) fn new(options: &ClientOptions) -> Self {
        Self {
            call_deadline: options.call_deadline,
            lease_claim_max: options.lease_claim_max,
            retry_pause: options.retry_pause_min,
            next_id: 0,
            open: BTreeMap::new(),
            unsent: VecDeque::new(),
            paused: VecDeque::new(),
        }
    }

    /// Takes calls over, in the order in which they were submitted.
    pub(super) fn add(&mut self, submitted: Vec<Submitted>) {
        for Submitted {
            call,
            waiter,
            place,
            at,
        } in submitted
        {
            let id = self.next_id;
            self.next_id += 1;
            let open = OpenCall {
                waiter,
                place,
                submitted_at: at,
                sending: 0,
                stage: Stage::Waiting(call),
                last_unknown: None,
            };
            self.open.insert(id, open);
            self.unsent.push_back(id);
        }
    }

    /// Whether none waits for its answer.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether there is something to send.
    pub(super) fn wants_to_send(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// When [`pass_time`](Self::pass_time) has something to do.
    pub(super) fn next_instant(&self) -> Option<Instant> {
        let over = self
            .open
            .values()
            .next()
            .map(|call| later(call.submitted_at, self.call_deadline));
        let due = self.paused.front().map(|(due, _)| *due);
        over.into_iter().chain(due).min()
    }

    /// Gives up the calls whose time is over, and ends the pauses that are.
    pub(super) fn pass_time(&mut self, now: Instant) {
        while let Some(oldest) = self.open.first_entry() {
            if later(oldest.get().submitted_at, self.call_deadline) > now {
                break;
            }
            let call = oldest.remove();
            let timed_out = Unknown::TimedOut {
                after: self.call_deadline,
            };
            call.waiter.unknown(call.last_unknown.unwrap_or(timed_out));
        }
        while let Some((_, id)) = self.paused.pop_front_if(|(due, _)| *due <= now) {
            self.unsent.push_back(id);
        }
        let open = &self.open;
        while self.unsent.pop_front_if(|id| !open.contains_key(id)).is_some() {}
    }

    /// The next calls to send, together up to so many bytes, or one that is larger. They are under way from here on.
    pub(super) fn next_message(&mut self, bytes_max: usize, now: Instant) -> Vec<wire::Submission> {
        let (mut message, mut bytes) = (Vec::new(), 0_usize);
        while let Some(id) = self.unsent.front().copied() {
            if let Some(call) = self.open.get_mut(&id) {
                bytes = bytes.saturating_add(call.place.bytes());
                if !message.is_empty() && bytes > bytes_max {
                    break;
                }
                let claims_lease = now.saturating_duration_since(call.submitted_at) <= self.lease_claim_max;
                message.extend(call.send(id, claims_lease));
            }
            self.unsent.pop_front();
        }
        message
    }

    /// Tells a caller what the log says, or has its call sent again.
    pub(super) fn answered(&mut self, answered: &wire::Answered, now: Instant) -> Result<Heard, BadAnswer> {
        let (id, sending) = numbered(answered.number);
        let is_this = |call: &OpenCall| call.sending == sending && matches!(call.stage, Stage::Sent { .. });
        if !self.open.get(&id).is_some_and(is_this) {
            return Ok(Heard::Nothing);
        }
        let answer = answered.answer.as_ref();
        let answer = answer.ok_or(convert::BadMessage::Missing {
            field: "answered.answer",
        })?;
        let unknown = match answer {
            wire::answered::Answer::Unknown(unknown) => convert::unknown_from_wire(unknown),
            wire::answered::Answer::Append(_)
            | wire::answered::Answer::Fence(_)
            | wire::answered::Answer::Release(_)
            | wire::answered::Answer::Trim(_)
            | wire::answered::Answer::Create(_)
            | wire::answered::Answer::Delete(_) => {
                if let Some(call) = self.open.remove(&id) {
                    call.waiter.answer(answer)?;
                }
                return Ok(Heard::Verdict);
            }
        };
        let again = self.unsettled(id, unknown);
        Ok(match unknown {
            // To another node, so it needs no pause.
            Unknown::NoLeader { hint } => {
                self.unsent.extend(again.then_some(id));
                Heard::NotLeader { hint }
            }
            Unknown::Busy | Unknown::TimedOut { .. } | Unknown::Disconnected | Unknown::Discarded => {
                self.paused.extend(again.then_some((later(now, self.retry_pause), id)));
                Heard::Nothing
            }
        })
    }

    /// The stream is gone with all that is under way on it: appends are told why, the others are sent again, first.
    pub(super) fn stream_lost(&mut self, why: Unknown) {
        let is_sent = |(_, call): &(&CallId, &OpenCall)| matches!(call.stage, Stage::Sent { .. });
        let sent: Vec<_> = self.open.iter().filter(is_sent).map(|(id, _)| *id).collect();
        let again: Vec<_> = sent.into_iter().filter(|id| self.unsettled(*id, why)).collect();
        for id in again.into_iter().rev() {
            self.unsent.push_front(id);
        }
    }

    /// A sending of a call settled nothing. Answers whether it is to be sent again; else its caller was told.
    fn unsettled(&mut self, id: CallId, why: Unknown) -> bool {
        let Some(mut call) = self.open.remove(&id) else {
            return false;
        };
        let Stage::Sent { again: Some(again) } = call.stage else {
            call.waiter.unknown(why);
            return false;
        };
        call.stage = Stage::Waiting(again);
        call.last_unknown = Some(why);
        self.open.insert(id, call);
        true
    }
}

impl OpenCall {
    /// Moves from waiting to sent.
    fn send(&mut self, id: CallId, claims_lease: bool) -> Option<wire::Submission> {
        let sent = Stage::Sent { again: None };
        let Stage::Waiting(mut message) = std::mem::replace(&mut self.stage, sent) else {
            return None;
        };
        if self.waiter.may_repeat() {
            self.stage = Stage::Sent {
                again: Some(message.clone()),
            };
        }
        if let Some(wire::call::Call::Append(append)) = &mut message.call {
            append.under_lease &= claims_lease;
        }
        self.sending = self.sending.wrapping_add(1);
        Some(wire::Submission {
            number: number(id, self.sending),
            call: Some(message),
        })
    }
}

fn number(id: CallId, sending: u16) -> u64 {
    id | (u64::from(sending) << ID_BITS)
}

fn numbered(number: u64) -> (CallId, u16) {
    let [high, low, ..] = number.to_be_bytes();
    (number & ((1 << ID_BITS) - 1), u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests;
