//! Pushing plugins, and attaching them to clusters.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tenure_control_model::{
    Change, NodeReport, OperationKind, OperationState, PLUGINS_OF_CLUSTER_MAX, PLUGINS_OF_TENANT_MAX, Plugin, PluginId,
    Refusal, Write,
};
use tenure_control_store::{Page, Store};
use tenure_plugin_abi::MODULE_BYTES_MAX;
use tenure_types::NodeId;

use super::site::{PASSWORD, Reply, Site};
use super::store::{Meddle, is_audit};
use crate::rest::turns::MODULES_OF_ONE_MAX;
use crate::rest::{CHECKS_MAX, MODULES_MAX};

const PLUGINS: &str = "/v1/tenants/demo/plugins";
const SHOP: &str = "/v1/tenants/demo/clusters/shop";
const RATELIMIT: &str = "/v1/tenants/demo/clusters/shop/plugins/ratelimit";

fn manifest(name: &str, version: &str) -> Value {
    let command = format!("{}.TAKE", name.to_uppercase());
    json!({"name": name, "version": version, "kind": "command", "description": "limits rates",
           "commands": [{"name": command, "arity": 4, "flags": ["write"], "keys": [{"begin": 1, "access": "RW"}]}]})
}

/// What the check of these tests takes for a module.
fn module(manifest: &Value) -> Vec<u8> {
    [b"\0asm", manifest.to_string().as_bytes()].concat()
}

async fn push_as(
    site: &Site,
    path: &str,
    content_type: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Reply {
    let mut request = Request::post(path)
        .header("authorization", format!("Bearer {}", site.owner))
        .header("content-type", content_type);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    site.raw(request.body(body.into()).unwrap()).await
}

async fn push(site: &Site, name: &str, version: &str) -> Reply {
    push_as(site, PLUGINS, "application/wasm", &[], module(&manifest(name, version))).await
}

async fn attach(site: &Site, name: &str, version: &str) -> Reply {
    let path = format!("{SHOP}/plugins/{name}");
    site.send("PUT", &path, &site.owner, &[], Some(&json!({"version": version})))
        .await
}

async fn kinds_of_events(site: &Site) -> Vec<String> {
    let events = site.get("/v1/events?tenant=demo").await;
    let items = events.body["items"].as_array().unwrap();
    let mut kinds: Vec<String> = items
        .iter()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.reverse();
    kinds.retain(|kind| kind.starts_with("plugin-"));
    kinds
}

fn all() -> Page {
    Page {
        after: None,
        rows_max: 1000,
    }
}

#[tokio::test]
async fn a_module_is_kept_as_it_came_and_the_same_bytes_are_the_same_plugin() {
    let site = Site::new().await;
    let tenant = site.tenant("demo").await;
    let pushed = push(&site, "ratelimit", "1.0.0").await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let path = format!("{PLUGINS}/ratelimit/versions/1.0.0");
    assert_eq!(pushed.header("location"), path);
    assert_eq!(pushed.body["commands"], json!(["RATELIMIT.TAKE"]));
    assert_eq!(pushed.body["clusters"], json!([]));
    assert_eq!(
        pushed.body["manifest"]["limits"]["call_millis"], 10,
        "also what was not said"
    );
    assert_eq!(
        site.get(&path).await.body,
        pushed.body,
        "what was answered is what is read"
    );
    let kept = site.store.plugins(tenant, None, &all()).await.unwrap();
    let bytes = module(&manifest("ratelimit", "1.0.0"));
    assert_eq!(site.store.module(kept[0].id).await.unwrap(), Some(bytes.clone()));
    assert_eq!(kept[0].bytes, bytes.len() as u64);

    let again = push(&site, "ratelimit", "1.0.0").await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &pushed.body));
    assert_eq!(again.header("location"), "");
    let mut other = manifest("ratelimit", "1.0.0");
    other["description"] = json!("limits other rates");
    let refused = push_as(&site, PLUGINS, "application/wasm", &[], module(&other)).await;
    assert_eq!(
        refused.is(),
        (409, "already-exists"),
        "a version never becomes other bytes"
    );
    assert_eq!(site.store.plugins(tenant, None, &all()).await.unwrap().len(), 1);
    assert_eq!(kinds_of_events(&site).await, ["plugin-pushed"]);
}

