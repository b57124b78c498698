//! What callers and the writer share, behind one lock.
//! Promises: the lock is never held during IO, nor while a callback runs or a large log is freed.
//! One lock, not one per group: it keeps the order of the queue and the order of the index the same, and it is held
//! for less than a microsecond per submission.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tenure_types::GroupId;

use crate::batch::RECORD_HEADER_BYTES;
use crate::group_log::{Found, GroupLog, Place, Slot};
use crate::queue::{Change, Item, Queue, Take, What};
use crate::segment::SegmentFile;
use crate::spares::Spares;
use crate::{Done, GroupState, Purged, Sequence, Usage, WalError};

/// What is called when there is something to write.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The log in memory.
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    queued: Condvar,
    pub(crate) spares: Spares,
}

struct Inner {
    groups: Vec<GroupLog>,
    queue: Queue,
    segments: BTreeMap<Sequence, Arc<SegmentFile>>,
    cache_bytes_max: usize,
    queued_bytes: u64,
    stalled: bool,
    wake: Option<Wake>,
}

/// Entries to be read: what was in memory, and where the rest is.
pub(crate) struct Plan {
    pub(crate) from: u64,
    pub(crate) entries: Vec<Planned>,
}

/// One entry of a [`Plan`].
pub(crate) enum Planned {
    Cached(Bytes),
    Cold {
        segment: Arc<SegmentFile>,
        offset: u64,
        bytes: usize,
    },
}

impl Shared {
    pub(crate) fn new(
        groups: Vec<GroupLog>,
        segments: BTreeMap<Sequence, Arc<SegmentFile>>,
        spares: Spares,
        cache_bytes_max: usize,
    ) -> Self {
        let queue = Queue::new(groups.len());
        Self {
            inner: Mutex::new(Inner {
                groups,
                queue,
                segments,
                cache_bytes_max,
                queued_bytes: 0,
                stalled: false,
                wake: None,
            }),
            queued: Condvar::new(),
            spares,
        }
    }

    pub(crate) fn append(&self, group: GroupId, entries: Vec<(u64, Bytes)>, done: Done) {
        let mut done = Some(done);
        self.submit(group, |inner, dropped| {
            let ticket = inner.queue.next_ticket();
            let mut bytes = 0;
            let Some(log) = inner.groups.get_mut(group.get() as usize) else {
                return Ok(());
            };
            let before = log.state().last;
            for (index, body) in &entries {
                let too_large = |_| WalError::TooLarge {
                    group,
                    bytes: body.len(),
                };
                let appended = u32::try_from(body.len()).map_err(too_large).and_then(|length| {
                    let appended = log.append_queued(*index, ticket, length, body.clone());
                    appended.map_err(|source| WalError::Misordered { group, source })
                });
                if let Err(error) = appended {
                    log.truncate_after(before, dropped);
                    return Err(error);
                }
                bytes += (RECORD_HEADER_BYTES + body.len()) as u64;
            }
            inner.queued_bytes += bytes;
            let entries = entries.into_iter();
            let done = done.take().unwrap_or(Done::Nothing);
            inner.queue.push(group, Change::Entries { ticket, entries }, done);
            Ok(())
        });
    }

    pub(crate) fn save_vote(&self, group: GroupId, vote: Bytes, done: Done) {
        self.submit_change(group, Change::Vote(vote.clone()), done, |log, _| log.set_vote(vote));
    }

    pub(crate) fn save_committed(&self, group: GroupId, committed: Bytes) {
        let change = Change::Committed(committed.clone());
        self.submit_change(group, change, Done::Nothing, |log, _| log.set_committed(committed));
    }

    pub(crate) fn truncate_after(&self, group: GroupId, last: Option<u64>, done: Done) {
        let change = Change::TruncateAfter(last);
        self.submit_change(group, change, done, |log, dropped| log.truncate_after(last, dropped));
    }

    pub(crate) fn purge(&self, group: GroupId, purged: Purged, done: Done) {
        let change = Change::Purge(purged.clone());
        self.submit_change(group, change, done, |log, dropped| log.purge(&purged, dropped));
    }

