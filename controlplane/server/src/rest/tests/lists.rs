//! Lists, a page at a time.

use serde_json::{Value, json};
use tenure_control_model::Role;

use super::site::{PASSWORD, Site};

/// All rows, read in pages of this size.
async fn walk(site: &Site, path: &str, rows: usize) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut all, mut token) = (Vec::new(), String::new());
    for _ in 0..100 {
        let page = site.get(&format!("{path}{separator}page_size={rows}{token}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= rows);
        all.extend(items.iter().cloned());
        match page.body.get("next_page_token") {
            Some(next) => token = format!("&page_token={}", next.as_str().unwrap()),
            None => return all,
        }
    }
    panic!("the list has no end");
}

#[tokio::test]
async fn pages_of_every_list_hold_every_row_once() {
    let site = Site::new().await;
    for name in ["demo", "a", "b", "c", "d"] {
        site.tenant(name).await;
    }
    for number in 0..3 {
        let body = json!({"name": format!("shop-{number}"), "shards": 3, "password": PASSWORD});
        assert_eq!(site.post("/v1/tenants/demo/clusters", &body).await.status, 202);
    }
    let demo = site.world().await.clusters[0].tenant;
    for _ in 0..4 {
        site.key(None, Role::Viewer).await;
        site.key(Some(demo), Role::Viewer).await;
        site.key(Some(demo), Role::Viewer).await;
    }
    for (path, rows) in [
        ("/v1/tenants", 5),
        ("/v1/tenants/demo/clusters", 3),
        ("/v1/tenants/demo/clusters/shop-0/shards", 3),
        ("/v1/tenants/demo/api-keys", 8),
        ("/v1/api-keys", 5),
        ("/v1/operations", 3),
        ("/v1/operations?tenant=demo", 3),
        ("/v1/events?tenant=demo&cluster=shop-1", 1),
        ("/v1/events", 3),
        ("/v1/audit-log", 8),
        ("/v1/audit-log?tenant=demo", 3),
        ("/v1/admin/nodes", 3),
        ("/v1/admin/leases", 9),
    ] {
        let whole = walk(&site, path, 500).await;
        assert_eq!(whole.len(), rows, "{path}");
        for size in [1, 2, rows] {
            assert_eq!(walk(&site, path, size).await, whole, "{path} by {size}");
        }
    }
}

#[tokio::test]
async fn a_token_of_one_list_is_none_of_another() {
    let site = Site::new().await;
    site.tenant("demo").await;
    site.tenant("other").await;
    let page = site.get("/v1/tenants?page_size=1").await;
    let token = page.body["next_page_token"].as_str().unwrap();
    for list in [
        "/v1/operations",
        "/v1/events",
        "/v1/api-keys",
        "/v1/audit-log",
        "/v1/admin/nodes",
        "/v1/admin/leases",
    ] {
        let refused = site.get(&format!("{list}?page_token={token}")).await;
        assert_eq!(refused.is(), (400, "invalid"), "{list}");
    }
}
