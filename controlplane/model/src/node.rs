//! Data nodes: what they offer, and what they said last.

use core::net::IpAddr;

use tenure_types::{Epoch, Incarnation, Lsn, NodeId, StreamId, TenantId, WallTime};

use crate::{Attachment, Name, Revision};

/// A data node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number among data nodes.
    pub id: NodeId,
    /// Where it stands.
    pub zone: String,
    /// Where clients reach its ports.
    pub host: IpAddr,
    /// Which ports it may serve shards on, in the order in which they are taken.
    pub ports: Vec<PortRange>,
    /// Memory that its shards may be promised together.
    pub memory_bytes: u64,
    /// What operators want of it.
    pub policy: NodePolicy,
    /// Which start of its process this is.
    pub process: u64,
    /// Version of its program.
    pub version: String,
    /// When it was first seen.
    pub registered_at: WallTime,
    /// Its lease: when its session was last known to live, by the clock of a control plane.
    pub seen_at: WallTime,
    /// How often it was changed; `seen_at` does not count.
    pub revision: Revision,
}

/// What operators want of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodePolicy {
    /// It may be given shards.
    Active,
    /// It keeps what it has.
    Cordoned,
}

/// Ports from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// The newest word of a node, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReport {
    /// Who said it.
    pub node: NodeId,
    /// When it came.
    pub at: WallTime,
    /// The newest desired state that it has on its disk; 0 before the first.
    pub generation: u64,
    /// All that it hosts.
    pub replicas: Vec<ReplicaSeen>,
    /// What it could not do.
    pub refusals: Vec<Refusal>,
    /// The plugins that run on it, one for each cluster.
    pub plugins: Vec<PluginSeen>,
}

/// A replica as its node sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaSeen {
    /// Its stream.
    pub stream: StreamId,
    /// What it may do.
    pub standing: Standing,
    /// Which life of its image this is.
    pub incarnation: Incarnation,
    /// The newest epoch that it knows.
    pub epoch: Epoch,
    /// Up to where it holds the stream; `None`: nothing.
    pub lsn: Option<Lsn>,
    /// How many keys it has.
    pub keys: u64,
    /// Their memory.
    pub memory_bytes: u64,
    /// Its connections.
    pub clients: u64,
}

/// What a replica may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It replays the log, or waits out an earlier lease.
    Loading,
    /// It owns the shard and answers.
    Primary,
    /// It follows.
    Replica,
    /// It owns the shard, and the log does not answer it.
    Lapsed,
    /// Its stream does not fit its image.
    Broken,
}

/// What a node could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which shard's stream; `None`: it concerns a whole cluster.
    pub stream: Option<StreamId>,
    /// The number of the cluster's tenant: another's may have the same name. 0 if no cluster is named.
    pub tenant: TenantId,
    /// The cluster's name; empty: it concerns all that the node was told.
    pub cluster: String,
    /// Why.
    pub reason: String,
    /// Of which plugin of the cluster; `None`: of none.
    pub plugin: Option<String>,
}

impl Refusal {
    /// Whether it names this cluster of the tenant with this number.
    pub fn is_of(&self, tenant: TenantId, cluster: &Name) -> bool {
        self.tenant == tenant && self.cluster == cluster.as_str()
    }

    /// Whether it keeps all of this cluster from being hosted. What concerns a plugin keeps nothing from it.
    pub fn is_of_whole(&self, tenant: TenantId, cluster: &Name) -> bool {
        self.stream.is_none() && self.plugin.is_none() && self.is_of(tenant, cluster)
    }
}

/// A plugin as a node runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSeen {
    /// The tenant's number.
    pub tenant: TenantId,
    /// The cluster's name.
    pub cluster: String,
    /// The plugin's name.
    pub name: String,
    /// Which version of it: the hash of its module.
    pub sha256: [u8; 32],
    /// Why its commands answer an error for a while; `None`: it runs.
    pub quarantined: Option<String>,
}

/// How a plugin stands on a node that is to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginStanding<'a> {
    /// It runs.
    Runs,
    /// It is there, and its commands answer an error for a while: this is why.
    Quarantined(&'a str),
    /// The node could not load it: this is why. It tries again.
    Refused(&'a str),
    /// Nothing is said of it yet, or another version runs.
    NotYet,
}

impl NodeReport {
    /// How an attachment to a cluster of the tenant with this number stands, by what the node says.
    pub fn plugin(&self, tenant: TenantId, cluster: &Name, attachment: &Attachment) -> PluginStanding<'_> {
        let runs = self
            .plugins_of(tenant, cluster)
            .find(|seen| seen.name == attachment.name);
        if let Some(seen) = runs.filter(|seen| seen.sha256 == attachment.sha256) {
            return match &seen.quarantined {
                Some(reason) => PluginStanding::Quarantined(reason),
                None => PluginStanding::Runs,
            };
        }
        let is_of_it = |refusal: &&Refusal| {
            refusal.is_of(tenant, cluster) && refusal.plugin.as_deref() == Some(attachment.name.as_str())
        };
        match self.refusals.iter().find(is_of_it) {
            Some(refusal) => PluginStanding::Refused(&refusal.reason),
            None => PluginStanding::NotYet,
        }
    }

    /// The plugins of a cluster that run on the node.
    pub fn plugins_of(&self, tenant: TenantId, cluster: &Name) -> impl Iterator<Item = &PluginSeen> {
        let is_of_it = move |seen: &&PluginSeen| seen.tenant == tenant && seen.cluster == cluster.as_str();
        self.plugins.iter().filter(is_of_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClusterId, PluginId, PluginVersion};

    #[test]
    fn a_refusal_of_a_namesake_is_nobody_elses() {
        let refusal = |plugin: Option<&str>| Refusal {
            stream: None,
            tenant: TenantId::new(1),
            cluster: "shop".to_owned(),
            reason: "the module does not start".to_owned(),
            plugin: plugin.map(str::to_owned),
        };
        let report = NodeReport {
            node: NodeId::new(1),
            at: WallTime::from_unix_millis(0),
            generation: 1,
            replicas: Vec::new(),
            refusals: vec![refusal(None), refusal(Some("ratelimit"))],
            plugins: Vec::new(),
        };
        let attachment = Attachment {
            cluster: ClusterId::new(1),
            name: "ratelimit".to_owned(),
            plugin: PluginId::new(1),
            version: PluginVersion { numbers: [1, 0, 0] },
            sha256: [1; 32],
            bytes: 8,
            attached_at: WallTime::from_unix_millis(0),
            revision: Revision::FIRST,
        };
        let (shop, other): (Name, Name) = ("shop".parse().unwrap(), "other".parse().unwrap());
        let refused = PluginStanding::Refused("the module does not start");
        for (tenant, cluster, standing, is_of_whole) in [
            (1, &shop, refused, true),
            (2, &shop, PluginStanding::NotYet, false),
            (1, &other, PluginStanding::NotYet, false),
        ] {
            let tenant = TenantId::new(tenant);
            let case = format!("{tenant:?} {cluster}");
            assert_eq!(report.plugin(tenant, cluster, &attachment), standing, "{case}");
            assert_eq!(report.refusals[0].is_of_whole(tenant, cluster), is_of_whole, "{case}");
            assert!(!report.refusals[1].is_of_whole(tenant, cluster), "{case}");
        }
    }
}
