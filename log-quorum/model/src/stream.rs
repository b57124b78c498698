//! The stream as the log orders it: entries, and what a prefix of them means.
//! The log's verdicts are functions of the committed prefix alone: no clock, no leader, no sender's state.

use arrayvec::ArrayVec;

use crate::scope::{LOG_MAX, Ticks};

/// Who may own an epoch: a process and the incarnation of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Index of the process in its scope.
    pub process: u8,
    /// How often that process has dropped its image.
    pub incarnation: u8,
}

/// A record. Its number is its identity: the same number means the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Unique over the whole run; the records of one writer count upwards.
    pub number: u8,
    /// The epoch it was executed in.
    pub epoch: u8,
    /// Who executed it.
    pub writer: Owner,
}

/// A committed entry. Proposals that were refused leave no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Begins an epoch.
    Fence {
        /// The epoch that begins.
        epoch: u8,
        /// Its owner.
        owner: Owner,
        /// The length of its leases.
        lease: Ticks,
        /// Records the owner holds and will not read again, when it nominated itself.
        claim: Option<u8>,
    },
    /// Adds a record.
    Append(Record),
    /// The owner of the present epoch gave it up.
    Release,
}

/// The committed log of the stream's group, as far as it concerns the stream.
pub type Log = ArrayVec<Entry, LOG_MAX>;

/// What a prefix of the log says about the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Number of the present epoch; 0 before the first fence.
    pub epoch: u8,
    /// Its owner.
    pub owner: Option<Owner>,
    /// The length of its leases.
    pub lease: Ticks,
    /// The longest lease of any earlier epoch.
    pub longest_earlier: Ticks,
    /// Has the present owner released?
    pub released: bool,
    /// Records so far.
    pub tail: u8,
    /// Records when the present epoch began.
    pub start: u8,
}

impl View {
    /// Reads the prefix `entries`.
    pub fn of(entries: &[Entry]) -> View {
        let empty = View {
            epoch: 0,
            owner: None,
            lease: 0,
            longest_earlier: 0,
            released: false,
            tail: 0,
            start: 0,
        };
        entries.iter().fold(empty, View::after)
    }

    fn after(self, entry: &Entry) -> View {
        match *entry {
            Entry::Append(_) => View {
                tail: self.tail + 1,
                ..self
            },
            Entry::Release => View { released: true, ..self },
            Entry::Fence {
                epoch, owner, lease, ..
            } => View {
                epoch,
                owner: Some(owner),
                lease,
                longest_earlier: self.longest_earlier.max(self.lease),
                released: false,
                tail: self.tail,
                start: self.tail,
            },
        }
    }
}

/// The records in `entries`, in order.
pub fn records(entries: &[Entry]) -> impl Iterator<Item = Record> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Append(record) => Some(*record),
        Entry::Fence { .. } | Entry::Release => None,
    })
}

/// The position and content of the fence that began `epoch`: what stood before it, and what it says.
pub fn fence_of(entries: &[Entry], epoch: u8) -> Option<(&[Entry], Owner, Option<u8>)> {
    entries.iter().enumerate().rev().find_map(|(at, entry)| match *entry {
        Entry::Fence {
            epoch: began,
            owner,
            claim,
            ..
        } if began == epoch => Some((&entries[..at], owner, claim)),
        Entry::Fence { .. } | Entry::Append(_) | Entry::Release => None,
    })
}
