//! The one node of a [`MemoryLog`](crate::MemoryLog): always leader, with everything applied as soon as it is called.
//! It does what a real leader does in the same order: note the request, judge it, keep what is new, answer.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_log_protocol::{
    Append, Clearance, Create, CreateRefused, Delete, Fence, FenceRefused, Granted, NotHeld, Record, Release, Released,
    Renew, Sender, Stream, StreamTable, Trim, TrimRefused, Trimmed, Unsettled,
};
use tenure_types::{BootTime, GroupId, Lsn, NodeId, StreamId};

use super::MemoryOptions;
use super::faults::Faults;
use super::tailer::Readers;
use crate::{
    Appended, CallError, Credit, GroupStatus, LogStatus, RenewAnswer, Renewed, StreamStatus,
    TAIL_BATCH_PAYLOAD_BYTES_MAX, TAIL_BATCH_RECORDS_MAX, TailBatch, TailError,
};

/// The log nodes that it pretends to consist of; leadership goes round among them.
const VOTERS: [NodeId; 3] = [NodeId::new(1), NodeId::new(2), NodeId::new(3)];

/// Names one leadership. Each is the successor of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Leadership(usize);

pub(super) struct State {
    table: StreamTable,
    leadership: Leadership,
    clearance: Clearance<Leadership>,
    kept: BTreeMap<StreamId, Kept>,
    /// Logged calls so far.
    committed: u64,
    pub(super) credit_bytes: u64,
    pub(super) faults: Faults,
    pub(super) readers: Readers,
}

/// What the node keeps of a stream beside its replicated state.
#[derive(Default)]
struct Kept {
    /// Those that are not trimmed.
    records: BTreeMap<Lsn, Record>,
    /// The most that was ever granted. A new leader would grant as much, since granted credit is never taken back.
    granted: Credit,
}

impl Kept {
    fn payload_bytes(&self) -> u64 {
        self.records.values().map(|record| record.payload.len() as u64).sum()
    }
}

impl State {
    pub(super) fn new(options: MemoryOptions, now: BootTime) -> Self {
        let leadership = Leadership(0);
        Self {
            table: StreamTable::new(options.lease_max),
            leadership,
            clearance: Clearance::on_leadership(leadership, options.lease_max, now),
            kept: BTreeMap::new(),
            committed: 0,
            credit_bytes: options.credit_bytes,
            faults: Faults::default(),
            readers: Readers::default(),
        }
    }

    pub(super) fn change_leader(&mut self, now: BootTime) {
        self.leadership = Leadership(self.leadership.0.wrapping_add(1));
        self.clearance = Clearance::on_leadership(self.leadership, self.table.lease_max(), now);
    }

    pub(super) fn append(&mut self, append: Append, now: BootTime) -> Result<Appended, Unsettled> {
        self.note_request(append.stream, append.sender(), now);
        self.committed += 1;
        let known = self.tail(append.stream);
        let verdict = self.table.append(&append)?;
        let tail = self.tail(append.stream);
        let kept = self.kept.entry(append.stream).or_default();
        // A resend may carry old and new records; only those past the tail were applied, none if it was fenced.
        let new = append
            .numbered()
            .filter(|(lsn, _)| known < Some(*lsn) && Some(*lsn) <= tail);
        kept.records.extend(new.map(|(lsn, record)| (lsn, record.clone())));
        self.readers.wake(append.stream);
        Ok(Appended {
            verdict,
            credit: self.credit(append.stream),
        })
    }

    pub(super) fn fence(&mut self, fence: &Fence, now: BootTime) -> Result<Granted, FenceRefused> {
        self.committed += 1;
        let granted = self.table.fence(fence)?;
        if let Some(stream) = self.table.stream(fence.stream) {
            self.clearance.on_fence_applied(stream, now);
        }
        Ok(granted)
    }

    pub(super) fn renew(&mut self, renew: &Renew, now: BootTime) -> RenewAnswer {
        self.note_request(renew.stream, renew.sender(), now);
        let outcome = match self.table.check_renew(renew) {
            Ok(()) => Ok(Renewed {
                clear_in: self.clear_in(renew.stream, now),
                credit: self.credit(renew.stream),
            }),
            Err(not_held) => Err(CallError::Refused(not_held)),
        };
        RenewAnswer { renew: *renew, outcome }
    }

