//! The one writer of the log.
//! Promises: a callback is called only after the sync that made its submission durable, and never after a write or
//! sync has failed. One write and one sync per batch; no timer, a batch is what was queued while the last was synced.
//! Leaves to its driver, a thread or a simulation: when to write.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_types::GroupId;

use crate::batch::{BATCH_HEADER_BYTES, BatchBuilder, RECORD_HEADER_BYTES};
use crate::block::{BLOCK_BYTES, in_memory, whole_blocks};
use crate::header::Header;
use crate::holdings::Holdings;
use crate::queue::{Item, Take, What};
use crate::recovery::{Recovered, recover};
use crate::segment::SegmentFile;
use crate::shared::Shared;
use crate::spares::{Obtained, Spares};
use crate::{Disk, Done, GroupState, Purged, Scheduling, WalError, WalOptions, WalThread};

/// The end of every segment is kept for purges while the disk is full, and for the last mark.
const RESERVE_BYTES: usize = 4 * BLOCK_BYTES;
const SEGMENT_BYTES_MIN: usize = 64 << 10;

/// The one writer of a log: it owns the files for writing.
pub struct WalWriter {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    segment_bytes: usize,
    batch_bytes_max: usize,
    segment: Arc<SegmentFile>,
    /// Where the next batch goes. Everything before is durable.
    end: u64,
    /// Up to where the disk itself knows that everything is durable.
    marked_to: u64,
    /// What is written of every group.
    written: Vec<GroupState>,
    holdings: Holdings,
    life: Life,
    // Used for one batch after another.
    buffer: Vec<u8>,
    items: Vec<Item>,
    dones: Vec<(GroupId, Done)>,
}

/// Whether the writer may touch its files.
#[derive(PartialEq, Eq)]
enum Life {
    Writing,
    /// A write or sync failed, or the log was closed. Nothing is written or called any more.
    Ended,
}

/// What one call of [`WalWriter::write_queued`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    /// One batch is durable and its callbacks were called. There may be more in the queue.
    Batch {
        /// Records in it.
        records: usize,
        /// Bytes written, padding included.
        bytes: usize,
    },
    /// There was nothing to write.
    Nothing,
    /// There is no space for the next segment. Nothing is lost; try again when space may have come free, and then
    /// every now and then: a try always sees what the log itself has freed, but looks ever more rarely, at last in
    /// one of 64 tries, whether the disk has space. To look, it takes what there is.
    Stalled,
}

