//! What was submitted and is not written yet, in order.
//! Promises: what leaves the queue leaves it in the order in which it came; a submission that does not fit stays.
//! A commit mark wakes nobody: it leaves with whatever comes next.
//! Leaves to `shared`: locking and waking. Leaves to `writer`: writing.

use std::collections::VecDeque;
use std::vec;

use bytes::Bytes;
use tenure_types::GroupId;

use crate::batch::{BATCH_HEADER_BYTES, Kind, RECORD_HEADER_BYTES, Record};
use crate::{Done, Purged, WalError};

/// The submissions in the order in which they came.
pub(crate) struct Queue {
    submissions: VecDeque<Submission>,
    /// How many left the queue: the position of the front one.
    left: u64,
    /// Position of a commit mark of each group behind which nothing of the group was submitted: a newer one replaces it.
    replaceable: Vec<Option<u64>>,
    /// Submissions that are not commit marks.
    urgent: usize,
    tickets: u64,
    phase: Phase,
}

/// Whether submissions are taken.
enum Phase {
    Open,
    /// A submission broke the contract. The writer ends with this error before it writes anything more.
    Refused(WalError),
    /// No more submissions. What is queued is written, then a last mark.
    Closing,
    /// Nothing is taken and nothing is written.
    Closed,
}

struct Submission {
    group: GroupId,
    change: Change,
    done: Done,
}

/// What is to change in a group.
pub(crate) enum Change {
    Entries {
        ticket: u64,
        entries: vec::IntoIter<(u64, Bytes)>,
    },
    Vote(Bytes),
    Committed(Bytes),
    TruncateAfter(Option<u64>),
    Purge(Purged),
}

/// One record to be: what the writer takes.
pub(crate) struct Item {
    pub(crate) group: GroupId,
    pub(crate) what: What,
    /// Where in its segment the record was put.
    pub(crate) offset: u64,
}

/// What an [`Item`] says.
pub(crate) enum What {
    Entry { ticket: u64, index: u64, body: Bytes },
    Vote(Bytes),
    Committed(Bytes),
    TruncateAfter(Option<u64>),
    Purge(Purged),
}

impl Item {
    pub(crate) fn new(group: GroupId, what: What) -> Self {
        let offset = 0;
        Self { group, what, offset }
    }

    pub(crate) fn record(&self) -> Record<'_> {
        let (kind, index, body): (_, _, &[u8]) = match &self.what {
            What::Entry { index, body, .. } => (Kind::Entry, *index, body),
            What::Vote(vote) => (Kind::Vote, 0, vote),
            What::Committed(committed) => (Kind::Committed, 0, committed),
            What::TruncateAfter(Some(last)) => (Kind::TruncateAfter, *last, &[]),
            What::TruncateAfter(None) => (Kind::TruncateAll, 0, &[]),
            What::Purge(Purged { index, mark }) => (Kind::PurgeUpto, *index, mark),
        };
        let group = self.group;
        Record {
            group,
            kind,
            index,
            body,
        }
    }
}

/// What a writer is to do next.
pub(crate) enum Take {
    /// Nothing.
    Nothing,
    /// Write the items it was given; none if only callbacks are left to call.
    Batch,
    /// Open a segment with room for this many bytes, header of the batch included: the next record fits nowhere.
    Segment { bytes: usize },
    /// The queue is closed and empty: write the last mark.
    LastMark,
}

impl Queue {
    pub(crate) fn new(groups: usize) -> Self {
        Self {
            submissions: VecDeque::new(),
            left: 0,
            replaceable: vec![None; groups],
            urgent: 0,
            tickets: 0,
            phase: Phase::Open,
        }
    }

    /// Whether the writer has something to do.
    pub(crate) fn has_work(&self) -> bool {
        match self.phase {
            Phase::Open => self.urgent > 0,
            Phase::Refused(_) | Phase::Closing => true,
            Phase::Closed => false,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing)
    }

    /// Tells the entries of one submission from those of another.
    pub(crate) fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    pub(crate) fn push(&mut self, group: GroupId, change: Change, done: Done) {
        let at = self.left + self.submissions.len() as u64;
        let replaceable = self.replaceable.get_mut(group.get() as usize);
        if let Change::Committed(committed) = change {
            let Some(replaceable) = replaceable else { return };
            let earlier = replaceable.and_then(|at| at.checked_sub(self.left));
            let earlier = earlier.and_then(|at| usize::try_from(at).ok());
            if let Some(earlier) = earlier.and_then(|at| self.submissions.get_mut(at)) {
                earlier.change = Change::Committed(committed);
                return;
            }
            *replaceable = Some(at);
            let change = Change::Committed(committed);
            self.submissions.push_back(Submission { group, change, done });
            return;
        }
        if let Some(replaceable) = replaceable {
            *replaceable = None;
        }
        self.urgent += 1;
        self.submissions.push_back(Submission { group, change, done });
    }

