//! Rules of `apply`.

use std::pin::pin;
use std::task::Poll;

use futures::future::{self, Either};
use tenure_control_model::{Change, Expect, NodePolicy, Revision, Write};

use super::UnderTest;
use super::sample::*;

/// Whichever write fails, none of its change is there.
pub async fn a_change_that_fails_leaves_nothing(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_cluster(&store).await;
    let before = store.world().await.unwrap();
    let good = [
        Write::PutTenant(tenant(9), Expect::Absent),
        Write::PutCluster(cluster(9), Expect::Absent),
        Write::AddEvent(event(9)),
        Write::DeleteReplica(before.replicas[0].shard, before.replicas[0].node, Revision::FIRST),
    ];
    let bad = Write::PutTenant(tenant(1), Expect::Absent);
    for position in 0..=good.len() {
        let mut writes = good.to_vec();
        writes.insert(position, bad.clone());
        assert_conflict(store.apply(Change { writes }).await, "tenant tenant-1");
        assert_eq!(store.world().await.unwrap(), before);
        assert_eq!(store.events(None, None, &all()).await.unwrap(), []);
    }
    apply(&store, Change { writes: good.to_vec() }).await;
}

/// Who placed by a world that was read is refused if another world is there now.
pub async fn a_change_for_another_generation_is_refused(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_cluster(&store).await;
    let now = store.world().await.unwrap().generation;
    let change =
        |generation| just(Write::ExpectGeneration(generation)).with(Write::PutTenant(tenant(9), Expect::Absent));
    for other in [0, now - 1, now + 1] {
        let row = format!("the desired state of generation {other}");
        assert_conflict(store.apply(change(other)).await, &row);
    }
    assert_eq!(
        apply(&store, change(now)).await,
        now,
        "a tenant is nothing that nodes host"
    );
}

/// Whoever stops waiting for a change has made all of it or nothing, and holds nobody up.
pub async fn a_dropped_change_is_whole_or_nothing(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    for turns in 0..200_u32 {
        let before = store.world().await.unwrap();
        let (tenant, node) = (before.tenants[0].clone(), before.nodes[0].clone());
        let change = just(Write::PutTenant(tenant.clone(), Expect::Revision(tenant.revision)))
            .with(Write::PutNode(node.clone(), Expect::Revision(node.revision)));
        let change = pin!(store.apply(change));
        let enough = pin!(yielding(turns * turns / 4));
        let waited = matches!(future::select(change, enough).await, Either::Left(_));
        let after = store.world().await.unwrap();
        let (tenant_is, node_is) = (after.tenants[0].revision, after.nodes[0].revision);
        assert_eq!(tenant_is, node_is, "half a change after {turns} turns");
        if waited {
            assert_eq!(tenant_is, tenant.revision.next());
        }
    }
}

