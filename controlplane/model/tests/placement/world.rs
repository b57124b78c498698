//! A world of nodes and clusters, made row by row.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tenure_control_model::{
    Ask, Cluster, ClusterId, ClusterSpec, ClusterState, Inventory, Name, Node, NodePolicy, PortRange, Replica,
    ReplicaState, Revision, Shard, ShardId, TenantKey, World,
};
use tenure_types::{GroupId, NodeId, StreamId, WallTime};

pub(crate) const MIB: u64 = 1 << 20;
const AT: WallTime = WallTime::from_unix_millis(0);

/// A node with this many MiB and the ports from 7000 on, so many.
pub(crate) fn node(number: u64, zone: &str, memory_mib: u64, ports: u16) -> Node {
    let range = PortRange {
        first: 7000,
        last: 7000 + ports.saturating_sub(1),
    };
    Node {
        id: NodeId::new(number),
        zone: zone.to_owned(),
        host: host(number),
        ports: if ports == 0 { Vec::new() } else { vec![range] },
        memory_bytes: memory_mib * MIB,
        policy: NodePolicy::Active,
        process: 1,
        version: String::new(),
        registered_at: AT,
        seen_at: AT,
        revision: Revision::FIRST,
    }
}

pub(crate) fn host(number: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, u8::try_from(number).unwrap()))
}

/// Nodes with 1000 MiB and 100 ports, in these zones.
pub(crate) fn world(zones: &[&str]) -> World {
    World {
        nodes: zones
            .iter()
            .zip(1..)
            .map(|(zone, number)| node(number, zone, 1000, 100))
            .collect(),
        ..World::default()
    }
}

/// Puts a cluster of one shard on these nodes, the primary first, at ports from this one on.
pub(crate) fn put(
    world: &mut World,
    cluster: u128,
    tenant: u128,
    memory_mib: u64,
    members: &[(u64, u16, ReplicaState)],
) {
    let number = world.shards.len() as u128 + 1;
    if world.clusters.iter().all(|row| row.id != ClusterId::new(cluster)) {
        world.clusters.push(cluster_row(cluster, tenant, memory_mib));
    }
    let shard = ShardId::new(number);
    world.shards.push(Shard {
        id: shard,
        cluster: ClusterId::new(cluster),
        name: format!("{number:04}"),
        slots: Vec::new(),
        stream: StreamId::new(GroupId::new(0), u32::try_from(number).unwrap()),
        preferred: NodeId::new(members[0].0),
        give_up: None,
        owned: None,
        revision: Revision::FIRST,
    });
    for (node, port, state) in members {
        world.replicas.push(Replica {
            shard,
            node: NodeId::new(*node),
            address: SocketAddr::new(host(*node), *port),
            state: *state,
            why: String::new(),
            since: AT,
            revision: Revision::FIRST,
        });
    }
}

fn cluster_row(id: u128, tenant: u128, memory_mib: u64) -> Cluster {
    Cluster {
        id: ClusterId::new(id),
        tenant: TenantKey::new(tenant),
        name: format!("cluster-{id}").parse::<Name>().unwrap(),
        state: ClusterState::Active,
        spec: ClusterSpec {
            shards: 1,
            replicas: 1,
            memory_bytes: memory_mib * MIB,
            policy: "noeviction".to_owned(),
            tls: false,
        },
        seed: 0,
        users: Vec::new(),
        certificate: None,
        created_at: AT,
        revision: Revision::FIRST,
    }
}

/// For cluster 100 of tenant 100, of which nothing is placed.
pub(crate) fn ask(shards: u16, replicas: u8, memory_mib: u64) -> Ask {
    Ask {
        cluster: ClusterId::new(100),
        tenant: TenantKey::new(100),
        shards,
        replicas,
        memory_bytes: memory_mib * MIB,
        may_share_zones: false,
    }
}

/// All are alive.
pub(crate) fn inventory(world: &World) -> Inventory {
    Inventory::of(world, |_| true)
}
