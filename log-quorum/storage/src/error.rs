//! What can go wrong with the log, and what it means for the voter.
//! Promises: damage names the segment, the place in it and the flaw, and is never mixed up with a disk that refused.

use std::io;

use tenure_types::GroupId;

use crate::{Disorder, Sequence};

/// Why the log cannot be opened or goes on no more.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// The disk refused. After a failed write or sync nobody knows what is durable: the process must end, and the
    /// next one recovers.
    #[error("could not {doing} {file}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file, or `the folder`.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// Bytes that were durable are not what they were. This node must never vote again under its identity.
    #[error("the log is damaged and this node must not vote")]
    Damaged(#[from] Damage),
    /// The folder has held a log and holds none: everything that this voter promised is gone. It must never vote again
    /// under its identity.
    #[error("the folder has held a log and holds no segment of it, so this node must not vote")]
    Lost,
    /// The file is whole, but a newer release wrote it.
    #[error("segment {segment} has format {found}, and this release knows formats up to {known}")]
    Version {
        /// The segment.
        segment: Sequence,
        /// Its format.
        found: u16,
        /// The newest format known here.
        known: u16,
    },
    /// The folder was made for another number of groups.
    #[error("the log was made for {stored} groups and opened for {asked}")]
    Groups {
        /// How many groups the folder has.
        stored: u32,
        /// How many the caller asked for.
        asked: u32,
    },
    /// A submission broke the contract: a bug of the caller. Nothing of it was written.
    #[error("entries for {group} cannot be appended")]
    Misordered {
        /// The group.
        group: GroupId,
        /// What does not fit.
        source: Disorder,
    },
    /// A submission for a group that the folder was not made for: a bug of the caller.
    #[error("{group} is not one of the {groups} groups of this log")]
    NoSuchGroup {
        /// The group that was asked for.
        group: GroupId,
        /// How many there are.
        groups: u32,
    },
    /// A body that the format has no room for. Nothing of it was written.
    #[error("a body of {bytes} bytes for {group} is larger than a record can be")]
    TooLarge {
        /// The group.
        group: GroupId,
        /// How large it is.
        bytes: usize,
    },
    /// The writer has ended: an earlier error ended it.
    #[error("the writer of the log has ended")]
    Ended,
}

impl WalError {
    /// Whether durable bytes are gone: the voter has to be replaced under a fresh identity.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Lost)
    }

    /// Never: no call on the same files can mend any of these. A new process may.
    pub fn is_retryable(&self) -> bool {
        false
    }

    pub(crate) fn io(doing: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            file: file.to_owned(),
            source,
        }
    }

    pub(crate) fn flaw(segment: Sequence, offset: u64, why: Flaw) -> Self {
        if let Flaw::Version { found, known } = why {
            Self::Version { segment, found, known }
        } else {
            Self::Damaged(Damage { segment, offset, why })
        }
    }
}

/// Bytes that were durable and are not what they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("segment {segment} at byte {offset}: {why}")]
pub struct Damage {
    /// The segment.
    pub segment: Sequence,
    /// Where in its file.
    pub offset: u64,
    /// What is wrong there.
    pub why: Flaw,
}

/// What is wrong with stored bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The file ends before what should be there.
    #[error("the file ends too early")]
    Short,
    /// Neither a header nor a batch begins where one should.
    #[error("nothing of this log begins here")]
    Foreign,
    /// Bytes do not match their checksum.
    #[error("the checksum is {stored:08x} and the bytes have {computed:08x}")]
    Checksum {
        /// What was stored.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// Lengths, counts or kinds that cannot be, under a checksum that fits.
    #[error("the content contradicts itself")]
    Malformed,
    /// Padding that is not zero.
    #[error("there are bytes where padding should be")]
    Padding,
    /// A whole file of a newer release.
    #[error("format {found} is newer than {known}")]
    Version {
        /// The format found.
        found: u16,
        /// The newest known.
        known: u16,
    },
    /// The segment belongs under another name.
    #[error("the file holds segment {found}")]
    Misnamed {
        /// What its header says.
        found: Sequence,
    },
    /// The segment before this one is gone, although it is not the oldest.
    #[error("segment {missing} before it is missing")]
    Gap {
        /// The missing one.
        missing: Sequence,
    },
    /// A segment that no newer one has as its predecessor, although none has replaced it.
    #[error("no newer segment continues this one")]
    Stray,
    /// The segment does not end where its successor saw it end.
    #[error("the segment ends here and was synced up to byte {synced_to}")]
    End {
        /// Where it ended.
        synced_to: u64,
    },
    /// The header's checkpoint is not what the segments before it add up to.
    #[error("the checkpoint of {group} differs from the segments before it")]
    Checkpoint {
        /// The group.
        group: GroupId,
    },
    /// An entry that does not continue its group.
    #[error("in {group}: {source}")]
    Disorder {
        /// The group.
        group: GroupId,
        /// What does not fit.
        source: Disorder,
    },
    /// Entries that the log should hold and no segment has.
    #[error("entries {first} to {last} of {group} are in no segment")]
    Missing {
        /// The group.
        group: GroupId,
        /// The first that is missing.
        first: u64,
        /// The last that is missing.
        last: u64,
    },
    /// The record is another one than the index says.
    #[error("another record than entry {index} of {group} is here")]
    Mixed {
        /// The group that was asked for.
        group: GroupId,
        /// The entry that was asked for.
        index: u64,
    },
}

/// Why entries could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stored entry is not what it was. It must not be served, and this node must be replaced.
    #[error("entry {index} of {group} is damaged")]
    Damaged {
        /// The group.
        group: GroupId,
        /// The entry.
        index: u64,
        /// Where and why.
        source: Damage,
    },
    /// The disk refused to read.
    #[error("could not read entry {index} of {group} from segment {segment} at byte {offset}")]
    Io {
        /// The group.
        group: GroupId,
        /// The entry.
        index: u64,
        /// The segment.
        segment: Sequence,
        /// Where in its file.
        offset: u64,
        /// What the disk said.
        source: io::Error,
    },
}

impl ReadError {
    /// Whether another try may succeed: a damaged entry stays damaged.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Io { .. })
    }
}