/// Ends after it was polled so many times.
async fn yielding(mut turns: u32) {
    future::poll_fn(|context| {
        if turns == 0 {
            return Poll::Ready(());
        }
        turns -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What is expected to be new is not written over what is there.
pub async fn a_row_that_is_expected_absent_and_is_there_is_refused(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let writes = |expect| {
        let cluster = cluster(1);
        let shard = shard(&cluster, 1);
        let replica = replica(&shard, 1);
        [
            (Write::PutTenant(tenant(1), expect), "tenant tenant-1"),
            (Write::PutNode(node(1), expect), "node-1"),
            (Write::PutCluster(cluster, expect), "cluster cluster-1"),
            (Write::PutShard(shard, expect), "shard 0001"),
            (Write::PutReplica(replica, expect), "replica of shd_"),
            (Write::PutOperation(operation(1), expect), "operation op_"),
            (Write::PutApiKey(api_key(1), expect), "API key key_"),
        ]
    };
    for (write, _) in writes(Expect::Absent) {
        apply(&store, just(write)).await;
    }
    let before = store.world().await.unwrap();
    for (write, row) in writes(Expect::Absent) {
        assert_conflict(store.apply(just(write)).await, row);
    }
    assert_eq!(store.world().await.unwrap(), before);
    for (write, _) in writes(Expect::Revision(Revision::FIRST)) {
        apply(&store, just(write)).await;
    }
}

/// A change names the revisions that it was made from. Others are refused, also of rows that are gone.
pub async fn a_row_that_was_changed_meanwhile_is_refused(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let cluster = apply_cluster(&store).await;
    let (shard, other) = (shard(&cluster, 1), shard(&cluster, 2));
    let first = Expect::Revision(Revision::FIRST);
    apply(&store, just(Write::PutOperation(operation(1), Expect::Absent))).await;
    apply(&store, just(Write::PutApiKey(api_key(1), Expect::Absent))).await;
    let puts = [
        (Write::PutTenant(tenant(1), first), "tenant tenant-1"),
        (Write::PutNode(node(1), first), "node-1"),
        (Write::PutCluster(cluster.clone(), first), "cluster cluster-1"),
        (Write::PutShard(shard.clone(), first), "shard 0001"),
        (Write::PutReplica(replica(&shard, 1), first), "replica of shd_"),
        (Write::PutOperation(operation(1), first), "operation op_"),
        (Write::PutApiKey(api_key(1), first), "API key key_"),
    ];
    for (write, _) in puts.clone() {
        apply(&store, just(write)).await;
    }
    for (write, row) in puts {
        assert_conflict(store.apply(just(write)).await, row);
    }
    let deletes = [
        (Write::DeleteCluster(cluster.id, Revision::FIRST), "cluster clu_"),
        (
            Write::DeleteReplica(shard.id, node(1).id, Revision::FIRST),
            "replica of shd_",
        ),
        (
            Write::DeleteReplica(other.id, node(9).id, Revision::FIRST),
            "replica of shd_",
        ),
        (Write::DeleteTenant(tenant(9).id, Revision::FIRST), "tenant ten_"),
        (Write::PutTenant(tenant(9), first), "tenant tenant-9"),
        (Write::RevokeApiKey(api_key(9).id, at(1)), "API key key_"),
    ];
    for (write, row) in deletes {
        assert_conflict(store.apply(just(write)).await, row);
    }
    assert_eq!(store.world().await.unwrap().replicas.len(), 4);
}

/// Once a change, however many writes change what nodes host; not at all if none does. The first is 1: a node that was told nothing
/// has 0.
pub async fn generation_grows_once_with_what_nodes_host(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    assert_eq!(apply(&store, Change::default()).await, 1);
    apply_ground(&store).await;
    let cluster = cluster(1);
    let shard = shard(&cluster, 1);
    let replica = replica(&shard, 1);
    let made = just(Write::PutCluster(cluster.clone(), Expect::Absent))
        .with(Write::PutShard(shard.clone(), Expect::Absent))
        .with(Write::PutReplica(replica.clone(), Expect::Absent));
    assert_eq!(apply(&store, made).await, 2);
    let quiet = just(Write::PutTenant(tenant(1), Expect::Revision(Revision::FIRST)))
        .with(Write::PutNode(node(1), Expect::Revision(Revision::FIRST)))
        .with(Write::AddPlugin(plugin(1), module(&plugin(1))))
        .with(Write::AddPlugin(plugin(2), module(&plugin(2))))
        .with(Write::DeletePlugin(plugin(2).id))
        .with(Write::PutReport(report(1)))
        .with(Write::PutOperation(operation(1), Expect::Absent))
        .with(Write::PutApiKey(api_key(1), Expect::Absent))
        .with(Write::RevokeApiKey(api_key(1).id, at(1)))
        .with(Write::PutFailover(failover(1)))
        .with(Write::AddEvent(event(1)))
        .with(Write::PutAudit(audit_row(1)))
        .with(Write::Remember(remembered(1)));
    assert_eq!(apply(&store, quiet).await, 2);
    let first = Expect::Revision(Revision::FIRST);
    let second = Revision::FIRST.next();
    let loud = [
        Write::PutCluster(cluster.clone(), first),
        Write::PutShard(shard.clone(), first),
        Write::PutReplica(replica.clone(), first),
        Write::DeleteReplica(replica.shard, replica.node, second),
        Write::PutAttachment(attachment(&cluster, &plugin(1)), Expect::Absent),
        Write::DeleteAttachment(cluster.id, plugin(1).name, Revision::FIRST),
        Write::DeleteCluster(cluster.id, second),
    ];
    for (write, generation) in loud.into_iter().zip(3..) {
        assert_eq!(apply(&store, just(write)).await, generation);
        assert_eq!(store.world().await.unwrap().generation, generation);
    }
}

/// All named the same revision.
pub async fn of_concurrent_changes_of_one_row_one_wins(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    for round in 0..10 {
        let before = store.world().await.unwrap().nodes[0].clone();
        let contend = |contender: u64| {
            let mut node = before.clone();
            node.process = contender;
            let write = Write::PutNode(node, Expect::Revision(before.revision));
            let store = &store;
            async move { (contender, store.apply(just(write)).await) }
        };
        let results = future::join_all((0..16).map(contend)).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
        let winners: Vec<_> = won.into_iter().map(|(contender, _)| contender).collect();
        let after = store.world().await.unwrap().nodes[0].clone();
        assert_eq!(winners, [after.process], "round {round}");
        assert_eq!(after.revision, before.revision.next());
        for (_, result) in lost {
            assert_conflict(result, "node-1");
        }
    }
}

/// The store counts; what stands in a row that is put is ignored.
pub async fn revision_counts_changes_whatever_the_row_says(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let mut tenant = tenant(1);
    tenant.revision = Revision::new(77);
    apply(&store, just(Write::PutTenant(tenant.clone(), Expect::Absent))).await;
    for number in 1..4 {
        let revision = Revision::new(number);
        let stored = store.tenant(&tenant.name).await.unwrap().unwrap();
        assert_eq!(stored.revision, revision);
        let write = Write::PutTenant(tenant.clone(), Expect::Revision(revision));
        apply(&store, just(write)).await;
    }
}

/// A row may be made and changed, or give its name away and be followed, in one change.
pub async fn writes_are_made_in_their_order(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let (mut old, mut new, mut node) = (tenant(1), tenant(2), node(1));
    new.name = old.name.clone();
    apply(&store, just(Write::PutTenant(old.clone(), Expect::Absent))).await;
    old.name = name("formerly");
    node.policy = NodePolicy::Cordoned;
    let change = just(Write::PutTenant(old, Expect::Revision(Revision::FIRST)))
        .with(Write::PutTenant(new.clone(), Expect::Absent))
        .with(Write::PutNode(super::sample::node(1), Expect::Absent))
        .with(Write::PutNode(node, Expect::Revision(Revision::FIRST)));
    apply(&store, change).await;
    let world = store.world().await.unwrap();
    assert_eq!(world.tenants[1].name, new.name);
    assert_eq!(world.nodes[0].policy, NodePolicy::Cordoned);
    assert_eq!(world.nodes[0].revision, Revision::new(2));
}
