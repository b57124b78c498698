//! Tables of what is sent and of what answers mean.

use std::time::Duration;

use super::calls::{self, KeyScope, Page};
use super::{Call, ClientError, Method, Nothing};
use crate::{AttachPlugin, CreateCluster, CreateTenant, Failover, LogGroups, Tenant};

fn sent<T>(call: &Call<T>) -> (&'static str, &str, &str) {
    let body = call
        .body
        .as_deref()
        .map_or("", |body| std::str::from_utf8(body).unwrap());
    (call.method.as_str(), &call.target, body)
}

#[test]
fn each_endpoint_has_its_method_path_and_body() {
    let first = Page::default();
    let next = Page {
        size: Some(500),
        token: Some("a+b/c=".to_owned()),
    };
    let cluster = CreateCluster {
        name: "shop".to_owned(),
        shards: Some(2),
        replicas: None,
        memory_bytes: None,
        eviction_policy: None,
        tls: None,
        password: "0123456789abcdef".to_owned(),
    };
    let body = r#"{"name":"shop","shards":2,"password":"0123456789abcdef"}"#;
    let tenant = CreateTenant {
        name: "demo".to_owned(),
    };
    let to = Failover {
        to: Some("data-2".to_owned()),
    };
    assert_eq!(sent(&calls::whoami()), ("GET", "/v1/whoami", ""));
    assert_eq!(
        sent(&calls::create_tenant(&tenant)),
        ("POST", "/v1/tenants", r#"{"name":"demo"}"#)
    );
    assert_eq!(sent(&calls::list_tenants(&first)), ("GET", "/v1/tenants", ""));
    assert_eq!(
        sent(&calls::list_tenants(&next)),
        ("GET", "/v1/tenants?page_size=500&page_token=a%2Bb%2Fc%3D", "")
    );
    assert_eq!(sent(&calls::get_tenant("demo")), ("GET", "/v1/tenants/demo", ""));
    assert_eq!(sent(&calls::delete_tenant("demo")), ("DELETE", "/v1/tenants/demo", ""));
    assert_eq!(
        sent(&calls::create_cluster("demo", &cluster, false)),
        ("POST", "/v1/tenants/demo/clusters", body)
    );
    assert_eq!(
        sent(&calls::create_cluster("demo", &cluster, true)),
        ("POST", "/v1/tenants/demo/clusters?dry_run=true", body)
    );
    assert_eq!(
        sent(&calls::list_clusters("demo", &first)),
        ("GET", "/v1/tenants/demo/clusters", "")
    );
    assert_eq!(
        sent(&calls::get_cluster("demo", "shop")),
        ("GET", "/v1/tenants/demo/clusters/shop", "")
    );
    assert_eq!(
        sent(&calls::delete_cluster("demo", "shop")),
        ("DELETE", "/v1/tenants/demo/clusters/shop", "")
    );
    assert_eq!(
        sent(&calls::list_shards("demo", "shop", &first)),
        ("GET", "/v1/tenants/demo/clusters/shop/shards", "")
    );
    assert_eq!(
        sent(&calls::failover("demo", "shop", "0001", &to)),
        (
            "POST",
            "/v1/tenants/demo/clusters/shop/shards/0001/failover",
            r#"{"to":"data-2"}"#
        )
    );
    let version = AttachPlugin {
        version: "1.0.2".to_owned(),
    };
    let attached = "/v1/tenants/demo/clusters/shop/plugins/ratelimit";
    assert_eq!(
        sent(&calls::attach_plugin("demo", "shop", "ratelimit", &version)),
        ("PUT", attached, r#"{"version":"1.0.2"}"#)
    );
    assert_eq!(
        sent(&calls::detach_plugin("demo", "shop", "ratelimit")),
        ("DELETE", attached, "")
    );
    assert_eq!(
        sent(&calls::list_plugins("demo", Some("ratelimit"), &first)),
        ("GET", "/v1/tenants/demo/plugins?name=ratelimit", "")
    );
    let pushed = "/v1/tenants/demo/plugins/ratelimit/versions/1.0.2";
    assert_eq!(
        sent(&calls::get_plugin("demo", "ratelimit", "1.0.2")),
        ("GET", pushed, "")
    );
    assert_eq!(
        sent(&calls::delete_plugin("demo", "ratelimit", "1.0.2")),
        ("DELETE", pushed, "")
    );
    assert_eq!(
        sent(&calls::list_api_keys(KeyScope::Platform, &first)),
        ("GET", "/v1/api-keys", "")
    );
    assert_eq!(
        sent(&calls::revoke_api_key(KeyScope::Tenant("demo"), "key_1")),
        ("DELETE", "/v1/tenants/demo/api-keys/key_1", "")
    );
    assert_eq!(
        sent(&calls::list_operations(Some("demo"), &first)),
        ("GET", "/v1/operations?tenant=demo", "")
    );
    assert_eq!(
        sent(&calls::get_operation("op_1", Some(Duration::from_secs(30)))),
        ("GET", "/v1/operations/op_1?wait=30s", "")
    );
    assert_eq!(
        sent(&calls::get_operation("op_1", None)),
        ("GET", "/v1/operations/op_1", "")
    );
    assert_eq!(
        sent(&calls::list_events(Some("demo"), Some("shop"), &first)),
        ("GET", "/v1/events?tenant=demo&cluster=shop", "")
    );
    assert_eq!(sent(&calls::list_audit_log(None, &first)), ("GET", "/v1/audit-log", ""));
    assert_eq!(sent(&calls::list_nodes(&first)), ("GET", "/v1/admin/nodes", ""));
    assert_eq!(sent(&calls::get_node("data-1")), ("GET", "/v1/admin/nodes/data-1", ""));
    assert_eq!(sent(&calls::log_groups()), ("GET", "/v1/admin/log-groups", ""));
    assert_eq!(sent(&calls::verify_log()), ("POST", "/v1/admin/log-groups/verify", ""));
    assert_eq!(sent(&calls::list_leases(&first)), ("GET", "/v1/admin/leases", ""));
}

#[test]
fn a_module_is_sent_as_it_is() {
    let call = calls::push_plugin("demo", vec![0, 0x61, 0xff], true);
    assert_eq!(call.target, "/v1/tenants/demo/plugins?dry_run=true");
    assert_eq!(call.body.as_deref(), Some(&[0, 0x61, 0xff][..]));
    let media_types = call.headers.iter().filter(|(name, _)| *name == "Content-Type");
    assert_eq!(
        media_types.map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        ["application/wasm"]
    );
}

#[test]
fn a_name_never_reaches_another_path() {
    for (name, target) in [
        ("a/b", "/v1/tenants/a%2Fb"),
        ("..", "/v1/tenants/%2E%2E"),
        (".", "/v1/tenants/%2E"),
        ("a.b", "/v1/tenants/a.b"),
        ("a?b=c&d#e", "/v1/tenants/a%3Fb%3Dc%26d%23e"),
        ("100%", "/v1/tenants/100%25"),
        ("a b\r\n", "/v1/tenants/a%20b%0D%0A"),
        ("ü", "/v1/tenants/%C3%BC"),
    ] {
        assert_eq!(calls::get_tenant(name).target, target);
    }
}

#[test]
fn what_changes_something_may_be_repeated_under_a_key_only() {
    let tenant = CreateTenant {
        name: "demo".to_owned(),
    };
    let call = calls::create_tenant(&tenant);
    assert_eq!(call.method, Method::Post);
    assert!(!call.may_be_repeated() && calls::whoami().may_be_repeated());
    assert!(!calls::delete_tenant("demo").may_be_repeated());
    let call = call.with_idempotency_key("one").with_idempotency_key("two");
    assert!(call.may_be_repeated());
    assert_eq!(call.idempotency_key(), Some("two"));
    assert_eq!(
        call.headers
            .iter()
            .filter(|(name, _)| *name == super::IDEMPOTENCY_KEY)
            .count(),
        1
    );
}

#[test]
fn an_answer_becomes_a_value_a_problem_or_a_sentence() {
    let call = calls::get_tenant("demo");
    let told = br#"{"id":"ten_1","name":"demo","created_at":"2026-01-01T00:00:00.000Z","of_a_later_version":1}"#;
    let tenant: Tenant = call.decode(200, told).unwrap();
    assert_eq!(tenant.name, "demo");

    let problem = br#"{"type":"urn:tenure:problem:not-found","title":"Not found","status":404,
        "detail":"there is no tenant demo","instance":"7","code":"not-found"}"#;
    let error = call.decode(404, problem).unwrap_err();
    assert_eq!(error.to_string(), "there is no tenant demo");
    assert!(matches!(error, ClientError::Problem(problem) if problem.code == "not-found"));

    let long = "x".repeat(500);
    for (status, body, shown) in [
        (200, "", "(empty)".to_owned()),
        (200, "{}", "{}".to_owned()),
        (200, "<html>\n<b>\x1b[31m", "<html> <b> [31m".to_owned()),
        (302, "", "(empty)".to_owned()),
        (404, "not found", "not found".to_owned()),
        (500, "{\"error\":1}", "{\"error\":1}".to_owned()),
        (502, &long, "x".repeat(120) + "…"),
    ] {
        let said = call.decode(status, body.as_bytes()).unwrap_err().to_string();
        let expected = format!("the answer, status {status}, is none of a control plane: {shown}");
        assert_eq!(said, expected);
    }
    // Cut in the middle of a letter.
    let said = call.decode(200, "é".repeat(100).as_bytes()[1..].as_ref()).unwrap_err();
    assert!(matches!(said, ClientError::Foreign { .. }));
}

#[test]
fn an_answer_of_which_only_the_status_matters_may_be_empty() {
    let call = calls::delete_tenant("demo");
    assert_eq!(call.decode(204, b"").unwrap(), Nothing);
    assert_eq!(call.decode(200, b"{\"a\":[1]}").unwrap(), Nothing);
    assert!(call.decode(200, b"<html>").is_err());
}

#[test]
fn a_group_without_a_leader_is_told_as_null() {
    let groups: LogGroups = calls::log_groups()
        .decode(200, br#"{"groups":[{"id":0,"voters":["log-1"],"committed":3}]}"#)
        .unwrap();
    assert_eq!(
        serde_json::to_string(&groups).unwrap(),
        r#"{"groups":[{"id":0,"leader":null,"voters":["log-1"],"committed":3}]}"#
    );
}

#[test]
fn a_call_never_shows_its_body() {
    let cluster = CreateCluster {
        name: "shop".to_owned(),
        shards: None,
        replicas: None,
        memory_bytes: None,
        eviction_policy: None,
        tls: None,
        password: "0123456789abcdef".to_owned(),
    };
    let call = calls::create_cluster("demo", &cluster, false);
    assert_eq!(format!("{call:?}"), "POST /v1/tenants/demo/clusters");
}