#[tokio::test]
async fn plugins_are_listed_by_age_and_by_name_without_their_manifests() {
    let site = Site::new().await;
    site.tenant("demo").await;
    for (name, version) in [("ratelimit", "1.0.0"), ("counter", "1.0.0"), ("ratelimit", "1.1.0")] {
        assert_eq!(push(&site, name, version).await.status, 201);
    }
    let of = |reply: &Reply| {
        let items = reply.body["items"].as_array().unwrap();
        let text = |item: &Value| {
            format!(
                "{}@{}",
                item["name"].as_str().unwrap(),
                item["version"].as_str().unwrap()
            )
        };
        assert!(items.iter().all(|item| item["manifest"].is_null()));
        items.iter().map(text).collect::<Vec<_>>()
    };
    let first = site.get(&format!("{PLUGINS}?page_size=2")).await;
    assert_eq!(of(&first), ["ratelimit@1.0.0", "counter@1.0.0"]);
    let token = first.body["next_page_token"].as_str().unwrap();
    let next = site.get(&format!("{PLUGINS}?page_size=2&page_token={token}")).await;
    assert_eq!(of(&next), ["ratelimit@1.1.0"]);
    let named = site.get(&format!("{PLUGINS}?name=ratelimit")).await;
    assert_eq!(of(&named), ["ratelimit@1.0.0", "ratelimit@1.1.0"]);
    assert_eq!(of(&site.get(&format!("{PLUGINS}?name=none")).await), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_a_plugin_is_refused_with_the_reason_and_leaves_nothing() {
    let site = Site::new().await;
    let tenant = site.tenant("demo").await;
    let (mut kind, mut unknown, mut memory) = (manifest("a", "1.0.0"), manifest("a", "1.0.0"), manifest("a", "1.0.0"));
    kind["commands"] = json!([]);
    unknown["colour"] = json!("red");
    memory["limits"] = json!({"memory_bytes": 1_u64 << 40});
    let cases = [
        (b"no module".to_vec(), "the module is not valid here"),
        (module(&kind), "the plugin has 0 commands"),
        (module(&unknown), "unknown field `colour`"),
        (module(&memory), "limits.memory_bytes is 1099511627776"),
        (module(&manifest("A", "1.0.0")), "the plugin's name \"A\" is none"),
        (module(&manifest("a", "1.0")), "the version \"1.0\" is none"),
    ];
    for (bytes, reason) in cases {
        for path in [PLUGINS.to_owned(), format!("{PLUGINS}?dry_run=true")] {
            let refused = push_as(&site, &path, "application/wasm", &[], bytes.clone()).await;
            assert_eq!(refused.is(), (422, "unfit"), "{}", refused.text);
            assert!(
                refused.body["detail"].as_str().unwrap().contains(reason),
                "{}",
                refused.text
            );
        }
    }
    let empty = push_as(&site, PLUGINS, "application/wasm", &[], Body::empty()).await;
    assert_eq!(empty.is(), (400, "malformed"));
    for content_type in ["application/json", "", "application/wasmx"] {
        let bytes = module(&manifest("a", "1.0.0"));
        let refused = push_as(&site, PLUGINS, content_type, &[], bytes).await;
        assert_eq!(refused.is(), (415, "unsupported-media-type"), "{content_type}");
    }
    let nobody = push_as(&site, PLUGINS, "application/wasm", &[], &b"\0asmnobody"[..]).await;
    assert_eq!(
        (nobody.is(), nobody.header("retry-after")),
        ((503, "check-unavailable"), "5")
    );
    assert_eq!(site.store.plugins(tenant, None, &all()).await.unwrap(), []);
    assert!(kinds_of_events(&site).await.is_empty());
}

#[tokio::test]
async fn a_module_may_be_as_large_as_is_taken_and_no_larger_and_other_bodies_are_not_larger_for_it() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let mut largest = module(&manifest("a", "1.0.0"));
    largest.resize(MODULE_BYTES_MAX, b' ');
    let taken = push_as(&site, PLUGINS, "application/wasm", &[], largest.clone()).await;
    assert_eq!(taken.status, 201, "{}", taken.text);
    largest.push(b' ');
    let refused = push_as(&site, PLUGINS, "application/wasm", &[], largest.clone()).await;
    assert_eq!(refused.is(), (413, "too-large"));
    let chunks = largest
        .chunks(65_536)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let stream = futures::stream::iter(chunks.collect::<Vec<_>>());
    let refused = push_as(&site, PLUGINS, "application/wasm", &[], Body::from_stream(stream)).await;
    assert_eq!(refused.is(), (413, "too-large"));
    let refused = push_as(&site, "/v1/tenants", "application/json", &[], vec![b' '; 70_000]).await;
    assert_eq!(refused.is(), (413, "too-large"));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_keeps_nothing() {
    let site = Site::new().await;
    let tenant = site.tenant("demo").await;
    let path = format!("{PLUGINS}?dry_run=true");
    let dry = push_as(&site, &path, "application/wasm", &[], module(&manifest("a", "1.0.0"))).await;
    assert_eq!(
        (dry.status.as_u16(), dry.body["name"].as_str()),
        (200, Some("a")),
        "{}",
        dry.text
    );
    assert_eq!(site.store.plugins(tenant, None, &all()).await.unwrap(), []);
    assert!(kinds_of_events(&site).await.is_empty());
    assert_eq!(push(&site, "a", "1.0.0").await.status, 201);
}

#[tokio::test]
async fn of_two_that_push_at_once_both_are_answered_and_one_is_kept() {
    let site = Site::new().await;
    let tenant = site.tenant("demo").await;
    for (version, same, expected) in [("1.0.0", true, (200, "")), ("2.0.0", false, (409, "already-exists"))] {
        let bytes = module(&manifest("a", version));
        let first = plugin_of(&site, tenant, version, if same { &bytes } else { b"other" });
        let mut faster = Some(Change::default().with(Write::AddPlugin(first, bytes.clone())));
        site.store.meddle(move |change| match faster.take() {
            Some(faster) if !is_audit(change) => Meddle::First(faster),
            other => {
                faster = other;
                Meddle::Let
            }
        });
        let reply = push_as(&site, PLUGINS, "application/wasm", &[], bytes).await;
        site.store.heal();
        assert_eq!(reply.is(), expected, "{}", reply.text);
    }
    assert_eq!(site.store.plugins(tenant, None, &all()).await.unwrap().len(), 2);
}

fn plugin_of(site: &Site, tenant: tenure_control_model::TenantKey, version: &str, bytes: &[u8]) -> Plugin {
    use sha2::{Digest, Sha256};
    Plugin {
        id: PluginId::new(site.shared.new_id()),
        tenant,
        name: "a".to_owned(),
        version: version.parse().unwrap(),
        sha256: Sha256::digest(bytes).into(),
        bytes: bytes.len() as u64,
        manifest: manifest("a", version).to_string(),
        created_at: site.shared.now(),
    }
}

#[tokio::test]
async fn a_tenant_that_has_all_that_it_may_have_is_told_before_anything_is_looked_at() {
    let site = Site::new().await;
    let tenant = site.tenant("demo").await;
    let writes = (1..=PLUGINS_OF_TENANT_MAX).map(|number| {
        let version = format!("1.0.{number}");
        Write::AddPlugin(plugin_of(&site, tenant, &version, version.as_bytes()), Vec::new())
    });
    let change = Change {
        writes: writes.collect(),
    };
    site.store.apply(change).await.unwrap();
    let refused = push_as(&site, PLUGINS, "application/wasm", &[], &b"no module"[..]).await;
    assert_eq!(refused.is(), (409, "too-many-plugins"));
    assert!(refused.text.contains("100 versions"), "{}", refused.text);
    assert_eq!(site.delete(&format!("{PLUGINS}/a/versions/1.0.1")).await.status, 204);
    assert_eq!(push(&site, "b", "1.0.0").await.status, 201);
}

#[tokio::test]
async fn few_modules_are_looked_at_and_held_at_a_time() {
    let site = Site::new().await;
    site.tenant("demo").await;
    let places = site
        .rest
        .modules
        .try_acquire_many(u32::try_from(MODULES_MAX).unwrap())
        .unwrap();
    let refused = push(&site, "a", "1.0.0").await;
    assert_eq!((refused.is(), refused.header("retry-after")), ((503, "busy"), "1"));
    drop(places);
    let checks = site
        .rest
        .checks
        .try_acquire_many(u32::try_from(CHECKS_MAX).unwrap())
        .unwrap();
    let refused = push(&site, "a", "1.0.0").await;
    assert_eq!(refused.is(), (503, "busy"));
    // Nobody takes all places, least of all with bodies that never come.
    const { assert!(MODULES_OF_ONE_MAX < CHECKS_MAX) };
    let never = || futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let begun = |router: axum::Router| {
        let request = Request::post(PLUGINS)
            .header("authorization", format!("Bearer {}", site.owner))
            .header("content-type", "application/wasm")
            .body(Body::from_stream(never()))
            .unwrap();
        tokio::spawn(tower::ServiceExt::oneshot(router, request))
    };
    let slow: Vec<_> = (0..MODULES_OF_ONE_MAX).map(|_| begun(site.router.clone())).collect();
    while site.rest.modules.available_permits() > MODULES_MAX - MODULES_OF_ONE_MAX {
        tokio::task::yield_now().await;
    }
    let refused = push(&site, "a", "1.0.0").await;
    assert_eq!(refused.is(), (429, "too-many-requests"), "{}", refused.text);
    drop(checks);
    slow.iter().for_each(|slow| slow.abort());
}

#[tokio::test]
async fn a_plugin_is_attached_swapped_and_detached_by_operations() {
    let site = Site::new().await;
    site.shop().await;
    push(&site, "ratelimit", "1.0.0").await;
    push(&site, "ratelimit", "1.1.0").await;
    let before = site.world().await;
    let attached = attach(&site, "ratelimit", "1.0.0").await;
    assert_eq!(attached.status, 202, "{}", attached.text);
    let operation = &attached.body["operation"];
    assert_eq!(operation["kind"], "attach-plugin");
    assert_eq!(operation["target"], "demo/shop: ratelimit@1.0.0");
    assert_eq!(
        attached.header("location"),
        format!("/v1/operations/{}", operation["id"].as_str().unwrap())
    );
    let shown = &attached.body["cluster"]["plugins"];
    assert_eq!(
        (&shown[0]["version"], &shown[0]["state"]),
        (&json!("1.0.0"), &json!("ATTACHING"))
    );
    assert_ne!(attached.body["cluster"]["etag"], json!("\"2\""), "its etag tells of it");
    let read = site.get(SHOP).await;
    assert_eq!(read.body, attached.body["cluster"], "what was answered is what is read");
    let world = site.world().await;
    assert_eq!(world.generation, before.generation + 1);
    let kind = |world: &tenure_control_model::World| world.operations[0].kind.clone();
    assert!(matches!(kind(&world), OperationKind::AttachPlugin { generation, .. } if generation == world.generation));
    assert_eq!(world.attachments[0].version.to_string(), "1.0.0");

    // One at a time.
    let refused = attach(&site, "ratelimit", "1.1.0").await;
    assert_eq!(refused.is(), (409, "operation-in-progress"));
    assert_eq!(refused.body["operation"], operation["id"]);
    assert_eq!(site.delete(RATELIMIT).await.is(), (409, "operation-in-progress"));
    site.finish().await;
    site.hear_all(NodeId::new(1)).await;
    assert_eq!(site.get(SHOP).await.body["plugins"][0]["state"], "ACTIVE");
    assert_eq!(
        site.get(&format!("{PLUGINS}/ratelimit/versions/1.0.0")).await.body["clusters"],
        json!(["shop"])
    );

    let swapped = attach(&site, "ratelimit", "1.1.0").await;
    assert_eq!(swapped.status, 202);
    assert_eq!(swapped.body["cluster"]["plugins"][0]["version"], "1.1.0");
    assert_eq!(
        swapped.body["cluster"]["plugins"][0]["state"], "ATTACHING",
        "the nodes run another"
    );
    site.finish().await;
    let detached = site.delete(RATELIMIT).await;
    assert_eq!(
        (detached.status.as_u16(), &detached.body["operation"]["kind"]),
        (202, &json!("detach-plugin"))
    );
    assert_eq!(detached.body["cluster"]["plugins"], Value::Null);
    site.finish().await;
    assert_eq!(site.delete(RATELIMIT).await.is(), (404, "not-found"));
    let expected = [
        "plugin-pushed",
        "plugin-pushed",
        "plugin-attaching",
        "plugin-attaching",
        "plugin-detaching",
    ];
    assert_eq!(kinds_of_events(&site).await, expected);
}

#[tokio::test]
async fn attaching_what_runs_already_changes_nothing_and_its_operation_waits_for_the_nodes_all_the_same() {
    let site = Site::new().await;
    site.shop().await;
    push(&site, "ratelimit", "1.0.0").await;
    attach(&site, "ratelimit", "1.0.0").await;
    site.finish().await;
    let before = site.world().await;
    let again = attach(&site, "ratelimit", "1.0.0").await;
    assert_eq!(again.status, 202, "{}", again.text);
    let world = site.world().await;
    assert_eq!(
        (world.generation, &world.attachments),
        (before.generation, &before.attachments)
    );
    assert_eq!(world.clusters, before.clusters);
    assert_eq!(world.operations.len(), 1);
    assert!(matches!(
        world.operations[0].kind,
        OperationKind::AttachPlugin { generation, .. } if generation == before.generation
    ));
    assert_eq!(world.operations[0].state, OperationState::Pending);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_attached_and_what_is_attached_cannot_be_deleted() {
    let site = Site::new().await;
    site.shop().await;
    push(&site, "ratelimit", "1.0.0").await;
    for (name, version, missing) in [
        ("ratelimit", "9.0.0", "ratelimit@9.0.0"),
        ("none", "1.0.0", "none@1.0.0"),
    ] {
        let refused = attach(&site, name, version).await;
        assert_eq!(refused.is(), (404, "not-found"));
        assert!(refused.text.contains(missing), "{}", refused.text);
    }
    for (body, field) in [
        (json!({"version": "1.0"}), "/version"),
        (json!({"version": 1}), "/version"),
        (json!({}), "/version"),
        (json!({"version": "1.0.0", "versoin": "1.0.0"}), "/versoin"),
    ] {
        let refused = site.send("PUT", RATELIMIT, &site.owner, &[], Some(&body)).await;
        assert_eq!(
            (refused.is(), &refused.body["errors"][0]["field"]),
            ((400, "invalid"), &json!(field)),
            "{body}"
        );
    }
    let elsewhere = "/v1/tenants/demo/clusters/none/plugins/ratelimit";
    let body = json!({"version": "1.0.0"});
    let refused = site.send("PUT", elsewhere, &site.owner, &[], Some(&body)).await;
    assert!(refused.text.contains("there is no cluster"), "{}", refused.text);
    attach(&site, "ratelimit", "1.0.0").await;
    site.finish().await;
    let path = format!("{PLUGINS}/ratelimit/versions/1.0.0");
    let refused = site.delete(&path).await;
    assert_eq!(refused.is(), (409, "in-use"));
    assert!(
        refused.text.contains("clusters run ratelimit@1.0.0: shop"),
        "{}",
        refused.text
    );
    site.delete(RATELIMIT).await;
    site.finish().await;
    assert_eq!(site.delete(&path).await.status, 204);
    assert_eq!(site.get(&path).await.is(), (404, "not-found"));
    assert_eq!(site.delete(&path).await.is(), (404, "not-found"));
}

#[tokio::test]
async fn a_cluster_runs_only_so_many_plugins_and_only_when_it_is_active() {
    let site = Site::new().await;
    site.tenant("demo").await;
    push(&site, "ratelimit", "1.0.0").await;
    let body = json!({"name": "shop", "password": PASSWORD});
    site.post("/v1/tenants/demo/clusters", &body).await;
    assert_eq!(
        attach(&site, "ratelimit", "1.0.0").await.is(),
        (409, "operation-in-progress")
    );
    site.finish().await;
    assert_eq!(attach(&site, "ratelimit", "1.0.0").await.is(), (409, "not-active"));
    let cluster = site.world().await.clusters[0].clone();
    let active = tenure_control_model::Cluster {
        state: tenure_control_model::ClusterState::Active,
        ..cluster.clone()
    };
    site.put(Write::PutCluster(
        active,
        tenure_control_model::Expect::Revision(cluster.revision),
    ))
    .await;
    for number in 0..PLUGINS_OF_CLUSTER_MAX {
        let name = format!("p{number}");
        push(&site, &name, "1.0.0").await;
        assert_eq!(attach(&site, &name, "1.0.0").await.status, 202);
        site.finish().await;
    }
    let refused = attach(&site, "ratelimit", "1.0.0").await;
    assert_eq!(refused.is(), (409, "too-many-plugins"));
    assert!(refused.text.contains("16 plugins"), "{}", refused.text);
    push(&site, "p0", "1.0.1").await;
    assert_eq!(attach(&site, "p0", "1.0.1").await.status, 202, "a swap is no more");
}

#[tokio::test]
async fn a_change_is_made_only_of_the_cluster_that_was_seen_and_once_for_a_key() {
    let site = Site::new().await;
    site.shop().await;
    push(&site, "ratelimit", "1.0.0").await;
    let etag = site.get(SHOP).await.header("etag").to_owned();
    let body = json!({"version": "1.0.0"});
    let put = async |headers: &[(&str, &str)]| site.send("PUT", RATELIMIT, &site.owner, headers, Some(&body)).await;
    assert_eq!(put(&[("if-match", "\"999\"")]).await.is(), (412, "precondition-failed"));
    let named = [("if-match", etag.as_str()), ("idempotency-key", "one")];
    let first = put(&named).await;
    assert_eq!(first.status, 202, "{}", first.text);
    let second = put(&named).await;
    assert_eq!((second.status.as_u16(), &second.body), (202, &first.body));
    assert_eq!(second.header("idempotent-replay"), "true");
    site.finish().await;
    assert_eq!(
        put(&[("if-match", &etag)]).await.is(),
        (412, "precondition-failed"),
        "it is another now"
    );
    assert_eq!(
        site.send("DELETE", RATELIMIT, &site.owner, &[("if-match", &etag)], None)
            .await
            .status,
        412
    );
    let pushed = |key: &'static str| {
        let bytes = module(&manifest("b", "1.0.0"));
        let site = &site;
        async move { push_as(site, PLUGINS, "application/wasm", &[("idempotency-key", key)], bytes).await }
    };
    let (first, second) = (pushed("two").await, pushed("two").await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!(second.header("idempotent-replay"), "true");
    assert_eq!(first.header("location"), second.header("location"));
    // What is remembered is kept for a day, and a manifest may be large.
    assert!(first.body["manifest"].is_object(), "{}", first.text);
    let mut remembered = first.body.clone();
    remembered.as_object_mut().unwrap().remove("manifest");
    assert_eq!(second.body, remembered);
}

#[tokio::test]
async fn a_cluster_shows_on_which_nodes_a_plugin_does_not_run_and_why() {
    let site = Site::new().await;
    site.shop().await;
    push(&site, "ratelimit", "1.0.0").await;
    attach(&site, "ratelimit", "1.0.0").await;
    site.finish().await;
    site.hear_all(NodeId::new(1)).await;
    let world = site.world().await;
    let (tenant, reports) = (world.tenants[0].number, world.reports);
    let report = |node: u64| {
        reports
            .iter()
            .find(|report| report.node == NodeId::new(node))
            .unwrap()
            .clone()
    };
    let mut quarantined: NodeReport = report(1);
    quarantined.plugins[0].quarantined = Some("it trapped".to_owned());
    site.put(Write::PutReport(quarantined)).await;
    let mut refusing = report(2);
    refusing.plugins.clear();
    refusing.refusals.push(Refusal {
        stream: None,
        tenant,
        cluster: "shop".to_owned(),
        reason: "the module does not start".to_owned(),
        plugin: Some("ratelimit".to_owned()),
    });
    site.put(Write::PutReport(refusing)).await;
    let plugin = site.get(SHOP).await.body["plugins"][0].clone();
    let expected = json!([
        {"node": "data-1", "kind": "QUARANTINED", "reason": "it trapped"},
        {"node": "data-2", "kind": "REFUSED", "reason": "the module does not start"},
    ]);
    assert_eq!((&plugin["state"], &plugin["problems"]), (&json!("DEGRADED"), &expected));
    let shards = site.get(&format!("{SHOP}/shards")).await;
    assert!(
        !shards.text.contains("problem"),
        "it is no problem of a shard: {}",
        shards.text
    );
    site.advance(std::time::Duration::from_secs(60), &[1]).await;
    let plugin = site.get(SHOP).await.body["plugins"][0].clone();
    assert_eq!(plugin["problems"][1]["kind"], "LOST");
}
