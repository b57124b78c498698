//! The state of the world: the log, its leaders, the processes, what is on the wire, and what clients have seen.
//! Times are kept as what is left of them on the clock that measures them, so that equal futures are equal states and
//! the search ends.

use arrayvec::ArrayVec;

use crate::scope::{PENDING_MAX, PROCESSES_MAX, RECORDS_MAX, Ticks};
use crate::stream::{Log, Owner, Record};

/// Everything there is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What is committed. It only grows.
    pub log: Log,
    /// What the newest leader proposed or inherited and has not committed.
    pub pending: ArrayVec<Proposal, PENDING_MAX>,
    /// The newest leadership: the only one that can commit, or confirm a renewal.
    pub current: Leadership,
    /// A leadership that ended without its node having noticed.
    pub deposed: Option<Leadership>,
    /// The processes that may own the stream.
    pub processes: ArrayVec<Process, PROCESSES_MAX>,
    /// Every record ever sent. It may arrive at any time, any number of times or never: so a resend is no step of its own.
    pub wire: ArrayVec<Sent, RECORDS_MAX>,
    /// Numbers of the records whose effect some client was shown, as a bit set.
    pub seen: u8,
    /// Records executed so far.
    pub executed: u8,
    /// Changes of leader so far.
    pub elections: u8,
    /// Some replica kept an image that is not the committed prefix.
    pub kept_wrong_image: bool,
}

/// One leadership of the log group: what its node keeps in memory for as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leadership {
    /// Which of the two log nodes.
    pub node: u8,
    /// Entries of the log that its state machine has applied.
    pub applied: u8,
    /// Ticks until no lease made by any request that reached it can be alive.
    pub clear_left: Ticks,
    /// Ticks until no lease of an epoch before the present one can be alive.
    pub old_left: Ticks,
    /// A fence was applied and is not noted in the marks yet. Happens only where a rule is taken out.
    pub fence_unnoted: bool,
}

/// What the leader was asked to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proposal {
    /// A fence, with the epoch its sender expects to end.
    Fence {
        /// The epoch expected.
        expect: u8,
        /// The owner to be.
        owner: Owner,
        /// The length of its leases.
        lease: Ticks,
        /// The tail it expects, when it nominates itself.
        claim: Option<u8>,
    },
    /// A record, with its position, from 1.
    Append(Sent),
    /// A hand-over.
    Release {
        /// The epoch given up.
        epoch: u8,
        /// Its owner.
        owner: Owner,
    },
}

/// A record together with the position it was executed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    /// The record.
    pub record: Record,
    /// Its position in its writer's image, from 1.
    pub position: u8,
}

/// A process that may own the stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// How often it has dropped its image.
    pub incarnation: u8,
    /// What it believes it may do.
    pub role: Role,
    /// The epoch that a fence on its behalf would begin, while it does not know the outcome.
    pub hopes_for: Option<u8>,
    /// Its renewal under way. A lost one is given up and sent anew.
    pub renewal: Option<Renewal>,
    /// The records it executed or replayed. Empty for a replica: a replica's image is a prefix of the log.
    pub image: ArrayVec<Record, RECORDS_MAX>,
    /// How many of them it knows to be committed.
    pub known: u8,
    /// Ticks since each of the others was first sent.
    pub ages: ArrayVec<Ticks, RECORDS_MAX>,
}

/// What a process believes it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Follows the log. May be fenced for.
    Replica,
    /// Owns an epoch, or did and does not know better. Leaves when it hears `Fenced`, or to hand over.
    Owner(Hold),
    /// Asked the log to release its epoch. Serves nothing until it owns another.
    Retired {
        /// The epoch it gave up.
        epoch: u8,
    },
}

/// An owner's hold on its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// The epoch.
    pub epoch: u8,
    /// The length of its leases.
    pub lease: Ticks,
    /// Ticks of lease left.
    pub lease_left: Ticks,
    /// Ticks of wait-out left.
    pub wait_left: Ticks,
}

/// A renewal under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Renewal {
    /// The epoch it asks to renew.
    pub epoch: u8,
    /// The life of its sender that sent it. It stays under way when the sender's epoch or image goes.
    pub incarnation: u8,
    /// Was it sent when its sender knew that its fence had committed?
    pub fence_known: bool,
    /// Ticks since it was sent.
    pub age: Ticks,
    /// The leadership it reached, which was found to lead after it arrived.
    pub at: At,
    /// What was committed then: it is judged no sooner than this is applied.
    pub read_index: u8,
}

/// One of the two leaderships that may be alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// The newest.
    Current,
    /// The one that ended without its node having noticed.
    Deposed,
}

impl State {
    /// The leadership at `at`, if there is one.
    pub fn leadership(&self, at: At) -> Option<Leadership> {
        match at {
            At::Current => Some(self.current),
            At::Deposed => self.deposed,
        }
    }

    /// The same, to change it.
    pub fn leadership_mut(&mut self, at: At) -> Option<&mut Leadership> {
        match at {
            At::Current => Some(&mut self.current),
            At::Deposed => self.deposed.as_mut(),
        }
    }

    /// The owner that process `index` would be now.
    pub fn identity(&self, index: u8) -> Owner {
        Owner {
            process: index,
            incarnation: self.processes[usize::from(index)].incarnation,
        }
    }
}

impl Process {
    /// A replica that has not taken part yet.
    pub fn new() -> Process {
        Process {
            incarnation: 0,
            role: Role::Replica,
            hopes_for: None,
            renewal: None,
            image: ArrayVec::new(),
            known: 0,
            ages: ArrayVec::new(),
        }
    }

    /// The epoch it owns, as far as it knows.
    pub fn hold(&self) -> Option<Hold> {
        match self.role {
            Role::Owner(hold) => Some(hold),
            Role::Replica | Role::Retired { .. } => None,
        }
    }

    /// Becomes a replica: what it knew as an owner is gone, or is the committed prefix.
    pub fn step_down(&mut self) {
        self.role = Role::Replica;
        self.image.clear();
        self.ages.clear();
        self.known = 0;
    }
}

impl Default for Process {
    fn default() -> Self {
        Process::new()
    }
}
