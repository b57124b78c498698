//! Reading the stream into the image: to catch up before an epoch is served, and to follow its owner.
//! Promises: a record is applied once, whole and in order, and only if it fits those before it; who is cut off, or gives up
//! reading at any point, goes on where the image stands. Gives way between batches, so that a long log holds up nobody
//! else of this worker.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use tenure_log::{Chain, Description, Record, TailBatch, TailError};
use tenure_types::{Lsn, StreamId};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Replica;
use super::pipeline::ENGINE_VERSION;
use super::role::{Broken, Role, Unreadable};

/// Pause before reading goes on after it was cut off.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// For how long nothing is read of what the log's leader tells of before reading begins anew, which is at another log node:
/// one that is cut off from the others answers, and has nothing new. Doubles with each time that changes nothing, up to
/// the longest.
const SILENCE_MIN: Duration = Duration::from_secs(1);
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Pause before the log is asked again how the stream stands. Its client repeats by itself until its own deadline, so this
/// is for a log that is gone for longer, and for a stream that does not exist yet.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A place in a stream: how far, and by which history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tail: Option<Lsn>,
    pub(super) chain: Chain,
}

impl Place {
    /// Before the first record.
    pub(super) fn start_of(stream: StreamId) -> Self {
        Self {
            tail: None,
            chain: Chain::start_of(stream),
        }
    }
}

/// Applies what others write, for ever. Shows the image once it holds what was in the stream when this began.
pub(super) async fn follow(replica: &Replica) -> Result<Infallible, Broken> {
    if replica.is_loading() {
        let now = describe(replica).await;
        catch_up(
            replica,
            Place {
                tail: now.tail,
                chain: now.chain,
            },
        )
        .await?;
        replica.change_role(Role::Replica);
    }
    read_while(replica, |_| true).await?;
    // It reads for ever; only what is wrong ends it.
    std::future::pending().await
}

/// Applies everything up to `end`, and makes sure that it is the history that ends there.
pub(super) async fn catch_up(replica: &Replica, end: Place) -> Result<(), Broken> {
    let is_behind = |place: Place| place.tail < end.tail;
    if is_behind(replica.place()) {
        read_while(replica, is_behind).await?;
    }
    let place = replica.place();
    if place == end {
        Ok(())
    } else {
        Err(Broken::OtherHistory { at: place.tail })
    }
}

/// How the stream stands, once it exists and the log answers.
async fn describe(replica: &Replica) -> Description {
    loop {
        let answer = replica.log.describe(vec![replica.stream()]).next().await;
        match answer.map(|answer| answer.outcome) {
            Some(Ok(Some(status))) => return status.description,
            Some(Ok(None) | Err(_)) | None => tokio::time::sleep(ASK_AGAIN_AFTER).await,
        }
    }
}

/// Reads as long as it is told to, after each record.
async fn read_while(replica: &Replica, more: impl Fn(Place) -> bool) -> Result<(), Broken> {
    let mut pause = PAUSE_MIN;
    let mut silence = SILENCE_MIN;
    loop {
        let Some(from) = Lsn::after(replica.place().tail) else {
            return Err(Broken::NoPositionsLeft);
        };
        let mut batches = replica.log.tail(replica.stream(), from);
        loop {
            let batch = tokio::select! {
                biased;
                batch = batches.next() => batch,
                () = replica.left_behind(silence) => {
                    warn!(?replica, ?from, "a log node tells nothing of what its leader has, reading elsewhere");
                    silence = (silence * 2).min(SILENCE_MAX);
                    None
                }
            };
            let Some(batch) = batch else {
                break;
            };
            match batch {
                Ok(batch) => {
                    replica.apply(&batch, &more)?;
                    (pause, silence) = (PAUSE_MIN, SILENCE_MIN);
                    if !more(replica.place()) {
                        return Ok(());
                    }
                    tokio::task::yield_now().await;
                }
                Err(TailError::Trimmed { trim }) => return Err(Broken::Trimmed { trim }),
                Err(error @ (TailError::NoStream | TailError::Interrupted(_))) => {
                    debug!(?replica, %error, "reading the log was interrupted");
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

impl Replica {
    /// Where its image stands in the stream. Of an owner: where it stood when the epoch began.
    pub(super) fn place(&self) -> Place {
        self.state.borrow().place
    }

    /// Resolves when the log's leader has told for so long of records that the image lacks.
    async fn left_behind(&self, silence: Duration) {
        let mut observed = self.observed.subscribe();
        let mut since: Option<Instant> = None;
        loop {
            if observed.changed().await.is_err() {
                return std::future::pending().await;
            }
            // Not kept over the next wait: it locks.
            let status = *observed.borrow_and_update();
            let lacks = status.is_some_and(|status| self.place().tail < status.description.tail);
            let first = lacks.then(|| since.unwrap_or_else(Instant::now));
            if first.is_some_and(|first| first.elapsed() >= silence) {
                return;
            }
            since = first;
        }
    }

    fn is_loading(&self) -> bool {
        matches!(self.state.borrow().role, Role::Loading)
    }

    fn apply(&self, batch: &TailBatch, more: &impl Fn(Place) -> bool) -> Result<(), Broken> {
        for (lsn, record) in batch.numbered() {
            let Place { tail, chain } = self.place();
            // An owner reads up to its fence, and no further.
            if !more(Place { tail, chain }) {
                break;
            }
            if Lsn::after(tail) != Some(lsn) || !record.fits(lsn, chain) {
                return Err(Broken::Misfit { at: lsn });
            }
            self.replay(lsn, record)
                .map_err(|source| Broken::Unreadable { at: lsn, source })?;
        }
        Ok(())
    }

    fn replay(&self, lsn: Lsn, record: &Record) -> Result<(), Unreadable> {
        if record.engine_version > ENGINE_VERSION {
            return Err(Unreadable::Newer {
                version: record.engine_version,
                known: ENGINE_VERSION,
            });
        }
        let mut state = self.state.borrow_mut();
        state.image.replay(record.written_at, &record.payload)?;
        state.written_at = state.written_at.max(record.written_at);
        state.place = Place {
            tail: Some(lsn),
            chain: record.chain,
        };
        drop(state);
        self.watches.borrow().touch_all();
        Ok(())
    }
}
