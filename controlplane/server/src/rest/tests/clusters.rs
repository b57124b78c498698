//! Making and ending clusters.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use tenure_control_model::{
    Change, ClusterState, Expect, OperationKind, OperationState, ReplicaState, StepState, Write,
};
use tenure_control_store::{Counter, Store};
use tenure_types::{GroupId, NodeId, StreamId, TenantId};

use super::site::{PASSWORD, Site};
use super::store::{Meddle, is_audit};

const CLUSTERS: &str = "/v1/tenants/demo/clusters";
const SHOP: &str = "/v1/tenants/demo/clusters/shop";

#[tokio::test]
async fn a_cluster_is_placed_at_once_and_started_by_an_operation() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let body = json!({"name": "shop", "shards": 3, "replicas": 2, "memory_bytes": 1_048_576,
                      "eviction_policy": "allkeys-lru", "tls": true, "password": PASSWORD});
    let made = site.post(CLUSTERS, &body).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let operation = made.body["operation"]["id"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/v1/operations/{operation}"));
    assert_eq!(made.body["cluster"]["operation"], operation);
    assert_eq!(made.body["operation"]["target"], "demo/shop");
    assert_eq!(made.body["operation"]["progress_percent"], 33);
    assert_eq!(made.body["cluster"]["state"], "CREATING");
    assert_eq!(made.body["cluster"]["ca_pem"], "the authority");
    assert_eq!(made.body["cluster"]["endpoints"].as_array().unwrap().len(), 9);
    assert!(!made.text.contains(PASSWORD));

    let world = site.world().await;
    let cluster = &world.clusters[0];
    assert_eq!(
        (cluster.state, cluster.certificate.is_none()),
        (ClusterState::Creating, true)
    );
    let hash: [u8; 32] = Sha256::digest(PASSWORD).into();
    assert_eq!(
        (cluster.users[0].name.as_str(), cluster.users[0].password_sha256),
        ("default", hash)
    );
    assert_eq!((world.shards.len(), world.replicas.len()), (3, 9));
    let streams: BTreeSet<_> = world.shards.iter().map(|shard| shard.stream.number()).collect();
    assert_eq!(streams, BTreeSet::from([1, 2, 3]));
    let preferred: BTreeSet<_> = world.shards.iter().map(|shard| shard.preferred).collect();
    assert_eq!(preferred.len(), 3, "each node is to be primary of one");
    let steps = &world.operations[0].steps;
    let states: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.state)).collect();
    let expected = [
        ("place shards", StepState::Done),
        ("start replicas", StepState::Pending),
        ("elect primaries", StepState::Pending),
    ];
    assert_eq!(states, expected);

    // What was answered is what is read.
    let read = site.get(SHOP).await;
    assert_eq!(read.body, made.body["cluster"]);
    assert_eq!(read.header("etag"), "\"1\"");
    let shards = site.get(&format!("{SHOP}/shards")).await;
    assert_eq!(shards.body["items"], made.body["shards"]);
    let events = site.get("/v1/events?tenant=demo&cluster=shop").await;
    assert_eq!(events.body["items"][0]["kind"], "cluster-created");
}

#[tokio::test]
async fn what_is_not_said_has_a_default() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let body = json!({"name": "shop", "password": PASSWORD, "shards": null});
    let made = site.post(CLUSTERS, &body).await;
    let spec =
        json!({"shards": 1, "replicas": 1, "memory_bytes": 268_435_456, "eviction_policy": "noeviction", "tls": true});
    assert_eq!(made.body["cluster"]["spec"], spec);
    let body = json!({"name": "plain", "password": PASSWORD, "tls": false});
    assert!(site.post(CLUSTERS, &body).await.body["cluster"].get("ca_pem").is_none());
}

#[tokio::test]
async fn a_dry_run_tells_where_it_would_be_and_changes_nothing() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let before = site.world().await;
    let body = json!({"name": "shop", "shards": 2, "password": PASSWORD});
    let headers = [("idempotency-key", "one")];
    for _ in 0..2 {
        let path = format!("{CLUSTERS}?dry_run=true");
        let would_be = site.send("POST", &path, &site.owner, &headers, Some(&body)).await;
        assert_eq!(
            (would_be.status.as_u16(), would_be.header("location")),
            (200, ""),
            "{}",
            would_be.text
        );
        assert!(would_be.body.get("operation").is_none());
        let why = &would_be.body["shards"][1]["replicas"][0]["why"];
        assert!(why.as_str().unwrap().len() > 10, "{why}");
        assert_eq!(would_be.header("idempotent-replay"), "");
    }
    assert_eq!(site.world().await, before);
    let made = site.post(CLUSTERS, &body).await;
    assert_eq!(
        made.body["shards"][0]["stream"], "stream-0-1",
        "a dry run takes no numbers"
    );
}

