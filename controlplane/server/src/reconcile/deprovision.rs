//! Clusters that go: their replicas stop, then their streams are deleted, then the rows.
//!
//! 1. Nodes are told to host nothing of it: the rows say Leaving.
//! 2. Each says that it hosts nothing, or is not heard of for long.
//! 3. The streams are deleted in the log: a node that comes back can never serve them again.
//! 4. The rows go.
//!
//! A crash after any of them goes on there: deleting a stream twice is deleting it once.

use std::time::Duration;

use futures::future::try_join_all;
use tenure_control_model::{Change, Cluster, ClusterState, Operation, OperationKind, Write};
use tenure_control_store::StoreError;
use tokio::time::timeout;
use tracing::debug;

use super::cleanup::is_gone;
use super::progress::{Progress, advance, advanced, expect};
use super::view::node_name;
use super::{View, apply};
use crate::shared::Shared;

/// How long the log is waited for. It is asked again.
const DELETE_WITHIN: Duration = Duration::from_millis(500);

/// It remembers nothing.
#[derive(Debug, Default)]
pub(super) struct Deprovision;

impl Deprovision {
    pub(super) async fn act(&self, shared: &Shared, view: &View<'_>) -> Result<(), StoreError> {
        let going = view
            .world
            .clusters
            .iter()
            .filter(|cluster| cluster.state == ClusterState::Deleting);
        for cluster in going {
            let operation = view.world.operations.iter().find(|operation| {
                operation.cluster == Some(cluster.id) && operation.kind == OperationKind::DeleteCluster
            });
            if let Some(waits) = still_hosted(view, cluster) {
                tell(shared, view, operation, &Progress::At(0, waits)).await?;
            } else if delete_streams(shared, view, cluster).await {
                apply(shared, gone(view, cluster, operation)).await?;
            } else {
                let waits = "the log does not answer".to_owned();
                tell(shared, view, operation, &Progress::At(1, waits)).await?;
            }
        }
        Ok(())
    }
}

async fn tell(
    shared: &Shared,
    view: &View<'_>,
    operation: Option<&Operation>,
    progress: &Progress,
) -> Result<(), StoreError> {
    let change = operation.map(|operation| advanced(operation, progress, view.now));
    match change.filter(|change| !change.writes.is_empty()) {
        Some(change) => apply(shared, change).await.map(drop),
        None => Ok(()),
    }
}

/// Who still hosts something of it.
fn still_hosted(view: &View<'_>, cluster: &Cluster) -> Option<String> {
    let mut replicas = view.shards_of(cluster.id).flat_map(|shard| view.replicas_of(shard.id));
    let late = replicas.find(|replica| {
        let is_lost = view.silence_of(replica.node) > view.options.rescue_after;
        !is_lost && !is_gone(view, replica)
    })?;
    Some(format!("{} still hosts a replica", node_name(late.node)))
}

/// Whether all are deleted.
async fn delete_streams(shared: &Shared, view: &View<'_>, cluster: &Cluster) -> bool {
    let deletes = view
        .shards_of(cluster.id)
        .map(|shard| shared.log.delete(tenure_log::Delete { stream: shard.stream }));
    let deleted = timeout(DELETE_WITHIN, try_join_all(deletes)).await;
    let is_done = matches!(deleted, Ok(Ok(_)));
    if !is_done {
        debug!(cluster = %cluster.name, "streams could not be deleted yet");
    }
    is_done
}

fn gone(view: &View<'_>, cluster: &Cluster, operation: Option<&Operation>) -> Change {
    let done = Progress::Done("its data is gone".to_owned());
    let done = operation.and_then(|operation| {
        let next = advance(operation, &done, view.now)?;
        Some(Write::PutOperation(next, expect(operation)))
    });
    let event = view.event(
        "cluster-deleted",
        Some(cluster),
        format!("cluster {} is gone", cluster.name),
    );
    let mut writes: Vec<Write> = done.into_iter().collect();
    writes.extend([
        Write::AddEvent(event),
        Write::DeleteCluster(cluster.id, cluster.revision),
    ]);
    Change { writes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{SHOP, before, observed, report, world};
    use tenure_control_model::ReplicaState;

    #[test]
    fn data_stays_as_long_as_a_node_may_serve_it() {
        let (mut world, observed, options) = (world(), observed(), Options::default());
        world.clusters[SHOP].state = ClusterState::Deleting;
        for replica in &mut world.replicas {
            replica.state = ReplicaState::Leaving;
            replica.since = before(1000);
        }
        let waits = |world: &_| still_hosted(&View::of(world, &observed, &options), &world_cluster(world));
        assert_eq!(waits(&world).unwrap(), "data-1 still hosts a replica");
        world.reports[0] = report(1, Vec::new());
        assert_eq!(waits(&world).unwrap(), "data-2 still hosts a replica");
        world.nodes[1].seen_at = before(4000);
        assert_eq!(
            waits(&world).unwrap(),
            "data-2 still hosts a replica",
            "it may come back in a moment"
        );
        world.nodes[1].seen_at = before(10_001);
        assert_eq!(waits(&world), None);
    }

    fn world_cluster(world: &tenure_control_model::World) -> Cluster {
        world.clusters[SHOP].clone()
    }
}
