//! Reading a stream's committed records on any node, as far as it has applied.
//! Promises: records come in order, without a gap, each once; nothing is read that was not asked for; what is dropped is
//! said to be, never skipped. A reader that waits costs its stream
//! one wake-up, and the writers nothing.

use std::sync::Arc;

use tenure_log::{TAIL_BATCH_PAYLOAD_BYTES_MAX, TAIL_BATCH_RECORDS_MAX, TailBatch, TailError, Unknown};
use tenure_log_protocol::Record;
use tenure_types::{Lsn, StreamId};

use super::index::Run;
use super::state::Shared;
use crate::convert;
use crate::raft::log_store::LogStore;
use crate::raft::stored;
use crate::raft::types::{Batch, Entry};

/// Reads one stream.
pub(crate) struct Reader {
    store: LogStore,
    state: Shared,
    stream: StreamId,
    next: Lsn,
    _counted: Arc<()>,
}

/// What there is at a position.
enum Found {
    /// Records, in these appends.
    Runs { runs: Vec<Run>, tail: Lsn },
    /// None yet.
    Nothing,
}

impl Reader {
    /// Reads `stream` from `from` on.
    pub(crate) fn new(store: LogStore, state: Shared, stream: StreamId, from: Lsn) -> Self {
        let counted = state.lock().reader();
        Self {
            store,
            state,
            stream,
            next: from,
            _counted: counted,
        }
    }

    /// Waits until there is a record at the position, and reads from there.
    pub(crate) async fn next_batch(&mut self) -> Result<TailBatch, TailError> {
        loop {
            let changes = self.state.lock().changes_of(self.stream).ok_or(TailError::NoStream)?;
            let changed = changes.notified();
            tokio::pin!(changed);
            // Counts from now on, so that a change between the look and the wait is not missed.
            changed.as_mut().enable();
            match self.find()? {
                Found::Runs { runs, tail } => return self.read(&runs, tail).await,
                Found::Nothing => changed.await,
            }
        }
    }

    fn find(&self) -> Result<Found, TailError> {
        let state = self.state.lock();
        let stream = state.table.stream(self.stream).ok_or(TailError::NoStream)?;
        if let Some(trim) = stream.trim_point().filter(|trim| *trim >= self.next) {
            return Err(TailError::Trimmed { trim });
        }
        match stream.tail().filter(|tail| *tail >= self.next) {
            None => Ok(Found::Nothing),
            Some(tail) => Ok(Found::Runs {
                runs: state.runs_from(self.stream, self.next, TAIL_BATCH_RECORDS_MAX),
                tail,
            }),
        }
    }

    async fn read(&mut self, runs: &[Run], tail: Lsn) -> Result<TailBatch, TailError> {
        let first = self.next;
        let mut collected = Collected::default();
        let mut entry: Option<Entry> = None;
        for run in runs {
            if entry.as_ref().is_none_or(|entry| entry.log_id.index != run.entry) {
                entry = Some(self.entry(run.entry).await?);
            }
            let records = entry.as_ref().map(|entry| records_of(entry, run)).unwrap_or_default();
            for (lsn, record) in Lsn::all_after(Lsn::new(run.first.get() - 1)).zip(records) {
                if lsn < self.next {
                    continue;
                }
                if !collected.takes(&record) {
                    return self.batch(first, collected, tail);
                }
                self.next = lsn.next().unwrap_or(lsn);
                collected.add(record);
            }
        }
        self.batch(first, collected, tail)
    }

    /// The index named records, so there are some, unless the stream or its entries went meanwhile.
    fn batch(&self, first: Lsn, collected: Collected, tail: Lsn) -> Result<TailBatch, TailError> {
        if collected.records.is_empty() {
            return Err(TailError::Interrupted(Unknown::Discarded));
        }
        Ok(TailBatch {
            first,
            records: collected.records,
            tail,
        })
    }

    async fn entry(&self, index: u64) -> Result<Entry, TailError> {
        let read = self.store.entries(index..index + 1, 0).await;
        let entry = read.map(|mut entries| entries.pop()).unwrap_or_else(|error| {
            tracing::error!(stream = %self.stream, index, %error, "an entry of the journal cannot be read");
            None
        });
        entry.ok_or(TailError::Interrupted(Unknown::Discarded))
    }
}

#[derive(Default)]
struct Collected {
    records: Vec<Record>,
    payload_bytes: usize,
}

impl Collected {
    /// The first record fits always.
    fn takes(&self, record: &Record) -> bool {
        let fits = self.payload_bytes + record.payload.len() <= TAIL_BATCH_PAYLOAD_BYTES_MAX;
        self.records.is_empty() || (fits && self.records.len() < TAIL_BATCH_RECORDS_MAX)
    }

    fn add(&mut self, record: Record) {
        self.payload_bytes += record.payload.len();
        self.records.push(record);
    }
}

/// The records of a run. Empty if the entry is not what the index says, which its checksum rules out.
fn records_of(entry: &Entry, run: &Run) -> Vec<Record> {
    let openraft::EntryPayload::Normal(batch) = &entry.payload else {
        return Vec::new();
    };
    append_records(batch, run).unwrap_or_default()
}

fn append_records(batch: &Batch, run: &Run) -> Option<Vec<Record>> {
    let call = stored::frame_at(batch, run.frame).ok()?;
    let tenure_wire::log_v1::call::Call::Append(append) = call.call? else {
        return None;
    };
    let append = convert::append_from_wire(&append).ok()?;
    let records = append.records.into_iter();
    Some(records.skip(run.skip as usize).take(run.records as usize).collect())
}
