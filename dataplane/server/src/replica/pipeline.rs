//! The pipeline: the records of one epoch, from the turn that made them to the verdict on them.
//! Promises: a record's bytes and boundaries never change once it has a place; only `Ok` and `Fenced` are final, and
//! everything else sends again from the first record without a verdict; an answer to an older attempt counts only if it is
//! final. Decides, and acts on nothing: what it returns is sent by `commit`.
//!
//! ```text
//!   turn's effects ──▶ seal ──▶ in flight: │ sent in this attempt │ not yet │ ──▶ next_append
//!                                          └── Ok: released ──▶ replies leave
//! ```

use std::collections::VecDeque;

use bytes::Bytes;
use tenure_engine::{Lookups, Position};
use tenure_log::{
    APPEND_PAYLOAD_BYTES_MAX, APPEND_RECORDS_MAX, Append, AppendVerdict, Appended, CallError, Chain, Credit, Draft,
    EngineVersion, Fenced, Granted, IN_FLIGHT_RECORDS_MAX, NotHeld, RECORD_OVERHEAD_BYTES, Record, Renew, Renewed,
    Unsettled,
};
use tenure_types::{BootTime, Clock, Epoch, Incarnation, Lsn, StreamId, WallTime};
use tracing::warn;

use super::follow::Place;
use super::gather::Gather;
use super::hazards::Hazards;
use super::lease::Lease;
use super::{Standing, Ticket};
use crate::metrics::MeasuredOwner;

/// The version of the effects that this engine writes.
pub(crate) const ENGINE_VERSION: EngineVersion = EngineVersion::new(1);

/// Credit that only deletions of expired keys and ticks may use, so that a shard without credit can still read.
const CREDIT_RESERVE_BYTES: u64 = 16 << 10;

/// Bytes without a verdict past which nothing more is executed. Half of what the log's client takes.
const BACKLOG_BYTES_MAX: usize = 32 << 20;

/// Bytes of one turn's effects past which nothing more is executed in it. With the largest request on top a record still
/// fits an append.
pub(crate) const TURN_BYTES_MAX: usize = 1 << 20;

/// What the owner of one epoch has under way.
#[derive(Debug)]
pub(super) struct Pipeline {
    stream: StreamId,
    epoch: Epoch,
    incarnation: Incarnation,
    lease: Lease,
    phase: Phase,
    /// Of the records that have a place.
    tail: Option<Lsn>,
    chain: Chain,
    appended_bytes: u64,
    credit: Credit,
    in_flight: VecDeque<Sealed>,
    in_flight_bytes: usize,
    /// How many of those in flight were sent in this attempt.
    sent: usize,
    attempt: Attempt,
    /// The ticket of the turn that is not sealed.
    ticket: Ticket,
    released: Ticket,
    hazards: Hazards,
    /// Keys that the turn which is not sealed changed.
    changed: Vec<Position>,
    gather: Gather,
    /// When records were first sent that were released since [`Pipeline::take_released`] was last called.
    released_sent: Vec<BootTime>,
    /// Turns whose records were released since [`Pipeline::expect_back`] was last called.
    answered_turns: usize,
}

/// How far an epoch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The image lacks something of what was there at the fence. Left for `Serving`.
    Loading,
    /// What is executed depends on the lease. Left for `Ending`.
    Serving,
    /// The owner is about to give the epoch up, or has: nothing is executed. Left for `Serving` only if nothing was released.
    Ending,
}

/// Numbers the sendings since something last went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt(u64);

#[derive(Debug)]
struct Sealed {
    lsn: Lsn,
    record: Record,
    ticket: Ticket,
    /// `None`: it was never sent.
    first_sent: Option<BootTime>,
    changed: Vec<Position>,
    /// That have written into it.
    turns: usize,
}

/// An append to be sent, and what its answer is matched by.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) attempt: Attempt,
    pub(super) append: Append,
}

/// What an answer means for the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, or replies were released.
    GoOn,
    /// The log does not know: send again from the first record without a verdict, after a pause.
    Resend,
    /// The epoch is over.
    Fenced(Fenced),
    /// The history is another one, or the stream is gone. Nothing more may be done.
    Broken(Unsettled),
}