    fn submit_change(
        &self,
        group: GroupId,
        change: Change,
        done: Done,
        apply: impl FnOnce(&mut GroupLog, &mut Vec<Bytes>),
    ) {
        self.submit(group, |inner, dropped| {
            if let Some(log) = inner.groups.get_mut(group.get() as usize) {
                apply(log, dropped);
            }
            inner.queue.push(group, change, done);
            Ok(())
        });
    }

    /// Changes index and queue as one. What breaks the contract ends the writer: nothing after it may be acknowledged.
    fn submit(&self, group: GroupId, change: impl FnOnce(&mut Inner, &mut Vec<Bytes>) -> Result<(), WalError>) {
        // What a closed log does not take is dropped without the lock too: dropping a callback may do anything.
        let mut change = Some(change);
        let mut dropped = Vec::new();
        self.change_queue(|inner| {
            if !inner.queue.is_open() {
                return;
            }
            let Some(change) = change.take() else { return };
            let groups = inner.groups.len();
            let outcome = if (group.get() as usize) < groups {
                change(inner, &mut dropped)
            } else {
                let groups = u32::try_from(groups).unwrap_or(u32::MAX);
                Err(WalError::NoSuchGroup { group, groups })
            };
            if let Err(error) = outcome {
                inner.queue.refuse(error);
            }
        });
    }

    pub(crate) fn close(&self) {
        self.change_queue(|inner| inner.queue.close());
    }

    /// Tells the driver of the writer if there is something to write where there was nothing.
    fn change_queue(&self, change: impl FnOnce(&mut Inner)) {
        let wake = {
            let mut inner = self.lock();
            let had_work = inner.queue.has_work();
            change(&mut inner);
            if had_work || !inner.queue.has_work() {
                return;
            }
            inner.wake.clone()
        };
        self.queued.notify_all();
        if let Some(wake) = wake {
            wake();
        }
    }

    pub(crate) fn set_wake(&self, wake: Wake) {
        let call_now = {
            let mut inner = self.lock();
            inner.wake = Some(Arc::clone(&wake));
            inner.queue.has_work()
        };
        if call_now {
            wake();
        }
    }