#[tokio::test]
async fn a_name_is_taken_until_its_cluster_is_gone() {
    let site = Site::new().await;
    site.tenant("demo").await;
    site.tenant("other").await;
    let body = json!({"name": "shop", "password": PASSWORD});
    assert_eq!(site.post(CLUSTERS, &body).await.status, 202);
    assert_eq!(site.post(CLUSTERS, &body).await.is(), (409, "already-exists"));
    assert_eq!(site.post("/v1/tenants/other/clusters", &body).await.status, 202);
    assert_eq!(site.delete(SHOP).await.status, 202);
    let refused = site.post(CLUSTERS, &body).await;
    assert_eq!(refused.is(), (409, "already-exists"));
    assert!(refused.text.contains("still being deleted"), "{}", refused.text);
}

#[tokio::test]
async fn a_stream_that_the_log_has_already_is_given_to_no_new_cluster() {
    let site = Site::new().await;
    site.tenant("demo").await;
    // As if the database were an older copy of itself, from before another cluster.
    for number in 1..=3 {
        let create = tenure_log::Create {
            stream: StreamId::new(GroupId::new(0), number),
            tenant: TenantId::new(1),
            restore_window: false,
        };
        site.shared.log.create(create).await.unwrap();
    }
    let body = json!({"name": "shop", "shards": 2, "password": PASSWORD});
    assert_eq!(site.post(CLUSTERS, &body).await.status, 202);
    let streams: Vec<u32> = site
        .world()
        .await
        .shards
        .iter()
        .map(|shard| shard.stream.number())
        .collect();
    assert_eq!(streams, [5, 6]);
}

#[tokio::test]
async fn without_room_the_planner_says_what_is_missing_and_nothing_is_made() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let before = site.world().await;
    let too_many = json!({"name": "shop", "replicas": 3, "password": PASSWORD});
    let refused = site.post(CLUSTERS, &too_many).await;
    assert_eq!(refused.is(), (507, "no-capacity"));
    assert!(
        refused.body["detail"].as_str().unwrap().contains('4'),
        "{}",
        refused.text
    );
    // Nodes that are not heard of count for nothing.
    site.advance(Duration::from_secs(60), &[1]).await;
    let body = json!({"name": "shop", "password": PASSWORD});
    assert_eq!(site.post(CLUSTERS, &body).await.is(), (507, "no-capacity"));
    let after = site.world().await;
    assert_eq!((after.clusters, after.operations), (Vec::new(), Vec::new()));
    assert_eq!(after.generation, before.generation);
}

#[tokio::test]
async fn a_cluster_that_has_no_room_takes_no_numbers_of_streams() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let too_many = json!({"name": "shop", "shards": 500, "password": PASSWORD});
    for _ in 0..3 {
        assert_eq!(site.post(CLUSTERS, &too_many).await.is(), (507, "no-capacity"));
    }
    assert_eq!(site.store.allocate(Counter::Stream, 1).await.unwrap(), 1);
}

#[tokio::test]
async fn what_somebody_else_placed_meanwhile_is_seen_and_no_port_is_given_twice() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let body = json!({"name": "shop", "replicas": 2, "password": PASSWORD});
    assert_eq!(site.post(CLUSTERS, &body).await.status, 202);
    let world = site.world().await;
    // Another cluster comes while each of the next attempts is decided, up to the seventh.
    let mut number = 0;
    site.store.meddle(move |change: &Change| {
        let is_placing = change.writes.iter().any(|write| matches!(write, Write::PutCluster(..)));
        if is_audit(change) || !is_placing || number == 7 {
            return Meddle::Let;
        }
        number += 1;
        let mut cluster = world.clusters[0].clone();
        cluster.id = tenure_control_model::ClusterId::new(number);
        cluster.name = format!("other-{number}").parse().unwrap();
        Meddle::First(Change::default().with(Write::PutCluster(cluster, Expect::Absent)))
    });
    let body = json!({"name": "late", "replicas": 2, "password": PASSWORD});
    let made = site.post(CLUSTERS, &body).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let replicas = site.world().await.replicas;
    let addresses: BTreeSet<_> = replicas.iter().map(|replica| (replica.node, replica.address)).collect();
    assert_eq!(addresses.len(), 6);
}

