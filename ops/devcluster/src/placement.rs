//! Where the shards of a cluster lie: a plan, made of numbers alone.
//! Promises: a plan of the same numbers is the same plan, so a cluster that is started again finds its shards where they
//! were. Primaries and replicas go round the nodes, so that each node has its share. Leaves to the control plane: load,
//! zones, and moving anything.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tenure_server::{ReplicaLayout, ShardLayout, SlotRange};
use tenure_types::{GroupId, NodeId, StreamId};

const SLOTS: u16 = tenure_engine::SLOTS;
/// DESIGN section 3.
const REPLICAS_MAX: u16 = 5;

/// How many shards, with how many replicas, on how many nodes. The nodes are those from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Shards of the cluster.
    pub shards: u16,
    /// Replicas of each shard beside its primary.
    pub replicas: u16,
    /// Data nodes.
    pub data_nodes: u16,
}

impl Placement {
    /// Whether there is a plan.
    pub fn check(&self) -> Result<()> {
        let Self {
            shards,
            replicas,
            data_nodes,
        } = *self;
        ensure!(data_nodes > 0, "a cluster needs a data node");
        ensure!(
            (1..=SLOTS).contains(&shards),
            "{shards} shards cannot share {SLOTS} slots"
        );
        ensure!(
            replicas <= REPLICAS_MAX,
            "a shard has at most {REPLICAS_MAX} replicas, not {replicas}"
        );
        ensure!(
            replicas < data_nodes,
            "a primary and {replicas} replicas need {} data nodes, and there are {data_nodes}",
            replicas + 1
        );
        Ok(())
    }

    /// The nodes of each shard, its primary first. Shards are counted from 0 here, and from 1 in their names.
    pub fn nodes_of(&self, shard: u16) -> impl Iterator<Item = NodeId> + use<> {
        let (shard, data_nodes) = (u64::from(shard), u64::from(self.data_nodes.max(1)));
        (0..=u64::from(self.replicas)).map(move |rank| NodeId::new((shard + rank) % data_nodes + 1))
    }

    /// One name for each port, in the order in which [`plan`](Self::plan) takes them: shard by shard, its primary first.
    pub fn ports(&self) -> Vec<String> {
        let ports = |shard| {
            let name = move |node: NodeId| format!("data-{} (shard {})", node.get(), shard_name(shard));
            self.nodes_of(shard).map(name)
        };
        (0..self.shards).flat_map(ports).collect()
    }

    /// The shards. Their streams are those of group 0 from `first_stream` on, their ports `addresses` in turn.
    pub fn plan(&self, first_stream: u32, addresses: &[SocketAddr]) -> Result<Vec<ShardLayout>> {
        self.check()?;
        let mut addresses = addresses.iter();
        let plan = |shard| {
            let stream = first_stream
                .checked_add(u32::from(shard))
                .context("there are no more streams")?;
            let replica = |node| {
                let address = *addresses.next().context("a replica has no port")?;
                Ok(ReplicaLayout { node, address })
            };
            let replicas = self.nodes_of(shard).map(replica).collect::<Result<Vec<_>>>()?;
            Ok(ShardLayout {
                name: shard_name(shard),
                stream: StreamId::new(GroupId::new(0), stream),
                slots: vec![self.slots(shard)],
                primary: replicas.first().context("a shard has a primary")?.node,
                replicas,
                give_up: None,
            })
        };
        (0..self.shards).map(plan).collect()
    }

    fn slots(&self, shard: u16) -> SlotRange {
        let bound = |shard: u16| {
            let bound = u32::from(shard) * u32::from(SLOTS) / u32::from(self.shards.max(1));
            u16::try_from(bound).unwrap_or(SLOTS)
        };
        SlotRange {
            first: bound(shard),
            last: bound(shard + 1).saturating_sub(1),
        }
    }
}

/// `0001` is the first.
fn shard_name(shard: u16) -> String {
    format!("{:04}", u32::from(shard) + 1)
}

#[cfg(test)]
mod tests {
    use tenure_server::{ClusterLayout, ClusterLimits, Layout};
    use tenure_types::TenantId;

    use super::*;

    fn placement(shards: u16, replicas: u16, data_nodes: u16) -> Placement {
        Placement {
            shards,
            replicas,
            data_nodes,
        }
    }

    fn planned(placement: Placement) -> Vec<ShardLayout> {
        let count = u16::try_from(placement.ports().len()).unwrap();
        let addresses: Vec<_> = (0..count)
            .map(|port| SocketAddr::from(([127, 0, 0, 1], 7501 + port)))
            .collect();
        placement.plan(1, &addresses).unwrap()
    }

    #[test]
    fn shards_and_their_replicas_go_round_the_nodes() {
        let shards = planned(placement(4, 1, 3));
        let seen: Vec<_> = shards
            .iter()
            .map(|shard| {
                let replicas = shard.replicas.iter();
                let replicas: Vec<_> = replicas.map(|one| (one.node.get(), one.address.port())).collect();
                (
                    shard.name.as_str(),
                    shard.stream.to_string(),
                    shard.primary.get(),
                    replicas,
                )
            })
            .collect();
        let expected = [
            ("0001", "stream-0-1".to_owned(), 1, vec![(1, 7501), (2, 7502)]),
            ("0002", "stream-0-2".to_owned(), 2, vec![(2, 7503), (3, 7504)]),
            ("0003", "stream-0-3".to_owned(), 3, vec![(3, 7505), (1, 7506)]),
            ("0004", "stream-0-4".to_owned(), 1, vec![(1, 7507), (2, 7508)]),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn every_plan_is_a_sound_layout_with_even_shares() {
        for shards in (1..40).chain([1000, SLOTS - 1, SLOTS]) {
            let shards = planned(placement(shards, 2, 3));
            let share = |shard: &ShardLayout| shard.slots[0].last - shard.slots[0].first;
            let (least, most) = (shards.iter().map(share).min(), shards.iter().map(share).max());
            assert!(most.unwrap() - least.unwrap() <= 1);
            let cluster = ClusterLayout {
                name: "demo".to_owned(),
                tenant: TenantId::new(1),
                seed: 0,
                users: Vec::new(),
                limits: ClusterLimits::default(),
                tls: None,
                shards,
                plugins: Vec::new(),
            };
            Layout {
                clusters: vec![cluster],
            }
            .check()
            .unwrap();
        }
    }

    #[test]
    fn what_cannot_be_placed_is_refused_with_the_reason() {
        let cases = [
            (placement(0, 1, 3), "0 shards cannot share 16384 slots"),
            (placement(16_385, 1, 3), "16385 shards cannot share 16384 slots"),
            (placement(1, 0, 0), "a cluster needs a data node"),
            (placement(1, 6, 9), "a shard has at most 5 replicas, not 6"),
            (
                placement(1, 3, 3),
                "a primary and 3 replicas need 4 data nodes, and there are 3",
            ),
        ];
        for (placement, reason) in cases {
            assert_eq!(placement.check().unwrap_err().to_string(), reason);
            assert!(placement.plan(1, &[]).is_err());
        }
        assert!(placement(1, 1, 3).plan(1, &[]).is_err(), "without ports");
    }
}
