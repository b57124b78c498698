//! What clusters, nodes and leases look like when things are well, and when they are not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tenure_control_model::{Expect, Node, NodeReport, Refusal, Replica, ReplicaState, Standing, Write};
use tenure_control_store::Store;
use tenure_types::{Clock, LeaseLength, NodeId, WallTime};

use super::site::{Site, log_status};
use crate::Observed;

const SHOP: &str = "/v1/tenants/demo/clusters/shop";

async fn conditions(site: &Site) -> Value {
    let cluster = site.get(SHOP).await.body;
    let list = cluster["conditions"].as_array().unwrap().clone();
    let short = |condition: &Value| {
        assert!(condition["message"].as_str().unwrap().len() > 10);
        let told = format!(
            "{} {}",
            condition["status"].as_str().unwrap(),
            condition["reason"].as_str().unwrap()
        );
        (condition["type"].as_str().unwrap().to_owned(), json!(told))
    };
    Value::Object(list.iter().map(short).collect())
}

fn well() -> Value {
    json!({"Available": "True AllShardsAnswer", "Durable": "True LogHasLeaders", "ReplicasReady": "True AllReplicasFollow",
           "ZoneRedundant": "True ZonesDiffer", "Scheduled": "True AllReplicasPlaced"})
}

fn but(changes: Value) -> Value {
    let mut all = well();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

/// The shop, all of whose replicas are heard of. On nodes 1 and 2, or whichever were chosen.
async fn shop() -> (Site, Vec<NodeId>) {
    let site = Site::new().await;
    site.shop().await;
    let replicas = site.world().await.replicas;
    let mut nodes: Vec<NodeId> = replicas.iter().map(|replica| replica.node).collect();
    nodes.sort();
    site.hear_all(nodes[0]).await;
    (site, nodes)
}

impl Site {
    /// What the log told, a little different.
    async fn log_tells(&self, change: impl FnOnce(&mut Observed)) {
        let mut observed = Observed::clone(&self.observed.borrow());
        change(&mut observed);
        self.observed.send_replace(Arc::new(observed));
    }

    /// What a node reported, a little different.
    async fn node_tells(&self, node: NodeId, change: impl FnOnce(&mut NodeReport)) {
        let reports = self.world().await.reports;
        let mut report = reports.into_iter().find(|report| report.node == node).unwrap();
        change(&mut report);
        self.put(Write::PutReport(report)).await;
    }
}

#[tokio::test]
async fn all_conditions_hold_when_everything_was_heard_of() {
    let (site, _) = shop().await;
    assert_eq!(conditions(&site).await, well());
}

#[tokio::test]
async fn a_cluster_is_available_only_while_every_shard_has_an_owner_that_answers() {
    let (site, nodes) = shop().await;
    let stream = site.world().await.shards[0].stream;
    site.log_tells(|observed| observed.streams.get_mut(&stream).unwrap().released = true)
        .await;
    assert_eq!(conditions(&site).await, but(json!({"Available": "False NoPrimary"})));
    site.hear_all(nodes[0]).await;
    site.log_tells(|observed| observed.streams.get_mut(&stream).unwrap().owned = None)
        .await;
    assert_eq!(conditions(&site).await, but(json!({"Available": "False NoPrimary"})));
    site.hear_all(nodes[0]).await;
    site.log_tells(|observed| {
        observed.streams.get_mut(&stream).unwrap().silent = LeaseLength::from_millis(1200).unwrap().as_duration();
    })
    .await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"Available": "False PrimarySilent"}))
    );
    site.hear_all(nodes[0]).await;
    site.log_tells(|observed| {
        observed.streams.clear();
    })
    .await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"Available": "Unknown NotObserved"}))
    );
    site.hear_all(nodes[0]).await;
    site.node_tells(nodes[0], |report| report.replicas[0].standing = Standing::Replica)
        .await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"Available": "False PrimaryNotReady"}))
    );
}

#[tokio::test]
async fn silence_grows_while_the_log_does_not_tell_anew() {
    let (site, nodes) = shop().await;
    let all: Vec<u64> = nodes.iter().map(|node| node.get()).collect();
    site.advance(Duration::from_millis(1189), &all).await;
    assert_eq!(conditions(&site).await, well());
    let shards = site.get(&format!("{SHOP}/shards")).await;
    assert_eq!(shards.body["items"][0]["silent_millis"], 1199);
    site.advance(Duration::from_millis(1), &all).await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"Available": "False PrimarySilent"}))
    );
}

