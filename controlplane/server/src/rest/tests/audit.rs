//! The audit log.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tenure_control_model::{Change, Role, Write};

use super::site::Site;
use super::store::{Meddle, is_audit};
use crate::rest::trace::cut;

#[tokio::test]
async fn every_change_has_a_row_from_its_beginning_to_its_end() {
    let site = Site::new().await;
    let demo = site.tenant("demo").await;
    let viewer = site.key(Some(demo), Role::Viewer).await;
    site.send("DELETE", "/v1/tenants/demo", &viewer, &[], None).await;
    site.send("POST", "/v1/tenants/other/api-keys?x=1", &viewer, &[], None)
        .await;
    site.post("/v1/tenants", &json!({"name": "Bad"})).await;
    site.get("/v1/tenants").await;
    let rows = site.get("/v1/audit-log").await;
    let told: Vec<_> = rows.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert!(row["completed_at"].is_string() && row["key"].as_str().unwrap().starts_with("key_"));
            let of_tenant = row.get("tenant").is_some();
            (
                row["method"].clone(),
                row["path"].clone(),
                row["status"].clone(),
                row["problem"].clone(),
                of_tenant,
            )
        })
        .collect();
    let expected = [
        (json!("POST"), json!("/v1/tenants"), json!(400), json!("invalid"), false),
        // It is told to its own tenant what its key tried, not to the other.
        (
            json!("POST"),
            json!("/v1/tenants/other/api-keys"),
            json!(404),
            json!("not-found"),
            true,
        ),
        (
            json!("DELETE"),
            json!("/v1/tenants/demo"),
            json!(403),
            json!("forbidden"),
            true,
        ),
        (json!("POST"), json!("/v1/tenants"), json!(201), json!(null), false),
    ];
    assert_eq!(told, expected);
    let own = site.get("/v1/audit-log?tenant=demo").await;
    assert_eq!(own.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_row_stands_before_anything_is_done() {
    let site = Site::new().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    site.store.meddle(move |change: &Change| {
        let kind = |write: &Write| {
            let Write::PutAudit(row) = write else {
                return "change";
            };
            if row.completed_at.is_none() { "begin" } else { "end" }
        };
        let kinds = change.writes.iter().map(kind);
        seen.lock().unwrap().extend(kinds);
        Meddle::Let
    });
    site.tenant("demo").await;
    assert_eq!(*order.lock().unwrap(), ["begin", "change", "end"]);
    let viewer = site.key(None, Role::Viewer).await;
    order.lock().unwrap().clear();
    let refused = site.send("DELETE", "/v1/tenants/demo", &viewer, &[], None).await;
    assert_eq!(refused.is(), (403, "forbidden"));
    assert_eq!(*order.lock().unwrap(), ["end"], "nothing was begun");
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let site = Site::new().await;
    site.store
        .meddle(|change: &Change| if is_audit(change) { Meddle::Fail } else { Meddle::Let });
    let refused = site.post("/v1/tenants", &json!({"name": "demo"})).await;
    assert_eq!(refused.is(), (503, "database-unavailable"));
    assert_eq!(site.world().await.tenants, []);
    assert_eq!(site.get("/v1/tenants").await.status, 200, "reading needs no row");
}

#[tokio::test]
async fn a_change_that_was_done_is_answered_also_if_its_end_cannot_be_written_down() {
    let site = Site::new().await;
    site.store.meddle(|change: &Change| {
        let is_end = |write: &Write| matches!(write, Write::PutAudit(row) if row.completed_at.is_some());
        if change.writes.iter().any(is_end) {
            Meddle::Fail
        } else {
            Meddle::Let
        }
    });
    assert_eq!(site.post("/v1/tenants", &json!({"name": "demo"})).await.status, 201);
    let row = &site.get("/v1/audit-log").await.body["items"][0];
    assert!(row.get("completed_at").is_none() && row.get("status").is_none());
}

#[tokio::test]
async fn of_a_path_that_nobody_has_only_its_beginning_is_written_down() {
    let site = Site::new().await;
    let path = format!("/v1/tenants/{}", "a".repeat(5000));
    assert_eq!(site.delete(&path).await.is(), (404, "not-found"));
    let row = &site.get("/v1/audit-log").await.body["items"][0];
    assert_eq!(row["path"], path[..256]);
    // Not in the middle of a letter.
    let path = format!("/v1/tenants/{}", "\u{e4}".repeat(300));
    assert_eq!(cut(&path), &path[..256]);
    let path = format!("/v1/tenants/x{}", "\u{e4}".repeat(300));
    assert_eq!(cut(&path), &path[..255]);
    assert_eq!(cut("/v1"), "/v1");
}
