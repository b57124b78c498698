//! Rules that rows keep among each other.

use tenure_control_model::{
    ClusterId, Expect, OperationState, Remembered, Replica, Revision, Shard, Tenant, TenantKey, Write,
};
use tenure_types::TenantId;

use super::UnderTest;
use super::sample::*;

/// What is written down for good stays, and so do other clusters.
pub async fn a_cluster_goes_with_its_shards_and_replicas(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let gone = apply_cluster(&store).await;
    let stays = cluster(2);
    let mut shard = shard(&stays, 3);
    shard.name = "0001".to_owned();
    let other = just(Write::PutCluster(stays.clone(), Expect::Absent))
        .with(Write::PutShard(shard.clone(), Expect::Absent))
        .with(Write::PutReplica(replica(&shard, 1), Expect::Absent))
        .with(Write::AddEvent(event(1)));
    apply(&store, other).await;
    apply(&store, just(Write::DeleteCluster(gone.id, Revision::FIRST))).await;
    let world = store.world().await.unwrap();
    let clusters: Vec<_> = world.clusters.iter().map(|cluster| cluster.id).collect();
    assert_eq!(clusters, [stays.id]);
    assert_eq!(world.shards, [shard.clone()]);
    assert_eq!(world.replicas, [replica(&shard, 1)]);
    assert_eq!(store.shards(gone.id).await.unwrap(), []);
    assert_eq!(store.events(None, Some(gone.id), &all()).await.unwrap(), [event(1)]);
}

/// Of another caller it is another key.
pub async fn a_key_of_a_caller_is_remembered_once(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply(&store, just(Write::Remember(remembered(1)))).await;
    let again = Remembered {
        status: 500,
        ..remembered(1)
    };
    let change = just(Write::PutTenant(tenant(1), Expect::Absent)).with(Write::Remember(again.clone()));
    assert_conflict(store.apply(change).await, "key 1");
    assert_eq!(store.tenants(&all()).await.unwrap(), []);
    let by = api_key(2).id;
    apply(&store, just(Write::Remember(Remembered { by, ..again }))).await;
    assert_eq!(
        store.remembered(api_key(1).id, "key 1").await.unwrap(),
        Some(remembered(1))
    );
    assert_eq!(store.remembered(by, "key 1").await.unwrap().unwrap().status, 500);
}

/// Somebody else has deleted it since it was read.
pub async fn a_row_whose_parent_is_gone_is_refused(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let cluster = cluster(1);
    let shard = shard(&cluster, 1);
    let orphans = [
        (Write::PutCluster(cluster.clone(), Expect::Absent), "cluster cluster-1"),
        (Write::PutShard(shard.clone(), Expect::Absent), "shard 0001"),
        (Write::PutReplica(replica(&shard, 1), Expect::Absent), "replica of shd_"),
        (Write::AddPlugin(plugin(1), Vec::new()), "plugin plugin_1@1.0.1"),
        (
            Write::PutAttachment(attachment(&cluster, &plugin(1)), Expect::Absent),
            "plugin plugin_1 of clu_",
        ),
        (Write::PutReport(report(1)), "report of node-1"),
        (Write::PutApiKey(api_key(1), Expect::Absent), "API key key_"),
    ];
    for (write, row) in orphans {
        assert_conflict(store.apply(just(write)).await, row);
    }
}

/// By a cluster, or by an operation that is not over. One that is over holds nothing up.
pub async fn a_tenant_that_is_in_use_is_kept(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let cluster = apply_cluster(&store).await;
    let delete = || store.apply(just(Write::DeleteTenant(tenant(1).id, Revision::FIRST)));
    assert_in_use(delete().await, "tenant ten_");
    let operation = operation(1);
    let change = just(Write::DeleteCluster(cluster.id, Revision::FIRST))
        .with(Write::PutOperation(operation.clone(), Expect::Absent));
    apply(&store, change).await;
    assert_in_use(delete().await, "tenant ten_");
    let over = operation_over(1, at(20));
    apply(
        &store,
        just(Write::PutOperation(over, Expect::Revision(Revision::FIRST))),
    )
    .await;
    delete().await.unwrap();
    assert_eq!(store.tenants(&all()).await.unwrap(), []);
    assert!(store.operation(operation.id).await.unwrap().is_some(), "history stays");
}

