//! What nodes have, and what of it is promised.
//! Promises: what a replica was promised counts until its row is gone, also while it is leaving.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use tenure_types::NodeId;

use crate::{ClusterId, Node, NodePolicy, PortRange, ReplicaState, TenantKey, World};

/// What placement looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// By number.
    pub(super) nodes: Vec<NodeRoom>,
}

/// One node, with what it was promised to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeRoom {
    pub(super) id: NodeId,
    pub(super) zone: String,
    pub(super) host: IpAddr,
    pub(super) ports: Vec<PortRange>,
    pub(super) memory_bytes: u64,
    pub(super) standing: NodeStanding,
    /// Sums may be more than the node has, if it was made smaller.
    pub(super) promised_bytes: u128,
    pub(super) ports_taken: BTreeSet<u16>,
    /// Of shards that are to be there. Those that leave count for memory and ports only.
    pub(super) members: Vec<Member>,
}

/// Whether a node may be given shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeStanding {
    /// Yes.
    Open,
    /// No: an operator said so.
    Cordoned,
    /// No: it is not there. Its zone does not count.
    Dead,
}

/// A member of a shard that is to be on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) cluster: ClusterId,
    pub(super) tenant: TenantKey,
    pub(super) is_primary: bool,
}

impl Inventory {
    /// What there is in this world, given who is alive.
    pub fn of(world: &World, alive: impl Fn(&Node) -> bool) -> Self {
        let clusters: BTreeMap<_, _> = world.clusters.iter().map(|cluster| (cluster.id, cluster)).collect();
        let shards: BTreeMap<_, _> = world.shards.iter().map(|shard| (shard.id, shard)).collect();
        let mut nodes: BTreeMap<NodeId, NodeRoom> = world
            .nodes
            .iter()
            .map(|node| (node.id, NodeRoom::empty(node, alive(node))))
            .collect();
        for replica in &world.replicas {
            let Some(node) = nodes.get_mut(&replica.node) else {
                continue;
            };
            node.ports_taken.insert(replica.address.port());
            let shard = shards.get(&replica.shard);
            let Some((shard, cluster)) = shard.and_then(|shard| Some((shard, clusters.get(&shard.cluster)?))) else {
                continue;
            };
            node.promised_bytes += u128::from(cluster.spec.memory_bytes);
            if replica.state == ReplicaState::Wanted {
                node.members.push(Member {
                    cluster: cluster.id,
                    tenant: cluster.tenant,
                    is_primary: shard.preferred == node.id,
                });
            }
        }
        Self {
            nodes: nodes.into_values().collect(),
        }
    }

    /// The zone of a node, whether or not it is alive.
    pub(super) fn zone_of(&self, node: NodeId) -> Option<&str> {
        let at = self.nodes.binary_search_by_key(&node, |node| node.id).ok()?;
        self.nodes.get(at).map(|node| node.zone.as_str())
    }

    /// How many zones have a node that is alive.
    pub(super) fn zones_alive(&self) -> usize {
        let alive = self.nodes.iter().filter(|node| node.standing != NodeStanding::Dead);
        alive.map(|node| node.zone.as_str()).collect::<BTreeSet<_>>().len()
    }
}

impl NodeRoom {
    fn empty(node: &Node, alive: bool) -> Self {
        let standing = match (alive, node.policy) {
            (false, _) => NodeStanding::Dead,
            (true, NodePolicy::Cordoned) => NodeStanding::Cordoned,
            (true, NodePolicy::Active) => NodeStanding::Open,
        };
        Self {
            id: node.id,
            zone: node.zone.clone(),
            host: node.host,
            ports: node.ports.clone(),
            memory_bytes: node.memory_bytes,
            standing,
            promised_bytes: 0,
            ports_taken: BTreeSet::new(),
            members: Vec::new(),
        }
    }

    /// Ports that nobody holds, in the node's order, at most so many.
    pub(super) fn ports_free(&self, ports_max: u16) -> Vec<u16> {
        let mut seen = self.ports_taken.clone();
        let all = self.ports.iter().flat_map(|range| range.first..=range.last);
        // Ranges may overlap.
        all.filter(|port| seen.insert(*port))
            .take(usize::from(ports_max))
            .collect()
    }
}
