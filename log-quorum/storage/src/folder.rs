//! What is in the folder of a log: segments, spares, leftovers.
//! Promises: segments are put in order by what their headers say of each other, and one that is missing is noticed.
//! Removes what a crash left unfinished; never touches a segment that is part of the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::header::Header;
use crate::segment::SegmentFile;
use crate::spares::{self, SPARES_MAX, Spare};
use crate::{Disk, Flaw, Sequence, WalError};

/// An empty file that says that the folder has held a log. Without it a log whose segments are all lost would look
/// like one that never began, and a voter would vote again without its memory.
pub(crate) const BEGUN_FILE: &str = "log-begun";

/// The files of a log by what they are.
pub(crate) struct Folder {
    segment_bytes: u64,
    segments: BTreeSet<Sequence>,
    /// Whether the folder has held a log.
    pub(crate) begun: bool,
    pub(crate) spares: Vec<Spare>,
    pub(crate) next_spare: u64,
}

/// The segments that make up the log, oldest first, and those whose place a copy has taken.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) links: Vec<Link>,
    pub(crate) replaced: Vec<Sequence>,
}

/// One segment and its header.
pub(crate) struct Link {
    pub(crate) segment: Arc<SegmentFile>,
    pub(crate) header: Header,
}

impl Folder {
    /// Lists the folder, and removes what a crash left unfinished and spares that cannot be used.
    pub(crate) fn survey(disk: &dyn Disk, segment_bytes: u64) -> Result<Self, WalError> {
        let mut names = disk.list().map_err(WalError::io("list", "the folder"))?;
        names.sort();
        let mut folder = Self {
            segment_bytes,
            segments: BTreeSet::new(),
            begun: names.iter().any(|name| name == BEGUN_FILE),
            spares: Vec::new(),
            next_spare: 0,
        };
        for name in names {
            let mut useless = spares::is_unfinished(&name);
            if let Some(sequence) = Sequence::from_file_name(&name) {
                folder.segments.insert(sequence);
            } else if let Some(number) = spares::spare_number(&name) {
                folder.next_spare = folder.next_spare.max(number.saturating_add(1));
                let file = disk.open(&name).map_err(WalError::io("open", &name))?;
                let bytes = file.len().map_err(WalError::io("measure", &name))?;
                useless = bytes != segment_bytes || folder.spares.len() >= SPARES_MAX;
                if !useless {
                    let name = name.clone();
                    folder.spares.push(Spare { name, file, bytes });
                }
            }
            if useless {
                disk.remove(&name).map_err(WalError::io("remove", &name))?;
            }
        }
        Ok(folder)
    }

    /// Makes a file of this length.
    pub(crate) fn prepare(&mut self, disk: &dyn Disk, bytes: u64) -> Result<Spare, WalError> {
        let number = self.number();
        spares::prepare(disk, number, bytes)
    }

    /// Takes segments out of the log whose place a durable copy has taken. Their files become spares where they can.
    pub(crate) fn retire(&mut self, disk: &dyn Disk, replaced: &[Sequence]) -> Result<(), WalError> {
        for name in replaced.iter().map(|sequence| sequence.file_name()) {
            let file = disk.open(&name).map_err(WalError::io("open", &name))?;
            let bytes = file.len().map_err(WalError::io("measure", &name))?;
            if bytes == self.segment_bytes && self.spares.len() < SPARES_MAX {
                let spare = spares::spare_name(self.number());
                disk.rename(&name, &spare).map_err(WalError::io("rename", &name))?;
                self.spares.push(Spare {
                    name: spare,
                    file,
                    bytes,
                });
            } else {
                disk.remove(&name).map_err(WalError::io("remove", &name))?;
            }
        }
        // Only then may the files be written.
        disk.sync_folder().map_err(WalError::io("sync", "the folder"))
    }

    fn number(&mut self) -> u64 {
        let number = self.next_spare;
        self.next_spare += 1;
        number
    }

    /// Notes that the folder holds a log from now on.
    pub(crate) fn note_begun(&self, disk: &dyn Disk) -> Result<(), WalError> {
        if self.begun {
            return Ok(());
        }
        disk.create(BEGUN_FILE).map_err(WalError::io("create", BEGUN_FILE))?;
        disk.sync_folder().map_err(WalError::io("sync", "the folder"))
    }

    /// Follows the predecessors from the newest segment on, as far as there are any. Segments leave the log oldest
    /// first, so one that is older than a missing one means that something else took it.
    pub(crate) fn chain(&self, disk: &dyn Disk, groups: u32) -> Result<Chain, WalError> {
        let mut chain = Chain::default();
        let mut next = self.segments.last().copied();
        let mut missing = None;
        while let Some(sequence) = next {
            let (segment, header) = SegmentFile::open(disk, sequence)?;
            let stored = u32::try_from(header.groups.len()).unwrap_or(u32::MAX);
            if stored != groups {
                return Err(WalError::Groups { stored, asked: groups });
            }
            let before = header.predecessor.map(|(before, _)| before);
            next = before.filter(|before| self.segments.contains(before));
            if next.is_none() {
                missing = before.map(|missing| (sequence, missing));
            }
            chain.links.push(Link { segment, header });
        }
        // A copy and the segment it replaced have the same predecessor; only a recovery that was interrupted leaves
        // both, so only the newest segment can be such a copy.
        let newest = chain.links.first();
        let before_newest = newest
            .and_then(|link| link.header.predecessor)
            .map(|(before, _)| before);
        chain.links.reverse();
        let linked: BTreeSet<_> = chain.links.iter().map(|link| link.segment.sequence).collect();
        for stray in self.segments.difference(&linked).copied() {
            if before_newest.is_none_or(|before| stray > before) {
                chain.replaced.push(stray);
                continue;
            }
            return Err(match missing {
                Some((sequence, missing)) if stray < missing => WalError::flaw(sequence, 0, Flaw::Gap { missing }),
                _ => WalError::flaw(stray, 0, Flaw::Stray),
            });
        }
        Ok(chain)
    }
}
