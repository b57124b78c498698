//! Planned failovers: an owner gives its epoch up to a replica that has caught up, so nobody has to wait for a lease to end.
//!
//! 1. The next primary lacks little.
//! 2. The shard's row says who is preferred, and which epoch is to be given up; nodes are told.
//! 3. The owner gives it up, and the preferred node takes it.
//! 4. The order is taken back.
//!
//! A crash between any two leaves an order that names one epoch, so it is carried out at most once.

use std::time::Duration;

use tenure_control_model::{Change, Operation, OperationError, OperationKind, Shard, Standing, StreamSeen};
use tenure_types::{Epoch, Lsn, NodeId};

use super::View;
use super::progress::{Progress, advanced};
use super::view::{node_name, put_shard, since};

/// So few records are read while the owner drains.
const LAG_RECORDS_MAX: u64 = 1000;
/// How long the whole may take.
const WITHIN: Duration = Duration::from_secs(60);

pub(super) fn plan(view: &View<'_>) -> Vec<Change> {
    let changes = view
        .world
        .operations
        .iter()
        .filter_map(|operation| match &operation.kind {
            OperationKind::Failover { shard, to } => Some(hand_over(view, operation, view.shard(*shard), *to)),
            OperationKind::CreateCluster
            | OperationKind::DeleteCluster
            | OperationKind::VerifyLog
            | OperationKind::AttachPlugin { .. }
            | OperationKind::DetachPlugin { .. } => None,
        });
    changes.filter(|change| !change.writes.is_empty()).collect()
}

fn hand_over(view: &View<'_>, operation: &Operation, shard: Option<&Shard>, to: NodeId) -> Change {
    let Some(shard) = shard else {
        return advanced(
            operation,
            &failed("shard-gone", "the shard is gone".to_owned()),
            view.now,
        );
    };
    let (progress, next) = step(view, operation, shard, to);
    let mut change = advanced(operation, &progress, view.now);
    if let Some(next) = next.filter(|next| next != shard) {
        change.writes.push(put_shard(next));
    }
    change
}

/// How far it is, and what the shard's row shall be.
fn step(view: &View<'_>, operation: &Operation, shard: &Shard, to: NodeId) -> (Progress, Option<Shard>) {
    let is_late = since(operation.created_at, view.now) > WITHIN;
    let Some((seen, epoch, owner)) = view.stream(shard).and_then(|seen| {
        let (epoch, owner) = seen.owned?;
        Some((seen, epoch, owner.node))
    }) else {
        return match is_late {
            true => given_up(
                view,
                shard,
                failed("log-silent", "the log does not tell who owns the shard".to_owned()),
            ),
            false => (Progress::At(0, "waits for the log".to_owned()), None),
        };
    };
    let over = |progress| given_up(view, shard, progress);
    if owner == to {
        let name = node_name(to);
        return match view.is_served(shard) {
            true => over(Progress::Done(format!("{name} serves in epoch {epoch}"))),
            false if is_late => over(failed(
                "not-serving",
                format!("{name} owns epoch {epoch} and does not answer"),
            )),
            false => (Progress::At(2, format!("{name} owns epoch {epoch} and loads")), None),
        };
    }
    match shard.give_up {
        Some(ordered) if ordered < epoch => {
            let detail = format!("{} took the shard in epoch {epoch} meanwhile", node_name(owner));
            over(failed("taken-by-another", detail))
        }
        _ if is_late => over(failed("too-slow", waits_for(view, shard, seen, to))),
        Some(_) => (
            Progress::At(1, format!("{} gives up epoch {epoch}", node_name(owner))),
            None,
        ),
        None if lag(view, shard, seen, to).is_some_and(|lag| lag <= LAG_RECORDS_MAX) => {
            ordered(shard, epoch, owner, to)
        }
        None => (Progress::At(0, waits_for(view, shard, seen, to)), None),
    }
}

fn ordered(shard: &Shard, epoch: Epoch, owner: NodeId, to: NodeId) -> (Progress, Option<Shard>) {
    let next = Shard {
        preferred: to,
        give_up: Some(epoch),
        ..shard.clone()
    };
    (
        Progress::At(1, format!("{} gives up epoch {epoch}", node_name(owner))),
        Some(next),
    )
}

/// The order is taken back; who owns the shard is to keep it.
fn given_up(view: &View<'_>, shard: &Shard, progress: Progress) -> (Progress, Option<Shard>) {
    let owner = view
        .stream(shard)
        .and_then(|seen| seen.owned)
        .map(|(_, owner)| owner.node);
    let hosts = |node: &NodeId| view.wanted_of(shard.id).any(|replica| replica.node == *node);
    let next = Shard {
        preferred: owner.filter(hosts).unwrap_or(shard.preferred),
        give_up: None,
        ..shard.clone()
    };
    (progress, Some(next))
}

