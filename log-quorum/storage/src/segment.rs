//! One segment file: how it comes to be, and how it is opened again.
//! Promises: a file has the name of a segment only once its header and all before it are durable. So a header that
//! does not validate is damage, never the trace of a crash.

use std::sync::Arc;

use crate::block::{BLOCK_BYTES, in_memory};
use crate::header::Header;
use crate::salt::Salt;
use crate::spares::Spare;
use crate::{Disk, DiskFile, Flaw, Sequence, WalError};

/// A file of the log, and what is needed to read a record in it.
pub(crate) struct SegmentFile {
    pub(crate) sequence: Sequence,
    pub(crate) salt: Salt,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Where the first batch begins.
    pub(crate) header_bytes: u64,
}

impl SegmentFile {
    /// Makes a prepared file the segment that `header` says.
    pub(crate) fn place(disk: &dyn Disk, spare: Spare, header: &Header) -> Result<Arc<Self>, WalError> {
        let name = header.sequence.file_name();
        let encoded = header.encode();
        // 1. Write the header and sync. 2. Rename. 3. Sync the folder. Only then the first batch.
        // A crash before 3 leaves the segment without a batch, or a spare whose header nobody reads.
        spare
            .file
            .write_at(0, &encoded)
            .map_err(WalError::io("write", &spare.name))?;
        spare.file.sync_all().map_err(WalError::io("sync", &spare.name))?;
        disk.rename(&spare.name, &name)
            .map_err(WalError::io("rename", &spare.name))?;
        disk.sync_folder().map_err(WalError::io("sync", "the folder"))?;
        Ok(Arc::new(Self {
            sequence: header.sequence,
            salt: header.salt,
            file: spare.file,
            bytes: spare.bytes,
            header_bytes: encoded.len() as u64,
        }))
    }

    /// Opens a segment and reads its header.
    pub(crate) fn open(disk: &dyn Disk, sequence: Sequence) -> Result<(Arc<Self>, Header), WalError> {
        let name = sequence.file_name();
        let file = disk.open(&name).map_err(WalError::io("open", &name))?;
        let bytes = file.len().map_err(WalError::io("measure", &name))?;
        let flawed = |why| WalError::flaw(sequence, 0, why);
        if bytes < BLOCK_BYTES as u64 {
            return Err(flawed(Flaw::Short));
        }
        let mut block = vec![0; BLOCK_BYTES];
        file.read_at(0, &mut block).map_err(WalError::io("read", &name))?;
        let header_bytes = Header::stored_bytes(&block).map_err(flawed)?;
        if header_bytes > in_memory(bytes) {
            return Err(flawed(Flaw::Short));
        }
        block.resize(header_bytes, 0);
        file.read_at(0, &mut block).map_err(WalError::io("read", &name))?;
        let header = Header::decode(&block).map_err(flawed)?;
        if header.sequence != sequence {
            return Err(flawed(Flaw::Misnamed { found: header.sequence }));
        }
        let segment = Self {
            sequence,
            salt: header.salt,
            file,
            bytes,
            header_bytes: header_bytes as u64,
        };
        Ok((Arc::new(segment), header))
    }
}
