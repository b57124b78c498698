//! openraft's log storage of one group, on the node's write-ahead log.
//! Promises: votes and entries of a group reach the disk in the order they were given; an entry can be read as soon as
//! `append` returns; nothing is acknowledged before it is durable. What openraft has given and the disk has not taken
//! is bounded: `append` waits when it is too much, and so does the group. Leaves to `storage`: files and checksums.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use openraft::OptionalSend;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use tenure_log_storage::{Done, ReadError, Wal};
use tenure_types::GroupId;
use tokio::sync::{Notify, oneshot};

use super::stored;
use super::types::{Entry, LogId, TypeConfig, Vote};

/// Most bytes that are handed to the write-ahead log and not yet on the disk. Past it `append` waits: a disk that does
/// not keep up must slow its group down, not fill the memory.
const QUEUED_BYTES_MAX: u64 = 64 << 20;

/// Most bytes of entries read at once for replication and apply, unless one entry is larger.
const READ_BYTES_MAX: usize = 1 << 20;

/// How reads that need the disk are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColdReads {
    /// On tokio's threads for blocking work, so that the group goes on.
    OffThread,
    /// Where they are asked for. For simulated disks, which answer at once, so that a seed replays.
    Inline,
}

/// The log of one group. Clones are handles to the same log.
#[derive(Clone)]
pub(crate) struct LogStore {
    wal: Wal,
    group: GroupId,
    cold_reads: ColdReads,
    /// Told whenever something of any group became durable.
    flushed: Flushed,
}

/// Told whenever something in the journal became durable. One for all groups of a node: they share the bound on what is
/// queued, so each must hear of the others' flushes. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Flushed(Arc<Notify>);

impl LogStore {
    /// The log of `group`, as the write-ahead log has recovered it.
    pub(crate) fn new(wal: Wal, flushed: Flushed, group: GroupId, cold_reads: ColdReads) -> Self {
        Self {
            wal,
            group,
            cold_reads,
            flushed,
        }
    }

    /// The entries in `range` that there are, in order; stops after `bytes_max`, but not before the first.
    pub(crate) async fn entries(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let stored = self.read(range, bytes_max).await?;
        let decoded = stored.into_iter().map(|(_, bytes)| stored::decode_entry(bytes));
        Ok(decoded.collect::<Result<_, _>>()?)
    }

    async fn read(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<(u64, Bytes)>> {
        if let Some(cached) = self.wal.read_cached(self.group, range.clone(), bytes_max) {
            return Ok(cached);
        }
        let (wal, group) = (self.wal.clone(), self.group);
        let read = move || wal.read(group, range, bytes_max);
        let read: Result<_, ReadError> = match self.cold_reads {
            ColdReads::Inline => read(),
            ColdReads::OffThread => tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?,
        };
        read.map_err(io::Error::other)
    }

    /// Waits until the write-ahead log has little enough to do.
    async fn wait_for_room(&self) {
        loop {
            // Registered before the look, so that what is flushed in between is not missed.
            let flushed = self.flushed.0.notified();
            if self.wal.usage().queued_bytes < QUEUED_BYTES_MAX {
                return;
            }
            flushed.await;
        }
    }

    fn vote(&self) -> io::Result<Option<Vote>> {
        let stored = self.wal.state(self.group).vote;
        Ok(stored.map(stored::decode_vote).transpose()?)
    }

    /// The indices of `range` that can be in the log at all.
    fn clamped(&self, range: &impl RangeBounds<u64>) -> Range<u64> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        let state = self.wal.state(self.group);
        let (first, behind_last) = match (state.first, state.last) {
            (Some(first), Some(last)) => (first, last.saturating_add(1)),
            _ => (0, 0),
        };
        start.max(first)..end.min(behind_last)
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let mut wanted = self.clamped(&range);
        let mut entries = Vec::new();
        while wanted.start < wanted.end {
            let read = self.entries(wanted.clone(), READ_BYTES_MAX).await?;
            let Some(last) = read.last() else { break };
            wanted.start = last.log_id.index + 1;
            entries.extend(read);
        }
        Ok(entries)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        self.vote()
    }

