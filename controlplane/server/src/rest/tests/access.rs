//! Who may do what.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use tenure_control_model::{Change, Role, Write};
use tokio::sync::Notify;

use super::site::{PASSWORD, Reply, Site};
use super::store::Meddle;
use crate::Options;
use crate::rest::access::{RULES, Rule, Scope};
use crate::rest::openapi::operations_of;
use crate::rest::{Rest, endpoints};

const ROLES: [Role; 5] = [Role::Owner, Role::Admin, Role::Operator, Role::Viewer, Role::Metrics];

fn rest_of(site: &Site) -> Rest {
    crate::rest::rest(site.shared.clone())
}

#[tokio::test]
async fn every_route_has_a_rule_and_every_rule_a_route() {
    let site = Site::new().await;
    let (_, mut document) = endpoints(&rest_of(&site));
    let mut routes = Vec::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_of(item) {
            let parameters = serde_json::to_value(&operation.parameters).unwrap();
            let in_query = |parameter: &&serde_json::Value| parameter["in"] == "query";
            let query: Vec<String> = parameters
                .as_array()
                .into_iter()
                .flatten()
                .filter(in_query)
                .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                .collect();
            routes.push((method.to_owned(), path.clone(), sorted(query)));
        }
    }
    routes.retain(|(_, path, _)| path.starts_with("/v1/"));
    let rule = |rule: &Rule| {
        let query = rule.query.iter().map(|name| (*name).to_owned()).collect();
        (rule.method.to_string(), rule.path.to_owned(), sorted(query))
    };
    assert_eq!(sorted(routes), sorted(RULES.iter().map(rule).collect()));
}