impl WalWriter {
    pub(crate) fn recover(disk: Arc<dyn Disk>, groups: u32, options: WalOptions) -> Result<Self, WalError> {
        let segment_bytes = whole_blocks(in_memory(options.segment_bytes).max(SEGMENT_BYTES_MIN));
        let Recovered {
            logs,
            holdings,
            segments,
            newest,
            end,
            spares,
            next_spare,
        } = recover(&*disk, groups, segment_bytes as u64, options.salt)?;
        let written = logs.iter().map(|log| log.state().clone()).collect();
        let spares = Spares::new(Arc::clone(&disk), segment_bytes as u64, spares, next_spare);
        let mut writer = Self {
            shared: Arc::new(Shared::new(logs, segments, spares, options.cache_bytes)),
            disk,
            segment_bytes,
            batch_bytes_max: options.batch_bytes_max,
            segment: newest,
            end,
            marked_to: end,
            written,
            holdings,
            life: Life::Writing,
            buffer: Vec::new(),
            items: Vec::new(),
            dones: Vec::new(),
        };
        writer.retire_free();
        Ok(writer)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Takes what is queued, writes and syncs it as one batch, and calls the callbacks. Call it until it says
    /// [`Wrote::Nothing`]; from then on the wake-up of [`Wal::set_wake`](crate::Wal::set_wake) says when there is more.
    ///
    /// After an error the writer has ended: it never touches its files again and drops all callbacks.
    pub fn write_queued(&mut self) -> Result<Wrote, WalError> {
        if self.life == Life::Ended {
            return Err(WalError::Ended);
        }
        let outcome = self.write_next();
        if outcome.is_err() {
            self.end();
        }
        outcome
    }

    /// Writes from a thread of its own from now on, until the log is closed. `on_fatal` is called if an error ends it.
    pub fn spawn(self, on_fatal: Box<dyn FnOnce(WalError) + Send>, scheduling: Scheduling) -> WalThread {
        WalThread::spawn(self, on_fatal, scheduling)
    }

    /// Writes nothing any more and drops what is queued.
    pub(crate) fn end(&mut self) {
        self.life = Life::Ended;
        self.items.clear();
        self.dones.clear();
        self.shared.end();
        self.shared.spares.end();
    }

    fn write_next(&mut self) -> Result<Wrote, WalError> {
        self.shared.spares.check()?;
        loop {
            let (room, max) = (self.room(), self.batch_bytes_max);
            match self.shared.take(room, max, &mut self.items, &mut self.dones)? {
                Take::Nothing => return Ok(Wrote::Nothing),
                Take::LastMark => return self.write_last_mark(),
                Take::Batch => return self.write_taken(),
                Take::Segment { bytes } => {
                    let moved = self.open_segment(bytes)? || self.purge_ahead()?;
                    self.shared.set_stalled(!moved);
                    if !moved {
                        return Ok(Wrote::Stalled);
                    }
                }
            }
        }
    }

    fn write_taken(&mut self) -> Result<Wrote, WalError> {
        let records = self.items.len();
        let bytes = if records > 0 { self.write_items()? } else { 0 };
        // Only now: what was taken is durable.
        self.call_callbacks();
        self.retire_free();
        self.shared.spares.work_unless_threaded();
        Ok(Wrote::Batch { records, bytes })
    }

    /// Writes the items as one batch and makes them readable where they are.
    fn write_items(&mut self) -> Result<usize, WalError> {
        let mut builder = BatchBuilder::begin(&mut self.buffer, self.segment.salt);
        for item in &mut self.items {
            let begin = builder.push(&item.record())?;
            item.offset = self.end + begin as u64;
        }
        builder.seal(self.segment.sequence, self.end);
        for item in &self.items {
            note(item, &mut self.written, &mut self.holdings)?;
        }
        // 1. Write. 2. Sync. 3. Note where entries are. A crash before 2 leaves a torn batch that nobody was told of;
        // a whole one is kept.
        let bytes = self.sync_buffer()?;
        self.shared.note_written(&self.items, self.segment.sequence);
        self.items.clear();
        // One huge entry must not hold its memory for ever.
        self.buffer.shrink_to(2 * self.batch_bytes_max);
        Ok(bytes)
    }

    /// Writes and syncs the batch in the buffer.
    fn sync_buffer(&mut self) -> Result<usize, WalError> {
        let file = &self.segment.file;
        let name = || self.segment.sequence.file_name();
        file.write_at(self.end, &self.buffer)
            .map_err(|source| WalError::io("write", &name())(source))?;
        file.sync().map_err(|source| WalError::io("sync", &name())(source))?;
        self.end += self.buffer.len() as u64;
        Ok(self.buffer.len())
    }

    /// Calls what waits for the batch, in order. Of one group's watermarks only the last speaks.
    fn call_callbacks(&mut self) {
        let mut last_watermarks = vec![None; self.written.len()];
        for (at, (group, done)) in self.dones.iter().enumerate() {
            if let (Done::Watermark(_), Some(last)) = (done, last_watermarks.get_mut(group.get() as usize)) {
                *last = Some(at);
            }
        }
        for (at, (group, done)) in self.dones.drain(..).enumerate() {
            match done {
                Done::Nothing => {}
                Done::Each(call) => call(),
                Done::Watermark(call) => {
                    if last_watermarks.get(group.get() as usize) == Some(&Some(at)) {
                        call();
                    }
                }
            }
        }
    }

    /// Goes on in a new segment that has room for a batch of this size. Says whether there was space for one.
    fn open_segment(&mut self, batch_bytes: usize) -> Result<bool, WalError> {
        let header = Header {
            sequence: self.segment.sequence.next(),
            salt: self.segment.salt.next(),
            predecessor: Some((self.segment.sequence, self.end)),
            durable_bytes: 0,
            groups: self.written.clone(),
        };
        let needed = header.encode().len() + whole_blocks(batch_bytes) + RESERVE_BYTES;
        let obtained = if needed <= self.segment_bytes {
            self.shared.spares.obtain()?
        } else {
            self.shared.spares.make(needed as u64)?
        };
        let Obtained::Spare(spare) = obtained else {
            return Ok(false);
        };
        let segment = SegmentFile::place(&*self.disk, spare, &header)?;
        self.shared.add_segment(Arc::clone(&segment));
        self.holdings.begin(segment.sequence);
        self.end = segment.header_bytes;
        self.marked_to = segment.header_bytes;
        self.segment = segment;
        self.retire_free();
        Ok(true)
    }

    /// On a full disk: writes the purges that are queued into the reserve, if together they free a segment. Until they
    /// do they wait: every batch takes a block of the reserve, and one for each purge would use it up for nothing.
    /// They stay in the queue too, and are reported from there in their turn; the second writing changes nothing.
    /// Says whether anything was freed.
    fn purge_ahead(&mut self) -> Result<bool, WalError> {
        let left = in_memory(self.segment.bytes.saturating_sub(self.end));
        let mut bytes = BATCH_HEADER_BYTES;
        let mut after = self.holdings.clone();
        for (group, purged) in self.furthest_purges() {
            let record = RECORD_HEADER_BYTES + purged.mark.len();
            if bytes + record <= left {
                bytes += record;
                after.purge(group, &purged);
                self.items.push(Item::new(group, What::Purge(purged)));
            }
        }
        if after.take_free().is_none() {
            self.items.clear();
            return Ok(false);
        }
        self.write_items()?;
        self.retire_free();
        Ok(true)
    }

    /// Of each group, the queued purge that drops most of what is written, if one does.
    fn furthest_purges(&self) -> BTreeMap<GroupId, Purged> {
        let mut furthest = BTreeMap::<GroupId, Purged>::new();
        for (group, purged) in self.shared.purges_ahead() {
            let written = self.written.get(group.get() as usize);
            let (first, last) = written.map_or((None, None), |written| (written.first, written.last));
            // Beyond the last written entry it would drop entries that are queued before it.
            let news =
                last.is_some_and(|last| purged.index <= last) && first.is_some_and(|first| purged.index >= first);
            let further = furthest.get(&group).is_none_or(|other| other.index < purged.index);
            if news && further {
                furthest.insert(group, purged);
            }
        }
        furthest
    }

    /// Ends a closed log: an empty batch says that everything before it is durable.
    fn write_last_mark(&mut self) -> Result<Wrote, WalError> {
        let mut wrote = Wrote::Nothing;
        let room = self.segment.bytes.saturating_sub(self.end) >= BLOCK_BYTES as u64;
        if self.marked_to < self.end && room {
            BatchBuilder::begin(&mut self.buffer, self.segment.salt).seal(self.segment.sequence, self.end);
            let bytes = self.sync_buffer()?;
            wrote = Wrote::Batch { records: 0, bytes };
        }
        self.marked_to = self.end;
        self.shared.end();
        Ok(wrote)
    }

    /// Gives away the segments that nothing durable needs.
    fn retire_free(&mut self) {
        while let Some(sequence) = self.holdings.take_free() {
            if let Some(segment) = self.shared.remove_segment(sequence) {
                self.shared.spares.retire(segment);
            }
        }
    }

    /// Bytes that the next batch may take in this segment.
    fn room(&self) -> usize {
        in_memory(self.segment.bytes.saturating_sub(self.end)).saturating_sub(RESERVE_BYTES)
    }
}

impl Drop for WalWriter {
    /// Nobody writes any more, so nothing must queue up.
    fn drop(&mut self) {
        self.end();
    }
}

/// Follows in `written` and `holdings` what a record changes.
fn note(item: &Item, written: &mut [GroupState], holdings: &mut Holdings) -> Result<(), WalError> {
    let group = item.group;
    let Some(state) = written.get_mut(group.get() as usize) else {
        return Ok(());
    };
    match &item.what {
        What::Entry { index, .. } => {
            let appended = state.append(*index);
            appended.map_err(|source| WalError::Misordered { group, source })?;
            holdings.append(group, *index);
        }
        What::Vote(vote) => state.vote = Some(vote.clone()),
        What::Committed(committed) => state.committed = Some(committed.clone()),
        What::TruncateAfter(last) => {
            state.truncate_after(*last);
            holdings.truncate_after(group, *last);
        }
        What::Purge(purged @ Purged { .. }) => {
            state.purge(purged);
            holdings.purge(group, purged);
        }
    }
    Ok(())
}
