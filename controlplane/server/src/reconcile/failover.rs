//! Unplanned failovers: a shard whose owner is silent gets the replica that has most of it.
//! Promises: nobody is fenced before the log's leader has heard nothing of the owner for L + L/6; an attempt stands in SQL before
//! its fence is sent, and its outcome after. Replicas nominate themselves too, by the same silence: whoever is first wins, in the log.

use std::cmp::Reverse;
use std::time::Duration;

use futures::future::join_all;
use tenure_control_model::{
    Change, ClusterState, Event, FailoverAttempt, FailoverId, FailoverOutcome, FailoverReason, Shard, Standing,
    StreamSeen, Write,
};
use tenure_control_store::{Page, StoreError};
use tenure_log::{CallError, Fence, FenceRefused, Nomination};
use tenure_types::{Epoch, LeaseLength, Lsn, NodeId, Owner};
use tokio::time::timeout;
use tracing::{info, warn};

use super::view::{node_name, since};
use super::{View, apply};
use crate::shared::Shared;

/// How long a fence is waited for. What it did is heard from the log then.
const FENCE_WITHIN: Duration = Duration::from_secs(2);
/// An attempt that the log tells nothing of for so long came to nothing.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How long an epoch that was given up may be without a successor: who is meant to take it takes it at once.
const SUCCESSOR_WITHIN: Duration = Duration::from_secs(1);
/// Attempts that are looked through after a start.
const LOOK_BACK: u32 = 500;

/// What it remembers between two passes.
#[derive(Debug, Default)]
pub(super) struct Failover {
    /// Whether attempts of an earlier process were looked through.
    looked_back: bool,
    /// Those whose outcome is not known.
    unsettled: Vec<FailoverAttempt>,
}

impl Failover {
    pub(super) async fn act(&mut self, shared: &Shared, view: &View<'_>) -> Result<(), StoreError> {
        self.settle(shared, view).await?;
        // Whoever was faster is left alone by that alone: it is no owner that the log hears nothing of.
        let is_settled = |shard: &&Shard| self.unsettled.iter().all(|attempt| attempt.shard != shard.id);
        let free = view.world.shards.iter().filter(is_settled);
        let attempts: Vec<_> = free.filter_map(|shard| attempt(view, shard)).collect();
        if attempts.is_empty() {
            return Ok(());
        }
        // 1. The rows. 2. The fences. 3. The outcomes. A crash after 1 or 2 leaves attempts that are settled from the log.
        let begun = attempts.iter().map(|(attempt, _)| Write::PutFailover(attempt.clone()));
        let begun = Change {
            writes: begun.collect(),
        };
        if !apply(shared, begun).await? {
            return Ok(());
        }
        let ended = join_all(
            attempts
                .into_iter()
                .map(|(attempt, lease)| fence(shared, view, attempt, lease)),
        )
        .await;
        for attempt in ended {
            shared.metrics.failed_over(attempt.outcome);
            if let FailoverOutcome::Unknown = attempt.outcome {
                self.unsettled.push(attempt);
            } else {
                apply(shared, outcome(view, attempt)).await?;
            }
        }
        Ok(())
    }

    /// Finds out what came of attempts without an answer.
    async fn settle(&mut self, shared: &Shared, view: &View<'_>) -> Result<(), StoreError> {
        if !self.looked_back {
            let page = Page {
                after: None,
                rows_max: LOOK_BACK,
            };
            let kept = shared.store.failovers(&page).await?;
            self.unsettled = kept
                .into_iter()
                .filter(|attempt| attempt.outcome == FailoverOutcome::Unknown)
                .collect();
            self.looked_back = true;
        }
        for attempt in std::mem::take(&mut self.unsettled) {
            match settled(view, &attempt) {
                Some(attempt) => {
                    shared.metrics.failed_over(attempt.outcome);
                    apply(shared, outcome(view, attempt)).await?;
                }
                None => self.unsettled.push(attempt),
            }
        }
        Ok(())
    }
}

