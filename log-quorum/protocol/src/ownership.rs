//! Who owned a stream, and where each owner's part of it ends.
//! Promises: a call is judged by epoch and incarnation alone, before anyone looks at what it carries, and a refused
//! sender learns the bound that holds for *it*. Memory is bounded by [`OWNERSHIPS_MAX`].

use std::collections::VecDeque;
use std::fmt;

use tenure_types::{Epoch, Incarnation, LeaseLength, Lsn, Owner};

use crate::limits::OWNERSHIPS_MAX;

/// How long a new owner must wait, from learning of its fence, before it does anything others can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOut {
    /// No other lease can be alive: this is the stream's first epoch, or the one before was released.
    Nothing,
    /// Until a lease of this length has surely ended ([`LeaseLength::wait_out`]). It is the longest of *any* earlier
    /// epoch, because the owner just before may itself have been waiting for one before it.
    For(LeaseLength),
}

/// One epoch of a stream: who holds it and on what terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// Its number.
    pub epoch: Epoch,
    /// Who may append, renew and release under it.
    pub owner: Owner,
    /// L: how long a request of the owner lets it answer. As the fence that began the epoch stored it.
    pub lease: LeaseLength,
    /// The tail when the epoch began: its records lie behind this position.
    pub began_at: Option<Lsn>,
    /// What the owner waits for at first.
    pub wait_out: WaitOut,
    /// Whether the owner gave it up. Then no call is accepted under it, though no other epoch has begun.
    pub released: bool,
}

/// Answer to a sender whose epoch is over, or never was its own. Final: nothing it sends under it will be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced {
    /// The stream's current epoch. Equal to the sender's own if that was released, or belongs to another incarnation.
    pub epoch: Epoch,
    /// The records that the sender sealed *under the epoch it claims in this call* are in the stream as it sent them up
    /// to and with this position, all others never will be. So replies held for these may leave, no other: not for
    /// records of another epoch, though the same process sealed them. `None`: no reply may leave.
    ///
    /// It is the end of the *claimed* epoch; later owners may have moved the tail far beyond. It is `None` for one who
    /// never owned that epoch. A sender that is still in its own wait-out lets no reply leave, whatever this says: an
    /// owner before it may still be answering.
    pub fence_lsn: Option<Lsn>,
}

impl fmt::Display for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = Lsn::count(self.fence_lsn);
        write!(
            f,
            "fenced: the stream is in epoch {}, the sender's part ended after record {records}",
            self.epoch
        )
    }
}

/// Why a sender does not hold a stream: the answer to a Renew or a Release that is not its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// Its epoch is over. Final.
    #[error("{0}")]
    Fenced(Fenced),
    /// Its epoch has not begun where this was judged. May be asked again: the fence may be on its way.
    #[error("the stream is still in epoch {current}, before the sender's")]
    Ahead {
        /// The stream's epoch as applied here.
        current: Epoch,
    },
    /// There is no such stream.
    #[error("the stream does not exist")]
    NoStream,
}

impl NotHeld {
    /// Whether the same call may be answered differently later.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Ahead { .. } => true,
            Self::Fenced(_) | Self::NoStream => false,
        }
    }
}

/// Who sends an Append or a Renew, and how it stands with its lease. No part of what is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The epoch it believes to hold.
    pub epoch: Epoch,
    /// Its life.
    pub incarnation: Incarnation,
    /// Whether its lease was live when it sent this: its deadline was ahead. An owner that hears no answers is silent to
    /// those who wait for it to die, however much it says.
    pub under_lease: bool,
}

/// What a call's epoch and incarnation make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The sender is the current owner; its call may be judged further.
    Holder,
    /// The sender is the current owner and gave the epoch up: only a repeated Release is more than `Fenced`.
    Released(Fenced),
    /// The epoch is over, or is another's.
    Fenced(Fenced),
    /// The epoch has not begun here.
    Ahead { current: Epoch },
}

/// The current epoch of a stream and the ones before, newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ownerships {
    newest: VecDeque<Ownership>,
    longest_lease: Option<LeaseLength>,
}

impl Ownerships {
    /// As a snapshot has them. Leaves to the caller whether they can be.
    pub(crate) fn from_stored(newest: VecDeque<Ownership>, longest_lease: Option<LeaseLength>) -> Self {
        Self { newest, longest_lease }
    }

    /// The newest epochs, oldest first.
    pub(crate) fn remembered(&self) -> &VecDeque<Ownership> {
        &self.newest
    }

    /// The current epoch's terms; `None` before the first fence.
    pub(crate) fn current(&self) -> Option<&Ownership> {
        self.newest.back()
    }

    /// The current epoch's number.
    pub(crate) fn epoch(&self) -> Epoch {
        self.current().map_or(Epoch::NONE, |current| current.epoch)
    }

    /// The longest lease any epoch ever had, the current one included. Never forgotten, also when older epochs are.
    pub(crate) fn longest_lease(&self) -> Option<LeaseLength> {
        self.longest_lease
    }

    /// Judges the sender of a call that claims `epoch` as `incarnation`, on a stream that ends at `tail`.
    pub(crate) fn standing(&self, epoch: Epoch, incarnation: Incarnation, tail: Option<Lsn>) -> Standing {
        let current = self.epoch();
        if epoch > current {
            return Standing::Ahead { current };
        }
        let is_owner = |o: &&Ownership| o.epoch == epoch && o.owner.incarnation == incarnation;
        match self.current().filter(is_owner) {
            Some(own) if own.released => Standing::Released(Fenced {
                epoch: current,
                fence_lsn: tail,
            }),
            Some(_) => Standing::Holder,
            None => Standing::Fenced(Fenced {
                epoch: current,
                fence_lsn: self.bound_of(epoch, incarnation),
            }),
        }
    }

