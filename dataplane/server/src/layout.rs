//! The layout: which clusters there are, where their shards lie, who may use them. A file or a control plane says it.
//! Promises: plain data; whoever reads it from a file or a message checks it by [`Layout::check`].

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tenure_plugin_abi::Module;
use tenure_types::{Epoch, NodeId, StreamId, TenantId};

/// The most that `request_bytes_max` may be: what one request writes must fit one record of the log, behind what the turn
/// wrote before.
pub const REQUEST_BYTES_MAX: usize = 8 << 20;

/// Everything that a data node knows of the world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The clusters of which this node hosts something.
    pub clusters: Vec<ClusterLayout>,
}

/// One tenant's cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterLayout {
    /// Its name, unique within the tenant.
    pub name: String,
    /// Who owns it.
    pub tenant: TenantId,
    /// Seed of its keys' hashes. The same on all nodes, and told to no client.
    pub seed: u64,
    /// Who may use it. Without any, nobody may.
    pub users: Vec<User>,
    /// How much it may use.
    pub limits: ClusterLimits,
    /// How clients reach it; `None`: without TLS, for development only.
    pub tls: Option<ServerCertificate>,
    /// Its shards. Together they have every slot once.
    pub shards: Vec<ShardLayout>,
    /// The plugins that are attached to it.
    pub plugins: Vec<PluginLayout>,
}

/// A plugin that is attached to a cluster. Two are the same if their modules are, whoever compiled them.
#[derive(Debug, Clone)]
pub struct PluginLayout {
    /// Its name, unique within the tenant.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its module is known by.
    pub sha256: [u8; 32],
    /// The module. `None`: it is not to be had on this node yet, and its commands say so.
    pub module: Option<Arc<dyn Module>>,
}

impl PartialEq for PluginLayout {
    fn eq(&self, other: &Self) -> bool {
        let is = |layout: &Self| (layout.sha256, layout.module.is_some());
        is(self) == is(other) && self.name == other.name && self.version == other.version
    }
}

impl Eq for PluginLayout {}

/// What a cluster's ports show to clients, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// The certificate, with those between it and the authority.
    pub certificate_pem: String,
    /// Its key.
    pub key_pem: String,
}

impl fmt::Debug for ServerCertificate {
    /// The key is never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").finish_non_exhaustive()
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// As in `AUTH name password`; `default` is who `AUTH password` means.
    pub name: String,
    /// SHA-256 of the password; `None`: no password is asked for, and every connection starts as this user if it is
    /// `default`.
    pub password_sha256: Option<[u8; 32]>,
}

/// How much a cluster may use, on each of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterLimits {
    /// Memory of the keys of one shard. Default 256 MiB. Since 0.1.
    pub memory_bytes_max: usize,
    /// What happens when it is full. Default noeviction. Since 0.1.
    pub policy: tenure_engine::eviction::Policy,
    /// Connections to one replica. Default 10,000. Since 0.1.
    pub connections_max: usize,
    /// Bytes of one request. Default 8 MiB: with what is there before it, it must fit one record of the log. Since 0.1.
    pub request_bytes_max: usize,
    /// Bytes of replies that one connection leaves unread before it is closed. Default 64 MiB. Since 0.1.
    pub output_bytes_max: usize,
    /// Memory of all connections to one replica together: requests that are not whole, transactions that are queued, keys
    /// that are watched, replies that are unread. Past it the connection that keeps most is closed. Default 256 MiB. Since 0.1.
    pub clients_memory_bytes_max: usize,
}

impl Default for ClusterLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 256 << 20,
            policy: tenure_engine::eviction::Policy::NoEviction,
            connections_max: 10_000,
            request_bytes_max: REQUEST_BYTES_MAX,
            output_bytes_max: 64 << 20,
            clients_memory_bytes_max: 256 << 20,
        }
    }
}

/// One shard: some of the slots, one stream of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardLayout {
    /// Such as `0001`.
    pub name: String,
    /// Its stream.
    pub stream: StreamId,
    /// Its slots.
    pub slots: Vec<SlotRange>,
    /// Which node is its first choice: its primary if there is a choice. In the layout that clients are told, its primary.
    pub primary: NodeId,
    /// All nodes that host it, the primary's included.
    pub replicas: Vec<ReplicaLayout>,
    /// The owner of this very epoch gives it up in favour of the first choice. To be set once that one has caught up.
    /// `None`: nobody does.
    pub give_up: Option<Epoch>,
}

/// Slots from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// A shard on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaLayout {
    /// The node.
    pub node: NodeId,
    /// Where clients reach it, and where it listens.
    pub address: SocketAddr,
}