/// What came of an attempt by what the log says now. `None`: it does not tell yet.
fn settled(view: &View<'_>, attempt: &FailoverAttempt) -> Option<FailoverAttempt> {
    let lost = |epoch| FailoverAttempt {
        outcome: FailoverOutcome::Lost(epoch),
        ended_at: Some(view.now),
        ..attempt.clone()
    };
    let Some(shard) = view.shard(attempt.shard) else {
        return Some(lost(attempt.expect));
    };
    let (epoch, owner) = view.stream(shard)?.owned?;
    if epoch <= attempt.expect {
        // A fence that is still under way may take effect.
        let is_old = since(attempt.begun_at, view.now) > SETTLED_WITHIN;
        return is_old.then(|| lost(epoch));
    }
    if Some(epoch) == attempt.expect.next() && owner == attempt.to {
        return Some(FailoverAttempt {
            outcome: FailoverOutcome::Won(epoch),
            ended_at: Some(view.now),
            ..attempt.clone()
        });
    }
    Some(lost(epoch))
}

/// What is to be tried for a shard, if anything.
fn attempt(view: &View<'_>, shard: &Shard) -> Option<(FailoverAttempt, LeaseLength)> {
    let cluster = view.cluster(shard.cluster)?;
    if cluster.state == ClusterState::Deleting {
        return None;
    }
    let seen = view.stream(shard)?;
    let ((expect, owner), lease) = (seen.owned?, seen.lease?);
    let reason = reason(seen, lease)?;
    let to = choose(view, shard, seen, owner, lease)?;
    let attempt = FailoverAttempt {
        id: FailoverId::new(view.new_id()),
        shard: shard.id,
        expect,
        to,
        reason,
        outcome: FailoverOutcome::Unknown,
        begun_at: view.now,
        ended_at: None,
    };
    Some((attempt, lease))
}

fn reason(seen: &StreamSeen, lease: LeaseLength) -> Option<FailoverReason> {
    if seen.released {
        return (seen.silent >= SUCCESSOR_WITHIN).then_some(FailoverReason::GivenUp);
    }
    (seen.silent >= patience(lease)).then_some(FailoverReason::OwnerSilent)
}

/// L + L/6 of silence: earlier, nobody fences an owner that has given nothing up.
fn patience(lease: LeaseLength) -> Duration {
    lease.as_duration() + lease.as_duration() / 6
}

/// The replica that is to own the shard: one that has everything; after three leases the one that has most. Another node before
/// the owner's own, then the preferred one, then one in a zone of its own.
fn choose(view: &View<'_>, shard: &Shard, seen: &StreamSeen, owner: Owner, lease: LeaseLength) -> Option<Owner> {
    let follows = view.wanted_of(shard.id).filter_map(|replica| {
        let seen = view.seen(shard, replica.node)?;
        let is_another_life = replica.node != owner.node || seen.incarnation != owner.incarnation;
        (seen.standing == Standing::Replica && is_another_life).then_some((replica.node, seen))
    });
    let any_will_do = seen.silent >= lease.as_duration() * 3;
    let fit = follows.filter(|(_, replica)| any_will_do || replica.lsn >= seen.tail);
    let zone = |node: NodeId| view.node(node).map(|node| node.zone.as_str());
    let best = fit.max_by_key(|(node, replica)| {
        (
            Lsn::count(replica.lsn),
            *node != owner.node,
            *node == shard.preferred,
            zone(*node) != zone(owner.node),
            Reverse(*node),
        )
    });
    best.map(|(node, replica)| Owner {
        node,
        incarnation: replica.incarnation,
    })
}

