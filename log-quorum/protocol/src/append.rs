//! Append: an owner adds records behind the ones it knows of.
//! Promises: epoch and incarnation are judged before anything the call carries; a record is applied at most once, at
//! the position it was sealed for, behind the history it was sealed for; a call is applied whole or not at all.
//! Leaves to the sender: resending the same bytes from its first record without a verdict, until it has one.

use tenure_types::{Epoch, Incarnation, Lsn, StreamId};

use crate::limits::{APPEND_PAYLOAD_BYTES_MAX, APPEND_RECORDS_MAX, RECENT_RECORDS_MAX};
use crate::ownership::Standing;
use crate::{Chain, Fenced, Record, Sender, Stream};

/// Records for the positions behind `prev_lsn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The epoch the sender holds; every record carries the same.
    pub epoch: Epoch,
    /// The sender's life; every record carries the same.
    pub incarnation: Incarnation,
    /// See [`Sender::under_lease`]. Judges nothing, and may differ between sendings of the same records.
    pub under_lease: bool,
    /// Position of the record before the first one here, as the sender knows it. `None`: these begin the stream.
    pub prev_lsn: Option<Lsn>,
    /// The records, at `prev_lsn` + 1 and on. A resend may group them anew, but never changes one.
    pub records: Vec<Record>,
}

impl Append {
    /// Who sends it.
    pub fn sender(&self) -> Sender {
        Sender {
            epoch: self.epoch,
            incarnation: self.incarnation,
            under_lease: self.under_lease,
        }
    }

    /// Each record with its position.
    pub fn numbered(&self) -> impl Iterator<Item = (Lsn, &Record)> {
        Lsn::all_after(self.prev_lsn).zip(&self.records)
    }

    /// Payload bytes of all records.
    pub fn payload_bytes(&self) -> usize {
        self.records.iter().map(|record| record.payload.len()).sum()
    }

    /// Judges what needs no stream: any node may refuse such a call early, and all refuse it alike.
    pub fn check(&self) -> Result<(), Malformed> {
        let records = self.records.len();
        if records == 0 {
            return Err(Malformed::Empty);
        }
        if records > APPEND_RECORDS_MAX {
            return Err(Malformed::TooManyRecords { records });
        }
        let bytes = self.payload_bytes();
        if bytes > APPEND_PAYLOAD_BYTES_MAX {
            return Err(Malformed::TooManyBytes { bytes });
        }
        // Positions end long after any stream does, but a sender could name one there.
        if self.numbered().count() < records {
            return Err(Malformed::NoPositionsLeft);
        }
        let foreign =
            |(_, record): &(Lsn, &Record)| (record.epoch, record.incarnation) != (self.epoch, self.incarnation);
        match self.numbered().find(foreign) {
            Some((at, record)) => Err(Malformed::ForeignRecord {
                at,
                epoch: record.epoch,
            }),
            None => Ok(()),
        }
    }
}

/// The only final answers to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendVerdict {
    /// All records that the sender sealed under this epoch, up to and with `lsn`, the last of this append, are in the
    /// stream for good.
    Ok {
        /// Position of the last record of this append.
        lsn: Lsn,
    },
    /// The sender's epoch is over. It resends nothing more; replies for records ≤ `fence_lsn` may leave.
    Fenced(Fenced),
}

/// The append changed nothing, and nothing is said about its records: an earlier or later resend may be in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsettled {
    /// Records before these are missing. The sender goes back to its first record without verdict.
    #[error("append does not follow the tail: the stream has {} records so far", Lsn::count(*.tail))]
    Gap {
        /// The stream's tail.
        tail: Option<Lsn>,
    },
    /// These are older than the records a resend is recognised among. A legal sender never resends so old ones in its
    /// newest attempt; it ignores this answer to an older one.
    #[error("append is too old to be recognised: only the newest {RECENT_RECORDS_MAX} of {} records are", Lsn::count(*.tail))]
    Old {
        /// The stream's tail.
        tail: Option<Lsn>,
    },
    /// The sender's epoch has not begun where this was judged. The fence may be on its way.
    #[error("append is ahead: the stream is still in epoch {current}, before the sender's")]
    Ahead {
        /// The stream's epoch as applied here.
        current: Epoch,
    },
    /// A record does not fit what the stream holds: the sender's history is another, or bytes were damaged. Never
    /// expected. The sender must not go on; somebody has to look.
    #[error("append diverges from the stream: the record at {at} does not fit the history before it")]
    Diverged {
        /// Position of the first record that does not fit.
        at: Lsn,
    },
    /// There is no such stream.
    #[error("the stream does not exist")]
    NoStream,
    /// No stream could take this.
    #[error("malformed append")]
    Malformed(#[from] Malformed),
}

