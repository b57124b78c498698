//! Fence: the one way to change who owns a stream.
//! Promises: of any number of contenders for one epoch exactly one wins, and one that did not hear its answer can ask
//! again and hears the same. From here on no append of an older epoch takes effect.
//! Leaves to the new owner: the wait-out ([`WaitOut`]) before it does anything others can see.

use tenure_types::{Epoch, LeaseLength, Lsn, Owner, StreamId};

use crate::{Chain, Ownership, Stream, WaitOut};

/// Makes `owner` the owner of the epoch after `expect_epoch`, if that is still the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The stream.
    pub stream: StreamId,
    /// The epoch the caller wants to end. [`Epoch::NONE`] for a stream that never had an owner.
    pub expect_epoch: Epoch,
    /// Who shall own the next one.
    pub owner: Owner,
    /// L of the next epoch.
    pub lease: LeaseLength,
    /// Who asks.
    pub nomination: Nomination,
}

/// Who asks for a fence, and what must hold for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nomination {
    /// The control plane chose the owner. It may still have to catch up.
    ByControlPlane,
    /// A replica asks for itself, so it must know the whole stream: the fence fails if the tail is another.
    BySelf {
        /// The tail up to which the replica has applied the stream.
        expect_tail: Option<Lsn>,
    },
}

/// The fence took effect: the owner it named holds `epoch`. A repeated fence is answered the same, but for the tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The new epoch.
    pub epoch: Epoch,
    /// L of the epoch as the log keeps it. The owner goes by this one, also if a repeated fence asked for another.
    pub lease: LeaseLength,
    /// The tail when the fence took effect: the end of the epoch before.
    pub fence_lsn: Option<Lsn>,
    /// The tail now. Past `fence_lsn` only in the answer to a repeated fence.
    pub tail: Option<Lsn>,
    /// The chain at `tail`, to append behind.
    pub chain: Chain,
    /// Payload bytes appended up to `tail`: where the owner's count for credit begins.
    pub appended_bytes: u64,
    /// How long the owner keeps still.
    pub wait_out: WaitOut,
}

/// The fence changed nothing. The same call never succeeds later; a contender that still wants the stream looks anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FenceRefused {
    /// The expected epoch is not the current one: somebody else won.
    #[error("fence lost: epoch {expected} was expected, but the stream is in epoch {epoch}, {}", owned_by(*.owner))]
    Lost {
        /// The epoch that the fence was to end.
        expected: Epoch,
        /// The current epoch.
        epoch: Epoch,
        /// Its owner; `None` before the first fence.
        owner: Option<Owner>,
    },
    /// The replica that nominated itself does not know the whole stream.
    #[error("self-nomination is not caught up: {} of {} records are known", Lsn::count(*.expected), Lsn::count(*.tail))]
    TailMoved {
        /// The tail that the replica expected.
        expected: Option<Lsn>,
        /// The stream's tail.
        tail: Option<Lsn>,
    },
    /// The lease is longer than this quorum ever waits for.
    #[error("a lease of {asked} is too long: this quorum allows at most {max}")]
    LeaseTooLong {
        /// The lease that was asked for.
        asked: LeaseLength,
        /// L_max of the quorum.
        max: LeaseLength,
    },
    /// There is no epoch after the current one.
    #[error("the stream has used up its epochs")]
    NoEpochsLeft,
    /// There is no such stream.
    #[error("the stream does not exist")]
    NoStream,
}

impl Stream {
    /// Applies a fence in a quorum whose longest lease is `lease_max`.
    pub(crate) fn fence(&mut self, fence: &Fence, lease_max: LeaseLength) -> Result<Granted, FenceRefused> {
        if let Some(own) = self.repeated(fence) {
            return Ok(self.grant(own));
        }
        if fence.lease > lease_max {
            return Err(FenceRefused::LeaseTooLong {
                asked: fence.lease,
                max: lease_max,
            });
        }
        let epoch = self.epoch();
        if fence.expect_epoch != epoch {
            return Err(FenceRefused::Lost {
                expected: fence.expect_epoch,
                epoch,
                owner: self.ownership().map(|current| current.owner),
            });
        }
        let tail = self.tail();
        match fence.nomination {
            Nomination::BySelf { expect_tail } if expect_tail != tail => {
                return Err(FenceRefused::TailMoved {
                    expected: expect_tail,
                    tail,
                });
            }
            Nomination::BySelf { .. } | Nomination::ByControlPlane => {}
        }
        let next = epoch.next().ok_or(FenceRefused::NoEpochsLeft)?;
        let begun = self.ownerships.begin(next, fence.owner, fence.lease, tail);
        Ok(self.grant(begun))
    }

    /// The current epoch, if this very fence began it. An incarnation is drawn anew for every life of an image, so the
    /// same owner expecting the same epoch is the same attempt, sent again because its answer was lost.
    fn repeated(&self, fence: &Fence) -> Option<Ownership> {
        let current = self.ownership()?;
        let same = fence.expect_epoch.next() == Some(current.epoch) && fence.owner == current.owner;
        // An epoch that was given up is no longer to be had: who asks for it again forgot that it gave it up.
        (same && !current.released).then_some(*current)
    }

    fn grant(&self, ownership: Ownership) -> Granted {
        Granted {
            epoch: ownership.epoch,
            lease: ownership.lease,
            fence_lsn: ownership.began_at,
            tail: self.tail(),
            chain: self.recent.chain(),
            appended_bytes: self.appended_bytes,
            wait_out: ownership.wait_out,
        }
    }
}

fn owned_by(owner: Option<Owner>) -> String {
    owner.map_or_else(|| "without an owner".to_owned(), |owner| format!("owned by {owner}"))
}