impl Pipeline {
    /// Of an epoch that was granted, to be known from now on.
    pub(super) fn begin(
        stream: StreamId,
        incarnation: Incarnation,
        granted: &Granted,
        now: BootTime,
        first: Ticket,
    ) -> Self {
        Self {
            stream,
            epoch: granted.epoch,
            incarnation,
            lease: Lease::begin(granted, now),
            phase: Phase::Loading,
            tail: granted.tail,
            chain: granted.chain,
            appended_bytes: granted.appended_bytes,
            credit: Credit::NONE,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            sent: 0,
            attempt: Attempt(0),
            ticket: first.next(),
            released: first,
            hazards: Hazards::default(),
            changed: Vec::new(),
            gather: Gather::default(),
            released_sent: Vec::new(),
            answered_turns: 0,
        }
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Reads the clocks, to be done before the lease is relied on: if they do not agree on how much time has passed, it is over.
    pub(super) fn read_clocks(&mut self, clock: &dyn Clock) -> (BootTime, WallTime) {
        let mut read = (clock.boot(), clock.wall());
        if !self.lease.clocks_agree(read.0, read.1) {
            // This thread may have stood still between the two.
            read = (clock.boot(), clock.wall());
        }
        if !self.lease.look_at_clocks(read.0, read.1) {
            warn!(stream = %self.stream, "the clocks do not agree on how much time has passed, the lease is dropped");
        }
        read
    }

    /// The image holds everything up to the fence.
    pub(super) fn loaded(&mut self) {
        self.phase = Phase::Serving;
    }

    /// The owner is about to give the epoch up: from here on nothing is executed.
    pub(super) fn end(&mut self) {
        if self.phase == Phase::Serving {
            self.phase = Phase::Ending;
        }
    }

    /// It did not give it up after all. Never to be called once a Release was sent, whatever became of that.
    pub(super) fn resume(&mut self) {
        if self.phase == Phase::Ending {
            self.phase = Phase::Serving;
        }
    }

    /// Whether the image holds all that was there at the fence.
    pub(super) fn has_loaded(&self) -> bool {
        self.phase != Phase::Loading
    }

    /// Whether the epoch may be given up: whoever owned the shard before has surely ended, and everything has its verdict.
    /// With `open_bytes` of effects that are not sealed.
    pub(super) fn may_release(&self, open_bytes: usize, now: BootTime) -> bool {
        let serves = self.phase != Phase::Loading && self.lease.is_visible(now) && self.lease.is_live(now);
        serves && self.is_drained() && open_bytes == 0
    }

    /// Up to where the log is known to have what was made of this epoch, and what was there before it.
    pub(super) fn committed(&self) -> Option<Lsn> {
        match self.in_flight.front() {
            Some(first) => first.lsn.get().checked_sub(1).and_then(Lsn::new),
            None => self.tail,
        }
    }

    /// Where an image stands that holds all that was sealed.
    pub(super) fn place(&self) -> Place {
        Place {
            tail: self.tail,
            chain: self.chain,
        }
    }

    /// What is measured of it, with `open_bytes` of effects that are not sealed.
    pub(super) fn measure(&self, open_bytes: usize, now: BootTime) -> MeasuredOwner {
        MeasuredOwner {
            lease_left: self.lease.left(now),
            credit_bytes: self.credit_left(open_bytes),
            unacknowledged_records: self.in_flight.len(),
            unacknowledged_bytes: self.in_flight_bytes,
        }
    }

    /// When each record was first sent that was released since this was last called.
    pub(super) fn take_released(&mut self) -> impl Iterator<Item = BootTime> {
        self.released_sent.drain(..)
    }

    #[cfg(test)]
    pub(super) fn is_loaded(&self) -> bool {
        self.phase == Phase::Serving
    }

    /// What the owner may do now.
    pub(super) fn standing(&self, now: BootTime) -> Standing {
        if self.phase != Phase::Serving || !self.lease.is_visible(now) {
            Standing::Loading
        } else if self.lease.is_live(now) {
            Standing::Primary
        } else {
            Standing::Lapsed
        }
    }

    /// Up to where replies may leave.
    pub(super) fn released(&self) -> Ticket {
        self.released
    }

    /// The ticket of the turn that is not sealed.
    pub(super) fn open_ticket(&self) -> Ticket {
        self.ticket
    }

    /// After which ticket a reply that looked at these keys may leave.
    pub(super) fn hazard(&self, lookups: &Lookups) -> Option<Ticket> {
        self.hazards.of(lookups)
    }

    /// The turn that is not sealed has changed these keys.
    pub(super) fn note_written(&mut self, written: &Lookups) {
        self.hazards.add(self.ticket, written);
        self.changed.extend_from_slice(&written.keys);
    }

    /// A turn is over in which a client has changed keys.
    pub(super) fn note_turn(&mut self) {
        self.gather.note_turn();
    }

    /// Replies that were released leave now: whoever reads them may write again soon.
    pub(super) fn expect_back(&mut self, now: BootTime) {
        self.gather.note_answered(std::mem::take(&mut self.answered_turns), now);
    }

    /// Whether the record that is not sealed should wait for more turns.
    pub(super) fn gathers(&mut self, open_bytes: usize, now: BootTime) -> bool {
        open_bytes < TURN_BYTES_MAX && self.gather.waits(now)
    }

    /// Whether there is credit for a write, with these bytes of effects not sealed.
    pub(super) fn may_write(&self, open_bytes: usize) -> bool {
        self.credit_left(open_bytes) > CREDIT_RESERVE_BYTES
    }

    /// Whether there is credit to delete an expired key or to log a tick.
    pub(super) fn may_expire(&self, open_bytes: usize) -> bool {
        self.credit_left(open_bytes) > 0
    }

    fn credit_left(&self, open_bytes: usize) -> u64 {
        let open = open_bytes as u64 + RECORD_OVERHEAD_BYTES;
        self.credit.left(self.appended_bytes.saturating_add(open))
    }

    /// If so much waits for a verdict that nothing more should be executed: the newest ticket that waits. Not the open turn's
    /// while there is nothing in it: it would be sealed only once somebody writes again.
    pub(super) fn backlog(&self, open_bytes: usize) -> Option<Ticket> {
        if open_bytes >= TURN_BYTES_MAX {
            return Some(self.ticket);
        }
        let newest = self
            .in_flight
            .back()
            .filter(|_| self.in_flight_bytes >= BACKLOG_BYTES_MAX);
        newest.map(|newest| newest.ticket)
    }

    /// Whether another record may have a place.
    pub(super) fn may_seal(&self) -> bool {
        self.in_flight.len() < IN_FLIGHT_RECORDS_MAX
    }

    /// Whether everything has its verdict.
    pub(super) fn is_drained(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Gives the effects of the open turn a place, and begins the next one. `None`: the stream has no places left.
    pub(super) fn seal(&mut self, effects: Bytes, written_at: WallTime) -> Option<Lsn> {
        let lsn = Lsn::after(self.tail)?;
        let draft = Draft {
            epoch: self.epoch,
            incarnation: self.incarnation,
            written_at,
            engine_version: ENGINE_VERSION,
            payload: effects,
        };
        let record = draft.seal(lsn, self.chain);
        (self.tail, self.chain) = (Some(lsn), record.chain);
        self.appended_bytes += record.charged_bytes();
        self.in_flight_bytes += record.payload.len();
        self.in_flight.push_back(Sealed {
            lsn,
            record,
            ticket: self.ticket,
            first_sent: None,
            changed: std::mem::take(&mut self.changed),
            turns: self.gather.close(),
        });
        self.ticket = self.ticket.next();
        Some(lsn)
    }

    /// The next records that this attempt has not sent, as many as one append may have; to be sent now.
    pub(super) fn next_append(&mut self, now: BootTime) -> Option<Sending> {
        let first = self.in_flight.get(self.sent)?.lsn;
        let mut records = Vec::new();
        let mut bytes = 0;
        for sealed in self.in_flight.iter_mut().skip(self.sent).take(APPEND_RECORDS_MAX) {
            bytes += sealed.record.payload.len();
            if bytes > APPEND_PAYLOAD_BYTES_MAX && !records.is_empty() {
                break;
            }
            // The lease counts from here, whichever sending succeeds.
            sealed.first_sent.get_or_insert(now);
            records.push(sealed.record.clone());
        }
        self.sent += records.len();
        let append = Append {
            stream: self.stream,
            epoch: self.epoch,
            incarnation: self.incarnation,
            under_lease: self.lease.is_live(now),
            prev_lsn: first.get().checked_sub(1).and_then(Lsn::new),
            records,
        };
        Some(Sending {
            attempt: self.attempt,
            append,
        })
    }

    /// Takes the answer to an append of this attempt or an older one.
    pub(super) fn on_answer(&mut self, attempt: Attempt, answer: Result<Appended, CallError<Unsettled>>) -> Step {
        match answer {
            Ok(Appended {
                verdict: AppendVerdict::Ok { lsn },
                credit,
            }) => {
                self.credit = self.credit.or(credit);
                self.release(Some(lsn), true);
                Step::GoOn
            }
            Ok(Appended {
                verdict: AppendVerdict::Fenced(fenced),
                ..
            }) => Step::Fenced(fenced),
            Err(CallError::Refused(refused)) if !refused.is_retryable() => Step::Broken(refused),
            Err(_) if attempt < self.attempt => Step::GoOn,
            Err(_) => {
                self.begin_attempt();
                Step::Resend
            }
        }
    }

    /// What was sent counts as not sent: somebody else waits for the answers now.
    pub(super) fn begin_attempt(&mut self) {
        self.attempt = Attempt(self.attempt.0 + 1);
        self.sent = 0;
    }

    /// Whether a renewal was for this epoch of this life.
    pub(super) fn is_of(&self, renew: &Renew) -> bool {
        (renew.stream, renew.epoch, renew.incarnation) == (self.stream, self.epoch, self.incarnation)
    }

    /// What asks whether the epoch still stands.
    pub(super) fn renewal(&self, now: BootTime) -> Renew {
        Renew {
            stream: self.stream,
            epoch: self.epoch,
            incarnation: self.incarnation,
            under_lease: self.lease.is_live(now),
        }
    }

    /// Takes the answer to a renewal of this epoch that was sent at `sent`, after its fence was learned of.
    pub(super) fn on_renewed(
        &mut self,
        sent: BootTime,
        now: BootTime,
        answer: Result<Renewed, CallError<NotHeld>>,
    ) -> Step {
        match answer {
            Ok(Renewed { clear_in, credit }) => {
                self.credit = self.credit.or(credit);
                self.lease.extend(sent);
                if let Some(clear_in) = clear_in {
                    self.lease.shorten(clear_in, now);
                }
                Step::GoOn
            }
            Err(CallError::Refused(NotHeld::Fenced(fenced))) => Step::Fenced(fenced),
            Err(CallError::Refused(NotHeld::NoStream)) => Step::Broken(Unsettled::NoStream),
            Err(CallError::Refused(NotHeld::Ahead { .. }) | CallError::Unknown(_)) => Step::GoOn,
        }
    }

    /// The epoch is over: releases what is in the stream for good. Tells where the image stands if it holds nothing else,
    /// `open_bytes` of effects included; if it does, it holds what never will be.
    pub(super) fn on_fenced(&mut self, fenced: &Fenced, open_bytes: usize, now: BootTime) -> Option<Place> {
        // An owner before this one may still be answering.
        if self.lease.is_visible(now) {
            self.release(fenced.fence_lsn, false);
        }
        let beyond = self.in_flight.iter().any(|sealed| Some(sealed.lsn) > fenced.fence_lsn);
        let kept = self.phase != Phase::Loading && !beyond && open_bytes == 0;
        kept.then_some(self.place())
    }

    fn release(&mut self, upto: Option<Lsn>, extend: bool) {
        while let Some(sealed) = self.in_flight.pop_front_if(|sealed| Some(sealed.lsn) <= upto) {
            self.sent = self.sent.saturating_sub(1);
            self.in_flight_bytes -= sealed.record.payload.len();
            self.released = sealed.ticket;
            self.hazards.release(sealed.ticket, &sealed.changed);
            self.answered_turns += sealed.turns;
            if let Some(first_sent) = sealed.first_sent.filter(|_| extend) {
                self.lease.extend(first_sent);
                self.released_sent.push(first_sent);
            }
        }
    }
}
