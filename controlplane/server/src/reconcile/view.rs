//! One moment as a reconciler looks at it.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_control_model::{
    Change, Cluster, ClusterId, Event, EventId, Expect, Node, NodeReport, Replica, ReplicaSeen, ReplicaState, Shard,
    ShardId, StreamSeen, Tenant, World, Write,
};
use tenure_types::{BootTime, NodeId, WallTime};

use crate::shared::{Observed, Options, Shared, was_seen};

/// See the top of the file.
pub(crate) struct View<'a> {
    pub(crate) world: &'a World,
    pub(crate) observed: &'a Observed,
    pub(crate) now: WallTime,
    pub(crate) boot: BootTime,
    pub(crate) options: &'a Options,
    /// For how long this process itself has seen nodes silent.
    silences: BTreeMap<NodeId, Duration>,
    new_id: fn() -> u128,
}

impl<'a> View<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        world: &'a World,
        observed: &'a Observed,
        silences: BTreeMap<NodeId, Duration>,
    ) -> Self {
        Self {
            world,
            observed,
            now: shared.now(),
            boot: shared.clock.boot(),
            options: &shared.options,
            silences,
            new_id: || uuid::Uuid::now_v7().as_u128(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(world: &'a World, observed: &'a Observed, options: &'a Options) -> Self {
        let now = crate::testing::NOW;
        let silence = |node: &Node| (node.id, since(node.seen_at, now));
        Self {
            world,
            observed,
            now,
            boot: BootTime::from_nanos(0),
            options,
            silences: world.nodes.iter().map(silence).collect(),
            new_id: || 99,
        }
    }

    pub(crate) fn new_id(&self) -> u128 {
        (self.new_id)()
    }

    pub(crate) fn cluster(&self, id: ClusterId) -> Option<&'a Cluster> {
        self.world.clusters.iter().find(|cluster| cluster.id == id)
    }

    pub(crate) fn tenant_of(&self, cluster: &Cluster) -> Option<&'a Tenant> {
        self.world.tenants.iter().find(|tenant| tenant.id == cluster.tenant)
    }

    pub(crate) fn shard(&self, id: ShardId) -> Option<&'a Shard> {
        self.world.shards.iter().find(|shard| shard.id == id)
    }

    pub(crate) fn shards_of(&self, cluster: ClusterId) -> impl Iterator<Item = &'a Shard> {
        self.world.shards.iter().filter(move |shard| shard.cluster == cluster)
    }

    /// All replicas of a shard, also those that leave.
    pub(crate) fn replicas_of(&self, shard: ShardId) -> impl Iterator<Item = &'a Replica> {
        self.world.replicas.iter().filter(move |replica| replica.shard == shard)
    }

    /// Those that are to stay.
    pub(crate) fn wanted_of(&self, shard: ShardId) -> impl Iterator<Item = &'a Replica> {
        self.replicas_of(shard)
            .filter(|replica| replica.state == ReplicaState::Wanted)
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&'a Node> {
        self.world.nodes.iter().find(|node| node.id == id)
    }

    /// For how long this process, by itself, has heard nothing of a node. What somebody else heard before this process started
    /// says nothing about who lives.
    pub(crate) fn silence_of(&self, node: NodeId) -> Duration {
        self.silences.get(&node).copied().unwrap_or_default()
    }

    /// Whether a node's session lives.
    pub(crate) fn is_alive(&self, node: NodeId) -> bool {
        let seen_at = self.node(node).map(|node| node.seen_at);
        seen_at.is_some_and(|seen_at| was_seen(seen_at, self.now, self.options.node_lease))
    }

    /// The newest word of a node that lives.
    pub(crate) fn report_of(&self, node: NodeId) -> Option<&'a NodeReport> {
        let report = self.world.reports.iter().find(|report| report.node == node)?;
        // A node that just called may not have reported yet: then this is of its life before.
        let is_fresh = was_seen(report.at, self.now, self.options.node_lease);
        (self.is_alive(node) && is_fresh).then_some(report)
    }

    /// A replica as its node sees it, if the node lives.
    pub(crate) fn seen(&self, shard: &Shard, node: NodeId) -> Option<&'a ReplicaSeen> {
        let report = self.report_of(node)?;
        report.replicas.iter().find(|seen| seen.stream == shard.stream)
    }

    /// Why a node could not host a shard, if it said so.
    pub(crate) fn refusal(&self, cluster: &Cluster, shard: &Shard, node: NodeId) -> Option<&'a str> {
        let refusals = &self.report_of(node)?.refusals;
        let tenant = self.tenant_of(cluster)?.number;
        let refusal = refusals
            .iter()
            .find(|refusal| refusal.stream == Some(shard.stream) || refusal.is_of_whole(tenant, &cluster.name));
        refusal.map(|refusal| refusal.reason.as_str())
    }

    /// How the log told of a shard's stream last, if that is not long ago: nothing is decided by what is.
    pub(crate) fn stream(&self, shard: &Shard) -> Option<&'a StreamSeen> {
        let seen = self.observed.streams.get(&shard.stream)?;
        was_seen(seen.at, self.now, OBSERVED_WITHIN).then_some(seen)
    }

    /// Whether the shard has an owner that answers.
    pub(crate) fn is_served(&self, shard: &Shard) -> bool {
        self.stream(shard).is_some_and(|seen| {
            let owner = seen.owned.map(|(_, owner)| owner.node);
            let says_so = owner.and_then(|node| self.seen(shard, node));
            let is_heard = seen.lease.is_some_and(|lease| seen.silent < lease.as_duration());
            let is_primary = |seen: &ReplicaSeen| seen.standing == tenure_control_model::Standing::Primary;
            !seen.released && is_heard && says_so.is_some_and(is_primary)
        })
    }

    /// An event about a cluster.
    pub(crate) fn event(&self, kind: &str, cluster: Option<&Cluster>, message: String) -> Event {
        Event {
            id: EventId::new(self.new_id()),
            at: self.now,
            kind: kind.to_owned(),
            message,
            tenant: cluster.map(|cluster| cluster.tenant),
            cluster: cluster.map(|cluster| cluster.id),
            shard: None,
            node: None,
        }
    }

    /// `demo/shop/0001`, for people.
    pub(crate) fn path_of(&self, shard: &Shard) -> String {
        let cluster = self.cluster(shard.cluster);
        let tenant = cluster.and_then(|cluster| self.tenant_of(cluster));
        let name = |name: Option<&tenure_control_model::Name>| name.map_or_else(|| "?".to_owned(), ToString::to_string);
        format!(
            "{}/{}/{}",
            name(tenant.map(|tenant| &tenant.name)),
            name(cluster.map(|cluster| &cluster.name)),
            shard.name
        )
    }
}

/// Nothing is decided by what the log told longer ago.
const OBSERVED_WITHIN: Duration = Duration::from_millis(1500);

/// How long ago it was.
pub(crate) fn since(at: WallTime, now: WallTime) -> Duration {
    Duration::from_millis(now.as_unix_millis().saturating_sub(at.as_unix_millis()))
}

/// A node's name among people.
pub(crate) fn node_name(node: NodeId) -> String {
    format!("data-{}", node.get())
}

/// A change of one shard's row, if it is still as it was read.
pub(crate) fn put_shard(shard: Shard) -> Write {
    let expect = Expect::Revision(shard.revision);
    Write::PutShard(shard, expect)
}

/// The same of a replica's.
pub(crate) fn put_replica(replica: Replica) -> Write {
    let expect = Expect::Revision(replica.revision);
    Write::PutReplica(replica, expect)
}

/// The same of a cluster's.
pub(crate) fn put_cluster(cluster: Cluster) -> Write {
    let expect = Expect::Revision(cluster.revision);
    Write::PutCluster(cluster, expect)
}

/// One row.
pub(crate) fn change(write: Write) -> Change {
    Change::default().with(write)
}