#[tokio::test]
async fn a_cluster_is_durable_while_its_log_group_has_a_leader() {
    let (site, _) = shop().await;
    site.log_tells(|observed| observed.log = Some(log_status(None))).await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"Durable": "False LogWithoutLeader"}))
    );
    site.log_tells(|observed| observed.log = None).await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"Durable": "Unknown LogNotObserved"}))
    );
    assert_eq!(site.get("/v1/admin/log-groups").await.is(), (503, "log-unavailable"));
}

#[tokio::test]
async fn replicas_that_do_not_follow_are_named() {
    let (site, nodes) = shop().await;
    for (standing, reason) in [
        (Standing::Loading, "False ReplicaNotReady"),
        (Standing::Lapsed, "False ReplicaNotReady"),
        (Standing::Broken, "False ReplicaBroken"),
    ] {
        site.node_tells(nodes[1], |report| report.replicas[0].standing = standing)
            .await;
        assert_eq!(conditions(&site).await, but(json!({"ReplicasReady": reason})));
    }
    site.node_tells(nodes[1], |report| report.replicas.clear()).await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"ReplicasReady": "False ReplicaNotReady"}))
    );
    site.hear_all(nodes[0]).await;
    site.advance(Duration::from_millis(3001), &[nodes[0].get()]).await;
    let told = conditions(&site).await;
    assert_eq!(told["ReplicasReady"], "False ReplicaLost");
}