/// A layout that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// What such a request writes would not fit the log, and the shard could not go on.
    #[error("cluster {cluster}: requests of {bytes} bytes are allowed, at most {REQUEST_BYTES_MAX} fit the log")]
    RequestsTooLarge {
        /// The cluster.
        cluster: String,
        /// The bytes.
        bytes: usize,
    },
    /// A slot is nobody's.
    #[error("cluster {cluster}: slot {slot} is in no shard")]
    SlotMissing {
        /// The cluster.
        cluster: String,
        /// The slot.
        slot: u16,
    },
    /// A slot is in two shards.
    #[error("cluster {cluster}: slot {slot} is in two shards")]
    SlotTwice {
        /// The cluster.
        cluster: String,
        /// The slot.
        slot: u16,
    },
    /// A range that ends before it begins or past the last slot.
    #[error("cluster {cluster}: {first}-{last} is no range of slots")]
    BadRange {
        /// The cluster.
        cluster: String,
        /// Its beginning.
        first: u16,
        /// Its end.
        last: u16,
    },
    /// What is in a slot is in one stream, and nothing carries it to another.
    #[error(
        "cluster {cluster}: slot {slot} was in {from} and is to be in {to}, which this node knows already: its keys would be \
         left behind"
    )]
    SlotMoved {
        /// The cluster.
        cluster: String,
        /// The first slot of which this is so.
        slot: u16,
        /// Its stream before.
        from: StreamId,
        /// Its stream in the new layout.
        to: StreamId,
    },
    /// The primary is none of the replicas.
    #[error("cluster {cluster}, shard {shard}: its primary {primary} does not host it")]
    PrimaryElsewhere {
        /// The cluster.
        cluster: String,
        /// The shard.
        shard: String,
        /// The node.
        primary: NodeId,
    },
}

impl Layout {
    /// Whether every cluster makes sense.
    pub fn check(&self) -> Result<(), LayoutError> {
        self.clusters.iter().try_for_each(ClusterLayout::check)
    }
}

impl ClusterLayout {
    /// The shard of a slot.
    pub fn shard_of(&self, slot: u16) -> Option<&ShardLayout> {
        self.shards.iter().find(|shard| shard.has(slot))
    }

    /// Whether this may follow the layout `before`: no slot goes from one of its shards to another of them.
    pub(crate) fn check_after(&self, before: &Self) -> Result<(), LayoutError> {
        let known = |stream| before.shards.iter().any(|shard| shard.stream == stream);
        let moves = self.shards.iter().filter(|shard| known(shard.stream)).flat_map(|to| {
            let others = before.shards.iter().filter(|from| from.stream != to.stream);
            others.filter_map(move |from| Some((first_common(from, to)?, from.stream, to.stream)))
        });
        match moves.min() {
            Some((slot, from, to)) => Err(LayoutError::SlotMoved {
                cluster: self.name.clone(),
                slot,
                from,
                to,
            }),
            None => Ok(()),
        }
    }

    pub(crate) fn check(&self) -> Result<(), LayoutError> {
        if self.limits.request_bytes_max > REQUEST_BYTES_MAX {
            return Err(LayoutError::RequestsTooLarge {
                cluster: self.name.clone(),
                bytes: self.limits.request_bytes_max,
            });
        }
        let mut owned = vec![false; usize::from(tenure_engine::SLOTS)];
        for range in self.shards.iter().flat_map(|shard| &shard.slots) {
            let SlotRange { first, last } = *range;
            if first > last || last >= tenure_engine::SLOTS {
                let cluster = self.name.clone();
                return Err(LayoutError::BadRange { cluster, first, last });
            }
            for slot in first..=last {
                if std::mem::replace(&mut owned[usize::from(slot)], true) {
                    let cluster = self.name.clone();
                    return Err(LayoutError::SlotTwice { cluster, slot });
                }
            }
        }
        if let Some(slot) = (0..tenure_engine::SLOTS).find(|slot| !owned[usize::from(*slot)]) {
            let cluster = self.name.clone();
            return Err(LayoutError::SlotMissing { cluster, slot });
        }
        let homeless = self
            .shards
            .iter()
            .find(|shard| shard.address_on(shard.primary).is_none());
        match homeless {
            Some(shard) => Err(LayoutError::PrimaryElsewhere {
                cluster: self.name.clone(),
                shard: shard.name.clone(),
                primary: shard.primary,
            }),
            None => Ok(()),
        }
    }
}

impl ShardLayout {
    /// Whether a slot is one of its own.
    pub fn has(&self, slot: u16) -> bool {
        self.slots
            .iter()
            .any(|range| (range.first..=range.last).contains(&slot))
    }

    /// Where a node serves it.
    pub fn address_on(&self, node: NodeId) -> Option<SocketAddr> {
        let replica = self.replicas.iter().find(|replica| replica.node == node)?;
        Some(replica.address)
    }

