//! Everything that bodies are made of, by key.
//! Promises: made once for a request, so that a long list costs one look at the world.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_control_model::{
    Attachment, Cluster, ClusterId, Node, NodeReport, Operation, Replica, ReplicaSeen, ReplicaState, Shard, ShardId,
    StreamSeen, Tenant, TenantKey, World,
};
use tenure_types::{Epoch, NodeId, Owner, StreamId, TenantId, WallTime};

use crate::Observed;
use crate::shared::was_seen;

/// See the top of the file.
pub(in crate::rest) struct View<'a> {
    /// What the log told last.
    pub(super) observed: &'a Observed,
    /// The authority that clients have to believe.
    pub(super) authority_pem: &'a str,
    now: WallTime,
    node_lease: Duration,
    tenants: BTreeMap<TenantKey, &'a Tenant>,
    clusters: BTreeMap<ClusterId, &'a Cluster>,
    shards: BTreeMap<ClusterId, Vec<&'a Shard>>,
    shards_by_id: BTreeMap<ShardId, &'a Shard>,
    replicas: BTreeMap<ShardId, Vec<&'a Replica>>,
    nodes: BTreeMap<NodeId, &'a Node>,
    reports: BTreeMap<NodeId, &'a NodeReport>,
    seen: BTreeMap<(NodeId, StreamId), &'a ReplicaSeen>,
    attachments: &'a [Attachment],
    operations: &'a [Operation],
}

impl<'a> View<'a> {
    /// The world at `now`. A node whose session is silent for longer than `node_lease` is thought dead.
    pub(in crate::rest) fn new(
        world: &'a World,
        observed: &'a Observed,
        now: WallTime,
        node_lease: Duration,
        authority_pem: &'a str,
    ) -> Self {
        let mut shards: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for shard in &world.shards {
            shards.entry(shard.cluster).or_default().push(shard);
        }
        for of_cluster in shards.values_mut() {
            of_cluster.sort_by(|one, other| one.name.cmp(&other.name));
        }
        let mut replicas: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for replica in &world.replicas {
            replicas.entry(replica.shard).or_default().push(replica);
        }
        for of_shard in replicas.values_mut() {
            of_shard.sort_by_key(|replica| replica.node);
        }
        let seen = |report: &'a NodeReport| {
            let of_node = move |seen: &'a ReplicaSeen| ((report.node, seen.stream), seen);
            report.replicas.iter().map(of_node)
        };
        Self {
            observed,
            authority_pem,
            now,
            node_lease,
            tenants: world.tenants.iter().map(|tenant| (tenant.id, tenant)).collect(),
            clusters: world.clusters.iter().map(|cluster| (cluster.id, cluster)).collect(),
            shards,
            shards_by_id: world.shards.iter().map(|shard| (shard.id, shard)).collect(),
            replicas,
            nodes: world.nodes.iter().map(|node| (node.id, node)).collect(),
            reports: world.reports.iter().map(|report| (report.node, report)).collect(),
            seen: world.reports.iter().flat_map(seen).collect(),
            attachments: &world.attachments,
            operations: &world.operations,
        }
    }

    /// The tenant's name, or its id if it is gone.
    pub(super) fn tenant_name(&self, id: TenantKey) -> String {
        let known = self.tenants.get(&id);
        known.map_or_else(|| id.to_string(), |tenant| tenant.name.to_string())
    }

    /// The tenant's number, by which nodes know it.
    pub(super) fn tenant_number(&self, id: TenantKey) -> Option<TenantId> {
        self.tenants.get(&id).map(|tenant| tenant.number)
    }

    /// What a cluster runs.
    pub(super) fn attachments_of(&self, cluster: ClusterId) -> impl Iterator<Item = &'a Attachment> {
        let all = self.attachments.iter();
        all.filter(move |attachment| attachment.cluster == cluster)
    }

    pub(super) fn cluster(&self, id: ClusterId) -> Option<&'a Cluster> {
        self.clusters.get(&id).copied()
    }

    pub(super) fn shard(&self, id: ShardId) -> Option<&'a Shard> {
        self.shards_by_id.get(&id).copied()
    }

    /// Every shard of every cluster.
    pub(in crate::rest) fn all_shards(&self) -> impl Iterator<Item = &'a Shard> {
        self.shards_by_id.values().copied()
    }

    /// By name.
    pub(super) fn shards_of(&self, cluster: ClusterId) -> &[&'a Shard] {
        self.shards.get(&cluster).map_or(&[], Vec::as_slice)
    }

    /// By node, those that leave included.
    pub(super) fn replicas_of(&self, shard: ShardId) -> &[&'a Replica] {
        self.replicas.get(&shard).map_or(&[], Vec::as_slice)
    }

    /// Those that are to stay.
    pub(in crate::rest) fn members_of(&self, shard: ShardId) -> impl Iterator<Item = &'a Replica> {
        let all = self.replicas_of(shard).iter().copied();
        all.filter(|replica| replica.state == ReplicaState::Wanted)
    }

    /// On a node, those that leave included.
    pub(super) fn replicas_on(&self, node: NodeId) -> impl Iterator<Item = &'a Replica> {
        let all = self.replicas.values().flatten().copied();
        all.filter(move |replica| replica.node == node)
    }

    pub(super) fn zone_of(&self, node: NodeId) -> Option<&'a str> {
        self.nodes.get(&node).map(|node| node.zone.as_str())
    }

    pub(super) fn report_of(&self, node: NodeId) -> Option<&'a NodeReport> {
        self.reports.get(&node).copied()
    }

    /// The replica as its node told of it last.
    pub(in crate::rest) fn seen(&self, node: NodeId, stream: StreamId) -> Option<&'a ReplicaSeen> {
        self.seen.get(&(node, stream)).copied()
    }

    /// Whether the node's session lives.
    pub(in crate::rest) fn is_alive(&self, node: NodeId) -> bool {
        let node = self.nodes.get(&node);
        node.is_some_and(|node| was_seen(node.seen_at, self.now, self.node_lease))
    }

    /// The stream as the log told of it last.
    pub(super) fn stream(&self, id: StreamId) -> Option<&'a StreamSeen> {
        self.observed.streams.get(&id)
    }

    /// For how long the log has heard nothing of the owner, counted on since its answer.
    pub(super) fn silent(&self, stream: &StreamSeen) -> Duration {
        stream.silent.saturating_add(since(stream.at, self.now))
    }

    /// The newest epoch that is known, and who owns it.
    pub(in crate::rest) fn owned(&self, shard: &Shard) -> Option<(Epoch, Owner)> {
        let told = self.stream(shard.stream).and_then(|stream| stream.owned);
        // What is remembered may be newer than what was told last, and the other way round.
        [told, shard.owned]
            .into_iter()
            .flatten()
            .max_by_key(|(epoch, _)| *epoch)
    }

    /// The operation of the cluster that is not over.
    pub(in crate::rest) fn operation_of(&self, cluster: ClusterId) -> Option<&'a Operation> {
        let of_it = |operation: &&Operation| operation.cluster == Some(cluster) && !operation.state.is_over();
        self.operations.iter().find(of_it)
    }
}

fn since(then: WallTime, now: WallTime) -> Duration {
    Duration::from_millis(now.as_unix_millis().saturating_sub(then.as_unix_millis()))
}
