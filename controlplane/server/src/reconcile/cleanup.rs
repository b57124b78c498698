//! Replicas that left: forgotten once their node says that they are gone, so that their ports can be used again.

use tenure_control_model::{Change, ClusterState, Replica, ReplicaState, Write};

use super::View;
use super::view::change;

pub(super) fn plan(view: &View<'_>) -> Vec<Change> {
    let is_leaving = |replica: &&Replica| replica.state == ReplicaState::Leaving;
    let leaving = view.world.replicas.iter().filter(is_leaving);
    // Those of a cluster that goes as a whole go with it.
    let stays = leaving.filter(|replica| {
        let shard = view.shard(replica.shard);
        let cluster = shard.and_then(|shard| view.cluster(shard.cluster));
        cluster.is_some_and(|cluster| cluster.state != ClusterState::Deleting)
    });
    let gone = stays.filter(|replica| is_gone(view, replica));
    gone.map(|replica| change(Write::DeleteReplica(replica.shard, replica.node, replica.revision)))
        .collect()
}

/// Whether the node of a replica that is to leave says that it hosts it no longer.
pub(super) fn is_gone(view: &View<'_>, replica: &Replica) -> bool {
    let Some(shard) = view.shard(replica.shard) else {
        return true;
    };
    view.report_of(replica.node).is_some_and(|report| {
        let is_hosted = report.replicas.iter().any(|seen| seen.stream == shard.stream);
        report.at > replica.since && !is_hosted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{NOW, before, observed, report, world};
    use tenure_types::NodeId;

    #[test]
    fn a_replica_is_forgotten_once_its_node_says_that_it_is_gone() {
        let (mut world, observed, options) = (world(), observed(), Options::default());
        let node = NodeId::new(2);
        let leaving = world.replicas.iter_mut().find(|replica| replica.node == node).unwrap();
        leaving.state = ReplicaState::Leaving;
        leaving.since = before(1000);
        let plans = |world: &_| plan(&View::of(world, &observed, &options));
        assert!(plans(&world).is_empty(), "it is still there");
        world.reports[1] = report(2, Vec::new());
        assert_eq!(plans(&world).len(), 1);
        world.reports[1].at = before(2000);
        assert!(
            plans(&world).is_empty(),
            "the node may have said so before it was to leave"
        );
        world.reports[1].at = NOW;
        world.nodes[1].seen_at = before(60_000);
        assert!(plans(&world).is_empty(), "the node is not heard of");
    }
}
