//! The handle that callers submit to and read from.
//! Promises: what was submitted can be read at once, by everybody; reads see either an entry as it was submitted or
//! an error, also while the writer writes and segments are recycled.
//! Leaves to the writer: durability. Leaves to the caller: calling for one group from one place at a time, so that its
//! entries are in order.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tenure_types::GroupId;

use crate::batch::{Kind, RECORD_HEADER_BYTES, Record};
use crate::segment::SegmentFile;
use crate::shared::{Plan, Planned, Shared};
use crate::{Damage, Disk, Done, Flaw, GroupState, Purged, ReadError, Usage, WalError, WalOptions, WalWriter};

/// Cold entries this close together are read in one go, also what is between them.
const READ_GAP_BYTES_MAX: u64 = 16 << 10;
/// Most that is read in one go, unless one entry is larger.
const READ_BYTES_MAX: u64 = 1 << 20;

/// The write-ahead log of one node. Clones are handles to the same log.
///
/// A submission that breaks the contract (an index that does not continue its group, a group that does not exist) is
/// a bug that nobody may paper over: nothing of it is written, and the writer ends with an error that names it.
#[derive(Clone)]
pub struct Wal {
    shared: Arc<Shared>,
}

impl Wal {
    /// Recovers the log in a folder, or begins one in a folder without a log. What it finds is durable when it
    /// returns. Damage is an error, and the node must not vote.
    pub fn open(disk: Arc<dyn Disk>, groups: u32, options: WalOptions) -> Result<(Self, WalWriter), WalError> {
        let writer = WalWriter::recover(disk, groups, options)?;
        let shared = Arc::clone(writer.shared());
        Ok((Self { shared }, writer))
    }

    /// What the log holds of a group: as submitted, durable or not.
    pub fn state(&self, group: GroupId) -> GroupState {
        self.shared.state(group)
    }

    /// Adds entries, given as index and body. They can be read at once. The first one follows the last entry of the
    /// group; in a group without entries it may be any above what was purged.
    pub fn append(&self, group: GroupId, entries: Vec<(u64, Bytes)>, done: Done) {
        self.shared.append(group, entries, done);
    }

    /// Replaces the vote of a group.
    pub fn save_vote(&self, group: GroupId, vote: Bytes, done: Done) {
        self.shared.save_vote(group, vote, done);
    }

    /// Replaces the commit mark of a group. It is written with whatever comes next, and nobody hears of it.
    pub fn save_committed(&self, group: GroupId, committed: Bytes) {
        self.shared.save_committed(group, committed);
    }

    /// Drops the entries of a group above `last`, all of them if it is `None`.
    pub fn truncate_after(&self, group: GroupId, last: Option<u64>, done: Done) {
        self.shared.truncate_after(group, last, done);
    }

    /// Drops the entries of a group up to `upto`, this one included. It may be beyond the last entry: the next one is
    /// above it then. A purge below an earlier one changes nothing. Space comes free when the purge is durable.
    pub fn purge(&self, group: GroupId, upto: u64, mark: Bytes, done: Done) {
        self.shared.purge(group, Purged { index: upto, mark }, done);
    }

    /// The entries in `range` that exist, in order: as many as have `bytes_max` bytes, and at least one if there is
    /// one. May wait for the disk.
    pub fn read(&self, group: GroupId, range: Range<u64>, bytes_max: usize) -> Result<Vec<(u64, Bytes)>, ReadError> {
        loop {
            let plan = self.shared.plan(group, &range, bytes_max);
            // An entry that was purged under our hands may have been overwritten: look again at what exists.
            if let Fetched::Entries(entries) = self.fetch(group, &plan)? {
                return Ok(entries);
            }
        }
    }

    /// As [`read`](Self::read), if no entry of the answer needs the disk. Never waits.
    pub fn read_cached(&self, group: GroupId, range: Range<u64>, bytes_max: usize) -> Option<Vec<(u64, Bytes)>> {
        self.shared.cached(group, &range, bytes_max)
    }

    /// How much the log holds and how much of the disk it takes.
    pub fn usage(&self) -> Usage {
        self.shared.usage()
    }

