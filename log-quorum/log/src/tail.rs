//! Reading a stream from a position on, for as long as it grows.

use futures::stream::BoxStream;
use tenure_log_protocol::Record;
use tenure_types::Lsn;

use crate::Unknown;

/// Most records in one batch.
pub const TAIL_BATCH_RECORDS_MAX: usize = 256;

/// Most payload bytes in one batch, unless a single record is larger.
pub const TAIL_BATCH_PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// A reader's stream of batches. The reader grants credit by asking for the next one; nothing runs ahead of it without
/// bound. It ends after the first error.
pub type Tailing = BoxStream<'static, Result<TailBatch, TailError>>;

/// Committed records that follow each other without a gap, and follow those of the batch before. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailBatch {
    /// Position of the first of them.
    pub first: Lsn,
    /// The records.
    pub records: Vec<Record>,
    /// The stream's tail as the answering node has it. A reader whose last record this is has caught up with that node.
    pub tail: Lsn,
}

impl TailBatch {
    /// Each record with its position.
    pub fn numbered(&self) -> impl Iterator<Item = (Lsn, &Record)> {
        std::iter::successors(Some(self.first), |lsn| lsn.next()).zip(&self.records)
    }
}

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TailError {
    /// The next record is dropped. The reader starts over from a snapshot.
    #[error("the records up to {trim} are dropped")]
    Trimmed {
        /// Position of the newest dropped record.
        trim: Lsn,
    },
    /// There is no such stream, as far as the answering node knows: right after its Create one that lags may say so.
    #[error("the stream does not exist")]
    NoStream,
    /// The reader was cut off. It goes on from the position after the last record it has.
    #[error("reading was interrupted")]
    Interrupted(#[source] Unknown),
}

impl TailError {
    /// Whether reading can go on from the same position.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Interrupted(unknown) => unknown.is_retryable(),
            // A node that lags may not have heard of a new stream.
            Self::NoStream => true,
            Self::Trimmed { .. } => false,
        }
    }
}