    /// Takes as much as fits into `room` bytes of a segment and into `batch_max` bytes; one record in any case.
    pub(crate) fn take(
        &mut self,
        room: usize,
        batch_max: usize,
        items: &mut Vec<Item>,
        dones: &mut Vec<(GroupId, Done)>,
    ) -> Result<Take, WalError> {
        match &self.phase {
            Phase::Open if self.urgent == 0 => return Ok(Take::Nothing),
            Phase::Closed => return Ok(Take::Nothing),
            Phase::Closing if self.submissions.is_empty() => return Ok(Take::LastMark),
            Phase::Open | Phase::Closing => {}
            Phase::Refused(_) => return Err(self.refusal()),
        }
        let mut bytes = BATCH_HEADER_BYTES;
        while let Some(submission) = self.submissions.front_mut() {
            let next = submission.next_bytes();
            let fits = bytes + next <= room && (bytes + next <= batch_max || items.is_empty());
            if next > 0 && !fits {
                if items.is_empty() && dones.is_empty() {
                    return Ok(Take::Segment { bytes: bytes + next });
                }
                break;
            }
            bytes += next;
            items.extend(submission.take_one());
            if submission.is_spent()
                && let Some(Submission { group, change, done }) = self.submissions.pop_front()
            {
                if !matches!(change, Change::Committed(_)) {
                    self.urgent -= 1;
                }
                self.left += 1;
                dones.push((group, done));
            }
        }
        Ok(Take::Batch)
    }

    /// Purges in the queue that may be written before everything else: no truncation of their group is before them.
    pub(crate) fn purges_ahead(&self) -> Vec<(GroupId, Purged)> {
        let mut truncated = vec![false; self.replaceable.len()];
        let mut purges = Vec::new();
        for Submission { group, change, .. } in &self.submissions {
            match change {
                Change::TruncateAfter(_) => {
                    if let Some(truncated) = truncated.get_mut(group.get() as usize) {
                        *truncated = true;
                    }
                }
                Change::Purge(purged) if truncated.get(group.get() as usize) == Some(&false) => {
                    purges.push((*group, purged.clone()));
                }
                Change::Purge(_) | Change::Entries { .. } | Change::Vote(_) | Change::Committed(_) => {}
            }
        }
        purges
    }

    /// A submission broke the contract.
    pub(crate) fn refuse(&mut self, error: WalError) {
        if self.is_open() {
            self.phase = Phase::Refused(error);
        }
    }

    pub(crate) fn close(&mut self) {
        if self.is_open() {
            self.phase = Phase::Closing;
        }
    }

    /// Takes nothing any more. Hands back what is dropped, to be dropped without the lock: it holds callbacks.
    pub(crate) fn end(&mut self) -> impl Sized + use<> {
        self.phase = Phase::Closed;
        self.urgent = 0;
        std::mem::take(&mut self.submissions)
    }

    fn refusal(&mut self) -> WalError {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Refused(error) => error,
            Phase::Open | Phase::Closing | Phase::Closed => WalError::Ended,
        }
    }
}

impl Submission {
    /// Bytes of the next record of it; 0 if it has none.
    fn next_bytes(&self) -> usize {
        let body = match &self.change {
            Change::Entries { entries, .. } => match entries.as_slice().first() {
                Some((_, body)) => body.len(),
                None => return 0,
            },
            Change::Vote(body) | Change::Committed(body) | Change::Purge(Purged { mark: body, .. }) => body.len(),
            Change::TruncateAfter(_) => 0,
        };
        RECORD_HEADER_BYTES + body
    }

    fn take_one(&mut self) -> Option<Item> {
        let what = match &mut self.change {
            Change::Entries { ticket, entries } => {
                let (index, body) = entries.next()?;
                let ticket = *ticket;
                What::Entry { ticket, index, body }
            }
            Change::Vote(vote) => What::Vote(vote.clone()),
            Change::Committed(committed) => What::Committed(committed.clone()),
            Change::TruncateAfter(last) => What::TruncateAfter(*last),
            Change::Purge(purged) => What::Purge(purged.clone()),
        };
        Some(Item::new(self.group, what))
    }

    fn is_spent(&self) -> bool {
        match &self.change {
            Change::Entries { entries, .. } => entries.as_slice().is_empty(),
            Change::Vote(_) | Change::Committed(_) | Change::TruncateAfter(_) | Change::Purge(_) => true,
        }
    }
}
