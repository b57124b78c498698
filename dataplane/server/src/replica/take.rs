//! Taking a shard: the fence by which a replica begins an epoch of its own.
//! Promises: an epoch counts from the moment the log's answer is heard, and no earlier; a fence without an answer is not
//! forgotten: if it took effect, the replica takes the epoch that it was granted.

use std::time::Duration;

use tenure_log::{CallError, Create, CreateRefused, Fence, FenceRefused, Granted, Nomination, Reply, StreamStatus};
use tenure_types::BootTime;
use tracing::{debug, info, warn};

use super::nominate::{Candidate, Take, Verdict, judge};
use super::role::{Broken, Role};
use super::{Replica, Standing};
use crate::layout::ShardLayout;

/// Pause before a call that the log could not answer is made again. The log's client repeats by itself until its own
/// deadline, so this is for a log that is gone for longer.
const PAUSE: Duration = Duration::from_millis(100);

/// Pause before a stream is asked for again that had no place: until another is deleted.
const PAUSE_WHILE_FULL: Duration = Duration::from_secs(10);

/// How often the log is asked while a shard is handed over.
const HURRY: Duration = Duration::from_millis(20);

/// An epoch that is a replica's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) granted: Granted,
    /// When it was learned of.
    pub(super) learned: BootTime,
}

/// Makes sure that the stream exists.
pub(super) async fn create(replica: &Replica) -> Result<(), Broken> {
    loop {
        let create = || {
            replica.log.create(Create {
                stream: replica.stream(),
                tenant: replica.cluster().tenant,
                restore_window: false,
            })
        };
        match settle(replica, create).await {
            Err(refused @ CreateRefused::GroupFull) => {
                warn!(?replica, %refused, "the stream has no place in the log yet, trying again");
                tokio::time::sleep(PAUSE_WHILE_FULL).await;
            }
            settled => return settled.map_err(Broken::NoStream),
        }
    }
}

/// Fences the stream. `None`: somebody else was first, or wrote meanwhile, or nothing is known. If the fence takes effect
/// although no answer came, the replica hears from the log that it is the owner.
pub(super) async fn take(replica: &Replica, take: Take) -> Result<Option<Taken>, Broken> {
    let fence = Fence {
        stream: replica.stream(),
        expect_epoch: take.expect_epoch,
        owner: replica.owner(),
        lease: replica.lease,
        nomination: Nomination::BySelf {
            expect_tail: take.expect_tail,
        },
    };
    info!(?replica, expect_epoch = %take.expect_epoch, "taking the shard");
    match replica.log.fence(fence).await {
        Ok(granted) => Ok(Some(Taken {
            granted,
            learned: replica.clock.boot(),
        })),
        Err(CallError::Refused(refused @ (FenceRefused::Lost { .. } | FenceRefused::TailMoved { .. }))) => {
            info!(?replica, %refused, "the shard was not taken");
            Ok(None)
        }
        Err(CallError::Refused(
            refused @ (FenceRefused::LeaseTooLong { .. } | FenceRefused::NoEpochsLeft | FenceRefused::NoStream),
        )) => Err(Broken::NoEpoch(refused)),
        Err(CallError::Unknown(unknown)) => {
            warn!(?replica, %unknown, "the log did not say whether the shard was taken");
            Ok(None)
        }
    }
}

/// Repeats a call until the log says yes or no.
async fn settle<T, R>(replica: &Replica, call: impl Fn() -> Reply<T, R>) -> Result<T, R> {
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(CallError::Refused(refused)) => return Err(refused),
            Err(CallError::Unknown(unknown)) => debug!(?replica, %unknown, "the log did not answer, trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Replica {
    /// Resolves when it is to take the shard: by what the log is heard to say from now on.
    pub(super) async fn called(&self) -> Take {
        let mut observed = self.observed.subscribe();
        loop {
            if observed.changed().await.is_err() {
                return std::future::pending().await;
            }
            // Not kept over the next wait: it locks.
            let status = *observed.borrow_and_update();
            match status.and_then(|status| self.judge(&status)) {
                Some(Verdict::Take(take) | Verdict::Adopt(take)) => return take,
                Some(Verdict::Follow | Verdict::FollowFor(_)) | None => {}
            }
        }
    }

    /// When the log is to be asked again at the latest: it may take the shard then, if nothing is heard of its owner until
    /// then, or it waits for an owner that was told to give its epoch up.
    pub(super) fn due_in(&self, status: &StreamStatus) -> Option<Duration> {
        let silence = match self.judge(status) {
            Some(Verdict::FollowFor(silence)) => Some(silence),
            Some(Verdict::Take(_) | Verdict::Adopt(_) | Verdict::Follow) | None => None,
        };
        let hurry = self.hurries().then_some(HURRY);
        silence.into_iter().chain(hurry).min()
    }

    /// Whether it takes part in a hand-over: as who takes the shard, or as who gives it up and has clients to send there.
    fn hurries(&self) -> bool {
        let takes = |shard: &ShardLayout| shard.primary == self.node;
        let gives = || self.topology.owner_of(self.stream) == Some(self.node);
        self.topology.is_handed_over(self.stream)
            && (self.topology.ordered(self.stream, takes) == Some(true) || gives())
    }

    /// `None`: it has nothing to show yet, or owns the shard, or the layout has the shard no more.
    fn judge(&self, status: &StreamStatus) -> Option<Verdict> {
        let state = self.state.borrow();
        let Role::Replica = state.role else {
            return None;
        };
        let current = status.description.ownership.map(|current| current.owner.node);
        let (rank, is_first_choice) = self.topology.ordered(self.stream, |shard| {
            (shard.rank_of(self.node, current), shard.primary == self.node)
        })?;
        let candidate = Candidate {
            owner: self.owner(),
            tail: state.place.tail,
            rank,
            is_first_choice,
            uptime: self.clock.boot().elapsed_since(self.started_at),
            lease: self.lease,
        };
        Some(judge(&candidate, status))
    }

    /// Whether it serves, or sees another do so.
    pub(crate) fn is_settled(&self) -> bool {
        match self.standing() {
            Standing::Primary => true,
            Standing::Replica => self.observed.borrow().is_some_and(|status| {
                let current = status.description.ownership;
                current.is_some_and(|current| {
                    let is_alive = status.last_request_age < current.lease.as_duration();
                    current.owner.node != self.node && !current.released && is_alive
                })
            }),
            Standing::Loading | Standing::Lapsed | Standing::Broken => false,
        }
    }
}