    /// Up to where the stream holds what `incarnation` sent as owner of `epoch`, an epoch that is over. `None` for one
    /// that never owned it, and for an epoch that is no longer remembered.
    fn bound_of(&self, epoch: Epoch, incarnation: Incarnation) -> Option<Lsn> {
        let owned = |o: &Ownership| o.epoch == epoch && o.owner.incarnation == incarnation;
        let index = self.newest.iter().position(owned)?;
        // Its part ends where the next epoch begins. The current epoch has no end, but then the caller found the sender
        // to be its owner and never came here.
        self.newest.get(index + 1)?.began_at
    }

    /// Begins `epoch` at `tail`.
    pub(crate) fn begin(&mut self, epoch: Epoch, owner: Owner, lease: LeaseLength, tail: Option<Lsn>) -> Ownership {
        let wait_out = self.wait_out_of_next();
        let next = Ownership {
            epoch,
            owner,
            lease,
            began_at: tail,
            wait_out,
            released: false,
        };
        if self.newest.len() == OWNERSHIPS_MAX {
            self.newest.pop_front();
        }
        self.newest.push_back(next);
        self.longest_lease = self.longest_lease.max(Some(lease));
        next
    }

    /// Gives the current epoch up.
    pub(crate) fn release(&mut self) {
        if let Some(current) = self.newest.back_mut() {
            current.released = true;
        }
    }

    fn wait_out_of_next(&self) -> WaitOut {
        match (self.current(), self.longest_lease) {
            (Some(current), Some(longest)) if !current.released => WaitOut::For(longest),
            _ => WaitOut::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_types::NodeId;

    fn life(number: u64) -> Incarnation {
        Incarnation::new(number).unwrap()
    }

    fn owner(number: u64) -> Owner {
        Owner {
            node: NodeId::new(number),
            incarnation: life(number),
        }
    }

    fn lease(millis: u32) -> LeaseLength {
        LeaseLength::from_millis(millis).unwrap()
    }

    /// Epochs 1, 2, … with owners 1, 2, … that began at these tails.
    fn begun_at(tails: &[u64]) -> Ownerships {
        let mut ownerships = Ownerships::default();
        for (number, tail) in (1..).zip(tails) {
            ownerships.begin(Epoch::new(number), owner(number), lease(1000), Lsn::new(*tail));
        }
        ownerships
    }

    fn bound(of: &Ownerships, epoch: u64, incarnation: u64) -> Option<u64> {
        let standing = of.standing(Epoch::new(epoch), life(incarnation), Lsn::new(99));
        let Standing::Fenced(fenced) = standing else {
            panic!("expected Fenced, got {standing:?}")
        };
        fenced.fence_lsn.map(Lsn::get)
    }

    #[test]
    fn fenced_bound_is_the_end_of_the_senders_own_epoch() {
        let three = begun_at(&[0, 10, 20]);
        assert_eq!(bound(&three, 1, 1), Some(10));
        assert_eq!(bound(&three, 2, 2), Some(20));
    }

    #[test]
    fn who_never_owned_the_epoch_it_claims_may_release_nothing() {
        let three = begun_at(&[0, 10, 20]);
        assert_eq!(bound(&three, 1, 7), None, "nobody's incarnation");
        assert_eq!(bound(&three, 2, 1), None, "it owned the epoch before");
        assert_eq!(bound(&three, 3, 2), None, "the current epoch is another's");
    }

    #[test]
    fn fenced_bound_of_a_released_epoch_is_the_tail_at_release() {
        let mut two = begun_at(&[0, 10]);
        two.release();
        let fenced = Fenced {
            epoch: Epoch::new(2),
            fence_lsn: Lsn::new(15),
        };
        assert_eq!(
            two.standing(Epoch::new(2), life(2), Lsn::new(15)),
            Standing::Released(fenced)
        );
    }

    #[test]
    fn an_epoch_older_than_the_history_may_release_nothing() {
        let count = OWNERSHIPS_MAX as u64 + 2;
        let tails: Vec<u64> = (0..count).map(|n| n * 10).collect();
        let many = begun_at(&tails);
        assert_eq!(bound(&many, 2, 2), None);
        assert_eq!(bound(&many, 3, 3), Some(30), "the oldest remembered");
        assert_eq!(many.newest.len(), OWNERSHIPS_MAX);
    }

    #[test]
    fn nobody_holds_the_epoch_before_the_first() {
        let none = begun_at(&[]);
        assert_eq!(bound(&none, 0, 1), None);
        assert_eq!(
            none.standing(Epoch::new(1), life(1), None),
            Standing::Ahead { current: Epoch::NONE }
        );
    }

    #[test]
    fn longest_earlier_lease_outlives_a_release_and_the_history() {
        let mut ownerships = Ownerships::default();
        let begin = |ownerships: &mut Ownerships, millis| {
            let epoch = ownerships.epoch().next().unwrap();
            ownerships.begin(epoch, owner(1), lease(millis), None).wait_out
        };
        assert_eq!(begin(&mut ownerships, 3000), WaitOut::Nothing, "a first epoch");
        assert_eq!(begin(&mut ownerships, 1000), WaitOut::For(lease(3000)));
        ownerships.release();
        assert_eq!(
            begin(&mut ownerships, 1200),
            WaitOut::Nothing,
            "the one before was released"
        );
        assert_eq!(
            begin(&mut ownerships, 1200),
            WaitOut::For(lease(3000)),
            "not only the one before"
        );
        for _ in 0..OWNERSHIPS_MAX {
            begin(&mut ownerships, 500);
        }
        assert_eq!(
            begin(&mut ownerships, 500),
            WaitOut::For(lease(3000)),
            "longer ago than owners are remembered"
        );
    }
}
