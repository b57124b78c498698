//! What only a few do at a time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tenure_control_model::Role;

use super::site::{PASSWORD, Site};
use crate::rest::CHANGES_MAX;
use crate::rest::turns::WAITING_OF_ONE_MAX;

#[tokio::test]
async fn a_change_that_finds_no_turn_is_told_to_come_again_and_nothing_of_it_is_done() {
    let site = Site::new().await;
    let body = json!({"name": "demo"});
    let all = u32::try_from(CHANGES_MAX).unwrap();
    let turns = site.rest.changes.acquire_many(all).await.unwrap();
    let refused = site.post("/v1/tenants", &body).await;
    assert_eq!((refused.is(), refused.header("retry-after")), ((503, "busy"), "1"));
    assert_eq!(site.get("/v1/audit-log").await.body["items"], json!([]));
    assert_eq!(site.world().await.tenants, [], "reading needs no turn");
    drop(turns);
    assert_eq!(site.post("/v1/tenants", &body).await.status, 201);
}

#[tokio::test]
async fn who_waits_long_to_decide_is_told_to_come_again_and_a_dry_run_does_not_wait() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let body = json!({"name": "shop", "password": PASSWORD});
    let path = "/v1/tenants/demo/clusters";
    let turn = site.rest.deciding.acquire().await.unwrap();
    assert_eq!(site.post(&format!("{path}?dry_run=true"), &body).await.status, 200);
    let refused = site.post(path, &body).await;
    assert_eq!((refused.is(), refused.header("retry-after")), ((503, "busy"), "1"));
    assert_eq!(site.world().await.clusters, []);
    drop(turn);
    assert_eq!(site.post(path, &body).await.status, 202);
}

#[tokio::test]
async fn one_caller_does_not_take_all_places_to_wait_in() {
    let site = Arc::new(Site::new().await);
    let begun = site.post("/v1/admin/log-groups/verify", &json!({})).await;
    let path = format!("/v1/operations/{}?wait=60s", begun.body["id"].as_str().unwrap());
    let other = site.key(None, Role::Viewer).await;
    let wait = |token: &str| {
        let (site, path, token) = (Arc::clone(&site), path.clone(), token.to_owned());
        tokio::spawn(async move { site.send("GET", &path, &token, &[], None).await })
    };
    let mut waiting: Vec<_> = (0..WAITING_OF_ONE_MAX).map(|_| wait(&site.owner)).collect();
    until_waiting(&site, WAITING_OF_ONE_MAX).await;
    let refused = site.get(&path).await;
    assert_eq!(
        (refused.is(), refused.header("retry-after")),
        ((429, "too-many-requests"), "1")
    );
    waiting.push(wait(&other));
    until_waiting(&site, WAITING_OF_ONE_MAX + 1).await;
    site.finish().await;
    for reply in waiting {
        assert_eq!(reply.await.unwrap().status, 200);
    }
    assert_eq!(site.get(&path).await.status, 200);
}

async fn until_waiting(site: &Site, count: usize) {
    let reached = async {
        while site.waiting() != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap();
}