#[tokio::test]
async fn however_many_come_at_once_each_is_placed() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let bodies =
        (0..20).map(|number| json!({"name": format!("shop-{number}"), "memory_bytes": 1 << 20, "password": PASSWORD}));
    let bodies: Vec<_> = bodies.collect();
    let made = futures::future::join_all(bodies.iter().map(|body| site.post(CLUSTERS, body))).await;
    for reply in made {
        assert_eq!(reply.status, 202, "{}", reply.text);
    }
    let replicas = site.world().await.replicas;
    let addresses: BTreeSet<_> = replicas.iter().map(|replica| (replica.node, replica.address)).collect();
    assert_eq!((addresses.len(), replicas.len()), (40, 40));
}

#[tokio::test]
async fn who_never_finds_the_world_at_rest_is_told_so() {
    let site = Site::new().await;
    site.shop().await;
    let world = site.world().await;
    let mut number = 0;
    site.store.meddle(move |change: &Change| {
        if is_audit(change) {
            return Meddle::Let;
        }
        number += 1;
        let mut cluster = world.clusters[0].clone();
        cluster.id = tenure_control_model::ClusterId::new(number);
        cluster.name = format!("other-{number}").parse().unwrap();
        Meddle::First(Change::default().with(Write::PutCluster(cluster, Expect::Absent)))
    });
    let body = json!({"name": "late", "password": PASSWORD});
    assert_eq!(site.post(CLUSTERS, &body).await.is(), (409, "conflict"));
    assert_eq!(site.get("/v1/tenants/demo/clusters/late").await.status, 404);
}

#[tokio::test]
async fn a_cluster_that_is_deleted_leaves_every_node() {
    let site = Site::new().await;
    let (cluster, _) = site.shop().await;
    let gone = site.delete(SHOP).await;
    assert_eq!(gone.status, 202, "{}", gone.text);
    assert_eq!(gone.body["cluster"]["state"], "DELETING");
    assert_eq!(gone.body["operation"]["kind"], "delete-cluster");
    assert_eq!(gone.body["cluster"]["endpoints"], json!([]));
    let world = site.world().await;
    assert_eq!(world.clusters[0].revision, cluster.revision.next());
    assert!(
        world
            .replicas
            .iter()
            .all(|replica| replica.state == ReplicaState::Leaving)
    );
    // Once more is the same operation, and changes nothing.
    let again = site.delete(SHOP).await;
    assert_eq!((again.status.as_u16(), &again.body), (202, &gone.body));
    assert_eq!(site.world().await, world);
}

#[tokio::test]
async fn deleting_gives_up_a_creation_in_the_same_change_and_waits_for_anything_else() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let body = json!({"name": "shop", "password": PASSWORD});
    let made = site.post(CLUSTERS, &body).await;
    let creation = made.body["operation"]["id"].as_str().unwrap();
    let gone = site.delete(SHOP).await;
    assert_eq!(gone.status, 202, "{}", gone.text);
    let creation = site.get(&format!("/v1/operations/{creation}")).await.body;
    assert_eq!(
        (&creation["state"], &creation["error"]["code"]),
        (&json!("FAILED"), &json!("superseded"))
    );
    assert_eq!(creation["steps"][0]["state"], "DONE");
    assert_eq!(creation["steps"][1]["state"], "FAILED");

    let site = Site::new().await;
    let (cluster, shard) = site.shop().await;
    let to = NodeId::new(2);
    let mut operation = site.store.operations(None, &page()).await.unwrap()[0].clone();
    operation.id = tenure_control_model::OperationId::new(5);
    operation.kind = OperationKind::Failover { shard: shard.id, to };
    operation.state = OperationState::Running;
    operation.finished_at = None;
    site.put(Write::PutOperation(operation.clone(), Expect::Absent)).await;
    let refused = site.delete(SHOP).await;
    assert_eq!(refused.is(), (409, "operation-in-progress"));
    assert_eq!(refused.body["operation"], operation.id.to_string());
    assert_eq!(site.world().await.clusters[0].revision, cluster.revision);
}

#[tokio::test]
async fn who_deletes_with_an_old_etag_is_refused() {
    let site = Site::new().await;
    let (cluster, _) = site.shop().await;
    let current = site.get(SHOP).await.header("etag").to_owned();
    assert_eq!(current, format!("\"{}\"", cluster.revision.get()));
    let old = [("if-match", "\"1\"")];
    let refused = site.send("DELETE", SHOP, &site.owner, &old, None).await;
    assert_eq!(refused.is(), (412, "precondition-failed"));
    assert_eq!(site.world().await.clusters[0].state, ClusterState::Active);
    let now = [("if-match", current.as_str())];
    assert_eq!(site.send("DELETE", SHOP, &site.owner, &now, None).await.status, 202);
}

fn page() -> tenure_control_store::Page {
    tenure_control_store::Page {
        after: None,
        rows_max: 10,
    }
}
