//! Bad input: each kind gets its code, and nothing is half made.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};

use super::site::{PASSWORD, Reply, Site};
use crate::rest::access::BodyKind;
use crate::rest::gate::{BODY_BYTES_MAX, read_body};
use crate::rest::problem::Code;

const CLUSTERS: &str = "/v1/tenants/demo/clusters";

async fn post_raw(site: &Site, path: &str, content_type: &str, body: impl Into<Body>) -> Reply {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", site.owner))
        .header("content-type", content_type)
        .body(body.into())
        .unwrap();
    site.raw(request).await
}

fn fields(reply: &Reply) -> Vec<&str> {
    let errors = reply.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_value_that_breaks_a_rule_is_named_and_nothing_is_made() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let before = site.world().await;
    let long = "p".repeat(129);
    let cases = [
        ("/name", json!({"name": "Shop"})),
        ("/name", json!({"name": ""})),
        ("/name", json!({"name": "a".repeat(64)})),
        ("/name", json!({"name": 7})),
        ("/name", json!({"name": null})),
        ("/shards", json!({"shards": 0})),
        ("/shards", json!({"shards": 501})),
        ("/shards", json!({"shards": -1})),
        ("/shards", json!({"shards": 1.5})),
        ("/shards", json!({"shards": "3"})),
        ("/shards", json!({"shards": 65_536})),
        ("/replicas", json!({"replicas": 6})),
        ("/replicas", json!({"replicas": 256})),
        ("/memory_bytes", json!({"memory_bytes": 1_048_575})),
        ("/memory_bytes", json!({"memory_bytes": u64::MAX})),
        ("/eviction_policy", json!({"eviction_policy": "allkeys-lre"})),
        ("/tls", json!({"tls": "yes"})),
        ("/password", json!({"password": "short"})),
        ("/password", json!({"password": long})),
        ("/password", json!({"password": "with spaces and so on"})),
        ("/password", json!({"password": "mit-umlauten-äöü-und-mehr"})),
        ("/password", json!({"password": null})),
        ("/shard", json!({"shard": 3})),
    ];
    for (field, change) in cases {
        let mut body = json!({"name": "shop", "password": PASSWORD});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = site.post(CLUSTERS, &body).await;
        assert_eq!(refused.is(), (400, "invalid"), "{change}: {}", refused.text);
        assert_eq!(fields(&refused), [field], "{change}");
        let rule = refused.body["errors"][0]["rule"].as_str().unwrap();
        assert!(refused.body["detail"].as_str().unwrap().contains(rule));
        assert!(!refused.text.contains("short"), "a secret is not told back");
    }
    assert_eq!(site.world().await, before);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let refused = site.post(CLUSTERS, &json!({"nam": "shop", "shards": 0})).await;
    assert_eq!(fields(&refused), ["/nam", "/name", "/shards", "/password"]);
    assert_eq!(refused.body["errors"][0]["rule"], "unknown: did you mean name?");
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_malformed() {
    let site = Site::new().await;
    let deep = "[".repeat(60_000);
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"demo\"",
        "{\"name\": \"demo\"} x",
        "\u{fffd}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        &deep,
    ] {
        let refused = post_raw(&site, "/v1/tenants", "application/json", body.to_owned()).await;
        assert_eq!(refused.is(), (400, "malformed"), "{}", refused.text);
    }
    let refused = post_raw(&site, "/v1/tenants", "application/json", vec![0xff, 0xfe, 0x00]).await;
    assert_eq!(refused.is(), (400, "malformed"));
    assert_eq!(site.world().await.tenants, []);
}

#[tokio::test]
async fn what_is_not_sent_as_json_is_refused() {
    let site = Site::new().await;
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let refused = post_raw(&site, "/v1/tenants", content_type, "{\"name\":\"demo\"}").await;
        assert_eq!(refused.is(), (415, "unsupported-media-type"), "{content_type}");
    }
    let made = post_raw(
        &site,
        "/v1/tenants",
        "Application/JSON; charset=utf-8",
        "{\"name\":\"demo\"}",
    )
    .await;
    assert_eq!(made.status, 201);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let site = Site::new().await;
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    let refused = post_raw(&site, "/v1/tenants", "application/json", large.clone()).await;
    assert_eq!(refused.is(), (413, "too-large"));
    let chunks = futures::stream::iter(
        large
            .chunks(4096)
            .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect::<Vec<_>>(),
    );
    let refused = post_raw(&site, "/v1/tenants", "application/json", Body::from_stream(chunks)).await;
    assert_eq!(refused.is(), (413, "too-large"));
    let request = Request::post("/v1/tenants")
        .header("authorization", format!("Bearer {}", site.owner))
        .header("content-type", "application/json")
        .header("content-length", (BODY_BYTES_MAX + 1).to_string())
        .body(Body::empty())
        .unwrap();
    assert_eq!(site.raw(request).await.is(), (413, "too-large"));
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let never = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let headers = HeaderMap::new();
    let body = read_body(
        &headers,
        BodyKind::Json,
        Body::from_stream(never),
        Duration::from_millis(1),
    );
    assert_eq!(body.await.unwrap_err().code, Code::TooSlow);
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused() {
    let site = Site::new().await;
    site.tenant("demo").await;
    for (path, field) in [
        ("/v1/tenants?page_size=0", "page_size"),
        ("/v1/tenants?page_size=-1", "page_size"),
        ("/v1/tenants?page_size=x", "page_size"),
        ("/v1/tenants?page_token=x", "page_token"),
        ("/v1/tenants?page_token=AURlbW8", "page_token"),
        ("/v1/tenants?pagesize=3", "pagesize"),
        ("/v1/tenants?page_size=3&page_size=4", "page_size"),
        ("/v1/whoami?x", "x"),
        ("/v1/events?cluster=shop", "cluster"),
        ("/v1/operations/op_00000000000000000000000000000000?wait=30", "wait"),
        ("/v1/operations/op_00000000000000000000000000000000?wait=-3s", "wait"),
    ] {
        let refused = site.get(path).await;
        assert_eq!(refused.is(), (400, "invalid"), "{path}: {}", refused.text);
        assert_eq!(fields(&refused), [field], "{path}");
    }
    let body = json!({"name": "shop", "password": PASSWORD});
    let refused = site.post(&format!("{CLUSTERS}?dry_run=perhaps"), &body).await;
    assert_eq!((refused.is(), fields(&refused)), ((400, "invalid"), vec!["dry_run"]));
    assert_eq!(site.world().await.clusters, []);
}

