//! One file of a simulated disk: what the process sees, and what is on the medium.
//! Promises: a sector is the unit that is written as a whole; a crash keeps or loses each one that was not synced.

use std::io;
use std::ops::Range;

use rand::RngExt;

use crate::block::in_memory;

const SECTOR_BYTES: usize = 512;

/// The content of a file, whatever its name.
#[derive(Default)]
pub(super) struct Inode {
    seen: Vec<u8>,
    medium: Vec<u8>,
    /// One flag per sector that was written since the last sync.
    dirty: Vec<bool>,
    /// Where the flags are set: a sync of a large file need not look at all of them.
    dirty_span: Range<usize>,
}

impl Inode {
    /// The bytes as the process sees them.
    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = in_memory(offset);
        let to = from.saturating_add(buffer.len());
        let bytes = self.seen.get(from..to).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    /// By how many bytes a write would make the file longer.
    pub(super) fn growth(&self, offset: u64, count: usize) -> u64 {
        (offset + count as u64).saturating_sub(self.seen.len() as u64)
    }

    pub(super) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let from = in_memory(offset);
        let to = from.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        let mut written = from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES);
        if self.seen.len() < to {
            // A gap that the write leaves is written too.
            written.start = written.start.min(self.seen.len() / SECTOR_BYTES);
            self.seen.resize(to, 0);
            self.dirty.resize(written.end, false);
        }
        self.seen[from..to].copy_from_slice(bytes);
        self.dirty[written.clone()].fill(true);
        let span = &self.dirty_span;
        self.dirty_span = if span.is_empty() {
            written
        } else {
            span.start.min(written.start)..span.end.max(written.end)
        };
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        self.medium.resize(self.seen.len(), 0);
        for at in std::mem::take(&mut self.dirty_span) {
            if std::mem::take(&mut self.dirty[at]) {
                copy_sector(&self.seen, &mut self.medium, at);
            }
        }
    }

    /// Nothing reaches the medium, and nobody remembers that it should.
    pub(super) fn fail_sync(&mut self) {
        for at in std::mem::take(&mut self.dirty_span) {
            self.dirty[at] = false;
        }
    }

    /// Sectors that need not be written are seen as they are on the medium.
    pub(super) fn drop_cache(&mut self) {
        let clean = (0..self.dirty.len()).filter(|at| !self.dirty[*at]);
        for at in clean {
            let begin = at * SECTOR_BYTES;
            let end = (begin + SECTOR_BYTES).min(self.seen.len());
            // Where a failed sync left the medium too short, there is nothing.
            self.seen[begin..end].fill(0);
            copy_sector(&self.medium, &mut self.seen, at);
        }
    }

    pub(super) fn crash(&mut self, rng: &mut impl RngExt) {
        if self.seen.len() > self.medium.len() {
            let bytes = rng.random_range(self.medium.len()..=self.seen.len());
            self.medium.resize(bytes, 0);
        }
        for at in std::mem::take(&mut self.dirty_span) {
            if self.dirty[at] && rng.random() {
                copy_sector(&self.seen, &mut self.medium, at);
            }
        }
        self.seen.clone_from(&self.medium);
        self.dirty.clear();
        self.dirty.resize(self.seen.len().div_ceil(SECTOR_BYTES), false);
    }

    pub(super) fn flip_bit(&mut self, offset: u64) {
        let at = in_memory(offset);
        for bytes in [&mut self.seen, &mut self.medium] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1;
            }
        }
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], at: usize) {
    let begin = at * SECTOR_BYTES;
    let end = (begin + SECTOR_BYTES).min(from.len()).min(to.len());
    if begin < end {
        to[begin..end].copy_from_slice(&from[begin..end]);
    }
}
