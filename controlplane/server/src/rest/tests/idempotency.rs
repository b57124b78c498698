//! A request that is sent twice is done once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tenure_control_model::{Change, Write};

use super::site::{PASSWORD, Site};
use super::store::{Meddle, is_audit};

const KEY: [(&str, &str); 1] = [("idempotency-key", "one")];
const CLUSTERS: &str = "/v1/tenants/demo/clusters";

#[tokio::test]
async fn the_same_request_is_answered_again_and_not_done_again() {
    let site = Site::new().await;
    let demo = json!({"name": "demo"});
    let tenant = site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&demo)).await;
    let again = site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&demo)).await;
    assert_eq!((again.status, &again.body), (tenant.status, &tenant.body));
    assert_eq!(again.header("location"), tenant.header("location"));
    assert_eq!(
        (tenant.header("idempotent-replay"), again.header("idempotent-replay")),
        ("", "true")
    );

    let shop = json!({"name": "shop", "password": PASSWORD});
    let key = [("idempotency-key", "two")];
    let made = site.send("POST", CLUSTERS, &site.owner, &key, Some(&shop)).await;
    let again = site.send("POST", CLUSTERS, &site.owner, &key, Some(&shop)).await;
    assert_eq!((made.status.as_u16(), again.status.as_u16()), (202, 202));
    assert_eq!(
        (&again.body, again.header("location")),
        (&made.body, made.header("location"))
    );
    assert_eq!(site.world().await.clusters.len(), 1);

    let failover = format!("{CLUSTERS}/shop/shards/0001/failover");
    let refused = site
        .send("POST", &failover, &site.owner, &[("idempotency-key", "three")], None)
        .await;
    assert_eq!(
        refused.is(),
        (409, "operation-in-progress"),
        "what was refused is not remembered"
    );
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let site = Site::new().await;
    let send = async |path: &str, name: &str| {
        let body = json!({"name": name, "role": "viewer"});
        site.send("POST", path, &site.owner, &KEY, Some(&body)).await
    };
    assert_eq!(send("/v1/api-keys", "one").await.status, 201);
    assert_eq!(send("/v1/api-keys", "two").await.is(), (422, "idempotency-key-reused"));
    assert_eq!(send("/v1/tenants", "one").await.is(), (422, "idempotency-key-reused"));
    // Another caller's key of the same text is another key.
    let other = site.key(None, tenure_control_model::Role::Owner).await;
    let body = json!({"name": "two", "role": "viewer"});
    let made = site.send("POST", "/v1/api-keys", &other, &KEY, Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused() {
    let site = Site::new().await;
    let long = "k".repeat(256);
    for key in ["", "a b", "ä", &long] {
        let headers = [("idempotency-key", key)];
        let refused = site
            .send(
                "POST",
                "/v1/tenants",
                &site.owner,
                &headers,
                Some(&json!({"name": "demo"})),
            )
            .await;
        assert_eq!(refused.is(), (400, "invalid"), "{key}");
        assert_eq!(refused.body["errors"][0]["field"], "Idempotency-Key");
    }
    let headers = [("idempotency-key", &long[1..])];
    let made = site
        .send(
            "POST",
            "/v1/tenants",
            &site.owner,
            &headers,
            Some(&json!({"name": "demo"})),
        )
        .await;
    assert_eq!(made.status, 201);
}

#[tokio::test]
async fn the_answer_is_remembered_in_the_change_that_it_tells_of() {
    let site = Site::new().await;
    // The database takes what changes something, and nothing else any more.
    let mut is_done = false;
    site.store.meddle(move |change: &Change| {
        if is_audit(change) {
            return Meddle::Let;
        }
        if is_done {
            return Meddle::Fail;
        }
        is_done = change.writes.iter().any(|write| matches!(write, Write::PutTenant(..)));
        Meddle::Let
    });
    let body = json!({"name": "demo"});
    let made = site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    site.store.heal();
    let again = site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&body)).await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotent-replay")),
        (201, "true")
    );
}

#[tokio::test]
async fn what_failed_is_not_remembered_and_may_be_sent_again() {
    let site = Site::new().await;
    site.store
        .meddle(|change: &Change| if is_audit(change) { Meddle::Let } else { Meddle::Fail });
    let body = json!({"name": "demo"});
    let failed = site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&body)).await;
    assert_eq!(failed.is(), (503, "database-unavailable"));
    assert_eq!(
        (failed.header("retry-after"), failed.body["retry_after"].as_u64()),
        ("1", Some(1))
    );
    site.store.heal();
    assert_eq!(site.world().await.tenants.len(), 0);
    let made = site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&body)).await;
    assert_eq!((made.status.as_u16(), made.header("idempotent-replay")), (201, ""));
}

#[tokio::test]
async fn twins_that_come_at_once_are_one_request() {
    let site = Arc::new(Site::new().await);
    site.tenant("demo").await;
    let shop = json!({"name": "shop", "password": PASSWORD});
    let twins = (0..8).map(|_| site.send("POST", CLUSTERS, &site.owner, &KEY, Some(&shop)));
    let replies = futures::future::join_all(twins).await;
    for reply in &replies {
        assert_eq!(
            (reply.status.as_u16(), &reply.body),
            (202, &replies[0].body),
            "{}",
            reply.text
        );
    }
    let first = replies
        .iter()
        .filter(|reply| reply.header("idempotent-replay").is_empty());
    assert_eq!(first.count(), 1);
    let world = site.world().await;
    assert_eq!((world.clusters.len(), world.operations.len()), (1, 1));
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_while() {
    let site = Site::new().await;
    let body = json!({"name": "demo"});
    assert_eq!(
        site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&body))
            .await
            .status,
        201
    );
    site.clock.advance(Duration::from_secs(24 * 3600));
    let body = json!({"name": "other"});
    let made = site.send("POST", "/v1/tenants", &site.owner, &KEY, Some(&body)).await;
    assert_eq!(
        (made.status.as_u16(), made.header("idempotent-replay")),
        (201, ""),
        "{}",
        made.text
    );
}