async fn fence(shared: &Shared, view: &View<'_>, attempt: FailoverAttempt, lease: LeaseLength) -> FailoverAttempt {
    let Some(shard) = view.shard(attempt.shard) else {
        return attempt;
    };
    info!(shard = view.path_of(shard), expect_epoch = %attempt.expect, to = %attempt.to, reason = ?attempt.reason, "fencing");
    let answer = shared.log.fence(Fence {
        stream: shard.stream,
        expect_epoch: attempt.expect,
        owner: attempt.to,
        lease,
        nomination: Nomination::ByControlPlane,
    });
    let outcome = match timeout(FENCE_WITHIN, answer).await {
        Ok(Ok(granted)) => FailoverOutcome::Won(granted.epoch),
        Ok(Err(CallError::Refused(FenceRefused::Lost { epoch, .. }))) => FailoverOutcome::Lost(epoch),
        Ok(Err(CallError::Refused(refused))) => {
            warn!(shard = view.path_of(shard), %refused, "the log refuses the fence");
            FailoverOutcome::Lost(attempt.expect)
        }
        Ok(Err(CallError::Unknown(_))) | Err(_) => FailoverOutcome::Unknown,
    };
    FailoverAttempt {
        outcome,
        ended_at: Some(shared.now()),
        ..attempt
    }
}

