//! Clusters that are being made: followed until each shard is served and each replica follows.

use tenure_control_model::{Change, Cluster, ClusterState, Operation, OperationKind, Shard, Standing, Write};

use super::View;
use super::progress::{Progress, advance, advanced, expect};
use super::view::{node_name, put_cluster};

pub(super) fn plan(view: &View<'_>) -> Vec<Change> {
    let creating = |operation: &&Operation| operation.kind == OperationKind::CreateCluster;
    let operations = view.world.operations.iter().filter(creating);
    let changes = operations.filter_map(|operation| {
        let cluster = view.cluster(operation.cluster?)?;
        Some(follow(view, operation, cluster))
    });
    changes.filter(|change| !change.writes.is_empty()).collect()
}

fn follow(view: &View<'_>, operation: &Operation, cluster: &Cluster) -> Change {
    let progress = progress(view, cluster);
    if !matches!(progress, Progress::Done(_)) {
        return advanced(operation, &progress, view.now);
    }
    let active = Cluster {
        state: ClusterState::Active,
        ..cluster.clone()
    };
    let event = view.event(
        "cluster-active",
        Some(cluster),
        format!("cluster {} serves", cluster.name),
    );
    let done = advance(operation, &progress, view.now).map(|next| Write::PutOperation(next, expect(operation)));
    let mut change = Change {
        writes: done.into_iter().collect(),
    };
    change.writes.extend([put_cluster(active), Write::AddEvent(event)]);
    change
}

/// Steps: place shards, start replicas, elect primaries.
fn progress(view: &View<'_>, cluster: &Cluster) -> Progress {
    if cluster.spec.tls && cluster.certificate.is_none() {
        return Progress::At(0, "the cluster's certificate is being issued".to_owned());
    }
    let shards = || view.shards_of(cluster.id);
    if let Some(waits) = shards().find_map(|shard| not_started(view, cluster, shard)) {
        return Progress::At(1, waits);
    }
    if let Some(shard) = shards().find(|shard| !view.is_served(shard)) {
        return Progress::At(2, format!("shard {} has no primary that answers yet", shard.name));
    }
    if let Some(waits) = shards().find_map(|shard| not_following(view, shard)) {
        return Progress::At(2, waits);
    }
    Progress::Done("every shard is served, every replica follows".to_owned())
}

fn not_started(view: &View<'_>, cluster: &Cluster, shard: &Shard) -> Option<String> {
    let missing = view
        .wanted_of(shard.id)
        .find(|replica| view.seen(shard, replica.node).is_none())?;
    let (name, node) = (&shard.name, node_name(missing.node));
    Some(match view.refusal(cluster, shard, missing.node) {
        Some(reason) => format!("{node} could not start shard {name}: {reason}"),
        None if view.is_alive(missing.node) => format!("{node} has not started shard {name} yet"),
        None => format!("{node}, which is to host shard {name}, is not heard of"),
    })
}

fn not_following(view: &View<'_>, shard: &Shard) -> Option<String> {
    let follows = |node| {
        let standing = view.seen(shard, node).map(|seen| seen.standing);
        matches!(standing, Some(Standing::Primary | Standing::Replica))
    };
    let late = view.wanted_of(shard.id).find(|replica| !follows(replica.node))?;
    Some(format!(
        "{} does not follow shard {} yet",
        node_name(late.node),
        shard.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{SHOP, before, observed, report, seen, stream, world};
    use std::time::Duration;
    use tenure_control_model::{OperationId, OperationState, Refusal, Revision, Step, StepState, World};

    fn creating() -> World {
        let mut world = world();
        world.clusters[SHOP].state = ClusterState::Creating;
        let step = |name: &str| Step {
            name: name.to_owned(),
            state: StepState::Pending,
            detail: String::new(),
        };
        world.operations.push(Operation {
            id: OperationId::new(1),
            tenant: Some(world.clusters[SHOP].tenant),
            cluster: Some(world.clusters[SHOP].id),
            kind: OperationKind::CreateCluster,
            state: OperationState::Pending,
            steps: ["place shards", "start replicas", "elect primaries"].map(step).into(),
            error: None,
            created_at: before(1000),
            finished_at: None,
            revision: Revision::FIRST,
        });
        world
    }

    /// The number of steps that are done, and what is waited for.
    fn waits_for(world: &World, observed: &crate::shared::Observed) -> (usize, String) {
        let options = Options::default();
        let progress = progress(&View::of(world, observed, &options), &world.clusters[SHOP]);
        let Progress::At(done, waits) = progress else {
            panic!("it waits for nothing: {progress:?}");
        };
        (done, waits)
    }

    #[test]
    fn it_says_what_it_waits_for() {
        let observed = observed();
        let mut world = creating();
        world.clusters[SHOP].spec.tls = true;
        assert_eq!(waits_for(&world, &observed).0, 0);
        let mut world = creating();
        world.reports[1] = report(2, Vec::new());
        assert_eq!(
            waits_for(&world, &observed),
            (1, "data-2 has not started shard 0001 yet".to_owned())
        );
        world.reports[1].refusals.push(Refusal {
            stream: Some(stream(1)),
            tenant: world.tenants[0].number,
            cluster: "shop".to_owned(),
            reason: "its port is in use".to_owned(),
            plugin: None,
        });
        let refused = "data-2 could not start shard 0001: its port is in use".to_owned();
        assert_eq!(waits_for(&world, &observed), (1, refused));
        world.nodes[1].seen_at = before(60_000);
        let lost = "data-2, which is to host shard 0001, is not heard of".to_owned();
        assert_eq!(waits_for(&world, &observed), (1, lost));
        let mut world = creating();
        world.reports[1].replicas[0] = seen(2, 1, Standing::Loading);
        assert_eq!(
            waits_for(&world, &observed),
            (2, "data-2 does not follow shard 0001 yet".to_owned())
        );
        let mut silent = observed.clone();
        silent.streams.get_mut(&stream(2)).unwrap().silent = Duration::from_secs(2);
        let unserved = "shard 0002 has no primary that answers yet".to_owned();
        assert_eq!(waits_for(&creating(), &silent), (2, unserved));
    }

    #[test]
    fn a_cluster_is_active_once_everything_of_it_serves() {
        let (world, observed, options) = (creating(), observed(), Options::default());
        let plans = plan(&View::of(&world, &observed, &options));
        let [
            Write::PutOperation(operation, _),
            Write::PutCluster(cluster, _),
            Write::AddEvent(_),
        ] = &plans[0].writes[..]
        else {
            panic!("{plans:?}");
        };
        assert_eq!(operation.state, OperationState::Succeeded);
        assert_eq!(cluster.state, ClusterState::Active);
    }
}