/// A key to nothing opens nothing.
pub async fn keys_go_with_their_tenant(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let mut platform = api_key(2);
    platform.tenant = None;
    let change = just(Write::PutTenant(tenant(1), Expect::Absent))
        .with(Write::PutApiKey(api_key(1), Expect::Absent))
        .with(Write::PutApiKey(platform.clone(), Expect::Absent));
    apply(&store, change).await;
    apply(&store, just(Write::DeleteTenant(tenant(1).id, Revision::FIRST))).await;
    assert_eq!(store.api_key(api_key(1).id).await.unwrap(), None);
    assert_eq!(store.api_keys(None, &all()).await.unwrap(), [platform]);
}

/// Each within what it is unique in: names of clusters within a tenant, ports within a node.
pub async fn names_numbers_streams_and_ports_are_unique(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let cluster_1 = apply_cluster(&store).await;
    let (shard_1, mut elsewhere) = (shard(&cluster_1, 1), cluster(3));
    let tenant_2 = tenant(2);
    elsewhere.tenant = tenant_2.id;
    elsewhere.name = cluster_1.name.clone();
    let change = just(Write::PutTenant(tenant_2, Expect::Absent))
        .with(Write::PutCluster(cluster(2), Expect::Absent))
        .with(Write::PutCluster(elsewhere.clone(), Expect::Absent));
    apply(&store, change).await;

    let same_name = Tenant {
        name: tenant(1).name,
        ..tenant(5)
    };
    let same_number = Tenant {
        number: TenantId::new(1),
        ..tenant(5)
    };
    let mut same_cluster_name = cluster(5);
    same_cluster_name.name = cluster_1.name.clone();
    let same_stream = Shard {
        stream: shard_1.stream,
        ..shard(&elsewhere, 7)
    };
    let same_shard_name = Shard {
        name: shard_1.name.clone(),
        ..shard(&cluster_1, 8)
    };
    let fresh = shard(&elsewhere, 9);
    let same_port = Replica {
        address: replica(&shard_1, 1).address,
        ..replica(&fresh, 1)
    };
    let refused = [
        (Write::PutTenant(same_name, Expect::Absent), "tenant tenant-1"),
        (Write::PutTenant(same_number, Expect::Absent), "tenant tenant-5"),
        (
            Write::PutCluster(same_cluster_name, Expect::Absent),
            "cluster cluster-1",
        ),
        (Write::PutShard(same_stream, Expect::Absent), "shard 0007"),
        (Write::PutShard(same_shard_name, Expect::Absent), "shard 0001"),
        (Write::PutReplica(same_port.clone(), Expect::Absent), "replica of shd_"),
    ];
    apply(&store, just(Write::PutShard(fresh, Expect::Absent))).await;
    for (write, row) in refused {
        assert_conflict(store.apply(just(write)).await, row);
    }
    let same_port_elsewhere = Replica {
        node: node(3).id,
        ..same_port
    };
    let change =
        just(Write::PutNode(node(3), Expect::Absent)).with(Write::PutReplica(same_port_elsewhere, Expect::Absent));
    apply(&store, change).await;
    // By a change too, not only by a new row.
    let mut renamed = cluster(2);
    renamed.name = cluster_1.name;
    let change = just(Write::PutCluster(renamed, Expect::Revision(Revision::FIRST)));
    assert_conflict(store.apply(change).await, "cluster cluster-1");
}

/// Until it is over.
pub async fn one_operation_at_a_time_works_on_a_cluster(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let (first, mut second, mut elsewhere) = (operation(1), operation(2), operation(3));
    second.cluster = first.cluster;
    second.state = OperationState::Pending;
    elsewhere.cluster = None;
    elsewhere.tenant = Some(TenantKey::new(1));
    apply(&store, just(Write::PutOperation(first.clone(), Expect::Absent))).await;
    let put = |operation: &tenure_control_model::Operation| {
        store.apply(just(Write::PutOperation(operation.clone(), Expect::Absent)))
    };
    assert_conflict(put(&second).await, "operation op_");
    put(&elsewhere).await.unwrap();
    elsewhere.id = operation(4).id;
    put(&elsewhere).await.unwrap();
    second.cluster = Some(ClusterId::new(99));
    put(&second).await.unwrap();
    let mut third = operation(5);
    third.cluster = first.cluster;
    let over = operation_over(1, at(1));
    let change = just(Write::PutOperation(over, Expect::Revision(Revision::FIRST)))
        .with(Write::PutOperation(third, Expect::Absent));
    apply(&store, change).await;
}
