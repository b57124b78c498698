//! A control plane for one test: its database is a file that vanishes with it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{self, Body};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tenure_control_model::{
    ApiKey, ApiKeyId, Attachment, Change, Cluster, ClusterState, Expect, Node, NodePolicy, NodeReport, Operation,
    PluginSeen, PortRange, ReplicaSeen, Revision, Role, Shard, Standing, StreamSeen, TenantKey, World, Write,
};
use tenure_control_store::{SqliteStore, Store};
use tenure_log::{GroupStatus, LogStatus, ManualClock, MemoryLog, MemoryOptions};
use tenure_types::{Clock, Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner};
use tokio::sync::{Notify, watch};
use tower::ServiceExt;

use super::store::Faulty;
use crate::rest::{Rest, Token, WAITING_MAX, rest, router_of};
use crate::testing::ByItsWord;
use crate::{Observed, Options, Shared};

/// A password that keeps the rules.
pub(super) const PASSWORD: &str = "correct-horse-battery";

/// See the top of the file.
pub(super) struct Site {
    pub(super) store: Arc<Faulty>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) observed: watch::Sender<Arc<Observed>>,
    pub(super) shared: Shared,
    pub(super) router: Router,
    pub(super) rest: Rest,
    /// Of a platform's owner.
    pub(super) owner: String,
    _folder: tempfile::TempDir,
}

/// What a request is answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code together.
    pub(super) fn is(&self) -> (u16, &str) {
        (self.status.as_u16(), self.code())
    }
}

impl Site {
    /// With three nodes in three zones.
    pub(super) async fn new() -> Self {
        Self::with(Options {
            requests_per_second: 1_000_000,
            ..Options::default()
        })
        .await
    }

