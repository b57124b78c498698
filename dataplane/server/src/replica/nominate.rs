//! Whether a replica takes its shard: the decision, from what the log's leader said of the stream.
//! Promises: nobody takes a shard from an owner that may live before the log has heard nothing of it for L + L/6, the owner's
//! L; a replica that lags takes nothing. Decides, and acts on nothing. Safety is the log's: of all who take, one wins, and
//! it waits until the lease before its own has surely ended (DESIGN, section 6).

use std::time::Duration;

use tenure_log::{Ownership, StreamStatus};
use tenure_types::{Epoch, LeaseLength, Lsn, Owner};

/// How many leases a replica that is not the first choice waits for it to begin the stream.
const FIRST_PATIENCE: u32 = 10;

/// How often a replica looks, in the time in which an owner would have renewed, whether it has caught up at last.
const LOOKS_PER_STEP: u32 = 4;

/// A replica that could own its shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Its name.
    pub(super) owner: Owner,
    /// Up to where its image holds the stream.
    pub(super) tail: Option<Lsn>,
    /// How many others go before it.
    pub(super) rank: u32,
    /// Whether the layout wants it to be the first owner ever.
    pub(super) is_first_choice: bool,
    /// For how long it has been there.
    pub(super) uptime: Duration,
    /// L of the epochs that it asks for.
    pub(super) lease: LeaseLength,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It follows, and looks again when it is told more.
    Follow,
    /// Likewise, but if nobody hears of the owner for so long, it may take the shard.
    FollowFor(Duration),
    /// It fences the owner.
    Take(Take),
    /// It is the owner already: somebody fenced on its behalf, or its own fence was not answered.
    Adopt(Take),
}

/// What it fences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Take {
    /// The epoch that ends.
    pub(super) expect_epoch: Epoch,
    /// Up to where the one who takes it has the stream.
    pub(super) expect_tail: Option<Lsn>,
}

/// Decides.
pub(super) fn judge(candidate: &Candidate, status: &StreamStatus) -> Verdict {
    let Some(current) = status.description.ownership else {
        return first(candidate, status.last_request_age);
    };
    if current.owner == candidate.owner {
        return own(candidate, &current);
    }
    let silence_needed = silence_needed(candidate, &current);
    if status.last_request_age < silence_needed {
        return Verdict::FollowFor(silence_needed.saturating_sub(status.last_request_age));
    }
    if candidate.tail < status.description.tail {
        // Nobody else writes, so it may have caught up in a moment.
        return Verdict::FollowFor(step(current.lease) / LOOKS_PER_STEP);
    }
    Verdict::Take(Take {
        expect_epoch: current.epoch,
        expect_tail: candidate.tail,
    })
}

/// The stream had no owner yet: the first choice takes it, and the others only if that never comes. They are in no hurry,
/// because the first choice may only be started later than they.
fn first(candidate: &Candidate, age: Duration) -> Verdict {
    let patience = if candidate.is_first_choice {
        Duration::ZERO
    } else {
        candidate.lease.as_duration() * FIRST_PATIENCE + step(candidate.lease) * candidate.rank
    };
    let waited = candidate.uptime.min(age);
    if waited < patience {
        return Verdict::FollowFor(patience.saturating_sub(waited));
    }
    Verdict::Take(Take {
        expect_epoch: Epoch::NONE,
        expect_tail: None,
    })
}

/// The log has this very replica as the owner.
fn own(candidate: &Candidate, current: &Ownership) -> Verdict {
    let before = current.epoch.get().checked_sub(1).map(Epoch::new);
    match before.filter(|_| !current.released) {
        Some(expect_epoch) => Verdict::Adopt(Take {
            expect_epoch,
            expect_tail: candidate.tail,
        }),
        // It gave the epoch up, so it never serves under it again.
        None => Verdict::Follow,
    }
}

/// For how long nothing must have been heard of the owner.
fn silence_needed(candidate: &Candidate, current: &Ownership) -> Duration {
    let step = step(current.lease);
    // Who gave its epoch up wants a successor: only those are waited for who go before. An earlier life of this very node is
    // waited for like any owner.
    let patience = if current.released {
        Duration::ZERO
    } else {
        current.lease.as_duration() + step
    };
    patience + step * candidate.rank
}

