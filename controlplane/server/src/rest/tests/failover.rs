//! Asking for another primary.

use std::time::Duration;

use serde_json::json;
use tenure_control_model::{Cluster, ClusterState, Expect, OperationKind, Write};
use tenure_types::NodeId;

use super::site::Site;

const FAILOVER: &str = "/v1/tenants/demo/clusters/shop/shards/0001/failover";

/// The shop, with a shard on all three nodes.
async fn shop_on_three() -> Site {
    let site = Site::new().await;
    let (_, shard) = site.shop().await;
    let on: Vec<u64> = site
        .world()
        .await
        .replicas
        .iter()
        .map(|replica| replica.node.get())
        .collect();
    let third = (1..=3).find(|node| !on.contains(node)).unwrap();
    let mut replica = site.world().await.replicas[0].clone();
    replica.node = NodeId::new(third);
    replica.shard = shard.id;
    site.put(Write::PutReplica(replica, Expect::Absent)).await;
    site.hear_all(NodeId::new(1)).await;
    site
}

#[tokio::test]
async fn the_replica_that_lacks_least_is_the_next_primary() {
    let site = shop_on_three().await;
    let begun = site.post(FAILOVER, &json!({})).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    // Node 3 holds one record less than node 2.
    assert_eq!(begun.body["operation"]["target"], "demo/shop/0001 to data-2");
    let world = site.world().await;
    let (shard, to) = (world.shards[0].id, NodeId::new(2));
    assert_eq!(world.operations[0].kind, OperationKind::Failover { shard, to });
    let steps: Vec<_> = world.operations[0]
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(steps, ["catch up", "hand over", "confirm"]);
    let second = site.post(FAILOVER, &json!({})).await;
    assert_eq!(second.is(), (409, "operation-in-progress"));
    assert_eq!(second.body["operation"], begun.body["operation"]["id"]);
}

#[tokio::test]
async fn an_empty_body_will_do() {
    let site = shop_on_three().await;
    let begun = site.send("POST", FAILOVER, &site.owner, &[], None).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
}

#[tokio::test]
async fn only_a_live_replica_that_is_not_the_primary_takes_over() {
    let site = shop_on_three().await;
    site.add_node(4, "d").await;
    site.advance(Duration::from_secs(60), &[1, 3, 4]).await;
    site.hear_all(NodeId::new(1)).await;
    for (to, status, code) in [
        ("data-1", 409, "already-primary"),
        ("data-2", 409, "not-a-replica"),
        ("data-4", 409, "not-a-replica"),
        ("data-9", 409, "not-a-replica"),
        ("node-3", 400, "invalid"),
    ] {
        let refused = site.post(FAILOVER, &json!({"to": to})).await;
        assert_eq!(refused.is(), (status, code), "{to}: {}", refused.text);
    }
    assert_eq!(site.world().await.operations, []);
    let begun = site.post(FAILOVER, &json!({"to": "data-3"})).await;
    assert_eq!(
        begun.body["operation"]["target"], "demo/shop/0001 to data-3",
        "{}",
        begun.text
    );
}

#[tokio::test]
async fn without_a_live_replica_there_is_nobody_to_hand_over_to() {
    let site = shop_on_three().await;
    site.advance(Duration::from_secs(60), &[1]).await;
    assert_eq!(site.post(FAILOVER, &json!({})).await.is(), (409, "not-a-replica"));
}

#[tokio::test]
async fn a_cluster_that_is_not_active_has_no_failovers() {
    let site = shop_on_three().await;
    let cluster = site.world().await.clusters[0].clone();
    let creating = Cluster {
        state: ClusterState::Creating,
        ..cluster.clone()
    };
    site.put(Write::PutCluster(creating, Expect::Revision(cluster.revision)))
        .await;
    assert_eq!(site.post(FAILOVER, &json!({})).await.is(), (409, "not-active"));
    let missing = FAILOVER.replace("0001", "0002");
    assert_eq!(site.post(&missing, &json!({})).await.is(), (404, "not-found"));
}
