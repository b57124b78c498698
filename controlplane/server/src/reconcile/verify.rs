//! Operations that read every stream and check its checksums, record by record.
//! Promises: what is said to be whole was read from its first kept record to the tail that it had. One runs at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use tenure_control_model::{Operation, OperationError, OperationId, OperationKind};
use tenure_control_store::StoreError;
use tenure_log::{Chain, Log, TailError};
use tenure_types::{Lsn, StreamId};
use tokio::task::JoinHandle;

use super::progress::{Progress, advanced};
use super::{View, apply};
use crate::shared::Shared;

/// A log that tells nothing for so long is not read on.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// How often in a row reading is begun again that brings nothing: a stream that is deleted meanwhile brings nothing for ever.
const BREAKS_MAX: u32 = 50;
const READ_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// What it remembers between two passes: the operation that runs.
#[derive(Debug, Default)]
pub(super) struct Verify(Option<Running>);

#[derive(Debug)]
struct Running {
    operation: OperationId,
    progress: Arc<Mutex<Progress>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Verify {
    pub(super) async fn act(&mut self, shared: &Shared, view: &View<'_>) -> Result<(), StoreError> {
        let is_meant = |operation: &&Operation| operation.kind == OperationKind::VerifyLog;
        let Some(operation) = view.world.operations.iter().find(is_meant) else {
            self.0 = None;
            return Ok(());
        };
        let streams = || {
            view.world
                .shards
                .iter()
                .map(|shard| (shard.stream, view.path_of(shard)))
                .collect()
        };
        let is_running = self.0.as_ref().is_some_and(|running| running.operation == operation.id);
        if !is_running {
            // Also after a restart of this process: what was read before is read again.
            self.0 = Some(start(shared, operation.id, streams()));
        }
        let Some(running) = &self.0 else {
            return Ok(());
        };
        let mut progress = running.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if running.task.is_finished() && matches!(progress, Progress::At(..)) {
            progress = Progress::Failed(OperationError {
                code: "defect".to_owned(),
                detail: "reading ended by a defect: see the log of the control plane".to_owned(),
            });
        }
        let change = advanced(operation, &progress, view.now);
        if !change.writes.is_empty() {
            apply(shared, change).await?;
        }
        Ok(())
    }
}

fn start(shared: &Shared, operation: OperationId, streams: Vec<(StreamId, String)>) -> Running {
    let progress = Arc::new(Mutex::new(Progress::At(0, "begins".to_owned())));
    let (shared, told) = (shared.clone(), Arc::clone(&progress));
    let task = tokio::spawn(async move {
        let tell = |progress| *told.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        let ended = verify_all(&*shared.log, &streams, |done| tell(Progress::At(0, done))).await;
        tell(ended);
        shared.wake.notify_one();
    });
    Running {
        operation,
        progress,
        task,
    }
}

async fn verify_all(log: &dyn Log, streams: &[(StreamId, String)], tell: impl Fn(String)) -> Progress {
    let mut records = 0;
    for (number, (stream, name)) in streams.iter().enumerate() {
        tell(format!(
            "{number} of {} streams are read, {records} records",
            streams.len()
        ));
        match verify(log, *stream).await {
            Ok(read) => records += read,
            Err(Found { code, what }) => {
                return Progress::Failed(OperationError {
                    code: code.to_owned(),
                    detail: format!("{stream} of {name}: {what}"),
                });
            }
        }
    }
    Progress::Done(format!("{} streams with {records} records are whole", streams.len()))
}

/// What is wrong with a stream.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    code: &'static str,
    what: String,
}

/// Reads a stream up to the tail that it has now. Answers how many records there were.
async fn verify(log: &dyn Log, stream: StreamId) -> Result<u64, Found> {
    let silent = || Found {
        code: "log-silent",
        what: "the log does not answer; try again when tenure log show names a leader".to_owned(),
    };
    let answer = log.describe(vec![stream]).next().await.ok_or_else(silent)?;
    let Some(status) = answer.outcome.map_err(|_| silent())? else {
        // Nobody has begun it.
        return Ok(0);
    };
    let end = status.description;
    let mut tail = end.trim;
    // Behind a trim nothing is left to hold the first record against.
    let mut chain = end.trim.is_none().then(|| Chain::start_of(stream));
    let mut read = 0;
    let damaged = |at: Lsn| Found {
        code: "damaged",
        what: format!("the record at {at} does not fit those before it"),
    };
    let mut breaks = 0;
    while tail < end.tail {
        if breaks > BREAKS_MAX {
            return Err(silent());
        }
        if breaks > 0 {
            tokio::time::sleep(READ_AGAIN_AFTER).await;
        }
        breaks += 1;
        let from = Lsn::after(tail).ok_or_else(silent)?;
        let mut batches = log.tail(stream, from);
        let batch = tokio::time::timeout(SILENCE_MAX, batches.next()).await;
        let mut next = Some(batch.map_err(|_| silent())?);
        while let Some(batch) = next.flatten() {
            let batch = match batch {
                Ok(batch) => batch,
                Err(TailError::Trimmed { .. }) => {
                    return Err(Found {
                        code: "trimmed",
                        what: "records were dropped while they were read; try again".to_owned(),
                    });
                }
                Err(TailError::NoStream | TailError::Interrupted(_)) => break,
            };
            for (lsn, record) in batch.numbered() {
                if Lsn::after(tail) != Some(lsn) || chain.is_some_and(|chain| !record.fits(lsn, chain)) {
                    return Err(damaged(lsn));
                }
                (tail, chain) = (Some(lsn), Some(record.chain));
                read += 1;
                breaks = 0;
                if tail == end.tail {
                    break;
                }
            }
            if tail >= end.tail {
                break;
            }
            let batch = tokio::time::timeout(SILENCE_MAX, batches.next()).await;
            next = Some(batch.map_err(|_| silent())?);
        }
    }
    match end.tail {
        Some(at) if chain != Some(end.chain) => Err(damaged(at)),
        _ => Ok(read),
    }
}
