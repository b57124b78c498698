//! Who a data folder is: one file, written once, never changed.
//! Promises: an identity is there as a whole or not at all, and a folder that ever had one gets no other. A folder
//! with a log and no identity has lost it and gets none.
//! Leaves to the caller: drawing the incarnation, and asking the peers whether they know it.

use std::fmt::Write as _;
use std::io;

use tenure_types::{Incarnation, LeaseLength, NodeId};

use crate::folder::BEGUN_FILE;
use crate::{Disk, QuorumId, Sequence};

const FILE: &str = "identity";
const UNFINISHED_FILE: &str = "identity.tmp";
const FORMAT: u32 = 1;

/// Who the voter in a folder is. A voter whose folder is lost never comes back under the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The quorum it belongs to.
    pub quorum: QuorumId,
    /// The node.
    pub node: NodeId,
    /// Which of the node's folders this is: drawn at random when the folder is made.
    pub incarnation: Incarnation,
    /// How many groups the quorum has.
    pub groups: u32,
    /// The longest lease that its streams may grant.
    pub lease_max: LeaseLength,
}

/// Why a folder has no identity that can be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The disk refused.
    #[error("could not {doing} {file}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        file: &'static str,
        /// What the disk said.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("the file identity is damaged in line {line}: {expected} expected")]
    Damaged {
        /// Where, from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// A newer release wrote the file.
    #[error("the file identity has format {found}, and this release knows formats up to {known}")]
    Version {
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// The folder has one already.
    #[error("the folder already is {node} of quorum {quorum}")]
    Exists {
        /// The node it is.
        node: NodeId,
        /// The quorum it belongs to.
        quorum: QuorumId,
    },
    /// The folder has lost its identity: it holds a log that votes under some identity, and nobody knows which.
    #[error("the folder holds a log of {segments} segments and no identity")]
    OrphanedLog {
        /// How many segments there are.
        segments: usize,
    },
}

impl Identity {
    /// The identity of the folder; `None` if it has none yet.
    pub fn read(disk: &dyn Disk) -> Result<Option<Self>, IdentityError> {
        let names = disk.list().map_err(io_error("list", "the folder"))?;
        if !names.iter().any(|name| name == FILE) {
            return Ok(None);
        }
        let file = disk.open(FILE).map_err(io_error("open", FILE))?;
        let bytes = file.len().map_err(io_error("measure", FILE))?;
        // A file that somebody replaced by something huge must not be read into memory.
        let mut text = vec![0; usize::try_from(bytes.min(4096)).unwrap_or(4096)];
        file.read_at(0, &mut text).map_err(io_error("read", FILE))?;
        parse(&text).map(Some)
    }

    /// Gives the folder its identity. Refused if it has one, or if it holds a log without one.
    pub fn create(&self, disk: &dyn Disk) -> Result<(), IdentityError> {
        if let Some(Self { node, quorum, .. }) = Self::read(disk)? {
            return Err(IdentityError::Exists { node, quorum });
        }
        let names = disk.list().map_err(io_error("list", "the folder"))?;
        let segments = names.iter().filter_map(|name| Sequence::from_file_name(name)).count();
        if segments > 0 || names.iter().any(|name| name == BEGUN_FILE) {
            return Err(IdentityError::OrphanedLog { segments });
        }
        if names.iter().any(|name| name == UNFINISHED_FILE) {
            disk.remove(UNFINISHED_FILE)
                .map_err(io_error("remove", UNFINISHED_FILE))?;
        }
        // 1. Write under another name. 2. Sync. 3. Rename. 4. Sync the folder.
        // A crash before 4 leaves a folder without identity, and a file that the next attempt removes, or the whole
        // identity, which nobody was told about: the caller finds it and asks the peers whether they know it.
        let file = disk
            .create(UNFINISHED_FILE)
            .map_err(io_error("create", UNFINISHED_FILE))?;
        file.write_at(0, self.to_text().as_bytes())
            .map_err(io_error("write", UNFINISHED_FILE))?;
        file.sync_all().map_err(io_error("sync", UNFINISHED_FILE))?;
        disk.rename(UNFINISHED_FILE, FILE)
            .map_err(io_error("rename", UNFINISHED_FILE))?;
        disk.sync_folder().map_err(io_error("sync", "the folder"))
    }

    fn to_text(self) -> String {
        let mut text = format!(
            "tenure-log-identity {FORMAT}\nquorum {}\nnode {}\nincarnation {}\ngroups {}\nlease-max-ms {}\n",
            self.quorum,
            self.node,
            self.incarnation,
            self.groups,
            self.lease_max.as_millis(),
        );
        let checksum = crc32c::crc32c(text.as_bytes());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "crc32c {checksum:08x}");
        text
    }
}

fn parse(bytes: &[u8]) -> Result<Identity, IdentityError> {
    let damaged = |line, expected| IdentityError::Damaged { line, expected };
    let text = str::from_utf8(bytes).map_err(|_| damaged(1, "text"))?;
    let lines: Vec<&str> = text.lines().collect();
    // The whole is checked first, but for the format: a newer one may be checked in another way.
    let value = |line: usize, name: &'static str| {
        let found = lines.get(line - 1).and_then(|found| found.strip_prefix(name));
        found.and_then(|rest| rest.strip_prefix(' ')).ok_or(damaged(line, name))
    };
    let format = value(1, "tenure-log-identity")?;
    let found: u32 = format.parse().map_err(|_| damaged(1, "a format number"))?;
    if found != FORMAT {
        return Err(IdentityError::Version { found, known: FORMAT });
    }
    let checksum = value(7, "crc32c")?;
    let checked = text.find("crc32c ").unwrap_or(text.len());
    if checksum != format!("{:08x}", crc32c::crc32c(&bytes[..checked])) {
        return Err(damaged(7, "the checksum of the lines above"));
    }
    let identity = Identity {
        quorum: value(2, "quorum")?.parse().map_err(|_| damaged(2, "a quorum id"))?,
        node: value(3, "node")?.parse().map_err(|_| damaged(3, "a node id"))?,
        incarnation: u64::from_str_radix(value(4, "incarnation")?, 16)
            .ok()
            .and_then(Incarnation::new)
            .ok_or(damaged(4, "an incarnation"))?,
        groups: value(5, "groups")?
            .parse()
            .map_err(|_| damaged(5, "a number of groups"))?,
        lease_max: value(6, "lease-max-ms")?
            .parse()
            .ok()
            .and_then(LeaseLength::from_millis)
            .ok_or(damaged(6, "a lease length"))?,
    };
    // One spelling: whatever else stands in the file was not written by us.
    if identity.to_text() == text {
        Ok(identity)
    } else {
        Err(damaged(7, "nothing more"))
    }
}

fn io_error(doing: &'static str, file: &'static str) -> impl FnOnce(io::Error) -> IdentityError {
    move |source| IdentityError::Io { doing, file, source }
}
