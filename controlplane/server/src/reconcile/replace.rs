//! Replicas on nodes that are lost, placed anew: soon if their shard has no other replica that lives, else after long enough that
//! a restart would have been quicker.
//! Promises: an owner that the log hears stays where it is, whoever else does not hear it. While so many nodes look dead that this
//! process may be what is cut off, only shards that the log, too, hears nobody of are moved, and those one after the other with a
//! pause. One move at a time, each by the newest plan.

use std::collections::BTreeSet;
use std::time::Duration;

use tenure_control_model::{
    Ask, Change, Cluster, ClusterState, Event, Expect, Inventory, NoRoom, Placed, Replica, ReplicaState, Revision,
    Shard, Write, replacement,
};
use tenure_types::{BootTime, NodeId};
use tracing::debug;

use super::View;
use super::view::{change, node_name, put_replica, put_shard};

/// Between two moves while most nodes look dead.
const BRAKED_PAUSE: Duration = Duration::from_secs(10);

/// What it remembers between two passes.
#[derive(Debug, Default)]
pub(super) struct Replace {
    is_braked: bool,
    moved_at: Option<BootTime>,
}

impl Replace {
    pub(super) fn plan(&mut self, view: &View<'_>) -> Vec<Change> {
        let was_braked = std::mem::replace(&mut self.is_braked, is_braked(view));
        let mut changes = Vec::new();
        if self.is_braked && !was_braked {
            let message = "most nodes that host something are not heard of: only shards that the log hears nobody of are moved, slowly";
            changes.push(change(Write::AddEvent(view.event(
                "placement-braked",
                None,
                message.to_owned(),
            ))));
        }
        let rests = self
            .moved_at
            .is_some_and(|last| view.boot.elapsed_since(last) < BRAKED_PAUSE);
        if self.is_braked && rests {
            return changes;
        }
        let mut lost = view.world.shards.iter().filter_map(|shard| {
            let cluster = view.cluster(shard.cluster)?;
            let stays = cluster.state != ClusterState::Deleting;
            let replica = lost(view, shard, self.is_braked).filter(|_| stays)?;
            moved(view, cluster, shard, replica)
        });
        if let Some(next) = lost.next() {
            self.moved_at = Some(view.boot);
            changes.push(next);
        }
        changes
    }
}

/// Whether so large a share of the nodes looks dead that this process is suspected first. One of few may die, and nodes that host
/// nothing and are not there do not count.
fn is_braked(view: &View<'_>) -> bool {
    let wanted = view
        .world
        .replicas
        .iter()
        .filter(|replica| replica.state == ReplicaState::Wanted);
    let hosts: BTreeSet<NodeId> = wanted.map(|replica| replica.node).collect();
    let counts = view.world.nodes.iter().map(|node| node.id);
    let counts: Vec<NodeId> = counts
        .filter(|node| hosts.contains(node) || view.is_alive(*node))
        .collect();
    let dead = counts.iter().filter(|node| !view.is_alive(**node)).count();
    dead > 1 && dead * 100 >= counts.len() * usize::from(view.options.brake_percent)
}

/// A replica of the shard that has been lost for long enough.
fn lost<'a>(view: &View<'a>, shard: &Shard, is_braked: bool) -> Option<&'a Replica> {
    let somebody_lives = view.wanted_of(shard.id).any(|replica| view.is_alive(replica.node));
    let is_unheard = is_unheard(view, shard)?;
    let after = match (somebody_lives, is_unheard) {
        (false, true) => view.options.rescue_after,
        (true, _) if !is_braked => view.options.replace_after,
        _ => return None,
    };
    let owner = view
        .stream(shard)
        .and_then(|seen| seen.owned)
        .map(|(_, owner)| owner.node);
    // A node that only this process does not hear may serve: nobody could be sent to it once its replica is to leave.
    let serves = |replica: &Replica| Some(replica.node) == owner && !is_unheard;
    let mut lost = view.wanted_of(shard.id).filter(|replica| !view.is_alive(replica.node));
    lost.find(|replica| !serves(replica) && view.silence_of(replica.node) > after)
}

