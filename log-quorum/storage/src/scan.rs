//! Reading a segment from front to back.
//! Promises: a batch is handed out only if every byte of it is as it was written, in this segment and at this place.
//! Leaves to `recovery`: what a flaw means, a torn tail or damage.

use std::sync::Arc;

use crate::batch::{BATCH_HEADER_BYTES, BatchHead, Record};
use crate::block::{BLOCK_BYTES, in_memory};
use crate::segment::SegmentFile;
use crate::{Flaw, WalError};

/// Bytes that are read in one go.
const WINDOW_BYTES: usize = 1 << 20;

/// A reader of one segment.
pub(crate) struct Scan {
    segment: Arc<SegmentFile>,
    window: Vec<u8>,
    window_from: u64,
}

/// Why there is no batch.
pub(crate) enum NoBatch {
    /// The bytes are not a whole batch.
    Flaw(Flaw),
    /// The disk refused.
    Io(WalError),
}

impl NoBatch {
    /// As an error of a place where a batch must be.
    pub(crate) fn at(self, segment: &SegmentFile, offset: u64) -> WalError {
        match self {
            Self::Flaw(why) => WalError::flaw(segment.sequence, offset, why),
            Self::Io(error) => error,
        }
    }
}

/// A batch that was checked, and where each of its records begins in it.
pub(crate) struct Batch<'a> {
    pub(crate) padded_bytes: u64,
    /// Up to where its segment was durable before it was written.
    pub(crate) durable_to: u64,
    pub(crate) records: Vec<(usize, Record<'a>)>,
}

impl Scan {
    pub(crate) fn new(segment: Arc<SegmentFile>) -> Self {
        Self {
            segment,
            window: Vec::new(),
            window_from: 0,
        }
    }

    /// The batch that begins at `offset`.
    pub(crate) fn batch(&mut self, offset: u64) -> Result<Batch<'_>, NoBatch> {
        let head = self.head(offset)?;
        let padded = head.padded_bytes();
        let salt = self.segment.salt;
        let bytes = self.bytes(offset, padded)?;
        let records = head.records(bytes, salt).map_err(NoBatch::Flaw)?;
        Ok(Batch {
            padded_bytes: padded as u64,
            durable_to: head.durable_to,
            records,
        })
    }

    /// The header of the batch that begins at `offset`, its records unseen.
    pub(crate) fn head(&mut self, offset: u64) -> Result<BatchHead, NoBatch> {
        let (segment, salt) = (self.segment.sequence, self.segment.salt);
        let bytes = self.bytes(offset, BATCH_HEADER_BYTES)?;
        BatchHead::decode(bytes, segment, salt, offset).map_err(NoBatch::Flaw)
    }

    fn bytes(&mut self, offset: u64, count: usize) -> Result<&[u8], NoBatch> {
        let held_to = self.window_from + self.window.len() as u64;
        let end = offset.saturating_add(count as u64);
        if offset < self.window_from || end > held_to {
            let left = in_memory(self.segment.bytes.saturating_sub(offset));
            if left < count {
                return Err(NoBatch::Flaw(Flaw::Short));
            }
            // Never less than a window: the next batch is most often in it.
            self.window.resize(count.max(WINDOW_BYTES).min(left), 0);
            self.window_from = offset;
            let read = self.segment.file.read_at(offset, &mut self.window);
            read.map_err(|source| {
                self.window.clear();
                NoBatch::Io(WalError::io("read", &self.segment.sequence.file_name())(source))
            })?;
        }
        let from = in_memory(offset - self.window_from);
        Ok(&self.window[from..from + count])
    }
}

/// Where the batches of the newest segment end.
pub(crate) struct End {
    /// Here.
    pub(crate) at: u64,
    /// Up to where something in the segment says that it was durable.
    pub(crate) durable_to: u64,
}

/// Where the batches of the newest segment end, of which at least those up to `durable_to` must be there.
///
/// The first flaw is the end, if nothing says that it was durable: the batch there was being written when the process
/// died. A later header that knew more makes it damage. Such headers may be anywhere behind, since damage may have
/// hit the length of a batch: so every block is looked at.
pub(crate) fn find_end(segment: &Arc<SegmentFile>, mut durable_to: u64) -> Result<End, WalError> {
    let mut scan = Scan::new(Arc::clone(segment));
    let mut end = segment.header_bytes;
    let flaw = loop {
        match scan.batch(end) {
            Ok(batch) => {
                durable_to = durable_to.max(batch.durable_to);
                end += batch.padded_bytes;
            }
            Err(NoBatch::Flaw(flaw)) => break flaw,
            Err(NoBatch::Io(error)) => return Err(error),
        }
    };
    let damaged = |flaw| Err(WalError::flaw(segment.sequence, end, flaw));
    if end < durable_to || matches!(flaw, Flaw::Version { .. }) {
        return damaged(flaw);
    }
    let mut at = end + BLOCK_BYTES as u64;
    while at < segment.bytes {
        match scan.head(at) {
            Ok(head) if head.durable_to > end => return damaged(flaw),
            Ok(_) | Err(NoBatch::Flaw(_)) => at += BLOCK_BYTES as u64,
            Err(NoBatch::Io(error)) => return Err(error),
        }
    }
    Ok(End { at: end, durable_to })
}