/// How many records the next primary lacks. `None`: it does not follow.
fn lag(view: &View<'_>, shard: &Shard, seen: &StreamSeen, to: NodeId) -> Option<u64> {
    let replica = view
        .seen(shard, to)
        .filter(|replica| replica.standing == Standing::Replica)?;
    Some(Lsn::count(seen.tail).saturating_sub(Lsn::count(replica.lsn)))
}

fn waits_for(view: &View<'_>, shard: &Shard, seen: &StreamSeen, to: NodeId) -> String {
    match lag(view, shard, seen, to) {
        Some(lag) => format!("{} lacks {lag} records", node_name(to)),
        None => format!("{} does not follow the shard", node_name(to)),
    }
}

fn failed(code: &str, detail: String) -> Progress {
    Progress::Failed(OperationError {
        code: code.to_owned(),
        detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Observed, Options};
    use crate::testing::{before, observed, owner, report, seen, stream, world};
    use tenure_control_model::{ClusterId, OperationId, OperationState, Revision, ShardId, World};

    fn asked(to: u64, millis_ago: u64) -> Operation {
        Operation {
            id: OperationId::new(1),
            tenant: None,
            cluster: Some(ClusterId::new(1)),
            kind: OperationKind::Failover {
                shard: ShardId::new(1),
                to: NodeId::new(to),
            },
            state: OperationState::Pending,
            steps: Vec::new(),
            error: None,
            created_at: before(millis_ago),
            finished_at: None,
            revision: Revision::FIRST,
        }
    }

    /// Hands shard 1 over from node 1 to node 2.
    fn stepped(world: &World, observed: &Observed, millis_ago: u64) -> (Progress, Option<(u64, Option<u64>)>) {
        let options = Options::default();
        let view = View::of(world, observed, &options);
        let (progress, next) = step(&view, &asked(2, millis_ago), &world.shards[0], NodeId::new(2));
        (
            progress,
            next.map(|next| (next.preferred.get(), next.give_up.map(|epoch| epoch.get()))),
        )
    }

    fn at(done: usize, waits: &str) -> Progress {
        Progress::At(done, waits.to_owned())
    }

    #[test]
    fn an_epoch_is_to_be_given_up_only_when_the_next_primary_lacks_little() {
        let (mut world, mut observed) = (world(), observed());
        observed.streams.get_mut(&stream(1)).unwrap().tail = Lsn::new(1011);
        assert_eq!(
            stepped(&world, &observed, 0),
            (at(0, "data-2 lacks 1001 records"), None)
        );
        observed.streams.get_mut(&stream(1)).unwrap().tail = Lsn::new(1010);
        let ordered = (at(1, "data-1 gives up epoch 3"), Some((2, Some(3))));
        assert_eq!(stepped(&world, &observed, 0), ordered);
        world.reports[1] = report(2, vec![seen(2, 1, Standing::Loading)]);
        assert_eq!(
            stepped(&world, &observed, 0),
            (at(0, "data-2 does not follow the shard"), None)
        );
    }

    #[test]
    fn it_is_done_when_the_next_primary_answers_and_the_order_is_taken_back() {
        let (mut world, mut observed) = (world(), observed());
        world.shards[0].give_up = Some(Epoch::new(3));
        world.shards[0].preferred = NodeId::new(2);
        assert_eq!(stepped(&world, &observed, 0), (at(1, "data-1 gives up epoch 3"), None));
        observed.streams.get_mut(&stream(1)).unwrap().owned = Some((Epoch::new(4), owner(2, 1)));
        assert_eq!(
            stepped(&world, &observed, 0),
            (at(2, "data-2 owns epoch 4 and loads"), None)
        );
        world.reports[1].replicas[0] = seen(2, 1, Standing::Primary);
        let done = Progress::Done("data-2 serves in epoch 4".to_owned());
        assert_eq!(stepped(&world, &observed, 0), (done, Some((2, None))));
    }

    #[test]
    fn what_goes_wrong_takes_the_order_back_and_leaves_the_owner_what_it_has() {
        let (mut world, mut observed) = (world(), observed());
        world.shards[0].give_up = Some(Epoch::new(3));
        let (progress, next) = stepped(&world, &observed, 60_001);
        assert!(matches!(progress, Progress::Failed(error) if error.code == "too-slow"));
        assert_eq!(next, Some((1, None)));
        observed.streams.get_mut(&stream(1)).unwrap().owned = Some((Epoch::new(4), owner(3, 1)));
        let (progress, next) = stepped(&world, &observed, 0);
        assert!(matches!(progress, Progress::Failed(error) if error.code == "taken-by-another"));
        assert_eq!(next, Some((1, None)), "node 3 hosts nothing of it");
        observed.streams.clear();
        assert_eq!(stepped(&world, &observed, 0), (at(0, "waits for the log"), None));
        let (progress, _) = stepped(&world, &observed, 60_001);
        assert!(matches!(progress, Progress::Failed(error) if error.code == "log-silent"));
    }
}
