//! Tenants.

use serde_json::json;
use tenure_control_model::Role;

use super::site::{PASSWORD, Site};

#[tokio::test]
async fn a_tenant_is_made_once_and_shown_as_it_was_made() {
    let site = Site::new().await;
    let made = site.post("/v1/tenants", &json!({"name": "demo"})).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), "/v1/tenants/demo");
    assert_eq!(made.body["name"], "demo");
    assert_eq!(made.body["created_at"], "2023-11-14T22:13:20.000Z");
    assert_eq!(site.get("/v1/tenants/demo").await.body, made.body);
    let again = site.post("/v1/tenants", &json!({"name": "demo"})).await;
    assert_eq!(again.is(), (409, "already-exists"));
    assert_eq!(site.world().await.tenants.len(), 1);
}

#[tokio::test]
async fn a_tenant_goes_only_without_clusters_and_its_keys_go_with_it() {
    let site = Site::new().await;
    let demo = site.tenant("demo").await;
    let token = site.key(Some(demo), Role::Owner).await;
    let body = json!({"name": "shop", "password": PASSWORD});
    assert_eq!(site.post("/v1/tenants/demo/clusters", &body).await.status, 202);
    assert_eq!(site.delete("/v1/tenants/demo").await.is(), (409, "in-use"));
    assert_eq!(
        site.send("GET", "/v1/whoami", &token, &[], None).await.body["key"]["tenant"],
        "demo"
    );
    site.tenant("empty").await;
    let empty = site.delete("/v1/tenants/empty").await;
    assert_eq!((empty.status.as_u16(), empty.text.as_str()), (204, ""));
    assert_eq!(site.get("/v1/tenants/empty").await.is(), (404, "not-found"));
    assert_eq!(site.delete("/v1/tenants/empty").await.is(), (404, "not-found"));
}

#[tokio::test]
async fn keys_of_a_tenant_that_is_gone_open_nothing() {
    let site = Site::new().await;
    let demo = site.tenant("demo").await;
    let token = site.key(Some(demo), Role::Owner).await;
    assert_eq!(site.send("GET", "/v1/whoami", &token, &[], None).await.status, 200);
    assert_eq!(site.delete("/v1/tenants/demo").await.status, 204);
    assert_eq!(site.send("GET", "/v1/whoami", &token, &[], None).await.status, 401);
}