    /// Waits until there is something to write. Says `false` once there never will be.
    pub(crate) fn wait_for_work(&self) -> bool {
        let mut inner = self.lock();
        while !inner.queue.has_work() {
            if inner.queue.is_closed() {
                return false;
            }
            inner = self.queued.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Waits this long, or until the log is closed.
    pub(crate) fn wait_for_space(&self, time: Duration) {
        let inner = self.lock();
        let waited = self
            .queued
            .wait_timeout_while(inner, time, |inner| inner.queue.is_open());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().queue.is_closing()
    }

    pub(crate) fn take(
        &self,
        room: usize,
        batch_max: usize,
        items: &mut Vec<Item>,
        dones: &mut Vec<(GroupId, Done)>,
    ) -> Result<Take, WalError> {
        self.lock().queue.take(room, batch_max, items, dones)
    }

    pub(crate) fn purges_ahead(&self) -> Vec<(GroupId, Purged)> {
        self.lock().queue.purges_ahead()
    }

    pub(crate) fn set_stalled(&self, stalled: bool) {
        self.lock().stalled = stalled;
    }

    /// A segment that is about to be written: entries can be found in it from now on.
    pub(crate) fn add_segment(&self, segment: Arc<SegmentFile>) {
        self.lock().segments.insert(segment.sequence, segment);
    }

    /// A segment in which no entry lives any more.
    pub(crate) fn remove_segment(&self, sequence: Sequence) -> Option<Arc<SegmentFile>> {
        self.lock().segments.remove(&sequence)
    }

    /// The items are durable in `segment`: entries can be read from there.
    pub(crate) fn note_written(&self, items: &[Item], segment: Sequence) {
        let mut dropped = Vec::new();
        let mut inner = self.lock();
        for item in items {
            if let What::Entry { ticket, index, body } = &item.what {
                if let Some(log) = inner.groups.get_mut(item.group.get() as usize) {
                    log.note_written(*index, *ticket, segment, item.offset);
                }
                inner.queued_bytes -= (RECORD_HEADER_BYTES + body.len()) as u64;
            }
        }
        inner.evict(&mut dropped);
        drop(inner);
    }

    /// Nothing is taken or written any more.
    pub(crate) fn end(&self) {
        let dropped = self.lock().queue.end();
        drop(dropped);
        self.queued.notify_all();
    }

    pub(crate) fn state(&self, group: GroupId) -> GroupState {
        let inner = self.lock();
        let log = inner.groups.get(group.get() as usize);
        log.map_or_else(GroupState::default, |log| log.state().clone())
    }

    /// The entries in `range` that exist, up to `bytes_max` bytes and at least one.
    pub(crate) fn plan(&self, group: GroupId, range: &Range<u64>, bytes_max: usize) -> Plan {
        let inner = self.lock();
        let mut plan = Plan {
            from: range.start,
            entries: Vec::new(),
        };
        let Some(log) = inner.groups.get(group.get() as usize) else {
            return plan;
        };
        plan.from = range.start.max(log.state().first.unwrap_or(range.start));
        let mut bytes = 0_usize;
        for index in plan.from..range.end {
            let Some((found, length)) = log.find(index) else { break };
            bytes = bytes.saturating_add(length as usize);
            if bytes > bytes_max && !plan.entries.is_empty() {
                break;
            }
            let Some(planned) = inner.planned(found) else { break };
            plan.entries.push(planned);
        }
        plan
    }

    /// As [`plan`](Self::plan), if all of it is in memory.
    pub(crate) fn cached(&self, group: GroupId, range: &Range<u64>, bytes_max: usize) -> Option<Vec<(u64, Bytes)>> {
        let inner = self.lock();
        let mut entries = Vec::new();
        let Some(log) = inner.groups.get(group.get() as usize) else {
            return Some(entries);
        };
        let from = range.start.max(log.state().first.unwrap_or(range.start));
        let mut bytes = 0_usize;
        for index in from..range.end {
            let Some((found, length)) = log.find(index) else { break };
            bytes = bytes.saturating_add(length as usize);
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            match found {
                Found::Cached(body) => entries.push((index, body)),
                Found::Cold(_) => return None,
            }
        }
        Some(entries)
    }

    /// Whether the entry is still where a plan said it was. If not, it was purged or replaced, and its bytes with it.
    pub(crate) fn is_still_at(&self, group: GroupId, index: u64, segment: Sequence, offset: u64) -> bool {
        let inner = self.lock();
        let slot = inner.groups.get(group.get() as usize).and_then(|log| log.slot(index));
        slot.is_some_and(|slot| slot.place == Place::Written { segment, offset })
    }

    pub(crate) fn usage(&self) -> Usage {
        let (spares, spare_bytes) = self.spares.usage();
        let inner = self.lock();
        let mut usage = Usage {
            segments: inner.segments.len(),
            spares,
            allocated_bytes: spare_bytes,
            queued_bytes: inner.queued_bytes,
            stalled: inner.stalled,
            ..Usage::default()
        };
        for log in &inner.groups {
            usage.entries += log.entries();
            usage.live_bytes += log.live_bytes();
            usage.cached_bytes += log.cached_bytes() as u64;
        }
        for segment in inner.segments.values() {
            usage.allocated_bytes += segment.bytes;
        }
        usage
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn planned(&self, found: Found) -> Option<Planned> {
        Some(match found {
            Found::Cached(body) => Planned::Cached(body),
            Found::Cold(Slot { place, bytes }) => {
                let Place::Written { segment, offset } = place else {
                    return None;
                };
                let segment = Arc::clone(self.segments.get(&segment)?);
                let bytes = bytes as usize;
                Planned::Cold { segment, offset, bytes }
            }
        })
    }

    /// Frees memory where most of it is: the oldest cached entry of the group that caches most.
    fn evict(&mut self, dropped: &mut Vec<Bytes>) {
        let mut cached: usize = self.groups.iter().map(GroupLog::cached_bytes).sum();
        while cached > self.cache_bytes_max {
            let evictable = self.groups.iter_mut().filter(|log| log.can_evict());
            let Some(largest) = evictable.max_by_key(|log| log.cached_bytes()) else {
                return;
            };
            let before = largest.cached_bytes();
            largest.evict(dropped);
            cached -= before - largest.cached_bytes();
        }
    }
}
