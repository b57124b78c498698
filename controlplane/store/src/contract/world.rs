//! Rules of `world`, and of what outlives a restart.

use futures::future;
use tenure_control_model::{Expect, Revision, Write};

use super::UnderTest;
use super::sample::*;

/// Whatever was answered.
pub async fn everything_outlives_a_restart(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_cluster(&store).await;
    let change = just(Write::PutOperation(operation(1), Expect::Absent))
        .with(Write::PutReport(report(1)))
        .with(Write::PutApiKey(api_key(1), Expect::Absent))
        .with(Write::AddEvent(event(1)))
        .with(Write::PutAudit(audit_row(1)))
        .with(Write::PutFailover(failover(1)))
        .with(Write::Remember(remembered(1)));
    apply(&store, change).await;
    store.renew_nodes(&[node(1).id], at(99)).await.unwrap();
    let before = store.world().await.unwrap();
    drop(store);
    under_test.restart().await;
    let store = under_test.store();
    assert_eq!(store.world().await.unwrap(), before);
    assert_eq!(store.api_key(api_key(1).id).await.unwrap(), Some(api_key(1)));
    assert_eq!(store.events(None, None, &all()).await.unwrap(), [event(1)]);
    assert_eq!(store.audit_log(None, &all()).await.unwrap(), [audit_row(1)]);
    assert_eq!(store.failovers(&all()).await.unwrap(), [failover(1)]);
    let answer = remembered(1);
    assert_eq!(store.remembered(answer.by, &answer.key).await.unwrap(), Some(answer));
}

/// Each change raises the revision of three rows and the generation together. No world shows them apart.
pub async fn the_world_is_of_one_moment(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let base = just(Write::PutTenant(tenant(1), Expect::Absent))
        .with(Write::PutCluster(cluster(1), Expect::Absent))
        .with(Write::PutOperation(operation(1), Expect::Absent));
    apply(&store, base).await;
    let last = 300;
    let changes = async {
        for number in 1..last {
            let expect = Expect::Revision(Revision::new(number));
            let change = just(Write::PutTenant(tenant(1), expect))
                .with(Write::PutCluster(cluster(1), expect))
                .with(Write::PutOperation(operation(1), expect));
            apply(&store, change).await;
        }
    };
    let looks = async {
        let mut seen = 0;
        while seen <= last {
            let world = store.world().await.unwrap();
            let revisions = [
                world.tenants[0].revision.get(),
                world.clusters[0].revision.get(),
                world.operations[0].revision.get(),
            ];
            assert_eq!(revisions, [world.generation - 1; 3]);
            assert!(world.generation >= seen, "a world of before");
            seen = world.generation;
        }
    };
    future::join(changes, looks).await;
}

/// Whatever the order in which rows were made.
pub async fn the_world_is_sorted(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    for number in [3, 1, 2] {
        let change = just(Write::PutTenant(tenant(number), Expect::Absent))
            .with(Write::PutNode(node(number), Expect::Absent))
            .with(Write::PutReport(report(number)));
        apply(&store, change).await;
    }
    let far = just(Write::PutNode(node(u64::MAX), Expect::Absent)).with(Write::PutReport(report(u64::MAX)));
    apply(&store, far).await;
    for number in [2, 3, 1] {
        let cluster = cluster(number);
        let mut change = just(Write::PutCluster(cluster.clone(), Expect::Absent))
            .with(Write::PutOperation(operation(number), Expect::Absent));
        for index in [2, 1] {
            let mut shard = shard(&cluster, index);
            // Not in the order of their ids.
            shard.name = format!("{:04}", 9 - index);
            shard.stream = tenure_types::StreamId::from_bits(number << 8 | u64::from(index));
            change = change.with(Write::PutShard(shard.clone(), Expect::Absent));
            for node in [u64::MAX, 2, 1] {
                let mut replica = replica(&shard, node);
                let port = 7000 + u16::try_from(number * 10).unwrap() + u16::try_from(index).unwrap();
                replica.address.set_port(port);
                change = change.with(Write::PutReplica(replica, Expect::Absent));
            }
        }
        apply(&store, change).await;
    }
    let world = store.world().await.unwrap();
    assert!(world.tenants.is_sorted_by_key(|row| row.id));
    assert!(world.clusters.is_sorted_by_key(|row| row.id));
    assert!(world.shards.is_sorted_by_key(|row| (row.cluster, row.name.clone())));
    assert!(world.replicas.is_sorted_by_key(|row| (row.shard, row.node)));
    assert!(world.nodes.is_sorted_by_key(|row| row.id));
    assert!(world.reports.is_sorted_by_key(|row| row.node));
    assert!(world.operations.is_sorted_by_key(|row| row.id));
    let counts = (world.shards.len(), world.replicas.len(), world.nodes.len());
    assert_eq!(counts, (6, 18, 4));
    for cluster in world.clusters {
        let shards = store.shards(cluster.id).await.unwrap();
        assert!(shards.is_sorted_by_key(|(shard, _)| shard.name.clone()));
        for (shard, replicas) in shards {
            assert_eq!(replicas.len(), 3);
            assert!(replicas.iter().all(|replica| replica.shard == shard.id));
            assert!(replicas.is_sorted_by_key(|replica| replica.node));
        }
    }
}