    pub(super) fn release(&mut self, release: &Release) -> Result<Released, NotHeld> {
        self.committed += 1;
        self.table.release(release)
    }

    pub(super) fn trim(&mut self, trim: &Trim) -> Result<Trimmed, TrimRefused> {
        self.committed += 1;
        let trimmed = self.table.trim(trim)?;
        if let Some(kept) = self.kept.get_mut(&trim.stream) {
            kept.records.retain(|lsn, _| *lsn > trimmed.trim);
        }
        self.readers.wake(trim.stream);
        Ok(trimmed)
    }

    pub(super) fn create(&mut self, create: &Create) -> Result<(), CreateRefused> {
        self.committed += 1;
        self.table.create(create)
    }

    pub(super) fn delete(&mut self, delete: &Delete) {
        self.committed += 1;
        self.table.delete(delete);
        self.clearance.on_delete_applied(delete.stream);
        self.kept.remove(&delete.stream);
        self.readers.wake(delete.stream);
    }

    pub(super) fn describe(&self, stream: StreamId, now: BootTime) -> Option<StreamStatus> {
        let description = self.table.describe(stream)?;
        let applied = self.table.stream(stream)?;
        let last_request_age = self.clearance.last_request_age(applied, &self.leadership, now)?;
        let retained_bytes = self.kept.get(&stream).map_or(0, Kept::payload_bytes);
        Some(StreamStatus {
            description,
            last_request_age,
            retained_bytes,
        })
    }

    pub(super) fn status(&self) -> LogStatus {
        let leader = VOTERS.iter().cycle().nth(self.leadership.0 % VOTERS.len()).copied();
        let group = GroupStatus {
            group: GroupId::new(0),
            leader,
            voters: VOTERS.to_vec(),
            committed: self.committed,
        };
        LogStatus { groups: vec![group] }
    }

    /// What a reader at `next` gets: a batch, nothing yet, or the end.
    pub(super) fn read(&self, stream: StreamId, next: Lsn) -> Result<Option<TailBatch>, TailError> {
        let trim = self.table.stream(stream).ok_or(TailError::NoStream)?.trim_point();
        if let Some(trim) = trim.filter(|trim| *trim >= next) {
            return Err(TailError::Trimmed { trim });
        }
        let records = self
            .kept
            .get(&stream)
            .map(|kept| batch_from(kept, next))
            .unwrap_or_default();
        Ok(if records.is_empty() {
            None
        } else {
            Some(TailBatch {
                first: next,
                records,
                tail: self.tail(stream).unwrap_or(next),
            })
        })
    }

    /// A request for a stream that does not exist makes no lease, and leaves no marks.
    fn note_request(&mut self, stream: StreamId, sender: Sender, now: BootTime) {
        if let Some(stream) = self.table.stream(stream) {
            self.clearance.on_request(stream, sender, now);
        }
    }

    fn tail(&self, stream: StreamId) -> Option<Lsn> {
        self.table.stream(stream).and_then(Stream::tail)
    }

    fn clear_in(&self, stream: StreamId, now: BootTime) -> Option<Duration> {
        self.clearance
            .clear_in(self.table.stream(stream)?, &self.leadership, now)
    }

    fn credit(&mut self, stream: StreamId) -> Credit {
        let appended_bytes = self.table.stream(stream).map_or(0, Stream::appended_bytes);
        let kept = self.kept.entry(stream).or_default();
        kept.granted = kept
            .granted
            .or(Credit::up_to(appended_bytes.saturating_add(self.credit_bytes)));
        kept.granted
    }
}

/// The records from `next` on that fit a batch; the first fits always.
fn batch_from(kept: &Kept, next: Lsn) -> Vec<Record> {
    let mut records = Vec::new();
    let mut payload_bytes = 0;
    for record in kept
        .records
        .range(next..)
        .map(|(_, record)| record)
        .take(TAIL_BATCH_RECORDS_MAX)
    {
        payload_bytes += record.payload.len();
        if payload_bytes > TAIL_BATCH_PAYLOAD_BYTES_MAX && !records.is_empty() {
            break;
        }
        records.push(record.clone());
    }
    records
}