    pub(super) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = SqliteStore::open(&folder.path().join("control.db")).await.unwrap();
        let store = Arc::new(Faulty::new(Arc::new(sqlite)));
        let clock = Arc::new(ManualClock::new());
        let (observed, receiver) = watch::channel(Arc::new(Observed::default()));
        let shared = Shared {
            store: store.clone(),
            log: Arc::new(MemoryLog::new(clock.clone(), MemoryOptions::default())),
            clock: clock.clone(),
            observed: receiver,
            plugin_check: Arc::new(ByItsWord),
            wake: Arc::new(Notify::new()),
            authority_pem: Arc::from("the authority"),
            options: Arc::new(options),
            metrics: crate::Metrics::register(&prometheus::Registry::new()).unwrap(),
        };
        let rest = rest(shared.clone());
        let mut site = Self {
            store,
            clock,
            observed,
            router: router_of(rest.clone()),
            rest,
            shared,
            owner: String::new(),
            _folder: folder,
        };
        site.owner = site.key(None, Role::Owner).await;
        for (number, zone) in [(1, "a"), (2, "b"), (3, "c")] {
            site.add_node(number, zone).await;
        }
        site
    }

    /// A key that was made behind the API's back; its token.
    pub(super) async fn key(&self, tenant: Option<TenantKey>, role: Role) -> String {
        let token = Token::mint(ApiKeyId::new(self.shared.new_id()), [7; 32]);
        let key = ApiKey {
            id: token.id(),
            tenant,
            name: "test".to_owned(),
            role,
            secret_sha256: token.secret_sha256(),
            created_at: self.clock.wall(),
            expires_at: None,
            revoked_at: None,
        };
        self.put(Write::PutApiKey(key, Expect::Absent)).await;
        token.to_string()
    }

    /// A tenant; its id.
    pub(super) async fn tenant(&self, name: &str) -> TenantKey {
        let made = self.post("/v1/tenants", &json!({"name": name})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// An active cluster `shop` of the tenant `demo`, with one shard on nodes 1 and 2; node 1 owns it.
    pub(super) async fn shop(&self) -> (Cluster, Shard) {
        self.tenant("demo").await;
        let body = json!({"name": "shop", "password": PASSWORD});
        let made = self.post("/v1/tenants/demo/clusters", &body).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.text);
        self.finish().await;
        let world = self.world().await;
        let cluster = world.clusters[0].clone();
        let active = Cluster {
            state: ClusterState::Active,
            ..cluster.clone()
        };
        self.put(Write::PutCluster(active, Expect::Revision(cluster.revision)))
            .await;
        self.hear_all(NodeId::new(1)).await;
        let world = self.world().await;
        (world.clusters[0].clone(), world.shards[0].clone())
    }

    /// Every operation under way is done.
    pub(super) async fn finish(&self) {
        for operation in self.world().await.operations {
            let done = Operation {
                state: tenure_control_model::OperationState::Succeeded,
                finished_at: Some(self.clock.wall()),
                ..operation.clone()
            };
            self.put(Write::PutOperation(done, Expect::Revision(operation.revision)))
                .await;
        }
    }

    /// Nodes and the log tell of every shard: `owner` is its primary, others follow, with fewer records the higher their numbers.
    pub(super) async fn hear_all(&self, owner: NodeId) {
        let world = self.world().await;
        let mut seen = Observed {
            log: Some(log_status(Some(NodeId::new(2)))),
            ..Observed::default()
        };
        for shard in &world.shards {
            seen.streams.insert(shard.stream, self.stream_seen(shard, owner));
        }
        self.observed.send_replace(Arc::new(seen));
        for node in &world.nodes {
            self.report(&world, node.id, owner).await;
        }
    }

    pub(super) fn stream_seen(&self, shard: &Shard, owner: NodeId) -> StreamSeen {
        StreamSeen {
            stream: shard.stream,
            at: self.clock.wall(),
            owned: Some((Epoch::new(3), owner_of(owner))),
            lease: LeaseLength::from_millis(1200),
            released: false,
            tail: Lsn::new(100),
            silent: Duration::from_millis(10),
            retained_bytes: 4096,
        }
    }

    async fn report(&self, world: &World, node: NodeId, owner: NodeId) {
        let of_shard = |shard: &Shard| ReplicaSeen {
            stream: shard.stream,
            standing: if node == owner {
                Standing::Primary
            } else {
                Standing::Replica
            },
            incarnation: owner_of(node).incarnation,
            epoch: Epoch::new(3),
            lsn: Lsn::new(100 - node.get()),
            keys: 5,
            memory_bytes: 1000,
            clients: 1,
        };
        let hosts = |shard: &&Shard| {
            let mut replicas = world.replicas.iter();
            replicas.any(|replica| replica.shard == shard.id && replica.node == node)
        };
        self.put(Write::PutReport(NodeReport {
            node,
            at: self.clock.wall(),
            generation: world.generation,
            replicas: world.shards.iter().filter(hosts).map(of_shard).collect(),
            refusals: Vec::new(),
            plugins: self.plugins_seen(world),
        }))
        .await;
    }

    /// Every node runs what is attached.
    fn plugins_seen(&self, world: &World) -> Vec<PluginSeen> {
        let seen = |attachment: &Attachment| {
            let cluster = world.clusters.iter().find(|cluster| cluster.id == attachment.cluster)?;
            let tenant = world.tenants.iter().find(|tenant| tenant.id == cluster.tenant)?;
            Some(PluginSeen {
                tenant: tenant.number,
                cluster: cluster.name.to_string(),
                name: attachment.name.clone(),
                sha256: attachment.sha256,
                quarantined: None,
            })
        };
        world.attachments.iter().filter_map(seen).collect()
    }

    pub(super) async fn add_node(&self, number: u64, zone: &str) {
        let node = Node {
            id: NodeId::new(number),
            zone: zone.to_owned(),
            host: "127.0.0.1".parse().unwrap(),
            ports: vec![PortRange {
                first: 7501,
                last: 7600,
            }],
            memory_bytes: 4 << 30,
            policy: NodePolicy::Active,
            process: number,
            version: "0.1.0".to_owned(),
            registered_at: self.clock.wall(),
            seen_at: self.clock.wall(),
            revision: Revision::FIRST,
        };
        self.put(Write::PutNode(node, Expect::Absent)).await;
    }

    /// Time passes, and only these nodes are heard of.
    pub(super) async fn advance(&self, by: Duration, alive: &[u64]) {
        self.clock.advance(by);
        let alive: Vec<NodeId> = alive.iter().copied().map(NodeId::new).collect();
        self.store.renew_nodes(&alive, self.clock.wall()).await.unwrap();
    }

    /// Requests that wait for the end of an operation.
    pub(super) fn waiting(&self) -> usize {
        WAITING_MAX - self.rest.waiting.available_permits()
    }

    pub(super) async fn put(&self, write: Write) {
        self.store.apply(Change::default().with(write)).await.unwrap();
    }

    pub(super) async fn world(&self) -> World {
        self.store.world().await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &self.owner, &[], None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &self.owner, &[], Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &self.owner, &[], None).await
    }

    /// With this token.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.raw(request.body(body).unwrap()).await
    }

    /// As it is.
    pub(super) async fn raw(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }
}

pub(super) fn owner_of(node: NodeId) -> Owner {
    let incarnation = Incarnation::new(node.get() + 0xa0).unwrap();
    Owner { node, incarnation }
}

pub(super) fn log_status(leader: Option<NodeId>) -> LogStatus {
    let groups = vec![GroupStatus {
        group: GroupId::new(0),
        leader,
        voters: [1, 2, 3].map(NodeId::new).to_vec(),
        committed: 42,
    }];
    LogStatus { groups }
}