    /// How many nodes go before this one when the shard is to have another owner: the first choice, and those that stand before
    /// it. The owner's own node goes last, if it comes back: what it died of, it may die of again.
    pub(crate) fn rank_of(&self, node: NodeId, owner: Option<NodeId>) -> u32 {
        let others = self.replicas.iter().map(|replica| replica.node);
        let others = others.filter(|other| *other != self.primary && Some(*other) != owner);
        let first_choice = Some(self.primary).filter(|primary| Some(*primary) != owner);
        let rank = first_choice
            .into_iter()
            .chain(others)
            .take_while(|other| *other != node)
            .count();
        u32::try_from(rank).unwrap_or(u32::MAX)
    }

    /// Where its primary serves it.
    pub fn primary_address(&self) -> Option<SocketAddr> {
        self.address_on(self.primary)
    }
}

/// The first slot that both have.
fn first_common(one: &ShardLayout, other: &ShardLayout) -> Option<u16> {
    let pairs = one
        .slots
        .iter()
        .flat_map(|one| other.slots.iter().map(move |other| (one, other)));
    let common = pairs.map(|(one, other)| (one.first.max(other.first), one.last.min(other.last)));
    common
        .filter(|(first, last)| first <= last)
        .map(|(first, _)| first)
        .min()
}

#[cfg(test)]
mod tests {
    use tenure_types::GroupId;

    use super::*;
    use crate::testing::{cluster, two_shards};

    #[test]
    fn the_first_choice_goes_first_then_the_others_as_they_stand_and_the_owner_before_all() {
        let replica = |node| ReplicaLayout {
            node: NodeId::new(node),
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
        };
        let shard = ShardLayout {
            primary: NodeId::new(2),
            replicas: [1, 2, 3, 4].map(replica).into(),
            ..cluster().shards.remove(0)
        };
        // Who owns the shard; the ranks of nodes 1 to 4.
        let cases = [
            (None, [1, 0, 2, 3]),
            (Some(2), [0, 3, 1, 2]),
            (Some(1), [3, 0, 1, 2]),
            (Some(3), [1, 0, 3, 2]),
            // It hosts nothing, as far as this layout knows.
            (Some(9), [1, 0, 2, 3]),
        ];
        for (owner, ranks) in cases {
            let rank = |node| shard.rank_of(NodeId::new(node), owner.map(NodeId::new));
            assert_eq!([1, 2, 3, 4].map(rank), ranks, "owned by {owner:?}");
        }
    }

    #[test]
    fn no_slot_goes_from_one_shard_to_another_that_is_known() {
        let before = two_shards();
        let [first, second] = [before.shards[0].stream, before.shards[1].stream];
        let new = StreamId::new(GroupId::new(1), 3);
        // Streams with their slots, and the slot that has moved.
        let cases = [
            (vec![(first, 0, 8_191), (second, 8_192, 16_383)], None),
            (vec![(second, 8_192, 16_383), (first, 0, 8_191)], None),
            (vec![(first, 0, 16_383)], Some((8_192, second, first))),
            (vec![(second, 0, 16_383)], Some((0, first, second))),
            (
                vec![(first, 0, 8_190), (second, 8_191, 16_383)],
                Some((8_191, first, second)),
            ),
            (
                vec![(first, 8_192, 16_383), (second, 0, 8_191)],
                Some((0, first, second)),
            ),
            // To one that nobody knows yet: what brings its keys there is its own affair.
            (vec![(first, 0, 8_191), (new, 8_192, 16_383)], None),
            (vec![(first, 0, 99), (new, 100, 8_191), (second, 8_192, 16_383)], None),
        ];
        for (shards, moved) in cases {
            let shard = |&(stream, first, last): &(StreamId, u16, u16)| ShardLayout {
                stream,
                slots: vec![SlotRange { first, last }],
                ..before.shards[0].clone()
            };
            let after = ClusterLayout {
                shards: shards.iter().map(shard).collect(),
                ..before.clone()
            };
            assert_eq!(after.check(), Ok(()), "{shards:?}");
            let cluster = before.name.clone();
            let expected = match moved {
                Some((slot, from, to)) => Err(LayoutError::SlotMoved {
                    cluster,
                    slot,
                    from,
                    to,
                }),
                None => Ok(()),
            };
            assert_eq!(after.check_after(&before), expected, "{shards:?}");
        }
    }

    #[test]
    fn requests_that_would_not_fit_the_log_are_no_sound_layout() {
        let layout = |request_bytes_max| {
            let mut cluster = cluster();
            cluster.limits.request_bytes_max = request_bytes_max;
            Layout {
                clusters: vec![cluster],
            }
        };
        assert_eq!(layout(REQUEST_BYTES_MAX).check(), Ok(()));
        assert_eq!(
            layout(REQUEST_BYTES_MAX + 1).check(),
            Err(LayoutError::RequestsTooLarge {
                cluster: "c".to_owned(),
                bytes: REQUEST_BYTES_MAX + 1,
            })
        );
    }
}