impl Unsettled {
    /// Whether the sender's next attempt, from its first record without verdict, may fare better.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Gap { .. } | Self::Old { .. } | Self::Ahead { .. } => true,
            Self::Diverged { .. } | Self::NoStream | Self::Malformed(_) => false,
        }
    }
}

/// What makes an append one that no stream could take. A defect of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It has no record.
    #[error("it carries no record")]
    Empty,
    /// It has more records than one call may.
    #[error("it carries {records} records, at most {APPEND_RECORDS_MAX} are allowed")]
    TooManyRecords {
        /// How many it has.
        records: usize,
    },
    /// Its payloads are larger than one call's may be.
    #[error("it carries {bytes} payload bytes, at most {APPEND_PAYLOAD_BYTES_MAX} are allowed")]
    TooManyBytes {
        /// How many it has.
        bytes: usize,
    },
    /// It names a position so high that the records have none.
    #[error("there are no positions for its records")]
    NoPositionsLeft,
    /// A record was not executed under the epoch and incarnation of the call.
    #[error("the record at {at}, of epoch {epoch}, has not both the epoch and the incarnation of the call")]
    ForeignRecord {
        /// Position of the first such record.
        at: Lsn,
        /// The epoch in the record.
        epoch: Epoch,
    },
}

impl Stream {
    /// Applies an append that passed [`Append::check`].
    pub(crate) fn append(&mut self, append: &Append) -> Result<AppendVerdict, Unsettled> {
        match self.standing(append.epoch, append.incarnation) {
            Standing::Holder => {}
            Standing::Released(fenced) | Standing::Fenced(fenced) => return Ok(AppendVerdict::Fenced(fenced)),
            Standing::Ahead { current } => return Err(Unsettled::Ahead { current }),
        }
        // 1. Judge every record. 2. Apply those past the tail. Nothing of an append is applied before all of it fits.
        let last = self.judge(append)?;
        let tail = self.tail();
        for (lsn, record) in append.numbered().filter(|(lsn, _)| Some(*lsn) > tail) {
            self.take(lsn, record);
        }
        Ok(AppendVerdict::Ok { lsn: last })
    }

    /// Position of the append's last record, if all of them fit: the ones up to the tail are the very records that are
    /// there, and the ones past it continue the chain.
    fn judge(&self, append: &Append) -> Result<Lsn, Unsettled> {
        let tail = self.tail();
        if append.prev_lsn > tail {
            return Err(Unsettled::Gap { tail });
        }
        let mut chain = self.recent.chain_at(append.prev_lsn).ok_or(Unsettled::Old { tail })?;
        let mut last = None;
        for (lsn, record) in append.numbered() {
            if !record.fits(lsn, chain) || self.holds_another(lsn, record.chain) {
                return Err(Unsettled::Diverged { at: lsn });
            }
            chain = record.chain;
            last = Some(lsn);
        }
        last.ok_or(Unsettled::Malformed(Malformed::Empty))
    }

    fn holds_another(&self, lsn: Lsn, chain: Chain) -> bool {
        self.recent.chain_at(Some(lsn)).is_some_and(|held| held != chain)
    }

    fn take(&mut self, lsn: Lsn, record: &Record) {
        self.recent.push(lsn, record.chain);
        // Would saturate at 16 EiB in one stream; an append is at most 2^24 bytes, so no disk gets there.
        self.appended_bytes = self.appended_bytes.saturating_add(record.charged_bytes());
    }
}
