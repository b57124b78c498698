//! What every answer has.

use axum::body::Body;
use axum::http::Request;
use axum::{Router, middleware, routing};
use tower::ServiceExt;

use super::site::Site;
use crate::rest::trace::trace;

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_told_as_a_problem() {
    let site = Site::new().await;
    for path in ["/", "/v1", "/v1/", "/v2/tenants", "/v1/tenants/", "/v1/nothing"] {
        let reply = site.get(path).await;
        assert_eq!(reply.is(), (404, "not-found"), "{path}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    for (method, path, allow) in [
        ("PUT", "/v1/tenants", "POST,GET,HEAD"),
        ("PATCH", "/v1/tenants/demo", "GET,HEAD,DELETE"),
        ("TRACE", "/v1/whoami", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
        ("DELETE", "/openapi.json", "GET,HEAD"),
        ("OPTIONS", "/v1/tenants", "POST,GET,HEAD"),
    ] {
        let reply = site.send(method, path, &site.owner, &[], None).await;
        assert_eq!(
            (reply.is(), reply.header("allow")),
            ((405, "method-not-allowed"), allow),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn every_answer_carries_its_own_id() {
    let site = Site::new().await;
    let mut ids = Vec::new();
    for path in ["/v1/whoami", "/v1/nothing", "/healthz", "/openapi.json"] {
        let reply = site
            .send("GET", path, &site.owner, &[("x-request-id", "mine")], None)
            .await;
        let id = reply.header("x-request-id").to_owned();
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{path}: {id}");
        if reply.status != 200 {
            assert_eq!(reply.body["instance"], id.as_str());
            assert_eq!(reply.body["type"], "urn:tenure:problem:not-found");
            assert_eq!(reply.body["status"], 404);
        }
        assert_eq!(reply.header("cache-control"), "no-store");
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn who_looks_after_the_process_needs_no_key() {
    let site = Site::new().await;
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        let reply = site.raw(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (200, "application/json"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let site = Site::new().await;
    let found = site.send("HEAD", "/v1/tenants", &site.owner, &[], None).await;
    assert_eq!((found.status.as_u16(), found.text.as_str()), (200, ""));
    let refused = site.send("HEAD", "/v1/tenants", "x", &[], None).await;
    assert_eq!((refused.status.as_u16(), refused.text.as_str()), (401, ""));
}

#[tokio::test]
async fn a_handler_that_panics_is_a_problem_and_not_the_end() {
    let site = Site::new().await;
    let rest = crate::rest::rest(site.shared.clone());
    async fn panics() -> &'static str {
        panic!("on purpose")
    }
    let broken = routing::get(panics);
    let router: Router = Router::new()
        .route("/broken", broken)
        .layer(middleware::from_fn_with_state(rest, trace));
    let request = Request::get("/broken").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 500);
    assert!(response.headers().contains_key("x-request-id"));
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(
        String::from_utf8(body.to_vec())
            .unwrap()
            .contains("urn:tenure:problem:internal")
    );
}
