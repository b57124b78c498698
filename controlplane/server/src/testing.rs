//! A world for the tests of this crate: tenant `demo` with cluster `shop`, two shards on nodes 1 and 2, and node 3 with
//! nothing. Everything works.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use tenure_control_model::{
    Attachment, Cluster, ClusterId, ClusterSpec, ClusterState, Node, NodePolicy, NodeReport, PluginId, PluginVersion,
    PortRange, Replica, ReplicaSeen, ReplicaState, Revision, Shard, ShardId, SlotRange, Standing, StreamSeen, Tenant,
    TenantKey, World,
};
use tenure_plugin_abi::Manifest;
use tenure_types::{Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId, WallTime};

use crate::plugin_check::{PluginCheck, PluginCheckError};
use crate::shared::Observed;

/// Where `shop` is in the list of clusters.
pub(crate) const SHOP: usize = 0;
/// Now.
pub(crate) const NOW: WallTime = WallTime::from_unix_millis(1_800_000_000_000);
/// L of its epochs.
pub(crate) const L: LeaseLength = LeaseLength::from_millis(1200).unwrap();

pub(crate) fn before(millis: u64) -> WallTime {
    WallTime::from_unix_millis(NOW.as_unix_millis() - millis)
}

pub(crate) fn stream(number: u32) -> StreamId {
    StreamId::new(GroupId::new(0), number)
}

/// The life of the image of a shard on a node.
pub(crate) fn incarnation(node: u64, shard: u32) -> Incarnation {
    Incarnation::new(node * 100 + u64::from(shard)).unwrap()
}

pub(crate) fn owner(node: u64, shard: u32) -> Owner {
    Owner {
        node: NodeId::new(node),
        incarnation: incarnation(node, shard),
    }
}

pub(crate) fn world() -> World {
    World {
        generation: 7,
        tenants: vec![Tenant {
            id: TenantKey::new(1),
            number: TenantId::new(1),
            name: "demo".parse().unwrap(),
            created_at: before(1_000_000),
            revision: Revision::FIRST,
        }],
        clusters: vec![Cluster {
            id: ClusterId::new(1),
            tenant: TenantKey::new(1),
            name: "shop".parse().unwrap(),
            state: ClusterState::Active,
            spec: ClusterSpec {
                shards: 2,
                replicas: 1,
                memory_bytes: 1 << 20,
                policy: "noeviction".to_owned(),
                tls: false,
            },
            seed: 5,
            users: Vec::new(),
            certificate: None,
            created_at: before(1_000_000),
            revision: Revision::FIRST,
        }],
        shards: vec![shard(1, 1), shard(2, 2)],
        replicas: vec![replica_of(1, 1), replica_of(1, 2), replica_of(2, 2), replica_of(2, 1)],
        attachments: Vec::new(),
        nodes: vec![node(1), node(2), node(3)],
        reports: vec![
            report(1, vec![seen(1, 1, Standing::Primary), seen(1, 2, Standing::Replica)]),
            report(2, vec![seen(2, 1, Standing::Replica), seen(2, 2, Standing::Primary)]),
            report(3, Vec::new()),
        ],
        operations: Vec::new(),
    }
}

/// What the log tells of it: shard 1 is owned by node 1, shard 2 by node 2.
pub(crate) fn observed() -> Observed {
    let seen = |shard: u32, node: u64| StreamSeen {
        stream: stream(shard),
        at: NOW,
        owned: Some((Epoch::new(3), owner(node, shard))),
        lease: Some(L),
        released: false,
        tail: Lsn::new(10),
        silent: Duration::from_millis(100),
        retained_bytes: 1000,
    };
    Observed {
        streams: [(stream(1), seen(1, 1)), (stream(2), seen(2, 2))].into(),
        log: None,
    }
}

fn shard(number: u32, preferred: u64) -> Shard {
    let half = tenure_control_model::SLOTS / 2;
    let first = if number == 1 { 0 } else { half };
    Shard {
        id: ShardId::new(number.into()),
        cluster: ClusterId::new(1),
        name: format!("{number:04}"),
        slots: vec![SlotRange {
            first,
            last: first + half - 1,
        }],
        stream: stream(number),
        preferred: NodeId::new(preferred),
        give_up: None,
        owned: Some((Epoch::new(3), owner(preferred, number))),
        revision: Revision::FIRST,
    }
}

pub(crate) fn replica_of(shard: u32, node: u64) -> Replica {
    let port = 7000 + u16::try_from(node * 100).unwrap() + u16::try_from(shard).unwrap();
    Replica {
        shard: ShardId::new(shard.into()),
        node: NodeId::new(node),
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        state: ReplicaState::Wanted,
        why: "it was placed".to_owned(),
        since: before(900_000),
        revision: Revision::FIRST,
    }
}

/// Of version 1.0.0 to `shop`. Each byte of its hash is `number`.
pub(crate) fn attachment(name: &str, number: u8) -> Attachment {
    Attachment {
        cluster: ClusterId::new(1),
        name: name.to_owned(),
        plugin: PluginId::new(number.into()),
        version: PluginVersion { numbers: [1, 0, 0] },
        sha256: [number; 32],
        bytes: 8,
        attached_at: before(1000),
        revision: Revision::FIRST,
    }
}

fn node(id: u64) -> Node {
    let first = 7000 + u16::try_from(id * 100).unwrap();
    Node {
        id: NodeId::new(id),
        zone: format!("zone-{id}"),
        host: [127, 0, 0, 1].into(),
        ports: vec![PortRange {
            first,
            last: first + 15,
        }],
        memory_bytes: 1 << 30,
        policy: NodePolicy::Active,
        process: id,
        version: "0.1.0".to_owned(),
        registered_at: before(1_000_000),
        seen_at: before(200),
        revision: Revision::FIRST,
    }
}

pub(crate) fn report(node: u64, replicas: Vec<ReplicaSeen>) -> NodeReport {
    NodeReport {
        node: NodeId::new(node),
        at: before(200),
        generation: 7,
        replicas,
        refusals: Vec::new(),
        plugins: Vec::new(),
    }
}

pub(crate) fn seen(node: u64, shard: u32, standing: Standing) -> ReplicaSeen {
    ReplicaSeen {
        stream: stream(shard),
        standing,
        incarnation: incarnation(node, shard),
        epoch: Epoch::new(3),
        lsn: Lsn::new(10),
        keys: 5,
        memory_bytes: 500,
        clients: 1,
    }
}

/// Takes a module by its word: its manifest is what follows the first four bytes of every module. One whose manifest says so makes the
/// check impossible.
#[derive(Debug)]
pub(crate) struct ByItsWord;

#[async_trait]
impl PluginCheck for ByItsWord {
    async fn check(&self, module: &[u8]) -> Result<Manifest, PluginCheckError> {
        let unfit = |reason: String| PluginCheckError::Unfit { reason };
        let Some(manifest) = module.trim_ascii_end().strip_prefix(b"\0asm") else {
            return Err(unfit("the module is not valid here".to_owned()));
        };
        if manifest == b"nobody" {
            let source = io::Error::other("no process can be started");
            return Err(PluginCheckError::Unavailable { source });
        }
        Manifest::parse(manifest).map_err(|error| unfit(error.to_string()))
    }
}