#[tokio::test]
async fn many_unknown_names_cost_no_more_than_their_number() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let body = |count| {
        let fields = (0..count).map(|number| (format!("f{number}"), json!(1)));
        Value::Object(fields.collect())
    };
    let refused = site.post(CLUSTERS, &body(60)).await;
    assert_eq!((refused.is(), fields(&refused).len()), ((400, "invalid"), 20));
    // Two that are required are absent too.
    assert!(refused.body["detail"].as_str().unwrap().ends_with("; and 42 others"));
    let refused = site.post(CLUSTERS, &body(5000)).await;
    assert_eq!((refused.is(), fields(&refused).len()), ((400, "invalid"), 0));
    assert_eq!(refused.body["detail"], "the body has 5000 fields: at most 64 are read");

    let refused = site.get(&format!("/v1/whoami?a{}", "&a".repeat(31))).await;
    assert_eq!((refused.is(), fields(&refused).len()), ((400, "invalid"), 20));
    let refused = site.get(&format!("/v1/whoami?a{}", "&a".repeat(32))).await;
    assert_eq!((refused.is(), fields(&refused).len()), ((400, "invalid"), 0));
}

#[tokio::test]
async fn names_in_paths_that_are_no_names_are_not_found() {
    let site = Site::new().await;
    site.tenant("demo").await;
    for path in [
        "/v1/tenants/Demo",
        "/v1/tenants/%2e%2e",
        "/v1/tenants/%00",
        "/v1/tenants/demo%2Fclusters",
        "/v1/tenants/demo/clusters/Shop",
        "/v1/tenants/demo/clusters/%27%3B%20DROP%20TABLE%20tenants",
        "/v1/operations/nothing",
        "/v1/operations/op_1",
        "/v1/admin/nodes/1",
        "/v1/admin/nodes/data-9",
    ] {
        let reply = site.get(path).await;
        assert_eq!(reply.is(), (404, "not-found"), "{path}: {}", reply.text);
    }
    // Bytes that are no text at all.
    let reply = site.get("/v1/tenants/%ff").await;
    assert_eq!(reply.is(), (400, "malformed"), "{}", reply.text);
}

#[tokio::test]
async fn keys_and_verifications_have_rules_too() {
    let site = Site::new().await;
    let key = |change: Value| {
        let mut body = json!({"name": "ci", "role": "viewer"});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (field, change) in [
        ("/name", json!({"name": "C I"})),
        ("/role", json!({"role": "root"})),
        ("/role", json!({"role": "OWNER"})),
        ("/role", json!({"role": null})),
        ("/expires_in_days", json!({"expires_in_days": 0})),
        ("/expires_in_days", json!({"expires_in_days": 3651})),
        ("/tenant", json!({"tenant": "demo"})),
    ] {
        let refused = site.post("/v1/api-keys", &key(change.clone())).await;
        assert_eq!(
            (refused.is(), fields(&refused)),
            ((400, "invalid"), vec![field]),
            "{change}"
        );
    }
    let refused = site.post("/v1/admin/log-groups/verify", &json!({"group": 1})).await;
    assert_eq!((refused.is(), fields(&refused)), ((400, "invalid"), vec!["/group"]));
    assert_eq!(site.world().await.operations, []);
}

#[tokio::test]
async fn an_if_match_that_is_no_text_is_refused() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let request = Request::delete("/v1/tenants/demo")
        .header("authorization", format!("Bearer {}", site.owner))
        .header("if-match", &b"\xff"[..])
        .body(Body::empty())
        .unwrap();
    assert_eq!(site.raw(request).await.is(), (400, "invalid"));
    assert_eq!(site.world().await.tenants.len(), 1);
}