#[tokio::test]
async fn every_role_may_do_what_the_table_says_and_no_more() {
    let site = Site::new().await;
    site.shop().await;
    let other = site.tenant("other").await;
    let demo = site
        .world()
        .await
        .tenants
        .iter()
        .find(|tenant| tenant.id != other)
        .unwrap()
        .id;
    for role in ROLES {
        let holders = [(None, "platform"), (Some(demo), "own"), (Some(other), "foreign")];
        for (tenant, holder) in holders {
            let token = site.key(tenant, role).await;
            for rule in RULES {
                // What is named is not there, so nothing is deleted; the tenant is there, and in use.
                let path = rule
                    .path
                    .replace("{tenant}", "demo")
                    .replace("{cluster}", "none")
                    .replace("{shard}", "0001")
                    .replace("{id}", "none")
                    .replace("{name}", "none")
                    .replace("{version}", "1.0.0");
                let reply = site.send(rule.method.as_str(), &path, &token, &[], None).await;
                let asked = format!("{role:?} of {holder}: {} {path}: {}", rule.method, reply.text);
                let names_tenant = rule.path.contains("{tenant}");
                if holder == "foreign" && names_tenant {
                    assert_eq!(reply.is(), (404, "not-found"), "{asked}");
                    assert!(reply.text.contains("there is no tenant"), "{asked}");
                } else if role > rule.least || (rule.scope == Scope::Platform && tenant.is_some()) {
                    assert_eq!(reply.is(), (403, "forbidden"), "{asked}");
                } else {
                    assert!(![401, 403].contains(&reply.status.as_u16()), "{asked}");
                    assert!(!reply.text.contains("there is no tenant"), "{asked}");
                    assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{asked}");
                    site.finish().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_another_tenants_answers_as_what_does_not_exist() {
    let site = Site::new().await;
    site.shop().await;
    let other = site.tenant("other").await;
    let token = site.key(Some(other), Role::Owner).await;
    let operation = site.get("/v1/operations").await.body["items"][0]["id"].clone();
    let operation = operation.as_str().unwrap();
    let missing_operation = operation
        .replace("op_", "op_f")
        .get(..operation.len())
        .unwrap()
        .to_owned();
    let pairs = [
        ("/v1/tenants/demo", "/v1/tenants/nobody"),
        ("/v1/tenants/demo/clusters", "/v1/tenants/nobody/clusters"),
        ("/v1/tenants/demo/clusters/shop", "/v1/tenants/nobody/clusters/shop"),
        (
            "/v1/tenants/demo/clusters/shop/shards",
            "/v1/tenants/nobody/clusters/shop/shards",
        ),
        ("/v1/tenants/demo/plugins", "/v1/tenants/nobody/plugins"),
        (
            "/v1/tenants/demo/plugins/ratelimit/versions/1.0.0",
            "/v1/tenants/nobody/plugins/ratelimit/versions/1.0.0",
        ),
        ("/v1/tenants/demo/api-keys", "/v1/tenants/nobody/api-keys"),
        ("/v1/operations?tenant=demo", "/v1/operations?tenant=nobody"),
        ("/v1/events?tenant=demo", "/v1/events?tenant=nobody"),
        (
            "/v1/events?tenant=demo&cluster=shop",
            "/v1/events?tenant=nobody&cluster=shop",
        ),
        ("/v1/audit-log?tenant=demo", "/v1/audit-log?tenant=nobody"),
        (
            &format!("/v1/operations/{operation}"),
            &format!("/v1/operations/{missing_operation}"),
        ),
    ];
    for (foreign, missing) in pairs {
        let of_foreign = site.send("GET", foreign, &token, &[], None).await;
        let of_missing = site.send("GET", missing, &token, &[], None).await;
        assert_eq!(of_foreign.is(), (404, "not-found"), "{foreign}");
        let told = |mut reply: Reply, named: &str, instead: &str| {
            reply.body["instance"] = json!("");
            reply.body.to_string().replace(named, instead)
        };
        let (foreign, missing) = (told(of_foreign, "demo", "…"), told(of_missing, "nobody", "…"));
        assert_eq!(
            foreign.replace(operation, "…"),
            missing.replace(&missing_operation, "…")
        );
    }
    for path in ["/v1/operations", "/v1/events", "/v1/audit-log"] {
        let own = site.send("GET", path, &token, &[], None).await;
        assert_eq!(
            (own.status, own.body["items"].to_string()),
            (StatusCode::OK, "[]".to_owned()),
            "{path}"
        );
    }
    let body = json!({"name": "theirs", "password": PASSWORD});
    let made = site
        .send("POST", "/v1/tenants/demo/clusters", &token, &[], Some(&body))
        .await;
    assert_eq!(made.is(), (404, "not-found"));
    assert_eq!(site.world().await.clusters.len(), 1);
}

#[tokio::test]
async fn who_shows_no_valid_key_learns_nothing() {
    let site = Site::new().await;
    let (id, secret) = site.owner.split_at(37);
    let revoked = site.key(None, Role::Owner).await;
    let revoked_id = revoked.parse::<crate::Token>().unwrap().id();
    site.put(Write::RevokeApiKey(revoked_id, site.shared.now())).await;
    let wrong_secret = format!("{id}{}", secret.replace('7', "8"));
    let unknown_key = site.owner.replace("tnr_0", "tnr_f");
    let mut answers = Vec::new();
    for token in ["", "x", &wrong_secret, &unknown_key, &revoked] {
        let reply = site.send("GET", "/v1/tenants", token, &[], None).await;
        assert_eq!(reply.is(), (401, "unauthenticated"), "{token}");
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"tenure\"");
        answers.push(reply.body["detail"].clone());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let twice = [("authorization", site.owner.as_str())];
    assert_eq!(
        site.send("GET", "/v1/tenants", &site.owner, &twice, None).await.status,
        401
    );
}

#[tokio::test]
async fn a_key_that_has_expired_opens_nothing() {
    let site = Site::new().await;
    let body = json!({"name": "short", "role": "viewer", "expires_in_days": 1});
    let made = site.post("/v1/api-keys", &body).await;
    let token = made.body["token"].as_str().unwrap();
    assert_eq!(site.send("GET", "/v1/whoami", token, &[], None).await.status, 200);
    site.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(site.send("GET", "/v1/whoami", token, &[], None).await.status, 401);
}

#[tokio::test]
async fn failed_logins_and_busy_keys_are_told_to_wait() {
    let site = Site::with(Options {
        requests_per_second: 2,
        ..Options::default()
    })
    .await;
    let statuses = [200, 200, 429];
    for status in statuses {
        assert_eq!(site.get("/v1/whoami").await.status, status);
    }
    let refused = site.get("/v1/whoami").await;
    assert_eq!(
        (refused.code(), refused.header("retry-after")),
        ("too-many-requests", "1")
    );
    assert_eq!(refused.body["retry_after"], 1);
    let mut last = 0;
    for _ in 0..11 {
        last = site.send("GET", "/v1/whoami", "x", &[], None).await.status.as_u16();
    }
    assert_eq!(last, 429);
    // From the same address, a good key is let in.
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.get("/v1/whoami").await.status, 200);
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_is_done_all_the_same() {
    let site = Site::new().await;
    let is_begun = Arc::new(Notify::new());
    let begun = Arc::clone(&is_begun);
    site.store.meddle(move |_: &Change| {
        begun.notify_one();
        Meddle::Let
    });
    let body = json!({"name": "demo"});
    // Its caller hangs up as soon as its audit row is begun.
    tokio::select! {
        biased;
        () = is_begun.notified() => {}
        reply = site.post("/v1/tenants", &body) => panic!("{}", reply.text),
    }
    let bound = tokio::time::Instant::now() + Duration::from_secs(10);
    while site.world().await.tenants.is_empty() || site.get("/v1/audit-log").await.body["items"][0]["status"] != 201 {
        assert!(tokio::time::Instant::now() < bound, "it was given up with its caller");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}