#[tokio::test]
async fn a_replica_that_leaves_is_missing_until_another_is_placed() {
    let (site, nodes) = shop().await;
    let replica = site
        .world()
        .await
        .replicas
        .into_iter()
        .find(|replica| replica.node == nodes[1])
        .unwrap();
    let leaving = Replica {
        state: ReplicaState::Leaving,
        ..replica.clone()
    };
    site.put(Write::PutReplica(leaving, Expect::Revision(replica.revision)))
        .await;
    let expected = json!({"ReplicasReady": "False ReplicaMissing", "ZoneRedundant": "False ReplicaMissing",
                          "Scheduled": "False ReplicaMissing"});
    assert_eq!(conditions(&site).await, but(expected));
    let cluster = site.get(SHOP).await.body;
    assert_eq!(cluster["endpoints"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_zone_for_two_replicas_is_not_redundant() {
    let (site, nodes) = shop().await;
    let world = site.world().await;
    let (one, two) = (
        world.nodes.iter().find(|node| node.id == nodes[0]).unwrap(),
        world.nodes.iter().find(|node| node.id == nodes[1]).unwrap(),
    );
    let moved = Node {
        zone: one.zone.clone(),
        ..two.clone()
    };
    site.put(Write::PutNode(moved, Expect::Revision(two.revision))).await;
    assert_eq!(
        conditions(&site).await,
        but(json!({"ZoneRedundant": "False ZoneShared"}))
    );
}

#[tokio::test]
async fn a_replica_is_what_its_node_says_unless_it_leaves_or_is_lost() {
    let (site, nodes) = shop().await;
    let replicas = async || {
        let shard = &site.get(&format!("{SHOP}/shards")).await.body["items"][0];
        let mut roles: Vec<(String, String)> = shard["replicas"]
            .as_array()
            .unwrap()
            .iter()
            .map(|replica| {
                (
                    replica["node"].as_str().unwrap().to_owned(),
                    replica["role"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        roles.sort();
        roles.into_iter().map(|(_, role)| role).collect::<Vec<_>>()
    };
    assert_eq!(replicas().await, ["PRIMARY", "REPLICA"]);
    for (standing, role) in [
        (Standing::Loading, "LOADING"),
        (Standing::Lapsed, "LAPSED"),
        (Standing::Broken, "BROKEN"),
    ] {
        site.node_tells(nodes[0], |report| report.replicas[0].standing = standing)
            .await;
        assert_eq!(replicas().await[0], role);
    }
    // A node may not have heard yet that another one owns the shard.
    site.node_tells(nodes[1], |report| report.replicas[0].standing = Standing::Primary)
        .await;
    assert_eq!(replicas().await[1], "LAPSED");
    site.node_tells(nodes[1], |report| report.replicas[0].standing = Standing::Replica)
        .await;
    site.node_tells(nodes[0], |report| report.replicas.clear()).await;
    assert_eq!(replicas().await[0], "PENDING");
    let replica = site
        .world()
        .await
        .replicas
        .into_iter()
        .find(|replica| replica.node == nodes[0])
        .unwrap();
    let leaving = Replica {
        state: ReplicaState::Leaving,
        ..replica.clone()
    };
    site.put(Write::PutReplica(leaving, Expect::Revision(replica.revision)))
        .await;
    assert_eq!(replicas().await[0], "LEAVING");
    site.advance(Duration::from_secs(10), &[nodes[1].get()]).await;
    assert_eq!(replicas().await, ["LOST", "REPLICA"]);
}

#[tokio::test]
async fn a_node_that_was_seen_by_a_clock_that_was_set_back_since_is_not_alive() {
    let (site, nodes) = shop().await;
    let path = format!("/v1/admin/nodes/data-{}", nodes[0].get());
    assert_eq!(site.get(&path).await.body["alive"], true);
    let ahead = WallTime::from_unix_millis(site.clock.wall().as_unix_millis() + 600_000);
    site.store.renew_nodes(&nodes[..1], ahead).await.unwrap();
    assert_eq!(site.get(&path).await.body["alive"], false);
}

#[tokio::test]
async fn a_shard_shows_who_owns_it_how_far_each_replica_is_and_what_a_node_could_not_do() {
    let (site, nodes) = shop().await;
    let world = site.world().await;
    let (stream, tenant) = (world.shards[0].stream, world.tenants[0].number);
    site.node_tells(nodes[1], |report| {
        report.refusals.push(Refusal {
            stream: Some(stream),
            tenant,
            cluster: "shop".to_owned(),
            reason: "port 7501 is taken".to_owned(),
            plugin: None,
        });
    })
    .await;
    let shard = &site.get(&format!("{SHOP}/shards")).await.body["items"][0];
    let (first, second) = (nodes[0].get(), nodes[1].get());
    assert_eq!(shard["owner"], format!("data-{first}"));
    assert_eq!(
        (&shard["epoch"], &shard["tail"], &shard["silent_millis"]),
        (&json!(3), &json!(100), &json!(10))
    );
    assert_eq!(shard["slots"], json!(["0-16383"]));
    let name = format!("data-{second}");
    let replica = shard["replicas"]
        .as_array()
        .unwrap()
        .iter()
        .find(|replica| replica["node"] == name.as_str())
        .unwrap();
    assert_eq!(
        (&replica["lsn"], &replica["lag_records"]),
        (&json!(100 - second), &json!(second))
    );
    assert_eq!(
        (&replica["keys"], &replica["memory_bytes"], &replica["clients"]),
        (&json!(5), &json!(1000), &json!(1))
    );
    assert_eq!(replica["problem"], "port 7501 is taken");
}

#[tokio::test]
async fn operators_see_nodes_groups_and_leases() {
    let (site, nodes) = shop().await;
    let name = format!("data-{}", nodes[0].get());
    let node = site.get(&format!("/v1/admin/nodes/{name}")).await.body;
    assert_eq!(
        (&node["name"], &node["alive"], &node["policy"]),
        (&json!(name), &json!(true), &json!("ACTIVE"))
    );
    assert_eq!(
        (&node["promised_bytes"], &node["ports"]),
        (&json!(256 << 20), &json!(["7501-7600"]))
    );
    assert_eq!(
        (&node["replicas"][0]["cluster"], &node["replicas"][0]["role"]),
        (&json!("shop"), &json!("PRIMARY"))
    );
    let list = site.get("/v1/admin/nodes").await.body;
    assert!(list["items"].as_array().unwrap().contains(&node));
    let groups =
        json!({"groups": [{"id": 0, "leader": "log-2", "voters": ["log-1", "log-2", "log-3"], "committed": 42}]});
    assert_eq!(site.get("/v1/admin/log-groups").await.body, groups);
    let lease = &site.get("/v1/admin/leases").await.body["items"][0];
    let incarnation = format!("{:016x}", nodes[0].get() + 0xa0);
    let expected = json!({"tenant": "demo", "cluster": "shop", "shard": "0001", "stream": "stream-0-1", "epoch": 3,
                          "owner": name, "incarnation": incarnation, "lease_millis": 1200, "silent_millis": 10,
                          "released": false, "tail": 100, "retained_bytes": 4096});
    assert_eq!(lease, &expected);
}
