//! What a node has applied of one group, and what it keeps beside it: the streams, where their records are, and, while
//! it leads, what it heard and granted.
//! Promises: the streams change by applied entries only, in their order; what a leader notes beside them is bound to
//! one leadership and never answers for another. All under one lock that nobody holds while waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenure_log::{CallError, Credit, Renewed, StreamStatus};
use tenure_log_protocol::{Answer, Append, Call, Clearance, NotHeld, Renew, Sender, Stream, StreamTable};
use tenure_types::{BootTime, LeaseLength, Lsn, StreamId};
use tokio::sync::Notify;

use super::credit::Ledger;
use super::index::{RecordIndex, Run};
use crate::metrics::MeasuredGroup;
use crate::raft::types::{LeaderId, LogId, StoredMembership};
use crate::room::Room;

/// A group's state, shared by the tasks of its node.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<GroupState>>);

impl Shared {
    /// Shares `state`.
    pub(crate) fn new(state: GroupState) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Takes the lock, also after a task panicked with it: applying never panics half-way, so the state is whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, GroupState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the top of the file.
pub(crate) struct GroupState {
    pub table: StreamTable,
    pub applied: Option<LogId>,
    pub membership: StoredMembership,
    index: RecordIndex,
    leading: Option<Leading>,
    credit_window_bytes: u64,
    room: Arc<dyn Room>,
    /// Readers that wait for a stream to change. One entry for each stream that was ever waited for, until it changes
    /// with nobody waiting.
    changed: BTreeMap<StreamId, Arc<Notify>>,
    /// Applied since the start.
    appends: u64,
    entries: u64,
    /// Held by every reader, so that they can be counted.
    readers: Arc<()>,
}

/// What a leader keeps in memory, for one leadership.
struct Leading {
    leadership: LeaderId,
    clearance: Clearance<LeaderId>,
    ledger: Ledger,
}

/// Whether a request was noted before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It counts as a sign of life and as a lease.
    Yes,
    /// Its stream is not applied here, so there is nothing to note it on. If it turns out to exist, the request must be
    /// answered as unknown: it would make a lease that nobody waits for.
    NoStream,
}

impl GroupState {
    /// Nothing applied yet.
    pub(crate) fn new(lease_max: LeaseLength, credit_window_bytes: u64, room: Arc<dyn Room>) -> Self {
        Self {
            table: StreamTable::new(lease_max),
            applied: None,
            membership: StoredMembership::default(),
            index: RecordIndex::default(),
            leading: None,
            credit_window_bytes,
            room,
            changed: BTreeMap::new(),
            appends: 0,
            entries: 0,
            readers: Arc::default(),
        }
    }

    /// Notes an Append or Renew that `leadership` is about to judge. `now` is read under the lock.
    pub(crate) fn note_request(
        &mut self,
        leadership: LeaderId,
        stream: StreamId,
        sender: Sender,
        now: BootTime,
    ) -> Noted {
        self.lead(leadership, now);
        match (self.table.stream(stream), &mut self.leading) {
            (Some(stream), Some(leading)) => {
                leading.clearance.on_request(stream, sender, now);
                Noted::Yes
            }
            _ => Noted::NoStream,
        }
    }

    /// Judges a renewal. `confirmed` is the leadership that a round begun after its arrival confirmed.
    pub(crate) fn judge_renew(
        &mut self,
        renew: &Renew,
        confirmed: LeaderId,
        now: BootTime,
    ) -> Result<Renewed, CallError<NotHeld>> {
        self.table.check_renew(renew).map_err(CallError::Refused)?;
        self.lead(confirmed, now);
        let clear_in = self.table.stream(renew.stream).and_then(|stream| {
            let leading = self.leading.as_ref()?;
            leading.clearance.clear_in(stream, &confirmed, now)
        });
        Ok(Renewed {
            clear_in,
            credit: self.grant(renew.stream),
        })
    }

    /// Tells of a stream. `confirmed` as for [`judge_renew`](Self::judge_renew). `Err`: ask again, a fence is being noted.
    pub(crate) fn describe(
        &mut self,
        stream: StreamId,
        confirmed: LeaderId,
        now: BootTime,
    ) -> Result<Option<StreamStatus>, tenure_log::Unknown> {
        self.lead(confirmed, now);
        let Some(applied) = self.table.stream(stream) else {
            return Ok(None);
        };
        let age = self
            .leading
            .as_ref()
            .and_then(|leading| leading.clearance.last_request_age(applied, &confirmed, now));
        let last_request_age = age.ok_or(tenure_log::Unknown::Discarded)?;
        Ok(Some(StreamStatus {
            description: applied.describe(),
            last_request_age,
            retained_bytes: self.index.retained_bytes(stream),
        }))
    }

    /// Grants credit, if this node leads.
    pub(crate) fn grant(&mut self, stream: StreamId) -> Credit {
        let room_bytes = self.room.bytes();
        let appended_bytes = self.table.stream(stream).map(Stream::appended_bytes);
        match (&mut self.leading, appended_bytes) {
            (Some(leading), Some(appended_bytes)) => leading.ledger.grant(stream, appended_bytes, room_bytes),
            _ => Credit::NONE,
        }
    }

