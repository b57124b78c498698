//! Operations, and waiting for them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::site::Site;

const VERIFY: &str = "/v1/admin/log-groups/verify";

#[tokio::test]
async fn the_log_is_verified_once_at_a_time() {
    let site = Site::new().await;
    let begun = site.send("POST", VERIFY, &site.owner, &[], None).await;
    assert_eq!(
        (begun.status.as_u16(), begun.body["kind"].as_str()),
        (202, Some("verify-log")),
        "{}",
        begun.text
    );
    let id = begun.body["id"].as_str().unwrap();
    assert_eq!(begun.header("location"), format!("/v1/operations/{id}"));
    let second = site.post(VERIFY, &json!({})).await;
    assert_eq!(
        (second.is(), second.body["operation"].as_str()),
        ((409, "operation-in-progress"), Some(id))
    );
    site.finish().await;
    assert_eq!(site.post(VERIFY, &json!({})).await.status, 202);
}

#[tokio::test]
async fn who_waits_is_answered_at_the_end_of_the_operation() {
    let site = Arc::new(Site::new().await);
    let begun = site.post(VERIFY, &json!({})).await;
    let path = format!("/v1/operations/{}?wait=60s", begun.body["id"].as_str().unwrap());
    let waiting = tokio::spawn({
        let site = Arc::clone(&site);
        async move { site.get(&path).await }
    });
    while site.waiting() == 0 {
        assert!(!waiting.is_finished(), "it did not wait");
        tokio::task::yield_now().await;
    }
    site.finish().await;
    let answered = tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            answered.body["state"].as_str(),
            answered.body["progress_percent"].as_u64()
        ),
        (Some("SUCCEEDED"), Some(100))
    );
}

#[tokio::test]
async fn who_waits_longer_than_that_is_answered_as_it_stands() {
    let site = Site::new().await;
    let begun = site.post(VERIFY, &json!({})).await;
    let path = format!("/v1/operations/{}?wait=1s", begun.body["id"].as_str().unwrap());
    let answered = site.get(&path).await;
    assert_eq!(
        (answered.status.as_u16(), answered.body["state"].as_str()),
        (200, Some("PENDING"))
    );
}

#[tokio::test]
async fn a_change_wakes_a_reconciler_and_no_reader_takes_its_turn() {
    let site = Site::new().await;
    let begun = site.post(VERIFY, &json!({})).await;
    let path = format!("/v1/operations/{}?wait=1s", begun.body["id"].as_str().unwrap());
    site.get(&path).await;
    tokio::time::timeout(Duration::from_secs(5), site.shared.wake.notified())
        .await
        .unwrap();
}