/// How often an owner renews, and how much later each next replica takes the shard.
pub(super) fn step(lease: LeaseLength) -> Duration {
    lease.as_duration() / 6
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_log::{Chain, Description, WaitOut};
    use tenure_types::{GroupId, Incarnation, NodeId, StreamId, TenantId};

    const L: LeaseLength = LeaseLength::from_millis(1200).unwrap();
    const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);

    fn owner(node: u64, life: u64) -> Owner {
        Owner {
            node: NodeId::new(node),
            incarnation: Incarnation::new(life).unwrap(),
        }
    }

    fn candidate(rank: u32) -> Candidate {
        Candidate {
            owner: owner(2, 20),
            tail: Lsn::new(7),
            rank,
            is_first_choice: false,
            uptime: Duration::from_secs(100),
            lease: L,
        }
    }

    /// In epoch 5, of records up to 7, silent for so many milliseconds.
    fn status(owner: Option<Owner>, released: bool, silent_millis: u64) -> StreamStatus {
        StreamStatus {
            description: Description {
                stream: STREAM,
                tenant: TenantId::new(1),
                restore_window: false,
                ownership: owner.map(|owner| Ownership {
                    epoch: Epoch::new(5),
                    owner,
                    lease: L,
                    began_at: None,
                    wait_out: WaitOut::Nothing,
                    released,
                }),
                longest_lease: None,
                tail: Lsn::new(7),
                trim: None,
                chain: Chain::start_of(STREAM),
                appended_bytes: 0,
            },
            last_request_age: Duration::from_millis(silent_millis),
            retained_bytes: 0,
        }
    }

    const TAKE: Verdict = Verdict::Take(Take {
        expect_epoch: Epoch::new(5),
        expect_tail: Lsn::new(7),
    });

    fn in_millis(millis: u64) -> Verdict {
        Verdict::FollowFor(Duration::from_millis(millis))
    }

    #[test]
    fn an_owner_is_fenced_once_nothing_was_heard_of_it_for_l_and_a_sixth_and_not_before() {
        let of_another = |silent| status(Some(owner(1, 10)), false, silent);
        assert_eq!(judge(&candidate(0), &of_another(0)), in_millis(1400));
        assert_eq!(judge(&candidate(0), &of_another(1399)), in_millis(1));
        assert_eq!(judge(&candidate(0), &of_another(1400)), TAKE);
    }

    #[test]
    fn replicas_go_one_after_the_other() {
        let silent = status(Some(owner(1, 10)), false, 1400);
        assert_eq!(judge(&candidate(2), &silent), in_millis(400));
        assert_eq!(judge(&candidate(2), &status(Some(owner(1, 10)), false, 1800)), TAKE);
    }

    #[test]
    fn a_replica_that_lags_takes_nothing() {
        let behind = Candidate {
            tail: Lsn::new(6),
            ..candidate(0)
        };
        for released in [false, true] {
            let silent = status(Some(owner(1, 10)), released, 9000);
            assert_eq!(judge(&behind, &silent), in_millis(50), "it looks again");
        }
    }

    #[test]
    fn a_replica_names_the_tail_that_it_has() {
        let ahead = Candidate {
            tail: Lsn::new(8),
            ..candidate(0)
        };
        let take = Verdict::Take(Take {
            expect_epoch: Epoch::new(5),
            expect_tail: Lsn::new(8),
        });
        assert_eq!(judge(&ahead, &status(Some(owner(1, 10)), false, 9000)), take);
    }

    #[test]
    fn an_epoch_that_was_given_up_is_taken_at_once_by_who_goes_first() {
        let released = |silent| status(Some(owner(1, 10)), true, silent);
        assert_eq!(judge(&candidate(0), &released(0)), TAKE);
        assert_eq!(judge(&candidate(1), &released(0)), in_millis(200));
        assert_eq!(judge(&candidate(1), &released(200)), TAKE);
    }

    #[test]
    fn an_earlier_life_of_the_same_node_is_waited_for_like_any_owner() {
        let of_own_node = |released, silent| status(Some(owner(2, 10)), released, silent);
        assert_eq!(judge(&candidate(0), &of_own_node(false, 0)), in_millis(1400));
        assert_eq!(judge(&candidate(0), &of_own_node(false, 1400)), TAKE);
        assert_eq!(judge(&candidate(0), &of_own_node(true, 0)), TAKE);
    }

    #[test]
    fn who_was_fenced_for_learns_that_it_owns_the_shard_unless_it_gave_it_up() {
        let adopt = Verdict::Adopt(Take {
            expect_epoch: Epoch::new(4),
            expect_tail: Lsn::new(7),
        });
        assert_eq!(judge(&candidate(0), &status(Some(owner(2, 20)), false, 0)), adopt);
        assert_eq!(
            judge(&candidate(0), &status(Some(owner(2, 20)), true, 9000)),
            Verdict::Follow
        );
    }

    #[test]
    fn a_stream_without_an_owner_is_for_who_the_layout_names_and_for_others_if_that_never_comes() {
        let none = |age| status(None, false, age);
        let take = Verdict::Take(Take {
            expect_epoch: Epoch::NONE,
            expect_tail: None,
        });
        let first = Candidate {
            is_first_choice: true,
            uptime: Duration::ZERO,
            ..candidate(0)
        };
        assert_eq!(judge(&first, &none(0)), take);
        assert_eq!(judge(&candidate(1), &none(12_199)), in_millis(1));
        assert_eq!(judge(&candidate(1), &none(12_200)), take);
        let young = Candidate {
            uptime: Duration::from_millis(12_000),
            ..candidate(1)
        };
        assert_eq!(
            judge(&young, &none(90_000)),
            in_millis(200),
            "the first choice may be about to come"
        );
    }
}