    /// What is called when there is something to write where there was nothing: for a driver that is not a thread. It
    /// is called on the thread of whoever submits, at once if something is waiting now. One call may stand for many
    /// submissions: write until [`Wrote::Nothing`](crate::Wrote::Nothing).
    pub fn set_wake(&self, wake: Box<dyn Fn() + Send + Sync>) {
        self.shared.set_wake(Arc::from(wake));
    }

    /// Takes no more submissions; those that come are dropped with their callbacks. The writer writes what is queued
    /// and a last mark, after which damage anywhere in the log is known as such.
    pub fn close(&self) {
        self.shared.close();
    }

    fn fetch(&self, group: GroupId, plan: &Plan) -> Result<Fetched, ReadError> {
        let mut entries = Vec::with_capacity(plan.entries.len());
        let mut chunk = Chunk::default();
        for (at, planned) in plan.entries.iter().enumerate() {
            let index = plan.from + at as u64;
            let (segment, offset, bytes) = match planned {
                Planned::Cached(body) => {
                    entries.push((index, body.clone()));
                    continue;
                }
                Planned::Cold { segment, offset, bytes } => (segment, *offset, *bytes),
            };
            if !chunk.holds(segment, offset, bytes) {
                chunk = Chunk::read(&plan.entries[at..]).map_err(|source| ReadError::Io {
                    group,
                    index,
                    segment: segment.sequence,
                    offset,
                    source,
                })?;
            }
            match chunk.entry(segment, group, index, offset) {
                Ok(body) => entries.push((index, body)),
                Err(_) if !self.shared.is_still_at(group, index, segment.sequence, offset) => {
                    return Ok(Fetched::Overtaken);
                }
                Err(why) => {
                    let segment = segment.sequence;
                    let source = Damage { segment, offset, why };
                    return Err(ReadError::Damaged { group, index, source });
                }
            }
        }
        Ok(Fetched::Entries(entries))
    }
}

/// What became of a plan.
enum Fetched {
    Entries(Vec<(u64, Bytes)>),
    /// An entry was purged or replaced meanwhile.
    Overtaken,
}

/// A part of a segment, read in one go.
#[derive(Default)]
struct Chunk {
    segment: Option<Arc<SegmentFile>>,
    offset: u64,
    bytes: Bytes,
}

impl Chunk {
    /// Reads the first entry and those behind it that are close.
    fn read(entries: &[Planned]) -> std::io::Result<Self> {
        let mut chunk = Self::default();
        let mut end = 0;
        for planned in entries {
            let Planned::Cold { segment, offset, bytes } = planned else {
                break;
            };
            let record_end = offset + (RECORD_HEADER_BYTES + bytes) as u64;
            match &chunk.segment {
                None => {
                    chunk.segment = Some(Arc::clone(segment));
                    chunk.offset = *offset;
                }
                Some(first) => {
                    let close = first.sequence == segment.sequence
                        && offset.checked_sub(end).is_some_and(|gap| gap <= READ_GAP_BYTES_MAX)
                        && record_end - chunk.offset <= READ_BYTES_MAX;
                    if !close {
                        break;
                    }
                }
            }
            end = record_end;
        }
        if let Some(segment) = &chunk.segment {
            let mut bytes = vec![0; crate::block::in_memory(end - chunk.offset)];
            segment.file.read_at(chunk.offset, &mut bytes)?;
            chunk.bytes = Bytes::from(bytes);
        }
        Ok(chunk)
    }

    fn holds(&self, segment: &SegmentFile, offset: u64, bytes: usize) -> bool {
        let end = self.offset + self.bytes.len() as u64;
        self.segment
            .as_ref()
            .is_some_and(|own| own.sequence == segment.sequence)
            && offset >= self.offset
            && offset + (RECORD_HEADER_BYTES + bytes) as u64 <= end
    }

    fn entry(&self, segment: &SegmentFile, group: GroupId, index: u64, offset: u64) -> Result<Bytes, Flaw> {
        let from = crate::block::in_memory(offset - self.offset);
        let record = Record::decode(self.bytes.get(from..).unwrap_or_default(), segment.salt)?;
        if (record.kind, record.group, record.index) != (Kind::Entry, group, index) {
            return Err(Flaw::Mixed { group, index });
        }
        Ok(self.bytes.slice_ref(record.body))
    }
}