    /// In pieces, because what is applied at once after a restart is the whole log.
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let pieces = futures::stream::try_unfold((self.clone(), self.clamped(&range)), |(store, wanted)| async move {
            if wanted.start >= wanted.end {
                return Ok::<_, io::Error>(None);
            }
            let entries = store.entries(wanted.clone(), READ_BYTES_MAX).await?;
            let read_to = entries.last().map_or(wanted.end, |last| last.log_id.index + 1);
            let piece = futures::stream::iter(entries.into_iter().map(Ok));
            Ok(Some((piece, (store, read_to..wanted.end))))
        });
        Box::pin(pieces.try_flatten())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.entries(start..end, READ_BYTES_MAX).await
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let state = self.wal.state(self.group);
        let purged = state
            .purged
            .map(|purged| stored::decode_log_id(purged.mark))
            .transpose()?;
        let last = match state.last {
            Some(last) => self.entries(last..last + 1, READ_BYTES_MAX).await?.pop(),
            None => None,
        };
        Ok(LogState {
            last_purged_log_id: purged,
            last_log_id: last.map(|entry| entry.log_id()).or(purged),
        })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (durable, heard) = oneshot::channel();
        let done = Done::Each(Box::new(move || {
            // Whoever gave up waiting needs no answer.
            let _ = durable.send(());
        }));
        self.wal.save_vote(self.group, stored::encode_vote(vote), done);
        // Not fired means that the disk failed, and the process is about to end.
        heard
            .await
            .map_err(|_| io::Error::other("the vote did not reach the disk"))
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        if let Some(committed) = committed {
            self.wal.save_committed(self.group, stored::encode_log_id(&committed));
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        let stored = self.wal.state(self.group).committed;
        Ok(stored.map(stored::decode_log_id).transpose()?)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let encoded: Vec<_> = entries
            .into_iter()
            .map(|entry| (entry.log_id.index, stored::encode_entry(&entry)))
            .collect();
        self.wait_for_room().await;
        let flushed = self.flushed.clone();
        // openraft takes completions as a watermark, so of several in one batch of the write-ahead log the last is enough.
        let done = Done::Watermark(Box::new(move || {
            callback.io_completed(Ok(()));
            flushed.0.notify_waiters();
        }));
        self.wal.append(self.group, encoded, done);
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        // Not waited for: what is appended next lies behind it in the queue, and is acknowledged only with it.
        self.wal
            .truncate_after(self.group, last_log_id.map(|log_id| log_id.index), Done::Nothing);
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        self.wal
            .purge(self.group, log_id.index, stored::encode_log_id(&log_id), Done::Nothing);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::types::{Batch, LeaderId};
    use futures::FutureExt;
    use openraft::EntryPayload;
    use tenure_log_storage::fault::SimDisk;
    use tenure_log_storage::{WalOptions, WalWriter, Wrote};

    /// Two groups of one node, and the writer that a test drives by hand.
    fn stores() -> (LogStore, LogStore, WalWriter) {
        let options = WalOptions {
            segment_bytes: 1 << 20,
            ..WalOptions::default()
        };
        let (wal, writer) = Wal::open(Arc::new(SimDisk::new()), 2, options).unwrap();
        let flushed = Flushed::default();
        let store = |group| LogStore::new(wal.clone(), flushed.clone(), GroupId::new(group), ColdReads::Inline);
        (store(0), store(1), writer)
    }

    fn entry(index: u64, bytes: usize) -> Entry {
        let leader_id = LeaderId { term: 1, node_id: 1 };
        let batch = Batch(Bytes::from(vec![0; bytes]));
        Entry::new(LogId::new(leader_id, index), EntryPayload::Normal(batch))
    }

    #[test]
    fn a_group_that_waits_for_room_hears_of_the_flushes_of_others() {
        let (mut busy, mut idle, mut writer) = stores();
        let much = usize::try_from(QUEUED_BYTES_MAX).unwrap();
        let append = busy.append([entry(0, much)], IOFlushed::noop());
        append.now_or_never().expect("there is room for the first").unwrap();
        let mut waiting = Box::pin(idle.append([entry(0, 1)], IOFlushed::noop()));
        assert!(waiting.as_mut().now_or_never().is_none(), "the disk has enough to do");
        assert!(matches!(writer.write_queued(), Ok(Wrote::Batch { .. })));
        waiting.now_or_never().expect("there is room again").unwrap();
    }

    #[test]
    fn an_entry_is_read_as_soon_as_it_is_appended() {
        let (mut store, _, _writer) = stores();
        let append = store.append([entry(0, 9)], IOFlushed::noop());
        append.now_or_never().unwrap().unwrap();
        let read = store.try_get_log_entries(..).now_or_never().unwrap().unwrap();
        assert_eq!(read, [entry(0, 9)]);
    }
}
