//! Rows to put: every field filled, numbers as large as they get.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tenure_control_model::{
    ApiKey, ApiKeyId, Attachment, AuditId, AuditRow, Certificate, Change, Cluster, ClusterId, ClusterSpec,
    ClusterState, ClusterUser, Event, EventId, Expect, FailoverAttempt, FailoverId, FailoverOutcome, FailoverReason,
    Name, Node, NodePolicy, NodeReport, Operation, OperationError, OperationId, OperationKind, OperationState, Plugin,
    PluginId, PluginSeen, PluginVersion, PortRange, Refusal, Remembered, Replica, ReplicaSeen, ReplicaState, Revision,
    Role, Shard, ShardId, SlotRange, Standing, Step, StepState, Tenant, TenantKey, Write,
};
use tenure_types::{Epoch, GroupId, Incarnation, Lsn, NodeId, Owner, StreamId, TenantId, WallTime};

use crate::{Page, Store, StoreError};

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn at(millis: u64) -> WallTime {
    WallTime::from_unix_millis(millis)
}

/// A page that holds everything there is in a test.
pub(super) fn all() -> Page {
    Page {
        after: None,
        rows_max: 10_000,
    }
}

pub(super) fn tenant(number: u64) -> Tenant {
    Tenant {
        id: TenantKey::new(number.into()),
        number: TenantId::new(number),
        name: name(&format!("tenant-{number}")),
        created_at: at(1_700_000_000_000),
        revision: Revision::FIRST,
    }
}

/// Of tenant 1.
pub(super) fn cluster(number: u64) -> Cluster {
    Cluster {
        id: ClusterId::new(number.into()),
        tenant: TenantKey::new(1),
        name: name(&format!("cluster-{number}")),
        state: ClusterState::Creating,
        spec: ClusterSpec {
            shards: 3,
            replicas: 1,
            memory_bytes: 1 << 40,
            policy: "allkeys-lru".to_owned(),
            tls: true,
        },
        seed: u64::MAX - number,
        users: vec![ClusterUser {
            name: "default \"quoted\" ü".to_owned(),
            password_sha256: [0xa5; 32],
        }],
        certificate: Some(Certificate {
            certificate_pem: "-----BEGIN CERTIFICATE-----\n".to_owned(),
            key_pem: "-----BEGIN PRIVATE KEY-----\n".to_owned(),
            not_after: at(1_800_000_000_000),
        }),
        created_at: at(1_700_000_000_001),
        revision: Revision::FIRST,
    }
}

pub(super) fn node(number: u64) -> Node {
    Node {
        id: NodeId::new(number),
        zone: "zone-a".to_owned(),
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ports: vec![
            PortRange {
                first: 7000,
                last: 7009,
            },
            PortRange {
                first: 65_535,
                last: 65_535,
            },
        ],
        memory_bytes: u64::MAX,
        policy: NodePolicy::Active,
        process: u64::MAX - 7,
        version: "0.1.0".to_owned(),
        registered_at: at(5),
        seen_at: at(6),
        revision: Revision::FIRST,
    }
}

/// Of this cluster, on node 1, with a stream of its own.
pub(super) fn shard(cluster: &Cluster, number: u32) -> Shard {
    Shard {
        id: ShardId::new(cluster.id.get() << 32 | u128::from(number)),
        cluster: cluster.id,
        name: format!("{number:04}"),
        slots: vec![SlotRange { first: 0, last: 5460 }],
        stream: StreamId::new(GroupId::new(u32::MAX), number),
        preferred: NodeId::new(1),
        give_up: Some(Epoch::new(3)),
        owned: Some((Epoch::new(u64::MAX), owner())),
        revision: Revision::FIRST,
    }
}

pub(super) fn owner() -> Owner {
    Owner {
        node: NodeId::new(u64::MAX),
        incarnation: Incarnation::new(u64::MAX).unwrap(),
    }
}

/// On this node, at a port of its own.
pub(super) fn replica(shard: &Shard, node: u64) -> Replica {
    let port = 7000 + u16::try_from(shard.id.get() & 0xfff).unwrap();
    Replica {
        shard: shard.id,
        node: NodeId::new(node),
        address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        state: ReplicaState::Wanted,
        why: "zone a has no other member of the shard".to_owned(),
        since: at(9),
        revision: Revision::FIRST,
    }
}

