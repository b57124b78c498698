//! Renew: an owner asks whether it still is the owner. Not logged: it changes nothing.
//! Promises: `Ok` means that no fence and no release of the epoch was applied before the check.
//! Leaves to `node`: confirming by ReadIndex, after the call arrived, that what is applied here is the newest. Without
//! that the answer says nothing, because another leader may have applied a fence already.

use tenure_types::{Epoch, Incarnation, StreamId};

use crate::ownership::Standing;
use crate::{NotHeld, Sender, Stream};

/// Asks whether the sender still holds `epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renew {
    /// The stream.
    pub stream: StreamId,
    /// The epoch the sender holds.
    pub epoch: Epoch,
    /// The sender's life.
    pub incarnation: Incarnation,
    /// See [`Sender::under_lease`].
    pub under_lease: bool,
}

impl Renew {
    /// Who sends it.
    pub fn sender(&self) -> Sender {
        Sender {
            epoch: self.epoch,
            incarnation: self.incarnation,
            under_lease: self.under_lease,
        }
    }
}

impl Stream {
    /// Judges a renewal by what is applied here.
    pub(crate) fn check_renew(&self, renew: &Renew) -> Result<(), NotHeld> {
        match self.standing(renew.epoch, renew.incarnation) {
            Standing::Holder => Ok(()),
            Standing::Released(fenced) | Standing::Fenced(fenced) => Err(NotHeld::Fenced(fenced)),
            Standing::Ahead { current } => Err(NotHeld::Ahead { current }),
        }
    }
}
