//! Release: an owner gives its epoch up, so that the next one waits for nothing.
//! Promises: once applied, nothing but a repeated Release is accepted under the epoch, though no other has begun.
//! Leaves to the releaser: finishing its own wait-out, its reads and its verdicts first, and never serving again under
//! this epoch once the call was sent, whatever becomes of it.

use tenure_types::{Epoch, Incarnation, Lsn, StreamId};

use crate::ownership::Standing;
use crate::{NotHeld, Stream};

/// Gives up `epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The stream.
    pub stream: StreamId,
    /// The epoch the sender holds.
    pub epoch: Epoch,
    /// The sender's life.
    pub incarnation: Incarnation,
}

/// The epoch was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// The stream's tail, which stays where it is until another epoch begins.
    pub lsn: Option<Lsn>,
}

impl Stream {
    /// Applies a release.
    pub(crate) fn release(&mut self, release: &Release) -> Result<Released, NotHeld> {
        match self.standing(release.epoch, release.incarnation) {
            // A repeat finds the epoch released and the tail where it was.
            Standing::Holder | Standing::Released(_) => {
                self.ownerships.release();
                Ok(Released { lsn: self.tail() })
            }
            Standing::Fenced(fenced) => Err(NotHeld::Fenced(fenced)),
            Standing::Ahead { current } => Err(NotHeld::Ahead { current }),
        }
    }
}