/// The outcome's row, and an event.
fn outcome(view: &View<'_>, attempt: FailoverAttempt) -> Change {
    let event = |epoch: Epoch| {
        let shard = view.shard(attempt.shard)?;
        let why = match attempt.reason {
            FailoverReason::OwnerSilent => "the log heard nothing of the owner before",
            FailoverReason::GivenUp => "the owner before gave it up and nobody took it",
        };
        let to = node_name(attempt.to.node);
        let message = format!("{} was given to {to} in epoch {epoch}: {why}", view.path_of(shard));
        Some(Event {
            shard: Some(shard.id),
            node: Some(attempt.to.node),
            ..view.event("failover", view.cluster(shard.cluster), message)
        })
    };
    let event = match attempt.outcome {
        FailoverOutcome::Won(epoch) => event(epoch),
        FailoverOutcome::Lost(_) | FailoverOutcome::Unknown => None,
    };
    let mut writes = vec![Write::PutFailover(attempt)];
    writes.extend(event.map(Write::AddEvent));
    Change { writes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Observed, Options};
    use crate::testing::{L, NOW, before, incarnation, observed, owner, replica_of, seen, stream, world};
    use tenure_control_model::{ReplicaSeen, ShardId, World};

    /// Shard 1, whose owner is node 1, with a third replica on node 3. Silent for so long.
    fn silent(millis: u64) -> (World, Observed) {
        let (mut world, mut observed) = (world(), observed());
        world.replicas.push(replica_of(1, 3));
        world.reports[2].replicas.push(seen(3, 1, Standing::Replica));
        observed.streams.get_mut(&stream(1)).unwrap().silent = Duration::from_millis(millis);
        (world, observed)
    }

    fn chosen((world, observed): &(World, Observed)) -> Option<(u64, FailoverReason)> {
        let options = Options::default();
        let (attempt, _) = attempt(&View::of(world, observed, &options), &world.shards[0])?;
        Some((attempt.to.node.get(), attempt.reason))
    }

    fn set(state: &mut (World, Observed), node: u64, lsn: u64) {
        let report = &mut state.0.reports[usize::try_from(node - 1).unwrap()];
        let seen = report
            .replicas
            .iter_mut()
            .find(|seen| seen.stream == stream(1))
            .unwrap();
        *seen = ReplicaSeen {
            lsn: Lsn::new(lsn),
            ..*seen
        };
    }

    #[test]
    fn nobody_is_fenced_before_l_and_a_sixth_of_silence() {
        assert_eq!(chosen(&silent(1399)), None);
        assert_eq!(chosen(&silent(1400)), Some((2, FailoverReason::OwnerSilent)));
    }

    #[test]
    fn nothing_is_decided_by_what_the_log_told_a_while_ago() {
        let mut state = silent(1400);
        state.1.streams.get_mut(&stream(1)).unwrap().at = before(1500);
        assert!(chosen(&state).is_some());
        state.1.streams.get_mut(&stream(1)).unwrap().at = before(1501);
        assert_eq!(chosen(&state), None);
    }

    #[test]
    fn a_replica_that_lacks_something_waits_until_none_that_has_everything_came() {
        let mut state = silent(1400);
        set(&mut state, 2, 9);
        assert_eq!(chosen(&state), Some((3, FailoverReason::OwnerSilent)));
        set(&mut state, 3, 8);
        assert_eq!(chosen(&state), None);
        let mut later = silent(3600);
        set(&mut later, 2, 9);
        set(&mut later, 3, 8);
        assert_eq!(
            chosen(&later),
            Some((2, FailoverReason::OwnerSilent)),
            "the one that has most"
        );
    }

    #[test]
    fn a_preferred_node_goes_first_and_one_that_is_not_heard_of_never() {
        let mut state = silent(1400);
        state.0.shards[0].preferred = NodeId::new(3);
        assert_eq!(chosen(&state), Some((3, FailoverReason::OwnerSilent)));
        state.0.nodes[2].seen_at = before(60_000);
        assert_eq!(chosen(&state), Some((2, FailoverReason::OwnerSilent)));
        state.0.nodes[1].seen_at = before(60_000);
        assert_eq!(chosen(&state), None);
    }

    #[test]
    fn the_owners_own_node_goes_last_and_only_in_another_life() {
        let mut state = silent(1400);
        let back = |incarnation| ReplicaSeen {
            standing: Standing::Replica,
            incarnation,
            ..seen(1, 1, Standing::Replica)
        };
        state.0.reports[0].replicas[0] = back(incarnation(1, 9));
        assert_eq!(chosen(&state), Some((2, FailoverReason::OwnerSilent)));
        for node in [1, 2] {
            state.0.nodes[node].seen_at = before(60_000);
        }
        assert_eq!(chosen(&state), Some((1, FailoverReason::OwnerSilent)));
        state.0.reports[0].replicas[0] = back(incarnation(1, 1));
        assert_eq!(chosen(&state), None, "it is the very owner that is silent");
    }

    #[test]
    fn an_epoch_that_was_given_up_is_left_to_who_is_meant_to_take_it() {
        let mut state = silent(999);
        state.1.streams.get_mut(&stream(1)).unwrap().released = true;
        assert_eq!(chosen(&state), None);
        state.1.streams.get_mut(&stream(1)).unwrap().silent = SUCCESSOR_WITHIN;
        assert_eq!(chosen(&state), Some((2, FailoverReason::GivenUp)));
    }

    #[test]
    fn an_attempt_without_an_answer_is_settled_by_what_the_log_says() {
        let (world, mut observed) = silent(0);
        let options = Options::default();
        let attempt = FailoverAttempt {
            id: FailoverId::new(1),
            shard: ShardId::new(1),
            expect: Epoch::new(3),
            to: owner(2, 1),
            reason: FailoverReason::OwnerSilent,
            outcome: FailoverOutcome::Unknown,
            begun_at: NOW,
            ended_at: None,
        };
        let cases = [
            (3, owner(1, 1), None),
            (4, owner(2, 1), Some(FailoverOutcome::Won(Epoch::new(4)))),
            (4, owner(3, 1), Some(FailoverOutcome::Lost(Epoch::new(4)))),
            (5, owner(2, 1), Some(FailoverOutcome::Lost(Epoch::new(5)))),
        ];
        for (epoch, owner, outcome) in cases {
            observed.streams.get_mut(&stream(1)).unwrap().owned = Some((Epoch::new(epoch), owner));
            let settled = settled(&View::of(&world, &observed, &options), &attempt);
            assert_eq!(settled.map(|attempt| attempt.outcome), outcome, "{epoch} {owner}");
        }
        assert_eq!(patience(L), Duration::from_millis(1400));
    }
}
