//! The layout as clients of a cluster know it: nodes with ids, addresses and roles.
//! Promises: an id is a function of names that stay, so a node has the same id on all nodes and after a restart; it is
//! 40 hexadecimal digits, as clients expect. A machine that hosts two shards is two nodes to a client, at two ports.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tenure_types::{Epoch, NodeId};

use crate::layout::{ClusterLayout, ShardLayout, SlotRange};
use crate::replica::{Replica, Standing};
use crate::topology::Topology;

/// A cluster, seen from one of its nodes.
#[derive(Debug)]
pub(crate) struct View {
    topology: Rc<Topology>,
    cluster: Arc<ClusterLayout>,
    shard: String,
    node: NodeId,
}

/// A node of a cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'v> {
    pub(crate) shard: &'v ShardLayout,
    pub(crate) node: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) is_primary: bool,
    /// It is the one who tells.
    pub(crate) is_own: bool,
}

impl View {
    pub(crate) fn of(replica: &Replica) -> Self {
        Self {
            topology: Rc::clone(replica.topology()),
            cluster: replica.cluster(),
            shard: replica.shard_name().to_owned(),
            node: replica.node(),
        }
    }

    pub(crate) fn cluster(&self) -> &ClusterLayout {
        &self.cluster
    }

    /// The members of a shard, its primary first.
    pub(crate) fn members<'v>(&'v self, shard: &'v ShardLayout) -> Vec<Member<'v>> {
        let member = |replica: &crate::layout::ReplicaLayout| Member {
            shard,
            node: replica.node,
            address: replica.address,
            is_primary: replica.node == shard.primary,
            is_own: replica.node == self.node && shard.name == self.shard,
        };
        let mut members: Vec<_> = shard.replicas.iter().map(member).collect();
        members.sort_by_key(|member| !member.is_primary);
        members
    }

    /// The newest known epoch of a shard: what Redis calls the configuration epoch of its primary.
    pub(crate) fn epoch(&self, shard: &ShardLayout) -> Epoch {
        self.topology.epoch_of(shard.stream)
    }

    /// All nodes of the cluster.
    pub(crate) fn all_members(&self) -> Vec<Member<'_>> {
        let shards = self.cluster.shards.iter();
        shards.flat_map(|shard| self.members(shard)).collect()
    }

    /// The node with this id.
    pub(crate) fn find(&self, id: &[u8]) -> Option<Member<'_>> {
        let mut members = self.all_members().into_iter();
        members.find(|member| self.id(member.shard, member.node).as_bytes() == id)
    }

    /// The id of a node.
    pub(crate) fn id(&self, shard: &ShardLayout, node: NodeId) -> String {
        self.id_of(&shard.name, Some(node))
    }

    /// The id of this node.
    pub(crate) fn own_id(&self) -> String {
        self.id_of(&self.shard, Some(self.node))
    }

    /// The id of this node's shard.
    pub(crate) fn own_shard_id(&self) -> String {
        self.id_of(&self.shard, None)
    }

    fn id_of(&self, shard: &str, node: Option<NodeId>) -> String {
        let mut hash = Sha256::new();
        // Each part ends where it says, so no two nodes are spelled alike.
        for name in [&self.cluster.name, shard] {
            hash.update(u64::try_from(name.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(name);
        }
        hash.update(self.cluster.tenant.get().to_le_bytes());
        if let Some(node) = node {
            hash.update(node.get().to_le_bytes());
        }
        hash.finalize()
            .iter()
            .take(20)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// This node's shard; `None`: the layout has it no more.
    pub(crate) fn own_shard(&self) -> Option<&ShardLayout> {
        self.cluster.shards.iter().find(|shard| shard.name == self.shard)
    }

    /// Where clients reach this node.
    pub(crate) fn own_address(&self) -> Option<SocketAddr> {
        self.own_shard()?.address_on(self.node)
    }

    /// Where the primary of this node's shard is.
    pub(crate) fn own_primary(&self) -> Option<SocketAddr> {
        self.own_shard()?.primary_address()
    }

    /// Where the other nodes of this node's shard are that are not its primary.
    pub(crate) fn own_replicas(&self) -> Vec<SocketAddr> {
        let members = self.own_shard().map(|shard| self.members(shard)).unwrap_or_default();
        let others = members.iter().filter(|member| !member.is_primary && !member.is_own);
        others.map(|member| member.address).collect()
    }

    /// Whether this node is the primary of its shard: what it is counts, and where it is neither, what it shall be.
    pub(crate) fn is_primary(&self, standing: Standing) -> bool {
        match standing {
            Standing::Primary => true,
            Standing::Replica => false,
            Standing::Loading | Standing::Lapsed | Standing::Broken => {
                self.own_shard().is_some_and(|shard| shard.primary == self.node)
            }
        }
    }
}

/// A shard's slots in order, neighbours merged.
pub(crate) fn ranges(shard: &ShardLayout) -> Vec<SlotRange> {
    let mut slots = shard.slots.clone();
    slots.sort();
    let mut merged: Vec<SlotRange> = Vec::new();
    for range in slots {
        match merged.last_mut() {
            Some(before) if before.last.checked_add(1) == Some(range.first) => before.last = range.last,
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::{Server, layout};

    #[test]
    fn neighbouring_slots_are_one_range() {
        let cluster = layout();
        let shown: Vec<Vec<_>> = cluster.shards.iter().map(|shard| pairs(&ranges(shard))).collect();
        assert_eq!(shown, [vec![(0, 8191)], vec![(8192, 16383)]]);
    }

    fn pairs(ranges: &[SlotRange]) -> Vec<(u16, u16)> {
        ranges.iter().map(|range| (range.first, range.last)).collect()
    }

    /// Clients remember ids across restarts and upgrades.
    #[test]
    fn ids_stay_as_they_are() {
        let server = Server::new();
        let view = View::of(&server.replica);
        assert_eq!(view.own_id(), "601b13ef4eba45a5419237fba8612ad2af10888d");
        assert_eq!(view.own_shard_id(), "585f88d93cdbd58c21e103a27645c8b6ed47d3fe");
    }

    #[test]
    fn every_node_has_an_id_of_its_own_and_is_found_by_it() {
        let mut cluster = layout();
        // One machine hosts both shards.
        cluster.shards[1].replicas[1].node = NodeId::new(1);
        let server = Server::of(cluster);
        let view = View::of(&server.replica);
        let mut ids: Vec<_> = view
            .all_members()
            .iter()
            .map(|member| view.id(member.shard, member.node))
            .collect();
        for id in &ids {
            assert_eq!(id.len(), 40);
            assert!(view.find(id.as_bytes()).is_some());
        }
        ids.extend([view.own_shard_id()]);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5);
    }
}