pub(super) fn report(node: u64) -> NodeReport {
    let seen = |standing, lsn| ReplicaSeen {
        stream: StreamId::new(GroupId::new(0), 7),
        standing,
        incarnation: Incarnation::new(u64::MAX).unwrap(),
        epoch: Epoch::new(2),
        lsn,
        keys: 5,
        memory_bytes: u64::MAX,
        clients: 1,
    };
    NodeReport {
        node: NodeId::new(node),
        at: at(1_700_000_000_002),
        generation: 3,
        replicas: vec![
            seen(Standing::Loading, None),
            seen(Standing::Primary, Lsn::new(u64::MAX)),
            seen(Standing::Replica, Lsn::new(1)),
            seen(Standing::Lapsed, Lsn::new(2)),
            seen(Standing::Broken, Lsn::new(3)),
        ],
        refusals: vec![
            Refusal {
                stream: None,
                tenant: TenantId::new(u64::MAX),
                cluster: "shop".to_owned(),
                reason: "its certificate has ended".to_owned(),
                plugin: Some("ratelimit".to_owned()),
            },
            Refusal {
                stream: Some(StreamId::new(GroupId::new(1), 2)),
                tenant: TenantId::new(1),
                cluster: "shop".to_owned(),
                reason: "port 7000 is taken".to_owned(),
                plugin: None,
            },
        ],
        plugins: vec![
            PluginSeen {
                tenant: TenantId::new(u64::MAX),
                cluster: "shop".to_owned(),
                name: "ratelimit".to_owned(),
                sha256: [0x3c; 32],
                quarantined: Some("it ran for longer than its 10 ms".to_owned()),
            },
            PluginSeen {
                tenant: TenantId::new(1),
                cluster: "shop".to_owned(),
                name: "counter".to_owned(),
                sha256: [0x3d; 32],
                quarantined: None,
            },
        ],
    }
}

/// Of tenant 1, with a name, a version and a hash of its own.
pub(super) fn plugin(number: u64) -> Plugin {
    let mut sha256 = [0; 32];
    sha256[..8].copy_from_slice(&number.to_be_bytes());
    Plugin {
        id: PluginId::new(number.into()),
        tenant: TenantKey::new(1),
        name: format!("plugin_{number}"),
        version: PluginVersion {
            numbers: [1, 0, u32::try_from(number).unwrap()],
        },
        sha256,
        bytes: 5,
        manifest: "{\"name\":\"ü\"}".to_owned(),
        created_at: at(1_700_000_000_003),
    }
}

/// Its bytes.
pub(super) fn module(plugin: &Plugin) -> Vec<u8> {
    vec![0, b'a', 0xff, b's', plugin.sha256[7]]
}

pub(super) fn attachment(cluster: &Cluster, plugin: &Plugin) -> Attachment {
    Attachment {
        cluster: cluster.id,
        name: plugin.name.clone(),
        plugin: plugin.id,
        version: plugin.version,
        sha256: plugin.sha256,
        bytes: plugin.bytes,
        attached_at: at(18),
        revision: Revision::FIRST,
    }
}

/// Under way, of tenant 1, on the cluster of the same number.
pub(super) fn operation(number: u64) -> Operation {
    let step = |name: &str, state| Step {
        name: name.to_owned(),
        state,
        detail: "3 of 4".to_owned(),
    };
    Operation {
        id: OperationId::new(number.into()),
        tenant: Some(TenantKey::new(1)),
        cluster: Some(ClusterId::new(number.into())),
        kind: OperationKind::CreateCluster,
        state: OperationState::Running,
        steps: vec![
            step("place shards", StepState::Done),
            step("start", StepState::Running),
            step("serve", StepState::Pending),
            step("rejoice", StepState::Failed),
        ],
        error: None,
        created_at: at(11),
        finished_at: None,
        revision: Revision::FIRST,
    }
}

/// As [`operation`], but over since then.
pub(super) fn operation_over(number: u64, finished_at: WallTime) -> Operation {
    Operation {
        state: OperationState::Failed,
        error: Some(OperationError {
            code: "no-capacity".to_owned(),
            detail: "needs 3 nodes, 2 have room".to_owned(),
        }),
        finished_at: Some(finished_at),
        ..operation(number)
    }
}