    /// Applies one call of entry `entry`, whose frame there is `frame`.
    pub(crate) fn apply(&mut self, call: &Call, entry: u64, frame: u32, now: BootTime) -> Answer {
        match call {
            Call::Append(append) => self.apply_append(append, entry, frame),
            Call::Fence(fence) => {
                let before = self.table.stream(fence.stream).map(Stream::epoch);
                let outcome = self.table.fence(fence);
                self.note_fence(fence.stream, before, now);
                Answer::Fence(outcome)
            }
            Call::Trim(trim) => {
                let outcome = self.table.trim(trim);
                if let Ok(trimmed) = outcome {
                    self.index.trim(trim.stream, trimmed.trim);
                    self.wake(trim.stream);
                }
                Answer::Trim(outcome)
            }
            Call::Delete(delete) => {
                self.table.delete(delete);
                self.forget(delete.stream);
                Answer::Delete
            }
            Call::Release(_) | Call::Create(_) => self.table.apply(call),
        }
    }

    /// Where the records of a stream from `lsn` on are: at most `runs_max` appends.
    pub(crate) fn runs_from(&self, stream: StreamId, lsn: Lsn, runs_max: usize) -> Vec<Run> {
        self.index.runs_from(stream, lsn, runs_max)
    }

    /// What is told when a stream changes; `None` if there is no such stream. Ask for it before looking at the stream, so
    /// that no change is missed.
    pub(crate) fn changes_of(&mut self, stream: StreamId) -> Option<Arc<Notify>> {
        self.table.stream(stream)?;
        Some(Arc::clone(self.changed.entry(stream).or_default()))
    }

    /// An entry with calls was applied.
    pub(crate) fn note_entry(&mut self) {
        self.entries += 1;
    }

    /// To be held by a reader of the group.
    pub(crate) fn reader(&self) -> Arc<()> {
        Arc::clone(&self.readers)
    }

    /// What is measured of it. Whoever asks knows the rest.
    pub(crate) fn measure(&self) -> MeasuredGroup {
        MeasuredGroup {
            applied: self.applied.map_or(0, |applied| applied.index),
            streams: self.table.streams().count(),
            tail_readers: Arc::strong_count(&self.readers).saturating_sub(1),
            appends: self.appends,
            entries: self.entries,
            ..MeasuredGroup::default()
        }
    }

    /// Replaces everything by a snapshot that needs no records.
    pub(crate) fn install(&mut self, table: StreamTable, applied: Option<LogId>, membership: StoredMembership) {
        self.table = table;
        self.applied = applied;
        self.membership = membership;
        self.index = RecordIndex::default();
        self.leading = None;
    }

    /// Begins anew for a leadership that was not seen before. A node that wins again begins anew too.
    ///
    /// `now` lies after the win, because whoever calls this has seen the win; requests that came before were answered by
    /// other leaderships, and the clearance begins with the longest wait there is.
    fn lead(&mut self, leadership: LeaderId, now: BootTime) {
        if self
            .leading
            .as_ref()
            .is_some_and(|leading| leading.leadership >= leadership)
        {
            return;
        }
        let owned: Vec<_> = self
            .table
            .streams()
            .filter(|stream| stream.ownership().is_some_and(|own| !own.released))
            .map(|stream| (stream.id(), stream.appended_bytes()))
            .collect();
        self.leading = Some(Leading {
            leadership,
            clearance: Clearance::on_leadership(leadership, self.table.lease_max(), now),
            ledger: Ledger::on_leadership(self.credit_window_bytes, &owned, self.room.bytes()),
        });
    }

    fn apply_append(&mut self, append: &Append, entry: u64, frame: u32) -> Answer {
        self.appends += 1;
        let before = self.table.stream(append.stream).and_then(Stream::tail);
        let outcome = self.table.append(append);
        let after = self.table.stream(append.stream).and_then(Stream::tail);
        // A refused append, and one that was fenced, moves no tail.
        if after > before {
            self.index.add(append, before, entry, frame);
            self.wake(append.stream);
        }
        Answer::Append(outcome)
    }

    fn note_fence(&mut self, stream: StreamId, epoch_before: Option<tenure_types::Epoch>, now: BootTime) {
        let Some(applied) = self.table.stream(stream) else {
            return;
        };
        let Some(leading) = &mut self.leading else { return };
        leading.clearance.on_fence_applied(applied, now);
        if epoch_before != Some(applied.epoch()) {
            leading.ledger.on_fence_applied(stream, applied.appended_bytes());
        }
    }

    fn forget(&mut self, stream: StreamId) {
        self.index.remove(stream);
        self.wake(stream);
        self.changed.remove(&stream);
        if let Some(leading) = &mut self.leading {
            leading.clearance.on_delete_applied(stream);
            leading.ledger.forget(stream);
        }
    }

    fn wake(&mut self, stream: StreamId) {
        let Some(changed) = self.changed.get(&stream) else {
            return;
        };
        changed.notify_waiters();
        if Arc::strong_count(changed) == 1 {
            self.changed.remove(&stream);
        }
    }
}
