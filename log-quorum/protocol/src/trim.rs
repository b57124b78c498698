//! Trim: records that snapshots cover are dropped.
//! Promises: nothing is dropped that the *second* newest snapshot does not cover, nor, where a restore window is kept,
//! that is not archived; and none of them is believed that contradicts the newest records the stream remembers.
//! Leaves to the caller: having verified the snapshots, and keeping them. To `node`: comparing the chains of older
//! positions with its index of records before it proposes a trim, and freeing the bytes.

use tenure_types::{Lsn, StreamId};

use crate::{Chain, Stream};

/// Drops the records up to and with `upto`. It needs no epoch: what snapshots cover may go under any owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// The stream.
    pub stream: StreamId,
    /// Position of the newest record to drop.
    pub upto: Lsn,
    /// What the newest verified snapshot covers.
    pub newest: StreamPoint,
    /// What the newest but one covers. If the newest turns out bad, this one and the log still give everything.
    pub second_newest: StreamPoint,
    /// How far the archive of the stream reaches. Required where a restore window is kept.
    pub archived: Option<StreamPoint>,
}

/// A history of the stream: all records up to and with `lsn`, told from any other by its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPoint {
    /// Position of the newest record in it.
    pub lsn: Lsn,
    /// The stream's chain there.
    pub chain: Chain,
}

/// The records up to `trim` are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimmed {
    /// Position of the newest dropped record.
    pub trim: Lsn,
}

/// The trim dropped nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrimRefused {
    /// More is dropped already.
    #[error("trim goes back: the records up to {trim} are dropped already")]
    Backwards {
        /// Position of the newest dropped record.
        trim: Lsn,
    },
    /// The second newest snapshot does not cover what would be dropped.
    #[error("the second newest snapshot covers the records up to {second_newest} only")]
    NotCovered {
        /// What it covers.
        second_newest: Lsn,
    },
    /// The second newest snapshot is as new as the newest, or newer: it is the same one, or they are swapped.
    #[error("the newest snapshot, at {newest}, is not newer than the second newest, at {second_newest}")]
    SnapshotsNotOrdered {
        /// What the one called newest covers.
        newest: Lsn,
        /// What the one called second newest covers.
        second_newest: Lsn,
    },
    /// A snapshot or the archive claims records the stream does not have.
    #[error("a named position, {at}, is past the stream's {} records", Lsn::count(*.tail))]
    PastTail {
        /// The position.
        at: Lsn,
        /// The stream's tail.
        tail: Option<Lsn>,
    },
    /// The stream keeps a restore window, and what would be dropped is not in the archive.
    #[error("the stream keeps a restore window and is archived up to {} records only", Lsn::count(*.archived))]
    NotArchived {
        /// How far the request says the archive reaches; `None` if it says nothing.
        archived: Option<Lsn>,
    },
    /// A snapshot or the archive holds another history than the stream. Never expected; somebody has to look.
    #[error("what is stored up to {at} is not this stream's history: its chain differs")]
    Diverged {
        /// The position it was said to reach.
        at: Lsn,
    },
    /// There is no such stream.
    #[error("the stream does not exist")]
    NoStream,
}

impl Stream {
    /// Applies a trim. A repeat is judged like the first and passes, since everything it rests on only grows.
    pub(crate) fn trim(&mut self, trim: &Trim) -> Result<Trimmed, TrimRefused> {
        for point in [trim.newest, trim.second_newest].into_iter().chain(trim.archived) {
            self.check_point(point)?;
        }
        let (upto, newest, second_newest) = (trim.upto, trim.newest.lsn, trim.second_newest.lsn);
        if let Some(trim) = self.trim.filter(|trim| *trim > upto) {
            return Err(TrimRefused::Backwards { trim });
        }
        if upto > second_newest {
            return Err(TrimRefused::NotCovered { second_newest });
        }
        if second_newest >= newest {
            return Err(TrimRefused::SnapshotsNotOrdered { newest, second_newest });
        }
        let archived = trim.archived.map(|point| point.lsn);
        if self.restore_window && Some(upto) > archived {
            return Err(TrimRefused::NotArchived { archived });
        }
        self.trim = Some(upto);
        Ok(Trimmed { trim: upto })
    }

    /// Refuses a history that the stream does not have. An old one can no longer be compared; it is believed.
    fn check_point(&self, point: StreamPoint) -> Result<(), TrimRefused> {
        let StreamPoint { lsn, chain } = point;
        let tail = self.tail();
        if Some(lsn) > tail {
            return Err(TrimRefused::PastTail { at: lsn, tail });
        }
        match self.recent.chain_at(Some(lsn)) {
            Some(held) if held != chain => Err(TrimRefused::Diverged { at: lsn }),
            Some(_) | None => Ok(()),
        }
    }
}