/// Whether the log has heard nothing of the owner for as long as nobody fences one before. `None`: the log does not tell.
fn is_unheard(view: &View<'_>, shard: &Shard) -> Option<bool> {
    let seen = view.stream(shard)?;
    let patience = seen.lease.map(|lease| lease.as_duration() + lease.as_duration() / 6);
    Some(patience.is_none_or(|patience| seen.silent >= patience))
}

fn moved(view: &View<'_>, cluster: &Cluster, shard: &Shard, replica: &Replica) -> Option<Change> {
    let placed = match place(view, cluster, shard, replica) {
        Ok(placed) => placed,
        Err(no_room) => {
            debug!(shard = view.path_of(shard), %no_room, "a replica that was lost has no other place");
            return None;
        }
    };
    let from = node_name(replica.node);
    let message = format!(
        "{} moves from {from}, which is lost, to {}",
        view.path_of(shard),
        node_name(placed.node)
    );
    let event = Event {
        shard: Some(shard.id),
        node: Some(placed.node),
        ..view.event("replica-moved", Some(cluster), message)
    };
    let leaves = Replica {
        state: ReplicaState::Leaving,
        since: view.now,
        ..replica.clone()
    };
    let comes = Replica {
        shard: shard.id,
        node: placed.node,
        address: placed.address,
        state: ReplicaState::Wanted,
        why: format!("it took the place of {from}, which was lost; {}", placed.why),
        since: view.now,
        revision: Revision::FIRST,
    };
    let preferred = preferred(view, shard, replica.node, placed.node);
    let mut change = Change::default()
        .with(Write::ExpectGeneration(view.world.generation))
        .with(put_replica(leaves))
        .with(Write::PutReplica(comes, Expect::Absent));
    if preferred != shard.preferred {
        change = change.with(put_shard(Shard {
            preferred,
            ..shard.clone()
        }));
    }
    Some(change.with(Write::AddEvent(event)))
}

/// In a zone of its own if there is one.
fn place(view: &View<'_>, cluster: &Cluster, shard: &Shard, lost: &Replica) -> Result<Placed, NoRoom> {
    let inventory = Inventory::of(view.world, |node| view.is_alive(node.id));
    let stay = view.wanted_of(shard.id).map(|replica| replica.node);
    let stay: Vec<NodeId> = stay.filter(|node| *node != lost.node).collect();
    let barred: Vec<NodeId> = view
        .replicas_of(shard.id)
        .map(|replica| replica.node)
        .filter(|node| !stay.contains(node))
        .collect();
    let ask = Ask::of(cluster);
    replacement(&inventory, &ask, &stay, &barred).or_else(|_| {
        let ask = Ask {
            may_share_zones: true,
            ..ask
        };
        replacement(&inventory, &ask, &stay, &barred)
    })
}

