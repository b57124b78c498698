//! Reading the stream into the image: to catch up before owning an epoch, and to follow its owner.
//! Promises: a record is applied once, whole and in order, and only if it fits those before it; a reader that is cut off
//! goes on where it was. Gives way between batches, so that a long log holds up nobody else of this worker.

use std::time::Duration;

use futures::StreamExt;
use tenure_log::{Chain, Record, TailBatch, TailError};
use tenure_types::Lsn;
use tracing::debug;

use super::Replica;
use super::own::describe;
use super::pipeline::ENGINE_VERSION;
use super::role::{Broken, Role, Unreadable};

/// Pause before reading goes on after it was cut off.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A place in a stream: how far, and by which history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tail: Option<Lsn>,
    pub(super) chain: Chain,
}

/// Where an image stands in its stream.
#[derive(Debug)]
pub(super) struct Reader<'r> {
    replica: &'r Replica,
    tail: Option<Lsn>,
    chain: Chain,
}

impl<'r> Reader<'r> {
    /// At the start, with an empty image.
    pub(super) fn new(replica: &'r Replica) -> Self {
        Self {
            replica,
            tail: None,
            chain: Chain::start_of(replica.stream()),
        }
    }

    /// With an image that holds what was written up to here.
    pub(super) fn at(replica: &'r Replica, Place { tail, chain }: Place) -> Self {
        Self { replica, tail, chain }
    }

    /// Applies what others write, for ever. Shows the image once it holds what was in the stream when this began.
    pub(super) async fn follow(&mut self) -> Result<(), Broken> {
        let now = describe(self.replica).await;
        self.catch_up(Place {
            tail: now.tail,
            chain: now.chain,
        })
        .await?;
        self.replica.change_role(Role::Replica);
        self.read_while(|_| true).await
    }

    /// Applies everything up to `end`, and makes sure that it is the history that ends there.
    pub(super) async fn catch_up(&mut self, end: Place) -> Result<(), Broken> {
        if self.tail < end.tail {
            self.read_while(|reader| reader.tail < end.tail).await?;
        }
        if (self.tail, self.chain) == (end.tail, end.chain) {
            Ok(())
        } else {
            Err(Broken::OtherHistory { at: self.tail })
        }
    }

    /// Reads as long as it is told to, after each record.
    async fn read_while(&mut self, more: impl Fn(&Self) -> bool) -> Result<(), Broken> {
        let mut pause = PAUSE_MIN;
        loop {
            let Some(from) = Lsn::after(self.tail) else {
                return Err(Broken::NoPositionsLeft);
            };
            let mut batches = self.replica.log.tail(self.replica.stream(), from);
            while let Some(batch) = batches.next().await {
                match batch {
                    Ok(batch) => {
                        self.apply(&batch, &more)?;
                        pause = PAUSE_MIN;
                        if !more(self) {
                            return Ok(());
                        }
                        tokio::task::yield_now().await;
                    }
                    Err(TailError::Trimmed { trim }) => return Err(Broken::Trimmed { trim }),
                    Err(error @ (TailError::NoStream | TailError::Interrupted(_))) => {
                        debug!(replica = ?self.replica, %error, "reading the log was interrupted");
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn apply(&mut self, batch: &TailBatch, more: &impl Fn(&Self) -> bool) -> Result<(), Broken> {
        for (lsn, record) in batch.numbered() {
            // An owner reads up to its fence, and no further.
            if !more(self) {
                break;
            }
            if Lsn::after(self.tail) != Some(lsn) || !record.fits(lsn, self.chain) {
                return Err(Broken::Misfit { at: lsn });
            }
            self.replica
                .replay(record)
                .map_err(|source| Broken::Unreadable { at: lsn, source })?;
            (self.tail, self.chain) = (Some(lsn), record.chain);
        }
        Ok(())
    }
}

impl Replica {
    fn replay(&self, record: &Record) -> Result<(), Unreadable> {
        if record.engine_version > ENGINE_VERSION {
            return Err(Unreadable::Newer {
                version: record.engine_version,
                known: ENGINE_VERSION,
            });
        }
        let image = &mut self.state.borrow_mut().image;
        image.replay(record.written_at, &record.payload)?;
        self.watches.borrow().touch_all();
        Ok(())
    }
}