/// Of tenant 1.
pub(super) fn api_key(number: u64) -> ApiKey {
    ApiKey {
        id: ApiKeyId::new(number.into()),
        tenant: Some(TenantKey::new(1)),
        name: "ci".to_owned(),
        role: Role::Operator,
        secret_sha256: [0x5a; 32],
        created_at: at(12),
        expires_at: Some(at(13)),
        revoked_at: None,
    }
}

/// Its key never expires.
pub(super) fn platform_owner(number: u64) -> ApiKey {
    ApiKey {
        tenant: None,
        role: Role::Owner,
        expires_at: None,
        ..api_key(number)
    }
}

pub(super) fn failover(number: u64) -> FailoverAttempt {
    FailoverAttempt {
        id: FailoverId::new(number.into()),
        shard: ShardId::new(1),
        expect: Epoch::new(4),
        to: owner(),
        reason: FailoverReason::OwnerSilent,
        outcome: FailoverOutcome::Unknown,
        begun_at: at(14),
        ended_at: None,
    }
}

/// Of tenant 1 and cluster 1.
pub(super) fn event(number: u64) -> Event {
    Event {
        id: EventId::new(number.into()),
        at: at(15),
        kind: "failover".to_owned(),
        message: "node-2 owns shard 0001".to_owned(),
        tenant: Some(TenantKey::new(1)),
        cluster: Some(ClusterId::new(1)),
        shard: Some(ShardId::new(1)),
        node: Some(NodeId::new(u64::MAX)),
    }
}

/// Of tenant 1.
pub(super) fn audit_row(number: u64) -> AuditRow {
    AuditRow {
        id: AuditId::new(number.into()),
        started_at: at(16),
        completed_at: None,
        key: ApiKeyId::new(1),
        tenant: Some(TenantKey::new(1)),
        method: "POST".to_owned(),
        path: "/v1/tenants/shop/clusters".to_owned(),
        source: "127.0.0.1:5".to_owned(),
        status: None,
        problem: None,
    }
}

pub(super) fn remembered(number: u64) -> Remembered {
    Remembered {
        by: ApiKeyId::new(1),
        key: format!("key {number}"),
        request_sha256: [0x77; 32],
        status: 201,
        body: "{\"name\":\"shop\"}".to_owned(),
        expires_at: at(17),
    }
}

/// A change of one write.
pub(super) fn just(write: Write) -> Change {
    Change::default().with(write)
}

pub(super) async fn apply(store: &Arc<dyn Store>, change: Change) -> u64 {
    store.apply(change).await.unwrap()
}

/// Tenant 1, node 1 and 2.
pub(super) async fn apply_ground(store: &Arc<dyn Store>) {
    let ground = just(Write::PutTenant(tenant(1), Expect::Absent))
        .with(Write::PutNode(node(1), Expect::Absent))
        .with(Write::PutNode(node(2), Expect::Absent));
    apply(store, ground).await;
}

/// Cluster 1 of tenant 1 with two shards on nodes 1 and 2, on the ground.
pub(super) async fn apply_cluster(store: &Arc<dyn Store>) -> Cluster {
    apply_ground(store).await;
    let cluster = cluster(1);
    let mut change = just(Write::PutCluster(cluster.clone(), Expect::Absent));
    for number in [1, 2] {
        let shard = shard(&cluster, number);
        change = change.with(Write::PutShard(shard.clone(), Expect::Absent));
        for node in [1, 2] {
            change = change.with(Write::PutReplica(replica(&shard, node), Expect::Absent));
        }
    }
    apply(store, change).await;
    cluster
}

pub(super) fn assert_conflict(result: Result<u64, StoreError>, row: &str) {
    match result {
        Err(StoreError::Conflict { row: named }) => assert!(named.contains(row), "{named:?} does not name {row:?}"),
        other => panic!("not a conflict of {row}: {other:?}"),
    }
}

pub(super) fn assert_in_use(result: Result<u64, StoreError>, row: &str) {
    match result {
        Err(StoreError::InUse { row: named }) => assert!(named.contains(row), "{named:?} does not name {row:?}"),
        other => panic!("{row} is not in use: {other:?}"),
    }
}