/// Who is to be primary if there is a choice: as before, unless that one is lost.
fn preferred(view: &View<'_>, shard: &Shard, lost: NodeId, comes: NodeId) -> NodeId {
    if shard.preferred != lost {
        return shard.preferred;
    }
    let stays = view.wanted_of(shard.id).map(|replica| replica.node);
    let alive: Vec<_> = stays.filter(|node| *node != lost && view.is_alive(*node)).collect();
    let owner = view.stream(shard).and_then(|seen| seen.owned);
    let owner = owner.map(|(_, owner)| owner.node).filter(|owner| alive.contains(owner));
    owner.or(alive.first().copied()).unwrap_or(comes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Observed, Options};
    use crate::testing::{before, observed, owner, stream, world};
    use tenure_control_model::World;
    use tenure_types::Epoch;

    /// Where replicas go to, and who is preferred then: `shard: from, to, preferred`.
    fn moves(world: &World, observed: &Observed) -> Vec<(u128, u64, u64, Option<u64>)> {
        let options = Options::default();
        let plans = Replace::default().plan(&View::of(world, observed, &options));
        let is_move = |change: &&Change| !matches!(change.writes[0], Write::AddEvent(_));
        let read = |change: &Change| {
            let [
                Write::ExpectGeneration(7),
                Write::PutReplica(leaves, _),
                Write::PutReplica(comes, Expect::Absent),
                rest @ ..,
            ] = &change.writes[..]
            else {
                panic!("{change:?}");
            };
            assert_eq!(
                (leaves.state, comes.state),
                (ReplicaState::Leaving, ReplicaState::Wanted)
            );
            let preferred = rest.iter().find_map(|write| {
                let Write::PutShard(shard, _) = write else {
                    return None;
                };
                Some(shard.preferred.get())
            });
            (leaves.shard.get(), leaves.node.get(), comes.node.get(), preferred)
        };
        plans.iter().filter(is_move).map(read).collect()
    }

    /// Node 2, which follows shard 1 and owned shard 2, is silent for so long; shard 2 has another owner since.
    fn follower_lost(millis: u64) -> (World, Observed) {
        let (mut world, mut observed) = (world(), observed());
        world.nodes[1].seen_at = before(millis);
        observed.streams.get_mut(&stream(2)).unwrap().owned = Some((Epoch::new(4), owner(1, 2)));
        (world, observed)
    }

    #[test]
    fn a_lost_replica_is_placed_anew_once_a_restart_would_have_been_quicker() {
        let (world, observed) = follower_lost(300_000);
        assert_eq!(moves(&world, &observed), []);
        let (world, observed) = follower_lost(300_001);
        assert_eq!(moves(&world, &observed), [(1, 2, 3, None)]);
        let (mut world, mut observed) = follower_lost(300_001);
        world.replicas.retain(|replica| replica.shard.get() == 2);
        assert_eq!(
            moves(&world, &observed),
            [(2, 2, 3, Some(1))],
            "who owns it is preferred now"
        );
        observed.streams.clear();
        assert_eq!(moves(&world, &observed), [], "nothing is known of the owner");
    }

    #[test]
    fn an_owner_that_the_log_hears_stays_where_it_is() {
        let (mut world, mut observed) = (world(), observed());
        world.nodes[0].seen_at = before(900_000);
        world.replicas.retain(|replica| replica.shard.get() == 1);
        assert_eq!(moves(&world, &observed), []);
        observed.streams.get_mut(&stream(1)).unwrap().silent = Duration::from_millis(1400);
        assert_eq!(moves(&world, &observed), [(1, 1, 3, Some(2))]);
    }

    #[test]
    fn a_shard_that_nobody_lives_for_is_rescued_soon_but_never_while_its_owner_is_heard() {
        let (mut world, mut observed) = (world(), observed());
        world
            .replicas
            .retain(|replica| replica.node == NodeId::new(1) && replica.shard.get() == 1);
        world.shards.truncate(1);
        world.nodes[0].seen_at = before(10_001);
        assert_eq!(moves(&world, &observed), [], "the log hears of the owner");
        observed.streams.get_mut(&stream(1)).unwrap().silent = Duration::from_millis(1400);
        let rescued = moves(&world, &observed);
        assert_eq!(rescued.len(), 1);
        assert_eq!(rescued[0].3, Some(rescued[0].2), "who comes is to be primary");
        observed.streams.clear();
        assert_eq!(moves(&world, &observed), [], "nothing is known of the owner");
    }

    #[test]
    fn while_most_look_dead_only_shards_that_the_log_hears_nobody_of_are_moved_and_one_after_the_other() {
        let options = Options::default();
        let (mut world, mut observed) = (world(), observed());
        for node in [0, 1] {
            world.nodes[node].seen_at = before(400_000);
        }
        assert_eq!(moves(&world, &observed), [], "the log hears of the owners");
        for seen in observed.streams.values_mut() {
            seen.silent = Duration::from_secs(400);
        }
        let mut replace = Replace::default();
        let mut counts = |millis: u64| {
            let mut view = View::of(&world, &observed, &options);
            view.boot = BootTime::from_nanos(millis * 1_000_000);
            replace.plan(&view).len()
        };
        assert_eq!(counts(0), 2, "an event, and one move");
        assert_eq!(counts(9_999), 0);
        assert_eq!(counts(10_000), 1);
    }
}
